// A profile: who calls whom, and how many instructions each executes. The unit is the executed Wasm instruction, so a profile is the same
// on every run.
//
//   calls    function numbers of what is active now
//   context  a node of the tree of calling contexts: a function, called from the context above it

import type { HostFunc } from '../runtime/instance.ts'
import type { Module } from '../wasm/module.ts'
import type { Sites } from './coverage.ts'

/** A function of a module, or of the host. */
export type ProfiledFunction = { readonly module: Module; readonly index: number } | { readonly host: string }

/**
 * Contexts are told apart up to this depth; deeper frames belong to the context there. A stack of the flame graph has as many frames, and
 * endless recursion does not fill the memory.
 */
const MAX_CONTEXT_DEPTH = 256
/** Above every function number: `MAX_FUNCS` is a limit of all live functions; keys stay below 2^53. */
const MAX_FUNCTIONS = 2 ** 26
const NONE = -1

/** Columns of a table that only grows. */
class Column {
  values = new Float64Array(256)

  set(i: number, value: number): void {
    if (i >= this.values.length) {
      const values = new Float64Array(this.values.length * 2)
      values.set(this.values)
      this.values = values
    }
    this.values[i] = value
  }
}

export class Profile {
  readonly functions: ProfiledFunction[] = []
  readonly #numbers = new Map<Module, (number | undefined)[]>()
  readonly #hosts = new Map<string, number>()
  readonly #sites: Sites

  /** By function: calls, instructions while it was active (recursion counted once), activations now. */
  readonly #calls = new Column()
  readonly #totals = new Column()
  readonly #active = new Column()

  /** By context. */
  readonly #function = new Column()
  readonly #parent = new Column()
  readonly #firstChild = new Column()
  readonly #nextSibling = new Column()
  readonly #self = new Column()
  #contexts = 0
  /** First of the contexts without a caller. */
  #roots = NONE

  /** By active call: function, its context, `executed` when it began. */
  readonly #stackFunction = new Column()
  readonly #stackContext = new Column()
  readonly #stackStart = new Column()
  #depth = 0
  /** `executed` when the context on top was last credited. */
  #mark = 0

  /** Calls by caller and callee: key caller * MAX_FUNCTIONS + callee; the caller 0 stands for JavaScript, others for their number + 1. */
  readonly #edges = new Map<number, number>()

  constructor(sites: Sites) {
    this.#sites = sites
  }

  numberOf(module: Module, index: number): number {
    let numbers = this.#numbers.get(module)
    if (numbers === undefined) this.#numbers.set(module, (numbers = []))
    return (numbers[index] ??= this.#add({ module, index }))
  }

  numberOfHost({ name }: HostFunc): number {
    let number = this.#hosts.get(name)
    if (number === undefined) this.#hosts.set(name, (number = this.#add({ host: name })))
    return number
  }

  #add(func: ProfiledFunction): number {
    const number = this.functions.push(func) - 1
    this.#calls.set(number, 0)
    this.#totals.set(number, 0)
    this.#active.set(number, 0)
    return number
  }

  /** A function is called. */
  enter(number: number): void {
    this.#calls.values[number]++
    const caller = this.#depth === 0 ? 0 : this.#stackFunction.values[this.#depth - 1] + 1
    const key = caller * MAX_FUNCTIONS + number
    this.#edges.set(key, (this.#edges.get(key) ?? 0) + 1)
    this.goOn(number)
  }

  /** A function that was called before goes on. */
  goOn(number: number): void {
    const { executed } = this.#sites
    const depth = this.#depth++
    const above = depth === 0 ? NONE : this.#stackContext.values[depth - 1]
    if (depth > 0) this.#self.values[above] += executed - this.#mark
    this.#mark = executed
    this.#stackFunction.set(depth, number)
    this.#stackContext.set(depth, depth < MAX_CONTEXT_DEPTH ? this.#context(above, number) : above)
    this.#stackStart.set(depth, executed)
    this.#active.values[number]++
  }

  /** The function on top ends, or pauses. */
  leave(): void {
    const { executed } = this.#sites
    const depth = --this.#depth
    const number = this.#stackFunction.values[depth]
    this.#self.values[this.#stackContext.values[depth]] += executed - this.#mark
    this.#mark = executed
    if (--this.#active.values[number] === 0) this.#totals.values[number] += executed - this.#stackStart.values[depth]
  }

  #context(parent: number, number: number): number {
    let context = parent === NONE ? this.#roots : this.#firstChild.values[parent]
    for (; context !== NONE; context = this.#nextSibling.values[context])
      if (this.#function.values[context] === number) return context
    context = this.#contexts++
    this.#function.set(context, number)
    this.#parent.set(context, parent)
    this.#firstChild.set(context, NONE)
    this.#nextSibling.set(context, parent === NONE ? this.#roots : this.#firstChild.values[parent])
    this.#self.set(context, 0)
    if (parent === NONE) this.#roots = context
    else this.#firstChild.values[parent] = context
    return context
  }

  callsOf(number: number): number {
    return this.#calls.values[number]
  }

  /** Instructions executed while the function was active. */
  totalOf(number: number): number {
    return this.#totals.values[number]
  }

  /** Instructions executed in the function itself. */
  selfOf(number: number): number {
    const func = this.functions[number]
    return 'host' in func ? 0 : this.#sites.executedIn(func.module, func.index)
  }

  /** Calls by caller (undefined: JavaScript) and callee. */
  *edges(): Iterable<{ caller: number | undefined; callee: number; calls: number }> {
    for (const [key, calls] of this.#edges) {
      const caller = Math.floor(key / MAX_FUNCTIONS)
      yield { caller: caller === 0 ? undefined : caller - 1, callee: key % MAX_FUNCTIONS, calls }
    }
  }

  /** Stacks of function numbers, outermost first, and the instructions executed in exactly that context; those without any are left out. */
  *stacks(): Iterable<{ stack: number[]; instructions: number }> {
    for (let context = 0; context < this.#contexts; context++) {
      const instructions = this.#self.values[context]
      if (instructions === 0) continue
      const stack: number[] = []
      for (let c = context; c !== NONE; c = this.#parent.values[c]) stack.push(this.#function.values[c])
      yield { stack: stack.reverse(), instructions }
    }
  }
}
