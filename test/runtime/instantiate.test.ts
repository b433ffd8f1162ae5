// Instantiation: constant expressions, segments, start; what stays after a failure. Modules from text, on the real interpreter.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import '../../src/interp/index.ts'
import { enter } from '../../src/runtime/activation.ts'
import { call } from '../../src/runtime/driver.ts'
import { ARRAY_DATA, structLayout } from '../../src/runtime/layout.ts'
import type { Instance } from '../../src/runtime/instance.ts'
import { instantiate } from '../../src/runtime/instantiate.ts'
import { exportOf, LinkFailure, type Extern } from '../../src/runtime/link.ts'
import { CTX, Ctx, R, RD, RQ, TrapCode } from '../../src/runtime/machine.ts'
import { createMemory } from '../../src/runtime/memory.ts'
import { registryCounts } from '../../src/runtime/registry.ts'
import { LimitError, Store, type StoreOptions } from '../../src/runtime/store.ts'
import { createTable } from '../../src/runtime/table.ts'
import { Trap } from '../../src/runtime/trap.ts'
import { parseWat } from '../../src/text/parse.ts'
import { canonicalFuncType } from '../../src/wasm/canonical.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { ExternKind } from '../../src/wasm/module.ts'
import { RefType, type CanonType } from '../../src/wasm/types.ts'

const make = (store: Store, wat: string, externs: Extern[] = []): Instance =>
  instantiate(store, decodeModule(parseWat(wat).bytes), externs)

function exported(instance: Instance, name: string): Extern {
  const found = instance.module.exports.find((e) => e.name === name)
  assert.ok(found !== undefined, `export ${name}`)
  return exportOf(instance, found)
}

function invoke(instance: Instance, name: string, ...args: number[]): number {
  const extern = exported(instance, name)
  assert.ok(extern.kind === ExternKind.Func)
  const base = enter(instance.store, extern.fid)
  args.forEach((arg, i) => (R[(base + i) << 1] = arg))
  call(extern.fid, base)
  return R[base << 1]
}

const trapCode = (code: TrapCode) => (e: unknown) => e instanceof Trap && e.code === code

test('constant expressions: every instruction', () => {
  const store = new Store()
  const instance = make(
    store,
    `(module
      (type $s (struct (field i8) (field i64) (field v128) (field (ref null $s))))
      (type $a (array i16)) (type $d (array f64))
      (global $i i32 (i32.sub (i32.mul (i32.const 7) (i32.const -3)) (i32.add (i32.const 0x7fffffff) (i32.const 2))))
      (global $l i64 (i64.sub (i64.mul (i64.const 0x123456789abcdef) (i64.const 3)) (i64.add (i64.const -1) (i64.const 2))))
      (global f32 (f32.const nan:0x200001))
      (global f64 (f64.const -0x1.8p+1))
      (global $v v128 (v128.const i32x4 1 2 3 -4))
      (global $vv v128 (global.get $v))
      (global $f funcref (ref.func $fn))
      (global externref (ref.null extern))
      (global i31ref (ref.i31 (i32.const -5)))
      (global $s0 (ref $s) (struct.new $s (i32.const 0x1ff) (i64.const -2) (global.get $v) (ref.null $s)))
      (global $s1 (ref $s) (struct.new $s (i32.const 3) (global.get $l) (v128.const i64x2 5 6) (global.get $s0)))
      (global $s2 (ref $s) (struct.new_default $s))
      (global $a0 (ref $a) (array.new $a (i32.const 0x12345) (i32.const 5)))
      (global $a1 (ref $a) (array.new_fixed $a 3 (i32.const 1) (global.get $i) (i32.const 3)))
      (global $a2 (ref $d) (array.new_default $d (i32.const 4)))
      (global anyref (any.convert_extern (extern.convert_any (ref.i31 (i32.const 9)))))
      (func $fn))`,
  )
  const { heap } = store
  const word = (index: number, k = 0): number => instance.globalCells[4 * index + k]
  const i = (7 * -3 - 0x80000001) | 0
  assert.equal(word(0), i)
  const l = BigInt.asIntN(64, 0x123456789abcdefn * 3n - 1n)
  assert.equal(new BigInt64Array(instance.globalCells.slice(4, 6).buffer)[0], l)
  assert.equal(word(2), 0x7fa00001, 'a signalling NaN keeps its bits')
  assert.equal(new Float64Array(instance.globalCells.slice(12, 14).buffer)[0], -3)
  assert.deepEqual([0, 1, 2, 3].map((k) => word(5, k)), [1, 2, 3, -4]) // prettier-ignore
  assert.equal(word(6), (instance.funcIds[0] << 3) | 2)
  assert.equal(word(7), 0)
  assert.equal(word(8), (-5 << 1) | 1)
  const [s0, s1, s2, a0, a1, a2] = [9, 10, 11, 12, 13, 14].map((k) => word(k))
  const { offsets } = structLayout(heap.typeOf(s0))
  assert.equal(heap.u8[s0 + offsets[0]], 0xff)
  assert.equal(heap.i64[(s0 + offsets[1]) >> 3], -2n)
  assert.deepEqual([...heap.i32.subarray((s0 + offsets[2]) >> 2).subarray(0, 4)], [1, 2, 3, -4])
  assert.equal(heap.i32[(s1 + offsets[3]) >> 2], s0)
  assert.equal(heap.i64[(s1 + offsets[1]) >> 3], l)
  assert.ok(heap.u8.subarray(s2 + 4, s2 + structLayout(heap.typeOf(s2)).size).every((b) => b === 0))
  assert.deepEqual(
    [...heap.u16.subarray((a0 + ARRAY_DATA) >> 1).subarray(0, 5)],
    [0x2345, 0x2345, 0x2345, 0x2345, 0x2345],
  )
  assert.deepEqual([...heap.u16.subarray((a1 + ARRAY_DATA) >> 1).subarray(0, 3)], [1, i & 0xffff, 3])
  assert.equal(heap.lengthOf(a2), 4)
  assert.equal(word(15), 19)
})

