// Validation of reference and garbage collection instructions.

import { bug } from '../util/bug.ts'
import { heapTop, matches } from './canonical.ts'
import { MAX_ARRAY_NEW_FIXED } from './limits.ts'
import { Op } from './op.gen.ts'
import {
  type CanonType,
  type FieldType,
  Heap,
  isNullable,
  isRef,
  Ref,
  refAbstract,
  refConcrete,
  RefType,
  T,
} from './types.ts'
import { passLabel } from './validate-control.ts'
import { dataIndex, elemIndex } from './validate-memory.ts'
import { isDefaultable, type Validator } from './validate.ts'

const nonNull = (type: number): CanonType => (type & ~Ref.Nullable) as CanonType
const nullable = (type: number): CanonType => (type | Ref.Nullable) as CanonType
const isPacked = (type: number): boolean => type === T.I8 || type === T.I16
const unpacked = (type: number): number => (isPacked(type) ? T.I32 : type)

/** Opcodes 0xd0 to 0xd6. */
export function validateReference(v: Validator, op: number): void {
  switch (op as Op) {
    case Op.RefNull:
      return v.push(v.checkedHeapType(true))
    case Op.RefIsNull:
      v.popRef()
      return v.push(T.I32)
    case Op.RefFunc:
      return refFunc(v)
    case Op.RefEq:
      v.pop(RefType.EqRef)
      v.pop(RefType.EqRef)
      return v.push(T.I32)
    case Op.RefAsNonNull:
      return v.push(nonNull(v.popRef()))
    case Op.BrOnNull: {
      const label = v.label()
      const type = v.popRef()
      passLabel(v, v.labelAt(label), v.labelCount(label))
      return v.push(nonNull(type))
    }
    case Op.BrOnNonNull: {
      const label = v.label()
      const last = lastOfLabel(v, label)
      v.pop(nullable(last))
      return passLabel(v, v.labelAt(label), v.labelCount(label) - 1)
    }
    default:
      bug(`no validation for opcode ${op}`)
  }
}

function refFunc(v: Validator): void {
  const { state } = v
  const index = v.u32()
  if (index >= state.funcs.length) v.invalid(`unknown function ${index}`)
  if (v.inConstant) state.declareFunc(index)
  else if (!state.isDeclared(index)) v.invalid(`undeclared function reference ${index}`)
  v.push(refConcrete(state.canon[state.funcs.words[index]], false))
}

/** The last type of a label, which must be a reference. */
function lastOfLabel(v: Validator, label: number): CanonType {
  const count = v.labelCount(label)
  const last = count === 0 ? T.Bottom : v.pool[v.labelAt(label) + count - 1]
  if (!isRef(last))
    v.invalid(`type mismatch: label ${label} expects ${v.listText(v.labelAt(label), count)}, no reference at its end`)
  return last as CanonType
}

/** Opcodes with prefix 0xfb. */
export function validateGc(v: Validator, op: number): void {
  switch (op as Op) {
    case Op.StructNew:
    case Op.StructNewDefault:
      return structNew(v, op)
    case Op.StructGet:
    case Op.StructGetS:
    case Op.StructGetU:
    case Op.StructSet:
      return structAccess(v, op)
    case Op.RefTest:
    case Op.RefTestNull:
      popCastOperand(v, v.checkedHeapType(op === Op.RefTestNull))
      return v.push(T.I32)
    case Op.RefCast:
    case Op.RefCastNull: {
      const target = v.checkedHeapType(op === Op.RefCastNull)
      popCastOperand(v, target)
      return v.push(target)
    }
    case Op.BrOnCast:
    case Op.BrOnCastFail:
      return branchOnCast(v, op)
    case Op.AnyConvertExtern:
      return convert(v, RefType.ExternRef, Heap.Any)
    case Op.ExternConvertAny:
      return convert(v, RefType.AnyRef, Heap.Extern)
    case Op.RefI31:
      v.pop(T.I32)
      return v.push(refAbstract(Heap.I31, false))
    case Op.I31GetS:
    case Op.I31GetU:
      v.pop(RefType.I31Ref)
      return v.push(T.I32)
    case Op.ArrayLen:
      v.pop(RefType.ArrayRef)
      return v.push(T.I32)
    default:
      validateArray(v, op)
  }
}

/** The operand of a cast may be anything in the target's hierarchy. */
function popCastOperand(v: Validator, target: CanonType): void {
  v.pop(refAbstract(heapTop(target), true))
}

function branchOnCast(v: Validator, op: Op): void {
  const flags = v.castFlags()
  const label = v.label()
  const source = v.checkedHeapType((flags & 1) !== 0)
  const target = v.checkedHeapType((flags & 2) !== 0)
  if (!matches(target, source)) v.invalid(`type mismatch: cast from ${v.text(source)} to ${v.text(target)}`)
  const last = lastOfLabel(v, label)
  const rest = isNullable(target) ? nonNull(source) : source
  const [taken, kept] = op === Op.BrOnCast ? [target, rest] : [rest, target]
  if (!matches(taken, last))
    v.invalid(`type mismatch: label ${label} expects ${v.text(last)}, branch gives ${v.text(taken)}`)
  v.pop(source)
  passLabel(v, v.labelAt(label), v.labelCount(label) - 1)
  v.push(kept)
}

function convert(v: Validator, from: number, to: Heap): void {
  const type = v.pop(from)
  v.push(refAbstract(to, isNullable(type)))
}

