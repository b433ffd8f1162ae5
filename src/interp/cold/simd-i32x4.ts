// i32x4 instructions. [op, d, a, b, c]; lane instructions end with the lane. Most are unrolled: all operands of `store4` are computed
// before it writes.

import { CODE, R, RD, RF } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { saturateInt32, saturateUint32 } from './convert.ts'
import { commit, OUT32, relaxedDot, RS16, RU16, RU32, store4 } from './simd-lanes.ts'

export function i32x4(op: number, pc: number, fp: number, d: number, a: number): number {
  const x = a << 1
  const i = a << 2
  switch (op) {
    case Op.I32x4Splat:
      store4(d, R[x], R[x], R[x], R[x])
      return pc + 3
    case Op.I32x4ExtractLane:
      R[d << 1] = R[x + CODE[pc + 3]]
      return pc + 4
    case Op.I32x4ReplaceLane: {
      const value = R[(fp + CODE[pc + 3]) << 1]
      store4(d, R[x], R[x + 1], R[x + 2], R[x + 3])
      R[(d << 1) + CODE[pc + 4]] = value
      return pc + 5
    }
    case Op.I32x4Abs:
      // The absolute value of the least i32 wraps to itself.
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] < 0 ? -R[x + k] : R[x + k]
      break
    case Op.I32x4Neg:
      store4(d, -R[x] | 0, -R[x + 1] | 0, -R[x + 2] | 0, -R[x + 3] | 0)
      return pc + 3
    case Op.I32x4AllTrue:
      R[d << 1] = R[x] !== 0 && R[x + 1] !== 0 && R[x + 2] !== 0 && R[x + 3] !== 0 ? 1 : 0
      return pc + 3
    case Op.I32x4Bitmask:
      R[d << 1] = (R[x] >>> 31) | ((R[x + 1] >>> 31) << 1) | ((R[x + 2] >>> 31) << 2) | ((R[x + 3] >>> 31) << 3)
      return pc + 3
    case Op.I32x4ExtendLowI16x8S:
      store4(d, RS16[i], RS16[i + 1], RS16[i + 2], RS16[i + 3])
      return pc + 3
    case Op.I32x4ExtendHighI16x8S:
      store4(d, RS16[i + 4], RS16[i + 5], RS16[i + 6], RS16[i + 7])
      return pc + 3
    case Op.I32x4ExtendLowI16x8U:
      store4(d, RU16[i], RU16[i + 1], RU16[i + 2], RU16[i + 3])
      return pc + 3
    case Op.I32x4ExtendHighI16x8U:
      store4(d, RU16[i + 4], RU16[i + 5], RU16[i + 6], RU16[i + 7])
      return pc + 3
    case Op.I32x4ExtaddPairwiseI16x8S:
      for (let k = 0; k < 4; k++) OUT32[k] = RS16[i + 2 * k] + RS16[i + 2 * k + 1]
      break
    case Op.I32x4ExtaddPairwiseI16x8U:
      for (let k = 0; k < 4; k++) OUT32[k] = RU16[i + 2 * k] + RU16[i + 2 * k + 1]
      break
    case Op.I32x4TruncSatF32x4S:
    case Op.I32x4RelaxedTruncF32x4S:
      for (let k = 0; k < 4; k++) OUT32[k] = saturateInt32(RF[x + k])
      break
    case Op.I32x4TruncSatF32x4U:
    case Op.I32x4RelaxedTruncF32x4U:
      for (let k = 0; k < 4; k++) OUT32[k] = saturateUint32(RF[x + k])
      break
    case Op.I32x4TruncSatF64x2SZero:
    case Op.I32x4RelaxedTruncF64x2SZero:
      store4(d, saturateInt32(RD[a]), saturateInt32(RD[a + 1]), 0, 0)
      return pc + 3
    case Op.I32x4TruncSatF64x2UZero:
    case Op.I32x4RelaxedTruncF64x2UZero:
      store4(d, saturateUint32(RD[a]), saturateUint32(RD[a + 1]), 0, 0)
      return pc + 3
    case Op.I32x4RelaxedDotI8x16I7x16AddS: {
      const bytes = a << 3
      const others = (fp + CODE[pc + 3]) << 3
      const sums = (fp + CODE[pc + 4]) << 1
      for (let k = 0; k < 4; k++) {
        OUT32[k] = relaxedDot(bytes, others, 2 * k) + relaxedDot(bytes, others, 2 * k + 1) + R[sums + k]
      }
      commit(d)
      return pc + 5
    }
    default:
      return binary(op, pc, d, a, fp + CODE[pc + 3])
  }
  commit(d)
  return pc + 3
}

