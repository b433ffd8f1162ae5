// i64x2 instructions on pairs of words, low first: no BigInt. [op, d, a, b]; lane instructions end with the lane.

import { CODE, R } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { commit, multiplyHighSigned, multiplyHighUnsigned, OUT32, RU32, store4 } from './simd-lanes.ts'

export function i64x2(op: number, pc: number, fp: number, d: number, a: number): number {
  const x = a << 1
  switch (op) {
    case Op.I64x2Splat:
      store4(d, R[x], R[x + 1], R[x], R[x + 1])
      return pc + 3
    case Op.I64x2ExtractLane: {
      const lane = x + (CODE[pc + 3] << 1)
      const high = R[lane + 1]
      R[d << 1] = R[lane]
      R[(d << 1) + 1] = high
      return pc + 4
    }
    case Op.I64x2ReplaceLane: {
      const value = (fp + CODE[pc + 3]) << 1
      if (CODE[pc + 4] === 0) store4(d, R[value], R[value + 1], R[x + 2], R[x + 3])
      else store4(d, R[x], R[x + 1], R[value], R[value + 1])
      return pc + 5
    }
    case Op.I64x2Abs: {
      const low = R[x + 1] < 0
      const high = R[x + 3] < 0
      store4(
        d,
        low ? -R[x] | 0 : R[x],
        low ? negatedHigh(R[x], R[x + 1]) : R[x + 1],
        high ? -R[x + 2] | 0 : R[x + 2],
        high ? negatedHigh(R[x + 2], R[x + 3]) : R[x + 3],
      )
      return pc + 3
    }
    case Op.I64x2Neg:
      store4(d, -R[x] | 0, negatedHigh(R[x], R[x + 1]), -R[x + 2] | 0, negatedHigh(R[x + 2], R[x + 3]))
      return pc + 3
    case Op.I64x2AllTrue:
      R[d << 1] = (R[x] | R[x + 1]) !== 0 && (R[x + 2] | R[x + 3]) !== 0 ? 1 : 0
      return pc + 3
    case Op.I64x2Bitmask:
      R[d << 1] = (R[x + 1] >>> 31) | ((R[x + 3] >>> 31) << 1)
      return pc + 3
    case Op.I64x2ExtendLowI32x4S:
      store4(d, R[x], R[x] >> 31, R[x + 1], R[x + 1] >> 31)
      return pc + 3
    case Op.I64x2ExtendHighI32x4S:
      store4(d, R[x + 2], R[x + 2] >> 31, R[x + 3], R[x + 3] >> 31)
      return pc + 3
    case Op.I64x2ExtendLowI32x4U:
      store4(d, R[x], 0, R[x + 1], 0)
      return pc + 3
    case Op.I64x2ExtendHighI32x4U:
      store4(d, R[x + 2], 0, R[x + 3], 0)
      return pc + 3
    default:
      return binary(op, pc, d, x, (fp + CODE[pc + 3]) << 1)
  }
}

/** High word of the negated i64. */
function negatedHigh(low: number, high: number): number {
  return low === 0 ? -high | 0 : ~high
}

