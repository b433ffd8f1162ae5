;; Exceptions: a parser of decimal digits that throws, a caller that catches.
;;   zwasm --invoke parse examples/exceptions.wat 52     the byte of a digit ("4"): prints 4
;;   zwasm --invoke parse examples/exceptions.wat 120    "x": caught, prints -1
;;   zwasm --invoke digit examples/exceptions.wat 120    nobody catches it: an error, exit code 1
(module
  (tag $bad_digit (param i32))
  (func $digit (export "digit") (param $byte i32) (result i32)
    (if (i32.gt_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 9))
      (then (throw $bad_digit (local.get $byte))))
    (i32.sub (local.get $byte) (i32.const 48)))
  (func (export "parse") (param $byte i32) (result i32)
    (block $caught (result i32)
      (return (try_table (result i32) (catch $bad_digit $caught) (call $digit (local.get $byte)))))
    drop
    (i32.const -1)))
