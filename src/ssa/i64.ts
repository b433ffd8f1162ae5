// 64-bit integers as two int32 halves: a function returns the low half and leaves the high one in `high`. For constant folding; no
// BigInt, which would allocate.

/** High half of the last result. */
export let high = 0

const pair = (lo: number, hi: number): number => {
  high = hi | 0
  return lo | 0
}

export function add(al: number, ah: number, bl: number, bh: number): number {
  const lo = (al >>> 0) + (bl >>> 0)
  return pair(lo, ah + bh + (lo > 0xffffffff ? 1 : 0))
}

export const negate = (al: number, ah: number): number => add(~al, ~ah, 1, 0)

export function sub(al: number, ah: number, bl: number, bh: number): number {
  return pair(al - bl, ah - bh - (al >>> 0 < bl >>> 0 ? 1 : 0))
}

/** High 32 bits of the unsigned product of two 32-bit numbers. */
function mulhi32(a: number, b: number): number {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = b & 0xffff
  const b1 = b >>> 16
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const other = a0 * b1 + (middle & 0xffff)
  return (a1 * b1 + Math.floor(middle / 65536) + (Math.floor(other / 65536) >>> 0)) | 0
}

export function mul(al: number, ah: number, bl: number, bh: number): number {
  return pair(Math.imul(al, bl), mulhi32(al, bl) + Math.imul(al, bh) + Math.imul(ah, bl))
}

/** High 64 bits of the unsigned product. */
export function mulhiU(al: number, ah: number, bl: number, bh: number): number {
  // Columns of 32 bits; sums stay below 2^53.
  const low = mulhi32(al, bl) >>> 0
  const column = low + (Math.imul(al, bh) >>> 0) + (Math.imul(ah, bl) >>> 0)
  const carry = Math.floor(column / 4294967296)
  const second = (mulhi32(al, bh) >>> 0) + (mulhi32(ah, bl) >>> 0) + (Math.imul(ah, bh) >>> 0) + carry
  return pair(second, (mulhi32(ah, bh) >>> 0) + Math.floor(second / 4294967296))
}

export function mulhiS(al: number, ah: number, bl: number, bh: number): number {
  let lo = mulhiU(al, ah, bl, bh)
  if (ah < 0) lo = sub(lo, high, bl, bh)
  if (bh < 0) lo = sub(lo, high, al, ah)
  return lo
}

export function shl(lo: number, hi: number, count: number): number {
  const n = count & 63
  if (n === 0) return pair(lo, hi)
  return n >= 32 ? pair(0, lo << (n - 32)) : pair(lo << n, (hi << n) | (lo >>> (32 - n)))
}

export function shrS(lo: number, hi: number, count: number): number {
  const n = count & 63
  if (n === 0) return pair(lo, hi)
  return n >= 32 ? pair(hi >> (n - 32), hi >> 31) : pair((lo >>> n) | (hi << (32 - n)), hi >> n)
}

export function shrU(lo: number, hi: number, count: number): number {
  const n = count & 63
  if (n === 0) return pair(lo, hi)
  return n >= 32 ? pair(hi >>> (n - 32), 0) : pair((lo >>> n) | (hi << (32 - n)), hi >>> n)
}

export function rotl(lo: number, hi: number, count: number): number {
  const left = shl(lo, hi, count)
  const leftHigh = high
  if ((count & 63) === 0) return left
  return pair(left | shrU(lo, hi, 64 - (count & 63)), leftHigh | high)
}

export const ltU = (al: number, ah: number, bl: number, bh: number): boolean =>
  ah === bh ? al >>> 0 < bl >>> 0 : ah >>> 0 < bh >>> 0

export const ltS = (al: number, ah: number, bl: number, bh: number): boolean =>
  ah === bh ? al >>> 0 < bl >>> 0 : ah < bh

let remainderLow = 0
let remainderHigh = 0

/** Quotient; the divisor is not zero. Schoolbook, a bit at a time: constants only. */
export function divU(al: number, ah: number, bl: number, bh: number): number {
  let rl = 0
  let rh = 0
  let ql = 0
  let qh = 0
  for (let i = 63; i >= 0; i--) {
    const overflow = rh < 0
    rh = (rh << 1) | (rl >>> 31)
    rl = (rl << 1) | ((i >= 32 ? ah >>> (i - 32) : al >>> i) & 1)
    if (overflow || !ltU(rl, rh, bl, bh)) {
      rl = sub(rl, rh, bl, bh)
      rh = high
      if (i >= 32) qh |= 1 << (i - 32)
      else ql |= 1 << i
    }
  }
  remainderLow = rl
  remainderHigh = rh
  return pair(ql, qh)
}

export function remU(al: number, ah: number, bl: number, bh: number): number {
  divU(al, ah, bl, bh)
  return pair(remainderLow, remainderHigh)
}

/** Quotient of signed numbers, wrapping; the divisor is not zero. */
export function divS(al: number, ah: number, bl: number, bh: number): number {
  const minus = (ah ^ bh) < 0
  const q = divMagnitudes(al, ah, bl, bh)
  return minus ? negate(q, high) : q
}

/** Remainder with the sign of the dividend; the divisor is not zero. */
export function remS(al: number, ah: number, bl: number, bh: number): number {
  divMagnitudes(al, ah, bl, bh)
  return ah < 0 ? negate(remainderLow, remainderHigh) : pair(remainderLow, remainderHigh)
}

function divMagnitudes(al: number, ah: number, bl: number, bh: number): number {
  if (ah < 0) {
    al = negate(al, ah)
    ah = high
  }
  if (bh < 0) {
    bl = negate(bl, bh)
    bh = high
  }
  return divU(al, ah, bl, bh)
}

export const clz = (lo: number, hi: number): number => (hi !== 0 ? Math.clz32(hi) : 32 + Math.clz32(lo))

export const ctz32 = (x: number): number => (x === 0 ? 32 : 31 - Math.clz32(x & -x))

export const ctz = (lo: number, hi: number): number => (lo !== 0 ? ctz32(lo) : 32 + ctz32(hi))

export function popcnt32(x: number): number {
  let n = 0
  for (; x !== 0; x &= x - 1) n++
  return n
}
