;; Arguments lie at the top of the caller's frame; handlers are stubs in front of their try.
(module
  (type $f (func (param i32 i32) (result i32)))
  (import "m" "f" (func $import (type $f)))
  (table 2 funcref)
  (tag $e (param i32))
  (func $add (type $f) (i32.add (local.get 0) (local.get 1)))
  (func $direct (param i32) (result i32)
    (i32.mul (local.get 0) (call $add (local.get 0) (i32.const 2))))
  (func $others (param i32) (result i32)
    (call_indirect (type $f) (call $import (i32.const 1) (local.get 0)) (i32.const 3) (local.get 0)))
  (func $tail (param i32) (result i32)
    (return_call $add (i32.const 5) (local.get 0)))
  (func $try (param i32) (result i32)
    (block $all
      (return (block $caught (result i32)
        (try_table (result i32) (catch $e $caught) (catch_all $all)
          (throw $e (local.get 0))))))
    (i32.const -1)))
