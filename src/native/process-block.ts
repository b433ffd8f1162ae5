// What a process has once, whatever the number of its agents (main thread, worker threads): the code arena, the stubs, the fault handler,
// and the block that tells where they are. Agents find the block through the handler of SIGSEGV: ours begins on a page boundary and has
// a mark in its code. An agent that finds no mark makes everything anew; two that do so at once, or one that does so because somebody
// installed a handler above ours, is harmless: each handler passes on what is not in its own arena. Nothing of it is ever unmapped.

import {
  FAULT_SIGNALS,
  HANDLER_BLOCK_OFFSET,
  HANDLER_MAGIC,
  HANDLER_MAGIC_OFFSET,
  makeStubs,
  type Stubs,
} from '../isa/x64/stubs.ts'
import { type Ffi, MapFlag, MFD_CLOEXEC, PAGE_BYTES, Prot, type Unavailable } from './ffi.ts'
import { CodeSpace, ProcessBlock, Signal } from './layout.ts'
import { getAddress, setAddress, wordsAt } from './pages.ts'

/** struct sigaction of Linux's C libraries on x86-64. */
export const enum Sigaction {
  Handler = 0,
  Mask = 8,
  Flags = 136,
  Bytes = 152,
}

export const SA_SIGINFO = 4
export const SA_ONSTACK = 0x08000000

/** How code gets into pages that are never writable and executable under one address. */
export type CodePages = 'dual' | 'mprotect'

/** The process's block and what it tells. */
export interface Process {
  readonly words: Int32Array
  /** The id of this thread, by which others know what it owns. */
  readonly thread: number
  /** Code is written at its address + writeDelta; 0: pages must be made writable first. */
  readonly writeDelta: number
  readonly codeStart: number
  readonly enter: number
  readonly exit: number
  readonly done: number
  /** The handler of ticks. */
  readonly tick: number
}

/** Finds or makes what the process has once. `pages` is for tests: which way of making code pages to use. */
export function openProcess(ffi: Ffi, pages?: CodePages): Process | Unavailable {
  const scratch = ffi.mmap(0, PAGE_BYTES, Prot.ReadWrite, MapFlag.Private | MapFlag.Anonymous, -1, 0)
  if (scratch < 0) return { reason: 'mmap of a page was refused' }
  try {
    const existing = findBlock(ffi, scratch)
    if (existing !== undefined) return describe(ffi, existing)
    return makeBlock(ffi, scratch, pages)
  } finally {
    ffi.munmap(scratch, PAGE_BYTES)
  }
}

function describe(ffi: Ffi, block: number): Process {
  const words = wordsAt(ffi, block, ProcessBlock.Bytes)
  return {
    words,
    thread: ffi.gettid(),
    writeDelta: getAddress(words, ProcessBlock.WriteDelta),
    codeStart: getAddress(words, ProcessBlock.CodeStart),
    enter: getAddress(words, ProcessBlock.Enter),
    exit: getAddress(words, ProcessBlock.Exit),
    done: getAddress(words, ProcessBlock.Done),
    tick: getAddress(words, ProcessBlock.Tick),
  }
}

/** Address of the block of the handler that is installed for SIGSEGV, if that is ours. */
function findBlock(ffi: Ffi, scratch: number): number | undefined {
  if (ffi.sigaction(Signal.Segv, 0, scratch) < 0) return undefined
  const handler = getAddress(wordsAt(ffi, scratch, Sigaction.Bytes), Sigaction.Handler)
  // Ours starts a page; so these bytes of a foreign handler are read only if they cannot reach over the end of its pages.
  if (handler < PAGE_BYTES || handler % PAGE_BYTES !== 0) return undefined
  const code = wordsAt(ffi, handler, HANDLER_BLOCK_OFFSET + 8)
  if (HANDLER_MAGIC.some((word, i) => code[HANDLER_MAGIC_OFFSET / 4 + i] !== word)) return undefined
  return getAddress(code, HANDLER_BLOCK_OFFSET)
}

interface Arena {
  readonly execute: number
  readonly write: number
}

/** Two mappings of one file in memory: one executable, one writable. */
function mapDual(ffi: Ffi): Arena | Unavailable {
  const fd = ffi.memfdCreate('zwasm-code', MFD_CLOEXEC)
  if (fd < 0) return { reason: 'memfd_create was refused' }
  try {
    if (ffi.ftruncate(fd, CodeSpace.Bytes) < 0) return { reason: 'ftruncate of the code arena was refused' }
    const flags = MapFlag.Shared | MapFlag.NoReserve
    const execute = ffi.mmap(0, CodeSpace.Bytes, Prot.ReadExec, flags, fd, 0)
    if (execute < 0) return { reason: 'mmap of executable pages was refused' }
    const write = ffi.mmap(0, CodeSpace.Bytes, Prot.ReadWrite, flags, fd, 0)
    if (write >= 0) return { execute, write }
    ffi.munmap(execute, CodeSpace.Bytes)
    return { reason: 'mmap of the code arena was refused' }
  } finally {
    ffi.close(fd)
  }
}

