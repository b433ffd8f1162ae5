// The type reflection proposal, for namespaces that ask for it: `type()` on every object, `type` in the descriptors of a module, and
// `WebAssembly.Function`, which gives a JavaScript function a WebAssembly type.

import { FUNC, Func, FUNC_WORDS_LOG2 } from '../runtime/machine.ts'
import { canonicalFuncType, typeDef, typeText } from '../wasm/canonical.ts'
import { bug } from '../util/bug.ts'
import type { CanonType, Limits } from '../wasm/types.ts'
import { type Callable, JsFunction } from './functions.ts'
import { VALUE_TYPES } from './global-class.ts'
import type { ExternType } from './inspect.ts'
import type { AddressType, AddressValue } from './namespace-types.ts'
import type { Realm } from './realm.ts'
import { finishInterface, fromAddress, isObject, toText } from './web-idl.ts'

interface LimitsDescriptor {
  minimum: AddressValue
  maximum?: AddressValue
  address: AddressType
}

const limitsOf = ({ min, max, address64 }: Limits & { readonly address64: boolean }): LimitsDescriptor => ({
  minimum: fromAddress(min, address64),
  ...(max === undefined ? undefined : { maximum: fromAddress(max, address64) }),
  address: address64 ? 'i64' : 'i32',
})

function functionTypeOf(typeId: number): { parameters: string[]; results: string[] } {
  const type = typeDef(typeId)
  if (type.kind !== 'func') bug(`type ${typeId} is no function type`)
  const texts = (types: readonly number[]): string[] => types.map((t) => typeText(t))
  return { parameters: texts(type.params), results: texts(type.results) }
}

/** The `type` of an import or export descriptor. */
export function typeDescriptor(type: ExternType): object {
  switch (type.kind) {
    case 'function':
      return { parameters: type.params, results: type.results }
    case 'memory': {
      const { initial, maximum, address, shared } = type
      return { ...limitsOf({ min: initial, max: maximum, address64: address === 'i64' }), shared }
    }
    case 'table': {
      const { element, initial, maximum, address } = type
      return { element, ...limitsOf({ min: initial, max: maximum, address64: address === 'i64' }) }
    }
    case 'global':
      return { mutable: type.mutable, value: type.value }
    case 'tag':
      return { parameters: type.params }
  }
}

/** Adds what the proposal adds to the classes of a realm; returns the class `Function`. */
export function defineTypeReflection(realm: Realm): Function {
  defineTypes(realm)
  return defineFunction(realm)
}

function defineTypes(realm: Realm): void {
  define(realm.memory.Memory.prototype, 'Memory', (value) => {
    const memory = realm.memory.unwrap(value)
    return memory && { ...limitsOf({ ...memory.type, min: memory.pages }), shared: memory.type.shared }
  })
  define(realm.table.Table.prototype, 'Table', (value) => {
    const table = realm.table.unwrap(value)
    return table && { element: typeText(table.type.element), ...limitsOf({ ...table.type, min: table.size }) }
  })
  define(realm.global.Global.prototype, 'Global', (value) => {
    const global = realm.global.unwrap(value)
    return global && { mutable: global.mutable, value: typeText(global.type) }
  })
  define(realm.tag.Tag.prototype, 'Tag', (value) => {
    const tag = realm.tag.unwrap(value)
    return tag && { parameters: functionTypeOf(tag.typeId).parameters }
  })
}

/** The method `type`; `describe` gives undefined for what is no object of the interface. */
function define(prototype: object, name: string, describe: (value: unknown) => object | undefined): void {
  const { type } = {
    type(this: unknown): object {
      const found = describe(this)
      if (found === undefined) throw new TypeError(`WebAssembly.${name}.type(): Receiver is not a WebAssembly.${name}`)
      return found
    },
  }
  Object.defineProperty(prototype, 'type', { value: type, writable: true, enumerable: true, configurable: true })
}

function defineFunction(realm: Realm): Function {
  const { functions } = realm

  /** The prototype of every exported function of the namespace. */
  class WasmFunction {
    constructor(type: unknown, callee: unknown) {
      const typeId = readFunctionType(type)
      if (typeof callee !== 'function') throw new TypeError('WebAssembly.Function(): Argument 1 must be a function')
      const host = new JsFunction(realm, typeId, 'WebAssembly.Function', 0, callee as Callable)
      const made = functions.wrap(realm.store.createHostFunc(host))
      Object.defineProperty(made, 'name', { value: callee.name, configurable: true })
      // `new.target` of a subclass: the function is an instance of it.
      Object.setPrototypeOf(made, new.target.prototype as object)
      return made as unknown as WasmFunction
    }
  }
  Object.defineProperty(WasmFunction, 'length', { value: 2, configurable: true })
  finishInterface(WasmFunction, 'Function', [])
  Object.setPrototypeOf(WasmFunction, Function)
  Object.setPrototypeOf(WasmFunction.prototype, Function.prototype)
  define(WasmFunction.prototype, 'Function', (value) => {
    const fid = functions.fidOf(value)
    return fid === undefined ? undefined : functionTypeOf(FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type])
  })
  functions.prototype = WasmFunction.prototype
  return WasmFunction
}

/** Canonical function type of a `FunctionType` dictionary. */
function readFunctionType(type: unknown): number {
  const what = 'WebAssembly.Function(): Argument 0'
  if (!isObject(type)) throw new TypeError(`${what} must be a function type`)
  const params = readTypes(type, 'parameters', 'parameter', what)
  return canonicalFuncType(params, readTypes(type, 'results', 'result', what))
}

function readTypes(type: object, member: string, one: string, what: string): CanonType[] {
  const names = (type as Record<string, unknown>)[member]
  if (!isObject(names) || typeof (names as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function')
    throw new TypeError(`${what} must be a function type with '${member}'`)
  return [...(names as Iterable<unknown>)].map((name, i) => {
    const found = VALUE_TYPES.get(toText(name))
    if (found === undefined) throw new TypeError(`${what} ${one} type at index #${i} must be a value type`)
    return found
  })
}
