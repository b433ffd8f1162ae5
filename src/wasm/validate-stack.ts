// The state of the validation algorithm (spec 3.0, appendix "Validation Algorithm") and its error messages.
//
// The operand stack is an Int32Array of canonical types, `T.Bottom` for the unknown types of unreachable code. A control frame
// is a record of words in `frames`. Lists of types (parameters, results, label types) are ranges of `pool`: the signatures of
// the module's function types, and behind them one word per nesting depth for blocks with a single result type.

import { growInt32 } from '../util/grow.ts'
import { matches, REF_BOTTOM, typeText } from './canonical.ts'
import { InstrReader } from './instr-reader.ts'
import { MAX_NESTING, MAX_OPERANDS } from './limits.ts'
import { opClasses } from './op-tables.ts'
import { Op } from './op.gen.ts'
import { opcodeById } from './opcodes.ts'
import type { ModuleState } from './state.ts'
import { type CanonType, isRef, Ref, T, typeIndexOf, type ValType } from './types.ts'

/** Words of a control frame. */
export const enum Frame {
  /** Block, Loop, If, Else, TryTable; Block for a function body or constant expression. */
  Op = 0,
  /** Operand stack height at its start, without its parameters. */
  Height = 1,
  /** Parameters: place in `pool`, count. */
  StartAt = 2,
  StartCount = 3,
  /** Results. */
  EndAt = 4,
  EndCount = 5,
  /** 1 behind an unconditional branch. */
  Unreachable = 6,
  /** Height of the stack of initialised locals at its start. */
  InitHeight = 7,
}
export const FRAME_WORDS_LOG2 = 3

export class ValidationStack extends InstrReader {
  readonly state: ModuleState
  readonly classes: Uint8Array

  /** Set by `usePool`. */
  pool = new Int32Array(0)
  /** First of the words for single result types in `pool`. */
  protected singles = 0

  stack = new Int32Array(256)
  sp = 0
  protected frames = new Int32Array(32 << FRAME_WORDS_LOG2)
  depth = 0
  /** `Frame.Height` and `Frame.Unreachable` of the innermost frame. */
  height = 0
  unreachable = false

  /** Height of the stack of initialised locals (validate.ts); part of a frame. */
  protected initTop = 0

  constructor(bytes: Uint8Array, state: ModuleState) {
    super(bytes)
    this.state = state
    this.features = state.features
    this.classes = opClasses(state.features)
  }

  /** Takes over the signatures of the type section, which is complete. */
  usePool(): void {
    this.singles = this.state.signaturesEnd
    this.pool = growInt32(this.state.signatures, this.singles + 32)
  }

  // Operand stack

  push(type: number): void {
    if (this.sp === this.stack.length) this.growStack(this.sp + 1)
    this.stack[this.sp++] = type
  }

  private growStack(needed: number): void {
    this.limit(needed, MAX_OPERANDS, 'operands')
    this.stack = growInt32(this.stack, needed, MAX_OPERANDS)
  }

  /** Takes an operand of type `expected` from the stack; returns its own type, which may be a subtype or bottom. */
  pop(expected: number): number {
    const sp = this.sp - 1
    if (sp >= this.height) {
      const type = this.stack[sp]
      if (type === expected || matches(type as CanonType, expected as CanonType)) {
        this.sp = sp
        return type
      }
    } else if (this.unreachable) return T.Bottom
    this.mismatch(this.text(expected))
  }

  /** Takes an operand of any type. */
  popAny(): number {
    if (this.sp > this.height) return this.stack[--this.sp]
    if (!this.unreachable) this.mismatch('a value')
    return T.Bottom
  }

  /** Takes a reference of any type; `REF_BOTTOM` if its type is unknown. */
  popRef(): CanonType {
    const type = this.popAny()
    if (type === T.Bottom) return REF_BOTTOM as CanonType
    if (!isRef(type)) {
      this.sp++
      this.mismatch('a reference')
    }
    return type as CanonType
  }

  /** Whether the types of the list are on top of the stack; returns the stack pointer without them. */
  checkTypes(at: number, count: number): number {
    const { pool, stack, height } = this
    let sp = this.sp
    for (let i = count - 1; i >= 0; i--) {
      if (sp > height) {
        const type = stack[--sp]
        const expected = pool[at + i]
        if (type !== expected && !matches(type as CanonType, expected as CanonType)) this.listMismatch(at, count)
      } else if (this.unreachable) break
      else this.listMismatch(at, count)
    }
    return sp
  }

  popTypes(at: number, count: number): void {
    this.sp = this.checkTypes(at, count)
  }

