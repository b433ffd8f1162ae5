// Validated Wasm bytes -> SSA.
//
// The virtual stack holds values. A local is the value that was assigned last; at a label where control flow joins, each local that the
// control structure assigns somewhere (scan.ts) becomes a parameter, at a loop's header too, so every block's predecessors are
// known when it needs them, and no parameter is added later. Parameters that turn out to be one value go in passes/parameters.ts.
// The code behind a branch is not translated.
//
// Slots are those of the interpreter's frame (src/interp/builder.ts): local i is slot i, the stack entry with index i is slot locals + i;
// a function with v128 values is not compiled, so each takes one. At a loop's header the interpreter has all of them in their slots. An
// OSR body is the whole function with another entry, which loads them and jumps to the header; at that header, and at those of the loops
// around it, everything is a parameter, so that nothing which follows depends on code that was not run.

import { Cfg } from '../ssa/cfg.ts'
import { Emitter } from '../ssa/emit.ts'
import { Graph } from '../ssa/graph.ts'
import { Op } from '../ssa/op.gen.ts'
import { OPERANDS } from '../ssa/op-tables.ts'
import { NONE, TrapReason, Type, type Signature } from '../ssa/types.ts'
import { isCharged } from '../interp/charge.ts'
import { Reader } from '../interp/reader.ts'
import { bug } from '../util/bug.ts'
import { growInt32 } from '../util/grow.ts'
import { skipImmediates } from '../wasm/instr-reader.ts'
import type { Module } from '../wasm/module.ts'
import { Op as Wasm } from '../wasm/op.gen.ts'
import { isRef, T } from '../wasm/types.ts'
import { translateCall } from './calls.ts'
import { access, translateMemory } from './memory.ts'
import { ACCESS_BYTES, SSA_OP } from './opcodes.ts'
import { type DeclineReason, Scan } from './scan.ts'
import { translateTable } from './tables.ts'

export interface FrontendOptions {
  /**
   * Whether an access outside of a memory with 32-bit addresses and pages of 64 KiB faults by itself: the memory is a reservation that no
   * index plus offset can leave. Other memories get explicit checks.
   */
  readonly guardedMemories: boolean
  /** Whether segments take fuel: those of the interpreter's metered code (src/interp/builder.ts `startSegment`), at the same price. */
  readonly metered?: boolean
  /** Offset of a `loop` instruction: the body is entered at its header, with the interpreter's frame. */
  readonly osrOffset?: number
}

/** A function that is not compiled. */
export interface Declined {
  readonly declined: DeclineReason
}

const enum LabelKind {
  Function,
  Block,
  Loop,
  If,
  Else,
}

/** A control structure that is open. */
class Label {
  kind = LabelKind.Block
  /** Stack entries below its parameters. */
  height = 0
  params: readonly Type[] = []
  results: readonly Type[] = []
  /** Where branches to it lead: the block behind its end, NONE before the first branch; a loop's header. */
  block = NONE
  /** The common dominator of the branches so far. */
  dominator = NONE
  /** If: the block of its else branch, and the block of its condition. */
  elseBlock = NONE
  condition = NONE
  /** Loop around an OSR entry: stack entries below its parameters, which are parameters too. */
  below = 0
  /** The locals that are parameters of `block`: a part of `Translation.assigned`. */
  first = 0
  last = 0
}

const scan = new Scan()

const NO_TYPES: readonly Type[] = []
/** One result, by type. */
const SINGLE: readonly (readonly Type[])[] = [
  Type.None,
  Type.I32,
  Type.I64,
  Type.F32,
  Type.F64,
  Type.V128,
  Type.Ref,
].map((type) => [type])

export class Translation {
  readonly module: Module
  readonly options: FrontendOptions
  readonly graph: Graph
  readonly e: Emitter
  readonly reader = new Reader()
  declined: DeclineReason | undefined

  private locals: Int32Array = new Int32Array(0)
  private localTypes: Uint8Array = new Uint8Array(0)
  private stack: Int32Array<ArrayBuffer> = new Int32Array(64)
  depth = 0
  private readonly labels: Label[] = []
  private labelCount = 0

