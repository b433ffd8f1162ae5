// Values in plain words: the cells of globals and the payload of exceptions. Numbers are little-endian, as everywhere.

import type { Realm } from './realm.ts'
import { Kind } from './signature.ts'

const words = new Int32Array(2)
const asF32 = new Float32Array(words.buffer)
const asF64 = new Float64Array(words.buffer)
const asI64 = new BigInt64Array(words.buffer)

/** Writes a coerced value (marshal.ts) at word index `at`. */
export function writeCell(realm: Realm, kind: Kind, cells: Int32Array, at: number, value: unknown): void {
  switch (kind) {
    case Kind.I32:
      cells[at] = value as number
      return
    case Kind.F32:
      asF32[0] = value as number
      cells[at] = words[0]
      return
    case Kind.I64:
      asI64[0] = value as bigint
      break
    case Kind.F64:
      asF64[0] = value as number
      break
    default:
      cells[at] = realm.references.toWord(value)
      return
  }
  cells[at] = words[0]
  cells[at + 1] = words[1]
}

/** `ToJSValue` of the value at word index `at`. */
export function readCell(realm: Realm, kind: Kind, cells: Int32Array, at: number): unknown {
  words[0] = cells[at]
  switch (kind) {
    case Kind.I32:
      return words[0]
    case Kind.F32:
      return asF32[0]
    case Kind.I64:
      words[1] = cells[at + 1]
      return asI64[0]
    case Kind.F64:
      words[1] = cells[at + 1]
      return asF64[0]
    default:
      return realm.references.fromWord(words[0])
  }
}
