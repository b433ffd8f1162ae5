// Branches: constant conditions choose, `eqz` of a condition swaps the edges, and an edge to a block that only jumps on goes where that
// jumps to.

import type { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { Op } from '../op.gen.ts'
import { NONE } from '../types.ts'

/** How far an edge is followed: blocks that jump in a circle have no end. */
const MAX_HOPS = 16

/** Changes terminators and edges; the control-flow graph must be made anew. */
export function simplifyBranches(graph: Graph, cfg: Cfg): void {
  for (let i = 0; i < cfg.count; i++) {
    const v = graph.terminator(cfg.order[i])
    const count = graph.successorCount(v)
    for (let k = 0; k < count; k++) thread(graph, graph.firstEdge(v) + k)
    if (graph.op[v] === Op.Branch) simplifyBranch(graph, v)
    else if (graph.op[v] === Op.Switch) simplifySwitch(graph, v)
  }
}

/** Follows an edge through blocks without parameters that only jump. What they pass on dominates them, and so where the edge starts. */
function thread(graph: Graph, edge: number): void {
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const block = graph.edgeTarget[edge]
    if (graph.blockParams[block] !== 0 || graph.blockEnd[block] - graph.blockStart[block] !== 1) return
    const jump = graph.terminator(block)
    if (graph.op[jump] !== Op.Jump) return
    const next = graph.firstEdge(jump)
    const target = graph.edgeTarget[next]
    if (target === block) return
    const count = graph.blockParams[target]
    const args = graph.reserve(count)
    graph.pool.copyWithin(args, graph.edgeArgs[next], graph.edgeArgs[next] + count)
    graph.edgeTarget[edge] = target
    graph.edgeArgs[edge] = args
  }
}

function toJump(graph: Graph, v: number, edge: number): void {
  graph.op[v] = Op.Jump
  graph.a[v] = 0
  graph.aux[v] = edge
  graph.c[v] = 1
}

function simplifyBranch(graph: Graph, v: number): void {
  let condition = graph.resolve(graph.a[v])
  while (graph.op[condition] === Op.I32Eqz) {
    condition = graph.resolve(graph.a[condition])
    swapEdges(graph, graph.firstEdge(v))
  }
  graph.a[v] = condition
  const first = graph.firstEdge(v)
  if (graph.isConst(condition)) toJump(graph, v, graph.a[condition] !== 0 ? first : first + 1)
  else if (sameEdges(graph, first)) toJump(graph, v, first)
}

function simplifySwitch(graph: Graph, v: number): void {
  const index = graph.resolve(graph.a[v])
  if (graph.c[v] === 1) toJump(graph, v, graph.firstEdge(v))
  else if (graph.isConst(index)) toJump(graph, v, graph.firstEdge(v) + Math.min(graph.a[index] >>> 0, graph.c[v] - 1))
}

function swapEdges(graph: Graph, first: number): void {
  const target = graph.edgeTarget[first]
  const args = graph.edgeArgs[first]
  graph.edgeTarget[first] = graph.edgeTarget[first + 1]
  graph.edgeArgs[first] = graph.edgeArgs[first + 1]
  graph.edgeTarget[first + 1] = target
  graph.edgeArgs[first + 1] = args
}

function sameEdges(graph: Graph, first: number): boolean {
  const target = graph.edgeTarget[first]
  if (target !== graph.edgeTarget[first + 1]) return false
  for (let i = 0; i < graph.blockParams[target]; i++) {
    const x = graph.resolve(graph.pool[graph.edgeArgs[first] + i])
    if (x !== graph.resolve(graph.pool[graph.edgeArgs[first + 1] + i])) return false
  }
  return true
}

/** Appends to a block that ends with a jump the block that only it leads to, and so on. The schedule is written anew. */
export function mergeBlocks(graph: Graph, cfg: Cfg): void {
  const merged = new Uint8Array(graph.blockCount)
  for (let i = 0; i < cfg.count; i++) {
    const next = onlySuccessor(graph, cfg, cfg.order[i])
    if (next !== NONE) merged[next] = 1
  }
  const from = graph.schedule
  const to = new Int32Array(graph.scheduleLength)
  const starts = graph.blockStart.slice(0, graph.blockCount)
  const ends = graph.blockEnd.slice(0, graph.blockCount)
  let length = 0
  let blocks = 0
  for (let i = 0; i < graph.layoutLength; i++) {
    const block = graph.layout[i]
    if (cfg.number[block] === NONE || merged[block] !== 0) continue
    graph.layout[blocks++] = block
    const start = length
    for (let part = block; ;) {
      for (let at = starts[part]; at < ends[part]; at++) {
        graph.block[from[at]] = block
        to[length++] = from[at]
      }
      const jump = from[ends[part] - 1]
      if (graph.op[jump] !== Op.Jump) break
      const edge = graph.firstEdge(jump)
      const next = graph.edgeTarget[edge]
      if (merged[next] === 0) break
      length--
      // Its parameters are the arguments.
      for (let p = 0; p < graph.blockParams[next]; p++)
        graph.alias[from[starts[next] + p]] = graph.pool[graph.edgeArgs[edge] + p]
      starts[next] += graph.blockParams[next]
      part = next
    }
    graph.blockStart[block] = start
    graph.blockEnd[block] = length
  }
  graph.layoutLength = blocks
  graph.schedule = to
  graph.scheduleLength = length
}

/** The block that a block jumps to and nothing else leads to, or NONE. */
function onlySuccessor(graph: Graph, cfg: Cfg, block: number): number {
  const v = graph.terminator(block)
  if (graph.op[v] !== Op.Jump) return NONE
  const next = graph.edgeTarget[graph.firstEdge(v)]
  if (next === block || cfg.predStart[next + 1] - cfg.predStart[next] !== 1) return NONE
  return next
}
