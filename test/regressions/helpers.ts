// Regression tests run small modules in text and compare what their exports give.

import assert from 'node:assert/strict'
import { createWebAssembly } from '../../src/api/namespace.ts'
import type { WebAssemblyNamespace } from '../../src/api/namespace-types.ts'
import { parseWat } from '../../src/text/parse.ts'

type Exports = Record<string, (...args: unknown[]) => unknown>

export interface Run {
  readonly exports: Exports
  readonly namespace: WebAssemblyNamespace
}

/** Instantiates a module in text. */
export function run(wat: string, imports: object = {}): Run {
  const namespace = createWebAssembly()
  const module = new namespace.Module(parseWat(wat).bytes)
  return { exports: new namespace.Instance(module, imports as never).exports as Exports, namespace }
}

/** Checks `[export, arguments, result]` in turn on one instance. */
export function expectResults(
  wat: string,
  calls: readonly (readonly [name: string, args: readonly unknown[], result: unknown])[],
): void {
  const { exports } = run(wat)
  for (const [name, args, result] of calls)
    assert.deepEqual(exports[name]!(...args), result, `${name}(${args.join(', ')})`)
}
