// Loads, stores and bulk instructions on memories of both address types, against a model on byte arrays and BigInt.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Instance } from '../../src/runtime/instance.ts'
import { TrapCode } from '../../src/runtime/machine.ts'
import { createSharedMemoryFrom } from '../../src/runtime/memory.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { OPCODES } from '../../src/wasm/opcodes.ts'
import { instanceOf, PC, random, longOf, runCold, setSlot, split } from './oracle.ts'

const OUT = -TrapCode.MemoryOutOfBounds
const PAGE = 65536

/** Two memories with 32-bit addresses, two with 64-bit ones, and data. */
const make = (): Instance =>
  instanceOf(`(module
    (memory 1 5) (memory 2) (memory i64 1 4) (memory i64 2)
    (data "\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a") (data (memory 0) (i32.const 0) "active"))`)

function scramble(instance: Instance, seed: number): void {
  const next = random(seed)
  for (const memory of instance.memories) for (let i = 0; i < memory.byteLength; i++) memory.u8[i] = next(256)
}

/** Bytes that a load or store touches, from its name. */
const bytesOf = (name: string): number => Number(/(8|16|32)(_[su])?$/.exec(name)?.[1] ?? name.slice(1, 3)) / 8

/** Effective addresses around the bounds, as address and offset. */
function* places(size: bigint, bytes: bigint, wide: boolean): Generator<[address: bigint, offset: bigint]> {
  const high = wide ? 0xffffffffffffffffn : 0xffffffffn
  const edges = [
    0n,
    1n,
    7n,
    1000n,
    size - bytes,
    size - bytes + 1n,
    size - 1n,
    size,
    size + 1n,
    1n << 31n,
    0xffffffffn,
    high,
  ]
  if (wide) edges.push(1n << 32n, (1n << 53n) - bytes, 1n << 53n, (1n << 53n) + 1n, 1n << 63n, -bytes & high)
  for (const address of edges) for (const offset of edges) yield [address, offset]
}

test('loads and stores of every width, at every bound', () => {
  const rows = OPCODES.filter(([id]) => id >= Op.I32Load && id <= Op.I64Store32)
  assert.equal(rows.length, 23)
  const instance = make()
  let cases = 0
  let inside = 0
  for (const [op, name, signature] of rows) {
    scramble(instance, op)
    const bytes = bytesOf(name)
    const isStore = op >= Op.I32Store
    const result64 = 'ld'.includes(signature.at(-1)!)
    instance.memories.forEach((memory, index) => {
      const { u8, byteLength } = memory
      for (const [address, offset] of places(BigInt(byteLength), BigInt(bytes), memory.type.address64)) {
        cases++
        const at = address + offset
        const fits = at + BigInt(bytes) <= BigInt(byteLength)
        setSlot(3, address)
        if (isStore) {
          const value = 0x8182838485868788n
          setSlot(4, value)
          const before = u8.slice()
          const next = runCold(op, [3, 4, ...split(offset), index], instance)
          assert.equal(next, fits ? PC + 6 : OUT, `${name} at ${address} + ${offset}`)
          if (fits) for (let i = 0; i < bytes; i++) before[Number(at) + i] = Number((value >> BigInt(8 * i)) & 255n)
          assert.equal(Buffer.compare(u8, before), 0, `${name} at ${address} + ${offset}`)
        } else {
          setSlot(2, -1n)
          const next = runCold(op, [2, 3, ...split(offset), index], instance)
          assert.equal(next, fits ? PC + 6 : OUT, `${name} at ${address} + ${offset}`)
          let expected = 0n
          if (fits) for (let i = bytes - 1; i >= 0; i--) expected = (expected << 8n) | BigInt(u8[Number(at) + i])
          if (name.endsWith('_s')) expected = BigInt.asIntN(bytes * 8, expected)
          const width = result64 ? 64 : 32
          const actual = BigInt.asUintN(width, longOf(2))
          // A trap leaves the result alone.
          assert.equal(actual, BigInt.asUintN(width, fits ? expected : -1n), `${name} at ${address} + ${offset}`)
        }
        if (fits) inside++
      }
    })
  }
  assert.ok(inside > 500 && cases - inside > 5000, `${inside} of ${cases} inside`)
})

