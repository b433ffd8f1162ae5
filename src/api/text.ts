// The printer, behind the error class that all functions of the package have for bytes that are no module.

import { type PrintOptions, printWat as printModule } from '../text/print.ts'
import { compileErrorOf } from './compile-error.ts'
import type { BufferSource } from './namespace-types.ts'
import { copyBytes, requireBytes } from './web-idl.ts'

/**
 * A module in the text format.
 *
 * @throws CompileError if the bytes are no module. It need not be valid.
 */
export function printWat(bytes: BufferSource, options?: PrintOptions): string {
  const what = 'printWat()'
  const copy = copyBytes(requireBytes(bytes, `${what}: Argument 0`))
  try {
    return printModule(copy, options)
  } catch (error) {
    throw compileErrorOf(error, what)
  }
}
