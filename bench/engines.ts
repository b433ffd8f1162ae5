// The two engines, as namespaces of one shape.

import type { WebAssemblyNamespace } from 'zwasm'

export type EngineName = 'zwasm' | 'V8'

/** V8's own. */
export const v8 = (globalThis as unknown as { WebAssembly: WebAssemblyNamespace }).WebAssembly

/** Loads zwasm only where it is asked for: its start is part of what is measured. */
export const engine = async (name: EngineName): Promise<WebAssemblyNamespace> =>
  name === 'V8' ? v8 : (await import('zwasm')).WebAssembly
