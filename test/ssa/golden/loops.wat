(module
  (memory 1)
  (global $g (mut i32) (i32.const 0))
  ;; The sum of an array: one parameter per local that changes, the bound is none.
  (func (param $p i32) (param $n i32) (result i32) (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=8 (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 4)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $sum))
  ;; Euclid, with two results.
  (func (param $a i64) (param $b i64) (result i64 i64)
    (loop $again
      (if (i64.ne (local.get $b) (i64.const 0))
        (then
          local.get $b
          (i64.rem_u (local.get $a) (local.get $b))
          local.set $b
          local.set $a
          (br $again))))
    (local.get $a) (local.get $b)))
