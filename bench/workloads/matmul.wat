;; c = a * b for $n by $n matrices of f64 (a at 0, b at 256 KiB, c at 512 KiB; $n at most 181). The trace of c.
(module
  (memory 12)
  (func $fill (param $at i32) (param $count i32) (param $step i32)
    (local $i i32)
    (loop $next
      (f64.store
        (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 3)))
        (f64.div
          (f64.convert_i32_s (i32.sub (i32.rem_u (i32.mul (local.get $i) (local.get $step)) (i32.const 101)) (i32.const 50)))
          (f64.const 64)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $count)))))
  (func (export "run") (param $n i32) (result f64)
    (local $i i32) (local $j i32) (local $k i32) (local $a i32) (local $b i32) (local $stride i32)
    (local $sum f64) (local $trace f64)
    (local.set $stride (i32.shl (local.get $n) (i32.const 3)))
    (call $fill (i32.const 0) (i32.mul (local.get $n) (local.get $n)) (i32.const 7))
    (call $fill (i32.const 262144) (i32.mul (local.get $n) (local.get $n)) (i32.const 13))
    (loop $rows
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $sum (f64.const 0))
        (local.set $a (i32.mul (local.get $i) (local.get $stride)))
        (local.set $b (i32.add (i32.const 262144) (i32.shl (local.get $j) (i32.const 3))))
        (local.set $k (local.get $n))
        (loop $dot
          (local.set $sum
            (f64.add (local.get $sum) (f64.mul (f64.load (local.get $a)) (f64.load (local.get $b)))))
          (local.set $a (i32.add (local.get $a) (i32.const 8)))
          (local.set $b (i32.add (local.get $b) (local.get $stride)))
          (local.set $k (i32.sub (local.get $k) (i32.const 1)))
          (br_if $dot (local.get $k)))
        (f64.store offset=524288
          (i32.add (i32.mul (local.get $i) (local.get $stride)) (i32.shl (local.get $j) (i32.const 3)))
          (local.get $sum))
        (if (i32.eq (local.get $i) (local.get $j))
          (then (local.set $trace (f64.add (local.get $trace) (local.get $sum)))))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $columns (i32.lt_u (local.get $j) (local.get $n))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $trace)))
