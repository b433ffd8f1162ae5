// Core types in component text: recursion groups and module types, on the core parser's own type syntax.

import { bug } from '../../util/bug.ts'
import type { Cursor } from '../../text/cursor.ts'
import { Kw } from '../../text/keywords.ts'
import { Token } from '../../text/lexer.ts'
import type { ModuleParser } from '../../text/module-parser.ts'
import {
  notePlainFuncType,
  parseGlobalType,
  parseMemoryType,
  parseSignature,
  parseSubType,
  parseTableType,
  resolveTypeUse,
} from '../../text/type-syntax.ts'
import type { CoreExternDesc, CoreModuleDecl } from '../binary/model.ts'
import { Sort } from '../binary/model.ts'
import type { ComponentParser } from './scope.ts'

/** A definition behind `(core type` or `(core rec`, as far as the closing parenthesis. */
export function coreTypeDefinition(p: ComponentParser, isRec: boolean): void {
  const c = p.cursor
  if (!isRec) {
    const pos = c.pos
    const symbol = c.optionalId()
    if (p.open('module')) {
      const decls = moduleDecls(p)
      c.close()
      addModuleType(p, decls, symbol, pos)
      return
    }
    if (p.open('alias')) {
      p.addAlias(p.aliasTarget(Sort.CoreType), symbol, pos)
      c.close()
      return
    }
    c.pos = pos
  }
  importOuterTypes(p)
  p.scope.push({ kind: 'core-type', type: { kind: 'rec', types: typeGroup(p.scope.core, isRec) } })
}

/** Adds a module type to the scope. */
export function addModuleType(
  p: ComponentParser,
  decls: readonly CoreModuleDecl[],
  symbol = 0,
  pos = p.cursor.pos,
): number {
  p.scope.push({ kind: 'core-type', type: { kind: 'module', decls } })
  return p.define(Sort.CoreType, symbol, pos)
}

/** Reads the types of a group into the parser's type space. A group of one stands without `rec`, behind its `type`. */
function typeGroup(m: ModuleParser, isRec: boolean): ModuleParser['types'] {
  const c = m.cursor
  const first = m.types.length
  if (!isRec) {
    const pos = c.pos
    m.spaces.types.add(c, c.optionalId(), pos)
    m.types.push(parseSubType(m, first))
    notePlainFuncType(m, first)
    return m.types.slice(first)
  }
  // All names of the group are known in all of its types.
  const start = c.pos
  while (!c.atClose()) {
    const behind = c.behind()
    if (!c.open(Kw.Type)) c.unexpected('`(type`')
    const pos = c.pos
    m.spaces.types.add(c, c.optionalId(), pos)
    c.pos = behind
  }
  c.pos = start
  while (c.open(Kw.Type)) {
    c.optionalId()
    m.types.push(parseSubType(m, m.types.length))
    c.close()
  }
  return m.types.slice(first)
}

/**
 * Makes aliases for the core type identifiers between here and the closing parenthesis that the scope does not know and an
 * enclosing one does.
 */
function importOuterTypes(p: ComponentParser): void {
  const c = p.cursor
  for (let pos = c.pos, depth = 0; depth >= 0; pos++) {
    const kind = c.kinds[pos]
    if (kind === Token.LeftParen) depth++
    else if (kind === Token.RightParen) depth--
    else if (kind === Token.End) return
    else if (kind === Token.Id && isTypeReference(c, pos)) {
      const { core } = p.scope
      if (core.spaces.types.find(c.values[pos]) >= 0) continue
      // The alias gets the identifier, for the core parser to find it.
      const index = p.resolve(Sort.CoreType, c.values[pos])
      if (index >= 0) core.spaces.types.bind(c, c.values[pos], index, pos)
    }
  }
}

/** Whether an identifier stands where a type is named and not bound. */
function isTypeReference(c: Cursor, pos: number): boolean {
  switch (c.keyword(pos - 1)) {
    case Kw.Type:
      return c.kinds[pos + 1] === Token.RightParen
    case Kw.Ref:
    case Kw.Null:
    case Kw.Sub:
    case Kw.Final:
      return true
    default:
      return false
  }
}

/** The declarators of a module type, up to the closing parenthesis. */
export function moduleDecls(p: ComponentParser): CoreModuleDecl[] {
  const items = p.inScope('module type', 0, () => {
    while (!p.cursor.atClose()) moduleDecl(p)
  })
  return items.map((item) => {
    if (item.kind === 'core-decl') return item.decl
    if (item.kind === 'alias' && item.alias.target === 'outer')
      return { kind: 'alias', count: item.alias.count, index: item.alias.index }
    return bug(`${item.kind} in a module type`)
  })
}

function moduleDecl(p: ComponentParser): void {
  const c = p.cursor
  const m = p.scope.core
  const pos = c.pos
  if (c.kind() !== Token.LeftParen) c.unexpected('a declarator of a module type')
  const word = p.word(pos + 1)
  c.pos += 2
  const push = (decl: CoreModuleDecl): void => p.scope.push({ kind: 'core-decl', decl })
  switch (word) {
    case 'alias':
      p.alias()
      break
    case 'type':
    case 'rec':
      importOuterTypes(p)
      push({ kind: 'type', type: { kind: 'rec', types: typeGroup(m, word === 'rec') } })
      break
    case 'import':
    case 'export': {
      importOuterTypes(p)
      const known = m.types.length
      const first = c.name()
      const second = word === 'import' ? c.name() : ''
      const desc = externDesc(m)
      // Function types written in line become declarators of their own.
      for (const type of m.types.slice(known)) push({ kind: 'type', type: { kind: 'rec', types: [type] } })
      push(
        word === 'import'
          ? { kind: 'import', module: first, name: second, desc }
          : { kind: 'export', name: first, desc },
      )
      break
    }
    default:
      c.unexpected('a declarator of a module type', pos + 1)
  }
  c.close()
}

function externDesc(m: ModuleParser): CoreExternDesc {
  const c = m.cursor
  if (c.kind() !== Token.LeftParen) c.unexpected('`(`')
  const keyword = c.keyword(c.pos + 1)
  const pos = c.pos + 1
  c.pos += 2
  c.optionalId()
  const desc = ((): CoreExternDesc => {
    switch (keyword) {
      case Kw.Func:
      case Kw.Tag:
        parseSignature(m, true)
        m.names.takeLocals(-1)
        return { sort: keyword === Kw.Func ? Sort.CoreFunc : Sort.CoreTag, type: resolveTypeUse(m) }
      case Kw.Table:
        return { sort: Sort.CoreTable, type: parseTableType(m) }
      case Kw.Memory:
        return { sort: Sort.CoreMemory, type: parseMemoryType(m) }
      case Kw.Global:
        return { sort: Sort.CoreGlobal, type: parseGlobalType(m) }
      default:
        return c.unexpected('a core external type', pos)
    }
  })()
  c.close()
  return desc
}
