// A stopped activation: its segments of RS and FS, copied out. Frames name each other by distance only (`Frame.Delta`), so it can go on at
// another base, any number of activations later.
//
//   RS   ... | frame | frame | host frame |        words: from the base of the bottom frame to the end of the host function's
//   FS   ... | record | record | record |          frames: the same frames' records
//
// It was stopped by a host function (`throw SUSPEND`): then the top frame is that function's, and its results are still to come. Or at an
// exit of the loop: then the top frame is a Wasm function's, and `pc` is where it goes on.

import { WeakReference } from '../util/weak.ts'
import type { StopReason } from './control.ts'
import { FRAME_WORDS, Frame } from './machine.ts'
import type { Holder, HolderVisitor, Store } from './store.ts'
import type { StoppedSegments } from './tier.ts'

/** What an activation may be stopped for. */
export const enum Stoppable {
  /** Nothing: it runs to its end, or traps. */
  No = 0,
  /** Host functions that were made for it (JavaScript Promise Integration). */
  Marked = 1,
  /** Any host function, and want of fuel or time. */
  Any = 2,
}

/** Thrown by a host function to stop the activation that called it. Works in activations that were started with `start`. */
export const SUSPEND = { what: 'suspend the activation' }

export class SuspendedActivation implements Holder {
  readonly store: Store
  readonly words: Int32Array
  readonly frames: Int32Array
  /** Slot of the top frame relative to the base. */
  readonly fp: number
  /** `Pc.Host` in a host function. */
  readonly pc: number
  readonly stoppable: Stoppable
  readonly why: 'host' | StopReason
  /** Its native segments, if it has any. */
  readonly segments: StoppedSegments | undefined
  /** Set by `resume`: an activation goes on once. */
  resumed = false

  constructor(
    store: Store,
    words: Int32Array,
    frames: Int32Array,
    fp: number,
    pc: number,
    stoppable: Stoppable,
    why: 'host' | StopReason,
    segments: StoppedSegments | undefined,
  ) {
    this.segments = segments
    this.pc = pc
    this.stoppable = stoppable
    this.why = why
    this.store = store
    this.words = words
    this.frames = frames
    this.fp = fp
    store.addHolder(this)
    all.add(new WeakReference(this))
  }

  visit(visitor: HolderVisitor): void {
    this.segments?.visit((word) => visitor.word(word))
    for (let i = 0; i < this.words.length; i += 2) visitor.word(this.words[i])
    for (let i = Frame.Fid; i < this.frames.length; i += FRAME_WORDS) visitor.word((this.frames[i] << 3) | 2)
  }
}

const all = new Set<{ deref(): SuspendedActivation | undefined }>()

/** Pcs in all stopped activations: their code must stay where it is. */
export function* suspendedPcs(): Iterable<number> {
  for (const ref of all) {
    const suspended = ref.deref()
    if (suspended === undefined || suspended.resumed) all.delete(ref)
    else {
      yield suspended.pc
      for (let i = Frame.ReturnPc; i < suspended.frames.length; i += FRAME_WORDS) yield suspended.frames[i]
    }
  }
}
