// What the native layer asks of a foreign function interface. An adapter is one page: ffi-node.ts (node:ffi), ffi-koffi.ts (koffi).
//
// Addresses and sizes are numbers: user space ends at 2^47, and a number is exact to 2^53.

/** Raw access to the process. Every function here is unsafe: its callers in src/native state why it is right. */
export interface Ffi {
  readonly name: 'node:ffi' | 'koffi'

  /** `mmap(2)`; -1 if refused. */
  mmap(address: number, bytes: number, protection: number, flags: number, fd: number, offset: number): number
  /** 0, or -1 if refused; like those below. */
  munmap(address: number, bytes: number): number
  mprotect(address: number, bytes: number, protection: number): number
  madvise(address: number, bytes: number, advice: number): number
  /** A file descriptor, or -1. */
  memfdCreate(name: string, flags: number): number
  ftruncate(fd: number, bytes: number): number
  close(fd: number): number
  /** Addresses of `struct sigaction`, 0 for null. */
  sigaction(signal: number, action: number, old: number): number
  /** `timer_create(2)` and its kin, with addresses of `struct sigevent`, `timer_t`, `struct itimerspec`. A timer is an opaque number. */
  timerCreate(clock: number, event: number, timer: number): number
  timerSettime(timer: number, flags: number, value: number, old: number): number
  timerDelete(timer: number): number
  /** The id of this thread. */
  gettid(): number
  /** Addresses of `stack_t`, 0 for null. */
  sigaltstack(stack: number, old: number): number

  /**
   * An ArrayBuffer of the bytes at an address, which stay the process's: the buffer does not own them, and nothing checks that they
   * are accessible when JavaScript touches them.
   */
  view(address: number, bytes: number): ArrayBuffer
  /**
   * Detaches a view, so that its byteLength is 0 (`memory.buffer` after growing). False if this interface cannot: koffi's views are
   * copied by a transfer, not detached.
   */
  detach(view: ArrayBuffer): boolean
  /** Address of the bytes of an ArrayBuffer of JavaScript's. It holds while the buffer is alive and attached. */
  addressOf(buffer: ArrayBuffer): number

  /**
   * A function that calls the code at `code` with `context` as its first argument (C's convention). `context` must point to the
   * fields `Context.Node*` of layout.ts.
   */
  caller(code: number, context: number): () => void
}

/** Why there is no native code here: one sentence, for people. */
export interface Unavailable {
  readonly reason: string
}

/** Linux's constants, the same on x86-64 and ARM64. */
export const enum Prot {
  None = 0,
  Read = 1,
  Write = 2,
  ReadWrite = 3,
  Exec = 4,
  ReadExec = 5,
}

export const enum MapFlag {
  Shared = 0x01,
  Private = 0x02,
  Fixed = 0x10,
  Anonymous = 0x20,
  /** Does not count against the limit of committed memory. */
  NoReserve = 0x4000,
}

/** Gives pages back; reading them again gives zeros. */
export const MADV_DONTNEED = 4
export const MFD_CLOEXEC = 1
export const PAGE_BYTES = 4096
