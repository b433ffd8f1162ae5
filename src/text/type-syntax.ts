// Types of the text format (spec: text/types): value, heap, function and composite types, limits, type uses.

import { Feature } from '../wasm/features.ts'
import type { FieldType, GlobalType, MemoryType, SubType, TableType } from '../wasm/types.ts'
import { Heap, isRef, Ref, RefType, T } from '../wasm/types.ts'
import type { Cursor } from './cursor.ts'
import { Kw } from './keywords.ts'
import { Token } from './lexer.ts'
import type { ModuleParser, Signature } from './module-parser.ts'
import { bits64 } from './numbers.ts'

/** Value types by keyword, 0 where a keyword is none. */
const VALUE_TYPES = new Int32Array(Kw.FirstOp)
VALUE_TYPES[Kw.I32] = T.I32
VALUE_TYPES[Kw.I64] = T.I64
VALUE_TYPES[Kw.F32] = T.F32
VALUE_TYPES[Kw.F64] = T.F64
VALUE_TYPES[Kw.V128] = T.V128
VALUE_TYPES[Kw.Anyref] = RefType.AnyRef
VALUE_TYPES[Kw.Nullref] = RefType.NullRef
VALUE_TYPES[Kw.Eqref] = RefType.EqRef
VALUE_TYPES[Kw.I31ref] = RefType.I31Ref
VALUE_TYPES[Kw.Structref] = RefType.StructRef
VALUE_TYPES[Kw.Arrayref] = RefType.ArrayRef
VALUE_TYPES[Kw.Funcref] = RefType.FuncRef
VALUE_TYPES[Kw.Nullfuncref] = RefType.NullFuncRef
VALUE_TYPES[Kw.Exnref] = RefType.ExnRef
VALUE_TYPES[Kw.Nullexnref] = RefType.NullExnRef
VALUE_TYPES[Kw.Externref] = RefType.ExternRef
VALUE_TYPES[Kw.Nullexternref] = RefType.NullExternRef

/** Abstract heap types by keyword, 0 where a keyword is none. */
const HEAP_TYPES = new Uint8Array(Kw.FirstOp)
HEAP_TYPES[Kw.Any] = Heap.Any
HEAP_TYPES[Kw.None] = Heap.None
HEAP_TYPES[Kw.Eq] = Heap.Eq
HEAP_TYPES[Kw.I31] = Heap.I31
HEAP_TYPES[Kw.Struct] = Heap.Struct
HEAP_TYPES[Kw.Array] = Heap.Array
HEAP_TYPES[Kw.Func] = Heap.Func
HEAP_TYPES[Kw.Nofunc] = Heap.NoFunc
HEAP_TYPES[Kw.Exn] = Heap.Exn
HEAP_TYPES[Kw.Noexn] = Heap.NoExn
HEAP_TYPES[Kw.Extern] = Heap.Extern
HEAP_TYPES[Kw.Noextern] = Heap.NoExtern

/** The abstract heap type that a keyword names, or 0. */
export const heapTypeOfKeyword = (keyword: number): number => (keyword < Kw.FirstOp ? HEAP_TYPES[keyword] : 0)

/** A heap type as a non-null reference type. */
export function parseHeapType(m: ModuleParser): number {
  const c = m.cursor
  const heap = heapTypeOfKeyword(c.keyword())
  if (heap !== 0) {
    c.pos++
    return Ref.Flag | heap
  }
  if (!m.spaces.types.isNext(c)) c.unexpected('a heap type')
  // Larger indices do not fit a `ValType`; no module has such a type, so the validator refuses the largest one as well.
  return Ref.Flag | Ref.Concrete | Math.min(m.spaces.types.read(c), Ref.IndexMask)
}

/** A reference type if one stands here, else 0. */
function optionalRefType(m: ModuleParser): number {
  const c = m.cursor
  if (c.open(Kw.Ref)) {
    const nullable = c.accept(Kw.Null) ? Ref.Nullable : 0
    const type = nullable | parseHeapType(m)
    c.close()
    return type
  }
  const keyword = c.keyword()
  const type = keyword < Kw.FirstOp ? VALUE_TYPES[keyword] : 0
  if (!isRef(type)) return 0
  c.pos++
  return type
}

export function parseRefType(m: ModuleParser): number {
  const type = optionalRefType(m)
  if (type === 0) m.cursor.unexpected('a reference type')
  return type
}

/** A value type if one stands here, else 0. */
function optionalValueType(m: ModuleParser): number {
  const c = m.cursor
  const keyword = c.keyword()
  const type = keyword < Kw.FirstOp ? VALUE_TYPES[keyword] : 0
  if (type !== 0) {
    c.pos++
    return type
  }
  return optionalRefType(m)
}

