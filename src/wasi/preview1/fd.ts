// Functions on descriptors: fd_*.

import { ALL_FD_FLAGS, type Descriptor, FdFlag } from '../descriptors.ts'
import { Errno, WasiError } from '../errors.ts'
import {
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  type FileStat,
  FileType,
} from '../fs/file-system.ts'
import { ALL_RIGHTS, Right } from '../rights.ts'
import { blocking } from '../stdio.ts'
import type { Context } from './context.ts'
import type { GuestMemory } from './guest.ts'
import { newTimesOf } from './times.ts'

/** The handle of something that is not a directory. */
export function fileOf({ handle }: Descriptor): FileHandle {
  if (handle.kind === 'directory') throw new WasiError(Errno.IsDir)
  return handle
}

export function directoryOf({ handle }: Descriptor): DirectoryHandle {
  if (handle.kind === 'file') throw new WasiError(Errno.NotDir)
  return handle
}

const MAX_OFFSET = BigInt(Number.MAX_SAFE_INTEGER)

/** A file offset or size as a number; more than any file has is `inval`. */
function offsetOf(value: bigint): number {
  const offset = BigInt.asUintN(64, value)
  if (offset > MAX_OFFSET) throw new WasiError(Errno.Inval)
  return Number(offset)
}

/** Several buffers of up to so many bytes are gathered into one operation of the host. */
const GATHER_BYTES = 65_536

const totalOf = (vectors: readonly Uint8Array[]): number => vectors.reduce((sum, v) => sum + v.length, 0)

function read(descriptor: Descriptor, vectors: readonly Uint8Array[], position: number | null): number {
  const file = fileOf(descriptor)
  const wanted = vectors.filter((v) => v.length > 0)
  const nonblocking = (descriptor.flags & FdFlag.Nonblock) !== 0
  if (wanted.length === 0) return 0
  if (wanted.length === 1) return blocking(nonblocking, () => file.read(wanted[0], position))
  // One operation: a second one on a stream might wait although there was something to give.
  const buffer = new Uint8Array(Math.min(totalOf(wanted), GATHER_BYTES))
  const count = blocking(nonblocking, () => file.read(buffer, position))
  let at = 0
  for (const vector of wanted) {
    if (at >= count) break
    const part = buffer.subarray(at, Math.min(at + vector.length, count))
    vector.set(part)
    at += part.length
  }
  return count
}

function write(
  descriptor: Descriptor,
  vectors: readonly Uint8Array[],
  position: number | null,
  append: boolean,
): number {
  const file = fileOf(descriptor)
  const nonblocking = (descriptor.flags & FdFlag.Nonblock) !== 0
  const source = vectors.length === 1 ? vectors[0] : gather(vectors)
  const count = blocking(nonblocking, () => (append ? file.append(source) : file.write(source, position)))
  // A stream has nothing to write through to.
  if (descriptor.position === null) return count
  if ((descriptor.flags & FdFlag.Sync) !== 0) file.sync(false)
  else if ((descriptor.flags & FdFlag.Dsync) !== 0) file.sync(true)
  return count
}

/** The first bytes of several buffers. A write may be short, so no more than that is copied. */
function gather(vectors: readonly Uint8Array[]): Uint8Array {
  const first = vectors.find((v) => v.length > 0)
  if (first === undefined) return new Uint8Array(0)
  if (first.length >= GATHER_BYTES) return first
  const buffer = new Uint8Array(Math.min(totalOf(vectors), GATHER_BYTES))
  let at = 0
  for (const vector of vectors) {
    const part = vector.subarray(0, buffer.length - at)
    buffer.set(part, at)
    at += part.length
  }
  return buffer
}

export function writeStat(guest: GuestMemory, address: number, stat: FileStat): void {
  const at = guest.range(address, 64)
  guest.setU64(at, stat.dev)
  guest.setU64(at + 8, stat.ino)
  guest.setU64(at + 16, BigInt(stat.type))
  guest.setU64(at + 24, stat.nlink)
  guest.setU64(at + 32, stat.size)
  guest.setU64(at + 40, stat.atim)
  guest.setU64(at + 48, stat.mtim)
  guest.setU64(at + 56, stat.ctim)
}

const enum Whence {
  Set = 0,
  Cur = 1,
  End = 2,
}

const enum Advice {
  Noreuse = 5,
}

const DIRENT_BYTES = 24

