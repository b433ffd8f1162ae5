// How often each instruction was executed. A *site* is an instruction of a function that was built; its number is in the code that counts it.

import type { Module } from '../wasm/module.ts'
import { OP_COUNT } from '../wasm/opcodes.ts'

/** The sites of a function: numbers from `first` on, in code order. */
interface FunctionSites {
  /** Number of the function. */
  readonly number: number
  readonly first: number
  length: number
  /** How often it was called. */
  entries: number
}

export class Sites {
  /** By site. */
  #counts = new Float64Array(1 << 10)
  #offsets = new Int32Array(1 << 10)
  #ops = new Uint16Array(1 << 10)
  #length = 0
  readonly #functions: FunctionSites[] = []
  readonly #byModule = new Map<Module, (FunctionSites | undefined)[]>()
  /** The function that is being translated, and its next site. */
  #translated: FunctionSites | undefined
  #next = 0
  /** Instructions executed, all together. */
  executed = 0

  count(site: number): void {
    this.#counts[site]++
    this.executed++
  }

  countEntry(number: number): void {
    this.#functions[number].entries++
  }

  /** A function is about to be translated, for the first time or again. */
  begin(module: Module, index: number): void {
    let functions = this.#byModule.get(module)
    if (functions === undefined) this.#byModule.set(module, (functions = []))
    let sites = functions[index]
    if (sites === undefined) {
      sites = { number: this.#functions.length, first: this.#length, length: 0, entries: 0 }
      functions[index] = sites
      this.#functions.push(sites)
    }
    this.#translated = sites
    this.#next = sites.first
  }

  /** Its number. */
  get current(): number {
    return this.#translated!.number
  }

  /** The site of its next instruction. */
  siteAt(offset: number, op: number): number {
    const site = this.#next++
    const sites = this.#translated!
    // The first time.
    if (site === sites.first + sites.length) {
      if (site === this.#counts.length) this.#grow()
      this.#offsets[site] = offset
      this.#ops[site] = op
      sites.length++
      this.#length++
    }
    return site
  }

  #grow(): void {
    const size = this.#length * 2
    const counts = new Float64Array(size)
    counts.set(this.#counts)
    this.#counts = counts
    const offsets = new Int32Array(size)
    offsets.set(this.#offsets)
    this.#offsets = offsets
    const ops = new Uint16Array(size)
    ops.set(this.#ops)
    this.#ops = ops
  }

  /** Modules of which a function was called. */
  get modules(): Iterable<Module> {
    return this.#byModule.keys()
  }

  /** How often a function was called. */
  entriesOf(module: Module, index: number): number {
    return this.#byModule.get(module)?.[index]?.entries ?? 0
  }

  /** Adds the counts of a function's instructions to `counts`, by offset in the module. Those that no branch leads to have none. */
  addCounts(module: Module, index: number, counts: Map<number, number>): void {
    const sites = this.#byModule.get(module)?.[index]
    if (sites === undefined) return
    for (let site = sites.first; site < sites.first + sites.length; site++)
      counts.set(this.#offsets[site], this.#counts[site])
  }

  /** Executed instructions of a function. */
  executedIn(module: Module, index: number): number {
    const sites = this.#byModule.get(module)?.[index]
    let sum = 0
    if (sites !== undefined)
      for (let site = sites.first; site < sites.first + sites.length; site++) sum += this.#counts[site]
    return sum
  }

  /** Executed instructions by opcode. */
  countsByOpcode(): Float64Array {
    const counts = new Float64Array(OP_COUNT)
    for (let site = 0; site < this.#length; site++) counts[this.#ops[site]] += this.#counts[site]
    return counts
  }
}
