// Cases for the encoder, derived from the instruction table: every form in every size, with registers whose numbers matter (plain, those
// that need REX, rsp and r12, rbp and r13, byte registers), displacements and immediates on both sides of every boundary.

import type { Assembler } from '../../src/isa/x64/assembler.ts'
import { Instruction } from '../../src/isa/x64/disassembler.ts'
import { Form, mnemonicOf, Op, operandsOf, sizesOf } from '../../src/isa/x64/instructions.ts'
import { NO_REG, Reg, Size } from '../../src/isa/x64/registers.ts'

export interface Group {
  readonly name: string
  readonly cases: Instruction[]
}

const GPR = [0, 4, 5, 7, 8, 12, 13, 15, 3]
const XMM = [0, 7, 8, 15]
const BASES = [Reg.Rax, Reg.Rsp, Reg.Rbp, Reg.Rdi, Reg.R8, Reg.R12, Reg.R13, Reg.R15]
const INDICES = [Reg.Rcx, Reg.Rbp, Reg.R8, Reg.R12, Reg.R13, Reg.Rdi]
const DISPS = [0, 1, -1, 127, 128, -128, -129, 0x7fffffff, -0x80000000]

interface Mem {
  base: number
  index: number
  shift: number
  disp: number
}

/** Every base with and without index; displacements and scales take turns. */
function addresses(full: boolean): Mem[] {
  const all: Mem[] = []
  BASES.forEach((base, i) => {
    const disps = full ? DISPS : [DISPS[i % 3], DISPS[3 + (i % 6)]]
    for (const disp of disps) all.push({ base, index: NO_REG, shift: 0, disp })
    const indices = full ? INDICES : [INDICES[i % INDICES.length]]
    indices.forEach((index, j) =>
      all.push({ base, index, shift: (i + j) & 3, disp: DISPS[(i * 5 + j) % DISPS.length] }),
    )
  })
  for (const index of [Reg.Rcx, Reg.R13]) all.push({ base: NO_REG, index, shift: 2, disp: 0 })
  all.push({ base: NO_REG, index: Reg.R8, shift: 3, disp: 0x1234 })
  return all
}

const FULL = new Set<Op>([Op.Mov, Op.Lea, Op.Movss, Op.Shlx])

function immediates(kind: string, size: Size, op: Op): number[] {
  if (kind === 'ib')
    return op === Op.Cmpss || op === Op.Cmpsd ? [0, 7] : op >= Op.Rol && op <= Op.Bt ? [1, 3] : [0, 3, 11]
  // Assemblers choose a shorter encoding for what fits in a byte.
  if (op === Op.PushImm) return [128, -129, 0x12345678, -0x80000000]
  if (kind === 'iw') return [0, 8, 0x1230]
  if (size === Size.B) return [0, 1, -1, 127, -128]
  if (size === Size.W) return [0, 1, -1, 127, 128, -128, -129, 0x7fff]
  return [0, 1, -1, 127, 128, -128, -129, 0x12345678, 0x7fffffff, -0x80000000]
}

function makeCase(op: Op, form: Form, size: Size, registers: number[], mem: Mem | undefined, imm: number): Instruction {
  const made = new Instruction()
  Object.assign(made, { op, form, size, registers: [...registers, 0, 0, 0].slice(0, 3), imm }, mem)
  if (op === Op.Movabs) made.immHigh = 0x11223344
  return made
}

function casesOf(op: Op, form: Form, size: Size): Instruction[] {
  const kinds = operandsOf(op, form)!
  const mems = /M/.test(formName(form)) ? addresses(FULL.has(op)) : [undefined]
  const registerSets = kinds
    .filter((kind) => isRegister(kind, form))
    .map((kind) => ('xyz'.includes(kind[0]) ? XMM : GPR))
  const immediateKind = kinds.find((kind) => kind.startsWith('i'))
  const imms = immediateKind === undefined ? [0] : immediates(immediateKind, size, op)
  const made: Instruction[] = []
  // All registers in each place; the other places, the addresses and the immediates take turns beside them.
  const rounds = Math.max(mems.length, imms.length, ...registerSets.map((set) => 2 * set.length), 1)
  for (let place = 0; place < Math.max(1, registerSets.length); place++) {
    for (let i = 0; i < rounds; i++) {
      const registers = registerSets.map(
        (set, j) => set[(j === place ? i : Math.floor(i / set.length) + j + 1) % set.length],
      )
      made.push(makeCase(op, form, size, registers, mems[i % mems.length], imms[i % imms.length]))
    }
  }
  return made
}

const FORM_NAMES = ['', 'R', 'M', 'I', 'RR', 'RM', 'MR', 'RI', 'MI', 'RRI', 'RMI', 'MRI', 'RRR', 'RMR', 'RRM']
export const formName = (form: Form): string => FORM_NAMES[form]

const isRegister = (kind: string, form: Form): boolean =>
  /^[rxonzv]/.test(kind) || (/^[ey]/.test(kind) && !/M/.test(formName(form)))

/** Groups of cases by instruction, form and size; jumps have a test of their own. */
export function groups(): Group[] {
  const all: Group[] = []
  for (let op = 0 as Op; op < Op.Count; op++) {
    for (let form = 0 as Form; form < Form.Count; form++) {
      const kinds = operandsOf(op, form)
      if (kinds === undefined || kinds[0]?.[0] === 'j') continue
      for (const letter of sizesOf(op)) {
        const size = letter === '-' ? Size.D : ('bwdq'.indexOf(letter) as Size)
        all.push({
          name: `${mnemonicOf(op)} ${kinds.join()} ${formName(form)} ${letter}`,
          cases: casesOf(op, form, size),
        })
      }
    }
  }
  return all
}

/** Emits a case through the assembler's methods. */
export function emit(asm: Assembler, c: Instruction): void {
  const [a, b, d] = c.registers
  const { op, size, base, index, shift, disp, imm } = c
  switch (c.form) {
    case Form.None:
      return asm.op(op, size)
    case Form.R:
      return asm.r(op, size, a)
    case Form.M:
      return asm.m(op, size, base, index, shift, disp)
    case Form.I:
      return asm.i(op, imm)
    case Form.RR:
      return asm.rr(op, size, a, b)
    case Form.RM:
      return asm.rm(op, size, a, base, index, shift, disp)
    case Form.MR:
      return asm.mr(op, size, base, index, shift, disp, a)
    case Form.RI:
      return op === Op.Movabs ? asm.movImm(a, imm, c.immHigh) : asm.ri(op, size, a, imm)
    case Form.MI:
      return asm.mi(op, size, base, index, shift, disp, imm)
    case Form.RRI:
      return asm.rri(op, size, a, b, imm)
    case Form.RMI:
      return asm.rmi(op, size, a, base, index, shift, disp, imm)
    case Form.MRI:
      return asm.mri(op, size, base, index, shift, disp, a, imm)
    case Form.RRR:
      return asm.rrr(op, size, a, b, d)
    case Form.RMR:
      return asm.rmr(op, size, a, base, index, shift, disp, b)
    case Form.RRM:
      return asm.rrm(op, size, a, b, base, index, shift, disp)
    default:
      throw new Error(`no form ${c.form}`)
  }
}
