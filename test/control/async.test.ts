// Calls that wait: promises of imports, many at a time, cancellation, turns of the event loop; JavaScript Promise Integration.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AbortedError,
  createWebAssembly,
  DeadlineExceededError,
  FuelExhaustedError,
  parseWat,
  RuntimeError,
  Vm,
} from '../../src/index.ts'
import { ENGINE, guest } from './helpers.ts'

const later = <T>(value: T, ms = 1): Promise<T> => new Promise((done) => setTimeout(done, ms, value))

test('an import may return a promise, for any guest', async () => {
  const { module } = guest({}, { wait: (x: number) => later(x + 1) })
  assert.equal(await module.invokeAsync('twice', 5), 6 + 7000)
  assert.deepEqual(await Promise.all([1, 2, 3].map((n) => module.invokeAsync('twice', n))), [3002, 4003, 5004])
})

test('an import that returns no promise does not wait', async () => {
  const { module } = guest({}, { wait: (x: number) => x * 2 })
  let turns = 0
  const timer = setImmediate(() => turns++)
  assert.equal(await module.invokeAsync('twice', 5), 10 + 12_000)
  assert.equal(turns, 0)
  clearImmediate(timer)
})

test('a rejection is an exception in the guest, which may catch it', async () => {
  const problem = new Error('no answer')
  const { module } = guest({}, { wait: () => later(0).then(() => Promise.reject(problem)) })
  await assert.rejects(module.invokeAsync('twice', 1), (error) => error === problem)
  assert.equal(await module.invokeAsync('guarded', 1), -1)
})

test('a trap behind a promise rejects, with its backtrace', async () => {
  const { module } = guest({}, { wait: () => later(0) })
  await assert.rejects(
    module.invokeAsync('divide', 1),
    (error) =>
      error instanceof RuntimeError && error.message === 'divide by zero' && /wasm-function/.test(error.stack!),
  )
})

test('in a synchronous call a promise is a value like any other', () => {
  const { module } = guest({}, { wait: () => later(7) })
  assert.equal(module.invoke('twice', 1), 0)
})

test('10,000 calls wait at once and go on in random order', async () => {
  const waiting: { x: number; done: (value: number) => void }[] = []
  const { module } = guest({}, { wait: (x: number) => new Promise((done) => waiting.push({ x, done })) })
  const COUNT = 10_000
  const results = Array.from({ length: COUNT }, (_, i) => module.invokeAsync('twice', i))
  let seed = 1
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return seed % n
  }
  assert.equal(waiting.length, COUNT)
  for (let round = 0; round < 2; round++) {
    const now = waiting.splice(0)
    while (now.length > 0) {
      const [{ x, done }] = now.splice(random(now.length), 1)
      done(x)
    }
    await later(0)
  }
  assert.deepEqual(
    await Promise.all(results),
    Array.from({ length: COUNT }, (_, i) => i + 1000 * (i + 1)),
  )
})

test('what a waiting call holds is its frames', () => {
  const { module } = guest({}, { wait: () => new Promise(() => {}) })
  const call = module.prepareCall('twice', 1)
  assert.equal(call.run(), 'waiting')
  assert.ok(call.byteLength > 0 && call.byteLength < 200, `${call.byteLength} bytes`)
  assert.throws(() => call.run(), /the call waits for a promise/)
})

test('an aborted signal ends a call that waits, and one that runs', async () => {
  const { module } = guest({ fuel: 1e9 }, { wait: () => new Promise(() => {}) })
  const controller = new AbortController()
  const waits = module.prepareCall('twice', 1).runAsync({ signal: controller.signal })
  setTimeout(() => controller.abort('enough'), 5)
  await assert.rejects(waits, (error) => error instanceof AbortedError && error.cause === 'enough')
  const other = new AbortController()
  const runs = module.prepareCall('spin').runAsync({ signal: other.signal, yieldEvery: 10_000 })
  setTimeout(() => other.abort(), 5)
  await assert.rejects(runs, AbortedError)
  await assert.rejects(module.prepareCall('twice', 1).runAsync({ signal: AbortSignal.abort('early') }), AbortedError)
})

test('a timeout counts the waiting', async () => {
  const { module } = guest({}, { wait: () => new Promise(() => {}) })
  await assert.rejects(module.prepareCall('twice', 1).runAsync({ timeout: 20 }), DeadlineExceededError)
  await assert.rejects(module.prepareCall('spin').runAsync({ timeout: 20, yieldAfter: 3 }), DeadlineExceededError)
})

/** Counts turns of the event loop until it is told to stop. */
function countTurns(): () => number {
  let turns = 0
  let running = true
  const next = (): void => {
    turns++
    if (running) setImmediate(next)
  }
  setImmediate(next)
  return () => {
    running = false
    return turns
  }
}

