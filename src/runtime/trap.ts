// Traps: what they are called, and what JavaScript sees of them.

import type { Module } from '../wasm/module.ts'
import { TrapCode } from './machine.ts'

/** By `TrapCode`: wasmtime's text, which the CLI and the embedder API show, and V8's, for the `WebAssembly` namespace. */
const TEXTS: Readonly<Record<TrapCode, readonly [text: string, v8Text: string]>> = {
  [TrapCode.Unreachable]: ['wasm `unreachable` instruction executed', 'unreachable'],
  [TrapCode.MemoryOutOfBounds]: ['out of bounds memory access', 'memory access out of bounds'],
  [TrapCode.TableOutOfBounds]: ['out of bounds table access', 'table index is out of bounds'],
  [TrapCode.UndefinedElement]: ['undefined element: out of bounds table access', 'table index is out of bounds'],
  [TrapCode.UninitializedElement]: ['uninitialized element', 'null function or function signature mismatch'],
  [TrapCode.IndirectCallTypeMismatch]: ['indirect call type mismatch', 'null function or function signature mismatch'],
  [TrapCode.DivideByZero]: ['integer divide by zero', 'divide by zero'],
  [TrapCode.IntegerOverflow]: ['integer overflow', 'divide result unrepresentable'],
  [TrapCode.InvalidConversion]: ['invalid conversion to integer', 'float unrepresentable in integer range'],
  [TrapCode.StackExhausted]: ['call stack exhausted', 'Maximum call stack size exceeded'],
  [TrapCode.UnalignedAtomic]: ['unaligned atomic', 'operation does not support unaligned accesses'],
  [TrapCode.ExpectedShared]: ['expected shared memory', 'Atomics.wait cannot be called in this context'],
  [TrapCode.NullReference]: ['null reference', 'dereferencing a null pointer'],
  [TrapCode.NullFunctionReference]: ['null function reference', 'dereferencing a null pointer'],
  [TrapCode.NullStructReference]: ['null structure reference', 'dereferencing a null pointer'],
  [TrapCode.NullArrayReference]: ['null array reference', 'dereferencing a null pointer'],
  [TrapCode.NullI31Reference]: ['null i31 reference', 'dereferencing a null pointer'],
  [TrapCode.NullExceptionReference]: ['null exception reference', 'dereferencing a null pointer'],
  [TrapCode.ArrayOutOfBounds]: ['out of bounds array access', 'array element access out of bounds'],
  [TrapCode.CastFailure]: ['cast failure', 'illegal cast'],
  [TrapCode.AllocationTooLarge]: ['allocation size too large', 'requested new array is too large'],
  [TrapCode.OutOfFuel]: ['all fuel consumed by WebAssembly', 'all fuel consumed by WebAssembly'],
  [TrapCode.Interrupted]: ['interrupt', 'interrupt'],
  [TrapCode.StringOutOfBounds]: ['out of bounds string access', 'string offset out of bounds'],
  [TrapCode.InvalidCodePoint]: ['invalid code point', 'Invalid code point'],
}

/** wasmtime's text, without `wasm trap: `. */
export const trapText = (code: TrapCode): string => TEXTS[code][0]
/** V8's text. */
export const trapTextV8 = (code: TrapCode): string => TEXTS[code][1]

/** A Wasm frame of a backtrace. Names are looked up when it is printed. */
export interface WasmFrame {
  readonly module: Module
  /** Index of the function in its module. */
  readonly index: number
  /** Byte offset in the module: the instruction that trapped, or the call. */
  readonly offset: number
}

/** Frames kept in a backtrace: the innermost ones. */
export const MAX_BACKTRACE = 64

let observer: ((trap: Trap) => void) | undefined

/** Sets what is called for every trap inside Wasm code, while its frames are still on the stack. */
export function observeTraps(next: (trap: Trap) => void): void {
  observer = next
}

/** A trap: the end of an activation that no Wasm code can catch. */
export class Trap extends Error {
  override readonly name = 'Trap'
  readonly code: TrapCode
  /** Innermost first, at most `MAX_BACKTRACE`. */
  readonly frames: readonly WasmFrame[]
  /** Frames beyond those. */
  readonly omittedFrames: number

  constructor(code: TrapCode, frames: readonly WasmFrame[] = [], omittedFrames = 0, options?: ErrorOptions) {
    super(trapText(code), options)
    this.code = code
    this.frames = frames
    this.omittedFrames = omittedFrames
    if (observer !== undefined && frames.length > 0) observer(this)
  }
}

const uncatchable = new WeakSet<object>()

/** Makes a thrown object pass through Wasm code uncaught, as traps do: a `RuntimeError` made of a trap, a guest's `exit`. */
export function markUncatchable<E extends object>(error: E): E {
  uncatchable.add(error)
  return error
}

/** Whether Wasm handlers must not see a thrown value. */
export const isUncatchable = (error: unknown): boolean =>
  error instanceof Trap || (typeof error === 'object' && error !== null && uncatchable.has(error))
