// Profiles against counts that follow from the program: fib(n) calls itself a known number of times.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatProfile, formatSpeedscope, type ProfileReport } from '../../src/api/profile.ts'
import { Vm, type VmOptions } from '../../src/api/vm.ts'
import { parseWat } from '../../src/text/parse.ts'
import { scratch, zwasm } from '../cli/harness.ts'

/** A call of fib executes 5 instructions if n < 2, else 13. fib(5): 15 calls, 8 of them with n < 2. main: 4. */
const SOURCE = `(module $m
  (import "env" "log" (func $log (param i32)))
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "main") (param i32)
    (call $log (call $fib (local.get 0)))
    nop))`
const SELF = 8 * 5 + 7 * 13

function profiled(source: string, options: VmOptions = {}, ...args: unknown[]): ProfileReport {
  const vm = new Vm({ ...options, profile: true })
  const module = vm.instantiate(vm.compile(parseWat(source).bytes), { env: { log: () => {} } })
  module.invoke('main', ...args)
  return vm.profile()
}

for (const options of [{}, { fuel: 10_000 }] as VmOptions[]) {
  test(`counts of functions, calls and opcodes${options.fuel === undefined ? '' : ', metered'}`, () => {
    const report = profiled(SOURCE, options, 5)
    assert.equal(report.instructions, SELF + 4)
    assert.deepEqual(report.functions, [
      { name: 'm!fib', host: false, functionIndex: 1, calls: 15, self: SELF, total: SELF },
      { name: 'm!main', host: false, functionIndex: 2, calls: 1, self: 4, total: SELF + 4 },
      { name: 'env.log', host: true, functionIndex: undefined, calls: 1, self: 0, total: 0 },
    ])
    const name = (place: number | undefined): string => (place === undefined ? 'js' : report.functions[place].name)
    assert.deepEqual(
      report.edges.map(({ caller, callee, calls }) => `${calls} ${name(caller)} -> ${name(callee)}`),
      ['14 m!fib -> m!fib', '1 js -> m!main', '1 m!main -> m!fib', '1 m!main -> env.log'],
    )
    const opcodes = Object.fromEntries(report.opcodes.map((row) => [row.name, row.count]))
    assert.deepEqual(opcodes, {
      'local.get': 15 + 8 + 14 + 1,
      'i32.const': 15 + 14,
      'i32.lt_s': 15,
      if: 15,
      'i32.sub': 14,
      call: 14 + 2,
      'i32.add': 7,
      nop: 1,
    })
  })
}

test('stacks: what each calling context executed', () => {
  const { stacks, functions, instructions } = profiled(SOURCE, {}, 3)
  const rows = stacks.map((s) => `${s.functions.map((f) => functions[f].name.slice(2)).join(' ')}: ${s.instructions}`)
  // fib(3) calls fib(2) and fib(1); fib(2) calls fib(1) and fib(0).
  assert.deepEqual(rows, ['main: 4', 'main fib: 13', 'main fib fib: 18', 'main fib fib fib: 10'])
  assert.equal(instructions, 45)
})

test('totals count recursion once; exceptions and tail calls end functions', () => {
  const source = `(module $m
    (tag $e)
    (func $throws nop (throw $e))
    (func $catches (block $h (try_table (catch $e $h) (call $throws)) ) nop)
    (func $b nop nop nop)
    (func $a nop (return_call $b))
    (func (export "main") (call $catches) (call $a) nop))`
  const { functions } = profiled(source)
  const counts = Object.fromEntries(functions.map((f) => [f.name.slice(2), [f.calls, f.self, f.total]]))
  assert.deepEqual(counts, {
    throws: [1, 2, 2],
    catches: [1, 4, 6],
    b: [1, 3, 3],
    a: [1, 2, 2],
    main: [1, 3, 14],
  })
})

test('deep recursion: contexts are cut, counts are not', () => {
  const source = `(module $m (func $f (export "main") (param i32)
    (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))))`
  const { functions, stacks, instructions } = profiled(source, {}, 5000)
  assert.deepEqual(functions[0], { name: 'm!f', host: false, functionIndex: 0, calls: 5001, self: 30002, total: 30002 })
  assert.equal(Math.max(...stacks.map((stack) => stack.functions.length)), 256)
  assert.equal(
    stacks.reduce((sum, stack) => sum + stack.instructions, 0),
    instructions,
  )
})

test('calls that pause count once, and nothing that runs meanwhile is theirs', async () => {
  const source = `(module $m
    (import "env" "wait" (func $wait))
    (func $f (export "f") (param i32)
      (loop $l (call $wait) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`
  const vm = new Vm({ profile: true })
  const module = vm.instantiate(vm.compile(parseWat(source).bytes), { env: { wait: async () => {} } })
  await Promise.all([module.invokeAsync('f', 2), module.invokeAsync('f', 3)])
  const { functions, instructions } = vm.profile()
  assert.equal(instructions, 5 * 7)
  assert.deepEqual(
    functions.map(({ name, calls, self, total }) => [name, calls, self, total]),
    [
      ['m!f', 2, 35, 35],
      ['env.wait', 5, 0, 0],
    ],
  )
})

test('tables for people', () => {
  assert.equal(
    formatProfile(profiled(SOURCE, {}, 2)),
    `27 instructions

self         total          calls  function
  23  85.2%     23   85.2%      3  m!fib
   4  14.8%     27  100.0%      1  m!main
   0   0.0%      0    0.0%      1  env.log

calls  from -> to
    2  m!fib -> m!fib
    1  (JavaScript) -> m!main
    1  m!main -> m!fib
    1  m!main -> env.log

count         instruction
    8  29.6%  local.get
    5  18.5%  i32.const
    4  14.8%  call
    3  11.1%  if
    3  11.1%  i32.lt_s
    2   7.4%  i32.sub
    1   3.7%  nop
    1   3.7%  i32.add`,
  )
})

test('a file for speedscope', () => {
  const report = profiled(SOURCE, {}, 3)
  const file = JSON.parse(formatSpeedscope(report, 'fib.wasm'))
  assert.equal(file.$schema, 'https://www.speedscope.app/file-format-schema.json')
  assert.deepEqual(file.shared.frames, [{ name: 'm!fib' }, { name: 'm!main' }, { name: 'env.log' }])
  const [profile] = file.profiles
  assert.deepEqual([profile.type, profile.unit, profile.startValue, profile.endValue], ['sampled', 'none', 0, 45])
  assert.deepEqual(profile.samples, [[1], [1, 0], [1, 0, 0], [1, 0, 0, 0]])
  assert.deepEqual(profile.weights, [4, 13, 18, 10])
})

test('zwasm run --profile', async () => {
  const folder = scratch({
    'fib.wat': SOURCE.replace('(import "env" "log" (func $log (param i32)))', '(func $log (param i32))'),
  })
  const shown = await zwasm(folder, ['run', '--profile', '--invoke', 'main', 'fib.wat', '5'])
  assert.deepEqual([shown.code, shown.stdout], [0, ''])
  assert.match(shown.stderr, /^135 instructions\n\n/)
  const written = await zwasm(folder, ['run', '--profile=p.json', '--invoke', 'main', 'fib.wat', '5'])
  assert.deepEqual([written.code, written.stdout, written.stderr], [0, '', ''])
  assert.equal(JSON.parse(readFileSync(join(folder, 'p.json'), 'utf8')).profiles[0].endValue, 135)
})
