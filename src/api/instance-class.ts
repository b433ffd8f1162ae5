// WebAssembly.Instance: reading the imports, the exports object.

import { instantiate } from '../runtime/instantiate.ts'
import type { Instance as WasmInstance } from '../runtime/instance.ts'
import { exportOf, type Extern } from '../runtime/link.ts'
import { canonType } from '../wasm/canonical.ts'
import { ExternKind, type Import, type Module as WasmModule } from '../wasm/module.ts'
import { bug } from '../util/bug.ts'
import { type Provided, provisionsOf } from './compile-options.ts'
import { LinkError } from './errors.ts'
import { allocateGlobal } from './global-class.ts'
import { JsFunction, type Callable } from './functions.ts'
import { BuiltinFunc } from './js-string.ts'
import { suspendingFunction } from './jspi.ts'
import { coerce } from './marshal.ts'
import type { InstanceConstructor } from './namespace-types.ts'
import { Adopted, type Realm } from './realm.ts'
import { Kind, kindOf } from './signature.ts'
import { finishInterface, isObject } from './web-idl.ts'

export interface InstanceInterface {
  readonly Instance: InstanceConstructor
  /** An Instance object of a module and imports that were read; `what` is the call that wants it. */
  create(module: WasmModule, externs: Extern[], what: string): object
  unwrap(value: unknown): WasmInstance | undefined
}

/** The optional `importObject` argument: an object or nothing. */
export function checkImportObject(importObject: unknown, what: string): void {
  if (importObject !== undefined && !isObject(importObject))
    throw new TypeError(`${what}: Argument 1 must be an object`)
}

