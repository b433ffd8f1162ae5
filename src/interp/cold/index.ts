// What the loop does not do itself, by families. Contract and operand words: ../README.md.

import type { Instance } from '../../runtime/instance.ts'
import { Op } from '../../wasm/op.gen.ts'
import { TraceIr } from '../code.ts'
import { observe } from '../trace.ts'
import { atomic } from './atomics.ts'
import { gc } from './gc.ts'
import { access, bulk } from './memory.ts'
import { numeric } from './numeric.ts'
import { simd } from './simd.ts'
import { table } from './table.ts'
import { raise } from './throw.ts'

/** Distance of cold IR ops from the Wasm opcode ids they perform (build.ts `Cold.Base`). */
const BASE = 0x1000

/** Performs the cold op at pc. Returns the next pc, or ~Exit with the registers of that exit in CTX. */
export function cold(irOp: number, pc: number, fp: number, instance: Instance): number {
  const op = irOp - BASE
  if (op >= 0x500) return irOp >= TraceIr.First ? observe(irOp, pc, fp, instance) : atomic(op, pc, fp, instance)
  if (op >= 0x300) return simd(op, pc, fp, instance)
  if (op >= Op.TableInit && op <= Op.TableFill) return table(op, pc, fp, instance)
  if (op >= Op.MemoryInit && op <= Op.MemoryFill) return bulk(op, pc, fp, instance)
  if (op >= 0x200) return numeric(op, pc, fp)
  if (op >= 0x100) return gc(op, pc, fp, instance)
  if (op >= Op.I32Eqz) return numeric(op, pc, fp)
  if (op === Op.MemorySize || op === Op.MemoryGrow) return bulk(op, pc, fp, instance)
  if (op >= Op.I32Load) return access(op, pc, fp, instance)
  if (op >= Op.TableGet) return table(op, pc, fp, instance)
  return raise(op, pc, fp, instance)
}
