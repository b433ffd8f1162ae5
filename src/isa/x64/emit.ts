// Emission: machine code with locations to bytes. Blocks in their order; a jump to the next block is left out, and so are blocks that do
// nothing but jump; traps are out of line, at the end. The frame, from the stack pointer up:
//
//   rsp ─► slot 0 │ slot 1 │ ... │ preserved registers that the function writes │ return address
//
// Slots are 8 bytes and always moved whole: a reload can never lose or invent the upper half of an i32.

import { bug } from '../../util/bug.ts'
import { growInt32 } from '../../util/grow.ts'
import { type Allocation, MOVE_WORDS } from '../../codegen/regalloc/allocation.ts'
import { FIRST_SLOT, SCRATCH } from '../../codegen/regalloc/parallel-move.ts'
import { Generic, Operand, type VCode } from '../../codegen/vcode.ts'
import { StackRegion } from '../../native/layout.ts'
import { NONE, TrapReason } from '../../ssa/types.ts'
import { MEMORY_REG, INSTANCE_REG, PRESERVED, SCRATCH_REG, SCRATCH_XMM, XMM } from './abi.ts'
import { type Assembler, type Label, ripLabel } from './assembler.ts'
import { emitCall, emitCompareType, emitFuel, emitPoll, emitPollExit, leavesInstance } from './emit-calls.ts'
import { emitSequence } from './emit-sequences.ts'
import { Op } from './instructions.ts'
import { Address, FlagTest, instructionOf, negated, Shape, shapeOf } from './machine.ts'
import type { Target } from './lower.ts'
import { Cond, NO_REG, Reg, Size } from './registers.ts'

/** Words of an entry of the trap table: offset of the instruction that faults, reason, Wasm offset. */
export const TRAP_WORDS = 3

/** Words of an entry of the return table: offset behind the call, Wasm offset. */
export const RETURN_WORDS = 2
const POLL_WORDS = 4

/** What emission must know of the module and of what is compiled. */
export interface EmitTarget extends Target {
  /** The function's index: calls of it are calls of this code. -1 if it is entered elsewhere than at its start. */
  readonly index: number
  /** Whether a function of the module has code that this one may call directly. */
  isCompiled(index: number): boolean
  readonly hasMemory: boolean
}

export class CodeEmitter {
  target!: EmitTarget
  /** Pairs, ascending. */
  returns = new Int32Array(64 * RETURN_WORDS)
  returnCount = 0
  /** Offset behind each push of the prologue, and behind the whole of it. */
  readonly prologueOffsets: number[] = []
  /** Bytes from the stack pointer to the return address, behind the prologue. */
  frameSize = 0
  /** Offset from the stack pointer of the word that has the instance's address, if calls need it. */
  instanceSlot = 0
  /** Looks at the stack limit, and at the fuel, that leave: labels there and back, Wasm offset, units of fuel. */
  private polls = new Int32Array(16 * POLL_WORDS)
  private pollCount = 0
  /** Triples, ascending by the offset. */
  traps = new Int32Array(64 * TRAP_WORDS)
  trapCount = 0
  private blockLabels: Label[] = []
  /** Stubs that are to be written: label, reason, Wasm offset. */
  private stubs = new Int32Array(64 * TRAP_WORDS)
  private stubCount = 0
  /** By block: where jumps to it end up. */
  private threaded = new Int32Array(64)
  private code!: VCode
  private allocation!: Allocation
  private block = 0
  private move = 0
  private frameBytes = 0
  /** The instruction that ends at this place has set the flags by its result, in this register and size. */
  private flagsAt = NONE
  private flagsOf = 0
  private flagsSize = Size.D

  constructor(readonly asm: Assembler) {}

