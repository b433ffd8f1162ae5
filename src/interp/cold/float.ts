// f32 and f64 instructions other than conversions. [op, d, a] or [op, d, a, b]
//
// f32 arithmetic is done in f64 and rounded by the store: for + - * / and sqrt rounding twice gives the same. Sign operations go by bits, and
// so do NaNs where JavaScript might pass a signalling one through: an arithmetic instruction answers a quiet one.

import { CODE, R, RD, RF } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'

const SIGN = -0x80000000
const MAGNITUDE = 0x7fffffff
/** The bit that makes a NaN quiet; for f64 in the high half. */
export const QUIET_F32 = 0x0040_0000
export const QUIET_F64_HIGH = 0x0008_0000
/** From here every f64 is an integer. */
const TWO_52 = 4503599627370496

/** Rounds to the nearest integer, ties to even; keeps the sign of zero. */
export function nearest(x: number): number {
  const magnitude = Math.abs(x)
  if (!(magnitude < TWO_52)) return x
  const rounded = magnitude + TWO_52 - TWO_52
  return x < 0 || Object.is(x, -0) ? -rounded : rounded
}

export function float32(op: number, pc: number, fp: number): number {
  const d = (fp + CODE[pc + 1]) << 1
  const a = (fp + CODE[pc + 2]) << 1
  const x = RF[a]
  switch (op) {
    case Op.F32Abs:
      R[d] = R[a] & MAGNITUDE
      return pc + 3
    case Op.F32Neg:
      R[d] = R[a] ^ SIGN
      return pc + 3
    case Op.F32Ceil:
      if (x !== x) R[d] = R[a] | QUIET_F32
      else RF[d] = Math.ceil(x)
      return pc + 3
    case Op.F32Floor:
      if (x !== x) R[d] = R[a] | QUIET_F32
      else RF[d] = Math.floor(x)
      return pc + 3
    case Op.F32Trunc:
      if (x !== x) R[d] = R[a] | QUIET_F32
      else RF[d] = Math.trunc(x)
      return pc + 3
    case Op.F32Nearest:
      if (x !== x) R[d] = R[a] | QUIET_F32
      else RF[d] = nearest(x)
      return pc + 3
    case Op.F32Sqrt:
      if (x !== x) R[d] = R[a] | QUIET_F32
      else RF[d] = Math.sqrt(x)
      return pc + 3
  }
  const b = (fp + CODE[pc + 3]) << 1
  const y = RF[b]
  switch (op) {
    case Op.F32Eq:
      R[d] = x === y ? 1 : 0
      break
    case Op.F32Ne:
      R[d] = x !== y ? 1 : 0
      break
    case Op.F32Lt:
      R[d] = x < y ? 1 : 0
      break
    case Op.F32Gt:
      R[d] = x > y ? 1 : 0
      break
    case Op.F32Le:
      R[d] = x <= y ? 1 : 0
      break
    case Op.F32Ge:
      R[d] = x >= y ? 1 : 0
      break
    case Op.F32Add:
      RF[d] = x + y
      break
    case Op.F32Sub:
      RF[d] = x - y
      break
    case Op.F32Mul:
      RF[d] = x * y
      break
    case Op.F32Div:
      RF[d] = x / y
      break
    case Op.F32Min:
      RF[d] = Math.min(x, y)
      break
    case Op.F32Max:
      RF[d] = Math.max(x, y)
      break
    case Op.F32Copysign:
      R[d] = (R[a] & MAGNITUDE) | (R[b] & SIGN)
      break
    default:
      bug(`f32 op 0x${op.toString(16)}`)
  }
  return pc + 4
}

export function float64(op: number, pc: number, fp: number): number {
  const d = fp + CODE[pc + 1]
  const a = fp + CODE[pc + 2]
  const x = RD[a]
  switch (op) {
    case Op.F64Abs:
      return bits(d, R[a << 1], R[(a << 1) + 1] & MAGNITUDE, pc + 3)
    case Op.F64Neg:
      return bits(d, R[a << 1], R[(a << 1) + 1] ^ SIGN, pc + 3)
    case Op.F64Ceil:
      if (x !== x) return bits(d, R[a << 1], R[(a << 1) + 1] | QUIET_F64_HIGH, pc + 3)
      RD[d] = Math.ceil(x)
      return pc + 3
    case Op.F64Floor:
      if (x !== x) return bits(d, R[a << 1], R[(a << 1) + 1] | QUIET_F64_HIGH, pc + 3)
      RD[d] = Math.floor(x)
      return pc + 3
    case Op.F64Trunc:
      if (x !== x) return bits(d, R[a << 1], R[(a << 1) + 1] | QUIET_F64_HIGH, pc + 3)
      RD[d] = Math.trunc(x)
      return pc + 3
    case Op.F64Nearest:
      if (x !== x) return bits(d, R[a << 1], R[(a << 1) + 1] | QUIET_F64_HIGH, pc + 3)
      RD[d] = nearest(x)
      return pc + 3
    case Op.F64Sqrt:
      if (x !== x) return bits(d, R[a << 1], R[(a << 1) + 1] | QUIET_F64_HIGH, pc + 3)
      RD[d] = Math.sqrt(x)
      return pc + 3
  }
  const b = fp + CODE[pc + 3]
  const y = RD[b]
  switch (op) {
    case Op.F64Eq:
      R[d << 1] = x === y ? 1 : 0
      break
    case Op.F64Ne:
      R[d << 1] = x !== y ? 1 : 0
      break
    case Op.F64Lt:
      R[d << 1] = x < y ? 1 : 0
      break
    case Op.F64Gt:
      R[d << 1] = x > y ? 1 : 0
      break
    case Op.F64Le:
      R[d << 1] = x <= y ? 1 : 0
      break
    case Op.F64Ge:
      R[d << 1] = x >= y ? 1 : 0
      break
    case Op.F64Add:
      RD[d] = x + y
      break
    case Op.F64Sub:
      RD[d] = x - y
      break
    case Op.F64Mul:
      RD[d] = x * y
      break
    case Op.F64Div:
      RD[d] = x / y
      break
    case Op.F64Min:
      RD[d] = Math.min(x, y)
      break
    case Op.F64Max:
      RD[d] = Math.max(x, y)
      break
    case Op.F64Copysign:
      return bits(d, R[a << 1], (R[(a << 1) + 1] & MAGNITUDE) | (R[(b << 1) + 1] & SIGN), pc + 4)
    default:
      bug(`f64 op 0x${op.toString(16)}`)
  }
  return pc + 4
}

/** Writes both halves of slot d. Returns `next`. */
function bits(d: number, low: number, high: number, next: number): number {
  R[d << 1] = low
  R[(d << 1) + 1] = high
  return next
}
