// What an instruction is if it need not be emitted: a constant, one of its operands, or simpler instructions. Rules are directed, make
// nothing worse, and find constants to the right of operations whose operands may change places. Float operations with a NaN as
// result do not fold: its bits are the machine's business.

import type { Emitter } from './emit.ts'
import { foldDivision } from './fold-division.ts'
import { foldFloat } from './fold-float.ts'
import * as i64 from './i64.ts'
import { Op } from './op.gen.ts'
import { OPERANDS } from './op-tables.ts'
import { NONE, Type } from './types.ts'

/** The value that `op` on these operands is, or NONE. */
export function fold(e: Emitter, op: Op, type: Type, a: number, b: number, c: number): number {
  switch (OPERANDS[op]) {
    case 1:
      return e.graph.isConst(a) ? foldUnary(e, op, a) : simplifyUnary(e, op, a)
    case 2: {
      const { graph } = e
      if (graph.isConst(b)) {
        const v = graph.isConst(a) ? foldBinary(e, op, a, b) : NONE
        return v !== NONE ? v : simplifyRight(e, op, type, a, b)
      }
      return a === b ? simplifySame(e, op, type, a) : NONE
    }
    case 3:
      if (op !== Op.Select) return NONE
      if (a === b) return a
      return e.graph.isConst(c) ? (e.graph.a[c] !== 0 ? a : b) : NONE
    default:
      return NONE
  }
}

function foldUnary(e: Emitter, op: Op, a: number): number {
  const lo = e.graph.a[a]
  const hi = e.graph.b[a]
  switch (op) {
    case Op.I32Clz:
      return e.i32(Math.clz32(lo))
    case Op.I32Ctz:
      return e.i32(i64.ctz32(lo))
    case Op.I32Popcnt:
      return e.i32(i64.popcnt32(lo))
    case Op.I32Extend8S:
      return e.i32((lo << 24) >> 24)
    case Op.I32Extend16S:
      return e.i32((lo << 16) >> 16)
    case Op.I32Eqz:
      return e.i32(lo === 0 ? 1 : 0)
    case Op.I64Clz:
      return e.i64(i64.clz(lo, hi))
    case Op.I64Ctz:
      return e.i64(i64.ctz(lo, hi))
    case Op.I64Popcnt:
      return e.i64(i64.popcnt32(lo) + i64.popcnt32(hi))
    case Op.I64Extend8S:
      return e.i64((lo << 24) >> 24)
    case Op.I64Extend16S:
      return e.i64((lo << 16) >> 16)
    case Op.I64Extend32S:
    case Op.I64ExtendI32S:
      return e.i64(lo)
    case Op.I64ExtendI32U:
      return e.i64(lo >>> 0)
    case Op.I64Eqz:
      return e.i32((lo | hi) === 0 ? 1 : 0)
    case Op.I32WrapI64:
      return e.i32(lo)
    case Op.RefIsNull:
      return e.i32(lo === 0 ? 1 : 0)
    case Op.I32ReinterpretF32:
      return e.i32(lo)
    case Op.F32ReinterpretI32:
      return e.constant(Type.F32, lo, 0)
    case Op.I64ReinterpretF64:
      return e.constant(Type.I64, lo, hi)
    case Op.F64ReinterpretI64:
      return e.constant(Type.F64, lo, hi)
    default:
      return foldFloat(e, op, a, NONE)
  }
}

function simplifyUnary(e: Emitter, op: Op, a: number): number {
  const { graph } = e
  const inner = graph.op[a]
  switch (op) {
    case Op.I32Eqz: {
      const opposite = oppositeOf(inner)
      return opposite === Op.Nop ? NONE : e.op(opposite, graph.a[a], graph.b[a])
    }
    case Op.I32WrapI64:
      if (inner === Op.I64ExtendI32S || inner === Op.I64ExtendI32U) return graph.a[a]
      return NONE
    case Op.I32ReinterpretF32:
      return inner === Op.F32ReinterpretI32 ? graph.a[a] : NONE
    case Op.F32ReinterpretI32:
      return inner === Op.I32ReinterpretF32 ? graph.a[a] : NONE
    case Op.I64ReinterpretF64:
      return inner === Op.F64ReinterpretI64 ? graph.a[a] : NONE
    case Op.F64ReinterpretI64:
      return inner === Op.I64ReinterpretF64 ? graph.a[a] : NONE
    case Op.RefIsNull:
      return inner === Op.RefFunc ? e.i32(0) : NONE
    default:
      return NONE
  }
}

