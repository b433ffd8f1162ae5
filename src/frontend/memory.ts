// Memory instructions -> SSA: addresses, bounds checks, bulk operations.

import { Op } from '../ssa/op.gen.ts'
import { OPERANDS } from '../ssa/op-tables.ts'
import * as i64 from '../ssa/i64.ts'
import { Builtin, TrapReason, Type } from '../ssa/types.ts'
import { Op as Wasm } from '../wasm/op.gen.ts'
import { runtimeCall } from './calls.ts'
import type { Translation } from './translate.ts'

/** Bit of the alignment word: a memory index follows. */
const HAS_MEMORY = 0x40
/** log2 of the page size that reservations are made for. */
const GUARDED_PAGE_LOG2 = 16

/** A load or store of so many bytes. */
export function access(t: Translation, op: Op, bytes: number): void {
  const { e, reader: r } = t
  const memory = (r.u32() & HAS_MEMORY) === 0 ? 0 : r.u32()
  let low = r.u64()
  const { high } = r
  const type = t.module.memories[memory]
  if (type.shared) t.declined = 'shared memories'
  const isStore = OPERANDS[op] === 2
  const value = isStore ? t.pop() : 0
  let index = t.pop()
  if (!type.address64) index = e.op(Op.I64ExtendI32U, index)
  const guarded = t.options.guardedMemories && !type.address64 && type.pageSizeLog2 === GUARDED_PAGE_LOG2
  if (!guarded) checkBounds(t, memory, index, low, high, bytes)
  if (high !== 0 || low < 0) {
    index = e.op(Op.I64Add, index, e.constant(Type.I64, low, high))
    low = 0
  }
  const base = e.emit(guarded ? Op.MemoryBase : Op.MemoryAddress, Type.I64, 0, 0, 0, memory)
  const address = e.op(Op.I64Add, base, index)
  if (isStore) e.op(op, address, value, memory, low)
  else t.push(e.op(op, address, memory, 0, low))
}

/** Traps unless index + offset + bytes, without wrapping, is at most the memory's size. */
function checkBounds(t: Translation, memory: number, index: number, low: number, high: number, bytes: number): void {
  const { e, module } = t
  const needLow = i64.add(low, high, bytes, 0)
  const needHigh = i64.high
  if (i64.ltU(needLow, needHigh, low, high)) return t.trapIf(e.i32(1), TrapReason.MemoryOutOfBounds)
  const need = e.constant(Type.I64, needLow, needHigh)
  const size = e.emit(Op.MemoryBytes, Type.I64, 0, 0, 0, memory)
  const type = module.memories[memory]
  if (!type.address64) {
    // Both below 2^33: no wrapping.
    t.trapIf(e.op(Op.I64LtU, size, e.op(Op.I64Add, index, need)), TrapReason.MemoryOutOfBounds)
    return
  }
  // The size never falls below the declared minimum.
  const least = type.min * 2 ** type.pageSizeLog2
  if ((needHigh >>> 0) * 4294967296 + (needLow >>> 0) > least)
    t.trapIf(e.op(Op.I64LtU, size, need), TrapReason.MemoryOutOfBounds)
  t.trapIf(e.op(Op.I64GtU, index, e.op(Op.I64Sub, size, need)), TrapReason.MemoryOutOfBounds)
}

/** Whether `op` was one of these instructions. */
export function translateMemory(t: Translation, op: number): boolean {
  const { e, reader: r } = t
  const addressType = (memory: number): Type => (t.module.memories[memory].address64 ? Type.I64 : Type.I32)
  switch (op) {
    case Wasm.MemorySize: {
      const memory = r.u32()
      const type = t.module.memories[memory]
      const bytes = e.emit(Op.MemoryBytes, Type.I64, 0, 0, 0, memory)
      const pages = e.op(Op.I64ShrU, bytes, e.i64(type.pageSizeLog2))
      t.push(type.address64 ? pages : e.op(Op.I32WrapI64, pages))
      return true
    }
    case Wasm.MemoryGrow: {
      const memory = r.u32()
      t.push(e.i32(memory))
      runtimeCall(t, Builtin.MemoryGrow, 2, addressType(memory))
      return true
    }
    case Wasm.MemoryFill:
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.MemoryFill, 4, Type.None)
      return true
    case Wasm.MemoryCopy:
      t.push(e.i32(r.u32()))
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.MemoryCopy, 5, Type.None)
      return true
    case Wasm.MemoryInit:
      t.push(e.i32(r.u32()))
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.MemoryInit, 5, Type.None)
      return true
    case Wasm.DataDrop:
      t.push(e.i32(r.u32()))
      runtimeCall(t, Builtin.DataDrop, 1, Type.None)
      return true
    default:
      return false
  }
}
