// The component model's data model: what the text parser produces, the encoder writes and the decoder reads
// (component-model: design/mvp/Binary.md). It is the syntax: indices are not resolved, nothing is checked beyond the form.
//
// Definitions stand in the order of the component, and each appends to the index space of its sort.

import type { MemoryType, SubType, TableType, GlobalType, ValType as CoreValType } from '../../wasm/types.ts'

/** Sorts of definitions: core sorts by their binary code, component sorts with 0x100 added to theirs. */
export const enum Sort {
  CoreFunc = 0x00,
  CoreTable = 0x01,
  CoreMemory = 0x02,
  CoreGlobal = 0x03,
  CoreTag = 0x04,
  CoreType = 0x10,
  CoreModule = 0x11,
  CoreInstance = 0x12,
  Func = 0x101,
  Value = 0x102,
  Type = 0x103,
  Component = 0x104,
  Instance = 0x105,
}

/** Sorts in words. */
export const SORT_NAMES: Readonly<Record<Sort, string>> = {
  [Sort.CoreFunc]: 'core func',
  [Sort.CoreTable]: 'core table',
  [Sort.CoreMemory]: 'core memory',
  [Sort.CoreGlobal]: 'core global',
  [Sort.CoreTag]: 'core tag',
  [Sort.CoreType]: 'core type',
  [Sort.CoreModule]: 'core module',
  [Sort.CoreInstance]: 'core instance',
  [Sort.Func]: 'func',
  [Sort.Value]: 'value',
  [Sort.Type]: 'type',
  [Sort.Component]: 'component',
  [Sort.Instance]: 'instance',
}

export interface SortIndex {
  readonly sort: Sort
  readonly index: number
}

/** A name with the attributes of imports and exports. */
export interface ExternName {
  readonly name: string
  /** Interface that an instance with a plain name implements. */
  readonly implements?: string | undefined
  readonly versionSuffix?: string | undefined
  readonly externalId?: string | undefined
}

// Core definitions

export interface CoreExport extends SortIndex {
  readonly name: string
}

export type CoreInstanceExpr =
  | {
      readonly kind: 'instantiate'
      readonly module: number
      readonly args: readonly { readonly name: string; readonly instance: number }[]
    }
  | { readonly kind: 'exports'; readonly exports: readonly CoreExport[] }

/** Type of an import or export of a core module; `type` is an index of the module type's own space. */
export type CoreExternDesc =
  | { readonly sort: Sort.CoreFunc | Sort.CoreTag; readonly type: number }
  | { readonly sort: Sort.CoreTable; readonly type: TableType }
  | { readonly sort: Sort.CoreMemory; readonly type: MemoryType }
  | { readonly sort: Sort.CoreGlobal; readonly type: GlobalType }

export type CoreModuleDecl =
  | { readonly kind: 'import'; readonly module: string; readonly name: string; readonly desc: CoreExternDesc }
  | { readonly kind: 'type'; readonly type: CoreTypeDef }
  | { readonly kind: 'alias'; readonly count: number; readonly index: number }
  | { readonly kind: 'export'; readonly name: string; readonly desc: CoreExternDesc }

/** A recursion group (its types name each other and earlier ones by index), or a module type. */
export type CoreTypeDef =
  | { readonly kind: 'rec'; readonly types: readonly SubType[] }
  | { readonly kind: 'module'; readonly decls: readonly CoreModuleDecl[] }

// Types

/** Primitive value types by their binary code less 0x80. Non-negative numbers in the place of a value type are type indices. */
export const enum Prim {
  Bool = -1,
  S8 = -2,
  U8 = -3,
  S16 = -4,
  U16 = -5,
  S32 = -6,
  U32 = -7,
  S64 = -8,
  U64 = -9,
  F32 = -10,
  F64 = -11,
  Char = -12,
  String = -13,
  ErrorContext = -28,
}

