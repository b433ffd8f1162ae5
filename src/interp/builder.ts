// State of the register-IR builder for one function: the words emitted so far, a virtual operand stack, and labels.
//
// The virtual stack remembers for each Wasm stack entry where its value is: in its own fixed slot (`home`), still in the local it was
// read from, or nowhere yet because it is a constant. So local.get and constants cost nothing until something needs them in a
// register; the result of an instruction that local.set stores next is written to the local directly (`sinkInto`); a compare that a
// branch tests next becomes part of the branch (`takeCondition`).
//
// Plain code (`CodeForm.Plain`) has none of that but the aliases of locals: a constant is loaded into its home slot where it stands, no
// result is redirected (`result` leaves no `lastResult`, so nothing is fresh), so no compare, sum or product is absorbed, and a loop's
// branch goes to its header. Each Wasm instruction then has its own words and its own offset, except those that do nothing to a slot:
// local.get, drop, nop, block, loop, end, and conversions that keep the bits.
//
// Invariants: at every label all entries are in their home slots; an entry aliasing a local is moved home before that local changes.
// One builder is reused for all functions of the agent (typed-array columns that only grow).

import { bug } from '../util/bug.ts'
import { CodeForm, TraceIr, VALUE_KIND_SHIFT } from './code.ts'
import { BRANCH_WHEN_FALSE, BRANCH_WHEN_TRUE, IR_LENGTH, Ir, LATCH_FORM, OPPOSITE_BRANCH } from './ir.gen.ts'

/** Kind of a stack entry: what decides how it is copied. */
export const enum Kind {
  I32 = 0,
  I64 = 1,
  F32 = 2,
  F64 = 3,
  V128 = 4,
  Ref = 5,
}

export const enum LabelKind {
  Function = 0,
  Block = 1,
  Loop = 2,
  If = 3,
  Else = 4,
  Try = 5,
}

/** `loc` of an entry that is a constant (in `low`/`high`). */
export const CONSTANT = -1
/** End of a chain of words that wait for a label. */
const NONE = -1

export const slotsOf = (kind: Kind): number => (kind === Kind.V128 ? 2 : 1)

/** Slots of a list of kinds. */
export function totalSlots(kinds: Uint8Array): number {
  let n = kinds.length
  for (let i = 0; i < kinds.length; i++) if (kinds[i] === Kind.V128) n++
  return n
}

function grown(column: Int32Array, needed: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(Math.max(needed, column.length * 2))
  next.set(column)
  return next
}

/** A control structure that is open. */
export class Label {
  kind = LabelKind.Block
  /** Stack entries below its parameters, and the slot where parameters and results start. */
  height = 0
  slot = 0
  params: Uint8Array = NO_KINDS
  results: Uint8Array = NO_KINDS
  /** Loop: pc of its first word. Others: head of the chain of words that wait for its end. */
  target = NONE
  /** If: the word that waits for the else branch. */
  elseTarget = NONE
  /** Try: index of its first handler record. */
  handler = 0
}

export const NO_KINDS = new Uint8Array(0)

export class Builder {
  words: Int32Array<ArrayBuffer> = new Int32Array(1 << 12)
  length = 0
  /** Positions of words that hold a pc relative to the function; made absolute when the code is placed. */
  relocations: Int32Array<ArrayBuffer> = new Int32Array(1 << 8)
  relocationCount = 0
  /** Start of the last instruction and position of its result word, or -1 if the next instruction may not change it. */
  lastStart = -1
  lastResult = -1
  /** Start of the instruction before the last one if no label lies between, else -1. */
  private beforeLast = -1

