// Shapes that are several instructions: division, tests as values, selection, float operations with WebAssembly's rules for NaN and zero,
// truncation, bit counts without the instruction for it.

import { bug } from '../../util/bug.ts'
import { Generic, type VCode } from '../../codegen/vcode.ts'
import { SCRATCH_REG, SCRATCH_XMM } from './abi.ts'
import { ripLabel } from './assembler.ts'
import type { CodeEmitter } from './emit.ts'
import { Op } from './instructions.ts'
import { ArithmeticTrap, Division, FlagTest, instructionOf, negated, Shape, shapeOf, Truncation } from './machine.ts'
import { Cond, NO_REG, Reg, Size } from './registers.ts'

export function emitSequence(e: CodeEmitter, code: VCode, i: number): void {
  switch (shapeOf(code.op[i])) {
    case Generic.Move as number:
      return bug('moves are not lowered to')
    case Shape.SetFlag:
      return setFlag(e, code.imm[i], e.result(i))
    case Shape.CMove:
      return conditionalMove(e, code, i)
    case Shape.FloatMove:
      return floatMove(e, code, i)
    case Shape.Divide:
      return divide(e, code, i)
    case Shape.MulHigh:
      return e.asm.r(instructionOf(code.op[i]), Size.Q, e.register(i, 1))
    case Shape.FloatMask:
      return floatMask(e, code, i)
    case Shape.CopySign:
      return copySign(e, code, i)
    case Shape.MinMax:
      return minMax(e, code, i)
    case Shape.Truncate:
      return truncate(e, code, i)
    case Shape.ConvertU64:
      return convertU64(e, code, i)
    case Shape.CountZeros:
      return countZeros(e, code, i)
    case Shape.CountOnes:
      return countOnes(e, code, i)
    default:
      bug(`shape ${shapeOf(code.op[i])}`)
  }
}

/** setcc writes a byte; the rest is cleared after it, since clearing before would change the flags. */
function setFlag(e: CodeEmitter, test: number, to: Reg): void {
  const { asm } = e
  if (test < 16) asm.r(Op.Setcc + test, Size.D, to)
  else {
    const isEqual = test === FlagTest.FloatEqual
    asm.r(Op.Setcc + (isEqual ? Cond.NP : Cond.P), Size.D, SCRATCH_REG)
    asm.r(Op.Setcc + (isEqual ? Cond.E : Cond.NE), Size.D, to)
    asm.rr(isEqual ? Op.And : Op.Or, Size.D, to, SCRATCH_REG)
  }
  asm.rr(Op.Movzx8, Size.D, to, to)
}

function conditionalMove(e: CodeEmitter, code: VCode, i: number): void {
  const test = code.imm[i]
  const [to, from] = [e.result(i), e.register(i, 1)]
  if (test < 16) e.asm.rr(Op.Cmovcc + test, code.size[i], to, from)
  else if (test === FlagTest.FloatNotEqual) {
    e.asm.rr(Op.Cmovcc + Cond.P, code.size[i], to, from)
    e.asm.rr(Op.Cmovcc + Cond.NE, code.size[i], to, from)
  } else bug('lowering exchanges the operands of this test')
}

function floatMove(e: CodeEmitter, code: VCode, i: number): void {
  const skip = e.asm.newLabel()
  e.jumpIf(negated(code.imm[i]), skip)
  e.asm.rr(Op.Movaps, Size.Q, e.result(i), e.register(i, 1))
  e.asm.bind(skip)
}

function divide(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const kind = code.imm[i]
  const size: Size = code.size[i]
  const divisor = e.register(i, 1)
  const done = asm.newLabel()
  if ((kind & Division.CheckZero) !== 0) {
    asm.rr(Op.Test, size, divisor, divisor)
    asm.jcc(Cond.E, e.trapStub(i, ArithmeticTrap.DivideByZero))
  }
  if ((kind & Division.CheckMinusOne) !== 0) {
    const usual = asm.newLabel()
    asm.ri(Op.Cmp, size, divisor, -1)
    asm.jcc(Cond.NE, usual)
    if ((kind & Division.Remainder) !== 0) {
      asm.rr(Op.Xor, Size.D, Reg.Rdx, Reg.Rdx)
      asm.jmp(done)
    } else {
      // Only the smallest integer overflows when it is negated.
      asm.rr(Op.Mov, size, SCRATCH_REG, Reg.Rax)
      asm.r(Op.Neg, size, SCRATCH_REG)
      asm.jcc(Cond.O, e.trapStub(i, ArithmeticTrap.IntegerOverflow))
    }
    asm.bind(usual)
  }
  if ((kind & Division.Signed) !== 0) asm.op(Op.Cdq, size)
  else asm.rr(Op.Xor, Size.D, Reg.Rdx, Reg.Rdx)
  asm.r((kind & Division.Signed) !== 0 ? Op.Idiv : Op.Div, size, divisor)
  asm.bind(done)
}

