// Values at the border: JavaScript value <-> register slot. A conversion has two steps, because the first may run code of the
// user (valueOf, toString) that calls into WebAssembly and so uses the register stack:
//
//   coerce   JavaScript value -> primitive, or a checked reference; throws what the JS API wants thrown
//   put      the coerced value -> slot; runs no code of the user

import { R, RD, RF, RQ } from '../runtime/machine.ts'
import type { CanonType } from '../wasm/types.ts'
import { Kind, type Row } from './signature.ts'
import type { Realm } from './realm.ts'

/** V8's text for values without a JavaScript form and for references of the wrong type. */
export const INCOMPATIBLE = 'type incompatibility when transforming from/to JS'

/** `ToWebAssemblyValue`, up to the primitive. */
export function coerce(realm: Realm, kind: Kind, type: CanonType, value: unknown): unknown {
  switch (kind) {
    case Kind.I32:
    case Kind.F32:
    case Kind.F64:
      return typeof value === 'number' ? value : +(value as number)
    case Kind.I64:
      return BigInt.asIntN(64, value as bigint)
    case Kind.Extern:
      return value
    case Kind.Ref:
      if (realm.references.mismatch(type, value) !== undefined) throw new TypeError(INCOMPATIBLE)
      return value
    case Kind.V128:
      if (typeof value !== 'bigint') throw new TypeError(`a v128 is a bigint, not ${typeof value}`)
      return BigInt.asUintN(128, value)
    case Kind.Exn:
      throw new TypeError(INCOMPATIBLE)
  }
}

/** Writes a coerced value to a slot of RS. */
export function put(realm: Realm, kind: Kind, slot: number, value: unknown): void {
  switch (kind) {
    case Kind.I32:
      R[slot << 1] = value as number
      break
    case Kind.I64:
      RQ[slot] = value as bigint
      break
    case Kind.F32:
      RF[slot << 1] = value as number
      break
    case Kind.F64:
      RD[slot] = value as number
      break
    case Kind.V128:
      RQ[slot] = value as bigint
      RQ[slot + 1] = (value as bigint) >> 64n
      break
    default:
      R[slot << 1] = realm.references.toWord(value)
  }
}

/** `ToJSValue` of a slot of RS. A v128 gives an unsigned bigint (the JS API never asks for one). */
export function get(realm: Realm, kind: Kind, slot: number): unknown {
  switch (kind) {
    case Kind.I32:
      return R[slot << 1]
    case Kind.I64:
      return RQ[slot]
    case Kind.F32:
      return RF[slot << 1]
    case Kind.F64:
      return RD[slot]
    case Kind.V128:
      return BigInt.asUintN(64, RQ[slot]) | (BigInt.asUintN(64, RQ[slot + 1]) << 64n)
    default:
      return realm.references.fromWord(R[slot << 1])
  }
}

/** The values of a row at `base`, as call results are returned: undefined, one value, or an array. */
export function getRow(realm: Realm, row: Row, base: number): unknown {
  switch (row.length) {
    case 0:
      return undefined
    case 1:
      return get(realm, row.kinds[0], base)
    default:
      return getList(realm, row, base)
  }
}

export function getList(realm: Realm, row: Row, base: number): unknown[] {
  const values: unknown[] = []
  for (let i = 0; i < row.length; i++) values.push(get(realm, row.kinds[i], base + row.slots[i]))
  return values
}

/** Coerces all values of a row in place. `values` has the length of the row. */
export function coerceList(realm: Realm, row: Row, values: unknown[]): void {
  for (let i = 0; i < row.length; i++) values[i] = coerce(realm, row.kinds[i], row.types[i], values[i])
}

export function putList(realm: Realm, row: Row, base: number, values: readonly unknown[]): void {
  for (let i = 0; i < row.length; i++) put(realm, row.kinds[i], base + row.slots[i], values[i])
}
