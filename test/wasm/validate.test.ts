import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_FEATURES } from '../../src/wasm/features.ts'
import {
  OP_ALIGN,
  OP_IMM,
  OP_LANES,
  OP_OPERANDS,
  OP_RESULTS,
  ImmKind,
  opClasses,
  OpClass,
  Sig,
} from '../../src/wasm/op-tables.ts'
import { OPCODES, PREFIX_BASE } from '../../src/wasm/opcodes.ts'
import {
  type Bytes,
  code,
  datas,
  elems,
  END,
  F32,
  F64,
  func,
  FUNCREF,
  funcs,
  globals,
  I32,
  I64,
  leb,
  memories,
  module,
  oneFunction,
  section,
  tables,
  tags,
  types,
  V128,
  vec,
} from './binary.ts'
import { accepts, errorOf, refuses } from './expect.ts'

const EXTERNREF = 0x6f
const ANYREF = 0x6e
const UNREACHABLE = 0x00
const DROP = 0x1a
const I32_CONST = [0x41, 0]
const I64_CONST = [0x42, 0]
const F32_CONST = [0x43, 0, 0, 0, 0]
const F64_CONST = [0x44, 0, 0, 0, 0, 0, 0, 0, 0]
const V128_CONST = [0xfd, 0x0c, new Uint8Array(16)]
const CONSTS: Record<number, Bytes> = {
  [I32]: I32_CONST,
  [I64]: I64_CONST,
  [F32]: F32_CONST,
  [F64]: F64_CONST,
  [V128]: V128_CONST,
}
const local = (index: number): Bytes => [0x20, leb(index)]

const valid = (params: Bytes[], results: Bytes[], body: Bytes[], before: Bytes[] = [], extra: Bytes[] = []) =>
  void accepts(oneFunction(params, results, body, before, extra))
const invalid = (
  message: string,
  params: Bytes[],
  results: Bytes[],
  body: Bytes[],
  before: Bytes[] = [],
  extra: Bytes[] = [],
) => refuses(oneFunction(params, results, body, before, extra), 'invalid', message)

/** Binary opcode of an id. */
function opcode(id: number): Bytes {
  if (id < 0x100) return id
  const [prefix, base] = Object.entries(PREFIX_BASE)
    .map(([p, b]) => [Number(p), b])
    .reverse()
    .find(([, b]) => b <= id)!
  return [prefix, leb(id - base)]
}

const typesOf = (nibbles: number): number[] => {
  const list = []
  for (; nibbles !== 0; nibbles >>>= 4) list.push((nibbles & 15) === Sig.Address ? I32 : Sig.Base - (nibbles & 15))
  return list
}

test('every instruction with a signature: accepted as it is, refused with each operand or the result changed', () => {
  const memory = [memories([3, 1, 1])]
  let checked = 0
  for (const [id, text, signature] of OPCODES) {
    if (signature === '*' || id === 0x503) continue
    const operands = typesOf(OP_OPERANDS[id]).reverse()
    const results = typesOf(OP_RESULTS[id])
    const immediates: Bytes =
      OP_IMM[id] === ImmKind.Memarg
        ? [OP_ALIGN[id], 0]
        : OP_IMM[id] === ImmKind.MemargLane
          ? [OP_ALIGN[id], 0, OP_LANES[id] - 1]
          : OP_IMM[id] === ImmKind.Lane
            ? [OP_LANES[id] - 1]
            : OP_IMM[id] === ImmKind.Shuffle
              ? new Uint8Array(16).fill(31)
              : OP_IMM[id] === ImmKind.V128
                ? new Uint8Array(16)
                : OP_IMM[id] === ImmKind.F64
                  ? new Uint8Array(8)
                  : OP_IMM[id] === ImmKind.F32
                    ? new Uint8Array(4)
                    : OP_IMM[id] === ImmKind.None
                      ? []
                      : [0]
    const body = (list: number[]): Bytes[] => [...list.map((t) => CONSTS[t]), opcode(id), immediates]
    valid([], results, body(operands), memory)
    for (let i = 0; i < operands.length; i++) {
      const wrong = operands.with(i, operands[i] === I32 ? I64 : I32)
      invalid('type mismatch', [], results, body(wrong), memory)
    }
    if (operands.length > 0) invalid('type mismatch', [], results, body(operands.slice(1)), memory)
    invalid(
      'type mismatch',
      [],
      results.length === 0 ? [I32] : results.with(0, results[0] === I32 ? I64 : I32),
      body(operands),
      memory,
    )
    if (OP_LANES[id] > 0) {
      const tooLarge = OP_IMM[id] === ImmKind.Lane ? [OP_LANES[id]] : [OP_ALIGN[id], 0, OP_LANES[id]]
      invalid('invalid lane index', [], results, [...operands.map((t) => CONSTS[t]), opcode(id), tooLarge], memory)
    }
    if (OP_IMM[id] === ImmKind.Memarg) {
      const aligned = (log2: number): Bytes[] => [...operands.map((t) => CONSTS[t]), opcode(id), log2, 0]
      invalid('alignment must not be larger than natural', [], results, aligned(OP_ALIGN[id] + 1), memory)
      if (id >= 0x500 && OP_ALIGN[id] > 0)
        invalid('atomic alignment must be natural', [], results, aligned(OP_ALIGN[id] - 1), memory)
      invalid('unknown memory 0', [], results, aligned(OP_ALIGN[id]))
    }
    checked++
    assert(text.length > 0)
  }
  assert.equal(checked, OPCODES.filter((row) => row[2] !== '*').length - 1)
})

