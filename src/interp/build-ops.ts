// Translation of everything but control, locals and calls: constants, numeric instructions with their fusions, memory, tables,
// references, GC, exceptions. What has no op in the loop becomes a cold op; README.md fixes their words.

import { bug } from '../util/bug.ts'
import { Op } from '../wasm/op.gen.ts'
import { OPCODES, OP_COUNT } from '../wasm/opcodes.ts'
import { Cold, kindOf, type Translation } from './build.ts'
import { Kind } from './builder.ts'
import { CONSTANT_FORM, INDEXED_FORM, INVERSE_COMPARE, IR_OF_OP, IS_COMMUTATIVE, Ir } from './ir.gen.ts'

/** Signature columns by opcode id: operand count (0xff: not in the table's signature), result kind (0xff: none), two results. */
const OPERANDS = new Uint8Array(OP_COUNT).fill(0xff)
const RESULT = new Uint8Array(OP_COUNT).fill(0xff)
const IMMEDIATE = new Uint8Array(OP_COUNT)
const enum Immediate {
  None = 0,
  Memarg = 1,
  MemargLane = 2,
  Lane = 3,
  Vector = 4,
  Fence = 5,
}

for (const [id, , signature, imm] of OPCODES) {
  // memory.size and memory.grow have their own case: their index is read there.
  if (signature === '*' || imm === 'memory') continue
  const colon = signature.indexOf(':')
  OPERANDS[id] = colon
  if (colon + 1 < signature.length) RESULT[id] = 'ilfdv?a'.indexOf(signature[colon + 1])
  IMMEDIATE[id] =
    imm === 'memarg'
      ? Immediate.Memarg
      : imm === 'memarg_lane'
        ? Immediate.MemargLane
        : imm === 'lane'
          ? Immediate.Lane
          : imm === 'v128' || imm === 'shuffle'
            ? Immediate.Vector
            : imm === 'fence'
              ? Immediate.Fence
              : Immediate.None
}

export function translateOther(t: Translation, op: number): void {
  const { builder: b, reader: r } = t
  switch (op) {
    case Op.I32Const:
      return b.pushConstant(Kind.I32, r.i32(), 0)
    case Op.I64Const: {
      const low = r.i64()
      return b.pushConstant(Kind.I64, low, r.high)
    }
    case Op.F32Const:
      return b.pushConstant(Kind.F32, r.word(), 0)
    case Op.F64Const: {
      const low = r.word()
      return b.pushConstant(Kind.F64, low, r.word())
    }
    case Op.RefNull:
      r.heapType(true)
      return b.pushConstant(Kind.Ref, 0, 0)
    // The same bits under another type: a slot holds them as they are.
    case Op.I32WrapI64:
    case Op.I32ReinterpretF32:
      return b.retype(Kind.I32)
    case Op.F32ReinterpretI32:
      return b.retype(Kind.F32)
    case Op.I64ReinterpretF64:
      return b.retype(Kind.I64)
    case Op.F64ReinterpretI64:
      return b.retype(Kind.F64)
    case Op.Select:
    case Op.SelectTyped:
      if (op === Op.SelectTyped) for (let n = r.u32(); n > 0; n--) r.valueType()
      return select(t)
    case Op.GlobalGet:
    case Op.GlobalSet:
      return global(t, op)
    case Op.I64Add128:
    case Op.I64Sub128:
    case Op.I64MulWideS:
    case Op.I64MulWideU:
      return wide(t, op)
  }
  if (OPERANDS[op] !== 0xff) {
    if (IMMEDIATE[op] === Immediate.Memarg || IMMEDIATE[op] === Immediate.MemargLane) return memoryAccess(t, op)
    const ir = op < IR_OF_OP.length ? IR_OF_OP[op] : 0
    if (ir === 0) return cold(t, op, OPERANDS[op], RESULT[op])
    return OPERANDS[op] === 1 ? unary(t, ir, RESULT[op]) : binary(t, ir, RESULT[op])
  }
  return reference(t, op)
}

// ---- numeric ---------------------------------------------------------------------------------------------------------------

