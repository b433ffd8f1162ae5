// Another process swaps a directory for a symlink that leads out, as fast as it can, while a guest opens files through it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { At, Guest, OFlag, RIGHTS } from './guest.ts'

const ATTEMPTS = 3_000

const SWAP = `
  const { renameSync } = require('node:fs')
  process.chdir(process.argv[1])
  process.stdout.write('ready')
  for (;;) {
    renameSync('d', 'aside'); renameSync('link', 'd')
    renameSync('d', 'link'); renameSync('aside', 'd')
  }`

for (const kind of ['host', 'overlay'] as const)
  test(`no open, create or unlink leaves the preopen while a directory becomes a symlink (${kind})`, async () => {
    const guest = new Guest('zwasm', { tree: kind })
    const outside = mkdtempSync(join(tmpdir(), 'zwasm-outside-'))
    writeFileSync(join(outside, 'f'), 'OUTSIDE')
    mkdirSync(join(guest.root, 'd'))
    writeFileSync(join(guest.root, 'd/f'), 'inside')
    symlinkSync(outside, join(guest.root, 'link'))
    const child = spawn(process.execPath, ['-e', SWAP, guest.root], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(child.stdout, 'data')
      const seen = new Map<string, number>()
      for (let i = 0; i < ATTEMPTS; i++) {
        const fd = guest.open('d/f', { rights: RIGHTS.read })
        const result = typeof fd === 'string' ? fd : guest.read(fd, 16)
        if (typeof fd === 'number') guest.call('fd_close', fd)
        seen.set(result, (seen.get(result) ?? 0) + 1)
        const made = guest.open('d/new', { oflags: OFlag.creat, rights: RIGHTS.write })
        if (typeof made === 'number') guest.call('fd_close', made)
        guest.call('path_unlink_file', 3, ...guest.path('d/new'))
        guest.call('path_rename', 3, ...guest.path('d/f'), 3, ...guest.path('d/f', At.Path2))
      }
      assert.deepEqual(readdirSync(outside), ['f'])
      assert.ok(!seen.has('OUTSIDE'), 'the guest has read a file outside')
      // The two sides have met: both states were seen.
      assert.ok(seen.has('inside') && seen.size > 1, `only ${[...seen.keys()].join()} seen`)
    } finally {
      child.kill()
      await once(child, 'close')
      // The other process has changed what lies below.
      guest.close(false)
      rmSync(outside, { recursive: true })
    }
  })
