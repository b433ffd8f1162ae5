// A place in a token list, with the small steps that all parsers share.

import { ByteWriter } from '../util/byte-writer.ts'
import { decodeUtf8 } from '../util/utf8.ts'
import { isSpecialFloat, Token } from './lexer.ts'
import type { Lexed } from './lexer.ts'
import { Kw } from './keywords.ts'
import { bits64, readInteger, readU32 } from './numbers.ts'
import { decodeString } from './strings.ts'
import type { TextErrorKind } from './text-error.ts'
import { TextError } from './text-error.ts'

/** Characters of a token that an error message quotes. */
const QUOTED_LENGTH = 40

export class Cursor {
  readonly lexed: Lexed
  readonly source: Uint8Array
  /** Columns of `lexed.tokens`. */
  readonly kinds: Uint8Array
  readonly values: Int32Array
  /** Index of the current token. */
  pos = 0
  readonly #scratch = new ByteWriter()

  constructor(lexed: Lexed) {
    this.lexed = lexed
    this.source = lexed.source
    this.kinds = lexed.tokens.kind
    this.values = lexed.tokens.value
  }

  /** Throws an error at a token. */
  fail(message: string, pos = this.pos, kind: TextErrorKind = 'malformed'): never {
    const { start, end } = this.lexed.tokens
    throw new TextError(message, this.source, start[pos], end[pos] - start[pos], kind)
  }

  /** Throws the error for a token that cannot stand here. */
  unexpected(expected?: string, pos = this.pos): never {
    const token = this.kinds[pos]
    const hint = expected === undefined ? '' : `, expected ${expected}`
    if (token === Token.End) this.fail(`unexpected token: the text ends here${hint}`, pos)
    if (token === Token.Reserved) this.fail(`unknown operator ${this.quote(pos)}`, pos)
    if (token === Token.Keyword && this.values[pos] === Kw.Unknown && !this.#isSpecialWord(pos)) {
      this.fail(`unknown operator ${this.quote(pos)}`, pos)
    }
    this.fail(`unexpected token ${this.quote(pos)}${hint}`, pos)
  }

  /** Words that are tokens of the format though not in the keyword table. */
  #isSpecialWord(pos: number): boolean {
    const start = this.lexed.tokens.start[pos]
    return (
      this.startsWith(pos, 'offset=') ||
      this.startsWith(pos, 'align=') ||
      isSpecialFloat(this.source, start, this.end(pos))
    )
  }

  /** The text of a token for a message. */
  quote(pos = this.pos): string {
    const { start, end } = this.lexed.tokens
    const text = new TextDecoder().decode(
      this.source.subarray(start[pos], Math.min(end[pos], start[pos] + QUOTED_LENGTH)),
    )
    return end[pos] - start[pos] > QUOTED_LENGTH ? `${text}…` : text
  }

  start(pos = this.pos): number {
    return this.lexed.tokens.start[pos]
  }

  end(pos = this.pos): number {
    return this.lexed.tokens.end[pos]
  }

  kind(): Token {
    return this.kinds[this.pos]
  }

  /** The keyword at a token; `Kw.Unknown` also for tokens of another kind. */
  keyword(pos = this.pos): number {
    return this.kinds[pos] === Token.Keyword ? this.values[pos] : Kw.Unknown
  }

  startsWith(pos: number, text: string): boolean {
    const start = this.lexed.tokens.start[pos]
    if (this.end(pos) - start < text.length) return false
    for (let i = 0; i < text.length; i++) if (this.source[start + i] !== text.charCodeAt(i)) return false
    return true
  }

  /** Whether `(keyword` stands here. */
  isOpen(keyword: Kw): boolean {
    return this.kinds[this.pos] === Token.LeftParen && this.keyword(this.pos + 1) === keyword
  }

  /** Steps over `(keyword` if it stands here. */
  open(keyword: Kw): boolean {
    if (!this.isOpen(keyword)) return false
    this.pos += 2
    return true
  }

  /** Steps over a closing parenthesis. */
  close(): void {
    if (this.kinds[this.pos] !== Token.RightParen) this.unexpected('`)`')
    this.pos++
  }

  atClose(): boolean {
    return this.kinds[this.pos] === Token.RightParen
  }

  /** Whether a token is a parenthesis or the end: something that may follow a list. */
  atCloseOrOpen(pos: number): boolean {
    const kind = this.kinds[pos]
    return kind === Token.RightParen || kind === Token.LeftParen || kind === Token.End
  }

  /** Steps over a keyword if it stands here. */
  accept(keyword: Kw): boolean {
    if (this.keyword() !== keyword) return false
    this.pos++
    return true
  }

  /** The index behind the parenthesis that closes the one at the current token. */
  behind(): number {
    const match = this.values[this.pos]
    if (this.kinds[match] === Token.End) this.unexpected('`)`', match)
    return match + 1
  }

  /** The symbol of an identifier if one stands here, else 0. */
  optionalId(): number {
    return this.kinds[this.pos] === Token.Id ? this.values[this.pos++] : 0
  }

  symbolName(symbol: number): string {
    return this.lexed.symbols.name(symbol)
  }

  /** An unsigned 32-bit integer. */
  u32(): number {
    if (this.kind() !== Token.Nat) this.unexpected('an unsigned integer')
    const value = readU32(this.source, this.start(), this.end())
    if (value < 0) this.fail('i32 constant out of range')
    this.pos++
    return value
  }

  /** An unsigned 64-bit integer, into `bits64`. */
  u64(): void {
    if (this.kind() !== Token.Nat) this.unexpected('an unsigned integer')
    if (!readInteger(this.source, this.start(), this.end(), 64, false)) this.fail('i64 constant out of range')
    this.pos++
  }

  /** An unsigned 64-bit integer as a number; beyond 2^53 clamped to `MAX_SAFE_INTEGER`. */
  clampedU64(): number {
    this.u64()
    return Math.min((bits64.high >>> 0) * 0x1_0000_0000 + (bits64.low >>> 0), Number.MAX_SAFE_INTEGER)
  }

  /** Appends the bytes of a string token. */
  stringBytes(out: ByteWriter): void {
    if (this.kind() !== Token.String) this.unexpected('a string')
    decodeString(this.source, this.start(), this.end(), out)
    this.pos++
  }

  /** A name: a string whose bytes are UTF-8. */
  name(): string {
    const pos = this.pos
    this.#scratch.pos = 0
    this.stringBytes(this.#scratch)
    const text = decodeUtf8(this.#scratch.bytes, 0, this.#scratch.pos)
    if (text === undefined) this.fail('malformed UTF-8 encoding', pos)
    return text
  }
}
