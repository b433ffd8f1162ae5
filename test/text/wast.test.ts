import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWast } from '../../src/text/wast.ts'
import type { WastCommand, WastResult, WastValue } from '../../src/text/wast.ts'
import { hex, textError } from './helpers.ts'

function one<K extends WastCommand['kind']>(text: string, kind: K): Extract<WastCommand, { kind: K }> {
  const { commands } = parseWast(text)
  assert.equal(commands.length, 1, text)
  assert.equal(commands[0].kind, kind)
  return commands[0] as Extract<WastCommand, { kind: K }>
}
const args = (text: string): readonly WastValue[] => {
  const { action } = one(`(invoke "f" ${text})`, 'action')
  return action.kind === 'invoke' ? action.args : assert.fail()
}
const results = (text: string): readonly WastResult[] =>
  one(`(assert_return (invoke "f") ${text})`, 'assert_return').results

test('modules', () => {
  const text = one('(module $m (func))', 'module')
  assert.deepEqual([text.name, text.definition, text.module.form], ['m', false, 'text'])
  const bytes = hex(text.module.encode())
  assert.ok(bytes.startsWith('0061736d01000000'))
  assert.equal(hex(text.module.encode()), bytes)
  const binary = one('(module definition $m binary "\\00asm" "\\01\\00\\00\\00")', 'module')
  assert.deepEqual([binary.name, binary.definition, binary.module.form], ['m', true, 'binary'])
  assert.equal(hex(binary.module.encode()), '0061736d01000000')
  const quote = one('(module quote "(func" ")")', 'module')
  assert.ok(quote.module.encode().length > 8)
  assert.equal(quote.module.form as string, 'quote')
  assert.equal(textError(() => one('(module quote "(func")', 'module').module.encode()).kind, 'malformed')
})

test('errors in a module belong to whoever encodes it', () => {
  const { module } = one('(assert_malformed (module (func (foo))) "unknown operator")', 'assert_malformed')
  const e = textError(() => module.encode())
  assert.deepEqual([e.message, e.line, e.column], ['unknown operator foo', 1, 34])
})

test('annotations in a module hold each time it is encoded', () => {
  const { module } = one('(module (@custom "x" "y") (func (@name "f")))', 'module')
  assert.equal(hex(module.encode()), hex(module.encode()))
})

test('a file may be the fields of one module', () => {
  const { commands } = parseWast('(@a) (func $f) (export "f" (func $f))')
  assert.equal(commands.length, 1)
  assert.equal(commands[0].kind, 'module')
  assert.equal(parseWast(' ;; nothing\n').commands.length, 0)
})

test('instances, register, actions', () => {
  const instance = one('(module instance $I $M)', 'instance')
  assert.deepEqual([instance.name, instance.module], ['I', 'M'])
  const bare = one('(module instance $M)', 'instance')
  assert.deepEqual([bare.name, bare.module], [undefined, 'M'])
  const last = one('(module instance)', 'instance')
  assert.deepEqual([last.name, last.module], [undefined, undefined])
  const register = one('(register "a" $M)', 'register')
  assert.deepEqual([register.as, register.module], ['a', 'M'])
  const get = one('(get $M "g")', 'action').action
  assert.deepEqual([get.kind, get.module, get.name], ['get', 'M', 'g'])
})

test('values', () => {
  assert.deepEqual(args('(i32.const -1) (i32.const 0xffffffff) (i64.const -1)'), [
    { type: 'i32', value: -1 },
    { type: 'i32', value: -1 },
    { type: 'i64', value: -1n },
  ])
  assert.deepEqual(args('(f32.const nan:0x200000) (f64.const -0)'), [
    { type: 'f32', bits: 0x7fa00000 },
    { type: 'f64', bits: 0x8000000000000000n },
  ])
  const [vector] = args('(v128.const i16x8 1 2 3 4 5 6 7 -1)')
  assert.equal(vector.type === 'v128' && hex(vector.bytes), '0100020003000400050006000700ffff')
  assert.deepEqual(args('(ref.null extern) (ref.extern 3) (ref.host 4)'), [
    { type: 'ref.null', heap: 0x6f },
    { type: 'ref.extern', value: 3 },
    { type: 'ref.host', value: 4 },
  ])
})

