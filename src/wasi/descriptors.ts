// Descriptors: what a guest's file numbers stand for, with rights and flags.

import { Errno, WasiError } from './errors.ts'
import type { DirectoryEntry, DirectoryHandle, FileHandle } from './fs/file-system.ts'

/** Preview 1's `fdflags`. */
export const enum FdFlag {
  Append = 1,
  Dsync = 2,
  Nonblock = 4,
  Rsync = 8,
  Sync = 16,
}

export const ALL_FD_FLAGS = 31

/** An open file, stream or directory. */
export interface Descriptor {
  readonly handle: FileHandle | DirectoryHandle
  base: number
  inheriting: number
  flags: number
  /** Offset of the next read or write; null for a stream. */
  position: number | null
  /** The guest's name of a preopened directory. */
  readonly preopen: Uint8Array | undefined
  /** The listing that cookies refer to: of the last `fd_readdir` with cookie 0, so they survive changes. See `keepListing`. */
  listing: readonly DirectoryEntry[] | undefined
}

/** Preview 1's numbers are i32; a table has as many at most. A guest that opens files in a loop gets `mfile`. */
export const DEFAULT_MAX_DESCRIPTORS = 1024

/**
 * Entries in the listings of all descriptors together: a guest with many descriptors of a large directory shall not fill the memory. An
 * entry takes about 290 bytes, so this is 75 MB; it is four times what a file system in memory has by default.
 */
const MAX_LISTED = 262_144

/** The open descriptors of a guest. */
export class DescriptorTable {
  readonly #open: (Descriptor | undefined)[] = []
  readonly #max: number

  constructor(max = DEFAULT_MAX_DESCRIPTORS) {
    this.#max = max
  }

  /** The descriptor; `badf` if there is none, `notcapable` if it lacks one of the rights. */
  get(fd: number, rights = 0): Descriptor {
    const descriptor = this.#open[fd]
    if (descriptor === undefined) throw new WasiError(Errno.BadF)
    if ((descriptor.base & rights) !== rights) throw new WasiError(Errno.NotCapable)
    return descriptor
  }

  /** Gives it the lowest free number. */
  insert(descriptor: Descriptor): number {
    let fd = 0
    while (this.#open[fd] !== undefined) fd++
    if (fd >= this.#max) throw new WasiError(Errno.MFile)
    this.#open[fd] = descriptor
    return fd
  }

  /** Whether `insert` has room: asked before a file is created that could not be given to the guest. */
  requireRoom(): void {
    if (this.#open.length < this.#max) return
    if (!this.#open.includes(undefined)) throw new WasiError(Errno.MFile)
  }

  /** Keeps a listing for the cookies of a descriptor. Others are dropped if they are too many: taken anew when the guest goes on. */
  keepListing(descriptor: Descriptor, listing: readonly DirectoryEntry[]): void {
    let total = listing.length
    for (const other of this.#open) {
      if (other === undefined || other === descriptor || other.listing === undefined) continue
      if (total + other.listing.length > MAX_LISTED) other.listing = undefined
      else total += other.listing.length
    }
    descriptor.listing = listing
  }

  close(fd: number): void {
    const { handle } = this.get(fd)
    this.#open[fd] = undefined
    handle.close()
  }

  /** `to` is closed and becomes what `from` was. */
  renumber(from: number, to: number): void {
    const descriptor = this.get(from)
    const replaced = this.get(to)
    if (from === to) return
    this.#open[to] = descriptor
    this.#open[from] = undefined
    replaced.handle.close()
  }

  closeAll(): void {
    const open = this.#open.splice(0)
    for (const descriptor of open) descriptor?.handle.close()
  }
}
