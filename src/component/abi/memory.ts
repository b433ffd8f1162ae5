// Access to a guest's linear memory, and allocation in it with the guest's `realloc`.

import type { Memory } from '../../api/namespace-types.ts'
import type { StringEncoding } from '../binary/model.ts'
import type { ComponentInstance } from './state.ts'

export type Realloc = (old: number, oldSize: number, align: number, size: number) => number

/** Options of a canonical definition, and the instance that it belongs to. */
export class AbiContext {
  readonly instance: ComponentInstance
  readonly encoding: StringEncoding
  readonly #memory: Memory | undefined
  readonly #realloc: Realloc | undefined
  #buffer: ArrayBufferLike
  /** Views of the memory; valid until guest code runs. */
  view: DataView
  bytes: Uint8Array

  constructor(
    instance: ComponentInstance,
    encoding: StringEncoding,
    memory: Memory | undefined,
    realloc: Realloc | undefined,
  ) {
    this.instance = instance
    this.encoding = encoding
    this.#memory = memory
    this.#realloc = realloc
    this.#buffer = EMPTY
    this.view = new DataView(this.#buffer)
    this.bytes = new Uint8Array(this.#buffer)
  }

  /** Looks at the memory again: to be called when guest code has run. */
  refresh(): void {
    if (this.#memory === undefined) return
    const { buffer } = this.#memory
    if (buffer === this.#buffer && buffer.byteLength === this.bytes.length) return
    this.#buffer = buffer
    this.view = new DataView(buffer)
    this.bytes = new Uint8Array(buffer)
  }

  trap(message: string): never {
    return this.instance.store.trap(message)
  }

  allocate(align: number, size: number, what: string): number {
    return this.reallocate(0, 0, align, size, what)
  }

  /** Calls `realloc` and checks what it returns. `what` the memory is for says which message a bad address gets. */
  reallocate(old: number, oldSize: number, align: number, size: number, what: string): number {
    const { instance } = this
    instance.mayLeave = false
    const context = instance.usesContext ? instance.newContext() : undefined
    let ptr: number
    try {
      ptr = this.#realloc!(old | 0, oldSize | 0, align, size | 0) >>> 0
    } catch (error) {
      return instance.store.uncaught(error)
    }
    instance.mayLeave = true
    if (context !== undefined) instance.context = context
    this.refresh()
    this.checkRange(ptr, align, size, what)
    return ptr
  }

  /** Checks an address that a guest gave for `size` bytes. */
  checkRange(ptr: number, align: number, size: number, what: string): void {
    if (ptr % align !== 0)
      this.trap(what === HOST_REALLOC ? `${what}: result not aligned` : 'wasm trap: unaligned pointer')
    if (ptr + size > this.bytes.length)
      this.trap(what === HOST_REALLOC ? `${what}: beyond end of memory` : `wasm trap: ${what} out-of-bounds`)
  }
}

const EMPTY = new ArrayBuffer(0)

/** What an allocation for a value of the host is called. */
export const HOST_REALLOC = 'realloc return'
