// f64x2 instructions. [op, d, a, b, c]; lane instructions end with the lane. Instructions that move bits (abs, neg, pmin, pmax, lanes)
// work on words, so that NaNs keep theirs.

import { CODE, R, RD, RF } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { nearest } from './float.ts'
import { commit, maximum, minimum, OUT32, OUTF64, QUIET_F64_HIGH, RU32, SIGN_BIT, store4 } from './simd-lanes.ts'

export function f64x2(op: number, pc: number, fp: number, d: number, a: number): number {
  const x = a << 1
  switch (op) {
    case Op.F64x2Splat:
      store4(d, R[x], R[x + 1], R[x], R[x + 1])
      return pc + 3
    case Op.F64x2ExtractLane: {
      const lane = x + (CODE[pc + 3] << 1)
      const high = R[lane + 1]
      R[d << 1] = R[lane]
      R[(d << 1) + 1] = high
      return pc + 4
    }
    case Op.F64x2ReplaceLane: {
      const value = (fp + CODE[pc + 3]) << 1
      if (CODE[pc + 4] === 0) store4(d, R[value], R[value + 1], R[x + 2], R[x + 3])
      else store4(d, R[x], R[x + 1], R[value], R[value + 1])
      return pc + 5
    }
    case Op.F64x2Abs:
      store4(d, R[x], R[x + 1] & ~SIGN_BIT, R[x + 2], R[x + 3] & ~SIGN_BIT)
      return pc + 3
    case Op.F64x2Neg:
      store4(d, R[x], R[x + 1] ^ SIGN_BIT, R[x + 2], R[x + 3] ^ SIGN_BIT)
      return pc + 3
    case Op.F64x2Sqrt:
      OUTF64[0] = Math.sqrt(RD[a])
      OUTF64[1] = Math.sqrt(RD[a + 1])
      break
    case Op.F64x2Ceil:
    case Op.F64x2Floor:
    case Op.F64x2Trunc:
    case Op.F64x2Nearest:
      for (let k = 0; k < 2; k++) {
        const value = RD[a + k]
        if (value !== value) {
          OUT32[2 * k] = R[x + 2 * k]
          OUT32[2 * k + 1] = R[x + 2 * k + 1] | QUIET_F64_HIGH
        } else OUTF64[k] = round(op, value)
      }
      break
    case Op.F64x2PromoteLowF32x4:
      OUTF64[0] = RF[x]
      OUTF64[1] = RF[x + 1]
      break
    case Op.F64x2ConvertLowI32x4S:
      OUTF64[0] = R[x]
      OUTF64[1] = R[x + 1]
      break
    case Op.F64x2ConvertLowI32x4U:
      OUTF64[0] = RU32[x]
      OUTF64[1] = RU32[x + 1]
      break
    default:
      return binary(op, pc, fp, d, a, fp + CODE[pc + 3])
  }
  commit(d)
  return pc + 3
}

function round(op: number, x: number): number {
  switch (op) {
    case Op.F64x2Ceil:
      return Math.ceil(x)
    case Op.F64x2Floor:
      return Math.floor(x)
    case Op.F64x2Trunc:
      return Math.trunc(x)
    default:
      return nearest(x)
  }
}

/** a and b are slots: indices in RD. */
function binary(op: number, pc: number, fp: number, d: number, a: number, b: number): number {
  switch (op) {
    case Op.F64x2Add:
      OUTF64[0] = RD[a] + RD[b]
      OUTF64[1] = RD[a + 1] + RD[b + 1]
      break
    case Op.F64x2Sub:
      OUTF64[0] = RD[a] - RD[b]
      OUTF64[1] = RD[a + 1] - RD[b + 1]
      break
    case Op.F64x2Mul:
      OUTF64[0] = RD[a] * RD[b]
      OUTF64[1] = RD[a + 1] * RD[b + 1]
      break
    case Op.F64x2Div:
      OUTF64[0] = RD[a] / RD[b]
      OUTF64[1] = RD[a + 1] / RD[b + 1]
      break
    case Op.F64x2Min:
    case Op.F64x2RelaxedMin:
      OUTF64[0] = minimum(RD[a], RD[b])
      OUTF64[1] = minimum(RD[a + 1], RD[b + 1])
      break
    case Op.F64x2Max:
    case Op.F64x2RelaxedMax:
      OUTF64[0] = maximum(RD[a], RD[b])
      OUTF64[1] = maximum(RD[a + 1], RD[b + 1])
      break
    case Op.F64x2Pmin:
      for (let k = 0; k < 2; k++) take(k, RD[b + k] < RD[a + k] ? b + k : a + k)
      break
    case Op.F64x2Pmax:
      for (let k = 0; k < 2; k++) take(k, RD[a + k] < RD[b + k] ? b + k : a + k)
      break
    case Op.F64x2RelaxedMadd: {
      const c = fp + CODE[pc + 4]
      OUTF64[0] = RD[a] * RD[b] + RD[c]
      OUTF64[1] = RD[a + 1] * RD[b + 1] + RD[c + 1]
      commit(d)
      return pc + 5
    }
    case Op.F64x2RelaxedNmadd: {
      const c = fp + CODE[pc + 4]
      OUTF64[0] = -RD[a] * RD[b] + RD[c]
      OUTF64[1] = -RD[a + 1] * RD[b + 1] + RD[c + 1]
      commit(d)
      return pc + 5
    }
    case Op.F64x2Eq:
      for (let k = 0; k < 2; k++) setMask(k, RD[a + k] === RD[b + k])
      break
    case Op.F64x2Ne:
      for (let k = 0; k < 2; k++) setMask(k, RD[a + k] !== RD[b + k])
      break
    case Op.F64x2Lt:
      for (let k = 0; k < 2; k++) setMask(k, RD[a + k] < RD[b + k])
      break
    case Op.F64x2Gt:
      for (let k = 0; k < 2; k++) setMask(k, RD[a + k] > RD[b + k])
      break
    case Op.F64x2Le:
      for (let k = 0; k < 2; k++) setMask(k, RD[a + k] <= RD[b + k])
      break
    case Op.F64x2Ge:
      for (let k = 0; k < 2; k++) setMask(k, RD[a + k] >= RD[b + k])
      break
    default:
      bug(`f64x2 op 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}

/** Copies the bits of a slot to scratch lane k. */
function take(k: number, slot: number): void {
  OUT32[2 * k] = R[slot << 1]
  OUT32[2 * k + 1] = R[(slot << 1) + 1]
}

function setMask(k: number, condition: boolean): void {
  OUT32[2 * k] = OUT32[2 * k + 1] = condition ? -1 : 0
}
