// Fuel is the same on both tiers: the same module, the same calls, the same count, to the last unit, wherever it ends.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Feature } from '../../fuzz/features.ts'
import { generateModule } from '../../fuzz/gen.ts'
import { runModule, type Namespace } from '../../fuzz/run-case.ts'
import { features, Vm } from '../../src/index.ts'

const jit = features().engines.find(({ name }) => name === 'jit')!
/** What machine code has, so that most functions are compiled. */
const FEATURES = new Set<Feature>(['sign_extension', 'multi_value', 'bulk_memory', 'tail_call'] as Feature[])
const MODULES = 60
const PLENTY = 1e9

const hashOf = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')

/** What is left of so much fuel, and what the module did with it. */
function run(engine: 'jit' | 'interp', bytes: Uint8Array, fuel: number): string {
  const vm = new Vm({ engine, fuel, limits: { memory: 64 << 20 } })
  const { log, memories, ...rest } = runModule(vm.WebAssembly as unknown as Namespace, bytes)
  const text = JSON.stringify({ log, ...rest }, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
  return `${vm.fuel} left: ${text} ${memories.map(hashOf).join()}`
}

/** Both tiers do the same. */
function same(bytes: Uint8Array, fuel: number, what: string): string {
  const interpreted = run('interp', bytes, fuel)
  const native = run('jit', bytes, fuel)
  if (native === interpreted) return interpreted
  let at = 0
  while (native[at] === interpreted[at]) at++
  const part = (text: string): string => text.slice(Math.max(0, at - 100), at + 200)
  assert.fail(`${what}:\nnative:      ${part(native)}\ninterpreted: ${part(interpreted)}`)
}

test('generated modules use the same fuel on both tiers, and run out of it at the same place', (t) => {
  if (!jit.available) return t.diagnostic(`NOT RUN: ${jit.title}`)
  let used = 0
  for (let seed = 1; seed <= MODULES; seed++) {
    const bytes = generateModule(seed, FEATURES)
    const spent = PLENTY - Number.parseInt(same(bytes, PLENTY, `seed ${seed}`))
    used += spent
    for (const part of [0.3, 0.9]) {
      const fuel = Math.floor(spent * part)
      same(bytes, fuel, `seed ${seed} with ${fuel} of ${spent}`)
    }
  }
  assert.ok(used > 10_000, `only ${used} units: do the modules run?`)
})
