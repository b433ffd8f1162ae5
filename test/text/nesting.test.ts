// Nesting costs neither JavaScript stack nor quadratic time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWat } from '../../src/text/parse.ts'
import { printWat } from '../../src/text/print.ts'
import { parseWast } from '../../src/text/wast.ts'
import { textError } from './helpers.ts'

const DEEP = 100_000

test('deep and unclosed', () => {
  for (const text of [
    '('.repeat(DEEP),
    '(module (func ' + '('.repeat(DEEP),
    '(func ' + '(block '.repeat(DEEP),
    '(@a ' + '('.repeat(DEEP),
    '(;'.repeat(DEEP),
  ]) {
    textError(() => parseWat(text))
    textError(() => parseWast(text).commands.forEach((c) => c.kind === 'module' && c.module.encode()))
  }
  assert.equal(textError(() => parseWast('(assert_return (invoke "f") ' + '(either '.repeat(DEEP))).kind, 'limit')
  assert.equal(textError(() => parseWast('(thread $t '.repeat(DEEP))).kind, 'limit')
})

test('deep and right', () => {
  const n = 10_000
  for (const [open, middle, close] of [
    ['(block ', '', ')'],
    ['block ', '', 'end '],
    ['(if (i32.const 0) (then ', '', '))'],
    ['(if (i32.const 0) (then) (else ', '', '))'],
    ['(drop (i32.eqz ', '(i32.const 0)', ')) '],
    ['(drop (block (result i32) ', '(i32.const 0)', ')) (i32.const 0)'],
    ['(loop $l (br_if $l (i32.const 0)) ', '', ')'],
  ]) {
    const { bytes } = parseWat(`(func ${open.repeat(n)}${middle}${close.repeat(n)})`)
    for (const fold of [false, true]) {
      assert.ok(Buffer.from(parseWat(printWat(bytes, { fold })).bytes).equals(bytes), `${open} fold ${fold}`)
    }
  }
})
