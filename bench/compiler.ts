// The compiler up to lowering: front end and passes on a real module, cold and warm. Measured on src/ itself, the package does not
// export it.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildGraph } from '../src/frontend/translate.ts'
import { optimize, PASSES, type PassName } from '../src/ssa/passes/optimize.ts'
import { decodeModule } from '../src/wasm/decode.ts'
import { inProcess, repeat } from './measure.ts'
import type { Options, Report, Row, Suite } from './report.ts'

const FILE = join('bench/node_modules', '@sqlite.org/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.wasm')
/** Functions of the cold measurement: the longest ones whose code is below this many bytes. */
const COLD_FUNCTIONS = 20
const COLD_BYTES = 2000

interface Times {
  readonly coldMs: number
  readonly coldInstructions: number
  readonly functions: number
  readonly declined: number
  readonly bytes: number
  readonly instructions: number
  readonly left: number
  readonly frontMs: number
  readonly passMs: Readonly<Record<PassName, number>>
  readonly slowest: { readonly bytes: number; readonly ms: number }
}

function child(): Promise<Times> {
  const module = decodeModule(readFileSync(FILE))
  const options = { guardedMemories: true }
  const size = (body: number): number => module.codeEnd[body] - module.codeStart[body]
  const passMs = Object.fromEntries(PASSES.map((pass) => [pass, 0])) as Record<PassName, number>
  let functions = 0
  let declined = 0
  let instructions = 0
  let left = 0
  let frontMs = 0
  const compile = (body: number): number => {
    const start = performance.now()
    const graph = buildGraph(module, module.importedFuncs + body, options)
    let last = performance.now()
    frontMs += last - start
    if ('declined' in graph) declined++
    else {
      functions++
      instructions += graph.scheduleLength
      optimize(graph, (pass) => {
        const now = performance.now()
        passMs[pass] += now - last
        last = now
      })
      left += graph.scheduleLength
    }
    return performance.now() - start
  }
  const all = Array.from(module.codeStart, (_, body) => body)
  const cold = all.filter((body) => size(body) < COLD_BYTES).sort((x, y) => size(y) - size(x))
  let coldMs = 0
  for (const body of cold.slice(0, COLD_FUNCTIONS)) coldMs += compile(body)
  const coldInstructions = instructions
  // Once to warm up, once to measure.
  for (const body of all) compile(body)
  functions = declined = instructions = left = frontMs = 0
  for (const pass of PASSES) passMs[pass] = 0
  let bytes = 0
  let slowest = { bytes: 0, ms: 0 }
  for (const body of all) {
    const ms = compile(body)
    bytes += size(body)
    if (ms > slowest.ms) slowest = { bytes: size(body), ms }
  }
  return Promise.resolve({
    coldMs,
    coldInstructions,
    functions,
    declined,
    bytes,
    instructions,
    left,
    frontMs,
    passMs,
    slowest,
  })
}

async function run(options: Options): Promise<Report[]> {
  if (!existsSync(FILE)) throw new Error(`${FILE} not found: run \`npm ci --prefix bench\` first`)
  const runs = repeat(Math.min(options.processes, 3), () => inProcess<Times>('compiler', {}))
  const [first] = runs
  const least = (of: (times: Times) => number): number => Math.min(...runs.map(of))
  const warm = (t: Times): number => t.frontMs + PASSES.reduce((sum, pass) => sum + t.passMs[pass], 0)
  const rows: Row[] = [
    {
      name: 'cold: 20 functions',
      ours: least((t) => (t.coldMs * 1e6) / t.coldInstructions),
      note: `${least((t) => t.coldMs).toFixed(0)} ms`,
    },
    {
      name: 'warm: all',
      ours: least((t) => (warm(t) * 1e6) / t.instructions),
      note: `${(first.bytes / 1e3 / least(warm)).toFixed(2)} MB/s of code, ${first.functions} functions, ${first.declined} declined`,
    },
    { name: 'front end', ours: least((t) => (t.frontMs * 1e6) / t.instructions) },
    ...PASSES.map((pass) => ({ name: pass, ours: least((t) => (t.passMs[pass] * 1e6) / t.instructions) })),
    {
      name: 'slowest function',
      ours: least((t) => (t.slowest.ms * 1e6) / t.slowest.bytes),
      note: `per byte; ${first.slowest.bytes} bytes in ${first.slowest.ms.toFixed(1)} ms`,
    },
  ]
  const chosen = rows.filter(
    ({ name }) => options.only.length === 0 || options.only.some((word) => name.startsWith(word)),
  )
  if (chosen.length === 0) return []
  const title = `compiler: SSA of sqlite (${first.instructions} instructions, ${first.left} after the passes)`
  return [{ title, unit: 'ns per instruction', columns: { ours: 'zwasm' }, rows: chosen }]
}

export const compiler: Suite = { name: 'compiler', run, child }
