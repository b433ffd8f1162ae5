import assert from 'node:assert/strict'
import { decodeModule, type DecodeOptions } from '../../src/wasm/decode.ts'
import { FormatError, type FormatErrorKind } from '../../src/wasm/errors.ts'
import type { Module } from '../../src/wasm/module.ts'

/** The error with which the bytes are refused. */
export function errorOf(bytes: Uint8Array, options?: DecodeOptions): FormatError {
  try {
    decodeModule(bytes, options)
  } catch (e) {
    assert(e instanceof FormatError, `not a FormatError: ${String(e)}`)
    assert(e.offset >= 0 && e.offset <= bytes.length, `offset ${e.offset}`)
    return e
  }
  return assert.fail('module was accepted')
}

/** Asserts that the bytes are refused with that kind and start of message. */
export function refuses(bytes: Uint8Array, kind: FormatErrorKind, message: string, options?: DecodeOptions): void {
  const e = errorOf(bytes, options)
  assert.equal(`${e.kind}: ${e.message.slice(0, message.length)}`, `${kind}: ${message}`, e.message)
}

export function accepts(bytes: Uint8Array, options?: DecodeOptions): Module {
  return decodeModule(bytes, options)
}