  /** Writes the function, to the assembler's end. `finish` it afterwards. */
  emit(
    code: VCode,
    allocation: Allocation,
    target: EmitTarget,
    mark?: (pc: number, value: number, offset: number) => void,
  ): void {
    this.code = code
    this.target = target
    this.allocation = allocation
    this.trapCount = this.returnCount = this.stubCount = this.pollCount = this.move = 0
    this.instanceSlot = this.needsInstance() ? 8 * allocation.slots : NONE
    this.frameBytes = 8 * allocation.slots + (this.instanceSlot === NONE ? 0 : 8)
    this.blockLabels = []
    for (let block = 0; block < code.blocks; block++) this.blockLabels.push(this.asm.newLabel())
    this.threadJumps()
    this.prologue()
    for (this.block = 0; this.block < code.blocks; this.block++) {
      if (this.threaded[this.block] !== this.block) {
        this.skipBlock()
        continue
      }
      this.asm.bind(this.blockLabels[this.block])
      this.flagsAt = NONE
      for (let i = code.blockStart[this.block]; i < code.blockStart[this.block + 1]; i++) {
        for (; this.move < allocation.moveCount && allocation.moves[this.move * MOVE_WORDS] === i; this.move++)
          this.emitMove(allocation.moves[this.move * MOVE_WORDS + 1], allocation.moves[this.move * MOVE_WORDS + 2])
        mark?.(this.asm.pos, code.value[i], code.offset[i])
        this.emitInstr(i)
      }
    }
    for (let at = 0; at < this.pollCount * POLL_WORDS; at += POLL_WORDS)
      emitPollExit(this, this.polls[at] as Label, this.polls[at + 1] as Label, this.polls[at + 2], this.polls[at + 3])
    for (let at = 0; at < this.stubCount * TRAP_WORDS; at += TRAP_WORDS) {
      this.asm.bind(this.stubs[at] as Label)
      this.addTrap(this.stubs[at + 1], this.stubs[at + 2])
      this.asm.op(Op.Ud2)
    }
  }

  // Blocks.

  /** A block that only jumps, without moves, is its successor; a loop of such blocks keeps one of them. */
  private threadJumps(): void {
    const { code, allocation } = this
    this.threaded = growInt32(this.threaded, code.blocks)
    let move = 0
    for (let block = 0; block < code.blocks; block++) {
      const last = code.blockStart[block + 1] - 1
      const first = move
      while (move < allocation.moveCount && allocation.moves[move * MOVE_WORDS] <= last) move++
      const isEmpty =
        block > 0 && move === first && last === code.blockStart[block] + 1 && code.op[last] === Generic.Jump
      this.threaded[block] = isEmpty ? ~code.successors[code.successorStart[block]] : block
    }
    for (let block = 0; block < code.blocks; block++) {
      if (this.threaded[block] >= 0) continue
      let end = block
      for (let steps = 0; this.threaded[end] < 0 && steps < code.blocks; steps++) end = ~this.threaded[end]
      if (this.threaded[end] < 0) this.threaded[block] = block
      else this.threaded[block] = this.threaded[end]
    }
  }

  private skipBlock(): void {
    const { moves, moveCount } = this.allocation
    while (this.move < moveCount && moves[this.move * MOVE_WORDS] < this.code.blockStart[this.block + 1]) this.move++
  }

  private successor(n: number): number {
    return this.threaded[this.code.successors[this.code.successorStart[this.block] + n]]
  }

  private isNext(block: number): boolean {
    let next = this.block + 1
    while (next < this.code.blocks && this.threaded[next] !== next) next++
    return next === block
  }

  private jumpTo(block: number): void {
    if (!this.isNext(block)) this.asm.jmp(this.blockLabels[block])
  }

  /** Jumps if the flags pass the test. */
  jumpIf(test: number, label: Label): void {
    const { asm } = this
    if (test === FlagTest.FloatNotEqual) {
      asm.jcc(Cond.P, label)
      asm.jcc(Cond.NE, label)
    } else if (test === FlagTest.FloatEqual) {
      const unordered = asm.newLabel()
      asm.jcc(Cond.P, unordered)
      asm.jcc(Cond.E, label)
      asm.bind(unordered)
    } else asm.jcc(test as Cond, label)
  }

  private branch(test: number): void {
    const taken = this.successor(0)
    const other = this.successor(1)
    if (this.isNext(taken)) this.jumpIf(negated(test), this.blockLabels[other])
    else {
      this.jumpIf(test, this.blockLabels[taken])
      this.jumpTo(other)
    }
  }

  /** Successors from `low` to `high`, by halving: no table to load, log2 compares. */
  private switchRange(index: Reg, low: number, high: number, isLast: boolean): void {
    const { asm } = this
    if (low === high) {
      if (isLast) this.jumpTo(this.successor(low))
      else asm.jmp(this.blockLabels[this.successor(low)])
      return
    }
    const middle = (low + high + 1) >> 1
    const upper = asm.newLabel()
    asm.ri(Op.Cmp, Size.D, index, middle)
    asm.jcc(Cond.AE, upper)
    this.switchRange(index, low, middle - 1, false)
    asm.bind(upper)
    this.switchRange(index, middle, high, isLast)
  }

  // Frame.

