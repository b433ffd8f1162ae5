// Constant folding of float operations (fold.ts).

import type { Emitter } from './emit.ts'
import { Op } from './op.gen.ts'
import { RESULT } from './op-tables.ts'
import { NONE, Type } from './types.ts'

const bits = new DataView(new ArrayBuffer(8))

function read(e: Emitter, v: number): number {
  const { graph } = e
  bits.setInt32(0, graph.a[v], true)
  if (graph.type[v] === Type.F32) return bits.getFloat32(0, true)
  bits.setInt32(4, graph.b[v], true)
  return bits.getFloat64(0, true)
}

/** The constant of an operation's result, or NONE if that is a NaN. */
function result(e: Emitter, type: Type, x: number): number {
  if (Number.isNaN(x)) return NONE
  if (type === Type.F32) {
    bits.setFloat32(0, x, true)
    return e.constant(type, bits.getInt32(0, true), 0)
  }
  bits.setFloat64(0, x, true)
  return e.constant(type, bits.getInt32(0, true), bits.getInt32(4, true))
}

/** `b` is NONE for unary operations. */
export function foldFloat(e: Emitter, op: Op, a: number, b: number): number {
  const { graph } = e
  const type = RESULT[op]
  switch (op) {
    case Op.F32Abs:
      return e.constant(type, graph.a[a] & 0x7fffffff, 0)
    case Op.F32Neg:
      return e.constant(type, graph.a[a] ^ 0x80000000, 0)
    case Op.F64Abs:
      return e.constant(type, graph.a[a], graph.b[a] & 0x7fffffff)
    case Op.F64Neg:
      return e.constant(type, graph.a[a], graph.b[a] ^ 0x80000000)
    case Op.F32ConvertI32S:
    case Op.F64ConvertI32S:
      return result(e, type, graph.a[a])
    case Op.F32ConvertI32U:
    case Op.F64ConvertI32U:
      return result(e, type, graph.a[a] >>> 0)
    // The product and the low word are exact: one rounding.
    case Op.F64ConvertI64S:
      return result(e, type, graph.b[a] * 4294967296 + (graph.a[a] >>> 0))
    case Op.F64ConvertI64U:
      return result(e, type, (graph.b[a] >>> 0) * 4294967296 + (graph.a[a] >>> 0))
    default:
      break
  }
  const kind = graph.type[a]
  if (kind !== Type.F32 && kind !== Type.F64) return NONE
  const x = read(e, a)
  const y = b === NONE ? 0 : read(e, b)
  switch (op) {
    // A double has twice the precision of a float and two bits more: rounding its result again is the float's result.
    case Op.F32Add:
    case Op.F64Add:
      return result(e, type, x + y)
    case Op.F32Sub:
    case Op.F64Sub:
      return result(e, type, x - y)
    case Op.F32Mul:
    case Op.F64Mul:
      return result(e, type, x * y)
    case Op.F32Div:
    case Op.F64Div:
      return result(e, type, x / y)
    case Op.F32Min:
    case Op.F64Min:
      return result(e, type, Math.min(x, y))
    case Op.F32Max:
    case Op.F64Max:
      return result(e, type, Math.max(x, y))
    case Op.F32Sqrt:
    case Op.F64Sqrt:
      return result(e, type, Math.sqrt(x))
    case Op.F32Ceil:
    case Op.F64Ceil:
      return result(e, type, Math.ceil(x))
    case Op.F32Floor:
    case Op.F64Floor:
      return result(e, type, Math.floor(x))
    case Op.F32Trunc:
    case Op.F64Trunc:
      return result(e, type, Math.trunc(x))
    case Op.F32DemoteF64:
    case Op.F64PromoteF32:
      return result(e, type, x)
    case Op.F32Eq:
    case Op.F64Eq:
      return e.i32(x === y ? 1 : 0)
    case Op.F32Ne:
    case Op.F64Ne:
      return e.i32(x !== y ? 1 : 0)
    case Op.F32Lt:
    case Op.F64Lt:
      return e.i32(x < y ? 1 : 0)
    case Op.F32Gt:
    case Op.F64Gt:
      return e.i32(x > y ? 1 : 0)
    case Op.F32Le:
    case Op.F64Le:
      return e.i32(x <= y ? 1 : 0)
    case Op.F32Ge:
    case Op.F64Ge:
      return e.i32(x >= y ? 1 : 0)
    default:
      return NONE
  }
}
