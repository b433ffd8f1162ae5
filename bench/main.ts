// npm run bench -- [interp] [front] [start] [api] [limits] [native] [compiler] [wasi] [insight] [options]. Without a suite: all of them.
//
// Ours and theirs (V8's WebAssembly of the same Node) run in turns in the same process, in several fresh processes. A figure is the
// minimum over the processes of the median in each: what the code can do when nothing disturbs it. All results are checked.

import { environment } from './environment.ts'
import { formatReport, geometricMean, hasTargets, missedTargets, type Report, type Suite } from './report.ts'
import { api } from './api.ts'
import { compiler } from './compiler.ts'
import { front } from './front.ts'
import { insight } from './insight.ts'
import { interp } from './interp.ts'
import { limits } from './limits.ts'
import { native } from './native.ts'
import { start } from './start.ts'
import { wasi } from './wasi.ts'

const SUITES: readonly Suite[] = [interp, front, start, api, limits, native, compiler, wasi, insight]

const USAGE = `npm run bench -- [SUITE...] [options]
  interp   the interpreter on small programs, steady state and first run
  front    decoding and validating real modules, cold start, memory (needs \`npm ci --prefix bench\`)
  start    the command line on a trivial module, size of what is installed
  api      calls between JavaScript and WebAssembly
  limits   metered code against code that is not
  native   the platform of native code: exits, traps, pages
  compiler front end and passes of the compiler on a real module (needs \`npm ci --prefix bench\`)
  wasi     calls of WASI preview 1 beside node:wasi
  insight  traces, profiles and coverage beside unwatched runs; with ZWASM_BEFORE=dist/index.js of another build, unwatched runs of both
options
  --processes N    fresh processes for each figure (default 4)
  --rounds N       timed rounds in each process (default 7)
  --only NAME      only the row of this name (repeat)
  --json           the reports as one JSON document
  --strict         exit code 1 if a target is missed`

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === '--child') {
    const suite = SUITES.find(({ name }) => name === words[1])!
    process.stdout.write(JSON.stringify(await suite.child(JSON.parse(words[2]))) + '\n')
    return 0
  }
  const options = { processes: 4, rounds: 7, only: [] as string[] }
  const chosen: Suite[] = []
  let json = false
  let strict = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const suite = SUITES.find(({ name }) => name === word)
    if (suite !== undefined) chosen.push(suite)
    else if (word === '--json') json = true
    else if (word === '--strict') strict = true
    else if (word === '--only' && i + 1 < words.length) options.only.push(words[++i])
    else if ((word === '--processes' || word === '--rounds') && Number(words[i + 1]) >= 1)
      options[word === '--rounds' ? 'rounds' : 'processes'] = Number(words[++i])
    else {
      if (word !== '--help') console.error(`what is ${word}?\n`)
      console.log(USAGE)
      return word === '--help' ? 0 : 2
    }
  }
  const where = environment()
  if (!json) console.log(`${where.text}\n`)
  const reports: Report[] = []
  for (const suite of chosen.length > 0 ? chosen : SUITES) {
    for (const report of await suite.run(options)) {
      if (report.rows.length === 0) continue
      reports.push(report)
      if (!json) console.log(formatReport(report))
    }
  }
  const missed = reports.flatMap(missedTargets)
  if (json) console.log(JSON.stringify({ environment: where, reports: reports.map(withMean), missed }, undefined, 2))
  else if (missed.length > 0)
    console.log(`Targets missed:
${missed
  .map(
    (line) => `  ${line}
`,
  )
  .join('')}`)
  else if (reports.some(hasTargets)) console.log('All targets are met.')
  return strict && missed.length > 0 ? 1 : 0
}

const withMean = (report: Report): Report & { geometricMean?: number } =>
  report.meanTarget === undefined ? report : { ...report, geometricMean: geometricMean(report) }

process.exitCode = await main(process.argv.slice(2))
