// Lowering: SSA to machine IR, blocks and their instructions from the last to the first, so that an instruction is lowered only if somebody
// later asked for its value (`reg`) or it has an effect. Users swallow what they can: constants as immediates, compares as flags, additions as
// addresses; a value that all users swallowed is never asked for and never lowered.
//
// An instruction's machine instructions form a *group* in program order; groups and blocks are put into program order at the end.

import { bug } from '../../util/bug.ts'
import { growInt32 } from '../../util/grow.ts'
import { Generic, InstrFlag, VCode, VType } from '../../codegen/vcode.ts'
import { Cfg } from '../../ssa/cfg.ts'
import type { Graph } from '../../ssa/graph.ts'
import { Op as Ssa } from '../../ssa/op.gen.ts'
import { OP_FLAGS, OP_NAMES } from '../../ssa/op-tables.ts'
import { Flag } from '../../ssa/ops.ts'
import { NONE, Type } from '../../ssa/types.ts'
import { Context, Instance, type InstanceLayout } from '../../native/layout.ts'
import { locationsOf } from './abi.ts'
import { type CpuFeatures } from './features.ts'
import { Op } from './instructions.ts'
import { frameLoad, lowerCall } from './lower-call.ts'
import { lowerControl } from './lower-control.ts'
import { lowerFloat } from './lower-float.ts'
import { lowerInteger } from './lower-integer.ts'
import { lowerMemory } from './lower-memory.ts'
import { Address, Shape } from './machine.ts'
import { Size } from './registers.ts'

/** What this lowering has no code for yet: the function is left to the interpreter. */
export class UnsupportedError extends Error {
  override name = 'UnsupportedError'
  constructor(readonly what: string) {
    super(`no machine code for ${what}`)
  }
}

/** What code depends on besides the function. */
export interface Target {
  readonly features: CpuFeatures
  readonly layout: InstanceLayout
  /** Of the module; further ones are its own. */
  readonly importedGlobals: number
}

/** Lowers a function. Throws `UnsupportedError`. */
export function lower(graph: Graph, target: Target): VCode {
  return new Lowering(graph, target).run()
}

const VTYPES: readonly VType[] = [VType.I32, VType.I32, VType.I64, VType.F32, VType.F64, VType.I32, VType.I32]

/** Operand size of an integer type. */
export const sizeOf = (type: Type): Size => (type === Type.I64 ? Size.Q : Size.D)

export class Lowering {
  /** Machine code, blocks and groups in reverse. */
  readonly draft = new VCode()
  private groups = new Int32Array(256)
  private groupCount = 0
  /** By value: its vreg, or NONE if nobody has asked for it. */
  private readonly vregOf: Int32Array
  /** By SSA block, by SSA edge: number of the machine block; NONE for an edge without a block of its own. */
  private readonly blockNumber: Int32Array
  private readonly edgeNumber: Int32Array
  private readonly cfg: Cfg
  private value = NONE
  /** In the schedule, of the instruction that is lowered. */
  position = NONE
  /** By value: 1 if a user has taken it in, effect and all. */
  private readonly swallowed: Uint8Array
  /** Results of the call that comes next, from the second on, if somebody asked for them: `proj`. */
  readonly projections: number[] = []
  readonly features: CpuFeatures

  constructor(
    readonly graph: Graph,
    readonly target: Target,
  ) {
    this.features = target.features
    this.vregOf = new Int32Array(graph.count).fill(NONE)
    this.swallowed = new Uint8Array(graph.count)
    this.blockNumber = new Int32Array(graph.blockCount).fill(NONE)
    this.edgeNumber = new Int32Array(graph.edgeCount).fill(NONE)
    this.cfg = new Cfg(graph)
  }

