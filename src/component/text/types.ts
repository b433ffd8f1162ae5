// Component types in text (Explainer.md, "Type Definitions"): value, function, component and instance types, types of imports
// and exports. Types written in line become definitions in front of what uses them.

import { Token } from '../../text/lexer.ts'
import { parseValueType } from '../../text/type-syntax.ts'
import type { Decl, DefinedTypeDef, ExternDesc, ExternName, LabelType, TypeDef, ValTypeRef } from '../binary/model.ts'
import { Prim, PRIM_NAMES, Sort } from '../binary/model.ts'
import { addModuleType, coreTypeDefinition, moduleDecls } from './core-types.ts'
import type { ComponentParser, Item } from './scope.ts'

const PRIMS = new Map(Object.entries(PRIM_NAMES).map(([type, name]) => [name, Number(type) as Prim]))
// Names of an earlier draft, which files still have.
PRIMS.set('float32', Prim.F32).set('float64', Prim.F64)

/** A value type: a primitive, an index, or a type written in line. */
export function valType(p: ComponentParser): ValTypeRef {
  const c = p.cursor
  const prim = PRIMS.get(p.word())
  if (prim !== undefined) {
    c.pos++
    return prim
  }
  if (c.kind() !== Token.LeftParen) return p.plainIndex(Sort.Type)
  if (p.isOpen('type')) return p.index(Sort.Type)
  const type = p.nestedType(() => definedType(p))
  if (type === undefined) return c.unexpected('a value type', c.pos + 1)
  return p.addType(type)
}

const hasValType = (p: ComponentParser): boolean => !p.cursor.atClose() && !p.isOpen('error')

/** A compound value type if one stands here, with its parentheses. */
function definedType(p: ComponentParser): DefinedTypeDef | undefined {
  const c = p.cursor
  if (c.kind() !== Token.LeftParen) return undefined
  const word = p.word(c.pos + 1)
  const start = c.pos
  c.pos += 2
  const type = ((): DefinedTypeDef | undefined => {
    switch (word) {
      case 'record': {
        const fields: LabelType[] = []
        while (p.open('field')) fields.push(labelType(p))
        return { kind: 'record', fields }
      }
      case 'variant': {
        const cases: { label: string; type: ValTypeRef | undefined }[] = []
        const symbols = new Set<number>()
        while (p.open('case')) {
          const idPos = c.pos
          const symbol = c.optionalId()
          if (symbol !== 0 && symbols.has(symbol)) c.fail('duplicate variant case identifier', idPos)
          symbols.add(symbol)
          const label = c.name()
          cases.push({ label, type: c.atClose() ? undefined : valType(p) })
          c.close()
        }
        return { kind: 'variant', cases }
      }
      case 'list': {
        const element = valType(p)
        return { kind: 'list', element, length: c.kind() === Token.Nat ? c.u32() : undefined }
      }
      case 'tuple': {
        const types: ValTypeRef[] = []
        while (!c.atClose()) types.push(valType(p))
        return { kind: 'tuple', types }
      }
      case 'flags':
      case 'enum': {
        const labels: string[] = []
        while (!c.atClose()) labels.push(c.name())
        return { kind: word, labels }
      }
      case 'option':
        return { kind: 'option', type: valType(p) }
      case 'result': {
        const ok = hasValType(p) ? valType(p) : undefined
        let err: ValTypeRef | undefined
        if (p.open('error')) {
          err = valType(p)
          c.close()
        }
        return { kind: 'result', ok, err }
      }
      case 'own':
      case 'borrow':
        return { kind: word, resource: p.index(Sort.Type) }
      case 'stream':
      case 'future':
        return { kind: word, type: c.atClose() ? undefined : valType(p) }
      case 'map':
        return { kind: 'map', key: valType(p), value: valType(p) }
      default:
        return undefined
    }
  })()
  if (type === undefined) c.pos = start
  else c.close()
  return type
}

/** `"label" type)` behind the keyword. */
function labelType(p: ComponentParser): LabelType {
  const label = p.cursor.name()
  const type = valType(p)
  p.cursor.close()
  return { label, type }
}

/** The parts of a function type, without parentheses around them. */
export function functionType(p: ComponentParser): TypeDef & { kind: 'func' } {
  const isAsync = p.accept('async')
  const params: LabelType[] = []
  while (p.open('param')) params.push(labelType(p))
  let result: ValTypeRef | undefined
  if (p.open('result')) {
    result = valType(p)
    p.cursor.close()
  }
  return { kind: 'func', async: isAsync, params, result }
}

