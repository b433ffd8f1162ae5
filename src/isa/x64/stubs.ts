// The stubs: the code between JavaScript and guest code, and the fault handler. Bytes only; src/native/process-block.ts places them.
//
// Guest code and the stubs agree on this:
//   - arguments and results are in `ARGUMENT_REGISTERS` and xmm0 to xmm7; r15, r14, r13, r12, rbp and rbx survive calls and exits;
//   - r11 and xmm15 belong to nobody: stubs use them;
//   - rsp is always in the stack region, and the context is at a fixed distance from its base (src/native/layout.ts).

import {
  CodeSpace,
  Context,
  ExitCode,
  FunctionStub,
  Instance,
  Mapping,
  ProcessBlock,
  SavedFrame,
  Signal,
  StackRegion,
} from '../../native/layout.ts'
import { Assembler, type Label, type Relocations } from './assembler.ts'
import { Op } from './instructions.ts'
import { Cond, NO_REG, Reg, Size, Xmm } from './registers.ts'

/** Registers of integer arguments and results, in order; `Context.Ints` has them in this order. Those of shifts and divisions are last. */
export const ARGUMENT_REGISTERS: readonly Reg[] = [Reg.Rdi, Reg.Rsi, Reg.R8, Reg.R9, Reg.R10, Reg.Rax, Reg.Rdx, Reg.Rcx]

/** Saved by exits, lowest address first: the order of `SavedFrame`. */
const SAVED_REGISTERS: readonly Reg[] = [Reg.R15, Reg.R14, Reg.R13, Reg.R12, Reg.Rbp, Reg.Rbx]

/** x86-64 Linux: offsets in ucontext_t (uc_mcontext.gregs) and siginfo_t, and the numbers of system calls. */
const enum Linux {
  UcontextRsp = 160,
  UcontextRip = 168,
  UcontextR15 = 96,
  SiginfoCode = 8,
  SiginfoAddress = 16,
  SysRtSigaction = 13,
  SysGetpid = 39,
  SysKill = 62,
  /** Bytes of the kernel's signal set. */
  SigsetBytes = 8,
  /** Bytes of the kernel's struct sigaction: handler, flags, restorer, mask. */
  SigactionBytes = 32,
}

/**
 * What agents of one process must agree on to share a block. Another version of zwasm in the process, with another layout, has another
 * mark: it finds no block of its own and makes one.
 */
const SHARED_LAYOUT = [
  ...[StackRegion.Bytes, StackRegion.Context, CodeSpace.Bytes, CodeSpace.SpanBytes, CodeSpace.Spans],
  ...[Context.HostSp, Context.GuestSp, Context.ExitCode, Context.TrapSignal, Context.TrapPc, Context.TrapAddress],
  ...[Context.TrapSp, Context.TrapCode, Context.Ints, Context.Floats, SavedFrame.Bytes, ExitCode.Done, ExitCode.Trap],
  ...[ProcessBlock.CodeStart, ProcessBlock.CodeEnd, ProcessBlock.WriteDelta, ProcessBlock.Enter, ProcessBlock.Exit],
  ...[
    ProcessBlock.Done,
    ProcessBlock.TrapExit,
    ProcessBlock.Tick,
    ProcessBlock.Chain,
    ProcessBlock.Spans,
    ProcessBlock.Mappings,
  ],
  ...[Mapping.Thread, Mapping.Address, Mapping.Bytes, Mapping.RowBytes, Mapping.Rows],
]

/**
 * Marks our fault handler, so that each agent of the process finds the block: these 16 bytes are at `HANDLER_MAGIC_OFFSET` of it. The last
 * word is a hash of the layout (FNV-1a over words).
 */
export const HANDLER_MAGIC = [
  0x7a776173,
  0x6d666c74,
  0x68646c72,
  SHARED_LAYOUT.reduce((hash, number) => Math.imul(hash ^ number, 0x01000193), 0x811c9dc5 | 0),
]
export const HANDLER_MAGIC_OFFSET = 8
/** Offset in the handler of the address of the process's block. */
export const HANDLER_BLOCK_OFFSET = 24

