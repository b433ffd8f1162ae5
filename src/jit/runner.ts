// Runs machine code for the driver: native segments, and what an exit of machine code means. See runtime/tier.ts for the picture.

import { POLL_FRAME_BYTES } from '../isa/x64/stubs.ts'
import { RETURN_WORDS, TRAP_WORDS } from '../isa/x64/emit.ts'
import { START_BYTES } from '../native/agent.ts'
import type { InstanceData } from '../native/data.ts'
import { ExitCode, SavedFrame, StackRegion } from '../native/layout.ts'
import { getAddress } from '../native/pages.ts'
import type { Instance } from '../runtime/instance.ts'
import { Ctx, FRAME_WORDS, Frame, FUNC_WORDS_LOG2, Func, Pc, TrapCode } from '../runtime/machine-format.ts'
import { NativeExit, type NativeFrame, type NativeRunner, type StoppedSegments } from '../runtime/tier.ts'
import type { Builtin } from '../ssa/types.ts'
import { bug } from '../util/bug.ts'
import { BuiltinResult, callBuiltin } from './builtins.ts'
import { findRow, type InstalledCode } from './code-map.ts'
import type { Engine, ModuleCode } from './engine.ts'
import { CTX, FS, FUNC, INSTANCES, R } from './parts.ts'
import type { NativeCells } from './tier.ts'
import { fromRegisters, signatureOf, toRegisters } from './values.ts'

/** What an instance has for machine code. */
export interface NativeData {
  readonly data: InstanceData
  readonly code: ModuleCode
  readonly part: {
    /** The code of a function that machine code calls and that has none; undefined to interpret it. */
    wanted(instance: Instance, index: number): InstalledCode | undefined
  }
}

export const nativeOf = (instance: Instance): NativeData => (instance.native as NativeCells).native as NativeData

/** Frames of a segment that a backtrace has; the driver cuts it at its own limit. */
const MAX_BACKTRACE = 256

/** Words on top of what an activation starts with: for exits, and for a leaf that does not look at the limit. */
const STACK_RESERVE = START_BYTES + 4096

/** As often as the driver looks after host calls. */
const BUILTINS_PER_POLL = 32

/** A native segment: one entry into machine code. */
interface Segment {
  /** Its record in FS. */
  fsp: number
  /** The guest's stack pointer before it: what is below it is its own. */
  sp: number
  /** Type of the function that it waits for. */
  calleeType: number
}

export class Runner implements NativeRunner {
  private readonly segments: Segment[] = []
  private count = 0
  /** By index in `HOSTS`: the function's id. */
  readonly hostFids: number[] = []
  /** The code that `enter` enters, if it is not the function's: a loop of it, with the slots of the frame. */
  private loop: InstalledCode | undefined
  private builtinsUntilPoll = BUILTINS_PER_POLL
  /** The top segment has left with a trap: the fault is in the agent. */
  private trapped = false

  constructor(private readonly engine: Engine) {}

  private get top(): Segment {
    return this.segments[this.count - 1]
  }

  // ---- entering ------------------------------------------------------------------------------------------------------------------

  enter(): void {
    const { agent } = this.engine.platform
    const record = FS[CTX[Ctx.Fsp] + Frame.Fid] << FUNC_WORDS_LOG2
    const instance = INSTANCES[FUNC[record + Func.Instance]]
    const native = nativeOf(instance)
    const loop = this.loop
    this.loop = undefined
    const code = loop ?? native.code.functions[FUNC[record + Func.Index]] ?? bug('no machine code to enter')
    if (instance.store.control.mayStop) this.engine.tick()
    const segment = this.push()
    segment.fsp = CTX[Ctx.Fsp]
    segment.sp = agent.sp
    this.trapped = false
    if (agent.stackLeft < STACK_RESERVE) {
      this.exhausted = true
      return
    }
    const fp = CTX[Ctx.Fp]
    if (loop !== undefined) {
      const words = FUNC[record + Func.Slots] << 1
      agent.overflow32.set(R.subarray(fp << 1, (fp << 1) + words))
    } else toRegisters(agent, signatureOf(FUNC[record + Func.Type]).params, fp)
    agent.start(code.address, native.data.data.address, native.data.memory0Base)
  }

