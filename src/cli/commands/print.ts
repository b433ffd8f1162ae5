import { printWat } from '../../index.ts'
import { has, oneOperand, valueOf } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode, UsageError } from '../failure.ts'
import { invalidModule, readModule } from '../input.ts'
import { inputName, writeResult } from '../io.ts'

export const print: Command = {
  name: 'print',
  usage: 'print [OPTIONS] <FILE>',
  summary: 'Translate a binary to the text format',
  options: [
    { name: 'output', short: 'o', value: 'FILE', help: 'Where to write the text; stdout by default' },
    { name: 'print-offsets', short: 'p', help: 'Show the byte offset of each item' },
    { name: 'skeleton', help: 'Leave out function bodies and data' },
    { name: 'name-unnamed', help: 'Give names to everything that has none' },
    { name: 'fold-instructions', short: 'f', help: 'Print folded instructions' },
    { name: 'indent', value: 'N', help: 'Spaces for each level; 2 by default' },
  ],
  examples: [
    ['zwasm print app.wasm', 'The whole module'],
    ['zwasm print --skeleton app.wasm', 'Declarations only'],
  ],
  run(line) {
    const file = oneOperand(line, 'FILE')
    const indent = valueOf(line, 'indent') ?? '2'
    if (!/^\d{1,2}$/.test(indent))
      throw new UsageError(`invalid value '${indent}' for '--indent <N>': a number up to 99 is needed`)
    const { bytes, locate } = readModule(file)
    let text: string
    try {
      text = printWat(bytes, {
        fold: has(line, 'fold-instructions'),
        offsets: has(line, 'print-offsets'),
        skeleton: has(line, 'skeleton'),
        nameUnnamed: has(line, 'name-unnamed'),
        indent: ' '.repeat(Number(indent)),
      })
    } catch (error) {
      throw invalidModule(error, `failed to print \`${inputName(file)}\``, locate)
    }
    writeResult(valueOf(line, 'output'), text.endsWith('\n') ? text : text + '\n')
    return ExitCode.Ok
  },
}
