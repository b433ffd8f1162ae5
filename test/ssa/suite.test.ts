// The official suite with the functions that the front end translates run as SSA. Left out: folders of what is not compiled.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runWast } from '../../src/api/wast-runner.ts'
import type { Graph } from '../../src/ssa/graph.ts'
import { optimize } from '../../src/ssa/passes/optimize.ts'
import { verify } from '../../src/ssa/verify.ts'
import { findSuite, suiteFiles } from '../spec/suite.ts'
import { installEvaluator } from './eval.ts'

const NOT_COMPILED = /simd|relaxed|\/gc\/|exceptions|threads/
/** Functions that the scripts call; fewer means that something is not run as SSA any more. */
const LEAST_TRANSLATED = 4800
const LEAST_PASSED = 38_000

async function runSuite(guardedMemories: boolean, transform: (graph: Graph) => void): Promise<void> {
  const engine = installEvaluator({ guardedMemories }, transform)
  const problems: string[] = []
  let passed = 0
  try {
    for (const { name, path, features } of suiteFiles(findSuite(process.cwd()))) {
      if (NOT_COMPILED.test(name)) continue
      const report = await runWast(readFileSync(path), { file: name, features, engine: 'zwasm' })
      passed += report.passed
      for (const { line, reason } of report.problems) problems.push(`${name}:${line}: ${reason}`)
    }
  } finally {
    engine.uninstall()
  }
  assert.deepEqual(problems, [])
  assert.ok(passed >= LEAST_PASSED, `${passed} passed`)
  assert.ok(engine.counts.translated >= LEAST_TRANSLATED, `${engine.counts.translated} functions were translated`)
}

test('the official suite as SSA, checked memories', () => runSuite(false, (graph) => verify(graph)))

test('the official suite as optimised SSA, guarded memories', () =>
  runSuite(true, (graph) => optimize(graph, (pass) => verify(graph, pass))))
