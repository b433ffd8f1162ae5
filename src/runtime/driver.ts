// The driver: runs activations. A loop of the interpreter runs until it exits with a reason; the one place that serves all reasons,
// and then runs on, is `drive`.
//
// Native code runs in the same activations: a native segment has a frame record like any function (tier.ts).
//
// No JavaScript frame lies between two Wasm frames of an activation, so at every exit it can be stopped: it is nothing but its
// segments of RS and FS and the registers in CTX (activation.ts).

import { bug } from '../util/bug.ts'
import { FRAME_END } from './activation.ts'
import { INTERRUPTED, type StopReason } from './control.ts'
import { readPayload, toThrow, WasmThrow, wrapJsException } from './exception.ts'
import { HOSTS, INSTANCES, type Instance } from './instance.ts'
import {
  CTX,
  Ctx,
  Exit,
  FRAME_WORDS,
  Frame,
  FS,
  FUNC,
  FUNC_WORDS_LOG2,
  Func,
  Pc,
  R,
  STACK_SLOTS,
  TrapCode,
} from './machine.ts'
import { onModuleDropped } from './registry.ts'
import type { Store } from './store.ts'
import { Stoppable, SUSPEND, SuspendedActivation } from './suspended.ts'
import { NativeExit, nativeRunner } from './tier.ts'
import { isUncatchable, MAX_BACKTRACE, Trap, type WasmFrame } from './trap.ts'
import type { Module } from '../wasm/module.ts'

/** Where a caught exception continues. */
export interface Handler {
  readonly targetPc: number
  /** Slot relative to the frame: there the payload goes if `copyPayload`, and behind it the exception reference if `withRef`. */
  readonly dest: number
  readonly copyPayload: boolean
  readonly withRef: boolean
}

/** What the runtime needs of the interpreter, which registers itself: imports only go downward. */
export interface Interpreter {
  /** Runs from the registers in CTX until an exit, which it returns; the registers are in CTX again. The top frame is a Wasm function's. */
  run(): Exit
  /** The same for code with fuel: CTX[Ctx.Fuel] is what it may use. */
  runMetered(): Exit
  /** Makes a function runnable: writes `Func.Entry` and `Func.Slots` of its record. */
  build(instance: Instance, index: number): void
  /** The innermost handler around `pc` of this function that takes an exception with the tag. */
  findHandler(fid: number, pc: number, tagId: number): Handler | undefined
  /** Byte offset in the module of the instruction that contains `pc`. */
  wasmOffsetAt(fid: number, pc: number): number
  /** No instance of the module is left. */
  dropModule(module: Module): void
}

let interpreter: Interpreter = {
  run: () => bug('no interpreter is registered'),
  runMetered: () => bug('no interpreter is registered'),
  build: () => bug('no interpreter is registered'),
  findHandler: () => undefined,
  wasmOffsetAt: () => 0,
  dropModule: () => {},
}

onModuleDropped((module) => interpreter.dropModule(module))

/** Sets the interpreter; returns the one before. */
export function registerInterpreter(next: Interpreter): Interpreter {
  const previous = interpreter
  interpreter = next
  return previous
}

/**
 * Taken branches and calls between two looks of the driver at a running loop. Measured on seven workloads: 200, 1,000 and 5,000 are equal
 * within noise; without slices V8 often runs an on-stack replacement for good, which does not know the arenas' addresses (1.1 to 2
 * times slower).
 */
const SLICE = 1000
CTX[Ctx.Slice] = SLICE
let slice = SLICE

/** Sets how long slices are: tests make native code come at once. */
export function setSlice(branches: number): void {
  slice = CTX[Ctx.Slice] = branches
}

/**
 * Activations inside activations. Each costs about 1 KiB of JavaScript's stack for us, and what the host functions between them
 * take; the default stack of V8 has 984 KiB.
 */
export const MAX_NESTED = 256
let nested = 0

/**
 * Calls function `fid`, whose arguments lie from slot `base` (`enter`). Runs to completion; results lie from `base` then, until the
 * next `enter`. Throws a `Trap`, a `WasmThrow` or the exception of a host function.
 */
export function call(fid: number, base: number): void {
  activate(fid, base, Stoppable.No)
}

