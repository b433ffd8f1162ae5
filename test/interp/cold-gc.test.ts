// Structs, arrays, casts and exceptions: against models, at the bounds, and with a collection at every allocation.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cold } from '../../src/interp/cold/index.ts'
import { readPayload } from '../../src/runtime/exception.ts'
import type { Instance } from '../../src/runtime/instance.ts'
import { CODE, CTX, Ctx, Exit, R, TrapCode } from '../../src/runtime/machine.ts'
import { Store } from '../../src/runtime/store.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { Heap, refAbstract, refConcrete } from '../../src/wasm/types.ts'
import { FP, instanceOf, longOf, PC, random, runCold, setSlot, wordOf } from './oracle.ts'

/** Slots of the frame under test: what a collection scans. */
const FRAME = 64

before(() => void (CTX[Ctx.Top] = FP + FRAME))
after(() => void (CTX[Ctx.Top] = 0))

const clearFrame = (): void => void R.fill(0, FP << 1, (FP + FRAME) << 1)

/** Runs an op with its operands in slots from 8 on and its result, if any, in slot 2. 0, or the trap as a negative code. */
function run(
  instance: Instance,
  op: number,
  hasResult: boolean,
  operands: (number | bigint)[],
  ...rest: number[]
): number {
  operands.forEach((value, i) => setSlot(8 + i, value))
  const words = [...(hasResult ? [2] : []), ...operands.map((_, i) => 8 + i), ...rest]
  const next = runCold(op, words, instance)
  assert.ok(next < 0 || next === PC + 1 + words.length, `next pc of op ${op}`)
  return next < 0 ? next : 0
}

/** Like `run`; the result's low word. */
function get(instance: Instance, op: number, operands: (number | bigint)[], ...rest: number[]): number {
  assert.equal(run(instance, op, true, operands, ...rest), 0)
  return wordOf(2)
}

const i31 = (n: number): number => (n << 1) | 1

// ---- structs ------------------------------------------------------------------------------------------------------------------

const STRUCTS = `(module
  (type $s (struct (field (mut i8)) (field (mut i16)) (field (mut i32)) (field (mut i64)) (field (mut f32)) (field (mut f64))
                   (field (mut v128)) (field (mut anyref)) (field (mut i8)))))`

test('struct fields keep their bits', () => {
  const instance = instanceOf(STRUCTS)
  const [type] = instance.module.canon
  // The operands of struct.new: consecutive slots, v128 two.
  clearFrame()
  const values = [0x1fe, 0x2fffe, -3, -4n, 0x7fa00001, 0x7ff4000000000001n, 0x0123456789abcdefn, -2n, i31(5), 0x7f]
  values.forEach((value, i) => setSlot(8 + i, value))
  assert.equal(runCold(Op.StructNew, [2, 8, type], instance), PC + 4)
  const struct = wordOf(2)
  const field = (op: number, index: number, at = 1): void => {
    setSlot(3, struct)
    setSlot(at, 0x5555555555555555n)
    assert.equal(runCold(op, [at, 3, type, index], instance), PC + 5)
  }
  const low = (op: number, index: number): number => (field(op, index), wordOf(1))
  const long = (index: number): bigint => (field(Op.StructGet, index), longOf(1))
  assert.deepEqual([low(Op.StructGetU, 0), low(Op.StructGetS, 0)], [0xfe, -2])
  assert.deepEqual([low(Op.StructGetU, 1), low(Op.StructGetS, 1)], [0xfffe, -2])
  assert.equal(low(Op.StructGet, 2), -3)
  assert.equal(long(3), -4n)
  assert.equal(low(Op.StructGet, 4), 0x7fa00001, 'a signalling NaN')
  assert.equal(long(5), 0x7ff4000000000001n, 'a signalling NaN')
  field(Op.StructGet, 6)
  assert.deepEqual([longOf(1), longOf(2)], [0x0123456789abcdefn, -2n])
  // Over the operand: slots 2 and 3, the reference is in 3.
  field(Op.StructGet, 6, 2)
  assert.deepEqual([longOf(2), longOf(3)], [0x0123456789abcdefn, -2n])
  assert.equal(low(Op.StructGet, 7), i31(5))
  assert.equal(low(Op.StructGetS, 8), 0x7f)

  const set = (index: number, ...value: (number | bigint)[]): void => {
    setSlot(3, struct)
    value.forEach((v, i) => setSlot(20 + i, v))
    assert.equal(runCold(Op.StructSet, [3, 20, type, index], instance), PC + 5)
  }
  set(0, 0x180)
  set(1, 0x18000)
  set(3, 77n)
  set(6, 1n, 2n)
  set(7, 0)
  assert.deepEqual([low(Op.StructGetS, 0), low(Op.StructGetS, 1), low(Op.StructGet, 2)], [-128, -32768, -3])
  assert.equal(long(3), 77n)
  assert.equal(low(Op.StructGet, 4), 0x7fa00001, 'neighbours stay')
  field(Op.StructGet, 6)
  assert.deepEqual([longOf(1), longOf(2)], [1n, 2n])
  assert.equal(low(Op.StructGet, 7), 0)
})

