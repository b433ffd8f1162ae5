// The table of commands.

import type { Command } from './command.ts'
import { completion } from './commands/completion.ts'
import { component } from './commands/component.ts'
import { features } from './commands/features.ts'
import { help } from './commands/help.ts'
import { inspect } from './commands/inspect.ts'
import { parse } from './commands/parse.ts'
import { print } from './commands/print.ts'
import { run } from './commands/run.ts'
import { validate } from './commands/validate.ts'
import { version } from './commands/version.ts'
import { wast } from './commands/wast.ts'
import { UsageError } from './failure.ts'
import { nearestName } from '../index.ts'

// A function: the help, which is one of the commands, wants the table, and the table wants the help.
export const allCommands = (): readonly Command[] => [
  run,
  validate,
  parse,
  print,
  inspect,
  wast,
  component,
  features,
  completion,
  version,
  help,
]

/** Names and summaries of all commands, for the help. */
export const commandSummaries = (): [string, string][] => allCommands().map((c) => [c.name, c.summary])

export const findCommand = (name: string): Command | undefined => allCommands().find((c) => c.name === name)

/** The command of a name. Fails with the nearest name. */
export function requireCommand(name: string): Command {
  const found = findCommand(name)
  if (found !== undefined) return found
  const near = nearestName(name, allCommands().map((c) => c.name)) // prettier-ignore
  throw new UsageError(
    `unrecognized command '${name}'`,
    near === undefined ? undefined : `tip: a similar command exists: '${near}'`,
  )
}
