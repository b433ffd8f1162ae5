// The command line on a trivial module, beside a bare node: time, resident memory, size of what is installed.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './measure.ts'
import type { Options, Report, Suite } from './report.ts'

/** More than `node -e 0`: milliseconds, MB (10^6) of resident memory. */
const TIME_TARGET = 25
const MEMORY_TARGET = 15
/** Bytes of ours that an installation has. */
const SIZE_TARGET = 1.5e6

interface Sample {
  readonly ms: number
  readonly rss: number
}

async function run(options: Options): Promise<Report[]> {
  const { parseWat } = await import('zwasm')
  const folder = mkdtempSync(join(tmpdir(), 'zwasm-bench-'))
  try {
    const text = '(module (func (export "_start")))'
    const fib =
      '(module (func $f (export "f") (param i32) (result i32) (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 2))))))))'
    writeFileSync(join(folder, 'trivial.wat'), text)
    writeFileSync(join(folder, 'trivial.wasm'), parseWat(text).bytes)
    writeFileSync(join(folder, 'fib.wasm'), parseWat(fib).bytes)
    // Loaded by every process that is measured, bare node included.
    const probe = join(folder, 'probe.cjs')
    writeFileSync(
      probe,
      'process.on("exit",()=>{try{require("fs").writeSync(3,String(process.resourceUsage().maxRSS))}catch{}})',
    )
    const cli = join(process.cwd(), 'dist/cli.cjs')
    const commands: [string, string[]][] = [
      ['node -e 0', ['-e', '0']],
      ['zwasm run trivial.wasm', [cli, 'run', join(folder, 'trivial.wasm')]],
      ['zwasm run trivial.wat', [cli, 'run', join(folder, 'trivial.wat')]],
      ['zwasm run --invoke f fib.wasm 20', [cli, 'run', '--invoke', 'f', join(folder, 'fib.wasm'), '20']],
      ['zwasm --version', [cli, '--version']],
    ]
    const samples = commands.map((): Sample[] => [])
    const count = 5 * options.processes
    for (let round = 0; round <= count; round++) {
      commands.forEach(([, args], i) => {
        const begin = performance.now()
        const plain = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
        const ms = performance.now() - begin
        const probed = spawnSync(process.execPath, ['--require', probe, ...args], {
          stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
          encoding: 'utf8',
        })
        if (plain.status !== 0 || probed.status !== 0) throw new Error(`${args.join(' ')} failed`)
        // The first round fills the file caches. maxRSS is in KiB.
        if (round > 0) samples[i].push({ ms, rss: (Number(probed.output[3]) * 1024) / 1e6 })
      })
    }
    const [bare] = samples
    const report = (title: string, unit: string, of: (s: Sample) => number, atMost: number): Report => ({
      title,
      unit,
      columns: { ours: 'median', value: 'over node' },
      rows: commands.map(([name], i) => {
        const ours = median(samples[i].map(of))
        if (i === 0) return { name, ours }
        const value = ours - median(bare.map(of))
        return { name, ours, value, ...(i === 1 ? { atMost } : {}) }
      }),
    })
    return [
      report('start: time of the whole process', 'ms', (s) => s.ms, TIME_TARGET),
      report('start: peak of resident memory', 'MB', (s) => s.rss, MEMORY_TARGET),
      {
        title: 'start: size of what is installed',
        unit: 'KB',
        columns: { ours: 'size' },
        rows: installedFiles().map(([name, bytes]) => ({
          name,
          ours: bytes / 1e3,
          ...(name === 'all' ? { atMost: SIZE_TARGET / 1e3 } : {}),
        })),
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bundles of dist/ with their sizes, then all of it. */
function installedFiles(): [string, number][] {
  const dist = join(process.cwd(), 'dist')
  const files = (readdirSync(dist, { recursive: true }) as string[])
    .filter((file) => statSync(join(dist, file)).isFile())
    .map((file): [string, number] => [file, statSync(join(dist, file)).size])
  return [...files.filter(([file]) => /\.c?js$/.test(file)), ['all', files.reduce((sum, [, bytes]) => sum + bytes, 0)]]
}

async function child(): Promise<never> {
  throw new Error('this suite starts the command line itself')
}

export const start: Suite = { name: 'start', run, child }
