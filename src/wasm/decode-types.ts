// The type section and the types of imports and definitions.

import { canonicalizeGroup, matches, typeDepth } from './canonical.ts'
import { Feature } from './features.ts'
import {
  MAX_MEMORY32_BYTES,
  MAX_MEMORY64_PAGES,
  MAX_PARAMS,
  MAX_RESULTS,
  MAX_STRUCT_FIELDS,
  MAX_SUBTYPE_DEPTH,
  MAX_TABLE32_SIZE,
  MAX_TYPES,
} from './limits.ts'
import type { ModuleState } from './state.ts'
import {
  type CanonType,
  type CompositeType,
  type FieldType,
  type GlobalType,
  isConcrete,
  type MemoryType,
  type SubType,
  T,
  type TableType,
  typeIndexOf,
  type ValType,
} from './types.ts'
import type { Validator } from './validate.ts'
import { growInt32 } from '../util/grow.ts'

/** First bytes of type definitions. */
const enum Form {
  Func = 0x60,
  Struct = 0x5f,
  Array = 0x5e,
  Sub = 0x50,
  SubFinal = 0x4f,
  Rec = 0x4e,
}

/** Bits of limits flags. */
const enum LimitsFlag {
  HasMax = 1,
  Shared = 2,
  Address64 = 4,
  PageSize = 8,
}

export function decodeTypeSection(v: Validator): void {
  const { state } = v
  for (let groups = v.count(1, 'the type section'); groups > 0; groups--) {
    v.at = v.pos
    const first = state.types.length
    let count = 1
    if (v.bytes[v.pos] === Form.Rec) {
      requireGc(v)
      v.u8()
      count = v.count(1, 'a recursive group')
    }
    v.limit(first + count, MAX_TYPES, 'types')
    state.recGroups.push(first)
    for (let i = 0; i < count; i++) state.types.push(subType(v, first + count))
    state.canon = growInt32(state.canon, first + count)
    canonicalizeGroup(state.types, first, count, state.canon)
    state.addSignatures(first)
    if (state.validate) for (let i = first; i < first + count; i++) checkSupertype(v, i)
  }
}

/** Forms of types beyond plain functions. */
function requireGc(v: Validator): void {
  if ((v.state.features & Feature.Gc) === 0) v.malformed('malformed type form: needs the feature gc', v.at)
}

/** Reads a type definition. Types below `visible` may be named in it: those of its own group and before. */
function subType(v: Validator, visible: number): SubType {
  v.at = v.pos
  const form = v.u8()
  if (form !== Form.Sub && form !== Form.SubFinal)
    return { ...compositeType(v, form, visible), final: true, supertype: -1 }
  requireGc(v)
  const count = v.count(1, 'a list of supertypes')
  if (count > 1) v.invalid(`sub type has ${count} supertypes, at most one is allowed`)
  const supertype = count === 0 ? -1 : v.u32()
  const self = v.state.types.length
  if (supertype >= self) v.invalid(`unknown type ${supertype}: a supertype comes before its subtypes`)
  const type = { ...compositeType(v, v.u8(), visible), final: form === Form.SubFinal, supertype }
  checkDepth(v, supertype)
  return type
}

/** Counted in the module: the canonical table does not know the types of this group yet. */
function checkDepth(v: Validator, supertype: number): void {
  const { types, recGroups, canon } = v.state
  const first = recGroups.words[recGroups.length - 1]
  let depth = 0
  let above = supertype
  for (; above >= first; above = types[above].supertype) if (++depth > MAX_SUBTYPE_DEPTH) break
  if (above >= 0) depth += typeDepth(canon[above]) + 1
  if (depth > MAX_SUBTYPE_DEPTH)
    v.fail('limit', `too deep type hierarchy: the limit is ${MAX_SUBTYPE_DEPTH} supertypes`)
}

