// A small part of `npm run leak`: memory stays flat while instances come and go.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** Enough to lose 100 MB if no instance were collected: scripts/leak.mjs allows 4. */
const CYCLES = 1500

test('instances, host objects and objects of the GC heap are collected; needs dist/', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', 'scripts/leak.mjs', String(CYCLES)], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /^flat: 1500 cycles, /m)
})
