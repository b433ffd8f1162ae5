;; zwasm --preload counter=examples/linking/counter.wat --invoke twice examples/linking/main.wat
(module
  (import "counter" "next" (func $next (result i32)))
  (import "counter" "count" (global $count (mut i32)))
  (func (export "twice") (result i32 i32 i32)
    (call $next)
    (call $next)
    (global.get $count)))
