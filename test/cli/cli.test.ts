import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { features, parseWat, version } from '../../src/index.ts'
import { cli, scratch, zwasm } from './harness.ts'

const MATH = `(module $math
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "id64") (param i64) (result i64) local.get 0)
  (func (export "id32f") (param f32) (result f32) local.get 0)
  (func (export "id64f") (param f64) (result f64) local.get 0)
  (func (export "id128") (param v128) (result v128) local.get 0)
  (func (export "refs") (param externref funcref) (result externref funcref i32) local.get 0 local.get 1 i32.const -7)
  (func $divide (export "div") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s)
  (func (export "deep") (result i32) i32.const 1 i32.const 0 call $divide)
  (func $forever (export "forever") call $forever)
  (func $spin (export "spin") (loop $l (br $l)))
  (memory (export "memory") 1) (global (export "g") i32 (i32.const 1)))`
const START = `(module (import "env" "log" (func $log (param i32)))
  (func (export "_initialize") (call $log (i32.const 1))) (func (export "_start") (call $log (i32.const 2))))`
const LIB = '(module (global $n (mut i32) (i32.const 0)) (func (export "log") (param i32) (global.set $n (i32.add (i32.mul (global.get $n) (i32.const 10)) (local.get 0)))) (func (export "sum") (result i32) global.get $n))' // prettier-ignore

const folder = scratch({
  'math.wat': MATH,
  'math.wasm': parseWat(MATH).bytes,
  'start.wat': START,
  'lib.wat': LIB,
  'check.wat':
    '(module (import "env" "sum" (func $sum (result i32))) (func (export "_start") (if (i32.ne (call $sum) (i32.const 0)) (then unreachable))))',
  'wasi.wat': '(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))',
  'bad.wat': '(module\n  (func (export "f")\n    (i32.ad (i32.const 1))))\n',
  'invalid.wat': '(module\n  (func (result i32)\n    i64.const 1))\n',
  'invalid.wasm': parseWat('(module (func (result i32) i64.const 1))').bytes,
  'trapstart.wat': '(module (func $s unreachable) (start $s))',
  'throws.wat': '(module (tag $t) (func (export "f") (throw $t)))',
  'mismatch.wat': '(module (import "env" "log" (func (result i64))))',
  'component.wasm': new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]),
  'garbage.wasm': new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8]),
  'empty.wasm': '',
  'ok.wast':
    '(module (func (export "f") (result i32) i32.const 1)) (assert_return (invoke "f") (i32.const 1)) (assert_invalid (module (func (result i32))) "type mismatch")',
  'fail.wast': '(module (func (export "f") (result i32) i32.const 1))\n(assert_return (invoke "f") (i32.const 2))',
  'broken.wast': '(module',
  directory: null,
})

interface Case {
  readonly args: readonly string[]
  readonly stdin?: string | Uint8Array
  readonly code?: number
  /** Exact, or a pattern; empty by default. */
  readonly stdout?: string | RegExp
  readonly stderr?: string | RegExp
}

function check(expected: string | RegExp | undefined, actual: string): void {
  if (expected instanceof RegExp) assert.match(actual, expected)
  else assert.equal(actual, expected ?? '')
}

const usage = (message: string, hint?: string, command = 'run'): string =>
  `error: ${message}\n${hint === undefined ? '' : `\n  ${hint}\n`}\nFor more information, try 'zwasm ${command} --help'.\n`