/** Code of the process and the offsets of its parts. Position-independent, but for the block's address. */
export interface Stubs {
  readonly bytes: Uint8Array
  /** The signal handler. */
  readonly handler: number
  /** Called by FFI with the context: switches to the guest's stack and goes on there. */
  readonly enter: number
  /** The signal handler of ticks: guest code that runs leaves at its next look at the stack limit. */
  readonly tick: number
  /** Where the handler continues after a fault: leaves with `ExitCode.Trap`. */
  readonly trapExit: number
  /** From here on faults are the guest's. */
  readonly guestStart: number
  /** Called by guest code with an exit code in r11d: leaves; comes back when the driver enters again. */
  readonly exit: number
  /** The return address of a function that JavaScript entered. */
  readonly done: number
}

/** Makes the stubs. `block` is the address of the process's block. */
export function makeStubs(block: number): Stubs {
  const asm = new Assembler()
  const handler = emitHandler(asm, block)
  asm.align(16)
  const tick = emitTick(asm, block)
  asm.align(16)
  const enter = emitEnter(asm)
  asm.align(16)
  const leave = asm.newLabel()
  const trapExit = emitTrapExit(asm, leave)
  emitLeave(asm, leave)
  asm.align(16)
  const guestStart = asm.pos
  const exit = asm.newLabel()
  asm.bind(exit)
  emitExit(asm, leave)
  asm.align(16)
  const done = asm.pos
  asm.ri(Op.MovImm32, Size.D, Reg.R11, ExitCode.Done)
  asm.call(exit)
  // The driver drops this activation; to go on here would be a defect.
  asm.op(Op.Ud2)
  asm.finish()
  return {
    bytes: asm.bytes.slice(0, asm.pos),
    handler,
    tick,
    enter,
    trapExit,
    guestStart,
    exit: asm.offsetOf(exit),
    done,
  }
}

/** [base + disp] */
const load = (asm: Assembler, dst: Reg, base: Reg, disp: number): void =>
  asm.rm(Op.Mov, Size.Q, dst, base, NO_REG, 0, disp)
const store = (asm: Assembler, base: Reg, disp: number, src: Reg): void =>
  asm.mr(Op.Mov, Size.Q, base, NO_REG, 0, disp, src)

function emitEnter(asm: Assembler): number {
  const at = asm.pos
  for (const reg of SAVED_REGISTERS.toReversed()) asm.r(Op.Push, Size.Q, reg)
  store(asm, Reg.Rdi, Context.HostSp, Reg.Rsp)
  load(asm, Reg.Rsp, Reg.Rdi, Context.GuestSp)
  asm.rr(Op.Mov, Size.Q, Reg.R11, Reg.Rdi)
  for (let i = 0; i < 8; i++) asm.rm(Op.Movups, Size.D, Xmm.X0 + i, Reg.R11, NO_REG, 0, Context.Floats + 16 * i)
  ARGUMENT_REGISTERS.forEach((reg, i) => load(asm, reg, Reg.R11, Context.Ints + 8 * i))
  for (const reg of SAVED_REGISTERS) asm.r(Op.Pop, Size.Q, reg)
  asm.op(Op.Ret)
  return at
}

/** The context's address into r11. */
function contextToR11(asm: Assembler): void {
  asm.rr(Op.Mov, Size.Q, Reg.R11, Reg.Rsp)
  asm.ri(Op.And, Size.Q, Reg.R11, -StackRegion.Bytes)
  asm.ri(Op.Add, Size.Q, Reg.R11, StackRegion.Context)
}

function emitExit(asm: Assembler, leave: Label): void {
  // A push may run into the guard: a trap like any other, which is why guest code starts here.
  for (const reg of SAVED_REGISTERS.toReversed()) asm.r(Op.Push, Size.Q, reg)
  asm.rr(Op.MovToXmm, Size.D, Xmm.X15, Reg.R11)
  contextToR11(asm)
  ARGUMENT_REGISTERS.forEach((reg, i) => store(asm, Reg.R11, Context.Ints + 8 * i, reg))
  for (let i = 0; i < 8; i++) asm.mr(Op.Movups, Size.D, Reg.R11, NO_REG, 0, Context.Floats + 16 * i, Xmm.X0 + i)
  store(asm, Reg.R11, Context.GuestSp, Reg.Rsp)
  asm.mr(Op.Movss, Size.D, Reg.R11, NO_REG, 0, Context.ExitCode, Xmm.X15)
  asm.jmp(leave)
}

