// The command `zwasm`. One file when bundled: loading it whole takes less time than finding the parts of it
// (docs/architecture.md has the figures), so nothing here may do work, or load a builtin module it does not need, at import.

import { HELP_OPTIONS, has, parseCommandLine } from './args.ts'
import { type Command, commandHelp } from './command.ts'
import { findCommand } from './commands.ts'
import { overview } from './commands/help.ts'
import { run } from './commands/run.ts'
import { version } from './commands/version.ts'
import { ExitCode, Failure, formatFailure, formatUsageError, UsageError } from './failure.ts'
import { writeError, writeOut } from './io.ts'

/** Runs a command line (without `node` and the script); the exit code. */
async function main(words: readonly string[]): Promise<number> {
  const [first] = words
  if (first === undefined) {
    writeError(overview(false))
    return ExitCode.Usage
  }
  if (first === '-h' || first === '--help') {
    writeOut(overview(first === '--help'))
    return ExitCode.Ok
  }
  if (first === '-V' || first === '--version') return dispatch(version, [])
  const command = findCommand(first)
  return command === undefined ? dispatch(run, words) : dispatch(command, words.slice(1))
}

async function dispatch(command: Command, words: readonly string[]): Promise<number> {
  try {
    const line = parseCommandLine(words, [...command.options, ...HELP_OPTIONS], command.guest === true)
    if (has(line, 'help')) {
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

// No `await`: the command is a CommonJS module (scripts/build.mjs).
void main(process.argv.slice(2))
  .catch(report)
  .then((code) => {
    process.exitCode = code
  })
