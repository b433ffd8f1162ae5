// The assembler: code bytes, labels, a pool of constants, relocations. One object for many functions (`reset`); no object for an
// instruction or an operand.
//
// A memory operand is four numbers: base, index, shift, disp, for [base + (index << shift) + disp]. Base and index are registers or
// NO_REG. A negative base is a label: `ripLabel(label)` addresses relative to the instruction, and index must then be NO_REG. Labels stand
// for places in the code, for constants of the pool, or for symbols outside (`symbolLabel`), which end as relocations.
//
// Methods are named after the operands' order in the text, destination first: `rr` register, register; `rm` register, memory; `mi`
// memory, immediate. Registers are of the class that the instruction has there: `Reg` or `Xmm`.
// Misuse (an instruction without that form, rsp as an index, an unbound label) is a defect of the caller: `bug()`.

import { bug } from '../../util/bug.ts'
import { growInt32, growUint8 } from '../../util/grow.ts'
import { Enc, encodingOf, Form, Imm, mnemonicOf, Op, tailOf } from './instructions.ts'
import { type Cond, NO_REG, Reg, Size } from './registers.ts'

/** A place in the code; see the head of this file. */
export type Label = number & { readonly label: unique symbol }

/** The base of a memory operand that is a label. */
export const ripLabel = (label: Label): number => ~label

/** No instruction is longer (15 bytes is the processor's limit), the next one starts in the room that is left. */
const MAX_INSTRUCTION = 16
const UNBOUND = -1
/** Words of a fixup: position of the 32-bit field, label, bytes from the field to the end of the instruction. */
const FIXUP_WORDS = 3
/** Words of a constant: log2 of its bytes, label, four words of bits. */
const CONSTANT_WORDS = 6
/** int3: control never comes here. */
const FILL_CODE = 0xcc

/** Recommended multi-byte nops (Intel SDM, NOP), by length: one instruction instead of many. */
const NOPS: readonly (readonly number[])[] = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
]

/** How a relocation's 32-bit field is filled: symbol + addend - address of the field. The only kind there is. */
export interface Relocations {
  /** Triples: offset of the 32-bit field, symbol, addend. */
  readonly words: Int32Array
  readonly count: number
}

export class Assembler {
  /** The bytes written so far are the first `pos` of `bytes`, which is replaced when it grows. */
  bytes = new Uint8Array(4096)
  pos = 0

  /** Offset of each label, UNBOUND, or -2 - symbol. */
  private labels = new Int32Array(256)
  private labelCount = 0
  private fixups = new Int32Array(256 * FIXUP_WORDS)
  private fixupCount = 0
  private constants = new Int32Array(64 * CONSTANT_WORDS)
  private constantCount = 0
  /** Open addressing over the constants, index + 1; a power of two, at most half full. */
  private constantHash = new Int32Array(256)
  private relocationWords = new Int32Array(96)
  private relocationCount = 0

  /** Forgets everything but the memory. */
  reset(): void {
    this.pos = 0
    this.labelCount = 0
    this.fixupCount = 0
    if (this.constantCount > 0) this.constantHash.fill(0)
    this.constantCount = 0
    this.relocationCount = 0
  }

  /** After `finish`: the 32-bit fields that whoever knows addresses must fill. */
  relocations(): Relocations {
    return { words: this.relocationWords, count: this.relocationCount }
  }

  // Labels.

  newLabel(): Label {
    if (this.labelCount === this.labels.length) this.labels = growInt32(this.labels, this.labelCount + 1)
    this.labels[this.labelCount] = UNBOUND
    return this.labelCount++ as Label
  }

  /** A label of something outside this code, by a number of the caller's. Only where a distance of 32 bits reaches it. */
  symbolLabel(symbol: number): Label {
    const label = this.newLabel()
    this.labels[label] = -2 - symbol
    return label
  }

  /** The label is here. */
  bind(label: Label): void {
    if (this.labels[label] !== UNBOUND) bug(`label ${label} is bound twice`)
    this.labels[label] = this.pos
  }

  /** Offset of a bound label. */
  offsetOf(label: Label): number {
    return this.labels[label] >= 0 ? this.labels[label] : bug(`label ${label} is not bound`)
  }

  isBound(label: Label): boolean {
    return this.labels[label] >= 0
  }

  // The constant pool. Equal constants share a place. A float's bits; a v128 in four words.

  constant32(bits: number): Label {
    return this.constant(2, bits, 0, 0, 0)
  }

  constant64(lo: number, hi: number): Label {
    return this.constant(3, lo, hi, 0, 0)
  }

