// The sections behind the type section. Each function reads the payload of one section into the state.

import { matches } from './canonical.ts'
import { skipBody, skipExpression } from './decode-form.ts'
import { elementType, functionTypeIndex, globalType, memoryType, tableType, tagType } from './decode-types.ts'
import { Feature } from './features.ts'
import {
  MAX_BODY_SIZE,
  MAX_DATA_SEGMENTS,
  MAX_ELEM_SEGMENTS,
  MAX_EXPORTS,
  MAX_FUNCTIONS,
  MAX_GLOBALS,
  MAX_IMPORTS,
  MAX_MEMORIES,
  MAX_SEGMENT_ENTRIES,
  MAX_TABLES,
  MAX_TAGS,
} from './limits.ts'
import { type ConstExpr, ExternKind, type ImportDesc, type SegmentMode } from './module.ts'
import {
  type CanonType,
  type GlobalType,
  Heap,
  isNullable,
  type MemoryType,
  refAbstract,
  RefType,
  T,
  type TableType,
  type ValType,
} from './types.ts'
import type { Validator } from './validate.ts'

/** In place of an import kind behind an empty name: what follows is a group (compact import section). */
const enum ImportGroup {
  /** Items of a name and a type each. */
  Typed = 0x7f,
  /** One type, then names. */
  SameType = 0x7e,
}

// Imports

export function decodeImportSection(v: Validator): void {
  for (let n = v.count(3, 'the import section'); n > 0; n--) {
    v.at = v.pos
    const module = v.name()
    const name = v.name()
    const kind = v.u8()
    const isGroup =
      name === '' &&
      (kind === ImportGroup.Typed || kind === ImportGroup.SameType) &&
      (v.state.features & Feature.CompactImports) !== 0
    if (isGroup) importGroup(v, module, kind)
    else addImport(v, module, name, importType(v, kind))
  }
}

function importGroup(v: Validator, module: string, kind: number): void {
  if (kind === ImportGroup.Typed) {
    for (let n = v.count(3, 'a group of imports'); n > 0; n--) {
      v.at = v.pos
      const name = v.name()
      addImport(v, module, name, importType(v, v.u8()))
    }
    return
  }
  const type = importType(v, v.u8())
  for (let n = v.count(1, 'a group of imports'); n > 0; n--) {
    v.at = v.pos
    addImport(v, module, v.name(), type)
  }
}

function importType(v: Validator, kind: number): ImportDesc {
  switch (kind) {
    case ExternKind.Func:
      return { kind, typeIndex: functionTypeIndex(v) }
    case ExternKind.Table:
      return { kind, type: tableType(v) }
    case ExternKind.Memory:
      return { kind, type: memoryType(v) }
    case ExternKind.Global:
      return { kind, type: globalType(v) }
    case ExternKind.Tag:
      requireExceptions(v)
      return { kind, typeIndex: tagType(v) }
  }
  return v.malformed('malformed import kind', v.pos - 1)
}

function requireExceptions(v: Validator): void {
  if ((v.state.features & Feature.Exceptions) === 0)
    v.malformed('malformed import kind: tags need the feature exceptions')
}

function addImport(v: Validator, module: string, name: string, desc: ImportDesc): void {
  const { state } = v
  v.limit(state.imports.length + 1, MAX_IMPORTS, 'imports')
  state.imports.push({ module, name, ...desc })
  switch (desc.kind) {
    case ExternKind.Func:
      addFunction(v, desc.typeIndex)
      state.importedFuncs++
      break
    case ExternKind.Table:
      addTable(v, desc.type)
      break
    case ExternKind.Memory:
      addMemory(v, desc.type)
      state.importedMemories++
      break
    case ExternKind.Global:
      addGlobal(v, desc.type)
      break
    case ExternKind.Tag:
      addTag(v, desc.typeIndex)
      state.importedTags++
  }
}

// Index spaces

function addFunction(v: Validator, typeIndex: number): void {
  v.limit(v.state.funcs.length + 1, MAX_FUNCTIONS, 'functions')
  v.state.funcs.push(typeIndex)
}

function addTable(v: Validator, type: TableType): void {
  const { state } = v
  if (state.validate && state.tables.length > 0 && (state.features & Feature.ReferenceTypes) === 0)
    v.invalid('multiple tables need the feature reference_types')
  v.limit(state.tables.length + 1, MAX_TABLES, 'tables')
  state.tables.push(type)
  state.tableElements.push(state.canonOf(type.element))
}

function addMemory(v: Validator, type: MemoryType): void {
  const { state } = v
  if (state.validate && state.memories.length > 0 && (state.features & Feature.MultiMemory) === 0)
    v.invalid('multiple memories need the feature multi_memory')
  v.limit(state.memories.length + 1, MAX_MEMORIES, 'memories')
  state.memories.push(type)
}

