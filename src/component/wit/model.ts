// WIT packages with every name looked up. Objects refer to each other; types that have no name exist once for each use.

import type { PackageName, Primitive } from './ast.ts'

export interface Stability {
  readonly since?: string
  readonly unstable?: string
  readonly deprecated?: string
}

interface Documented {
  readonly docs: string | undefined
  /** Undefined if nothing is said. */
  readonly stability: Stability | undefined
}

export interface Package {
  readonly name: PackageName
  readonly docs: string | undefined
  readonly interfaces: Map<string, Interface>
  readonly worlds: Map<string, World>
}

export interface Interface extends Documented {
  /** Undefined for an interface that is written inside a world. */
  readonly name: string | undefined
  readonly package: Package
  readonly types: Map<string, TypeDef>
  /** Methods too: `[method]resource.name`, `[static]resource.name`, `[constructor]resource`. */
  readonly functions: Map<string, Func>
}

export type Type = Primitive | TypeDef

export interface TypeDef extends Documented {
  readonly name: string | undefined
  /** Where a type with a name is defined. */
  readonly owner: Interface | World | undefined
  readonly kind: TypeKind
}

export type TypeKind =
  | { readonly tag: 'alias'; readonly type: Type }
  | { readonly tag: 'record'; readonly fields: readonly RecordField[] }
  | { readonly tag: 'variant'; readonly cases: readonly VariantCase[] }
  | { readonly tag: 'enum'; readonly cases: readonly LabelDef[] }
  | { readonly tag: 'flags'; readonly flags: readonly LabelDef[] }
  | { readonly tag: 'resource' }
  | { readonly tag: 'own' | 'borrow'; readonly resource: TypeDef }
  | { readonly tag: 'list'; readonly element: Type; readonly length: number | undefined }
  | { readonly tag: 'map'; readonly key: Type; readonly value: Type }
  | { readonly tag: 'option'; readonly value: Type }
  | { readonly tag: 'result'; readonly ok: Type | undefined; readonly err: Type | undefined }
  | { readonly tag: 'tuple'; readonly types: readonly Type[] }
  | { readonly tag: 'future' | 'stream'; readonly element: Type | undefined }

export interface LabelDef {
  readonly name: string
  readonly docs: string | undefined
}
export interface RecordField extends LabelDef {
  readonly type: Type
}
export interface VariantCase extends LabelDef {
  readonly type: Type | undefined
}

export interface Func extends Documented {
  readonly name: string
  readonly isAsync: boolean
  readonly kind: 'freestanding' | 'constructor' | 'method' | 'static'
  /** Of a constructor, method or static function. */
  readonly resource: TypeDef | undefined
  /** A method's first one is `self`. */
  readonly params: readonly { readonly name: string; readonly type: Type }[]
  readonly result: Type | undefined
}

/**
 * A world. Imports and exports are complete: interfaces whose types they use are there as well, in front of what uses them. Keys are
 * names, and `namespace:package/name@version` for interfaces that have one.
 */
export interface World extends Documented {
  readonly name: string
  readonly package: Package
  readonly imports: Map<string, WorldEntry>
  readonly exports: Map<string, WorldEntry>
}

export type WorldEntry =
  | { readonly tag: 'interface'; readonly interface: Interface; readonly stability: Stability | undefined }
  | { readonly tag: 'function'; readonly function: Func }
  | { readonly tag: 'type'; readonly type: TypeDef }

export const packageId = ({ namespace, name, version }: PackageName): string =>
  `${namespace}:${name}${version === undefined ? '' : `@${version}`}`

/** `namespace:package/name@version`; undefined for an interface without a name. */
export function interfaceId(item: Interface): string | undefined {
  if (item.name === undefined) return undefined
  const { namespace, name, version } = item.package.name
  return `${namespace}:${name}/${item.name}${version === undefined ? '' : `@${version}`}`
}

/** Behind all aliases. */
export function dealias(type: Type): Type {
  let at = type
  while (typeof at !== 'string' && at.kind.tag === 'alias') at = at.kind.type
  return at
}

/** The types that a kind is made of. */
export function partsOf(kind: TypeKind): readonly Type[] {
  const given = (...types: readonly (Type | undefined)[]): Type[] => types.filter((type) => type !== undefined)
  switch (kind.tag) {
    case 'alias':
      return [kind.type]
    case 'record':
      return kind.fields.map((field) => field.type)
    case 'variant':
      return given(...kind.cases.map((c) => c.type))
    case 'own':
    case 'borrow':
      return [kind.resource]
    case 'list':
      return [kind.element]
    case 'map':
      return [kind.key, kind.value]
    case 'option':
      return [kind.value]
    case 'result':
      return given(kind.ok, kind.err)
    case 'tuple':
      return kind.types
    case 'future':
    case 'stream':
      return given(kind.element)
    case 'enum':
    case 'flags':
    case 'resource':
      return []
  }
}
