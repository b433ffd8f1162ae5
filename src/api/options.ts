// Options of a `Vm` or a namespace: known names only, every one of them with an effect.

import { DEFAULT_LIMITS, type StoreOptions } from '../runtime/store.ts'
import { STACK_SLOTS } from '../runtime/machine.ts'
import { nearestName } from '../util/nearest.ts'
import { DEFAULT_FEATURES, type FeatureName, FEATURES, type Features, withFeatures } from '../wasm/features.ts'

export type Engine = 'auto' | 'interp' | 'host'

/** Caps. What is beyond one is refused, never silently cut. */
export interface LimitOptions {
  /** Bytes of each linear memory; 4 GiB by default. */
  readonly memory?: number
  /** Elements of each table; 10,000,000 by default. */
  readonly table?: number
  /** Bytes of the garbage-collected heap of all instances together; 1 GiB by default. */
  readonly gcHeap?: number
  /** Bytes of the register stack of a call with everything it calls; 8 MiB by default, which is also the most there is. */
  readonly stack?: number
  /** Instances alive at the same time; 100,000 by default. */
  readonly instances?: number
}

/** Features of the language that differ from the default (all of WebAssembly 3.0 and the proposals `features()` lists). */
export type FeatureSwitches = Partial<Record<FeatureName, boolean>>

export interface NamespaceOptions {
  /**
   * - `auto` (default): the fastest engine of this build, which is the interpreter;
   * - `interp`: the interpreter;
   * - `host`: the JavaScript engine's own WebAssembly. It knows no limits and no feature switches: they are refused with it.
   */
  readonly engine?: Engine
  readonly limits?: LimitOptions
  readonly features?: FeatureSwitches
  /** The type reflection proposal: `type()` on every object, `WebAssembly.Function`. Not with `host`. */
  readonly typeReflection?: boolean
}

/** Options after checking. */
export interface ResolvedOptions {
  readonly engine: 'interp' | 'host'
  readonly store: StoreOptions
  readonly features: Features
  readonly typeReflection: boolean
}

const BYTES_PER_SLOT = 8

/** By option: the field of `StoreLimits`, its unit, and the most that may be asked for. */
const LIMITS = {
  memory: { field: 'memoryBytes', unit: 1, max: Number.MAX_SAFE_INTEGER },
  table: { field: 'tableElements', unit: 1, max: DEFAULT_LIMITS.tableElements },
  gcHeap: { field: 'gcHeapBytes', unit: 1, max: 2 ** 31 },
  stack: { field: 'stackSlots', unit: BYTES_PER_SLOT, max: STACK_SLOTS * BYTES_PER_SLOT },
  instances: { field: 'instances', unit: 1, max: Number.MAX_SAFE_INTEGER },
} as const

const ENGINES: readonly Engine[] = ['auto', 'interp', 'host']
/** Engines that are known, but not in this build. */
const FUTURE_ENGINES: readonly string[] = ['jit']

/** Throws a TypeError for an unknown option, a wrong type or engine, a RangeError for a number out of range. */
export function readOptions(options: NamespaceOptions = {}): ResolvedOptions {
  checkNames(options, ['engine', 'limits', 'features', 'typeReflection'], 'option')
  const engine = readEngine(options.engine)
  const { limits, features, typeReflection = false } = options
  if (typeof typeReflection !== 'boolean') throw new TypeError("option 'typeReflection' must be true or false")
  if (engine === 'host') {
    if (limits !== undefined && Object.keys(limits).length > 0)
      throw new TypeError("the engine 'host' has no limits; use 'interp'")
    if (features !== undefined) throw new TypeError("the engine 'host' has no feature switches; use 'interp'")
    if (typeReflection) throw new TypeError("the engine 'host' has no type reflection; use 'interp'")
  }
  return { engine, store: { limits: readLimits(limits) }, features: readFeatures(features), typeReflection }
}

export function readFeatures(switches: FeatureSwitches | undefined): Features {
  if (switches === undefined) return DEFAULT_FEATURES
  checkNames(switches, FEATURES.map((f) => f.name), 'feature') // prettier-ignore
  for (const [name, value] of Object.entries(switches))
    if (typeof value !== 'boolean') throw new TypeError(`feature '${name}' must be true or false`)
  return withFeatures(DEFAULT_FEATURES, switches)
}

function readEngine(engine: unknown = 'auto'): 'interp' | 'host' {
  if (ENGINES.includes(engine as Engine)) return engine === 'host' ? 'host' : 'interp'
  const available = `available: ${ENGINES.join(', ')}`
  if (FUTURE_ENGINES.includes(engine as string))
    throw new TypeError(`engine '${String(engine)}' is not in this build; ${available}`)
  throw new TypeError(`unknown engine '${String(engine)}'; ${available}`)
}

function readLimits(limits: LimitOptions | undefined): Record<string, number> {
  const found: Record<string, number> = {}
  if (limits === undefined) return found
  checkNames(limits, Object.keys(LIMITS), 'limit')
  for (const [name, { field, unit, max }] of Object.entries(LIMITS)) {
    const value: unknown = limits[name as keyof LimitOptions]
    if (value === undefined) continue
    if (typeof value !== 'number') throw new TypeError(`limit '${name}' must be a number`)
    if (!Number.isInteger(value) || value < 0 || value > max)
      throw new RangeError(`limit '${name}' must be an integer from 0 to ${max}, not ${value}`)
    found[field] = Math.floor(value / unit)
  }
  return found
}

function checkNames(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${what}s must be an object`)
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = nearestName(name, known)
    throw new TypeError(
      `unknown ${what} '${name}'; ${near === undefined ? `known: ${known.join(', ')}` : `did you mean '${near}'?`}`,
    )
  }
}
