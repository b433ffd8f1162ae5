// Conversions between the scalar types. [op, d, a]

import { CODE, R, RD, RF, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { trap } from './trap.ts'

const TWO_32 = 4294967296
const TWO_63 = 9223372036854775808
const TWO_64 = 18446744073709551616

/** An unsigned 64-bit integer as f32, rounded once: the bits that f64 cannot hold become a sticky bit below those that f32 keeps. */
function unsignedToF32(high: number, low: number): number {
  if (high < 0x200000) return Math.fround(high * TWO_32 + low)
  let top = high * 0x200000 + (low >>> 11)
  if ((low & 0x7ff) !== 0 && top % 2 === 0) top++
  return Math.fround(top) * 2048
}

function signedToF32(high: number, low: number): number {
  if (high >= 0) return unsignedToF32(high, low >>> 0)
  const negatedLow = -low | 0
  return -unsignedToF32((~high + (low === 0 ? 1 : 0)) >>> 0, negatedLow >>> 0)
}

/** Writes an integral number in [-2^63, 2^64) as 64 bits. */
function storeInteger(d: number, x: number): void {
  const high = Math.floor(x / TWO_32)
  R[d] = x - high * TWO_32
  R[d + 1] = high
}

export function convert(op: number, pc: number, fp: number): number {
  const d = (fp + CODE[pc + 1]) << 1
  const a = (fp + CODE[pc + 2]) << 1
  switch (op) {
    case Op.I32WrapI64:
    case Op.I32ReinterpretF32:
    case Op.F32ReinterpretI32:
      R[d] = R[a]
      break
    case Op.I64ReinterpretF64:
    case Op.F64ReinterpretI64:
      R[d] = R[a]
      R[d + 1] = R[a + 1]
      break
    case Op.I64ExtendI32S:
      R[d] = R[a]
      R[d + 1] = R[d] >> 31
      break
    case Op.I64ExtendI32U:
      R[d] = R[a]
      R[d + 1] = 0
      break
    case Op.F32ConvertI32S:
      RF[d] = R[a]
      break
    case Op.F32ConvertI32U:
      RF[d] = R[a] >>> 0
      break
    case Op.F32ConvertI64S:
      RF[d] = signedToF32(R[a + 1], R[a])
      break
    case Op.F32ConvertI64U:
      RF[d] = unsignedToF32(R[a + 1] >>> 0, R[a] >>> 0)
      break
    case Op.F32DemoteF64:
      RF[d] = RD[a >> 1]
      break
    case Op.F64ConvertI32S:
      RD[d >> 1] = R[a]
      break
    case Op.F64ConvertI32U:
      RD[d >> 1] = R[a] >>> 0
      break
    // One rounding only: the product is exact.
    case Op.F64ConvertI64S:
      RD[d >> 1] = R[a + 1] * TWO_32 + (R[a] >>> 0)
      break
    case Op.F64ConvertI64U:
      RD[d >> 1] = (R[a + 1] >>> 0) * TWO_32 + (R[a] >>> 0)
      break
    case Op.F64PromoteF32:
      RD[d >> 1] = RF[a]
      break
    case Op.I32TruncF32S:
    case Op.I32TruncF32U:
    case Op.I64TruncF32S:
    case Op.I64TruncF32U:
      return truncate(op, pc, d, RF[a])
    case Op.I32TruncF64S:
    case Op.I32TruncF64U:
    case Op.I64TruncF64S:
    case Op.I64TruncF64U:
      return truncate(op, pc, d, RD[a >> 1])
    case Op.I32TruncSatF32S:
      R[d] = saturateInt32(RF[a])
      break
    case Op.I32TruncSatF64S:
      R[d] = saturateInt32(RD[a >> 1])
      break
    case Op.I32TruncSatF32U:
      R[d] = saturateUint32(RF[a])
      break
    case Op.I32TruncSatF64U:
      R[d] = saturateUint32(RD[a >> 1])
      break
    case Op.I64TruncSatF32S:
      saturateInt64(d, RF[a])
      break
    case Op.I64TruncSatF64S:
      saturateInt64(d, RD[a >> 1])
      break
    case Op.I64TruncSatF32U:
      saturateUint64(d, RF[a])
      break
    case Op.I64TruncSatF64U:
      saturateUint64(d, RD[a >> 1])
      break
    default:
      bug(`conversion 0x${op.toString(16)}`)
  }
  return pc + 3
}

/** The trapping truncations of a float that is exact as f64. */
function truncate(op: number, pc: number, d: number, x: number): number {
  if (x !== x) return trap(TrapCode.InvalidConversion, pc)
  switch (op) {
    case Op.I32TruncF32S:
    case Op.I32TruncF64S:
      if (!(x > -0x80000001 && x < 0x80000000)) return trap(TrapCode.IntegerOverflow, pc)
      R[d] = x
      break
    case Op.I32TruncF32U:
    case Op.I32TruncF64U:
      if (!(x > -1 && x < TWO_32)) return trap(TrapCode.IntegerOverflow, pc)
      R[d] = x
      break
    case Op.I64TruncF32S:
    case Op.I64TruncF64S:
      if (!(x >= -TWO_63 && x < TWO_63)) return trap(TrapCode.IntegerOverflow, pc)
      storeInteger(d, Math.trunc(x))
      break
    default:
      if (!(x > -1 && x < TWO_64)) return trap(TrapCode.IntegerOverflow, pc)
      storeInteger(d, Math.trunc(x))
  }
  return pc + 3
}

/** As int32; NaN is 0. */
export function saturateInt32(x: number): number {
  return x <= -0x80000000 ? -0x80000000 : x >= 0x7fffffff ? 0x7fffffff : x | 0
}

/** As the int32 of the same bits; NaN is 0. */
export function saturateUint32(x: number): number {
  return x > 0 ? (x >= 0xffffffff ? -1 : x | 0) : 0
}

function saturateInt64(d: number, x: number): void {
  if (x !== x) R[d] = R[d + 1] = 0
  else if (x < -TWO_63) {
    R[d] = 0
    R[d + 1] = -0x80000000
  } else if (x >= TWO_63) {
    R[d] = -1
    R[d + 1] = 0x7fffffff
  } else storeInteger(d, Math.trunc(x))
}

function saturateUint64(d: number, x: number): void {
  if (!(x > 0)) R[d] = R[d + 1] = 0
  else if (x >= TWO_64) R[d] = R[d + 1] = -1
  else storeInteger(d, Math.trunc(x))
}