/** A type definition: what stands behind the identifier, `symbol`, and the exports of `(type …)`. */
export function typeBody(p: ComponentParser, symbol: number): TypeDef {
  const c = p.cursor
  const prim = PRIMS.get(p.word())
  if (prim !== undefined) {
    c.pos++
    return { kind: 'primitive', type: prim }
  }
  const defined = p.nestedType(() => definedType(p))
  if (defined !== undefined) return defined
  const pos = c.pos
  if (c.kind() !== Token.LeftParen) c.unexpected('a type')
  c.pos += 2
  const type = ((): TypeDef => {
    switch (p.word(pos + 1)) {
      case 'func':
        return functionType(p)
      case 'component':
        return { kind: 'component', decls: typeDecls(p, 'component type', symbol) }
      case 'instance':
        return { kind: 'instance', decls: typeDecls(p, 'instance type', symbol) }
      case 'resource': {
        if (!p.open('rep')) c.unexpected('`(rep`')
        const rep = parseValueType(p.scope.core)
        c.close()
        let dtor: number | undefined
        if (p.open('dtor')) {
          dtor = p.index(Sort.CoreFunc)
          c.close()
        }
        return { kind: 'resource', rep, dtor }
      }
      default:
        return c.unexpected('a type', pos + 1)
    }
  })()
  c.close()
  return type
}

/** `(type $id? (export "name")* …)` behind its keyword, as far as the closing parenthesis. */
export function typeDefinition(p: ComponentParser): void {
  const c = p.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const exports = inlineNames(p, 'export')
  if (p.open('alias')) {
    p.addAlias(p.aliasTarget(Sort.Type), symbol, pos)
    c.close()
    return
  }
  const imported = inlineNames(p, 'import')[0]
  let index: number
  if (imported !== undefined) {
    const desc = typeBound(p)
    p.scope.push({ kind: 'import', name: imported, desc })
    index = p.define(Sort.Type, symbol, pos)
  } else index = p.addType(typeBody(p, symbol), symbol, pos)
  for (const name of exports) {
    if (p.scope.kind === 'component') {
      p.scope.push({ kind: 'export', name, item: { sort: Sort.Type, index }, ascribed: undefined })
    } else p.scope.push({ kind: 'export', name, desc: { sort: Sort.Type, eq: index } })
    p.define(Sort.Type)
  }
}

/** `(import "name" attributes)` or `(export "name" attributes)` within a definition. */
export function inlineNames(p: ComponentParser, word: 'import' | 'export'): ExternName[] {
  const names: ExternName[] = []
  while (isInlineName(p, word)) {
    p.cursor.pos += 2
    names.push(externName(p))
    p.cursor.close()
  }
  return names
}

/** Whether there is nothing but a name and attributes in the parentheses. */
function isInlineName(p: ComponentParser, word: string): boolean {
  const c = p.cursor
  if (!p.isOpen(word) || c.kinds[c.pos + 2] !== Token.String) return false
  const start = c.pos
  c.pos += 3
  while (ATTRIBUTES.includes(p.word(c.pos + 1)) && c.kind() === Token.LeftParen) c.pos = c.behind()
  const found = c.atClose()
  c.pos = start
  return found
}

const ATTRIBUTES: readonly string[] = ['implements', 'versionsuffix', 'external-id']

/** `"name"`, or `(interface "name")` as tools once wrote it. */
function nameLiteral(p: ComponentParser): string {
  if (!p.open('interface')) return p.cursor.name()
  const name = p.cursor.name()
  p.cursor.close()
  return name
}

/** A name and its attributes. */
export function externName(p: ComponentParser): ExternName {
  const name = nameLiteral(p)
  const attribute = (word: string): string | undefined => {
    if (!p.open(word)) return undefined
    const value = p.cursor.name()
    p.cursor.close()
    return value
  }
  let out: ExternName = { name }
  // In any order, each at most once: what comes twice is found by the caller to be no type.
  for (let progress = true; progress;) {
    progress = false
    for (const [word, key] of [
      ['implements', 'implements'],
      ['versionsuffix', 'versionSuffix'],
      ['external-id', 'externalId'],
    ] as const) {
      if (out[key] !== undefined) continue
      const value = attribute(word)
      if (value === undefined) continue
      out = { ...out, [key]: value }
      progress = true
    }
  }
  return out
}

