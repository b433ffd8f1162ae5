// Vector instructions against the host's engine, bit by bit; results in place of their operands; loads and stores around the bounds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import type { Instance } from '../../src/runtime/instance.ts'
import { R, RU8, TrapCode } from '../../src/runtime/machine.ts'
import { createSharedMemoryFrom } from '../../src/runtime/memory.ts'
import { parseWat } from '../../src/text/parse.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { OPCODES, type OpRow } from '../../src/wasm/opcodes.ts'
import {
  agree,
  coldNumeric,
  floatLanes,
  FP,
  hex,
  HostOp,
  instanceOf,
  LONGS,
  operandsOf,
  PC,
  random,
  resultsOf,
  runCold,
  setSlot,
  SIZE,
  split,
  WORDS,
} from './oracle.ts'

const VECTOR = OPCODES.filter(([, , , , feature]) => feature === 'simd' || feature === 'relaxed_simd')
const LANEWISE = VECTOR.filter(([, , , imm, feature]) => feature === 'simd' && !imm.startsWith('memarg'))
const RELAXED = VECTOR.filter(([, , , , feature]) => feature === 'relaxed_simd')
const ACCESSES = VECTOR.filter(([, , , imm]) => imm.startsWith('memarg'))

// ---- operands -------------------------------------------------------------------------------------------------------------------

const HALVES = [
  0, 1, 2, 7, 127, 128, 129, 255, 256, 0x4000, 0x5555, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xff7f, 0xff80, 0xfffe, 0xffff,
]
const BYTES = Array.from({ length: 256 }, (_, i) => i)
/** Values of lanes by width; all of them for bytes. */
const POOLS: Readonly<Record<number, readonly (number | bigint)[]>> = { 8: BYTES, 16: HALVES, 32: WORDS, 64: LONGS }
/** Random operands per instruction, beside every pair of the pool. */
const RANDOM = 300
const COUNT = 3

/** Width of the lanes that the instruction reads. */
const widthOf = (name: string): number => Number([...name.matchAll(/(8|16|32|64)x\d/g)].at(-1)?.[1] ?? 32)

function put(bytes: Uint8Array, at: number, width: number, value: number | bigint): void {
  const view = new DataView(bytes.buffer)
  if (width === 64) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true)
  else if (width === 32) view.setUint32(at, Number(value), true)
  else if (width === 16) view.setUint16(at, Number(value), true)
  else bytes[at] = Number(value)
}

/** Operands of 16 bytes each: every pair of edge values in some lane of the first two, each value in all lanes, then random ones. */
function* operandSets(row: OpRow, next: (n: number) => number): Generator<Uint8Array> {
  const bytes = new Uint8Array(16 * COUNT)
  const width = widthOf(row[1])
  const step = width / 8
  const pool = POOLS[width]
  const scramble = (): void => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next(256)
  }
  const operands = operandsOf(row)
  if (operands.startsWith('v')) {
    const others = operands.startsWith('vv') ? pool : [0]
    let at = 0
    scramble()
    for (const a of pool) {
      for (const b of others) {
        put(bytes, at, width, a)
        if (others === pool) put(bytes, 16 + at, width, b)
        at += step
        if (at < 16) continue
        yield bytes
        at = 0
        scramble()
      }
    }
    // The last vector may be full or not: what is not set is random.
    yield bytes
  }
  // One value everywhere: sums of neighbouring lanes at their extremes.
  for (const value of pool) {
    for (let at = 0; at < bytes.length; at += step) put(bytes, at, width, value)
    yield bytes
  }
  for (let n = 0; n < RANDOM; n++) {
    scramble()
    if (n % 2 === 0) {
      // Edges of any width in every operand: shift counts, scalars, masks.
      for (let i = 0; i < COUNT; i++) {
        const other = n % 4 === 0 ? [8, 16, 32, 64][next(4)] : width
        const values = POOLS[other]
        for (let at = 0; at < 16; at += other / 8) put(bytes, 16 * i + at, other, values[next(values.length)])
      }
    }
    yield bytes
  }
}

