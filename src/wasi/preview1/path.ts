// Functions on paths: path_*.

import { ALL_FD_FLAGS } from '../descriptors.ts'
import { Errno, errnoOf, WasiError } from '../errors.ts'
import { type DirectoryHandle, type FileHandle, type FileStat, FileType } from '../fs/file-system.ts'
import { decodePath, FOLLOW, requireName, statAt, walk } from '../fs/walk.ts'
import { ALL_RIGHTS, DIRECTORY_RIGHTS, FILE_RIGHTS, Right, STREAM_RIGHTS } from '../rights.ts'
import type { Context } from './context.ts'
import { directoryOf, writeStat } from './fd.ts'
import { newTimesOf } from './times.ts'

const enum OFlag {
  Creat = 1,
  Directory = 2,
  Excl = 4,
  Trunc = 8,
}

const SYMLINK_FOLLOW = 1

/** Rights that need the host's file open for writing. */
const WRITING = Right.FdWrite | Right.FdAllocate | Right.FdFilestatSetSize

function follows(lookup: number): boolean {
  if (lookup >>> 0 > SYMLINK_FOLLOW) throw new WasiError(Errno.Inval)
  return (lookup & SYMLINK_FOLLOW) !== 0
}

export function pathFunctions(c: Context) {
  const { descriptors, names } = c
  const directory = (fd: number, rights: number): DirectoryHandle => {
    const descriptor = descriptors.get(fd)
    const found = directoryOf(descriptor)
    if ((descriptor.base & rights) !== rights) throw new WasiError(Errno.NotCapable)
    return found
  }
  const path = (address: number, length: number): string => decodePath(c.guest.bytes(address, length))

  return {
    path_create_directory(fd: number, address: number, length: number): void {
      walk(directory(fd, Right.PathCreateDirectory), path(address, length), (dir, name) => {
        if (name === '.') throw new WasiError(Errno.Exist)
        made(names, dir, name, () => dir.createDirectory(name))
      })
    },
    path_filestat_get(fd: number, lookup: number, address: number, length: number, stat: number): void {
      const follow = follows(lookup)
      const start = directory(fd, Right.PathFilestatGet)
      c.guest.range(stat, 64)
      writeStat(
        c.guest,
        stat,
        walk(start, path(address, length), (dir, name, slash) => statAt(dir, name, follow, slash)),
      )
    },
    path_filestat_set_times(
      fd: number,
      lookup: number,
      address: number,
      length: number,
      atim: bigint,
      mtim: bigint,
      flags: number,
    ): void {
      const follow = follows(lookup)
      const start = directory(fd, Right.PathFilestatSetTimes)
      const [a, m] = newTimesOf(c.clock, atim, mtim, flags)
      walk(start, path(address, length), (dir, name, slash) => {
        if (statAt(dir, name, follow, slash) === FOLLOW) return FOLLOW
        dir.setTimes(name, a, m)
        return undefined
      })
    },
    path_link(
      fd: number,
      lookup: number,
      address: number,
      length: number,
      newFd: number,
      newAddress: number,
      newLength: number,
    ): void {
      const follow = follows(lookup)
      const start = directory(fd, Right.PathLinkSource)
      const newStart = directory(newFd, Right.PathLinkTarget)
      const newPath = path(newAddress, newLength)
      walk(start, path(address, length), (dir, name, slash) => {
        const stat = statAt(dir, name, follow, slash)
        if (stat === FOLLOW) return FOLLOW
        if (stat.type === FileType.Directory) throw new WasiError(Errno.Perm)
        walk(newStart, newPath, (newDir, newName, newSlash) => {
          if (newName === '.') throw new WasiError(Errno.Exist)
          if (newSlash) throw new WasiError(Errno.NoEnt)
          made(names, newDir, newName, () => dir.link(name, newDir, newName))
        })
        return undefined
      })
    },
    path_open(
      fd: number,
      lookup: number,
      address: number,
      length: number,
      oflags: number,
      base: bigint,
      inheriting: bigint,
      fdflags: number,
      opened: number,
    ): void {
      const follow = follows(lookup)
      if (oflags >>> 0 > 15 || fdflags >>> 0 > ALL_FD_FLAGS) throw new WasiError(Errno.Inval)
      const parent = descriptors.get(fd)
      const start = directory(
        fd,
        Right.PathOpen |
          ((oflags & OFlag.Creat) !== 0 ? Right.PathCreateFile : 0) |
          ((oflags & OFlag.Trunc) !== 0 ? Right.PathFilestatSetSize : 0),
      )
      const wanted = inherited(parent.inheriting, base)
      const wantedInheriting = inherited(parent.inheriting, inheriting)
      if ((oflags & OFlag.Directory) !== 0 && (oflags & (OFlag.Creat | OFlag.Excl | OFlag.Trunc)) !== 0)
        throw new WasiError(Errno.Inval)
      c.guest.range(opened, 4)
      descriptors.requireRoom()
      const asDirectory = (oflags & OFlag.Directory) !== 0
      const mode = {
        read: (wanted & (Right.FdRead | Right.FdReaddir)) !== 0,
        write: !asDirectory && (wanted & WRITING) !== 0,
        create: (oflags & OFlag.Creat) !== 0,
        exclusive: (oflags & (OFlag.Creat | OFlag.Excl)) === (OFlag.Creat | OFlag.Excl),
        truncate: (oflags & OFlag.Trunc) !== 0,
        directory: asDirectory,
      }
      const handle = walk(start, path(address, length), (dir, name, slash) =>
        slash ? openWithSlash(dir, name, mode) : open(dir, name, mode, follow, names),
      )
      c.guest.setU32(
        opened,
        descriptors.insert({
          handle,
          base: wanted & rightsFor(handle),
          inheriting: handle.kind === 'directory' ? wantedInheriting : 0,
          flags: fdflags,
          position: handle.kind === 'file' && handle.type === FileType.RegularFile ? 0 : null,
          preopen: undefined,
          listing: undefined,
        }),
      )
    },
    path_readlink(
      fd: number,
      address: number,
      length: number,
      buffer: number,
      bufferLength: number,
      used: number,
    ): void {
      const start = directory(fd, Right.PathReadlink)
      c.guest.range(used, 4)
      const target = c.guest.bytes(buffer, bufferLength)
      const link = walk(start, path(address, length), (dir, name, slash) => {
        if (!slash && name !== '.') return dir.readlink(name)
        // A directory, or a symlink that leads to one.
        if (statAt(dir, name, false, slash) === FOLLOW) return FOLLOW
        throw new WasiError(Errno.Inval)
      }).subarray(0, target.length)
      target.set(link)
      c.guest.setU32(used, link.length)
    },
    path_remove_directory(fd: number, address: number, length: number): void {
      walk(directory(fd, Right.PathRemoveDirectory), path(address, length), (dir, name, slash) => {
        requireName(dir, name, slash)
        dir.removeDirectory(name)
        if (names !== undefined) names.left++
      })
    },
    path_rename(
      fd: number,
      address: number,
      length: number,
      newFd: number,
      newAddress: number,
      newLength: number,
    ): void {
      const start = directory(fd, Right.PathRenameSource)
      const newStart = directory(newFd, Right.PathRenameTarget)
      const newPath = path(newAddress, newLength)
      walk(start, path(address, length), (dir, name, slash) => {
        requireName(dir, name, slash)
        walk(newStart, newPath, (newDir, newName, newSlash) => {
          if (newName === '.') throw new WasiError(Errno.Inval)
          if (newSlash && dir.stat(name).type !== FileType.Directory) throw new WasiError(Errno.NotDir)
          if (names === undefined) return dir.rename(name, newDir, newName)
          const from = dir.stat(name)
          const replaced = statOf(newDir, newName)
          dir.rename(name, newDir, newName)
          // Of two names of one file both stay.
          if (replaced !== undefined && (replaced.ino !== from.ino || replaced.dev !== from.dev)) names.left++
          return undefined
        })
      })
    },
    path_symlink(address: number, length: number, fd: number, newAddress: number, newLength: number): void {
      const start = directory(fd, Right.PathSymlink)
      const target = path(address, length)
      // It could lead nowhere in the guest, but out of the preopen for everybody else.
      if (target.startsWith('/')) throw new WasiError(Errno.Perm)
      if (target === '') throw new WasiError(Errno.NoEnt)
      walk(start, path(newAddress, newLength), (dir, name, slash) => {
        if (name === '.') throw new WasiError(Errno.Exist)
        if (slash) throw new WasiError(Errno.NoEnt)
        made(names, dir, name, () => dir.symlink(new TextEncoder().encode(target), name))
      })
    },
    path_unlink_file(fd: number, address: number, length: number): void {
      walk(directory(fd, Right.PathUnlinkFile), path(address, length), (dir, name, slash) => {
        if (name === '.') throw new WasiError(Errno.IsDir)
        requireName(dir, name, slash)
        dir.unlink(name)
        if (names !== undefined) names.left++
      })
    },
  }
}

