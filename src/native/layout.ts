// The layout of everything that machine code and TypeScript share: the one table of offsets. All are in bytes, little-endian.
//
// A *stack region* belongs to one JavaScript agent. It is aligned to its size, so machine code and the fault handler find the context
// from the stack pointer alone: (rsp & -StackRegion.Bytes) + StackRegion.Context.
//
//   region                                                     region + StackRegion.Bytes
//   │ guard, no access │ stack, grows down ◄──────────────────│ context │
//
// Guest code runs with rsp in there; no JavaScript ever does. An activation that has left (exit stub) or was never entered looks so:
//
//   sp ─► r15 │ r14 │ r13 │ r12 │ rbp │ rbx │ pc to go on at │ the frame of the code there ...
//
// and `SavedFrame` names these words. To call code, one lays such a frame with the stub `done` as the return address above the pc.

/** A stack region. Sizes are compile-time constants: the fault handler has them in its code. */
export const enum StackRegion {
  /** 16 MiB: half of what the interpreter's register stack and frame stack have together, for frames that are about half as large. */
  Bytes = 1 << 24,
  /** Frames up to this size need no probe: what a frame touches first below its caller's lies in the guard. */
  GuardBytes = 1 << 16,
  /**
   * Room that a signal without an alternate stack (libuv's) may need where guest code runs: the kernel's frame, with AVX-512 about 4 KiB,
   * and its handler.
   */
  SignalBytes = 1 << 14,
  ContextBytes = 32768,
  /** Offset of the context in the region. */
  Context = Bytes - ContextBytes,
}

/**
 * The context: what enters, exits and traps leave for the driver. Its first 32 bytes are a search-tree node without children, both as
 * glibc and as musl lay it out: `twalk(context, code)` is the fastest way to call code that node:ffi has, and calls `code(context)` once.
 */
export const enum Context {
  NodeKey = 0,
  NodeLeft = 8,
  NodeRight = 16,
  /** i32, 1. */
  NodeHeight = 24,
  /** Stack pointer of the FFI caller while guest code runs. */
  HostSp = 32,
  /** Stack pointer of the guest while it does not run. */
  GuestSp = 40,
  /** i32, an `ExitCode`. */
  ExitCode = 48,
  /** i32, the signal's number after `ExitCode.Trap`. */
  TrapSignal = 52,
  /** Address of the faulting instruction. */
  TrapPc = 56,
  /** Address that was accessed, of SIGSEGV and SIGBUS; of the instruction, of SIGILL and SIGFPE. */
  TrapAddress = 64,
  /** The stack pointer at the fault: the frame of the faulting function. */
  TrapSp = 72,
  /** i32, si_code: what kind of fault, or who sent the signal. */
  TrapCode = 80,
  /** u32, with `ExitCode.Lazy`: the index of the function that was called. */
  LazyIndex = 84,
  /** Where the lazy stub goes on when it is resumed: the code of the function, set by the driver. */
  LazyTarget = 88,
  /** i32: what is left of the portion of fuel; after `ExitCode.Fuel`, i32: what the segment costs that could not be paid. */
  Fuel = 100,
  FuelNeeded = 104,
  /** i32, after exits of guest code that says where it is: `Instance.Id` of the instance in the instance register. */
  InstanceId = 96,
  /** Eight words: argument and result registers in the order of the calling convention (`abi.ts` of the ISA). */
  Ints = 128,
  /** Eight times 16 bytes: vector registers 0 to 7. */
  Floats = 192,
  /**
   * What finds no room in registers: further arguments, further results, and the interpreter's frame at an OSR entry, 8 bytes each. The
   * caller writes them just before the call, the callee reads them first of all; results likewise. Nothing can run in between that
   * uses it, but exits, whose driver takes them out. So no call needs more stack than its return address, and tail calls are jumps.
   */
  Overflow = 1024,
  OverflowWords = (StackRegion.ContextBytes - Overflow) / 8,
}

/** Words of 8 bytes at the saved stack pointer, by offset. */
export const enum SavedFrame {
  R15 = 0,
  R14 = 8,
  R13 = 16,
  R12 = 24,
  Rbp = 32,
  Rbx = 40,
  Pc = 48,
  Bytes = 56,
}

/** Why guest code left. The codes from `FirstFree` on are the JIT driver's. */
export const enum ExitCode {
  /** The function that was entered has returned; results are in `Context.Ints` and `Context.Floats`. */
  Done = 0,
  /** A fault; see Context.Trap*. Guest code cannot go on. */
  Trap = 1,
  /** A function was called that has no code: `Context.LazyIndex` of `Context.InstanceId`. */
  Lazy = 2,
  /** Compiled code wants a builtin of the runtime: `Context.LazyIndex` says which one, arguments and results as of a call. */
  Runtime = 3,
  /** Compiled code looked at `Instance.StackLimit` and is beyond it: the stack is exhausted, or it is to look what else is wanted. */
  Poll = 4,
  /** There is not enough fuel for the segment that metered code is about to enter. It tries again when it is resumed. */
  Fuel = 5,
  FirstFree = 6,
}

/**
 * Lazy stubs: code that stands for a function without code, by its index in the module, shared by all instances (r15 says which). It is
 * called like the function itself, leaves with `ExitCode.Lazy`, and when it is resumed jumps to `Context.LazyTarget`: to the code that the
 * function has now, or to a `ret`, if the driver has done the call and its results are in the registers.
 */
export const enum FunctionStub {
  /** push imm32; jmp rel32. */
  Bytes = 10,
  /** Stubs of one table; index `i` is in table `i / Count`. */
  Count = 2048,
}

