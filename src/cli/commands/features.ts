import { features as listFeatures, version } from '../../index.ts'
import { has, noOperands } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode } from '../failure.ts'
import { writeOut } from '../io.ts'

export const features: Command = {
  name: 'features',
  usage: 'features [--json]',
  summary: 'List the WebAssembly features of this build',
  options: [{ name: 'json', help: 'Print JSON' }],
  examples: [['zwasm features --json', 'For scripts']],
  run(line) {
    noOperands(line)
    const report = listFeatures()
    if (has(line, 'json')) {
      writeOut(JSON.stringify({ version, ...report }, undefined, 2) + '\n')
      return ExitCode.Ok
    }
    const width = Math.max(...report.features.map((f) => f.name.length))
    const rows = report.features.map((f) => `  ${f.name.padEnd(width)}  ${f.spec.padEnd(8)}  ${f.title}`)
    const engines = report.engines.map(
      (e) => `  ${e.name.padEnd(width)}  ${e.available ? 'yes' : 'no'.padEnd(3)}       ${e.title}`,
    )
    writeOut(
      `zwasm ${version}\n\nEngines:\n${engines.join('\n')}\n\nFeatures beyond WebAssembly 1.0:\n${rows.join('\n')}\n`,
    )
    return ExitCode.Ok
  },
}