test('struct.new_default is all zero, also where garbage was', () => {
  const store = new Store({ gcStress: true })
  const instance = instanceOf(STRUCTS, store)
  const [type] = instance.module.canon
  clearFrame()
  for (let i = 0; i < 10; i++) setSlot(8 + i, -1n)
  setSlot(16, i31(-1))
  for (let n = 0; n < 20; n++) assert.equal(runCold(Op.StructNew, [2, 8, type], instance), PC + 4)
  const struct = get(instance, Op.StructNewDefault, [], type)
  setSlot(5, struct)
  for (let i = 0; i < 9; i++) {
    setSlot(2, -1n)
    setSlot(3, -1n)
    assert.equal(runCold(i < 2 || i === 8 ? Op.StructGetU : Op.StructGet, [2, 5, type, i], instance), PC + 5)
    assert.equal(wordOf(2), 0, `field ${i}`)
    if (i === 3 || i === 5 || i === 6) assert.equal(longOf(2), 0n)
    if (i === 6) assert.equal(longOf(3), 0n)
  }
})

test('null traps by kind', () => {
  const instance = instanceOf(
    '(module (type (struct (field (mut i32)))) (type (array (mut i32))) (data "abcd") (elem funcref))',
  )
  const [struct, array] = instance.module.canon
  const noStruct = -TrapCode.NullStructReference
  const noArray = -TrapCode.NullArrayReference
  assert.equal(run(instance, Op.StructGet, true, [0], struct, 0), noStruct)
  assert.equal(run(instance, Op.StructSet, false, [0, 1], struct, 0), noStruct)
  assert.equal(run(instance, Op.ArrayGet, true, [0, 0], array), noArray)
  assert.equal(run(instance, Op.ArraySet, false, [0, 0, 1], array), noArray)
  assert.equal(run(instance, Op.ArrayLen, true, [0]), noArray)
  assert.equal(run(instance, Op.ArrayFill, false, [0, 0, 0, 0], array), noArray)
  assert.equal(run(instance, Op.ArrayInitData, false, [0, 0, 0, 0], array, 0), noArray)
  assert.equal(run(instance, Op.ArrayInitElem, false, [0, 0, 0, 0], array, 0), noArray)
  const some = get(instance, Op.ArrayNewDefault, [1], array)
  assert.equal(run(instance, Op.ArrayCopy, false, [0, 0, some, 0, 0], array, array), noArray)
  assert.equal(run(instance, Op.ArrayCopy, false, [some, 0, 0, 0, 0], array, array), noArray)
  assert.equal(run(instance, Op.ThrowRef, false, [0]), -TrapCode.NullExceptionReference)
})

// ---- arrays -------------------------------------------------------------------------------------------------------------------

/** Element types with their bytes; all but references can be made of data. */
const ELEMENTS = [
  ['i8', 1],
  ['i16', 2],
  ['i32', 4],
  ['i64', 8],
  ['f32', 4],
  ['f64', 8],
  ['v128', 16],
  ['i31ref', 4],
] as const

