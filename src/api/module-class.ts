// WebAssembly.Module.

import { decodeModule } from '../wasm/decode.ts'
import type { Module as WasmModule } from '../wasm/module.ts'
import { compileErrorOf } from './compile-error.ts'
import { applyCompileOptions, type CompileOptions, provisionsOf, readCompileOptions } from './compile-options.ts'
import { CompileError } from './errors.ts'
import { exportTypes, type ExternType, importTypes, kindName } from './inspect.ts'
import { LimitExceededError } from './limit-errors.ts'
import type { ModuleConstructor, ModuleExportDescriptor, ModuleImportDescriptor } from './namespace-types.ts'
import { Adopted, type Realm } from './realm.ts'
import { typeDescriptor } from './type-reflection.ts'
import { copyBytes, finishInterface, makeEnumerable, requireBytes, toText } from './web-idl.ts'

export interface ModuleInterface {
  readonly Module: ModuleConstructor
  wrap(module: WasmModule): object
  unwrap(value: unknown): WasmModule | undefined
}

/** "Compile a WebAssembly module" from bytes that nobody else writes; `what` is the call that wants it. */
export function compile(realm: Realm, bytes: Uint8Array, options: CompileOptions, what: string): WasmModule {
  if (bytes.length === 0) throw new CompileError(`${what}: BufferSource argument is empty`)
  if (bytes.length > realm.maxModuleSize)
    throw new LimitExceededError(
      `${what}: module of ${bytes.length} bytes exceeds the limit of ${realm.maxModuleSize}`,
      'moduleSize',
      realm.maxModuleSize,
    )
  let module: WasmModule
  try {
    module = decodeModule(bytes, { features: realm.features })
  } catch (error) {
    throw compileErrorOf(error, what)
  }
  applyCompileOptions(module, options, what)
  return module
}

const typeMember = (type: ExternType | undefined) => type && { type: typeDescriptor(type) }

export function defineModule(realm: Realm): ModuleInterface {
  let moduleOf: (value: object) => WasmModule | undefined

  class Module {
    readonly #module: WasmModule

    constructor(bytes: unknown, ...rest: [unknown?]) {
      if (bytes instanceof Adopted) {
        this.#module = bytes.value as WasmModule
        return
      }
      const what = 'WebAssembly.Module()'
      const source = requireBytes(bytes, `${what}: Argument 0`)
      const options = readCompileOptions(rest[0], `${what}: Argument 1`)
      this.#module = compile(realm, copyBytes(source), options, what)
    }

    static exports(moduleObject: unknown): ModuleExportDescriptor[] {
      const module = requireModule(moduleObject, 'exports')
      const types = realm.typeReflection ? exportTypes(module) : undefined
      return module.exports.map((e, i) => ({ name: e.name, kind: kindName(e.kind), ...typeMember(types?.[i]) }))
    }

    static imports(moduleObject: unknown): ModuleImportDescriptor[] {
      const module = requireModule(moduleObject, 'imports')
      const provided = provisionsOf(module)
      const types = realm.typeReflection ? importTypes(module) : undefined
      return module.imports
        .map((i, k) => ({ module: i.module, name: i.name, kind: kindName(i.kind), ...typeMember(types?.[k]) }))
        .filter((_, k) => provided?.[k] === undefined)
    }

    static customSections(moduleObject: unknown, sectionName: unknown): ArrayBuffer[] {
      const module = requireModule(moduleObject, 'customSections')
      if (sectionName === undefined) throw new TypeError('WebAssembly.Module.customSections(): Argument 1 is required')
      const name = toText(sectionName)
      return module.customSections
        .filter((section) => section.name === name)
        .map((section) => module.bytes.slice(section.start, section.end).buffer as ArrayBuffer)
    }

    static {
      moduleOf = (value) => (#module in value ? value.#module : undefined)
    }
  }

  const unwrap = (value: unknown): WasmModule | undefined =>
    typeof value === 'object' && value !== null ? moduleOf(value) : undefined

  function requireModule(value: unknown, method: string): WasmModule {
    const module = unwrap(value)
    if (module === undefined)
      throw new TypeError(`WebAssembly.Module.${method}(): Argument 0 must be a WebAssembly.Module`)
    return module
  }

  finishInterface(Module, 'Module', [])
  makeEnumerable(Module, ['exports', 'imports', 'customSections'])
  return {
    Module: Module as unknown as ModuleConstructor,
    wrap: (module) => new Module(new Adopted(module)),
    unwrap,
  }
}
