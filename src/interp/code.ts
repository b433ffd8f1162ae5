// The code of functions: allocation of the CODE arena, and what is known of each built function.
//
// Register IR is shared by all instances of a module. It is built when a function is first called, and may be thrown away again when the
// arena is full: every function that is on no stack goes (`evict`), its records point to `Pc.Build` again, and it is rebuilt when called.

import {
  CODE,
  CODE_WORDS,
  CTX,
  Ctx,
  FS,
  FRAME_WORDS,
  FUNC,
  FUNC_WORDS_LOG2,
  Frame,
  Func,
  Pc,
} from '../runtime/machine.ts'
import { funcBasesOf } from '../runtime/registry.ts'
import type { Store } from '../runtime/store.ts'
import type { Module } from '../wasm/module.ts'
import { Ir } from './ir.gen.ts'

/** What a function is translated to. The forms are built apart and can exist side by side. */
export const enum CodeForm {
  /** With superinstructions, constant forms and repeated loop tests: what runs. */
  Fused = 0,
  /** Likewise, but without repeated loop tests, and with a `fuel` instruction in front of every branch target. */
  Metered = 1,
  /**
   * One instruction for each Wasm instruction that computes, stores or jumps, between moves of stack entries; a constant is loaded where
   * it stands. Where the fused form does something wrong, this one tells whether fusing is to blame.
   */
  Plain = 2,
  /**
   * Plain code of a store with an observer that wants it, with instructions in it that tell what happens (trace.ts): of one store only, for its modules
   * are its own.
   */
  Observed = 3,
  /** Likewise, with fuel as in metered code. */
  ObservedMetered = 4,
}

let plain = false

/** Agent-wide: code without fuel is run in its plain form. To be set before anything runs; for tests. */
export function usePlainCode(): void {
  plain = true
}

/** The form that a store runs. */
export function runningForm({ metered, observer }: Store): CodeForm {
  if (observer?.instruments === true) return metered ? CodeForm.ObservedMetered : CodeForm.Observed
  return metered ? CodeForm.Metered : plain ? CodeForm.Plain : CodeForm.Fused
}

/**
 * IR ops that tell an observer what happens: cold ops behind those of the last Wasm opcode (`Cold.Base` + `OP_COUNT`). Values are
 * their count, then for each the word kind << VALUE_KIND_SHIFT | slot.
 */
export const enum TraceIr {
  First = 0x1600,
  /** An instruction begins: [offset, Wasm opcode, values of its operands]. */
  Before = 0x1600,
  /** It is done: [offset, Wasm opcode, values of its results]. */
  After = 0x1601,
  /** It has accessed memory: [offset, Wasm opcode, memory, offset immediate low, high]. */
  Access = 0x1602,
  /** A function begins: [its number for the profile, values of its arguments]. */
  Enter = 0x1603,
  /** It returns: [values of its results]. */
  Leave = 0x1604,
  /** An instruction begins, to be counted: [site]. */
  Count = 0x1605,
  /** A function begins, to be counted: [function number of `Sites`]. */
  CountEntry = 0x1606,
}

/** Above every slot: they are below 2^20. */
export const VALUE_KIND_SHIFT = 24

/** A function's register IR. */
export interface FuncCode {
  readonly module: Module
  /** Index in the module's function index space. */
  readonly index: number
  readonly form: CodeForm
  /** Words [start, end) of CODE. */
  readonly start: number
  readonly end: number
  /** Frame size. */
  readonly slots: number
  /** Exception handlers, inner ones first; pcs are relative to `start`. See `HandlerWord`. */
  readonly handlers: Int32Array | undefined
}

/** Words of a handler region in `FuncCode.handlers`; the clauses follow, `CLAUSE_WORDS` each. */
export const enum HandlerWord {
  Start = 0,
  End = 1,
  /** Slot that receives the payload, then the exception reference if the clause asks for it. */
  Slot = 2,
  Clauses = 3,
  Words = 4,
}

export const enum ClauseWord {
  /** 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref: the binary encoding. */
  Kind = 0,
  Tag = 1,
  Target = 2,
  Words = 3,
}

