// The canonical type table: one id per iso-recursive type, for all modules of the process.
//
// Two types are the same iff their rec groups are the same up to the names of the members: same number of types, and type by
// type the same finality, supertype and structure, where a reference to a member of the group counts by its position in the
// group (spec 3.0, "Rolling and unrolling"). So a group is written down as a sequence of words, its *key*, in which references
// outside the group are canonical ids already and references inside are positions; equal keys, equal groups. The members of a
// group have consecutive ids. Keys lie one behind the other in one pool and are found by an open hash table; entering a group
// that is known allocates nothing.
//
//   key of a group   [number of types, then for each type: head, supertype, structure]
//   head             kind | final << 2
//   supertype        -1 none; canonical id; or ~1 - position (<= -2) for a member of the group
//   structure        func: parameter count, result count, parameters, results
//                    struct: field count, then type and mutability of each; array: type and mutability
//   type             as in types.ts, concrete types as Member (position in the group) or canonical
//
// Subtyping of defined types is a display: the ids of all supertypes by depth, itself last, in `DISPLAY` from
// `DISPLAY_AT[id]`; b is a supertype of a iff a's display has b at b's own depth.
//
// Entries are never removed: ids are in use wherever a module, a function record or an object is.

import { bug } from '../util/bug.ts'
import { growInt32, growUint8 } from '../util/grow.ts'
import { FormatError } from './errors.ts'
import {
  type CanonType,
  type FieldType,
  Heap,
  heapOf,
  isConcrete,
  isNullable,
  isRef,
  Ref,
  RefType,
  type SubType,
  T,
  typeIndexOf,
  type ValType,
} from './types.ts'

export const enum TypeKind {
  Func = 0,
  Struct = 1,
  Array = 2,
}

const enum Head {
  KindMask = 3,
  Final = 4,
}

/** In keys only: the index of a concrete type is a position in its own group. */
const MEMBER = 0x0200_0000
/** Ids fit into the index field of a type. */
const MAX_IDS = Ref.IndexMask
/** Stands for a heap type below all others: what is on the stack of unreachable code is a reference, nobody knows to what. */
const HEAP_BOTTOM = 0

/** `(ref bot)`: below every reference type. Validator only. */
export const REF_BOTTOM = Ref.Flag | HEAP_BOTTOM

let keys = new Int32Array(1024)
let keysEnd = 0
let typeCount = 0
/** By id: where its head is in `keys`; first id of its group; `TypeKind`; depth in the subtype hierarchy. */
let headAt = new Int32Array(64)
let groupFirst = new Int32Array(64)
let kinds = new Uint8Array(64)
let depths = new Uint8Array(64)
/** See the head of this file. Replaced when the table grows: read them afresh after a module was decoded. */
export let DISPLAY = new Int32Array(64)
export let DISPLAY_AT = new Int32Array(64)
let displayEnd = 0
/** By id, made on first use. */
const definitions: (SubType<CanonType> | undefined)[] = []

/** Hash table of groups: first id + 1, or 0; the length is a power of two. `groupHash` by first id. */
let slots = new Int32Array(256)
/** Different in every process, so that no module can be made whose types all collide. */
const HASH_SEED = (Math.random() * 0x1_0000_0000) | 0
let groups = 0
let groupHash = new Int32Array(64)
let groupKeyEnd = new Int32Array(64)

/** The key under construction. */
let scratch = new Int32Array(256)
let scratchEnd = 0

/**
 * Gives the types [first, first + count) of a module, one rec group, their canonical ids: writes `canon[first ...]`. The ids of
 * earlier types are in `canon` already. Type indices are below `first + count`, supertypes come before their subtypes, and no
 * type has more than 255 supertypes.
 */
export function canonicalizeGroup(types: readonly SubType[], first: number, count: number, canon: Int32Array): void {
  if (count === 0) return
  scratchEnd = 0
  put(count)
  for (let i = first; i < first + count; i++) {
    const type = types[i]
    const { supertype } = type
    const above = supertype < first ? (supertype < 0 ? -1 : canon[supertype]) : ~1 - (supertype - first)
    putType(type, above, first, canon)
  }
  const id = findOrAdd(count)
  for (let i = 0; i < count; i++) canon[first + i] = id + i
}

