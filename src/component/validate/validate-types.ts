// Type definitions and declarators (Binary.md, "Type Definitions"; Explainer.md, "Type Definitions").

import { bug } from '../../util/bug.ts'
import { T } from '../../wasm/types.ts'
import { layoutOf } from '../abi/layout.ts'
import type { Alias, CoreTypeDef, Decl, ExternDesc, ExternName, TypeDef, ValTypeRef } from '../binary/model.ts'
import { PRIM_NAMES, Sort } from '../binary/model.ts'
import { isCoreType } from './canon.ts'
import { moduleTypeOf } from './core-types.ts'
import { checkLabel, NameError } from './names.ts'
import { invalid, Scope } from './scope.ts'
import type { AnyType, ExternType, FuncType, PrimKind, ResourceRef, ValType } from './types.ts'
import { checkTypeSize, containsBorrow, freeResources, newName, renameInstance, ResourceId } from './types.ts'

const PRIMS = new Map<number, ValType>(
  Object.entries(PRIM_NAMES).map(([code, name]) => [Number(code), { kind: name as PrimKind }]),
)

/** Bytes that a value may have (Explainer.md, "Type Definitions"). */
const MAX_VALUE_SIZE = 2 ** 28
/** https://github.com/WebAssembly/component-model/issues/370 */
const MAX_FLAGS = 32
const KEY_TYPES = 'bool s8 u8 s16 u16 s32 u32 s64 u64 char string'.split(' ')

/** Labels of one type: in kebab case, and different in more than case. */
class Labels {
  readonly #seen = new Map<string, string>()
  readonly #what: string
  readonly #whatPrevious: string
  readonly #at: number

  constructor(what: string, whatPrevious: string, at: number) {
    this.#what = what
    this.#whatPrevious = whatPrevious
    this.#at = at
  }

