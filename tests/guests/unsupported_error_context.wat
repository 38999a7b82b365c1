;; Like unsupported.wat, for `error-context`: the engine rejects the whole component unless that proposal
;; is enabled (it is off by default, even with the async ABI).
(component
  (core module $module
    (func (export "plain") (result i32) (i32.const 42))
    (func (export "handle") (param i32) (result i32) (local.get 0)))
  (core instance $guest (instantiate $module))
  (func (export "plain") (result u32)
    (canon lift (core func $guest "plain")))
  (func (export "echo-error-context") (param "a" error-context) (result error-context)
    (canon lift (core func $guest "handle"))))
