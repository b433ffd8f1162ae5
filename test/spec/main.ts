// npm run spec -- [filter ...] [--engine E] [--strict] [--host] [--api] [--gc-stress] [--plain] [--observed] [--jobs N] [--json] [--verbose]
//
// Runs the official suite. Files go to worker threads, one at a time; this thread counts. Ends with totals that add up to the number
// of commands in the scripts, and with exit code 1 if anything failed or was skipped without being allowed to.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { runWast } from '../../src/api/wast-runner.ts'
import type { WastCount, WastOptions, WastReport } from '../../src/api/wast-runner.ts'
import type { JsNamespace } from '../../src/api/wast-js.ts'
import { createWebAssembly } from '../../src/api/namespace.ts'
import { TRACE_KINDS, type TraceEvent } from '../../src/api/trace-events.ts'
import { readObservation } from '../../src/api/trace-setup.ts'
import { formatTraceEvent } from '../../src/api/trace-text.ts'
import { nativeTier, provideJit } from '../../src/api/native.ts'
import { checkAllocation } from '../../src/codegen/regalloc/check.ts'
import { usePlainCode } from '../../src/interp/code.ts'
import { X64_REGISTERS } from '../../src/isa/x64/abi.ts'
import { openEngine } from '../../src/jit/engine.ts'
import * as jit from '../../src/jit/index.ts'
import { EAGER_POLICY, JIT_POLICY } from '../../src/jit/tier.ts'
import { setSlice } from '../../src/runtime/driver.ts'
import { type Observer, setDefaultObserver } from '../../src/runtime/observer.ts'
import { setDefaultNativeTier } from '../../src/runtime/tier.ts'
import { verify } from '../../src/ssa/verify.ts'
import { runComponentSuite } from './component-main.ts'
import { CONTRADICTIONS, findSuite, NOT_RUN, suiteFiles } from './suite.ts'
import type { SuiteFile } from './suite.ts'

const USAGE = `npm run spec -- [filter ...] [options]
  filter           only files whose name contains it
  component        as the first: the scripts of the component model instead; the next are filters of these, --strict, --host, --verbose
  --engine E       interp (the default); jit: every function is compiled before its first call; auto: functions and loops are compiled as
                   soon as they have run for a moment. What is not compiled is interpreted; the run says how much that is
  --strict         compare the texts of errors as prefixes too
  --host           run on the WebAssembly of this JavaScript engine: a check of the runner. What it does not support is skipped
  --api            run through zwasm's JS API; what that cannot carry is skipped
  --gc-stress      collect garbage at every allocation; without filters only the files about references and exceptions
  --plain          run the register IR without superinstructions
  --observed       with a trace of everything, a profile and coverage of each script
  --jobs N         worker threads (default: number of processors, at most 4)
  --json           one line of JSON for each file, then the totals
  --verbose        every file, also those without problems`

const GC_FILES = [
  'core/gc/',
  'core/exceptions/',
  'ref',
  'table',
  'elem',
  'extern',
  'call_ref',
  'br_on',
  'linking',
  'instance',
  'type',
]
/** Environment variable that tells workers, and the threads that scripts start in them, of `--plain`. */
const PLAIN = 'ZWASM_SPEC_PLAIN'
/** Likewise of `--observed`. */
const OBSERVED = 'ZWASM_SPEC_OBSERVED'
/** Likewise of `--engine`. */
const ENGINE = 'ZWASM_SPEC_ENGINE'
const ENGINES = ['interp', 'jit', 'auto']
const MAX_PROBLEMS_SHOWN = Number(process.env['MAXP'] ?? 200)

interface Settings {
  readonly filters: readonly string[]
  readonly strict: boolean
  readonly engine: 'zwasm' | 'host' | 'api'
  readonly gcStress: boolean
  readonly jobs: number
  readonly json: boolean
  readonly verbose: boolean
}

