// Float lane arithmetic: from the scratch vectors a and b to d (lanes.ts). Typed-array stores round to the lane's format.

import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { a, b, d } from './lanes.ts'
import { saturateInt32, saturateUint32 } from './convert.ts'
import { nearest } from './float.ts'

/** Stores a rounded lane; of a NaN the bits, made quiet (what JavaScript does with them depends on V8's tier). */
function round32(i: number, x: number): void {
  if (x === x) d.f32[i] = x
  else d.i32[i] = a.i32[i] | 0x400000
}

function round64(i: number, x: number): void {
  if (x === x) d.f64[i] = x
  else d.i64[i] = a.i64[i] | 0x8000000000000n
}

/** Compares and arithmetic of two float vectors. */
export function floatBinary(op: number): void {
  switch (op) {
    case Op.F32x4Eq:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] === b.f32[i] ? -1 : 0
      return
    case Op.F32x4Ne:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] !== b.f32[i] ? -1 : 0
      return
    case Op.F32x4Lt:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] < b.f32[i] ? -1 : 0
      return
    case Op.F32x4Gt:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] > b.f32[i] ? -1 : 0
      return
    case Op.F32x4Le:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] <= b.f32[i] ? -1 : 0
      return
    case Op.F32x4Ge:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] >= b.f32[i] ? -1 : 0
      return
    case Op.F32x4Add:
      for (let i = 0; i < 4; i++) d.f32[i] = a.f32[i] + b.f32[i]
      return
    case Op.F32x4Sub:
      for (let i = 0; i < 4; i++) d.f32[i] = a.f32[i] - b.f32[i]
      return
    case Op.F32x4Mul:
      for (let i = 0; i < 4; i++) d.f32[i] = a.f32[i] * b.f32[i]
      return
    case Op.F32x4Div:
      for (let i = 0; i < 4; i++) d.f32[i] = a.f32[i] / b.f32[i]
      return
    case Op.F32x4Min:
    case Op.F32x4RelaxedMin:
      for (let i = 0; i < 4; i++) d.f32[i] = Math.min(a.f32[i], b.f32[i])
      return
    case Op.F32x4Max:
    case Op.F32x4RelaxedMax:
      for (let i = 0; i < 4; i++) d.f32[i] = Math.max(a.f32[i], b.f32[i])
      return
    case Op.F32x4Pmin:
      for (let i = 0; i < 4; i++) d.i32[i] = b.f32[i] < a.f32[i] ? b.i32[i] : a.i32[i]
      return
    case Op.F32x4Pmax:
      for (let i = 0; i < 4; i++) d.i32[i] = a.f32[i] < b.f32[i] ? b.i32[i] : a.i32[i]
      return
    case Op.F64x2Eq:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] === b.f64[i] ? -1n : 0n
      return
    case Op.F64x2Ne:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] !== b.f64[i] ? -1n : 0n
      return
    case Op.F64x2Lt:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] < b.f64[i] ? -1n : 0n
      return
    case Op.F64x2Gt:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] > b.f64[i] ? -1n : 0n
      return
    case Op.F64x2Le:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] <= b.f64[i] ? -1n : 0n
      return
    case Op.F64x2Ge:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] >= b.f64[i] ? -1n : 0n
      return
    case Op.F64x2Add:
      for (let i = 0; i < 2; i++) d.f64[i] = a.f64[i] + b.f64[i]
      return
    case Op.F64x2Sub:
      for (let i = 0; i < 2; i++) d.f64[i] = a.f64[i] - b.f64[i]
      return
    case Op.F64x2Mul:
      for (let i = 0; i < 2; i++) d.f64[i] = a.f64[i] * b.f64[i]
      return
    case Op.F64x2Div:
      for (let i = 0; i < 2; i++) d.f64[i] = a.f64[i] / b.f64[i]
      return
    case Op.F64x2Min:
    case Op.F64x2RelaxedMin:
      for (let i = 0; i < 2; i++) d.f64[i] = Math.min(a.f64[i], b.f64[i])
      return
    case Op.F64x2Max:
    case Op.F64x2RelaxedMax:
      for (let i = 0; i < 2; i++) d.f64[i] = Math.max(a.f64[i], b.f64[i])
      return
    case Op.F64x2Pmin:
      for (let i = 0; i < 2; i++) d.i64[i] = b.f64[i] < a.f64[i] ? b.i64[i] : a.i64[i]
      return
    case Op.F64x2Pmax:
      for (let i = 0; i < 2; i++) d.i64[i] = a.f64[i] < b.f64[i] ? b.i64[i] : a.i64[i]
      return
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}

