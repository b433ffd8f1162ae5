// Evaluation of constant expressions (validated). The operand stack lies in RS above the stack top, and is below CTX[Ctx.Top] while
// something is allocated: a collection sees it.

import { bug } from '../util/bug.ts'
import { Op } from '../wasm/op.gen.ts'
import { ByteReader } from '../wasm/reader.ts'
import type { ConstExpr } from '../wasm/module.ts'
import { T } from '../wasm/types.ts'
import { stackTop } from './activation.ts'
import { storeField } from './heap-values.ts'
import { GLOBAL_WORDS } from './global.ts'
import type { Instance } from './instance.ts'
import { ARRAY_DATA, arrayLayout, structLayout } from './layout.ts'
import { CTX, Ctx, R, RQ, RU8, STACK_SLOTS, TrapCode } from './machine.ts'
import { Trap } from './trap.ts'

/** First opcode ids of the two prefixes that occur (`PREFIX_BASE`; its table is not loaded for this). */
const enum Prefix {
  Gc = 0xfb,
  GcBase = 0x100,
  Vector = 0xfd,
  VectorBase = 0x300,
}

/** Evaluates; returns the slot of the value in RS, valid until anything else uses the stack. May trap. */
export function evaluateConst(instance: Instance, expr: ConstExpr): number {
  const savedTop = CTX[Ctx.Top]
  const base = stackTop()
  try {
    new Evaluation(instance, expr, base).run()
  } finally {
    CTX[Ctx.Top] = savedTop
  }
  return base
}

class Evaluation {
  private readonly instance: Instance
  private readonly reader: ByteReader
  /** First free slot. */
  private top: number

  constructor(instance: Instance, expr: ConstExpr, base: number) {
    this.instance = instance
    this.reader = new ByteReader(instance.module.bytes, expr.start, expr.end)
    this.top = base
  }

  run(): void {
    const r = this.reader
    for (;;) {
      const byte = r.u8()
      const op =
        byte === Prefix.Gc ? Prefix.GcBase + r.u32() : byte === Prefix.Vector ? Prefix.VectorBase + r.u32() : byte
      switch (op as Op) {
        case Op.End:
          return
        case Op.I32Const:
          this.pushWord(r.s32())
          break
        case Op.I64Const:
          r.s64()
          this.pushWord(r.low, r.high)
          break
        case Op.F32Const:
          this.pushBytes(4)
          break
        case Op.F64Const:
          this.pushBytes(8)
          break
        case Op.V128Const:
          this.pushBytes(16)
          break
        case Op.I32Add:
        case Op.I32Sub:
        case Op.I32Mul:
          this.i32Binary(op)
          break
        case Op.I64Add:
        case Op.I64Sub:
        case Op.I64Mul:
          this.i64Binary(op)
          break
        case Op.GlobalGet:
          this.globalGet(r.u32())
          break
        case Op.RefNull:
          r.s33()
          this.pushWord(0)
          break
        case Op.RefFunc:
          this.pushWord((this.instance.funcIds[r.u32()] << 3) | 2)
          break
        case Op.RefI31:
          R[(this.top - 1) << 1] = (R[(this.top - 1) << 1] << 1) | 1
          break
        case Op.AnyConvertExtern:
        case Op.ExternConvertAny:
          // The same word on both sides.
          break
        case Op.StructNew:
          this.structNew(this.typeId(), true)
          break
        case Op.StructNewDefault:
          this.structNew(this.typeId(), false)
          break
        case Op.ArrayNew:
          this.arrayNew(this.typeId(), true)
          break
        case Op.ArrayNewDefault:
          this.arrayNew(this.typeId(), false)
          break
        case Op.ArrayNewFixed:
          this.arrayNewFixed(this.typeId(), r.u32())
          break
        default:
          bug(`opcode 0x${op.toString(16)} in a constant expression`)
      }
    }
  }

  private typeId(): number {
    return this.instance.module.canon[this.reader.u32()]
  }

  /** Takes `slots` free slots and returns the first. */
  private push(slots: number): number {
    const slot = this.top
    if (slot + slots > STACK_SLOTS) throw new Trap(TrapCode.StackExhausted)
    this.top = slot + slots
    CTX[Ctx.Top] = this.top
    return slot
  }

  private pushWord(low: number, high = 0): void {
    const slot = this.push(1)
    R[slot << 1] = low
    R[(slot << 1) + 1] = high
  }

  private pushBytes(count: number): void {
    const slot = this.push(count === 16 ? 2 : 1)
    const { bytes, pos } = this.reader
    for (let i = 0; i < count; i++) RU8[(slot << 3) + i] = bytes[pos + i]
    this.reader.skipBytes(count)
  }

  private i32Binary(op: Op): void {
    this.top--
    const b = R[this.top << 1]
    const at = (this.top - 1) << 1
    if (op === Op.I32Add) R[at] += b
    else if (op === Op.I32Sub) R[at] -= b
    else R[at] = Math.imul(R[at], b)
  }

  private i64Binary(op: Op): void {
    this.top--
    const b = RQ[this.top]
    const at = this.top - 1
    if (op === Op.I64Add) RQ[at] += b
    else if (op === Op.I64Sub) RQ[at] -= b
    else RQ[at] *= b
  }

  private globalGet(index: number): void {
    const { cells, at, type } = this.instance.globals[index]
    const slot = this.push(type === T.V128 ? 2 : 1)
    for (let i = 0, words = type === T.V128 ? GLOBAL_WORDS : 2; i < words; i++) R[(slot << 1) + i] = cells[at + i]
  }

  private structNew(typeId: number, withFields: boolean): void {
    const { heap } = this.instance.store
    const ref = heap.allocStruct(typeId) || this.tooLarge()
    if (withFields) {
      const { offsets, types } = structLayout(typeId)
      for (let i = 0; i < types.length; i++) this.top -= types[i] === T.V128 ? 2 : 1
      let slot = this.top
      for (let i = 0; i < types.length; i++) slot = storeField(heap, ref + offsets[i], types[i], slot)
    }
    this.pushWord(ref)
  }

  private arrayNew(typeId: number, withValue: boolean): void {
    const { heap } = this.instance.store
    const length = R[(this.top - 1) << 1]
    const ref = heap.allocArray(typeId, length) || this.tooLarge()
    const { type, sizeLog2 } = arrayLayout(typeId)
    this.top--
    if (withValue) {
      this.top -= type === T.V128 ? 2 : 1
      for (let i = 0; i < length; i++) storeField(heap, ref + ARRAY_DATA + (i << sizeLog2), type, this.top)
    }
    this.pushWord(ref)
  }

  private arrayNewFixed(typeId: number, count: number): void {
    const { heap } = this.instance.store
    const ref = heap.allocArray(typeId, count) || this.tooLarge()
    const { type, sizeLog2 } = arrayLayout(typeId)
    this.top -= type === T.V128 ? 2 * count : count
    let slot = this.top
    for (let i = 0; i < count; i++) slot = storeField(heap, ref + ARRAY_DATA + (i << sizeLog2), type, slot)
    this.pushWord(ref)
  }

  private tooLarge(): never {
    throw new Trap(TrapCode.AllocationTooLarge)
  }
}
