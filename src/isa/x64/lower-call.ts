// Lowering of calls, and of what an instance has: globals, tables, references.

import { VType, InstrFlag } from '../../codegen/vcode.ts'
import { GLOBAL_BYTES, ImportCell, Instance, TABLE_ENTRY_LOG2, TableCell } from '../../native/layout.ts'
import { Op as Ssa } from '../../ssa/op.gen.ts'
import { NONE, type Signature, Type } from '../../ssa/types.ts'
import { Op } from './instructions.ts'
import { testValue } from './lower-integer.ts'
import { type Lowering, sizeOf } from './lower.ts'
import { loadCellWord } from './lower-memory.ts'
import { Address, Shape } from './machine.ts'
import { Cond, Size } from './registers.ts'

export function lowerCall(l: Lowering, v: number, op: Ssa): void {
  const { graph, draft } = l
  switch (op) {
    case Ssa.GlobalGet:
      return globalGet(l, v)
    case Ssa.GlobalSet:
      return globalSet(l, v)
    case Ssa.TableLength:
      return loadCellWord(l, v, Instance.Tables, graph.aux[v], TableCell.Length)
    case Ssa.TableEntry:
      return tableEntry(l, v)
    case Ssa.EntryGet: {
      const address = l.reg(graph.a[v])
      return l.loadField(l.result(v), address, 0, Size.D)
    }
    case Ssa.EntrySet: {
      const address = l.reg(graph.a[v])
      const reference = l.reg(graph.b[v])
      l.emit(Shape.Store | (Op.Mov << 8), Size.D | Address.NoFault)
      draft.use(address)
      draft.use(reference)
      return
    }
    case Ssa.RefFunc:
      return refFunc(l, v)
    case Ssa.RefIsNull:
    case Ssa.RefHasType:
      return testValue(l, v)
    case Ssa.Poll:
      return l.emit(Shape.Poll)
    case Ssa.Fuel:
      // Also if it costs nothing: the fuel may be overdrawn already.
      return l.emit(Shape.Fuel, 0, 0, graph.aux[v])
    case Ssa.Call:
      return call(l, v, Shape.Call)
    case Ssa.CallImport:
      return call(l, v, Shape.CallImport)
    case Ssa.CallRef:
      return call(l, v, Shape.CallRef)
    case Ssa.Runtime:
      return call(l, v, Shape.CallRuntime)
    case Ssa.ReturnCall:
      return call(l, v, Shape.TailCall)
    case Ssa.ReturnCallImport:
      return call(l, v, Shape.TailCallImport)
    case Ssa.ReturnCallRef:
      return call(l, v, Shape.TailCallRef)
    default:
      l.unsupported(v)
  }
}

function call(l: Lowering, v: number, shape: Shape): void {
  const { graph, draft } = l
  const isTail = shape >= Shape.TailCall
  const signature: Signature = graph.signatures[graph.pool[graph.b[v]]]
  const { params, results } = signature
  l.calls = true
  const places = l.locations(params)
  const first = graph.b[v] + 1
  const callee = shape === Shape.CallRef || shape === Shape.TailCallRef ? l.reg(graph.a[v]) : NONE
  passOverflow(l, (n) => graph.pool[first + n], params, places)
  const values: number[] = []
  for (let n = 0; n < params.length; n++) values.push(places[n] >= 0 ? l.reg(graph.pool[first + n]) : NONE)
  l.emit(shape, 0, 0, graph.aux[v], isTail ? 0 : InstrFlag.Clobbers)
  if (callee !== NONE) draft.use(callee)
  for (let n = 0; n < params.length; n++) if (places[n] >= 0) draft.useFixed(values[n], places[n])
  if (!isTail) defineResults(l, v, results)
}

/** Writes what does not fit into registers. `valueOf` gives the value of argument or result n. */
export function passOverflow(
  l: Lowering,
  valueOf: (n: number) => number,
  types: readonly Type[],
  places: readonly number[],
): void {
  let context = NONE
  for (let n = 0; n < types.length; n++) {
    if (places[n] >= 0) continue
    const value = l.reg(valueOf(n))
    if (context === NONE) l.loadField((context = l.temporary(VType.I64)), NONE, Instance.Context, Size.Q)
    l.storeOverflow(value, types[n], context, ~places[n])
  }
}