test('ids that are no instruction are illegal', () => {
  const classes = opClasses(DEFAULT_FEATURES)
  for (let id = 0; id < 0x600; id++) {
    if (classes[id] !== OpClass.Illegal || id === 0xfb || id === 0xfc || id === 0xfd || id === 0xfe) continue
    const e = errorOf(oneFunction([], [], [UNREACHABLE, opcode(id)]))
    assert.match(`${e.kind}: ${e.message}`, /^malformed: illegal opcode/)
  }
  for (const prefix of [0xfb, 0xfc, 0xfd, 0xfe])
    refuses(oneFunction([], [], [prefix, leb(0x1000)]), 'malformed', `illegal opcode ${prefix.toString(16)} 1000`)
})

test('error positions and texts', () => {
  const bytes = oneFunction([F32], [], [0x01, 0x20, 0, 0x45, DROP])
  const e = errorOf(bytes)
  assert.equal(e.message, 'type mismatch: expected i32, found f32 in i32.eqz')
  assert.equal(bytes[e.offset], 0x45)
  assert.equal(errorOf(oneFunction([], [], [0x45])).message, 'type mismatch: expected i32, found nothing in i32.eqz')
  const list = module(
    types(func([], []), func([I32, [0x63, 0]], [])),
    funcs(0, 1),
    code([0, I64_CONST, 0x10, 1, END], [0, END]),
  )
  assert.equal(
    errorOf(list).message,
    'type mismatch: instruction requires [i32 (ref null 0)] but stack has [i64] in call',
  )
})

test('blocks', () => {
  const two = func([I32, I64], [I64, I32])
  valid([], [I32], [0x02, I32, I32_CONST, END])
  valid([], [I64, I32], [I32_CONST, I64_CONST, 0x02, 1, 0x1a, 0x1a, I64_CONST, I32_CONST, END], [], [two])
  valid([], [I64, I32], [I32_CONST, I64_CONST, 0x03, 1, 0x0c, 0, END], [], [two])
  invalid('type mismatch', [], [I64, I32], [I32_CONST, I64_CONST, 0x02, 1, 0x0c, 0, END], [], [two])
  invalid('type mismatch', [], [], [I32_CONST, 0x02, 0x40, DROP, END, DROP])
  invalid('type mismatch', [], [], [0x02, 0x40, I32_CONST, END])
  invalid('type mismatch', [], [], [0x02, I32, END, DROP])
  invalid('unknown type 7', [], [], [0x02, 7, END])
  invalid('type mismatch', [], [], [0x02, 1, END], [], [[0x5f, 0]])
  refuses(oneFunction([], [], [0x02, 0x41, END]), 'malformed', 'malformed value type')
  valid([], [], [I32_CONST, 0x04, 0x40, 0x01, END])
  valid([], [I32], [I32_CONST, 0x04, I32, I32_CONST, 0x05, I32_CONST, END])
  invalid('type mismatch: if without else', [], [], [I32_CONST, 0x04, I32, I32_CONST, END, DROP])
  valid([], [I32], [I32_CONST, I32_CONST, 0x04, 1, END], [], [func([I32], [I32])])
  invalid('type mismatch', [], [], [0x04, 0x40, END])
  refuses(oneFunction([], [], [I32_CONST, 0x04, 0x40, 0x05, 0x05, END]), 'malformed', 'END opcode expected')
})