/** Runs on the guest's stack pointer, which may be in the guard: it touches no stack before it has the host's. */
function emitTrapExit(asm: Assembler, leave: Label): number {
  const at = asm.pos
  contextToR11(asm)
  asm.mi(Op.Mov, Size.D, Reg.R11, NO_REG, 0, Context.ExitCode, ExitCode.Trap)
  asm.jmp(leave)
  return at
}

/** Back to the FFI caller. r11: the context. */
function emitLeave(asm: Assembler, leave: Label): void {
  asm.bind(leave)
  load(asm, Reg.Rsp, Reg.R11, Context.HostSp)
  for (const reg of SAVED_REGISTERS) asm.r(Op.Pop, Size.Q, reg)
  asm.op(Op.Ret)
}

/**
 * void handler(int signal, siginfo_t *info, void *ucontext), for faults in guest code of any agent: notes the fault in the agent's context
 * and lets the thread go on in `trapExit`. All else goes to the handler before ours; if there was none, what the kernel does is
 * restored: the instruction faults again, and a signal that somebody sent is sent again.
 */
function emitHandler(asm: Assembler, block: number): number {
  const at = asm.pos
  const body = asm.newLabel()
  const chain = asm.newLabel()
  const ignored = asm.newLabel()
  const asDefault = asm.newLabel()
  asm.jmp(body)
  while (asm.pos < at + HANDLER_MAGIC_OFFSET) asm.op(Op.Int3)
  for (const word of HANDLER_MAGIC) asm.u32(word)
  asm.u32(block)
  asm.u32(Math.floor(block / 2 ** 32))
  asm.bind(body)
  asm.movImm(Reg.Rax, block | 0, Math.floor(block / 2 ** 32))
  load(asm, Reg.Rcx, Reg.Rdx, Linux.UcontextRip)
  asm.rm(Op.Cmp, Size.Q, Reg.Rcx, Reg.Rax, NO_REG, 0, ProcessBlock.CodeStart)
  asm.jcc(Cond.B, chain)
  asm.rm(Op.Cmp, Size.Q, Reg.Rcx, Reg.Rax, NO_REG, 0, ProcessBlock.CodeEnd)
  asm.jcc(Cond.AE, chain)
  // Sent by somebody while guest code ran: no fault of it.
  asm.mi(Op.Cmp, Size.D, Reg.Rsi, NO_REG, 0, Linux.SiginfoCode, 0)
  asm.jcc(Cond.LE, chain)
  load(asm, Reg.R9, Reg.Rdx, Linux.UcontextRsp)
  asm.rr(Op.Mov, Size.Q, Reg.R8, Reg.R9)
  asm.ri(Op.And, Size.Q, Reg.R8, -StackRegion.Bytes)
  asm.ri(Op.Add, Size.Q, Reg.R8, StackRegion.Context)
  store(asm, Reg.R8, Context.TrapPc, Reg.Rcx)
  store(asm, Reg.R8, Context.TrapSp, Reg.R9)
  load(asm, Reg.R9, Reg.Rsi, Linux.SiginfoAddress)
  store(asm, Reg.R8, Context.TrapAddress, Reg.R9)
  asm.mr(Op.Mov, Size.D, Reg.R8, NO_REG, 0, Context.TrapSignal, Reg.Rdi)
  asm.rm(Op.Mov, Size.D, Reg.R9, Reg.Rsi, NO_REG, 0, Linux.SiginfoCode)
  asm.mr(Op.Mov, Size.D, Reg.R8, NO_REG, 0, Context.TrapCode, Reg.R9)
  load(asm, Reg.Rcx, Reg.Rax, ProcessBlock.TrapExit)
  store(asm, Reg.Rdx, Linux.UcontextRip, Reg.Rcx)
  asm.op(Op.Ret)

  asm.bind(chain)
  asm.rr(Op.Mov, Size.D, Reg.Rcx, Reg.Rdi)
  asm.ri(Op.Shl, Size.D, Reg.Rcx, 4)
  asm.rm(Op.Mov, Size.Q, Reg.R8, Reg.Rax, Reg.Rcx, 0, ProcessBlock.Chain)
  asm.ri(Op.Cmp, Size.Q, Reg.R8, 1)
  asm.jcc(Cond.E, ignored)
  asm.jcc(Cond.B, asDefault)
  asm.r(Op.JmpIndirect, Size.Q, Reg.R8)
  // Ignored: only a signal that was sent can be; the kernel ends a process that ignores its own fault.
  asm.bind(ignored)
  asm.mi(Op.Cmp, Size.D, Reg.Rsi, NO_REG, 0, Linux.SiginfoCode, 0)
  const returns = asm.newLabel()
  asm.jcc(Cond.LE, returns)
  asm.bind(asDefault)
  emitDefault(asm, returns)
  asm.bind(returns)
  asm.op(Op.Ret)
  return at
}