/** The canonical id of a function type outside any rec group, final and without supertype, such as a host function's. */
export function canonicalFuncType(params: readonly CanonType[], results: readonly CanonType[]): number {
  scratchEnd = 0
  put(1)
  putType({ kind: 'func', params, results, final: true, supertype: -1 }, -1, 0, undefined)
  return findOrAdd(1)
}

function put(word: number): void {
  if (scratchEnd === scratch.length) scratch = growInt32(scratch, scratchEnd + 1)
  scratch[scratchEnd++] = word
}

function putType<V extends number>(
  type: SubType<V>,
  supertype: number,
  first: number,
  canon: Int32Array | undefined,
): void {
  const final = type.final ? Head.Final : 0
  switch (type.kind) {
    case 'func':
      put(TypeKind.Func | final)
      put(supertype)
      put(type.params.length)
      put(type.results.length)
      for (const t of type.params) put(keyWord(t, first, canon))
      for (const t of type.results) put(keyWord(t, first, canon))
      break
    case 'struct':
      put(TypeKind.Struct | final)
      put(supertype)
      put(type.fields.length)
      for (const f of type.fields) {
        put(keyWord(f.type, first, canon))
        put(f.mutable ? 1 : 0)
      }
      break
    case 'array':
      put(TypeKind.Array | final)
      put(supertype)
      put(keyWord(type.field.type, first, canon))
      put(type.field.mutable ? 1 : 0)
  }
}

/** Without `canon` the type is canonical already. */
function keyWord(type: number, first: number, canon: Int32Array | undefined): number {
  if (canon === undefined || !isConcrete(type)) return type
  const index = typeIndexOf(type)
  const flags = type & ~Ref.IndexMask
  return index < first ? flags | canon[index] : flags | MEMBER | (index - first)
}

/** First id of the group whose key is in `scratch`. */
function findOrAdd(count: number): number {
  let hash = HASH_SEED ^ scratchEnd
  for (let i = 0; i < scratchEnd; i++) {
    hash = Math.imul(hash ^ scratch[i], 0x9e37_79b1)
    hash ^= hash >>> 15
  }
  const mask = slots.length - 1
  let slot = hash & mask
  for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
    const id = slots[slot] - 1
    if (groupHash[id] === hash && sameKey(id)) return id
  }
  return addGroup(count, hash, slot)
}

function sameKey(id: number): boolean {
  const start = headAt[id] - 1
  if (groupKeyEnd[id] - start !== scratchEnd) return false
  for (let i = 0; i < scratchEnd; i++) if (keys[start + i] !== scratch[i]) return false
  return true
}

function addGroup(count: number, hash: number, slot: number): number {
  const id = typeCount
  if (id + count > MAX_IDS) throw new FormatError('limit', `too many different types in this process: ${MAX_IDS}`, 0)
  const start = keysEnd
  keys = growInt32(keys, start + scratchEnd)
  keys.set(scratch.subarray(0, scratchEnd), start)
  keysEnd = start + scratchEnd
  const needed = id + count
  headAt = growInt32(headAt, needed)
  groupFirst = growInt32(groupFirst, needed)
  groupHash = growInt32(groupHash, needed)
  groupKeyEnd = growInt32(groupKeyEnd, needed)
  DISPLAY_AT = growInt32(DISPLAY_AT, needed)
  kinds = growUint8(kinds, needed)
  depths = growUint8(depths, needed)
  groupHash[id] = hash
  groupKeyEnd[id] = keysEnd
  let at = start + 1
  for (let i = id; i < needed; i++) {
    headAt[i] = at
    groupFirst[i] = id
    kinds[i] = keys[at] & Head.KindMask
    typeCount = i + 1
    addDisplay(i)
    at = structureEnd(at)
  }
  if (at !== keysEnd) bug('key of a rec group')
  slots[slot] = id + 1
  if (++groups * 2 > slots.length) rehash()
  return id
}

function addDisplay(id: number): void {
  const above = supertypeOf(id)
  const depth = above < 0 ? 0 : depths[above] + 1
  if (depth > 255) bug('depth of a type hierarchy')
  depths[id] = depth
  DISPLAY = growInt32(DISPLAY, displayEnd + depth + 1)
  DISPLAY_AT[id] = displayEnd
  if (above >= 0) DISPLAY.copyWithin(displayEnd, DISPLAY_AT[above], DISPLAY_AT[above] + depth)
  DISPLAY[displayEnd + depth] = id
  displayEnd += depth + 1
}

