;; The guest of the host function benchmarks. One call calls `tick` (a scalar in each direction) or `log` (a
;; 34-byte string) n times, so the time of a host call is the total time divided by n.
(component
  (import "tick" (func $tick (param "a" u32) (result u32)))
  (import "log" (func $log (param "line" string)))

  ;; The memory is in a separate instance, because lowering `log` needs it before the guest exists.
  (core module $memory_module
    (memory (export "memory") 1)
    (data (i32.const 64) "hello from the guest, a short line"))
  (core instance $storage (instantiate $memory_module))

  (core func $tick_lowered (canon lower (func $tick)))
  (core func $log_lowered (canon lower (func $log) (memory (core memory $storage "memory"))))

  (core module $module
    (import "host" "tick" (func $tick (param i32) (result i32)))
    (import "host" "log" (func $log (param i32 i32)))

    ;; Returns the sum of tick(n), tick(n - 1), …, tick(1).
    (func (export "run") (param $n i32) (result i32)
      (local $sum i32)
      (block $done
        (loop $again
          (br_if $done (i32.eqz (local.get $n)))
          (local.set $sum (i32.add (local.get $sum) (call $tick (local.get $n))))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again)))
      (local.get $sum))

    (func (export "runlog") (param $n i32)
      (block $done
        (loop $again
          (br_if $done (i32.eqz (local.get $n)))
          (call $log (i32.const 64) (i32.const 34))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again)))))

  (core instance $guest (instantiate $module
    (with "host" (instance
      (export "tick" (func $tick_lowered))
      (export "log" (func $log_lowered))))))

  (func (export "run") (param "n" u32) (result u32)
    (canon lift (core func $guest "run")))
  (func (export "runlog") (param "n" u32)
    (canon lift (core func $guest "runlog"))))
