;; A guest whose realloc returns an odd address within the memory. `take` must succeed, because strings
;; need no alignment; `take-list` must fail.
;;
;; `take: func(a: string) -> u32` returns the string's length in bytes,
;; `take-list: func(a: list<string>) -> u32` the sum of the lengths.
(component
  (core module $module
    (memory (export "memory") 1)
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (i32.const 1025))
    (func (export "take") (param $at i32) (param $length i32) (result i32)
      (local.get $length))
    (func (export "take-list") (param $at i32) (param $count i32) (result i32)
      (local $sum i32)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $count)))
          (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))
      (local.get $sum)))

  (core instance $guest (instantiate $module))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))

  (func (export "take") (param "a" string) (result u32)
    (canon lift (core func $guest "take") (memory $memory) (realloc $realloc)))
  (func (export "take-list") (param "a" (list string)) (result u32)
    (canon lift (core func $guest "take-list") (memory $memory) (realloc $realloc))))