for (let pc = 0; pc < Pc.First; pc++) CODE[pc] = Ir.ExitNone
CODE[Pc.Done] = Ir.ExitDone
CODE[Pc.Build] = Ir.ExitBuild
for (const pc of [Pc.Host, Pc.Native, Pc.NativeReturn, Pc.NativeResume]) CODE[pc] = Ir.ExitHost

/** Free ranges [start, end), sorted, never adjacent to each other. */
const free: { start: number; end: number }[] = [{ start: Pc.First, end: CODE_WORDS }]
type FuncCodes = (FuncCode | undefined)[]
/** By `CodeForm`. */
const codes = Array.from({ length: 5 }, () => new Map<Module, FuncCodes>())

/** The built code of a function, or undefined. */
export function codeOf(module: Module, index: number, form: CodeForm): FuncCode | undefined {
  return codes[form].get(module)?.[index]
}

/** First fit; -1 if no range is large enough. */
function allocate(words: number): number {
  for (let i = 0; i < free.length; i++) {
    const range = free[i]
    if (range.end - range.start < words) continue
    const start = range.start
    range.start += words
    if (range.start === range.end) free.splice(i, 1)
    return start
  }
  return -1
}

function release(start: number, end: number): void {
  let i = 0
  while (i < free.length && free[i].start < start) i++
  free.splice(i, 0, { start, end })
  if (i + 1 < free.length && free[i + 1].start === end) {
    free[i].end = free[i + 1].end
    free.splice(i + 1, 1)
  }
  if (i > 0 && free[i - 1].end === start) {
    free[i - 1].end = free[i].end
    free.splice(i, 1)
  }
}

/** Thrown when a function does not fit into the arena even after everything idle was thrown out. */
export class CodeArenaFull extends Error {
  override name = 'CodeArenaFull'
  constructor(words: number) {
    super(`code arena full: a function needs ${words * 4} bytes of register IR, the arena has ${CODE_WORDS * 4}`)
  }
}

/** pcs that lie outside the active frames: suspended activations report theirs here. */
export const heldPcs: (() => Iterable<number>)[] = []

/** Throws out all code that no frame is running. */
function evict(): void {
  const held: number[] = []
  for (let f = CTX[Ctx.Fsp]; f >= 0; f -= FRAME_WORDS) held.push(FS[f + Frame.ReturnPc])
  held.push(CTX[Ctx.Pc])
  for (const source of heldPcs) for (const pc of source()) held.push(pc)
  held.sort((a, b) => a - b)
  for (const list of codes.flatMap((byModule) => [...byModule.values()])) {
    for (const code of list) {
      if (code === undefined) continue
      let low = 0
      let high = held.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (held[middle] < code.start) low = middle + 1
        else high = middle
      }
      // A return pc may be the word behind the last instruction.
      if (low < held.length && held[low] <= code.end) continue
      discard(list, code)
    }
  }
}

function discard(list: FuncCodes, code: FuncCode): void {
  list[code.index] = undefined
  release(code.start, code.end)
  for (const base of funcBasesOf(code.module)) {
    const record = (base + code.index) << FUNC_WORDS_LOG2
    if (FUNC[record + Func.Entry] === code.start) FUNC[record + Func.Entry] = Pc.Build
  }
}

/** Copies a function's words into the arena and registers it. `relocations` are positions of words that hold relative pcs. */
export function install(
  module: Module,
  index: number,
  form: CodeForm,
  words: Int32Array,
  length: number,
  relocations: Int32Array,
  relocationCount: number,
  slots: number,
  handlers: Int32Array | undefined,
): FuncCode {
  let start = allocate(length)
  if (start < 0) {
    evict()
    start = allocate(length)
    if (start < 0) throw new CodeArenaFull(length)
  }
  for (let i = 0; i < relocationCount; i++) words[relocations[i]] += start
  CODE.set(words.subarray(0, length), start)
  const code = { module, index, form, start, end: start + length, slots, handlers }
  let list = codes[form].get(module)
  if (list === undefined) codes[form].set(module, (list = []))
  list[index] = code
  return code
}

/** Frees the code of a module that no instance uses any more. */
export function dropModule(module: Module): void {
  for (const byModule of codes) {
    for (const code of byModule.get(module) ?? []) if (code !== undefined) release(code.start, code.end)
    byModule.delete(module)
  }
}