export function parseValueType(m: ModuleParser): number {
  const type = optionalValueType(m)
  if (type === 0) m.cursor.unexpected('a value type')
  return type
}

/** Value types up to the closing parenthesis, which is taken as well. */
export function parseValueTypes(m: ModuleParser, into: number[]): void {
  while (!m.cursor.atClose()) into.push(parseValueType(m))
  m.cursor.close()
}

function parseStorageType(m: ModuleParser): number {
  const c = m.cursor
  if (c.accept(Kw.I8)) return T.I8
  if (c.accept(Kw.I16)) return T.I16
  return parseValueType(m)
}

function parseFieldType(m: ModuleParser): FieldType {
  const c = m.cursor
  if (!c.open(Kw.Mut)) return { type: parseStorageType(m), mutable: false }
  const type = parseStorageType(m)
  c.close()
  return { type, mutable: true }
}

export function parseGlobalType(m: ModuleParser): GlobalType {
  const c = m.cursor
  if (!c.open(Kw.Mut)) return { type: parseValueType(m), mutable: false }
  const type = parseValueType(m)
  c.close()
  return { type, mutable: true }
}

/** `i32` or `i64` in front of limits: whether addresses have 64 bits. */
export function parseAddressType(m: ModuleParser): boolean {
  const c = m.cursor
  if (c.accept(Kw.I64)) return true
  c.accept(Kw.I32)
  return false
}

/** One number of limits. Without memory64 limits are 32-bit numbers, with it the validator bounds them. */
export function parseLimit(m: ModuleParser): number {
  return (m.features & Feature.Memory64) === 0 ? m.cursor.u32() : m.cursor.clampedU64()
}

function optionalLimit(m: ModuleParser): number | undefined {
  return m.cursor.kind() === Token.Nat ? parseLimit(m) : undefined
}

/** log2 of `(pagesize n)`; 16 without it. */
export function parsePageSize(m: ModuleParser): number {
  const c = m.cursor
  if (!c.open(Kw.Pagesize)) return 16
  const pos = c.pos
  c.u64()
  const log2 = powerOfTwo64()
  if (log2 < 0) c.fail('invalid custom page size: must be a power of two', pos)
  c.close()
  return log2
}

/** log2 of `bits64` if it is a power of two, else -1. */
export function powerOfTwo64(): number {
  const { low, high } = bits64
  if (low !== 0 && high !== 0) return -1
  const word = low !== 0 ? low : high
  if (word === 0 || (word & (word - 1)) !== 0) return -1
  return 31 - Math.clz32(word) + (high !== 0 ? 32 : 0)
}

export function parseMemoryType(m: ModuleParser): MemoryType {
  const c = m.cursor
  const address64 = parseAddressType(m)
  const min = parseLimit(m)
  const max = optionalLimit(m)
  const shared = c.accept(Kw.Shared)
  return { min, max, shared, address64, pageSizeLog2: parsePageSize(m) }
}

export function parseTableType(m: ModuleParser): TableType {
  const address64 = parseAddressType(m)
  const min = parseLimit(m)
  const max = optionalLimit(m)
  return { min, max, element: parseRefType(m), address64 }
}

/** The parameters and results of a function type; identifiers are checked and dropped. */
function parseFuncTypeBody(m: ModuleParser, params: number[], results: number[]): void {
  const c = m.cursor
  while (c.open(Kw.Param)) {
    if (c.optionalId() !== 0) {
      params.push(parseValueType(m))
      c.close()
    } else parseValueTypes(m, params)
  }
  while (c.open(Kw.Result)) parseValueTypes(m, results)
}

function parseFields(m: ModuleParser, typeIndex: number): FieldType[] {
  const c = m.cursor
  const fields: FieldType[] = []
  const symbols: number[] = []
  while (c.open(Kw.Field)) {
    const idPos = c.pos
    const symbol = c.optionalId()
    if (symbol !== 0 && symbols.includes(symbol)) c.fail(`duplicate field $${c.symbolName(symbol)}`, idPos)
    const name = m.annotations.takeName(c.pos, 'field') ?? (symbol === 0 ? undefined : c.symbolName(symbol))
    if (name !== undefined) {
      m.names.addField(typeIndex, fields.length, name)
      fields.push(parseFieldType(m))
      symbols.push(symbol)
    } else {
      while (!c.atClose()) {
        fields.push(parseFieldType(m))
        symbols.push(0)
      }
    }
    c.close()
  }
  if (symbols.some((s) => s !== 0)) m.fieldSymbols[typeIndex] = Int32Array.from(symbols)
  return fields
}

