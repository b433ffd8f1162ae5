// Decoding and validation of a module in one pass over its bytes (spec 3.0, sections 3 and 5).
//
// Sections are read in order into a `ModuleState`; every function body is validated in place when the code section comes by,
// because everything it may refer to is known by then (the data section follows, but its size is in the data count section).

import {
  decodeCodeSection,
  decodeDataCountSection,
  decodeDataSection,
  decodeElementSection,
  decodeExportSection,
  decodeFunctionSection,
  decodeGlobalSection,
  decodeImportSection,
  decodeMemorySection,
  decodeStartSection,
  decodeTableSection,
  decodeTagSection,
  inconsistentCode,
  inconsistentDataCount,
} from './decode-sections.ts'
import { decodeTypeSection } from './decode-types.ts'
import { FormatError } from './errors.ts'
import { DEFAULT_FEATURES, Feature, type Features } from './features.ts'
import { MAX_MODULE_SIZE } from './limits.ts'
import type { Module } from './module.ts'
import { ModuleState } from './state.ts'
import { Validator } from './validate.ts'

/** Section ids. */
export const enum Section {
  Custom = 0,
  Type = 1,
  Import = 2,
  Function = 3,
  Table = 4,
  Memory = 5,
  Global = 6,
  Export = 7,
  Start = 8,
  Element = 9,
  Code = 10,
  Data = 11,
  DataCount = 12,
  Tag = 13,
}

/** Ids of the sections other than custom ones, in the order they must have. */
export const SECTION_ORDER: readonly Section[] = [
  Section.Type,
  Section.Import,
  Section.Function,
  Section.Table,
  Section.Memory,
  Section.Tag,
  Section.Global,
  Section.Export,
  Section.Start,
  Section.Element,
  Section.DataCount,
  Section.Code,
  Section.Data,
]

const READERS: Readonly<Record<number, (v: Validator) => void>> = {
  [Section.Type]: decodeTypeSection,
  [Section.Import]: decodeImportSection,
  [Section.Function]: decodeFunctionSection,
  [Section.Table]: decodeTableSection,
  [Section.Memory]: decodeMemorySection,
  [Section.Tag]: decodeTagSection,
  [Section.Global]: decodeGlobalSection,
  [Section.Export]: decodeExportSection,
  [Section.Start]: decodeStartSection,
  [Section.Element]: decodeElementSection,
  [Section.DataCount]: decodeDataCountSection,
  [Section.Code]: decodeCodeSection,
  [Section.Data]: decodeDataSection,
}

export interface DecodeOptions {
  /** Default: `DEFAULT_FEATURES`. */
  readonly features?: Features
  /**
   * Default true. False checks the form only: the bytes are a module, all expressions are well-formed instruction sequences
   * and types exist, but other indices may not, and code may be ill-typed. Such a module must not be instantiated.
   */
  readonly validate?: boolean
  /** Refuses larger modules (kind `limit`). Default and maximum: 1 GiB. */
  readonly maxSize?: number
}

/**
 * Decodes and validates a module. The result refers to `bytes`, which the caller must not change afterwards.
 * @throws {FormatError} with the kind and place of the first error.
 */
export function decodeModule(bytes: Uint8Array, options: DecodeOptions = {}): Module {
  const maxSize = Math.min(options.maxSize ?? MAX_MODULE_SIZE, MAX_MODULE_SIZE)
  if (bytes.length > maxSize)
    throw new FormatError('limit', `module too large: ${bytes.length} bytes, the limit is ${maxSize}`, maxSize)
  const state = new ModuleState(options.features ?? DEFAULT_FEATURES, options.validate ?? true)
  const v = new Validator(bytes, state)
  header(v)
  sections(v)
  return finish(v)
}

function header(v: Validator): void {
  word(v, 0x6d73_6100, 'magic header not detected')
  word(v, 1, 'unknown binary version')
}

function word(v: Validator, expected: number, message: string): void {
  const { bytes, pos } = v
  if (bytes.length - pos < 4) v.malformed('unexpected end', bytes.length)
  const found = (bytes[pos] | (bytes[pos + 1] << 8) | (bytes[pos + 2] << 16) | (bytes[pos + 3] << 24)) >>> 0
  if (found !== expected) v.malformed(message)
  v.pos = pos + 4
}

function sections(v: Validator): void {
  const { bytes, state } = v
  v.usePool()
  /** Place in `SECTION_ORDER` behind the last section. */
  let place = 0
  let last = 0
  while (v.pos < bytes.length) {
    const start = (v.at = v.pos)
    v.end = bytes.length
    const id = v.u8()
    const size = v.u32()
    if (id !== Section.Custom && !isSection(v, id)) v.malformed(`malformed section id: ${id}`, start)
    v.beginSection(size)
    if (id === Section.Custom) {
      customSection(v, last)
      v.endSection(id)
      continue
    }
    const order = SECTION_ORDER.indexOf(id)
    if (order < place) v.malformed(`unexpected content after last section: section ${id}`, start)
    place = order + 1
    last = id
    READERS[id](v)
    v.endSection(id)
    if (id === Section.Type) v.usePool()
  }
  v.end = bytes.length
  v.at = v.pos
  const defined = state.funcs.length - state.importedFuncs
  if (state.codeStart.length !== defined) inconsistentCode(v, defined, state.codeStart.length)
  if (state.dataCount >= 0 && state.datas.length !== state.dataCount) inconsistentDataCount(v, state.datas.length)
}

function isSection(v: Validator, id: number): boolean {
  if (id === Section.Tag) return (v.state.features & Feature.Exceptions) !== 0
  if (id === Section.DataCount) return (v.state.features & Feature.BulkMemory) !== 0
  return id <= Section.Tag
}

function customSection(v: Validator, after: number): void {
  const end = v.end
  if (v.pos === end) v.malformed('unexpected end', end)
  const name = v.name()
  v.state.customSections.push({ name, start: v.pos, end, after })
  v.pos = end
}

function finish(v: Validator): Module {
  const { state } = v
  return {
    bytes: v.bytes,
    types: state.types,
    recGroups: state.recGroups.finish(),
    canon: state.canon.slice(0, state.types.length),
    imports: state.imports,
    exports: state.exports,
    funcs: state.funcs.finish(),
    importedFuncs: state.importedFuncs,
    tables: state.tables,
    tableDefs: state.tableDefs,
    memories: state.memories,
    importedMemories: state.importedMemories,
    globals: state.globals,
    globalDefs: state.globalDefs,
    tags: state.tags.finish(),
    importedTags: state.importedTags,
    start: state.start,
    elems: state.elems,
    datas: state.datas,
    hasDataCount: state.dataCount >= 0,
    codeStart: state.codeStart.finish(),
    codeEnd: state.codeEnd.finish(),
    customSections: state.customSections,
  }
}
