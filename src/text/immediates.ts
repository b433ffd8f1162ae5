// Immediates of instructions: text to bytes, by the immediate kinds of the opcode table. Text order may differ from binary order.

import type { ByteWriter } from '../util/byte-writer.ts'
import { writeU64 } from '../util/leb128.ts'
import { writeHeapType, writeValType } from '../wasm/encode.ts'
import { ImmKind, OP_ALIGN, OP_IMM } from '../wasm/op-tables.ts'
import { Op } from '../wasm/op.gen.ts'
import { isNullable } from '../wasm/types.ts'
import type { Cursor } from './cursor.ts'
import { Kw } from './keywords.ts'
import { isSpecialFloat, numberKind, Token } from './lexer.ts'
import type { ModuleParser } from './module-parser.ts'
import { bits64, readFloat32, readFloat64, readInteger } from './numbers.ts'
import type { IndexSpace } from './spaces.ts'
import {
  parseHeapType,
  parseRefType,
  parseSignature,
  parseValueTypes,
  powerOfTwo64,
  resolveTypeUse,
} from './type-syntax.ts'

/** Writes an opcode: its byte, or prefix byte and sub-opcode. */
export function writeOpcode(out: ByteWriter, id: number): void {
  if (id < 0x100) return out.u8(id)
  const prefix = id < 0x200 ? 0xfb : id < 0x300 ? 0xfc : id < 0x500 ? 0xfd : 0xfe
  const base = id < 0x200 ? 0x100 : id < 0x300 ? 0x200 : id < 0x500 ? 0x300 : 0x500
  out.u8(prefix)
  out.u32(id - base)
}

/** Reads the immediates of a plain instruction and writes opcode and immediates. */
export function parsePlainInstruction(m: ModuleParser, op: number): void {
  const out = m.out
  switch (op) {
    case Op.Select:
      return parseSelect(m)
    case Op.RefTest:
    case Op.RefCast: {
      const type = parseRefType(m)
      writeOpcode(out, isNullable(type) ? op + 1 : op)
      return writeHeapType(out, type)
    }
    default:
      writeOpcode(out, op)
      return parseImmediates(m, op)
  }
}

function parseImmediates(m: ModuleParser, op: number): void {
  const c = m.cursor
  const out = m.out
  switch (OP_IMM[op]) {
    case ImmKind.None:
      return
    case ImmKind.Local:
      return out.u32(m.spaces.locals.read(c))
    case ImmKind.I32:
      return parseI32(c, out)
    case ImmKind.Label:
      return out.u32(parseLabel(m))
    case ImmKind.Func:
      return out.u32(m.spaces.funcs.read(c))
    case ImmKind.Memarg:
      return parseMemarg(m, op)
    case ImmKind.Global:
      return out.u32(m.spaces.globals.read(c))
    case ImmKind.I64:
      readSigned(c, 64)
      return out.s64Parts(bits64.low, bits64.high)
    case ImmKind.F32:
      return out.u32le(parseF32(c))
    case ImmKind.F64:
      parseF64(c)
      return out.u64le(bits64.low, bits64.high)
    case ImmKind.BrTable:
      return parseBrTable(m)
    case ImmKind.CallIndirect: {
      const table = m.spaces.tables.readOptional(c)
      parseSignature(m, false)
      out.u32(resolveTypeUse(m))
      return out.u32(table)
    }
    case ImmKind.Tag:
      return out.u32(m.spaces.tags.read(c))
    case ImmKind.Table:
      return out.u32(m.spaces.tables.readOptional(c))
    case ImmKind.TableTable:
      return parseOptionalPair(c, m.spaces.tables, out)
    case ImmKind.ElemTable:
      return parseSegmentAndSpace(c, m.spaces.elems, m.spaces.tables, out)
    case ImmKind.Elem:
      return out.u32(m.spaces.elems.read(c))
    case ImmKind.Memory:
      return out.u32(m.spaces.memories.readOptional(c))
    case ImmKind.MemoryMemory:
      return parseOptionalPair(c, m.spaces.memories, out)
    case ImmKind.DataMemory:
      m.usesDataCount = true
      return parseSegmentAndSpace(c, m.spaces.datas, m.spaces.memories, out)
    case ImmKind.Data:
      m.usesDataCount = true
      return out.u32(m.spaces.datas.read(c))
    case ImmKind.MemargLane:
      parseMemarg(m, op)
      return out.u8(parseLane(c))
    case ImmKind.Lane:
      return out.u8(parseLane(c))
    case ImmKind.V128:
      return parseV128(c, out)
    case ImmKind.Shuffle:
      return parseShuffle(c, out)
    case ImmKind.Fence:
      return out.u8(0)
    case ImmKind.HeapType:
      return writeHeapType(out, parseHeapType(m))
    case ImmKind.BrOnCast:
      return parseBrOnCast(m)
    case ImmKind.Type:
      return out.u32(m.spaces.types.read(c))
    case ImmKind.TypeField:
      return parseTypeField(m)
    case ImmKind.TypeCount:
      out.u32(m.spaces.types.read(c))
      return out.u32(c.u32())
    case ImmKind.TypeData:
      m.usesDataCount = true
      out.u32(m.spaces.types.read(c))
      return out.u32(m.spaces.datas.read(c))
    case ImmKind.TypeElem:
      out.u32(m.spaces.types.read(c))
      return out.u32(m.spaces.elems.read(c))
    case ImmKind.TypeType:
      out.u32(m.spaces.types.read(c))
      return out.u32(m.spaces.types.read(c))
    default:
      // Blocks and typed select do not come here.
      return c.unexpected()
  }
}

