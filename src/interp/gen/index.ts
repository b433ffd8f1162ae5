// Generates src/interp/ir.gen.ts (op numbers and builder tables) and src/interp/loop.gen.ts (the loop) from the register-IR table.
// Runs in the build only (scripts/gen.mjs).

import { OPCODES } from '../../wasm/opcodes.ts'
import { ALIASES, COMMUTATIVE, IR_ROWS, type IrRow } from '../ir-ops.ts'
import { LOOP_TEMPLATE } from './loop-template.ts'

const pascal = (name: string): string => name.replace(/(^|[._])(\w)/g, (_, _sep, c: string) => c.toUpperCase())

/** Words of an instruction, without the variable tail of br_table. */
const lengthOf = (row: IrRow): number => 1 + row.operands.replace('*', '').length

const numberOf = new Map(IR_ROWS.map((row, index) => [row.name, index]))

/** The compare that is true exactly when `name` is false; integers only. */
function inverse(name: string): string | undefined {
  const match = /^(i32|i64)\.(eq|ne|lt|gt|le|ge)(_[su])?(_k)?$/.exec(name)
  if (match === null) return undefined
  const opposite: Record<string, string> = { eq: 'ne', ne: 'eq', lt: 'ge', ge: 'lt', gt: 'le', le: 'gt' }
  return `${match[1]}.${opposite[match[2]]}${match[3] ?? ''}${match[4] ?? ''}`
}

function branchForms(name: string): [whenTrue: string, whenFalse: string] | undefined {
  if (name === 'i32.eqz' || name === 'ref.is_null') return ['br_unless', 'br_if']
  if (!numberOf.has('br.' + name)) return undefined
  if (numberOf.has('br_not.' + name)) return ['br.' + name, 'br_not.' + name]
  const float = /^(f32|f64)\.(eq|ne)$/.exec(name)
  const other = float !== null ? `${float[1]}.${float[2] === 'eq' ? 'ne' : 'eq'}` : inverse(name)
  if (other === undefined || !numberOf.has('br.' + other)) throw new Error(`no inverse branch of ${name}`)
  return ['br.' + name, 'br.' + other]
}

function oppositeBranch(name: string): string | undefined {
  for (const row of IR_ROWS) {
    const forms = branchForms(row.name)
    if (forms?.[0] === name) return forms[1]
    if (forms?.[1] === name) return forms[0]
  }
  return undefined
}

function generateTables(): string {
  const ofOp = new Array<number>(0x210).fill(0)
  for (const [id, name] of OPCODES) {
    const ir = numberOf.get(ALIASES[name] ?? name)
    if (ir !== undefined && id < ofOp.length) ofOp[id] = ir
  }
  const column = (f: (row: IrRow) => number): string => `new Uint16Array([${IR_ROWS.map(f).join(',')}])`
  const find = (name: string | undefined): number => (name === undefined ? 0 : (numberOf.get(name) ?? 0))
  return `// Written by scripts/gen.mjs from src/interp/ir-ops.ts.

/** Register-IR ops of the loop. */
export const enum Ir {
${IR_ROWS.map((row, index) => `  ${pascal(row.name)} = ${index},`).join('\n')}
}

/** Number of ops of the loop. */
export const IR_COUNT = ${IR_ROWS.length}
/** Wasm opcode id -> the op of the loop that performs it, or 0. */
export const IR_OF_OP = new Uint16Array([${ofOp.join(',')}])
/** Words of an instruction with its operands (br_table: without its targets). */
export const IR_LENGTH = ${column(lengthOf)}
/** The form that takes its last operand from a constant, or 0. */
export const CONSTANT_FORM = ${column((row) => find(row.name + '_k'))}
/** 1 if the operands of a binary op may change places. */
export const IS_COMMUTATIVE = ${column((row) => (COMMUTATIVE.includes(row.name) ? 1 : 0))}
/** Compare -> the op that branches when it is true, or 0. */
export const BRANCH_WHEN_TRUE = ${column((row) => find(branchForms(row.name)?.[0]))}
/** Compare -> the op that branches when it is false, or 0. */
export const BRANCH_WHEN_FALSE = ${column((row) => find(branchForms(row.name)?.[1]))}
/** Conditional branch -> the one that branches in the opposite case, or 0. */
export const OPPOSITE_BRANCH = ${column((row) => find(oppositeBranch(row.name)))}
/** Conditional branch -> the loop latch that adds a constant to its first operand before, or 0. */
export const LATCH_FORM = ${column((row) => find('latch.' + row.name))}
/** Load -> the form whose address is the sum of two registers, or 0. */
export const INDEXED_FORM = ${column((row) => find(row.name + '_x'))}
/** Integer compare -> its opposite, or 0. */
export const INVERSE_COMPARE = ${column((row) => find(inverse(row.name)))}
`
}

/**
 * Expands the operand macros of a body; see ir-ops.ts. An operand that is read or written more than once as int32 halves gets its index
 * into R in a variable first: less bytecode (the loop has a budget, docs/interpreter.md) and less work.
 */
