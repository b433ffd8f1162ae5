// What a store's observation (trace, profile, coverage) sees of running code. Instrumented code (trace-build.ts) tells it each instruction and
// each function that begins or ends; the driver tells it host calls and frames that end in another way (runtime/observer.ts).
//
//   shadow stack   a copy of the frame records of functions that tell: FS has no mark of what has been told. A frame is popped when its
//                  function returns, by the driver when it is thrown away, and otherwise (tail calls) when the next event shows that
//                  the record belongs to someone else.
//   current        the instruction that was begun last: it is passed on with its results, or with the trap, or without either when
//                  something else happens first (calls, branches).
//
// Nothing is allocated for an instruction here: values are words in two buffers, which the sink reads before it returns.

import type { Module } from '../wasm/module.ts'
import { Op } from '../wasm/op.gen.ts'
import type { CanonType, FuncType } from '../wasm/types.ts'
import { HOSTS, INSTANCES, type HostFunc, type Instance } from '../runtime/instance.ts'
import { CODE, CTX, Ctx, FRAME_WORDS, Frame, FS, FUNC, Func, FUNC_WORDS_LOG2, R, TrapCode } from '../runtime/machine.ts'
import type { Observer } from '../runtime/observer.ts'
import type { SuspendedActivation } from '../runtime/suspended.ts'
import { Trap } from '../runtime/trap.ts'
import { typeDef } from '../wasm/canonical.ts'
import { bug } from '../util/bug.ts'
import { kindOf } from './build.ts'
import { Kind } from './builder.ts'
import { TraceIr, VALUE_KIND_SHIFT } from './code.ts'
import type { Sites } from './coverage.ts'
import type { Profile } from './profile.ts'
import { accessSizeLog2, observeModule } from './trace-build.ts'

/** What the code of a function tells. */
export interface Tellers {
  /** Function number for the profile. */
  readonly number: number
  /** Entry and returns. */
  readonly calls: boolean
  /** All instructions, with values. */
  readonly instructions: boolean
  /** Accesses to memory, with values. */
  readonly memory: boolean
  /** Counts all instructions. */
  readonly sites: Sites | undefined
}

/** Words of a value in `Values`: its kind, then its 32-bit words (four of a v128, two of an i64 or f64, one of others). */
export const VALUE_WORDS = 5

/** Values of operands or results. */
export class Values {
  words: Int32Array<ArrayBuffer> = new Int32Array(16 * VALUE_WORDS)
  count = 0

  /** Takes the value in a slot. */
  add(kind: Kind, slot: number): void {
    const at = this.count++ * VALUE_WORDS
    if (at === this.words.length) {
      const words = new Int32Array(at * 2)
      words.set(this.words)
      this.words = words
    }
    this.words[at] = kind
    this.words[at + 1] = R[slot << 1]
    if (kind === Kind.I32 || kind === Kind.F32 || kind === Kind.Ref) return
    this.words[at + 2] = R[(slot << 1) + 1]
    if (kind !== Kind.V128) return
    this.words[at + 3] = R[(slot << 1) + 2]
    this.words[at + 4] = R[(slot << 1) + 3]
  }

  /** Value i, an i32 or i64, as an unsigned number; exact up to 2^53. */
  unsigned(i: number): number {
    const at = i * VALUE_WORDS
    const high = this.words[at] === Kind.I64 ? this.words[at + 2] >>> 0 : 0
    return high * 2 ** 32 + (this.words[at + 1] >>> 0)
  }

  /** Takes values that are described at `pc` (`TraceIr`); returns the pc behind them. */
  read(pc: number, fp: number): number {
    this.count = 0
    const end = pc + 1 + CODE[pc]
    for (let at = pc + 1; at < end; at++) {
      const word = CODE[at]
      this.add(word >> VALUE_KIND_SHIFT, fp + (word & ((1 << VALUE_KIND_SHIFT) - 1)))
    }
    return end
  }

