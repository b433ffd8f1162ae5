// Imports go downward only. The rule is the table of docs/architecture.md; this test reads it there.

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { filesBelow, read, withoutComments } from './files.ts'

/** Layer -> layers it may import. Rows look like: | `src/wasm` | content | `src/util` | */
function layerTable(): Map<string, string[]> {
  const section = read('docs/architecture.md')
    .split(/^## /m)
    .find((part) => part.startsWith('Layers'))
  assert.ok(section, 'docs/architecture.md has a section "Layers"')
  const rows = [...section.matchAll(/^\| `(src\/[^`]+)` \|[^|]*\|([^|]*)\|$/gm)]
  return new Map(rows.map(([, layer, allowed]) => [layer, [...allowed.matchAll(/`([^`]+)`/g)].map(([, name]) => name)]))
}

const LAYERS = layerTable()

/** The layer that a file belongs to: the longest matching path. */
function layerOf(file: string): string | undefined {
  return [...LAYERS.keys()]
    .filter((layer) => file === layer || file.startsWith(layer + '/'))
    .sort((a, b) => b.length - a.length)[0]
}

/** Module specifiers of a source text: static, dynamic and type imports, re-exports, module augmentations. */
function specifiers(source: string): string[] {
  const found = withoutComments(source).matchAll(/\b(?:from|import|require)\s*\(?\s*(['"`])([\w.@][^'"`\n]*)\1/g)
  return [...found].map(([, , specifier]) => specifier)
}

test('the table names each layer once, and only layers that exist', () => {
  assert.ok(LAYERS.size >= 7)
  const files = filesBelow('src')
  for (const [layer, allowed] of LAYERS) {
    assert.ok(
      files.some((file) => layerOf(file) === layer),
      `${layer} has files`,
    )
    for (const other of allowed) assert.ok(LAYERS.has(other), `${layer} may import ${other}, which is no row`)
  }
})

test('the table has no cycle', () => {
  const visit = (layer: string, path: readonly string[]): void => {
    assert.ok(!path.includes(layer), `cycle: ${[...path, layer].join(' -> ')}`)
    for (const other of LAYERS.get(layer)!) visit(other, [...path, layer])
  }
  for (const layer of LAYERS.keys()) visit(layer, [])
})

test('every source file belongs to a layer and imports only what its layer may', () => {
  const wrong: string[] = []
  let imports = 0
  for (const file of filesBelow('src')) {
    const layer = layerOf(file)
    if (layer === undefined) {
      wrong.push(`${file} belongs to no layer`)
      continue
    }
    for (const specifier of specifiers(read(file))) {
      imports++
      if (specifier.startsWith('node:')) continue
      if (!specifier.startsWith('.')) {
        wrong.push(`${file} imports ${specifier}: there are no dependencies at run time`)
        continue
      }
      const target = posix.join(posix.dirname(file), specifier)
      const other = layerOf(target)
      if (other === undefined || (other !== layer && !LAYERS.get(layer)!.includes(other)))
        wrong.push(`${file} imports ${target}`)
    }
  }
  assert.ok(imports > 300, `only ${imports} imports were found: is the pattern right?`)
  assert.deepEqual(wrong, [])
})

test('the pattern sees every form of import', () => {
  const source = `
    import a from './1.ts'
    import type { B } from "./2.ts"
    import './3.ts'
    export * from './4.ts'
    export { c } from './5.ts'
    const d = await import('./6.ts')
    type E = import('./7.ts').E
    import {
      f,
    } from './8.ts'
    // import g from './9.ts'
    /* import './9.ts' */`
  assert.deepEqual(
    specifiers(source),
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `./${n}.ts`),
  )
})