const add = 'add(i32, i32) -> (i32)'
const oneLine = /^Error: [^\n]*\n$/

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'run --invoke': [
    { args: ['run', '--invoke', 'add', 'math.wasm', '1', '0x2a'], stdout: '43\n' },
    { args: ['--invoke', 'add', 'math.wat', '-1', '4294967295'], stdout: '-2\n' },
    { args: ['--invoke=add', 'math.wat', '-2147483648', '+5'], stdout: '-2147483643\n' },
    { args: ['--invoke', 'id64', 'math.wat', '18446744073709551615'], stdout: '-1\n' },
    { args: ['--invoke', 'id64', 'math.wat', '-0x8000000000000000'], stdout: '-9223372036854775808\n' },
    { args: ['--invoke', 'id32f', 'math.wat', '0.1'], stdout: '0.1\n' },
    { args: ['--invoke', 'id32f', 'math.wat', '0x1.8p1'], stdout: '3\n' },
    { args: ['--invoke', 'id32f', 'math.wat', '16777217.0000001'], stdout: '16777218\n' },
    { args: ['--invoke', 'id64f', 'math.wat', '-1e300'], stdout: `-1${'0'.repeat(300)}\n` },
    { args: ['--invoke', 'id64f', 'math.wat', '5e-324'], stdout: `0.${'0'.repeat(323)}5\n` },
    { args: ['--invoke', 'id64f', 'math.wat', '-inf'], stdout: '-inf\n' },
    { args: ['--invoke', 'id64f', 'math.wat', 'nan'], stdout: 'NaN\n' },
    { args: ['--invoke', 'id64f', 'math.wat', '-0.0'], stdout: '-0\n' },
    { args: ['--invoke', 'id128', 'math.wat', '340282366920938463463374607431768211455'], stdout: '340282366920938463463374607431768211455\n' },
    { args: ['--invoke', 'refs', 'math.wat', 'null', 'null'], stdout: '<null externref>\n<null funcref>\n-7\n' },
    { args: ['--invoke', 'add', '-', '1', '2'], stdin: MATH, stdout: '3\n' },
    { args: ['--invoke', 'add', '-', '1', '2'], stdin: parseWat(MATH).bytes, stdout: '3\n' },
    { args: ['math.wat', '--invoke', 'add'], stdout: '' },
    { args: ['--engine', 'host', '--invoke', 'add', 'math.wat', '1', '2'], stdout: '3\n' },
    { args: ['--invoke', 'forever', 'math.wat'], code: 134, stderr: /2: wasm trap: call stack exhausted\n$/ },
  ],
  'run --invoke, wrong use': [
    { args: ['--invoke', 'add', 'math.wat', '1'], code: 2, stderr: usage('not enough arguments for `add`: 1 given', `signature: ${add}`) },
    { args: ['--invoke', 'add', 'math.wat', '1', '2', '3'], code: 2, stderr: usage('too many arguments for `add`: 3 given', `signature: ${add}`) },
    { args: ['--invoke', 'add', 'math.wat', '1', 'x'], code: 2, stderr: usage("argument 2 of `add`: invalid value 'x' for a parameter of type i32", `signature: ${add}`) },
    { args: ['--invoke', 'add', 'math.wat', '4294967296', '1'], code: 2, stderr: /out of range for i32: -2147483648 to 4294967295/ },
    { args: ['--invoke', 'add', 'math.wat', '1.5', '1'], code: 2, stderr: /invalid value '1\.5'/ },
    { args: ['--invoke', 'id128', 'math.wat', '-1'], code: 2, stderr: /out of range for v128: 0 to / },
    { args: ['--invoke', 'id32f', 'math.wat', '1e39'], code: 2, stderr: /'1e39' is out of range for f32/ },
    { args: ['--invoke', 'refs', 'math.wat', 'x', 'null'], code: 2, stderr: /type externref can only be 'null', not 'x'/ },
    { args: ['--invoke', 'ad', 'math.wat'], code: 1, stderr: 'Error: failed to run main module `math.wat`\n\nCaused by:\n    no func export named `ad` found\n    did you mean `add`?\n' },
    { args: ['--invoke', 'g', 'math.wat'], code: 1, stderr: /export `g` is a global, not a function/ },
    { args: ['--invoke'], code: 2, stderr: usage("the option '--invoke' needs a value: --invoke NAME") },
    { args: ['run'], code: 2, stderr: usage('the argument <FILE> is missing') },
    { args: ['--invok', 'add', 'math.wat'], code: 2, stderr: usage("unexpected option '--invok' found", "tip: a similar option exists: '--invoke'") },
    { args: ['--engine', 'v8', 'math.wat'], code: 2, stderr: usage("unknown engine 'v8'; available: auto, jit, interp, host") },
    { args: ['--max-memory', 'x', 'math.wat'], code: 2, stderr: usage("invalid value 'x' for '--max-memory': a number is needed") },
    { args: ['-W', 'help'], stdout: /^Limits:\n  fuel=N .*[^]*\nLanguage features:\n/ },
    { args: ['-W', 'fuel=100', '--invoke', 'spin', 'math.wat'], code: 134, stderr: /wasm trap: all fuel consumed by WebAssembly\n$/ },
    { args: ['--wasm=timeout=20ms', '--invoke', 'spin', 'math.wat'], code: 134, stderr: /2: wasm trap: interrupt\n    3: timed out after 20ms\n$/ },
    { args: ['-Wmax-memory-size=65535', 'math.wat'], code: 1, stderr: /exceeds the limit of 65535 bytes/ },
    { args: ['-W', 'fuel=1000,simd=n', '--invoke', 'id128', 'math.wat', '1'], code: 1, stderr: /math\.wat/ },
    { args: ['-W', 'fule=1', 'math.wat'], code: 2, stderr: usage("unknown -W key 'fule'", "tip: a similar key exists: 'fuel'") },
    { args: ['-W', 'fuel=x', 'math.wat'], code: 2, stderr: usage("invalid value 'x' for '-W fuel': a number is needed") },
    { args: ['-W', 'timeout=1h', 'math.wat'], code: 2, stderr: usage("invalid value '1h' for '-W timeout': a time is needed, such as 5s or 20ms") },
    { args: ['-W', 'simd=maybe', 'math.wat'], code: 2, stderr: usage("invalid value 'maybe' for '-W simd': y or n is needed") },
    { args: ['-W', 'fuel=1', '--engine', 'host', 'math.wat'], code: 2, stderr: usage("the engine 'host' has no fuel; use 'interp'") },
    { args: ['--preload', 'x', 'math.wat'], code: 2, stderr: usage("invalid value 'x' for '--preload <NAME=FILE>'") },
  ],
  'run: imports, start, failures': [
    { args: ['--preload', 'env=lib.wat', 'start.wat'] },
    { args: ['--preload', 'env=lib.wat', 'check.wat'] },
    { args: ['start.wat'], code: 1, stderr: 'Error: failed to run main module `start.wat`\n\nCaused by:\n    0: failed to instantiate "start.wat"\n    1: unknown import: `env::log` has not been defined\n' },
    { args: ['wasi.wat'], code: 1, stderr: /1: The "instance\.exports\.memory" property must be a WebAssembly\.Memory object/ },
    { args: ['--preload', 'env=lib.wat', 'mismatch.wat'], code: 1, stderr: /incompatible import type: `env::log`: expected func \(result i64\), found func \(param i32\)/ },
    { args: ['--invoke', 'deep', 'math.wat'], code: 134, stderr: /^Error: failed to run main module `math\.wat`\n\nCaused by:\n    0: failed to invoke `deep`\n    1: error while executing at wasm backtrace:\n           0: {3,6}0x[0-9a-f]+ - math!divide\n           1: {3,6}0x[0-9a-f]+ - math!<wasm function 7>\n    2: wasm trap: integer divide by zero\n$/ },
    { args: ['trapstart.wat'], code: 134, stderr: /0: failed to instantiate "trapstart\.wat"\n    1: error while executing at wasm backtrace:\n           0: +0x[0-9a-f]+ - <unknown>!s\n    2: wasm trap: wasm `unreachable` instruction executed\n$/ },
    { args: ['--invoke', 'f', 'throws.wat'], code: 1, stderr: /0: failed to invoke `f`\n    1: uncaught WebAssembly exception\n$/ },
    { args: ['--max-memory', '65535', 'math.wat'], code: 1, stderr: /exceeds the limit of 65535 bytes/ },
    { args: ['--dump-regir=add', 'math.wat'], stdout: /^function 0: [^]*i32\.add/ },
    { args: ['--dump-regir', 'math.wat'], stdout: /function 0: [^]*function 9/ },
    { args: ['--dump-regir=nothing', 'math.wat'], code: 2, stderr: /no function 'nothing'/ },
  ],
  'inputs that cannot be read': [
    { args: ['missing.wasm'], code: 1, stderr: 'Error: failed to read `missing.wasm`: no such file or directory\n' },
    { args: ['vlidate', 'math.wat'], code: 1, stderr: "Error: failed to read `vlidate`: no such file or directory (did you mean the command 'validate'?)\n" },
    { args: ['directory'], code: 1, stderr: 'Error: failed to read `directory`: it is a directory\n' },
    { args: ['empty.wasm'], code: 1, stderr: 'Error: failed to read `empty.wasm`: it is empty\n' },
    { args: ['-'], code: 1, stderr: 'Error: failed to read `<stdin>`: it is empty\n' },
    { args: ['component.wasm'], code: 1, stderr: oneLine },
    { args: ['math.wat/x'], code: 1, stderr: 'Error: failed to read `math.wat/x`: not a directory\n' },
    { args: ['garbage.wasm'], code: 1, stderr: /^Error: failed to run main module `garbage\.wasm`\n\nCaused by:\n    magic header not detected/ },
    { args: ['bad.wat'], code: 1, stderr: /^Error: failed to parse `bad\.wat`\n\nCaused by:\n    [^\n]*\n     --> bad\.wat:3:6\n      \|\n    3 \|     \(i32\.ad \(i32\.const 1\)\)\)\)\n      \|      \^/ },
    { args: ['invalid.wat'], code: 1, stderr: /--> invalid\.wat:3:\d+\n/ },
    { args: ['invalid.wasm'], code: 1, stderr: /Caused by:\n    type mismatch[^\n]* \(at offset 0x[0-9a-f]+\)\n$/ },
  ],
  validate: [
    { args: ['validate', 'math.wat', 'math.wasm'] },
    { args: ['validate', 'invalid.wasm', 'math.wat'], code: 1, stderr: /^Error: failed to validate `invalid\.wasm`\n\nCaused by:\n    type mismatch/ },
    { args: ['validate', 'invalid.wat', 'missing.wat'], code: 1, stderr: /invalid\.wat:3:[^]*failed to read `missing\.wat`/ },
    { args: ['validate', '-f', 'wasm1', 'math.wasm'], code: 1, stderr: /failed to validate/ },
    { args: ['validate', '--features', '-simd', 'math.wasm'], code: 1, stderr: /simd/ },
    { args: ['validate', '-f', 'wasm2,-gc', '-'], stdin: MATH },
    { args: ['validate', '-f', 'smid', 'math.wasm'], code: 2, stderr: usage("unknown feature 'smid'", "tip: a similar feature exists: 'simd'", 'validate') },
    { args: ['validate'], code: 2, stderr: usage('the argument <FILE> is missing', undefined, 'validate') },
  ],
  'parse and print': [
    { args: ['parse', 'bad.wat'], code: 1, stderr: /--> bad\.wat:3:6/ },
    { args: ['parse', 'math.wat', 'x'], code: 2, stderr: usage("unexpected argument 'x' found", undefined, 'parse') },
    { args: ['parse', 'math.wat', '-o', 'directory'], code: 1, stderr: 'Error: failed to write `directory`: it is a directory\n' },
    { args: ['print', 'math.wasm'], stdout: /^\(module \$math\n[^]*i32\.div_s[^]*\)\n$/ },
    { args: ['print', '--skeleton', 'math.wasm'], stdout: /\(module \$math\n[^]*\.\.\.[^]*\)\n$/ },
    { args: ['print', '-f', '--indent', '4', '-'], stdin: '(module (func (result i32) i32.const 1 i32.const 2 i32.add))', stdout: /\(i32\.add\n? *\(i32\.const 1\)/ },
    { args: ['print', '--indent', 'x', 'math.wasm'], code: 2, stderr: /invalid value 'x' for '--indent <N>'/ },
    { args: ['print', 'garbage.wasm'], code: 1, stderr: /failed to print `garbage\.wasm`/ },
  ],
  'inspect, features, version': [
    { args: ['inspect', 'math.wat'], stdout: /^math\.wat: \d+ bytes \(code \d+, data 0\)\nexports:\n {2}"add" {2}func \(i32, i32\) -> \(i32\)\n[^]*"memory" {2}memory 1\.\. pages\n[^]*definitions:\n/ },
    { args: ['inspect', 'wasi.wat'], stdout: /^wasi[^]*imports:\n {2}"wasi_snapshot_preview1" "fd_write" {2}func \(i32, i32, i32, i32\) -> \(i32\)\n/ },
    { args: ['inspect', 'invalid.wat'], code: 1, stderr: /failed to inspect `invalid\.wat`/ },
    { args: ['features'], stdout: /^zwasm [^]*interp +yes[^]*gc +3\.0/ },
    { args: ['version'], stdout: `zwasm ${version}\n` },
    { args: ['--version'], stdout: `zwasm ${version}\n` },
    { args: ['-V'], stdout: `zwasm ${version}\n` },
    { args: ['version', 'x'], code: 2, stderr: usage("unexpected argument 'x' found", undefined, 'version') },
  ],
  wast: [
    { args: ['wast', 'ok.wast'], stdout: '3 passed, 0 failed, 0 skipped\n' },
    { args: ['wast', 'ok.wast', 'fail.wast'], code: 1, stdout: '4 passed, 1 failed, 0 skipped\n', stderr: /^fail\.wast:2:\d+: assert_return failed: / },
    { args: ['wast', 'broken.wast'], code: 1, stdout: '0 passed, 1 failed, 0 skipped\n', stderr: /^broken\.wast:1:/ },
    { args: ['wast', 'missing.wast', 'ok.wast'], code: 1, stdout: '3 passed, 0 failed, 0 skipped\n', stderr: /failed to read `missing\.wast`/ },
  ],
  help: [
    { args: [], code: 2, stderr: /^zwasm: a WebAssembly engine[^]*Commands:\n {2}run / },
    { args: ['-h'], stdout: /Commands:\n[^]*Options:\n(?![^]*Examples:)/ },
    { args: ['--help'], stdout: /Commands:\n[^]*Exit codes[^]*Examples:\n/ },
    { args: ['help'], stdout: /Examples:\n/ },
    { args: ['help', 'run'], stdout: /^Run a module\.\n\nUsage: zwasm run [^]*Execution:\n[^]*WASI:\n[^]*Limits:\n[^]*Debugging:\n[^]*Options:\n[^]*Examples:\n/ },
    { args: ['run', '-h'], stdout: /Execution:\n(?![^]*Examples:)/ },
    { args: ['run', '--help'], stdout: /Execution:\n[^]*Examples:\n/ },
    { args: ['help', 'vlidate'], code: 2, stderr: usage("unrecognized command 'vlidate'", "tip: a similar command exists: 'validate'", 'help') },
    ...['validate', 'parse', 'print', 'inspect', 'wast', 'features', 'version', 'help'].map((name) => ({ args: [name, '--help'], stdout: new RegExp(`Usage: zwasm ${name}[^]*--help[^]*Examples:\n`) })),
  ],
} // prettier-ignore

