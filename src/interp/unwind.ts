// What the driver asks about code: the handler of an exception, and the Wasm offset of a pc.

import { FUNC, FUNC_WORDS_LOG2, Func } from '../runtime/machine.ts'
import { INSTANCES, type Instance } from '../runtime/instance.ts'
import { bug } from '../util/bug.ts'
import { offsetsOf } from './build.ts'
import { ClauseWord, HandlerWord, codeOf, runningForm, type FuncCode } from './code.ts'

/** Where a caught exception continues. */
export interface Handler {
  readonly targetPc: number
  /** Slot, relative to the frame, of the payload, and behind it of the exception reference if `withRef`. */
  readonly dest: number
  readonly copyPayload: boolean
  readonly withRef: boolean
}

function instanceOf(fid: number): Instance {
  const instance = INSTANCES[FUNC[(fid << FUNC_WORDS_LOG2) + Func.Instance]]
  return instance ?? bug(`function ${fid} has no instance`)
}

function runningCode(instance: Instance, fid: number): FuncCode {
  const index = FUNC[(fid << FUNC_WORDS_LOG2) + Func.Index]
  const code = codeOf(instance.module, index, runningForm(instance.store))
  return code ?? bug(`function ${index} is running but has no code`)
}

/** The innermost handler around `pc` (absolute, inside the instruction that throws or calls) that catches the tag. */
export function findHandler(fid: number, pc: number, tagId: number): Handler | undefined {
  const instance = instanceOf(fid)
  const code = runningCode(instance, fid)
  const handlers = code.handlers
  if (handlers === undefined) return undefined
  const at = pc - code.start
  for (let i = 0; i < handlers.length;) {
    const clauses = handlers[i + HandlerWord.Clauses]
    let clause = i + HandlerWord.Words
    const next = clause + clauses * ClauseWord.Words
    if (at >= handlers[i + HandlerWord.Start] && at < handlers[i + HandlerWord.End]) {
      for (; clause < next; clause += ClauseWord.Words) {
        const kind = handlers[clause + ClauseWord.Kind]
        if (kind < 2 && instance.tags[handlers[clause + ClauseWord.Tag]].id !== tagId) continue
        return {
          targetPc: code.start + handlers[clause + ClauseWord.Target],
          dest: handlers[i + HandlerWord.Slot],
          copyPayload: kind < 2,
          withRef: (kind & 1) !== 0,
        }
      }
    }
    i = next
  }
  return undefined
}

/**
 * Byte offset in the module of the instruction at `pc` (absolute, anywhere inside it). Found by translating the function again: a map
 * costs memory for every function, backtraces are rare.
 */
export function wasmOffsetAt(fid: number, pc: number): number {
  const instance = instanceOf(fid)
  const code = runningCode(instance, fid)
  const offsets = offsetsOf(instance.module, code.index, code.form)
  const at = pc - code.start
  let low = 0
  let high = offsets.length >> 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (offsets[middle * 2] <= at) low = middle + 1
    else high = middle
  }
  return low === 0 ? instance.module.codeStart[code.index - instance.module.importedFuncs] : offsets[low * 2 - 1]
}