/** Immediates to try, as bytes of the binary format. */
function* immediatesOf(row: OpRow, next: (n: number) => number): Generator<number[]> {
  const [, name, , imm] = row
  const some = (count: number, below: number): number[] => Array.from({ length: count }, () => next(below))
  if (imm === 'lane') for (let lane = 0; lane < 128 / widthOf(name); lane++) yield [lane]
  else if (imm === 'shuffle') {
    yield BYTES.slice(0, 16)
    yield BYTES.slice(16, 32)
    yield BYTES.slice(0, 32).filter((lane) => lane % 2 === 1)
    for (let n = 0; n < 12; n++) yield some(16, 32)
  } else if (imm === 'v128') for (let n = 0; n < 4; n++) yield some(16, 256)
  else yield []
}

/** Immediates as words of the register IR. */
function wordsOf(row: OpRow, immediate: readonly number[]): number[] {
  if (row[3] === 'lane') return [...immediate]
  return [...new Int32Array(Uint8Array.from(immediate).buffer)]
}

/** Holds the cold op against `host` over all operand sets; the number of operand sets. */
function compare(
  row: OpRow,
  immediate: readonly number[],
  sets: Iterable<Uint8Array>,
  host: { readonly bytes: Uint8Array; call(): Uint8Array | TrapCode },
): number {
  const lanes = floatLanes(row)
  const words = wordsOf(row, immediate)
  let count = 0
  for (const operands of sets) {
    host.bytes.set(operands)
    const expected = host.call()
    const actual = coldNumeric(row, operands, words)
    assert.ok(typeof expected !== 'number' && typeof actual !== 'number', 'nothing here traps')
    if (!agree(actual, expected, lanes)) {
      const given = [...operandsOf(row)].map((_, i) => hex(operands.slice(16 * i, 16 * i + 16)))
      assert.fail(`${row[1]} ${immediate.join(' ')} of ${given.join(', ')}: ${hex(actual)}, expected ${hex(expected)}`)
    }
    count++
  }
  return count
}

test('every instruction without memory, as on the host', (t) => {
  assert.equal(LANEWISE.length, 236 - 22)
  let cases = 0
  for (const row of LANEWISE) {
    const next = random(row[0])
    for (const immediate of immediatesOf(row, next)) {
      const host = HostOp.of(row, immediate)
      assert.ok(host !== undefined, `the host knows ${row[1]}`)
      const count = compare(row, immediate, operandSets(row, next), host)
      assert.ok(count >= RANDOM)
      cases += count
    }
  }
  t.diagnostic(`${LANEWISE.length} instructions, ${cases} operand sets`)
})

// ---- relaxed instructions -------------------------------------------------------------------------------------------------------

interface Host {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => {
    readonly exports: { readonly m: { readonly buffer: ArrayBuffer }; f(address?: number): void }
  }
}
const { Module: HostModule, Instance: HostInstance } = (globalThis as unknown as { WebAssembly: Host }).WebAssembly

const A = '(v128.load (i32.const 0))'
const B = '(v128.load (i32.const 16))'
const C = '(v128.load (i32.const 32))'
const RESULT = 128

function hostText(wat: string): { readonly bytes: Uint8Array; call(address?: number): Uint8Array } {
  const { exports } = new HostInstance(new HostModule(parseWat(wat).bytes))
  const bytes = new Uint8Array(exports.m.buffer)
  return {
    bytes,
    call(address) {
      exports.f(address)
      return bytes.slice(RESULT, RESULT + 16)
    },
  }
}

const DOT = `(i16x8.narrow_i32x4_s
  (i32x4.extadd_pairwise_i16x8_s (i16x8.extmul_low_i8x16_s ${A} ${B}))
  (i32x4.extadd_pairwise_i16x8_s (i16x8.extmul_high_i8x16_s ${A} ${B})))`

/** What the deterministic profile makes of a relaxed instruction, in instructions that are not. */
function meaningOf(name: string): string {
  const shape = name.slice(0, 5)
  if (name.endsWith('laneselect')) return `(v128.bitselect ${A} ${B} ${C})`
  if (name.endsWith('nmadd')) return `(${shape}.add (${shape}.mul (${shape}.neg ${A}) ${B}) ${C})`
  if (name.endsWith('madd')) return `(${shape}.add (${shape}.mul ${A} ${B}) ${C})`
  if (name.endsWith('dot_i8x16_i7x16_s')) return DOT
  if (name.endsWith('dot_i8x16_i7x16_add_s')) return `(i32x4.add (i32x4.extadd_pairwise_i16x8_s ${DOT}) ${C})`
  if (name.includes('trunc')) return `(${name.replace('relaxed_trunc', 'trunc_sat')} ${A})`
  if (name.includes('q15mulr')) return `(i16x8.q15mulr_sat_s ${A} ${B})`
  return `(${name.replace('relaxed_', '')} ${A} ${B})`
}

