// Compiled programs under `zwasm run`, and on both engines through the API. The sources lie beside the modules in test/fixtures/wasi:
//   clang-19 --target=wasm32-wasi -Oz -s NAME.c -o NAME.wasm

import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { WASI as HostWASI } from 'node:wasi'
import { loadWasi, MemoryFileSystem, parseWat, Symlink, Vm, WASI } from 'zwasm'
import { scratch, zwasm } from '../cli/harness.ts'
import { hostNamespace } from '../../src/api/host.ts'

const WebAssembly = hostNamespace()

const fixture = (name: string): string => resolve(`test/fixtures/wasi/${name}.wasm`)
const bytesOf = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(fixture(name)))

test('hello: arguments, environment, exit code', async () => {
  const { code, stdout, stderr } = await zwasm('.', [
    '--env',
    'WHO=me',
    '--argv0',
    'prog',
    fixture('hello'),
    '7',
    '--x',
  ])
  assert.equal(stdout, 'hello, world\nargv[0] = prog\nargv[1] = 7\nargv[2] = --x\nWHO = me\n')
  assert.deepEqual([code, stderr], [7, 'to stderr\n'])
})

test('hello: an exit code of 126 is an error', async () => {
  const { code, stderr } = await zwasm('.', [fixture('hello'), '126'])
  assert.equal(code, 1)
  assert.match(stderr, /exit with invalid exit status outside of \[0\.\.126\)/)
})

test('cat: stdin to stdout, binary', async () => {
  const input = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 255)
  const { code, stdoutBytes } = await zwasm('.', [fixture('cat')], input)
  assert.equal(code, 0)
  assert.ok(stdoutBytes.equals(input))
})

test('cat: files of a directory, nothing without --dir', async () => {
  const folder = scratch({ 'a.txt': 'aa\n', 'd/b.txt': 'bb\n' })
  const given = await zwasm(folder, ['--dir', '.', fixture('cat'), 'a.txt', './d/b.txt'])
  assert.deepEqual([given.code, given.stdout, given.stderr], [0, 'aa\nbb\n', ''])
  const denied = await zwasm(folder, [fixture('cat'), 'a.txt'])
  assert.equal(denied.code, 1)
  assert.match(denied.stderr, /^a\.txt: /)
  const missing = await zwasm(folder, ['--dir', 'none', fixture('cat')])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /failed to open directory `none`/)
})

test('files: the same output as with node:wasi, except where that leaves the preopen', async () => {
  const work = (): string => {
    const folder = scratch({ secret: 'secret' })
    mkdirSync(join(folder, 'work'))
    symlinkSync(join(folder, 'secret'), join(folder, 'work/out'))
    return join(folder, 'work')
  }
  const mine = work()
  const ours = await zwasm('.', ['--dir', `${mine}::/work`, fixture('files')])
  assert.deepEqual([ours.code, ours.stderr], [0, ''])
  assert.match(ours.stdout, /^open through a symlink that leads out: Operation not permitted$/m)

  const output = scratch({ out: '' })
  const fd = openSync(join(output, 'out'), 'w')
  const host = new HostWASI({
    version: 'preview1',
    args: ['files.wasm'],
    preopens: { '/work': work() },
    stdout: fd,
    returnOnExit: true,
  })
  const { instance } = await WebAssembly.instantiate(bytesOf('files'), host.getImportObject() as never)
  assert.equal(host.start(instance), 0)
  closeSync(fd)
  const theirs = readFileSync(join(output, 'out'), 'utf8')
  const comparable = (text: string): string => text.replace(/^open through .*$/m, '')
  assert.equal(comparable(ours.stdout), comparable(theirs))

  const kept = work()
  const overlay = await zwasm('.', ['--dir', `${kept}::/work::overlay`, fixture('files')])
  assert.deepEqual([overlay.code, overlay.stdout], [0, ours.stdout])
  assert.deepEqual(readdirSync(kept), ['out'])
  const chunks: Uint8Array[] = []
  const fs = new MemoryFileSystem({ out: new Symlink('/secret') })
  const program = loadWasi(bytesOf('files'), {
    args: ['files.wasm'],
    preopens: { '/work': fs },
    stdout: (chunk) => void chunks.push(chunk),
  })
  assert.equal(program.start(), 0)
  assert.equal(Buffer.concat(chunks).toString(), ours.stdout)
})

test('files: a read-only directory stays as it is', async () => {
  const folder = scratch({ 'work/keep': 'kept' })
  const { stdout, stderr } = await zwasm(folder, ['--dir', 'work::/work::ro', fixture('files')])
  assert.match(stdout + stderr, /mkdir: Read-only file system|unreachable/)
  assert.equal(readFileSync(join(folder, 'work/keep'), 'utf8'), 'kept')
})

test('--trace=wasi', async () => {
  const { stderr } = await zwasm('.', ['--trace=wasi', fixture('hello')])
  assert.match(stderr, /^args_sizes_get\(\) = success argc=1 argv_buf_size=11$/m)
  assert.match(stderr, /^fd_write\(fd=1, iovs="hello, world\\n"\) = success nwritten=13$/m)
})

