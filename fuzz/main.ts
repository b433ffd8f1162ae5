// npm run fuzz -- [--seed S] [--count N] [--kind single|gen|gc|binary|text|all] [--case K] [--file F] [--without F,F] [--jobs N]
//              [--node 26]
//
// Everything is seeded: a case is (kind, seed, number). Cases run in worker threads; this thread watches them (time of each case,
// memory of the process), prints progress on a terminal and the findings, each with the line that replays it. Exit code 1 if
// anything was found. `--node 26` (scripts/fuzz.mjs) runs all of it on a newer Node, whose V8 knows more of Wasm.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { createWebAssembly } from '../src/api/namespace.ts'
import { nativeTier, provideJit } from '../src/api/native.ts'
import { checkAllocation } from '../src/codegen/regalloc/check.ts'
import { X64_REGISTERS } from '../src/isa/x64/abi.ts'
import * as jit from '../src/jit/index.ts'
import { EAGER_POLICY, JIT_POLICY } from '../src/jit/tier.ts'
import { setSlice } from '../src/runtime/driver.ts'
import { setDefaultNativeTier } from '../src/runtime/tier.ts'
import { verify } from '../src/ssa/verify.ts'
import { caseOfFile, hostFeatures, KINDS, makeCase, verdictFeatures } from './cases.ts'
import type { Kind } from './cases.ts'
import { FEATURES, faultyFeatures } from './features.ts'
import type { Feature } from './features.ts'
import type { Namespace } from './run-case.ts'
import { singleOps, trySingle, WIDE_MODEL } from './single.ts'

const USAGE = `npm run fuzz -- [options]
  --seed S      seed of the run (default 1)
  --count N     generated modules (default 20000); mutated inputs are ten times as many, GC stress a tenth
  --kind K      only one kind, N cases of it: single (instructions alone), gen (generated modules against the oracle),
                gc (the same, collecting at every allocation), binary, text (mutated inputs)
  --case K      only case number K of the kind, with details
  --file F      a saved input instead of a generated one (with --kind)
  --without F,F generated modules do not use these features
  --engine E    interp (default); jit: machine code before the first call of each function; auto: at its first branch, and running
                loops go on in it. Graphs and allocations are checked
  --jobs N      worker threads (default: number of processors, at most 4)
  --node 26     run on the newer Node of fuzz/package.json: the oracle for what the V8 of this Node lacks`

/** Environment variable that tells workers of `--engine`. */
const ENGINE = 'ZWASM_FUZZ_ENGINE'

/** No case may take longer, in ms. */
const CASE_BUDGET = 10_000
/** No run may take more memory, in bytes. */
const MEMORY_BUDGET = 4 * 2 ** 30
const CHUNK: Record<Kind, number> = { single: 8, gen: 50, gc: 20, binary: 1000, text: 500 }
const MAX_FINDINGS = 25

interface Settings {
  readonly seed: number
  readonly counts: ReadonlyMap<Kind, number>
  readonly only: number | undefined
  readonly file: string | undefined
  readonly jobs: number
  readonly root: string
}

interface Task {
  readonly kind: Kind
  readonly from: number
  readonly to: number
}
interface Finding {
  readonly kind: Kind
  readonly index: number
  readonly problem: string
  /** File name in build/fuzz. */
  readonly saved: string | undefined
}
interface Answer {
  readonly cases: number
  readonly findings: readonly Finding[]
}

function usageError(message: string): never {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}

