// What the specification allows the relaxed vector instructions to answer, lane by lane.

const i8 = (b: Uint8Array): Int8Array => new Int8Array(b.buffer, b.byteOffset, 16)
const i16 = (b: Uint8Array): Int16Array => new Int16Array(b.buffer, b.byteOffset, 8)
const i32 = (b: Uint8Array): Int32Array => new Int32Array(b.buffer, b.byteOffset, 4)
const u32 = (b: Uint8Array): Uint32Array => new Uint32Array(b.buffer, b.byteOffset, 4)
const u64 = (b: Uint8Array): BigUint64Array => new BigUint64Array(b.buffer, b.byteOffset, 2)
const f32 = (b: Uint8Array): Float32Array => new Float32Array(b.buffer, b.byteOffset, 4)
const f64 = (b: Uint8Array): Float64Array => new Float64Array(b.buffer, b.byteOffset, 2)

const lanes = (count: number, ok: (lane: number) => boolean): boolean =>
  Array.from({ length: count }, (_, k) => k).every(ok)
const sameFloat = (a: number, b: number): boolean => Object.is(a, b)

/** Exact product and sum of doubles: both are rationals with a power of two below. */
function fusedMultiplyAdd(a: number, b: number, c: number): number {
  if (![a, b, c].every(Number.isFinite)) return a * b + c
  const [am, ae] = split(a)
  const [bm, be] = split(b)
  const [cm, ce] = split(c)
  const exponent = Math.min(ae + be, ce)
  const sum = am * bm * 2n ** BigInt(ae + be - exponent) + cm * 2n ** BigInt(ce - exponent)
  if (sum === 0n) return a * b + c
  return round(sum, exponent)
}

/** value = mantissa * 2^exponent, exactly. */
function split(value: number): [mantissa: bigint, exponent: number] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xf_ffff_ffff_ffffn
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n)
  return [bits >> 63n ? -mantissa : mantissa, Math.max(biased, 1) - 1075]
}

/** The double nearest to mantissa * 2^exponent, ties to even. */
function round(mantissa: bigint, exponent: number): number {
  const sign = mantissa < 0n ? -1 : 1
  let m = mantissa < 0n ? -mantissa : mantissa
  // Cut to 53 bits, or fewer below the subnormal limit.
  const length = m.toString(2).length
  const cut = Math.max(length - 53, -1074 - exponent)
  if (cut > 0) {
    const rest = m & ((1n << BigInt(cut)) - 1n)
    const half = 1n << BigInt(cut - 1)
    m >>= BigInt(cut)
    if (rest > half || (rest === half && (m & 1n) === 1n)) m++
    exponent += cut
  }
  // Scale in two steps: 2^exponent alone may overflow or vanish.
  const first = Math.trunc(exponent / 2)
  return sign * Number(m) * 2 ** first * 2 ** (exponent - first)
}

function allowedTruncation(x: number, signed: boolean, result: number): boolean {
  const min = signed ? -0x8000_0000 : 0
  const max = signed ? 0x7fff_ffff : 0xffff_ffff
  if (Number.isNaN(x)) return result === 0 || result === (signed ? min : max)
  const truncated = Math.trunc(x)
  if (truncated >= min && truncated <= max) return result === truncated + 0
  const saturated = truncated < min ? min : max
  return result === saturated || result === (signed ? min : max)
}

