// What the layers above need of a file system. Every operation is on one name in an open directory and follows no symlink: the path
// walk (walk.ts) is made of such steps, so it can leave no directory that it does not hold.
//
// A name is one component: not empty, no slash, no NUL, not `..`; `.` is the directory itself where an operation says so. Times are
// nanoseconds since 1970. Operations throw a WasiError or the host's error of a system call (errors.ts: errnoOf).

import type { Clock } from '../clocks.ts'

/** As preview 1 numbers them. */
export const enum FileType {
  Unknown = 0,
  BlockDevice = 1,
  CharacterDevice = 2,
  Directory = 3,
  RegularFile = 4,
  SocketDgram = 5,
  SocketStream = 6,
  SymbolicLink = 7,
}

export interface FileStat {
  readonly dev: bigint
  readonly ino: bigint
  readonly type: FileType
  readonly nlink: bigint
  readonly size: bigint
  readonly atim: bigint
  readonly mtim: bigint
  readonly ctim: bigint
}

export interface DirectoryEntry {
  readonly name: Uint8Array
  readonly ino: bigint
  readonly type: FileType
}

export interface OpenMode {
  readonly read: boolean
  readonly write: boolean
  readonly create: boolean
  readonly exclusive: boolean
  readonly truncate: boolean
  /** What is opened must be a directory. */
  readonly directory: boolean
}

/** A new time; undefined leaves it as it is. */
export type NewTime = bigint | undefined

export interface FileHandle {
  readonly kind: 'file'
  readonly type: FileType
  stat(): FileStat
  /** Bytes that were read: 0 at the end. A position of null is that of a stream. */
  read(target: Uint8Array, position: number | null): number
  write(source: Uint8Array, position: number | null): number
  /** Writes at the end, wherever that is by then. */
  append(source: Uint8Array): number
  setSize(size: number): void
  setTimes(atim: NewTime, mtim: NewTime): void
  sync(dataOnly: boolean): void
  close(): void
}

export interface DirectoryHandle {
  readonly kind: 'directory'
  /** Also of `.`. */
  stat(name: string): FileStat
  /** Opens a directory in it; `notdir` for anything else, a symlink too. */
  directory(name: string): DirectoryHandle
  /** Opens what is there, or creates a file; also `.`. `loop` for a symlink. */
  open(name: string, mode: OpenMode): FileHandle | DirectoryHandle
  /** `inval` if it is no symlink. */
  readlink(name: string): Uint8Array
  createDirectory(name: string): void
  removeDirectory(name: string): void
  unlink(name: string): void
  symlink(target: Uint8Array, name: string): void
  /** `xdev` if the target is of another file system. */
  link(name: string, target: DirectoryHandle, newName: string): void
  rename(name: string, target: DirectoryHandle, newName: string): void
  /** Also of `.`. */
  setTimes(name: string, atim: NewTime, mtim: NewTime): void
  /** Without `.` and `..`. */
  entries(): DirectoryEntry[]
  sync(): void
  close(): void
}

/** What a guest may do with a file system, and whose time its changes have. */
export interface Access {
  /** Changes are `rofs`. */
  readonly readonly: boolean
  readonly clock: Clock
}

/** A tree of files that a guest can be given. */
export interface FileSystem {
  /** Its root. */
  open(access: Access): DirectoryHandle
}
