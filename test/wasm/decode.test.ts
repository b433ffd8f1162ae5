import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_FEATURES, withFeatures } from '../../src/wasm/features.ts'
import { ExternKind } from '../../src/wasm/module.ts'
import { Heap, refAbstract, refConcrete, RefType } from '../../src/wasm/types.ts'
import {
  type Bytes,
  code,
  datas,
  elems,
  END,
  exports_,
  F32,
  flat,
  func,
  FUNCREF,
  funcs,
  globals,
  HEADER,
  I32,
  I64,
  imports,
  leb,
  memories,
  module,
  name,
  oneFunction,
  section,
  sized,
  tables,
  tags,
  types,
  V128,
  vec,
} from './binary.ts'
import { accepts, errorOf, refuses } from './expect.ts'

const without = (feature: Parameters<typeof withFeatures>[1]) => ({ features: withFeatures(DEFAULT_FEATURES, feature) })

test('header', () => {
  for (let n = 0; n < 8; n++) refuses(flat(HEADER).slice(0, n), 'malformed', 'unexpected end')
  refuses(flat('wasm', 1, 0, 0, 0), 'malformed', 'magic header not detected')
  refuses(flat('\0asm', 2, 0, 0, 0), 'malformed', 'unknown binary version')
  refuses(flat('\0asm', 0x0d, 0, 1, 0), 'malformed', 'unknown binary version')
  assert.equal(accepts(flat(HEADER)).types.length, 0)
})

test('a view into a larger buffer', () => {
  const bytes = oneFunction([], [], [])
  const larger = new Uint8Array(bytes.length + 20)
  larger.set(bytes, 7)
  assert.equal(accepts(larger.subarray(7, 7 + bytes.length)).funcs.length, 1)
})

// Every non-custom section, minimal, in order. `empty`: with zero items where it can be repeated without other errors.
const EMPTY: [id: number, payload: Bytes][] = [
  [1, [0]],
  [2, [0]],
  [3, [0]],
  [4, [0]],
  [5, [0]],
  [13, [0]],
  [6, [0]],
  [7, [0]],
  [8, [0]],
  [9, [0]],
  [12, [0]],
  [10, [0]],
  [11, [0]],
]

test('every order violation and repetition', () => {
  const withFunction = [types(func([], [])), imports([name('m'), name('f'), 0, 0])]
  for (let i = 2; i < EMPTY.length; i++)
    for (let k = 0; k <= i; k++)
      refuses(
        module(...withFunction, section(EMPTY[i][0], EMPTY[i][1]), section(EMPTY[k][0], EMPTY[k][1])),
        'malformed',
        'unexpected content after last section',
      )
  accepts(
    module(
      types(func([], [])),
      imports([name('m'), name('f'), 0, 0]),
      ...EMPTY.slice(2).map(([id, payload]) => section(id, payload)),
    ),
  )
})

test('section ids and sizes', () => {
  for (const id of [14, 15, 0x7f, 0x80, 0xff]) refuses(module(section(id, 0)), 'malformed', 'malformed section id')
  for (const [id, payload] of EMPTY) {
    if (id === 8) continue
    refuses(module(section(id, payload, 0)), 'malformed', 'section size mismatch')
    refuses(flat(HEADER, id, 2, payload), 'malformed', 'length out of bounds')
    refuses(flat(HEADER, id), 'malformed', 'unexpected end')
    refuses(flat(HEADER, id, 0), 'malformed', 'unexpected end')
  }
})

