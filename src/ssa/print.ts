// SSA as text. Values are v0, v1, ..., blocks b0, b1, ..., in layout order:
//
//   function (i32) -> i32
//   b0(v0: i32):
//     v1: i32 = const 1
//     v2: i32 = i32.add v0, v1
//     jump b1(v2)
//
// Behind the operands come the other words that the op has: `[displacement]`, `@memory`, `#index`.

import { Op } from './op.gen.ts'
import { OP_FLAGS, OP_NAMES, OPERANDS } from './op-tables.ts'
import { Flag } from './ops.ts'
import type { Graph } from './graph.ts'
import { BUILTIN_NAMES, type Signature, Type, TYPE_NAMES } from './types.ts'

const signatureText = (s: Signature): string =>
  `(${s.params.map((t) => TYPE_NAMES[t]).join(', ')}) -> (${s.results.map((t) => TYPE_NAMES[t]).join(', ')})`

/** The text of a constant: a decimal integer, or the bits of a float. */
function constantText(graph: Graph, v: number): string {
  const low = graph.a[v]
  const high = graph.b[v]
  switch (graph.type[v]) {
    case Type.I32:
      return String(low)
    case Type.I64:
      return String((BigInt(high) << 32n) | BigInt(low >>> 0))
    case Type.F64:
      return `0x${(high >>> 0).toString(16).padStart(8, '0')}${(low >>> 0).toString(16).padStart(8, '0')}`
    default:
      return `0x${(low >>> 0).toString(16)}`
  }
}

function edgeText(graph: Graph, edge: number): string {
  const target = graph.edgeTarget[edge]
  const args: string[] = []
  for (let i = 0; i < graph.blockParams[target]; i++)
    args.push(`v${graph.resolve(graph.pool[graph.edgeArgs[edge] + i])}`)
  return args.length === 0 ? `b${target}` : `b${target}(${args.join(', ')})`
}

/** Words of an instruction besides its operands. */
function immediates(graph: Graph, v: number): string {
  const op: Op = graph.op[v]
  const flags = OP_FLAGS[op]
  const aux = graph.aux[v]
  switch (op) {
    case Op.Runtime:
      return ` ${BUILTIN_NAMES[aux]}`
    case Op.Fuel:
    case Op.Trapif:
    case Op.Unreachable:
    case Op.FrameLoad:
    case Op.Proj:
    case Op.Call:
    case Op.CallImport:
    case Op.ReturnCall:
    case Op.ReturnCallImport:
    case Op.GlobalGet:
    case Op.GlobalSet:
    case Op.RefFunc:
    case Op.RefHasType:
      return ` #${aux}`
    case Op.MemoryBase:
    case Op.MemoryAddress:
    case Op.MemoryBytes:
    case Op.TableLength:
    case Op.TableEntry:
      return ` @${aux}`
    case Op.EntryGet:
      return ` @${graph.b[v]}`
    case Op.EntrySet:
      return ` @${graph.c[v]}`
    default:
      if ((flags & (Flag.Read | Flag.Trap)) === (Flag.Read | Flag.Trap)) return ` [${aux}] @${graph.b[v]}`
      if ((flags & (Flag.Write | Flag.Trap)) === (Flag.Write | Flag.Trap)) return ` [${aux}] @${graph.c[v]}`
      return ''
  }
}

/** One instruction. */
export function printValue(graph: Graph, v: number): string {
  const op: Op = graph.op[v]
  let text = graph.type[v] === Type.None ? OP_NAMES[op] : `v${v}: ${TYPE_NAMES[graph.type[v]]} = ${OP_NAMES[op]}`
  if (op === Op.Const) return `${text} ${constantText(graph, v)}`
  text += immediates(graph, v)
  const flags = OP_FLAGS[op]
  const parts: string[] = []
  for (let i = 0; i < OPERANDS[op]; i++) parts.push(`v${graph.resolve(graph.operand(v, i))}`)
  if ((flags & Flag.List) !== 0) {
    const list: string[] = []
    for (let i = 0; i < graph.c[v]; i++) list.push(`v${graph.resolve(graph.pool[graph.b[v] + 1 + i])}`)
    parts.push(`(${list.join(', ')})`)
  }
  if ((flags & Flag.Edges) !== 0) for (let i = 0; i < graph.c[v]; i++) parts.push(edgeText(graph, graph.aux[v] + i))
  if (parts.length > 0) text += ' ' + parts.join(', ')
  if ((flags & Flag.Signature) !== 0) text += ` : ${signatureText(graph.signatures[graph.pool[graph.b[v]]])}`
  return text
}

/** The whole function, with a line for each instruction. */
export function printGraph(graph: Graph): string {
  let text = `function ${signatureText(graph.signature)}\n`
  for (let k = 0; k < graph.layoutLength; k++) {
    const block = graph.layout[k]
    let at = graph.blockStart[block]
    const params: string[] = []
    for (let i = 0; i < graph.blockParams[block]; i++, at++) {
      const v = graph.schedule[at]
      params.push(`v${v}: ${TYPE_NAMES[graph.type[v]]}`)
    }
    text += `b${block}${params.length === 0 ? '' : `(${params.join(', ')})`}:\n`
    for (; at < graph.blockEnd[block]; at++) {
      const v = graph.schedule[at]
      if (graph.op[v] !== Op.Nop) text += `  ${printValue(graph, v)}\n`
    }
  }
  return text
}
