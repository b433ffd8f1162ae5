// Calls as bytes (the convention is in docs/jit.md), looks at the stack limit, and what goes with them: where calls return to.

import { NONE } from '../../ssa/types.ts'
import { bug } from '../../util/bug.ts'
import type { VCode } from '../../codegen/vcode.ts'
import { Context, FunctionRecord, Instance } from '../../native/layout.ts'
import { INSTANCE_REG, MEMORY_REG, SCRATCH_REG, SCRATCH_XMM } from './abi.ts'
import { type Label, ripLabel } from './assembler.ts'
import type { CodeEmitter } from './emit.ts'
import { Op } from './instructions.ts'
import { Shape, shapeOf } from './machine.ts'
import { Cond, NO_REG, Reg, Size } from './registers.ts'

/** Symbols of compiled code: the stubs of `makeTierStubs`, then the functions of the module by index. */
export const enum CodeSymbol {
  Runtime = 1,
  Poll = 2,
  Restore = 3,
  Fuel = 4,
  FirstFunction = 16,
}

/** Whether a call of this shape leaves the instance, so that its registers must be loaded again after it. */
export const leavesInstance = (shape: Shape): boolean => shape === Shape.CallImport || shape === Shape.CallRef

export function emitCall(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const shape = shapeOf(code.op[i])
  switch (shape) {
    case Shape.Call:
    case Shape.TailCall:
      callOwn(e, code.aux[i], shape === Shape.TailCall)
      break
    case Shape.CallImport:
    case Shape.TailCallImport:
      asm.rm(Op.Mov, Size.Q, SCRATCH_REG, INSTANCE_REG, NO_REG, 0, e.target.layout.imports + 16 * code.aux[i])
      callRecord(e, shape === Shape.TailCallImport)
      break
    case Shape.CallRef:
    case Shape.TailCallRef:
      recordOf(e, e.register(i, 0))
      callRecord(e, shape === Shape.TailCallRef)
      break
    case Shape.CallRuntime:
      asm.ri(Op.MovImm32, Size.D, SCRATCH_REG, code.aux[i])
      asm.call(asm.symbolLabel(CodeSymbol.Runtime))
      break
    default:
      bug(`shape ${shape} is no call`)
  }
  if (shape >= Shape.TailCall) return
  e.addReturn(code.offset[i])
  if (leavesInstance(shape)) loadInstance(e)
}

/** A function of this module: in this instance, its registers stay. */
function callOwn(e: CodeEmitter, index: number, isTail: boolean): void {
  const { asm, target } = e
  if (isTail) e.leaveFrame()
  if (index === target.index || target.isCompiled(index)) {
    const label = asm.symbolLabel(CodeSymbol.FirstFunction + index)
    if (isTail) asm.jmp(label)
    else asm.call(label)
    return
  }
  asm.rm(Op.Mov, Size.Q, SCRATCH_REG, INSTANCE_REG, NO_REG, 0, Instance.OwnRecords)
  const code = FunctionRecord.Bytes * index + FunctionRecord.Code
  asm.m(isTail ? Op.JmpIndirect : Op.CallIndirect, Size.Q, SCRATCH_REG, NO_REG, 0, code)
}

/**
 * The function whose record is in the scratch register, in its instance. A tail call into another instance must return in this one, because
 * whoever called us relies on it: it puts `restore` in front of the return address, unless that is there already.
 */
function callRecord(e: CodeEmitter, isTail: boolean): void {
  const { asm } = e
  if (isTail) {
    e.leaveFrame()
    const known = asm.newLabel()
    const stays = asm.newLabel()
    asm.rm(Op.Cmp, Size.Q, INSTANCE_REG, SCRATCH_REG, NO_REG, 0, FunctionRecord.Instance)
    asm.jcc(Cond.E, stays)
    asm.rr(Op.MovToXmm, Size.Q, SCRATCH_XMM, SCRATCH_REG)
    asm.rm(Op.Lea, Size.Q, SCRATCH_REG, ripLabel(asm.symbolLabel(CodeSymbol.Restore)), NO_REG, 0, 0)
    asm.rm(Op.Cmp, Size.Q, SCRATCH_REG, Reg.Rsp, NO_REG, 0, 0)
    asm.jcc(Cond.E, known)
    asm.r(Op.Push, Size.Q, INSTANCE_REG)
    asm.r(Op.Push, Size.Q, SCRATCH_REG)
    asm.bind(known)
    asm.rr(Op.MovFromXmm, Size.Q, SCRATCH_REG, SCRATCH_XMM)
    asm.bind(stays)
  }
  asm.rm(Op.Mov, Size.Q, INSTANCE_REG, SCRATCH_REG, NO_REG, 0, FunctionRecord.Instance)
  asm.rm(Op.Mov, Size.Q, MEMORY_REG, INSTANCE_REG, NO_REG, 0, Instance.Memory0Base)
  asm.m(isTail ? Op.JmpIndirect : Op.CallIndirect, Size.Q, SCRATCH_REG, NO_REG, 0, FunctionRecord.Code)
}

