// i16x8 instructions. [op, d, a, b]; lane instructions end with the lane.

import { CODE, R, RU8 } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { clamp, commit, multiplyQ15, OUT16, relaxedDot, RS16, RS8, RU16, store4 } from './simd-lanes.ts'

/** Two sums or differences at once: the high bits apart, so that no carry crosses the lanes. */
function addHalves(x: number, y: number): number {
  return ((x & 0x7fff7fff) + (y & 0x7fff7fff)) ^ ((x ^ y) & 0x80008000)
}

function subtractHalves(x: number, y: number): number {
  return ((x | 0x80008000) - (y & 0x7fff7fff)) ^ (~(x ^ y) & 0x80008000)
}

export function i16x8(op: number, pc: number, fp: number, d: number, a: number): number {
  if (op >= Op.I16x8Eq && op <= Op.I16x8GeU) return compare(op, pc, fp, d, a)
  const i = a << 2
  const w = a << 1
  /** Bytes of the operand. */
  const c = a << 3
  switch (op) {
    case Op.I16x8Splat: {
      const word = Math.imul(R[w] & 0xffff, 0x00010001)
      store4(d, word, word, word, word)
      return pc + 3
    }
    case Op.I16x8ExtractLaneS:
      R[d << 1] = RS16[i + CODE[pc + 3]]
      return pc + 4
    case Op.I16x8ExtractLaneU:
      R[d << 1] = RU16[i + CODE[pc + 3]]
      return pc + 4
    case Op.I16x8ReplaceLane: {
      const x = R[(fp + CODE[pc + 3]) << 1]
      store4(d, R[w], R[w + 1], R[w + 2], R[w + 3])
      RU16[(d << 2) + CODE[pc + 4]] = x
      return pc + 5
    }
    case Op.I16x8Abs:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] < 0 ? -RS16[i + k] : RS16[i + k]
      break
    case Op.I16x8Neg:
      for (let k = 0; k < 8; k++) OUT16[k] = -RS16[i + k]
      break
    case Op.I16x8AllTrue: {
      let all = 1
      for (let k = 0; k < 8; k++) if (RU16[i + k] === 0) all = 0
      R[d << 1] = all
      return pc + 3
    }
    case Op.I16x8Bitmask: {
      let mask = 0
      for (let k = 0; k < 8; k++) mask |= (RU16[i + k] >> 15) << k
      R[d << 1] = mask
      return pc + 3
    }
    case Op.I16x8ExtendLowI8x16S:
      for (let k = 0; k < 8; k++) OUT16[k] = RS8[c + k]
      break
    case Op.I16x8ExtendHighI8x16S:
      for (let k = 0; k < 8; k++) OUT16[k] = RS8[c + 8 + k]
      break
    case Op.I16x8ExtendLowI8x16U:
      for (let k = 0; k < 8; k++) OUT16[k] = RU8[c + k]
      break
    case Op.I16x8ExtendHighI8x16U:
      for (let k = 0; k < 8; k++) OUT16[k] = RU8[c + 8 + k]
      break
    case Op.I16x8ExtaddPairwiseI8x16S:
      for (let k = 0; k < 8; k++) OUT16[k] = RS8[c + 2 * k] + RS8[c + 2 * k + 1]
      break
    case Op.I16x8ExtaddPairwiseI8x16U:
      for (let k = 0; k < 8; k++) OUT16[k] = RU8[c + 2 * k] + RU8[c + 2 * k + 1]
      break
    default:
      return binary(op, pc, d, a, fp + CODE[pc + 3])
  }
  commit(d)
  return pc + 3
}

