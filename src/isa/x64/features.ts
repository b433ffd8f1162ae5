// What a processor can do beyond the baseline. The baseline is SSE4.1 (2008): rounding, and lane access, have no other good sequence.

/** Optional instructions that lowering uses where they are there. */
export interface CpuFeatures {
  readonly lzcnt: boolean
  readonly popcnt: boolean
  /** tzcnt, andn. */
  readonly bmi1: boolean
  /** shlx, sarx, shrx, rorx. */
  readonly bmi2: boolean
  /** With the operating system's consent: it saves the registers' upper halves. */
  readonly avx: boolean
  readonly avx2: boolean
  readonly fma: boolean
}

/** Everything off: what code for any processor of the baseline may use. */
export const BASELINE: CpuFeatures = {
  lzcnt: false,
  popcnt: false,
  bmi1: false,
  bmi2: false,
  avx: false,
  avx2: false,
  fma: false,
}

const bit = (word: number, index: number): boolean => ((word >>> index) & 1) !== 0

/** Reads the words of `makeCpuProbe`. Undefined if the processor is below the baseline. */
export function readCpuFeatures(words: Int32Array): CpuFeatures | undefined {
  const [leaf1, leaf7, , extended, xcr0] = words
  if (!bit(leaf1, 19)) return undefined
  // XCR0 has the SSE and the AVX state.
  const avx = bit(leaf1, 28) && (xcr0 & 6) === 6
  return {
    lzcnt: bit(extended, 5),
    popcnt: bit(leaf1, 23),
    bmi1: bit(leaf7, 3),
    bmi2: bit(leaf7, 8),
    avx,
    avx2: avx && bit(leaf7, 5),
    fma: avx && bit(leaf1, 12),
  }
}
