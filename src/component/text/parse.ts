// Components in the text format (component-model: design/mvp/Explainer.md) to the data model.

import { Annotations } from '../../text/annotations.ts'
import { Cursor } from '../../text/cursor.ts'
import { lex, Token } from '../../text/lexer.ts'
import { parseFields } from '../../text/parse.ts'
import { encodeUtf8 } from '../../util/utf8.ts'
import { ByteWriter } from '../../util/byte-writer.ts'
import type {
  Canon,
  ComponentDef,
  CoreExport,
  CoreInstanceExpr,
  Definition,
  ExternName,
  InstanceExpr,
  SortIndex,
} from '../binary/model.ts'
import { Sort } from '../binary/model.ts'
import { canonHead } from './canon.ts'
import { coreTypeDefinition } from './core-types.ts'
import { ComponentParser, CORE_SORTS } from './scope.ts'
import {
  declaration,
  externName,
  externType,
  externTypeBody,
  functionType,
  inlineNames,
  typeDefinition,
} from './types.ts'

export interface ComponentTextOptions {
  /** Accept `(func $f)` for `(core func $f)` in canonical options and destructors, as tools once wrote them. */
  readonly legacyIndices?: boolean
}

/**
 * Parses `(component …)`.
 * @throws TextError at the first thing that is wrong.
 */
export function parseComponent(source: string | Uint8Array, options: ComponentTextOptions = {}): ComponentDef {
  const lexed = lex(typeof source === 'string' ? encodeUtf8(source) : source)
  const cursor = new Cursor(lexed)
  const end = lexed.tokens.count - 1
  const p = new ComponentParser(cursor, new Annotations(lexed), options.legacyIndices ?? false)
  if (!p.isOpen('component')) return parseComponentFields(p, 0, end, 0)
  const behind = cursor.behind()
  cursor.pos += 2
  const symbol = cursor.optionalId()
  const component = parseComponentFields(p, cursor.pos, behind - 1, symbol)
  if (behind !== end) cursor.unexpected('the end of the text', behind)
  return component
}

/** The definitions of a component: tokens [from, to), `to` being the closing parenthesis or the end. */
export function parseComponentFields(p: ComponentParser, from: number, to: number, symbol: number): ComponentDef {
  p.cursor.pos = from
  const items = p.inScope('component', symbol, () => {
    while (p.cursor.pos < to) definition(p)
  })
  return { definitions: items as unknown as readonly Definition[] }
}

function definition(p: ComponentParser): void {
  const c = p.cursor
  const start = c.pos
  if (c.kind() !== Token.LeftParen) c.unexpected('a definition')
  c.pos += 2
  switch (p.word(start + 1)) {
    case 'core':
      coreDefinition(p)
      break
    case 'component':
      nestedComponent(p)
      break
    case 'instance':
      instanceDefinition(p)
      break
    case 'alias':
      p.alias()
      break
    case 'type':
      typeDefinition(p)
      break
    case 'func':
      functionDefinition(p)
      break
    case 'canon':
      canonDefinition(p)
      break
    case 'import':
      declaration(p, 'import')
      break
    case 'export':
      exportDefinition(p)
      break
    default:
      c.unexpected('a definition of a component', start + 1)
  }
  c.close()
}

// Core definitions

function coreDefinition(p: ComponentParser): void {
  const c = p.cursor
  const word = p.word()
  const wordPos = c.pos++
  switch (word) {
    case 'module':
      return coreModule(p)
    case 'type':
    case 'rec':
      return coreTypeDefinition(p, word === 'rec')
    case 'instance': {
      const pos = c.pos
      const symbol = c.optionalId()
      addCoreInstance(p, coreInstanceExpr(p), symbol, pos)
      return
    }
    case 'func':
    case 'memory':
    case 'table':
    case 'global':
    case 'tag': {
      const pos = c.pos
      const symbol = c.optionalId()
      const sort = CORE_SORTS[word]!
      if (p.open('alias')) p.addAlias(p.aliasTarget(sort), symbol, pos)
      else if (sort === Sort.CoreFunc && p.open('canon')) {
        const canon = canonHead(p)
        if (canon.op === 'lift') c.fail('unexpected token: `canon lift` defines no core function', pos)
        p.scope.push({ kind: 'canon', canon: canon as Canon })
        p.define(sort, symbol, pos)
      } else c.unexpected(sort === Sort.CoreFunc ? '`(alias` or `(canon`' : '`(alias`')
      c.close()
      return
    }
    default:
      c.unexpected('a core definition', wordPos)
  }
}

