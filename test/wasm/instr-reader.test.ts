import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_EMPTY, BLOCK_INDEX, InstrReader, skipImmediates } from '../../src/wasm/instr-reader.ts'
import { OPCODES, type Imm, PREFIX_BASE } from '../../src/wasm/opcodes.ts'
import { OP_IMM, ImmKind } from '../../src/wasm/op-tables.ts'
import { RefType, refConcrete, T } from '../../src/wasm/types.ts'
import { type Bytes, flat, FUNCREF, I32, leb, vec } from './binary.ts'

const two = [leb(300), leb(5)]
const IMMEDIATES: Record<Imm, Bytes> = {
  '': [],
  block: [0x63, 0x80, 0x01],
  label: leb(300),
  br_table: [vec(1, 2, 3), 4],
  func: leb(300),
  call_indirect: two,
  select: vec(I32),
  try_table: [0x40, vec([0, 1, 2], [1, 3, 4], [2, 5], [3, 6])],
  tag: leb(300),
  local: leb(300),
  global: leb(300),
  table: leb(300),
  table_table: two,
  elem_table: two,
  elem: leb(300),
  memory: leb(300),
  memory_memory: two,
  data_memory: two,
  data: leb(300),
  memarg: [0x42, leb(9), leb(2 ** 40)],
  memarg_lane: [2, leb(300), 3],
  i32: [0x80, 0x7f],
  i64: [0x80, 0x80, 0x7f],
  f32: new Uint8Array(4),
  f64: new Uint8Array(8),
  v128: new Uint8Array(16),
  shuffle: new Uint8Array(16),
  lane: 3,
  fence: 0,
  heap_type: FUNCREF,
  br_on_cast: [3, leb(300), 0x6e, [0x80, 0x01]],
  type: leb(300),
  type_field: two,
  type_count: two,
  type_data: two,
  type_elem: two,
  type_type: two,
}

test('every instruction: opcode and immediates', () => {
  for (const [id, , , imm] of OPCODES) {
    const prefix = Object.entries(PREFIX_BASE)
      .reverse()
      .find(([, base]) => base <= id)
    const opcode: Bytes = prefix === undefined ? id : [Number(prefix[0]), leb(id - prefix[1])]
    const bytes = flat(0x01, opcode, IMMEDIATES[imm], 0x0b)
    const r = new InstrReader(bytes, 1)
    assert.equal(r.opcode(), id)
    assert.equal(r.at, 1)
    const immediates = r.pos
    r.skip(id)
    assert.equal(r.pos, bytes.length - 1, OPCODES.find((row) => row[0] === id)![1])
    assert.equal(skipImmediates(bytes, immediates, id), bytes.length - 1)
  }
  assert.equal(OP_IMM[0x28], ImmKind.Memarg)
})

test('block types', () => {
  const read = (...bytes: Bytes[]) => new InstrReader(flat(...bytes)).blockType()
  assert.equal(read(0x40), BLOCK_EMPTY)
  assert.equal(read(0x7f), T.I32)
  assert.equal(read(0x70), RefType.FuncRef)
  assert.equal(read(0x64, 3), refConcrete(3, false))
  assert.equal(read(0x3f), BLOCK_INDEX + 63)
  assert.equal(read(0xc0, 0), BLOCK_INDEX + 64)
})

test('memarg', () => {
  const r = new InstrReader(flat(0x43, leb(7), leb(2 ** 33 + 5)))
  r.memarg()
  assert.deepEqual([r.align, r.memory, r.low, r.high], [3, 7, 5, 2])
})
