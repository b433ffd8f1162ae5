// Name resolution: from parsed packages to the model. What is wrong with one item is kept, and the next one is tried.

import type { Gate, InterfaceItem, InterfaceMember, Name, TopLevelItem, UseItem, UsePath, WorldItem } from './ast.ts'
import { type Func, type Interface, type Package, packageId, type TypeDef, type World } from './model.ts'
import { itemPaths, orderPackages, type PackageUnit, parseGroup, type SourceGroup } from './packages.ts'
import { EXCLUDED, type Entry, inOrder, Quiet, Scope, stabilityOf, typeNames } from './scope.ts'
import { compareVersions } from './semver.ts'
import { fail, type Span, Stop, WitError, type Problem } from './source.ts'
import { WorldBuilder } from './worlds.ts'

export interface ResolveOptions {
  /** Features whose `@unstable` items are part of the result; `all` for every one. None by default. */
  readonly features?: Iterable<string> | 'all'
}

/** Packages by their id (`namespace:name@version`), each behind those that it depends on. */
export type Packages = ReadonlyMap<string, Package>

/**
 * Parses and resolves WIT packages.
 *
 * @param groups The files of each package, the main package's group last; a file may hold nested packages.
 * @returns all packages.
 * @throws WitError with everything that is wrong.
 */
export function resolveWit(groups: readonly SourceGroup[], options: ResolveOptions = {}): Packages {
  const problems: Problem[] = []
  const resolver = new Resolver(problems, options)
  try {
    const units = groups.flatMap((files) => parseGroup(files, problems))
    if (problems.length === 0) for (const unit of orderPackages(units)) resolver.package(unit)
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    problems.push(error.problem)
  }
  if (problems.length > 0) throw new WitError(problems)
  return resolver.packages
}

/** What a name at the top of a package or file stands for. */
type TopEntry =
  | { readonly tag: 'interface'; readonly interface: Interface }
  | { readonly tag: 'world'; readonly world: World }
  /** Its feature is not active, or something is wrong with it and has been said. */
  | { readonly tag: 'excluded'; readonly what: 'interface' | 'world' }
  | { readonly tag: 'broken' }

/** An item of a package with what it needs from its file. */
interface Placed {
  readonly item: InterfaceItem | WorldItem
  readonly fileNames: ReadonlyMap<string, UsePath>
}

export class Resolver {
  readonly packages = new Map<string, Package>()
  readonly #problems: Problem[]
  readonly #features: ReadonlySet<string> | 'all'
  /** By package id. */
  readonly #tops = new Map<string, Map<string, TopEntry>>()
  /** Types whose feature is not active, and functions, by interface: what `use` says of them. */
  readonly scopes = new Map<Interface, Scope>()
  #package!: Package
  #top!: Map<string, TopEntry>
  #fileNames: ReadonlyMap<string, UsePath> = new Map()

  constructor(problems: Problem[], { features = [] }: ResolveOptions) {
    this.#problems = problems
    this.#features = features === 'all' ? 'all' : new Set(features)
  }

  /** Runs a step; keeps what is wrong with it. False if something is. */
  attempt(step: () => void): boolean {
    try {
      step()
      return true
    } catch (error) {
      if (error instanceof Stop) this.#problems.push(error.problem)
      else if (!(error instanceof Quiet)) throw error
      return false
    }
  }

  // Packages