  private prologue(): void {
    const { asm } = this
    const offsets = this.prologueOffsets
    offsets.length = 0
    for (const register of PRESERVED) {
      if (this.allocation.written[register] === 0) continue
      asm.r(Op.Push, Size.Q, register)
      offsets.push(asm.pos)
    }
    this.frameSize = 8 * offsets.length + this.frameBytes
    // A frame that could step over the guard touches each part of that size in order.
    for (let at: number = StackRegion.GuardBytes; at <= this.frameBytes; at += StackRegion.GuardBytes)
      asm.mr(Op.Mov, Size.D, Reg.Rsp, NO_REG, 0, -at, Reg.Rax)
    if (this.frameBytes > 0) asm.ri(Op.Sub, Size.Q, Reg.Rsp, this.frameBytes)
    offsets.push(asm.pos)
    if (this.instanceSlot !== NONE) asm.mr(Op.Mov, Size.Q, Reg.Rsp, NO_REG, 0, this.instanceSlot, INSTANCE_REG)
  }

  /** Whether a call needs the instance's address in the frame. */
  private needsInstance(): boolean {
    const { code } = this
    for (let i = 0; i < code.instrs; i++) if (leavesInstance(shapeOf(code.op[i]))) return true
    return false
  }

  private epilogue(): void {
    this.leaveFrame()
    this.asm.op(Op.Ret)
  }

  /** The stack pointer and the preserved registers are the caller's again. The scratch register stays. */
  leaveFrame(): void {
    const { asm } = this
    if (this.frameBytes > 0) asm.ri(Op.Add, Size.Q, Reg.Rsp, this.frameBytes)
    for (let n = PRESERVED.length - 1; n >= 0; n--)
      if (this.allocation.written[PRESERVED[n]] === 1) asm.r(Op.Pop, Size.Q, PRESERVED[n])
  }

  // Moves.

  private slotOffset(location: number): number {
    return 8 * (location - FIRST_SLOT)
  }

  private emitMove(from: number, to: number): void {
    const { asm } = this
    if (from < 0) this.rematerialize(~from, to)
    else if (from >= FIRST_SLOT && to >= FIRST_SLOT) {
      asm.rm(Op.Movsd, Size.Q, SCRATCH_XMM, Reg.Rsp, NO_REG, 0, this.slotOffset(from))
      asm.mr(Op.Movsd, Size.Q, Reg.Rsp, NO_REG, 0, this.slotOffset(to), SCRATCH_XMM)
    } else if (to >= FIRST_SLOT) {
      if (isXmm(from)) asm.mr(Op.Movsd, Size.Q, Reg.Rsp, NO_REG, 0, this.slotOffset(to), from - XMM)
      else asm.mr(Op.Mov, Size.Q, Reg.Rsp, NO_REG, 0, this.slotOffset(to), intOf(from))
    } else if (from >= FIRST_SLOT) {
      if (isXmm(to)) asm.rm(Op.Movsd, Size.Q, to - XMM, Reg.Rsp, NO_REG, 0, this.slotOffset(from))
      else asm.rm(Op.Mov, Size.Q, intOf(to), Reg.Rsp, NO_REG, 0, this.slotOffset(from))
    } else if (isXmm(from)) {
      if (isXmm(to)) asm.rr(Op.Movaps, Size.Q, to - XMM, from - XMM)
      else asm.rr(Op.MovFromXmm, Size.Q, intOf(to), from - XMM)
    } else if (isXmm(to)) asm.rr(Op.MovToXmm, Size.Q, to - XMM, intOf(from))
    else asm.rr(Op.Mov, Size.Q, intOf(to), intOf(from))
  }

  /** Repeats a constant's instruction, into any location. The scratch registers are free: these moves come last. */
  private rematerialize(vreg: number, to: number): void {
    const def = this.allocation.defInstr[vreg]
    const isFloat = shapeOf(this.code.op[def]) === Shape.FloatConst
    const register = to < FIRST_SLOT ? to : isFloat ? XMM + SCRATCH_XMM : SCRATCH
    this.constant(def, register)
    if (register !== to) this.emitMove(register, to)
  }

  private constant(i: number, register: number): void {
    const { asm, code } = this
    if (!isXmm(register)) {
      asm.movImm(intOf(register), code.imm[i], code.aux[i])
      return
    }
    const xmm = register - XMM
    if (code.imm[i] === 0 && code.aux[i] === 0) asm.rr(Op.Xorps, Size.Q, xmm, xmm)
    else if (code.size[i] === Size.Q)
      asm.rm(Op.Movsd, Size.Q, xmm, ripLabel(asm.constant64(code.imm[i], code.aux[i])), NO_REG, 0, 0)
    else asm.rm(Op.Movss, Size.D, xmm, ripLabel(asm.constant32(code.imm[i])), NO_REG, 0, 0)
  }

