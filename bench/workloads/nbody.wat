;; The planets: f64 arithmetic on structures in memory. Advances the system $steps times from the start; the energy at the end.
;;
;; A body is 7 doubles, 64 bytes apart: x y z (0, 8, 16), vx vy vz (24, 32, 40), mass (48). The first is the sun.
(module
  (memory 1)
  (func $body (param $at i32) (param f64 f64 f64 f64 f64 f64 f64)
    (f64.store offset=0 (local.get $at) (local.get 1))
    (f64.store offset=8 (local.get $at) (local.get 2))
    (f64.store offset=16 (local.get $at) (local.get 3))
    (f64.store offset=24 (local.get $at) (f64.mul (local.get 4) (f64.const 365.24)))
    (f64.store offset=32 (local.get $at) (f64.mul (local.get 5) (f64.const 365.24)))
    (f64.store offset=40 (local.get $at) (f64.mul (local.get 6) (f64.const 365.24)))
    ;; 4 pi^2 solar masses
    (f64.store offset=48 (local.get $at) (f64.mul (local.get 7) (f64.const 39.47841760435743))))
  (func $start
    (local $i i32) (local $px f64) (local $py f64) (local $pz f64)
    (call $body (i32.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 1))
    (call $body (i32.const 64)
      (f64.const 4.84143144246472090) (f64.const -1.16032004402742839) (f64.const -0.103622044471123109)
      (f64.const 0.00166007664274403694) (f64.const 0.00769901118419740425) (f64.const -0.0000690460016972063023)
      (f64.const 0.000954791938424326609))
    (call $body (i32.const 128)
      (f64.const 8.34336671824457987) (f64.const 4.12479856412430479) (f64.const -0.403523417114321381)
      (f64.const -0.00276742510726411315) (f64.const 0.00499852801234917238) (f64.const 0.0000230417297573763929)
      (f64.const 0.000285885980666130812))
    (call $body (i32.const 192)
      (f64.const 12.8943695621391310) (f64.const -15.1111514016986312) (f64.const -0.223307578892655734)
      (f64.const 0.00296460137564761618) (f64.const 0.00237847173959480950) (f64.const -0.0000296589568540237556)
      (f64.const 0.0000436624404335156298))
    (call $body (i32.const 256)
      (f64.const 15.3796971148509165) (f64.const -25.9193146099879641) (f64.const 0.179258772950371181)
      (f64.const 0.00268067772490389322) (f64.const 0.00162824170038242295) (f64.const -0.0000951592254519715870)
      (f64.const 0.0000515138902046611451))
    ;; The sun moves so that the momentum of the whole is zero.
    (loop $sum
      (local.set $px (f64.add (local.get $px) (f64.mul (f64.load offset=24 (local.get $i)) (f64.load offset=48 (local.get $i)))))
      (local.set $py (f64.add (local.get $py) (f64.mul (f64.load offset=32 (local.get $i)) (f64.load offset=48 (local.get $i)))))
      (local.set $pz (f64.add (local.get $pz) (f64.mul (f64.load offset=40 (local.get $i)) (f64.load offset=48 (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 64)))
      (br_if $sum (i32.lt_u (local.get $i) (i32.const 320))))
    (f64.store offset=24 (i32.const 0) (f64.div (f64.neg (local.get $px)) (f64.const 39.47841760435743)))
    (f64.store offset=32 (i32.const 0) (f64.div (f64.neg (local.get $py)) (f64.const 39.47841760435743)))
    (f64.store offset=40 (i32.const 0) (f64.div (f64.neg (local.get $pz)) (f64.const 39.47841760435743))))
  (func $advance (param $dt f64)
    (local $i i32) (local $j i32) (local $dx f64) (local $dy f64) (local $dz f64) (local $d2 f64) (local $mag f64) (local $m f64)
    (loop $outer
      (local.set $j (i32.add (local.get $i) (i32.const 64)))
      (block $none
        (br_if $none (i32.ge_u (local.get $j) (i32.const 320)))
        (loop $inner
          (local.set $dx (f64.sub (f64.load offset=0 (local.get $i)) (f64.load offset=0 (local.get $j))))
          (local.set $dy (f64.sub (f64.load offset=8 (local.get $i)) (f64.load offset=8 (local.get $j))))
          (local.set $dz (f64.sub (f64.load offset=16 (local.get $i)) (f64.load offset=16 (local.get $j))))
          (local.set $d2
            (f64.add
              (f64.add (f64.mul (local.get $dx) (local.get $dx)) (f64.mul (local.get $dy) (local.get $dy)))
              (f64.mul (local.get $dz) (local.get $dz))))
          (local.set $mag (f64.div (local.get $dt) (f64.mul (local.get $d2) (f64.sqrt (local.get $d2)))))
          (local.set $m (f64.mul (f64.load offset=48 (local.get $j)) (local.get $mag)))
          (f64.store offset=24 (local.get $i)
            (f64.sub (f64.load offset=24 (local.get $i)) (f64.mul (local.get $dx) (local.get $m))))
          (f64.store offset=32 (local.get $i)
            (f64.sub (f64.load offset=32 (local.get $i)) (f64.mul (local.get $dy) (local.get $m))))
          (f64.store offset=40 (local.get $i)
            (f64.sub (f64.load offset=40 (local.get $i)) (f64.mul (local.get $dz) (local.get $m))))
          (local.set $m (f64.mul (f64.load offset=48 (local.get $i)) (local.get $mag)))
          (f64.store offset=24 (local.get $j)
            (f64.add (f64.load offset=24 (local.get $j)) (f64.mul (local.get $dx) (local.get $m))))
          (f64.store offset=32 (local.get $j)
            (f64.add (f64.load offset=32 (local.get $j)) (f64.mul (local.get $dy) (local.get $m))))
          (f64.store offset=40 (local.get $j)
            (f64.add (f64.load offset=40 (local.get $j)) (f64.mul (local.get $dz) (local.get $m))))
          (local.set $j (i32.add (local.get $j) (i32.const 64)))
          (br_if $inner (i32.lt_u (local.get $j) (i32.const 320)))))
      (f64.store offset=0 (local.get $i)
        (f64.add (f64.load offset=0 (local.get $i)) (f64.mul (local.get $dt) (f64.load offset=24 (local.get $i)))))
      (f64.store offset=8 (local.get $i)
        (f64.add (f64.load offset=8 (local.get $i)) (f64.mul (local.get $dt) (f64.load offset=32 (local.get $i)))))
      (f64.store offset=16 (local.get $i)
        (f64.add (f64.load offset=16 (local.get $i)) (f64.mul (local.get $dt) (f64.load offset=40 (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 64)))
      (br_if $outer (i32.lt_u (local.get $i) (i32.const 320)))))
  (func $energy (result f64)
    (local $i i32) (local $j i32) (local $e f64) (local $dx f64) (local $dy f64) (local $dz f64)
    (loop $outer
      (local.set $e
        (f64.add (local.get $e)
          (f64.mul (f64.mul (f64.const 0.5) (f64.load offset=48 (local.get $i)))
            (f64.add
              (f64.add
                (f64.mul (f64.load offset=24 (local.get $i)) (f64.load offset=24 (local.get $i)))
                (f64.mul (f64.load offset=32 (local.get $i)) (f64.load offset=32 (local.get $i))))
              (f64.mul (f64.load offset=40 (local.get $i)) (f64.load offset=40 (local.get $i)))))))
      (local.set $j (i32.add (local.get $i) (i32.const 64)))
      (block $none
        (br_if $none (i32.ge_u (local.get $j) (i32.const 320)))
        (loop $inner
          (local.set $dx (f64.sub (f64.load offset=0 (local.get $i)) (f64.load offset=0 (local.get $j))))
          (local.set $dy (f64.sub (f64.load offset=8 (local.get $i)) (f64.load offset=8 (local.get $j))))
          (local.set $dz (f64.sub (f64.load offset=16 (local.get $i)) (f64.load offset=16 (local.get $j))))
          (local.set $e
            (f64.sub (local.get $e)
              (f64.div
                (f64.mul (f64.load offset=48 (local.get $i)) (f64.load offset=48 (local.get $j)))
                (f64.sqrt
                  (f64.add
                    (f64.add (f64.mul (local.get $dx) (local.get $dx)) (f64.mul (local.get $dy) (local.get $dy)))
                    (f64.mul (local.get $dz) (local.get $dz)))))))
          (local.set $j (i32.add (local.get $j) (i32.const 64)))
          (br_if $inner (i32.lt_u (local.get $j) (i32.const 320)))))
      (local.set $i (i32.add (local.get $i) (i32.const 64)))
      (br_if $outer (i32.lt_u (local.get $i) (i32.const 320))))
    (local.get $e))
  (func (export "run") (param $steps i32) (result f64)
    (call $start)
    (loop $again
      (call $advance (f64.const 0.01))
      (local.set $steps (i32.sub (local.get $steps) (i32.const 1)))
      (br_if $again (local.get $steps)))
    (call $energy)))
