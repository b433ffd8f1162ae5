// What the allocator knows of a processor.

import { RegClass, REGISTERS } from '../vcode.ts'

/** Registers are `VCode`'s numbers: class * 32 + hardware number. */
export interface RegisterFile {
  /** By class: what may be allocated, the best first: those that calls clobber, then those that cost a save in the prologue. */
  readonly allocatable: readonly (readonly number[])[]
  /** Allocatable registers that survive calls. */
  readonly preserved: readonly number[]
  readonly names: readonly string[]
}

/** A 0/1 table over all registers. */
export function registerSet(registers: readonly number[]): Uint8Array {
  const set = new Uint8Array(REGISTERS)
  for (const r of registers) set[r] = 1
  return set
}

/** A register file without a processor, for tests: `ints` and `floats` registers, of which the last `preserved` ints survive calls. */
export function syntheticRegisters(ints: number, floats: number, preserved: number): RegisterFile {
  const int = Array.from({ length: ints }, (_, i) => i)
  const float = Array.from({ length: floats }, (_, i) => RegClass.Float * 32 + i)
  const names = Array.from({ length: REGISTERS }, (_, r) => (r < 32 ? `r${r}` : `f${r - 32}`))
  return { allocatable: [int, float], preserved: int.slice(ints - preserved), names }
}