  // Instructions.

  /** Hardware number of the register of an operand. */
  register(i: number, n: number): number {
    const location = this.allocation.operands[this.code.operandStart[i] + n]
    if (location >= SCRATCH) bug(`operand ${n} of instruction ${i} is in no register`)
    return location & 31
  }

  /** Hardware number of the register of the first def. */
  result(i: number): number {
    const { code } = this
    for (let o = code.operandStart[i]; o < code.operandStart[i + 1]; o++)
      if ((code.operands[o] & Operand.Def) !== 0) return this.register(i, o - code.operandStart[i])
    return bug(`instruction ${i} has no def`)
  }

  /** Operand n is an instruction's source: a register or a slot. */
  private registerOrSlot(i: number, op: Op, size: Size, reg: number, n: number): void {
    const location = this.allocation.operands[this.code.operandStart[i] + n]
    if (location < SCRATCH) this.asm.rr(op, size, reg, location & 31)
    else this.asm.rm(op, size, reg, Reg.Rsp, NO_REG, 0, this.slotOffset(location))
  }

  private emitInstr(i: number): void {
    const { asm, code } = this
    const size: Size = code.size[i] & 3
    const op = instructionOf(code.op[i])
    switch (shapeOf(code.op[i])) {
      case Generic.BlockStart as number:
        return
      case Generic.Jump as number:
        return this.jumpTo(this.successor(0))
      case Shape.Const:
      case Shape.FloatConst:
        return this.constant(i, this.allocation.operands[code.operandStart[i]])
      case Shape.Unary:
        // These write the low lane only, and would wait for who wrote the register before.
        if (op === Op.Cvtsi2ss || op === Op.Cvtsi2sd) asm.rr(Op.Xorps, Size.Q, this.result(i), this.result(i))
        return this.registerOrSlot(i, op, size, this.result(i), 0)
      case Shape.UnaryImm:
        return this.unaryImm(i, op, size)
      case Shape.Binary:
        this.registerOrSlot(i, op, size, this.result(i), 1)
        return this.setsFlags(i, op, size)
      case Shape.BinaryConst:
        return this.binaryConst(i, op, size)
      case Shape.BinaryImm:
        asm.ri(op, size, this.result(i), code.imm[i])
        return this.setsFlags(i, op, size)
      case Shape.InPlace:
        return asm.r(op, size, this.result(i))
      case Shape.Three:
        return asm.rrr(op, size, this.result(i), this.register(i, 0), this.register(i, 1))
      case Shape.Compare:
        if (op === Op.Test && this.hasFlags(i, size)) return
        return this.registerOrSlot(i, op, size, this.register(i, 0), 1)
      case Shape.CompareImm:
        return asm.ri(op, size, this.register(i, 0), code.imm[i])
      case Shape.Load:
      case Shape.Store:
      case Shape.StoreImm:
      case Shape.BinaryLoad:
      case Shape.CompareLoad:
      case Shape.CompareLoadImm:
        return this.access(i, op, size)
      case Shape.BranchIf:
        return this.branch(code.imm[i])
      case Shape.Switch:
        return this.switchRange(this.register(i, 0), 0, code.imm[i] - 1, true)
      case Shape.TrapIf:
        return this.jumpIf(code.imm[i], this.trapStub(i, code.aux[i]))
      case Shape.Trap:
        this.addTrap(code.aux[i], code.offset[i])
        return asm.op(Op.Ud2)
      case Shape.Return:
        return this.epilogue()
      case Shape.Call:
      case Shape.CallImport:
      case Shape.CallRef:
      case Shape.CallRuntime:
      case Shape.TailCall:
      case Shape.TailCallImport:
      case Shape.TailCallRef:
        return emitCall(this, code, i)
      case Shape.CompareType:
        return emitCompareType(this, code, i)
      case Shape.Poll:
        return emitPoll(this, code.offset[i])
      case Shape.Fuel:
        return emitFuel(this, code.aux[i], code.offset[i])
      default:
        return emitSequence(this, code, i)
    }
  }

  private binaryConst(i: number, op: Op, size: Size): void {
    const { asm, code } = this
    const label = size === Size.Q ? asm.constant64(code.imm[i], code.aux[i]) : asm.constant32(code.imm[i])
    asm.rm(op, size, this.result(i), ripLabel(label), NO_REG, 0, 0)
  }

