// Components and JavaScript: imports that are JavaScript objects, exports that become such, resources as classes. The mapping is
// jco's (docs/components.md).

import { bug } from '../util/bug.ts'
import type { ComponentFunction, HostCall } from './abi/call.ts'
import { destroy } from './abi/call.ts'
import type { Side } from './abi/codec.ts'
import type { ComponentInstance } from './abi/state.ts'
import { enteringSet, RuntimeResource } from './abi/state.ts'
import type { ComponentValue, Extern, InstanceValue } from './instantiate.ts'
import { camelCase, pascalCase } from './names.ts'
import type { ExternType, FuncType, InstanceType } from './validate/types.ts'

/** The error case of a `result` that a function returned: `payload` is the error's value. */
export class ComponentError extends Error {
  override name = 'ComponentError'
  readonly payload: unknown

  constructor(payload: unknown) {
    super(typeof payload === 'string' ? payload : `a component's function returned an error: ${textOf(payload)}`)
    this.payload = payload
  }
}

function textOf(payload: unknown): string {
  try {
    return (
      JSON.stringify(payload, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)) ??
      String(payload)
    )
  } catch {
    return String(payload)
  }
}

type AnyFunction = (...args: any[]) => any
type AnyClass = new (...args: any[]) => object

// Resources of the host

/** The objects that handles of a host resource stand for. */
class HostResource {
  readonly name: string
  readonly #class: AnyClass | undefined
  readonly #objects = new Map<number, object>()
  #next = 1

  constructor(name: string, type: AnyClass | undefined) {
    this.name = name
    this.#class = type
  }

  add(value: unknown): number {
    if (typeof value !== 'object' || value === null)
      throw new TypeError(`expected a resource \`${this.name}\`, got ${value === null ? 'null' : typeof value}`)
    if (this.#class !== undefined && !(value instanceof this.#class))
      throw new TypeError(
        `expected a resource \`${this.name}\`: the object is no instance of the class ${this.#class.name}`,
      )
    const rep = this.#next++ | 0
    this.#objects.set(rep, value)
    return rep
  }

  get(rep: number): object {
    return this.#objects.get(rep) ?? bug(`host resource ${this.name} ${rep}`)
  }

  take(rep: number): object {
    const object = this.get(rep)
    this.#objects.delete(rep)
    return object
  }

  get size(): number {
    return this.#objects.size
  }
}

/** The last handle of a host resource was dropped. */
export function dropHostResource(resource: RuntimeResource, rep: number): void {
  const object = (resource.host as HostResource).take(rep) as { [key: symbol]: unknown }
  const dispose = object[DISPOSE]
  if (typeof dispose === 'function') dispose.call(object)
}

/** `Symbol.dispose`, also where the host has none (Node 20 below 20.11, older browsers): then jco's substitute. */
export const DISPOSE: unique symbol = (Symbol.dispose ?? Symbol.for('dispose')) as unknown as typeof DISPOSE

// Resources of guests

interface GuestHandle {
  /** Undefined when the handle was dropped or given away. */
  rep: number | undefined
  readonly owned: boolean
  lends: number
}

const handles = new WeakMap<object, { readonly type: GuestResource; readonly handle: GuestHandle }>()

/** The class whose objects are handles of a guest's resource. */
class GuestResource {
  readonly #resource: RuntimeResource
  readonly #entering: readonly ComponentInstance[]
  readonly #finalizers: FinalizationRegistry<GuestHandle>
  /** Set when an export gives it a name. */
  name = 'Resource'
  readonly type: AnyClass
  /** The exported constructor. */
  construct: AnyFunction | undefined

  constructor(resource: RuntimeResource) {
    this.#resource = resource
    this.#entering = enteringSet(resource.instance!, undefined)
    // A guest that is running, or has trapped, cannot be entered: its destructor does not run then.
    this.#finalizers = new FinalizationRegistry((handle) => {
      if (this.#entering.every((i) => i.mayEnter)) this.#drop(handle)
    })
    const own = this as GuestResource
    this.type = class {
      constructor(...args: unknown[]) {
        if (own.construct === undefined) throw new TypeError(`the resource ${own.name} has no constructor`)
        return own.construct(...args) as object
      }
    }
    Object.defineProperty(this.type.prototype, DISPOSE, {
      value(this: object) {
        const { handle } = own.#entry(this)
        if (handle.owned) own.#drop(handle)
      },
      configurable: true,
      writable: true,
    })
  }

  /** An object for a handle that leaves the guest. */
  wrap(rep: number, owned: boolean): object {
    const object = Object.create(this.type.prototype) as object
    const handle: GuestHandle = { rep, owned, lends: 0 }
    handles.set(object, { type: this, handle })
    if (owned) this.#finalizers.register(object, handle, handle)
    return object
  }

