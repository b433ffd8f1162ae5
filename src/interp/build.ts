// Validated bytes -> register IR: one pass over a function's body, when it is first called. Control, locals and calls are here;
// build-ops.ts has everything else. builder.ts explains the virtual stack.
//
// Unreachable code is skipped, not translated.

import { bug } from '../util/bug.ts'
import { Op } from '../wasm/op.gen.ts'
import { isCharged } from './charge.ts'
import { skipImmediates } from '../wasm/instr-reader.ts'
import { T, Ref } from '../wasm/types.ts'
import type { Module } from '../wasm/module.ts'
import { Builder, Kind, LabelKind, NO_KINDS, totalSlots, type Label } from './builder.ts'
import { ClauseWord, CodeForm, HandlerWord, codeOf, install, type FuncCode } from './code.ts'
import { Ir } from './ir.gen.ts'
import { Reader } from './reader.ts'
import { translateOther } from './build-ops.ts'
import { beginInstruction, endInstruction, NOT_TOLD, tellEntry, tellersOf } from './trace-build.ts'
import type { Tellers } from './trace.ts'

/** IR op of a cold op = COLD + Wasm opcode id. */
export const enum Cold {
  Base = 0x1000,
}

export function kindOf(type: number): Kind {
  switch (type) {
    case T.I32:
      return Kind.I32
    case T.I64:
      return Kind.I64
    case T.F32:
      return Kind.F32
    case T.F64:
      return Kind.F64
    case T.V128:
      return Kind.V128
    case T.I8:
    case T.I16:
      return Kind.I32
    default:
      if ((type & Ref.Flag) === 0) bug(`value type 0x${type.toString(16)}`)
      return Kind.Ref
  }
}

const kindsOf = (types: readonly number[]): Uint8Array => Uint8Array.from(types, kindOf)

/** What the builder needs again and again of a module: kinds of its function types, by type index. */
export interface ModuleKinds {
  readonly params: (Uint8Array | undefined)[]
  readonly results: (Uint8Array | undefined)[]
}

const moduleKinds = new WeakMap<Module, ModuleKinds>()

/** Everything one translation works on. */
export class Translation {
  readonly builder = new Builder()
  readonly reader = new Reader()
  module!: Module
  kinds!: ModuleKinds
  localKinds = new Uint8Array(64)
  localSlots = new Int32Array(64)
  handlers: number[] = []
  localCount = 0
  /** `translateUpTo`: the pc to stop at, or -1; instructions seen; the last one that starts at or before the pc; the one to stop at. */
  stopPc = -1
  ordinal = 0
  lastOrdinal = 0
  stopOrdinal = -1
  /** What the code is to tell an observer; undefined if nothing. */
  tellers: Tellers | undefined

  params(typeIndex: number): Uint8Array {
    return (this.kinds.params[typeIndex] ??= kindsOf(this.funcType(typeIndex).params))
  }

  results(typeIndex: number): Uint8Array {
    return (this.kinds.results[typeIndex] ??= kindsOf(this.funcType(typeIndex).results))
  }

  private funcType(typeIndex: number) {
    const type = this.module.types[typeIndex]
    if (type.kind !== 'func') bug('a function type is expected')
    return type
  }
}

const SINGLE = [Kind.I32, Kind.I64, Kind.F32, Kind.F64, Kind.V128, Kind.Ref].map((kind) => Uint8Array.of(kind))

/** Reused for every function of the agent. */
const translation = new Translation()

/** The register IR of a defined function; built if need be. */
export function buildFunction(module: Module, index: number, form = CodeForm.Fused): FuncCode {
  return codeOf(module, index, form) ?? translate(module, index, form, undefined)
}

/** Translates again only to learn the Wasm offset of each instruction: pairs of relative pc and offset, ascending. */
export function offsetsOf(module: Module, index: number, form = CodeForm.Fused): number[] {
  const offsets: number[] = []
  translate(module, index, form, offsets)
  return offsets
}

/**
 * Where branches back to loops go: pairs of relative pc and offset of the `loop`. There all entries are in their slots, so the loop can be
 * entered elsewhere (jit).
 */