  /** Virtual stack, one column each. */
  depth = 0
  kind: Uint8Array = new Uint8Array(1 << 8)
  home: Int32Array<ArrayBuffer> = new Int32Array(1 << 8)
  loc: Int32Array<ArrayBuffer> = new Int32Array(1 << 8)
  low: Int32Array<ArrayBuffer> = new Int32Array(1 << 8)
  high: Int32Array<ArrayBuffer> = new Int32Array(1 << 8)
  /** First slot above the stack, and the highest it has been. */
  top = 0
  maxTop = 0
  /** Entries below this index are in their home slots. */
  settled = 0
  /** Number of stack entries that alias a local, by the local's slot. */
  aliases: Int32Array<ArrayBuffer> = new Int32Array(1 << 6)

  labels: Label[] = []
  labelCount = 0

  /** Condition taken by `takeCondition`: the branch ops, and their operand words. */
  private whenTrue = 0
  private whenFalse = 0
  private readonly operands = new Int32Array(4)
  private operandCount = 0

  /** pc -> Wasm offset pairs, recorded only on request (backtraces). */
  offsets: number[] | undefined
  /** As `offsets`: for `loopsOf`. */
  loops: number[] | undefined
  /** Offset of the Wasm instruction being translated. */
  offset = 0

  /** Whether branch targets get a `fuel` instruction. */
  metered = false
  private plain = false
  /** Whether returns are told (trace-build.ts); set by the translation. */
  tellsReturns = false
  /** Wasm instructions of the current segment so far; position of the word that will say how many, or -1. */
  count = 0
  private chargeAt = -1

  reset(localSlots: number, form: CodeForm): void {
    this.metered = form === CodeForm.Metered || form === CodeForm.ObservedMetered
    this.plain = form !== CodeForm.Fused && form !== CodeForm.Metered
    this.chargeAt = -1
    this.length = this.relocationCount = this.depth = this.settled = this.labelCount = 0
    this.barrier()
    this.top = this.maxTop = localSlots
    if (this.aliases.length < localSlots) this.aliases = new Int32Array(localSlots * 2)
    else this.aliases.fill(0, 0, localSlots)
  }

  /** A label: no instruction behind it may merge with one before it. */
  private barrier(): void {
    this.lastStart = this.beforeLast = this.lastResult = -1
  }

  // ---- words ------------------------------------------------------------------------------------------------------------

  /** Starts an instruction; its result, if any, comes next by `result`. */
  op(op: number): void {
    if (this.length + 16 > this.words.length) this.words = grown(this.words, this.length + 16)
    if (this.offsets !== undefined) this.offsets.push(this.length, this.offset)
    this.beforeLast = this.lastStart
    this.lastStart = this.length
    this.lastResult = -1
    this.words[this.length++] = op
  }

  word(value: number): void {
    if (this.length === this.words.length) this.words = grown(this.words, this.length + 1)
    this.words[this.length++] = value
  }

  /** The result word of the instruction: may still be redirected while the instruction is the last one. */
  result(slot: number): void {
    if (!this.plain) this.lastResult = this.length
    this.words[this.length++] = slot
  }

  /**
   * Metered code: a segment ends, another starts. A segment runs from the function's start, a loop header, or a label that something
   * branches to, up to the next such place. Its fuel, one unit per instruction, is taken when it is entered: by the `fuel` instruction
   * when control falls into it, by the branch (from the word in front of its target) when it comes by one.
   */
  startSegment(): void {
    if (!this.metered) return
    this.endSegment()
    this.op(Ir.Fuel)
    this.chargeAt = this.length
    this.word(0)
    this.count = 0
  }

  endSegment(): void {
    if (this.chargeAt >= 0) this.words[this.chargeAt] = this.count
  }

  private relocate(position: number): void {
    if (this.relocationCount === this.relocations.length)
      this.relocations = grown(this.relocations, this.relocationCount + 1)
    this.relocations[this.relocationCount++] = position
  }

  /** A word that is resolved by `resolve`; returns its position. */
  pendingTarget(): number {
    this.relocate(this.length)
    this.word(NONE)
    return this.length - 1
  }

  /** The pending word now leads here: inside a segment, which has been paid for. */
  resolve(position: number): void {
    if (this.metered) {
      this.op(Ir.Fuel)
      this.word(0)
    }
    this.resolveHere(position)
  }

