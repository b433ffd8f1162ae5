// WIT: the corpus of wasm-tools, and the packages of WASI.

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageId } from '../../src/component/wit/model.ts'
import { printPackage, printPackages } from '../../src/component/wit/print.ts'
import { resolveWit } from '../../src/component/wit/resolve.ts'
import { compareVersions } from '../../src/component/wit/semver.ts'
import { WitError } from '../../src/component/wit/source.ts'
import { corpus, dumpOfJson, dumpPackages, entries, groupsAt, isBinaryDep } from './wit-corpus.ts'

const FEATURES = { features: ['active'] }
/** Packages or dependencies in binary form: they need the decoder of components. */
const BINARY = ['kinds-of-deps', 'simple-wasm-text']

test('the corpus is there', () => {
  assert.ok(existsSync(corpus), `${corpus} is missing`)
})

/** Plain block comments are documentation in that dump, with half of their delimiters. */
const OTHER_DOCS = ['comments']

const good = entries(join(corpus, 'ui'), '.json')
test('what must parse: the corpus has 74 entries', () => assert.equal(good.length, 74))
for (const { name, path, expected } of good) {
  const plain = name.replace(/\.wit$/, '')
  if (BINARY.includes(plain)) {
    test(`${name} is there in binary form`, () => assert.ok(!existsSync(path) || isBinaryDep(path)))
    continue
  }
  test(`${name} means what wasm-tools says`, () => {
    const without = OTHER_DOCS.includes(plain) ? 'docs' : undefined
    const dump = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === without ? undefined : inner)))
    assert.deepEqual(dump(dumpPackages(resolveWit(groupsAt(path), FEATURES).values())), dump(dumpOfJson(expected)))
  })
}

const bad = entries(join(corpus, 'ui/parse-fail'), '.result')
test('what must not parse: the corpus has 150 entries', () => assert.equal(bad.length, 150))
for (const { name, path, expected } of bad) {
  test(`${name} fails where wasm-tools says`, () => {
    let error: unknown
    try {
      resolveWit(groupsAt(path), FEATURES)
    } catch (thrown) {
      error = thrown
    }
    assert.ok(
      error instanceof WitError,
      `${error === undefined ? 'no error' : String((error as Error).stack)}; expected: ${expected}`,
    )
    const place = /[\w./-]+\/([\w-]+\.wit):(\d+):(\d+)/.exec(expected.split('-->')[1] ?? '')
    if (place === null) return
    const [{ message, ...at }] = error.problems
    const [, file, line, column] = place
    assert.equal(
      `${at.file?.split('/').at(-1)}:${at.line}:${at.column}`,
      `${file}:${line}:${column}`,
      `${message}\n${expected}`,
    )
  })
}

for (const version of ['wasi-0.2', 'wasi-0.2.0', 'wasi-0.3'])
  test(`the packages of ${version} resolve`, () => {
    const folder = join(corpus, version)
    const groups = readdirSync(folder).map((name) => groupsAt(join(folder, name)).at(-1)!)
    const packages = resolveWit(groups, { features: 'all' })
    assert.ok(packages.size >= 6)
    for (const p of packages.values()) assert.ok(p.interfaces.size + p.worlds.size > 0)
  })

for (const { name, path } of good) {
  if (BINARY.includes(name.replace(/\.wit$/, ''))) continue
  test(`${name} comes back from its printed form`, () => {
    const packages = [...resolveWit(groupsAt(path), FEATURES).values()]
    // Each package in a file of its own.
    const texts = packages.map((p) => ({ name: packageId(p.name), text: printPackage(p) }))
    const again = resolveWit(
      texts.map((file) => [file]),
      { features: 'all' },
    )
    assert.deepEqual(dumpPackages(again.values()), dumpPackages(packages), texts.map((t) => t.text).join('\n'))
    // All in one file.
    const one = resolveWit([[{ name: 'all', text: printPackages(packages) }]], { features: 'all' })
    assert.deepEqual(dumpPackages(one.values()), dumpPackages(packages), printPackages(packages))
  })
}

test('several mistakes are found in one run, each with its place', () => {
  const text = `package a:b;
interface x {
  f: func(a: missing);
  type t = list<;
  g: func() -> absent;
}
world w {
  import nowhere;
  export y: func(;
}
interface last { type u = gone; }
`
  const places = (source: string): string[] => {
    try {
      resolveWit([[{ name: 'a.wit', text: source }]])
    } catch (error) {
      assert.ok(error instanceof WitError)
      return error.problems.map((p) => `${p.line}:${p.column} ${p.message}`)
    }
    return []
  }
  assert.deepEqual(places(text), [
    "4:17 expected a type, found ';'",
    "9:18 expected an identifier or string, found ';'",
  ])
  assert.deepEqual(places(text.replace('list<;', 'u8;').replace('func(;', 'func();')), [
    '3:14 name `missing` does not exist',
    '5:16 name `absent` does not exist',
    '8:10 interface or world `nowhere` does not exist',
    '11:27 type `gone` does not exist',
  ])
})

test('an error shows its line', () => {
  assert.throws(() => resolveWit([[{ name: 'a.wit', text: 'package a:b;\ninterface i { f: func() -> nope; }\n' }]]), {
    name: 'WitError',
    message: [
      'name `nope` does not exist',
      ' --> a.wit:2:28',
      '  |',
      '2 | interface i { f: func() -> nope; }',
      '  |                            ^---',
    ].join('\n'),
  })
})

test('mutated files resolve or fail with places, and nothing else happens', () => {
  let state = 12345
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const texts = good
    .filter(({ name }) => !BINARY.includes(name.replace(/\.wit$/, '')))
    .map(({ path }) => groupsAt(path).at(-1)![0].text)
  const pieces = texts.flatMap((text) => text.split(/(\s+|[{}();,<>.:=])/)).filter((piece) => piece.trim() !== '')
  let failed = 0
  for (let i = 0; i < 3000; i++) {
    let text = texts[random(texts.length)]
    for (let n = 1 + random(3); n > 0; n--) {
      const at = random(text.length)
      const drop = random(3) === 0 ? random(30) : 0
      text = text.slice(0, at) + (random(2) === 0 ? pieces[random(pieces.length)] : '') + text.slice(at + drop)
    }
    try {
      resolveWit([[{ name: 'mutated.wit', text }]], { features: 'all' })
    } catch (error) {
      assert.ok(error instanceof WitError, `${String((error as Error).stack)}\n${text}`)
      for (const { span } of error.problems)
        assert.ok(span === undefined || (span.start >= 0 && span.end <= text.length && span.start <= span.end))
      failed++
    }
  }
  assert.ok(failed > 1000 && failed < 3000, `${failed} of 3000 failed`)
})

test('semantic versions in the order of semver.org, section 11', () => {
  const order = [
    '0.2.0-rc.9',
    '0.2.0',
    '0.2.10',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '10.0.0',
  ]
  for (const [i, a] of order.entries())
    for (const [j, b] of order.entries())
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} and ${b}`)
  assert.equal(compareVersions('1.0.0+a', '1.0.0+b'), 0)
})
