// From intervals with locations to what the emitter needs: a location for each operand, and sequences of moves.

import { growInt32, growUint8 } from '../../util/grow.ts'
import { Generic, Operand, payloadOf, REGISTERS, type VCode } from '../vcode.ts'
import { Heap } from './heap.ts'
import { NONE, SPILLED } from './intervals.ts'
import { COPY_WORDS, type Lifetimes } from './lifetimes.ts'
import { FIRST_SLOT, ParallelMoves } from './parallel-move.ts'

/** Words of a move: the instruction before which it is done, from, to. Of a pending move: from, to, next of the same instruction. */
export const MOVE_WORDS = 3

/** An operand whose location is not settled yet; those of copies are before others. */
const UNKNOWN = -1 << 31

/**
 * The result. Locations are those of parallel-move.ts: a register, SCRATCH, a slot (FIRST_SLOT + n, 8 bytes), or ~vreg as the source of a move:
 * repeat the instruction `defInstr[vreg]` with the move's destination.
 */
export class Allocation {
  /** Location of each operand of the code. */
  operands = new Int32Array(512)
  /** In the order of execution. Moves before a `BlockStart` belong to the block. */
  moves = new Int32Array(256 * MOVE_WORDS)
  moveCount = 0
  slots = 0
  /** 1 for each register that is written. */
  readonly written = new Uint8Array(REGISTERS)
  defInstr = new Int32Array(0)

  /** By vreg: its slot's location, or NONE. */
  private slotOf = new Int32Array(256)
  private needsSlot = new Uint8Array(256)
  private readonly byStart = new Heap()
  private readonly byEnd = new Heap()
  private readonly freeSlots = new Heap()
  /** By instruction: 1 + its first pending move. */
  private pendingHead = new Int32Array(512)
  private pending = new Int32Array(256 * MOVE_WORDS)
  private pendingCount = 0
  /** By vreg: the sibling that the pass over the code has reached. */
  private cursor = new Int32Array(256)
  private readonly group = new ParallelMoves()
  private code!: VCode
  private lifetimes!: Lifetimes

  build(code: VCode, lifetimes: Lifetimes): void {
    this.code = code
    this.lifetimes = lifetimes
    this.defInstr = lifetimes.defInstr
    this.moveCount = this.pendingCount = this.slots = 0
    this.written.fill(0)
    this.operands = growInt32(this.operands, code.operandCount)
    this.operands.fill(UNKNOWN, 0, code.operandCount)
    this.cursor = growInt32(this.cursor, code.vregs)
    this.slotOf = growInt32(this.slotOf, code.vregs)
    this.needsSlot = growUint8(this.needsSlot, code.vregs)
    this.pendingHead = growInt32(this.pendingHead, code.instrs + 1)
    this.pendingHead.fill(0, 0, code.instrs + 1)
    this.cursor.set(lifetimes.head.subarray(0, code.vregs))
    this.assignSlots()
    for (let vreg = 0; vreg < code.vregs; vreg++) this.addVregMoves(vreg)
    let copy = lifetimes.copyCount - 1
    for (let block = 0; block < code.blocks; block++) {
      const first = code.blockStart[block]
      const last = code.blockStart[block + 1] - 1
      this.movesAtStart(block)
      for (let i = first; i <= last; i++) {
        for (; copy >= 0 && lifetimes.copies[copy * COPY_WORDS] === i; copy--) this.addCopy(copy)
        for (let move = this.pendingHead[i]; move !== 0; move = this.pending[move * MOVE_WORDS - 1])
          this.group.add(this.pending[move * MOVE_WORDS - 3], this.pending[move * MOVE_WORDS - 2])
        this.emitGroup(i)
        for (let o = code.operandStart[i]; o < code.operandStart[i + 1]; o++) this.locateOperand(i, o)
      }
      this.movesAtEnd(block)
    }
  }

  // Slots. A vreg has one for all of its life; vregs share it if their lives, holes included, do not meet.

