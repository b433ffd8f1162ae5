// The scripts of the component model. `npm run spec -- component` runs the same with a report.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { componentFiles, findComponentSuite, runComponentFiles } from '../spec/component-suite.ts'

test('every synchronous script of the component model passes', () => {
  const files = componentFiles(findComponentSuite(process.cwd())).filter((f) => !f.isAsync)
  assert(files.length > 60)
  const { passed, problems, unsupported } = runComponentFiles(files)
  assert.deepEqual(
    problems.map(({ file, line, reason }) => `${file}:${line}: ${reason}`),
    [],
  )
  assert(passed > 1700, `only ${passed} passed`)
  // values/variants.wast has one call of an asynchronous function.
  assert(unsupported <= 1, `${unsupported} need what is not supported`)
})