  /** Locals that labels make parameters of, and what they were when it was opened; behind them the parameters of an `if`. */
  private assigned: Int32Array<ArrayBuffer> = new Int32Array(64)
  private saved: Int32Array<ArrayBuffer> = new Int32Array(64)
  private assignedLength = 0
  /** By local: the last list it is in. */
  private stamp: Int32Array = new Int32Array(0)
  private stamps = 0
  /** The number of the next control structure, and of the one to enter by OSR. */
  private structure = 0
  /** Of the last `blockTypes`. */
  private blockParams: readonly Type[] = NO_TYPES
  private blockResults: readonly Type[] = NO_TYPES
  private readonly signatures: Signature[] = []
  private osrStructure = NONE
  private osrBlock = NONE
  private osrDepth = 0
  private root = NONE
  /** Metered: the value that takes the fuel of the current segment, and its instructions so far. */
  private segment = NONE
  private charged = 0

  constructor(module: Module, index: number, options: FrontendOptions) {
    this.module = module
    this.options = options
    this.graph = new Graph(this.signature(module.funcs[index]))
    this.e = new Emitter(this.graph)
    const body = index - module.importedFuncs
    this.reader.reset(module.bytes, module.codeStart[body], module.codeEnd[body])
  }

  // ---- types ------------------------------------------------------------------------------------------------------------------

  typeOf(type: number): Type {
    switch (type) {
      case T.I32:
        return Type.I32
      case T.I64:
        return Type.I64
      case T.F32:
        return Type.F32
      case T.F64:
        return Type.F64
      case T.V128:
        this.declined = 'vectors'
        return Type.V128
      default:
        return isRef(type) ? Type.Ref : bug(`value type ${type}`)
    }
  }

  signature(typeIndex: number): Signature {
    const known = this.signatures[typeIndex]
    if (known !== undefined) return known
    const type = this.module.types[typeIndex]
    if (type.kind !== 'func') return bug('not a function type')
    const params = type.params.map((t) => this.typeOf(t))
    return (this.signatures[typeIndex] = { params, results: type.results.map((t) => this.typeOf(t)) })
  }

  // ---- the stack --------------------------------------------------------------------------------------------------------------

  push(v: number): void {
    if (this.depth === this.stack.length) this.stack = growInt32(this.stack, this.depth + 1)
    this.stack[this.depth++] = v
  }

  pop(): number {
    return this.stack[--this.depth]
  }

  // ---- the function -----------------------------------------------------------------------------------------------------------

  run(): Graph | Declined {
    const { e, graph, options } = this
    this.readLocals()
    const reason = this.declined ?? scan.run(this.module.bytes, this.reader.position)
    if (reason !== undefined) return { declined: reason }
    if (options.osrOffset !== undefined) {
      for (let n = 0; n < scan.count; n++) if (scan.offset[n] === options.osrOffset) this.osrStructure = n
      if (this.osrStructure === NONE) bug(`no loop at offset ${options.osrOffset}`)
    }
    this.root = graph.newBlock()
    e.at = this.reader.position
    e.enter(this.root, NONE)
    const { params, results } = graph.signature
    for (let i = 0; i < params.length; i++) this.locals[i] = e.param(params[i])
    if (this.osrStructure !== NONE) {
      // Nothing in the root may be used by what follows an OSR header.
      const body = graph.newBlock()
      e.jump(this.edge(body))
      e.enter(body, this.root)
    }
    for (let i = params.length; i < this.locals.length; i++) this.locals[i] = e.constant(this.localTypes[i], 0, 0)
    this.blockResults = results
    this.open(LabelKind.Function, 0, 0)
    this.startSegment()
    this.body()
    this.endSegment()
    if (this.declined !== undefined) return { declined: this.declined }
    if (this.osrStructure !== NONE) {
      if (this.osrBlock === NONE) return { declined: 'unreachable loop' }
      this.enterByOsr()
      if (!new Cfg(graph).reducible) return { declined: 'entry into a loop' }
    }
    return graph
  }

