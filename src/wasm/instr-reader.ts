// A cursor over instructions: opcode ids and immediates by the kinds of the opcode table. For everything that walks over code:
// validator, IR builder, printers, dumps. Lengths and LEB128 forms are checked; indices and types are the validator's matter.

import { ALL_FEATURES, Feature, FEATURES, type Features } from './features.ts'
import { PREFIX_BASE } from './opcodes.ts'
import { ImmKind, OP_IMM } from './op-tables.ts'
import { ByteReader } from './reader.ts'
import { Heap, Ref, refAbstract, refConcrete, T, type ValType } from './types.ts'

/** Result of `blockType` for a block without parameters and results. Other results: a value type, or `BLOCK_INDEX` + type index. */
export const BLOCK_EMPTY = -1
/** Marks a block type that is a type index (in the low bits). Above every value type. */
export const BLOCK_INDEX = 0x1_0000_0000

/** Bits of a memarg's first number. */
const enum MemargBits {
  AlignMask = 0x3f,
  HasMemory = 0x40,
  /** First value that is no memarg. */
  Limit = 0x80,
}

/** Prefix bytes are from here to 0xfe. */
export const FIRST_PREFIX = 0xfb

/** First sub-opcode behind each prefix's range of ids. */
const SUB_LIMIT: Readonly<Record<number, number>> = { 0xfb: 0x100, 0xfc: 0x100, 0xfd: 0x200, 0xfe: 0x100 }

export const enum Catch {
  Tag = 0,
  TagRef = 1,
  All = 2,
  AllRef = 3,
}

/** The feature that an abstract heap type belongs to. */
function heapFeature(heap: number): Feature {
  switch (heap) {
    case Heap.Func:
    case Heap.Extern:
      return Feature.ReferenceTypes
    case Heap.Exn:
    case Heap.NoExn:
      return Feature.Exceptions
    default:
      return Feature.Gc
  }
}

export class InstrReader extends ByteReader {
  /** Types of other features are refused. */
  features: Features = ALL_FEATURES
  /** Of the last memarg; its offset is in `low`, `high`. */
  align = 0
  memory = 0

  /** Reads an opcode and returns its id (see opcodes.ts); `at` becomes its offset. Whether it is an instruction is not checked. */
  opcode(): number {
    this.at = this.pos
    const b = this.u8()
    return b < FIRST_PREFIX || b === 0xff ? b : this.prefixed(b)
  }

  /** The id of an opcode whose prefix byte was just read. */
  protected prefixed(prefix: number): number {
    const sub = this.u32()
    if (sub >= SUB_LIMIT[prefix]) this.illegalOpcode()
    return PREFIX_BASE[prefix] + sub
  }

  /** The instruction at `at` does not exist. */
  illegalOpcode(): never {
    const hex = (n: number): string => n.toString(16).padStart(2, '0')
    const b = this.bytes[this.at]
    let text = hex(b)
    if (b >= FIRST_PREFIX && b !== 0xff) {
      this.pos = this.at + 1
      text += ' ' + hex(this.u32())
    }
    this.malformed(`illegal opcode ${text}`, this.at)
  }

  /** Reads alignment, memory index and offset. */
  memarg(): void {
    const flags = this.u32()
    if (flags >= MemargBits.Limit) this.malformed('malformed memop flags', this.at)
    this.align = flags & MemargBits.AlignMask
    this.memory = (flags & MemargBits.HasMemory) === 0 ? 0 : this.u32()
    this.u64()
  }

  /**
   * Reads a block type: `BLOCK_EMPTY`, a value type, or `BLOCK_INDEX` + type index.
   * The value type of a concrete reference is as in the binary: its index is not checked.
   */
  blockType(): number {
    if (this.pos >= this.bytes.length) this.unexpectedEnd()
    const b = this.bytes[this.pos]
    if (b === 0x40) {
      this.pos++
      return BLOCK_EMPTY
    }
    if (b < 0x40 || b >= 0x80) {
      const start = this.pos
      const index = this.s33()
      if (index < 0) this.malformed('malformed block type', start)
      this.require(Feature.MultiValue, 'malformed block type', start)
      return BLOCK_INDEX + index
    }
    return this.valType()
  }

  /** Reads a value type. A concrete heap type's index is checked only to fit into a type. */
  valType(): ValType {
    const start = this.pos
    const b = this.u8()
    switch (b) {
      case T.I32:
      case T.I64:
      case T.F32:
      case T.F64:
        return b
      case T.V128:
        this.require(Feature.Simd, 'malformed value type', start)
        return b
    }
    const type = this.refTypeFrom(b)
    if (type < 0) this.malformed('malformed value type', start)
    this.require(Feature.ReferenceTypes, 'malformed value type', start)
    return type
  }

