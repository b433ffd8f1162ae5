// Index spaces and identifiers while a component is parsed. A scope is a component, or a component, instance or module type.
//
// Sugar becomes definitions here: a reference into an enclosing scope becomes an outer alias, `(func $i "f")` an export alias.
// Both are put before the definition that is being read.

import type { Annotations } from '../../text/annotations.ts'
import type { Cursor } from '../../text/cursor.ts'
import { Token } from '../../text/lexer.ts'
import { ModuleParser } from '../../text/module-parser.ts'
import { IndexSpaces } from '../../text/spaces.ts'
import { ALL_FEATURES } from '../../wasm/features.ts'
import type { SubType } from '../../wasm/types.ts'
import { MAX_COMPONENT_NESTING } from '../binary/decode.ts'
import type { Alias, CoreModuleDecl, Decl, Definition, SortIndex, TypeDef } from '../binary/model.ts'
import { Sort, SORT_NAMES } from '../binary/model.ts'

/** Parentheses within a type; far above what tools write, far below what JavaScript's stack holds. */
const MAX_TYPE_NESTING = 500

export type ScopeKind = 'component' | 'component type' | 'instance type' | 'module type'

type WithoutPlace<X> = X extends unknown ? Omit<X, 'at'> : never
/** What a scope consists of: definitions or declarators, by its kind. Aliases have the same form everywhere. */
export type Item =
  WithoutPlace<Definition> | WithoutPlace<Decl> | { readonly kind: 'core-decl'; readonly decl: CoreModuleDecl }

interface Space {
  count: number
  readonly ids: Map<number, number>
}

/** What stands for a member of the core type space that is no recursion group of this scope, so that indices agree. */
const OPAQUE: SubType = { kind: 'struct', fields: [], final: true, supertype: -1 }

export class Scope {
  readonly kind: ScopeKind
  readonly parent: Scope | undefined
  /** Symbol of the component's identifier, or 0. */
  readonly symbol: number
  readonly items: Item[] = []
  readonly #spaces = new Map<Sort, Space>()
  /** Aliases made for references into enclosing scopes. */
  readonly #outer = new Map<Sort, Map<number, number>>()
  /** Parses core types; its type space is this scope's. */
  readonly core: ModuleParser

  constructor(kind: ScopeKind, parent: Scope | undefined, symbol: number, core: ModuleParser) {
    this.kind = kind
    this.parent = parent
    this.symbol = symbol
    this.core = core
  }

  space(sort: Sort): Space {
    let space = this.#spaces.get(sort)
    if (space === undefined) this.#spaces.set(sort, (space = { count: 0, ids: new Map() }))
    return space
  }

  push(item: Item): void {
    this.items.push({ ...item, at: 0 } as unknown as Item)
  }

  outer(sort: Sort): Map<number, number> {
    let map = this.#outer.get(sort)
    if (map === undefined) this.#outer.set(sort, (map = new Map()))
    return map
  }
}

/** Sorts that may be aliased from enclosing scopes. */
const OUTER_SORTS: readonly Sort[] = [Sort.CoreModule, Sort.CoreType, Sort.Component, Sort.Type]

/** Words of sorts, with and without `core`. */
const COMPONENT_SORTS: Readonly<Record<string, Sort>> = {
  func: Sort.Func,
  value: Sort.Value,
  type: Sort.Type,
  component: Sort.Component,
  instance: Sort.Instance,
}
export const CORE_SORTS: Readonly<Record<string, Sort>> = {
  func: Sort.CoreFunc,
  table: Sort.CoreTable,
  memory: Sort.CoreMemory,
  global: Sort.CoreGlobal,
  tag: Sort.CoreTag,
  type: Sort.CoreType,
  module: Sort.CoreModule,
  instance: Sort.CoreInstance,
}

/** How references to core definitions are written: `(core func $f)` in component contexts, `(func $f)` in core ones. */
export type Context = 'component' | 'core'

export class ComponentParser {
  readonly cursor: Cursor
  readonly annotations: Annotations
  /** Accept references to core definitions without `core` where tools used to write them. */
  readonly legacyIndices: boolean
  /** Index spaces for core modules, used again for each. */
  readonly spaces = new IndexSpaces()
  scope!: Scope
  #depth = 0
  #typeDepth = 0

  constructor(cursor: Cursor, annotations: Annotations, legacyIndices: boolean) {
    this.cursor = cursor
    this.annotations = annotations
    this.legacyIndices = legacyIndices
  }

  // Scopes

