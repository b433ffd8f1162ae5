// WAST scripts: commands and the values in them (spec: interpreter/README.md, "Scripts"; proposals/threads for `thread`).

import { ByteWriter } from '../util/byte-writer.ts'
import { encodeUtf8 } from '../util/utf8.ts'
import { Heap } from '../wasm/types.ts'
import { Op } from '../wasm/op.gen.ts'
import { Annotations } from './annotations.ts'
import { Cursor } from './cursor.ts'
import { isNumber, laneWidth, parseF32, parseF64, parseLaneLiteral, parseV128, readSigned } from './immediates.ts'
import { Kw } from './keywords.ts'
import { lex, Symbols, Token } from './lexer.ts'
import { bits64 } from './numbers.ts'
import type { ParseOptions } from './parse.ts'
import { parseFields, parseWat } from './parse.ts'
import { IndexSpaces } from './spaces.ts'
import type { TextPosition } from './text-error.ts'
import { heapTypeOfKeyword } from './type-syntax.ts'
import type {
  NanPattern,
  V128Shape,
  WastAction,
  WastCommand,
  WastModule,
  WastResult,
  WastScript,
  WastValue,
} from './wast-types.ts'

export type * from './wast-types.ts'

/** Threads within threads, and alternatives within alternatives; the suite nests one. */
const MAX_SCRIPT_NESTING = 100

/** `(module …)` keywords that take a module and a message. */
const MODULE_ASSERTIONS = {
  [Kw.AssertMalformed]: 'assert_malformed',
  [Kw.AssertInvalid]: 'assert_invalid',
  [Kw.AssertUnlinkable]: 'assert_unlinkable',
  [Kw.AssertMalformedCustom]: 'assert_malformed_custom',
  [Kw.AssertInvalidCustom]: 'assert_invalid_custom',
} as const

/** Fields that may stand in a file that is one module without `(module …)` around. */
const FIELD_KEYWORDS: readonly number[] = [
  Kw.Type,
  Kw.Rec,
  Kw.Import,
  Kw.Func,
  Kw.Table,
  Kw.Memory,
  Kw.Global,
  Kw.Tag,
  Kw.Export,
  Kw.Start,
  Kw.Elem,
  Kw.Data,
]

/**
 * Parses a script. Modules in it are only delimited; `WastModule.encode` parses them. `options` apply to every module.
 * @throws TextError where the script itself is wrong, also for a command that is not known.
 */
export function parseWast(source: string | Uint8Array, options: ParseOptions = {}): WastScript {
  return new ScriptParser(typeof source === 'string' ? encodeUtf8(source) : source, options).parse()
}

class ScriptParser {
  readonly #cursor: Cursor
  readonly #annotations: Annotations
  readonly #options: ParseOptions
  readonly #spaces = new IndexSpaces()
  readonly #bytes = new ByteWriter()
  /** Line starts (byte offsets), for positions without a scan each. */
  readonly #lines: number[] = [0]
  #depth = 0

  constructor(source: Uint8Array, options: ParseOptions) {
    const lexed = lex(source, new Symbols())
    this.#cursor = new Cursor(lexed)
    this.#annotations = new Annotations(lexed)
    this.#options = options
    for (let i = 0; i < source.length; i++) {
      if (source[i] === 0x0a || (source[i] === 0x0d && source[i + 1] !== 0x0a)) this.#lines.push(i + 1)
    }
  }