test('constant expressions under stress: everything made so far is a root', () => {
  const options: StoreOptions = { gcStress: true }
  const store = new Store(options)
  const instance = make(
    store,
    `(module
      (type $p (struct (field i32) (field anyref)))
      (type $a (array anyref))
      (global $g (ref $p) (struct.new $p (i32.const 1) (struct.new $p (i32.const 2) (struct.new $p (i32.const 3) (ref.null any)))))
      (global $h (ref $a) (array.new_fixed $a 3
        (struct.new $p (i32.const 4) (global.get $g))
        (array.new $a (struct.new $p (i32.const 5) (ref.null any)) (i32.const 3))
        (struct.new $p (i32.const 6) (ref.null any))))
      (table 2 (ref $p) (struct.new $p (i32.const 7) (struct.new $p (i32.const 0) (ref.null any))))
      (elem $e (ref $p) (item (struct.new $p (i32.const 8) (ref.null any))) (item (struct.new $p (i32.const 9) (ref.null any))))
      (elem (table 0) (i32.const 1) (ref $p) (item (struct.new $p (i32.const 10) (ref.null any)))))`,
  )
  store.collect()
  const { heap } = store
  const at = (ref: number): number[] => {
    assert.ok(heap.isObject(ref))
    return [heap.i32[(ref + 4) >> 2], heap.i32[(ref + 8) >> 2]]
  }
  const [one, second] = at(instance.globalCells[0])
  const [two, third] = at(second)
  const [three] = at(third)
  assert.deepEqual([one, two, three], [1, 2, 3])
  const element = (ref: number, i: number): number => heap.i32[((ref + ARRAY_DATA) >> 2) + i]
  const h = instance.globalCells[4]
  assert.deepEqual(at(element(h, 0)), [4, instance.globalCells[0]])
  assert.equal(at(element(element(h, 1), 2))[0], 5)
  assert.equal(at(element(h, 2))[0], 6)
  const { words } = instance.tables[0]
  assert.deepEqual([at(words[0])[0], at(words[1])[0]], [7, 10])
  assert.deepEqual(
    [...instance.elemSegments[0]!].map((ref) => at(ref)[0]),
    [8, 9],
  )
  assert.equal(instance.elemSegments[1], undefined, 'active segments are dropped')
  assert.equal(CTX[Ctx.Top], 0)
})

