// Numbers of the text format, exactly: integers with their ranges, decimal and hexadecimal floats with one correct rounding,
// NaN payloads. Results are bits, because a NaN does not survive a trip through a JavaScript number.

import { hexDigit } from './strings.ts'

const UNDERSCORE = 0x5f
const MINUS = 0x2d
const PLUS = 0x2b

/** Doubles up to here are exact integers, one more digit appended included. */
const EXACT = 2 ** 53 / 32

/** The last 64-bit value read by `readInteger` or `readFloat64`, as two halves. */
export const bits64 = { low: 0, high: 0 }

/**
 * Reads an integer (`Nat` or `Int` token) into `bits64`, as two's complement. Returns whether it is in range: as an unsigned
 * number, or with `signed` also as a signed one, of `width` (8 to 64) bits.
 */
export function readInteger(source: Uint8Array, start: number, end: number, width: number, signed: boolean): boolean {
  const negative = source[start] === MINUS
  let at = negative || source[start] === PLUS ? start + 1 : start
  const hex = source[at] === 0x30 && source[at + 1] === 0x78
  const radix = hex ? 16 : 10
  if (hex) at += 2
  const first = at
  let value = 0
  for (; at < end && value < EXACT; at++) if (source[at] !== UNDERSCORE) value = value * radix + hexDigit(source[at])
  if (at === end) {
    if (negative ? value > 2 ** (width - 1) : value >= 2 ** width) return false
    const high = Math.floor(value / 0x1_0000_0000)
    setBits64(value - high * 0x1_0000_0000, high, negative)
  } else {
    let big = 0n
    for (at = first; at < end; at++) {
      if (source[at] === UNDERSCORE) continue
      big = big * BigInt(radix) + BigInt(hexDigit(source[at]))
      if (big >> 64n !== 0n) return false
    }
    if (negative ? big > 1n << BigInt(width - 1) : big >> BigInt(width) !== 0n) return false
    setBits64(Number(big & 0xffff_ffffn), Number(big >> 32n), negative)
  }
  return signed || !negative
}

function setBits64(low: number, high: number, negative: boolean): void {
  bits64.low = negative ? -low | 0 : low | 0
  bits64.high = negative ? (~high + (low === 0 ? 1 : 0)) | 0 : high | 0
}

/** The value of an unsigned 32-bit integer, or -1 if it is out of range. */
export function readU32(source: Uint8Array, start: number, end: number): number {
  return readInteger(source, start, end, 32, false) ? bits64.low >>> 0 : -1
}

/** A binary floating-point format. */
interface Format {
  /** Bits of the significand, the hidden one included. */
  readonly precision: number
  /** Largest exponent of a finite number; also the bias. */
  readonly maxExponent: number
}
const FORMAT32: Format = { precision: 24, maxExponent: 127 }
const FORMAT64: Format = { precision: 53, maxExponent: 1023 }

const view = new DataView(new ArrayBuffer(8))

/** Reads a number into `bits64` as the bits of an f64. Returns whether it is in range. */
export function readFloat64(source: Uint8Array, start: number, end: number): boolean {
  const at = start + signLength(source, start)
  const negative = source[start] === MINUS
  if (isHexFloat(source, at) || isWord(source, at)) {
    const bits = wordOrHexBits(source, at, end, FORMAT64)
    if (bits < 0n) return false
    bits64.low = Number(bits & 0xffff_ffffn) | 0
    bits64.high = Number(bits >> 32n) | (negative ? 0x8000_0000 : 0)
    return true
  }
  const value = Number(plainText(source, at, end))
  if (value === Infinity) return false
  view.setFloat64(0, negative ? -value : value)
  bits64.high = view.getInt32(0)
  bits64.low = view.getInt32(4)
  return true
}

/** The bits of an f32 (unsigned), or -1 if the number is out of range. */
export function readFloat32(source: Uint8Array, start: number, end: number): number {
  const at = start + signLength(source, start)
  const sign = source[start] === MINUS ? 0x8000_0000 : 0
  if (isHexFloat(source, at) || isWord(source, at)) {
    const bits = wordOrHexBits(source, at, end, FORMAT32)
    return bits < 0n ? -1 : Number(bits) + sign
  }
  const value = roundToFloat32(plainText(source, at, end))
  if (value === Infinity) return -1
  view.setFloat32(0, value)
  return view.getUint32(0) + sign
}

const signLength = (source: Uint8Array, at: number): number => (source[at] === MINUS || source[at] === PLUS ? 1 : 0)
const isHexFloat = (source: Uint8Array, at: number): boolean => source[at] === 0x30 && source[at + 1] === 0x78
/** `inf` or `nan`. */
const isWord = (source: Uint8Array, at: number): boolean => source[at] === 0x69 || source[at] === 0x6e

/** The characters of a number without underscores, for the engine's own (correctly rounding) reader. */
function plainText(source: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) if (source[i] !== UNDERSCORE) text += String.fromCharCode(source[i])
  return text
}

