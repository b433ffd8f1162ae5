// Copy-on-write: a tree in memory over another file system, which is never changed.
//
// A name that nothing was done to is looked up below each time. A node is kept while a handle or a change refers to it, as a child of
// its directory. A name below that is removed or replaced has a whiteout, for good. A file's contents are copied up before they change.
// Whatever a node is called here, it is read at the place below where it was found.

import { resolve } from 'node:path'
import { wrongType } from '../arguments.ts'
import { systemClock } from '../clocks.ts'
import { Errno, errnoOf, WasiError } from '../errors.ts'
import {
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  type FileStat,
  type FileSystem,
  FileType,
} from './file-system.ts'
import { openHostDirectory } from './host.ts'
import { DirectoryNode, FileNode, Node, type Origin, SymlinkNode, type Volume } from './nodes.ts'
import { VirtualFileSystem, type VirtualFileSystemOptions } from './virtual.ts'

const READ = { read: true, write: false, create: false, exclusive: false, truncate: false, directory: false }
/** Bytes that are copied up at a time. */
const COPY_BYTES = 65_536

/** What the nodes of an overlay share beside their volume: those kept that have several names below, by device and number. */
type Linked = Map<string, Node>

/** A name in a directory below. */
class Place implements Origin {
  readonly directory: OverlayDirectory
  readonly name: string
  readonly stat: FileStat
  /** Whether the node has this name in the overlay too. */
  present = true
  #changed = false

  constructor(directory: OverlayDirectory, name: string, stat: FileStat) {
    this.directory = directory
    this.name = name
    this.stat = stat
  }

  /** Other names of the same file find the same node by this. */
  get linkKey(): string | undefined {
    const { type, nlink, dev, ino } = this.stat
    return type !== FileType.Directory && nlink > 1n ? `${dev}:${ino}` : undefined
  }

  is(directory: DirectoryNode, name: string): boolean {
    return this.present && this.directory === directory && this.name === name
  }

  keep(node: Node, changes: boolean): void {
    this.#changed ||= changes
    if (this.present) this.directory.children.set(this.name, node)
    if (this.linkKey !== undefined) this.directory.linked.set(this.linkKey, node)
  }

  release(node: Node): void {
    if (this.#changed || node.opens > 0 || (node instanceof DirectoryNode && node.children.size > 0)) return
    if (this.present) this.directory.children.delete(this.name)
    if (this.linkKey !== undefined) this.directory.linked.delete(this.linkKey)
    this.directory.origin?.release(this.directory)
  }
}

const placeOf = (node: Node): Place | undefined => (node.origin instanceof Place ? node.origin : undefined)

class OverlayDirectory extends DirectoryNode {
  readonly linked: Linked
  /** Names below that are gone, or covered by a child. */
  readonly #whiteouts = new Set<string>()
  readonly #openBelow: () => DirectoryHandle
  /** The directory below, while it is used. */
  #below: DirectoryHandle | undefined
  #users = 0

  constructor(volume: Volume, linked: Linked, stat: FileStat, from: Place | FileSystem) {
    super(volume, stat.ctim, from instanceof Place ? from : { stat, keep() {}, release() {} })
    this.linked = linked
    this.#openBelow =
      from instanceof Place
        ? () => from.directory.withBelow((below) => below.directory(from.name))
        : () => from.open({ readonly: true, clock: systemClock })
  }

  withBelow<T>(run: (below: DirectoryHandle) => T): T {
    this.#acquire()
    try {
      return run(this.#below!)
    } finally {
      this.#release()
    }
  }

  #acquire(): void {
    this.#below ??= this.#openBelow()
    this.#users++
  }

  #release(): void {
    if (--this.#users > 0) return
    this.#below!.close()
    this.#below = undefined
  }

  override retain(): void {
    this.#acquire()
    super.retain()
  }

  override release(): void {
    super.release()
    this.#release()
  }

  override lookup(name: string): Node | undefined {
    const child = this.children.get(name)
    if (child !== undefined || this.#whiteouts.has(name)) return child
    return this.withBelow((below) => {
      const stat = statBelow(below, name)
      return stat === undefined ? undefined : this.#nodeOf(below, name, stat)
    })
  }

  #nodeOf(below: DirectoryHandle, name: string, stat: FileStat): Node {
    const place = new Place(this, name, stat)
    const { volume, linked } = this
    const same = place.linkKey === undefined ? undefined : linked.get(place.linkKey)
    if (same !== undefined) return same
    if (stat.type === FileType.Directory) {
      const directory = new OverlayDirectory(volume, linked, stat, place)
      directory.parent = this
      return directory
    }
    if (stat.type === FileType.RegularFile) return new OverlayFile(volume, stat, place)
    if (stat.type === FileType.SymbolicLink) return new SymlinkNode(volume, stat.ctim, below.readlink(name), place)
    return new SpecialNode(volume, stat, place)
  }

  override isEmpty(): boolean {
    return this.children.size === 0 && this.#entriesBelow().length === 0
  }

