import { CTX, Ctx, Exit, type TrapCode } from '../../runtime/machine.ts'

/** Leaves the loop with a trap at `pc`: the value a cold op returns instead of the next pc. */
export function trap(code: TrapCode, pc: number): number {
  CTX[Ctx.Pc] = pc
  CTX[Ctx.A] = code
  return ~Exit.Trap
}
