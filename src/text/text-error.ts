// Errors of the text format: one place in the source, and its rendering with the line and a caret.

/**
 * `malformed`: the text is no module (or script) at all, as `assert_malformed` means it.
 * `malformed-custom`: the module is well-formed, an annotation of a known kind (`@custom`, `@name`, branch hints) is not.
 * `limit`: well-formed, but beyond a limit of this implementation.
 */
export type TextErrorKind = 'malformed' | 'malformed-custom' | 'limit'

/** A place in a source text. Lines and columns count from 1; a column is a Unicode character. */
export interface TextPosition {
  readonly line: number
  readonly column: number
  /** Offset in bytes. */
  readonly offset: number
}

/** What is wrong with a text, and where. */
export class TextError extends Error {
  override name = 'TextError'
  readonly kind: TextErrorKind
  readonly line: number
  readonly column: number
  /** Offset in bytes of the offending token. */
  readonly offset: number
  /** Length in bytes of the offending token; 0 at the end of the text. */
  readonly length: number
  readonly #source: Uint8Array

  constructor(message: string, source: Uint8Array, offset: number, length: number, kind: TextErrorKind = 'malformed') {
    super(message)
    const at = positionAt(source, offset)
    this.kind = kind
    this.line = at.line
    this.column = at.column
    this.offset = offset
    this.length = length
    this.#source = source
  }

  /** The message, `--> file:line:column`, the source line and a caret under the token. */
  format(fileName = '<text>'): string {
    return formatAt(this.message, this.#source, this.offset, this.length, fileName)
  }
}

const NEWLINE = 0x0a
const RETURN = 0x0d

/** Line and column of a byte offset. A line ends with LF, CR or CR LF. */
export function positionAt(source: Uint8Array, offset: number): TextPosition {
  let line = 1
  let lineStart = 0
  for (let i = 0; i < offset && i < source.length; i++) {
    if (source[i] === NEWLINE || (source[i] === RETURN && source[i + 1] !== NEWLINE)) {
      line++
      lineStart = i + 1
    }
  }
  let column = 1
  for (let i = lineStart; i < offset && i < source.length; i++) if ((source[i] & 0xc0) !== 0x80) column++
  return { line, column, offset }
}

/** Widest piece of a source line that a message shows; longer lines (generated text) are cut around the caret. */
const LINE_WIDTH = 120

/** A message about a place in a text, in the layout of wasmtime and wasm-tools. */
export function formatAt(
  message: string,
  source: Uint8Array,
  offset: number,
  length: number,
  fileName: string,
): string {
  const at = positionAt(source, offset)
  const isBreak = (i: number): boolean => source[i] === NEWLINE || source[i] === RETURN
  let start = Math.min(offset, source.length)
  while (start > 0 && !isBreak(start - 1)) start--
  let end = Math.min(offset, source.length)
  while (end < source.length && !isBreak(end)) end++
  const decoder = new TextDecoder()
  const before = [...printable(decoder.decode(source.subarray(start, offset)))]
  const token = [...printable(decoder.decode(source.subarray(offset, Math.min(offset + length, end))))]
  const after = [...printable(decoder.decode(source.subarray(Math.min(offset + length, end), end)))]
  const cut = Math.max(0, before.length + Math.min(token.length, LINE_WIDTH / 2) - LINE_WIDTH)
  const shown = (cut > 0 ? '…' : '') + [...before, ...token, ...after].slice(cut, cut + LINE_WIDTH).join('')
  const indent = before.length - cut + (cut > 0 ? 1 : 0)
  const marks = '^' + '-'.repeat(Math.max(0, Math.min(token.length, LINE_WIDTH - indent) - 1))
  const number = String(at.line)
  const margin = ' '.repeat(number.length)
  return [
    message,
    `${margin}--> ${fileName}:${at.line}:${at.column}`,
    `${margin} |`,
    `${number} | ${shown}`,
    `${margin} | ${' '.repeat(indent)}${marks}`,
  ].join('\n')
}

/** One column for each character: tabs become a space, control characters their symbol. */
function printable(text: string): string {
  let out = ''
  for (const char of text) {
    const code = char.codePointAt(0)!
    out += code === 9 ? ' ' : code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : char
  }
  return out
}