test('a result may lie where the address was', () => {
  const instance = make()
  instance.memories[2].dv.setBigInt64(16, 0x1122334455667788n, true)
  setSlot(3, 16n)
  assert.equal(runCold(Op.I64Load, [3, 3, 0, 0, 2], instance), PC + 6)
  assert.equal(longOf(3), 0x1122334455667788n)
})

test('memory.size and memory.grow answer in the address type', () => {
  const instance = make()
  const grow = (index: number, delta: bigint): bigint => {
    setSlot(3, delta)
    setSlot(2, 0x5555555555555555n)
    assert.equal(runCold(Op.MemoryGrow, [2, 3, index], instance), PC + 4)
    return longOf(2)
  }
  const size = (index: number): bigint => {
    setSlot(2, 0x5555555555555555n)
    assert.equal(runCold(Op.MemorySize, [2, index], instance), PC + 3)
    return longOf(2)
  }
  const HIGH = 0x5555555500000000n
  assert.equal(size(0), HIGH | 1n, 'i32: the high half stays')
  assert.equal(size(2), 1n)
  assert.equal(grow(0, 2n), HIGH | 1n)
  assert.equal(grow(0, 0n), HIGH | 3n)
  assert.equal(grow(0, 3n), HIGH | 0xffffffffn, 'beyond the maximum')
  assert.equal(grow(0, 0xffffffffn), HIGH | 0xffffffffn)
  assert.equal(grow(0, HIGH | 1n), HIGH | 3n, 'the high half of an i32 operand means nothing')
  assert.equal(size(0), HIGH | 4n)
  assert.equal(instance.memories[0].byteLength, 4 * PAGE)
  assert.equal(grow(2, 3n), 1n)
  assert.equal(grow(2, 1n), -1n)
  for (const delta of [1n << 32n, 1n << 48n, (1n << 48n) + 1n, 1n << 53n, 1n << 63n, -1n]) {
    assert.equal(grow(2, delta), -1n, `by ${delta}`)
    assert.equal(grow(3, delta), -1n, `by ${delta}`)
  }
  assert.equal(size(2), 4n)
  assert.equal(size(3), 2n)
})

test('memory.fill, copy and init do all or nothing', () => {
  const instance = make()
  const next = random(5)
  const near = (size: number): bigint => {
    switch (next(6)) {
      case 0:
        return BigInt(size - next(20))
      case 1:
        return BigInt(size + next(3))
      case 2:
        return next(8) === 0 ? 0xffffffffn : BigInt(next(50))
      default:
        return BigInt(next(size))
    }
  }
  const length = (): bigint => BigInt([0, 0, 1, next(40), next(3000), next(70000)][next(6)])
  const wide = (index: number): boolean => index >= 2
  const size = (index: number): number => instance.memories[index].byteLength
  const fits = (index: number, at: bigint, count: bigint): boolean => at + count <= BigInt(size(index))
  /** As an operand: what an i32 has above its 32 bits must not matter. */
  const operand = (value: bigint, is64: boolean): bigint => (is64 ? value : value | (BigInt(next(2 ** 32)) << 32n))
  let traps = 0
  scramble(instance, 9)
  for (let n = 0; n < 4000; n++) {
    const [a, b] = [next(4), next(4)]
    const [to, from, count] = [near(size(a)), near(size(b)), length()]
    const copies = instance.memories.map((memory) => memory.u8.slice(0, memory.byteLength))
    const kind = next(3)
    let ok: boolean
    let actual: number
    setSlot(3, operand(to, wide(a)))
    if (kind === 0) {
      ok = fits(a, to, count)
      setSlot(4, 0xabc00n | BigInt(n & 255))
      setSlot(5, operand(count, wide(a)))
      actual = runCold(Op.MemoryFill, [3, 4, 5, a], instance)
      if (ok) copies[a].fill(n & 255, Number(to), Number(to + count))
      assert.equal(actual, ok ? PC + 5 : OUT)
    } else if (kind === 1) {
      ok = fits(a, to, count) && fits(b, from, count)
      setSlot(4, operand(from, wide(b)))
      setSlot(5, operand(count, wide(a) && wide(b)))
      actual = runCold(Op.MemoryCopy, [3, 4, 5, a, b], instance)
      if (ok) copies[a].set(copies[b].slice(Number(from), Number(from + count)), Number(to))
      assert.equal(actual, ok ? PC + 6 : OUT)
    } else {
      const [start, some] = [BigInt(next(12)), BigInt(next(12))]
      ok = fits(a, to, some) && start + some <= 10n
      setSlot(4, operand(start, false))
      setSlot(5, operand(some, false))
      actual = runCold(Op.MemoryInit, [3, 4, 5, 0, a], instance)
      if (ok) for (let i = 0; i < Number(some); i++) copies[a][Number(to) + i] = Number(start) + i + 1
      assert.equal(actual, ok ? PC + 6 : OUT)
    }
    if (!ok) traps++
    instance.memories.forEach((memory, i) => {
      if (Buffer.compare(memory.u8.subarray(0, memory.byteLength), copies[i]) !== 0)
        assert.fail(`case ${n}: kind ${kind}, memory ${i} differs`)
    })
  }
  assert.ok(traps > 500 && traps < 3500, `${traps} traps`)
})

