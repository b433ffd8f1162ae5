import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runEscapes } from './escapes.ts'
import { TREE_KINDS } from './trees.ts'

for (const kind of TREE_KINDS)
  test(`no attempt to leave a preopen succeeds, none throws, no descriptor is lost (${kind})`, (t) => {
    const { attempts, escaped, broken, descriptors } = runEscapes('zwasm', kind)
    t.diagnostic(`${attempts} attempts, ${escaped.length} escapes`)
    assert.ok(attempts > 400)
    assert.deepEqual([...escaped, ...broken], [])
    assert.equal(descriptors[1], descriptors[0])
  })

test('the attempts are real: node:wasi lets guests out', () => {
  assert.ok(runEscapes('node:wasi', 'host').escaped.length > 50)
})
