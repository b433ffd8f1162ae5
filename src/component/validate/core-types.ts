// Core types within components: canonical types, module types, what a module needs to match a module type
// (Explainer.md, "Type Definitions" and "Type Checking"; core spec 3.0, "Import Matching").

import type { Module } from '../../wasm/module.ts'
import { ExternKind } from '../../wasm/module.ts'
import {
  canonicalFuncType,
  canonicalizeGroup,
  canonType,
  isSubtypeId,
  matches,
  typeDef,
  typeText,
} from '../../wasm/canonical.ts'
import { FormatError } from '../../wasm/errors.ts'
import type { CanonType, Limits, MemoryType, SubType, ValType } from '../../wasm/types.ts'
import { isConcrete, typeIndexOf } from '../../wasm/types.ts'
import type { CoreExternDesc, CoreModuleDecl } from '../binary/model.ts'
import { Sort } from '../binary/model.ts'

/** Type of a core definition. Types in it are canonical. */
export type CoreExtern =
  | { readonly kind: 'func' | 'tag'; readonly type: number }
  | { readonly kind: 'table'; readonly element: CanonType; readonly address64: boolean; readonly limits: Limits }
  | { readonly kind: 'memory'; readonly type: MemoryType }
  | { readonly kind: 'global'; readonly type: CanonType; readonly mutable: boolean }

/** Names of an import: module and name, with a zero character between. */
export type ImportKey = string
export const importKey = (module: string, name: string): ImportKey => `${module}\0${name}`
const importText = (key: ImportKey): string => key.replace('\0', '::')

export interface CoreModuleType {
  readonly kind: 'module'
  readonly imports: ReadonlyMap<ImportKey, CoreExtern>
  readonly exports: ReadonlyMap<string, CoreExtern>
}

function invalid(message: string, at: number): never {
  throw new FormatError('invalid', message, at)
}

/** The core type index space of a component, component type, instance type or module type. */
export class CoreTypeSpace {
  /** Definitions by index; holes where `modules` has the type, or where an alias has only its canonical id. */
  readonly #types: SubType[] = []
  #canon = new Int32Array(16)
  readonly #modules = new Map<number, CoreModuleType>()

  get count(): number {
    return this.#types.length
  }