test('results', () => {
  assert.deepEqual(results('(f32.const nan:canonical) (f64.const nan:arithmetic) (f32.const 1)'), [
    { type: 'f32', bits: 0, nan: 'canonical' },
    { type: 'f64', bits: 0n, nan: 'arithmetic' },
    { type: 'f32', bits: 0x3f800000, nan: undefined },
  ])
  const [vector, exact] = results('(v128.const f32x4 nan:canonical 1 nan:arithmetic nan) (v128.const i64x2 1 2)')
  assert.deepEqual(vector.type === 'v128' && [vector.shape, vector.nan, hex(vector.bytes)], [
    'f32x4',
    ['canonical', undefined, 'arithmetic', undefined],
    '000000000000803f000000000000c07f',
  ])
  assert.deepEqual(exact.type === 'v128' && [exact.shape, exact.nan], ['i64x2', undefined])
  assert.deepEqual(
    results(
      '(ref.null) (ref.null any) (ref.extern) (ref.extern 1) (ref.func) (ref.eq) (ref.i31) (ref.struct) (ref.array) (ref.any) (ref.exn)',
    ),
    [
      { type: 'ref.null', heap: undefined },
      { type: 'ref.null', heap: 0x6e },
      { type: 'ref.extern', value: undefined },
      { type: 'ref.extern', value: 1 },
      ...['ref.func', 'ref.eq', 'ref.i31', 'ref.struct', 'ref.array', 'ref.any', 'ref.exn'].map((type) => ({ type })),
    ],
  )
  assert.deepEqual(results('(either (i32.const 1) (i32.const 2))'), [
    {
      type: 'either',
      options: [
        { type: 'i32', value: 1 },
        { type: 'i32', value: 2 },
      ],
    },
  ])
})

test('assertions', () => {
  const trap = one('(assert_trap (invoke "f") "unreachable")', 'assert_trap')
  assert.deepEqual([trap.action?.name, trap.module, trap.message], ['f', undefined, 'unreachable'])
  const start = one('(assert_trap (module (start 0)) "m")', 'assert_trap')
  assert.deepEqual([start.action, start.module?.form], [undefined, 'text'])
  assert.equal(
    one('(assert_exhaustion (invoke "f") "call stack exhausted")', 'assert_exhaustion').message,
    'call stack exhausted',
  )
  assert.equal(one('(assert_exception (invoke "f"))', 'assert_exception').action.name, 'f')
  for (const kind of [
    'assert_invalid',
    'assert_malformed',
    'assert_unlinkable',
    'assert_malformed_custom',
    'assert_invalid_custom',
  ] as const) {
    assert.equal(one(`(${kind} (module quote "") "why")`, kind).message, 'why')
  }
})

test('threads', () => {
  const { name, shared, commands } = one(
    `(thread $T (shared (module $M)) (shared (module $N)) (register "m" $M) (assert_return (invoke "f")))`,
    'thread',
  )
  assert.deepEqual([name, shared, commands.map((c) => c.kind)], ['T', ['M', 'N'], ['register', 'assert_return']])
  assert.equal(one('(wait $T)', 'wait').name, 'T')
})

test('places of commands', () => {
  const { commands } = parseWast('(module)\n  é\n'.replace('é', ';; é') + '(; ü ;) (invoke "f")')
  assert.deepEqual(
    commands.map((c) => [c.line, c.column, c.offset]),
    [
      [1, 1, 0],
      [3, 9, 26],
    ],
  )
})

test('what a script refuses', () => {
  for (const [text, message] of [
    ['(assert_nothing (module))', 'unknown operator assert_nothing'],
    ['(param i32)', 'unexpected token param, expected a command'],
    ['module', 'unexpected token module, expected a command'],
    ['(assert_return (foo))', 'unknown operator foo'],
    ['(assert_return (invoke "f") (i32.add))', 'unexpected token i32.add, expected a result'],
    ['(invoke "f" (i32.const nan:canonical))', 'unexpected token nan:canonical'],
    ['(invoke "f" (f32.const nan:canonical))', 'unexpected token nan:canonical'],
    ['(invoke "f" (ref.null 0))', 'unexpected token 0'],
    ['(assert_invalid (func) "x")', 'unexpected token (, expected `(module`'],
    ['(module', 'unexpected token: the text ends here'],
    ['(wait)', 'unexpected token ), expected an identifier'],
  ] as const) {
    const e = textError(() => parseWast(text))
    assert.ok(e.message.startsWith(message), `${text}: ${e.message}`)
  }
})
