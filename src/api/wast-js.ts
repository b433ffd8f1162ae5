// The engine of a WAST script on a namespace shaped like `WebAssembly`: the host's own (a check of the runner), or zwasm's (a check
// of its JS API). NaN bits, v128 and exnref do not pass through the JS API: commands that need them are reported as not carried.

import type { WastResult, WastValue } from '../text/wast-types.ts'
import { NotCarried } from './wast-engine.ts'
import type {
  WastActual,
  WastEngine,
  WastError,
  WastExternHandle,
  WastInstanceHandle,
  WastModuleHandle,
  WastShared,
} from './wast-engine.ts'
import { HostValue } from './wast-match.ts'

/** What is used of the namespace. */
export interface JsNamespace {
  readonly Module: { new (bytes: Uint8Array): object; imports(module: object): { module: string; name: string }[] }
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> }
  readonly Memory: new (descriptor: object) => { readonly buffer: ArrayBufferLike }
  readonly Table: new (descriptor: object, init?: unknown) => object
  readonly Global: new (descriptor: object, init?: unknown) => { value: unknown }
  readonly CompileError: new (...args: never[]) => Error
  readonly LinkError: new (...args: never[]) => Error
  readonly RuntimeError: new (...args: never[]) => Error
  readonly Exception?: new (...args: never[]) => object
}

interface JsInstance extends WastInstanceHandle {
  readonly exports: Readonly<Record<string, unknown>>
}

const scratch = new DataView(new ArrayBuffer(8))
const isNan32 = (bits: number): boolean => (bits & 0x7fff_ffff) > 0x7f80_0000
const isNan64 = (bits: bigint): boolean => (bits & 0x7fff_ffff_ffff_ffffn) > 0x7ff0_0000_0000_0000n

function toJs(value: WastValue): unknown {
  switch (value.type) {
    case 'i32':
    case 'i64':
      return value.value
    case 'f32':
      if (isNan32(value.bits)) throw new NotCarried('the JS API does not carry bits of a NaN')
      scratch.setUint32(0, value.bits)
      return scratch.getFloat32(0)
    case 'f64':
      if (isNan64(value.bits)) throw new NotCarried('the JS API does not carry bits of a NaN')
      scratch.setBigUint64(0, value.bits)
      return scratch.getFloat64(0)
    case 'v128':
      throw new NotCarried('the JS API does not carry v128')
    case 'ref.null':
      return null
    default:
      return HostValue.of(value.value)
  }
}

/** Whether the JS API can give such a result at all. */
export function isCarried(expected: WastResult): boolean {
  return expected.type === 'either'
    ? expected.options.every(isCarried)
    : expected.type !== 'v128' && expected.type !== 'ref.exn'
}

/** What an engine's message means in the suite's words is its own business: a class is all that is compared. */
export function jsEngine(ns: JsNamespace): WastEngine {
  const call = (f: () => unknown): unknown => {
    try {
      return f()
    } catch (error) {
      // What the JS API says of a signature with v128 or exnref.
      if (error instanceof TypeError && /type incompatibility when transforming/.test(error.message))
        throw new NotCarried(error.message)
      throw error
    }
  }
  return {
    compile: (bytes) => new ns.Module(bytes) as WastModuleHandle,
    instantiate(module, resolve) {
      const imports: Record<string, Record<string, unknown>> = Object.create(null)
      for (const { module: from, name } of ns.Module.imports(module)) {
        const extern = resolve(from, name)
        imports[from] ??= Object.create(null) as Record<string, unknown>
        if (extern !== undefined) imports[from][name] = (extern as { value: unknown }).value
      }
      return new ns.Instance(module, imports) as JsInstance
    },
    exported(instance, name) {
      const { exports } = instance as JsInstance
      return name in exports ? ({ value: exports[name] } as WastExternHandle) : undefined
    },
    spectest: () => ({ exports: spectest(ns) }) as JsInstance,
    invoke(instance, name, args) {
      const f = (instance as JsInstance).exports[name]
      if (typeof f !== 'function') throw new Error(`no exported function "${name}"`)
      const values = args.map(toJs)
      const result = call(() => (f as (...args: unknown[]) => unknown)(...values))
      const list: unknown[] = Array.isArray(result) ? result : result === undefined ? [] : [result]
      return list.map((value): WastActual => ({ type: 'js', value }))
    },
    get(instance, name) {
      const global = (instance as JsInstance).exports[name]
      if (!(global instanceof ns.Global)) throw new Error(`no exported global "${name}"`)
      return { type: 'js', value: call(() => global.value) }
    },
    checkCustomSections() {
      throw new NotCarried('the JS API ignores custom sections')
    },
    shareable(instance) {
      // Structured cloning knows the host's memories only.
      if ((ns as unknown) !== (globalThis as { WebAssembly?: unknown }).WebAssembly)
        throw new NotCarried('memories of this namespace cannot be sent')
      return Object.fromEntries(
        Object.entries((instance as JsInstance).exports).filter(([, value]) => value instanceof ns.Memory),
      )
    },
    adopt: (shared: WastShared) => ({ exports: shared }) as JsInstance,
    classify(error): WastError {
      const texts = error instanceof Error ? [error.message] : [String(error)]
      if (error instanceof NotCarried) return { class: 'not-carried', texts }
      if (error instanceof ns.CompileError) return { class: 'rejected', texts }
      if (error instanceof ns.LinkError || (error instanceof TypeError && /Import #/.test(error.message)))
        return { class: 'unlinkable', texts }
      if (error instanceof ns.RuntimeError) return { class: 'trap', texts }
      if (ns.Exception !== undefined && error instanceof ns.Exception)
        return { class: 'exception', texts: ['uncaught exception'] }
      if (error instanceof RangeError && /call stack/.test(error.message))
        return { class: 'exhaustion', texts: ['call stack exhausted'] }
      return { class: 'other', texts }
    },
    dispose: () => {},
  }
}

function spectest(ns: JsNamespace): Readonly<Record<string, unknown>> {
  const print = (): void => {}
  const optional = (make: () => object): object | undefined => {
    try {
      return make()
    } catch {
      // Hosts without shared memories or 64-bit tables; scripts that import them are unlinkable there, which is what is reported.
      return undefined
    }
  }
  const all: Record<string, unknown> = {
    print,
    print_i32: print,
    print_i64: print,
    print_f32: print,
    print_f64: print,
    print_i32_f32: print,
    print_f64_f64: print,
    global_i32: new ns.Global({ value: 'i32' }, 666),
    global_i64: new ns.Global({ value: 'i64' }, 666n),
    global_f32: new ns.Global({ value: 'f32' }, 666.6),
    global_f64: new ns.Global({ value: 'f64' }, 666.6),
    table: new ns.Table({ element: 'anyfunc', initial: 10, maximum: 20 }),
    table64: optional(() => new ns.Table({ element: 'anyfunc', initial: 10n, maximum: 20n, address: 'i64' })),
    memory: new ns.Memory({ initial: 1, maximum: 2 }),
    shared_memory: optional(() => new ns.Memory({ initial: 1, maximum: 1, shared: true })),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
