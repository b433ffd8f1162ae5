// LEB128: lengths and writing. Reading with all checks is in wasm/reader.ts.
//
// The writers put the shortest encoding at `pos` and return the position behind it; the caller has made room (`MAX_LEB64`).
// 64-bit values are pairs of 32-bit halves.

/** Bytes of the longest 64-bit encoding. */
export const MAX_LEB64 = 10

/** Length of the shortest unsigned encoding of a 32-bit value. */
export function lengthU32(value: number): number {
  let n = 1
  for (let v = value >>> 7; v !== 0; v >>>= 7) n++
  return n
}

export function writeU32(out: Uint8Array, pos: number, value: number): number {
  let v = value >>> 0
  while (v > 0x7f) {
    out[pos++] = (v & 0x7f) | 0x80
    v >>>= 7
  }
  out[pos++] = v
  return pos
}

export function writeS32(out: Uint8Array, pos: number, value: number): number {
  let v = value | 0
  for (;;) {
    const low = v & 0x7f
    v >>= 7
    if ((v === 0 && (low & 0x40) === 0) || (v === -1 && (low & 0x40) !== 0)) {
      out[pos++] = low
      return pos
    }
    out[pos++] = low | 0x80
  }
}

export function writeU64(out: Uint8Array, pos: number, low: number, high: number): number {
  let lo = low >>> 0
  let hi = high >>> 0
  while (hi !== 0) {
    out[pos++] = (lo & 0x7f) | 0x80
    lo = ((lo >>> 7) | (hi << 25)) >>> 0
    hi >>>= 7
  }
  return writeU32(out, pos, lo)
}

export function writeS64(out: Uint8Array, pos: number, low: number, high: number): number {
  let lo = low | 0
  let hi = high | 0
  for (;;) {
    const bits = lo & 0x7f
    lo = (lo >>> 7) | (hi << 25)
    hi >>= 7
    if ((hi === 0 && lo === 0 && (bits & 0x40) === 0) || (hi === -1 && lo === -1 && (bits & 0x40) !== 0)) {
      out[pos++] = bits
      return pos
    }
    out[pos++] = bits | 0x80
  }
}