/** Instructions of one vector that read or write floats. Whether `op` is one. */
export function floatUnary(op: number): boolean {
  switch (op) {
    case Op.F32x4Abs:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] & 0x7fffffff
      return true
    case Op.F32x4Neg:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] ^ -0x80000000
      return true
    case Op.F64x2Abs:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] & 0x7fffffffffffffffn
      return true
    case Op.F64x2Neg:
      for (let i = 0; i < 2; i++) d.u64[i] = a.u64[i] ^ 0x8000000000000000n
      return true
    case Op.F32x4Sqrt:
      for (let i = 0; i < 4; i++) d.f32[i] = Math.sqrt(a.f32[i])
      return true
    case Op.F64x2Sqrt:
      for (let i = 0; i < 2; i++) d.f64[i] = Math.sqrt(a.f64[i])
      return true
    case Op.F32x4Ceil:
      for (let i = 0; i < 4; i++) round32(i, Math.ceil(a.f32[i]))
      return true
    case Op.F64x2Ceil:
      for (let i = 0; i < 2; i++) round64(i, Math.ceil(a.f64[i]))
      return true
    case Op.F32x4Floor:
      for (let i = 0; i < 4; i++) round32(i, Math.floor(a.f32[i]))
      return true
    case Op.F64x2Floor:
      for (let i = 0; i < 2; i++) round64(i, Math.floor(a.f64[i]))
      return true
    case Op.F32x4Trunc:
      for (let i = 0; i < 4; i++) round32(i, Math.trunc(a.f32[i]))
      return true
    case Op.F64x2Trunc:
      for (let i = 0; i < 2; i++) round64(i, Math.trunc(a.f64[i]))
      return true
    case Op.F32x4Nearest:
      for (let i = 0; i < 4; i++) round32(i, nearest(a.f32[i]))
      return true
    case Op.F64x2Nearest:
      for (let i = 0; i < 2; i++) round64(i, nearest(a.f64[i]))
      return true
    case Op.I32x4TruncSatF32x4S:
    case Op.I32x4RelaxedTruncF32x4S:
      for (let i = 0; i < 4; i++) d.i32[i] = saturateInt32(a.f32[i])
      return true
    case Op.I32x4TruncSatF32x4U:
    case Op.I32x4RelaxedTruncF32x4U:
      for (let i = 0; i < 4; i++) d.u32[i] = saturateUint32(a.f32[i])
      return true
    case Op.F32x4ConvertI32x4S:
      for (let i = 0; i < 4; i++) d.f32[i] = a.i32[i]
      return true
    case Op.F32x4ConvertI32x4U:
      for (let i = 0; i < 4; i++) d.f32[i] = a.u32[i]
      return true
    case Op.F64x2ConvertLowI32x4S:
      for (let i = 0; i < 2; i++) d.f64[i] = a.i32[i]
      return true
    case Op.F64x2ConvertLowI32x4U:
      for (let i = 0; i < 2; i++) d.f64[i] = a.u32[i]
      return true
    case Op.F64x2PromoteLowF32x4:
      for (let i = 0; i < 2; i++) d.f64[i] = a.f32[i]
      return true
    case Op.I32x4TruncSatF64x2SZero:
    case Op.I32x4RelaxedTruncF64x2SZero:
      for (let i = 0; i < 4; i++) d.i32[i] = i < 2 ? saturateInt32(a.f64[i]) : 0
      return true
    case Op.I32x4TruncSatF64x2UZero:
    case Op.I32x4RelaxedTruncF64x2UZero:
      for (let i = 0; i < 4; i++) d.u32[i] = i < 2 ? saturateUint32(a.f64[i]) : 0
      return true
    case Op.F32x4DemoteF64x2Zero:
      for (let i = 0; i < 4; i++) d.f32[i] = i < 2 ? a.f64[i] : 0
      return true
    default:
      return false
  }
}
