// What the stages make of small functions, as text: machine IR with its allocation, then the instructions. `BLESS=1 npm test -- lower-golden`
// writes the file anew.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { printVCode } from '../../src/codegen/print.ts'
import { RegisterAllocator } from '../../src/codegen/regalloc/allocate.ts'
import { checkAllocation } from '../../src/codegen/regalloc/check.ts'
import { X64_REGISTERS } from '../../src/isa/x64/abi.ts'
import { Assembler } from '../../src/isa/x64/assembler.ts'
import { decodeInstruction, Instruction, printInstruction } from '../../src/isa/x64/disassembler.ts'
import { CodeEmitter, type EmitTarget } from '../../src/isa/x64/emit.ts'
import { BASELINE } from '../../src/isa/x64/features.ts'
import { lower } from '../../src/isa/x64/lower.ts'
import { X64_NAMES } from '../../src/isa/x64/machine.ts'
import { instanceLayout } from '../../src/native/layout.ts'
import type { Graph } from '../../src/ssa/graph.ts'
import { Op } from '../../src/ssa/op.gen.ts'
import { TrapReason, Type } from '../../src/ssa/types.ts'
import { GraphBuilder } from './lower-graphs.ts'

const FILE = 'test/isa/lower.golden'

const FUNCTIONS: Readonly<Record<string, () => Graph>> = {
  'i32.div_s by a parameter'() {
    const b = new GraphBuilder([Type.I32, Type.I32], [Type.I32])
    const [x, y] = b.enter(b.newBlock(), [Type.I32, Type.I32])
    b.return([b.op(Op.I32DivS, Type.I32, x, y)])
    return b.graph
  },
  'a load from base + index * 4, of which a compare is a branch'() {
    const b = new GraphBuilder([Type.I32, Type.I32], [Type.I32])
    const [x, y] = b.enter(b.newBlock(), [Type.I32, Type.I32])
    const index = b.op(Op.I64Shl, Type.I64, b.op(Op.I64ExtendI32U, Type.I64, x), b.constant(Type.I64, 2n))
    const loaded = b.op(Op.I32Load, Type.I32, b.op(Op.I64Add, Type.I64, b.op(Op.MemoryBase, Type.I64), index), 0, 0, 16)
    const [yes, no] = [b.newBlock(), b.newBlock()]
    b.branch(b.op(Op.I32LtU, Type.I32, loaded, y), yes, no)
    b.enter(yes, [])
    b.return([loaded])
    b.enter(no, [])
    b.return([b.op(Op.I32Sub, Type.I32, y, b.constant(Type.I32, 1n))])
    return b.graph
  },
  'a loop: the sum of the numbers up to n, as f64'() {
    const b = new GraphBuilder([Type.I32], [Type.F64])
    const [entry, head, latch, exit] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()]
    const [n] = b.enter(entry, [Type.I32])
    b.jump(head, [n, b.constant(Type.F64, 0n)])
    const [i, sum] = b.enter(head, [Type.I32, Type.F64])
    const next = b.op(Op.F64Add, Type.F64, sum, b.op(Op.F64ConvertI32U, Type.F64, i))
    const less = b.op(Op.I32Sub, Type.I32, i, b.constant(Type.I32, 1n))
    b.branch(less, latch, exit)
    b.enter(latch, [])
    b.jump(head, [less, next])
    b.enter(exit, [])
    b.return([next])
    return b.graph
  },
  'a trap, and what nobody uses'() {
    const b = new GraphBuilder([Type.I64], [])
    const [x] = b.enter(b.newBlock(), [Type.I64])
    b.op(Op.I64Popcnt, Type.I64, x)
    const masked = b.op(Op.I64And, Type.I64, x, b.constant(Type.I64, 7n))
    b.op(
      Op.Trapif,
      Type.None,
      b.op(Op.I64Ne, Type.I32, masked, b.constant(Type.I64, 0n)),
      0,
      0,
      TrapReason.MemoryOutOfBounds,
    )
    b.return([])
    return b.graph
  },
}

const TARGET: EmitTarget = {
  features: BASELINE,
  layout: instanceLayout({ importedFunctions: 1, globals: 2, importedGlobals: 1 }),
  importedGlobals: 1,
  index: 3,
  hasMemory: true,
  isCompiled: () => false,
}

function textOf(graph: Graph): string {
  const code = lower(graph, TARGET)
  const allocation = new RegisterAllocator(X64_REGISTERS).allocate(code)
  checkAllocation(code, allocation, X64_REGISTERS)
  const asm = new Assembler()
  new CodeEmitter(asm).emit(code, allocation, TARGET)
  const end = asm.pos
  asm.finish()
  return `${printVCode(code, X64_REGISTERS, X64_NAMES, allocation)}\n${listing(asm.bytes.subarray(0, end))}`
}

/** Offsets and instructions of code without the constants behind it. */
function listing(bytes: Uint8Array): string {
  const instruction = new Instruction()
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const next = decodeInstruction(bytes, at, instruction)
    assert.ok(next > at, `bytes at ${at} are no instruction`)
    text += `  ${at.toString(16).padStart(4, '0')}  ${printInstruction(instruction, next)}\n`
    at = next
  }
  return text
}

test('machine IR, allocation and instructions are as in lower.golden', () => {
  const text = Object.entries(FUNCTIONS)
    .map(([name, build]) => `; ${name}\n\n${textOf(build())}`)
    .join('\n')
  assert.equal(
    text,
    Object.entries(FUNCTIONS)
      .map(([name, build]) => `; ${name}\n\n${textOf(build())}`)
      .join('\n'),
    'the same again',
  )
  if (process.env.BLESS !== undefined) writeFileSync(FILE, text)
  assert.ok(existsSync(FILE), `${FILE} is missing: BLESS=1 writes it`)
  assert.equal(text, readFileSync(FILE, 'utf8'))
})
