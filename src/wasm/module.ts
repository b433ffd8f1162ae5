// The decoded module: what decoder and text parser produce, what encoder and printer write, what the runtime instantiates.
// Types in it are module-relative (`ValType`); `canon` leads to canonical ids. Function bodies stay bytes.

import type { GlobalType, MemoryType, SubType, TableType, ValType } from './types.ts'

export const enum ExternKind {
  Func = 0,
  Table = 1,
  Memory = 2,
  Global = 3,
  Tag = 4,
}

/** Text names of `ExternKind`, as the JS API spells them. */
export const EXTERN_KIND_NAMES = ['function', 'table', 'memory', 'global', 'tag'] as const

export type ImportDesc =
  | { readonly kind: ExternKind.Func; readonly typeIndex: number }
  | { readonly kind: ExternKind.Table; readonly type: TableType }
  | { readonly kind: ExternKind.Memory; readonly type: MemoryType }
  | { readonly kind: ExternKind.Global; readonly type: GlobalType }
  | { readonly kind: ExternKind.Tag; readonly typeIndex: number }

export type Import = { readonly module: string; readonly name: string } & ImportDesc

export interface Export {
  readonly name: string
  readonly kind: ExternKind
  /** Index into the index space of `kind` (imports first). */
  readonly index: number
}

/** A constant expression: its bytes in `Module.bytes` including the closing `end`. Offsets are absolute in the module. */
export interface ConstExpr {
  readonly start: number
  readonly end: number
}

export interface TableDef {
  readonly type: TableType
  /** The initialiser, or `undefined` for null. */
  readonly init: ConstExpr | undefined
}

export interface GlobalDef {
  readonly type: GlobalType
  readonly init: ConstExpr
}

export type SegmentMode = 'active' | 'passive' | 'declarative'

export interface ElemSegment {
  readonly mode: SegmentMode
  /** Active only. */
  readonly table: number
  /** Active only. */
  readonly offset: ConstExpr | undefined
  readonly type: ValType
  /** Function indices, or constant expressions; exactly one of the two is set. */
  readonly funcs: Uint32Array | undefined
  readonly exprs: readonly ConstExpr[] | undefined
}

export interface DataSegment {
  readonly mode: 'active' | 'passive'
  readonly memory: number
  readonly offset: ConstExpr | undefined
  /** Payload bounds in `Module.bytes`. */
  readonly start: number
  readonly end: number
}

export interface CustomSection {
  readonly name: string
  /** Payload bounds in `Module.bytes` (behind the name). */
  readonly start: number
  readonly end: number
  /** Id of the last non-custom section before it in the file; 0 if none. Keeps its place through a round trip. */
  readonly after: number
}

/** A decoded (not necessarily validated) module. Index spaces hold imports first. */
export interface Module {
  /** The whole binary; never mutated. All offsets below are into it. */
  readonly bytes: Uint8Array
  readonly types: readonly SubType[]
  /** Rec groups: first type index of each group, ascending. */
  readonly recGroups: Uint32Array
  /** Canonical id of each type index. */
  readonly canon: Int32Array
  readonly imports: readonly Import[]
  readonly exports: readonly Export[]
  /** Type index of each function (imported first). */
  readonly funcs: Uint32Array
  readonly importedFuncs: number
  /** Type of each table, imported first; `tableDefs` has the defined ones. */
  readonly tables: readonly TableType[]
  readonly tableDefs: readonly TableDef[]
  readonly memories: readonly MemoryType[]
  readonly importedMemories: number
  readonly globals: readonly GlobalType[]
  readonly globalDefs: readonly GlobalDef[]
  /** Type index of each tag. */
  readonly tags: Uint32Array
  readonly importedTags: number
  /** Function index, or -1. */
  readonly start: number
  readonly elems: readonly ElemSegment[]
  readonly datas: readonly DataSegment[]
  /** Whether a data count section is present. */
  readonly hasDataCount: boolean
  /** Body bounds of each defined function (behind the size field: local declarations, then instructions). */
  readonly codeStart: Uint32Array
  readonly codeEnd: Uint32Array
  readonly customSections: readonly CustomSection[]
}
