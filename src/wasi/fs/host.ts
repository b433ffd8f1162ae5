// A directory of the host as a file system.
//
// On Linux an open directory is a descriptor N, and its entry is `/proc/self/fd/N/name`: the kernel starts at the directory that is open,
// whatever became of its path, so each step is openat(2) in effect; O_NOFOLLOW keeps it from following a symlink. Elsewhere a directory
// is its path, and an lstat before each step looks for symlinks: a process that swaps a directory for a symlink between the two steps
// can lead a guest out of its preopen there.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  type BigIntStats,
  utimesSync,
  writeSync,
} from 'node:fs'
import { Errno, WasiError } from '../errors.ts'
import {
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  type FileStat,
  FileType,
  type NewTime,
  type OpenMode,
} from './file-system.ts'

const LINUX = process.platform === 'linux'
/** Linux's, the same on x86-64 and ARM64: a descriptor that only names the directory. */
const O_PATH = 0x20_0000
const O_CLOEXEC = 0x8_0000
const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
const OPEN_DIRECTORY = constants.O_RDONLY | O_DIRECTORY | O_NOFOLLOW | (LINUX ? O_PATH | O_CLOEXEC : 0)
/** Without O_NONBLOCK the opening of a pipe by name would wait for its other end. */
const OPEN_FILE = O_NOFOLLOW | O_NONBLOCK

/** Opens a directory of the host for guests. The path may lead through symlinks: it is the host's. */
export function openHostDirectory(path: string, readonly = false): DirectoryHandle {
  if (!LINUX) {
    if (!lstatSync(`${path}/.`).isDirectory()) throw new WasiError(Errno.NotDir)
    return new HostDirectory(path, undefined, readonly)
  }
  return directoryOf(openSync(path, OPEN_DIRECTORY & ~O_NOFOLLOW), readonly)
}

const directoryOf = (fd: number, readonly: boolean): HostDirectory =>
  new HostDirectory(`/proc/self/fd/${fd}`, fd, readonly)

class HostDirectory implements DirectoryHandle {
  readonly kind = 'directory'
  readonly #path: string
  /** Undefined where directories are paths. */
  readonly #fd: number | undefined
  readonly #readonly: boolean

  constructor(path: string, fd: number | undefined, readonly: boolean) {
    this.#path = path
    this.#fd = fd
    this.#readonly = readonly
  }