  run(): VCode {
    const { graph, cfg, draft } = this
    const blocks = this.numberBlocks()
    // Where the groups of each machine block begin and end: blocks are visited from the last to the first.
    const firstGroup = new Int32Array(blocks + 1)
    draft.startBlock(0)
    let number = blocks
    for (let n = cfg.count - 1; n >= 0; n--) {
      const block = cfg.order[n]
      const terminator = graph.terminator(block)
      for (let s = graph.successorCount(terminator) - 1; s >= 0; s--) {
        const edge = graph.firstEdge(terminator) + s
        if (this.edgeNumber[edge] === NONE) continue
        firstGroup[--number] = this.groupCount
        this.lowerEdgeBlock(edge)
      }
      firstGroup[--number] = this.groupCount
      for (let i = graph.blockEnd[block] - 1; i >= graph.blockStart[block]; i--) {
        this.position = i
        this.lowerValue(graph.schedule[i])
      }
      if (n === 0) this.lowerEntry(block)
    }
    return this.assemble(blocks, firstGroup)
  }

  /** Numbers machine blocks in the order of the SSA blocks; an edge between a fork and a join gets a block behind the fork. */
  private numberBlocks(): number {
    const { graph, cfg } = this
    let count = 0
    for (let n = 0; n < cfg.count; n++) {
      const block = cfg.order[n]
      this.blockNumber[block] = count++
      const terminator = graph.terminator(block)
      const successors = graph.successorCount(terminator)
      for (let s = 0; s < successors; s++) {
        const edge = graph.firstEdge(terminator) + s
        const target = graph.edgeTarget[edge]
        const joins = cfg.predStart[target + 1] - cfg.predStart[target] > 1 || graph.blockParams[target] > 0
        if (successors > 1 && joins) this.edgeNumber[edge] = count++
      }
    }
    return count
  }

  private beginGroup(value: number): void {
    if (this.groupCount === this.groups.length) this.groups = growInt32(this.groups, this.groupCount + 1)
    this.groups[this.groupCount++] = this.draft.instrs
    this.value = value
  }

  private lowerEdgeBlock(edge: number): void {
    this.beginGroup(NONE)
    this.passArguments(edge)
  }

  /** The jump along an edge; arguments that are constants are made before it. */
  passArguments(edge: number): void {
    const { graph } = this
    const args = graph.edgeArgs[edge]
    for (let p = 0; p < graph.blockParams[graph.edgeTarget[edge]]; p++) this.argument(graph.pool[args + p])
    this.emit(Generic.Jump)
  }

  private argument(v: number): void {
    const vreg = this.reg(v)
    this.edgeArguments.push(vreg)
  }

  /** Arguments in the order of the jumps, which is the reverse of the final one, block by block. */
  private readonly edgeArguments: number[] = []

  private lowerValue(v: number): void {
    const { graph } = this
    const op = graph.op[v]
    const isNeeded = this.vregOf[v] !== NONE
    const effects = Flag.Trap | Flag.Write | Flag.Call | Flag.Terminator
    if (op === Ssa.Proj) {
      if (isNeeded) this.projections.push(v)
      return
    }
    if (op === Ssa.Nop || op === Ssa.Param || op === Ssa.Const || this.swallowed[v] === 1) return
    if (!isNeeded && (OP_FLAGS[op] & effects) === 0) return
    this.beginGroup(v)
    if (op === Ssa.FrameLoad) frameLoad(this, v)
    else if (op < Ssa.F32Abs) lowerInteger(this, v, op)
    else if (op < Ssa.MemoryBase) lowerFloat(this, v, op)
    else if (op < Ssa.GlobalGet) lowerMemory(this, v, op)
    else if (op < Ssa.Trapif || op > Ssa.Unreachable) lowerCall(this, v, op)
    else lowerControl(this, v, op)
  }

  /** What comes first: arguments that are in no register; a look at the stack, unless the function calls nobody and so ends soon. */
  private lowerEntry(block: number): void {
    const { graph } = this
    if (this.calls) {
      this.beginGroup(NONE)
      this.emit(Shape.Poll)
    }
    const locations = this.locations(graph.signature.params)
    this.beginGroup(NONE)
    let context = NONE
    for (let p = 0; p < graph.blockParams[block]; p++) {
      const v = graph.schedule[graph.blockStart[block] + p]
      const location = locations[graph.aux[v]]
      if (location >= 0 || this.vregOf[v] === NONE) continue
      if (context === NONE) this.loadField((context = this.temporary(VType.I64)), NONE, Instance.Context, Size.Q)
      this.loadOverflow(this.vregOf[v], graph.type[v], context, ~location)
    }
  }

