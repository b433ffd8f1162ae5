// Rules for the sources that no linter has.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OP_COUNT, OPCODES } from '../../src/wasm/opcodes.ts'
import { filesBelow, read, withoutComments } from './files.ts'

/** Tables, generated in spirit: as long as what they list. */
const TABLES = new Set(['src/wasm/opcodes.ts'])
const LINES_WANTED = 500
const LINES_ALLOWED = 800

const sources = ['src', 'test', 'bench', 'fuzz'].flatMap((folder) => filesBelow(folder))
const scripts = ['scripts', 'examples'].flatMap((folder) => filesBelow(folder, '.mjs'))
/** The rules spell out what they forbid. */
const others = [...sources, ...scripts].filter((file) => file !== 'test/repo/hygiene.test.ts')

/** Lines `file:line: text` that match. */
function linesWith(files: readonly string[], pattern: RegExp, comments = false): string[] {
  return files.flatMap((file) =>
    (comments ? read(file) : withoutComments(read(file)))
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  )
}

test('no code is made from text: it runs under a strict Content Security Policy', () => {
  const ways =
    /\beval\s*\(|\bnew\s+Function\b|[^.\w]Function\s*\(|\bset(?:Timeout|Interval)\s*\(\s*['"`]|\bfrom 'node:vm'/
  for (const bad of [
    'eval ("1")',
    'new Function("a")',
    ' Function("a")',
    "setTimeout('a')",
    "import vm from 'node:vm'",
  ])
    assert.match(bad, ways)
  assert.deepEqual(linesWith(filesBelow('src'), ways), [])
})

test('nothing is left for later in the sources', () => {
  assert.deepEqual(linesWith(others, /\b(?:TODO|FIXME|XXX|HACK)\b/, true), [])
})

test('nothing is switched off: no skipped, focused or expected-to-fail test', () => {
  assert.deepEqual(
    linesWith(others, /\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b|[{,]\s*(?:only|todo|skip): (?:true|['"`])/),
    [],
  )
})

test('no type check is silenced', () => {
  assert.deepEqual(linesWith(others, /@ts-(?:ignore|nocheck|expect-error(?!: ))/, true), [])
})

test('files have about 500 lines at most', (t) => {
  const lengths = sources
    .filter((file) => !TABLES.has(file))
    .map((file): [string, number] => [file, read(file).split('\n').length])
    .sort((a, b) => b[1] - a[1])
  for (const [file, lines] of lengths.filter(([, lines]) => lines > LINES_WANTED))
    t.diagnostic(`${lines} lines: ${file}`)
  assert.deepEqual(
    lengths.filter(([file, lines]) => file.startsWith('src/') && lines > LINES_ALLOWED),
    [],
  )
})

test('every opcode is there once', () => {
  assert.equal(new Set(OPCODES.map(([id]) => id)).size, OPCODES.length, 'ids')
  assert.equal(new Set(OPCODES.map(([, name]) => name)).size, OPCODES.length, 'names')
  for (const [id, name] of OPCODES) assert.ok(id >= 0 && id < OP_COUNT, name)
  // The rows of the table are the only places that give an opcode its number.
  const table = read('src/wasm/opcodes.ts')
  for (const [id, name] of OPCODES)
    assert.equal(table.split(`[0x${id.toString(16).padStart(3, '0')}, '${name}',`).length, 2, `one row for ${name}`)
})

test('the lock files name no registry', () => {
  for (const file of [
    'package-lock.json',
    'fuzz/package-lock.json',
    'bench/package-lock.json',
    'test/packages/package-lock.json',
  ])
    assert.deepEqual(
      read(file)
        .split('\n')
        .filter((line) => line.includes('"resolved"')),
      [],
      file,
    )
})

test('there are no dependencies at run time', () => {
  const { dependencies, peerDependencies, bundleDependencies } = JSON.parse(read('package.json'))
  assert.deepEqual([dependencies, peerDependencies, bundleDependencies], [undefined, undefined, undefined])
})
