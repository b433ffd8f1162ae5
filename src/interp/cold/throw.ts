// throw and throw_ref: the driver finds the handler.

import { createException } from '../../runtime/exception.ts'
import type { Instance } from '../../runtime/instance.ts'
import { CODE, CTX, Ctx, Exit, R, TrapCode } from '../../runtime/machine.ts'
import { bug } from '../../util/bug.ts'
import { Op } from '../../wasm/op.gen.ts'
import { trap } from './trap.ts'

export function raise(op: number, pc: number, fp: number, instance: Instance): number {
  let word = 0
  if (op === Op.Throw) {
    word = createException(instance.store, instance.tags[CODE[pc + 2]], fp + CODE[pc + 1])
    if (word === 0) return trap(TrapCode.AllocationTooLarge, pc)
  } else if (op === Op.ThrowRef) {
    word = R[(fp + CODE[pc + 1]) << 1]
    if (word === 0) return trap(TrapCode.NullExceptionReference, pc)
  } else bug(`cold op 0x${op.toString(16)}`)
  instance.store.pendingWord = word
  CTX[Ctx.Pc] = pc
  CTX[Ctx.A] = word
  return ~Exit.Throw
}
