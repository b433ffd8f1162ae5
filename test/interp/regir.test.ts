// Golden text of register IR: golden/NAME.wat -> golden/NAME.txt, and NAME.plain.txt of the plain form. `BLESS=1 npm test regir` rewrites the texts.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CodeForm } from '../../src/interp/code.ts'
import { printRegIr } from '../../src/interp/print.ts'
import { parseWat } from '../../src/text/parse.ts'
import { decodeModule } from '../../src/wasm/decode.ts'

const folder = join(process.cwd(), 'test/interp/golden')

const forms = [
  { form: CodeForm.Fused, name: '', extension: '.txt' },
  { form: CodeForm.Plain, name: ', plain', extension: '.plain.txt' },
]
const sources = readdirSync(folder).filter((name) => name.endsWith('.wat'))

for (const [file, { form, name, extension }] of sources.flatMap((f) => forms.map((form) => [f, form] as const))) {
  test(`register IR of ${file}${name}`, () => {
    const { bytes } = parseWat(readFileSync(join(folder, file)))
    const module = decodeModule(bytes)
    let text = ''
    for (let i = 0; i < module.codeStart.length; i++)
      text += printRegIr(module, module.importedFuncs + i, undefined, form) + '\n'
    const golden = join(folder, file.replace(/\.wat$/, extension))
    if (process.env['BLESS'] === '1') writeFileSync(golden, text)
    assert.ok(existsSync(golden), `${golden} is missing; BLESS=1 writes it`)
    assert.equal(text, readFileSync(golden, 'utf8'))
  })
}
