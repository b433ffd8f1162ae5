import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  CompileError,
  createWebAssembly,
  dumpRegisterIr,
  features,
  inspectImportFunctions,
  inspectModule,
  LinkError,
  nearestName,
  parseWat,
  printWat,
  RuntimeError,
  TextError,
  trapInfo,
  validate,
  version,
  Vm,
  WasmModule,
} from '../../src/index.ts'
import { wat } from './oracle.ts'

const ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))) (memory (export "memory") 1 3) (global (export "g") (mut i64) (i64.const 5)))' // prettier-ignore

test('load and invoke', () => {
  const module = WasmModule.load(wat(ADD))
  assert.equal(module.invoke('add', 2, 3), 5)
  assert.equal((module.getExport('g') as any).value, 5n)
  assert.equal(module.getExport('nothing'), undefined)
  assert.equal(module.getExport('toString'), undefined)
  assert.deepEqual(
    module.exportTypes.map((e) => [e.name, e.kind]),
    [['add', 'function'], ['memory', 'memory'], ['g', 'global']], // prettier-ignore
  )
})

test('invoke checks name and arity', () => {
  const module = WasmModule.loadFromWat(ADD)
  assert.throws(() => module.invoke('sub', 1, 2), { name: 'TypeError', message: "no export named 'sub'" })
  assert.throws(() => module.invoke('g'), { name: 'TypeError', message: "export 'g' is a global, not a function" })
  assert.throws(() => module.invoke('add', 1), { name: 'TypeError', message: 'add(i32, i32) takes 2 arguments, got 1' })
})

test('invoke carries v128 as bigint', () => {
  const module = WasmModule.loadFromWat(
    '(module (func (export "id") (param i32 v128) (result v128 i32) local.get 1 local.get 0) (func (export "sum") (param v128 v128) (result v128) (i32x4.add (local.get 0) (local.get 1))))',
  )
  const big = 0xfedc_ba98_7654_3210_0123_4567_89ab_cdefn
  assert.deepEqual(module.invoke('id', 7, big), [big, 7])
  assert.equal(module.invoke('sum', 1n + (2n << 96n), 5n + (3n << 96n)), 6n + (5n << 96n))
  assert.throws(() => module.invoke('id', 7, 5), TypeError)
})

test('imports', () => {
  const seen: number[] = []
  const source = '(module (import "env" "log" (func $log (param i32))) (func (export "f") (call $log (i32.const 3))))'
  WasmModule.loadWithImports(wat(source), { env: { log: (x: number) => seen.push(x) } }).invoke('f')
  WasmModule.loadFromWat(source, { imports: { env: { log: (x: number) => seen.push(x) } } }).invoke('f')
  assert.deepEqual(seen, [3, 3])
  assert.throws(() => WasmModule.loadWithImports(wat(source), { env: {} }), LinkError)
  assert.throws(() => WasmModule.load(wat(source)), TypeError)
})

test('modules of one Vm share objects, those of two do not', () => {
  const vm = new Vm()
  const first = WasmModule.loadFromWat('(module (memory (export "m") 1))', { vm })
  const source = '(module (import "a" "m" (memory 1)) (func (export "f") (result i32) (i32.load8_u (i32.const 0))))'
  const second = WasmModule.loadFromWat(source, { vm, imports: { a: first.exports } })
  first.memoryWrite(0, new Uint8Array([42]))
  assert.equal(second.invoke('f'), 42)
  assert.throws(() => WasmModule.loadFromWat(source, { vm: new Vm(), imports: { a: first.exports } }), LinkError)
})

test('memory helpers', () => {
  const module = WasmModule.load(wat(ADD))
  assert.equal(module.writeString(10, 'héllo €\0rest'), 15)
  assert.equal(module.readString(10, 10), 'héllo €')
  assert.equal(module.readCString(10), 'héllo €')
  const copy = module.memoryRead(10, 2)
  copy[0] = 0
  assert.equal(module.memoryRead(10, 1)[0], 'h'.charCodeAt(0))
  for (const [offset, length] of [
    [65536, 1],
    [-1, 1],
    [0, 65537],
    [1.5, 1],
    [0, NaN],
    [65530, 7],
    [2 ** 53, 2 ** 53],
  ])
    // prettier-ignore
    assert.throws(() => module.memoryRead(offset, length), RangeError, `${offset} ${length}`)
  assert.throws(() => module.memoryWrite(65535, new Uint8Array(2)), RangeError)
  assert.equal(module.memoryRead(65535, 1)[0], 0)
  assert.throws(() => (module.memoryWrite(65535, new Uint8Array([1])), module.readCString(65535)), RangeError)
  module.memory!.grow(1)
  assert.equal(module.memoryRead(65536, 1)[0], 0)
  assert.throws(() => WasmModule.loadFromWat('(module)').memoryRead(0, 1), TypeError)
})

