// Names of types inside an interface or world, and the types that an AST type stands for.

import type { FuncAst, Gate, Name, TypeAst, TypeBody } from './ast.ts'
import {
  dealias,
  type Func,
  type Interface,
  partsOf,
  type Stability,
  type Type,
  type TypeDef,
  type World,
} from './model.ts'
import { fail, type Span, Stop } from './source.ts'

/**
 * What a name stands for: `excluded` is a type whose feature is not active, `broken` one that has been complained about, so that what
 * uses it is not complained about too.
 */
export type Entry = { readonly tag: 'type'; readonly type: TypeDef } | { readonly tag: 'func' | 'excluded' | 'broken' }

/** Thrown for what depends on something broken: nothing new is wrong. */
export class Quiet extends Error {}

export const EXCLUDED = (what: string): string =>
  `found a reference to a ${what} which is excluded due to its feature not being activated`

/** Keys of maps: what has one canonical text. */
const MAP_KEYS: ReadonlySet<string> = new Set([
  'bool',
  'u8',
  'u16',
  'u32',
  'u64',
  's8',
  's16',
  's32',
  's64',
  'char',
  'string',
])

export class Scope {
  readonly owner: Interface | World
  readonly entries = new Map<string, Entry>()

  constructor(owner: Interface | World) {
    this.owner = owner
  }

  /** @throws Stop if the name is taken. */
  define(name: Name, entry: Entry): void {
    if (this.entries.has(name.text)) fail(`name \`${name.text}\` is defined more than once`, name.span)
    this.entries.set(name.text, entry)
  }

  /** `user` is what the message about an excluded type points at. */
  lookup(name: Name, user: Span, what: 'type' | 'name' = 'type'): TypeDef {
    const entry = this.entries.get(name.text)
    switch (entry?.tag) {
      case 'type':
        return entry.type
      case 'excluded':
        return fail(EXCLUDED('type'), user)
      case 'broken':
        throw new Quiet()
      case 'func':
        return fail(`cannot use function \`${name.text}\` as a type`, name.span)
      default:
        return fail(`${what} \`${name.text}\` does not exist${renamed(name.text)}`, name.span)
    }
  }

  /** The type of a value: a resource by its name is an owned handle. */
  value(type: TypeAst, user: Span, what: 'type' | 'name' = 'type'): Type {
    if (type.tag !== 'name') return this.type(type, user, what)
    const def = this.lookup(type.name, user, what)
    return isResource(def) ? anonymous({ tag: 'own', resource: def }) : def
  }

  type(type: TypeAst, user: Span, what: 'type' | 'name' = 'type'): Type {
    const value = (inner: TypeAst): Type => this.value(inner, user, what)
    const optional = (inner: TypeAst | undefined): Type | undefined => (inner === undefined ? undefined : value(inner))
    switch (type.tag) {
      case 'primitive':
        return type.name
      case 'name':
        return this.lookup(type.name, user, what)
      case 'own':
      case 'borrow':
        return anonymous({ tag: type.tag, resource: this.resource(type.name, user) })
      case 'list':
        return anonymous({ tag: 'list', element: value(type.element), length: type.length })
      case 'map': {
        const key = value(type.key)
        const plain = dealias(key)
        if (typeof plain !== 'string' || !MAP_KEYS.has(plain))
          fail(`invalid map key type: map keys must be ${[...MAP_KEYS].join(', ')}`, type.span)
        return anonymous({ tag: 'map', key, value: value(type.value) })
      }
      case 'option':
        return anonymous({ tag: 'option', value: value(type.value) })
      case 'result':
        return anonymous({ tag: 'result', ok: optional(type.ok), err: optional(type.err) })
      case 'tuple':
        return anonymous({ tag: 'tuple', types: type.types.map(value) })
      case 'future':
      case 'stream':
        return anonymous({ tag: type.tag, element: optional(type.element) })
    }
  }

  resource(name: Name, user: Span): TypeDef {
    if (this.entries.get(name.text)?.tag === 'func') fail(`type \`${name.text}\` does not exist`, name.span)
    const def = this.lookup(name, user)
    if (!isResource(def)) fail(`type \`${name.text}\` used in a handle must be a resource`, name.span)
    return def
  }

  /** The function of an AST; `name` and `kind` as in the model. */
  func(ast: FuncAst, name: string, at: Span, about: Pick<Func, 'kind' | 'resource' | 'docs' | 'stability'>): Func {
    const params: { name: string; type: Type }[] = []
    if (about.kind === 'method')
      params.push({ name: 'self', type: anonymous({ tag: 'borrow', resource: about.resource! }) })
    const names = new Set(params.map((param) => param.name))
    for (const param of ast.params) {
      if (names.has(param.name.text)) fail(`param \`${param.name.text}\` is defined more than once`, param.name.span)
      names.add(param.name.text)
      params.push({ name: param.name.text, type: this.value(param.type, at, 'name') })
    }
    const result =
      about.kind === 'constructor'
        ? this.#constructed(ast, about.resource!, at)
        : ast.result && this.value(ast.result, at, 'name')
    if (result !== undefined && containsBorrow(result))
      fail(`function \`${name}\` returns a type which contains a \`borrow<T>\` which is not supported`, at)
    return { name, isAsync: ast.isAsync, params, result, ...about }
  }

