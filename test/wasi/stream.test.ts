// Standard streams that stream: what a guest passes on is not gathered anywhere.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'

const MEGABYTE = 1 << 20
const PIPED = 128
/** Resident memory that `cat` may grow by while all of that passes through it; gathered anywhere, it would be more than this. */
const GROWTH = 48

test('a large pipe through cat holds a few megabytes', async () => {
  const child = spawn(process.execPath, [resolve('dist/cli.cjs'), resolve('test/fixtures/wasi/cat.wasm')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let received = 0
  child.stdout.on('data', (chunk: Buffer) => (received += chunk.length))
  const peak = (): number =>
    Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024
  const piece = Buffer.alloc(MEGABYTE, 'x')
  const until = async (bytes: number): Promise<void> => {
    while (received < bytes) await once(child.stdout, 'data')
  }
  let before = 0
  for (let i = 0; i < PIPED; i++) {
    if (!child.stdin.write(piece)) await once(child.stdin, 'drain')
    if (i !== 7) continue
    await until(8 * MEGABYTE)
    before = peak()
  }
  await until(PIPED * MEGABYTE)
  const growth = peak() - before
  child.stdin.end()
  const [code] = await once(child, 'close')
  assert.deepEqual([code, received], [0, PIPED * MEGABYTE])
  assert.ok(before > 0 && growth < GROWTH, `grew by ${growth} MB`)
})
