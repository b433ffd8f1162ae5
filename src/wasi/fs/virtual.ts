// What JavaScript sees of a file system that is not a directory of the host.

import { isObject, requireFunction, requireObject, wrongType, wrongValue } from '../arguments.ts'
import { type Clock, systemClock } from '../clocks.ts'
import { Errno, errnoOf, WasiError } from '../errors.ts'
import { type Access, type DirectoryHandle, type FileHandle, type FileSystem, FileType } from './file-system.ts'
import { MemoryDirectory } from './memory.ts'
import { DirectoryNode, timeOf, Volume } from './nodes.ts'
import { decodePath, FOLLOW, MAX_PATH, walk } from './walk.ts'

/** A symlink in a tree of files. */
export class Symlink {
  /** A relative path: a guest cannot follow others. */
  readonly target: string

  constructor(target: string) {
    this.target = target
  }
}

/** A directory as an object: text or bytes of files, symlinks, directories by their names. */
export interface FileTree {
  readonly [name: string]: string | Uint8Array | Symlink | FileTree
}

export interface VirtualFileSystemOptions {
  /** Bytes of the files in memory together, 256 MiB by default; beyond, writes fail with `nospc`. */
  readonly maxBytes?: number
  /** Names that it has in memory, 65,536 by default; beyond, the creation of one fails with `nospc`. */
  readonly maxEntries?: number
  /** Whose time files get; by default that of the `WASI` whose guest changes them. */
  readonly clock?: Clock
}

const DEFAULT_MAX_BYTES = 256 * 2 ** 20
const DEFAULT_MAX_ENTRIES = 65_536

const encoder = new TextEncoder()

/** A file system that belongs to JavaScript. Guests get it as a preopen, several of them the same one if they are to share it. */
export abstract class VirtualFileSystem implements FileSystem {
  readonly #clock: Clock | undefined
  /** Overlays from here down: 0 in memory. */
  readonly depth: number
  protected readonly volume: Volume

  constructor(options: VirtualFileSystemOptions, depth: number) {
    const given = requireObject(options, 'options')
    if (given.clock !== undefined) requireFunction(requireObject(given.clock, 'options.clock').now, 'options.clock.now')
    this.#clock = options.clock
    this.depth = depth
    this.volume = new Volume(
      cap(given.maxBytes, 'options.maxBytes', DEFAULT_MAX_BYTES),
      cap(given.maxEntries, 'options.maxEntries', DEFAULT_MAX_ENTRIES),
      depth,
    )
  }

  protected abstract root(now: bigint): DirectoryNode

  /** For the class `WASI`: a handle of the root. */
  open({ readonly, clock }: Access): DirectoryHandle {
    const access = { readonly, clock: this.#clock ?? clock }
    return new MemoryDirectory(this.root(timeOf(access.clock)), access)
  }

  /** Bytes of its files in memory, and names: what the caps count. */
  get usage(): { readonly bytes: number; readonly entries: number } {
    const { bytes, entries } = this.volume
    return { bytes, entries }
  }

  /**
   * The bytes of a file. The path is relative to the root, whether or not it begins with a slash.
   *
   * @throws WasiError with the `code` `noent`, `isdir` and others.
   */
  readFile(path: string): Uint8Array {
    return this.#within(path, (root, relative) => {
      const file = openFile(root, relative, { write: false, create: false })
      try {
        return readAll(file)
      } finally {
        file.close()
      }
    })
  }

  /**
   * Makes or replaces a file, and makes the directories that it lies in.
   *
   * @throws WasiError with the `code` `nospc`, `isdir`, `notdir` and others.
   */
  writeFile(path: string, data: string | Uint8Array): void {
    const bytes = bytesOf(data)
    if (bytes === undefined) throw wrongType('data', 'of type string or an instance of Uint8Array', data)
    this.#within(path, (root, relative) => {
      for (let slash = relative.indexOf('/'); slash >= 0; slash = relative.indexOf('/', slash + 1))
        makeDirectory(root, relative.slice(0, slash))
      const file = openFile(root, relative, { write: true, create: true })
      try {
        // Whether there is room, while the old contents are still there.
        file.setSize(bytes.length)
        writeAll(file, bytes)
      } finally {
        file.close()
      }
    })
  }

  /**
   * All of it, as the constructor of MemoryFileSystem takes it: copies of the files' bytes, of hard links one for each name.
   *
   * @throws WasiError for what has no such form: `ilseq` for a name below an overlay that is no UTF-8, `notsup` for a device there,
   *   `nametoolong` for a path beyond 4,096 bytes.
   */
  tree(): FileTree {
    return this.#within('/', (root) => treeOf(root))
  }

  #within<T>(path: string, run: (root: DirectoryHandle, relative: string) => T): T {
    if (typeof path !== 'string') throw wrongType('path', 'of type string', path)
    const root = this.open({ readonly: false, clock: systemClock })
    try {
      const relative = path.replace(/^\/+/, '')
      return run(root, decodePath(encoder.encode(relative)))
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === undefined) throw error
      throw new WasiError(errno, { path, cause: error })
    } finally {
      root.close()
    }
  }
}