function parseSelect(m: ModuleParser): void {
  const c = m.cursor
  if (!c.isOpen(Kw.Result)) return writeOpcode(m.out, Op.Select)
  const types = m.signature.results
  types.length = 0
  while (c.open(Kw.Result)) parseValueTypes(m, types)
  writeOpcode(m.out, Op.SelectTyped)
  m.out.u32(types.length)
  for (const type of types) writeValType(m.out, type)
}

/** A label: its depth, or the identifier of a block around. */
export function parseLabel(m: ModuleParser): number {
  const c = m.cursor
  if (c.kind() === Token.Nat) return c.u32()
  if (c.kind() !== Token.Id) c.unexpected('a label')
  const depth = m.code.findLabel(c.values[c.pos])
  if (depth < 0) c.fail(`unknown label ${c.quote()}`)
  c.pos++
  return depth
}

function parseBrTable(m: ModuleParser): void {
  const c = m.cursor
  let count = 0
  for (let pos = c.pos; c.kinds[pos] === Token.Nat || c.kinds[pos] === Token.Id; pos++) count++
  if (count === 0) c.unexpected('a label')
  m.out.u32(count - 1)
  for (let i = 0; i < count; i++) m.out.u32(parseLabel(m))
}

/** Two indices or none, in the same order in the binary. */
function parseOptionalPair(c: Cursor, space: IndexSpace, out: ByteWriter): void {
  const both = space.isNext(c)
  out.u32(both ? space.read(c) : 0)
  out.u32(both ? space.read(c) : 0)
}

/** `[memory or table] segment` in the text, segment first in the binary. */
function parseSegmentAndSpace(c: Cursor, segments: IndexSpace, space: IndexSpace, out: ByteWriter): void {
  const second = c.kinds[c.pos + 1]
  const target = space.isNext(c) && (second === Token.Nat || second === Token.Id) ? space.read(c) : 0
  out.u32(segments.read(c))
  out.u32(target)
}

/** Bit of the alignment field that says that a memory index follows. */
const MEMORY_FOLLOWS = 0x40

function parseMemarg(m: ModuleParser, op: number): void {
  const c = m.cursor
  const out = m.out
  const memory = c.kind() === Token.Id || (c.kind() === Token.Nat && !isLane(c, op)) ? m.spaces.memories.read(c) : 0
  let low = 0
  let high = 0
  if (parseAssignment(c, 'offset=')) {
    low = bits64.low
    high = bits64.high
  }
  const alignPos = c.pos
  let align = OP_ALIGN[op]
  if (parseAssignment(c, 'align=')) {
    align = powerOfTwo64()
    if (align < 0) c.fail('alignment must be a power of two', alignPos)
  }
  if (memory === 0) out.u32(align)
  else {
    out.u32(align | MEMORY_FOLLOWS)
    out.u32(memory)
  }
  out.reserve(10)
  out.pos = writeU64(out.bytes, out.pos, low, high)
}

/** Whether the number here is the lane of a lane access, not its memory: nothing of the memarg and no second number follows. */
function isLane(c: Cursor, op: number): boolean {
  if (OP_IMM[op] !== ImmKind.MemargLane || c.kinds[c.pos + 1] === Token.Nat) return false
  return !c.startsWith(c.pos + 1, 'offset=') && !c.startsWith(c.pos + 1, 'align=')
}

/** `offset=n` or `align=n` into `bits64`, if it stands here. */
function parseAssignment(c: Cursor, prefix: string): boolean {
  if (c.kind() !== Token.Keyword || c.values[c.pos] !== Kw.Unknown || !c.startsWith(c.pos, prefix)) return false
  const start = c.start() + prefix.length
  const kind = start < c.end() ? wordKind(c, start) : Token.Reserved
  if (kind !== Token.Nat) c.fail(`unknown operator ${c.quote()}`)
  if (!readInteger(c.source, start, c.end(), 64, false)) c.fail('i64 constant out of range')
  c.pos++
  return true
}

const wordKind = (c: Cursor, start: number): Token => {
  const first = c.source[start]
  return first >= 0x30 && first <= 0x39 ? numberKind(c.source, start, c.end()) : Token.Reserved
}

