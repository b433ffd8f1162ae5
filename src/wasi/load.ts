// Loading a program that imports WASI in one step.

import type { BufferSource, Imports } from '../api/namespace-types.ts'
import type { ModuleInstance } from '../api/module-instance.ts'
import { defaultVm, type Vm } from '../api/vm.ts'
import { WASI, type WASIOptions } from './wasi.ts'

export interface LoadWasiOptions extends Omit<WASIOptions, 'version' | 'checkpoint' | 'returnOnExit'> {
  /** Where it runs; a shared default `Vm` without one. */
  readonly vm?: Vm
  /** Beside those of WASI. */
  readonly imports?: Imports
}

/** A module with its WASI. */
export interface WasiProgram {
  readonly module: ModuleInstance
  readonly wasi: WASI
  /** Runs a command, as `WASI.start` does: the exit code. */
  start(): number
  /** Prepares a reactor, as `WASI.initialize` does. */
  initialize(): void
}

/** The version of WASI that a module imports; `preview1` if none. */
export const wasiVersion = (imports: readonly { readonly module: string }[]): WASIOptions['version'] =>
  imports.some((wanted) => wanted.module === 'wasi_unstable') ? 'unstable' : 'preview1'

/**
 * Compiles and instantiates a binary module with WASI imports. It can reach what the options give it, and nothing else; its standard
 * streams are the process's by default.
 *
 * @throws CompileError, LinkError, RuntimeError as `WasmModule.load`; for the options as the constructor of `WASI`.
 */
export function loadWasi(bytes: BufferSource, options: LoadWasiOptions = {}): WasiProgram {
  const { vm = defaultVm(), imports, ...rest } = options
  const compiled = vm.compile(bytes)
  const wasi = new WASI({ ...rest, version: wasiVersion(compiled.imports), checkpoint: () => vm.checkpoint() })
  try {
    const module = vm.instantiate(compiled, { ...imports, ...wasi.getImportObject() })
    return {
      module,
      wasi,
      start: () => wasi.start(module),
      initialize: () => wasi.initialize(module),
    }
  } catch (error) {
    wasi.close()
    throw error
  }
}
