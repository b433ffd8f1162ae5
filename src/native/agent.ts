// What each JavaScript agent has of its own: a stack for guest code with its context, an alternate stack for signals, and the call that
// enters. One agent runs one piece of guest code at a time; activations that have left lie on the stack below each other.

import { bug } from '../util/bug.ts'
import { ARGUMENT_REGISTERS } from '../isa/x64/stubs.ts'
import { type Ffi, MapFlag, PAGE_BYTES, Prot, type Unavailable } from './ffi.ts'
import { forgetMapping, noteMapping, reclaim } from './mappings.ts'
import { Context, SavedFrame, Signal, SIGNAL_STACK_BYTES, StackRegion } from './layout.ts'
import { getAddress, setAddress, wordsAt } from './pages.ts'
import type { Process } from './process-block.ts'

/** stack_t */
const enum StackT {
  Sp = 0,
  Flags = 8,
  Size = 16,
  Bytes = 24,
}

const SS_DISABLE = 2
/** si_code of a fault that has no address. */
const SI_KERNEL = 0x80

/** Bytes of stack that `start` needs: the frame and its alignment. */
export const START_BYTES = SavedFrame.Bytes + 8 + 16

/** What a fault in guest code was. Addresses are the process's. */
export interface Fault {
  readonly signal: Signal
  /** The faulting instruction. */
  readonly pc: number
  /** What was accessed; of SIGILL and SIGFPE, the instruction. */
  readonly address: number
  /** The stack pointer of the function that faulted. */
  readonly sp: number
  /**
   * The stack is exhausted: the address is in its guard, or a signal for somebody else came when there was no room for the kernel's frame
   * (the kernel makes a fault of that, with no address).
   */
  readonly stackOverflow: boolean
}

export class NativeAgent {
  /** Argument and result registers, in the order of the calling convention: as i32 halves, as i64. */
  readonly ints32: Int32Array
  readonly ints64: BigInt64Array
  /** Vector registers 0 to 7, two f64 or four f32 or i32 words each. */
  readonly floats64: Float64Array
  readonly floats32: Float32Array
  readonly floatWords: Int32Array
  /** What did not fit into registers, 8 bytes each: `Context.Overflow`. */
  readonly overflow32: Int32Array
  readonly overflow64: BigInt64Array
  /** Address of the stack region. */
  readonly region: number
  private readonly ffi: Ffi
  private readonly process: Process
  /** The context. */
  private readonly context: Int32Array
  /** Stack and context, from the end of the guard on. */
  private readonly stack: ArrayBuffer
  private readonly stackWords: Int32Array
  private readonly enter: () => void
  private readonly signalStack: number
  /** Rows of the stacks in the table of mappings. */
  private readonly rows: readonly number[]
  private open = true

  private constructor(ffi: Ffi, process: Process, region: number, signalStack: number) {
    this.ffi = ffi
    this.process = process
    this.region = region
    this.signalStack = signalStack
    this.rows = [
      noteMapping(process, region, StackRegion.Bytes),
      signalStack === 0 ? -1 : noteMapping(process, signalStack, SIGNAL_STACK_BYTES),
    ]
    this.stack = ffi.view(region + StackRegion.GuardBytes, StackRegion.Bytes - StackRegion.GuardBytes)
    this.stackWords = new Int32Array(this.stack)
    const context = StackRegion.Context - StackRegion.GuardBytes
    this.context = new Int32Array(this.stack, context, StackRegion.ContextBytes / 4)
    this.ints32 = new Int32Array(this.stack, context + Context.Ints, 16)
    this.ints64 = new BigInt64Array(this.stack, context + Context.Ints, ARGUMENT_REGISTERS.length)
    this.floats64 = new Float64Array(this.stack, context + Context.Floats, 16)
    this.floats32 = new Float32Array(this.stack, context + Context.Floats, 32)
    this.floatWords = new Int32Array(this.stack, context + Context.Floats, 32)
    this.overflow32 = new Int32Array(this.stack, context + Context.Overflow, 2 * Context.OverflowWords)
    this.overflow64 = new BigInt64Array(this.stack, context + Context.Overflow, Context.OverflowWords)
    this.context[Context.NodeHeight >> 2] = 1
    this.sp = region + StackRegion.Context
    this.enter = ffi.caller(process.enter, region + StackRegion.Context)
  }