  constant128(w0: number, w1: number, w2: number, w3: number): Label {
    return this.constant(4, w0, w1, w2, w3)
  }

  private constant(shift: number, w0: number, w1: number, w2: number, w3: number): Label {
    if (2 * this.constantCount >= this.constantHash.length) this.rehash()
    let slot = this.constantSlot(shift, w0, w1, w2, w3)
    for (; this.constantHash[slot] !== 0; slot = (slot + 1) & (this.constantHash.length - 1)) {
      const at = (this.constantHash[slot] - 1) * CONSTANT_WORDS
      const c = this.constants
      if (c[at] === shift && c[at + 2] === (w0 | 0) && c[at + 3] === (w1 | 0) && c[at + 4] === (w2 | 0))
        if (c[at + 5] === (w3 | 0)) return c[at + 1] as Label
    }
    const at = this.constantCount++ * CONSTANT_WORDS
    if (at + CONSTANT_WORDS > this.constants.length) this.constants = growInt32(this.constants, at + CONSTANT_WORDS)
    this.constantHash[slot] = this.constantCount
    const label = this.newLabel()
    this.constants[at] = shift
    this.constants[at + 1] = label
    this.constants[at + 2] = w0
    this.constants[at + 3] = w1
    this.constants[at + 4] = w2
    this.constants[at + 5] = w3
    return label
  }

  private constantSlot(shift: number, w0: number, w1: number, w2: number, w3: number): number {
    let hash = shift
    hash = Math.imul(hash ^ w0, 0x9e3779b1)
    hash = Math.imul((hash ^ (hash >>> 15)) + w1, 0x85ebca77)
    hash = Math.imul((hash ^ (hash >>> 15)) + w2, 0x9e3779b1)
    hash = Math.imul((hash ^ (hash >>> 15)) + w3, 0x85ebca77)
    return (hash ^ (hash >>> 16)) & (this.constantHash.length - 1)
  }

  private rehash(): void {
    this.constantHash = new Int32Array(2 * this.constantHash.length)
    const c = this.constants
    for (let i = 0, at = 0; i < this.constantCount; i++, at += CONSTANT_WORDS) {
      let slot = this.constantSlot(c[at], c[at + 2], c[at + 3], c[at + 4], c[at + 5])
      while (this.constantHash[slot] !== 0) slot = (slot + 1) & (this.constantHash.length - 1)
      this.constantHash[slot] = i + 1
    }
  }

  /** Writes the pool, largest constants first so that all are aligned, and fills all fixups. The code is complete. */
  finish(): void {
    for (let shift = 4; shift >= 2; shift--) {
      for (let at = 0; at < this.constantCount * CONSTANT_WORDS; at += CONSTANT_WORDS) {
        if (this.constants[at] !== shift) continue
        this.fill(1 << shift, FILL_CODE)
        this.bind(this.constants[at + 1] as Label)
        for (let i = 0; i < 1 << (shift - 2); i++) this.u32(this.constants[at + 2 + i])
      }
    }
    for (let at = 0; at < this.fixupCount * FIXUP_WORDS; at += FIXUP_WORDS)
      this.resolve(this.fixups[at], this.fixups[at + 1], this.fixups[at + 2])
    this.fixupCount = 0
  }

  private resolve(field: number, label: number, end: number): void {
    const offset = this.labels[label]
    if (offset === UNBOUND) bug(`label ${label} is used and not bound`)
    const addend = this.readField(field) - end
    if (offset >= 0) {
      this.patch32(field, offset - field + addend)
      return
    }
    const at = this.relocationCount++ * 3
    if (at + 3 > this.relocationWords.length) this.relocationWords = growInt32(this.relocationWords, at + 3)
    this.relocationWords[at] = field
    this.relocationWords[at + 1] = -2 - offset
    this.relocationWords[at + 2] = addend
  }

