// Tokens of WIT (design/mvp/WIT.md, "Lexical structure").

import { fail, type SourceFile, type Span } from './source.ts'

export const KEYWORDS = [
  'as',
  'async',
  'bool',
  'borrow',
  'char',
  'constructor',
  'enum',
  'error-context',
  'export',
  'f32',
  'f64',
  'flags',
  'from',
  'func',
  'future',
  'import',
  'include',
  'interface',
  'list',
  'map',
  'option',
  'own',
  'package',
  'record',
  'resource',
  'result',
  's16',
  's32',
  's64',
  's8',
  'static',
  'stream',
  'string',
  'tuple',
  'type',
  'u16',
  'u32',
  'u64',
  'u8',
  'use',
  'variant',
  'with',
  'world',
] as const
const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS)

/** `word` is an identifier, `text` a string literal, `end` the end of the file; others are named by their text. */
export type TokenKind = 'word' | 'integer' | 'version' | 'text' | 'end' | (typeof KEYWORDS)[number] | Punctuation
type Punctuation = '=' | ',' | ':' | ';' | '(' | ')' | '{' | '}' | '<' | '>' | '*' | '->' | '/' | '.' | '@' | '_'

export interface Token {
  readonly kind: TokenKind
  /** Of a `word` without `%`; of a `text` its value. */
  readonly text: string
  readonly span: Span
  /** Documentation comments in front of it, joined; undefined if there are none. */
  readonly docs: string | undefined
  /** Where the first comment in front of it starts, or the token itself. */
  readonly commentStart: number
}

const PUNCTUATION = /(?:->|[=,:;(){}<>*/.@])/y
const SPACE = /[ \t\r\n]+/y
const LINE_COMMENT = /\/\/[^\n]*/y
const WORD = /%?\p{XID_Start}(?:\p{XID_Continue}|-(?=\p{XID_Continue}))*/uy
const INTEGER = /[0-9]+/y
const VERSION = /[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?/y
/** Labels: words of one case, joined by hyphens; words behind the first may start with a digit. */
const LABEL = /^(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*$/
/** Control characters other than line ends and tabs, and characters that make text look like another. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** All tokens of a file, the last one `end`. */
export function tokenize(file: SourceFile): Token[] {
  const { text } = file
  const forbidden = FORBIDDEN.exec(text)
  if (forbidden !== null)
    fail(`character U+${text.charCodeAt(forbidden.index).toString(16).toUpperCase().padStart(4, '0')} is not allowed`, {
      file,
      start: forbidden.index,
      end: forbidden.index + 1,
    })
  const tokens: Token[] = []
  let at = 0
  let comments: string[] = []
  let commentStart = -1
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  const push = (kind: TokenKind, value: string, length: number): void => {
    tokens.push({
      kind,
      text: value,
      span: { file, start: at, end: at + length },
      docs: docsOf(comments),
      commentStart: commentStart < 0 ? at : commentStart,
    })
    comments = []
    commentStart = -1
    at += length
  }
  while (at < text.length) {
    const space = match(SPACE)
    if (space !== undefined) {
      at += space.length
      continue
    }
    const comment = text.startsWith('/*', at) ? blockComment(file, at) : match(LINE_COMMENT)
    if (comment !== undefined) {
      if (commentStart < 0) commentStart = at
      comments.push(comment)
      at += comment.length
      continue
    }
    const word = match(WORD)
    if (word !== undefined) {
      const name = word.startsWith('%') ? word.slice(1) : word
      if (name === word && KEYWORD_SET.has(name)) push(name as TokenKind, name, word.length)
      else {
        if (!LABEL.test(name))
          fail(`'${name}' is no kebab-case name: words of lower-case or upper-case letters and digits, joined by '-'`, {
            file,
            start: at,
            end: at + word.length,
          })
        push('word', name, word.length)
      }
      continue
    }
    const version = match(VERSION)
    if (version !== undefined) {
      push('version', version, version.length)
      continue
    }
    const integer = match(INTEGER)
    if (integer !== undefined) {
      push('integer', integer, integer.length)
      continue
    }
    if (text[at] === '_') {
      push('_', '_', 1)
      continue
    }
    if (text[at] === '"') {
      const end = text.indexOf('"', at + 1)
      if (end < 0) fail('a string without its closing quote', { file, start: at, end: text.length })
      push('text', text.slice(at + 1, end), end + 1 - at)
      continue
    }
    const punctuation = match(PUNCTUATION)
    if (punctuation === undefined) {
      const char = String.fromCodePoint(text.codePointAt(at)!)
      fail(`unexpected character '${char}'`, { file, start: at, end: at + char.length })
    }
    push(punctuation as TokenKind, punctuation, punctuation.length)
  }
  push('end', '', 0)
  return tokens
}

/** Block comments nest. */
function blockComment(file: SourceFile, start: number): string {
  const { text } = file
  let depth = 0
  for (let at = start; at < text.length;) {
    if (text.startsWith('/*', at)) {
      depth++
      at += 2
    } else if (text.startsWith('*/', at)) {
      depth--
      at += 2
      if (depth === 0) return text.slice(start, at)
    } else at++
  }
  fail('a comment without its end', { file, start, end: start + 2 })
}

/**
 * The text of the comments in front of an item: line comments (as in wasm-tools, those with two slashes too) and `/** ... *\/`, without
 * the indentation that all lines have.
 */
function docsOf(comments: readonly string[]): string | undefined {
  const lines: string[] = []
  for (const comment of comments) {
    if (comment.startsWith('//')) lines.push(comment.replace(/^\/+/, '').trimEnd())
    else if (comment.startsWith('/**') && comment.length > 4)
      for (const line of comment.slice(3, -2).trim().split('\n')) lines.push(line.trim().replace(/^\* ?/, ''))
  }
  if (lines.length === 0) return undefined
  const indents = lines.filter((line) => line !== '').map((line) => line.length - line.trimStart().length)
  const indent = Math.min(...indents)
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trim()
}

/** How a message names a token. */
export function describeToken(token: Token): string {
  switch (token.kind) {
    case 'word':
      return 'an identifier'
    case 'integer':
      return 'an integer'
    case 'version':
      return 'a version'
    case 'text':
      return 'a string'
    case 'end':
      return 'eof'
    default:
      return KEYWORD_SET.has(token.kind) ? `keyword \`${token.kind}\`` : `'${token.kind}'`
  }
}
