// Input and output of the commands. Output is written synchronously to the descriptors: `process.stdout` costs start-up time,
// and its pending writes would be lost by `process.exit`.

import { closeSync, fstatSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { ExitCode, Failure } from './failure.ts'

const encoder = new TextEncoder()

export const writeOut = (data: string | Uint8Array): void => writeAll(1, data)
export const writeError = (data: string): void => writeAll(2, data)

function writeAll(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data
  let done = 0
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') process.exit(ExitCode.BrokenPipe)
      if (code !== 'EAGAIN')
        throw new Failure(`failed to write to ${fd === 1 ? 'stdout' : 'stderr'}: ${systemText(error)}`)
      // A pipe set to non-blocking by whoever shares it: wait a little for its reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

// `process.stdout` loads the streams and net modules: only where it is asked.
export const stdoutIsTerminal = (): boolean => process.stdout.isTTY === true

/** What to call an input in messages. */
export const inputName = (path: string): string => (path === '-' ? '<stdin>' : path)

/** The bytes of a file, or of stdin for `-`. Nothing at all is an error. */
export function readInput(path: string): Uint8Array {
  const name = inputName(path)
  let bytes: Uint8Array
  try {
    bytes = path === '-' ? readFileSync(0) : readFile(path)
  } catch (error) {
    throw new Failure(`failed to read \`${name}\`: ${systemText(error)}`)
  }
  if (bytes.length === 0) throw new Failure(`failed to read \`${name}\`: it is empty`)
  return bytes
}

function readFile(path: string): Uint8Array {
  const fd = openSync(path, 'r')
  try {
    if (fstatSync(fd).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes to a file, or to stdout without one (or for `-`). */
export function writeResult(path: string | undefined, data: string | Uint8Array): void {
  if (path === undefined || path === '-') return writeOut(data)
  try {
    writeFileSync(path, data)
  } catch (error) {
    throw new Failure(`failed to write \`${path}\`: ${systemText(error)}`)
  }
}

const SYSTEM_TEXTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOTDIR: 'not a directory',
  EAGAIN: 'no input is available',
  ENOSPC: 'no space left on device',
  EROFS: 'read-only file system',
  EMFILE: 'too many open files',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB',
}

/** The reason of a failed system call, in words. */
export function systemText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return (code !== undefined && SYSTEM_TEXTS[code]) || message
}
