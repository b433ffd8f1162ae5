// Standard streams: descriptors of the process, bytes, or functions.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { sleepMilliseconds } from './clocks.ts'
import { type Descriptor } from './descriptors.ts'
import { Errno, errnoOf, WasiError } from './errors.ts'
import { type FileHandle, type FileStat, FileType } from './fs/file-system.ts'
import { HostFile, typeOf } from './fs/host.ts'
import { Right, STREAM_RIGHTS } from './rights.ts'

/** Where stdin comes from: a descriptor of the process, all of its bytes, or a function that gives the next ones (none: the end). */
export type Input = number | string | Uint8Array | (() => Uint8Array | undefined)
/** Where stdout or stderr goes: a descriptor of the process, or a function that takes a chunk, which it may keep. */
export type Output = number | ((chunk: Uint8Array) => void)

export function openInput(input: Input): Descriptor {
  const handle = typeof input === 'number' ? new HostStream(input) : new ScriptedStream(inputFunction(input), undefined)
  return streamDescriptor(handle, STREAM_RIGHTS & ~Right.FdWrite)
}

/** `budget` is shared by the streams that it caps. */
export function openOutput(output: Output, budget?: OutputBudget): Descriptor {
  const handle = typeof output === 'number' ? new HostStream(output) : new ScriptedStream(undefined, output)
  return streamDescriptor(budget === undefined ? handle : capped(handle, budget), STREAM_RIGHTS & ~Right.FdRead)
}

const streamDescriptor = (handle: FileHandle, base: number): Descriptor => ({
  handle,
  base,
  inheriting: 0,
  flags: 0,
  position: null,
  preopen: undefined,
  listing: undefined,
})

/** Bytes that a guest may still write; beyond, writes are cut short and then fail with `nospc`. */
export interface OutputBudget {
  left: number
}

function capped(handle: FileHandle, budget: OutputBudget): FileHandle {
  const write = handle.write.bind(handle)
  handle.write = (source, position) => {
    if (source.length > 0 && budget.left <= 0) throw new WasiError(Errno.NoSpc)
    const written = write(source.length > budget.left ? source.subarray(0, budget.left) : source, position)
    budget.left -= written
    return written
  }
  return handle
}

/** Milliseconds between two attempts on a descriptor that another process made non-blocking. */
const RETRY_MS = 1

/** As many bytes are read ahead to see whether there are any. */
const AHEAD_BYTES = 4096

/** A stream descriptor of this process. It stays open: the process owns it. */
class HostStream extends HostFile {
  readonly #fd: number
  /** Bytes that `ready` has read and the guest has not. */
  #ahead: Uint8Array | undefined
  /** A second, non-blocking opening of the same pipe or terminal, which `ready` reads from. */
  #probe: number | undefined

  constructor(fd: number) {
    super(fd, typeOf(fstatSync(fd)), false, false)
    this.#fd = fd
  }

  override read(target: Uint8Array): number {
    if (this.#ahead === undefined) return super.read(target, null)
    const taken = this.#ahead.subarray(0, target.length)
    target.set(taken)
    this.#ahead = taken.length === this.#ahead.length ? undefined : this.#ahead.subarray(taken.length)
    return taken.length
  }

  /** Bytes that can be read now, 0 at the end, undefined for none yet. `notsup` where the host cannot tell: a socket. */
  ready(): number | undefined {
    if (this.type === FileType.RegularFile) return 1
    if (this.#ahead !== undefined) return this.#ahead.length
    const buffer = new Uint8Array(AHEAD_BYTES)
    try {
      const count = readSync(this.#openProbe(), buffer, 0, AHEAD_BYTES, null)
      if (count > 0) this.#ahead = buffer.subarray(0, count)
      return count
    } catch (error) {
      if (errnoOf(error) === Errno.Again) return undefined
      throw error
    }
  }

  #openProbe(): number {
    if (this.#probe !== undefined) return this.#probe
    if (process.platform !== 'linux' || this.type === FileType.SocketStream) throw new WasiError(Errno.NotSup)
    return (this.#probe = openSync(`/proc/self/fd/${this.#fd}`, constants.O_RDONLY | constants.O_NONBLOCK))
  }

  override close(): void {
    if (this.#probe !== undefined) closeSync(this.#probe)
    super.close()
  }
}

function inputFunction(input: Exclude<Input, number>): () => Uint8Array | undefined {
  if (typeof input === 'function') return input
  let bytes: Uint8Array | undefined = typeof input === 'string' ? new TextEncoder().encode(input) : input
  return () => {
    const all = bytes
    bytes = undefined
    return all
  }
}

const NO_STAT: FileStat = {
  dev: 0n,
  ino: 0n,
  type: FileType.CharacterDevice,
  nlink: 1n,
  size: 0n,
  atim: 0n,
  mtim: 0n,
  ctim: 0n,
}

/** A stream of JavaScript's. */
class ScriptedStream implements FileHandle {
  readonly kind = 'file'
  readonly type = FileType.CharacterDevice
  readonly #next: (() => Uint8Array | undefined) | undefined
  readonly #take: ((chunk: Uint8Array) => void) | undefined
  /** What the last chunk of input had beyond what was asked for. */
  #rest: Uint8Array = new Uint8Array(0)

  constructor(next: (() => Uint8Array | undefined) | undefined, take: ((chunk: Uint8Array) => void) | undefined) {
    this.#next = next
    this.#take = take
  }

  read(target: Uint8Array): number {
    if (this.#rest.length === 0) this.#rest = this.#next?.() ?? this.#rest
    const taken = this.#rest.subarray(0, target.length)
    target.set(taken)
    this.#rest = this.#rest.subarray(taken.length)
    return taken.length
  }

  /** As HostStream's: what a function gives is there when it returns. */
  ready(): number {
    if (this.#rest.length === 0) this.#rest = this.#next?.() ?? this.#rest
    return this.#rest.length
  }

  write(source: Uint8Array): number {
    this.#take?.(source.slice())
    return source.length
  }

  append(source: Uint8Array): number {
    return this.write(source)
  }

  stat(): FileStat {
    return NO_STAT
  }

  setSize(): void {
    throw new WasiError(Errno.Inval)
  }

  setTimes(): void {}

  sync(): void {}

  close(): void {}
}

/** A stream that can tell whether it has something to read. */
export interface ReadyStream {
  ready(): number | undefined
}

export const isReadyStream = (handle: object): handle is ReadyStream => 'ready' in handle

/** Repeats an operation while the host says `again`, unless the guest asked not to wait. */
export function blocking<T>(nonblocking: boolean, operation: () => T): T {
  for (;;) {
    try {
      return operation()
    } catch (error) {
      if (nonblocking || errnoOf(error) !== Errno.Again) throw error
    }
    sleepMilliseconds(RETRY_MS)
  }
}
