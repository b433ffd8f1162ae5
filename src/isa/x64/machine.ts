// Machine instructions of x86-64 before emission. An op of machine IR is a *shape*, which says what its operands, imm, aux and size are, and
// for most shapes an instruction of the table: `shape | op << 8`. Shapes without one are sequences, which emit*.ts writes out. They may
// use the scratch registers r11 and xmm15, and leave no flags that anybody relies on. A shape that reads flags follows at once
// the one that sets them: the moves that the allocator puts between change no flags.

import type { InstructionNames } from '../../codegen/print.ts'
import type { VCode } from '../../codegen/vcode.ts'
import { mnemonicOf, type Op } from './instructions.ts'
import { CONDITION_NAMES } from './registers.ts'

export const enum Shape {
  /** def = imm, aux (low, high words). The number is `Generic.FirstIsa`: the bundler counts on from literals only. */
  Const = 8,
  /** def = the bits imm, aux; size D or Q. */
  FloatConst,
  /** op def, use or slot. */
  Unary,
  /** op def, use or slot, imm. */
  UnaryImm,
  /** op def = use0, use1 or slot. */
  Binary,
  /** op def = use0, imm. */
  BinaryImm,
  /** op def = use0. */
  InPlace,
  /** op def, use0, use1: VEX. */
  Three,
  /** op use0, use1 or slot: sets flags. */
  Compare,
  /** op use0, imm: sets flags. */
  CompareImm,
  /** def = imm (a `FlagTest`) ? 1 : 0. */
  SetFlag,
  /** def = use0, which imm (a `FlagTest`) replaces by use1. */
  CMove,
  /** The same for floats. */
  FloatMove,
  /** op def, [address]; address: see `Address`, displacement in aux. */
  Load,
  /** op [address], use. */
  Store,
  /** Jumps to the first successor if imm (a `FlagTest`), else to the second. */
  BranchIf,
  /** To successor number use, or to the last. */
  Switch,
  /** Traps with reason aux if imm (a `FlagTest`). */
  TrapIf,
  /** Traps with reason aux. */
  Trap,
  Return,
  /** Division: use rax, use divisor (late), def rax, def rdx. imm: a `Division`. */
  Divide,
  /** op use rax, use factor: def rdx is the high half, rax is lost. */
  MulHigh,
  /** def = and of all: abs, negation: op def = use0 with the bits imm, aux in all lanes. */
  FloatMask,
  /** def = use0 with the sign of use1 (late). */
  CopySign,
  /** def = the smaller (imm 0) or larger (1) of use0 and use1 (late). */
  MinMax,
  /** def = use, truncated: imm is `Truncation` bits. */
  Truncate,
  /** def = use as an u64, converted; imm 1: to f64. */
  ConvertU64,
  /** Leading (imm 0) and trailing (1) zeros by bsr and bsf. */
  CountZeros,
  /** Population count by arithmetic; use0 reused, def early: a temporary. */
  CountOnes,
  /** op [address], imm: like `Store`. */
  StoreImm,
  /** op def = use0, [address]. */
  BinaryLoad,
  /** op use0, [address]: sets flags. */
  CompareLoad,
  /** op [address], imm: sets flags. */
  CompareLoadImm,
  /** op def = use0, the float with the bits imm, aux. */
  BinaryConst,
  /** Calls function aux of the module. Uses and defs of all calls: fixed registers. */
  Call,
  /** Calls imported function aux. */
  CallImport,
  /** Calls the function of reference use0. */
  CallRef,
  /** Calls builtin aux of the runtime. */
  CallRuntime,
  /** The same as terminators: the frame is gone when they jump. */
  TailCall,
  TailCallImport,
  TailCallRef,
  /** Leaves if the stack pointer is beyond `Instance.StackLimit`; goes on. */
  Poll,
  /** Takes aux units of fuel; leaves if there are not so many, and tries again. */
  Fuel,
  /** Compares the type id of the function of reference use0 with imm: sets flags. */
  CompareType,
}

/** Bits of imm of `Divide`. */
export const enum Division {
  Signed = 1,
  /** The divisor may be zero: check. */
  CheckZero = 2,
  /** The divisor may be -1: check for overflow, or skip the division of a remainder. */
  CheckMinusOne = 4,
  Remainder = 8,
}