const DATA = Array.from({ length: 100 }, (_, i) => (i * 37 + 11) & 255)
const ARRAYS = `(module ${ELEMENTS.map(([name]) => `(type (array (mut ${name})))`).join(' ')}
  (data "${DATA.map((byte) => '\\' + byte.toString(16).padStart(2, '0')).join('')}")
  (elem i31ref ${Array.from({ length: 9 }, (_, i) => `(ref.i31 (i32.const ${i + 50}))`).join(' ')}))`

test('arrays of every element type behave like lists', () => {
  const instance = instanceOf(ARRAYS)
  const OUT = -TrapCode.ArrayOutOfBounds
  ELEMENTS.forEach(([name, bytes], t) => {
    const type = instance.module.canon[t]
    const next = random(100 + t)
    const mask = (1n << BigInt(8 * bytes)) - 1n
    const arbitrary = (): bigint => {
      let value = 0n
      for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(next(2 ** 32))
      return name === 'i31ref' ? BigInt(i31(next(1000))) : value & mask
    }
    const slots = name === 'v128' ? 2 : 1
    const put = (slot: number, value: bigint): void => {
      setSlot(slot, value & 0xffffffffffffffffn)
      // Above a packed value there may be anything.
      if (bytes < 4) setSlot(slot, value | (BigInt(next(1000)) << BigInt(8 * bytes)))
      if (slots === 2) setSlot(slot + 1, value >> 64n)
    }
    /** Element i, read by the instruction. */
    const read = (array: number, i: number): bigint => {
      setSlot(8, array)
      setSlot(9, i)
      assert.equal(runCold(bytes < 4 ? Op.ArrayGetU : Op.ArrayGet, [2, 8, 9, type], instance), PC + 5)
      const low = BigInt.asUintN(64, longOf(2))
      return (slots === 2 ? low | (BigInt.asUintN(64, longOf(3)) << 64n) : low) & mask
    }
    const check = (array: number, model: readonly bigint[], what: string): void => {
      assert.equal(get(instance, Op.ArrayLen, [array]), model.length, what)
      assert.deepEqual(model.map((_, i) => read(array, i)), model, `${name}: ${what}`) // prettier-ignore
    }
    clearFrame()
    // Slots 40 and 41 hold the arrays: roots.
    const value = arbitrary()
    put(8, value)
    setSlot(10, 7)
    assert.equal(runCold(Op.ArrayNew, [40, 8, 10, type], instance), PC + 5)
    const fixed = Array.from({ length: 5 }, arbitrary)
    fixed.forEach((v, i) => put(20 + i * slots, v))
    assert.equal(runCold(Op.ArrayNewFixed, [41, 20, type, 5], instance), PC + 5)
    const arrays = [wordOf(40), wordOf(41)]
    const models = [new Array<bigint>(7).fill(value), fixed]
    check(arrays[0], models[0], 'array.new')
    check(arrays[1], models[1], 'array.new_fixed')

    let traps = 0
    for (let n = 0; n < 300; n++) {
      const [a, b] = [next(2), next(2)]
      const huge = [0xffffffff, 0x80000000, 0x7fffffff][next(3)]
      const at = next(12) === 0 ? huge : next(models[a].length + 2)
      const from = next(12) === 0 ? huge : next(models[b].length + 2)
      const count = next(12) === 0 ? huge : next(5)
      const fits = at + count <= models[a].length
      let ok = false
      let actual = 0
      switch (next(4)) {
        case 0: {
          const v = arbitrary()
          ok = at < models[a].length
          setSlot(8, arrays[a])
          setSlot(9, at)
          put(10, v)
          actual = runCold(Op.ArraySet, [8, 9, 10, type], instance)
          assert.equal(actual, ok ? PC + 5 : OUT)
          if (ok) models[a][at] = v
          break
        }
        case 1: {
          const v = arbitrary()
          ok = fits
          setSlot(8, arrays[a])
          setSlot(9, at)
          put(10, v)
          setSlot(12, count)
          actual = runCold(Op.ArrayFill, [8, 9, 10, 12, type], instance)
          assert.equal(actual, ok ? PC + 6 : OUT)
          if (ok) models[a].fill(v, at, at + count)
          break
        }
        case 2: {
          ok = fits && from + count <= models[b].length
          actual = run(instance, Op.ArrayCopy, false, [arrays[a], at, arrays[b], from, count], type, type)
          assert.equal(actual, ok ? 0 : OUT)
          if (ok) models[a].splice(at, count, ...models[b].slice(from, from + count))
          break
        }
        default: {
          const isData = name !== 'i31ref'
          const start = next(12) === 0 ? huge : next(isData ? 100 : 9)
          const inSegment = isData ? start + count * bytes <= DATA.length : start + count <= 9
          ok = fits && inSegment
          const op = isData ? Op.ArrayInitData : Op.ArrayInitElem
          actual = run(instance, op, false, [arrays[a], at, start, count], type, 0)
          const segmentTrap = isData ? -TrapCode.MemoryOutOfBounds : -TrapCode.TableOutOfBounds
          assert.equal(actual, ok ? 0 : fits ? segmentTrap : OUT, name)
          for (let i = 0; ok && i < count; i++) {
            let v = 0n
            for (let k = bytes - 1; k >= 0; k--) v = (v << 8n) | BigInt(DATA[start + i * bytes + k])
            models[a][at + i] = isData ? v : BigInt(i31(50 + start + i))
          }
        }
      }
      if (!ok) traps++
      check(arrays[0], models[0], `step ${n}`)
      check(arrays[1], models[1], `step ${n}`)
    }
    assert.ok(traps > 20 && traps < 280, `${name}: ${traps} traps`)
  })
})