  #entry(object: unknown): { readonly handle: GuestHandle } {
    const entry = typeof object === 'object' && object !== null ? handles.get(object) : undefined
    if (entry === undefined || entry.type !== this)
      throw new TypeError(`expected a resource \`${this.name}\` of this component instance`)
    return entry
  }

  handle(object: unknown): GuestHandle {
    const { handle } = this.#entry(object)
    if (handle.rep === undefined) throw new TypeError(`the resource \`${this.name}\` was dropped or given away`)
    return handle
  }

  /** Takes the representation out of an object, which loses it. */
  take(object: unknown): number {
    const handle = this.handle(object)
    if (!handle.owned) throw new TypeError(`the resource \`${this.name}\` is borrowed: it cannot be given away`)
    if (handle.lends > 0) throw new TypeError(`the resource \`${this.name}\` is lent by a call that has not returned`)
    const { rep } = handle
    handle.rep = undefined
    this.#finalizers.unregister(handle)
    return rep!
  }

  #drop(handle: GuestHandle): void {
    const { rep } = handle
    if (rep === undefined) return
    if (handle.lends > 0) throw new TypeError(`the resource \`${this.name}\` is lent by a call that has not returned`)
    handle.rep = undefined
    this.#finalizers.unregister(handle)
    destroy(this.#resource.instance!.store, this.#resource, rep, this.#entering)
  }
}

function guestResource(resource: RuntimeResource): GuestResource {
  return (resource.host ??= new GuestResource(resource)) as GuestResource
}

/** What ends with a call between host and guest. */
const ends: (() => void)[] = []

function endBorrows(mark: number): void {
  while (ends.length > mark) ends.pop()!()
}

/** The host on the other side of a component's functions. */
export const HOST_SIDE: Side = {
  isHost: true,
  liftOwn: (resource, rep) =>
    resource.instance === undefined
      ? (resource.host as HostResource).take(rep)
      : guestResource(resource).wrap(rep, true),
  lowerOwn: (resource, value) =>
    resource.instance === undefined ? (resource.host as HostResource).add(value) : guestResource(resource).take(value),
  liftBorrow(resource, rep) {
    if (resource.instance === undefined) return (resource.host as HostResource).get(rep)
    const type = guestResource(resource)
    const object = type.wrap(rep, false)
    const handle = type.handle(object)
    ends.push(() => (handle.rep = undefined))
    return object
  },
  lowerBorrow(resource, value) {
    if (resource.instance === undefined) {
      const host = resource.host as HostResource
      const rep = host.add(value)
      ends.push(() => host.take(rep))
      return rep
    }
    const handle = guestResource(resource).handle(value)
    handle.lends++
    ends.push(() => handle.lends--)
    return handle.rep!
  },
}

// Imports

/** A function of the host as a component's function. */
export function hostFunction(type: FuncType, name: string, invoke: (args: unknown[]) => unknown): ComponentFunction {
  const { result } = type
  const plain = (value: unknown): unknown => {
    if (value instanceof Promise)
      throw new TypeError(`the imported function ${name} returned a Promise: imports are called synchronously`)
    return value
  }
  const call: HostCall = {
    side: HOST_SIDE,
    call(args) {
      if (result?.kind !== 'result') return plain(invoke(args))
      try {
        return { tag: 'ok', val: plain(invoke(args)) }
      } catch (error) {
        return { tag: 'err', val: errorPayload(error) }
      }
    },
    begin: () => ends.length,
    end: endBorrows,
  }
  return { kind: 'host', type, call }
}

/** What a host function threw, as the error of its result. Errors without payload are none: they go on to the caller. */
function errorPayload(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && Object.hasOwn(error, 'payload'))
    return (error as { payload: unknown }).payload
  if (error instanceof Error) throw error
  return error
}

/** Something that a component imports and the host does not have as it must be. */
export class ComponentLinkError extends Error {
  override name = 'ComponentLinkError'
}

export type HostImports = Readonly<Record<string, unknown>>

/** What a component imports, found in an object that the host gives. */
export function hostImports(
  imports: ReadonlyMap<string, ExternType>,
  given: HostImports,
  componentOf: (value: unknown) => ComponentValue | undefined,
): ReadonlyMap<string, Extern> {
  const found = new Map<string, Extern>()
  const missing: string[] = []
  for (const [name, type] of imports) {
    const value = lookup(given, name)
    const extern = importExtern(type, name, value, given, componentOf, missing)
    if (extern !== undefined) found.set(name, extern)
  }
  if (missing.length > 0)
    throw new ComponentLinkError(
      `the component imports what it is not given:\n${missing.map((m) => `  ${m}`).join('\n')}`,
    )
  return found
}