function parseArguments(args: readonly string[]): Settings {
  const values = new Map<string, string>()
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i]!
    if (!['--seed', '--count', '--kind', '--case', '--file', '--jobs', '--without', '--engine'].includes(name))
      usageError(`unknown option ${name}`)
    if (args[i + 1] === undefined) usageError(`${name} needs a value`)
    values.set(name, args[i + 1]!)
  }
  const number = (name: string, otherwise: number): number => {
    const value = Number(values.get(name) ?? otherwise)
    return Number.isInteger(value) && value >= 0 ? value : usageError(`${name} needs a number`)
  }
  const without = values.get('--without')
  if (without !== undefined) {
    for (const f of without.split(','))
      if (!FEATURES.includes(f as Feature)) usageError(`unknown feature ${f}: ${FEATURES.join(', ')}`)
    process.env['ZWASM_FUZZ_WITHOUT'] = without
  }
  const engine = values.get('--engine') ?? 'interp'
  if (!['interp', 'jit', 'auto'].includes(engine)) usageError(`unknown engine ${engine}`)
  process.env[ENGINE] = engine
  const kind = values.get('--kind') ?? 'all'
  if (kind !== 'all' && !KINDS.includes(kind as Kind)) usageError(`unknown kind ${kind}`)
  if ((values.has('--case') || values.has('--file')) && kind === 'all') usageError('--case and --file need --kind')
  const count = number('--count', 20_000)
  const instructions = allSingleOps().length
  const counts = new Map<Kind, number>(
    kind === 'all'
      ? [
          ['single', instructions],
          ['gen', count],
          ['gc', Math.ceil(count / 10)],
          ['binary', count * 5],
          ['text', count * 5],
        ]
      : [[kind as Kind, kind === 'single' ? instructions : count]],
  )
  return {
    seed: number('--seed', 1),
    counts,
    only: values.has('--case') ? number('--case', 0) : undefined,
    file: values.get('--file'),
    jobs: number('--jobs', Math.min(4, availableParallelism())),
    root: process.env['ZWASM_ROOT'] ?? process.cwd(),
  }
}

/** Instructions with an oracle: the host's V8, or a model of ours. */
const allSingleOps = (): ReturnType<typeof singleOps> => {
  const withModel = new Set(hostFeatures).add('wide_arithmetic')
  return singleOps(withModel)
}

const host = (globalThis as unknown as { WebAssembly: Namespace }).WebAssembly

function runSingle(index: number, seed: number): { calls: number; problem: string | undefined } {
  const op = allSingleOps()[index]!
  const model = hostFeatures.has('wide_arithmetic') ? undefined : WIDE_MODEL[op.row[1]]
  const zwasm = createWebAssembly({ engine: 'interp' }) as unknown as Namespace
  const { calls, differences } = trySingle(op, zwasm, model ?? host, seed)
  return { calls, problem: differences.length === 0 ? undefined : differences.join('\n  ') }
}

// ---- worker ----------------------------------------------------------------------------------------------------------------

interface WorkerData {
  readonly settings: Settings
  /** What this worker is at: kind, case, ms since the start. The main thread looks at it. */
  readonly state: SharedArrayBuffer
  readonly start: number
}

function saveInput(root: string, name: string, bytes: Uint8Array): string {
  const folder = join(root, 'build/fuzz')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), bytes)
  return `build/fuzz/${name}`
}

const extension = (kind: Kind): string => (kind === 'text' ? 'wat' : 'wasm')

function serve(task: Task, { settings, state, start }: WorkerData): Answer {
  const at = new Int32Array(state)
  const findings: Finding[] = []
  const { seed, root } = settings
  for (let index = task.from; index < task.to; index++) {
    at[0] = KINDS.indexOf(task.kind)
    at[1] = index
    at[2] = Date.now() - start
    if (task.kind === 'single') {
      const { problem } = runSingle(index, seed)
      if (problem !== undefined) findings.push({ kind: 'single', index, problem, saved: undefined })
      continue
    }
    const one = makeCase(task.kind, seed, index, root)
    const problem = one.check(one.input)
    if (problem === undefined) continue
    const name = `${task.kind}-${seed}-${index}.${extension(task.kind)}`
    let saved = saveInput(root, name, one.input)
    // Reduction takes its time: it is not the case that is slow.
    at[2] = Date.now() - start + 60_000
    const smaller = one.reduce(one.input, problem)
    if (smaller.length < one.input.length) saved = saveInput(root, name.replace('.', '-reduced.'), smaller)
    findings.push({
      kind: task.kind,
      index,
      problem,
      saved: `${saved} (${smaller.length} bytes, of ${one.input.length})`,
    })
    if (findings.length >= MAX_FINDINGS) break
  }
  at[2] = -1
  return { cases: task.to - task.from, findings }
}

