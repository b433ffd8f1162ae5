;; Garbage-collected structures: a linked list of the numbers 1..n, reversed and summed.
;;   zwasm --invoke sum examples/list.wat 1000
;;   zwasm --invoke first_reversed examples/list.wat 1000
(module
  (rec (type $node (struct (field $value i32) (field $next (ref null $node)))))
  (func $build (param $n i32) (result (ref null $node))
    (local $list (ref null $node))
    (loop $more
      (if (local.get $n)
        (then
          (local.set $list (struct.new $node (local.get $n) (local.get $list)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $more))))
    (local.get $list))
  (func $reverse (param $list (ref null $node)) (param $done (ref null $node)) (result (ref null $node))
    (if (ref.is_null (local.get $list)) (then (return (local.get $done))))
    ;; A tail call: the stack does not grow with the list.
    (return_call $reverse
      (struct.get $node $next (local.get $list))
      (struct.new $node (struct.get $node $value (local.get $list)) (local.get $done))))
  (func (export "sum") (param $n i32) (result i64)
    (local $list (ref null $node)) (local $sum i64)
    (local.set $list (call $build (local.get $n)))
    (block $end
      (loop $next
        (local.set $sum
          (i64.add (local.get $sum)
            (i64.extend_i32_u (struct.get $node $value (br_on_null $end (local.get $list))))))
        (local.set $list (struct.get $node $next (local.get $list)))
        (br $next)))
    (local.get $sum))
  (func (export "first_reversed") (param $n i32) (result i32)
    (struct.get $node $value (call $reverse (call $build (local.get $n)) (ref.null $node)))))
