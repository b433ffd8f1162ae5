import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBranchHints, decodeBranchHintsStrict, encodeBranchHints } from '../../src/wasm/branch-hints.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { FormatError, type FormatErrorKind } from '../../src/wasm/errors.ts'
import type { Module } from '../../src/wasm/module.ts'
import { decodeNames, decodeNamesStrict, emptyNames, encodeNames } from '../../src/wasm/names.ts'
import {
  type Bytes,
  code,
  END,
  func,
  funcs,
  I32,
  leb,
  memories,
  module,
  name,
  section,
  sized,
  types,
  vec,
} from './binary.ts'
import { richModule } from './rich.ts'

const withNames = (...payload: Bytes[]): Module =>
  decodeModule(
    module(
      types(func([I32], []), [0x5f, vec([I32, 0])]),
      funcs(0),
      memories([0, 1]),
      code([0, END]),
      section(0, name('name'), ...payload),
    ),
  )

function refuses(read: () => unknown, kind: FormatErrorKind, message: string): void {
  assert.throws(read, (e) => e instanceof FormatError && e.kind === kind && e.message.startsWith(message))
}

test('all subsections: encode and decode', () => {
  const names = emptyNames()
  names.module = 'Modül'
  names.functions = new Map([[0, 'f']])
  names.locals = new Map([
    [
      0,
      new Map([
        [0, 'x'],
        [3, 'y'],
      ]),
    ],
  ])
  names.labels = new Map([[0, new Map([[1, 'exit']])]])
  names.types = new Map([
    [1, 't'],
    [0, ''],
  ])
  names.tables = new Map([[0, 'tab']])
  names.memories = new Map([[0, 'mem']])
  names.globals = new Map([[2, 'g']])
  names.elems = new Map([[0, 'e']])
  names.datas = new Map([[0, 'd']])
  names.fields = new Map([[1, new Map([[0, 'field']])]])
  names.tags = new Map([[0, 'θ']])
  assert.deepEqual(decodeNames(withNames(encodeNames(names)!)), names)
  // Sorted, and the same bytes again.
  const bytes = encodeNames(names)!
  assert.deepEqual(encodeNames(decodeNames(withNames(bytes))!), bytes)
  assert.deepEqual([...bytes].indexOf(4) > 0, true)
  assert.equal(encodeNames(emptyNames()), undefined)
  assert.equal(encodeNames({ locals: new Map([[0, new Map()]]) }), undefined)
})

test('no name section', () => {
  assert.equal(decodeNames(decodeModule(module())), undefined)
  assert.equal(decodeNamesStrict(decodeModule(module())), undefined)
})

test('malformed sections: names before the error count, strictly it is reported', () => {
  const good: Bytes = [0, sized(name('M'))]
  const bad: [payload: Bytes[], kind: FormatErrorKind, message: string][] = [
    [[good, 1, sized(vec([0, 5, 'ab']))], 'malformed', 'length out of bounds'],
    [[good, 1, sized(vec([0, 1, 0xff]))], 'malformed', 'malformed UTF-8 encoding'],
    [[good, 1, sized(vec([0, name('f')]), 0)], 'malformed', 'section size mismatch'],
    [[good, 1, 100], 'malformed', 'unexpected end'],
    [[good, 1], 'malformed', 'unexpected end'],
    [[good, 1, sized(leb(0xffff_ffff))], 'malformed', 'length out of bounds'],
  ]
  for (const [payload, kind, message] of bad) {
    // Something follows, so that the end of the section is not the end of the file.
    const m = decodeModule(
      module(
        types(func([I32], [])),
        funcs(0),
        code([0, END]),
        section(0, name('name'), ...payload),
        section(0, name('z'), 0, 0, 0),
      ),
    )
    assert.equal(decodeNames(m)?.module, 'M')
    if (message !== 'unexpected end') refuses(() => decodeNamesStrict(m), kind, message)
    else assert.throws(() => decodeNamesStrict(m), FormatError)
  }
})