export const PRIM_NAMES: Readonly<Record<number, string>> = {
  [Prim.Bool]: 'bool',
  [Prim.S8]: 's8',
  [Prim.U8]: 'u8',
  [Prim.S16]: 's16',
  [Prim.U16]: 'u16',
  [Prim.S32]: 's32',
  [Prim.U32]: 'u32',
  [Prim.S64]: 's64',
  [Prim.U64]: 'u64',
  [Prim.F32]: 'f32',
  [Prim.F64]: 'f64',
  [Prim.Char]: 'char',
  [Prim.String]: 'string',
  [Prim.ErrorContext]: 'error-context',
}

/** A `Prim`, or a type index. */
export type ValTypeRef = number

export interface LabelType {
  readonly label: string
  readonly type: ValTypeRef
}

export type DefinedTypeDef =
  | { readonly kind: 'primitive'; readonly type: Prim }
  | { readonly kind: 'record'; readonly fields: readonly LabelType[] }
  | {
      readonly kind: 'variant'
      readonly cases: readonly { readonly label: string; readonly type: ValTypeRef | undefined }[]
    }
  | { readonly kind: 'list'; readonly element: ValTypeRef; readonly length: number | undefined }
  | { readonly kind: 'tuple'; readonly types: readonly ValTypeRef[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly type: ValTypeRef }
  | { readonly kind: 'result'; readonly ok: ValTypeRef | undefined; readonly err: ValTypeRef | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: number }
  | { readonly kind: 'stream' | 'future'; readonly type: ValTypeRef | undefined }
  | { readonly kind: 'map'; readonly key: ValTypeRef; readonly value: ValTypeRef }

export type TypeDef =
  | DefinedTypeDef
  | {
      readonly kind: 'func'
      readonly async: boolean
      readonly params: readonly LabelType[]
      readonly result: ValTypeRef | undefined
    }
  | { readonly kind: 'resource'; readonly rep: CoreValType; readonly dtor: number | undefined }
  | { readonly kind: 'component' | 'instance'; readonly decls: readonly Decl[] }

/** The type of an import or export, `type` being an index. */
export type ExternDesc =
  | { readonly sort: Sort.CoreModule | Sort.Func | Sort.Component | Sort.Instance; readonly type: number }
  | { readonly sort: Sort.Value; readonly type: ValTypeRef; readonly eq?: undefined }
  | { readonly sort: Sort.Value; readonly eq: number; readonly type?: undefined }
  /** `eq`: index of the type it equals; without it an abstract resource type. */
  | { readonly sort: Sort.Type; readonly eq: number | undefined }

export type Alias =
  | { readonly target: 'export' | 'core export'; readonly sort: Sort; readonly instance: number; readonly name: string }
  | { readonly target: 'outer'; readonly sort: Sort; readonly count: number; readonly index: number }

/** A declarator of a component or instance type (`import` only in component types). */
export type Decl = (
  | { readonly kind: 'core-type'; readonly type: CoreTypeDef }
  | { readonly kind: 'type'; readonly type: TypeDef }
  | { readonly kind: 'alias'; readonly alias: Alias }
  | { readonly kind: 'import' | 'export'; readonly name: ExternName; readonly desc: ExternDesc }
) &
  Located

// Canonical definitions

export type StringEncoding = 'utf8' | 'utf16' | 'latin1+utf16'

/** Options of a canonical definition, in their order; an index of a core function or memory. */
export type CanonOption =
  | { readonly kind: 'string-encoding'; readonly encoding: StringEncoding }
  | { readonly kind: 'memory' | 'realloc' | 'post-return' | 'callback'; readonly index: number }
  | { readonly kind: 'async' }

/** Immediates of the built-ins, in the order of the binary format. */
export type CanonImmediate =
  'type' | 'results' | 'options' | 'async' | 'cancel' | 'memory' | 'context' | 'core-type' | 'table'

/** The canonical built-ins: binary code, name, immediates. `lift` and `lower` have forms of their own. */
export const BUILT_INS: readonly (readonly [number, string, readonly CanonImmediate[]])[] = [
  [0x02, 'resource.new', ['type']],
  [0x03, 'resource.drop', ['type']],
  [0x04, 'resource.rep', ['type']],
  [0x05, 'task.cancel', []],
  [0x06, 'subtask.cancel', ['async']],
  [0x09, 'task.return', ['results', 'options']],
  [0x0a, 'context.get', ['context']],
  [0x0b, 'context.set', ['context']],
  [0x0c, 'thread.yield', ['cancel']],
  [0x0d, 'subtask.drop', []],
  [0x0e, 'stream.new', ['type']],
  [0x0f, 'stream.read', ['type', 'options']],
  [0x10, 'stream.write', ['type', 'options']],
  [0x11, 'stream.cancel-read', ['type', 'async']],
  [0x12, 'stream.cancel-write', ['type', 'async']],
  [0x13, 'stream.drop-readable', ['type']],
  [0x14, 'stream.drop-writable', ['type']],
  [0x15, 'future.new', ['type']],
  [0x16, 'future.read', ['type', 'options']],
  [0x17, 'future.write', ['type', 'options']],
  [0x18, 'future.cancel-read', ['type', 'async']],
  [0x19, 'future.cancel-write', ['type', 'async']],
  [0x1a, 'future.drop-readable', ['type']],
  [0x1b, 'future.drop-writable', ['type']],
  [0x1c, 'error-context.new', ['options']],
  [0x1d, 'error-context.debug-message', ['options']],
  [0x1e, 'error-context.drop', []],
  [0x1f, 'waitable-set.new', []],
  [0x20, 'waitable-set.wait', ['cancel', 'memory']],
  [0x21, 'waitable-set.poll', ['cancel', 'memory']],
  [0x22, 'waitable-set.drop', []],
  [0x23, 'waitable.join', []],
  [0x24, 'backpressure.inc', []],
  [0x25, 'backpressure.dec', []],
  [0x26, 'thread.index', []],
  [0x27, 'thread.new-indirect', ['core-type', 'table']],
  [0x28, 'thread.resume-later', []],
  [0x29, 'thread.suspend', ['cancel']],
  [0x2a, 'thread.suspend-then-resume', ['cancel']],
  [0x2b, 'thread.yield-then-resume', ['cancel']],
  [0x2c, 'thread.suspend-then-promote', ['cancel']],
  [0x2d, 'thread.yield-then-promote', ['cancel']],
]

export interface BuiltIn {
  readonly op: string
  readonly type?: number
  readonly result?: ValTypeRef | undefined
  readonly options?: readonly CanonOption[]
  readonly async?: boolean
  readonly cancel?: boolean
  readonly memory?: number
  readonly slotType?: CoreValType
  readonly slot?: number
  readonly coreType?: number
  readonly table?: number
}

export type Canon =
  | { readonly op: 'lift'; readonly func: number; readonly options: readonly CanonOption[]; readonly type: number }
  | { readonly op: 'lower'; readonly func: number; readonly options: readonly CanonOption[] }
  | BuiltIn

// Definitions

export type InstanceExpr =
  | {
      readonly kind: 'instantiate'
      readonly component: number
      readonly args: readonly (SortIndex & { readonly name: string })[]
    }
  | { readonly kind: 'exports'; readonly exports: readonly (SortIndex & { readonly name: ExternName })[] }

export interface Located {
  /** Byte offset in the binary; 0 if it came from a text. */
  readonly at: number
}

export type Definition = (
  | { readonly kind: 'custom'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'core-module'; readonly bytes: Uint8Array }
  | { readonly kind: 'core-instance'; readonly expr: CoreInstanceExpr }
  | { readonly kind: 'core-type'; readonly type: CoreTypeDef }
  | { readonly kind: 'component'; readonly component: ComponentDef }
  | { readonly kind: 'instance'; readonly expr: InstanceExpr }
  | { readonly kind: 'alias'; readonly alias: Alias }
  | { readonly kind: 'type'; readonly type: TypeDef }
  | { readonly kind: 'canon'; readonly canon: Canon }
  | { readonly kind: 'import'; readonly name: ExternName; readonly desc: ExternDesc }
  | {
      readonly kind: 'export'
      readonly name: ExternName
      readonly item: SortIndex
      readonly ascribed: ExternDesc | undefined
    }
) &
  Located

/** A component: its definitions in order. */
export interface ComponentDef {
  readonly definitions: readonly Definition[]
}
