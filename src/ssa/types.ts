// Types of SSA values, and what the operations of memory and calls refer to.

/**
 * The type of a value. Addresses are `I64`. A reference is a 32-bit word, like an i32, with a type of its own so that a precise
 * collector finds it. Invariant of lowering: the upper 32 bits of a register with an `I32` or `Ref` are zero.
 */
export const enum Type {
  None = 0,
  I32 = 1,
  I64 = 2,
  F32 = 3,
  F64 = 4,
  V128 = 5,
  Ref = 6,
}

/** Names of `Type`, as the printer writes them. */
export const TYPE_NAMES = ['none', 'i32', 'i64', 'f32', 'f64', 'v128', 'ref'] as const

/** No value, no block. */
export const NONE = -1

/** Trap codes of `trapif` and `unreachable`: the numbers of the runtime's `TrapCode`, of which a compiler layer knows these. */
export const enum TrapReason {
  Unreachable = 1,
  MemoryOutOfBounds = 2,
  TableOutOfBounds = 3,
  UndefinedElement = 4,
  UninitializedElement = 5,
  IndirectCallTypeMismatch = 6,
  NullReference = 13,
  NullFunctionReference = 14,
}

/**
 * What `runtime` calls. Operands are those of the Wasm instruction in stack order, then its immediate indices as i32 constants, in the
 * order of the binary format. Addresses and sizes have the type that the memory or table has in Wasm.
 */
export const enum Builtin {
  MemoryGrow,
  MemoryFill,
  MemoryCopy,
  MemoryInit,
  DataDrop,
  TableGrow,
  TableFill,
  TableCopy,
  TableInit,
  ElemDrop,
  /** Whether a function, which is not null, is of a canonical type: [reference, type id] -> i32. */
  IsFunctionOfType,
}

/** Names of `Builtin`. */
export const BUILTIN_NAMES = [
  'memory.grow',
  'memory.fill',
  'memory.copy',
  'memory.init',
  'data.drop',
  'table.grow',
  'table.fill',
  'table.copy',
  'table.init',
  'elem.drop',
  'is function of type',
] as const

/** Types of a call's operands and results. */
export interface Signature {
  readonly params: readonly Type[]
  readonly results: readonly Type[]
}
