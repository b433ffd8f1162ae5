// Coredumps: frames, locals, operands, memories and globals at a trap, against values worked out by hand from the source; what dist/cli.cjs says of them.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { coredumpOf, inspectCoredump } from '../../src/api/coredump.ts'
import { Vm, type VmOptions } from '../../src/api/vm.ts'
import { parseWat } from '../../src/text/parse.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { scratch, zwasm } from '../cli/harness.ts'

const SOURCE = `(module $m
  (memory 2)
  (data (i32.const 65540) "wasm")
  (global $g (mut i32) (i32.const 0))
  (global $d (mut f64) (f64.const 0))
  (func $inner (param $a i32) (param $b i32) (result i32) (local $l i64) (local $v v128) (local $r externref)
    (local.set $l (i64.const -5))
    f32.const 1.5
    drop
    f64.const 0.25      ;; stays below
    local.get $a        ;; an alias
    i32.const 7         ;; a constant
    local.get $a
    local.get $b
    i32.div_s           ;; traps
    i32.add
    i32.add
    (global.set $g)
    drop
    local.get $a)
  (func (export "outer") (param $n i32) (result i32)
    (global.set $g (i32.const 42))
    (global.set $d (f64.const 2.5))
    i64.const 9
    i32.const 11
    local.get $n
    i32.const 0
    call $inner
    i32.add
    drop
    i32.wrap_i64))`

const i32 = (value: number) => ({ type: 'i32', value })
const i64 = (value: bigint) => ({ type: 'i64', value })
const f64 = (value: number) => ({ type: 'f64', value })
const missing = { type: 'missing' }

function trapIn(source: string, name: string, args: readonly unknown[], options: VmOptions = {}): unknown {
  const vm = new Vm({ coredump: true, ...options })
  const instance = vm.instantiate(vm.compile(parseWat(source).bytes))
  try {
    instance.invoke(name, ...args)
  } catch (error) {
    return error
  }
  return assert.fail('it does not trap')
}

for (const options of [{}, { fuel: 1_000_000 }] as VmOptions[]) {
  test(`a trap in a callee${options.fuel === undefined ? '' : ', metered code'}`, () => {
    const bytes = coredumpOf(trapIn(SOURCE, 'outer', [6], options))!
    const dump = inspectCoredump(bytes)!
    const module = decodeModule(parseWat(SOURCE).bytes)
    const [inner, outer] = dump.threads[0].frames
    assert.equal(dump.threads[0].frames.length, 2)
    assert.equal(inner.functionIndex, 0)
    assert.equal(module.bytes[module.codeStart[0] + inner.codeOffset], Op.I32DivS)
    assert.deepEqual(inner.locals, [i32(6), i32(0), i64(-5n), missing, missing])
    assert.deepEqual(inner.stack, [f64(0.25), i32(6), i32(7), i32(6), i32(0)])
    assert.equal(outer.functionIndex, 1)
    assert.equal(module.bytes[module.codeStart[1] + outer.codeOffset], Op.Call)
    assert.deepEqual(outer.locals, [i32(6)])
    // The arguments are the callee's locals now.
    assert.deepEqual(outer.stack, [i64(9n), i32(11)])
    assert.deepEqual(dump.modules, ['m'])
    assert.deepEqual(dump.instances, [{ module: 0, memories: [0], globals: [0, 1] }])
    // The coredump is a module with the contents.
    const decoded = decodeModule(bytes)
    assert.equal(decoded.memories[0].min, 2)
    const [segment] = decoded.datas
    assert.equal(decoded.datas.length, 1)
    assert.equal(new TextDecoder().decode(decoded.bytes.subarray(segment.start + 4, segment.start + 8)), 'wasm')
    assert.deepEqual(
      decoded.globalDefs.map(({ init }) => [...decoded.bytes.subarray(init.start, init.end)]),
      [
        [0x41, 42, 0x0b],
        [0x44, 0, 0, 0, 0, 0, 0, 0x04, 0x40, 0x0b],
      ],
    )
  })
}

test('a fused instruction: the frame stands in front of the first of its parts', () => {
  const source = `(module (memory 1) (func (export "f") (param i32 i32) (result i32)
    i32.const 3
    (i32.load (i32.add (local.get 0) (local.get 1)))
    i32.add))`
  const [frame] = inspectCoredump(coredumpOf(trapIn(source, 'f', [-8, 2]))!)!.threads[0].frames
  assert.deepEqual(frame.locals, [i32(-8), i32(2)])
  assert.deepEqual(frame.stack, [i32(3), i32(-8), i32(2)])
})

test('one dump of endless recursion has all frames', () => {
  const source = '(module (func $f (export "f") (param i32) (call $f (i32.add (local.get 0) (i32.const 1)))))'
  const { frames } = inspectCoredump(coredumpOf(trapIn(source, 'f', [0], { limits: { stack: 8000 } }))!)!.threads[0]
  assert.ok(frames.length > 64)
  assert.deepEqual(
    frames.map(({ locals }) => locals[0]),
    frames.map((_, i) => i32(frames.length - 1 - i)),
  )
})

