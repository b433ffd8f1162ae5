// Command lines: a table of options per command, one parser for all of them.

import { UsageError } from './failure.ts'
import { nearestName } from '../index.ts'

export interface Option {
  readonly name: string
  readonly short?: string
  /** Name of the value in the help; a switch has none. */
  readonly value?: string
  /** `--name` alone is allowed too, the value needs the form `--name=VALUE`. */
  readonly valueOptional?: boolean
  readonly repeat?: boolean
  readonly help: string
  /** Heading in the help; `Options` by default. */
  readonly group?: string
}

export interface CommandLine {
  /** Values by option name, in the order given; an empty string stands for a switch or an omitted optional value. */
  readonly options: ReadonlyMap<string, readonly string[]>
  readonly operands: readonly string[]
}

export const HELP_OPTIONS: readonly Option[] = [
  { name: 'help', short: 'h', help: 'Print help (-h prints the short form)' },
]

/**
 * Parses the words behind a command's name. With `guest`, the first operand ends the options: all words behind it are
 * operands, whatever they look like.
 */
export function parseCommandLine(words: readonly string[], table: readonly Option[], guest: boolean): CommandLine {
  const options = new Map<string, string[]>()
  const operands: string[] = []
  const add = (option: Option, value: string): void => {
    const values = options.get(option.name)
    if (values === undefined) options.set(option.name, [value])
    else if (option.repeat) values.push(value)
    else if (option.value !== undefined)
      throw new UsageError(`the option '--${option.name}' cannot be used several times`)
  }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (word === '--') {
      operands.push(...words.slice(i + 1))
      break
    }
    if (word.length < 2 || word[0] !== '-') {
      if (guest) {
        operands.push(...words.slice(i))
        break
      }
      operands.push(word)
      continue
    }
    const { option, value } = word.startsWith('--') ? longOption(word, table) : shortOption(word, table)
    if (option.value === undefined) {
      if (value !== undefined) throw new UsageError(`the option '--${option.name}' takes no value`)
      add(option, '')
    } else if (value !== undefined || option.valueOptional) add(option, value ?? '')
    else if (i + 1 < words.length) add(option, words[++i])
    else throw new UsageError(`the option '--${option.name}' needs a value: --${option.name} ${option.value}`)
  }
  return { options, operands }
}

interface Given {
  readonly option: Option
  readonly value: string | undefined
}

function longOption(word: string, table: readonly Option[]): Given {
  const equals = word.indexOf('=')
  const name = word.slice(2, equals < 0 ? undefined : equals)
  const option = table.find((o) => o.name === name)
  if (option === undefined) throw unknownOption(`--${name}`, table)
  return { option, value: equals < 0 ? undefined : word.slice(equals + 1) }
}

/** `-o FILE` or `-oFILE`. Switches are not bundled: no command has enough of them. */
function shortOption(word: string, table: readonly Option[]): Given {
  const option = table.find((o) => o.short === word[1])
  if (option === undefined) throw unknownOption(word, table)
  return { option, value: word.length === 2 ? undefined : word.slice(word[2] === '=' ? 3 : 2) }
}

function unknownOption(word: string, table: readonly Option[]): UsageError {
  const near = nearestName(
    word.replace(/^-+/, ''),
    table.map((o) => o.name),
  )
  return new UsageError(
    `unexpected option '${word}' found`,
    near === undefined ? undefined : `tip: a similar option exists: '--${near}'`,
  )
}

/** The last value of an option, if it was given. */
export const valueOf = (line: CommandLine, name: string): string | undefined => line.options.get(name)?.at(-1)
export const valuesOf = (line: CommandLine, name: string): readonly string[] => line.options.get(name) ?? []
export const has = (line: CommandLine, name: string): boolean => line.options.has(name)

/** Exactly one operand, or a usage error. */
export function oneOperand(line: CommandLine, name: string): string {
  if (line.operands.length === 0) throw new UsageError(`the argument <${name}> is missing`)
  if (line.operands.length > 1) throw new UsageError(`unexpected argument '${line.operands[1]}' found`)
  return line.operands[0]
}

export function noOperands(line: CommandLine): void {
  if (line.operands.length > 0) throw new UsageError(`unexpected argument '${line.operands[0]}' found`)
}
