// Machine IR: instructions of one processor, with virtual registers until they are allocated. Columns of numbers, no objects.
//
// An instruction is op (of the ISA, or a `Generic` one), size, imm and aux (what they mean is the op's affair), flags, and a run of
// operands in a pool. An operand is one packed Int32, see `Operand`. The register allocator knows nothing else of an instruction.
//
// A function is in SSA form: each vreg has one def. A block is a range of instructions; the first is `Generic.BlockStart`, whose defs are
// the block's parameters (of the entry block: the function's, in fixed registers), the last its only terminator. A block that has one
// successor passes it arguments; the successors of a block that has several have no parameters and no other predecessor, so critical edges
// are split. Block order is any order in which the entry comes first; the order of the emitted code is chosen later (`layout.ts`).

import { bug } from '../util/bug.ts'
import { growInt32, growUint8 } from '../util/grow.ts'

/** Registers are numbered class * 32 + hardware number, so that a set of registers of a class is one Int32. */
export const enum RegClass {
  Int,
  Float,
}

/** Registers of both classes together. */
export const REGISTERS = 64

/** Type of a vreg, for its class and the width of its moves and slots. */
export const enum VType {
  /** The upper 32 bits of an i32's register and slot are zero: always, see docs/jit.md. */
  I32,
  I64,
  F32,
  F64,
}

export const classOf = (type: VType): RegClass => (type < VType.F32 ? RegClass.Int : RegClass.Float)

/**
 * Operands: vreg, def or use, when, and where. An early operand is read or written before, a late one after all early ones are
 * done with: an early use and a late def can share a register, an early def cannot be any use's.
 */
export const enum Operand {
  VregMask = (1 << 21) - 1,
  Def = 1 << 21,
  Late = 1 << 22,
  ConstraintMask = 3 << 23,
  /** A register or a stack slot. */
  Any = 0 << 23,
  /** Any register of the vreg's class. */
  Register = 1 << 23,
  /** The register in the payload. */
  Fixed = 2 << 23,
  /** A late def in the register of the instruction's operand that the payload numbers, an early use. */
  Reuse = 3 << 23,
  PayloadShift = 26,
}

/** Ops that all ISAs share; an ISA's own begin at `FirstIsa`. */
export const enum Generic {
  BlockStart,
  /** One use, one def of the same class. */
  Move,
  /** To the block's only successor. */
  Jump,
  FirstIsa = 8,
}

/** Flags of an instruction. */
export const enum InstrFlag {
  /** All registers that the callee need not preserve are written at its end. */
  Clobbers = 1,
  /** Its def is cheaper made again than reloaded: one def in a register, no use, no effect. */
  Rematerializable = 2,
}

export class VCode {
  instrs = 0
  op = new Int32Array(256)
  size = new Uint8Array(256)
  flags = new Uint8Array(256)
  imm = new Int32Array(256)
  aux = new Int32Array(256)
  /** SSA value and Wasm offset that the instruction comes from, -1 if none: for printers and side tables. */
  value = new Int32Array(256)
  offset = new Int32Array(256)
  /** First operand; the next instruction's first is the end. */
  operandStart = new Int32Array(257)
  operands = new Int32Array(512)
  operandCount = 0

  vregs = 0
  vregType = new Uint8Array(256)

  blocks = 0
  /** First instruction; blockStart[blocks] is the number of instructions. */
  blockStart = new Int32Array(33)
  loopDepth = new Uint8Array(32)
  /** 1: expected never to run, for layout and spill placement. */
  cold = new Uint8Array(32)
  /** First entry in `successors`; the next block's first is the end. */
  successorStart = new Int32Array(33)
  successors = new Int32Array(64)
  /** First entry in `args`: vregs for the parameters of the only successor. */
  argStart = new Int32Array(33)
  args = new Int32Array(64)
  /** First entry in `predecessors`; made by `finish`. */
  predecessorStart = new Int32Array(33)
  predecessors = new Int32Array(64)

  /** Forgets everything but the memory. */
  reset(): void {
    this.instrs = this.operandCount = this.vregs = this.blocks = 0
    this.operandStart[0] = 0
  }

  newVreg(type: VType): number {
    if (this.vregs === this.vregType.length) this.vregType = growUint8(this.vregType, this.vregs + 1)
    if (this.vregs === Operand.VregMask) bug('a function has too many vregs')
    this.vregType[this.vregs] = type
    return this.vregs++
  }

  /** Begins a block, with its `BlockStart`; the parameters' defs follow. */
  startBlock(loopDepth: number, cold = 0): number {
    const block = this.blocks++
    if (block + 1 >= this.blockStart.length) this.growBlocks()
    this.blockStart[block] = this.instrs
    this.blockStart[block + 1] = this.instrs
    this.loopDepth[block] = loopDepth
    this.cold[block] = cold
    this.successorStart[block + 1] = block === 0 ? (this.successorStart[0] = 0) : this.successorStart[block]
    this.argStart[block + 1] = block === 0 ? (this.argStart[0] = 0) : this.argStart[block]
    this.instr(Generic.BlockStart)
    return block
  }

