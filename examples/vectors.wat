;; SIMD: the dot product of two vectors of four floats, one above the other in memory.
;;   zwasm --invoke dot examples/vectors.wat
(module
  (memory 1)
  (data (i32.const 0) "\00\00\80\3f\00\00\00\40\00\00\40\40\00\00\80\40")  ;; 1 2 3 4
  (data (i32.const 16) "\00\00\a0\40\00\00\c0\40\00\00\e0\40\00\00\00\41") ;; 5 6 7 8
  (func (export "dot") (result f32)
    (local $p v128)
    (local.set $p (f32x4.mul (v128.load (i32.const 0)) (v128.load (i32.const 16))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $p)) (f32x4.extract_lane 1 (local.get $p)))
      (f32.add (f32x4.extract_lane 2 (local.get $p)) (f32x4.extract_lane 3 (local.get $p))))))
