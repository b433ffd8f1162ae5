// How long instances, host functions and host values live: rest, then ask the JavaScript collector.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { enter, leave } from '../../src/runtime/activation.ts'
import { call } from '../../src/runtime/driver.ts'
import { createGlobal } from '../../src/runtime/global.ts'
import { INSTANCES, type Instance, type TableInstance } from '../../src/runtime/instance.ts'
import { instantiate } from '../../src/runtime/instantiate.ts'
import { R } from '../../src/runtime/machine.ts'
import { isAwake, ownerOf, registryCounts } from '../../src/runtime/registry.ts'
import { Store } from '../../src/runtime/store.ts'
import { createTable } from '../../src/runtime/table.ts'
import { canonicalFuncType, canonicalizeGroup } from '../../src/wasm/canonical.ts'
import { ExternKind, type Module } from '../../src/wasm/module.ts'
import { RefType, T, type CanonType, type SubType } from '../../src/wasm/types.ts'
import { FakeInterpreter } from './fake-interpreter.ts'
import { moduleOf, name } from './helpers.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Collects, with the tasks in which finalizers run. */
async function collect(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    gc()
  }
  await new Promise((resolve) => setTimeout(resolve, 5))
}

const I32_I32 = canonicalFuncType([T.I32 as number as CanonType], [T.I32 as number as CanonType])
const BYTES = {
  types: [1, 1, 0x60, 1, 0x7f, 1, 0x7f],
  importFunc: [2, 1, ...name(''), ...name('h'), 0, 0],
  importTable: [2, 1, ...name(''), ...name('t'), 1, 0x70, 0, 2],
  func: [3, 1, 0],
  memory: [5, 1, 0, 16],
  elem: [9, 1, 0, 0x41, 0, 0x0b, 1, 0],
  code: [10, 1, 4, 0, 0x20, 0, 0x0b],
}
/** (import "" "h" (func (type 0))) (func (type 0)) (memory 16): function 1 calls the import. */
const importing = (): Module => moduleOf(BYTES.types, BYTES.importFunc, BYTES.func, BYTES.memory, BYTES.code)
/** (import "" "t" (table 2 funcref)) (func (type 0)) (memory 16) (elem (i32.const 0) 0): puts its function into the table. */
const exporting = (): Module => moduleOf(BYTES.types, BYTES.importTable, BYTES.func, BYTES.memory, BYTES.elem, BYTES.code) // prettier-ignore

const fake = new FakeInterpreter((instance) => ({
  slots: 1,
  steps:
    instance.module.importedFuncs === 0
      ? [(fp) => void (R[fp << 1] += 1), () => 'return']
      : [(_, i) => ({ call: i.funcIds[0], at: 0 }), () => 'return'],
}))

function invoke(store: Store, fid: number, argument: number): number {
  const base = enter(store, fid)
  R[base << 1] = argument
  call(fid, base)
  return R[base << 1]
}

const hostFunc = (store: Store, f: (x: number) => number): number =>
  store.createHostFunc({
    store,
    typeId: I32_I32,
    name: 'h',
    call(base) {
      R[base << 1] = f(R[base << 1])
    },
  })

const funcTable = (store: Store): TableInstance =>
  createTable(store, { min: 2, max: undefined, address64: false, element: RefType.FuncRef as number as CanonType }, 0)

test('instances in rings through closures of their host functions are collected; ids and code are reused', async () => {
  const store = new Store()
  const before = registryCounts()
  const module = importing()
  const kept: Instance[] = []
  const make = (keep: boolean): void => {
    // The usual ring: the import needs the instance that imports it.
    const ring: { instance?: Instance } = {}
    const fid = hostFunc(store, (x) => x + ring.instance!.memories[0].pages)
    ring.instance = instantiate(store, module, [{ kind: ExternKind.Func, fid }])
    assert.equal(invoke(store, ring.instance.funcIds[1], 1), 17)
    if (keep) kept.push(ring.instance)
  }
  for (let i = 0; i < 50; i++) make(i % 10 === 0)
  assert.equal(registryCounts().instances - before.instances, 50)
  await collect()
  // The timer of the store has made it rest meanwhile; make sure of it.
  store.rest()
  await collect()
  const after = registryCounts()
  assert.equal(after.instances - before.instances, 5)
  assert.equal(after.hosts - before.hosts, 5)
  assert.equal(after.functions - before.functions, 10)
  assert.equal(store.liveInstances, 5)
  // In a function: a loop variable of this one would keep the last instance.
  kept.forEach((instance) => assert.equal(invoke(store, instance.funcIds[1], 5), 21))
  assert.equal(fake.dropped.length, 0)
  kept.length = 0
  store.rest()
  await collect()
  assert.equal(registryCounts().instances, before.instances)
  assert.equal(registryCounts().modules, before.modules)
  assert.deepEqual(fake.dropped, [module])
})

test('a table alone keeps the instance whose function it holds, and lets it go with the word', async () => {
  const store = new Store()
  const before = registryCounts().instances
  const table = funcTable(store)
  ;(() => void instantiate(store, exporting(), [{ kind: ExternKind.Table, table }]))()
  const fid = table.words[0] >>> 3
  store.rest()
  assert.ok(!isAwake(fid))
  await collect()
  assert.equal(registryCounts().instances - before, 1)
  assert.equal(invoke(store, fid, 1), 2, 'called through the table')
  store.rest()
  await collect()
  table.words[0] = 0
  store.rest()
  await collect()
  assert.equal(registryCounts().instances, before)
  assert.ok(ownerOf(fid) === undefined, 'the instance is gone')
})

