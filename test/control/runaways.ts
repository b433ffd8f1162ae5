// npm run runaways [-- COUNT [SEED]]: guests that never end, one after the other in one process, each under a deadline or a cap. Says how late
// each kind was stopped, and that the process is healthy behind them: its memory, its event loop, a guest that behaves.

import {
  AbortedError,
  DeadlineExceededError,
  FuelExhaustedError,
  GcHeapLimitError,
  type VmOptions,
} from '../../src/index.ts'
import { guest } from './helpers.ts'

/** Milliseconds that a guest may run on behind its deadline. */
const ALLOWED_LATE = 20
/** Bytes that the process may have grown by, behind all of them. */
const ALLOWED_GROWTH = 200 * 2 ** 20

const DEADLINES = [
  'spin',
  'tail',
  'grow',
  'growTable',
  'fill',
  'copy',
  'storm',
  'hoard',
  'arrays',
  'bigArray',
  'catchAll',
  'reenter',
]
const KINDS = [...DEADLINES, 'nested', 'recurse', 'heap', 'fuel', 'abort'] as const

const count = Number(process.argv[2] ?? 1000)
let seed = Number(process.argv[3] ?? 1)
const random = (n: number): number => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
  return Math.floor((seed / 2 ** 32) * n)
}
if (!(count > 0)) throw new Error('npm run runaways [-- COUNT [SEED]]')

const late = new Map<string, number[]>()
const problems: string[] = []

function run(kind: string): void {
  const timeout = 1 + random(60)
  const caps = {
    memory: 2 ** 20 * (16 + random(1500)),
    gcHeap: 2 ** 20 * (64 + random(900)),
    table: 1 + random(1_000_000),
  }
  const options: VmOptions = { timeout, limits: caps, ...(random(2) === 0 ? { fuel: 1e15 } : {}) }
  const start = performance.now()
  const expect = (g: ReturnType<typeof guest>, name: string, wanted: Function | RegExp): void => {
    try {
      g.module.invoke(name)
      problems.push(`${kind} came to an end`)
    } catch (error) {
      const fine = wanted instanceof RegExp ? wanted.test(String(error)) : error instanceof wanted
      if (!fine) problems.push(`${kind}: ${String(error)}`)
    }
  }
  let begun = performance.now()
  const make = (more: VmOptions = {}, env?: Record<string, unknown>): ReturnType<typeof guest> => {
    const made = guest({ ...options, ...more }, env)
    begun = performance.now()
    return made
  }
  switch (kind) {
    case 'nested': {
      const g = make({}, { callback: () => void g.module.invoke('spin') })
      expect(g, 'reenter', DeadlineExceededError)
      break
    }
    case 'recurse':
      // Or it is not that deep when its time is over.
      return expect(make(), 'recurse', /call stack|took longer/)
    case 'heap':
      return expect(make({ timeout: 60_000, limits: { gcHeap: 2 ** 20 } }), 'hoard', GcHeapLimitError)
    case 'fuel':
      return expect(make({ fuel: 1 + random(1e6), timeout: 60_000 }), 'spin', FuelExhaustedError)
    case 'abort': {
      const controller = new AbortController()
      const g = make({ signal: controller.signal }, { callback: () => controller.abort() })
      return expect(g, 'reenter', AbortedError)
    }
    case 'hoard':
    case 'bigArray':
      // Whichever comes first.
      expect(make(), kind, /took longer|too large/)
      break
    default:
      expect(make(), kind, DeadlineExceededError)
  }
  const over = performance.now() - begun - timeout
  late.set(kind, [...(late.get(kind) ?? []), Math.max(0, over)])
  if (over > ALLOWED_LATE)
    problems.push(
      `${kind}: ${over.toFixed(1)} ms behind its deadline of ${timeout} (setup ${(begun - start).toFixed(1)})`,
    )
}

const healthy = guest({})
// The loops are compiled and the native tier is opened once in a process; the first guest would pay for it.
for (const { module } of [guest({ engine: 'interp' }), guest({ fuel: 1e12 }), healthy])
  module.invoke('count', 3_000_000)
const before = process.memoryUsage.rss()
for (let i = 0; i < count; i++) {
  run(KINDS[i % KINDS.length])
  // Timers and finalizers have their turn.
  if (i % 10 === 9) await new Promise((done) => setTimeout(done, 5))
  if (process.stderr.isTTY) process.stderr.write(`\r${i + 1} of ${count}`)
}
if (process.stderr.isTTY) process.stderr.write('\n')
for (let i = 0; i < 20; i++) await new Promise((done) => setTimeout(done, 50))
;(globalThis as { gc?: () => void }).gc?.()
await new Promise((done) => setTimeout(done, 200))
const growth = process.memoryUsage.rss() - before
if (healthy.module.invoke('count', 100_000) !== 100_000) problems.push('a guest that behaves does not run any more')
if (growth > ALLOWED_GROWTH) problems.push(`the process has grown by ${(growth / 2 ** 20).toFixed(0)} MiB`)

for (const [kind, values] of late) {
  values.sort((a, b) => a - b)
  const at = (q: number): string => values[Math.min(values.length - 1, Math.floor(q * values.length))].toFixed(1)
  console.log(
    `${kind.padEnd(10)} ${String(values.length).padStart(4)} guests, late by ${at(0.5)} ms (median), ${at(1)} ms (most)`,
  )
}
const all = [...late.values()].flat()
console.log(
  `${count} guests; late by ${Math.max(...all).toFixed(1)} ms at most (${ALLOWED_LATE} allowed); memory ${(growth / 2 ** 20).toFixed(0)} MiB above the start`,
)
for (const problem of problems) console.log(`PROBLEM ${problem}`)
console.log(`${count - problems.length} passed, ${problems.length} failed`)
process.exitCode = problems.length === 0 ? 0 : 1