  #grow(count: number): void {
    if (count <= this.#canon.length) return
    const larger = new Int32Array(count * 2)
    larger.set(this.#canon)
    this.#canon = larger
  }

  /** Adds the types of a recursion group. */
  addGroup(types: readonly SubType[], at: number): void {
    const first = this.#types.length
    const end = first + types.length
    this.#types.push(...types)
    this.#grow(end)
    const check = (type: ValType): void => {
      if (!isConcrete(type)) return
      const index = typeIndexOf(type)
      if (index >= end) invalid(`unknown type ${index}: type index out of bounds`, at)
      if (this.#modules.has(index)) invalid(`type index ${index} is a module type`, at)
    }
    for (const type of types) {
      if (type.supertype >= end) invalid(`unknown type ${type.supertype}: type index out of bounds`, at)
      if (type.supertype >= 0 && this.#modules.has(type.supertype))
        invalid(`type index ${type.supertype} is a module type`, at)
      if (type.kind === 'func') for (const t of [...type.params, ...type.results]) check(t)
      else if (type.kind === 'struct') for (const f of type.fields) check(f.type)
      else check(type.field.type)
      if (type.supertype >= 0) this.#checkSupertype(type, this.#types[type.supertype], at)
    }
    canonicalizeGroup(this.#types, first, types.length, this.#canon)
  }

  #checkSupertype(type: SubType, above: SubType, at: number): void {
    if (above.final) invalid('sub type cannot have a final super type', at)
    // Structure is compared by the core validator where the type is used in a module; here kinds have to agree.
    if (type.kind !== above.kind) invalid('sub type must match its super type', at)
  }

  addModule(type: CoreModuleType): void {
    this.#modules.set(this.#types.length, type)
    this.#hole()
  }

  /** Adds what another space has under an index. */
  addAlias(from: CoreTypeSpace, index: number): void {
    const module = from.#modules.get(index)
    if (module !== undefined) return this.addModule(module)
    this.#types.push(from.#types[index])
    this.#grow(this.#types.length)
    this.#canon[this.#types.length - 1] = from.#canon[index]
  }

  #hole(): void {
    this.#types.push({ kind: 'struct', fields: [], final: true, supertype: -1 })
    this.#grow(this.#types.length)
    this.#canon[this.#types.length - 1] = -1
  }

  isModule(index: number): boolean {
    return this.#modules.has(index)
  }

  module(index: number, at: number): CoreModuleType {
    if (index >= this.count) invalid(`unknown type ${index}: type index out of bounds`, at)
    return this.#modules.get(index) ?? invalid(`core type index ${index} is not a module type`, at)
  }

  /** The canonical id of a function type. */
  func(index: number, at: number): number {
    if (index >= this.count) invalid(`unknown type ${index}: type index out of bounds`, at)
    if (this.isModule(index) || this.#types[index].kind !== 'func')
      invalid(`type index ${index} is not a function type`, at)
    return this.#canon[index]
  }

  extern(desc: CoreExternDesc, at: number): CoreExtern {
    const known = (type: ValType): CanonType => {
      if (isConcrete(type) && typeIndexOf(type) >= this.count)
        invalid(`unknown type ${typeIndexOf(type)}: type index out of bounds`, at)
      return canonType({ canon: this.#canon }, type)
    }
    switch (desc.sort) {
      case Sort.CoreFunc:
        return { kind: 'func', type: this.func(desc.type, at) }
      case Sort.CoreTag: {
        const type = this.func(desc.type, at)
        const def = typeDef(type)
        if (def.kind === 'func' && def.results.length > 0)
          invalid('invalid exception type: non-empty tag result type', at)
        return { kind: 'tag', type }
      }
      case Sort.CoreTable: {
        const { element, address64, min, max } = desc.type
        return { kind: 'table', element: known(element), address64, limits: { min, max } }
      }
      case Sort.CoreMemory:
        checkMemoryType(desc.type, at)
        return { kind: 'memory', type: desc.type }
      case Sort.CoreGlobal:
        return { kind: 'global', type: known(desc.type.type), mutable: desc.type.mutable }
    }
  }
}

/** Core spec 3.0, "Memory Types", and the proposals threads and custom-page-sizes. */
function checkMemoryType({ min, max, address64, shared, pageSizeLog2 }: MemoryType, at: number): void {
  const bytesLog2 = address64 ? 64 : 32
  if (pageSizeLog2 !== 0 && pageSizeLog2 !== 16) invalid(`invalid custom page size: 2^${pageSizeLog2}`, at)
  const limit = Math.min(2 ** (bytesLog2 - pageSizeLog2), pageSizeLog2 === 0 && !address64 ? 2 ** 32 - 1 : Infinity)
  if (min > limit || (max ?? 0) > limit) invalid(`memory size must be at most ${limit} pages`, at)
  if (max !== undefined && min > max) invalid('size minimum must not be greater than maximum', at)
  if (shared && max === undefined) invalid('shared memory must have maximum', at)
}

/** The module type that declarators describe. `aliasTarget` finds the space that an outer alias counts to. */
export function moduleTypeOf(
  decls: readonly CoreModuleDecl[],
  outer: (count: number, at: number) => CoreTypeSpace,
  at: number,
): CoreModuleType {
  const space = new CoreTypeSpace()
  const imports = new Map<ImportKey, CoreExtern>()
  const exports = new Map<string, CoreExtern>()
  for (const decl of decls) {
    switch (decl.kind) {
      case 'type':
        if (decl.type.kind === 'module') invalid('module types may not be defined in module types', at)
        space.addGroup(decl.type.types, at)
        break
      case 'alias': {
        const from = decl.count === 0 ? space : outer(decl.count - 1, at)
        if (decl.index >= from.count) invalid(`unknown type ${decl.index}: type index out of bounds`, at)
        if (from.isModule(decl.index)) invalid('only core types other than module types may be aliased here', at)
        space.addAlias(from, decl.index)
        break
      }
      case 'import': {
        const key = importKey(decl.module, decl.name)
        if (imports.has(key)) invalid(`duplicate import name \`${decl.module}:${decl.name}\``, at)
        imports.set(key, space.extern(decl.desc, at))
        break
      }
      case 'export':
        if (exports.has(decl.name)) invalid(`export name \`${decl.name}\` already defined`, at)
        exports.set(decl.name, space.extern(decl.desc, at))
    }
  }
  return { kind: 'module', imports, exports }
}

/** The type of a module. Components may not contain modules that import the same name twice. */
export function typeOfModule(module: Module, at: number): CoreModuleType {
  const imports = new Map<ImportKey, CoreExtern>()
  const exports = new Map<string, CoreExtern>()
  for (const i of module.imports) {
    const key = importKey(i.module, i.name)
    if (imports.has(key)) invalid(`duplicate import name \`${i.module}:${i.name}\``, at)
    imports.set(key, externOfImport(module, i))
  }
  for (const e of module.exports) exports.set(e.name, externOfExport(module, e.kind, e.index))
  return { kind: 'module', imports, exports }
}

function externOfImport(module: Module, i: Module['imports'][number]): CoreExtern {
  switch (i.kind) {
    case ExternKind.Func:
      return { kind: 'func', type: module.canon[i.typeIndex] }
    case ExternKind.Tag:
      return { kind: 'tag', type: module.canon[i.typeIndex] }
    case ExternKind.Table: {
      const { element, address64, min, max } = i.type
      return { kind: 'table', element: canonType(module, element), address64, limits: { min, max } }
    }
    case ExternKind.Memory:
      return { kind: 'memory', type: i.type }
    case ExternKind.Global:
      return { kind: 'global', type: canonType(module, i.type.type), mutable: i.type.mutable }
  }
}

function externOfExport(module: Module, kind: ExternKind, index: number): CoreExtern {
  switch (kind) {
    case ExternKind.Func:
      return { kind: 'func', type: module.canon[module.funcs[index]] }
    case ExternKind.Tag:
      return { kind: 'tag', type: module.canon[module.tags[index]] }
    case ExternKind.Table: {
      const { element, address64, min, max } = module.tables[index]
      return { kind: 'table', element: canonType(module, element), address64, limits: { min, max } }
    }
    case ExternKind.Memory:
      return { kind: 'memory', type: module.memories[index] }
    case ExternKind.Global: {
      const { type, mutable } = module.globals[index]
      return { kind: 'global', type: canonType(module, type), mutable }
    }
  }
}

// Matching. Each function returns what is wrong, or undefined.

export function funcText(type: number): string {
  const def = typeDef(type)
  if (def.kind !== 'func') return `(${def.kind})`
  const list = (word: string, types: readonly CanonType[]): string =>
    types.length === 0 ? '' : ` (${word} ${types.map((t) => typeText(t)).join(' ')})`
  return `(func${list('param', def.params)}${list('result', def.results)})`
}

function limitsMismatch(a: Limits, b: Limits): boolean {
  return a.min < b.min || (b.max !== undefined && (a.max === undefined || a.max > b.max))
}

/** Why an extern of type `a` cannot be used where a `b` is expected. */
export function coreMismatch(a: CoreExtern, b: CoreExtern): string | undefined {
  if (a.kind !== b.kind) return `expected ${b.kind}, found ${a.kind}`
  switch (b.kind) {
    case 'func':
    case 'tag': {
      const { type } = a as typeof b
      const ok = b.kind === 'func' ? isSubtypeId(type, b.type) : type === b.type
      return ok ? undefined : `expected: ${funcText(b.type)}, found:    ${funcText(type)}`
    }
    case 'table': {
      const { element, address64, limits } = a as typeof b
      if (element !== b.element && !(matches(element, b.element) && matches(b.element, element)))
        return `expected table element type ${typeText(b.element)}, found ${typeText(element)}`
      if (address64 !== b.address64) return 'mismatch in index type used for tables'
      return limitsMismatch(limits, b.limits) ? 'mismatch in table limits' : undefined
    }
    case 'memory': {
      const { type } = a as typeof b
      if (type.shared !== b.type.shared) return 'mismatch in the shared flag for memories'
      if (type.address64 !== b.type.address64) return 'mismatch in index type used for memories'
      if (type.pageSizeLog2 !== b.type.pageSizeLog2) return 'mismatch in page size for memories'
      return limitsMismatch(type, b.type) ? 'mismatch in memory limits' : undefined
    }
    case 'global': {
      const { type, mutable } = a as typeof b
      if (mutable !== b.mutable) return 'global types differ in mutability'
      const ok = mutable ? type === b.type : matches(type, b.type)
      return ok ? undefined : `expected global type ${typeText(b.type)}, found ${typeText(type)}`
    }
  }
}

/** Why a module of type `a` cannot be used where a `b` is expected: it may import less and export more. */
export function moduleMismatch(a: CoreModuleType, b: CoreModuleType): string | undefined {
  for (const [key, needed] of a.imports) {
    const given = b.imports.get(key)
    if (given === undefined) return `missing expected import \`${importText(key)}\``
    const problem = coreMismatch(given, needed)
    if (problem !== undefined) return `type mismatch in import \`${importText(key)}\`: ${problem}`
  }
  for (const [name, wanted] of b.exports) {
    const found = a.exports.get(name)
    if (found === undefined) return `missing expected export \`${name}\``
    const problem = coreMismatch(found, wanted)
    if (problem !== undefined) return `type mismatch in export \`${name}\`: ${problem}`
  }
  return undefined
}

/** Canonical id of a function type from the words of the canonical ABI. */
export function coreFuncType(params: readonly number[], results: readonly number[]): number {
  return canonicalFuncType(params as CanonType[], results as CanonType[])
}
