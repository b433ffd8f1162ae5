// What stops guests, and how they wait, on machine code: the tests of test/control, each function compiled before its first call.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { features } from '../../src/index.ts'

const jit = features().engines.find(({ name }) => name === 'jit')

if (jit?.available === true) {
  process.env['ZWASM_TEST_ENGINE'] = 'jit'
  await import('../control/stop.test.ts')
  await import('../control/async.test.ts')
  await import('../control/fuel.test.ts')
} else
  test('there is no machine code here', (t) => {
    assert.ok(process.platform !== 'linux' || process.arch !== 'x64', `no machine code on Linux: ${jit?.title}`)
    t.diagnostic(`NOT RUN: ${jit?.title}`)
  })