test('the extra label of a block with one result does not outlive the block', () => {
  // Siblings and children of different types at the same depth.
  valid(
    [],
    [I32],
    [0x02, I32, 0x02, I64, I64_CONST, END, DROP, 0x02, F32, F32_CONST, 0x0c, 0, END, DROP, I32_CONST, 0x0c, 0, END],
  )
  invalid('type mismatch', [], [I32], [0x02, I32, 0x02, I64, I64_CONST, 0x0c, 1, END, DROP, I32_CONST, END])
})

test('branches', () => {
  invalid('unknown label 1', [], [], [0x0c, 1])
  valid([], [I32], [I32_CONST, 0x0c, 0])
  invalid('type mismatch', [], [I32], [0x0c, 0])
  valid([], [I32], [I32_CONST, I32_CONST, 0x0d, 0])
  invalid('type mismatch', [], [I32], [I32_CONST, 0x0d, 0, I32_CONST])
  valid([], [], [I32_CONST, 0x0e, 2, 0, 0, 0])
  invalid('type mismatch', [], [I32], [0x02, 0x40, I32_CONST, I32_CONST, 0x0e, 1, 0, 1, END, I32_CONST])
  valid([], [I32], [0x02, I32, I32_CONST, I32_CONST, 0x0e, 1, 0, 1, END])
  invalid('type mismatch', [], [I32], [0x02, I64, I64_CONST, I32_CONST, 0x0e, 1, 0, 1, END, DROP, I32_CONST])
  invalid('unknown label 2', [], [], [0x02, 0x40, I32_CONST, 0x0e, 1, 0, 2, END])
  // Behind an unconditional branch, labels of different types are fine as long as their number agrees.
  valid([], [I32], [0x02, I64, UNREACHABLE, 0x0e, 1, 0, 1, END, DROP, I32_CONST])
  invalid('type mismatch', [], [I32], [0x02, 0x40, UNREACHABLE, 0x0e, 1, 0, 1, END, I32_CONST])
})

test('unreachable code: operands of any type, but no more than that', () => {
  for (const leave of [[UNREACHABLE], [0x0c, 0], [0x0f], [I32_CONST, 0x0e, 0, 0]]) {
    valid([], [], [leave, 0x6a, DROP, DROP])
    valid([], [], [leave, 0x6a, 0x45, DROP])
    valid([], [], [leave, I32_CONST, 0x1b, DROP])
    invalid('type mismatch', [], [], [leave, I64_CONST, 0x45, DROP])
    invalid('type mismatch', [], [], [leave, I32_CONST])
  }
  valid([], [I32], [UNREACHABLE])
  valid([], [I32], [UNREACHABLE, 0x1b])
  valid([], [I64], [UNREACHABLE, I64_CONST, I32_CONST, 0x1b])
  invalid('type mismatch', [], [I64], [UNREACHABLE, F32_CONST, I32_CONST, 0x1b])
  // An unknown reference stays a reference.
  valid([], [[0x64, ANYREF]], [UNREACHABLE, 0xd4])
  valid([], [I32], [UNREACHABLE, 0xd1])
  invalid('type mismatch', [], [I32], [UNREACHABLE, 0xd4])
  valid([], [[0x64, 0x6f]], [UNREACHABLE, 0xfb, 0x1b])
  // The block ends: outside it, code is reachable again.
  invalid('type mismatch', [], [], [0x02, 0x40, UNREACHABLE, END, DROP])
  // And unreachable code outside stays so behind an inner block.
  valid([], [], [UNREACHABLE, 0x02, 0x40, END, DROP])
})

test('select', () => {
  valid([], [I32], [I32_CONST, I32_CONST, I32_CONST, 0x1b])
  valid([], [V128], [V128_CONST, V128_CONST, I32_CONST, 0x1b])
  invalid('type mismatch', [], [I32], [I32_CONST, I64_CONST, I32_CONST, 0x1b])
  invalid('type mismatch', [FUNCREF], [FUNCREF], [local(0), local(0), I32_CONST, 0x1b])
  valid([FUNCREF], [FUNCREF], [local(0), local(0), I32_CONST, 0x1c, 1, FUNCREF])
  invalid('invalid result arity', [], [], [I32_CONST, 0x1c, 0])
  invalid('invalid result arity', [], [], [I32_CONST, 0x1c, 2, I32, I32])
  valid([[0x64, ANYREF]], [ANYREF], [local(0), [0xd0, 0x71], I32_CONST, 0x1c, 1, ANYREF])
})

