// What is known of a component, or of a component or instance type, while it is validated: its index spaces and names.

import { FormatError } from '../../wasm/errors.ts'
import type { ExternName } from '../binary/model.ts'
import { Sort, SORT_NAMES } from '../binary/model.ts'
import type { CoreExtern, CoreModuleType } from './core-types.ts'
import { CoreTypeSpace } from './core-types.ts'
import type { ParsedName } from './names.ts'
import { checkVersionSuffix, interfaceName, NameError, parseExternName, uniqueForm } from './names.ts'
import type {
  AnyType,
  ComponentType,
  ExternType,
  FuncType,
  InstanceType,
  ResourceId,
  ResourceRef,
  ValType,
} from './types.ts'
import { checkTypeSize, isValType } from './types.ts'
import { isNamed } from './visibility.ts'

export function invalid(message: string, at: number): never {
  throw new FormatError('invalid', message, at)
}

/** Names of imports or of exports in one scope. */
export class NameContext {
  /** By the form in which they must differ. */
  readonly #unique = new Map<string, string>()
  /** Names of resource types, for the functions that are their constructors, methods and statics. */
  readonly #resources = new Map<ResourceRef, string>()
  readonly #resourceNames = new Set<string>()

  /**
   * Takes up a name. Checks its form, that it is new, and that the thing named is what the name says. `introduces`: a type gets
   * a name by this, other than in an instance that is made of exports.
   */
  add(kind: string, name: ExternName, extern: ExternType, at: number, introduces = true): void {
    const parsed = parsedName(kind, name, extern, at)
    const unique = uniqueForm(name.name)
    const previous = this.#unique.get(unique)
    if (previous !== undefined)
      invalid(`${kind} name \`${name.name}\` conflicts with previous name \`${previous}\``, at)
    this.#unique.set(unique, name.name)
    if (parsed.kind === 'dependency' && kind !== 'import') invalid(`\`${name.name}\` is not a valid export name`, at)
    if (parsed.kind === 'label') {
      if (introduces && extern.kind === 'type' && extern.type.kind === 'resource') {
        this.#resources.set(extern.type, name.name)
        this.#resourceNames.add(name.name)
      }
    } else if (parsed.kind !== 'interface' && parsed.kind !== 'dependency') {
      const fail = (message: string): never => invalid(`${kind} name \`${name.name}\` is not valid: ${message}`, at)
      if (extern.kind !== 'func') return fail('item is not a func')
      this.#checkFunction(parsed, extern.type, fail)
    }
  }

  #checkFunction(
    name: Extract<ParsedName, { resource: string }>,
    type: FuncType,
    fail: (message: string) => never,
  ): void {
    const checkResource = (resource: ResourceRef): void => {
      const label = this.#resources.get(resource)
      if (label === undefined) fail('resource used in function does not have a name in this context')
      if (label !== name.resource) fail(`function does not match expected resource name \`${label}\``)
    }
    switch (name.kind) {
      case 'constructor': {
        if (type.async) fail('constructor function cannot be async')
        if (type.result === undefined) return fail('function should return one value')
        const result = type.result.kind === 'result' ? type.result.ok : type.result
        if (result?.kind !== 'own') return fail('function should return `(own $T)` or `(result (own $T))`')
        return checkResource(result.resource)
      }
      case 'method': {
        const self = type.params[0]
        if (self === undefined) return fail('function should have at least one argument')
        if (self.label !== 'self') fail('function should have a first argument called `self`')
        if (self.type.kind !== 'borrow') return fail('function should take a first argument of `(borrow $T)`')
        return checkResource(self.type.resource)
      }
      case 'static':
        if (!this.#resourceNames.has(name.resource)) fail('static resource name is not known in this context')
    }
  }
}

