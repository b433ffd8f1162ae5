// What all parts of the printer share: the module, its identifiers, the lines written so far.

import type { BranchHints } from '../wasm/branch-hints.ts'
import { decodeBranchHints } from '../wasm/branch-hints.ts'
import type { Module } from '../wasm/module.ts'
import type { Names } from '../wasm/names.ts'
import { decodeNames } from '../wasm/names.ts'
import type { FuncType } from '../wasm/types.ts'
import { Identifiers } from './print-names.ts'

export interface PrintOptions {
  /** Write instructions as nested expressions. */
  readonly fold?: boolean
  /** Write the offset in the binary in front of each instruction. */
  readonly offsets?: boolean
  /** Leave out function bodies and data (the result is no module). */
  readonly skeleton?: boolean
  /** Invent identifiers for what has no name. */
  readonly nameUnnamed?: boolean
  /** Default: two spaces. */
  readonly indent?: string
}

/** Deeper lines are not indented any further: ten thousand nested blocks would print as a hundred megabytes of spaces. */
const MAX_INDENT = 50

/** Width of the offsets column. */
const OFFSET_WIDTH = 12

function printOffset(offset: number): string {
  if (offset < 0) return ' '.repeat(OFFSET_WIDTH)
  return (`(;@${offset.toString(16)}`.padEnd(OFFSET_WIDTH - 3) + ';)').padEnd(OFFSET_WIDTH)
}

/** Lines per call of the sink: enough to make calls cheap. */
const LINES_AT_ONCE = 1024

export class Printer {
  readonly module: Module
  readonly options: PrintOptions
  readonly names: Names | undefined
  readonly hints: BranchHints | undefined
  readonly types: Identifiers
  readonly funcs: Identifiers
  readonly tables: Identifiers
  readonly memories: Identifiers
  readonly globals: Identifiers
  readonly tags: Identifiers
  readonly elems: Identifiers
  readonly datas: Identifiers
  readonly #fields = new Map<number, Identifiers>()
  readonly #indents: string[]
  readonly #write: (text: string) => void
  /** Lines not yet given to `#write`. */
  readonly #lines: string[] = []

  constructor(module: Module, options: PrintOptions, write: (text: string) => void) {
    const names = decodeNames(module)
    const unnamed = options.nameUnnamed ?? false
    this.module = module
    this.#write = write
    this.options = options
    this.names = names
    this.hints = decodeBranchHints(module)
    this.types = new Identifiers(names?.types, module.types.length, 'type', unnamed)
    this.funcs = new Identifiers(names?.functions, module.funcs.length, 'func', unnamed)
    this.tables = new Identifiers(names?.tables, module.tables.length, 'table', unnamed)
    this.memories = new Identifiers(names?.memories, module.memories.length, 'memory', unnamed)
    this.globals = new Identifiers(names?.globals, module.globals.length, 'global', unnamed)
    this.tags = new Identifiers(names?.tags, module.tags.length, 'tag', unnamed)
    this.elems = new Identifiers(names?.elems, module.elems.length, 'elem', unnamed)
    this.datas = new Identifiers(names?.datas, module.datas.length, 'data', unnamed)
    const indent = options.indent ?? '  '
    this.#indents = Array.from({ length: MAX_INDENT + 1 }, (_, i) => indent.repeat(i))
  }

  /** Writes a line. `offset`: where it is in the binary, for the offsets column. */
  line(depth: number, text: string, offset = -1): void {
    const indented = this.#indents[Math.min(depth, MAX_INDENT)] + text
    this.#lines.push(this.options.offsets ? printOffset(offset) + indented : indented)
    if (this.#lines.length === LINES_AT_ONCE) this.flush()
  }

  /** Gives the lines so far to the sink. */
  flush(): void {
    if (this.#lines.length > 0) this.#write(this.#lines.join('\n') + '\n')
    this.#lines.length = 0
  }

  /** The identifiers of a structure's fields. */
  fields(type: number): Identifiers | undefined {
    const known = this.#fields.get(type)
    if (known !== undefined) return known
    const names = this.names?.fields.get(type)
    const definition = this.module.types[type]
    if (names === undefined || definition?.kind !== 'struct') return undefined
    const ids = new Identifiers(names, definition.fields.length, 'field', false)
    this.#fields.set(type, ids)
    return ids
  }

  /** A function type by index; undefined where there is none. */
  funcType(index: number): FuncType | undefined {
    const type = this.module.types[index]
    return type?.kind === 'func' ? type : undefined
  }
}