function compositeType(v: Validator, form: number, visible: number): CompositeType {
  switch (form) {
    case Form.Func: {
      const params = typeList(v, visible, MAX_PARAMS, 'parameters')
      const results = typeList(v, visible, MAX_RESULTS, 'results')
      if (results.length > 1 && (v.state.features & Feature.MultiValue) === 0)
        v.invalid(`invalid result arity: ${results.length} results need the feature multi_value`)
      return { kind: 'func', params, results }
    }
    case Form.Struct: {
      requireGc(v)
      const count = v.count(2, 'a list of fields')
      v.limit(count, MAX_STRUCT_FIELDS, 'fields of a struct')
      const fields: FieldType[] = []
      for (let i = 0; i < count; i++) fields.push(fieldType(v, visible))
      return { kind: 'struct', fields }
    }
    case Form.Array:
      requireGc(v)
      return { kind: 'array', field: fieldType(v, visible) }
  }
  // The form is a one-byte negative integer; longer encodings of it are refused as such.
  if (form >= 0x80) v.malformed('integer representation too long', v.pos - 1)
  return v.malformed('malformed type form', v.pos - 1)
}

function typeList(v: Validator, visible: number, max: number, what: string): ValType[] {
  const count = v.count(1, `a list of ${what}`)
  v.limit(count, max, what)
  const list: ValType[] = []
  for (let i = 0; i < count; i++) list.push(known(v, v.valType(), visible))
  return list
}

function fieldType(v: Validator, visible: number): FieldType {
  const b = v.bytes[v.pos]
  let type: ValType
  if (b === T.I8 || b === T.I16) type = v.u8()
  else type = known(v, v.valType(), visible)
  return { type, mutable: mutability(v) }
}

function mutability(v: Validator): boolean {
  const b = v.u8()
  if (b > 1) v.malformed('malformed mutability', v.pos - 1)
  return b === 1
}

/** A type just read, checked to name only existing types. */
function known(v: Validator, type: ValType, visible: number): ValType {
  if (isConcrete(type) && typeIndexOf(type) >= visible) v.invalid(`unknown type ${typeIndexOf(type)}`, v.pos)
  return type
}

/** A type must extend a non-final type and match its structure (spec 3.0, "Recursive types" validity). */
function checkSupertype(v: Validator, index: number): void {
  const { types } = v.state
  const type = types[index]
  if (type.supertype < 0) return
  const above = types[type.supertype]
  if (above.final) v.invalid(`sub type ${index} extends type ${type.supertype}, which is final`)
  if (!matchesStructure(v.state, type, above))
    v.invalid(`sub type ${index} does not match its supertype ${type.supertype}`)
}

function matchesStructure(state: ModuleState, a: SubType, b: SubType): boolean {
  if (a.kind === 'func' && b.kind === 'func')
    return matchesList(state, b.params, a.params) && matchesList(state, a.results, b.results)
  if (a.kind === 'struct' && b.kind === 'struct')
    return a.fields.length >= b.fields.length && b.fields.every((f, i) => matchesField(state, a.fields[i], f))
  return a.kind === 'array' && b.kind === 'array' && matchesField(state, a.field, b.field)
}

function matchesList(state: ModuleState, a: readonly ValType[], b: readonly ValType[]): boolean {
  return a.length === b.length && a.every((t, i) => matches(state.canonOf(t), state.canonOf(b[i])))
}

function matchesField(state: ModuleState, a: FieldType, b: FieldType): boolean {
  const from = state.canonOf(a.type)
  const to = state.canonOf(b.type)
  return a.mutable === b.mutable && (b.mutable ? from === to || mutual(from, to) : matches(from, to))
}

const mutual = (a: CanonType, b: CanonType): boolean => matches(a, b) && matches(b, a)

// External types

/** Reads the index of a function type. */
export function functionTypeIndex(v: Validator): number {
  const { types } = v.state
  const start = v.pos
  const index = v.u32()
  if (v.state.validate) {
    if (index >= types.length) v.invalid(`unknown type ${index}`, start)
    if (types[index].kind !== 'func') v.invalid(`type mismatch: type ${index} is not a function type`, start)
  }
  return index
}

/** Reads a tag type: attribute 0, index of a function type without results. */
export function tagType(v: Validator): number {
  if (v.u8() !== 0) v.malformed('malformed tag attribute', v.pos - 1)
  const start = v.pos
  const index = functionTypeIndex(v)
  const type = v.state.types[index]
  if (v.state.validate && type.kind === 'func' && type.results.length > 0) v.invalid('non-empty tag result type', start)
  return index
}

export function globalType(v: Validator): GlobalType {
  const type = known(v, v.valType(), v.state.types.length)
  return { type, mutable: mutability(v) }
}

