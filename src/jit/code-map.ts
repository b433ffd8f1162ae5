// Installed machine code by address: what a pc is in.

import type { CodeChunk } from '../native/code-arena.ts'
import type { Module } from '../wasm/module.ts'
import type { CompiledFunction } from './compile.ts'

/** A function's code in its place. */
export interface InstalledCode {
  readonly chunk: CodeChunk
  readonly address: number
  readonly end: number
  readonly module: Module
  readonly index: number
  readonly tables: Pick<CompiledFunction, 'traps' | 'returns' | 'frameSize' | 'prologue'>
}

/** Position of the entry whose first word is `key` in a table of `words` words a row, sorted by it; -1 if there is none. */
export function findRow(table: Int32Array, words: number, key: number): number {
  let low = 0
  let high = table.length / words
  while (low < high) {
    const middle = (low + high) >> 1
    if (table[middle * words] < key) low = middle + 1
    else high = middle
  }
  return low * words < table.length && table[low * words] === key ? low * words : -1
}

export class CodeMap {
  /** By address. */
  private readonly sorted: InstalledCode[] = []

  add(code: InstalledCode): void {
    this.sorted.splice(this.after(code.address), 0, code)
  }

  remove(code: InstalledCode): void {
    const at = this.after(code.address) - 1
    if (this.sorted[at] === code) this.sorted.splice(at, 1)
  }

  /** The code that contains an address. */
  find(pc: number): InstalledCode | undefined {
    const code = this.sorted[this.after(pc) - 1]
    return code !== undefined && pc < code.end ? code : undefined
  }

  /** Number of entries that start at or below an address. */
  private after(address: number): number {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.sorted[middle].address <= address) low = middle + 1
      else high = middle
    }
    return low
  }
}
