// What watches the running code of a store: traces, profiles, coverage. The driver tells it what happens between functions; what
// happens inside them, instrumented code tells it (interp/trace.ts). A store has one from its start or never: its code is built
// differently, and it has no native tier.

import type { HostFunc } from './instance.ts'
import type { SuspendedActivation } from './suspended.ts'

export interface Observer {
  /** Whether code is to tell what it does. Calls of host functions alone are told by the driver. */
  readonly instruments: boolean
  /** A host function is about to be called; its frame record is at `fsp`, its arguments lie from slot `base`. */
  hostCalled(fsp: number, host: HostFunc, base: number): void
  /** It returned; its results lie from `base`. */
  hostReturned(fsp: number, host: HostFunc, base: number): void
  hostThrew(fsp: number, host: HostFunc, error: unknown): void
  /** An exception was caught: the frames above record `fsp` are gone. */
  caught(fsp: number): void
  /** An activation ends by a trap or an exception: the frames from record `bottom` on are gone, but still in FS. */
  failed(bottom: number, error: unknown): void
  /** An activation, whose records begin at `bottom`, was copied out of the stacks ... */
  stopped(activation: SuspendedActivation, bottom: number): void
  /** ... and put back. */
  resumed(activation: SuspendedActivation, bottom: number): void
}

let makeDefault: (() => Observer) | undefined

/** Stores that are made without an observer get one of these. For runs of the official suite. */
export function setDefaultObserver(make: (() => Observer) | undefined): void {
  makeDefault = make
}

export const defaultObserver = (): Observer | undefined => makeDefault?.()
