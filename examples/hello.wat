;; A string in memory, handed to a function of the host as address and length. See hello.mjs.
(module
  (import "host" "print" (func $print (param $at i32) (param $length i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "Hello, ")
  ;; Greets a name that the host has put at 64: both parts, one behind the other.
  (func (export "greet") (param $length i32)
    (memory.copy (i32.const 1024) (i32.const 16) (i32.const 7))
    (memory.copy (i32.const 1031) (i32.const 64) (local.get $length))
    (call $print (i32.const 1024) (i32.add (i32.const 7) (local.get $length)))))