/** Reads a reference type whose type index must exist. */
export function elementType(v: Validator): ValType {
  return known(v, v.refType(), v.state.types.length)
}

export function tableType(v: Validator): TableType {
  const element = elementType(v)
  const flags = limitsFlags(v, LimitsFlag.HasMax | memory64Flag(v.state))
  const address64 = (flags & LimitsFlag.Address64) !== 0
  const bound = address64 ? Infinity : MAX_TABLE32_SIZE
  return { element, address64, ...limits(v, flags, bound, 'table size must be at most 2^32-1 entries') }
}

export function memoryType(v: Validator): MemoryType {
  const { features } = v.state
  const start = v.pos
  const flags = limitsFlags(
    v,
    LimitsFlag.HasMax |
      ((features & Feature.Threads) === 0 ? 0 : LimitsFlag.Shared) |
      memory64Flag(v.state) |
      ((features & Feature.CustomPageSizes) === 0 ? 0 : LimitsFlag.PageSize),
  )
  const address64 = (flags & LimitsFlag.Address64) !== 0
  const shared = (flags & LimitsFlag.Shared) !== 0
  const from = v.pos
  // The page size comes behind the limits, whose bound depends on it: they are read first, and checked then.
  const range = limits(v, flags, Infinity, '')
  const pageSizeLog2 = (flags & LimitsFlag.PageSize) === 0 ? 16 : pageSize(v)
  if (v.state.validate) {
    const pages = address64 ? (pageSizeLog2 === 16 ? MAX_MEMORY64_PAGES : Infinity) : memory32Pages(pageSizeLog2)
    if (range.min > pages || (range.max ?? 0) > pages) v.invalid(memorySizeMessage(address64, pageSizeLog2), from)
    if (shared && range.max === undefined) v.invalid('shared memory must have maximum', start)
  }
  return { ...range, address64, shared, pageSizeLog2 }
}

const memory64Flag = (state: ModuleState): number =>
  (state.features & Feature.Memory64) === 0 ? 0 : LimitsFlag.Address64

const memory32Pages = (pageSizeLog2: number): number => Math.min(MAX_MEMORY32_BYTES / 2 ** pageSizeLog2, 2 ** 32 - 1)

function memorySizeMessage(address64: boolean, pageSizeLog2: number): string {
  const [pages, size] = address64
    ? ['2^48', '2^64 bytes']
    : [String(memory32Pages(pageSizeLog2)), pageSizeLog2 === 16 ? '4GiB' : '2^32-1 bytes']
  return `memory size must be at most ${pages} pages (${size})`
}

/** Reads limits flags, one byte; `allowed` are the bits that may be set. */
function limitsFlags(v: Validator, allowed: number): number {
  const flags = v.u8()
  if ((flags & ~allowed) !== 0) v.malformed(`malformed limits flags: 0x${flags.toString(16)}`, v.pos - 1)
  return flags
}

function pageSize(v: Validator): number {
  const start = v.pos
  const log2 = v.u32()
  if (log2 >= 64) v.malformed(`invalid custom page size: 2^${log2}`, start)
  if (log2 !== 0 && log2 !== 16) v.invalid(`invalid custom page size: 2^${log2}, must be 1 or 65536`, start)
  return log2
}

/** A 64-bit value as the model keeps it. */
const clamp = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER)

function limits(
  v: Validator,
  flags: number,
  bound: number,
  message: string,
): { readonly min: number; readonly max: number | undefined } {
  const start = v.pos
  const wide = (v.state.features & Feature.Memory64) !== 0
  const min = wide ? v.u64() : v.u32()
  const { low, high } = v
  if ((flags & LimitsFlag.HasMax) === 0) {
    if (v.state.validate && min > bound) v.invalid(message, start)
    return { min: clamp(min), max: undefined }
  }
  const max = wide ? v.u64() : v.u32()
  if (v.state.validate) {
    if (min > bound || max > bound) v.invalid(message, start)
    // Compared as halves: as numbers, values beyond 2^53 may look equal.
    const greater = wide ? high > v.high || (high === v.high && low > v.low) : min > max
    if (greater) v.invalid(`size minimum must not be greater than maximum: ${min} > ${max}`, start)
  }
  return { min: clamp(min), max: clamp(max) }
}
