// Calls across a component's boundary: `canon lift`, `canon lower` and the resource built-ins (CanonicalABI.md, "Canonical
// Definitions"). Synchronous calls only: a function does not return before its callee has.

import { bug } from '../../util/bug.ts'
import type { FuncType, ValType } from '../validate/types.ts'
import { containsBorrow } from '../validate/types.ts'
import type { Codec, Flat, Side } from './codec.ts'
import { Codecs, GUEST_SIDE } from './codec.ts'
import { flatten, flattenFunc, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, sequence } from './layout.ts'
import { HOST_REALLOC, type AbiContext } from './memory.ts'
import type { ComponentInstance, ComponentStore, RuntimeResource, Task } from './state.ts'
import { enter, enteringSet, leave } from './state.ts'

export type CoreFunction = (...args: any[]) => unknown

/** A component-level function. */
export type ComponentFunction =
  | { readonly kind: 'guest'; readonly type: FuncType; readonly lifted: LiftedFunction }
  /** `call` takes and gives values as the host has them. */
  | { readonly kind: 'host'; readonly type: FuncType; readonly call: HostCall }

export interface HostCall {
  readonly side: Side
  call(args: unknown[]): unknown
  /** Around a call and the lifting of its arguments: what is borrowed is given back at the end. */
  begin(): number
  end(mark: number): void
}

const SYNC = { async: false, callback: false }

/** Moves parameters or a result between values and core values or memory. */
class Passing {
  readonly #cx: AbiContext
  readonly #codecs: readonly Codec[]
  /** Index of the first core value of each value. */
  readonly #at: readonly number[]
  /** The values lie in memory, as a tuple. */
  readonly isSpilled: boolean
  readonly #tuple: Codec | undefined
  readonly #size: number
  readonly #align: number

  constructor(cx: AbiContext, codecs: Codecs, types: readonly ValType[], maxFlat: number) {
    this.#cx = cx
    this.#codecs = types.map((t) => codecs.get(t))
    this.isSpilled = flatten(types, maxFlat) === undefined
    this.#tuple = this.isSpilled ? codecs.get({ kind: 'tuple', types }) : undefined
    const layout = sequence(types)
    this.#size = layout.size
    this.#align = layout.align
    const at: number[] = []
    let width = 0
    for (const codec of this.#codecs) {
      at.push(width)
      width += codec.flat?.length ?? 0
    }
    this.#at = at
  }