test('a constant expression that needs too much memory traps', () => {
  const store = new Store({ limits: { gcHeapBytes: 1 << 20 } })
  const wat = `(module (type $a (array i64)) (global (ref $a) (array.new_default $a (i32.const 200000))))`
  assert.throws(() => make(store, wat), trapCode(TrapCode.AllocationTooLarge))
  assert.equal(CTX[Ctx.Top], 0)
})

test('segments: bounds, order, effects that stay', () => {
  const store = new Store()
  const memory = createMemory(store, { min: 1, max: 2, shared: false, address64: false, pageSizeLog2: 16 })
  const table = createTable(
    store,
    { min: 4, max: 10, address64: false, element: RefType.FuncRef as number as CanonType },
    0,
  )
  const externs: Extern[] = [{ kind: ExternKind.Memory, memory }, { kind: ExternKind.Table, table }] // prettier-ignore
  const imports = '(import "" "m" (memory 1)) (import "" "t" (table 4 funcref))'
  assert.throws(
    () => make(store, `(module ${imports} (func $f (result i32) (i32.const 77)) (elem (i32.const 2) $f $f) (elem (i32.const 3) $f $f)
                               (data (i32.const 0) "never"))`, externs),
    trapCode(TrapCode.TableOutOfBounds),
  ) // prettier-ignore
  assert.deepEqual([...table.words].map((w) => w !== 0), [false, false, true, true]) // prettier-ignore
  assert.equal(memory.u8[0], 0)
  // The function of the failed instance works.
  const base = enter(store, table.words[2] >>> 3)
  call(table.words[2] >>> 3, base)
  assert.equal(R[base << 1], 77)
  assert.throws(
    () => make(store, `(module ${imports} (data (i32.const 65534) "ab") (data (i32.const 65535) "cd"))`, externs),
    trapCode(TrapCode.MemoryOutOfBounds),
  )
  assert.deepEqual([...memory.u8.subarray(65534, 65536)], [97, 98])
  assert.throws(() => make(store, `(module ${imports} (data (i32.const -1) ""))`, externs), trapCode(TrapCode.MemoryOutOfBounds)) // prettier-ignore
  make(store, `(module ${imports} (data (i32.const 65536) "") (elem (i32.const 4)))`, externs)
  make(store, `(module ${imports} (data "passive") (elem func))`, externs)
  const i64 = '(module (memory i64 1) (data (i64.const 0x1_0000_0000_0000_0001) "x"))'
  assert.throws(() => make(store, i64.replace('0x1_0000_0000_0000_0001', '0xffff_ffff_ffff_ffff')), trapCode(TrapCode.MemoryOutOfBounds)) // prettier-ignore
})

test('start function: runs last, its trap is the result', () => {
  const store = new Store()
  const instance = make(store, `(module (memory (export "m") 1) (global $g (mut i32) (i32.const 5)) (data (i32.const 0) "\\08")
    (func $start (global.set $g (i32.load8_u (i32.const 0)))) (start $start) (func (export "g") (result i32) (global.get $g)))`) // prettier-ignore
  assert.equal(invoke(instance, 'g'), 8)
  assert.throws(() => make(store, '(module (func $s (unreachable)) (start $s))'), (e) => e instanceof Trap && e.code === TrapCode.Unreachable && e.frames.length === 1) // prettier-ignore
})

