;; The Mandelbrot set on a $size by $size grid, f32, at most 50 iterations a point. The sum of all iteration counts.
(module
  (func (export "run") (param $size i32) (result i32)
    (local $px i32) (local $py i32) (local $n i32) (local $sum i32)
    (local $cr f32) (local $ci f32) (local $zr f32) (local $zi f32) (local $zr2 f32) (local $zi2 f32) (local $scale f32)
    (local.set $scale (f32.div (f32.const 3) (f32.convert_i32_s (local.get $size))))
    (loop $rows
      (local.set $ci (f32.sub (f32.mul (f32.convert_i32_s (local.get $py)) (local.get $scale)) (f32.const 1.5)))
      (local.set $px (i32.const 0))
      (loop $points
        (local.set $cr (f32.sub (f32.mul (f32.convert_i32_s (local.get $px)) (local.get $scale)) (f32.const 2)))
        (local.set $zr (f32.const 0))
        (local.set $zi (f32.const 0))
        (local.set $n (i32.const 0))
        (block $out
          (loop $iterate
            (local.set $zr2 (f32.mul (local.get $zr) (local.get $zr)))
            (local.set $zi2 (f32.mul (local.get $zi) (local.get $zi)))
            (br_if $out (f32.gt (f32.add (local.get $zr2) (local.get $zi2)) (f32.const 4)))
            (local.set $zi
              (f32.add (f32.mul (f32.mul (f32.const 2) (local.get $zr)) (local.get $zi)) (local.get $ci)))
            (local.set $zr (f32.add (f32.sub (local.get $zr2) (local.get $zi2)) (local.get $cr)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $iterate (i32.lt_u (local.get $n) (i32.const 50)))))
        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
        (local.set $px (i32.add (local.get $px) (i32.const 1)))
        (br_if $points (i32.lt_u (local.get $px) (local.get $size))))
      (local.set $py (i32.add (local.get $py) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $py) (local.get $size))))
    (local.get $sum)))