  /** No room was left to enter. */
  private exhausted = false

  private push(): Segment {
    if (this.count === this.segments.length) this.segments.push({ fsp: 0, sp: 0, calleeType: 0 })
    return this.segments[this.count++]
  }

  /** The next `enter` enters this loop of the top frame's function. */
  enterLoop(code: InstalledCode): void {
    this.loop = code
  }

  finishCall(): void {
    const { agent } = this.engine.platform
    toRegisters(agent, signatureOf(this.top.calleeType).results, this.calleeFp())
    agent.lazyTarget = this.engine.stubs.return
  }

  /** Where the frames of what the top segment calls begin. */
  private calleeFp(): number {
    return CTX[Ctx.Fp] + FUNC[(FS[CTX[Ctx.Fsp] + Frame.Fid] << FUNC_WORDS_LOG2) + Func.Slots]
  }

  // ---- running -------------------------------------------------------------------------------------------------------------------

  run(): NativeExit {
    const { agent } = this.engine.platform
    if (this.exhausted) return this.trap(TrapCode.StackExhausted)
    const { metered } = INSTANCES[FUNC[(FS[CTX[Ctx.Fsp] + Frame.Fid] << FUNC_WORDS_LOG2) + Func.Instance]].store
    for (;;) {
      if (metered) agent.fuel = CTX[Ctx.Fuel]
      const exit = agent.resume()
      if (metered) CTX[Ctx.Fuel] = agent.fuel
      switch (exit) {
        case ExitCode.Done: {
          const record = FS[CTX[Ctx.Fsp] + Frame.Fid] << FUNC_WORDS_LOG2
          fromRegisters(agent, signatureOf(FUNC[record + Func.Type]).results, CTX[Ctx.Fp])
          agent.sp = this.top.sp
          this.count--
          return NativeExit.Done
        }
        case ExitCode.Lazy: {
          const exit = this.callLazy(agent.instanceId, agent.lazyIndex)
          if (exit === undefined) break
          return exit
        }
        case ExitCode.Runtime: {
          const instance = INSTANCES[agent.instanceId]
          const result = callBuiltin(agent.lazyIndex as Builtin, instance, agent.ints32, this.calleeFp())
          if (result === BuiltinResult.Trap) return this.trap(CTX[Ctx.A])
          // A tick that comes while JavaScript runs is lost: what calls builtins again and again would hardly see one.
          if (result === BuiltinResult.Slice || --this.builtinsUntilPoll === 0) {
            this.builtinsUntilPoll = BUILTINS_PER_POLL
            return NativeExit.Poll
          }
          break
        }
        case ExitCode.Poll: {
          const { data } = nativeOf(INSTANCES[agent.instanceId])
          data.restoreStackLimit()
          if (data.exhausts(agent.sp)) return this.trap(TrapCode.StackExhausted)
          return NativeExit.Poll
        }
        case ExitCode.Fuel:
          CTX[Ctx.A] = agent.fuelNeeded
          return NativeExit.Fuel
        case ExitCode.Trap:
          this.trapped = true
          return this.trap(this.trapCode())
        default:
          bug('an unknown exit of machine code')
      }
    }
  }

  private trap(code: TrapCode): NativeExit {
    CTX[Ctx.A] = code
    return NativeExit.Trap
  }

  private trapCode(): TrapCode {
    const fault = this.engine.platform.agent.fault()
    if (fault.stackOverflow) return TrapCode.StackExhausted
    const code = this.engine.map.find(fault.pc)
    const row = code === undefined ? -1 : findRow(code.tables.traps, TRAP_WORDS, fault.pc - code.address)
    if (row < 0) bug(`a fault in machine code that may not fault: signal ${fault.signal} at ${fault.address}`)
    return code!.tables.traps[row + 1]
  }

