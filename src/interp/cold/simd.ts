// Vector instructions: dispatch, lanes in and out, memory. The lane arithmetic is in simd-int.ts and simd-float.ts.
//
// Operands are copied to `a`, `b`, `c` (lanes.ts), where they can be seen as lanes of every width; the result is made in `d` and then
// copied to its slot. So a result may overlap its operands, and each operation is one line.

import type { Instance } from '../../runtime/instance.ts'
import { CODE, R, RU8, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { OP_COUNT, OPCODES } from '../../wasm/opcodes.ts'
import { offsetOf, unsigned } from './address.ts'
import { a, b, d, getA, getB, getC, putD } from './lanes.ts'
import { inBounds } from './memory.ts'
import { floatBinary, floatUnary } from './simd-float.ts'
import { binary, ternary, test, unary } from './simd-int.ts'
import { trap } from './trap.ts'

/** Shapes of instructions, from the signatures of the opcode table. */
const enum Shape {
  Unary = 1,
  Binary = 2,
  Ternary = 3,
  Test = 4,
  Shift = 5,
  Splat = 6,
  Lane = 7,
  Memory = 8,
  Constant = 9,
  Shuffle = 10,
}

const SHAPES = new Uint8Array(OP_COUNT)
for (const [id, , signature, imm] of OPCODES) {
  if (id < 0x300 || id >= 0x500) continue
  SHAPES[id] =
    imm === 'memarg' || imm === 'memarg_lane'
      ? Shape.Memory
      : imm === 'v128'
        ? Shape.Constant
        : imm === 'shuffle'
          ? Shape.Shuffle
          : imm === 'lane'
            ? Shape.Lane
            : signature === 'v:v'
              ? Shape.Unary
              : signature === 'vv:v'
                ? Shape.Binary
                : signature === 'vvv:v'
                  ? Shape.Ternary
                  : signature === 'v:i'
                    ? Shape.Test
                    : signature === 'vi:v'
                      ? Shape.Shift
                      : Shape.Splat
}

export function simd(op: number, pc: number, fp: number, instance: Instance): number {
  const to = fp + CODE[pc + 1]
  switch (SHAPES[op]) {
    case Shape.Binary:
      getA(fp + CODE[pc + 2])
      getB(fp + CODE[pc + 3])
      if (isFloat(op)) floatBinary(op)
      else binary(op)
      putD(to)
      return pc + 4
    case Shape.Memory:
      return memory(op, pc, fp, instance)
    case Shape.Unary:
      getA(fp + CODE[pc + 2])
      if (!floatUnary(op)) unary(op)
      putD(to)
      return pc + 3
    case Shape.Ternary:
      getA(fp + CODE[pc + 2])
      getB(fp + CODE[pc + 3])
      getC(fp + CODE[pc + 4])
      ternary(op)
      putD(to)
      return pc + 5
    case Shape.Test:
      getA(fp + CODE[pc + 2])
      R[to << 1] = test(op)
      return pc + 3
    case Shape.Shift:
      getA(fp + CODE[pc + 2])
      shift(op, R[(fp + CODE[pc + 3]) << 1])
      putD(to)
      return pc + 4
    case Shape.Splat:
      splat(op, fp + CODE[pc + 2])
      putD(to)
      return pc + 3
    case Shape.Lane:
      return lane(op, pc, fp)
    case Shape.Constant:
      for (let i = 0; i < 4; i++) R[(to << 1) + i] = CODE[pc + 2 + i]
      return pc + 6
    case Shape.Shuffle:
      getA(fp + CODE[pc + 2])
      getB(fp + CODE[pc + 3])
      for (let i = 0; i < 16; i++) {
        const from = (CODE[pc + 4 + (i >> 2)] >>> ((i & 3) << 3)) & 31
        d.u8[i] = from < 16 ? a.u8[from] : b.u8[from - 16]
      }
      putD(to)
      return pc + 8
    default:
      bug(`vector op 0x${op.toString(16)}`)
  }
}

/** Compares and arithmetic of f32x4 and f64x2. */
function isFloat(op: number): boolean {
  return (
    (op >= Op.F32x4Eq && op <= Op.F64x2Ge) ||
    (op >= Op.F32x4Add && op <= Op.F32x4Pmax) ||
    (op >= Op.F64x2Add && op <= Op.F64x2Pmax) ||
    (op >= Op.F32x4RelaxedMin && op <= Op.F64x2RelaxedMax)
  )
}

// ---- shifts, splats, lanes ------------------------------------------------------------------------------------------------------

function shift(op: number, count: number): void {
  switch (op) {
    case Op.I8x16Shl:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] << (count & 7)
      return
    case Op.I8x16ShrS:
      for (let i = 0; i < 16; i++) d.i8[i] = a.i8[i] >> (count & 7)
      return
    case Op.I8x16ShrU:
      for (let i = 0; i < 16; i++) d.u8[i] = a.u8[i] >> (count & 7)
      return
    case Op.I16x8Shl:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] << (count & 15)
      return
    case Op.I16x8ShrS:
      for (let i = 0; i < 8; i++) d.i16[i] = a.i16[i] >> (count & 15)
      return
    case Op.I16x8ShrU:
      for (let i = 0; i < 8; i++) d.u16[i] = a.u16[i] >> (count & 15)
      return
    case Op.I32x4Shl:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] << count
      return
    case Op.I32x4ShrS:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] >> count
      return
    case Op.I32x4ShrU:
      for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i] >>> count
      return
    case Op.I64x2Shl:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] << BigInt(count & 63)
      return
    case Op.I64x2ShrS:
      for (let i = 0; i < 2; i++) d.i64[i] = a.i64[i] >> BigInt(count & 63)
      return
    case Op.I64x2ShrU:
      for (let i = 0; i < 2; i++) d.u64[i] = a.u64[i] >> BigInt(count & 63)
      return
    default:
      bug(`vector shift 0x${op.toString(16)}`)
  }
}

