// The instruction table: every instruction that lowering, stubs and the fault handler use, once. Encoder, disassembler and the tests
// derive from it.
//
// A row is `[op, mnemonic, sizes, encodings]`. Sizes are letters of b, w, d, q (8 to 64 bits), or '-' where the instruction has no
// operand size. Encodings are separated by '|'; each is `operands opcode[/digit] [flags]`, in the notation of the manuals but short:
//
//   operand  r    general purpose register, in ModRM.reg           e    register or memory, in ModRM.rm
//            x    vector register, in ModRM.reg                     y    vector register or memory, in ModRM.rm
//            v    general purpose register, in VEX.vvvv             m    memory only, in ModRM.rm
//            o    register in the opcode's low bits                 c    cl, implied
//            n    general purpose register, in ModRM.rm              z    vector register, in ModRM.rm
//            i    immediate of the operand size, at most 32 bits    ib, iw, iq   immediate of 8, 16, 64 bits
//            jb, jd   distance of 8, 32 bits from the instruction's end
//            e8 e16 e32 e64 r32 r64 y32 y64 m8 ...   the same with a size of its own, whatever the instruction's
//   opcode   hex bytes: mandatory prefix, escapes, opcode; /0 to /7 is ModRM.reg
//   flags    s    has a form with a sign-extended imm8: opcode | 2  1    a shift by one is opcode | 0x10
//            vex  VEX-encoded                                       w0 w1  fixed REX.W / VEX.W
//
// Byte forms have opcode - 1. Where a register-to-register instruction can be encoded in two ways, the first encoding is taken: what
// assemblers choose, so that bytes can be compared.

import { bug } from '../../util/bug.ts'
import { CONDITION_NAMES } from './registers.ts'

export const enum Op {
  Add,
  Or,
  Adc,
  Sbb,
  And,
  Sub,
  Xor,
  Cmp,
  Test,
  Mov,
  /** Immediates into registers; `Assembler.movImm` chooses. */
  MovImm32,
  MovImmSigned,
  Movabs,
  Lea,
  Movzx8,
  Movzx16,
  Movsx8,
  Movsx16,
  Movsxd,
  Xchg,
  Bswap,
  Not,
  Neg,
  /** rdx:rax = rax * operand, unsigned. */
  Mul,
  /** rdx:rax = rax * operand, signed. */
  ImulWide,
  Div,
  Idiv,
  Imul,
  /** Sign of rax into rdx: cdq, cqo. */
  Cdq,
  /** Shifts by an immediate; those by cl have names of their own. */
  Rol,
  Ror,
  Shl,
  Shr,
  Sar,
  RolCl,
  RorCl,
  ShlCl,
  ShrCl,
  SarCl,
  Shld,
  Shrd,
  Bt,
  Bsf,
  Bsr,
  Tzcnt,
  Lzcnt,
  Popcnt,
  Cmpxchg,
  Xadd,
  Push,
  Pop,
  /** Of 32 bits, sign-extended. */
  PushImm,
  /** Calls and jumps to labels are methods of the assembler. */
  Call,
  Jmp,
  JmpShort,
  CallIndirect,
  JmpIndirect,
  Ret,
  /** Return and pop bytes: callee-pops. */
  RetPop,
  Ud2,
  Int3,
  Nop,
  Mfence,
  Pause,
  Cpuid,
  Xgetbv,
  Syscall,
  /** rcx bytes from [rsi] to [rdi]. */
  RepMovsb,
  /** rcx times al to [rdi]. */
  RepStosb,
  RepStosq,
  Shlx,
  Sarx,
  Shrx,
  Rorx,
  Andn,
  // Floats: each ss row is followed by its sd row.
  Movss,
  Movsd,
  Addss,
  Addsd,
  Mulss,
  Mulsd,
  Subss,
  Subsd,
  Minss,
  Minsd,
  Divss,
  Divsd,
  Maxss,
  Maxsd,
  Sqrtss,
  Sqrtsd,
  Ucomiss,
  Ucomisd,
  Cmpss,
  Cmpsd,
  /** Immediate: `Rounding`. */
  Roundss,
  Roundsd,
  Cvtsi2ss,
  Cvtsi2sd,
  Cvttss2si,
  Cvttsd2si,
  Cvtss2sd,
  Cvtsd2ss,
  /** A general purpose register (size d, q) or memory into a vector register. */
  MovToXmm,
  MovFromXmm,
  Movaps,
  Movups,
  Movdqu,
  Andps,
  Andnps,
  Orps,
  Xorps,
  Movmskps,
  Movmskpd,
  Unpcklps,
  Addpd,
  Subpd,
  Unpckhpd,
  Pxor,
  Por,
  Pand,
  Pandn,
  Pcmpeqd,
  Pshufd,
  Punpckldq,
  Psrld,
  Psrlq,
  Pslld,
  Psllq,
  Pextr,
  Pinsr,
  /** + `Cond`. */
  Setcc,
  Cmovcc = Setcc + 16,
  Jcc = Cmovcc + 16,
  JccShort = Jcc + 16,
  /** Number of ops. */
  Count = JccShort + 16,
}

