// The order of the blocks in the code: reverse postorder, so that most jumps go to the next block and loops stay together, with cold
// blocks behind all others. A block is cold if it ends in a trap, or if all its successors are cold.

import type { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { Op } from '../op.gen.ts'

/** Sets the layout. Returns how many of its blocks, at the end, are cold. */
export function layOut(graph: Graph, cfg: Cfg): number {
  const cold = new Uint8Array(graph.blockCount)
  for (let i = cfg.count - 1; i > 0; i--) {
    const block = cfg.order[i]
    const v = graph.terminator(block)
    const count = graph.successorCount(v)
    let isCold = count > 0 || graph.op[v] === Op.Unreachable
    for (let k = 0; k < count && isCold; k++) isCold = cold[graph.edgeTarget[graph.firstEdge(v) + k]] !== 0
    if (isCold) cold[block] = 1
  }
  let length = 0
  for (let want = 0; want < 2; want++) {
    for (let i = 0; i < cfg.count; i++) if (cold[cfg.order[i]] === want) graph.layout[length++] = cfg.order[i]
  }
  graph.layoutLength = length
  let count = 0
  for (let i = 0; i < cfg.count; i++) count += cold[cfg.order[i]]
  return count
}