/** One mapping whose pages are writable, then executable. */
function mapSingle(ffi: Ffi): Arena | Unavailable {
  const flags = MapFlag.Private | MapFlag.Anonymous | MapFlag.NoReserve
  const address = ffi.mmap(0, CodeSpace.Bytes, Prot.None, flags, -1, 0)
  if (address < 0) return { reason: 'mmap of the code arena was refused' }
  // Asked for now: whoever forbids executable pages (SELinux, seccomp) does it here and not at the first function.
  if (ffi.mprotect(address, CodeSpace.SpanBytes, Prot.ReadExec) < 0) {
    ffi.munmap(address, CodeSpace.Bytes)
    return { reason: 'mprotect to executable pages was refused' }
  }
  return { execute: address, write: address }
}

function mapArena(ffi: Ffi, pages: CodePages | undefined): Arena | Unavailable {
  const dual = pages === 'mprotect' ? undefined : mapDual(ffi)
  if (dual !== undefined && (!('reason' in dual) || pages === 'dual')) return dual
  const single = mapSingle(ffi)
  if (!('reason' in single) || dual === undefined) return single
  return { reason: `${dual.reason}, and ${single.reason}` }
}

function makeBlock(ffi: Ffi, scratch: number, pages: CodePages | undefined): Process | Unavailable {
  const block = ffi.mmap(0, ProcessBlock.Bytes, Prot.ReadWrite, MapFlag.Private | MapFlag.Anonymous, -1, 0)
  if (block < 0) return { reason: 'mmap of the process block was refused' }
  const arena = mapArena(ffi, pages)
  if ('reason' in arena) {
    ffi.munmap(block, ProcessBlock.Bytes)
    return arena
  }
  const stubs = makeStubs(block)
  installStubs(ffi, arena, stubs)
  const words = wordsAt(ffi, block, ProcessBlock.Bytes)
  const at = arena.execute
  setAddress(words, ProcessBlock.CodeStart, at + stubs.guestStart)
  setAddress(words, ProcessBlock.CodeEnd, at + CodeSpace.Bytes)
  setAddress(words, ProcessBlock.WriteDelta, arena.write - at)
  setAddress(words, ProcessBlock.Enter, at + stubs.enter)
  setAddress(words, ProcessBlock.Exit, at + stubs.exit)
  setAddress(words, ProcessBlock.Done, at + stubs.done)
  setAddress(words, ProcessBlock.TrapExit, at + stubs.trapExit)
  setAddress(words, ProcessBlock.Tick, at + stubs.tick)
  // The stubs' span.
  words[ProcessBlock.Spans >> 2] = -1
  for (const signal of FAULT_SIGNALS) installHandler(ffi, scratch, words, signal, at + stubs.handler)
  return describe(ffi, block)
}

/** Contract: nobody runs code in the first span yet. */
function installStubs(ffi: Ffi, arena: Arena, stubs: Stubs): void {
  const single = arena.execute === arena.write
  if (single) ffi.mprotect(arena.execute, CodeSpace.SpanBytes, Prot.ReadWrite)
  new Uint8Array(ffi.view(arena.write, stubs.bytes.length)).set(stubs.bytes)
  if (single) ffi.mprotect(arena.execute, CodeSpace.SpanBytes, Prot.ReadExec)
}

/**
 * Contract: the handler's code and the block are complete, but for the chain of this signal, which is written before the handler is
 * installed: a fault of another thread finds it. Node and V8 install theirs when the process starts, so it does not change meanwhile.
 */
function installHandler(ffi: Ffi, scratch: number, block: Int32Array, signal: Signal, handler: number): void {
  const words = wordsAt(ffi, scratch, 2 * Sigaction.Bytes)
  const old = scratch
  const action = scratch + Sigaction.Bytes
  const chain = (): void => setAddress(block, ProcessBlock.Chain + 16 * signal, getAddress(words, Sigaction.Handler))
  ffi.sigaction(signal, 0, old)
  chain()
  // The signals that the handler before ours wants blocked while it runs.
  words.copyWithin(Sigaction.Bytes / 4, 0, Sigaction.Bytes / 4)
  setAddress(words, Sigaction.Bytes + Sigaction.Handler, handler)
  words[(Sigaction.Bytes + Sigaction.Flags) / 4] = SA_SIGINFO | SA_ONSTACK
  ffi.sigaction(signal, action, old)
  chain()
}
