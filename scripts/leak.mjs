// npm run leak [-- CYCLES [ROUND]]: instantiates a module and drops the instance, 100,000 times, with host objects and objects of the
// GC heap crossing both ways and rings through both worlds. Memory is measured after each tenth, once it has been collected; it must
// be flat. `npm test` runs a small part of it. Needs dist/ and `node --expose-gc`.
//
// The rings lead through closures, tables, globals and the objects of JavaScript. A ring that leads through an object of the GC heap is
// not among them: it lives until nothing living refers to any object of that store's GC heap (src/runtime/store.ts: HeapMirror).
import { setTimeout } from 'node:timers/promises'
import { createWebAssembly, parseWat } from '../dist/index.js'

const cycles = Number(process.argv[2] ?? 100_000)
const TENTHS = 10
/** Cycles between two pauses of PAUSE ms, in which timers and finalizers run. */
const BURST = 200
const PAUSE = 2
/** Milliseconds until a store has come to rest after its last call (src/runtime/store.ts: MIN_REST_INTERVAL). */
const REST = 80
/** First tenths that are not compared: code is compiled, pages and tables reach their size. */
const WARM_UP = 3
/**
 * Bytes that the last measurements may be above the first ones. One lost instance of this module holds a page of 65,536 bytes and
 * more; what else comes and goes was below 3 MB in runs of 2,000 and 20,000 cycles.
 */
const ALLOWED = 4 << 20

if (typeof gc !== 'function' || !Number.isInteger(cycles) || cycles < TENTHS) {
  console.error('Usage: node --expose-gc scripts/leak.mjs [CYCLES]')
  process.exit(2)
}

const WebAssembly = createWebAssembly()
const module = new WebAssembly.Module(
  parseWat(`(module
    (type $node (struct (field $host (mut externref)) (field $next (mut anyref)) (field $n (mut i32))))
    (import "host" "see" (func $see (param externref anyref) (result externref)))
    (import "host" "shared" (global $shared (mut externref)))
    (memory (export "memory") 1)
    (table (export "hosts") 4 externref)
    (table (export "functions") 2 funcref)
    (global $kept (export "kept") (mut anyref) (ref.null any))
    (global (export "host") (mut externref) (ref.null extern))
    (tag $problem (export "problem") (param externref anyref))
    (func $make (export "make") (param externref anyref i32) (result anyref)
      (struct.new $node (local.get 0) (local.get 1) (local.get 2)))
    (func (export "keep") (param anyref) (global.set $kept (local.get 0)))
    (func (export "hostOf") (param anyref) (result externref)
      (struct.get $node $host (ref.cast (ref $node) (local.get 0))))
    (func (export "show") (param externref) (result externref)
      (call $see (local.get 0) (call $make (local.get 0) (global.get $kept) (i32.const 7))))
    (func (export "fail") (param externref anyref) (throw $problem (local.get 0) (local.get 1)))
    (elem declare func $make))`).bytes,
)

/** What an instance could keep alive beyond itself: V8's weak reference tells whether it did. */
const refs = []
const shared = new WebAssembly.Global({ value: 'externref', mutable: true })

function cycle(i) {
  const seen = []
  const host = { see: (object, node) => (seen.push(object, node), { answer: object }), shared }
  const instance = new WebAssembly.Instance(module, { host })
  const { exports } = instance
  const ring = { i, exports } // the instance will hold its own exports object
  const object = { i }
  exports.hosts.set(1, ring)
  exports.host.value = ring
  exports.functions.set(0, exports.make)
  let node = null
  for (let k = 0; k < 3; k++) node = exports.make(object, node, k)
  exports.keep(node)
  exports.hosts.set(2, node) // and one through the GC heap
  shared.value = { node } // of the last cycle only
  const answer = exports.show(object)
  if (
    exports.hosts.get(1) !== ring ||
    exports.host.value !== ring ||
    answer.answer !== object ||
    seen[0] !== object ||
    exports.hostOf(seen[1]) !== object ||
    exports.kept.value !== node
  )
    throw new Error(`cycle ${i}: an object lost its identity`)
  try {
    exports.fail(object, node)
  } catch (error) {
    if (!error.is(exports.problem) || error.getArg(exports.problem, 0) !== object) throw error
  }
  if (i % BURST === 0) refs.push(new WeakRef(instance))
}

async function collected() {
  for (let turn = 0; turn < 3; turn++) {
    await setTimeout(REST)
    gc()
  }
  await setTimeout(PAUSE)
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { used: heapUsed + arrayBuffers, rss }
}

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1)
const measured = []
let done = 0
for (let tenth = 1; tenth <= TENTHS; tenth++) {
  for (; done < (cycles * tenth) / TENTHS; done++) {
    cycle(done)
    if (done % BURST === BURST - 1) await setTimeout(PAUSE)
  }
  const now = await collected()
  measured.push(now)
  console.log(`${String(done).padStart(7)} cycles: ${megabytes(now.used)} MB used, ${megabytes(now.rss)} MB resident`)
}
const alive = refs.filter((ref) => ref.deref() !== undefined).length
/** Least of three: a measurement may come before the store has let go of its last burst. */
const least = (from) => Math.min(...measured.slice(from, from + 3).map(({ used }) => used))
const growth = least(TENTHS - 3) - least(WARM_UP - 1)
const flat = growth <= ALLOWED && alive <= 1
console.log(
  `${flat ? 'flat' : 'LEAK'}: ${cycles} cycles, ${megabytes(growth)} MB more in the last three tenths than in the third to fifth; ` +
    `${alive} of ${refs.length} watched instances alive`,
)
process.exit(flat ? 0 : 1)