  package(unit: PackageUnit): void {
    const id = packageId(unit.name)
    this.#package = { name: unit.name, docs: unit.docs, interfaces: new Map(), worlds: new Map() }
    this.#top = new Map()
    this.packages.set(id, this.#package)
    this.#tops.set(id, this.#top)
    const placed = this.#placeItems(unit)
    const ordered = inOrder(
      [...placed.values()].map((p) => ({ name: p.item.name.text, item: p, needs: this.#needs(p, placed) })),
      (stop) => this.#problems.push(stop.problem),
      (name) => `interface or world \`${name}\` depends on itself`,
    )
    for (const { item, fileNames } of ordered) {
      this.#fileNames = fileNames
      this.#item(item)
    }
    // What a cycle kept from being resolved is not wrong once more.
    for (const name of placed.keys()) if (!this.#top.has(name)) this.#top.set(name, { tag: 'broken' })
    for (const part of unit.parts)
      for (const item of part.items) if (item.tag === 'top-use') this.#checkTopUse(item.from, placed)
  }

  #placeItems(unit: PackageUnit): Map<string, Placed> {
    const placed = new Map<string, Placed>()
    for (const part of unit.parts) {
      const fileNames = new Map<string, UsePath>()
      for (const item of part.items) {
        if (item.tag === 'top-use') continue
        const { name } = item
        if (placed.has(name.text)) this.attempt(() => fail(`duplicate item named \`${name.text}\``, name.span))
        else placed.set(name.text, { item, fileNames })
      }
      for (const item of part.items)
        if (item.tag === 'top-use') this.attempt(() => defineTopUse(item, part.items, fileNames))
    }
    return placed
  }

  /** Items of the same package that must be resolved before one; a cycle is reported at their own names. */
  #needs({ item, fileNames }: Placed, placed: ReadonlyMap<string, Placed>): Name[] {
    const needs: Name[] = []
    for (const { path, what } of itemPaths(item)) {
      const target = path.package === undefined ? (fileNames.get(path.name.text) ?? path) : path
      if (target.package !== undefined && packageId(target.package) !== packageId(this.#package.name)) continue
      const found = placed.get(target.name.text)
      // The wrong kind of item is reported where it is used, and is not a cycle.
      if (found !== undefined && found.item.tag === what) needs.push(found.item.name)
    }
    return needs
  }

  #checkTopUse(path: UsePath, placed: ReadonlyMap<string, Placed>): void {
    this.attempt(() => {
      if (path.package !== undefined) {
        if (this.#foreign(path, 'interface').tag === 'world')
          fail(`interface '${path.name.text}' not found in package '${packageId(path.package)}'`, path.name.span)
      } else if (!placed.has(path.name.text))
        fail(`interface or world \`${path.name.text}\` does not exist`, path.name.span)
    })
  }

  #item(item: InterfaceItem | WorldItem): void {
    const name = item.name.text
    const what = item.tag
    const fine = this.attempt(() => {
      const included = this.isIncluded(item.gate, item.name.span)
      const stability = stabilityOf(item.gate)
      const common = { package: this.#package, docs: item.docs, stability }
      if (item.tag === 'interface') {
        const made: Interface = { name, types: new Map(), functions: new Map(), ...common }
        this.interfaceMembers(made, item.members, !included)
        if (included) {
          this.#package.interfaces.set(name, made)
          this.#top.set(name, { tag: 'interface', interface: made })
        }
      } else {
        const made: World = { name, imports: new Map(), exports: new Map(), ...common }
        if (included) {
          new WorldBuilder(this, made, item).build()
          this.#package.worlds.set(name, made)
          this.#top.set(name, { tag: 'world', world: made })
        }
      }
      if (!included) this.#top.set(name, { tag: 'excluded', what })
    })
    if (!fine) this.#top.set(name, { tag: 'broken' })
  }

  // Gates

  /** Whether an item is part of the result. `at` is what a message about its gate points at. */
  isIncluded({ since, unstable }: Gate, at: Span): boolean {
    const { version } = this.#package.name
    if (since !== undefined && version !== undefined && compareVersions(since.version, version) > 0)
      fail(
        `feature gate cannot reference unreleased version ${since.version} of package [${packageId(this.#package.name)}] (current version ${version})`,
        at,
      )
    if (since !== undefined || unstable === undefined) return true
    return this.#features === 'all' || this.#features.has(unstable.feature)
  }

  // Paths

  interfaceAt(path: UsePath): Interface {
    const entry = this.#entryAt(path, 'interface')
    if (entry.tag === 'world')
      fail(`name \`${path.name.text}\` is defined as a world, not an interface`, path.name.span)
    return entry.interface
  }

  worldAt(path: UsePath): World {
    // A foreign name that is used at the top of a file is taken for an interface.
    const used = [...this.#fileNames.values()].find((top) => top.package !== undefined && sameTarget(top, path))
    if (used !== undefined) notAWorld(path)
    const entry = this.#entryAt(path, 'world')
    if (entry.tag === 'interface') notAWorld(path)
    return entry.world
  }

  #entryAt(path: UsePath, what: 'interface' | 'world'): Extract<TopEntry, { tag: 'interface' | 'world' }> {
    const alias = path.package === undefined ? this.#fileNames.get(path.name.text) : undefined
    const target = alias ?? path
    const entry =
      target.package === undefined ? this.#top.get(target.name.text) : this.#foreign(target, what, path.name.span)
    if (entry === undefined) fail(`interface or world \`${path.name.text}\` does not exist`, path.name.span)
    if (entry.tag === 'broken') throw new Quiet()
    if (entry.tag === 'excluded') fail(EXCLUDED(entry.what), path.name.span)
    return entry
  }

  #foreign(path: UsePath, what: string, at = path.name.span): TopEntry {
    const id = packageId(path.package!)
    const top = this.#tops.get(id)
    if (top === undefined) {
      const known = [...this.#tops.keys()].filter((name) => name !== packageId(this.#package.name))
      fail(
        `package '${id}' not found. known packages: ${known.length === 0 ? 'none' : known.join(', ')}`,
        path.packageSpan,
      )
    }
    return top.get(path.name.text) ?? fail(`${what} '${path.name.text}' not found in package '${id}'`, at)
  }

  // Interfaces

  /** Resolves the members of an interface; `excluded` if the interface's feature is not active: then its members must have gates too. */
  interfaceMembers(made: Interface, members: readonly InterfaceMember[], excluded = false): void {
    const scope = new Scope(made)
    this.scopes.set(made, scope)
    const declared = this.declareTypes(scope, members)
    for (const member of members)
      if (member.tag === 'func') this.attempt(() => scope.define(member.name, { tag: 'func' }))
    if (excluded) {
      for (const { name, gate } of declared)
        if (this.isIncluded(gate, name.span))
          fail(`${EXCLUDED('interface')}; this type is not gated by a feature but its interface is`, name.span)
      return
    }
    this.types(
      scope,
      members,
      (type) => made.types.set(type.name!, type),
      (func) => made.functions.set(func.name, func),
    )
    for (const member of members) {
      if (member.tag !== 'func') continue
      this.attempt(() => {
        if (!this.isIncluded(member.gate, member.name.span)) return
        const about = { kind: 'freestanding', resource: undefined, docs: member.docs } as const
        const stability = stabilityOf(member.gate)
        made.functions.set(
          member.name.text,
          scope.func(member.func, member.name.text, member.name.span, { ...about, stability }),
        )
      })
    }
  }

  /** Takes the names of types, so that what uses one that comes later finds it; returns them. */
  declareTypes(
    scope: Scope,
    members: readonly { readonly tag: string }[],
  ): readonly { readonly name: Name; readonly gate: Gate }[] {
    const declared: { name: Name; gate: Gate }[] = []
    for (const member of members as readonly InterfaceMember[]) {
      if (member.tag === 'type') declared.push(member)
      else if (member.tag === 'use')
        for (const { name, as } of member.names) declared.push({ name: as ?? name, gate: member.gate })
    }
    for (const { name } of declared) this.attempt(() => scope.define(name, { tag: 'broken' }))
    return declared
  }

  /** Resolves `use`s, types and the methods of resources. Their names are in the scope already. */
  types(
    scope: Scope,
    members: readonly { readonly tag: string }[],
    addType: (type: TypeDef) => void,
    addFunc: (func: Func) => void,
  ): void {
    const set = (name: string, entry: Entry): void => void scope.entries.set(name, entry)
    const all = members as readonly InterfaceMember[]
    for (const member of all) if (member.tag === 'use') this.attempt(() => this.#use(member, scope, addType))
    const items = all.filter((member) => member.tag === 'type')
    const own = new Set(items.map((item) => item.name.text))
    const nodes = items.map((item) => ({
      name: item.name.text,
      item,
      needs: typeNames(item.body).filter((name) => own.has(name.text)),
    }))
    const ordered = inOrder(
      nodes,
      (stop) => this.#problems.push(stop.problem),
      (name) => `type \`${name}\` depends on itself`,
    )
    for (const { name, body, docs, gate } of ordered) {
      this.attempt(() => {
        if (!this.isIncluded(gate, name.span)) return set(name.text, { tag: 'excluded' })
        const type = scope.typeDef(name, body, docs, stabilityOf(gate))
        set(name.text, { tag: 'type', type })
        addType(type)
      })
    }
    for (const { name, body } of ordered) {
      if (body.tag !== 'resource') continue
      const seen = new Set<string>()
      for (const method of body.methods) {
        this.attempt(() => {
          const short = method.name.text.toLowerCase()
          if (seen.has(short))
            fail(
              method.kind === 'constructor'
                ? 'duplicate constructors'
                : `duplicate function name \`${method.name.text}\``,
              method.name.span,
            )
          seen.add(short)
          if (!this.isIncluded(method.gate, method.name.span)) return
          const resource = scope.lookup(name, method.name.span)
          const full =
            method.kind === 'constructor'
              ? `[constructor]${name.text}`
              : `[${method.kind}]${name.text}.${method.name.text}`
          const about = { kind: method.kind, resource, docs: method.docs, stability: stabilityOf(method.gate) }
          addFunc(scope.func(method.func, full, method.name.span, about))
        })
      }
    }
  }

  #use(use: UseItem, scope: Scope, addType: (type: TypeDef) => void): void {
    if (!this.isIncluded(use.gate, use.from.name.span)) {
      for (const { name, as } of use.names) scope.entries.set((as ?? name).text, { tag: 'excluded' })
      return
    }
    const from = this.interfaceAt(use.from)
    const names = this.scopes.get(from)!
    for (const { name, as } of use.names) {
      this.attempt(() => {
        const entry = names.entries.get(name.text)
        const local = as ?? name
        if (entry === undefined)
          fail(
            use.from.package === undefined
              ? `name \`${name.text}\` does not exist`
              : `type \`${name.text}\` not defined in interface`,
            name.span,
          )
        switch (entry.tag) {
          case 'func':
            return fail(`cannot import function \`${name.text}\``, name.span)
          case 'excluded':
            return fail(EXCLUDED('type'), name.span)
          case 'broken':
            throw new Quiet()
        }
        const type: TypeDef = {
          name: local.text,
          owner: scope.owner,
          kind: { tag: 'alias', type: entry.type },
          docs: undefined,
          stability: stabilityOf(use.gate),
        }
        scope.entries.set(local.text, { tag: 'type', type })
        addType(type)
      })
    }
  }
}

function defineTopUse(
  { from, as }: Extract<TopLevelItem, { tag: 'top-use' }>,
  items: readonly TopLevelItem[],
  fileNames: Map<string, UsePath>,
): void {
  const name = as ?? from.name
  const item = items.find((other) => other.tag !== 'top-use' && other.name.text === name.text)
  if (fileNames.has(name.text)) fail(`duplicate name \`${name.text}\` in this file`, name.span)
  if (item !== undefined && item.tag !== 'top-use') fail(`duplicate name \`${name.text}\` in this file`, item.name.span)
  fileNames.set(name.text, from)
}

const sameTarget = (a: UsePath, b: UsePath): boolean =>
  a.name.text === b.name.text && b.package !== undefined && packageId(a.package!) === packageId(b.package)

function notAWorld({ name }: UsePath): never {
  fail(`name \`${name.text}\` is defined as an interface, not a world`, name.span)
}
