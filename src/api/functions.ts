// Functions at the border: exported functions (WebAssembly called from JavaScript) and host functions (JavaScript called from
// WebAssembly). Arguments are written straight into the callee's frame, results are read from there.

import { SuspendError } from './errors.ts'
import { enter } from '../runtime/activation.ts'
import { call } from '../runtime/driver.ts'
import { FUNC, Func, FUNC_WORDS_LOG2, R } from '../runtime/machine.ts'
import { WasmThrow } from '../runtime/exception.ts'
import type { HostFunc } from '../runtime/instance.ts'
import { type FuncOwner, ownerOf } from '../runtime/registry.ts'
import { Stoppable, SUSPEND } from '../runtime/suspended.ts'
import { markUncatchable } from '../runtime/trap.ts'
import type { Store } from '../runtime/store.ts'
import { bug } from '../util/bug.ts'
import { coerce, coerceList, get, getList, getRow, INCOMPATIBLE, put, putList } from './marshal.ts'
import { BuiltinFunc } from './js-string.ts'
import type { Realm } from './realm.ts'
import { Kind, type Signature, signatureOf } from './signature.ts'

export type Callable = (...args: unknown[]) => unknown

/** What an exported function stands for. It keeps the owner alive: see runtime/registry.ts. */
interface Target {
  readonly fid: number
  readonly owner: FuncOwner
}

export class Functions {
  readonly #realm: Realm
  readonly #targets = new WeakMap<object, Target>()
  /** The exported functions of each owner by fid. */
  readonly #made = new WeakMap<FuncOwner, Map<number, Callable>>()
  /** Prototype of exported functions if it is not `Function.prototype` (type-reflection.ts). */
  prototype: object | undefined

  constructor(realm: Realm) {
    this.#realm = realm
  }

  /** The function id behind an exported function of this namespace. */
  fidOf(value: unknown): number | undefined {
    return typeof value === 'function' ? this.#targets.get(value)?.fid : undefined
  }

  /** "A new Exported Function": the same object for the same function. */
  wrap(fid: number): Callable {
    const owner = ownerOf(fid) ?? bug(`function ${fid} is gone`)
    let made = this.#made.get(owner)
    if (made === undefined) this.#made.set(owner, (made = new Map()))
    const known = made.get(fid)
    if (known !== undefined) return known
    const callable = this.#make(fid, owner)
    made.set(fid, callable)
    this.#targets.set(callable, { fid, owner })
    return callable
  }

  #make(fid: number, owner: FuncOwner): Callable {
    const at = fid << FUNC_WORDS_LOG2
    const signature = signatureOf(FUNC[at + Func.Type])
    const { params } = signature
    const made = makerFor(signature)(this.#realm, fid, signature)
    const index = owner instanceof JsFunction || owner instanceof BuiltinFunc ? owner.index : FUNC[at + Func.Index]
    Object.defineProperty(made, 'name', { value: String(index), configurable: true })
    if (this.prototype !== undefined) Object.setPrototypeOf(made, this.prototype)
    if (made.length !== params.length)
      Object.defineProperty(made, 'length', { value: params.length, configurable: true })
    return made
  }
}

type Maker = (realm: Realm, fid: number, signature: Signature) => Callable

/** Reserves the frame of the arguments. */
function start(realm: Realm, fid: number, self: Callable): number {
  try {
    return enter(realm.store, fid)
  } catch (error) {
    throw realm.toJsError(error, self)
  }
}

/** Runs a function whose arguments are in place. `self` is where the JavaScript part of a stack trace begins. */
function finish(realm: Realm, fid: number, base: number, signature: Signature, self: Callable): unknown {
  try {
    call(fid, base)
  } catch (error) {
    throw realm.toJsError(error, self)
  }
  return getRow(realm, signature.results, base)
}

const makeOpaque: Maker = () => () => {
  throw new TypeError(INCOMPATIBLE)
}

const make0: Maker = (realm, fid, signature) => {
  const self = (): unknown => finish(realm, fid, start(realm, fid, self), signature, self)
  return self
}

