// Layouts of heap objects by canonical type id. Every object starts with a header word (heap.ts):
//
//   struct      | header | fields in declared order, each at its natural alignment, from byte 4 ...            |
//   array       | header | length | elements from byte 8, without gaps                                         |
//   exception   | header | tag id | the tag's parameters like fields, from byte 8                              |
//
// i8 takes 1 byte, i16 2, i32, f32 and references 4, i64 and f64 8, v128 16 (8-aligned: nothing in the engine needs more).

import { bug } from '../util/bug.ts'
import { typeDef } from '../wasm/canonical.ts'
import { isRef, T, type CanonType } from '../wasm/types.ts'

export interface FieldsLayout {
  /** Bytes of the object with its header. */
  readonly size: number
  /** By field: byte offset in the object. */
  readonly offsets: Int32Array
  /** By field: value or storage type. */
  readonly types: Int32Array
  /** Byte offsets of the reference fields: what marking follows. */
  readonly refs: Int32Array
}

export interface ArrayLayout {
  /** Value or storage type of the elements. */
  readonly type: CanonType
  readonly mutable: boolean
  /** log2 of the bytes of one element. */
  readonly sizeLog2: number
  readonly isRef: boolean
}

/** Byte offset of the first element of an array. */
export const ARRAY_DATA = 8
const STRUCT_DATA = 4
const EXCEPTION_DATA = 8

const structs: (FieldsLayout | undefined)[] = []
const arrays: (ArrayLayout | undefined)[] = []
const exceptions: (FieldsLayout | undefined)[] = []

/** log2 of the bytes that a field or array element of this type takes. */
export function storageSizeLog2(type: number): number {
  switch (type) {
    case T.I8:
      return 0
    case T.I16:
      return 1
    case T.I32:
    case T.F32:
      return 2
    case T.I64:
    case T.F64:
      return 3
    case T.V128:
      return 4
    default:
      return isRef(type) ? 2 : bug(`storage type ${type}`)
  }
}

function fieldsLayout(types: readonly number[], start: number): FieldsLayout {
  const offsets = new Int32Array(types.length)
  const refs: number[] = []
  let at = start
  for (let i = 0; i < types.length; i++) {
    const log2 = storageSizeLog2(types[i])
    const align = (1 << Math.min(log2, 3)) - 1
    at = (at + align) & ~align
    offsets[i] = at
    if (isRef(types[i])) refs.push(at)
    at += 1 << log2
  }
  return { size: Math.max(at, 8), offsets, types: Int32Array.from(types), refs: Int32Array.from(refs) }
}

/** Layout of a struct type. */
export const structLayout = (typeId: number): FieldsLayout => structs[typeId] ?? makeStructLayout(typeId)

function makeStructLayout(typeId: number): FieldsLayout {
  const type = typeDef(typeId)
  if (type.kind !== 'struct') bug(`type ${typeId} is no struct`)
  return put(structs, typeId, fieldsLayout(type.fields.map((field) => field.type), STRUCT_DATA)) // prettier-ignore
}

/** Layout of an array type. */
export const arrayLayout = (typeId: number): ArrayLayout => arrays[typeId] ?? makeArrayLayout(typeId)

function makeArrayLayout(typeId: number): ArrayLayout {
  const type = typeDef(typeId)
  if (type.kind !== 'array') bug(`type ${typeId} is no array`)
  const { type: element, mutable } = type.field
  return put(arrays, typeId, { type: element, mutable, sizeLog2: storageSizeLog2(element), isRef: isRef(element) })
}

/** Layout of an exception whose tag has this function type: its parameters. */
export const exceptionLayout = (typeId: number): FieldsLayout => exceptions[typeId] ?? makeExceptionLayout(typeId)

function makeExceptionLayout(typeId: number): FieldsLayout {
  const type = typeDef(typeId)
  if (type.kind !== 'func') bug(`type ${typeId} is no function type`)
  return put(exceptions, typeId, fieldsLayout(type.params, EXCEPTION_DATA))
}

/** Fills gaps, so that the cache stays a packed array. */
function put<L>(cache: (L | undefined)[], id: number, layout: L): L {
  while (cache.length < id) cache.push(undefined)
  cache[id] = layout
  return layout
}

const paramSlots: number[] = []
const resultSlots: number[] = []

/** Slots of RS that values of these types take. */
export function slotsOf(types: readonly number[]): number {
  let slots = types.length
  for (const type of types) if (type === T.V128) slots++
  return slots
}

/** Slots of the parameters of a function type. */
export const paramSlotsOf = (typeId: number): number => paramSlots[typeId] ?? countSlots(typeId, paramSlots)
/** Slots of the results of a function type. */
export const resultSlotsOf = (typeId: number): number => resultSlots[typeId] ?? countSlots(typeId, resultSlots)

function countSlots(typeId: number, cache: number[]): number {
  const type = typeDef(typeId)
  if (type.kind !== 'func') bug(`type ${typeId} is no function type`)
  return (cache[typeId] = slotsOf(cache === paramSlots ? type.params : type.results))
}
