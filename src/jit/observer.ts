// Who looks at a compilation: tests (verifier, allocation checker), dumps.

import type { Allocation } from '../codegen/regalloc/allocation.ts'
import type { VCode } from '../codegen/vcode.ts'
import type { Graph } from '../ssa/graph.ts'

/** Told of what a step has made. What it gets is overwritten by the next step or function. */
export interface Observer {
  /** The graph after the front end or a pass. */
  graph?(graph: Graph, step: string): void
  /** Machine IR with its locations. */
  allocation?(code: VCode, allocation: Allocation): void
  /** The bytes from `pc` on are of this SSA value (or -1) and the Wasm instruction at this offset (or -1). */
  instruction?(pc: number, value: number, offset: number): void
}