function splat(op: number, slot: number): void {
  const low = R[slot << 1]
  const high = R[(slot << 1) + 1]
  switch (op) {
    case Op.I8x16Splat:
      d.i8.fill(low)
      return
    case Op.I16x8Splat:
      d.i16.fill(low)
      return
    case Op.I32x4Splat:
    case Op.F32x4Splat:
      d.i32.fill(low)
      return
    case Op.I64x2Splat:
    case Op.F64x2Splat:
      d.i32[0] = d.i32[2] = low
      d.i32[1] = d.i32[3] = high
      return
    default:
      bug(`splat 0x${op.toString(16)}`)
  }
}

/** extract: [op, d, a, lane]. replace: [op, d, a, value, lane]. */
function lane(op: number, pc: number, fp: number): number {
  getA(fp + CODE[pc + 2])
  const x = (fp + CODE[pc + 1]) << 1
  const index = CODE[pc + 3]
  switch (op) {
    case Op.I8x16ExtractLaneS:
      R[x] = a.i8[index]
      return pc + 4
    case Op.I8x16ExtractLaneU:
      R[x] = a.u8[index]
      return pc + 4
    case Op.I16x8ExtractLaneS:
      R[x] = a.i16[index]
      return pc + 4
    case Op.I16x8ExtractLaneU:
      R[x] = a.u16[index]
      return pc + 4
    case Op.I32x4ExtractLane:
    case Op.F32x4ExtractLane:
      R[x] = a.i32[index]
      return pc + 4
    case Op.I64x2ExtractLane:
    case Op.F64x2ExtractLane:
      R[x] = a.i32[index * 2]
      R[x + 1] = a.i32[index * 2 + 1]
      return pc + 4
  }
  const value = (fp + CODE[pc + 3]) << 1
  const place = CODE[pc + 4]
  const low = R[value]
  const high = R[value + 1]
  for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i]
  switch (op) {
    case Op.I8x16ReplaceLane:
      d.i8[place] = low
      break
    case Op.I16x8ReplaceLane:
      d.i16[place] = low
      break
    case Op.I32x4ReplaceLane:
    case Op.F32x4ReplaceLane:
      d.i32[place] = low
      break
    case Op.I64x2ReplaceLane:
    case Op.F64x2ReplaceLane:
      d.i32[place * 2] = low
      d.i32[place * 2 + 1] = high
      break
    default:
      bug(`lane op 0x${op.toString(16)}`)
  }
  putD(fp + CODE[pc + 1])
  return pc + 5
}