export function loopsOf(module: Module, index: number, form = CodeForm.Fused): number[] {
  const loops: number[] = []
  translation.builder.loops = loops
  translate(module, index, form, [])
  translation.builder.loops = undefined
  return loops
}

/**
 * Translates a function again up to the Wasm instruction that the code at `at` (relative pc) belongs to, the first one if several were
 * fused. The builder's virtual stack then tells where each operand is while that instruction has not begun. Valid until the next
 * translation.
 */
export function translateUpTo(module: Module, index: number, form: CodeForm, at: number): Translation {
  const t = translation
  t.stopPc = at
  t.stopOrdinal = -1
  translate(module, index, form, [])
  t.stopOrdinal = t.lastOrdinal
  translate(module, index, form, [])
  t.stopPc = -1
  return t
}

/** Whether this instruction is the one to stop at. An instruction that is fused into a later one may have begun behind it. */
function stopsHere(t: Translation): boolean {
  const ordinal = t.ordinal++
  if (t.builder.length <= t.stopPc) t.lastOrdinal = ordinal
  return ordinal === t.stopOrdinal
}

function translate(module: Module, index: number, form: CodeForm, offsets: number[] | undefined): FuncCode {
  const t = translation
  const { builder: b, reader: r } = t
  t.module = module
  t.handlers = []
  t.ordinal = 0
  let kinds = moduleKinds.get(module)
  if (kinds === undefined) moduleKinds.set(module, (kinds = { params: [], results: [] }))
  t.kinds = kinds
  const body = index - module.importedFuncs
  r.reset(module.bytes, module.codeStart[body], module.codeEnd[body])
  const typeIndex = module.funcs[index]
  const localSlots = readLocals(t, typeIndex)
  b.reset(localSlots, form)
  b.offsets = offsets
  b.offset = r.position
  t.tellers = form < CodeForm.Observed ? undefined : tellersOf(module, index)
  b.tellsReturns = t.tellers?.calls ?? false
  const params = t.params(typeIndex)
  const results = t.results(typeIndex)
  const paramSlots = totalSlots(params)
  clearLocals(b, paramSlots, localSlots)
  b.open(LabelKind.Function, NO_KINDS, results)
  b.startSegment()
  if (t.tellers !== undefined) tellEntry(t, params)
  translateBody(t)
  b.endSegment()
  const slots = Math.max(b.maxTop, paramSlots, totalSlots(results))
  b.offsets = undefined
  const code =
    offsets !== undefined
      ? { module, index, form, start: 0, end: b.length, slots, handlers: undefined }
      : install(
          module,
          index,
          form,
          b.words,
          b.length,
          b.relocations,
          b.relocationCount,
          slots,
          t.handlers.length > 0 ? Int32Array.from(t.handlers) : undefined,
        )
  return code
}

/** Reads the local declarations and assigns slots: parameters first. Returns the number of slots. */
function readLocals(t: Translation, typeIndex: number): number {
  const r = t.reader
  const params = t.params(typeIndex)
  let count = 0
  let slot = 0
  const add = (kind: Kind): void => {
    if (count === t.localKinds.length) {
      const moreKinds = new Uint8Array(count * 2)
      moreKinds.set(t.localKinds)
      t.localKinds = moreKinds
      const moreSlots = new Int32Array(count * 2)
      moreSlots.set(t.localSlots)
      t.localSlots = moreSlots
    }
    t.localKinds[count] = kind
    t.localSlots[count++] = slot
    slot += kind === Kind.V128 ? 2 : 1
  }
  for (let i = 0; i < params.length; i++) add(params[i])
  for (let groups = r.u32(); groups > 0; groups--) {
    const n = r.u32()
    const kind = kindOf(r.valueType())
    for (let i = 0; i < n; i++) add(kind)
  }
  t.localCount = count
  return slot
}

/** Declared locals start as zero or null. */
function clearLocals(b: Builder, from: number, to: number): void {
  if (to - from > 2) {
    b.op(Ir.Zero)
    b.word(from)
    b.word(to - from)
  } else {
    for (let slot = from; slot < to; slot++) {
      b.op(Ir.Const64)
      b.word(slot)
      b.word(0)
      b.word(0)
    }
  }
}

