;; A resource whose destructor calls the host, and which the guest can store.
;;
;;   import dropped: func(number: u32);           called by the destructor
;;   export resource thing { constructor(number: u32); number: func() -> u32; }
;;   export keep: func(t: thing);                 stores it in place of the previous one
;;   export release: func();                      drops the stored one
;;   export call: func();                         calls `dropped(0)`, and nothing else
;;
;; The destructor of thing 666 traps; that of thing 777 never returns.
(component
  (import "dropped" (func $dropped (param "number" u32)))
  (core func $dropped_lowered (canon lower (func $dropped)))

  (core module $destructor_module
    (import "host" "dropped" (func $dropped (param i32)))
    (func (export "destroy") (param i32)
      (call $dropped (local.get 0))
      (if (i32.eq (local.get 0) (i32.const 666)) (then unreachable))
      (if (i32.eq (local.get 0) (i32.const 777)) (then (loop $again (br $again))))))
  (core instance $destructor (instantiate $destructor_module
    (with "host" (instance (export "dropped" (func $dropped_lowered))))))
  (alias core export $destructor "destroy" (core func $destroy))

  ;; A thing is represented by its number.
  (type $thing_type (resource (rep i32) (dtor (core func $destroy))))
  (core func $thing_new (canon resource.new $thing_type))
  (core func $thing_drop (canon resource.drop $thing_type))

  (core module $module
    (import "host" "dropped" (func $dropped (param i32)))
    (import "thing" "new" (func $new (param i32) (result i32)))
    (import "thing" "drop" (func $drop (param i32)))
    (global $kept (mut i32) (i32.const 0))
    (func (export "new") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "number") (param i32) (result i32) (local.get 0))
    (func $release (export "release")
      (if (global.get $kept) (then (call $drop (global.get $kept))))
      (global.set $kept (i32.const 0)))
    (func (export "keep") (param i32)
      (call $release)
      (global.set $kept (local.get 0)))
    (func (export "call") (call $dropped (i32.const 0))))
  (core instance $guest (instantiate $module
    (with "host" (instance (export "dropped" (func $dropped_lowered))))
    (with "thing" (instance
      (export "new" (func $thing_new))
      (export "drop" (func $thing_drop))))))

  (export $thing "thing" (type $thing_type))
  (func (export "[constructor]thing") (param "number" u32) (result (own $thing))
    (canon lift (core func $guest "new")))
  (func (export "[method]thing.number") (param "self" (borrow $thing)) (result u32)
    (canon lift (core func $guest "number")))
  (func (export "keep") (param "t" (own $thing))
    (canon lift (core func $guest "keep")))
  (func (export "release")
    (canon lift (core func $guest "release")))
  (func (export "call")
    (canon lift (core func $guest "call"))))