function unary(t: Translation, ir: number, result: Kind): void {
  const b = t.builder
  const i = b.depth - 1
  if (ir === Ir.I32Eqz && b.isFresh(i) && b.lastResult === b.lastStart + 1) {
    // eqz of an integer compare is the opposite compare.
    const compare = b.words[b.lastStart]
    if (compare < INVERSE_COMPARE.length && INVERSE_COMPARE[compare] !== 0) {
      b.words[b.lastStart] = INVERSE_COMPARE[compare]
      return
    }
  }
  const a = b.register(i)
  b.pop()
  const d = b.push(result)
  b.op(ir)
  b.result(d)
  b.word(a)
}

/** Whether operand i is a constant that the constant form can take; leaves it in `low`/`high` as that form wants it. */
function takesConstant(t: Translation, ir: number, i: number): boolean {
  const b = t.builder
  if (!b.isConstant(i)) return false
  switch (ir) {
    case Ir.I32DivU:
    case Ir.I32RemU:
    case Ir.I32RemS:
      return b.low[i] !== 0
    case Ir.I32DivS:
      return b.low[i] !== 0 && b.low[i] !== -1
    default:
      return true
  }
}

/** The op with a constant form that does the same with another constant (x - k = x + -k); changes the constant of entry i. */
function rewriteConstant(t: Translation, ir: number, i: number): number {
  const b = t.builder
  switch (ir) {
    case Ir.I32Sub:
      b.low[i] = -b.low[i] | 0
      return Ir.I32Add
    case Ir.I32Rotr:
      b.low[i] = (32 - b.low[i]) & 31
      return Ir.I32Rotl
    case Ir.I64Sub: {
      const low = b.low[i]
      b.low[i] = -low | 0
      b.high[i] = (~b.high[i] + (low === 0 ? 1 : 0)) | 0
      return Ir.I64Add
    }
    case Ir.I64Rotr:
      b.low[i] = (64 - b.low[i]) & 63
      return Ir.I64Rotl
    default:
      return ir
  }
}

function binary(t: Translation, ir: number, result: Kind): void {
  const b = t.builder
  let left = b.depth - 2
  let right = b.depth - 1
  if (IS_COMMUTATIVE[ir] !== 0 && b.isConstant(left) && !b.isConstant(right)) {
    left = b.depth - 1
    right = b.depth - 2
  }
  if (takesConstant(t, ir, right)) {
    const op = rewriteConstant(t, ir, right)
    const form = CONSTANT_FORM[op]
    if (form !== 0) {
      const wide = b.kind[right] === Kind.I64
      const low = b.low[right]
      const high = b.high[right]
      const a = b.register(left)
      b.popMany(2)
      const d = b.push(result)
      b.op(form)
      b.result(d)
      b.word(a)
      b.word(low)
      if (wide) b.word(high)
      return
    }
  }
  const a = b.register(left)
  const c = b.register(right)
  if (fuseBinary(t, ir, left, right)) return
  b.popMany(2)
  const d = b.push(result)
  b.op(ir)
  b.result(d)
  b.word(a)
  b.word(c)
}

/** x + (y << k), x + y * z and x - y * z as one instruction, when the inner one was the last. */
function fuseBinary(t: Translation, ir: number, left: number, right: number): boolean {
  const b = t.builder
  const inner = ir === Ir.I32Add ? Ir.I32ShlK : ir === Ir.F64Add || ir === Ir.F64Sub ? Ir.F64Mul : -1
  if (inner < 0 || b.words[b.lastStart] !== inner) return false
  const fused = b.isFresh(right) ? right : ir !== Ir.F64Sub && b.isFresh(left) ? left : -1
  if (fused < 0) return false
  const other = b.loc[fused === right ? left : right]
  const first = b.words[b.lastStart + 2]
  const second = b.words[b.lastStart + 3]
  const kind = b.kind[left]
  b.dropLast()
  b.popMany(2)
  const d = b.push(kind)
  b.op(ir === Ir.I32Add ? Ir.I32AddShl : ir === Ir.F64Add ? Ir.F64AddMul : Ir.F64SubMul)
  b.result(d)
  if (ir === Ir.I32Add) {
    b.word(other)
    b.word(first)
    b.word(second)
  } else {
    b.word(first)
    b.word(second)
    b.word(other)
  }
  return true
}

