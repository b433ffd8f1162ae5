// What functions are called in traces, profiles and coverage.

import { ExternKind, type Module } from '../wasm/module.ts'
import { decodeNames } from '../wasm/names.ts'

export interface FunctionNames {
  readonly module: string | undefined
  /** By index: from the name section, else the name of the first export. */
  readonly functions: ReadonlyMap<number, string>
  /** Indices by every name that a function has. */
  readonly indices: ReadonlyMap<string, readonly number[]>
}

const cache = new WeakMap<Module, FunctionNames>()

export function functionNamesOf(module: Module): FunctionNames {
  let names = cache.get(module)
  if (names === undefined) cache.set(module, (names = read(module)))
  return names
}

function read(module: Module): FunctionNames {
  const section = decodeNames(module)
  const functions = new Map(section?.functions)
  const indices = new Map<string, number[]>()
  const add = (name: string, index: number): void => {
    const list = indices.get(name)
    if (list === undefined) indices.set(name, [index])
    else if (!list.includes(index)) list.push(index)
  }
  for (const [index, name] of functions) add(name, index)
  for (const { name, kind, index } of module.exports) {
    if (kind !== ExternKind.Func) continue
    add(name, index)
    if (!functions.has(index)) functions.set(index, name)
  }
  return { module: section?.module, functions, indices }
}

/** Its name in text, `module!name` if the module has one. */
export function functionLabel(names: Pick<FunctionNames, 'module'>, index: number, name: string | undefined): string {
  const func = name ?? `<wasm function ${index}>`
  return names.module === undefined ? func : `${names.module}!${func}`
}
