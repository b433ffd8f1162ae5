// What ZWASM_OPTIONS says.

import { readFileSync } from 'node:fs'
import type { NamespaceOptions } from '../api/options.ts'

/**
 * Options from the value of ZWASM_OPTIONS: JSON text if it starts with `{`, else the path of a file with it. What the options may be
 * is checked by `createWebAssembly`.
 *
 * @throws TypeError, naming the variable, for a file that cannot be read and for text that is no JSON object.
 */
export function readRegisterOptions(value: string | undefined): NamespaceOptions | undefined {
  const text = value?.trim()
  if (text === undefined || text === '') return undefined
  const inline = text.startsWith('{')
  const where = inline ? 'ZWASM_OPTIONS' : `ZWASM_OPTIONS: ${text}`
  try {
    const options: unknown = JSON.parse(inline ? text : readFileSync(text, 'utf8'))
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options
  } catch (error) {
    throw new TypeError(`${where}: ${(error as Error).message}`, { cause: error })
  }
  throw new TypeError(`${where}: not a JSON object`)
}
