import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeModule } from '../../src/wasm/decode.ts'
import { encodeModule } from '../../src/wasm/encode.ts'
import type { Module } from '../../src/wasm/module.ts'
import { refConcrete, RefType } from '../../src/wasm/types.ts'
import {
  code,
  elems,
  END,
  func,
  FUNCREF,
  funcs,
  HEADER,
  I32,
  flat,
  imports,
  leb,
  memories,
  module,
  name,
  section,
  tables,
  types,
  vec,
} from './binary.ts'
import { plainModule, richModule } from './rich.ts'

/** A module without what depends on its encoding: byte ranges become the bytes in them. */
function content(m: Module): unknown {
  const bytes = (range: { start: number; end: number } | undefined) =>
    range && [...m.bytes.subarray(range.start, range.end)]
  return {
    ...m,
    bytes: undefined,
    tableDefs: m.tableDefs.map((t) => ({ ...t, init: bytes(t.init) })),
    globalDefs: m.globalDefs.map((g) => ({ ...g, init: bytes(g.init) })),
    elems: m.elems.map((s) => ({ ...s, offset: bytes(s.offset), exprs: s.exprs?.map(bytes) })),
    datas: m.datas.map((s) => ({ mode: s.mode, memory: s.memory, offset: bytes(s.offset), payload: bytes(s) })),
    codeStart: undefined,
    codeEnd: undefined,
    code: Array.from(m.codeStart, (start, i) => bytes({ start, end: m.codeEnd[i] })),
    customSections: m.customSections.map((s) => ({ name: s.name, after: s.after, payload: bytes(s) })),
  }
}

function roundTrip(binary: Uint8Array): Uint8Array {
  const m = decodeModule(binary)
  const encoded = encodeModule(m)
  assert.deepEqual(content(decodeModule(encoded)), content(m))
  return encoded
}

test('a canonical module comes back byte for byte', () => {
  for (const binary of [richModule(), plainModule(), flat(HEADER)]) assert.deepEqual(roundTrip(binary), binary)
})

test('custom sections stay behind the section they followed, also if that is left out', () => {
  const custom = (text: string) => section(0, name(text))
  const binary = module(
    custom('a'),
    section(1, 0),
    custom('b'),
    memories([0, 1]),
    custom('c'),
    custom('d'),
    section(11, 0),
    custom('e'),
  )
  assert.deepEqual(
    encodeModule(decodeModule(binary)),
    module(custom('a'), custom('b'), memories([0, 1]), custom('c'), custom('d'), custom('e')),
  )
})

test('padded numbers become shortest', () => {
  const padded = (n: number) => [0x80 | n, 0x80, 0x80, 0x80, 0]
  const binary = module([1, padded(4), 1, 0x60, 0, 0], [3, padded(6), padded(1), 0], [10, padded(4), 1, 2, 0, END])
  assert.deepEqual(roundTrip(binary), module(types(func([], [])), funcs(0), code([0, END])))
})

test('compact imports become ordinary ones', () => {
  const binary = module(imports([name('a'), name(''), 0x7e, 3, I32, 0, vec(name('x'), name('y'))]))
  assert.deepEqual(
    roundTrip(binary),
    module(imports([name('a'), name('x'), 3, I32, 0], [name('a'), name('y'), 3, I32, 0])),
  )
})

test('rec groups of none, one and two; type indices beyond 63', () => {
  const many = Array.from({ length: 70 }, () => func([], []))
  const binary = module(
    types(
      ...many,
      [0x4e, vec()],
      [0x4e, vec([0x50, vec(), 0x5f, vec([0x63, [0xc5, 0], 0])])],
      [0x4e, vec(func([], []), func([[0x64, [0xc7, 0]]], []))],
    ),
  )
  const m = decodeModule(roundTrip(binary))
  assert.deepEqual([...m.recGroups].slice(70), [70, 70, 71])
  const type = m.types[72]
  assert(type.kind === 'func' && type.params[0] === refConcrete(71, false))
})

test('function indices of another type than (ref func) are written as expressions', () => {
  const m = decodeModule(
    module(types(func([], [])), funcs(0), tables([FUNCREF, 0, 1]), elems([0, 0x41, 0, END, vec(0)]), code([0, END])),
  )
  const nullable: Module = { ...m, elems: [{ ...m.elems[0], type: RefType.FuncRef }] }
  const [segment] = decodeModule(encodeModule(nullable)).elems
  assert.equal(segment.type, RefType.FuncRef)
  assert.equal(segment.funcs, undefined)
  assert.equal(segment.exprs?.length, 1)
})

test('limits beyond 2^53 are clamped, once', () => {
  const binary = module(tables([FUNCREF, 5, 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]))
  const m = decodeModule(roundTrip(binary))
  assert.equal(m.tables[0].max, Number.MAX_SAFE_INTEGER)
  const exact = module(memories([5, 1, leb(2 ** 48)]))
  assert.deepEqual(roundTrip(exact), exact)
})
