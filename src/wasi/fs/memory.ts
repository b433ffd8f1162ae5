// Handles of files and directories in memory: the operations of POSIX on the nodes of nodes.ts.

import { Errno, WasiError } from '../errors.ts'
import {
  type Access,
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  type FileStat,
  FileType,
  type NewTime,
  type OpenMode,
} from './file-system.ts'
import { DirectoryNode, FileNode, Node, SymlinkNode, timeOf } from './nodes.ts'

/** Bytes of a name; as Linux. */
const MAX_NAME = 255

const encoder = new TextEncoder()

export class MemoryDirectory implements DirectoryHandle {
  readonly kind = 'directory'
  readonly #node: DirectoryNode
  readonly #access: Access

  constructor(node: DirectoryNode, access: Access) {
    node.retain()
    this.#node = node
    this.#access = access
  }

  #now(): bigint {
    return timeOf(this.#access.clock)
  }

  /** The node that is to change: `rofs`. */
  #change(): DirectoryNode {
    if (this.#access.readonly) throw new WasiError(Errno.RoFs)
    return this.#node
  }

  #find(name: string): Node | undefined {
    if (name === '.') return this.#node
    // A code unit is up to three bytes.
    if (name.length * 3 > MAX_NAME && encoder.encode(name).length > MAX_NAME) throw new WasiError(Errno.NameTooLong)
    return this.#node.lookup(name)
  }

  #get(name: string): Node {
    const node = this.#find(name)
    if (node === undefined) throw new WasiError(Errno.NoEnt)
    return node
  }

  /** Before a name is made: `exist`, `noent` in a directory that was removed, `nospc`. */
  #requireFree(name: string): DirectoryNode {
    const node = this.#change()
    if (this.#find(name) !== undefined) throw new WasiError(Errno.Exist)
    if (node.removed) throw new WasiError(Errno.NoEnt)
    node.volume.requireEntry()
    return node
  }

  #add(name: string, node: Node, now: bigint): void {
    this.#node.attach(name, node)
    this.#node.modified(now)
  }

  /** Takes the name from a node, which may end with that. */
  #drop(name: string, node: Node, now: bigint): void {
    this.#node.detach(name, node)
    this.#node.modified(now)
    node.ctim = now
    if (node instanceof DirectoryNode) {
      node.removed = true
      node.nlink = 0
    }
    node.reap()
  }

  stat(name: string): FileStat {
    return this.#get(name).stat()
  }

  directory(name: string): DirectoryHandle {
    const node = this.#get(name)
    if (!(node instanceof DirectoryNode)) throw new WasiError(Errno.NotDir)
    return new MemoryDirectory(node, this.#access)
  }

  open(name: string, mode: OpenMode): FileHandle | DirectoryHandle {
    const changes = mode.write || mode.truncate
    if (this.#access.readonly && (changes || mode.exclusive)) throw new WasiError(Errno.RoFs)
    // What exists may be opened with `create` there.
    const create = mode.create && !this.#access.readonly
    const node = this.#find(name)
    if (node === undefined) {
      if (!create) throw new WasiError(Errno.NoEnt)
      const { volume } = this.#requireFree(name)
      const now = this.#now()
      const file = new FileNode(volume, now)
      this.#add(name, file, now)
      return new MemoryFile(file, this.#access)
    }
    if (mode.exclusive) throw new WasiError(Errno.Exist)
    if (node instanceof DirectoryNode) {
      if (changes || create) throw new WasiError(Errno.IsDir)
      return new MemoryDirectory(node, this.#access)
    }
    if (node instanceof SymlinkNode) throw new WasiError(Errno.Loop)
    if (mode.directory) throw new WasiError(Errno.NotDir)
    // A device or a pipe that an overlay covers: who writes to it would change what lies below.
    if (!(node instanceof FileNode)) throw new WasiError(Errno.NotSup)
    if (mode.truncate) {
      node.keep()
      node.resize(0)
      node.modified(this.#now())
    }
    return new MemoryFile(node, this.#access)
  }

  readlink(name: string): Uint8Array {
    const node = this.#get(name)
    if (!(node instanceof SymlinkNode)) throw new WasiError(Errno.Inval)
    node.accessed(this.#access)
    return node.target
  }

  createDirectory(name: string): void {
    const { volume } = this.#requireFree(name)
    const now = this.#now()
    this.#add(name, new DirectoryNode(volume, now), now)
  }

  removeDirectory(name: string): void {
    this.#change()
    const node = this.#get(name)
    if (!(node instanceof DirectoryNode)) throw new WasiError(Errno.NotDir)
    if (!node.isEmpty()) throw new WasiError(Errno.NotEmpty)
    this.#drop(name, node, this.#now())
  }

  unlink(name: string): void {
    this.#change()
    const node = this.#get(name)
    if (node instanceof DirectoryNode) throw new WasiError(Errno.IsDir)
    this.#drop(name, node, this.#now())
  }

  symlink(target: Uint8Array, name: string): void {
    const { volume } = this.#requireFree(name)
    const now = this.#now()
    this.#add(name, new SymlinkNode(volume, now, target.slice()), now)
  }

  link(name: string, target: DirectoryHandle, newName: string): void {
    this.#change()
    const node = this.#get(name)
    if (node instanceof DirectoryNode) throw new WasiError(Errno.Perm)
    const into = this.#same(target)
    into.#requireFree(newName)
    node.keep()
    const now = this.#now()
    into.#add(newName, node, now)
    node.ctim = now
  }

  rename(name: string, target: DirectoryHandle, newName: string): void {
    this.#change()
    const into = this.#same(target)
    into.#change()
    const node = this.#get(name)
    const replaced = into.#find(newName)
    if (node instanceof DirectoryNode && isWithin(into.#node, node)) throw new WasiError(Errno.Inval)
    if (into.#node.removed) throw new WasiError(Errno.NoEnt)
    if (replaced !== undefined) {
      // Two names of one file: POSIX leaves both.
      if (node.isSame(replaced)) return
      // As Linux: what the name lies in is not empty, whatever the name is of.
      if (isWithin(this.#node, replaced)) throw new WasiError(Errno.NotEmpty)
      requireReplaceable(node, replaced)
    }
    // A counted name that goes makes room for the one that comes.
    if (!this.#node.counts(name, node)) this.#node.volume.requireEntry()
    node.keep()
    const now = this.#now()
    if (replaced !== undefined) into.#drop(newName, replaced, now)
    this.#node.detach(name, node)
    this.#node.modified(now)
    into.#add(newName, node, now)
    node.ctim = now
  }

  setTimes(name: string, atim: NewTime, mtim: NewTime): void {
    this.#change()
    this.#get(name).setTimes(atim, mtim, this.#now())
  }

  entries(): DirectoryEntry[] {
    this.#node.accessed(this.#access)
    return this.#node.entries()
  }

  sync(): void {}

  close(): void {
    this.#node.release()
  }

  /** A handle of the same tree: `xdev`. */
  #same(other: DirectoryHandle): MemoryDirectory {
    if (other instanceof MemoryDirectory && other.#node.volume === this.#node.volume) return other
    throw new WasiError(Errno.XDev)
  }
}

/** Whether `directory` is `node` or lies in it. */
function isWithin(directory: DirectoryNode | undefined, node: Node): boolean {
  let at = directory
  while (at !== undefined && !at.isSame(node)) at = at.parent
  return at !== undefined
}

/** Whether a rename may put `node` in the place of `replaced`. */
function requireReplaceable(node: Node, replaced: Node): void {
  if (!(replaced instanceof DirectoryNode)) {
    if (node instanceof DirectoryNode) throw new WasiError(Errno.NotDir)
    return
  }
  if (!(node instanceof DirectoryNode)) throw new WasiError(Errno.IsDir)
  if (!replaced.isEmpty()) throw new WasiError(Errno.NotEmpty)
}

class MemoryFile implements FileHandle {
  readonly kind = 'file'
  readonly type = FileType.RegularFile
  readonly #node: FileNode
  readonly #access: Access

  constructor(node: FileNode, access: Access) {
    node.retain()
    this.#node = node
    this.#access = access
  }

  stat(): FileStat {
    return this.#node.stat()
  }

  read(target: Uint8Array, position: number | null): number {
    const count = this.#node.read(target, position!)
    this.#node.accessed(this.#access)
    return count
  }

  write(source: Uint8Array, position: number | null): number {
    const count = this.#node.write(source, position!)
    if (count > 0) this.#node.modified(timeOf(this.#access.clock))
    return count
  }

  append(source: Uint8Array): number {
    return this.write(source, this.#node.size)
  }

  setSize(size: number): void {
    this.#node.resize(size)
    this.#node.modified(timeOf(this.#access.clock))
  }

  setTimes(atim: NewTime, mtim: NewTime): void {
    if (this.#access.readonly) throw new WasiError(Errno.RoFs)
    this.#node.setTimes(atim, mtim, timeOf(this.#access.clock))
  }

  sync(): void {}

  close(): void {
    this.#node.release()
  }
}
