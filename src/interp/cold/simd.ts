// v128 instructions, by the shape their name begins with. A result or operand is a slot of the frame, its vector two slots.
//
// Relaxed instructions do what the deterministic profile says (WebAssembly 3.0, appendix "Profiles"): the same as their counterparts
// that are not relaxed; madd and nmadd round twice; the dot products take both operands as signed.

import type { Instance } from '../../runtime/instance.ts'
import { CODE } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { OPCODES } from '../../wasm/opcodes.ts'
import { bitwise } from './simd-bitwise.ts'
import { f32x4 } from './simd-f32x4.ts'
import { f64x2 } from './simd-f64x2.ts'
import { i16x8 } from './simd-i16x8.ts'
import { i32x4 } from './simd-i32x4.ts'
import { i64x2 } from './simd-i64x2.ts'
import { i8x16 } from './simd-i8x16.ts'
import { vectorAccess } from './simd-memory.ts'

const enum Family {
  None = 0,
  Bitwise = 1,
  I8x16 = 2,
  I16x8 = 3,
  I32x4 = 4,
  I64x2 = 5,
  F32x4 = 6,
  F64x2 = 7,
  Memory = 8,
}
const SHAPES = ['', 'v128', 'i8x16', 'i16x8', 'i32x4', 'i64x2', 'f32x4', 'f64x2']
const FIRST = Op.V128Load
const LAST = Op.I32x4RelaxedDotI8x16I7x16AddS

const FAMILY = new Uint8Array(LAST - FIRST + 1)
for (const [id, name, , , , align] of OPCODES) {
  if (id < FIRST || id > LAST) continue
  const isSelect = name.endsWith('.relaxed_laneselect')
  FAMILY[id - FIRST] =
    align !== undefined ? Family.Memory : isSelect ? Family.Bitwise : SHAPES.indexOf(name.slice(0, name.indexOf('.')))
}

/** Performs the v128 instruction at pc; returns the next pc, or ~Exit after a trap. `op` is the Wasm opcode id. */
export function simd(op: number, pc: number, fp: number, instance: Instance): number {
  const d = fp + CODE[pc + 1]
  const a = fp + CODE[pc + 2]
  switch (FAMILY[op - FIRST]) {
    case Family.Memory:
      return vectorAccess(op, pc, fp, instance)
    case Family.Bitwise:
      return bitwise(op, pc, fp, d, a)
    case Family.I8x16:
      return i8x16(op, pc, fp, d, a)
    case Family.I16x8:
      return i16x8(op, pc, fp, d, a)
    case Family.I32x4:
      return i32x4(op, pc, fp, d, a)
    case Family.I64x2:
      return i64x2(op, pc, fp, d, a)
    case Family.F32x4:
      return f32x4(op, pc, fp, d, a)
    case Family.F64x2:
      return f64x2(op, pc, fp, d, a)
    default:
      bug(`no vector instruction has id 0x${op.toString(16)}`)
  }
}
