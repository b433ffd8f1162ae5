// Linear memories.
//
// An unshared memory lies in a fixed-length ArrayBuffer (V8 never forgives a resizable one in hot code, docs/interpreter.md), which may be
// larger than the memory: growth is amortised. JavaScript sees a buffer of exactly the memory's size, and every later growth must
// detach it. So `exposeBuffer` cuts the buffer to size, and growth of an exposed memory moves to a new one.
//
//   | memory: byteLength      | reserve   |      every access is checked against byteLength, so the reserve cannot be reached
//   ^ buffer                              ^ buffer.byteLength
//
// A *guarded* memory is one of the host's: its buffer is exactly the memory, has address space around it and never moves.
//
// `toResizableBuffer` moves the memory into a resizable buffer, which growth resizes in place. Accesses are slower there. The standard
// sends `buffer.resize` to the memory; here the buffer has a method of its own for that.
//
// A shared memory lies in a growable SharedArrayBuffer that other agents grow too. Its views have a fixed length and are made again when
// the length has changed: at once for growth from here, in `refresh` for growth elsewhere. JavaScript gets a new object for the same
// block after growth, as the standard has it; but old ones grow with it, because a fixed-length object over such a block cannot be had.

import { type Checkpoints, copyInChunks } from './chunks.ts'
import { MAX_MEMORY32_BYTES } from '../wasm/limits.ts'
import type { MemoryType } from '../wasm/types.ts'
import type { AtomicViews, MemoryInstance } from './instance.ts'
import { LimitError, type Store } from './store.ts'
import type { GuardedMemory } from './tier.ts'

/** Growth reserves this part of the size on top: a memory that grows page by page is copied O(log n) times. */
const RESERVE_DIVISOR = 4
/** Below this size growth reserves nothing: copying is cheap, and most memories never grow again. */
const RESERVE_FROM = 1 << 20
/** Of ES2024; the compiler's library here is older than Node 20. */
interface GrowableBuffer extends SharedArrayBuffer {
  grow(byteLength: number): void
}
type GrowableBufferClass = new (byteLength: number, options: { maxByteLength: number }) => GrowableBuffer
const GrowableBuffer = SharedArrayBuffer as unknown as GrowableBufferClass
interface ResizableBuffer extends ArrayBuffer {
  resize(byteLength: number): void
}
const ResizableBuffer = ArrayBuffer as unknown as new (
  byteLength: number,
  options: { maxByteLength: number },
) => ResizableBuffer
const resizeBuffer = (ArrayBuffer.prototype as ResizableBuffer).resize
const growBuffer = (SharedArrayBuffer.prototype as GrowableBuffer).grow

/** Largest reservation of address space for a shared memory whose declared maximum is above it. */
const MAX_SHARED_RESERVE = 2 ** 32

export class LinearMemory implements MemoryInstance {
  readonly type: MemoryType
  buffer: ArrayBuffer | SharedArrayBuffer
  u8: Uint8Array
  dv: DataView
  atomicViews: AtomicViews | undefined = undefined
  byteLength: number
  onGrow: (() => void) | undefined = undefined
  onChange: (() => void) | undefined = undefined
  readonly guarded: boolean

  /** Whose buffer it is, if it is guarded. */
  private readonly host: GuardedMemory | undefined
  /** Cap in bytes. */
  private readonly maxBytes: number
  /** The buffer that JavaScript has; never larger than the memory. */
  private exposed: ArrayBuffer | SharedArrayBuffer | undefined = undefined
  /** Whether `exposed` is a resizable buffer: growth keeps it. */
  private resizable = false

  private readonly checkpoints: Checkpoints

  constructor(
    type: MemoryType,
    buffer: ArrayBuffer | SharedArrayBuffer,
    maxBytes: number,
    checkpoints: Checkpoints,
    host?: GuardedMemory,
  ) {
    this.host = host
    this.guarded = host !== undefined
    if (host !== undefined) this.exposed = buffer
    this.checkpoints = checkpoints
    this.type = type
    this.buffer = buffer
    this.byteLength = buffer.byteLength
    this.u8 = new Uint8Array(buffer, 0, this.byteLength)
    this.dv = new DataView(buffer, 0, this.byteLength)
    this.maxBytes = maxBytes
  }

  get pages(): number {
    return this.byteLength / 2 ** this.type.pageSizeLog2
  }

