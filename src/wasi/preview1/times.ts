// The arguments of the functions that set times.

import { type Clock, ClockId } from '../clocks.ts'
import { Errno, WasiError } from '../errors.ts'
import type { NewTime } from '../fs/file-system.ts'

const enum FstFlag {
  Atim = 1,
  AtimNow = 2,
  Mtim = 4,
  MtimNow = 8,
}

/** What `fstflags` say about the two times; `inval` if they ask for both of a kind. */
export function newTimesOf(clock: Clock, atim: bigint, mtim: bigint, flags: number): [NewTime, NewTime] {
  const both = (a: number): boolean => (flags & a) === a
  if (flags >>> 0 > 15 || both(FstFlag.Atim | FstFlag.AtimNow) || both(FstFlag.Mtim | FstFlag.MtimNow))
    throw new WasiError(Errno.Inval)
  const now = clock.now(ClockId.Realtime)
  const pick = (given: number, present: number, time: bigint): NewTime =>
    (flags & given) !== 0 ? BigInt.asUintN(64, time) : (flags & present) !== 0 ? now : undefined
  return [pick(FstFlag.Atim, FstFlag.AtimNow, atim), pick(FstFlag.Mtim, FstFlag.MtimNow, mtim)]
}
