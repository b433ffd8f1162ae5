// Division of i32 by a constant, without a division: multiplication by the reciprocal, as 64-bit integers.
//
// M = floor(2^64 / d) + 1 is the reciprocal, too large by e/d with 0 < e <= d. For 0 <= x < 2^32 the high half of x * M is floor(x / d): the
// error x * e / (d * 2^64) is below 1/d. For negative x it is one too small, for every x, because the product is rounded down.

import type { Emitter } from './emit.ts'
import * as i64 from './i64.ts'
import { Op } from './op.gen.ts'
import { NONE, Type } from './types.ts'

/** i32 `op` by a constant on the right; NONE if it stays as it is. */
export function foldDivision(e: Emitter, op: Op, a: number, d: number): number {
  switch (op) {
    case Op.I32DivU:
      return d === 0 ? NONE : quotientU(e, a, d)
    case Op.I32RemU:
      if (d === 0) return NONE
      if ((d & (d - 1)) === 0) return e.op(Op.I32And, a, e.i32(d - 1))
      return remainder(e, a, quotientU(e, a, d), d)
    case Op.I32DivS:
      return d === 0 || d === -1 ? NONE : quotientS(e, a, d)
    default:
      if (d === 0) return NONE
      // The sign of the divisor does not matter to the remainder. |-2^31| is a power of two as well.
      if (d === 1 || d === -1) return e.i32(0)
      return remainder(e, a, quotientS(e, a, d), d)
  }
}

function remainder(e: Emitter, a: number, quotient: number, d: number): number {
  return e.op(Op.I32Sub, a, e.op(Op.I32Mul, quotient, e.i32(d)))
}

/** floor(2^64 / d) + 1 for 1 < d < 2^32. */
function reciprocal(e: Emitter, d: number): number {
  // floor((2^64 - 1) / d) is the same, as d is no power of two.
  const low = i64.divU(-1, -1, d, 0)
  const next = i64.add(low, i64.high, 1, 0)
  return e.constant(Type.I64, next, i64.high)
}

function quotientU(e: Emitter, a: number, d: number): number {
  if ((d & (d - 1)) === 0) return e.op(Op.I32ShrU, a, e.i32(i64.ctz32(d)))
  const high = e.op(Op.I64MulhiU, e.op(Op.I64ExtendI32U, a), reciprocal(e, d))
  return e.op(Op.I32WrapI64, high)
}

function quotientS(e: Emitter, a: number, d: number): number {
  if (d === 1) return a
  const magnitude = Math.abs(d)
  let quotient: number
  if ((magnitude & (magnitude - 1)) === 0) {
    // Towards zero: negative numbers get 2^k - 1 first.
    const k = i64.ctz32(d)
    const bias = e.op(Op.I32ShrU, e.op(Op.I32ShrS, a, e.i32(31)), e.i32(32 - k))
    quotient = e.op(Op.I32ShrS, e.op(Op.I32Add, a, bias), e.i32(k))
  } else {
    const high = e.op(Op.I64MulhiS, e.op(Op.I64ExtendI32S, a), reciprocal(e, magnitude))
    quotient = e.op(Op.I32Add, e.op(Op.I32WrapI64, high), e.op(Op.I32ShrU, a, e.i32(31)))
  }
  return d < 0 ? e.op(Op.I32Sub, e.i32(0), quotient) : quotient
}
