// Integer lane arithmetic: from the scratch vectors a, b, c to d (lanes.ts). Typed-array stores wrap to the lane's width.

import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { a, b, c, d } from './lanes.ts'

function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x
}

const POPCOUNT = new Uint8Array(256)
for (let i = 1; i < 256; i++) POPCOUNT[i] = POPCOUNT[i >> 1] + (i & 1)

/** Instructions of two vectors with a vector result, but for floats. */
export function binary(op: number): void {
  if ((op >= Op.I8x16Eq && op <= Op.I32x4GeU) || (op >= Op.I64x2Eq && op <= Op.I64x2GeS)) return compare(op)
  arithmetic(op)
}

/** All ones or zero per lane. */
function compare(op: number): void {
  switch (op) {
    case Op.I8x16Eq:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] === b.i8[i] ? -1 : 0
      return
    case Op.I8x16Ne:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] !== b.i8[i] ? -1 : 0
      return
    case Op.I8x16LtS:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] < b.i8[i] ? -1 : 0
      return
    case Op.I8x16LtU:
      for (let i = 0; i < 16; i++) d.i8[i] = a.u8[i] < b.u8[i] ? -1 : 0
      return
    case Op.I8x16GtS:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] > b.i8[i] ? -1 : 0
      return
    case Op.I8x16GtU:
      for (let i = 0; i < 16; i++) d.i8[i] = a.u8[i] > b.u8[i] ? -1 : 0
      return
    case Op.I8x16LeS:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] <= b.i8[i] ? -1 : 0
      return
    case Op.I8x16LeU:
      for (let i = 0; i < 16; i++) d.i8[i] = a.u8[i] <= b.u8[i] ? -1 : 0
      return
    case Op.I8x16GeS:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] >= b.i8[i] ? -1 : 0
      return
    case Op.I8x16GeU:
      for (let i = 0; i < 16; i++) d.i8[i] = a.u8[i] >= b.u8[i] ? -1 : 0
      return
    case Op.I16x8Eq:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] === b.i16[i] ? -1 : 0
      return
    case Op.I16x8Ne:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] !== b.i16[i] ? -1 : 0
      return
    case Op.I16x8LtS:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] < b.i16[i] ? -1 : 0
      return
    case Op.I16x8LtU:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u16[i] < b.u16[i] ? -1 : 0
      return
    case Op.I16x8GtS:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] > b.i16[i] ? -1 : 0
      return
    case Op.I16x8GtU:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u16[i] > b.u16[i] ? -1 : 0
      return
    case Op.I16x8LeS:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] <= b.i16[i] ? -1 : 0
      return
    case Op.I16x8LeU:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u16[i] <= b.u16[i] ? -1 : 0
      return
    case Op.I16x8GeS:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] >= b.i16[i] ? -1 : 0
      return
    case Op.I16x8GeU:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u16[i] >= b.u16[i] ? -1 : 0
      return
    case Op.I32x4Eq:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] === b.i32[i] ? -1 : 0
      return
    case Op.I32x4Ne:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] !== b.i32[i] ? -1 : 0
      return
    case Op.I32x4LtS:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] < b.i32[i] ? -1 : 0
      return
    case Op.I32x4LtU:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u32[i] < b.u32[i] ? -1 : 0
      return
    case Op.I32x4GtS:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] > b.i32[i] ? -1 : 0
      return
    case Op.I32x4GtU:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u32[i] > b.u32[i] ? -1 : 0
      return
    case Op.I32x4LeS:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] <= b.i32[i] ? -1 : 0
      return
    case Op.I32x4LeU:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u32[i] <= b.u32[i] ? -1 : 0
      return
    case Op.I32x4GeS:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] >= b.i32[i] ? -1 : 0
      return
    case Op.I32x4GeU:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u32[i] >= b.u32[i] ? -1 : 0
      return
    case Op.I64x2Eq:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] === b.i64[i] ? -1n : 0n
      return
    case Op.I64x2Ne:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] !== b.i64[i] ? -1n : 0n
      return
    case Op.I64x2LtS:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] < b.i64[i] ? -1n : 0n
      return
    case Op.I64x2GtS:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] > b.i64[i] ? -1n : 0n
      return
    case Op.I64x2LeS:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] <= b.i64[i] ? -1n : 0n
      return
    case Op.I64x2GeS:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] >= b.i64[i] ? -1n : 0n
      return
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}