function parseArguments(args: readonly string[]): Settings {
  const filters: string[] = []
  const settings = {
    strict: false,
    engine: 'zwasm' as Settings['engine'],
    gcStress: false,
    jobs: Math.min(4, availableParallelism()),
    json: false,
    verbose: false,
  }
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!
    switch (argument) {
      case '--strict':
        settings.strict = true
        break
      case '--host':
        settings.engine = 'host'
        break
      case '--api':
        settings.engine = 'api'
        break
      case '--gc-stress':
        settings.gcStress = true
        break
      case '--plain':
        process.env[PLAIN] = '1'
        break
      case '--observed':
        process.env[OBSERVED] = '1'
        break
      case '--json':
        settings.json = true
        break
      case '--verbose':
        settings.verbose = true
        break
      case '--jobs':
        settings.jobs = Number(args[++i])
        if (!(settings.jobs >= 1)) usageError('--jobs needs a number')
        break
      case '--engine':
        if (!ENGINES.includes(args[++i]!)) usageError(`unknown engine ${args[i]}: there are ${ENGINES.join(', ')}`)
        process.env[ENGINE] = args[i]
        break
      default:
        if (argument.startsWith('-')) usageError(`unknown option ${argument}`)
        filters.push(argument)
    }
  }
  return { ...settings, filters: filters.length === 0 && settings.gcStress ? GC_FILES : filters }
}

/** Every event becomes text, which goes nowhere. */
function observeEverything(): Observer {
  const sink = (event: TraceEvent): void => void formatTraceEvent(event)
  return readObservation({ trace: { kinds: TRACE_KINDS, sink }, profile: true, coverage: true })!.observer
}

function usageError(message: string): never {
  console.error(`${message}\n\n${USAGE}`)
  process.exit(2)
}

// A worker: answers each file with its report.

interface Task {
  readonly index: number
  readonly file: SuiteFile
  readonly settings: Settings
}
interface Answer {
  readonly index: number
  readonly report: WastReport | undefined
  readonly crash: string | undefined
  readonly milliseconds: number
  readonly native?: NativeCounts | undefined
}
interface NativeCounts {
  readonly functions: number
  readonly declined: number
  readonly loops: number
}

async function serve(task: Task): Promise<Answer> {
  const { index, file, settings } = task
  const start = performance.now()
  try {
    const options: WastOptions = {
      file: file.name,
      features: file.features,
      strict: settings.strict,
      gcStress: settings.gcStress,
      engine: settings.engine === 'api' ? (createWebAssembly() as unknown as JsNamespace) : settings.engine,
      threadScript: import.meta.url,
    }
    const report = await runWast(readFileSync(file.path), options)
    return { index, report, crash: undefined, milliseconds: performance.now() - start, native: nativeCounts() }
  } catch (error) {
    return {
      index,
      report: undefined,
      crash: error instanceof Error ? (error.stack ?? error.message) : String(error),
      milliseconds: performance.now() - start,
    }
  }
}

/** Every graph and every allocation is checked. */
function useNativeCode(isJit: boolean): void {
  provideJit(jit)
  const engine = openEngine()
  if ('reason' in engine) throw new Error(`no native code: ${engine.reason}`)
  setDefaultNativeTier(nativeTier(isJit ? JIT_POLICY : EAGER_POLICY))
  // Each branch and call ends a slice: functions are compiled at the first of them, and loops are entered wherever that can be.
  if (!isJit) setSlice(0)
  engine.observer = {
    graph: (graph, step) => verify(graph, step),
    allocation: (code, allocation) => checkAllocation(code, allocation, X64_REGISTERS),
  }
}

/** Functions compiled and declined, loops compiled, since the last call. */
function nativeCounts(): NativeCounts | undefined {
  if (process.env[ENGINE] === undefined || process.env[ENGINE] === 'interp') return undefined
  const engine = openEngine()
  if ('reason' in engine) return undefined
  const { functions, declined, loops } = engine.counts
  engine.counts.functions = engine.counts.declined = engine.counts.loops = 0
  return { functions, declined, loops }
}

// The main thread.