/**
 * void tick(int signal, siginfo_t *info, void *ucontext): if the thread runs guest code, takes the stack limit of the instance that runs away
 * (`Instance.StackLimit`). In guest code r15 always is an instance. Elsewhere a tick does nothing; the next one comes soon.
 */
function emitTick(asm: Assembler, block: number): number {
  const at = asm.pos
  const elsewhere = asm.newLabel()
  asm.movImm(Reg.Rax, block | 0, Math.floor(block / 2 ** 32))
  load(asm, Reg.Rcx, Reg.Rdx, Linux.UcontextRip)
  asm.rm(Op.Cmp, Size.Q, Reg.Rcx, Reg.Rax, NO_REG, 0, ProcessBlock.CodeStart)
  asm.jcc(Cond.B, elsewhere)
  asm.rm(Op.Cmp, Size.Q, Reg.Rcx, Reg.Rax, NO_REG, 0, ProcessBlock.CodeEnd)
  asm.jcc(Cond.AE, elsewhere)
  load(asm, Reg.R8, Reg.Rdx, Linux.UcontextR15)
  asm.mi(Op.Mov, Size.Q, Reg.R8, NO_REG, 0, Instance.StackLimit, -1)
  asm.bind(elsewhere)
  asm.op(Op.Ret)
  return at
}

/** rt_sigaction(signal, {SIG_DFL}, 0); if the signal was sent and no fault, kill(getpid(), signal): pending until the handler returns. */
function emitDefault(asm: Assembler, returns: Label): void {
  asm.r(Op.Push, Size.Q, Reg.Rdi)
  asm.r(Op.Push, Size.Q, Reg.Rsi)
  asm.ri(Op.Sub, Size.Q, Reg.Rsp, Linux.SigactionBytes)
  for (let at = 0; at < Linux.SigactionBytes; at += 8) asm.mi(Op.Mov, Size.Q, Reg.Rsp, NO_REG, 0, at, 0)
  asm.rr(Op.Mov, Size.Q, Reg.Rsi, Reg.Rsp)
  asm.rr(Op.Xor, Size.D, Reg.Rdx, Reg.Rdx)
  asm.ri(Op.MovImm32, Size.D, Reg.R10, Linux.SigsetBytes)
  asm.ri(Op.MovImm32, Size.D, Reg.Rax, Linux.SysRtSigaction)
  asm.op(Op.Syscall)
  asm.ri(Op.Add, Size.Q, Reg.Rsp, Linux.SigactionBytes)
  asm.r(Op.Pop, Size.Q, Reg.Rsi)
  asm.r(Op.Pop, Size.Q, Reg.R8)
  asm.mi(Op.Cmp, Size.D, Reg.Rsi, NO_REG, 0, Linux.SiginfoCode, 0)
  asm.jcc(Cond.G, returns)
  asm.ri(Op.MovImm32, Size.D, Reg.Rax, Linux.SysGetpid)
  asm.op(Op.Syscall)
  asm.rr(Op.Mov, Size.D, Reg.Rdi, Reg.Rax)
  asm.rr(Op.Mov, Size.D, Reg.Rsi, Reg.R8)
  asm.ri(Op.MovImm32, Size.D, Reg.Rax, Linux.SysKill)
  asm.op(Op.Syscall)
}

