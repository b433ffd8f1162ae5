// Which thread has which pages: so that what a thread left that ended without freeing it (`worker.terminate()`) is found and freed by the next
// agent that is made. The table is in the process's block; threads change it at the same time, by compare-and-exchange.

import { existsSync, readlinkSync } from 'node:fs'
import type { Ffi } from './ffi.ts'
import { CodeSpace, Mapping, ProcessBlock } from './layout.ts'
import { getAddress, setAddress } from './pages.ts'
import type { Process } from './process-block.ts'

/** Thread id of a row that changes. Those of threads are positive. */
const BUSY = -1

const rowAt = (row: number): number => ProcessBlock.Mappings + row * Mapping.RowBytes
const threadWord = (row: number): number => (rowAt(row) + Mapping.Thread) >> 2

/**
 * Notes pages as this thread's: they go when it has ended. Returns the row, or -1 if the table is full: then nobody frees them if the thread
 * is terminated. Contract: no other thread uses the pages.
 */
export function noteMapping({ words, thread }: Process, address: number, bytes: number): number {
  for (let row = 0; row < Mapping.Rows; row++) {
    if (Atomics.compareExchange(words, threadWord(row), 0, BUSY) !== 0) continue
    setAddress(words, rowAt(row) + Mapping.Address, address)
    setAddress(words, rowAt(row) + Mapping.Bytes, bytes)
    Atomics.store(words, threadWord(row), thread)
    return row
  }
  return -1
}

/** The pages of a row have been unmapped. */
export function forgetMapping({ words }: Process, row: number): void {
  if (row >= 0) Atomics.store(words, threadWord(row), 0)
}

/** Frees pages and code spans of threads that have ended: with them went their isolates, so nothing touches them any more. */
export function reclaim(ffi: Ffi, { words }: Process): void {
  const ended = endedThreads(words)
  if (ended.size === 0) return
  for (let row = 0; row < Mapping.Rows; row++) {
    const thread = words[threadWord(row)]
    if (!ended.has(thread) || Atomics.compareExchange(words, threadWord(row), thread, BUSY) !== thread) continue
    ffi.munmap(getAddress(words, rowAt(row) + Mapping.Address), getAddress(words, rowAt(row) + Mapping.Bytes))
    Atomics.store(words, threadWord(row), 0)
  }
  for (let span = 0, word = ProcessBlock.Spans >> 2; span < CodeSpace.Spans; span++, word++)
    if (ended.has(words[word])) Atomics.compareExchange(words, word, words[word], 0)
}

/** Threads that own something and are no more. */
function endedThreads(words: Int32Array): ReadonlySet<number> {
  const owners = new Set<number>()
  const spans = ProcessBlock.Spans >> 2
  for (const owner of words.subarray(spans, spans + CodeSpace.Spans)) owners.add(owner)
  for (let row = 0; row < Mapping.Rows; row++) owners.add(words[threadWord(row)])
  for (const owner of owners) if (owner <= 0) owners.delete(owner)
  // /proc of another process namespace, or none, says nothing about our threads.
  if (owners.size > 0 && !procIsOurs()) return new Set()
  for (const owner of owners) if (existsSync(`/proc/self/task/${owner}`)) owners.delete(owner)
  return owners
}

function procIsOurs(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid)
  } catch {
    return false
  }
}
