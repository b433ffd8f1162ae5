// Errors of limits. Each is an error that JavaScript code expects in its place (a RuntimeError where a trap would be, a RangeError
// where the standard has one), and says which limit it was.

import { RuntimeError } from './errors.ts'

/** Names of limits, as in the options of a `Vm`. */
export type Limit = 'fuel' | 'timeout' | 'signal' | 'memory' | 'table' | 'gcHeap' | 'stack' | 'instances' | 'moduleSize'

/** All fuel is consumed. */
export class FuelExhaustedError extends (RuntimeError as unknown as typeof Error) {
  override readonly name = 'FuelExhaustedError'
  readonly limit = 'fuel'
  /** Units that the call (or, without a budget of its own, the `Vm`) had. */
  readonly max: number

  constructor(message: string, max: number) {
    super(message)
    this.max = max
  }
}

/** A call took longer than it may. */
export class DeadlineExceededError extends (RuntimeError as unknown as typeof Error) {
  override readonly name = 'DeadlineExceededError'
  readonly limit = 'timeout'
  /** Milliseconds. */
  readonly max: number

  constructor(message: string, max: number) {
    super(message)
    this.max = max
  }
}

/** A signal was aborted, or another thread interrupted the `Vm`. `cause` is the signal's reason. */
export class AbortedError extends (RuntimeError as unknown as typeof Error) {
  override readonly name = 'AbortedError'
  readonly limit = 'signal'
}

/** The garbage-collected heap has no room for an object. */
export class GcHeapLimitError extends (RuntimeError as unknown as typeof Error) {
  override readonly name = 'GcHeapLimitError'
  readonly limit = 'gcHeap'
  /** Bytes. */
  readonly max: number

  constructor(message: string, max: number) {
    super(message)
    this.max = max
  }
}

/** A module, memory, table or call stack is larger, or instances are more, than they may be. */
export class LimitExceededError extends RangeError {
  override readonly name = 'LimitExceededError'
  readonly limit: 'memory' | 'table' | 'stack' | 'instances' | 'moduleSize'
  /** In the unit of the option: bytes, elements, instances. */
  readonly max: number

  constructor(message: string, limit: LimitExceededError['limit'], max: number, options?: ErrorOptions) {
    super(message, options)
    this.limit = limit
    this.max = max
  }
}
