// Calls of WASI from a guest on the host's engine: nanoseconds each, zwasm's class WASI beside `node:wasi`.

import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v8 } from './engines.ts'
import { inProcess, interleave, repeat } from './measure.ts'
import type { Options, Report, Suite } from './report.ts'

/** Each export makes so many calls and returns the sum of their errnos. */
const loop = (call: string): string => `(param $n i32) (result i32)
    (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) ${call}))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)`

/** fd_read is the right to ask for; the preopen is descriptor 3, the path `f` or `d/e/f`. */
const open = (address: number, length: number): string => `(i32.add
  (call $path_open (i32.const 3) (i32.const 1) (i32.const ${address}) (i32.const ${length}) (i32.const 0)
    (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32))
  (call $fd_close (i32.load (i32.const 32))))`

const TEXT = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\40\\00\\00\\00")
  (data (i32.const 128) "f")
  (data (i32.const 136) "d/e/f")
  (func (export "_start"))
  (func (export "fd_write") ${loop('(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32))')})
  (func (export "clock_time_get") ${loop('(call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 32))')})
  (func (export "path_open and fd_close: f") ${loop(open(128, 1))})
  (func (export "path_open and fd_close: d/e/f") ${loop(open(136, 5))}))`

const CALLS: Readonly<Record<string, number>> = {
  fd_write: 5_000,
  clock_time_get: 20_000,
  'path_open and fd_close: f': 2_000,
  'path_open and fd_close: d/e/f': 2_000,
}

interface Job {
  readonly name: string
  readonly rounds: number
}

interface Times {
  readonly ours: number
  readonly theirs: number
}

async function child({ name, rounds }: Job): Promise<Times> {
  const { parseWat, WASI } = await import('zwasm')
  const { WASI: HostWASI } = await import('node:wasi')
  const folder = mkdtempSync(join(tmpdir(), 'zwasm-bench-'))
  const sink = openSync(process.platform === 'win32' ? 'NUL' : '/dev/null', 'w')
  try {
    mkdirSync(join(folder, 'd/e'), { recursive: true })
    for (const file of ['f', 'd/e/f']) writeFileSync(join(folder, file), '')
    const module = new v8.Module(parseWat(TEXT).bytes)
    const options = { version: 'preview1', preopens: { '/': folder }, stdout: sink } as const
    const mine = new WASI(options)
    const host = new HostWASI(options)
    const ours = new v8.Instance(module, mine.getImportObject()).exports
    const theirs = new v8.Instance(module, host.getImportObject() as never).exports
    mine.finalizeBindings({ exports: ours })
    host.start({ exports: theirs })
    const calls = CALLS[name]
    const run = (exports: typeof ours): void => {
      const errnos: number = (exports[name] as (n: number) => number)(calls)
      if (errnos !== 0) throw new Error(`${name}: the errnos add up to ${errnos}`)
    }
    return interleave(
      () => run(ours),
      () => run(theirs),
      rounds,
    )
  } finally {
    closeSync(sink)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(options: Options): Promise<Report[]> {
  const names = Object.keys(CALLS).filter(
    (name) => options.only.length === 0 || options.only.some((word) => name.includes(word)),
  )
  if (names.length === 0) return []
  const rows = names.map((name) => {
    const runs = repeat(options.processes, () =>
      inProcess<Times>('wasi', { name, rounds: options.rounds } satisfies Job),
    )
    const nanoseconds = (of: 'ours' | 'theirs'): number => (Math.min(...runs.map((r) => r[of])) / CALLS[name]) * 1e6
    return { name, ours: nanoseconds('ours'), theirs: nanoseconds('theirs') }
  })
  return [
    {
      title: "wasi: preview 1 under a guest on the host's engine",
      unit: 'ns a call',
      columns: { ours: 'zwasm', theirs: 'node:wasi', value: 'ratio' },
      rows,
    },
  ]
}

export const wasi: Suite = { name: 'wasi', run, child }