  /** The pending word now leads here, where a segment has just been started. */
  resolveHere(position: number): void {
    this.words[position] = this.length
    this.barrier()
  }

  /** The word of a branch to a label: its pc, or a link in the chain that `bind` resolves. */
  target(label: Label): void {
    this.relocate(this.length)
    if (label.kind === LabelKind.Loop) this.word(label.target)
    else {
      this.word(label.target)
      label.target = this.length - 1
    }
  }

  /** All branches to the label lead here. */
  bind(label: Label, segmentStarted: boolean): void {
    let position = label.target
    if (position !== NONE) {
      if (!segmentStarted) this.startSegment()
      this.barrier()
    }
    while (position !== NONE) {
      const next = this.words[position]
      this.words[position] = this.length
      position = next
    }
    label.target = NONE
  }

  // ---- virtual stack ------------------------------------------------------------------------------------------------------

  private entry(kind: Kind, loc: number): void {
    const i = this.depth++
    if (i === this.kind.length) {
      const kinds = new Uint8Array(i * 2)
      kinds.set(this.kind)
      this.kind = kinds
      this.home = grown(this.home, i + 1)
      this.loc = grown(this.loc, i + 1)
      this.low = grown(this.low, i + 1)
      this.high = grown(this.high, i + 1)
    }
    this.kind[i] = kind
    this.home[i] = this.top
    this.loc[i] = loc
    this.top += kind === Kind.V128 ? 2 : 1
    if (this.top > this.maxTop) this.maxTop = this.top
  }

  /** Pushes an entry whose value is in its home slot; returns the slot. */
  push(kind: Kind): number {
    const slot = this.top
    if (this.settled === this.depth) this.settled++
    this.entry(kind, slot)
    return slot
  }

  pushAll(kinds: Uint8Array): void {
    for (let i = 0; i < kinds.length; i++) this.push(kinds[i])
  }

  pushLocal(kind: Kind, slot: number): void {
    this.entry(kind, slot)
    this.aliases[slot]++
  }

  pushConstant(kind: Kind, low: number, high: number): void {
    const i = this.depth
    this.entry(kind, CONSTANT)
    this.low[i] = low
    this.high[i] = high
    if (this.plain) this.settle(i)
  }

  pop(): void {
    const i = --this.depth
    const loc = this.loc[i]
    this.top = this.home[i]
    if (loc !== this.top && loc !== CONSTANT) this.aliases[loc]--
    if (this.settled > i) this.settled = i
  }

  /** The top entry's bits under another kind of one slot. */
  retype(kind: Kind): void {
    this.kind[this.depth - 1] = kind
  }

  popMany(count: number): void {
    while (count-- > 0) this.pop()
  }

  /** Copies the value of entry i to a slot. */
  copyTo(i: number, slot: number): void {
    const loc = this.loc[i]
    const kind = this.kind[i]
    if (loc === CONSTANT) {
      if (kind === Kind.I64 || kind === Kind.F64) {
        this.op(Ir.Const64)
        this.result(slot)
        this.words[this.length++] = this.low[i]
        this.words[this.length++] = this.high[i]
      } else {
        this.op(Ir.Const32)
        this.result(slot)
        this.words[this.length++] = this.low[i]
      }
      return
    }
    if (loc === slot) return
    this.op(kind === Kind.V128 ? Ir.Mov128 : kind === Kind.I64 || kind === Kind.F64 ? Ir.Mov64 : Ir.Mov32)
    this.result(slot)
    this.words[this.length++] = loc
  }

  /** Moves entry i into its home slot. */
  settle(i: number): void {
    const loc = this.loc[i]
    const home = this.home[i]
    if (loc === home) return
    this.copyTo(i, home)
    if (loc !== CONSTANT) this.aliases[loc]--
    this.loc[i] = home
  }

  /** Moves all entries home. */
  settleAll(): void {
    for (let i = this.settled; i < this.depth; i++) this.settle(i)
    this.settled = this.depth
  }

