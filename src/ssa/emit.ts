// Emitting instructions: constants fold, algebra simplifies (fold.ts), and an instruction equal to one that dominates it is that one.
//
// The table of what dominates is a stack with hash chains: entering a block drops the entries of blocks that do not dominate it. An
// entry's block has only entries of its own dominators below it, so dropping from the top until one dominates is enough. That needs
// each block's immediate dominator when it is entered, and blocks entered in an order in which dominators come first.

import { fold } from './fold.ts'
import type { Graph } from './graph.ts'
import { Op } from './op.gen.ts'
import { ANY_TYPE, OP_FLAGS, RESULT } from './op-tables.ts'
import { Flag } from './ops.ts'
import { NONE, type Signature, Type } from './types.ts'
import { growInt32 } from '../util/grow.ts'

/** Buckets of the value table: a power of two. Functions of 1,000 instructions have chains of less than 1. */
const BUCKETS = 1 << 11

const hashOf = (op: number, type: number, a: number, b: number, c: number, aux: number): number => {
  let h = Math.imul(op * 8 + type, 0x9e3779b1)
  h = Math.imul(h ^ a, 0x85ebca6b)
  h = Math.imul((h ^ (h >>> 15)) + b, 0xc2b2ae35)
  h = Math.imul((h ^ (h >>> 13)) + c, 0x27d4eb2f)
  h = Math.imul(h ^ aux, 0x165667b1)
  return (h ^ (h >>> 16)) & (BUCKETS - 1)
}

export class Emitter {
  readonly graph: Graph
  /** The open block, or NONE behind a terminator. */
  block = NONE
  /** Wasm offset of what is emitted. */
  at = 0

  /** Dominator tree, by block: parent and depth. Of entered blocks. */
  idom: Int32Array<ArrayBuffer> = new Int32Array(32)
  depth: Int32Array<ArrayBuffer> = new Int32Array(32)

  private readonly buckets = new Int32Array(BUCKETS).fill(NONE)
  /** The table's stack: values, and for each value its bucket and the next in the chain. */
  private stack: Int32Array<ArrayBuffer> = new Int32Array(256)
  private stackLength = 0
  private bucketOf: Int32Array<ArrayBuffer> = new Int32Array(256)
  private next: Int32Array<ArrayBuffer> = new Int32Array(256)

  constructor(graph: Graph) {
    this.graph = graph
  }

  /** Opens a block; its immediate dominator has been entered before, or is NONE for the entry. */
  enter(block: number, idom: number): void {
    const { graph } = this
    if (block >= this.idom.length) {
      this.idom = growInt32(this.idom, block + 1)
      this.depth = growInt32(this.depth, block + 1)
    }
    this.idom[block] = idom
    this.depth[block] = idom === NONE ? 0 : this.depth[idom] + 1
    let dominator = idom
    while (this.stackLength > 0) {
      const v = this.stack[this.stackLength - 1]
      const home = graph.block[v]
      while (dominator !== NONE && this.depth[dominator] > this.depth[home]) dominator = this.idom[dominator]
      if (dominator === home) break
      this.stackLength--
      this.buckets[this.bucketOf[v]] = this.next[v]
    }
    graph.startBlock(block)
    this.block = block
  }

  /** The deepest block that dominates both. */
  commonDominator(x: number, y: number): number {
    while (x !== y) {
      if (this.depth[x] >= this.depth[y]) x = this.idom[x]
      else y = this.idom[y]
    }
    return x
  }