  grow(delta: number): number {
    const old = this.pages
    const bytes = (old + delta) * 2 ** this.type.pageSizeLog2
    if (!(old + delta <= this.maxPages()) || bytes > this.maxBytes) return -1
    if (this.type.shared) return this.growShared(delta)
    const { exposed } = this
    if (this.host !== undefined) {
      if (!this.growHost(this.host, delta)) return -1
    } else if (this.resizable) {
      if (!this.resize(bytes)) return -1
    } else if (exposed === undefined) {
      if (bytes > this.buffer.byteLength && !this.moveTo(this.withReserve(bytes))) return -1
    } else {
      if (!this.moveTo(bytes)) return -1
      detach(exposed as ArrayBuffer)
      this.exposed = undefined
    }
    this.byteLength = bytes
    this.onChange?.()
    this.onGrow?.()
    return old
  }

  /** The host detaches the buffer that JavaScript had. */
  private growHost(host: GuardedMemory, delta: number): boolean {
    try {
      host.grow(delta)
    } catch {
      return false
    }
    this.takeHostBuffer(host.buffer)
    return true
  }

  private takeHostBuffer(buffer: ArrayBuffer): void {
    this.buffer = this.exposed = buffer
    this.u8 = new Uint8Array(buffer, 0, buffer.byteLength)
    this.dv = new DataView(buffer, 0, buffer.byteLength)
  }

  /** The declared maximum, or what the address type can reach. */
  private maxPages(): number {
    const { max, address64, pageSizeLog2 } = this.type
    const reachable = address64 ? Number.MAX_SAFE_INTEGER : MAX_MEMORY32_BYTES / 2 ** pageSizeLog2
    return max === undefined ? reachable : Math.min(max, reachable)
  }

  private withReserve(bytes: number): number {
    if (bytes < RESERVE_FROM) return bytes
    const wanted = bytes + Math.ceil(bytes / RESERVE_DIVISOR)
    return Math.max(bytes, Math.min(wanted, this.maxBytes, this.maxPages() * 2 ** this.type.pageSizeLog2))
  }

  /** Moves the contents to a new buffer of `capacity` bytes. Without the reserve if the host has no room for it. */
  private moveTo(capacity: number): boolean {
    let buffer: ArrayBuffer
    try {
      buffer = new ArrayBuffer(capacity)
    } catch {
      return false
    }
    const u8 = new Uint8Array(buffer)
    copyInChunks(u8, this.u8.subarray(0, this.byteLength), this.checkpoints)
    this.buffer = buffer
    this.u8 = u8
    this.dv = new DataView(buffer)
    this.onChange?.()
    return true
  }

  /** Resizes the resizable buffer, which is exactly the memory. */
  private resize(bytes: number): boolean {
    try {
      resizeBuffer.call(this.buffer, bytes)
    } catch {
      return false
    }
    this.u8 = new Uint8Array(this.buffer, 0, bytes)
    this.dv = new DataView(this.buffer, 0, bytes)
    return true
  }

  private growShared(delta: number): number {
    const buffer = this.buffer as GrowableBuffer
    const pageSize = 2 ** this.type.pageSizeLog2
    for (;;) {
      const old = buffer.byteLength
      const bytes = old + delta * pageSize
      if (old / pageSize + delta > this.maxPages() || bytes > this.maxBytes) return -1
      try {
        growBuffer.call(buffer, bytes)
      } catch {
        // Either another agent was faster, and beyond this size: then again. Or the host refuses.
        if (buffer.byteLength !== old) continue
        return -1
      }
      if (!this.refresh()) {
        this.renew()
        this.onGrow?.()
      }
      return old / pageSize
    }
  }

  refresh(): boolean {
    const { buffer } = this
    if (!this.type.shared || buffer.byteLength === this.byteLength) return false
    this.byteLength = buffer.byteLength
    this.u8 = new Uint8Array(buffer, 0, this.byteLength)
    this.dv = new DataView(buffer, 0, this.byteLength)
    this.renew()
    this.onGrow?.()
    return true
  }

  /** After growth of a shared memory: JavaScript gets a new object, unless it asked for a growable one. */
  private renew(): void {
    if (!this.resizable) this.exposed = undefined
  }

  /** `Memory.prototype.buffer`: of a shared memory a frozen object. */
  exposeBuffer(): ArrayBuffer | SharedArrayBuffer {
    if (this.type.shared) {
      this.refresh()
      return (this.exposed ??= this.shareBuffer())
    }
    if (this.exposed === undefined) {
      if (this.buffer.byteLength !== this.byteLength && !this.moveTo(this.byteLength)) {
        throw new RangeError(`no memory for a buffer of ${this.byteLength} bytes`)
      }
      this.exposed = this.buffer
    }
    return this.exposed
  }

  /** A new frozen object for the block of a shared memory. It grows by whole pages. */
  private shareBuffer(): SharedArrayBuffer {
    const buffer = structuredClone(this.buffer) as SharedArrayBuffer
    this.guard(buffer, 'grow')
    return Object.freeze(buffer)
  }

