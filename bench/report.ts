// What suites report, and how it is printed.

export interface Options {
  readonly processes: number
  readonly rounds: number
  /** Names of rows; empty for all. */
  readonly only: readonly string[]
}

export interface Suite {
  readonly name: string
  /** Measures; in the parent process. */
  run(options: Options): Promise<Report[]>
  /** One measurement in a fresh process; argument and result travel as JSON. */
  child(job: any): Promise<unknown>
}

/** A comparison with V8, or a figure of ours alone. */
export interface Row {
  readonly name: string
  readonly ours: number
  readonly theirs?: number
  /** What is compared with the target: ours / theirs, or a figure of its own. */
  readonly value?: number
  /** `value` (else ours / theirs, else ours) may be at most this. */
  readonly atMost?: number
  /** ... must be at least this. */
  readonly atLeast?: number
  readonly note?: string
}

export interface Report {
  readonly title: string
  readonly unit: string
  /** Headings of the columns `ours`, `theirs` and `value`. */
  readonly columns: { readonly ours: string; readonly theirs?: string; readonly value?: string }
  readonly rows: readonly Row[]
  /** For suites of ratios: the geometric mean may be at most this. */
  readonly meanTarget?: number
}

export const valueOf = (row: Row): number => row.value ?? (row.theirs === undefined ? row.ours : row.ours / row.theirs)

export function geometricMean(report: Report): number {
  return Math.exp(report.rows.reduce((sum, row) => sum + Math.log(valueOf(row)), 0) / report.rows.length)
}

export const hasTargets = (report: Report): boolean =>
  report.meanTarget !== undefined || report.rows.some((row) => target(row) !== '')

export function missedTargets(report: Report): string[] {
  const missed = report.rows
    .filter((row) => !meets(row))
    .map((row) => `${report.title}: ${row.name} ${target(row)}, is ${figure(valueOf(row))}`)
  if (report.meanTarget !== undefined && !(geometricMean(report) <= report.meanTarget))
    missed.push(`${report.title}: geometric mean <= ${report.meanTarget}, is ${figure(geometricMean(report))}`)
  return missed
}

// Written so that NaN is a miss.
const meets = (row: Row): boolean =>
  (row.atMost === undefined || valueOf(row) <= row.atMost) && (row.atLeast === undefined || valueOf(row) >= row.atLeast)

const target = (row: Row): string =>
  row.atMost !== undefined ? `<= ${row.atMost}` : row.atLeast !== undefined ? `>= ${row.atLeast}` : ''

function figure(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

export function formatReport(report: Report): string {
  const { ours, theirs, value } = report.columns
  const head = [
    '',
    ours,
    ...(theirs === undefined ? [] : [theirs]),
    ...(value === undefined ? [] : [value]),
    'target',
    '',
    '',
  ]
  const lines = report.rows.map((row) => [
    row.name,
    figure(row.ours),
    ...(theirs !== undefined ? [row.theirs === undefined ? '' : figure(row.theirs)] : []),
    ...(value !== undefined ? [row.value === undefined && row.theirs === undefined ? '' : figure(valueOf(row))] : []),
    target(row),
    target(row) === '' ? '' : meets(row) ? 'ok' : 'MISSED',
    row.note ?? '',
  ])
  if (report.meanTarget !== undefined) {
    const mean = geometricMean(report)
    const blank = theirs === undefined ? [] : ['', '']
    lines.push([
      'geometric mean',
      ...blank,
      figure(mean),
      `<= ${report.meanTarget}`,
      mean <= report.meanTarget ? 'ok' : 'MISSED',
      '',
    ])
  }
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i].length)))
  const format = (line: readonly string[]): string =>
    line
      .map((cell, i) => (i === 0 || i >= line.length - 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd()
  return `${report.title} (${report.unit})\n${[head, ...lines].map((line) => '  ' + format(line)).join('\n')}\n`
}
