// What the oracle (the WebAssembly of the JavaScript engine that runs the fuzzer) supports, found by validating probe modules.

import { HEADER, Writer } from './writer.ts'

export const FEATURES = [
  'sign_extension',
  'sat_float_to_int',
  'multi_value',
  'bulk_memory',
  'reference_types',
  'simd',
  'threads',
  'tail_call',
  'extended_const',
  'multi_memory',
  'memory64',
  'relaxed_simd',
  'exceptions',
  'function_references',
  'gc',
  'wide_arithmetic',
  'custom_page_sizes',
] as const
export type Feature = (typeof FEATURES)[number]

/** A module with one function of type `type` (bytes behind 0x60) whose body is `body`, and extra sections before the code. */
function probe(type: number[], body: number[], extra: { [section: number]: number[] } = {}): Uint8Array {
  const out = new Writer().bytes(HEADER)
  const sections: { [section: number]: number[] } = {
    1: [1, 0x60, ...type],
    3: [1, 0],
    10: [1, body.length + 2, 0, ...body, 0x0b],
    ...extra,
  }
  for (const id of [1, 3, 4, 5, 13, 6, 12, 10, 11]) {
    const content = sections[id]
    if (content !== undefined) out.u8(id).u32(content.length).bytes(Uint8Array.from(content))
  }
  return out.finish()
}

const MEMORY = [1, 0, 1]

const PROBES: Readonly<Record<Feature, Uint8Array>> = {
  sign_extension: probe([0, 0], [0x41, 0, 0xc0, 0x1a]),
  sat_float_to_int: probe([0, 0], [0x43, 0, 0, 0, 0, 0xfc, 0, 0x1a]),
  multi_value: probe([0, 2, 0x7f, 0x7f], [0x41, 0, 0x41, 0]),
  bulk_memory: probe([0, 0], [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 11, 0], { 5: MEMORY }),
  reference_types: probe([0, 0], [0xd0, 0x6f, 0x1a]),
  simd: probe([0, 0], [0x41, 0, 0xfd, 15, 0x1a]),
  threads: probe([0, 0], [0x41, 0, 0xfe, 0x10, 2, 0, 0x1a], { 5: [1, 3, 1, 1] }),
  tail_call: probe([0, 0], [0x12, 0]),
  extended_const: probe([0, 0], [], { 6: [1, 0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b] }),
  multi_memory: probe([0, 0], [], { 5: [2, 0, 1, 0, 1] }),
  memory64: probe([0, 0], [0x42, 0, 0x28, 2, 0, 0x1a], { 5: [1, 4, 1] }),
  relaxed_simd: probe([0, 1, 0x7b], [0x41, 0, 0xfd, 15, 0x41, 0, 0xfd, 15, 0xfd, 0x80, 2]),
  exceptions: probe([0, 0], [0x02, 0x69, 0x1f, 0x40, 1, 3, 0, 0x08, 0, 0x0b, 0x00, 0x0b, 0x0a], { 13: [1, 0, 0] }),
  function_references: probe([0, 0], [0xd0, 0x00, 0x14, 0]),
  gc: probe([0, 0], [0x41, 0, 0xfb, 28, 0xfb, 0x14, 0x6c, 0x1a, 0xd0, 0x71, 0x1a]),
  wide_arithmetic: probe([0, 2, 0x7e, 0x7e], [0x42, 0, 0x42, 0, 0xfc, 22]),
  custom_page_sizes: probe([0, 0], [], { 5: [1, 8, 1, 0] }),
}

/**
 * Features that a version of V8 accepts and gets wrong. Before V8 12, values that live across `memory.atomic.wait64` are lost, and an
 * access that is both unaligned and out of bounds traps as one or the other, by tier (found by this fuzzer, seed 2026, cases 489, 1693
 * and 827; V8 14 agrees with zwasm on all of them).
 */
export function faultyFeatures(v8: string): Feature[] {
  return Number.parseInt(v8, 10) < 12 ? ['threads'] : []
}

/** The features that `validate` accepts and version `v8` gets right. */
export function supportedFeatures(validate: (bytes: Uint8Array) => boolean, v8: string): Set<Feature> {
  const faulty = faultyFeatures(v8)
  return new Set(FEATURES.filter((f) => !faulty.includes(f) && validate(PROBES[f])))
}
