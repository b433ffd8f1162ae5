// Loop-invariant code motion: a pure instruction whose operands are all from outside of a loop goes to the end of the block that dominates
// the loop's header, as far out as that is true. Pure instructions neither trap nor depend on memory, so it does no harm where the
// loop is not entered. Constants go too: lowering makes them immediates wherever they are.

import type { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { OP_FLAGS } from '../op-tables.ts'
import { Flag } from '../ops.ts'
import { NONE } from '../types.ts'

/** Moves instructions; the schedule is written anew. Aliases must be resolved (`sweep`). Returns how many moved. */
export function hoist(graph: Graph, cfg: Cfg): number {
  // By block: the instructions that move to its end, in order.
  const first = new Int32Array(graph.blockCount).fill(NONE)
  const last = new Int32Array(graph.blockCount).fill(NONE)
  const next = new Int32Array(graph.count).fill(NONE)
  let moved = 0
  for (let i = 0; i < cfg.count; i++) {
    const block = cfg.order[i]
    if (cfg.loop[block] === NONE) continue
    for (let at = graph.blockStart[block]; at < graph.blockEnd[block]; at++) {
      const v = graph.schedule[at]
      if ((OP_FLAGS[graph.op[v]] & Flag.Pure) === 0) continue
      const target = outermost(graph, cfg, v, block)
      if (target === block) continue
      graph.block[v] = target
      if (first[target] === NONE) first[target] = v
      else next[last[target]] = v
      last[target] = v
      moved++
    }
  }
  if (moved > 0) reschedule(graph, first, next)
  return moved
}

/** The block at whose end v can be: of those that dominate the loops around it, the one farthest out. */
function outermost(graph: Graph, cfg: Cfg, v: number, block: number): number {
  let target = block
  for (let header = cfg.loop[block]; header !== NONE; header = cfg.outerLoop[header]) {
    const before = cfg.idom[header]
    for (let k = graph.operandCount(v) - 1; k >= 0; k--)
      if (!cfg.dominates(graph.block[graph.operand(v, k)], before)) return target
    target = before
  }
  return target
}

function reschedule(graph: Graph, first: Int32Array, next: Int32Array): void {
  const from = graph.schedule
  const to = new Int32Array(graph.scheduleLength)
  let length = 0
  for (let i = 0; i < graph.layoutLength; i++) {
    const block = graph.layout[i]
    const start = length
    const end = graph.blockEnd[block] - 1
    for (let at = graph.blockStart[block]; at < end; at++) if (graph.block[from[at]] === block) to[length++] = from[at]
    for (let v = first[block]; v !== NONE; v = next[v]) to[length++] = v
    to[length++] = from[end]
    graph.blockStart[block] = start
    graph.blockEnd[block] = length
  }
  graph.schedule = to
  graph.scheduleLength = length
}
