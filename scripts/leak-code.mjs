// npm run leak:code [-- MODULES [TRAPS [EXITS]]]: machine code that comes and goes. MODULES (10,000) different modules are compiled, run natively
// and dropped; TRAPS (10,000,000) traps and EXITS (1,000,000) calls of the host leave machine code in a row. Memory is measured after each
// tenth and must be flat. Needs dist/ and `node --expose-gc`.
import { setTimeout } from 'node:timers/promises'
import { createWebAssembly, features, parseWat } from '../dist/index.js'

const numbers = process.argv.slice(2).map(Number)
const [modules = 10_000, traps = 10_000_000, exits = 1_000_000] = numbers
const TENTHS = 10
/** Modules between two pauses, in which finalizers run; traps and exits between two turns of the event loop. */
const BURST = 100
/** First tenths that are not compared. */
const WARM_UP = 3
/** Bytes of growth allowed. Each module has about 4 KB of machine code and a page of memory; that of 10,000 would be 40 MB and 650 MB. */
const ALLOWED = 8 << 20

if (typeof gc !== 'function' || numbers.some((n) => !Number.isInteger(n) || n < TENTHS)) {
  console.error('Usage: node --expose-gc scripts/leak-code.mjs [MODULES [TRAPS [EXITS]]]')
  process.exit(2)
}
const jit = features().engines.find(({ name }) => name === 'jit')
if (!jit.available) {
  console.log(`NOT RUN, there is no machine code here: ${jit.title}`)
  process.exit(1)
}

const WebAssembly = createWebAssembly({ engine: 'jit' })

/** About 4 KB of machine code that depends on n. */
function bytesOf(n) {
  const steps = Array.from(
    { length: 120 },
    (_, k) =>
      `(local.set ${k % 4} (i32.add (i32.mul (local.get ${(k + 1) % 4}) (i32.const ${n * 131 + k * 7 + 3})) (i32.xor (local.get ${(k + 2) % 4}) (i32.const ${k}))))
       (i32.store offset=${4 * k} (i32.const 0) (local.get ${k % 4}))`,
  ).join('\n')
  return parseWat(`(module (import "e" "f" (func $f (param i32) (result i32))) (memory 1)
    (func (export "run") (param i32 i32 i32 i32) (result i32) ${steps} (call $f (local.get 0)))
    (func (export "trap") (param i32) (result i32) (i32.load (local.get 0))))`).bytes
}

function runModule(n) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytesOf(n)), { e: { f: (x) => x ^ n } })
  exports.run(n, 1, 2, 3)
  try {
    exports.trap(-4)
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return
  }
  throw new Error(`module ${n} did not trap`)
}

async function measure() {
  for (let turn = 0; turn < 3; turn++) {
    await setTimeout(80)
    gc()
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { used: heapUsed + arrayBuffers, rss }
}

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1)
let failed = 0

async function phase(name, count, burst, step) {
  const measured = []
  let done = 0
  for (let tenth = 1; tenth <= TENTHS; tenth++) {
    for (; done < (count * tenth) / TENTHS; done++) {
      step(done)
      if (done % burst === burst - 1) await setTimeout(1)
    }
    measured.push(await measure())
    if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${done} of ${count}`)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const least = (from, of) => Math.min(...measured.slice(from, from + 3).map((m) => m[of]))
  const growth = (of) => least(TENTHS - 3, of) - least(WARM_UP - 1, of)
  const flat = growth('used') <= ALLOWED && growth('rss') <= ALLOWED
  if (!flat) failed++
  console.log(
    `${flat ? 'flat' : 'LEAK'}: ${count} ${name}, ${megabytes(growth('used'))} MB used and ${megabytes(growth('rss'))} MB resident more ` +
      `in the last three tenths than in the third to fifth`,
  )
}

await phase('modules', modules, BURST, runModule)
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytesOf(0)), { e: { f: (x) => x } })
await phase('traps', traps, 1 << 20, () => {
  try {
    exports.trap(-1)
  } catch {
    return
  }
  throw new Error('no trap')
})
await phase('exits', exits, 1 << 20, (n) => exports.run(n, 1, 2, 3))
console.log(`${3 - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
