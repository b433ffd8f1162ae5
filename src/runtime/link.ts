// Linking: does what is given for an import have the type that the import asks for? (spec 3.0, "Import/Export matching")

import { isSubtypeId, matches, typeDef, typeText, canonType } from '../wasm/canonical.ts'
import { EXTERN_KIND_NAMES, ExternKind, type Export, type Import, type Module } from '../wasm/module.ts'
import type { MemoryType, TableType } from '../wasm/types.ts'
import type { GlobalInstance, Instance, MemoryInstance, TableInstance, TagInstance } from './instance.ts'
import { FUNC, FUNC_WORDS_LOG2, Func } from './machine.ts'

/** What an import is given, or an export gives. */
export type Extern =
  | { readonly kind: ExternKind.Func; readonly fid: number }
  | { readonly kind: ExternKind.Table; readonly table: TableInstance }
  | { readonly kind: ExternKind.Memory; readonly memory: MemoryInstance }
  | { readonly kind: ExternKind.Global; readonly global: GlobalInstance }
  | { readonly kind: ExternKind.Tag; readonly tag: TagInstance }

/** An import that does not match what it is given. */
export class LinkFailure extends Error {
  override readonly name = 'LinkFailure'
  readonly importIndex: number
  /** The two names of the import. */
  readonly module: string
  readonly field: string
  /** Types as text, such as `func (param i32)` and `memory 1 2`. */
  readonly expected: string
  readonly given: string

  constructor(importIndex: number, wanted: Import, expected: string, given: string) {
    const known = given === '' ? 'unknown import' : 'incompatible import type'
    super(`${known}: \`${wanted.module}::${wanted.name}\`: expected ${expected}${given && `, found ${given}`}`)
    this.importIndex = importIndex
    this.module = wanted.module
    this.field = wanted.name
    this.expected = expected
    this.given = given
  }
}

/** Canonical type of a function. */
export const typeIdOf = (fid: number): number => FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type]

/** Checks all imports of a module; throws a `LinkFailure` for the first that does not match. A missing extern is `undefined`. */
export function checkImports(module: Module, externs: readonly (Extern | undefined)[]): void {
  for (let i = 0; i < module.imports.length; i++) {
    const wanted = module.imports[i]
    const given = externs[i]
    if (given === undefined) throw new LinkFailure(i, wanted, importText(module, wanted), '')
    if (!matchesImport(module, wanted, given)) {
      throw new LinkFailure(i, wanted, importText(module, wanted), externText(given))
    }
  }
}

function matchesImport(module: Module, wanted: Import, given: Extern): boolean {
  switch (wanted.kind) {
    case ExternKind.Func:
      return given.kind === ExternKind.Func && isSubtypeId(typeIdOf(given.fid), module.canon[wanted.typeIndex])
    case ExternKind.Table: {
      if (given.kind !== ExternKind.Table) return false
      const { type, size } = given.table
      return (
        type.element === canonType(module, wanted.type.element) &&
        type.address64 === wanted.type.address64 &&
        limitsMatch(size, type.max, wanted.type)
      )
    }
    case ExternKind.Memory: {
      if (given.kind !== ExternKind.Memory) return false
      given.memory.refresh()
      const { type, pages } = given.memory
      return (
        type.shared === wanted.type.shared &&
        type.address64 === wanted.type.address64 &&
        type.pageSizeLog2 === wanted.type.pageSizeLog2 &&
        limitsMatch(pages, type.max, wanted.type)
      )
    }
    case ExternKind.Global: {
      if (given.kind !== ExternKind.Global) return false
      const type = canonType(module, wanted.type.type)
      if (given.global.mutable !== wanted.type.mutable) return false
      // A mutable global is written through both types: they must be the same.
      return wanted.type.mutable ? given.global.type === type : matches(given.global.type, type)
    }
    case ExternKind.Tag:
      return given.kind === ExternKind.Tag && given.tag.typeId === module.canon[wanted.typeIndex]
  }
}

/** The current size counts as the minimum of what is given. */
function limitsMatch(size: number, max: number | undefined, wanted: MemoryType | TableType): boolean {
  return size >= wanted.min && (wanted.max === undefined || (max !== undefined && max <= wanted.max))
}

/** What an export of an instance gives. */
export function exportOf(instance: Instance, { kind, index }: Export): Extern {
  switch (kind) {
    case ExternKind.Func:
      return { kind, fid: instance.funcIds[index] }
    case ExternKind.Table:
      return { kind, table: instance.tables[index] }
    case ExternKind.Memory:
      return { kind, memory: instance.memories[index] }
    case ExternKind.Global:
      return { kind, global: instance.globals[index] }
    case ExternKind.Tag:
      return { kind, tag: instance.tags[index] }
  }
}

// ---- texts --------------------------------------------------------------------------------------------------------------------

/** Text of an import's type, as in the text format. */
export function importText(module: Module, wanted: Import): string {
  switch (wanted.kind) {
    case ExternKind.Func:
      return funcText(module.canon[wanted.typeIndex])
    case ExternKind.Table:
      return tableText(wanted.type.min, wanted.type.max, wanted.type.address64, canonType(module, wanted.type.element))
    case ExternKind.Memory:
      return memoryText(wanted.type.min, wanted.type)
    case ExternKind.Global:
      return globalText(canonType(module, wanted.type.type), wanted.type.mutable)
    case ExternKind.Tag:
      return 'tag' + funcText(module.canon[wanted.typeIndex]).slice('func'.length)
  }
}

/** Text of what is given; sizes are the current ones. */
export function externText(given: Extern): string {
  switch (given.kind) {
    case ExternKind.Func:
      return funcText(typeIdOf(given.fid))
    case ExternKind.Table:
      return tableText(given.table.size, given.table.type.max, given.table.type.address64, given.table.type.element)
    case ExternKind.Memory:
      return memoryText(given.memory.pages, given.memory.type)
    case ExternKind.Global:
      return globalText(given.global.type, given.global.mutable)
    case ExternKind.Tag:
      return 'tag' + funcText(given.tag.typeId).slice('func'.length)
  }
}

/** Text of a canonical function type. */
export function funcText(typeId: number): string {
  const type = typeDef(typeId)
  if (type.kind !== 'func') return EXTERN_KIND_NAMES[ExternKind.Func]
  const list = (name: string, types: readonly number[]): string =>
    types.length === 0 ? '' : ` (${name} ${types.map((t) => typeText(t)).join(' ')})`
  return `func${list('param', type.params)}${list('result', type.results)}`
}

const limitsText = (min: number, max: number | undefined): string => (max === undefined ? ` ${min}` : ` ${min} ${max}`)

const tableText = (size: number, max: number | undefined, address64: boolean, element: number): string =>
  `table${address64 ? ' i64' : ''}${limitsText(size, max)} ${typeText(element)}`

const memoryText = (size: number, type: MemoryType): string =>
  `memory${type.address64 ? ' i64' : ''}${limitsText(size, type.max)}${type.shared ? ' shared' : ''}${
    type.pageSizeLog2 === 16 ? '' : ` (pagesize ${2 ** type.pageSizeLog2})`
  }`

const globalText = (type: number, mutable: boolean): string =>
  mutable ? `global (mut ${typeText(type)})` : `global ${typeText(type)}`
