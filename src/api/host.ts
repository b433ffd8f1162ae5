// The JavaScript engine's own WebAssembly.

import type { WebAssemblyNamespace } from './namespace-types.ts'

/** Whether there is one. */
export const hasHostNamespace = (): boolean => typeof (globalThis as { WebAssembly?: unknown }).WebAssembly === 'object'

export function hostNamespace(): WebAssemblyNamespace {
  if (!hasHostNamespace())
    throw new TypeError("the engine 'host' is not available: this JavaScript engine has no WebAssembly")
  return (globalThis as unknown as { WebAssembly: WebAssemblyNamespace }).WebAssembly
}
