// What it costs to watch: programs of bench/workloads in a `Vm` with a trace, a profile or coverage beside one without, in turns in one
// process, fresh for each. And what it costs not to: with ZWASM_BEFORE=FILE, the dist/index.js of another build, programs that nobody
// watches on both builds.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { VmOptions } from 'zwasm'
import { checked, WORKLOADS } from './interp.ts'
import { inProcess, interleave, median, repeat, time } from './measure.ts'
import type { Options, Report, Row, Suite } from './report.ts'

/** Smaller than in other suites: a watched run is long. */
const PROGRAMS = [
  { name: 'fib', argument: 16, result: 987 },
  { name: 'sieve', argument: 10_000, result: 1229 },
] as const

const WARM_UP = 100

/** The sink does nothing: what is measured is the making of events. */
const sink = (): void => {}
const MODES: Readonly<Record<string, VmOptions>> = {
  'trace host': { trace: { kinds: ['host'], sink } },
  'trace call': { trace: { kinds: ['call'], sink } },
  'trace mem': { trace: { kinds: ['mem'], sink } },
  'trace exec': { trace: { kinds: ['exec'], sink } },
  coverage: { coverage: true },
  profile: { profile: true },
}

type Job =
  | { readonly kind: 'mode'; readonly mode: string; readonly program: string; readonly rounds: number }
  | { readonly kind: 'build'; readonly file: string; readonly program: string; readonly rounds: number }

const source = (name: string): Buffer => readFileSync(join(process.cwd(), 'bench/workloads', `${name}.wat`))

async function child(job: Job): Promise<unknown> {
  if (job.kind === 'build') {
    const { Vm, parseWat } = (await import(job.file)) as typeof import('zwasm')
    const vm = new Vm({ engine: 'interp', timeout: Infinity })
    const workload = WORKLOADS.find(({ name }) => name === job.program)!
    const module = vm.instantiate(vm.compile(parseWat(source(job.program)).bytes))
    const run = checked(workload, module.exports.run as (n: number) => number, 'a build')
    for (let i = 0; i < 3; i++) run()
    return median(repeat(job.rounds, () => time(run)))
  }
  const { Vm, parseWat } = await import('zwasm')
  const program = PROGRAMS.find(({ name }) => name === job.program)!
  const make = (options: VmOptions) => {
    const vm = new Vm({ engine: 'interp', timeout: Infinity, ...options })
    const module = vm.instantiate(vm.compile(parseWat(source(job.program)).bytes))
    return () => {
      const result = module.invoke('run', program.argument)
      if (result !== program.result) throw new Error(`${job.mode}: ${String(result)}, not ${program.result}`)
    }
  }
  // The loop runs the watched program too: V8 takes a while to settle.
  return interleave(make(MODES[job.mode]), make({}), job.rounds, WARM_UP)
}

async function run(options: Options): Promise<Report[]> {
  const isChosen = ({ name }: { name: string }): boolean => options.only.length === 0 || options.only.includes(name)
  const rows: Row[] = []
  for (const { name: program, argument } of PROGRAMS) {
    for (const mode of Object.keys(MODES)) {
      const name = `${program}(${argument}), ${mode}`
      if (!isChosen({ name })) continue
      const job: Job = { kind: 'mode', mode, program, rounds: options.rounds }
      const runs = repeat(options.processes, () => inProcess<{ ours: number; theirs: number }>('insight', job))
      rows.push({
        name,
        ours: Math.min(...runs.map((r) => r.ours)),
        theirs: Math.min(...runs.map((r) => r.theirs)),
      })
    }
  }
  const reports: Report[] = [
    {
      title: 'insight: watched programs, steady state',
      unit: 'ms a run; ratio to the interpreter unwatched',
      columns: { ours: 'watched', theirs: 'not', value: 'ratio' },
      rows,
    },
  ]
  const before = process.env['ZWASM_BEFORE']
  if (before === undefined) return reports
  const files = [join(process.cwd(), 'dist/index.js'), before].map((file) => pathToFileURL(file).href)
  const programs = WORKLOADS.filter(({ name, argument }) => isChosen({ name: `${name}(${argument})` }))
  const figures = programs.map(({ name: program, argument }) => {
    // In turns, so that both see the same machine.
    const times = repeat(options.processes, () =>
      files.map((file) => inProcess<number>('insight', { kind: 'build', file, program, rounds: options.rounds })),
    )
    return {
      name: `${program}(${argument})`,
      ours: Math.min(...times.map(([ours]) => ours)),
      theirs: Math.min(...times.map(([, theirs]) => theirs)),
    }
  })
  reports.push({
    title: 'insight: nobody watches, this build and another',
    unit: 'ms a run',
    columns: { ours: 'this', theirs: 'before', value: 'ratio' },
    rows: figures,
    meanTarget: 1.02,
  })
  return reports
}

export const insight: Suite = { name: 'insight', run, child }