test('locals: also far beyond the flat ones, and their initialisation', () => {
  const nonNull: Bytes = [0x64, FUNCREF]
  const withLocals = (groups: Bytes[], body: Bytes[], params: Bytes[] = []) =>
    module(types(func(params, [])), funcs(0), section(9, vec([3, 0, vec(0)])), code([vec(...groups), body, END]))
  const groups: Bytes[] = [
    [leb(300), I32],
    [leb(300), I64],
    [leb(5), I32],
    [leb(1000), F64],
  ]
  for (const [index, type] of [
    [0, I32],
    [255, I32],
    [256, I32],
    [299, I32],
    [300, I64],
    [599, I64],
    [600, I32],
    [604, I32],
    [605, F64],
    [1604, F64],
  ]) {
    accepts(withLocals(groups, [local(index), 0x21, leb(index)]))
    refuses(withLocals(groups, [local(index), type === I32 ? 0xa7 : 0x45, DROP]), 'invalid', 'type mismatch')
  }
  refuses(withLocals(groups, [local(1605), DROP]), 'invalid', 'unknown local 1605')
  for (const at of [0, 400]) {
    const declare: Bytes[] = [
      [leb(at), I32],
      [2, nonNull],
    ]
    const set: Bytes = [0xd2, 0, 0x21, leb(at)]
    const get: Bytes = [local(at), DROP]
    accepts(withLocals(declare, [set, get]))
    accepts(withLocals(declare, [0xd2, 0, 0x22, leb(at), DROP, get]))
    refuses(withLocals(declare, [get]), 'invalid', `uninitialized local ${at}`)
    refuses(withLocals(declare, [set, local(at + 1), DROP]), 'invalid', `uninitialized local ${at + 1}`)
    refuses(withLocals(declare, [0x02, 0x40, set, END, get]), 'invalid', `uninitialized local ${at}`)
    accepts(withLocals(declare, [set, 0x02, 0x40, get, set, END, get]))
    refuses(withLocals(declare, [I32_CONST, 0x04, 0x40, set, 0x05, get, END]), 'invalid', `uninitialized local ${at}`)
    refuses(
      withLocals(declare, [I32_CONST, 0x04, 0x40, set, 0x05, set, END, get]),
      'invalid',
      `uninitialized local ${at}`,
    )
    // Another function starts afresh.
    refuses(
      module(
        types(func([], [])),
        funcs(0, 0),
        section(9, vec([3, 0, vec(0)])),
        code([vec(...declare), set, get, END], [vec(...declare), get, END]),
      ),
      'invalid',
      `uninitialized local ${at}`,
    )
  }
  accepts(withLocals([], [local(0), DROP], [nonNull]))
})

test('calls', () => {
  const m = (body: Bytes[], results: Bytes[] = []) =>
    module(
      types(func([], results), func([I32], [I64]), [0x5f, 0]),
      funcs(0, 1),
      tables([FUNCREF, 0, 1], [EXTERNREF, 0, 1], [FUNCREF, 4, 1]),
      section(9, vec([3, 0, vec(1)])),
      code([0, body, END], [0, I64_CONST, END]),
    )
  accepts(m([I32_CONST, 0x10, 1], [I64]))
  refuses(m([I64_CONST, 0x10, 1], [I64]), 'invalid', 'type mismatch')
  refuses(m([0x10, 2]), 'invalid', 'unknown function 2')
  accepts(m([I32_CONST, I32_CONST, 0x11, 1, 0], [I64]))
  accepts(m([I32_CONST, I64_CONST, 0x11, 1, 2], [I64]))
  refuses(m([I32_CONST, I32_CONST, 0x11, 1, 2], [I64]), 'invalid', 'type mismatch')
  refuses(m([I32_CONST, I32_CONST, 0x11, 1, 1], [I64]), 'invalid', 'type mismatch')
  refuses(m([I32_CONST, I32_CONST, 0x11, 1, 3], [I64]), 'invalid', 'unknown table 3')
  refuses(m([I32_CONST, I32_CONST, 0x11, 9, 0], [I64]), 'invalid', 'unknown type 9')
  refuses(m([I32_CONST, I32_CONST, 0x11, 2, 0], [I64]), 'invalid', 'type mismatch')
  accepts(m([I32_CONST, 0x12, 1], [I64]))
  refuses(m([I32_CONST, 0x12, 1], [I32]), 'invalid', 'type mismatch: callee returns [i64], caller [i32]')
  refuses(m([I32_CONST, 0x12, 1], []), 'invalid', 'type mismatch')
  accepts(m([I32_CONST, I32_CONST, 0x13, 1, 0], [I64]))
  accepts(m([I32_CONST, 0xd2, 1, 0x14, 1], [I64]))
  accepts(m([I32_CONST, 0xd0, 0x73, 0x14, 1], [I64]))
  refuses(m([I32_CONST, 0xd0, FUNCREF, 0x14, 1], [I64]), 'invalid', 'type mismatch')
  accepts(m([I32_CONST, 0xd2, 1, 0x15, 1], [I64]))
  refuses(m([0xd2, 0, DROP]), 'invalid', 'undeclared function reference 0')
  refuses(m([0xd2, 5, DROP]), 'invalid', 'unknown function 5')
})

