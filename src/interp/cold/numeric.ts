// All scalar numeric instructions, also those that the loop does itself: as the plain definition that tests hold the loop's forms against.

import { CODE, RQ } from '../../runtime/machine.ts'
import { Op } from '../../wasm/op.gen.ts'
import { convert } from './convert.ts'
import { float32, float64 } from './float.ts'
import { int32, int64 } from './integer.ts'

/** `Op.I32Eqz` to `Op.I64Extend32S`, the saturating truncations, wide arithmetic. */
export function numeric(op: number, pc: number, fp: number): number {
  if (op >= Op.I64MulWideS) return wideProduct(op, pc, fp)
  if (op >= Op.I64Add128) return wideSum(op, pc, fp)
  if (op >= Op.I32TruncSatF32S) return convert(op, pc, fp)
  if (op >= Op.I64Extend8S) return int64(op, pc, fp)
  if (op >= Op.I32Extend8S) return int32(op, pc, fp)
  if (op >= Op.I32WrapI64) return convert(op, pc, fp)
  if (op >= Op.F64Abs) return float64(op, pc, fp)
  if (op >= Op.F32Abs) return float32(op, pc, fp)
  if (op >= Op.I64Clz) return int64(op, pc, fp)
  if (op >= Op.I32Clz) return int32(op, pc, fp)
  if (op >= Op.F64Eq) return float64(op, pc, fp)
  if (op >= Op.F32Eq) return float32(op, pc, fp)
  return op >= Op.I64Eqz ? int64(op, pc, fp) : int32(op, pc, fp)
}

/** [op, low, high, a low, a high, b low, b high] */
function wideSum(op: number, pc: number, fp: number): number {
  const aLow = BigInt.asUintN(64, RQ[fp + CODE[pc + 3]])
  const aHigh = RQ[fp + CODE[pc + 4]]
  const bLow = BigInt.asUintN(64, RQ[fp + CODE[pc + 5]])
  const bHigh = RQ[fp + CODE[pc + 6]]
  // The stores wrap to 64 bits.
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
