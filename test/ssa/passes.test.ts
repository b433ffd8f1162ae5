// Passes on graphs made by hand, the control-flow graph, the verifier, and fuel.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildGraph } from '../../src/frontend/translate.ts'
import { Cfg } from '../../src/ssa/cfg.ts'
import { Emitter } from '../../src/ssa/emit.ts'
import { Graph } from '../../src/ssa/graph.ts'
import { Op } from '../../src/ssa/op.gen.ts'
import { optimize } from '../../src/ssa/passes/optimize.ts'
import { printGraph } from '../../src/ssa/print.ts'
import { NONE, Type } from '../../src/ssa/types.ts'
import { verify } from '../../src/ssa/verify.ts'
import { parseWat } from '../../src/text/parse.ts'
import { decodeModule } from '../../src/wasm/decode.ts'

function graphOf(text: string): Graph {
  const module = decodeModule(parseWat(text).bytes)
  const graph = buildGraph(module, module.importedFuncs, { guardedMemories: false })
  assert.ok(!('declined' in graph))
  return graph
}

const NESTED = `(module (func (param $n i32) (param $k i32) (result i32) (local $i i32) (local $j i32) (local $s i32)
  (loop $o
    (local.set $j (local.get $n))
    (loop $in
      (local.set $s (i32.add (local.get $s) (i32.mul (local.get $k) (i32.const 5))))
      (br_if $in (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))
    (br_if $o (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
  (local.get $s)))`

test('loops: headers, depths and what is around what', () => {
  const graph = graphOf(NESTED)
  const cfg = new Cfg(graph)
  const headers = [...cfg.order.subarray(0, cfg.count)].filter((block) => cfg.isHeader(block))
  assert.equal(headers.length, 2)
  const [outer, inner] = headers
  assert.deepEqual([cfg.loopDepth[outer], cfg.loopDepth[inner]], [1, 2])
  assert.equal(cfg.outerLoop[inner], outer)
  assert.equal(cfg.outerLoop[outer], NONE)
  assert.ok(cfg.dominates(outer, inner) && !cfg.dominates(inner, outer))
  assert.equal(cfg.loopDepth[graph.layout[0]], 0)
})

test('an invariant product leaves both loops', () => {
  const graph = graphOf(NESTED)
  optimize(graph)
  const cfg = new Cfg(graph)
  for (let i = 0; i < graph.scheduleLength; i++) {
    const v = graph.schedule[i]
    if (graph.op[v] === Op.I32Mul) assert.equal(cfg.loopDepth[graph.block[v]], 0, printGraph(graph))
  }
  assert.match(printGraph(graph), /i32\.mul/)
})

test('a division stays in its loop: it traps', () => {
  const graph = graphOf(
    NESTED.replace('i32.mul (local.get $k) (i32.const 5)', 'i32.div_u (i32.const 5) (local.get $k)'),
  )
  optimize(graph)
  const cfg = new Cfg(graph)
  const division = [...graph.schedule.subarray(0, graph.scheduleLength)].find((v) => graph.op[v] === Op.I32DivU)!
  assert.equal(cfg.loopDepth[graph.block[division]], 2)
})

test('a parameter that only goes round a loop is dead', () => {
  const graph = graphOf(`(module (func (param $n i32) (result i32) (local $unused i32)
    (loop $l
      (local.set $unused (i32.add (local.get $unused) (i32.const 3)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 1)))`)
  optimize(graph)
  assert.doesNotMatch(printGraph(graph), /const 3/)
})

test('fuel: no pass, then one more each time, and the graph is right', () => {
  const ran: string[] = []
  for (let fuel = 0; fuel <= 10; fuel++) {
    const graph = graphOf(NESTED)
    let passes = 0
    optimize(
      graph,
      (pass) => {
        passes++
        if (!ran.includes(pass)) ran.push(pass)
        verify(graph, pass)
      },
      fuel,
    )
    assert.ok(passes <= fuel)
    verify(graph)
  }
  assert.deepEqual(ran, ['parameters', 'sweep', 'branches', 'merge', 'redundancy', 'hoist', 'layout'])
})

test('the same module gives the same text', () => {
  const text = (): string => {
    const graph = graphOf(NESTED)
    optimize(graph)
    return printGraph(graph)
  }
  assert.equal(text(), text())
})

test('the verifier finds what is wrong', () => {
  const make = (): { graph: Graph; e: Emitter; x: number } => {
    const graph = new Graph({ params: [Type.I32], results: [Type.I32] })
    const e = new Emitter(graph)
    e.enter(graph.newBlock(), NONE)
    return { graph, e, x: e.param(Type.I32) }
  }
  const returns = (e: Emitter, v: number): void => {
    const list = e.graph.reserve(2)
    e.graph.pool[list + 1] = v
    e.return(list, 1)
  }
  const good = make()
  returns(good.e, good.e.op(Op.I32Clz, good.x))
  verify(good.graph)

  const open = make()
  assert.throws(() => verify(open.graph), /terminator of b0|parameters of b0/)

  const type = make()
  returns(type.e, type.e.place(Op.I64Clz, Type.I64, type.x))
  assert.throws(() => verify(type.graph), /v0 is i32, not i64/)

  const order = make()
  const late = order.e.place(Op.I32Clz, Type.I32, 2)
  order.e.place(Op.I32Ctz, Type.I32, order.x)
  returns(order.e, late)
  assert.throws(() => verify(order.graph), /uses v2, which does not dominate it/)

  const branch = make()
  const entry = branch.e.block
  const left = branch.graph.newBlock()
  const right = branch.graph.newBlock()
  const edge = branch.graph.newEdge(left, 0)
  branch.graph.newEdge(right, 0)
  branch.e.branch(branch.x, edge)
  branch.e.enter(left, entry)
  const inLeft = branch.e.op(Op.I32Popcnt, branch.x)
  branch.e.unreachable(1)
  branch.e.enter(right, entry)
  returns(branch.e, inLeft)
  assert.throws(() => verify(branch.graph), /does not dominate/)
})

test('what is not compiled is declined with its reason', () => {
  const reasonOf = (text: string): unknown => {
    const module = decodeModule(parseWat(text).bytes)
    const result = buildGraph(module, 0, { guardedMemories: true })
    return 'declined' in result ? result.declined : undefined
  }
  assert.equal(reasonOf('(module (func (param v128)))'), 'vectors')
  assert.equal(reasonOf('(module (func (drop (v128.const i32x4 1 2 3 4))))'), 'vectors')
  assert.equal(reasonOf('(module (tag $t) (func (throw $t)))'), 'exceptions')
  assert.equal(reasonOf('(module (func (drop (ref.i31 (i32.const 1)))))'), 'garbage collection')
  assert.equal(reasonOf('(module (memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0)))))'), 'threads')
  assert.equal(reasonOf('(module (func))'), undefined)
})
