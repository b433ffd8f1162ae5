// A function in SSA form: a control-flow graph whose blocks have parameters, all in typed-array columns.
//
// A *value* is the number of the instruction that makes it. Columns (op, type, a, b, c, aux, at, block) are append-only; what an
// instruction's a, b, c and aux mean is in ops.ts. A pass that replaces a value sets `alias`; `resolve` follows it; `sweep` (passes/
// dead-code.ts) writes the replacements into the operands.
//
// A *block* is a range of `schedule`, which lists values in order: first its parameters, last its terminator. Passes that insert,
// move or remove instructions write the schedule anew. `layout` is the order of the blocks, entry first; blocks that are not in it
// are unreachable. An *edge* is a target block and as many arguments as that has parameters; the edges of a terminator are consecutive.
// Every edge has its arguments for itself, so they can be rewritten in place.

import { bug } from '../util/bug.ts'
import { growInt32, growUint8 } from '../util/grow.ts'
import { Op } from './op.gen.ts'
import { OP_FLAGS, OPERANDS } from './op-tables.ts'
import { Flag } from './ops.ts'
import { NONE, type Signature, type Type } from './types.ts'

export class Graph {
  /** Number of values. */
  count = 0
  op: Uint8Array<ArrayBuffer> = new Uint8Array(256)
  type: Uint8Array<ArrayBuffer> = new Uint8Array(256)
  a: Int32Array<ArrayBuffer> = new Int32Array(256)
  b: Int32Array<ArrayBuffer> = new Int32Array(256)
  c: Int32Array<ArrayBuffer> = new Int32Array(256)
  aux: Int32Array<ArrayBuffer> = new Int32Array(256)
  /** Byte offset in the module of the Wasm instruction. */
  at: Int32Array<ArrayBuffer> = new Int32Array(256)
  /** The block that has it in its range. */
  block: Int32Array<ArrayBuffer> = new Int32Array(256)
  /** The value that takes its place, or NONE. */
  alias: Int32Array<ArrayBuffer> = new Int32Array(256)
  /** Number of uses by scheduled instructions; right after `sweep`. */
  uses: Int32Array<ArrayBuffer> = new Int32Array(256)

  /** Operand lists and arguments of edges. */
  pool: Int32Array<ArrayBuffer> = new Int32Array(256)
  poolLength = 0

  schedule: Int32Array<ArrayBuffer> = new Int32Array(256)
  scheduleLength = 0

  blockCount = 0
  /** Range in the schedule. */
  blockStart: Int32Array<ArrayBuffer> = new Int32Array(32)
  blockEnd: Int32Array<ArrayBuffer> = new Int32Array(32)
  blockParams: Int32Array<ArrayBuffer> = new Int32Array(32)
  layout: Int32Array<ArrayBuffer> = new Int32Array(32)
  layoutLength = 0

  edgeCount = 0
  edgeTarget: Int32Array<ArrayBuffer> = new Int32Array(32)
  /** Where in the pool its arguments start. */
  edgeArgs: Int32Array<ArrayBuffer> = new Int32Array(32)

  /** Signatures of the calls. */
  readonly signatures: Signature[] = []
  signature: Signature

  constructor(signature: Signature) {
    this.signature = signature
  }

  // ---- growing ----------------------------------------------------------------------------------------------------------------

  /** A new value; not scheduled. */
  value(op: Op, type: Type, a: number, b: number, c: number, aux: number): number {
    const v = this.count++
    if (v === this.op.length) this.growValues()
    this.op[v] = op
    this.type[v] = type
    this.a[v] = a
    this.b[v] = b
    this.c[v] = c
    this.aux[v] = aux
    this.block[v] = this.alias[v] = NONE
    return v
  }

  private growValues(): void {
    const needed = this.count
    this.op = growUint8(this.op, needed)
    this.type = growUint8(this.type, needed)
    this.a = growInt32(this.a, needed)
    this.b = growInt32(this.b, needed)
    this.c = growInt32(this.c, needed)
    this.aux = growInt32(this.aux, needed)
    this.at = growInt32(this.at, needed)
    this.block = growInt32(this.block, needed)
    this.alias = growInt32(this.alias, needed)
    this.uses = growInt32(this.uses, needed)
  }

