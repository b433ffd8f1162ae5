// The class WASI: preview 1 for an instance of zwasm's engine or of the host's WebAssembly, with the interface of `node:wasi`.

import { markUncatchable } from '../api/uncatchable.ts'
import {
  codedError,
  isObject,
  requireBoolean,
  requireFunction,
  requireObject,
  wrongType,
  wrongValue,
} from './arguments.ts'
import { type Clock, systemClock } from './clocks.ts'
import { DescriptorTable } from './descriptors.ts'
import type { DirectoryHandle, FileSystem } from './fs/file-system.ts'
import { openHostDirectory } from './fs/host.ts'
import type { Context } from './preview1/context.ts'
import { GuestMemory, type MemoryLike } from './preview1/guest.ts'
import { createImports, type ImportFunction } from './preview1/imports.ts'
import { ExitStatus, StringList } from './preview1/process.ts'
import type { FunctionName } from './preview1/signatures.ts'
import type { Tracer } from './preview1/trace.ts'
import { systemRandom } from './random.ts'
import { ALL_RIGHTS, DIRECTORY_RIGHTS } from './rights.ts'
import { type Input, openInput, openOutput, type Output } from './stdio.ts'

/** A directory that a guest gets: one of the host, by its path, or the root of a file system. */
export type Preopen = ({ readonly host: string } | { readonly fs: FileSystem }) & {
  /** The guest can change nothing in it: attempts fail with `rofs`. */
  readonly readonly?: boolean
}

export interface WASIOptions {
  /** The import module's name: `wasi_snapshot_preview1` or `wasi_unstable`. */
  readonly version: 'preview1' | 'unstable'
  /** The first is the program's name. None by default. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Directories by the guest's name. None by default: a guest can reach nothing else. */
  readonly preopens?: Readonly<Record<string, string | FileSystem | Preopen>>
  /** `start` returns the exit code (default), or ends the process with it. */
  readonly returnOnExit?: boolean
  /** 0, 1 and 2 by default: the process's own. */
  readonly stdin?: Input
  readonly stdout?: Output
  readonly stderr?: Output
  /** Bytes that the guest may write to stdout and stderr together; beyond, writes fail with `nospc`. No limit by default. */
  readonly maxOutput?: number
  /** Files that may be open at the same time, 1,024 by default; beyond, opening fails with `mfile`. */
  readonly maxDescriptors?: number
  /** Names that the guest may make in directories, less those that it removes; beyond, it fails with `nospc`. No limit by default. */
  readonly maxEntries?: number
  readonly clock?: Clock
  /** Fills with random bytes; the host's cryptographic ones by default. */
  readonly random?: (bytes: Uint8Array) => void
  /** Called while a function waits: throws what is to stop the guest, as `vm.checkpoint` does. */
  readonly checkpoint?: () => void
  /** Receives each call as a line of text. */
  readonly trace?: Tracer
}

interface InstanceLike {
  readonly exports: Readonly<Record<string, unknown>>
}

const IMPORT_MODULES: Readonly<Record<string, string>> = {
  preview1: 'wasi_snapshot_preview1',
  unstable: 'wasi_unstable',
}

/**
 * WASI preview 1. Compatible with the class of `node:wasi`; beyond it, memories may be those of zwasm's engine or of the host's, standard
 * streams may be functions, and a path leads out of no preopened directory.
 *
 * @throws TypeError with `code` ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for wrong options; the host's error for a preopen that
 *   cannot be opened.
 */
export class WASI {
  /** The functions, as `getImportObject` has them. */
  readonly wasiImport: Readonly<Record<FunctionName, ImportFunction>>
  readonly #module: string
  readonly #context: Context
  readonly #returnOnExit: boolean
  #started = false
  #exit: ExitStatus | undefined

