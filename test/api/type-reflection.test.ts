// The type reflection proposal. V8's flag is off in every process that runs these tests, so what is expected is written from the
// proposal; it was compared with Node 26's `--experimental-wasm-type-reflection`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly, Vm, WebAssembly } from '../../src/index.ts'
import { load, type Namespace, wat } from './oracle.ts'

const W: Namespace = createWebAssembly({ typeReflection: true })

test('only namespaces that ask for it have it', () => {
  assert.ok(!('Function' in WebAssembly))
  for (const name of ['Memory', 'Table', 'Global', 'Tag'])
    assert.ok(!('type' in (WebAssembly as Namespace)[name].prototype), name)
  assert.deepEqual(WebAssembly.Module.exports(new WebAssembly.Module(wat('(module (func (export "f")))'))), [
    { name: 'f', kind: 'function' },
  ])
  assert.throws(() => new WebAssembly.Memory({ minimum: 1 } as never), /'initial' is required/)
  assert.ok('Function' in new Vm({ typeReflection: true }).WebAssembly)
  assert.throws(() => createWebAssembly({ typeReflection: 1 as never }), TypeError)
  assert.throws(() => createWebAssembly({ engine: 'host', typeReflection: true }), /no type reflection/)
})

for (const [what, make, type] of [
  ['memory', () => new W.Memory({ initial: 1 }), { minimum: 1, address: 'i32', shared: false }],
  [
    'shared memory',
    () => new W.Memory({ minimum: 1, maximum: 2, shared: true }),
    { minimum: 1, maximum: 2, address: 'i32', shared: true },
  ],
  [
    '64-bit memory',
    () => new W.Memory({ initial: 1n, maximum: 2n, address: 'i64' }),
    { minimum: 1n, maximum: 2n, address: 'i64', shared: false },
  ],
  ['table', () => new W.Table({ minimum: 3, element: 'anyfunc' }), { element: 'funcref', minimum: 3, address: 'i32' }],
  [
    '64-bit table',
    () => new W.Table({ initial: 0n, maximum: 5n, element: 'externref', address: 'i64' }),
    { element: 'externref', minimum: 0n, maximum: 5n, address: 'i64' },
  ],
  ['global', () => new W.Global({ value: 'i64', mutable: true }), { mutable: true, value: 'i64' }],
  ['reference global', () => new W.Global({ value: 'anyfunc' }, null), { mutable: false, value: 'funcref' }],
  ['tag', () => new W.Tag({ parameters: ['i32', 'externref'] }), { parameters: ['i32', 'externref'] }],
] as const)
  // prettier-ignore
  test(`type of a ${what}`, () => assert.deepEqual((make() as any).type(), type))

test('the minimum is the size at the moment', () => {
  const memory = new W.Memory({ initial: 1, maximum: 4 })
  memory.grow(2)
  assert.equal(memory.type().minimum, 3)
  const table = new W.Table({ initial: 1, element: 'anyfunc' })
  table.grow(4)
  assert.equal(table.type().minimum, 5)
})

test('minimum and initial exclude each other', () => {
  for (const make of [
    () => new W.Memory({ initial: 1, minimum: 1 }),
    () => new W.Table({ initial: 1, minimum: 1, element: 'anyfunc' }),
  ])
    assert.throws(make, { name: 'TypeError', message: /'initial' and 'minimum'/ })
  assert.throws(() => new W.Memory({ minimum: 70000 }), { name: 'RangeError', message: /'minimum': value 70000/ })
})

