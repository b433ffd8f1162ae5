// Lowering of integers: arithmetic, shifts, division, bit counts, compares, conversions, selection.

import { VType } from '../../codegen/vcode.ts'
import { Op as Ssa } from '../../ssa/op.gen.ts'
import { NONE, Type } from '../../ssa/types.ts'
import { Op } from './instructions.ts'
import { testFor } from './lower-control.ts'
import { type Lowering, sizeOf } from './lower.ts'
import { binaryFromMemory } from './lower-sink.ts'
import { Address, Division, FlagTest, negated, Shape } from './machine.ts'
import { Cond, Reg, Size } from './registers.ts'

/** Distance of an i64 operation from the i32 one. */
const I64 = Ssa.I64Add - Ssa.I32Add

/** Operation and condition that compares have, by op - I32Eq. */
export const CONDITIONS: readonly Cond[] = [
  Cond.E,
  Cond.NE,
  Cond.L,
  Cond.B,
  Cond.G,
  Cond.A,
  Cond.LE,
  Cond.BE,
  Cond.GE,
  Cond.AE,
]

export function lowerInteger(l: Lowering, v: number, op: Ssa): void {
  const { graph } = l
  const isWide = op >= Ssa.I64Add && op <= Ssa.I64GeU
  const size = isWide ? Size.Q : Size.D
  const a = graph.a[v]
  const b = graph.b[v]
  switch (isWide ? op - I64 : op) {
    case Ssa.I32Add:
      return add(l, size, v, a, b)
    case Ssa.I32Sub:
      return arithmetic(l, Op.Sub, size, v, a, b)
    case Ssa.I32And:
      return arithmetic(l, Op.And, size, v, a, b)
    case Ssa.I32Or:
      return arithmetic(l, Op.Or, size, v, a, b)
    case Ssa.I32Xor:
      return arithmetic(l, Op.Xor, size, v, a, b)
    case Ssa.I32Mul:
      return multiply(l, size, v, a, b)
    case Ssa.I32Shl:
      return shift(l, Op.Shl, Op.ShlCl, Op.Shlx, size, v)
    case Ssa.I32ShrS:
      return shift(l, Op.Sar, Op.SarCl, Op.Sarx, size, v)
    case Ssa.I32ShrU:
      return shift(l, Op.Shr, Op.ShrCl, Op.Shrx, size, v)
    case Ssa.I32Rotl:
      return shift(l, Op.Rol, Op.RolCl, undefined, size, v)
    case Ssa.I32Rotr:
      return shift(l, Op.Ror, Op.RorCl, undefined, size, v)
    case Ssa.I32DivS:
      return divide(l, v, size, Division.Signed)
    case Ssa.I32DivU:
      return divide(l, v, size, 0)
    case Ssa.I32RemS:
      return divide(l, v, size, Division.Signed | Division.Remainder)
    case Ssa.I32RemU:
      return divide(l, v, size, Division.Remainder)
    case Ssa.I32Clz:
      return l.features.lzcnt ? l.unary(Op.Lzcnt, size, l.result(v), l.reg(a)) : countZeros(l, v, size, 0)
    case Ssa.I32Ctz:
      return l.features.bmi1 ? l.unary(Op.Tzcnt, size, l.result(v), l.reg(a)) : countZeros(l, v, size, 1)
    case Ssa.I32Popcnt:
      return l.features.popcnt ? l.unary(Op.Popcnt, size, l.result(v), l.reg(a)) : countOnes(l, v, size)
    case Ssa.I32Extend8S:
      return extend(l, Op.Movsx8, size, v)
    case Ssa.I32Extend16S:
      return extend(l, Op.Movsx16, size, v)
    default:
      return lowerOther(l, v, op)
  }
}

function lowerOther(l: Lowering, v: number, op: Ssa): void {
  switch (op) {
    case Ssa.I64MulhiS:
      return mulHigh(l, v, Op.ImulWide)
    case Ssa.I64MulhiU:
      return mulHigh(l, v, Op.Mul)
    case Ssa.I64Extend32S:
    case Ssa.I64ExtendI32S:
      return extend(l, Op.Movsxd, Size.Q, v)
    case Ssa.I32WrapI64:
      return extend(l, Op.Mov, Size.D, v)
    case Ssa.I64ExtendI32U:
      // Users take the i32's register (`reg`); the value itself is never asked for.
      return
    case Ssa.Select:
      return select(l, v)
    case Ssa.FrameLoad:
      return l.unsupported(v)
    default:
      // Compares whose value is wanted as a number.
      testValue(l, v)
  }
}

/** A compare as 0 or 1. */
export function testValue(l: Lowering, v: number): void {
  const result = l.result(v)
  const test = testFor(l, v)
  l.emit(Shape.SetFlag, 0, test)
  l.draft.def(result)
}

/** An operand that is needed afterwards must not be the one that the result overwrites. */
function arithmetic(l: Lowering, op: Op, size: Size, v: number, a: number, b: number): void {
  if (l.isImmediate(b)) l.binaryImm(op, size, l.result(v), l.reg(a), l.constant(b))
  else if (binaryFromMemory(l, op, size, v, a, b)) return
  else if (op !== Op.Sub && binaryFromMemory(l, op, size, v, b, a)) return
  else if (op !== Op.Sub && l.livesOn(a) && !l.livesOn(b)) l.binary(op, size, l.result(v), l.reg(b), l.reg(a))
  else l.binary(op, size, l.result(v), l.reg(a), l.reg(b))
}