/** Immediates of roundss and roundsd: the mode, without the precision exception. */
export const enum Rounding {
  Nearest = 8,
  Floor = 9,
  Ceil = 10,
  Trunc = 11,
}

type Row = readonly [op: Op, mnemonic: string, sizes: string, encodings: string]

/** The eight binary operations with flags differ in three bits of their opcodes. */
function binary(op: Op, mnemonic: string): Row {
  const n = op - Op.Add
  const byte = (code: number): string => code.toString(16).padStart(2, '0')
  return [op, mnemonic, 'bwdq', `e,r ${byte(8 * n + 1)}|r,m ${byte(8 * n + 3)}|e,i 81/${n} s`]
}

const shift = (op: Op, mnemonic: string, digit: number): Row => [op, mnemonic, 'bwdq', `e,ib c1/${digit} 1`]
const shiftCl = (op: Op, mnemonic: string, digit: number): Row => [op, mnemonic, 'bwdq', `e,c d3/${digit}`]

/** A scalar float operation in its two precisions. */
function scalar(op: Op, mnemonic: string, opcode: string): Row[] {
  return [
    [op, `${mnemonic}ss`, '-', `x,y32 f30f${opcode}`],
    [op + 1, `${mnemonic}sd`, '-', `x,y64 f20f${opcode}`],
  ]
}

const packed = (op: Op, mnemonic: string, opcode: string): Row => [op, mnemonic, '-', `x,y128 ${opcode}`]

const byCondition = (op: Op, mnemonic: string, sizes: string, encoding: (low: string) => string): Row[] =>
  CONDITION_NAMES.map((name, cond) => [op + cond, mnemonic + name, sizes, encoding(cond.toString(16))])

