// Mutation of inputs: bytes of modules and of texts. A mutation is a function of its random source.

import { Random } from './random.ts'

const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0x40, 0x60, 0x61, 0x0b, 0x05, 0x63, 0x64, 0xfb, 0xfc, 0xfd, 0xfe, 0x4e, 0x50, 0x70, 0x6f, 0x7b]
/** LEB128 numbers at the edges: 2^32-1, 2^32 (too long), 2^31, -1, overlong 0, 2^63. */
const NUMBERS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0xff, 0xff, 0xff, 0xff, 0x7f],
  [0x80, 0x80, 0x80, 0x80, 0x00],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0x80, 0x80, 0x04],
  [0xff, 0xff, 0x03],
]

/** A new input: some edits of `input`, with pieces of `other`. */
export function mutateBytes(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = input
  for (let n = random.chance(60) ? 1 : random.range(2, 6); n > 0; n--) bytes = mutateOnce(random, bytes, other)
  return bytes
}

function mutateOnce(r: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const length = bytes.length
  const at = r.int(length + 1)
  switch (r.int(9)) {
    case 0: {
      if (at === length) return bytes
      const out = bytes.slice()
      out[at] = out[at]! ^ (1 << r.int(8))
      return out
    }
    case 1: {
      if (at === length) return bytes
      const out = bytes.slice()
      out[at] = r.pick(INTERESTING)
      return out
    }
    case 2: {
      if (at === length) return bytes
      const out = bytes.slice()
      out[at] = (out[at]! + r.pick([1, -1, 2, 0x10])) & 0xff
      return out
    }
    case 3:
      return splice(bytes, at, Math.min(length - at, r.range(1, 8)), new Uint8Array(0))
    case 4:
      return splice(bytes, at, r.int(2), Uint8Array.from(r.pick(NUMBERS)))
    case 5: {
      const from = r.int(other.length)
      return splice(bytes, at, Math.min(length - at, r.int(16)), other.subarray(from, from + r.range(1, 32)))
    }
    case 6: {
      // Repeat a piece.
      const piece = bytes.subarray(at, at + r.range(1, 24))
      return splice(bytes, at, 0, piece)
    }
    case 7:
      return bytes.slice(0, at)
    default: {
      const out = bytes.slice()
      if (at < length) out[at] = r.u32()
      return out
    }
  }
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - remove + insert.length)
  out.set(bytes.subarray(0, at))
  out.set(insert, at)
  out.set(bytes.subarray(at + remove), at + insert.length)
  return out
}

const TOKENS = [
  '(', ')', '(;', ';)', ';;', '"', '\\', '$', '$"', '(@', '(@custom "a" "b")', '(@name "x")', '\n', ' ', '\t', '=', '0x', '-', '+', '_', '1', '0',
  '4294967296', '18446744073709551616', '-2147483649', '0x1p1024', 'nan:0x', 'nan:0x1', 'inf', '1e400', '0x0.0000001p-1022', '1__0',
  'module', 'func', 'param', 'result', 'local', 'type', 'rec', 'sub', 'final', 'struct', 'array', 'field', 'mut', 'ref', 'null', 'import', 'export',
  'table', 'memory', 'global', 'tag', 'elem', 'data', 'declare', 'offset', 'item', 'start', 'block', 'loop', 'if', 'then', 'else', 'end', 'try_table',
  'catch', 'catch_all_ref', 'i32', 'i64', 'f32', 'f64', 'v128', 'i8', 'i16', 'funcref', 'externref', 'anyref', 'exnref', 'i32.const', 'f32.const',
  'v128.const', 'i8x16', 'f64x2', 'i8x16.shuffle', 'call_indirect', 'br_table', 'select', 'offset=1', 'align=3', 'align=8', 'shared', 'pagesize',
  'i32.load', 'v128.load8_lane', 'struct.new', 'ref.cast', 'br_on_cast', 'array.new_fixed', 'memory.copy', 'table.init', '\\u{110000}', '\\ff', '\u00e9',
].map((token) => new TextEncoder().encode(token)) // prettier-ignore

/** A new text: tokens replaced, removed, repeated, moved; sometimes bytes. */
export function mutateText(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let text = input
  for (let n = random.chance(50) ? 1 : random.range(2, 5); n > 0; n--) text = mutateTextOnce(random, text, other)
  return text
}

function mutateTextOnce(r: Random, text: Uint8Array, other: Uint8Array): Uint8Array {
  const [start, end] = tokenAt(text, r.int(text.length + 1))
  switch (r.int(7)) {
    case 0:
      return splice(text, start, end - start, new Uint8Array(0))
    case 1:
      return splice(text, start, end - start, r.pick(TOKENS))
    case 2:
      return splice(text, start, 0, r.pick(TOKENS))
    case 3: {
      const [from, to] = tokenAt(other, r.int(other.length + 1))
      return splice(text, start, r.chance(50) ? end - start : 0, other.subarray(from, to))
    }
    case 4: {
      // A whole form from elsewhere.
      const [from, to] = formAt(other, r.int(other.length + 1))
      return splice(text, start, r.chance(50) ? end - start : 0, other.subarray(from, to))
    }
    case 5: {
      const [from, to] = formAt(text, start)
      return r.chance(50) ? splice(text, from, to - from, new Uint8Array(0)) : splice(text, from, 0, text.subarray(from, to))
    }
    default:
      return mutateOnce(r, text, other)
  }
}

const isBreak = (byte: number): boolean => byte <= 0x20 || byte === 0x28 || byte === 0x29

/** The token at or behind a place, roughly: up to the next space or parenthesis. */
function tokenAt(text: Uint8Array, at: number): [start: number, end: number] {
  let start = at
  while (start > 0 && !isBreak(text[start - 1]!)) start--
  let end = start
  while (end < text.length && !isBreak(text[end]!)) end++
  return [start, Math.max(end, Math.min(start + 1, text.length))]
}

/** A parenthesised form at or behind a place, at most 300 bytes. */
function formAt(text: Uint8Array, at: number): [start: number, end: number] {
  let start = at
  while (start < text.length && text[start] !== 0x28) start++
  let depth = 0
  let end = start
  while (end < text.length && end - start < 300) {
    const byte = text[end++]
    if (byte === 0x28) depth++
    else if (byte === 0x29 && --depth === 0) break
  }
  return [start, end]
}
