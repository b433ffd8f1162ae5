// Scalar instructions that are too rare for the loop: conversions between i64 and floats, saturating truncation, bit counts, rounding,
// wide arithmetic.

import { CODE, R, RD, RF, RQ, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { trap } from './trap.ts'

const TWO_32 = 4294967296
const TWO_63 = 9223372036854775808
const TWO_64 = 18446744073709551616
/** From here every f64 is an integer. */
const TWO_52 = 4503599627370496

/** Rounds to the nearest integer, ties to even; keeps the sign of zero. */
export function nearest(x: number): number {
  const magnitude = Math.abs(x)
  if (!(magnitude < TWO_52)) return x
  const rounded = magnitude + TWO_52 - TWO_52
  return x < 0 || Object.is(x, -0) ? -rounded : rounded
}

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

function popcount(x: number): number {
  x -= (x >>> 1) & 0x55555555
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function countTrailingZeros(x: number): number {
  return x === 0 ? 32 : 31 - Math.clz32(x & -x)
}

/** Writes an integral number in [-2^63, 2^64) as 64 bits. */
function storeInteger(d: number, x: number): void {
  const high = Math.floor(x / TWO_32)
  R[d] = (x - high * TWO_32) | 0
  R[d + 1] = high | 0
}

/** Bits of an f32 NaN as the result of an arithmetic instruction: quiet. */
const QUIET_F32 = 0x00400000
const QUIET_F64_HIGH = 0x00080000

export function numeric(op: number, pc: number, fp: number): number {
  const d = (fp + CODE[pc + 1]) << 1
  const a = (fp + CODE[pc + 2]) << 1
  switch (op) {
    case Op.I32Popcnt:
      R[d] = popcount(R[a])
      return pc + 3
    case Op.I32Ctz:
      R[d] = countTrailingZeros(R[a])
      return pc + 3
    case Op.I64Clz:
      R[d] = R[a + 1] !== 0 ? Math.clz32(R[a + 1]) : 32 + Math.clz32(R[a])
      R[d + 1] = 0
      return pc + 3
    case Op.I64Ctz:
      R[d] = R[a] !== 0 ? countTrailingZeros(R[a]) : 32 + countTrailingZeros(R[a + 1])
      R[d + 1] = 0
      return pc + 3
    case Op.I64Popcnt:
      R[d] = popcount(R[a]) + popcount(R[a + 1])
      R[d + 1] = 0
      return pc + 3
    case Op.I64Extend8S:
      R[d] = (R[a] << 24) >> 24
      R[d + 1] = R[d] >> 31
      return pc + 3
    case Op.I64Extend16S:
      R[d] = (R[a] << 16) >> 16
      R[d + 1] = R[d] >> 31
      return pc + 3
    case Op.F32Ceil:
    case Op.F32Floor:
    case Op.F32Trunc:
    case Op.F32Nearest: {
      const x = RF[a]
      if (x !== x) R[d] = R[a] | QUIET_F32
      else RF[d] = op === Op.F32Ceil ? Math.ceil(x) : op === Op.F32Floor ? Math.floor(x) : op === Op.F32Trunc ? Math.trunc(x) : nearest(x)
      return pc + 3
    }
    case Op.F64Trunc:
    case Op.F64Nearest: {
      const x = RD[a >> 1]
      if (x !== x) {
        const high = R[a + 1] | QUIET_F64_HIGH
        R[d] = R[a]
        R[d + 1] = high
      } else RD[d >> 1] = op === Op.F64Trunc ? Math.trunc(x) : nearest(x)
      return pc + 3
    }
    case Op.F32Copysign:
      R[d] = (R[a] & 0x7fffffff) | (R[(fp + CODE[pc + 3]) << 1] & -0x80000000)
      return pc + 4
    case Op.F64Copysign: {
      const high = (R[a + 1] & 0x7fffffff) | (R[((fp + CODE[pc + 3]) << 1) + 1] & -0x80000000)
      R[d] = R[a]
      R[d + 1] = high
      return pc + 4
    }
    case Op.F32ConvertI64S:
      RF[d] = signedToF32(R[a + 1], R[a])
      return pc + 3
    case Op.F32ConvertI64U:
      RF[d] = unsignedToF32(R[a + 1] >>> 0, R[a] >>> 0)
      return pc + 3
    case Op.I32TruncF32U:
    case Op.I32TruncF64U: {
      const x = op === Op.I32TruncF32U ? RF[a] : RD[a >> 1]
      if (x !== x) return trap(TrapCode.InvalidConversion, pc)
      if (!(x > -1 && x < TWO_32)) return trap(TrapCode.IntegerOverflow, pc)
      R[d] = x >>> 0
      return pc + 3
    }
    case Op.I64TruncF32S:
    case Op.I64TruncF64S: {
      const x = op === Op.I64TruncF32S ? RF[a] : RD[a >> 1]
      if (x !== x) return trap(TrapCode.InvalidConversion, pc)
      if (!(x >= -TWO_63 && x < TWO_63)) return trap(TrapCode.IntegerOverflow, pc)
      storeInteger(d, Math.trunc(x))
      return pc + 3
    }
    case Op.I64TruncF32U:
    case Op.I64TruncF64U: {
      const x = op === Op.I64TruncF32U ? RF[a] : RD[a >> 1]
      if (x !== x) return trap(TrapCode.InvalidConversion, pc)
      if (!(x > -1 && x < TWO_64)) return trap(TrapCode.IntegerOverflow, pc)
      storeInteger(d, Math.trunc(x))
      return pc + 3
    }
    case Op.I32TruncSatF32S:
    case Op.I32TruncSatF64S: {
      const x = op === Op.I32TruncSatF32S ? RF[a] : RD[a >> 1]
      R[d] = x !== x ? 0 : x <= -0x80000000 ? -0x80000000 : x >= 0x7fffffff ? 0x7fffffff : x | 0
      return pc + 3
    }
    case Op.I32TruncSatF32U:
    case Op.I32TruncSatF64U: {
      const x = op === Op.I32TruncSatF32U ? RF[a] : RD[a >> 1]
      R[d] = x !== x || x <= 0 ? 0 : x >= 0xffffffff ? -1 : x >>> 0
      return pc + 3
    }
    case Op.I64TruncSatF32S:
    case Op.I64TruncSatF64S:
      truncateSaturatedSigned(d, op === Op.I64TruncSatF32S ? RF[a] : RD[a >> 1])
      return pc + 3
    case Op.I64TruncSatF32U:
    case Op.I64TruncSatF64U:
      truncateSaturatedUnsigned(d, op === Op.I64TruncSatF32U ? RF[a] : RD[a >> 1])
      return pc + 3
    case Op.I64Add128:
    case Op.I64Sub128:
      return wideSum(op, pc, fp)
    case Op.I64MulWideS:
    case Op.I64MulWideU:
      return wideProduct(op, pc, fp)
    default:
      bug(`scalar op 0x${op.toString(16)} has neither a loop op nor a cold one`)
  }
}

function truncateSaturatedSigned(d: number, x: number): void {
  if (x !== x) R[d] = R[d + 1] = 0
  else if (x < -TWO_63) {
    R[d] = 0
    R[d + 1] = -0x80000000
  } else if (x >= TWO_63) {
    R[d] = -1
    R[d + 1] = 0x7fffffff
  } else storeInteger(d, Math.trunc(x))
}

function truncateSaturatedUnsigned(d: number, x: number): void {
  if (!(x > 0)) R[d] = R[d + 1] = 0
  else if (x >= TWO_64) R[d] = R[d + 1] = -1
  else storeInteger(d, Math.trunc(x))
}

/** [op, low, high, a low, a high, b low, b high] */
function wideSum(op: number, pc: number, fp: number): number {
  const aLow = BigInt.asUintN(64, RQ[fp + CODE[pc + 3]])
  const aHigh = RQ[fp + CODE[pc + 4]]
  const bLow = BigInt.asUintN(64, RQ[fp + CODE[pc + 5]])
  const bHigh = RQ[fp + CODE[pc + 6]]
  // The store wraps to 64 bits.
  if (op === Op.I64Add128) {
    const low = aLow + bLow
    RQ[fp + CODE[pc + 1]] = low
    RQ[fp + CODE[pc + 2]] = aHigh + bHigh + (low >> 64n)
  } else {
    RQ[fp + CODE[pc + 1]] = aLow - bLow
    RQ[fp + CODE[pc + 2]] = aHigh - bHigh - (aLow < bLow ? 1n : 0n)
  }
  return pc + 7
}

/** [op, low, high, a, b] */
function wideProduct(op: number, pc: number, fp: number): number {
  const a = RQ[fp + CODE[pc + 3]]
  const b = RQ[fp + CODE[pc + 4]]
  const product = op === Op.I64MulWideS ? a * b : BigInt.asUintN(64, a) * BigInt.asUintN(64, b)
  RQ[fp + CODE[pc + 1]] = product
  RQ[fp + CODE[pc + 2]] = product >> 64n
  return pc + 5
}
