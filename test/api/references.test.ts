// What the host of Node 20 cannot do: structs, arrays, i31, exceptions with exnref, JSTag.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly } from '../../src/index.ts'
import { load, type Namespace } from './oracle.ts'

const GC = `(module
  (type $pair (struct (field (mut i32)) (field (mut i32)))) (type $other (struct (field f64))) (type $bytes (array (mut i8)))
  (func (export "pair") (param i32 i32) (result (ref $pair)) (struct.new $pair (local.get 0) (local.get 1)))
  (func (export "other") (result (ref $other)) (struct.new $other (f64.const 1)))
  (func (export "bytes") (param i32) (result (ref $bytes)) (array.new_default $bytes (local.get 0)))
  (func (export "sum") (param (ref $pair)) (result i32) (i32.add (struct.get $pair 0 (local.get 0)) (struct.get $pair 1 (local.get 0))))
  (func (export "any") (param anyref) (result anyref) local.get 0)
  (func (export "eq") (param eqref) (result eqref) local.get 0)
  (func (export "i31") (param i31ref) (result i32) (i31.get_s (ref.cast (ref i31) (local.get 0))))
  (func (export "struct") (param structref)) (func (export "array") (param arrayref)) (func (export "none") (param nullref))
  (func (export "extern") (param externref) (result externref) local.get 0)
  (func (export "noextern") (param nullexternref))
  (func (export "internalize") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "externalize") (param anyref) (result externref) (extern.convert_any (local.get 0)))
  (func (export "isI31") (param externref) (result i32) (ref.test (ref i31) (any.convert_extern (local.get 0))))
  (table (export "t") 4 anyref) (global (export "g") (mut anyref) (ref.null any))
)`
const gc = (): any => load(createWebAssembly(), GC)

test('structs and arrays are opaque objects with identity', () => {
  const { pair, any, eq, sum, bytes } = gc()
  const p = pair(3, 4)
  assert.equal(sum(p), 7)
  assert.equal(any(p), p)
  assert.equal(eq(p), p)
  assert.notEqual(pair(3, 4), p)
  for (const object of [p, bytes(5)]) {
    assert.equal(typeof object, 'object')
    assert.equal(Object.getPrototypeOf(object), null)
    assert.equal(Object.isExtensible(object), false)
    assert.ok(Object.isFrozen(object))
    assert.deepEqual(Reflect.ownKeys(object), [])
    assert.equal(object.x, undefined)
    assert.equal('x' in object, false)
    assert.throws(() => (object.x = 1), TypeError)
    assert.throws(() => Reflect.set(object, 'x', 1), TypeError)
    assert.throws(() => delete object.x, TypeError)
    assert.equal(Reflect.setPrototypeOf(object, {}), false)
    assert.equal(Reflect.defineProperty(object, 'x', { value: 1 }), false)
    assert.equal(Reflect.preventExtensions(object), false)
    assert.throws(() => Object.freeze(object), TypeError)
  }
})

test('types of references are checked', () => {
  const e = gc()
  const p = e.pair(1, 2)
  const accepted: [string, unknown][] = [
    ['any', p], ['any', 1], ['any', 'text'], ['any', {}], ['any', null], ['eq', p], ['eq', 5], ['eq', null], ['struct', p], ['struct', null],
    ['array', e.bytes(1)], ['none', null], ['noextern', null], ['extern', undefined],
  ] // prettier-ignore
  for (const [name, value] of accepted) e[name](value)
  const refused: [string, unknown][] = [
    ['eq', 1.5], ['eq', 'x'], ['eq', undefined], ['eq', 2 ** 30], ['struct', e.bytes(1)], ['struct', 1], ['array', p], ['none', p], ['none', 1],
    ['noextern', 1], ['sum', null], ['sum', e.other()], ['sum', {}], ['i31', 'x'], ['i31', -(2 ** 30) - 1], ['i31', -0.5],
  ] // prettier-ignore
  for (const [name, value] of refused)
    assert.throws(
      () => e[name](value),
      { name: 'TypeError', message: 'type incompatibility when transforming from/to JS' },
      `${name} ${typeof value}`,
    )
})

test('small integers are i31, also behind externref', () => {
  const { i31, any, isI31, extern, externalize, internalize, pair } = gc()
  for (const n of [0, 1, -1, 2 ** 30 - 1, -(2 ** 30)]) {
    assert.equal(i31(n), n)
    assert.equal(any(n), n)
    assert.equal(isI31(n), 1)
  }
  for (const value of [2 ** 30, -0, 0.5, NaN, '1', 1n]) {
    assert.equal(isI31(value), 0)
    assert.ok(Object.is(extern(value), value))
    assert.ok(Object.is(any(value), value))
  }
  const p = pair(1, 2)
  assert.equal(externalize(p), p)
  assert.equal(internalize(p), p)
  const object = {}
  assert.equal(internalize(object), object)
})