/** Two 64-bit results. */
function wide(t: Translation, op: number): void {
  const b = t.builder
  const count = OPERANDS[op]
  const registers = operandRegisters(t, count)
  b.popMany(count)
  const low = b.push(Kind.I64)
  const high = b.push(Kind.I64)
  b.op(Cold.Base + op)
  b.word(low)
  b.word(high)
  for (let i = 0; i < count; i++) b.word(registers[i])
}

function select(t: Translation): void {
  const b = t.builder
  const kind = b.kind[b.depth - 2]
  if (kind === Kind.V128) return selectVector(t)
  const condition = b.register(b.depth - 1)
  const whenZero = b.register(b.depth - 2)
  const otherwise = b.register(b.depth - 3)
  b.popMany(3)
  const d = b.push(kind)
  b.op(kind === Kind.I64 || kind === Kind.F64 ? Ir.Select64 : Ir.Select32)
  b.result(d)
  b.word(otherwise)
  b.word(whenZero)
  b.word(condition)
}

/** The first operand stays in place unless the condition is zero. */
function selectVector(t: Translation): void {
  const b = t.builder
  b.settle(b.depth - 3)
  b.settle(b.depth - 2)
  b.takeCondition()
  const skip = b.jumpIf()
  b.copyEntry(b.depth - 1, b.home[b.depth - 2])
  b.resolve(skip)
  b.pop()
}

function global(t: Translation, op: number): void {
  const { builder: b, reader: r, module } = t
  const index = r.u32()
  const kind = kindOf(module.globals[index].type)
  const imported = index < module.globals.length - module.globalDefs.length
  const words = kind === Kind.V128 ? 4 : kind === Kind.I64 || kind === Kind.F64 ? 2 : 1
  if (op === Op.GlobalGet) {
    const d = b.push(kind)
    b.op(imported || words === 4 ? Ir.GlobalGet : words === 2 ? Ir.GlobalGet64 : Ir.GlobalGet32)
    b.result(d)
  } else {
    const a = b.register(b.depth - 1)
    b.pop()
    b.op(imported || words === 4 ? Ir.GlobalSet : words === 2 ? Ir.GlobalSet64 : Ir.GlobalSet32)
    b.word(a)
  }
  if (imported || words === 4) {
    b.word(index)
    b.word(words)
  } else b.word(index << 2)
}

// ---- memory ------------------------------------------------------------------------------------------------------------------

function memoryAccess(t: Translation, op: number): void {
  const { builder: b, reader: r, module } = t
  const flags = r.u32()
  const memory = (flags & 0x40) !== 0 ? r.u32() : 0
  const low = r.u64()
  const high = r.high
  const count = OPERANDS[op]
  const ir = op < IR_OF_OP.length ? IR_OF_OP[op] : 0
  const plain = ir !== 0 && memory === 0 && !module.memories[0].address64
  if (plain && fuseAccess(t, ir, low)) return
  const registers = operandRegisters(t, count)
  const lane = IMMEDIATE[op] === Immediate.MemargLane ? r.u8() : -1
  b.popMany(count)
  const result = RESULT[op]
  const d = result === 0xff ? -1 : b.push(result)
  b.op(plain ? ir : Cold.Base + op)
  if (d >= 0) b.result(d)
  for (let i = 0; i < count; i++) b.word(registers[i])
  b.word(low)
  if (plain) return
  b.word(high)
  b.word(memory)
  if (lane >= 0) b.word(lane)
}