/** The defs of a call that has just been emitted, and what loads the results that are in no register. */
function defineResults(l: Lowering, v: number, results: readonly Type[]): void {
  const { graph, draft, projections } = l
  const places = l.locations(results)
  if (results.length > 0 && l.isAsked(v)) draft.defFixed(l.result(v), places[0])
  for (const p of projections) if (places[graph.aux[p]] >= 0) draft.defFixed(l.result(p), places[graph.aux[p]])
  let context = NONE
  for (const p of projections) {
    const place = places[graph.aux[p]]
    if (place >= 0) continue
    if (context === NONE) l.loadField((context = l.temporary(VType.I64)), NONE, Instance.Context, Size.Q)
    l.loadOverflow(l.result(p), results[graph.aux[p]], context, ~place)
  }
  projections.length = 0
}

/** Slot `aux` of the interpreter's frame: in the overflow area at an OSR entry. */
export function frameLoad(l: Lowering, v: number): void {
  const context = l.temporary(VType.I64)
  l.loadField(context, NONE, Instance.Context, Size.Q)
  l.loadOverflow(l.result(v), l.graph.type[v], context, l.graph.aux[v])
}

/** Where a global's cell is: base vreg (NONE: the instance) and displacement. */
function globalCell(l: Lowering, global: number): { base: number; displacement: number } {
  const { layout, importedGlobals } = l.target
  if (global >= importedGlobals) return { base: NONE, displacement: layout.globals + GLOBAL_BYTES * global }
  const base = l.temporary(VType.I64)
  l.loadField(base, NONE, layout.globalRefs + 8 * global, Size.Q)
  return { base, displacement: 0 }
}

const MOVES: readonly Op[] = [Op.Mov, Op.Mov, Op.Mov, Op.Movss, Op.Movsd, Op.Mov, Op.Mov]

function globalGet(l: Lowering, v: number): void {
  const { base, displacement } = globalCell(l, l.graph.aux[v])
  globalAccess(l, Shape.Load, l.graph.type[v], base, displacement)
  l.draft.def(l.result(v))
}

function globalSet(l: Lowering, v: number): void {
  const value = l.reg(l.graph.a[v])
  const { base, displacement } = globalCell(l, l.graph.aux[v])
  globalAccess(l, Shape.Store, l.graph.type[l.graph.resolve(l.graph.a[v])], base, displacement)
  l.draft.use(value)
}

function globalAccess(l: Lowering, shape: Shape, type: Type, base: number, displacement: number): void {
  const size = type === Type.F64 ? Size.Q : sizeOf(type)
  l.emit(shape | (MOVES[type] << 8), size | (base === NONE ? Address.BaseInstance : Address.NoFault), 0, displacement)
  if (base !== NONE) l.draft.use(base)
}

function tableEntry(l: Lowering, v: number): void {
  const { graph, draft } = l
  const index = l.reg(graph.a[v])
  const list = l.temporary(VType.I64)
  const cell = l.temporary(VType.I64)
  const entries = l.temporary(VType.I64)
  l.loadField(list, NONE, Instance.Tables, Size.Q)
  l.loadField(cell, list, 8 * graph.aux[v], Size.Q)
  l.loadField(entries, cell, TableCell.Entries, Size.Q)
  l.emit(Shape.Load | (Op.Lea << 8), Size.Q | Address.HasIndex | (TABLE_ENTRY_LOG2 << Address.ScaleShift))
  draft.use(entries)
  draft.use(index)
  draft.def(l.result(v))
}

function refFunc(l: Lowering, v: number): void {
  const { layout } = l.target
  const index = l.graph.aux[v]
  const imported = (layout.globals - layout.imports) / ImportCell.Bytes
  if (index < imported) {
    l.loadField(l.result(v), NONE, layout.imports + ImportCell.Bytes * index + ImportCell.Reference, Size.D)
    return
  }
  const first = l.temporary(VType.I32)
  l.loadField(first, NONE, Instance.OwnRefs, Size.D)
  l.binaryImm(Op.Add, Size.D, l.result(v), first, 8 * index)
}

/** Sets the flags for `ref.has_type`. */
export function compareType(l: Lowering, v: number): Cond {
  const { graph, draft } = l
  const reference = l.reg(graph.a[v])
  l.emit(Shape.CompareType, Size.D, graph.aux[v])
  draft.use(reference)
  return Cond.E
}