  parse(): WastScript {
    const c = this.#cursor
    const end = c.lexed.tokens.count - 1
    const first = c.kind() === Token.LeftParen ? c.keyword(1) : Kw.Unknown
    if (FIELD_KEYWORDS.includes(first)) {
      const module = this.#textModule({ from: 0, to: end, name: 0 }, this.#position(0))
      return { commands: [{ kind: 'module', name: undefined, definition: false, module, ...this.#position(0) }] }
    }
    const commands: WastCommand[] = []
    while (c.pos < end) commands.push(this.#command())
    return { commands }
  }

  /** Line and column of a token. */
  #position(pos: number): TextPosition {
    const offset = this.#cursor.start(pos)
    let low = 0
    let high = this.#lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#lines[middle] <= offset) low = middle
      else high = middle - 1
    }
    let column = 1
    for (let i = this.#lines[low]; i < offset; i++) if ((this.#cursor.source[i] & 0xc0) !== 0x80) column++
    return { line: low + 1, column, offset }
  }

  #command(): WastCommand {
    const c = this.#cursor
    const pos = c.pos
    if (c.kind() !== Token.LeftParen) c.unexpected('a command')
    const keyword = c.keyword(pos + 1)
    const at = this.#position(pos)
    switch (keyword) {
      case Kw.Module:
        return this.#moduleCommand()
      case Kw.Invoke:
      case Kw.Get:
        return { kind: 'action', action: this.#action(), ...at }
    }
    c.pos += 2
    const command = this.#body(keyword, pos, at)
    c.close()
    return command
  }

  /** A command between its keyword and its closing parenthesis. */
  #body(keyword: number, pos: number, at: TextPosition): WastCommand {
    const c = this.#cursor
    switch (keyword) {
      case Kw.Register:
        return { kind: 'register', as: c.name(), module: this.#optionalName(), ...at }
      case Kw.AssertReturn: {
        const action = this.#action()
        const results: WastResult[] = []
        while (!c.atClose()) results.push(this.#result())
        return { kind: 'assert_return', action, results, ...at }
      }
      case Kw.AssertTrap: {
        const isModule = c.isOpen(Kw.Module)
        const module = isModule ? this.#module().module : undefined
        const action = isModule ? undefined : this.#action()
        return { kind: 'assert_trap', action, module, message: c.name(), ...at }
      }
      case Kw.AssertExhaustion:
        return { kind: 'assert_exhaustion', action: this.#action(), message: c.name(), ...at }
      case Kw.AssertException:
        return { kind: 'assert_exception', action: this.#action(), ...at }
      case Kw.AssertMalformed:
      case Kw.AssertInvalid:
      case Kw.AssertUnlinkable:
      case Kw.AssertMalformedCustom:
      case Kw.AssertInvalidCustom: {
        if (!c.isOpen(Kw.Module)) c.unexpected('`(module`')
        const { module } = this.#module()
        return { kind: MODULE_ASSERTIONS[keyword], module, message: c.name(), ...at }
      }
      case Kw.Thread:
        return this.#thread(at)
      case Kw.Wait:
        return { kind: 'wait', name: this.#name(), ...at }
      default:
        return c.unexpected('a command', pos + 1)
    }
  }

  #optionalName(): string | undefined {
    const symbol = this.#cursor.optionalId()
    return symbol === 0 ? undefined : this.#cursor.symbolName(symbol)
  }

  #name(): string {
    const name = this.#optionalName()
    if (name === undefined) this.#cursor.unexpected('an identifier')
    return name
  }

  #enter(): void {
    if (++this.#depth > MAX_SCRIPT_NESTING) this.#cursor.fail('script nested too deeply', this.#cursor.pos, 'limit')
  }

  #thread(at: TextPosition): WastCommand {
    const c = this.#cursor
    this.#enter()
    const name = this.#name()
    const shared: string[] = []
    while (c.open(Kw.Shared)) {
      if (!c.open(Kw.Module)) c.unexpected('`(module`')
      shared.push(this.#name())
      c.close()
      c.close()
    }
    const commands: WastCommand[] = []
    while (!c.atClose()) commands.push(this.#command())
    this.#depth--
    return { kind: 'thread', name, shared, commands, ...at }
  }

  // Modules

  #moduleCommand(): WastCommand {
    const c = this.#cursor
    const at = this.#position(c.pos)
    if (c.keyword(c.pos + 2) === Kw.Instance) {
      c.pos += 3
      const first = this.#optionalName()
      const second = this.#optionalName()
      c.close()
      return { kind: 'instance', name: second === undefined ? undefined : first, module: second ?? first, ...at }
    }
    const { definition, module } = this.#module()
    return { kind: 'module', name: module.name, definition, module, ...at }
  }

  /** `(module …)` of any form. */
  #module(): { definition: boolean; module: WastModule } {
    const c = this.#cursor
    const at = this.#position(c.pos)
    const behind = c.behind()
    c.pos += 2
    const definition = c.accept(Kw.Definition)
    const name = c.optionalId()
    let module: WastModule
    if (c.accept(Kw.Binary)) module = this.#dataModule('binary', name, at)
    else if (c.accept(Kw.Quote)) module = this.#dataModule('quote', name, at)
    else module = this.#textModule({ from: c.pos, to: behind - 1, name }, at)
    c.pos = behind
    return { definition, module }
  }

  #textModule(range: { from: number; to: number; name: number }, at: TextPosition): WastModule {
    const lexed = this.#cursor.lexed
    const annotations = this.#annotations
    const options = this.#options
    const spaces = this.#spaces
    const encode = (): Uint8Array => {
      annotations.reset(range.from, range.to)
      const cursor = new Cursor(lexed)
      return parseFields(cursor, annotations, range, options, spaces).bytes
    }
    const name = range.name === 0 ? undefined : this.#cursor.symbolName(range.name)
    return { form: 'text', name, encode, ...at }
  }

  /** A module given by strings: a binary, or text to be parsed. */
  #dataModule(form: 'binary' | 'quote', symbol: number, at: TextPosition): WastModule {
    const c = this.#cursor
    const name = symbol === 0 ? undefined : c.symbolName(symbol)
    this.#bytes.pos = 0
    while (!c.atClose()) c.stringBytes(this.#bytes)
    const bytes = this.#bytes.finish()
    const options = this.#options
    const encode = (): Uint8Array => (form === 'binary' ? bytes : parseWat(bytes, options).bytes)
    return { form, name, encode, ...at }
  }

  // Actions and values

  #action(): WastAction {
    const c = this.#cursor
    const at = this.#position(c.pos)
    if (c.open(Kw.Invoke)) {
      const module = this.#optionalName()
      const name = c.name()
      const args: WastValue[] = []
      while (!c.atClose()) args.push(this.#value())
      c.close()
      return { kind: 'invoke', module, name, args, ...at }
    }
    if (!c.open(Kw.Get)) c.unexpected('`(invoke` or `(get`', c.kind() === Token.LeftParen ? c.pos + 1 : c.pos)
    const action: WastAction = { kind: 'get', module: this.#optionalName(), name: c.name(), ...at }
    c.close()
    return action
  }

  /** Steps over `(` and the keyword of a value, which it returns. */
  #openValue(): number {
    const c = this.#cursor
    if (c.kind() !== Token.LeftParen) c.unexpected('a value')
    const keyword = c.keyword(c.pos + 1)
    c.pos += 2
    return keyword
  }

  #value(): WastValue {
    const c = this.#cursor
    const pos = c.pos
    const value = this.#literal(this.#openValue())
    if (value === undefined) return c.unexpected('a value', pos + 1)
    c.close()
    return value
  }

  /** A literal behind its keyword; `undefined` if the keyword starts none. */
  #literal(keyword: number): WastValue | undefined {
    const c = this.#cursor
    switch (keyword) {
      case Kw.FirstOp + Op.I32Const:
        readSigned(c, 32)
        return { type: 'i32', value: bits64.low }
      case Kw.FirstOp + Op.I64Const:
        readSigned(c, 64)
        return { type: 'i64', value: BigInt.asIntN(64, bits64AsBigInt()) }
      case Kw.FirstOp + Op.F32Const:
        return { type: 'f32', bits: parseF32(c) }
      case Kw.FirstOp + Op.F64Const:
        parseF64(c)
        return { type: 'f64', bits: bits64AsBigInt() }
      case Kw.FirstOp + Op.V128Const:
        this.#bytes.pos = 0
        parseV128(c, this.#bytes)
        return { type: 'v128', bytes: this.#bytes.finish() }
      case Kw.FirstOp + Op.RefNull:
        return { type: 'ref.null', heap: this.#heapType() }
      case Kw.RefExtern:
        return { type: 'ref.extern', value: c.u32() }
      case Kw.RefHost:
        return { type: 'ref.host', value: c.u32() }
      default:
        return undefined
    }
  }

  #heapType(): Heap {
    const heap = heapTypeOfKeyword(this.#cursor.keyword())
    if (heap === 0) this.#cursor.unexpected('an abstract heap type')
    this.#cursor.pos++
    return heap
  }

  #result(): WastResult {
    const c = this.#cursor
    const pos = c.pos
    const keyword = this.#openValue()
    const result = this.#resultBody(keyword, pos)
    c.close()
    return result
  }

  #resultBody(keyword: number, pos: number): WastResult {
    const c = this.#cursor
    switch (keyword) {
      case Kw.FirstOp + Op.F32Const: {
        const nan = this.#nanPattern()
        return { type: 'f32', bits: nan === undefined ? parseF32(c) : 0, nan }
      }
      case Kw.FirstOp + Op.F64Const: {
        const nan = this.#nanPattern()
        if (nan !== undefined) return { type: 'f64', bits: 0n, nan }
        parseF64(c)
        return { type: 'f64', bits: bits64AsBigInt(), nan }
      }
      case Kw.FirstOp + Op.V128Const:
        return this.#vectorPattern()
      case Kw.FirstOp + Op.RefNull:
        return { type: 'ref.null', heap: c.atClose() ? undefined : this.#heapType() }
      case Kw.RefExtern:
        return { type: 'ref.extern', value: c.atClose() ? undefined : c.u32() }
      case Kw.FirstOp + Op.RefFunc:
        return { type: 'ref.func' }
      case Kw.RefAny:
      case Kw.Ref:
        return { type: 'ref.any' }
      case Kw.FirstOp + Op.RefEq:
        return { type: 'ref.eq' }
      case Kw.FirstOp + Op.RefI31:
        return { type: 'ref.i31' }
      case Kw.RefStruct:
        return { type: 'ref.struct' }
      case Kw.RefArray:
        return { type: 'ref.array' }
      case Kw.RefExn:
        return { type: 'ref.exn' }
      case Kw.Either: {
        this.#enter()
        const options: WastResult[] = [this.#result()]
        while (!c.atClose()) options.push(this.#result())
        this.#depth--
        return { type: 'either', options }
      }
      default: {
        const literal = this.#literal(keyword)
        if (literal === undefined || literal.type === 'f32' || literal.type === 'f64' || literal.type === 'v128') {
          return c.unexpected('a result', pos + 1)
        }
        return literal
      }
    }
  }

  #nanPattern(): NanPattern | undefined {
    if (this.#cursor.accept(Kw.NanCanonical)) return 'canonical'
    if (this.#cursor.accept(Kw.NanArithmetic)) return 'arithmetic'
    return undefined
  }

  #vectorPattern(): WastResult {
    const c = this.#cursor
    const shape = c.keyword()
    const width = laneWidth(shape)
    if (width === 0) c.unexpected('a vector shape')
    c.pos++
    const isFloat = shape === Kw.F32x4 || shape === Kw.F64x2
    const out = this.#bytes
    out.pos = 0
    const nan: (NanPattern | undefined)[] = []
    let lanes = 0
    for (; !c.atClose(); lanes++) {
      const pattern = isFloat ? this.#nanPattern() : undefined
      if (isFloat) nan.push(pattern)
      if (pattern !== undefined) for (let i = 0; i < width / 8; i++) out.u8(0)
      else if (isNumber(c, c.pos)) parseLaneLiteral(c, shape, width, out)
      else c.unexpected('a lane')
    }
    if (lanes !== 128 / width) c.fail(`wrong number of lane literals: ${lanes}, expected ${128 / width}`)
    const anyNan = nan.some((p) => p !== undefined)
    return { type: 'v128', shape: SHAPES[shape], bytes: out.finish(), nan: anyNan ? nan : undefined }
  }
}

const SHAPES: Readonly<Record<number, V128Shape>> = {
  [Kw.I8x16]: 'i8x16',
  [Kw.I16x8]: 'i16x8',
  [Kw.I32x4]: 'i32x4',
  [Kw.I64x2]: 'i64x2',
  [Kw.F32x4]: 'f32x4',
  [Kw.F64x2]: 'f64x2',
}

/** `bits64` as an unsigned bigint. */
function bits64AsBigInt(): bigint {
  return (BigInt(bits64.high >>> 0) << 32n) | BigInt(bits64.low >>> 0)
}
