// Names that the text gives to the parts of a module, in the form of the name section.

import type { Names } from '../wasm/names.ts'

type NameMap = Map<number, string>

export class ModuleNames implements Names {
  module: string | undefined
  readonly functions: NameMap = new Map()
  readonly types: NameMap = new Map()
  readonly tables: NameMap = new Map()
  readonly memories: NameMap = new Map()
  readonly globals: NameMap = new Map()
  readonly elems: NameMap = new Map()
  readonly datas: NameMap = new Map()
  readonly tags: NameMap = new Map()
  readonly locals = new Map<number, NameMap>()
  readonly labels = new Map<number, NameMap>()
  readonly fields = new Map<number, NameMap>()

  /** Names of parameters and locals of the function being read; `takeLocals` gives them to it. */
  #pendingLocals: NameMap = new Map()

  addField(type: number, field: number, name: string): void {
    addIndirect(this.fields, type, field, name)
  }

  addLabel(func: number, label: number, name: string): void {
    addIndirect(this.labels, func, label, name)
  }

  noteLocal(index: number, name: string): void {
    this.#pendingLocals.set(index, name)
  }

  /** Gives the noted local names to a function, or drops them (`func` < 0: parameters of a tag). */
  takeLocals(func: number): void {
    if (this.#pendingLocals.size === 0) return
    if (func >= 0) this.locals.set(func, this.#pendingLocals)
    this.#pendingLocals = new Map()
  }
}

function addIndirect(maps: Map<number, NameMap>, outer: number, inner: number, name: string): void {
  let map = maps.get(outer)
  if (map === undefined) maps.set(outer, (map = new Map()))
  map.set(inner, name)
}
