// The encoder's bytes against those of an independent assembler: test/isa/encoder.expected has what llvm-mc makes of the cases' text.
// BLESS=1 npm test -- isa/encoder   asks llvm-mc again (only then it is needed).

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Assembler, ripLabel } from '../../src/isa/x64/assembler.ts'
import { decodeInstruction, disassemble, Instruction, printInstruction } from '../../src/isa/x64/disassembler.ts'
import { Form, mnemonicOf, Op, operandsOf, sizesOf } from '../../src/isa/x64/instructions.ts'
import { Cond, NO_REG, Reg, Size, Xmm } from '../../src/isa/x64/registers.ts'
import { emit, groups } from './encoder-cases.ts'

const EXPECTED = 'test/isa/encoder.expected'
const GROUPS = groups()

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The bytes of each line of assembly, by llvm-mc. */
function assembleIndependently(lines: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(
    'llvm-mc',
    [
      '-arch=x86-64',
      '-x86-asm-syntax=intel',
      '-output-asm-variant=1',
      '-mattr=+bmi,+bmi2,+lzcnt,+popcnt,+sse4.1',
      '-show-encoding',
    ],
    { input: lines.map((line) => `${line}\n`).join(''), encoding: 'utf8', maxBuffer: 1 << 28 },
  )
  assert.equal(status, 0, stderr)
  const encodings = [...stdout.matchAll(/encoding: \[([^\]]*)\]/g)].map(([, list]) => list.replace(/0x|,/g, ''))
  assert.equal(encodings.length, lines.length, `${stderr}: as many encodings as lines`)
  return encodings
}

if (process.env.BLESS === '1') {
  const lines = GROUPS.flatMap((group) => group.cases.map((c) => printInstruction(c, 0)))
  const encodings = assembleIndependently(lines)
  let next = 0
  const text = GROUPS.map((group) => `${group.name}: ${group.cases.map(() => encodings[next++]).join(' ')}\n`)
  writeFileSync(EXPECTED, text.join(''))
}

const expected = new Map(
  readFileSync(EXPECTED, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(': ') as [string, string]),
)

test('every instruction of the table has cases in every form and size', () => {
  assert.deepEqual(
    [...expected.keys()],
    GROUPS.map((group) => group.name),
  )
  for (let op = 0 as Op; op < Op.Count; op++) assert.ok(mnemonicOf(op) !== undefined, `op ${op} has a row`)
  assert.ok(GROUPS.length > 400 && GROUPS.reduce((sum, { cases }) => sum + cases.length, 0) > 8000)
})

test('bytes are those of the independent assembler, and their disassembly is the text they were made from', () => {
  const asm = new Assembler()
  const decoded = new Instruction()
  const wrong: string[] = []
  for (const group of GROUPS) {
    const wanted = expected.get(group.name)!.split(' ')
    group.cases.forEach((c, i) => {
      asm.reset()
      emit(asm, c)
      const text = printInstruction(c, 0)
      const bytes = asm.bytes.slice(0, asm.pos)
      if (toHex(bytes) !== wanted[i]) wrong.push(`${text}: ${toHex(bytes)}, expected ${wanted[i]}`)
      const end = decodeInstruction(bytes, 0, decoded)
      const again = end === bytes.length ? printInstruction(decoded, 0) : `${end} of ${bytes.length} bytes`
      if (again !== text) wrong.push(`${text}: disassembled as ${again}`)
    })
  }
  assert.equal(wrong.slice(0, 20).join('\n'), '', `${wrong.length} differences`)
})

test('scalar float rows come in pairs: single, then double precision', () => {
  for (let op = Op.Movss; op <= Op.Roundsd; op += 2) {
    assert.match(mnemonicOf(op), /ss$/)
    assert.equal(mnemonicOf(op + 1), mnemonicOf(op).replace(/ss$/, 'sd'))
  }
})

test('jumps: short backwards where that reaches, 32 bits else', () => {
  const asm = new Assembler()
  const top = asm.newLabel()
  const end = asm.newLabel()
  asm.bind(top)
  asm.jcc(Cond.E, end)
  asm.jmp(top)
  asm.jcc(Cond.NE, top)
  asm.call(top)
  for (let i = 0; i < 111; i++) asm.op(Op.Nop)
  asm.jmp(top) // at 126: -128 from its end
  asm.jcc(Cond.G, top) // at 128: too far
  asm.jmp(end)
  asm.bind(end)
  asm.finish()
  assert.equal(asm.pos, 139)
  const text = disassemble(asm.bytes, 0, asm.pos, { bytes: true })
    .split('\n')
    .filter((line) => !line.endsWith('nop'))
  assert.deepEqual(
    text.map((line) => line.replace(/ +/g, ' ')),
    [
      '0000 0f8485000000 je 0x8b',
      '0006 ebf8 jmp 0x0',
      '0008 75f6 jne 0x0',
      '000a e8f1ffffff call 0x0',
      '007e eb80 jmp 0x0',
      '0080 0f8f7affffff jg 0x0',
      '0086 e900000000 jmp 0x8b',
    ],
  )
})