// ---- main thread ------------------------------------------------------------------------------------------------------------

async function main(): Promise<void> {
  const settings = parseArguments(process.argv.slice(2))
  describeOracle(settings)
  if (settings.only !== undefined || settings.file !== undefined) return replay(settings)
  const start = Date.now()
  const findings = await runAll(settings, start)
  const total = [...settings.counts.values()].reduce((a, b) => a + b, 0)
  for (const [kind, count] of settings.counts)
    console.log(
      `  ${kind.padEnd(8)} ${String(count).padStart(8)} cases, ${findings.filter((f) => f.kind === kind).length} findings`,
    )
  console.log(
    `${((Date.now() - start) / 1000).toFixed(1)} s, seed ${settings.seed}, at most ${(peakMemory / 2 ** 20).toFixed(0)} MiB of memory`,
  )
  const bad = new Set(findings.map((f) => `${f.kind} ${f.index}`)).size
  console.log(`\n${total - bad} passed, ${bad} failed`)
  process.exitCode = bad > 0 ? 1 : 0
}

/** Says what the oracle cannot check: nothing is left out silently. */
function describeOracle({ counts }: Settings): void {
  const faulty = faultyFeatures(process.versions.v8)
  const missing = FEATURES.filter((f) => !hostFeatures.has(f) && !faulty.includes(f))
  console.log(`Oracle: V8 ${process.versions.v8} of Node ${process.version}`)
  if (missing.length > 0) console.log(`NOT COMPARED, because this V8 lacks it: ${missing.join(', ')}`)
  if (faulty.length > 0) console.log(`NOT COMPARED, because this V8 gets it wrong: ${faulty.join(', ')}`)
  if (missing.includes('wide_arithmetic'))
    console.log('  (instructions of wide_arithmetic are compared with a model in BigInt)')
  if (missing.includes('gc')) console.log('  npm run fuzz -- --node 26 compares these too')
  if (verdictFeatures === undefined && counts.has('binary'))
    console.log(
      'NOT COMPARED: the verdict on mutated modules; this V8 lacks too much. They are checked for crashes only',
    )
}

function replayLine(settings: Settings, kind: Kind, index: number): string {
  const node = process.env['ZWASM_FUZZ_NODE']
  const without = process.env['ZWASM_FUZZ_WITHOUT']
  const engine = process.env[ENGINE] === 'interp' ? '' : ` --engine ${process.env[ENGINE]}`
  return `npm run fuzz -- --kind ${kind} --seed ${settings.seed} --case ${index}${engine}${without === undefined ? '' : ` --without ${without}`}${node === undefined ? '' : ` --node ${node}`}`
}

function replay(settings: Settings): void {
  useEngine()
  const [kind] = [...settings.counts.keys()] as [Kind]
  let problem: string | undefined
  if (kind === 'single') problem = runSingle(settings.only!, settings.seed).problem
  else {
    const one =
      settings.file !== undefined
        ? caseOfFile(kind, new Uint8Array(readFileSync(settings.file)), settings.root)
        : makeCase(kind, settings.seed, settings.only!, settings.root)
    console.log(
      `input of ${one.input.length} bytes: ${saveInput(settings.root, `replay.${extension(kind)}`, one.input)}`,
    )
    problem = one.check(one.input)
  }
  console.log(problem ?? 'nothing is wrong')
  console.log(problem === undefined ? '\n1 passed, 0 failed' : '\n0 passed, 1 failed')
  process.exitCode = problem === undefined ? 0 : 1
}

let peakMemory = 0

