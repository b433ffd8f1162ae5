// The table of commands. Each is loaded when it is asked for.

import type { Command } from './command.ts'
import { UsageError } from './failure.ts'

interface Entry {
  readonly summary: string
  readonly load: () => Promise<Command>
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  run: { summary: 'Run a module (the default command)', load: async () => (await import('./commands/run.ts')).run },
  validate: { summary: 'Check that modules are valid', load: async () => (await import('./commands/validate.ts')).validate },
  parse: { summary: 'Translate the text format to a binary', load: async () => (await import('./commands/parse.ts')).parse },
  print: { summary: 'Translate a binary to the text format', load: async () => (await import('./commands/print.ts')).print },
  inspect: { summary: 'Show what a module imports, exports and contains', load: async () => (await import('./commands/inspect.ts')).inspect },
  wast: { summary: 'Run WebAssembly test scripts', load: async () => (await import('./commands/wast.ts')).wast },
  features: { summary: 'List the WebAssembly features of this build', load: async () => (await import('./commands/features.ts')).features },
  version: { summary: 'Print the version', load: async () => (await import('./commands/version.ts')).version },
  help: { summary: 'Print help for zwasm or a command', load: async () => (await import('./commands/help.ts')).help },
}

export const isCommand = (name: string): boolean => Object.hasOwn(COMMANDS, name)

/** Summaries of all commands, for the help. */
export const commandSummaries = (): [string, string][] => Object.entries(COMMANDS).map(([name, entry]) => [name, entry.summary])

/** The command of a name. Fails with the nearest name. */
export async function loadCommand(name: string): Promise<Command> {
  if (isCommand(name)) return COMMANDS[name].load()
  const { nearestName } = await import('../index.ts')
  const near = nearestName(name, Object.keys(COMMANDS))
  throw new UsageError(`unrecognized command '${name}'`, near === undefined ? undefined : `tip: a similar command exists: '${near}'`)
}
