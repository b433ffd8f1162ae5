// Exceptions between Wasm and JavaScript.

import { loadField, storeField } from './heap-values.ts'
import type { TagInstance } from './instance.ts'
import { exceptionLayout } from './layout.ts'
import { TrapCode } from './machine.ts'
import type { Store } from './store.ts'
import { Trap } from './trap.ts'

/**
 * A Wasm exception in JavaScript: what `call` throws when no handler was found, and what a host function throws to raise one.
 * Carries no stack: whoever shows it to users makes an Error of it. Its word is a root only until the next exception: pin it.
 */
export class WasmThrow {
  readonly store: Store
  /** Reference to the exception object. */
  readonly word: number

  constructor(store: Store, word: number) {
    this.store = store
    this.word = word
  }
}

/** Copies the payload of an exception to consecutive slots. Returns the slot behind it. */
export function readPayload(store: Store, word: number, slot: number): number {
  const { offsets, types } = exceptionLayout(store.heap.typeOf(word))
  for (let i = 0; i < offsets.length; i++) slot = loadField(store.heap, word + offsets[i], types[i], slot)
  return slot
}

/** Makes an exception object whose payload lies in consecutive slots, which are below the stack top. 0 if the heap is at its cap. */
export function createException(store: Store, tag: TagInstance, slot: number): number {
  const word = store.heap.allocException(tag.typeId, tag.id)
  if (word === 0) return 0
  const { offsets, types } = exceptionLayout(tag.typeId)
  for (let i = 0; i < offsets.length; i++) slot = storeField(store.heap, word + offsets[i], types[i], slot)
  return word
}

/** Wraps a thrown JavaScript value, so that Wasm handlers can have it. Its word is `store.pendingWord` too. */
export function wrapJsException(store: Store, value: unknown): number {
  const { typeId, id } = store.jsTag
  const handle = store.externWord(value)
  store.pendingWord = handle
  const word = store.heap.allocException(typeId, id)
  if (word === 0) throw new Trap(TrapCode.AllocationTooLarge, [], 0, { cause: value })
  store.heap.i32[(word + exceptionLayout(typeId).offsets[0]) >> 2] = handle
  store.pendingWord = word
  return word
}

/** What JavaScript sees of an exception that no Wasm handler takes. */
export function toThrow(store: Store, word: number): unknown {
  const { heap, jsTag } = store
  if (heap.tagOf(word) === jsTag.id) {
    const payload = heap.i32[(word + exceptionLayout(jsTag.typeId).offsets[0]) >> 2]
    // Other words come from Wasm code that throws to this tag itself: `any.convert_extern` the other way round.
    if (payload === 0 || (payload & 7) === 6) return store.externValue(payload)
  }
  store.pendingWord = word
  return new WasmThrow(store, word)
}
