import { oneOperand, valueOf } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode, UsageError } from '../failure.ts'
import { readModule } from '../input.ts'
import { stdoutIsTerminal, writeResult } from '../io.ts'

export const parse: Command = {
  name: 'parse',
  usage: 'parse [OPTIONS] <FILE>',
  summary: 'Translate the text format to a binary',
  details: ['The module is not validated: see `zwasm validate`. A binary as input is copied.'],
  options: [
    { name: 'output', short: 'o', value: 'FILE', help: 'Where to write the binary; stdout if it is no terminal' },
  ],
  examples: [
    ['zwasm parse math.wat -o math.wasm', 'Write a binary'],
    ['zwasm parse - < math.wat | wasm-objdump -d -', 'In a pipe'],
  ],
  run(line) {
    const file = oneOperand(line, 'FILE')
    const output = valueOf(line, 'output')
    if ((output === undefined || output === '-') && stdoutIsTerminal())
      throw new UsageError('a binary is not written to a terminal', "tip: name a file with '-o', or use a pipe")
    writeResult(output, readModule(file).bytes)
    return ExitCode.Ok
  },
}