/** Where both operands are needed afterwards, lea adds into a third register. */
function add(l: Lowering, size: Size, v: number, a: number, b: number): void {
  const isImmediate = l.isImmediate(b)
  if (!l.livesOn(a) || !(isImmediate || l.livesOn(b))) return arithmetic(l, Op.Add, size, v, a, b)
  const base = l.reg(a)
  const index = isImmediate ? NONE : l.reg(b)
  const bits = size | Address.NoFault | (isImmediate ? 0 : Address.HasIndex)
  l.emit(Shape.Load | (Op.Lea << 8), bits, 0, isImmediate ? l.constant(b) : 0)
  l.draft.use(base)
  if (!isImmediate) l.draft.use(index)
  l.draft.def(l.result(v))
}

function multiply(l: Lowering, size: Size, v: number, a: number, b: number): void {
  if (!l.isImmediate(b)) return arithmetic(l, Op.Imul, size, v, a, b)
  const from = l.reg(a)
  l.emit(Shape.UnaryImm | (Op.Imul << 8), size, l.constant(b))
  l.draft.useAny(from)
  l.draft.def(l.result(v))
}

function extend(l: Lowering, op: Op, size: Size, v: number): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.Unary | (op << 8), size)
  l.draft.use(from)
  l.draft.def(l.result(v))
}

/** The processor takes counts modulo the operand size, as WebAssembly does. */
function shift(l: Lowering, byImm: Op, byCl: Op, vex: Op | undefined, size: Size, v: number): void {
  const { graph, draft } = l
  const count = graph.b[v]
  if (l.isImmediate(count)) {
    l.binaryImm(byImm, size, l.result(v), l.reg(graph.a[v]), l.constant(count) & (size === Size.Q ? 63 : 31))
    return
  }
  const a = l.reg(graph.a[v])
  const by = l.reg(count)
  if (vex !== undefined && l.features.bmi2) {
    l.emit(Shape.Three | (vex << 8), size)
    draft.use(a)
    draft.use(by)
    draft.def(l.result(v))
    return
  }
  l.emit(Shape.InPlace | (byCl << 8), size)
  draft.use(a)
  draft.useFixed(by, Reg.Rcx)
  draft.defReuse(l.result(v), 0)
}

function divide(l: Lowering, v: number, size: Size, kind: number): void {
  const { graph, draft } = l
  const divisor = graph.b[v]
  const isKnown = graph.op[graph.resolve(divisor)] === Ssa.Const
  let checks = kind & Division.Signed ? Division.CheckZero | Division.CheckMinusOne : Division.CheckZero
  if (isKnown && l.isImmediate(divisor)) {
    if (l.constant(divisor) !== 0) checks &= ~Division.CheckZero
    if (l.constant(divisor) !== -1) checks &= ~Division.CheckMinusOne
  }
  const a = l.reg(graph.a[v])
  const b = l.reg(divisor)
  const type = size === Size.Q ? VType.I64 : VType.I32
  const other = l.temporary(type)
  const isRemainder = (kind & Division.Remainder) !== 0
  l.emit(Shape.Divide, size, kind | checks)
  draft.useFixed(a, Reg.Rax)
  draft.useLate(b)
  draft.defFixed(isRemainder ? other : l.result(v), Reg.Rax)
  draft.defFixed(isRemainder ? l.result(v) : other, Reg.Rdx)
}

function mulHigh(l: Lowering, v: number, op: Op): void {
  const { graph, draft } = l
  const a = l.reg(graph.a[v])
  const b = l.reg(graph.b[v])
  const low = l.temporary(VType.I64)
  l.emit(Shape.MulHigh | (op << 8), Size.Q)
  draft.useFixed(a, Reg.Rax)
  draft.useLate(b)
  draft.defFixed(low, Reg.Rax)
  draft.defFixed(l.result(v), Reg.Rdx)
}

function countZeros(l: Lowering, v: number, size: Size, trailing: number): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.CountZeros, size, trailing)
  l.draft.useLate(from)
  l.draft.def(l.result(v))
}

function countOnes(l: Lowering, v: number, size: Size): void {
  const from = l.reg(l.graph.a[v])
  l.emit(Shape.CountOnes, size)
  l.draft.use(from)
  l.draft.defReuse(l.result(v), 0)
  l.draft.defEarly(l.temporary(VType.I64))
}

function select(l: Lowering, v: number): void {
  const { graph, draft } = l
  const type: Type = graph.type[v]
  let whenTrue = l.reg(graph.a[v])
  let whenFalse = l.reg(graph.b[v])
  let test = testFor(l, graph.c[v])
  if (test === FlagTest.FloatEqual) {
    ;[whenTrue, whenFalse] = [whenFalse, whenTrue]
    test = negated(test)
  }
  const isFloat = type === Type.F32 || type === Type.F64
  l.emit(isFloat ? Shape.FloatMove : Shape.CMove, isFloat ? 0 : sizeOf(type), test)
  draft.use(whenFalse)
  draft.useLate(whenTrue)
  draft.defReuse(l.result(v), 0)
}