test('strict rules: order, uniqueness, existing indices', () => {
  const map = (...items: Bytes[]) => sized(vec(...items))
  refuses(
    () => decodeNamesStrict(withNames(1, map([0, name('a')]), 0, sized(name('M')))),
    'malformed',
    'malformed name section',
  )
  refuses(() => decodeNamesStrict(withNames(1, map(), 1, map())), 'malformed', 'malformed name section')
  refuses(() => decodeNamesStrict(withNames(1, map([0, name('a')], [0, name('b')]))), 'malformed', 'malformed name map')
  refuses(() => decodeNamesStrict(withNames(1, map([1, name('a')]))), 'invalid', 'name of unknown index 1')
  refuses(() => decodeNamesStrict(withNames(6, map([1, name('a')]))), 'invalid', 'name of unknown index 1')
  refuses(() => decodeNamesStrict(withNames(2, map([1, vec()]))), 'invalid', 'name of unknown index 1')
  const twice = decodeModule(module(section(0, name('name')), section(0, name('name'))))
  refuses(() => decodeNamesStrict(twice), 'malformed', 'multiple name sections')
  assert.notEqual(decodeNames(twice), undefined)
  // Loosely, all of it is taken, and unknown subsections are skipped.
  const names = decodeNames(withNames(1, map([1, name('a')], [0, name('b')]), 77, sized(1, 2, 3), 0, sized(name('M'))))
  assert.deepEqual(
    [...names!.functions],
    [
      [1, 'a'],
      [0, 'b'],
    ],
  )
  assert.equal(names!.module, 'M')
})

test('branch hints', () => {
  const rich = decodeModule(richModule())
  assert.deepEqual([...decodeBranchHints(rich)!], [[2, [{ offset: 4, likely: true }]]])
})

/** Body: locals 0, then at 1 i32.const 0, at 3 if, at 5 end, at 6 i32.const 0, at 8 br_if 0. */
const hinted = (...payload: Bytes[]): Module =>
  decodeModule(
    module(
      types(func([], [])),
      funcs(0),
      section(0, name('metadata.code.branch_hint'), ...payload),
      code([0, 0x41, 0, 0x04, 0x40, END, 0x41, 0, 0x0d, 0, END]),
    ),
  )

test('branch hints: encode, decode, strict rules', () => {
  const hints = new Map([
    [
      0,
      [
        { offset: 3, likely: true },
        { offset: 8, likely: false },
      ],
    ],
  ])
  const m = hinted(encodeBranchHints(hints))
  assert.deepEqual(decodeBranchHints(m), hints)
  assert.deepEqual(decodeBranchHintsStrict(m), hints)
  const target = (offset: number) => hinted(encodeBranchHints(new Map([[0, [{ offset, likely: true }]]])))
  for (const offset of [0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 1000])
    refuses(
      () => decodeBranchHintsStrict(target(offset)),
      'invalid',
      '@metadata.code.branch_hint annotation: invalid target',
    )
  refuses(
    () => decodeBranchHintsStrict(hinted(vec([7, vec([3, 1, 0])]))),
    'invalid',
    '@metadata.code.branch_hint annotation: unknown function 7',
  )
  refuses(() => decodeBranchHintsStrict(hinted(vec([0, vec([3, 1, 2])]))), 'malformed', 'malformed branch hint')
  refuses(() => decodeBranchHintsStrict(hinted(vec([0, vec([3, 2, 0, 0])]))), 'malformed', 'malformed branch hint')
  refuses(
    () => decodeBranchHintsStrict(hinted(vec([0, vec([8, 1, 0], [3, 1, 0])]))),
    'malformed',
    'malformed branch hints',
  )
  refuses(() => decodeBranchHintsStrict(hinted(vec(), 0)), 'malformed', 'section size mismatch')
  assert.equal(decodeBranchHints(hinted(vec([0, vec([3, 1, 2])]))), undefined)
  assert.equal(decodeBranchHints(decodeModule(module())), undefined)
})