  /** Parses in a new scope and returns what it consists of. */
  inScope(kind: ScopeKind, symbol: number, parse: () => void): readonly Item[] {
    const outer = this.scope as Scope | undefined
    if (++this.#depth > MAX_COMPONENT_NESTING)
      this.cursor.fail(`nesting too deep: the limit is ${MAX_COMPONENT_NESTING}`, this.cursor.pos, 'limit')
    const core = new ModuleParser(this.cursor, this.annotations, new IndexSpaces(), ALL_FEATURES, false)
    this.scope = new Scope(kind, outer, symbol, core)
    parse()
    const { items } = this.scope
    this.scope = outer!
    this.#depth--
    return items
  }

  nestedType<X>(parse: () => X): X {
    if (++this.#typeDepth > MAX_TYPE_NESTING)
      this.cursor.fail(`nesting too deep: the limit is ${MAX_TYPE_NESTING}`, this.cursor.pos, 'limit')
    const result = parse()
    this.#typeDepth--
    return result
  }

  /** Adds a member to an index space. `pos` is the token of its identifier. */
  define(sort: Sort, symbol = 0, pos = this.cursor.pos): number {
    if (sort === Sort.CoreType) {
      const { core } = this.scope
      while (core.types.length <= core.spaces.types.count) core.types.push(OPAQUE)
      return core.spaces.types.add(this.cursor, symbol, pos)
    }
    const space = this.scope.space(sort)
    const index = space.count++
    if (symbol !== 0) {
      if (space.ids.has(symbol))
        this.cursor.fail(`duplicate ${SORT_NAMES[sort]} identifier $${this.cursor.symbolName(symbol)}`, pos)
      space.ids.set(symbol, index)
    }
    return index
  }

  addType(type: TypeDef, symbol = 0, pos = this.cursor.pos): number {
    this.scope.push({ kind: 'type', type })
    return this.define(Sort.Type, symbol, pos)
  }

  addAlias(alias: Alias, symbol = 0, pos = this.cursor.pos): number {
    this.scope.push({ kind: 'alias', alias })
    return this.define(alias.sort, symbol, pos)
  }

  // Words

  /** The text of a keyword or other word; '' for other tokens. */
  word(pos = this.cursor.pos): string {
    const kind = this.cursor.kinds[pos]
    return kind === Token.Keyword || kind === Token.Reserved ? this.cursor.quote(pos) : ''
  }

  accept(word: string): boolean {
    if (this.word() !== word) return false
    this.cursor.pos++
    return true
  }

  /** Whether `(word` stands here; with more words, `(word word ...`. */
  isOpen(...words: readonly string[]): boolean {
    const { cursor } = this
    return cursor.kind() === Token.LeftParen && words.every((word, i) => this.word(cursor.pos + 1 + i) === word)
  }

  open(...words: readonly string[]): boolean {
    if (!this.isOpen(...words)) return false
    this.cursor.pos += 1 + words.length
    return true
  }

  // References

  /** The member of a scope that an identifier names, or -1. */
  find(scope: Scope, sort: Sort, symbol: number): number {
    if (sort === Sort.CoreType) return scope.core.spaces.types.find(symbol)
    return scope.space(sort).ids.get(symbol) ?? -1
  }

  /** The index that an identifier means; from enclosing scopes through an outer alias. -1 if there is none. */
  resolve(sort: Sort, symbol: number): number {
    const here = this.find(this.scope, sort, symbol)
    if (here >= 0) return here
    const aliased = this.scope.outer(sort).get(symbol)
    if (aliased !== undefined) return aliased
    let count = 1
    for (let scope = this.scope.parent; scope !== undefined; scope = scope.parent) {
      const index = this.find(scope, sort, symbol)
      if (index >= 0) {
        if (!OUTER_SORTS.includes(sort))
          this.cursor.fail(`outer item \`${this.cursor.symbolName(symbol)}\` is not a module, type, or component`)
        const alias = this.addAlias({ target: 'outer', sort, count, index })
        this.scope.outer(sort).set(symbol, alias)
        return alias
      }
      count++
    }
    return -1
  }

  /** A number or an identifier. */
  plainIndex(sort: Sort): number {
    const c = this.cursor
    if (c.kind() === Token.Nat) return c.u32()
    if (c.kind() !== Token.Id) c.unexpected(`a ${SORT_NAMES[sort]} index`)
    const index = this.resolve(sort, c.values[c.pos])
    if (index < 0) c.fail(`unknown ${SORT_NAMES[sort]}: failed to find name \`${c.quote()}\``)
    c.pos++
    return index
  }

  /** An alias behind its keyword, up to the sort. `sort` is known already: it may come in front or behind. */
  aliasTarget(sort: Sort): Alias {
    const c = this.cursor
    if (this.accept('export')) return { target: 'export', sort, instance: this.index(Sort.Instance), name: c.name() }
    if (this.accept('core')) {
      if (!this.accept('export')) c.unexpected('`export`')
      return { target: 'core export', sort, instance: this.index(Sort.CoreInstance), name: c.name() }
    }
    if (!this.accept('outer')) c.unexpected('`export`, `core export` or `outer`')
    const { count, scope } = this.outerScope()
    if (c.kind() === Token.Nat) return { target: 'outer', sort, count, index: c.u32() }
    if (c.kind() !== Token.Id) c.unexpected(`a ${SORT_NAMES[sort]} index`)
    const index = scope === undefined ? -1 : this.find(scope, sort, c.values[c.pos])
    if (index < 0) c.fail(`unknown ${SORT_NAMES[sort]}: failed to find name \`${c.quote()}\``)
    c.pos++
    return { target: 'outer', sort, count, index }
  }

  /** The number or the name of an enclosing scope. */
  private outerScope(): { count: number; scope: Scope | undefined } {
    const c = this.cursor
    let scope: Scope | undefined = this.scope
    if (c.kind() === Token.Nat) {
      const pos = c.pos
      const count = c.u32()
      for (let i = 0; i < count && scope !== undefined; i++) scope = scope.parent
      if (scope === undefined && c.kind() === Token.Id) c.fail(`outer count of \`${count}\` is too large`, pos)
      return { count, scope }
    }
    if (c.kind() !== Token.Id) c.unexpected('the number or name of an enclosing component')
    const symbol = c.values[c.pos]
    for (let count = 0; scope !== undefined; count++, scope = scope.parent) {
      if (scope.symbol !== symbol) continue
      c.pos++
      return { count, scope }
    }
    return c.fail(`outer component \`${c.symbolName(symbol)}\` not found`)
  }

  /** `(alias target (sort $id?))` behind its keyword, as far as the closing parenthesis. */
  alias(): void {
    const c = this.cursor
    const start = c.pos
    // The sort stands behind the target, which is read by it.
    c.pos += this.word() === 'core' ? 2 : 1
    for (let part = 0; part < 2; part++) {
      if (c.kind() === Token.LeftParen) c.pos = c.behind()
      else c.pos++
    }
    if (c.kind() !== Token.LeftParen) c.unexpected('`(` and a sort')
    c.pos++
    const sort = this.sort(this.scope.kind === 'module type' ? 'core' : 'component')
    const pos = c.pos
    const symbol = c.optionalId()
    c.close()
    const behind = c.pos
    c.pos = start
    this.addAlias(this.aliasTarget(sort), symbol, pos)
    c.pos = behind
  }

  isIndexNext(): boolean {
    const kind = this.cursor.kind()
    return kind === Token.Nat || kind === Token.Id
  }

  /** An index of a sort: plain, or `(sort index "export"...)`. */
  index(sort: Sort, context: Context = 'component'): number {
    const c = this.cursor
    if (c.kind() !== Token.LeftParen) return this.plainIndex(sort)
    const pos = c.pos
    const isLegacy = this.legacyIndices && sort < 0x100 && CORE_SORTS[this.word(pos + 1)] !== undefined
    const item = this.sortIndex(isLegacy ? 'core' : context)
    if (item.sort !== sort) c.unexpected(`a ${SORT_NAMES[sort]} index`, pos + 1)
    return item.index
  }

  /** `func`, `core func` and so on. */
  sort(context: Context): Sort {
    const c = this.cursor
    const isCore = context === 'core' || this.accept('core')
    const sort = (isCore ? CORE_SORTS : COMPONENT_SORTS)[this.word()]
    if (sort === undefined) c.unexpected(isCore ? 'a core sort' : 'a sort')
    c.pos++
    return sort
  }

  /** `(sort index "export"...)`. */
  sortIndex(context: Context): SortIndex {
    const c = this.cursor
    if (c.kind() !== Token.LeftParen) c.unexpected('`(`')
    c.pos++
    const sort = this.sort(context)
    const item = { sort, index: this.indexAndExports(sort) }
    c.close()
    return item
  }

  /** `index "export"...` behind a sort. */
  indexAndExports(sort: Sort): number {
    const c = this.cursor
    // The names begin behind the index: what the index means depends on whether there are any.
    if (c.kinds[c.pos + 1] !== Token.String) return this.plainIndex(sort)
    const isCore = sort < 0x100 && sort !== Sort.CoreModule && sort !== Sort.CoreType
    let instance = this.plainIndex(isCore ? Sort.CoreInstance : Sort.Instance)
    for (;;) {
      const name = c.name()
      const isLast = c.kind() !== Token.String
      if (isLast && isCore) return this.addAlias({ target: 'core export', sort, instance, name })
      if (isCore) c.unexpected('`)`')
      if (isLast) return this.addAlias({ target: 'export', sort, instance, name })
      instance = this.addAlias({ target: 'export', sort: Sort.Instance, instance, name })
    }
  }
}