  private readField(at: number): number {
    const b = this.bytes
    return b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)
  }

  private addFixup(label: number, end: number): void {
    const at = this.fixupCount++ * FIXUP_WORDS
    if (at + FIXUP_WORDS > this.fixups.length) this.fixups = growInt32(this.fixups, at + FIXUP_WORDS)
    this.fixups[at] = this.pos
    this.fixups[at + 1] = label
    this.fixups[at + 2] = end
  }

  // Bytes.

  private reserve(count: number): void {
    if (this.pos + count > this.bytes.length) this.bytes = growUint8(this.bytes, this.pos + count)
  }

  u8(value: number): void {
    this.reserve(1)
    this.bytes[this.pos++] = value
  }

  u32(value: number): void {
    this.reserve(4)
    this.patch32(this.pos, value)
    this.pos += 4
  }

  patch32(at: number, value: number): void {
    const b = this.bytes
    b[at] = value
    b[at + 1] = value >>> 8
    b[at + 2] = value >>> 16
    b[at + 3] = value >>> 24
  }

  private fill(alignment: number, byte: number): void {
    while ((this.pos & (alignment - 1)) !== 0) this.u8(byte)
  }

  /** Pads with nops to a multiple of `alignment`, a power of two. */
  align(alignment: number): void {
    let missing = -this.pos & (alignment - 1)
    while (missing > 0) {
      const nop = NOPS[Math.min(missing, NOPS.length - 1)]
      for (const byte of nop) this.u8(byte)
      missing -= nop.length
    }
  }

  // Instructions by operands.

  /** No operands: ret, ud2, cdq. */
  op(op: Op, size: Size = Size.D): void {
    const enc = this.encoding(op, Form.None)
    this.head(enc, size, 0, 0, 0, 0, false)
    if ((enc & Enc.Tail) !== 0) this.bytes[this.pos++] = tailOf(op)
  }

  r(op: Op, size: Size, reg: number): void {
    const enc = this.encoding(op, Form.R)
    if ((enc & Enc.InOpcode) !== 0) this.inOpcode(enc, size, reg)
    else this.modReg(enc, size, digitOf(enc), reg, 0)
  }

  m(op: Op, size: Size, base: number, index: number, shift: number, disp: number): void {
    const enc = this.encoding(op, Form.M)
    this.modMem(enc, size, digitOf(enc), base, index, shift, disp, 0, 0)
  }

  /** An immediate alone: `ret 16`. */
  i(op: Op, imm: number): void {
    const enc = this.encoding(op, Form.I)
    this.head(enc, Size.D, 0, 0, 0, 0, false)
    this.immediate(enc, Size.D, imm, false)
  }

  rr(op: Op, size: Size, dst: number, src: number): void {
    const enc = this.encoding(op, Form.RR)
    if ((enc & Enc.FirstInRm) !== 0) this.modReg(enc, size, src, dst, 0)
    else this.modReg(enc, size, dst, src, 0)
  }

  rm(op: Op, size: Size, reg: number, base: number, index: number, shift: number, disp: number): void {
    this.modMem(this.encoding(op, Form.RM), size, reg, base, index, shift, disp, 0, 0)
  }

  mr(op: Op, size: Size, base: number, index: number, shift: number, disp: number, reg: number): void {
    this.modMem(this.encoding(op, Form.MR), size, reg, base, index, shift, disp, 0, 0)
  }

  /** The immediate is sign-extended to the operand size: 32 bits reach size q. */
  ri(op: Op, size: Size, reg: number, imm: number): void {
    const enc = this.encoding(op, Form.RI)
    if ((enc & Enc.InOpcode) !== 0) {
      this.inOpcode(enc, size, reg)
      this.immediate(enc, size, imm, false)
      return
    }
    if ((enc & Enc.ShiftByOne) !== 0 && imm === 1) {
      this.modReg(enc | 0x10, size, digitOf(enc), reg, 0)
      return
    }
    const short = isShort(enc, size, imm)
    const accumulator = short || reg !== Reg.Rax || (enc & Enc.Sized) === 0 ? 0 : accumulatorForm(enc)
    if (accumulator !== 0) this.head(accumulator, size, 0, 0, 0, 0, false)
    else this.modReg(short ? enc | 2 : enc, size, digitOf(enc), reg, 0)
    this.immediate(enc, size, imm, short)
  }

  mi(op: Op, size: Size, base: number, index: number, shift: number, disp: number, imm: number): void {
    const enc = this.encoding(op, Form.MI)
    if ((enc & Enc.ShiftByOne) !== 0 && imm === 1) {
      this.modMem(enc | 0x10, size, digitOf(enc), base, index, shift, disp, 0, 0)
      return
    }
    const short = isShort(enc, size, imm)
    const end = immediateBytes(enc, size, short)
    this.modMem(short ? enc | 2 : enc, size, digitOf(enc), base, index, shift, disp, 0, end)
    this.immediate(enc, size, imm, short)
  }

  rri(op: Op, size: Size, dst: number, src: number, imm: number): void {
    const enc = this.encoding(op, Form.RRI)
    const short = isShort(enc, size, imm)
    if ((enc & Enc.FirstInRm) !== 0) this.modReg(enc, size, src, dst, 0)
    else this.modReg(short ? enc | 2 : enc, size, dst, src, 0)
    this.immediate(enc, size, imm, short)
  }

  rmi(op: Op, size: Size, reg: number, base: number, index: number, shift: number, disp: number, imm: number): void {
    const enc = this.encoding(op, Form.RMI)
    const short = isShort(enc, size, imm)
    const end = immediateBytes(enc, size, short)
    this.modMem(short ? enc | 2 : enc, size, reg, base, index, shift, disp, 0, end)
    this.immediate(enc, size, imm, short)
  }

  /** memory, register, immediate: pextr, shld. */
  mri(op: Op, size: Size, base: number, index: number, shift: number, disp: number, reg: number, imm: number): void {
    const enc = this.encoding(op, Form.MRI)
    this.modMem(enc, size, reg, base, index, shift, disp, 0, 1)
    this.immediate(enc, size, imm, false)
  }

  /** VEX with three registers: andn dst, a, b; shlx dst, a, count. */
  rrr(op: Op, size: Size, dst: number, a: number, b: number): void {
    const enc = this.encoding(op, Form.RRR)
    if ((enc & Enc.LastInVvvv) !== 0) this.modReg(enc, size, dst, a, b)
    else this.modReg(enc, size, dst, b, a)
  }

  /** VEX: register, memory, register: shlx dst, [mem], count. */
  rmr(op: Op, size: Size, dst: number, base: number, index: number, shift: number, disp: number, src: number): void {
    this.modMem(this.encoding(op, Form.RMR), size, dst, base, index, shift, disp, src, 0)
  }

  /** VEX: register, register, memory: andn dst, a, [mem]. */
  rrm(op: Op, size: Size, dst: number, src: number, base: number, index: number, shift: number, disp: number): void {
    this.modMem(this.encoding(op, Form.RRM), size, dst, base, index, shift, disp, src, 0)
  }

  // Jumps and what has no fixed form.

  /** Makes the next instruction atomic: it must have a memory destination. */
  lock(): void {
    this.u8(0xf0)
  }

  call(label: Label): void {
    this.jump(Op.Call, label)
  }

  /** Backward jumps are short where that reaches; forward ones are not, their distance is unknown. */
  jmp(label: Label): void {
    if (this.reachesShort(label)) this.jumpShort(Op.JmpShort, label)
    else this.jump(Op.Jmp, label)
  }

  jcc(cond: Cond, label: Label): void {
    if (this.reachesShort(label)) this.jumpShort(Op.JccShort + cond, label)
    else this.jump(Op.Jcc + cond, label)
  }

  private reachesShort(label: Label): boolean {
    return this.labels[label] >= 0 && this.labels[label] - (this.pos + 2) >= -128
  }

  private jumpShort(op: Op, label: Label): void {
    this.i(op, this.labels[label] - (this.pos + 2))
  }

  private jump(op: Op, label: Label): void {
    const enc = this.encoding(op, Form.I)
    this.head(enc, Size.D, 0, 0, 0, 0, false)
    this.addFixup(label, 4)
    this.u32(0)
  }

  /** A 64-bit constant into a register, by the shortest instruction that leaves the flags alone. */
  movImm(reg: Reg, lo: number, hi: number): void {
    if (hi === 0) this.ri(Op.MovImm32, Size.D, reg, lo)
    else if (hi === -1 && (lo | 0) < 0) this.ri(Op.MovImmSigned, Size.Q, reg, lo)
    else {
      this.inOpcode(this.encoding(Op.Movabs, Form.RI), Size.Q, reg)
      this.u32(lo)
      this.u32(hi)
    }
  }

  // Encoding.

  private encoding(op: Op, form: Form): number {
    const enc = encodingOf(op, form)
    return enc !== 0 ? enc : bug(`${mnemonicOf(op)} has no form ${form}`)
  }

  /** Prefixes and opcode. `index` and `rm` are numbers with NO_REG allowed, `byteRegs`: spl, bpl, sil or dil is among the operands. */
  private head(enc: number, size: Size, reg: number, index: number, rm: number, vvvv: number, byteRegs: boolean): void {
    this.reserve(MAX_INSTRUCTION)
    const b = this.bytes
    const wide = (enc & Enc.W1) !== 0 || (size === Size.Q && (enc & Enc.W0) === 0) ? 8 : 0
    const rex = wide | ((reg & 8) >> 1) | ((index & 8) >> 2) | ((rm & 8) >> 3)
    const map = (enc & Enc.MapMask) >> Enc.MapShift
    const prefix = (enc & Enc.PrefixMask) >> Enc.PrefixShift
    let opcode = enc & Enc.OpcodeMask
    if ((enc & Enc.Sized) !== 0 && size === Size.B) opcode--
    if ((enc & Enc.Vex) !== 0) {
      b[this.pos++] = 0xc4
      b[this.pos++] = ((~rex & 7) << 5) | map
      b[this.pos++] = (wide << 4) | ((~vvvv & 15) << 3) | prefix
      b[this.pos++] = opcode
      return
    }
    if (size === Size.W && (enc & Enc.W0) === 0) b[this.pos++] = 0x66
    if (prefix !== 0) b[this.pos++] = prefix === 1 ? 0x66 : prefix === 2 ? 0xf3 : 0xf2
    if (rex !== 0 || byteRegs) b[this.pos++] = 0x40 | rex
    if (map !== 0) b[this.pos++] = 0x0f
    if (map > 1) b[this.pos++] = map === 2 ? 0x38 : 0x3a
    b[this.pos++] = opcode
  }

  /** The register in the opcode's low three bits. */
  private inOpcode(enc: number, size: Size, reg: number): void {
    this.head(enc, size, 0, 0, reg, 0, false)
    this.bytes[this.pos - 1] |= reg & 7
  }

  private modReg(enc: number, size: Size, reg: number, rm: number, vvvv: number): void {
    const byteRm = (enc & Enc.RmByte) !== 0 || size === Size.B
    const byteRegs = (byteRm && rm > 3) || (size === Size.B && reg > 3 && (enc & Enc.HasDigit) === 0)
    this.head(enc, size, reg, 0, rm, vvvv, byteRegs)
    this.bytes[this.pos++] = 0xc0 | ((reg & 7) << 3) | (rm & 7)
  }

  /** `end`: bytes of the immediate that follows, which an address relative to the instruction's end must know. */
  private modMem(
    enc: number,
    size: Size,
    reg: number,
    base: number,
    index: number,
    shift: number,
    disp: number,
    vvvv: number,
    end: number,
  ): void {
    const byteReg = size === Size.B && reg > 3 && (enc & Enc.HasDigit) === 0
    this.head(enc, size, reg, index, base < 0 ? 0 : base, vvvv, byteReg)
    const b = this.bytes
    const field = (reg & 7) << 3
    if (base < 0) {
      if (index !== NO_REG) bug('an address relative to rip has no index')
      b[this.pos++] = field | 5
      this.addFixup(~base, 4 + end)
      this.u32(disp)
      return
    }
    if (index === Reg.Rsp) bug('rsp cannot be an index')
    const byte = (disp << 24) >> 24 === disp
    // [rbp] and [r13] have no form without a displacement: their code means [rip] or no base.
    const mod = base === NO_REG ? 0 : disp === 0 && (base & 7) !== Reg.Rbp ? 0 : byte ? 0x40 : 0x80
    if (index === NO_REG && base !== NO_REG && (base & 7) !== Reg.Rsp) b[this.pos++] = mod | field | (base & 7)
    else {
      b[this.pos++] = mod | field | 4
      b[this.pos++] = (shift << 6) | ((index === NO_REG ? 4 : index & 7) << 3) | (base === NO_REG ? 5 : base & 7)
    }
    if (mod === 0x40) b[this.pos++] = disp
    else if (mod === 0x80 || base === NO_REG) this.u32(disp)
  }

  private immediate(enc: number, size: Size, imm: number, short: boolean): void {
    const bytes = immediateBytes(enc, size, short)
    const b = this.bytes
    b[this.pos++] = imm
    if (bytes > 1) b[this.pos++] = imm >> 8
    if (bytes > 2) {
      b[this.pos++] = imm >> 16
      b[this.pos++] = imm >> 24
    }
  }
}

const digitOf = (enc: number): number => (enc & Enc.DigitMask) >> Enc.DigitShift

const isShort = (enc: number, size: Size, imm: number): boolean =>
  (enc & Enc.ShortImm) !== 0 && size !== Size.B && (imm << 24) >> 24 === (imm | 0)

/** `add eax, imm32` and `test eax, imm32` have opcodes of their own, a byte shorter. */
function accumulatorForm(enc: number): number {
  const opcode = enc & Enc.OpcodeMask
  const short = opcode === 0x81 ? (digitOf(enc) << 3) | 5 : opcode === 0xf7 ? 0xa9 : 0
  return short === 0 ? 0 : (enc & ~Enc.OpcodeMask) | short
}

function immediateBytes(enc: number, size: Size, short: boolean): number {
  const kind = (enc & Enc.ImmMask) >> Enc.ImmShift
  if (kind === Imm.Full) return short || size === Size.B ? 1 : size === Size.W ? 2 : 4
  return kind === Imm.I16 ? 2 : kind === Imm.Rel32 ? 4 : 1
}
