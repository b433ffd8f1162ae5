// Text of register IR: `--dump-regir`, golden tests. pcs are relative to the function, so that the text does not depend on the arena.

import { CODE } from '../runtime/machine.ts'
import { opcodeById } from '../wasm/opcodes.ts'
import type { Module } from '../wasm/module.ts'
import { Cold, buildFunction, offsetsOf } from './build.ts'
import { ClauseWord, CodeForm, HandlerWord, type FuncCode } from './code.ts'
import { IR_COUNT, Ir } from './ir.gen.ts'
import { IR_ROWS } from './ir-ops.ts'

const CLAUSE_NAMES = ['catch', 'catch_ref', 'catch_all', 'catch_all_ref']

/** The register IR of a defined function, one instruction a line: relative pc, Wasm offset, op, operands. */
export function printRegIr(module: Module, index: number, name?: string, form = CodeForm.Fused): string {
  const code = buildFunction(module, index, form)
  const offsets = offsetsOf(module, index, form)
  const lines = [
    `function ${index}${name === undefined ? '' : ` $${name}`}: ${code.slots} slots, ${code.end - code.start} words`,
  ]
  for (let i = 0; i < offsets.length; i += 2) {
    const at = offsets[i]
    const next = i + 2 < offsets.length ? offsets[i + 2] : code.end - code.start
    lines.push(
      `  ${String(at).padStart(5)}  0x${offsets[i + 1].toString(16).padStart(4, '0')}  ${printInstruction(code, at, next)}`,
    )
  }
  return lines.concat(printHandlers(code)).join('\n') + '\n'
}

function printInstruction(code: FuncCode, at: number, next: number): string {
  const pc = code.start + at
  const op = CODE[pc]
  const words = CODE.subarray(pc + 1, code.start + next)
  if (op >= IR_COUNT) {
    const row = opcodeById(op - Cold.Base)
    return `${row === undefined ? `op ${op}` : row[1]}!  ${Array.from(words).join(' ')}`
  }
  const row = IR_ROWS[op]
  const operands: string[] = []
  for (let i = 0; i < words.length; i++) {
    const letter = row.operands[i] ?? '*'
    const word = words[i]
    if (op === Ir.BrTable && i >= 2) operands.push(`@${word - code.start}`)
    else if ('dabce'.includes(letter) && !(letter === 'c' && op === Ir.ReturnCallIndirect)) operands.push(`r${word}`)
    else if (letter === 't') operands.push(`@${word - code.start}`)
    else if (letter === 'o') operands.push(`+${word >>> 0}`)
    else if (letter === 'l') operands.push(String((BigInt(words[i + 1]) << 32n) | BigInt(word >>> 0)))
    else if (letter !== 'h') operands.push(String(word))
  }
  return operands.length === 0 ? row.name : `${row.name}  ${operands.join(', ')}`
}

function printHandlers(code: FuncCode): string[] {
  const lines: string[] = []
  const words = code.handlers ?? []
  for (let i = 0; i < words.length;) {
    lines.push(
      `  handler ${words[i + HandlerWord.Start]}..${words[i + HandlerWord.End]} payload r${words[i + HandlerWord.Slot]}`,
    )
    let clause = i + HandlerWord.Words
    for (let n = words[i + HandlerWord.Clauses]; n > 0; n--, clause += ClauseWord.Words) {
      const kind = words[clause + ClauseWord.Kind]
      lines.push(
        `    ${CLAUSE_NAMES[kind]}${kind < 2 ? ` tag ${words[clause + ClauseWord.Tag]}` : ''} -> @${words[clause + ClauseWord.Target]}`,
      )
    }
    i = clause
  }
  return lines
}