/**
 * Likewise, but the activation may stop before its end: then it is the result. A host function stops it by throwing `SUSPEND`, the
 * store's `Control` for want of fuel or time.
 */
export function start(fid: number, base: number, stoppable = Stoppable.Any): SuspendedActivation | undefined {
  activate(fid, base, stoppable)
  return takeStopped()
}

/** What `activate` was stopped for, until `start` or `resume` takes it. */
let stopped: SuspendedActivation | undefined

function takeStopped(): SuspendedActivation | undefined {
  const result = stopped
  stopped = undefined
  return result
}

function storeOf(fid: number): Store {
  const record = fid << FUNC_WORDS_LOG2
  const id = FUNC[record + Func.Instance]
  return (id < 0 ? HOSTS[FUNC[record + Func.Index]]! : INSTANCES[id]).store
}

function activate(fid: number, base: number, stoppable: Stoppable): void {
  const bottom = CTX[Ctx.Fsp] + FRAME_WORDS
  const record = fid << FUNC_WORDS_LOG2
  if (bottom > FRAME_END) exhausted(base)
  FS[bottom + Frame.Fid] = fid
  FS[bottom + Frame.ReturnPc] = Pc.Done
  FS[bottom + Frame.Delta] = 0
  FS[bottom + Frame.Switch] = 0
  const end = base + FUNC[record + Func.Slots]
  run(storeOf(fid), base, bottom, FUNC[record + Func.Entry], base, bottom, end, stoppable, undefined)
}

/**
 * Continues a stopped activation. If a host function stopped it, `finish` does what is left of the call, that is, it writes the results
 * from the slot it is given, or throws. Returns the activation if it was stopped again; else the results lie from CTX[Ctx.Top], until
 * the next `enter`.
 */
export function resume(suspended: SuspendedActivation, finish?: HostCall): SuspendedActivation | undefined {
  const { store, words, frames, stoppable, segments } = suspended
  if (suspended.resumed) bug('an activation is resumed twice')
  store.wake(suspended)
  const base = CTX[Ctx.Top]
  const bottom = CTX[Ctx.Fsp] + FRAME_WORDS
  const fsp = bottom + frames.length - FRAME_WORDS
  const end = base + (words.length >> 1)
  if (fsp > FRAME_END || end > STACK_SLOTS || nested === MAX_NESTED) exhausted(base)
  if (segments !== undefined && !nativeRunner()!.copyIn(segments, bottom)) exhausted(base)
  suspended.resumed = true
  R.set(words, base << 1)
  FS.set(frames, bottom)
  store.observer?.resumed(suspended, bottom)
  run(store, base, bottom, suspended.pc, base + suspended.fp, fsp, end, stoppable, finish)
  return takeStopped()
}

/** What is called for a host function: its arguments and results from `base`. */
export type HostCall = (base: number) => void

function exhausted(base: number): never {
  CTX[Ctx.Top] = base
  throw new Trap(TrapCode.StackExhausted, backtrace(), omittedFrames())
}

/**
 * Runs the frames [bottom, fsp] as an activation, from pc, and restores the registers of the one around it. `finish` takes the place of
 * the host function's call in the top frame.
 */
function run(
  store: Store,
  base: number,
  bottom: number,
  startPc: number,
  startFp: number,
  startFsp: number,
  end: number,
  stoppable: Stoppable,
  finish: HostCall | undefined,
): void {
  if (nested === MAX_NESTED) exhausted(base)
  const pc = CTX[Ctx.Pc]
  const fp = CTX[Ctx.Fp]
  const fsp = CTX[Ctx.Fsp]
  const stackEnd = CTX[Ctx.StackEnd]
  const { control } = store
  nested++
  control.depth++
  try {
    // The first host call looks, so that the deadline is set.
    if (control.depth === 1) untilPoll = 1
    if (nested === 1) {
      CTX[Ctx.StackEnd] = Math.min(STACK_SLOTS, store.limits.stackSlots)
      CTX[Ctx.FrameEnd] = FRAME_END
    }
    if (end > CTX[Ctx.StackEnd]) exhausted(base)
    CTX[Ctx.Pc] = startPc
    CTX[Ctx.Fp] = startFp
    CTX[Ctx.Fsp] = startFsp
    if (finish === undefined || !callHost(store, bottom, stoppable, finish)) drive(store, bottom, stoppable)
  } catch (thrown) {
    const error = whatIsThrown(store, thrown)
    store.observer?.failed(bottom, error)
    throw error
  } finally {
    // Hardly a function is called here: JavaScript's stack may be full.
    nested--
    control.depth--
    if (control.depth === 0) control.deadline = Infinity
    CTX[Ctx.Pc] = pc
    CTX[Ctx.Fp] = fp
    CTX[Ctx.Fsp] = fsp
    CTX[Ctx.StackEnd] = stackEnd
    CTX[Ctx.Top] = base
    nativeRunner()?.unwind(fsp)
  }
}