  private readLocals(): void {
    const r = this.reader
    const { params } = this.graph.signature
    let count = params.length
    const start = r.position
    // Twice: for the number, and for the types.
    for (let groups = r.u32(); groups > 0; groups--) {
      count += r.u32()
      r.valueType()
    }
    this.locals = new Int32Array(count)
    this.localTypes = new Uint8Array(count)
    this.stamp = new Int32Array(count)
    for (let i = 0; i < params.length; i++) this.localTypes[i] = params[i]
    r.position = start
    let local = params.length
    for (let groups = r.u32(); groups > 0; groups--) {
      const n = r.u32()
      const type = this.typeOf(r.valueType())
      this.localTypes.fill(type, local, local + n)
      local += n
    }
  }

  private body(): void {
    const { e, reader: r } = this
    while (this.labelCount > 0) {
      if (e.block === NONE) {
        this.skipDead()
        continue
      }
      e.at = r.position
      const op = r.opcode()
      if (isCharged(op)) this.charged++
      switch (op) {
        case Wasm.Nop:
          break
        case Wasm.Unreachable:
          e.unreachable(TrapReason.Unreachable)
          break
        case Wasm.Block:
          this.openBlock()
          break
        case Wasm.Loop:
          this.openLoop()
          break
        case Wasm.If:
          this.openIf()
          break
        case Wasm.Else:
          this.else()
          break
        case Wasm.End:
          this.end()
          break
        case Wasm.Br:
          this.branch(this.label(r.u32()))
          break
        case Wasm.BrIf:
          this.branchIf(this.label(r.u32()), this.pop())
          break
        case Wasm.BrTable:
          this.branchTable()
          break
        case Wasm.BrOnNull:
        case Wasm.BrOnNonNull:
          this.branchOnNull(op === Wasm.BrOnNull)
          break
        case Wasm.Return:
          this.return()
          break
        case Wasm.Call:
        case Wasm.CallIndirect:
        case Wasm.CallRef:
          translateCall(this, op)
          break
        case Wasm.ReturnCall:
        case Wasm.ReturnCallIndirect:
        case Wasm.ReturnCallRef:
          translateCall(this, op)
          break
        case Wasm.Drop:
          this.depth--
          break
        case Wasm.LocalGet:
          this.push(this.locals[r.u32()])
          break
        case Wasm.LocalSet:
          this.locals[r.u32()] = this.pop()
          break
        case Wasm.LocalTee:
          this.locals[r.u32()] = this.stack[this.depth - 1]
          break
        default:
          this.plain(op)
      }
    }
  }

  /** Instructions without control flow. */
  private plain(op: number): void {
    const { e, reader: r } = this
    const ssa: Op = SSA_OP[op]
    if (ACCESS_BYTES[op] !== 0) return access(this, ssa, ACCESS_BYTES[op])
    if (ssa !== Op.Nop) {
      const b = OPERANDS[ssa] === 2 ? this.pop() : 0
      this.push(e.op(ssa, this.pop(), b))
      return
    }
    switch (op) {
      case Wasm.I32Const:
        this.push(e.i32(r.i32()))
        break
      case Wasm.I64Const: {
        const low = r.i64()
        this.push(e.constant(Type.I64, low, r.high))
        break
      }
      case Wasm.F32Const:
        this.push(e.constant(Type.F32, r.word(), 0))
        break
      case Wasm.F64Const: {
        const low = r.word()
        this.push(e.constant(Type.F64, low, r.word()))
        break
      }
      case Wasm.SelectTyped:
      case Wasm.Select: {
        if (op === Wasm.SelectTyped) {
          r.u32()
          r.valueType()
        }
        const condition = this.pop()
        const b = this.pop()
        const a = this.pop()
        this.push(e.op(Op.Select, a, b, condition))
        break
      }
      case Wasm.GlobalGet: {
        const global = r.u32()
        this.push(e.emit(Op.GlobalGet, this.typeOf(this.module.globals[global].type), 0, 0, 0, global))
        break
      }
      case Wasm.GlobalSet:
        e.place(Op.GlobalSet, Type.None, this.pop(), 0, 0, r.u32())
        break
      case Wasm.I64Add128:
      case Wasm.I64Sub128:
        this.wide(op === Wasm.I64Add128)
        break
      case Wasm.I64MulWideS:
      case Wasm.I64MulWideU: {
        const b = this.pop()
        const a = this.pop()
        this.push(e.op(Op.I64Mul, a, b))
        this.push(e.op(op === Wasm.I64MulWideS ? Op.I64MulhiS : Op.I64MulhiU, a, b))
        break
      }
      default:
        if (!translateMemory(this, op) && !translateTable(this, op)) bug(`opcode ${op} has no translation`)
    }
  }

