// The GC heap against a model of JavaScript objects: random graphs, every kind of object, several heap pressures.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GcHeap, ObjectKind, type RootSource } from '../../src/runtime/heap.ts'
import { ARRAY_DATA, arrayLayout, exceptionLayout, structLayout } from '../../src/runtime/layout.ts'
import { canonicalFuncType, canonicalizeGroup } from '../../src/wasm/canonical.ts'
import { RefType, T, type CanonType, type SubType } from '../../src/wasm/types.ts'
import { random } from './helpers.ts'

function define(type: object): number {
  const canon = new Int32Array(1)
  canonicalizeGroup([{ final: true, supertype: -1, ...type } as SubType], 0, 1, canon)
  return canon[0]
}

const field = (type: number) => ({ type, mutable: true })
const NODE = define({ kind: 'struct', fields: [T.I32, RefType.AnyRef, RefType.AnyRef, T.I64, T.I8].map(field) })
const LEAF = define({ kind: 'struct', fields: [T.I16, T.I8, T.I8, T.F32].map(field) })
const REFS = define({ kind: 'array', field: field(RefType.AnyRef) })
const BYTES = define({ kind: 'array', field: field(T.I8) })
const LONGS = define({ kind: 'array', field: field(T.I64) })
const EXN = canonicalFuncType([RefType.ExternRef, T.V128, RefType.AnyRef] as number[] as CanonType[], [])

class Roots implements RootSource {
  words: number[] = []
  handles = new Set<number>()
  functions = new Set<number>()
  swept = 0
  markRoots(heap: GcHeap): void {
    this.handles.clear()
    for (const word of this.words) heap.markWord(word)
  }
  markHandle(index: number): void {
    this.handles.add(index)
  }
  noteFunction(fid: number): void {
    this.functions.add(fid)
  }
  checkpoint(): void {}
  sweepHandles(): void {
    this.swept++
  }
}

test('layouts: natural alignment, packed fields, reference offsets', () => {
  assert.deepEqual([...structLayout(NODE).offsets], [4, 8, 12, 16, 24])
  assert.equal(structLayout(NODE).size, 25)
  assert.deepEqual([...structLayout(NODE).refs], [8, 12])
  assert.deepEqual([...structLayout(LEAF).offsets], [4, 6, 7, 8])
  assert.deepEqual([...exceptionLayout(EXN).offsets], [8, 16, 32])
  assert.deepEqual([...exceptionLayout(EXN).refs], [8, 32])
  assert.equal(arrayLayout(LONGS).sizeLog2, 3)
  assert.equal(structLayout(define({ kind: 'struct', fields: [] })).size, 8)
})

test('objects are cleared, aligned and say what they are', () => {
  const roots = new Roots()
  const heap = new GcHeap(roots)
  assert.equal(heap.byteLength, 0, 'nothing is reserved before the first allocation')
  for (let round = 0; round < 3; round++) {
    for (let length = 0; length < 3000; length += 13) {
      const array = heap.allocArray(BYTES, length)
      assert.equal(array & 7, 0)
      assert.equal(heap.kindOf(array), ObjectKind.Array)
      assert.equal(heap.typeOf(array), BYTES)
      assert.equal(heap.lengthOf(array), length)
      const bytes = heap.u8.subarray(array + ARRAY_DATA, array + ARRAY_DATA + length)
      assert.ok(bytes.every((b) => b === 0), `array of ${length} is cleared`) // prettier-ignore
      bytes.fill(0xa5)
    }
    heap.collect()
    assert.equal(heap.liveBytes, 0)
  }
  const exception = heap.allocException(EXN, 7)
  assert.equal(heap.kindOf(exception), ObjectKind.Exception)
  assert.equal(heap.tagOf(exception), 7)
})

test('conservative words: only starts of live objects count', () => {
  const roots = new Roots()
  const heap = new GcHeap(roots)
  const small = heap.allocStruct(NODE)
  const large = heap.allocArray(BYTES, 50_000)
  assert.ok(heap.isObject(small) && heap.isObject(large))
  for (const word of [0, 8, -8, small + 8, small + 4, small + 64, large + 8, large + 16384, 2 ** 31 - 8, 1 << 30]) {
    assert.ok(!heap.isObject(word), `${word} is no object`)
  }
  roots.words = [-8, small + 8, large + 16384, large]
  heap.collect()
  assert.ok(!heap.isObject(small), 'a word into the middle keeps nothing')
  assert.ok(heap.isObject(large))
})