  #entry(name: string): string {
    // On Windows more characters than a slash make a path of a name.
    if (process.platform === 'win32' && /[\\:]/.test(name)) throw new WasiError(Errno.Inval)
    return `${this.#path}/${name}`
  }

  #change(name: string): string {
    if (this.#readonly) throw new WasiError(Errno.RoFs)
    return this.#entry(name)
  }

  stat(name: string): FileStat {
    return toStat(lstatSync(this.#entry(name), { bigint: true }))
  }

  directory(name: string): DirectoryHandle {
    const path = this.#entry(name)
    if (LINUX) return directoryOf(openSync(path, OPEN_DIRECTORY), this.#readonly)
    if (!lstatSync(path).isDirectory()) throw new WasiError(Errno.NotDir)
    return new HostDirectory(path, undefined, this.#readonly)
  }

  open(name: string, mode: OpenMode): FileHandle | DirectoryHandle {
    const path = this.#entry(name)
    const changes = mode.write || mode.truncate
    if (this.#readonly && (changes || mode.create)) {
      // What exists may be opened with `create`, if it is not to be changed.
      if (changes || mode.exclusive) throw new WasiError(Errno.RoFs)
      return this.open(name, { ...mode, create: false })
    }
    if (!LINUX) {
      const stat = lstatSync(path, { throwIfNoEntry: false })
      if (stat?.isSymbolicLink() && !mode.exclusive) throw new WasiError(Errno.Loop)
      if (stat?.isDirectory() && !mode.write && !mode.exclusive)
        return new HostDirectory(path, undefined, this.#readonly)
    }
    const flags =
      OPEN_FILE |
      (mode.write ? (mode.read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY) |
      (mode.create ? constants.O_CREAT : 0) |
      (mode.exclusive ? constants.O_EXCL : 0) |
      (mode.truncate ? constants.O_TRUNC : 0) |
      (mode.directory ? O_DIRECTORY : 0)
    const fd = openSync(path, flags, 0o666)
    try {
      const type = typeOf(fstatSync(fd))
      if (type === FileType.Directory) return directoryOf(fd, this.#readonly)
      return new HostFile(fd, type, this.#readonly)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  readlink(name: string): Uint8Array {
    return readlinkSync(this.#entry(name), 'buffer') as unknown as Uint8Array
  }

  createDirectory(name: string): void {
    mkdirSync(this.#change(name))
  }

  removeDirectory(name: string): void {
    rmdirSync(this.#change(name))
  }

  unlink(name: string): void {
    const path = this.#change(name)
    // POSIX leaves the code to the system.
    if (!LINUX && lstatSync(path).isDirectory()) throw new WasiError(Errno.IsDir)
    unlinkSync(path)
  }

  symlink(target: Uint8Array, name: string): void {
    symlinkSync(Buffer.from(target), this.#change(name))
  }

  link(name: string, target: DirectoryHandle, newName: string): void {
    // A second name elsewhere would make a file of a read-only preopen writable.
    linkSync(this.#change(name), hostDirectory(target).#change(newName))
  }

  rename(name: string, target: DirectoryHandle, newName: string): void {
    renameSync(this.#change(name), hostDirectory(target).#change(newName))
  }

  setTimes(name: string, atim: NewTime, mtim: NewTime): void {
    const path = this.#change(name)
    const [a, m] = newTimes(atim, mtim, () => this.stat(name))
    if (name === '.') utimesSync(path, a, m)
    else lutimesSync(path, a, m)
  }

  entries(): DirectoryEntry[] {
    const entries = readdirSync(`${this.#path}/.`, { encoding: 'buffer' as 'utf8', withFileTypes: true })
    return entries.map((entry) => {
      const name = entry.name as unknown as Buffer
      // A name that vanished meanwhile is listed as the system listed it.
      const stat = lstatSync(Buffer.concat([Buffer.from(`${this.#path}/`), name]), {
        bigint: true,
        throwIfNoEntry: false,
      })
      return { name, ino: stat?.ino ?? 0n, type: typeOf(entry) }
    })
  }

  sync(): void {
    const fd = openSync(`${this.#path}/.`, constants.O_RDONLY | O_DIRECTORY)
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
  }
}

function hostDirectory(directory: DirectoryHandle): HostDirectory {
  if (directory instanceof HostDirectory) return directory
  throw new WasiError(Errno.XDev)
}

/** A descriptor of the host that is not a directory; owned, unless it is one of the process's own. */
export class HostFile implements FileHandle {
  readonly kind = 'file'
  readonly type: FileType
  readonly #fd: number
  readonly #readonly: boolean
  readonly #owned: boolean
  /** The same file open for appending, once it was needed: the system finds the end and writes there in one step. */
  #appending: number | undefined

  constructor(fd: number, type: FileType, readonly = false, owned = true) {
    this.#fd = fd
    this.type = type
    this.#readonly = readonly
    this.#owned = owned
  }

  stat(): FileStat {
    return toStat(fstatSync(this.#fd, { bigint: true }))
  }

  read(target: Uint8Array, position: number | null): number {
    try {
      return readSync(this.#fd, target, 0, target.length, position)
    } catch (error) {
      // Windows' end of a pipe.
      if ((error as NodeJS.ErrnoException).code === 'EOF') return 0
      throw error
    }
  }

  write(source: Uint8Array, position: number | null): number {
    return writeSync(this.#fd, source, 0, source.length, position)
  }

  append(source: Uint8Array): number {
    if (!LINUX) return writeSync(this.#fd, source, 0, source.length, fstatSync(this.#fd).size)
    this.#appending ??= openSync(`/proc/self/fd/${this.#fd}`, constants.O_WRONLY | constants.O_APPEND)
    return writeSync(this.#appending, source, 0, source.length, null)
  }

  setSize(size: number): void {
    ftruncateSync(this.#fd, size)
  }

  setTimes(atim: NewTime, mtim: NewTime): void {
    if (this.#readonly) throw new WasiError(Errno.RoFs)
    const [a, m] = newTimes(atim, mtim, () => this.stat())
    futimesSync(this.#fd, a, m)
  }

  sync(dataOnly: boolean): void {
    if (dataOnly) fdatasyncSync(this.#fd)
    else fsyncSync(this.#fd)
  }

  close(): void {
    if (this.#appending !== undefined) closeSync(this.#appending)
    if (this.#owned) closeSync(this.#fd)
  }
}

interface Typed {
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
  isCharacterDevice(): boolean
  isBlockDevice(): boolean
  isSocket(): boolean
}

export function typeOf(node: Typed): FileType {
  if (node.isFile()) return FileType.RegularFile
  if (node.isDirectory()) return FileType.Directory
  if (node.isSymbolicLink()) return FileType.SymbolicLink
  if (node.isCharacterDevice()) return FileType.CharacterDevice
  if (node.isBlockDevice()) return FileType.BlockDevice
  return node.isSocket() ? FileType.SocketStream : FileType.Unknown
}

const toStat = (stat: BigIntStats): FileStat => ({
  dev: stat.dev,
  ino: stat.ino,
  type: typeOf(stat),
  nlink: stat.nlink,
  size: stat.size,
  atim: stat.atimeNs,
  mtim: stat.mtimeNs,
  ctim: stat.ctimeNs,
})

/** Node takes seconds as numbers: exact to about half a microsecond today. */
function newTimes(atim: NewTime, mtim: NewTime, present: () => FileStat): [number, number] {
  const old = atim === undefined || mtim === undefined ? present() : undefined
  return [Number(atim ?? old!.atim) / 1e9, Number(mtim ?? old!.mtim) / 1e9]
}
