// The symbolic checker: proves that an allocation is right, without knowing how it was made. For tests; Maps and Sets are fine here.
//
// The state maps each location to the set of vregs whose value it certainly holds. Moves copy sets, defs make a vreg's value stale
// elsewhere and put it where the def is, clobbers empty registers. At an edge, a location that holds an argument holds the parameter
// too. States meet by intersection; the blocks are visited until nothing changes. Each use must find its vreg in its location: states only
// shrink, so what a visit misses is missing, and the first complaint is near the cause. What the state says holds on all paths, so an allocation that passes computes with the same values as the code before.

import { bug } from '../../util/bug.ts'
import { classOf, Generic, InstrFlag, Operand, payloadOf, REGISTERS, type VCode, type VType } from '../vcode.ts'
import { type Allocation, MOVE_WORDS } from './allocation.ts'
import { FIRST_SLOT, SCRATCH } from './parallel-move.ts'
import { type RegisterFile, registerSet } from './register-file.ts'

type State = Map<number, Set<number>>

/** Throws a `BugError` that names the instruction if the allocation does not keep the code's meaning or an operand's constraint. */
export function checkAllocation(code: VCode, allocation: Allocation, registers: RegisterFile): void {
  new Checker(code, allocation, registers).run()
}

class Checker {
  private readonly entry: (State | undefined)[] = []
  private readonly preserved: Uint8Array
  private readonly allocatable: Uint8Array
  /** Index of the first move of each instruction. */
  private readonly firstMove: Int32Array

  constructor(
    private readonly code: VCode,
    private readonly allocation: Allocation,
    registers: RegisterFile,
  ) {
    this.preserved = registerSet(registers.preserved)
    this.allocatable = registerSet(registers.allocatable.flat())
    this.firstMove = new Int32Array(code.instrs + 1)
    let move = 0
    for (let i = 0; i <= code.instrs; i++) {
      while (move < allocation.moveCount && allocation.moves[move * MOVE_WORDS] < i) move++
      this.firstMove[i] = move
    }
    if (move !== allocation.moveCount) bug('moves are not in the order of instructions')
  }

  run(): void {
    const { code } = this
    this.entry[0] = new Map()
    const work = [0]
    while (work.length > 0) {
      const block = work.pop()!
      const state = this.visit(block)
      for (let e = code.successorStart[block]; e < code.successorStart[block + 1]; e++) {
        const target = code.successors[e]
        if (this.meet(target, this.crossEdge(block, target, state))) work.push(target)
      }
    }
  }

  private meet(block: number, state: State): boolean {
    const before = this.entry[block]
    if (before === undefined) {
      this.entry[block] = state
      return true
    }
    let changed = false
    for (const [location, vregs] of before) {
      for (const vreg of vregs) {
        if (state.get(location)?.has(vreg)) continue
        vregs.delete(vreg)
        changed = true
      }
    }
    return changed
  }

  private crossEdge(from: number, to: number, state: State): State {
    const { code } = this
    const first = code.operandStart[code.blockStart[to]]
    const end = code.operandStart[code.blockStart[to] + 1]
    const parameters = [...code.operands.subarray(first, end)].map((operand) => operand & Operand.VregMask)
    const args = [...code.args.subarray(code.argStart[from], code.argStart[from + 1])]
    if (args.length !== parameters.length) bug(`block ${from} passes ${args.length} of ${parameters.length} arguments`)
    const after: State = new Map()
    for (const [location, vregs] of state) {
      const set = new Set(vregs)
      for (const parameter of parameters) set.delete(parameter)
      args.forEach((arg, n) => vregs.has(arg) && set.add(parameters[n]))
      after.set(location, set)
    }
    return after
  }

  private visit(block: number): State {
    const state: State = new Map()
    for (const [location, vregs] of this.entry[block]!) state.set(location, new Set(vregs))
    for (let i = this.code.blockStart[block]; i < this.code.blockStart[block + 1]; i++) this.step(state, i)
    return state
  }

