// The verifier: everything that ssa promises to passes and lowering. Runs between all passes in tests.

import { BugError } from '../util/bug.ts'
import { Cfg } from './cfg.ts'
import type { Graph } from './graph.ts'
import { Op } from './op.gen.ts'
import { ANY_TYPE, isTerminator, OP_FLAGS, OP_NAMES, OPERAND_TYPE, OPERANDS, RESULT } from './op-tables.ts'
import { printGraph, printValue } from './print.ts'
import { Flag } from './ops.ts'
import { NONE, Type, TYPE_NAMES } from './types.ts'

/** Throws a `BugError` that names the first violation and has the graph's text. */
export function verify(graph: Graph, after = 'the front end'): void {
  const fail = (what: string): never => {
    throw new BugError(`SSA after ${after}: ${what}\n${printGraph(graph)}`)
  }
  const scheduled = new Int32Array(graph.count).fill(NONE)
  const laidOut = new Uint8Array(graph.blockCount)
  for (let k = 0; k < graph.layoutLength; k++) {
    const block = graph.layout[k]
    if (laidOut[block] !== 0) fail(`b${block} is in the layout twice`)
    laidOut[block] = 1
    const start = graph.blockStart[block]
    const end = graph.blockEnd[block]
    if (start === NONE || end <= start) fail(`b${block} is empty`)
    for (let at = start; at < end; at++) {
      const v = graph.schedule[at]
      const op = graph.op[v]
      if (scheduled[v] !== NONE) fail(`v${v} is scheduled twice`)
      scheduled[v] = at
      if (graph.block[v] !== block) fail(`v${v} does not know its block b${block}`)
      if ((op === Op.Param) !== at < start + graph.blockParams[block]) fail(`parameters of b${block}`)
      if (op === Op.Param && graph.aux[v] !== at - start) fail(`v${v} is not parameter ${graph.aux[v]}`)
      if (isTerminator(op) !== (at === end - 1)) fail(`terminator of b${block}`)
    }
  }
  const cfg = new Cfg(graph)
  if (!cfg.reducible) fail('a loop has two entries')
  for (let i = 0; i < cfg.count; i++) if (laidOut[cfg.order[i]] === 0) fail(`b${cfg.order[i]} is not in the layout`)

  /** v, used at a place of a block, must be defined above it. */
  const checkUse = (v: number, block: number, at: number, by: string): void => {
    if (v < 0 || v >= graph.count) fail(`${by} uses v${v}`)
    v = graph.resolve(v)
    if (scheduled[v] === NONE) fail(`${by} uses v${v}, which is not scheduled`)
    const home = graph.block[v]
    if (home === block ? scheduled[v] >= at : cfg.number[home] === NONE || !cfg.dominates(home, block))
      fail(`${by} uses v${v}, which does not dominate it`)
  }
  const checkType = (v: number, type: number, by: string): void => {
    const actual = graph.type[graph.resolve(v)]
    if (actual !== type) fail(`${by}: v${v} is ${TYPE_NAMES[actual]}, not ${TYPE_NAMES[type as Type]}`)
  }
  for (let i = 0; i < cfg.count; i++) {
    const block = cfg.order[i]
    for (let at = graph.blockStart[block]; at < graph.blockEnd[block]; at++) {
      const v = graph.schedule[at]
      const op: Op = graph.op[v]
      const name = `${OP_NAMES[op]} v${v}`
      if (op === Op.Nop || op === Op.Param) continue
      const flags = OP_FLAGS[op]
      for (let k = 0; k < graph.operandCount(v); k++) {
        const x = graph.operand(v, k)
        checkUse(x, block, at, name)
        let expected = k < OPERANDS[op] ? OPERAND_TYPE[op * 3 + k] : ANY_TYPE
        if (op === Op.Select && k < 2) expected = graph.type[v]
        if (op === Op.Return) expected = graph.signature.results[k]
        if ((flags & Flag.Signature) !== 0 && k >= OPERANDS[op])
          expected = graph.signatures[graph.pool[graph.b[v]]].params[k - OPERANDS[op]]
        if (expected !== ANY_TYPE) checkType(x, expected, name)
      }
      if (RESULT[op] !== ANY_TYPE && graph.type[v] !== RESULT[op]) fail(`result type of ${printValue(graph, v)}`)
      if (op === Op.Return && graph.c[v] !== graph.signature.results.length) fail(`number of results of ${name}`)
      if ((flags & Flag.Signature) !== 0) {
        const { params, results } = graph.signatures[graph.pool[graph.b[v]]]
        if (graph.c[v] !== params.length) fail(`number of arguments of ${name}`)
        if (!isTerminator(op) && graph.type[v] !== (results[0] ?? Type.None)) fail(`result of ${name}`)
      }
      if (op === Op.Proj) {
        const call = graph.resolve(graph.a[v])
        if ((OP_FLAGS[graph.op[call]] & Flag.Signature) === 0) fail(`${name} of what is not a call`)
        if (graph.signatures[graph.pool[graph.b[call]]].results[graph.aux[v]] !== graph.type[v]) fail(`type of ${name}`)
      }
      for (let k = 0; k < graph.successorCount(v); k++) {
        const edge = graph.firstEdge(v) + k
        const target = graph.edgeTarget[edge]
        if (target === graph.layout[0]) fail(`${name} leads to the entry`)
        for (let p = 0; p < graph.blockParams[target]; p++) {
          const x = graph.pool[graph.edgeArgs[edge] + p]
          checkUse(x, block, at, name)
          checkType(x, graph.type[graph.schedule[graph.blockStart[target] + p]], name)
        }
      }
    }
  }
}
