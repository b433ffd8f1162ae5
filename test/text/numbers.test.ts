import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bits64, readFloat32, readFloat64, readInteger } from '../../src/text/numbers.ts'
import { printFloat32, printFloat64, printInt64 } from '../../src/text/print-values.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const view = new DataView(new ArrayBuffer(8))

function integer(text: string, width: number, signed = true): bigint | undefined {
  const b = bytes(text)
  if (!readInteger(b, 0, b.length, width, signed)) return undefined
  return (BigInt(bits64.high >>> 0) << 32n) | BigInt(bits64.low >>> 0)
}
function f32(text: string): number {
  const b = bytes(text)
  return readFloat32(b, 0, b.length)
}
function f64(text: string): bigint {
  const b = bytes(text)
  if (!readFloat64(b, 0, b.length)) return -1n
  return (BigInt(bits64.high >>> 0) << 32n) | BigInt(bits64.low >>> 0)
}

/** A seeded generator of 32-bit words. */
function words(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
}

test('integer ranges', () => {
  for (const width of [8, 16, 32, 64]) {
    const max = (1n << BigInt(width)) - 1n
    const min = -(1n << BigInt(width - 1))
    assert.equal(integer(String(max), width), max)
    assert.equal(integer(String(max + 1n), width), undefined)
    assert.equal(integer(String(min), width), BigInt.asUintN(64, min))
    assert.equal(integer(String(min - 1n), width), undefined)
    assert.equal(integer(`0x${max.toString(16)}`, width), max)
    assert.equal(integer(`-0x${(-min).toString(16)}`, width), BigInt.asUintN(64, min))
    assert.equal(integer('-1', width, false), undefined)
  }
  assert.equal(integer('1_000_000', 32), 1_000_000n)
  assert.equal(integer('0xdead_BEEF', 32), 0xdead_beefn)
  assert.equal(integer('-0', 32), 0n)
  assert.equal(integer('+9007199254740993', 64), 9007199254740993n)
  assert.equal(integer('99999999999999999999999999', 64), undefined)
  assert.equal(integer('000000000000000000000000000001', 64), 1n)
})

test('integers against BigInt', () => {
  const next = words(1)
  for (let i = 0; i < 5000; i++) {
    const value = BigInt.asUintN(64, ((BigInt(next()) << 32n) | BigInt(next())) >> BigInt(next() & 63))
    assert.equal(integer(String(value), 64), value)
    assert.equal(integer('0x' + value.toString(16), 64), value)
    const negative = BigInt.asIntN(64, value)
    if (negative < 0n) assert.equal(integer(String(negative), 64), value)
    assert.equal(printInt64(Number(value & 0xffffffffn) | 0, Number(value >> 32n) | 0), String(negative))
  }
})

test('f64 bits survive printing and reading', () => {
  const next = words(2)
  for (let i = 0; i < 20000; i++) {
    const high = next() | 0
    // Every eighth one is a NaN, an infinity or a subnormal.
    const word = i % 8 === 0 ? (high & 0x800f_ffff) | (i % 16 === 0 ? 0x7ff0_0000 : 0) : high
    const low = i % 32 === 0 ? 0 : next() | 0
    const bits = (BigInt(word >>> 0) << 32n) | BigInt(low >>> 0)
    assert.equal(f64(printFloat64(low, word)), bits)
  }
})

test('f32 bits survive printing and reading', () => {
  const next = words(3)
  for (let i = 0; i < 40000; i++) {
    const word = next()
    const bits = (i % 8 === 0 ? (word & 0x807f_ffff) | (i % 16 === 0 ? 0x7f80_0000 : 0) : word) >>> 0
    assert.equal(f32(printFloat32(bits | 0)), bits, printFloat32(bits | 0))
  }
  assert.equal(printFloat32(0x3dcccccd), '0.1')
  assert.equal(printFloat32(0x80000000 | 0), '-0')
  assert.equal(printFloat32(0x7fc00000), 'nan')
  assert.equal(printFloat32(0xffa00000 | 0), '-nan:0x200000')
})

/** Rounds num/den to f32 bits with exact arithmetic; the reference for the tests below. */
function exactF32(num: bigint, den: bigint): number {
  if (num === 0n) return 0
  let exponent = num.toString(2).length - den.toString(2).length
  const atLeast = (e: number): boolean => (e >= 0 ? num >= den << BigInt(e) : num << BigInt(-e) >= den)
  if (!atLeast(exponent)) exponent--
  const scale = Math.max(exponent, -126) - 23
  const n = scale < 0 ? num << BigInt(-scale) : num
  const d = scale > 0 ? den << BigInt(scale) : den
  let fraction = n / d
  const rest = (n % d) * 2n
  if (rest > d || (rest === d && (fraction & 1n) === 1n)) fraction++
  if (exponent < -126) return Number(fraction)
  const bits = Number(fraction) - 0x80_0000 + (exponent + 127) * 0x80_0000
  return bits >= 0x7f80_0000 ? -1 : bits
}