/** The compare that is true when this one is false. Not for ordered compares of floats: NaN makes both false. */
function oppositeOf(op: Op): Op {
  switch (op) {
    case Op.I32Eq:
      return Op.I32Ne
    case Op.I32Ne:
      return Op.I32Eq
    case Op.I32LtS:
      return Op.I32GeS
    case Op.I32LtU:
      return Op.I32GeU
    case Op.I32GtS:
      return Op.I32LeS
    case Op.I32GtU:
      return Op.I32LeU
    case Op.I32LeS:
      return Op.I32GtS
    case Op.I32LeU:
      return Op.I32GtU
    case Op.I32GeS:
      return Op.I32LtS
    case Op.I32GeU:
      return Op.I32LtU
    case Op.I64Eq:
      return Op.I64Ne
    case Op.I64Ne:
      return Op.I64Eq
    case Op.I64LtS:
      return Op.I64GeS
    case Op.I64LtU:
      return Op.I64GeU
    case Op.I64GtS:
      return Op.I64LeS
    case Op.I64GtU:
      return Op.I64LeU
    case Op.I64LeS:
      return Op.I64GtS
    case Op.I64LeU:
      return Op.I64GtU
    case Op.I64GeS:
      return Op.I64LtS
    case Op.I64GeU:
      return Op.I64LtU
    case Op.F32Eq:
      return Op.F32Ne
    case Op.F32Ne:
      return Op.F32Eq
    case Op.F64Eq:
      return Op.F64Ne
    case Op.F64Ne:
      return Op.F64Eq
    default:
      return Op.Nop
  }
}

