(module
  (type $unary (func (param i32) (result i32)))
  (table 4 funcref)
  (func $self (param i32) (result i32)
    (return_call_indirect (type $unary) (i32.const 1) (local.get 0)))
  (func (param i32 i32) (result i32)
    (if (result i32) (i32.eqz (i32.lt_s (local.get 0) (local.get 1)))
      (then (call $self (local.get 0)))
      (else (call_indirect (type $unary) (local.get 1) (local.get 0)))))
  (func (param i32) (result i32)
    (block $default
      (block $two
        (block $one
          (br_table $one $two $default (local.get 0)))
        (return (i32.const 10)))
      (return (i32.const 20)))
    unreachable)
  (func (param i32) (result i32)
    (if (i32.const 0) (then (local.set 0 (i32.const 5))))
    (select (local.get 0) (i32.const 3) (i32.eqz (local.get 0)))))