test('only where it is asked for, and only for traps', () => {
  assert.equal(coredumpOf(trapIn('(module (func (export "f") unreachable))', 'f', [], { coredump: false })), undefined)
  assert.equal(coredumpOf(new Error('x')), undefined)
  assert.throws(() => new Vm({ engine: 'host', coredump: true }), /the engine 'host' has no coredumps/)
  assert.equal(inspectCoredump(parseWat(SOURCE).bytes), undefined)
})

test('a malformed coredump is refused, with the place', () => {
  const bytes = coredumpOf(trapIn('(module (func (export "f") (param i32) unreachable))', 'f', [1]))!
  bytes[bytes.length - 3] = 0x55 // the type of the local
  assert.throws(() => inspectCoredump(bytes), /0x55 is no type of a value in a coredump/)
})

test('zwasm inspect shows the frames', async () => {
  const folder = scratch({ 'core.wasm': coredumpOf(trapIn(SOURCE, 'outer', [6]))! })
  const { stdout, code } = await zwasm(folder, ['inspect', 'core.wasm'])
  assert.equal(code, 0)
  const thread = stdout.slice(stdout.indexOf('coredump of'))
  assert.equal(
    thread.replace(/0x[0-9a-f]+/g, '0x..'),
    `coredump of "zwasm"

thread "main":
  0: "m" function 0 + 0x..
     locals: i32 6, i32 0, i64 -5, ?, ?
     stack: f64 0.25, i32 6, i32 7, i32 6, i32 0
  1: "m" function 1 + 0x..
     locals: i32 6
     stack: i64 9, i32 11
`,
  )
  const json = await zwasm(folder, ['inspect', '--json', 'core.wasm'])
  assert.equal(JSON.parse(json.stdout).coredump.threads[0].frames[0].locals[2].value, '-5')
})

test('zwasm run --coredump writes what coredumpOf gives; the trap is reported as without', async () => {
  const folder = scratch({ 'm.wat': SOURCE })
  const plain = await zwasm(folder, ['run', '--invoke', 'outer', 'm.wat', '6'])
  const expected = coredumpOf(trapIn(SOURCE, 'outer', [6]))!
  for (const option of ['--coredump=a', '-Dcoredump=b']) {
    const file = option.slice(-1)
    const { code, stdout, stderr } = await zwasm(folder, ['run', option, '--invoke', 'outer', 'm.wat', '6'])
    assert.deepEqual(new Uint8Array(readFileSync(join(folder, file))), new Uint8Array(expected))
    assert.equal(code, plain.code)
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`core dumped at ${file}\n`))
    assert.match(stderr, /error while executing at wasm backtrace:\n[^]*wasm trap: integer divide by zero/)
  }
})

test('zwasm run --coredump: no file without a trap; a file that cannot be written does not hide the trap', async () => {
  const folder = scratch({
    'ok.wat': '(module (func (export "f")))',
    'trap.wat': '(module (func (export "f") unreachable))',
    'segment.wat': '(module (memory 1) (data (i32.const 65536) "x"))',
  })
  const ok = await zwasm(folder, ['run', '--coredump', 'core', '--invoke', 'f', 'ok.wat'])
  assert.deepEqual([ok.code, ok.stderr, existsSync(join(folder, 'core'))], [0, '', false])
  const lost = await zwasm(folder, ['run', '--coredump', 'no/core', '--invoke', 'f', 'trap.wat'])
  assert.match(lost.stderr, /no coredump: failed to write `no\/core`: no such file or directory/)
  assert.match(lost.stderr, /wasm trap: wasm `unreachable` instruction executed/)
  const early = await zwasm(folder, ['run', '--coredump', 'core', 'segment.wat'])
  assert.match(early.stderr, /no coredump: no function was running/)
  assert.equal(existsSync(join(folder, 'core')), false)
})

test('zwasm run: wrong uses of the options', async () => {
  const folder = scratch({ 'm.wat': '(module)' })
  for (const [options, message] of [
    [['--coredump='], "invalid value '' for '--coredump <FILE>'"],
    [['-D', 'coredump'], "invalid value 'coredump' for '-D <coredump=FILE>'"],
    [['-D', 'xyzzy=1'], "invalid value 'xyzzy=1' for '-D <coredump=FILE>'"],
    [['--coredump=a', '-Dcoredump=b'], "'--coredump' and '-D coredump' exclude each other"],
    [['--engine=host', '--coredump=a'], "the engine 'host' has no coredumps"],
  ] as const) {
    const { code, stderr } = await zwasm(folder, ['run', ...options, 'm.wat'])
    assert.equal(code, 2)
    assert.ok(stderr.includes(message), stderr)
  }
})
