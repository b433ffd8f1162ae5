// The lexer: source bytes to token columns, in one pass, without an object per token.
//
// Comments disappear here, and so do annotations, except those that mean something to us: their tokens go into columns of
// their own, with the index of the token that they stand before. So the parser sees pure s-expressions, and asks for an
// annotation only where one may stand.

import { ByteWriter } from '../util/byte-writer.ts'
import { growInt32, growUint8 } from '../util/grow.ts'
import { decodeUtf8 } from '../util/utf8.ts'
import { hashBytes, keywords } from './keywords.ts'
import { decodeString, hexDigit, SIMPLE_ESCAPES, utf8Length } from './strings.ts'
import { TextError } from './text-error.ts'

export const enum Token {
  /** End of the text. */
  End,
  /** `value`: index of the matching `RightParen`, or of the `End` token if there is none. */
  LeftParen,
  RightParen,
  /** `value`: `Kw`. */
  Keyword,
  /** Unsigned integer. */
  Nat,
  /** Integer with a sign. */
  Int,
  /** A float that is no integer; but `inf`, `nan` and `nan:…` without a sign are keywords. */
  Float,
  String,
  /** `$name` or `$"name"`; `value`: symbol number. */
  Id,
  /** A word that is no token of the format. */
  Reserved,
}

/** Kinds of annotations that the parser knows. */
export const enum AnnotationKind {
  Other,
  Name,
  Custom,
  BranchHint,
}

export const ANNOTATION_NAMES = ['', '@name', '@custom', '@metadata.code.branch_hint'] as const

/** An annotation that means something to us. */
export interface Annotation {
  readonly kind: AnnotationKind
  /** It stands directly before this token. */
  readonly at: number
  /** Place in the source of its `(@id`. */
  readonly offset: number
  readonly length: number
  /** Its content: tokens [from, to) of `Lexed.annotationTokens`. */
  readonly from: number
  to: number
}

/** Tokens in columns: place in the source [start, end), kind, and what `Token` says about `value`. */
export class Tokens {
  kind: Uint8Array<ArrayBuffer>
  start: Int32Array<ArrayBuffer>
  end: Int32Array<ArrayBuffer>
  value: Int32Array<ArrayBuffer>
  count = 0

  constructor(capacity: number) {
    this.kind = new Uint8Array(capacity)
    this.start = new Int32Array(capacity)
    this.end = new Int32Array(capacity)
    this.value = new Int32Array(capacity)
  }

  push(kind: Token, start: number, end: number, value: number): void {
    const i = this.count++
    if (i === this.kind.length) {
      this.kind = growUint8(this.kind, i + 1)
      this.start = growInt32(this.start, i + 1)
      this.end = growInt32(this.end, i + 1)
      this.value = growInt32(this.value, i + 1)
    }
    this.kind[i] = kind
    this.start[i] = start
    this.end[i] = end
    this.value[i] = value
  }
}

/** Identifiers as numbers, from 1 on: the same number for the same name, however it is written. */
export class Symbols {
  readonly #names = new ByteWriter()
  /** Symbol `s` is the bytes [#bounds[s - 1], #bounds[s]) of `#names`. */
  #bounds = new Int32Array(64)
  #slots = new Int32Array(128)
  count = 0