  /** Makes what this agent needs, or says what was refused. */
  static create(ffi: Ffi, process: Process): NativeAgent | Unavailable {
    reclaim(ffi, process)
    const region = mapStackRegion(ffi)
    if (typeof region !== 'number') return region
    const signalStack = installSignalStack(ffi)
    if (typeof signalStack === 'number') return new NativeAgent(ffi, process, region, signalStack)
    ffi.munmap(region, StackRegion.Bytes)
    return signalStack
  }

  /** The stack pointer of the activation that is to go on, or of the region's end. Addresses. */
  get sp(): number {
    return getAddress(this.context, Context.GuestSp)
  }

  set sp(sp: number) {
    setAddress(this.context, Context.GuestSp, sp)
  }

  /**
   * Lays the frame of a new activation below the current one: `resume` then calls `code` with the argument registers as they are set,
   * r15 and r14 as given. Keep `sp` before, and set it again when the activation has ended. Contract: `stackLeft` is at least
   * `START_BYTES`.
   */
  start(code: number, r15 = 0, r14 = 0): void {
    // The callee finds its return address at an address that is 8 modulo 16, as in C. The stack's buffer is aligned, too.
    const offset = (this.offsetOf(this.sp) & ~15) - SavedFrame.Bytes - 8
    if (offset < 0) bug('no stack is left for an activation')
    const words = this.stackWords
    for (let at = SavedFrame.R15; at < SavedFrame.Pc; at += 4) words[(offset + at) >> 2] = 0
    setAddress(words, offset + SavedFrame.R15, r15)
    setAddress(words, offset + SavedFrame.R14, r14)
    setAddress(words, offset + SavedFrame.Pc, code)
    setAddress(words, offset + SavedFrame.Bytes, this.process.done)
    this.sp = this.region + StackRegion.GuardBytes + offset
  }

  /**
   * Enters guest code at the frame of `sp`; returns why it left. Contract: the frame was laid by `start` or by an exit, and the code
   * is installed.
   */
  resume(): number {
    if (!this.open) bug('guest code entered after the agent was closed')
    this.enter()
    return this.context[Context.ExitCode >> 2]
  }

  /** After `ExitCode.Lazy`: the index of the function, among those that its module defines. */
  get lazyIndex(): number {
    return this.context[Context.LazyIndex >> 2]
  }

  /** What metered code may use, or has left. Units; less than 2^31. */
  get fuel(): number {
    return this.context[Context.Fuel >> 2]
  }

  set fuel(units: number) {
    this.context[Context.Fuel >> 2] = units
  }

  /** After `ExitCode.Fuel`. */
  get fuelNeeded(): number {
    return this.context[Context.FuelNeeded >> 2]
  }

  /** `Instance.Id` of the instance that guest code left in; not after `ExitCode.Done` and `ExitCode.Trap`. */
  get instanceId(): number {
    return this.context[Context.InstanceId >> 2]
  }

  /** Before resuming after `ExitCode.Lazy`: the code that is called in place of the stub. */
  set lazyTarget(code: number) {
    setAddress(this.context, Context.LazyTarget, code)
  }

  /** A copy of the argument registers as guest code left them: words of the integers, then of the vectors. */
  registers(): Int32Array {
    return this.context.slice(Context.Ints >> 2, (Context.Floats + 128) >> 2)
  }

  setRegisters(words: Int32Array): void {
    this.context.set(words, Context.Ints >> 2)
  }