for (const [group, cases] of Object.entries(CASES))
  describe(group, { concurrency: 2 }, () => {
    for (const { args, stdin, code = 0, stdout, stderr } of cases)
      test(`zwasm ${args.join(' ')}`, async () => {
        const run = await zwasm(folder, args, stdin)
        check(stderr, run.stderr)
        check(stdout, run.stdout)
        assert.equal(run.code, code)
      })
  })

describe('files and pipes', { concurrency: 2 }, () => {
  test('parse writes the binary to a file or a pipe', async () => {
    const bytes = parseWat(MATH).bytes
    assert.equal((await zwasm(folder, ['parse', 'math.wat', '-o', 'out.wasm'])).code, 0)
    assert.deepEqual(new Uint8Array(readFileSync(join(folder, 'out.wasm'))), bytes)
    assert.deepEqual(new Uint8Array((await zwasm(folder, ['parse', '-'], MATH)).stdoutBytes), bytes)
  })
  test('a failed parse leaves no file', async () => {
    assert.equal((await zwasm(folder, ['parse', 'bad.wat', '-o', 'none.wasm'])).code, 1)
    assert.equal(existsSync(join(folder, 'none.wasm')), false)
  })
  test('print, then parse: the same module', async () => {
    const text = await zwasm(folder, ['print', 'math.wasm'])
    const binary = await zwasm(folder, ['parse', '-'], text.stdout)
    assert.deepEqual(new Uint8Array(binary.stdoutBytes), parseWat(MATH).bytes)
  })
  test('inspect --json', async () => {
    const { stdout } = await zwasm(folder, ['inspect', '--json', 'math.wasm'])
    const info = JSON.parse(stdout)
    assert.equal(info.file, 'math.wasm')
    assert.deepEqual(info.exports[0], { name: 'add', kind: 'function', params: ['i32', 'i32'], results: ['i32'] })
  })
  test('features --json', async () => {
    const report = JSON.parse((await zwasm(folder, ['features', '--json'])).stdout)
    assert.deepEqual(report, { version, ...features() })
  })
  test('a closed pipe ends quietly', async () => {
    const big = `(module ${'(func (param i32) (result i32) local.get 0)'.repeat(20_000)})`
    const child = spawn(process.execPath, [cli, 'print', '-'], { stdio: 'pipe' })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    child.stdin.end(big)
    child.stdout.once('data', () => child.stdout.destroy())
    const code = await new Promise((done) => child.on('close', done))
    assert.deepEqual([code, stderr], [141, ''])
  })
  test('SIGINT ends a busy guest', async () => {
    const child = spawn(process.execPath, [cli, '--invoke', 'spin', 'math.wat'], { cwd: folder, stdio: 'pipe' })
    // Time to load and to be in the loop; earlier is as good.
    setTimeout(() => child.kill('SIGINT'), 700)
    const [code, signal] = await new Promise<unknown[]>((done) => child.on('close', (...ends) => done(ends)))
    // What a shell shows as 130.
    assert.deepEqual([code, signal], [null, 'SIGINT'])
  })
})
