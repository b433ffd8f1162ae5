// Instruction sequences (spec: text/instructions), flat and folded, to bytes in the order of execution.
//
// A folded instruction stands before its operands but runs after them: its bytes wait in `pending` until its parenthesis
// closes. Everything open is a frame on an explicit stack, so nesting costs no JavaScript stack.

import { writeValType } from '../wasm/encode.ts'
import { Op } from '../wasm/op.gen.ts'
import { parseLabel, parsePlainInstruction, writeOpcode } from './immediates.ts'
import { FrameKind } from './instruction-state.ts'
import { Kw } from './keywords.ts'
import { Token } from './lexer.ts'
import type { ModuleParser } from './module-parser.ts'
import { parseSignature, resolveTypeUse } from './type-syntax.ts'

/** Instructions up to the parenthesis that closes what is around them, which is left. */
export function parseInstructions(m: ModuleParser): void {
  const base = m.code.depth
  while (step(m, base));
}

/** One folded instruction. */
export function parseFoldedInstruction(m: ModuleParser): void {
  if (m.cursor.kind() !== Token.LeftParen) m.cursor.unexpected('`(`')
  const base = m.code.depth
  do step(m, base)
  while (m.code.depth > base)
}

/** Goes on by a parenthesis or an instruction. False at a parenthesis that closes what is around the frames from `base` on. */
function step(m: ModuleParser, base: number): boolean {
  const c = m.cursor
  const code = m.code
  const top = code.depth > base ? code.topKind : FrameKind.Block
  switch (c.kinds[c.pos]) {
    case Token.LeftParen:
      openFolded(m, top)
      return true
    case Token.RightParen:
      if (code.depth === base) return false
      closeFolded(m)
      return true
    case Token.Keyword:
      parseFlat(m, top)
      return true
    default:
      return c.unexpected('an instruction')
  }
}

/** The opcode at the current token. */
function opcode(m: ModuleParser): number {
  const keyword = m.cursor.keyword()
  if (keyword < Kw.FirstOp) m.cursor.unexpected('an instruction')
  return keyword - Kw.FirstOp
}

/** `(` within the innermost frame. */
function openFolded(m: ModuleParser, top: FrameKind): void {
  const c = m.cursor
  const code = m.code
  const open = c.pos++
  const keyword = c.keyword()
  if (top === FrameKind.IfOperands && keyword === Kw.Then) {
    c.pos++
    emitPending(m)
    code.pushLabel(code.topLabel)
    code.topKind = FrameKind.Then
    return
  }
  if (top === FrameKind.ThenDone || top === FrameKind.ElseDone) {
    if (top === FrameKind.ElseDone || keyword !== Kw.FirstOp + Op.Else) c.unexpected('`)`', open)
    emitMark(m, Op.Else, c.pos++)
    code.topKind = FrameKind.Else
    return
  }
  const op = opcode(m)
  const token = c.pos
  const hint = m.annotations.takeBranchHint(open)
  const start = m.out.pos
  switch (op) {
    case Op.Block:
    case Op.Loop:
    case Op.TryTable: {
      c.pos++
      const label = parseBlockHead(m, op)
      note(m, start, token, hint)
      code.pushLabel(label)
      code.pushFrame(FrameKind.Block, 0, token, -1, label)
      return
    }
    case Op.If: {
      c.pos++
      const label = parseBlockHead(m, op)
      suspend(m, start, FrameKind.IfOperands, token, hint, label)
      return
    }
    case Op.Else:
    case Op.End:
      return c.unexpected('an instruction')
    default:
      c.pos++
      parsePlainInstruction(m, op)
      if (c.atClose()) {
        c.pos++
        note(m, start, token, hint)
      } else suspend(m, start, FrameKind.Operands, token, hint, 0)
  }
}

/** Moves the instruction just written from the output to `pending`. */
function suspend(m: ModuleParser, start: number, kind: FrameKind, token: number, hint: number, label: number): void {
  const { out, code } = m
  code.pushFrame(kind, code.pending.pos, token, hint, label)
  code.pending.copy(out.bytes, start, out.pos)
  out.pos = start
}

/** Writes the pending instruction of the innermost frame. */
function emitPending(m: ModuleParser): void {
  const { out, code } = m
  note(m, out.pos, code.topToken, code.topHint)
  out.copy(code.pending.bytes, code.topPending, code.pending.pos)
  code.pending.pos = code.topPending
}

