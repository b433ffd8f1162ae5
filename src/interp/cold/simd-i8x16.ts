// i8x16 instructions. [op, d, a, b]; lane instructions end with the lane, shuffle with four words of 16 lane numbers.

import { CODE, R, RU8 } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { clamp, commit, OUT8, RS16, RS8, store4 } from './simd-lanes.ts'

/** Four sums or differences of bytes at once: the high bits apart, so that no carry crosses a lane. */
function addBytes(x: number, y: number): number {
  return ((x & 0x7f7f7f7f) + (y & 0x7f7f7f7f)) ^ ((x ^ y) & 0x80808080)
}

function subtractBytes(x: number, y: number): number {
  return ((x | 0x80808080) - (y & 0x7f7f7f7f)) ^ (~(x ^ y) & 0x80808080)
}

export function i8x16(op: number, pc: number, fp: number, d: number, a: number): number {
  if (op >= Op.I8x16Eq && op <= Op.I8x16GeU) return compare(op, pc, fp, d, a)
  const i = a << 3
  const w = a << 1
  switch (op) {
    case Op.I8x16Shuffle:
      return shuffle(pc, fp, d, i)
    case Op.I8x16Splat: {
      const word = Math.imul(R[w] & 0xff, 0x01010101)
      store4(d, word, word, word, word)
      return pc + 3
    }
    case Op.I8x16ExtractLaneS:
      R[d << 1] = RS8[i + CODE[pc + 3]]
      return pc + 4
    case Op.I8x16ExtractLaneU:
      R[d << 1] = RU8[i + CODE[pc + 3]]
      return pc + 4
    case Op.I8x16ReplaceLane: {
      const x = R[(fp + CODE[pc + 3]) << 1]
      store4(d, R[w], R[w + 1], R[w + 2], R[w + 3])
      RU8[(d << 3) + CODE[pc + 4]] = x
      return pc + 5
    }
    case Op.I8x16Abs:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] < 0 ? -RS8[i + k] : RS8[i + k]
      break
    case Op.I8x16Neg:
      for (let k = 0; k < 16; k++) OUT8[k] = -RS8[i + k]
      break
    case Op.I8x16Popcnt:
      for (let k = 0; k < 16; k++) {
        let x = RU8[i + k]
        x -= (x >> 1) & 0x55
        x = (x & 0x33) + ((x >> 2) & 0x33)
        OUT8[k] = (x + (x >> 4)) & 0x0f
      }
      break
    case Op.I8x16AllTrue: {
      let all = 1
      for (let k = 0; k < 16; k++) if (RU8[i + k] === 0) all = 0
      R[d << 1] = all
      return pc + 3
    }
    case Op.I8x16Bitmask: {
      let mask = 0
      for (let k = 0; k < 16; k++) mask |= (RU8[i + k] >> 7) << k
      R[d << 1] = mask
      return pc + 3
    }
    default:
      return binary(op, pc, d, i, fp + CODE[pc + 3])
  }
  commit(d)
  return pc + 3
}