const ROWS: readonly Row[] = [
  binary(Op.Add, 'add'),
  binary(Op.Or, 'or'),
  binary(Op.Adc, 'adc'),
  binary(Op.Sbb, 'sbb'),
  binary(Op.And, 'and'),
  binary(Op.Sub, 'sub'),
  binary(Op.Xor, 'xor'),
  binary(Op.Cmp, 'cmp'),
  [Op.Test, 'test', 'bwdq', 'e,r 85|e,i f7/0'],
  [Op.Mov, 'mov', 'bwdq', 'e,r 89|r,m 8b|m,i c7/0'],
  [Op.MovImm32, 'mov', 'd', 'o,i b8'],
  [Op.MovImmSigned, 'mov', 'q', 'n,i c7/0'],
  [Op.Movabs, 'movabs', 'q', 'o,iq b8'],
  [Op.Lea, 'lea', 'dq', 'r,m 8d'],
  [Op.Movzx8, 'movzx', 'dq', 'r,e8 0fb6'],
  [Op.Movzx16, 'movzx', 'dq', 'r,e16 0fb7'],
  [Op.Movsx8, 'movsx', 'dq', 'r,e8 0fbe'],
  [Op.Movsx16, 'movsx', 'dq', 'r,e16 0fbf'],
  [Op.Movsxd, 'movsxd', 'q', 'r,e32 63'],
  [Op.Xchg, 'xchg', 'bwdq', 'm,r 87'],
  [Op.Bswap, 'bswap', 'dq', 'o 0fc8'],
  [Op.Not, 'not', 'bwdq', 'e f7/2'],
  [Op.Neg, 'neg', 'bwdq', 'e f7/3'],
  [Op.Mul, 'mul', 'bwdq', 'e f7/4'],
  [Op.ImulWide, 'imul', 'bwdq', 'e f7/5'],
  [Op.Div, 'div', 'bwdq', 'e f7/6'],
  [Op.Idiv, 'idiv', 'bwdq', 'e f7/7'],
  [Op.Imul, 'imul', 'wdq', 'r,e 0faf|r,e,i 69 s'],
  [Op.Cdq, 'cdq', 'dq', ' 99'],
  shift(Op.Rol, 'rol', 0),
  shift(Op.Ror, 'ror', 1),
  shift(Op.Shl, 'shl', 4),
  shift(Op.Shr, 'shr', 5),
  shift(Op.Sar, 'sar', 7),
  shiftCl(Op.RolCl, 'rol', 0),
  shiftCl(Op.RorCl, 'ror', 1),
  shiftCl(Op.ShlCl, 'shl', 4),
  shiftCl(Op.ShrCl, 'shr', 5),
  shiftCl(Op.SarCl, 'sar', 7),
  [Op.Shld, 'shld', 'wdq', 'e,r,ib 0fa4'],
  [Op.Shrd, 'shrd', 'wdq', 'e,r,ib 0fac'],
  [Op.Bt, 'bt', 'wdq', 'e,r 0fa3|e,ib 0fba/4'],
  [Op.Bsf, 'bsf', 'wdq', 'r,e 0fbc'],
  [Op.Bsr, 'bsr', 'wdq', 'r,e 0fbd'],
  [Op.Tzcnt, 'tzcnt', 'wdq', 'r,e f30fbc'],
  [Op.Lzcnt, 'lzcnt', 'wdq', 'r,e f30fbd'],
  [Op.Popcnt, 'popcnt', 'wdq', 'r,e f30fb8'],
  [Op.Cmpxchg, 'cmpxchg', 'bwdq', 'm,r 0fb1'],
  [Op.Xadd, 'xadd', 'bwdq', 'm,r 0fc1'],
  [Op.Push, 'push', 'q', 'o 50 w0|m ff/6 w0'],
  [Op.Pop, 'pop', 'q', 'o 58 w0|m 8f/0 w0'],
  [Op.PushImm, 'push', '-', 'i 68'],
  [Op.Call, 'call', '-', 'jd e8'],
  [Op.Jmp, 'jmp', '-', 'jd e9'],
  [Op.JmpShort, 'jmp', '-', 'jb eb'],
  [Op.CallIndirect, 'call', 'q', 'e ff/2 w0'],
  [Op.JmpIndirect, 'jmp', 'q', 'e ff/4 w0'],
  [Op.Ret, 'ret', '-', ' c3'],
  [Op.RetPop, 'ret', '-', 'iw c2'],
  [Op.Ud2, 'ud2', '-', ' 0f0b'],
  [Op.Int3, 'int3', '-', ' cc'],
  [Op.Nop, 'nop', '-', ' 90'],
  [Op.Mfence, 'mfence', '-', ' 0faef0'],
  [Op.Pause, 'pause', '-', ' f390'],
  [Op.Cpuid, 'cpuid', '-', ' 0fa2'],
  [Op.Xgetbv, 'xgetbv', '-', ' 0f01d0'],
  [Op.Syscall, 'syscall', '-', ' 0f05'],
  [Op.RepMovsb, 'rep movsb', '-', ' f3a4'],
  [Op.RepStosb, 'rep stosb', '-', ' f3aa'],
  [Op.RepStosq, 'rep stosq', '-', ' f3ab w1'],
  [Op.Shlx, 'shlx', 'dq', 'r,e,v 660f38f7 vex'],
  [Op.Sarx, 'sarx', 'dq', 'r,e,v f30f38f7 vex'],
  [Op.Shrx, 'shrx', 'dq', 'r,e,v f20f38f7 vex'],
  [Op.Rorx, 'rorx', 'dq', 'r,e,ib f20f3af0 vex'],
  [Op.Andn, 'andn', 'dq', 'r,v,e 0f38f2 vex'],
  [Op.Movss, 'movss', '-', 'x,y32 f30f10|m32,x f30f11'],
  [Op.Movsd, 'movsd', '-', 'x,y64 f20f10|m64,x f20f11'],
  ...scalar(Op.Addss, 'add', '58'),
  ...scalar(Op.Mulss, 'mul', '59'),
  ...scalar(Op.Subss, 'sub', '5c'),
  ...scalar(Op.Minss, 'min', '5d'),
  ...scalar(Op.Divss, 'div', '5e'),
  ...scalar(Op.Maxss, 'max', '5f'),
  ...scalar(Op.Sqrtss, 'sqrt', '51'),
  [Op.Ucomiss, 'ucomiss', '-', 'x,y32 0f2e'],
  [Op.Ucomisd, 'ucomisd', '-', 'x,y64 660f2e'],
  [Op.Cmpss, 'cmpss', '-', 'x,y32,ib f30fc2'],
  [Op.Cmpsd, 'cmpsd', '-', 'x,y64,ib f20fc2'],
  [Op.Roundss, 'roundss', '-', 'x,y32,ib 660f3a0a'],
  [Op.Roundsd, 'roundsd', '-', 'x,y64,ib 660f3a0b'],
  [Op.Cvtsi2ss, 'cvtsi2ss', 'dq', 'x,e f30f2a'],
  [Op.Cvtsi2sd, 'cvtsi2sd', 'dq', 'x,e f20f2a'],
  [Op.Cvttss2si, 'cvttss2si', 'dq', 'r,y32 f30f2c'],
  [Op.Cvttsd2si, 'cvttsd2si', 'dq', 'r,y64 f20f2c'],
  [Op.Cvtss2sd, 'cvtss2sd', '-', 'x,y32 f30f5a'],
  [Op.Cvtsd2ss, 'cvtsd2ss', '-', 'x,y64 f20f5a'],
  [Op.MovToXmm, 'mov', 'dq', 'x,n 660f6e'],
  [Op.MovFromXmm, 'mov', 'dq', 'n,x 660f7e'],
  [Op.Movaps, 'movaps', '-', 'x,y128 0f28|m128,x 0f29'],
  [Op.Movups, 'movups', '-', 'x,y128 0f10|m128,x 0f11'],
  [Op.Movdqu, 'movdqu', '-', 'x,y128 f30f6f|m128,x f30f7f'],
  packed(Op.Andps, 'andps', '0f54'),
  packed(Op.Andnps, 'andnps', '0f55'),
  packed(Op.Orps, 'orps', '0f56'),
  packed(Op.Xorps, 'xorps', '0f57'),
  [Op.Movmskps, 'movmskps', '-', 'r32,z 0f50'],
  [Op.Movmskpd, 'movmskpd', '-', 'r32,z 660f50'],
  packed(Op.Unpcklps, 'unpcklps', '0f14'),
  packed(Op.Addpd, 'addpd', '660f58'),
  packed(Op.Subpd, 'subpd', '660f5c'),
  packed(Op.Unpckhpd, 'unpckhpd', '660f15'),
  packed(Op.Pxor, 'pxor', '660fef'),
  packed(Op.Por, 'por', '660feb'),
  packed(Op.Pand, 'pand', '660fdb'),
  packed(Op.Pandn, 'pandn', '660fdf'),
  packed(Op.Pcmpeqd, 'pcmpeqd', '660f76'),
  [Op.Pshufd, 'pshufd', '-', 'x,y128,ib 660f70'],
  packed(Op.Punpckldq, 'punpckldq', '660f62'),
  [Op.Psrld, 'psrld', '-', 'z,ib 660f72/2'],
  [Op.Psrlq, 'psrlq', '-', 'z,ib 660f73/2'],
  [Op.Pslld, 'pslld', '-', 'z,ib 660f72/6'],
  [Op.Psllq, 'psllq', '-', 'z,ib 660f73/6'],
  [Op.Pextr, 'pextr', 'dq', 'e,x,ib 660f3a16'],
  [Op.Pinsr, 'pinsr', 'dq', 'x,e,ib 660f3a22'],
  ...byCondition(Op.Setcc, 'set', '-', (low) => `e8 0f9${low}/0`),
  ...byCondition(Op.Cmovcc, 'cmov', 'wdq', (low) => `r,e 0f4${low}`),
  ...byCondition(Op.Jcc, 'j', '-', (low) => `jd 0f8${low}`),
  ...byCondition(Op.JccShort, 'j', '-', (low) => `jb 7${low}`),
]