/** Bits of imm of `Truncate`. */
export const enum Truncation {
  FromF64 = 1,
  ToI64 = 2,
  Unsigned = 4,
  Saturating = 8,
}

/** Reasons of the traps that sequences check for: numbers of the runtime's `TrapCode`, like SSA's `TrapReason`. */
export const enum ArithmeticTrap {
  DivideByZero = 7,
  IntegerOverflow = 8,
  InvalidConversion = 9,
}

/** What is asked of the flags: a `Cond`, or after ucomis one of two that take parity too. */
export const enum FlagTest {
  FloatEqual = 16,
  FloatNotEqual = 17,
}

/** The opposite test. */
export const negated = (test: number): number => test ^ 1

/** Addresses, in the size column: bits 0 and 1 the operand's `Size`, then: */
export const enum Address {
  ScaleShift = 2,
  HasIndex = 1 << 4,
  /** The base: a use, the memory register, or the instance register. */
  BaseShift = 5,
  BaseMemory = 1 << BaseShift,
  BaseInstance = 2 << BaseShift,
  BaseMask = 3 << BaseShift,
  /** The base is none of guest memory: the access does not fault. */
  NoFault = 1 << 7,
}

export const shapeOf = (op: number): Shape => op & 0xff
export const instructionOf = (op: number): Op => op >> 8

const SHAPE_NAMES =
  'const fconst - - - - - - - - set cmov fmove - - branch switch trapif trap return div mulhi fmask copysign minmax truncate convert-u64 zeros ones - - - - - call call.import call.ref call.runtime tail tail.import tail.ref poll fuel cmp.type'.split(
    ' ',
  )

const testName = (test: number): string =>
  test < 16 ? CONDITION_NAMES[test] : test === FlagTest.FloatEqual ? 'fe' : 'fne'

/** For `printVCode`. */
export const X64_NAMES: InstructionNames = {
  op(code: VCode, i: number): string {
    const shape = shapeOf(code.op[i])
    const size = 'bwdq'[code.size[i] & 3]
    switch (shape) {
      case Shape.SetFlag:
      case Shape.CMove:
      case Shape.FloatMove:
      case Shape.BranchIf:
      case Shape.TrapIf:
        return `${SHAPE_NAMES[shape - Shape.Const]}.${testName(code.imm[i])}`
      default: {
        const name = SHAPE_NAMES[shape - Shape.Const]
        return `${name === '-' ? mnemonicOf(instructionOf(code.op[i])) : name}.${size}`
      }
    }
  },
  rest(code: VCode, i: number): string {
    switch (shapeOf(code.op[i])) {
      case Shape.Const:
      case Shape.FloatConst:
      case Shape.BinaryConst:
        return `0x${((BigInt(code.aux[i] >>> 0) << 32n) | BigInt(code.imm[i] >>> 0)).toString(16)}`
      case Shape.UnaryImm:
      case Shape.BinaryImm:
      case Shape.CompareImm:
        return String(code.imm[i])
      case Shape.StoreImm:
      case Shape.CompareLoadImm:
        return `${addressText(code.size[i], code.aux[i])} ${code.imm[i]}`
      case Shape.Load:
      case Shape.Store:
      case Shape.BinaryLoad:
      case Shape.CompareLoad:
        return addressText(code.size[i], code.aux[i])
      case Shape.TrapIf:
      case Shape.Trap:
        return `reason ${code.aux[i]}`
      case Shape.CompareType:
        return `type ${code.imm[i]}`
      case Shape.Fuel:
      case Shape.Call:
      case Shape.CallImport:
      case Shape.CallRuntime:
      case Shape.TailCall:
      case Shape.TailCallImport:
        return `#${code.aux[i]}`
      default:
        return ''
    }
  },
}

function addressText(bits: number, displacement: number): string {
  const base = bits & Address.BaseMask
  const parts = [base === 0 ? 'base' : base === Address.BaseMemory ? 'r14' : 'r15']
  if ((bits & Address.HasIndex) !== 0) parts.push(`index * ${1 << ((bits >> Address.ScaleShift) & 3)}`)
  if (displacement !== 0) parts.push(String(displacement))
  return `[${parts.join(' + ')}]`
}