  /** Notes that the flags say whether the result of instruction i is zero. */
  private setsFlags(i: number, op: Op, size: Size): void {
    if (op !== Op.Add && op !== Op.Sub && op !== Op.And && op !== Op.Or && op !== Op.Xor) return
    this.flagsAt = this.asm.pos
    this.flagsOf = this.result(i)
    this.flagsSize = size
  }

  /** Whether instruction i tests a register for zero whose value has just set the flags. Tests of zero are all that lowering asks by it. */
  private hasFlags(i: number, size: Size): boolean {
    const { operands } = this.allocation
    const start = this.code.operandStart[i]
    return (
      this.flagsAt === this.asm.pos &&
      this.flagsSize === size &&
      operands[start] === this.flagsOf &&
      operands[start + 1] === this.flagsOf
    )
  }

  private unaryImm(i: number, op: Op, size: Size): void {
    const location = this.allocation.operands[this.code.operandStart[i]]
    const imm = this.code.imm[i]
    if (location < SCRATCH) this.asm.rri(op, size, this.result(i), location & 31, imm)
    else this.asm.rmi(op, size, this.result(i), Reg.Rsp, NO_REG, 0, this.slotOffset(location), imm)
  }

  /** Operands: base, index, as far as they are there, then the register that is loaded or stored. */
  private access(i: number, op: Op, size: Size): void {
    const { asm, code } = this
    const bits = code.size[i]
    const kind = bits & Address.BaseMask
    const shape = shapeOf(code.op[i])
    // The register operand comes first where it is an operand of the operation too, else last.
    let n = shape === Shape.BinaryLoad || shape === Shape.CompareLoad ? 1 : 0
    const base = kind === 0 ? this.register(i, n++) : kind === Address.BaseMemory ? MEMORY_REG : INSTANCE_REG
    const index = (bits & Address.HasIndex) !== 0 ? this.register(i, n++) : NO_REG
    const scale = (bits >> Address.ScaleShift) & 3
    const mayFault = kind !== Address.BaseInstance && (bits & Address.NoFault) === 0 && op !== Op.Lea
    if (mayFault) this.addTrap(TrapReason.MemoryOutOfBounds, code.offset[i])
    if (shape === Shape.BinaryLoad || shape === Shape.CompareLoad)
      asm.rm(op, size, this.register(i, 0), base, index, scale, code.aux[i])
    else if (shape === Shape.StoreImm || shape === Shape.CompareLoadImm)
      asm.mi(op, size, base, index, scale, code.aux[i], code.imm[i])
    else if (shape === Shape.Load) asm.rm(op, size, this.register(i, n), base, index, scale, code.aux[i])
    else asm.mr(op, size, base, index, scale, code.aux[i], this.register(i, n))
  }

  // Traps.

  /** Where to jump for a trap of instruction i. */
  trapStub(i: number, reason: number): Label {
    const at = this.stubCount++ * TRAP_WORDS
    if (at + TRAP_WORDS > this.stubs.length) this.stubs = growInt32(this.stubs, at + TRAP_WORDS)
    this.stubs[at] = this.asm.newLabel()
    this.stubs[at + 1] = reason
    this.stubs[at + 2] = this.code.offset[i]
    return this.stubs[at] as Label
  }

  /** A call has just been written: its return address is here. */
  addReturn(offset: number): void {
    const at = this.returnCount++ * RETURN_WORDS
    if (at + RETURN_WORDS > this.returns.length) this.returns = growInt32(this.returns, at + RETURN_WORDS)
    this.returns[at] = this.asm.pos
    this.returns[at + 1] = offset
  }

  /** The labels of a way out of line, and back. */
  addPoll(out: Label, back: Label, offset: number, fuel: number): void {
    const at = this.pollCount++ * POLL_WORDS
    if (at + POLL_WORDS > this.polls.length) this.polls = growInt32(this.polls, at + POLL_WORDS)
    this.polls[at] = out
    this.polls[at + 1] = back
    this.polls[at + 2] = offset
    this.polls[at + 3] = fuel
  }

  /** The next instruction may fault. */
  private addTrap(reason: number, offset: number): void {
    const at = this.trapCount++ * TRAP_WORDS
    if (at + TRAP_WORDS > this.traps.length) this.traps = growInt32(this.traps, at + TRAP_WORDS)
    this.traps[at] = this.asm.pos
    this.traps[at + 1] = reason
    this.traps[at + 2] = offset
  }
}

const isXmm = (location: number): boolean => location >= XMM && location < SCRATCH
const intOf = (location: number): Reg => (location === SCRATCH ? SCRATCH_REG : location)