// ---- memory -----------------------------------------------------------------------------------------------------------------------

/** Bytes accessed, by opcode id from v128.load. */
const ACCESS_BYTES = new Uint8Array(0x60)
for (const [id, , , imm, , align] of OPCODES) {
  if (id >= 0x300 && id < 0x360 && (imm === 'memarg' || imm === 'memarg_lane')) ACCESS_BYTES[id - 0x300] = 1 << align!
}

/**
 * Loads: [op, d, address, offset low, offset high, memory]. v128.store: [op, address, value, ...]. load_lane: [op, d, address, vector, ...,
 * lane]. store_lane: [op, address, vector, ..., lane].
 */
function memory(op: number, pc: number, fp: number, instance: Instance): number {
  const isStore = op === Op.V128Store || (op >= Op.V128Store8Lane && op <= Op.V128Store64Lane)
  const isLane = op >= Op.V128Load8Lane && op <= Op.V128Store64Lane
  const memarg = isLane && !isStore ? pc + 4 : pc + 3
  const source = instance.memories[CODE[memarg + 2]]
  const address = unsigned(fp + CODE[pc + (isStore ? 1 : 2)], source.type.address64)
  const at = address + offsetOf(CODE[memarg], CODE[memarg + 1])
  const bytes = ACCESS_BYTES[op - 0x300]
  if (!inBounds(source, at, bytes)) return trap(TrapCode.MemoryOutOfBounds, pc)
  if (isStore) {
    const from = ((fp + CODE[pc + 2]) << 3) + (isLane ? CODE[memarg + 3] * bytes : 0)
    for (let i = 0; i < bytes; i++) source.u8[at + i] = RU8[from + i]
    return isLane ? memarg + 4 : memarg + 3
  }
  if (isLane) {
    getA(fp + CODE[pc + 3])
    for (let i = 0; i < 4; i++) d.i32[i] = a.i32[i]
    const first = CODE[memarg + 3] * bytes
    for (let i = 0; i < bytes; i++) d.u8[first + i] = source.u8[at + i]
  } else load(op, source.dv, at)
  putD(fp + CODE[pc + 1])
  return isLane ? memarg + 4 : memarg + 3
}

function load(op: number, view: DataView, at: number): void {
  switch (op) {
    case Op.V128Load:
      for (let i = 0; i < 4; i++) d.i32[i] = view.getInt32(at + i * 4, true)
      return
    case Op.V128Load8x8S:
      for (let i = 0; i < 8; i++) d.i16[i] = view.getInt8(at + i)
      return
    case Op.V128Load8x8U:
      for (let i = 0; i < 8; i++) d.i16[i] = view.getUint8(at + i)
      return
    case Op.V128Load16x4S:
      for (let i = 0; i < 4; i++) d.i32[i] = view.getInt16(at + i * 2, true)
      return
    case Op.V128Load16x4U:
      for (let i = 0; i < 4; i++) d.i32[i] = view.getUint16(at + i * 2, true)
      return
    case Op.V128Load32x2S:
    case Op.V128Load32x2U:
      for (let i = 0; i < 2; i++) {
        const low = view.getInt32(at + i * 4, true)
        d.i32[i * 2] = low
        d.i32[i * 2 + 1] = op === Op.V128Load32x2S ? low >> 31 : 0
      }
      return
    case Op.V128Load8Splat:
      d.i8.fill(view.getInt8(at))
      return
    case Op.V128Load16Splat:
      d.i16.fill(view.getInt16(at, true))
      return
    case Op.V128Load32Splat:
      d.i32.fill(view.getInt32(at, true))
      return
    case Op.V128Load64Splat:
      d.i32[0] = d.i32[2] = view.getInt32(at, true)
      d.i32[1] = d.i32[3] = view.getInt32(at + 4, true)
      return
    case Op.V128Load32Zero:
    case Op.V128Load64Zero:
      d.i32.fill(0)
      d.i32[0] = view.getInt32(at, true)
      if (op === Op.V128Load64Zero) d.i32[1] = view.getInt32(at + 4, true)
      return
    default:
      bug(`vector load 0x${op.toString(16)}`)
  }
}