/** Lanes of one width. */
function arithmetic(op: number): void {
  switch (op) {
    case Op.I8x16Add:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] + b.i8[i]
      return
    case Op.I8x16Sub:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] - b.i8[i]
      return
    case Op.I8x16AddSatS:
      for (let i = 0; i < 16; i++) d.i8[i] = clamp(a.i8[i] + b.i8[i], -128, 127)
      return
    case Op.I8x16AddSatU:
      for (let i = 0; i < 16; i++) d.u8[i] = clamp(a.u8[i] + b.u8[i], 0, 255)
      return
    case Op.I8x16SubSatS:
      for (let i = 0; i < 16; i++) d.i8[i] = clamp(a.i8[i] - b.i8[i], -128, 127)
      return
    case Op.I8x16SubSatU:
      for (let i = 0; i < 16; i++) d.u8[i] = clamp(a.u8[i] - b.u8[i], 0, 255)
      return
    case Op.I8x16AvgrU:
      for (let i = 0; i < 16; i++) d.u8[i] = (a.u8[i] + b.u8[i] + 1) >> 1
      return
    case Op.I8x16MinS:
      for (let i = 0; i < 16; i++) d.i8[i] = Math.min(a.i8[i], b.i8[i])
      return
    case Op.I8x16MinU:
      for (let i = 0; i < 16; i++) d.u8[i] = Math.min(a.u8[i], b.u8[i])
      return
    case Op.I8x16MaxS:
      for (let i = 0; i < 16; i++) d.i8[i] = Math.max(a.i8[i], b.i8[i])
      return
    case Op.I8x16MaxU:
      for (let i = 0; i < 16; i++) d.u8[i] = Math.max(a.u8[i], b.u8[i])
      return
    case Op.I16x8Add:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] + b.i16[i]
      return
    case Op.I16x8Sub:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] - b.i16[i]
      return
    case Op.I16x8AddSatS:
      for (let i = 0; i < 8; i++) d.i16[i] = clamp(a.i16[i] + b.i16[i], -32768, 32767)
      return
    case Op.I16x8AddSatU:
      for (let i = 0; i < 8; i++) d.u16[i] = clamp(a.u16[i] + b.u16[i], 0, 65535)
      return
    case Op.I16x8SubSatS:
      for (let i = 0; i < 8; i++) d.i16[i] = clamp(a.i16[i] - b.i16[i], -32768, 32767)
      return
    case Op.I16x8SubSatU:
      for (let i = 0; i < 8; i++) d.u16[i] = clamp(a.u16[i] - b.u16[i], 0, 65535)
      return
    case Op.I16x8AvgrU:
      for (let i = 0; i < 8; i++) d.u16[i] = (a.u16[i] + b.u16[i] + 1) >> 1
      return
    case Op.I16x8MinS:
      for (let i = 0; i < 8; i++) d.i16[i] = Math.min(a.i16[i], b.i16[i])
      return
    case Op.I16x8MinU:
      for (let i = 0; i < 8; i++) d.u16[i] = Math.min(a.u16[i], b.u16[i])
      return
    case Op.I16x8MaxS:
      for (let i = 0; i < 8; i++) d.i16[i] = Math.max(a.i16[i], b.i16[i])
      return
    case Op.I16x8MaxU:
      for (let i = 0; i < 8; i++) d.u16[i] = Math.max(a.u16[i], b.u16[i])
      return
    case Op.I32x4Add:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] + b.i32[i]
      return
    case Op.I32x4Sub:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] - b.i32[i]
      return
    case Op.I32x4MinS:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.min(a.i32[i], b.i32[i])
      return
    case Op.I32x4MinU:
      for (let i = 0; i < 4; i++) d.u32[i] = Math.min(a.u32[i], b.u32[i])
      return
    case Op.I32x4MaxS:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.max(a.i32[i], b.i32[i])
      return
    case Op.I32x4MaxU:
      for (let i = 0; i < 4; i++) d.u32[i] = Math.max(a.u32[i], b.u32[i])
      return
    case Op.I64x2Add:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] + b.i64[i]
      return
    case Op.I64x2Sub:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] - b.i64[i]
      return
    case Op.I16x8Mul:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] * b.i16[i]
      return
    case Op.I32x4Mul:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.imul(a.i32[i], b.i32[i])
      return
    case Op.I64x2Mul:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt.asIntN(64, a.i64[i] * b.i64[i])
      return
    case Op.I16x8Q15mulrSatS:
    case Op.I16x8RelaxedQ15mulrS:
      for (let i = 0; i < 8; i++) d.i16[i] = Math.min((a.i16[i] * b.i16[i] + 0x4000) >> 15, 32767)
      return
    case Op.V128And:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] & b.i32[i]
      return
    case Op.V128Andnot:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] & ~b.i32[i]
      return
    case Op.V128Or:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] | b.i32[i]
      return
    case Op.V128Xor:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] ^ b.i32[i]
      return
    default:
      widening(op)
  }
}