function parsedName(kind: string, name: ExternName, extern: ExternType, at: number): ParsedName {
  try {
    const parsed = parseExternName(name.name)
    if (name.versionSuffix !== undefined) {
      if (extern.kind !== 'instance') throw new NameError('only instances can have a `versionsuffix`')
      checkVersionSuffix(parsed, name.versionSuffix)
    }
    if (name.implements !== undefined) {
      if (extern.kind !== 'instance') throw new NameError('only instances can have an `implements`')
      if (parsed.kind !== 'label')
        throw new NameError(`name \`${name.name}\` is not valid with \`implements\`: it must be a plain name`)
      if (name.implements === '') throw new NameError('`` is not a valid name')
      interfaceName(name.implements)
    }
    return parsed
  } catch (error) {
    if (!(error instanceof NameError)) throw error
    return invalid(`${kind} name \`${name.name}\` is not valid: ${error.message}`, at)
  }
}

export type ScopeKind = 'component' | 'component type' | 'instance type'

/** Sorts whose members are core definitions with a `CoreExtern` type. */
export type CoreItemSort = Sort.CoreFunc | Sort.CoreTable | Sort.CoreMemory | Sort.CoreGlobal | Sort.CoreTag

export const CORE_KINDS = {
  [Sort.CoreFunc]: 'func',
  [Sort.CoreTable]: 'table',
  [Sort.CoreMemory]: 'memory',
  [Sort.CoreGlobal]: 'global',
  [Sort.CoreTag]: 'tag',
} as const

export class Scope {
  readonly kind: ScopeKind
  readonly parent: Scope | undefined

  readonly coreTypes = new CoreTypeSpace()
  readonly coreModules: CoreModuleType[] = []
  readonly coreInstances: ReadonlyMap<string, CoreExtern>[] = []
  readonly coreItems: Readonly<Record<CoreItemSort, CoreExtern[]>> = {
    [Sort.CoreFunc]: [],
    [Sort.CoreTable]: [],
    [Sort.CoreMemory]: [],
    [Sort.CoreGlobal]: [],
    [Sort.CoreTag]: [],
  }
  readonly types: AnyType[] = []
  readonly funcs: FuncType[] = []
  readonly components: ComponentType[] = []
  readonly instances: InstanceType[] = []
  /** Each value must be used exactly once. */
  readonly values: { readonly type: ValType; used: boolean }[] = []

  readonly imports = new Map<string, ExternType>()
  readonly exports = new Map<string, ExternType>()
  readonly #names = { import: new NameContext(), export: new NameContext() }
  /** Types with a name outside: those of imports, and those plus the ones of exports. */
  readonly #visible = { import: new Set<object>(), export: new Set<object>() }
  /** Resource types that imports introduce, and all others that come into being here. */
  readonly importBound: ResourceId[] = []
  readonly ownResources: ResourceId[] = []
  /** Resource types defined here, with their representation. */
  readonly localResources = new Set<ResourceId>()

  constructor(kind: ScopeKind, parent: Scope | undefined) {
    this.kind = kind
    this.parent = parent
  }

  /** Adds a member to the index space of its sort. */
  define(extern: ExternType): void {
    switch (extern.kind) {
      case 'module':
        this.coreModules.push(extern.type)
        break
      case 'func':
        this.funcs.push(extern.type)
        break
      case 'value':
        this.values.push({ type: extern.type, used: false })
        break
      case 'type':
        this.types.push(extern.type)
        break
      case 'instance':
        this.instances.push(extern.type)
        break
      case 'component':
        this.components.push(extern.type)
    }
  }

