// State of component instances: the handle table, the flags that guard entering and leaving, resource types as they exist at run
// time (CanonicalABI.md: "Component Instances", "Table State", "Resource State").

import { bug } from '../../util/bug.ts'
import type { WebAssemblyNamespace } from '../../api/namespace-types.ts'
import type { ResourceId } from '../validate/types.ts'

/** What all component instances made together share. */
export class ComponentStore {
  readonly namespace: WebAssemblyNamespace

  constructor(namespace: WebAssemblyNamespace) {
    this.namespace = namespace
  }

  /** Throws a trap: an error of the namespace's class, as traps of core code are. */
  trap(message: string): never {
    throw new this.namespace.RuntimeError(message)
  }

  /** Calls core code; an exception that it lets out is a trap at a component's boundary. */
  uncaught(error: unknown): never {
    const { Exception } = this.namespace
    if (Exception !== undefined && error instanceof (Exception as unknown as new () => object))
      this.trap('wasm trap: uncaught exception at the boundary of a component')
    throw error
  }
}

/** An element of a handle table. */
export interface ResourceHandle {
  readonly resource: RuntimeResource
  readonly rep: number
  /** The task that a borrowed handle has to be dropped in; undefined for an owning one. */
  readonly borrowedIn: Task | undefined
  /** Borrows of it that are under way. */
  lends: number
}

/** A call of a lifted function: counts the borrowed handles that it was given and has not dropped. */
export interface Task {
  borrows: number
}

/** The specification's limit. */
const MAX_HANDLES = 2 ** 28 - 1

/** Handles by index, from 1 on. Free indices are used again, the last one first. */
export class HandleTable {
  readonly #store: ComponentStore
  readonly #entries: (ResourceHandle | undefined)[] = [undefined]
  readonly #free: number[] = []

  constructor(store: ComponentStore) {
    this.#store = store
  }

  add(handle: ResourceHandle): number {
    const free = this.#free.pop()
    if (free !== undefined) {
      this.#entries[free] = handle
      return free
    }
    if (this.#entries.length > MAX_HANDLES) this.#store.trap('resource table has no free keys')
    return this.#entries.push(handle) - 1
  }

  get(index: number, resource: RuntimeResource): ResourceHandle {
    const handle = this.#entries[index]
    if (handle === undefined) return this.#store.trap(`unknown handle index ${index >>> 0}`)
    if (handle.resource !== resource)
      this.#store.trap(
        `handle index ${index} used with the wrong type, expected ${describe(resource)} but found ${
          resource.instance === undefined ? describe(handle.resource) : `a different ${describe(handle.resource)}`
        }`,
      )
    return handle
  }

  /** Takes a handle out; it must not be lent. */
  remove(index: number, resource: RuntimeResource): ResourceHandle {
    const handle = this.get(index, resource)
    if (handle.lends > 0) this.#store.trap('cannot remove owned resource while borrowed')
    this.#entries[index] = undefined
    this.#free.push(index)
    return handle
  }

  /** Number of handles; for tests and leak checks. */
  get size(): number {
    return this.#entries.length - 1 - this.#free.length
  }
}

const describe = (resource: RuntimeResource): string =>
  resource.instance === undefined ? 'host resource' : 'guest-defined resource'

/** A resource type of an instance, or of the host. */
export class RuntimeResource {
  /** The component instance that defines it; undefined for one of the host. */
  readonly instance: ComponentInstance | undefined
  /** Destructor in core code. */
  readonly dtor: ((rep: number) => void) | undefined
  /** What JavaScript knows of it: host.ts. */
  host: unknown

  constructor(instance: ComponentInstance | undefined, dtor: ((rep: number) => void) | undefined) {
    this.instance = instance
    this.dtor = dtor
  }
}

export class ComponentInstance {
  readonly store: ComponentStore
  readonly parent: ComponentInstance | undefined
  readonly handles: HandleTable
  /** False while it runs, and for ever after a trap. */
  mayEnter = false
  /** False while `realloc` or `post-return` runs. */
  mayLeave = true
  /** The call that runs; only set for functions with borrowed parameters. */
  task: Task | undefined
  /** Slots of `context.get` and `context.set`, of the call that runs; kept only if a component has these built-ins. */
  context: number[] = [0, 0]
  usesContext = false
  backpressure = 0
  readonly #resources = new Map<ResourceId, RuntimeResource>()

  constructor(store: ComponentStore, parent: ComponentInstance | undefined) {
    this.store = store
    this.parent = parent
    this.handles = new HandleTable(store)
  }

  bindResource(id: ResourceId, resource: RuntimeResource): void {
    this.#resources.set(id, resource)
  }

  resource(id: ResourceId): RuntimeResource {
    return this.#resources.get(id) ?? bug('resource type without a run-time type')
  }

  knows(id: ResourceId): boolean {
    return this.#resources.has(id)
  }

  /** Begins a call with empty slots; returns those of the call before it. */
  newContext(): number[] {
    const { context } = this
    this.context = [0, 0]
    return context
  }

  checkLeave(): void {
    if (!this.mayLeave) this.store.trap('cannot leave component instance')
  }
}

/** The instances that a call of `callee` from `caller` enters: it and those around it that the caller is not in. */
export function enteringSet(
  callee: ComponentInstance,
  caller: ComponentInstance | undefined,
): readonly ComponentInstance[] {
  const inside = new Set<ComponentInstance>()
  for (let i = caller; i !== undefined; i = i.parent) inside.add(i)
  const set: ComponentInstance[] = []
  for (let i: ComponentInstance | undefined = callee; i !== undefined; i = i.parent) if (!inside.has(i)) set.push(i)
  return set
}

/** Enters instances, or traps. After a trap they stay entered: nobody gets in again. */
export function enter(store: ComponentStore, set: readonly ComponentInstance[]): void {
  for (const instance of set) if (!instance.mayEnter) store.trap('wasm trap: cannot enter component instance')
  for (const instance of set) instance.mayEnter = false
}

export function leave(set: readonly ComponentInstance[]): void {
  for (const instance of set) instance.mayEnter = true
}