test('typed errors', () => {
  assert.throws(() => WasmModule.load(new Uint8Array([1, 2, 3])), CompileError)
  assert.throws(() => WasmModule.loadFromWat('(module (func (i32.nonsense)))'), TextError)
  const divide = WasmModule.loadFromWat(
    '(module $app (func $div (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))',
  )
  assert.throws(
    () => divide.invoke('div', 1, 0),
    (error) => {
      assert.ok(error instanceof RuntimeError)
      const info = trapInfo(error)!
      assert.equal(info.text, 'integer divide by zero')
      assert.deepEqual(
        info.frames.map((f) => [f.moduleName, f.functionName, f.functionIndex]),
        [['app', 'div', 0]],
      )
      return true
    },
  )
  assert.equal(trapInfo(new RuntimeError('made up')), undefined)
})

// ---- options ---------------------------------------------------------------------------------------------------------------------

const REFUSED: readonly (readonly [unknown, string, string | RegExp])[] = [
  [{ limit: {} }, 'TypeError', "unknown option 'limit'; did you mean 'limits'?"],
  [
    { xyzzy: 1 },
    'TypeError',
    // A Vm has a few more.
    /^unknown option 'xyzzy'; known: engine, limits, features, fuel, timeout, signal, typeReflection, coredump, trace(, profile, coverage)?$/,
  ],
  [{ engine: 'v8' }, 'TypeError', "unknown engine 'v8'; available: auto, jit, interp, host"],
  [{ limits: { memry: 1 } }, 'TypeError', "unknown limit 'memry'; did you mean 'memory'?"],
  [{ limits: { memory: '1' } }, 'TypeError', "limit 'memory' must be a number"],
  [{ limits: { memory: -1 } }, 'RangeError', /^limit 'memory' must be an integer/],
  [{ limits: { stack: 2 ** 30 } }, 'RangeError', /^limit 'stack' must be an integer from 0 to 8388608/],
  [{ limits: 5 }, 'TypeError', 'limits must be an object'],
  [{ features: { gcc: true } }, 'TypeError', "unknown feature 'gcc'; did you mean 'gc'?"],
  [{ features: { gc: 1 } }, 'TypeError', "feature 'gc' must be true or false"],
  [{ engine: 'host', limits: { memory: 1 } }, 'TypeError', "the engine 'host' has no limits; use 'interp'"],
  [{ engine: 'host', features: {} }, 'TypeError', "the engine 'host' has no feature switches; use 'interp'"],
  [null, 'TypeError', 'options must be an object'],
]
for (const [options, name, message] of REFUSED)
  test(`options ${JSON.stringify(options)}`, () => {
    assert.throws(() => new Vm(options as never), { name, message })
    assert.throws(() => createWebAssembly(options as never), { name, message })
  })

test('limit memory', () => {
  const vm = new Vm({ limits: { memory: 2 * 65536 } })
  const module = WasmModule.loadFromWat(
    '(module (memory (export "m") 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))',
    { vm },
  )
  assert.deepEqual([module.invoke('grow', 1), module.invoke('grow', 1)], [1, -1])
  assert.throws(() => module.memory!.grow(1), RangeError)
  assert.throws(() => WasmModule.loadFromWat('(module (memory 3))', { vm }), RangeError)
  assert.throws(() => new vm.WebAssembly.Memory({ initial: 3 }), RangeError)
})
test('limit table', () => {
  const vm = new Vm({ limits: { table: 5 } })
  const module = WasmModule.loadFromWat(
    '(module (table 5 funcref) (func (export "grow") (result i32) (table.grow (ref.null func) (i32.const 1))))',
    { vm },
  )
  assert.equal(module.invoke('grow'), -1)
  assert.throws(() => WasmModule.loadFromWat('(module (table 6 funcref))', { vm }), RangeError)
})
test('limit gcHeap', () => {
  const vm = new Vm({ limits: { gcHeap: 1 << 20 } })
  const source =
    '(module (type $a (array i64)) (func (export "make") (param i32) (drop (array.new_default $a (local.get 0)))))'
  const module = WasmModule.loadFromWat(source, { vm })
  module.invoke('make', 1000)
  assert.throws(() => module.invoke('make', 1_000_000), RuntimeError)
})
test('limit instances', () => {
  const vm = new Vm({ limits: { instances: 2 } })
  const kept = [1, 2].map(() => WasmModule.loadFromWat('(module)', { vm }))
  assert.throws(() => WasmModule.loadFromWat('(module)', { vm }), {
    name: 'LimitExceededError',
    message: /too many instances: the limit is 2/,
  })
  assert.equal(kept.length, 2)
})
test('limit stack', () => {
  const depth = (stack: number): number => {
    let calls = 0
    const source =
      '(module (import "m" "f" (func $f)) (func $r (export "r") (local i64 i64 i64 i64 i64 i64 i64 i64) (call $f) (call $r)))'
    const module = WasmModule.loadFromWat(source, {
      vm: new Vm({ limits: { stack } }),
      imports: { m: { f: () => void calls++ } },
    })
    assert.throws(() => module.invoke('r'), { name: 'LimitExceededError', message: 'Maximum call stack size exceeded' })
    return calls
  }
  assert.ok(depth(64 << 10) * 2 < depth(512 << 10))
})
test('features can be switched off', () => {
  const vm = new Vm({ features: { simd: false } })
  assert.throws(() => WasmModule.loadFromWat('(module (func (drop (v128.const i64x2 0 0))))', { vm }), CompileError)
  assert.throws(() => validate(wat('(module (func (drop (v128.const i64x2 0 0))))'), { simd: false }), CompileError)
  validate(wat('(module (func (drop (v128.const i64x2 0 0))))'))
})
test("the host's engine behind the same interface", () => {
  const vm = new Vm({ engine: 'host' })
  const module = WasmModule.load(wat(ADD), { vm })
  assert.equal(vm.engine, 'host')
  assert.equal(module.invoke('add', 2, 3), 5)
  assert.equal(module.memory!.buffer.byteLength, 65536)
  assert.equal(module.exportTypes.length, 3)
  assert.throws(() => module.invoke('add', 1), TypeError)
})

