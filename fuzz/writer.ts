// A small writer of the binary format, independent of src/wasm/encode.ts: the fuzzer must not inherit the bugs it looks for.

import { PREFIX_BASE } from '../src/wasm/opcodes.ts'
import { isConcrete, isNullable, isRef, heapOf, typeIndexOf, T, Heap } from '../src/wasm/types.ts'

const PREFIXES = Object.entries(PREFIX_BASE)
  .map(([byte, base]) => [Number(byte), base] as const)
  .sort((a, b) => b[1] - a[1])

export class Writer {
  private buffer = new Uint8Array(256)
  length = 0

  reset(): this {
    this.length = 0
    return this
  }

  private reserve(n: number): void {
    if (this.length + n <= this.buffer.length) return
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + n))
    grown.set(this.buffer.subarray(0, this.length))
    this.buffer = grown
  }

  u8(byte: number): this {
    this.reserve(1)
    this.buffer[this.length++] = byte
    return this
  }

  u32(value: number): this {
    value >>>= 0
    while (value >= 0x80) {
      this.u8((value & 0x7f) | 0x80)
      value >>>= 7
    }
    return this.u8(value)
  }

  u64(value: bigint): this {
    while (value >= 0x80n) {
      this.u8(Number(value & 0x7fn) | 0x80)
      value >>= 7n
    }
    return this.u8(Number(value))
  }

  s32(value: number): this {
    value |= 0
    for (;;) {
      const low = value & 0x7f
      value >>= 7
      if ((value === 0 && (low & 0x40) === 0) || (value === -1 && (low & 0x40) !== 0)) return this.u8(low)
      this.u8(low | 0x80)
    }
  }

  s64(bits: bigint): this {
    let value = BigInt.asIntN(64, bits)
    for (;;) {
      const low = Number(value & 0x7fn)
      value >>= 7n
      if ((value === 0n && (low & 0x40) === 0) || (value === -1n && (low & 0x40) !== 0)) return this.u8(low)
      this.u8(low | 0x80)
    }
  }

  fixed32(bits: number): this {
    return this.u8(bits)
      .u8(bits >>> 8)
      .u8(bits >>> 16)
      .u8(bits >>> 24)
  }

  fixed64(bits: bigint): this {
    return this.fixed32(Number(bits & 0xffff_ffffn)).fixed32(Number(bits >> 32n))
  }

  bytes(bytes: Uint8Array): this {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  name(text: string): this {
    const bytes = new TextEncoder().encode(text)
    return this.u32(bytes.length).bytes(bytes)
  }

  /** An opcode by its id in the opcode table. */
  op(id: number): this {
    for (const [byte, base] of PREFIXES) if (id >= base) return this.u8(byte).u32(id - base)
    return this.u8(id)
  }

  heapType(type: number): this {
    return isConcrete(type) ? this.s32(typeIndexOf(type)) : this.u8(heapOf(type))
  }

  valType(type: number): this {
    if (!isRef(type)) return this.u8(type)
    // funcref and externref in their short form: what engines without the newer reference types know.
    if (!isConcrete(type) && isNullable(type) && (heapOf(type) === Heap.Func || heapOf(type) === Heap.Extern))
      return this.u8(heapOf(type))
    return this.u8(isNullable(type) ? 0x63 : 0x64).heapType(type)
  }

  /** Appends `section` with its id and size; nothing if it is empty. */
  section(id: number, section: Writer): this {
    if (section.length === 0) return this
    return this.u8(id).u32(section.length).bytes(section.view())
  }

  /** A view of what was written; valid until the next write. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }
}

export const HEADER = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])

/** Letter of the opcode table's signatures -> value type. */
export const LETTER_TYPE: Readonly<Record<string, number>> = { i: T.I32, l: T.I64, f: T.F32, d: T.F64, v: T.V128 }
