// First pass over the fields of a module: counts and names the members of every index space, and reads the type definitions,
// so that the second pass (define.ts) can resolve every identifier at once.

import type { SubType } from '../wasm/types.ts'
import type { Cursor } from './cursor.ts'
import { Kw } from './keywords.ts'
import { Token } from './lexer.ts'
import type { ModuleParser } from './module-parser.ts'
import type { IndexSpace } from './spaces.ts'
import { notePlainFuncType, parseSubType } from './type-syntax.ts'

/** What imports must not follow, in the words of the messages. */
const DEFINITIONS: Readonly<Record<number, string>> = {
  [Kw.Func]: 'function',
  [Kw.Table]: 'table',
  [Kw.Memory]: 'memory',
  [Kw.Global]: 'global',
  [Kw.Tag]: 'tag',
}

/** The index space of a kind of import or definition. */
export function spaceOf(m: ModuleParser, keyword: number): IndexSpace | undefined {
  switch (keyword) {
    case Kw.Func:
      return m.spaces.funcs
    case Kw.Table:
      return m.spaces.tables
    case Kw.Memory:
      return m.spaces.memories
    case Kw.Global:
      return m.spaces.globals
    case Kw.Tag:
      return m.spaces.tags
    default:
      return undefined
  }
}

function namesOf(m: ModuleParser, keyword: number): Map<number, string> {
  switch (keyword) {
    case Kw.Func:
      return m.names.functions
    case Kw.Table:
      return m.names.tables
    case Kw.Memory:
      return m.names.memories
    case Kw.Global:
      return m.names.globals
    case Kw.Tag:
      return m.names.tags
    case Kw.Elem:
      return m.names.elems
    case Kw.Data:
      return m.names.datas
    default:
      return m.names.types
  }
}

/** Adds the member that the cursor stands at (behind the field's keyword) to its space. */
function bind(m: ModuleParser, space: IndexSpace, keyword: number): number {
  const c = m.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const index = space.add(c, symbol, pos)
  const name = m.annotations.takeName(c.pos, space.what) ?? (symbol === 0 ? undefined : c.symbolName(symbol))
  if (name !== undefined) namesOf(m, keyword).set(index, name)
  return index
}

/** Runs over the fields in the tokens [from, to). */
export function declareFields(m: ModuleParser, from: number, to: number): void {
  const c = m.cursor
  /** Keyword of the first definition; no import may follow it. */
  let defined = 0
  const noteImport = (pos: number): void => {
    if (defined !== 0) c.fail(`import after ${DEFINITIONS[defined]} definition`, pos)
  }
  for (let field = from; field < to; field = c.pos) {
    c.pos = field
    if (c.kind() !== Token.LeftParen) c.unexpected('a module field')
    const behind = c.behind()
    const keyword = c.keyword(field + 1)
    c.pos = field + 2
    switch (keyword) {
      case Kw.Type:
        bind(m, m.spaces.types, Kw.Type)
        break
      case Kw.Rec:
        while (!c.atClose()) {
          if (!c.isOpen(Kw.Type)) c.unexpected('`(type`')
          const next = c.behind()
          c.pos += 2
          bind(m, m.spaces.types, Kw.Type)
          c.pos = next
        }
        break
      case Kw.Import:
        noteImport(field)
        declareImport(m)
        break
      case Kw.Func:
      case Kw.Table:
      case Kw.Memory:
      case Kw.Global:
      case Kw.Tag:
        bind(m, spaceOf(m, keyword)!, keyword)
        while (c.isOpen(Kw.Export)) c.pos = c.behind()
        if (c.isOpen(Kw.Import)) noteImport(field)
        else {
          defined ||= keyword
          declareInlineSegment(m, keyword)
        }
        break
      case Kw.Elem:
        bind(m, m.spaces.elems, Kw.Elem)
        break
      case Kw.Data:
        bind(m, m.spaces.datas, Kw.Data)
        break
      case Kw.Export:
      case Kw.Start:
        break
      default:
        c.unexpected('a module field', field + 1)
    }
    c.pos = behind
  }
}

/** `(import "module" "name" (func …))`, or a compact group of them. */
function declareImport(m: ModuleParser): void {
  const c: Cursor = m.cursor
  c.name()
  if (!c.isOpen(Kw.Item)) {
    c.name()
    declareExternType(m)
    return
  }
  // Items without types are followed by one type for all.
  let shared = 0
  while (c.isOpen(Kw.Item)) {
    const next = c.behind()
    c.pos += 2
    c.name()
    if (c.atClose()) shared++
    else declareExternType(m)
    c.pos = next
  }
  if (shared === 0) return
  if (c.kind() !== Token.LeftParen) c.unexpected('`(`')
  const space = spaceOf(m, c.keyword(c.pos + 1))
  if (space === undefined) c.unexpected('an import type', c.pos + 1)
  for (; shared > 0; shared--) space.add(c, 0, c.pos)
}

function declareExternType(m: ModuleParser): void {
  const c: Cursor = m.cursor
  if (c.kind() !== Token.LeftParen) c.unexpected('`(`')
  const keyword = c.keyword(c.pos + 1)
  const space = spaceOf(m, keyword)
  if (space === undefined) c.unexpected('an import type', c.pos + 1)
  c.pos += 2
  bind(m, space, keyword)
}

/** A table with `(elem …)` or a memory with `(data …)` in it declares a segment too. */
function declareInlineSegment(m: ModuleParser, keyword: number): void {
  const segment = keyword === Kw.Table ? Kw.Elem : keyword === Kw.Memory ? Kw.Data : Kw.Unknown
  if (segment === Kw.Unknown) return
  const c = m.cursor
  while (!c.atClose()) {
    if (c.isOpen(segment)) {
      const space = segment === Kw.Elem ? m.spaces.elems : m.spaces.datas
      space.add(c, 0, c.pos)
      return
    }
    c.pos = c.kind() === Token.LeftParen ? c.behind() : c.pos + 1
  }
}

/** Reads the type definitions among the fields in the tokens [from, to). */
export function defineTypes(m: ModuleParser, from: number, to: number): void {
  const c = m.cursor
  for (let field = from; field < to;) {
    c.pos = field
    const behind = c.behind()
    const group = m.types.length
    if (c.isOpen(Kw.Type)) {
      m.recGroups.push(group)
      m.types.push(parseTypeDefinition(m))
    } else if (c.open(Kw.Rec)) {
      m.recGroups.push(group)
      while (!c.atClose()) m.types.push(parseTypeDefinition(m))
    }
    if (m.types.length === group + 1) notePlainFuncType(m, group)
    field = behind
  }
}

function parseTypeDefinition(m: ModuleParser): SubType {
  const c = m.cursor
  c.open(Kw.Type)
  c.optionalId()
  const type = parseSubType(m, m.types.length)
  c.close()
  return type
}