  constructor(options: WASIOptions) {
    const given = requireObject(options ?? {}, 'options')
    const { version } = given
    if (typeof version !== 'string') throw wrongType('options.version', 'of type string', version)
    if (!Object.hasOwn(IMPORT_MODULES, version))
      throw wrongValue('options.version', 'unsupported WASI version', version)
    this.#module = IMPORT_MODULES[version]
    this.#returnOnExit = given.returnOnExit === undefined || requireBoolean(given.returnOnExit, 'options.returnOnExit')
    if (given.args !== undefined && !Array.isArray(given.args))
      throw wrongType('options.args', 'an instance of Array', given.args)
    const env = given.env === undefined ? {} : requireObject(given.env, 'options.env')
    if (given.trace !== undefined) requireFunction(given.trace, 'options.trace')
    if (given.checkpoint !== undefined) requireFunction(given.checkpoint, 'options.checkpoint')
    if (given.random !== undefined) requireFunction(given.random, 'options.random')
    if (given.clock !== undefined) requireObject(given.clock, 'options.clock')
    const { clock = systemClock, random = systemRandom, trace } = options
    const names = budget(given.maxEntries, 'options.maxEntries')
    this.#context = {
      descriptors: openDescriptors(given, clock),
      args: new StringList(((given.args as unknown[]) ?? []).map(String)),
      env: new StringList(
        Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${String(value)}`])),
      ),
      clock,
      random,
      names,
      checkpoint: options.checkpoint,
      guest: NOT_STARTED,
    }
    this.wasiImport = createImports(this.#context, (status) => this.#end(status), trace)
  }

  /** What a module imports: one object for its import module. */
  getImportObject(): Record<string, Readonly<Record<FunctionName, ImportFunction>>> {
    return { [this.#module]: this.wasiImport }
  }

  /**
   * Runs a command: its export `_start`. Its descriptors are closed afterwards.
   *
   * @returns the exit code: 0, or that of `proc_exit`.
   * @throws what the guest throws; TypeError if the instance is no command; an Error with `code` ERR_WASI_ALREADY_STARTED.
   */
  start(instance: InstanceLike): number {
    this.finalizeBindings(instance)
    const { _start, _initialize } = instance.exports
    const start = requireFunction(_start, 'instance.exports._start')
    if (_initialize !== undefined) throw wrongType('instance.exports._initialize', 'undefined', _initialize)
    return this.run(start)
  }

  /**
   * Prepares a reactor: calls its export `_initialize`, if there is one.
   *
   * @throws as `start`.
   */
  initialize(instance: InstanceLike): void {
    this.finalizeBindings(instance)
    const { _start, _initialize } = instance.exports
    if (_initialize !== undefined) requireFunction(_initialize, 'instance.exports._initialize')
    if (_start !== undefined) throw wrongType('instance.exports._start', 'undefined', _start)
    if (_initialize !== undefined) (_initialize as () => void)()
  }

  /**
   * Says whose memory the functions work on; calls nothing. For instances that share a memory which they import.
   *
   * @throws as `start`.
   */
  finalizeBindings(instance: InstanceLike, options: { readonly memory?: MemoryLike } = {}): void {
    if (this.#started) throw codedError(Error, 'ERR_WASI_ALREADY_STARTED', 'WASI instance has already started')
    requireObject(instance, 'instance')
    requireObject(instance.exports, 'instance.exports')
    const memory = options.memory ?? instance.exports.memory
    if (!isMemory(memory)) throw wrongType('instance.exports.memory', 'a WebAssembly.Memory object', memory)
    this.#started = true
    this.#context.guest = new GuestMemory(memory)
  }

  /** Calls an export of a started instance; a `proc_exit` in it ends the call. Closes the descriptors. The exit code. */
  run(call: () => unknown): number {
    try {
      call()
      return 0
    } catch (error) {
      if (this.#exit === undefined || error !== this.#exit) throw error
      return this.#exit.code
    } finally {
      this.close()
    }
  }

  /** Closes the guest's descriptors: of a reactor that is no longer used. `start` does it by itself. */
  close(): void {
    this.#context.descriptors.closeAll()
  }

  #end(status: ExitStatus): never {
    if (!this.#returnOnExit) process.exit(status.code)
    this.#exit = markUncatchable(status)
    throw status
  }
}

/** Views for functions that are called before there is an instance. */
const NOT_STARTED = {
  refresh() {
    throw codedError(Error, 'ERR_WASI_NOT_STARTED', 'wasi.start() has not been called')
  },
} as unknown as GuestMemory

function isMemory(value: unknown): value is MemoryLike {
  if (typeof value !== 'object' || value === null) return false
  const { buffer } = value as { buffer?: unknown }
  return (
    buffer instanceof ArrayBuffer || (typeof SharedArrayBuffer === 'function' && buffer instanceof SharedArrayBuffer)
  )
}

/** Standard streams and preopens, by the options. Those that were opened are closed again if a later one fails. */
function openDescriptors(given: Record<string, unknown>, clock: Clock): DescriptorTable {
  const preopens = given.preopens === undefined ? {} : requireObject(given.preopens, 'options.preopens')
  const table = new DescriptorTable(count(given.maxDescriptors, 'options.maxDescriptors'))
  const output = budget(given.maxOutput, 'options.maxOutput')
  try {
    table.insert(openInput(stream(given.stdin, 0, 'options.stdin', ['string', 'function'], true)))
    table.insert(openOutput(stream(given.stdout, 1, 'options.stdout', ['function'], false), output))
    table.insert(openOutput(stream(given.stderr, 2, 'options.stderr', ['function'], false), output))
    for (const [name, value] of Object.entries(preopens)) {
      table.insert({
        handle: openPreopen(value, `options.preopens.${name}`, clock),
        base: DIRECTORY_RIGHTS,
        inheriting: ALL_RIGHTS,
        flags: 0,
        position: null,
        preopen: new TextEncoder().encode(name),
        listing: undefined,
      })
    }
    return table
  } catch (error) {
    table.closeAll()
    throw error
  }
}

function openPreopen(value: unknown, name: string, clock: Clock): DirectoryHandle {
  if (!isObject(value)) return openHostDirectory(String(value))
  if (isFileSystem(value)) return value.open({ readonly: false, clock })
  const { host, fs, readonly: given = false } = value
  const readonly = requireBoolean(given, `${name}.readonly`)
  if (fs !== undefined) {
    if (!isFileSystem(fs)) throw wrongType(`${name}.fs`, 'a file system', fs)
    return fs.open({ readonly, clock })
  }
  if (typeof host !== 'string') throw wrongType(`${name}.host`, 'of type string', host)
  return openHostDirectory(host, readonly)
}

const isFileSystem = (value: unknown): value is FileSystem => isObject(value) && typeof value.open === 'function'

function stream<T>(value: unknown, standard: number, name: string, types: readonly string[], bytes: boolean): T {
  if (value === undefined) return standard as T
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
    if (value < 0 || value > 2 ** 31 - 1) throw outOfRange(name, '>= 0 && <= 2147483647', value)
    return value as T
  }
  if (types.includes(typeof value) || (bytes && value instanceof Uint8Array)) return value as T
  throw wrongType(
    name,
    `of type number${bytes ? ', string or function, or an instance of Uint8Array' : ' or function'}`,
    value,
  )
}

const outOfRange = (name: string, expected: string, value: number): Error =>
  codedError(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${expected}. Received ${value}`,
  )

function count(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number') throw wrongType(name, 'of type number', value)
  if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, 'an integer >= 0', value)
  return value
}

function budget(value: unknown, name: string): { left: number } | undefined {
  const left = count(value, name)
  return left === undefined ? undefined : { left }
}
