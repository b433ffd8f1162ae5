// Machine code through the public API, where its edges are: traps and their backtraces, stacks, calls between instances, exceptions that
// pass through, tail calls, growth while it runs, code that goes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { features, Vm, WasmModule } from '../../src/index.ts'

const jit = features().engines.find(({ name }) => name === 'jit')!
const run = jit.available ? test : (): void => {}
test('there is machine code, or a reason', (t) => {
  if (!jit.available) t.diagnostic(`NOT RUN: ${jit.title}`)
  assert.ok(jit.available || process.platform !== 'linux' || process.arch !== 'x64', jit.title)
})

type Imports = Record<string, Record<string, unknown>>
const load = (engine: 'jit' | 'interp', text: string, imports: Imports = {}): WasmModule =>
  WasmModule.loadFromWat(text, { vm: new Vm({ engine }), imports: imports as never })

function outcome(call: () => unknown): string {
  try {
    return String(call())
  } catch (error) {
    const { name, message, stack = '' } = error as Error
    // The frames of Wasm, without JavaScript's.
    const frames = stack.split('\n').filter((line) => /wasm/.test(line) && !/\.(ts|mjs|js):/.test(line))
    return [`${name}: ${message}`, ...frames].join('\n')
  }
}

/** Calls give the same on both tiers: results, traps, backtraces. */
function same(text: string, calls: readonly [name: string, ...args: unknown[]][], imports: () => Imports = () => ({})) {
  const native = load('jit', text, imports())
  const interpreted = load('interp', text, imports())
  for (const [name, ...args] of calls) {
    const expected = outcome(() => interpreted.invoke(name, ...args))
    assert.equal(
      outcome(() => native.invoke(name, ...args)),
      expected,
      `${name}(${args.join(', ')})`,
    )
  }
}

run('traps have the same backtraces', () => {
  same(
    `(module (memory 1) (table 3 funcref) (elem (i32.const 0) $f $g)
      (type $v (func)) (type $i (func (result i32)))
      (func $f (export "f") (param i32) (result i32) (i32.load (local.get 0)))
      (func $g (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
      (func $h (export "deep") (param i32 i32) (result i32)
        (i32.add (i32.const 1) (if (result i32) (local.get 0)
          (then (call $h (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))
          (else (call $f (local.get 1))))))
      (func (export "trunc") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
      (func (export "indirect") (param i32) (result i32) (call_indirect (type $i) (local.get 0)))
      (func (export "unreachable") (unreachable))
      (func (export "table") (param i32) (table.set (local.get 0) (ref.null func)))
      (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 1) (local.get 1))))`,
    [
      ['f', 65532],
      ['f', 65533],
      ['f', -1],
      ['div', 7, 0],
      ['div', -2147483648, -1],
      ['deep', 5, 0],
      ['deep', 5, 70000],
      ['trunc', 1e10],
      ['trunc', NaN],
      ['trunc', -3.7],
      ['indirect', 0],
      ['indirect', 2],
      ['indirect', 3],
      ['indirect', -1],
      ['unreachable'],
      ['table', 2],
      ['table', 3],
      ['fill', 65535, 1],
      ['fill', 65535, 2],
    ],
  )
})

