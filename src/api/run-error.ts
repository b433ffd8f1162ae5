// What the runtime throws, as the errors of the JS API; backtraces.

import { WasmThrow } from '../runtime/exception.ts'
import type { Interruption } from '../runtime/control.ts'
import { LinkFailure } from '../runtime/link.ts'
import { TrapCode } from '../runtime/machine.ts'
import { LimitError, type LimitName } from '../runtime/registry.ts'
import { DEFAULT_LIMITS } from '../runtime/store.ts'
import { markUncatchable, Trap, trapText, trapTextV8, type WasmFrame } from '../runtime/trap.ts'
import type { Module } from '../wasm/module.ts'
import { decodeNames, type Names } from '../wasm/names.ts'
import { Op } from '../wasm/op.gen.ts'
import { aborted, timedOut } from './async-call.ts'
import { LinkError, RuntimeError } from './errors.ts'
import { AbortedError, FuelExhaustedError, GcHeapLimitError, LimitExceededError } from './limit-errors.ts'
import { BYTES_PER_SLOT } from './options.ts'
import type { Realm } from './realm.ts'

/** A frame of a Wasm backtrace. */
export interface TrapFrame {
  /** From the name section. */
  readonly moduleName: string | undefined
  readonly functionName: string | undefined
  readonly functionIndex: number
  /** Byte offset in the module. */
  readonly offset: number
}

/** What is known of a trap: see {@link trapInfo}. */
export interface TrapInfo {
  /** As wasmtime words it: `integer divide by zero`. */
  readonly text: string
  /** Innermost first. */
  readonly frames: readonly TrapFrame[]
}

const traps = new WeakMap<object, Trap>()

/** The trap behind an error that a call into WebAssembly threw. */
export const trapOf = (error: unknown): Trap | undefined =>
  typeof error === 'object' && error !== null ? traps.get(error) : undefined

/** The trap behind an error that a call into WebAssembly threw: its text and the Wasm backtrace. Undefined for other errors. */
export function trapInfo(error: unknown): TrapInfo | undefined {
  const trap = trapOf(error)
  if (trap === undefined) return undefined
  return { text: trapText(trap.code), frames: trap.frames.map(describeFrame) }
}

export function toJsError(realm: Realm, error: unknown, self: Function | undefined, what: string): unknown {
  if (error instanceof Trap) return trapError(realm, error, self, what)
  if (error instanceof WasmThrow) return realm.exceptions.wrap(error.word)
  if (error instanceof LinkFailure) return new LinkError(`${what}: ${error.message}`, { cause: error })
  if (error instanceof LimitError) {
    const message = `${what === '' ? '' : `${what}: `}${error.message}`
    const { limit, max } = error
    return limit === undefined || !isOwnLimit(realm, limit)
      ? new RangeError(message, { cause: error })
      : new LimitExceededError(message, limit, max!, { cause: error })
  }
  return error
}

/** Whether a limit is lower than by default. Without limits the errors are exactly those of the standard. */
function isOwnLimit(realm: Realm, limit: LimitName): boolean {
  const { limits } = realm.store
  const field = ({ memory: 'memoryBytes', table: 'tableElements', instances: 'instances' } as const)[limit]
  return limits[field] < DEFAULT_LIMITS[field]
}

/** A RuntimeError, the RangeError that JavaScript throws for a stack overflow, or the error of a limit. */
function trapError(realm: Realm, trap: Trap, self: Function | undefined, what: string): Error {
  const text = trapMessage(trap)
  // Without a frame it is no instruction that trapped but a segment of the module: V8 names the call.
  const message = trap.frames.length === 0 && what !== '' ? `${what}: ${text}` : text
  const error = errorOf(realm, trap, message)
  traps.set(error, trap)
  markUncatchable(error)
  if (self !== undefined) Error.captureStackTrace?.(error, self)
  setStack(error, trap.frames)
  return error
}