/** Runs the activation whose bottom frame record is at `bottom` until that frame has returned, or it is stopped. */
function drive(store: Store, bottom: number, stoppable: Stoppable): void {
  for (;;) {
    const isOurs = CTX[Ctx.Pc] >= Pc.Host && CTX[Ctx.Pc] < Pc.First
    const exit = isOurs ? Exit.Host : store.metered ? runMetered(store) : interpreter.run()
    switch (exit) {
      case Exit.Done:
        return
      case Exit.Host:
        if (
          CTX[Ctx.Pc] === Pc.Host ? callHost(store, bottom, stoppable, undefined) : runNative(store, bottom, stoppable)
        )
          return
        if (--untilPoll === 0) {
          if (poll(store, bottom, stoppable)) return
          // No slice ends where so much leaves the loop: the next branch ends one, so that it is seen where the program is.
          if (store.native !== undefined) CTX[Ctx.Slice] = 0
        }
        break
      case Exit.Build:
        buildTop(store)
        break
      case Exit.Slice:
        CTX[Ctx.Slice] = slice
        if (poll(store, bottom, stoppable)) return
        store.native?.hot()
        break
      case Exit.Throw: {
        const word = CTX[Ctx.A]
        const handler = unwind(bottom, store.heap.tagOf(word))
        if (handler === undefined) throw toThrow(store, word)
        deliver(store, handler, word)
        if (--untilPoll === 0 && poll(store, bottom, stoppable)) return
        break
      }
      case Exit.Trap:
        throw new Trap(CTX[Ctx.A], backtrace(), omittedFrames())
      case Exit.Fuel:
        if (outOfFuel(store, bottom, stoppable, undefined)) return
        store.native?.hot()
        break
      default:
        bug(`exit ${exit}`)
    }
  }
}

/** A portion of fuel is used up: there is another one, or the activation stops, or traps. Whether it has stopped. */
function outOfFuel(store: Store, bottom: number, stoppable: Stoppable, needed: number | undefined): boolean {
  if (store.control.refuel(needed)) return poll(store, bottom, stoppable)
  if (stoppable !== Stoppable.Any) throw new Trap(TrapCode.OutOfFuel, backtrace(), omittedFrames())
  stop(store, bottom, stoppable, 'fuel')
  return true
}

/** Runs the native segment on top, which CTX[Ctx.Pc] may be about to enter. Whether the activation is at an end. */
function runNative(store: Store, bottom: number, stoppable: Stoppable): boolean {
  const native = nativeRunner()!
  if (CTX[Ctx.Pc] === Pc.Native) native.enter()
  else if (CTX[Ctx.Pc] === Pc.NativeReturn) native.finishCall()
  CTX[Ctx.Pc] = Pc.NativeResume
  for (;;) {
    if (store.metered) store.control.load()
    const exit = native.run()
    if (store.metered) store.control.settle()
    switch (exit) {
      case NativeExit.Done: {
        const fsp = CTX[Ctx.Fsp]
        popFrame(fsp, CTX[Ctx.Fp])
        return fsp === bottom
      }
      case NativeExit.Call:
        return false
      case NativeExit.Trap:
        throw new Trap(CTX[Ctx.A], backtrace(), omittedFrames())
      case NativeExit.Poll:
        if (poll(store, bottom, stoppable)) return true
        break
      case NativeExit.Fuel:
        if (outOfFuel(store, bottom, stoppable, CTX[Ctx.A])) return true
    }
  }
}

function runMetered(store: Store): Exit {
  store.control.load()
  const exit = interpreter.runMetered()
  store.control.settle()
  return exit
}

/**
 * Host calls and exceptions between two looks: a loop that leaves with one begins a new slice each time. A look costs 40 ns, such an exit
 * twice that.
 */