  lift(flat: ArrayLike<unknown>, at: number): unknown[] {
    if (this.#tuple !== undefined) {
      const ptr = (flat[at] as number) >>> 0
      this.#cx.checkRange(ptr, this.#align, this.#size, 'pointer')
      return this.#tuple.load(ptr) as unknown[]
    }
    const codecs = this.#codecs
    const values = new Array<unknown>(codecs.length)
    for (let i = 0; i < codecs.length; i++) values[i] = codecs[i].lift(flat, at + this.#at[i])
    return values
  }

  /** Lowers to core values, in memory from `realloc` if there are too many. */
  lower(values: ArrayLike<unknown>, flat: Flat, what: string): void {
    if (this.#tuple !== undefined) {
      const ptr = this.#cx.allocate(this.#align, this.#size, what)
      this.#tuple.store(ptr, values)
      flat[0] = ptr | 0
      return
    }
    const codecs = this.#codecs
    for (let i = 0; i < codecs.length; i++) codecs[i].lower(values[i], flat, this.#at[i])
  }

  /** Stores into memory that the caller gave. */
  storeAt(pointer: unknown, values: ArrayLike<unknown>): void {
    const ptr = (pointer as number) >>> 0
    this.#cx.checkRange(ptr, this.#align, this.#size, 'pointer')
    this.#tuple!.store(ptr, values)
  }
}

/** `canon lift`: a core function as a function of the component. */
export class LiftedFunction {
  readonly type: FuncType
  readonly #cx: AbiContext
  readonly #callee: CoreFunction
  readonly #postReturn: CoreFunction | undefined
  readonly #hasBorrow: boolean
  readonly #plans = new Map<Side, { params: Passing; result: Passing | undefined; what: string }>()

  constructor(type: FuncType, cx: AbiContext, callee: CoreFunction, postReturn: CoreFunction | undefined) {
    this.type = type
    this.#cx = cx
    this.#callee = callee
    this.#postReturn = postReturn
    this.#hasBorrow = type.params.some((p) => containsBorrow(p.type))
  }

  get instance(): ComponentInstance {
    return this.#cx.instance
  }

  #plan(side: Side): { params: Passing; result: Passing | undefined; what: string } {
    let plan = this.#plans.get(side)
    if (plan === undefined) {
      const codecs = new Codecs(this.#cx, side)
      const { params, result } = this.type
      plan = {
        params: new Passing(
          this.#cx,
          codecs,
          params.map((p) => p.type),
          MAX_FLAT_PARAMS,
        ),
        result: result === undefined ? undefined : new Passing(this.#cx, codecs, [result], MAX_FLAT_RESULTS),
        what: side.isHost ? HOST_REALLOC : 'pointer',
      }
      this.#plans.set(side, plan)
    }
    return plan
  }

  /**
   * Calls the function. `entering` are the instances that the call enters. `start` gives the arguments once they are entered,
   * `resolve` takes the result before `post-return` runs.
   */
  call(
    side: Side,
    entering: readonly ComponentInstance[],
    start: () => ArrayLike<unknown>,
    resolve: (result: unknown) => void,
  ): void {
    const cx = this.#cx
    const { instance } = cx
    const { store } = instance
    const plan = this.#plan(side)
    enter(store, entering)
    const outerTask = instance.task
    const task: Task | undefined = this.#hasBorrow ? { borrows: 0 } : undefined
    instance.task = task
    const context = instance.usesContext ? instance.newContext() : undefined
    const flat: Flat = []
    try {
      const args = start()
      cx.refresh()
      plan.params.lower(args, flat, plan.what)
    } catch (error) {
      // A value of the host that does not fit is the caller's error: no guest code has seen it.
      if (side.isHost && (error instanceof TypeError || error instanceof RangeError)) {
        instance.task = outerTask
        if (context !== undefined) instance.context = context
        leave(entering)
      }
      throw error
    }
    let result: unknown
    try {
      result = this.#callee(...flat)
    } catch (error) {
      store.uncaught(error)
    }
    cx.refresh()
    resolve(plan.result === undefined ? undefined : plan.result.lift([result], 0)[0])
    if (task !== undefined && task.borrows > 0) store.trap('borrow handles still remain at the end of the call')
    if (this.#postReturn !== undefined) {
      instance.mayLeave = false
      try {
        if (plan.result === undefined) this.#postReturn()
        else this.#postReturn(result)
      } catch (error) {
        store.uncaught(error)
      }
      instance.mayLeave = true
    }
    instance.task = outerTask
    if (context !== undefined) instance.context = context
    leave(entering)
  }
}

/** `canon lower`: a function as a core function of an instance. */
export function lowerFunction(callee: ComponentFunction, type: FuncType, cx: AbiContext): CoreFunction {
  const { instance } = cx
  const side = callee.kind === 'host' ? callee.call.side : GUEST_SIDE
  const codecs = new Codecs(cx, side)
  const params = new Passing(
    cx,
    codecs,
    type.params.map((p) => p.type),
    MAX_FLAT_PARAMS,
  )
  const result = type.result === undefined ? undefined : new Passing(cx, codecs, [type.result], MAX_FLAT_RESULTS)
  const { params: flatParams, resultSpilled } = flattenFunc(type, 'lower', SYNC)
  const resultPointer = flatParams.length - 1
  const what = side.isHost ? HOST_REALLOC : 'pointer'
  const finish = (value: unknown, args: ArrayLike<unknown>): unknown => {
    if (result === undefined) return undefined
    cx.refresh()
    if (resultSpilled) return void result.storeAt(args[resultPointer], [value])
    const flat: Flat = []
    result.lower([value], flat, what)
    return flat[0]
  }
  if (callee.kind === 'host') {
    const { call } = callee
    return (...args: unknown[]) => {
      instance.checkLeave()
      cx.refresh()
      const mark = codecs.lent
      const scope = call.begin()
      const lowered = finish(call.call(params.lift(args, 0)), args)
      call.end(scope)
      codecs.giveBack(mark)
      return lowered
    }
  }
  const { lifted } = callee
  const entering = enteringSet(lifted.instance, instance)
  return (...args: unknown[]) => {
    instance.checkLeave()
    const mark = codecs.lent
    let lowered: unknown
    lifted.call(
      GUEST_SIDE,
      entering,
      () => {
        cx.refresh()
        return params.lift(args, 0)
      },
      (value) => (lowered = finish(value, args)),
    )
    codecs.giveBack(mark)
    return lowered
  }
}

// Built-ins of tasks

/** Storage of a task: zero when a call begins (CanonicalABI.md, `canon context.get`). */
export function contextGet(instance: ComponentInstance, slot: number): CoreFunction {
  return () => instance.context[slot]
}

export function contextSet(instance: ComponentInstance, slot: number): CoreFunction {
  return (value: number) => {
    instance.context[slot] = value | 0
  }
}

/** The specification's limit. */
const MAX_BACKPRESSURE = 2 ** 16

/** `backpressure.inc` and `.dec`: the counter holds back asynchronous calls only. */
export function backpressure(instance: ComponentInstance, change: 1 | -1): CoreFunction {
  return () => {
    const value = instance.backpressure + change
    if (value < 0 || value >= MAX_BACKPRESSURE) instance.store.trap('backpressure counter overflow')
    instance.backpressure = value
  }
}

// Built-ins for resources

export function resourceNew(instance: ComponentInstance, resource: RuntimeResource): CoreFunction {
  return (rep: number) => {
    instance.checkLeave()
    return instance.handles.add({ resource, rep: rep | 0, borrowedIn: undefined, lends: 0 })
  }
}

export function resourceRep(instance: ComponentInstance, resource: RuntimeResource): CoreFunction {
  return (index: number) => instance.handles.get(index >>> 0, resource).rep
}

export function resourceDrop(
  instance: ComponentInstance,
  resource: RuntimeResource,
  dropHost: (resource: RuntimeResource, rep: number) => void,
): CoreFunction {
  const entering = resource.instance === undefined ? [] : enteringSet(resource.instance, instance)
  return (index: number) => {
    instance.checkLeave()
    const handle = instance.handles.remove(index >>> 0, resource)
    if (handle.borrowedIn !== undefined) {
      handle.borrowedIn.borrows--
      return
    }
    if (resource.instance === undefined) dropHost(resource, handle.rep)
    else destroy(instance.store, resource, handle.rep, entering)
  }
}

/** Runs the destructor of a resource of a guest. */
export function destroy(
  store: ComponentStore,
  resource: RuntimeResource,
  rep: number,
  entering: readonly ComponentInstance[],
): void {
  const { instance, dtor } = resource
  if (instance === undefined) bug('destructor of a host resource')
  enter(store, entering)
  const outerTask = instance!.task
  instance!.task = undefined
  if (dtor !== undefined) {
    try {
      dtor(rep)
    } catch (error) {
      store.uncaught(error)
    }
  }
  instance!.task = outerTask
  leave(entering)
}
