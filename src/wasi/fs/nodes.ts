// Files, directories and symlinks in memory, as POSIX has them: names refer to nodes, and a node lives as long as a name or a handle does.
//
// overlay.ts adds nodes that lie over those of another file system; what it needs to change of a node is a method here.

import { type Clock, ClockId } from '../clocks.ts'
import { Errno, WasiError } from '../errors.ts'
import { type Access, type DirectoryEntry, type FileStat, FileType, type NewTime } from './file-system.ts'

/** Device numbers of the host lie below. */
const FIRST_DEVICE = 1n << 40n

/** Numbers of nodes of one depth; hosts use less. */
const INO_BITS = 40n

let devices = FIRST_DEVICE

const encoder = new TextEncoder()
const EMPTY = new Uint8Array(0)

export const timeOf = (clock: Clock): bigint => clock.now(ClockId.Realtime) ?? 0n

/** What the nodes of a tree share: its numbers and its caps. */
export class Volume {
  readonly dev = devices++
  readonly maxBytes: number
  readonly maxEntries: number
  /** Sizes of files and lengths of symlinks. The memory behind a file that grew is up to twice its size. */
  bytes = 0
  /** Names in directories. */
  entries = 0
  #lastIno: bigint

  /** `depth`: overlays from here down, so that a directory has no number twice. */
  constructor(maxBytes: number, maxEntries: number, depth: number) {
    this.maxBytes = maxBytes
    this.maxEntries = maxEntries
    this.#lastIno = BigInt(depth) << INO_BITS
  }

  nextIno(): bigint {
    return ++this.#lastIno
  }

  takeBytes(count: number): void {
    if (count > this.maxBytes - this.bytes) throw new WasiError(Errno.NoSpc)
    this.bytes += count
  }

  requireEntry(): void {
    if (this.entries >= this.maxEntries) throw new WasiError(Errno.NoSpc)
  }
}

/** Where a node of an overlay comes from. */
export interface Origin {
  readonly stat: FileStat
  /** What is asked for its name gets this very node from now on: for good if it `changes`, else until `release`. */
  keep(node: Node, changes: boolean): void
  /** The last handle is closed. */
  release(node: Node): void
}

export abstract class Node {
  abstract readonly type: FileType
  readonly volume: Volume
  readonly origin: Origin | undefined
  readonly dev: bigint
  readonly ino: bigint
  /** Names; of a directory 2, and 1 for each directory in it; 0 when it is removed. */
  nlink: number
  /** Bytes. */
  size = 0
  atim: bigint
  mtim: bigint
  ctim: bigint
  /** Handles. */
  opens = 0

  constructor(volume: Volume, now: bigint, origin?: Origin) {
    const stat = origin?.stat
    this.volume = volume
    this.origin = origin
    this.dev = stat?.dev ?? volume.dev
    this.ino = stat?.ino ?? volume.nextIno()
    this.nlink = Number(stat?.nlink ?? 0)
    this.atim = stat?.atim ?? now
    this.mtim = stat?.mtim ?? now
    this.ctim = stat?.ctim ?? now
  }

  stat(): FileStat {
    const { dev, ino, type, nlink, size, atim, mtim, ctim } = this
    return { dev, ino, type, nlink: BigInt(nlink), size: BigInt(size), atim, mtim, ctim }
  }

  isSame(other: Node): boolean {
    return this.ino === other.ino && this.dev === other.dev
  }

  /** Before it changes. */
  keep(): void {
    this.origin?.keep(this, true)
  }

  retain(): void {
    this.origin?.keep(this, false)
    this.opens++
  }

  release(): void {
    if (--this.opens > 0) return
    this.reap()
    this.origin?.release(this)
  }

  /** Gives its memory back once neither a name nor a handle is left. */
  reap(): void {}

  setTimes(atim: NewTime, mtim: NewTime, now: bigint): void {
    this.keep()
    this.atim = atim ?? this.atim
    this.mtim = mtim ?? this.mtim
    this.ctim = now
  }