/** The object that has an interface: under its name, or its name without the version. */
function lookup(given: HostImports, name: string): unknown {
  if (Object.hasOwn(given, name)) return given[name]
  const at = name.indexOf('@')
  const short = at < 0 ? name : name.slice(0, at)
  if (Object.hasOwn(given, short)) return given[short]
  return (given as Record<string, unknown>)[name] ?? (given as Record<string, unknown>)[short]
}

function importExtern(
  type: ExternType,
  name: string,
  value: unknown,
  given: HostImports,
  componentOf: (value: unknown) => ComponentValue | undefined,
  missing: string[],
): Extern | undefined {
  switch (type.kind) {
    case 'func': {
      // Functions of the world itself: `{ name: f }`, or a module whose default export is the function.
      const target = parseFunctionName(name)
      if (target.kind !== 'function') return memberFunction(type.type, name, given, missing)
      const f = functionOf(value) ?? functionOf(given[camelCase(name)])
      if (f === undefined) return void missing.push(`function \`${name}\``)
      return { kind: 'func', func: hostFunction(type.type, name, (args) => f(...args)) }
    }
    case 'instance':
      if (typeof value !== 'object' && typeof value !== 'function') return void missing.push(`interface \`${name}\``)
      return importInstance(type.type, name, value as HostImports, missing)
    case 'type':
      if (type.type.kind !== 'resource') return { kind: 'type', resource: undefined }
      return { kind: 'type', resource: hostResource(name, classOf(value) ?? classOf(given[pascalCase(name)])) }
    case 'component': {
      const component = componentOf(value)
      if (component === undefined) return void missing.push(`component \`${name}\``)
      return component
    }
    case 'module':
      if (typeof value !== 'object' || value === null) return void missing.push(`core module \`${name}\``)
      return { kind: 'module', module: value as Extract<Extern, { kind: 'module' }>['module'] }
    case 'value':
      return void missing.push(`value \`${name}\`: the feature \`values\` is not supported`)
  }
}

function functionOf(value: unknown): AnyFunction | undefined {
  if (typeof value === 'function') return value as AnyFunction
  const standard = typeof value === 'object' && value !== null ? (value as { default?: unknown }).default : undefined
  return typeof standard === 'function' ? (standard as AnyFunction) : undefined
}

const classOf = (value: unknown): AnyClass | undefined => functionOf(value) as unknown as AnyClass | undefined

function hostResource(name: string, type: AnyClass | undefined): RuntimeResource {
  const resource = new RuntimeResource(undefined, undefined)
  resource.host = new HostResource(name, type)
  return resource
}

function importInstance(type: InstanceType, name: string, value: HostImports, missing: string[]): InstanceValue {
  const exports = new Map<string, Extern>()
  const inner: string[] = []
  for (const [key, extern] of type.exports) {
    if (extern.kind === 'type') {
      const resource = extern.type.kind === 'resource' ? hostResource(key, classOf(value[pascalCase(key)])) : undefined
      exports.set(key, { kind: 'type', resource })
    } else if (extern.kind === 'func') {
      const func = memberFunction(extern.type, key, value, inner)
      if (func !== undefined) exports.set(key, func)
    } else if (extern.kind === 'instance' && typeof value[camelCase(key)] === 'object') {
      exports.set(key, importInstance(extern.type, key, value[camelCase(key)] as HostImports, inner))
    } else inner.push(`${extern.kind} \`${key}\``)
  }
  for (const text of inner) missing.push(`${text} of interface \`${name}\``)
  return { kind: 'instance', exports }
}

type FunctionName =
  | { readonly kind: 'function' }
  | { readonly kind: 'constructor'; readonly resource: string }
  | { readonly kind: 'method' | 'static'; readonly resource: string; readonly label: string }

function parseFunctionName(name: string): FunctionName {
  const parts = /^\[(constructor|method|static)\]([^.]*)(?:\.(.*))?$/.exec(name)
  if (parts === null) return { kind: 'function' }
  return { kind: parts[1], resource: parts[2], label: parts[3] } as FunctionName
}

/** A function of an interface, or of a class in it. */
function memberFunction(type: FuncType, name: string, value: HostImports, missing: string[]): Extern | undefined {
  const target = parseFunctionName(name)
  const extern = (invoke: (args: unknown[]) => unknown): Extern => ({
    kind: 'func',
    func: hostFunction(type, name, invoke),
  })
  if (target.kind === 'function') {
    const f = value[camelCase(name)]
    if (typeof f !== 'function') return void missing.push(`function \`${name}\``)
    return extern((args) => (f as AnyFunction).apply(value, args))
  }
  const resourceClass = classOf(value[pascalCase(target.resource)])
  if (resourceClass === undefined) return void missing.push(`class \`${pascalCase(target.resource)}\` with \`${name}\``)
  if (target.kind === 'constructor') return extern((args) => new resourceClass(...args))
  const member = camelCase(target.label)
  if (target.kind === 'static') {
    const f = (resourceClass as unknown as Record<string, unknown>)[member]
    if (typeof f !== 'function') return void missing.push(`static \`${name}\``)
    return extern((args) => (f as AnyFunction).apply(resourceClass, args))
  }
  return extern((args) => {
    const self = args[0] as Record<string, unknown>
    const f = self[member]
    if (typeof f !== 'function') throw new TypeError(`the resource \`${target.resource}\` has no method ${member}`)
    return (f as AnyFunction).apply(self, args.slice(1))
  })
}

