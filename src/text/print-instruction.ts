// One instruction as text: name and immediates, by the opcode table.

import { BLOCK_EMPTY, BLOCK_INDEX, Catch, InstrReader } from '../wasm/instr-reader.ts'
import { ImmKind, OP_ALIGN, OP_IMM } from '../wasm/op-tables.ts'
import { Op } from '../wasm/op.gen.ts'
import { opcodeById } from '../wasm/opcodes.ts'
import type { NameMap } from '../wasm/names.ts'
import type { Identifiers } from './print-names.ts'
import { printHeapType, printParams, printResults, printValueType } from './print-types.ts'
import { printFloat32, printFloat64, printId, printInt64, printUint64, printV128 } from './print-values.ts'
import type { Printer } from './printer.ts'

const CATCH_NAMES = ['catch', 'catch_ref', 'catch_all', 'catch_all_ref'] as const

/** Prints the instructions of one function or constant expression, one by one. */
export class InstructionPrinter {
  readonly reader: InstrReader
  readonly #p: Printer
  /** Identifiers of the function's locals. */
  locals: Identifiers | undefined
  /** Names of the function's blocks, by their order. */
  labelNames: NameMap | undefined
  /** Block number of each enclosing block, outermost first. */
  readonly labels: number[] = []

  constructor(p: Printer) {
    this.#p = p
    this.reader = new InstrReader(p.module.bytes)
  }

  /** Text of the instruction `op`, whose opcode was just read: as it stands in flat code, without its `end`. */
  print(op: number): string {
    const p = this.#p
    const r = this.reader
    const name = textName(op)
    switch (OP_IMM[op] as ImmKind) {
      case ImmKind.None:
        return name
      case ImmKind.Local: {
        const local = r.u32()
        return `${name} ${this.locals?.use(local) ?? local}`
      }
      case ImmKind.Label:
        return `${name} ${this.#label(r.u32())}`
      case ImmKind.Block:
        return name + this.#blockType()
      case ImmKind.TryTable:
        return name + this.#blockType() + this.#catches()
      case ImmKind.BrTable: {
        let out = name
        for (let n = r.u32(); n >= 0; n--) out += ` ${this.#label(r.u32())}`
        return out
      }
      case ImmKind.Func:
        return `${name} ${p.funcs.use(r.u32())}`
      case ImmKind.CallIndirect: {
        const type = this.#typeUse(r.u32())
        const table = r.u32()
        return name + (table === 0 ? '' : ` ${p.tables.use(table)}`) + type
      }
      case ImmKind.Select: {
        let out = `${name} (result`
        for (let n = r.u32(); n > 0; n--) out += ` ${printValueType(r.valType(), p.types)}`
        return out + ')'
      }
      case ImmKind.Tag:
        return `${name} ${p.tags.use(r.u32())}`
      case ImmKind.Global:
        return `${name} ${p.globals.use(r.u32())}`
      case ImmKind.Table:
        return name + optional(p.tables, r.u32())
      case ImmKind.TableTable:
        return name + optionalPair(p.tables, r.u32(), r.u32())
      case ImmKind.ElemTable:
        return name + segment(p.elems, r.u32(), p.tables, r.u32())
      case ImmKind.Elem:
        return `${name} ${p.elems.use(r.u32())}`
      case ImmKind.Memory:
        return name + optional(p.memories, r.u32())
      case ImmKind.MemoryMemory:
        return name + optionalPair(p.memories, r.u32(), r.u32())
      case ImmKind.DataMemory:
        return name + segment(p.datas, r.u32(), p.memories, r.u32())
      case ImmKind.Data:
        return `${name} ${p.datas.use(r.u32())}`
      case ImmKind.Memarg:
        return name + this.#memarg(op)
      case ImmKind.MemargLane:
        return name + this.#memarg(op) + ` ${r.u8()}`
      case ImmKind.I32:
        return `${name} ${r.s32()}`
      case ImmKind.I64:
        r.s64()
        return `${name} ${printInt64(r.low | 0, r.high | 0)}`
      case ImmKind.F32:
        return `${name} ${printFloat32(this.#word())}`
      case ImmKind.F64: {
        const low = this.#word()
        return `${name} ${printFloat64(low, this.#word())}`
      }
      case ImmKind.V128:
        r.skipBytes(16)
        return `${name} ${printV128(r.bytes, r.pos - 16)}`
      case ImmKind.Shuffle: {
        r.skipBytes(16)
        return `${name} ${r.bytes.subarray(r.pos - 16, r.pos).join(' ')}`
      }
      case ImmKind.Lane:
        return `${name} ${r.u8()}`
      case ImmKind.Fence:
        r.u8()
        return name
      case ImmKind.HeapType:
        return this.#heapType(op, name)
      case ImmKind.BrOnCast: {
        const flags = r.castFlags()
        const label = this.#label(r.u32())
        const source = printValueType(r.heapType((flags & 1) !== 0), p.types)
        return `${name} ${label} ${source} ${printValueType(r.heapType((flags & 2) !== 0), p.types)}`
      }
      case ImmKind.Type:
        return `${name} ${p.types.use(r.u32())}`
      case ImmKind.TypeField: {
        const type = r.u32()
        const field = r.u32()
        return `${name} ${p.types.use(type)} ${p.fields(type)?.use(field) ?? field}`
      }
      case ImmKind.TypeCount:
        return `${name} ${p.types.use(r.u32())} ${r.u32()}`
      case ImmKind.TypeData:
        return `${name} ${p.types.use(r.u32())} ${p.datas.use(r.u32())}`
      case ImmKind.TypeElem:
        return `${name} ${p.types.use(r.u32())} ${p.elems.use(r.u32())}`
      case ImmKind.TypeType:
        return `${name} ${p.types.use(r.u32())} ${p.types.use(r.u32())}`
    }
  }

