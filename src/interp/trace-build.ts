// Instrumented code (`CodeForm.Observed`): the instructions that tell an observer what happens, emitted around those of plain code. In plain
// code every operand is in a register when its instruction begins, and every result when it is done.

import { bug } from '../util/bug.ts'
import { Op } from '../wasm/op.gen.ts'
import { OP_COUNT, OPCODES } from '../wasm/opcodes.ts'
import type { Module } from '../wasm/module.ts'
import type { Translation } from './build.ts'
import { TraceIr, VALUE_KIND_SHIFT } from './code.ts'
import type { Observation, Tellers } from './trace.ts'

/** Each module with observed code belongs to one store. */
const observations = new WeakMap<Module, Observation>()

/** The observation whose code of a module is about to be built. */
export function observeModule(module: Module, observation: Observation): void {
  const known = observations.get(module)
  if (known === undefined) observations.set(module, observation)
  else if (known !== observation) bug('a module is observed in two stores')
}

/** What the code of a function tells. */
export const tellersOf = (module: Module, index: number): Tellers | undefined =>
  observations.get(module)?.tellers(module, index)

/** `told` of instructions that are not told, or never done in the place where they stand. */
export const NOT_TOLD = -1

/** The entry of a function. */
export function tellEntry(t: Translation, params: Uint8Array): void {
  const b = t.builder
  const { sites, calls, number } = t.tellers!
  if (sites !== undefined) {
    b.op(TraceIr.CountEntry)
    b.word(sites.current)
  }
  if (!calls) return
  b.op(TraceIr.Enter)
  b.word(number)
  b.word(params.length)
  for (let i = 0; i < params.length; i++) b.word((params[i] << VALUE_KIND_SHIFT) | t.localSlots[i])
}

/**
 * In front of an instruction whose opcode was just read. The result is for `endInstruction`: how many stack entries there are below its
 * operands.
 */
export function beginInstruction(t: Translation, op: number): number {
  const { builder: b, reader: r } = t
  const { sites, instructions, memory } = t.tellers!
  if (op === Op.End || op === Op.Else) return NOT_TOLD
  if (sites !== undefined) {
    b.op(TraceIr.Count)
    b.word(sites.siteAt(b.offset, op))
  }
  if (!instructions && !(memory && accessesMemory(op))) return NOT_TOLD
  const position = r.position
  const operands = op === Op.Loop ? b.label(0).params.length : operandCount(t, op)
  r.position = position
  b.op(TraceIr.Before)
  b.word(b.offset)
  b.word(op)
  b.entries(operands)
  return hasResults(op) ? b.depth - operands : NOT_TOLD
}

/** Behind it. */
export function endInstruction(t: Translation, op: number, below: number): void {
  const { builder: b, reader: r } = t
  if (b.depth > below) {
    b.op(TraceIr.After)
    b.word(b.offset)
    b.word(op)
    b.entries(b.depth - below)
  }
  if (!t.tellers!.memory || !accessesMemory(op)) return
  const end = r.position
  r.position = b.offset
  r.opcode()
  b.op(TraceIr.Access)
  b.word(b.offset)
  b.word(op)
  if (isBulk(op)) {
    // memory.copy has its target first, memory.init its segment.
    const first = r.u32()
    b.word(op === Op.MemoryFill ? first : r.u32())
    b.word(op === Op.MemoryCopy ? first : 0)
    b.word(0)
  } else {
    const flags = r.u32()
    b.word((flags & 0x40) !== 0 ? r.u32() : 0)
    b.word(r.u64())
    b.word(r.high)
  }
  r.position = end
}

const isBulk = (op: number): boolean => op === Op.MemoryFill || op === Op.MemoryCopy || op === Op.MemoryInit

/** log2 of the bytes that an instruction accesses, by opcode; 0xff for others. */
let accessLog2: Uint8Array | undefined

/** log2 of the bytes that a load, a store or an atomic instruction accesses. */
export function accessSizeLog2(op: number): number {
  if (accessLog2 === undefined) {
    accessLog2 = new Uint8Array(OP_COUNT).fill(0xff)
    for (const [id, , , , , align] of OPCODES) if (align !== undefined) accessLog2[id] = align
    // These access nothing: one wakes who waits, the other is no access at all.
    accessLog2[Op.MemoryAtomicNotify] = 0xff
    accessLog2[Op.AtomicFence] = 0xff
  }
  return accessLog2[op]
}

