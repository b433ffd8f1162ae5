// Scalar loads and stores of any memory with either address type, and the bulk instructions.

import type { Instance, MemoryInstance } from '../../runtime/instance.ts'
import { CODE, R, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { offsetOf, unsigned, writeSize } from './address.ts'
import { trap } from './trap.ts'
import { copyChunked, fillChunked, worked } from './work.ts'

/** Growing counts as that many bytes: the host allocates, and may copy. A number that does not depend on it: fuel is deterministic. */
const GROW_WORK = 1 << 16

/** Whether [at, at + size) lies in the memory. Looks again if another agent may have grown it. */
export function inBounds(memory: MemoryInstance, at: number, size: number): boolean {
  return at + size <= memory.byteLength || (memory.refresh() && at + size <= memory.byteLength)
}

/** Bytes accessed by the loads and stores from `Op.I32Load`. */
const ACCESS_BYTES = Uint8Array.of(4, 8, 4, 8, 1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 4, 8, 4, 8, 1, 2, 1, 2, 4)

/** Loads: [op, d, address, offset low, offset high, memory]. Stores: [op, address, value, ...]. */
export function access(op: number, pc: number, fp: number, instance: Instance): number {
  const memory = instance.memories[CODE[pc + 5]]
  const isStore = op >= Op.I32Store
  const base = unsigned(fp + CODE[pc + (isStore ? 1 : 2)], memory.type.address64)
  const at = base + offsetOf(CODE[pc + 3], CODE[pc + 4])
  if (!inBounds(memory, at, ACCESS_BYTES[op - Op.I32Load])) return trap(TrapCode.MemoryOutOfBounds, pc)
  if (isStore) store(op, memory.dv, at, (fp + CODE[pc + 2]) << 1)
  else load(op, memory.dv, at, (fp + CODE[pc + 1]) << 1)
  return pc + 6
}

function load(op: number, view: DataView, at: number, d: number): void {
  switch (op) {
    case Op.I32Load:
    case Op.F32Load:
      R[d] = view.getInt32(at, true)
      return
    case Op.I64Load:
    case Op.F64Load:
      R[d] = view.getInt32(at, true)
      R[d + 1] = view.getInt32(at + 4, true)
      return
    case Op.I32Load8S:
    case Op.I64Load8S:
      R[d] = view.getInt8(at)
      break
    case Op.I32Load8U:
    case Op.I64Load8U:
      R[d] = view.getUint8(at)
      break
    case Op.I32Load16S:
    case Op.I64Load16S:
      R[d] = view.getInt16(at, true)
      break
    case Op.I32Load16U:
    case Op.I64Load16U:
      R[d] = view.getUint16(at, true)
      break
    case Op.I64Load32S:
    case Op.I64Load32U:
      R[d] = view.getInt32(at, true)
      break
    default:
      bug(`load 0x${op.toString(16)}`)
  }
  if (op === Op.I64Load8S || op === Op.I64Load16S || op === Op.I64Load32S) R[d + 1] = R[d] >> 31
  else if (op >= Op.I64Load8S) R[d + 1] = 0
}

function store(op: number, view: DataView, at: number, value: number): void {
  switch (op) {
    case Op.I32Store:
    case Op.F32Store:
    case Op.I64Store32:
      return view.setInt32(at, R[value], true)
    case Op.I64Store:
    case Op.F64Store:
      view.setInt32(at, R[value], true)
      return view.setInt32(at + 4, R[value + 1], true)
    case Op.I32Store8:
    case Op.I64Store8:
      return view.setInt8(at, R[value])
    case Op.I32Store16:
    case Op.I64Store16:
      return view.setInt16(at, R[value], true)
    default:
      bug(`store 0x${op.toString(16)}`)
  }
}

export function bulk(op: number, pc: number, fp: number, instance: Instance): number {
  switch (op) {
    case Op.MemorySize: {
      const memory = instance.memories[CODE[pc + 2]]
      memory.refresh()
      writeSize(fp + CODE[pc + 1], memory.pages, memory.type.address64)
      return pc + 3
    }
    case Op.MemoryGrow: {
      const memory = instance.memories[CODE[pc + 3]]
      const wide = memory.type.address64
      const old = memory.grow(unsigned(fp + CODE[pc + 2], wide))
      writeSize(fp + CODE[pc + 1], old, wide)
      return worked(old < 0 ? 0 : GROW_WORK, pc + 4)
    }
    case Op.MemoryFill: {
      const memory = instance.memories[CODE[pc + 4]]
      const wide = memory.type.address64
      const at = unsigned(fp + CODE[pc + 1], wide)
      const count = unsigned(fp + CODE[pc + 3], wide)
      if (!inBounds(memory, at, count)) return trap(TrapCode.MemoryOutOfBounds, pc)
      fillChunked(memory.u8, R[(fp + CODE[pc + 2]) << 1], at, at + count, instance.store)
      return worked(count, pc + 5)
    }
    case Op.MemoryCopy: {
      const target = instance.memories[CODE[pc + 4]]
      const source = instance.memories[CODE[pc + 5]]
      const to = unsigned(fp + CODE[pc + 1], target.type.address64)
      const from = unsigned(fp + CODE[pc + 2], source.type.address64)
      const count = unsigned(fp + CODE[pc + 3], target.type.address64 && source.type.address64)
      if (!inBounds(source, from, count) || !inBounds(target, to, count)) return trap(TrapCode.MemoryOutOfBounds, pc)
      copyChunked(target.u8, to, source.u8, from, count, instance.store)
      return worked(count, pc + 6)
    }
    case Op.MemoryInit: {
      const segment = instance.dataSegments[CODE[pc + 4]]
      const memory = instance.memories[CODE[pc + 5]]
      const to = unsigned(fp + CODE[pc + 1], memory.type.address64)
      const from = R[(fp + CODE[pc + 2]) << 1] >>> 0
      const count = R[(fp + CODE[pc + 3]) << 1] >>> 0
      const length = segment === undefined ? 0 : segment.length
      if (from + count > length || !inBounds(memory, to, count)) return trap(TrapCode.MemoryOutOfBounds, pc)
      if (segment !== undefined) copyChunked(memory.u8, to, segment, from, count, instance.store)
      return worked(count, pc + 6)
    }
    case Op.DataDrop:
      instance.dataSegments[CODE[pc + 1]] = undefined
      return pc + 2
    default:
      bug(`memory op 0x${op.toString(16)}`)
  }
}
