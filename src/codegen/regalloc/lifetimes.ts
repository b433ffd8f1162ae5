// Lifetimes: from machine code to intervals, fixed ranges of registers, hints, and copies that constraints ask for.
//
// Two ways. Usually liveness is solved over the blocks (bit rows, from the last block to the first until nothing changes) and an interval
// covers all of a vreg's life, with holes. Where rows would be too large (`LIVENESS_BITS`), a vreg that lives in several blocks is
// in its slot at all block boundaries, and each block that uses it has an interval of its own, from the first use in it to the last: time and
// memory linear in the code.

import { bug } from '../../util/bug.ts'
import { growInt32 } from '../../util/grow.ts'
import { Generic, InstrFlag, Operand, payloadOf, REGISTERS, type VCode } from '../vcode.ts'
import { Intervals, NONE } from './intervals.ts'

/** Words of a copy: instruction before which it is done, vreg, operand, interval of the operand or NONE if it is a fixed register. */
export const COPY_WORDS = 4

export class Lifetimes {
  readonly intervals = new Intervals()
  /** 1: vregs that live in several blocks are in slots at block boundaries. */
  blockwise = false
  /** By vreg: first interval or NONE; defining instruction; its block. */
  head = new Int32Array(256)
  defInstr = new Int32Array(256)
  defBlock = new Int32Array(256)
  /** By vreg: 1 if its def can be repeated instead of a reload. */
  remat = new Uint8Array(256)
  /** By vreg: the fixed register that its def writes, else NONE. The interval then begins after the instruction. */
  fixedDef = new Int32Array(256)
  /** By vreg: a register that saves a move, or NONE; two vregs whose registers do, or NONE. */
  hintRegister = new Int32Array(256)
  hintA = new Int32Array(256)
  hintB = new Int32Array(256)
  /** By vreg, blockwise only: 1 if it lives in several blocks. */
  global = new Uint8Array(256)
  private blockInterval = new Int32Array(256)

  /** Ranges in which registers are written or read by name, in one list for each register, ascending. */
  fixedHead = new Int32Array(REGISTERS)
  fixedFrom = new Int32Array(256)
  fixedTo = new Int32Array(256)
  fixedNext = new Int32Array(256)
  private fixedCount = 0

  /** Instructions that clobber, ascending from `callStart` to the end. */
  calls = new Int32Array(64)
  callStart = 0

  copies = new Int32Array(64 * COPY_WORDS)
  copyCount = 0

  /** Rows of `words` words, one for each block. */
  words = 0
  liveIn = new Int32Array(1024)
  private defined = new Int32Array(1024)

  private block = 0

  build(code: VCode, blockwise: boolean): void {
    this.blockwise = blockwise
    this.intervals.reset()
    this.fixedCount = this.copyCount = 0
    this.fixedHead.fill(NONE)
    this.growVregs(code.vregs)
    this.callStart = this.calls.length
    this.findDefs(code)
    if (!blockwise) this.solveLiveness(code)
    for (let block = code.blocks - 1; block >= 0; block--) this.buildBlock(code, block)
  }

  private growVregs(count: number): void {
    if (count > this.head.length) {
      const length = Math.max(count, 2 * this.head.length)
      for (const key of ['head', 'defInstr', 'defBlock', 'fixedDef', 'hintRegister', 'hintA', 'hintB'] as const)
        this[key] = new Int32Array(length)
      this.blockInterval = new Int32Array(length)
      this.remat = new Uint8Array(length)
      this.global = new Uint8Array(length)
    }
    for (const column of [
      this.head,
      this.defInstr,
      this.defBlock,
      this.fixedDef,
      this.hintRegister,
      this.hintA,
      this.hintB,
    ])
      column.fill(NONE, 0, count)
    this.blockInterval.fill(NONE, 0, count)
    this.remat.fill(0, 0, count)
    this.global.fill(0, 0, count)
  }

