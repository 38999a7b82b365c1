;; A guest with latin1+utf16 strings: Latin-1, or UTF-16 if the length's top bit is set.
;; `echo-string` and `echo-strings` return their arguments, including the tag. `latin1` returns
;; "café" in Latin-1, `utf16` U+1F600 in tagged UTF-16, `lone-surrogate` a tagged lone U+D800 (not a
;; string: lifting must fail), `misaligned` Latin-1 at an odd address (lifting must fail, because strings
;; of this encoding are aligned to 2). `tag() -> bool` returns whether the last argument of
;; `echo-string` was tagged as UTF-16.
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

    ;; At 64: caf\e9 in Latin-1. At 72: D83D DE00 (U+1F600). At 80: D800.
    (data (i32.const 64) "caf\e9")
    (data (i32.const 72) "\3d\d8\00\de")
    (data (i32.const 80) "\00\d8")
    (global $tag (mut i32) (i32.const 0))
    (func $result (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16))
    (func (export "echo-string") (param $at i32) (param $length i32) (result i32)
      (global.set $tag (i32.shr_u (local.get $length) (i32.const 31)))
      (call $result (local.get $at) (local.get $length)))
    (func (export "tag") (result i32) (global.get $tag))
    (func (export "latin1") (result i32) (call $result (i32.const 64) (i32.const 4)))
    (func (export "utf16") (result i32) (call $result (i32.const 72) (i32.const 0x80000002)))
    (func (export "lone-surrogate") (result i32) (call $result (i32.const 80) (i32.const 0x80000001)))
    (func (export "misaligned") (result i32) (call $result (i32.const 65) (i32.const 3))))

  (core instance $guest (instantiate $module))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))
  (alias core export $guest "reset" (core func $reset))

  (func (export "echo-string") (param "a" string) (result string)
    (canon lift (core func $guest "echo-string") string-encoding=latin1+utf16 (memory $memory) (realloc $realloc)
      (post-return $reset)))
  (func (export "echo-strings") (param "a" (list string)) (result (list string))
    (canon lift (core func $guest "echo") string-encoding=latin1+utf16 (memory $memory) (realloc $realloc)
      (post-return $reset)))
  (func (export "tag") (result bool)
    (canon lift (core func $guest "tag")))
  (func (export "latin1") (result string)
    (canon lift (core func $guest "latin1") string-encoding=latin1+utf16 (memory $memory)))
  (func (export "utf16") (result string)
    (canon lift (core func $guest "utf16") string-encoding=latin1+utf16 (memory $memory)))
  (func (export "lone-surrogate") (result string)
    (canon lift (core func $guest "lone-surrogate") string-encoding=latin1+utf16 (memory $memory)))
  (func (export "misaligned") (result string)
    (canon lift (core func $guest "misaligned") string-encoding=latin1+utf16 (memory $memory))))
