;; The guest of the call benchmarks: no parameters, two scalars, and lists that are returned unchanged.
;;
;; Lists are in a bump arena that post-return resets. A call therefore costs a copy in, a copy out, and
;; almost nothing inside the guest. 64 pages (4 MiB) are many times larger than the largest case, and within
;; the default memory limit of the pooling allocator.
(component
  (core module $module
    (memory (export "memory") 64)
    ;; 0..1023 is reserved; the result area is at 16. The arena starts at 1024.
    (global $top (mut i32) (i32.const 1024))

    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      ;; at = (top + align - 1) & -align
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $top) (local.get $align)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (local.get $at))

    (func (export "reset") (param i32)
      (global.set $top (i32.const 1024)))

    (func (export "nop"))

    (func (export "add") (param $a i32) (param $b i32) (result i32)
      (i32.add (local.get $a) (local.get $b)))

    ;; Returns the pointer and the length of the argument, without a copy.
    (func (export "echo") (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16)))

  (core instance $guest (instantiate $module))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))
  (alias core export $guest "reset" (core func $reset))
  (alias core export $guest "echo" (core func $echo))

  (type $point_record (record (field "x" f64) (field "y" f64) (field "z" f64)))
  (export $point "point" (type $point_record))

  (func (export "nop")
    (canon lift (core func $guest "nop")))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $guest "add")))
  (func (export "echo-bytes") (param "a" (list u8)) (result (list u8))
    (canon lift (core func $echo) (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "echo-points") (param "a" (list $point)) (result (list $point))
    (canon lift (core func $echo) (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "echo-strings") (param "a" (list string)) (result (list string))
    (canon lift (core func $echo) (memory $memory) (realloc $realloc) (post-return $reset))))