/** The code of a table of function stubs: bytes and what to fill in, the exit stub being symbol `EXIT_SYMBOL`. */
export interface FunctionStubs {
  readonly bytes: Uint8Array
  readonly relocations: Relocations
}

/** The symbol of the exit stub in code that this file makes. */
export const EXIT_SYMBOL = 0

/** A stub for each index from `first` on, at the start; each pushes its index and jumps to a common part. */
function indexStubs(asm: Assembler, first: number): void {
  const common = asm.newLabel()
  for (let i = 0; i < FunctionStub.Count; i++) {
    asm.i(Op.PushImm, first + i)
    asm.jmp(common)
  }
  asm.align(16)
  asm.bind(common)
}

/** Lazy stubs for the indices from `first` on; see `FunctionStub` of layout.ts. */
export function makeLazyStubs(first: number): FunctionStubs {
  const asm = new Assembler()
  indexStubs(asm, first)
  asm.r(Op.Pop, Size.Q, Reg.R11)
  asm.rr(Op.MovToXmm, Size.D, Xmm.X15, Reg.R11)
  contextToR11(asm)
  asm.mr(Op.Movss, Size.D, Reg.R11, NO_REG, 0, Context.LazyIndex, Xmm.X15)
  noteInstance(asm)
  asm.ri(Op.MovImm32, Size.D, Reg.R11, ExitCode.Lazy)
  asm.call(asm.symbolLabel(EXIT_SYMBOL))
  contextToR11(asm)
  asm.m(Op.JmpIndirect, Size.Q, Reg.R11, NO_REG, 0, Context.LazyTarget)
  asm.finish()
  return { bytes: asm.bytes.slice(0, asm.pos), relocations: asm.relocations() }
}

/** Stubs that compiled code calls, and what they need; position-independent but for the exit stub. */
export interface TierStubs extends FunctionStubs {
  /** Leaves with `ExitCode.Runtime`; the builtin's number is in r11d. To the caller it is a call. */
  readonly runtime: number
  /** Leaves with `ExitCode.Poll`; with `ExitCode.Fuel`. No register changes. */
  readonly poll: number
  readonly fuel: number
  /** `ret`. */
  readonly return: number
  /** A return address of calls that went on into another instance: the word behind it is the instance to return in. */
  readonly restore: number
}

export function makeTierStubs(): TierStubs {
  const asm = new Assembler()
  const exit = asm.symbolLabel(EXIT_SYMBOL)
  const runtime = asm.pos
  asm.rr(Op.MovToXmm, Size.D, Xmm.X15, Reg.R11)
  contextToR11(asm)
  asm.mr(Op.Movss, Size.D, Reg.R11, NO_REG, 0, Context.LazyIndex, Xmm.X15)
  noteInstance(asm)
  asm.ri(Op.MovImm32, Size.D, Reg.R11, ExitCode.Runtime)
  asm.jmp(exit)
  asm.align(16)
  const poll = emitKeepingExit(asm, exit, ExitCode.Poll)
  const fuel = emitKeepingExit(asm, exit, ExitCode.Fuel)
  const returns = asm.pos
  asm.op(Op.Ret)
  asm.align(16)
  const restore = asm.pos
  asm.r(Op.Pop, Size.Q, Reg.R15)
  load(asm, Reg.R14, Reg.R15, Instance.Memory0Base)
  asm.op(Op.Ret)
  asm.finish()
  return {
    bytes: asm.bytes.slice(0, asm.pos),
    relocations: asm.relocations(),
    runtime,
    poll,
    fuel,
    return: returns,
    restore,
  }
}

