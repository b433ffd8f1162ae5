// References at the border. The word of a reference describes itself (runtime/machine.ts); here it gets a JavaScript value and
// back. Structs and arrays appear as opaque objects with identity; a live wrapper is a root of the heap.

import { bug } from '../util/bug.ts'
import { isSubtypeId, kindHeap, matches, heapTop } from '../wasm/canonical.ts'
import {
  type CanonType,
  Heap,
  heapOf,
  isConcrete,
  isNullable,
  Ref,
  refConcrete,
  RefType,
  typeIndexOf,
} from '../wasm/types.ts'
import { FUNC, Func, FUNC_WORDS_LOG2 } from '../runtime/machine.ts'
import type { Store } from '../runtime/store.ts'
import type { Realm } from './realm.ts'

const I31_MIN = -(2 ** 30)
const I31_MAX = 2 ** 30 - 1

/** Integers that `ref.i31` can hold. -0 is none: a value that goes through WebAssembly as externref comes back the same. */
const isI31 = (value: unknown): value is number =>
  typeof value === 'number' && Object.is(value | 0, value) && value >= I31_MIN && value <= I31_MAX

/** Low bits of a reference word, see runtime/machine.ts. */
const enum Tag {
  I31 = 1,
  Mask = 7,
  Func = 2,
  Host = 6,
  Object = 0,
}

export class References {
  readonly #realm: Realm
  /** Struct and array wrappers: their words. */
  readonly #objectWords = new WeakMap<object, number>()
  readonly #objects: PinnedWrappers
  /** Whether any wrapper was ever made: without one, host values need no look at the map. */
  #hasObjects = false

  constructor(realm: Realm) {
    this.#realm = realm
    this.#objects = new PinnedWrappers(realm.store)
  }

  /** Why a JavaScript value is no value of a reference type (V8's texts), or undefined if it is one. Runs no user code. */
  mismatch(type: CanonType, value: unknown): string | undefined {
    if (value === null) return isNullable(type) ? undefined : 'null is not allowed for a non-nullable reference type'
    switch (heapTop(type)) {
      case Heap.Extern:
        return heapOf(type) === Heap.NoExtern ? 'only null allowed for null types' : undefined
      case Heap.Func:
        return this.#mismatchFunc(type, value)
      case Heap.Any:
        return this.#mismatchAny(type, value)
      default:
        return 'exception references have no JavaScript value'
    }
  }

  #mismatchFunc(type: CanonType, value: unknown): string | undefined {
    const fid = this.#realm.functions.fidOf(value)
    if (fid === undefined) return 'function-typed object must be null (if nullable) or a Wasm function object'
    if (matches(refConcrete(FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type], false) as CanonType, type)) return undefined
    return 'assigned exported function has to be a subtype of the expected type'
  }

  #mismatchAny(type: CanonType, value: unknown): string | undefined {
    if (matches(RefType.AnyRef as CanonType, asNullable(type))) return undefined
    if (isI31(value)) {
      return matches(RefType.I31Ref as CanonType, asNullable(type)) ? undefined : mismatchText(type)
    }
    const word = typeof value === 'object' ? this.#objectWords.get(value!) : undefined
    if (word === undefined) return mismatchText(type)
    const id = this.#realm.store.heap.typeOf(word)
    if (isConcrete(type)) return isSubtypeId(id, typeIndexOf(type)) ? undefined : mismatchText(type)
    return matches(refConcrete(id, false) as CanonType, type) ? undefined : mismatchText(type)
  }

  /** The word of a value that `mismatch` accepted. */
  toWord(value: unknown): number {
    if (value === null) return 0
    if (isI31(value)) return (value << 1) | Tag.I31
    if (typeof value === 'function') {
      const fid = this.#realm.functions.fidOf(value)
      if (fid !== undefined) return this.#realm.store.funcWord(fid)
    } else if (this.#hasObjects && typeof value === 'object') {
      const word = this.#objectWords.get(value as object)
      if (word !== undefined) return word
    }
    return this.#realm.store.externWord(value)
  }

  /** `ToJSValue` of a reference. */
  fromWord(word: number): unknown {
    if (word === 0) return null
    if ((word & Tag.I31) !== 0) return word >> 1
    switch (word & Tag.Mask) {
      case Tag.Func:
        return this.#realm.functions.wrap(word >>> 3)
      case Tag.Host:
        return this.#realm.store.externValue(word)
      case Tag.Object:
        return this.#objects.get(word, (at) => this.#wrapObject(at))
      default:
        return bug(`reference word ${word}`)
    }
  }

  #wrapObject(word: number): object {
    this.#hasObjects = true
    const wrapper = new Proxy(Object.freeze(Object.create(null) as object), OPAQUE)
    this.#objectWords.set(wrapper, word)
    return wrapper
  }
}

function refuse(): never {
  throw new TypeError('WebAssembly objects are opaque')
}

/** The internal methods of an Exported GC Object where they differ from those of a frozen empty object. */
const OPAQUE: ProxyHandler<object> = {
  set: refuse,
  deleteProperty: refuse,
  defineProperty: () => false,
  setPrototypeOf: () => false,
  preventExtensions: () => false,
}

const asNullable = (type: CanonType): CanonType => (type | Ref.Nullable) as CanonType

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [Heap.Eq]: 'eqref object must be null (if nullable), or a wasm object, or a Number that fits in i31ref range',
  [Heap.I31]: 'i31ref object must be null (if nullable) or a Number that fits in i31ref range',
  [Heap.Struct]: 'structref object must be null (if nullable) or a wasm struct',
  [Heap.Array]: 'arrayref object must be null (if nullable) or a wasm array',
  [Heap.None]: 'only null allowed for null types',
}

const mismatchText = (type: CanonType): string =>
  isConcrete(type)
    ? `object has to be null (if nullable) or a ${kindHeap(typeIndexOf(type)) === Heap.Struct ? 'struct' : 'array'} of the expected type`
    : TYPE_NAMES[heapOf(type)]

/** JavaScript objects that stand for heap objects: one for each, found by word, each pinning its heap object while it lives. */
export class PinnedWrappers {
  readonly #store: Store
  readonly #byWord = new Map<number, WeakRef<object>>()
  /** What a wrapper has to keep alive: see `Store.pin`. */
  readonly #kept = new WeakMap<object, object>()
  readonly #registry: FinalizationRegistry<number>

  constructor(store: Store) {
    this.#store = store
    this.#registry = new FinalizationRegistry((word) => {
      store.unpin(word)
      // A new wrapper may have taken the place meanwhile.
      if (this.#byWord.get(word)?.deref() === undefined) this.#byWord.delete(word)
    })
  }

  get<W extends object>(word: number, make: (word: number) => W): W {
    const known = this.#byWord.get(word)?.deref()
    return known === undefined ? this.add(word, make(word)) : (known as W)
  }

  add<W extends object>(word: number, wrapper: W): W {
    this.#kept.set(wrapper, this.#store.pin(word))
    this.#byWord.set(word, new WeakRef(wrapper))
    this.#registry.register(wrapper, word)
    return wrapper
  }
}
