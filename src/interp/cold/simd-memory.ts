// Vector loads and stores. A memory is little-endian like the host, and all lanes go through its DataView: addresses are unaligned.

import type { Instance } from '../../runtime/instance.ts'
import { CODE, R, RU8, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { offsetOf, unsigned } from './address.ts'
import { inBounds } from './memory.ts'
import { commit, OUT16, OUT32, RU16, store4 } from './simd-lanes.ts'
import { trap } from './trap.ts'

/** Loads: [op, d, address, offset low, offset high, memory]. */
const LOAD_WORDS = 6
/** v128.store: [op, address, value, offset low, offset high, memory]. */
const STORE_WORDS = 6
/** [op, d, address, vector, offset low, offset high, memory, lane] */
const LOAD_LANE_WORDS = 8
/** [op, address, vector, offset low, offset high, memory, lane] */
const STORE_LANE_WORDS = 7

export function vectorAccess(op: number, pc: number, fp: number, instance: Instance): number {
  if (op === Op.V128Store) return store(pc, fp, instance)
  if (op >= Op.V128Load8Lane && op <= Op.V128Load64Lane) return loadLane(op, pc, fp, instance)
  if (op >= Op.V128Store8Lane && op <= Op.V128Store64Lane) return storeLane(op, pc, fp, instance)
  return load(op, pc, fp, instance)
}

/** Bytes read by the loads from `Op.V128Load` to `Op.V128Load64Splat`. */
const LOAD_BYTES = Uint8Array.of(16, 8, 8, 8, 8, 8, 8, 1, 2, 4, 8)

function load(op: number, pc: number, fp: number, instance: Instance): number {
  const memory = instance.memories[CODE[pc + 5]]
  const at = unsigned(fp + CODE[pc + 2], memory.type.address64) + offsetOf(CODE[pc + 3], CODE[pc + 4])
  const size = op === Op.V128Load32Zero ? 4 : op === Op.V128Load64Zero ? 8 : LOAD_BYTES[op - Op.V128Load]
  if (!inBounds(memory, at, size)) return trap(TrapCode.MemoryOutOfBounds, pc)
  const { dv } = memory
  const d = fp + CODE[pc + 1]
  switch (op) {
    case Op.V128Load:
      store4(d, dv.getInt32(at, true), dv.getInt32(at + 4, true), dv.getInt32(at + 8, true), dv.getInt32(at + 12, true))
      break
    case Op.V128Load8x8S:
      for (let i = 0; i < 8; i++) OUT16[i] = dv.getInt8(at + i)
      commit(d)
      break
    case Op.V128Load8x8U:
      for (let i = 0; i < 8; i++) OUT16[i] = dv.getUint8(at + i)
      commit(d)
      break
    case Op.V128Load16x4S:
      for (let i = 0; i < 4; i++) OUT32[i] = dv.getInt16(at + (i << 1), true)
      commit(d)
      break
    case Op.V128Load16x4U:
      for (let i = 0; i < 4; i++) OUT32[i] = dv.getUint16(at + (i << 1), true)
      commit(d)
      break
    case Op.V128Load32x2S: {
      const low = dv.getInt32(at, true)
      const high = dv.getInt32(at + 4, true)
      store4(d, low, low >> 31, high, high >> 31)
      break
    }
    case Op.V128Load32x2U:
      store4(d, dv.getInt32(at, true), 0, dv.getInt32(at + 4, true), 0)
      break
    case Op.V128Load8Splat: {
      const word = Math.imul(dv.getUint8(at), 0x01010101)
      store4(d, word, word, word, word)
      break
    }
    case Op.V128Load16Splat: {
      const word = Math.imul(dv.getUint16(at, true), 0x00010001)
      store4(d, word, word, word, word)
      break
    }
    case Op.V128Load32Splat: {
      const word = dv.getInt32(at, true)
      store4(d, word, word, word, word)
      break
    }
    case Op.V128Load64Splat: {
      const low = dv.getInt32(at, true)
      const high = dv.getInt32(at + 4, true)
      store4(d, low, high, low, high)
      break
    }
    case Op.V128Load32Zero:
      store4(d, dv.getInt32(at, true), 0, 0, 0)
      break
    case Op.V128Load64Zero:
      store4(d, dv.getInt32(at, true), dv.getInt32(at + 4, true), 0, 0)
      break
    default:
      bug(`vector load 0x${op.toString(16)}`)
  }
  return pc + LOAD_WORDS
}

function store(pc: number, fp: number, instance: Instance): number {
  const memory = instance.memories[CODE[pc + 5]]
  const at = unsigned(fp + CODE[pc + 1], memory.type.address64) + offsetOf(CODE[pc + 3], CODE[pc + 4])
  if (!inBounds(memory, at, 16)) return trap(TrapCode.MemoryOutOfBounds, pc)
  const { dv } = memory
  const w = (fp + CODE[pc + 2]) << 1
  dv.setInt32(at, R[w], true)
  dv.setInt32(at + 4, R[w + 1], true)
  dv.setInt32(at + 8, R[w + 2], true)
  dv.setInt32(at + 12, R[w + 3], true)
  return pc + STORE_WORDS
}

function loadLane(op: number, pc: number, fp: number, instance: Instance): number {
  const memory = instance.memories[CODE[pc + 6]]
  const at = unsigned(fp + CODE[pc + 2], memory.type.address64) + offsetOf(CODE[pc + 4], CODE[pc + 5])
  if (!inBounds(memory, at, 1 << (op - Op.V128Load8Lane))) return trap(TrapCode.MemoryOutOfBounds, pc)
  const { dv } = memory
  const d = fp + CODE[pc + 1]
  const w = (fp + CODE[pc + 3]) << 1
  const lane = CODE[pc + 7]
  store4(d, R[w], R[w + 1], R[w + 2], R[w + 3])
  switch (op) {
    case Op.V128Load8Lane:
      RU8[(d << 3) + lane] = dv.getUint8(at)
      break
    case Op.V128Load16Lane:
      RU16[(d << 2) + lane] = dv.getUint16(at, true)
      break
    case Op.V128Load32Lane:
      R[(d << 1) + lane] = dv.getInt32(at, true)
      break
    default: // V128Load64Lane
      R[(d + lane) << 1] = dv.getInt32(at, true)
      R[((d + lane) << 1) + 1] = dv.getInt32(at + 4, true)
  }
  return pc + LOAD_LANE_WORDS
}

function storeLane(op: number, pc: number, fp: number, instance: Instance): number {
  const memory = instance.memories[CODE[pc + 5]]
  const at = unsigned(fp + CODE[pc + 1], memory.type.address64) + offsetOf(CODE[pc + 3], CODE[pc + 4])
  if (!inBounds(memory, at, 1 << (op - Op.V128Store8Lane))) return trap(TrapCode.MemoryOutOfBounds, pc)
  const { dv } = memory
  const v = fp + CODE[pc + 2]
  const lane = CODE[pc + 6]
  switch (op) {
    case Op.V128Store8Lane:
      dv.setUint8(at, RU8[(v << 3) + lane])
      break
    case Op.V128Store16Lane:
      dv.setUint16(at, RU16[(v << 2) + lane], true)
      break
    case Op.V128Store32Lane:
      dv.setInt32(at, R[(v << 1) + lane], true)
      break
    default: // V128Store64Lane
      dv.setInt32(at, R[(v + lane) << 1], true)
      dv.setInt32(at + 4, R[((v + lane) << 1) + 1], true)
  }
  return pc + STORE_LANE_WORDS
}