  override entries(): DirectoryEntry[] {
    return [...super.entries(), ...this.#entriesBelow()]
  }

  #entriesBelow(): DirectoryEntry[] {
    // A name that is no UTF-8 cannot be the guest's to cover; what it decodes to has a replacement character and may be.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    return this.withBelow((below) =>
      below.entries().filter(({ name: bytes }) => {
        try {
          const name = decoder.decode(bytes)
          return !this.children.has(name) && !this.#whiteouts.has(name)
        } catch {
          return true
        }
      }),
    )
  }

  override counts(name: string, node: Node): boolean {
    return this.children.get(name) === node && placeOf(node)?.is(this, name) !== true
  }

  override attach(name: string, node: Node): void {
    this.keep()
    super.attach(name, node)
  }

  override detach(name: string, node: Node): void {
    this.keep()
    // Its other names are to know.
    if (node.nlink > 1) node.keep()
    if (!this.#whiteouts.has(name) && this.withBelow((below) => statBelow(below, name)) !== undefined)
      this.#whiteouts.add(name)
    super.detach(name, node)
    const place = placeOf(node)
    if (place?.is(this, name) === true) place.present = false
  }
}

function statBelow(below: DirectoryHandle, name: string): FileStat | undefined {
  try {
    return below.stat(name)
  } catch (error) {
    if (errnoOf(error) === Errno.NoEnt) return undefined
    throw error
  }
}

class OverlayFile extends FileNode {
  readonly #place: Place
  /** The contents are in memory; else they are below, and do not count in the volume. */
  #copied = false
  /** The file below, while it is open and not copied. */
  #below: FileHandle | undefined

  constructor(volume: Volume, stat: FileStat, place: Place) {
    super(volume, stat.ctim, place)
    this.#place = place
    this.size = Number(stat.size)
  }

  #openBelow(): FileHandle {
    const { directory, name } = this.#place
    const opened = directory.withBelow((below) => below.open(name, READ))
    if (opened.kind === 'file') return opened
    opened.close()
    throw new WasiError(Errno.Io)
  }

  override retain(): void {
    if (!this.#copied) this.#below ??= this.#openBelow()
    super.retain()
  }

  override release(): void {
    super.release()
    if (this.opens === 0) this.#closeBelow()
  }

  #closeBelow(): void {
    this.#below?.close()
    this.#below = undefined
  }

  override read(target: Uint8Array, position: number): number {
    return this.#below === undefined ? super.read(target, position) : this.#below.read(target, position)
  }

  override write(source: Uint8Array, position: number): number {
    if (source.length > 0) this.#copyUp(Infinity)
    return super.write(source, position)
  }

  override resize(size: number): void {
    this.#copyUp(size)
    super.resize(size)
  }

  override reap(): void {
    if (this.#copied) super.reap()
  }

  /** Takes the contents, or so many bytes of them, into memory. Without room for them nothing changes. */
  #copyUp(limit: number): void {
    if (this.#copied) return
    this.keep()
    const size = Math.min(this.size, limit)
    const below = this.#below ?? this.#openBelow()
    this.#below = below
    const before = this.size
    this.#copied = true
    this.size = 0
    try {
      super.resize(size)
      const buffer = new Uint8Array(Math.min(size, COPY_BYTES))
      for (let at = 0; at < size;) {
        const count = below.read(buffer.subarray(0, size - at), at)
        if (count === 0) break
        at += super.write(buffer.subarray(0, count), at)
      }
    } catch (error) {
      super.resize(0)
      this.#copied = false
      this.size = before
      if (this.opens === 0) this.#closeBelow()
      throw error
    }
    this.#closeBelow()
  }
}

/** A device, pipe or socket below: it is seen and can be removed, not opened. */
class SpecialNode extends Node {
  override readonly type: FileType

  constructor(volume: Volume, stat: FileStat, place: Place) {
    super(volume, stat.ctim, place)
    this.type = stat.type
  }
}

/**
 * Copy-on-write over a directory of the host or over another file system, which is never changed: what guests write, make, rename and
 * remove is in memory.
 */
export class OverlayFileSystem extends VirtualFileSystem {
  readonly #lower: FileSystem
  #root: OverlayDirectory | undefined

  /**
   * @param lower a path of the host, or a file system.
   * @throws TypeError with `code` for arguments of another form. A directory that cannot be opened is an error when it is first used.
   */
  constructor(lower: string | FileSystem, options: VirtualFileSystemOptions = {}) {
    super(options, 1 + (lower instanceof VirtualFileSystem ? lower.depth : 0))
    if (typeof lower === 'string') {
      const path = resolve(lower)
      this.#lower = { open: () => openHostDirectory(path, true) }
    } else if (typeof lower?.open === 'function') this.#lower = lower
    else throw wrongType('lower', 'of type string or a file system', lower)
  }

  protected override root(): DirectoryNode {
    if (this.#root === undefined) {
      const below = this.#lower.open({ readonly: true, clock: systemClock })
      try {
        this.#root = new OverlayDirectory(this.volume, new Map(), below.stat('.'), this.#lower)
      } finally {
        below.close()
      }
    }
    return this.#root
  }
}
