// Runs every example through the command line or the package, as built in dist/, and compares what it prints and its exit code.
//   npm run demo
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'zwasm-examples-'))
const binary = join(folder, 'fib.wasm')

const zwasm = (...args) => ({ show: ['zwasm', ...args], args: ['dist/cli.cjs', ...args] })
const script = (...args) => ({ show: ['node', ...args], args })
const registered = (options, ...args) => ({
  show: [`ZWASM_OPTIONS='${options}'`, 'node', '--import', 'zwasm/register', ...args],
  args: ['--import', 'zwasm/register', ...args],
  env: { ZWASM_OPTIONS: options },
})
const lines = (...text) => text.map((line) => line + '\n').join('')

/** Command, what it prints, and where it fails: its exit code and a part of what it says. */
const EXAMPLES = [
  [zwasm('--invoke', 'fib', 'examples/fib.wat', '27'), lines('196418')],
  // From text to a binary, run the binary, and back to text.
  [zwasm('parse', 'examples/fib.wat', '-o', binary), ''],
  [zwasm('validate', binary), ''],
  [zwasm('run', '--invoke', 'fib', binary, '0x14'), lines('6765')],
  [zwasm('print', binary), /^\(module\n  \(type .*\n[^]*call \$fib\n[^]*\)\n$/],
  [zwasm('inspect', binary), /exports:\n  "fib"  func \(i32\) -> \(i32\)\n/],
  [zwasm('run', '--dump-regir=fib', 'examples/fib.wat'), /^function 0 \$fib: \d+ slots, \d+ words\n[^]*call/],
  // Host functions and memory, from JavaScript.
  [script('examples/hello.mjs'), lines('Hello, world')],
  [script('examples/hello.mjs', 'Grace'), lines('Hello, Grace')],
  [
    script('examples/shapes.mjs'),
    lines('wants host.print(i32, i32) -> ()', 'offers memory memory', 'offers function greet'),
  ],
  // Exceptions: caught, and not.
  [zwasm('--invoke', 'parse', 'examples/exceptions.wat', '52'), lines('4')],
  [zwasm('--invoke', 'parse', 'examples/exceptions.wat', '120'), lines('-1')],
  [zwasm('--invoke', 'digit', 'examples/exceptions.wat', '120'), '', 1, 'uncaught WebAssembly exception'],
  // Garbage collection, tail calls, typed references.
  [zwasm('--invoke', 'sum', 'examples/list.wat', '1000'), lines('500500')],
  [zwasm('--invoke', 'first_reversed', 'examples/list.wat', '100000'), lines('100000')],
  // Vectors.
  [zwasm('--invoke', 'dot', 'examples/vectors.wat'), lines('70')],
  // Two modules.
  [
    zwasm('--preload', 'counter=examples/linking/counter.wat', '--invoke', 'twice', 'examples/linking/main.wat'),
    lines('1', '2', '2'),
  ],
  [
    zwasm('--invoke', 'twice', 'examples/linking/main.wat'),
    '',
    1,
    'unknown import: `counter::next` has not been defined',
  ],
  // A program and a package that know nothing about zwasm, on the host's WebAssembly and on zwasm with a limit.
  [script('examples/drop-in/app.mjs'), lines('stressed', '64 pages more: granted')],
  [
    registered('{"limits":{"memory":1048576}}', 'examples/drop-in/app.mjs'),
    lines('stressed', '64 pages more: refused'),
  ],
  // What guests may use, and how they are stopped.
  [
    script('examples/plugins.mjs'),
    lines(
      'words: 4, with 464 units of fuel',
      'forever: stopped after 1000000 units of fuel',
      'greedy: 16, with 15456 units of fuel',
      'huge: refused, limit memory is 1048576',
    ),
  ],
  [script('examples/async.mjs'), lines('449', '398', 'no item 3')],
  [
    zwasm('-W', 'fuel=1000', '--invoke', 'fib', 'examples/fib.wat', '27'),
    '',
    process.platform === 'win32' ? 3 : 134,
    'wasm trap: all fuel consumed by WebAssembly',
  ],
  // Line by line.
  [
    { ...script('examples/repl.mjs', 'examples/fib.wat'), stdin: lines('fib 10', 'fib', 'nothing 1', 'fib 20') },
    lines('fib(i32) -> (i32)', '55', 'error: fib(i32) takes 1 argument, got 0', 'error: no function nothing', '6765'),
  ],
  // A trap.
  [zwasm('--invoke', 'average', 'examples/trap.wat', '10', '4'), lines('2')],
  [
    zwasm('--invoke', 'average', 'examples/trap.wat', '10', '0'),
    '',
    process.platform === 'win32' ? 3 : 134,
    lines(
      '    1: error while executing at wasm backtrace:',
      '           0:     0x2c - statistics!divide',
      '           1:     0x34 - statistics!average',
      '    2: wasm trap: integer divide by zero',
    ),
  ],
]

let failed = 0
for (const [{ show, args, env, stdin = '' }, stdout, exitCode = 0, stderr = ''] of EXAMPLES) {
  const command = show.map((word) => word.replace(folder, '/tmp')).join(' ')
  console.log(`$ ${command}`)
  const result = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    input: stdin,
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  process.stdout.write(result.stdout)
  process.stdout.write(result.stderr)
  const printed = typeof stdout === 'string' ? result.stdout === stdout : stdout.test(result.stdout)
  const said = stderr === '' ? result.stderr === '' : result.stderr.includes(stderr)
  if (printed && said && result.status === exitCode) continue
  failed++
  console.log(
    `FAILED: expected exit code ${exitCode}, stdout ${stdout}, stderr with ${JSON.stringify(stderr)}; exit code is ${result.status}`,
  )
}
rmSync(folder, { recursive: true, force: true })
console.log(`\nexamples: ${EXAMPLES.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
