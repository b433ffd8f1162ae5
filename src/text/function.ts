// Functions: type use, locals, body.

import type { BranchHint } from '../wasm/branch-hints.ts'
import { writeValType } from '../wasm/encode.ts'
import { ExternKind } from '../wasm/module.ts'
import { Op } from '../wasm/op.gen.ts'
import { parseInlineExports, parseInlineImport } from './imports.ts'
import { parseInstructions } from './instructions.ts'
import { Kw } from './keywords.ts'
import type { ModuleParser } from './module-parser.ts'
import { parseNamedLocal, parseSignature, parseValueType, parseValueTypes, resolveTypeUse } from './type-syntax.ts'

/** Reads function `index` behind its identifier, up to the closing parenthesis. `textStart`: where its text begins. */
export function defineFunction(m: ModuleParser, index: number, textStart: number): void {
  const c = m.cursor
  parseInlineExports(m, ExternKind.Func, index)
  if (parseInlineImport(m, Kw.Func)) return
  const signature = parseSignature(m, true)
  const typeIndex = resolveTypeUse(m)
  m.funcs.push(typeIndex)

  m.spaces.locals.clear()
  const type = m.types[typeIndex]
  const params = type?.kind === 'func' ? type.params.length : 0
  for (const { index: param, symbol, pos } of signature.named) m.spaces.locals.bind(c, symbol, param, pos)
  const locals = parseLocals(m, params, type === undefined ? `unknown type ${typeIndex}` : undefined)
  m.names.takeLocals(index)

  const start = m.out.pos
  m.code.mapInstruction(start, textStart)
  writeLocals(m, locals)
  m.code.reset()
  parseInstructions(m)
  m.code.mapInstruction(m.out.pos, c.start())
  m.out.u8(Op.End)
  m.codeStart.push(start)
  m.codeEnd.push(m.out.pos)
  noteLabelsAndHints(m, index, start)
}

/** The types of the locals, which are bound from index `params` on. `unknown`: why the number of parameters is not known. */
function parseLocals(m: ModuleParser, params: number, unknown: string | undefined): number[] {
  const c = m.cursor
  const types: number[] = []
  while (c.open(Kw.Local)) {
    const named = m.signature.named
    named.length = 0
    if (parseNamedLocal(m, params + types.length, named)) {
      if (unknown !== undefined) c.fail(unknown, m.signature.pos)
      for (const { index, symbol, pos } of named) m.spaces.locals.bind(c, symbol, index, pos)
      types.push(parseValueType(m))
      c.close()
    } else parseValueTypes(m, types)
  }
  return types
}

/** Locals in runs of equal types. */
function writeLocals(m: ModuleParser, types: readonly number[]): void {
  let runs = 0
  for (let i = 0; i < types.length; i++) if (types[i] !== types[i - 1]) runs++
  m.out.u32(runs)
  for (let i = 0; i < types.length;) {
    let end = i + 1
    while (end < types.length && types[end] === types[i]) end++
    m.out.u32(end - i)
    writeValType(m.out, types[i])
    i = end
  }
}

function noteLabelsAndHints(m: ModuleParser, index: number, start: number): void {
  const { labelNames, hints } = m.code
  for (let i = 0; i < labelNames.length; i += 2) {
    m.names.addLabel(index, labelNames[i], m.cursor.symbolName(labelNames[i + 1]))
  }
  if (hints.length === 0) return
  const list: BranchHint[] = []
  for (let i = 0; i < hints.length; i += 2) list.push({ offset: hints[i] - start, likely: hints[i + 1] === 1 })
  m.hints.set(index, list)
}