/** Which operands an instruction has, in the order of the text: R register of either class, M memory, I immediate. */
export const enum Form {
  None,
  R,
  M,
  I,
  RR,
  RM,
  MR,
  RI,
  MI,
  RRI,
  RMI,
  MRI,
  RRR,
  RMR,
  RRM,
  Count,
}

/** A packed encoding. Zero is no encoding. */
export const enum Enc {
  OpcodeMask = 0xff,
  /** 0: one-byte opcodes, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  MapShift = 8,
  MapMask = 3 << MapShift,
  /** 0: none, 1: 66, 2: F3, 3: F2; the order of VEX.pp. */
  PrefixShift = 10,
  PrefixMask = 3 << PrefixShift,
  DigitShift = 12,
  DigitMask = 7 << DigitShift,
  HasDigit = 1 << 15,
  /** The first operand is in ModRM.rm, the second in ModRM.reg. */
  FirstInRm = 1 << 16,
  Vex = 1 << 17,
  /** REX.W is 0 / 1 whatever the size. */
  W0 = 1 << 18,
  W1 = 1 << 19,
  /** Size b is opcode - 1. */
  Sized = 1 << 20,
  ShortImm = 1 << 21,
  ShiftByOne = 1 << 22,
  /** The register is in the opcode. */
  InOpcode = 1 << 23,
  /** An `Imm`. */
  ImmShift = 24,
  ImmMask = 7 << ImmShift,
  /** ModRM.rm is an 8-bit register. */
  RmByte = 1 << 27,
  /** One more fixed byte follows the opcode: `tailOf`. */
  Tail = 1 << 28,
  /** The last register of RRR, RMR is in VEX.vvvv; without it the second of RRR, RRM is. */
  LastInVvvv = 1 << 29,
  Valid = 1 << 30,
}

