// struct.*, array.*, ref.test and ref.cast. Objects live in the store's heap (runtime/heap.ts); layouts are in runtime/layout.ts.
//
// An allocation may collect and may replace the heap's views: operands stay in their registers, which are roots, until it is done.

import { CHUNK_BYTES } from '../../runtime/chunks.ts'
import { loadField, storeField } from '../../runtime/heap-values.ts'
import { ObjectKind } from '../../runtime/heap.ts'
import type { Instance } from '../../runtime/instance.ts'
import { ARRAY_DATA, arrayLayout, structLayout } from '../../runtime/layout.ts'
import { CODE, FUNC, FUNC_WORDS_LOG2, Func, R, TrapCode } from '../../runtime/machine.ts'
import type { Store } from '../../runtime/store.ts'
import { bug } from '../../util/bug.ts'
import { isSubtypeId } from '../../wasm/canonical.ts'
import { Op } from '../../wasm/op.gen.ts'
import { Heap, T, heapOf, isConcrete, isNullable, typeIndexOf } from '../../wasm/types.ts'
import { trap } from './trap.ts'
import { copyChunked, fillChunked, worked } from './work.ts'

export function gc(op: number, pc: number, fp: number, instance: Instance): number {
  const { store } = instance
  if (op >= Op.RefTest) return cast(op, pc, fp, store)
  if (op === Op.ArrayNewData || op === Op.ArrayNewElem) return newFromSegment(op, pc, fp, instance)
  if (op === Op.ArrayInitData || op === Op.ArrayInitElem) return initFromSegment(op, pc, fp, instance)
  return op <= Op.StructSet ? struct(op, pc, fp, store) : array(op, pc, fp, store)
}

// ---- references ---------------------------------------------------------------------------------------------------------------

/** Whether a reference word has a reference type (canonical). The word's hierarchy is that of the type: validation sees to it. */
export function hasType(store: Store, word: number, type: number): boolean {
  if (word === 0) return isNullable(type)
  if (isConcrete(type)) {
    const id = typeIndexOf(type)
    if ((word & 7) === 2) return isSubtypeId(FUNC[((word >>> 3) << FUNC_WORDS_LOG2) + Func.Type], id)
    return (word & 7) === 0 && isSubtypeId(store.heap.typeOf(word), id)
  }
  const isObject = (word & 7) === 0
  switch (heapOf(type)) {
    case Heap.Any:
    case Heap.Func:
    case Heap.Extern:
    case Heap.Exn:
      return true
    case Heap.Eq:
      return isObject || (word & 1) !== 0
    case Heap.I31:
      return (word & 1) !== 0
    case Heap.Struct:
      return isObject && store.heap.kindOf(word) === ObjectKind.Struct
    case Heap.Array:
      return isObject && store.heap.kindOf(word) === ObjectKind.Array
    default:
      return false
  }
}

/** [op, d, reference, type] */
function cast(op: number, pc: number, fp: number, store: Store): number {
  const word = R[(fp + CODE[pc + 2]) << 1]
  const matches = hasType(store, word, CODE[pc + 3])
  if (op === Op.RefTest || op === Op.RefTestNull) R[(fp + CODE[pc + 1]) << 1] = matches ? 1 : 0
  else if (op !== Op.RefCast && op !== Op.RefCastNull) bug(`reference op 0x${op.toString(16)}`)
  else {
    if (!matches) return trap(TrapCode.CastFailure, pc)
    R[(fp + CODE[pc + 1]) << 1] = word
  }
  return pc + 4
}

// ---- structs ------------------------------------------------------------------------------------------------------------------

function struct(op: number, pc: number, fp: number, store: Store): number {
  switch (op) {
    case Op.StructNew: {
      const type = CODE[pc + 3]
      const word = store.heap.allocStruct(type)
      if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
      const { offsets, types } = structLayout(type)
      let slot = fp + CODE[pc + 2]
      for (let i = 0; i < offsets.length; i++) slot = storeField(store.heap, word + offsets[i], types[i], slot)
      R[(fp + CODE[pc + 1]) << 1] = word
      return pc + 4
    }
    case Op.StructNewDefault: {
      const word = store.heap.allocStruct(CODE[pc + 2])
      if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
      R[(fp + CODE[pc + 1]) << 1] = word
      return pc + 3
    }
    case Op.StructGet:
    case Op.StructGetS:
    case Op.StructGetU: {
      const word = R[(fp + CODE[pc + 2]) << 1]
      if (word === 0) return trap(TrapCode.NullStructReference, pc)
      const layout = structLayout(CODE[pc + 3])
      const field = CODE[pc + 4]
      const d = fp + CODE[pc + 1]
      loadField(store.heap, word + layout.offsets[field], layout.types[field], d)
      if (op === Op.StructGetS) extend(layout.types[field], d)
      return pc + 5
    }
    case Op.StructSet: {
      const word = R[(fp + CODE[pc + 1]) << 1]
      if (word === 0) return trap(TrapCode.NullStructReference, pc)
      const layout = structLayout(CODE[pc + 3])
      const field = CODE[pc + 4]
      storeField(store.heap, word + layout.offsets[field], layout.types[field], fp + CODE[pc + 2])
      return pc + 5
    }
    default:
      bug(`struct op 0x${op.toString(16)}`)
  }
}