  private assignSlots(): void {
    const { code, lifetimes, byStart, byEnd, freeSlots, slotOf, needsSlot } = this
    const { intervals } = lifetimes
    slotOf.fill(NONE, 0, code.vregs)
    needsSlot.fill(0, 0, code.vregs)
    for (let id = 0; id < intervals.count; id++)
      if (intervals.location[id] === SPILLED) needsSlot[intervals.vreg[id]] = 1
    if (lifetimes.blockwise) {
      for (let vreg = 0; vreg < code.vregs; vreg++)
        if ((needsSlot[vreg] | lifetimes.global[vreg]) === 1 && lifetimes.remat[vreg] === 0)
          slotOf[vreg] = FIRST_SLOT + this.slots++
      return
    }
    byStart.clear()
    byEnd.clear()
    freeSlots.clear()
    for (let vreg = 0; vreg < code.vregs; vreg++)
      if (needsSlot[vreg] === 1 && lifetimes.remat[vreg] === 0)
        byStart.push(intervals.start[lifetimes.head[vreg]], vreg)
    while (byStart.count > 0) {
      const start = byStart.firstKey()
      const vreg = byStart.pop()
      while (byEnd.count > 0 && byEnd.firstKey() <= start) {
        const slot = byEnd.pop()
        freeSlots.push(slot, slot)
      }
      const slot = freeSlots.count > 0 ? freeSlots.pop() : this.slots++
      slotOf[vreg] = FIRST_SLOT + slot
      let last = lifetimes.head[vreg]
      while (intervals.sibling[last] !== NONE) last = intervals.sibling[last]
      byEnd.push(intervals.end[last], slot)
    }
  }

  /** Location of a vreg that has no register. */
  private slotLocation(vreg: number): number {
    return this.lifetimes.remat[vreg] === 1 ? ~vreg : this.slotOf[vreg]
  }

  private locationOf(id: number): number {
    const location = this.lifetimes.intervals.location[id]
    return location === SPILLED ? this.slotLocation(this.lifetimes.intervals.vreg[id]) : location
  }

  /** Location at a position; in the pass over the code positions of a vreg do not descend. */
  private locationAt(vreg: number, position: number): number {
    const { intervals } = this.lifetimes
    let id = this.cursor[vreg]
    while (id !== NONE && intervals.end[id] <= position) id = intervals.sibling[id]
    this.cursor[vreg] = id
    return id !== NONE && intervals.start[id] <= position ? this.locationOf(id) : this.slotLocation(vreg)
  }

  /** Location at any position. */
  private findLocation(vreg: number, position: number): number {
    if (this.lifetimes.blockwise && this.lifetimes.global[vreg] === 1) return this.slotLocation(vreg)
    const { intervals } = this.lifetimes
    let id = this.lifetimes.head[vreg]
    while (id !== NONE && intervals.end[id] <= position) id = intervals.sibling[id]
    return id !== NONE && intervals.start[id] <= position ? this.locationOf(id) : this.slotLocation(vreg)
  }

  // Moves inside of blocks.

  private addPending(instr: number, from: number, to: number): void {
    const at = this.pendingCount++ * MOVE_WORDS
    if (at + MOVE_WORDS > this.pending.length) this.pending = growInt32(this.pending, at + MOVE_WORDS)
    this.pending[at] = from
    this.pending[at + 1] = to
    this.pending[at + 2] = this.pendingHead[instr]
    this.pendingHead[instr] = this.pendingCount
  }

  /** After the def: from a fixed register to the interval's, and to the slot; and where a sibling goes on in another register. */
  private addVregMoves(vreg: number): void {
    const { intervals, head, fixedDef, defInstr } = this.lifetimes
    const def = defInstr[vreg]
    const fixed = fixedDef[vreg]
    const slot = this.slotOf[vreg]
    let previous = head[vreg]
    const start = previous === NONE ? NONE : intervals.start[previous]
    const atDef = fixed !== NONE ? start === 2 * def + 2 : start === 2 * def || start === 2 * def + 1
    if (fixed !== NONE && slot !== NONE) this.addPending(def + 1, fixed, slot)
    if (fixed !== NONE && atDef && intervals.location[previous] >= 0)
      this.addPending(def + 1, fixed, intervals.location[previous])
    if (fixed === NONE && atDef && slot !== NONE && intervals.location[previous] >= 0)
      this.addPending(def + 1, intervals.location[previous], slot)
    if (previous === NONE) return
    if (!atDef) this.addReload(NONE, previous)
    for (let id = intervals.sibling[previous]; id !== NONE; id = intervals.sibling[id]) {
      this.addReload(previous, id)
      previous = id
    }
  }