function expand(row: IrRow, variant: Variant): string {
  const at = (letter: string): string => {
    const index = row.operands.indexOf(letter)
    if (index < 0) throw new Error(`${row.name}: no operand ${letter}`)
    return `CODE[pc + ${index + 1}]`
  }
  let prefix = ''
  const hoisted = new Set<string>()
  for (const letter of 'abcd') {
    if ((row.body.match(new RegExp(`\\b[IUHF]\\(${letter}\\)`, 'g')) ?? []).length < 2) continue
    hoisted.add(letter)
    prefix += `${letter}i = (fp + ${at(letter)}) << 1; `
  }
  const body = row.body
    .replace(/\b([IUHFDQW])\(([a-z])\)/g, (_, kind: string, letter: string) => {
      const word = at(letter)
      const slot = hoisted.has(letter) ? `${letter}i` : `(fp + ${word}) << 1`
      switch (kind) {
        case 'I':
          return `R[${slot}]`
        case 'U':
          return `(R[${slot}] >>> 0)`
        case 'H':
          return hoisted.has(letter) ? `R[${slot} + 1]` : `R[((fp + ${word}) << 1) + 1]`
        case 'F':
          return `RF[${slot}]`
        case 'D':
          return `RD[fp + ${word}]`
        case 'Q':
          return `RQ[fp + ${word}]`
        default:
          return word
      }
    })
    .replace(/EXIT\((\d+)\)/g, `${variant.save}CTX[0] = pc; CTX[1] = fp; CTX[2] = fsp; return $1`)
    .replace(/JUMP\(t\)/g, () => `{ pc = ${at('t')}; ${variant.arrive} }`)
    .replace(/ARRIVE/g, () => variant.arrive)
    .replace(/CALLED/g, () => variant.called)
  return prefix + body
}

/** What differs between the instantiations of the loop. */
interface Variant {
  readonly name: string
  readonly comment: string
  /** Behind a taken branch: pc is its target. Leaves the switch with `code` 0 if there is nothing left to go on with. */
  readonly arrive: string
  /** What is done about that. */
  readonly leave: string
  /** Behind a call: pc is the callee's entry. */
  readonly called: string
  /** Puts the variant's registers into CTX. */
  readonly save: string
  /** Takes them from there at entry. */
  readonly enter: string
  /** Takes them back behind a cold op, which may have used some. */
  readonly load: string
}

const VARIANTS: readonly Variant[] = [
  {
    name: 'runFast',
    comment: 'Counts taken branches and calls, nothing else.',
    arrive: 'if (--slice < 0) break; continue',
    leave: 'code = -4',
    called: 'if (--slice < 0) break; continue',
    save: '',
    enter: '',
    load: '',
  },
  {
    name: 'runMetered',
    comment:
      'For metered code: in front of every branch target lies a `fuel` instruction, whose last word says what the segment costs.',
    arrive: 'if ((fuel -= CODE[pc - 1]) < 0) break; continue',
    leave: 'fuel += CODE[pc - 1]; pc -= 2; code = -5',
    called: 'continue',
    save: 'CTX[9] = fuel; ',
    enter: 'let fuel = CTX[9]',
    load: 'fuel = CTX[9]',
  },
]

function arm(row: IrRow, index: number, variant: Variant): string {
  const body = expand(row, variant)
  const leaves = /(?:^|[;\s])(?:continue|break|return \d+|throw [^;]*)$/.test(body) && !body.endsWith('}')
  const next = leaves ? '' : `; pc += ${lengthOf(row)}; continue`
  // Statements after an if-block need no separator, but an empty statement is harmless.
  return `      case ${index}: // ${row.name}\n        ${body}${next}`
}

function generateRun(variant: Variant): string {
  const cases = IR_ROWS.map((row, index) => arm(row, index, variant)).join('\n')
  return LOOP_TEMPLATE.replaceAll('VARIANT', variant.name)
    .replace('COMMENT', variant.comment)
    .replace('CASES', () => cases)
    .replaceAll('SAVE ', variant.save)
    .replace('LEAVE', variant.leave)
    .replace('ENTER', variant.enter)
    .replaceAll('LOAD\n', variant.load + '\n')
}

export function generateLoop(): Record<string, string> {
  // The arenas are constants of a function scope that is entered once: bundlers turn constants of module scope into `var`, and V8 folds
  // only what cannot change (docs/interpreter.md: 23 %).
  const head = `// Written by scripts/gen.mjs from src/interp/ir-ops.ts and src/interp/gen/loop-template.ts.

import { isSubtypeId } from '../wasm/canonical.ts'
import * as machine from '../runtime/machine.ts'
import { INSTANCES, type GlobalInstance, type TableInstance } from '../runtime/instance.ts'
import { cold } from './cold/index.ts'
`
  return {
    'src/interp/ir.gen.ts': generateTables(),
    'src/interp/loop.gen.ts': head + VARIANTS.map(generateRun).join(''),
  }
}