  /** Where vregs are defined; in blockwise mode, which ones leave their block. */
  private findDefs(code: VCode): void {
    for (let block = 0; block < code.blocks; block++) {
      for (let i = code.blockStart[block]; i < code.blockStart[block + 1]; i++) {
        for (let o = code.operandStart[i]; o < code.operandStart[i + 1]; o++) {
          const vreg = code.operands[o] & Operand.VregMask
          if ((code.operands[o] & Operand.Def) === 0) {
            if (this.defBlock[vreg] !== block) this.global[vreg] = 1
            continue
          }
          if (this.defInstr[vreg] !== NONE) bug(`v${vreg} has two defs`)
          this.defInstr[vreg] = i
          this.defBlock[vreg] = block
          if ((code.flags[i] & InstrFlag.Rematerializable) !== 0) this.remat[vreg] = 1
          if ((code.operands[o] & Operand.ConstraintMask) === Operand.Fixed)
            this.fixedDef[vreg] = payloadOf(code.operands[o])
        }
      }
      for (let a = code.argStart[block]; a < code.argStart[block + 1]; a++)
        if (this.defBlock[code.args[a]] !== block) this.global[code.args[a]] = 1
    }
  }

  private solveLiveness(code: VCode): void {
    const words = (this.words = (code.vregs + 31) >>> 5)
    const total = words * (code.blocks + 1)
    if (total > this.liveIn.length) {
      this.liveIn = new Int32Array(total * 2)
      this.defined = new Int32Array(total * 2)
    }
    const { liveIn, defined } = this
    liveIn.fill(0, 0, total)
    defined.fill(0, 0, total)
    for (let block = 0; block < code.blocks; block++) {
      const row = block * words
      for (let o = code.operandStart[code.blockStart[block]]; o < code.operandStart[code.blockStart[block + 1]]; o++) {
        const vreg = code.operands[o] & Operand.VregMask
        const at = row + (vreg >>> 5)
        if ((code.operands[o] & Operand.Def) !== 0) defined[at] |= 1 << vreg
        else if ((defined[at] & (1 << vreg)) === 0) liveIn[at] |= 1 << vreg
      }
      for (let a = code.argStart[block]; a < code.argStart[block + 1]; a++) {
        const at = row + (code.args[a] >>> 5)
        if ((defined[at] & (1 << code.args[a])) === 0) liveIn[at] |= 1 << code.args[a]
      }
    }
    for (let changed = true; changed;) {
      changed = false
      for (let block = code.blocks - 1; block >= 0; block--) {
        const row = block * words
        for (let e = code.successorStart[block]; e < code.successorStart[block + 1]; e++) {
          const other = code.successors[e] * words
          for (let w = 0; w < words; w++) {
            const live = liveIn[row + w] | (liveIn[other + w] & ~defined[row + w])
            if (live !== liveIn[row + w]) {
              liveIn[row + w] = live
              changed = true
            }
          }
        }
      }
    }
    for (let w = 0; w < words; w++) if (liveIn[w] !== 0) bug('a vreg is used where its def does not dominate')
  }

  private buildBlock(code: VCode, block: number): void {
    this.block = block
    const first = code.blockStart[block]
    const last = code.blockStart[block + 1]
    if (!this.blockwise) this.addLiveOut(code, block)
    this.addArgs(code, block)
    for (let i = last - 1; i >= first; i--) {
      const clobbers = (code.flags[i] & InstrFlag.Clobbers) !== 0
      const start = code.operandStart[i]
      const end = code.operandStart[i + 1]
      if (clobbers) this.addCall(i)
      for (let o = start; o < end; o++) if ((code.operands[o] & Operand.Def) !== 0) this.addDef(code, i, o)
      // Late fixed ranges come before early ones: lists are built from the back.
      for (let o = start; o < end; o++) {
        const operand = code.operands[o]
        if ((operand & Operand.Def) === 0) this.addOperandUse(code, i, o, clobbers)
      }
      if (code.op[i] === Generic.Move) this.hint(code, start)
    }
  }

  private addLiveOut(code: VCode, block: number): void {
    const from = 2 * code.blockStart[block]
    const to = 2 * code.blockStart[block + 1]
    for (let w = 0; w < this.words; w++) {
      let live = 0
      for (let e = code.successorStart[block]; e < code.successorStart[block + 1]; e++)
        live |= this.liveIn[code.successors[e] * this.words + w]
      for (; live !== 0; live &= live - 1) this.live(w * 32 + 31 - Math.clz32(live & -live), from, to)
    }
  }