  private addReload(previous: number, id: number): void {
    const { intervals } = this.lifetimes
    const start = intervals.start[id]
    // At the start of a block, edges do it. What is spilled needs no move: it was stored after its def.
    if (intervals.location[id] < 0 || this.code.op[start >> 1] === Generic.BlockStart) return
    const continues = previous !== NONE && intervals.end[previous] === start
    this.addPending(
      start >> 1,
      continues ? this.locationOf(previous) : this.slotLocation(intervals.vreg[id]),
      intervals.location[id],
    )
  }

  private addCopy(copy: number): void {
    const { copies, defInstr, fixedDef } = this.lifetimes
    const at = copy * COPY_WORDS
    const i = copies[at]
    const vreg = copies[at + 1]
    const from = fixedDef[vreg] !== NONE && defInstr[vreg] === i - 1 ? fixedDef[vreg] : this.locationAt(vreg, 2 * i - 1)
    const to = copies[at + 3] === NONE ? payloadOf(this.code.operands[copies[at + 2]]) : this.locationOf(copies[at + 3])
    this.operands[copies[at + 2]] = to
    this.group.add(from, to)
  }

  private locateOperand(i: number, o: number): void {
    const operand = this.code.operands[o]
    const constraint = operand & Operand.ConstraintMask
    const vreg = operand & Operand.VregMask
    const isDef = (operand & Operand.Def) !== 0
    if (constraint === Operand.Fixed) this.operands[o] = payloadOf(operand)
    else if (this.operands[o] !== UNKNOWN) return
    else if (isDef && (operand & Operand.Late) !== 0 && constraint !== Operand.Reuse)
      this.operands[o] = this.locationAt(vreg, 2 * i + 1)
    else this.operands[o] = this.locationAt(vreg, 2 * i)
    if (isDef && this.operands[o] < REGISTERS) this.written[this.operands[o]] = 1
  }

  // Moves along edges.

  private movesAtStart(block: number): void {
    const { code } = this
    if (code.predecessorStart[block + 1] - code.predecessorStart[block] !== 1) return
    const from = code.predecessors[code.predecessorStart[block]]
    if (code.successorStart[from + 1] - code.successorStart[from] === 1) return
    this.addEdge(from, block)
    this.emitGroup(code.blockStart[block])
  }

  private movesAtEnd(block: number): void {
    const { code } = this
    if (code.successorStart[block + 1] - code.successorStart[block] !== 1) return
    this.addEdge(block, code.successors[code.successorStart[block]])
    this.emitGroup(code.blockStart[block + 1] - 1)
  }

  private addEdge(from: number, to: number): void {
    const { code, lifetimes } = this
    const { intervals } = lifetimes
    const end = 2 * code.blockStart[from + 1] - 1
    const start = 2 * code.blockStart[to]
    for (let w = 0; w < lifetimes.words && !lifetimes.blockwise; w++) {
      for (let live = lifetimes.liveIn[to * lifetimes.words + w]; live !== 0; live &= live - 1) {
        const vreg = w * 32 + 31 - Math.clz32(live & -live)
        // One interval is one location: most vregs are never split.
        if (intervals.sibling[lifetimes.head[vreg]] === NONE) continue
        const target = this.findLocation(vreg, start)
        if (target >= 0 && target < REGISTERS) this.group.add(this.findLocation(vreg, end), target)
      }
    }
    const parameters = code.operandStart[code.blockStart[to]]
    for (let a = code.argStart[from]; a < code.argStart[from + 1]; a++) {
      const parameter = code.operands[parameters + a - code.argStart[from]] & Operand.VregMask
      this.group.add(this.findLocation(code.args[a], end), this.findLocation(parameter, start))
    }
  }

  private emitGroup(instr: number): void {
    this.instr = instr
    this.group.resolve(this.emitMove)
  }

  private instr = 0
  private readonly emitMove = (from: number, to: number): void => {
    const at = this.moveCount++ * MOVE_WORDS
    if (at + MOVE_WORDS > this.moves.length) this.moves = growInt32(this.moves, at + MOVE_WORDS)
    this.moves[at] = this.instr
    this.moves[at + 1] = from
    this.moves[at + 2] = to
    if (to < REGISTERS) this.written[to] = 1
  }
}