/** Where the type behind the one at `at` starts in its key. */
function structureEnd(at: number): number {
  switch (keys[at] & Head.KindMask) {
    case TypeKind.Func:
      return at + 4 + keys[at + 2] + keys[at + 3]
    case TypeKind.Struct:
      return at + 3 + 2 * keys[at + 2]
    default:
      return at + 4
  }
}

function rehash(): void {
  const old = slots
  slots = new Int32Array(old.length * 4)
  const mask = slots.length - 1
  for (const entry of old) {
    if (entry === 0) continue
    let slot = groupHash[entry - 1] & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = entry
  }
}

/** Number of canonical types in the process; for tests and statistics. */
export const canonicalTypeCount = (): number => typeCount

export const typeKind = (id: number): TypeKind => kinds[id]
/** Number of supertypes above a type. */
export const typeDepth = (id: number): number => depths[id]

/** Canonical id of the declared supertype, or -1. */
export function supertypeOf(id: number): number {
  const word = keys[headAt[id] + 1]
  return word >= -1 ? word : groupFirst[id] + (~1 - word)
}

/** The definition of a canonical type; its types are canonical. The same object each time. */
export function typeDef(id: number): SubType<CanonType> {
  return (definitions[id] ??= readDefinition(id))
}

function readDefinition(id: number): SubType<CanonType> {
  if (id < 0 || id >= typeCount) bug(`canonical type ${id}`)
  const at = headAt[id]
  const final = (keys[at] & Head.Final) !== 0
  const supertype = supertypeOf(id)
  const typeAt = (i: number): CanonType => {
    const word = keys[i]
    const member = isConcrete(word) && (word & MEMBER) !== 0
    return (member ? (word & ~MEMBER) + groupFirst[id] : word) as CanonType
  }
  const fieldAt = (i: number): FieldType<CanonType> => ({ type: typeAt(i), mutable: keys[i + 1] !== 0 })
  switch (kinds[id]) {
    case TypeKind.Func: {
      const params = Array.from({ length: keys[at + 2] }, (_, i) => typeAt(at + 4 + i))
      const results = Array.from({ length: keys[at + 3] }, (_, i) => typeAt(at + 4 + params.length + i))
      return { kind: 'func', params, results, final, supertype }
    }
    case TypeKind.Struct: {
      const fields = Array.from({ length: keys[at + 2] }, (_, i) => fieldAt(at + 3 + 2 * i))
      return { kind: 'struct', fields, final, supertype }
    }
    default:
      return { kind: 'array', field: fieldAt(at + 2), final, supertype }
  }
}

/** A module's type in canonical form. */
export function canonType(module: { readonly canon: Int32Array }, type: ValType): CanonType {
  return (isConcrete(type) ? (type & ~Ref.IndexMask) | module.canon[typeIndexOf(type)] : type) as CanonType
}

/** Whether defined type a is b or one of its subtypes (spec 3.0, "Defined types" matching). O(1). */
export function isSubtypeId(a: number, b: number): boolean {
  return a === b || (depths[b] < depths[a] && DISPLAY[DISPLAY_AT[a] + depths[b]] === b)
}

const bit = (heap: Heap): number => 1 << (heap - Heap.Exn)
/** By abstract heap type - Heap.Exn: bits of its supertypes, itself included. */
const HEAP_ABOVE = new Int32Array(Heap.NoExn - Heap.Exn + 1)
{
  const above = (heap: Heap, ...supers: Heap[]) => {
    HEAP_ABOVE[heap - Heap.Exn] = supers.reduce((set, s) => set | bit(s), bit(heap))
  }
  above(Heap.Any)
  above(Heap.Eq, Heap.Any)
  above(Heap.I31, Heap.Eq, Heap.Any)
  above(Heap.Struct, Heap.Eq, Heap.Any)
  above(Heap.Array, Heap.Eq, Heap.Any)
  above(Heap.None, Heap.I31, Heap.Struct, Heap.Array, Heap.Eq, Heap.Any)
  above(Heap.Func)
  above(Heap.NoFunc, Heap.Func)
  above(Heap.Extern)
  above(Heap.NoExtern, Heap.Extern)
  above(Heap.Exn)
  above(Heap.NoExn, Heap.Exn)
}

