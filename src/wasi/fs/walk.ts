// The path walk: from a directory to what a path names, and never out of that directory.
//
// Each step opens one component without following symlinks. Symlinks are expanded here, relative to the directory they lie in; `..` goes
// back on the stack of directories that the walk came through, so a directory that is moved meanwhile does not matter. A path or a
// target that begins with a slash, and a `..` above the start, are `perm`.

import { Errno, errnoOf, WasiError } from '../errors.ts'
import { type DirectoryHandle, FileType } from './file-system.ts'

/** Symlinks in one walk; as Linux. */
const MAX_SYMLINKS = 40
/** Bytes of a path; as Linux. */
export const MAX_PATH = 4096

/** An action's answer: the name is a symlink and should be followed. */
export const FOLLOW = Symbol('follow')

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a guest's path: `ilseq` if it is not UTF-8, `inval` with a NUL, `nametoolong`. */
export function decodePath(bytes: Uint8Array): string {
  if (bytes.length > MAX_PATH) throw new WasiError(Errno.NameTooLong)
  // A copy of shared memory before any check: another thread may change it meanwhile, and TextDecoder refuses it.
  const own = bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes)
  if (own.includes(0)) throw new WasiError(Errno.Inval)
  try {
    return decoder.decode(own)
  } catch {
    throw new WasiError(Errno.IlSeq)
  }
}

/**
 * Walks to the last component of `path` and gives `action` the directory, the name in it (`.` for a directory that was reached by `.` or
 * `..`) and whether a slash follows, which demands a directory. If it answers FOLLOW, the walk goes on through the symlink.
 */
export function walk<T>(
  start: DirectoryHandle,
  path: string,
  action: (directory: DirectoryHandle, name: string, slash: boolean) => T | typeof FOLLOW,
): T {
  if (path === '') throw new WasiError(Errno.NoEnt)
  const stack = [start]
  try {
    return steps(stack, path, action)
  } finally {
    for (let i = stack.length - 1; i > 0; i--) stack[i].close()
  }
}

function steps<T>(
  stack: DirectoryHandle[],
  path: string,
  action: (directory: DirectoryHandle, name: string, slash: boolean) => T | typeof FOLLOW,
): T {
  let rest = path
  for (let links = 0; ;) {
    if (rest.startsWith('/')) throw new WasiError(Errno.Perm)
    const end = rest.indexOf('/')
    const name = end < 0 ? rest : rest.slice(0, end)
    const next = end < 0 ? '' : withoutSlashes(rest, end)
    const slash = end >= 0
    if (name === '..') {
      if (stack.length === 1) throw new WasiError(Errno.Perm)
      stack.pop()!.close()
    }
    const here = name === '.' || name === '..'
    const directory = stack[stack.length - 1]
    let target: string | undefined
    if (next === '') {
      const result = action(directory, here ? '.' : name, slash)
      if (result !== FOLLOW) return result
      target = decodePath(directory.readlink(name))
    } else if (!here) target = descend(stack, name)
    rest = next
    if (target === undefined) continue
    if (++links > MAX_SYMLINKS) throw new WasiError(Errno.Loop)
    if (target === '') throw new WasiError(Errno.NoEnt)
    rest = slash ? `${target}/${next}` : target
  }
}

function withoutSlashes(path: string, from: number): string {
  let at = from
  while (path[at] === '/') at++
  return path.slice(at)
}

/** Opens a directory on the way, or gives the target of a symlink. */
function descend(stack: DirectoryHandle[], name: string): string | undefined {
  const directory = stack[stack.length - 1]
  try {
    stack.push(directory.directory(name))
    return undefined
  } catch (error) {
    const errno = errnoOf(error)
    if (errno !== Errno.NotDir && errno !== Errno.Loop) throw error
  }
  try {
    return decodePath(directory.readlink(name))
  } catch (error) {
    throw errnoOf(error) === Errno.Inval ? new WasiError(Errno.NotDir) : error
  }
}

/** What a name is, with the check that a slash behind it demands. */
export function statAt(directory: DirectoryHandle, name: string, follow: boolean, slash: boolean) {
  const stat = directory.stat(name)
  if (stat.type === FileType.SymbolicLink && (follow || slash)) return FOLLOW
  if (slash && stat.type !== FileType.Directory) throw new WasiError(Errno.NotDir)
  return stat
}

/** For operations on a name itself: `.` has none, a slash demands a directory. */
export function requireName(directory: DirectoryHandle, name: string, slash: boolean): void {
  if (name === '.') throw new WasiError(Errno.Inval)
  if (slash && directory.stat(name).type !== FileType.Directory) throw new WasiError(Errno.NotDir)
}
