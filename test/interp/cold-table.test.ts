// Table instructions with indices of both widths, against a model.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Instance } from '../../src/runtime/instance.ts'
import { TrapCode } from '../../src/runtime/machine.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { instanceOf, longOf, PC, random, runCold, setSlot, wordOf } from './oracle.ts'

const OUT = -TrapCode.TableOutOfBounds
/** An i31 reference: any word will do in a table. */
const ref = (n: number): number => (n << 1) | 1

/** Tables 0 and 1 have 32-bit indices, 2 and 3 have 64-bit ones. */
const make = (): Instance =>
  instanceOf(`(module
    (table 10 40 i31ref) (table 20 i31ref) (table i64 12 50 i31ref) (table i64 5 i31ref)
    (elem i31ref (ref.i31 (i32.const 100)) (ref.i31 (i32.const 101)) (ref.i31 (i32.const 102)) (ref.null i31))
    (elem (table 0) (i32.const 0) i31ref (ref.i31 (i32.const 9))))`)

const isWide = (table: number): boolean => table >= 2

/** Runs an op with operands in slots from 4, result in slot 2. An i32 operand gets garbage above its 32 bits. */
function run(
  instance: Instance,
  op: number,
  hasResult: boolean,
  operands: [bigint, boolean][],
  ...rest: number[]
): number {
  operands.forEach(([value, wide], i) => setSlot(4 + i, wide ? value : value | 0x7777777700000000n))
  const words = [...(hasResult ? [2] : []), ...operands.map((_, i) => 4 + i), ...rest]
  const next = runCold(op, words, instance)
  assert.ok(next < 0 || next === PC + 1 + words.length, `next pc of op ${op}`)
  return next < 0 ? next : 0
}

test('table.get and table.set', () => {
  const instance = make()
  instance.tables.forEach((table, t) => {
    const wide = isWide(t)
    const set = (at: bigint): number =>
      run(
        instance,
        Op.TableSet,
        false,
        [
          [at, wide],
          [BigInt(ref(7)), true],
        ],
        t,
      )
    const get = (at: bigint): number => run(instance, Op.TableGet, true, [[at, wide]], t)
    const last = BigInt(table.size - 1)
    assert.equal(set(last), 0)
    assert.equal(get(last), 0)
    assert.equal(wordOf(2), ref(7))
    assert.equal(get(1n), 0)
    assert.equal(wordOf(2), 0, 'null')
    for (const at of [last + 1n, 0x7fffffffn, 0xffffffffn]) assert.deepEqual([get(at), set(at)], [OUT, OUT])
    if (wide)
      for (const at of [1n << 32n, (1n << 53n) + 1n, 1n << 63n, (1n << 64n) - 1n])
        assert.deepEqual([get(at), set(at)], [OUT, OUT], `${at}`)
  })
})

test('table.size and table.grow answer in the index type', () => {
  const instance = make()
  const size = (t: number): bigint => {
    setSlot(2, 0x5555555555555555n)
    run(instance, Op.TableSize, true, [], t)
    return longOf(2)
  }
  const grow = (t: number, delta: bigint): bigint => {
    setSlot(2, 0x5555555555555555n)
    run(
      instance,
      Op.TableGrow,
      true,
      [
        [BigInt(ref(3)), true],
        [delta, isWide(t)],
      ],
      t,
    )
    return longOf(2)
  }
  const HIGH = 0x5555555500000000n
  assert.equal(size(0), HIGH | 10n)
  assert.equal(size(2), 12n)
  assert.equal(grow(0, 5n), HIGH | 10n)
  assert.equal(grow(0, 26n), HIGH | 0xffffffffn)
  assert.equal(grow(0, 25n), HIGH | 15n)
  assert.equal(grow(1, 0xffffffffn), HIGH | 0xffffffffn)
  assert.equal(grow(2, 0n), 12n)
  assert.equal(grow(2, 38n), 12n)
  assert.equal(grow(2, 1n), -1n)
  for (const delta of [1n << 32n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n]) assert.equal(grow(3, delta), -1n)
  assert.deepEqual([size(0), size(2), size(3)], [HIGH | 40n, 50n, 5n])
  assert.deepEqual([...instance.tables[0].words.subarray(8, 12)], [0, 0, ref(3), ref(3)])
})