test('a count beyond the bytes is refused before anything is allocated', () => {
  for (const id of [1, 2, 3, 4, 5, 6, 7, 9, 11, 13]) {
    const before = process.memoryUsage().arrayBuffers
    for (const count of [0xffff_ffff, 999_999])
      assert.match(
        errorOf(module(section(id, leb(count), 0, 0))).message,
        /^(length out of bounds|unexpected end)/,
        `section ${id}`,
      )
    assert(process.memoryUsage().arrayBuffers - before < 1e6)
  }
  for (const validate of [true, false]) {
    const before = process.memoryUsage().arrayBuffers
    const bytes = module(exports_([name(''), 0, leb(0xffff_fff0)]))
    if (validate) refuses(bytes, 'invalid', 'unknown function 4294967280')
    else accepts(bytes, { validate })
    assert(process.memoryUsage().arrayBuffers - before < 1e6)
  }
  // Inside: types, fields, supertypes, element entries, locals, br_table, catch clauses, names.
  refuses(module(types([0x60, leb(0xffff_ffff)])), 'malformed', 'unexpected end')
  refuses(module(types([0x5f, leb(0xffff_ffff)])), 'malformed', 'unexpected end')
  refuses(module(types([0x4e, leb(0xffff_ffff)])), 'malformed', 'unexpected end')
  refuses(module(elems([1, 0, leb(0xffff_ffff)])), 'malformed', 'unexpected end')
  refuses(module(elems([5, FUNCREF, leb(0xffff_ffff)])), 'malformed', 'unexpected end')
  refuses(module(imports([leb(0xffff_ffff), 0, 0])), 'malformed', 'unexpected end')
  refuses(oneFunction([], [], [0x41, 0, 0x0e, leb(0xffff_ffff)]), 'malformed', 'unexpected end')
  refuses(oneFunction([], [], [0x1f, 0x40, leb(0xffff_ffff)]), 'malformed', 'unexpected end')
})

test('custom sections keep their place', () => {
  const custom = (text: string) => section(0, name(text), 1, 2)
  const m = accepts(module(custom('a'), types(func([], [])), custom('b'), custom('a'), memories([0, 1]), custom('')))
  assert.deepEqual(
    m.customSections.map((s) => [s.name, s.after, s.end - s.start]),
    [
      ['a', 0, 2],
      ['b', 1, 2],
      ['a', 1, 2],
      ['', 5, 2],
    ],
  )
  refuses(module(section(0)), 'malformed', 'unexpected end')
  refuses(module(section(0, sized([0xff]))), 'malformed', 'malformed UTF-8 encoding')
  refuses(module(section(0, 5, 'abc')), 'malformed', 'unexpected end')
  refuses(module(section(0, 5, 'abc'), types()), 'malformed', 'length out of bounds')
})

/** A type index as s33. */
const s33 = (index: number): Bytes => (index < 64 ? index : [0x80 | (index & 0x7f), index >> 7])

test('type indices of one and two bytes: 63 and 64', () => {
  for (const n of [62, 63, 64, 127, 128, 300]) {
    const many = Array.from({ length: n + 1 }, () => func([], []))
    const m = accepts(module(types(...many, func([[0x63, s33(n)]], [])), funcs(0), code([0, 0x02, s33(n), END, END])))
    const last = m.types[n + 1]
    assert(last.kind === 'func')
    assert.equal(last.params[0], refConcrete(n, true))
  }
  // 64 in one byte is -64: the empty block type, and no heap type.
  refuses(module(types(func([[0x63, 0x40]], []))), 'malformed', 'malformed heap type')
})

