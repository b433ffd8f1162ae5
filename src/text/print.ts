// Binary to text.

import { BRANCH_HINT_SECTION } from '../wasm/branch-hints.ts'
import { decodeModule } from '../wasm/decode.ts'
import { InstrReader } from '../wasm/instr-reader.ts'
import type { ConstExpr, ElemSegment, Import, Module } from '../wasm/module.ts'
import { ExternKind } from '../wasm/module.ts'
import { Heap, Ref } from '../wasm/types.ts'
import { isSingleInstruction, printBody, printConstExpr } from './print-code.ts'
import { InstructionPrinter, printTypeUse } from './print-instruction.ts'
import { Identifiers } from './print-names.ts'
import {
  printGlobalType,
  printMemoryType,
  printParams,
  printSubType,
  printTableType,
  printValueType,
} from './print-types.ts'
import { printBytes, printId, printName } from './print-values.ts'
import { Printer } from './printer.ts'
import type { PrintOptions } from './printer.ts'

export type { PrintOptions }

/**
 * Prints a module in the text format. `parseWat` reads the text back to the same binary, provided that binary is in its
 * shortest form and its name section in the usual place.
 * @throws FormatError if bytes are given that are no module; validity is not asked for.
 */
export function printWat(input: Uint8Array | Module, options: PrintOptions = {}): string {
  const parts: string[] = []
  printWatTo((text) => parts.push(text), input, options)
  return parts.join('')
}

/** Likewise, piece by piece: the text of a large module may be longer than a string can be. */
export function printWatTo(
  write: (text: string) => void,
  input: Uint8Array | Module,
  options: PrintOptions = {},
): void {
  const module = input instanceof Uint8Array ? decodeModule(input, { validate: false }) : input
  const p = new Printer(module, options, write)
  const name = p.names?.module
  p.line(0, `(module${name === undefined ? '' : name === '' ? ' (@name "")' : ` ${printId(name)}`}`)
  printTypes(p)
  printImports(p)
  module.tableDefs.forEach(({ type, init }, i) => {
    const index = i + module.tables.length - module.tableDefs.length
    const value = init === undefined ? '' : ` ${printWrapped(p, init)}`
    p.line(1, `(table${p.tables.definition(index)} ${printTableType(type, p.types)}${value})`)
  })
  for (let i = module.importedMemories; i < module.memories.length; i++) {
    p.line(1, `(memory${p.memories.definition(i)} ${printMemoryType(module.memories[i])})`)
  }
  for (let i = module.importedTags; i < module.tags.length; i++) {
    p.line(1, `(tag${p.tags.definition(i)}${printTypeUse(p, module.tags[i], undefined)})`)
  }
  module.globalDefs.forEach(({ type, init }, i) => {
    const index = i + module.globals.length - module.globalDefs.length
    const value = printConstExpr(p, init)
    p.line(
      1,
      `(global${p.globals.definition(index)} ${printGlobalType(type, p.types)}${value === '' ? '' : ` ${value}`})`,
    )
  })
  printExports(p)
  if (module.start >= 0) p.line(1, `(start ${p.funcs.use(module.start)})`)
  module.elems.forEach((segment, i) => p.line(1, printElem(p, segment, i)))
  for (let i = 0; i < module.codeStart.length; i++) printFunction(p, i)
  printDatas(p)
  printCustomSections(p)
  p.line(0, ')')
  p.flush()
}

function printTypes(p: Printer): void {
  const { types, recGroups } = p.module
  recGroups.forEach((first, group) => {
    const end = group + 1 < recGroups.length ? recGroups[group + 1] : types.length
    const inGroup = end - first !== 1
    if (inGroup) p.line(1, '(rec')
    for (let i = first; i < end; i++) {
      p.line(inGroup ? 2 : 1, `(type${p.types.definition(i)} ${printSubType(types[i], p.types, p.fields(i))})`)
    }
    if (inGroup) p.line(1, ')')
  })
}

function printImports(p: Printer): void {
  const next = [0, 0, 0, 0, 0]
  for (const item of p.module.imports) {
    const index = next[item.kind]++
    p.line(1, `(import ${printName(item.module)} ${printName(item.name)} (${printImportDesc(p, item, index)}))`)
  }
}

function printImportDesc(p: Printer, item: Import, index: number): string {
  switch (item.kind) {
    case ExternKind.Func: {
      const params = p.funcType(item.typeIndex)?.params.length ?? 0
      return `func${p.funcs.definition(index)}${printTypeUse(p, item.typeIndex, localIdentifiers(p, index, params))}`
    }
    case ExternKind.Table:
      return `table${p.tables.definition(index)} ${printTableType(item.type, p.types)}`
    case ExternKind.Memory:
      return `memory${p.memories.definition(index)} ${printMemoryType(item.type)}`
    case ExternKind.Global:
      return `global${p.globals.definition(index)} ${printGlobalType(item.type, p.types)}`
    case ExternKind.Tag:
      return `tag${p.tags.definition(index)}${printTypeUse(p, item.typeIndex, undefined)}`
  }
}

