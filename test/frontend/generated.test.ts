// Generated modules: the host's WebAssembly against the functions as SSA, plain and optimised. SSA_SEED and SSA_COUNT run others.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly, realmOf } from '../../src/api/namespace.ts'
import { optimize } from '../../src/ssa/passes/optimize.ts'
import { verify } from '../../src/ssa/verify.ts'
import { supportedFeatures } from '../../fuzz/features.ts'
import { generateModule } from '../../fuzz/gen.ts'
import { caseSeed } from '../../fuzz/random.ts'
import { compareOutcomes, type Namespace, runModule } from '../../fuzz/run-case.ts'
import type { Graph } from '../../src/ssa/graph.ts'
import { installEvaluator } from '../ssa/eval.ts'

const SEED = Number(process.env['SSA_SEED'] ?? 5)
const COUNT = Number(process.env['SSA_COUNT'] ?? 150)
const host = (globalThis as unknown as { WebAssembly: Namespace }).WebAssembly

function run(guardedMemories: boolean, transform: (graph: Graph) => void): void {
  // Without what is not compiled: nearly every function is translated.
  const features = supportedFeatures((bytes) => host.validate(bytes), process.versions.v8)
  for (const feature of features) if (/simd|gc|exception|thread/.test(feature)) features.delete(feature)
  let instructions = 0
  for (let i = 0; i < COUNT; i++) {
    const bytes = generateModule(caseSeed(SEED, i), features)
    const engine = installEvaluator({ guardedMemories }, transform)
    const namespace = createWebAssembly({ limits: { memory: 64 << 20 } })
    try {
      const difference = compareOutcomes(runModule(namespace as unknown as Namespace, bytes), runModule(host, bytes))
      assert.equal(difference, undefined, `SSA_SEED=${SEED} case ${i}: ${difference}`)
    } finally {
      realmOf(namespace)!.store.dispose()
      engine.uninstall()
    }
    instructions += engine.counts.instructions
  }
  assert.ok(instructions > COUNT * 100, `${instructions} instructions ran as SSA`)
}

test('generated modules as SSA, checked memories', () => run(false, (graph) => verify(graph)))
test('generated modules as optimised SSA, checked memories', () =>
  run(false, (graph) => optimize(graph, (pass) => verify(graph, pass))))
test('generated modules as optimised SSA, guarded memories', () =>
  run(true, (graph) => optimize(graph, (pass) => verify(graph, pass))))
