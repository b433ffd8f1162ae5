// Coverage: counts and lcov files that were worked out by hand from the source.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatCoverage, formatLcov, lineFinder } from '../../src/api/coverage.ts'
import { Vm, type VmOptions } from '../../src/api/vm.ts'
import { parseWat } from '../../src/text/parse.ts'
import { scratch, zwasm } from '../cli/harness.ts'

/** Lines are counted from 1. `run 4`: fac is called 5 times. */
const SOURCE = `(module $m
  (import "env" "log" (func $log (param i32)))
  (func $fac (param $n i32) (result i32) ;; line 3
    local.get $n
    i32.eqz
    if (result i32)
      i32.const 1
    else
      local.get $n (local.get $n) i32.const 1 i32.sub
      call $fac
      i32.mul
    end)
  ;; line 13
  (func $never
    (call $log (i32.const 7))
    unreachable
    nop)
  (func $empty)
  (func (export "run") (param i32) (result i32)
    (local i32) (loop $l
      (br_if $l (i32.lt_u
        (local.tee 1 (i32.add (local.get 1) (i32.const 1)))
        (i32.const 3))))
    call $empty
    (call $fac (local.get 0))
    (return)
    unreachable))`

const LCOV = `TN:
SF:fac.wat
FN:3,fac
FN:14,never
FN:18,empty
FN:19,run
FNDA:5,fac
FNDA:0,never
FNDA:1,empty
FNDA:1,run
FNF:4
FNH:3
DA:4,5
DA:5,5
DA:6,5
DA:7,1
DA:9,4
DA:10,4
DA:11,4
DA:15,0
DA:16,0
DA:17,0
DA:20,3
DA:21,3
DA:22,3
DA:23,3
DA:24,1
DA:25,1
DA:26,1
DA:27,0
LF:18
LH:14
end_of_record
`

function covered(
  source: string,
  options: VmOptions,
  run: (invoke: (name: string, ...args: unknown[]) => unknown) => void,
) {
  const vm = new Vm({ ...options, coverage: true })
  const module = vm.instantiate(vm.compile(parseWat(source).bytes), { env: { log: () => {} } })
  run((name, ...args) => module.invoke(name, ...args))
  return vm.coverage()
}

for (const options of [{}, { fuel: 10_000 }, { profile: true }] as VmOptions[]) {
  test(`lines of the text, with the options ${JSON.stringify(options)}`, () => {
    const [module] = covered(SOURCE, options, (invoke) => assert.equal(invoke('run', 4), 24))
    assert.equal(formatLcov(module, 'fac.wat', lineFinder(SOURCE)), LCOV)
    assert.equal(
      formatCoverage(module),
      `m: 3 of 4 functions, 22 of 27 instructions
100.0%  fac: 10 of 10, 5 calls
  0.0%  never: not called
100.0%  empty: 0 of 0, 1 call
 92.3%  run: 12 of 13, 1 call`,
    )
  })
}

test('a binary: offsets of instructions stand for lines', () => {
  const source = '(module (func (export "f") (param i32) (if (local.get 0) (then nop))) (func nop))'
  const [module] = covered(source, {}, (invoke) => (invoke('f', 0), invoke('f', 1)))
  const [f, g] = module.functions
  const at = f.offset
  // Behind the number of local declarations: local.get 0, if, its type, nop.
  assert.deepEqual(f.instructions, [
    { offset: at + 1, count: 2 },
    { offset: at + 3, count: 2 },
    { offset: at + 5, count: 1 },
  ])
  assert.equal(
    formatLcov(module, 'm.wasm'),
    `TN:\nSF:m.wasm\nFN:${at},f\nFN:${g.offset},[1]\nFNDA:2,f\nFNDA:0,[1]\nFNF:2\nFNH:1\n` +
      `DA:${at + 1},2\nDA:${at + 3},2\nDA:${at + 5},1\nDA:${g.offset + 1},0\nLF:4\nLH:3\nend_of_record\n`,
  )
})