/** d, a and b hold vectors; for shifts b is an i32. */
function binary(op: number, pc: number, d: number, a: number, b: number): number {
  if (op >= Op.I32x4Eq && op <= Op.I32x4GeU) return compare(op, pc, d, a << 1, b << 1)
  const x = a << 1
  const y = b << 1
  const i = a << 2
  const j = b << 2
  switch (op) {
    case Op.I32x4Add:
      store4(d, (R[x] + R[y]) | 0, (R[x + 1] + R[y + 1]) | 0, (R[x + 2] + R[y + 2]) | 0, (R[x + 3] + R[y + 3]) | 0)
      return pc + 4
    case Op.I32x4Sub:
      store4(d, (R[x] - R[y]) | 0, (R[x + 1] - R[y + 1]) | 0, (R[x + 2] - R[y + 2]) | 0, (R[x + 3] - R[y + 3]) | 0)
      return pc + 4
    case Op.I32x4Mul:
      store4(
        d,
        Math.imul(R[x], R[y]),
        Math.imul(R[x + 1], R[y + 1]),
        Math.imul(R[x + 2], R[y + 2]),
        Math.imul(R[x + 3], R[y + 3]),
      )
      return pc + 4
    case Op.I32x4Shl: {
      const n = R[y]
      store4(d, R[x] << n, R[x + 1] << n, R[x + 2] << n, R[x + 3] << n)
      return pc + 4
    }
    case Op.I32x4ShrS: {
      const n = R[y]
      store4(d, R[x] >> n, R[x + 1] >> n, R[x + 2] >> n, R[x + 3] >> n)
      return pc + 4
    }
    case Op.I32x4ShrU: {
      const n = R[y]
      store4(d, R[x] >>> n, R[x + 1] >>> n, R[x + 2] >>> n, R[x + 3] >>> n)
      return pc + 4
    }
    case Op.I32x4MinS:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] < R[y + k] ? R[x + k] : R[y + k]
      break
    case Op.I32x4MinU:
      for (let k = 0; k < 4; k++) OUT32[k] = RU32[x + k] < RU32[y + k] ? R[x + k] : R[y + k]
      break
    case Op.I32x4MaxS:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] > R[y + k] ? R[x + k] : R[y + k]
      break
    case Op.I32x4MaxU:
      for (let k = 0; k < 4; k++) OUT32[k] = RU32[x + k] > RU32[y + k] ? R[x + k] : R[y + k]
      break
    case Op.I32x4DotI16x8S:
      for (let k = 0; k < 8; k += 2) {
        OUT32[k >> 1] = Math.imul(RS16[i + k], RS16[j + k]) + Math.imul(RS16[i + k + 1], RS16[j + k + 1])
      }
      break
    case Op.I32x4ExtmulLowI16x8S:
      for (let k = 0; k < 4; k++) OUT32[k] = Math.imul(RS16[i + k], RS16[j + k])
      break
    case Op.I32x4ExtmulHighI16x8S:
      for (let k = 4; k < 8; k++) OUT32[k - 4] = Math.imul(RS16[i + k], RS16[j + k])
      break
    case Op.I32x4ExtmulLowI16x8U:
      for (let k = 0; k < 4; k++) OUT32[k] = Math.imul(RU16[i + k], RU16[j + k])
      break
    case Op.I32x4ExtmulHighI16x8U:
      for (let k = 4; k < 8; k++) OUT32[k - 4] = Math.imul(RU16[i + k], RU16[j + k])
      break
    default:
      bug(`i32x4 op 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}

function compare(op: number, pc: number, d: number, x: number, y: number): number {
  switch (op) {
    case Op.I32x4Eq:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] === R[y + k] ? -1 : 0
      break
    case Op.I32x4Ne:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] !== R[y + k] ? -1 : 0
      break
    case Op.I32x4LtS:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] < R[y + k] ? -1 : 0
      break
    case Op.I32x4LtU:
      for (let k = 0; k < 4; k++) OUT32[k] = RU32[x + k] < RU32[y + k] ? -1 : 0
      break
    case Op.I32x4GtS:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] > R[y + k] ? -1 : 0
      break
    case Op.I32x4GtU:
      for (let k = 0; k < 4; k++) OUT32[k] = RU32[x + k] > RU32[y + k] ? -1 : 0
      break
    case Op.I32x4LeS:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] <= R[y + k] ? -1 : 0
      break
    case Op.I32x4LeU:
      for (let k = 0; k < 4; k++) OUT32[k] = RU32[x + k] <= RU32[y + k] ? -1 : 0
      break
    case Op.I32x4GeS:
      for (let k = 0; k < 4; k++) OUT32[k] = R[x + k] >= R[y + k] ? -1 : 0
      break
    case Op.I32x4GeU:
      for (let k = 0; k < 4; k++) OUT32[k] = RU32[x + k] >= RU32[y + k] ? -1 : 0
      break
    default:
      bug(`i32x4 comparison 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}
