// Decoding and validating real modules: throughput, cold start, memory.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WebAssemblyNamespace } from 'zwasm'
import { engine as engineOf, type EngineName, v8 } from './engines.ts'
import { inProcess, interleave, median, repeat } from './measure.ts'
import type { Options, Report, Suite } from './report.ts'

interface Subject {
  readonly name: string
  readonly file: string
  /** Call this export when measuring the cold start. */
  readonly entry?: string
}

const SUBJECTS: readonly Subject[] = [
  { name: 'sqlite (C)', file: '@sqlite.org/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.wasm' },
  { name: 'esbuild (Go)', file: 'esbuild-wasm/esbuild.wasm', entry: 'run' },
  { name: 'ruby (C)', file: '@ruby/3.4-wasm-wasi/dist/ruby.wasm', entry: '_initialize' },
]

/** Bytes a second that a warm decoder has to reach, in MB (10^6). */
const WARM_TARGET = 40
/** Milliseconds from process start to the first instruction, for a module of 10 MB: scaled with the size. */
const COLD_TARGET = 700
const COLD_SIZE = 10e6

type Job =
  | { readonly kind: 'warm'; readonly file: string; readonly rounds: number }
  | { readonly kind: 'memory'; readonly file: string }
  | { readonly kind: 'cold'; readonly file: string; readonly entry: string; readonly engine: EngineName }

const pathOf = (file: string): string => join(process.cwd(), 'bench/node_modules', file)

async function child(job: Job): Promise<unknown> {
  switch (job.kind) {
    case 'warm': {
      const bytes = readFileSync(pathOf(job.file))
      const ours = await engineOf('zwasm')
      const check = (engine: WebAssemblyNamespace) => () => {
        if (!engine.validate(bytes)) throw new Error(`${job.file} is refused`)
      }
      return interleave(check(ours), check(v8), job.rounds, 2)
    }
    case 'memory': {
      const engine = await engineOf('zwasm')
      const bytes = readFileSync(pathOf(job.file))
      const before = held()
      const module = new engine.Module(bytes)
      const after = held()
      // Keeps the module alive until here.
      if (engine.Module.exports(module).length === 0) throw new Error('a module without exports')
      return { bytes: bytes.length, held: after - before }
    }
    case 'cold': {
      const engine = await engineOf(job.engine)
      const loaded = performance.now()
      const module = new engine.Module(readFileSync(pathOf(job.file)))
      const compiled = performance.now()
      let first: number | undefined
      const imports: Record<string, Record<string, () => never>> = {}
      for (const { module: from, name, kind } of engine.Module.imports(module)) {
        if (kind !== 'function') throw new Error(`${job.file} imports a ${kind}`)
        imports[from] ??= {}
        imports[from][name] = () => {
          first ??= performance.now()
          throw new Stop()
        }
      }
      const { exports } = new engine.Instance(module, imports)
      try {
        ;(exports[job.entry] as (...args: number[]) => unknown)(0, 0)
      } catch (error) {
        if (!(error instanceof Stop)) throw error
      }
      // performance.now() counts from the start of the process.
      return { loaded, compiled, executing: first ?? performance.now() }
    }
  }
}

/** Ends the guest at its first call of the host: it has started to execute. */
class Stop extends Error {}

/** Bytes of all kinds that live objects hold. */
function held(): number {
  for (let i = 0; i < 4; i++) (globalThis as { gc?: () => void }).gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function run(options: Options): Promise<Report[]> {
  const chosen = SUBJECTS.filter(
    ({ name }) => options.only.length === 0 || options.only.some((word) => name.startsWith(word)),
  )
  if (chosen.length === 0) return []
  const missing = chosen.filter(({ file }) => !existsSync(pathOf(file)))
  if (missing.length > 0)
    throw new Error(`${missing.map(({ file }) => file).join(', ')} not found: run \`npm ci --prefix bench\` first`)
  const size = ({ file }: Subject): number => readFileSync(pathOf(file)).length
  const warm: Report = {
    title: 'front: decode + validate, warm',
    unit: 'MB/s',
    columns: { ours: 'zwasm', theirs: 'V8' },
    rows: chosen.map((subject) => {
      const job: Job = { kind: 'warm', file: subject.file, rounds: Math.min(options.rounds, 5) }
      const runs = repeat(Math.min(options.processes, 3), () =>
        inProcess<{ ours: number; theirs: number }>('front', job),
      )
      const rate = (ms: number): number => size(subject) / 1e3 / ms
      return {
        name: subject.name,
        ours: rate(Math.min(...runs.map((r) => r.ours))),
        theirs: rate(Math.min(...runs.map((r) => r.theirs))),
        value: rate(Math.min(...runs.map((r) => r.ours))),
        atLeast: WARM_TARGET,
        note: `${(size(subject) / 1e6).toFixed(1)} MB`,
      }
    }),
  }
  const cold: Report = {
    title: 'front: cold start, from process start to the first host call of the guest',
    unit: 'ms',
    columns: { ours: 'zwasm', theirs: 'V8' },
    rows: chosen
      .filter(({ entry }) => entry !== undefined)
      .map((subject) => {
        const measure = (engine: EngineName): { loaded: number; compiled: number; executing: number }[] =>
          repeat(options.processes, () =>
            inProcess('front', { kind: 'cold', file: subject.file, entry: subject.entry!, engine } satisfies Job),
          )
        const ours = measure('zwasm')
        const executing = median(ours.map((r) => r.executing))
        return {
          name: subject.name,
          ours: executing,
          theirs: median(measure('V8').map((r) => r.executing)),
          value: executing,
          atMost: Math.round((COLD_TARGET * size(subject)) / COLD_SIZE),
          note: `of it node and zwasm ${median(ours.map((r) => r.loaded)).toFixed(0)}, compile ${median(ours.map((r) => r.compiled - r.loaded)).toFixed(0)}; target 700 ms for 10 MB, in proportion`,
        }
      }),
  }
  const memory: Report = {
    title: 'front: memory held by a compiled module (before any function runs)',
    unit: 'bytes per byte of module',
    columns: { ours: 'zwasm' },
    rows: chosen.map(({ name, file }) => {
      const job: Job = { kind: 'memory', file }
      const { bytes, held } = inProcess<{ bytes: number; held: number }>('front', job, ['--expose-gc'])
      return { name, ours: held / bytes, note: 'of it 1.00 for the copy of the bytes' }
    }),
  }
  return [warm, cold, memory]
}

export const front: Suite = { name: 'front', run, child }