test('the event loop gets its turns while a guest runs', async () => {
  const { vm, module } = guest({ fuel: 1e12 })
  const byFuel = countTurns()
  assert.equal(await module.prepareCall('count', 300_000).runAsync({ yieldEvery: 20_000 }), 300_000)
  const turns = byFuel()
  assert.ok(turns >= 130 && turns <= 140, `${turns} turns for ${(9 * 300_000) / 20_000} stretches`)
  assert.equal(vm.fuel, 1e12 - 9 * 300_000, 'and the same fuel is used')
  const byTime = countTurns()
  // Long enough for machine code too.
  const count = ENGINE === 'jit' ? 100_000_000 : 3_000_000
  assert.equal(await guest({}).module.prepareCall('count', count).runAsync({ yieldAfter: 1 }), count)
  assert.ok(byTime() > 1)
})

test('fuel is for the whole call, waiting or not', async () => {
  const { module } = guest({ fuel: 1e9 }, { wait: (x: number) => later(x) })
  await assert.rejects(module.prepareCall('spin').runAsync({ fuel: 50_000, yieldEvery: 1000 }), FuelExhaustedError)
  assert.equal(await module.prepareCall('twice', 2).runAsync({ fuel: 50 }), 3002)
})

test('what calls hold while they wait survives collections', async () => {
  const W: any = createWebAssembly()
  const { exports } = new W.Instance(
    new W.Module(
      parseWat(`(module (import "e" "wait" (func $wait (param i32) (result i32)))
        (type $s (struct (field i32)))
        (func (export "churn") (local $i i32) (loop $l (drop (struct.new $s (i32.const 1)))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 200000)))))
        (func (export "f") (param i32) (result i32) (local $s (ref $s))
          (local.set $s (struct.new $s (local.get 0)))
          (drop (call $wait (i32.const 0)))
          (struct.get $s 0 (local.get $s))))`).bytes,
    ),
    { e: { wait: new W.Suspending(() => later(0)) } },
  )
  const f = W.promising(exports.f)
  const results = [11, 22, 33].map((n) => f(n) as Promise<number>)
  for (let i = 0; i < 20; i++) exports.churn()
  assert.deepEqual(await Promise.all(results), [11, 22, 33])
})

const host = (globalThis as unknown as { WebAssembly: any }).WebAssembly
const SUSPENDS = `(module (import "e" "get" (func $get (param i32) (result i32)))
  (import "e" "call" (func $call))
  (export "back" (func $f))
  (func $f (export "f") (param i32) (result i32) (i32.add (call $get (local.get 0)) (i32.const 100)))
  (func (export "through") (call $call)))`

for (const [name, W] of [
  ['zwasm', createWebAssembly() as any],
  ['the host', 'Suspending' in host ? host : undefined],
] as const) {
  if (W === undefined) continue
  const load = (get: unknown, call: unknown = () => {}): any =>
    new W.Instance(new W.Module(parseWat(SUSPENDS).bytes), { e: { get, call } }).exports

  test(`JSPI of ${name}: promising and Suspending`, async () => {
    const { f } = load(new W.Suspending(async (x: number) => later(x * 2)))
    const promised = W.promising(f)
    assert.ok(promised(1) instanceof Promise)
    assert.deepEqual(await Promise.all([promised(1), promised(2)]), [102, 104])
    assert.equal(await W.promising(load(new W.Suspending((x: number) => x)).f)(5), 105)
    assert.equal(await W.promising(load((x: number) => x).f)(5), 105)
    await assert.rejects(W.promising(load(new W.Suspending(() => Promise.reject(new Error('no')))).f)(1), /^Error: no$/)
  })

  test(`JSPI of ${name}: where nothing can be suspended`, async () => {
    const { f } = load(new W.Suspending(async () => 1))
    assert.throws(
      () => f(1),
      (error: any) => error instanceof W.SuspendError,
    )
    // A JavaScript frame between the two.
    const exports = load(new W.Suspending(async () => 1), () => exports.back(1))
    await assert.rejects(W.promising(exports.through)(), (error: any) => error instanceof W.SuspendError)
  })

  test(`JSPI of ${name}: wrong arguments`, () => {
    for (const value of [undefined, 1, {}, 'x']) assert.throws(() => new W.Suspending(value), TypeError)
    assert.throws(() => W.Suspending(() => {}), TypeError)
    for (const value of [undefined, {}, () => {}]) assert.throws(() => W.promising(value), TypeError)
  })
}

test('Vm with the engine of the host cannot stop calls', () => {
  const vm = new Vm({ engine: 'host' })
  const module = vm.instantiate(vm.compile(parseWat('(module (func (export "f")))').bytes))
  assert.throws(() => module.prepareCall('f'), /the engine 'host' cannot stop calls/)
})