function coreModule(p: ComponentParser): void {
  const c = p.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const exports = inlineNames(p, 'export')
  const imported = inlineNames(p, 'import')[0]
  let index: number
  if (imported !== undefined) {
    p.scope.push({ kind: 'import', name: imported, desc: externTypeBody(p, Sort.CoreModule) })
    index = p.define(Sort.CoreModule, symbol, pos)
  } else if (p.open('alias')) {
    index = p.addAlias(p.aliasTarget(Sort.CoreModule), symbol, pos)
    c.close()
  } else {
    p.scope.push({ kind: 'core-module', bytes: coreModuleBytes(p, symbol) })
    index = p.define(Sort.CoreModule, symbol, pos)
  }
  addExports(p, exports, { sort: Sort.CoreModule, index })
}

/** The binary of a core module written in line, up to its closing parenthesis. */
function coreModuleBytes(p: ComponentParser, symbol: number): Uint8Array {
  const c = p.cursor
  if (p.accept('binary')) {
    const bytes = new ByteWriter()
    while (!c.atClose()) c.stringBytes(bytes)
    return bytes.finish()
  }
  const from = c.pos
  while (!c.atClose()) {
    if (c.kind() !== Token.LeftParen) c.unexpected('a module field')
    c.pos = c.behind()
  }
  const to = c.pos
  p.annotations.reset(from, to)
  const { bytes } = parseFields(c, p.annotations, { from, to, name: symbol }, {}, p.spaces)
  c.pos = to
  return bytes
}

function addCoreInstance(p: ComponentParser, expr: CoreInstanceExpr, symbol = 0, pos = p.cursor.pos): number {
  p.scope.push({ kind: 'core-instance', expr })
  return p.define(Sort.CoreInstance, symbol, pos)
}

function coreInstanceExpr(p: ComponentParser): CoreInstanceExpr {
  const c = p.cursor
  if (!p.open('instantiate')) return { kind: 'exports', exports: coreExports(p) }
  const module = p.index(Sort.CoreModule, 'core')
  const args: { name: string; instance: number }[] = []
  while (p.open('with')) {
    const name = c.name()
    const start = c.pos
    if (!p.open('instance')) c.unexpected('`(instance`')
    let instance: number
    if (p.isIndexNext()) {
      c.pos = start
      instance = p.index(Sort.CoreInstance, 'core')
    } else {
      instance = addCoreInstance(p, { kind: 'exports', exports: coreExports(p) })
      c.close()
    }
    args.push({ name, instance })
    c.close()
  }
  c.close()
  return { kind: 'instantiate', module, args }
}

function coreExports(p: ComponentParser): CoreExport[] {
  const exports: CoreExport[] = []
  while (p.open('export')) {
    const name = p.cursor.name()
    exports.push({ name, ...p.sortIndex('core') })
    p.cursor.close()
  }
  return exports
}

// Components and instances

function nestedComponent(p: ComponentParser): void {
  const c = p.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const exports = inlineNames(p, 'export')
  const imported = inlineNames(p, 'import')[0]
  let index: number
  if (imported !== undefined) {
    p.scope.push({ kind: 'import', name: imported, desc: externTypeBody(p, Sort.Component) })
    index = p.define(Sort.Component, symbol, pos)
  } else if (p.isOpen('alias') && !isAliasDefinition(p)) {
    c.pos += 2
    index = p.addAlias(p.aliasTarget(Sort.Component), symbol, pos)
    c.close()
  } else {
    const items = p.inScope('component', symbol, () => {
      while (!c.atClose()) definition(p)
    })
    p.scope.push({ kind: 'component', component: { definitions: items as unknown as readonly Definition[] } })
    index = p.define(Sort.Component, symbol, pos)
  }
  addExports(p, exports, { sort: Sort.Component, index })
}

/** Whether `(alias …)` has a sort behind its target: then it is a definition and not what the component is. */
function isAliasDefinition(p: ComponentParser): boolean {
  const c = p.cursor
  const last = c.behind() - 2
  return c.kinds[last] === Token.RightParen
}

