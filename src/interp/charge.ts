// What costs fuel, for all tiers.

import { Op } from '../wasm/op.gen.ts'

/** Instructions that cost a unit of fuel: all but those that only say where things are. */
export function isCharged(op: number): boolean {
  return op > Op.Loop && op !== Op.Else && op !== Op.End && op !== Op.Drop ? true : op === Op.Unreachable
}