/** Sign-extends a packed value that was loaded with zeros. */
function extend(type: number, slot: number): void {
  const shift = type === T.I8 ? 24 : 16
  R[slot << 1] = (R[slot << 1] << shift) >> shift
}

// ---- arrays -------------------------------------------------------------------------------------------------------------------

function array(op: number, pc: number, fp: number, store: Store): number {
  switch (op) {
    case Op.ArrayNew: {
      const type = CODE[pc + 4]
      const length = R[(fp + CODE[pc + 3]) << 1] >>> 0
      const word = store.heap.allocArray(type, length)
      if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
      // The result may take the slot of the value.
      const bytes = fill(store, word, type, 0, length, fp + CODE[pc + 2])
      R[(fp + CODE[pc + 1]) << 1] = word
      return worked(bytes, pc + 5)
    }
    case Op.ArrayNewDefault: {
      const length = R[(fp + CODE[pc + 2]) << 1]
      const word = store.heap.allocArray(CODE[pc + 3], length)
      if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
      R[(fp + CODE[pc + 1]) << 1] = word
      return worked((length >>> 0) * 2 ** arrayLayout(CODE[pc + 3]).sizeLog2, pc + 4)
    }
    case Op.ArrayNewFixed: {
      const type = CODE[pc + 3]
      const length = CODE[pc + 4]
      const word = store.heap.allocArray(type, length)
      if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
      const layout = arrayLayout(type)
      let slot = fp + CODE[pc + 2]
      for (let i = 0; i < length; i++)
        slot = storeField(store.heap, word + ARRAY_DATA + (i << layout.sizeLog2), layout.type, slot)
      R[(fp + CODE[pc + 1]) << 1] = word
      return pc + 5
    }
    case Op.ArrayGet:
    case Op.ArrayGetS:
    case Op.ArrayGetU: {
      const word = R[(fp + CODE[pc + 2]) << 1]
      if (word === 0) return trap(TrapCode.NullArrayReference, pc)
      const index = R[(fp + CODE[pc + 3]) << 1] >>> 0
      if (index >= store.heap.lengthOf(word)) return trap(TrapCode.ArrayOutOfBounds, pc)
      const layout = arrayLayout(CODE[pc + 4])
      const d = fp + CODE[pc + 1]
      loadField(store.heap, word + ARRAY_DATA + (index << layout.sizeLog2), layout.type, d)
      if (op === Op.ArrayGetS) extend(layout.type, d)
      return pc + 5
    }
    case Op.ArraySet: {
      const word = R[(fp + CODE[pc + 1]) << 1]
      if (word === 0) return trap(TrapCode.NullArrayReference, pc)
      const index = R[(fp + CODE[pc + 2]) << 1] >>> 0
      if (index >= store.heap.lengthOf(word)) return trap(TrapCode.ArrayOutOfBounds, pc)
      const layout = arrayLayout(CODE[pc + 4])
      storeField(store.heap, word + ARRAY_DATA + (index << layout.sizeLog2), layout.type, fp + CODE[pc + 3])
      return pc + 5
    }
    case Op.ArrayLen: {
      const word = R[(fp + CODE[pc + 2]) << 1]
      if (word === 0) return trap(TrapCode.NullArrayReference, pc)
      R[(fp + CODE[pc + 1]) << 1] = store.heap.lengthOf(word)
      return pc + 3
    }
    case Op.ArrayFill: {
      const word = R[(fp + CODE[pc + 1]) << 1]
      if (word === 0) return trap(TrapCode.NullArrayReference, pc)
      const at = R[(fp + CODE[pc + 2]) << 1] >>> 0
      const count = R[(fp + CODE[pc + 4]) << 1] >>> 0
      if (at + count > store.heap.lengthOf(word)) return trap(TrapCode.ArrayOutOfBounds, pc)
      return worked(fill(store, word, CODE[pc + 5], at, count, fp + CODE[pc + 3]), pc + 6)
    }
    case Op.ArrayCopy:
      return copy(pc, fp, store)
    default:
      bug(`array op 0x${op.toString(16)}`)
  }
}