type Mode = Parameters<DirectoryHandle['open']>[1]

/** Makes a name, if the guest may make one more. */
function made<T>(names: Context['names'], dir: DirectoryHandle, name: string, make: () => T): T {
  if (names === undefined) return make()
  if (names.left <= 0) throw new WasiError(statOf(dir, name) !== undefined ? Errno.Exist : Errno.NoSpc)
  const result = make()
  names.left--
  return result
}

function statOf(dir: DirectoryHandle, name: string): FileStat | undefined {
  try {
    return dir.stat(name)
  } catch (error) {
    if (errnoOf(error) === Errno.NoEnt) return undefined
    throw error
  }
}

/** Opens with `create`, and counts a name that is made by that. */
function openOrMake(dir: DirectoryHandle, name: string, mode: Mode, names: Context['names']) {
  for (;;) {
    try {
      if (!mode.exclusive) {
        const handle = dir.open(name, { ...mode, create: false })
        if (handle.kind === 'file') return handle
        handle.close()
        throw new WasiError(Errno.IsDir)
      }
    } catch (error) {
      if (errnoOf(error) !== Errno.NoEnt) throw error
    }
    try {
      return made(names, dir, name, () => dir.open(name, { ...mode, exclusive: true }))
    } catch (error) {
      // Somebody else made it meanwhile.
      if (mode.exclusive || errnoOf(error) !== Errno.Exist) throw error
    }
  }
}