test('relaxed instructions do what the deterministic profile says', (t) => {
  assert.equal(RELAXED.length, 20)
  let cases = 0
  for (const row of RELAXED) {
    const host = hostText(`(module (memory (export "m") 1)
      (func (export "f") (v128.store (i32.const ${RESULT}) ${meaningOf(row[1])})))`)
    cases += compare(row, [], operandSets(row, random(row[0])), host)
  }
  t.diagnostic(`${RELAXED.length} instructions, ${cases} operand sets`)
})

/** Makes operands of which every implementation must make the same. */
function* definedSets(row: OpRow, next: (n: number) => number): Generator<Uint8Array> {
  const [, name] = row
  const bytes = new Uint8Array(16 * COUNT)
  const view = new DataView(bytes.buffer)
  const float = /f(32|64)/.exec(name)?.[1]
  for (let n = 0; n < RANDOM; n++) {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next(256)
    if (float !== undefined) {
      // Small numbers: products and sums are exact, truncation is in range; none is zero.
      const half = (): number => (next(4095) + 1) / 2
      const sign = (): number => (name.includes('trunc') && name.includes('_u') ? 1 : next(2) * 2 - 1)
      for (let i = 0; i < bytes.length; i += Number(float) / 8) {
        if (float === '32') view.setFloat32(i, sign() * half(), true)
        else view.setFloat64(i, sign() * half(), true)
      }
    } else if (name.includes('laneselect')) {
      const lane = widthOf(name) / 8
      for (let at = 0; at < 16; at += lane) bytes.fill(-next(2), 32 + at, 32 + at + lane)
    } else if (name.includes('swizzle')) {
      for (let at = 16; at < 32; at++) if (bytes[at] < 128) bytes[at] &= 15
    } else if (name.includes('dot')) {
      for (let at = 16; at < 32; at++) bytes[at] &= 127
    } else {
      assert.ok(name.includes('q15mulr'))
      for (let at = 0; at < 32; at += 2) if (view.getInt16(at, true) === -0x8000) bytes[at] = 1
    }
    yield bytes
  }
}

test('relaxed instructions, as on the host where all implementations agree', (t) => {
  // Node 20 has them behind a flag, with a defect: its dot_add adds the dot product to itself instead of the third operand.
  const isExperimental = HostOp.of(RELAXED[0]) === undefined
  if (isExperimental) setFlagsFromString('--experimental-wasm-relaxed-simd')
  const rows = RELAXED.filter(([id]) => !isExperimental || id !== Op.I32x4RelaxedDotI8x16I7x16AddS)
  assert.equal(rows.length, isExperimental ? 19 : 20)
  for (const row of rows) {
    const host = HostOp.of(row)
    assert.ok(host !== undefined, `the host knows ${row[1]}`)
    assert.equal(compare(row, [], definedSets(row, random(row[0])), host), RANDOM)
  }
  t.diagnostic(`${rows.length} of ${RELAXED.length} instructions compared`)
})

// ---- NaNs, overlapping results --------------------------------------------------------------------------------------------------

test('canonical NaNs stay canonical', () => {
  for (const row of [...LANEWISE, ...RELAXED]) {
    const lane = floatLanes(row)
    if (lane === 0) continue
    const next = random(row[0])
    // Lanes of the operands; those of promotion and demotion differ from the result's.
    const width = widthOf(row[1])
    const pool =
      width === 64
        ? [0x7ff8000000000000n, 0xfff8000000000000n, 0x7ff0000000000000n, 0xfff0000000000000n, 0n, 0x3ff0000000000000n]
        : [0x7fc00000, 0xffc00000, 0x7f800000, 0xff800000, 0, 0x3f800000]
    const operands = new Uint8Array(16 * COUNT)
    for (let n = 0; n < RANDOM; n++) {
      for (let at = 0; at < operands.length; at += width / 8) put(operands, at, width, pool[next(pool.length)])
      const result = coldNumeric(row, operands)
      assert.ok(typeof result !== 'number')
      const view = new DataView(result.buffer, result.byteOffset)
      for (let at = 0; at < 16; at += lane) {
        if (!Number.isNaN(lane === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true))) continue
        if (lane === 8) assert.equal(view.getBigUint64(at, true) & 0x7fffffffffffffffn, 0x7ff8000000000000n, row[1])
        else assert.equal(view.getUint32(at, true) & 0x7fffffff, 0x7fc00000, row[1])
      }
    }
  }
})

