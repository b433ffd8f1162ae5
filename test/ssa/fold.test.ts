// Folding against the operations themselves: each numeric op on constants, with edge values, is what the host's WebAssembly says; and
// with only the right operand constant the simplified instructions are.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { edgeValues, Random } from '../../fuzz/random.ts'
import { Emitter } from '../../src/ssa/emit.ts'
import { Graph } from '../../src/ssa/graph.ts'
import { Op } from '../../src/ssa/op.gen.ts'
import { OP_NAMES, OPERAND_TYPE, OPERANDS, RESULT } from '../../src/ssa/op-tables.ts'
import { printGraph } from '../../src/ssa/print.ts'
import { NONE, Type } from '../../src/ssa/types.ts'
import { FRAMES, NUMERIC } from './numeric.ts'

const I = new Int32Array(FRAMES)
const Q = new BigInt64Array(FRAMES)
const random = new Random(11)

/** Bits of edge values and of random ones. */
function valuesOf(type: Type, more: number): bigint[] {
  const edges: readonly (number | bigint)[] =
    type === Type.I32
      ? edgeValues.i32
      : type === Type.I64
        ? edgeValues.i64
        : type === Type.F32
          ? edgeValues.f32
          : edgeValues.f64
  const list = edges.map((x) => {
    if (typeof x === 'bigint') return BigInt.asIntN(64, x)
    return BigInt.asIntN(64, BigInt(Math.trunc(x)))
  })
  for (let i = 0; i < more; i++) list.push(BigInt.asIntN(64, (BigInt(random.u32()) << 32n) | BigInt(random.u32())))
  return list
}

const masked = (type: Type, bits: bigint): bigint =>
  type === Type.I32 || type === Type.F32 ? BigInt.asUintN(32, bits) : BigInt.asUintN(64, bits)

/** The result's bits, or undefined for a trap. Operands at 8 and 16. */
function hostResult(op: number, a: bigint, b: bigint): bigint | undefined {
  Q[1] = a
  Q[2] = b
  Q[3] = 0n
  try {
    NUMERIC[op]!(8, 16, 24)
  } catch {
    return undefined
  }
  return masked(RESULT[op], Q[3])
}

function constant(e: Emitter, type: Type, bits: bigint): number {
  return e.constant(
    type,
    Number(BigInt.asIntN(32, bits)),
    type === Type.I64 || type === Type.F64 ? Number(BigInt.asIntN(32, bits >> 32n)) : 0,
  )
}

function emitter(params: readonly Type[]): { e: Emitter; graph: Graph } {
  const graph = new Graph({ params, results: [] })
  const e = new Emitter(graph)
  e.enter(graph.newBlock(), NONE)
  return { e, graph }
}

const isNaNResult = (op: number, bits: bigint): boolean =>
  (RESULT[op] === Type.F32 && (bits & 0x7fffffffn) > 0x7f800000n) ||
  (RESULT[op] === Type.F64 && (bits & 0x7fffffffffffffffn) > 0x7ff0000000000000n)

test('constants fold to what the instruction gives', () => {
  let folded = 0
  for (let op = 0; op < OP_NAMES.length; op++) {
    if (NUMERIC[op] === undefined) continue
    for (const a of valuesOf(OPERAND_TYPE[op * 3], 2)) {
      for (const b of OPERANDS[op] === 2 ? valuesOf(OPERAND_TYPE[op * 3 + 1], 2) : [0n]) {
        const { e, graph } = emitter([])
        const x = constant(e, OPERAND_TYPE[op * 3], a)
        const v = e.op(op, x, OPERANDS[op] === 2 ? constant(e, OPERAND_TYPE[op * 3 + 1], b) : 0)
        if (!graph.isConst(v)) continue
        folded++
        const bits = (BigInt(graph.b[v]) << 32n) | BigInt(graph.a[v] >>> 0)
        const expected = hostResult(op, a, b)
        const text = `${OP_NAMES[op]} ${a} ${b}`
        assert.notEqual(expected, undefined, `${text} traps`)
        assert.equal(graph.type[v], RESULT[op], text)
        if (!isNaNResult(op, expected!)) assert.equal(masked(RESULT[op], bits), expected, text)
      }
    }
  }
  assert.ok(folded > 10_000, `${folded}`)
})

/** Runs the straight-line code of a graph with one parameter. */
function evaluate(graph: Graph, result: number, a: bigint): bigint {
  const base = 16
  for (let at = 0; at < graph.scheduleLength; at++) {
    const v = graph.schedule[at]
    const op: Op = graph.op[v]
    const d = base + v
    if (op === Op.Param) Q[d] = a
    else if (op === Op.Const) {
      I[d * 2] = graph.a[v]
      I[d * 2 + 1] = graph.b[v]
    } else if (op === Op.I64MulhiU || op === Op.I64MulhiS) {
      const as = op === Op.I64MulhiU ? BigInt.asUintN : BigInt.asIntN
      Q[d] = BigInt.asIntN(64, (as(64, Q[base + graph.a[v]]) * as(64, Q[base + graph.b[v]])) >> 64n)
    } else NUMERIC[op]!((base + graph.a[v]) * 8, (base + graph.b[v]) * 8, d * 8)
  }
  return masked(graph.type[result], Q[base + result])
}

test('a constant right operand: simpler instructions with the same result', () => {
  let changed = 0
  for (let op = 0; op < OP_NAMES.length; op++) {
    if (NUMERIC[op] === undefined || OPERANDS[op] !== 2) continue
    const type = OPERAND_TYPE[op * 3] as Type
    if (type !== Type.I32 && type !== Type.I64) continue
    const small = [
      3n,
      5n,
      6n,
      7n,
      9n,
      10n,
      12n,
      25n,
      100n,
      641n,
      1000n,
      -3n,
      -7n,
      -10n,
      1n << 30n,
      0x55555555n,
      -0x7fffffffn,
    ]
    for (const b of [...valuesOf(type, 8), ...small]) {
      const { e, graph } = emitter([type])
      const param = e.param(type)
      const v = e.op(op, param, constant(e, type, b))
      if (graph.op[v] === op) continue
      changed++
      for (const a of valuesOf(type, 24)) {
        const expected = hostResult(op, a, b)
        assert.equal(evaluate(graph, v, a), expected, `${OP_NAMES[op]} ${a} ${b}\n${printGraph(graph)}`)
      }
    }
  }
  assert.ok(changed > 400, `${changed}`)
})

test('equal instructions are one, and constants move to the right', () => {
  const { e, graph } = emitter([Type.I32])
  const x = e.param(Type.I32)
  const sum = e.op(Op.I32Add, e.i32(7), x)
  assert.equal(e.op(Op.I32Add, x, e.i32(7)), sum)
  assert.ok(graph.isConst(graph.b[sum]))
  assert.notEqual(e.op(Op.I32Add, x, e.i32(8)), sum)
})

test('what a block does not dominate is not reused', () => {
  const { e, graph } = emitter([Type.I32])
  const entry = e.block
  const x = e.param(Type.I32)
  const left = graph.newBlock()
  const right = graph.newBlock()
  const first = graph.newEdge(left, 0)
  graph.newEdge(right, 0)
  const before = e.op(Op.I32Clz, x)
  e.branch(x, first)
  e.enter(left, entry)
  const inLeft = e.op(Op.I32Ctz, x)
  assert.equal(e.op(Op.I32Clz, x), before)
  e.unreachable(1)
  e.enter(right, entry)
  assert.equal(e.op(Op.I32Clz, x), before)
  assert.notEqual(e.op(Op.I32Ctz, x), inLeft)
})