  private addArgs(code: VCode, block: number): void {
    const argStart = code.argStart[block]
    const count = code.argStart[block + 1] - argStart
    if (count === 0) return
    const target = code.blockStart[code.successors[code.successorStart[block]]]
    const parameters = code.operandStart[target]
    if (code.operandStart[target + 1] - parameters !== count)
      bug(`block ${block} passes ${count} arguments, the wrong number`)
    for (let a = 0; a < count; a++) {
      const vreg = code.args[argStart + a]
      this.live(vreg, 2 * code.blockStart[block], 2 * code.blockStart[block + 1])
      const parameter = code.operands[parameters + a] & Operand.VregMask
      this.hintVreg(vreg, parameter)
      this.hintVreg(parameter, vreg)
    }
  }

  private hintVreg(vreg: number, other: number): void {
    if (this.hintA[vreg] === NONE) this.hintA[vreg] = other
    else this.hintB[vreg] = other
  }

  private hint(code: VCode, start: number): void {
    const a = code.operands[start] & Operand.VregMask
    const b = code.operands[start + 1] & Operand.VregMask
    this.hintVreg(a, b)
    this.hintVreg(b, a)
  }

  /** The vreg lives in [from, to) of the current block; returns its interval, or NONE if it is in its slot. */
  private live(vreg: number, from: number, to: number): number {
    if (this.blockwise && this.global[vreg] === 1) return this.liveInBlock(vreg, to)
    let id = this.head[vreg]
    if (id === NONE) id = this.head[vreg] = this.intervals.create(vreg)
    this.intervals.addRange(id, from, to)
    return id
  }

  /** Blockwise: only uses in a register make an interval, except after a def in the block. */
  private liveInBlock(vreg: number, to: number): number {
    const id = this.blockInterval[vreg] === this.block ? this.head[vreg] : NONE
    if (id !== NONE && to > this.intervals.start[id]) this.intervals.addRange(id, this.intervals.start[id], to)
    return id
  }

  private liveForUse(code: VCode, vreg: number, position: number, to: number): number {
    if (!this.blockwise || this.global[vreg] === 0) return this.live(vreg, 2 * code.blockStart[this.block], to)
    let id = this.head[vreg]
    if (this.blockInterval[vreg] === this.block) to = Math.max(to, this.intervals.start[id])
    else {
      this.blockInterval[vreg] = this.block
      id = this.intervals.create(vreg)
      this.intervals.sibling[id] = this.head[vreg]
      this.head[vreg] = id
    }
    this.intervals.addRange(id, position & ~1, to)
    return id
  }

  private addCall(i: number): void {
    if (this.callStart === 0) {
      const grown = new Int32Array(this.calls.length * 2)
      grown.set(this.calls, this.calls.length)
      this.callStart = this.calls.length
      this.calls = grown
    }
    this.calls[--this.callStart] = i
  }

  private addFixed(register: number, from: number, to: number): void {
    const at = this.fixedCount++
    if (at === this.fixedFrom.length) {
      this.fixedFrom = growInt32(this.fixedFrom, at + 1)
      this.fixedTo = growInt32(this.fixedTo, at + 1)
      this.fixedNext = growInt32(this.fixedNext, at + 1)
    }
    this.fixedFrom[at] = from
    this.fixedTo[at] = to
    this.fixedNext[at] = this.fixedHead[register]
    this.fixedHead[register] = at
  }

  private addCopy(i: number, vreg: number, operand: number, interval: number): void {
    const at = this.copyCount++ * COPY_WORDS
    if (at === this.copies.length) this.copies = growInt32(this.copies, at + 1)
    this.copies[at] = i
    this.copies[at + 1] = vreg
    this.copies[at + 2] = operand
    this.copies[at + 3] = interval
  }

