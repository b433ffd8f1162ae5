// What metering costs: the programs of bench/workloads in a `Vm` with fuel and in one without, in turns in one process.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checked, type Run, WORKLOADS } from './interp.ts'
import { inProcess, interleave, repeat } from './measure.ts'
import type { Options, Report, Suite } from './report.ts'

interface Job {
  readonly names: readonly string[]
  readonly rounds: number
}
type Figures = Record<string, { ours: number; theirs: number }>

const MEAN_TARGET = 1.1

async function child({ names, rounds }: Job): Promise<Figures> {
  const { parseWat, Vm } = await import('zwasm')
  const programs = WORKLOADS.filter(({ name }) => names.includes(name)).map((workload) => {
    const { bytes } = parseWat(readFileSync(join(process.cwd(), 'bench/workloads', `${workload.name}.wat`)))
    const make = (fuel?: number): Run => {
      const vm = new Vm({ timeout: Infinity, ...(fuel === undefined ? {} : { fuel }) })
      return vm.instantiate(vm.compile(bytes)).exports.run as Run
    }
    return {
      name: workload.name,
      metered: checked(workload, make(1e15), 'metered'),
      plain: checked(workload, make(), 'plain'),
    }
  })
  for (const { metered, plain } of programs) {
    metered()
    plain()
  }
  return Object.fromEntries(programs.map(({ name, metered, plain }) => [name, interleave(metered, plain, rounds)]))
}

async function run(options: Options): Promise<Report[]> {
  const chosen = WORKLOADS.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  const job: Job = { names: chosen.map(({ name }) => name), rounds: options.rounds }
  const runs = repeat(options.processes, () => inProcess<Figures>('limits', job))
  return [
    {
      title: 'limits: metered code, steady state',
      unit: 'ms a run; ratio to code that is not',
      columns: { ours: 'metered', theirs: 'plain', value: 'ratio' },
      rows: chosen.map(({ name, argument }) => ({
        name: `${name}(${argument})`,
        ours: Math.min(...runs.map((r) => r[name].ours)),
        theirs: Math.min(...runs.map((r) => r[name].theirs)),
      })),
      ...(chosen.length === WORKLOADS.length ? { meanTarget: MEAN_TARGET } : {}),
    },
  ]
}

export const limits: Suite = { name: 'limits', run, child }