test('packed elements are extended by sign', () => {
  const instance = instanceOf(ARRAYS)
  const [bytes, halves] = instance.module.canon
  const a = get(instance, Op.ArrayNew, [0x180, 2], bytes)
  assert.deepEqual(
    [get(instance, Op.ArrayGetS, [a, 1], bytes), get(instance, Op.ArrayGetU, [a, 1], bytes)],
    [-128, 128],
  )
  const b = get(instance, Op.ArrayNew, [-2, 2], halves)
  assert.deepEqual(
    [get(instance, Op.ArrayGetS, [b, 0], halves), get(instance, Op.ArrayGetU, [b, 0], halves)],
    [-2, 0xfffe],
  )
})

test('array.get and array.set at indices beyond 2^31 trap', () => {
  const instance = instanceOf(ARRAYS)
  const [type] = instance.module.canon
  const array = get(instance, Op.ArrayNewDefault, [3], type)
  for (const index of [3, 0x7fffffff, 0x80000000, 0xffffffff]) {
    assert.equal(run(instance, Op.ArrayGetU, true, [array, index], type), -TrapCode.ArrayOutOfBounds)
    assert.equal(run(instance, Op.ArraySet, false, [array, index, 1], type), -TrapCode.ArrayOutOfBounds)
  }
})

test('array.new_data and array.new_elem check the segment before they allocate', () => {
  const instance = instanceOf(ARRAYS)
  const [bytes, , words, longs, , , vectors, refs] = instance.module.canon
  const newData = (from: number, count: number, type: number): number =>
    run(instance, Op.ArrayNewData, true, [from, count], type, 0)
  const newElem = (from: number, count: number): number => run(instance, Op.ArrayNewElem, true, [from, count], refs, 0)
  assert.equal(newData(3, 4, words), 0)
  const array = wordOf(2)
  assert.equal(
    get(instance, Op.ArrayGet, [array, 1], words),
    new DataView(Uint8Array.from(DATA).buffer).getInt32(7, true),
  )
  assert.equal(newElem(2, 7), 0)
  assert.equal(get(instance, Op.ArrayGet, [wordOf(2), 6], refs), i31(58))
  const out = -TrapCode.MemoryOutOfBounds
  assert.deepEqual([newData(100, 0, bytes), newData(101, 0, bytes), newData(100, 1, bytes)], [0, out, out])
  // Sizes whose low 32 bits would fit.
  assert.equal(newData(0, 0x20000000, longs), out)
  assert.equal(newData(0, 0x10000000, vectors), out)
  assert.equal(newData(0xffffffff, 2, bytes), out)
  assert.equal(newData(0, 0xffffffff, bytes), out)
  assert.equal(newData(0, 0x80000000, words), out)
  assert.deepEqual(
    [newElem(9, 0), newElem(10, 0), newElem(9, 1), newElem(0xffffffff, 1)],
    [0, ...Array(3).fill(-TrapCode.TableOutOfBounds)],
  )
  assert.equal(runCold(Op.DataDrop, [0], instance), PC + 2)
  assert.equal(runCold(Op.ElemDrop, [0], instance), PC + 2)
  assert.deepEqual([newData(0, 0, bytes), newData(0, 1, bytes)], [0, out])
  assert.deepEqual([newElem(0, 0), newElem(0, 1)], [0, -TrapCode.TableOutOfBounds])
})