function addGlobal(v: Validator, type: GlobalType): void {
  const { state } = v
  v.limit(state.globals.length + 1, MAX_GLOBALS, 'globals')
  state.globals.push(type)
  state.globalTypes.push(state.canonOf(type.type))
}

function addTag(v: Validator, typeIndex: number): void {
  v.limit(v.state.tags.length + 1, MAX_TAGS, 'tags')
  v.state.tags.push(typeIndex)
}

// Definitions

export function decodeFunctionSection(v: Validator): void {
  for (let n = v.count(1, 'the function section'); n > 0; n--) {
    v.at = v.pos
    addFunction(v, functionTypeIndex(v))
  }
}

/** First byte of a table with initialiser; a zero byte follows. */
const TABLE_WITH_INIT = 0x40

export function decodeTableSection(v: Validator): void {
  for (let n = v.count(2, 'the table section'); n > 0; n--) {
    v.at = v.pos
    const withInit = v.bytes[v.pos] === TABLE_WITH_INIT && (v.state.features & Feature.FunctionReferences) !== 0
    if (withInit) {
      v.u8()
      if (v.u8() !== 0) v.malformed('malformed table', v.pos - 1)
    }
    const type = tableType(v)
    if (v.state.validate && !withInit && !isNullable(type.element))
      v.invalid(`type mismatch: a table of ${v.text(v.state.canonOf(type.element))} needs an initialiser`)
    const init = withInit ? constExpr(v, v.state.canonOf(type.element)) : undefined
    addTable(v, type)
    v.state.tableDefs.push({ type, init })
  }
}

export function decodeMemorySection(v: Validator): void {
  for (let n = v.count(1, 'the memory section'); n > 0; n--) {
    v.at = v.pos
    addMemory(v, memoryType(v))
  }
}

export function decodeTagSection(v: Validator): void {
  for (let n = v.count(2, 'the tag section'); n > 0; n--) {
    v.at = v.pos
    addTag(v, tagType(v))
  }
}

export function decodeGlobalSection(v: Validator): void {
  for (let n = v.count(3, 'the global section'); n > 0; n--) {
    v.at = v.pos
    const type = globalType(v)
    const init = constExpr(v, v.state.canonOf(type.type))
    addGlobal(v, type)
    v.state.globalDefs.push({ type, init })
  }
}

/** Reads a constant expression that must give an `expected`. */
function constExpr(v: Validator, expected: CanonType): ConstExpr {
  const start = v.pos
  if (v.state.validate) v.constantExpression(expected)
  else skipExpression(v, false)
  return { start, end: v.pos }
}

// Exports and start

export function decodeExportSection(v: Validator): void {
  const { state } = v
  const names = new Set<string>()
  for (let n = v.count(3, 'the export section'); n > 0; n--) {
    v.at = v.pos
    v.limit(state.exports.length + 1, MAX_EXPORTS, 'exports')
    const name = v.name()
    const kind = v.u8()
    if (kind > ExternKind.Tag) v.malformed('malformed export kind', v.pos - 1)
    const index = v.u32()
    if (kind === ExternKind.Func && index < state.funcs.length) state.declareFunc(index)
    if (state.validate) {
      if (index >= spaceSize(v, kind)) v.invalid(`unknown ${SPACE_NAMES[kind]} ${index}`)
      if (names.has(name)) v.invalid(`duplicate export name ${JSON.stringify(name)}`)
      names.add(name)
    }
    state.exports.push({ name, kind, index })
  }
}

const SPACE_NAMES = ['function', 'table', 'memory', 'global', 'tag'] as const

function spaceSize(v: Validator, kind: ExternKind): number {
  const { state } = v
  return [state.funcs, state.tables, state.memories, state.globals, state.tags][kind].length
}

export function decodeStartSection(v: Validator): void {
  const { state } = v
  v.at = v.pos
  state.start = v.u32()
  if (!state.validate) return
  if (state.start >= state.funcs.length) v.invalid(`unknown function ${state.start}`)
  const type = state.types[state.funcs.words[state.start]]
  if (type.kind === 'func' && type.params.length + type.results.length > 0)
    v.invalid(`start function ${state.start} must have neither parameters nor results`)
}

// Segments

/** Bits of an element segment's first number. */
const enum ElemFlag {
  /** Passive, or declarative with `Second`. */
  NotActive = 1,
  /** Active: the table index is given. Not active: declarative. */
  Second = 2,
  /** Expressions instead of function indices. */
  Exprs = 4,
}

export function decodeElementSection(v: Validator): void {
  const count = v.count(3, 'the element section')
  v.limit(count, MAX_ELEM_SEGMENTS, 'element segments')
  for (let i = 0; i < count; i++) {
    v.at = v.pos
    elementSegment(v)
  }
}