test('references in globals, tables and exports declare a function, the start function does not', () => {
  const m = (...before: Bytes[]) => module(types(func([], [])), funcs(0), ...before, code([0, 0xd2, 0, DROP, END]))
  refuses(m(), 'invalid', 'undeclared function reference 0')
  refuses(m(section(8, 0)), 'invalid', 'undeclared function reference 0')
  accepts(m(section(7, vec([1, 'f', 0, 0]))))
  accepts(m(globals([FUNCREF, 0, 0xd2, 0, END])))
  accepts(m(tables([0x40, 0, FUNCREF, 0, 1, 0xd2, 0, END])))
  accepts(m(elems([1, 0, vec(0)])))
  accepts(m(elems([7, FUNCREF, vec([0xd2, 0, END])])))
})

test('exceptions', () => {
  const m = (body: Bytes[], results: Bytes[] = []) =>
    module(types(func([], results), func([I32], [])), funcs(0), tags([0, 1]), code([0, body, END]))
  accepts(m([I32_CONST, 0x08, 0]))
  refuses(m([0x08, 0]), 'invalid', 'type mismatch: instruction requires [i32] but stack has []')
  refuses(m([0x08, 1]), 'invalid', 'unknown tag 1')
  accepts(m([0xd0, 0x69, 0x0a]))
  refuses(m([0xd0, ANYREF, 0x0a]), 'invalid', 'type mismatch')
  const body = [UNREACHABLE, END]
  accepts(m([0x1f, 0x40, vec([0, 0, 0]), body, I32_CONST], [I32]))
  refuses(
    m([0x1f, 0x40, vec([0, 0, 0]), body]),
    'invalid',
    'type mismatch: catch clause gives [i32], label 0 expects []',
  )
  accepts(m([0x1f, 0x40, vec([2, 0]), body]))
  refuses(m([0x1f, 0x40, vec([2, 0]), body, I32_CONST], [I32]), 'invalid', 'type mismatch')
  accepts(m([0x1f, 0x40, vec([3, 0]), body, UNREACHABLE], [[0x64, 0x69]]))
  accepts(m([0x1f, 0x40, vec([3, 0]), body, UNREACHABLE], [0x69]))
  accepts(m([0x1f, 0x40, vec([1, 0, 0]), body, UNREACHABLE], [I32, 0x69]))
  refuses(m([0x1f, 0x40, vec([1, 0, 0]), body, UNREACHABLE], [0x69, I32]), 'invalid', 'type mismatch')
  refuses(m([0x1f, 0x40, vec([2, 1]), body]), 'invalid', 'unknown label 1')
  refuses(m([0x1f, 0x40, vec([0, 1, 0]), body]), 'invalid', 'unknown tag 1')
  refuses(m([0x1f, 0x40, vec([4, 0]), body]), 'malformed', 'malformed catch clause')
})

test('globals', () => {
  const before = [globals([I32, 0, 0x41, 0, END], [I32, 1, 0x41, 0, END])]
  valid([], [I32], [0x23, 0], before)
  valid([], [], [I32_CONST, 0x24, 1], before)
  invalid('immutable global 0', [], [], [I32_CONST, 0x24, 0], before)
  invalid('type mismatch', [], [], [I64_CONST, 0x24, 1], before)
  invalid('unknown global 2', [], [], [0x23, 2, DROP], before)
})