test('links: functions, globals, memories and tables are shared between instances', () => {
  const store = new Store()
  const a = make(
    store,
    `(module (global (export "g") (mut i32) (i32.const 1)) (memory (export "m") 1 3) (table (export "t") 2 funcref)
      (func (export "inc") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))`,
  )
  const b = make(
    store,
    `(module (import "a" "g" (global $g (mut i32))) (import "a" "m" (memory 1)) (import "a" "t" (table $t 1 funcref))
      (import "a" "inc" (func $inc (param i32) (result i32)))
      (func $twice (param i32) (result i32) (call $inc (call $inc (local.get 0))))
      (elem (i32.const 1) $twice)
      (func (export "f") (param i32) (result i32)
        (global.set $g (call $twice (local.get 0))) (drop (memory.grow (i32.const 1)))
        (i32.store (i32.const 65536) (global.get $g)) (memory.size)) (export "inc2" (func $inc)))`,
    ['g', 'm', 't', 'inc'].map((name) => exported(a, name)),
  )
  assert.equal(invoke(b, 'f', 40), 2)
  assert.equal(a.globals[0].cells[a.globals[0].at], 42)
  assert.equal(a.memories[0].dv.getInt32(65536, true), 42)
  assert.equal(a.tables[0].words[1], (b.funcIds[1] << 3) | 2)
  assert.deepEqual(exported(b, 'inc2'), exported(a, 'inc'), 're-exports are the same function')
})

test('failures before anything is made: link, limits', () => {
  const store = new Store({ limits: { memoryBytes: 1 << 20, tableElements: 50, instances: 3 } })
  const before = registryCounts()
  const wat = '(module (import "env" "f" (func (param i32))) (func))'
  assert.throws(() => make(store, wat), LinkFailure)
  assert.throws(() => make(store, '(module (func) (memory 17))'), LimitError)
  assert.throws(() => make(store, '(module (func) (table 51 funcref))'), LimitError)
  assert.throws(() => make(store, '(module (func) (memory i64 0xffffffffffff))'), LimitError)
  assert.deepEqual(registryCounts(), before)
  for (let i = 0; i < 3; i++) make(store, '(module)')
  assert.throws(() => make(store, '(module)'), /too many instances/)
})

test('exceptions and host functions on the real interpreter', () => {
  const store = new Store()
  const thrown = new Error('host')
  const typeId = canonicalFuncType([], [])
  const fid = store.createHostFunc({
    store,
    typeId,
    name: 'fail',
    call() {
      throw thrown
    },
  })
  const instance = make(
    store,
    `(module (import "" "fail" (func $fail)) (tag $t (param i64 f64))
      (func $throw (throw $t (i64.const -7) (f64.const 1.5)))
      (func (export "payload") (result i32)
        (block $h (result i64 f64) (try_table (catch $t $h) (call $throw)) (unreachable)) drop i32.wrap_i64)
      (func (export "all") (result i32) (block $h (try_table (catch_all $h) (call $fail)) (return (i32.const 0))) (i32.const 1))
      (func (export "rethrow") (block $h (result exnref) (try_table (catch_all_ref $h) (call $fail)) (return)) throw_ref)
      (func (export "through") (call $fail)))`,
    [{ kind: ExternKind.Func, fid }],
  )
  assert.equal(invoke(instance, 'payload'), -7)
  assert.equal(invoke(instance, 'all'), 1)
  for (const name of ['rethrow', 'through']) assert.throws(() => invoke(instance, name), (e) => e === thrown) // prettier-ignore
})

test('slots beyond one word: i64, f64 and v128 through host functions', () => {
  const store = new Store()
  const type = canonicalFuncType([0x7e, 0x7c, 0x7b] as CanonType[], [0x7b, 0x7e] as CanonType[])
  const seen: unknown[] = []
  const fid = store.createHostFunc({
    store,
    typeId: type,
    name: 'h',
    call(base) {
      seen.push(RQ[base], RD[base + 1], [0, 1, 2, 3].map((k) => R[((base + 2) << 1) + k])) // prettier-ignore
      for (let k = 0; k < 4; k++) R[(base << 1) + k] = 10 + k
      RQ[base + 2] = -1n
    },
  })
  const instance = make(
    store,
    `(module (import "" "h" (func $h (param i64 f64 v128) (result v128 i64)))
      (func (export "f") (result i32) (local i64)
        (call $h (i64.const 0x1_0000_0002) (f64.const 2.5) (v128.const i32x4 1 2 3 4)) (local.set 0)
        (i32.add (i32x4.extract_lane 3) (i32.wrap_i64 (local.get 0)))))`,
    [{ kind: ExternKind.Func, fid }],
  )
  assert.equal(invoke(instance, 'f'), 12)
  assert.deepEqual(seen, [0x1_0000_0002n, 2.5, [1, 2, 3, 4]])
})