  /** The symbol of a name. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end)
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#is(this.#slots[slot], bytes, start, end)) return this.#slots[slot]
    }
    const symbol = ++this.count
    this.#names.copy(bytes, start, end)
    this.#bounds = growInt32(this.#bounds, symbol + 1)
    this.#bounds[symbol] = this.#names.pos
    this.#slots[slot] = symbol
    if (symbol * 2 > this.#slots.length) this.#rehash()
    return symbol
  }

  /** The name as a string, without `$`. */
  name(symbol: number): string {
    return decodeUtf8(this.#names.bytes, this.#bounds[symbol - 1], this.#bounds[symbol])!
  }

  #is(symbol: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#bounds[symbol - 1]
    if (this.#bounds[symbol] - from !== end - start) return false
    for (let i = 0; i < end - start; i++) if (this.#names.bytes[from + i] !== bytes[start + i]) return false
    return true
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 4)
    const mask = this.#slots.length - 1
    for (let symbol = 1; symbol <= this.count; symbol++) {
      let slot = hashBytes(this.#names.bytes, this.#bounds[symbol - 1], this.#bounds[symbol]) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = symbol
    }
  }
}

/** A text after the lexer. `tokens` closes with one `End` token. */
export interface Lexed {
  readonly source: Uint8Array
  readonly tokens: Tokens
  readonly symbols: Symbols
  /** In the order of the source, so ascending by `at`. */
  readonly annotations: readonly Annotation[]
  readonly annotationTokens: Tokens
}

/** Classes of bytes: bits. */
const enum Class {
  /** May stand in words: letters, digits and `!#$%&'*+-./:<=>?@\^_`|~`. */
  Word = 1,
  /** May stand in a keyword behind its first letter. */
  Keyword = 2,
  Digit = 4,
  HexDigit = 8,
  Space = 16,
}

const CLASS = new Uint8Array(256)
for (const char of "!#$%&'*+-./:<=>?@\\^_`|~") CLASS[char.charCodeAt(0)] |= Class.Word
for (let c = 0x30; c <= 0x39; c++) CLASS[c] |= Class.Word | Class.Keyword | Class.Digit | Class.HexDigit
for (let c = 0x61; c <= 0x7a; c++) {
  CLASS[c] |= Class.Word | Class.Keyword
  CLASS[c - 0x20] |= Class.Word | Class.Keyword
}
for (const char of 'abcdefABCDEF') CLASS[char.charCodeAt(0)] |= Class.HexDigit
for (const char of '_.:') CLASS[char.charCodeAt(0)] |= Class.Keyword
for (const char of ' \t\n\r') CLASS[char.charCodeAt(0)] |= Class.Space

const LEFT = 0x28
const RIGHT = 0x29
const SEMICOLON = 0x3b
const QUOTE = 0x22
const DOLLAR = 0x24
const AT = 0x40
const BACKSLASH = 0x5c

const KNOWN_ANNOTATIONS: Readonly<Record<string, AnnotationKind>> = {
  name: AnnotationKind.Name,
  custom: AnnotationKind.Custom,
  'metadata.code.branch_hint': AnnotationKind.BranchHint,
}

class Lexer {
  readonly source: Uint8Array
  readonly symbols: Symbols
  readonly tokens: Tokens
  readonly annotations: Annotation[] = []
  readonly annotationTokens = new Tokens(16)
  readonly #keywords = keywords()
  readonly #scratch = new ByteWriter()
  #at = 0
  /** Open parentheses of the main columns (token indices). */
  #open = new Int32Array(64)
  #depth = 0
  /** Open parentheses since the outermost annotation opened, itself included; 0 outside of annotations. */
  #annotationDepth = 0
  /** The depth within the annotation at which an annotation nested in it opened; 0 outside of such. */
  #ignoredDepth = 0
  #annotation: Annotation | undefined
  #annotationStart = 0

  constructor(source: Uint8Array, symbols: Symbols) {
    this.source = source
    this.symbols = symbols
    this.tokens = new Tokens(Math.max(16, source.length >> 2))
  }

  run(): Lexed {
    const source = this.source
    const length = source.length
    while (this.#at < length) {
      const start = this.#at
      const byte = source[start]
      const kind = CLASS[byte]
      if ((kind & Class.Space) !== 0) this.#at++
      else if ((kind & Class.Word) !== 0 || byte === QUOTE) this.#word()
      else if (byte === LEFT) {
        if (source[start + 1] === SEMICOLON) this.#blockComment()
        else if (source[start + 1] === AT && this.#isAnnotation(start + 2)) this.#openAnnotation()
        else this.#leftParen()
      } else if (byte === RIGHT) this.#rightParen()
      else if (byte === SEMICOLON && source[start + 1] === SEMICOLON) this.#lineComment()
      else this.#otherByte(byte)
    }
    if (this.#annotationDepth > 0) this.#fail('unclosed annotation', this.#annotationStart, 2)
    const end = this.tokens.count
    for (let i = 0; i < this.#depth; i++) this.tokens.value[this.#open[i]] = end
    this.tokens.push(Token.End, length, length, 0)
    const { symbols, tokens, annotations, annotationTokens } = this
    annotationTokens.push(Token.End, length, length, 0)
    return { source, tokens, symbols, annotations, annotationTokens }
  }

  #fail(message: string, offset: number, length: number): never {
    throw new TextError(message, this.source, offset, length)
  }

  #push(kind: Token, start: number, end: number, value: number): void {
    if (this.#annotationDepth === 0) this.tokens.push(kind, start, end, value)
    else if (this.#annotation !== undefined && this.#ignoredDepth === 0) {
      this.annotationTokens.push(kind, start, end, value)
    }
  }

  #leftParen(): void {
    const start = this.#at++
    if (this.#annotationDepth > 0) {
      this.#annotationDepth++
      this.#push(Token.LeftParen, start, this.#at, 0)
      return
    }
    this.#open = growInt32(this.#open, this.#depth + 1)
    this.#open[this.#depth++] = this.tokens.count
    this.tokens.push(Token.LeftParen, start, this.#at, 0)
  }

  #rightParen(): void {
    const start = this.#at++
    if (this.#annotationDepth > 0) {
      if (this.#annotationDepth === 1) {
        if (this.#annotation !== undefined) this.#annotation.to = this.annotationTokens.count
        this.#annotation = undefined
        this.#annotationDepth = 0
        return
      }
      if (this.#annotationDepth === this.#ignoredDepth) this.#ignoredDepth = 0
      else this.#push(Token.RightParen, start, this.#at, 0)
      this.#annotationDepth--
      return
    }
    if (this.#depth > 0) this.tokens.value[this.#open[--this.#depth]] = this.tokens.count
    this.tokens.push(Token.RightParen, start, this.#at, 0)
  }

  /** Within an annotation `(@` without a word behind it is a parenthesis and a word; elsewhere it is an error. */
  #isAnnotation(at: number): boolean {
    return this.#annotationDepth === 0 || (CLASS[this.source[at]] & Class.Word) !== 0 || this.source[at] === QUOTE
  }

  #openAnnotation(): void {
    const source = this.source
    const start = this.#at
    this.#at += 2
    const idStart = this.#at
    let id: string
    if (source[idStart] === QUOTE) {
      this.#at = this.#scanString(idStart, 'empty annotation id')
      this.#scratch.pos = 0
      decodeString(source, idStart, this.#at, this.#scratch)
      const name = decodeUtf8(this.#scratch.bytes, 0, this.#scratch.pos)
      if (name === undefined) this.#fail('malformed UTF-8 encoding', idStart, this.#at - idStart)
      id = name
    } else {
      while ((CLASS[source[this.#at]] & Class.Word) !== 0) this.#at++
      id = decodeUtf8(source, idStart, this.#at)!
    }
    if (id === '') this.#fail('empty annotation id', start, this.#at - start)
    if (this.#annotationDepth++ > 0) {
      if (this.#ignoredDepth === 0) this.#ignoredDepth = this.#annotationDepth
      return
    }
    this.#annotationStart = start
    const kind = Object.hasOwn(KNOWN_ANNOTATIONS, id) ? KNOWN_ANNOTATIONS[id] : AnnotationKind.Other
    if (kind === AnnotationKind.Other) return
    const from = this.annotationTokens.count
    this.#annotation = { kind, at: this.tokens.count, offset: start, length: this.#at - start, from, to: from }
    this.annotations.push(this.#annotation)
  }

  #lineComment(): void {
    const source = this.source
    let at = this.#at + 2
    for (; at < source.length && source[at] !== 0x0a && source[at] !== 0x0d; at++) {
      if (source[at] >= 0x80) at += this.#utf8(at) - 1
    }
    this.#at = at
  }

  #blockComment(): void {
    const source = this.source
    const start = this.#at
    let at = start + 2
    let depth = 1
    while (depth > 0) {
      if (at >= source.length) this.#fail('unclosed comment', start, 2)
      const byte = source[at]
      if (byte === SEMICOLON && source[at + 1] === RIGHT) {
        depth--
        at += 2
      } else if (byte === LEFT && source[at + 1] === SEMICOLON) {
        depth++
        at += 2
      } else at += byte >= 0x80 ? this.#utf8(at) : 1
    }
    this.#at = at
  }

  /** Length of the character beyond ASCII at `at`. */
  #utf8(at: number): number {
    const length = utf8Length(this.source, at)
    if (length === 0) this.#fail('malformed UTF-8 encoding', at, 1)
    return length
  }

  /** A byte that starts no word: `,;[]{}` are tokens (if reserved ones), all others are errors. */
  #otherByte(byte: number): void {
    if (byte >= 0x80) this.#fail('illegal character', this.#at, this.#utf8(this.#at))
    if (byte < 0x20 || byte === 0x7f) this.#fail('illegal character', this.#at, 1)
    this.#push(Token.Reserved, this.#at, ++this.#at, 0)
  }

  /** A maximal run of word characters and strings: one token. */
  #word(): void {
    const source = this.source
    const start = this.#at
    let at = start
    let strings = 0
    let stringStart = 0
    for (;;) {
      const byte = source[at]
      if ((CLASS[byte] & Class.Word) !== 0) at++
      else if (byte === QUOTE) {
        strings++
        stringStart = at
        at = this.#scanString(at, source[start] === DOLLAR && at === start + 1 ? 'empty identifier' : undefined)
      } else break
    }
    this.#at = at
    const first = source[start]
    if (strings > 0) {
      const whole = strings === 1 && source[at - 1] === QUOTE && stringStart === start
      if (whole) this.#push(Token.String, start, at, 0)
      else if (first === DOLLAR && strings === 1 && stringStart === start + 1 && source[at - 1] === QUOTE) {
        this.#quotedId(start, at)
      } else this.#push(Token.Reserved, start, at, 0)
    } else if (first >= 0x61 && first <= 0x7a) {
      this.#push(Token.Keyword, start, at, this.#keywords.find(source, start, at))
    } else if (first === DOLLAR) {
      if (at === start + 1) this.#fail('empty identifier', start, 1)
      this.#push(Token.Id, start, at, this.symbols.intern(source, start + 1, at))
    } else this.#push(numberKind(source, start, at), start, at, 0)
  }

  #quotedId(start: number, end: number): void {
    const scratch = this.#scratch
    scratch.pos = 0
    decodeString(this.source, start + 1, end, scratch)
    if (scratch.pos === 0) this.#fail('empty identifier', start, end - start)
    if (decodeUtf8(scratch.bytes, 0, scratch.pos) === undefined) {
      this.#fail('malformed UTF-8 encoding', start, end - start)
    }
    this.#push(Token.Id, start, end, this.symbols.intern(scratch.bytes, 0, scratch.pos))
  }

  /** Checks the string literal at `start` and returns the offset behind it. `broken` replaces the message for a cut string. */
  #scanString(start: number, broken: string | undefined): number {
    const source = this.source
    for (let at = start + 1; ;) {
      if (at >= source.length) this.#fail(broken ?? 'unclosed string literal', start, 1)
      const byte = source[at]
      if (byte === QUOTE) return at + 1
      if (byte >= 0x80) at += this.#utf8(at)
      else if (byte === 0x0a || byte === 0x0d) this.#fail(broken ?? 'unclosed string literal', start, at - start)
      else if (byte < 0x20 || byte === 0x7f) {
        this.#fail(broken ?? 'illegal control character in string literal', at, 1)
      } else if (byte === BACKSLASH) at = this.#scanEscape(at)
      else at++
    }
  }

  #scanEscape(start: number): number {
    const source = this.source
    const escape = source[start + 1]
    if (SIMPLE_ESCAPES[escape] !== 0) return start + 2
    if (hexDigit(escape) >= 0 && hexDigit(source[start + 2]) >= 0) return start + 3
    if (escape !== 0x75 /* u */ || source[start + 2] !== 0x7b /* { */) this.#fail('illegal escape', start, 2)
    let code = 0
    let at = start + 3
    for (let digits = false; source[at] !== 0x7d /* } */; at++) {
      const digit = hexDigit(source[at])
      const separator = source[at] === 0x5f /* _ */ && digits && hexDigit(source[at + 1]) >= 0
      if (digit < 0 && !separator) this.#fail('illegal escape', start, at - start)
      if (digit >= 0) code = Math.min(code * 16 + digit, 0x11_0000)
      digits = true
    }
    if (at === start + 3) this.#fail('illegal escape', start, 4)
    if (code >= 0x11_0000 || (code >= 0xd800 && code < 0xe000)) {
      this.#fail('malformed UTF-8 encoding', start, at + 1 - start)
    }
    return at + 1
  }
}

/** The kind of a word that starts like a number: `Nat`, `Int`, `Float` or `Reserved`. */
export function numberKind(source: Uint8Array, start: number, end: number): Token {
  let at = start
  const signed = source[at] === 0x2b || source[at] === 0x2d
  if (signed) at++
  const integer = signed ? Token.Int : Token.Nat
  if (source[at] === 0x69 || source[at] === 0x6e) return isSpecialFloat(source, at, end) ? Token.Float : Token.Reserved
  const hex = source[at] === 0x30 && source[at + 1] === 0x78
  if (hex) at += 2
  const digit = hex ? Class.HexDigit : Class.Digit
  at = digits(source, at, end, digit)
  if (at < 0) return Token.Reserved
  if (at === end) return integer
  if (source[at] === 0x2e) {
    at++
    if (at < end && (CLASS[source[at]] & digit) !== 0) at = digits(source, at, end, digit)
    if (at < 0) return Token.Reserved
    if (at === end) return Token.Float
  }
  if ((source[at] | 0x20) !== (hex ? 0x70 : 0x65)) return Token.Reserved
  at++
  if (source[at] === 0x2b || source[at] === 0x2d) at++
  return digits(source, at, end, Class.Digit) === end ? Token.Float : Token.Reserved
}

/** The end of `digit ('_'? digit)*` from `at` on, or -1 if it is not there. */
function digits(source: Uint8Array, at: number, end: number, digit: Class): number {
  if (at >= end || (CLASS[source[at]] & digit) === 0) return -1
  for (at++; at < end; at++) {
    if ((CLASS[source[at]] & digit) !== 0) continue
    if (source[at] !== 0x5f || at + 1 >= end || (CLASS[source[at + 1]] & digit) === 0) break
  }
  return at
}

/** `inf`, `nan`, `nan:0x…`. */
export function isSpecialFloat(source: Uint8Array, at: number, end: number): boolean {
  const is = (i: number, text: string): boolean => {
    for (let k = 0; k < text.length; k++) if (source[i + k] !== text.charCodeAt(k)) return false
    return true
  }
  if (end - at === 3) return is(at, 'inf') || is(at, 'nan')
  return end - at > 6 && is(at, 'nan:0x') && digits(source, at + 6, end, Class.HexDigit) === end
}

/**
 * Splits a text into tokens.
 * @throws TextError where it breaks the lexical format (spec: text/lexical).
 */
export function lex(source: Uint8Array, symbols = new Symbols()): Lexed {
  return new Lexer(source, symbols).run()
}