/** Halfway between the largest f32 and the next power of two: from here on numbers round to infinity. */
const FLOAT32_OVERFLOW = 2 ** 128 - 2 ** 103

/**
 * A decimal number rounded to f32 once. Rounding to f64 and then to f32 goes wrong only where the f64 is exactly halfway
 * between two f32; there the decimal number itself decides.
 */
function roundToFloat32(text: string): number {
  const double = Number(text)
  const single = Math.fround(double)
  if (single === double) return single
  const other = double === FLOAT32_OVERFLOW ? 2 ** 128 - 2 ** 104 : neighbour32(single, double)
  const toOther = Math.abs(other - double)
  const toSingle = single === Infinity ? toOther : Math.abs(single - double)
  if (toOther !== toSingle || (single === Infinity && double !== FLOAT32_OVERFLOW)) return single
  const side = compareDecimal(text, double)
  if (side === 0) return single
  return side > 0 === other > double ? other : single
}

/** The f32 next to `single` in the direction of `double`; both positive and finite. */
function neighbour32(single: number, double: number): number {
  if (single === Infinity) return Infinity
  view.setFloat32(0, single)
  view.setInt32(0, view.getInt32(0) + (double > single ? 1 : -1))
  return view.getFloat32(0)
}

/** The sign of (decimal number) - (positive double), exactly. */
function compareDecimal(text: string, double: number): number {
  const [, whole, fraction = '', exponent = '0'] = /^(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text)!
  let decimal = BigInt(whole + fraction)
  const tens = Number(exponent) - fraction.length
  view.setFloat64(0, double)
  const field = (view.getInt32(0) >>> 20) & 0x7ff
  const low = view.getBigUint64(0) & 0xf_ffff_ffff_ffffn
  let binary = field === 0 ? low : low | 0x10_0000_0000_0000n
  const twos = Math.max(field, 1) - 1075
  if (tens >= 0) decimal *= 10n ** BigInt(tens)
  else binary *= 10n ** BigInt(-tens)
  if (twos >= 0) binary <<= BigInt(twos)
  else decimal <<= BigInt(-twos)
  return decimal > binary ? 1 : decimal < binary ? -1 : 0
}

/** Bits of `inf`, `nan`, `nan:0x…` or a hexadecimal float without its sign; -1n if out of range. */
function wordOrHexBits(source: Uint8Array, at: number, end: number, format: Format): bigint {
  const mantissaBits = BigInt(format.precision - 1)
  const infinity = BigInt(format.maxExponent * 2 + 1) << mantissaBits
  if (source[at] === 0x69) return infinity
  if (source[at] !== 0x6e) return hexFloatBits(source, at + 2, end, format)
  if (end - at === 3) return infinity | (1n << (mantissaBits - 1n))
  const inRange = readInteger(source, at + 4, end, format.precision - 1, false)
  const payload = (BigInt(bits64.high >>> 0) << 32n) | BigInt(bits64.low >>> 0)
  return inRange && payload !== 0n ? infinity | payload : -1n
}

/** Significant hexadecimal digits kept exactly; what follows only says whether the rest is zero. */
const KEPT_DIGITS = 32

function hexFloatBits(source: Uint8Array, start: number, end: number, format: Format): bigint {
  let mantissa = 0n
  let kept = 0
  let sticky = false
  /** value = mantissa * 2^exponent (+ something smaller than 2^exponent if sticky) */
  let exponent = 0
  let point = false
  let at = start
  for (; at < end; at++) {
    if (source[at] === UNDERSCORE) continue
    if (source[at] === 0x2e) {
      point = true
      continue
    }
    const digit = hexDigit(source[at])
    if (digit < 0) break
    if (kept === KEPT_DIGITS) {
      sticky ||= digit !== 0
      if (!point) exponent += 4
      continue
    }
    if (kept > 0 || digit !== 0) kept++
    mantissa = (mantissa << 4n) | BigInt(digit)
    if (point) exponent -= 4
  }
  if (at < end) exponent += Number(plainText(source, at + 1, end))
  if (mantissa === 0n) return 0n
  const { precision, maxExponent } = format
  const leading = mantissa.toString(2).length - 1 + exponent
  if (leading > maxExponent) return -1n
  const minExponent = 1 - maxExponent
  if (leading < minExponent - precision) return 0n
  const shift = Math.max(leading, minExponent) - (precision - 1) - exponent
  let fraction = mantissa
  if (shift <= 0) fraction <<= BigInt(-shift)
  else {
    const half = 1n << BigInt(shift - 1)
    const rest = mantissa & ((half << 1n) - 1n)
    fraction >>= BigInt(shift)
    if (rest > half || (rest === half && (sticky || (fraction & 1n) === 1n))) fraction++
  }
  // A carry out of the fraction moves into the exponent field, which is what it should do.
  const hidden = 1n << BigInt(precision - 1)
  const bits =
    leading < minExponent ? fraction : (BigInt(leading + maxExponent) << BigInt(precision - 1)) + fraction - hidden
  return bits >= BigInt(maxExponent * 2 + 1) << BigInt(precision - 1) ? -1n : bits
}