  /** Takes values of types that lie one behind the other from `slot`. */
  readTypes(types: readonly number[], slot: number): void {
    this.count = 0
    for (const type of types) {
      const kind = kindOf(type)
      this.add(kind, slot)
      slot += kind === Kind.V128 ? 2 : 1
    }
  }
}

/** How a function was left, if it did not return. A trap says which. */
export type LeaveCause = 'exception' | 'tail call' | Trap

export type AccessKind = 'load' | 'store' | 'rmw'

/** Receives the events of a trace, in their order. Values must be read at once. `depth`: functions that are active below. */
export interface TraceSink {
  /** An instruction. `trap` if it trapped. */
  instruction(
    instance: Instance,
    index: number,
    offset: number,
    op: number,
    operands: Values,
    results: Values | undefined,
    trap: Trap | undefined,
  ): void
  /** The results of an instruction during which something else was told: a call. */
  results(instance: Instance, index: number, offset: number, op: number, results: Values): void
  /** `stored`: the operands of a store or read-modify-write; `loaded`: the results of what loads. Neither for what moves bytes. */
  access(
    instance: Instance,
    index: number,
    offset: number,
    op: number,
    kind: AccessKind,
    memory: number,
    address: number,
    byteLength: number,
    stored: Values | undefined,
    loaded: Values | undefined,
  ): void
  entered(instance: Instance, index: number, depth: number, args: Values): void
  returned(instance: Instance, index: number, depth: number, results: Values): void
  left(instance: Instance, index: number, depth: number, cause: LeaveCause): void
  /** The activation on top pauses, or goes on; `depth` functions are active below it. */
  paused(depth: number, why: string): void
  resumed(depth: number): void
  hostCalled(host: HostFunc, depth: number, args: Values): void
  hostReturned(host: HostFunc, depth: number, results: Values): void
  hostThrew(host: HostFunc, depth: number, error: unknown): void
}

export interface TraceSettings {
  readonly exec: boolean
  readonly call: boolean
  readonly mem: boolean
  readonly host: boolean
  /** Whether a function is traced; all are without it. */
  readonly selects: ((module: Module, index: number) => boolean) | undefined
  readonly sink: TraceSink
}

/** `#offset` if no instruction is current. */
const NONE = -1

export class Observation implements Observer {
  readonly instruments: boolean
  readonly #trace: TraceSettings | undefined
  readonly #profile: Profile | undefined
  readonly #sites: Sites | undefined

  /** The shadow stack: places in FS, and functions. */
  #fsps = new Int32Array(64)
  #fids = new Int32Array(64)
  #depth = 0
  /** Of stopped activations: places relative to the activation and functions, in turns; the operands of the current instruction. */
  readonly #stopped = new WeakMap<SuspendedActivation, { readonly frames: number[]; readonly operands: Int32Array }>()

  /** The current instruction: where it is, and its frame. Its operands stay known after it was passed on. */
  #offset = NONE
  #op = 0
  #fid = 0
  #fsp = 0
  readonly #operands = new Values()
  readonly #results = new Values()

  constructor(trace: TraceSettings | undefined, profile: Profile | undefined, sites: Sites | undefined) {
    this.#trace = trace
    this.#profile = profile
    this.#sites = sites
    this.instruments =
      sites !== undefined ||
      (trace !== undefined && (trace.exec || trace.call || trace.mem || trace.selects !== undefined))
  }

  tellers(module: Module, index: number): Tellers | undefined {
    const trace = this.#trace
    this.#sites?.begin(module, index)
    const selected = trace !== undefined && (trace.selects === undefined || trace.selects(module, index))
    const exec = selected && trace.exec
    const mem = selected && trace.mem
    // Who calls a host function is known by the shadow stack.
    const host = selected && trace.host && trace.selects !== undefined
    return {
      number: this.#profile?.numberOf(module, index) ?? 0,
      calls: exec || host || (selected && trace.call) || this.#profile !== undefined,
      instructions: exec,
      memory: mem,
      sites: this.#sites,
    }
  }

