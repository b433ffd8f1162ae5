// Code whose rules of validation are not checked: only that it is a sequence of instructions (spec 3.0, section 5.4).

import { growUint8 } from '../util/grow.ts'
import { ImmKind, OP_IMM, OpClass } from './op-tables.ts'
import { Op } from './op.gen.ts'
import type { Validator } from './validate.ts'

/** Skips a function body, which must fill the part being read: local declarations, then an expression. */
export function skipBody(v: Validator): void {
  for (let groups = v.count(2, 'a list of locals'); groups > 0; groups--) {
    v.u32()
    v.checkedValType()
  }
  skipExpression(v, true)
  if (v.pos !== v.end) v.malformed('section size mismatch: function body goes on behind its end')
}

/** Skips an expression with its closing `end`. Only code needs a data count section for its segments. */
export function skipExpression(v: Validator, inCode: boolean): void {
  /** By nesting depth: 1 in an `if` that may still get an `else`. */
  let mayElse = new Uint8Array(16)
  for (let depth = 1; depth > 0;) {
    if (v.pos >= v.end) v.unexpectedEnd()
    const op = v.opcode()
    if (v.classes[op] === OpClass.Illegal) v.illegalOpcode()
    if (op === Op.Block || op === Op.Loop || op === Op.If || op === Op.TryTable) {
      mayElse = growUint8(mayElse, ++depth + 1)
      mayElse[depth] = op === Op.If ? 1 : 0
    } else if (op === Op.End) depth--
    else if (op === Op.Else) {
      if (mayElse[depth] === 0) v.malformed('END opcode expected: else without if', v.at)
      mayElse[depth] = 0
    } else if (inCode) checkDataCount(v, op)
    v.skip(op)
  }
}

function checkDataCount(v: Validator, op: number): void {
  const kind = OP_IMM[op] as ImmKind
  if (kind !== ImmKind.DataMemory && kind !== ImmKind.Data && kind !== ImmKind.TypeData) return
  if (v.state.dataCount < 0) v.malformed('data count section required', v.at)
}
