// The pass over a body before its translation: which locals each control structure assigns, and whether there is an instruction that
// is not compiled. Control structures are numbered in the order of their opening instructions, in dead code too.

import { growInt32 } from '../util/grow.ts'
import { InstrReader } from '../wasm/instr-reader.ts'
import { Op } from '../wasm/op.gen.ts'
import { OP_COUNT, OPCODES, type OpFeature } from '../wasm/opcodes.ts'

/** Why a function stays interpreted. */
export type DeclineReason =
  | 'vectors'
  | 'garbage collection'
  | 'exceptions'
  | 'threads'
  | 'shared memories'
  /** OSR only: a loop around this one would be entered in two places. */
  | 'entry into a loop'
  /** OSR only: control flow never gets to the loop. */
  | 'unreachable loop'

const REASONS: Readonly<Partial<Record<OpFeature, DeclineReason>>> = {
  simd: 'vectors',
  relaxed_simd: 'vectors',
  gc: 'garbage collection',
  exceptions: 'exceptions',
  threads: 'threads',
}

/** By opcode: the reason why it is declined. */
const DECLINED = new Map<number, DeclineReason>()
/** By opcode: whether it is in `DECLINED`. */
const IS_DECLINED = new Uint8Array(OP_COUNT)
for (const [id, , , , feature] of OPCODES) {
  const reason = REASONS[feature]
  if (reason === undefined) continue
  DECLINED.set(id, reason)
  IS_DECLINED[id] = 1
}

/** One for all functions of an agent; overwritten by the next `scan`. */
export class Scan {
  /** Locals in the order in which they are assigned. */
  sets: Int32Array<ArrayBuffer> = new Int32Array(64)
  setCount = 0
  /** By control structure: its part of `sets`, and the offsets of its opening instruction and its `end`. */
  start: Int32Array<ArrayBuffer> = new Int32Array(32)
  end: Int32Array<ArrayBuffer> = new Int32Array(32)
  offset: Int32Array<ArrayBuffer> = new Int32Array(32)
  close: Int32Array<ArrayBuffer> = new Int32Array(32)
  count = 0
  /** The control structures that are open. */
  private open: Int32Array<ArrayBuffer> = new Int32Array(32)

  /** Reads instructions from a position up to the function's end. Returns why it is declined, if it is. */
  run(bytes: Uint8Array, from: number): DeclineReason | undefined {
    const reader = new InstrReader(bytes, from)
    this.count = this.setCount = 0
    let depth = 0
    for (;;) {
      const offset = reader.pos
      const op = reader.opcode()
      if (IS_DECLINED[op] !== 0) return DECLINED.get(op)
      if (op === Op.LocalSet || op === Op.LocalTee) {
        this.sets = growInt32(this.sets, this.setCount + 1)
        this.sets[this.setCount++] = reader.u32()
        continue
      }
      if (op === Op.Block || op === Op.Loop || op === Op.If) {
        const n = this.count++
        this.start = growInt32(this.start, n + 1)
        this.end = growInt32(this.end, n + 1)
        this.offset = growInt32(this.offset, n + 1)
        this.close = growInt32(this.close, n + 1)
        this.open = growInt32(this.open, depth + 1)
        this.start[n] = this.setCount
        this.offset[n] = offset
        this.open[depth++] = n
      } else if (op === Op.End) {
        if (depth === 0) return undefined
        const n = this.open[--depth]
        this.end[n] = this.setCount
        this.close[n] = offset
      }
      reader.skip(op)
    }
  }

  /** Whether one structure encloses another, or is it. */
  encloses(outer: number, inner: number): boolean {
    return outer <= inner && this.offset[inner] < this.close[outer]
  }
}