// Exports

/** A component's function for the host. */
export function exportFunction(func: ComponentFunction, name: string): AnyFunction {
  const { type } = func
  const isResult = type.result?.kind === 'result'
  const count = type.params.length
  const finish = (value: unknown): unknown => {
    if (!isResult) return value
    const { tag, val } = value as { tag: 'ok' | 'err'; val: unknown }
    if (tag === 'err') throw new ComponentError(val)
    return val
  }
  const checkCount = (args: readonly unknown[]): void => {
    if (args.length < count)
      throw new TypeError(`${name} takes ${count} argument${count === 1 ? '' : 's'}, got ${args.length}`)
  }
  let f: AnyFunction
  if (func.kind === 'host') {
    f = (...args: unknown[]) => {
      checkCount(args)
      return finish(func.call.call(args))
    }
  } else {
    const { lifted } = func
    const entering = enteringSet(lifted.instance, undefined)
    f = (...args: unknown[]) => {
      if (args.length < count && type.params.slice(args.length).some((p) => p.type.kind !== 'option')) checkCount(args)
      const mark = ends.length
      let value: unknown
      try {
        lifted.call(
          HOST_SIDE,
          entering,
          () => args,
          (result) => (value = result),
        )
      } finally {
        endBorrows(mark)
      }
      return finish(value)
    }
  }
  Object.defineProperty(f, 'name', { value: name })
  Object.defineProperty(f, 'length', { value: count })
  return f
}

/** The short name of an interface: `wasi:http/incoming-handler@0.2.0` to `incomingHandler`. */
export function shortName(name: string): string {
  return camelCase(name.replace(/@.*$/, '').replace(/^.*\//, ''))
}

/** The exports of a component for the host. */
export function hostExports(instance: InstanceValue, type: ReadonlyMap<string, ExternType>): Record<string, unknown> {
  const exports: Record<string, unknown> = {}
  for (const [name, extern] of instance.exports) {
    const externType = type.get(name) ?? bug(`type of export ${name}`)
    if (extern.kind === 'instance' && externType.kind === 'instance') {
      const object = Object.freeze(hostExports(extern, externType.type.exports))
      exports[name] = object
      const short = shortName(name)
      if (short !== name && !(short in exports)) exports[short] = object
    } else addExport(exports, name, extern)
  }
  return exports
}

function addExport(exports: Record<string, unknown>, name: string, extern: Extern): void {
  switch (extern.kind) {
    case 'func':
      return addFunction(exports, name, extern.func)
    case 'type': {
      const { resource } = extern
      if (resource?.instance === undefined) return
      const type = guestResource(resource)
      type.name = pascalCase(name)
      Object.defineProperty(type.type, 'name', { value: type.name })
      exports[type.name] = type.type
      return
    }
    case 'module':
      exports[camelCase(name)] = extern.module
      return
    default:
      // Components among the exports are no values of JavaScript yet: `Component.exports` lists them.
      return
  }
}

function addFunction(exports: Record<string, unknown>, name: string, func: ComponentFunction): void {
  const target = parseFunctionName(name)
  if (target.kind === 'function') {
    exports[camelCase(name)] = exportFunction(func, camelCase(name))
    return
  }
  const type = exports[pascalCase(target.resource)] as AnyClass | undefined
  if (type === undefined) return
  if (target.kind === 'constructor') {
    const resource = resourceOfClass(func)
    const construct = exportFunction(func, pascalCase(target.resource))
    if (resource !== undefined) resource.construct = construct
    Object.defineProperty(type, 'length', { value: func.type.params.length })
    return
  }
  const member = camelCase(target.label)
  const f = exportFunction(func, member)
  if (target.kind === 'static') {
    Object.defineProperty(type, member, { value: f, configurable: true, writable: true })
    return
  }
  Object.defineProperty(type.prototype, member, {
    value(this: unknown, ...args: unknown[]): unknown {
      return f(this, ...args) as unknown
    },
    configurable: true,
    writable: true,
  })
}

/** The resource that a constructor makes. */
function resourceOfClass(func: ComponentFunction): GuestResource | undefined {
  if (func.kind !== 'guest') return undefined
  const { result } = func.type
  const own = result?.kind === 'result' ? result.ok : result
  if (own?.kind !== 'own') return undefined
  return guestResource(func.lifted.instance.resource(own.resource.id))
}
