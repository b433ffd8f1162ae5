// Validation of components (Binary.md, the notes; Explainer.md). The result has the types that instantiation works with.

import { decodeModule } from '../../wasm/decode.ts'
import { FormatError } from '../../wasm/errors.ts'
import type { Features } from '../../wasm/features.ts'
import type { Alias, ComponentDef, CoreInstanceExpr, Definition, InstanceExpr } from '../binary/model.ts'
import { Sort } from '../binary/model.ts'
import { validateCanon } from './canon.ts'
import type { CoreExtern } from './core-types.ts'
import { coreMismatch, typeOfModule } from './core-types.ts'
import type { CoreItemSort } from './scope.ts'
import { CORE_KINDS, invalid, NameContext, Scope } from './scope.ts'
import { externMismatch, opened } from './subtype.ts'
import type { AnyType, ComponentType, ExternType, InstanceType } from './types.ts'
import { newName, ResourceId, Substitution } from './types.ts'
import { TypeReader } from './validate-types.ts'

/** A valid component: its definitions, and the types of all that they define. */
export interface ValidComponent {
  readonly definitions: readonly Definition[]
  readonly type: ComponentType
  /** Index spaces, complete. */
  readonly scope: Scope
  /** Components defined within this one, by their definition. */
  readonly nested: ReadonlyMap<Definition, ValidComponent>
}

export interface ValidateOptions {
  /** Features of core modules. */
  readonly features?: Features
  /** Check the code of core modules too (default). Without it, whoever compiles them does. */
  readonly code?: boolean
}

/**
 * Validates a component.
 * @throws {FormatError} of kind `invalid` (or `malformed`, in a core module) at the first rule that is broken.
 */
export function validateComponent(component: ComponentDef, options: ValidateOptions = {}): ValidComponent {
  return new ComponentValidator(undefined, options).run(component)
}

class ComponentValidator {
  readonly #scope: Scope
  readonly #types: TypeReader
  readonly #options: ValidateOptions
  readonly #nested = new Map<Definition, ValidComponent>()

  constructor(parent: Scope | undefined, options: ValidateOptions) {
    this.#scope = new Scope('component', parent)
    this.#types = new TypeReader(this.#scope)
    this.#options = options
  }

