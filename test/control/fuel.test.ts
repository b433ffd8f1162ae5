// Fuel: what is counted, that it is always the same, running out, going on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly, FuelExhaustedError, parseWat, RuntimeError, Vm } from '../../src/index.ts'
import { guest } from './helpers.ts'

const used = (name: string, ...args: unknown[]): number => {
  const { vm, module } = guest({ fuel: 1e12 })
  const before = vm.fuel
  module.invoke(name, ...args)
  return before - vm.fuel
}

test('a segment costs its instructions, those behind a conditional branch too', () => {
  // local.get, i32.const, i32.add, local.set, local.get, local.get, i32.lt_u, br_if, local.get
  assert.equal(used('count', 10) - used('count', 9), 9)
  assert.equal(used('count', 1), 9)
})

test('it is the same on every run, at every size, whatever ran before', () => {
  const { vm, module } = guest({ fuel: 1e12 })
  const once = (n: number): number => {
    const before = vm.fuel
    module.invoke('count', n)
    return before - vm.fuel
  }
  const first = once(100_000)
  assert.equal(first, 9 * 100_000)
  for (let i = 0; i < 5; i++) assert.equal(once(100_000), first)
  assert.equal(used('count', 100_000), first)
})

test('bulk instructions cost by what they move', () => {
  const cost = (bytes: number): number => {
    const vm = new Vm({ fuel: 1e9 })
    const { exports } = vm.instantiate(
      vm.compile(
        parseWat(
          '(module (memory 16) (func (export "f") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0))))',
        ).bytes,
      ),
    )
    const before = vm.fuel
    ;(exports['f'] as (n: number) => void)(bytes)
    return before - vm.fuel
  }
  assert.equal(cost(64 * 1000) - cost(0), 1000)
  assert.equal(cost(1 << 20) - cost(0), 1 << 14)
})

test('out of fuel is a typed error that no guest can catch, and the Vm goes on with more', () => {
  const { vm, module } = guest({ fuel: 10_000 })
  const failure = (name: string): unknown => {
    try {
      module.invoke(name)
    } catch (error) {
      return error
    }
    return undefined
  }
  for (const name of ['spin', 'tail', 'catchAll', 'reenter', 'storm']) {
    vm.fuel = 10_000
    const error = failure(name)
    assert.ok(error instanceof FuelExhaustedError, `${name}: ${String(error)}`)
    assert.ok(error instanceof RuntimeError)
    assert.deepEqual([error.limit, error.max, error.message], ['fuel', 10_000, 'all fuel consumed by WebAssembly'])
    assert.ok(vm.fuel >= 0 && vm.fuel < 100, `${name} left ${vm.fuel}`)
  }
  vm.fuel = 1000
  assert.equal(module.invoke('count', 10), 10)
})

test('what stopped for want of fuel goes on with more, to the same end', () => {
  const { vm, module } = guest({ fuel: 1e9 })
  const call = module.prepareCall('count', 5000)
  assert.equal(call.state, 'ready')
  let runs = 0
  for (; call.run({ fuel: 1000 }) === 'paused'; runs++) {
    assert.equal(call.reason, 'fuel')
    assert.throws(() => call.value, /the call is paused/)
    assert.ok(call.byteLength > 0)
  }
  assert.equal(call.value, 5000)
  assert.equal(runs, 45)
  assert.equal(vm.fuel, 1e9 - 9 * 5000)
  assert.throws(() => call.run(), /the call is done/)
})

test('a call that was dropped leaves nothing behind', () => {
  const { module } = guest({ fuel: 1e9 })
  const call = module.prepareCall('spin')
  assert.equal(call.run({ fuel: 100 }), 'paused')
  call.drop(new Error('enough'))
  assert.throws(() => call.value, /enough/)
  assert.equal(call.byteLength, 0)
  assert.equal(module.invoke('count', 3), 3)
})

test('without fuel nothing is counted, and it cannot be set', () => {
  const { vm, module } = guest({})
  assert.equal(vm.fuel, Infinity)
  assert.throws(() => (vm.fuel = 5), /fuel is counted only in a Vm with the option fuel/)
  assert.throws(() => module.prepareCall('spin').run({ fuel: 5 }), /fuel is counted only/)
  for (const fuel of [-1, 1.5, NaN, '5' as never]) assert.throws(() => new Vm({ fuel }), /option 'fuel' must be/)
})

test('a namespace can have fuel too', () => {
  const W = createWebAssembly({ fuel: 100 })
  const { exports } = new W.Instance(new W.Module(parseWat('(module (func (export "f") (loop $l (br $l))))').bytes))
  assert.throws(exports['f'] as () => void, FuelExhaustedError)
})