/** `(eq index)` or `(sub resource)`. */
function typeBound(p: ComponentParser): ExternDesc {
  const c = p.cursor
  if (p.open('eq')) {
    const eq = p.index(Sort.Type)
    c.close()
    return { sort: Sort.Type, eq }
  }
  if (!p.open('sub')) c.unexpected('`(eq` or `(sub`')
  if (!p.accept('resource')) c.unexpected('`resource`')
  c.close()
  return { sort: Sort.Type, eq: undefined }
}

/** Whether `(type index)` stands here, and no definition of a type. */
export function isTypeUse(p: ComponentParser): boolean {
  const c = p.cursor
  if (!p.isOpen('type')) return false
  let pos = c.pos + 2
  if (c.kinds[pos] !== Token.Nat && c.kinds[pos] !== Token.Id) return false
  while (c.kinds[++pos] === Token.String);
  return c.kinds[pos] === Token.RightParen
}

/** The type of an import or export behind its sort and identifier: `(type index)` or written in line. */
export function externTypeBody(p: ComponentParser, sort: Sort): ExternDesc {
  const c = p.cursor
  const explicit = (): number | undefined => {
    if (!isTypeUse(p)) return undefined
    c.pos += 2
    const index = p.indexAndExports(sort === Sort.CoreModule ? Sort.CoreType : Sort.Type)
    c.close()
    return index
  }
  switch (sort) {
    case Sort.Func:
      return { sort, type: explicit() ?? p.addType(functionType(p)) }
    case Sort.Component:
      return { sort, type: explicit() ?? p.addType({ kind: 'component', decls: typeDecls(p, 'component type', 0) }) }
    case Sort.Instance:
      return { sort, type: explicit() ?? p.addType({ kind: 'instance', decls: typeDecls(p, 'instance type', 0) }) }
    case Sort.CoreModule:
      return { sort, type: explicit() ?? addModuleType(p, moduleDecls(p)) }
    case Sort.Type:
      return typeBound(p)
    case Sort.Value: {
      if (!p.open('eq')) return { sort, type: valType(p) }
      const eq = p.index(Sort.Value)
      c.close()
      return { sort, eq }
    }
    default:
      return c.unexpected('the type of an import or export', c.pos - 1)
  }
}

/** `(sort $id? type)`. */
export function externType(p: ComponentParser): { desc: ExternDesc; symbol: number; pos: number } {
  const c = p.cursor
  if (c.kind() !== Token.LeftParen) c.unexpected('`(`')
  c.pos++
  const sort = p.sort('component')
  const pos = c.pos
  const symbol = c.optionalId()
  const desc = externTypeBody(p, sort)
  c.close()
  return { desc, symbol, pos }
}

/** An import or export declarator, or an import definition, behind its keyword. */
export function declaration(p: ComponentParser, kind: 'import' | 'export'): void {
  const c = p.cursor
  // Tools bind the identifier of an export here as well.
  const outerPos = c.pos
  const outerSymbol = kind === 'export' ? c.optionalId() : 0
  const name = externName(p)
  const { desc, symbol, pos } = externType(p)
  p.scope.push({ kind, name, desc } as Item)
  p.define(desc.sort, symbol === 0 ? outerSymbol : symbol, symbol === 0 ? outerPos : pos)
}

/** The declarators of a component or instance type, up to the closing parenthesis. */
export function typeDecls(
  p: ComponentParser,
  kind: 'component type' | 'instance type',
  symbol: number,
): readonly Decl[] {
  const c = p.cursor
  return p.nestedType(() =>
    p.inScope(kind, symbol, () => {
      while (!c.atClose()) {
        if (c.kind() !== Token.LeftParen) c.unexpected('a declarator')
        const start = c.pos
        c.pos += 2
        switch (p.word(start + 1)) {
          case 'core':
            if (p.accept('type')) coreTypeDefinition(p, false)
            else if (p.accept('rec')) coreTypeDefinition(p, true)
            else c.unexpected('`type`')
            break
          case 'type':
            typeDefinition(p)
            break
          case 'alias':
            p.alias()
            break
          case 'import':
            if (kind === 'instance type') c.unexpected('a declarator of an instance type', start + 1)
            declaration(p, 'import')
            break
          case 'export':
            declaration(p, 'export')
            break
          default:
            c.unexpected('a declarator', start + 1)
        }
        c.close()
      }
    }),
  ) as readonly Decl[]
}