// ---- the rest of the package -------------------------------------------------------------------------------------------------------

test('inspectImportFunctions', () => {
  const bytes = wat(
    '(module (type $s (struct)) (import "a" "f" (func (param i32 v128) (result i64 (ref null $s)))) (import "a" "m" (memory 1)) (import "b" "" (func)))',
  )
  assert.deepEqual(inspectImportFunctions(bytes), [
    { module: 'a', name: 'f', params: ['i32', 'v128'], results: ['i64', '(ref null 0)'] },
    { module: 'b', name: '', params: [], results: [] },
  ])
  assert.throws(() => inspectImportFunctions(new Uint8Array(4)), CompileError)
  assert.throws(() => inspectImportFunctions('x' as never), TypeError)
})
test('inspectModule', () => {
  const bytes = wat(
    `(module (import "a" "t" (table 1 2 externref)) (memory i64 1 5) (func (param i32)) (func $s) (start $s) (data "abc") (tag (export "t") (param i32)) (@custom "x" "1234"))`,
  )
  const info = inspectModule(bytes)
  assert.equal(info.size, bytes.length)
  assert.deepEqual(info.imports, [
    { module: 'a', name: 't', kind: 'table', element: 'externref', initial: 1, maximum: 2, address: 'i32' },
  ])
  assert.deepEqual(info.exports, [{ name: 't', kind: 'tag', params: ['i32'] }])
  assert.deepEqual(info.memories, [
    { kind: 'memory', initial: 1, maximum: 5, address: 'i64', shared: false, pageSize: 65536 },
  ])
  assert.deepEqual(info.counts, { types: 2, functions: 2, globals: 0, tags: 1, elements: 0, data: 1 })
  assert.deepEqual([info.start, info.codeSize, info.dataSize], [1, 4, 3])
  assert.ok(info.customSections.some((s) => s.name === 'x' && s.size === 4))
})
test('dumpRegisterIr', () => {
  const bytes = wat('(module (import "m" "f" (func)) (func $one (export "a") (nop)) (func $two (drop (i32.const 1))))')
  assert.match(dumpRegisterIr(bytes), /^function 1 \$one: [^]*function 2 \$two: /)
  for (const name of ['a', 'one', 1, '1'])
    assert.match(dumpRegisterIr(bytes, name), /^function 1 \$one: (?![^]*function 2)/)
  for (const name of [0, 3, -1, 'three', 1.5]) assert.throws(() => dumpRegisterIr(bytes, name), RangeError)
})
test('text and binary', () => {
  assert.match(printWat(wat(ADD)), /i32\.add/)
  assert.deepEqual(parseWat(printWat(wat(ADD))).bytes, wat(ADD))
})
test('features', () => {
  const report = features()
  assert.ok(report.features.some((f) => f.name === 'gc' && f.spec === '3.0'))
  assert.deepEqual(report.engines.map((e) => e.name), ['interp', 'jit', 'host']) // prettier-ignore
})
test('version is that of the package', () => {
  assert.equal(version, (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version)
})
test('nearestName', () => {
  assert.equal(nearestName('vlidate', ['parse', 'validate', 'print']), 'validate')
  assert.equal(nearestName('prnit', ['parse', 'print']), 'print')
  assert.equal(nearestName('xyz', ['parse', 'print']), undefined)
})
