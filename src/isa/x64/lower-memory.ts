// Lowering of memory accesses and addresses.

import { Op as Ssa } from '../../ssa/op.gen.ts'
import { Instance, MemoryCell } from '../../native/layout.ts'
import { VType } from '../../codegen/vcode.ts'
import { NONE } from '../../ssa/types.ts'
import { Op } from './instructions.ts'
import type { Lowering } from './lower.ts'
import { Address, Shape } from './machine.ts'
import { Size } from './registers.ts'

/** Instruction and size of loads, by op - I32Load. 32-bit results fill the register, so an i64's unsigned loads are those of an i32. */
const LOADS: readonly (readonly [Op, Size])[] = [
  [Op.Mov, Size.D],
  [Op.Movsx8, Size.D],
  [Op.Movzx8, Size.D],
  [Op.Movsx16, Size.D],
  [Op.Movzx16, Size.D],
  [Op.Mov, Size.Q],
  [Op.Movsx8, Size.Q],
  [Op.Movzx8, Size.D],
  [Op.Movsx16, Size.Q],
  [Op.Movzx16, Size.D],
  [Op.Movsxd, Size.Q],
  [Op.Mov, Size.D],
  [Op.Movss, Size.D],
  [Op.Movsd, Size.Q],
]

/** By op - I32Store. */
const STORES: readonly (readonly [Op, Size])[] = [
  [Op.Mov, Size.D],
  [Op.Mov, Size.B],
  [Op.Mov, Size.W],
  [Op.Mov, Size.Q],
  [Op.Mov, Size.B],
  [Op.Mov, Size.W],
  [Op.Mov, Size.D],
  [Op.Movss, Size.D],
  [Op.Movsd, Size.Q],
]

export function lowerMemory(l: Lowering, v: number, op: Ssa): void {
  const { graph } = l
  if (op >= Ssa.I32Load && op <= Ssa.F64Load) return load(l, v, op)
  if (op >= Ssa.I32Store && op <= Ssa.F64Store) return store(l, v, op)
  if (op === Ssa.MemoryBase || op === Ssa.MemoryAddress) return memoryCell(l, v, graph.aux[v], MemoryCell.Base)
  if (op === Ssa.MemoryBytes) return memoryCell(l, v, graph.aux[v], MemoryCell.Bytes)
  l.unsupported(v)
}

/** What an address is made of: vregs, or NONE. */
export interface AddressParts {
  bits: number
  base: number
  index: number
  displacement: number
}
/** One for all: valid until the next. */
const address: AddressParts = { bits: 0, base: NONE, index: NONE, displacement: 0 }

/** The address's registers as operands of the instruction that has just been emitted. */
export function useAddress(l: Lowering, parts: AddressParts): void {
  if (parts.base !== NONE) l.draft.use(parts.base)
  if (parts.index !== NONE) l.draft.use(parts.index)
}

/** Takes an address apart: memory base or sum, and the displacement, which are all that x86 adds by itself. */
export function matchAddress(l: Lowering, v: number, displacement: number): AddressParts {
  const { graph } = l
  let root = graph.resolve(v)
  address.bits = 0
  address.base = address.index = NONE
  address.displacement = displacement
  while (graph.op[root] === Ssa.I64Add && l.isImmediate(graph.b[root])) {
    const sum = address.displacement + l.constant(graph.b[root])
    if (sum !== (sum | 0)) break
    address.displacement = sum
    root = graph.resolve(graph.a[root])
  }
  if (graph.op[root] !== Ssa.I64Add) {
    if (isMemory0(l, root)) address.bits = Address.BaseMemory
    else address.base = l.reg(root)
    return address
  }
  let base = graph.resolve(graph.a[root])
  let index = graph.resolve(graph.b[root])
  if (isMemory0(l, index)) [base, index] = [index, base]
  if (isMemory0(l, base)) address.bits = Address.BaseMemory
  else address.base = l.reg(base)
  address.bits |= Address.HasIndex
  if (graph.op[index] === Ssa.I64Shl && l.isImmediate(graph.b[index]) && (l.constant(graph.b[index]) & 63) <= 3) {
    address.bits |= (l.constant(graph.b[index]) & 63) << Address.ScaleShift
    index = graph.resolve(graph.a[index])
  }
  address.index = l.reg(index)
  return address
}

const isMemory0 = (l: Lowering, v: number): boolean => l.graph.op[v] === Ssa.MemoryBase && l.graph.aux[v] === 0

function load(l: Lowering, v: number, op: Ssa): void {
  const [instruction, size] = LOADS[op - Ssa.I32Load]
  matchAddress(l, l.graph.a[v], l.graph.aux[v])
  l.emit(Shape.Load | (instruction << 8), size | address.bits, 0, address.displacement)
  useAddress(l, address)
  l.draft.def(l.result(v))
}

function store(l: Lowering, v: number, op: Ssa): void {
  const [instruction, size] = STORES[op - Ssa.I32Store]
  const stored = l.graph.b[v]
  // A 64-bit store extends the sign of its immediate.
  const isImmediate = l.isImmediate(stored) && op < Ssa.F32Store
  const value = isImmediate ? NONE : l.reg(stored)
  matchAddress(l, l.graph.a[v], l.graph.aux[v])
  if (isImmediate) {
    l.emit(Shape.StoreImm | (instruction << 8), size | address.bits, l.constant(stored), address.displacement)
    useAddress(l, address)
    return
  }
  l.emit(Shape.Store | (instruction << 8), size | address.bits, 0, address.displacement)
  useAddress(l, address)
  l.draft.use(value)
}

/** A word of a memory's cell. The base of memory 0 is in a register if it does not move. */
function memoryCell(l: Lowering, v: number, memory: number, word: MemoryCell): void {
  if (isMemory0(l, v)) {
    l.emit(Shape.Load | (Op.Lea << 8), Size.Q | Address.BaseMemory)
    l.draft.def(l.result(v))
    return
  }
  loadCellWord(l, v, Instance.Memories, memory, word)
}

/** A word of the cell of a memory or table, by its number in the list whose address the instance has. */
export function loadCellWord(l: Lowering, v: number, lists: Instance, number: number, word: number): void {
  const list = l.temporary(VType.I64)
  const cell = l.temporary(VType.I64)
  l.loadField(list, NONE, lists, Size.Q)
  l.loadField(cell, list, 8 * number, Size.Q)
  l.loadField(l.result(v), cell, word, Size.Q)
}
