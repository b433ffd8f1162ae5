// Table instructions, with 32-bit and 64-bit indices.

import type { Instance } from '../../runtime/instance.ts'
import { CODE, R, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { unsigned, writeSize } from './address.ts'
import { trap } from './trap.ts'
import { copyChunked, fillChunked, worked } from './work.ts'

const WORD_BYTES = 4

export function table(op: number, pc: number, fp: number, instance: Instance): number {
  switch (op) {
    case Op.TableGet: {
      const source = instance.tables[CODE[pc + 3]]
      const index = unsigned(fp + CODE[pc + 2], source.type.address64)
      if (index >= source.size) return trap(TrapCode.TableOutOfBounds, pc)
      R[(fp + CODE[pc + 1]) << 1] = source.words[index]
      return pc + 4
    }
    case Op.TableSet: {
      const target = instance.tables[CODE[pc + 3]]
      const index = unsigned(fp + CODE[pc + 1], target.type.address64)
      if (index >= target.size) return trap(TrapCode.TableOutOfBounds, pc)
      target.words[index] = R[(fp + CODE[pc + 2]) << 1]
      return pc + 4
    }
    case Op.TableSize: {
      const source = instance.tables[CODE[pc + 2]]
      writeSize(fp + CODE[pc + 1], source.size, source.type.address64)
      return pc + 3
    }
    case Op.TableGrow: {
      const target = instance.tables[CODE[pc + 4]]
      const wide = target.type.address64
      const delta = unsigned(fp + CODE[pc + 3], wide)
      const old = target.grow(delta, R[(fp + CODE[pc + 2]) << 1])
      writeSize(fp + CODE[pc + 1], old, wide)
      return worked(old < 0 ? 0 : delta * WORD_BYTES, pc + 5)
    }
    case Op.TableFill: {
      const target = instance.tables[CODE[pc + 4]]
      const wide = target.type.address64
      const at = unsigned(fp + CODE[pc + 1], wide)
      const count = unsigned(fp + CODE[pc + 3], wide)
      if (at + count > target.size) return trap(TrapCode.TableOutOfBounds, pc)
      fillChunked(target.words, R[(fp + CODE[pc + 2]) << 1], at, at + count, instance.store)
      return worked(count * WORD_BYTES, pc + 5)
    }
    case Op.TableCopy: {
      const target = instance.tables[CODE[pc + 4]]
      const source = instance.tables[CODE[pc + 5]]
      const to = unsigned(fp + CODE[pc + 1], target.type.address64)
      const from = unsigned(fp + CODE[pc + 2], source.type.address64)
      const count = unsigned(fp + CODE[pc + 3], target.type.address64 && source.type.address64)
      if (from + count > source.size || to + count > target.size) return trap(TrapCode.TableOutOfBounds, pc)
      copyChunked(target.words, to, source.words, from, count, instance.store)
      return worked(count * WORD_BYTES, pc + 6)
    }
    case Op.TableInit: {
      const segment = instance.elemSegments[CODE[pc + 4]]
      const target = instance.tables[CODE[pc + 5]]
      const to = unsigned(fp + CODE[pc + 1], target.type.address64)
      const from = R[(fp + CODE[pc + 2]) << 1] >>> 0
      const count = R[(fp + CODE[pc + 3]) << 1] >>> 0
      const length = segment === undefined ? 0 : segment.length
      if (from + count > length || to + count > target.size) return trap(TrapCode.TableOutOfBounds, pc)
      if (segment !== undefined) copyChunked(target.words, to, segment, from, count, instance.store)
      return worked(count * WORD_BYTES, pc + 6)
    }
    case Op.ElemDrop:
      instance.elemSegments[CODE[pc + 1]] = undefined
      return pc + 2
    default:
      bug(`table op 0x${op.toString(16)}`)
  }
}
