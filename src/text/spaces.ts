// Index spaces: from identifiers to indices.

import { growInt32 } from '../util/grow.ts'
import type { Cursor } from './cursor.ts'
import { Token } from './lexer.ts'
import { readU32 } from './numbers.ts'

/** One index space. Cleared and used again: a script holds thousands of modules, a module thousands of functions. */
export class IndexSpace {
  /** What its members are called in messages. */
  readonly what: string
  /** Number of members. */
  count = 0
  /** Index + 1 by symbol, 0 if not bound. */
  #index = new Int32Array(16)
  /** The symbols bound, in order. */
  #bound = new Int32Array(16)
  #boundCount = 0

  constructor(what: string) {
    this.what = what
  }

  clear(): void {
    for (let i = 0; i < this.#boundCount; i++) this.#index[this.#bound[i]] = 0
    this.#boundCount = 0
    this.count = 0
  }

  /** Adds a member, under the symbol unless that is 0, and returns its index. `pos` is the token of the identifier. */
  add(cursor: Cursor, symbol: number, pos: number): number {
    const index = this.count++
    if (symbol !== 0) this.bind(cursor, symbol, index, pos)
    return index
  }

  /** Gives the member `index` a name. */
  bind(cursor: Cursor, symbol: number, index: number, pos: number): void {
    this.#index = growInt32(this.#index, symbol + 1)
    if (this.#index[symbol] !== 0) cursor.fail(`duplicate ${this.what} $${cursor.symbolName(symbol)}`, pos)
    this.#index[symbol] = index + 1
    this.#bound = growInt32(this.#bound, this.#boundCount + 1)
    this.#bound[this.#boundCount++] = symbol
  }

  /** The index of a symbol, or -1. */
  find(symbol: number): number {
    return symbol < this.#index.length ? this.#index[symbol] - 1 : -1
  }

  /** Reads an index: a number or an identifier of this space. */
  read(cursor: Cursor): number {
    const kind = cursor.kinds[cursor.pos]
    if (kind === Token.Id) {
      const index = this.find(cursor.values[cursor.pos])
      if (index < 0) cursor.fail(`unknown ${this.what} ${cursor.quote()}`)
      cursor.pos++
      return index
    }
    if (kind !== Token.Nat) cursor.unexpected(`a ${this.what} index`)
    const index = readU32(cursor.source, cursor.start(), cursor.end())
    if (index < 0) cursor.fail('i32 constant out of range')
    cursor.pos++
    return index
  }

  /** Whether an index stands here. */
  isNext(cursor: Cursor): boolean {
    const kind = cursor.kinds[cursor.pos]
    return kind === Token.Nat || kind === Token.Id
  }

  /** Reads an index if one stands here, else 0. */
  readOptional(cursor: Cursor): number {
    return this.isNext(cursor) ? this.read(cursor) : 0
  }
}

/** All index spaces of a module. A script uses one set for all of its modules, because their sizes grow with its symbols. */
export class IndexSpaces {
  readonly types = new IndexSpace('type')
  readonly funcs = new IndexSpace('func')
  readonly tables = new IndexSpace('table')
  readonly memories = new IndexSpace('memory')
  readonly globals = new IndexSpace('global')
  readonly tags = new IndexSpace('tag')
  readonly elems = new IndexSpace('elem segment')
  readonly datas = new IndexSpace('data segment')
  /** Of the function being read. */
  readonly locals = new IndexSpace('local')

  clear(): void {
    for (const space of Object.values(this) as IndexSpace[]) space.clear()
  }
}