/** The record of a reference into the scratch register. */
function recordOf(e: CodeEmitter, reference: Reg): void {
  const { asm } = e
  asm.rm(Op.Mov, Size.Q, SCRATCH_REG, INSTANCE_REG, NO_REG, 0, Instance.FunctionRecords)
  const scale = FunctionRecord.ReferenceScaleLog2
  asm.rm(Op.Lea, Size.Q, SCRATCH_REG, SCRATCH_REG, reference, scale, FunctionRecord.ReferenceBias)
}

function loadInstance(e: CodeEmitter): void {
  const { asm } = e
  asm.rm(Op.Mov, Size.Q, INSTANCE_REG, Reg.Rsp, NO_REG, 0, e.instanceSlot)
  if (e.target.hasMemory) asm.rm(Op.Mov, Size.Q, MEMORY_REG, INSTANCE_REG, NO_REG, 0, Instance.Memory0Base)
}

/** The compare before a trap or as a value: the type id of a function. */
export function emitCompareType(e: CodeEmitter, code: VCode, i: number): void {
  const { asm } = e
  const typeId = FunctionRecord.ReferenceBias + FunctionRecord.TypeId
  asm.rm(Op.Mov, Size.Q, SCRATCH_REG, INSTANCE_REG, NO_REG, 0, Instance.FunctionRecords)
  asm.mi(Op.Cmp, Size.D, SCRATCH_REG, e.register(i, 0), FunctionRecord.ReferenceScaleLog2, typeId, code.imm[i])
}

/** Leaves, out of line, if the stack pointer is at or below the limit. */
export function emitPoll(e: CodeEmitter, offset: number): void {
  const { asm } = e
  const out = asm.newLabel()
  const back = asm.newLabel()
  asm.rm(Op.Cmp, Size.Q, Reg.Rsp, INSTANCE_REG, NO_REG, 0, Instance.StackLimit)
  asm.jcc(Cond.BE, out)
  asm.bind(back)
  e.addPoll(out, back, offset, NONE)
}

/** Takes fuel from the portion in the context. Goes out of line, and tries again, if that is not enough. */
export function emitFuel(e: CodeEmitter, units: number, offset: number): void {
  const { asm } = e
  const out = asm.newLabel()
  const again = asm.newLabel()
  asm.bind(again)
  asm.rm(Op.Mov, Size.Q, SCRATCH_REG, INSTANCE_REG, NO_REG, 0, Instance.Context)
  asm.mi(Op.Sub, Size.D, SCRATCH_REG, NO_REG, 0, Context.Fuel, units)
  asm.jcc(Cond.S, out)
  e.addPoll(out, again, offset, units)
}

/** `fuel`: the units that could not be paid; NONE for a look at the stack limit. */
export function emitPollExit(e: CodeEmitter, out: Label, back: Label, offset: number, fuel: number): void {
  const { asm } = e
  asm.bind(out)
  if (fuel !== NONE) {
    asm.mi(Op.Add, Size.D, SCRATCH_REG, NO_REG, 0, Context.Fuel, fuel)
    asm.mi(Op.Mov, Size.D, SCRATCH_REG, NO_REG, 0, Context.FuelNeeded, fuel)
  }
  asm.call(asm.symbolLabel(fuel !== NONE ? CodeSymbol.Fuel : CodeSymbol.Poll))
  e.addReturn(offset)
  asm.jmp(back)
}
