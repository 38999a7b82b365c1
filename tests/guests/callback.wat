;; A guest that calls its host through an import at the world's root and one in an interface, and that exports
;; functions with the same name in two interfaces.
;;
;;   import call: func(n: u32) -> u32;
;;   import test:callback/host@1.2.0 { note: func(number: u32); }
;;   export run: func(n: u32) -> u32;             returns the result of `call`
;;   export run-then-spin: func(n: u32);          calls `call`, then never ends
;;   export run-then-trap: func(n: u32);
;;   export note: func(number: u32);
;;   export add: func(a: u32, b: u32) -> u32;     does not call the host
;;   export test:callback/small@1.2.0 { double: func(a: u32) -> u32; half: func(a: u32) -> u32; }
;;   export test:callback/large@2.0.1 { double: func(a: u64) -> u64; }
(component
  (import "call" (func $call (param "n" u32) (result u32)))
  (import "test:callback/host@1.2.0" (instance $host
    (export "note" (func (param "number" u32)))))
  (core func $call_lowered (canon lower (func $call)))
  (core func $note_lowered (canon lower (func $host "note")))

  (core module $module
    (import "host" "call" (func $call (param i32) (result i32)))
    (import "host" "note" (func $note (param i32)))
    (func (export "run") (param i32) (result i32) (call $call (local.get 0)))
    (func (export "run-then-spin") (param i32)
      (drop (call $call (local.get 0)))
      (loop $again (br $again)))
    (func (export "run-then-trap") (param i32)
      (drop (call $call (local.get 0)))
      unreachable)
    (func (export "note") (param i32) (call $note (local.get 0)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "double") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
    (func (export "half") (param i32) (result i32) (i32.shr_u (local.get 0) (i32.const 1)))
    (func (export "double-large") (param i64) (result i64) (i64.shl (local.get 0) (i64.const 1))))
  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "call" (func $call_lowered))
      (export "note" (func $note_lowered))))))

  (func (export "run") (param "n" u32) (result u32) (canon lift (core func $guest "run")))
  (func (export "run-then-spin") (param "n" u32) (canon lift (core func $guest "run-then-spin")))
  (func (export "run-then-trap") (param "n" u32) (canon lift (core func $guest "run-then-trap")))
  (func (export "note") (param "number" u32) (canon lift (core func $guest "note")))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $guest "add")))

  (func $double (param "a" u32) (result u32) (canon lift (core func $guest "double")))
  (func $half (param "a" u32) (result u32) (canon lift (core func $guest "half")))
  (func $double_large (param "a" u64) (result u64) (canon lift (core func $guest "double-large")))
  (instance $small (export "double" (func $double)) (export "half" (func $half)))
  (instance $large (export "double" (func $double_large)))
  (export "test:callback/small@1.2.0" (instance $small))
  (export "test:callback/large@2.0.1" (instance $large)))