const EXITS_PER_POLL = 32
let untilPoll = EXITS_PER_POLL

/** Stops running code that is to stop: a trap, or a pause of an activation that can; then the result is true. */
function poll(store: Store, bottom: number, stoppable: Stoppable): boolean {
  untilPoll = EXITS_PER_POLL
  const reason = store.control.stopReason()
  if (stoppable !== Stoppable.Any) {
    if (reason !== undefined) throw interrupted(store)
    return false
  }
  if (reason === undefined && !store.control.shouldYield) return false
  stop(store, bottom, stoppable, reason ?? 'yield')
  return true
}

/** What an activation ends with, for what was thrown in it. */
function whatIsThrown(store: Store, error: unknown): unknown {
  if (error === INTERRUPTED) return interrupted(store)
  return isHostStackOverflow(error) ? new Trap(TrapCode.StackExhausted, backtrace(), 0, { cause: error }) : error
}

/** The trap of code that must stop; its cause says why. */
function interrupted(store: Store): Trap {
  return new Trap(TrapCode.Interrupted, backtrace(), omittedFrames(), { cause: store.control.interruption() })
}

/** Calls the host function of the top frame (or `finish`) and returns from it. Whether the activation is at an end. */
function callHost(store: Store, bottom: number, stoppable: Stoppable, finish: HostCall | undefined): boolean {
  const fsp = CTX[Ctx.Fsp]
  const fp = CTX[Ctx.Fp]
  const record = FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2
  CTX[Ctx.Top] = fp + FUNC[record + Func.Slots]
  const { observer } = store
  if (observer !== undefined && finish === undefined) observer.hostCalled(fsp, HOSTS[FUNC[record + Func.Index]]!, fp)
  try {
    if (finish === undefined) HOSTS[FUNC[record + Func.Index]]!.call(fp, stoppable)
    else finish(fp)
  } catch (error) {
    if (error === SUSPEND) {
      if (stoppable === Stoppable.No) throw new Error('a host function cannot suspend a synchronous call')
      stop(store, bottom, stoppable, 'host')
      return true
    }
    if (observer !== undefined) observer.hostThrew(fsp, HOSTS[FUNC[record + Func.Index]]!, error)
    catchHostError(store, bottom, error)
    return false
  }
  if (observer !== undefined) observer.hostReturned(fsp, HOSTS[FUNC[record + Func.Index]]!, fp)
  // The results are in the frame, which is a root until it is popped.
  if (store.collectionDue) store.collect()
  popFrame(fsp, fp)
  return fsp === bottom
}

/** Copies the activation out of the stacks. */
function stop(store: Store, bottom: number, stoppable: Stoppable, why: 'host' | StopReason): void {
  const fsp = CTX[Ctx.Fsp]
  const fp = CTX[Ctx.Fp]
  let base = fp
  for (let f = fsp; f > bottom; f -= FRAME_WORDS) base -= FS[f + Frame.Delta]
  const end = fp + FUNC[(FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2) + Func.Slots]
  const pc = why === 'host' ? Pc.Host : CTX[Ctx.Pc]
  const words = R.slice(base << 1, end << 1)
  const frames = FS.slice(bottom, fsp + FRAME_WORDS)
  const segments = nativeRunner()?.copyOut(bottom)
  stopped = new SuspendedActivation(store, words, frames, fp - base, pc, stoppable, why, segments)
  store.observer?.stopped(stopped, bottom)
}

function popFrame(fsp: number, fp: number): void {
  CTX[Ctx.Pc] = FS[fsp + Frame.ReturnPc]
  CTX[Ctx.Fp] = fp - FS[fsp + Frame.Delta]
  CTX[Ctx.Fsp] = fsp - FRAME_WORDS
}

/** Continues at the handler of what a host function threw, or throws it on. */
function catchHostError(store: Store, bottom: number, error: unknown): void {
  if (isUncatchable(error)) throw error
  if (isHostStackOverflow(error))
    throw new Trap(TrapCode.StackExhausted, backtrace(), omittedFrames(), { cause: error })
  popFrame(CTX[Ctx.Fsp], CTX[Ctx.Fp])
  CTX[Ctx.Pc]--
  const ours = error instanceof WasmThrow && error.store === store
  const handler = unwind(bottom, ours ? store.heap.tagOf(error.word) : store.jsTag.id)
  if (handler === undefined) throw error
  deliver(store, handler, ours ? error.word : wrapJsException(store, error))
}

