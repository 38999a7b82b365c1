;; Forwards every call to the host: each function of `test:forward/guest@1.2.3` calls the function of
;; the same name in the imported `test:forward/host@1.2.3` and returns its result. A value passes from
;; the host to the guest to the host, and back the same way.
;;
;;   record point { x: f64, y: f64, z: f64 }
;;   variant shape { circle(f64), at(point), label(string), empty }
;;   scalar: func(a: u32) -> u32                      flat both ways
;;   text: func(a: string) -> string                  result in memory
;;   record: func(a: point) -> point                  three flat f64
;;   list: func(a: list<point>) -> list<point>
;;   variant: func(a: shape) -> shape                 flat: i32, i64, i64, f64 (joined slots)
;;   many: func(p0 … p16: u32) -> u64                 17 parameters: in memory
;;   nothing: func()
;;   maybe: func(a: option<string>) -> result<string, u32>
(component
  (import "test:forward/host@1.2.3" (instance $host
    (type $point_type (record (field "x" f64) (field "y" f64) (field "z" f64)))
    (export "point" (type $point (eq $point_type)))
    (type $shape_type (variant
      (case "circle" f64) (case "at" $point) (case "label" string) (case "empty")))
    (export "shape" (type $shape (eq $shape_type)))
    (export "scalar" (func (param "a" u32) (result u32)))
    (export "text" (func (param "a" string) (result string)))
    (export "record" (func (param "a" $point) (result $point)))
    (export "list" (func (param "a" (list $point)) (result (list $point))))
    (export "variant" (func (param "a" $shape) (result $shape)))
    (export "many" (func
      (param "p0" u32) (param "p1" u32) (param "p2" u32) (param "p3" u32) (param "p4" u32)
      (param "p5" u32) (param "p6" u32) (param "p7" u32) (param "p8" u32) (param "p9" u32)
      (param "p10" u32) (param "p11" u32) (param "p12" u32) (param "p13" u32) (param "p14" u32)
      (param "p15" u32) (param "p16" u32) (result u64)))
    (export "nothing" (func))
    (export "maybe" (func (param "a" (option string)) (result (result string (error u32)))))))

  (alias export $host "point" (type $point))
  (alias export $host "shape" (type $shape))

  ;; Memory and realloc are defined first, because lowering the imports needs them.
  (core module $storage_module
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
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
      (memory.copy (local.get $at) (local.get $old) (local.get $old_size))
      (local.get $at))
    (func (export "reset") (param i32)
      (global.set $top (i32.const 1024))))
  (core instance $storage (instantiate $storage_module))
  (alias core export $storage "memory" (core memory $memory))
  (alias core export $storage "realloc" (core func $realloc))
  (alias core export $storage "reset" (core func $reset))

  (core func $scalar_lowered (canon lower (func $host "scalar")))
  (core func $text_lowered (canon lower (func $host "text") (memory $memory) (realloc $realloc)))
  (core func $record_lowered (canon lower (func $host "record") (memory $memory)))
  (core func $list_lowered (canon lower (func $host "list") (memory $memory) (realloc $realloc)))
  (core func $variant_lowered (canon lower (func $host "variant") (memory $memory) (realloc $realloc)))
  (core func $many_lowered (canon lower (func $host "many") (memory $memory)))
  (core func $nothing_lowered (canon lower (func $host "nothing")))
  (core func $maybe_lowered (canon lower (func $host "maybe") (memory $memory) (realloc $realloc)))

  (core module $module
    (import "storage" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "host" "scalar" (func $scalar (param i32) (result i32)))
    (import "host" "text" (func $text (param i32 i32 i32)))
    (import "host" "record" (func $record (param f64 f64 f64 i32)))
    (import "host" "list" (func $list (param i32 i32 i32)))
    (import "host" "variant" (func $variant (param i32 i64 i64 f64 i32)))
    (import "host" "many" (func $many (param i32) (result i64)))
    (import "host" "nothing" (func $nothing))
    (import "host" "maybe" (func $maybe (param i32 i32 i32 i32)))

    ;; Allocate an area for a result, which the host writes and the caller reads.
    (func $area (param $size i32) (result i32)
      (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $size)))

    (func (export "scalar") (param i32) (result i32) (call $scalar (local.get 0)))
    (func (export "text") (param $at i32) (param $length i32) (result i32)
      (local $area i32)
      (local.set $area (call $area (i32.const 8)))
      (call $text (local.get $at) (local.get $length) (local.get $area))
      (local.get $area))
    (func (export "record") (param $x f64) (param $y f64) (param $z f64) (result i32)
      (local $area i32)
      (local.set $area (call $area (i32.const 24)))
      (call $record (local.get $x) (local.get $y) (local.get $z) (local.get $area))
      (local.get $area))
    (func (export "list") (param $at i32) (param $length i32) (result i32)
      (local $area i32)
      (local.set $area (call $area (i32.const 8)))
      (call $list (local.get $at) (local.get $length) (local.get $area))
      (local.get $area))
    (func (export "variant") (param $case i32) (param $a i64) (param $b i64) (param $c f64) (result i32)
      (local $area i32)
      (local.set $area (call $area (i32.const 32)))
      (call $variant (local.get $case) (local.get $a) (local.get $b) (local.get $c) (local.get $area))
      (local.get $area))
    (func (export "many") (param $at i32) (result i64) (call $many (local.get $at)))
    (func (export "nothing") (call $nothing))
    (func (export "maybe") (param $case i32) (param $at i32) (param $length i32) (result i32)
      (local $area i32)
      (local.set $area (call $area (i32.const 12)))
      (call $maybe (local.get $case) (local.get $at) (local.get $length) (local.get $area))
      (local.get $area)))

  (core instance $guest (instantiate $module
    (with "storage" (instance $storage))
    (with "host" (instance
      (export "scalar" (func $scalar_lowered))
      (export "text" (func $text_lowered))
      (export "record" (func $record_lowered))
      (export "list" (func $list_lowered))
      (export "variant" (func $variant_lowered))
      (export "many" (func $many_lowered))
      (export "nothing" (func $nothing_lowered))
      (export "maybe" (func $maybe_lowered))))))

  (func $scalar (param "a" u32) (result u32)
    (canon lift (core func $guest "scalar")))
  (func $text (param "a" string) (result string)
    (canon lift (core func $guest "text") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func $record (param "a" $point) (result $point)
    (canon lift (core func $guest "record") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func $list (param "a" (list $point)) (result (list $point))
    (canon lift (core func $guest "list") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func $variant (param "a" $shape) (result $shape)
    (canon lift (core func $guest "variant") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func $many
    (param "p0" u32) (param "p1" u32) (param "p2" u32) (param "p3" u32) (param "p4" u32)
    (param "p5" u32) (param "p6" u32) (param "p7" u32) (param "p8" u32) (param "p9" u32)
    (param "p10" u32) (param "p11" u32) (param "p12" u32) (param "p13" u32) (param "p14" u32)
    (param "p15" u32) (param "p16" u32) (result u64)
    (canon lift (core func $guest "many") (memory $memory) (realloc $realloc)))
  (func $nothing
    (canon lift (core func $guest "nothing")))
  (func $maybe (param "a" (option string)) (result (result string (error u32)))
    (canon lift (core func $guest "maybe") (memory $memory) (realloc $realloc) (post-return $reset)))

  (instance $exported
    (export "point" (type $point))
    (export "shape" (type $shape))
    (export "scalar" (func $scalar))
    (export "text" (func $text))
    (export "record" (func $record))
    (export "list" (func $list))
    (export "variant" (func $variant))
    (export "many" (func $many))
    (export "nothing" (func $nothing))
    (export "maybe" (func $maybe)))
  (export "test:forward/guest@1.2.3" (instance $exported)))
