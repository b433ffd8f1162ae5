// Machine IR as text, before or after register allocation.
//
//   block1 (depth 1) <- 0 2
//     v4, v5 = start                      operands: `v1` in a register, `v1?` or in a slot, `v1=rcx` in that register, `v1~0` in that of
//     v6~0 = add.d v4, v5                 operand 0, `!v1` late use, early def
//     jump 2 (v6, v5)

import { type Allocation, MOVE_WORDS } from './regalloc/allocation.ts'
import { FIRST_SLOT, SCRATCH } from './regalloc/parallel-move.ts'
import type { RegisterFile } from './regalloc/register-file.ts'
import { Generic, InstrFlag, Operand, payloadOf, type VCode } from './vcode.ts'

/** Names of an ISA's ops, and of its instructions' other parts. */
export interface InstructionNames {
  /** Text of an op with its size, without operands. */
  op(code: VCode, instr: number): string
  /** What follows the operands (immediates, addresses), or ''. */
  rest(code: VCode, instr: number): string
}

const GENERIC = ['start', 'move', 'jump']

/** The function as text; with an allocation, locations stand beside the vregs, and moves where they are done. */
export function printVCode(
  code: VCode,
  registers: RegisterFile,
  names: InstructionNames,
  allocation?: Allocation,
): string {
  const lines: string[] = []
  let move = 0
  for (let block = 0; block < code.blocks; block++) {
    const from = [...code.predecessors.subarray(code.predecessorStart[block], code.predecessorStart[block + 1])]
    const notes = `${code.loopDepth[block] > 0 ? ` (depth ${code.loopDepth[block]})` : ''}${code.cold[block] === 1 ? ' cold' : ''}`
    lines.push(`block${block}${notes}${from.length > 0 ? ` <- ${from.join(' ')}` : ''}`)
    for (let i = code.blockStart[block]; i < code.blockStart[block + 1]; i++) {
      if (allocation !== undefined)
        for (; move < allocation.moveCount && allocation.moves[move * MOVE_WORDS] <= i; move++) {
          const [from, to] = allocation.moves.subarray(move * MOVE_WORDS + 1, move * MOVE_WORDS + 3)
          lines.push(`    ${locationName(registers, to)} <- ${locationName(registers, from)}`)
        }
      lines.push(`  ${instruction(code, registers, names, allocation, block, i)}`)
    }
  }
  return lines.join('\n') + '\n'
}

/** A location's name: a register, [n] for slot n, v1 for a vreg that is made again. */
export function locationName(registers: RegisterFile, location: number): string {
  if (location < 0) return `v${~location}`
  if (location === SCRATCH) return 'scratch'
  return location < FIRST_SLOT ? registers.names[location] : `[${location - FIRST_SLOT}]`
}

function instruction(
  code: VCode,
  registers: RegisterFile,
  names: InstructionNames,
  allocation: Allocation | undefined,
  block: number,
  i: number,
): string {
  const defs: string[] = []
  const uses: string[] = []
  for (let o = code.operandStart[i]; o < code.operandStart[i + 1]; o++) {
    const operand = code.operands[o]
    const isDef = (operand & Operand.Def) !== 0
    const at = allocation === undefined ? '' : `:${locationName(registers, allocation.operands[o])}`
    ;(isDef ? defs : uses).push(operandText(operand, registers) + at)
  }
  const op = code.op[i] < Generic.FirstIsa ? GENERIC[code.op[i]] : names.op(code, i)
  const rest = code.op[i] < Generic.FirstIsa ? '' : names.rest(code, i)
  const isLast = i === code.blockStart[block + 1] - 1
  const targets = isLast
    ? [...code.successors.subarray(code.successorStart[block], code.successorStart[block + 1])]
    : []
  const args = isLast ? [...code.args.subarray(code.argStart[block], code.argStart[block + 1])] : []
  const parts = [...uses, rest, ...targets.map((target) => `block${target}`)].filter((part) => part !== '')
  return [
    defs.length > 0 ? `${defs.join(', ')} = ` : '',
    op,
    parts.length > 0 ? ` ${parts.join(', ')}` : '',
    args.length > 0 ? ` (${args.map((arg) => `v${arg}`).join(', ')})` : '',
    (code.flags[i] & InstrFlag.Clobbers) !== 0 ? ' clobbers' : '',
  ].join('')
}

function operandText(operand: number, registers: RegisterFile): string {
  const isDef = (operand & Operand.Def) !== 0
  const isLate = (operand & Operand.Late) !== 0
  const name = `${isDef === isLate ? '' : '!'}v${operand & Operand.VregMask}`
  switch (operand & Operand.ConstraintMask) {
    case Operand.Any:
      return `${name}?`
    case Operand.Fixed:
      return `${name}=${registers.names[payloadOf(operand)]}`
    case Operand.Reuse:
      return `${name}~${payloadOf(operand)}`
    default:
      return name
  }
}