test('marking follows fields, elements and payloads; handles and functions are reported', () => {
  const roots = new Roots()
  const heap = new GcHeap(roots)
  const exception = heap.allocException(EXN, 0)
  const list = heap.allocArray(REFS, 5000)
  const node = heap.allocStruct(NODE)
  heap.i32[(exception + 8) >> 2] = (77 << 3) | 6
  heap.i32[(exception + 32) >> 2] = list
  heap.i32[(list + ARRAY_DATA + 4 * 4999) >> 2] = node
  heap.i32[(node + 8) >> 2] = (123 << 3) | 2
  heap.i32[(node + 12) >> 2] = exception
  // Looks like a reference to `list`, but the field is an i32.
  const other = heap.allocStruct(NODE)
  heap.i32[(node + 4) >> 2] = other
  roots.words = [node]
  heap.collect()
  assert.deepEqual([exception, list, node, other].map((ref) => heap.isObject(ref)), [true, true, true, false]) // prettier-ignore
  assert.deepEqual([...roots.handles], [77])
  assert.deepEqual([...roots.functions], [123])
  assert.equal(roots.swept, 1)
})

test('a collection that is interrupted anywhere leaves a heap that the next one can collect', () => {
  const roots = new Roots()
  const heap = new GcHeap(roots)
  let list = 0
  for (let i = 0; i < 5000; i++) {
    const node = heap.allocStruct(NODE)
    heap.i32[(node + 8) >> 2] = list
    heap.i32[(node + 12) >> 2] = (i << 3) | 6
    list = node
    heap.allocStruct(LEAF)
  }
  roots.words = [list]
  for (const after of [0, 1, 100, 4999]) {
    let left = after
    roots.markHandle = () => {
      if (left-- === 0) throw new RangeError('Maximum call stack size exceeded')
    }
    assert.throws(() => heap.collect(), RangeError)
  }
  roots.markHandle = () => {}
  heap.collect()
  let length = 0
  for (let node = list; node !== 0; node = heap.i32[(node + 8) >> 2]) {
    assert.ok(heap.isObject(node))
    length++
  }
  assert.equal(length, 5000)
  let objects = 0
  heap.forEachObject(() => objects++)
  assert.equal(objects, 5000)
})

interface Model {
  ref: number
  seed: number
  kids: (Model | undefined)[]
  kind: 'node' | 'leaf' | 'refs' | 'bytes' | 'exn'
}

