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
    const theirs = outcome(body, host)
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
