// Validation of function bodies and constant expressions: locals, the ends of blocks, and the loop over the instructions, in
// place on the bytes of a module. Families of instructions are in validate-control.ts, validate-memory.ts and validate-gc.ts.
// Validating an instruction allocates nothing.

import { growInt32 } from '../util/grow.ts'
import { Feature } from './features.ts'
import { FIRST_PREFIX } from './instr-reader.ts'
import { MAX_LOCALS } from './limits.ts'
import { OP_LANES, OP_OPERANDS, OP_RESULTS, OpClass, Sig } from './op-tables.ts'
import { Op } from './op.gen.ts'
import { type CanonType, isNullable, isRef, Ref, T } from './types.ts'
import * as control from './validate-control.ts'
import * as gc from './validate-gc.ts'
import * as memory from './validate-memory.ts'
import { Frame, FRAME_WORDS_LOG2, ValidationStack } from './validate-stack.ts'

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

export class Validator extends ValidationStack {
  private constant = false

  private localCount = 0
  /** The local index read last. */
  private local = 0
  private paramCount = 0
  private readonly flatLocals = new Int32Array(FLAT_LOCALS)
  /** Runs of locals of one type: index behind the run, type. */
  private runEnds = new Int32Array(16)
  private runTypes = new Int32Array(16)
  private runs = 0
  /** By local without default value: `serial` of the function in which it is initialised here. Empty until one is declared. */
  private initialised = new Int32Array(0)
  private serial = 0
  /** The first `initTop` are the locals initialised since the function began, to be undone at the ends of blocks. */
  private initStack = new Int32Array(16)

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

  // Ends of blocks

  /** Takes the results of the innermost block, which must be all that it left on the stack. */
  private finishBlock(): void {
    this.popTypes(this.frame(0, Frame.EndAt), this.frame(0, Frame.EndCount))
    if (this.sp !== this.height) {
      const extra = this.sp - this.height
      this.invalid(`type mismatch: ${extra} superfluous value${extra === 1 ? '' : 's'} at the end of the block`)
    }
    this.resetLocals(this.frame(0, Frame.InitHeight))
  }

  private elseBranch(): void {
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

  private endBlock(): void {
    this.finishBlock()
    const endAt = this.frame(0, Frame.EndAt)
    const endCount = this.frame(0, Frame.EndCount)
    if (this.frame(0, Frame.Op) === Op.If) this.checkMissingElse(endAt, endCount)
    if (--this.depth === 0) return
    this.restoreFrame()
    this.pushTypes(endAt, endCount)
  }

  /** An `if` without `else` hands its parameters on as results. */
  private checkMissingElse(endAt: number, endCount: number): void {
    const startAt = this.frame(0, Frame.StartAt)
    const startCount = this.frame(0, Frame.StartCount)
    if (startCount === endCount && this.subtypes(startAt, endAt, endCount)) return
    const given = this.listText(startAt, startCount)
    this.invalid(`type mismatch: if without else gives ${given}, not ${this.listText(endAt, endCount)}`)
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
          this.elseBranch()
          break
        case Op.End:
          this.endBlock()
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

  /** The part being read is over without `end`. */
  private missingEnd(): never {
    if (this.constant || this.end >= this.bytes.length) this.unexpectedEnd(this.end)
    if (this.bytes[this.end] === Op.End)
      this.malformed('section size mismatch: function body is longer than its size', this.end)
    this.malformed('END opcode expected: function body is over', this.end)
  }
}

/** Whether a value type has a default value (zero or null). */
export const isDefaultable = (type: number): boolean => !isRef(type) || isNullable(type)