  /** Sends `resize` or `grow` of a buffer to the memory, which grows by whole pages and never shrinks ("HostResizeArrayBuffer"). */
  private guard(buffer: ArrayBuffer | SharedArrayBuffer, method: 'resize' | 'grow'): void {
    const value = (newLength: unknown): void => {
      const delta = Math.trunc(+(newLength as number) || 0) - buffer.byteLength
      const pages = delta / 2 ** this.type.pageSizeLog2
      if (!Number.isInteger(pages) || pages < 0 || this.grow(pages) < 0)
        throw new RangeError(`${buffer.constructor.name}.prototype.${method}: Invalid length parameter`)
    }
    Object.defineProperty(value, 'name', { value: method })
    Object.defineProperty(buffer, method, { value, writable: true, configurable: true })
  }

  /**
   * `Memory.prototype.toResizableBuffer` of a memory with a maximum.
   *
   * @throws RangeError if the host cannot reserve the maximum.
   */
  toResizableBuffer(): ArrayBuffer | SharedArrayBuffer {
    if (this.resizable) return this.exposeBuffer()
    if (this.host !== undefined) {
      if (this.host.toResizableBuffer === undefined)
        throw new RangeError('a memory that machine code uses cannot have a resizable buffer on this host')
      const buffer = this.host.toResizableBuffer()
      this.guard(buffer, 'resize')
      this.takeHostBuffer(buffer)
    } else if (!this.type.shared) {
      const max = this.maxPages() * 2 ** this.type.pageSizeLog2
      const buffer = new ResizableBuffer(this.byteLength, { maxByteLength: max })
      this.guard(buffer, 'resize')
      this.adopt(buffer)
    } else this.exposed = undefined
    this.resizable = true
    return this.exposeBuffer()
  }

  /** `Memory.prototype.toFixedLengthBuffer`. */
  toFixedLengthBuffer(): ArrayBuffer | SharedArrayBuffer {
    if (this.resizable) {
      if (this.host !== undefined) this.takeHostBuffer(this.host.toFixedLengthBuffer!())
      else if (!this.type.shared) this.adopt(new ArrayBuffer(this.byteLength))
      else this.exposed = undefined
      this.resizable = false
    }
    return this.exposeBuffer()
  }

  /** Moves the contents to a buffer of exactly the memory's size, which takes the place of the one that JavaScript has. */
  private adopt(buffer: ArrayBuffer): void {
    const u8 = new Uint8Array(buffer, 0, this.byteLength)
    u8.set(this.u8)
    if (this.exposed !== undefined) detach(this.exposed as ArrayBuffer)
    this.buffer = buffer
    this.u8 = u8
    this.dv = new DataView(buffer, 0, this.byteLength)
    this.exposed = buffer
    this.onChange?.()
  }
}

interface Transferable extends ArrayBuffer {
  transfer?(): ArrayBuffer
}

/** Detaches a buffer without copying it. */
function detach(buffer: Transferable): void {
  if (buffer.transfer !== undefined) buffer.transfer()
  else structuredClone(buffer, { transfer: [buffer] })
}

/** A new memory of the type's minimum size, all zero. */
export function createMemory(store: Store, type: MemoryType): LinearMemory {
  const pageSize = 2 ** type.pageSizeLog2
  const bytes = type.min * pageSize
  const cap = store.limits.memoryBytes
  if (bytes > cap) throw new LimitError(`memory of ${type.min} pages exceeds the limit of ${cap} bytes`, 'memory', cap)
  const guarded = store.native?.createMemory(type, type.min, Math.floor(cap / pageSize))
  if (guarded !== undefined) return new LinearMemory(type, guarded.buffer, cap, store.control, guarded)
  try {
    return new LinearMemory(
      type,
      type.shared ? sharedBuffer(type, bytes, cap) : new ArrayBuffer(bytes),
      cap,
      store.control,
    )
  } catch {
    throw new LimitError(`the host has no room for a memory of ${bytes} bytes`)
  }
}

function sharedBuffer(type: MemoryType, bytes: number, cap: number): SharedArrayBuffer {
  const max = (type.max ?? type.min) * 2 ** type.pageSizeLog2
  return new GrowableBuffer(bytes, { maxByteLength: Math.max(bytes, Math.min(max, cap, MAX_SHARED_RESERVE)) })
}

/** A memory over the buffer of a shared memory of another agent. */
export function createSharedMemoryFrom(store: Store, type: MemoryType, buffer: SharedArrayBuffer): LinearMemory {
  return new LinearMemory(type, buffer, store.limits.memoryBytes, store.control)
}

/** Stands in for memory 0 of an instance without memories: no access succeeds. */
export const NO_MEMORY: MemoryInstance = new LinearMemory(
  { min: 0, max: 0, shared: false, address64: false, pageSizeLog2: 16 },
  new ArrayBuffer(0),
  0,
  { checkpoint: () => {} },
)