function translateBody(t: Translation): void {
  const { builder: b, reader: r } = t
  while (b.labelCount > 0) {
    b.offset = r.position
    if (t.stopPc >= 0 && stopsHere(t)) return
    const op = r.opcode()
    if (isCharged(op)) b.count++
    // A loop's instruction is told behind its label: it is executed again by each branch to it.
    const told = t.tellers !== undefined && op !== Op.Loop ? beginInstruction(t, op) : NOT_TOLD
    switch (op) {
      case Op.Nop:
        break
      case Op.Unreachable:
        b.op(Ir.Unreachable)
        skipDead(t)
        break
      case Op.Block:
        openBlock(t, LabelKind.Block)
        break
      case Op.Loop:
        openBlock(t, LabelKind.Loop)
        if (t.tellers !== undefined) beginInstruction(t, op)
        break
      case Op.If:
        openIf(t)
        break
      case Op.TryTable:
        openTry(t)
        break
      case Op.Else:
        closeThen(t, true)
        break
      case Op.End:
        close(t, true)
        break
      case Op.Br:
        b.branch(b.label(r.u32()))
        skipDead(t)
        break
      case Op.BrIf: {
        const label = b.label(r.u32())
        b.takeCondition()
        b.branchIf(label)
        break
      }
      case Op.BrTable:
        branchTable(t)
        skipDead(t)
        break
      case Op.Return:
        b.return(b.label(b.labelCount - 1).results.length)
        skipDead(t)
        break
      case Op.BrOnNull:
      case Op.BrOnNonNull:
        branchOnNull(t, op === Op.BrOnNull)
        break
      case Op.LocalGet: {
        const local = r.u32()
        b.pushLocal(t.localKinds[local], t.localSlots[local])
        break
      }
      case Op.LocalSet:
        b.storeLocal(t.localSlots[r.u32()])
        break
      case Op.LocalTee: {
        const local = r.u32()
        b.storeLocal(t.localSlots[local])
        b.pushLocal(t.localKinds[local], t.localSlots[local])
        break
      }
      case Op.Drop:
        b.pop()
        break
      case Op.Call:
      case Op.CallIndirect:
      case Op.CallRef:
        call(t, op)
        break
      case Op.ReturnCall:
      case Op.ReturnCallIndirect:
      case Op.ReturnCallRef:
        call(t, op)
        skipDead(t)
        break
      case Op.Throw:
      case Op.ThrowRef:
        translateOther(t, op)
        skipDead(t)
        break
      case Op.BrOnCast:
      case Op.BrOnCastFail:
        branchOnCast(t, op === Op.BrOnCast)
        break
      default:
        translateOther(t, op)
    }
    if (told !== NOT_TOLD) endInstruction(t, op, told)
  }
}

// ---- structure ------------------------------------------------------------------------------------------------------------

function blockKinds(t: Translation): [params: Uint8Array, results: Uint8Array] {
  const type = t.reader.blockType()
  if (type === -0x40) return [NO_KINDS, NO_KINDS]
  if (type >= 0) return [t.params(type), t.results(type)]
  return [NO_KINDS, SINGLE[kindOf(t.reader.blockValueType)]]
}

function openBlock(t: Translation, kind: LabelKind): Label {
  const [params, results] = blockKinds(t)
  t.builder.settleAll()
  return t.builder.open(kind, params, results)
}

function openIf(t: Translation): void {
  const { builder: b } = t
  const [params, results] = blockKinds(t)
  b.takeCondition()
  // Settling emits moves in front of the branch. Its operands are locals, or slots above everything that is settled.
  b.settleAll()
  const position = b.jumpUnless()
  const label = b.open(LabelKind.If, params, results)
  label.elseTarget = position
}

/** `else`, or the end of an `if` without one when `reachable` code leads to it. */
function closeThen(t: Translation, reachable: boolean): void {
  const { builder: b } = t
  const label = b.label(0)
  if (reachable) {
    b.settleTop(label.results.length)
    b.op(Ir.Br)
    b.target(label)
  }
  b.startSegment()
  b.resolveHere(label.elseTarget)
  b.restore(label, label.params)
  label.kind = LabelKind.Else
}