test('huge 64-bit operands of bulk instructions trap', () => {
  const instance = make()
  for (const huge of [1n << 32n, (1n << 53n) + 1n, 1n << 63n, (1n << 64n) - 1n]) {
    const run = (op: number, operands: readonly bigint[], immediates: readonly number[]): number => {
      operands.forEach((value, i) => setSlot(3 + i, value))
      return runCold(op, [3, 4, 5, ...immediates], instance)
    }
    assert.equal(run(Op.MemoryFill, [huge, 0n, 0n], [2]), OUT)
    assert.equal(run(Op.MemoryFill, [0n, 0n, huge], [2]), OUT)
    assert.equal(run(Op.MemoryCopy, [huge, 0n, 0n], [2, 3]), OUT)
    assert.equal(run(Op.MemoryCopy, [0n, huge, 0n], [2, 3]), OUT)
    assert.equal(run(Op.MemoryCopy, [0n, 0n, huge], [2, 3]), OUT)
    assert.equal(run(Op.MemoryInit, [huge, 0n, 0n], [0, 2]), OUT)
  }
})

test('dropped and active data segments have no bytes', () => {
  const instance = make()
  const init = (segment: number, from: number, count: number): number => {
    setSlot(3, 0)
    setSlot(4, from)
    setSlot(5, count)
    return runCold(Op.MemoryInit, [3, 4, 5, segment, 0], instance)
  }
  assert.equal(init(0, 0, 10), PC + 6)
  assert.equal(init(1, 0, 1), OUT, 'active segments are dropped by instantiation')
  assert.equal(init(1, 0, 0), PC + 6)
  assert.equal(runCold(Op.DataDrop, [0], instance), PC + 2)
  assert.equal(init(0, 0, 0), PC + 6)
  assert.equal(init(0, 0, 1), OUT)
  assert.equal(init(0, 1, 0), OUT)
  assert.equal(runCold(Op.DataDrop, [0], instance), PC + 2, 'twice is fine')
})

test('growth of a shared memory by another agent is seen before an access traps', () => {
  const instance = instanceOf('(module (memory 1 4 shared))')
  const [memory] = instance.memories
  const other = createSharedMemoryFrom(instance.store, memory.type, memory.buffer as SharedArrayBuffer)
  const load = (at: number): number => {
    setSlot(3, at)
    return runCold(Op.I32Load, [2, 3, 0, 0, 0], instance)
  }
  assert.equal(load(PAGE), OUT)
  assert.equal(other.grow(1), 1)
  other.dv.setInt32(PAGE, 77, true)
  assert.equal(load(PAGE), PC + 6)
  assert.equal(longOf(2) & 0xffffffffn, 77n)
  assert.equal(other.grow(1), 2)
  setSlot(3, 2 * PAGE)
  setSlot(4, 1)
  setSlot(5, PAGE)
  assert.equal(runCold(Op.MemoryFill, [3, 4, 5, 0], instance), PC + 5)
  assert.equal(other.u8[3 * PAGE - 1], 1)
  assert.equal(other.grow(1), 3)
  assert.equal(runCold(Op.MemorySize, [2, 0], instance), PC + 3)
  assert.equal(longOf(2) & 0xffffffffn, 4n)
})