/** Lanes of two widths, and swizzle. */
function widening(op: number): void {
  switch (op) {
    case Op.I8x16Swizzle:
    case Op.I8x16RelaxedSwizzle:
      for (let i = 0; i < 16; i++) d.u8[i] = b.u8[i] < 16 ? a.u8[b.u8[i]] : 0
      return
    case Op.I8x16NarrowI16x8S:
      for (let i = 0; i < 8; i++) {
        d.i8[i] = clamp(a.i16[i], -128, 127)
        d.i8[i + 8] = clamp(b.i16[i], -128, 127)
      }
      return
    case Op.I8x16NarrowI16x8U:
      for (let i = 0; i < 8; i++) {
        d.u8[i] = clamp(a.i16[i], 0, 255)
        d.u8[i + 8] = clamp(b.i16[i], 0, 255)
      }
      return
    case Op.I16x8NarrowI32x4S:
      for (let i = 0; i < 4; i++) {
        d.i16[i] = clamp(a.i32[i], -32768, 32767)
        d.i16[i + 4] = clamp(b.i32[i], -32768, 32767)
      }
      return
    case Op.I16x8NarrowI32x4U:
      for (let i = 0; i < 4; i++) {
        d.u16[i] = clamp(a.i32[i], 0, 65535)
        d.u16[i + 4] = clamp(b.i32[i], 0, 65535)
      }
      return
    case Op.I16x8ExtmulLowI8x16S:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i8[i] * b.i8[i]
      return
    case Op.I16x8ExtmulLowI8x16U:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u8[i] * b.u8[i]
      return
    case Op.I16x8ExtmulHighI8x16S:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i8[i + 8] * b.i8[i + 8]
      return
    case Op.I16x8ExtmulHighI8x16U:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u8[i + 8] * b.u8[i + 8]
      return
    case Op.I32x4ExtmulLowI16x8S:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.imul(a.i16[i], b.i16[i])
      return
    case Op.I32x4ExtmulLowI16x8U:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.imul(a.u16[i], b.u16[i])
      return
    case Op.I32x4ExtmulHighI16x8S:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.imul(a.i16[i + 4], b.i16[i + 4])
      return
    case Op.I32x4ExtmulHighI16x8U:
      for (let i = 0; i < 4; i++) d.i32[i] = Math.imul(a.u16[i + 4], b.u16[i + 4])
      return
    case Op.I64x2ExtmulLowI32x4S:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.i32[i]) * BigInt(b.i32[i])
      return
    case Op.I64x2ExtmulLowI32x4U:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.u32[i]) * BigInt(b.u32[i])
      return
    case Op.I64x2ExtmulHighI32x4S:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.i32[i + 2]) * BigInt(b.i32[i + 2])
      return
    case Op.I64x2ExtmulHighI32x4U:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.u32[i + 2]) * BigInt(b.u32[i + 2])
      return
    case Op.I32x4DotI16x8S:
      for (let i = 0; i < 4; i++) d.i32[i] = (a.i16[2 * i] * b.i16[2 * i] + a.i16[2 * i + 1] * b.i16[2 * i + 1]) | 0
      return
    case Op.I16x8RelaxedDotI8x16I7x16S:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i8[2 * i] * b.i8[2 * i] + a.i8[2 * i + 1] * b.i8[2 * i + 1]
      return
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}

