// npm run check: types, lint, format. All three run; the exit code is 1 if one of them complains.
import { generate } from './gen.mjs'
import { runTool } from './tools.mjs'

await generate()
const steps = [
  ['types', 'typescript', 'tsc', ['-p', '.']],
  ['lint', 'oxlint', 'oxlint', ['--report-unused-disable-directives', '--deny-warnings']],
  ['format', 'prettier', 'prettier', ['--check', '--log-level', 'warn', '.']],
]
const failed = steps.filter(([, name, command, args]) => runTool(name, command, args) !== 0).map(([step]) => step)
if (failed.includes('format')) console.error('npm run format mends the format')
console.log(
  failed.length === 0 ? 'check: types, lint and format are in order' : `check: ${failed.join(' and ')} failed`,
)
process.exit(failed.length === 0 ? 0 : 1)