/** d, a and b hold vectors; for shifts b is an i32. */
function binary(op: number, pc: number, d: number, i: number, b: number): number {
  const j = b << 3
  switch (op) {
    case Op.I8x16Add: {
      const x = i >> 2
      const y = b << 1
      store4(
        d,
        addBytes(R[x], R[y]),
        addBytes(R[x + 1], R[y + 1]),
        addBytes(R[x + 2], R[y + 2]),
        addBytes(R[x + 3], R[y + 3]),
      )
      return pc + 4
    }
    case Op.I8x16Sub: {
      const x = i >> 2
      const y = b << 1
      store4(
        d,
        subtractBytes(R[x], R[y]),
        subtractBytes(R[x + 1], R[y + 1]),
        subtractBytes(R[x + 2], R[y + 2]),
        subtractBytes(R[x + 3], R[y + 3]),
      )
      return pc + 4
    }
    case Op.I8x16Swizzle:
    case Op.I8x16RelaxedSwizzle:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[j + k] < 16 ? RU8[i + RU8[j + k]] : 0
      break
    case Op.I8x16NarrowI16x8S: {
      const x = i >> 1
      const y = b << 2
      for (let k = 0; k < 8; k++) {
        OUT8[k] = clamp(RS16[x + k], -0x80, 0x7f)
        OUT8[k + 8] = clamp(RS16[y + k], -0x80, 0x7f)
      }
      break
    }
    case Op.I8x16NarrowI16x8U: {
      const x = i >> 1
      const y = b << 2
      for (let k = 0; k < 8; k++) {
        OUT8[k] = clamp(RS16[x + k], 0, 0xff)
        OUT8[k + 8] = clamp(RS16[y + k], 0, 0xff)
      }
      break
    }
    case Op.I8x16Shl: {
      const n = R[b << 1] & 7
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] << n
      break
    }
    case Op.I8x16ShrS: {
      const n = R[b << 1] & 7
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] >> n
      break
    }
    case Op.I8x16ShrU: {
      const n = R[b << 1] & 7
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] >> n
      break
    }
    case Op.I8x16AddSatS:
      for (let k = 0; k < 16; k++) OUT8[k] = clamp(RS8[i + k] + RS8[j + k], -0x80, 0x7f)
      break
    case Op.I8x16AddSatU:
      for (let k = 0; k < 16; k++) OUT8[k] = clamp(RU8[i + k] + RU8[j + k], 0, 0xff)
      break
    case Op.I8x16SubSatS:
      for (let k = 0; k < 16; k++) OUT8[k] = clamp(RS8[i + k] - RS8[j + k], -0x80, 0x7f)
      break
    case Op.I8x16SubSatU:
      for (let k = 0; k < 16; k++) OUT8[k] = clamp(RU8[i + k] - RU8[j + k], 0, 0xff)
      break
    case Op.I8x16MinS:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] < RS8[j + k] ? RS8[i + k] : RS8[j + k]
      break
    case Op.I8x16MinU:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] < RU8[j + k] ? RU8[i + k] : RU8[j + k]
      break
    case Op.I8x16MaxS:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] > RS8[j + k] ? RS8[i + k] : RS8[j + k]
      break
    case Op.I8x16MaxU:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] > RU8[j + k] ? RU8[i + k] : RU8[j + k]
      break
    case Op.I8x16AvgrU:
      for (let k = 0; k < 16; k++) OUT8[k] = (RU8[i + k] + RU8[j + k] + 1) >> 1
      break
    default:
      bug(`i8x16 op 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}

/** [op, d, a, b, lanes]: lane k of the result is byte lanes[k] of a and b taken together. */
function shuffle(pc: number, fp: number, d: number, i: number): number {
  const j = (fp + CODE[pc + 3]) << 3
  for (let k = 0; k < 16; k++) {
    const lane = (CODE[pc + 4 + (k >> 2)] >> ((k & 3) << 3)) & 0xff
    OUT8[k] = lane < 16 ? RU8[i + lane] : RU8[j + lane - 16]
  }
  commit(d)
  return pc + 8
}

function compare(op: number, pc: number, fp: number, d: number, a: number): number {
  const i = a << 3
  const j = (fp + CODE[pc + 3]) << 3
  switch (op) {
    case Op.I8x16Eq:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] === RU8[j + k] ? -1 : 0
      break
    case Op.I8x16Ne:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] !== RU8[j + k] ? -1 : 0
      break
    case Op.I8x16LtS:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] < RS8[j + k] ? -1 : 0
      break
    case Op.I8x16LtU:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] < RU8[j + k] ? -1 : 0
      break
    case Op.I8x16GtS:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] > RS8[j + k] ? -1 : 0
      break
    case Op.I8x16GtU:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] > RU8[j + k] ? -1 : 0
      break
    case Op.I8x16LeS:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] <= RS8[j + k] ? -1 : 0
      break
    case Op.I8x16LeU:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] <= RU8[j + k] ? -1 : 0
      break
    case Op.I8x16GeS:
      for (let k = 0; k < 16; k++) OUT8[k] = RS8[i + k] >= RS8[j + k] ? -1 : 0
      break
    case Op.I8x16GeU:
      for (let k = 0; k < 16; k++) OUT8[k] = RU8[i + k] >= RU8[j + k] ? -1 : 0
      break
    default:
      bug(`i8x16 comparison 0x${op.toString(16)}`)
  }
  commit(d)
  return pc + 4
}
