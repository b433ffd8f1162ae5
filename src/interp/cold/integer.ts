// i32 and i64 instructions other than conversions. [op, d, a] or [op, d, a, b]

import { CODE, R, RQ, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { trap } from './trap.ts'

export function popcount(x: number): number {
  x -= (x >>> 1) & 0x55555555
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function countTrailingZeros(x: number): number {
  return x === 0 ? 32 : 31 - Math.clz32(x & -x)
}

export function int32(op: number, pc: number, fp: number): number {
  const d = (fp + CODE[pc + 1]) << 1
  const a = R[(fp + CODE[pc + 2]) << 1]
  switch (op) {
    case Op.I32Eqz:
      R[d] = a === 0 ? 1 : 0
      return pc + 3
    case Op.I32Clz:
      R[d] = Math.clz32(a)
      return pc + 3
    case Op.I32Ctz:
      R[d] = countTrailingZeros(a)
      return pc + 3
    case Op.I32Popcnt:
      R[d] = popcount(a)
      return pc + 3
    case Op.I32Extend8S:
      R[d] = (a << 24) >> 24
      return pc + 3
    case Op.I32Extend16S:
      R[d] = (a << 16) >> 16
      return pc + 3
  }
  const b = R[(fp + CODE[pc + 3]) << 1]
  switch (op) {
    case Op.I32Eq:
      R[d] = a === b ? 1 : 0
      break
    case Op.I32Ne:
      R[d] = a !== b ? 1 : 0
      break
    case Op.I32LtS:
      R[d] = a < b ? 1 : 0
      break
    case Op.I32LtU:
      R[d] = a >>> 0 < b >>> 0 ? 1 : 0
      break
    case Op.I32GtS:
      R[d] = a > b ? 1 : 0
      break
    case Op.I32GtU:
      R[d] = a >>> 0 > b >>> 0 ? 1 : 0
      break
    case Op.I32LeS:
      R[d] = a <= b ? 1 : 0
      break
    case Op.I32LeU:
      R[d] = a >>> 0 <= b >>> 0 ? 1 : 0
      break
    case Op.I32GeS:
      R[d] = a >= b ? 1 : 0
      break
    case Op.I32GeU:
      R[d] = a >>> 0 >= b >>> 0 ? 1 : 0
      break
    case Op.I32Add:
      R[d] = a + b
      break
    case Op.I32Sub:
      R[d] = a - b
      break
    case Op.I32Mul:
      R[d] = Math.imul(a, b)
      break
    case Op.I32DivS:
      if (b === 0) return trap(TrapCode.DivideByZero, pc)
      if (a === -0x80000000 && b === -1) return trap(TrapCode.IntegerOverflow, pc)
      R[d] = a / b
      break
    case Op.I32DivU:
      if (b === 0) return trap(TrapCode.DivideByZero, pc)
      R[d] = (a >>> 0) / (b >>> 0)
      break
    case Op.I32RemS:
      if (b === 0) return trap(TrapCode.DivideByZero, pc)
      R[d] = a % b
      break
    case Op.I32RemU:
      if (b === 0) return trap(TrapCode.DivideByZero, pc)
      R[d] = (a >>> 0) % (b >>> 0)
      break
    case Op.I32And:
      R[d] = a & b
      break
    case Op.I32Or:
      R[d] = a | b
      break
    case Op.I32Xor:
      R[d] = a ^ b
      break
    // JavaScript takes shift counts modulo 32 too.
    case Op.I32Shl:
      R[d] = a << b
      break
    case Op.I32ShrS:
      R[d] = a >> b
      break
    case Op.I32ShrU:
      R[d] = a >>> b
      break
    case Op.I32Rotl:
      R[d] = (a << b) | (a >>> (32 - b))
      break
    case Op.I32Rotr:
      R[d] = (a >>> b) | (a << (32 - b))
      break
    default:
      bug(`i32 op 0x${op.toString(16)}`)
  }
  return pc + 4
}

/** Compares, bits and shifts of i64 work on int32 halves; the rest is in `int64Arithmetic`. */
export function int64(op: number, pc: number, fp: number): number {
  const d = (fp + CODE[pc + 1]) << 1
  const a = (fp + CODE[pc + 2]) << 1
  const low = R[a]
  const high = R[a + 1]
  switch (op) {
    case Op.I64Eqz:
      R[d] = (low | high) === 0 ? 1 : 0
      return pc + 3
    case Op.I64Clz:
      return pair(d, high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low), 0, pc + 3)
    case Op.I64Ctz:
      return pair(d, low !== 0 ? countTrailingZeros(low) : 32 + countTrailingZeros(high), 0, pc + 3)
    case Op.I64Popcnt:
      return pair(d, popcount(low) + popcount(high), 0, pc + 3)
    case Op.I64Extend8S:
      return pair(d, (low << 24) >> 24, (low << 24) >> 31, pc + 3)
    case Op.I64Extend16S:
      return pair(d, (low << 16) >> 16, (low << 16) >> 31, pc + 3)
    case Op.I64Extend32S:
      return pair(d, low, low >> 31, pc + 3)
  }
  const b = (fp + CODE[pc + 3]) << 1
  const bLow = R[b]
  const bHigh = R[b + 1]
  switch (op) {
    case Op.I64Eq:
      R[d] = low === bLow && high === bHigh ? 1 : 0
      return pc + 4
    case Op.I64Ne:
      R[d] = low !== bLow || high !== bHigh ? 1 : 0
      return pc + 4
    case Op.I64LtS:
      R[d] = high === bHigh ? (low >>> 0 < bLow >>> 0 ? 1 : 0) : high < bHigh ? 1 : 0
      return pc + 4
    case Op.I64LtU:
      R[d] = high === bHigh ? (low >>> 0 < bLow >>> 0 ? 1 : 0) : high >>> 0 < bHigh >>> 0 ? 1 : 0
      return pc + 4
    case Op.I64GtS:
      R[d] = high === bHigh ? (low >>> 0 > bLow >>> 0 ? 1 : 0) : high > bHigh ? 1 : 0
      return pc + 4
    case Op.I64GtU:
      R[d] = high === bHigh ? (low >>> 0 > bLow >>> 0 ? 1 : 0) : high >>> 0 > bHigh >>> 0 ? 1 : 0
      return pc + 4
    case Op.I64LeS:
      R[d] = high === bHigh ? (low >>> 0 <= bLow >>> 0 ? 1 : 0) : high < bHigh ? 1 : 0
      return pc + 4
    case Op.I64LeU:
      R[d] = high === bHigh ? (low >>> 0 <= bLow >>> 0 ? 1 : 0) : high >>> 0 < bHigh >>> 0 ? 1 : 0
      return pc + 4
    case Op.I64GeS:
      R[d] = high === bHigh ? (low >>> 0 >= bLow >>> 0 ? 1 : 0) : high > bHigh ? 1 : 0
      return pc + 4
    case Op.I64GeU:
      R[d] = high === bHigh ? (low >>> 0 >= bLow >>> 0 ? 1 : 0) : high >>> 0 > bHigh >>> 0 ? 1 : 0
      return pc + 4
    case Op.I64And:
      return pair(d, low & bLow, high & bHigh, pc + 4)
    case Op.I64Or:
      return pair(d, low | bLow, high | bHigh, pc + 4)
    case Op.I64Xor:
      return pair(d, low ^ bLow, high ^ bHigh, pc + 4)
    case Op.I64Shl: {
      const n = bLow & 63
      if (n >= 32) return pair(d, 0, low << n, pc + 4)
      // (x >>> 1) >>> (31 - n) is x >>> (32 - n), right for n = 0 too.
      return pair(d, low << n, (high << n) | ((low >>> 1) >>> (31 - n)), pc + 4)
    }
    case Op.I64ShrS: {
      const n = bLow & 63
      if (n >= 32) return pair(d, high >> n, high >> 31, pc + 4)
      return pair(d, (low >>> n) | ((high << 1) << (31 - n)), high >> n, pc + 4)
    }
    case Op.I64ShrU: {
      const n = bLow & 63
      if (n >= 32) return pair(d, high >>> n, 0, pc + 4)
      return pair(d, (low >>> n) | ((high << 1) << (31 - n)), high >>> n, pc + 4)
    }
    case Op.I64Rotl:
      return rotateLeft(d, low, high, bLow & 63, pc + 4)
    case Op.I64Rotr:
      return rotateLeft(d, low, high, -bLow & 63, pc + 4)
    default:
      return int64Arithmetic(op, pc, d >> 1, a >> 1, b >> 1)
  }
}

/** Writes both halves of a result at index `d` of R. Returns `next`. */
function pair(d: number, low: number, high: number, next: number): number {
  R[d] = low
  R[d + 1] = high
  return next
}

function rotateLeft(d: number, low: number, high: number, n: number, next: number): number {
  const swap = n >= 32
  const l = swap ? high : low
  const h = swap ? low : high
  n &= 31
  return pair(d, (l << n) | ((h >>> 1) >>> (31 - n)), (h << n) | ((l >>> 1) >>> (31 - n)), next)
}

const MIN_I64 = -0x8000000000000000n

/** Slots d, a, b. A store to RQ wraps to 64 bits. */
function int64Arithmetic(op: number, pc: number, d: number, a: number, b: number): number {
  switch (op) {
    case Op.I64Add:
      RQ[d] = RQ[a] + RQ[b]
      return pc + 4
    case Op.I64Sub:
      RQ[d] = RQ[a] - RQ[b]
      return pc + 4
    case Op.I64Mul:
      RQ[d] = RQ[a] * RQ[b]
      return pc + 4
    case Op.I64DivS:
      if (RQ[b] === 0n) return trap(TrapCode.DivideByZero, pc)
      if (RQ[b] === -1n && RQ[a] === MIN_I64) return trap(TrapCode.IntegerOverflow, pc)
      RQ[d] = RQ[a] / RQ[b]
      return pc + 4
    case Op.I64DivU:
      if (RQ[b] === 0n) return trap(TrapCode.DivideByZero, pc)
      RQ[d] = BigInt.asUintN(64, RQ[a]) / BigInt.asUintN(64, RQ[b])
      return pc + 4
    case Op.I64RemS:
      if (RQ[b] === 0n) return trap(TrapCode.DivideByZero, pc)
      RQ[d] = RQ[a] % RQ[b]
      return pc + 4
    case Op.I64RemU:
      if (RQ[b] === 0n) return trap(TrapCode.DivideByZero, pc)
      RQ[d] = BigInt.asUintN(64, RQ[a]) % BigInt.asUintN(64, RQ[b])
      return pc + 4
    default:
      bug(`i64 op 0x${op.toString(16)}`)
  }
}
