// Atomic instructions against the host's engine, and between agents.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { TrapCode } from '../../src/runtime/machine.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { OPCODES, type OpRow } from '../../src/wasm/opcodes.ts'
import { type Bytes, code, END, exports_, func, funcs, leb, memories, module, name, types } from '../wasm/binary.ts'
import { instanceOf, longOf, operandsOf, PC, random, resultsOf, runCold, setSlot, wordOf } from './oracle.ts'

const PAGE = 65536
const ACCESSES = OPCODES.filter(([id]) => id >= Op.I32AtomicLoad)
const NOTIFY_AND_WAIT = OPCODES.filter(([id]) => id >= Op.MemoryAtomicNotify && id <= Op.MemoryAtomicWait64)
const OFFSETS = [0, 1, 8, PAGE - 8]
const CODES: Readonly<Record<string, number>> = { a: 0x7f, i: 0x7f, l: 0x7e }

type Function = (...args: (number | bigint)[]) => number | bigint | undefined

/** The host's functions by row and offset, over one memory. */
function hostFunctions(rows: readonly OpRow[], shared: boolean): { memory: Uint8Array; call: Function[][] } {
  const all = rows.flatMap((row) => OFFSETS.map((offset) => ({ row, offset })))
  const bytes = module(
    types(
      ...rows.map((row) =>
        func(
          [...operandsOf(row)].map((c) => CODES[c]),
          [...resultsOf(row)].map((c) => CODES[c]),
        ),
      ),
    ),
    funcs(...all.map(({ row }) => rows.indexOf(row))),
    memories([shared ? 3 : 1, 1, 2]),
    exports_([name('m'), 2, 0], ...all.map((_, i): Bytes => [name(`f${i}`), 0, leb(i)])),
    code(
      ...all.map(({ row, offset }): Bytes => {
        const operands = [...operandsOf(row)].map((_, i): Bytes => [0x20, i])
        return [0, operands, 0xfe, leb(row[0] - 0x500), row[5]!, leb(offset), END]
      }),
    ),
  )
  const { Module, Instance } = (globalThis as any).WebAssembly
  const { exports } = new Instance(new Module(bytes))
  return {
    memory: new Uint8Array(exports.m.buffer),
    call: rows.map((_, i) => OFFSETS.map((_, j) => exports[`f${i * OFFSETS.length + j}`])),
  }
}

function trapOf(message: string): TrapCode {
  if (message === 'memory access out of bounds') return TrapCode.MemoryOutOfBounds
  if (message === 'operation does not support unaligned accesses') return TrapCode.UnalignedAtomic
  if (message === 'Atomics.wait cannot be called in this context') return TrapCode.ExpectedShared
  throw new Error(`unknown trap: ${message}`)
}

/** Runs random accesses on both; results, traps and memory must be the same. */
function compare(rows: readonly OpRow[], shared: boolean, rounds: number): Map<number | 'done', number> {
  const host = hostFunctions(rows, shared)
  const instance = instanceOf(`(module (memory 1 2 ${shared ? 'shared' : ''}))`)
  const [memory] = instance.memories
  const next = random(shared ? 11 : 12)
  for (let i = 0; i < PAGE; i++) host.memory[i] = memory.u8[i] = next(4)
  const outcomes = new Map<number | 'done', number>()
  rows.forEach((row, r) => {
    const letters = operandsOf(row)
    for (let n = 0; n < rounds; n++) {
      const o = next(OFFSETS.length)
      const address = [next(PAGE), next(64), next(16) * 8, PAGE - next(20), 0xffffffff - next(8), next(PAGE / 8) * 8][
        next(6)
      ]
      const args: (number | bigint)[] = [address]
      for (const letter of letters.slice(1)) {
        // Small ones meet what is in memory, so that some exchanges happen; high bits beyond a narrow width too.
        const value = next(3) === 0 ? next(4) : next(2) === 0 ? next(2 ** 32) : next(4) | 0x100
        args.push(letter === 'l' ? (BigInt(next(4) === 0 ? next(2 ** 32) : 0) << 32n) | BigInt(value) : value | 0)
      }
      if (row[0] === Op.MemoryAtomicWait32 || row[0] === Op.MemoryAtomicWait64) args[2] = BigInt(next(1000))
      args.forEach((value, i) => setSlot(4 + i, value))
      const hasResult = resultsOf(row) !== ''
      const words = [...(hasResult ? [0] : []), ...args.map((_, i) => 4 + i), OFFSETS[o], 0, 0]
      const what = `${row[1]}(${args.join(', ')}) offset=${OFFSETS[o]}`
      let expected: number | bigint | undefined
      let trap = 0
      try {
        expected = host.call[r][o](...args)
      } catch (error) {
        trap = trapOf((error as Error).message)
        // Of an address that is both, Node 20's V8 says out of bounds, newer ones unaligned, as we do.
        if (trap === TrapCode.MemoryOutOfBounds && (address + OFFSETS[o]) % 2 ** row[5]! !== 0)
          trap = TrapCode.UnalignedAtomic
      }
      const actual = runCold(row[0], words, instance)
      if (trap !== 0) assert.equal(actual, -trap, what)
      else {
        assert.equal(actual, PC + 1 + words.length, what)
        if (resultsOf(row) === 'i') assert.equal(wordOf(0), expected, what)
        if (resultsOf(row) === 'l') assert.equal(longOf(0), expected, what)
      }
      outcomes.set(trap || 'done', (outcomes.get(trap || 'done') ?? 0) + 1)
      const at = Math.min((address + OFFSETS[o]) >>> 0, PAGE - 8)
      assert.equal(Buffer.compare(memory.u8.subarray(at, at + 8), host.memory.subarray(at, at + 8)), 0, what)
    }
  })
  assert.equal(Buffer.compare(memory.u8.subarray(0, PAGE), host.memory.subarray(0, PAGE)), 0)
  return outcomes
}