/** x and y are word indices. */
function binary(op: number, pc: number, d: number, x: number, y: number): number {
  switch (op) {
    case Op.I64x2Add:
      for (let k = 0; k < 4; k += 2) {
        const low = (R[x + k] + R[y + k]) | 0
        OUT32[k] = low
        OUT32[k + 1] = R[x + k + 1] + R[y + k + 1] + (low >>> 0 < RU32[x + k] ? 1 : 0)
      }
      break
    case Op.I64x2Sub:
      for (let k = 0; k < 4; k += 2) {
        OUT32[k] = R[x + k] - R[y + k]
        OUT32[k + 1] = R[x + k + 1] - R[y + k + 1] - (RU32[x + k] < RU32[y + k] ? 1 : 0)
      }
      break
    case Op.I64x2Mul:
      for (let k = 0; k < 4; k += 2) {
        const aLow = R[x + k]
        const bLow = R[y + k]
        OUT32[k] = Math.imul(aLow, bLow)
        OUT32[k + 1] = multiplyHighUnsigned(aLow, bLow) + Math.imul(aLow, R[y + k + 1]) + Math.imul(R[x + k + 1], bLow)
      }
      break
    case Op.I64x2Shl:
    case Op.I64x2ShrS:
    case Op.I64x2ShrU: {
      const count = R[y] & 63
      shift(op, R[x], R[x + 1], count, 0)
      shift(op, R[x + 2], R[x + 3], count, 2)
      break
    }
    case Op.I64x2ExtmulLowI32x4S:
      multiplySigned(R[x], R[y], 0)
      multiplySigned(R[x + 1], R[y + 1], 2)
      break
    case Op.I64x2ExtmulHighI32x4S:
      multiplySigned(R[x + 2], R[y + 2], 0)
      multiplySigned(R[x + 3], R[y + 3], 2)
      break
    case Op.I64x2ExtmulLowI32x4U:
      multiplyUnsigned(R[x], R[y], 0)
      multiplyUnsigned(R[x + 1], R[y + 1], 2)
      break
    case Op.I64x2ExtmulHighI32x4U:
      multiplyUnsigned(R[x + 2], R[y + 2], 0)
      multiplyUnsigned(R[x + 3], R[y + 3], 2)
      break
    case Op.I64x2Eq:
      for (let k = 0; k < 4; k += 2) OUT32[k] = OUT32[k + 1] = equal(x + k, y + k) ? -1 : 0
      break
    case Op.I64x2Ne:
      for (let k = 0; k < 4; k += 2) OUT32[k] = OUT32[k + 1] = equal(x + k, y + k) ? 0 : -1
      break
    case Op.I64x2LtS:
      for (let k = 0; k < 4; k += 2) OUT32[k] = OUT32[k + 1] = less(x + k, y + k) ? -1 : 0
      break
    case Op.I64x2GtS:
      for (let k = 0; k < 4; k += 2) OUT32[k] = OUT32[k + 1] = less(y + k, x + k) ? -1 : 0
      break
    case Op.I64x2LeS:
      for (let k = 0; k < 4; k += 2) OUT32[k] = OUT32[k + 1] = less(y + k, x + k) ? 0 : -1
      break
    case Op.I64x2GeS:
      for (let k = 0; k < 4; k += 2) OUT32[k] = OUT32[k + 1] = less(x + k, y + k) ? 0 : -1
      break
    default:
      bug(`i64x2 op 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}

function equal(x: number, y: number): boolean {
  return R[x] === R[y] && R[x + 1] === R[y + 1]
}

function less(x: number, y: number): boolean {
  return R[x + 1] === R[y + 1] ? RU32[x] < RU32[y] : R[x + 1] < R[y + 1]
}

/** Shifts by 0 to 63 bits into the scratch words k, k + 1. JavaScript takes shift counts modulo 32. */
function shift(op: number, low: number, high: number, count: number, k: number): void {
  const sign = op === Op.I64x2ShrS ? high >> 31 : 0
  if (count === 0) {
    OUT32[k] = low
    OUT32[k + 1] = high
  } else if (op === Op.I64x2Shl) {
    OUT32[k] = count < 32 ? low << count : 0
    OUT32[k + 1] = count < 32 ? (high << count) | (low >>> (32 - count)) : low << count
  } else if (count < 32) {
    OUT32[k] = (low >>> count) | (high << (32 - count))
    OUT32[k + 1] = op === Op.I64x2ShrS ? high >> count : high >>> count
  } else {
    OUT32[k] = op === Op.I64x2ShrS ? high >> count : high >>> count
    OUT32[k + 1] = sign
  }
}

/** Products into the scratch words k, k + 1. */
function multiplySigned(a: number, b: number, k: number): void {
  OUT32[k] = Math.imul(a, b)
  OUT32[k + 1] = multiplyHighSigned(a, b)
}

function multiplyUnsigned(a: number, b: number, k: number): void {
  OUT32[k] = Math.imul(a, b)
  OUT32[k + 1] = multiplyHighUnsigned(a, b)
}