run('memory edges at every width and offset', () => {
  const widths: [string, string, number][] = [
    ['i32.load8_u', 'i32', 1],
    ['i32.load16_s', 'i32', 2],
    ['i32.load', 'i32', 4],
    ['i64.load', 'i64', 8],
    ['f64.load', 'f64', 8],
  ]
  const offsets = [0, 1, 7, 65535, 65536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
  const functions = widths.flatMap(([op, type]) =>
    offsets.map(
      (offset) =>
        `(func (export "${op} ${offset}") (param i32) (result ${type}) (${op} offset=${offset} (local.get 0)))`,
    ),
  )
  const calls = widths.flatMap(([op, , width]) =>
    offsets.flatMap((offset) =>
      [
        0,
        1,
        65536 - width - offset,
        65536 - width - offset + 1,
        65535,
        65536,
        -1,
        -width,
        0x7fff_ffff,
        -0x8000_0000,
      ].map((index): [string, number] => [`${op} ${offset}`, index | 0]),
    ),
  )
  same(`(module (memory 1 2) (data (i32.const 65520) "0123456789abcdef") ${functions.join('\n')})`, calls)
})

run('the stack ends in an error at every depth and frame size, again and again', () => {
  for (const locals of [0, 1, 50, 500]) {
    const extra = locals === 0 ? '' : `(local ${'i64 '.repeat(locals)})`
    const body = Array.from({ length: locals }, (_, i) => `(local.set ${i + 1} (i64.extend_i32_s (local.get 0)))`).join(
      '',
    )
    const after = Array.from({ length: locals }, (_, i) => `(drop (local.get ${i + 1}))`).join('')
    const module = load(
      'jit',
      `(module (func $f (export "f") (param i32) (result i32) ${extra} ${body}
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))) ${after})
       (func $leaf (result i32) (i32.const 1))
       (func $g (export "g") (param i32) (result i32) (drop (call $leaf)) (i32.add (call $leaf) (call $g (local.get 0)))))`,
    )
    assert.equal(module.invoke('f', 100), 100)
    for (let i = 0; i < 20; i++) {
      assert.throws(() => module.invoke('f', -1), /call stack/)
      assert.throws(() => module.invoke('g', 1), /call stack/)
    }
    assert.equal(module.invoke('f', 1000), 1000)
  }
})

run('the host is called with everything, re-enters, throws and traps through machine code', () => {
  const log: unknown[][] = []
  const imports = () => ({
    env: {
      many: (...args: unknown[]) => {
        log.push(args)
        return [1, 2n, 3.5, 4, 5, 6, 7, 8, 9, 10, 11]
      },
      again: (n: number) => (n === 0 ? 0 : (module.invoke('again', n - 1) as number) + 1),
      throws: () => {
        throw new RangeError('from the host')
      },
    },
  })
  const types = 'i32 i64 f64 i32 i32 i32 i32 i32 i32 i32 i32'
  const module: WasmModule = load(
    'jit',
    `(module
      (import "env" "many" (func $many (param ${types}) (result ${types})))
      (import "env" "again" (func $again (param i32) (result i32)))
      (import "env" "throws" (func $throws))
      (func (export "many") (result ${types})
        (call $many (i32.const 1) (i64.const -2) (f64.const 3.25) (i32.const 4) (i32.const 5) (i32.const 6)
          (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 10) (i32.const 11)))
      (func (export "again") (param i32) (result i32) (call $again (local.get 0)))
      (func $t (export "throws") (call $throws))
      (func (export "caught") (param i32) (result i32)
        (block $b (try_table (catch_all $b) (call $deep (local.get 0))) (return (i32.const 0))) (i32.const 1))
      (func $deep (param i32)
        (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (call $t)))))`,
    imports(),
  )
  assert.deepEqual(module.invoke('many'), [1, 2n, 3.5, 4, 5, 6, 7, 8, 9, 10, 11])
  assert.deepEqual(log, [[1, -2n, 3.25, 4, 5, 6, 7, 8, 9, 10, 11]])
  assert.equal(module.invoke('again', 50), 50)
  assert.throws(() => module.invoke('throws'), /from the host/)
  for (const depth of [0, 1, 30]) assert.equal(module.invoke('caught', depth), 1)
  assert.equal(module.invoke('again', 3), 3)
})

run('calls between instances: imports, tables, references, tail calls in constant stack', () => {
  const vm = new Vm({ engine: 'jit' })
  const even = `(module
    (table (export "t") 2 funcref) (elem (i32.const 0) $even)
    (global $id (export "id") (mut i32) (i32.const 100))
    (memory (export "m") 1) (data (i32.const 0) "A")
    (func $even (export "even") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (i32.add (global.get $id) (i32.load8_u (i32.const 0))))
        (else (return_call_indirect (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1))))))`
  const a = WasmModule.loadFromWat(even, { vm })
  const b = WasmModule.loadFromWat(
    `(module (import "a" "t" (table 2 funcref)) (import "a" "even" (func $even (param i32) (result i32)))
      (global $id (mut i32) (i32.const 7)) (memory 1) (data (i32.const 0) "B") (elem (i32.const 1) $odd)
      (func $odd (export "odd") (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (i32.const -1))
          (else (return_call $even (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "both") (param i32) (result i32)
        (i32.add (i32.mul (i32.const 1000) (call $own (local.get 0))) (i32.add (global.get $id) (i32.load8_u (i32.const 0)))))
      (func $own (param i32) (result i32) (return_call $odd (local.get 0))))`,
    { vm, imports: { a: a.exports } as never },
  )
  assert.equal(b.invoke('odd', 1), 165)
  assert.equal(b.invoke('odd', 1_000_001), 165)
  assert.equal(b.invoke('odd', 2), -1)
  assert.equal(b.invoke('both', 1_000_001), 165_073)
  assert.equal(a.invoke('even', 1_000_000), 165)
})

run('memories grow while machine code runs, and JavaScript sees it', () => {
  const module = load(
    'jit',
    `(module (import "env" "look" (func $look (param i32))) (memory (export "memory") 0 10)
      (func (export "f") (result i32) (local i32)
        (loop $l
          (drop (memory.grow (i32.const 1)))
          (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4)) (memory.size))
          (call $look (memory.size))
          (br_if $l (i32.lt_u (memory.size) (i32.const 10))))
        (i32.load (i32.const 0x5fffc))))`,
    {
      env: {
        look: (pages: number) => {
          const { buffer } = module.exports['memory'] as { buffer: ArrayBuffer }
          assert.equal(buffer.byteLength, pages * 65536)
          assert.equal(new DataView(buffer).getInt32(pages * 65536 - 4, true), pages)
        },
      },
    },
  )
  assert.equal(module.invoke('f'), 6)
})