/** Stores the value in `slot` to `count` elements from `at`. Returns the bytes that were written. */
function fill(store: Store, word: number, type: number, at: number, count: number, slot: number): number {
  if (count === 0) return 0
  const { heap } = store
  const layout = arrayLayout(type)
  const start = word + ARRAY_DATA + (at << layout.sizeLog2)
  const end = start + (count << layout.sizeLog2)
  switch (layout.sizeLog2) {
    case 0:
      fillChunked(heap.u8, R[slot << 1], start, end, store)
      break
    case 1:
      fillChunked(heap.u16, R[slot << 1], start >> 1, end >> 1, store)
      break
    case 2:
      fillChunked(heap.i32, R[slot << 1], start >> 2, end >> 2, store)
      break
    default: {
      storeField(heap, start, layout.type, slot)
      // Doubles the part that is filled until all is.
      for (let done = 1 << layout.sizeLog2; start + done < end;) {
        const length = Math.min(done, CHUNK_BYTES, end - start - done)
        heap.u8.copyWithin(start + done, start, start + length)
        done += length
        if (length === CHUNK_BYTES) store.control.checkpoint()
      }
    }
  }
  return end - start
}

/** [op, target, target index, source, source index, count, target type, source type] */
function copy(pc: number, fp: number, store: Store): number {
  const { heap } = store
  const target = R[(fp + CODE[pc + 1]) << 1]
  const source = R[(fp + CODE[pc + 3]) << 1]
  if (target === 0 || source === 0) return trap(TrapCode.NullArrayReference, pc)
  const to = R[(fp + CODE[pc + 2]) << 1] >>> 0
  const from = R[(fp + CODE[pc + 4]) << 1] >>> 0
  const count = R[(fp + CODE[pc + 5]) << 1] >>> 0
  if (to + count > heap.lengthOf(target) || from + count > heap.lengthOf(source))
    return trap(TrapCode.ArrayOutOfBounds, pc)
  const { sizeLog2 } = arrayLayout(CODE[pc + 6])
  const start = source + ARRAY_DATA + (from << sizeLog2)
  copyChunked(heap.u8, target + ARRAY_DATA + (to << sizeLog2), heap.u8, start, count << sizeLog2, store)
  return worked(count << sizeLog2, pc + 8)
}

// ---- arrays and segments ------------------------------------------------------------------------------------------------------

/**
 * Copies from a data or element segment; all bounds are checked. `from` is in bytes of data, in elements of an element segment. Returns
 * the bytes that were copied.
 */
function copySegment(
  op: number,
  instance: Instance,
  segment: number,
  from: number,
  word: number,
  type: number,
  at: number,
  count: number,
): number {
  if (count === 0) return 0
  const { heap } = instance.store
  const { sizeLog2 } = arrayLayout(type)
  const start = word + ARRAY_DATA + (at << sizeLog2)
  if (op === Op.ArrayNewData || op === Op.ArrayInitData) {
    heap.u8.set(instance.dataSegments[segment]!.subarray(from, from + (count << sizeLog2)), start)
  } else heap.i32.set(instance.elemSegments[segment]!.subarray(from, from + count), start >> 2)
  return count << sizeLog2
}

/** Whether the segment has `count` elements from `from`. */
function segmentHas(
  op: number,
  instance: Instance,
  segment: number,
  from: number,
  count: number,
  type: number,
): boolean {
  if (op === Op.ArrayNewData || op === Op.ArrayInitData) {
    return from + count * 2 ** arrayLayout(type).sizeLog2 <= (instance.dataSegments[segment]?.length ?? 0)
  }
  return from + count <= (instance.elemSegments[segment]?.length ?? 0)
}

/** [op, d, from, count, type, segment] */
function newFromSegment(op: number, pc: number, fp: number, instance: Instance): number {
  const type = CODE[pc + 4]
  const segment = CODE[pc + 5]
  const from = R[(fp + CODE[pc + 2]) << 1] >>> 0
  const count = R[(fp + CODE[pc + 3]) << 1] >>> 0
  if (!segmentHas(op, instance, segment, from, count, type)) {
    return trap(op === Op.ArrayNewData ? TrapCode.MemoryOutOfBounds : TrapCode.TableOutOfBounds, pc)
  }
  const word = instance.store.heap.allocArray(type, count)
  if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
  R[(fp + CODE[pc + 1]) << 1] = word
  return worked(copySegment(op, instance, segment, from, word, type, 0, count), pc + 6)
}

/** [op, array, at, from, count, type, segment] */
function initFromSegment(op: number, pc: number, fp: number, instance: Instance): number {
  const type = CODE[pc + 5]
  const segment = CODE[pc + 6]
  const word = R[(fp + CODE[pc + 1]) << 1]
  if (word === 0) return trap(TrapCode.NullArrayReference, pc)
  const at = R[(fp + CODE[pc + 2]) << 1] >>> 0
  const from = R[(fp + CODE[pc + 3]) << 1] >>> 0
  const count = R[(fp + CODE[pc + 4]) << 1] >>> 0
  if (at + count > instance.store.heap.lengthOf(word)) return trap(TrapCode.ArrayOutOfBounds, pc)
  if (!segmentHas(op, instance, segment, from, count, type)) {
    return trap(op === Op.ArrayInitData ? TrapCode.MemoryOutOfBounds : TrapCode.TableOutOfBounds, pc)
  }
  return worked(copySegment(op, instance, segment, from, word, type, at, count), pc + 7)
}