test('constants: one place for equal ones, aligned, addressed from the end of the instruction', () => {
  const asm = new Assembler()
  const one = asm.constant32(0x3f800000)
  const mask = asm.constant128(-1, 0x7fffffff, -1, 0x7fffffff)
  const pi = asm.constant64(0x54442d18, 0x400921fb)
  assert.equal(asm.constant32(0x3f800000), one)
  assert.equal(asm.constant64(0x54442d18, 0x400921fb), pi)
  assert.notEqual(asm.constant64(0x3f800000, 0), one)
  asm.rm(Op.Andps, Size.D, Xmm.X9, ripLabel(mask), NO_REG, 0, 0)
  asm.rm(Op.Addsd, Size.D, Xmm.X1, ripLabel(pi), NO_REG, 0, 0)
  asm.mi(Op.Cmp, Size.D, ripLabel(one), NO_REG, 0, 0, 0x12345678)
  asm.mi(Op.Cmp, Size.D, ripLabel(one), NO_REG, 0, 2, 5)
  asm.op(Op.Ret)
  asm.finish()
  const decoded = new Instruction()
  const targets: number[] = []
  for (let pos = 0; bytesAt(asm, pos) !== 0xc3;) {
    pos = decodeInstruction(asm.bytes, pos, decoded)
    targets.push(pos + decoded.disp)
  }
  assert.deepEqual(
    targets,
    [mask, pi, one, one].map((label, i) => asm.offsetOf(label) + (i === 3 ? 2 : 0)),
  )
  const view = new DataView(asm.bytes.buffer)
  assert.equal(asm.offsetOf(mask) % 16, 0)
  assert.equal(asm.offsetOf(pi) % 8, 0)
  assert.equal(view.getFloat32(asm.offsetOf(one), true), 1)
  assert.equal(view.getFloat64(asm.offsetOf(pi), true), Math.PI)
  assert.equal(view.getBigUint64(asm.offsetOf(mask) + 8, true), 0x7fffffff_ffffffffn)
})

const bytesAt = (asm: Assembler, at: number): number => asm.bytes[at]

test('ten thousand constants keep their values and places', () => {
  const asm = new Assembler()
  const labels = Array.from({ length: 10_000 }, (_, i) => asm.constant64(i, i % 7))
  assert.equal(new Set(labels).size, 10_000)
  assert.deepEqual(
    labels,
    Array.from({ length: 10_000 }, (_, i) => asm.constant64(i, i % 7)),
  )
  asm.finish()
  const view = new DataView(asm.bytes.buffer)
  labels.forEach((label, i) => assert.equal(view.getInt32(asm.offsetOf(label), true), i))
  assert.equal(asm.pos, 80_000)
})

test('symbols become relocations: field, symbol, addend', () => {
  const asm = new Assembler()
  asm.call(asm.symbolLabel(7))
  asm.rm(Op.Lea, Size.Q, Reg.R9, ripLabel(asm.symbolLabel(0)), NO_REG, 0, 16)
  asm.mi(Op.Cmp, Size.B, ripLabel(asm.symbolLabel(3)), NO_REG, 0, 0, 1)
  asm.finish()
  const { words, count } = asm.relocations()
  assert.deepEqual([...words.subarray(0, 3 * count)], [1, 7, -4, 8, 0, 12, 14, 3, -5])
})

test('padding is made of few nops, and of nothing else', () => {
  const asm = new Assembler()
  for (let i = 0; i < 40; i++) {
    asm.u8(0x90)
    asm.align(32)
    assert.equal(asm.pos % 32, 0)
  }
})

test('a register or address that cannot be encoded is refused', () => {
  const asm = new Assembler()
  assert.throws(() => asm.rm(Op.Mov, Size.D, Reg.Rax, Reg.Rax, Reg.Rsp, 0, 0), /rsp cannot be an index/)
  assert.throws(() => asm.rm(Op.Mov, Size.D, Reg.Rax, ripLabel(asm.newLabel()), Reg.Rcx, 0, 0), /no index/)
  assert.throws(() => asm.rr(Op.Xchg, Size.D, Reg.Rax, Reg.Rcx), /xchg has no form/)
  assert.throws(() => {
    asm.jmp(asm.newLabel())
    asm.finish()
  }, /used and not bound/)
})

test('resetting forgets labels, constants and relocations', () => {
  const asm = new Assembler()
  const emitSome = (): string => {
    asm.rm(Op.Movsd, Size.D, Xmm.X3, ripLabel(asm.constant64(1, 2)), NO_REG, 0, 0)
    asm.call(asm.symbolLabel(1))
    asm.finish()
    return `${toHex(asm.bytes.subarray(0, asm.pos))} ${asm.relocations().count}`
  }
  const first = emitSome()
  asm.reset()
  assert.equal(emitSome(), first)
})

test('every op of the table says its sizes, and every form its operands', () => {
  for (let op = 0 as Op; op < Op.Count; op++) {
    assert.match(sizesOf(op), /^(-|b?w?d?q?)$/)
    const forms = Array.from({ length: Form.Count }, (_, form) => operandsOf(op, form)).filter(
      (kinds) => kinds !== undefined,
    )
    assert.ok(forms.length > 0, mnemonicOf(op))
  }
})
