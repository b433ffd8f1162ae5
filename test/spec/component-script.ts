// Runs the WAST scripts of the component model: components, core modules within them, assertions with component values.

import { isDeepStrictEqual } from 'node:util'
import { createWebAssembly } from '../../src/api/namespace.ts'
import type { Module, WebAssemblyNamespace } from '../../src/api/namespace-types.ts'
import { ComponentStore } from '../../src/component/abi/state.ts'
import { decodeComponent } from '../../src/component/binary/decode.ts'
import { encodeComponent } from '../../src/component/binary/encode.ts'
import { ComponentError, dropHostResource, exportFunction, hostImports } from '../../src/component/host.ts'
import { UnsupportedComponentError } from '../../src/component/abi/codec.ts'
import { Instantiation } from '../../src/component/instantiate.ts'
import type { InstanceValue } from '../../src/component/instantiate.ts'
import { camelCase } from '../../src/component/names.ts'
import { parseComponent, parseComponentFields } from '../../src/component/text/parse.ts'
import { ComponentParser } from '../../src/component/text/scope.ts'
import type { ValType } from '../../src/component/validate/types.ts'
import { validateComponent } from '../../src/component/validate/validate.ts'
import type { ValidComponent } from '../../src/component/validate/validate.ts'
import { Annotations } from '../../src/text/annotations.ts'
import { Cursor } from '../../src/text/cursor.ts'
import { lex, Token } from '../../src/text/lexer.ts'
import { parseFields, parseWat } from '../../src/text/parse.ts'
import { IndexSpaces } from '../../src/text/spaces.ts'
import { positionAt, TextError } from '../../src/text/text-error.ts'
import { ByteWriter } from '../../src/util/byte-writer.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { FormatError } from '../../src/wasm/errors.ts'

export interface ScriptOptions {
  readonly legacyIndices?: boolean
  /** Components are checked and not run: the scripts of wasm-tools are about validation. */
  readonly validateOnly?: boolean
  /** Compare error texts too. */
  readonly strict?: boolean
  readonly namespace?: WebAssemblyNamespace
}

export interface ScriptVerdict {
  readonly line: number
  readonly command: string
  readonly outcome: 'passed' | 'failed' | 'unsupported'
  readonly reason?: string
}

class Mismatch extends Error {
  override name = 'Mismatch'
}
const fail = (message: string): never => {
  throw new Mismatch(message)
}

type ErrorKind = 'malformed' | 'invalid' | 'limit' | 'trap' | 'unsupported' | 'other'

export function runComponentScript(source: Uint8Array, options: ScriptOptions = {}): ScriptVerdict[] {
  const lexed = lex(source)
  return new Script(new Cursor(lexed), new Annotations(lexed), options).run()
}

interface Literal {
  readonly kind: string
  readonly text: string
  readonly items: readonly Literal[]
  readonly label: string
}

class Script {
  readonly #c: Cursor
  readonly #annotations: Annotations
  readonly #options: ScriptOptions
  readonly #namespace: WebAssemblyNamespace
  readonly #definitions = new Map<string, ValidComponent>()
  readonly #instances = new Map<string, InstanceValue>()
  readonly #registered: Record<string, unknown> = {}
  #currentDefinition: ValidComponent | undefined
  #current: InstanceValue | undefined
  /** Why there is no current instance, if what it needs is not supported. */
  #missing: UnsupportedComponentError | undefined

  constructor(c: Cursor, annotations: Annotations, options: ScriptOptions) {
    this.#c = c
    this.#annotations = annotations
    this.#options = options
    this.#namespace = options.namespace ?? createWebAssembly()
  }

  run(): ScriptVerdict[] {
    const c = this.#c
    const verdicts: ScriptVerdict[] = []
    const end = c.lexed.tokens.count - 1
    while (c.pos < end) {
      const { line } = positionAt(c.source, c.start())
      if (c.kind() !== Token.LeftParen) c.unexpected('a command')
      const behind = c.behind()
      const command = c.quote(c.pos + 1)
      try {
        this.#command(command)
        verdicts.push({ line, command, outcome: 'passed' })
      } catch (error) {
        const outcome = this.#kindOf(error) === 'unsupported' ? 'unsupported' : 'failed'
        if (error instanceof UnsupportedComponentError) {
          // The instance has been left in the middle: what is asked of it next cannot be told.
          this.#missing = error
          this.#current = undefined
        }
        const reason = error instanceof Mismatch ? error.message : `${(error as Error).name}: ${(error as Error).stack}`
        verdicts.push({ line, command, outcome, reason })
      }
      c.pos = behind
    }
    return verdicts
  }