  /** After `ExitCode.Trap`. */
  fault(): Fault {
    const address = getAddress(this.context, Context.TrapAddress)
    const sp = getAddress(this.context, Context.TrapSp)
    const signal: Signal = this.context[Context.TrapSignal >> 2]
    const inGuard = address >= this.region && address < this.region + StackRegion.GuardBytes
    const noRoom =
      signal === Signal.Segv &&
      this.context[Context.TrapCode >> 2] === SI_KERNEL &&
      sp - this.region < StackRegion.GuardBytes + StackRegion.SignalBytes
    return { signal, pc: getAddress(this.context, Context.TrapPc), address, sp, stackOverflow: inGuard || noRoom }
  }

  /** Words of the stack, to read frames. */
  wordsOf(sp: number, bytes: number): Int32Array {
    return new Int32Array(this.stack, this.offsetOf(sp), bytes >> 2)
  }

  /** Offset in `stack`. */
  private offsetOf(sp: number): number {
    const offset = sp - this.region - StackRegion.GuardBytes
    return offset >= 0 ? offset : bug('a frame would lie in the guard of the stack')
  }

  /** Bytes of stack that are left for activations above `sp`. */
  get stackLeft(): number {
    return this.sp - this.region - StackRegion.GuardBytes
  }

  /** Gives the stacks back. Contract: no guest code of this agent runs or is to go on; its views are not used any more. */
  close(): void {
    if (!this.open) return
    this.open = false
    if (this.signalStack !== 0) removeSignalStack(this.ffi, this.signalStack)
    this.ffi.munmap(this.region, StackRegion.Bytes)
    for (const row of this.rows) forgetMapping(this.process, row)
  }
}

const ANONYMOUS = MapFlag.Private | MapFlag.Anonymous | MapFlag.NoReserve

/** A region aligned to its size: reserves twice that and gives back what is around it. */
function mapStackRegion(ffi: Ffi): number | Unavailable {
  const size = StackRegion.Bytes
  const reserved = ffi.mmap(0, 2 * size, Prot.None, ANONYMOUS, -1, 0)
  if (reserved < 0) return { reason: 'mmap of the guest stack was refused' }
  const region = Math.ceil(reserved / size) * size
  if (region > reserved) ffi.munmap(reserved, region - reserved)
  if (region < reserved + size) ffi.munmap(region + size, reserved + size - region)
  const guard = StackRegion.GuardBytes
  if (ffi.mprotect(region + guard, size - guard, Prot.ReadWrite) >= 0) return region
  ffi.munmap(region, size)
  return { reason: 'mprotect of the guest stack was refused' }
}

/** Installs an alternate stack for this thread; 0 if it has one that is large enough. */
function installSignalStack(ffi: Ffi): number | Unavailable {
  // The first page is a guard; then the stack; the stack_t for the system call lies at its low end.
  const address = ffi.mmap(0, SIGNAL_STACK_BYTES, Prot.ReadWrite, ANONYMOUS, -1, 0)
  if (address < 0) return { reason: 'mmap of the signal stack was refused' }
  const stack = address + PAGE_BYTES
  const words = wordsAt(ffi, stack, 2 * StackT.Bytes)
  ffi.sigaltstack(0, stack)
  const usable = SIGNAL_STACK_BYTES - PAGE_BYTES
  if ((words[StackT.Flags >> 2] & SS_DISABLE) === 0 && getAddress(words, StackT.Size) >= usable) {
    ffi.munmap(address, SIGNAL_STACK_BYTES)
    return 0
  }
  ffi.mprotect(address, PAGE_BYTES, Prot.None)
  setAddress(words, StackT.Sp, stack)
  words[StackT.Flags >> 2] = 0
  setAddress(words, StackT.Size, usable)
  if (ffi.sigaltstack(stack, 0) >= 0) return address
  ffi.munmap(address, SIGNAL_STACK_BYTES)
  return { reason: 'sigaltstack was refused' }
}

function removeSignalStack(ffi: Ffi, address: number): void {
  const stack = address + PAGE_BYTES
  const words = wordsAt(ffi, stack, StackT.Bytes)
  words.fill(0)
  words[StackT.Flags >> 2] = SS_DISABLE
  ffi.sigaltstack(stack, 0)
  ffi.munmap(address, SIGNAL_STACK_BYTES)
}
