// The native tier as it is loaded: dist/jit.cjs. `bind` comes first.

import type { Unavailable } from '../native/ffi.ts'
import type { Store } from '../runtime/store.ts'
import type { Module } from '../wasm/module.ts'
import { dumpMachineCode as dump, dumpSsa } from './dump.ts'
import { type Engine, openEngine } from './engine.ts'
import { bind, type EngineParts, nativeRunner, registerNativeRunner } from './parts.ts'
import { perfMapFile, writePerfMap } from './perf-map.ts'
import { Runner } from './runner.ts'
import { StorePart } from './store.ts'
import type { NativePart, StoreTier } from './tier.ts'

export type { EngineParts } from './parts.ts'

/** What the engine sees of the loaded tier. */
export interface JitModule {
  /** Before anything else: what the tier uses of the engine. */
  bind(parts: EngineParts): void
  /** Opens the platform of this agent the first time; says in a sentence why it cannot be had. */
  openEngine(): Engine | Unavailable
  /** Writes a map for `perf` (perf-map.ts); returns the file, or why there is no platform. */
  perfMap(file?: string): string | Unavailable
  /** See dump.ts. */
  dumpSsa(module: Module, index: number): string
  dumpMachineCode(module: Module, index: number): string
  /** The part of a store; undefined if there is no platform. */
  openStore(store: Store, tier: StoreTier): NativePart | undefined
}

export function openStore(store: Store, tier: StoreTier): NativePart | undefined {
  const engine = openEngine()
  if ('reason' in engine) return undefined
  let runner = nativeRunner() as Runner | undefined
  if (runner === undefined) registerNativeRunner((runner = new Runner(engine)))
  return new StorePart(engine, runner, tier, store)
}

/** With the instructions of this processor, if there is a platform. */
export function dumpMachineCode(module: Module, index: number): string {
  const engine = openEngine()
  return dump(module, index, 'reason' in engine ? undefined : engine.platform.cpu)
}

export function perfMap(file: string = perfMapFile()): string | Unavailable {
  const engine = openEngine()
  if ('reason' in engine) return engine
  writePerfMap(engine, file)
  return file
}

export { bind, dumpSsa, openEngine }
