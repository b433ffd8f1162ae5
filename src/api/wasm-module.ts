// Loading modules in one step.

import { parseWat } from '../text/parse.ts'
import { ModuleInstance } from './module-instance.ts'
import type { BufferSource, Imports } from './namespace-types.ts'
import { defaultVm, type Vm } from './vm.ts'

export interface LoadOptions {
  /** Where it runs; a shared default `Vm` without one. */
  readonly vm?: Vm
  readonly imports?: Imports
}

/** A loaded (compiled and instantiated) module. */
export class WasmModule extends ModuleInstance {
  /**
   * Compiles and instantiates a binary module; its start function runs.
   *
   * @throws CompileError, LinkError, RuntimeError (a trap of the start function).
   */
  static load(bytes: BufferSource, options: LoadOptions = {}): WasmModule {
    const vm = options.vm ?? defaultVm()
    return new WasmModule(vm, vm.compile(bytes), options.imports)
  }

  /**
   * Likewise for a module in the text format.
   *
   * @throws TextError with line and column, and whatever `load` throws.
   */
  static loadFromWat(source: string | Uint8Array, options?: LoadOptions): WasmModule {
    return WasmModule.load(parseWat(source).bytes, options)
  }

  /** `load` with imports: `{ module: { name: value } }` as for `WebAssembly.Instance`. */
  static loadWithImports(bytes: BufferSource, imports: Imports, options: LoadOptions = {}): WasmModule {
    return WasmModule.load(bytes, { ...options, imports })
  }
}
