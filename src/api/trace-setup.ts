// Which observation the options of a `Vm` or a namespace ask for.

import { Sites } from '../interp/coverage.ts'
import { Profile } from '../interp/profile.ts'
import { Observation } from '../interp/trace.ts'
import { readTraceOptions } from './trace.ts'
import type { TraceOptions } from './trace-events.ts'

export interface ObservationOptions {
  readonly trace?: TraceOptions
  readonly profile?: boolean
  readonly coverage?: boolean
}

/** What watches a store, and what it collects. */
export interface Observed {
  readonly observer: Observation
  readonly profile: Profile | undefined
  /** Counts of a profile or a coverage. */
  readonly sites: Sites | undefined
  readonly coverage: boolean
}

/**
 * Undefined if nothing is to be watched.
 *
 * @throws TypeError for options that are none.
 */
export function readObservation({
  trace,
  profile = false,
  coverage = false,
}: ObservationOptions): Observed | undefined {
  if (typeof profile !== 'boolean') throw new TypeError("option 'profile' must be true or false")
  if (typeof coverage !== 'boolean') throw new TypeError("option 'coverage' must be true or false")
  if (trace === undefined && !profile && !coverage) return undefined
  const settings = trace === undefined ? undefined : readTraceOptions(trace)
  const sites = profile || coverage ? new Sites() : undefined
  const counted = profile ? new Profile(sites!) : undefined
  return { observer: new Observation(settings, counted, sites), profile: counted, sites, coverage }
}
