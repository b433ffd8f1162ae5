// `--features simd,-gc,all,wasm2`: a list read from left to right.

import { features, type FeatureSwitches, nearestName } from '../index.ts'
import { UsageError } from './failure.ts'

const LEVELS: Readonly<Record<string, string>> = { wasm1: '1.0', wasm2: '2.0', wasm3: '3.0' }

/** Switches for every feature, or none if no list is given (the defaults). */
export function featureSwitches(lists: readonly string[]): FeatureSwitches {
  const known = features().features
  const switches: Record<string, boolean> = {}
  for (const item of lists.flatMap((list) => list.split(',')).filter((item) => item !== '')) {
    const on = !item.startsWith('-')
    const word = on ? item : item.slice(1)
    const name = word.replaceAll('-', '_')
    if (word === 'all') for (const f of known) switches[f.name] = on
    else if (on && Object.hasOwn(LEVELS, word))
      for (const f of known) switches[f.name] = f.spec !== 'proposal' && f.spec <= LEVELS[word]
    else if (known.some((f) => f.name === name)) switches[name] = on
    else {
      const near = nearestName(name, [...known.map((f) => f.name), 'all', ...Object.keys(LEVELS)])
      throw new UsageError(
        `unknown feature '${word}'`,
        near === undefined ? "tip: 'zwasm features' lists them" : `tip: a similar feature exists: '${near}'`,
      )
    }
  }
  return switches as FeatureSwitches
}
