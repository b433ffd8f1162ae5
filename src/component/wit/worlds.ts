// Worlds: their imports and exports, made complete.

import type { ExternItem, IncludeItem, Name, WorldItem } from './ast.ts'
import {
  type Func,
  type Interface,
  interfaceId,
  partsOf,
  type Stability,
  type Type,
  type TypeDef,
  type World,
  type WorldEntry,
} from './model.ts'
import type { Resolver } from './resolve.ts'
import { Scope, stabilityOf } from './scope.ts'
import { fail, type Span } from './source.ts'

export class WorldBuilder {
  readonly #resolver: Resolver
  readonly #world: World
  readonly #item: WorldItem
  readonly #scope: Scope
  /** Interfaces that the world itself imports or exports, as opposed to those that come with them. */
  readonly #imported = new Set<Interface>()
  readonly #exported = new Map<Interface, Stability | undefined>()

  constructor(resolver: Resolver, world: World, item: WorldItem) {
    this.#resolver = resolver
    this.#world = world
    this.#item = item
    this.#scope = new Scope(world)
  }

  build(): void {
    const { imports, exports } = this.#world
    const { members } = this.#item
    const resolver = this.#resolver
    resolver.declareTypes(this.#scope, members)
    resolver.types(
      this.#scope,
      members,
      (type) => void imports.set(type.name!, { tag: 'type', type }),
      (func) => void imports.set(func.name, { tag: 'function', function: func }),
    )
    // What types of the world come from.
    for (const entry of [...imports.values()])
      if (entry.tag === 'type')
        for (const dep of aliasOwners([entry.type], this.#world)) this.#import(dep, entry.type.stability)
    for (const member of members)
      if (member.tag === 'import' || member.tag === 'export') resolver.attempt(() => this.#extern(member))
    for (const entry of [...exports.values()])
      if (entry.tag === 'function')
        for (const dep of aliasOwners(typesOf(entry.function), this.#world)) this.#import(dep, undefined)
    this.#elaborateExports()
    for (const member of members) if (member.tag === 'include') resolver.attempt(() => this.#include(member))
    this.#checkCase('import', imports)
    this.#checkCase('export', exports)
  }

  #extern({ tag, docs, gate, item }: ExternItem): void {
    const entries = tag === 'import' ? this.#world.imports : this.#world.exports
    const stability = stabilityOf(gate)
    const at = item.tag === 'path' ? item.path.name.span : item.name.span
    if (!this.#resolver.isIncluded(gate, at)) return
    if (item.tag === 'path') {
      const target = this.#resolver.interfaceAt(item.path)
      const seen = tag === 'import' ? this.#imported : this.#exported
      if (seen.has(target)) fail(`interface cannot be ${tag}ed more than once`, item.path.name.span)
      if (tag === 'import') {
        this.#imported.add(target)
        this.#import(target, stability)
      } else this.#exported.set(target, stability)
      return
    }
    this.#checkFree(tag, entries, item.name)
    const name = item.name.text
    switch (item.tag) {
      case 'func': {
        const about = { kind: 'freestanding', resource: undefined, docs, stability } as const
        entries.set(name, { tag: 'function', function: this.#scope.func(item.func, name, item.name.span, about) })
        break
      }
      case 'inline': {
        const made: Interface = {
          name: undefined,
          package: this.#world.package,
          types: new Map(),
          functions: new Map(),
          docs,
          stability,
        }
        this.#resolver.interfaceMembers(made, item.members)
        if (tag === 'import') for (const dep of directDeps(made)) this.#import(dep, undefined)
        entries.set(name, { tag: 'interface', interface: made, stability })
        break
      }
      case 'named-path': {
        const target = this.#resolver.interfaceAt(item.path)
        for (const dep of directDeps(target)) this.#import(dep, undefined)
        entries.set(name, { tag: 'interface', interface: target, stability })
        break
      }
    }
  }

  #checkFree(tag: 'import' | 'export', entries: ReadonlyMap<string, WorldEntry>, name: Name): void {
    const prior = entries.get(name.text)
    if (prior === undefined) return
    const what = prior.tag === 'function' ? 'func' : prior.tag
    fail(`${tag} \`${name.text}\` conflicts with prior ${what} of same name`, name.span)
  }

  /** Imports an interface and, before it, those whose types it uses. */
  #import(target: Interface, stability: Stability | undefined): void {
    const key = interfaceId(target)!
    const known = this.#world.imports.get(key)
    if (known === undefined) for (const dep of directDeps(target)) this.#import(dep, stability)
    this.#world.imports.set(key, {
      tag: 'interface',
      interface: target,
      stability: known?.tag === 'interface' ? moreStable(known.stability, stability) : stability,
    })
  }

  /** Exports interfaces behind those they depend on; those are exports of this world as well, or imports. */
  #elaborateExports(): void {
    const { exports } = this.#world
    const add = (target: Interface, key: string, entry: WorldEntry): void => {
      if (exports.get(key) === entry) return
      for (const dep of directDeps(target)) {
        if (this.#exported.has(dep)) add(dep, interfaceId(dep)!, this.#exportEntry(dep))
        else {
          this.#requireImport(dep, target)
          this.#import(dep, this.#exported.get(target))
        }
      }
      // Behind what it depends on.
      exports.delete(key)
      exports.set(key, entry)
    }
    for (const [key, entry] of [...exports])
      if (entry.tag === 'interface') {
        exports.delete(key)
        add(entry.interface, key, entry)
      }
    for (const target of this.#exported.keys()) add(target, interfaceId(target)!, this.#exportEntry(target))
  }

  readonly #entries = new Map<Interface, WorldEntry>()
  #exportEntry(target: Interface): WorldEntry {
    let entry = this.#entries.get(target)
    if (entry === undefined)
      this.#entries.set(
        target,
        (entry = { tag: 'interface', interface: target, stability: this.#exported.get(target) }),
      )
    return entry
  }

  /** An interface that is exported may not see the types of another both through an import and through an export. */
  #requireImport(dep: Interface, by: Interface): void {
    const seen = new Set<Interface>()
    const visit = (target: Interface): void => {
      if (seen.has(target)) return
      seen.add(target)
      if (this.#exported.has(target))
        fail(
          `interface \`${interfaceId(by) ?? 'anon'}\` transitively depends on an interface in incompatible ways`,
          this.#item.name.span,
        )
      for (const next of directDeps(target)) visit(next)
    }
    visit(dep)
  }

  #include({ from, renames, gate }: IncludeItem): void {
    if (!this.#resolver.isIncluded(gate, from.name.span)) return
    const target = this.#resolver.worldAt(from)
    const isExternal = target.package !== this.#world.package
    const unused = new Map(renames.map(({ name, as }) => [name.text, as.text]))
    const renamed = new Rename(new Map(unused), this.#world)
    for (const [tag, source, into] of [
      ['import', target.imports, this.#world.imports],
      ['export', target.exports, this.#world.exports],
    ] as const) {
      for (const [key, entry] of source) {
        const isInterface = key.includes(':')
        if (!isInterface) unused.delete(key)
        const newKey = isInterface ? key : renamed.name(key)
        const known = into.get(newKey)
        if (isInterface) into.set(newKey, mergeStability(known, entry, isExternal))
        else if (known === undefined) into.set(newKey, renamed.entry(entry))
        else if (known !== entry) fail(`${tag} of \`${newKey}\` shadows previously ${tag}ed items`, from.name.span)
      }
    }
    for (const name of unused.keys())
      fail(`no import or export kebab-name \`${name}\`. Note that an ID does not support renaming`, from.name.span)
  }

  #checkCase(tag: string, entries: ReadonlyMap<string, WorldEntry>): void {
    const seen = new Map<string, string>()
    for (const key of entries.keys()) {
      const prior = seen.get(key.toLowerCase())
      if (prior !== undefined)
        fail(
          `${tag} \`${key}\` in world \`${this.#world.name}\` conflicts with ${tag} \`${prior}\` (kebab-case identifiers are case-insensitive)`,
          this.#externSpan(key),
        )
      seen.set(key.toLowerCase(), key)
    }
  }

  #externSpan(name: string): Span {
    for (const member of this.#item.members)
      if (
        (member.tag === 'import' || member.tag === 'export') &&
        member.item.tag !== 'path' &&
        member.item.name.text === name
      )
        return member.item.name.span
    return this.#item.name.span
  }
}

/** What is stable wins over what is not, and something said over nothing. */
const moreStable = (a: Stability | undefined, b: Stability | undefined): Stability | undefined =>
  a?.since !== undefined ? a : b?.since !== undefined ? b : (a ?? b)

/** An interface's entry after an include. Since when it is stable in another package says nothing about this one. */
function mergeStability(known: WorldEntry | undefined, entry: WorldEntry, isExternal: boolean): WorldEntry {
  if (entry.tag !== 'interface') return entry
  const included = isExternal && entry.stability?.since !== undefined ? undefined : entry.stability
  const stability = known?.tag === 'interface' ? moreStable(known.stability, included) : included
  return { ...entry, stability }
}

/** `include … with`: new names for what an included world names itself. */
class Rename {
  readonly #names: ReadonlyMap<string, string>
  readonly #world: World
  readonly #types = new Map<TypeDef, TypeDef>()

  constructor(names: ReadonlyMap<string, string>, world: World) {
    this.#names = names
    this.#world = world
  }

  /** Of an entry: methods follow their resource. */
  name(key: string): string {
    const method = /^(\[\w+\])([^.]+)(.*)$/.exec(key)
    if (method === null) return this.#names.get(key) ?? key
    const [, kind, resource, rest] = method
    return `${kind}${this.#names.get(resource) ?? resource}${rest}`
  }

  entry(entry: WorldEntry): WorldEntry {
    switch (entry.tag) {
      case 'interface':
        return entry
      case 'type':
        return { tag: 'type', type: this.#named(entry.type) }
      case 'function': {
        const { params, result, resource, name } = entry.function
        return {
          tag: 'function',
          function: {
            ...entry.function,
            name: this.name(name),
            resource: resource && this.#named(resource),
            params: params.map((param) => ({ name: param.name, type: this.#type(param.type) })),
            result: result && this.#type(result),
          },
        }
      }
    }
  }

  /** A type of the included world becomes one of this world. */
  #named(type: TypeDef): TypeDef {
    const known = this.#types.get(type)
    if (known !== undefined) return known
    const made = {
      ...type,
      name: type.name && (this.#names.get(type.name) ?? type.name),
      owner: this.#world,
      kind: this.#kind(type.kind),
    }
    this.#types.set(type, made)
    return made
  }

  #type(type: Type): Type {
    if (typeof type === 'string') return type
    if (type.name === undefined) return { ...type, kind: this.#kind(type.kind) }
    return type.owner !== undefined && 'imports' in type.owner ? this.#named(type) : type
  }

  #kind(kind: TypeDef['kind']): TypeDef['kind'] {
    const optional = (type: Type | undefined): Type | undefined => type && this.#type(type)
    switch (kind.tag) {
      case 'alias':
        return { ...kind, type: this.#type(kind.type) }
      case 'record':
        return { ...kind, fields: kind.fields.map((field) => ({ ...field, type: this.#type(field.type) })) }
      case 'variant':
        return { ...kind, cases: kind.cases.map((c) => ({ ...c, type: optional(c.type) })) }
      case 'own':
      case 'borrow':
        return { ...kind, resource: this.#type(kind.resource) as TypeDef }
      case 'list':
        return { ...kind, element: this.#type(kind.element) }
      case 'map':
        return { ...kind, key: this.#type(kind.key), value: this.#type(kind.value) }
      case 'option':
        return { ...kind, value: this.#type(kind.value) }
      case 'result':
        return { ...kind, ok: optional(kind.ok), err: optional(kind.err) }
      case 'tuple':
        return { ...kind, types: kind.types.map((type) => this.#type(type)) }
      case 'future':
      case 'stream':
        return { ...kind, element: optional(kind.element) }
      default:
        return kind
    }
  }
}

/** Interfaces whose types an interface uses. */
export function directDeps(item: Interface): Interface[] {
  return aliasOwners(item.types.values(), item)
}

/** The interfaces that types are defined in, other than `self`. */
function aliasOwners(types: Iterable<Type>, self: Interface | World): Interface[] {
  const owners = new Set<Interface>()
  const seen = new Set<Type>()
  const visit = (type: Type): void => {
    if (typeof type === 'string' || seen.has(type)) return
    seen.add(type)
    const { owner } = type
    if (owner !== undefined && owner !== self && !('imports' in owner)) {
      owners.add(owner)
      return
    }
    for (const part of partsOf(type.kind)) visit(part)
  }
  for (const type of types) visit(type)
  return [...owners]
}

const typesOf = ({ params, result }: Func): Type[] => [
  ...params.map((param) => param.type),
  ...(result === undefined ? [] : [result]),
]