  /** Moves the topmost entries home: what calls and other variable operand lists need. Returns the slot of the first. */
  settleTop(count: number): number {
    const first = this.depth - count
    for (let i = first; i < this.depth; i++) this.settle(i)
    return count === 0 ? this.top : this.home[first]
  }

  /** The register of entry i; a constant is loaded into its home first. */
  register(i: number): number {
    if (this.loc[i] === CONSTANT) this.settle(i)
    return this.loc[i]
  }

  isConstant(i: number): boolean {
    return this.loc[i] === CONSTANT
  }

  /** Whether entry i was made by the last instruction, whose result may still be redirected. */
  isFresh(i: number): boolean {
    return this.lastResult >= 0 && this.loc[i] === this.home[i] && this.words[this.lastResult] === this.home[i]
  }

  /** Takes the last instruction back: it becomes part of the next one. The one before is then the last, but keeps its result. */
  dropLast(): void {
    this.length = this.lastStart
    while (
      this.offsets !== undefined &&
      this.offsets.length > 0 &&
      this.offsets[this.offsets.length - 2] >= this.length
    )
      this.offsets.length -= 2
    this.lastStart = this.beforeLast
    this.beforeLast = -1
    this.lastResult = -1
  }

  /** Stores the top entry into a local and pops it. */
  storeLocal(slot: number): void {
    const i = this.depth - 1
    if (this.loc[i] === slot) return this.pop()
    if (this.aliases[slot] > 0) {
      this.depth-- // all but the value itself
      const settled = this.settled
      for (let k = settled; k < this.depth; k++) this.settle(k)
      this.depth++
      if (settled < i) this.settled = i
    }
    if (this.isFresh(i)) {
      this.words[this.lastResult] = slot
      this.lastResult = -1
    } else this.copyTo(i, slot)
    this.lastResult = -1
    this.pop()
  }

  /** Words that say where the topmost entries are: how many, then kind and slot of each (`VALUE_KIND_SHIFT`). Plain code only. */
  entries(count: number): void {
    this.word(count)
    for (let i = this.depth - count; i < this.depth; i++) this.word((this.kind[i] << VALUE_KIND_SHIFT) | this.loc[i])
  }

  // ---- labels ---------------------------------------------------------------------------------------------------------------

  /** Opens a control structure. Its parameters are on the stack; everything must be settled. */
  open(kind: LabelKind, params: Uint8Array, results: Uint8Array): Label {
    let label = this.labels[this.labelCount]
    if (label === undefined) this.labels.push((label = new Label()))
    this.labelCount++
    label.kind = kind
    label.params = params
    label.results = results
    label.height = this.depth - params.length
    label.slot = params.length === 0 ? this.top : this.home[label.height]
    if (kind === LabelKind.Loop) this.startSegment()
    label.target = kind === LabelKind.Loop ? this.length : NONE
    label.elseTarget = NONE
    if (kind === LabelKind.Loop) {
      this.loops?.push(this.length, this.offset)
      this.barrier()
    }
    return label
  }

  label(depth: number): Label {
    const label = this.labels[this.labelCount - 1 - depth]
    if (label === undefined) bug('label depth beyond the function')
    return label
  }

  /** Cuts the stack down to where the label starts, then pushes what it says is there. */
  restore(label: Label, kinds: Uint8Array): void {
    this.popMany(this.depth - label.height)
    this.top = label.slot
    this.pushAll(kinds)
  }

  /** The kinds that a branch to the label carries. */
  branchKinds(label: Label): Uint8Array {
    return label.kind === LabelKind.Loop ? label.params : label.results
  }

  /** Whether a branch with the topmost entries needs code of its own before it jumps. */
  needsMoves(label: Label, count: number): boolean {
    if (label.kind === LabelKind.Function) return true
    let slot = label.slot
    for (let i = this.depth - count; i < this.depth; i++) {
      if (this.loc[i] !== slot) return true
      slot += slotsOf(this.kind[i])
    }
    return false
  }

