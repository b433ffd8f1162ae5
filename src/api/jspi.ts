// JavaScript Promise Integration (proposals/js-promise-integration): `WebAssembly.Suspending`, `WebAssembly.promising`.

import { Stoppable } from '../runtime/suspended.ts'
import { callOf } from './call.ts'
import type { Callable } from './functions.ts'
import { runAsync } from './async-call.ts'
import type { Realm } from './realm.ts'

let functionOf: (value: object) => Callable | undefined

/** An import that suspends the activation that calls it when its function returns a promise. */
export class Suspending {
  readonly #callee: Callable

  constructor(callee: unknown) {
    if (typeof callee !== 'function') throw new TypeError('WebAssembly.Suspending(): Argument 0 must be a function')
    this.#callee = callee as Callable
  }

  static {
    functionOf = (value) => (#callee in value ? value.#callee : undefined)
    Object.defineProperty(Suspending.prototype, Symbol.toStringTag, {
      value: 'WebAssembly.Suspending',
      configurable: true,
    })
  }
}

/** The function of a `Suspending`; undefined for anything else. */
export const suspendingFunction = (value: unknown): Callable | undefined =>
  typeof value === 'object' && value !== null ? functionOf(value) : undefined

/** `WebAssembly.promising` of a namespace: an exported function as one that returns a promise, and may be suspended. */
export const definePromising = (realm: Realm): ((exported: unknown) => Callable) =>
  function promising(exported: unknown): Callable {
    if (typeof exported !== 'function') throw new TypeError('WebAssembly.promising(): Argument 0 must be a function')
    const callable = exported as Callable
    if (realm.functions.fidOf(callable) === undefined)
      throw new TypeError('WebAssembly.promising(): Argument 0 must be a WebAssembly exported function')
    const wrapper = async (...args: unknown[]): Promise<unknown> =>
      runAsync(callOf(realm, callable, args, Stoppable.Marked)!)
    Object.defineProperty(wrapper, 'name', { value: callable.name, configurable: true })
    Object.defineProperty(wrapper, 'length', { value: callable.length, configurable: true })
    return wrapper
  }
