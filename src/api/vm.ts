// A virtual machine: one engine, one store, one set of limits.

import { realmOf, namespaceOf } from './namespace.ts'
import { ModuleInstance } from './module-instance.ts'
import type { BufferSource, Imports, Module, WebAssemblyNamespace } from './namespace-types.ts'
import { makeCoverageReport, type ModuleCoverage } from './coverage.ts'
import { type Engine, readControl, readVmOptions, type VmOptions } from './options.ts'
import { makeProfileReport, type ProfileReport } from './profile.ts'
import type { Observed } from './trace-setup.ts'
import { Realm } from './realm.ts'
import { type ExportType, exportTypes, type ImportType, importTypes } from './inspect.ts'
import { hostNamespace } from './host.ts'
import { decodeModule } from '../wasm/decode.ts'
import { copyBytes, requireBytes } from './web-idl.ts'

export type { VmOptions } from './options.ts'

/** A module that a `Vm` compiled, with its types. */
export interface CompiledModule {
  readonly module: Module
  readonly imports: readonly ImportType[]
  readonly exports: readonly ExportType[]
}

/**
 * A virtual machine with limits: modules that are to share objects run in the same one. Its namespace has the shape of the standard
 * `WebAssembly`; {@link WasmModule} stands on that.
 *
 * @throws TypeError for an option that is not known or cannot be had.
 */
export class Vm {
  readonly engine: Engine
  readonly WebAssembly: WebAssemblyNamespace
  /** Undefined for the engine `host`. */
  readonly #realm: Realm | undefined
  readonly #observed: Observed | undefined

  constructor(options: VmOptions = {}) {
    const { engine, realm } = readVmOptions(options)
    this.engine = engine
    this.#observed = realm.observed
    if (engine === 'host') this.WebAssembly = hostNamespace()
    else {
      this.#realm = new Realm(realm)
      this.WebAssembly = namespaceOf(this.#realm)
    }
  }

  /** Units of fuel that are left; Infinity if they are not counted. May be set in a `Vm` that was made with the option `fuel`. */
  get fuel(): number {
    return this.#realm?.store.control.fuel ?? Infinity
  }

  set fuel(units: number) {
    const store = this.#realm?.store
    if (store?.metered !== true) throw new TypeError('fuel is counted only in a Vm with the option fuel')
    const { fuel } = readControl({ fuel: units })
    store.control.fuel = fuel!
    store.control.budget = fuel!
  }

  /**
   * Stops whatever runs in this `Vm` while its element is not 0, with an `AbortedError`. It lies in shared memory: give it to another
   * thread, which can stop this one.
   */
  get interruptFlag(): Int32Array {
    if (this.#realm === undefined) throw new TypeError("the engine 'host' cannot be interrupted")
    return (this.#realm.store.control.flag ??= new Int32Array(new SharedArrayBuffer(4)))
  }

  /**
   * For host functions that wait or work for long: throws what stops the guest, if its deadline has passed or it was interrupted. The
   * exception is to go on into the guest.
   */
  checkpoint(): void {
    this.#realm?.store.control.checkpoint()
  }

  /**
   * What has run so far: how many instructions, of which kind, in which functions, called by whom. A function that is still active has
   * nothing of it in its `total`.
   *
   * @throws TypeError without the option `profile`.
   */
  profile(): ProfileReport {
    const { profile, sites } = this.#observed ?? {}
    if (profile === undefined) throw new TypeError('there is a profile only in a Vm with the option profile')
    return makeProfileReport(profile, sites!)
  }

  /**
   * How often each instruction was executed so far, for every module that has an instance or had one that ran.
   *
   * @throws TypeError without the option `coverage`.
   */
  coverage(): ModuleCoverage[] {
    if (this.#observed?.coverage !== true)
      throw new TypeError('there is a coverage only in a Vm with the option coverage')
    return makeCoverageReport(this.#realm!.store, this.#observed.sites!)
  }

  /**
   * Compiles a module.
   *
   * @throws CompileError if the bytes are no valid module.
   */
  compile(bytes: BufferSource): CompiledModule {
    const module = new this.WebAssembly.Module(bytes)
    // The host's Module objects do not tell types: then the bytes are decoded here once more.
    const decoded =
      realmOf(this.WebAssembly)?.module.unwrap(module) ??
      decodeModule(copyBytes(requireBytes(bytes, 'Vm.compile(): Argument 0')))
    return { module, imports: importTypes(decoded), exports: exportTypes(decoded) }
  }

  /** An instance of a module that this `Vm` compiled: see {@link ModuleInstance}. */
  instantiate(compiled: CompiledModule, imports?: Imports): ModuleInstance {
    return new ModuleInstance(this, compiled, imports)
  }
}

let shared: Vm | undefined

/** The `Vm` of modules that are loaded without one: default options. */
export const defaultVm = (): Vm => (shared ??= new Vm())
