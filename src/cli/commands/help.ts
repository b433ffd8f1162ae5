import { HELP_OPTIONS } from '../args.ts'
import { type Command, columns, commandHelp } from '../command.ts'
import { commandSummaries, requireCommand } from '../commands.ts'
import { ExitCode, UsageError } from '../failure.ts'
import { writeOut } from '../io.ts'

/** Help of `zwasm` itself. */
export function overview(long: boolean): string {
  const parts = [
    'zwasm: a WebAssembly engine, text toolchain and inspector.',
    'Usage: zwasm [run] [OPTIONS] <FILE> [ARGS]...\n       zwasm <COMMAND> [OPTIONS] ...',
    `Commands:\n${columns(commandSummaries())}`,
    `Options:\n${columns([
      ['-h, --help', HELP_OPTIONS[0].help],
      ['-V, --version', 'Print the version'],
    ])}`,
  ]
  if (long)
    parts.push(
      'A FILE is a binary (.wasm) or text (.wat) module, or - for stdin. Everything behind the FILE of `run` belongs to the guest.',
      'Exit codes: 0 success; 1 error; 2 wrong usage; 134 trap (3 on Windows); 70 internal fault.',
      `Examples:\n${[
        '  # Run a module\n  zwasm app.wasm',
        '  # Call one exported function\n  zwasm run --invoke add math.wat 1 2',
        '  # What does it need, what does it offer?\n  zwasm inspect app.wasm',
        '  # Binary to text and back\n  zwasm print app.wasm | zwasm parse - -o copy.wasm',
      ].join('\n\n')}`,
    )
  parts.push("See 'zwasm help <COMMAND>' for the options of a command.")
  return parts.join('\n\n') + '\n'
}

export const help: Command = {
  name: 'help',
  usage: 'help [COMMAND]',
  summary: 'Print help for zwasm or a command',
  operands: 'commands',
  options: [],
  examples: [['zwasm help run', 'All options of `run`']],
  run(line) {
    const [name, extra] = line.operands
    if (extra !== undefined) throw new UsageError(`unexpected argument '${extra}' found`)
    writeOut(name === undefined ? overview(true) : commandHelp(requireCommand(name), true))
    return ExitCode.Ok
  },
}