function floatMask(e: CodeEmitter, code: VCode, i: number): void {
  const high = code.size[i] === Size.Q ? code.aux[i] : 0
  const constant = e.asm.constant128(code.imm[i], high, 0, 0)
  e.asm.rm(instructionOf(code.op[i]), Size.Q, e.result(i), ripLabel(constant), NO_REG, 0, 0)
}

function copySign(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const isF64 = code.size[i] === Size.Q
  const sign = -0x80000000
  const signs = isF64 ? asm.constant128(0, sign, 0, 0) : asm.constant128(sign, 0, 0, 0)
  const magnitudes = isF64 ? asm.constant128(-1, ~sign, 0, 0) : asm.constant128(~sign, 0, 0, 0)
  asm.rr(Op.Movaps, Size.Q, SCRATCH_XMM, e.register(i, 1))
  asm.rm(Op.Andps, Size.Q, SCRATCH_XMM, ripLabel(signs), NO_REG, 0, 0)
  asm.rm(Op.Andps, Size.Q, e.result(i), ripLabel(magnitudes), NO_REG, 0, 0)
  asm.rr(Op.Orps, Size.Q, e.result(i), SCRATCH_XMM)
}

/** The processor's minss knows neither NaN nor the sign of zero. Equal operands differ in the sign at most: or, and decide it. */
function minMax(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const d = code.size[i] === Size.Q ? 1 : 0
  const isMax = code.imm[i] === 1
  const [to, other] = [e.result(i), e.register(i, 1)]
  const [unordered, differ, done] = [asm.newLabel(), asm.newLabel(), asm.newLabel()]
  asm.rr(Op.Ucomiss + d, Size.D, to, other)
  asm.jcc(Cond.NE, differ)
  asm.jcc(Cond.P, unordered)
  asm.rr(isMax ? Op.Andps : Op.Orps, Size.Q, to, other)
  asm.jmp(done)
  asm.bind(unordered)
  // The sum of a NaN and anything is a quiet NaN.
  asm.rr(Op.Addss + d, Size.D, to, other)
  asm.jmp(done)
  asm.bind(differ)
  asm.rr((isMax ? Op.Maxss : Op.Minss) + d, Size.D, to, other)
  asm.bind(done)
}

/** cvtt gives the smallest integer for everything that it cannot represent, NaN included. */
function truncate(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const kind = code.imm[i]
  const to = e.result(i)
  const from = e.register(i, 0)
  const d = kind & Truncation.FromF64
  const done = asm.newLabel()
  if ((kind & Truncation.ToI64) === 0) {
    // In 64 bits every i32 and u32 fits: the result is right if it is the extension of its low half.
    asm.rr(Op.Cvttss2si + d, Size.Q, to, from)
    if ((kind & Truncation.Unsigned) !== 0) asm.rr(Op.Mov, Size.D, SCRATCH_REG, to)
    else asm.rr(Op.Movsxd, Size.Q, SCRATCH_REG, to)
    asm.rr(Op.Cmp, Size.Q, SCRATCH_REG, to)
    // The upper half of an i32 is zero; a move leaves the flags alone.
    asm.rr(Op.Mov, Size.D, to, to)
    asm.jcc(Cond.E, done)
  } else if ((kind & Truncation.Unsigned) === 0) {
    asm.rr(Op.Cvttss2si + d, Size.Q, to, from)
    // Only the smallest integer minus one overflows.
    asm.ri(Op.Cmp, Size.Q, to, 1)
    asm.jcc(Cond.NO, done)
    // It is right if it was asked for.
    asm.rm(Op.Ucomiss + d, Size.D, from, power63(e, d, -1), NO_REG, 0, 0)
    const other = asm.newLabel()
    asm.jcc(Cond.P, other)
    asm.jcc(Cond.E, done)
    asm.bind(other)
  } else {
    const large = asm.newLabel()
    const wrong = asm.newLabel()
    asm.rm(Op.Ucomiss + d, Size.D, from, power63(e, d, 1), NO_REG, 0, 0)
    asm.jcc(Cond.AE, large)
    asm.rr(Op.Cvttss2si + d, Size.Q, to, from)
    asm.rr(Op.Test, Size.Q, to, to)
    asm.jcc(Cond.NS, done)
    asm.jmp(wrong)
    asm.bind(large)
    asm.rr(Op.Movaps, Size.Q, SCRATCH_XMM, from)
    asm.rm(Op.Subss + d, Size.D, SCRATCH_XMM, power63(e, d, 1), NO_REG, 0, 0)
    asm.rr(Op.Cvttss2si + d, Size.Q, to, SCRATCH_XMM)
    asm.movImm(SCRATCH_REG, 0, -0x80000000)
    asm.rr(Op.Test, Size.Q, to, to)
    const fits = asm.newLabel()
    asm.jcc(Cond.NS, fits)
    asm.bind(wrong)
    outOfRange(e, i, kind, to, from)
    asm.jmp(done)
    asm.bind(fits)
    asm.rr(Op.Xor, Size.Q, to, SCRATCH_REG)
    asm.bind(done)
    return
  }
  outOfRange(e, i, kind, to, from)
  asm.bind(done)
}

