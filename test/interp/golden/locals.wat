;; local.get is free, results sink into locals, aliases are moved home before their local changes.
(module
  (func $sink (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.add (local.get 0) (local.get 1)))
    (local.get 2))
  (func $alias (param i32 i32) (result i32)
    (i32.sub (local.get 0) (local.tee 0 (local.get 1))))
  (func $swap (param i32 i64) (result i64 i32)
    (local.get 1) (local.get 0))
  (func $rotate (param i32 i32 i32) (result i32 i32 i32)
    (local.get 1) (local.get 2) (local.get 0))
  (func $constants (result i32 i64 f32 f64)
    (i32.const 1) (i64.const -2) (f32.const 3) (f64.const 4)))