const accessesMemory = (op: number): boolean => isBulk(op) || accessSizeLog2(op) !== 0xff

/** Instructions that go elsewhere have no results where they stand. */
function hasResults(op: number): boolean {
  switch (op) {
    case Op.Unreachable:
    case Op.Block:
    case Op.Loop:
    case Op.If:
    case Op.TryTable:
    case Op.Throw:
    case Op.ThrowRef:
    case Op.Br:
    case Op.BrIf:
    case Op.BrTable:
    case Op.BrOnNull:
    case Op.BrOnNonNull:
    case Op.BrOnCast:
    case Op.BrOnCastFail:
    case Op.Return:
    case Op.ReturnCall:
    case Op.ReturnCallIndirect:
    case Op.ReturnCallRef:
      return false
    default:
      return true
  }
}

let fixedCounts: Uint8Array | undefined

/** Numbers of operands that do not depend on immediates or the stack. */
function makeFixedCounts(): Uint8Array {
  const counts = new Uint8Array(OP_COUNT)
  for (const [id, , signature] of OPCODES) counts[id] = Math.max(0, signature.indexOf(':'))
  const lists: readonly (readonly number[])[] = [
    [],
    [
      Op.If, Op.BrIf, Op.BrTable, Op.CallIndirect, Op.CallRef, Op.ReturnCallIndirect, Op.ReturnCallRef, Op.ThrowRef, Op.Drop, Op.LocalSet,
      Op.LocalTee, Op.GlobalSet, Op.TableGet, Op.RefIsNull, Op.RefAsNonNull, Op.BrOnNull, Op.BrOnNonNull, Op.BrOnCast, Op.BrOnCastFail,
      Op.StructGet, Op.StructGetS, Op.StructGetU, Op.ArrayNewDefault, Op.ArrayLen, Op.RefTest, Op.RefTestNull, Op.RefCast, Op.RefCastNull,
      Op.AnyConvertExtern, Op.ExternConvertAny, Op.RefI31, Op.I31GetS, Op.I31GetU,
    ],
    [
      Op.TableSet, Op.TableGrow, Op.RefEq, Op.StructSet, Op.ArrayNew, Op.ArrayNewData, Op.ArrayNewElem, Op.ArrayGet, Op.ArrayGetS,
      Op.ArrayGetU,
    ],
    [
      Op.Select, Op.SelectTyped, Op.MemoryInit, Op.MemoryCopy, Op.MemoryFill, Op.TableInit, Op.TableCopy, Op.TableFill, Op.ArraySet,
    ],
    [Op.ArrayFill, Op.ArrayInitData, Op.ArrayInitElem],
    [Op.ArrayCopy],
  ] // prettier-ignore
  lists.forEach((ops, count) => ops.forEach((op) => (counts[op] = count)))
  return counts
}

/**
 * Operands of the instruction whose immediates the reader is in front of. Of a conditional branch only the condition: what it carries stays
 * where it is.
 */
function operandCount(t: Translation, op: number): number {
  const { builder: b, reader: r, module } = t
  const fixed = (fixedCounts ??= makeFixedCounts())[op]
  switch (op) {
    case Op.Block:
    case Op.If:
    case Op.TryTable: {
      const type = r.blockType()
      return fixed + (type >= 0 ? t.params(type).length : 0)
    }
    case Op.Br:
      return b.branchKinds(b.label(r.u32())).length
    case Op.BrTable: {
      let depth = 0
      for (let n = r.u32(); n >= 0; n--) depth = r.u32()
      return fixed + b.branchKinds(b.label(depth)).length
    }
    case Op.Return:
      return b.label(b.labelCount - 1).results.length
    case Op.Call:
    case Op.ReturnCall:
      return t.params(module.funcs[r.u32()]).length
    case Op.CallIndirect:
    case Op.CallRef:
    case Op.ReturnCallIndirect:
    case Op.ReturnCallRef:
      return fixed + t.params(r.u32()).length
    case Op.Throw:
      return t.params(module.tags[r.u32()]).length
    case Op.StructNew: {
      const type = module.types[r.u32()]
      return type.kind === 'struct' ? type.fields.length : 0
    }
    case Op.ArrayNewFixed:
      r.u32()
      return r.u32()
    default:
      return fixed
  }
}
