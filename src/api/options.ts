// Options of a `Vm` or a namespace: known names only, every one of them with an effect.

import { AUTO_POLICY, JIT_POLICY } from '../jit/tier.ts'
import type { MakeNativeStore } from '../runtime/tier.ts'
import { DEFAULT_LIMITS, type StoreOptions } from '../runtime/store.ts'
import { STACK_SLOTS } from '../runtime/machine.ts'
import { MAX_MODULE_SIZE } from '../wasm/limits.ts'
import { nearestName } from '../util/nearest.ts'
import { type Observed, readObservation } from './trace-setup.ts'
import type { TraceOptions } from './trace-events.ts'
import { nativeTier, whyNoNativeCode } from './native.ts'
import { DEFAULT_FEATURES, type FeatureName, FEATURES, type Features, withFeatures } from '../wasm/features.ts'

export type Engine = 'auto' | 'jit' | 'interp' | 'host'

/** Caps. What is beyond one is refused, never silently cut. */
export interface LimitOptions {
  /** Bytes of each linear memory. By default 4 GiB, in a `Vm` 1 GiB. */
  readonly memory?: number
  /** Elements of each table. By default 10,000,000, in a `Vm` 1,000,000. */
  readonly table?: number
  /** Bytes of the garbage-collected heap of all instances together. By default 1 GiB, in a `Vm` 256 MiB. */
  readonly gcHeap?: number
  /** Bytes of the register stack of a call with everything it calls; 8 MiB by default, which is also the most there is. */
  readonly stack?: number
  /** Instances alive at the same time. By default 100,000, in a `Vm` 10,000. */
  readonly instances?: number
  /** Bytes of a module. By default 1 GiB, the limit of the JS API; in a `Vm` 256 MiB. */
  readonly moduleSize?: number
}

/** Features of the language that differ from the default (all of WebAssembly 3.0 and the proposals `features()` lists). */
export type FeatureSwitches = Partial<Record<FeatureName, boolean>>

/** Bounds of running code. */
export interface ControlOptions {
  /** Units of fuel (docs/limits.md): a `FuelExhaustedError` when they are used up. Code is metered, which costs time, only with this. */
  readonly fuel?: number
  /** Milliseconds that a call from JavaScript may take with all it calls: then a `DeadlineExceededError`. In a `Vm` 60,000 by default. */
  readonly timeout?: number
  /**
   * An aborted signal stops running code with an `AbortedError`. While Wasm runs only what it calls can abort it; other threads use
   * `vm.interruptFlag`.
   */
  readonly signal?: AbortSignal
}

export interface NamespaceOptions extends ControlOptions {
  /**
   * - `auto` (default): the interpreter, and machine code for what runs often, where there can be some ({@link features} says if and why not);
   * - `jit`: machine code for every function before its first call; an error where there can be none. What has no machine code yet
   *   (vectors, garbage collection, exceptions, threads) is interpreted with both;
   * - `interp`: the interpreter;
   * - `host`: the JavaScript engine's own WebAssembly. It knows no limits and no feature switches: they are refused with it.
   */
  readonly engine?: Engine
  readonly limits?: LimitOptions
  readonly features?: FeatureSwitches
  /** The type reflection proposal: `type()` on every object, `WebAssembly.Function`. Not with `host`. */
  readonly typeReflection?: boolean
  /** Traps have a coredump: {@link coredumpOf}. Costs nothing until one happens. Not with `host`. */
  readonly coredump?: boolean
  /** Tells what runs, event by event (docs/insight.md). Everything is interpreted then, and slower. Not with `host`. */
  readonly trace?: TraceOptions
}

export interface VmOptions extends NamespaceOptions {
  /** Counts instructions and calls: {@link Vm.profile}. Everything is interpreted then, and slower. Not with `host`. */
  readonly profile?: boolean
  /** Counts how often each instruction is executed: {@link Vm.coverage}. Likewise. */
  readonly coverage?: boolean
}

/** Options after checking. */
export interface ResolvedOptions {
  readonly engine: Engine
  readonly realm: RealmOptions
}

/** What a realm is made with. */
export interface RealmOptions {
  readonly store: StoreOptions
  readonly features: Features
  readonly control: ControlOptions
  /** Bytes; undefined: the JS API's limit. */
  readonly moduleSize: number | undefined
  readonly typeReflection: boolean
  readonly coredump: boolean
  readonly observed: Observed | undefined
}

export const BYTES_PER_SLOT = 8

/** By option: the field of `StoreLimits`, its unit, and the most that may be asked for. */
const LIMITS = {
  memory: { field: 'memoryBytes', unit: 1, max: Number.MAX_SAFE_INTEGER },
  table: { field: 'tableElements', unit: 1, max: DEFAULT_LIMITS.tableElements },
  gcHeap: { field: 'gcHeapBytes', unit: 1, max: 2 ** 31 },
  stack: { field: 'stackSlots', unit: BYTES_PER_SLOT, max: STACK_SLOTS * BYTES_PER_SLOT },
  instances: { field: 'instances', unit: 1, max: Number.MAX_SAFE_INTEGER },
  moduleSize: { field: 'moduleSize', unit: 1, max: MAX_MODULE_SIZE },
} as const

const ENGINES: readonly Engine[] = ['auto', 'jit', 'interp', 'host']

/**
 * What a `Vm` may use if nothing is said: enough for large programs, and no guest can take the process with it. A `WebAssembly` namespace
 * has no such bounds: it is to behave as the standard says.
 */