export function fdFunctions(c: Context) {
  const { descriptors } = c
  const seek = (descriptor: Descriptor, delta: bigint, whence: number): number => {
    if (whence >>> 0 > Whence.End) throw new WasiError(Errno.Inval)
    const file = fileOf(descriptor)
    if (descriptor.position === null) throw new WasiError(Errno.SPipe)
    const from = whence === Whence.Set ? 0n : whence === Whence.Cur ? BigInt(descriptor.position) : file.stat().size
    const position = from + delta
    if (position < 0n || position > MAX_OFFSET) throw new WasiError(Errno.Inval)
    return (descriptor.position = Number(position))
  }
  /** A range of a file, for advice and allocation. */
  const rangeOf = (offset: bigint, length: bigint): number =>
    offsetOf(BigInt(offsetOf(offset)) + BigInt(offsetOf(length)))

  return {
    fd_advise(fd: number, offset: bigint, length: bigint, advice: number): void {
      const file = fileOf(descriptors.get(fd, Right.FdAdvise))
      if (advice >>> 0 > Advice.Noreuse) throw new WasiError(Errno.Inval)
      rangeOf(offset, length)
      // Advice changes nothing that can be observed, and Node has no call for it.
      void file
    },
    fd_allocate(fd: number, offset: bigint, length: bigint): void {
      const file = fileOf(descriptors.get(fd, Right.FdAllocate))
      const end = rangeOf(offset, length)
      if (BigInt.asUintN(64, length) === 0n) throw new WasiError(Errno.Inval)
      if (file.stat().size < BigInt(end)) file.setSize(end)
    },
    fd_close(fd: number): void {
      descriptors.close(fd)
    },
    fd_datasync(fd: number): void {
      const { handle } = descriptors.get(fd, Right.FdDatasync)
      if (handle.kind === 'file') handle.sync(true)
      else handle.sync()
    },
    fd_fdstat_get(fd: number, address: number): void {
      const { handle, flags, base, inheriting } = descriptors.get(fd)
      const { guest } = c
      const at = guest.range(address, 24)
      guest.setU64(at, BigInt(handle.kind === 'directory' ? FileType.Directory : handle.type))
      guest.setU16(at + 2, flags)
      guest.setU64(at + 8, BigInt(base))
      guest.setU64(at + 16, BigInt(inheriting))
    },
    fd_fdstat_set_flags(fd: number, flags: number): void {
      const descriptor = descriptors.get(fd, Right.FdFdstatSetFlags)
      if (flags >>> 0 > ALL_FD_FLAGS) throw new WasiError(Errno.Inval)
      descriptor.flags = flags
    },
    fd_fdstat_set_rights(fd: number, base: bigint, inheriting: bigint): void {
      const descriptor = descriptors.get(fd)
      descriptor.base = shrunk(descriptor.base, base, () => shrunk(descriptor.inheriting, inheriting))
      descriptor.inheriting = shrunk(descriptor.inheriting, inheriting)
    },
    fd_filestat_get(fd: number, address: number): void {
      const { handle } = descriptors.get(fd, Right.FdFilestatGet)
      c.guest.range(address, 64)
      writeStat(c.guest, address, handle.kind === 'directory' ? handle.stat('.') : handle.stat())
    },
    fd_filestat_set_size(fd: number, size: bigint): void {
      fileOf(descriptors.get(fd, Right.FdFilestatSetSize)).setSize(offsetOf(size))
    },
    fd_filestat_set_times(fd: number, atim: bigint, mtim: bigint, flags: number): void {
      const { handle } = descriptors.get(fd, Right.FdFilestatSetTimes)
      const [a, m] = newTimesOf(c.clock, atim, mtim, flags)
      if (handle.kind === 'directory') handle.setTimes('.', a, m)
      else handle.setTimes(a, m)
    },
    fd_pread(fd: number, iovs: number, count: number, offset: bigint, nread: number): void {
      const descriptor = descriptors.get(fd, Right.FdRead | Right.FdSeek)
      c.guest.range(nread, 4)
      c.guest.setU32(nread, read(descriptor, c.guest.vectors(iovs, count), positional(descriptor, offset)))
    },
    fd_prestat_get(fd: number, address: number): void {
      const { preopen } = descriptors.get(fd)
      if (preopen === undefined) throw new WasiError(Errno.BadF)
      const at = c.guest.range(address, 8)
      c.guest.setU32(at, 0)
      c.guest.setU32(at + 4, preopen.length)
    },
    fd_prestat_dir_name(fd: number, address: number, length: number): void {
      const { preopen } = descriptors.get(fd)
      if (preopen === undefined) throw new WasiError(Errno.BadF)
      if (length >>> 0 < preopen.length) throw new WasiError(Errno.NameTooLong)
      c.guest.bytes(address, preopen.length).set(preopen)
    },
    fd_pwrite(fd: number, iovs: number, count: number, offset: bigint, nwritten: number): void {
      const descriptor = descriptors.get(fd, Right.FdWrite | Right.FdSeek)
      c.guest.range(nwritten, 4)
      // At the offset, with the flag `append` too: POSIX.
      c.guest.setU32(nwritten, write(descriptor, c.guest.vectors(iovs, count), positional(descriptor, offset), false))
    },
    fd_read(fd: number, iovs: number, count: number, nread: number): void {
      const descriptor = descriptors.get(fd, Right.FdRead)
      c.guest.range(nread, 4)
      const bytes = read(descriptor, c.guest.vectors(iovs, count), descriptor.position)
      if (descriptor.position !== null) descriptor.position += bytes
      c.guest.setU32(nread, bytes)
    },
    fd_readdir(fd: number, buffer: number, length: number, cookie: bigint, used: number): void {
      const descriptor = descriptors.get(fd, Right.FdReaddir)
      const directory = directoryOf(descriptor)
      c.guest.range(used, 4)
      const target = c.guest.bytes(buffer, length)
      if (cookie === 0n || descriptor.listing === undefined) descriptors.keepListing(descriptor, listingOf(directory))
      c.guest.setU32(used, writeEntries(target, descriptor.listing!, BigInt.asUintN(64, cookie)))
    },
    fd_renumber(from: number, to: number): void {
      descriptors.renumber(from, to)
    },
    fd_seek(fd: number, delta: bigint, whence: number, position: number): void {
      const moves = delta !== 0n || whence !== Whence.Cur
      const descriptor = descriptors.get(fd, moves ? Right.FdSeek : Right.FdTell)
      c.guest.range(position, 8)
      c.guest.setU64(position, BigInt(seek(descriptor, delta, whence)))
    },
    fd_sync(fd: number): void {
      const { handle } = descriptors.get(fd, Right.FdSync)
      if (handle.kind === 'file') handle.sync(false)
      else handle.sync()
    },
    fd_tell(fd: number, position: number): void {
      const descriptor = descriptors.get(fd, Right.FdTell)
      c.guest.range(position, 8)
      c.guest.setU64(position, BigInt(seek(descriptor, 0n, Whence.Cur)))
    },
    fd_write(fd: number, iovs: number, count: number, nwritten: number): void {
      const descriptor = descriptors.get(fd, Right.FdWrite)
      const { guest } = c
      guest.range(nwritten, 4)
      const append = descriptor.position !== null && (descriptor.flags & FdFlag.Append) !== 0
      const bytes = write(descriptor, guest.vectors(iovs, count), descriptor.position, append)
      if (append) descriptor.position = Number(fileOf(descriptor).stat().size)
      else if (descriptor.position !== null) descriptor.position += bytes
      guest.setU32(nwritten, bytes)
    },
  }
}

