// Validation of control instructions: blocks, branches, calls, exceptions; and of select and globals.

import { bug } from '../util/bug.ts'
import { matches } from './canonical.ts'
import { Feature } from './features.ts'
import { BLOCK_EMPTY, BLOCK_INDEX, Catch } from './instr-reader.ts'
import { MAX_BR_TABLE } from './limits.ts'
import { Op } from './op.gen.ts'
import { type CanonType, Heap, isRef, refAbstract, refConcrete, RefType, T, type ValType } from './types.ts'
import { Frame } from './validate-stack.ts'
import type { Validator } from './validate.ts'

export function validateControl(v: Validator, op: number): void {
  switch (op as Op) {
    case Op.Unreachable:
      return v.setUnreachable()
    case Op.Block:
    case Op.Loop:
      return enterBlock(v, op)
    case Op.If: {
      const type = v.blockType()
      checkBlockType(v, type)
      v.pop(T.I32)
      return enter(v, op, type)
    }
    case Op.TryTable:
      return tryTable(v)
    case Op.Br: {
      const label = v.label()
      v.popTypes(v.labelAt(label), v.labelCount(label))
      return v.setUnreachable()
    }
    case Op.BrIf: {
      const label = v.label()
      v.pop(T.I32)
      return passLabel(v, v.labelAt(label), v.labelCount(label))
    }
    case Op.BrTable:
      return branchTable(v)
    case Op.Return:
      v.popTypes(v.frame(v.depth - 1, Frame.EndAt), v.frame(v.depth - 1, Frame.EndCount))
      return v.setUnreachable()
    case Op.Call:
      return call(v, calledFunction(v))
    case Op.ReturnCall:
      return tailCall(v, calledFunction(v))
    case Op.CallIndirect:
      return call(v, indirectType(v))
    case Op.ReturnCallIndirect:
      return tailCall(v, indirectType(v))
    case Op.CallRef:
      return call(v, referencedType(v))
    case Op.ReturnCallRef:
      return tailCall(v, referencedType(v))
    case Op.Throw: {
      const signature = tagSignature(v)
      v.popTypes(signature + 2, v.pool[signature])
      return v.setUnreachable()
    }
    case Op.ThrowRef:
      v.pop(RefType.ExnRef)
      return v.setUnreachable()
    case Op.Select:
      return select(v)
    case Op.SelectTyped:
      return selectTyped(v)
    case Op.GlobalGet:
    case Op.GlobalSet:
      return global(v, op)
    default:
      bug(`no validation for opcode ${op}`)
  }
}

// Blocks

function enterBlock(v: Validator, op: Op): void {
  enter(v, op, v.blockType())
}

/** An unknown type is reported before a missing operand. */
function checkBlockType(v: Validator, type: number): void {
  if (type >= BLOCK_INDEX) signatureOf(v, type - BLOCK_INDEX)
  else if (type !== BLOCK_EMPTY) v.checked(type as ValType)
}

/** Enters a block of a type as `InstrReader.blockType` gives it. */
function enter(v: Validator, op: Op, type: number): void {
  if (type === BLOCK_EMPTY) v.pushFrame(op, 0, 0, 0, 0)
  else if (type < BLOCK_INDEX) v.pushFrame(op, 0, 0, v.single(v.checked(type as ValType)), 1)
  else {
    const signature = signatureOf(v, type - BLOCK_INDEX)
    const params = v.pool[signature]
    v.popTypes(signature + 2, params)
    v.pushFrame(op, signature + 2, params, signature + 2 + params, v.pool[signature + 1])
  }
}

/** Place of a function type's signature in the pool. */
export function signatureOf(v: Validator, typeIndex: number): number {
  if (typeIndex >= v.state.types.length) v.invalid(`unknown type ${typeIndex}`)
  const at = v.state.signatureAt[typeIndex]
  if (at < 0) v.invalid(`type mismatch: type ${typeIndex} is not a function type`)
  return at
}

function tryTable(v: Validator): void {
  const type = v.blockType()
  // The labels of the clauses are those around the block.
  for (let n = v.count(2, 'a list of catch clauses'); n > 0; n--) catchClause(v)
  enter(v, Op.TryTable, type)
}

function catchClause(v: Validator): void {
  const kind = v.catchKind()
  const signature = kind <= Catch.TagRef ? tagSignature(v) : -1
  const label = v.label()
  const params = signature < 0 ? 0 : v.pool[signature]
  const withRef = kind === Catch.TagRef || kind === Catch.AllRef
  const at = v.labelAt(label)
  const exn = refAbstract(Heap.Exn, false) as CanonType
  const fits =
    v.labelCount(label) === params + (withRef ? 1 : 0) &&
    v.subtypes(signature + 2, at, params) &&
    (!withRef || matches(exn, v.pool[at + params] as CanonType))
  if (fits) return
  const caught = Array.from(v.pool.subarray(signature + 2, signature + 2 + params), (t) => v.text(t))
  if (withRef) caught.push(v.text(exn))
  const wanted = v.listText(at, v.labelCount(label))
  v.invalid(`type mismatch: catch clause gives [${caught.join(' ')}], label ${label} expects ${wanted}`)
}