/** A random program: allocates, links, drops roots. After each collection the reachable model must be in the heap unchanged. */
function graphRun(seed: number, steps: number, options: { cap?: number; stress?: boolean }): GcHeap {
  const next = random(seed)
  const roots = new Roots()
  const heap = new GcHeap(roots, options)
  let live: Model[] = []
  const setKid = (m: Model, i: number, kid: Model | undefined) => {
    const at = m.kind === 'node' ? m.ref + 8 + 4 * i : m.kind === 'exn' ? m.ref + 32 : m.ref + ARRAY_DATA + 4 * i
    heap.i32[at >> 2] = kid?.ref ?? 0
    m.kids[i] = kid
  }
  const check = (): void => {
    const seen = new Set<Model>()
    const stack = [...live]
    for (let m = stack.pop(); m !== undefined; m = stack.pop()) {
      if (seen.has(m)) continue
      seen.add(m)
      assert.ok(heap.isObject(m.ref), `object ${m.ref} (${m.kind}) is gone, seed ${seed}`)
      if (m.kind === 'node') {
        assert.equal(heap.i32[(m.ref + 4) >> 2], m.seed)
        assert.equal(heap.u8[m.ref + 24], m.seed & 0xff)
      } else if (m.kind === 'leaf') assert.equal(heap.f32[(m.ref + 8) >> 2], Math.fround(m.seed))
      else if (m.kind === 'bytes') assert.equal(heap.u8[m.ref + ARRAY_DATA + heap.lengthOf(m.ref) - 1], m.seed & 0xff)
      m.kids.forEach((kid, i) => {
        const at = m.kind === 'node' ? m.ref + 8 + 4 * i : m.kind === 'exn' ? m.ref + 32 : m.ref + ARRAY_DATA + 4 * i
        assert.equal(heap.i32[at >> 2], kid?.ref ?? 0)
        if (kid !== undefined) stack.push(kid)
      })
    }
    // Nothing else survived.
    let count = 0
    heap.forEachObject(() => count++)
    assert.equal(count, seen.size, `objects in the heap, seed ${seed}`)
  }
  for (let step = 0; step < steps; step++) {
    roots.words = live.map((m) => m.ref)
    const kind = (['node', 'leaf', 'refs', 'bytes', 'exn'] as const)[next(5)]
    const size = next(20) === 0 ? next(40_000) : next(60)
    const ref =
      kind === 'node' ? heap.allocStruct(NODE)
      : kind === 'leaf' ? heap.allocStruct(LEAF)
      : kind === 'refs' ? heap.allocArray(REFS, size)
      : kind === 'bytes' ? heap.allocArray(BYTES, size + 1)
      : heap.allocException(EXN, 3) // prettier-ignore
    if (ref === 0) {
      assert.ok(options.cap !== undefined, 'the heap is full without a cap')
      live = live.slice(live.length >> 1)
      continue
    }
    const kidCount = kind === 'node' ? 2 : kind === 'refs' ? size : kind === 'exn' ? 1 : 0
    const m: Model = { ref, seed: next(1 << 20), kids: new Array<undefined>(kidCount).fill(undefined), kind }
    if (kind === 'node') {
      heap.i32[(ref + 4) >> 2] = m.seed
      heap.u8[ref + 24] = m.seed
    } else if (kind === 'leaf') heap.f32[(ref + 8) >> 2] = m.seed
    else if (kind === 'bytes') heap.u8[ref + ARRAY_DATA + size] = m.seed
    for (let i = 0; i < Math.min(kidCount, 8); i++) {
      if (live.length > 0 && next(3) > 0) setKid(m, next(kidCount), live[next(live.length)])
    }
    live.push(m)
    const holder = live[next(live.length)]
    if (holder.kids.length > 0) setKid(holder, next(holder.kids.length), m)
    while (live.length > 40) live.splice(next(live.length), 1)
    if (step % 97 === 96) {
      roots.words = live.map((x) => x.ref)
      heap.collect()
      check()
    }
  }
  return heap
}

test('random graphs', () => {
  for (let seed = 1; seed <= 4; seed++) graphRun(seed, 3000, {})
})

test('random graphs under stress: a collection at every allocation', () => {
  const heap = graphRun(11, 1200, { stress: true })
  assert.ok(heap.collections >= 1200)
})

test('random graphs at the cap', () => {
  for (let seed = 21; seed <= 23; seed++) {
    const heap = graphRun(seed, 3000, { cap: 256 << 10 })
    assert.ok(heap.byteLength <= 256 << 10)
  }
})

test('the cap: requests beyond it give 0 at once, and the heap stays usable', () => {
  const roots = new Roots()
  const heap = new GcHeap(roots, { cap: 1 << 20 })
  for (const length of [0xffff_ffff, -1, 1 << 28, 1 << 20]) assert.equal(heap.allocArray(LONGS, length), 0)
  assert.equal(heap.byteLength, 0)
  for (let ref = heap.allocArray(BYTES, 10_000); ref !== 0; ref = heap.allocArray(BYTES, 10_000)) roots.words.push(ref)
  assert.ok(
    roots.words.length >= 60 && roots.words.length <= 64,
    `${roots.words.length} arrays of one page in 64 pages`,
  )
  assert.equal(heap.allocStruct(NODE), 0)
  roots.words = []
  assert.notEqual(heap.allocStruct(NODE), 0)
})

test('an allocation storm does a number of collections linear in its volume', () => {
  const roots = new Roots()
  const heap = new GcHeap(roots)
  let list = 0
  for (let i = 0; i < 200_000; i++) {
    const node = heap.allocStruct(NODE)
    heap.i32[(node + 8) >> 2] = list
    list = node
    roots.words = [list]
  }
  // 32 bytes each, all alive: the live size doubles from one collection to the next.
  assert.ok(heap.collections <= 4, `${heap.collections} collections`)
  for (let i = 0; i < 200_000; i++) heap.allocStruct(NODE)
  assert.ok(heap.collections <= 6, `${heap.collections} collections`)
  assert.ok(heap.byteLength <= 32 << 20)
})
