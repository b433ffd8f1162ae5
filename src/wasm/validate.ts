// The validation algorithm (spec 3.0, appendix "Validation Algorithm"), in place on the bytes of a module.
//
// The operand stack is an Int32Array of canonical types, `T.Bottom` for the unknown types of unreachable code. A control frame
// is a record of FRAME_WORDS words in `frames`. Lists of types (parameters, results, label types) are ranges of `pool`: the
// signatures of the module's function types, and behind them one word per nesting depth for blocks with a single result type.
// Validating an instruction allocates nothing.

import { growInt32 } from '../util/grow.ts'
import { matches, REF_BOTTOM, typeText } from './canonical.ts'
import { Feature } from './features.ts'
import { FIRST_PREFIX, InstrReader } from './instr-reader.ts'
import { MAX_LOCALS, MAX_NESTING, MAX_OPERANDS } from './limits.ts'
import { OP_LANES, OP_OPERANDS, OP_RESULTS, OpClass, opClasses, Sig } from './op-tables.ts'
import { Op } from './op.gen.ts'
import { opcodeById } from './opcodes.ts'
import type { ModuleState } from './state.ts'
import { type CanonType, isNullable, isRef, Ref, T, typeIndexOf, type ValType } from './types.ts'
import * as control from './validate-control.ts'
import * as gc from './validate-gc.ts'
import * as memory from './validate-memory.ts'

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
const FRAME_WORDS_LOG2 = 3

/** Locals up to this index are looked up in a flat array, others by their run of equal types. */
const FLAT_LOCALS = 256

/** Instructions of constant expressions besides `end`; add, sub and mul belong to extended_const. */
const CONSTANT_OPS: readonly Op[] = [
  Op.I32Const,
  Op.I64Const,
  Op.F32Const,
  Op.F64Const,
  Op.V128Const,
  Op.GlobalGet,
  Op.RefNull,
  Op.RefFunc,
  Op.RefI31,
  Op.StructNew,
  Op.StructNewDefault,
  Op.ArrayNew,
  Op.ArrayNewDefault,
  Op.ArrayNewFixed,
  Op.AnyConvertExtern,
  Op.ExternConvertAny,
]
const EXTENDED_CONSTANT_OPS: readonly Op[] = [Op.I32Add, Op.I32Sub, Op.I32Mul, Op.I64Add, Op.I64Sub, Op.I64Mul]

const IS_CONSTANT = new Uint8Array(0x600)
for (const op of CONSTANT_OPS) IS_CONSTANT[op] = 1
for (const op of EXTENDED_CONSTANT_OPS) IS_CONSTANT[op] = 2
IS_CONSTANT[Op.End] = 1

const isNonDefaultable = (t: number): boolean => (t & (Ref.Flag | Ref.Nullable)) === Ref.Flag

export class Validator extends InstrReader {
  readonly state: ModuleState
  readonly classes: Uint8Array

  /** Set by `usePool`. */
  pool = new Int32Array(0)
  /** First of the words for single result types in `pool`. */
  private singles = 0

  stack = new Int32Array(256)
  sp = 0
  private frames = new Int32Array(32 << FRAME_WORDS_LOG2)
  depth = 0
  /** `Frame.Height` and `Frame.Unreachable` of the innermost frame. */
  height = 0
  unreachable = false

  private constant = false

  private localCount = 0
  private paramCount = 0
  private readonly flatLocals = new Int32Array(FLAT_LOCALS)
  /** Runs of locals of one type: index behind the run, type. */
  private runEnds = new Int32Array(16)
  private runTypes = new Int32Array(16)
  private runs = 0
  /** By local without default value: `serial` of the function in which it is initialised here. Empty until one is declared. */
  private initialised = new Int32Array(0)
  private serial = 0
  /** Locals initialised since the function began, to be undone at the ends of blocks. */
  private initStack = new Int32Array(16)
  private initTop = 0

  constructor(bytes: Uint8Array, state: ModuleState) {
    super(bytes)
    this.state = state
    this.classes = opClasses(state.features)
  }

  /** Takes over the signatures of the type section, which is complete. */
  usePool(): void {
    this.singles = this.state.signaturesEnd
    this.pool = growInt32(this.state.signatures, this.singles + 32)
  }

  /**
   * Sets `end` to the end of a section of `size` bytes at `pos`. A section that goes on behind the end of the bytes is read as
   * far as it goes: the first error in it counts, and this one only if there is none.
   */
  beginSection(size: number): void {
    const rest = this.bytes.length - this.pos
    this.end = this.pos + Math.min(size, rest)
    if (size > rest) this.truncated = `length out of bounds: section of ${size} bytes, ${rest} are left`
  }

  endSection(id: number): void {
    if (this.truncated !== undefined) this.unexpectedEnd(this.end)
    if (this.pos === this.end) return
    this.malformed(`section size mismatch: section ${id} ${this.pos < this.end ? 'goes on' : 'is over'}`)
  }

