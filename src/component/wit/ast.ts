// What the parser makes of a WIT file. Names are not looked up yet.

import type { Span } from './source.ts'

export interface Name {
  readonly text: string
  readonly span: Span
}

export interface PackageName {
  readonly namespace: string
  readonly name: string
  /** Semantic version. */
  readonly version: string | undefined
}

/** `@since`, `@unstable` and `@deprecated` of an item. */
export interface Gate {
  readonly since?: { readonly version: string; readonly span: Span }
  readonly unstable?: { readonly feature: string }
  readonly deprecated?: { readonly version: string }
}

interface Described {
  readonly docs: string | undefined
  readonly gate: Gate
}

/** `name`, or `namespace:package/name@version`. */
export interface UsePath {
  readonly package: PackageName | undefined
  /** Of the package's name, for messages about it. */
  readonly packageSpan: Span | undefined
  readonly name: Name
}

export type Primitive =
  | 'bool'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 's8'
  | 's16'
  | 's32'
  | 's64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'string'
  | 'error-context'

export type TypeAst = { readonly span: Span } & BareType

export type BareType =
  | { readonly tag: 'primitive'; readonly name: Primitive }
  | { readonly tag: 'name'; readonly name: Name }
  | { readonly tag: 'own' | 'borrow'; readonly name: Name }
  | { readonly tag: 'list'; readonly element: TypeAst; readonly length: number | undefined }
  | { readonly tag: 'map'; readonly key: TypeAst; readonly value: TypeAst }
  | { readonly tag: 'option'; readonly value: TypeAst }
  | { readonly tag: 'result'; readonly ok: TypeAst | undefined; readonly err: TypeAst | undefined }
  | { readonly tag: 'tuple'; readonly types: readonly TypeAst[] }
  | { readonly tag: 'future' | 'stream'; readonly element: TypeAst | undefined }

export interface Field {
  readonly docs: string | undefined
  readonly name: Name
  readonly type: TypeAst
}
export interface Case {
  readonly docs: string | undefined
  readonly name: Name
  readonly type: TypeAst | undefined
}
export interface Label {
  readonly docs: string | undefined
  readonly name: Name
}

export type TypeBody =
  | { readonly tag: 'alias'; readonly type: TypeAst }
  | { readonly tag: 'record'; readonly fields: readonly Field[] }
  | { readonly tag: 'variant'; readonly cases: readonly Case[] }
  | { readonly tag: 'enum'; readonly cases: readonly Label[] }
  | { readonly tag: 'flags'; readonly flags: readonly Label[] }
  | { readonly tag: 'resource'; readonly methods: readonly Method[] }

export interface TypeItem extends Described {
  readonly tag: 'type'
  readonly name: Name
  readonly body: TypeBody
}

export interface FuncAst {
  readonly isAsync: boolean
  readonly params: readonly { readonly name: Name; readonly type: TypeAst }[]
  readonly result: TypeAst | undefined
}

export interface Method extends Described {
  readonly kind: 'constructor' | 'method' | 'static'
  readonly name: Name
  readonly func: FuncAst
}

export interface FuncItem extends Described {
  readonly tag: 'func'
  readonly name: Name
  readonly func: FuncAst
}

/** `use path.{a, b as c}` */
export interface UseItem extends Described {
  readonly tag: 'use'
  readonly from: UsePath
  readonly names: readonly { readonly name: Name; readonly as: Name | undefined }[]
}

export type InterfaceMember = TypeItem | FuncItem | UseItem

export interface InterfaceItem extends Described {
  readonly tag: 'interface'
  readonly name: Name
  readonly members: readonly InterfaceMember[]
}

export type ExternType =
  | { readonly tag: 'func'; readonly name: Name; readonly func: FuncAst }
  | { readonly tag: 'inline'; readonly name: Name; readonly members: readonly InterfaceMember[] }
  | { readonly tag: 'path'; readonly path: UsePath }
  /** `label: path`: an instance of an interface under a name of its own. */
  | { readonly tag: 'named-path'; readonly name: Name; readonly path: UsePath }

export interface ExternItem extends Described {
  readonly tag: 'import' | 'export'
  readonly item: ExternType
}

export interface IncludeItem extends Described {
  readonly tag: 'include'
  readonly from: UsePath
  readonly renames: readonly { readonly name: Name; readonly as: Name }[]
}

export type WorldMember = TypeItem | UseItem | ExternItem | IncludeItem

export interface WorldItem extends Described {
  readonly tag: 'world'
  readonly name: Name
  readonly members: readonly WorldMember[]
}

/** `use path as name;` at the top of a file. */
export interface TopLevelUse {
  readonly tag: 'top-use'
  readonly from: UsePath
  readonly as: Name | undefined
}

export type TopLevelItem = InterfaceItem | WorldItem | TopLevelUse

export interface PackageDecl {
  readonly docs: string | undefined
  readonly docsSpan: Span
  readonly name: PackageName
  readonly span: Span
}

/** A part of a package that stands in one file: names that it `use`s at the top are known in it only. */
export interface FilePart {
  readonly items: readonly TopLevelItem[]
}

export interface FileAst extends FilePart {
  readonly decl: PackageDecl | undefined
  readonly nested: readonly { readonly decl: PackageDecl; readonly part: FilePart }[]
}