  /** An unconditional branch with the topmost entries; they stay on the virtual stack. */
  branch(label: Label): void {
    const count = this.branchKinds(label).length
    if (label.kind === LabelKind.Function) return this.return(count)
    // Downwards in order: entry i goes to a slot at or below its home, so it cannot hit an entry that is still to move.
    let slot = label.slot
    for (let i = this.depth - count; i < this.depth; i++) {
      this.copyTo(i, slot)
      slot += slotsOf(this.kind[i])
    }
    if (label.kind === LabelKind.Loop) this.repeatLoopTest(label)
    this.op(Ir.Br)
    this.target(label)
  }

  /**
   * A loop that starts with a conditional exit: its branch back tests the condition itself, and goes behind the exit if it stays in. One
   * instruction less per iteration.
   */
  private repeatLoopTest(label: Label): void {
    const start = label.target
    if (start >= this.length) return
    const first = this.words[start]
    // Cold ops lie behind the table.
    const opposite = first < OPPOSITE_BRANCH.length ? OPPOSITE_BRANCH[first] : 0
    // In metered code the branch must find the loop's fuel in front of its target.
    if (opposite === 0 || this.metered || this.plain) return
    const { loops } = this
    if (loops !== undefined) {
      // The test has no effect: to do it again is as good as to go on behind it.
      let at = 0
      while (loops[at] !== start) at += 2
      loops.push(start + IR_LENGTH[opposite], loops[at + 1])
    }
    this.operandCount = IR_LENGTH[opposite] - 2
    for (let k = 0; k < this.operandCount; k++) this.operands[k] = this.words[start + 1 + k]
    this.conditional(opposite)
    this.relocate(this.length)
    this.word(start + IR_LENGTH[opposite])
  }

  /** Returns the topmost entries; they stay on the virtual stack. */
  return(count: number): void {
    if (this.tellsReturns) {
      this.op(TraceIr.Leave)
      this.entries(count)
    }
    if (count === 1) {
      const i = this.depth - 1
      const kind = this.kind[i]
      if (kind === Kind.V128) this.copyTo(i, 0)
      else if (kind === Kind.I64 || kind === Kind.F64) {
        const slot = this.loc[i] === CONSTANT ? this.constantForReturn(i) : this.loc[i]
        this.op(Ir.Return64)
        this.word(slot)
        return
      } else {
        const loc = this.loc[i]
        this.op(loc === CONSTANT ? Ir.Return32K : Ir.Return32)
        this.word(loc === CONSTANT ? this.low[i] : loc)
        return
      }
    } else if (count > 1) {
      // Results go to slots 0..., which may be locals that later results still read: those are moved home first.
      let end = 0
      for (let i = this.depth - count; i < this.depth; i++) end += slotsOf(this.kind[i])
      let slot = 0
      const conflict = this.returnConflict(count, end)
      for (let i = this.depth - count; conflict && i < this.depth; i++)
        if (this.loc[i] !== CONSTANT) this.copyTo(i, this.home[i])
      for (let i = this.depth - count; i < this.depth; i++) {
        if (conflict && this.loc[i] !== CONSTANT) this.copyEntry(i, slot)
        else this.copyTo(i, slot)
        slot += slotsOf(this.kind[i])
      }
    }
    this.op(Ir.Return)
  }

  private returnConflict(count: number, end: number): boolean {
    let slot = 0
    for (let i = this.depth - count; i < this.depth; i++) {
      const loc = this.loc[i]
      if (loc !== CONSTANT && loc < end && loc !== slot) return true
      slot += slotsOf(this.kind[i])
    }
    return false
  }

  private constantForReturn(i: number): number {
    this.copyTo(i, this.home[i])
    return this.home[i]
  }

