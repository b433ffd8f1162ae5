// Reading the primitives of the binary format with every check the specification asks for (section 5.2, "Values").
//
// Nothing is read beyond the end of the bytes; the end of a section is checked by its reader afterwards, as the official
// suite's messages expect.

import { decodeUtf8 } from '../util/utf8.ts'
import { FormatError, type FormatErrorKind } from './errors.ts'
import { MAX_NAME_SIZE } from './limits.ts'

export class ByteReader {
  readonly bytes: Uint8Array
  pos: number
  /** End of the section or other part being read; at most the length of `bytes`. */
  end: number
  /** Start of what an error is about: the current instruction, or item of a section. */
  at: number
  /** Halves of the last 64-bit value. */
  low = 0
  high = 0

  constructor(bytes: Uint8Array, pos = 0, end = bytes.length) {
    this.bytes = bytes
    this.pos = pos
    this.end = end
    this.at = pos
  }

  fail(kind: FormatErrorKind, message: string, offset = this.at): never {
    throw new FormatError(kind, message, offset)
  }

  malformed(message: string, offset = this.pos): never {
    this.fail('malformed', message, offset)
  }

  invalid(message: string, offset = this.at): never {
    this.fail('invalid', message, offset)
  }

  /** Refuses more than `max` of something, by an implementation limit. */
  limit(count: number, max: number, what: string): void {
    if (count > max) this.fail('limit', `too many ${what}: ${count}, the limit is ${max}`, this.pos)
  }

  /** What the end of the bytes means, if a section is known to go on behind it. */
  private truncated: string | undefined

  unexpectedEnd(offset = this.pos): never {
    this.malformed(this.truncated ?? 'unexpected end of section or function', offset)
  }

  /**
   * Sets `end` to the end of a section of `size` bytes at `pos`. A section that goes on behind the end of the bytes is read as
   * far as it goes: the first error in it counts, and this one only if there is none.
   */
  beginSection(size: number): void {
    const rest = this.bytes.length - this.pos
    this.end = this.pos + Math.min(size, rest)
    if (size > rest) this.truncated = `length out of bounds: section of ${size} bytes, ${rest} are left`
  }

  endSection(id: number): void {
    if (this.truncated !== undefined) this.unexpectedEnd(this.end)
    if (this.pos === this.end) return
    this.malformed(`section size mismatch: section ${id} ${this.pos < this.end ? 'goes on' : 'is over'}`)
  }

  /** Checks that `count` bytes are left in the part being read. */
  need(count: number, what: string): void {
    if (count <= this.end - this.pos) return
    if (this.end === this.bytes.length) this.unexpectedEnd()
    this.malformed(`length out of bounds: ${what} needs ${count} bytes, ${Math.max(0, this.end - this.pos)} are left`)
  }

  /** A vector's length. `minimum` is the size of the shortest item: a count that the bytes cannot hold is refused here. */
  count(minimum: number, what: string): number {
    const n = this.u32()
    this.need(n * minimum, what)
    return n
  }

  u8(): number {
    if (this.pos >= this.bytes.length) this.unexpectedEnd()
    return this.bytes[this.pos++]
  }

  /** Skips `count` bytes, which must be there. */
  skipBytes(count: number): void {
    if (count > this.bytes.length - this.pos) this.unexpectedEnd(this.bytes.length)
    this.pos += count
  }

  u32(): number {
    const pos = this.pos
    if (pos < this.bytes.length) {
      const b = this.bytes[pos]
      if (b < 0x80) {
        this.pos = pos + 1
        return b
      }
    }
    return this.longU32()
  }

  private longU32(): number {
    const start = this.pos
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const b = this.u8()
      value |= (b & 0x7f) << shift
      if (b < 0x80) return value
    }
    const b = this.lastByte(start)
    if ((b & 0x70) !== 0) this.malformed('integer too large', start)
    return (value | (b << 28)) >>> 0
  }

  s32(): number {
    const pos = this.pos
    if (pos < this.bytes.length) {
      const b = this.bytes[pos]
      if (b < 0x80) {
        this.pos = pos + 1
        return (b << 25) >> 25
      }
    }
    const start = pos
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const b = this.u8()
      value |= (b & 0x7f) << shift
      if (b < 0x80) return (value << (25 - shift)) >> (25 - shift)
    }
    const b = this.lastByte(start)
    if ((b & 0x78) !== 0 && (b & 0x78) !== 0x78) this.malformed('integer too large', start)
    return value | (b << 28)
  }

  /** A signed 33-bit value; only its sign matters if it is negative. */
  s33(): number {
    const start = this.pos
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const b = this.u8()
      value |= (b & 0x7f) << shift
      if (b < 0x80) return (value << (25 - shift)) >> (25 - shift)
    }
    const b = this.lastByte(start)
    const sign = b & 0x70
    if (sign !== 0 && sign !== 0x70) this.malformed('integer too large', start)
    const low = (value | (b << 28)) >>> 0
    return sign === 0 ? low : low - 0x1_0000_0000
  }

  /** An unsigned 64-bit value into `low` and `high`. Returns it as a number: exact up to 2^53, and rounded beyond. */
  u64(): number {
    const pos = this.pos
    if (pos < this.bytes.length) {
      const b = this.bytes[pos]
      if (b < 0x80) {
        this.pos = pos + 1
        this.low = b
        this.high = 0
        return b
      }
    }
    const last = this.long64(pos, false)
    if (last > 1) this.malformed('integer too large', pos)
    this.low >>>= 0
    this.high >>>= 0
    return this.high * 0x1_0000_0000 + this.low
  }

  /** A signed 64-bit value into `low` and `high`, both signed. */
  s64(): void {
    const start = this.pos
    const last = this.long64(start, true)
    if (last > 0 && last !== 0x7f) this.malformed('integer too large', start)
  }

  /** Reads up to ten bytes. Returns the tenth, or -1 if there were fewer. */
  private long64(start: number, signed: boolean): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 63; shift += 7) {
      const b = this.u8()
      const bits = b & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (b < 0x80) {
        const width = shift + 7
        if (signed && (b & 0x40) !== 0) {
          if (width < 32) {
            low |= -1 << width
            high = -1
          } else high |= -1 << (width - 32)
        }
        this.low = low
        this.high = high
        return -1
      }
    }
    const b = this.lastByte(start)
    this.low = low
    this.high = high | (b << 31)
    return b
  }

  /** The byte that must be the last of its integer. */
  private lastByte(start: number): number {
    const b = this.u8()
    if (b >= 0x80) this.malformed('integer representation too long', start)
    return b
  }

  /** A name: byte length, UTF-8. */
  name(): string {
    const length = this.u32()
    this.need(length, 'a name')
    const start = this.pos
    if (length > MAX_NAME_SIZE)
      this.fail('limit', `name too long: ${length} bytes, the limit is ${MAX_NAME_SIZE}`, start)
    const text = decodeUtf8(this.bytes, start, start + length)
    if (text === undefined) this.malformed('malformed UTF-8 encoding', start)
    this.pos = start + length
    return text
  }
}
