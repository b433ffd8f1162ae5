// A call that can stop before its end and go on: for want of fuel or time, or because an import returned a promise.

import { runAsync } from './async-call.ts'
import { enter } from '../runtime/activation.ts'
import type { StopReason } from '../runtime/control.ts'
import { resume, start } from '../runtime/driver.ts'
import { CTX, Ctx, FUNC, Func, FUNC_WORDS_LOG2, TrapCode } from '../runtime/machine.ts'
import { Stoppable, type SuspendedActivation } from '../runtime/suspended.ts'
import { Trap } from '../runtime/trap.ts'
import type { Callable, PendingCall, Settled } from './functions.ts'
import { takePending } from './functions.ts'
import { coerceList, getRow, putList } from './marshal.ts'
import { type ControlOptions, readControl } from './options.ts'
import type { Realm } from './realm.ts'
import { type Signature, signatureOf } from './signature.ts'

export interface RunOptions extends ControlOptions {
  /** Let the event loop run whenever the call has used this many units of fuel. Needs a `Vm` with fuel. */
  readonly yieldEvery?: number
  /** Let the event loop run whenever the call has run for this many milliseconds. */
  readonly yieldAfter?: number
}

/**
 * - `ready`: not begun;
 * - `paused`: stopped for `reason`; `run` goes on;
 * - `waiting`: an import returned a promise; `run` goes on when that is settled;
 * - `done`: `value` is the result; `failed`: `error` is what it threw.
 */
export type CallState = 'ready' | 'paused' | 'waiting' | 'done' | 'failed'

/** A call of an exported function that can be stopped and continued. It does nothing until it is run. */
export class Call {
  readonly #realm: Realm
  readonly #fid: number
  readonly #signature: Signature
  readonly #args: unknown[]
  /** Keeps the instance alive. */
  readonly #exported: Function
  readonly #stoppable: Stoppable
  #state: CallState = 'ready'
  #suspended: SuspendedActivation | undefined
  #pending: PendingCall | undefined
  #settled: Settled | undefined
  #reason: StopReason | undefined
  #outcome: unknown
  #stopError: unknown
  /** Units of fuel that the last `run` took; 0 in a `Vm` without fuel. */
  lastFuel = 0

  constructor(realm: Realm, fid: number, exported: Function, args: readonly unknown[], stoppable = Stoppable.Any) {
    this.#realm = realm
    this.#fid = fid
    this.#exported = exported
    this.#signature = signatureOf(FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type])
    this.#args = [...args]
    this.#args.length = this.#signature.params.length
    this.#stoppable = stoppable
  }

  get state(): CallState {
    return this.#state
  }

  /** Why it is paused. */
  get reason(): StopReason | undefined {
    return this.#state === 'paused' ? this.#reason : undefined
  }