function foldBinary(e: Emitter, op: Op, a: number, b: number): number {
  const { graph } = e
  const x = graph.a[a]
  const xh = graph.b[a]
  const y = graph.a[b]
  const yh = graph.b[b]
  const pair = (low: number): number => e.constant(Type.I64, low, i64.high)
  const bool = (condition: boolean): number => e.i32(condition ? 1 : 0)
  switch (op) {
    case Op.I32Add:
      return e.i32(x + y)
    case Op.I32Sub:
      return e.i32(x - y)
    case Op.I32Mul:
      return e.i32(Math.imul(x, y))
    case Op.I32And:
      return e.i32(x & y)
    case Op.I32Or:
      return e.i32(x | y)
    case Op.I32Xor:
      return e.i32(x ^ y)
    case Op.I32Shl:
      return e.i32(x << y)
    case Op.I32ShrS:
      return e.i32(x >> y)
    case Op.I32ShrU:
      return e.i32(x >>> y)
    case Op.I32Rotl:
      return e.i32((x << y) | (x >>> -y))
    case Op.I32Rotr:
      return e.i32((x >>> y) | (x << -y))
    case Op.I32DivS:
      return y === 0 || (y === -1 && x === -0x80000000) ? NONE : e.i32((x / y) | 0)
    case Op.I32DivU:
      return y === 0 ? NONE : e.i32(((x >>> 0) / (y >>> 0)) | 0)
    case Op.I32RemS:
      return y === 0 ? NONE : e.i32((x % y) | 0)
    case Op.I32RemU:
      return y === 0 ? NONE : e.i32(((x >>> 0) % (y >>> 0)) | 0)
    case Op.I32Eq:
      return bool(x === y)
    case Op.I32Ne:
      return bool(x !== y)
    case Op.I32LtS:
      return bool(x < y)
    case Op.I32LtU:
      return bool(x >>> 0 < y >>> 0)
    case Op.I32GtS:
      return bool(x > y)
    case Op.I32GtU:
      return bool(x >>> 0 > y >>> 0)
    case Op.I32LeS:
      return bool(x <= y)
    case Op.I32LeU:
      return bool(x >>> 0 <= y >>> 0)
    case Op.I32GeS:
      return bool(x >= y)
    case Op.I32GeU:
      return bool(x >>> 0 >= y >>> 0)
    case Op.I64Add:
      return pair(i64.add(x, xh, y, yh))
    case Op.I64Sub:
      return pair(i64.sub(x, xh, y, yh))
    case Op.I64Mul:
      return pair(i64.mul(x, xh, y, yh))
    case Op.I64MulhiS:
      return pair(i64.mulhiS(x, xh, y, yh))
    case Op.I64MulhiU:
      return pair(i64.mulhiU(x, xh, y, yh))
    case Op.I64And:
      return e.constant(Type.I64, x & y, xh & yh)
    case Op.I64Or:
      return e.constant(Type.I64, x | y, xh | yh)
    case Op.I64Xor:
      return e.constant(Type.I64, x ^ y, xh ^ yh)
    case Op.I64Shl:
      return pair(i64.shl(x, xh, y))
    case Op.I64ShrS:
      return pair(i64.shrS(x, xh, y))
    case Op.I64ShrU:
      return pair(i64.shrU(x, xh, y))
    case Op.I64Rotl:
      return pair(i64.rotl(x, xh, y))
    case Op.I64Rotr:
      return pair(i64.rotl(x, xh, -y))
    case Op.I64DivS:
      if ((y | yh) === 0 || ((y & yh) === -1 && x === 0 && xh === -0x80000000)) return NONE
      return pair(i64.divS(x, xh, y, yh))
    case Op.I64DivU:
      return (y | yh) === 0 ? NONE : pair(i64.divU(x, xh, y, yh))
    case Op.I64RemS:
      return (y | yh) === 0 ? NONE : pair(i64.remS(x, xh, y, yh))
    case Op.I64RemU:
      return (y | yh) === 0 ? NONE : pair(i64.remU(x, xh, y, yh))
    case Op.I64Eq:
      return bool(x === y && xh === yh)
    case Op.I64Ne:
      return bool(x !== y || xh !== yh)
    case Op.I64LtS:
      return bool(i64.ltS(x, xh, y, yh))
    case Op.I64LtU:
      return bool(i64.ltU(x, xh, y, yh))
    case Op.I64GtS:
      return bool(i64.ltS(y, yh, x, xh))
    case Op.I64GtU:
      return bool(i64.ltU(y, yh, x, xh))
    case Op.I64LeS:
      return bool(!i64.ltS(y, yh, x, xh))
    case Op.I64LeU:
      return bool(!i64.ltU(y, yh, x, xh))
    case Op.I64GeS:
      return bool(!i64.ltS(x, xh, y, yh))
    case Op.I64GeU:
      return bool(!i64.ltU(x, xh, y, yh))
    default:
      return foldFloat(e, op, a, b)
  }
}

/** Of an unsigned number. */
function isPowerOf2(low: number, high: number): boolean {
  const less = i64.sub(low, high, 1, 0)
  return (low | high) !== 0 && (low & less) === 0 && (high & i64.high) === 0
}

