// Register allocation: machine code in SSA form to locations and moves.

import type { VCode } from '../vcode.ts'
import { Allocation } from './allocation.ts'
import { Lifetimes } from './lifetimes.ts'
import { LinearScan } from './linear-scan.ts'
import type { RegisterFile } from './register-file.ts'

/**
 * Bits of the liveness rows, blocks times vregs, above which values that live across blocks stay in their slots at block boundaries.
 * Random functions of test/codegen/synthetic.ts, by lifetimes against blockwise: 5,900 instructions (5 M bits) take 44 against 5 ms,
 * 11,600 (20 M bits) 160 against 17, 46,000 (319 M bits) 2,500 against 49.
 */
export const LIVENESS_BITS = 1 << 24

/** An allocator for one processor, with memory that is used again for each function. */
export class RegisterAllocator {
  private readonly lifetimes = new Lifetimes()
  private readonly scan: LinearScan
  private readonly allocation = new Allocation()

  constructor(readonly registers: RegisterFile) {
    this.scan = new LinearScan(registers)
  }

  /**
   * Allocates. The result is valid until the next call. The same code gives the same result.
   * `blockwise` is decided by size (`LIVENESS_BITS`); tests set it.
   */
  allocate(code: VCode, blockwise = code.blocks * code.vregs > LIVENESS_BITS): Allocation {
    this.lifetimes.build(code, blockwise)
    this.scan.run(code, this.lifetimes)
    this.allocation.build(code, this.lifetimes)
    return this.allocation
  }
}