/** Immediates, by `Enc.ImmMask`. */
export const enum Imm {
  None,
  I8,
  I16,
  /** Of the operand size, at most 32 bits. */
  Full,
  I64,
  Rel8,
  Rel32,
}

const IMM_KINDS = ['', 'ib', 'iw', 'i', 'iq', 'jb', 'jd']

/** Rows by op; two of one op would be a defect. */
const rows: Row[] = []
for (const row of ROWS) rows[row[0]] = rows[row[0]] === undefined ? row : bug(`two rows for ${row[1]}`)

/** Rows are read when their op is first used: reading all takes 6 ms in a process that has just started, most programs use a part. */
const isRead = new Uint8Array(Op.Count)
const encodings = new Int32Array(Op.Count * Form.Count)
const operandKinds: (readonly string[])[] = []
/** Fixed bytes after the opcode, of mfence and xgetbv. */
const tails = new Uint8Array(Op.Count)

/** The packed encoding (`Enc`) of an instruction form, 0 if it has none. */
export function encodingOf(op: Op, form: Form): number {
  if (isRead[op] === 0) readRow(op)
  return encodings[op * Form.Count + form]
}

/** The operand kinds of an instruction form, undefined if it has no such form. */
export function operandsOf(op: Op, form: Form): readonly string[] | undefined {
  if (isRead[op] === 0) readRow(op)
  return operandKinds[op * Form.Count + form]
}

