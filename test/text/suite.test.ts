// The official suite as test data: malformed texts are refused with the expected message, all others survive round trips.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseWat } from '../../src/text/parse.ts'
import { printWat } from '../../src/text/print.ts'
import { TextError } from '../../src/text/text-error.ts'
import { parseWast } from '../../src/text/wast.ts'
import type { WastCommand, WastModule } from '../../src/text/wast.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { FormatError } from '../../src/wasm/errors.ts'
import type { Module } from '../../src/wasm/module.ts'
import { findSuite, suiteFiles } from '../spec/suite.ts'
import { textError } from './helpers.ts'

interface Case {
  readonly place: string
  readonly command: WastCommand
  readonly module: WastModule
}

const files = suiteFiles(findSuite(process.cwd()))

let refusals = 0

/** All modules of the suite. */
const cases: Case[] = files.flatMap(({ name, path, features }) => {
  const { commands } = parseWast(readFileSync(path), { features })
  const all = commands.flatMap((c) => (c.kind === 'thread' ? [c, ...c.commands] : [c]))
  return all.flatMap((command) => {
    const module = 'module' in command ? command.module : undefined
    return typeof module === 'object' ? [{ place: `${name}:${command.line}`, command, module }] : []
  })
})

const isMalformed = (c: Case): boolean =>
  c.command.kind === 'assert_malformed' || c.command.kind === 'assert_malformed_custom'

test('malformed texts', () => {
  let count = 0
  for (const c of cases) {
    if (!isMalformed(c) || c.module.form === 'binary') continue
    count++
    const e = textError(() => c.module.encode())
    const expected = 'message' in c.command ? c.command.message : ''
    assert.ok(e.message.startsWith(expected), `${c.place}: ${e.message}, expected ${expected}`)
    assert.equal(e.kind, c.command.kind === 'assert_malformed' ? 'malformed' : 'malformed-custom', c.place)
  }
  assert.ok(count >= 1275, `only ${count} malformed texts`)
})

test('round trips', () => {
  refusals = 0
  let texts = 0
  let binaries = 0
  for (const c of cases) {
    if (isMalformed(c)) continue
    const bytes = c.module.encode()
    const module = decode(bytes, c)
    if (module === undefined) continue
    for (const fold of [false, true]) {
      const again = parse(printWat(module, { fold }), c)
      if (c.module.form !== 'binary') {
        texts++
        assert.ok(Buffer.from(again).equals(bytes), `${c.place}: another binary`)
      } else {
        // A binary need not be in its shortest form; its text has to be stable from then on.
        binaries++
        assert.ok(Buffer.from(parse(printWat(again, { fold }), c)).equals(again), `${c.place}: text not stable`)
      }
    }
  }
  assert.ok(texts > 11_000 && binaries > 200, `only ${texts} texts and ${binaries} binaries`)
  assert.ok(refusals <= 60, `${refusals} modules were not printed`)
})

/** The module; undefined for an invalid one that the decoder refuses before there is anything to print. */
function decode(bytes: Uint8Array, c: Case): Module | undefined {
  try {
    return decodeModule(bytes, { validate: false })
  } catch (e) {
    assert.ok(e instanceof FormatError && c.command.kind === 'assert_invalid', `${c.place}: ${String(e)}`)
    refusals++
    return undefined
  }
}

function parse(text: string, c: Case): Uint8Array {
  try {
    return parseWat(text).bytes
  } catch (e) {
    return assert.fail(`${c.place}: ${e instanceof TextError ? e.format(c.place) : String(e)}`)
  }
}
