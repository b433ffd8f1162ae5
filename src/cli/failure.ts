// How a command ends when it does not succeed. Exit codes: 0 success, 1 error, 2 usage, 70 internal fault, 134 trap
// (128 + SIGABRT, as wasmtime; 3 on Windows).

export const enum ExitCode {
  Ok = 0,
  Error = 1,
  Usage = 2,
  Internal = 70,
  /** A pipe was closed by its reader: 128 + SIGPIPE. */
  BrokenPipe = 141,
}

export const TRAP_EXIT_CODE = process.platform === 'win32' ? 3 : 134

/** An error for the user: what failed, and the chain of reasons, outermost first. */
export class Failure extends Error {
  readonly causes: readonly string[]
  readonly exitCode: number

  constructor(message: string, causes: readonly string[] = [], exitCode: number = ExitCode.Error) {
    super(message)
    this.causes = causes
    this.exitCode = exitCode
  }
}

/** Wrong command line. `hint` is a line of its own. */
export class UsageError extends Error {
  readonly hint: string | undefined
  /** Command whose `--help` explains it. */
  command: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** `Error: …`, then the list of causes as wasmtime prints it: numbered if there are several. */
export function formatFailure(failure: Failure): string {
  const { message, causes } = failure
  if (causes.length === 0) return `Error: ${message}\n`
  const lines = causes.map((cause, i) =>
    causes.length === 1 ? indent(cause, '    ', '    ') : indent(cause, `${String(i).padStart(5)}: `, '       '),
  )
  return `Error: ${message}\n\nCaused by:\n${lines.join('\n')}\n`
}

function indent(text: string, first: string, rest: string): string {
  return text
    .split('\n')
    .map((line, i) => (i === 0 ? first + line : line === '' ? '' : rest + line))
    .join('\n')
}

export function formatUsageError(error: UsageError): string {
  const help = error.command === undefined ? 'zwasm --help' : `zwasm ${error.command} --help`
  const hint = error.hint === undefined ? '' : `\n  ${error.hint}\n`
  return `error: ${error.message}\n${hint}\nFor more information, try '${help}'.\n`
}
