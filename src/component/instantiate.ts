// Instantiation: runs over the definitions of a component in their order and fills the index spaces with what exists at run time
// (Explainer.md: "Instance Definitions", "Canonical Definitions").

import type { Memory, Module, WebAssemblyNamespace } from '../api/namespace-types.ts'
import { bug } from '../util/bug.ts'
import type { ComponentFunction, CoreFunction } from './abi/call.ts'
import {
  backpressure,
  contextGet,
  contextSet,
  LiftedFunction,
  lowerFunction,
  resourceDrop,
  resourceNew,
  resourceRep,
} from './abi/call.ts'
import type { Realloc } from './abi/memory.ts'
import { GUEST_SIDE, UnsupportedComponentError } from './abi/codec.ts'
import { AbiContext } from './abi/memory.ts'
import type { ComponentStore } from './abi/state.ts'
import { ComponentInstance, RuntimeResource } from './abi/state.ts'
import type {
  Alias,
  Canon,
  CanonOption,
  CoreInstanceExpr,
  Definition,
  InstanceExpr,
  StringEncoding,
} from './binary/model.ts'
import { Sort } from './binary/model.ts'
import type { ExternType, ResourceRef } from './validate/types.ts'
import type { ValidComponent } from './validate/validate.ts'

/** An instance of a component as its environment sees it. */
export interface InstanceValue {
  readonly kind: 'instance'
  readonly exports: ReadonlyMap<string, Extern>
}

/** A component that can be instantiated: its definition, and the instance in whose scope it was defined. */
export interface ComponentValue {
  readonly kind: 'component'
  readonly valid: ValidComponent
  readonly outer: Instantiation | undefined
}

/** What imports and exports are at run time. */
export type Extern =
  | { readonly kind: 'func'; readonly func: ComponentFunction }
  | { readonly kind: 'module'; readonly module: Module }
  /** `resource` if the type is one. */
  | { readonly kind: 'type'; readonly resource: RuntimeResource | undefined }
  | InstanceValue
  | ComponentValue

type CoreExports = Readonly<Record<string, unknown>>

/** What instantiation needs from the host. */
export interface InstantiationHost {
  /** Modules compiled once for all instances of a component. */
  compile(bytes: Uint8Array): Module
  /** A host resource whose last handle was dropped. */
  dropResource(resource: RuntimeResource, rep: number): void
}

export class Instantiation {
  readonly instance: ComponentInstance
  readonly #valid: ValidComponent
  readonly #outer: Instantiation | undefined
  readonly #host: InstantiationHost
  readonly #namespace: WebAssemblyNamespace