  #kindOf(error: unknown): ErrorKind {
    if (error instanceof TextError) return error.kind === 'limit' ? 'limit' : 'malformed'
    if (error instanceof FormatError) return error.kind
    if (error instanceof UnsupportedComponentError) return 'unsupported'
    if (error instanceof this.#namespace.RuntimeError) return 'trap'
    return 'other'
  }

  #command(command: string): void {
    const c = this.#c
    const start = c.pos
    c.pos += 2
    switch (command) {
      case 'module': {
        c.pos = start
        this.#coreModule()
        return
      }
      case 'component': {
        if (c.quote() === 'instance') {
          c.pos++
          const first = this.#optionalName()
          const second = this.#optionalName()
          const name = second === undefined ? undefined : first
          const definition = second ?? first
          const found = definition === undefined ? this.#currentDefinition : this.#definitions.get(definition)
          this.#setInstance(name, undefined)
          this.#setInstance(name, this.#instantiate(found ?? fail(`no component ${definition}`)))
          return
        }
        c.pos = start
        const { valid, name, isDefinition } = this.#component()
        this.#currentDefinition = valid
        if (name !== undefined) this.#definitions.set(name, valid)
        if (isDefinition || this.#options.validateOnly === true) return
        this.#setInstance(name, undefined)
        this.#setInstance(name, this.#instantiate(valid))
        return
      }
      case 'register': {
        const as = c.name()
        this.#registered[as] = this.#instance(this.#optionalName())
        return
      }
      case 'invoke':
        c.pos = start
        this.#invoke()
        return
      case 'assert_return': {
        const { type, value } = this.#invoke()
        if (c.atClose()) {
          if (type !== undefined) fail(`expected nothing, got ${show(value)}`)
          return
        }
        const literal = this.#literal()
        if (type === undefined) return fail('the function has no result')
        if (!matches(literal, type, value)) fail(`expected ${show(toValue(literal, type))}, got ${show(value)}`)
        return
      }
      case 'assert_trap':
        return this.#expect('trap', () => {
          if (c.quote(c.pos + 1) === 'component') this.#instantiate(this.#component().valid)
          else this.#invoke()
        })
      case 'assert_malformed':
      case 'assert_invalid':
        return this.#expect(command === 'assert_invalid' ? 'invalid' : 'malformed', () => {
          if (c.quote(c.pos + 1) === 'module') this.#coreModule()
          else this.#component()
        })
      case 'assert_unlinkable':
        return this.#expect('other', () => void this.#instantiate(this.#component().valid))
      default:
        fail(`unknown command ${command}`)
    }
  }

  #expect(wanted: ErrorKind, act: () => void): void {
    const c = this.#c
    const behind = c.behind()
    let message = ''
    if (c.kinds[behind] === Token.String) {
      const pos = c.pos
      c.pos = behind
      message = c.name()
      c.pos = pos
    }
    try {
      act()
    } catch (error) {
      if (error instanceof Mismatch) throw error
      const found = this.#kindOf(error)
      // What some tools find when they parse, others find when they validate.
      const refused = (kind: ErrorKind): boolean => kind === 'malformed' || kind === 'invalid' || kind === 'limit'
      if (found !== wanted && !(refused(found) && refused(wanted))) {
        if (found === 'unsupported') throw error
        fail(`expected ${wanted} "${message}", got ${found}: ${(error as Error).stack}`)
      }
      if (this.#options.strict === true && !(error as Error).message.includes(message))
        fail(`expected ${wanted} "${message}", got the text "${(error as Error).message}"`)
      return
    }
    fail(`expected ${wanted} "${message}", but nothing went wrong`)
  }

  #optionalName(): string | undefined {
    const symbol = this.#c.optionalId()
    return symbol === 0 ? undefined : this.#c.symbolName(symbol)
  }

  #setInstance(name: string | undefined, instance: InstanceValue | undefined): void {
    this.#current = instance
    this.#missing = undefined
    if (name === undefined) return
    if (instance === undefined) this.#instances.delete(name)
    else this.#instances.set(name, instance)
  }

  #instance(name: string | undefined): InstanceValue {
    const instance = name === undefined ? this.#current : this.#instances.get(name)
    if (instance === undefined && this.#missing !== undefined) throw this.#missing
    return instance ?? fail(`no instance ${name ?? ''}`)
  }

  #strings(): Uint8Array<ArrayBuffer> {
    const bytes = new ByteWriter()
    while (this.#c.kind() === Token.String) this.#c.stringBytes(bytes)
    return bytes.finish()
  }

  #coreModule(): void {
    const c = this.#c
    const behind = c.behind()
    c.pos += 2
    if (c.quote() === 'definition') c.pos++
    this.#optionalName()
    const form = c.quote()
    let bytes: Uint8Array
    if (form === 'binary' || form === 'quote') {
      c.pos++
      bytes = this.#strings()
      if (form === 'quote') bytes = parseWat(bytes).bytes
    } else {
      this.#annotations.reset(c.pos, behind - 1)
      const range = { from: c.pos, to: behind - 1, name: 0 }
      bytes = parseFields(new Cursor(c.lexed), this.#annotations, range, {}, new IndexSpaces()).bytes
    }
    decodeModule(bytes)
    c.pos = behind
  }

  #component(): { valid: ValidComponent; name: string | undefined; isDefinition: boolean } {
    const c = this.#c
    const behind = c.behind()
    c.pos += 2
    const isDefinition = c.quote() === 'definition'
    if (isDefinition) c.pos++
    const symbol = c.optionalId()
    const name = symbol === 0 ? undefined : c.symbolName(symbol)
    const form = c.quote()
    const { legacyIndices = false } = this.#options
    let bytes: Uint8Array
    if (form === 'binary' || form === 'quote') {
      c.pos++
      bytes = this.#strings()
      if (form === 'quote') bytes = encodeComponent(parseComponent(bytes, { legacyIndices }))
    } else {
      const cursor = new Cursor(c.lexed)
      const p = new ComponentParser(cursor, this.#annotations, legacyIndices)
      bytes = encodeComponent(parseComponentFields(p, c.pos, behind - 1, symbol))
    }
    c.pos = behind
    const decoded = decodeComponent(bytes)
    // Every component of the suite goes through both formats.
    if (!isDeepStrictEqual(encodeComponent(decoded), bytes) && form !== 'binary')
      fail('encoding what was decoded gives other bytes')
    return { valid: validateComponent(decoded), name, isDefinition }
  }

  #instantiate(valid: ValidComponent): InstanceValue {
    const imports = hostImports(valid.type.imports, this.#registered, () => undefined)
    const store = new ComponentStore(this.#namespace)
    const host = {
      compile: (bytes: Uint8Array): Module => new this.#namespace.Module(bytes),
      dropResource: dropHostResource,
    }
    return new Instantiation({ kind: 'component', valid, outer: undefined }, store, undefined, host).run(imports)
  }

  #invoke(): { type: ValType | undefined; value: unknown } {
    const c = this.#c
    if (c.quote(c.pos + 1) !== 'invoke') return fail(`unknown action ${c.quote(c.pos + 1)}`)
    c.pos += 2
    const instance = this.#instance(this.#optionalName())
    const name = c.name()
    const extern = instance.exports.get(name)
    if (extern?.kind !== 'func') return fail(`no exported function ${name}`)
    const { type } = extern.func
    const args: unknown[] = []
    while (!c.atClose()) {
      const param = type.params[args.length]
      if (param === undefined) return fail(`too many arguments for ${name}`)
      args.push(toValue(this.#literal(), param.type))
    }
    c.close()
    try {
      const value: unknown = exportFunction(extern.func, name)(...args)
      return { type: type.result, value: type.result?.kind === 'result' ? { tag: 'ok', val: value } : value }
    } catch (error) {
      if (!(error instanceof ComponentError)) throw error
      return { type: type.result, value: { tag: 'err', val: error.payload } }
    }
  }

  // Values

  /** `(u32.const 1)`, or the same without parentheses in a field. */
  #literal(): Literal {
    const c = this.#c
    const isWrapped = c.kind() === Token.LeftParen
    if (isWrapped) c.pos++
    const kind = c.quote()
    c.pos++
    const items: Literal[] = []
    let text = ''
    let label = ''
    const isString = (): boolean => c.kind() === Token.String
    switch (kind) {
      case 'str.const':
      case 'char.const':
        text = c.name()
        break
      case 'enum.const':
        label = c.name()
        break
      case 'flags.const':
        while (isString()) items.push({ kind: 'label', label: c.name(), text: '', items: [] })
        break
      case 'variant.const':
        label = c.name()
        if (isWrapped ? !c.atClose() : c.kind() === Token.LeftParen) items.push(this.#literal())
        break
      case 'record.const':
        while (c.kind() === Token.LeftParen && c.quote(c.pos + 1) === 'field') {
          c.pos += 2
          const name = c.name()
          items.push({ ...this.#literal(), kind: 'field', label: name, items: [this.#last] })
          c.close()
        }
        break
      case 'list.const':
      case 'tuple.const':
      case 'option.some':
      case 'option.none':
      case 'result.ok':
      case 'result.err':
        while (c.kind() === Token.LeftParen) items.push(this.#literal())
        break
      default:
        text = c.quote()
        c.pos++
    }
    if (isWrapped) c.close()
    return (this.#last = { kind, text, items, label })
  }

  #last!: Literal
}

/** The host's value that a literal of a type stands for. */
function toValue(literal: Literal, type: ValType): unknown {
  const first = literal.items[0]
  const bad = (): never => fail(`${literal.kind} where a ${type.kind} is expected`)
  switch (type.kind) {
    case 'bool':
      return literal.text === 'true'
    case 'u64':
    case 's64':
      return BigInt(
        literal.text.startsWith('-')
          ? `-${BigInt(literal.text.slice(1).replaceAll('_', ''))}`
          : literal.text.replaceAll('_', ''),
      )
    case 'f32':
      return Math.fround(numberOf(literal.text))
    case 'f64':
      return numberOf(literal.text)
    case 'char':
    case 'string':
      return literal.text
    case 'enum':
      return literal.label
    case 'list': {
      const values = literal.items.map((item) => toValue(item, type.element))
      const Typed = TYPED[type.element.kind]
      return Typed === undefined ? values : Typed.from(values as never)
    }
    case 'tuple':
      return literal.items.map((item, i) => toValue(item, type.types[i]!))
    case 'record':
      return Object.fromEntries(
        type.fields.map((field) => {
          const item = literal.items.find((i) => i.label === field.label) ?? bad()
          return [camelCase(field.label), toValue(item.items[0]!, field.type)]
        }),
      )
    case 'flags':
      return Object.fromEntries(
        type.labels.map((label) => [camelCase(label), literal.items.some((item) => item.label === label)]),
      )
    case 'variant': {
      const found = type.cases.find((c) => c.label === literal.label) ?? bad()
      return found.type === undefined ? { tag: found.label } : { tag: found.label, val: toValue(first!, found.type) }
    }
    case 'option': {
      const isSome = literal.kind === 'option.some'
      if (type.type.kind === 'option')
        return isSome ? { tag: 'some', val: toValue(first!, type.type) } : { tag: 'none' }
      return isSome ? toValue(first!, type.type) : undefined
    }
    case 'result': {
      const tag = literal.kind === 'result.ok' ? 'ok' : 'err'
      const payload = type[tag]
      return { tag, val: payload === undefined ? undefined : toValue(first!, payload) }
    }
    case 's8':
    case 'u8':
    case 's16':
    case 'u16':
    case 's32':
    case 'u32':
      return numberOf(literal.text)
    default:
      return bad()
  }
}

interface TypedArrayFrom {
  from(values: never): unknown
}
const TYPED: Readonly<Record<string, TypedArrayFrom>> = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
}

function numberOf(text: string): number {
  const plain = text.replaceAll('_', '')
  if (plain.startsWith('nan')) return NaN
  const sign = plain.startsWith('-') ? -1 : 1
  const digits = plain.replace(/^[-+]/, '')
  if (digits === 'inf') return sign * Infinity
  return sign * Number(digits)
}

function matches(literal: Literal, type: ValType, value: unknown): boolean {
  return isDeepStrictEqual(toValue(literal, type), value)
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)) ?? String(value)
}
