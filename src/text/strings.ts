// String literals: what the bytes between the quotes mean, and UTF-8.

import type { ByteWriter } from '../util/byte-writer.ts'

const BACKSLASH = 0x5c
const QUOTE = 0x22

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Appends the bytes that a string literal denotes; `start` and `end` include its quotes, its escapes are known to be right. */
export function decodeString(source: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.reserve(end - start)
  for (let i = start + 1; i < end - 1; i++) {
    const byte = source[i]
    if (byte !== BACKSLASH) {
      out.bytes[out.pos++] = byte
      continue
    }
    const escape = source[++i]
    const high = hexDigit(escape)
    if (high >= 0) {
      out.bytes[out.pos++] = (high << 4) | hexDigit(source[++i])
    } else if (escape === 0x75 /* u */) {
      let code = 0
      for (i += 2; source[i] !== 0x7d /* } */; i++) {
        const digit = hexDigit(source[i])
        if (digit >= 0) code = code * 16 + digit
      }
      appendUtf8(code, out)
    } else {
      out.bytes[out.pos++] = SIMPLE_ESCAPES[escape]
    }
  }
}

/** Value of each one-letter escape, 0 for bytes that are none. */
export const SIMPLE_ESCAPES = new Uint8Array(256)
SIMPLE_ESCAPES[0x74] = 0x09 // t
SIMPLE_ESCAPES[0x6e] = 0x0a // n
SIMPLE_ESCAPES[0x72] = 0x0d // r
SIMPLE_ESCAPES[QUOTE] = QUOTE
SIMPLE_ESCAPES[0x27] = 0x27
SIMPLE_ESCAPES[BACKSLASH] = BACKSLASH

function appendUtf8(code: number, out: ByteWriter): void {
  if (code < 0x80) {
    out.u8(code)
  } else if (code < 0x800) {
    out.u8(0xc0 | (code >> 6))
    out.u8(0x80 | (code & 0x3f))
  } else if (code < 0x10000) {
    out.u8(0xe0 | (code >> 12))
    out.u8(0x80 | ((code >> 6) & 0x3f))
    out.u8(0x80 | (code & 0x3f))
  } else {
    out.u8(0xf0 | (code >> 18))
    out.u8(0x80 | ((code >> 12) & 0x3f))
    out.u8(0x80 | ((code >> 6) & 0x3f))
    out.u8(0x80 | (code & 0x3f))
  }
}

/** Length of the UTF-8 sequence of a character beyond ASCII at `at`, or 0 if there is no well-formed one. */
export function utf8Length(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]
  const second = bytes[at + 1]
  if (lead >= 0xc2 && lead <= 0xdf) return isContinuation(second) ? 2 : 0
  if (lead >= 0xe0 && lead <= 0xef) {
    const low = lead === 0xe0 ? 0xa0 : 0x80
    const high = lead === 0xed ? 0x9f : 0xbf
    return second >= low && second <= high && isContinuation(bytes[at + 2]) ? 3 : 0
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const low = lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) return 0
    return isContinuation(bytes[at + 2]) && isContinuation(bytes[at + 3]) ? 4 : 0
  }
  return 0
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80
