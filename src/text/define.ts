// Second pass over the fields of a module: reads everything but type definitions, with all identifiers known.

import type { ConstExpr, SegmentMode } from '../wasm/module.ts'
import { ExternKind } from '../wasm/module.ts'
import { Op } from '../wasm/op.gen.ts'
import type { MemoryType, TableType } from '../wasm/types.ts'
import { Heap, Ref } from '../wasm/types.ts'
import { defineFunction } from './function.ts'
import { parseFoldedInstruction, parseInstructions } from './instructions.ts'
import { Kw } from './keywords.ts'
import { Token } from './lexer.ts'
import type { ModuleParser } from './module-parser.ts'
import { parseExport, parseImport, parseInlineExports, parseInlineImport } from './imports.ts'
import type { IndexSpace } from './spaces.ts'
import {
  parseAddressType,
  parseGlobalType,
  parseMemoryType,
  parsePageSize,
  parseRefType,
  parseSignature,
  parseTableType,
  resolveTypeUse,
} from './type-syntax.ts'

/** Reads the fields in the tokens [from, to). */
export function defineFields(m: ModuleParser, from: number, to: number): void {
  const c = m.cursor
  const next = { func: 0, table: 0, memory: 0, global: 0, tag: 0 }
  c.pos = from
  while (c.pos < to) {
    const field = c.pos
    m.annotations.takeCustoms(field, m.customs)
    const behind = c.behind()
    const keyword = c.keyword(field + 1)
    c.pos = field + 2
    switch (keyword) {
      case Kw.Type:
      case Kw.Rec:
        c.pos = behind - 1
        break
      case Kw.Import: {
        const before = m.imports.length
        parseImport(m)
        for (let i = before; i < m.imports.length; i++) next[IMPORT_COUNTERS[m.imports[i].kind]]++
        break
      }
      case Kw.Func:
        skipBinding(m)
        defineFunction(m, next.func++, c.start(field))
        break
      case Kw.Table:
        skipBinding(m)
        defineTable(m, next.table++)
        break
      case Kw.Memory:
        skipBinding(m)
        defineMemory(m, next.memory++)
        break
      case Kw.Global:
        skipBinding(m)
        defineGlobal(m, next.global++)
        break
      case Kw.Tag:
        skipBinding(m)
        defineTag(m, next.tag++)
        break
      case Kw.Export:
        parseExport(m)
        break
      case Kw.Start:
        if (m.start >= 0) c.fail('multiple start sections', field)
        m.start = m.spaces.funcs.read(c)
        break
      case Kw.Elem:
        skipBinding(m)
        defineElem(m)
        break
      case Kw.Data:
        skipBinding(m)
        defineData(m)
        break
    }
    c.close()
  }
  m.annotations.takeCustoms(to, m.customs)
}

const IMPORT_COUNTERS = ['func', 'table', 'memory', 'global', 'tag'] as const

/** The identifier of a field was bound in the first pass. */
function skipBinding(m: ModuleParser): void {
  m.cursor.optionalId()
}

/** A constant expression that `parse` reads. */
function constExpr(m: ModuleParser, parse: (m: ModuleParser) => void): ConstExpr {
  const start = m.out.pos
  m.code.reset()
  parse(m)
  m.out.u8(Op.End)
  // A branch hint stands only in functions.
  if (m.code.hints.length > 0)
    m.cursor.fail('@metadata.code.branch_hint annotation: not in a function', m.cursor.pos, 'malformed-custom')
  return { start, end: m.out.pos }
}

/** `(keyword instr*)`, or the abbreviation with one folded instruction. */
function parseWrapped(m: ModuleParser, keyword: Kw): ConstExpr {
  const c = m.cursor
  if (!c.open(keyword)) return constExpr(m, parseFoldedInstruction)
  const expr = constExpr(m, parseInstructions)
  c.close()
  return expr
}

/** The offset of an inline segment. */
function zeroOffset(m: ModuleParser, address64: boolean): ConstExpr {
  const start = m.out.pos
  m.out.u8(address64 ? Op.I64Const : Op.I32Const)
  m.out.u8(0)
  m.out.u8(Op.End)
  return { start, end: m.out.pos }
}

function defineGlobal(m: ModuleParser, index: number): void {
  parseInlineExports(m, ExternKind.Global, index)
  if (parseInlineImport(m, Kw.Global)) return
  const type = parseGlobalType(m)
  m.globals.push(type)
  m.globalDefs.push({ type, init: constExpr(m, parseInstructions) })
}

function defineTag(m: ModuleParser, index: number): void {
  parseInlineExports(m, ExternKind.Tag, index)
  if (parseInlineImport(m, Kw.Tag)) return
  parseSignature(m, true)
  m.names.takeLocals(-1)
  m.tags.push(resolveTypeUse(m))
}

