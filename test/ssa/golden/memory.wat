(module
  (import "m" "f" (func $f (param i32)))
  (memory 1)
  (memory $big i64 1)
  (global $sp (mut i32) (i32.const 1024))
  ;; A frame on the shadow stack: one load of $sp, the second store is read back, checks of the same index merge.
  (func (param $x i32) (result i32) (local $frame i32)
    (global.set $sp (local.tee $frame (i32.sub (global.get $sp) (i32.const 16))))
    (i32.store offset=4 (local.get $frame) (local.get $x))
    (i32.store (local.get $frame) (i32.const 7))
    (i32.add (i32.load (local.get $frame)) (i32.load offset=4 (local.get $frame)))
    (global.set $sp (i32.add (global.get $sp) (i32.const 16))))
  ;; A call may change everything but the base.
  (func (param $p i32) (result i32)
    (i32.load (local.get $p))
    (call $f (local.get $p))
    (i32.add (i32.load (local.get $p))))
  ;; 64-bit addresses: no check of the size alone, the minimum says it.
  (func (param $p i64) (result i64)
    (i64.load $big offset=16 (local.get $p)))
  ;; Division by constants.
  (func (param $x i32) (result i32)
    (i32.add (i32.div_s (local.get $x) (i32.const 10)) (i32.rem_u (local.get $x) (i32.const 16)))))