export const mnemonicOf = (op: Op): string => rows[op][1]
/** Letters of b, w, d, q, or '-'. */
export const sizesOf = (op: Op): string => rows[op][2]
/** The fixed byte behind the opcode of an encoding with `Enc.Tail`. */
export const tailOf = (op: Op): number => tails[op]

/** Reads `opcode[/digit]` and the flags. */
function readOpcode(op: Op, text: string, flags: readonly string[]): number {
  const [hex, digit] = text.split('/')
  let bytes = hex.match(/../g)!.map((byte) => parseInt(byte, 16))
  let enc: number = Enc.Valid
  const prefix = bytes.length > 1 ? [0x66, 0xf3, 0xf2].indexOf(bytes[0]) + 1 : 0
  if (prefix > 0) bytes = bytes.slice(1)
  let map = 0
  if (bytes[0] === 0x0f) {
    map = bytes[1] === 0x38 ? 2 : bytes[1] === 0x3a ? 3 : 1
    bytes = bytes.slice(map === 1 ? 1 : 2)
  }
  if (bytes.length === 2) {
    tails[op] = bytes[1]
    enc |= Enc.Tail
  }
  enc |= bytes[0] | (map << Enc.MapShift) | (prefix << Enc.PrefixShift)
  if (digit !== undefined) enc |= Enc.HasDigit | (Number(digit) << Enc.DigitShift)
  if (flags.includes('vex')) enc |= Enc.Vex
  if (flags.includes('s')) enc |= Enc.ShortImm
  if (flags.includes('1')) enc |= Enc.ShiftByOne
  if (flags.includes('w0')) enc |= Enc.W0
  if (flags.includes('w1')) enc |= Enc.W1
  return enc
}

/** The letter of a form for an operand kind. */
function letter(kind: string, memory: boolean): string {
  if (IMM_KINDS.indexOf(kind) > 0) return 'I'
  if (kind === 'c') return ''
  return kind.startsWith('m') || (memory && /^[ey]/.test(kind)) ? 'M' : 'R'
}

const FORM_NAMES = ['', 'R', 'M', 'I', 'RR', 'RM', 'MR', 'RI', 'MI', 'RRI', 'RMI', 'MRI', 'RRR', 'RMR', 'RRM']

function addEncoding(op: Op, sizeLetters: string, text: string): void {
  const [operands, opcode, ...flags] = text.split(' ')
  const kinds = operands === '' ? [] : operands.split(',')
  let enc = readOpcode(op, opcode, flags)
  if (sizeLetters === '-' && (enc & Enc.W1) === 0) enc |= Enc.W0
  if (sizeLetters.includes('b')) enc |= Enc.Sized
  if (/^[emynz]/.test(operands)) enc |= Enc.FirstInRm
  if (kinds.includes('o')) enc |= Enc.InOpcode
  if (kinds.includes('e8')) enc |= Enc.RmByte
  if (kinds[2] === 'v') enc |= Enc.LastInVvvv
  for (const kind of kinds) enc |= Math.max(0, IMM_KINDS.indexOf(kind)) << Enc.ImmShift
  for (const memory of [false, true]) {
    if (memory ? !/[eym]/.test(operands) : /m/.test(operands)) continue
    const form = FORM_NAMES.indexOf(kinds.map((kind) => letter(kind, memory)).join(''))
    if (form < 0) bug(`operands ${operands} of ${mnemonicOf(op)} have no form`)
    const at = op * Form.Count + form
    if (encodings[at] !== 0) continue
    encodings[at] = enc
    operandKinds[at] = kinds
  }
}

function readRow(op: Op): void {
  const [, , sizeLetters, texts] = rows[op]
  for (const text of texts.split('|')) addEncoding(op, sizeLetters, text)
  isRead[op] = 1
}