function close(t: Translation, reachable: boolean): void {
  const { builder: b } = t
  const label = b.label(0)
  if (label.kind === LabelKind.Function) {
    if (reachable) b.return(label.results.length)
    b.labelCount = 0
    return
  }
  if (reachable) b.settleTop(label.results.length)
  if (label.kind === LabelKind.If) {
    b.startSegment()
    b.resolveHere(label.elseTarget)
  }
  if (label.kind === LabelKind.Try) t.handlers[label.handler + HandlerWord.End] = b.length
  if (label.kind === LabelKind.Try) finishHandler(t, label.handler)
  if (label.kind !== LabelKind.Loop) b.bind(label, label.kind === LabelKind.If)
  b.labelCount--
  if (reachable && b.depth === label.height + label.results.length) return
  b.restore(label, label.results)
}

/** Skips to the `else` or `end` of the innermost open structure, and closes it. */
function skipDead(t: Translation): void {
  const { builder: b, reader: r } = t
  b.lastResult = -1
  let nesting = 0
  for (;;) {
    b.offset = r.position
    const op = r.opcode()
    if (op === Op.End) {
      if (nesting-- > 0) continue
      const label = b.label(0)
      const wasIf = label.kind === LabelKind.If
      const reached = wasIf || label.kind === LabelKind.Loop ? wasIf : label.target >= 0
      const loop = label.kind === LabelKind.Loop
      const isFunction = label.kind === LabelKind.Function
      close(t, false)
      if (isFunction) return
      // Behind a structure whose end nothing reaches, the code is dead too.
      if (reached && !loop) return
      nesting = 0
      continue
    }
    if (op === Op.Else && nesting === 0) return closeThen(t, false)
    if (op === Op.Block || op === Op.Loop || op === Op.If || op === Op.TryTable) nesting++
    r.position = skipImmediates(r.bytes, r.position, op)
  }
}

// ---- exceptions -----------------------------------------------------------------------------------------------------------

/**
 * try_table: the clauses become stubs in front of the body, each a branch to its label with the payload, which the unwinder puts into
 * the slots from where the try's parameters start. Handler records are kept inner first: one is complete when its try ends.
 */
function openTry(t: Translation): void {
  const { builder: b, reader: r } = t
  const [params, results] = blockKinds(t)
  b.settleAll()
  const clauses = r.u32()
  const record = [0, 0, 0, clauses]
  const height = b.depth - params.length
  const slot = params.length === 0 ? b.top : b.home[height]
  record[HandlerWord.Slot] = slot
  let over = -1
  if (clauses > 0) {
    b.op(Ir.Br)
    over = b.pendingTarget()
    b.popMany(params.length)
    for (let i = 0; i < clauses; i++) {
      const kind = r.u8()
      const tag = kind < 2 ? r.u32() : -1
      const label = b.label(r.u32())
      record.push(kind, tag, b.length)
      const payload = kind < 2 ? t.params(t.module.tags[tag]) : NO_KINDS
      b.pushAll(payload)
      if (kind === 1 || kind === 3) b.push(Kind.Ref)
      b.branch(label)
      b.popMany(payload.length + (kind === 1 || kind === 3 ? 1 : 0))
    }
    b.pushAll(params)
    b.resolve(over)
  }
  record[HandlerWord.Start] = b.length
  const label = b.open(LabelKind.Try, params, results)
  label.handler = t.handlers.length
  t.handlers.push(...record)
}

/** Moves a finished handler record behind those that were opened later: inner ones come first. */
function finishHandler(t: Translation, at: number): void {
  const words = HandlerWord.Words + t.handlers[at + HandlerWord.Clauses] * ClauseWord.Words
  if (at + words === t.handlers.length) return
  const record = t.handlers.splice(at, words)
  t.handlers.push(...record)
}

// ---- branches with operands -------------------------------------------------------------------------------------------------