  private step(state: State, i: number): void {
    const { code, allocation } = this
    const { moves } = allocation
    for (let m = this.firstMove[i]; m < this.firstMove[i + 1]; m++) {
      const from = moves[m * MOVE_WORDS + 1]
      const to = moves[m * MOVE_WORDS + 2]
      this.checkMove(i, from, to)
      state.set(to, from < 0 ? new Set([~from]) : new Set(state.get(from)))
    }
    const parameters = code.op[i] === Generic.BlockStart && i > 0
    const start = code.operandStart[i]
    const end = code.operandStart[i + 1]
    this.checkOperands(state, i, parameters)
    if (parameters) return
    if ((code.flags[i] & InstrFlag.Clobbers) !== 0)
      for (let r = 0; r < REGISTERS; r++) if (this.preserved[r] === 0) state.delete(r)
    state.delete(SCRATCH)
    for (let o = start; o < end; o++) {
      if ((code.operands[o] & Operand.Def) === 0) continue
      for (const vregs of state.values()) vregs.delete(code.operands[o] & Operand.VregMask)
    }
    for (let o = start; o < end; o++)
      if ((code.operands[o] & Operand.Def) !== 0)
        state.set(allocation.operands[o], new Set([code.operands[o] & Operand.VregMask]))
  }

  private checkMove(i: number, from: number, to: number): void {
    if (to < 0 || to >= FIRST_SLOT + this.allocation.slots) bug(`a move before instruction ${i} goes to ${to}`)
    if (from >= FIRST_SLOT + this.allocation.slots) bug(`a move before instruction ${i} comes from ${from}`)
    if (from >= 0) return
    const def = this.allocation.defInstr[~from]
    if ((this.code.flags[def] & InstrFlag.Rematerializable) === 0)
      bug(`instruction ${def} of v${~from} cannot be repeated`)
  }

  private checkOperands(state: State, i: number, parameters: boolean): void {
    const { code, allocation } = this
    const start = code.operandStart[i]
    const early = new Set<number>()
    const late = new Set<number>()
    for (let o = start; o < code.operandStart[i + 1]; o++) {
      const operand = code.operands[o]
      const location = allocation.operands[o]
      const vreg = operand & Operand.VregMask
      const isDef = (operand & Operand.Def) !== 0
      this.checkConstraint(i, operand, location)
      if ((!isDef || parameters) && !state.get(location)?.has(vreg))
        bug(`instruction ${i} does not find v${vreg} in ${location}`)
      if (
        (operand & Operand.ConstraintMask) === Operand.Reuse &&
        allocation.operands[start + payloadOf(operand)] !== location
      )
        bug(`instruction ${i} defines v${vreg} in ${location}, not in its input's register`)
      // Two uses of one vreg share a location; nothing else does while both are held.
      const held = isDef ? late : early
      if (isDef && held.has(location)) bug(`instruction ${i} has two defs in ${location}`)
      held.add(location)
    }
    for (let o = start; o < code.operandStart[i + 1]; o++) {
      const operand = code.operands[o]
      const isDef = (operand & Operand.Def) !== 0
      const isLate = (operand & Operand.Late) !== 0
      if (isDef && !isLate && early.has(allocation.operands[o]))
        bug(`instruction ${i}: an early def takes a use's register`)
      if (!isDef && isLate && late.has(allocation.operands[o]))
        bug(`instruction ${i}: a def takes a late use's register`)
    }
  }

  private checkConstraint(i: number, operand: number, location: number): void {
    const constraint = operand & Operand.ConstraintMask
    const vreg = operand & Operand.VregMask
    const isRegister = location >= 0 && location < REGISTERS
    if (constraint === Operand.Fixed) {
      if (location !== payloadOf(operand))
        bug(`instruction ${i} wants v${vreg} in ${payloadOf(operand)}, not ${location}`)
      return
    }
    if (!isRegister && (constraint !== Operand.Any || location < FIRST_SLOT))
      bug(`instruction ${i} wants v${vreg} in a register`)
    if (!isRegister) return
    if (location >> 5 !== classOf(this.code.vregType[vreg] as VType) || this.allocatable[location] === 0)
      bug(`instruction ${i} has v${vreg} in register ${location}`)
  }
}
