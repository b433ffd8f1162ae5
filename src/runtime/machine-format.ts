// What is where in the machine's memory (machine.ts): numbers only, so that whoever needs no memory can have them without it.

/** Word offsets in a function record. */
export const enum Func {
  /** pc to start at. `Pc.Build` until the IR is built, `Pc.Host` for host functions. */
  Entry = 0,
  /** Instance id (index in `INSTANCES`); -1 for host functions. */
  Instance = 1,
  /** Canonical type id. */
  Type = 2,
  /** Function index in its module (imports included); for a host function its index in `HOSTS`. */
  Index = 3,
  /** Frame size in slots; valid once built. For host functions: max(parameter slots, result slots). */
  Slots = 4,
  /** How often the function was found running when a slice was used up, or was called by machine code while it had none itself. */
  Counter = 5,
  /** Not used. */
  Reserved = 6,
  /** Parameter slots (low 16 bits are enough for 1,000 v128 parameters). */
  ParamSlots = 7,
}
export const FUNC_WORDS_LOG2 = 3

/** Word offsets in a frame record. The record belongs to the function that runs in the frame. */
export const enum Frame {
  /** fid of the running function. */
  Fid = 0,
  /** pc at which the caller continues. `Pc.Done` in the bottom frame of an activation. */
  ReturnPc = 1,
  /** fp of this frame minus fp of the caller: relative, so that a suspended stack can be copied back elsewhere. */
  Delta = 2,
  /** 1 if the caller belongs to another instance (its views must be loaded again at return), else 0. */
  Switch = 3,
}
export const FRAME_WORDS = 4

/** Fixed code at the bottom of the CODE arena. */
export const enum Pc {
  /** Exits with `Exit.Done`. */
  Done = 1,
  /** Exits with `Exit.Build`: the function on top of the frame stack has no IR yet. */
  Build = 2,
  /** Exits with `Exit.Host`: the function on top of the frame stack is a host function, arguments at fp. */
  Host = 3,
  /** Likewise: the function on top of the frame stack has machine code, arguments at fp. */
  Native = 4,
  /** Likewise: what the native segment on top of the frame stack had called is done. */
  NativeReturn = 5,
  /** Likewise: the native segment on top of the frame stack goes on. */
  NativeResume = 6,
  /** First word of ordinary code. */
  First = 8,
}

/** Why a loop returned. The machine registers are in CTX; see each for where pc stands. */
export const enum Exit {
  /** The bottom frame returned; its results are at fp. */
  Done = 0,
  /** A trap: CTX[Ctx.A] is the `TrapCode`, pc the instruction that trapped. */
  Trap = 1,
  /** An exception: CTX[Ctx.A] is the exception reference (never null), pc the throwing instruction. */
  Throw = 2,
  /** Not for the loop: the pc says what, `Pc.Host` or one of `Pc.Native...`. A host function is returned from like any function. */
  Host = 3,
  /** The function of the top frame must be built; then run again from its entry. */
  Build = 4,
  /** Out of fuel at pc; run again from pc after adding some. */
  Fuel = 5,
  /** The slice (CTX[Ctx.Slice]) is used up; run again from pc. */
  Slice = 6,
}

/** Word offsets in CTX. */
export const enum Ctx {
  Pc = 0,
  Fp = 1,
  /** Index in FS of the top frame record. */
  Fsp = 2,
  /** Exit payload. */
  A = 3,
  B = 4,
  /** First slot that no frame may reach: the stack cap of the running activation. */
  StackEnd = 5,
  /** Index in FS of the last frame record there may be. */
  FrameEnd = 6,
  /** Taken branches and calls that a loop may do before it leaves with `Exit.Slice`. Read at entry. */
  Slice = 7,
  /** Fuel of a metered loop: in when it starts, what is left when it has left. */
  Fuel = 9,
  /** First free slot of RS while JavaScript runs: arguments of the next activation go there (activation.ts). */
  Top = 8,
}

export const enum TrapCode {
  Unreachable = 1,
  MemoryOutOfBounds = 2,
  TableOutOfBounds = 3,
  /** call_indirect beyond the table: wasm "undefined element". */
  UndefinedElement = 4,
  UninitializedElement = 5,
  IndirectCallTypeMismatch = 6,
  DivideByZero = 7,
  IntegerOverflow = 8,
  InvalidConversion = 9,
  StackExhausted = 10,
  UnalignedAtomic = 11,
  ExpectedShared = 12,
  NullReference = 13,
  NullFunctionReference = 14,
  NullStructReference = 15,
  NullArrayReference = 16,
  NullI31Reference = 17,
  NullExceptionReference = 18,
  ArrayOutOfBounds = 19,
  CastFailure = 20,
  /** A request beyond the GC heap cap, or an array larger than the implementation limit. */
  AllocationTooLarge = 21,
  OutOfFuel = 22,
  Interrupted = 23,
  /** Of the string builtins of the JS API. */
  StringOutOfBounds = 24,
  InvalidCodePoint = 25,
}

/** 64 MiB of code. A pc is below this (a power of two: the loop masks it). */
export const CODE_WORDS = 1 << 24
/** 8 MiB of registers. */
export const STACK_SLOTS = 1 << 20
/** Frames of all nested activations together. */
export const MAX_FRAMES = 1 << 17
/** Functions of all live instances together. */
export const MAX_FUNCS = 1 << 21