export const VM_DEFAULTS = {
  timeout: 60_000,
  limits: {
    memory: 2 ** 30,
    table: 1_000_000,
    gcHeap: 2 ** 28,
    stack: STACK_SLOTS * BYTES_PER_SLOT,
    instances: 10_000,
    moduleSize: 2 ** 28,
  },
} as const

const NAMESPACE_OPTIONS: readonly string[] = [
  'engine',
  'limits',
  'features',
  'fuel',
  'timeout',
  'signal',
  'typeReflection',
  'coredump',
  'trace',
]
const VM_OPTIONS: readonly string[] = [...NAMESPACE_OPTIONS, 'profile', 'coverage']

/** Likewise, with the defaults of a `Vm`. */
export function readVmOptions(options: VmOptions = {}): ResolvedOptions {
  // Something that is no object is refused there.
  if (options?.engine === 'host' || typeof options !== 'object' || options === null)
    return readOptions(options, VM_OPTIONS)
  const { limits } = options
  // Something else is refused there.
  const caps =
    typeof limits === 'object' ? { ...VM_DEFAULTS.limits, ...withoutUndefined(limits) } : (limits ?? VM_DEFAULTS.limits)
  return readOptions({ timeout: VM_DEFAULTS.timeout, ...withoutUndefined(options), limits: caps }, VM_OPTIONS)
}

const withoutUndefined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T

/** Throws a TypeError for an unknown option, a wrong type or engine, a RangeError for a number out of range. */
export function readOptions(options: VmOptions = {}, known: readonly string[] = NAMESPACE_OPTIONS): ResolvedOptions {
  checkNames(options, known, 'option')
  const engine = readEngine(options.engine)
  const { limits, features, typeReflection = false, coredump = false } = options
  if (typeof typeReflection !== 'boolean') throw new TypeError("option 'typeReflection' must be true or false")
  if (typeof coredump !== 'boolean') throw new TypeError("option 'coredump' must be true or false")
  const control = readControl(options)
  if (engine === 'host') {
    for (const name of ['fuel', 'timeout', 'signal'] as const)
      if (options[name] !== undefined) throw new TypeError(`the engine 'host' has no ${name}; use 'interp'`)
    if (limits !== undefined && Object.keys(limits).length > 0)
      throw new TypeError("the engine 'host' has no limits; use 'interp'")
    if (features !== undefined) throw new TypeError("the engine 'host' has no feature switches; use 'interp'")
    if (typeReflection) throw new TypeError("the engine 'host' has no type reflection; use 'interp'")
    if (coredump) throw new TypeError("the engine 'host' has no coredumps; use 'interp'")
    for (const name of ['trace', 'profile', 'coverage'] as const)
      if (options[name] !== undefined) throw new TypeError(`the engine 'host' has no ${name}; use 'interp'`)
  }
  const observed = readObservation(options)
  const { moduleSize, ...caps } = readLimits(limits)
  // Coredumps show what frames of the interpreter have; only its code tells what it does.
  const native = coredump || observed !== undefined ? undefined : tierOf(engine)
  const store = {
    limits: caps,
    ...(control.fuel === undefined ? {} : { fuel: control.fuel }),
    ...(native === undefined ? {} : { native }),
    ...(observed === undefined ? {} : { observer: observed.observer }),
  }
  const realm = { store, features: readFeatures(features), control, moduleSize, typeReflection, coredump, observed }
  return { engine, realm }
}

/** Checks the bounds of running code; other properties are left alone. */
export function readControl({ fuel, timeout, signal }: ControlOptions): ControlOptions {
  if (
    fuel !== undefined &&
    (typeof fuel !== 'number' || !(fuel >= 0) || (fuel !== Infinity && !Number.isSafeInteger(fuel)))
  )
    throw new RangeError(`option 'fuel' must be an integer from 0, or Infinity, not ${String(fuel)}`)
  if (timeout !== undefined && (typeof timeout !== 'number' || !(timeout >= 0)))
    throw new RangeError(`option 'timeout' must be a number of milliseconds, not ${String(timeout)}`)
  if (signal !== undefined && !(typeof signal === 'object' && signal !== null && 'aborted' in signal))
    throw new TypeError("option 'signal' must be an AbortSignal")
  return {
    ...(fuel === undefined ? {} : { fuel }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(signal === undefined ? {} : { signal }),
  }
}

export function readFeatures(switches: FeatureSwitches | undefined): Features {
  if (switches === undefined) return DEFAULT_FEATURES
  checkNames(switches, FEATURES.map((f) => f.name), 'feature') // prettier-ignore
  for (const [name, value] of Object.entries(switches))
    if (typeof value !== 'boolean') throw new TypeError(`feature '${name}' must be true or false`)
  return withFeatures(DEFAULT_FEATURES, switches)
}

function readEngine(engine: unknown = 'auto'): Engine {
  if (ENGINES.includes(engine as Engine)) return engine as Engine
  throw new TypeError(`unknown engine '${String(engine)}'; available: ${ENGINES.join(', ')}`)
}

function tierOf(engine: Engine): MakeNativeStore | undefined {
  if (engine === 'auto') return nativeTier(AUTO_POLICY)
  if (engine !== 'jit') return undefined
  const reason = whyNoNativeCode()
  if (reason !== undefined) throw new TypeError(`the engine 'jit' is not available: ${reason}`)
  return nativeTier(JIT_POLICY)
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
