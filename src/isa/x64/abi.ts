// The calling convention of docs/jit.md on x86-64, as the register allocator and lowering see it.

import type { RegisterFile } from '../../codegen/regalloc/register-file.ts'
import { Type } from '../../ssa/types.ts'
import { Reg, REGISTER_NAMES, Size } from './registers.ts'
import { ARGUMENT_REGISTERS } from './stubs.ts'

/** Vector registers begin here in the allocator's numbering. */
export const XMM = 32

/** Never allocated: scratch for moves, and within an instruction of machine.ts. */
export const SCRATCH_REG = Reg.R11
export const SCRATCH_XMM = 15

/** Pinned. */
export const MEMORY_REG = Reg.R14
export const INSTANCE_REG = Reg.R15

export const PRESERVED: readonly Reg[] = [Reg.Rbx, Reg.Rbp, Reg.R12, Reg.R13]

const FLOAT_ARGUMENTS = [0, 1, 2, 3, 4, 5, 6, 7]

/** Shift counts want rcx, and division wants rax and rdx: they are taken last of those that calls clobber. */
const CLOBBERED: readonly Reg[] = [Reg.Rdi, Reg.Rsi, Reg.R8, Reg.R9, Reg.R10, Reg.Rax, Reg.Rdx, Reg.Rcx]

export const X64_REGISTERS: RegisterFile = {
  allocatable: [[...CLOBBERED, ...PRESERVED], Array.from({ length: 15 }, (_, n) => XMM + n)],
  preserved: PRESERVED,
  names: Array.from({ length: 64 }, (_, r) =>
    r < 16 ? REGISTER_NAMES[Size.Q][r] : r >= XMM && r < XMM + 16 ? `xmm${r - XMM}` : '',
  ),
}

const isFloat = (type: Type): boolean => type === Type.F32 || type === Type.F64

/**
 * Where arguments or results are, in the order of their types: registers; ~n for word n of `Context.Overflow`. Undefined if there are vectors.
 */
export function locationsOf(types: readonly Type[]): readonly number[] | undefined {
  let ints = 0
  let floats = 0
  let words = 0
  const locations: number[] = []
  for (const type of types) {
    if (type === Type.V128) return undefined
    if (isFloat(type)) locations.push(floats < FLOAT_ARGUMENTS.length ? XMM + FLOAT_ARGUMENTS[floats++] : ~words++)
    else locations.push(ints < ARGUMENT_REGISTERS.length ? ARGUMENT_REGISTERS[ints++] : ~words++)
  }
  return locations
}
