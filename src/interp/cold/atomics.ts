// Atomic instructions, on shared and unshared memories.

import type { AtomicViews, Instance, MemoryInstance } from '../../runtime/instance.ts'
import { CODE, R, RQ, TrapCode } from '../../runtime/machine.ts'
import { Op } from '../../wasm/op.gen.ts'
import { offsetOf, unsigned } from './address.ts'
import { inBounds } from './memory.ts'
import { trap } from './trap.ts'

/** Current views. They may reach beyond the memory (an unshared one has a reserve): every access is checked before. */
function viewsOf(memory: MemoryInstance): AtomicViews {
  const views = memory.atomicViews
  return views !== undefined && views.u8 === memory.u8 ? views : makeViews(memory)
}

function makeViews(memory: MemoryInstance): AtomicViews {
  const { u8 } = memory
  const buffer = u8.buffer as ArrayBuffer
  const words = Math.floor(u8.length / 4)
  return (memory.atomicViews = {
    u8,
    u16: new Uint16Array(buffer, 0, Math.floor(u8.length / 2)),
    i32: new Int32Array(buffer, 0, words),
    u32: new Uint32Array(buffer, 0, words),
    i64: new BigInt64Array(buffer, 0, Math.floor(words / 2)),
  })
}

/** Whether an address in a slot plus an offset is no multiple of `bytes`. The low words decide, whatever the width. */
function isUnaligned(slot: number, offsetLow: number, bytes: number): boolean {
  return ((R[slot << 1] + offsetLow) & (bytes - 1)) !== 0
}

/** The operations of the rows from i32.atomic.load: seven widths each. */
const enum Family {
  Load = 0,
  Store = 1,
  Add = 2,
  Sub = 3,
  And = 4,
  Or = 5,
  Xor = 6,
  Exchange = 7,
  CompareExchange = 8,
}
/** By position in a family: i32, i64, i32 8, i32 16, i64 8, i64 16, i64 32. */
const BYTES = Uint8Array.of(4, 8, 1, 2, 1, 2, 4)
const IS_64 = Uint8Array.of(0, 1, 0, 0, 1, 1, 1)

/** [op, d?, address, operands..., offset low, offset high, memory] */
export function atomic(op: number, pc: number, fp: number, instance: Instance): number {
  if (op === Op.AtomicFence) return pc + 1
  if (op < Op.I32AtomicLoad) return waitNotify(op, pc, fp, instance)
  const position = (op - Op.I32AtomicLoad) % 7
  const family = (op - Op.I32AtomicLoad - position) / 7
  const operands = family === Family.Load ? 0 : family === Family.CompareExchange ? 2 : 1
  const result = family === Family.Store ? 0 : 1
  const memarg = pc + 2 + result + operands
  const memory = instance.memories[CODE[memarg + 2]]
  const address = fp + CODE[pc + 1 + result]
  const at = unsigned(address, memory.type.address64) + offsetOf(CODE[memarg], CODE[memarg + 1])
  const bytes = BYTES[position]
  if (isUnaligned(address, CODE[memarg], bytes)) return trap(TrapCode.UnalignedAtomic, pc)
  if (!inBounds(memory, at, bytes)) return trap(TrapCode.MemoryOutOfBounds, pc)
  const views = viewsOf(memory)
  // Loads have no operand behind the address.
  const first = operands === 0 ? address : fp + CODE[pc + 2 + result]
  const next = memarg + 3
  if (bytes === 8) {
    const index = at / 8
    const old =
      family === Family.CompareExchange
        ? Atomics.compareExchange(views.i64, index, RQ[first], RQ[fp + CODE[pc + 4]])
        : wide(family, views.i64, index, first)
    if (family !== Family.Store) RQ[fp + CODE[pc + 1]] = old
    return next
  }
  const view = bytes === 4 ? views.u32 : bytes === 2 ? views.u16 : views.u8
  const index = at / bytes
  let old: number
  if (family === Family.CompareExchange) {
    // Both operands are wrapped to the width of the access.
    old = Atomics.compareExchange(view, index, R[first << 1], R[(fp + CODE[pc + 4]) << 1])
  } else old = narrow(family, view, index, R[first << 1])
  if (family === Family.Store) return next
  const d = (fp + CODE[pc + 1]) << 1
  R[d] = old
  if (IS_64[position] !== 0) R[d + 1] = 0
  return next
}