function branchTable(t: Translation): void {
  const { builder: b, reader: r } = t
  const index = b.register(b.depth - 1)
  b.pop()
  const start = r.position
  const count = r.u32()
  let depth = 0
  for (let i = 0; i <= count; i++) depth = r.u32()
  const carried = b.branchKinds(b.label(depth)).length
  b.settleTop(carried)
  b.op(Ir.BrTable)
  b.word(index)
  b.word(count)
  // Labels that need moves share one stub each: the position of the table's first word for the stub, then a chain.
  const stubs = new Map<number, number[]>()
  r.position = start
  r.u32()
  for (let i = 0; i <= count; i++) {
    depth = r.u32()
    const label = b.label(depth)
    if (!b.needsMoves(label, carried)) b.target(label)
    else {
      const position = b.pendingTarget()
      const list = stubs.get(depth)
      if (list === undefined) stubs.set(depth, [position])
      else list.push(position)
    }
  }
  for (const [stubDepth, positions] of stubs) {
    b.resolve(positions[0])
    for (let i = 1; i < positions.length; i++) b.resolveHere(positions[i])
    b.branch(b.label(stubDepth))
  }
}

function branchOnNull(t: Translation, whenNull: boolean): void {
  const { builder: b, reader: r } = t
  const label = b.label(r.u32())
  const register = b.register(b.depth - 1)
  b.setCondition(register, whenNull)
  if (!whenNull) {
    b.branchIf(label)
    b.pop()
    return
  }
  // The reference is not carried, but stays when the branch is not taken.
  const loc = b.loc[b.depth - 1]
  b.pop()
  b.branchIf(label)
  if (loc === b.top) b.push(Kind.Ref)
  else b.pushLocal(Kind.Ref, loc)
}

function branchOnCast(t: Translation, whenMatches: boolean): void {
  const { builder: b, reader: r } = t
  const flags = r.u8()
  const label = b.label(r.u32())
  r.heapType((flags & 1) !== 0)
  const target = r.canonicalHeapType(t.module, (flags & 2) !== 0)
  const register = b.register(b.depth - 1)
  const temporary = b.push(Kind.I32)
  b.op(Cold.Base + Op.RefTest)
  b.word(temporary)
  b.word(register)
  b.word(target)
  b.pop()
  b.setCondition(temporary, !whenMatches)
  b.branchIf(label)
}

// ---- calls ------------------------------------------------------------------------------------------------------------------

function call(t: Translation, op: number): void {
  const { builder: b, reader: r, module } = t
  let typeIndex = 0
  let func = 0
  let table = 0
  let callee = -1
  if (op === Op.Call || op === Op.ReturnCall) {
    func = r.u32()
    typeIndex = module.funcs[func]
  } else {
    typeIndex = r.u32()
    if (op === Op.CallIndirect || op === Op.ReturnCallIndirect) table = r.u32()
    callee = b.register(b.depth - 1)
    if ((op === Op.CallIndirect || op === Op.ReturnCallIndirect) && module.tables[table].address64) {
      const index = b.home[b.depth - 1]
      b.op(Ir.Index64)
      b.word(index)
      b.word(callee)
      callee = index
    }
    b.pop()
  }
  const params = t.params(typeIndex)
  const results = t.results(typeIndex)
  // The callee's register lies above the arguments or in a local: settling the arguments cannot overwrite it.
  const base = b.settleTop(params.length)
  const tail = op === Op.ReturnCall || op === Op.ReturnCallIndirect || op === Op.ReturnCallRef
  switch (op) {
    case Op.Call:
    case Op.ReturnCall: {
      const imported = func < module.importedFuncs
      if (tail) b.op(imported ? Ir.ReturnCallImport : Ir.ReturnCall)
      else b.op(imported ? Ir.CallImport : Ir.Call)
      b.word(imported ? func : func << 3)
      b.word(base)
      break
    }
    case Op.CallIndirect:
    case Op.ReturnCallIndirect:
      b.op(tail ? Ir.ReturnCallIndirect : Ir.CallIndirect)
      b.word(callee)
      b.word(base)
      if (tail) b.word(totalSlots(params))
      b.word(table)
      b.word(module.canon[typeIndex])
      break
    default:
      b.op(tail ? Ir.ReturnCallRef : Ir.CallRef)
      b.word(callee)
      b.word(base)
  }
  if (tail && op !== Op.ReturnCallIndirect) b.word(totalSlots(params))
  b.popMany(params.length)
  if (!tail) b.pushAll(results)
}