test('memory64, several memories, offsets', () => {
  const both = [memories([0, 1], [4, 1])]
  valid([], [], [I32_CONST, 0x28, 2, 0, DROP], both)
  valid([], [], [I64_CONST, 0x28, 0x42, 1, 0, DROP], both)
  invalid('type mismatch', [], [], [I32_CONST, 0x28, 0x42, 1, 0, DROP], both)
  invalid('unknown memory 2', [], [], [I32_CONST, 0x28, 0x42, 2, 0, DROP], both)
  valid([], [], [I32_CONST, 0x28, 2, leb(0xffff_ffff), DROP], both)
  invalid('offset out of range', [], [], [I32_CONST, 0x28, 2, leb(2 ** 32), DROP], both)
  valid([], [], [I64_CONST, 0x28, 0x42, 1, leb(2 ** 40), DROP], both)
  refuses(oneFunction([], [], [I32_CONST, 0x28, 0x80, 0x01, 0, DROP], both), 'malformed', 'malformed memop flags')
  valid([], [I64], [0x3f, 1], both)
  valid([], [I64], [I64_CONST, 0x40, 1], both)
  valid([], [], [I64_CONST, I32_CONST, I64_CONST, 0xfc, 11, 1], both)
  // memory.copy: the length has the smaller of the two address types.
  valid([], [], [I64_CONST, I32_CONST, I32_CONST, 0xfc, 10, 1, 0], both)
  valid([], [], [I64_CONST, I64_CONST, I64_CONST, 0xfc, 10, 1, 1], both)
  invalid('type mismatch', [], [], [I64_CONST, I32_CONST, I64_CONST, 0xfc, 10, 1, 0], both)
  const init = (body: Bytes[]) =>
    module(types(func([], [])), funcs(0), ...both, section(12, 1), code([0, body, END]), datas([1, 0]))
  accepts(init([I64_CONST, I32_CONST, I32_CONST, 0xfc, 8, 0, 1, 0xfc, 9, 0]))
  refuses(init([I32_CONST, I32_CONST, I32_CONST, 0xfc, 8, 0, 1]), 'invalid', 'type mismatch')
  refuses(init([0xfc, 9, 1]), 'invalid', 'unknown data segment 1')
})

test('tables', () => {
  const before = [
    tables([FUNCREF, 0, 1], [FUNCREF, 4, 1], [EXTERNREF, 0, 1]),
    elems([1, 0, vec()], [5, EXTERNREF, vec()]),
  ]
  valid([], [FUNCREF], [I32_CONST, 0x25, 0], before)
  valid([], [FUNCREF], [I64_CONST, 0x25, 1], before)
  invalid('unknown table 3', [], [], [I32_CONST, 0x25, 3, DROP], before)
  valid([], [], [I64_CONST, 0xd0, 0x73, 0x26, 1], before)
  invalid('type mismatch', [], [], [I64_CONST, 0xd0, EXTERNREF, 0x26, 1], before)
  valid([], [I64], [0xfc, 16, 1], before)
  valid([], [I64], [0xd0, FUNCREF, I64_CONST, 0xfc, 15, 1], before)
  valid([], [], [I64_CONST, 0xd0, FUNCREF, I64_CONST, 0xfc, 17, 1], before)
  valid([], [], [I64_CONST, I32_CONST, I32_CONST, 0xfc, 14, 1, 0], before)
  invalid('type mismatch', [], [], [I32_CONST, I32_CONST, I32_CONST, 0xfc, 14, 0, 2], before)
  valid([], [], [I64_CONST, I32_CONST, I32_CONST, 0xfc, 12, 0, 1], before)
  invalid('type mismatch', [], [], [I32_CONST, I32_CONST, I32_CONST, 0xfc, 12, 1, 0], before)
  invalid('unknown elem segment 2', [], [], [0xfc, 13, 2], before)
  valid([], [], [0xfc, 13, 1], before)
})

test('null tests and branches on null', () => {
  valid([ANYREF], [I32], [local(0), 0xd1])
  invalid('type mismatch', [I32], [I32], [local(0), 0xd1])
  valid([ANYREF], [[0x64, ANYREF]], [local(0), 0xd4])
  valid([ANYREF], [], [local(0), 0xd5, 0, DROP])
  valid([ANYREF], [I32], [I32_CONST, local(0), 0xd5, 0, DROP])
  valid([ANYREF], [[0x64, ANYREF]], [local(0), 0xd6, 0, UNREACHABLE])
  valid([ANYREF], [I32, ANYREF], [I32_CONST, local(0), 0xd6, 0, [0xd0, 0x71]])
  invalid('type mismatch', [ANYREF], [I32], [local(0), 0xd6, 0, I32_CONST])
  invalid('type mismatch', [ANYREF], [], [local(0), 0xd6, 0])
  valid([ANYREF], [], [[0xd0, 0x6c], [0xd0, 0x6b], 0xd3, DROP])
  invalid('type mismatch', [ANYREF], [], [local(0), local(0), 0xd3, DROP])
  invalid('unknown type 9', [], [], [0xd0, 9, DROP])
})