  /** An instruction whose operands are in columns; what results may be another value. */
  emit(op: Op, type: Type, a = 0, b = 0, c = 0, aux = 0): number {
    const flags = OP_FLAGS[op]
    const { graph } = this
    if (
      (flags & Flag.Commutative) !== 0 &&
      (graph.isConst(a) ? !graph.isConst(b) || a > b : a > b && !graph.isConst(b))
    ) {
      // Constants to the right, else the older value to the left.
      const t = a
      a = b
      b = t
    }
    const folded = fold(this, op, type, a, b, c)
    if (folded !== NONE) return folded
    if ((flags & (Flag.Pure | Flag.Trap)) === 0 || (flags & (Flag.Read | Flag.Write)) !== 0)
      return this.place(op, type, a, b, c, aux)
    const bucket = hashOf(op, type, a, b, c, aux)
    const { next } = this
    for (let v = this.buckets[bucket]; v !== NONE; v = next[v])
      if (
        graph.op[v] === op &&
        graph.type[v] === type &&
        graph.a[v] === a &&
        graph.b[v] === b &&
        graph.c[v] === c &&
        graph.aux[v] === aux
      )
        return v
    const v = this.place(op, type, a, b, c, aux)
    this.remember(v, bucket)
    return v
  }

  private remember(v: number, bucket: number): void {
    if (v >= this.next.length) {
      this.next = growInt32(this.next, v + 1)
      this.bucketOf = growInt32(this.bucketOf, v + 1)
    }
    if (this.stackLength === this.stack.length) this.stack = growInt32(this.stack, this.stackLength + 1)
    this.stack[this.stackLength++] = v
    this.bucketOf[v] = bucket
    this.next[v] = this.buckets[bucket]
    this.buckets[bucket] = v
  }

  /** Appends an instruction as it is. */
  place(op: Op, type: Type, a = 0, b = 0, c = 0, aux = 0): number {
    const v = this.graph.value(op, type, a, b, c, aux)
    this.graph.at[v] = this.at
    this.graph.append(this.block, v)
    return v
  }

  /** An instruction whose result type is in the table. */
  op(op: Op, a = 0, b = 0, c = 0, aux = 0): number {
    const type = RESULT[op]
    return this.emit(op, type === ANY_TYPE ? this.graph.type[a] : type, a, b, c, aux)
  }

  // ---- constants ----------------------------------------------------------------------------------------------------------------

  constant(type: Type, low: number, high: number): number {
    return this.emit(Op.Const, type, low, high)
  }

  i32(value: number): number {
    return this.emit(Op.Const, Type.I32, value | 0, 0)
  }

  /** The i64 of an integer that a double has exactly. */
  i64(value: number): number {
    return this.emit(Op.Const, Type.I64, value | 0, Math.floor(value / 4294967296) | 0)
  }

  // ---- blocks, calls, terminators ------------------------------------------------------------------------------------------------

  param(type: Type): number {
    return this.place(Op.Param, type, 0, 0, 0, this.graph.blockParams[this.block]++)
  }

  /** An edge whose arguments are already in the pool. */
  jump(edge: number): void {
    this.place(Op.Jump, Type.None, 0, 0, 1, edge)
    this.block = NONE
  }

  /** Two consecutive edges. */
  branch(condition: number, firstEdge: number): void {
    this.place(Op.Branch, Type.None, condition, 0, 2, firstEdge)
    this.block = NONE
  }

  switch(index: number, firstEdge: number, count: number): void {
    this.place(Op.Switch, Type.None, index, 0, count, firstEdge)
    this.block = NONE
  }

  unreachable(reason: number): void {
    this.place(Op.Unreachable, Type.None, 0, 0, 0, reason)
    this.block = NONE
  }

  /** A call or tail call. The arguments are in pool[list + 1 ...]. */
  call(op: Op, callee: number, list: number, signature: Signature, aux: number): number {
    const { graph } = this
    graph.pool[list] = graph.signatureIndex(signature)
    const isTail = (OP_FLAGS[op] & Flag.Terminator) !== 0
    const type = isTail || signature.results.length === 0 ? Type.None : signature.results[0]
    const v = this.place(op, type, callee, list, signature.params.length, aux)
    if (isTail) this.block = NONE
    return v
  }

  /** Return of the values in pool[list + 1 ...]. */
  return(list: number, count: number): void {
    this.place(Op.Return, Type.None, 0, list, count, 0)
    this.block = NONE
  }
}