  /** Validates the body of a function of type `typeIndex` from `pos` to `end`: local declarations, then instructions. */
  functionBody(typeIndex: number): void {
    const signature = this.state.signatureAt[typeIndex]
    const params = this.pool[signature]
    const results = this.pool[signature + 1]
    this.declareLocals(signature + 2, params)
    this.constant = false
    this.begin(signature + 2 + params, results)
    this.run()
    if (this.pos !== this.end) this.malformed('section size mismatch: function body goes on behind its end', this.pos)
  }

  /** Validates the constant expression at `pos`, which must give an `expected`. */
  constantExpression(expected: CanonType): void {
    this.constant = true
    this.pool[this.singles] = expected
    this.begin(this.singles, 1)
    this.run()
  }

  private begin(endAt: number, endCount: number): void {
    this.sp = 0
    this.depth = 0
    this.initTop = 0
    this.pushFrame(Op.Block, 0, 0, endAt, endCount)
  }

  // Locals

  private declareLocals(paramsAt: number, params: number): void {
    this.serial++
    this.runs = 0
    this.localCount = 0
    for (let i = 0; i < params; i++) this.addRun(1, this.pool[paramsAt + i])
    this.paramCount = params
    this.at = this.pos
    for (let groups = this.u32(); groups > 0; groups--) {
      this.at = this.pos
      if (this.pos >= this.end) this.missingEnd()
      const count = this.u32()
      const type = this.checkedValType()
      if (this.localCount + count > 0xffff_ffff) this.malformed('too many locals', this.at)
      this.addRun(count, type)
    }
    this.limit(this.localCount, MAX_LOCALS, 'locals')
  }

  private addRun(count: number, type: number): void {
    const start = this.localCount
    const end = start + count
    this.localCount = end
    if (start < FLAT_LOCALS) this.flatLocals.fill(type, start, Math.min(end, FLAT_LOCALS))
    if (count === 0 || end > MAX_LOCALS) return
    const last = this.runs - 1
    if (last >= 0 && this.runTypes[last] === type) {
      this.runEnds[last] = end
    } else {
      this.runEnds = growInt32(this.runEnds, this.runs + 1)
      this.runTypes = growInt32(this.runTypes, this.runs + 1)
      this.runEnds[this.runs] = end
      this.runTypes[this.runs++] = type
    }
    if (isNonDefaultable(type)) this.initialised = growInt32(this.initialised, end)
  }

  /** Reads a local index; its type is returned, the index left in `local`. */
  private local = 0
  private localType(): number {
    const index = this.u32()
    if (index >= this.localCount) this.invalid(`unknown local ${index}`)
    this.local = index
    if (index < FLAT_LOCALS) return this.flatLocals[index]
    let low = 0
    let high = this.runs - 1
    while (low < high) {
      const mid = (low + high) >>> 1
      if (this.runEnds[mid] <= index) low = mid + 1
      else high = mid
    }
    return this.runTypes[low]
  }

  private localGet(): void {
    const type = this.localType()
    const index = this.local
    if (isNonDefaultable(type) && index >= this.paramCount && this.initialised[index] !== this.serial)
      this.invalid(`uninitialized local ${index}`)
    this.push(type)
  }

  private localSet(type: number): void {
    this.pop(type)
    const index = this.local
    if (!isNonDefaultable(type) || index < this.paramCount || this.initialised[index] === this.serial) return
    this.initialised[index] = this.serial
    this.initStack = growInt32(this.initStack, this.initTop + 1)
    this.initStack[this.initTop++] = index
  }