test('casts', () => {
  valid([ANYREF], [I32], [local(0), 0xfb, 0x14, 0x6c])
  valid([ANYREF], [[0x64, 0x6c]], [local(0), 0xfb, 0x16, 0x6c])
  valid([ANYREF], [0x6c], [local(0), 0xfb, 0x17, 0x6c])
  invalid('type mismatch', [ANYREF], [[0x64, 0x6c]], [local(0), 0xfb, 0x17, 0x6c])
  invalid('type mismatch', [FUNCREF], [I32], [local(0), 0xfb, 0x14, 0x6c])
  // br_on_cast 0 (any -> i31): taken with i31, else any that is not null if i31 was nullable.
  valid([ANYREF], [0x6c], [local(0), 0xfb, 0x18, 3, 0, ANYREF, 0x6c, 0xfb, 0x16, 0x6c])
  valid([ANYREF], [[0x64, 0x6c]], [local(0), 0xfb, 0x18, 1, 0, ANYREF, 0x6c, UNREACHABLE])
  valid([ANYREF], [[0x64, 0x6e]], [local(0), 0xfb, 0x19, 3, 0, ANYREF, 0x6c, UNREACHABLE])
  invalid('type mismatch', [ANYREF], [[0x64, 0x6e]], [local(0), 0xfb, 0x19, 1, 0, ANYREF, 0x6c, UNREACHABLE])
  invalid('type mismatch', [ANYREF], [0x6c], [local(0), 0xfb, 0x18, 2, 0, ANYREF, 0x6c, UNREACHABLE])
  invalid('type mismatch', [0x6c], [ANYREF], [local(0), 0xfb, 0x18, 3, 0, 0x6c, ANYREF, UNREACHABLE])
  invalid('type mismatch', [ANYREF], [], [local(0), 0xfb, 0x18, 3, 0, ANYREF, 0x6c, DROP])
  refuses(
    oneFunction([ANYREF], [], [local(0), 0xfb, 0x18, 4, 0, ANYREF, 0x6c]),
    'malformed',
    'malformed br_on_cast flags',
  )
  valid([EXTERNREF], [ANYREF], [local(0), 0xfb, 0x1a])
  valid([[0x64, EXTERNREF]], [[0x64, ANYREF]], [local(0), 0xfb, 0x1a])
  invalid('type mismatch', [EXTERNREF], [[0x64, ANYREF]], [local(0), 0xfb, 0x1a])
  valid([], [I32], [I32_CONST, 0xfb, 0x1c, 0xfb, 0x1d])
})

