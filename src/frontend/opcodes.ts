// Wasm opcode -> SSA op, for the instructions that are one operation in both.

import { OP_NAMES } from '../ssa/op-tables.ts'
import { OP_COUNT, OPCODES } from '../wasm/opcodes.ts'

/** By Wasm opcode: the SSA op, 0 (`Op.Nop`) if there is none. */
export const SSA_OP = new Uint8Array(OP_COUNT)
/** By Wasm opcode: bytes that a load or store touches, else 0. */
export const ACCESS_BYTES = new Uint8Array(OP_COUNT)

const byName = new Map(OP_NAMES.map((name, op) => [name, op]))
for (const [id, name, signature, , , align] of OPCODES) {
  const op = byName.get(name)
  if (op === undefined || signature === '*') continue
  SSA_OP[id] = op
  if (align !== undefined) ACCESS_BYTES[id] = 1 << align
}
