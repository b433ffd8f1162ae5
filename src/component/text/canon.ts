// Canonical definitions in text (Explainer.md, "Canonical Definitions").

import { Token } from '../../text/lexer.ts'
import { parseValueType } from '../../text/type-syntax.ts'
import type { BuiltIn, Canon, CanonOption } from '../binary/model.ts'
import { BUILT_INS, Sort } from '../binary/model.ts'
import type { ComponentParser } from './scope.ts'
import { valType } from './types.ts'

const BUILT_IN_BY_NAME = new Map(BUILT_INS.map((row) => [row[1], row]))

/** Everything but the type of `canon lift`, which comes behind or in front. */
export type CanonHead = Extract<Canon, { op: 'lower' }> | Omit<Extract<Canon, { op: 'lift' }>, 'type'> | BuiltIn

/** A canonical definition behind `canon`, as far as the function that it defines. */
export function canonHead(p: ComponentParser): CanonHead {
  const c = p.cursor
  if (p.accept('lift')) return { op: 'lift', func: p.index(Sort.CoreFunc), options: options(p) }
  if (p.accept('lower')) return { op: 'lower', func: p.index(Sort.Func), options: options(p) }
  const row = BUILT_IN_BY_NAME.get(p.word())
  if (row === undefined) return c.unexpected('a canonical definition')
  c.pos++
  const out: { -readonly [K in keyof BuiltIn]: BuiltIn[K] } = { op: row[1] }
  for (const immediate of row[2]) {
    switch (immediate) {
      case 'type':
        out.type = p.index(Sort.Type)
        break
      case 'results':
        if (p.open('result')) {
          out.result = valType(p)
          c.close()
        }
        break
      case 'options':
        out.options = options(p)
        break
      case 'async':
        out.async = p.accept('async')
        break
      case 'cancel':
        out.cancel = p.accept('cancellable')
        break
      case 'memory': {
        if (!p.open('memory')) c.unexpected('`(memory`')
        out.memory = optionIndex(p, Sort.CoreMemory)
        break
      }
      case 'context':
        out.slotType = parseValueType(p.scope.core)
        out.slot = c.u32()
        break
      case 'core-type':
        out.coreType = p.index(Sort.CoreType)
        break
      case 'table':
        // `(table (core table …))`, or the core table itself.
        if (p.open('table')) out.table = optionIndex(p, Sort.CoreTable)
        else out.table = p.index(Sort.CoreTable)
    }
  }
  return out
}

/** The index within an option, and its closing parenthesis. */
function optionIndex(p: ComponentParser, sort: Sort): number {
  const c = p.cursor
  // `(memory $i "name")`, from before sorts were written.
  const index = p.legacyIndices && p.isIndexNext() ? p.indexAndExports(sort) : p.index(sort)
  c.close()
  return index
}

const INDEX_OPTIONS: Readonly<Record<string, Sort>> = {
  memory: Sort.CoreMemory,
  realloc: Sort.CoreFunc,
  'post-return': Sort.CoreFunc,
  callback: Sort.CoreFunc,
}

function options(p: ComponentParser): CanonOption[] {
  const c = p.cursor
  const list: CanonOption[] = []
  for (;;) {
    if (p.accept('string-encoding=utf8')) list.push({ kind: 'string-encoding', encoding: 'utf8' })
    else if (p.accept('string-encoding=utf16')) list.push({ kind: 'string-encoding', encoding: 'utf16' })
    else if (p.accept('string-encoding=latin1+utf16')) list.push({ kind: 'string-encoding', encoding: 'latin1+utf16' })
    else if (p.accept('async')) list.push({ kind: 'async' })
    else if (c.kind() === Token.LeftParen && INDEX_OPTIONS[p.word(c.pos + 1)] !== undefined) {
      const word = p.word(c.pos + 1)
      c.pos += 2
      const index = optionIndex(p, INDEX_OPTIONS[word])
      list.push({ kind: word as 'memory' | 'realloc' | 'post-return' | 'callback', index })
    } else return list
  }
}