/** A sub type; the cursor stands behind the identifier of the type definition. */
export function parseSubType(m: ModuleParser, typeIndex: number): SubType {
  const c: Cursor = m.cursor
  let final = true
  let supertype = -1
  const sub = c.open(Kw.Sub)
  if (sub) {
    final = c.accept(Kw.Final)
    if (m.spaces.types.isNext(c)) supertype = m.spaces.types.read(c)
    if (m.spaces.types.isNext(c)) c.fail('unexpected token: at most one supertype')
  }
  let type: SubType
  if (c.open(Kw.Func)) {
    const params: number[] = []
    const results: number[] = []
    parseFuncTypeBody(m, params, results)
    type = { kind: 'func', params, results, final, supertype }
  } else if (c.open(Kw.Struct)) {
    type = { kind: 'struct', fields: parseFields(m, typeIndex), final, supertype }
  } else if (c.open(Kw.Array)) {
    type = { kind: 'array', field: parseFieldType(m), final, supertype }
  } else c.unexpected('`(func`, `(struct` or `(array`')
  c.close()
  if (sub) c.close()
  return type
}

/** The type index of `(type …)` if it stands here, else -1. */
function parseExplicitType(m: ModuleParser): number {
  const c = m.cursor
  if (!c.open(Kw.Type)) return -1
  const index = m.spaces.types.read(c)
  c.close()
  return index
}

/**
 * Reads `(type …)? (param …)* (result …)*` into `m.signature`. With `named`, parameters may have identifiers; these and name
 * annotations are noted.
 */
export function parseSignature(m: ModuleParser, named: boolean): Signature {
  const c = m.cursor
  const s = m.signature
  s.pos = c.pos
  s.params.length = 0
  s.results.length = 0
  s.named.length = 0
  s.typeIndex = parseExplicitType(m)
  while (c.open(Kw.Param)) {
    if (named && parseNamedLocal(m, s.params.length, s.named)) {
      s.params.push(parseValueType(m))
      c.close()
    } else parseValueTypes(m, s.params)
  }
  while (c.open(Kw.Result)) parseValueTypes(m, s.results)
  if (c.isOpen(Kw.Param) || c.isOpen(Kw.Type)) c.unexpected('`(type`, `(param` and `(result` in this order', c.pos + 1)
  return s
}

/** The identifier or name annotation of parameter or local `index`, behind the keyword. Returns whether there was one. */
export function parseNamedLocal(m: ModuleParser, index: number, named: NamedLocals): boolean {
  const c = m.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const annotated = m.annotations.takeName(c.pos, 'local')
  if (symbol === 0 && annotated === undefined) return false
  m.names.noteLocal(index, annotated ?? c.symbolName(symbol))
  if (symbol !== 0) named.push({ index, symbol, pos })
  return true
}

type NamedLocals = Signature['named']

/** The type index of the signature just read: the explicit one, or the first equal type, or a new one. */
export function resolveTypeUse(m: ModuleParser): number {
  const s = m.signature
  if (s.typeIndex < 0) return internFuncType(m, s.params, s.results)
  if (s.params.length > 0 || s.results.length > 0) {
    const type = m.types[s.typeIndex]
    if (type === undefined) m.cursor.fail(`unknown type ${s.typeIndex}`, s.pos)
    if (type.kind !== 'func' || !equalTypes(type.params, s.params) || !equalTypes(type.results, s.results)) {
      m.cursor.fail(`inline function type does not match type ${s.typeIndex}`, s.pos)
    }
  }
  return s.typeIndex
}

function equalTypes(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function hashSignature(params: readonly number[], results: readonly number[]): number {
  let hash = params.length
  for (const type of params) hash = (Math.imul(hash, 31) + type) | 0
  for (const type of results) hash = (Math.imul(hash, 37) + type) | 0
  return hash
}

/** Makes a type findable for `internFuncType` if it is one that an inline function type may stand for. */
export function notePlainFuncType(m: ModuleParser, index: number): void {
  const type = m.types[index]
  if (type.kind !== 'func' || !type.final || type.supertype >= 0) return
  const hash = hashSignature(type.params, type.results)
  const same = m.plainFuncTypes.get(hash)
  if (same === undefined) m.plainFuncTypes.set(hash, [index])
  else same.push(index)
}

function internFuncType(m: ModuleParser, params: readonly number[], results: readonly number[]): number {
  for (const index of m.plainFuncTypes.get(hashSignature(params, results)) ?? []) {
    const type = m.types[index]
    if (type.kind === 'func' && equalTypes(type.params, params) && equalTypes(type.results, results)) return index
  }
  const index = m.types.length
  m.recGroups.push(index)
  m.types.push({ kind: 'func', params: params.slice(), results: results.slice(), final: true, supertype: -1 })
  m.spaces.types.count = m.types.length
  notePlainFuncType(m, index)
  return index
}
