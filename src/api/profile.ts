// Profiles: counts of executed instructions by opcode, function, and calling context.

import type { Profile, ProfiledFunction } from '../interp/profile.ts'
import type { Sites } from '../interp/coverage.ts'
import { opcodeById } from '../wasm/opcodes.ts'
import { functionLabel, functionNamesOf } from './trace-names.ts'

/** A function in a profile. */
export interface ProfileFunction {
  /** `module!function`; of the host: module and name of the import, with a dot between. */
  readonly name: string
  /** Whether it is a JavaScript function. These execute no instructions. */
  readonly host: boolean
  /** Index in its module; undefined for a function of the host. */
  readonly functionIndex: number | undefined
  readonly calls: number
  /** Instructions that it executed itself. */
  readonly self: number
  /** Instructions that were executed while it was active. */
  readonly total: number
}

/** What {@link Vm.profile} gives. The unit is the executed instruction: the same run has the same profile. Functions are named by index in `functions`. */
export interface ProfileReport {
  readonly instructions: number
  /** By count, highest first. */
  readonly opcodes: readonly { readonly name: string; readonly count: number }[]
  /** By `self`, highest first. Only functions that were called. */
  readonly functions: readonly ProfileFunction[]
  /** Who called whom, most often first. No caller: JavaScript. */
  readonly edges: readonly { readonly caller: number | undefined; readonly callee: number; readonly calls: number }[]
  /** Instructions by calling context; functions from the outermost. Stacks are cut at 256 functions. */
  readonly stacks: readonly { readonly functions: readonly number[]; readonly instructions: number }[]
}

export function makeProfileReport(profile: Profile, sites: Sites): ProfileReport {
  const all = profile.functions.map((func, number) => describe(profile, func, number))
  const numbers = [...all.keys()]
    .filter((number) => all[number].calls > 0)
    .sort((m, n) => all[n].self - all[m].self || all[n].total - all[m].total || all[n].calls - all[m].calls || m - n)
  const places = new Map(numbers.map((number, place) => [number, place]))
  const place = (number: number): number => places.get(number)!
  const opcodes: { name: string; count: number }[] = []
  sites.countsByOpcode().forEach((count, id) => count > 0 && opcodes.push({ name: opcodeById(id)![1], count }))
  return {
    instructions: sites.executed,
    opcodes: opcodes.sort((a, b) => b.count - a.count),
    functions: numbers.map((number) => all[number]),
    edges: [...profile.edges()]
      .map(({ caller, callee, calls }) => ({
        caller: caller === undefined ? undefined : place(caller),
        callee: place(callee),
        calls,
      }))
      .sort((a, b) => b.calls - a.calls),
    stacks: [...profile.stacks()].map(({ stack, instructions }) => ({ functions: stack.map(place), instructions })),
  }
}

function describe(profile: Profile, func: ProfiledFunction, number: number): ProfileFunction {
  const counts = { calls: profile.callsOf(number), self: profile.selfOf(number), total: profile.totalOf(number) }
  if ('host' in func) return { name: func.host, host: true, functionIndex: undefined, ...counts }
  const names = functionNamesOf(func.module)
  const name = functionLabel(names, func.index, names.functions.get(func.index))
  return { name, host: false, functionIndex: func.index, ...counts }
}

/** Rows of each table of `formatProfile`. */
const SHOWN_ROWS = 20

/** Tables for people: the functions, calls and opcodes with the highest counts. */
export function formatProfile(report: ProfileReport): string {
  const { instructions, functions, edges, opcodes } = report
  const share = (count: number): string => `${((100 * count) / Math.max(1, instructions)).toFixed(1)}%`
  const name = (place: number | undefined): string => (place === undefined ? '(JavaScript)' : functions[place].name)
  return [
    `${instructions} instructions`,
    table(
      ['self', '', 'total', '', 'calls', 'function'],
      functions.map((f) => [f.self, share(f.self), f.total, share(f.total), f.calls, f.name]),
    ),
    table(
      ['calls', 'from -> to'],
      edges.map(({ caller, callee, calls }) => [calls, `${name(caller)} -> ${name(callee)}`]),
    ),
    table(
      ['count', '', 'instruction'],
      opcodes.map(({ name: opcode, count }) => [count, share(count), opcode]),
    ),
  ].join('\n\n')
}

/** Columns aligned to the right, but for the last. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows.slice(0, SHOWN_ROWS).map((row) => row.map(String))]
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  const text = lines.map((line) =>
    line.map((cell, i) => (i === line.length - 1 ? cell : cell.padStart(widths[i]))).join('  '),
  )
  if (rows.length > SHOWN_ROWS) text.push(`... and ${rows.length - SHOWN_ROWS} more`)
  return text.join('\n')
}

/** The profile as a file of https://www.speedscope.app, a JSON text: a flame graph whose widths are instructions. */
export function formatSpeedscope(report: ProfileReport, name: string): string {
  const { functions, stacks, instructions } = report
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    exporter: 'zwasm',
    name,
    activeProfileIndex: 0,
    shared: { frames: functions.map((f) => ({ name: f.name })) },
    profiles: [
      {
        type: 'sampled',
        name: `${name}: executed instructions`,
        unit: 'none',
        startValue: 0,
        endValue: instructions,
        samples: stacks.map((stack) => stack.functions),
        weights: stacks.map((stack) => stack.instructions),
      },
    ],
  })
}
