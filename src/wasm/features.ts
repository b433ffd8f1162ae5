// Features of the language that can be switched off, and what `zwasm features` says about them.

import type { OpFeature } from './opcodes.ts'

/** One bit per feature. */
export const enum Feature {
  SignExtension = 1 << 0,
  SatFloatToInt = 1 << 1,
  MultiValue = 1 << 2,
  BulkMemory = 1 << 3,
  ReferenceTypes = 1 << 4,
  Simd = 1 << 5,
  RelaxedSimd = 1 << 6,
  TailCall = 1 << 7,
  ExtendedConst = 1 << 8,
  Exceptions = 1 << 9,
  FunctionReferences = 1 << 10,
  Gc = 1 << 11,
  MultiMemory = 1 << 12,
  Memory64 = 1 << 13,
  Threads = 1 << 14,
  WideArithmetic = 1 << 15,
  CustomPageSizes = 1 << 16,
  CompactImports = 1 << 17,
  BranchHinting = 1 << 18,
  Annotations = 1 << 19,
}

/** A set of features: `features & Feature.Gc`. */
export type Features = number

export type FeatureName =
  | Exclude<OpFeature, 'mvp'>
  | 'multi_value'
  | 'extended_const'
  | 'multi_memory'
  | 'memory64'
  | 'custom_page_sizes'
  | 'compact_imports'
  | 'branch_hinting'
  | 'annotations'

export interface FeatureInfo {
  readonly name: FeatureName
  readonly bit: Feature
  /** Version of the core specification that has it, or `proposal`. */
  readonly spec: '2.0' | '3.0' | 'proposal'
  readonly title: string
}

export const FEATURES: readonly FeatureInfo[] = [
  { name: 'sign_extension', bit: Feature.SignExtension, spec: '2.0', title: 'sign-extension operators' },
  { name: 'sat_float_to_int', bit: Feature.SatFloatToInt, spec: '2.0', title: 'saturating float to int conversion' },
  { name: 'multi_value', bit: Feature.MultiValue, spec: '2.0', title: 'multiple results, block parameters' },
  { name: 'bulk_memory', bit: Feature.BulkMemory, spec: '2.0', title: 'bulk memory and table operations' },
  { name: 'reference_types', bit: Feature.ReferenceTypes, spec: '2.0', title: 'reference types' },
  { name: 'simd', bit: Feature.Simd, spec: '2.0', title: '128-bit vectors' },
  { name: 'relaxed_simd', bit: Feature.RelaxedSimd, spec: '3.0', title: 'relaxed vector instructions' },
  { name: 'tail_call', bit: Feature.TailCall, spec: '3.0', title: 'tail calls' },
  { name: 'extended_const', bit: Feature.ExtendedConst, spec: '3.0', title: 'arithmetic in constant expressions' },
  { name: 'exceptions', bit: Feature.Exceptions, spec: '3.0', title: 'exceptions with exnref' },
  { name: 'function_references', bit: Feature.FunctionReferences, spec: '3.0', title: 'typed function references' },
  { name: 'gc', bit: Feature.Gc, spec: '3.0', title: 'garbage-collected structures and arrays' },
  { name: 'multi_memory', bit: Feature.MultiMemory, spec: '3.0', title: 'several memories' },
  { name: 'memory64', bit: Feature.Memory64, spec: '3.0', title: '64-bit memories and tables' },
  { name: 'annotations', bit: Feature.Annotations, spec: '3.0', title: 'custom annotations in the text format' },
  { name: 'branch_hinting', bit: Feature.BranchHinting, spec: '3.0', title: 'branch hints (kept, not obeyed)' },
  { name: 'threads', bit: Feature.Threads, spec: 'proposal', title: 'shared memories and atomics' },
  { name: 'wide_arithmetic', bit: Feature.WideArithmetic, spec: 'proposal', title: '128-bit integer arithmetic' },
  { name: 'custom_page_sizes', bit: Feature.CustomPageSizes, spec: 'proposal', title: 'memories with one-byte pages' },
  { name: 'compact_imports', bit: Feature.CompactImports, spec: 'proposal', title: 'compact import section' },
]

/** Everything zwasm knows: all of Wasm 3.0 and the proposals above. */
export const ALL_FEATURES: Features = FEATURES.reduce((set, f) => set | f.bit, 0)

export const DEFAULT_FEATURES: Features = ALL_FEATURES

/** Features of one version of the core specification and those before it. */
export function featuresOf(spec: '1.0' | '2.0' | '3.0'): Features {
  return FEATURES.reduce((set, f) => (f.spec !== 'proposal' && f.spec <= spec ? set | f.bit : set), 0)
}

/** What is known about a feature name. */
export function featureByName(name: string): FeatureInfo | undefined {
  return FEATURES.find((f) => f.name === name)
}

/** `base` with single features switched on or off. */
export function withFeatures(base: Features, changes: Partial<Record<FeatureName, boolean>>): Features {
  let set = base
  for (const f of FEATURES) {
    const on = changes[f.name]
    if (on !== undefined) set = on ? set | f.bit : set & ~f.bit
  }
  return set
}

/** The bit of an instruction's feature; 0 for `mvp`, which is always on. */
export function featureBit(name: OpFeature): Features {
  if (name === 'mvp') return 0
  return featureByName(name)!.bit
}
