// Reads immediates of validated function bodies: no bounds or form checks.

import { OP_COUNT, PREFIX_BASE } from '../wasm/opcodes.ts'
import type { Module } from '../wasm/module.ts'
import { Ref, isConcrete, typeIndexOf } from '../wasm/types.ts'

/** Prefix byte -> id base, 0 for others. */
const BASE = new Uint16Array(256)
for (const [prefix, base] of Object.entries(PREFIX_BASE)) BASE[Number(prefix)] = base

/** Code of `(ref null ht)` and `(ref ht)` in the binary format. */
const REF_NULL = 0x63
const REF = 0x64

export class Reader {
  bytes: Uint8Array = new Uint8Array(0)
  position = 0
  end = 0
  /** High half of the last `i64` or `u64`. */
  high = 0
  /** The value type of the last `blockType` that was one. */
  blockValueType = 0

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.position = start
    this.end = end
  }

  u8(): number {
    return this.bytes[this.position++]
  }

  /** Opcode id (opcodes.ts). */
  opcode(): number {
    const byte = this.bytes[this.position++]
    const base = BASE[byte]
    return base === 0 ? byte : (base + this.u32()) % OP_COUNT
  }

  u32(): number {
    let byte = this.bytes[this.position++]
    if (byte < 0x80) return byte
    let result = byte & 0x7f
    let shift = 7
    do {
      byte = this.bytes[this.position++]
      result |= (byte & 0x7f) << shift
      shift += 7
    } while (byte >= 0x80)
    return result >>> 0
  }

  i32(): number {
    let result = 0
    let shift = 0
    let byte = 0
    do {
      byte = this.bytes[this.position++]
      result |= (byte & 0x7f) << shift
      shift += 7
    } while (byte >= 0x80)
    return shift < 32 && (byte & 0x40) !== 0 ? result | (-1 << shift) : result
  }

  /** Signed or unsigned 64-bit LEB: returns the low half, the high half is in `high`. */
  private leb64(signed: boolean): number {
    let low = 0
    let high = 0
    let shift = 0
    let byte = 0
    do {
      byte = this.bytes[this.position++]
      const bits = byte & 0x7f
      if (shift < 32) low |= bits << shift
      if (shift > 25) high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32)
      shift += 7
    } while (byte >= 0x80)
    if (signed && (byte & 0x40) !== 0 && shift < 64) {
      if (shift < 32) {
        low |= -1 << shift
        high = -1
      } else high |= -1 << (shift - 32)
    }
    this.high = high | 0
    return low | 0
  }

  i64(): number {
    return this.leb64(true)
  }

  u64(): number {
    return this.leb64(false)
  }

  /** Four bytes, little-endian. */
  word(): number {
    const { bytes, position: p } = this
    this.position = p + 4
    return bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24)
  }

  valueType(): number {
    const byte = this.bytes[this.position++]
    if (byte === REF_NULL) return this.heapType(true)
    if (byte === REF) return this.heapType(false)
    return byte >= 0x77 ? byte : Ref.Flag | Ref.Nullable | byte
  }

  /** A heap type as a reference type of the module's index space. */
  heapType(nullable: boolean): number {
    const flags = Ref.Flag | (nullable ? Ref.Nullable : 0)
    const value = this.i32()
    return value >= 0 ? flags | Ref.Concrete | value : flags | (value & 0x7f)
  }

  /** A heap type as a reference type with canonical id. */
  canonicalHeapType(module: Module, nullable: boolean): number {
    const type = this.heapType(nullable)
    return isConcrete(type) ? (type & ~Ref.IndexMask) | module.canon[typeIndexOf(type)] : type
  }

  /** -0x40: no parameters and results. >= 0: a type index. Else one result, `blockValueType`. */
  blockType(): number {
    const byte = this.bytes[this.position]
    if (byte === 0x40) {
      this.position++
      return -0x40
    }
    if (byte < 0x40 || byte >= 0x80) return this.i32()
    this.blockValueType = this.valueType()
    return -1
  }
}
