// Tables of reference words.

import { MAX_TABLE32_SIZE } from '../wasm/limits.ts'
import type { CanonType, TableType } from '../wasm/types.ts'
import type { TableInstance } from './instance.ts'
import { LimitError, type Holder, type HolderVisitor, type Store } from './store.ts'

class Table implements TableInstance, Holder {
  readonly type: TableType<CanonType>
  words: Int32Array
  size: number
  onChange: (() => void) | undefined = undefined
  private readonly cap: number

  constructor(type: TableType<CanonType>, words: Int32Array, cap: number) {
    this.type = type
    this.words = words
    this.size = words.length
    this.cap = cap
  }

  grow(delta: number, init: number): number {
    const old = this.size
    const size = old + delta
    const reachable = this.type.address64 ? Number.MAX_SAFE_INTEGER : MAX_TABLE32_SIZE
    if (!(size <= Math.min(this.cap, this.type.max ?? reachable, reachable))) return -1
    if (size > this.words.length) {
      let words: Int32Array
      try {
        words = new Int32Array(Math.min(Math.max(size, Math.ceil(old * 1.5)), this.cap))
      } catch {
        return -1
      }
      words.set(this.words.subarray(0, old))
      this.words = words
    }
    this.words.fill(init, old, size)
    this.size = size
    this.onChange?.()
    return old
  }

  visit(visitor: HolderVisitor): void {
    for (let i = 0; i < this.size; i++) visitor.word(this.words[i])
  }
}

/** A new table of the type's minimum size, filled with `init`. */
export function createTable(store: Store, type: TableType<CanonType>, init: number): TableInstance & Holder {
  const cap = store.limits.tableElements
  if (type.min > cap) throw new LimitError(`table of ${type.min} elements exceeds the limit of ${cap}`, 'table', cap)
  let words: Int32Array
  try {
    words = new Int32Array(type.min)
  } catch {
    throw new LimitError(`the host has no room for a table of ${type.min} elements`)
  }
  if (init !== 0) words.fill(init)
  const table = new Table(type, words, cap)
  store.addHolder(table)
  return table
}
