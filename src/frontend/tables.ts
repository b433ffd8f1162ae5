// Table and reference instructions -> SSA.

import { Op } from '../ssa/op.gen.ts'
import { Builtin, TrapReason, Type } from '../ssa/types.ts'
import { Op as Wasm } from '../wasm/op.gen.ts'
import { runtimeCall } from './calls.ts'
import type { Translation } from './translate.ts'

/** The address of an entry whose index is on the stack; traps with the reason if there is no such entry. */
export function tableEntry(t: Translation, table: number, reason: TrapReason): number {
  const { e } = t
  let index = t.pop()
  if (!t.module.tables[table].address64) index = e.op(Op.I64ExtendI32U, index)
  const length = e.emit(Op.TableLength, Type.I64, 0, 0, 0, table)
  t.trapIf(e.op(Op.I64GeU, index, length), reason)
  return e.emit(Op.TableEntry, Type.I64, index, 0, 0, table)
}

/** Whether `op` was one of these instructions. */
export function translateTable(t: Translation, op: number): boolean {
  const { e, reader: r } = t
  switch (op) {
    case Wasm.TableGet: {
      const table = r.u32()
      t.push(e.emit(Op.EntryGet, Type.Ref, tableEntry(t, table, TrapReason.TableOutOfBounds), table))
      return true
    }
    case Wasm.TableSet: {
      const table = r.u32()
      const reference = t.pop()
      e.place(Op.EntrySet, Type.None, tableEntry(t, table, TrapReason.TableOutOfBounds), reference, table, 0)
      return true
    }
    case Wasm.TableSize: {
      const table = r.u32()
      const length = e.emit(Op.TableLength, Type.I64, 0, 0, 0, table)
      t.push(t.module.tables[table].address64 ? length : e.op(Op.I32WrapI64, length))
      return true
    }
    case Wasm.TableGrow: {
      const table = r.u32()
      t.push(e.i32(table))
      runtimeCall(t, Builtin.TableGrow, 3, t.module.tables[table].address64 ? Type.I64 : Type.I32)
      return true
    }
    case Wasm.TableFill:
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.TableFill, 4, Type.None)
      return true
    case Wasm.TableCopy:
      t.push(e.i32(r.u32()))
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.TableCopy, 5, Type.None)
      return true
    case Wasm.TableInit:
      t.push(e.i32(r.u32()))
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.TableInit, 5, Type.None)
      return true
    case Wasm.ElemDrop:
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.ElemDrop, 1, Type.None)
      return true
    case Wasm.RefNull:
      r.heapType(true)
      t.push(e.constant(Type.Ref, 0, 0))
      return true
    case Wasm.RefIsNull:
      t.push(e.op(Op.RefIsNull, t.pop()))
      return true
    case Wasm.RefFunc:
      t.push(e.emit(Op.RefFunc, Type.Ref, 0, 0, 0, r.u32()))
      return true
    case Wasm.RefAsNonNull: {
      const reference = t.pop()
      t.trapIf(e.op(Op.RefIsNull, reference), TrapReason.NullReference)
      t.push(reference)
      return true
    }
    default:
      return false
  }
}