const make1: Maker = (realm, fid, signature) => {
  const { kinds, types } = signature.params
  const [kind] = kinds
  const [type] = types
  const self = (a?: unknown): unknown => {
    const x = coerce(realm, kind, type, a)
    const base = start(realm, fid, self)
    put(realm, kind, base, x)
    return finish(realm, fid, base, signature, self)
  }
  return self
}

const make2: Maker = (realm, fid, signature) => {
  const { kinds, types } = signature.params
  const [kindA, kindB] = kinds
  const [typeA, typeB] = types
  const self = (a?: unknown, b?: unknown): unknown => {
    const x = coerce(realm, kindA, typeA, a)
    const y = coerce(realm, kindB, typeB, b)
    const base = start(realm, fid, self)
    put(realm, kindA, base, x)
    put(realm, kindB, base + 1, y)
    return finish(realm, fid, base, signature, self)
  }
  return self
}

const make3: Maker = (realm, fid, signature) => {
  const { kinds, types } = signature.params
  const [kindA, kindB, kindC] = kinds
  const [typeA, typeB, typeC] = types
  const self = (a?: unknown, b?: unknown, c?: unknown): unknown => {
    const x = coerce(realm, kindA, typeA, a)
    const y = coerce(realm, kindB, typeB, b)
    const z = coerce(realm, kindC, typeC, c)
    const base = start(realm, fid, self)
    put(realm, kindA, base, x)
    put(realm, kindB, base + 1, y)
    put(realm, kindC, base + 2, z)
    return finish(realm, fid, base, signature, self)
  }
  return self
}

/** The converted value of an i32 parameter; `put` for it is the assignment. */
const toNumber = (value: unknown): number => (typeof value === 'number' ? value : +(value as number))

const makeI32: Maker = (realm, fid, signature) => {
  const self = (a?: unknown): unknown => {
    const x = toNumber(a)
    const base = start(realm, fid, self)
    R[base << 1] = x
    return finish(realm, fid, base, signature, self)
  }
  return self
}

const makeI32I32: Maker = (realm, fid, signature) => {
  const self = (a?: unknown, b?: unknown): unknown => {
    const x = toNumber(a)
    const y = toNumber(b)
    const base = start(realm, fid, self)
    R[base << 1] = x
    R[(base + 1) << 1] = y
    return finish(realm, fid, base, signature, self)
  }
  return self
}

const makeI32I32I32: Maker = (realm, fid, signature) => {
  const self = (a?: unknown, b?: unknown, c?: unknown): unknown => {
    const x = toNumber(a)
    const y = toNumber(b)
    const z = toNumber(c)
    const base = start(realm, fid, self)
    R[base << 1] = x
    R[(base + 1) << 1] = y
    R[(base + 2) << 1] = z
    return finish(realm, fid, base, signature, self)
  }
  return self
}

const makeAny: Maker = (realm, fid, signature) => {
  const { params } = signature
  const self = (...args: unknown[]): unknown => {
    args.length = params.length // missing arguments are undefined, others are ignored
    coerceList(realm, params, args)
    const base = start(realm, fid, self)
    putList(realm, params, base, args)
    return finish(realm, fid, base, signature, self)
  }
  return self
}

/** By number of parameters. No parameter of these is a v128: the second lies in the second slot. */
const MAKERS: readonly Maker[] = [make0, make1, make2, make3]
/** Likewise, all of them i32: what C compiles to. Twice as fast. */
const I32_MAKERS: readonly Maker[] = [make0, makeI32, makeI32I32, makeI32I32I32]

function makerFor({ params, results }: Signature): Maker {
  if (params.opaque || results.opaque) return makeOpaque
  const makers = params.kinds.every((kind) => kind === Kind.I32) ? I32_MAKERS : MAKERS
  return makers[params.length] ?? makeAny
}

/**
 * A call with v128 values as bigints, which the JS API does not have; for `WasmModule.invoke`. `exported` is the exported function:
 * it keeps the instance alive.
 */
export function makeVectorCaller(realm: Realm, fid: number, exported: Function): Callable {
  const call = makeAny(realm, fid, signatureOf(FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type]))
  vectorCallers.set(call, exported)
  return call
}

const vectorCallers = new WeakMap<Callable, Function>()

