;; A guest with UTF-16 strings: `echo-string` and `echo-strings` return their arguments,
;; `lone-surrogate` a lone U+D800 (not a string: lifting must fail), `pair` a surrogate pair (U+1F600),
;; `misaligned` a string at an odd address, `out-of-bounds` one that ends beyond the memory, and `huge`
;; one whose length in bytes overflows 32 bits.
(component
  (core module $module
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))

    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32) (local $missing i32)
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $top) (local.get $align)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      ;; Trap beyond 4 GiB.
      (if (i32.lt_u (global.get $top) (local.get $at)) (then unreachable))
      (local.set $missing
        (i32.sub
          (i32.add (i32.shr_u (global.get $top) (i32.const 16)) (i32.const 1))
          (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then
          (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
      ;; Copy the old block's contents.
      (memory.copy (local.get $at) (local.get $old) (local.get $old_size))
      (local.get $at))

    (func (export "reset") (param i32)
      (global.set $top (i32.const 1024)))

    ;; Store pointer and length in the return area at 16.
    (func (export "echo") (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16))

    ;; At 64: D800. At 72: D83D DE00 (U+1F600).
    (data (i32.const 64) "\00\d8")
    (data (i32.const 72) "\3d\d8\00\de")
    (func $result (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16))
    (func (export "lone-surrogate") (result i32) (call $result (i32.const 64) (i32.const 1)))
    (func (export "pair") (result i32) (call $result (i32.const 72) (i32.const 2)))
    (func (export "misaligned") (result i32) (call $result (i32.const 73) (i32.const 1)))
    (func (export "out-of-bounds") (result i32) (call $result (i32.const 65534) (i32.const 2)))
    (func (export "huge") (result i32) (call $result (i32.const 0) (i32.const 0x80000001))))

  (core instance $guest (instantiate $module))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))
  (alias core export $guest "reset" (core func $reset))

  (func (export "echo-string") (param "a" string) (result string)
    (canon lift (core func $guest "echo") string-encoding=utf16 (memory $memory) (realloc $realloc)
      (post-return $reset)))
  (func (export "echo-strings") (param "a" (list string)) (result (list string))
    (canon lift (core func $guest "echo") string-encoding=utf16 (memory $memory) (realloc $realloc)
      (post-return $reset)))
  (func (export "lone-surrogate") (result string)
    (canon lift (core func $guest "lone-surrogate") string-encoding=utf16 (memory $memory)))
  (func (export "pair") (result string)
    (canon lift (core func $guest "pair") string-encoding=utf16 (memory $memory)))
  (func (export "misaligned") (result string)
    (canon lift (core func $guest "misaligned") string-encoding=utf16 (memory $memory)))
  (func (export "out-of-bounds") (result string)
    (canon lift (core func $guest "out-of-bounds") string-encoding=utf16 (memory $memory)))
  (func (export "huge") (result string)
    (canon lift (core func $guest "huge") string-encoding=utf16 (memory $memory))))