/** Instructions of one integer vector. */
export function unary(op: number): void {
  switch (op) {
    case Op.V128Not:
      for (let i = 0; i < 4; i++) d.i32[i] = ~a.i32[i]
      return
    case Op.I8x16Abs:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] < 0 ? -a.i8[i] : a.i8[i]
      return
    case Op.I8x16Neg:
      for (let i = 0; i < 16; i++) d.i8[i] = -a.i8[i]
      return
    case Op.I16x8Abs:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] < 0 ? -a.i16[i] : a.i16[i]
      return
    case Op.I16x8Neg:
      for (let i = 0; i < 8; i++) d.i16[i] = -a.i16[i]
      return
    case Op.I32x4Abs:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] < 0 ? -a.i32[i] : a.i32[i]
      return
    case Op.I32x4Neg:
      for (let i = 0; i < 4; i++) d.i32[i] = -a.i32[i]
      return
    case Op.I64x2Abs:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] < 0n ? -a.i64[i] : a.i64[i]
      return
    case Op.I64x2Neg:
      for (let i = 0; i < 2; i++) d.i64[i] = -a.i64[i]
      return
    case Op.I8x16Popcnt:
      for (let i = 0; i < 16; i++) d.u8[i] = POPCOUNT[a.u8[i]]
      return
    case Op.I16x8ExtaddPairwiseI8x16S:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i8[2 * i] + a.i8[2 * i + 1]
      return
    case Op.I16x8ExtendLowI8x16S:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i8[i]
      return
    case Op.I16x8ExtendHighI8x16S:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i8[i + 8]
      return
    case Op.I16x8ExtaddPairwiseI8x16U:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u8[2 * i] + a.u8[2 * i + 1]
      return
    case Op.I16x8ExtendLowI8x16U:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u8[i]
      return
    case Op.I16x8ExtendHighI8x16U:
      for (let i = 0; i < 8; i++) d.i16[i] = a.u8[i + 8]
      return
    case Op.I32x4ExtaddPairwiseI16x8S:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i16[2 * i] + a.i16[2 * i + 1]
      return
    case Op.I32x4ExtendLowI16x8S:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i16[i]
      return
    case Op.I32x4ExtendHighI16x8S:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i16[i + 4]
      return
    case Op.I32x4ExtaddPairwiseI16x8U:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u16[2 * i] + a.u16[2 * i + 1]
      return
    case Op.I32x4ExtendLowI16x8U:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u16[i]
      return
    case Op.I32x4ExtendHighI16x8U:
      for (let i = 0; i < 4; i++) d.i32[i] = a.u16[i + 4]
      return
    case Op.I64x2ExtendLowI32x4S:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.i32[i])
      return
    case Op.I64x2ExtendLowI32x4U:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.u32[i])
      return
    case Op.I64x2ExtendHighI32x4S:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.i32[i + 2])
      return
    case Op.I64x2ExtendHighI32x4U:
      for (let i = 0; i < 2; i++) d.i64[i] = BigInt(a.u32[i + 2])
      return
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}

/** Three vectors. Relaxed instructions are done as their deterministic counterparts; multiply-add rounds twice. */
export function ternary(op: number): void {
  switch (op) {
    case Op.V128Bitselect:
    case Op.I8x16RelaxedLaneselect:
    case Op.I16x8RelaxedLaneselect:
    case Op.I32x4RelaxedLaneselect:
    case Op.I64x2RelaxedLaneselect:
      for (let i = 0; i < 4; i++) d.i32[i] = (a.i32[i] & c.i32[i]) | (b.i32[i] & ~c.i32[i])
      return
    case Op.F32x4RelaxedMadd:
      for (let i = 0; i < 4; i++) d.f32[i] = Math.fround(a.f32[i] * b.f32[i]) + c.f32[i]
      return
    case Op.F32x4RelaxedNmadd:
      for (let i = 0; i < 4; i++) d.f32[i] = c.f32[i] - Math.fround(a.f32[i] * b.f32[i])
      return
    case Op.F64x2RelaxedMadd:
      for (let i = 0; i < 2; i++) d.f64[i] = a.f64[i] * b.f64[i] + c.f64[i]
      return
    case Op.F64x2RelaxedNmadd:
      for (let i = 0; i < 2; i++) d.f64[i] = c.f64[i] - a.f64[i] * b.f64[i]
      return
    case Op.I32x4RelaxedDotI8x16I7x16AddS:
      for (let i = 0; i < 4; i++) {
        let sum = c.i32[i]
        for (let k = 4 * i; k < 4 * i + 4; k++) sum += a.i8[k] * b.i8[k]
        d.i32[i] = sum
      }
      return
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}

/** Instructions of one vector with an i32 result. */
export function test(op: number): number {
  let mask = 0
  switch (op) {
    case Op.V128AnyTrue:
      return (a.i32[0] | a.i32[1] | a.i32[2] | a.i32[3]) !== 0 ? 1 : 0
    case Op.I8x16AllTrue:
      return a.u8.includes(0) ? 0 : 1
    case Op.I16x8AllTrue:
      return a.u16.includes(0) ? 0 : 1
    case Op.I32x4AllTrue:
      return a.i32.includes(0) ? 0 : 1
    case Op.I64x2AllTrue:
      return (a.i32[0] | a.i32[1]) !== 0 && (a.i32[2] | a.i32[3]) !== 0 ? 1 : 0
    case Op.I8x16Bitmask:
      for (let i = 0; i < 16; i++) if (a.i8[i] < 0) mask |= 1 << i
      return mask
    case Op.I16x8Bitmask:
      for (let i = 0; i < 8; i++) if (a.i16[i] < 0) mask |= 1 << i
      return mask
    case Op.I32x4Bitmask:
      for (let i = 0; i < 4; i++) if (a.i32[i] < 0) mask |= 1 << i
      return mask
    case Op.I64x2Bitmask:
      return (a.i32[1] >>> 31) | ((a.i32[3] >>> 31) << 1)
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}
