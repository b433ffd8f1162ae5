// Control over running code: fuel, deadline, interruption, pauses. One per store; the driver asks it whenever a loop leaves with a
// slice or a portion of fuel used up, and long single operations ask it as they go.

import { CODE, CTX, Ctx } from './machine.ts'
import { markUncatchable } from './trap.ts'

/**
 * Units of fuel that a metered loop gets at a time: it leaves about as often as a slice ends (driver.ts `SLICE`), so that deadlines are
 * seen as soon.
 */
const PORTION = 10_000

/** Why running code stops before its end. */
export type StopReason = 'fuel' | 'deadline' | 'aborted' | 'interrupted' | 'yield'

/** Thrown by `checkpoint`; the driver makes a trap of it. */
export const INTERRUPTED = markUncatchable({ what: 'running code is to stop' })

/** What of an `AbortSignal` counts here. */
export interface Signal {
  readonly aborted: boolean
  readonly reason: unknown
}

/** The cause of a trap by interruption. */
export interface Interruption {
  readonly reason: StopReason
  /** Milliseconds that were allowed. */
  readonly timeout: number
  readonly signal: Signal | undefined
}

export class Control {
  /** Units left; a unit is a Wasm instruction (docs/limits.md). Infinity where fuel is not limited. Exact up to 2^53. */
  fuel: number
  /** What `fuel` was before any of it was used; for messages. */
  budget: number
  /** Milliseconds that a call from JavaScript may take, with everything it calls. */
  timeout = Infinity
  /**
   * Time on `performance.now()`'s clock after which running code is interrupted. Set when the driver looks for the first time in an outermost
   * call (within a slice or a host call of its begin), so that short calls need no clock; Infinity before that and between calls.
   */
  deadline = Infinity
  signal: Signal | undefined = undefined
  /** Interrupts running code as soon as its first element is not 0. In shared memory, so that other threads can. */
  flag: Int32Array | undefined = undefined
  /** Time after which an activation that can pause does, and what is left of the fuel when it does. */
  yieldAt = Infinity
  yieldFuel = -Infinity
  /** Activations of the store that are running: the driver's count. */
  depth = 0
  /** The current portion. */
  private portion = 0
  /** What the segment at pc costs, after a loop could not pay it. */
  private needed = 0

  constructor(fuel: number) {
    this.fuel = fuel
    this.budget = fuel
  }

  /** Puts a portion of fuel into CTX. Before every run of a metered loop. */
  load(): void {
    // A segment may be as long as a function.
    const most = Math.max(PORTION, this.needed)
    const toYield = Math.max(this.needed, this.fuel - this.yieldFuel)
    this.portion = Math.min(this.fuel, most, toYield)
    CTX[Ctx.Fuel] = this.portion
  }

  /** Takes back what the loop has left. Behind every run. Bulk instructions are done before they are paid: the last one may cost more than there is. */
  settle(): void {
    this.fuel = Math.max(0, this.fuel - (this.portion - CTX[Ctx.Fuel]))
    this.needed = 0
  }

  /** The code is at a segment it could not pay: that of the `fuel` instruction at pc, or one of `needed` units. Whether there is enough for it. */
  refuel(needed = CODE[CTX[Ctx.Pc] + 1]): boolean {
    this.needed = needed
    return this.fuel >= this.needed
  }

  /** Why running code must stop now, if it must. */
  stopReason(): StopReason | undefined {
    if (this.timeout !== Infinity) {
      const now = performance.now()
      if (this.deadline === Infinity) this.deadline = now + this.timeout
      if (now >= this.deadline) return 'deadline'
    }
    if (this.signal !== undefined && this.signal.aborted) return 'aborted'
    return this.flag !== undefined && Atomics.load(this.flag, 0) !== 0 ? 'interrupted' : undefined
  }

  /** Whether there can be a reason to stop or to yield, so that somebody has to look while code runs. */
  get mayStop(): boolean {
    return (
      this.timeout !== Infinity || this.signal !== undefined || this.flag !== undefined || this.yieldAt !== Infinity
    )
  }

  /** Milliseconds until the deadline; Infinity if there is none, or nobody has looked yet. */
  get remaining(): number {
    return this.deadline === Infinity ? Infinity : this.deadline - performance.now()
  }

  /** What an error says of `stopReason`. */
  interruption(): Interruption {
    const reason = this.stopReason() ?? 'interrupted'
    return { reason, timeout: this.timeout, signal: this.signal }
  }

  /** Whether an activation that can pause should, to let others run. */
  get shouldYield(): boolean {
    return this.fuel <= this.yieldFuel || (this.yieldAt !== Infinity && performance.now() >= this.yieldAt)
  }

  /** Inside a long operation. Throws `INTERRUPTED` if running code must stop. */
  checkpoint(): void {
    if (this.depth > 0 && this.stopReason() !== undefined) throw INTERRUPTED
  }
}
