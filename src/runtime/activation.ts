// Where the stacks of this agent stand: the free part of RS, the nesting of activations.
//
// An activation is one call from JavaScript into Wasm: a segment of RS from its `base` and of FS from its bottom frame. Activations
// nest (Wasm calls a host function, which calls Wasm), and their segments lie one above the other:
//
//   RS   | activation 1: frame | frame | host frame | activation 2: frame | host frame | arguments | free ...
//                                                   ^ base                             ^ base      ^ CTX[Ctx.Top]
//
// CTX has the registers of the innermost one. When JavaScript runs, in a host function or before the first call, CTX[Ctx.Top] is
// where the next activation starts. Frames refer to each other by `Frame.Delta` only, so a segment can be copied out and back in at another
// base: suspended.ts.

import {
  CTX,
  Ctx,
  FRAME_WORDS,
  FS,
  FUNC,
  FUNC_WORDS_LOG2,
  Frame,
  Func,
  MAX_FRAMES,
  STACK_SLOTS,
  TrapCode,
} from './machine.ts'
import { isAwake, LimitError } from './registry.ts'
import type { Store } from './store.ts'
import { Trap } from './trap.ts'

CTX[Ctx.Fsp] = -FRAME_WORDS

/** Frames of all activations together. */
export const FRAME_END = (MAX_FRAMES - 1) * FRAME_WORDS

/** First slot above everything in use: the end of the top frame, or what JavaScript has reserved above it. */
export function stackTop(): number {
  const fsp = CTX[Ctx.Fsp]
  const top = CTX[Ctx.Top]
  if (fsp < 0) return top
  const record = FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2
  // A function that is not built yet has no frame size, only parameters.
  const slots = Math.max(FUNC[record + Func.Slots], FUNC[record + Func.ParamSlots])
  return Math.max(top, CTX[Ctx.Fp] + slots)
}

/**
 * Starts a call of function `fid` from JavaScript: returns the slot for its arguments. They are reserved until `call` (or `leave`, if
 * it does not come to that): what converting them runs may call into Wasm itself.
 */
export function enter(store: Store, fid: number): number {
  if (store.disposed) throw new LimitError('the store of this function was disposed of')
  if (!isAwake(fid)) store.wakeFunc(fid)
  if (store.collectionDue) store.collect()
  const base = CTX[Ctx.Top]
  const end = base + FUNC[(fid << FUNC_WORDS_LOG2) + Func.ParamSlots]
  if (end > STACK_SLOTS) throw new Trap(TrapCode.StackExhausted)
  CTX[Ctx.Top] = end
  return base
}

/** Gives up what `enter` reserved: converting the arguments threw. */
export function leave(base: number): void {
  CTX[Ctx.Top] = base
}