test('an instruction that traps was executed, those behind it were not', () => {
  const source = `(module (func (export "f") (param i32)
    (drop (i32.div_s (i32.const 1) (local.get 0)))
    nop))`
  const [module] = covered(source, {}, (invoke) => assert.throws(() => invoke('f', 0)))
  assert.deepEqual(
    module.functions[0].instructions.map(({ count }) => count),
    [1, 1, 1, 0, 0],
  )
})

test('all instances of a module count together; modules that never ran are there', () => {
  const vm = new Vm({ coverage: true })
  const ran = vm.compile(parseWat('(module $a (func (export "f") nop))').bytes)
  const idle = vm.compile(parseWat('(module $b (func nop))').bytes)
  const instances = [vm.instantiate(ran), vm.instantiate(ran), vm.instantiate(idle)]
  instances[0].invoke('f')
  instances[1].invoke('f')
  assert.deepEqual(
    vm.coverage().map(({ name, functions }) => [name, functions[0].calls, functions[0].instructions[0].count]),
    [
      ['a', 2, 2],
      ['b', 0, 0],
    ],
  )
})

test('of many functions that are not called a few are listed', () => {
  const source = `(module $m (func (export "f") nop) ${'(func nop)'.repeat(30)})`
  const [module] = covered(source, {}, (invoke) => invoke('f'))
  const lines = formatCoverage(module).split('\n')
  assert.equal(lines.length, 1 + 1 + 20 + 1)
  assert.equal(lines[0], 'm: 1 of 31 functions, 1 of 31 instructions')
  assert.equal(lines.at(-1), '... and 10 more that were not called')
})

test('functions of the same name are told apart in lcov', () => {
  const source = '(module (func $f (export "f")) (func (@name "f")) (func))'
  const [module] = covered(source, {}, (invoke) => invoke('f'))
  const names = [...formatLcov(module, 'x').matchAll(/^FNDA:(.*)$/gm)].map(([, entry]) => entry)
  assert.deepEqual(names, ['1,f', '0,f[1]', '0,[2]'])
})

test('zwasm run --coverage', async () => {
  const source = SOURCE.replace('(import "env" "log" (func $log (param i32)))', '(func $log (param i32))')
  const folder = scratch({ 'fac.wat': source, 'lib.wat': '(module $lib (func (export "g")))' })
  const args = ['--preload', 'env=lib.wat', '--invoke', 'run', 'fac.wat', '4']
  const shown = await zwasm(folder, ['run', '--coverage', ...args])
  assert.deepEqual([shown.code, shown.stdout], [0, '24\n'])
  assert.match(shown.stderr, /^m: 3 of 5 functions, 22 of 27 instructions\n/)
  assert.match(shown.stderr, /\n\nlib: 0 of 1 functions, 0 of 0 instructions\n100\.0% {2}g: not called\n$/)
  const written = await zwasm(folder, ['run', '--coverage=lcov.info', ...args])
  assert.deepEqual([written.code, written.stdout, written.stderr], [0, '24\n', ''])
  const expected = LCOV.replace('FN:3,fac', 'FN:2,log\nFN:3,fac')
    .replace('FNDA:5,fac', 'FNDA:0,log\nFNDA:5,fac')
    .replace('FNF:4', 'FNF:5')
  const lcov = readFileSync(join(folder, 'lcov.info'), 'utf8')
  assert.equal(lcov.slice(0, expected.length), expected)
  assert.match(lcov.slice(expected.length), /^TN:\nSF:lib.wat\nFN:1,g\nFNDA:0,g\n/)
  // A trap is reported, and the coverage up to it written.
  const trapped = await zwasm(folder, ['run', '--coverage=trap.info', '--invoke', 'run', 'fac.wat', '-1'])
  assert.match(trapped.stderr, /call stack exhausted/)
  assert.match(readFileSync(join(folder, 'trap.info'), 'utf8'), /^DA:11,0$/m)
  const lost = await zwasm(folder, ['run', '--coverage=no/x', '--invoke', 'run', 'fac.wat', '-1'])
  assert.match(lost.stderr, /failed to write `no\/x`: no such file or directory\n[^]*call stack exhausted/)
})