test('chains: importer -> imported instance; waking one wakes what it can reach', async () => {
  const store = new Store()
  const before = registryCounts().instances
  const chain = ((): Instance => {
    let fid = hostFunc(store, (x) => x * 2)
    let last!: Instance
    for (let i = 0; i < 5; i++) {
      last = instantiate(store, importing(), [{ kind: ExternKind.Func, fid }])
      fid = last.funcIds[1]
    }
    return last
  })()
  for (let round = 0; round < 3; round++) {
    store.rest()
    assert.ok(INSTANCES[chain.id] === undefined)
    await collect()
    assert.equal(registryCounts().instances - before, 5)
    assert.equal(invoke(store, chain.funcIds[1], 21), 42)
    assert.ok(isAwake(chain.funcIds[0]))
  }
  void chain.id
})

test('a function that JavaScript puts into a resting table is kept by it', async () => {
  const store = new Store()
  const table = funcTable(store)
  const other = funcTable(store)
  ;(() => void instantiate(store, exporting(), [{ kind: ExternKind.Table, table }]))()
  store.rest()
  await collect()
  other.words[1] = store.funcWord(table.words[0] >>> 3)
  table.words[0] = 0
  store.rest()
  await collect()
  assert.equal(invoke(store, other.words[1] >>> 3, 7), 8)
})

test('host values: kept by globals, tables, pins and heap objects; rings through them are collected', async () => {
  const store = new Store()
  const canon = new Int32Array(1)
  const box = {
    kind: 'struct',
    fields: [{ type: RefType.ExternRef, mutable: true }],
    final: true,
    supertype: -1,
  } as SubType
  canonicalizeGroup([box], 0, 1, canon)
  const refs: WeakRef<object>[] = []
  const fresh = (): { ring?: unknown } => {
    const value = {}
    refs.push(new WeakRef(value))
    return value
  }
  const makeGlobal = () => createGlobal(store, RefType.ExternRef as number as CanonType, true)
  const kept = makeGlobal()
  const boxed = createGlobal(store, RefType.AnyRef as number as CanonType, true)
  ;(() => {
    kept.cells[kept.at] = store.externWord(fresh())
    // A ring: global -> value -> the same global.
    const ring = makeGlobal()
    const value = fresh()
    value.ring = ring
    ring.cells[ring.at] = store.externWord(value)
    // In a heap object, held by a global and by a pinned wrapper's ring.
    const object = store.heap.allocStruct(canon[0])
    boxed.cells[boxed.at] = object
    store.heap.i32[(object + 4) >> 2] = store.externWord(fresh())
  })()
  const alive = (): boolean[] => refs.map((ref) => ref.deref() !== undefined)
  await collect()
  store.rest()
  await collect()
  assert.deepEqual(alive(), [true, false, true])
  assert.equal(store.externValue(kept.cells[kept.at]), refs[0].deref())
  boxed.cells[boxed.at] = 0
  kept.cells[kept.at] = 0
  await collect()
  store.rest()
  await collect()
  assert.deepEqual(alive(), [false, false, false])
  store.collect()
  assert.equal(store.handles.count, 0)
  assert.equal(store.heap.liveBytes, 0)
})

test('a pinned wrapper keeps what its object refers to', async () => {
  const store = new Store()
  const canon = new Int32Array(1)
  canonicalizeGroup([{ kind: 'array', field: { type: RefType.FuncRef, mutable: true }, final: true, supertype: -1 }], 0, 1, canon) // prettier-ignore
  let wrapper: { word: number; keep: object } | undefined
  ;(() => {
    const table = funcTable(store)
    void instantiate(store, exporting(), [{ kind: ExternKind.Table, table }])
    const word = store.heap.allocArray(canon[0], 1)
    wrapper = { word, keep: store.pin(word) }
    store.heap.i32[(word + 8) >> 2] = table.words[0]
  })()
  const { word } = wrapper!
  const fid = store.heap.i32[(word + 8) >> 2] >>> 3
  store.rest()
  await collect()
  assert.equal(invoke(store, fid, 1), 2)
  store.unpin(word)
  wrapper = undefined
  store.rest()
  await collect()
  assert.ok(ownerOf(fid) === undefined, 'the instance is gone')
  assert.equal(wrapper, undefined)
})

test('a store disposed of is gone at once', () => {
  const store = new Store()
  const before = registryCounts()
  const fid = hostFunc(store, (x) => x)
  const instance = instantiate(store, importing(), [{ kind: ExternKind.Func, fid }])
  store.dispose()
  assert.deepEqual(registryCounts(), { ...before })
  assert.throws(() => enter(store, instance.funcIds[1]), { name: 'LimitError' })
  assert.throws(() => instantiate(store, importing(), [{ kind: ExternKind.Func, fid }]), { name: 'LimitError' })
})

test('a resting store is not disturbed by unrelated ones, and a busy one does not rest', () => {
  const a = new Store()
  const b = new Store()
  const rests: boolean[] = []
  const fidA = hostFunc(a, (x) => (rests.push(a.rest()), x))
  const inB = instantiate(b, importing(), [{ kind: ExternKind.Func, fid: hostFunc(b, (x) => x + 1) }])
  b.rest()
  assert.equal(invoke(a, fidA, 3), 3)
  assert.deepEqual(rests, [false])
  assert.ok(INSTANCES[inB.id] === undefined)
  assert.equal(invoke(b, inB.funcIds[1], 3), 4)
})

test('arguments reserved for a call that never came are given back', async () => {
  const store = new Store()
  const fid = hostFunc(store, (x) => x)
  enter(store, fid)
  assert.equal(store.rest(), false, 'reserved slots may be in use')
  await new Promise((resolve) => setTimeout(resolve, 80))
  assert.ok(!isAwake(fid), 'the timer has made the store rest')
  const base = enter(store, fid)
  assert.equal(base, 0)
  leave(base)
})
