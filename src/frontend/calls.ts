// Calls -> SSA.

import { Op } from '../ssa/op.gen.ts'
import { Builtin, NONE, TrapReason, Type } from '../ssa/types.ts'
import { Op as Wasm } from '../wasm/op.gen.ts'
import { tableEntry } from './tables.ts'
import type { Translation } from './translate.ts'

export function translateCall(t: Translation, op: number): void {
  const { e, reader: r, module } = t
  const isTail = op === Wasm.ReturnCall || op === Wasm.ReturnCallIndirect || op === Wasm.ReturnCallRef
  let callee = NONE
  let aux = 0
  let typeIndex = 0
  let ssa: Op
  if (op === Wasm.Call || op === Wasm.ReturnCall) {
    aux = r.u32()
    typeIndex = module.funcs[aux]
    if (aux < module.importedFuncs) ssa = isTail ? Op.ReturnCallImport : Op.CallImport
    else ssa = isTail ? Op.ReturnCall : Op.Call
  } else if (op === Wasm.CallRef || op === Wasm.ReturnCallRef) {
    typeIndex = r.u32()
    callee = t.pop()
    t.trapIf(e.op(Op.RefIsNull, callee), TrapReason.NullFunctionReference)
    ssa = isTail ? Op.ReturnCallRef : Op.CallRef
  } else {
    typeIndex = r.u32()
    const table = r.u32()
    callee = e.emit(Op.EntryGet, Type.Ref, tableEntry(t, table, TrapReason.UndefinedElement), table)
    t.trapIf(e.op(Op.RefIsNull, callee), TrapReason.UninitializedElement)
    checkType(t, callee, typeIndex)
    ssa = isTail ? Op.ReturnCallRef : Op.CallRef
  }
  const signature = t.signature(typeIndex)
  const list = t.list(signature.params.length)
  const v = e.call(ssa, callee, list, signature, aux)
  if (isTail) return
  t.depth -= signature.params.length
  pushResults(t, v, signature.results)
}

/** Traps unless a function is of a type. A final type has no subtypes. */
function checkType(t: Translation, callee: number, typeIndex: number): void {
  const { e, module } = t
  const id = module.canon[typeIndex]
  let is: number
  if (module.types[typeIndex].final) is = e.op(Op.RefHasType, callee, 0, 0, id)
  else {
    t.push(callee)
    t.push(e.i32(id))
    runtimeCall(t, Builtin.IsFunctionOfType, 2, Type.I32)
    is = t.pop()
  }
  t.trapIf(e.op(Op.I32Eqz, is), TrapReason.IndirectCallTypeMismatch)
}

function pushResults(t: Translation, call: number, results: readonly Type[]): void {
  for (let i = 0; i < results.length; i++) t.push(i === 0 ? call : t.e.place(Op.Proj, results[i], call, 0, 0, i))
}

/** Calls a builtin with the topmost `count` entries and pushes its result, if it has one. */
export function runtimeCall(t: Translation, builtin: Builtin, count: number, result: Type): void {
  const { e, graph } = t
  const list = t.list(count)
  const params: Type[] = []
  for (let i = 0; i < count; i++) params.push(graph.type[graph.pool[list + 1 + i]])
  const v = e.call(Op.Runtime, NONE, list, { params, results: result === Type.None ? [] : [result] }, builtin)
  t.depth -= count
  if (result !== Type.None) t.push(v)
}
