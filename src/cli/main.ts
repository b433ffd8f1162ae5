// The command `zwasm`. Nothing is loaded but the command asked for.

import type { Command } from './command.ts'
import { isCommand, loadCommand } from './commands.ts'
import { ExitCode, Failure, formatFailure, formatUsageError, UsageError } from './failure.ts'
import { writeError, writeOut } from './io.ts'

/** Runs a command line (without `node` and the script); the exit code. */
async function main(words: readonly string[]): Promise<number> {
  const [first] = words
  if (first === undefined) {
    const { overview } = await import('./commands/help.ts')
    writeError(overview(false))
    return ExitCode.Usage
  }
  if (first === '-h' || first === '--help') {
    const { overview } = await import('./commands/help.ts')
    writeOut(overview(first === '--help'))
    return ExitCode.Ok
  }
  if (first === '-V' || first === '--version') return dispatch(await loadCommand('version'), [])
  if (isCommand(first)) return dispatch(await loadCommand(first), words.slice(1))
  return dispatch(await loadCommand('run'), words)
}

async function dispatch(command: Command, words: readonly string[]): Promise<number> {
  const { parseCommandLine, HELP_OPTIONS, has } = await import('./args.ts')
  try {
    const line = parseCommandLine(words, [...command.options, ...HELP_OPTIONS], command.guest === true)
    if (has(line, 'help')) {
      const { commandHelp } = await import('./command.ts')
      // Words behind the first operand of a guest are not ours.
      writeOut(commandHelp(command, words.includes('--help')))
      return ExitCode.Ok
    }
    return await command.run(line)
  } catch (error) {
    if (error instanceof UsageError) error.command ??= command.name
    throw error
  }
}

/** Ends the process after an error: the layouts and codes of failure.ts, and a bug report for everything else. */
function report(error: unknown): number {
  if (error instanceof UsageError) {
    writeError(formatUsageError(error))
    return ExitCode.Usage
  }
  if (error instanceof Failure) {
    writeError(formatFailure(error))
    return error.exitCode
  }
  writeError(`zwasm: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return ExitCode.Internal
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.exitCode = report(error)
}
