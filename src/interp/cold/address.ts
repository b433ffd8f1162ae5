// Addresses and indices of either width as numbers.

import { R } from '../../runtime/machine.ts'

const TWO_32 = 4294967296

/** The unsigned value in a slot: i64 if `wide`, else i32. Exact up to 2^53; what is above stays above every bound. */
export function unsigned(slot: number, wide: boolean): number {
  const low = R[slot << 1] >>> 0
  return wide ? (R[(slot << 1) + 1] >>> 0) * TWO_32 + low : low
}

/** Writes a size or -1 as i64 if `wide`, else i32. */
export function writeSize(slot: number, value: number, wide: boolean): void {
  R[slot << 1] = value | 0
  if (wide) R[(slot << 1) + 1] = value < 0 ? -1 : Math.floor(value / TWO_32)
}

/** The 64-bit offset in two code words. */
export const offsetOf = (low: number, high: number): number => (high >>> 0) * TWO_32 + (low >>> 0)