test('type section', () => {
  const m = accepts(
    module(
      types(
        [
          0x4e,
          vec(
            [0x50, vec(), 0x5f, vec([0x78, 1], [0x63, 1, 0])],
            [0x4f, vec([0]), 0x5f, vec([0x78, 1], [0x63, 1, 0], [V128, 0])],
          ),
        ],
        [0x5e, 0x6d, 0],
        [0x4e, vec()],
        func([I32, [0x64, 2]], [[0x63, 0x70]]),
      ),
    ),
  )
  assert.deepEqual([...m.recGroups], [0, 2, 3, 3])
  assert.deepEqual(m.types[1], {
    kind: 'struct',
    final: true,
    supertype: 0,
    fields: [
      { type: 0x78, mutable: true },
      { type: refConcrete(1, true), mutable: false },
      { type: V128, mutable: false },
    ],
  })
  assert.deepEqual(m.types[2], {
    kind: 'array',
    final: true,
    supertype: -1,
    field: { type: RefType.EqRef, mutable: false },
  })
  refuses(module(types([0x61])), 'malformed', 'malformed type form')
  refuses(module(types([0x5e, 0x7f, 2])), 'malformed', 'malformed mutability')
  refuses(module(types([0x5e, 0x78, 0], func([0x78], []))), 'malformed', 'malformed value type')
  refuses(module(types([0x50, vec(0), 0x5f, vec()])), 'invalid', 'unknown type 0')
  refuses(module(types([0x5f, vec()], [0x50, vec(0), 0x5f, vec()])), 'invalid', 'sub type')
  refuses(module(types([0x50, vec(), 0x5f, vec()], [0x50, vec(0, 0), 0x5f, vec()])), 'invalid', 'sub type')
  refuses(
    module(types([0x50, vec(), 0x5f, vec([0x7f, 1])], [0x50, vec(0), 0x5f, vec([0x7f, 0])])),
    'invalid',
    'sub type',
  )
  refuses(module(types([0x50, vec(), 0x60, 0, 0], [0x50, vec(0), 0x5f, vec()])), 'invalid', 'sub type')
  refuses(module(types(func([0x64, 1], []))), 'invalid', 'unknown type 1')
  refuses(module(types(func([[0x64, 0x80, 0x80, 0x80, 0x80, 0x01]], []))), 'invalid', 'unknown type')
})

test('limits of types', () => {
  const chain = (n: number) =>
    Array.from({ length: n }, (_, i) => [0x50, i === 0 ? vec() : vec(leb(i - 1)), 0x5f, vec()])
  accepts(module(types(...chain(64))))
  refuses(module(types(...chain(65))), 'limit', 'too deep type hierarchy')
  accepts(module(types([0x4e, vec(...chain(64))])))
  refuses(module(types([0x4e, vec(...chain(65))])), 'limit', 'too deep type hierarchy')
  const list = (n: number) => Array.from({ length: n }, () => I32)
  accepts(module(types(func(list(1000), list(1000)))))
  refuses(module(types(func(list(1001), []))), 'limit', 'too many parameters')
  refuses(module(types(func([], list(1001)))), 'limit', 'too many results')
  const fields = (n: number) => [0x5f, vec(...Array.from({ length: n }, () => [I32, 0]))]
  accepts(module(types(fields(10_000))))
  refuses(module(types(fields(10_001))), 'limit', 'too many fields')
  refuses(module(types([0x4e, leb(1_000_001), new Uint8Array(1_000_001)])), 'limit', 'too many types')
})

test('imports, ordinary and compact', () => {
  const m = accepts(
    module(
      types(func([], [])),
      imports(
        [name('a'), name('f'), 0, 0],
        [name('a'), name(''), 0x7f, vec([name('t'), 1, FUNCREF, 1, 1, 2], [name('m'), 2, 0, 1])],
        [name('b'), name(''), 0x7e, 3, I32, 1, vec(name('g'), name('h'))],
        [name('c'), name(''), 4, 0, 0],
      ),
    ),
  )
  assert.deepEqual(
    m.imports.map((i) => [i.module, i.name, i.kind]),
    [
      ['a', 'f', ExternKind.Func],
      ['a', 't', ExternKind.Table],
      ['a', 'm', ExternKind.Memory],
      ['b', 'g', ExternKind.Global],
      ['b', 'h', ExternKind.Global],
      ['c', '', ExternKind.Tag],
    ],
  )
  assert.deepEqual(
    [m.importedFuncs, m.tables.length, m.importedMemories, m.globals.length, m.importedTags],
    [1, 1, 1, 2, 1],
  )
  const compact = module(imports([name('a'), name(''), 0x7f, vec()]))
  accepts(compact)
  refuses(compact, 'malformed', 'malformed import kind', without({ compact_imports: false }))
  refuses(module(imports([name('a'), name('x'), 0x7f, vec()])), 'malformed', 'malformed import kind')
  refuses(module(imports([name('a'), name('x'), 5])), 'malformed', 'malformed import kind')
  refuses(module(imports([name('a'), name('x'), 0, 0])), 'invalid', 'unknown type 0')
  refuses(module(types([0x5f, 0]), imports([name('a'), name('x'), 0, 0])), 'invalid', 'type mismatch')
  refuses(
    module(types(func([], [I32])), imports([name('a'), name('x'), 4, 0, 0])),
    'invalid',
    'non-empty tag result type',
  )
  refuses(module(types(func([], [])), imports([name('a'), name('x'), 4, 1, 0])), 'malformed', 'malformed tag')
  refuses(module(imports([sized([0x80]), name('x'), 0, 0])), 'malformed', 'malformed UTF-8 encoding')
})

