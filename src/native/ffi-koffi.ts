// koffi, a package with prebuilt binaries for Node 20 to 24. It makes a function of a code address; calling that with a BigInt made
// beforehand for a pointer is its fastest call.

import type { Ffi } from './ffi.ts'

/** The part of koffi that is used. */
export interface Koffi {
  load(path: string | null): { func(prototype: string): (...args: any[]) => any }
  proto(prototype: string): unknown
  decode(pointer: bigint, type: unknown): (...args: unknown[]) => unknown
  view(pointer: bigint, bytes: number): ArrayBuffer
  address(buffer: ArrayBuffer): bigint
}

/** Prototypes have names in koffi, one for all of its instances. */
const callers = new WeakMap<Koffi, unknown>()

function callerPrototype(koffi: Koffi): unknown {
  let prototype = callers.get(koffi)
  if (prototype === undefined) {
    prototype = koffi.proto('void zwasm_enter(void *context)')
    callers.set(koffi, prototype)
  }
  return prototype
}

/** Wraps koffi. Throws what it throws if a symbol is missing. */
export function koffiFfi(koffi: Koffi): Ffi {
  const libc = koffi.load(null)
  const prototype = callerPrototype(koffi)
  return {
    name: 'koffi',
    mmap: libc.func(
      'intptr_t mmap(uintptr_t address, size_t bytes, int protection, int flags, int fd, int64_t offset)',
    ),
    munmap: libc.func('int munmap(uintptr_t address, size_t bytes)'),
    mprotect: libc.func('int mprotect(uintptr_t address, size_t bytes, int protection)'),
    madvise: libc.func('int madvise(uintptr_t address, size_t bytes, int advice)'),
    memfdCreate: libc.func('int memfd_create(const char *name, unsigned int flags)'),
    ftruncate: libc.func('int ftruncate(int fd, int64_t bytes)'),
    close: libc.func('int close(int fd)'),
    sigaction: libc.func('int sigaction(int signal, uintptr_t action, uintptr_t old)'),
    sigaltstack: libc.func('int sigaltstack(uintptr_t stack, uintptr_t old)'),
    timerCreate: libc.func('int timer_create(int clock, uintptr_t event, uintptr_t timer)'),
    timerSettime: libc.func('int timer_settime(uintptr_t timer, int flags, uintptr_t value, uintptr_t old)'),
    timerDelete: libc.func('int timer_delete(uintptr_t timer)'),
    gettid: libc.func('int gettid()'),
    view: (address, bytes) => koffi.view(BigInt(address), bytes),
    detach: () => false,
    addressOf: (buffer) => Number(koffi.address(buffer)),
    caller(code, context) {
      const call = koffi.decode(BigInt(code), prototype)
      const pointer = BigInt(context)
      return () => {
        call(pointer)
      }
    },
  }
}
