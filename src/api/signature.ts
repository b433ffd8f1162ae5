// Function types prepared for calls: where each value lies and how it is converted.

import { typeDef } from '../wasm/canonical.ts'
import { bug } from '../util/bug.ts'
import { type CanonType, Heap, isRef, RefType, T } from '../wasm/types.ts'
import { heapTop } from '../wasm/canonical.ts'

/** How a value crosses the border between WebAssembly and JavaScript. */
export const enum Kind {
  I32 = 0,
  I64 = 1,
  F32 = 2,
  F64 = 3,
  V128 = 4,
  /** externref: every value is one. */
  Extern = 5,
  Ref = 6,
  /** References of the exn hierarchy have no JavaScript value. */
  Exn = 7,
}

export function kindOf(type: CanonType): Kind {
  if ((type as number) === RefType.ExternRef) return Kind.Extern
  if (isRef(type)) return heapTop(type) === Heap.Exn ? Kind.Exn : Kind.Ref
  switch (type as number) {
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
    default:
      return bug(`value type ${type}`)
  }
}

/** Values of one side of a function type. */
export class Row {
  readonly types: readonly CanonType[]
  readonly kinds: readonly Kind[]
  /** First slot of each value, relative to the base of the call. */
  readonly slots: readonly number[]
  readonly length: number
  /** Some value has no JavaScript form (v128, exnref): calls through the JS API throw a TypeError. */
  readonly opaque: boolean

  constructor(types: readonly CanonType[]) {
    this.types = types
    this.kinds = types.map(kindOf)
    const slots: number[] = []
    let next = 0
    for (const kind of this.kinds) {
      slots.push(next)
      next += kind === Kind.V128 ? 2 : 1
    }
    this.slots = slots
    this.length = types.length
    this.opaque = this.kinds.some((k) => k === Kind.V128 || k === Kind.Exn)
  }
}

export class Signature {
  readonly typeId: number
  readonly params: Row
  readonly results: Row

  constructor(typeId: number) {
    const type = typeDef(typeId)
    if (type.kind !== 'func') bug(`type ${typeId} is no function type`)
    this.typeId = typeId
    this.params = new Row(type.params)
    this.results = new Row(type.results)
  }
}

/** By canonical type id. */
const signatures: (Signature | undefined)[] = []

export const signatureOf = (typeId: number): Signature => (signatures[typeId] ??= new Signature(typeId))
