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
  ContextBytes = 4096,
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
  /** Eight words: argument and result registers in the order of the calling convention (`abi.ts` of the ISA). */
  Ints = 128,
  /** Eight times 16 bytes: vector registers 0 to 7. */
  Floats = 192,
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
  /** A function was called that has no code yet. Which: `Context.LazyIndex`; of which instance: `SavedFrame.R15`. */
  Lazy = 2,
  FirstFree = 3,
}

/**
 * Function stubs: code that stands for a function by its index, shared by all instances (r15 says which). Both are called like the
 * function itself, with a return address and its arguments.
 *
 * *Lazy* is what the code slot of a function without code points to: it leaves with `ExitCode.Lazy`, and jumps to the code that the driver
 * gives when it resumes. *Dispatch* jumps to what the code slot points to: where an address must not go stale (table entries, imports).
 */
export const enum FunctionStub {
  /** push imm32; jmp rel32. */
  Bytes = 10,
  /** Stubs of one table; index `i` is in table `i / Count`. */
  Count = 2048,
}

/**
 * What machine code reads of an instance, at the address in the instance register (r15). Followed by `ImportCell`s, by globals (16 bytes
 * each) and by code slots (8 bytes for each function defined in the module: the address to call), at offsets that are known when the
 * module is compiled: see `instanceLayout`.
 */
export const enum Instance {
  /** Address and bytes of memory 0, first because it is used most. The base of a memory never moves; the size is an u64. */
  Memory0Base = 0,
  Memory0Bytes = 8,
  /** Address of the addresses of the `MemoryCell`s, 8 bytes each. */
  Memories = 16,
  /** Address of the addresses of the `TableCell`s, 8 bytes each. */
  Tables = 24,
  /** Fuel left, i64, for code that was compiled with fuel. */
  Fuel = 32,
  /** Address of the first code slot. */
  CodeSlots = 40,
  /** Address of the first `FunctionRecord` of the agent. */
  FunctionRecords = 48,
  /** Address of the references to the functions of the instance, u32 each, by function index (imports first): `ref.func`. */
  FunctionRefs = 56,
  /** Id by which the driver finds the instance. u32 */
  Id = 64,
  HeaderBytes = 80,
}

/** A memory as machine code sees it; the cell is shared by all instances that have the memory. */
export const enum MemoryCell {
  Base = 0,
  /** Bytes that may be accessed now, u64. Explicit checks compare with it; guard pages make that unnecessary. */
  Bytes = 8,
  CellBytes = 16,
}

/** A table as machine code sees it; shared like memories. */
export const enum TableCell {
  /** Address of the first entry. Changes when the table grows. */
  Entries = 0,
  /** Number of entries, u64. */
  Length = 8,
  CellBytes = 16,
}

/** An entry of a table of functions: what an indirect call needs, without another load. */
export const enum TableEntry {
  /** Address of the code to call. */
  Code = 0,
  /** Address of the callee's instance. */
  Instance = 8,
  /** Canonical type id, i32; -1 of a null entry, which no signature equals. */
  TypeId = 16,
  /** The reference as the interpreter has it: `table.get`. u32 */
  Reference = 20,
  Bytes = 32,
}

/**
 * What calling a reference needs. One for each function of the agent that a reference can name, at a base that does not move; a
 * reference is `index << ReferenceShift`, with a tag in the low bits.
 */
export const enum FunctionRecord {
  Code = 0,
  Instance = 8,
  Bytes = 16,
  ReferenceShift = 3,
}

/** An imported function: the callee and its instance. */
export const enum ImportCell {
  Code = 0,
  Instance = 8,
  Bytes = 16,
}

/** A global's cell: any value type fits. */
export const GLOBAL_BYTES = 16
/** An address in the instance: a code slot. */
export const CODE_SLOT_BYTES = 8

/** Offsets of the parts of an instance whose numbers depend on the module. */
export interface InstanceLayout {
  readonly imports: number
  readonly codeSlots: number
  /** Globals that the module defines; imported ones are reached through `globalRefs`. */
  readonly globals: number
  /** Addresses of imported globals, 8 bytes each. */
  readonly globalRefs: number
  readonly bytes: number
}

/** The layout of a module's instances. */
export function instanceLayout(counts: {
  readonly importedFunctions: number
  readonly functions: number
  readonly globals: number
  readonly importedGlobals: number
}): InstanceLayout {
  const imports = Instance.HeaderBytes
  const globals = imports + counts.importedFunctions * ImportCell.Bytes
  const codeSlots = globals + counts.globals * GLOBAL_BYTES
  const globalRefs = codeSlots + counts.functions * CODE_SLOT_BYTES
  return { imports, globals, codeSlots, globalRefs, bytes: globalRefs + counts.importedGlobals * 8 }
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
