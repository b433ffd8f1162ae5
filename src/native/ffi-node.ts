// node:ffi, built into Node since 26.1. It calls by symbol only; libc's twalk calls our code: for a node without children it calls its
// second argument once, with the node. With both arguments of type 'pointer' and given as BigInts made beforehand, V8's fast calls apply.

import type { Ffi } from './ffi.ts'

interface Library {
  getFunction(name: string, signature: { arguments: string[]; return: string }): (...args: unknown[]) => unknown
}

/** The part of node:ffi that is used; @types/node of Node 20 does not know it. */
export interface NodeFfi {
  DynamicLibrary: new (path: string | null) => Library
  toArrayBuffer(pointer: bigint, length: number, copy: boolean): ArrayBuffer
  getRawPointer(source: ArrayBuffer): bigint
}

const ALL_ONES = 0xffff_ffff_ffff_ffffn

/** Wraps node:ffi. Throws what it throws if a symbol is missing. */
export function nodeFfi(ffi: NodeFfi): Ffi {
  const library = new ffi.DynamicLibrary(null)
  const get = <A extends unknown[], R>(name: string, result: string, ...parameters: string[]): ((...args: A) => R) =>
    library.getFunction(name, { arguments: parameters, return: result }) as (...args: A) => R
  const mmap = get<[bigint, bigint, number, number, number, bigint], bigint>(
    'mmap',
    'uint64',
    'uint64',
    'uint64',
    'int32',
    'int32',
    'int32',
    'int64',
  )
  const munmap = get<[bigint, bigint], number>('munmap', 'int32', 'uint64', 'uint64')
  const mprotect = get<[bigint, bigint, number], number>('mprotect', 'int32', 'uint64', 'uint64', 'int32')
  const madvise = get<[bigint, bigint, number], number>('madvise', 'int32', 'uint64', 'uint64', 'int32')
  const memfdCreate = get<[string, number], number>('memfd_create', 'int32', 'string', 'uint32')
  const ftruncate = get<[number, bigint], number>('ftruncate', 'int32', 'int32', 'int64')
  const close = get<[number], number>('close', 'int32', 'int32')
  const sigaction = get<[number, bigint, bigint], number>('sigaction', 'int32', 'int32', 'uint64', 'uint64')
  const sigaltstack = get<[bigint, bigint], number>('sigaltstack', 'int32', 'uint64', 'uint64')
  const timerCreate = get<[number, bigint, bigint], number>('timer_create', 'int32', 'int32', 'uint64', 'uint64')
  const timerSettime = get<[bigint, number, bigint, bigint], number>(
    'timer_settime',
    'int32',
    'uint64',
    'int32',
    'uint64',
    'uint64',
  )
  const timerDelete = get<[bigint], number>('timer_delete', 'int32', 'uint64')
  const gettid = get<[], number>('gettid', 'int32')
  const twalk = get<[bigint, bigint], void>('twalk', 'void', 'pointer', 'pointer')
  return {
    name: 'node:ffi',
    mmap(address, bytes, protection, flags, fd, offset) {
      const result = mmap(BigInt(address), BigInt(bytes), protection, flags, fd, BigInt(offset))
      return result === ALL_ONES ? -1 : Number(result)
    },
    munmap: (address, bytes) => munmap(BigInt(address), BigInt(bytes)),
    mprotect: (address, bytes, protection) => mprotect(BigInt(address), BigInt(bytes), protection),
    madvise: (address, bytes, advice) => madvise(BigInt(address), BigInt(bytes), advice),
    memfdCreate,
    ftruncate: (fd, bytes) => ftruncate(fd, BigInt(bytes)),
    close,
    sigaction: (signal, action, old) => sigaction(signal, BigInt(action), BigInt(old)),
    sigaltstack: (stack, old) => sigaltstack(BigInt(stack), BigInt(old)),
    timerCreate: (clock, event, timer) => timerCreate(clock, BigInt(event), BigInt(timer)),
    timerSettime: (timer, flags, value, old) => timerSettime(BigInt(timer), flags, BigInt(value), BigInt(old)),
    timerDelete: (timer) => timerDelete(BigInt(timer)),
    gettid,
    view: (address, bytes) => ffi.toArrayBuffer(BigInt(address), bytes, false),
    detach(view) {
      // The transferred buffer is dropped; the pages are not its own.
      ;(view as ArrayBuffer & { transfer(): ArrayBuffer }).transfer()
      return true
    },
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer)),
    caller(code, context) {
      const node = BigInt(context)
      const action = BigInt(code)
      return () => twalk(node, action)
    },
  }
}
