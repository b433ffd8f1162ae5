// Declarations of WIT types and functions in TypeScript.

import { camelCase, isReserved, pascalCase } from '../names.ts'
import { dealias, type Func, type Interface, type Type, type TypeDef, type World } from '../wit/model.ts'

/** Lists of these are typed arrays. */
const TYPED_ARRAYS: Readonly<Record<string, string>> = {
  u8: 'Uint8Array',
  s8: 'Int8Array',
  u16: 'Uint16Array',
  s16: 'Int16Array',
  u32: 'Uint32Array',
  s32: 'Int32Array',
  u64: 'BigUint64Array',
  s64: 'BigInt64Array',
  f32: 'Float32Array',
  f64: 'Float64Array',
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  bool: 'boolean',
  char: 'string',
  string: 'string',
  u64: 'bigint',
  s64: 'bigint',
  'error-context': 'Error',
}

/** A documentation comment, or nothing. */
export function docBlock(docs: string | undefined, indent: string): string {
  if (docs === undefined) return ''
  const lines = docs.replaceAll('*/', '*\\/').split('\n')
  return `${indent}/**\n${lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`).join('')}${indent} */\n`
}

export class TypeWriter {
  readonly #owner: Interface | World
  /** The module that declares another interface's types. */
  readonly #moduleOf: (owner: Interface) => string
  #text = ''
  #needsResult = false
  #needsOption = false

  constructor(owner: Interface | World, moduleOf: (owner: Interface) => string) {
    this.#owner = owner
    this.#moduleOf = moduleOf
  }

  /** All declarations, with the helper types they need. */
  finish(): string {
    let text = this.#text
    if (this.#needsResult) text += "export type Result<T, E> = { tag: 'ok', val: T } | { tag: 'err', val: E };\n"
    if (this.#needsOption) text += "export type Option<T> = { tag: 'none' } | { tag: 'some', val: T };\n"
    return text === '' ? 'export {};\n' : text
  }

  exportFunction(func: Func): void {
    const name = camelCase(func.name)
    this.#text += docBlock(func.docs, '')
    if (isReserved(name))
      this.#text += `declare function _${name}${this.signature(func)};\nexport { _${name} as ${name} };\n`
    else this.#text += `export function ${name}${this.signature(func)};\n`
  }

  /** `(a: A, b?: B): R` */
  signature({ kind, params, result, isAsync }: Func): string {
    const shown = kind === 'method' ? params.slice(1) : params
    const list = shown.map(({ name, type }) => `${this.#paramName(name)}: ${this.ref(type)}`).join(', ')
    if (kind === 'constructor') return `(${list})`
    const returned = this.#returned(result)
    return `(${list}): ${isAsync ? `Promise<${returned}>` : returned}`
  }

  #paramName(name: string): string {
    const camel = camelCase(name)
    return isReserved(camel) ? `${camel}_` : camel
  }

  /** A `result` as the result of a function is its value; the error is thrown as a `ComponentError`. */
  #returned(result: Type | undefined): string {
    if (result === undefined) return 'void'
    const plain = dealias(result)
    if (typeof plain === 'string' || plain.kind.tag !== 'result') return this.ref(result)
    return plain.kind.ok === undefined ? 'void' : this.ref(plain.kind.ok)
  }

  /** Declares a type that has a name. `functions` are those of its owner, for the methods of resources. */
  type(type: TypeDef, functions: readonly Func[]): void {
    const name = pascalCase(type.name!)
    const { kind } = type
    const docs = docBlock(type.docs, '')
    switch (kind.tag) {
      case 'record':
        this.#text +=
          docs +
          this.#interface(
            name,
            kind.fields.map((f) => [f.docs, f.name, f.type] as const),
          )
        break
      case 'flags':
        this.#text += `${docs}export interface ${name} {\n${kind.flags.map((f) => `${docBlock(f.docs, '  ')}  ${camelCase(f.name)}?: boolean,\n`).join('')}}\n`
        break
      case 'enum': {
        const cases = kind.cases
          .map((c) => `## \`"${c.name}"\`${c.docs === undefined ? '' : `\n\n${c.docs}`}`)
          .join('\n\n')
        this.#text += docBlock(`${type.docs === undefined ? '' : `${type.docs}\n`}# Variants\n\n${cases}`, '')
        this.#text += `export type ${name} = ${kind.cases.map((c) => `'${c.name}'`).join(' | ')};\n`
        break
      }
      case 'variant': {
        const names = kind.cases.map((c) => name + pascalCase(c.name))
        this.#text += `${docs}export type ${name} = ${names.join(' | ')};\n`
        kind.cases.forEach((c, i) => {
          const val = c.type === undefined ? '' : `  val: ${this.ref(c.type)},\n`
          this.#text += `${docBlock(c.docs, '')}export interface ${names[i]} {\n  tag: '${c.name}',\n${val}}\n`
        })
        break
      }
      case 'resource':
        this.#resource(name, type, functions)
        break
      case 'alias':
        this.#alias(name, kind.type, docs)
        break
      default:
        this.#text += `${docs}export type ${name} = ${this.#kind(kind)};\n`
    }
  }

  #interface(name: string, fields: readonly (readonly [docs: string | undefined, name: string, type: Type])[]): string {
    const lines = fields.map(([docs, field, type]) => {
      const plain = dealias(type)
      const isOption = typeof plain !== 'string' && plain.kind.tag === 'option'
      const shown = isOption && !this.#isNested(plain) ? `?: ${this.ref(plain.kind.value)}` : `: ${this.ref(type)}`
      return `${docBlock(docs, '  ')}  ${camelCase(field)}${shown},\n`
    })
    return `export interface ${name} {\n${lines.join('')}}\n`
  }

  #resource(name: string, type: TypeDef, functions: readonly Func[]): void {
    const methods = functions.filter((func) => func.resource === type)
    this.#text += `${docBlock(type.docs, '')}export class ${name} implements Disposable {\n`
    const constructor = methods.find((method) => method.kind === 'constructor')
    if (constructor === undefined)
      this.#text += '  /** This type does not have a public constructor. */\n  private constructor();\n'
    else this.#text += `${docBlock(constructor.docs, '  ')}  constructor${this.signature(constructor)};\n`
    for (const method of methods) {
      if (method.kind === 'constructor') continue
      const short = camelCase(method.name.slice(method.name.indexOf('.') + 1))
      this.#text += `${docBlock(method.docs, '  ')}  ${method.kind === 'static' ? 'static ' : ''}${short}${this.signature(method)};\n`
    }
    this.#text += '  [Symbol.dispose](): void;\n}\n'
  }

  #alias(name: string, target: Type, docs: string): void {
    if (
      typeof target !== 'string' &&
      target.owner !== undefined &&
      target.owner !== this.#owner &&
      !('imports' in target.owner)
    ) {
      this.#text += `${docs}export type ${name} = import('${this.#moduleOf(target.owner)}').${pascalCase(target.name!)};\n`
      return
    }
    this.#text += `${docs}export type ${name} = ${this.ref(target)};\n`
  }

  ref(type: Type): string {
    if (typeof type === 'string') return PRIMITIVES[type] ?? 'number'
    return type.name === undefined ? this.#kind(type.kind) : pascalCase(type.name)
  }

  #kind(kind: TypeDef['kind']): string {
    switch (kind.tag) {
      case 'own':
      case 'borrow':
        return this.ref(kind.resource)
      case 'list': {
        const element = dealias(kind.element)
        const typed = typeof element === 'string' ? TYPED_ARRAYS[element] : undefined
        return typed ?? `Array<${this.ref(kind.element)}>`
      }
      case 'map':
        return `Map<${this.ref(kind.key)}, ${this.ref(kind.value)}>`
      case 'option':
        if (!this.#isNested({ kind })) return `${this.ref(kind.value)} | undefined`
        this.#needsOption = true
        return `Option<${this.ref(kind.value)}>`
      case 'result': {
        this.#needsResult = true
        const part = (inner: Type | undefined): string => (inner === undefined ? 'void' : this.ref(inner))
        return `Result<${part(kind.ok)}, ${part(kind.err)}>`
      }
      case 'tuple':
        return `[${kind.types.map((inner) => this.ref(inner)).join(', ')}]`
      case 'future':
        return `PromiseLike<${kind.element === undefined ? 'void' : this.ref(kind.element)}>`
      case 'stream':
        return `AsyncIterable<${kind.element === undefined ? 'void' : this.ref(kind.element)}>`
      default:
        throw new TypeError(`a ${kind.tag} needs a name`)
    }
  }

  /** An option of what may be undefined itself: `undefined` could mean either. */
  #isNested(type: { readonly kind: TypeDef['kind'] }): boolean {
    if (type.kind.tag !== 'option') return false
    const inner = dealias(type.kind.value)
    return typeof inner !== 'string' && inner.kind.tag === 'option'
  }
}