test('structs and arrays', () => {
  // 1: struct { i8 mut, i64, (ref null 1) mut }; 2: array mut i16; 3: array (ref func); 4: array mut funcref; 5: struct { (ref any) }
  const extra: Bytes[] = [
    [0x5f, vec([0x78, 1], [I64, 0], [0x63, 1, 1])],
    [0x5e, 0x77, 1],
    [0x5e, 0x64, FUNCREF, 0],
    [0x5e, FUNCREF, 1],
    [0x5f, vec([0x64, ANYREF, 0])],
  ]
  const m = (params: Bytes[], results: Bytes[], body: Bytes[]) =>
    module(types(func([], []), ...extra, func(params, results)), funcs(6), code([0, body, END]))
  const ok = (params: Bytes[], results: Bytes[], body: Bytes[]) => void accepts(m(params, results, body))
  const no = (message: string, params: Bytes[], results: Bytes[], body: Bytes[]) =>
    refuses(m(params, results, body), 'invalid', message)
  ok([], [[0x64, 1]], [I32_CONST, I64_CONST, 0xd0, 0x71, 0xfb, 0, 1])
  no('type mismatch', [], [[0x64, 1]], [I64_CONST, I64_CONST, 0xd0, 0x71, 0xfb, 0, 1])
  ok([], [[0x64, 1]], [0xfb, 1, 1])
  no('type mismatch', [], [[0x64, 5]], [0xfb, 1, 5])
  const s: Bytes = [0x63, 1]
  const a: Bytes = [0x63, 2]
  ok([s], [I32], [local(0), 0xfb, 3, 1, 0])
  ok([s], [I32], [local(0), 0xfb, 4, 1, 0])
  no('type mismatch', [s], [I32], [local(0), 0xfb, 2, 1, 0])
  ok([s], [I64], [local(0), 0xfb, 2, 1, 1])
  no('type mismatch', [s], [I64], [local(0), 0xfb, 3, 1, 1])
  no('unknown field 3', [s], [], [local(0), 0xfb, 2, 1, 3, DROP])
  ok([s], [], [local(0), I32_CONST, 0xfb, 5, 1, 0])
  no('immutable field 1', [s], [], [local(0), I64_CONST, 0xfb, 5, 1, 1])
  no('type mismatch', [a], [], [local(0), 0xfb, 2, 1, 1, DROP])
  no('type mismatch', [], [], [0xfb, 1, 2, DROP])
  no('unknown type 9', [], [], [0xfb, 1, 9, DROP])
  ok([], [[0x64, 2]], [I32_CONST, I32_CONST, 0xfb, 6, 2])
  ok([], [[0x64, 2]], [I32_CONST, 0xfb, 7, 2])
  no('type mismatch', [], [[0x64, 3]], [I32_CONST, 0xfb, 7, 3])
  ok([], [[0x64, 2]], [I32_CONST, I32_CONST, I32_CONST, 0xfb, 8, 2, 3])
  no('type mismatch', [], [[0x64, 2]], [I32_CONST, I32_CONST, 0xfb, 8, 2, 3])
  refuses(
    oneFunction([], [], [UNREACHABLE, 0xfb, 8, 2, leb(10_001), DROP], [], extra),
    'limit',
    'too many operands of array.new_fixed',
  )
  ok([a], [I32], [local(0), I32_CONST, 0xfb, 12, 2])
  no('type mismatch', [a], [I32], [local(0), I32_CONST, 0xfb, 11, 2])
  ok([a], [], [local(0), I32_CONST, I32_CONST, 0xfb, 14, 2])
  no('immutable array 3', [[0x63, 3]], [], [UNREACHABLE, 0xfb, 14, 3])
  ok([a], [I32], [local(0), 0xfb, 15])
  ok([a], [], [local(0), I32_CONST, I32_CONST, I32_CONST, 0xfb, 16, 2])
  ok([a], [], [local(0), I32_CONST, local(0), I32_CONST, I32_CONST, 0xfb, 17, 2, 2])
  ok([], [], [UNREACHABLE, 0xfb, 17, 4, 3])
  no('array types do not match', [], [], [UNREACHABLE, 0xfb, 17, 2, 3])
  no('immutable array 3', [], [], [UNREACHABLE, 0xfb, 17, 3, 4])
  const segments = [elems([5, FUNCREF, vec()], [5, EXTERNREF, vec()]), section(12, 1)]
  const withData = (body: Bytes[]) =>
    module(types(func([], []), ...extra), funcs(0), ...segments, code([0, body, END]), datas([1, 0]))
  accepts(withData([I32_CONST, I32_CONST, 0xfb, 9, 2, 0, DROP]))
  refuses(withData([I32_CONST, I32_CONST, 0xfb, 9, 4, 0, DROP]), 'invalid', 'array type is not numeric or vector')
  refuses(withData([I32_CONST, I32_CONST, 0xfb, 9, 2, 1, DROP]), 'invalid', 'unknown data segment 1')
  accepts(withData([I32_CONST, I32_CONST, 0xfb, 10, 4, 0, DROP]))
  refuses(withData([I32_CONST, I32_CONST, 0xfb, 10, 4, 1, DROP]), 'invalid', 'type mismatch')
  refuses(withData([I32_CONST, I32_CONST, 0xfb, 10, 4, 2, DROP]), 'invalid', 'unknown elem segment 2')
  accepts(withData([UNREACHABLE, 0xfb, 18, 2, 0, UNREACHABLE, 0xfb, 19, 4, 0]))
  refuses(withData([UNREACHABLE, 0xfb, 18, 4, 0]), 'invalid', 'array type is not numeric or vector')
})

test('deep nesting and a large stack are bounded by memory, not by the JavaScript stack', () => {
  const deep = 100_000
  const nested = new Uint8Array(deep * 2)
  for (let i = 0; i < nested.length; i += 2) nested.set([0x02, 0x40], i)
  valid([], [], [nested, new Uint8Array(deep).fill(END)])
  const tooDeep = new Uint8Array(2_000_000)
  for (let i = 0; i < tooDeep.length; i += 2) tooDeep.set([0x02, 0x40], i)
  refuses(oneFunction([], [], [tooDeep, new Uint8Array(1_000_000).fill(END)]), 'limit', 'too many nested blocks')
  const thousand = func(
    [],
    Array.from({ length: 1000 }, () => I32),
  )
  const calls = new Uint8Array(2 * 1001)
  for (let i = 0; i < calls.length; i += 2) calls.set([0x10, 1], i)
  const m = module(
    types(func([], []), thousand),
    funcs(0, 1),
    code([0, calls, UNREACHABLE, END], [0, UNREACHABLE, END]),
  )
  refuses(m, 'limit', 'too many operands')
})

test('fence', () => {
  valid([], [], [0xfe, 3, 0])
  refuses(oneFunction([], [], [0xfe, 3, 1]), 'malformed', 'zero byte expected')
})
