// The scalar instructions against the host's engine, bit by bit.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  FP,
  LONGS,
  PC,
  WORDS,
  HostOp,
  agree,
  coldNumeric,
  floatLanes,
  hex,
  operandsOf,
  random,
  resultsOf,
  runCold,
} from './oracle.ts'
import { RQ, TrapCode } from '../../src/runtime/machine.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { OPCODES, type OpRow } from '../../src/wasm/opcodes.ts'

const SCALAR = OPCODES.filter(([, , signature, imm]) => imm === '' && /^[ilfd]+:[ilfd]$/.test(signature))
/** Random operand pairs per instruction. */
const RANDOM = 400

function* operandSets(letters: string, next: (n: number) => number): Generator<Uint8Array> {
  const bytes = new Uint8Array(32)
  const view = new DataView(bytes.buffer)
  const put = (i: number, value: number | bigint): void =>
    typeof value === 'bigint' ? view.setBigUint64(i * 16, value, true) : view.setUint32(i * 16, value, true)
  const pool = (letter: string): readonly (number | bigint)[] => (letter === 'i' || letter === 'f' ? WORDS : LONGS)
  const arbitrary = (letter: string): number | bigint => {
    const high = next(2 ** 32)
    if (letter === 'i' || letter === 'f') return high
    // Shifted: magnitudes of all sizes.
    return BigInt.asUintN(64, ((BigInt(high) << 32n) | BigInt(next(2 ** 32))) >> BigInt(next(64)))
  }
  for (const a of pool(letters[0])) {
    put(0, a)
    if (letters.length === 1) yield bytes
    else
      for (const b of pool(letters[1])) {
        put(1, b)
        yield bytes
      }
  }
  for (let n = 0; n < RANDOM; n++) {
    for (let i = 0; i < letters.length; i++) put(i, arbitrary(letters[i]))
    yield bytes
  }
}

/** V8 has one message for all failing truncations. */
function refine(row: OpRow, operands: Uint8Array, trap: TrapCode): TrapCode {
  if (trap !== TrapCode.InvalidConversion) return trap
  const view = new DataView(operands.buffer)
  const x = operandsOf(row) === 'f' ? view.getFloat32(0, true) : view.getFloat64(0, true)
  return Number.isNaN(x) ? TrapCode.InvalidConversion : TrapCode.IntegerOverflow
}

test('every scalar instruction does what V8 does', (t) => {
  let cases = 0
  let traps = 0
  assert.equal(SCALAR.length, 136, 'scalar instructions with one result')
  for (const row of SCALAR) {
    const host = HostOp.of(row)
    assert.ok(host, `the host knows ${row[1]}`)
    const lane = floatLanes(row)
    for (const operands of operandSets(operandsOf(row), random(row[0]))) {
      host.bytes.set(operands)
      let expected = host.call()
      // The result over the first operand too: it is read before it is written.
      for (const d of [0, 2]) {
        const actual = coldNumeric(row, operands, [], d)
        const show = (): string => `${row[1]} of ${hex(operands)}: ${hex(actual)}, the host says ${hex(expected)}`
        if (typeof expected === 'number') {
          traps++
          assert.equal(actual, (expected = refine(row, operands, expected)), show())
        } else assert.ok(typeof actual !== 'number' && agree(actual, expected, lane), show())
        cases++
      }
    }
  }
  t.diagnostic(`${cases} cases, ${traps} of them traps`)
  assert.ok(traps > 1000)
})

test('no NaN that arithmetic answers is other than canonical if the operands have none', () => {
  // Operands that make NaNs: inf - inf, 0 * inf, 0 / 0, sqrt(-1).
  for (const row of SCALAR.filter((r) => floatLanes(r) > 0)) {
    const double = resultsOf(row) === 'd'
    const pool = operandsOf(row)[0] === 'd' ? LONGS : WORDS
    for (const a of pool)
      for (const b of pool) {
        const bytes = new Uint8Array(32)
        const view = new DataView(bytes.buffer)
        let hasNaN = false
        ;[a, b].forEach((value, i) => {
          if (typeof value === 'bigint') view.setBigUint64(i * 16, value, true)
          else view.setUint32(i * 16, value, true)
          const letter = operandsOf(row)[i]
          hasNaN ||=
            letter === 'd'
              ? Number.isNaN(view.getFloat64(i * 16, true))
              : letter === 'f' && Number.isNaN(view.getFloat32(i * 16, true))
        })
        if (hasNaN) continue
        const result = coldNumeric(row, bytes) as Uint8Array
        const bits = new DataView(result.buffer)
        if (double && Number.isNaN(bits.getFloat64(0, true)))
          assert.equal(bits.getBigUint64(0, true) & 0x7fffffffffffffffn, 0x7ff8000000000000n, row[1])
        if (!double && Number.isNaN(bits.getFloat32(0, true)))
          assert.equal(bits.getUint32(0, true) & 0x7fffffff, 0x7fc00000, row[1])
        if (operandsOf(row).length === 1) break
      }
  }
})

test('wide arithmetic is that of 128-bit integers', () => {
  const next = random(7)
  const value = (): bigint =>
    next(2) === 0 ? LONGS[next(LONGS.length)] : (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32))
  const unsigned = (x: bigint): bigint => BigInt.asUintN(64, x)
  for (let n = 0; n < 3000; n++) {
    const [a, b, c, d] = [value(), value(), value(), value()]
    const operands = (...values: bigint[]): void => values.forEach((v, i) => (RQ[FP + 4 + i] = BigInt.asIntN(64, v)))
    const results = (): bigint => unsigned(RQ[FP]) | (unsigned(RQ[FP + 1]) << 64n)
    const check = (op: number, words: readonly number[], expected: bigint, what: string): void => {
      assert.equal(runCold(op, words), PC + 1 + words.length, what)
      assert.equal(results(), BigInt.asUintN(128, expected), `${what} ${a} ${b} ${c} ${d}`)
    }
    const left = unsigned(a) | (unsigned(b) << 64n)
    const right = unsigned(c) | (unsigned(d) << 64n)
    operands(a, b, c, d)
    check(Op.I64Add128, [0, 1, 4, 5, 6, 7], left + right, 'add128')
    check(Op.I64Sub128, [0, 1, 4, 5, 6, 7], left - right, 'sub128')
    check(Op.I64MulWideU, [0, 1, 4, 5], unsigned(a) * unsigned(b), 'mul_wide_u')
    check(Op.I64MulWideS, [0, 1, 4, 5], BigInt.asIntN(64, a) * BigInt.asIntN(64, b), 'mul_wide_s')
    // Results over the operands, in both orders.
    for (const [low, high] of [
      [4, 5],
      [5, 4],
      [6, 7],
    ]) {
      operands(a, b, c, d)
      assert.equal(runCold(Op.I64Add128, [low, high, 4, 5, 6, 7]), PC + 7)
      assert.equal(unsigned(RQ[FP + low]), unsigned(left + right))
      assert.equal(unsigned(RQ[FP + high]), unsigned((left + right) >> 64n))
    }
  }
})
