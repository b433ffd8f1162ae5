// What passes ask about the control-flow graph: orders, predecessors, dominators, loops. Made anew for each pass that needs it.

import type { Graph } from './graph.ts'
import { NONE } from './types.ts'

export class Cfg {
  /** Reachable blocks in reverse postorder: the entry first, a block behind its dominators. */
  readonly order: Int32Array
  readonly count: number
  /** By block: place in `order`, NONE if unreachable. */
  readonly number: Int32Array
  /** Edges that lead to block b: predEdges[predStart[b]] up to predStart[b + 1]. */
  readonly predStart: Int32Array
  readonly predEdges: Int32Array
  /** By edge: the block it leaves. */
  readonly edgeSource: Int32Array
  /** By block: immediate dominator, NONE for the entry and unreachable blocks. */
  readonly idom: Int32Array
  /** By block: header of the innermost loop around it (its own if it is one), NONE outside of loops. */
  readonly loop: Int32Array
  /** By block: number of loops around it. */
  readonly loopDepth: Int32Array
  /** By loop header: header of the loop around the loop, else NONE. */
  readonly outerLoop: Int32Array
  /** Whether each loop has one entry, its header. What Wasm's structure makes has; the front end declines OSR bodies that have not. */
  reducible = true
  /** First and last number of the dominator subtree, in a preorder of it. */
  private readonly domFirst: Int32Array
  private readonly domLast: Int32Array

  constructor(graph: Graph) {
    const blocks = graph.blockCount
    this.number = new Int32Array(blocks).fill(NONE)
    this.edgeSource = new Int32Array(graph.edgeCount).fill(NONE)
    this.order = new Int32Array(blocks)
    this.count = this.walk(graph)
    this.predStart = new Int32Array(blocks + 1)
    this.predEdges = this.predecessors(graph)
    this.idom = new Int32Array(blocks).fill(NONE)
    this.dominators()
    this.domFirst = new Int32Array(blocks)
    this.domLast = new Int32Array(blocks)
    this.numberDominators()
    this.loop = new Int32Array(blocks).fill(NONE)
    this.outerLoop = new Int32Array(blocks).fill(NONE)
    this.loopDepth = new Int32Array(blocks)
    this.loops(graph)
  }

  /** Depth first without recursion; fills `order`, `number`, `edgeSource`. */
  private walk(graph: Graph): number {
    const { number, order, edgeSource } = this
    const stack = new Int32Array(graph.blockCount)
    const nextEdge = new Int32Array(graph.blockCount)
    const VISITED = -2
    let depth = 0
    let post = graph.blockCount
    const entry = graph.layout[0]
    stack[depth++] = entry
    number[entry] = VISITED
    while (depth > 0) {
      const block = stack[depth - 1]
      const terminator = graph.terminator(block)
      const count = graph.successorCount(terminator)
      const k = nextEdge[block]++
      if (k === count) {
        order[--post] = block
        depth--
        continue
      }
      // The last edge first: the first successor then comes right behind in the reverse postorder.
      const edge = graph.firstEdge(terminator) + count - 1 - k
      edgeSource[edge] = block
      const target = graph.edgeTarget[edge]
      if (number[target] === NONE) {
        number[target] = VISITED
        stack[depth++] = target
      }
    }
    order.copyWithin(0, post)
    const reachable = graph.blockCount - post
    for (let i = 0; i < reachable; i++) number[order[i]] = i
    return reachable
  }

  private predecessors(graph: Graph): Int32Array {
    const { predStart, edgeSource } = this
    let total = 0
    for (let e = 0; e < graph.edgeCount; e++) {
      if (edgeSource[e] === NONE) continue
      predStart[graph.edgeTarget[e] + 1]++
      total++
    }
    for (let b = 0; b < graph.blockCount; b++) predStart[b + 1] += predStart[b]
    const fill = predStart.slice(0, graph.blockCount)
    const edges = new Int32Array(total)
    for (let e = 0; e < graph.edgeCount; e++) if (edgeSource[e] !== NONE) edges[fill[graph.edgeTarget[e]]++] = e
    return edges
  }

  /** Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm. One round and a check of it, because the graph is reducible. */
  private dominators(): void {
    const { order, number, idom, predStart, predEdges, edgeSource } = this
    let changed = true
    while (changed) {
      changed = false
      for (let i = 1; i < this.count; i++) {
        const block = order[i]
        let dominator = NONE
        for (let p = predStart[block]; p < predStart[block + 1]; p++) {
          let pred = edgeSource[predEdges[p]]
          if (pred !== order[0] && idom[pred] === NONE) continue
          if (dominator === NONE) {
            dominator = pred
            continue
          }
          while (pred !== dominator) {
            if (number[pred] > number[dominator]) pred = idom[pred]
            else dominator = idom[dominator]
          }
        }
        if (idom[block] !== dominator) {
          idom[block] = dominator
          changed = true
        }
      }
    }
  }

  private numberDominators(): void {
    const { order, idom, domFirst, domLast } = this
    // Sizes of subtrees from the leaves up, then ranges from the root down.
    const size = new Int32Array(idom.length).fill(1)
    for (let i = this.count - 1; i > 0; i--) size[idom[order[i]]] += size[order[i]]
    const next = new Int32Array(idom.length)
    for (let i = 0; i < this.count; i++) {
      const block = order[i]
      const parent = idom[block]
      const first = parent === NONE ? 0 : next[parent]
      if (parent !== NONE) next[parent] += size[block]
      domFirst[block] = first
      domLast[block] = first + size[block] - 1
      next[block] = first + 1
    }
  }

  /** Whether x is y or dominates it. Both reachable. */
  dominates(x: number, y: number): boolean {
    return this.domFirst[x] <= this.domFirst[y] && this.domLast[y] <= this.domLast[x]
  }

  isHeader(block: number): boolean {
    return this.loop[block] === block
  }

  /** Loops from the inside out: from the sources of its back edges a header collects what does not belong to it yet. */
  private loops(graph: Graph): void {
    const { order, number, predStart, predEdges, edgeSource, loop, outerLoop, loopDepth } = this
    const work = new Int32Array(graph.edgeCount)
    for (let i = this.count - 1; i >= 0; i--) {
      const header = order[i]
      let length = 0
      for (let p = predStart[header]; p < predStart[header + 1]; p++) {
        const source = edgeSource[predEdges[p]]
        if (number[source] < i) continue
        if (!this.dominates(header, source)) {
          this.reducible = false
          continue
        }
        loop[header] = header
        if (source !== header) work[length++] = source
      }
      if (loop[header] !== header) continue
      while (length > 0) {
        // The outermost loop found so far that the block is in, or the block.
        let inner = work[--length]
        if (loop[inner] !== NONE) {
          inner = loop[inner]
          while (outerLoop[inner] !== NONE) inner = outerLoop[inner]
        }
        if (inner === header) continue
        if (loop[inner] === inner) outerLoop[inner] = header
        else loop[inner] = header
        for (let p = predStart[inner]; p < predStart[inner + 1]; p++) {
          const source = edgeSource[predEdges[p]]
          if (source !== header) work[length++] = source
        }
      }
    }
    for (let i = 0; i < this.count; i++) {
      const block = order[i]
      const header = loop[block]
      if (header === NONE) continue
      if (header !== block) loopDepth[block] = loopDepth[header]
      else loopDepth[block] = outerLoop[block] === NONE ? 1 : loopDepth[outerLoop[block]] + 1
    }
  }
}