/** 61 digits and an exponent: what a midpoint of two f32 needs, but for very small ones. */
// oxlint-disable-next-line oxc/number-arg-out-of-range -- the limit is 100 since ES2018
const exactDigits = (value: number): string => value.toExponential(60)

test('decimal f32 is rounded once', () => {
  // Halfway between two f32, then a trace more or less than an f64 can tell.
  assert.equal(f32('1.000000059604644775390625'), 0x3f800000)
  assert.equal(f32('1.00000005960464477539062500000000000000000001'), 0x3f800001)
  assert.equal(f32('1.00000017881393432617187499999999999999999999'), 0x3f800001)
  assert.equal(f32('1.000000178813934326171875'), 0x3f800002)
  assert.equal(f32('340282356779733661637539395458142568447.99'), 0x7f7fffff)
  assert.equal(f32('340282356779733661637539395458142568448'), -1)
  assert.equal(
    f32(
      '7.00649232162408535461864791644958065640130970938257885878534141944895541342930300743319094181060791015625e-46',
    ),
    0,
  )
  assert.equal(
    f32(
      '7.006492321624085354618647916449580656401309709382578858785341419448955413429303007433190941810607910156251e-46',
    ),
    1,
  )
  const next = words(4)
  for (let i = 0; i < 2000; i++) {
    // A midpoint between neighbours, and the numbers next to it in the last place of a long decimal.
    const low = next() % 0x7f00_0000
    view.setUint32(0, low)
    const a = view.getFloat32(0)
    view.setUint32(0, low + 1)
    const middle = (a + view.getFloat32(0)) / 2
    const [, mantissa, exponent] = /^([\d.]+)e([+-]\d+)$/.exec(exactDigits(middle))!
    const digits = BigInt(mantissa.replace('.', ''))
    for (const trace of [-1n, 0n, 1n]) {
      const value = digits * 1000n + trace
      const tens = Number(exponent) - 63
      const expected = tens >= 0 ? exactF32(value * 10n ** BigInt(tens), 1n) : exactF32(value, 10n ** BigInt(-tens))
      assert.equal(f32(`${value}e${tens}`), expected, `${value}e${tens}`)
    }
  }
})

test('hexadecimal floats', () => {
  for (const [text, bits] of [
    ['0x1p0', 0x3f800000],
    ['0x1.8p1', 0x40400000],
    ['-0x0.8p0', 0xbf000000],
    ['0x1.fffffep127', 0x7f7fffff],
    ['0x1.fffffefp127', 0x7f7fffff],
    ['0x1.ffffffp127', -1],
    ['0x1p128', -1],
    ['0x1p-149', 1],
    ['0x1p-150', 0],
    ['0x1.0000000000000000000000000000000000000000001p-150', 1],
    ['0x1.000001p0', 0x3f800000],
    ['0x1.0000010000000000000000000000000000000000000001p0', 0x3f800001],
    ['0x1.000003p0', 0x3f800002],
    ['0x1.fffffp-127', 0x007ffffc],
    ['0x1.fffffffp-127', 0x00800000],
    ['0x0p99999999999999', 0],
    ['0x1p99999999999999', -1],
    ['0x1p-99999999999999', 0],
    ['0x1_0.0_8p0', 0x41804000],
    ['0x100000000000000000000000000000000000000000p-128', 0x4f800000 + (36 - 32) * 0x800000],
  ] as const) {
    assert.equal(f32(text), bits, text)
  }
  assert.equal(f64('0x1.fffffffffffffp1023'), 0x7fefffffffffffffn)
  assert.equal(f64('0x1.fffffffffffff8p1023'), -1n)
  assert.equal(f64('0x1.00000000000008p0'), 0x3ff0000000000000n)
  assert.equal(f64('0x1.000000000000080000000000000000000000000000000000001p0'), 0x3ff0000000000001n)
  assert.equal(f64('0x1p-1074'), 1n)
  assert.equal(f64('-0x1p-1075'), 0x8000000000000000n)
  assert.equal(f64('1e309'), -1n)
})

test('hexadecimal floats against the exact rounding', () => {
  const next = words(5)
  for (let i = 0; i < 5000; i++) {
    const mantissa = (BigInt(next()) << 32n) | BigInt(next())
    const exponent = (next() % 320) - 220
    const text = `0x${mantissa.toString(16)}p${exponent}`
    const expected =
      exponent >= 0 ? exactF32(mantissa << BigInt(exponent), 1n) : exactF32(mantissa, 1n << BigInt(-exponent))
    assert.equal(f32(text), expected, text)
  }
})

test('NaN payloads', () => {
  assert.equal(f32('nan'), 0x7fc00000)
  assert.equal(f32('-nan'), 0xffc00000)
  assert.equal(f32('nan:0x1'), 0x7f800001)
  assert.equal(f32('-nan:0x7f_ffff'), 0xffffffff)
  assert.equal(f32('nan:0x0'), -1)
  assert.equal(f32('nan:0x80_0000'), -1)
  assert.equal(f64('nan:0xfffffffffffff'), 0x7fffffffffffffffn)
  assert.equal(f64('nan:0x10000000000000'), -1n)
  assert.equal(f64('-inf'), 0xfff0000000000000n)
})