export type Settled = { readonly value: unknown } | { readonly error: unknown }

/** A call of a host function that waits for its promise. */
export interface PendingCall {
  readonly promise: Promise<unknown>
  readonly func: JsFunction
}

let pending: PendingCall | undefined

/** What the activation waits for that a host function stopped just now. */
export function takePending(): PendingCall {
  const taken = pending ?? bug('no host function has suspended')
  pending = undefined
  return taken
}

/** V8's text. */
const NO_PROMISING = 'trying to suspend without WebAssembly.promising'

/** A JavaScript function as an import. */
export class JsFunction implements HostFunc {
  readonly typeId: number
  /** Module and name of the import. */
  readonly name: string
  readonly store: Store
  /** "Index of the host function": how many function imports stood before it. */
  readonly index: number
  readonly #realm: Realm
  readonly #callee: Callable
  readonly #signature: Signature
  /** Whether it is a `WebAssembly.Suspending`. */
  readonly #suspending: boolean

  constructor(realm: Realm, typeId: number, name: string, index: number, callee: Callable, suspending = false) {
    this.#suspending = suspending
    this.typeId = typeId
    this.name = name
    this.store = realm.store
    this.index = index
    this.#realm = realm
    this.#callee = callee
    this.#signature = signatureOf(typeId)
  }

  /** "Create a host function": arguments lie from slot `base`, results go there. */
  call(base: number, stoppable: Stoppable): void {
    try {
      const { params, results } = this.#signature
      if (params.opaque || results.opaque) throw new TypeError(INCOMPATIBLE)
      const result = this.#apply(base)
      if (stoppable !== Stoppable.No || this.#suspending) this.#suspendFor(result, stoppable)
      this.#deliver(base, result)
    } catch (error) {
      throw error === SUSPEND ? error : this.#thrown(error)
    }
  }

  /** What is left of a call that was suspended for a promise, when that is settled. */
  settle(base: number, settled: Settled): void {
    try {
      if ('error' in settled) throw settled.error
      this.#deliver(base, settled.value)
    } catch (error) {
      throw this.#thrown(error)
    }
  }

  /** What Wasm sees of an exception. */
  #thrown(error: unknown): unknown {
    const word = this.#realm.exceptions.wordOf(error)
    return word === undefined ? error : new WasmThrow(this.store, word)
  }

  /** Suspends the activation if the result is a promise that it should wait for. A reference result takes the promise itself. */
  #suspendFor(result: unknown, stoppable: Stoppable): void {
    if (!(result instanceof Promise)) return
    if (!this.#suspending && (stoppable !== Stoppable.Any || this.#givesReference)) return
    if (stoppable === Stoppable.No) throw markUncatchable(new SuspendError(NO_PROMISING))
    pending = { promise: result, func: this }
    throw SUSPEND
  }

  get #givesReference(): boolean {
    return this.#signature.results.kinds[0] >= Kind.Extern
  }

  /** "Run a host function", from the result on. */
  #deliver(base: number, result: unknown): void {
    const { results } = this.#signature
    const realm = this.#realm
    if (results.length === 0) return
    if (results.length === 1) {
      const [kind] = results.kinds
      put(realm, kind, base, coerce(realm, kind, results.types[0], result))
      return
    }
    const values = [...(result as Iterable<unknown>)]
    if (values.length !== results.length) throw new TypeError('multi-return length mismatch')
    coerceList(realm, results, values)
    putList(realm, results, base, values)
  }

  #apply(base: number): unknown {
    const { params } = this.#signature
    const realm = this.#realm
    // A local: called as a method, the callee would see this object as its `this`.
    const callee = this.#callee
    const { kinds } = params
    switch (params.length) {
      case 0:
        return callee()
      case 1:
        return callee(get(realm, kinds[0], base))
      case 2:
        return callee(get(realm, kinds[0], base), get(realm, kinds[1], base + 1))
      case 3:
        return callee(get(realm, kinds[0], base), get(realm, kinds[1], base + 1), get(realm, kinds[2], base + 2))
      default:
        return Reflect.apply(callee, undefined, getList(realm, params, base))
    }
  }
}
