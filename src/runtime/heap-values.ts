// Values between register slots and fields of heap objects, bit by bit.

import { T } from '../wasm/types.ts'
import type { GcHeap } from './heap.ts'
import { R } from './machine.ts'

/** Writes the value in `slot` to a field (byte offset `at`) of storage type `type`. Returns the slot behind the value. */
export function storeField(heap: GcHeap, at: number, type: number, slot: number): number {
  const from = slot << 1
  switch (type) {
    case T.I8:
      heap.u8[at] = R[from]
      return slot + 1
    case T.I16:
      heap.u16[at >> 1] = R[from]
      return slot + 1
    case T.V128:
      heap.i32[(at >> 2) + 3] = R[from + 3]
      heap.i32[(at >> 2) + 2] = R[from + 2]
      heap.i32[(at >> 2) + 1] = R[from + 1]
      heap.i32[at >> 2] = R[from]
      return slot + 2
    case T.I64:
    case T.F64:
      heap.i32[(at >> 2) + 1] = R[from + 1]
      heap.i32[at >> 2] = R[from]
      return slot + 1
    default:
      heap.i32[at >> 2] = R[from]
      return slot + 1
  }
}

/** Reads a field into `slot`; packed ones are extended with zeros. Returns the slot behind the value. */
export function loadField(heap: GcHeap, at: number, type: number, slot: number): number {
  const to = slot << 1
  switch (type) {
    case T.I8:
      R[to] = heap.u8[at]
      return slot + 1
    case T.I16:
      R[to] = heap.u16[at >> 1]
      return slot + 1
    case T.V128:
      R[to + 3] = heap.i32[(at >> 2) + 3]
      R[to + 2] = heap.i32[(at >> 2) + 2]
      R[to + 1] = heap.i32[(at >> 2) + 1]
      R[to] = heap.i32[at >> 2]
      return slot + 2
    case T.I64:
    case T.F64:
      R[to + 1] = heap.i32[(at >> 2) + 1]
      R[to] = heap.i32[at >> 2]
      return slot + 1
    default:
      R[to] = heap.i32[at >> 2]
      return slot + 1
  }
}