  /** The label of a block for its beginning, with a space in front: `$name`, or empty. */
  labelBinding(block: number): string {
    const name = this.labelNames?.get(block)
    return name ? ` ${printId(name)}` : ''
  }

  /** A label use: the name if it leads to the right block, else the depth. Other than in index spaces, names may repeat. */
  #label(depth: number): string {
    const place = this.labels.length - 1 - depth
    if (place < 0) return String(depth)
    const name = this.labelNames?.get(this.labels[place])
    let hidden = !name
    for (let i = this.labels.length - 1; i > place && !hidden; i--)
      hidden = this.labelNames?.get(this.labels[i]) === name
    return hidden ? `${depth} (;@${place + 1};)` : printId(name!)
  }

  #blockType(): string {
    const type = this.reader.blockType()
    if (type === BLOCK_EMPTY) return ''
    if (type >= BLOCK_INDEX) return this.#typeUse(type - BLOCK_INDEX)
    return ` (result ${printValueType(type, this.#p.types)})`
  }

  #typeUse(index: number): string {
    return printTypeUse(this.#p, index, undefined)
  }

  #catches(): string {
    const r = this.reader
    let out = ''
    for (let n = r.u32(); n > 0; n--) {
      const kind = r.catchKind()
      out += ` (${CATCH_NAMES[kind]}`
      if (kind <= Catch.TagRef) out += ` ${this.#p.tags.use(r.u32())}`
      out += ` ${this.#label(r.u32())})`
    }
    return out
  }

  #memarg(op: number): string {
    const r = this.reader
    r.memarg()
    let out = optional(this.#p.memories, r.memory)
    if (r.low !== 0 || r.high !== 0) out += ` offset=${printUint64(r.low, r.high)}`
    if (r.align !== OP_ALIGN[op]) out += ` align=${2n ** BigInt(r.align)}`
    return out
  }

  #heapType(op: number, name: string): string {
    const nullable = op === Op.RefTestNull || op === Op.RefCastNull
    const type = this.reader.heapType(nullable)
    const { types } = this.#p
    return `${name} ${op === Op.RefNull ? printHeapType(type, types) : printValueType(type, types)}`
  }

  #word(): number {
    const r = this.reader
    r.skipBytes(4)
    const { bytes, pos } = r
    return bytes[pos - 4] | (bytes[pos - 3] << 8) | (bytes[pos - 2] << 16) | (bytes[pos - 1] << 24)
  }
}

/** `(type n)`, then the parameters and results if the type is a function type. */
export function printTypeUse(p: Printer, index: number, params: Identifiers | undefined): string {
  const type = p.funcType(index)
  const use = ` (type ${p.types.use(index)})`
  if (type === undefined) return use
  return use + printParams('param', type.params, 0, p.types, params) + printResults(type.results, p.types)
}

/** Instruction names in the text format, which overloads three of them. */
function textName(op: number): string {
  switch (op) {
    case Op.SelectTyped:
      return 'select'
    case Op.RefTestNull:
      return 'ref.test'
    case Op.RefCastNull:
      return 'ref.cast'
    default:
      return opcodeById(op)!.at(1) as string
  }
}

const optional = (space: Identifiers, index: number): string => (index === 0 ? '' : ` ${space.use(index)}`)

const optionalPair = (space: Identifiers, first: number, second: number): string =>
  first === 0 && second === 0 ? '' : ` ${space.use(first)} ${space.use(second)}`

/** Segment and target are in this order in the binary, in the other one in the text. */
const segment = (segments: Identifiers, index: number, targets: Identifiers, target: number): string =>
  `${optional(targets, target)} ${segments.use(index)}`
