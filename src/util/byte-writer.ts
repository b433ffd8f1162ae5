// A growing byte buffer with the primitive encodings of the binary format.

import { bug } from './bug.ts'
import { growUint8 } from './grow.ts'
import { lengthU32, MAX_LEB64, writeS32, writeS64, writeU32, writeU64 } from './leb128.ts'
import { encodeUtf8 } from './utf8.ts'

export class ByteWriter {
  /** The bytes written so far are the first `pos` of `bytes`; `bytes` is replaced when it grows. */
  bytes: Uint8Array<ArrayBuffer>
  pos = 0

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity)
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.pos + count > this.bytes.length) this.bytes = growUint8(this.bytes, this.pos + count)
  }

  u8(value: number): void {
    this.reserve(1)
    this.bytes[this.pos++] = value
  }

  /** Unsigned LEB128 of a 32-bit value. */
  u32(value: number): void {
    this.reserve(MAX_LEB64)
    this.pos = writeU32(this.bytes, this.pos, value)
  }

  /** Signed LEB128 of a 32-bit value. */
  s32(value: number): void {
    this.reserve(MAX_LEB64)
    this.pos = writeS32(this.bytes, this.pos, value)
  }

  /** Unsigned LEB128 of a non-negative integer up to 2^53, or of a bigint modulo 2^64. */
  u64(value: number | bigint): void {
    this.reserve(MAX_LEB64)
    if (typeof value === 'bigint') {
      const bits = BigInt.asUintN(64, value)
      this.pos = writeU64(this.bytes, this.pos, Number(bits & 0xffff_ffffn), Number(bits >> 32n))
    } else this.pos = writeU64(this.bytes, this.pos, value % 0x1_0000_0000, Math.floor(value / 0x1_0000_0000))
  }

  /** Signed LEB128 of a 64-bit value given as bigint, modulo 2^64. */
  s64(value: bigint): void {
    this.s64Parts(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)))
  }

  /** Signed LEB128 of a 64-bit value given as two halves. Writes a heap type's non-negative s33 as well (high half 0). */
  s64Parts(low: number, high: number): void {
    this.reserve(MAX_LEB64)
    this.pos = writeS64(this.bytes, this.pos, low, high)
  }

  /** Four bytes, little-endian. */
  u32le(value: number): void {
    this.reserve(4)
    for (let i = 0; i < 4; i++) this.bytes[this.pos++] = value >>> (8 * i)
  }

  /** Eight bytes, little-endian. */
  u64le(low: number, high: number): void {
    this.u32le(low)
    this.u32le(high)
  }

  /** The bytes [start, end) of `source`, as they are. */
  copy(source: Uint8Array, start = 0, end = source.length): void {
    this.reserve(end - start)
    this.bytes.set(source.subarray(start, end), this.pos)
    this.pos += end - start
  }

  /** A name: byte length and UTF-8 bytes. */
  name(text: string): void {
    const bytes = encodeUtf8(text)
    this.u32(bytes.length)
    this.copy(bytes)
  }

  /** Starts a length-prefixed part. Returns a mark for `endSized`; marks nest. */
  beginSized(): number {
    return this.pos
  }

  /** Ends the part begun at `mark`: its length goes in front of it, in the shortest encoding. */
  endSized(mark: number): void {
    const size = this.pos - mark
    if (size < 0) bug('endSized without beginSized')
    const prefix = lengthU32(size)
    this.reserve(prefix)
    this.bytes.copyWithin(mark + prefix, mark, this.pos)
    writeU32(this.bytes, mark, size)
    this.pos += prefix
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.pos)
  }
}
