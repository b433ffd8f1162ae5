// Printer of WIT: a resolved package as text that resolves to the same package.

import { KEYWORDS } from './lexer.ts'
import {
  type Func,
  type Interface,
  interfaceId,
  type Package,
  packageId,
  type Stability,
  type Type,
  type TypeDef,
  type World,
  type WorldEntry,
} from './model.ts'

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS)
const id = (name: string): string => (KEYWORD_SET.has(name) ? `%${name}` : name)

const declared = ({ name }: Package): string =>
  packageId({ ...name, namespace: id(name.namespace), name: id(name.name) })

/** The text of a package, without the packages that it depends on. */
export function printPackage(item: Package): string {
  const printer = new Printer(item)
  printer.docs(item.docs)
  printer.line(`package ${declared(item)};`)
  for (const [name, member] of item.interfaces) {
    printer.line('')
    printer.header(member)
    printer.block(`interface ${id(name)}`, () => printer.members(member))
  }
  for (const [name, world] of item.worlds) {
    printer.line('')
    printer.header(world)
    printer.block(`world ${id(name)}`, () => printer.world(world))
  }
  return printer.text
}

/** Packages in one text: the last one first, the others nested behind it. */
export function printPackages(items: Iterable<Package>): string {
  const all = [...items]
  const main = all.pop()
  if (main === undefined) return ''
  let text = printPackage(main)
  for (const other of all) {
    const [, ...body] = splitHeader(printPackage(other))
    const indented = body.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')
    const docs = other.docs === undefined ? '' : docLines(other.docs).join('\n') + '\n'
    text += `\n${docs}package ${declared(other)} {${indented.trimEnd()}\n}\n`
  }
  return text
}

/** Lines from the package declaration on. */
function splitHeader(text: string): string[] {
  const lines = text.split('\n')
  return lines.slice(lines.findIndex((line) => line.startsWith('package ')))
}

const docLines = (docs: string): string[] => docs.split('\n').map((line) => `///${line === '' ? '' : ` ${line}`}`)

class Printer {
  text = ''
  readonly #package: Package
  #indent = ''

  constructor(item: Package) {
    this.#package = item
  }

  line(text: string): void {
    this.text += text === '' ? '\n' : `${this.#indent}${text}\n`
  }

  block(head: string, body: () => void): void {
    this.line(`${head} {`)
    const outer = this.#indent
    this.#indent += '  '
    body()
    this.#indent = outer
    this.line('}')
  }

  docs(docs: string | undefined): void {
    if (docs !== undefined) for (const line of docLines(docs)) this.line(line)
  }

  header(item: { readonly docs: string | undefined; readonly stability: Stability | undefined }): void {
    this.docs(item.docs)
    this.gate(item.stability)
  }

  gate(stability: Stability | undefined): void {
    if (stability === undefined) return
    const { since, unstable, deprecated } = stability
    if (since !== undefined) this.line(`@since(version = ${since})`)
    if (unstable !== undefined) this.line(`@unstable(feature = ${unstable})`)
    if (deprecated !== undefined) this.line(`@deprecated(version = ${deprecated})`)
  }

  members(item: Interface): void {
    for (const type of item.types.values()) this.type(type, item, methodsOf(type, item.functions.values()))
    for (const func of item.functions.values()) {
      if (func.kind !== 'freestanding') continue
      this.header(func)
      this.line(`${id(func.name)}: ${this.func(func)};`)
    }
  }

  world(world: World): void {
    const { imports, exports } = world
    const functions = [...imports.values()].flatMap((e) => (e.tag === 'function' ? [e.function] : []))
    for (const entry of imports.values())
      if (entry.tag === 'type') this.type(entry.type, world, methodsOf(entry.type, functions))
    for (const [key, entry] of imports) this.#extern('import', key, entry)
    for (const [key, entry] of exports) this.#extern('export', key, entry)
  }