  private resetLocals(height: number): void {
    while (this.initTop > height) this.initialised[this.initStack[--this.initTop]] = 0
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

  /** Takes the results of the innermost block, which must be all that it left on the stack. */
  private finishBlock(): void {
    this.popTypes(this.frame(0, Frame.EndAt), this.frame(0, Frame.EndCount))
    if (this.sp !== this.height) {
      const extra = this.sp - this.height
      this.invalid(`type mismatch: ${extra} superfluous value${extra === 1 ? '' : 's'} at the end of the block`)
    }
    this.resetLocals(this.frame(0, Frame.InitHeight))
  }

  private else(): void {
    if (this.frame(0, Frame.Op) !== Op.If) this.malformed('END opcode expected: else without if', this.at)
    this.finishBlock()
    this.depth--
    this.restoreFrame()
    const at = this.depth << FRAME_WORDS_LOG2
    const { frames } = this
    this.pushFrame(
      Op.Else,
      frames[at + Frame.StartAt],
      frames[at + Frame.StartCount],
      frames[at + Frame.EndAt],
      frames[at + Frame.EndCount],
    )
  }

  private end_(): void {
    this.finishBlock()
    const endAt = this.frame(0, Frame.EndAt)
    const endCount = this.frame(0, Frame.EndCount)
    if (this.frame(0, Frame.Op) === Op.If) this.checkMissingElse(endAt, endCount)
    if (--this.depth === 0) return
    this.restoreFrame()
    this.pushTypes(endAt, endCount)
  }

  /** Caches the words of the frame that became the innermost one. */
  private restoreFrame(): void {
    this.height = this.frame(0, Frame.Height)
    this.unreachable = this.frame(0, Frame.Unreachable) !== 0
  }

  /** An `if` without `else` hands its parameters on as results. */
  private checkMissingElse(endAt: number, endCount: number): void {
    const startAt = this.frame(0, Frame.StartAt)
    const startCount = this.frame(0, Frame.StartCount)
    if (startCount === endCount && this.subtypes(startAt, endAt, endCount)) return
    const given = this.listText(startAt, startCount)
    this.invalid(`type mismatch: if without else gives ${given}, not ${this.listText(endAt, endCount)}`)
  }

  /** Whether the types from `a` match those from `b`. */
  subtypes(a: number, b: number, count: number): boolean {
    for (let i = 0; i < count; i++)
      if (!matches(this.pool[a + i] as CanonType, this.pool[b + i] as CanonType)) return false
    return true
  }

  // The loop

  private run(): void {
    const { bytes, classes } = this
    do {
      const pos = this.pos
      if (pos >= this.end) this.missingEnd()
      this.at = pos
      this.pos = pos + 1
      let op = bytes[pos]
      if (op >= FIRST_PREFIX && op !== 0xff) op = this.prefixed(op)
      if (this.constant && classes[op] !== OpClass.Illegal) this.checkConstant(op)
      switch (op as Op) {
        case Op.LocalGet:
          this.localGet()
          break
        case Op.LocalSet:
          this.localSet(this.localType())
          break
        case Op.LocalTee: {
          const type = this.localType()
          this.localSet(type)
          this.push(type)
          break
        }
        case Op.I32Const:
          this.s32()
          this.push(T.I32)
          break
        case Op.I64Const:
          this.s64()
          this.push(T.I64)
          break
        case Op.F32Const:
          this.skipBytes(4)
          this.push(T.F32)
          break
        case Op.F64Const:
          this.skipBytes(8)
          this.push(T.F64)
          break
        case Op.Nop:
          break
        case Op.Drop:
          this.popAny()
          break
        case Op.Else:
          this.else()
          break
        case Op.End:
          this.end_()
          break
        default:
          switch (classes[op]) {
            case OpClass.Plain:
              this.plain(op)
              break
            case OpClass.Access:
              this.access(op)
              break
            case OpClass.Special:
              this.special(op)
              break
            default:
              this.illegalOpcode()
          }
      }
    } while (this.depth > 0)
  }

  private plain(op: number): void {
    for (let operands = OP_OPERANDS[op]; operands !== 0; operands >>>= 4) this.popNumber(Sig.Base - (operands & 15))
    for (let results = OP_RESULTS[op]; results !== 0; results >>>= 4) this.push(Sig.Base - (results & 15))
  }

  /** `pop` for types without subtypes: mostly one comparison. */
  private popNumber(type: number): void {
    const sp = this.sp - 1
    if (sp >= this.height && this.stack[sp] === type) this.sp = sp
    else this.pop(type)
  }

  private access(op: number): void {
    const address = memory.memoryAccess(this, op)
    if (OP_LANES[op] !== 0) this.lane(OP_LANES[op])
    for (let operands = OP_OPERANDS[op]; operands !== 0; operands >>>= 4) {
      const nibble = operands & 15
      this.popNumber(nibble === Sig.Address ? address : Sig.Base - nibble)
    }
    for (let results = OP_RESULTS[op]; results !== 0; results >>>= 4) this.push(Sig.Base - (results & 15))
  }

  /** Reads a lane index below `lanes`. */
  lane(lanes: number): void {
    const lane = this.u8()
    if (lane >= lanes) this.invalid(`invalid lane index ${lane}, there are ${lanes}`)
  }

  private special(op: number): void {
    if (op < 0x100) {
      if (op < Op.RefNull) {
        if (op < Op.MemorySize && op !== Op.TableGet && op !== Op.TableSet) control.validateControl(this, op)
        else memory.validateMemory(this, op)
      } else gc.validateReference(this, op)
    } else if (op < 0x200) gc.validateGc(this, op)
    else if (op < 0x300) memory.validateMemory(this, op)
    else if (op < 0x500) memory.validateVector(this, op)
    else this.fence()
  }

  private checkConstant(op: number): void {
    const allowed = IS_CONSTANT[op]
    if (allowed === 1 || (allowed === 2 && (this.state.features & Feature.ExtendedConst) !== 0)) return
    this.invalid(`constant expression required: ${this.instruction()} is not constant`)
  }

  /** global.get in a constant expression: only immutable globals. */
  checkConstantGlobal(index: number, mutable: boolean): void {
    if (this.constant && mutable) this.invalid(`constant expression required: global ${index} is mutable`)
  }

  get inConstant(): boolean {
    return this.constant
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

  /** The part being read is over without `end`. */
  private missingEnd(): never {
    if (this.constant || this.end >= this.bytes.length) this.unexpectedEnd(this.end)
    if (this.bytes[this.end] === Op.End)
      this.malformed('section size mismatch: function body is longer than its size', this.end)
    this.malformed('END opcode expected: function body is over', this.end)
  }

  /** Name of the instruction at `at`. */
  private instruction(): string {
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

/** Whether a value type has a default value (zero or null). */
export const isDefaultable = (type: number): boolean => !isRef(type) || isNullable(type)
