// An interpreter whose functions are scripts in JavaScript: drives the driver through every exit without real code.
import { type Handler, type Interpreter, registerInterpreter } from '../../src/runtime/driver.ts'
import { INSTANCES, type Instance } from '../../src/runtime/instance.ts'
import {
  CODE,
  CTX,
  Ctx,
  Exit,
  FRAME_WORDS,
  Frame,
  FS,
  FUNC,
  FUNC_WORDS_LOG2,
  Func,
  Pc,
  TrapCode,
} from '../../src/runtime/machine.ts'

/** One instruction. Gets the frame pointer; says what happens. */
export type Step = (fp: number, instance: Instance) => Action

export type Action =
  | undefined // next instruction
  | { call: number; at: number }
  | { tail: number }
  | { throws: number }
  | { trap: TrapCode }
  | { fuel: number } // takes fuel; only in a store that meters
  | 'return'

export interface Script {
  slots: number
  steps: Step[]
  /** Instructions [from, to) are covered; undefined catches all. */
  handlers?: { from: number; to: number; tag?: number; target: number; dest: number; withRef?: boolean }[]
}

/** pcs of one function. */
const STRIDE = 64
const BASE = 1024

export class FakeInterpreter implements Interpreter {
  builds = 0
  dropped: unknown[] = []
  private readonly scripts: Script[] = []

  constructor(private readonly scriptOf: (instance: Instance, index: number) => Script) {
    registerInterpreter(this)
  }

  build(instance: Instance, index: number): void {
    this.builds++
    const script = this.scriptOf(instance, index)
    const record = instance.funcIds[index] << FUNC_WORDS_LOG2
    const at = this.scripts.length
    this.scripts[at] = script
    // The record last: a full JavaScript stack may stop us anywhere.
    FUNC[record + Func.Slots] = script.slots
    FUNC[record + Func.Entry] = BASE + STRIDE * at
  }

  run(): Exit {
    return this.execute(false)
  }

  runMetered(): Exit {
    return this.execute(true)
  }

  private execute(metered: boolean): Exit {
    let pc = CTX[Ctx.Pc]
    let fp = CTX[Ctx.Fp]
    let fsp = CTX[Ctx.Fsp]
    const exit = (reason: Exit, a = 0): Exit => {
      CTX[Ctx.Pc] = pc
      CTX[Ctx.Fp] = fp
      CTX[Ctx.Fsp] = fsp
      CTX[Ctx.A] = a
      return reason
    }
    for (;;) {
      if (pc === Pc.Done) return exit(Exit.Done)
      if (pc === Pc.Build) return exit(Exit.Build)
      if (pc === Pc.Host) return exit(Exit.Host)
      const at = (pc - BASE) % STRIDE
      const which = Math.floor((pc - BASE) / STRIDE)
      const instance = INSTANCES[FUNC[(FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2) + Func.Instance]]
      const action = this.scripts[which].steps[at](fp, instance)
      if (action === undefined) pc++
      else if (action === 'return') {
        pc = FS[fsp + Frame.ReturnPc]
        fp -= FS[fsp + Frame.Delta]
        fsp -= FRAME_WORDS
      } else if ('fuel' in action) {
        if (!metered) throw new Error('fuel in a loop that does not meter')
        CODE[pc + 1] = action.fuel
        if (CTX[Ctx.Fuel] < action.fuel) return exit(Exit.Fuel)
        CTX[Ctx.Fuel] -= action.fuel
        pc++
      } else if ('trap' in action) return exit(Exit.Trap, action.trap)
      else if ('throws' in action) return exit(Exit.Throw, action.throws)
      else if ('tail' in action) {
        FS[fsp + Frame.Fid] = action.tail
        pc = FUNC[(action.tail << FUNC_WORDS_LOG2) + Func.Entry]
      } else {
        const record = action.call << FUNC_WORDS_LOG2
        if (fp + action.at + FUNC[record + Func.Slots] > CTX[Ctx.StackEnd] || fsp >= CTX[Ctx.FrameEnd]) {
          return exit(Exit.Trap, TrapCode.StackExhausted)
        }
        fsp += FRAME_WORDS
        FS[fsp + Frame.Fid] = action.call
        FS[fsp + Frame.ReturnPc] = pc + 1
        FS[fsp + Frame.Delta] = action.at
        fp += action.at
        pc = FUNC[record + Func.Entry]
      }
    }
  }

  findHandler(_fid: number, pc: number, tagId: number): Handler | undefined {
    const at = (pc - BASE) % STRIDE
    const which = Math.floor((pc - BASE) / STRIDE)
    const h = this.scripts[which].handlers?.find((x) => at >= x.from && at < x.to && (x.tag ?? tagId) === tagId)
    if (h === undefined) return undefined
    const targetPc = BASE + STRIDE * which + h.target
    return { targetPc, dest: h.dest, copyPayload: h.tag !== undefined, withRef: h.withRef ?? false }
  }

  /** Module offsets of the fake: 1000 per function, plus the instruction. */
  wasmOffsetAt(fid: number, pc: number): number {
    return 1000 * FUNC[(fid << FUNC_WORDS_LOG2) + Func.Index] + ((pc - BASE) % STRIDE)
  }

  dropModule(module: unknown): void {
    this.dropped.push(module)
  }
}