/** The rights that remain: `notcapable` if any is to be gained. `check` may refuse before anything changes. */
function shrunk(present: number, wanted: bigint, check?: () => unknown): number {
  const bits = BigInt.asUintN(64, wanted)
  if (bits > BigInt(ALL_RIGHTS) || (Number(bits) & ~present) !== 0) throw new WasiError(Errno.NotCapable)
  check?.()
  return Number(bits)
}

function positional(descriptor: Descriptor, offset: bigint): number {
  fileOf(descriptor)
  if (descriptor.position === null) throw new WasiError(Errno.SPipe)
  return offsetOf(offset)
}

const DOT = new TextEncoder().encode('.')
const DOT_DOT = new TextEncoder().encode('..')

function listingOf(directory: DirectoryHandle): DirectoryEntry[] {
  const { ino } = directory.stat('.')
  // The parent's number is told to nobody who cannot go there.
  return [
    { name: DOT, ino, type: FileType.Directory },
    { name: DOT_DOT, ino: 0n, type: FileType.Directory },
    ...directory.entries(),
  ]
}

/** Entries from `cookie` on, the last one cut off where the buffer ends: then the guest asks again with a larger one. */
function writeEntries(target: Uint8Array, listing: readonly DirectoryEntry[], cookie: bigint): number {
  if (cookie > BigInt(listing.length)) return 0
  const header = new DataView(new ArrayBuffer(DIRENT_BYTES))
  let at = 0
  for (let i = Number(cookie); i < listing.length && at < target.length; i++) {
    const { name, ino, type } = listing[i]
    header.setBigUint64(0, BigInt(i + 1), true)
    header.setBigUint64(8, ino, true)
    header.setUint32(16, name.length, true)
    header.setUint32(20, type, true)
    at = put(target, at, new Uint8Array(header.buffer))
    at = put(target, at, name)
  }
  return at
}

function put(target: Uint8Array, at: number, bytes: Uint8Array): number {
  const part = bytes.subarray(0, target.length - at)
  target.set(part, at)
  return at + part.length
}