/** A load whose address is a fresh sum, or a store of a constant. */
function fuseAccess(t: Translation, ir: number, offset: number): boolean {
  const b = t.builder
  const i = b.depth - 1
  const indexed = INDEXED_FORM[ir]
  if (indexed !== 0 && b.isFresh(i) && b.words[b.lastStart] === Ir.I32Add) {
    const first = b.words[b.lastStart + 2]
    const second = b.words[b.lastStart + 3]
    const kind = ir === Ir.F64Load ? Kind.F64 : Kind.I32
    b.dropLast()
    b.pop()
    const d = b.push(kind)
    b.op(indexed)
    b.result(d)
    b.word(first)
    b.word(second)
    b.word(offset)
    return true
  }
  if ((ir === Ir.I32Store || ir === Ir.I32Store8) && b.isConstant(i)) {
    const value = b.low[i]
    const address = b.register(i - 1)
    b.popMany(2)
    b.op(CONSTANT_FORM[ir])
    b.word(address)
    b.word(value)
    b.word(offset)
    return true
  }
  return false
}

// ---- cold ops ------------------------------------------------------------------------------------------------------------------

const registerWords = new Int32Array(8)

/** Registers of the topmost entries in stack order; the array is reused. */
function operandRegisters(t: Translation, count: number): Int32Array {
  const b = t.builder
  for (let i = 0; i < count; i++) registerWords[i] = b.register(b.depth - count + i)
  return registerWords
}

/** Starts a cold op with its result and operand words; `result` 0xff means none. */
function coldOp(t: Translation, op: number, count: number, result: number): void {
  const b = t.builder
  const registers = operandRegisters(t, count)
  b.popMany(count)
  const d = result === 0xff ? -1 : b.push(result)
  b.op(Cold.Base + op)
  if (d >= 0) b.result(d)
  for (let i = 0; i < count; i++) b.word(registers[i])
}

/** A cold op by its table signature. */
function cold(t: Translation, op: number, count: number, result: number): void {
  const { builder: b, reader: r } = t
  coldOp(t, op, count, result)
  switch (IMMEDIATE[op]) {
    case Immediate.Lane:
      return b.word(r.u8())
    case Immediate.Vector:
      for (let i = 0; i < 4; i++) b.word(r.word())
      return
    case Immediate.Fence:
      r.u8()
  }
}

const NOTHING = 0xff

function reference(t: Translation, op: number): void {
  const { builder: b, reader: r, module } = t
  switch (op) {
    case Op.MemorySize: {
      const memory = r.u32()
      coldOp(t, op, 0, module.memories[memory].address64 ? Kind.I64 : Kind.I32)
      return b.word(memory)
    }
    case Op.MemoryGrow: {
      const memory = r.u32()
      coldOp(t, op, 1, module.memories[memory].address64 ? Kind.I64 : Kind.I32)
      return b.word(memory)
    }
    case Op.MemoryFill:
      coldOp(t, op, 3, NOTHING)
      return b.word(r.u32())
    case Op.MemoryCopy:
    case Op.MemoryInit:
    case Op.TableCopy:
    case Op.TableInit:
      coldOp(t, op, 3, NOTHING)
      b.word(r.u32())
      return b.word(r.u32())
    case Op.DataDrop:
    case Op.ElemDrop:
      coldOp(t, op, 0, NOTHING)
      return b.word(r.u32())
    case Op.TableGet:
      coldOp(t, op, 1, Kind.Ref)
      return b.word(r.u32())
    case Op.TableSet:
      coldOp(t, op, 2, NOTHING)
      return b.word(r.u32())
    case Op.TableSize: {
      const table = r.u32()
      coldOp(t, op, 0, module.tables[table].address64 ? Kind.I64 : Kind.I32)
      return b.word(table)
    }
    case Op.TableGrow: {
      const table = r.u32()
      coldOp(t, op, 2, module.tables[table].address64 ? Kind.I64 : Kind.I32)
      return b.word(table)
    }
    case Op.TableFill:
      coldOp(t, op, 3, NOTHING)
      return b.word(r.u32())
    case Op.RefFunc: {
      const d = b.push(Kind.Ref)
      b.op(Ir.RefFunc)
      b.result(d)
      return b.word(r.u32())
    }
    case Op.RefIsNull:
      return unary(t, Ir.RefIsNull, Kind.I32)
    case Op.RefAsNonNull:
      return unary(t, Ir.RefAsNonNull, Kind.Ref)
    case Op.RefEq:
      return binary(t, Ir.RefEq, Kind.I32)
    case Op.RefI31:
      return unary(t, Ir.RefI31, Kind.Ref)
    case Op.I31GetS:
      return unary(t, Ir.I31GetS, Kind.I32)
    case Op.I31GetU:
      return unary(t, Ir.I31GetU, Kind.I32)
    case Op.AnyConvertExtern:
    case Op.ExternConvertAny:
      // One representation for both hierarchies (machine.ts): nothing to do.
      return
    case Op.RefTest:
    case Op.RefTestNull:
      coldOp(t, op, 1, Kind.I32)
      return b.word(r.canonicalHeapType(module, op === Op.RefTestNull))
    case Op.RefCast:
    case Op.RefCastNull:
      coldOp(t, op, 1, Kind.Ref)
      return b.word(r.canonicalHeapType(module, op === Op.RefCastNull))
    case Op.Throw: {
      const tag = r.u32()
      const payload = t.params(module.tags[tag])
      const base = b.settleTop(payload.length)
      b.popMany(payload.length)
      b.op(Cold.Base + op)
      b.word(base)
      return b.word(tag)
    }
    case Op.ThrowRef:
      return coldOp(t, op, 1, NOTHING)
    default:
      return aggregate(t, op)
  }
}

