;; `thrice` of the exported interface `inline` calls `twice` of the imported interface `inline`.
(component
  (type $imported (instance
    (type $record (record (field "n" u32)))
    (export "local" (type $local (eq $record)))
    (export "twice" (func (param "l" $local) (result $local)))))
  (import "inline" (instance $imported (type $imported)))
  (core func $twice (canon lower (func $imported "twice")))
  (core module $module
    (import "inline" "twice" (func $twice (param i32) (result i32)))
    (func (export "thrice") (param i32) (result i32)
      (i32.add (local.get 0) (call $twice (local.get 0)))))
  (core instance $core (instantiate $module (with "inline" (instance (export "twice" (func $twice))))))
  (type $record (record (field "n" u32)))
  (func $thrice (param "l" $record) (result $record) (canon lift (core func $core "thrice")))
  (component $wrapper
    (type $record (record (field "n" u32)))
    (import "import-type-local" (type $inner (eq $record)))
    (import "thrice" (func $thrice (param "l" $inner) (result $inner)))
    (export $local "local" (type $record))
    (export "thrice" (func $thrice) (func (param "l" $local) (result $local))))
  (instance $exported (instantiate $wrapper
    (with "import-type-local" (type $record))
    (with "thrice" (func $thrice))))
  (export "inline" (instance $exported)))