/** Whether `result` is one of the answers that the specification allows. */
export function allowsRelaxed(name: string, operands: readonly Uint8Array[], result: Uint8Array): boolean {
  const [a, b, c] = operands as [Uint8Array, Uint8Array, Uint8Array]
  switch (name) {
    case 'i8x16.relaxed_swizzle':
      return lanes(16, (k) => {
        const index = b[k]!
        if (index < 16) return result[k] === a[index]
        return result[k] === 0 || (index < 128 && result[k] === a[index % 16])
      })
    case 'i32x4.relaxed_trunc_f32x4_s':
      return lanes(4, (k) => allowedTruncation(f32(a)[k]!, true, i32(result)[k]!))
    case 'i32x4.relaxed_trunc_f32x4_u':
      return lanes(4, (k) => allowedTruncation(f32(a)[k]!, false, u32(result)[k]!))
    case 'i32x4.relaxed_trunc_f64x2_s_zero':
      return lanes(4, (k) => (k < 2 ? allowedTruncation(f64(a)[k]!, true, i32(result)[k]!) : i32(result)[k] === 0))
    case 'i32x4.relaxed_trunc_f64x2_u_zero':
      return lanes(4, (k) => (k < 2 ? allowedTruncation(f64(a)[k]!, false, u32(result)[k]!) : u32(result)[k] === 0))
    case 'f32x4.relaxed_madd':
    case 'f32x4.relaxed_nmadd': {
      const sign = name.endsWith('nmadd') ? -1 : 1
      return lanes(4, (k) => {
        const [x, y, z] = [sign * f32(a)[k]!, f32(b)[k]!, f32(c)[k]!]
        const separate = Math.fround(Math.fround(x * y) + z)
        // The product of two floats is exact in a double; adding and rounding twice differs from one rounding in ties only,
        // so the exact sum is rounded to a float by way of the two neighbours.
        return sameFloat(f32(result)[k]!, separate) || isRoundedSum(x * y, z, f32(result)[k]!)
      })
    }
    case 'f64x2.relaxed_madd':
    case 'f64x2.relaxed_nmadd': {
      const sign = name.endsWith('nmadd') ? -1 : 1
      return lanes(2, (k) => {
        const [x, y, z] = [sign * f64(a)[k]!, f64(b)[k]!, f64(c)[k]!]
        return sameFloat(f64(result)[k]!, x * y + z) || sameFloat(f64(result)[k]!, fusedMultiplyAdd(x, y, z))
      })
    }
    case 'i8x16.relaxed_laneselect':
      return lanes(16, (k) => allowedSelect(a[k]!, b[k]!, c[k]!, result[k]!, i8(c)[k]! < 0))
    case 'i16x8.relaxed_laneselect':
      return lanes(8, (k) => allowedSelect(i16(a)[k]!, i16(b)[k]!, i16(c)[k]!, i16(result)[k]!, i16(c)[k]! < 0))
    case 'i32x4.relaxed_laneselect':
      return lanes(4, (k) => allowedSelect(i32(a)[k]!, i32(b)[k]!, i32(c)[k]!, i32(result)[k]!, i32(c)[k]! < 0))
    case 'i64x2.relaxed_laneselect':
      return lanes(2, (k) => {
        const [x, y, m, r] = [u64(a)[k]!, u64(b)[k]!, u64(c)[k]!, u64(result)[k]!]
        return r === ((x & m) | (y & ~m & 0xffff_ffff_ffff_ffffn)) || r === (m >> 63n ? x : y)
      })
    case 'f32x4.relaxed_min':
    case 'f32x4.relaxed_max':
      return lanes(4, (k) => allowedExtreme(f32(a)[k]!, f32(b)[k]!, f32(result)[k]!, name.endsWith('min')))
    case 'f64x2.relaxed_min':
    case 'f64x2.relaxed_max':
      return lanes(2, (k) => allowedExtreme(f64(a)[k]!, f64(b)[k]!, f64(result)[k]!, name.endsWith('min')))
    case 'i16x8.relaxed_q15mulr_s':
      return lanes(8, (k) => {
        const [x, y, r] = [i16(a)[k]!, i16(b)[k]!, i16(result)[k]!]
        if (x === -32768 && y === -32768) return r === 32767 || r === -32768
        return r === (x * y + 0x4000) >> 15
      })
    case 'i16x8.relaxed_dot_i8x16_i7x16_s':
      return lanes(8, (k) => dotAnswers(a, b, 2 * k).includes(i16(result)[k]!))
    case 'i32x4.relaxed_dot_i8x16_i7x16_add_s':
      return lanes(4, (k) =>
        [0, 1, 2].some((way) => {
          const low = dotAnswers(a, b, 4 * k)
          const high = dotAnswers(a, b, 4 * k + 2)
          return ((low[way % low.length]! + high[way % high.length]! + i32(c)[k]!) | 0) === i32(result)[k]
        }),
      )
    default:
      return false
  }
}

/** Signed, unsigned wrapping and unsigned saturating reading of the second operand. */
function dotAnswers(a: Uint8Array, b: Uint8Array, at: number): number[] {
  const signed = i8(a)[at]! * i8(b)[at]! + i8(a)[at + 1]! * i8(b)[at + 1]!
  const unsigned = i8(a)[at]! * b[at]! + i8(a)[at + 1]! * b[at + 1]!
  return [(signed << 16) >> 16, (unsigned << 16) >> 16, Math.max(-32768, Math.min(32767, unsigned))]
}

const allowedSelect = (a: number, b: number, mask: number, result: number, top: boolean): boolean =>
  result === ((a & mask) | (b & ~mask)) || result === (top ? a : b)

function allowedExtreme(a: number, b: number, result: number, min: boolean): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(result) || sameFloat(result, a) || sameFloat(result, b)
  if (a === 0 && b === 0) return sameFloat(result, a) || sameFloat(result, b)
  return sameFloat(result, min ? Math.min(a, b) : Math.max(a, b))
}

/** Whether `r` is a float nearest to the exact sum of two doubles. */
function isRoundedSum(product: number, addend: number, r: number): boolean {
  if (!Number.isFinite(product) || !Number.isFinite(addend) || !Number.isFinite(r))
    return sameFloat(Math.fround(product + addend), r)
  const [pm, pe] = split(product)
  const [am, ae] = split(addend)
  const exponent = Math.min(pe, ae)
  const sum = pm * 2n ** BigInt(pe - exponent) + am * 2n ** BigInt(ae - exponent)
  const distance = (x: number): bigint => {
    const [m, e] = split(x)
    const common = Math.min(e, exponent)
    const d = sum * 2n ** BigInt(exponent - common) - m * 2n ** BigInt(e - common)
    return (d < 0n ? -d : d) * 2n ** BigInt(common + 2200)
  }
  const bits = new Uint32Array(Float32Array.of(r).buffer)[0]!
  const neighbour = (delta: number): number => new Float32Array(Uint32Array.of(bits + delta).buffer)[0]!
  const own = distance(r)
  return [1, -1].every((delta) => !Number.isFinite(neighbour(delta)) || distance(neighbour(delta)) >= own)
}