function elementSegment(v: Validator): void {
  const { state } = v
  const start = v.pos
  const flags = v.u32()
  if (flags > 7) v.malformed('malformed elements segment kind', start)
  const active = (flags & ElemFlag.NotActive) === 0
  const second = (flags & ElemFlag.Second) !== 0
  const mode: SegmentMode = active ? 'active' : second ? 'declarative' : 'passive'
  const table = active && second ? v.u32() : 0
  const known = active && table < state.tables.length
  if (active && !known && state.validate) v.invalid(`unknown table ${table}`)
  const offset = active ? constExpr(v, addressType(known && state.tables[table].address64)) : undefined
  const withExprs = (flags & ElemFlag.Exprs) !== 0
  let type: ValType = withExprs ? RefType.FuncRef : refAbstract(Heap.Func, false)
  if (!active || second) {
    if (withExprs) type = elementType(v)
    else if (v.u8() !== 0) v.malformed('malformed element kind', v.pos - 1)
  }
  const canonical = state.canonOf(type)
  if (active && state.validate && !matches(canonical, state.tableElements[table])) {
    const wanted = v.text(state.tableElements[table])
    v.invalid(`type mismatch: elements of type ${v.text(canonical)} into a table of ${wanted}`)
  }
  const funcs = withExprs ? undefined : functionIndices(v)
  const exprs = withExprs ? elementExprs(v, canonical) : undefined
  state.elems.push({ mode, table, offset, type, funcs, exprs })
  state.elemTypes.push(canonical)
}

const addressType = (wide: boolean): CanonType => (wide ? T.I64 : T.I32) as number as CanonType

function functionIndices(v: Validator): Uint32Array {
  const { state } = v
  const count = entryCount(v, 1)
  const funcs = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const index = v.u32()
    if (index < state.funcs.length) state.declareFunc(index)
    else if (state.validate) v.invalid(`unknown function ${index}`)
    funcs[i] = index
  }
  return funcs
}

function elementExprs(v: Validator, type: CanonType): ConstExpr[] {
  const count = entryCount(v, 1)
  const exprs: ConstExpr[] = []
  for (let i = 0; i < count; i++) exprs.push(constExpr(v, type))
  return exprs
}

function entryCount(v: Validator, minimum: number): number {
  const count = v.count(minimum, 'an element segment')
  v.limit(count, MAX_SEGMENT_ENTRIES, 'entries of an element segment')
  return count
}

export function decodeDataCountSection(v: Validator): void {
  v.state.dataCount = v.u32()
  v.limit(v.state.dataCount, MAX_DATA_SEGMENTS, 'data segments')
}

export function decodeDataSection(v: Validator): void {
  const { state } = v
  const count = v.count(2, 'the data section')
  v.limit(count, MAX_DATA_SEGMENTS, 'data segments')
  if (state.dataCount >= 0 && count !== state.dataCount) inconsistentDataCount(v, count)
  for (let i = 0; i < count; i++) {
    v.at = v.pos
    dataSegment(v)
  }
}

export function inconsistentDataCount(v: Validator, count: number): never {
  v.malformed(`data count and data section have inconsistent lengths: ${v.state.dataCount} and ${count}`)
}

function dataSegment(v: Validator): void {
  const { state } = v
  const start = v.pos
  const flags = v.u32()
  if (flags > 2) v.malformed('malformed data segment kind', start)
  const active = flags !== 1
  const memory = flags === 2 ? v.u32() : 0
  const known = active && memory < state.memories.length
  if (active && !known && state.validate) v.invalid(`unknown memory ${memory}`)
  const offset = active ? constExpr(v, addressType(known && state.memories[memory].address64)) : undefined
  const size = v.u32()
  v.need(size, 'a data segment')
  state.datas.push({ mode: active ? 'active' : 'passive', memory, offset, start: v.pos, end: v.pos + size })
  v.pos += size
}

// Code

export function decodeCodeSection(v: Validator): void {
  const { state } = v
  const defined = state.funcs.length - state.importedFuncs
  const start = v.pos
  const count = v.u32()
  // Too few bodies are reported at the end of the module: there may be a second code section, which is the real error then.
  if (count > defined) inconsistentCode(v, defined, count, start)
  v.need(count * 2, 'the code section')
  const sectionEnd = v.end
  for (let i = 0; i < count; i++) {
    v.at = v.pos
    const size = v.u32()
    v.need(size, 'a function body')
    if (size > MAX_BODY_SIZE) v.fail('limit', `too large function body: ${size} bytes, the limit is ${MAX_BODY_SIZE}`)
    state.codeStart.push(v.pos)
    v.end = v.pos + size
    if (state.validate) v.functionBody(state.funcs.words[state.importedFuncs + i])
    else skipBody(v)
    state.codeEnd.push(v.end)
    v.end = sectionEnd
  }
}

export function inconsistentCode(v: Validator, functions: number, bodies: number, offset = v.pos): never {
  v.malformed(`function and code section have inconsistent lengths: ${functions} and ${bodies}`, offset)
}