test('a request beyond the heap cap is a trap, and the heap goes on', () => {
  const instance = instanceOf(ARRAYS, new Store({ limits: { gcHeapBytes: 1 << 20 } }))
  const [bytes, , , longs, , , vectors] = instance.module.canon
  const tooLarge = -TrapCode.AllocationTooLarge
  clearFrame()
  assert.equal(run(instance, Op.ArrayNewDefault, true, [1 << 20], bytes), tooLarge)
  assert.equal(run(instance, Op.ArrayNewDefault, true, [0xffffffff], bytes), tooLarge)
  assert.equal(run(instance, Op.ArrayNew, true, [1, 0xffffffff], longs), tooLarge)
  assert.equal(
    run(instance, Op.ArrayNewDefault, true, [0x10000000], vectors),
    tooLarge,
    'the low 32 bits of the size are 0',
  )
  // Garbage is collected when the cap is reached: hundreds of times the cap in all.
  for (let n = 0; n < 1000; n++) assert.equal(run(instance, Op.ArrayNewDefault, true, [300_000], bytes), 0)
})

test('operands survive the collection of their own allocation', () => {
  const store = new Store({ gcStress: true })
  const instance = instanceOf(
    `(module (type $node (struct (field (ref null $node)) (field i32))) (type (array (ref null $node))))`,
    store,
  )
  const [node, array] = instance.module.canon
  clearFrame()
  // A list whose only root is the operand slot.
  setSlot(8, 0)
  for (let n = 0; n < 200; n++) {
    setSlot(9, n)
    assert.equal(runCold(Op.StructNew, [8, 8, node], instance), PC + 4)
  }
  const list = wordOf(8)
  // array.new and array.new_fixed of it.
  setSlot(9, 3)
  assert.equal(runCold(Op.ArrayNew, [2, 8, 9, array], instance), PC + 5)
  assert.equal(get(instance, Op.ArrayGet, [wordOf(2), 2], array), list)
  setSlot(8, list)
  setSlot(9, list)
  assert.equal(runCold(Op.ArrayNewFixed, [8, 8, array, 2], instance), PC + 5)
  const both = wordOf(8)
  let at = get(instance, Op.ArrayGet, [both, 1], array)
  for (let n = 199; n >= 0; n--) {
    assert.equal(get(instance, Op.StructGet, [at], node, 1), n)
    at = get(instance, Op.StructGet, [at], node, 0)
  }
  assert.equal(at, 0)
  assert.ok(store.heap.collections > 200)
})

// ---- references -----------------------------------------------------------------------------------------------------------------