  run({ definitions }: ComponentDef): ValidComponent {
    for (const definition of definitions) this.#definition(definition)
    const scope = this.#scope
    for (const [index, value] of scope.values.entries()) {
      if (!value.used)
        invalid(`value index ${index} was not used as part of an instantiation, start function, or export`, 0)
    }
    const { imports, exports, importBound, ownResources } = scope
    const type: ComponentType = { kind: 'component', imports, exports, importBound, exportBound: ownResources }
    return { definitions, type, scope, nested: this.#nested }
  }

  #definition(d: Definition): void {
    const scope = this.#scope
    switch (d.kind) {
      case 'custom':
        return
      case 'core-module':
        return this.#coreModule(d.bytes, d.at)
      case 'core-instance':
        scope.coreInstances.push(this.#coreInstance(d.expr, d.at))
        return
      case 'core-type':
        return this.#types.coreType(d.type, d.at)
      case 'component': {
        const valid = new ComponentValidator(scope, this.#options).run(d.component)
        this.#nested.set(d, valid)
        scope.components.push(valid.type)
        return
      }
      case 'instance':
        scope.instances.push(this.#instance(d.expr, d.at))
        return
      case 'alias':
        if (d.alias.target === 'core export') return this.#coreAlias(d.alias, d.at)
        return this.#types.alias(d.alias, d.at)
      case 'type':
        scope.types.push(this.#types.type(d.type, d.at))
        return
      case 'canon':
        return validateCanon(scope, this.#types, d.canon, d.at)
      case 'import':
        return this.#types.declare('import', d.name, d.desc, d.at)
      case 'export':
        return this.#export(d)
    }
  }

  // Core definitions

  #coreModule(bytes: Uint8Array, at: number): void {
    const { features, code = true } = this.#options
    try {
      const module = decodeModule(bytes, { validate: code, ...(features === undefined ? {} : { features }) })
      this.#scope.coreModules.push(typeOfModule(module, at))
    } catch (error) {
      if (!(error instanceof FormatError) || error.offset >= at) throw error
      throw new FormatError(error.kind, error.message, at + error.offset)
    }
  }

  #coreInstance(expr: CoreInstanceExpr, at: number): ReadonlyMap<string, CoreExtern> {
    const scope = this.#scope
    if (expr.kind === 'exports') {
      const exports = new Map<string, CoreExtern>()
      for (const { name, sort, index } of expr.exports) {
        if (!(sort in CORE_KINDS))
          invalid('core instances export functions, tables, memories, globals and tags only', at)
        if (exports.has(name)) invalid(`export name \`${name}\` already defined`, at)
        exports.set(name, scope.coreItem(sort as CoreItemSort, index, at))
      }
      return exports
    }
    const module = scope.module(expr.module, at)
    const args = new Map<string, ReadonlyMap<string, CoreExtern>>()
    for (const { name, instance } of expr.args) {
      if (args.has(name)) invalid(`duplicate module instantiation argument named \`${name}\``, at)
      args.set(name, scope.coreInstance(instance, at))
    }
    for (const [key, needed] of module.imports) {
      const [from, name] = key.split('\0')
      const arg = args.get(from)
      if (arg === undefined) return invalid(`missing module instantiation argument named \`${from}\``, at)
      const given = arg.get(name)
      if (given === undefined)
        return invalid(`module instantiation argument \`${from}\` does not export an item named \`${name}\``, at)
      const problem = coreMismatch(given, needed)
      if (problem !== undefined)
        invalid(`type mismatch for export \`${name}\` of module instantiation argument \`${from}\`: ${problem}`, at)
    }
    return module.exports
  }

  #coreAlias(alias: Extract<Alias, { target: 'export' | 'core export' }>, at: number): void {
    const scope = this.#scope
    const { sort, instance, name } = alias
    if (!(sort in CORE_KINDS))
      invalid('only functions, tables, memories, globals and tags are exports of a core instance', at)
    const extern = scope.coreInstance(instance, at).get(name)
    if (extern === undefined) return invalid(`core instance ${instance} has no export named \`${name}\``, at)
    const kind = CORE_KINDS[sort as CoreItemSort]
    if (extern.kind !== kind) invalid(`export \`${name}\` for core instance ${instance} is not a ${kind}`, at)
    scope.coreItems[sort as CoreItemSort].push(extern)
  }

  // Instances

  #instance(expr: InstanceExpr, at: number): InstanceType {
    const scope = this.#scope
    if (expr.kind === 'exports') {
      const names = new NameContext()
      const exports = new Map<string, ExternType>()
      for (const { name, sort, index } of expr.exports) {
        const extern = scope.extern(sort, index, at)
        names.add('instance export', name, extern, at, false)
        exports.set(name.name, extern)
      }
      return { kind: 'instance', exports, bound: [] }
    }
    const component = scope.component(expr.component, at)
    const args = new Map<string, ExternType>()
    for (const { name, sort, index } of expr.args) {
      if (args.has(name)) invalid(`instantiation argument \`${name}\` conflicts with previous argument \`${name}\``, at)
      args.set(name, scope.extern(sort, index, at))
    }
    const exports = instantiate(component, args, scope.ownResources, at)
    return { kind: 'instance', exports, bound: [] }
  }

  // Exports

  #export({ name, item, ascribed, at }: Definition & { kind: 'export' }): void {
    const scope = this.#scope
    const found = scope.extern(item.sort, item.index, at)
    let extern: ExternType = found
    if (ascribed !== undefined) {
      const made: ResourceId[] = []
      extern = this.#types.extern(ascribed, made, at)
      checkAscription(found, extern, made, at)
      scope.ownResources.push(...made)
    } else if (found.kind === 'type') extern = { kind: 'type', type: newName(found.type) }
    const referenced: AnyType | undefined =
      found.kind !== 'type'
        ? undefined
        : ascribed?.sort === Sort.Type && ascribed.eq !== undefined
          ? scope.types[ascribed.eq]
          : found.type
    scope.addExtern('export', name, extern, at, referenced)
    scope.define(extern)
    // The value was used by the export; the index that it introduces may be used again or not.
    if (extern.kind === 'value') scope.values[scope.values.length - 1].used = true
  }
}

/** Whether an export may be given the type that it is ascribed, which introduces the resource types `made`. */
function checkAscription(found: ExternType, ascribed: ExternType, made: readonly ResourceId[], at: number): void {
  const name = ''
  // An abstract resource type is a new one that stands for what is exported: for the comparison they are the same.
  const wanted = opened(new Map([[name, ascribed]]), made, () => found)
  const problem = typeof wanted === 'string' ? wanted : externMismatch(found, wanted.exports.get(name)!)
  if (problem !== undefined) invalid(`ascribed type of export is not compatible with item's type: ${problem}`, at)
}

/** The exports of a component instantiated with `args`. Resource types that it makes go to `made`. */
export function instantiate(
  component: ComponentType,
  args: ReadonlyMap<string, ExternType>,
  made: ResourceId[],
  at: number,
): ReadonlyMap<string, ExternType> {
  for (const name of component.imports.keys()) if (!args.has(name)) invalid(`missing import named \`${name}\``, at)
  const imports = opened(component.imports, component.importBound, (name) => args.get(name))
  if (typeof imports === 'string') return invalid(imports, at)
  for (const [name, needed] of imports.exports) {
    const problem = externMismatch(args.get(name)!, needed)
    if (problem !== undefined) invalid(`type mismatch for import \`${name}\`: ${problem}`, at)
  }
  const result = new Substitution()
  for (const [from, to] of imports.substitution.ids) result.ids.set(from, to)
  for (const id of component.exportBound) {
    const fresh = new ResourceId()
    made.push(fresh)
    result.ids.set(id, fresh)
  }
  // The types of the arguments take the place of those imported, with the names that they have here.
  for (const [name, extern] of component.imports) renameImported(result, extern, args.get(name)!)
  return result.externs(component.exports)
}

function renameImported(s: Substitution, imported: ExternType, given: ExternType): void {
  if (imported.kind === 'type' && given.kind === 'type') s.rename(imported.type, given.type)
  else if (imported.kind === 'instance' && given.kind === 'instance') {
    for (const [name, extern] of imported.type.exports) {
      const actual = given.type.exports.get(name)
      if (actual !== undefined) renameImported(s, extern, actual)
    }
  }
}