export function defineInstance(realm: Realm): InstanceInterface {
  let instanceOf: (value: object) => WasmInstance | undefined

  class Instance {
    readonly #instance: WasmInstance
    readonly #exports: object

    constructor(moduleObject: unknown, importObject?: unknown) {
      const what = 'WebAssembly.Instance()'
      if (moduleObject instanceof Adopted) {
        this.#instance = moduleObject.value as WasmInstance
      } else {
        const module = realm.module.unwrap(moduleObject)
        if (module === undefined) throw new TypeError(`${what}: Argument 0 must be a WebAssembly.Module`)
        checkImportObject(importObject, what)
        this.#instance = instantiateCore(realm, module, readImports(realm, module, importObject, what), what)
      }
      this.#exports = createExports(realm, this.#instance)
    }

    get exports(): object {
      if (unwrap(this) === undefined)
        throw new TypeError('WebAssembly.Instance.exports(): Receiver is not a WebAssembly.Instance')
      return this.#exports
    }

    static {
      instanceOf = (value) => (#instance in value ? value.#instance : undefined)
    }
  }
  // The imports are optional and a default value would be counted; Web IDL counts required arguments only.
  Object.defineProperty(Instance, 'length', { value: 1, configurable: true })

  const unwrap = (value: unknown): WasmInstance | undefined => (isObject(value) ? instanceOf(value) : undefined)

  finishInterface(Instance, 'Instance', ['exports'])
  return {
    Instance: Instance as unknown as InstanceConstructor,
    create: (module, externs, what) => new Instance(new Adopted(instantiateCore(realm, module, externs, what))),
    unwrap,
  }
}

function instantiateCore(realm: Realm, module: WasmModule, externs: Extern[], what: string): WasmInstance {
  try {
    return instantiate(realm.store, module, externs)
  } catch (error) {
    throw realm.toJsError(error, undefined, what)
  }
}

/** "Read the imports". */
export function readImports(realm: Realm, module: WasmModule, importObject: unknown, what: string): Extern[] {
  if (module.imports.length > 0 && importObject === undefined)
    throw new TypeError(`${what}: Imports argument must be present and must be an object`)
  const provided = provisionsOf(module)
  const externs: Extern[] = []
  let functions = 0
  for (let i = 0; i < module.imports.length; i++) {
    const wanted = module.imports[i]
    const given = provided?.[i]
    if (given !== undefined) {
      externs.push(provide(realm, module, wanted, given, functions))
      if (wanted.kind === ExternKind.Func) functions++
      continue
    }
    const namespace: unknown = (importObject as Record<string, unknown>)[wanted.module]
    const where = `${what}: Import #${i} module=${JSON.stringify(wanted.module)}`
    if (!isObject(namespace)) throw new TypeError(`${where} error: module is not an object or function`)
    const value: unknown = (namespace as Record<string, unknown>)[wanted.name]
    externs.push(
      readImport(realm, module, wanted, value, functions, `${where} function=${JSON.stringify(wanted.name)} error`),
    )
    if (wanted.kind === ExternKind.Func) functions++
  }
  return externs
}

/** What stands for an import in place of the import object. */
function provide(realm: Realm, module: WasmModule, wanted: Import, given: Provided, index: number): Extern {
  if (wanted.kind === ExternKind.Global)
    return {
      kind: ExternKind.Global,
      global: allocateGlobal(realm, canonType(module, wanted.type.type), false, wanted.name),
    }
  if (given === 'string') bug('a string constant that is no global')
  return {
    kind: ExternKind.Func,
    fid: realm.store.createHostFunc(new BuiltinFunc(realm, given, wanted.name, index)),
  }
}

/** One import. `index`: number of function imports before it, the name that a host function gets. */
function readImport(
  realm: Realm,
  module: WasmModule,
  wanted: Import,
  value: unknown,
  index: number,
  where: string,
): Extern {
  switch (wanted.kind) {
    case ExternKind.Func: {
      const suspending = suspendingFunction(value)
      if (suspending === undefined && typeof value !== 'function')
        throw new LinkError(`${where}: function import requires a callable`)
      const known = realm.functions.fidOf(value)
      if (known !== undefined) return { kind: ExternKind.Func, fid: known }
      const host = new JsFunction(
        realm,
        module.canon[wanted.typeIndex],
        `${wanted.module}.${wanted.name}`,
        index,
        suspending ?? (value as Callable),
        suspending !== undefined,
      )
      return { kind: ExternKind.Func, fid: realm.store.createHostFunc(host) }
    }
    case ExternKind.Table: {
      const table = realm.table.unwrap(value)
      if (table === undefined) throw new LinkError(`${where}: table import requires a WebAssembly.Table`)
      return { kind: ExternKind.Table, table }
    }
    case ExternKind.Memory: {
      const memory = realm.memory.unwrap(value)
      if (memory === undefined) throw new LinkError(`${where}: memory import must be a WebAssembly.Memory object`)
      return { kind: ExternKind.Memory, memory }
    }
    case ExternKind.Tag: {
      const tag = realm.tag.unwrap(value)
      if (tag === undefined) throw new LinkError(`${where}: tag import requires a WebAssembly.Tag`)
      return { kind: ExternKind.Tag, tag }
    }
    case ExternKind.Global: {
      const global = realm.global.unwrap(value)
      if (global !== undefined) return { kind: ExternKind.Global, global }
      return { kind: ExternKind.Global, global: globalOfValue(realm, module, wanted, value, where) }
    }
  }
}

/** A new constant global for a JavaScript value. */
function globalOfValue(
  realm: Realm,
  module: WasmModule,
  wanted: Import & { kind: ExternKind.Global },
  value: unknown,
  where: string,
) {
  if (wanted.type.mutable) throw new LinkError(`${where}: imported mutable global must be a WebAssembly.Global object`)
  const type = canonType(module, wanted.type.type)
  const kind = kindOf(type)
  switch (kind) {
    case Kind.V128:
      throw new LinkError(`${where}: global import of type v128 must be a WebAssembly.Global`)
    case Kind.I64:
      if (typeof value !== 'bigint') throw new LinkError(`${where}: global import must be a BigInt`)
      break
    case Kind.I32:
    case Kind.F32:
    case Kind.F64:
      if (typeof value !== 'number')
        throw new LinkError(
          `${where}: global import must be a number, valid Wasm reference, or WebAssembly.Global object`,
        )
      break
    default: {
      const reason = realm.references.mismatch(type, value)
      if (reason !== undefined) throw new LinkError(`${where}: ${reason}`)
    }
  }
  return allocateGlobal(realm, type, false, coerce(realm, kind, type, value))
}

/** "Create an exports object". */
function createExports(realm: Realm, instance: WasmInstance): object {
  const object = Object.create(null) as Record<string, unknown>
  for (const entry of instance.module.exports) object[entry.name] = exportObject(realm, exportOf(instance, entry))
  return Object.freeze(object)
}

function exportObject(realm: Realm, extern: Extern): unknown {
  switch (extern.kind) {
    case ExternKind.Func:
      return realm.functions.wrap(extern.fid)
    case ExternKind.Table:
      return realm.table.wrap(extern.table)
    case ExternKind.Memory:
      return realm.memory.wrap(extern.memory)
    case ExternKind.Global:
      return realm.global.wrap(extern.global)
    case ExternKind.Tag:
      return realm.tag.wrap(extern.tag)
  }
}
