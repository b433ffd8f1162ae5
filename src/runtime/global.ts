// Globals: cells of 16 bytes. The owner writes the value into the first words: `cells[at]` (and the next ones for 64 and 128 bits).

import { isRef, type CanonType } from '../wasm/types.ts'
import type { GlobalInstance } from './instance.ts'
import type { Holder, HolderVisitor, Store } from './store.ts'

/** Words of a global. */
export const GLOBAL_WORDS = 4

class Global implements GlobalInstance, Holder {
  readonly type: CanonType
  readonly mutable: boolean
  readonly cells: Int32Array
  readonly at: number

  constructor(type: CanonType, mutable: boolean, cells: Int32Array, at: number) {
    this.type = type
    this.mutable = mutable
    this.cells = cells
    this.at = at
  }

  visit(visitor: HolderVisitor): void {
    if (isRef(this.type)) visitor.word(this.cells[this.at])
  }
}

/** A global that is zero or null until its cells are written; in cells of its own, or in those of an instance. */
export function createGlobal(
  store: Store,
  type: CanonType,
  mutable: boolean,
  // A buffer of its own: machine code has the address of its bytes.
  cells: Int32Array = new Int32Array(new ArrayBuffer(GLOBAL_WORDS * 4)),
  at = 0,
): GlobalInstance & Holder {
  const global = new Global(type, mutable, cells, at)
  if (isRef(type)) store.addHolder(global)
  return global
}
