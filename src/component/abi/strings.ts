// Strings in linear memory, in the three encodings (CanonicalABI.md: "Loading", "Storing").

import type { AbiContext } from './memory.ts'
import { HOST_REALLOC } from './memory.ts'

export const MAX_STRING_BYTE_LENGTH = 2 ** 28 - 1
/** Set in a length: the string is UTF-16, where it could be Latin-1. */
const UTF16_TAG = 0x8000_0000

/** A string on its way between components: how it was encoded decides about the first allocation for it. */
export interface GuestString {
  readonly text: string
  readonly encoding: 'utf8' | 'utf16' | 'latin1'
  /** Code units in that encoding. */
  readonly units: number
  /** The caller's encoding was `latin1+utf16`. */
  readonly isTagged: boolean
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf16Decoder = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Up to this many bytes a loop is faster than a call of TextDecoder (Node 20 and 26: equal at 24 ASCII characters). */
const SHORT_TEXT = 24

/** Checks the range of a string and decodes it. */
export function loadString(cx: AbiContext, ptr: number, taggedUnits: number, what: string): GuestString {
  const isTagged = cx.encoding === 'latin1+utf16'
  let encoding: GuestString['encoding']
  let units = taggedUnits
  if (cx.encoding === 'utf8') encoding = 'utf8'
  else if (cx.encoding === 'utf16') encoding = 'utf16'
  else if (taggedUnits >= UTF16_TAG) {
    encoding = 'utf16'
    units = taggedUnits - UTF16_TAG
  } else encoding = 'latin1'
  const size = encoding === 'utf16' ? units * 2 : units
  if (size > MAX_STRING_BYTE_LENGTH) cx.trap(`${what} out of bounds of memory: the string is too long: ${size} bytes`)
  if (cx.encoding !== 'utf8' && ptr % 2 !== 0) cx.trap('unaligned pointer')
  if (ptr + size > cx.bytes.length) cx.trap(`${what} out of bounds of memory`)
  return { text: decode(cx, ptr, size, encoding), encoding, units, isTagged }
}

/** Words for a string that lies outside, when it comes to the host and when it goes to another component. */
export const HOST_STRING = 'string pointer/length'
export const GUEST_STRING = 'wasm trap: string content out-of-bounds: string'

function decode(cx: AbiContext, ptr: number, size: number, encoding: GuestString['encoding']): string {
  const { bytes } = cx
  if (encoding === 'utf8') {
    if (size <= SHORT_TEXT) {
      let text = ''
      let i = ptr
      for (; i < ptr + size; i++) {
        const byte = bytes[i]
        if (byte >= 0x80) break
        text += String.fromCharCode(byte)
      }
      if (i === ptr + size) return text
    }
    const part = unshared(bytes, ptr, size)
    try {
      return decoder.decode(part)
    } catch {
      return cx.trap(
        `${isIncomplete(part) ? 'incomplete utf-8 byte sequence' : 'invalid utf-8 sequence'} from index ${validLength(part)}`,
      )
    }
  }
  if (encoding === 'utf16') {
    try {
      return utf16Decoder.decode(unshared(bytes, ptr, size))
    } catch {
      return cx.trap('unpaired surrogate found: invalid utf-16')
    }
  }
  return latin1(bytes, ptr, size)
}

/** Characters per `String.fromCharCode` call; bounded by the argument limit of JavaScript engines. */
const CHUNK = 4096

function latin1(bytes: Uint8Array, ptr: number, size: number): string {
  let text = ''
  for (let at = ptr; at < ptr + size; at += CHUNK)
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(at + CHUNK, ptr + size)) as unknown as number[])
  return text
}

/** The bytes as decoders take them. */
function unshared(bytes: Uint8Array, ptr: number, size: number): Uint8Array<ArrayBuffer> {
  const part = bytes.subarray(ptr, ptr + size)
  return (part.buffer instanceof ArrayBuffer ? part : part.slice()) as Uint8Array<ArrayBuffer>
}

/** Length of the longest prefix that is well-formed UTF-8. */
function validLength(part: Uint8Array): number {
  // Decoding in stream mode takes a beginning of a character at the end for the beginning of more.
  let low = 0
  let high = part.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (decodes(part.subarray(0, middle), true)) low = middle
    else high = middle - 1
  }
  let end = low
  while (end > 0 && !decodes(part.subarray(0, end), false)) end--
  return end
}

const isIncomplete = (part: Uint8Array): boolean => decodes(part, true)

function decodes(part: Uint8Array, stream: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(part as Uint8Array<ArrayBuffer>, { stream })
    return true
  } catch {
    return false
  }
}

/** Address and tagged length of the string stored last. */
export const stored = { ptr: 0, units: 0 }