for (const [engine, vm] of [
  ['interp', new Vm()],
  ['host', new Vm({ engine: 'host' })],
] as const) {
  test(`loadWasi on the engine ${engine}: streams are functions`, () => {
    const out: Uint8Array[] = []
    const chunks = ['one ', 'two'].map((text) => new TextEncoder().encode(text))
    const program = loadWasi(bytesOf('cat'), {
      vm,
      args: ['cat'],
      stdin: () => chunks.shift(),
      stdout: (chunk) => void out.push(chunk),
    })
    assert.equal(program.start(), 0)
    assert.equal(Buffer.concat(out).toString(), 'one two')
  })

  test(`proc_exit on the engine ${engine} unwinds at once`, () => {
    const { bytes } = parseWat(`(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func $f (call $exit (i32.const 42)) (loop (br 0)))
      (func (export "_start") (call $f) unreachable))`)
    assert.equal(loadWasi(bytes, { vm }).start(), 42)
  })
}

test('no handler of the guest sees proc_exit', () => {
  const { bytes } = parseWat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (block $h (try_table (catch_all $h) (call $exit (i32.const 3))))
      unreachable))`)
  assert.equal(loadWasi(bytes).start(), 3)
})

test('a signal that is raised ends the guest', () => {
  const { bytes } = parseWat(`(module
    (import "wasi_unstable" "proc_raise" (func $raise (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (drop (call $raise (i32.const 6))) unreachable))`)
  assert.equal(loadWasi(bytes).start(), 134)
})

test('output is capped', () => {
  let bytes = 0
  const program = loadWasi(bytesOf('cat'), {
    args: ['cat'],
    stdin: new Uint8Array(100_000),
    stdout: (chunk) => void (bytes += chunk.length),
    stderr: () => {},
    maxOutput: 1000,
  })
  assert.equal(program.start(), 1)
  assert.equal(bytes, 1000)
})

test('a sleeping guest is stopped at its deadline', () => {
  const { bytes } = parseWat(`(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 60000000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))`)
  assert.throws(() => loadWasi(bytes, { vm: new Vm({ timeout: 50 }) }).start(), { name: 'DeadlineExceededError' })
})

test('a fake clock and seeded random bytes make a run repeatable', () => {
  let now = 1_000n
  const wasi = new WASI({
    version: 'preview1',
    clock: { now: () => now, resolution: () => 1n, sleep: (ns) => void (now += ns) },
    random: (bytes) => void bytes.fill(7),
  })
  const memory = new WebAssembly.Memory({ initial: 1 })
  wasi.finalizeBindings({ exports: { memory } })
  const view = new DataView(memory.buffer)
  view.setUint32(16, 1, true)
  view.setBigUint64(24, 3_600_000_000_000n, true)
  assert.equal(wasi.wasiImport.poll_oneoff(0, 64, 1, 128), 0)
  assert.equal(wasi.wasiImport.clock_time_get(1, 0n, 0), 0)
  assert.equal(view.getBigUint64(0, true), 3_600_000_001_000n)
  assert.equal(wasi.wasiImport.random_get(0, 4), 0)
  assert.equal(view.getUint32(0, true), 0x07070707)
  wasi.close()
})

test('poll_oneoff waits for a pipe, and sees its end', async () => {
  const folder = scratch({
    'poll.wat': `(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (i32.store8 (i32.const 8) (i32.const 1))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
        ;; bytes ready, plus 100 for a hang-up
        (call $exit (i32.add (i32.load (i32.const 80)) (i32.mul (i32.const 100) (i32.load16_u (i32.const 88)))))))`,
  })
  const { execFile } = await import('node:child_process')
  const cli = resolve('dist/cli.cjs')
  const run = (script: string): Promise<number> =>
    new Promise((done) => {
      execFile('sh', ['-c', script], { cwd: folder }, (error) => done(error === null ? 0 : Number(error.code)))
    })
  assert.equal(await run(`(sleep 0.2; printf abc) | ${process.execPath} ${cli} poll.wat`), 3)
  assert.equal(await run(`: | ${process.execPath} ${cli} poll.wat`), 100)
})

test('the options of the class: errors as in node:wasi', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const bad: [object | undefined, string][] = [
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ version: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ version: 'x' }, 'ERR_INVALID_ARG_VALUE'],
    [{ version: 'preview1', args: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ version: 'preview1', env: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ version: 'preview1', preopens: [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ version: 'preview1', returnOnExit: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ version: 'preview1', stdin: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ version: 'preview1', stdout: 1.5 }, 'ERR_OUT_OF_RANGE'],
  ]
  const thrown = (call: () => unknown): { code?: string; message: string } => {
    try {
      call()
    } catch (error) {
      return error as Error
    }
    throw new Error('nothing was thrown')
  }
  for (const [options, code] of bad) {
    const ours = thrown(() => new WASI(options as never))
    assert.equal(ours.code, code, JSON.stringify(options))
    const theirs = thrown(() => new HostWASI(options as never))
    assert.deepEqual([ours.code, ours.message], [theirs.code, theirs.message])
  }
  const instances: object[] = [
    { exports: { memory } },
    { exports: { memory, _start: 1 } },
    { exports: { memory, _start() {}, _initialize() {} } },
  ]
  for (const instance of instances) {
    const ours = thrown(() => new WASI({ version: 'preview1' }).start(instance as never))
    const theirs = thrown(() => new HostWASI({ version: 'preview1' }).start(instance))
    assert.deepEqual([ours.code, ours.message], [theirs.code, theirs.message])
  }
  const wasi = new WASI({ version: 'unstable' })
  assert.deepEqual(Object.keys(wasi.getImportObject()), ['wasi_unstable'])
  assert.equal(thrown(() => wasi.wasiImport.sched_yield()).code, 'ERR_WASI_NOT_STARTED')
  wasi.initialize({ exports: { memory } })
  assert.equal(thrown(() => wasi.initialize({ exports: { memory } })).code, 'ERR_WASI_ALREADY_STARTED')
  wasi.close()
})