  /** A function without code was called: undefined if it has some now and is to be called. */
  private callLazy(instanceId: number, index: number): NativeExit | undefined {
    const { agent } = this.engine.platform
    let fid: number
    if (instanceId < 0) fid = this.hostFids[index]
    else {
      const instance = INSTANCES[instanceId]
      const code = nativeOf(instance).part.wanted(instance, index)
      if (code !== undefined) {
        agent.lazyTarget = code.address
        return undefined
      }
      fid = instance.funcBase + index
    }
    const record = fid << FUNC_WORDS_LOG2
    const fp = this.calleeFp()
    const fsp = CTX[Ctx.Fsp] + FRAME_WORDS
    if (
      fsp > CTX[Ctx.FrameEnd] ||
      fp + Math.max(FUNC[record + Func.Slots], FUNC[record + Func.ParamSlots]) > CTX[Ctx.StackEnd]
    )
      return this.trap(TrapCode.StackExhausted)
    FS[fsp + Frame.Fid] = fid
    FS[fsp + Frame.ReturnPc] = Pc.NativeReturn
    FS[fsp + Frame.Delta] = fp - CTX[Ctx.Fp]
    FS[fsp + Frame.Switch] = 1
    const type = FUNC[record + Func.Type]
    this.top.calleeType = type
    fromRegisters(agent, signatureOf(type).params, fp)
    CTX[Ctx.Fsp] = fsp
    CTX[Ctx.Fp] = fp
    CTX[Ctx.Pc] = FUNC[record + Func.Entry]
    return NativeExit.Call
  }

  // ---- ending --------------------------------------------------------------------------------------------------------------------

  unwind(fsp: number): void {
    if (this.count === 0 || this.top.fsp <= fsp) return
    while (this.count > 1 && this.segments[this.count - 2].fsp > fsp) this.count--
    this.engine.platform.agent.sp = this.segments[--this.count].sp
    this.trapped = this.exhausted = false
    this.loop = undefined
  }

  // ---- looking -------------------------------------------------------------------------------------------------------------------

  framesOf(fsp: number): NativeFrame[] | undefined {
    let n = this.count - 1
    while (n >= 0 && this.segments[n].fsp > fsp) n--
    if (n < 0 || this.segments[n].fsp !== fsp) return undefined
    const { agent } = this.engine.platform
    const frames: NativeFrame[] = []
    if (n === this.count - 1 && this.exhausted) {
      const record = FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2
      const { module } = INSTANCES[FUNC[record + Func.Instance]]
      const index = FUNC[record + Func.Index]
      frames.push({ module, index, offset: module.codeStart[index - module.importedFuncs] })
    } else if (n === this.count - 1 && this.trapped) this.walkFrom(frames, agent.fault())
    else this.walk(frames, n === this.count - 1 ? agent.sp : this.segments[n + 1].sp)
    return frames
  }

  /** Frames of a segment that has left by an exit. */
  private walk(frames: NativeFrame[], sp: number): void {
    const { agent, process } = this.engine.platform
    const pc = getAddress(agent.wordsOf(sp, SavedFrame.Bytes), SavedFrame.Pc)
    // It was never entered, or the exit was called by a stub: then the code's return address is further up.
    if (pc === process.done) return
    let at = sp + SavedFrame.Bytes
    if (this.engine.map.find(pc) !== undefined) return this.walkReturns(frames, pc, at)
    if (pc >= this.engine.stubs.poll && pc < this.engine.stubs.end) at += POLL_FRAME_BYTES
    this.walkReturns(frames, this.word(at), at + 8)
  }