  modified(now: bigint): void {
    this.mtim = this.ctim = now
  }

  /** As Linux does by default (relatime): the first read after a change is marked. In an overlay only for what is made there. */
  accessed({ readonly, clock }: Access): void {
    if (this.atim <= this.mtim && !readonly && this.origin === undefined) this.atim = timeOf(clock)
  }
}

export class FileNode extends Node {
  override readonly type: FileType = FileType.RegularFile
  /** The contents, with room to grow. What lies behind `size` is zero. */
  #data: Uint8Array = EMPTY

  read(target: Uint8Array, position: number): number {
    const part = this.#data.subarray(position, Math.min(this.size, position + target.length))
    target.set(part)
    return part.length
  }

  /** As many bytes as there is room for; a gap before `position` is zero. */
  write(source: Uint8Array, position: number): number {
    if (source.length === 0) return 0
    const end = Math.min(
      position + source.length,
      Math.max(this.size, this.size + this.volume.maxBytes - this.volume.bytes),
    )
    if (end <= position) throw new WasiError(Errno.NoSpc)
    if (end > this.size) this.resize(end)
    this.#data.set(source.subarray(0, end - position), position)
    return end - position
  }

  resize(size: number): void {
    if (size <= this.size) {
      if (size < this.size) this.#data = this.#data.slice(0, size)
    } else if (size > this.#data.length) {
      if (size - this.size > this.volume.maxBytes - this.volume.bytes) throw new WasiError(Errno.NoSpc)
      const grown = allocate(Math.max(size, Math.min(2 * this.#data.length, this.volume.maxBytes)))
      grown.set(this.#data)
      this.#data = grown
    }
    this.volume.takeBytes(size - this.size)
    this.size = size
  }

  override reap(): void {
    if (this.nlink === 0 && this.opens === 0) this.resize(0)
  }
}

function allocate(size: number): Uint8Array {
  try {
    return new Uint8Array(size)
  } catch (error) {
    throw new WasiError(Errno.NoSpc, { cause: error })
  }
}

export class SymlinkNode extends Node {
  override readonly type = FileType.SymbolicLink
  readonly target: Uint8Array

  constructor(volume: Volume, now: bigint, target: Uint8Array, origin?: Origin) {
    super(volume, now, origin)
    if (origin === undefined) volume.takeBytes(target.length)
    this.target = target
    this.size = target.length
  }

  override reap(): void {
    if (this.nlink === 0 && this.origin === undefined) this.volume.bytes -= this.size
  }
}

export class DirectoryNode extends Node {
  override readonly type = FileType.Directory
  /** Undefined for the root. */
  parent: DirectoryNode | undefined
  removed = false
  readonly children = new Map<string, Node>()

  constructor(volume: Volume, now: bigint, origin?: Origin) {
    super(volume, now, origin)
    // Some file systems of hosts do not count: 1.
    this.nlink = Math.max(this.nlink, 2)
  }

  lookup(name: string): Node | undefined {
    return this.children.get(name)
  }

  isEmpty(): boolean {
    return this.children.size === 0
  }

  entries(): DirectoryEntry[] {
    return Array.from(this.children, ([name, { ino, type }]) => ({ name: encoder.encode(name), ino, type }))
  }

  /** Whether the name is one of those that are capped: not one of the file system below an overlay. */
  counts(_name: string, _node: Node): boolean {
    return true
  }

  /** Gives `node` a name here, which is free. */
  attach(name: string, node: Node): void {
    this.children.set(name, node)
    this.volume.entries++
    if (node instanceof DirectoryNode) {
      node.parent = this
      this.nlink++
    } else node.nlink++
  }

  /** Takes the name from the node that has it. */
  detach(name: string, node: Node): void {
    if (this.counts(name, node)) this.volume.entries--
    this.children.delete(name)
    if (node instanceof DirectoryNode) this.nlink--
    else node.nlink--
  }
}
