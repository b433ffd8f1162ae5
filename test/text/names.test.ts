// Names, custom sections, branch hints: identifiers and annotations to sections and back.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWat } from '../../src/text/parse.ts'
import { printWat } from '../../src/text/print.ts'
import { decodeBranchHints } from '../../src/wasm/branch-hints.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { decodeNames } from '../../src/wasm/names.ts'
import { hex, textError } from './helpers.ts'

const names = (text: string) => decodeNames(decodeModule(parseWat(text).bytes, { validate: false }))
const sections = (text: string): string[] => decodeModule(parseWat(text).bytes).customSections.map((s) => s.name)

/** Text to binary to text to binary gives the first binary again. */
function stable(text: string): string {
  const first = parseWat(text).bytes
  const printed = printWat(first)
  assert.equal(hex(parseWat(printed).bytes), hex(first), printed)
  return printed
}

test('every kind of name', () => {
  const n = names(`(module $m
    (type $t (func (param $ignored i32)))
    (type $s (struct (field $x i32) (field i32) (field $y i32)))
    (import "a" "b" (func $imported (param $p i32)))
    (table $tab 1 funcref) (memory $mem 1) (global $g i32 (i32.const 0)) (tag $e)
    (elem $el func) (data $d "")
    (func $f (param $a i32) (param i32) (local i64) (local $"b c" f32)
      block $outer (loop (block $inner)) end))`)!
  assert.equal(n.module, 'm')
  assert.deepEqual(
    [...n.functions],
    [
      [0, 'imported'],
      [1, 'f'],
    ],
  )
  assert.deepEqual(
    [...n.types],
    [
      [0, 't'],
      [1, 's'],
    ],
  )
  assert.deepEqual(
    [...n.fields.get(1)!],
    [
      [0, 'x'],
      [2, 'y'],
    ],
  )
  assert.deepEqual([...n.locals.get(0)!], [[0, 'p']])
  assert.deepEqual(
    [...n.locals.get(1)!],
    [
      [0, 'a'],
      [3, 'b c'],
    ],
  )
  assert.deepEqual(
    [...n.labels.get(1)!],
    [
      [0, 'outer'],
      [2, 'inner'],
    ],
  )
  assert.deepEqual(
    [n.tables, n.memories, n.globals, n.tags, n.elems, n.datas].map((map) => map.get(0)),
    ['tab', 'mem', 'g', 'e', 'el', 'd'],
  )
})

test('no names, no section', () => assert.equal(names('(func (param i32))'), undefined))

test('labels are counted in the order of the binary', () => {
  // The condition runs, and so its block begins, before the folded `if`.
  const n = names('(func (if $i (block $c (result i32) (i32.const 1)) (then)))')!
  assert.deepEqual(
    [...n.labels.get(0)!],
    [
      [0, 'c'],
      [1, 'i'],
    ],
  )
})

test('name annotations win over identifiers', () => {
  const n = names(`(module $m (@name "M")
    (func $f (@name "same") (param (@name "p") i32) (local $l (@name "") i32)) (func (@name "same"))
    (type (@name "T") (struct (field $x (@name "field one") i32))))`)!
  assert.equal(n.module, 'M')
  assert.deepEqual([...n.functions.values()], ['same', 'same'])
  assert.deepEqual([...n.locals.get(0)!.values()], ['p', ''])
  assert.equal(n.types.get(0), 'T')
  assert.equal(n.fields.get(0)!.get(0), 'field one')
})

test('names round-trip whatever they are', () => {
  for (const name of [
    'a',
    'a b',
    '"',
    '\\',
    '',
    'λ',
    '\u{1f600}',
    '\u0000\n',
    '\u202e',
    '#func1',
    'dup',
    '$',
    '(;',
    '\u{10ffff}',
  ]) {
    const quoted = '"' + [...Buffer.from(name)].map((b) => '\\' + b.toString(16).padStart(2, '0')).join('') + '"'
    const printed = stable(
      `(module (@name ${quoted}) (func (@name ${quoted}) (local (@name ${quoted}) i32)) (func (@name "dup") (call 0)) (memory (@name ${quoted}) 1) (start 0))`,
    )
    assert.ok(!printed.includes('\u0000') && !printed.includes('\u202e'))
  }
})