function narrow(family: Family, view: Uint8Array | Uint16Array | Uint32Array, index: number, value: number): number {
  switch (family) {
    case Family.Load:
      return Atomics.load(view, index)
    case Family.Store:
      return Atomics.store(view, index, value)
    case Family.Add:
      return Atomics.add(view, index, value)
    case Family.Sub:
      return Atomics.sub(view, index, value)
    case Family.And:
      return Atomics.and(view, index, value)
    case Family.Or:
      return Atomics.or(view, index, value)
    case Family.Xor:
      return Atomics.xor(view, index, value)
    default:
      return Atomics.exchange(view, index, value)
  }
}

/** `slot` holds the operand; unused by loads. */
function wide(family: Family, view: BigInt64Array, index: number, slot: number): bigint {
  switch (family) {
    case Family.Load:
      return Atomics.load(view, index)
    case Family.Store:
      return Atomics.store(view, index, RQ[slot])
    case Family.Add:
      return Atomics.add(view, index, RQ[slot])
    case Family.Sub:
      return Atomics.sub(view, index, RQ[slot])
    case Family.And:
      return Atomics.and(view, index, RQ[slot])
    case Family.Or:
      return Atomics.or(view, index, RQ[slot])
    case Family.Xor:
      return Atomics.xor(view, index, RQ[slot])
    default:
      return Atomics.exchange(view, index, RQ[slot])
  }
}

/** memory.atomic.notify: [op, d, address, count, ...]. memory.atomic.wait: [op, d, address, expected, timeout in ns, ...]. */
function waitNotify(op: number, pc: number, fp: number, instance: Instance): number {
  const memarg = pc + (op === Op.MemoryAtomicNotify ? 4 : 5)
  const memory = instance.memories[CODE[memarg + 2]]
  const address = fp + CODE[pc + 2]
  const at = unsigned(address, memory.type.address64) + offsetOf(CODE[memarg], CODE[memarg + 1])
  const bytes = op === Op.MemoryAtomicWait64 ? 8 : 4
  if (isUnaligned(address, CODE[memarg], bytes)) return trap(TrapCode.UnalignedAtomic, pc)
  if (!inBounds(memory, at, bytes)) return trap(TrapCode.MemoryOutOfBounds, pc)
  const d = (fp + CODE[pc + 1]) << 1
  const operand = fp + CODE[pc + 3]
  const views = viewsOf(memory)
  if (op === Op.MemoryAtomicNotify) {
    // Nobody can wait on memory that is not shared.
    R[d] = memory.type.shared ? Atomics.notify(views.i32, at / 4, R[operand << 1] >>> 0) : 0
    return memarg + 3
  }
  if (!memory.type.shared) return trap(TrapCode.ExpectedShared, pc)
  const nanoseconds = RQ[fp + CODE[pc + 4]]
  const timeout = nanoseconds < 0n ? Infinity : Number(nanoseconds) / 1e6
  let outcome: 'ok' | 'not-equal' | 'timed-out'
  try {
    if (bytes === 8) outcome = Atomics.wait(views.i64, at / 8, RQ[operand], timeout)
    else outcome = Atomics.wait(views.i32, at / 4, R[operand << 1], timeout)
  } catch {
    // The host lets this thread not block, as browsers do with their main thread. Other engines trap.
    return trap(TrapCode.ExpectedShared, pc)
  }
  R[d] = outcome === 'ok' ? 0 : outcome === 'not-equal' ? 1 : 2
  return memarg + 3
}
