// The guest's memory, as the functions of preview 1 see it.

import { Errno, WasiError } from '../errors.ts'

/** What is needed of a memory: those of zwasm's engine and of the host's WebAssembly have it. */
export interface MemoryLike {
  readonly buffer: ArrayBufferLike
}

/**
 * Checked access to a guest's linear memory. Addresses and lengths are i32 as they come from WebAssembly; an access beyond the end throws
 * a WasiError `fault`. Views are renewed when the memory has grown; a `Uint8Array` from here is for immediate use.
 */
export class GuestMemory {
  readonly #memory: MemoryLike
  #buffer: ArrayBufferLike
  #view: DataView
  #bytes: Uint8Array

  constructor(memory: MemoryLike) {
    this.#memory = memory
    this.#buffer = memory.buffer
    this.#view = new DataView(this.#buffer)
    this.#bytes = new Uint8Array(this.#buffer)
  }

  /** Called once by each function before its first access: the views of the present buffer. */
  refresh(): void {
    const { buffer } = this.#memory
    if (buffer === this.#buffer) return
    this.#buffer = buffer
    this.#view = new DataView(buffer)
    this.#bytes = new Uint8Array(buffer)
  }

  /** Checks a range; the address as an unsigned number. */
  range(address: number, length: number): number {
    const start = address >>> 0
    if (start + length > this.#bytes.length) throw new WasiError(Errno.Fault)
    return start
  }

  /** Likewise for `count` elements of `size` bytes: `count` is an i32. */
  array(address: number, count: number, size: number): number {
    return this.range(address, (count >>> 0) * size)
  }

  bytes(address: number, length: number): Uint8Array {
    const start = this.range(address, length >>> 0)
    return this.#bytes.subarray(start, start + (length >>> 0))
  }

  getU8(address: number): number {
    return this.#view.getUint8(this.range(address, 1))
  }

  getU16(address: number): number {
    return this.#view.getUint16(this.range(address, 2), true)
  }

  getU32(address: number): number {
    return this.#view.getUint32(this.range(address, 4), true)
  }

  getU64(address: number): bigint {
    return this.#view.getBigUint64(this.range(address, 8), true)
  }

  setU8(address: number, value: number): void {
    this.#view.setUint8(this.range(address, 1), value)
  }

  setU16(address: number, value: number): void {
    this.#view.setUint16(this.range(address, 2), value, true)
  }

  setU32(address: number, value: number): void {
    this.#view.setUint32(this.range(address, 4), value, true)
  }

  setU64(address: number, value: bigint): void {
    this.#view.setBigUint64(this.range(address, 8), value, true)
  }

  /**
   * The buffers of an iovec or ciovec array, all checked before any is used.
   *
   * @throws WasiError `inval` if they are more than IOV_MAX, or 4 GiB and more in total.
   */
  vectors(address: number, count: number): Uint8Array[] {
    const n = count >>> 0
    if (n > IOV_MAX) throw new WasiError(Errno.Inval)
    const start = this.array(address, n, 8)
    const vectors: Uint8Array[] = []
    let total = 0
    for (let i = 0; i < n; i++) {
      const at = start + i * 8
      const length = this.#view.getUint32(at + 4, true)
      vectors.push(this.bytes(this.#view.getUint32(at, true), length))
      total += length
    }
    if (total > 0xffff_ffff) throw new WasiError(Errno.Inval)
    return vectors
  }
}

/** As Linux: more vectors are `inval`. */
const IOV_MAX = 1024
