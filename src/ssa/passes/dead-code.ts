// Dead code: what nothing needs that has to happen. Parameters that only keep themselves alive round a loop go too. The schedule is
// written anew with aliases resolved, unreachable blocks leave the layout, and uses are counted.

import type { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { Op } from '../op.gen.ts'
import { OP_FLAGS } from '../op-tables.ts'
import { Flag } from '../ops.ts'
import { NONE } from '../types.ts'

/** What has to happen. */
const EFFECTS = Flag.Trap | Flag.Write | Flag.Call | Flag.Terminator

/** `cfg` must be the graph's; it is still right afterwards, but for the blocks' ranges. */
export function sweep(graph: Graph, cfg: Cfg): void {
  const live = mark(graph, cfg)
  // Before the schedule changes: the arguments of parameters that go.
  for (let i = 0; i < cfg.count; i++) {
    const terminator = graph.terminator(cfg.order[i])
    for (let k = 0; k < graph.successorCount(terminator); k++) {
      const edge = graph.firstEdge(terminator) + k
      const target = graph.edgeTarget[edge]
      const args = graph.edgeArgs[edge]
      let kept = 0
      for (let p = 0; p < graph.blockParams[target]; p++)
        if (live[graph.schedule[graph.blockStart[target] + p]] !== 0)
          graph.pool[args + kept++] = graph.resolve(graph.pool[args + p])
    }
  }
  const from = graph.schedule
  const to = new Int32Array(graph.scheduleLength)
  let length = 0
  let blocks = 0
  graph.uses.fill(0, 0, graph.count)
  for (let i = 0; i < graph.layoutLength; i++) {
    const block = graph.layout[i]
    if (cfg.number[block] === NONE) continue
    graph.layout[blocks++] = block
    const start = length
    let params = 0
    for (let at = graph.blockStart[block]; at < graph.blockEnd[block]; at++) {
      const v = from[at]
      if (live[v] === 0) continue
      if (graph.op[v] === Op.Param) graph.aux[v] = params++
      else resolveOperands(graph, v)
      to[length++] = v
    }
    graph.blockStart[block] = start
    graph.blockEnd[block] = length
    graph.blockParams[block] = params
  }
  graph.layoutLength = blocks
  graph.schedule = to
  graph.scheduleLength = length
  countArguments(graph)
}

function resolveOperands(graph: Graph, v: number): void {
  for (let k = graph.operandCount(v) - 1; k >= 0; k--) {
    const x = graph.resolve(graph.operand(v, k))
    graph.setOperand(v, k, x)
    graph.uses[x]++
  }
}

function countArguments(graph: Graph): void {
  for (let i = 0; i < graph.layoutLength; i++) {
    const terminator = graph.terminator(graph.layout[i])
    for (let k = 0; k < graph.successorCount(terminator); k++) {
      const edge = graph.firstEdge(terminator) + k
      const count = graph.blockParams[graph.edgeTarget[edge]]
      for (let p = 0; p < count; p++) graph.uses[graph.pool[graph.edgeArgs[edge] + p]]++
    }
  }
}

/** 1 for each value that is needed. */
function mark(graph: Graph, cfg: Cfg): Uint8Array {
  const live = new Uint8Array(graph.count)
  const work = new Int32Array(graph.count)
  let length = 0
  const need = (v: number): void => {
    v = graph.resolve(v)
    if (live[v] !== 0) return
    live[v] = 1
    work[length++] = v
  }
  for (let i = 0; i < cfg.count; i++) {
    const block = cfg.order[i]
    for (let at = graph.blockStart[block]; at < graph.blockEnd[block]; at++) {
      const v = graph.schedule[at]
      if (graph.alias[v] !== NONE) continue
      // The function's parameters are where the caller puts them.
      if ((OP_FLAGS[graph.op[v]] & EFFECTS) !== 0 || (i === 0 && graph.op[v] === Op.Param)) need(v)
    }
  }
  while (length > 0) {
    const v = work[--length]
    if (graph.op[v] !== Op.Param) {
      for (let k = graph.operandCount(v) - 1; k >= 0; k--) need(graph.operand(v, k))
      continue
    }
    const block = graph.block[v]
    const p = graph.aux[v]
    for (let k = cfg.predStart[block]; k < cfg.predStart[block + 1]; k++)
      need(graph.pool[graph.edgeArgs[cfg.predEdges[k]] + p])
  }
  return live
}