test('ref.test and ref.cast: every kind of reference against every kind of type', () => {
  const store = new Store()
  const instance = instanceOf(
    `(module
      (type $base (sub (struct (field i32)))) (type $derived (sub $base (struct (field i32) (field i64))))
      (type $other (sub (struct (field i32) (field i32)))) (type $array (array i8))
      (type $fbase (sub (func))) (type $fderived (sub $fbase (func)))
      (func $f (type $fbase)) (func $g (type $fderived)) (elem declare func $f $g))`,
    store,
  )
  const [base, derived, other, array, fbase, fderived] = instance.module.canon
  const any = {
    null: 0,
    zero: i31(0),
    negative: i31(-1),
    base: get(instance, Op.StructNewDefault, [], base),
    derived: get(instance, Op.StructNewDefault, [], derived),
    array: get(instance, Op.ArrayNewDefault, [0], array),
    // A host value under anyref.
    host: store.externWord({}),
  }
  const func = { null: 0, f: (instance.funcIds[0] << 3) | 2, g: (instance.funcIds[1] << 3) | 2 }
  const check = (words: Record<string, number>, type: (nullable: boolean) => number, matching: string[]): void => {
    for (const [what, word] of Object.entries(words))
      for (const nullable of [false, true]) {
        const expected = word === 0 ? nullable : matching.includes(what)
        const label = `${what} as ${type(nullable).toString(16)}`
        const [test, castOp] = nullable ? [Op.RefTestNull, Op.RefCastNull] : [Op.RefTest, Op.RefCast]
        assert.equal(get(instance, test, [word], type(nullable)), expected ? 1 : 0, label)
        const outcome = run(instance, castOp, true, [word], type(nullable))
        assert.equal(outcome, expected ? 0 : -TrapCode.CastFailure, label)
        if (expected) assert.equal(wordOf(2), word, label)
      }
  }
  const abstract = (heap: Heap) => (nullable: boolean) => refAbstract(heap, nullable)
  const concrete = (id: number) => (nullable: boolean) => refConcrete(id, nullable)
  const objects = ['base', 'derived', 'array']
  check(any, abstract(Heap.Any), [...objects, 'zero', 'negative', 'host'])
  check(any, abstract(Heap.Eq), [...objects, 'zero', 'negative'])
  check(any, abstract(Heap.I31), ['zero', 'negative'])
  check(any, abstract(Heap.Struct), ['base', 'derived'])
  check(any, abstract(Heap.Array), ['array'])
  check(any, abstract(Heap.None), [])
  check(any, concrete(base), ['base', 'derived'])
  check(any, concrete(derived), ['derived'])
  check(any, concrete(other), [])
  check(any, concrete(array), ['array'])
  check(func, abstract(Heap.Func), ['f', 'g'])
  check(func, abstract(Heap.NoFunc), [])
  check(func, concrete(fbase), ['f', 'g'])
  check(func, concrete(fderived), ['g'])
  check({ null: 0, host: any.host, struct: any.base, small: i31(3) }, abstract(Heap.Extern), [
    'host',
    'struct',
    'small',
  ])
  check({ null: 0, host: any.host }, abstract(Heap.NoExtern), [])
  check({ null: 0 }, abstract(Heap.NoExn), [])
})

// ---- exceptions -------------------------------------------------------------------------------------------------------------------

test('throw packs the payload; throw_ref throws the same object again', () => {
  const store = new Store({ gcStress: true })
  const instance = instanceOf('(module (tag (param i32 v128 f64 i31ref i64)) (tag))', store)
  clearFrame()
  const values = [-7, 0x1122334455667788n, -9n, 0x7ff4000000000001n, i31(4), -1n << 40n]
  values.forEach((value, i) => setSlot(8 + i, value))
  const raise = (op: number, ...words: number[]): number => {
    CODE.set([0x1000 + op, ...words], PC)
    CTX[Ctx.A] = 0
    assert.equal(~cold(CODE[PC], PC, FP, instance), Exit.Throw)
    assert.equal(CTX[Ctx.Pc], PC)
    return CTX[Ctx.A]
  }
  const word = raise(Op.Throw, 8, 0)
  assert.equal(store.heap.tagOf(word), instance.tags[0].id)
  // In nobody's register, it must survive until it is caught.
  clearFrame()
  for (let n = 0; n < 5; n++) store.heap.collect()
  assert.equal(readPayload(store, word, FP + 8), FP + 14)
  assert.deepEqual([wordOf(8), longOf(9), longOf(10), longOf(11), wordOf(12), longOf(13)], values)
  setSlot(8, word)
  assert.equal(raise(Op.ThrowRef, 8), word)
  assert.equal(store.heap.tagOf(raise(Op.Throw, 8, 1)), instance.tags[1].id, 'without a payload')
})