  /** An import or export, declared or defined. `referenced`: the type that a type import or export was made from. */
  addExtern(
    kind: 'import' | 'export',
    name: ExternName,
    extern: ExternType,
    at: number,
    referenced?: AnyType | undefined,
  ): void {
    this.#names[kind].add(kind, name, extern, at)
    if (this.kind !== 'instance type' && !this.#register(kind, extern, referenced))
      invalid(`${extern.kind} not valid to be used as ${kind}`, at)
    this[`${kind}s`].set(name.name, extern)
    checkTypeSize(extern.type, at)
  }

  /** Checks that all types are visible outside, and makes those that are introduced here so. */
  #register(kind: 'import' | 'export', extern: ExternType, referenced: AnyType | undefined): boolean {
    const visible = this.#visible[kind]
    switch (extern.kind) {
      case 'type':
        if (!isNamed(referenced ?? extern.type, visible)) return false
        if (kind === 'import') this.#visible.import.add(extern.type)
        this.#visible.export.add(extern.type)
        return true
      case 'instance':
        for (const inner of extern.type.exports.values()) if (!this.#register(kind, inner, undefined)) return false
        return true
      case 'func':
      case 'value':
        return isNamed(extern.type, visible)
      default:
        return true
    }
  }

  // Looking up

  #at<X>(list: readonly X[], index: number, what: string, at: number): X {
    if (index >= list.length) invalid(`unknown ${what} ${index}: ${what} index out of bounds`, at)
    return list[index]
  }

  type(index: number, at: number): AnyType {
    return this.#at(this.types, index, 'type', at)
  }

  valType(index: number, at: number): ValType {
    const type = this.type(index, at)
    return isValType(type) ? type : invalid(`type index ${index} is not a defined type`, at)
  }

  resource(index: number, at: number): ResourceRef {
    const type = this.type(index, at)
    return type.kind === 'resource' ? type : invalid(`type index ${index} is not a resource type`, at)
  }

  funcType(index: number, at: number): FuncType {
    const type = this.type(index, at)
    return type.kind === 'func' ? type : invalid(`type index ${index} is not a function type`, at)
  }

  instanceType(index: number, at: number): InstanceType {
    const type = this.type(index, at)
    return type.kind === 'instance' ? type : invalid(`type index ${index} is not an instance type`, at)
  }

  componentType(index: number, at: number): ComponentType {
    const type = this.type(index, at)
    return type.kind === 'component' ? type : invalid(`type index ${index} is not a component type`, at)
  }

  func(index: number, at: number): FuncType {
    return this.#at(this.funcs, index, 'function', at)
  }

  instance(index: number, at: number): InstanceType {
    return this.#at(this.instances, index, 'instance', at)
  }

  component(index: number, at: number): ComponentType {
    return this.#at(this.components, index, 'component', at)
  }

  module(index: number, at: number): CoreModuleType {
    return this.#at(this.coreModules, index, 'module', at)
  }

  coreInstance(index: number, at: number): ReadonlyMap<string, CoreExtern> {
    return this.#at(this.coreInstances, index, 'core instance', at)
  }

  coreItem(sort: CoreItemSort, index: number, at: number): CoreExtern {
    return this.#at(this.coreItems[sort], index, sort === Sort.CoreFunc ? 'core function' : CORE_KINDS[sort], at)
  }

  /** Uses a value. */
  value(index: number, at: number): ValType {
    const value = this.#at(this.values, index, 'value', at)
    if (value.used) invalid(`value ${index} cannot be used more than once`, at)
    value.used = true
    return value.type
  }

  /** What has an index, as an import or export would have it. */
  extern(sort: Sort, index: number, at: number): ExternType {
    switch (sort) {
      case Sort.CoreModule:
        return { kind: 'module', type: this.module(index, at) }
      case Sort.Func:
        return { kind: 'func', type: this.func(index, at) }
      case Sort.Value:
        return { kind: 'value', type: this.value(index, at) }
      case Sort.Type:
        return { kind: 'type', type: this.type(index, at) }
      case Sort.Instance:
        return { kind: 'instance', type: this.instance(index, at) }
      case Sort.Component:
        return { kind: 'component', type: this.component(index, at) }
      default:
        return invalid(`a ${SORT_NAMES[sort]} cannot be imported or exported`, at)
    }
  }
}