/** Finds the handler of an exception that arises at the registers in CTX and drops the frames above it. */
function unwind(bottom: number, tagId: number): Handler | undefined {
  let pc = CTX[Ctx.Pc]
  let fp = CTX[Ctx.Fp]
  for (let fsp = CTX[Ctx.Fsp]; fsp >= bottom; fsp -= FRAME_WORDS) {
    // Native code handles no exceptions.
    const handler = pc < Pc.First ? undefined : interpreter.findHandler(FS[fsp + Frame.Fid], pc, tagId)
    if (handler !== undefined) {
      CTX[Ctx.Fp] = fp
      CTX[Ctx.Fsp] = fsp
      nativeRunner()?.unwind(fsp)
      return handler
    }
    // Inside the call instruction.
    pc = FS[fsp + Frame.ReturnPc] - 1
    fp -= FS[fsp + Frame.Delta]
  }
  return undefined
}

/** Goes on in the top frame at its handler. */
function deliver(store: Store, handler: Handler, word: number): void {
  store.observer?.caught(CTX[Ctx.Fsp])
  let slot = CTX[Ctx.Fp] + handler.dest
  if (handler.copyPayload) slot = readPayload(store, word, slot)
  if (handler.withRef) R[slot << 1] = word
  CTX[Ctx.Pc] = handler.targetPc
}

/** Builds the function of the top frame and goes to its entry. */
function buildTop(store: Store): void {
  const record = FS[CTX[Ctx.Fsp] + Frame.Fid] << FUNC_WORDS_LOG2
  const instance = INSTANCES[FUNC[record + Func.Instance]]
  const index = FUNC[record + Func.Index]
  if (store.native?.build(instance, index) !== true) interpreter.build(instance, index)
  if (CTX[Ctx.Fp] + FUNC[record + Func.Slots] > CTX[Ctx.StackEnd]) {
    throw new Trap(TrapCode.StackExhausted, backtrace(), omittedFrames())
  }
  CTX[Ctx.Pc] = FUNC[record + Func.Entry]
}

/** Whether JavaScript's own stack is full: in the host functions of deeply nested activations, or below us. */
function isHostStackOverflow(error: unknown): boolean {
  if (error instanceof RangeError) return error.message.includes('call stack')
  return error instanceof Error && error.name === 'InternalError' && error.message.includes('recursion')
}

/** The Wasm frames from the registers in CTX down, through all activations. */
export function backtrace(): WasmFrame[] {
  const frames: WasmFrame[] = []
  let pc = CTX[Ctx.Pc]
  let last: WasmFrame | undefined
  let lastFid = -1
  let lastPc = -1
  for (let fsp = CTX[Ctx.Fsp]; fsp >= 0 && frames.length < MAX_BACKTRACE; fsp -= FRAME_WORDS) {
    const fid = FS[fsp + Frame.Fid]
    const record = fid << FUNC_WORDS_LOG2
    const id = FUNC[record + Func.Instance]
    const native = nativeRunner()?.framesOf(fsp)
    if (native !== undefined) frames.push(...native.slice(0, MAX_BACKTRACE - frames.length))
    else if (id >= 0) {
      // Recursion repeats frames; finding an offset is not cheap.
      if (last === undefined || fid !== lastFid || pc !== lastPc) {
        const { module } = INSTANCES[id]
        const index = FUNC[record + Func.Index]
        const offset =
          pc < Pc.First ? module.codeStart[index - module.importedFuncs] : interpreter.wasmOffsetAt(fid, pc)
        last = { module, index, offset }
        lastFid = fid
        lastPc = pc
      }
      frames.push(last)
    }
    pc = FS[fsp + Frame.ReturnPc] - 1
  }
  return frames
}

/** Frames that `backtrace` leaves out. */
function omittedFrames(): number {
  let count = 0
  for (let fsp = CTX[Ctx.Fsp]; fsp >= 0; fsp -= FRAME_WORDS) {
    if (FUNC[(FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2) + Func.Instance] >= 0) count++
  }
  return Math.max(0, count - MAX_BACKTRACE)
}
