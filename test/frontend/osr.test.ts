// OSR bodies: entered at a loop's header with what the interpreter's frame would have there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildGraph } from '../../src/frontend/translate.ts'
import type { Graph } from '../../src/ssa/graph.ts'
import { optimize } from '../../src/ssa/passes/optimize.ts'
import { verify } from '../../src/ssa/verify.ts'
import { parseWat } from '../../src/text/parse.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { InstrReader } from '../../src/wasm/instr-reader.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { runGraph } from '../ssa/eval.ts'

const run = (body: Graph | string, slots: readonly bigint[]): bigint[] => {
  assert.ok(typeof body !== 'string', `declined: ${String(body)}`)
  return runGraph(body, slots)
}

/** Bodies of the only function for each of its loops, in order; a reason where there is none. */
function bodies(text: string): (Graph | string)[] {
  const module = decodeModule(parseWat(text).bytes)
  const graphs: (Graph | string)[] = []
  const reader = new InstrReader(module.bytes, module.codeStart[0])
  for (let groups = reader.u32(); groups > 0; groups--) {
    reader.u32()
    reader.u8()
  }
  while (reader.pos < module.codeEnd[0]) {
    const at = reader.pos
    const op = reader.opcode()
    reader.skip(op)
    if (op !== Op.Loop) continue
    const graph = buildGraph(module, 0, { guardedMemories: false, osrOffset: at })
    if ('declined' in graph) {
      graphs.push(graph.declined)
      continue
    }
    verify(graph)
    optimize(graph, (pass) => verify(graph, pass))
    graphs.push(graph)
  }
  return graphs
}

test('a loop with two locals', () => {
  const [graph] = bodies(`(module (func (param $n i32) (result i32) (local $i i32) (local $sum i32)
    loop $l
      (local.set $sum (i32.add (local.get $sum) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_s (local.get $i) (local.get $n)))
    end
    (local.get $sum)))`)
  assert.deepEqual(run(graph, [10n, 4n, 100n]), [100n + 4n + 5n + 6n + 7n + 8n + 9n])
  assert.deepEqual(run(graph, [0n, 4n, 100n]), [104n])
})

test('the inner of two loops, with entries of the stack below both', () => {
  // 1000 * 7 + the number of inner rounds. Slots: n, i, j, count; then the stack: 1000, and below the inner loop 5.
  const [outer, inner] =
    bodies(`(module (func (param $n i32) (result i64) (local $i i32) (local $j i32) (local $count i64)
    i64.const 1000
    loop $o
      (local.set $j (i32.const 0))
      i32.const 5
      loop $in
        (local.set $count (i64.add (local.get $count) (i64.const 1)))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $in (i32.lt_s (local.get $j) (local.get $n)))
      end
      drop
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $o (i32.lt_s (local.get $i) (local.get $n)))
    end
    (i64.mul (i64.const 7))
    (i64.add (local.get $count))))`)
  // All of n * n rounds are to come.
  assert.deepEqual(run(outer, [4n, 0n, 0n, 0n, 1000n]), [7016n])
  // Two of the first four inner rounds are done: the rest of them, and three times four.
  assert.deepEqual(run(inner, [4n, 0n, 2n, 2n, 1000n, 5n]), [7016n])
  // What lies in the frame counts, not what the code before the loop would have put there.
  assert.deepEqual(run(inner, [4n, 3n, 3n, 0n, 1n, 5n]), [8n])
})

test('a loop with parameters inside an if', () => {
  const [graph] = bodies(`(module (func (param $n i32) (param $x i32) (result i32)
    (if (result i32) (local.get $n)
      (then
        (i32.const 1)
        (loop $l (param i32) (result i32)
          (i32.mul (i32.const 3))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $l (local.get $n))))
      (else (local.get $x)))
    (i32.add (local.get $x))))`)
  assert.deepEqual(run(graph, [2n, 50n, 10n]), [140n])
})

test('a loop from which the one around it can be entered in two places has no OSR body', () => {
  // The middle loop goes round without the inner one, and is entered from that behind it, and at its header by way of the outer loop.
  const [outer, middle, inner] = bodies(`(module (func (param $n i32) (param $c i32) (param $m i32)
    loop $o
      loop $mid
        (if (local.get $c) (then
          loop $in
            (br_if $o (local.get $m))
            (br_if $in (local.tee $c (i32.sub (local.get $c) (i32.const 1))))
          end))
        (br_if $mid (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
      end
      (br_if $o (local.tee $m (i32.sub (local.get $m) (i32.const 1))))
    end))`)
  assert.notEqual(typeof outer, 'string')
  assert.notEqual(typeof middle, 'string')
  assert.equal(inner, 'entry into a loop')
})

test('a loop that is never reached has none either', () => {
  assert.deepEqual(bodies('(module (func return (loop (br 0))))'), ['unreachable loop'])
})
