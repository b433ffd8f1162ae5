// Inputs that mutation starts from: modules of the official suite (if it is there) and generated ones, as binaries and as texts. The
// corpus is the same in every run on the same suite, so that a seed and a case number mean the same.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseWast } from '../src/text/wast.ts'
import { TextError } from '../src/text/text-error.ts'
import { printWat } from '../src/text/print.ts'
import { suiteFiles } from '../test/spec/suite.ts'
import { FEATURES } from './features.ts'
import { generateModule } from './gen.ts'
import { caseSeed } from './random.ts'

export interface Corpus {
  readonly inputs: readonly Uint8Array[]
  /** Whether the official suite is part of it. */
  readonly suite: boolean
}

const MAX_BYTES = 6000
const PER_FILE = 30
const GENERATED = 150
const GENERATED_SEED = 20_26

/** The suite's folder if it is there without fetching. */
function presentSuite(root: string): string | undefined {
  const folder = process.env['ZWASM_SPEC'] ?? join(root, '../shared/spec')
  return existsSync(folder) ? folder : undefined
}

const generated = (): Uint8Array[] =>
  Array.from({ length: GENERATED }, (_, i) => generateModule(caseSeed(GENERATED_SEED, i), new Set(FEATURES)))

export function binaryCorpus(root: string): Corpus {
  const inputs: Uint8Array[] = []
  const suite = presentSuite(root)
  for (const file of suite === undefined ? [] : suiteFiles(suite)) {
    let taken = 0
    for (const command of parseWast(readFileSync(file.path), { features: file.features }).commands) {
      if (!('module' in command) || typeof command.module !== 'object' || taken >= PER_FILE) continue
      try {
        const bytes = command.module.encode()
        if (bytes.length > MAX_BYTES) continue
        inputs.push(bytes)
        taken++
      } catch (error) {
        // The malformed texts of the suite.
        if (!(error instanceof TextError)) throw error
      }
    }
  }
  inputs.push(...generated())
  return { inputs, suite: suite !== undefined }
}

export function textCorpus(root: string): Corpus {
  const inputs: Uint8Array[] = []
  const suite = presentSuite(root)
  for (const file of suite === undefined ? [] : suiteFiles(suite)) {
    let taken = 0
    for (const form of topLevelForms(readFileSync(file.path))) {
      if (taken >= PER_FILE) break
      if (form.length > MAX_BYTES || form.length < 10 || !isPlainModule(form)) continue
      inputs.push(form)
      taken++
    }
  }
  const encoder = new TextEncoder()
  for (const [i, bytes] of generated().entries()) {
    const text = encoder.encode(printWat(bytes, { fold: i % 2 === 0 }))
    if (text.length < 3 * MAX_BYTES) inputs.push(text)
  }
  return { inputs, suite: suite !== undefined }
}

/** Whether a form is a module in text, as `parseWat` takes it, and not quoted, binary, a definition or an instance. */
const isPlainModule = (form: Uint8Array): boolean =>
  !/^\(module\s+(\$\S+\s+)?(quote|binary|definition|instance)\b/.test(
    Buffer.from(form.subarray(0, 100)).toString('latin1'),
  )

/** The `(module ...)` forms in a script, wherever they are: strings and comments are respected. */
export function topLevelForms(text: Uint8Array): Uint8Array[] {
  const forms: Uint8Array[] = []
  const starts: number[] = []
  const at = (i: number): string => String.fromCharCode(text[i] ?? 0)
  for (let i = 0; i < text.length; i++) {
    const c = at(i)
    if (c === '"') {
      for (i++; i < text.length && at(i) !== '"'; i++) if (at(i) === '\\') i++
    } else if (c === ';' && at(i + 1) === ';') {
      while (i < text.length && at(i) !== '\n') i++
    } else if (c === '(' && at(i + 1) === ';') {
      let depth = 0
      for (; i < text.length; i++) {
        if (at(i) === '(' && at(i + 1) === ';') depth++
        else if (at(i) === ';' && at(i + 1) === ')' && --depth === 0) break
      }
    } else if (c === '(') starts.push(i)
    else if (c === ')') {
      const start = starts.pop()
      if (start !== undefined && text.subarray(start, start + 7).every((byte, k) => byte === '(module'.charCodeAt(k)))
        forms.push(text.slice(start, i + 1))
    }
  }
  return forms
}
