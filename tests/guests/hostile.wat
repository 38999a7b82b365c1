;; A guest that violates the canonical ABI and exhausts resources. Each of its results must lift to a
;; value or to a clear error, never to undefined behaviour. The comments at the exports state which.
(component
  (core module $module
    ;; One page, without a maximum.
    (memory (export "memory") 1)
    (table $table 1 funcref)
    (global $top (mut i32) (i32.const 4096))

    ;; At 64: invalid UTF-8. At 96: an overlong '/', and at 112 a surrogate in three bytes.
    (data (i32.const 64) "fine until here \ff\fe")
    (data (i32.const 96) "\c0\af")
    (data (i32.const 112) "\ed\a0\80")
    ;; At 120: 'é', of which a string of length 1 has only the first byte.
    (data (i32.const 120) "\c3\a9")
    ;; At 128: char 0xD800, char 0x110000.
    (data (i32.const 128) "A\00\00\00\00\d8\00\00")
    (data (i32.const 136) "A\00\00\00\00\00\11\00")
    ;; At 144: enum 0, 3. At 148: bool 0, 1, 2, 255. At 152: option<u8> some(9), then 7.
    (data (i32.const 144) "\00\03")
    (data (i32.const 148) "\00\01\02\ff")
    (data (i32.const 152) "\01\09\07\09")
    ;; At 160: flags of 3 labels, 0x05, 0xff.
    (data (i32.const 160) "\05\ff")

    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (call $allocate (local.get $align) (local.get $size)))

    (func $allocate (param $align i32) (param $size i32) (result i32)
      (local $at i32) (local $missing i32)
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $top) (local.get $align)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (if (i32.lt_u (global.get $top) (local.get $at)) (then unreachable))
      (local.set $missing
        (i32.sub
          (i32.add (i32.shr_u (global.get $top) (i32.const 16)) (i32.const 1))
          (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then
          (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
      (local.get $at))

    ;; Store pointer and length in the return area at 16.
    (func $pair (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16))

    ;; Strings and lists.
    (func (export "bad-utf8") (result i32) (call $pair (i32.const 64) (i32.const 18)))
    (func (export "bad-utf8-overlong") (result i32) (call $pair (i32.const 96) (i32.const 2)))
    (func (export "bad-utf8-surrogate") (result i32) (call $pair (i32.const 112) (i32.const 3)))
    (func (export "bad-utf8-cut") (result i32) (call $pair (i32.const 120) (i32.const 1)))
    (func (export "out-of-bounds") (result i32) (call $pair (i32.const 65530) (i32.const 100)))
    (func (export "far-out-of-bounds") (result i32) (call $pair (i32.const 0xfffffff0) (i32.const 16)))
    (func (export "huge-length") (result i32) (call $pair (i32.const 0) (i32.const 0xffffffff)))
    (func (export "empty-out-of-bounds") (result i32) (call $pair (i32.const 0xffffffff) (i32.const 0)))
    (func (export "misaligned") (result i32) (call $pair (i32.const 1025) (i32.const 2)))
    (func (export "overflow-u32") (result i32) (call $pair (i32.const 64) (i32.const 0x40000001)))
    (func (export "overflow-u64") (result i32) (call $pair (i32.const 64) (i32.const 0x20000000)))

    ;; The return area itself.
    (func (export "retptr-misaligned") (result i32) (i32.const 17))
    (func (export "retptr-out-of-bounds") (result i32) (i32.const 65532))
    (func (export "retptr-far-out-of-bounds") (result i32) (i32.const 0xfffffffc))

    ;; Scalars outside their type's range.
    (func (export "d800") (result i32) (i32.const 0xd800))
    (func (export "110000") (result i32) (i32.const 0x110000))
    (func (export "minus-one") (result i32) (i32.const -1))
    (func (export "two") (result i32) (i32.const 2))
    (func (export "three") (result i32) (i32.const 3))
    (func (export "seven") (result i32) (i32.const 7))
    (func (export "1ff") (result i32) (i32.const 0x1ff))
    (func (export "180") (result i32) (i32.const 0x180))
    (func (export "1ffff") (result i32) (i32.const 0x1ffff))
    (func (export "18000") (result i32) (i32.const 0x18000))
    (func (export "nan-payload") (result f64) (f64.const nan:0x4000000000123))
    (func (export "nan-payload-f32") (result f32) (f32.const nan:0x200123))

    ;; Scalars in memory.
    (func (export "char-list-d800") (result i32) (call $pair (i32.const 128) (i32.const 2)))
    (func (export "char-list-110000") (result i32) (call $pair (i32.const 136) (i32.const 2)))
    (func (export "enum-list") (result i32) (call $pair (i32.const 144) (i32.const 2)))
    (func (export "bool-list") (result i32) (call $pair (i32.const 148) (i32.const 4)))
    (func (export "option-list") (result i32) (call $pair (i32.const 152) (i32.const 2)))
    (func (export "flags-list") (result i32) (call $pair (i32.const 160) (i32.const 2)))
    (func (export "option-seven") (result i32) (call $pair (i32.const 7) (i32.const 9)))

    ;; Traps and endless loops.
    (func (export "trap") unreachable)
    (func $deep (export "deep") (param $n i64) (result i64)
      ;; Not a tail call: the addition follows the call.
      (i64.add (call $deep (i64.add (local.get $n) (i64.const 1))) (local.get $n)))
    (func (export "trap-deep") (drop (call $deep (i64.const 0))))
    (func (export "divide") (param i32) (result i32)
      (i32.div_u (i32.const 100) (local.get 0)))
    (func (export "loop-forever") (loop $again (br $again)))
    (func (export "hello") (result i32)
      (i32.store (i32.const 200) (i32.const 0x6c6c6568))
      (i32.store8 (i32.const 204) (i32.const 0x6f))
      (call $pair (i32.const 200) (i32.const 5)))
    (func (export "trap-after") (param i32) unreachable)
    (func (export "loop-after") (param i32) (loop $again (br $again)))
    (func (export "reset") (param i32) (global.set $top (i32.const 4096)))

    ;; Exhausting resources.
    (func (export "second") (param i32 i32) (result i32)
      (global.set $top (i32.const 4096))
      (local.get 1))
    (func (export "grow-memory") (param $pages i32) (result i32) (memory.grow (local.get $pages)))
    (func (export "grow-table") (param $n i32) (result i32)
      (table.grow $table (ref.null func) (local.get $n)))
    (func (export "alloc-bytes") (param $n i32) (result i32)
      (local $at i32)
      (local.set $at (call $allocate (i32.const 1) (local.get $n)))
      (memory.fill (local.get $at) (i32.const 0x61) (local.get $n))
      (call $pair (local.get $at) (local.get $n)))
    (func (export "alloc-strings") (param $n i32) (result i32)
      (local $text i32) (local $list i32) (local $i i32)
      (local.set $text (call $allocate (i32.const 1) (i32.const 65536)))
      (memory.fill (local.get $text) (i32.const 0x61) (i32.const 65536))
      (local.set $list (call $allocate (i32.const 4) (i32.mul (local.get $n) (i32.const 8))))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
          (i32.store
            (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 8)))
            (local.get $text))
          (i32.store offset=4
            (i32.add (local.get $list) (i32.mul (local.get $i) (i32.const 8)))
            (i32.const 65536))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next)))
      (call $pair (local.get $list) (local.get $n))))

  (core instance $guest (instantiate $module))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))
  (alias core export $guest "reset" (core func $reset))

  (type $colour_type (enum "red" "green" "blue"))
  (export $colour "colour" (type $colour_type))
  (type $rights_type (flags "read" "write" "run"))
  (export $rights "rights" (type $rights_type))

  ;; Errors: invalid UTF-8.
  (func (export "bad-utf8") (result string)
    (canon lift (core func $guest "bad-utf8") (memory $memory)))
  (func (export "bad-utf8-overlong") (result string)
    (canon lift (core func $guest "bad-utf8-overlong") (memory $memory)))
  (func (export "bad-utf8-surrogate") (result string)
    (canon lift (core func $guest "bad-utf8-surrogate") (memory $memory)))
  (func (export "bad-utf8-cut") (result string)
    (canon lift (core func $guest "bad-utf8-cut") (memory $memory)))
  ;; Errors: the end, the start or the length is out of bounds.
  (func (export "string-out-of-bounds") (result string)
    (canon lift (core func $guest "out-of-bounds") (memory $memory)))
  (func (export "string-far-out-of-bounds") (result string)
    (canon lift (core func $guest "far-out-of-bounds") (memory $memory)))
  (func (export "string-huge-length") (result string)
    (canon lift (core func $guest "huge-length") (memory $memory)))
  (func (export "list-out-of-bounds") (result (list u8))
    (canon lift (core func $guest "out-of-bounds") (memory $memory)))
  (func (export "list-huge-length") (result (list u8))
    (canon lift (core func $guest "huge-length") (memory $memory)))
  ;; Errors: the pointer of an empty string or list must be within the memory too.
  (func (export "string-empty-out-of-bounds") (result string)
    (canon lift (core func $guest "empty-out-of-bounds") (memory $memory)))
  (func (export "list-empty-out-of-bounds") (result (list u8))
    (canon lift (core func $guest "empty-out-of-bounds") (memory $memory)))
  ;; Errors: two u32 at 1025, and lists whose size in bytes is 2^32 or slightly more.
  (func (export "list-misaligned") (result (list u32))
    (canon lift (core func $guest "misaligned") (memory $memory)))
  (func (export "list-overflow") (result (list u32))
    (canon lift (core func $guest "overflow-u32") (memory $memory)))
  (func (export "list-overflow-u64") (result (list u64))
    (canon lift (core func $guest "overflow-u64") (memory $memory)))
  (func (export "list-overflow-strings") (result (list string))
    (canon lift (core func $guest "overflow-u64") (memory $memory)))
  ;; Errors: the pointer to the result is misaligned, crosses the memory's end, or is far out of bounds.
  (func (export "retptr-misaligned") (result string)
    (canon lift (core func $guest "retptr-misaligned") (memory $memory)))
  (func (export "retptr-out-of-bounds") (result string)
    (canon lift (core func $guest "retptr-out-of-bounds") (memory $memory)))
  (func (export "retptr-far-out-of-bounds") (result string)
    (canon lift (core func $guest "retptr-far-out-of-bounds") (memory $memory)))

  ;; Errors: not Unicode scalar values.
  (func (export "bad-char") (result char)
    (canon lift (core func $guest "d800")))
  (func (export "bad-char-high") (result char)
    (canon lift (core func $guest "110000")))
  (func (export "bad-char-negative") (result char)
    (canon lift (core func $guest "minus-one")))
  (func (export "bad-char-list") (result (list char))
    (canon lift (core func $guest "char-list-d800") (memory $memory)))
  (func (export "bad-char-list-high") (result (list char))
    (canon lift (core func $guest "char-list-110000") (memory $memory)))
  ;; Errors: case 3 of an enum of three, discriminant 7 of a result and of an option.
  (func (export "bad-enum") (result $colour)
    (canon lift (core func $guest "three")))
  (func (export "bad-enum-list") (result (list $colour))
    (canon lift (core func $guest "enum-list") (memory $memory)))
  (func (export "bad-result") (result (result))
    (canon lift (core func $guest "seven")))
  (func (export "bad-variant") (result (option u32))
    (canon lift (core func $guest "option-seven") (memory $memory)))
  (func (export "bad-variant-list") (result (list (option u8)))
    (canon lift (core func $guest "option-list") (memory $memory)))

  ;; Values: any bool other than 0 is true: true, [false, true, true, true].
  (func (export "bad-bool") (result bool)
    (canon lift (core func $guest "two")))
  (func (export "bad-bool-list") (result (list bool))
    (canon lift (core func $guest "bool-list") (memory $memory)))
  ;; Values: bits without a label are dropped: all three (0xffffffff), [read run, all three].
  (func (export "bad-flags") (result $rights)
    (canon lift (core func $guest "minus-one")))
  (func (export "bad-flags-list") (result (list $rights))
    (canon lift (core func $guest "flags-list") (memory $memory)))
  ;; Values: the bits above a small integer's width are dropped: 255 of 0x1ff, -128 of 0x180, 65535 of
  ;; 0x1ffff, -32768 of 0x18000.
  (func (export "wide-u8") (result u8)
    (canon lift (core func $guest "1ff")))
  (func (export "wide-s8") (result s8)
    (canon lift (core func $guest "180")))
  (func (export "wide-u16") (result u16)
    (canon lift (core func $guest "1ffff")))
  (func (export "wide-s16") (result s16)
    (canon lift (core func $guest "18000")))
  ;; Values: signalling NaNs with a payload, 0x7ff4000000000123 and 0x7fa00123. The specification allows
  ;; keeping the payload or making it canonical.
  (func (export "nan-payload") (result f64)
    (canon lift (core func $guest "nan-payload")))
  (func (export "nan-payload-f32") (result f32)
    (canon lift (core func $guest "nan-payload-f32")))

  ;; Traps: `unreachable`, stack exhaustion, division by zero (`divide(0)`), and one in post-return, after
  ;; the result "hello" was lifted.
  (func (export "trap")
    (canon lift (core func $guest "trap")))
  (func (export "trap-deep")
    (canon lift (core func $guest "trap-deep")))
  (func (export "divide") (param "by" u32) (result u32)
    (canon lift (core func $guest "divide")))
  (func (export "trap-in-post-return") (result string)
    (canon lift (core func $guest "hello") (memory $memory) (post-return (core func $guest "trap-after"))))
  ;; Endless, for tests of fuel, deadlines and interrupts.
  (func (export "loop-forever")
    (canon lift (core func $guest "loop-forever")))
  (func (export "loop-in-post-return") (result string)
    (canon lift (core func $guest "hello") (memory $memory) (post-return (core func $guest "loop-after"))))
  ;; For comparison: the same string without a fault.
  (func (export "hello") (result string)
    (canon lift (core func $guest "hello") (memory $memory)))

  ;; Return the previous size, or -1 if growth failed.
  (func (export "grow-memory") (param "pages" u32) (result s32)
    (canon lift (core func $guest "grow-memory")))
  (func (export "grow-table") (param "n" u32) (result s32)
    (canon lift (core func $guest "grow-table")))
  ;; Returns n bytes 'a'. Grows the memory for them, or traps if it cannot.
  (func (export "alloc-bytes") (param "n" u32) (result (list u8))
    (canon lift (core func $guest "alloc-bytes") (memory $memory) (post-return $reset)))
  ;; Returns n strings of 64 KiB that share their bytes: small in the guest, large for the host that copies them.
  (func (export "alloc-strings") (param "n" u32) (result (list string))
    (canon lift (core func $guest "alloc-strings") (memory $memory) (post-return $reset)))
  ;; Accepts any list, so that a call can pass more than the limit. Returns the number of bytes.
  (func (export "take-bytes") (param "a" (list u8)) (result u32)
    (canon lift (core func $guest "second") (memory $memory) (realloc $realloc))))