function parseLane(c: Cursor): number {
  if (c.kind() !== Token.Nat) c.unexpected('a lane index')
  if (!readInteger(c.source, c.start(), c.end(), 8, false)) c.fail('i8 constant out of range')
  c.pos++
  return bits64.low
}

function parseShuffle(c: Cursor, out: ByteWriter): void {
  let count = 0
  while (isNumber(c, c.pos + count)) count++
  if (count !== 16) c.fail(`invalid lane length: ${count} lane indices, expected 16`)
  for (let i = 0; i < count; i++) {
    const isByte = c.kind() === Token.Nat && readInteger(c.source, c.start(), c.end(), 8, false)
    if (!isByte) c.fail('i8 constant out of range')
    out.u8(bits64.low)
    c.pos++
  }
}

/** Whether a number stands at a token; `inf` and `nan` look like keywords. */
export function isNumber(c: Cursor, pos: number): boolean {
  const kind = c.kinds[pos]
  if (kind === Token.Nat || kind === Token.Int || kind === Token.Float) return true
  if (kind !== Token.Keyword) return false
  const keyword = c.values[pos]
  if (keyword === Kw.Inf || keyword === Kw.Nan) return true
  return keyword === Kw.Unknown && isSpecialFloat(c.source, c.start(pos), c.end(pos))
}

/** A signed or unsigned integer of `width` bits, into `bits64`. */
export function readSigned(c: Cursor, width: number): void {
  const kind = c.kind()
  if (kind !== Token.Nat && kind !== Token.Int) {
    if (isNumber(c, c.pos)) c.fail('constant out of range: not an integer')
    c.unexpected('an integer')
  }
  if (!readInteger(c.source, c.start(), c.end(), width, true)) c.fail('constant out of range')
  c.pos++
}

function parseI32(c: Cursor, out: ByteWriter): void {
  readSigned(c, 32)
  out.s32(bits64.low)
}

/** An f32 as bits. */
export function parseF32(c: Cursor): number {
  if (!isNumber(c, c.pos)) c.unexpected('a number')
  const bits = readFloat32(c.source, c.start(), c.end())
  if (bits < 0) c.fail('constant out of range')
  c.pos++
  return bits
}

/** An f64, into `bits64`. */
export function parseF64(c: Cursor): void {
  if (!isNumber(c, c.pos)) c.unexpected('a number')
  if (!readFloat64(c.source, c.start(), c.end())) c.fail('constant out of range')
  c.pos++
}

/** Bits of a lane by the keyword of the shape, 0 for other keywords. */
export function laneWidth(keyword: number): number {
  switch (keyword) {
    case Kw.I8x16:
      return 8
    case Kw.I16x8:
      return 16
    case Kw.I32x4:
    case Kw.F32x4:
      return 32
    case Kw.I64x2:
    case Kw.F64x2:
      return 64
    default:
      return 0
  }
}

/** Shape and lanes of a v128 constant: 16 bytes, little-endian. */
export function parseV128(c: Cursor, out: ByteWriter): void {
  const shape = c.keyword()
  const width = laneWidth(shape)
  if (width === 0) c.unexpected('a vector shape')
  const shapePos = c.pos++
  const lanes = 128 / width
  let count = 0
  while (isNumber(c, c.pos + count)) count++
  if (count !== lanes) {
    // What stands in the place of a lane is the better thing to complain about.
    if (count < lanes && !c.atCloseOrOpen(c.pos + count)) c.unexpected('a number', c.pos + count)
    c.fail(`wrong number of lane literals: ${count}, expected ${lanes}`, shapePos)
  }
  for (let i = 0; i < lanes; i++) parseLaneLiteral(c, shape, width, out)
}

/** One lane of a v128 constant. */
export function parseLaneLiteral(c: Cursor, shape: number, width: number, out: ByteWriter): void {
  if (shape === Kw.F32x4) return out.u32le(parseF32(c))
  if (shape === Kw.F64x2) parseF64(c)
  else readSigned(c, width)
  out.u32le(bits64.low)
  if (width === 64) out.u32le(bits64.high)
  else out.pos -= 4 - width / 8
}

/** Flags of a cast branch. */
const enum CastFlag {
  SourceNullable = 1,
  TargetNullable = 2,
}

function parseBrOnCast(m: ModuleParser): void {
  const label = parseLabel(m)
  const source = parseRefType(m)
  const target = parseRefType(m)
  const out = m.out
  out.u8((isNullable(source) ? CastFlag.SourceNullable : 0) | (isNullable(target) ? CastFlag.TargetNullable : 0))
  out.u32(label)
  writeHeapType(out, source)
  writeHeapType(out, target)
}

function parseTypeField(m: ModuleParser): void {
  const c = m.cursor
  const type = m.spaces.types.read(c)
  m.out.u32(type)
  if (c.kind() !== Token.Id) return m.out.u32(c.u32())
  const field = m.fieldSymbols[type]?.indexOf(c.values[c.pos]) ?? -1
  if (field < 0) c.fail(`unknown field ${c.quote()}`)
  c.pos++
  m.out.u32(field)
}
