// What is in a module, without running it.

import { bug } from '../util/bug.ts'
import { typeText } from '../wasm/canonical.ts'
import { decodeModule } from '../wasm/decode.ts'
import { EXTERN_KIND_NAMES, ExternKind, type ImportDesc, type Module } from '../wasm/module.ts'
import type { GlobalType, MemoryType, TableType } from '../wasm/types.ts'
import { type AddressType, type BufferSource, type ImportExportKind } from './namespace-types.ts'
import { compileErrorOf } from './compile-error.ts'
import { copyBytes, requireBytes } from './web-idl.ts'

/** Type of an import or export. Value types are written as in the text format (`i32`, `funcref`, `(ref null 3)`). */
export type ExternType =
  | { readonly kind: 'function'; readonly params: readonly string[]; readonly results: readonly string[] }
  | {
      readonly kind: 'memory'
      /** In pages. */
      readonly initial: number
      readonly maximum?: number
      readonly address: AddressType
      readonly shared: boolean
      /** In bytes. */
      readonly pageSize: number
    }
  | {
      readonly kind: 'table'
      readonly element: string
      readonly initial: number
      readonly maximum?: number
      readonly address: AddressType
    }
  | { readonly kind: 'global'; readonly value: string; readonly mutable: boolean }
  | { readonly kind: 'tag'; readonly params: readonly string[] }

export type ImportType = ExternType & { readonly module: string; readonly name: string }
export type ExportType = ExternType & { readonly name: string }

/** An imported function. */
export interface ImportFunction {
  readonly module: string
  readonly name: string
  readonly params: readonly string[]
  readonly results: readonly string[]
}

/** Summary of a module: see {@link inspectModule}. */
export interface ModuleInfo {
  /** In bytes. */
  readonly size: number
  readonly imports: readonly ImportType[]
  readonly exports: readonly ExportType[]
  readonly memories: readonly (ExternType & { kind: 'memory' })[]
  readonly tables: readonly (ExternType & { kind: 'table' })[]
  /** Numbers of definitions, imports not counted. */
  readonly counts: Readonly<Record<'types' | 'functions' | 'globals' | 'tags' | 'elements' | 'data', number>>
  /** In bytes. */
  readonly codeSize: number
  readonly dataSize: number
  /** Index of the start function. */
  readonly start?: number
  readonly customSections: readonly { readonly name: string; readonly size: number }[]
}

const plain = (type: number): string => typeText(type)

/** Parameter and result types of a function type of the module. */
export function functionTypeTexts(module: Module, typeIndex: number): { params: string[]; results: string[] } {
  const type = module.types[typeIndex]
  if (type.kind !== 'func') bug(`type ${typeIndex} is no function type`)
  return { params: type.params.map(plain), results: type.results.map(plain) }
}

const limits = (type: MemoryType | TableType) => ({
  initial: type.min,
  ...(type.max === undefined ? undefined : { maximum: type.max }),
  address: type.address64 ? ('i64' as const) : ('i32' as const),
})

const memoryType = (type: MemoryType): ExternType & { kind: 'memory' } => ({
  kind: 'memory',
  ...limits(type),
  shared: type.shared,
  pageSize: 2 ** type.pageSizeLog2,
})

const tableType = (type: TableType): ExternType & { kind: 'table' } => ({
  kind: 'table',
  element: plain(type.element),
  ...limits(type),
})

const globalType = (type: GlobalType): ExternType => ({
  kind: 'global',
  value: plain(type.type),
  mutable: type.mutable,
})

function importType(module: Module, desc: ImportDesc): ExternType {
  switch (desc.kind) {
    case ExternKind.Func:
      return { kind: 'function', ...functionTypeTexts(module, desc.typeIndex) }
    case ExternKind.Table:
      return tableType(desc.type)
    case ExternKind.Memory:
      return memoryType(desc.type)
    case ExternKind.Global:
      return globalType(desc.type)
    case ExternKind.Tag:
      return { kind: 'tag', params: functionTypeTexts(module, desc.typeIndex).params }
  }
}

function exportType(module: Module, kind: ExternKind, index: number): ExternType {
  switch (kind) {
    case ExternKind.Func:
      return { kind: 'function', ...functionTypeTexts(module, module.funcs[index]) }
    case ExternKind.Table:
      return tableType(module.tables[index])
    case ExternKind.Memory:
      return memoryType(module.memories[index])
    case ExternKind.Global:
      return globalType(module.globals[index])
    case ExternKind.Tag:
      return { kind: 'tag', params: functionTypeTexts(module, module.tags[index]).params }
  }
}

/** Imports of a decoded module, with their types. */
export const importTypes = (module: Module): ImportType[] =>
  module.imports.map((i) => ({ module: i.module, name: i.name, ...importType(module, i) }))

/** Exports of a decoded module, with their types. */
export const exportTypes = (module: Module): ExportType[] =>
  module.exports.map((e) => ({ name: e.name, ...exportType(module, e.kind, e.index) }))

/** Text name of an extern kind, as the JS API spells it. */
export const kindName = (kind: ExternKind): ImportExportKind => EXTERN_KIND_NAMES[kind]

/** Decodes and validates for inspection; `what` opens the message of the `CompileError`. */
function decode(bytes: BufferSource, what: string): Module {
  const copy = copyBytes(requireBytes(bytes, `${what}: Argument 0`))
  try {
    return decodeModule(copy)
  } catch (error) {
    throw compileErrorOf(error, what)
  }
}

/**
 * The functions a module imports, with their signatures: what a host has to offer before it can instantiate the module.
 *
 * @throws CompileError if the bytes are no valid module.
 */
export function inspectImportFunctions(bytes: BufferSource): ImportFunction[] {
  const module = decode(bytes, 'inspectImportFunctions()')
  const found: ImportFunction[] = []
  for (const i of module.imports)
    if (i.kind === ExternKind.Func)
      found.push({ module: i.module, name: i.name, ...functionTypeTexts(module, i.typeIndex) })
  return found
}

/**
 * Everything `zwasm inspect` shows about a module.
 *
 * @throws CompileError if the bytes are no valid module.
 */
export function inspectModule(bytes: BufferSource): ModuleInfo {
  const module = decode(bytes, 'inspectModule()')
  const sum = (items: readonly { readonly start: number; readonly end: number }[]): number =>
    items.reduce((total, item) => total + item.end - item.start, 0)
  return {
    size: module.bytes.length,
    imports: importTypes(module),
    exports: exportTypes(module),
    memories: module.memories.map(memoryType),
    tables: module.tables.map(tableType),
    counts: {
      types: module.types.length,
      functions: module.funcs.length - module.importedFuncs,
      globals: module.globalDefs.length,
      tags: module.tags.length - module.importedTags,
      elements: module.elems.length,
      data: module.datas.length,
    },
    codeSize: module.codeEnd.reduce((total, end, i) => total + end - module.codeStart[i], 0),
    dataSize: sum(module.datas),
    ...(module.start < 0 ? undefined : { start: module.start }),
    customSections: module.customSections.map((s) => ({ name: s.name, size: s.end - s.start })),
  }
}
