// Mutation of inputs: bytes of modules and of texts. A mutation is a function of its random source.

import type { Random } from './random.ts'
import { Writer } from './writer.ts'

const INTERESTING = [
  0, 1, 0x7f, 0x80, 0xff, 0x40, 0x60, 0x61, 0x0b, 0x05, 0x63, 0x64, 0xfb, 0xfc, 0xfd, 0xfe, 0x4e, 0x50, 0x70, 0x6f,
  0x7b,
]
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

/** A new module: edits of `input`, with pieces of `other`. Mostly inside of a section or function, with the sizes mended. */
export function mutateBytes(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = input
  for (let n = random.chance(60) ? 1 : random.range(2, 5); n > 0; n--) {
    bytes = random.chance(75) ? mutateSection(random, bytes, other) : mutateOnce(random, bytes, other)
  }
  return bytes
}

const HEADER_SIZE = 8
const CODE_SECTION = 10

interface Part {
  readonly id: number
  readonly content: Uint8Array
}

/** The sections of a module, as far as they can be told apart. */
function sectionsOf(bytes: Uint8Array): Part[] {
  const parts: Part[] = []
  let at = HEADER_SIZE
  while (at < bytes.length) {
    const id = bytes[at]!
    const [size, start] = readU32(bytes, at + 1)
    if (start + size > bytes.length) break
    parts.push({ id, content: bytes.subarray(start, start + size) })
    at = start + size
  }
  return parts
}

function readU32(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0
  for (let shift = 0; shift < 35 && at < bytes.length; shift += 7) {
    const byte = bytes[at++]!
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  return [value, at]
}

function mutateSection(r: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const parts = sectionsOf(bytes)
  if (parts.length === 0) return mutateOnce(r, bytes, other)
  // Half of all edits go to code.
  const code = parts.findIndex((p) => p.id === CODE_SECTION)
  const index = code >= 0 && r.chance(50) ? code : r.int(parts.length)
  const { id, content } = parts[index]!
  if (r.chance(4)) {
    // Sections of another module, moved, or gone.
    const others = sectionsOf(other)
    const at = r.int(parts.length + 1)
    parts.splice(at, r.int(2), ...(others.length > 0 && r.chance(60) ? [r.pick(others)] : []))
  } else
    parts[index] = { id, content: id === CODE_SECTION ? mutateCode(r, content, other) : mutateOnce(r, content, other) }
  const out = new Writer().bytes(bytes.subarray(0, HEADER_SIZE))
  for (const part of parts) out.u8(part.id).u32(part.content.length).bytes(part.content)
  return out.finish()
}

/** Edits one function body and mends its size. */
function mutateCode(r: Random, content: Uint8Array, other: Uint8Array): Uint8Array {
  const [count, first] = readU32(content, 0)
  const bodies: Uint8Array[] = []
  let at = first
  while (bodies.length < count && at < content.length) {
    const [size, start] = readU32(content, at)
    bodies.push(content.subarray(start, start + size))
    at = start + size
  }
  if (bodies.length === 0) return mutateOnce(r, content, other)
  const index = r.int(bodies.length)
  bodies[index] = r.chance(50) ? mutateOnce(r, bodies[index]!, other) : swapOpcode(r, bodies[index]!)
  const out = new Writer().u32(count)
  for (const body of bodies) out.u32(body.length).bytes(body)
  return out.finish()
}

/** Another instruction in place of a byte: valid code has a good chance to stay valid in form. */
function swapOpcode(r: Random, body: Uint8Array): Uint8Array {
  const at = r.int(body.length)
  const prefix = r.chance(70) ? 0 : r.pick([0xfb, 0xfc, 0xfd, 0xfe])
  const insert =
    prefix === 0 ? Uint8Array.of(r.range(0, 0xd6)) : Uint8Array.of(prefix, r.int(prefix === 0xfd ? 128 : 32))
  return splice(body, at, Math.min(body.length - at, r.chance(70) ? 1 : 0), insert)
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
      return splice(bytes, at, Math.min(length - at, r.int(2)), Uint8Array.from(r.pick(NUMBERS)))
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
      return r.chance(50)
        ? splice(text, from, to - from, new Uint8Array(0))
        : splice(text, from, 0, text.subarray(from, to))
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