/** d, a and b hold vectors; for shifts b is an i32. */
function binary(op: number, pc: number, d: number, a: number, b: number): number {
  const i = a << 2
  const j = b << 2
  const x = a << 1
  const y = b << 1
  /** Bytes of the operands. */
  const c = a << 3
  const e = b << 3
  switch (op) {
    case Op.I16x8Add:
      store4(
        d,
        addHalves(R[x], R[y]),
        addHalves(R[x + 1], R[y + 1]),
        addHalves(R[x + 2], R[y + 2]),
        addHalves(R[x + 3], R[y + 3]),
      )
      return pc + 4
    case Op.I16x8Sub:
      store4(
        d,
        subtractHalves(R[x], R[y]),
        subtractHalves(R[x + 1], R[y + 1]),
        subtractHalves(R[x + 2], R[y + 2]),
        subtractHalves(R[x + 3], R[y + 3]),
      )
      return pc + 4
    case Op.I16x8Mul:
      for (let k = 0; k < 8; k++) OUT16[k] = Math.imul(RS16[i + k], RS16[j + k])
      break
    case Op.I16x8NarrowI32x4S:
      for (let k = 0; k < 4; k++) {
        OUT16[k] = clamp(R[x + k], -0x8000, 0x7fff)
        OUT16[k + 4] = clamp(R[y + k], -0x8000, 0x7fff)
      }
      break
    case Op.I16x8NarrowI32x4U:
      for (let k = 0; k < 4; k++) {
        OUT16[k] = clamp(R[x + k], 0, 0xffff)
        OUT16[k + 4] = clamp(R[y + k], 0, 0xffff)
      }
      break
    case Op.I16x8Shl: {
      const n = R[y] & 15
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] << n
      break
    }
    case Op.I16x8ShrS: {
      const n = R[y] & 15
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] >> n
      break
    }
    case Op.I16x8ShrU: {
      const n = R[y] & 15
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] >> n
      break
    }
    case Op.I16x8AddSatS:
      for (let k = 0; k < 8; k++) OUT16[k] = clamp(RS16[i + k] + RS16[j + k], -0x8000, 0x7fff)
      break
    case Op.I16x8AddSatU:
      for (let k = 0; k < 8; k++) OUT16[k] = clamp(RU16[i + k] + RU16[j + k], 0, 0xffff)
      break
    case Op.I16x8SubSatS:
      for (let k = 0; k < 8; k++) OUT16[k] = clamp(RS16[i + k] - RS16[j + k], -0x8000, 0x7fff)
      break
    case Op.I16x8SubSatU:
      for (let k = 0; k < 8; k++) OUT16[k] = clamp(RU16[i + k] - RU16[j + k], 0, 0xffff)
      break
    case Op.I16x8MinS:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] < RS16[j + k] ? RS16[i + k] : RS16[j + k]
      break
    case Op.I16x8MinU:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] < RU16[j + k] ? RU16[i + k] : RU16[j + k]
      break
    case Op.I16x8MaxS:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] > RS16[j + k] ? RS16[i + k] : RS16[j + k]
      break
    case Op.I16x8MaxU:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] > RU16[j + k] ? RU16[i + k] : RU16[j + k]
      break
    case Op.I16x8AvgrU:
      for (let k = 0; k < 8; k++) OUT16[k] = (RU16[i + k] + RU16[j + k] + 1) >> 1
      break
    case Op.I16x8Q15mulrSatS:
    case Op.I16x8RelaxedQ15mulrS:
      for (let k = 0; k < 8; k++) OUT16[k] = multiplyQ15(RS16[i + k], RS16[j + k])
      break
    case Op.I16x8ExtmulLowI8x16S:
      for (let k = 0; k < 8; k++) OUT16[k] = RS8[c + k] * RS8[e + k]
      break
    case Op.I16x8ExtmulHighI8x16S:
      for (let k = 8; k < 16; k++) OUT16[k - 8] = RS8[c + k] * RS8[e + k]
      break
    case Op.I16x8ExtmulLowI8x16U:
      for (let k = 0; k < 8; k++) OUT16[k] = RU8[c + k] * RU8[e + k]
      break
    case Op.I16x8ExtmulHighI8x16U:
      for (let k = 8; k < 16; k++) OUT16[k - 8] = RU8[c + k] * RU8[e + k]
      break
    case Op.I16x8RelaxedDotI8x16I7x16S:
      for (let k = 0; k < 8; k++) OUT16[k] = relaxedDot(c, e, k)
      break
    default:
      bug(`i16x8 op 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}

function compare(op: number, pc: number, fp: number, d: number, a: number): number {
  const i = a << 2
  const j = (fp + CODE[pc + 3]) << 2
  switch (op) {
    case Op.I16x8Eq:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] === RU16[j + k] ? -1 : 0
      break
    case Op.I16x8Ne:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] !== RU16[j + k] ? -1 : 0
      break
    case Op.I16x8LtS:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] < RS16[j + k] ? -1 : 0
      break
    case Op.I16x8LtU:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] < RU16[j + k] ? -1 : 0
      break
    case Op.I16x8GtS:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] > RS16[j + k] ? -1 : 0
      break
    case Op.I16x8GtU:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] > RU16[j + k] ? -1 : 0
      break
    case Op.I16x8LeS:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] <= RS16[j + k] ? -1 : 0
      break
    case Op.I16x8LeU:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] <= RU16[j + k] ? -1 : 0
      break
    case Op.I16x8GeS:
      for (let k = 0; k < 8; k++) OUT16[k] = RS16[i + k] >= RS16[j + k] ? -1 : 0
      break
    case Op.I16x8GeU:
      for (let k = 0; k < 8; k++) OUT16[k] = RU16[i + k] >= RU16[j + k] ? -1 : 0
      break
    default:
      bug(`i16x8 comparison 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}
