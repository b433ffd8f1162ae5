// Lowering of tests, branches, traps and returns.

import { Op as Ssa } from '../../ssa/op.gen.ts'
import { NONE } from '../../ssa/types.ts'
import { Op } from './instructions.ts'
import { compareType, passOverflow } from './lower-call.ts'
import { CONDITIONS } from './lower-integer.ts'
import { type Lowering, sizeOf } from './lower.ts'
import { compareMemoryWithImmediate, compareWithMemory } from './lower-sink.ts'
import { FlagTest, Shape } from './machine.ts'
import { Cond, Size } from './registers.ts'

export function lowerControl(l: Lowering, v: number, op: Ssa): void {
  const { graph } = l
  switch (op) {
    case Ssa.Trapif:
      l.emit(Shape.TrapIf, 0, testFor(l, graph.a[v]), graph.aux[v])
      return
    case Ssa.Jump:
      return l.passArguments(graph.firstEdge(v))
    case Ssa.Branch:
      l.emit(Shape.BranchIf, 0, testFor(l, graph.a[v]))
      return
    case Ssa.Switch:
      return lowerSwitch(l, v)
    case Ssa.Return:
      return lowerReturn(l, v)
    case Ssa.Unreachable:
      l.emit(Shape.Trap, 0, 0, graph.aux[v])
      return
    default:
      l.unsupported(v)
  }
}

/**
 * Emits a compare for an i32 that is used as a truth value, and returns the test of the flags that tells. A compare instruction is
 * done again here, whoever else wants its result; other values are compared with zero.
 */
export function testFor(l: Lowering, v: number): number {
  const { graph } = l
  const root = graph.resolve(v)
  const op = graph.op[root]
  if (op >= Ssa.I32Eqz && op <= Ssa.I32GeU) return compare(l, root, op - Ssa.I32Eqz, Size.D)
  if (op >= Ssa.I64Eqz && op <= Ssa.I64GeU) return compare(l, root, op - Ssa.I64Eqz, Size.Q)
  if (op >= Ssa.F32Eq && op <= Ssa.F32Ge) return compareFloats(l, root, op - Ssa.F32Eq, Op.Ucomiss)
  if (op >= Ssa.F64Eq && op <= Ssa.F64Ge) return compareFloats(l, root, op - Ssa.F64Eq, Op.Ucomisd)
  if (op === Ssa.RefHasType) return compareType(l, root)
  if (op === Ssa.RefIsNull) return compareWithZero(l, graph.a[root], Size.D)
  return compareWithZero(l, root, sizeOf(graph.type[root])) ^ 1
}

/** `kind`: 0 is eqz, then in the order of `CONDITIONS`. */
function compare(l: Lowering, v: number, kind: number, size: Size): number {
  const { graph, draft } = l
  if (kind === 0) return compareWithZero(l, graph.a[v], size)
  if (l.isImmediate(graph.b[v])) {
    if (l.constant(graph.b[v]) === 0 && kind <= 2) return compareWithZero(l, graph.a[v], size) ^ (kind - 1)
    if (compareMemoryWithImmediate(l, Op.Cmp, graph.a[v], l.constant(graph.b[v]))) return CONDITIONS[kind - 1]
    const a = l.reg(graph.a[v])
    l.emit(Shape.CompareImm | (Op.Cmp << 8), size, l.constant(graph.b[v]))
    draft.use(a)
  } else if (!compareWithMemory(l, Op.Cmp, size, graph.a[v], graph.b[v])) {
    const a = l.reg(graph.a[v])
    const b = l.reg(graph.b[v])
    l.emit(Shape.Compare | (Op.Cmp << 8), size)
    draft.use(a)
    draft.useAny(b)
  }
  return CONDITIONS[kind - 1]
}

/** Sets the flags for `v == 0`; `and` is swallowed as `test`. */
function compareWithZero(l: Lowering, v: number, size: Size): Cond {
  const { graph, draft } = l
  const root = graph.resolve(v)
  if (compareMemoryWithImmediate(l, Op.Cmp, root, 0, true)) return Cond.E
  const isAnd = graph.op[root] === (size === Size.Q ? Ssa.I64And : Ssa.I32And)
  const a = l.reg(isAnd ? graph.a[root] : root)
  if (isAnd && l.isImmediate(graph.b[root])) {
    l.emit(Shape.CompareImm | (Op.Test << 8), size, l.constant(graph.b[root]))
    draft.use(a)
  } else {
    const b = isAnd ? l.reg(graph.b[root]) : a
    l.emit(Shape.Compare | (Op.Test << 8), size)
    draft.use(a)
    draft.use(b)
  }
  return Cond.E
}

/** After ucomis, `above` and `above or equal` are false of NaNs: less-than has its operands exchanged. */
function compareFloats(l: Lowering, v: number, kind: number, op: Op): number {
  const { graph, draft } = l
  const isLess = kind === Ssa.F32Lt - Ssa.F32Eq || kind === Ssa.F32Le - Ssa.F32Eq
  const a = l.reg(isLess ? graph.b[v] : graph.a[v])
  const b = l.reg(isLess ? graph.a[v] : graph.b[v])
  l.emit(Shape.Compare | (op << 8), Size.D)
  draft.use(a)
  draft.useAny(b)
  if (kind < 2) return kind === 0 ? FlagTest.FloatEqual : FlagTest.FloatNotEqual
  return kind < Ssa.F32Le - Ssa.F32Eq ? Cond.A : Cond.AE
}

function lowerSwitch(l: Lowering, v: number): void {
  const { graph, draft } = l
  if (graph.successorCount(v) === 1) return l.passArguments(graph.firstEdge(v))
  const index = l.reg(graph.a[v])
  l.emit(Shape.Switch, Size.D, graph.successorCount(v))
  draft.use(index)
}

function lowerReturn(l: Lowering, v: number): void {
  const { graph, draft } = l
  const { results } = graph.signature
  const places = l.locations(results)
  passOverflow(l, (n) => graph.operand(v, n), results, places)
  const values: number[] = []
  for (let n = 0; n < results.length; n++) values.push(places[n] >= 0 ? l.reg(graph.operand(v, n)) : NONE)
  l.emit(Shape.Return)
  for (let n = 0; n < results.length; n++) if (places[n] >= 0) draft.useFixed(values[n], places[n])
}