for (const shared of [false, true]) {
  test(`every atomic access on ${shared ? 'shared' : 'unshared'} memory does what V8 does`, (t) => {
    assert.equal(ACCESSES.length, 63)
    const outcomes = compare(ACCESSES, shared, 300)
    t.diagnostic(JSON.stringify([...outcomes]))
    for (const outcome of ['done', TrapCode.MemoryOutOfBounds, TrapCode.UnalignedAtomic] as const)
      assert.ok(outcomes.get(outcome)! > 500, `${outcome}`)
  })
  test(`notify and wait on ${shared ? 'shared' : 'unshared'} memory do what V8 does`, (t) => {
    const outcomes = compare(NOTIFY_AND_WAIT, shared, 300)
    t.diagnostic(JSON.stringify([...outcomes]))
    assert.equal(outcomes.has(TrapCode.ExpectedShared), !shared)
  })
}

test('atomic.fence', () => {
  assert.equal(runCold(Op.AtomicFence, []), PC + 1)
})

test('the views follow a memory that grows into its reserve', () => {
  const instance = instanceOf('(module (memory 20 100))')
  const [memory] = instance.memories
  const store = (at: number): number => {
    setSlot(4, at)
    setSlot(5, 1234)
    return runCold(Op.I32AtomicStore, [4, 5, 0, 0, 0], instance)
  }
  assert.equal(store(0), PC + 6)
  assert.equal(memory.grow(1), 20)
  assert.equal(store(20 * PAGE), PC + 6)
  const { buffer } = memory
  assert.equal(memory.grow(1), 21)
  assert.equal(memory.buffer, buffer, 'grown in place')
  assert.equal(store(22 * PAGE - 4), PC + 6)
  assert.equal(memory.dv.getInt32(22 * PAGE - 4, true), 1234)
  assert.equal(store(22 * PAGE), -TrapCode.MemoryOutOfBounds, 'the reserve is out of bounds')
})

test('64-bit addresses, also beyond 2^53', () => {
  const instance = instanceOf('(module (memory i64 1))')
  const load = (at: bigint): number => {
    setSlot(4, at)
    return runCold(Op.I64AtomicLoad, [0, 4, 8, 0, 0], instance)
  }
  instance.memories[0].dv.setBigInt64(16, -5n, true)
  assert.equal(load(8n), PC + 6)
  assert.equal(longOf(0), -5n)
  assert.equal(load(BigInt(PAGE)), -TrapCode.MemoryOutOfBounds)
  assert.equal(load(1n << 63n), -TrapCode.MemoryOutOfBounds)
  assert.equal(load((1n << 63n) | 1n), -TrapCode.UnalignedAtomic)
  assert.equal(load(-8n), -TrapCode.MemoryOutOfBounds)
})

test('one agent waits, another wakes it', async () => {
  const instance = instanceOf('(module (memory 1 1 shared))')
  const [memory] = instance.memories
  // The other agent stores, and notifies until somebody was there.
  const worker = new Worker(
    `const { workerData: { buffer } } = require('node:worker_threads')
     const view = new Int32Array(buffer)
     while (Atomics.notify(view, 4, 1) === 0) Atomics.wait(view, 0, 0, 1)
     while (Atomics.notify(view, 6, 1) === 0) Atomics.wait(view, 0, 0, 1)`,
    { eval: true, workerData: { buffer: memory.buffer } },
  )
  const exit = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  const wait = (op: number, at: number, expected: bigint, timeout: bigint): number => {
    setSlot(4, at)
    setSlot(5, expected)
    setSlot(6, timeout)
    assert.equal(runCold(op, [0, 4, 5, 6, 0, 0, 0], instance), PC + 8)
    return wordOf(0)
  }
  assert.equal(wait(Op.MemoryAtomicWait32, 16, 0n, 20_000_000_000n), 0, 'woken')
  assert.equal(wait(Op.MemoryAtomicWait64, 24, 0n, -1n), 0, 'woken, without a timeout')
  assert.equal(wait(Op.MemoryAtomicWait32, 16, 1n, -1n), 1, 'another value')
  assert.equal(wait(Op.MemoryAtomicWait32, 16, 0n, 0n), 2, 'no time at all')
  const start = performance.now()
  assert.equal(wait(Op.MemoryAtomicWait64, 24, 0n, 3_000_000n), 2, 'timed out')
  assert.ok(performance.now() - start >= 2, 'nanoseconds')
  await exit
})

test('where the host lets nobody block, waiting is a trap', (t) => {
  const instance = instanceOf('(module (memory 1 1 shared))')
  t.mock.method(Atomics, 'wait', () => {
    throw new TypeError('Atomics.wait cannot be called in this context')
  })
  setSlot(4, 0)
  assert.equal(runCold(Op.MemoryAtomicWait32, [0, 4, 5, 6, 0, 0, 0], instance), -TrapCode.ExpectedShared)
})