/** 2^63 with a sign, in the pool. */
function power63(e: CodeEmitter, d: number, sign: number): number {
  const f64 = sign < 0 ? 0xc3e00000 | 0 : 0x43e00000
  const f32 = sign < 0 ? 0xdf000000 | 0 : 0x5f000000
  return ripLabel(d === 1 ? e.asm.constant64(0, f64) : e.asm.constant32(f32))
}

/** The value is NaN or out of range: a trap, or the nearest integer. */
function outOfRange(e: CodeEmitter, i: number, kind: number, to: Reg, from: number): void {
  const { asm } = e
  const d = kind & Truncation.FromF64
  if ((kind & Truncation.Saturating) === 0) {
    asm.rr(Op.Ucomiss + d, Size.D, from, from)
    asm.jcc(Cond.P, e.trapStub(i, ArithmeticTrap.InvalidConversion))
    asm.jmp(e.trapStub(i, ArithmeticTrap.IntegerOverflow))
    return
  }
  const isWide = (kind & Truncation.ToI64) !== 0
  const isUnsigned = (kind & Truncation.Unsigned) !== 0
  const end = asm.newLabel()
  const nan = asm.newLabel()
  const positive = asm.newLabel()
  asm.rr(Op.Xorps, Size.Q, SCRATCH_XMM, SCRATCH_XMM)
  asm.rr(Op.Ucomiss + d, Size.D, from, SCRATCH_XMM)
  asm.jcc(Cond.P, nan)
  asm.jcc(Cond.A, positive)
  if (!isUnsigned) {
    asm.movImm(to, isWide ? 0 : -0x80000000, isWide ? -0x80000000 : 0)
    asm.jmp(end)
  }
  asm.bind(nan)
  asm.movImm(to, 0, 0)
  asm.jmp(end)
  asm.bind(positive)
  const high = isUnsigned ? -1 : 0x7fffffff
  asm.movImm(to, isWide ? -1 : high, isWide ? high : 0)
  asm.bind(end)
}

/** A value with the top bit is halved first; the bit that is lost is kept as a sticky one, for rounding. */
function convertU64(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const d = code.imm[i]
  const from = e.register(i, 0)
  const to = e.result(i)
  const [large, even, done] = [asm.newLabel(), asm.newLabel(), asm.newLabel()]
  asm.rr(Op.Xorps, Size.Q, to, to)
  asm.rr(Op.Test, Size.Q, from, from)
  asm.jcc(Cond.S, large)
  asm.rr(Op.Cvtsi2ss + d, Size.Q, to, from)
  asm.jmp(done)
  asm.bind(large)
  asm.rr(Op.Mov, Size.Q, SCRATCH_REG, from)
  asm.ri(Op.Shr, Size.Q, SCRATCH_REG, 1)
  asm.jcc(Cond.AE, even)
  asm.ri(Op.Or, Size.Q, SCRATCH_REG, 1)
  asm.bind(even)
  asm.rr(Op.Cvtsi2ss + d, Size.Q, to, SCRATCH_REG)
  asm.rr(Op.Addss + d, Size.D, to, to)
  asm.bind(done)
}

/** bsr and bsf leave their result undefined for zero, and say so. */
function countZeros(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const size: Size = code.size[i]
  const bits = size === Size.Q ? 64 : 32
  const from = e.register(i, 0)
  const to = e.result(i)
  const isTrailing = code.imm[i] === 1
  asm.movImm(SCRATCH_REG, isTrailing ? bits : 2 * bits - 1, 0)
  asm.rr(isTrailing ? Op.Bsf : Op.Bsr, size, to, from)
  asm.rr(Op.Cmovcc + Cond.E, size, to, SCRATCH_REG)
  if (!isTrailing) asm.ri(Op.Xor, size, to, bits - 1)
}

/** Sums of 2, 4, 8 bits side by side, then of all bytes by a multiplication. */
function countOnes(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const size: Size = code.size[i]
  const x = e.result(i)
  const t = e.register(i, 2)
  const constant = (bits: number): void => asm.movImm(SCRATCH_REG, bits, size === Size.Q ? bits : 0)
  const half = (by: number): void => {
    asm.rr(Op.Mov, size, t, x)
    asm.ri(Op.Shr, size, t, by)
  }
  half(1)
  constant(0x55555555)
  asm.rr(Op.And, size, t, SCRATCH_REG)
  asm.rr(Op.Sub, size, x, t)
  half(2)
  constant(0x33333333)
  asm.rr(Op.And, size, t, SCRATCH_REG)
  asm.rr(Op.And, size, x, SCRATCH_REG)
  asm.rr(Op.Add, size, x, t)
  half(4)
  asm.rr(Op.Add, size, x, t)
  constant(0x0f0f0f0f)
  asm.rr(Op.And, size, x, SCRATCH_REG)
  constant(0x01010101)
  asm.rr(Op.Imul, size, x, SCRATCH_REG)
  asm.ri(Op.Shr, size, x, size === Size.Q ? 56 : 24)
}
