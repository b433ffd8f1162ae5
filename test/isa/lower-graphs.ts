// Small SSA functions for tests of lowering.

import { Graph } from '../../src/ssa/graph.ts'
import { Op } from '../../src/ssa/op.gen.ts'
import { Type } from '../../src/ssa/types.ts'

/** Builds one function, block by block in the order of `enter`. */
export class GraphBuilder {
  readonly graph: Graph
  private block = 0

  constructor(params: readonly Type[], results: readonly Type[]) {
    this.graph = new Graph({ params, results })
  }

  newBlock(): number {
    return this.graph.newBlock()
  }

  /** Begins a block; returns its parameters. */
  enter(block: number, types: readonly Type[]): number[] {
    this.graph.startBlock(block)
    this.block = block
    this.graph.blockParams[block] = types.length
    return types.map((type, n) => this.op(Op.Param, type, 0, 0, 0, n))
  }

  op(op: Op, type: Type, a = 0, b = 0, c = 0, aux = 0): number {
    const v = this.graph.value(op, type, a, b, c, aux)
    this.graph.append(this.block, v)
    return v
  }

  constant(type: Type, bits: bigint): number {
    return this.op(Op.Const, type, Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)))
  }

  private edge(target: number, args: readonly number[]): number {
    const at = this.graph.reserve(args.length)
    args.forEach((arg, n) => (this.graph.pool[at + n] = arg))
    return this.graph.newEdge(target, at)
  }

  jump(target: number, args: readonly number[] = []): void {
    const edge = this.edge(target, args)
    this.op(Op.Jump, Type.None, 0, 0, 1, edge)
  }

  branch(condition: number, whenTrue: number, whenFalse: number, falseArgs: readonly number[] = []): void {
    const first = this.edge(whenTrue, [])
    this.edge(whenFalse, falseArgs)
    this.op(Op.Branch, Type.None, condition, 0, 2, first)
  }

  switch(index: number, targets: readonly number[]): void {
    const first = this.graph.edgeCount
    for (const target of targets) this.edge(target, [])
    this.op(Op.Switch, Type.None, index, 0, targets.length, first)
  }

  return(values: readonly number[]): void {
    const at = this.graph.reserve(values.length + 1)
    values.forEach((v, n) => (this.graph.pool[at + 1 + n] = v))
    this.op(Op.Return, Type.None, 0, at, values.length)
  }
}
