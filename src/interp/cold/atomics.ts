// Atomic instructions, on shared and unshared memories.

import type { Instance, MemoryInstance } from '../../runtime/instance.ts'
import { CODE, R, RQ, TrapCode } from '../../runtime/machine.ts'
import { Op } from '../../wasm/op.gen.ts'
import { offsetOf, unsigned } from './address.ts'
import { inBounds } from './memory.ts'
import { trap } from './trap.ts'

/** Views for `Atomics`, of the memory used last. */
let viewsOf: Uint8Array | undefined
let u8 = new Uint8Array(0)
let u16 = new Uint16Array(0)
let i32 = new Int32Array(0)
let u32 = new Uint32Array(0)
let i64 = new BigInt64Array(0)

function takeViews(memory: MemoryInstance): void {
  if (viewsOf === memory.u8) return
  viewsOf = memory.u8
  const { buffer, byteLength } = memory
  u8 = new Uint8Array(buffer as ArrayBuffer, 0, byteLength)
  u16 = new Uint16Array(buffer as ArrayBuffer, 0, byteLength >> 1)
  i32 = new Int32Array(buffer as ArrayBuffer, 0, Math.floor(byteLength / 4))
  u32 = new Uint32Array(buffer as ArrayBuffer, 0, Math.floor(byteLength / 4))
  i64 = new BigInt64Array(buffer as ArrayBuffer, 0, Math.floor(byteLength / 8))
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
  const at = unsigned(fp + CODE[pc + 1 + result], memory.type.address64) + offsetOf(CODE[memarg], CODE[memarg + 1])
  const bytes = BYTES[position]
  if (at % bytes !== 0) return trap(TrapCode.UnalignedAtomic, pc)
  if (!inBounds(memory, at, bytes)) return trap(TrapCode.MemoryOutOfBounds, pc)
  takeViews(memory)
  const first = fp + CODE[pc + 2 + result]
  const next = memarg + 3
  if (bytes === 8) {
    const index = at / 8
    const old =
      family === Family.CompareExchange
        ? Atomics.compareExchange(i64, index, RQ[first], RQ[fp + CODE[pc + 4]])
        : wide(family, index, first)
    if (family !== Family.Store) RQ[fp + CODE[pc + 1]] = old
    return next
  }
  const view = bytes === 4 ? u32 : bytes === 2 ? u16 : u8
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
function wide(family: Family, index: number, slot: number): bigint {
  switch (family) {
    case Family.Load:
      return Atomics.load(i64, index)
    case Family.Store:
      return Atomics.store(i64, index, RQ[slot])
    case Family.Add:
      return Atomics.add(i64, index, RQ[slot])
    case Family.Sub:
      return Atomics.sub(i64, index, RQ[slot])
    case Family.And:
      return Atomics.and(i64, index, RQ[slot])
    case Family.Or:
      return Atomics.or(i64, index, RQ[slot])
    case Family.Xor:
      return Atomics.xor(i64, index, RQ[slot])
    default:
      return Atomics.exchange(i64, index, RQ[slot])
  }
}

/** memory.atomic.notify: [op, d, address, count, ...]. memory.atomic.wait: [op, d, address, expected, timeout in ns, ...]. */
function waitNotify(op: number, pc: number, fp: number, instance: Instance): number {
  const memarg = pc + (op === Op.MemoryAtomicNotify ? 4 : 5)
  const memory = instance.memories[CODE[memarg + 2]]
  const at = unsigned(fp + CODE[pc + 2], memory.type.address64) + offsetOf(CODE[memarg], CODE[memarg + 1])
  const bytes = op === Op.MemoryAtomicWait64 ? 8 : 4
  if (at % bytes !== 0) return trap(TrapCode.UnalignedAtomic, pc)
  if (!inBounds(memory, at, bytes)) return trap(TrapCode.MemoryOutOfBounds, pc)
  const d = (fp + CODE[pc + 1]) << 1
  const operand = fp + CODE[pc + 3]
  takeViews(memory)
  if (op === Op.MemoryAtomicNotify) {
    // Nobody can wait on memory that is not shared.
    R[d] = memory.type.shared ? Atomics.notify(i32, at / 4, R[operand << 1] >>> 0) : 0
    return memarg + 3
  }
  if (!memory.type.shared) return trap(TrapCode.ExpectedShared, pc)
  const nanoseconds = RQ[fp + CODE[pc + 4]]
  const timeout = nanoseconds < 0n ? Infinity : Number(nanoseconds) / 1e6
  const outcome =
    bytes === 8 ? Atomics.wait(i64, at / 8, RQ[operand], timeout) : Atomics.wait(i32, at / 4, R[operand << 1], timeout)
  R[d] = outcome === 'ok' ? 0 : outcome === 'not-equal' ? 1 : 2
  return memarg + 3
}