/** `)` of the innermost frame. */
function closeFolded(m: ModuleParser): void {
  const c = m.cursor
  const code = m.code
  switch (code.topKind) {
    case FrameKind.Operands:
      emitPending(m)
      code.depth--
      break
    case FrameKind.Block:
    case FrameKind.ThenDone:
    case FrameKind.ElseDone:
      emitMark(m, Op.End, c.pos)
      code.labelDepth--
      code.depth--
      break
    case FrameKind.Then:
      code.topKind = FrameKind.ThenDone
      break
    case FrameKind.Else:
      code.topKind = FrameKind.ElseDone
      break
    case FrameKind.IfOperands:
      c.unexpected('`(then`')
      break
    default:
      c.unexpected('`end`')
  }
  c.pos++
}

/** An instruction without parentheses. */
function parseFlat(m: ModuleParser, top: FrameKind): void {
  const c = m.cursor
  const code = m.code
  if (top === FrameKind.Operands || top === FrameKind.IfOperands) c.unexpected('a folded instruction')
  if (top === FrameKind.ThenDone || top === FrameKind.ElseDone) c.unexpected('`)`')
  const op = opcode(m)
  const token = c.pos
  const hint = m.annotations.takeBranchHint(token)
  c.pos++
  const start = m.out.pos
  switch (op) {
    case Op.Block:
    case Op.Loop:
    case Op.TryTable:
    case Op.If: {
      const label = parseBlockHead(m, op)
      note(m, start, token, hint)
      code.pushLabel(label)
      code.pushFrame(op === Op.If ? FrameKind.FlatIf : FrameKind.FlatBlock, 0, token, -1, label)
      return
    }
    case Op.Else:
      if (top !== FrameKind.FlatIf) c.unexpected('an instruction', token)
      checkLabel(m)
      emitMark(m, Op.Else, token)
      code.topKind = FrameKind.FlatElse
      return
    case Op.End:
      if (top < FrameKind.FlatBlock) c.unexpected('an instruction', token)
      checkLabel(m)
      emitMark(m, Op.End, token)
      code.labelDepth--
      code.depth--
      return
    default:
      parsePlainInstruction(m, op)
      note(m, start, token, hint)
  }
}

/** The identifier behind `else` or `end` must be that of the block. */
function checkLabel(m: ModuleParser): void {
  const c = m.cursor
  const pos = c.pos
  const symbol = c.optionalId()
  if (symbol !== 0 && symbol !== m.code.topLabel) c.fail(`mismatching label $${c.symbolName(symbol)}`, pos)
}

/** Label and type of a block: writes opcode, block type and catch clauses, returns the label's symbol. */
function parseBlockHead(m: ModuleParser, op: number): number {
  const c = m.cursor
  const label = c.optionalId()
  writeOpcode(m.out, op)
  const s = parseSignature(m, false)
  if (s.typeIndex < 0 && s.params.length === 0 && s.results.length <= 1) {
    if (s.results.length === 0) m.out.u8(EMPTY_BLOCK)
    else writeValType(m.out, s.results[0])
  } else m.out.s64Parts(resolveTypeUse(m), 0)
  if (op === Op.TryTable) parseCatches(m)
  return label
}

const EMPTY_BLOCK = 0x40

/** Catch clauses by their byte in the binary. */
const CATCHES = [Kw.Catch, Kw.CatchRef, Kw.CatchAll, Kw.CatchAllRef] as const
const FIRST_WITHOUT_TAG = 2

/** The catch clauses of a try_table; their labels are those around it. */
function parseCatches(m: ModuleParser): void {
  const c = m.cursor
  const out = m.out
  let count = 0
  for (let pos = c.pos; isCatch(m, pos); pos = c.values[pos] + 1) count++
  out.u32(count)
  for (; count > 0; count--) {
    const code = CATCHES.indexOf(c.keyword(c.pos + 1) as (typeof CATCHES)[number])
    c.pos += 2
    out.u8(code)
    if (code < FIRST_WITHOUT_TAG) out.u32(m.spaces.tags.read(c))
    out.u32(parseLabel(m))
    c.close()
  }
}

function isCatch(m: ModuleParser, pos: number): boolean {
  const keyword = m.cursor.kinds[pos] === Token.LeftParen ? m.cursor.keyword(pos + 1) : Kw.Unknown
  return keyword >= Kw.Catch && keyword <= Kw.CatchAllRef
}

function emitMark(m: ModuleParser, op: number, token: number): void {
  m.code.mapInstruction(m.out.pos, m.cursor.start(token))
  m.out.u8(op)
}

/** Notes the place and the branch hint of an instruction that begins at `offset` of the output. */
function note(m: ModuleParser, offset: number, token: number, hint: number): void {
  m.code.mapInstruction(offset, m.cursor.start(token))
  if (hint >= 0) m.code.hints.push(offset, hint)
}
