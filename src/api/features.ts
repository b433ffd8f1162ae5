// What this build can do.

import { FEATURES, type FeatureName } from '../wasm/features.ts'
import { hasHostNamespace } from './host.ts'
import { whyNoNativeCode } from './native.ts'

export interface FeatureReport {
  readonly engines: readonly { readonly name: string; readonly available: boolean; readonly title: string }[]
  readonly features: readonly {
    readonly name: FeatureName
    /** Version of the core specification that has it, or `proposal`. */
    readonly spec: '2.0' | '3.0' | 'proposal'
    readonly title: string
  }[]
}

/** Engines and language features of this build; all features are on by default. */
export function features(): FeatureReport {
  const native = whyNoNativeCode()
  return {
    engines: [
      { name: 'interp', available: true, title: 'register-IR interpreter' },
      { name: 'jit', available: native === undefined, title: native ?? 'machine code for x86-64' },
      { name: 'host', available: hasHostNamespace(), title: "the JavaScript engine's own WebAssembly" },
    ],
    features: FEATURES.map(({ name, spec, title }) => ({ name, spec, title })),
  }
}