test('a result may lie anywhere in its operands', () => {
  for (const row of [...LANEWISE, ...RELAXED]) {
    const next = random(row[0])
    const last = 2 * operandsOf(row).length + 1
    for (const immediate of immediatesOf(row, next)) {
      const words = wordsOf(row, immediate)
      let n = 0
      for (const operands of operandSets(row, next)) {
        if (n++ === 64) break
        const apart = coldNumeric(row, operands, words) as Uint8Array
        for (let d = 1; d <= last; d++) {
          const actual = coldNumeric(row, operands, words, d) as Uint8Array
          assert.ok(agree(actual, apart, floatLanes(row)), `${row[1]} to slot ${d}: ${hex(actual)}, not ${hex(apart)}`)
        }
      }
    }
  }
})

// ---- memory ---------------------------------------------------------------------------------------------------------------------

const OUT = -TrapCode.MemoryOutOfBounds
const PAGE = 65536
/** Memories: [0] with 32-bit addresses, [1] with 64-bit ones. */
const makeMemories = (): Instance => instanceOf('(module (memory 1 3) (memory i64 1 3))')

/** Slots: result, address, vector. The result may lie in the vector or in the address. */
const RESULT_SLOT = 0
const ADDRESS = 4
const VALUE = 6

const isStore = (row: OpRow): boolean => row[2].endsWith(':')
const isLane = (row: OpRow): boolean => row[3] === 'memarg_lane'
const hasVector = (row: OpRow): boolean => operandsOf(row).includes('v')
const lanesOf = (row: OpRow): number => (isLane(row) ? 16 >> row[5]! : 1)

/** Runs a vector access; the address and the vector must be in their slots. */
function access(row: OpRow, offset: bigint, index: number, lane: number, instance: Instance, d = RESULT_SLOT): number {
  const words = isStore(row) ? [ADDRESS] : [d, ADDRESS]
  if (hasVector(row)) words.push(VALUE)
  words.push(...split(offset), index)
  if (isLane(row)) words.push(lane)
  const next = runCold(row[0], words, instance)
  assert.ok(next === OUT || next === PC + 1 + words.length, `${row[1]} goes on at ${next - PC}`)
  return next
}

const slotBytes = (slot: number): Uint8Array => RU8.slice((FP + slot) << 3, ((FP + slot) << 3) + 16)
const setVector = (slot: number, bytes: Uint8Array): void => RU8.set(bytes, (FP + slot) << 3)

test('loads and stores, as on the host, at every bound', (t) => {
  assert.equal(ACCESSES.length, 22)
  let inside = 0
  let outside = 0
  for (const row of ACCESSES) {
    const [op, name] = row
    const size = 1 << row[5]!
    const next = random(op)
    const instance = makeMemories()
    for (const offset of [0, 1, 300, PAGE - size, 0xffffffff]) {
      const lane = next(lanesOf(row))
      const laneText = isLane(row) ? lane : ''
      const vector = hasVector(row) ? B : ''
      const text = `(${name} offset=${offset} ${laneText} (local.get 0) ${vector})`
      const host = hostText(`(module (memory (export "m") 1) (func (export "f") (param i32)
        ${isStore(row) ? text : `(v128.store (i32.const ${RESULT}) ${text})`}))`)
      for (let i = 0; i < PAGE; i++) host.bytes[i] = next(256)
      for (const memory of instance.memories) memory.u8.set(host.bytes)
      const edges = [0, 1, 2, 511, 4093, PAGE - size - offset, PAGE - size + 1 - offset, PAGE - 1, PAGE, -1, 1 << 31]
      for (const edge of edges) {
        const address = edge >>> 0
        const given = host.bytes.slice(16, 32)
        let expected: Uint8Array | undefined
        try {
          expected = host.call(address)
        } catch (error) {
          assert.equal((error as Error).message, 'memory access out of bounds')
        }
        if (expected === undefined) outside++
        else inside++
        for (let index = 0; index < 2; index++) {
          const memory = instance.memories[index]
          setVector(RESULT_SLOT, given)
          setVector(VALUE, given)
          // What lies above an i32 address does not matter.
          setSlot(ADDRESS, BigInt(address) | (index === 0 ? 0x12345678_00000000n : 0n))
          const next = access(row, BigInt(offset), index, lane, instance)
          assert.equal(next === OUT, expected === undefined, `${name} at ${address} + ${offset}`)
          if (isStore(row)) {
            assert.equal(Buffer.compare(memory.u8, host.bytes), 0, `${name} at ${address} + ${offset}`)
          } else if (expected !== undefined) {
            assert.equal(hex(slotBytes(RESULT_SLOT)), hex(expected), `${name} at ${address} + ${offset}`)
            memory.u8.set(expected, RESULT)
          } else assert.equal(hex(slotBytes(RESULT_SLOT)), hex(given), 'a trap leaves the result alone')
        }
      }
    }
  }
  t.diagnostic(`${inside} accesses inside, ${outside} outside`)
  assert.ok(inside > 400 && outside > 700)
})

