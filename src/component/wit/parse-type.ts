// Types of WIT.

import type { BareType, Primitive, TypeAst } from './ast.ts'
import type { Parser } from './parser.ts'
import { fail } from './source.ts'

/** Types in types. The canonical ABI flattens them recursively. */
const MAX_TYPE_NESTING = 100

export function parseType(parser: Parser, depth = 0): TypeAst {
  if (depth >= MAX_TYPE_NESTING) fail('type nesting too deep', parser.peek().span)
  const { span } = parser.peek()
  const bare = parseBare(parser, () => parseType(parser, depth + 1))
  return { ...bare, span: { file: span.file, start: span.start, end: parser.previousEnd } }
}

function parseBare(parser: Parser, inner: () => TypeAst): BareType {
  const { kind, text, span } = parser.peek()
  switch (kind) {
    case 'bool':
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 's8':
    case 's16':
    case 's32':
    case 's64':
    case 'f32':
    case 'f64':
    case 'char':
    case 'string':
    case 'error-context':
      parser.next()
      return { tag: 'primitive', name: kind satisfies Primitive }
    case 'word':
      parser.next()
      return { tag: 'name', name: { text, span } }
    case 'own':
    case 'borrow': {
      parser.next()
      parser.expect('<')
      const name = parser.name()
      parser.expect('>')
      return { tag: kind, name }
    }
    case 'list': {
      parser.next()
      parser.expect('<')
      const element = inner()
      let length: number | undefined
      if (parser.eat(',') !== undefined) {
        const token = parser.eat('integer') ?? parser.expected('fixed-length')
        length = Number(token.text)
        if (length === 0 || length > 0xffff_ffff) fail('the length of a list must be from 1 to 4294967295', token.span)
      }
      parser.expect('>')
      return { tag: 'list', element, length }
    }
    case 'map': {
      parser.next()
      parser.expect('<')
      const key = inner()
      parser.expect(',')
      const value = inner()
      parser.expect('>')
      return { tag: 'map', key, value }
    }
    case 'option': {
      parser.next()
      parser.expect('<')
      const value = inner()
      parser.expect('>')
      return { tag: 'option', value }
    }
    case 'result': {
      parser.next()
      if (parser.eat('<') === undefined) return { tag: 'result', ok: undefined, err: undefined }
      const ok = parser.eat('_') === undefined ? inner() : undefined
      let err: TypeAst | undefined
      if (ok === undefined) {
        parser.expect(',')
        err = inner()
      } else if (parser.eat(',') !== undefined) err = parser.eat('_') === undefined ? inner() : undefined
      parser.expect('>')
      return { tag: 'result', ok, err }
    }
    case 'tuple': {
      parser.next()
      parser.expect('<')
      return { tag: 'tuple', types: parser.list('>', inner) }
    }
    case 'future':
    case 'stream': {
      parser.next()
      if (parser.eat('<') === undefined) return { tag: kind, element: undefined }
      const element = inner()
      parser.expect('>')
      return { tag: kind, element }
    }
    default:
      return parser.expected('a type')
  }
}
