// Tiny helpers for the tests of the text toolchain.

import assert from 'node:assert/strict'
import { parseWat } from '../../src/text/parse.ts'
import { printWat } from '../../src/text/print.ts'
import { TextError } from '../../src/text/text-error.ts'

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The binary of a text, as hexadecimal digits. */
export const binary = (text: string): string => hex(parseWat(text).bytes)

/** Both texts mean the same module. */
export function same(short: string, long: string): void {
  assert.equal(printWat(parseWat(short).bytes), printWat(parseWat(long).bytes), short)
  assert.equal(binary(short), binary(long), short)
}

/** The error of `run`, which has to be a `TextError`. */
export function textError(run: () => unknown): TextError {
  try {
    run()
  } catch (e) {
    assert.ok(e instanceof TextError, String(e instanceof Error ? e.stack : e))
    return e
  }
  return assert.fail('no error')
}

/** `text` is refused with a message that starts so, at `line:column` if that is given. */
export function refused(text: string | Uint8Array, message: string, place?: string): void {
  const e = textError(() => parseWat(text))
  assert.ok(e.message.startsWith(message), `${JSON.stringify(String(text))}: ${e.message}, expected ${message}`)
  if (place !== undefined) assert.equal(`${e.line}:${e.column}`, place, String(text))
}

/** Printed text of a module given as text. */
export const reprint = (text: string, options = {}): string => printWat(parseWat(text).bytes, options)
