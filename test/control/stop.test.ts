// Deadlines, signals, interruption by another thread, caps: runaway guests of every kind are stopped, and the process goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  AbortedError,
  createWebAssembly,
  DeadlineExceededError,
  GcHeapLimitError,
  LimitExceededError,
  parseWat,
  Vm,
  type VmOptions,
  WasmModule,
} from '../../src/index.ts'
import { guest } from './helpers.ts'

function failure(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

const DEADLINE = 30
for (const name of [
  'spin',
  'tail',
  'grow',
  'growTable',
  'fill',
  'copy',
  'storm',
  'arrays',
  'bigArray',
  'catchAll',
  'reenter',
])
  for (const fuel of [undefined, 1e15])
    test(`${name} is stopped by its deadline${fuel === undefined ? '' : ', metered'}`, () => {
      const options: VmOptions = { timeout: DEADLINE, limits: { memory: 2 ** 31, gcHeap: 2 ** 30, table: 1e6 } }
      const { module } = guest(fuel === undefined ? options : { ...options, fuel })
      const error = failure(() => module.invoke(name))
      assert.ok(error instanceof DeadlineExceededError, String(error))
      assert.deepEqual([error.limit, error.max], ['timeout', DEADLINE])
      assert.match(error.message, /took longer than 30 ms/)
      // The next call has a time of its own.
      assert.equal(module.invoke('count', 3), 3)
    })

test('a guest that keeps what it allocates is stopped by the cap of the heap', () => {
  const { module } = guest({ limits: { gcHeap: 1 << 20 } })
  const error = failure(() => module.invoke('hoard'))
  assert.ok(error instanceof GcHeapLimitError, String(error))
  assert.deepEqual([error.limit, error.max], ['gcHeap', 1 << 20])
})

test('recursion is stopped by the cap of the stack', () => {
  const { module } = guest({ limits: { stack: 80_000 } })
  const error = failure(() => module.invoke('recurse'))
  assert.ok(error instanceof LimitExceededError && error instanceof RangeError, String(error))
  assert.deepEqual([error.limit, error.max], ['stack', 80_000])
})

test('growth beyond a cap answers -1; a minimum beyond it is an error', () => {
  const vm = new Vm({ limits: { memory: 10 * 65536, table: 50 } })
  const grows = WasmModule.loadFromWat(
    `(module (memory 1) (table 1 funcref)
      (func (export "m") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "t") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`,
    { vm },
  )
  assert.deepEqual(
    [grows.invoke('m', 9), grows.invoke('m', 1), grows.invoke('t', 49), grows.invoke('t', 1)],
    [1, -1, 1, -1],
  )
  for (const [text, limit, max] of [
    ['(module (memory 11))', 'memory', 655_360],
    ['(module (table 51 funcref))', 'table', 50],
  ] as const) {
    const error = failure(() => WasmModule.loadFromWat(text, { vm }))
    assert.ok(error instanceof LimitExceededError, String(error))
    assert.deepEqual([error.limit, error.max], [limit, max])
  }
})

test('modules, instances: how large, how many', () => {
  const bytes = parseWat('(module (func (export "f")))').bytes
  const small = new Vm({ limits: { moduleSize: bytes.length - 1 } })
  const error = failure(() => WasmModule.load(bytes, { vm: small }))
  assert.ok(error instanceof LimitExceededError)
  assert.deepEqual([error.limit, error.max], ['moduleSize', bytes.length - 1])
  const two = new Vm({ limits: { instances: 2 } })
  const kept = [WasmModule.load(bytes, { vm: two }), WasmModule.load(bytes, { vm: two })]
  assert.equal((failure(() => WasmModule.load(bytes, { vm: two })) as LimitExceededError).limit, 'instances')
  assert.equal(kept.length, 2)
})

test('a signal that a host function aborts stops the guest that called it', () => {
  const controller = new AbortController()
  const reason = new Error('no more')
  let calls = 0
  const { module } = guest(
    { signal: controller.signal },
    { callback: () => void (++calls === 100 && controller.abort(reason)) },
  )
  const error = failure(() => module.invoke('reenter'))
  assert.ok(error instanceof AbortedError, String(error))
  assert.equal(error.cause, reason)
  assert.ok(calls >= 100 && calls < 5000, `${calls} calls`)
})

test('another thread stops a guest', async () => {
  const { vm, module } = guest({ timeout: Infinity })
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50); Atomics.store(workerData, 0, 1)`,
    { eval: true, workerData: vm.interruptFlag },
  )
  const ended = new Promise((done) => worker.on('exit', done))
  // Until the worker runs, its start-up needs this thread.
  await new Promise((done) => worker.on('online', done))
  const error = failure(() => module.invoke('spin'))
  assert.ok(error instanceof AbortedError, String(error))
  await ended
  Atomics.store(vm.interruptFlag, 0, 0)
  assert.equal(module.invoke('count', 2), 2)
})

test('hosts and guests in turns, deep: the trap of a full stack, and a deadline', () => {
  let depth = 0
  const deep = guest({}, { callback: () => (depth++, void deep.module.invoke('reenter')) })
  assert.match(String(failure(() => deep.module.invoke('reenter'))), /call stack/)
  assert.ok(depth > 10)
  const slow = guest({ timeout: DEADLINE }, { callback: () => void slow.module.invoke('spin') })
  assert.ok(failure(() => slow.module.invoke('reenter')) instanceof DeadlineExceededError)
})

test('a start function is under the deadline too', () => {
  const vm = new Vm({ timeout: DEADLINE })
  const error = failure(() => WasmModule.loadFromWat('(module (func $s (loop $l (br $l))) (start $s))', { vm }))
  assert.ok(error instanceof DeadlineExceededError, String(error))
})

test('a Vm has finite limits by default, a namespace none', () => {
  const error = failure(() => WasmModule.loadFromWat('(module (memory 16385))', { vm: new Vm() }))
  assert.equal((error as LimitExceededError).max, 2 ** 30)
  const W = createWebAssembly()
  assert.equal(new W.Memory({ initial: 16385 }).buffer.byteLength, 16385 * 65536)
  assert.equal((failure(() => new W.Table({ element: 'anyfunc', initial: 10_000_001 })) as Error).name, 'RangeError')
})

test('wrong bounds are refused', () => {
  assert.throws(() => new Vm({ timeout: -1 }), /option 'timeout' must be a number of milliseconds, not -1/)
  assert.throws(() => new Vm({ signal: {} as never }), /option 'signal' must be an AbortSignal/)
  assert.throws(() => new Vm({ engine: 'host', timeout: 5 }), /the engine 'host' has no timeout/)
  assert.throws(() => new Vm({ timout: 5 } as never), /unknown option 'timout'; did you mean 'timeout'/)
})
