// What a guest knows of its process: arguments, environment, exit.

import type { GuestMemory } from './guest.ts'

const encoder = new TextEncoder()

/** Strings as the guest gets them: UTF-8, each with a zero byte at its end. */
export class StringList {
  readonly count: number
  readonly #bytes: Uint8Array
  /** Where each begins. */
  readonly #starts: readonly number[]

  constructor(strings: readonly string[]) {
    const starts: number[] = []
    const text = strings.map((s) => `${s}\0`)
    let end = 0
    const parts = text.map((s) => {
      starts.push(end)
      const part = encoder.encode(s)
      end += part.length
      return part
    })
    this.#bytes = new Uint8Array(end)
    parts.forEach((part, i) => this.#bytes.set(part, starts[i]))
    this.#starts = starts
    this.count = strings.length
  }

  /** Writes the strings at `buffer` and their addresses at `pointers`. */
  write(guest: GuestMemory, pointers: number, buffer: number): void {
    const target = guest.bytes(buffer, this.#bytes.length)
    const table = guest.array(pointers, this.count, 4)
    target.set(this.#bytes)
    this.#starts.forEach((start, i) => guest.setU32(table + i * 4, (buffer >>> 0) + start))
  }

  writeSizes(guest: GuestMemory, count: number, size: number): void {
    guest.range(count, 4)
    guest.setU32(size, this.#bytes.length)
    guest.setU32(count, this.count)
  }
}

/** How a guest's `proc_exit` ends the run: thrown through its frames. No handler of the guest sees it on zwasm's engine. */
export class ExitStatus {
  readonly code: number

  constructor(code: number) {
    this.code = code
  }
}
