// Finds the foreign function interface of this process: node:ffi if Node has it, else koffi if it is installed.

import { createRequire } from 'node:module'
import { koffiFfi, type Koffi } from './ffi-koffi.ts'
import { nodeFfi, type NodeFfi } from './ffi-node.ts'
import type { Ffi, Unavailable } from './ffi.ts'

interface Builtins {
  getBuiltinModule?(name: string): unknown
  emitWarning: (warning: string | Error, ...rest: any[]) => void
}

/** Which interfaces to try; tests leave one out. */
export type FfiName = Ffi['name']

/** What was loaded, once for each agent: the functions of node:ffi hold 80 KB and are not freed. */
const loaded = new Map<FfiName, Ffi>()

/**
 * Loads the first interface that is there, or says why none is. Only Linux on x86-64 has code to run, so nothing is loaded elsewhere.
 */
export function loadFfi(names: readonly FfiName[] = ['node:ffi', 'koffi']): Ffi | Unavailable {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { reason: `native code is made for Linux on x86-64, this is ${process.platform} on ${process.arch}` }
  const reasons: string[] = []
  for (const name of names) {
    const found = loaded.get(name) ?? (name === 'node:ffi' ? tryNodeFfi() : tryKoffi())
    if ('reason' in found) reasons.push(found.reason)
    else {
      loaded.set(name, found)
      return found
    }
  }
  return { reason: `no foreign function interface: ${reasons.join('; ')}` }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message.split('\n')[0] : String(error))

function tryNodeFfi(): Ffi | Unavailable {
  const absent = { reason: `Node ${process.versions.node} has no node:ffi` }
  const builtins = process as Builtins
  if (builtins.getBuiltinModule === undefined) return absent
  const { emitWarning } = builtins
  try {
    // Node warns that FFI is experimental. Users of zwasm did not choose it and cannot act on it.
    builtins.emitWarning = (warning: string | Error, ...rest: any[]) => {
      if (rest[0] !== 'ExperimentalWarning') emitWarning(warning, ...rest)
    }
    const ffi = builtins.getBuiltinModule('node:ffi') as NodeFfi | undefined
    return ffi === undefined ? absent : nodeFfi(ffi)
  } catch (error) {
    return { reason: `node:ffi: ${messageOf(error)}` }
  } finally {
    builtins.emitWarning = emitWarning
  }
}

function tryKoffi(): Ffi | Unavailable {
  try {
    return koffiFfi(createRequire(import.meta.url || __filename)('koffi') as Koffi)
  } catch (error) {
    return { reason: `koffi: ${messageOf(error)}` }
  }
}