/** struct.* and array.* */
function aggregate(t: Translation, op: number): void {
  const { builder: b, reader: r, module } = t
  const index = op === Op.ArrayLen ? -1 : r.u32()
  const type = index < 0 ? undefined : module.types[index]
  const id = index < 0 ? -1 : module.canon[index]
  switch (op) {
    case Op.StructNew: {
      if (type?.kind !== 'struct') bug('struct.new without a struct type')
      const count = type.fields.length
      const base = b.settleTop(count)
      b.popMany(count)
      const d = b.push(Kind.Ref)
      b.op(Cold.Base + op)
      b.result(d)
      b.word(base)
      return b.word(id)
    }
    case Op.StructNewDefault:
      coldOp(t, op, 0, Kind.Ref)
      return b.word(id)
    case Op.StructGet:
    case Op.StructGetS:
    case Op.StructGetU: {
      if (type?.kind !== 'struct') bug('struct.get without a struct type')
      const field = r.u32()
      coldOp(t, op, 1, kindOf(type.fields[field].type))
      b.word(id)
      return b.word(field)
    }
    case Op.StructSet:
      coldOp(t, op, 2, NOTHING)
      b.word(id)
      return b.word(r.u32())
    case Op.ArrayNew:
      coldOp(t, op, 2, Kind.Ref)
      return b.word(id)
    case Op.ArrayNewDefault:
      coldOp(t, op, 1, Kind.Ref)
      return b.word(id)
    case Op.ArrayNewFixed: {
      const count = r.u32()
      const base = b.settleTop(count)
      b.popMany(count)
      const d = b.push(Kind.Ref)
      b.op(Cold.Base + op)
      b.result(d)
      b.word(base)
      b.word(id)
      return b.word(count)
    }
    case Op.ArrayNewData:
    case Op.ArrayNewElem:
      coldOp(t, op, 2, Kind.Ref)
      b.word(id)
      return b.word(r.u32())
    case Op.ArrayGet:
    case Op.ArrayGetS:
    case Op.ArrayGetU:
      if (type?.kind !== 'array') bug('array.get without an array type')
      coldOp(t, op, 2, kindOf(type.field.type))
      return b.word(id)
    case Op.ArraySet:
      coldOp(t, op, 3, NOTHING)
      return b.word(id)
    case Op.ArrayLen:
      return coldOp(t, op, 1, Kind.I32)
    case Op.ArrayFill:
      coldOp(t, op, 4, NOTHING)
      return b.word(id)
    case Op.ArrayCopy:
      coldOp(t, op, 5, NOTHING)
      b.word(id)
      return b.word(module.canon[r.u32()])
    case Op.ArrayInitData:
    case Op.ArrayInitElem:
      coldOp(t, op, 4, NOTHING)
      b.word(id)
      return b.word(r.u32())
    default:
      bug(`opcode 0x${op.toString(16)} has no translation`)
  }
}