const KIND_HEAP = [Heap.Func, Heap.Struct, Heap.Array] as const

/** The abstract heap type right above a concrete one. */
export const kindHeap = (id: number): Heap => KIND_HEAP[kinds[id]]

/** Whether the heap type of a is that of b or below it. */
function matchesHeap(a: number, b: number): boolean {
  if (isConcrete(a)) {
    const id = typeIndexOf(a)
    if (isConcrete(b)) return isSubtypeId(id, typeIndexOf(b))
    const heap = heapOf(b)
    return heap !== HEAP_BOTTOM && (HEAP_ABOVE[kindHeap(id) - Heap.Exn] & bit(heap)) !== 0
  }
  const heap = heapOf(a)
  if (heap === HEAP_BOTTOM) return true
  if (isConcrete(b)) return heap === (kinds[typeIndexOf(b)] === TypeKind.Func ? Heap.NoFunc : Heap.None)
  return heapOf(b) !== HEAP_BOTTOM && (HEAP_ABOVE[heap - Heap.Exn] & bit(heapOf(b))) !== 0
}

/** Whether values of type a may be used where b is expected (spec 3.0, "Value types" matching). Bottom is below everything. */
export function matches(a: CanonType, b: CanonType): boolean {
  if (a === b || a === T.Bottom) return true
  if (!isRef(a) || !isRef(b) || (isNullable(a) && !isNullable(b))) return false
  return matchesHeap(a, b)
}

/** The top of a reference type's hierarchy: any, func, extern or exn. */
export function heapTop(type: CanonType): Heap {
  const heap = isConcrete(type) ? kindHeap(typeIndexOf(type)) : heapOf(type)
  switch (heap) {
    case Heap.Func:
    case Heap.NoFunc:
      return Heap.Func
    case Heap.Extern:
    case Heap.NoExtern:
      return Heap.Extern
    case Heap.Exn:
    case Heap.NoExn:
      return Heap.Exn
    default:
      return Heap.Any
  }
}

const HEAP_NAMES: Readonly<Record<number, string>> = {
  [HEAP_BOTTOM]: 'bot',
  [Heap.NoExn]: 'noexn',
  [Heap.NoFunc]: 'nofunc',
  [Heap.NoExtern]: 'noextern',
  [Heap.None]: 'none',
  [Heap.Func]: 'func',
  [Heap.Extern]: 'extern',
  [Heap.Any]: 'any',
  [Heap.Eq]: 'eq',
  [Heap.I31]: 'i31',
  [Heap.Struct]: 'struct',
  [Heap.Array]: 'array',
  [Heap.Exn]: 'exn',
}

const PLAIN_NAMES: Readonly<Record<number, string>> = {
  [T.Bottom]: 'bot',
  [T.I32]: 'i32',
  [T.I64]: 'i64',
  [T.F32]: 'f32',
  [T.F64]: 'f64',
  [T.V128]: 'v128',
  [T.I8]: 'i8',
  [T.I16]: 'i16',
}

/** Shorthands that are not the heap type's name with `ref` behind it. */
const NULL_REF_NAMES: Readonly<Record<number, string>> = {
  [RefType.NullRef]: 'nullref',
  [RefType.NullFuncRef]: 'nullfuncref',
  [RefType.NullExternRef]: 'nullexternref',
  [RefType.NullExnRef]: 'nullexnref',
}

/** Text of a heap type: the abstract name, or the concrete type as `nameOf` writes its index (or id). */
export function heapTypeText(type: number, nameOf: (index: number) => string = String): string {
  return isConcrete(type) ? nameOf(typeIndexOf(type)) : HEAP_NAMES[heapOf(type)]
}

/** Text of a value or storage type as in the text format: `i32`, `funcref`, `(ref null 3)`. */
export function typeText(type: number, nameOf: (index: number) => string = String): string {
  if (!isRef(type)) return PLAIN_NAMES[type] ?? bug(`type ${type}`)
  if (!isConcrete(type) && isNullable(type) && heapOf(type) !== HEAP_BOTTOM)
    return NULL_REF_NAMES[type] ?? HEAP_NAMES[heapOf(type)] + 'ref'
  return `(ref ${isNullable(type) ? 'null ' : ''}${heapTypeText(type, nameOf)})`
}
