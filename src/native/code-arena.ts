// Executable memory of one agent: spans of the process's arena, and an allocator inside them. Code is written once, before anybody can
// call it, and never changed; what it calls and what may change lies in data (layout.ts).

import { bug } from '../util/bug.ts'
import { type Ffi, PAGE_BYTES, Prot } from './ffi.ts'
import { CodeSpace, ProcessBlock } from './layout.ts'
import type { Process } from './process-block.ts'

/** Code of one allocation: freed as a whole. */
export interface CodeChunk {
  readonly address: number
  readonly bytes: number
}

/** Invalid in 64-bit mode, as a whole instruction: SIGILL. */
const INVALID_OPCODE = 0x06

/** Functions start at multiples of this: a line of the instruction cache is 64 bytes, the decoder reads 32. */
const ALIGNMENT = 32

/**
 * Fills the relocations of code that will lie at `address`: each 32-bit field gets symbol + addend - its own address. `words` are the
 * assembler's triples (field, symbol, addend); `addressOf` knows the symbols, all within the arena.
 */
export function linkCode(
  code: Uint8Array,
  address: number,
  relocations: { readonly words: Int32Array; readonly count: number },
  addressOf: (symbol: number) => number,
): void {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  const { words, count } = relocations
  for (let at = 0; at < 3 * count; at += 3) {
    const distance = addressOf(words[at + 1]) + words[at + 2] - (address + words[at])
    if (distance !== (distance | 0)) bug(`symbol ${words[at + 1]} is out of the reach of 32 bits`)
    view.setInt32(words[at], distance, true)
  }
}

export class CodeArena {
  private readonly ffi: Ffi
  private readonly process: Process
  /** Address of the process's arena: of the span 0. */
  private readonly base: number
  /** Free pieces as pairs address, bytes; sorted by address, neighbours joined. */
  private free: { address: number; bytes: number }[] = []
  private readonly spans: { first: number; count: number }[] = []
  /** Bytes in use, without what is free in spans. */
  used = 0

  constructor(ffi: Ffi, process: Process) {
    this.ffi = ffi
    this.process = process
    this.base = getBase(process)
  }

  /** Bytes taken from the process's arena. */
  get reserved(): number {
    return this.spans.reduce((sum, span) => sum + span.count * CodeSpace.SpanBytes, 0)
  }

  /**
   * Places code; `link` may fill in what depends on the address (relocations) before anybody sees it. Undefined if the arena is full.
   */
  install(code: Uint8Array, link?: (code: Uint8Array, address: number) => void): CodeChunk | undefined {
    // Where pages change their protection, a chunk has its pages alone: others' code there must stay executable meanwhile.
    const unit = this.process.writeDelta === 0 ? PAGE_BYTES : ALIGNMENT
    const bytes = Math.ceil(Math.max(code.length, 1) / unit) * unit
    const address = this.take(bytes)
    if (address === undefined) return undefined
    link?.(code, address)
    this.write(address, bytes, code)
    this.used += bytes
    return { address, bytes }
  }

  /** Contract: no activation has this code on its stack, and no data slot points to it. */
  release(chunk: CodeChunk): void {
    // Should the contract be broken, it is a trap that the driver does not know, and no other code runs.
    this.write(chunk.address, chunk.bytes, new Uint8Array(chunk.bytes).fill(INVALID_OPCODE))
    this.used -= chunk.bytes
    this.giveBack(chunk.address, chunk.bytes)
  }

  /** Gives all spans back to the process. Contract: none of the code is used any more. */
  close(): void {
    for (const { first, count } of this.spans) this.unclaim(first, count)
    this.spans.length = 0
    this.free = []
    this.used = 0
  }

  private write(address: number, bytes: number, code: Uint8Array): void {
    const { writeDelta } = this.process
    if (writeDelta === 0) this.protect(address, bytes, Prot.ReadWrite)
    // The view is dropped at once; nothing else of JavaScript can write code.
    new Uint8Array(this.ffi.view(address + writeDelta, code.length)).set(code)
    if (writeDelta === 0) this.protect(address, bytes, Prot.ReadExec)
  }

  private protect(address: number, bytes: number, protection: Prot): void {
    if (this.ffi.mprotect(address, bytes, protection) < 0) bug('mprotect of own code pages was refused')
  }

  /** First fit. */
  private take(bytes: number): number | undefined {
    let at = this.free.findIndex((piece) => piece.bytes >= bytes)
    if (at < 0) {
      if (!this.claim(Math.ceil(bytes / CodeSpace.SpanBytes))) return undefined
      at = this.free.findIndex((piece) => piece.bytes >= bytes)
    }
    const piece = this.free[at]
    const { address } = piece
    piece.address += bytes
    piece.bytes -= bytes
    if (piece.bytes === 0) this.free.splice(at, 1)
    return address
  }

  private giveBack(address: number, bytes: number): void {
    let at = this.free.findIndex((piece) => piece.address > address)
    if (at < 0) at = this.free.length
    this.free.splice(at, 0, { address, bytes })
    for (const i of [at, at - 1]) {
      const [low, high] = [this.free[i], this.free[i + 1]]
      if (low === undefined || high === undefined || low.address + low.bytes !== high.address) continue
      low.bytes += high.bytes
      this.free.splice(i + 1, 1)
    }
  }

  /** Takes neighbouring spans for this agent; other agents do the same at the same time. */
  private claim(count: number): boolean {
    const owners = this.process.words
    const word = ProcessBlock.Spans >> 2
    for (let first = 1; first + count <= CodeSpace.Spans;) {
      let taken = 0
      while (taken < count && Atomics.compareExchange(owners, word + first + taken, 0, this.process.thread) === 0)
        taken++
      if (taken === count) {
        this.spans.push({ first, count })
        this.giveBack(this.base + first * CodeSpace.SpanBytes, count * CodeSpace.SpanBytes)
        return true
      }
      this.unclaim(first, taken)
      first += taken + 1
    }
    return false
  }

  private unclaim(first: number, count: number): void {
    for (let i = 0; i < count; i++) Atomics.store(this.process.words, (ProcessBlock.Spans >> 2) + first + i, 0)
  }
}

/** Guest code starts in the arena's first page, behind stubs that take less than a page. */
const getBase = (process: Process): number => process.codeStart - (process.codeStart % PAGE_BYTES)
