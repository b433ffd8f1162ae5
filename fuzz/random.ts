// Seeded randomness. Every random decision of the fuzzer comes from one `Random`, so a case is a function of its seed.

/** Mixes a run's seed and a case number into the seed of that case. */
export function caseSeed(seed: number, index: number): number {
  let h = (seed ^ Math.imul(index + 1, 0x9e37_79b1)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** sfc32: small, fast, passes the usual batteries. */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number) {
    this.a = seed | 0
    this.b = 0x9e37_79b9
    this.c = ~seed
    for (let i = 0; i < 12; i++) this.u32()
  }

  u32(): number {
    const t = (this.a + this.b + this.counter++) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + t
    this.c |= 0
    return t >>> 0
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32())
  }

  /** 0 <= result < n. */
  int(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n)
  }

  /** lo <= result <= hi. */
  range(lo: number, hi: number): number {
    return lo + this.int(hi - lo + 1)
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.int(100) < percent
  }

  pick<X>(from: readonly X[]): X {
    return from[this.int(from.length)]!
  }
}

const EDGE32 = [
  0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 0x7fff_ffff, -1, -2,
  -128, -129, -32768, -32769, -0x8000_0000, 0x5555_5555,
]
const EDGE64 = [
  0n,
  1n,
  2n,
  63n,
  64n,
  65n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_7fff_ffffn,
  0x0020_0000_0000_0001n,
]
const EDGE_F32 = [
  0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x3f00_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0000,
  0x7fa0_0000, 0x7f80_0001, 0xffff_ffff, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x4f00_0000,
  0xcf00_0000, 0x4eff_ffff, 0x4f80_0000, 0x5f00_0000, 0xdf00_0000, 0x5f80_0000, 0x4b00_0001, 0x3fc0_0000, 0x4020_0000,
  0xbf00_0000, 0xbf7f_ffff,
]
const EDGE_F64 = [
  0n,
  0x8000_0000_0000_0000n,
  0x3ff0_0000_0000_0000n,
  0xbff0_0000_0000_0000n,
  0x3fe0_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  0xfff0_0000_0000_0000n,
  0x7ff8_0000_0000_0000n,
  0xfff8_0000_0000_0000n,
  0x7ff4_0000_0000_0000n,
  0x7ff0_0000_0000_0001n,
  1n,
  0x000f_ffff_ffff_ffffn,
  0x0010_0000_0000_0000n,
  0x7fef_ffff_ffff_ffffn,
  0x41df_ffff_ffc0_0000n,
  0x41e0_0000_0000_0000n,
  0xc1e0_0000_0000_0000n,
  0xc1e0_0000_0020_0000n,
  0x41ef_ffff_ffe0_0000n,
  0x41f0_0000_0000_0000n,
  0x43e0_0000_0000_0000n,
  0xc3e0_0000_0000_0000n,
  0x43f0_0000_0000_0000n,
  0x43df_ffff_ffff_ffffn,
  0x4330_0000_0000_0001n,
  0x3ff8_0000_0000_0000n,
  0x47ef_ffff_e000_0000n,
  0x36a0_0000_0000_0000n,
  0xbfef_ffff_ffff_ffffn,
]

/** Values that instructions are likely to treat specially. */
export const edgeValues = { i32: EDGE32, i64: EDGE64, f32: EDGE_F32, f64: EDGE_F64 } as const

export const randomI32 = (r: Random): number =>
  r.chance(50) ? r.pick(EDGE32) : r.chance(50) ? r.range(-20, 200) : r.u32() | 0
export const randomI64 = (r: Random): bigint =>
  r.chance(50) ? r.pick(EDGE64) : r.chance(50) ? BigInt.asUintN(64, BigInt(r.range(-20, 200))) : r.u64()
/** Bits of an f32. */
export const randomF32 = (r: Random): number => {
  if (r.chance(45)) return r.pick(EDGE_F32)
  if (r.chance(60)) return f32Bits(r.range(-1000, 1000) / r.pick([1, 2, 4, 3, 10]))
  return r.u32()
}
/** Bits of an f64. */
export const randomF64 = (r: Random): bigint => {
  if (r.chance(45)) return r.pick(EDGE_F64)
  if (r.chance(60)) return f64Bits(r.range(-1000, 1000) / r.pick([1, 2, 4, 3, 10]))
  return r.u64()
}

const scratch = new DataView(new ArrayBuffer(8))
export function f32Bits(x: number): number {
  scratch.setFloat32(0, x)
  return scratch.getUint32(0)
}
export function f64Bits(x: number): bigint {
  scratch.setFloat64(0, x)
  return scratch.getBigUint64(0)
}

/** 16 bytes that are interesting under some lane shape. */
export function randomV128(r: Random): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  switch (r.int(5)) {
    case 0:
      for (let i = 0; i < 16; i++) bytes[i] = r.chance(50) ? r.pick([0, 1, 0x7f, 0x80, 0xff, 15, 16]) : r.u32()
      break
    case 1:
      for (let i = 0; i < 8; i++)
        view.setUint16(i * 2, r.chance(60) ? r.pick([0, 1, 0x7fff, 0x8000, 0xffff]) : r.u32(), true)
      break
    case 2:
      for (let i = 0; i < 4; i++) view.setInt32(i * 4, randomI32(r), true)
      break
    case 3:
      for (let i = 0; i < 4; i++) view.setUint32(i * 4, randomF32(r), true)
      break
    default:
      for (let i = 0; i < 2; i++) view.setBigUint64(i * 8, r.chance(50) ? randomF64(r) : randomI64(r), true)
  }
  return bytes
}
