// Identifiers for the printer: unique in their index space, made of the names in the name section.

import type { NameMap } from '../wasm/names.ts'
import { printId, printName } from './print-values.ts'

/** The identifiers of one index space. */
export class Identifiers {
  /** `$id` by index; absent for members that are printed as numbers. */
  readonly #ids = new Map<number, string>()
  /** Names that could not become the identifier: repeated or empty ones. */
  readonly #annotated = new Map<number, string>()

  /** `unnamed`: what members without a name are called (`$#func0`), or undefined to leave them numbers. */
  constructor(names: NameMap | undefined, count: number, kind: string, nameUnnamed: boolean) {
    if (!nameUnnamed && (names === undefined || names.size === 0)) return
    const used = new Set<string>()
    const unique = (wanted: string): string => {
      while (used.has(wanted)) wanted += '#'
      used.add(wanted)
      return printId(wanted)
    }
    const repeated: number[] = []
    for (const [index, name] of names ?? []) {
      if (index >= count) continue
      if (name === '' || used.has(name)) repeated.push(index)
      else this.#ids.set(index, unique(name))
    }
    for (const index of repeated) {
      const name = names!.get(index)!
      this.#ids.set(index, unique(name === '' ? `#${kind}${index}` : `${name}#${index}`))
      this.#annotated.set(index, name)
    }
    if (!nameUnnamed) return
    for (let index = 0; index < count; index++) {
      if (!this.#ids.has(index)) this.#ids.set(index, unique(`#${kind}${index}`))
    }
  }

  /** A use: `$id` or the index. */
  use(index: number): string {
    return this.#ids.get(index) ?? String(index)
  }

  has(index: number): boolean {
    return this.#ids.has(index)
  }

  /** A binding, with a space in front; empty for a member without a name. */
  binding(index: number): string {
    const id = this.#ids.get(index)
    if (id === undefined) return ''
    const name = this.#annotated.get(index)
    return name === undefined ? ` ${id}` : ` ${id} (@name ${printName(name)})`
  }

  /** A definition: the binding and the index as a comment. */
  definition(index: number): string {
    return `${this.binding(index)} (;${index};)`
  }
}