  locations(types: readonly Type[]): readonly number[] {
    return locationsOf(types) ?? this.unsupportedWhat('v128')
  }

  private unsupportedWhat(what: string): never {
    throw new UnsupportedError(what)
  }

  /** All blocks in order, with their parameters and edges. */
  private assemble(blocks: number, firstGroup: Int32Array): VCode {
    const { graph, cfg, draft } = this
    const code = new VCode()
    code.vregs = draft.vregs
    code.vregType = draft.vregType
    firstGroup[blocks] = 0
    let argument = this.edgeArguments.length
    let number = 0
    const copyGroups = (): void => {
      const first = firstGroup[number]
      const end = number === 0 ? this.groupCount : firstGroup[number - 1]
      for (let group = end - 1; group >= first; group--) {
        const last = group + 1 < this.groupCount ? this.groups[group + 1] : draft.instrs
        for (let i = this.groups[group]; i < last; i++) code.copyInstr(draft, i)
      }
      number++
    }
    const addArguments = (edge: number): void => {
      const count = graph.blockParams[graph.edgeTarget[edge]]
      argument -= count
      for (let p = 0; p < count; p++) code.arg(this.edgeArguments[argument + p])
    }
    for (let n = 0; n < cfg.count; n++) {
      const block = cfg.order[n]
      code.startBlock(Math.min(cfg.loopDepth[block], 255))
      this.addParameters(code, block, n === 0)
      copyGroups()
      const terminator = graph.terminator(block)
      const successors = graph.successorCount(terminator)
      const first = graph.firstEdge(terminator)
      for (let s = 0; s < successors; s++)
        code.successor(
          this.edgeNumber[first + s] === NONE
            ? this.blockNumber[graph.edgeTarget[first + s]]
            : this.edgeNumber[first + s],
        )
      if (successors === 1) addArguments(first)
      for (let s = 0; s < successors; s++) {
        if (this.edgeNumber[first + s] === NONE) continue
        const target = graph.edgeTarget[first + s]
        code.startBlock(Math.min(cfg.loopDepth[block], cfg.loopDepth[target], 255))
        copyGroups()
        code.successor(this.blockNumber[target])
        addArguments(first + s)
      }
    }
    code.finish()
    return code
  }

  private addParameters(code: VCode, block: number, isEntry: boolean): void {
    const { graph } = this
    const locations = isEntry ? this.locations(graph.signature.params) : undefined
    for (let p = 0; p < graph.blockParams[block]; p++) {
      const v = graph.schedule[graph.blockStart[block] + p]
      if (locations !== undefined && locations[graph.aux[v]] < 0) continue
      const vreg = this.vregOf[v] === NONE ? code.newVreg(VTYPES[graph.type[v]]) : this.vregOf[v]
      if (locations !== undefined) code.defFixed(vreg, locations[graph.aux[v]])
      else code.parameter(vreg)
    }
  }

  // What the families use.

  /** Whether a user has asked for the value. */
  isAsked(v: number): boolean {
    return this.vregOf[v] !== NONE
  }

  /** Whether a value is needed by what comes later, as far as that is known yet. */
  livesOn(v: number): boolean {
    const { graph, cfg } = this
    const root = graph.resolve(v)
    if (graph.op[root] === Ssa.I64ExtendI32U) return this.livesOn(graph.a[root])
    if (graph.op[root] === Ssa.Const) return false
    // Something from outside of the loop is needed in the next iteration too.
    const here = this.value === NONE ? NONE : graph.block[this.value]
    return this.isAsked(root) || (here !== NONE && cfg.loopDepth[graph.block[root]] < cfg.loopDepth[here])
  }

  /** A user has taken the value in: it is not lowered by itself. */
  swallow(v: number): void {
    this.swallowed[v] = 1
  }

  isSwallowed(v: number): boolean {
    return this.swallowed[v] === 1
  }

  /** A new vreg. */
  temporary(type: VType): number {
    return this.draft.newVreg(type)
  }

  /** The vreg that a value is lowered into. */
  result(v: number): number {
    if (this.vregOf[v] === NONE) this.vregOf[v] = this.temporary(VTYPES[this.graph.type[v]])
    return this.vregOf[v]
  }