  /** A new block; not in the layout. */
  newBlock(): number {
    const b = this.blockCount++
    if (b === this.blockStart.length) {
      this.blockStart = growInt32(this.blockStart, b + 1)
      this.blockEnd = growInt32(this.blockEnd, b + 1)
      this.blockParams = growInt32(this.blockParams, b + 1)
    }
    this.blockStart[b] = this.blockEnd[b] = NONE
    this.blockParams[b] = 0
    return b
  }

  /** Room for so many words in the pool; returns where. */
  reserve(words: number): number {
    const at = this.poolLength
    this.poolLength += words
    if (this.poolLength > this.pool.length) this.pool = growInt32(this.pool, this.poolLength)
    return at
  }

  newEdge(target: number, args: number): number {
    const e = this.edgeCount++
    if (e === this.edgeTarget.length) {
      this.edgeTarget = growInt32(this.edgeTarget, e + 1)
      this.edgeArgs = growInt32(this.edgeArgs, e + 1)
    }
    this.edgeTarget[e] = target
    this.edgeArgs[e] = args
    return e
  }

  /** Appends to the range of a block, whose range must be the last. */
  append(block: number, v: number): void {
    if (this.scheduleLength === this.schedule.length) this.schedule = growInt32(this.schedule, this.scheduleLength + 1)
    this.schedule[this.scheduleLength++] = v
    this.block[v] = block
    this.blockEnd[block] = this.scheduleLength
  }

  /** Starts the range of a block and puts the block into the layout. */
  startBlock(block: number): void {
    this.blockStart[block] = this.blockEnd[block] = this.scheduleLength
    if (this.layoutLength === this.layout.length) this.layout = growInt32(this.layout, this.layoutLength + 1)
    this.layout[this.layoutLength++] = block
  }

  signatureIndex(signature: Signature): number {
    const known = this.signatures.indexOf(signature)
    return known >= 0 ? known : this.signatures.push(signature) - 1
  }

  // ---- looking ----------------------------------------------------------------------------------------------------------------

  /** The value that stands for v now. */
  resolve(v: number): number {
    const { alias } = this
    let root = v
    while (alias[root] !== NONE) root = alias[root]
    while (alias[v] !== NONE) {
      const next = alias[v]
      alias[v] = root
      v = next
    }
    return root
  }

  terminator(block: number): number {
    const end = this.blockEnd[block]
    if (end <= this.blockStart[block]) bug(`block ${block} is empty`)
    return this.schedule[end - 1]
  }

  /** Number of value operands: of columns and list, not the arguments of edges. */
  operandCount(v: number): number {
    const op = this.op[v]
    return OPERANDS[op] + ((OP_FLAGS[op] & Flag.List) === 0 ? 0 : this.c[v])
  }

  operand(v: number, i: number): number {
    const columns = OPERANDS[this.op[v]]
    if (i >= columns) return this.pool[this.b[v] + 1 + i - columns]
    return i === 0 ? this.a[v] : i === 1 ? this.b[v] : this.c[v]
  }

  setOperand(v: number, i: number, to: number): void {
    const columns = OPERANDS[this.op[v]]
    if (i >= columns) this.pool[this.b[v] + 1 + i - columns] = to
    else if (i === 0) this.a[v] = to
    else if (i === 1) this.b[v] = to
    else this.c[v] = to
  }

  /** Edges of a terminator: `firstEdge`, and so many. */
  successorCount(terminator: number): number {
    return (OP_FLAGS[this.op[terminator]] & Flag.Edges) === 0 ? 0 : this.c[terminator]
  }

  firstEdge(terminator: number): number {
    return this.aux[terminator]
  }

  isConst(v: number): boolean {
    return this.op[v] === Op.Const
  }
}