  /** i64.add128, i64.sub128: carry and borrow are unsigned compares. */
  private wide(isAdd: boolean): void {
    const { e } = this
    const bh = this.pop()
    const bl = this.pop()
    const ah = this.pop()
    const al = this.pop()
    const op = isAdd ? Op.I64Add : Op.I64Sub
    const low = e.op(op, al, bl)
    const carry = e.op(Op.I64ExtendI32U, isAdd ? e.op(Op.I64LtU, low, al) : e.op(Op.I64LtU, al, bl))
    this.push(low)
    this.push(e.op(op, e.op(op, ah, bh), carry))
  }

  trapIf(condition: number, reason: number): void {
    const { graph } = this
    if (graph.isConst(condition) && graph.a[condition] === 0) return
    this.e.emit(Op.Trapif, Type.None, condition, 0, 0, reason)
  }

  // ---- control structures --------------------------------------------------------------------------------------------------------

  private label(depth: number): Label {
    return this.labels[this.labelCount - 1 - depth]
  }

  /** Opens a control structure with the last `blockTypes`, whose part of `scan.sets` is given. */
  private open(kind: LabelKind, setStart: number, setEnd: number): Label {
    const { blockParams: params, blockResults: results } = this
    let label = this.labels[this.labelCount]
    if (label === undefined) this.labels.push((label = new Label()))
    this.labelCount++
    label.kind = kind
    label.params = params
    label.results = results
    label.height = this.depth - params.length
    label.block = label.dominator = label.elseBlock = NONE
    label.first = this.assignedLength
    const stamp = ++this.stamps
    for (let i = setStart; i < setEnd; i++) {
      const local = scan.sets[i]
      if (this.stamp[local] === stamp) continue
      this.stamp[local] = stamp
      this.save(local, this.locals[local])
    }
    label.last = this.assignedLength
    return label
  }

  private save(local: number, value: number): void {
    const n = this.assignedLength++
    if (n === this.assigned.length) {
      this.assigned = growInt32(this.assigned, n + 1)
      this.saved = growInt32(this.saved, n + 1)
    }
    this.assigned[n] = local
    this.saved[n] = value
  }

  private blockTypes(): void {
    const type = this.reader.blockType()
    this.blockParams = this.blockResults = NO_TYPES
    if (type >= 0) {
      const { params, results } = this.signature(type)
      this.blockParams = params
      this.blockResults = results
    } else if (type !== -0x40) this.blockResults = SINGLE[this.typeOf(this.reader.blockValueType)]
  }

  private openBlock(): void {
    this.blockTypes()
    const n = this.structure++
    this.open(LabelKind.Block, scan.start[n], scan.end[n])
  }

  private openIf(): void {
    const { e, graph } = this
    this.blockTypes()
    const n = this.structure++
    const condition = this.pop()
    const label = this.open(LabelKind.If, scan.start[n], scan.end[n])
    label.condition = e.block
    const thenBlock = graph.newBlock()
    label.elseBlock = graph.newBlock()
    for (let i = label.height; i < this.depth; i++) this.save(NONE, this.stack[i])
    const first = this.edge(thenBlock)
    this.edge(label.elseBlock)
    e.branch(condition, first)
    e.enter(thenBlock, label.condition)
  }

