// Golden text of SSA: golden/NAME.wat -> golden/NAME.txt, each function as the front end makes it, then optimised, with checked
// memories. `BLESS=1 npm test -- ssa/golden` rewrites the texts.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildGraph } from '../../src/frontend/translate.ts'
import { optimize } from '../../src/ssa/passes/optimize.ts'
import { printGraph } from '../../src/ssa/print.ts'
import { verify } from '../../src/ssa/verify.ts'
import { parseWat } from '../../src/text/parse.ts'
import { decodeModule } from '../../src/wasm/decode.ts'

const folder = join(process.cwd(), 'test/ssa/golden')

for (const file of readdirSync(folder).filter((name) => name.endsWith('.wat'))) {
  test(`SSA of ${file}`, () => {
    const module = decodeModule(parseWat(readFileSync(join(folder, file))).bytes)
    let text = ''
    for (let i = 0; i < module.codeStart.length; i++) {
      const graph = buildGraph(module, module.importedFuncs + i, { guardedMemories: false })
      assert.ok(!('declined' in graph))
      verify(graph)
      text += `;; function ${i}\n${printGraph(graph)}`
      optimize(graph, (pass) => verify(graph, pass))
      text += `;; function ${i}, optimised\n${printGraph(graph)}\n`
    }
    const golden = join(folder, file.replace(/\.wat$/, '.txt'))
    if (process.env['BLESS'] === '1') writeFileSync(golden, text)
    assert.ok(existsSync(golden), `${golden} is missing; BLESS=1 writes it`)
    assert.equal(text, readFileSync(golden, 'utf8'))
  })
}
