import { nearestName } from '../../index.ts'
import { oneOperand } from '../args.ts'
import type { Command } from '../command.ts'
import { allCommands } from '../commands.ts'
import { completionScript, SHELL_NAMES } from '../completion.ts'
import { ExitCode, UsageError } from '../failure.ts'
import { writeOut } from '../io.ts'

export const completion: Command = {
  name: 'completion',
  usage: `completion <${SHELL_NAMES.join('|')}>`,
  summary: 'Print the completion script of a shell',
  operands: SHELL_NAMES,
  options: [],
  examples: [
    ['source <(zwasm completion bash)', 'In ~/.bashrc; zsh likewise, behind compinit'],
    ['zwasm completion fish > ~/.config/fish/completions/zwasm.fish', 'fish'],
    ['zwasm completion powershell | Out-String | Invoke-Expression', 'In the profile of PowerShell'],
  ],
  run(line) {
    const shell = oneOperand(line, 'SHELL')
    const script = completionScript(shell, allCommands())
    if (script === undefined) {
      const near = nearestName(shell, SHELL_NAMES)
      throw new UsageError(
        `there is no completion for '${shell}', only for ${SHELL_NAMES.join(', ')}`,
        near === undefined ? undefined : `tip: a similar shell exists: '${near}'`,
      )
    }
    writeOut(script)
    return ExitCode.Ok
  },
}