/**
 * What machine code reads of an instance, at the address in the instance register (r15). Followed by `ImportCell`s, by the cells of all
 * globals, and by the addresses of imported globals' cells, at offsets that are known when the module is compiled: see `instanceLayout`.
 */
export const enum Instance {
  /** Address of memory 0: the memory register of code that runs in the instance. 0 if there is none, or if its base moves. */
  Memory0Base = 0,
  /**
   * Guest code whose stack pointer is at or below this leaves with `ExitCode.Poll`. The end of what the store may use of the stack, or the
   * highest address there is: then whoever looks, leaves. Written by the driver, and by the timer's signal handler.
   */
  StackLimit = 8,
  /** Address of the addresses of the `MemoryCell`s, 8 bytes each. */
  Memories = 16,
  /** Address of the addresses of the `TableCell`s, 8 bytes each. */
  Tables = 24,
  /** Address of the agent's context. */
  Context = 40,
  /** Address of the first `FunctionRecord` of the agent. */
  FunctionRecords = 48,
  /** Address of the record that the function with index 0 would have, were it defined here. */
  OwnRecords = 56,
  /** The reference that the function with index 0 would have, were it defined here: `ref.func`. u32 */
  OwnRefs = 64,
  /** Id by which the driver finds the instance; -1 of what host functions run in. i32 */
  Id = 68,
  HeaderBytes = 80,
}

/** A memory as machine code sees it; the cell is shared by all instances that have the memory. */
export const enum MemoryCell {
  /** Changes when the memory grows, unless it is a guarded one. */
  Base = 0,
  /** Bytes that may be accessed now, u64. Explicit checks compare with it; guard pages make that unnecessary. */
  Bytes = 8,
  CellBytes = 16,
}

/** A table as machine code sees it; shared like memories. */
export const enum TableCell {
  /** Address of the first entry, a reference as the interpreter has it (4 bytes). Changes when the table grows. */
  Entries = 0,
  /** Number of entries, u64. */
  Length = 8,
  CellBytes = 16,
}
export const TABLE_ENTRY_LOG2 = 2

/**
 * What calling a function needs, by its id, at a base that does not move. A reference is `id << 3 | 2`, so that the record of a reference is
 * at `base + 4 * reference - 8`.
 */
export const enum FunctionRecord {
  /** The address to call: its code, or its lazy stub. */
  Code = 0,
  /** Address of the instance that it runs in. */
  Instance = 8,
  /** Canonical type id, i32. */
  TypeId = 16,
  Bytes = 32,
  ReferenceScaleLog2 = 2,
  ReferenceBias = -8,
}

/** An imported function. */
export const enum ImportCell {
  /** Address of its record. */
  Record = 0,
  /** The reference to it, u32. */
  Reference = 8,
  Bytes = 16,
}

/** A global's cell: any value type fits. */
export const GLOBAL_BYTES = 16

/** Offsets of the parts of an instance whose numbers depend on the module. */
export interface InstanceLayout {
  readonly imports: number
  /** Cells of all globals by index. Those of imported globals are unused: they are reached through `globalRefs`. */
  readonly globals: number
  /** Addresses of imported globals' cells, 8 bytes each. */
  readonly globalRefs: number
  readonly bytes: number
}

/** The layout of a module's instances. */
export function instanceLayout(counts: {
  readonly importedFunctions: number
  readonly globals: number
  readonly importedGlobals: number
}): InstanceLayout {
  const imports = Instance.HeaderBytes
  const globals = imports + counts.importedFunctions * ImportCell.Bytes
  const globalRefs = globals + counts.globals * GLOBAL_BYTES
  return { imports, globals, globalRefs, bytes: globalRefs + counts.importedGlobals * 8 }
}

/** The process's block: one for all agents, found through the fault handler (`process-block.ts`). */
export const enum ProcessBlock {
  /** Guest code lies in [CodeStart, CodeEnd), as it is executed. */
  CodeStart = 0,
  CodeEnd = 8,
  /** Added to the address of code, gives where it can be written; 0 where pages change their protection instead. i64 */
  WriteDelta = 16,
  /** Addresses of the stubs. */
  Enter = 24,
  Exit = 32,
  Done = 40,
  TrapExit = 48,
  /** The signal handler of ticks (ticks.ts). */
  Tick = 56,
  /** The handler before ours, 16 bytes for each signal number: its address (0 default, 1 ignore). */
  Chain = 64,
  /** i32 for each span of the arena: 0 if free, else the id of the thread that has it; -1 of the stubs'. */
  Spans = 1024,
  /** `Mapping.Rows` rows. */
  Mappings = 16384,
  Bytes = 131072,
}

/** A row of the table of pages that threads own. */
export const enum Mapping {
  /** i32: 0 if the row is free, else the thread's id; -1 while the row changes. */
  Thread = 0,
  Address = 8,
  Bytes = 16,
  RowBytes = 24,
  Rows = 4096,
}

/** The mapping of an alternate signal stack: V8's handler runs on it too, the kernel's frame is 1 to 11 KiB (AVX-512, AMX). */
export const SIGNAL_STACK_BYTES = 1 << 16

/** The code arena. 256 MiB, so that a call reaches everywhere with 32 bits. */
export const enum CodeSpace {
  Bytes = 1 << 28,
  /** What an agent takes at a time. */
  SpanBytes = 1 << 17,
  Spans = Bytes / SpanBytes,
}

/** Signals that become traps. Linux's numbers. */
export const enum Signal {
  Ill = 4,
  Bus = 7,
  Fpe = 8,
  Segv = 11,
}