test('memories', () => {
  const memory = (...bytes: Bytes[]) => module(memories(bytes))
  assert.deepEqual(accepts(memory(1, 2, 3)).memories[0], {
    min: 2,
    max: 3,
    shared: false,
    address64: false,
    pageSizeLog2: 16,
  })
  assert.deepEqual(accepts(memory(7, 2, 3)).memories[0], {
    min: 2,
    max: 3,
    shared: true,
    address64: true,
    pageSizeLog2: 16,
  })
  assert.deepEqual(accepts(memory(8, 2, 0)).memories[0], {
    min: 2,
    max: undefined,
    shared: false,
    address64: false,
    pageSizeLog2: 0,
  })
  accepts(memory(0, leb(65536)))
  refuses(memory(0, leb(65537)), 'invalid', 'memory size must be at most 65536 pages (4GiB)')
  refuses(memory(1, 0, leb(65537)), 'invalid', 'memory size must be at most 65536 pages (4GiB)')
  accepts(memory(4, leb(2 ** 48)))
  refuses(memory(4, leb(2 ** 48 + 1)), 'invalid', 'memory size must be at most 2^48')
  accepts(memory(8, leb(0xffff_ffff), 0))
  refuses(memory(8, leb(2 ** 32), 0), 'invalid', 'memory size must be at most')
  accepts(memory(12, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 0))
  refuses(memory(1, 2, 1), 'invalid', 'size minimum must not be greater than maximum')
  // As numbers these two are equal.
  refuses(
    memory(
      13,
      [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      0,
    ),
    'invalid',
    'size minimum',
  )
  refuses(memory(2, 1), 'invalid', 'shared memory must have maximum')
  for (const log2 of [1, 15, 17, 63]) refuses(memory(8, 1, log2), 'invalid', 'invalid custom page size')
  refuses(memory(8, 1, 64), 'malformed', 'invalid custom page size')
  refuses(memory(16, 1), 'malformed', 'malformed limits flags')
  refuses(memory(2, 1), 'malformed', 'malformed limits flags', without({ threads: false }))
  refuses(memory(4, 1), 'malformed', 'malformed limits flags', without({ memory64: false }))
  refuses(memory(8, 1, 0), 'malformed', 'malformed limits flags', without({ custom_page_sizes: false }))
  accepts(module(memories(...Array.from({ length: 100 }, () => [0, 0]))))
  refuses(module(memories(...Array.from({ length: 101 }, () => [0, 0]))), 'limit', 'too many memories')
  refuses(module(memories([0, 0], [0, 0])), 'invalid', 'multiple memories', without({ multi_memory: false }))
})

test('tables', () => {
  const table = (...bytes: Bytes[]) => module(tables(bytes))
  const m = accepts(table(FUNCREF, 5, 2, 3))
  assert.deepEqual(m.tables[0], { element: RefType.FuncRef, min: 2, max: 3, address64: true })
  assert.deepEqual(m.tableDefs, [{ type: m.tables[0], init: undefined }])
  accepts(table(FUNCREF, 0, leb(0xffff_ffff)))
  refuses(table(FUNCREF, 0, leb(2 ** 32)), 'invalid', 'table size')
  accepts(table(FUNCREF, 4, leb(2 ** 40)))
  for (const flags of [2, 3, 8]) refuses(table(FUNCREF, flags, 1, 1), 'malformed', 'malformed limits flags')
  refuses(table(I32, 0, 1), 'malformed', 'malformed reference type')
  refuses(table(FUNCREF, 1, 2, 1), 'invalid', 'size minimum')
  refuses(table(0x64, 0x70, 0, 0), 'invalid', 'type mismatch')
  const init = accepts(table(0x40, 0, 0x64, 0x6c, 0, 1, [0x41, 7, 0xfb, 0x1c, END])).tableDefs[0]
  assert.equal(init.init!.end - init.init!.start, 5)
  refuses(table(0x40, 0, 0x64, 0x6c, 0, 1, [0xd0, 0x6c, END]), 'invalid', 'type mismatch')
  refuses(table(0x40, 1, 0x64, 0x6c, 0, 1, [0xd0, 0x6c, END]), 'malformed', 'malformed table')
})

test('globals and constant expressions', () => {
  const global = (...bytes: Bytes[]) => module(types(func([], [])), funcs(0), globals(bytes), code([0, END]))
  accepts(global(I32, 0, 0x41, 1, 0x41, 2, 0x6a, 0x41, 3, 0x6c, END))
  refuses(
    global(I32, 0, 0x41, 1, 0x41, 2, 0x6a, END),
    'invalid',
    'constant expression required',
    without({ extended_const: false }),
  )
  refuses(global(I32, 0, 0x41, 1, 0x45, END), 'invalid', 'constant expression required')
  refuses(global(I32, 0, 0x01, 0x41, 1, END), 'invalid', 'constant expression required')
  refuses(global(I32, 0, 0x42, 1, END), 'invalid', 'type mismatch')
  refuses(global(I32, 0, END), 'invalid', 'type mismatch')
  refuses(global(I32, 0, 0x41, 1, 0x41, 1, END), 'invalid', 'type mismatch')
  refuses(global(I32, 0, 0x41, 1), 'malformed', 'unexpected end')
  refuses(global(I32, 0, 0xff, END), 'malformed', 'illegal opcode ff')
  refuses(global(I32, 2, 0x41, 1, END), 'malformed', 'malformed mutability')
  refuses(global(I32, 0, 0x23, 0, END), 'invalid', 'unknown global 0')
  accepts(global(0x64, 0, 0, 0xd2, 0, END))
  refuses(global(FUNCREF, 0, 0xd2, 1, END), 'invalid', 'unknown function 1')
  const two = (mutable: number) => module(globals([I32, mutable, 0x41, 1, END], [I32, 0, 0x23, 0, END]))
  accepts(two(0))
  refuses(two(1), 'invalid', 'constant expression required')
  refuses(two(0), 'invalid', 'unknown global 0', without({ gc: false }))
})

test('exports and start', () => {
  const fn = [types(func([], []), func([I32], [])), funcs(0, 1)]
  const bodies = code([0, END], [0, END])
  const m = accepts(
    module(...fn, exports_([name('a'), 0, 1], [name('b'), 0, 1], [name(''), 0, 0]), section(8, 0), bodies),
  )
  assert.deepEqual(m.exports, [
    { name: 'a', kind: 0, index: 1 },
    { name: 'b', kind: 0, index: 1 },
    { name: '', kind: 0, index: 0 },
  ])
  assert.equal(m.start, 0)
  refuses(module(...fn, exports_([name('a'), 0, 1], [name('a'), 0, 0]), bodies), 'invalid', 'duplicate export name')
  const names = ['function', 'table', 'memory', 'global', 'tag']
  names.forEach((space, kind) => refuses(module(exports_([name('a'), kind, 0])), 'invalid', `unknown ${space} 0`))
  refuses(module(exports_([name('a'), 5, 0])), 'malformed', 'malformed export kind')
  refuses(module(...fn, section(8, 2), bodies), 'invalid', 'unknown function 2')
  refuses(module(...fn, section(8, 1), bodies), 'invalid', 'start function')
})

test('element segments: all eight forms', () => {
  const before = [types(func([], [])), funcs(0), tables([FUNCREF, 0, 4], [0x6f, 0, 1], [FUNCREF, 4, 1])]
  const m = (...segments: Bytes[]) => module(...before, elems(...segments), code([0, END]))
  const at = [0x41, 0, END]
  const expr = [0xd2, 0, END]
  const nul = [0xd0, 0x70, END]
  const decoded = accepts(
    m(
      [0, at, vec(0, 0)],
      [1, 0, vec(0)],
      [2, 2, [0x42, 0, END], 0, vec(0)],
      [3, 0, vec(0)],
      [4, at, vec(expr, nul)],
      [5, FUNCREF, vec(nul)],
      [6, 1, at, 0x6f, vec([0xd0, 0x6f, END])],
      [7, 0x64, 0x70, vec(expr)],
    ),
  ).elems
  assert.deepEqual(
    decoded.map((s) => [s.mode, s.table, s.offset !== undefined, s.funcs?.length, s.exprs?.length]),
    [
      ['active', 0, true, 2, undefined],
      ['passive', 0, false, 1, undefined],
      ['active', 2, true, 1, undefined],
      ['declarative', 0, false, 1, undefined],
      ['active', 0, true, undefined, 2],
      ['passive', 0, false, undefined, 1],
      ['active', 1, true, undefined, 1],
      ['declarative', 0, false, undefined, 1],
    ],
  )
  assert.equal(decoded[0].type, refAbstract(Heap.Func, false))
  assert.equal(decoded[4].type, RefType.FuncRef)
  refuses(m([8]), 'malformed', 'length out of bounds')
  refuses(m([8, 0, 0]), 'malformed', 'malformed elements segment kind')
  refuses(m([1, 1, vec()]), 'malformed', 'malformed element kind')
  refuses(m([0, at, vec(1)]), 'invalid', 'unknown function 1')
  refuses(m([2, 3, at, 0, vec(0)]), 'invalid', 'unknown table 3')
  refuses(m([2, 1, at, 0, vec(0)]), 'invalid', 'type mismatch')
  refuses(m([2, 2, at, 0, vec(0)]), 'invalid', 'type mismatch')
  refuses(m([5, 0x64, 0x70, vec(nul)]), 'invalid', 'type mismatch')
})

test('data segments and data count', () => {
  const memory = memories([0, 1], [4, 1])
  const m = accepts(
    module(
      memory,
      section(12, 3),
      datas([0, 0x41, 0, END, sized('ab')], [1, sized('c')], [2, 1, 0x42, 0, END, sized('')]),
    ),
  )
  assert.deepEqual(
    m.datas.map((d) => [d.mode, d.memory, d.end - d.start]),
    [
      ['active', 0, 2],
      ['passive', 0, 1],
      ['active', 1, 0],
    ],
  )
  assert(m.hasDataCount)
  assert(!accepts(module(memory, datas())).hasDataCount)
  refuses(module(memory, datas([3])), 'malformed', 'unexpected end')
  refuses(module(memory, datas([3, 0])), 'malformed', 'malformed data segment kind')
  refuses(module(datas([0, 0x41, 0, END, 0])), 'invalid', 'unknown memory 0')
  refuses(module(memory, datas([2, 1, 0x41, 0, END, 0])), 'invalid', 'type mismatch')
  refuses(module(section(12, 1), datas()), 'malformed', 'data count and data section have inconsistent lengths')
  refuses(module(section(12, 1)), 'malformed', 'data count and data section have inconsistent lengths')
  const init = [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x08, 0, 0]
  const body = code([0, init, END])
  accepts(module(types(func([], [])), funcs(0), memory, section(12, 1), body, datas([1, 0])))
  refuses(
    module(types(func([], [])), funcs(0), memory, body, datas([1, 0])),
    'malformed',
    'data count section required',
  )
  refuses(module(types(func([], [])), funcs(0), memory, section(12, 0), body), 'invalid', 'unknown data segment 0')
})

test('code section', () => {
  const fn = [types(func([], [])), funcs(0, 0)]
  refuses(module(...fn), 'malformed', 'function and code section have inconsistent lengths')
  refuses(module(...fn, code([0, END])), 'malformed', 'function and code section have inconsistent lengths')
  refuses(
    module(...fn, code([0, END], [0, END], [0, END])),
    'malformed',
    'function and code section have inconsistent lengths',
  )
  refuses(module(...fn, code([0, END, 0x01], [0, END])), 'malformed', 'section size mismatch')
  refuses(module(...fn, code([0, 0x01], [0, END])), 'malformed', 'END opcode expected')
  refuses(module(types(func([], [])), funcs(0), code([0, 0x01])), 'malformed', 'unexpected end')
  refuses(module(types(func([], [])), funcs(0), code([0, 0x02, 0x40, END])), 'malformed', 'unexpected end')
  refuses(module(types(func([], [])), funcs(0), code([0, 0x05, END])), 'malformed', 'END opcode expected')
  refuses(module(types(func([], [])), funcs(0), code([])), 'malformed', 'unexpected end')
  const m = accepts(module(...fn, code([0, END], [vec([2, I32]), END])))
  assert.deepEqual(
    [...m.codeEnd].map((end, i) => end - m.codeStart[i]),
    [2, 4],
  )
})

test('locals', () => {
  const body = (...groups: Bytes[]) => module(types(func([], [])), funcs(0), code([vec(...groups), END]))
  accepts(body([leb(50_000), I32]))
  refuses(body([leb(50_001), I32]), 'limit', 'too many locals')
  refuses(body([leb(49_999), I32], [2, I64]), 'limit', 'too many locals')
  refuses(body([leb(0xffff_ffff), I32], [1, I64]), 'malformed', 'too many locals')
  refuses(body([1, 0x78]), 'malformed', 'malformed value type')
  refuses(body([1, 0x63, 1]), 'invalid', 'unknown type 1')
  const params = module(types(func([I32, I64], [])), funcs(0), code([vec([leb(49_999), I32]), END]))
  refuses(params, 'limit', 'too many locals')
})

test('limit of the size of a body', () => {
  const nops = (n: number) => module(types(func([], [])), funcs(0), code([0, new Uint8Array(n).fill(1), END]))
  accepts(nops(7_654_321 - 2))
  refuses(nops(7_654_321 - 1), 'limit', 'too large function body')
})

test('limits of index spaces', () => {
  const many = (n: number, ...item: number[]) => {
    const bytes = new Uint8Array(n * item.length)
    for (let i = 0; i < bytes.length; i++) bytes[i] = item[i % item.length]
    return [leb(n), bytes]
  }
  const exportBytes = (n: number) => Array.from({ length: n }, (_, i) => [name(String(i)), 2, 0])
  refuses(module(types(func([], [])), section(3, many(1_000_001, 0))), 'limit', 'too many functions')
  refuses(module(section(4, many(100_001, FUNCREF, 0, 0))), 'limit', 'too many tables')
  refuses(module(types(func([], [])), section(13, many(1_000_001, 0, 0))), 'limit', 'too many tags')
  refuses(module(section(6, many(1_000_001, I32, 0, 0x41, 0, END))), 'limit', 'too many globals')
  refuses(module(section(2, many(1_000_001, 0, 0, 3, I32, 0))), 'limit', 'too many imports')
  refuses(module(section(11, many(100_001, 1, 0))), 'limit', 'too many data segments')
  refuses(module(section(12, leb(100_001))), 'limit', 'too many data segments')
  refuses(
    module(types(func([], [])), funcs(0), section(9, 1, 1, 0, many(10_000_001, 0)), code([0, END])),
    'limit',
    'too many entries of an element segment',
  )
  accepts(module(memories([0, 0]), exports_(...exportBytes(1000))))
  refuses(module(section(0, name('x'.repeat(100_001)))), 'limit', 'name too long')
  refuses(flat(HEADER, new Uint8Array(20)), 'limit', 'module too large', { maxSize: 27 })
})

test('features that are off', () => {
  const off = (bytes: Uint8Array, feature: Parameters<typeof withFeatures>[1], message: string) => {
    accepts(bytes)
    refuses(bytes, 'malformed', message, without(feature))
  }
  off(oneFunction([I32], [I32], [0x20, 0, 0xc0]), { sign_extension: false }, 'illegal opcode c0')
  off(oneFunction([F32], [I32], [0x20, 0, 0xfc, 0]), { sat_float_to_int: false }, 'illegal opcode fc 00')
  off(oneFunction([], [], [0xfe, 3, 0]), { threads: false }, 'illegal opcode fe 03')
  off(oneFunction([], [], [0x12, 0]), { tail_call: false }, 'illegal opcode 12')
  off(
    oneFunction([V128], [V128], [0x20, 0, 0x20, 0, 0xfd, 0x80, 0x02]),
    { relaxed_simd: false },
    'illegal opcode fd 100',
  )
  off(oneFunction([V128], [], []), { simd: false }, 'malformed value type')
  off(
    module(types(func([0x6f], []))),
    { reference_types: false },
    'malformed reference type: needs the feature reference_types',
  )
  off(
    module(types(func([[0x63, 0x70]], []))),
    { function_references: false },
    'malformed reference type: needs the feature function_references',
  )
  off(module(types(func([0x6c], []))), { gc: false }, 'malformed reference type: needs the feature gc')
  off(module(types(func([0x69], []))), { exceptions: false }, 'malformed reference type: needs the feature exceptions')
  off(oneFunction([], [], [0xd0, 0x6d, 0x1a]), { gc: false }, 'malformed heap type: needs the feature gc')
  off(
    oneFunction([], [], [0x02, 0, END]),
    { multi_value: false },
    'malformed block type: needs the feature multi_value',
  )
  accepts(module(tables([FUNCREF, 0, 1])), without({ reference_types: false }))
  off(module(types([0x5f, 0])), { gc: false }, 'malformed type form')
  off(module(types([0x50, 0, 0x60, 0, 0])), { gc: false }, 'malformed type form')
  off(module(types(func([], [])), tags([0, 0])), { exceptions: false }, 'malformed section id')
  off(module(section(12, 0)), { bulk_memory: false }, 'malformed section id')
})

test('validate: false checks the form only', () => {
  const form = { validate: false }
  const illTyped = oneFunction([], [I32], [0x42, 0])
  refuses(illTyped, 'invalid', 'type mismatch')
  accepts(illTyped, form)
  accepts(oneFunction([], [], [0x10, 99, 0x0c, 5]), form)
  accepts(module(exports_([name('a'), 0, 3])), form)
  accepts(module(globals([I32, 0, 0x01, 0x02, 0x40, END, END])), form)
  refuses(oneFunction([], [], [0xff]), 'malformed', 'illegal opcode', form)
  refuses(oneFunction([], [], [0x02, 0x40]), 'malformed', 'unexpected end', form)
  refuses(
    module(types(func([], [])), funcs(0, 0), code([0, 0x02, 0x40, END], [0, END])),
    'malformed',
    'unexpected end',
    form,
  )
  refuses(oneFunction([], [], [END]), 'malformed', 'section size mismatch', form)
})