  /** Frames from a fault. */
  private walkFrom(frames: NativeFrame[], fault: { pc: number; sp: number }): void {
    const { map } = this.engine
    const code = map.find(fault.pc)
    const { prologue } = code?.tables ?? { prologue: [] }
    const offset = fault.pc - (code?.address ?? 0)
    if (code !== undefined && offset >= prologue[prologue.length - 1]) {
      const row = findRow(code.tables.traps, TRAP_WORDS, offset)
      frames.push(this.frame(code, row < 0 ? undefined : code.tables.traps[row + 2]))
      const at = fault.sp + code.tables.frameSize
      return this.walkReturns(frames, this.word(at), at + 8)
    }
    if (code !== undefined) frames.push(this.frame(code, undefined))
    // In a prologue or a stub, whose pushes are not all done: what looks like a return address is one, guest values hardly do.
    for (let at = fault.sp; at < this.end; at += 8) {
      const word = this.word(at)
      const found = map.find(word)
      if (found === undefined || findRow(found.tables.returns, RETURN_WORDS, word - found.address) < 0) continue
      return this.walkReturns(frames, word, at + 8)
    }
  }

  /** Frames from a return address; `at` is behind it. */
  private walkReturns(frames: NativeFrame[], pc: number, at: number): void {
    const { map, platform, stubs } = this.engine
    while (pc !== platform.process.done && frames.length < MAX_BACKTRACE) {
      if (pc === stubs.restore) {
        pc = this.word(at + 8)
        at += 16
        continue
      }
      const code = map.find(pc)
      if (code === undefined) return
      const row = findRow(code.tables.returns, RETURN_WORDS, pc - code.address)
      frames.push(this.frame(code, row < 0 ? undefined : code.tables.returns[row + 1]))
      at += code.tables.frameSize
      pc = this.word(at)
      at += 8
    }
  }

  private frame({ module, index }: InstalledCode, offset: number | undefined): NativeFrame {
    return { module, index, offset: offset ?? module.codeStart[index - module.importedFuncs] }
  }

  private word(at: number): number {
    return at < this.end ? getAddress(this.engine.platform.agent.wordsOf(at, 8), 0) : 0
  }

  private get end(): number {
    return this.engine.platform.agent.region + StackRegion.Context
  }

  visitWords(word: (word: number) => void): void {
    if (this.count === 0) return
    const { agent } = this.engine.platform
    const words = agent.wordsOf(agent.sp, this.end - agent.sp)
    for (let i = 0; i < words.length; i += 2) word(words[i])
    for (let i = 0; i < agent.ints32.length; i += 2) word(agent.ints32[i])
  }

  // ---- stopping and going on -----------------------------------------------------------------------------------------------------

  copyOut(bottom: number): StoppedSegments | undefined {
    let first = this.count
    while (first > 0 && this.segments[first - 1].fsp >= bottom) first--
    if (first === this.count) return undefined
    const { agent } = this.engine.platform
    const base = this.segments[first].sp
    return new Stopped(
      agent.wordsOf(agent.sp, base - agent.sp).slice(),
      agent.registers(),
      this.segments.slice(first, this.count).map(({ fsp, sp, calleeType }) => ({
        fsp: fsp - bottom,
        sp: base - sp,
        calleeType,
      })),
    )
  }

  copyIn(stopped: StoppedSegments, bottom: number): boolean {
    if (!(stopped instanceof Stopped)) return bug('segments of another runner')
    const { agent } = this.engine.platform
    const bytes = stopped.words.byteLength
    // The distance keeps the alignment that the frames were laid with.
    const base = agent.sp - (agent.sp % 16)
    if (agent.stackLeft < bytes + STACK_RESERVE) return false
    const before = agent.sp
    agent.sp = base - bytes
    agent.wordsOf(base - bytes, bytes).set(stopped.words)
    agent.setRegisters(stopped.registers)
    stopped.segments.forEach((from, i) => {
      const segment = this.push()
      segment.fsp = bottom + from.fsp
      segment.sp = i === 0 ? before : base - from.sp
      segment.calleeType = from.calleeType
    })
    return true
  }
}

class Stopped implements StoppedSegments {
  constructor(
    readonly words: Int32Array,
    readonly registers: Int32Array,
    /** Relative to the activation's first record and to the stack pointer before its first segment. */
    readonly segments: readonly Segment[],
  ) {}

  visit(word: (word: number) => void): void {
    for (let i = 0; i < this.words.length; i += 2) word(this.words[i])
    for (let i = 0; i < 16; i += 2) word(this.registers[i])
  }
}
