// The interpreter on the programs of bench/workloads, against V8's optimised code.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WebAssemblyNamespace } from 'zwasm'
import { v8 } from './engines.ts'
import { inProcess, interleave, median, repeat, time } from './measure.ts'
import type { Options, Report, Suite } from './report.ts'

export interface Workload {
  readonly name: string
  readonly argument: number
  readonly result: number | bigint
  /** Ratio to V8. The prototypes of docs/interpreter.md reached it. */
  readonly target: number
  /** Milliseconds of the first run in a cold process, where the prototypes have a figure. */
  readonly firstRun?: number
}

export const WORKLOADS: readonly Workload[] = [
  { name: 'fib', argument: 27, result: 196418, target: 6, firstRun: 48 },
  { name: 'tak', argument: 10, result: 70, target: 6 },
  { name: 'sieve', argument: 1_000_000, result: 78498, target: 16, firstRun: 200 },
  { name: 'nbody', argument: 100_000, result: -0.16907985939167564, target: 26 },
  { name: 'xorshift', argument: 3_000_000, result: 1838991577784010229n, target: 12 },
  { name: 'matmul', argument: 128, result: -22.502197265625, target: 16 },
  { name: 'mandelbrot', argument: 181, result: 402682, target: 16, firstRun: 75 },
]

const MEAN_TARGET = Number(process.versions.node.split('.')[0]) >= 26 ? 15 : 12

type Job =
  | { readonly kind: 'steady'; readonly names: readonly string[]; readonly rounds: number }
  | { readonly kind: 'first'; readonly name: string }
type Steady = Record<string, { ours: number; theirs: number }>
interface First {
  readonly compile: number
  readonly run: number
}

export type Run = (argument: number) => number | bigint

async function instantiate(workload: Workload): Promise<{ ours: () => Run; theirs: () => Run }> {
  const { WebAssembly: ours, parseWat } = await import('zwasm')
  const { bytes } = parseWat(readFileSync(join(process.cwd(), 'bench/workloads', `${workload.name}.wat`)))
  const make = (namespace: WebAssemblyNamespace) => (): Run =>
    new namespace.Instance(new namespace.Module(bytes)).exports.run as Run
  return { ours: make(ours), theirs: make(v8) }
}

/** Calls and checks the result. */
export function checked(workload: Workload, run: Run, who: string): () => void {
  return () => {
    const result = run(workload.argument)
    if (!Object.is(result, workload.result))
      throw new Error(`${who}: ${workload.name} gave ${result}, not ${workload.result}`)
  }
}

async function child(job: Job): Promise<Steady | First> {
  if (job.kind === 'first') {
    const workload = WORKLOADS.find(({ name }) => name === job.name)!
    const { ours } = await instantiate(workload)
    let run!: Run
    const compile = time(() => (run = ours()))
    return { compile, run: time(checked(workload, run, 'zwasm')) }
  }
  // All in one process: the loop sees every program, as it does in a host that runs more than one.
  const programs = await Promise.all(
    WORKLOADS.filter(({ name }) => job.names.includes(name)).map(async (workload) => {
      const { ours, theirs } = await instantiate(workload)
      return {
        name: workload.name,
        ours: checked(workload, ours(), 'zwasm'),
        theirs: checked(workload, theirs(), 'V8'),
      }
    }),
  )
  for (const { ours, theirs } of programs) {
    ours()
    theirs()
  }
  return Object.fromEntries(programs.map(({ name, ours, theirs }) => [name, interleave(ours, theirs, job.rounds)]))
}

async function run(options: Options): Promise<Report[]> {
  const chosen = WORKLOADS.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  if (chosen.length === 0) return []
  const job: Job = { kind: 'steady', names: chosen.map(({ name }) => name), rounds: options.rounds }
  const runs = repeat(options.processes, () => inProcess<Steady>('interp', job))
  const steady: Report = {
    title: 'interp: steady state',
    unit: 'ms a run; ratio to V8',
    columns: { ours: 'zwasm', theirs: 'V8', value: 'ratio' },
    rows: chosen.map(({ name, argument, target }) => {
      const ours = runs.map((r) => r[name].ours)
      const spread = Math.max(...ours) / Math.min(...ours)
      return {
        name: `${name}(${argument})`,
        ours: Math.min(...ours),
        theirs: Math.min(...runs.map((r) => r[name].theirs)),
        atMost: target,
        note: `slowest process x${spread.toFixed(2)}`,
      }
    }),
    ...(chosen.length === WORKLOADS.length ? { meanTarget: MEAN_TARGET } : {}),
  }
  const first: Report = {
    title: 'interp: first run in a cold process',
    unit: 'ms',
    columns: { ours: 'run' },
    rows: chosen.map(({ name, argument, firstRun }) => {
      const cold = repeat(options.processes, () => inProcess<First>('interp', { kind: 'first', name } satisfies Job))
      return {
        name: `${name}(${argument})`,
        ours: median(cold.map((r) => r.run)),
        ...(firstRun === undefined ? {} : { atMost: firstRun }),
        note: `compile + instantiate ${median(cold.map((r) => r.compile)).toFixed(1)} ms before; fastest process ${Math.min(...cold.map((r) => r.run)).toFixed(1)}`,
      }
    }),
  }
  return [steady, first]
}

export const interp: Suite = { name: 'interp', run, child }
