// Types as validation, linking and the canonical ABI use them: trees without indices (Explainer.md, "Type Checking").
//
// Equality is structural, with two exceptions, both by identity of objects:
//  - a resource type is the same if its `ResourceId` is: definitions, abstract imports and exports, and each instantiation make
//    new ones. `ResourceRef` is one name of it: an import, export or definition; `own` and `borrow` point to a name.
//  - "has a name outside" is a property of one object, the one that an import or export made, not of all equal types.

import { FormatError } from '../../wasm/errors.ts'
import type { CoreModuleType } from './core-types.ts'

/** What makes a resource type different from all others. */
export class ResourceId {
  /** Set for a resource type defined by a component: whether it has a destructor is a matter of its instances. */
  readonly isDefined: boolean

  constructor(isDefined = false) {
    this.isDefined = isDefined
  }
}

export interface ResourceRef {
  readonly kind: 'resource'
  readonly id: ResourceId
}

export type PrimKind =
  | 'bool'
  | 's8'
  | 'u8'
  | 's16'
  | 'u16'
  | 's32'
  | 'u32'
  | 's64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'string'
  | 'error-context'

export interface Field {
  readonly label: string
  readonly type: ValType
}
export interface Case {
  readonly label: string
  readonly type: ValType | undefined
}

export type ValType =
  | { readonly kind: PrimKind }
  | { readonly kind: 'record'; readonly fields: readonly Field[] }
  | { readonly kind: 'variant'; readonly cases: readonly Case[] }
  | { readonly kind: 'list'; readonly element: ValType; readonly length: number | undefined }
  | { readonly kind: 'tuple'; readonly types: readonly ValType[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly type: ValType }
  | { readonly kind: 'result'; readonly ok: ValType | undefined; readonly err: ValType | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: ResourceRef }
  | { readonly kind: 'stream' | 'future'; readonly type: ValType | undefined }
  | { readonly kind: 'map'; readonly key: ValType; readonly value: ValType }

export interface FuncType {
  readonly kind: 'func'
  readonly async: boolean
  readonly params: readonly Field[]
  readonly result: ValType | undefined
}

export interface InstanceType {
  readonly kind: 'instance'
  readonly exports: ReadonlyMap<string, ExternType>
  /** Resource types that the exports introduce; each use of the type stands for new ones. Empty for the type of an instance. */
  readonly bound: readonly ResourceId[]
}

export interface ComponentType {
  readonly kind: 'component'
  readonly imports: ReadonlyMap<string, ExternType>
  readonly exports: ReadonlyMap<string, ExternType>
  /** Resource types that imports introduce: to be replaced by those of the arguments. */
  readonly importBound: readonly ResourceId[]
  /** Resource types made by each instantiation. */
  readonly exportBound: readonly ResourceId[]
}

/** Members of the type index space. */
export type AnyType = ValType | ResourceRef | FuncType | InstanceType | ComponentType

/** The type of an import or export. */
export type ExternType =
  | { readonly kind: 'module'; readonly type: CoreModuleType }
  | { readonly kind: 'func'; readonly type: FuncType }
  | { readonly kind: 'value'; readonly type: ValType }
  | { readonly kind: 'type'; readonly type: AnyType }
  | { readonly kind: 'instance'; readonly type: InstanceType }
  | { readonly kind: 'component'; readonly type: ComponentType }

const COMPOUND: ReadonlySet<string> = new Set(
  'record variant list tuple flags enum option result own borrow stream future map resource func instance component'.split(
    ' ',
  ),
)
export const isPrimitive = (type: AnyType): boolean => !COMPOUND.has(type.kind)
export const isValType = (type: AnyType): type is ValType =>
  type.kind !== 'resource' && type.kind !== 'func' && type.kind !== 'instance' && type.kind !== 'component'

/** The value types directly in a value type. */
export function parts(type: ValType): readonly (ValType | undefined)[] {
  switch (type.kind) {
    case 'record':
      return type.fields.map((f) => f.type)
    case 'variant':
      return type.cases.map((c) => c.type)
    case 'list':
      return [type.element]
    case 'tuple':
      return type.types
    case 'option':
    case 'stream':
    case 'future':
      return [type.type]
    case 'result':
      return [type.ok, type.err]
    case 'map':
      return [type.key, type.value]
    default:
      return []
  }
}

/** Whether a type or one within it satisfies a condition. Answers are kept in `memo`, one map for each condition. */
function contains(type: ValType, memo: WeakMap<ValType, boolean>, is: (type: ValType) => boolean): boolean {
  let known = memo.get(type)
  if (known === undefined) {
    known = is(type) || parts(type).some((t) => t !== undefined && contains(t, memo, is))
    memo.set(type, known)
  }
  return known
}

const borrowMemo = new WeakMap<ValType, boolean>()
export const containsBorrow = (type: ValType): boolean => contains(type, borrowMemo, (t) => t.kind === 'borrow')
const pointerMemo = new WeakMap<ValType, boolean>()
/** Whether values lie partly in memory that `realloc` gives: strings, lists of any length, maps. */
export const containsPointer = (type: ValType): boolean =>
  contains(
    type,
    pointerMemo,
    (t) => t.kind === 'string' || t.kind === 'map' || (t.kind === 'list' && t.length === undefined),
  )

// Sizes of types, counted as trees: names within a component would let a small one stand for an enormous one.

/** The limit of wasm-tools. */
const MAX_TYPE_SIZE = 1_000_000
const sizes = new WeakMap<object, number>()

/** Number of nodes of a type, as a tree. */
export function typeSize(type: AnyType | CoreModuleType): number {
  let size = sizes.get(type)
  if (size !== undefined) return size
  size = 1
  const externs = (map: ReadonlyMap<string, ExternType>): number => {
    let sum = 0
    for (const extern of map.values()) sum += 1 + typeSize(extern.type)
    return sum
  }
  switch (type.kind) {
    case 'module':
      size += type.imports.size + type.exports.size
      break
    case 'instance':
      size += externs(type.exports)
      break
    case 'component':
      size += externs(type.imports) + externs(type.exports)
      break
    case 'func':
      for (const { type: t } of type.params) size += typeSize(t)
      if (type.result !== undefined) size += typeSize(type.result)
      break
    case 'resource':
      break
    case 'flags':
    case 'enum':
      size += type.labels.length
      break
    default:
      for (const t of parts(type)) size += t === undefined ? 1 : typeSize(t)
  }
  sizes.set(type, size)
  return size
}

export function checkTypeSize<X extends AnyType | CoreModuleType>(type: X, at: number): X {
  if (typeSize(type) >= MAX_TYPE_SIZE)
    throw new FormatError('invalid', `effective type size exceeds the limit of ${MAX_TYPE_SIZE}`, at)
  return type
}

// Substitution

/** Replaces resource types, and objects that have got new names, throughout types. */
export class Substitution {
  readonly ids = new Map<ResourceId, ResourceId>()
  /** Results so far, and what stands for an object that was given another name. */
  readonly #done = new Map<object, unknown>()

  /** Makes `to` stand for the object `from`. */
  rename(from: AnyType, to: AnyType): void {
    this.#done.set(from, to)
  }

  apply<X extends AnyType>(type: X): X {
    const known = this.#done.get(type)
    if (known !== undefined) return known as X
    const result = this.#apply(type)
    this.#done.set(type, result)
    return result as X
  }

  #apply(type: AnyType): AnyType {
    switch (type.kind) {
      case 'resource': {
        const id = this.ids.get(type.id)
        return id === undefined ? type : { kind: 'resource', id }
      }
      case 'func': {
        const params = this.#list(type.params, (p) => this.#labelled(p))
        const result = this.#optional(type.result)
        return params === type.params && result === type.result ? type : { ...type, params, result }
      }
      case 'instance': {
        const exports = this.externs(type.exports)
        return exports === type.exports ? type : { ...type, exports }
      }
      case 'component': {
        const imports = this.externs(type.imports)
        const exports = this.externs(type.exports)
        return imports === type.imports && exports === type.exports ? type : { ...type, imports, exports }
      }
      default:
        return this.shallow(type)
    }
  }

  /** A value type with its parts replaced, itself in any case. */
  shallow(type: ValType): ValType {
    switch (type.kind) {
      case 'record': {
        const fields = this.#list(type.fields, (f) => this.#labelled(f))
        return fields === type.fields ? type : { ...type, fields }
      }
      case 'variant': {
        const cases = this.#list(type.cases, (c) => this.#labelled(c))
        return cases === type.cases ? type : { ...type, cases }
      }
      case 'list': {
        const element = this.apply(type.element)
        return element === type.element ? type : { ...type, element }
      }
      case 'tuple': {
        const types = this.#list(type.types, (t) => this.apply(t))
        return types === type.types ? type : { ...type, types }
      }
      case 'option': {
        const inner = this.apply(type.type)
        return inner === type.type ? type : { ...type, type: inner }
      }
      case 'result': {
        const ok = this.#optional(type.ok)
        const err = this.#optional(type.err)
        return ok === type.ok && err === type.err ? type : { ...type, ok, err }
      }
      case 'own':
      case 'borrow': {
        const resource = this.apply(type.resource)
        return resource === type.resource ? type : { ...type, resource }
      }
      case 'stream':
      case 'future': {
        const inner = this.#optional(type.type)
        return inner === type.type ? type : { ...type, type: inner }
      }
      case 'map': {
        const value = this.apply(type.value)
        return value === type.value ? type : { ...type, value }
      }
      default:
        return type
    }
  }

  extern(extern: ExternType): ExternType {
    if (extern.kind === 'module') return extern
    const type = this.apply(extern.type)
    return type === extern.type ? extern : ({ kind: extern.kind, type } as ExternType)
  }

  externs(map: ReadonlyMap<string, ExternType>): ReadonlyMap<string, ExternType> {
    let changed = false
    const out = new Map<string, ExternType>()
    for (const [name, extern] of map) {
      const result = this.extern(extern)
      if (result !== extern) changed = true
      out.set(name, result)
    }
    return changed ? out : map
  }

  #optional(type: ValType | undefined): ValType | undefined {
    return type === undefined ? undefined : this.apply(type)
  }

  #labelled<X extends { readonly type: ValType | undefined }>(item: X): X {
    const type = this.#optional(item.type)
    return type === item.type ? item : { ...item, type }
  }

  #list<X>(items: readonly X[], map: (item: X) => X): readonly X[] {
    let out: X[] | undefined
    for (let i = 0; i < items.length; i++) {
      const result = map(items[i])
      if (result !== items[i]) out ??= items.slice()
      if (out !== undefined) out[i] = result
    }
    return out ?? items
  }
}

