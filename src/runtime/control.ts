// Control over running code: fuel, deadline, interruption. One per store; the driver asks it whenever a loop leaves with a slice or a
// portion of fuel used up.

import { CODE, CTX, Ctx, TrapCode } from './machine.ts'

/**
 * Units of fuel that a metered loop gets at a time: it leaves about as often as a slice ends (driver.ts `SLICE`), so that deadlines are
 * seen as soon.
 */
const PORTION = 10_000

export class Control {
  /** Units left; a unit is a Wasm instruction (docs/limits.md). Infinity where fuel is not limited. Exact up to 2^53. */
  fuel: number
  /** Time on `performance.now()`'s clock after which running code is interrupted. */
  deadline = Infinity
  /** Interrupts running code as soon as it is not 0. Other threads can set it if it is in shared memory. */
  flag: Int32Array | undefined
  /** The current portion. */
  private portion = 0
  /** What the segment at pc costs, after a loop could not pay it. */
  private needed = 0

  constructor(fuel: number) {
    this.fuel = fuel
  }

  /** Puts a portion of fuel into CTX. Before every run of a metered loop. */
  load(): void {
    // A segment may be as long as a function.
    this.portion = Math.min(this.fuel, Math.max(PORTION, this.needed))
    CTX[Ctx.Fuel] = this.portion
  }

  /** Takes back what the loop has left. Behind every run. */
  settle(): void {
    this.fuel -= this.portion - CTX[Ctx.Fuel]
    this.needed = 0
  }

  /** The loop is at a `fuel` instruction it could not pay. Whether there is enough for it. */
  refuel(): boolean {
    this.needed = CODE[CTX[Ctx.Pc] + 1]
    return this.fuel >= this.needed
  }

  /** Why running code must stop now: 0 if it need not. */
  interruption(): 0 | TrapCode.Interrupted {
    if (this.deadline !== Infinity && performance.now() >= this.deadline) return TrapCode.Interrupted
    return this.flag !== undefined && Atomics.load(this.flag, 0) !== 0 ? TrapCode.Interrupted : 0
  }
}
