;; Loop tests are repeated at the branch back; counting loops end in one latch instruction.
(module (memory 1)
  (func $while (param $i i32) (param $n i32)
    (block $out
      (loop $next
        (br_if $out (i32.ge_u (local.get $i) (local.get $n)))
        (i32.store8 (local.get $i) (i32.const 0))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next))))
  (func $count (param $n i32)
    (loop $next
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func $index (param $p i32) (param $i i32) (result f64) (local $s f64)
    (loop $next
      (local.set $s (f64.add (local.get $s)
        (f64.mul (f64.load (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 3)))) (local.get $s))))
      (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))
    (local.get $s)))
