// Lowering of floats: arithmetic, rounding, signs, minimum and maximum, compares, conversions.

import { Op as Ssa } from '../../ssa/op.gen.ts'
import { Op, Rounding } from './instructions.ts'
import type { Lowering } from './lower.ts'
import { testValue } from './lower-integer.ts'
import { binaryFromMemory } from './lower-sink.ts'
import { Shape, Truncation } from './machine.ts'
import { Size } from './registers.ts'

/** Distance of an f64 operation from the f32 one, in both blocks of the table alike. */
const F64 = Ssa.F64Abs - Ssa.F32Abs

export function lowerFloat(l: Lowering, v: number, op: Ssa): void {
  const isF64 = op >= Ssa.F64Abs && op <= Ssa.F64ConvertI64U
  const base = isF64 ? op - F64 : op
  // Tables have each ss row followed by its sd row.
  const d = isF64 ? 1 : 0
  const size = isF64 ? Size.Q : Size.D
  switch (base) {
    case Ssa.F32Abs:
      return mask(l, v, Op.Andps, size, 0x7fffffff, -1)
    case Ssa.F32Neg:
      return mask(l, v, Op.Xorps, size, -0x80000000, 0)
    case Ssa.F32Ceil:
      return round(l, v, d, Rounding.Ceil)
    case Ssa.F32Floor:
      return round(l, v, d, Rounding.Floor)
    case Ssa.F32Trunc:
      return round(l, v, d, Rounding.Trunc)
    case Ssa.F32Nearest:
      return round(l, v, d, Rounding.Nearest)
    case Ssa.F32Sqrt:
      return convert(l, v, Op.Sqrtss + d, size)
    case Ssa.F32Add:
      return arithmetic(l, v, Op.Addss + d, size)
    case Ssa.F32Sub:
      return arithmetic(l, v, Op.Subss + d, size)
    case Ssa.F32Mul:
      return arithmetic(l, v, Op.Mulss + d, size)
    case Ssa.F32Div:
      return arithmetic(l, v, Op.Divss + d, size)
    case Ssa.F32Min:
    case Ssa.F32Max:
      return withLateOperand(l, v, Shape.MinMax, size, base === Ssa.F32Max ? 1 : 0)
    case Ssa.F32Copysign:
      return withLateOperand(l, v, Shape.CopySign, size, 0)
    case Ssa.F32ConvertI32S:
      return convert(l, v, Op.Cvtsi2ss + d, Size.D)
    case Ssa.F32ConvertI32U:
      // An i32's register is its zero extension: a signed 64-bit integer.
      return convert(l, v, Op.Cvtsi2ss + d, Size.Q)
    case Ssa.F32ConvertI64S:
      return convert(l, v, Op.Cvtsi2ss + d, Size.Q)
    case Ssa.F32ConvertI64U:
      return convertU64(l, v, d)
    default:
      return lowerConversion(l, v, op, base, d)
  }
}

function lowerConversion(l: Lowering, v: number, op: Ssa, base: number, d: number): void {
  switch (op) {
    case Ssa.F32DemoteF64:
      return convert(l, v, Op.Cvtsd2ss, Size.Q)
    case Ssa.F64PromoteF32:
      return convert(l, v, Op.Cvtss2sd, Size.D)
    case Ssa.I32ReinterpretF32:
      return move(l, v, Op.MovFromXmm, Size.D)
    case Ssa.I64ReinterpretF64:
      return move(l, v, Op.MovFromXmm, Size.Q)
    case Ssa.F32ReinterpretI32:
      return move(l, v, Op.MovToXmm, Size.D)
    case Ssa.F64ReinterpretI64:
      return move(l, v, Op.MovToXmm, Size.Q)
    default:
  }
  if (base >= Ssa.F32Eq && base <= Ssa.F32Ge) return testValue(l, v)
  return truncate(l, v, d | TRUNCATIONS[(base - Ssa.I32TruncF32S) % 12])
}

/** By op - I32TruncF32S: in the table each pair of truncations is followed by the conversion back. */
const TRUNCATIONS = [
  0,
  Truncation.Saturating,
  0,
  Truncation.Unsigned,
  Truncation.Unsigned | Truncation.Saturating,
  0,
  Truncation.ToI64,
  Truncation.ToI64 | Truncation.Saturating,
  0,
  Truncation.ToI64 | Truncation.Unsigned,
  Truncation.ToI64 | Truncation.Unsigned | Truncation.Saturating,
  0,
]

function arithmetic(l: Lowering, v: number, op: Op, size: Size): void {
  const { graph } = l
  const a = graph.a[v]
  const b = graph.resolve(graph.b[v])
  if (binaryFromMemory(l, op, size, v, a, b)) return
  if (graph.op[b] === Ssa.Const) {
    const result = l.result(v)
    const first = l.reg(a)
    l.emit(Shape.BinaryConst | (op << 8), size, graph.a[b], size === Size.Q ? graph.b[b] : 0)
    l.draft.use(first)
    l.draft.defReuse(result, 0)
    return
  }
  l.binary(op, size, l.result(v), l.reg(a), l.reg(b))
}

function convert(l: Lowering, v: number, op: Op, size: Size): void {
  l.unary(op, size, l.result(v), l.reg(l.graph.a[v]))
}

function move(l: Lowering, v: number, op: Op, size: Size): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.Unary | (op << 8), size)
  l.draft.use(from)
  l.draft.def(l.result(v))
}

function round(l: Lowering, v: number, d: number, mode: Rounding): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.UnaryImm | ((Op.Roundss + d) << 8), Size.D, mode)
  l.draft.useAny(from)
  l.draft.def(l.result(v))
}

/** Bit operation with a constant: an f32's is `high`, an f64's `high` and `low`. */
function mask(l: Lowering, v: number, op: Op, size: Size, high: number, low: number): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.FloatMask | (op << 8), size, size === Size.Q ? low : high, high)
  l.draft.use(from)
  l.draft.defReuse(l.result(v), 0)
}

function withLateOperand(l: Lowering, v: number, shape: Shape, size: Size, imm: number): void {
  const a = l.reg(l.graph.a[v])
  const b = l.reg(l.graph.b[v])
  l.emit(shape, size, imm)
  l.draft.use(a)
  l.draft.useLate(b)
  l.draft.defReuse(l.result(v), 0)
}

function convertU64(l: Lowering, v: number, d: number): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.ConvertU64, Size.Q, d)
  l.draft.use(from)
  l.draft.def(l.result(v))
}

function truncate(l: Lowering, v: number, kind: number): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.Truncate, (kind & Truncation.ToI64) !== 0 ? Size.Q : Size.D, kind)
  l.draft.useLate(from)
  l.draft.def(l.result(v))
}
