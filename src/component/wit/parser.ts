// Parser of WIT files (design/mvp/WIT.md). Behind a mistake it goes on at the next item, so that one run finds several.

import type {
  Case,
  ExternType,
  FileAst,
  FilePart,
  FuncAst,
  Gate,
  IncludeItem,
  InterfaceItem,
  InterfaceMember,
  Label,
  Method,
  Name,
  PackageDecl,
  PackageName,
  TopLevelItem,
  TypeItem,
  UseItem,
  UsePath,
  WorldItem,
  WorldMember,
} from './ast.ts'
import { describeToken, type Token, type TokenKind, tokenize } from './lexer.ts'
import { parseType } from './parse-type.ts'
import { fail, type SourceFile, type Span, Stop, type Problem } from './source.ts'

/** Packages in packages: nothing real needs them, and resolution recurses over them. */
const MAX_PACKAGE_NESTING = 100

interface Header {
  readonly docs: string | undefined
  readonly gate: Gate
}

export class Parser {
  readonly #file: SourceFile
  readonly #tokens: readonly Token[]
  readonly #problems: Problem[]
  #at = 0

  constructor(file: SourceFile, problems: Problem[]) {
    this.#file = file
    this.#problems = problems
    this.#tokens = tokenize(file)
  }

  // Tokens

  /** The next token, which is not taken. */
  peek(): Token {
    return this.#tokens[this.#at]
  }

  /** Where the token before this one ends. */
  get previousEnd(): number {
    return this.#at === 0 ? 0 : this.#tokens[this.#at - 1].span.end
  }

  next(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#at++
    return token
  }

  eat(kind: TokenKind): Token | undefined {
    return this.peek().kind === kind ? this.next() : undefined
  }

  expected(what: string): never {
    fail(`expected ${what}, found ${describeToken(this.peek())}`, this.peek().span)
  }

  expect(kind: TokenKind): Token {
    const what = /^\w/.test(kind) ? `keyword \`${kind}\`` : `'${kind}'`
    return this.eat(kind) ?? this.expected(what)
  }

  name(): Name {
    const { text, span } = this.eat('word') ?? this.expected('an identifier or string')
    return { text, span }
  }

  /** Items between what was read and `close`, separated by commas; one may stand behind the last. */
  list<T>(close: TokenKind, item: () => T): T[] {
    const items: T[] = []
    while (this.eat(close) === undefined) {
      items.push(item())
      if (this.eat(',') === undefined) {
        this.expect(close)
        break
      }
    }
    return items
  }

  // Files and packages

  file(): FileAst {
    let decl: PackageDecl | undefined
    const items: TopLevelItem[] = []
    const nested: { decl: PackageDecl; part: FilePart }[] = []
    if (this.peek().kind === 'package') {
      const first = this.#recover(() => this.#packageDecl())
      if (first !== undefined) {
        if (this.peek().kind === '{') nested.push({ decl: first, part: this.#nestedPackage() })
        else {
          decl = first
          this.#recover(() => this.expect(';'))
        }
      }
    }
    while (this.peek().kind !== 'end') {
      this.#recover(() => {
        if (this.peek().kind === 'package') {
          const name = this.#packageDecl()
          if (this.peek().kind !== '{') this.expected("'{'")
          nested.push({ decl: name, part: this.#nestedPackage() })
        } else items.push(this.#topLevelItem())
      })
    }
    return { decl, items, nested }
  }

  #nestedPackage(): FilePart {
    this.expect('{')
    const items: TopLevelItem[] = []
    while (this.peek().kind !== '}' && this.peek().kind !== 'end') {
      this.#recover(() => {
        if (this.peek().kind === 'package') this.#tooDeep()
        items.push(this.#topLevelItem())
      })
    }
    this.expect('}')
    return { items }
  }

  /** At a package inside a nested package: only one level is allowed. */
  #tooDeep(): never {
    let depth = 0
    for (let at = this.#at; this.#tokens[at].kind !== 'end'; at++) {
      if (this.#tokens[at].kind === 'package' && ++depth >= MAX_PACKAGE_NESTING)
        fail('package nesting too deep', this.#tokens[at].span)
    }
    const { span } = this.#packageDecl()
    fail('nested packages must be placed at the top-level', span)
  }

  #packageDecl(): PackageDecl {
    const { docs, commentStart } = this.peek()
    const keyword = this.expect('package')
    const namespace = this.name()
    this.expect(':')
    const name = this.name()
    const version = this.#version()
    return {
      docs,
      docsSpan: { file: this.#file, start: commentStart, end: keyword.span.start },
      name: { namespace: namespace.text, name: name.text, version: version?.text },
      span: this.#from(namespace.span, version?.span ?? name.span),
    }
  }

  /** `@` and a semantic version. */
  #version(): Token | undefined {
    if (this.eat('@') === undefined) return undefined
    return this.eat('version') ?? this.expected('a version like 1.2.3')
  }

  #from(start: Span, end: Span): Span {
    return { file: this.#file, start: start.start, end: end.end }
  }

  /** Reads an item; if it is wrong keeps the problem and goes on behind it. */
  #recover<T>(item: () => T): T | undefined {
    const start = this.#at
    try {
      return item()
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      this.#problems.push(error.problem)
      this.#skip(start)
      return undefined
    }
  }