  /** The result: of a finished call as `invoke` gives it. Throws what a failed call threw, a TypeError before its end. */
  get value(): unknown {
    if (this.#state === 'failed') throw this.#outcome
    if (this.#state !== 'done') throw new TypeError(`the call is ${this.#state}`)
    return this.#outcome
  }

  /** Bytes that the stopped call holds: its frames. */
  get byteLength(): number {
    return this.#suspended === undefined ? 0 : this.#suspended.words.byteLength + this.#suspended.frames.byteLength
  }

  /**
   * Runs, or goes on, until the call ends or stops. Without limits of its own it runs under those of the `Vm`.
   *
   * @returns the state after it. Nothing is thrown: see `value`.
   * @throws TypeError if the call is over or waits for a promise.
   */
  run(options: RunOptions = {}): CallState {
    if (this.#state === 'done' || this.#state === 'failed') throw new TypeError(`the call is ${this.#state}`)
    if (this.#state === 'waiting' && this.#settled === undefined)
      throw new TypeError('the call waits for a promise: use runAsync')
    const restore = this.#applyLimits(options)
    try {
      this.#advance()
    } finally {
      restore()
    }
    return this.#state
  }

  /**
   * Runs to the end, and waits for promises that imports return: see {@link ModuleInstance.invokeAsync}. The timeout counts from here,
   * waiting included; fuel is for the whole call; an aborted signal ends a call that waits, too. With `yieldEvery` or `yieldAfter`
   * the event loop gets its turns in between.
   *
   * @returns the result as `invoke` gives it. Rejects with what the call throws, or the error of the limit that stopped it.
   */
  async runAsync(options?: RunOptions): Promise<any> {
    return runAsync(this, options)
  }

  /** What a paused call threw if it were not paused: the error for its `reason`. */
  get stopError(): unknown {
    return this.#stopError
  }

  /** The promise that a waiting call waits for, as one that never rejects: afterwards `run` goes on. */
  async settle(): Promise<void> {
    const { promise } = this.#pending!
    try {
      this.#settled = { value: await promise }
    } catch (error) {
      this.#settled = { error }
    }
  }

  /** Gives up a stopped call: its frames are gone. Handlers of the guest do not run. */
  drop(error: unknown): void {
    this.#suspended = undefined
    this.#pending = undefined
    this.#state = 'failed'
    this.#outcome = error
  }

  #advance(): void {
    const realm = this.#realm
    try {
      let base: number
      if (this.#suspended === undefined) {
        coerceList(realm, this.#signature.params, this.#args)
        base = enter(realm.store, this.#fid)
        putList(realm, this.#signature.params, base, this.#args)
        this.#suspended = start(this.#fid, base, this.#stoppable)
      } else {
        const { func } = this.#pending ?? {}
        const settled = this.#settled
        this.#pending = undefined
        this.#settled = undefined
        this.#suspended = resume(this.#suspended, func && ((slot) => func.settle(slot, settled!)))
        base = CTX[Ctx.Top]
      }
      if (this.#suspended === undefined) {
        this.#outcome = getRow(realm, this.#signature.results, base)
        this.#state = 'done'
        return
      }
    } catch (error) {
      this.drop(realm.toJsError(error, this.#exported))
      return
    }
    const { why } = this.#suspended
    if (why === 'host') {
      this.#pending = takePending()
      this.#state = 'waiting'
    } else {
      this.#reason = why
      this.#state = 'paused'
      if (why === 'yield') return
      const { timeout, signal } = realm.store.control
      const code = why === 'fuel' ? TrapCode.OutOfFuel : TrapCode.Interrupted
      this.#stopError = realm.toJsError(new Trap(code, [], 0, { cause: { reason: why, timeout, signal } }), undefined)
    }
  }

  /** Puts the limits of a run into the store's control; the result puts the store's own back. */
  #applyLimits(options: RunOptions): () => void {
    const { control, metered } = this.#realm.store
    const { fuel, timeout, signal } = readControl(options)
    if (!metered && (fuel !== undefined || options.yieldEvery !== undefined))
      throw new TypeError('fuel is counted only in a Vm with the option fuel')
    const before = { timeout: control.timeout, signal: control.signal, fuel: control.fuel, budget: control.budget }
    const granted = fuel === undefined ? control.fuel : Math.min(fuel, control.fuel)
    control.fuel = granted
    if (fuel !== undefined) control.budget = fuel
    if (timeout !== undefined) control.timeout = timeout
    if (signal !== undefined) control.signal = signal
    if (options.yieldEvery !== undefined) control.yieldFuel = granted - options.yieldEvery
    if (options.yieldAfter !== undefined) control.yieldAt = performance.now() + options.yieldAfter
    return () => {
      this.lastFuel = metered ? granted - control.fuel : 0
      control.fuel = before.fuel - this.lastFuel
      control.budget = before.budget
      control.timeout = before.timeout
      control.signal = before.signal
      control.yieldFuel = -Infinity
      control.yieldAt = Infinity
    }
  }
}

/** The call of an exported function of a realm; undefined if it is none. */
export function callOf(
  realm: Realm,
  exported: Callable,
  args: readonly unknown[],
  stoppable?: Stoppable,
): Call | undefined {
  const fid = realm.functions.fidOf(exported)
  return fid === undefined ? undefined : new Call(realm, fid, exported, args, stoppable)
}
