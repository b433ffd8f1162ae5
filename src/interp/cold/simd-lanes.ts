// Lanes of vectors in registers, and the scratch vector. A v128 in slot s has its bytes at s << 3, its i16 lanes at s << 2, its i32 and
// f32 lanes at s << 1, its i64 and f64 lanes at s.
//
// A result may overlap an operand partly. So an op either computes all words of its result before it stores the first (`store4`), or
// writes its lanes to the scratch vector OUT and copies that to the result at the end (`commit`).

import { R } from '../../runtime/machine.ts'

/** Signed and unsigned views of the register stack, beside those of machine.ts. */
export const RS8 = new Int8Array(R.buffer)
export const RS16 = new Int16Array(R.buffer)
export const RU16 = new Uint16Array(R.buffer)
export const RU32 = new Uint32Array(R.buffer)

const scratch = new ArrayBuffer(16)
/** The scratch vector by lane width. Integer stores wrap, so that one view serves signed and unsigned lanes. */
export const OUT8 = new Uint8Array(scratch)
export const OUT16 = new Uint16Array(scratch)
export const OUT32 = new Int32Array(scratch)
export const OUTF32 = new Float32Array(scratch)
export const OUTF64 = new Float64Array(scratch)

/** Quiet bit of an f32 NaN, and of an f64 NaN in its high word. */
export const QUIET_F32 = 0x00400000
export const QUIET_F64_HIGH = 0x00080000
export const SIGN_BIT = -0x80000000

/** Copies the scratch vector to slot d. */
export function commit(d: number): void {
  const w = d << 1
  R[w] = OUT32[0]
  R[w + 1] = OUT32[1]
  R[w + 2] = OUT32[2]
  R[w + 3] = OUT32[3]
}

/** Writes the vector of four words to slot d. */
export function store4(d: number, w0: number, w1: number, w2: number, w3: number): void {
  const w = d << 1
  R[w] = w0
  R[w + 1] = w1
  R[w + 2] = w2
  R[w + 3] = w3
}

export function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x
}

/** Bits of `mask` from a, the others from b. */
export function select(a: number, b: number, mask: number): number {
  return b ^ ((a ^ b) & mask)
}

/** fmin and fmax: a NaN operand gives a quiet NaN with its payload; -0 is less than +0. */
export function minimum(x: number, y: number): number {
  return x !== x || y !== y ? x + y : Math.min(x, y)
}

export function maximum(x: number, y: number): number {
  return x !== x || y !== y ? x + y : Math.max(x, y)
}

/** High word of the product of two u32. The low word is `Math.imul(a, b)`. */
export function multiplyHighUnsigned(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + (Math.imul(aLow, bLow) >>> 16)
  const carry = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) | 0
}

/** High word of the product of two i32. */
export function multiplyHighSigned(a: number, b: number): number {
  return (multiplyHighUnsigned(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0
}

/** Rounded product of two Q15 fractions; -1 times -1 saturates. */
export function multiplyQ15(a: number, b: number): number {
  const product = (a * b + 0x4000) >> 15
  return product > 0x7fff ? 0x7fff : product
}

/**
 * Lane k of the relaxed dot product of the bytes at a and b: two neighbouring products, summed with saturation. The second operand is signed
 * too, as the deterministic profile fixes it.
 */
export function relaxedDot(a: number, b: number, k: number): number {
  const i = a + (k << 1)
  const j = b + (k << 1)
  const sum = RS8[i] * RS8[j] + RS8[i + 1] * RS8[j + 1]
  return sum > 0x7fff ? 0x7fff : sum
}
