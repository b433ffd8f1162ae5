;; Takeuchi's function: recursion with three arguments, $rounds times.
(module
  (func $tak (param $x i32) (param $y i32) (param $z i32) (result i32)
    (if (i32.ge_s (local.get $y) (local.get $x)) (then (return (local.get $z))))
    (call $tak
      (call $tak (i32.sub (local.get $x) (i32.const 1)) (local.get $y) (local.get $z))
      (call $tak (i32.sub (local.get $y) (i32.const 1)) (local.get $z) (local.get $x))
      (call $tak (i32.sub (local.get $z) (i32.const 1)) (local.get $x) (local.get $y))))
  (func (export "run") (param $rounds i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum
        (i32.add (local.get $sum) (call $tak (i32.const 18) (i32.const 12) (i32.const 6))))
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $again (local.get $rounds)))
    (local.get $sum)))
