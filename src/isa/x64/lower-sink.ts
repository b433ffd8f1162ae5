// Loads that sink into their only user, as its memory operand.

import { Op as Ssa } from '../../ssa/op.gen.ts'
import { OP_FLAGS } from '../../ssa/op-tables.ts'
import { Flag } from '../../ssa/ops.ts'
import { Type } from '../../ssa/types.ts'
import type { Op } from './instructions.ts'
import type { Lowering } from './lower.ts'
import { type AddressParts, matchAddress, useAddress } from './lower-memory.ts'
import { Shape } from './machine.ts'
import { Size } from './registers.ts'

/** Instructions between a load and its user that are looked at. Most loads are right before. */
const MAX_DISTANCE = 6

/**
 * Whether `v` is a load by `op` that only the instruction being lowered uses, and that can be done there: nothing between them writes, may
 * trap (the first trap is the one to be seen), or is a place to stop at.
 */
export function canSink(l: Lowering, v: number, op: Ssa): boolean {
  const { graph } = l
  const load = graph.resolve(v)
  if (graph.op[load] !== op || graph.uses[load] !== 1 || l.isAsked(load)) return false
  const lowest = Math.max(l.position - MAX_DISTANCE, 0)
  for (let at = l.position - 1; at >= lowest; at--) {
    const other = graph.schedule[at]
    if (other === load) return graph.block[load] === graph.block[graph.schedule[l.position]]
    if ((OP_FLAGS[graph.op[other]] & (Flag.Trap | Flag.Write | Flag.Call)) !== 0 && !l.isSwallowed(other)) return false
  }
  return false
}

const FULL_LOAD: Readonly<Partial<Record<Type, Ssa>>> = {
  [Type.I32]: Ssa.I32Load,
  [Type.I64]: Ssa.I64Load,
  [Type.F32]: Ssa.F32Load,
  [Type.F64]: Ssa.F64Load,
}

/** op def = a, [the address of load b], if that load can sink. */
export function binaryFromMemory(l: Lowering, op: Op, size: Size, v: number, a: number, b: number): boolean {
  const { graph } = l
  const full = FULL_LOAD[graph.type[graph.resolve(b)] as Type]
  // With itself: the load has two uses then.
  if (full === undefined || !canSink(l, b, full)) return false
  const result = l.result(v)
  const first = l.reg(a)
  const address = sink(l, b)
  l.emitAt(graph.resolve(b), Shape.BinaryLoad | (op << 8), size | address.bits, 0, address.displacement)
  l.draft.use(first)
  useAddress(l, address)
  l.draft.defReuse(result, 0)
  return true
}

/** Sets flags: op a, [the address of load b]. */
export function compareWithMemory(l: Lowering, op: Op, size: Size, a: number, b: number): boolean {
  const { graph } = l
  const full = FULL_LOAD[graph.type[graph.resolve(b)] as Type]
  if (full === undefined || !canSink(l, b, full)) return false
  const first = l.reg(a)
  const address = sink(l, b)
  l.emitAt(graph.resolve(b), Shape.CompareLoad | (op << 8), size | address.bits, 0, address.displacement)
  l.draft.use(first)
  useAddress(l, address)
  return true
}

/** Sets flags: op [the address of load a], imm. `forZero`: only whether they are equal is asked, and imm is 0. */
export function compareMemoryWithImmediate(l: Lowering, op: Op, a: number, imm: number, forZero = false): boolean {
  const { graph } = l
  const load = graph.resolve(a)
  let size: Size
  switch (graph.op[load]) {
    case Ssa.I32Load:
      size = Size.D
      break
    case Ssa.I64Load:
      size = Size.Q
      break
    case Ssa.I32Load8U:
    case Ssa.I64Load8U:
      if (!forZero) return false
      size = Size.B
      break
    default:
      return false
  }
  if (!canSink(l, load, graph.op[load])) return false
  const address = sink(l, load)
  l.emitAt(load, Shape.CompareLoadImm | (op << 8), size | address.bits, imm, address.displacement)
  useAddress(l, address)
  return true
}

function sink(l: Lowering, v: number): AddressParts {
  const { graph } = l
  const load = graph.resolve(v)
  l.swallow(load)
  return matchAddress(l, graph.a[load], graph.aux[load])
}