/** Another name of the same type: an equal type that is an object of its own. */
function renamed(s: Substitution, type: AnyType): AnyType {
  if (type.kind === 'resource') return { kind: 'resource', id: s.ids.get(type.id) ?? type.id }
  if (isPrimitive(type)) return type
  if (isValType(type)) return { ...s.shallow(type) }
  return s.apply(type)
}

/** A name of its own for a type that is imported or exported. */
export const newName = (type: AnyType): AnyType => renamed(new Substitution(), type)

/**
 * An instance type as one import, export or alias of it: its bound resource types become `ids` (or stay as they are), and the
 * types that it exports get names of their own, in which its other exports are expressed.
 */
export function renameInstance(type: InstanceType, ids?: ResourceId[]): InstanceType {
  const s = new Substitution()
  if (ids !== undefined) {
    for (const id of type.bound) {
      const fresh = new ResourceId()
      ids.push(fresh)
      s.ids.set(id, fresh)
    }
  }
  return renameExports(s, type)
}

function renameExports(s: Substitution, type: InstanceType): InstanceType {
  const exports = new Map<string, ExternType>()
  for (const [name, extern] of type.exports) {
    if (extern.kind === 'type') {
      const to = renamed(s, extern.type)
      s.rename(extern.type, to)
      exports.set(name, { kind: 'type', type: to })
    } else if (extern.kind === 'instance') {
      exports.set(name, { kind: 'instance', type: renameExports(s, extern.type) })
    } else exports.set(name, s.extern(extern))
  }
  return { kind: 'instance', exports, bound: [] }
}

/** Resource types that a type names and does not bind itself. */
export function freeResources(type: AnyType, found = new Set<ResourceId>(), seen = new Set<object>()): Set<ResourceId> {
  if (seen.has(type)) return found
  seen.add(type)
  const externs = (map: ReadonlyMap<string, ExternType>): void => {
    for (const extern of map.values()) if (extern.kind !== 'module') freeResources(extern.type, found, seen)
  }
  switch (type.kind) {
    case 'resource':
      found.add(type.id)
      break
    case 'own':
    case 'borrow':
      found.add(type.resource.id)
      break
    case 'func':
      for (const p of type.params) freeResources(p.type, found, seen)
      if (type.result !== undefined) freeResources(type.result, found, seen)
      break
    case 'instance':
      externs(type.exports)
      for (const id of type.bound) found.delete(id)
      break
    case 'component':
      externs(type.imports)
      externs(type.exports)
      for (const id of type.importBound) found.delete(id)
      for (const id of type.exportBound) found.delete(id)
      break
    default:
      for (const t of parts(type)) if (t !== undefined) freeResources(t, found, seen)
  }
  return found
}
