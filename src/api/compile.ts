// The stages of the engine one by one: validation, register IR.

import '../interp/index.ts'
import { printRegIr } from '../interp/print.ts'
import { decodeModule } from '../wasm/decode.ts'
import { ExternKind, type Module } from '../wasm/module.ts'
import { decodeNames } from '../wasm/names.ts'
import { compileErrorOf } from './compile-error.ts'
import type { BufferSource } from './namespace-types.ts'
import { type FeatureSwitches, readFeatures } from './options.ts'
import { copyBytes, requireBytes } from './web-idl.ts'

function decode(bytes: BufferSource, features: FeatureSwitches | undefined, what: string): Module {
  const copy = copyBytes(requireBytes(bytes, `${what}: Argument 0`))
  try {
    return decodeModule(copy, { features: readFeatures(features) })
  } catch (error) {
    throw compileErrorOf(error, what)
  }
}

/**
 * Checks that the bytes are a valid module.
 *
 * @throws CompileError with the first error; its `cause` has the byte `offset`.
 */
export function validate(bytes: BufferSource, features?: FeatureSwitches): void {
  decode(bytes, features, 'validate()')
}

/**
 * The register IR that the interpreter runs, as text: of all defined functions, or of one, by index or by the name of an
 * export or of the name section.
 *
 * @throws RangeError if there is no such function, CompileError for an invalid module.
 */
export function dumpRegisterIr(bytes: BufferSource, func?: number | string): string {
  const module = decode(bytes, undefined, 'dumpRegisterIr()')
  const names = decodeNames(module)?.functions
  const print = (index: number): string => printRegIr(module, index, names?.get(index))
  if (func !== undefined) return print(findFunction(module, names, func))
  const parts: string[] = []
  for (let index = module.importedFuncs; index < module.funcs.length; index++) parts.push(print(index))
  return parts.join('\n')
}

function findFunction(module: Module, names: ReadonlyMap<number, string> | undefined, func: number | string): number {
  const index = typeof func === 'number' ? func : functionByName(module, names, func)
  if (index === undefined) throw new RangeError(`no function '${func}'`)
  if (!Number.isInteger(index) || index < 0 || index >= module.funcs.length)
    throw new RangeError(`no function ${func}: the module has ${module.funcs.length}`)
  if (index < module.importedFuncs) throw new RangeError(`function ${func} is imported: it has no register IR`)
  return index
}

function functionByName(
  module: Module,
  names: ReadonlyMap<number, string> | undefined,
  name: string,
): number | undefined {
  const exported = module.exports.find((e) => e.kind === ExternKind.Func && e.name === name)
  if (exported !== undefined) return exported.index
  for (const [index, given] of names ?? []) if (given === name) return index
  return /^\d+$/.test(name) ? Number(name) : undefined
}
