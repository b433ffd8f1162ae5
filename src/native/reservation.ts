// Address space for memories: reserved at once, opened page by page. The base never moves, and what is not opened faults: with
// `GUARDED_32` any 32-bit index plus any 32-bit offset of an access lies in the reservation, so such an access needs no check.

import { bug } from '../util/bug.ts'
import { type Ffi, MapFlag, Prot, type Unavailable } from './ffi.ts'
import { forgetMapping, noteMapping } from './mappings.ts'
import { roundUp } from './pages.ts'
import type { Process } from './process-block.ts'

/** 8 GiB for index + offset, and a Wasm page more for what an access reads behind them. */
export const GUARDED_32 = 2 ** 33 + 65536

/** What reserving needs; a `Platform` has it. */
export interface Host {
  readonly ffi: Ffi
  readonly process: Process
}

export class Reservation {
  readonly address: number
  readonly bytes: number
  private readonly host: Host
  /** In the table of mappings. */
  private readonly row: number
  /** Opened so far, in bytes. */
  private opened = 0
  /** The views that are alive: pages go when nothing can touch them. */
  private readonly views = new Set<WeakRef<ArrayBuffer>>()
  private closing = false
  private static readonly dead = new FinalizationRegistry<{ owner: Reservation; view: WeakRef<ArrayBuffer> }>(
    ({ owner, view }) => {
      owner.views.delete(view)
      owner.unmapIfUnused()
    },
  )

  private constructor(host: Host, address: number, bytes: number) {
    this.host = host
    this.address = address
    this.bytes = bytes
    this.row = noteMapping(host.process, address, bytes)
  }

  /** Reserves bytes of address space for this thread, none of them accessible. */
  static create({ ffi, process }: Host, bytes: number): Reservation | Unavailable {
    const flags = MapFlag.Private | MapFlag.Anonymous | MapFlag.NoReserve
    const address = ffi.mmap(0, bytes, Prot.None, flags, -1, 0)
    if (address >= 0) return new Reservation({ ffi, process }, address, bytes)
    return { reason: `a reservation of ${bytes} bytes of address space was refused` }
  }

  /** Makes the first `bytes` accessible; they are zeros until written. False if the system refuses; nothing has changed then. */
  open(bytes: number): boolean {
    const wanted = roundUp(bytes, 65536)
    if (wanted > this.bytes || this.closing) bug('more pages opened than are reserved')
    if (wanted <= this.opened) return true
    if (this.host.ffi.mprotect(this.address + this.opened, wanted - this.opened, Prot.ReadWrite) < 0) return false
    this.opened = wanted
    return true
  }

  /**
   * A buffer of the first `bytes`, which must be open. Contract of JavaScript's side: it is not transferred, the buffer of a memory belongs
   * to the memory. (Node's `markAsUntransferable` would refuse that, but makes Node 26 abort at its end: it detaches external buffers.)
   */
  view(bytes: number): ArrayBuffer {
    if (bytes > this.opened) bug('a view of pages that are not open')
    const buffer = this.host.ffi.view(this.address, bytes)
    const view = new WeakRef(buffer)
    this.views.add(view)
    Reservation.dead.register(buffer, { owner: this, view }, buffer)
    return buffer
  }

  /** Detaches a view, where the interface can. False: the view goes on to show the memory, at its old length. */
  detach(buffer: ArrayBuffer): boolean {
    return this.host.ffi.detach(buffer)
  }

  /** The memory is gone. Pages are unmapped when no view is left: JavaScript may hold one for longer. */
  release(): void {
    this.closing = true
    this.unmapIfUnused()
  }

  /** Whether the address space has been given back. */
  get released(): boolean {
    return this.closing && this.views.size === 0
  }

  private unmapIfUnused(): void {
    if (!this.released) return
    this.host.ffi.munmap(this.address, this.bytes)
    forgetMapping(this.host.process, this.row)
  }
}