function runAll(settings: Settings, start: number): Promise<Finding[]> {
  const tasks: Task[] = []
  for (const [kind, count] of settings.counts)
    for (let from = 0; from < count; from += CHUNK[kind])
      tasks.push({ kind, from, to: Math.min(count, from + CHUNK[kind]) })
  tasks.reverse()
  const total = [...settings.counts.values()].reduce((a, b) => a + b, 0)
  const findings: Finding[] = []
  let done = 0
  const progress = process.stderr.isTTY
  const report = (finding: Finding): void => {
    findings.push(finding)
    if (progress) process.stderr.write('\r\x1b[K')
    console.log(`${finding.kind} case ${finding.index}: ${finding.problem}`)
    if (finding.saved !== undefined) console.log(`  input: ${finding.saved}`)
    console.log(`  replay: ${replayLine(settings, finding.kind, finding.index)}`)
    if (findings.length === MAX_FINDINGS) {
      console.log(`${MAX_FINDINGS} findings: no further cases are started`)
      tasks.length = 0
    }
  }
  return new Promise((resolve) => {
    let running = 0
    const startWorker = (): void => {
      let task = tasks.pop()
      if (task === undefined) {
        if (running === 0) resolve(findings)
        return
      }
      running++
      const state = new SharedArrayBuffer(16)
      const at = new Int32Array(state)
      at[2] = -1
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { settings, state, start } satisfies WorkerData,
      })
      let crash: string | undefined
      const watch = setInterval(() => {
        const memory = process.memoryUsage.rss()
        peakMemory = Math.max(peakMemory, memory)
        if (at[2]! >= 0 && Date.now() - start - at[2]! > CASE_BUDGET)
          crash = `takes longer than ${CASE_BUDGET / 1000} s`
        else if (memory > MEMORY_BUDGET) crash = `the process takes ${(memory / 2 ** 30).toFixed(1)} GiB of memory`
        if (crash !== undefined) void worker.terminate()
      }, 200)
      worker.on('message', (answer: Answer) => {
        done += answer.cases
        for (const finding of answer.findings) report(finding)
        if (progress)
          process.stderr.write(
            `\r\x1b[K${done}/${total} cases, ${findings.length} findings, ${((Date.now() - start) / 1000).toFixed(0)} s`,
          )
        task = tasks.pop()
        worker.postMessage(task ?? 'end')
      })
      worker.on('error', (error) => (crash ??= error.stack ?? String(error)))
      worker.on('exit', (code) => {
        clearInterval(watch)
        running--
        if (task !== undefined) {
          // It died in the middle of a task: name the case, go on behind it.
          const index = at[1]!
          report({ kind: task.kind, index, problem: crash ?? `the worker died with code ${code}`, saved: undefined })
          if (index + 1 < task.to && findings.length < MAX_FINDINGS) tasks.push({ ...task, from: index + 1 })
        }
        if (progress) process.stderr.write('\r\x1b[K')
        startWorker()
      })
      worker.postMessage(task)
    }
    for (let i = 0; i < settings.jobs; i++) startWorker()
  })
}

/** Stores of this thread get machine code, if that is asked for. */
function useEngine(): void {
  const name = process.env[ENGINE]
  if (name !== 'jit' && name !== 'auto') return
  provideJit(jit)
  const engine = jit.openEngine()
  if ('reason' in engine) throw new Error(`no machine code: ${engine.reason}`)
  setDefaultNativeTier(nativeTier(name === 'jit' ? JIT_POLICY : EAGER_POLICY))
  if (name === 'auto') setSlice(0)
  engine.observer = {
    graph: (graph, step) => verify(graph, step),
    allocation: (code, allocation) => checkAllocation(code, allocation, X64_REGISTERS),
  }
}

if (isMainThread) await main()
else {
  useEngine()
  const port = parentPort!
  const data = workerData as WorkerData
  port.on('message', (task: Task | 'end') => {
    if (task === 'end') port.close()
    else port.postMessage(serve(task, data))
  })
}