async function main(): Promise<void> {
  const root = process.env['ZWASM_ROOT'] ?? process.cwd()
  if (process.argv[2] === 'component') {
    try {
      process.exitCode = runComponentSuite(root, process.argv.slice(3)) ? 1 : 0
    } catch (error) {
      usageError((error as Error).message)
    }
    return
  }
  const settings = parseArguments(process.argv.slice(2))
  let files: SuiteFile[]
  let suite: string
  try {
    suite = findSuite(root)
    files = suiteFiles(suite, settings.filters)
  } catch (error) {
    console.error(`Error: ${(error as Error).message}`)
    console.log('0 passed, 1 failed')
    process.exit(1)
  }
  if (files.length === 0) usageError('no file matches')
  const start = performance.now()
  const answers = await runAll(files, settings)
  const failed = summarize(suite, files, answers, settings, performance.now() - start)
  process.exitCode = failed ? 1 : 0
}

function runAll(files: readonly SuiteFile[], settings: Settings): Promise<Answer[]> {
  const answers: Answer[] = []
  // The longest first: the last file decides when the run ends.
  const size = (f: SuiteFile): number => readFileSync(f.path).length
  const queue = files.map((file, index) => ({ file, index, bytes: size(file) })).sort((a, b) => b.bytes - a.bytes)
  const progress = process.stderr.isTTY && !settings.json
  return new Promise((resolve) => {
    let running = 0
    const startWorker = (): void => {
      const next = queue.shift()
      if (next === undefined) {
        if (running === 0) resolve(answers)
        return
      }
      running++
      let current = next
      const worker = new Worker(new URL(import.meta.url), { workerData: { spec: true } })
      const send = (): void => worker.postMessage({ index: current.index, file: current.file, settings } satisfies Task)
      const done = (answer: Answer): void => {
        answers.push(answer)
        if (progress) process.stderr.write(`\r\x1b[K${answers.length}/${files.length} ${current.file.name}`)
      }
      worker.on('message', (answer: Answer) => {
        done(answer)
        const following = queue.shift()
        if (following === undefined) worker.postMessage('end')
        else {
          current = following
          send()
        }
      })
      let crash: string | undefined
      worker.on('error', (error) => (crash = error.stack ?? String(error)))
      worker.on('exit', (code) => {
        running--
        if (crash !== undefined || code !== 0)
          done({ index: current.index, report: undefined, crash: crash ?? `worker exit code ${code}`, milliseconds: 0 })
        if (progress) process.stderr.write('\r\x1b[K')
        startWorker()
      })
      send()
    }
    for (let i = 0; i < Math.min(settings.jobs, files.length); i++) startWorker()
  })
}

