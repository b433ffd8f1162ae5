// Builtins of the runtime that machine code calls: the instructions that the interpreter's loop does not do itself either, so it is the same
// code that does them (interp/cold). The instruction is written behind the end of the code arena, its operands above the frames in use.

import { type Builtin, BUILTIN_NAMES } from '../ssa/types.ts'
import { Op as Wasm } from '../wasm/op.gen.ts'
import type { Instance } from '../runtime/instance.ts'
import { CODE_WORDS, Ctx, Exit, FUNC_WORDS_LOG2, Func } from '../runtime/machine-format.ts'
import { bug } from '../util/bug.ts'
import { CODE, cold, CTX, FUNC, isSubtypeId, R } from './parts.ts'

/** Distance of cold IR ops from Wasm opcodes, as in interp/cold. */
const COLD_BASE = 0x1000

interface Form {
  readonly opcode: number
  readonly results: number
  readonly operands: number
  readonly immediates: number
}

/** By `Builtin`; undefined if it is no instruction. */
const FORMS: readonly (Form | undefined)[] = [
  { opcode: Wasm.MemoryGrow, results: 1, operands: 1, immediates: 1 },
  { opcode: Wasm.MemoryFill, results: 0, operands: 3, immediates: 1 },
  { opcode: Wasm.MemoryCopy, results: 0, operands: 3, immediates: 2 },
  { opcode: Wasm.MemoryInit, results: 0, operands: 3, immediates: 2 },
  { opcode: Wasm.DataDrop, results: 0, operands: 0, immediates: 1 },
  { opcode: Wasm.TableGrow, results: 1, operands: 2, immediates: 1 },
  { opcode: Wasm.TableFill, results: 0, operands: 3, immediates: 1 },
  { opcode: Wasm.TableCopy, results: 0, operands: 3, immediates: 2 },
  { opcode: Wasm.TableInit, results: 0, operands: 3, immediates: 2 },
  { opcode: Wasm.ElemDrop, results: 0, operands: 0, immediates: 1 },
  undefined,
]

export const enum BuiltinResult {
  Done,
  /** Done, and the slice is used up. */
  Slice,
  /** CTX[Ctx.A] is the trap's code. */
  Trap,
}

/**
 * Does it: operands are the first integers of `ints` (pairs of words), where the result goes too. Slots from `slot` are free.
 */
export function callBuiltin(builtin: Builtin, instance: Instance, ints: Int32Array, slot: number): BuiltinResult {
  const shape = FORMS[builtin]
  if (shape === undefined) {
    const type = FUNC[((ints[0] >>> 3) << FUNC_WORDS_LOG2) + Func.Type]
    ints[0] = isSubtypeId(type, ints[2]) ? 1 : 0
    ints[1] = 0
    return BuiltinResult.Done
  }
  const { opcode, results, operands, immediates } = shape
  const pc = CODE_WORDS
  let word = pc
  // The upper half of an i32 is zero.
  R[slot << 1] = R[(slot << 1) + 1] = 0
  CODE[word++] = COLD_BASE + opcode
  if (results > 0) CODE[word++] = 0
  for (let i = 0; i < operands; i++) {
    CODE[word++] = i + 1
    R[(slot + 1 + i) << 1] = ints[2 * i]
    R[((slot + 1 + i) << 1) + 1] = ints[2 * i + 1]
  }
  for (let i = operands; i < operands + immediates; i++) CODE[word++] = ints[2 * i]
  let result = BuiltinResult.Done
  for (;;) {
    const next = cold(CODE[pc], pc, slot, instance)
    if (next === word) break
    if (~next === Exit.Trap) return BuiltinResult.Trap
    if (~next !== Exit.Slice) bug(`${BUILTIN_NAMES[builtin]}: ${next}`)
    result = BuiltinResult.Slice
    if (CTX[Ctx.Pc] === word) break
  }
  if (results > 0) {
    ints[0] = R[slot << 1]
    ints[1] = R[(slot << 1) + 1]
  }
  return result
}