/** A call that leaves and keeps all registers: the exit itself keeps the integer registers and xmm0 to 7. */
function emitKeepingExit(asm: Assembler, exit: Label, code: ExitCode): number {
  const at = asm.pos
  asm.ri(Op.Sub, Size.Q, Reg.Rsp, POLL_FRAME_BYTES)
  for (let i = 0; i < 7; i++) asm.mr(Op.Movups, Size.D, Reg.Rsp, NO_REG, 0, 16 * i, Xmm.X8 + i)
  contextToR11(asm)
  noteInstance(asm)
  asm.ri(Op.MovImm32, Size.D, Reg.R11, code)
  asm.call(exit)
  for (let i = 0; i < 7; i++) asm.rm(Op.Movups, Size.D, Xmm.X8 + i, Reg.Rsp, NO_REG, 0, 16 * i)
  asm.ri(Op.Add, Size.Q, Reg.Rsp, POLL_FRAME_BYTES)
  asm.op(Op.Ret)
  return at
}

/** Bytes between `SavedFrame` at an exit of `poll` or `fuel` and the return address of the code that called it. */
export const POLL_FRAME_BYTES = 16 * 7

/** Writes the id of the instance in r15 to the context in r11. */
function noteInstance(asm: Assembler): void {
  asm.rm(Op.Movss, Size.D, Xmm.X15, Reg.R15, NO_REG, 0, Instance.Id)
  asm.mr(Op.Movss, Size.D, Reg.R11, NO_REG, 0, Context.InstanceId, Xmm.X15)
}

/** The signals that the handler is installed for, in this order: by that of SIGSEGV other agents know that everything is there. */
export const FAULT_SIGNALS: readonly Signal[] = [Signal.Bus, Signal.Ill, Signal.Fpe, Signal.Segv]

if (SAVED_REGISTERS.length * 8 !== SavedFrame.Pc) throw new Error('SavedFrame has the words that exits push')

/**
 * Code that asks the processor what it can do: void probe(context), leaving in `Context.Ints` the registers ebx, ecx, edx of cpuid
 * leaves 1 and 7 and of 0x80000001, and xcr0: eight 32-bit words [1.ecx, 7.ebx, 7.ecx, 0x80000001.ecx, xcr0, 0, 0, 0].
 */
export function makeCpuProbe(): Uint8Array {
  const asm = new Assembler()
  const out = (word: number, reg: Reg): void => asm.mr(Op.Mov, Size.D, Reg.R8, NO_REG, 0, Context.Ints + 4 * word, reg)
  const leaf = (eax: number): void => {
    asm.ri(Op.MovImm32, Size.D, Reg.Rax, eax)
    asm.rr(Op.Xor, Size.D, Reg.Rcx, Reg.Rcx)
    asm.op(Op.Cpuid)
  }
  const noXsave = asm.newLabel()
  const noLeaf7 = asm.newLabel()
  asm.r(Op.Push, Size.Q, Reg.Rbx)
  asm.rr(Op.Mov, Size.Q, Reg.R8, Reg.Rdi)
  for (let word = 0; word < 8; word += 2) asm.mi(Op.Mov, Size.Q, Reg.R8, NO_REG, 0, Context.Ints + 4 * word, 0)
  leaf(0)
  asm.ri(Op.Cmp, Size.D, Reg.Rax, 7)
  asm.jcc(Cond.B, noLeaf7)
  leaf(7)
  out(1, Reg.Rbx)
  out(2, Reg.Rcx)
  asm.bind(noLeaf7)
  leaf(0x80000001 | 0)
  out(3, Reg.Rcx)
  leaf(1)
  out(0, Reg.Rcx)
  // OSXSAVE: xgetbv may be used.
  asm.ri(Op.Test, Size.D, Reg.Rcx, 1 << 27)
  asm.jcc(Cond.E, noXsave)
  asm.rr(Op.Xor, Size.D, Reg.Rcx, Reg.Rcx)
  asm.op(Op.Xgetbv)
  out(4, Reg.Rax)
  asm.bind(noXsave)
  asm.r(Op.Pop, Size.Q, Reg.Rbx)
  asm.op(Op.Ret)
  asm.finish()
  return asm.bytes.slice(0, asm.pos)
}
