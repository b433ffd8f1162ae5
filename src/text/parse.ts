// Text to binary: the module parser from end to end.

import { encodeUtf8 } from '../util/utf8.ts'
import { BRANCH_HINT_SECTION, encodeBranchHints } from '../wasm/branch-hints.ts'
import { encodeModule } from '../wasm/encode.ts'
import { DEFAULT_FEATURES } from '../wasm/features.ts'
import type { Features } from '../wasm/features.ts'
import type { CustomSection, Module } from '../wasm/module.ts'
import { encodeNames } from '../wasm/names.ts'
import { Annotations, NAME_SECTION_RANK, rankAfter } from './annotations.ts'
import type { CustomText } from './annotations.ts'
import { Cursor } from './cursor.ts'
import { declareFields, defineTypes } from './declare.ts'
import { defineFields } from './define.ts'
import { Kw } from './keywords.ts'
import { lex } from './lexer.ts'
import { ModuleParser } from './module-parser.ts'
import { IndexSpaces } from './spaces.ts'
import { relocateMap } from './source-map.ts'

export interface ParseOptions {
  /** Default: all that zwasm knows. Instructions and types are read in any case (the validator refuses them); without
   * `memory64` limits are 32-bit numbers. */
  readonly features?: Features
  /** Also return where each instruction comes from. */
  readonly sourceMap?: boolean
}

export interface ParsedText {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** (byte offset of an instruction or a function's body in `bytes`, byte offset in the text) pairs, ascending; if asked for. */
  readonly sourceMap?: Int32Array
}

/**
 * Translates a module in the text format to the binary format. The binary has a name section if the text names anything. It is
 * well-formed; validation is not done here.
 * @throws TextError at the first thing that is wrong.
 */
export function parseWat(source: string | Uint8Array, options: ParseOptions = {}): ParsedText {
  const lexed = lex(typeof source === 'string' ? encodeUtf8(source) : source)
  const cursor = new Cursor(lexed)
  const annotations = new Annotations(lexed)
  const end = lexed.tokens.count - 1
  const range = { from: 0, to: end, name: 0 }
  if (cursor.isOpen(Kw.Module)) {
    const behind = cursor.behind()
    cursor.pos += 2
    range.name = cursor.optionalId()
    range.from = cursor.pos
    range.to = behind - 1
    if (cursor.keyword() === Kw.Binary || cursor.keyword() === Kw.Quote) cursor.unexpected('a module field')
    if (behind !== end) cursor.unexpected('the end of the text', behind)
  }
  const parsed = parseFields(cursor, annotations, range, options, new IndexSpaces())
  // Annotations may also stand around the fields and the module itself.
  annotations.checkAllTaken(0, end)
  return parsed
}

/** The fields of a module: tokens [from, to) of a text, `to` being the closing parenthesis or the end. */
export interface FieldRange {
  readonly from: number
  readonly to: number
  /** Symbol of the module's identifier, or 0. */
  readonly name: number
}

/** Translates the fields of one module, with index spaces that may have been used before. */
export function parseFields(
  cursor: Cursor,
  annotations: Annotations,
  range: FieldRange,
  options: ParseOptions,
  spaces: IndexSpaces,
): ParsedText {
  const { from, to, name } = range
  const m = new ModuleParser(
    cursor,
    annotations,
    spaces,
    options.features ?? DEFAULT_FEATURES,
    options.sourceMap ?? false,
  )
  m.names.module = annotations.takeName(from, 'module') ?? (name === 0 ? undefined : cursor.symbolName(name))
  declareFields(m, from, to)
  defineTypes(m, from, to)
  defineFields(m, from, to)
  annotations.checkAllTaken(from, to)
  const module = finishModule(m)
  const bytes = encodeModule(module)
  if (!options.sourceMap) return { bytes }
  return { bytes, sourceMap: relocateMap(m.code.map!.subarray(0, m.code.mapLength), module, bytes, m.features) }
}

function finishModule(m: ModuleParser): Module {
  const customSections = placeCustomSections(m)
  return {
    bytes: m.out.finish(),
    types: m.types,
    recGroups: Uint32Array.from(m.recGroups),
    canon: new Int32Array(0),
    imports: m.imports,
    exports: m.exports,
    funcs: Uint32Array.from(m.funcs),
    importedFuncs: m.importedFuncs,
    tables: m.tables,
    tableDefs: m.tableDefs,
    memories: m.memories,
    importedMemories: m.importedMemories,
    globals: m.globals,
    globalDefs: m.globalDefs,
    tags: Uint32Array.from(m.tags),
    importedTags: m.importedTags,
    start: m.start,
    elems: m.elems,
    datas: m.datas,
    hasDataCount: m.usesDataCount,
    codeStart: Uint32Array.from(m.codeStart),
    codeEnd: Uint32Array.from(m.codeEnd),
    customSections,
  }
}

/** Ids of sections that generated custom sections follow. */
const DATA_SECTION = 11
const DATA_COUNT_SECTION = 12

/** Appends the payloads of all custom sections to the output, in their order in the binary. */
function placeCustomSections(m: ModuleParser): CustomSection[] {
  const customs: CustomText[] = [...m.customs]
  const names = encodeNames(m.names)
  if (names !== undefined) {
    customs.push({ name: 'name', payload: names, after: DATA_SECTION, rank: NAME_SECTION_RANK })
  }
  if (m.hints.size > 0) {
    const rank = rankAfter(DATA_COUNT_SECTION)
    customs.push({ name: BRANCH_HINT_SECTION, payload: encodeBranchHints(m.hints), after: DATA_COUNT_SECTION, rank })
  }
  customs.sort((a, b) => a.rank - b.rank)
  return customs.map(({ name, payload, after }) => {
    const start = m.out.pos
    m.out.copy(payload)
    return { name, start, end: m.out.pos, after }
  })
}
