;; Memories and tables with their own maximum: limits must not count growth that fails. Each function
;; returns the previous size, or -1 if it could not grow.
;;
;;   grow-bounded: func(pages: u32) -> s32;   a memory of 1 page, at most 3
;;   grow-wide: func(pages: u64) -> s64;      a 64-bit memory of 1 page, without a maximum
;;   grow-table: func(count: u32) -> s32;     a table of 1 element, at most 10
(component
  (core module $bounded
    (memory 1 3)
    (table $table 1 10 funcref)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow-table") (param i32) (result i32)
      (table.grow $table (ref.null func) (local.get 0))))
  (core module $wide
    (memory i64 1)
    (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))
  (core instance $one (instantiate $bounded))
  (core instance $two (instantiate $wide))
  (func (export "grow-bounded") (param "pages" u32) (result s32)
    (canon lift (core func $one "grow")))
  (func (export "grow-wide") (param "pages" u64) (result s64)
    (canon lift (core func $two "grow")))
  (func (export "grow-table") (param "count" u32) (result s32)
    (canon lift (core func $one "grow-table"))))
