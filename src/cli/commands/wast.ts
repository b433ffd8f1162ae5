import type { WastReport } from '../../index.ts'
import { has } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode, Failure, formatFailure, UsageError } from '../failure.ts'
import { inputName, readInput, writeError, writeOut } from '../io.ts'

export const wast: Command = {
  name: 'wast',
  usage: 'wast [OPTIONS] <FILE>...',
  summary: 'Run WebAssembly test scripts',
  details: [
    'Runs every command of the scripts (.wast) and prints what failed, then totals. Exit code 1 if anything failed.',
  ],
  options: [{ name: 'strict', help: 'Error messages must begin with the text the script expects' }],
  examples: [['zwasm wast test/i32.wast', 'One script of the official test suite']],
  async run(line) {
    if (line.operands.length === 0) throw new UsageError('the argument <FILE> is missing')
    // The package's main bundle: its agents (worker threads) load it again, and may not load this command instead.
    const { runWast } = await import('../../index.ts')
    const total = { passed: 0, failed: 0, skipped: 0 }
    let unreadable = false
    for (const file of line.operands) {
      try {
        const report = await runWast(readInput(file), { file: inputName(file), strict: has(line, 'strict') })
        writeError(problems(report))
        for (const kind of ['passed', 'failed', 'skipped'] as const) total[kind] += report[kind]
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        writeError(formatFailure(error))
        unreadable = true
      }
    }
    writeOut(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
    return total.failed > 0 || unreadable ? ExitCode.Error : ExitCode.Ok
  },
}

const problems = ({ file, problems: list }: WastReport): string =>
  list.map((p) => `${file}:${p.line}:${p.column}: ${p.kind} ${p.outcome}: ${p.reason}\n`).join('')
