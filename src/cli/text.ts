// Modules in the text format.

import { formatAt, parseWat, TextError } from '../index.ts'
import { Failure } from './failure.ts'
import type { InputModule } from './input.ts'

/** Text to binary; a mistake is shown with its line and a caret. */
export function parseText(source: Uint8Array, name: string): InputModule {
  try {
    const { bytes } = parseWat(source)
    return { bytes, source, locate: (message, offset) => locateInText(source, name, message, offset) }
  } catch (error) {
    if (error instanceof TextError) throw new Failure(`failed to parse \`${name}\``, [error.format(name)])
    throw error
  }
}

/** The source map is only made once an error asks for it. */
function locateInText(source: Uint8Array, name: string, message: string, offset: number): string | undefined {
  const { sourceMap } = parseWat(source, { sourceMap: true })
  if (sourceMap === undefined) return undefined
  // Pairs [binary offset, text offset], ascending: the last one at or before the error.
  let low = 0
  let high = sourceMap.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sourceMap[2 * middle] <= offset) low = middle + 1
    else high = middle
  }
  if (low === 0) return undefined
  return formatAt(message, source, sourceMap[2 * low - 1], 1, name)
}
