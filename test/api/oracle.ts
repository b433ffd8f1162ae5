// The host's WebAssembly as oracle: the same code runs on both namespaces, and must come to the same end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly, parseWat } from '../../src/index.ts'

// Loosely typed: the tests pass what no signature allows.
export type Namespace = any
export const host: Namespace = (globalThis as any).WebAssembly
export const wat = (source: string): Uint8Array => parseWat(source).bytes

export interface Outcome {
  readonly value?: unknown
  readonly error?: string
  readonly message?: string
}

/**
 * zwasm's texts are those of V8 11 (Node 20). What newer versions changed, back: a pattern of theirs, and ours. (`Global.value)` has lost
 * its other half there.)
 */
const NEWER_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/Import #(\d+) "([^"]*)" "([^"]*)":/, 'Import #$1 module="$2" function="$3" error:'],
  [/Import #(\d+) "([^"]*)":/, 'Import #$1 module="$2" error:'],
  [/WebAssembly\.Global\.value\): /, 'WebAssembly.Global.value: '],
  [/^function signature mismatch$/, 'null function or function signature mismatch'],
  [/invalid address (\d+) in funcref table of size \d+/, 'invalid index $1 into function table'],
  [/A global of type 'v128' cannot be created in JavaScript/, "Descriptor property 'value' must be a WebAssembly type"],
]

function hostOutcome(body: (W: Namespace) => unknown): Outcome {
  const { message, ...rest } = outcome(body, host)
  return message === undefined ? rest : { ...rest, message: olderText(message) }
}

/** A message of any version of V8 as V8 11 words it. */
export const olderText = (message: string): string =>
  NEWER_TEXTS.reduce((text, [theirs, ours]) => text.replace(theirs, ours), message)

/** What a body comes to. Values that are compared are made of primitives and arrays. */
export function outcome(body: (W: Namespace) => unknown, W: Namespace): Outcome {
  try {
    return { value: body(W) }
  } catch (error) {
    if (!(error instanceof Error)) return { error: 'thrown value', message: String(error) }
    return { error: error.name, message: error.message }
  }
}

/** A test that the body ends alike on zwasm and on the host: same value, or same class of error and same message. */
export function same(name: string, body: (W: Namespace) => unknown, options: { message?: boolean } = {}): void {
  test(name, () => {
    const ours = outcome(body, createWebAssembly())
    const theirs = hostOutcome(body)
    if (options.message === false) {
      assert.deepEqual({ ...ours, message: undefined }, { ...theirs, message: undefined })
      assert.ok(ours.error !== undefined, 'an error was expected')
    } else assert.deepEqual(ours, theirs)
  })
}

/** Likewise, the class of the error only. */
export const sameError = (name: string, body: (W: Namespace) => unknown): void => same(name, body, { message: false })

/** The exports of an instance of a text module. */
export const load = (W: Namespace, source: string, imports?: object): any =>
  new W.Instance(new W.Module(wat(source)), imports).exports