  // ---- told by code ---------------------------------------------------------------------------------------------------------

  /** Performs the instruction at pc; returns the pc of the next one. */
  perform(op: number, pc: number, fp: number, instance: Instance): number {
    switch (op) {
      case TraceIr.Count:
        this.#sites!.count(CODE[pc + 1])
        return pc + 2
      case TraceIr.CountEntry:
        this.#sites!.countEntry(CODE[pc + 1])
        return pc + 2
      case TraceIr.Before:
        return this.#begin(pc, fp)
      case TraceIr.After:
        return this.#end(pc, fp, instance)
      case TraceIr.Access:
        this.#access(pc, instance)
        return pc + 6
      case TraceIr.Enter:
        return this.#enter(pc, fp, instance)
      case TraceIr.Leave:
        return this.#leave(pc, fp, instance)
      default:
        return bug(`op 0x${op.toString(16)} tells nothing`)
    }
  }

  #begin(pc: number, fp: number): number {
    this.#flush(undefined)
    this.#fsp = CTX[Ctx.Fsp]
    this.#fid = FS[this.#fsp + Frame.Fid]
    this.#offset = CODE[pc + 1]
    this.#op = CODE[pc + 2]
    return this.#operands.read(pc + 3, fp)
  }

  #end(pc: number, fp: number, instance: Instance): number {
    const next = this.#results.read(pc + 3, fp)
    const trace = this.#trace!
    const offset = CODE[pc + 1]
    const fid = FS[CTX[Ctx.Fsp] + Frame.Fid]
    if (this.#offset === offset && this.#fsp === CTX[Ctx.Fsp]) {
      this.#offset = NONE
      if (trace.exec)
        trace.sink.instruction(instance, indexOf(fid), offset, this.#op, this.#operands, this.#results, undefined)
    } else {
      this.#flush(undefined)
      if (trace.exec) trace.sink.results(instance, indexOf(fid), offset, CODE[pc + 2], this.#results)
    }
    return next
  }

  /** Passes on the instruction that was begun last, if it was not yet. */
  #flush(trap: Trap | undefined): void {
    if (this.#offset === NONE) return
    const offset = this.#offset
    this.#offset = NONE
    const trace = this.#trace!
    if (!trace.exec) return
    trace.sink.instruction(instanceOf(this.#fid), indexOf(this.#fid), offset, this.#op, this.#operands, undefined, trap)
  }

  #access(pc: number, instance: Instance): void {
    this.#flush(undefined)
    const offset = CODE[pc + 1]
    const op = CODE[pc + 2]
    const memory = CODE[pc + 3]
    const { sink } = this.#trace!
    const operands = this.#operands
    const index = indexOf(FS[CTX[Ctx.Fsp] + Frame.Fid])
    if (op === Op.MemoryFill || op === Op.MemoryCopy || op === Op.MemoryInit) {
      const byteLength = operands.unsigned(2)
      const target = operands.unsigned(0)
      if (op === Op.MemoryCopy) {
        const source = operands.unsigned(1)
        sink.access(instance, index, offset, op, 'load', memory, source, byteLength, undefined, undefined)
      }
      const to = op === Op.MemoryCopy ? CODE[pc + 4] : memory
      sink.access(instance, index, offset, op, 'store', to, target, byteLength, undefined, undefined)
      return
    }
    const address = operands.unsigned(0) + (CODE[pc + 5] >>> 0) * 2 ** 32 + (CODE[pc + 4] >>> 0)
    const kind = accessKind(op)
    const waits = op === Op.MemoryAtomicWait32 || op === Op.MemoryAtomicWait64
    const stored = kind === 'load' ? undefined : operands
    const loaded = kind === 'store' || waits ? undefined : this.#results
    sink.access(instance, index, offset, op, kind, memory, address, 1 << accessSizeLog2(op), stored, loaded)
  }

  #enter(pc: number, fp: number, instance: Instance): number {
    this.#flush(undefined)
    const fsp = CTX[Ctx.Fsp]
    const fid = FS[fsp + Frame.Fid]
    // A frame in the same place is that of a caller that ended with a tail call.
    this.#popTo(fsp, 'tail call')
    const next = this.#results.read(pc + 2, fp)
    if (this.#trace?.call === true) this.#trace.sink.entered(instance, indexOf(fid), this.#depth, this.#results)
    this.#push(fsp, fid)
    this.#profile?.enter(CODE[pc + 1])
    return next
  }

  #leave(pc: number, fp: number, instance: Instance): number {
    this.#flush(undefined)
    const fsp = CTX[Ctx.Fsp]
    this.#popTo(fsp + 1, 'tail call')
    if (this.#depth === 0 || this.#fsps[this.#depth - 1] !== fsp) bug('a function returns that was not entered')
    this.#depth--
    this.#profile?.leave()
    const next = this.#results.read(pc + 1, fp)
    const index = indexOf(FS[fsp + Frame.Fid])
    if (this.#trace?.call === true) this.#trace.sink.returned(instance, index, this.#depth, this.#results)
    return next
  }

  // ---- the shadow stack -----------------------------------------------------------------------------------------------------

  /** `fid`: negative for a host function whose caller is not traced. */
  #push(fsp: number, fid: number): void {
    if (this.#depth === this.#fsps.length) {
      this.#fsps = doubled(this.#fsps)
      this.#fids = doubled(this.#fids)
    }
    this.#fsps[this.#depth] = fsp
    this.#fids[this.#depth++] = fid
  }

  /** Pops what is at record `fsp` or above, and below it what ended with a tail call: its record is another function's by now. */
  #popTo(fsp: number, cause: LeaveCause): void {
    while (this.#depth > 0) {
      const place = this.#fsps[this.#depth - 1]
      const fid = this.#fids[this.#depth - 1]
      const isItsOwn = FS[place + Frame.Fid] === Math.abs(fid)
      if (place < fsp && isItsOwn) break
      this.#depth--
      this.#profile?.leave()
      if (this.#trace?.call === true && !isHost(fid))
        this.#trace.sink.left(instanceOf(fid), indexOf(fid), this.#depth, isItsOwn ? cause : 'tail call')
    }
  }

  // ---- told by the driver ---------------------------------------------------------------------------------------------------

  hostCalled(fsp: number, host: HostFunc, base: number): void {
    this.#flush(undefined)
    const trace = this.#trace
    // The caller is below, or its place has been taken by a tail call.
    const isTailCall = this.#depth > 0 && this.#fsps[this.#depth - 1] === fsp
    this.#popTo(fsp, 'tail call')
    const isBelow = this.#depth > 0 && this.#fsps[this.#depth - 1] === fsp - FRAME_WORDS
    const isTold = trace?.host === true && (trace.selects === undefined || isTailCall || isBelow)
    if (isTold) {
      this.#results.readTypes(funcTypeOf(host).params, base)
      trace.sink.hostCalled(host, this.#depth, this.#results)
    }
    const fid = FS[fsp + Frame.Fid]
    this.#push(fsp, isTold ? fid : -fid)
    this.#profile?.enter(this.#profile.numberOfHost(host))
  }

  /** Pops a host function. Whether its calls are told. */
  #popHost(fsp: number): boolean {
    this.#popTo(fsp + 1, 'tail call')
    if (this.#depth === 0 || this.#fsps[this.#depth - 1] !== fsp) bug('a host function ends that was not called')
    this.#profile?.leave()
    return this.#fids[--this.#depth] > 0
  }

  hostReturned(fsp: number, host: HostFunc, base: number): void {
    if (!this.#popHost(fsp)) return
    this.#results.readTypes(funcTypeOf(host).results, base)
    this.#trace!.sink.hostReturned(host, this.#depth, this.#results)
  }

  hostThrew(fsp: number, host: HostFunc, error: unknown): void {
    if (this.#popHost(fsp)) this.#trace!.sink.hostThrew(host, this.#depth, error)
  }

  caught(fsp: number): void {
    this.#flush(undefined)
    this.#popTo(fsp + 1, 'exception')
  }

  failed(bottom: number, error: unknown): void {
    const trap = error instanceof Trap ? error : undefined
    // Limits are no instruction's doing.
    const isLimit = trap?.code === TrapCode.OutOfFuel || trap?.code === TrapCode.Interrupted
    this.#flush(isLimit || this.#fsp !== CTX[Ctx.Fsp] ? undefined : trap)
    this.#popTo(bottom, trap ?? 'exception')
  }

  stopped(activation: SuspendedActivation, bottom: number): void {
    this.#flush(undefined)
    let first = this.#depth
    while (first > 0 && this.#fsps[first - 1] >= bottom) first--
    const frames: number[] = []
    for (let i = first; i < this.#depth; i++) {
      frames.push(this.#fsps[i] - bottom, this.#fids[i])
      this.#profile?.leave()
    }
    // A long operation on memory may pause before its access is told.
    const operands = this.#operands.words.slice(0, this.#operands.count * VALUE_WORDS)
    this.#stopped.set(activation, { frames, operands })
    this.#depth = first
    if (this.#trace?.call === true) this.#trace.sink.paused(first, activation.why)
  }

  resumed(activation: SuspendedActivation, bottom: number): void {
    const { frames, operands } = this.#stopped.get(activation) ?? bug('an activation goes on that was not stopped')
    if (this.#trace?.call === true) this.#trace.sink.resumed(this.#depth)
    for (let i = 0; i < frames.length; i += 2) {
      const fid = Math.abs(frames[i + 1])
      this.#push(frames[i] + bottom, frames[i + 1])
      this.#profile?.goOn(
        isHost(fid)
          ? this.#profile.numberOfHost(hostOf(fid))
          : this.#profile.numberOf(instanceOf(fid).module, indexOf(fid)),
      )
    }
    this.#operands.words.set(operands)
    this.#operands.count = operands.length / VALUE_WORDS
  }
}

const doubled = (column: Int32Array): Int32Array<ArrayBuffer> => {
  const next = new Int32Array(column.length * 2)
  next.set(column)
  return next
}

const record = (fid: number): number => Math.abs(fid) << FUNC_WORDS_LOG2
const isHost = (fid: number): boolean => FUNC[record(fid) + Func.Instance] < 0
const indexOf = (fid: number): number => FUNC[record(fid) + Func.Index]
const instanceOf = (fid: number): Instance => INSTANCES[FUNC[record(fid) + Func.Instance]]
const hostOf = (fid: number): HostFunc => HOSTS[indexOf(fid)]!

function funcTypeOf(host: HostFunc): FuncType<CanonType> {
  const type = typeDef(host.typeId)
  return type.kind === 'func' ? type : bug('a function type is expected')
}

function accessKind(op: number): AccessKind {
  if (op >= Op.I32AtomicRmwAdd) return 'rmw'
  const isStore =
    (op >= Op.I32Store && op <= Op.I64Store32) ||
    op === Op.V128Store ||
    (op >= Op.V128Store8Lane && op <= Op.V128Store64Lane) ||
    op >= Op.I32AtomicStore
  return isStore ? 'store' : 'load'
}

/** Performs an instruction of observed code (`TraceIr`): for the cold ops. */
export const observe = (op: number, pc: number, fp: number, instance: Instance): number =>
  (instance.store.observer as Observation).perform(op, pc, fp, instance)

/** To be called before a function of the instance is built. */
export const observeInstance = ({ module, store }: Instance): void =>
  store.observer?.instruments !== true ? undefined : observeModule(module, store.observer as Observation)