test('repeated names stay unique as identifiers', () => {
  const printed = stable('(func (@name "a")) (func (@name "a")) (func (@name "a#1")) (func (call 0) (call 1) (call 2))')
  assert.match(printed, /call \$a\n\s*call \$a#1#\n\s*call \$a#1\n/)
})

test('labels may repeat, and are printed as numbers where another one hides them', () => {
  const printed = stable('(func block $l block $l br 0 br 1 end end block $l br $l end)')
  assert.match(printed, /br \$l\n\s*br 1 \(;@1;\)/)
})

test('custom sections: the example of the specification', () => {
  const text = `(module
    (@custom "A" "aaa")
    (type $t (func))
    (@custom "B" (after func) "bbb")
    (@custom "C" (before func) "ccc")
    (@custom "D" (after last) "ddd")
    (table 10 funcref)
    (func (type $t))
    (@custom "E" (after import) "eee")
    (@custom "F" (before type) "fff")
    (@custom "G" (after data) "ggg")
    (@custom "H" (after code) "hhh")
    (@custom "I" (after func) "iii")
    (@custom "J" (before func) "jjj")
    (@custom "K" (before first) "kkk"))`
  assert.deepEqual(sections(text), ['K', 'F', 'E', 'C', 'J', 'B', 'I', 'H', 'G', 'name', 'A', 'D'])
  stable(text)
})

test('custom sections stay on their side of the name section', () => {
  assert.deepEqual(sections('(func $f) (@custom "x" (after data)) (@custom "y")'), ['x', 'name', 'y'])
  stable('(func $f) (@custom "x" (after data)) (@custom "y")')
  stable('(@custom "x" (after data) "\\00\\ff\\22") (@custom "y" "a" "b") (@custom "")')
})

test('branch hints', () => {
  const text = `(func $f (param i32)
      (@metadata.code.branch_hint "\\01") (if (local.get 0) (then))
      local.get 0 (@metadata.code.branch_hint "\\00") br_if 0)
    (func) (func (@metadata.code.branch_hint "\\01") (br_if 0 (i32.const 1)))`
  const hints = decodeBranchHints(decodeModule(parseWat(text).bytes))!
  assert.deepEqual(
    [...hints],
    [
      [
        0,
        [
          { offset: 3, likely: true },
          { offset: 8, likely: false },
        ],
      ],
      [2, [{ offset: 3, likely: true }]],
    ],
  )
  stable(text)
})

test('misplaced and malformed annotations', () => {
  for (const [text, message] of [
    ['(func (nop (@custom "x")))', 'misplaced @custom annotation'],
    ['(type (@custom "x") (func))', 'misplaced @custom annotation'],
    ['(module (@custom))', '@custom annotation: missing section name'],
    ['(module (@custom "x" (before nowhere)))', '@custom annotation: malformed section kind'],
    ['(module (@custom "x" y))', '@custom annotation: unexpected token'],
    ['(module (@name "a") (@name "b"))', '@name annotation: multiple module'],
    ['(module (@name a))', '@name annotation: string expected'],
    ['(module (@name "\\ff"))', '@name annotation: malformed UTF-8 encoding'],
    ['(func (@name "a") (@name "b"))', '@name annotation: multiple func'],
    ['(start (@name "a") 0) (func)', 'misplaced @name annotation'],
    ['(@metadata.code.branch_hint "\\00") (func)', '@metadata.code.branch_hint annotation: not in a function'],
    [
      '(global i32 (@metadata.code.branch_hint "\\00") (i32.const 0))',
      '@metadata.code.branch_hint annotation: not in a function',
    ],
    [
      '(func (@metadata.code.branch_hint "\\00") (@metadata.code.branch_hint "\\00") br_if 0)',
      '@metadata.code.branch_hint annotation: duplicate',
    ],
    ['(func (@metadata.code.branch_hint "\\02") br_if 0)', '@metadata.code.branch_hint annotation: invalid hint'],
  ] as const) {
    const e = textError(() => parseWat(text))
    assert.ok(e.message.startsWith(message), `${text}: ${e.message}`)
    assert.equal(e.kind, 'malformed-custom', text)
  }
})