function defineMemory(m: ModuleParser, index: number): void {
  const c = m.cursor
  parseInlineExports(m, ExternKind.Memory, index)
  if (parseInlineImport(m, Kw.Memory)) return
  const begin = c.pos
  const address64 = parseAddressType(m)
  const pageSizeLog2 = parsePageSize(m)
  let type: MemoryType
  if (c.open(Kw.Data)) {
    const start = m.out.pos
    while (c.kind() === Token.String) c.stringBytes(m.out)
    const end = m.out.pos
    c.close()
    const pages = Math.ceil((end - start) / 2 ** pageSizeLog2)
    type = { min: pages, max: pages, shared: false, address64, pageSizeLog2 }
    m.datas.push({ mode: 'active', memory: index, offset: zeroOffset(m, address64), start, end })
  } else {
    c.pos = begin
    type = parseMemoryType(m)
  }
  m.memories.push(type)
}

function defineTable(m: ModuleParser, index: number): void {
  const c = m.cursor
  parseInlineExports(m, ExternKind.Table, index)
  if (parseInlineImport(m, Kw.Table)) return
  const begin = c.pos
  const address64 = parseAddressType(m)
  let type: TableType
  if (c.kind() !== Token.Nat) {
    const element = parseRefType(m)
    if (!c.open(Kw.Elem)) c.unexpected('`(elem`')
    const list = c.kind() === Token.LeftParen ? { exprs: parseElemExprs(m) } : { funcs: parseFuncIndices(m) }
    c.close()
    const { length } = list.funcs ?? list.exprs!
    type = { min: length, max: length, element, address64 }
    addElem(m, 'active', index, zeroOffset(m, address64), element, list.funcs, list.exprs)
  } else {
    c.pos = begin
    type = parseTableType(m)
  }
  m.tables.push(type)
  m.tableDefs.push({ type, init: c.atClose() ? undefined : constExpr(m, parseInstructions) })
}

function addElem(
  m: ModuleParser,
  mode: SegmentMode,
  table: number,
  offset: ConstExpr | undefined,
  type: number,
  funcs: Uint32Array | undefined,
  exprs: readonly ConstExpr[] | undefined,
): void {
  // A list of function indices implies the type (ref func); under another type it stands for expressions.
  if (funcs !== undefined && type !== FUNC_INDICES) {
    m.elems.push({ mode, table, offset, type, funcs: undefined, exprs: Array.from(funcs, (f) => refFunc(m, f)) })
  } else m.elems.push({ mode, table, offset, type, funcs, exprs })
}

/** Element type of segments that list function indices. */
const FUNC_INDICES = Ref.Flag | Heap.Func

function refFunc(m: ModuleParser, func: number): ConstExpr {
  const start = m.out.pos
  m.out.u8(Op.RefFunc)
  m.out.u32(func)
  m.out.u8(Op.End)
  return { start, end: m.out.pos }
}

function parseFuncIndices(m: ModuleParser): Uint32Array {
  const indices: number[] = []
  while (m.spaces.funcs.isNext(m.cursor)) indices.push(m.spaces.funcs.read(m.cursor))
  return Uint32Array.from(indices)
}

function parseElemExprs(m: ModuleParser): ConstExpr[] {
  const exprs: ConstExpr[] = []
  while (m.cursor.kind() === Token.LeftParen) exprs.push(parseWrapped(m, Kw.Item))
  return exprs
}

/** `(table x)` or `(memory x)` in a segment; -1 if it is not there. */
function parseSpaceUse(m: ModuleParser, keyword: Kw, space: IndexSpace): number {
  const c = m.cursor
  if (!c.open(keyword)) return -1
  const index = space.read(c)
  c.close()
  return index
}

function defineElem(m: ModuleParser): void {
  const c = m.cursor
  let mode: SegmentMode = 'passive'
  let offset: ConstExpr | undefined
  let table = parseSpaceUse(m, Kw.Table, m.spaces.tables)
  if (table >= 0 || (c.kind() === Token.LeftParen && !c.isOpen(Kw.Ref))) {
    mode = 'active'
    offset = parseWrapped(m, Kw.Offset)
  } else if (c.accept(Kw.Declare)) mode = 'declarative'
  const bareIndices = mode === 'active' && table < 0 && (c.atClose() || m.spaces.funcs.isNext(c))
  table = Math.max(table, 0)
  if (bareIndices || c.accept(Kw.Func)) {
    m.elems.push({ mode, table, offset, type: FUNC_INDICES, funcs: parseFuncIndices(m), exprs: undefined })
    return
  }
  const type = parseRefType(m)
  m.elems.push({ mode, table, offset, type, funcs: undefined, exprs: parseElemExprs(m) })
}

function defineData(m: ModuleParser): void {
  const c = m.cursor
  const memory = parseSpaceUse(m, Kw.Memory, m.spaces.memories)
  const active = memory >= 0 || c.kind() === Token.LeftParen
  const offset = active ? parseWrapped(m, Kw.Offset) : undefined
  const start = m.out.pos
  while (c.kind() === Token.String) c.stringBytes(m.out)
  m.datas.push({ mode: active ? 'active' : 'passive', memory: Math.max(memory, 0), offset, start, end: m.out.pos })
}
