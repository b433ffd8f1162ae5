// The stages of the engine one by one: validation, register IR, SSA, machine code.

import '../interp/index.ts'
import { printRegIr } from '../interp/print.ts'
import { decodeModule } from '../wasm/decode.ts'
import { ExternKind, type Module } from '../wasm/module.ts'
import { decodeNames } from '../wasm/names.ts'
import { compileErrorOf } from './compile-error.ts'
import type { BufferSource } from './namespace-types.ts'
import { requireJit } from './native.ts'
import { type FeatureSwitches, readFeatures } from './options.ts'
import { functionNamesOf } from './trace-names.ts'
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
  return dumpFunctions(bytes, func, 'dumpRegisterIr()', printRegIr)
}

/**
 * The SSA form that machine code is made of, after all passes; of all defined functions or of one, as {@link dumpRegisterIr}.
 *
 * @throws RangeError if there is no such function, CompileError for an invalid module.
 */
export function dumpSsa(bytes: BufferSource, func?: number | string): string {
  return dumpFunctions(bytes, func, 'dumpSsa()', (module, index, name) =>
    titled(module, index, name, requireJit().dumpSsa(module, index)),
  )
}

/**
 * The machine code of x86-64, disassembled, with SSA values and Wasm offsets; of all defined functions or of one, as
 * {@link dumpRegisterIr}.
 *
 * @throws RangeError if there is no such function, CompileError for an invalid module.
 */
export function dumpMachineCode(bytes: BufferSource, func?: number | string): string {
  return dumpFunctions(bytes, func, 'dumpMachineCode()', (module, index, name) =>
    titled(module, index, name, requireJit().dumpMachineCode(module, index)),
  )
}

const titled = (module: Module, index: number, name: string | undefined, text: string): string =>
  `function ${index}${name === undefined ? '' : ` $${name}`}: ${module.codeEnd[index - module.importedFuncs] - module.codeStart[index - module.importedFuncs]} bytes\n${text}`

function dumpFunctions(
  bytes: BufferSource,
  func: number | string | undefined,
  what: string,
  print: (module: Module, index: number, name: string | undefined) => string,
): string {
  const module = decode(bytes, undefined, what)
  const names = decodeNames(module)?.functions
  if (func !== undefined) {
    const index = findFunction(module, names, func)
    return print(module, index, names?.get(index))
  }
  const parts: string[] = []
  for (let index = module.importedFuncs; index < module.funcs.length; index++)
    parts.push(print(module, index, names?.get(index)))
  return parts.join('\n')
}

function findFunction(module: Module, names: ReadonlyMap<number, string> | undefined, func: number | string): number {
  const index = typeof func === 'number' ? func : functionByName(module, names, func)
  if (index === undefined) throw new RangeError(`no function '${func}'`)
  if (!Number.isInteger(index) || index < 0 || index >= module.funcs.length)
    throw new RangeError(`no function ${func}: the module has ${module.funcs.length}`)
  if (index < module.importedFuncs) throw new RangeError(`function ${func} is imported: it has no code here`)
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

/**
 * Indices of the functions with a name, in the name section or as an export: those that the options of a trace mean by it.
 *
 * @throws CompileError for an invalid module.
 */
export function findFunctions(bytes: BufferSource, name: string): readonly number[] {
  return functionNamesOf(decode(bytes, undefined, 'findFunctions()')).indices.get(name) ?? []
}
