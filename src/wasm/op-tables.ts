// The opcode table as typed arrays by opcode id: what decoder and validator look up per instruction. Made once, at load.

import { bug } from '../util/bug.ts'
import type { Features } from './features.ts'
import { featureBit } from './features.ts'
import { type Imm, OP_COUNT, OPCODES } from './opcodes.ts'
import { T } from './types.ts'

/** `Imm` as numbers, for switches. */
export const enum ImmKind {
  None,
  Block,
  Label,
  BrTable,
  Func,
  CallIndirect,
  Select,
  TryTable,
  Tag,
  Local,
  Global,
  Table,
  TableTable,
  ElemTable,
  Elem,
  Memory,
  MemoryMemory,
  DataMemory,
  Data,
  Memarg,
  MemargLane,
  I32,
  I64,
  F32,
  F64,
  V128,
  Shuffle,
  Lane,
  Fence,
  HeapType,
  BrOnCast,
  Type,
  TypeField,
  TypeCount,
  TypeData,
  TypeElem,
  TypeType,
}

const IMM_KINDS: Readonly<Record<Imm, ImmKind>> = {
  '': ImmKind.None,
  block: ImmKind.Block,
  label: ImmKind.Label,
  br_table: ImmKind.BrTable,
  func: ImmKind.Func,
  call_indirect: ImmKind.CallIndirect,
  select: ImmKind.Select,
  try_table: ImmKind.TryTable,
  tag: ImmKind.Tag,
  local: ImmKind.Local,
  global: ImmKind.Global,
  table: ImmKind.Table,
  table_table: ImmKind.TableTable,
  elem_table: ImmKind.ElemTable,
  elem: ImmKind.Elem,
  memory: ImmKind.Memory,
  memory_memory: ImmKind.MemoryMemory,
  data_memory: ImmKind.DataMemory,
  data: ImmKind.Data,
  memarg: ImmKind.Memarg,
  memarg_lane: ImmKind.MemargLane,
  i32: ImmKind.I32,
  i64: ImmKind.I64,
  f32: ImmKind.F32,
  f64: ImmKind.F64,
  v128: ImmKind.V128,
  shuffle: ImmKind.Shuffle,
  lane: ImmKind.Lane,
  fence: ImmKind.Fence,
  heap_type: ImmKind.HeapType,
  br_on_cast: ImmKind.BrOnCast,
  type: ImmKind.Type,
  type_field: ImmKind.TypeField,
  type_count: ImmKind.TypeCount,
  type_data: ImmKind.TypeData,
  type_elem: ImmKind.TypeElem,
  type_type: ImmKind.TypeType,
}

/** How the validator treats an opcode. */
export const enum OpClass {
  /** Not an instruction, or one whose feature is off. */
  Illegal = 0,
  /** Its signature says it all, no immediates. */
  Plain = 1,
  /** A memory access: memarg, then its signature. */
  Access = 2,
  /** Has a case of its own. */
  Special = 3,
}

/** A nibble of a signature: 0 ends it, `Address` is the memory's address type, else `SIG_BASE` minus it is the type. */
export const enum Sig {
  Base = 0x80,
  Address = 6,
}

const NIBBLES: Readonly<Record<string, number>> = {
  i: Sig.Base - T.I32,
  l: Sig.Base - T.I64,
  f: Sig.Base - T.F32,
  d: Sig.Base - T.F64,
  v: Sig.Base - T.V128,
  a: Sig.Address,
}

export const OP_IMM = new Uint8Array(OP_COUNT)
/** Operands, a nibble each; the last one (on top of the stack) is lowest. */
export const OP_OPERANDS = new Uint16Array(OP_COUNT)
/** Results, a nibble each; the first one is lowest. */
export const OP_RESULTS = new Uint16Array(OP_COUNT)
/** log2 of the natural alignment of a memory access. */
export const OP_ALIGN = new Uint8Array(OP_COUNT)
/** Lanes that a lane immediate may name; 0 without one. */
export const OP_LANES = new Uint8Array(OP_COUNT)
/** `OpClass` with all features on. */
const OP_CLASS = new Uint8Array(OP_COUNT)
/** Feature bit (features.ts); 0 for mvp and for ids that are no instruction. */
const OP_FEATURE = new Int32Array(OP_COUNT)

const featureBits = new Map<string, Features>()

for (const [id, name, signature, imm, feature, align] of OPCODES) {
  let bits = featureBits.get(feature)
  if (bits === undefined) featureBits.set(feature, (bits = featureBit(feature)))
  OP_FEATURE[id] = bits
  OP_IMM[id] = IMM_KINDS[imm]
  OP_ALIGN[id] = align ?? 0
  if (imm === 'memarg_lane') OP_LANES[id] = 16 >> (align ?? 0)
  if (imm === 'lane') OP_LANES[id] = Number(/x(\d+)\./.exec(name)?.[1])
  if (signature === '*') {
    OP_CLASS[id] = OpClass.Special
    continue
  }
  const colon = signature.indexOf(':')
  for (let i = 0; i < colon; i++) OP_OPERANDS[id] = (OP_OPERANDS[id] << 4) | NIBBLES[signature[i]]
  for (let i = signature.length - 1; i > colon; i--) OP_RESULTS[id] = (OP_RESULTS[id] << 4) | NIBBLES[signature[i]]
  OP_CLASS[id] =
    imm === '' ? OpClass.Plain : imm === 'memarg' || imm === 'memarg_lane' ? OpClass.Access : OpClass.Special
  if (colon > 4) bug(`signature of ${name}`)
}

let classes: { features: Features; table: Uint8Array } | undefined

/** `OpClass` by opcode id for a set of features. The last table is kept, since a process hardly changes its features. */
export function opClasses(features: Features): Uint8Array {
  if (classes?.features !== features) {
    const table = OP_CLASS.map((c, id) => ((OP_FEATURE[id] & ~features) === 0 ? c : OpClass.Illegal))
    classes = { features, table }
  }
  return classes.table
}
