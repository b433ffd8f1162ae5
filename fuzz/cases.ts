// The kinds of cases, each as a function from a seed to what is wrong (or undefined).

import { createWebAssembly, realmOf } from '../src/api/namespace.ts'
import { DEFAULT_FEATURES, Feature as Bit } from '../src/wasm/features.ts'
import type { Features } from '../src/wasm/features.ts'
import { checkBinary, checkScript, checkText } from './checks.ts'
import type { Oracle } from './checks.ts'
import { binaryCorpus, textCorpus } from './corpus.ts'
import { supportedFeatures } from './features.ts'
import type { Feature } from './features.ts'
import { generateModule } from './gen.ts'
import { mutateBytes, mutateText } from './mutate.ts'
import { caseSeed, Random } from './random.ts'
import { reduceInput, reduceModule } from './reduce.ts'
import { compareOutcomes, runModule } from './run-case.ts'
import type { Namespace } from './run-case.ts'

export const KINDS = ['single', 'gen', 'gc', 'binary', 'text'] as const
export type Kind = (typeof KINDS)[number]

export interface Case {
  readonly input: Uint8Array
  /** What is wrong with an input. */
  check(input: Uint8Array): string | undefined
  /** A smaller input with the same kind of problem. */
  reduce(input: Uint8Array, problem: string): Uint8Array
}

const host = (globalThis as unknown as { WebAssembly: Namespace }).WebAssembly
/** What the host's V8 can be an oracle for. */
export const hostFeatures: ReadonlySet<Feature> = supportedFeatures(
  (bytes) => host.validate(bytes),
  process.versions.v8,
)

/** Features of generated modules: the host's without those of `--without`. */
function generatedFeatures(): Set<Feature> {
  const without = (process.env['ZWASM_FUZZ_WITHOUT'] ?? '').split(',')
  return new Set([...hostFeatures].filter((f) => !without.includes(f)))
}

/** Our features as far as the host has them, so that verdicts can be compared; undefined if it lacks too much for that. */
function comparableFeatures(): Features | undefined {
  const needed: Feature[] = [
    'gc',
    'exceptions',
    'memory64',
    'multi_memory',
    'relaxed_simd',
    'extended_const',
    'tail_call',
  ]
  if (!needed.every((f) => hostFeatures.has(f))) return undefined
  let features = DEFAULT_FEATURES & ~(Bit.CompactImports as number)
  if (!hostFeatures.has('wide_arithmetic')) features &= ~Bit.WideArithmetic
  if (!hostFeatures.has('custom_page_sizes')) features &= ~Bit.CustomPageSizes
  return features
}
export const verdictFeatures = comparableFeatures()

const verdict: Oracle = (bytes) => {
  if (host.validate(bytes)) return undefined
  try {
    new host.Module(bytes)
  } catch (error) {
    return (error as Error).message
  }
  return undefined
}

/**
 * A namespace of its own for each stretch of cases. The one before is disposed of: its instances could only be collected when this
 * thread gets back to its event loop.
 */
class Engine {
  private namespace: Namespace | undefined
  private uses = 0

  constructor(private readonly gcStress: boolean) {}

  get(): Namespace {
    if (this.namespace === undefined || ++this.uses % 20 === 0) {
      if (this.namespace !== undefined) realmOf(this.namespace)!.store.dispose()
      const fresh = createWebAssembly({ engine: 'interp', limits: { memory: 64 << 20 } })
      realmOf(fresh)!.store.heap.stress = this.gcStress
      this.namespace = fresh as unknown as Namespace
    }
    return this.namespace
  }
}
const engines = { gen: new Engine(false), gc: new Engine(true) }

function checkGenerated(kind: 'gen' | 'gc', bytes: Uint8Array): string | undefined {
  const oracle = runModule(host, bytes)
  const difference = compareOutcomes(runModule(engines[kind].get(), bytes), oracle)
  if (difference !== undefined) return difference
  return oracle.rejected ? `the generator made an invalid module: ${oracle.log[0]}` : undefined
}

/** Problems are the same if they are of the same kind: details may change while a module shrinks. */
const category = (problem: string): string =>
  /rejects|accepts|invalid module/.test(problem)
    ? problem.replace(/\d+/g, 'N').slice(0, 60)
    : /BUG|Error/.test(problem)
      ? problem.split('\n')[0]!.replace(/\d+/g, 'N')
      : 'divergence'

const problemOf = (check: (input: Uint8Array) => string | undefined, input: Uint8Array): string | undefined => {
  try {
    return check(input)
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error)
  }
}

function generatedCase(kind: 'gen' | 'gc', seed: number): Case {
  const features = generatedFeatures()
  return {
    input: generateModule(seed, features),
    check: (input) => problemOf((bytes) => checkGenerated(kind, bytes), input),
    reduce(input, problem) {
      return reduceModule(input, (candidate) => {
        if (!host.validate(candidate) && !/accepts/.test(problem)) return false
        const found = this.check(candidate)
        return found !== undefined && category(found) === category(problem)
      })
    },
  }
}

let binaries: readonly Uint8Array[] | undefined
let texts: readonly Uint8Array[] | undefined

function mutatedCase(kind: 'binary' | 'text', seed: number, root: string): Case {
  const random = new Random(seed)
  const corpus = kind === 'binary' ? (binaries ??= binaryCorpus(root).inputs) : (texts ??= textCorpus(root).inputs)
  const mutate = kind === 'binary' ? mutateBytes : mutateText
  const input = mutate(random, random.pick(corpus), random.pick(corpus))
  const check =
    kind === 'binary'
      ? (bytes: Uint8Array) =>
          checkBinary(bytes, verdictFeatures ?? DEFAULT_FEATURES, verdictFeatures === undefined ? undefined : verdict)
      : (bytes: Uint8Array) => checkText(bytes, DEFAULT_FEATURES) ?? checkScript(bytes, DEFAULT_FEATURES)
  return {
    input,
    check: (bytes) => problemOf(check, bytes),
    reduce(bytes, problem) {
      return reduceInput(bytes, (candidate) => {
        const found = this.check(candidate)
        return found !== undefined && category(found) === category(problem)
      })
    },
  }
}

export function makeCase(kind: Exclude<Kind, 'single'>, seed: number, index: number, root: string): Case {
  const own = caseSeed(seed, index)
  return kind === 'gen' || kind === 'gc' ? generatedCase(kind, own) : mutatedCase(kind, own, root)
}

/** A case from a file, for `--file`. */
export function caseOfFile(kind: Exclude<Kind, 'single'>, input: Uint8Array, root: string): Case {
  return { ...makeCase(kind, 0, 0, root), input }
}