  private openLoop(): void {
    const { e, graph } = this
    this.blockTypes()
    const n = this.structure++
    const isOsr = this.osrStructure !== NONE && scan.encloses(n, this.osrStructure)
    const label = this.open(LabelKind.Loop, isOsr ? 0 : scan.start[n], isOsr ? 0 : scan.end[n])
    const from = e.block
    const header = graph.newBlock()
    if (isOsr) {
      // All locals and the whole stack.
      for (let i = 0; i < this.locals.length; i++) this.save(i, this.locals[i])
      label.last = this.assignedLength
    }
    label.below = isOsr ? label.height : 0
    const start = isOsr ? 0 : label.height
    const edge = this.edge(header, label, this.depth - start)
    e.jump(edge)
    label.block = header
    e.enter(header, isOsr ? this.root : from)
    for (let i = label.first; i < label.last; i++) {
      const local = this.assigned[i]
      this.locals[local] = e.param(this.localTypes[local])
    }
    for (let i = start; i < this.depth; i++) this.stack[i] = e.param(graph.type[this.stack[i]])
    e.place(Op.Poll, Type.None, 0, 0, 0, 0)
    this.startSegment()
    if (n === this.osrStructure) {
      this.osrBlock = header
      this.osrDepth = this.depth
    }
  }

  private else(): void {
    const label = this.label(0)
    if (this.e.block !== NONE) this.branchTo(label, label.results.length)
    this.startElse(label)
    this.startSegment()
  }

  /** The else branch: locals and stack are what they were at the `if`. */
  private startElse(label: Label): void {
    const { e } = this
    e.enter(label.elseBlock, label.condition)
    for (let i = label.first; i < label.last; i++) this.locals[this.assigned[i]] = this.saved[i]
    this.depth = label.height
    for (let i = 0; i < label.params.length; i++) this.push(this.saved[label.last + i])
    label.kind = LabelKind.Else
  }

  private end(): void {
    const { e } = this
    const label = this.label(0)
    const { results } = label
    if (label.kind === LabelKind.Function) {
      if (label.block !== NONE) {
        if (e.block !== NONE) this.branchTo(label, results.length)
        this.join(label)
      }
      if (e.block !== NONE) this.return()
      this.labelCount = 0
      return
    }
    // A segment starts behind it if something branches there; the end of a then branch does, that of an else branch does not.
    let starts = label.block !== NONE
    if (label.kind === LabelKind.If) {
      if (e.block !== NONE) this.branchTo(label, results.length)
      this.startElse(label)
      starts = true
    }
    if (label.kind === LabelKind.Else) {
      if (e.block !== NONE) this.branchTo(label, results.length)
      if (label.block !== NONE) this.join(label)
    } else if (label.kind === LabelKind.Block && label.block !== NONE) {
      if (e.block !== NONE) this.branchTo(label, results.length)
      this.join(label)
    } else starts = false
    if (starts && e.block !== NONE) this.startSegment()
    this.assignedLength = label.first
    this.labelCount--
  }

  // ---- fuel ----------------------------------------------------------------------------------------------------------------------

  private startSegment(): void {
    if (this.options.metered !== true) return
    this.endSegment()
    this.segment = this.e.place(Op.Fuel, Type.None, 0, 0, 0, 0)
    this.charged = 0
  }

  private endSegment(): void {
    if (this.segment !== NONE) this.graph.aux[this.segment] = this.charged
  }

  /** The block behind the end of a control structure that is branched to. */
  private join(label: Label): void {
    const { e } = this
    e.enter(label.block, label.dominator)
    for (let i = label.first; i < label.last; i++) {
      const local = this.assigned[i]
      this.locals[local] = e.param(this.localTypes[local])
    }
    this.depth = label.height
    for (let i = 0; i < label.results.length; i++) this.push(e.param(label.results[i]))
  }

  /** Skips to the `else` or `end` of the innermost open structure, and does that. */
  private skipDead(): void {
    const { reader: r } = this
    let nesting = 0
    for (;;) {
      this.e.at = r.position
      const op = r.opcode()
      if (op === Wasm.End) {
        if (nesting-- > 0) continue
        return this.end()
      }
      if (op === Wasm.Else && nesting === 0) return this.else()
      if (op === Wasm.Block || op === Wasm.Loop || op === Wasm.If) {
        nesting++
        this.structure++
      }
      r.position = skipImmediates(r.bytes, r.position, op)
    }
  }

  // ---- branches ------------------------------------------------------------------------------------------------------------------

