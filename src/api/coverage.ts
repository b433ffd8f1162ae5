// Coverage: how often each instruction was executed, by module and function; as lcov, by line of the text.

import type { Sites } from '../interp/coverage.ts'
import { ownersOf } from '../runtime/registry.ts'
import type { Store } from '../runtime/store.ts'
import { findTextOffset } from '../text/source-map.ts'
import { parseWat } from '../text/parse.ts'
import { InstrReader } from '../wasm/instr-reader.ts'
import type { Module } from '../wasm/module.ts'
import { Op } from '../wasm/op.gen.ts'
import { functionNamesOf } from './trace-names.ts'

/** A function that the module defines. */
export interface FunctionCoverage {
  readonly functionIndex: number
  /** From the name section; else the name of its first export. */
  readonly name: string | undefined
  /** Byte offset of its body in the module. */
  readonly offset: number
  readonly calls: number
  /** All its instructions in code order: byte offset in the module, how often it was executed. `else` and `end` are none. */
  readonly instructions: readonly { readonly offset: number; readonly count: number }[]
}

/** All instances of a module together. */
export interface ModuleCoverage {
  readonly name: string | undefined
  /** The module itself. */
  readonly bytes: Uint8Array
  readonly functions: readonly FunctionCoverage[]
}

export function makeCoverageReport(store: Store, sites: Sites): ModuleCoverage[] {
  const modules = new Set<Module>(sites.modules)
  for (const owner of ownersOf(store)) if ('module' in owner) modules.add(owner.module)
  return [...modules].map((module) => coverageOf(module, sites))
}

function coverageOf(module: Module, sites: Sites): ModuleCoverage {
  const names = functionNamesOf(module)
  const functions: FunctionCoverage[] = []
  for (let index = module.importedFuncs; index < module.funcs.length; index++) {
    const counts = new Map<number, number>()
    sites.addCounts(module, index, counts)
    functions.push({
      functionIndex: index,
      name: names.functions.get(index),
      offset: module.codeStart[index - module.importedFuncs],
      calls: sites.entriesOf(module, index),
      instructions: instructionsOf(module, index).map((offset) => ({ offset, count: counts.get(offset) ?? 0 })),
    })
  }
  return { name: names.module, bytes: module.bytes.slice(), functions }
}

/** Offsets of all instructions of a body. */
function instructionsOf(module: Module, index: number): number[] {
  const body = index - module.importedFuncs
  const r = new InstrReader(module.bytes, module.codeStart[body])
  for (let groups = r.u32(); groups > 0; groups--) {
    r.u32()
    r.valType()
  }
  const offsets: number[] = []
  while (r.pos < module.codeEnd[body]) {
    const op = r.opcode()
    if (op !== Op.End && op !== Op.Else) offsets.push(r.at)
    r.skip(op)
  }
  return offsets
}

const isLineEnd = (text: Uint8Array, at: number): boolean =>
  text[at] === 0x0a || (text[at] === 0x0d && text[at + 1] !== 0x0a)

/** Lines of a text by offset in the binary that `parseWat` makes of it; undefined in front of all functions. */
export function lineFinder(source: string | Uint8Array): (offset: number) => number | undefined {
  const text = typeof source === 'string' ? new TextEncoder().encode(source) : source
  const { sourceMap } = parseWat(text, { sourceMap: true })
  // Ends of lines, found as far as they are asked for: offsets that ascend.
  const ends: number[] = []
  let seen = 0
  return (offset) => {
    const at = findTextOffset(sourceMap!, offset)
    if (at < 0) return undefined
    for (; seen < at; seen++) if (isLineEnd(text, seen)) ends.push(seen)
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (ends[middle] < at) low = middle + 1
      else high = middle
    }
    return low + 1
  }
}

/**
 * Coverage as a record of an lcov file. `file`: what the lines are of. A line was executed as often as the instruction on it that was
 * executed most often. Without `lineOf` (see {@link lineFinder}) byte offsets in the module stand for line numbers.
 */
export function formatLcov(
  { functions }: ModuleCoverage,
  file: string,
  lineOf: (offset: number) => number | undefined = (offset) => offset,
): string {
  const lines = new Map<number, number>()
  const out = ['TN:', `SF:${file}`]
  const called: string[] = []
  const names = new Set<string>()
  for (const { functionIndex, name = '', offset, calls, instructions } of functions) {
    // Functions are told apart by their names.
    const unique = name === '' || names.has(name) ? `${name}[${functionIndex}]` : name
    names.add(unique)
    out.push(`FN:${lineOf(offset)},${unique}`)
    called.push(`FNDA:${calls},${unique}`)
    for (const { offset: at, count } of instructions) {
      const line = lineOf(at)
      if (line !== undefined) lines.set(line, Math.max(lines.get(line) ?? 0, count))
    }
  }
  const sorted = [...lines].sort((a, b) => a[0] - b[0])
  out.push(...called, `FNF:${functions.length}`, `FNH:${functions.filter(({ calls }) => calls > 0).length}`)
  out.push(...sorted.map(([line, count]) => `DA:${line},${count}`))
  out.push(`LF:${sorted.length}`, `LH:${sorted.filter(([, count]) => count > 0).length}`, 'end_of_record', '')
  return out.join('\n')
}

/** Functions that were not called, and are listed all the same. */
const SHOWN_UNCALLED = 20

/** A sum, and a line for each function: which part of its instructions was executed. */
export function formatCoverage({ name, functions }: ModuleCoverage): string {
  const rows = functions.map((func) => ({
    ...func,
    covered: func.instructions.filter(({ count }) => count > 0).length,
    total: func.instructions.length,
  }))
  const covered = rows.reduce((sum, row) => sum + row.covered, 0)
  const total = rows.reduce((sum, row) => sum + row.total, 0)
  const uncalled = rows.filter(({ calls }) => calls === 0)
  const hidden = new Set(uncalled.slice(SHOWN_UNCALLED))
  const percent = (part: number, whole: number): string =>
    `${(whole === 0 ? 100 : (100 * part) / whole).toFixed(1).padStart(5)}%`
  return [
    `${name ?? '<unknown>'}: ${rows.length - uncalled.length} of ${rows.length} functions, ${covered} of ${total} instructions`,
    ...rows
      .filter((row) => !hidden.has(row))
      .map(
        (row) =>
          `${percent(row.covered, row.total)}  ${row.name ?? `<wasm function ${row.functionIndex}>`}` +
          (row.calls === 0
            ? ': not called'
            : `: ${row.covered} of ${row.total}, ${row.calls} ${row.calls === 1 ? 'call' : 'calls'}`),
      ),
    ...(hidden.size === 0 ? [] : [`... and ${hidden.size} more that were not called`]),
  ].join('\n')
}
