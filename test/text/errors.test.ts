import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWat } from '../../src/text/parse.ts'
import { findTextOffset } from '../../src/text/source-map.ts'
import { positionAt } from '../../src/text/text-error.ts'
import { FormatError } from '../../src/wasm/errors.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { refused, textError } from './helpers.ts'

test('messages and places', () => {
  for (const [text, message, place] of [
    ['(module', 'unexpected token: the text ends here', '1:8'],
    ['(module))', 'unexpected token ), expected the end of the text', '1:9'],
    ['(module) (module)', 'unexpected token (, expected the end', '1:10'],
    ['(modul)', 'unknown operator modul', '1:2'],
    ['(module func)', 'unexpected token func, expected a module field', '1:9'],
    ['(func (i32.const))', 'unexpected token ), expected an integer', '1:17'],
    ['(func (i32.const 0x))', 'unknown operator 0x', '1:18'],
    ['(func (i32.const 4294967296))', 'constant out of range', '1:18'],
    ['(func (f32.const 1e39))', 'constant out of range', '1:18'],
    ['(func (i32.foo))', 'unknown operator i32.foo', '1:8'],
    ['(func (select.typed))', 'unknown operator select.typed', '1:8'],
    ['(func (ref.test_null func))', 'unknown operator ref.test_null', '1:8'],
    ['(func\n  (local.get $x))', 'unknown local $x', '2:14'],
    ['(func (br $l))', 'unknown label $l', '1:11'],
    ['(func (call $f))', 'unknown func $f', '1:13'],
    ['(func (call "f"))', 'unexpected token "f", expected a func index', '1:13'],
    ['(func (call -1))', 'unexpected token -1, expected a func index', '1:13'],
    ['(func (call 4294967296))', 'i32 constant out of range', '1:13'],
    ['(func $f) (func $f)', 'duplicate func $f', '1:17'],
    ['(func (param $x i32) (local $x i32))', 'duplicate local $x', '1:29'],
    ['(type (struct (field $x i32) (field $x i32)))', 'duplicate field $x', '1:37'],
    ['(func) (import "a" "b" (func))', 'import after function', '1:8'],
    ['(memory 1) (func (import "a" "b"))', 'import after memory', '1:12'],
    ['(start 0) (start 0) (func)', 'multiple start sections', '1:11'],
    ['(type $t (func (param i32))) (func (type $t) (param i64))', 'inline function type', '1:36'],
    ['(func (type 7) (param i64))', 'unknown type 7', '1:7'],
    ['(func (type 7) (local $x i64))', 'unknown type 7', '1:7'],
    ['(func block $a end $b)', 'mismatching label $b', '1:20'],
    ['(func if else $x end)', 'mismatching label $x', '1:15'],
    ['(func end)', 'unexpected token end', '1:7'],
    ['(func else)', 'unexpected token else', '1:7'],
    ['(func block)', 'unexpected token ), expected `end`', '1:12'],
    ['(func (block end))', 'unexpected token end', '1:14'],
    ['(func block else end)', 'unexpected token else', '1:13'],
    ['(func (then))', 'unexpected token then', '1:8'],
    ['(func (if (i32.const 0)))', 'unexpected token ), expected `(then`', '1:24'],
    ['(func (if (then) (then)))', 'unexpected token (, expected `)`', '1:18'],
    ['(func (if (then) (else) (else)))', 'unexpected token (, expected `)`', '1:25'],
    ['(func (if (then) nop))', 'unexpected token nop', '1:18'],
    ['(func (i32.add i32.const 1))', 'unexpected token i32.const, expected a folded instruction', '1:16'],
    ['(func (block (param $x i32)))', 'unexpected token $x', '1:21'],
    ['(func (block (result i32) (param i32)))', 'unexpected token param', '1:28'],
    ['(memory 1) (func (i32.load align=3 (i32.const 0)))', 'alignment must be a power of two', '1:28'],
    ['(memory 1) (func (i32.load align=1 offset=1 (i32.const 0)))', 'unexpected token offset=1', '1:36'],
    ['(memory 1) (func (i32.load offset=-1 (i32.const 0)))', 'unknown operator offset=-1', '1:28'],
    ['(memory 0 (pagesize 3))', 'invalid custom page size', '1:21'],
    ['(func (v128.const i8x16 1))', 'wrong number of lane literals', '1:19'],
    ['(func (v128.const i8x17 1))', 'unknown operator i8x17', '1:19'],
    ['(func (i8x16.shuffle 1 2 3))', 'invalid lane length', '1:22'],
    ['(import "a" (item "x") (item "y" (func)) (func))', 'unexpected token )', '1:40'],
    ['(import "a" (item "x") (func $f))', 'identifier not allowed', '1:30'],
    ['(global $g (mut i32)', 'unexpected token: the text ends here', '1:21'],
    ['(type (sub 0 0 (func)))', 'unexpected token: at most one supertype', '1:14'],
    ['(export "a" (fun 0))', 'unknown operator fun', '1:14'],
    ['(export "\\ff" (func 0))', 'malformed UTF-8 encoding', '1:9'],
  ] as const) {
    refused(text, message, place)
  }
})

test('an error shows its line with a caret', () => {
  const e = textError(() => parseWat('(module\n\t(;é;) (func (call $"nö") nop))'))
  assert.equal(
    e.format('file.wat'),
    [
      'unknown func $"nö"',
      ' --> file.wat:2:20',
      '  |',
      '2 |  (;é;) (func (call $"nö") nop))',
      '  |                    ^----',
    ].join('\n'),
  )
  const end = textError(() => parseWat('(module'))
  assert.equal(end.format('x').split('\n').at(-1), '  |        ^')
  const long = textError(() => parseWat('(module ' + '(func) '.repeat(100) + '(foo) ' + '(func) '.repeat(100) + ')'))
  const [line, caret] = long.format('x').split('\n').slice(-2)
  assert.ok(line.length < 140, line)
  assert.equal(line.slice(caret.indexOf('^'), caret.indexOf('^') + 3), 'foo')
})

test('a source map leads from a validation error to its place', () => {
  const text = `(module
  (global i32 (i32.const 1))
  (table 1 funcref)
  (elem (i32.const 0) funcref (ref.null func))
  (func $f (result i32)
    (i32.add
      (i32.const 1)
      (f32.const 2))))`
  const { bytes, sourceMap } = parseWat(text, { sourceMap: true })
  let error: FormatError | undefined
  try {
    decodeModule(bytes)
  } catch (e) {
    error = e as FormatError
  }
  assert.equal(error?.kind, 'invalid')
  const at = positionAt(new TextEncoder().encode(text), findTextOffset(sourceMap!, error!.offset))
  assert.deepEqual([at.line, at.column], [6, 6])
  assert.equal(findTextOffset(sourceMap!, 8), -1)
  for (let i = 2; i < sourceMap!.length; i += 2) assert.ok(sourceMap![i] > sourceMap![i - 2], 'ascending')
  // Every instruction of the module has an entry: one in the global, two in the segment, three and the end in the body; so has the function.
  const words = [...sourceMap!]
    .filter((_, i) => i % 2 === 1)
    .map((offset) => /^\(?[^\s()]+|\)/.exec(text.slice(offset))![0])
  assert.deepEqual(words, ['i32.const', 'i32.const', 'ref.null', '(func', 'i32.const', 'f32.const', 'i32.add', ')'])
})

test('without memory64, limits are 32-bit numbers', () => {
  const wide = '(memory 0x1_0000_0000)'
  parseWat(wide)
  const e = textError(() => parseWat(wide, { features: 0 }))
  assert.equal(e.message, 'i32 constant out of range')
})
