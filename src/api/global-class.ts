// WebAssembly.Global.

import { createGlobal } from '../runtime/global.ts'
import type { GlobalInstance } from '../runtime/instance.ts'
import { type CanonType, RefType, T } from '../wasm/types.ts'
import { readCell, writeCell } from './cells.ts'
import { coerce, INCOMPATIBLE } from './marshal.ts'
import type { GlobalConstructor } from './namespace-types.ts'
import { Adopted, type Realm } from './realm.ts'
import { Kind, kindOf } from './signature.ts'
import { finishInterface, isObject, toText } from './web-idl.ts'

export interface GlobalInterface {
  readonly Global: GlobalConstructor
  wrap(global: GlobalInstance): object
  unwrap(value: unknown): GlobalInstance | undefined
}

/** `ToValueType`. */
export const VALUE_TYPES = new Map<string, CanonType>(
  Object.entries({
    i32: T.I32,
    i64: T.I64,
    f32: T.F32,
    f64: T.F64,
    v128: T.V128,
    anyfunc: RefType.FuncRef,
    externref: RefType.ExternRef,
  }) as [string, number][] as [string, CanonType][],
)

export function defineGlobal(realm: Realm): GlobalInterface {
  const wrappers = new WeakMap<GlobalInstance, Global>()
  let globalOf: (value: object) => GlobalInstance | undefined

  class Global {
    readonly #global: GlobalInstance

    constructor(descriptor: unknown, ...value: [unknown?]) {
      this.#global =
        descriptor instanceof Adopted ? (descriptor.value as GlobalInstance) : allocate(realm, descriptor, value)
      wrappers.set(this.#global, this)
    }

    valueOf(): unknown {
      return read(realm, requireGlobal(this, 'WebAssembly.Global.valueOf()'), 'WebAssembly.Global.valueOf()')
    }

    get value(): unknown {
      return read(realm, requireGlobal(this, 'get WebAssembly.Global.value'), 'get WebAssembly.Global.value')
    }

    set value(value: unknown) {
      const what = 'set WebAssembly.Global.value'
      const global = requireGlobal(this, what)
      const kind = kindOf(global.type)
      if (kind === Kind.V128 || kind === Kind.Exn) throw new TypeError(`${what}: ${INCOMPATIBLE}`)
      if (!global.mutable) throw new TypeError(`${what}: Can't set the value of an immutable global.`)
      write(realm, global, value, what)
    }

    static {
      globalOf = (value) => (#global in value ? value.#global : undefined)
    }
  }

  const unwrap = (value: unknown): GlobalInstance | undefined => (isObject(value) ? globalOf(value) : undefined)

  function requireGlobal(value: unknown, what: string): GlobalInstance {
    const global = unwrap(value)
    if (global === undefined) throw new TypeError(`${what}: Receiver is not a WebAssembly.Global`)
    return global
  }

  finishInterface(Global, 'Global', ['valueOf', 'value'])
  return {
    Global: Global as unknown as GlobalConstructor,
    wrap: (global) => wrappers.get(global) ?? new Global(new Adopted(global)),
    unwrap,
  }
}

/** `GetGlobalValue`. */
function read(realm: Realm, global: GlobalInstance, what: string): unknown {
  const kind = kindOf(global.type)
  if (kind === Kind.V128 || kind === Kind.Exn) throw new TypeError(`${what}: ${INCOMPATIBLE}`)
  return readCell(realm, kind, global.cells, global.at)
}

/** Converts and stores; the messages of reference types name the reason. */
function write(realm: Realm, global: GlobalInstance, value: unknown, what: string): void {
  const kind = kindOf(global.type)
  const reason = kind === Kind.Ref ? realm.references.mismatch(global.type, value) : undefined
  if (reason !== undefined) throw new TypeError(`${what}: ${reason}`)
  writeCell(realm, kind, global.cells, global.at, coerce(realm, kind, global.type, value))
}

/** A global of the store with a value that `coerce` made. */
export function allocateGlobal(realm: Realm, type: CanonType, mutable: boolean, value: unknown): GlobalInstance {
  const global = createGlobal(realm.store, type, mutable)
  writeCell(realm, kindOf(type), global.cells, global.at, value)
  return global
}

/** `DefaultValue`, as a JavaScript value. */
function defaultValue(type: CanonType): unknown {
  switch (type as number) {
    case T.I64:
      return 0n
    case RefType.ExternRef:
      return undefined
    case RefType.FuncRef:
      return null
    default:
      return 0
  }
}

function allocate(realm: Realm, descriptor: unknown, given: readonly unknown[]): GlobalInstance {
  const what = 'WebAssembly.Global()'
  if (!isObject(descriptor)) throw new TypeError(`${what}: Argument 0 must be a global descriptor`)
  const mutable = Boolean((descriptor as { mutable?: unknown }).mutable)
  const type = VALUE_TYPES.get(toText((descriptor as { value?: unknown }).value))
  if (type === undefined || (type as number) === T.V128)
    throw new TypeError(`${what}: Descriptor property 'value' must be a WebAssembly type`)
  const kind = kindOf(type)
  // An explicit undefined stands for the default of a number, but is a value of its own for a reference: as V8.
  if (given.length === 0 || (given[0] === undefined && kind < Kind.Extern))
    return allocateGlobal(realm, type, mutable, defaultValue(type))
  const reason = kind === Kind.Ref ? realm.references.mismatch(type, given[0]) : undefined
  if (reason !== undefined) throw new TypeError(`${what}: ${reason}`)
  return allocateGlobal(realm, type, mutable, coerce(realm, kind, type, given[0]))
}