// Structures

function structFields(v: Validator, index: number): readonly FieldType[] {
  const type = v.state.types[index]
  if (type === undefined) v.invalid(`unknown type ${index}`)
  if (type.kind !== 'struct') v.invalid(`type mismatch: type ${index} is not a struct type`)
  return type.fields
}

function structNew(v: Validator, op: Op): void {
  const index = v.u32()
  const fields = structFields(v, index)
  for (let i = fields.length - 1; i >= 0; i--) {
    const type = v.state.canonOf(fields[i].type)
    if (op === Op.StructNew) v.pop(unpacked(type))
    else if (!isDefaultable(type)) v.invalid(`type mismatch: field ${i} of type ${v.text(type)} has no default value`)
  }
  v.push(refConcrete(v.state.canon[index], false))
}

function structAccess(v: Validator, op: Op): void {
  const index = v.u32()
  const fields = structFields(v, index)
  const number = v.u32()
  if (number >= fields.length) v.invalid(`unknown field ${number}`)
  const field = fields[number]
  const type = v.state.canonOf(field.type)
  const reference = refConcrete(v.state.canon[index], true)
  if (op === Op.StructSet) {
    if (!field.mutable) v.invalid(`immutable field ${number}`)
    v.pop(unpacked(type))
    v.pop(reference)
    return
  }
  checkPacked(v, type, op !== Op.StructGet, `field ${number}`)
  v.pop(reference)
  v.push(unpacked(type))
}

function checkPacked(v: Validator, type: number, wanted: boolean, what: string): void {
  if (isPacked(type) !== wanted)
    v.invalid(`type mismatch: ${what} of type ${v.text(type)} is ${wanted ? 'not ' : ''}packed`)
}

// Arrays

/** The element of array type `index`, which must be mutable for an instruction that writes. */
function arrayField(v: Validator, index: number, write: boolean): FieldType {
  const type = v.state.types[index]
  if (type === undefined) v.invalid(`unknown type ${index}`)
  if (type.kind !== 'array') v.invalid(`type mismatch: type ${index} is not an array type`)
  if (write && !type.field.mutable) v.invalid(`immutable array ${index}`)
  return type.field
}

function validateArray(v: Validator, op: number): void {
  const index = v.u32()
  const write =
    op === Op.ArraySet ||
    op === Op.ArrayFill ||
    op === Op.ArrayCopy ||
    op === Op.ArrayInitData ||
    op === Op.ArrayInitElem
  const element = v.state.canonOf(arrayField(v, index, write).type)
  const reference = refConcrete(v.state.canon[index], true)
  switch (op as Op) {
    case Op.ArrayGet:
    case Op.ArrayGetS:
    case Op.ArrayGetU:
      checkPacked(v, element, op !== Op.ArrayGet, 'element')
      v.pop(T.I32)
      v.pop(reference)
      return v.push(unpacked(element))
    case Op.ArraySet:
      v.pop(unpacked(element))
      v.pop(T.I32)
      v.pop(reference)
      return
    case Op.ArrayFill:
      v.pop(T.I32)
      v.pop(unpacked(element))
      v.pop(T.I32)
      v.pop(reference)
      return
    case Op.ArrayCopy:
      return arrayCopy(v, reference, element)
    case Op.ArrayInitData:
    case Op.ArrayInitElem:
      segmentOperand(v, op, element)
      v.pop(T.I32)
      v.pop(T.I32)
      v.pop(T.I32)
      v.pop(reference)
      return
    default:
      newArray(v, op, element)
      v.push(nonNull(reference))
  }
}

function newArray(v: Validator, op: Op, element: CanonType): void {
  switch (op) {
    case Op.ArrayNew:
      v.pop(T.I32)
      v.pop(unpacked(element))
      return
    case Op.ArrayNewDefault:
      if (!isDefaultable(element)) v.invalid(`type mismatch: element of type ${v.text(element)} has no default value`)
      v.pop(T.I32)
      return
    case Op.ArrayNewFixed: {
      const count = v.u32()
      v.limit(count, MAX_ARRAY_NEW_FIXED, 'operands of array.new_fixed')
      for (let i = 0; i < count; i++) v.pop(unpacked(element))
      return
    }
    case Op.ArrayNewData:
    case Op.ArrayNewElem:
      segmentOperand(v, op, element)
      v.pop(T.I32)
      v.pop(T.I32)
      return
    default:
      bug(`no validation for opcode ${op}`)
  }
}

/** Reads the segment index of an array instruction and checks that the segment can fill such an array. */
function segmentOperand(v: Validator, op: Op, element: CanonType): void {
  if (op === Op.ArrayNewData || op === Op.ArrayInitData) {
    if (isRef(element)) v.invalid(`array type is not numeric or vector: its elements are ${v.text(element)}`)
    return dataIndex(v)
  }
  const from = elemIndex(v)
  if (!matches(from, element))
    v.invalid(`type mismatch: elements of type ${v.text(from)} into an array of ${v.text(element)}`)
}

function arrayCopy(v: Validator, target: number, element: CanonType): void {
  const index = v.u32()
  const from = v.state.canonOf(arrayField(v, index, false).type)
  if (!matches(from, element)) v.invalid(`array types do not match: ${v.text(from)} into ${v.text(element)}`)
  v.pop(T.I32)
  v.pop(T.I32)
  v.pop(refConcrete(v.state.canon[index], true))
  v.pop(T.I32)
  v.pop(target)
}
