// Views of raw pages, and numbers of 64 bits in them.

import type { Ffi } from './ffi.ts'

const TWO_32 = 2 ** 32

/** Writes an address (or any integer of at most 53 bits) at a byte offset. */
export function setAddress(words: Int32Array, offset: number, address: number): void {
  // No `%`: it is a call of fmod, 20 ns.
  const high = Math.floor(address / TWO_32)
  words[offset >> 2] = address - high * TWO_32
  words[(offset >> 2) + 1] = high
}

/** Reads what `setAddress` wrote. */
export function getAddress(words: Int32Array, offset: number): number {
  return (words[offset >> 2] >>> 0) + words[(offset >> 2) + 1] * TWO_32
}

/** The words at an address. Contract: the pages stay mapped as long as the array is used. */
export const wordsAt = (ffi: Ffi, address: number, bytes: number): Int32Array<ArrayBuffer> =>
  new Int32Array(ffi.view(address, bytes))

/** Rounds up to a multiple of a power of two of any size. */
export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit
