// The trace of calls, one line each, in the manner of strace:
//   path_open(fd=3, lookup=symlink_follow, path="a.txt", oflags=creat|trunc, base=fd_read, inheriting=0, fdflags=0) = success opened=4

import { FLAGS, VALUES } from './names.ts'
import { ERROR_CODES, WasiError } from '../errors.ts'
import type { GuestMemory } from './guest.ts'
import { type FunctionName, type Parameter, parametersOf } from './signatures.ts'

/** Receives the text of each call, without a line end. */
export type Tracer = (line: string) => void

type Imported = (...args: any[]) => number | void

/** As many bytes of strings and of buffers are shown. */
const SHOWN = 32

/** The same function, told to `tracer` when it returns or throws. */
export function traced(name: FunctionName, call: Imported, guest: () => GuestMemory, tracer: Tracer): Imported {
  const parameters = parametersOf(name)
  const inputs = parameters.filter((p) => !p.out && p.kind !== 'iovs')
  const outputs = parameters.filter((p) => p.out || p.kind === 'iovs')
  const countIndex = parameters.find((p) => p.name === 'nread')?.index ?? 0
  return (...args) => {
    const shown = inputs.map((p) => `${p.name}=${input(p, args, guest)}`)
    const head = `${name}(${shown.join(', ')})`
    let errno: number | void
    try {
      errno = call(...args)
    } catch (error) {
      tracer(`${head} does not return`)
      throw error
    }
    const results = errno === 0 ? outputs.map((p) => ` ${p.name}=${output(p, args, guest, countIndex)}`) : []
    tracer(`${head} = ${ERROR_CODES[errno ?? 0]}${results.join('')}`)
    return errno
  }
}

const unsigned = (value: number | bigint): string =>
  typeof value === 'bigint' ? BigInt.asUintN(64, value).toString() : (value >>> 0).toString()

function input({ kind, index }: Parameter, args: readonly any[], guest: () => GuestMemory): string {
  const value: number | bigint = args[index]
  const names = VALUES[kind]
  if (names !== undefined) return names[Number(value)] ?? unsigned(value)
  const flags = FLAGS[kind]
  if (flags !== undefined) return flagText(BigInt.asUintN(64, BigInt(value)), flags)
  switch (kind) {
    case 'path':
      return guarded(() => quoted(guest().bytes(Number(value), args[index + 1]), Infinity))
    case 'ciovs':
      return guarded(() => vectorText(guest().vectors(Number(value), args[index + 1]), Infinity))
    case 'ptr':
      return `0x${(Number(value) >>> 0).toString(16)}`
    case 'buf':
      return `0x${(Number(value) >>> 0).toString(16)}+${unsigned(args[index + 1])}`
    case 'i64':
      return String(value)
    default:
      return unsigned(value)
  }
}

function output(
  { kind, index }: Parameter,
  args: readonly any[],
  guest: () => GuestMemory,
  countIndex: number,
): string {
  const address: number = args[index]
  return guarded(() => {
    const memory = guest()
    switch (kind) {
      case 'iovs':
        return vectorText(memory.vectors(address, args[index + 1]), memory.getU32(args[countIndex]))
      case 'u64':
      case 'timestamp':
        return memory.getU64(address).toString()
      case 'filestat':
        return `{${VALUES.filetype![memory.getU8(address + 16)]}, size=${memory.getU64(address + 32)}}`
      case 'fdstat':
        return `{${VALUES.filetype![memory.getU8(address)]}, ${flagText(BigInt(memory.getU16(address + 2)), FLAGS.fdflags!)}}`
      case 'prestat':
        return `{dir, name_len=${memory.getU32(address + 4)}}`
      case 'roflags':
        return memory.getU16(address).toString()
      default:
        return memory.getU32(address).toString()
    }
  })
}

/** An address that the guest got wrong must not stop the trace. */
function guarded(text: () => string): string {
  try {
    return text()
  } catch (error) {
    if (error instanceof WasiError) return '<out of bounds>'
    throw error
  }
}

function flagText(bits: bigint, names: readonly string[]): string {
  if (bits === 0n) return '0'
  const shown = names.filter((_, i) => (bits >> BigInt(i)) & 1n)
  const rest = bits >> BigInt(names.length)
  if (rest !== 0n) shown.push(`0x${(rest << BigInt(names.length)).toString(16)}`)
  return shown.length === names.length && names.length > 8 ? 'all' : shown.join('|')
}

function vectorText(vectors: readonly Uint8Array[], count: number): string {
  const total = Math.min(
    count,
    vectors.reduce((sum, v) => sum + v.length, 0),
  )
  const head = new Uint8Array(Math.min(total, SHOWN))
  let at = 0
  for (const vector of vectors) {
    const part = vector.subarray(0, head.length - at)
    head.set(part, at)
    at += part.length
  }
  return `${quoted(head, SHOWN)}${total > SHOWN ? '...' : ''}`
}

function quoted(bytes: Uint8Array, limit: number): string {
  // A copy: TextDecoder refuses shared memory.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.slice(0, limit))
  return JSON.stringify(text)
}