test('descriptors of imports and exports have types', () => {
  const module = new W.Module(
    wat(`(module
      (import "a" "f" (func (param i32 f32) (result f64))) (import "a" "m" (memory 1 2)) (import "a" "g" (global (mut i64)))
      (import "a" "t" (table 1 funcref)) (import "a" "e" (tag (param i32))) (type $s (func))
      (func (export "x") (param externref (ref null $s)) (result anyref) (ref.null any)))`),
  )
  assert.deepEqual(W.Module.imports(module), [
    { module: 'a', name: 'f', kind: 'function', type: { parameters: ['i32', 'f32'], results: ['f64'] } },
    { module: 'a', name: 'm', kind: 'memory', type: { minimum: 1, maximum: 2, address: 'i32', shared: false } },
    { module: 'a', name: 'g', kind: 'global', type: { mutable: true, value: 'i64' } },
    { module: 'a', name: 't', kind: 'table', type: { element: 'funcref', minimum: 1, address: 'i32' } },
    { module: 'a', name: 'e', kind: 'tag', type: { parameters: ['i32'] } },
  ])
  const [{ type }] = W.Module.exports(module)
  assert.deepEqual(type.results, ['anyref'])
  assert.equal(type.parameters[0], 'externref')
})

test('Function: interface', () => {
  assert.deepEqual([W.Function.name, W.Function.length], ['Function', 2])
  assert.equal(Object.getPrototypeOf(W.Function), Function)
  assert.equal(Object.getPrototypeOf(W.Function.prototype), Function.prototype)
  assert.throws(() => W.Function({ parameters: [], results: [] }, () => {}), TypeError)
})

test('Function: a JavaScript function with a type', () => {
  const f = new W.Function({ parameters: ['i32', 'i64'], results: ['f64'] }, function named(a: number, b: bigint) {
    return a + Number(b)
  })
  assert.deepEqual([f(1, 2n), f('4', 5n), f.name, f.length], [3, 9, 'named', 2])
  assert.deepEqual(f.type(), { parameters: ['i32', 'i64'], results: ['f64'] })
  assert.ok(f instanceof W.Function && f instanceof Function)
  assert.throws(() => f(1, 2), TypeError)
  assert.throws(() => W.Function.prototype.type.call(() => 1), TypeError)
})

test('exported functions are instances of it', () => {
  const { f } = load(W, '(module (func (export "f") (param i32) (result i32 i64) (local.get 0) (i64.const 1)))')
  assert.ok(f instanceof W.Function)
  assert.deepEqual(f.type(), { parameters: ['i32'], results: ['i32', 'i64'] })
  assert.deepEqual(f(3), [3, 1n])
})

test('Function goes into tables and through call_indirect, and fits imports of its type only', () => {
  const twice = new W.Function({ parameters: ['i32'], results: ['i32'] }, (x: number) => x * 2)
  const { table, call } = load(
    W,
    `(module (table (export "table") 2 funcref) (type $t (func (param i32) (result i32)))
      (func (export "call") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0))))`,
  )
  table.set(0, twice)
  assert.equal(call(0, 21), 42)
  assert.equal(table.get(0), twice)
  table.set(1, new W.Function({ parameters: [], results: [] }, () => {}))
  assert.throws(() => call(1, 1), W.RuntimeError)
  const importing = '(module (import "m" "f" (func (param i32) (result i32))) (export "f" (func 0)))'
  assert.equal(load(W, importing, { m: { f: twice } }).f, twice)
  const other = new W.Function({ parameters: ['f32'], results: ['i32'] }, () => 1)
  assert.throws(() => load(W, importing, { m: { f: other } }), W.LinkError)
})

for (const [type, message] of [
  [undefined, /Argument 0 must be a function type$/],
  [{}, /with 'parameters'/],
  [{ parameters: [] }, /with 'results'/],
  [{ parameters: 1, results: [] }, /with 'parameters'/],
  [{ parameters: ['i31'], results: [] }, /parameter type at index #0 must be a value type/],
  [{ parameters: [], results: ['i32', 'x'] }, /result type at index #1 must be a value type/],
] as const)
  test(`Function: type ${JSON.stringify(type)}`, () =>
    assert.throws(() => new W.Function(type, () => 1), { name: 'TypeError', message }))
test('Function: no callable', () => {
  for (const callee of [undefined, null, 1, {}])
    assert.throws(() => new W.Function({ parameters: [], results: [] }, callee), TypeError)
})