function instanceDefinition(p: ComponentParser): void {
  const c = p.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const exports = inlineNames(p, 'export')
  const imported = inlineNames(p, 'import')[0]
  let index: number
  if (imported !== undefined) {
    p.scope.push({ kind: 'import', name: imported, desc: externTypeBody(p, Sort.Instance) })
    index = p.define(Sort.Instance, symbol, pos)
  } else if (p.open('alias')) {
    index = p.addAlias(p.aliasTarget(Sort.Instance), symbol, pos)
    c.close()
  } else {
    p.scope.push({ kind: 'instance', expr: instanceExpr(p) })
    index = p.define(Sort.Instance, symbol, pos)
  }
  addExports(p, exports, { sort: Sort.Instance, index })
}

function instanceExpr(p: ComponentParser): InstanceExpr {
  const c = p.cursor
  if (!p.open('instantiate')) return { kind: 'exports', exports: instanceExports(p) }
  const component = p.index(Sort.Component)
  const args: (SortIndex & { name: string })[] = []
  while (p.open('with')) {
    const name = c.name()
    const start = c.pos
    if (p.open('instance') && !p.isIndexNext()) {
      p.scope.push({ kind: 'instance', expr: { kind: 'exports', exports: instanceExports(p) } })
      args.push({ name, sort: Sort.Instance, index: p.define(Sort.Instance) })
      c.close()
    } else {
      c.pos = start
      args.push({ name, ...p.sortIndex('component') })
    }
    c.close()
  }
  c.close()
  return { kind: 'instantiate', component, args }
}

function instanceExports(p: ComponentParser): (SortIndex & { name: ExternName })[] {
  const exports: (SortIndex & { name: ExternName })[] = []
  while (p.open('export')) {
    const name = externName(p)
    exports.push({ name, ...p.sortIndex('component') })
    p.cursor.close()
  }
  return exports
}

// Functions

function functionDefinition(p: ComponentParser): void {
  const c = p.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const exports = inlineNames(p, 'export')
  const imported = inlineNames(p, 'import')[0]
  let index: number
  if (imported !== undefined) {
    p.scope.push({ kind: 'import', name: imported, desc: externTypeBody(p, Sort.Func) })
    index = p.define(Sort.Func, symbol, pos)
  } else if (p.open('alias')) {
    index = p.addAlias(p.aliasTarget(Sort.Func), symbol, pos)
    c.close()
  } else {
    let type: number
    if (p.open('type')) {
      type = p.indexAndExports(Sort.Type)
      c.close()
    } else type = p.addType(functionType(p))
    if (!p.open('canon')) c.unexpected('`(canon lift`')
    const canon = canonHead(p)
    if (canon.op !== 'lift') c.fail('unexpected token: expected `canon lift`', pos)
    c.close()
    p.scope.push({ kind: 'canon', canon: { ...canon, type } as Canon })
    index = p.define(Sort.Func, symbol, pos)
  }
  addExports(p, exports, { sort: Sort.Func, index })
}

/** `(canon … (func …))` or `(canon … (core func …))` behind its keyword. */
function canonDefinition(p: ComponentParser): void {
  const c = p.cursor
  const head = canonHead(p)
  if (head.op === 'lift') {
    const { desc, symbol, pos } = externType(p)
    if (desc.sort !== Sort.Func) return c.fail('unexpected token: `canon lift` defines a function', pos)
    p.scope.push({ kind: 'canon', canon: { ...head, type: desc.type } as Canon })
    p.define(Sort.Func, symbol, pos)
    return
  }
  if (!p.open('core', 'func')) c.unexpected('`(core func`')
  const pos = c.pos
  const symbol = c.optionalId()
  c.close()
  p.scope.push({ kind: 'canon', canon: head as Canon })
  p.define(Sort.CoreFunc, symbol, pos)
}

// Exports

function addExports(p: ComponentParser, names: readonly ExternName[], item: SortIndex): void {
  for (const name of names) {
    p.scope.push({ kind: 'export', name, item, ascribed: undefined })
    p.define(item.sort)
  }
}

function exportDefinition(p: ComponentParser): void {
  const c = p.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  const name = externName(p)
  const item = p.sortIndex('component')
  const ascribed = c.atClose() ? undefined : externType(p).desc
  p.scope.push({ kind: 'export', name, item, ascribed })
  p.define(item.sort, symbol, pos)
}