  #extern(verb: 'import' | 'export', key: string, entry: WorldEntry): void {
    if (entry.tag === 'type') return
    if (entry.tag === 'function') {
      if (entry.function.kind !== 'freestanding') return
      this.header(entry.function)
      this.line(`${verb} ${id(key)}: ${this.func(entry.function)};`)
      return
    }
    const target = entry.interface
    if (target.name === undefined) {
      this.header(target)
      this.block(`${verb} ${id(key)}: interface`, () => this.members(target))
      return
    }
    this.gate(entry.stability)
    const path = this.#path(target)
    this.line(key === interfaceId(target) ? `${verb} ${path};` : `${verb} ${id(key)}: ${path};`)
  }

  /** How this package names an interface. */
  #path(target: Interface): string {
    if (target.package === this.#package) return id(target.name!)
    const { namespace, name, version } = target.package.name
    return `${id(namespace)}:${id(name)}/${id(target.name!)}${version === undefined ? '' : `@${version}`}`
  }

  type(type: TypeDef, owner: Interface | World, methods: readonly Func[]): void {
    const { kind } = type
    const name = id(type.name!)
    if (
      kind.tag === 'alias' &&
      typeof kind.type !== 'string' &&
      kind.type.owner !== undefined &&
      kind.type.owner !== owner &&
      !('imports' in kind.type.owner)
    ) {
      const from = kind.type
      this.header(type)
      this.line(
        `use ${this.#path(from.owner as Interface)}.{${id(from.name!)}${from.name === type.name ? '' : ` as ${name}`}};`,
      )
      return
    }
    this.header(type)
    switch (kind.tag) {
      case 'record':
        return this.#list(`record ${name}`, kind.fields, (f) => `${id(f.name)}: ${this.ref(f.type)}`)
      case 'variant':
        return this.#list(`variant ${name}`, kind.cases, (c) =>
          c.type === undefined ? id(c.name) : `${id(c.name)}(${this.ref(c.type)})`,
        )
      case 'enum':
        return this.#list(`enum ${name}`, kind.cases, (c) => id(c.name))
      case 'flags':
        return this.#list(`flags ${name}`, kind.flags, (f) => id(f.name))
      case 'resource':
        return this.#resource(name, methods)
      case 'alias':
        return this.line(`type ${name} = ${this.ref(kind.type)};`)
      default:
        // The name of a resource alone would be an alias.
        return this.line(`type ${name} = ${kind.tag === 'own' ? `own<${this.#kind(kind)}>` : this.#kind(kind)};`)
    }
  }

  #list<T extends { readonly docs: string | undefined }>(
    head: string,
    items: readonly T[],
    show: (item: T) => string,
  ): void {
    this.block(head, () => {
      for (const item of items) {
        this.docs(item.docs)
        this.line(`${show(item)},`)
      }
    })
  }

  #resource(name: string, methods: readonly Func[]): void {
    if (methods.length === 0) return this.line(`resource ${name};`)
    this.block(`resource ${name}`, () => {
      for (const method of methods) {
        this.header(method)
        if (method.kind === 'constructor') this.line(`${this.func(method).replace(/^func/, 'constructor')};`)
        else {
          const short = id(method.name.slice(method.name.indexOf('.') + 1))
          this.line(`${short}: ${method.kind === 'static' ? 'static ' : ''}${this.func(method)};`)
        }
      }
    })
  }

  func({ isAsync, kind, params, result, resource }: Func): string {
    const shown = kind === 'method' ? params.slice(1) : params
    const list = shown.map(({ name, type }) => `${id(name)}: ${this.ref(type)}`).join(', ')
    const isPlainConstructor =
      kind === 'constructor' &&
      typeof result === 'object' &&
      result.kind.tag === 'own' &&
      result.kind.resource === resource
    const arrow = result === undefined || isPlainConstructor ? '' : ` -> ${this.ref(result)}`
    return `${isAsync ? 'async ' : ''}func(${list})${arrow}`
  }

  ref(type: Type): string {
    if (typeof type === 'string') return type
    return type.name === undefined ? this.#kind(type.kind) : id(type.name)
  }

  #kind(kind: TypeDef['kind']): string {
    switch (kind.tag) {
      case 'own':
        return id(kind.resource.name!)
      case 'borrow':
        return `borrow<${id(kind.resource.name!)}>`
      case 'list':
        return kind.length === undefined
          ? `list<${this.ref(kind.element)}>`
          : `list<${this.ref(kind.element)}, ${kind.length}>`
      case 'map':
        return `map<${this.ref(kind.key)}, ${this.ref(kind.value)}>`
      case 'option':
        return `option<${this.ref(kind.value)}>`
      case 'result':
        if (kind.err === undefined) return kind.ok === undefined ? 'result' : `result<${this.ref(kind.ok)}>`
        return `result<${kind.ok === undefined ? '_' : this.ref(kind.ok)}, ${this.ref(kind.err)}>`
      case 'tuple':
        return `tuple<${kind.types.map((type) => this.ref(type)).join(', ')}>`
      case 'future':
      case 'stream':
        return kind.element === undefined ? kind.tag : `${kind.tag}<${this.ref(kind.element)}>`
      default:
        throw new TypeError(`a ${kind.tag} needs a name`)
    }
  }
}

const methodsOf = (type: TypeDef, functions: Iterable<Func>): Func[] =>
  [...functions].filter((func) => func.resource === type)