  /** To behind the `;` or the closing brace that ends the item at token `start`, or to a brace that closes what is around it. */
  #skip(start: number): void {
    let depth = 0
    let at = start
    for (; this.#tokens[at].kind !== 'end'; at++) {
      const { kind } = this.#tokens[at]
      if (kind === '{') depth++
      else if (kind === '}') {
        if (depth === 0 && at >= this.#at && at > start) break
        depth = Math.max(0, depth - 1)
      }
      if (depth === 0 && at >= this.#at && (kind === ';' || kind === '}')) {
        at++
        break
      }
    }
    this.#at = Math.max(at, start + (this.#tokens[start].kind === 'end' ? 0 : 1))
  }

  #header(): Header {
    const { docs } = this.peek()
    return { docs, gate: this.#gate() }
  }

  #gate(): Gate {
    const gate: { -readonly [K in keyof Gate]: Gate[K] } = {}
    while (this.eat('@') !== undefined) {
      const kind = this.name()
      this.expect('(')
      if (kind.text === 'since') {
        this.#key('version')
        const version = this.eat('version') ?? this.expected('a version like 1.2.3')
        gate.since = { version: version.text, span: version.span }
      } else if (kind.text === 'unstable') {
        this.#key('feature')
        gate.unstable = { feature: this.name().text }
      } else if (kind.text === 'deprecated') {
        this.#key('version')
        gate.deprecated = { version: (this.eat('version') ?? this.expected('a version like 1.2.3')).text }
      } else fail(`unknown attribute \`${kind.text}\`; there are since, unstable and deprecated`, kind.span)
      this.expect(')')
    }
    return gate
  }

  #key(key: string): void {
    const name = this.name()
    if (name.text !== key) fail(`expected \`${key}\`, found \`${name.text}\``, name.span)
    this.expect('=')
  }

  #topLevelItem(): TopLevelItem {
    const header = this.#header()
    switch (this.peek().kind) {
      case 'use': {
        this.next()
        const from = this.#usePath()
        const as = this.eat('as') && this.name()
        this.expect(';')
        return { tag: 'top-use', from, as }
      }
      case 'interface':
        return this.#interface(header)
      case 'world':
        return this.#world(header)
      case 'word':
        // A likely mistake: something that looks like a name, where an item should start.
        this.next()
        return this.expect(':') as never
      default:
        return this.expected('`world`, `interface` or `use`')
    }
  }

  #usePath(): UsePath {
    const first = this.name()
    if (this.eat(':') === undefined) return { package: undefined, packageSpan: undefined, name: first }
    const packageName = this.name()
    this.expect('/')
    const name = this.name()
    const version = this.#version()
    const full: PackageName = { namespace: first.text, name: packageName.text, version: version?.text }
    return { package: full, packageSpan: this.#from(first.span, packageName.span), name }
  }

  // Interfaces

  #interface(header: Header): InterfaceItem {
    this.expect('interface')
    return { tag: 'interface', ...header, name: this.name(), members: this.#interfaceBody() }
  }

  #interfaceBody(): InterfaceMember[] {
    this.expect('{')
    const members: InterfaceMember[] = []
    while (this.eat('}') === undefined) {
      if (this.peek().kind === 'end') this.expected("'}'")
      const member = this.#recover(() => this.#interfaceMember())
      if (member !== undefined) members.push(member)
    }
    return members
  }

  #interfaceMember(): InterfaceMember {
    const header = this.#header()
    const common = this.#typeOrUse(header)
    if (common !== undefined) return common
    if (this.peek().kind !== 'word') this.expected('`type`, `resource` or `func`')
    const name = this.name()
    this.expect(':')
    const func = this.#func()
    this.expect(';')
    return { tag: 'func', ...header, name, func }
  }

  /** What interfaces and worlds both have. */
  #typeOrUse(header: Header): TypeItem | UseItem | undefined {
    switch (this.peek().kind) {
      case 'use':
        return this.#use(header)
      case 'type': {
        this.next()
        const name = this.name()
        this.expect('=')
        const type = parseType(this)
        this.expect(';')
        return { tag: 'type', ...header, name, body: { tag: 'alias', type } }
      }
      case 'record': {
        const name = this.#named()
        const fields = this.list('}', () => {
          const { docs } = this.peek()
          const field = this.name()
          this.expect(':')
          return { docs, name: field, type: parseType(this) }
        })
        return { tag: 'type', ...header, name, body: { tag: 'record', fields } }
      }
      case 'variant': {
        const name = this.#named()
        const cases = this.list('}', () => this.#case())
        if (cases.length === 0) fail('empty variant', name.span)
        return { tag: 'type', ...header, name, body: { tag: 'variant', cases } }
      }
      case 'enum': {
        const name = this.#named()
        const cases = this.list('}', () => this.#label())
        if (cases.length === 0) fail('empty enum', name.span)
        return { tag: 'type', ...header, name, body: { tag: 'enum', cases } }
      }
      case 'flags': {
        const name = this.#named()
        return { tag: 'type', ...header, name, body: { tag: 'flags', flags: this.list('}', () => this.#label()) } }
      }
      case 'resource':
        return this.#resource(header)
      default:
        return undefined
    }
  }

  /** A keyword, a name, `{`. */
  #named(): Name {
    this.next()
    const name = this.name()
    this.expect('{')
    return name
  }

  #label(): Label {
    const { docs } = this.peek()
    return { docs, name: this.name() }
  }

  #case(): Case {
    const { docs } = this.peek()
    const name = this.name()
    if (this.eat('(') === undefined) return { docs, name, type: undefined }
    const type = parseType(this)
    this.expect(')')
    return { docs, name, type }
  }

  #resource(header: Header): TypeItem {
    this.expect('resource')
    const name = this.name()
    const methods: Method[] = []
    if (this.eat(';') === undefined) {
      this.expect('{')
      while (this.eat('}') === undefined) {
        if (this.peek().kind === 'end') this.expected("'}'")
        const method = this.#recover(() => this.#method())
        if (method !== undefined) methods.push(method)
      }
    }
    return { tag: 'type', ...header, name, body: { tag: 'resource', methods } }
  }

  #method(): Method {
    const header = this.#header()
    const constructor = this.eat('constructor')
    if (constructor !== undefined) {
      const params = this.#params()
      const result = this.eat('->') && parseType(this)
      this.expect(';')
      const name = { text: 'constructor', span: constructor.span }
      return { ...header, kind: 'constructor', name, func: { isAsync: false, params, result } }
    }
    if (this.peek().kind !== 'word') this.expected('`constructor` or identifier')
    const name = this.name()
    this.expect(':')
    const kind = this.eat('static') === undefined ? 'method' : 'static'
    const func = this.#func()
    this.expect(';')
    return { ...header, kind, name, func }
  }

  #func(): FuncAst {
    const isAsync = this.eat('async') !== undefined
    this.expect('func')
    const params = this.#params()
    const result = this.eat('->') && parseType(this)
    return { isAsync, params, result }
  }

  #params(): FuncAst['params'] {
    this.expect('(')
    return this.list(')', () => {
      const name = this.name()
      this.expect(':')
      return { name, type: parseType(this) }
    })
  }

  #use(header: Header): UseItem {
    this.expect('use')
    const from = this.#usePath()
    this.expect('.')
    this.expect('{')
    const names = this.list('}', () => ({ name: this.name(), as: this.eat('as') && this.name() }))
    this.expect(';')
    return { tag: 'use', ...header, from, names }
  }

  // Worlds

  #world(header: Header): WorldItem {
    this.expect('world')
    const name = this.name()
    this.expect('{')
    const members: WorldMember[] = []
    while (this.eat('}') === undefined) {
      if (this.peek().kind === 'end') this.expected("'}'")
      const member = this.#recover(() => this.#worldMember())
      if (member !== undefined) members.push(member)
    }
    return { tag: 'world', ...header, name, members }
  }

  #worldMember(): WorldMember {
    const header = this.#header()
    const common = this.#typeOrUse(header)
    if (common !== undefined) return common
    switch (this.peek().kind) {
      case 'import':
      case 'export': {
        const tag = this.next().kind as 'import' | 'export'
        return { tag, ...header, item: this.#extern() }
      }
      case 'include':
        return this.#include(header)
      default:
        return this.expected('`import`, `export`, `include`, `use`, or type definition')
    }
  }

  #extern(): ExternType {
    // `a: func`, `a: interface`, `a: path` or a path, which may be `a:b/c`.
    const [, colon, third, fourth] = this.#tokens.slice(this.#at, this.#at + 4)
    const isPath = colon?.kind !== ':' || (third?.kind === 'word' && fourth?.kind === '/')
    if (isPath) {
      const path = this.#usePath()
      this.expect(';')
      return { tag: 'path', path }
    }
    const name = this.name()
    this.expect(':')
    if (this.peek().kind === 'interface') {
      this.next()
      return { tag: 'inline', name, members: this.#interfaceBody() }
    }
    if (this.peek().kind === 'word') {
      const path = this.#usePath()
      this.expect(';')
      return { tag: 'named-path', name, path }
    }
    const func = this.#func()
    this.expect(';')
    return { tag: 'func', name, func }
  }

  #include(header: Header): IncludeItem {
    this.expect('include')
    const from = this.#usePath()
    if (this.eat('with') === undefined) {
      this.expect(';')
      return { tag: 'include', ...header, from, renames: [] }
    }
    this.expect('{')
    const renames = this.list('}', () => {
      const name = this.name()
      this.expect('as')
      return { name, as: this.name() }
    })
    this.eat(';')
    return { tag: 'include', ...header, from, renames }
  }
}

/** Parses a file; what is wrong goes to `problems`, and what could be read is the result. */
export function parseFile(file: SourceFile, problems: Problem[]): FileAst {
  try {
    return new Parser(file, problems).file()
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    problems.push(error.problem)
    return { decl: undefined, items: [], nested: [] }
  }
}