/** Prints the report; true if the run is red. */
function summarize(
  suite: string,
  files: readonly SuiteFile[],
  answers: readonly Answer[],
  settings: Settings,
  milliseconds: number,
): boolean {
  const total: WastCount = { passed: 0, failed: 0, skipped: 0 }
  const kinds = new Map<string, WastCount>()
  const contradictions: string[] = []
  const broken: string[] = []
  let commands = 0
  let shown = 0
  const byIndex = new Map(answers.map((a) => [a.index, a]))
  for (const [index, file] of files.entries()) {
    const { report, crash, milliseconds: time } = byIndex.get(index)!
    if (report === undefined) {
      total.failed++
      commands++
      broken.push(file.name)
      console.log(`${file.name}: crashed\n    ${crash}`)
      continue
    }
    const known = settings.engine !== 'host' ? CONTRADICTIONS.filter((c) => c.file === file.name) : []
    const excused = report.problems.filter(
      (p) =>
        p.outcome === 'failed' &&
        p.kind === 'assert_invalid' &&
        known.some((c) => c.line === p.line) &&
        /nothing went wrong/.test(p.reason ?? ''),
    )
    for (const { line, reason } of known) {
      if (excused.some((p) => p.line === line)) contradictions.push(`${file.name}:${line}: ${reason}`)
      else {
        console.log(`${file.name}:${line}: listed as contradicting Wasm 3.0, but it does not (any more)`)
        total.failed++
        commands++
      }
    }
    commands += report.commands - excused.length
    for (const [kind, count] of report.kinds) {
      let sum = kinds.get(kind)
      if (sum === undefined) kinds.set(kind, (sum = { passed: 0, failed: 0, skipped: 0 }))
      sum.passed += count.passed
      sum.failed += count.failed - (kind === 'assert_invalid' ? excused.length : 0)
      sum.skipped += count.skipped
    }
    total.passed += report.passed
    total.failed += report.failed - excused.length
    total.skipped += report.skipped
    const failures = report.problems.filter((p) => p.outcome === 'failed' && !excused.includes(p))
    if (settings.json) {
      console.log(
        JSON.stringify({
          file: file.name,
          passed: report.passed,
          failed: failures.length,
          skipped: report.skipped,
          contradictory: excused.length,
          milliseconds: Math.round(time),
          failures,
        }),
      )
      continue
    }
    if (failures.length > 0 || settings.verbose || !process.stdout.isTTY)
      console.log(
        `${file.name}: ${report.passed} passed, ${failures.length} failed, ${report.skipped} skipped (${Math.round(time)} ms)`,
      )
    for (const p of failures) {
      if (shown++ < MAX_PROBLEMS_SHOWN) console.log(`    ${file.name}:${p.line}:${p.column}: ${p.kind}: ${p.reason}`)
    }
  }
  if (shown > MAX_PROBLEMS_SHOWN) console.log(`... and ${shown - MAX_PROBLEMS_SHOWN} more failures`)
  if (total.passed + total.failed + total.skipped !== commands) {
    console.log(`The totals do not add up: ${commands} commands`)
    broken.push('totals')
  }
  if (!settings.json) {
    console.log(
      `\n${suite}: ${files.length} files, ${commands} commands, ${(milliseconds / 1000).toFixed(1)} s${settings.gcStress ? ', garbage collection at every allocation' : ''}${process.env[PLAIN] === '1' ? ', plain register IR' : ''}`,
    )
    for (const [kind, count] of [...kinds].sort())
      console.log(
        `  ${kind.padEnd(24)} ${String(count.passed).padStart(6)} passed ${String(count.failed).padStart(5)} failed ${String(count.skipped).padStart(5)} skipped`,
      )
    if (contradictions.length > 0)
      console.log(
        `\nNot counted, rejected by name (${contradictions.length}):\n${contradictions.map((c) => `  ${c}`).join('\n')}`,
      )
    if (settings.filters.length === 0)
      console.log(`\nNot run:\n${NOT_RUN.map((n) => `  ${n.path}: ${n.reason}`).join('\n')}`)
    if (settings.engine !== 'zwasm')
      console.log(
        `\nThis run was on ${settings.engine === 'host' ? `the host's WebAssembly (${process.version})` : "zwasm's JS API"}; what it does not carry is skipped.`,
      )
  }
  const native = answers.flatMap((answer) => (answer.native === undefined ? [] : [answer.native]))
  if (native.length > 0) {
    const sum = (of: (counts: NativeCounts) => number): number => native.reduce((all, counts) => all + of(counts), 0)
    console.log(
      `\nnative: ${sum((n) => n.functions)} functions and ${sum((n) => n.loops)} loops compiled, ${sum((n) => n.declined)} functions interpreted`,
    )
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  // On zwasm itself nothing may be skipped.
  return total.failed > 0 || broken.length > 0 || (settings.engine === 'zwasm' && total.skipped > 0)
}

if (!isMainThread && process.env[PLAIN] === '1') usePlainCode()
if (!isMainThread && process.env[OBSERVED] === '1') setDefaultObserver(observeEverything)
if (!isMainThread && ENGINES.slice(1).includes(process.env[ENGINE]!)) useNativeCode(process.env[ENGINE] === 'jit')
if (isMainThread) await main()
else if ((workerData as { spec?: boolean } | null)?.spec === true) {
  const port = parentPort!
  port.on('message', (message: Task | 'end') => {
    if (message === 'end') port.close()
    else void serve(message).then((answer) => port.postMessage(answer))
  })
}