/** A constant on the right. */
function simplifyRight(e: Emitter, op: Op, type: Type, a: number, b: number): number {
  const { graph } = e
  const y = graph.a[b]
  const yh = graph.b[b]
  switch (op) {
    case Op.I32Add:
      if (y === 0) return a
      if (graph.op[a] === Op.I32Add && graph.isConst(graph.b[a]))
        return e.op(op, graph.a[a], e.i32(graph.a[graph.b[a]] + y))
      return NONE
    case Op.I32Sub:
      return e.op(Op.I32Add, a, e.i32(-y))
    case Op.I32Mul:
      if (y === 0) return b
      if (y === 1) return a
      return (y & (y - 1)) === 0 ? e.op(Op.I32Shl, a, e.i32(i64.ctz32(y))) : NONE
    case Op.I32And:
      return y === 0 ? b : y === -1 ? a : NONE
    case Op.I32Or:
      return y === 0 ? a : y === -1 ? b : NONE
    case Op.I32Xor:
      return y === 0 ? a : NONE
    case Op.I32Shl:
    case Op.I32ShrS:
    case Op.I32ShrU:
    case Op.I32Rotl:
    case Op.I32Rotr:
      if ((y & 31) === 0) return a
      return y === (y & 31) ? NONE : e.op(op, a, e.i32(y & 31))
    case Op.I64Shl:
    case Op.I64ShrS:
    case Op.I64ShrU:
    case Op.I64Rotl:
    case Op.I64Rotr:
      if ((y & 63) === 0) return a
      return y === (y & 63) && yh === 0 ? NONE : e.op(op, a, e.i64(y & 63))
    case Op.I32DivU:
    case Op.I32RemU:
    case Op.I32DivS:
    case Op.I32RemS:
      return foldDivision(e, op, a, y)
    case Op.I64DivU:
      return isPowerOf2(y, yh) ? e.op(Op.I64ShrU, a, e.i64(i64.ctz(y, yh))) : NONE
    case Op.I64RemU: {
      if (!isPowerOf2(y, yh)) return NONE
      const low = i64.sub(y, yh, 1, 0)
      return e.op(Op.I64And, a, e.constant(Type.I64, low, i64.high))
    }
    case Op.I32Eq:
      return y === 0 ? e.op(Op.I32Eqz, a) : NONE
    case Op.I64Eq:
      return (y | yh) === 0 ? e.op(Op.I64Eqz, a) : NONE
    case Op.I32LtU:
      return y === 0 ? e.i32(0) : NONE
    case Op.I32GeU:
      return y === 0 ? e.i32(1) : NONE
    case Op.I64LtU:
      return (y | yh) === 0 ? e.i32(0) : NONE
    case Op.I64GeU:
      return (y | yh) === 0 ? e.i32(1) : NONE
    case Op.I64Add:
      if ((y | yh) === 0) return a
      if (graph.op[a] === Op.I64Add && graph.isConst(graph.b[a])) {
        const k = graph.b[a]
        const low = i64.add(graph.a[k], graph.b[k], y, yh)
        return e.op(op, graph.a[a], e.constant(type, low, i64.high))
      }
      return NONE
    case Op.I64Sub: {
      const low = i64.negate(y, yh)
      return e.op(Op.I64Add, a, e.constant(Type.I64, low, i64.high))
    }
    case Op.I64Mul:
      if ((y | yh) === 0) return b
      if (y === 1 && yh === 0) return a
      return isPowerOf2(y, yh) ? e.op(Op.I64Shl, a, e.i64(i64.ctz(y, yh))) : NONE
    case Op.I64And:
      return (y | yh) === 0 ? b : (y & yh) === -1 ? a : NONE
    case Op.I64Or:
      return (y | yh) === 0 ? a : (y & yh) === -1 ? b : NONE
    case Op.I64Xor:
      return (y | yh) === 0 ? a : NONE
    default:
      return NONE
  }
}

/** Twice the same operand. */
function simplifySame(e: Emitter, op: Op, type: Type, a: number): number {
  switch (op) {
    case Op.I32Sub:
    case Op.I64Sub:
    case Op.I32Xor:
    case Op.I64Xor:
      return e.constant(type, 0, 0)
    case Op.I32And:
    case Op.I64And:
    case Op.I32Or:
    case Op.I64Or:
      return a
    case Op.I32Eq:
    case Op.I64Eq:
    case Op.I32LeS:
    case Op.I32LeU:
    case Op.I32GeS:
    case Op.I32GeU:
    case Op.I64LeS:
    case Op.I64LeU:
    case Op.I64GeS:
    case Op.I64GeU:
      return e.i32(1)
    case Op.I32Ne:
    case Op.I64Ne:
    case Op.I32LtS:
    case Op.I32LtU:
    case Op.I32GtS:
    case Op.I32GtU:
    case Op.I64LtS:
    case Op.I64LtU:
    case Op.I64GtS:
    case Op.I64GtU:
      return e.i32(0)
    default:
      return NONE
  }
}