  /** An edge with the label's locals and the topmost stack entries as arguments. */
  private edge(target: number, label?: Label, count = 0): number {
    const { graph } = this
    const locals = label === undefined ? 0 : label.last - label.first
    const at = graph.reserve(locals + count)
    if (label !== undefined)
      for (let i = 0; i < locals; i++) graph.pool[at + i] = this.locals[this.assigned[label.first + i]]
    for (let i = 0; i < count; i++) graph.pool[at + locals + i] = this.stack[this.depth - count + i]
    return graph.newEdge(target, at)
  }

  /** An edge to a label from the open block. */
  private edgeTo(label: Label, count: number): number {
    const { e, graph } = this
    if (label.kind === LabelKind.Loop) {
      const { below } = label
      if (below === 0) return this.edge(label.block, label, count)
      // An OSR header takes the entries below its parameters too.
      const keep = this.depth
      for (let i = 0; i < below; i++) this.push(this.stack[i])
      for (let i = 0; i < count; i++) this.push(this.stack[keep - count + i])
      const edge = this.edge(label.block, label, below + count)
      this.depth = keep
      return edge
    }
    if (label.block === NONE) {
      label.block = graph.newBlock()
      label.dominator = e.block
    } else label.dominator = e.commonDominator(label.dominator, e.block)
    return this.edge(label.block, label, count)
  }

  private branchTo(label: Label, count: number): void {
    this.e.jump(this.edgeTo(label, count))
  }

  private carried(label: Label): number {
    return label.kind === LabelKind.Loop ? label.params.length : label.results.length
  }

  private branch(label: Label): void {
    if (label.kind === LabelKind.Function) this.return()
    else this.branchTo(label, this.carried(label))
  }

  private branchIf(label: Label, condition: number): void {
    const { e, graph } = this
    const from = e.block
    const next = graph.newBlock()
    const first = this.edgeTo(label, this.carried(label))
    this.edge(next)
    e.branch(condition, first)
    e.enter(next, from)
  }

  private branchOnNull(whenNull: boolean): void {
    const { e } = this
    const label = this.label(this.reader.u32())
    const reference = this.stack[this.depth - 1]
    const isNull = e.op(Op.RefIsNull, reference)
    if (whenNull) {
      this.depth--
      this.branchIf(label, isNull)
      this.push(reference)
    } else {
      this.branchIf(label, e.op(Op.I32Eqz, isNull))
      this.depth--
    }
  }

  private branchTable(): void {
    const { e, reader: r } = this
    const index = this.pop()
    const count = r.u32()
    let first = NONE
    for (let i = 0; i <= count; i++) {
      const label = this.label(r.u32())
      const edge = this.edgeTo(label, this.carried(label))
      if (first === NONE) first = edge
    }
    e.switch(index, first, count + 1)
  }

  /** Returns the topmost entries. */
  private return(): void {
    const { results } = this.graph.signature
    this.e.return(this.list(results.length), results.length)
  }

  /** The topmost entries as an operand list; they stay. Returns where its word in front is. */
  list(count: number): number {
    const { graph } = this
    const at = graph.reserve(count + 1)
    for (let i = 0; i < count; i++) graph.pool[at + 1 + i] = this.stack[this.depth - count + i]
    return at
  }

  // ---- OSR -----------------------------------------------------------------------------------------------------------------------

  /** Makes another block the entry, and leaves out what cannot be reached from it. */
  private enterByOsr(): void {
    const { e, graph } = this
    const entry = graph.newBlock()
    e.enter(entry, NONE)
    const count = graph.blockParams[this.osrBlock]
    const at = graph.reserve(count)
    const header = graph.blockStart[this.osrBlock]
    for (let i = 0; i < count; i++)
      graph.pool[at + i] = e.place(Op.FrameLoad, graph.type[graph.schedule[header + i]], 0, 0, 0, i)
    e.jump(graph.newEdge(this.osrBlock, at))
    if (count !== this.locals.length + this.osrDepth) bug('an OSR header has all slots as parameters')
    graph.layout.copyWithin(1, 0, graph.layoutLength - 1)
    graph.layout[0] = entry
  }
}

/** The SSA form of a defined function, or why there is none. */
export function buildGraph(module: Module, index: number, options: FrontendOptions): Graph | Declined {
  return new Translation(module, index, options).run()
}