// Branches

/** The operands of a conditional branch stay, with the types of the label. */
export function passLabel(v: Validator, at: number, count: number): void {
  v.popTypes(at, count)
  v.pushTypes(at, count)
}

function branchTable(v: Validator): void {
  const count = v.count(1, 'a branch table')
  v.limit(count, MAX_BR_TABLE, 'labels of br_table')
  v.pop(T.I32)
  let arity = -1
  let checked = -1
  for (let i = 0; i <= count; i++) {
    const label = v.label()
    const at = v.labelAt(label)
    const types = v.labelCount(label)
    if (arity < 0) arity = types
    else if (types !== arity) v.invalid(`type mismatch: labels of br_table expect ${arity} and ${types} values`)
    // Neighbouring labels mostly have the same types, often the same list: check it once.
    if (at === checked) continue
    v.checkTypes(at, types)
    checked = at
  }
  v.setUnreachable()
}

// Calls

/** Reads a function index; place of its signature. */
function calledFunction(v: Validator): number {
  const { state } = v
  const index = v.u32()
  if (index >= state.funcs.length) v.invalid(`unknown function ${index}`)
  return state.signatureAt[state.funcs.words[index]]
}

function indirectType(v: Validator): number {
  const { state } = v
  const typeIndex = v.u32()
  const table = v.u32()
  if (table >= state.tables.length) v.invalid(`unknown table ${table}`)
  const signature = signatureOf(v, typeIndex)
  if (!matches(state.tableElements[table], RefType.FuncRef as number as CanonType))
    v.invalid(`type mismatch: table ${table} has elements of type ${v.text(state.tableElements[table])}, not funcref`)
  v.pop(state.tables[table].address64 ? T.I64 : T.I32)
  return signature
}

function referencedType(v: Validator): number {
  const typeIndex = v.u32()
  const signature = signatureOf(v, typeIndex)
  v.pop(refConcrete(v.state.canon[typeIndex], true))
  return signature
}

function call(v: Validator, signature: number): void {
  const params = v.pool[signature]
  v.popTypes(signature + 2, params)
  v.pushTypes(signature + 2 + params, v.pool[signature + 1])
}

function tailCall(v: Validator, signature: number): void {
  const params = v.pool[signature]
  v.popTypes(signature + 2, params)
  const results = v.pool[signature + 1]
  const endAt = v.frame(v.depth - 1, Frame.EndAt)
  const endCount = v.frame(v.depth - 1, Frame.EndCount)
  const at = signature + 2 + params
  if (results !== endCount || !v.subtypes(at, endAt, results)) {
    const wanted = v.listText(endAt, endCount)
    v.invalid(`type mismatch: callee returns ${v.listText(at, results)}, caller ${wanted}`)
  }
  v.setUnreachable()
}

/** Reads a tag index; place of its signature. */
function tagSignature(v: Validator): number {
  const { state } = v
  const index = v.u32()
  if (index >= state.tags.length) v.invalid(`unknown tag ${index}`)
  return state.signatureAt[state.tags.words[index]]
}

// Select and globals

function select(v: Validator): void {
  v.pop(T.I32)
  const second = v.popAny()
  const first = v.popAny()
  if (isRef(first) || isRef(second))
    v.invalid(`type mismatch: select without type on ${v.text(isRef(first) ? first : second)}`)
  if (first !== second && first !== T.Bottom && second !== T.Bottom)
    v.invalid(`type mismatch: select between ${v.text(first)} and ${v.text(second)}`)
  v.push(first === T.Bottom ? second : first)
}

function selectTyped(v: Validator): void {
  const count = v.count(1, 'a list of types')
  if (count !== 1) v.invalid(`invalid result arity: select gives one value, not ${count}`)
  const type = v.checkedValType()
  v.pop(T.I32)
  v.pop(type)
  v.pop(type)
  v.push(type)
}

function global(v: Validator, op: Op): void {
  const { state } = v
  const index = v.u32()
  if (index >= state.globals.length) v.invalid(`unknown global ${index}`)
  const type = state.globalTypes[index]
  const { mutable } = state.globals[index]
  if (op === Op.GlobalSet) {
    if (!mutable) v.invalid(`immutable global ${index}`)
    v.pop(type)
    return
  }
  v.checkConstantGlobal(index, mutable)
  // Before gc, constant expressions could refer to imported globals only.
  const isDefined = index >= state.globals.length - state.globalDefs.length
  if (v.inConstant && isDefined && (state.features & Feature.Gc) === 0) v.invalid(`unknown global ${index}`)
  v.push(type)
}
