// Types as text.

import type { FieldType, GlobalType, MemoryType, SubType, TableType } from '../wasm/types.ts'
import { Heap, heapOf, isConcrete, isNullable, isRef, T, typeIndexOf } from '../wasm/types.ts'
import type { Identifiers } from './print-names.ts'

const NUMBER_TYPES: Readonly<Record<number, string>> = {
  [T.I32]: 'i32',
  [T.I64]: 'i64',
  [T.F32]: 'f32',
  [T.F64]: 'f64',
  [T.V128]: 'v128',
  [T.I8]: 'i8',
  [T.I16]: 'i16',
}

const HEAP_NAMES: Readonly<Record<number, readonly [heap: string, nullable: string]>> = {
  [Heap.Any]: ['any', 'anyref'],
  [Heap.Eq]: ['eq', 'eqref'],
  [Heap.I31]: ['i31', 'i31ref'],
  [Heap.Struct]: ['struct', 'structref'],
  [Heap.Array]: ['array', 'arrayref'],
  [Heap.None]: ['none', 'nullref'],
  [Heap.Func]: ['func', 'funcref'],
  [Heap.NoFunc]: ['nofunc', 'nullfuncref'],
  [Heap.Extern]: ['extern', 'externref'],
  [Heap.NoExtern]: ['noextern', 'nullexternref'],
  [Heap.Exn]: ['exn', 'exnref'],
  [Heap.NoExn]: ['noexn', 'nullexnref'],
}

/** The heap type of a reference type. */
export function printHeapType(type: number, types: Identifiers): string {
  return isConcrete(type) ? types.use(typeIndexOf(type)) : HEAP_NAMES[heapOf(type)][0]
}

/** A value or storage type. */
export function printValueType(type: number, types: Identifiers): string {
  if (!isRef(type)) return NUMBER_TYPES[type]
  if (isNullable(type) && !isConcrete(type)) return HEAP_NAMES[heapOf(type)][1]
  return `(ref ${isNullable(type) ? 'null ' : ''}${printHeapType(type, types)})`
}

/** Parameters in parentheses, those with names in some of their own; each group has a space in front. */
export function printParams(
  keyword: 'param' | 'local',
  from: readonly number[],
  firstIndex: number,
  types: Identifiers,
  names: Identifiers | undefined,
): string {
  let out = ''
  let open = false
  from.forEach((type, i) => {
    const binding = names?.binding(firstIndex + i) ?? ''
    if (open && binding !== '') out += ')'
    if (binding !== '') {
      out += ` (${keyword}${binding} ${printValueType(type, types)})`
      open = false
      return
    }
    out += `${open ? '' : ` (${keyword}`} ${printValueType(type, types)}`
    open = true
  })
  return open ? out + ')' : out
}

export function printResults(results: readonly number[], types: Identifiers): string {
  return results.length === 0 ? '' : ` (result${results.map((t) => ' ' + printValueType(t, types)).join('')})`
}

function printField(field: FieldType, types: Identifiers): string {
  const type = printValueType(field.type, types)
  return field.mutable ? `(mut ${type})` : type
}

/** A sub type; `fields` are the identifiers of a structure's fields. */
export function printSubType(type: SubType, types: Identifiers, fields: Identifiers | undefined): string {
  let out: string
  switch (type.kind) {
    case 'func':
      out = `(func${printParams('param', type.params, 0, types, undefined)}${printResults(type.results, types)})`
      break
    case 'struct':
      out = `(struct${type.fields.map((f, i) => ` (field${fields?.binding(i) ?? ''} ${printField(f, types)})`).join('')})`
      break
    case 'array':
      out = `(array ${printField(type.field, types)})`
  }
  if (type.final && type.supertype < 0) return out
  const supertype = type.supertype < 0 ? '' : ` ${types.use(type.supertype)}`
  return `(sub${type.final ? ' final' : ''}${supertype} ${out})`
}

function printLimits(type: MemoryType | TableType): string {
  return `${type.address64 ? 'i64 ' : ''}${type.min}${type.max === undefined ? '' : ` ${type.max}`}`
}

export function printMemoryType(type: MemoryType): string {
  const pages = type.pageSizeLog2 === 16 ? '' : ` (pagesize ${2n ** BigInt(type.pageSizeLog2)})`
  return `${printLimits(type)}${type.shared ? ' shared' : ''}${pages}`
}

export function printTableType(type: TableType, types: Identifiers): string {
  return `${printLimits(type)} ${printValueType(type.element, types)}`
}

export function printGlobalType(type: GlobalType, types: Identifiers): string {
  return type.mutable ? `(mut ${printValueType(type.type, types)})` : printValueType(type.type, types)
}
