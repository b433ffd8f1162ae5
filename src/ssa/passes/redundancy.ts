// What is known of memory: a load of what has been loaded or stored is that value, a size is what it was, and a bounds check is not needed
// behind one that is at least as strict. Works along chains of blocks with one predecessor each, which follow each other in reverse postorder.
//
// All memories are one region: two imported ones may be the same. So are all globals that may be imported twice, of which the graph
// does not know; a store to a global therefore ends what is known of the others.

import type { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { Op } from '../op.gen.ts'
import { OP_FLAGS, OP_NAMES, OPERANDS } from '../op-tables.ts'
import { Flag } from '../ops.ts'
import { NONE } from '../types.ts'

/** Facts that are kept; the oldest is forgotten first. Searched from end to end for each load. */
const MAX_FACTS = 24

/** By op: bytes of a load or store, else 0. */
const BYTES = new Uint8Array(OP_NAMES.length)
/** By store op: the load that reads the same value back, if there is one. */
const LOAD_OF = new Uint8Array(OP_NAMES.length)
for (let op = 0; op < OP_NAMES.length; op++) {
  const match = /^[if](32|64)\.(load|store)(8|16|32)?/.exec(OP_NAMES[op])
  if (match === null) continue
  BYTES[op] = Number(match[3] ?? match[1]) / 8
  if (match[2] === 'store' && match[3] === undefined)
    LOAD_OF[op] = OP_NAMES.indexOf(OP_NAMES[op].replace('store', 'load'))
}

/** Facts: reading with this op, operand and words gives that value. A ring. */
const ops = new Uint8Array(MAX_FACTS)
const operands = new Int32Array(MAX_FACTS)
const indices = new Int32Array(MAX_FACTS)
const words = new Int32Array(MAX_FACTS)
const values = new Int32Array(MAX_FACTS)
let next = 0

function clear(): void {
  ops.fill(Op.Nop)
  next = 0
}

/** A call: memories may have grown and nothing is what it was, but what was in bounds still is. */
function call(): void {
  for (let i = 0; i < MAX_FACTS; i++) if (ops[i] !== Op.Trapif) ops[i] = Op.Nop
}

function learn(op: number, operand: number, index: number, word: number, value: number): void {
  ops[next] = op
  operands[next] = operand
  indices[next] = index
  words[next] = word
  values[next] = value
  next = (next + 1) % MAX_FACTS
}

function known(op: number, operand: number, index: number, word: number): number {
  for (let i = 0; i < MAX_FACTS; i++)
    if (ops[i] === op && operands[i] === operand && indices[i] === index && words[i] === word) return values[i]
  return NONE
}

/** Sets aliases and removes checks; `sweep` does the rest. */
export function forwardMemory(graph: Graph, cfg: Cfg): void {
  let previous = NONE
  for (let i = 0; i < cfg.count; i++) {
    const block = cfg.order[i]
    const first = cfg.predStart[block]
    const continues = cfg.predStart[block + 1] - first === 1 && cfg.edgeSource[cfg.predEdges[first]] === previous
    if (!continues) clear()
    for (let at = graph.blockStart[block]; at < graph.blockEnd[block]; at++) visit(graph, graph.schedule[at])
    previous = block
  }
}

function visit(graph: Graph, v: number): void {
  const op: Op = graph.op[v]
  const flags = OP_FLAGS[op]
  if (graph.alias[v] !== NONE) return
  if ((flags & Flag.Call) !== 0) return call()
  if (op === Op.Trapif) return check(graph, v)
  if (op === Op.GlobalSet) {
    for (let i = 0; i < MAX_FACTS; i++) if (ops[i] === Op.GlobalGet) ops[i] = Op.Nop
    learn(Op.GlobalGet, 0, 0, graph.aux[v], graph.resolve(graph.a[v]))
    return
  }
  if (op === Op.EntrySet) {
    for (let i = 0; i < MAX_FACTS; i++) if (ops[i] === Op.EntryGet) ops[i] = Op.Nop
    return
  }
  if ((flags & Flag.Write) !== 0) return store(graph, v)
  if ((flags & Flag.Read) === 0) return
  const hasOperand = OPERANDS[op] > 0
  const operand = hasOperand ? graph.resolve(graph.a[v]) : 0
  const index = hasOperand ? graph.b[v] : 0
  const value = known(op, operand, index, graph.aux[v])
  if (value !== NONE) graph.alias[v] = value
  else learn(op, operand, index, graph.aux[v], v)
}

/** A store to memory: ends the facts about what it may overlap. */
function store(graph: Graph, v: number): void {
  const op = graph.op[v]
  const address = graph.resolve(graph.a[v])
  const displacement = graph.aux[v]
  for (let i = 0; i < MAX_FACTS; i++) {
    const bytes = BYTES[ops[i]]
    if (bytes === 0) continue
    const apart = operands[i] === address && (words[i] + bytes <= displacement || displacement + BYTES[op] <= words[i])
    if (!apart) ops[i] = Op.Nop
  }
  if (LOAD_OF[op] !== 0) learn(LOAD_OF[op], address, graph.c[v], displacement, graph.resolve(graph.b[v]))
}

/**
 * trapif size < index + k: not needed if the same index has passed with a k at least as large, also if the size was an older one: memories
 * do not shrink. Only for k that are not negative and index + k below 2^63, which `extend_i32_u` makes sure of.
 */
function check(graph: Graph, v: number): void {
  const condition = graph.resolve(graph.a[v])
  if (graph.op[condition] !== Op.I64LtU) return
  const size = graph.resolve(graph.a[condition])
  const end = graph.resolve(graph.b[condition])
  if (graph.op[size] !== Op.MemoryBytes || graph.op[end] !== Op.I64Add) return
  const index = graph.resolve(graph.a[end])
  const k = graph.resolve(graph.b[end])
  if (graph.op[index] !== Op.I64ExtendI32U || !graph.isConst(k) || graph.b[k] !== 0 || graph.a[k] < 0) return
  const memory = graph.aux[size]
  const passed = known(Op.Trapif, index, memory, 0)
  if (passed !== NONE && passed >= graph.a[k]) {
    graph.op[v] = Op.Nop
    return
  }
  for (let i = 0; i < MAX_FACTS; i++)
    if (ops[i] === Op.Trapif && operands[i] === index && indices[i] === memory) ops[i] = Op.Nop
  learn(Op.Trapif, index, memory, 0, graph.a[k])
}
