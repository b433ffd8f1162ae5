// WebAssemblyCompileOptions: builtin sets and imported string constants. Imports that they provide are found and checked when the
// module is compiled; an instance takes them before it looks into its import object.

import { canonType, isSubtypeId, matches } from '../wasm/canonical.ts'
import { ExternKind, type Import, type Module } from '../wasm/module.ts'
import { type CanonType, Ref, RefType } from '../wasm/types.ts'
import { CompileError } from './errors.ts'
import { type Builtin, builtinTypeId, findJsString, JS_STRING } from './js-string.ts'
import { isObject, toText } from './web-idl.ts'

/** After conversion. */
export interface CompileOptions {
  /** Names of builtin sets; unknown ones are allowed and have no effect. */
  readonly builtins: readonly string[]
  /** The module name whose imports are string constants. */
  readonly importedStringConstants: string | undefined
}

/** What stands for an import in place of the import object: a builtin, or the name of the import as a string constant. */
export type Provided = Builtin | 'string'

const NONE: CompileOptions = { builtins: [], importedStringConstants: undefined }

/** `USVString`. */
const toUsvString = (value: unknown): string => (toText(value) as string & { toWellFormed(): string }).toWellFormed()

/** Converts the dictionary: members in alphabetical order, as Web IDL has it. */
export function readCompileOptions(value: unknown, what: string): CompileOptions {
  if (value === undefined || value === null) return NONE
  if (!isObject(value)) throw new TypeError(`${what} must be an object`)
  const { builtins } = value as { builtins?: unknown }
  const names = builtins === undefined ? [] : readSequence(builtins, `${what}: Property 'builtins'`)
  const { importedStringConstants: strings } = value as { importedStringConstants?: unknown }
  return {
    builtins: names,
    importedStringConstants: strings === undefined || strings === null ? undefined : toUsvString(strings),
  }
}

function readSequence(value: unknown, what: string): string[] {
  if (!isObject(value) || typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function')
    throw new TypeError(`${what} must be an iterable object`)
  const names: string[] = []
  for (const name of value as Iterable<unknown>) names.push(toUsvString(name))
  return names
}

/** By module, for those with options: what is provided for each import. */
const provisions = new WeakMap<Module, readonly (Provided | undefined)[]>()

/** What the options of its compilation provide for each import of a module; undefined if it had none. */
export const provisionsOf = (module: Module): readonly (Provided | undefined)[] | undefined => provisions.get(module)

/**
 * "Validate builtins and imported string for a WebAssembly module", and notes what is provided.
 *
 * @throws CompileError if a set is named twice or an import has the wrong type.
 */
export function applyCompileOptions(module: Module, options: CompileOptions, what: string): void {
  const { builtins, importedStringConstants } = options
  if (builtins.length === 0 && importedStringConstants === undefined) return
  if (new Set(builtins).size !== builtins.length)
    throw new CompileError(`${what}: a builtin set is named twice in ${JSON.stringify(builtins)}`)
  const strings = builtins.includes(JS_STRING)
  provisions.set(
    module,
    module.imports.map((wanted, i) => {
      if (wanted.module === importedStringConstants) return checkString(module, wanted, i, what)
      return strings && wanted.module === `wasm:${JS_STRING}` ? checkBuiltin(module, wanted, what) : undefined
    }),
  )
}

function checkString(module: Module, wanted: Import, index: number, what: string): 'string' {
  const given = (RefType.ExternRef & ~Ref.Nullable) as CanonType
  const fits =
    wanted.kind === ExternKind.Global && !wanted.type.mutable && matches(given, canonType(module, wanted.type.type))
  if (fits) return 'string'
  throw new CompileError(
    `${what}: String constant import #${index} ${JSON.stringify(wanted.name)} must be an immutable global subtyping externref`,
  )
}

function checkBuiltin(module: Module, wanted: Import, what: string): Builtin | undefined {
  const builtin = findJsString(wanted.name)
  if (builtin === undefined) return undefined
  if (wanted.kind === ExternKind.Func && isSubtypeId(builtinTypeId(builtin), module.canon[wanted.typeIndex]))
    return builtin
  throw new CompileError(
    `${what}: Imported builtin function ${JSON.stringify(wanted.module)} ${JSON.stringify(wanted.name)} has incorrect signature`,
  )
}