function errorOf({ store }: Realm, trap: Trap, message: string): Error {
  switch (trap.code) {
    case TrapCode.StackExhausted:
      return store.limits.stackSlots < DEFAULT_LIMITS.stackSlots
        ? new LimitExceededError(message, 'stack', store.limits.stackSlots * BYTES_PER_SLOT)
        : new RangeError(message)
    case TrapCode.AllocationTooLarge:
      return store.limits.gcHeapBytes < DEFAULT_LIMITS.gcHeapBytes
        ? new GcHeapLimitError(message, store.limits.gcHeapBytes)
        : new RuntimeError(message)
    case TrapCode.OutOfFuel:
      return new FuelExhaustedError(message, store.control.budget)
    case TrapCode.Interrupted: {
      const { reason, timeout, signal } = trap.cause as Interruption
      if (reason === 'deadline') return timedOut(timeout)
      return reason === 'aborted' ? aborted(signal!) : new AbortedError('interrupt: the Vm was interrupted')
    }
    default:
      return new RuntimeError(message)
  }
}

/** V8's text. V8 has a text of its own for remainders, and one for all conversions: the instruction at the offset tells. */
function trapMessage({ code, frames }: Trap): string {
  const op = frames.length === 0 ? 0 : frames[0].module.bytes[frames[0].offset]
  const remainder = op === Op.I32RemS || op === Op.I32RemU || op === Op.I64RemS || op === Op.I64RemU
  if (code === TrapCode.DivideByZero && remainder) return 'remainder by zero'
  const division = op === Op.I32DivS || op === Op.I64DivS
  if (code === TrapCode.IntegerOverflow && !division) return trapTextV8(TrapCode.InvalidConversion)
  return trapTextV8(code)
}

/** Puts the Wasm frames between the head of the stack and the JavaScript frames, in V8's form. */
function setStack(error: Error, frames: readonly WasmFrame[]): void {
  const limit = Error.stackTraceLimit
  if (typeof limit !== 'number' || error.stack === undefined) return
  const firstFrame = error.stack.indexOf('\n    at ')
  const head = firstFrame < 0 ? error.stack : error.stack.slice(0, firstFrame)
  const outer = firstFrame < 0 ? [] : error.stack.slice(firstFrame + 1).split('\n')
  const lines = [...frames.slice(0, limit).map(frameLine), ...outer].slice(0, limit)
  const stack = [head, ...lines].join('\n')
  Object.defineProperty(error, 'stack', { value: stack, writable: true, enumerable: false, configurable: true })
}

function frameLine(frame: WasmFrame): string {
  const { moduleName, functionName } = describeFrame(frame)
  const hash = moduleHash(frame.module)
  const url = `wasm://wasm/${moduleName === undefined ? hash : `${moduleName}-${hash}`}:wasm-function[${frame.index}]:0x${frame.offset.toString(16)}`
  return functionName === undefined ? `    at ${url}` : `    at ${functionName} (${url})`
}

function describeFrame(frame: WasmFrame): TrapFrame {
  const names = namesOf(frame.module)
  return {
    moduleName: names?.module,
    functionName: names?.functions.get(frame.index),
    functionIndex: frame.index,
    offset: frame.offset,
  }
}

const nameCache = new WeakMap<Module, { readonly names: Names | undefined }>()

function namesOf(module: Module): Names | undefined {
  let entry = nameCache.get(module)
  if (entry === undefined) nameCache.set(module, (entry = { names: decodeNames(module) }))
  return entry.names
}

const hashes = new WeakMap<Module, string>()

/** Eight hex digits that stand for the module's bytes (FNV-1a). */
function moduleHash(module: Module): string {
  let text = hashes.get(module)
  if (text === undefined) {
    let hash = 0x811c_9dc5
    for (const byte of module.bytes) hash = Math.imul(hash ^ byte, 0x0100_0193)
    hashes.set(module, (text = (hash >>> 0).toString(16).padStart(8, '0')))
  }
  return text
}
