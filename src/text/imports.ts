// Imports and exports: the fields of their own, and the abbreviations within definitions.

import type { Import, ImportDesc } from '../wasm/module.ts'
import { ExternKind } from '../wasm/module.ts'
import type { Cursor } from './cursor.ts'
import { spaceOf } from './declare.ts'
import { Kw } from './keywords.ts'
import { Token } from './lexer.ts'
import type { ModuleParser } from './module-parser.ts'
import { parseGlobalType, parseMemoryType, parseSignature, parseTableType, resolveTypeUse } from './type-syntax.ts'

function addImport(m: ModuleParser, module: string, name: string, desc: ImportDesc): void {
  m.imports.push({ module, name, ...desc } as Import)
  switch (desc.kind) {
    case ExternKind.Func:
      m.importedFuncs++
      m.funcs.push(desc.typeIndex)
      break
    case ExternKind.Table:
      m.tables.push(desc.type)
      break
    case ExternKind.Memory:
      m.importedMemories++
      m.memories.push(desc.type)
      break
    case ExternKind.Global:
      m.globals.push(desc.type)
      break
    case ExternKind.Tag:
      m.importedTags++
      m.tags.push(desc.typeIndex)
      break
  }
}

/** The type of an import of the kind that a keyword names, behind its identifier. */
function parseImportDesc(m: ModuleParser, keyword: number, funcIndex: number): ImportDesc {
  switch (keyword) {
    case Kw.Func: {
      parseSignature(m, true)
      m.names.takeLocals(funcIndex)
      return { kind: ExternKind.Func, typeIndex: resolveTypeUse(m) }
    }
    case Kw.Table:
      return { kind: ExternKind.Table, type: parseTableType(m) }
    case Kw.Memory:
      return { kind: ExternKind.Memory, type: parseMemoryType(m) }
    case Kw.Global:
      return { kind: ExternKind.Global, type: parseGlobalType(m) }
    default: {
      parseSignature(m, true)
      m.names.takeLocals(-1)
      return { kind: ExternKind.Tag, typeIndex: resolveTypeUse(m) }
    }
  }
}

/** `(func $id? …)` and its like. */
function parseExternType(m: ModuleParser, identifier: 'allowed' | 'forbidden'): ImportDesc {
  const c = m.cursor
  const keyword = c.keyword(c.pos + 1)
  c.pos += 2
  if (identifier === 'forbidden' && c.kind() === Token.Id) c.fail('identifier not allowed')
  c.optionalId()
  const desc = parseImportDesc(m, keyword, m.funcs.length)
  c.close()
  return desc
}

/** An `import` field behind its keyword. */
export function parseImport(m: ModuleParser): void {
  const c = m.cursor
  const module = c.name()
  if (!c.isOpen(Kw.Item)) {
    const name = c.name()
    addImport(m, module, name, parseExternType(m, 'allowed'))
    return
  }
  const shared: string[] = []
  let typed = 0
  while (c.open(Kw.Item)) {
    const name = c.name()
    if (c.atClose()) shared.push(name)
    else {
      typed++
      addImport(m, module, name, parseExternType(m, 'allowed'))
    }
    if (shared.length > 0 && typed > 0) c.unexpected('items all with types or all without')
    c.close()
  }
  if (shared.length === 0) return
  const desc = parseExternType(m, 'forbidden')
  for (const name of shared) addImport(m, module, name, desc)
}

/** `(export "name")`s of a definition. */
export function parseInlineExports(m: ModuleParser, kind: ExternKind, index: number): void {
  const c = m.cursor
  while (c.open(Kw.Export)) {
    m.exports.push({ name: c.name(), kind, index })
    c.close()
  }
}

/** `(import "module" "name")` of a definition, followed by its type. Returns whether it was there. */
export function parseInlineImport(m: ModuleParser, keyword: number): boolean {
  const c = m.cursor
  if (!c.open(Kw.Import)) return false
  const module = c.name()
  const name = c.name()
  c.close()
  addImport(m, module, name, parseImportDesc(m, keyword, m.funcs.length))
  return true
}

/** An `export` field behind its keyword. */
export function parseExport(m: ModuleParser): void {
  const c: Cursor = m.cursor
  const name = c.name()
  if (c.kind() !== Token.LeftParen) c.unexpected('`(`')
  const keyword = c.keyword(c.pos + 1)
  const space = spaceOf(m, keyword)
  if (space === undefined) c.unexpected('an export kind', c.pos + 1)
  c.pos += 2
  m.exports.push({ name, kind: KINDS[keyword], index: space.read(c) })
  c.close()
}

const KINDS: Readonly<Record<number, ExternKind>> = {
  [Kw.Func]: ExternKind.Func,
  [Kw.Table]: ExternKind.Table,
  [Kw.Memory]: ExternKind.Memory,
  [Kw.Global]: ExternKind.Global,
  [Kw.Tag]: ExternKind.Tag,
}