  /** The value in a register, for the next instruction of this group. A constant is made here: that costs less than to keep it. */
  reg(v: number): number {
    const { graph } = this
    const root = graph.resolve(v)
    if (graph.type[root] === Type.V128) throw new UnsupportedError('v128')
    // The upper half of an i32's register is zero: the same register is its zero extension.
    if (graph.op[root] === Ssa.I64ExtendI32U) return this.reg(graph.a[root])
    if (graph.op[root] !== Ssa.Const) return this.result(root)
    const type = VTYPES[graph.type[root]]
    const vreg = this.temporary(type)
    const isFloat = type >= VType.F32
    const size = type === VType.I64 || type === VType.F64 ? Size.Q : Size.D
    this.emit(
      isFloat ? Shape.FloatConst : Shape.Const,
      size,
      graph.a[root],
      size === Size.Q ? graph.b[root] : 0,
      InstrFlag.Rematerializable,
    )
    this.draft.def(vreg)
    return vreg
  }

  /** Whether a value is a constant that fits a sign-extended 32-bit immediate of its type. */
  isImmediate(v: number): boolean {
    const { graph } = this
    const root = graph.resolve(v)
    if (graph.op[root] !== Ssa.Const) return false
    return graph.type[root] !== Type.I64 || graph.b[root] === graph.a[root] >> 31
  }

  /** The low word of a constant. */
  constant(v: number): number {
    return this.graph.a[this.graph.resolve(v)]
  }

  /** Begins a machine instruction of the current group. */
  emit(op: number, size = 0, imm = 0, aux = 0, flags = 0): void {
    this.draft.instr(op, size, imm, aux, flags, this.value, this.value === NONE ? NONE : this.graph.at[this.value])
  }

  /** Whether the function calls anything. */
  calls = false

  /** A word of `Context.Overflow`; `context` has the context's address. */
  loadOverflow(def: number, type: Type, context: number, word: number): void {
    const displacement = Context.Overflow + 8 * word
    const isFloat = type === Type.F32 || type === Type.F64
    if (!isFloat) return this.loadField(def, context, displacement, sizeOf(type))
    this.emit(Shape.Load | (Op.Movsd << 8), Size.Q | Address.NoFault, 0, displacement)
    this.draft.use(context)
    this.draft.def(def)
  }

  storeOverflow(vreg: number, type: Type, context: number, word: number): void {
    const isFloat = type === Type.F32 || type === Type.F64
    const op = isFloat ? Op.Movsd : Op.Mov
    this.emit(Shape.Store | (op << 8), Size.Q | Address.NoFault, 0, Context.Overflow + 8 * word)
    this.draft.use(context)
    this.draft.use(vreg)
  }

  /** def = [base + displacement]; base NONE: the instance. Never a place of guest memory: it cannot fault. */
  loadField(def: number, base: number, displacement: number, size: Size): void {
    this.emit(
      Shape.Load | (Op.Mov << 8),
      size | (base === NONE ? Address.BaseInstance : Address.NoFault),
      0,
      displacement,
    )
    if (base !== NONE) this.draft.use(base)
    this.draft.def(def)
  }

  /** Likewise for another value: whose Wasm offset its traps have. */
  emitAt(v: number, op: number, size: number, imm: number, aux: number): void {
    this.draft.instr(op, size, imm, aux, 0, v, this.graph.at[v])
  }

  /** op def, use */
  unary(op: Op, size: Size, to: number, from: number): void {
    this.emit(Shape.Unary | (op << 8), size)
    this.draft.useAny(from)
    this.draft.def(to)
  }

  /** op def = a, b */
  binary(op: Op, size: Size, to: number, a: number, b: number): void {
    this.emit(Shape.Binary | (op << 8), size)
    this.draft.use(a)
    this.draft.useAny(b)
    this.draft.defReuse(to, 0)
  }

  binaryImm(op: Op, size: Size, to: number, a: number, imm: number): void {
    this.emit(Shape.BinaryImm | (op << 8), size, imm)
    this.draft.use(a)
    this.draft.defReuse(to, 0)
  }

  unsupported(v: number): never {
    throw new UnsupportedError(OP_NAMES[this.graph.op[v]] ?? bug(`op ${this.graph.op[v]}`))
  }
}