  add(label: string): void {
    if (label === '') invalid(`${this.#what} name cannot be empty`, this.#at)
    try {
      checkLabel(label, `${this.#what} name `)
    } catch (error) {
      if (!(error instanceof NameError)) throw error
      invalid(error.message, this.#at)
    }
    const previous = this.#seen.get(label.toLowerCase())
    if (previous !== undefined)
      invalid(
        `${this.#what} name \`${label}\` conflicts with previous ${this.#whatPrevious} name \`${previous}\``,
        this.#at,
      )
    this.#seen.set(label.toLowerCase(), label)
  }
}

/** Reads types in one scope. */
export class TypeReader {
  readonly scope: Scope

  constructor(scope: Scope) {
    this.scope = scope
  }

  valType(ref: ValTypeRef, at: number): ValType {
    return ref < 0 ? (PRIMS.get(ref) ?? bug(`primitive type ${ref}`)) : this.scope.valType(ref, at)
  }

  #optional(ref: ValTypeRef | undefined, at: number): ValType | undefined {
    return ref === undefined ? undefined : this.valType(ref, at)
  }

  /** A core type definition, added to its index space. */
  coreType(def: CoreTypeDef, at: number): void {
    const { scope } = this
    if (def.kind === 'rec') return scope.coreTypes.addGroup(def.types, at)
    const outer = (count: number, where: number): Scope['coreTypes'] => outerScope(scope, count, where).coreTypes
    scope.coreTypes.addModule(checkTypeSize(moduleTypeOf(def.decls, outer, at), at))
  }

  /** A type definition. */
  type(def: TypeDef, at: number): AnyType {
    return checkTypeSize(this.#type(def, at), at)
  }

  #type(def: TypeDef, at: number): AnyType {
    switch (def.kind) {
      case 'func':
        return this.#func(def, at)
      case 'resource':
        return this.#resource(def, at)
      case 'component':
      case 'instance':
        return this.#scoped(def.kind, def.decls)
      default: {
        const type = this.#defined(def, at)
        if (layoutOf(type, 8).size >= MAX_VALUE_SIZE)
          invalid(`type size exceeds maximum byte size of ${MAX_VALUE_SIZE - 1}`, at)
        return type
      }
    }
  }

  #defined(def: Exclude<TypeDef, { kind: 'func' | 'resource' | 'component' | 'instance' }>, at: number): ValType {
    switch (def.kind) {
      case 'primitive':
        return this.valType(def.type, at)
      case 'record': {
        if (def.fields.length === 0) invalid('record type must have at least one field', at)
        const labels = new Labels('record field', 'field', at)
        const fields = def.fields.map(({ label, type }) => {
          labels.add(label)
          return { label, type: this.valType(type, at) }
        })
        return { kind: 'record', fields }
      }
      case 'variant': {
        if (def.cases.length === 0) invalid('variant type must have at least one case', at)
        const labels = new Labels('variant case', 'case', at)
        const cases = def.cases.map(({ label, type }) => {
          labels.add(label)
          return { label, type: this.#optional(type, at) }
        })
        return { kind: 'variant', cases }
      }
      case 'list':
        if (def.length === 0) invalid('fixed-length lists must have more than zero elements', at)
        return { kind: 'list', element: this.valType(def.element, at), length: def.length }
      case 'tuple':
        if (def.types.length === 0) invalid('tuple type must have at least one type', at)
        return { kind: 'tuple', types: def.types.map((t) => this.valType(t, at)) }
      case 'flags':
      case 'enum': {
        const isFlags = def.kind === 'flags'
        if (def.labels.length === 0)
          invalid(isFlags ? 'flags must have at least one entry' : 'enum type must have at least one variant', at)
        if (isFlags && def.labels.length > MAX_FLAGS) invalid(`cannot have more than ${MAX_FLAGS} flags`, at)
        const labels = isFlags ? new Labels('flag', 'flag', at) : new Labels('enum tag', 'tag', at)
        for (const label of def.labels) labels.add(label)
        return { kind: def.kind, labels: def.labels }
      }
      case 'option':
        return { kind: 'option', type: this.valType(def.type, at) }
      case 'result':
        return { kind: 'result', ok: this.#optional(def.ok, at), err: this.#optional(def.err, at) }
      case 'own':
      case 'borrow':
        return { kind: def.kind, resource: this.scope.resource(def.resource, at) }
      case 'stream':
      case 'future': {
        const type = this.#optional(def.type, at)
        if (type !== undefined && containsBorrow(type)) invalid(`${def.kind} cannot contain a \`borrow\` type`, at)
        if (def.kind === 'stream' && type?.kind === 'char') invalid('`stream<char>` is not valid at this time', at)
        return { kind: def.kind, type }
      }
      case 'map': {
        const key = this.valType(def.key, at)
        if (!KEY_TYPES.includes(key.kind)) invalid('invalid map key type', at)
        return { kind: 'map', key, value: this.valType(def.value, at) }
      }
    }
  }

  #func(def: TypeDef & { kind: 'func' }, at: number): FuncType {
    const labels = new Labels('function parameter', 'parameter', at)
    const params = def.params.map(({ label, type }) => {
      labels.add(label)
      return { label, type: this.valType(type, at) }
    })
    const result = this.#optional(def.result, at)
    if (result !== undefined && containsBorrow(result)) invalid('function result cannot contain a `borrow` type', at)
    return { kind: 'func', async: def.async, params, result }
  }

  #resource({ rep, dtor }: TypeDef & { kind: 'resource' }, at: number): ResourceRef {
    const { scope } = this
    if (scope.kind !== 'component') invalid('resources can only be defined within a concrete component', at)
    if (rep === T.I64) invalid('resources with `i64` require the `cm64` feature to be enabled', at)
    if (rep !== T.I32) invalid('resources can only be represented by `i32` or `i64`', at)
    if (dtor !== undefined && !isCoreType(scope.coreItem(Sort.CoreFunc, dtor, at), ['i32'], []))
      invalid(`core function ${dtor} has wrong signature for a destructor`, at)
    const id = new ResourceId(true)
    scope.ownResources.push(id)
    scope.localResources.add(id)
    return { kind: 'resource', id }
  }