  private growBlocks(): void {
    const needed = this.blockStart.length + 1
    this.blockStart = growInt32(this.blockStart, needed)
    this.successorStart = growInt32(this.successorStart, needed)
    this.argStart = growInt32(this.argStart, needed)
    this.loopDepth = growUint8(this.loopDepth, needed)
    this.cold = growUint8(this.cold, needed)
  }

  /** Begins an instruction at the end of the current block; its operands follow. */
  instr(op: number, size = 0, imm = 0, aux = 0, flags = 0, value = -1, offset = -1): number {
    const i = this.instrs++
    if (i + 1 >= this.op.length) this.growInstrs()
    this.op[i] = op
    this.size[i] = size
    this.imm[i] = imm
    this.aux[i] = aux
    this.flags[i] = flags
    this.value[i] = value
    this.offset[i] = offset
    this.operandStart[i + 1] = this.operandCount
    this.blockStart[this.blocks] = this.instrs
    return i
  }

  private growInstrs(): void {
    const needed = this.op.length * 2
    this.op = growInt32(this.op, needed)
    this.imm = growInt32(this.imm, needed)
    this.aux = growInt32(this.aux, needed)
    this.value = growInt32(this.value, needed)
    this.offset = growInt32(this.offset, needed)
    this.operandStart = growInt32(this.operandStart, needed + 1)
    this.size = growUint8(this.size, needed)
    this.flags = growUint8(this.flags, needed)
  }

  /** Appends a packed operand to the last instruction. */
  operand(packed: number): void {
    if (this.operandCount === this.operands.length) this.operands = growInt32(this.operands, this.operandCount + 1)
    this.operands[this.operandCount++] = packed
    this.operandStart[this.instrs] = this.operandCount
  }

  /** An early use in a register. */
  use(vreg: number): void {
    this.operand(vreg | Operand.Register)
  }

  /** An early use in a register or a slot. */
  useAny(vreg: number): void {
    this.operand(vreg | Operand.Any)
  }

  /** A use in a register until the instruction's end: no def has the same. */
  useLate(vreg: number): void {
    this.operand(vreg | Operand.Late | Operand.Register)
  }

  useFixed(vreg: number, register: number): void {
    this.operand(vreg | Operand.Fixed | (register << Operand.PayloadShift))
  }

  def(vreg: number): void {
    this.operand(vreg | Operand.Def | Operand.Late | Operand.Register)
  }

  defFixed(vreg: number, register: number): void {
    this.operand(vreg | Operand.Def | Operand.Late | Operand.Fixed | (register << Operand.PayloadShift))
  }

  /** A def in the register of the instruction's operand number `input`. */
  defReuse(vreg: number, input: number): void {
    this.operand(vreg | Operand.Def | Operand.Late | Operand.Reuse | (input << Operand.PayloadShift))
  }

  /** A register that is written before the uses are read: a temporary, or a def with that defect. */
  defEarly(vreg: number): void {
    this.operand(vreg | Operand.Def | Operand.Register)
  }

  /** A parameter of the block that has just begun: where is open. */
  parameter(vreg: number): void {
    this.operand(vreg | Operand.Def | Operand.Late | Operand.Any)
  }

  /** Appends an instruction of another function with its operands. */
  copyInstr(from: VCode, i: number): void {
    this.instr(from.op[i], from.size[i], from.imm[i], from.aux[i], from.flags[i], from.value[i], from.offset[i])
    for (let o = from.operandStart[i]; o < from.operandStart[i + 1]; o++) this.operand(from.operands[o])
  }

  /** Appends a successor of the current block. */
  successor(block: number): void {
    const at = this.successorStart[this.blocks]++
    if (at === this.successors.length) this.successors = growInt32(this.successors, at + 1)
    this.successors[at] = block
  }

  /** Appends an argument for the current block's only successor. */
  arg(vreg: number): void {
    const at = this.argStart[this.blocks]++
    if (at === this.args.length) this.args = growInt32(this.args, at + 1)
    this.args[at] = vreg
  }

  /** The function is complete: makes the predecessor lists. */
  finish(): void {
    const edges = this.successorStart[this.blocks]
    this.predecessorStart = growInt32(this.predecessorStart, this.blocks + 1)
    this.predecessors = growInt32(this.predecessors, edges)
    const start = this.predecessorStart.fill(0)
    for (let e = 0; e < edges; e++) start[this.successors[e]]++
    for (let b = 0, sum = 0; b <= this.blocks; b++) start[b] = b < this.blocks ? (sum += start[b]) : sum
    for (let b = this.blocks - 1; b >= 0; b--)
      for (let e = this.successorStart[b + 1] - 1; e >= this.successorStart[b]; e--)
        this.predecessors[--start[this.successors[e]]] = b
  }
}

/** The payload: a register, or the number of an operand. */
export const payloadOf = (operand: number): number => operand >>> Operand.PayloadShift
