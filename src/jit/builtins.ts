// Builtins of the runtime that machine code calls: the instructions that the interpreter's loop does not do itself either, so it is the same
// code that does them (interp/cold). The instruction is written behind the end of the code arena, its operands above the frames in use.

import { cold } from '../interp/cold/index.ts'
import { Builtin, BUILTIN_NAMES } from '../ssa/types.ts'
import { isSubtypeId } from '../wasm/canonical.ts'
import { OPCODES } from '../wasm/opcodes.ts'
import type { Instance } from '../runtime/instance.ts'
import { CODE, CODE_WORDS, CTX, Ctx, Exit, FUNC, FUNC_WORDS_LOG2, Func, R } from '../runtime/machine.ts'
import { bug } from '../util/bug.ts'

/** Distance of cold IR ops from Wasm opcodes, as in interp/cold. */
const COLD_BASE = 0x1000

interface Form {
  readonly opcode: number
  readonly results: number
  readonly operands: number
  readonly immediates: number
}

const form = (name: string, results: number, operands: number, immediates: number): Form => {
  const row = OPCODES.find((entry) => entry[1] === name)
  return row === undefined ? bug(`no opcode ${name}`) : { opcode: row[0], results, operands, immediates }
}

const FORMS: readonly (Form | undefined)[] = BUILTIN_NAMES.map((name, builtin) => {
  switch (builtin as Builtin) {
    case Builtin.MemoryGrow:
      return form(name, 1, 1, 1)
    case Builtin.TableGrow:
      return form(name, 1, 2, 1)
    case Builtin.MemoryFill:
    case Builtin.TableFill:
      return form(name, 0, 3, 1)
    case Builtin.MemoryCopy:
    case Builtin.MemoryInit:
    case Builtin.TableCopy:
    case Builtin.TableInit:
      return form(name, 0, 3, 2)
    case Builtin.DataDrop:
    case Builtin.ElemDrop:
      return form(name, 0, 0, 1)
    case Builtin.IsFunctionOfType:
      return undefined
  }
})

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