/** Stores a string of the host: its size is known, so there is one allocation. */
export function storeHostString(cx: AbiContext, text: string): void {
  switch (cx.encoding) {
    case 'utf8': {
      if (isAscii(text)) {
        const ptr = cx.allocate(1, text.length, HOST_REALLOC)
        writeLatin1(cx.bytes, ptr, text)
        return done(ptr, text.length)
      }
      const encoded = encoder.encode(text)
      checkLength(encoded.length)
      const ptr = cx.allocate(1, encoded.length, HOST_REALLOC)
      cx.bytes.set(encoded, ptr)
      return done(ptr, encoded.length)
    }
    case 'utf16':
      return storeUtf16(cx, wellFormed(text), 0, HOST_REALLOC)
    default: {
      if (!isLatin1(text)) return storeUtf16(cx, wellFormed(text), UTF16_TAG, HOST_REALLOC)
      const ptr = cx.allocate(2, text.length, HOST_REALLOC)
      writeLatin1(cx.bytes, ptr, text)
      done(ptr, text.length)
    }
  }
}

function checkLength(size: number): void {
  if (size > MAX_STRING_BYTE_LENGTH)
    throw new RangeError(`string too long: ${size} bytes, the limit is ${MAX_STRING_BYTE_LENGTH}`)
}

function done(ptr: number, units: number): void {
  stored.ptr = ptr
  stored.units = units
}

/** Lone surrogates become U+FFFD: a component's string is a sequence of Unicode scalar values. */
function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false
  return true
}

function writeLatin1(bytes: Uint8Array, ptr: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[ptr + i] = text.charCodeAt(i)
}

function writeUtf16(bytes: Uint8Array, ptr: number, text: string): void {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bytes[ptr + 2 * i] = unit
    bytes[ptr + 2 * i + 1] = unit >> 8
  }
}

function storeUtf16(cx: AbiContext, text: string, tag: number, what: string): void {
  checkLength(text.length * 2)
  const ptr = cx.allocate(2, text.length * 2, what)
  writeUtf16(cx.bytes, ptr, text)
  done(ptr, text.length + tag)
}

const WHAT = 'string content'

/** Stores a string of another component, with the allocations that the specification prescribes. */
export function storeGuestString(cx: AbiContext, string: GuestString): void {
  const { text, encoding, units, isTagged } = string
  switch (cx.encoding) {
    case 'utf8':
      if (encoding === 'utf8') return copyUtf8(cx, text, units)
      return toUtf8(cx, text, units, encoding === 'utf16' ? 3 : 2)
    case 'utf16':
      if (encoding === 'utf8') return utf8ToUtf16(cx, text, units)
      return storeUtf16(cx, text, 0, WHAT)
    default:
      if (!isTagged) return toLatin1OrUtf16(cx, text, units)
      if (encoding === 'utf16') return probablyUtf16(cx, text)
      {
        const ptr = cx.allocate(2, units, WHAT)
        writeLatin1(cx.bytes, ptr, text)
        done(ptr, units)
      }
  }
}

function copyUtf8(cx: AbiContext, text: string, size: number): void {
  const ptr = cx.allocate(1, size, WHAT)
  encoder.encodeInto(text, cx.bytes.subarray(ptr, ptr + size))
  done(ptr, size)
}

/** `store_string_to_utf8`: one byte for each code unit first, the worst case if that is not enough. */
function toUtf8(cx: AbiContext, text: string, units: number, factor: number): void {
  let ptr = cx.allocate(1, units, WHAT)
  let i = 0
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) break
    cx.bytes[ptr + i] = unit
  }
  if (i === text.length) return done(ptr, units)
  const worst = units * factor
  ptr = cx.reallocate(ptr, units, 1, worst, WHAT)
  const encoded = encoder.encode(text)
  cx.bytes.set(encoded.subarray(i), ptr + i)
  if (encoded.length < worst) ptr = cx.reallocate(ptr, worst, 1, encoded.length, WHAT)
  done(ptr, encoded.length)
}

function utf8ToUtf16(cx: AbiContext, text: string, units: number): void {
  const worst = 2 * units
  let ptr = cx.allocate(2, worst, WHAT)
  writeUtf16(cx.bytes, ptr, text)
  const size = text.length * 2
  if (size < worst) ptr = cx.reallocate(ptr, worst, 2, size, WHAT)
  done(ptr, text.length)
}

/** `store_string_to_latin1_or_utf16` */
function toLatin1OrUtf16(cx: AbiContext, text: string, units: number): void {
  let ptr = cx.allocate(2, units, WHAT)
  let i = 0
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) break
    cx.bytes[ptr + i] = unit
  }
  if (i < text.length) {
    const worst = 2 * units
    ptr = cx.reallocate(ptr, units, 2, worst, WHAT)
    writeUtf16(cx.bytes, ptr, text)
    const size = text.length * 2
    if (size < worst) ptr = cx.reallocate(ptr, worst, 2, size, WHAT)
    return done(ptr, text.length + UTF16_TAG)
  }
  if (i < units) ptr = cx.reallocate(ptr, units, 2, i, WHAT)
  done(ptr, i)
}

/** `store_probably_utf16_to_latin1_or_utf16` */
function probablyUtf16(cx: AbiContext, text: string): void {
  const size = text.length * 2
  let ptr = cx.allocate(2, size, WHAT)
  writeUtf16(cx.bytes, ptr, text)
  if (!isLatin1(text)) return done(ptr, text.length + UTF16_TAG)
  writeLatin1(cx.bytes, ptr, text)
  ptr = cx.reallocate(ptr, size, 1, text.length, WHAT)
  done(ptr, text.length)
}