  private addDef(code: VCode, i: number, o: number): void {
    const operand = code.operands[o]
    const vreg = operand & Operand.VregMask
    const constraint = operand & Operand.ConstraintMask
    const early = (operand & Operand.Late) === 0
    if (constraint === Operand.Fixed) {
      const register = payloadOf(operand)
      this.addFixed(register, early ? 2 * i : 2 * i + 1, 2 * i + 2)
      if (this.hintRegister[vreg] === NONE) this.hintRegister[vreg] = register
      this.beginDef(code, vreg, 2 * i + 2, 2 * i + 2)
      return
    }
    if (constraint === Operand.Any) {
      // A parameter: written by the moves of an edge, together with what lives on in the block, so it begins early. Blockwise, one that
      // leaves its block starts in its slot.
      if (this.blockwise && this.global[vreg] === 1) return
      this.beginDef(code, vreg, 2 * i, 2 * i + 2)
      return
    }
    const position = early || constraint === Operand.Reuse ? 2 * i : 2 * i + 1
    const id = this.beginDef(code, vreg, position, 2 * i + 2)
    // From an early position on the register is held to the instruction's end.
    this.intervals.addUse(id, 2 * i + 1)
    if (position === 2 * i) this.intervals.addUse(id, position)
    if (constraint !== Operand.Reuse) return
    const input = code.operandStart[i] + payloadOf(operand)
    const source = code.operands[input] & Operand.VregMask
    this.addCopy(i, source, input, id)
    this.hintVreg(vreg, source)
    this.hintVreg(source, vreg)
  }

  /** The def at `position`; a vreg that nobody uses lives to `end`. NONE if that is no life. */
  private beginDef(code: VCode, vreg: number, position: number, end: number): number {
    const slotted = this.blockwise && this.global[vreg] === 1
    let id = slotted && this.blockInterval[vreg] !== this.block ? NONE : this.head[vreg]
    if (id !== NONE) {
      this.intervals.beginAt(id, position)
      return id
    }
    if (position === end) return NONE
    if (slotted) id = this.liveForUse(code, vreg, position, end)
    else this.intervals.addRange((id = this.head[vreg] = this.intervals.create(vreg)), position, end)
    this.intervals.beginAt(id, position)
    return id
  }

  private addOperandUse(code: VCode, i: number, o: number, clobbers: boolean): void {
    const operand = code.operands[o]
    const vreg = operand & Operand.VregMask
    const constraint = operand & Operand.ConstraintMask
    const end = (operand & Operand.Late) !== 0 ? 2 * i + 2 : 2 * i + 1
    if (constraint === Operand.Fixed) {
      const register = payloadOf(operand)
      this.addFixed(register, 2 * i, end)
      if (this.hintRegister[vreg] === NONE) this.hintRegister[vreg] = register
      this.addCopy(i, vreg, o, NONE)
      this.gapUse(code, vreg, i)
    } else if (this.isReused(code, i, o)) this.gapUse(code, vreg, i)
    else if (clobbers && constraint === Operand.Register) {
      // What lives on must leave its register before the call clobbers it, so the call reads a copy.
      const copy = this.intervals.create(vreg)
      this.intervals.addRange(copy, 2 * i, end)
      if (end === 2 * i + 2) this.intervals.addUse(copy, 2 * i + 1)
      this.intervals.addUse(copy, 2 * i)
      this.addCopy(i, vreg, o, copy)
      this.gapUse(code, vreg, i)
    } else if (constraint === Operand.Register || this.remat[vreg] === 1) {
      const id = this.liveForUse(code, vreg, 2 * i, end)
      if (end === 2 * i + 2) this.intervals.addUse(id, 2 * i + 1)
      this.intervals.addUse(id, 2 * i)
    } else this.live(vreg, 2 * code.blockStart[this.block], end)
  }

  /** Read by a move before instruction i: needs no register there. */
  private gapUse(code: VCode, vreg: number, i: number): void {
    const from = 2 * code.blockStart[this.block]
    // A fixed def just before is read in its register: the interval may not have begun.
    if (this.defInstr[vreg] === i - 1 && this.fixedDef[vreg] !== NONE) {
      if (this.head[vreg] !== NONE) this.live(vreg, from, 2 * i)
      return
    }
    this.live(vreg, from, 2 * i)
  }

  private isReused(code: VCode, i: number, o: number): boolean {
    const number = o - code.operandStart[i]
    for (let d = code.operandStart[i]; d < code.operandStart[i + 1]; d++) {
      const operand = code.operands[d]
      if ((operand & (Operand.Def | Operand.ConstraintMask)) === (Operand.Def | Operand.Reuse))
        if (payloadOf(operand) === number) return true
    }
    return false
  }
}
