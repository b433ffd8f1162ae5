// The way to the native tier: loads dist/jit.cjs when it is wanted, and gives it the parts of this engine.

import { createRequire } from 'node:module'
import { loopsOf } from '../interp/build.ts'
import { codeOf } from '../interp/code.ts'
import { cold } from '../interp/cold/index.ts'
import type { JitModule } from '../jit/index.ts'
import { StoreTier, type TierPolicy } from '../jit/tier.ts'
import { INSTANCES } from '../runtime/instance.ts'
import { paramSlotsOf, resultSlotsOf } from '../runtime/layout.ts'
import { CODE, CTX, FS, FUNC, R } from '../runtime/machine.ts'
import { onModuleDropped, ownersOf } from '../runtime/registry.ts'
import { LimitError } from '../runtime/store.ts'
import { type MakeNativeStore, nativeRunner, registerNativeRunner } from '../runtime/tier.ts'
import { isSubtypeId, typeDef } from '../wasm/canonical.ts'

/** The tier's file, beside this one in the package. */
const FILE = './jit.cjs'

let loaded: JitModule | undefined

/** Sets the module in place of the one that would be loaded: for programs that are bundled from the sources. */
export function provideJit(jit: JitModule): void {
  loaded = jit
  bindParts(jit)
}

/** Undefined if the file is not there: in programs that are bundled with the engine only. */
function load(): JitModule | undefined {
  if (loaded !== undefined) return loaded
  try {
    provideJit(createRequire(import.meta.url || __filename)(FILE) as JitModule)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
  }
  return loaded
}

function bindParts(jit: JitModule): void {
  jit.bind({
    ...{ CODE, CTX, FS, FUNC, R, INSTANCES, LimitError },
    ...{ codeOf, cold, isSubtypeId, loopsOf, nativeRunner, onModuleDropped, ownersOf },
    ...{ paramSlotsOf, registerNativeRunner, resultSlotsOf, typeDef },
  })
}

/** Why there is no native code in this process, in a sentence; undefined if there is. Loads the tier. */
export function whyNoNativeCode(): string | undefined {
  const jit = load()
  if (jit === undefined) return 'the package has no jit.cjs'
  const engine = jit.openEngine()
  return 'reason' in engine ? engine.reason : undefined
}

/** The loaded tier, for what shows its work. */
export function requireJit(): JitModule {
  const jit = load()
  if (jit === undefined) throw new TypeError('the package has no jit.cjs')
  return jit
}

/** The native tier for a store, by a policy. Nothing is loaded before it is needed. */
export const nativeTier =
  (policy: TierPolicy): MakeNativeStore =>
  (store) => {
    const tier: StoreTier = new StoreTier(store, policy, () => load()?.openStore(store, tier))
    return tier
  }

/**
 * Writes a map for Linux's `perf`: from now on each function of this agent that gets machine code is added to it. Returns the file's name; by
 * default it is where `perf report` looks.
 *
 * @throws TypeError if there is no native tier; what the file system throws.
 */
export function perfMap(file?: string): string {
  const result = requireJit().perfMap(file)
  if (typeof result === 'string') return result
  throw new TypeError(`the engine 'jit' is not available: ${result.reason}`)
}
