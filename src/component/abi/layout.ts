// Where values lie in memory, and which core values stand for them (CanonicalABI.md: "Alignment", "Element Size", "Flattening").

import type { Case, FuncType, ValType } from '../validate/types.ts'

export type CoreKind = 'i32' | 'i64' | 'f32' | 'f64'

export const MAX_FLAT_PARAMS = 16
export const MAX_FLAT_ASYNC_PARAMS = 4
export const MAX_FLAT_RESULTS = 1

export interface Layout {
  /** Bytes of a value as an element of a list. */
  readonly size: number
  readonly align: number
}

export const alignTo = (offset: number, align: number): number => Math.ceil(offset / align) * align

/** Bytes of the number that says which of `count` cases a variant has. */
export const discriminantSize = (count: number): 1 | 2 | 4 => (count <= 0x100 ? 1 : count <= 0x1_0000 ? 2 : 4)

const SCALARS: Readonly<Record<string, number>> = {
  bool: 1,
  s8: 1,
  u8: 1,
  s16: 2,
  u16: 2,
  s32: 4,
  u32: 4,
  s64: 8,
  u64: 8,
  f32: 4,
  f64: 8,
  char: 4,
  'error-context': 4,
  own: 4,
  borrow: 4,
  stream: 4,
  future: 4,
}

const memos = [new WeakMap<ValType, Layout>(), new WeakMap<ValType, Layout>()]

/** Layout of a type with pointers of `pointer` bytes. */
export function layoutOf(type: ValType, pointer: 4 | 8 = 4): Layout {
  const memo = memos[pointer === 4 ? 0 : 1]
  let layout = memo.get(type)
  if (layout === undefined) memo.set(type, (layout = computeLayout(type, pointer)))
  return layout
}

function computeLayout(type: ValType, pointer: 4 | 8): Layout {
  const scalar = SCALARS[type.kind]
  if (scalar !== undefined) return { size: scalar, align: scalar }
  switch (type.kind) {
    case 'string':
    case 'map':
      return { size: 2 * pointer, align: pointer }
    case 'list': {
      if (type.length === undefined) return { size: 2 * pointer, align: pointer }
      const { size, align } = layoutOf(type.element, pointer)
      return { size: size * type.length, align }
    }
    case 'record':
      return sequence(
        type.fields.map((f) => f.type),
        pointer,
      )
    case 'tuple':
      return sequence(type.types, pointer)
    case 'flags': {
      const size = type.labels.length <= 8 ? 1 : type.labels.length <= 16 ? 2 : 4
      return { size, align: size }
    }
    default: {
      const cases = casesOf(type)
      const { offset, align } = payload(cases, pointer)
      let size = 0
      for (const c of cases) if (c.type !== undefined) size = Math.max(size, layoutOf(c.type, pointer).size)
      return { size: alignTo(offset + size, align), align }
    }
  }
}

/** Layout of values one behind the other. */
export function sequence(types: readonly ValType[], pointer: 4 | 8 = 4): Layout {
  let size = 0
  let align = 1
  for (const type of types) {
    const part = layoutOf(type, pointer)
    size = alignTo(size, part.align) + part.size
    align = Math.max(align, part.align)
  }
  return { size: alignTo(size, align), align }
}

/** Offset of each of the values of a sequence. */
export function offsets(types: readonly ValType[]): number[] {
  let at = 0
  return types.map((type) => {
    const { size, align } = layoutOf(type)
    const offset = alignTo(at, align)
    at = offset + size
    return offset
  })
}

/** Where the payload of a variant lies, and the alignment of the whole. */
export function payload(
  cases: readonly Case[],
  pointer: 4 | 8 = 4,
): { readonly offset: number; readonly align: number } {
  const discriminant = discriminantSize(cases.length)
  let align = 1
  for (const c of cases) if (c.type !== undefined) align = Math.max(align, layoutOf(c.type, pointer).align)
  return { offset: alignTo(discriminant, align), align: Math.max(discriminant, align) }
}

