// What a command is, and its help.

import { type CommandLine, HELP_OPTIONS, type Option } from './args.ts'

export interface Command {
  readonly name: string
  /** Behind `zwasm`, for example `run [OPTIONS] <FILE> [ARGS]...`. */
  readonly usage: string
  readonly summary: string
  /** Paragraphs of the long help. */
  readonly details?: readonly string[]
  readonly options: readonly Option[]
  readonly examples: readonly (readonly [command: string, what: string])[]
  /** What the first operand can be, if it is no file. */
  readonly operands?: readonly string[] | 'commands'
  /** The first operand ends the options: what follows belongs to the guest. */
  readonly guest?: boolean
  /** The exit code. */
  run(line: CommandLine): number | Promise<number>
}

export function commandHelp(command: Command, long: boolean): string {
  const parts = [command.summary + '.', `Usage: zwasm ${command.usage}`]
  if (long && command.details !== undefined) parts.push(...command.details)
  const groups = new Map<string, Option[]>()
  for (const option of [...command.options, ...HELP_OPTIONS]) {
    const group = option.group ?? 'Options'
    groups.set(group, [...(groups.get(group) ?? []), option])
  }
  // The unnamed group, with --help, comes last.
  const order = [...groups.keys()].sort((a, b) => Number(a === 'Options') - Number(b === 'Options'))
  for (const group of order) parts.push(`${group}:\n${columns(groups.get(group)!.map((o) => [optionText(o), o.help]))}`)
  if (long && command.examples.length > 0)
    parts.push(`Examples:\n${command.examples.map(([line, what]) => `  # ${what}\n  ${line}`).join('\n\n')}`)
  return parts.join('\n\n') + '\n'
}

function optionText(option: Option): string {
  const value = option.value === undefined ? '' : option.valueOptional ? `[=${option.value}]` : ` <${option.value}>`
  return `${option.short === undefined ? '   ' : `-${option.short},`} --${option.name}${value}`
}

/** Two columns; a long left side gets a line of its own. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(28, Math.max(...rows.map(([left]) => left.length)))
  return rows
    .map(([left, right]) =>
      left.length > width ? `  ${left}\n  ${' '.repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
    )
    .join('\n')
}
