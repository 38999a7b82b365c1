;; Functions with types that the value path does not support, and one function that it supports. Looking
;; up `plain` works; looking up any other fails with its name. Compiles only if the engine enables the
;; async ABI (`concurrency_support`); otherwise the whole component is rejected.
(component
  (core module $module
    (func (export "plain") (result i32) (i32.const 42))
    (func (export "handle") (param i32) (result i32) (local.get 0))
    (func (export "sink") (param i32))
    (func (export "start") (result i32) unreachable)
    (func (export "resume") (param i32 i32 i32) (result i32) unreachable))

  (core instance $guest (instantiate $module))
  (alias core export $guest "resume" (core func $resume))

  (func (export "plain") (result u32)
    (canon lift (core func $guest "plain")))
  (func (export "echo-stream") (param "a" (stream u8)) (result (stream u8))
    (canon lift (core func $guest "handle")))
  (func (export "take-stream") (param "a" (stream u8))
    (canon lift (core func $guest "sink")))
  (func (export "echo-future") (param "a" (future u32)) (result (future u32))
    (canon lift (core func $guest "handle")))
  (func (export "take-future") (param "a" (future u32))
    (canon lift (core func $guest "sink")))
  ;; An async function type, lifted with a callback.
  (func (export "wait") async (result u32)
    (canon lift (core func $guest "start") async (callback $resume))))