function printExports(p: Printer): void {
  const spaces = [p.funcs, p.tables, p.memories, p.globals, p.tags]
  const kinds = ['func', 'table', 'memory', 'global', 'tag']
  for (const { name, kind, index } of p.module.exports) {
    p.line(1, `(export ${printName(name)} (${kinds[kind]} ${spaces[kind].use(index)}))`)
  }
}

/** A constant expression as `(instruction)`, or `(keyword instructions)` if it is not exactly one. */
function printWrapped(p: Printer, expr: ConstExpr, keyword?: 'offset' | 'item'): string {
  const text = printConstExpr(p, expr)
  if (isSingleInstruction(p, expr)) return `(${text})`
  return keyword === undefined ? text : `(${keyword}${text === '' ? '' : ` ${text}`})`
}

const FUNC_INDICES = Ref.Flag | Heap.Func

function printElem(p: Printer, segment: ElemSegment, index: number): string {
  const { mode, table, offset, type, funcs, exprs } = segment
  let out = `(elem${p.elems.definition(index)}`
  if (mode === 'declarative') out += ' declare'
  if (mode === 'active') {
    if (table !== 0) out += ` (table ${p.tables.use(table)})`
    out += ` ${printWrapped(p, offset!, 'offset')}`
  }
  if (funcs !== undefined && type === FUNC_INDICES) {
    out += ' func'
    for (const func of funcs) out += ` ${p.funcs.use(func)}`
  } else {
    out += ` ${printValueType(type, p.types)}`
    for (const func of funcs ?? []) out += ` (ref.func ${p.funcs.use(func)})`
    for (const expr of exprs ?? []) out += ` ${printWrapped(p, expr, 'item')}`
  }
  return out + ')'
}

/** Identifiers of the parameters and locals of a function; undefined if it names none. */
function localIdentifiers(p: Printer, func: number, count: number): Identifiers | undefined {
  const names = p.names?.locals.get(func)
  if (names === undefined && !p.options.nameUnnamed) return undefined
  return new Identifiers(names, count, 'local', p.options.nameUnnamed ?? false)
}

function printFunction(p: Printer, defined: number): void {
  const { module } = p
  const index = module.importedFuncs + defined
  const start = module.codeStart[defined]
  const end = module.codeEnd[defined]
  const reader = new InstrReader(module.bytes, start)
  const locals: number[] = []
  for (let runs = reader.u32(); runs > 0; runs--) {
    const count = reader.u32()
    const type = reader.valType()
    for (let i = 0; i < count; i++) locals.push(type)
  }
  const params = p.funcType(module.funcs[index])?.params.length ?? 0
  const ids = localIdentifiers(p, index, params + locals.length)
  const head = `(func${p.funcs.definition(index)}${printTypeUse(p, module.funcs[index], ids)}`
  if (p.options.skeleton) return p.line(1, `${head} ...)`, start)
  if (reader.pos === end - 1 && locals.length === 0) return p.line(1, `${head})`, start)
  p.line(1, head, start)
  if (locals.length > 0) p.line(2, printParams('local', locals, params, p.types, ids).slice(1))
  const printer = new InstructionPrinter(p)
  printer.locals = ids
  printer.labelNames = p.names?.labels.get(index)
  printBody(p, printer, reader.pos, end, p.hints?.get(index), start)
  p.line(1, ')')
}

function printDatas(p: Printer): void {
  p.module.datas.forEach(({ mode, memory, offset, start, end }, i) => {
    let out = `(data${p.datas.definition(i)}`
    if (mode === 'active') {
      if (memory !== 0) out += ` (memory ${p.memories.use(memory)})`
      out += ` ${printWrapped(p, offset!, 'offset')}`
    }
    p.line(1, `${out} ${p.options.skeleton ? '...' : printBytes(p.module.bytes, start, end)})`, start)
  })
}

/** Names of sections in placements, by their id. */
const SECTION_NAMES = [
  'first',
  'type',
  'import',
  'func',
  'table',
  'memory',
  'global',
  'export',
  'start',
  'elem',
  'code',
  'data',
  'datacount',
  'tag',
] as const

/** All custom sections but those that are printed in another way: the name section and the branch hints. */
function printCustomSections(p: Printer): void {
  const { bytes, customSections } = p.module
  let names = p.names === undefined
  let hints = p.hints === undefined
  for (const { name, start, end, after } of customSections) {
    if (name === 'name' && !names) names = true
    else if (name === BRANCH_HINT_SECTION && !hints) hints = true
    else {
      // Behind the name section is the default place; what stands before it needs a place of its own.
      const behindNames =
        names && p.names !== undefined && after === customSections.find((s) => s.name === 'name')!.after
      const place = after === 0 ? ' (before first)' : behindNames ? '' : ` (after ${SECTION_NAMES[after]})`
      p.line(
        1,
        `(@custom ${printName(name)}${place} ${p.options.skeleton ? '...' : printBytes(bytes, start, end)})`,
        start,
      )
    }
  }
}