  pushTypes(at: number, count: number): void {
    const { pool } = this
    let sp = this.sp
    if (sp + count > this.stack.length) this.growStack(sp + count)
    for (let i = 0; i < count; i++) this.stack[sp++] = pool[at + i]
    this.sp = sp
  }

  /** The rest of the block is unreachable. */
  setUnreachable(): void {
    this.sp = this.height
    this.unreachable = true
  }

  // Control frames

  pushFrame(op: Op, startAt: number, startCount: number, endAt: number, endCount: number): void {
    let at = this.depth << FRAME_WORDS_LOG2
    if (at === this.frames.length) {
      this.limit(this.depth + 1, MAX_NESTING, 'nested blocks')
      this.frames = growInt32(this.frames, at + 1, MAX_NESTING << FRAME_WORDS_LOG2)
    }
    const { frames } = this
    if (at > 0) frames[at - (1 << FRAME_WORDS_LOG2) + Frame.Unreachable] = this.unreachable ? 1 : 0
    frames[at++] = op
    frames[at++] = this.height = this.sp
    frames[at++] = startAt
    frames[at++] = startCount
    frames[at++] = endAt
    frames[at++] = endCount
    frames[at++] = 0
    frames[at] = this.initTop
    this.depth++
    this.unreachable = false
    this.pushTypes(startAt, startCount)
  }

  /** A word of the frame `label` levels out. */
  frame(label: number, word: Frame): number {
    return this.frames[((this.depth - 1 - label) << FRAME_WORDS_LOG2) + word]
  }

  /** The place in `pool` for the result of a block with one result, about to be entered. */
  single(type: number): number {
    const at = this.singles + this.depth
    if (at >= this.pool.length) this.pool = growInt32(this.pool, at + 1)
    this.pool[at] = type
    return at
  }

  /** Reads a label: the frame it means, counted from the innermost. */
  label(): number {
    const label = this.u32()
    if (label >= this.depth) this.invalid(`unknown label ${label}`)
    return label
  }

  labelAt(label: number): number {
    return this.frame(label, this.frame(label, Frame.Op) === Op.Loop ? Frame.StartAt : Frame.EndAt)
  }

  labelCount(label: number): number {
    return this.frame(label, this.frame(label, Frame.Op) === Op.Loop ? Frame.StartCount : Frame.EndCount)
  }

  /** Caches the words of the frame that became the innermost one. */
  protected restoreFrame(): void {
    this.height = this.frame(0, Frame.Height)
    this.unreachable = this.frame(0, Frame.Unreachable) !== 0
  }

  /** Whether the types from `a` match those from `b`. */
  subtypes(a: number, b: number, count: number): boolean {
    for (let i = 0; i < count; i++)
      if (!matches(this.pool[a + i] as CanonType, this.pool[b + i] as CanonType)) return false
    return true
  }

  // Types in the bytes

  /** Reads a value type; canonical. */
  checkedValType(): CanonType {
    return this.checked(this.valType())
  }

  /** Reads a heap type; the canonical reference type to it. */
  checkedHeapType(nullable: boolean): CanonType {
    return this.checked(this.heapType(nullable))
  }

  /** Canonical form of a type just read, whose type index must exist. */
  checked(type: ValType): CanonType {
    const { state } = this
    if ((type & (Ref.Flag | Ref.Concrete)) === (Ref.Flag | Ref.Concrete) && typeIndexOf(type) >= state.types.length)
      this.invalid(`unknown type ${typeIndexOf(type)}`)
    return state.canonOf(type)
  }

  // Errors

  /** Name of the instruction at `at`. */
  protected instruction(): string {
    const reader = new InstrReader(this.bytes, this.at)
    return opcodeById(reader.opcode())?.[1] ?? 'instruction'
  }

  /** Text of a canonical type, concrete types by their index in the module. */
  text(type: number): string {
    return typeText(type, (id) => {
      const index = this.state.canon.subarray(0, this.state.types.length).indexOf(id)
      return index < 0 ? `type#${id}` : String(index)
    })
  }

  listText(at: number, count: number): string {
    return `[${Array.from(this.pool.subarray(at, at + count), (t) => this.text(t)).join(' ')}]`
  }

  mismatch(expected: string): never {
    const found = this.sp > this.height ? this.text(this.stack[this.sp - 1]) : 'nothing'
    this.invalid(`type mismatch: expected ${expected}, found ${found} in ${this.instruction()}`)
  }

  private listMismatch(at: number, count: number): never {
    const from = Math.max(this.height, this.sp - count)
    const stack = Array.from(this.stack.subarray(from, this.sp), (t) => this.text(t))
    const wanted = this.listText(at, count)
    this.invalid(
      `type mismatch: instruction requires ${wanted} but stack has [${stack.join(' ')}] in ${this.instruction()}`,
    )
  }
}
