// What the front end refuses, as a CompileError.

import { FormatError } from '../wasm/errors.ts'
import { CompileError } from './errors.ts'

/** `what` is the call that failed, such as `WebAssembly.Module()`. Anything but a FormatError is passed through. */
export function compileErrorOf(error: unknown, what: string): unknown {
  if (!(error instanceof FormatError)) return error
  return new CompileError(`${what}: ${error.message} @+${error.offset}`, { cause: error })
}