function open(
  dir: DirectoryHandle,
  name: string,
  mode: Mode,
  follow: boolean,
  names?: Context['names'],
): FileHandle | DirectoryHandle | typeof FOLLOW {
  try {
    return names !== undefined && mode.create ? openOrMake(dir, name, mode, names) : dir.open(name, mode)
  } catch (error) {
    const errno = errnoOf(error)
    // Linux says `notdir` for a symlink that is to be opened as a directory.
    if (errno !== Errno.Loop && !(errno === Errno.NotDir && mode.directory)) throw error
    if (dir.stat(name).type !== FileType.SymbolicLink) throw error
    if (follow) return FOLLOW
    throw new WasiError(Errno.Loop)
  }
}

/** A slash behind a name demands a directory, and follows a symlink to it. */
function openWithSlash(dir: DirectoryHandle, name: string, mode: Mode): FileHandle | DirectoryHandle | typeof FOLLOW {
  if (mode.create) throw new WasiError(Errno.IsDir)
  return open(dir, name, { ...mode, directory: true }, true)
}

/** Rights for a new descriptor: those asked for, `notcapable` if they are not the directory's to give. */
function inherited(given: number, wanted: bigint): number {
  const bits = BigInt.asUintN(64, wanted)
  if (bits > BigInt(ALL_RIGHTS) || (Number(bits) & ~given) !== 0) throw new WasiError(Errno.NotCapable)
  return Number(bits)
}

function rightsFor(handle: FileHandle | DirectoryHandle): number {
  if (handle.kind === 'directory') return DIRECTORY_RIGHTS
  return handle.type === FileType.RegularFile ? FILE_RIGHTS : STREAM_RIGHTS
}
