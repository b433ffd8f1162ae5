// Values as text: strings, identifiers, numbers. Everything printed reads back as the same bits.

import { encodeUtf8 } from '../util/utf8.ts'
import { readFloat32 } from './numbers.ts'

const HEX = '0123456789abcdef'

const isPlain = (byte: number): boolean => byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c

/** Bytes as a string literal; whatever is not printable ASCII is escaped. */
export function printBytes(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let out = '"'
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    out += isPlain(byte) ? String.fromCharCode(byte) : '\\' + HEX[byte >> 4] + HEX[byte & 15]
  }
  return out + '"'
}

/** Characters of a name that are escaped: they are invisible, or change the direction of the text around them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Cs}]/u

/** A name as a string literal. */
export function printName(name: string): string {
  let out = '"'
  for (const char of name) {
    if (char === '"' || char === '\\') out += '\\' + char
    else if (UNPRINTABLE.test(char)) out += `\\u{${char.codePointAt(0)!.toString(16)}}`
    else out += char
  }
  return out + '"'
}

const PLAIN_ID = /^[0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]+$/

/** A name that is not empty as an identifier. */
export const printId = (name: string): string => (PLAIN_ID.test(name) ? '$' + name : '$' + printName(name))

const view = new DataView(new ArrayBuffer(8))

/** The bits of an f32 as a number of the text format. */
export function printFloat32(bits: number): string {
  const sign = bits >>> 31 !== 0 ? '-' : ''
  const magnitude = bits & 0x7fff_ffff
  if (magnitude > 0x7f80_0000) return sign + nan(magnitude === 0x7fc0_0000, (magnitude & 0x7f_ffff).toString(16))
  if (magnitude === 0x7f80_0000) return sign + 'inf'
  view.setInt32(0, magnitude)
  const value = view.getFloat32(0)
  // Nine digits tell all f32 apart; most need fewer.
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)))
    if (readsAs32(text, magnitude)) return sign + text
  }
  return sign + String(value)
}

function readsAs32(text: string, bits: number): boolean {
  const bytes = encodeUtf8(text)
  return readFloat32(bytes, 0, bytes.length) === bits
}

/** The bits of an f64 as a number of the text format. */
export function printFloat64(low: number, high: number): string {
  const sign = high < 0 ? '-' : ''
  const magnitude = high & 0x7fff_ffff
  if (magnitude > 0x7ff0_0000 || (magnitude === 0x7ff0_0000 && low !== 0)) {
    const payload = (BigInt(magnitude & 0xf_ffff) << 32n) | BigInt(low >>> 0)
    return sign + nan(magnitude === 0x7ff8_0000 && low === 0, payload.toString(16))
  }
  if (magnitude === 0x7ff0_0000) return sign + 'inf'
  view.setInt32(0, magnitude)
  view.setInt32(4, low)
  return sign + String(view.getFloat64(0))
}

const nan = (canonical: boolean, payload: string): string => (canonical ? 'nan' : `nan:0x${payload}`)

/** A signed 64-bit integer in two halves. */
export function printInt64(low: number, high: number): string {
  if (high === low >> 31) return String(low)
  return String((BigInt(high) << 32n) | BigInt(low >>> 0))
}

/** An unsigned 64-bit integer in two halves. */
export function printUint64(low: number, high: number): string {
  if (high === 0) return String(low >>> 0)
  return String((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0))
}

/** 16 bytes as a v128 constant, without the instruction's name. */
export function printV128(bytes: Uint8Array, at: number): string {
  let out = 'i32x4'
  for (let lane = 0; lane < 4; lane++) {
    out += ' 0x'
    for (let i = 3; i >= 0; i--) {
      const byte = bytes[at + lane * 4 + i]
      out += HEX[byte >> 4] + HEX[byte & 15]
    }
  }
  return out
}
