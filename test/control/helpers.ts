// Guests for the tests of limits.

import { Vm, WasmModule, type VmOptions } from '../../src/index.ts'

export const GUESTS = `(module
  (import "env" "wait" (func $wait (param i32) (result i32)))
  (import "env" "callback" (func $callback))
  (memory (export "memory") 1 32768)
  (table $t 1 100000000 externref)
  (type $node (struct (field (ref null $node)) (field i64 i64)))
  (type $bytes (array (mut i8)))
  (type $refs (array (mut (ref null $node))))
  (global $list (mut (ref null $node)) (ref.null $node))
  (tag $e)
  (func (export "spin") (loop $l (br $l)))
  (func (export "count") (param $n i32) (result i32) (local $i i32)
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
  (func $recurse (export "recurse") (call $recurse))
  (func $tail (export "tail") (return_call $tail))
  (func $even (param i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
    (else (return_call $odd (i32.sub (local.get 0) (i32.const 1))))))
  (func $odd (param i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
    (else (return_call $even (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "grow") (loop $l (drop (memory.grow (i32.const 1))) (br $l)))
  (func (export "growTable") (loop $l (drop (table.grow $t (ref.null extern) (i32.const 1000))) (br $l)))
  (func (export "fill") (drop (memory.grow (i32.const 16000)))
    (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536))) (br $l)))
  (func (export "copy") (drop (memory.grow (i32.const 16000)))
    (loop $l (memory.copy (i32.const 1) (i32.const 0) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))) (br $l)))
  (func (export "storm") (loop $l (drop (struct.new $node (ref.null $node) (i64.const 1) (i64.const 2))) (br $l)))
  (func (export "hoard") (loop $l
    (global.set $list (struct.new $node (global.get $list) (i64.const 1) (i64.const 2))) (br $l)))
  (func (export "arrays") (loop $l (drop (array.new_default $bytes (i32.const 50000000))) (br $l)))
  (func (export "bigArray") (result i32) (local $a (ref $refs))
    (local.set $a (array.new $refs (struct.new $node (ref.null $node) (i64.const 0) (i64.const 0)) (i32.const 30000000)))
    (loop $l (array.fill $refs (local.get $a) (i32.const 0) (ref.null $node) (i32.const 30000000)) (br $l))
    (unreachable))
  (func (export "catchAll") (loop $l (block $b (try_table (catch_all $b) (throw $e))) (br $l)))
  (func (export "reenter") (loop $l (call $callback) (br $l)))
  (func (export "parity") (param i32) (result i32) (return_call $even (local.get 0)))
  (func (export "twice") (param i32) (result i32)
    (i32.add (call $wait (local.get 0)) (i32.mul (i32.const 1000) (call $wait (i32.add (local.get 0) (i32.const 1))))))
  (func (export "guarded") (param i32) (result i32)
    (block $b (try_table (catch_all $b) (return (call $wait (local.get 0))))) (i32.const -1))
  (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 6) (call $wait (local.get 0)))))`

export interface Guest {
  readonly vm: Vm
  readonly module: WasmModule
}

/** The engine of guests: test/jit runs the same tests on machine code. */
export const ENGINE = process.env['ZWASM_TEST_ENGINE'] as 'jit' | 'interp' | undefined

export function guest(options: VmOptions, env: Record<string, unknown> = {}): Guest {
  const vm = new Vm({ ...(ENGINE === undefined ? {} : { engine: ENGINE }), ...options })
  const imports = { env: { wait: (x: number) => x, callback: () => {}, ...env } }
  return { vm, module: WasmModule.loadFromWat(GUESTS, { vm, imports: imports as never }) }
}