test('tables and globals of references', () => {
  const { t, g, pair } = gc()
  const p = pair(1, 2)
  t.set(0, p)
  t.set(1, 7)
  t.set(2, 'text')
  g.value = p
  assert.deepEqual([t.get(0) === p, t.get(1), t.get(2), t.get(3), g.value === p], [true, 7, 'text', null, true])
})

test('objects of one namespace are foreign in another', () => {
  const a = gc()
  const b = gc()
  const p = a.pair(1, 2)
  assert.throws(() => b.sum(p), TypeError)
  // A plain host value there.
  assert.equal(b.extern(p), p)
})

test('wrappers keep their objects through collections', () => {
  const { pair, sum } = gc()
  const kept = Array.from({ length: 1000 }, (_, i) => pair(i, 1))
  for (let i = 0; i < 300_000; i++) pair(i, i)
  assert.ok(kept.every((p, i) => sum(p) === i + 1))
})

// ---- exceptions ---------------------------------------------------------------------------------------------------------------

const EH = `(module
  (import "m" "f" (func $f)) (import "m" "js" (tag $js (param externref)))
  (tag $t (export "t") (param i32 i64))
  (func (export "throw") (param i32 i64) (throw $t (local.get 0) (local.get 1)))
  (func (export "throwJs") (param externref) (throw $js (local.get 0)))
  (func (export "catch") (result i32 i64) (block $h (result i32 i64) (try_table (catch $t $h) (call $f)) (i32.const -1) (i64.const -1)))
  (func (export "catchJs") (result externref) (block $h (result externref) (try_table (catch $js $h) (call $f)) (ref.null noextern)))
  (func (export "catchAll") (result i32) (block $h (try_table (catch_all $h) (call $f)) (return (i32.const 0))) (i32.const 1))
  (func (export "rethrow") (block $h (result exnref) (try_table (catch_all_ref $h) (call $f)) (return)) (throw_ref))
  (func (export "exn") (param exnref))
)`
function eh(f: () => void): { W: Namespace; e: any } {
  const W: Namespace = createWebAssembly()
  return { W, e: load(W, EH, { m: { f, js: W.JSTag } }) }
}
function thrown(f: () => unknown): any {
  try {
    f()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

test('an uncaught Wasm exception is an Exception object', () => {
  const { W, e } = eh(() => {})
  const exception = thrown(() => e.throw(5, 6n))
  assert.ok(exception instanceof W.Exception)
  assert.ok(exception.is(e.t))
  assert.deepEqual([exception.getArg(e.t, 0), exception.getArg(e.t, 1)], [5, 6n])
})

test('host functions throw Wasm exceptions', () => {
  const { W, e } = eh(() => {
    throw exception
  })
  const exception: object = new W.Exception(e.t, [7, 8n])
  assert.deepEqual(e.catch(), [7, 8n])
  assert.equal(e.catchAll(), 1)
  assert.equal(
    thrown(() => e.rethrow()),
    exception,
  )
  assert.equal(
    thrown(() => e.catchJs()),
    exception,
  )
})

test('JavaScript exceptions go through Wasm and keep their identity', () => {
  for (const value of [new Error('x'), { a: 1 }, 'text', 5, 2 ** 40, null, undefined, Symbol()]) {
    const { e } = eh(() => {
      throw value
    })
    assert.ok(Object.is(e.catchJs(), value))
    assert.equal(e.catchAll(), 1)
    assert.ok(
      Object.is(
        thrown(() => e.rethrow()),
        value,
      ),
    )
    assert.ok(
      Object.is(
        thrown(() => e.catch()),
        value,
      ),
    )
    assert.ok(
      Object.is(
        thrown(() => e.throwJs(value)),
        value,
      ),
    )
  }
})

test('traps are not caught', () => {
  const { W, e } = eh(() => inner.f())
  const inner: any = load(W, '(module (func (export "f") unreachable))')
  const error = thrown(() => e.catchAll())
  assert.ok(error instanceof W.RuntimeError)
  assert.equal(error.message, 'unreachable')
})

test('exnref cannot cross', () => {
  const { e } = eh(() => {})
  assert.throws(() => e.exn(null), { name: 'TypeError', message: 'type incompatibility when transforming from/to JS' })
})

test('64-bit addresses, several memories', () => {
  const e = load(
    createWebAssembly(),
    `(module (memory (export "m") i64 1 4) (memory (export "n") 2)
    (func (export "load") (param i64) (result i32) (i32.load (local.get 0))) (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))`,
  )
  new Int32Array(e.m.buffer)[2] = 99
  assert.deepEqual([e.load(8n), e.grow(2n), e.m.buffer.byteLength, e.n.grow(1)], [99, 1n, 3 * 65536, 2])
  assert.throws(() => e.load(2n ** 40n), { message: 'memory access out of bounds' })
})
