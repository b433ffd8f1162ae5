// The namespace object.

import { checkImportObject, readImports } from './instance-class.ts'
import { CompileError, LinkError, RuntimeError } from './errors.ts'
import { compile } from './module-class.ts'
import type { WebAssemblyNamespace } from './namespace-types.ts'
import { Realm } from './realm.ts'
import { hostNamespace } from './host.ts'
import { type NamespaceOptions, readOptions } from './options.ts'
import { copyBytes, isBufferSource, isObject } from './web-idl.ts'

const realms = new WeakMap<object, Realm>()

/** The realm of a namespace that `createWebAssembly` made; undefined for the host's. */
export const realmOf = (namespace: object): Realm | undefined => realms.get(namespace)

/**
 * An isolated namespace of the shape of the standard `WebAssembly`: its own store, its own classes. Code that was written for
 * `WebAssembly` runs with it unchanged.
 */
export function createWebAssembly(options?: NamespaceOptions): WebAssemblyNamespace {
  const { engine, store, features } = readOptions(options)
  return engine === 'host' ? hostNamespace() : namespaceOf(new Realm(store, features))
}

export function namespaceOf(realm: Realm): WebAssemblyNamespace {
  const namespace = Object.create(Object.prototype) as WebAssemblyNamespace
  const operations = defineOperations(realm)
  for (const name of ['compile', 'validate', 'instantiate'] as const) define(namespace, name, operations[name], true)
  const interfaces = {
    Module: realm.module.Module,
    Instance: realm.instance.Instance,
    Table: realm.table.Table,
    Memory: realm.memory.Memory,
    Global: realm.global.Global,
    Tag: realm.tag.Tag,
    Exception: realm.exceptions.Exception,
    CompileError,
    LinkError,
    RuntimeError,
  }
  for (const [name, value] of Object.entries(interfaces)) define(namespace, name, value, false)
  Object.defineProperty(namespace, 'JSTag', {
    ...Object.getOwnPropertyDescriptor({ get JSTag() { return realm.tag.wrap(realm.store.jsTag) } }, 'JSTag'), // prettier-ignore
    enumerable: true,
  })
  Object.defineProperty(namespace, Symbol.toStringTag, { value: 'WebAssembly', configurable: true })
  realms.set(namespace, realm)
  return namespace
}

function define(target: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable, configurable: true })
}

function defineOperations(realm: Realm) {
  // Methods of an object literal: no constructors, no `prototype`. An async method turns every exception into a rejection.
  return {
    validate(bytes: unknown): boolean {
      const copy = copyBytes(bytes, 'WebAssembly.validate(): Argument 0')
      try {
        compile(realm, copy, '')
        return true
      } catch (error) {
        if (error instanceof CompileError) return false
        throw error
      }
    },

    async compile(bytes: unknown): Promise<object> {
      const what = 'WebAssembly.compile()'
      const copy = copyBytes(bytes, `${what}: Argument 0`)
      await undefined
      return realm.module.wrap(compile(realm, copy, what))
    },

    async instantiate(source: unknown, ...rest: [unknown?]): Promise<object> {
      const what = 'WebAssembly.instantiate()'
      const [importObject] = rest
      const module = realm.module.unwrap(source)
      if (module !== undefined) {
        checkImportObject(importObject, what)
        const externs = readImports(realm, module, importObject, what)
        await undefined
        return realm.instance.create(module, externs, what)
      }
      if (!isBufferSource(source))
        throw new TypeError(
          `${what}: Argument 0 must be a buffer source${isObject(source) ? '' : ' or a WebAssembly.Module object'}`,
        )
      checkImportObject(importObject, what)
      const copy = copyBytes(source, `${what}: Argument 0`)
      await undefined
      const compiled = compile(realm, copy, what)
      const externs = readImports(realm, compiled, importObject, what)
      await undefined
      return { module: realm.module.wrap(compiled), instance: realm.instance.create(compiled, externs, what) }
    },
  }
}

/**
 * The default namespace: `import { WebAssembly } from 'zwasm'`. Its store is made with it, which is cheap: memory is taken when
 * something is in it.
 */
export const WebAssembly: WebAssemblyNamespace = /* @__PURE__ */ createWebAssembly()