/** The cases of a variant or of a type that is one in disguise. */
export function casesOf(type: ValType): readonly Case[] {
  switch (type.kind) {
    case 'variant':
      return type.cases
    case 'enum':
      return type.labels.map((label) => ({ label, type: undefined }))
    case 'option':
      return [
        { label: 'none', type: undefined },
        { label: 'some', type: type.type },
      ]
    case 'result':
      return [
        { label: 'ok', type: type.ok },
        { label: 'err', type: type.err },
      ]
    default:
      throw new Error(`BUG: ${type.kind} has no cases`)
  }
}

// Flattening

/** The core value that can carry either. */
export function join(a: CoreKind, b: CoreKind): CoreKind {
  if (a === b) return a
  return (a === 'i32' && b === 'f32') || (a === 'f32' && b === 'i32') ? 'i32' : 'i64'
}

/** Appends the core values of a type. Stops soon behind `max` of them: fixed-length lists may have many. */
function flattenInto(type: ValType, out: CoreKind[], max: number): void {
  if (out.length > max) return
  switch (type.kind) {
    case 's64':
    case 'u64':
      out.push('i64')
      return
    case 'f32':
    case 'f64':
      out.push(type.kind)
      return
    case 'string':
    case 'map':
      out.push('i32', 'i32')
      return
    case 'list':
      if (type.length === undefined) out.push('i32', 'i32')
      else for (let i = 0; i < type.length && out.length <= max; i++) flattenInto(type.element, out, max)
      return
    case 'record':
      for (const f of type.fields) flattenInto(f.type, out, max)
      return
    case 'tuple':
      for (const t of type.types) flattenInto(t, out, max)
      return
    case 'variant':
    case 'option':
    case 'result': {
      out.push('i32')
      const start = out.length
      for (const c of casesOf(type)) {
        if (c.type === undefined) continue
        const flat: CoreKind[] = []
        flattenInto(c.type, flat, max)
        for (const [i, kind] of flat.entries()) {
          if (start + i < out.length) out[start + i] = join(out[start + i], kind)
          else out.push(kind)
        }
      }
      return
    }
    default:
      out.push('i32')
  }
}

/** The core values of types, or undefined if there are more than `max`. */
export function flatten(types: readonly ValType[], max: number): readonly CoreKind[] | undefined {
  const out: CoreKind[] = []
  for (const type of types) flattenInto(type, out, max)
  return out.length > max ? undefined : out
}

export interface FlatFunc {
  readonly params: readonly CoreKind[]
  readonly results: readonly CoreKind[]
  /** Parameters lie in memory, the only core parameter (or the first of two) points to them. */
  readonly paramsSpilled: boolean
  /** The result lies in memory. */
  readonly resultSpilled: boolean
}

export interface FlatOptions {
  readonly async: boolean
  readonly callback: boolean
}

/** The core function type that stands for a function (CanonicalABI.md, `flatten_functype`). */
export function flattenFunc(type: FuncType, context: 'lift' | 'lower', { async, callback }: FlatOptions): FlatFunc {
  const maxParams = async && context === 'lower' ? MAX_FLAT_ASYNC_PARAMS : MAX_FLAT_PARAMS
  const flatParams = flatten(
    type.params.map((p) => p.type),
    maxParams,
  )
  const paramsSpilled = flatParams === undefined
  const params: CoreKind[] = flatParams === undefined ? ['i32'] : [...flatParams]
  if (async) {
    if (context === 'lift') return { params, results: callback ? ['i32'] : [], paramsSpilled, resultSpilled: false }
    if (type.result !== undefined) params.push('i32')
    return { params, results: ['i32'], paramsSpilled, resultSpilled: type.result !== undefined }
  }
  const results = flatten(type.result === undefined ? [] : [type.result], MAX_FLAT_RESULTS)
  if (results !== undefined) return { params, results, paramsSpilled, resultSpilled: false }
  if (context === 'lift') return { params, results: ['i32'], paramsSpilled, resultSpilled: true }
  return { params: [...params, 'i32'], results: [], paramsSpilled, resultSpilled: true }
}
