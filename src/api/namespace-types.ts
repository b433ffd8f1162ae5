// The shape of a `WebAssembly` namespace (WebAssembly JavaScript Interface, spec 3.0), in TypeScript.

import type { WasmErrorConstructor } from './errors.ts'

/** Bytes of a module. */
export type BufferSource = ArrayBufferLike | ArrayBufferView

export type AddressType = 'i32' | 'i64'
/** A number, or a bigint where the address type is `i64`. */
export type AddressValue = number | bigint
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'externref' | 'anyfunc'
export type TableKind = 'anyfunc' | 'externref'
export type ImportExportKind = 'function' | 'table' | 'memory' | 'global' | 'tag'

export type ExportValue = ((...args: any[]) => any) | Memory | Table | Global | Tag
export type Exports = Readonly<Record<string, ExportValue>>
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface ModuleExportDescriptor {
  name: string
  kind: ImportExportKind
}

export interface ModuleImportDescriptor {
  module: string
  name: string
  kind: ImportExportKind
}

/** `WebAssemblyCompileOptions`. */
export interface CompileOptions {
  /** Builtin sets to provide; `js-string` gives the functions of `wasm:js-string`. Unknown names have no effect. */
  builtins?: Iterable<string>
  /** The module name whose imported globals are strings: each has its own name as value. */
  importedStringConstants?: string | null
}

/** What the streaming forms read: a `Response` of the Fetch standard. */
export interface ResponseSource {
  readonly status: number
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A compiled module. */
export interface Module {
  readonly [Symbol.toStringTag]: string
}

export interface ModuleConstructor {
  readonly prototype: Module
  new (bytes: BufferSource, options?: CompileOptions): Module
  exports(module: Module): ModuleExportDescriptor[]
  imports(module: Module): ModuleImportDescriptor[]
  customSections(module: Module, sectionName: string): ArrayBuffer[]
}

export interface Instance {
  readonly exports: Exports
}

export interface InstanceConstructor {
  readonly prototype: Instance
  new (module: Module, imports?: Imports): Instance
}

export interface MemoryDescriptor {
  initial: AddressValue
  maximum?: AddressValue
  address?: AddressType
  shared?: boolean
}

export interface Memory {
  readonly buffer: ArrayBuffer
  /** The buffer, after making it one of fixed length: growth detaches it. */
  toFixedLengthBuffer(): ArrayBuffer
  /** The buffer, after making it a resizable one: growth resizes it. Throws a TypeError if the memory has no maximum. */
  toResizableBuffer(): ArrayBuffer
  grow(delta: AddressValue): AddressValue
}

export interface MemoryConstructor {
  readonly prototype: Memory
  new (descriptor: MemoryDescriptor): Memory
}

export interface TableDescriptor {
  element: TableKind
  initial: AddressValue
  maximum?: AddressValue
  address?: AddressType
}

export interface Table {
  readonly length: AddressValue
  grow(delta: AddressValue, value?: unknown): AddressValue
  get(index: AddressValue): any
  set(index: AddressValue, value?: unknown): void
}

export interface TableConstructor {
  readonly prototype: Table
  new (descriptor: TableDescriptor, value?: unknown): Table
}

export interface GlobalDescriptor {
  value: ValueType
  mutable?: boolean
}

export interface Global {
  value: any
  valueOf(): any
}

export interface GlobalConstructor {
  readonly prototype: Global
  new (descriptor: GlobalDescriptor, value?: unknown): Global
}

export interface Tag {
  readonly [Symbol.toStringTag]: string
}

export interface TagConstructor {
  readonly prototype: Tag
  new (type: { parameters: Iterable<ValueType> }): Tag
}

export interface Exception {
  readonly stack: string | undefined
  is(tag: Tag): boolean
  getArg(tag: Tag, index: number): any
}

export interface ExceptionConstructor {
  readonly prototype: Exception
  new (tag: Tag, payload: Iterable<unknown>, options?: { traceStack?: boolean }): Exception
}

export interface InstantiatedSource {
  module: Module
  instance: Instance
}

/** An object of the shape of the standard `WebAssembly`. */
export interface WebAssemblyNamespace {
  validate(bytes: BufferSource, options?: CompileOptions): boolean
  compile(bytes: BufferSource, options?: CompileOptions): Promise<Module>
  instantiate(bytes: BufferSource, imports?: Imports, options?: CompileOptions): Promise<InstantiatedSource>
  instantiate(module: Module, imports?: Imports): Promise<Instance>
  compileStreaming(source: ResponseSource | PromiseLike<ResponseSource>, options?: CompileOptions): Promise<Module>
  instantiateStreaming(
    source: ResponseSource | PromiseLike<ResponseSource>,
    imports?: Imports,
    options?: CompileOptions,
  ): Promise<InstantiatedSource>
  readonly Module: ModuleConstructor
  readonly Instance: InstanceConstructor
  readonly Memory: MemoryConstructor
  readonly Table: TableConstructor
  readonly Global: GlobalConstructor
  readonly Tag: TagConstructor
  readonly Exception: ExceptionConstructor
  readonly JSTag: Tag
  readonly CompileError: WasmErrorConstructor
  readonly LinkError: WasmErrorConstructor
  readonly RuntimeError: WasmErrorConstructor
}
