// The op table as typed arrays by `Op`: what passes look up per instruction.

import { bug } from '../util/bug.ts'
import { Flag, OP_ROWS } from './ops.ts'
import { Type } from './types.ts'

const FLAGS: Readonly<Record<string, number>> = {
  p: Flag.Pure,
  t: Flag.Trap,
  r: Flag.Read,
  w: Flag.Write,
  x: Flag.Call,
  c: Flag.Commutative,
  k: Flag.Terminator,
  e: Flag.Edges,
  n: Flag.List,
  s: Flag.List | Flag.Signature,
}

/** What a result type of `*` is in `RESULT`, and an operand of `*` in `OPERAND_TYPE`. */
export const ANY_TYPE = 7

const LETTERS: Readonly<Record<string, number>> = {
  '': Type.None,
  i: Type.I32,
  l: Type.I64,
  f: Type.F32,
  d: Type.F64,
  v: Type.V128,
  r: Type.Ref,
  '*': ANY_TYPE,
}

/** `Flag`s. */
export const OP_FLAGS = new Uint16Array(OP_ROWS.length)
/** Number of values in the columns a, b, c. */
export const OPERANDS = new Uint8Array(OP_ROWS.length)
/** Types of the operands: op * 3 + position. */
export const OPERAND_TYPE = new Uint8Array(OP_ROWS.length * 3)
/** Result type, `ANY_TYPE` if it depends. */
export const RESULT = new Uint8Array(OP_ROWS.length)
export const OP_NAMES: readonly string[] = OP_ROWS.map((row) => row[0])

for (let op = 0; op < OP_ROWS.length; op++) {
  const [name, operands, result, flags] = OP_ROWS[op]
  for (const letter of flags) OP_FLAGS[op] |= FLAGS[letter] ?? bug(`flag ${letter} of ${name}`)
  OPERANDS[op] = operands.length
  for (let i = 0; i < operands.length; i++) OPERAND_TYPE[op * 3 + i] = LETTERS[operands[i]]
  RESULT[op] = LETTERS[result]
}

export const isTerminator = (op: number): boolean => (OP_FLAGS[op] & Flag.Terminator) !== 0
