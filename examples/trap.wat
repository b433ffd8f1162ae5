;; A trap, with its backtrace: the functions are named after the name section.
;;   zwasm --invoke average examples/trap.wat 10 0
(module $statistics
  (func $divide (param $sum i32) (param $count i32) (result i32)
    (i32.div_s (local.get $sum) (local.get $count)))
  (func $average (export "average") (param $sum i32) (param $count i32) (result i32)
    (call $divide (local.get $sum) (local.get $count))))