/** Files in memory. What guests left in it is read with `readFile` and `tree`. */
export class MemoryFileSystem extends VirtualFileSystem {
  readonly #root: DirectoryNode

  /**
   * @param tree what it contains at first; copied.
   * @throws TypeError with `code` for a tree or options of another form; WasiError `nospc` for a tree beyond the caps.
   */
  constructor(tree: FileTree = {}, options: VirtualFileSystemOptions = {}) {
    super(options, 0)
    this.#root = new DirectoryNode(this.volume, timeOf(options.clock ?? systemClock))
    requireObject(tree, 'tree')
    const root = this.open({ readonly: false, clock: systemClock })
    try {
      fill(root, tree, 'tree')
    } finally {
      root.close()
    }
  }

  protected override root(): DirectoryNode {
    return this.#root
  }
}

function cap(value: unknown, name: string, otherwise: number): number {
  if (value === undefined) return otherwise
  if (typeof value !== 'number') throw wrongType(name, 'of type number', value)
  if (!Number.isSafeInteger(value) || value < 0) throw wrongValue(name, 'must be an integer >= 0', value)
  return value
}

const bytesOf = (data: unknown): Uint8Array | undefined =>
  typeof data === 'string' ? encoder.encode(data) : data instanceof Uint8Array ? data : undefined

function openFile(root: DirectoryHandle, path: string, mode: { write: boolean; create: boolean }): FileHandle {
  return walk(root, path, (directory, name, slash) => {
    if (slash) throw new WasiError(Errno.IsDir)
    const { write, create } = mode
    if (name !== '.') {
      const type = typeIn(directory, name)
      if (type === FileType.SymbolicLink) return FOLLOW
    }
    const opened = directory.open(name, {
      read: true,
      write,
      create,
      exclusive: false,
      truncate: false,
      directory: false,
    })
    if (opened.kind === 'file') return opened
    opened.close()
    throw new WasiError(Errno.IsDir)
  })
}

function typeIn(directory: DirectoryHandle, name: string): FileType | undefined {
  try {
    return directory.stat(name).type
  } catch (error) {
    if (errnoOf(error) === Errno.NoEnt) return undefined
    throw error
  }
}

function makeDirectory(root: DirectoryHandle, path: string): void {
  if (path === '') return
  walk(root, path, (directory, name) => {
    if (name !== '.' && typeIn(directory, name) === undefined) directory.createDirectory(name)
  })
}

export function readAll(file: FileHandle): Uint8Array {
  const bytes = new Uint8Array(Number(file.stat().size))
  let at = 0
  for (let count = 1; at < bytes.length && count > 0; at += count) count = file.read(bytes.subarray(at), at)
  return bytes.subarray(0, at)
}

function writeAll(file: FileHandle, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.write(bytes.subarray(at), at)
}

/** `length` is that of the directory's path: `nametoolong` for what no path can name. It also bounds the recursion. */
function treeOf(directory: DirectoryHandle, length = 0): FileTree {
  if (length > MAX_PATH) throw new WasiError(Errno.NameTooLong)
  const tree: [string, FileTree[string]][] = []
  for (const { name: bytes, type } of directory.entries()) {
    const name = decodePath(bytes)
    if (type === FileType.SymbolicLink) tree.push([name, new Symlink(decodePath(directory.readlink(name)))])
    else {
      const mode = { read: true, write: false, create: false, exclusive: false, truncate: false, directory: false }
      const opened = directory.open(name, mode)
      try {
        tree.push([name, opened.kind === 'file' ? readAll(opened) : treeOf(opened, length + bytes.length + 1)])
      } finally {
        opened.close()
      }
    }
  }
  return Object.fromEntries(tree)
}

/** `path` is that of the object, for errors. */
function fill(directory: DirectoryHandle, tree: FileTree, path: string): void {
  for (const [name, value] of Object.entries(tree)) {
    const at = `${path}.${name}`
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || !isWellFormed(name))
      throw wrongValue(path, 'must have names of one component', name)
    try {
      put(directory, name, value, at)
    } catch (error) {
      if (error instanceof WasiError && error.cause === undefined)
        throw new WasiError(error.errno, { path: at, cause: error })
      throw error
    }
  }
}

function put(directory: DirectoryHandle, name: string, value: unknown, at: string): void {
  const bytes = bytesOf(value)
  if (bytes !== undefined) {
    const file = openFile(directory, name, { write: true, create: true })
    try {
      writeAll(file, bytes)
    } finally {
      file.close()
    }
  } else if (value instanceof Symlink) directory.symlink(encoder.encode(value.target), name)
  else {
    if (!isObject(value) || Array.isArray(value) || ArrayBuffer.isView(value))
      throw wrongType(at, 'of type string or object, or an instance of Uint8Array or Symlink', value)
    directory.createDirectory(name)
    const child = directory.directory(name)
    try {
      fill(child, value as FileTree, at)
    } finally {
      child.close()
    }
  }
}

/** A lone surrogate has no UTF-8. */
const isWellFormed = (name: string): boolean => !/\p{Surrogate}/u.test(name)