test('addresses beyond 2^32 and 2^53 trap', () => {
  const instance = makeMemories()
  const high = [1n << 32n, (1n << 32n) + 8n, 1n << 33n, (1n << 53n) - 16n, 1n << 53n, 1n << 63n, -16n, -1n]
  for (const row of ACCESSES) {
    for (const address of [...high, 0n, 8n]) {
      for (const offset of [...high, 0n, 8n]) {
        setSlot(ADDRESS, address)
        const exact = BigInt.asUintN(64, address) + BigInt.asUintN(64, offset)
        assert.equal(access(row, offset, 1, 0, instance) === OUT, exact > 16n, `${row[1]} at ${address} + ${offset}`)
      }
    }
  }
})

test('a loaded lane goes into its vector wherever the result lies', () => {
  const instance = makeMemories()
  const next = random(7)
  for (const row of ACCESSES.filter((row) => hasVector(row) && !isStore(row))) {
    const size = 1 << row[5]!
    for (let lane = 0; lane < lanesOf(row); lane++) {
      for (let d = RESULT_SLOT; d <= VALUE + 1; d++) {
        const vector = Uint8Array.from({ length: 16 }, () => next(256))
        const loaded = Uint8Array.from({ length: size }, () => next(256))
        instance.memories[0].u8.set(loaded, 1234)
        setSlot(ADDRESS, 1234)
        setVector(VALUE, vector)
        access(row, 0n, 0, lane, instance, d)
        vector.set(loaded, lane * size)
        assert.equal(hex(slotBytes(d)), hex(vector), `${row[1]} ${lane} to slot ${d}`)
      }
    }
  }
})

test('shared memory: growth by another agent is noticed before a trap', () => {
  for (const row of ACCESSES) {
    const instance = instanceOf('(module (memory 1 3 shared))')
    const [memory] = instance.memories
    const other = createSharedMemoryFrom(instance.store, memory.type, memory.buffer as SharedArrayBuffer)
    const at = PAGE + 40
    setSlot(ADDRESS, at)
    assert.equal(access(row, 0n, 0, 0, instance), OUT)
    assert.equal(other.grow(1), 1)
    for (let i = 0; i < 16; i++) other.u8[at + i] = 200 + i
    const vector = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
    setVector(VALUE, vector)
    assert.notEqual(access(row, 0n, 0, 0, instance), OUT)
    if (isStore(row)) assert.equal(other.u8[at], 1)
    else assert.equal(slotBytes(RESULT_SLOT)[0], 200)
    setSlot(ADDRESS, 2 * PAGE)
    assert.equal(access(row, 0n, 0, 0, instance), OUT)
  }
})

test('a vector constant is its four words', () => {
  assert.notEqual(runCold(Op.V128Const, [0, 1, -2, 3, -0x80000000]), OUT)
  assert.deepEqual([...R.subarray(FP << 1, (FP << 1) + 4)], [1, -2, 3, -0x80000000])
  assert.equal(SIZE[resultsOf(OPCODES.find(([id]) => id === Op.V128Const)!)], 16)
})
