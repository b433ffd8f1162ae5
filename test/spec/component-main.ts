// npm run spec -- component [filter ...] [--strict] [--host] [--verbose]: the scripts of the component model.

import { createWebAssembly } from '../../src/api/namespace.ts'
import { componentFiles, CONTRADICTIONS, findComponentSuite, NOT_RUN, runComponentFiles } from './component-suite.ts'

const MAX_PROBLEMS_SHOWN = 100

/** Prints the report; true if the run is red. */
export function runComponentSuite(root: string, args: readonly string[]): boolean {
  const filters = args.filter((a) => !a.startsWith('-'))
  const unknown = args.find((a) => a.startsWith('-') && !['--strict', '--host', '--verbose'].includes(a))
  if (unknown !== undefined) throw new Error(`unknown option ${unknown}: there are --strict, --host and --verbose`)
  const suite = findComponentSuite(root)
  const files = componentFiles(suite, filters)
  if (files.length === 0) throw new Error('no file matches')
  const options = {
    strict: args.includes('--strict'),
    namespace: createWebAssembly(args.includes('--host') ? { engine: 'host' } : {}),
  }
  const start = performance.now()
  const sync = runComponentFiles(
    files.filter((f) => !f.isAsync),
    options,
  )
  const async = runComponentFiles(
    files.filter((f) => f.isAsync),
    options,
  )
  const verbose = args.includes('--verbose')
  for (const [run, count] of [
    [sync, MAX_PROBLEMS_SHOWN],
    [async, verbose ? MAX_PROBLEMS_SHOWN : 0],
  ] as const) {
    for (const { file, line, command, reason } of run.problems.slice(0, count))
      console.log(`${file}:${line}: ${command}\n    ${(reason ?? '').split('\n').slice(0, 6).join('\n    ')}`)
  }
  for (const { path, reason } of NOT_RUN) console.log(`not run: ${path}: ${reason}`)
  for (const { file, line, reason } of CONTRADICTIONS) {
    if (files.some((f) => f.name === file)) console.log(`contradiction: ${file}:${line}: ${reason}`)
  }
  for (const [what, count] of sync.needs)
    console.log(`not supported, in synchronous scripts: ${what}: ${count} command${count === 1 ? '' : 's'}`)
  if (async.passed + async.unsupported + async.problems.length > 0) {
    const needs = [...async.needs].sort((a, b) => b[1] - a[1]).map(([what, count]) => `${what} (${count})`)
    console.log(
      `asynchronous scripts, counted apart: ${async.passed} passed, ${async.unsupported} need what is not supported, ` +
        `${async.problems.length} failed${needs.length === 0 ? '' : `; they need ${needs.join(', ')}`}`,
    )
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(
    `component model: ${sync.passed} passed, ${sync.problems.length} failed, ${sync.unsupported} not supported (${seconds} s)`,
  )
  return sync.problems.length > 0
}