  /** Reads a reference type. */
  refType(): ValType {
    const start = this.pos
    const type = this.refTypeFrom(this.u8())
    if (type < 0) this.malformed('malformed reference type', start)
    return type
  }

  /** The reference type whose first byte is b, or -1. */
  private refTypeFrom(b: number): ValType {
    if (b >= Heap.Exn && b <= Heap.NoExn) {
      // Before reference_types, tables were of funcref.
      if (b !== Heap.Func) this.require(heapFeature(b), 'malformed reference type', this.pos - 1)
      return refAbstract(b, true)
    }
    if (b !== 0x63 && b !== 0x64) return -1
    this.require(Feature.FunctionReferences, 'malformed reference type', this.pos - 1)
    return this.heapType(b === 0x63)
  }

  /** Reads a heap type; gives the reference type to it with that nullability. */
  heapType(nullable: boolean): ValType {
    const start = this.pos
    const b = this.u8()
    if (b >= Heap.Exn && b <= Heap.NoExn) {
      this.require(heapFeature(b), 'malformed heap type', start)
      return refAbstract(b, nullable)
    }
    this.pos = start
    const index = this.s33()
    if (index < 0) this.malformed('malformed heap type', start)
    this.require(Feature.FunctionReferences, 'malformed heap type', start)
    if (index > Ref.IndexMask) this.invalid(`unknown type ${index}`, start)
    return refConcrete(index, nullable)
  }

  private require(feature: Feature, message: string, offset: number): void {
    if ((this.features & feature) !== 0) return
    this.malformed(`${message}: needs the feature ${FEATURES.find((f) => f.bit === feature)?.name}`, offset)
  }

  /** Reads the flags of br_on_cast: bit 0 source nullable, bit 1 target nullable. */
  castFlags(): number {
    const flags = this.u8()
    if (flags > 3) this.malformed('malformed br_on_cast flags', this.pos - 1)
    return flags
  }

  catchKind(): Catch {
    const kind = this.u8()
    if (kind > Catch.AllRef) this.malformed('malformed catch clause', this.pos - 1)
    return kind
  }

  /** Skips the immediates of an instruction whose opcode was just read. */
  skip(op: number): void {
    switch (OP_IMM[op] as ImmKind) {
      case ImmKind.None:
        break
      case ImmKind.Block:
        this.blockType()
        break
      case ImmKind.BrTable:
        for (let n = this.count(1, 'a branch table'); n >= 0; n--) this.u32()
        break
      case ImmKind.Select:
        for (let n = this.count(1, 'a list of types'); n > 0; n--) this.valType()
        break
      case ImmKind.TryTable:
        this.blockType()
        for (let n = this.count(2, 'a list of catch clauses'); n > 0; n--) {
          if (this.catchKind() <= Catch.TagRef) this.u32()
          this.u32()
        }
        break
      case ImmKind.Memarg:
        this.memarg()
        break
      case ImmKind.MemargLane:
        this.memarg()
        this.u8()
        break
      case ImmKind.I32:
        this.s32()
        break
      case ImmKind.I64:
        this.s64()
        break
      case ImmKind.F32:
        this.skipBytes(4)
        break
      case ImmKind.F64:
        this.skipBytes(8)
        break
      case ImmKind.V128:
      case ImmKind.Shuffle:
        this.skipBytes(16)
        break
      case ImmKind.Lane:
        this.u8()
        break
      case ImmKind.Fence:
        this.fence()
        break
      case ImmKind.HeapType:
        this.heapType(true)
        break
      case ImmKind.BrOnCast:
        this.castFlags()
        this.u32()
        this.heapType(true)
        this.heapType(true)
        break
      case ImmKind.CallIndirect:
      case ImmKind.TableTable:
      case ImmKind.ElemTable:
      case ImmKind.MemoryMemory:
      case ImmKind.DataMemory:
      case ImmKind.TypeField:
      case ImmKind.TypeCount:
      case ImmKind.TypeData:
      case ImmKind.TypeElem:
      case ImmKind.TypeType:
        this.u32()
        this.u32()
        break
      default:
        this.u32()
    }
  }

  fence(): void {
    if (this.u8() !== 0) this.malformed('zero byte expected', this.pos - 1)
  }
}

/** Where the next instruction starts: skips the immediates at `pos` of the instruction `op`. */
export function skipImmediates(bytes: Uint8Array, pos: number, op: number): number {
  const reader = new InstrReader(bytes, pos)
  reader.skip(op)
  return reader.pos
}