  /** A constructor gives its resource, or says `result<resource, error>`. */
  #constructed({ result }: FuncAst, resource: TypeDef, at: Span): Type {
    if (result === undefined) return anonymous({ tag: 'own', resource })
    if (result.tag !== 'result') fail('if a constructor return type is declared it must be a `result`', result.span)
    const type = this.type(result, at, 'name') as TypeDef
    const ok = type.kind.tag === 'result' && type.kind.ok !== undefined ? dealias(type.kind.ok) : undefined
    if (ok === undefined || typeof ok === 'string' || ok.kind.tag !== 'own' || ok.kind.resource !== resource)
      fail('the `ok` type must be the resource being constructed', (result.ok ?? result).span)
    return type
  }

  /** Defines the type of an item. */
  typeDef(name: Name, body: TypeBody, docs: string | undefined, stability: Stability | undefined): TypeDef {
    const kind = (): TypeDef['kind'] => {
      switch (body.tag) {
        case 'alias': {
          const type = this.type(body.type, name.span)
          return typeof type === 'string' || type.name !== undefined ? { tag: 'alias', type } : type.kind
        }
        case 'record':
          return {
            tag: 'record',
            fields: unique(body.fields, 'field').map((field) => ({
              name: field.name.text,
              docs: field.docs,
              type: this.value(field.type, field.name.span),
            })),
          }
        case 'variant':
          return {
            tag: 'variant',
            cases: unique(body.cases, 'case').map((c) => ({
              name: c.name.text,
              docs: c.docs,
              type: c.type && this.value(c.type, c.name.span),
            })),
          }
        case 'enum':
          return { tag: 'enum', cases: unique(body.cases, 'case').map((c) => ({ name: c.name.text, docs: c.docs })) }
        case 'flags':
          return { tag: 'flags', flags: unique(body.flags, 'flag').map((f) => ({ name: f.name.text, docs: f.docs })) }
        case 'resource':
          return { tag: 'resource' }
      }
    }
    return { name: name.text, owner: this.owner, kind: kind(), docs, stability }
  }
}

/** Names of the parts of a type; they are case-insensitive. */
function unique<T extends { readonly name: Name }>(items: readonly T[], what: string): readonly T[] {
  const seen = new Set<string>()
  for (const { name } of items) {
    const key = name.text.toLowerCase()
    if (seen.has(key)) fail(`${what} \`${name.text}\` is defined more than once`, name.span)
    seen.add(key)
  }
  return items
}

const anonymous = (kind: TypeDef['kind']): TypeDef => ({
  name: undefined,
  owner: undefined,
  kind,
  docs: undefined,
  stability: undefined,
})

export function isResource(type: TypeDef): boolean {
  const plain = dealias(type)
  return typeof plain !== 'string' && plain.kind.tag === 'resource'
}

/** Types are trees: cycles were refused. A type with a name may be met often, so each is looked at once. */
function containsBorrow(type: Type, seen = new Set<Type>()): boolean {
  if (typeof type === 'string' || seen.has(type)) return false
  seen.add(type)
  return type.kind.tag === 'borrow' || partsOf(type.kind).some((part) => containsBorrow(part, seen))
}

const renamed = (name: string): string => {
  const now = { float32: 'f32', float64: 'f64' }[name]
  return now === undefined ? '' : `; it is called \`${now}\``
}

/** Names of types that a body refers to, each with the place of the reference. Methods of resources come later. */
export function typeNames(body: TypeBody): Name[] {
  const names: Name[] = []
  const visit = (type: TypeAst | undefined): void => {
    switch (type?.tag) {
      case 'name':
      case 'own':
      case 'borrow':
        names.push(type.name)
        break
      case 'list':
        visit(type.element)
        break
      case 'map':
        visit(type.key)
        visit(type.value)
        break
      case 'option':
        visit(type.value)
        break
      case 'result':
        visit(type.ok)
        visit(type.err)
        break
      case 'tuple':
        type.types.forEach(visit)
        break
      case 'future':
      case 'stream':
        visit(type.element)
        break
    }
  }
  if (body.tag === 'alias') visit(body.type)
  else if (body.tag === 'record') for (const field of body.fields) visit(field.type)
  else if (body.tag === 'variant') for (const c of body.cases) visit(c.type)
  return names
}

/** One item of an order: what it depends on, as names with the place that a cycle is reported at. */
export interface Node<T> {
  readonly name: string
  readonly item: T
  readonly needs: readonly Name[]
}

/**
 * Items so that each comes behind those that it needs; names of nothing here are ignored. Items of a cycle, and what needs them, are left
 * out, and `report` is told of one: the first item's first need that cannot come before it.
 */
export function inOrder<T>(
  nodes: readonly Node<T>[],
  report: (problem: Stop) => void,
  describe: (name: string) => string,
): T[] {
  const pending = new Map(nodes.map((node) => [node.name, node]))
  const ordered: T[] = []
  for (let progress = true; progress && pending.size > 0;) {
    progress = false
    for (const node of [...pending.values()]) {
      if (node.needs.some((need) => pending.has(need.text))) continue
      pending.delete(node.name)
      ordered.push(node.item)
      progress = true
    }
  }
  const [stuck] = pending.values()
  if (stuck !== undefined) {
    const need = stuck.needs.find((name) => pending.has(name.text))!
    report(new Stop(describe(need.text), need.span))
  }
  return ordered
}

export function stabilityOf({ since, unstable, deprecated }: Gate): Stability | undefined {
  if (since === undefined && unstable === undefined && deprecated === undefined) return undefined
  return {
    ...(since === undefined ? {} : { since: since.version }),
    ...(unstable === undefined ? {} : { unstable: unstable.feature }),
    ...(deprecated === undefined ? {} : { deprecated: deprecated.version }),
  }
}
