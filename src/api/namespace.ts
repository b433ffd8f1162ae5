// The namespace object.

import type { Module as WasmModule } from '../wasm/module.ts'
import { type CompileOptions, readCompileOptions } from './compile-options.ts'
import { checkImportObject, readImports } from './instance-class.ts'
import { CompileError, LinkError, RuntimeError, SuspendError } from './errors.ts'
import { definePromising, Suspending } from './jspi.ts'
import { compile } from './module-class.ts'
import type { BufferSource, WebAssemblyNamespace } from './namespace-types.ts'
import { Realm } from './realm.ts'
import { hostNamespace } from './host.ts'
import { type NamespaceOptions, readOptions } from './options.ts'
import { responseBytes } from './streaming.ts'
import { defineTypeReflection } from './type-reflection.ts'
import { copyBytes, isBufferSource, isObject, requireBytes } from './web-idl.ts'

const realms = new WeakMap<object, Realm>()

/** The realm of a namespace that `createWebAssembly` made; undefined for the host's. */
export const realmOf = (namespace: object): Realm | undefined => realms.get(namespace)

/**
 * An isolated namespace of the shape of the standard `WebAssembly`: its own store, its own classes. Code that was written for
 * `WebAssembly` runs with it unchanged.
 */
export function createWebAssembly(options?: NamespaceOptions): WebAssemblyNamespace {
  const { engine, realm } = readOptions(options)
  return engine === 'host' ? hostNamespace() : namespaceOf(new Realm(realm))
}

export function namespaceOf(realm: Realm): WebAssemblyNamespace {
  const namespace = Object.create(Object.prototype) as WebAssemblyNamespace
  const operations = defineOperations(realm)
  for (const [name, operation] of Object.entries(operations)) define(namespace, name, operation, true)
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
    Suspending,
    SuspendError,
  }
  for (const [name, value] of Object.entries(interfaces)) define(namespace, name, value, false)
  define(namespace, 'promising', definePromising(realm), false)
  if (realm.typeReflection) define(namespace, 'Function', defineTypeReflection(realm), false)
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
  /** "Asynchronously compile a WebAssembly module": its bytes are copied at once. */
  async function compileLater(bytes: BufferSource, options: CompileOptions, what: string): Promise<WasmModule> {
    const copy = copyBytes(bytes)
    await undefined
    return compile(realm, copy, options, what)
  }

  async function instantiateLater(module: WasmModule, importObject: unknown, what: string): Promise<object> {
    const externs = readImports(realm, module, importObject, what)
    await undefined
    return realm.instance.create(module, externs, what)
  }

  /** "Instantiate a promise of a module". */
  async function instantiateSource(compiling: Promise<WasmModule>, importObject: unknown, what: string) {
    const module = await compiling
    const wrapped = realm.module.wrap(module)
    return { module: wrapped, instance: await instantiateLater(module, importObject, what) }
  }

  /** "Compile a potential WebAssembly response". */
  async function compileResponse(source: unknown, options: CompileOptions, what: string): Promise<WasmModule> {
    return compileLater(await responseBytes(source), options, what)
  }

  // Methods of an object literal: no constructors, no `prototype`. An async method turns every exception into a rejection. Optional
  // parameters do not count for `length`.
  return {
    validate(bytes: unknown, ...rest: [unknown?]): boolean {
      const what = 'WebAssembly.validate()'
      const source = requireBytes(bytes, `${what}: Argument 0`)
      const options = readCompileOptions(rest[0], `${what}: Argument 1`)
      try {
        compile(realm, copyBytes(source), options, '')
        return true
      } catch (error) {
        if (error instanceof CompileError) return false
        throw error
      }
    },

    async compile(bytes: unknown, ...rest: [unknown?]): Promise<object> {
      const what = 'WebAssembly.compile()'
      const source = requireBytes(bytes, `${what}: Argument 0`)
      const options = readCompileOptions(rest[0], `${what}: Argument 1`)
      return realm.module.wrap(await compileLater(source, options, what))
    },

    async instantiate(source: unknown, ...rest: [unknown?, unknown?]): Promise<object> {
      const what = 'WebAssembly.instantiate()'
      const [importObject, options] = rest
      const module = realm.module.unwrap(source)
      if (module !== undefined) {
        checkImportObject(importObject, what)
        return instantiateLater(module, importObject, what)
      }
      if (!isBufferSource(source))
        throw new TypeError(
          `${what}: Argument 0 must be a buffer source${isObject(source) ? '' : ' or a WebAssembly.Module object'}`,
        )
      checkImportObject(importObject, what)
      const compiling = compileLater(source, readCompileOptions(options, `${what}: Argument 2`), what)
      return instantiateSource(compiling, importObject, what)
    },

    async compileStreaming(source: unknown, ...rest: [unknown?]): Promise<object> {
      const what = 'WebAssembly.compileStreaming()'
      const options = readCompileOptions(rest[0], `${what}: Argument 1`)
      return realm.module.wrap(await compileResponse(source, options, what))
    },

    async instantiateStreaming(source: unknown, ...rest: [unknown?, unknown?]): Promise<object> {
      const what = 'WebAssembly.instantiateStreaming()'
      const [importObject, options] = rest
      checkImportObject(importObject, what)
      const compiling = compileResponse(source, readCompileOptions(options, `${what}: Argument 2`), what)
      return instantiateSource(compiling, importObject, what)
    },
  }
}

/**
 * The default namespace: `import { WebAssembly } from 'zwasm'`. Its store is made with it, which is cheap: memory is taken when
 * something is in it.
 */
export const WebAssembly: WebAssemblyNamespace = /* @__PURE__ */ createWebAssembly()