  #scoped(kind: 'component' | 'instance', decls: readonly Decl[]): AnyType {
    const scope = new Scope(kind === 'component' ? 'component type' : 'instance type', this.scope)
    const inner = new TypeReader(scope)
    for (const decl of decls) inner.#decl(decl)
    const { imports, exports, importBound, ownResources } = scope
    return kind === 'instance'
      ? { kind, exports, bound: ownResources }
      : { kind, imports, exports, importBound, exportBound: ownResources }
  }

  #decl(decl: Decl): void {
    const { scope } = this
    switch (decl.kind) {
      case 'core-type':
        return this.coreType(decl.type, decl.at)
      case 'type':
        scope.types.push(this.type(decl.type, decl.at))
        return
      case 'alias':
        return this.alias(decl.alias, decl.at)
      case 'import':
      case 'export':
        return this.declare(decl.kind, decl.name, decl.desc, decl.at)
    }
  }

  /** An import, or an export declarator. */
  declare(kind: 'import' | 'export', name: ExternName, desc: ExternDesc, at: number): void {
    const { scope } = this
    const extern = this.extern(desc, kind === 'import' ? scope.importBound : scope.ownResources, at)
    const referenced = desc.sort === Sort.Type && desc.eq !== undefined ? scope.types[desc.eq] : undefined
    scope.addExtern(kind, name, extern, at, referenced)
    scope.define(extern)
    // Nobody uses the values of types.
    if (scope.kind !== 'component' && extern.kind === 'value') scope.values[scope.values.length - 1].used = true
  }

  /** The type of an import or export; resource types that it introduces go to `bound`. */
  extern(desc: ExternDesc, bound: ResourceId[], at: number): ExternType {
    const { scope } = this
    switch (desc.sort) {
      case Sort.CoreModule:
        return { kind: 'module', type: scope.coreTypes.module(desc.type, at) }
      case Sort.Func:
        return { kind: 'func', type: scope.funcType(desc.type, at) }
      case Sort.Component:
        return { kind: 'component', type: scope.componentType(desc.type, at) }
      case Sort.Instance:
        return { kind: 'instance', type: renameInstance(scope.instanceType(desc.type, at), bound) }
      case Sort.Value: {
        const type = desc.eq === undefined ? this.valType(desc.type, at) : scope.value(desc.eq, at)
        if (containsBorrow(type)) invalid('values cannot contain a `borrow` type', at)
        return { kind: 'value', type }
      }
      case Sort.Type: {
        if (desc.eq !== undefined) return { kind: 'type', type: newName(scope.type(desc.eq, at)) }
        const id = new ResourceId()
        bound.push(id)
        return { kind: 'type', type: { kind: 'resource', id } }
      }
    }
  }

  /** An alias other than of core instances' exports. */
  alias(alias: Alias, at: number): void {
    const { scope } = this
    if (alias.target === 'outer') return this.#outerAlias(alias, at)
    if (scope.kind !== 'component' && alias.sort !== Sort.Type && alias.sort !== Sort.Instance)
      invalid('aliases in a component or instance type may only refer to types or instances', at)
    if (alias.target === 'core export') return invalid('core instances do not exist here', at)
    const extern = scope.instance(alias.instance, at).exports.get(alias.name)
    if (extern === undefined) return invalid(`instance ${alias.instance} has no export named \`${alias.name}\``, at)
    if (SORT_OF[extern.kind] !== alias.sort)
      invalid(`export \`${alias.name}\` for instance ${alias.instance} is not a ${SORT_WORDS[alias.sort]}`, at)
    scope.define(extern)
  }

  #outerAlias({ sort, count, index }: Extract<Alias, { target: 'outer' }>, at: number): void {
    const { scope } = this
    if (scope.kind !== 'component' && sort !== Sort.Type && sort !== Sort.CoreType)
      invalid('aliases in a component or instance type may only refer to types or instances', at)
    const from = outerScope(scope, count, at)
    const checkFree = (type: AnyType): void => {
      if (crossesComponent(scope, count) && freeResources(type).size > 0)
        invalid(
          'cannot alias outer type which transitively refers to resources not defined in the current component',
          at,
        )
    }
    switch (sort) {
      case Sort.CoreModule:
        scope.coreModules.push(from.module(index, at))
        return
      case Sort.CoreType:
        if (index >= from.coreTypes.count) invalid(`unknown type ${index}: type index out of bounds`, at)
        scope.coreTypes.addAlias(from.coreTypes, index)
        return
      case Sort.Component: {
        const type = from.component(index, at)
        checkFree(type)
        scope.components.push(type)
        return
      }
      case Sort.Type: {
        const type = from.type(index, at)
        checkFree(type)
        scope.types.push(type)
        return
      }
      default:
        invalid('outer aliases may only refer to modules, types and components: invalid outer alias sort', at)
    }
  }
}

export const SORT_OF: Readonly<Record<ExternType['kind'], Sort>> = {
  module: Sort.CoreModule,
  func: Sort.Func,
  value: Sort.Value,
  type: Sort.Type,
  instance: Sort.Instance,
  component: Sort.Component,
}
const SORT_WORDS: Readonly<Record<number, string>> = {
  [Sort.CoreModule]: 'module',
  [Sort.Func]: 'func',
  [Sort.Value]: 'value',
  [Sort.Type]: 'type',
  [Sort.Instance]: 'instance',
  [Sort.Component]: 'component',
}

/** The scope that an outer alias counts to. */
function outerScope(from: Scope, count: number, at: number): Scope {
  let scope: Scope | undefined = from
  for (let i = 0; i < count && scope !== undefined; i++) scope = scope.parent
  return scope ?? invalid(`invalid outer alias count of ${count}`, at)
}

function crossesComponent(from: Scope, count: number): boolean {
  let scope: Scope | undefined = from
  for (let i = 0; i < count && scope !== undefined; i++) {
    if (scope.kind === 'component') return true
    scope = scope.parent
  }
  return false
}
