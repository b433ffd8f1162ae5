// A map for Linux's `perf`: where the code of which function is. One line for each: address, bytes, name.

import { appendFileSync, writeFileSync } from 'node:fs'
import { decodeNames } from '../wasm/names.ts'
import type { Engine } from './engine.ts'

/** Where `perf report` looks. */
export const perfMapFile = (): string => `/tmp/perf-${process.pid}.map`

/** From now on each function is added to the file as it gets code. Throws what the file system throws. */
export function writePerfMap(engine: Engine, file: string): void {
  writeFileSync(file, '')
  engine.installed = ({ address, end, module, index }) => {
    const name = decodeNames(module)?.functions.get(index) ?? `function ${index}`
    appendFileSync(file, `${address.toString(16)} ${(end - address).toString(16)} wasm:${name}\n`)
  }
}
