import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnnotationKind, lex, Token } from '../../src/text/lexer.ts'
import { refused, textError } from './helpers.ts'

const KINDS = ['end', '(', ')', 'keyword', 'nat', 'int', 'float', 'string', 'id', 'reserved']
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Token kinds of a text, without the end. */
function kinds(text: string): string {
  const { tokens } = lex(bytes(text))
  return [...tokens.kind.subarray(0, tokens.count - 1)].map((k) => KINDS[k]).join(' ')
}

test('token kinds', () => {
  for (const [text, expected] of [
    ['', ''],
    ['( ) foo', '( ) keyword'],
    ['0 12 1_000 0x1F 0xa_b', 'nat nat nat nat nat'],
    ['+1 -0x1 -1_0', 'int int int'],
    ['1.5 1. 1e5 1E-5 0x1p3 0x1.8 -0x.8', 'float float float float float float reserved'],
    ['+inf -nan +nan:0x1', 'float float float'],
    ['inf nan nan:0x1', 'keyword keyword keyword'],
    ['1_ _1 1__0 0x 0x_1 1.e 1e 0x1p 0x1pf 1_.5 1._5 +', Array(12).fill('reserved').join(' ')],
    ['"a" "" "\\"" "\\u{41}" "\\00"', 'string string string string string'],
    ['"a""b"', 'reserved'],
    ['"a"b', 'reserved'],
    ['a"b"', 'reserved'],
    ['$a $"a b" $! $a$b', 'id id id id'],
    ['$a"b" $"a"b', 'reserved reserved'],
    ['Foo #x @ , ; [ ] { }', Array(9).fill('reserved').join(' ')],
    ['a;;b\nc', 'keyword keyword'],
    ['a(;b;)c', 'keyword keyword'],
    ['(;(;;);)a', 'keyword'],
    ['a(b)c', 'keyword ( keyword ) keyword'],
  ]) {
    assert.equal(kinds(text), expected, text)
  }
})

test('one symbol for one name', () => {
  const { tokens, symbols } = lex(bytes('$a $b $"a" $"\\61" $"b " $B'))
  assert.deepEqual([...tokens.value.subarray(0, 6)], [1, 2, 1, 1, 3, 4])
  assert.deepEqual(
    [1, 2, 3, 4].map((s) => symbols.name(s)),
    ['a', 'b', 'b ', 'B'],
  )
})

test('many symbols', () => {
  const names = Array.from({ length: 5000 }, (_, i) => `n${(i * 7919) % 5000}`)
  const { tokens, symbols } = lex(
    bytes(
      names
        .concat(names)
        .map((n) => '$' + n)
        .join(' '),
    ),
  )
  names.forEach((name, i) => {
    assert.equal(symbols.name(tokens.value[i]), name)
    assert.equal(tokens.value[i], tokens.value[i + 5000])
  })
})

test('parentheses know each other', () => {
  const { tokens } = lex(bytes('(a (b) (c))'))
  assert.equal(tokens.value[0], 8)
  assert.equal(tokens.value[2], 4)
  assert.equal(tokens.value[5], 7)
  const open = lex(bytes('((a)'))
  assert.equal(open.tokens.value[0], 4)
  assert.equal(open.tokens.kind[4], Token.End)
})

test('annotations leave the token list', () => {
  assert.equal(kinds('(@a) x (@b (@c "") (@ y) [ ( ) ]) y'), 'keyword keyword')
  const { annotations, annotationTokens } = lex(
    bytes('(module (@custom "n" (@x y) (after type)) (@"name" "m") (@other))'),
  )
  assert.deepEqual(
    annotations.map((a) => [a.kind, a.at, a.to - a.from]),
    [
      [AnnotationKind.Custom, 2, 5],
      [AnnotationKind.Name, 2, 1],
    ],
  )
  assert.equal(annotationTokens.kind[0], Token.String)
})

test('comments hold any character', () => {
  assert.equal(kinds('(;\0\x01;)a;;\0\x7f\nb'), 'keyword keyword')
  assert.equal(kinds(';;é\nb ;;\r c'), 'keyword keyword')
})

test('lexical errors and their places', () => {
  const error = (text: string, message: string, place: string): void => {
    const e = textError(() => lex(bytes(text)))
    assert.ok(e.message.startsWith(message), `${text}: ${e.message}`)
    assert.equal(`${e.line}:${e.column}`, place, text)
  }
  error('a\n (;b', 'unclosed comment', '2:2')
  error('a "b', 'unclosed string', '1:3')
  error('a "b\n"', 'unclosed string', '1:3')
  error('"a\tb"', 'illegal control character', '1:3')
  error('"\\q"', 'illegal escape', '1:2')
  error('"\\0g"', 'illegal escape', '1:2')
  error('"\\u{}"', 'illegal escape', '1:2')
  error('"\\u{1__0}"', 'illegal escape', '1:2')
  error('"\\u{d800}"', 'malformed UTF-8 encoding', '1:2')
  error('"\\u{110000}"', 'malformed UTF-8 encoding', '1:2')
  error('"\\u{ffffffffffffffff}"', 'malformed UTF-8 encoding', '1:2')
  error('é\r\nü', 'illegal character', '1:1')
  error('a\r\n\x01', 'illegal character', '2:1')
  error('$ a', 'empty identifier', '1:1')
  error('$""', 'empty identifier', '1:1')
  error('$"\\ff"', 'malformed UTF-8 encoding', '1:1')
  error('(@)', 'empty annotation id', '1:1')
  error(' (@a (b)', 'unclosed annotation', '1:2')
})

test('bytes that are no UTF-8', () => {
  for (const bad of [
    [0x80],
    [0xc0, 0x80],
    [0xc1, 0xbf],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5],
    [0xc2],
  ]) {
    for (const [before, after] of [
      [';;', '\n'],
      ['(;', ';)'],
      ['(data "', '")'],
      ['(@a "', '")'],
      ['', ''],
    ]) {
      refused(Uint8Array.from([...bytes(before), ...bad, ...bytes(after)]), 'malformed UTF-8 encoding')
    }
  }
})
