// Branch hints (spec 3.0, appendix "Branch Hint Section"): a custom section, kept and printed, not obeyed.

import { ByteWriter } from '../util/byte-writer.ts'
import { FormatError } from './errors.ts'
import { InstrReader } from './instr-reader.ts'
import type { CustomSection, Module } from './module.ts'
import { findCustomSection, sorted } from './names.ts'
import { Op } from './op.gen.ts'

/** Name of the custom section with branch hints; it stands before the code section. */
export const BRANCH_HINT_SECTION = 'metadata.code.branch_hint'

export interface BranchHint {
  /** Of the `if` or `br_if`, from the start of the function body (its local declarations). */
  readonly offset: number
  readonly likely: boolean
}

/** Hints by function index, each list with ascending offsets. */
export type BranchHints = ReadonlyMap<number, readonly BranchHint[]>

/** The branch hints of a module; `undefined` without the section, or if it is malformed. */
export function decodeBranchHints(module: Module): BranchHints | undefined {
  const section = findCustomSection(module, BRANCH_HINT_SECTION)
  if (section === undefined) return undefined
  try {
    return readBranchHints(module, section, false)
  } catch (e) {
    if (!(e instanceof FormatError)) throw e
    return undefined
  }
}

/**
 * Like `decodeBranchHints`, but reports what is wrong.
 * @throws {FormatError} also if a hint is not on an `if` or `br_if`.
 */
export function decodeBranchHintsStrict(module: Module): BranchHints | undefined {
  const sections = module.customSections.filter((s) => s.name === BRANCH_HINT_SECTION)
  if (sections.length === 0) return undefined
  const [section, second] = sections
  const annotation = `@${BRANCH_HINT_SECTION} annotation`
  if (second !== undefined) throw new FormatError('malformed', `${annotation}: multiple sections`, second.start)
  const hints = readBranchHints(module, section, true)
  for (const [func, list] of hints) {
    const place = func - module.importedFuncs
    if (place < 0 || place >= module.codeStart.length)
      throw new FormatError('invalid', `${annotation}: unknown function ${func}`, section.start)
    checkTargets(module, place, list, annotation)
  }
  return hints
}

function readBranchHints(module: Module, section: CustomSection, strict: boolean): BranchHints {
  const r = new InstrReader(module.bytes, section.start, section.end)
  const hints = new Map<number, BranchHint[]>()
  let lastFunc = -1
  for (let n = r.count(2, 'branch hints'); n > 0; n--) {
    const func = r.u32()
    if (strict && func <= lastFunc) r.malformed(`malformed branch hints: function ${func} behind ${lastFunc}`)
    lastFunc = func
    const list: BranchHint[] = []
    let last = -1
    for (let k = r.count(3, 'branch hints of a function'); k > 0; k--) {
      const offset = r.u32()
      if (r.u32() !== 1) r.malformed('malformed branch hint: size must be 1')
      const value = r.u8()
      if (value > 1) r.malformed('malformed branch hint: value must be 0 or 1', r.pos - 1)
      if (strict && offset <= last) r.malformed(`malformed branch hints: offset ${offset} behind ${last}`)
      last = offset
      list.push({ offset, likely: value === 1 })
    }
    hints.set(func, list)
  }
  if (r.pos !== section.end) r.malformed('section size mismatch: branch hints')
  return hints
}

/** Every hint must be at an `if` or `br_if`. Offsets ascend, so one walk over the body finds them all. */
function checkTargets(module: Module, place: number, hints: readonly BranchHint[], annotation: string): void {
  const start = module.codeStart[place]
  const end = module.codeEnd[place]
  const r = new InstrReader(module.bytes, start, end)
  skipLocals(r)
  let next = 0
  while (r.pos < end && next < hints.length) {
    const offset = r.pos - start
    const op = r.opcode()
    r.skip(op)
    if (offset < hints[next].offset) continue
    if (offset > hints[next].offset || (op !== Op.If && op !== Op.BrIf)) break
    next++
  }
  if (next < hints.length) throw new FormatError('invalid', `${annotation}: invalid target`, start + hints[next].offset)
}

/** Moves a reader from the start of a function body to its first instruction. */
export function skipLocals(r: InstrReader): void {
  for (let groups = r.u32(); groups > 0; groups--) {
    r.u32()
    r.valType()
  }
}

/** The payload of a branch hint section. */
export function encodeBranchHints(hints: BranchHints): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter()
  const entries = sorted(hints)
  w.u32(entries.length)
  for (const [func, list] of entries) {
    w.u32(func)
    w.u32(list.length)
    for (const { offset, likely } of list) {
      w.u32(offset)
      w.u32(1)
      w.u8(likely ? 1 : 0)
    }
  }
  return w.finish()
}
