import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Finished, scratch, zwasm } from './harness.ts'

const folder = scratch({
  'plugin/main.wit':
    '/// Plugins.\npackage a:plugin;\nworld plugin { import b:log/sink@1.0.0; export run: func() -> result; }\n',
  'plugin/deps/log/log.wit':
    'package b:log@1.0.0;\ninterface sink { write: func(text: string); @unstable(feature = x) flush: func(); }\n',
  'two.wit': 'package a:two;\nworld one {}\nworld two {}\n',
  'bad.wit': 'package a:bad;\ninterface i {\n  f: func(a: nope);\n  g: func() -> nada;\n}\n',
  'binary/main.wit': 'package a:b;\ninterface i {}\n',
  'binary/deps/x.wasm': new Uint8Array([0, 0x61, 0x73, 0x6d]),
  'none/readme.txt': 'nothing',
  'latin.wit': new Uint8Array([0x70, 0xe9]),
})
const at = (name: string): string => join(folder, name)
const component = (...args: readonly string[]): Promise<Finished> => zwasm(folder, ['component', ...args])

test('component wit prints a package', async () => {
  const { code, stdout: printed, stderr } = await component('wit', 'plugin')
  assert.deepEqual(
    { code, stdout: printed, stderr },
    {
      code: 0,
      stdout:
        '/// Plugins.\npackage a:plugin;\n\nworld plugin {\n  import b:log/sink@1.0.0;\n  export run: func() -> result;\n}\n',
      stderr: '',
    },
  )
  const all = (await component('wit', '--deps', '--features', 'x', 'plugin')).stdout
  assert.match(all, /package b:log@1\.0\.0 \{\n {2}interface sink \{\n {4}write: func\(text: string\);\n {4}@unstable/)
})

test('component types writes declarations', async () => {
  const out = at('types')
  const { code, stdout, stderr } = await component('types', 'plugin', '-o', out)
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(stdout.trim().split('\n'), [join(out, 'interfaces/b-log-sink.d.ts'), join(out, 'plugin.d.ts')])
  assert.match(readFileSync(join(out, 'plugin.d.ts'), 'utf8'), /'b:log\/sink@1\.0\.0': typeof BLogSink,/)
  assert.equal(readFileSync(join(out, 'interfaces/b-log-sink.d.ts'), 'utf8').includes('flush'), false)
})

for (const [name, args, code, expected] of [
  ['all mistakes, with their places', ['wit', 'bad.wit'], 1, /bad\.wit:3:14\n[^]*bad\.wit:4:16\n/],
  ['no file', ['wit', 'missing.wit'], 1, /failed to read `.*missing\.wit`: no such file or directory/],
  ['no text', ['wit', 'latin.wit'], 1, /it is no UTF-8 text/],
  ['no .wit file', ['wit', 'none'], 1, /no \.wit file is in it/],
  ['a binary dependency', ['wit', 'binary'], 1, /packages in binary form cannot be read yet/],
  ['no command', [], 2, /one of wit, types is missing/],
  ['another command', ['new', 'x'], 2, /unrecognized component command 'new'/],
  ['no path', ['wit'], 2, /the argument <PATH> is missing/],
  ['no output', ['types', 'two.wit'], 2, /--output <PATH> is missing/],
  ['several worlds', ['types', 'two.wit', '-o', 'x'], 2, /has 2 worlds.*\n\n {2}worlds: one, two/],
  ['no such world', ['types', 'two.wit', '-o', 'x', '-w', 'three'], 1, /no world 'three'; it has one, two/],
] as const)
  test(`component: ${name}`, async () => {
    const result = await component(...args)
    assert.equal(result.code, code)
    assert.equal(result.stdout, '')
    assert.match(result.stderr, expected)
    assert.ok(!existsSync(at('x')))
  })
