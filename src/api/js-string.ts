// The builtin set `js-string` (JS API, "String Builtins"): functions on strings that a module imports from `wasm:js-string`.

import { backtrace } from '../runtime/driver.ts'
import type { HostFunc } from '../runtime/instance.ts'
import { ARRAY_DATA } from '../runtime/layout.ts'
import { R, TrapCode } from '../runtime/machine.ts'
import type { Store } from '../runtime/store.ts'
import { Trap } from '../runtime/trap.ts'
import { canonicalFuncType, canonicalizeGroup } from '../wasm/canonical.ts'
import { type CanonType, Ref, refConcrete, RefType, T, type ValType } from '../wasm/types.ts'
import type { Realm } from './realm.ts'

/** Name of the builtin set in `WebAssemblyCompileOptions`. */
export const JS_STRING = 'js-string'
const MAX_CODE_POINT = 0x10_ffff
/** Arguments of one `String.fromCharCode`, far below every engine's limit. */
const CHUNK = 4096

/** A builtin: its parameters are words in R, one slot each; what it returns is the word of the result. */
interface Builtin {
  readonly params: readonly CanonType[]
  readonly result: CanonType
  run(realm: Realm, a: number, b: number, c: number): number
}

function trap(code: TrapCode): never {
  throw new Trap(code, backtrace())
}

/** `UnwrapString` of a reference. */
function unwrap(realm: Realm, word: number): string {
  const value = realm.references.fromWord(word)
  return typeof value === 'string' ? value : trap(TrapCode.CastFailure)
}

/** A string, or null. */
function unwrapNullable(realm: Realm, word: number): string | null {
  return word === 0 ? null : unwrap(realm, word)
}

/** The elements of an array of i16, for immediate use. */
function elements(realm: Realm, word: number): Uint16Array {
  if (word === 0) trap(TrapCode.NullReference)
  const { heap } = realm.store
  return new Uint16Array(heap.u8.buffer, heap.u8.byteOffset + word + ARRAY_DATA, heap.lengthOf(word) >>> 0)
}

function makeBuiltins(): ReadonlyMap<string, Builtin> {
  const i32 = T.I32 as number as CanonType
  const extern = RefType.ExternRef as CanonType
  const string = (RefType.ExternRef & ~Ref.Nullable) as CanonType
  const canon = new Int32Array(1)
  const element = { type: T.I16 as number as ValType, mutable: true }
  canonicalizeGroup([{ kind: 'array', field: element, final: true, supertype: -1 }], 0, 1, canon)
  const array = refConcrete(canon[0], true) as CanonType

  const builtins: Record<string, Builtin> = {
    cast: {
      params: [extern],
      result: string,
      run(realm, v) {
        unwrap(realm, v)
        return v
      },
    },
    test: {
      params: [extern],
      result: i32,
      run: (realm, v) => (typeof realm.references.fromWord(v) === 'string' ? 1 : 0),
    },
    fromCharCodeArray: {
      params: [array, i32, i32],
      result: string,
      run(realm, ref, first, last) {
        const codes = elements(realm, ref)
        const start = first >>> 0
        const end = last >>> 0
        if (start > end || end > codes.length) trap(TrapCode.ArrayOutOfBounds)
        let text = ''
        for (let i = start; i < end; i += CHUNK)
          text += String.fromCharCode(...codes.subarray(i, Math.min(end, i + CHUNK)))
        return realm.references.toWord(text)
      },
    },
    intoCharCodeArray: {
      params: [extern, array, i32],
      result: i32,
      run(realm, v, ref, start) {
        const codes = elements(realm, ref)
        const text = unwrap(realm, v)
        const at = start >>> 0
        if (at + text.length > codes.length) trap(TrapCode.ArrayOutOfBounds)
        for (let i = 0; i < text.length; i++) codes[at + i] = text.charCodeAt(i)
        return text.length
      },
    },
    fromCharCode: {
      params: [i32],
      result: string,
      run: (realm, v) => realm.references.toWord(String.fromCharCode(v)),
    },
    fromCodePoint: {
      params: [i32],
      result: string,
      run(realm, v) {
        if (v >>> 0 > MAX_CODE_POINT) trap(TrapCode.InvalidCodePoint)
        return realm.references.toWord(String.fromCodePoint(v))
      },
    },
    charCodeAt: {
      params: [extern, i32],
      result: i32,
      run(realm, v, index) {
        const text = unwrap(realm, v)
        if (index >>> 0 >= text.length) trap(TrapCode.StringOutOfBounds)
        return text.charCodeAt(index)
      },
    },
    codePointAt: {
      params: [extern, i32],
      result: i32,
      run(realm, v, index) {
        const text = unwrap(realm, v)
        if (index >>> 0 >= text.length) trap(TrapCode.StringOutOfBounds)
        return text.codePointAt(index)!
      },
    },
    length: { params: [extern], result: i32, run: (realm, v) => unwrap(realm, v).length },
    concat: {
      params: [extern, extern],
      result: string,
      run: (realm, first, second) => realm.references.toWord(unwrap(realm, first) + unwrap(realm, second)),
    },
    substring: {
      params: [extern, i32, i32],
      result: string,
      run(realm, v, first, last) {
        const text = unwrap(realm, v)
        const start = first >>> 0
        const end = last >>> 0
        return realm.references.toWord(start > end || start > text.length ? '' : text.slice(start, end))
      },
    },
    equals: {
      params: [extern, extern],
      result: i32,
      run: (realm, first, second) => (unwrapNullable(realm, first) === unwrapNullable(realm, second) ? 1 : 0),
    },
    compare: {
      params: [extern, extern],
      result: i32,
      run(realm, first, second) {
        const a = unwrap(realm, first)
        const b = unwrap(realm, second)
        return a === b ? 0 : a < b ? -1 : 1
      },
    },
  }
  return new Map(Object.entries(builtins))
}

let builtins: ReadonlyMap<string, Builtin> | undefined

/** The builtin that `wasm:js-string` has under a name; undefined if it has none. */
export function findJsString(name: string): Builtin | undefined {
  return (builtins ??= makeBuiltins()).get(name)
}

/** Canonical function type of a builtin. */
export const builtinTypeId = ({ params, result }: Builtin): number => canonicalFuncType(params, [result])

export type { Builtin }

/** A builtin as a function of the store ("create a builtin function"). */
export class BuiltinFunc implements HostFunc {
  readonly store: Store
  readonly typeId: number
  readonly name: string
  /** How many function imports stood before it: the name of its function object. */
  readonly index: number
  readonly #realm: Realm
  readonly #builtin: Builtin

  constructor(realm: Realm, builtin: Builtin, name: string, index: number) {
    this.store = realm.store
    this.typeId = builtinTypeId(builtin)
    this.name = `wasm:${JS_STRING}.${name}`
    this.index = index
    this.#realm = realm
    this.#builtin = builtin
  }

  call(base: number): void {
    const at = base << 1
    R[at] = this.#builtin.run(this.#realm, R[at], R[at + 2], R[at + 4])
  }
}
