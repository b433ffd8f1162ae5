// Machine code to text, for --dump-jit and the tests: exactly the instructions of the table, in Intel's syntax as llvm-mc reads it.

import { Enc, encodingOf, Form, Imm, mnemonicOf, Op, operandsOf, sizesOf, tailOf } from './instructions.ts'
import { NO_REG, Reg, REGISTER_NAMES, Size } from './registers.ts'

/** One decoded instruction, to be used again and again. */
export class Instruction {
  op: Op = Op.Nop
  form: Form = Form.None
  size: Size = Size.D
  locked = false
  /** Registers in the order of the text, of the class that the operand kind says. */
  registers = [0, 0, 0]
  /** The memory operand; base `RIP` is relative to the end of the instruction. */
  base = NO_REG
  index = NO_REG
  shift = 0
  disp = 0
  /** Immediate; of 64 bits, the low half. A jump's is the distance from its end. */
  imm = 0
  immHigh = 0
}

/** Base of a memory operand that is relative to the instruction pointer. */
export const RIP = 17

const SIZE_LETTERS = 'bwdq'
const MEMORY_SIZES: Record<number, string> = { 8: 'byte', 16: 'word', 32: 'dword', 64: 'qword', 128: 'xmmword' }

const hex = (value: number): string => (value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`)
const number = (value: number): string => (Math.abs(value) < 1024 ? String(value) : hex(value))

/** Mnemonics that depend on the size. */
function mnemonic(instruction: Instruction): string {
  const name = mnemonicOf(instruction.op)
  const wide = instruction.size === Size.Q
  switch (instruction.op) {
    case Op.Cdq:
      return wide ? 'cqo' : 'cdq'
    case Op.MovToXmm:
    case Op.MovFromXmm:
    case Op.Pextr:
    case Op.Pinsr:
      return name + (wide ? 'q' : 'd')
    default:
      return name
  }
}

function address(instruction: Instruction): string {
  const { base, index, shift, disp } = instruction
  const terms: string[] = []
  if (base === RIP) terms.push('rip')
  else if (base !== NO_REG) terms.push(REGISTER_NAMES[Size.Q][base])
  if (index !== NO_REG) terms.push(`${REGISTER_NAMES[Size.Q][index]}*${1 << shift}`)
  if (terms.length === 0) return `[${hex(disp)}]`
  const tail = disp === 0 ? '' : disp < 0 ? ` - ${number(-disp)}` : ` + ${number(disp)}`
  return `[${terms.join(' + ')}${tail}]`
}

/** The value of an immediate of the operand size. */
function immediate(instruction: Instruction, kind: string): string {
  if (kind !== 'iq') return number(instruction.imm)
  return hex(Number(BigInt.asUintN(64, (BigInt(instruction.immHigh) << 32n) | BigInt(instruction.imm >>> 0)) >> 32n))
}

/** Text of an instruction. `end` is the offset behind it, to which a jump's distance is added. */
export function printInstruction(instruction: Instruction, end: number): string {
  const { op, form, size } = instruction
  let next = 0
  const operands = operandsOf(op, form)!.map((kind) => {
    const bits = Number(/\d+$/.exec(kind)?.[0] ?? 0)
    switch (kind[0]) {
      case 'c':
        return 'cl'
      case 'i':
        return kind === 'iq' ? quad(instruction) : immediate(instruction, kind)
      case 'j':
        return hex(end + instruction.imm)
    }
    if (isMemory(form, kind)) {
      const where = address(instruction)
      return op === Op.Lea ? where : `${MEMORY_SIZES[bits || 8 << size]} ptr ${where}`
    }
    const register = instruction.registers[next++]
    if ('xyz'.includes(kind[0])) return `xmm${register}`
    return REGISTER_NAMES[bits === 0 ? size : Math.log2(bits) - 3][register]
  })
  const text = `${mnemonic(instruction)} ${operands.join(', ')}`.trimEnd()
  return instruction.locked ? `lock ${text}` : text
}

const quad = (instruction: Instruction): string =>
  `0x${((BigInt(instruction.immHigh >>> 0) << 32n) | BigInt(instruction.imm >>> 0)).toString(16)}`

/** Whether an operand of this kind is the memory operand in this form. */
function isMemory(form: Form, kind: string): boolean {
  if (kind[0] === 'm') return true
  return (kind[0] === 'e' || kind[0] === 'y') && MEMORY_FORMS.has(form)
}

const MEMORY_FORMS: ReadonlySet<Form> = new Set([
  Form.M,
  Form.RM,
  Form.MR,
  Form.MI,
  Form.RMI,
  Form.MRI,
  Form.RMR,
  Form.RRM,
])

/** Candidates by map and opcode: packed op * Form.Count + form. */
let candidates: number[][] | undefined

/** How the opcode byte of a candidate differs from its table row. */
const enum Variant {
  Plain,
  ShortImm,
  ByOne,
  Accumulator,
}

const OPCODES_PER_MAP = 256 * 8

function candidateTable(): number[][] {
  const table: number[][] = []
  const add = (map: number, opcode: number, key: number, variant: Variant): void => {
    ;(table[map * OPCODES_PER_MAP + opcode] ??= []).push(key * 4 + variant)
  }
  for (let op = 0; op < Op.Count; op++) {
    for (let form = 0; form < Form.Count; form++) {
      const enc = encodingOf(op, form)
      if (enc === 0) continue
      const key = op * Form.Count + form
      const opcode = enc & Enc.OpcodeMask
      const map = (enc & Enc.MapMask) >> Enc.MapShift
      const low = (enc & Enc.Sized) !== 0 ? opcode - 1 : opcode
      for (let code = low; code <= opcode; code++) {
        add(map, code, key, Variant.Plain)
        if ((enc & Enc.ShiftByOne) !== 0) add(map, code | 0x10, key, Variant.ByOne)
      }
      if ((enc & Enc.InOpcode) !== 0) for (let r = 1; r < 8; r++) add(map, opcode + r, key, Variant.Plain)
      if ((enc & Enc.ShortImm) !== 0) add(map, opcode | 2, key, Variant.ShortImm)
      if (form !== Form.RI || (enc & Enc.Sized) === 0) continue
      const accumulator =
        opcode === 0x81 ? (((enc & Enc.DigitMask) >> Enc.DigitShift) << 3) | 5 : opcode === 0xf7 ? 0xa9 : 0
      if (accumulator === 0) continue
      add(map, accumulator, key, Variant.Accumulator)
      add(map, accumulator - 1, key, Variant.Accumulator)
    }
  }
  return table
}

/** What the prefixes of an instruction say. */
interface Prefixes {
  operandSize: boolean
  /** 0: none, 2: F3, 3: F2, as in Enc. */
  repeat: number
  rex: number
  vex: boolean
  vvvv: number
}

/**
 * Decodes the instruction at `at`. Returns the offset behind it, or -1 if the bytes are no instruction of the table.
 */
export function decodeInstruction(bytes: Uint8Array, at: number, out: Instruction): number {
  const prefixes: Prefixes = { operandSize: false, repeat: 0, rex: 0, vex: false, vvvv: 0 }
  out.locked = bytes[at] === 0xf0
  let pos = out.locked ? at + 1 : at
  let map = 0
  for (; ; pos++) {
    if (bytes[pos] === 0x66) prefixes.operandSize = true
    else if (bytes[pos] === 0xf3) prefixes.repeat = 2
    else if (bytes[pos] === 0xf2) prefixes.repeat = 3
    else break
  }
  if (bytes[pos] === 0xc4) {
    prefixes.vex = true
    prefixes.rex = ((~bytes[pos + 1] >> 5) & 7) | ((bytes[pos + 2] >> 4) & 8)
    prefixes.vvvv = (~bytes[pos + 2] >> 3) & 15
    prefixes.repeat = bytes[pos + 2] & 3
    map = bytes[pos + 1] & 31
    pos += 3
  } else {
    if ((bytes[pos] & 0xf0) === 0x40) prefixes.rex = bytes[pos++]
    if (bytes[pos] === 0x0f) {
      map = bytes[pos + 1] === 0x38 ? 2 : bytes[pos + 1] === 0x3a ? 3 : 1
      pos += map === 1 ? 1 : 2
    }
  }
  candidates ??= candidateTable()
  for (const packed of candidates[map * OPCODES_PER_MAP + bytes[pos]] ?? []) {
    const end = decodeAs(bytes, pos, prefixes, packed >> 2, packed & 3, out)
    if (end > 0) return end
  }
  return -1
}

function decodeAs(
  bytes: Uint8Array,
  opcodeAt: number,
  prefixes: Prefixes,
  key: number,
  variant: Variant,
  out: Instruction,
): number {
  const op = Math.floor(key / Form.Count) as Op
  const form = (key % Form.Count) as Form
  const enc = encodingOf(op, form)
  const size = sizeIn(op, enc, bytes[opcodeAt], prefixes)
  if (size < 0) return -1
  let pos = opcodeAt + 1
  if ((enc & Enc.Tail) !== 0 && bytes[pos++] !== tailOf(op)) return -1
  out.op = op
  out.form = form
  out.size = size
  const kinds = operandsOf(op, form)!
  if (variant === Variant.Accumulator) out.registers[0] = Reg.Rax
  else if ((enc & Enc.InOpcode) !== 0) out.registers[0] = (bytes[opcodeAt] & 7) | ((prefixes.rex & 1) << 3)
  else if (form !== Form.None && form !== Form.I) {
    pos = decodeModRm(bytes, pos, prefixes, enc, kinds, out)
    if (pos < 0) return -1
  }
  return variant === Variant.ByOne ? ((out.imm = 1), pos) : decodeImmediate(bytes, pos, enc, variant, out)
}

/** The operand size, or -1 if prefixes and opcode are not of this instruction. */
function sizeIn(op: Op, enc: number, opcode: number, prefixes: Prefixes): number {
  if (((enc & Enc.Vex) !== 0) !== prefixes.vex) return -1
  const prefix = (enc & Enc.PrefixMask) >> Enc.PrefixShift
  let wordPrefix = prefixes.operandSize
  if (prefixes.vex) {
    if (prefix !== prefixes.repeat) return -1
  } else if (prefix === 1) {
    if (!wordPrefix || prefixes.repeat !== 0) return -1
    wordPrefix = false
  } else if (prefix !== prefixes.repeat) return -1
  const wide = (prefixes.rex & 8) !== 0
  const letters = sizesOf(op)
  if ((enc & Enc.W1) !== 0 && !wide) return -1
  if (letters === '-') return wordPrefix ? -1 : Size.D
  // Of a sized instruction, the even opcode is the byte form; a shift by one and the accumulator's keep that bit.
  const byte = (enc & Enc.Sized) !== 0 && ((opcode ^ enc) & 1) !== 0
  const size = byte ? Size.B : (enc & Enc.W0) !== 0 || wide ? Size.Q : wordPrefix ? Size.W : Size.D
  return letters.includes(SIZE_LETTERS[size]) ? size : -1
}

function decodeModRm(
  bytes: Uint8Array,
  at: number,
  prefixes: Prefixes,
  enc: number,
  kinds: readonly string[],
  out: Instruction,
): number {
  const modrm = bytes[at]
  let pos = at + 1
  const field = (modrm >> 3) & 7
  if ((enc & Enc.HasDigit) !== 0 && field !== (enc & Enc.DigitMask) >> Enc.DigitShift) return -1
  const reg = field | ((prefixes.rex & 4) << 1)
  const memory = modrm < 0xc0
  if (memory !== MEMORY_FORMS.has(out.form)) return -1
  const rm = (modrm & 7) | ((prefixes.rex & 1) << 3)
  if (memory) pos = decodeAddress(bytes, pos, modrm, prefixes.rex, out)
  let next = 0
  for (const kind of kinds) {
    const letter = kind[0]
    if (letter === 'i' || letter === 'c' || letter === 'm') continue
    if (letter === 'v') out.registers[next++] = prefixes.vvvv
    else if (letter === 'r' || letter === 'x') out.registers[next++] = reg
    else if (!memory) out.registers[next++] = rm
  }
  return pos
}

function decodeAddress(bytes: Uint8Array, at: number, modrm: number, rex: number, out: Instruction): number {
  let pos = at
  const mod = modrm >> 6
  let base = modrm & 7
  out.index = NO_REG
  out.shift = 0
  const sib = base === 4
  if (sib) {
    const index = ((bytes[pos] >> 3) & 7) | ((rex & 2) << 2)
    if (index !== Reg.Rsp) {
      out.index = index
      out.shift = bytes[pos] >> 6
    }
    base = bytes[pos++] & 7
  }
  const noBase = mod === 0 && base === 5
  out.base = !noBase ? base | ((rex & 1) << 3) : sib ? NO_REG : RIP
  if (mod === 1) {
    out.disp = (bytes[pos] << 24) >> 24
    return pos + 1
  }
  const wide = mod === 2 || noBase
  out.disp = wide ? word(bytes, pos) : 0
  return wide ? pos + 4 : pos
}

const word = (b: Uint8Array, at: number): number => b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)

function decodeImmediate(bytes: Uint8Array, pos: number, enc: number, variant: Variant, out: Instruction): number {
  const kind = ((enc & Enc.ImmMask) >> Enc.ImmShift) as Imm
  const byte =
    kind === Imm.I8 || kind === Imm.Rel8 || (kind === Imm.Full && (variant === Variant.ShortImm || out.size === Size.B))
  if (kind === Imm.None) return pos
  if (byte) {
    out.imm = (bytes[pos] << 24) >> 24
    return pos + 1
  }
  if (kind === Imm.I16 || (kind === Imm.Full && out.size === Size.W)) {
    const value = bytes[pos] | (bytes[pos + 1] << 8)
    out.imm = kind === Imm.I16 ? value : (value << 16) >> 16
    return pos + 2
  }
  out.imm = word(bytes, pos)
  if (kind !== Imm.I64) return pos + 4
  out.immHigh = word(bytes, pos + 4)
  return pos + 8
}

/**
 * Prints the code in [start, end), a line for each instruction: its offset, its bytes if wanted, its text. Jump targets are offsets.
 * `comment` may add to the line of an offset. Bytes that are no instruction of the table are printed as `.byte`.
 */
export function disassemble(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: { readonly bytes?: boolean; readonly comment?: (offset: number) => string | undefined } = {},
): string {
  const lines: string[] = []
  const instruction = new Instruction()
  for (let pos = start; pos < end;) {
    const next = decodeInstruction(bytes, pos, instruction)
    const stop = next < 0 || next > end ? pos + 1 : next
    const text = stop === next ? printInstruction(instruction, stop) : `.byte ${hex(bytes[pos])}`
    const encoded = [...bytes.subarray(pos, stop)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    const comment = options.comment?.(pos)
    const line = `${pos.toString(16).padStart(4, '0')}  ${options.bytes === true ? encoded.padEnd(22) : ''}${text}`
    lines.push(comment === undefined ? line : `${line.padEnd(48)} ; ${comment}`)
    pos = stop
  }
  return lines.join('\n')
}
