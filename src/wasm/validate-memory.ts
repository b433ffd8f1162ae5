// Validation of memory, table and segment instructions and of the vector instructions with immediates.

import { bug } from '../util/bug.ts'
import { matches } from './canonical.ts'
import { Feature } from './features.ts'
import { OP_ALIGN, OP_LANES, OP_OPERANDS, OP_RESULTS, Sig } from './op-tables.ts'
import { Op } from './op.gen.ts'
import { type CanonType, T } from './types.ts'
import type { Validator } from './validate.ts'

const FIRST_ATOMIC = 0x500

/** Reads and checks a memarg; returns the address type. */
export function memoryAccess(v: Validator, op: number): T {
  v.memarg()
  const { state } = v
  const { memory, align } = v
  if (memory !== 0 && (state.features & Feature.MultiMemory) === 0) v.malformed('malformed memop flags', v.at)
  if (memory >= state.memories.length) v.invalid(`unknown memory ${memory}`)
  const natural = OP_ALIGN[op]
  if (align > natural) v.invalid(`alignment must not be larger than natural: 2^${align} bytes, natural is 2^${natural}`)
  if (op >= FIRST_ATOMIC && align !== natural)
    v.invalid(`atomic alignment must be natural: 2^${align} bytes, natural is 2^${natural}`)
  if (state.memories[memory].address64) return T.I64
  if (v.high !== 0) {
    if ((state.features & Feature.Memory64) === 0) v.malformed('integer too large', v.at)
    v.invalid(`offset out of range: ${(BigInt(v.high) << 32n) | BigInt(v.low)} in a 32-bit memory`)
  }
  return T.I32
}

/** Reads a memory index; the address type of that memory. */
function memoryIndex(v: Validator): T {
  const { state } = v
  const start = v.pos
  const index = v.u32()
  if ((state.features & Feature.MultiMemory) === 0 && (index !== 0 || v.pos !== start + 1))
    v.malformed('zero byte expected', start)
  if (index >= state.memories.length) v.invalid(`unknown memory ${index}`)
  return state.memories[index].address64 ? T.I64 : T.I32
}

/** Reads a data segment index. */
export function dataIndex(v: Validator): void {
  checkDataIndex(v, v.u32())
}

/** The data count section tells whether a segment exists, since the data section comes after the code. */
function checkDataIndex(v: Validator, index: number): void {
  const { dataCount } = v.state
  if (dataCount < 0) v.malformed('data count section required', v.at)
  if (index >= dataCount) v.invalid(`unknown data segment ${index}`)
}

/** Reads an element segment index; its type. */
export function elemIndex(v: Validator): CanonType {
  return elemType(v, v.u32())
}

function elemType(v: Validator, index: number): CanonType {
  const { elemTypes } = v.state
  if (index >= elemTypes.length) v.invalid(`unknown elem segment ${index}`)
  return elemTypes[index]
}

function tableIndex(v: Validator): number {
  const index = v.u32()
  if (index >= v.state.tables.length) v.invalid(`unknown table ${index}`)
  return index
}

const tableAddress = (v: Validator, table: number): T => (v.state.tables[table].address64 ? T.I64 : T.I32)

export function validateMemory(v: Validator, op: number): void {
  switch (op as Op) {
    case Op.MemorySize:
      return v.push(memoryIndex(v))
    case Op.MemoryGrow: {
      const address = memoryIndex(v)
      v.pop(address)
      return v.push(address)
    }
    case Op.MemoryFill: {
      const address = memoryIndex(v)
      return pop3(v, address, T.I32, address)
    }
    case Op.MemoryCopy: {
      const to = memoryIndex(v)
      const from = memoryIndex(v)
      return pop3(v, to, from, to === T.I64 && from === T.I64 ? T.I64 : T.I32)
    }
    case Op.MemoryInit: {
      const segment = v.u32()
      const address = memoryIndex(v)
      checkDataIndex(v, segment)
      return pop3(v, address, T.I32, T.I32)
    }
    case Op.DataDrop:
      return dataIndex(v)
    case Op.ElemDrop:
      elemIndex(v)
      return
    case Op.TableInit:
      return tableInit(v)
    case Op.TableCopy:
      return tableCopy(v)
    default:
      tableAccess(v, op)
  }
}

/** Takes three operands, the last one first. */
function pop3(v: Validator, first: number, second: number, third: number): void {
  v.pop(third)
  v.pop(second)
  v.pop(first)
}

function tableAccess(v: Validator, op: Op): void {
  const table = tableIndex(v)
  const address = tableAddress(v, table)
  const element = v.state.tableElements[table]
  switch (op) {
    case Op.TableGet:
      v.pop(address)
      return v.push(element)
    case Op.TableSet:
      v.pop(element)
      v.pop(address)
      return
    case Op.TableSize:
      return v.push(address)
    case Op.TableGrow:
      v.pop(address)
      v.pop(element)
      return v.push(address)
    case Op.TableFill:
      return pop3(v, address, element, address)
    default:
      bug(`no validation for opcode ${op}`)
  }
}

function checkElements(v: Validator, from: CanonType, to: CanonType): void {
  if (!matches(from, to)) v.invalid(`type mismatch: elements of type ${v.text(from)} into a table of ${v.text(to)}`)
}

function tableInit(v: Validator): void {
  const segment = v.u32()
  const table = tableIndex(v)
  checkElements(v, elemType(v, segment), v.state.tableElements[table])
  pop3(v, tableAddress(v, table), T.I32, T.I32)
}

function tableCopy(v: Validator): void {
  const to = tableIndex(v)
  const from = tableIndex(v)
  checkElements(v, v.state.tableElements[from], v.state.tableElements[to])
  const toAddress = tableAddress(v, to)
  const fromAddress = tableAddress(v, from)
  pop3(v, toAddress, fromAddress, toAddress === T.I64 && fromAddress === T.I64 ? T.I64 : T.I32)
}

/** v128.const, shuffle and the instructions with a lane. */
export function validateVector(v: Validator, op: number): void {
  if (op === Op.V128Const) v.skipBytes(16)
  else if (op === Op.I8x16Shuffle) for (let i = 0; i < 16; i++) v.lane(32)
  else v.lane(OP_LANES[op])
  for (let operands = OP_OPERANDS[op]; operands !== 0; operands >>>= 4) v.pop(Sig.Base - (operands & 15))
  for (let results = OP_RESULTS[op]; results !== 0; results >>>= 4) v.push(Sig.Base - (results & 15))
}
