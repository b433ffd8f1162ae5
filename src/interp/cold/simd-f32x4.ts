// f32x4 instructions. [op, d, a, b, c]; lane instructions end with the lane. A sum, difference, product, quotient or root of f32s computed
// in f64 and rounded by the store to f32 is the correctly rounded one.
// Instructions that move bits (abs, neg, pmin, pmax, lanes) work on words: reading a lane as a number makes a signalling NaN quiet.

import { CODE, R, RD, RF } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { nearest } from './float.ts'
import { commit, maximum, minimum, OUT32, OUTF32, QUIET_F32, RU32, SIGN_BIT, store4 } from './simd-lanes.ts'

export function f32x4(op: number, pc: number, fp: number, d: number, a: number): number {
  const x = a << 1
  switch (op) {
    case Op.F32x4Splat:
      store4(d, R[x], R[x], R[x], R[x])
      return pc + 3
    case Op.F32x4ExtractLane:
      R[d << 1] = R[x + CODE[pc + 3]]
      return pc + 4
    case Op.F32x4ReplaceLane: {
      const value = R[(fp + CODE[pc + 3]) << 1]
      store4(d, R[x], R[x + 1], R[x + 2], R[x + 3])
      R[(d << 1) + CODE[pc + 4]] = value
      return pc + 5
    }
    case Op.F32x4Abs:
      store4(d, R[x] & ~SIGN_BIT, R[x + 1] & ~SIGN_BIT, R[x + 2] & ~SIGN_BIT, R[x + 3] & ~SIGN_BIT)
      return pc + 3
    case Op.F32x4Neg:
      store4(d, R[x] ^ SIGN_BIT, R[x + 1] ^ SIGN_BIT, R[x + 2] ^ SIGN_BIT, R[x + 3] ^ SIGN_BIT)
      return pc + 3
    case Op.F32x4Sqrt:
      for (let k = 0; k < 4; k++) OUTF32[k] = Math.sqrt(RF[x + k])
      break
    case Op.F32x4Ceil:
    case Op.F32x4Floor:
    case Op.F32x4Trunc:
    case Op.F32x4Nearest:
      for (let k = 0; k < 4; k++) {
        const value = RF[x + k]
        if (value !== value) OUT32[k] = R[x + k] | QUIET_F32
        else OUTF32[k] = round(op, value)
      }
      break
    case Op.F32x4ConvertI32x4S:
      for (let k = 0; k < 4; k++) OUTF32[k] = R[x + k]
      break
    case Op.F32x4ConvertI32x4U:
      for (let k = 0; k < 4; k++) OUTF32[k] = RU32[x + k]
      break
    case Op.F32x4DemoteF64x2Zero:
      OUTF32[0] = RD[a]
      OUTF32[1] = RD[a + 1]
      OUTF32[2] = OUTF32[3] = 0
      break
    default:
      return binary(op, pc, fp, d, x, (fp + CODE[pc + 3]) << 1)
  }
  commit(d)
  return pc + 3
}

function round(op: number, x: number): number {
  switch (op) {
    case Op.F32x4Ceil:
      return Math.ceil(x)
    case Op.F32x4Floor:
      return Math.floor(x)
    case Op.F32x4Trunc:
      return Math.trunc(x)
    default:
      return nearest(x)
  }
}

/** x and y are word indices. */
function binary(op: number, pc: number, fp: number, d: number, x: number, y: number): number {
  switch (op) {
    case Op.F32x4Add:
      OUTF32[0] = RF[x] + RF[y]
      OUTF32[1] = RF[x + 1] + RF[y + 1]
      OUTF32[2] = RF[x + 2] + RF[y + 2]
      OUTF32[3] = RF[x + 3] + RF[y + 3]
      break
    case Op.F32x4Sub:
      OUTF32[0] = RF[x] - RF[y]
      OUTF32[1] = RF[x + 1] - RF[y + 1]
      OUTF32[2] = RF[x + 2] - RF[y + 2]
      OUTF32[3] = RF[x + 3] - RF[y + 3]
      break
    case Op.F32x4Mul:
      OUTF32[0] = RF[x] * RF[y]
      OUTF32[1] = RF[x + 1] * RF[y + 1]
      OUTF32[2] = RF[x + 2] * RF[y + 2]
      OUTF32[3] = RF[x + 3] * RF[y + 3]
      break
    case Op.F32x4Div:
      OUTF32[0] = RF[x] / RF[y]
      OUTF32[1] = RF[x + 1] / RF[y + 1]
      OUTF32[2] = RF[x + 2] / RF[y + 2]
      OUTF32[3] = RF[x + 3] / RF[y + 3]
      break
    case Op.F32x4Min:
    case Op.F32x4RelaxedMin:
      for (let k = 0; k < 4; k++) OUTF32[k] = minimum(RF[x + k], RF[y + k])
      break
    case Op.F32x4Max:
    case Op.F32x4RelaxedMax:
      for (let k = 0; k < 4; k++) OUTF32[k] = maximum(RF[x + k], RF[y + k])
      break
    case Op.F32x4Pmin:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[y + k] < RF[x + k] ? R[y + k] : R[x + k]
      break
    case Op.F32x4Pmax:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] < RF[y + k] ? R[y + k] : R[x + k]
      break
    case Op.F32x4RelaxedMadd: {
      const z = (fp + CODE[pc + 4]) << 1
      for (let k = 0; k < 4; k++) OUTF32[k] = Math.fround(RF[x + k] * RF[y + k]) + RF[z + k]
      commit(d)
      return pc + 5
    }
    case Op.F32x4RelaxedNmadd: {
      const z = (fp + CODE[pc + 4]) << 1
      for (let k = 0; k < 4; k++) OUTF32[k] = Math.fround(-RF[x + k] * RF[y + k]) + RF[z + k]
      commit(d)
      return pc + 5
    }
    case Op.F32x4Eq:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] === RF[y + k] ? -1 : 0
      break
    case Op.F32x4Ne:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] !== RF[y + k] ? -1 : 0
      break
    case Op.F32x4Lt:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] < RF[y + k] ? -1 : 0
      break
    case Op.F32x4Gt:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] > RF[y + k] ? -1 : 0
      break
    case Op.F32x4Le:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] <= RF[y + k] ? -1 : 0
      break
    case Op.F32x4Ge:
      for (let k = 0; k < 4; k++) OUT32[k] = RF[x + k] >= RF[y + k] ? -1 : 0
      break
    default:
      bug(`f32x4 op 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}