test('table.fill, copy and init do all or nothing', () => {
  const instance = make()
  const next = random(3)
  const segment = [ref(100), ref(101), ref(102), 0]
  let traps = 0
  for (let n = 0; n < 6000; n++) {
    const models = instance.tables.map((table) => [...table.words.subarray(0, table.size)])
    const [a, b, kind] = [next(4), next(4), next(3)]
    const index = (size: number): bigint =>
      BigInt(next(10) === 0 ? [0xffffffff, 0x80000000, size + 1][next(3)] : next(size + 2))
    const fits = (t: number, at: bigint, count: bigint): boolean => at + count <= BigInt(models[t].length)
    const to = index(models[a].length)
    let ok: boolean
    let actual: number
    if (kind === 0) {
      const count = index(8)
      ok = fits(a, to, count)
      actual = run(
        instance,
        Op.TableFill,
        false,
        [
          [to, isWide(a)],
          [BigInt(ref(n)), true],
          [count, isWide(a)],
        ],
        a,
      )
      if (ok) models[a].fill(ref(n), Number(to), Number(to + count))
    } else if (kind === 1) {
      const [from, count] = [index(models[b].length), index(8)]
      ok = fits(a, to, count) && fits(b, from, count)
      const operands: [bigint, boolean][] = [
        [to, isWide(a)],
        [from, isWide(b)],
        [count, isWide(a) && isWide(b)],
      ]
      actual = run(instance, Op.TableCopy, false, operands, a, b)
      const moved = models[b].slice(Number(from), Number(from + count))
      if (ok) models[a].splice(Number(to), moved.length, ...moved)
    } else {
      const [from, count] = [index(4), index(4)]
      ok = fits(a, to, count) && from + count <= 4n
      actual = run(
        instance,
        Op.TableInit,
        false,
        [
          [to, isWide(a)],
          [from, false],
          [count, false],
        ],
        0,
        a,
      )
      if (ok) models[a].splice(Number(to), Number(count), ...segment.slice(Number(from), Number(from + count)))
    }
    assert.equal(actual, ok ? 0 : OUT, `case ${n}`)
    if (!ok) traps++
    instance.tables.forEach((table, i) =>
      assert.deepEqual([...table.words.subarray(0, table.size)], models[i], `case ${n}`),
    )
  }
  assert.ok(traps > 1000 && traps < 5000, `${traps} traps`)
})

test('64-bit operands beyond any table trap', () => {
  const instance = make()
  for (const huge of [1n << 32n, (1n << 53n) + 1n, 1n << 63n, (1n << 64n) - 1n])
    for (let i = 0; i < 3; i++) {
      const operands = [0, 1, 2].map((k): [bigint, boolean] => [k === i ? huge : 0n, true])
      if (i !== 1) assert.equal(run(instance, Op.TableFill, false, operands, 2), OUT)
      assert.equal(run(instance, Op.TableCopy, false, operands, 2, 3), OUT)
      if (i === 0) assert.equal(run(instance, Op.TableInit, false, operands, 0, 2), OUT)
    }
})

test('dropped and active element segments have no elements', () => {
  const instance = make()
  const init = (segment: number, from: bigint, count: bigint): number =>
    run(
      instance,
      Op.TableInit,
      false,
      [
        [0n, false],
        [from, false],
        [count, false],
      ],
      segment,
      0,
    )
  assert.equal(init(1, 0n, 1n), OUT)
  assert.equal(init(1, 0n, 0n), 0)
  assert.equal(init(0, 0n, 4n), 0)
  assert.equal(run(instance, Op.ElemDrop, false, [], 0), 0)
  assert.deepEqual([init(0, 0n, 0n), init(0, 0n, 1n), init(0, 1n, 0n)], [0, OUT, OUT])
})