  /** Copies entry i from its home slot. */
  copyEntry(i: number, slot: number): void {
    const kind = this.kind[i]
    if (slot === this.home[i]) return
    this.op(kind === Kind.V128 ? Ir.Mov128 : kind === Kind.I64 || kind === Kind.F64 ? Ir.Mov64 : Ir.Mov32)
    this.result(slot)
    this.words[this.length++] = this.home[i]
  }

  // ---- conditions -------------------------------------------------------------------------------------------------------------

  /** Pops the i32 condition on top for the next `jumpIf` or `branchIf`; a compare that just made it becomes part of the branch. */
  takeCondition(): void {
    const i = this.depth - 1
    if (this.isFresh(i) && this.lastResult === this.lastStart + 1 && this.mergeCompare()) {
      const slot = this.home[i]
      // eqz of a compare without an opposite (floats): the branch of that compare, the other way round.
      const isZeroTest = this.whenTrue === Ir.BrUnless && this.operands[0] === slot
      if (isZeroTest && this.lastStart >= 0 && this.words[this.lastStart + 1] === slot && this.mergeCompare()) {
        const whenTrue = this.whenTrue
        this.whenTrue = this.whenFalse
        this.whenFalse = whenTrue
      }
      return this.pop()
    }
    this.setCondition(this.register(i), false)
    this.pop()
  }

  /** If the last instruction is a compare, makes it the condition and takes it back. */
  private mergeCompare(): boolean {
    const compare = this.words[this.lastStart]
    if (compare >= BRANCH_WHEN_TRUE.length || BRANCH_WHEN_TRUE[compare] === 0) return false
    this.whenTrue = BRANCH_WHEN_TRUE[compare]
    this.whenFalse = BRANCH_WHEN_FALSE[compare]
    this.operandCount = this.length - this.lastStart - 2
    for (let k = 0; k < this.operandCount; k++) this.operands[k] = this.words[this.lastStart + 2 + k]
    this.dropLast()
    return true
  }

  /** Makes "register is not zero" (or is, `negated`) the condition. */
  setCondition(register: number, negated: boolean): void {
    this.whenTrue = negated ? Ir.BrUnless : Ir.BrIf
    this.whenFalse = negated ? Ir.BrIf : Ir.BrUnless
    this.operandCount = 1
    this.operands[0] = register
  }

  private conditional(op: number): void {
    if (this.fuseLatch(op)) return
    this.op(op)
    for (let k = 0; k < this.operandCount; k++) this.words[this.length++] = this.operands[k]
  }

  /** `add_k x, x, k` and then a branch on x: one instruction. */
  private fuseLatch(op: number): boolean {
    const form = LATCH_FORM[op]
    const add = this.lastStart
    if (form === 0 || add < 0 || this.words[add] !== Ir.I32AddK) return false
    const register = this.words[add + 1]
    if (register !== this.words[add + 2] || this.operands[0] !== register) return false
    const constantOperand = op === Ir.BrI32NeK || op === Ir.BrI32LtSK || op === Ir.BrI32LtUK
    if (this.operandCount > 1 && !constantOperand && this.operands[1] === register) return false
    const constant = this.words[add + 3]
    this.dropLast()
    this.op(form)
    this.words[this.length++] = register
    this.words[this.length++] = constant
    for (let k = 1; k < this.operandCount; k++) this.words[this.length++] = this.operands[k]
    return true
  }

  /** Jumps to a place resolved later if the condition is false. */
  jumpUnless(): number {
    this.conditional(this.whenFalse)
    return this.pendingTarget()
  }

  /** Jumps to a place resolved later if the condition is true. */
  jumpIf(): number {
    this.conditional(this.whenTrue)
    return this.pendingTarget()
  }

  /** Branches with the topmost entries if the condition is true; they stay on the virtual stack. */
  branchIf(label: Label): void {
    if (this.needsMoves(label, this.branchKinds(label).length)) {
      const skip = this.jumpUnless()
      this.branch(label)
      this.resolve(skip)
    } else {
      this.conditional(this.whenTrue)
      this.target(label)
    }
  }
}
