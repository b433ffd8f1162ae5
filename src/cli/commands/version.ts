import { version as zwasmVersion } from '../../index.ts'
import { noOperands } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode } from '../failure.ts'
import { writeOut } from '../io.ts'

export const version: Command = {
  name: 'version',
  usage: 'version',
  summary: 'Print the version',
  options: [],
  examples: [['zwasm version', 'The version of zwasm']],
  run(line) {
    noOperands(line)
    writeOut(`zwasm ${zwasmVersion}\n`)
    return ExitCode.Ok
  },
}
