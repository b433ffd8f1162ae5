// One running module: call by name, look at its memory.

import { runAsync } from './async-call.ts'
import { type Call, callOf } from './call.ts'
import { makeVectorCaller } from './functions.ts'
import type { ExportType, ImportType } from './inspect.ts'
import { realmOf } from './namespace.ts'
import type { Exports, ExportValue, Imports, Instance, Memory, Module } from './namespace-types.ts'
import type { CompiledModule, Vm } from './vm.ts'

type AnyFunction = (...args: any[]) => any

interface Invocable {
  readonly call: AnyFunction
  readonly params: readonly string[]
}

/** An instance of a module, with what an embedder needs around it. Made by `Vm.instantiate` or by the loaders of `WasmModule`. */
export class ModuleInstance {
  readonly vm: Vm
  readonly module: Module
  readonly instance: Instance
  /** The exports object of the instance. */
  readonly exports: Exports
  /** What it imports and exports, with types. */
  readonly importTypes: readonly ImportType[]
  readonly exportTypes: readonly ExportType[]
  readonly #functions = new Map<string, Invocable>()
  readonly #memory: Memory | undefined

  /**
   * Instantiates; the start function runs.
   *
   * @throws LinkError, RuntimeError (a trap of the start function).
   */
  constructor(vm: Vm, compiled: CompiledModule, imports?: Imports) {
    const { WebAssembly } = vm
    this.vm = vm
    this.module = compiled.module
    this.importTypes = compiled.imports
    this.exportTypes = compiled.exports
    this.instance =
      imports === undefined && compiled.imports.length === 0
        ? new WebAssembly.Instance(compiled.module)
        : new WebAssembly.Instance(compiled.module, imports ?? {})
    this.exports = this.instance.exports
    for (const type of compiled.exports) {
      if (type.kind !== 'function') continue
      const exported = this.exports[type.name] as AnyFunction
      this.#functions.set(type.name, { call: vectorCaller(vm, exported, type) ?? exported, params: type.params })
    }
    this.#memory = this.#findMemory()
  }

  /**
   * Calls an exported function. A v128 is a bigint of 128 bits, several results are an array; everything else is as in the
   * WebAssembly JavaScript API.
   *
   * @throws TypeError if there is no such function, or for a wrong number of arguments.
   */
  invoke(name: string, ...args: unknown[]): any {
    const found = this.#functions.get(name)
    if (found === undefined) throw new TypeError(this.#noFunction(name))
    checkCount(name, found, args)
    return found.call(...args)
  }

  /**
   * A call of an exported function that does nothing yet: see {@link Call}. It can be run under limits of its own, stopped and continued.
   *
   * @throws TypeError as `invoke`, and with the engine `host`, whose calls cannot stop.
   */
  prepareCall(name: string, ...args: unknown[]): Call {
    const found = this.#functions.get(name)
    if (found === undefined) throw new TypeError(this.#noFunction(name))
    checkCount(name, found, args)
    const realm = realmOf(this.vm.WebAssembly)
    if (realm === undefined) throw new TypeError("the engine 'host' cannot stop calls and continue them")
    return callOf(realm, this.exports[name] as AnyFunction, args)!
  }

  /**
   * Calls an exported function; imports may return promises, for which the call waits. The event loop goes on meanwhile, and any number of
   * calls may wait at the same time. An import whose result is a reference gets the promise itself.
   *
   * @returns the result as `invoke` gives it. Rejects with what the call throws.
   */
  async invokeAsync(name: string, ...args: unknown[]): Promise<any> {
    return runAsync(this.prepareCall(name, ...args))
  }

  #noFunction(name: string): string {
    const type = this.exportTypes.find((e) => e.name === name)
    return type === undefined ? `no export named '${name}'` : `export '${name}' is a ${type.kind}, not a function`
  }

  /** An export by name; undefined if there is none. */
  getExport(name: string): ExportValue | undefined {
    return Object.hasOwn(this.exports, name) ? this.exports[name] : undefined
  }

  /** The exported memory that the helpers below use: the one named `memory`, or else the first one. */
  get memory(): Memory | undefined {
    return this.#memory
  }

  #findMemory(): Memory | undefined {
    const memories = this.exportTypes.filter((e) => e.kind === 'memory')
    const chosen = memories.find((e) => e.name === 'memory') ?? memories[0]
    return chosen === undefined ? undefined : (this.exports[chosen.name] as Memory)
  }

  /**
   * A copy of `length` bytes of memory.
   *
   * @throws RangeError beyond the end of the memory, TypeError without an exported memory.
   */
  memoryRead(offset: number, length: number): Uint8Array {
    return this.#range(offset, length).slice()
  }

  /** Writes bytes to memory; throws as `memoryRead`, and then has written nothing. */
  memoryWrite(offset: number, bytes: Uint8Array): void {
    this.#range(offset, bytes.length).set(bytes)
  }

  /** UTF-8 text of `length` bytes. Malformed bytes become U+FFFD. */
  readString(offset: number, length: number): string {
    // A copy: TextDecoder refuses shared memory.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.memoryRead(offset, length))
  }

  /** UTF-8 text up to a zero byte. Throws a RangeError if the memory ends before. */
  readCString(offset: number): string {
    const rest = this.#range(offset, 0).buffer.byteLength - offset
    const bytes = this.#range(offset, rest)
    const end = bytes.indexOf(0)
    if (end < 0) throw new RangeError(`no zero byte between offset ${offset} and the end of the memory`)
    return this.readString(offset, end)
  }

  /** Writes text as UTF-8, without a zero byte; returns the number of bytes. */
  writeString(offset: number, text: string): number {
    const bytes = new TextEncoder().encode(text)
    this.memoryWrite(offset, bytes)
    return bytes.length
  }

  /** A view for immediate use: the next growth of the memory detaches it. */
  #range(offset: number, length: number): Uint8Array {
    if (this.#memory === undefined) throw new TypeError('the module exports no memory')
    const { buffer } = this.#memory
    const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
    if (!valid || offset + length > buffer.byteLength)
      throw new RangeError(`offset ${offset}, length ${length} is not inside the memory of ${buffer.byteLength} bytes`)
    return new Uint8Array(buffer, offset, length)
  }
}

function checkCount(name: string, { params }: Invocable, args: readonly unknown[]): void {
  if (args.length !== params.length)
    throw new TypeError(
      `${name}(${params.join(', ')}) takes ${params.length} argument${params.length === 1 ? '' : 's'}, got ${args.length}`,
    )
}

/** The JS API refuses calls with v128; beneath it they are bigints. Undefined if the function has none, or on the host's engine. */
function vectorCaller(vm: Vm, exported: AnyFunction, type: ExportType & { kind: 'function' }): AnyFunction | undefined {
  if (!type.params.includes('v128') && !type.results.includes('v128')) return undefined
  const realm = realmOf(vm.WebAssembly)
  const fid = realm?.functions.fidOf(exported)
  return realm === undefined || fid === undefined ? undefined : makeVectorCaller(realm, fid, exported)
}