  readonly #coreModules: Module[] = []
  readonly #coreInstances: CoreExports[] = []
  readonly #coreItems: Readonly<Record<number, unknown[]>> = {
    [Sort.CoreFunc]: [],
    [Sort.CoreTable]: [],
    [Sort.CoreMemory]: [],
    [Sort.CoreGlobal]: [],
    [Sort.CoreTag]: [],
  }
  readonly #components: ComponentValue[] = []
  readonly #instances: InstanceValue[] = []
  readonly #funcs: ComponentFunction[] = []
  /** Number of types so far; what they are is known statically, resource types aside. */
  #types = 0
  readonly #exports = new Map<string, Extern>()

  constructor(
    component: ComponentValue,
    store: ComponentStore,
    parent: ComponentInstance | undefined,
    host: InstantiationHost,
  ) {
    this.instance = new ComponentInstance(store, parent)
    this.#valid = component.valid
    this.#outer = component.outer
    this.#host = host
    this.#namespace = store.namespace
  }

  /** Runs all definitions. `imports` are the component's, by name. */
  run(imports: ReadonlyMap<string, Extern>): InstanceValue {
    for (const definition of this.#valid.definitions) this.#definition(definition, imports)
    this.instance.mayEnter = true
    return { kind: 'instance', exports: this.#exports }
  }

  #definition(d: Definition, imports: ReadonlyMap<string, Extern>): void {
    const { scope } = this.#valid
    switch (d.kind) {
      case 'custom':
      case 'core-type':
        return
      case 'core-module':
        this.#coreModules.push(this.#host.compile(d.bytes))
        return
      case 'core-instance':
        this.#coreInstances.push(this.#coreInstance(d.expr))
        return
      case 'component':
        this.#components.push({
          kind: 'component',
          valid: this.#valid.nested.get(d) ?? bug('nested component'),
          outer: this,
        })
        return
      case 'instance': {
        const type = scope.instances[this.#instances.length]
        const value = this.#newInstance(d.expr)
        this.#bindResources({ kind: 'instance', type }, value)
        this.#instances.push(value)
        return
      }
      case 'alias':
        return this.#alias(d.alias)
      case 'type': {
        const type = scope.types[this.#types++]
        if (d.type.kind === 'resource') {
          const dtor = d.type.dtor === undefined ? undefined : (this.#core(Sort.CoreFunc, d.type.dtor) as CoreFunction)
          this.instance.bindResource((type as ResourceRef).id, new RuntimeResource(this.instance, dtor))
        }
        return
      }
      case 'canon':
        return this.#canon(d.canon)
      case 'import': {
        const value = imports.get(d.name.name) ?? bug(`import ${d.name.name}`)
        this.#bindResources(scope.imports.get(d.name.name)!, value)
        this.#define(value)
        return
      }
      case 'export': {
        const value = this.#extern(d.item.sort, d.item.index)
        this.#bindResources(scope.exports.get(d.name.name)!, value)
        this.#exports.set(d.name.name, value)
        this.#define(value)
      }
    }
  }

  /** Adds a member to the index space of its sort. */
  #define(value: Extern): void {
    switch (value.kind) {
      case 'func':
        this.#funcs.push(value.func)
        break
      case 'module':
        this.#coreModules.push(value.module)
        break
      case 'type':
        this.#types++
        break
      case 'instance':
        this.#instances.push(value)
        break
      case 'component':
        this.#components.push(value)
    }
  }

  #extern(sort: Sort, index: number): Extern {
    switch (sort) {
      case Sort.Func:
        return { kind: 'func', func: this.#funcs[index] }
      case Sort.CoreModule:
        return { kind: 'module', module: this.#coreModules[index] }
      case Sort.Instance:
        return this.#instances[index]
      case Sort.Component:
        return this.#components[index]
      case Sort.Type: {
        const type = this.#valid.scope.types[index]
        return { kind: 'type', resource: type.kind === 'resource' ? this.instance.resource(type.id) : undefined }
      }
      default:
        return bug(`run-time value of sort ${sort}`)
    }
  }

  /** Makes known which resource types those are that something brings in. */
  #bindResources(type: ExternType, value: Extern): void {
    if (type.kind === 'type' && value.kind === 'type') {
      if (type.type.kind === 'resource' && value.resource !== undefined && !this.instance.knows(type.type.id))
        this.instance.bindResource(type.type.id, value.resource)
    } else if (type.kind === 'instance' && value.kind === 'instance') {
      for (const [name, extern] of type.type.exports) {
        const inner = value.exports.get(name)
        if (inner !== undefined) this.#bindResources(extern, inner)
      }
    }
  }

  // Core definitions

  #core(sort: Sort, index: number): unknown {
    return this.#coreItems[sort][index]
  }

  #coreInstance(expr: CoreInstanceExpr): CoreExports {
    if (expr.kind === 'exports') {
      const exports: Record<string, unknown> = Object.create(null) as Record<string, unknown>
      for (const { name, sort, index } of expr.exports) exports[name] = this.#core(sort, index)
      return exports
    }
    const imports: Record<string, Record<string, unknown>> = Object.create(null) as Record<
      string,
      Record<string, unknown>
    >
    for (const { name, instance } of expr.args) imports[name] = this.#coreInstances[instance] as Record<string, unknown>
    try {
      return new this.#namespace.Instance(this.#coreModules[expr.module], imports).exports
    } catch (error) {
      return this.instance.store.uncaught(error)
    }
  }

  // Components and instances

  #newInstance(expr: InstanceExpr): InstanceValue {
    if (expr.kind === 'exports') {
      const exports = new Map<string, Extern>()
      for (const { name, sort, index } of expr.exports) exports.set(name.name, this.#extern(sort, index))
      return { kind: 'instance', exports }
    }
    const args = new Map<string, Extern>()
    for (const { name, sort, index } of expr.args) args.set(name, this.#extern(sort, index))
    const child = new Instantiation(this.#components[expr.component], this.instance.store, this.instance, this.#host)
    return child.run(args)
  }

  #alias(alias: Alias): void {
    if (alias.target === 'outer') return this.#outerAlias(alias)
    const { instance, name } = alias
    if (alias.target === 'core export') this.#coreItems[alias.sort].push(this.#coreInstances[instance][name])
    else this.#define(this.#instances[instance].exports.get(name) ?? bug(`export ${name}`))
  }

  #enclosing(count: number): Instantiation {
    return count === 0 ? this : (this.#outer ?? bug('outer alias')).#enclosing(count - 1)
  }

  #outerAlias({ sort, count, index }: Extract<Alias, { target: 'outer' }>): void {
    const from = this.#enclosing(count)
    switch (sort) {
      case Sort.CoreModule:
        this.#coreModules.push(from.#coreModules[index])
        break
      case Sort.Component:
        this.#components.push(from.#components[index])
        break
      case Sort.Type:
        this.#types++
    }
  }

  // Canonical definitions

  #canon(canon: Canon): void {
    const { scope } = this.#valid
    const { instance } = this
    const funcs = this.#coreItems[Sort.CoreFunc]
    switch (canon.op) {
      case 'lift': {
        const { func, options } = canon as Extract<Canon, { op: 'lift' }>
        const type = scope.funcs[this.#funcs.length]
        if (isAsync(options)) {
          const refuse = asyncOnly(instance, 'a function lifted with `async`')
          this.#funcs.push({
            kind: 'host',
            type,
            call: { side: GUEST_SIDE, call: refuse, begin: () => 0, end: () => {} },
          })
          return
        }
        const lifted = new LiftedFunction(
          type,
          this.#context(options),
          this.#core(Sort.CoreFunc, func) as CoreFunction,
          this.#option(options, 'post-return') as CoreFunction | undefined,
        )
        this.#funcs.push({ kind: 'guest', type, lifted })
        return
      }
      case 'lower': {
        const { func, options } = canon as Extract<Canon, { op: 'lower' }>
        funcs.push(
          isAsync(options)
            ? asyncOnly(instance, 'a function lowered with `async`')
            : lowerFunction(this.#funcs[func], scope.funcs[func], this.#context(options)),
        )
        return
      }
      case 'resource.new':
      case 'resource.rep':
      case 'resource.drop': {
        const resource = instance.resource((scope.types[(canon as { type: number }).type] as ResourceRef).id)
        if (canon.op === 'resource.new') funcs.push(resourceNew(instance, resource))
        else if (canon.op === 'resource.rep') funcs.push(resourceRep(instance, resource))
        else funcs.push(resourceDrop(instance, resource, (r, rep) => this.#host.dropResource(r, rep)))
        return
      }
      case 'context.get':
      case 'context.set': {
        const { slot } = canon as { slot: number }
        instance.usesContext = true
        funcs.push(canon.op === 'context.get' ? contextGet(instance, slot) : contextSet(instance, slot))
        return
      }
      case 'backpressure.inc':
      case 'backpressure.dec':
        funcs.push(backpressure(instance, canon.op === 'backpressure.inc' ? 1 : -1))
        return
      default:
        funcs.push(asyncOnly(instance, `the built-in \`${canon.op}\``))
    }
  }

  #option(options: readonly CanonOption[], kind: 'memory' | 'realloc' | 'post-return'): unknown {
    const option = options.find((o) => o.kind === kind)
    if (option === undefined || !('index' in option)) return undefined
    return this.#core(kind === 'memory' ? Sort.CoreMemory : Sort.CoreFunc, option.index)
  }

  #context(options: readonly CanonOption[]): AbiContext {
    let encoding: StringEncoding = 'utf8'
    for (const option of options) if (option.kind === 'string-encoding') encoding = option.encoding
    return new AbiContext(
      this.instance,
      encoding,
      this.#option(options, 'memory') as Memory | undefined,
      this.#option(options, 'realloc') as Realloc | undefined,
    )
  }
}

const isAsync = (options: readonly CanonOption[]): boolean => options.some((o) => o.kind === 'async')

/** Stands for what only asynchronous components use. It refuses to be called, and not to be imported: many import it in vain. */
function asyncOnly(instance: ComponentInstance, what: string): CoreFunction {
  return () => {
    instance.checkLeave()
    throw new UnsupportedComponentError(`the component uses ${what}`)
  }
}
