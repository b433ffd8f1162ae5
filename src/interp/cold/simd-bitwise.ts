// Vector instructions without lanes, and the selections between lanes, which the deterministic profile makes bitwise.
// [op, d, a, b, mask]; v128.const: [op, d, four words].

import { CODE, R } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { select, store4 } from './simd-lanes.ts'

export function bitwise(op: number, pc: number, fp: number, d: number, a: number): number {
  if (op === Op.V128Const) {
    store4(d, CODE[pc + 2], CODE[pc + 3], CODE[pc + 4], CODE[pc + 5])
    return pc + 6
  }
  const x = a << 1
  const a0 = R[x]
  const a1 = R[x + 1]
  const a2 = R[x + 2]
  const a3 = R[x + 3]
  if (op === Op.V128Not) {
    store4(d, ~a0, ~a1, ~a2, ~a3)
    return pc + 3
  }
  if (op === Op.V128AnyTrue) {
    R[d << 1] = (a0 | a1 | a2 | a3) === 0 ? 0 : 1
    return pc + 3
  }
  const y = (fp + CODE[pc + 3]) << 1
  const b0 = R[y]
  const b1 = R[y + 1]
  const b2 = R[y + 2]
  const b3 = R[y + 3]
  switch (op) {
    case Op.V128And:
      store4(d, a0 & b0, a1 & b1, a2 & b2, a3 & b3)
      return pc + 4
    case Op.V128Andnot:
      store4(d, a0 & ~b0, a1 & ~b1, a2 & ~b2, a3 & ~b3)
      return pc + 4
    case Op.V128Or:
      store4(d, a0 | b0, a1 | b1, a2 | b2, a3 | b3)
      return pc + 4
    case Op.V128Xor:
      store4(d, a0 ^ b0, a1 ^ b1, a2 ^ b2, a3 ^ b3)
      return pc + 4
    case Op.V128Bitselect:
    case Op.I8x16RelaxedLaneselect:
    case Op.I16x8RelaxedLaneselect:
    case Op.I32x4RelaxedLaneselect:
    case Op.I64x2RelaxedLaneselect: {
      const z = (fp + CODE[pc + 4]) << 1
      store4(d, select(a0, b0, R[z]), select(a1, b1, R[z + 1]), select(a2, b2, R[z + 2]), select(a3, b3, R[z + 3]))
      return pc + 5
    }
    default:
      bug(`bitwise vector op 0x${op.toString(16)}`)
  }
}
