// What confines a guest, beyond single paths: two preopens, memory that another thread changes.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { WASI } from '../../src/index.ts'
import { ERROR_CODES } from '../../src/wasi/errors.ts'

const root = mkdtempSync(join(tmpdir(), 'zwasm-confine-'))
after(() => rmSync(root, { recursive: true, force: true }))
for (const folder of ['ro', 'rw']) mkdirSync(join(root, folder))
writeFileSync(join(root, 'ro/f'), 'original')

/** A guest with `/ro`, read-only, as descriptor 3, and `/rw` as 4. */
function guest(memory: object): { call: (name: string, ...args: (number | bigint)[]) => string; close: () => void } {
  const wasi = new WASI({
    version: 'preview1',
    preopens: { '/ro': { host: join(root, 'ro'), readonly: true }, '/rw': { host: join(root, 'rw') } },
  })
  wasi.finalizeBindings({ exports: { memory, _start() {} } } as never)
  const functions = wasi.wasiImport as Record<string, (...args: (number | bigint)[]) => number>
  return { call: (name, ...args) => ERROR_CODES[functions[name](...args)], close: () => wasi.close() }
}

test('a file of a read-only preopen gets no second name in one that is not', () => {
  const bytes = new Uint8Array(65536)
  const { call, close } = guest({ buffer: bytes.buffer })
  bytes.set([0x66, 0x67]) // f, g
  assert.equal(call('path_link', 3, 0, 0, 1, 4, 1, 1), 'rofs')
  assert.equal(call('path_rename', 3, 0, 1, 4, 1, 1), 'rofs')
  assert.equal(readFileSync(join(root, 'ro/f'), 'utf8'), 'original')
  close()
})

test('a path that another thread changes while it is read is an errno at worst', async () => {
  const buffer = new SharedArrayBuffer(65536)
  const bytes = new Uint8Array(buffer)
  bytes.set(new TextEncoder().encode('name-of-a-file'))
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads')
     const bytes = new Uint8Array(workerData)
     while (Atomics.load(bytes, 1000) === 0) bytes[5] = bytes[5] === 0 ? 97 : 0`,
    { eval: true, workerData: buffer },
  )
  const ended = new Promise((done) => worker.on('exit', done))
  await new Promise((done) => worker.on('online', done))
  const { call, close } = guest({ buffer })
  const seen = new Set<string>()
  for (let i = 0; i < 3000; i++) seen.add(call('path_filestat_get', 4, 0, 0, 14, 512))
  Atomics.store(bytes, 1000, 1)
  await ended
  close()
  for (const errno of seen) assert.ok(errno === 'noent' || errno === 'inval', errno)
})
