// What the documentation says about files, commands, options, exports and numbers is true.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { test } from 'node:test'
import * as machine from '../../src/runtime/machine.ts'
import { VM_DEFAULTS } from '../../src/api/options.ts'
import { FEATURES } from '../../src/wasm/features.ts'
import { filesBelow, read } from './files.ts'

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  'src/runtime/README.md',
  'src/interp/README.md',
  ...filesBelow('docs', '.md'),
]

const withCommas = (n: number): string => n.toLocaleString('en-US')

test('links lead to files', () => {
  const links = PAGES.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) => [page, to]),
  )
  assert.ok(links.length > 10)
  for (const [page, to] of links) assert.ok(existsSync(posix.join(posix.dirname(page), to)), `${page}: ${to}`)
})

test('paths that are named exist', () => {
  for (const page of PAGES)
    for (const [path] of read(page).matchAll(
      /(?<![\w./-])(?:src|test|bench|fuzz|scripts|docs|examples)\/[\w./-]*\w(?![\w*])/g,
    ))
      assert.ok(existsSync(path), `${page}: ${path}`)
})

test('npm scripts that are named exist', () => {
  const { scripts } = JSON.parse(read('package.json'))
  for (const page of PAGES)
    for (const [, name] of read(page).matchAll(/npm run ([\w:-]+)/g))
      assert.ok(name in scripts, `${page}: npm run ${name}`)
})

/** Options in the help of a command: `--name`, with what follows it. */
function helpOptions(command: string): string[] {
  const { stdout, status } = spawnSync(process.execPath, ['dist/cli.cjs', 'help', command], { encoding: 'utf8' })
  assert.equal(status, 0, command)
  return [...stdout.matchAll(/^ {2,6}(?:-\w, )?(--[\w-]+)/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== '--help')
}

test('docs/cli.md has the commands and options of the help, and no others', () => {
  const overview = spawnSync(process.execPath, ['dist/cli.cjs', '--help'], { encoding: 'utf8' }).stdout
  const listed = /^Commands:\n((?: {2}.*\n)+)/m.exec(overview)![1]
  const commands = [...listed.matchAll(/^ {2}(\w+)/gm)]
    .map(([, name]) => name)
    .filter((name) => !['help', 'version'].includes(name))
  const sections = new Map(
    read('docs/cli.md')
      .split(/^## /m)
      .map((text) => [text.slice(0, text.indexOf('\n')), text]),
  )
  assert.ok(commands.length >= 7)
  for (const command of commands) {
    const section = sections.get(command)
    assert.ok(section, `docs/cli.md has no section ${command}`)
    const documented = new Set(
      [...section.matchAll(/`(?:-\w`, `)?(--[\w-]+)|\[(--[\w-]+)\]/g)].map(([, a, b]) => a ?? b),
    )
    documented.delete('--name')
    assert.deepEqual([...documented].sort(), helpOptions(command).sort(), command)
  }
})

test('exit codes in docs/cli.md are those of the command', () => {
  const source = read('src/cli/failure.ts')
  for (const code of [0, 1, 2, 70, 134]) {
    assert.match(read('docs/cli.md'), new RegExp(`^\\| ${code} \\|`, 'm'))
    assert.match(source, new RegExp(`\\b${code}\\b`))
  }
})

test('docs/api.md names every value that the package exports', async () => {
  const exported = Object.keys(await import('../../src/index.ts'))
  const page = read('docs/api.md')
  assert.ok(exported.length > 10)
  for (const name of exported) assert.match(page, new RegExp(`\\b${name}\\b`), name)
})

test('numbers of the machine in docs/architecture.md', () => {
  const page = read('docs/architecture.md')
  const says = (text: string): void => assert.ok(page.includes(text), `docs/architecture.md says: ${text}`)
  says(
    `| \`CODE\` | register IR of all functions, 32-bit words, absolute pcs | ${withCommas(machine.CODE_WORDS)} words |`,
  )
  says(`${withCommas(machine.STACK_SLOTS)} slots of 8 bytes`)
  says(`${withCommas(machine.MAX_FRAMES)} records`)
  says(`${withCommas(machine.MAX_FUNCS)} records`)
  says(`a record of ${machine.FRAME_WORDS} words`)
  says(`function records of ${1 << machine.FUNC_WORDS_LOG2} words`)
  says(`after ${withCommas(Number(/const SLICE = (\d+)/.exec(read('src/runtime/driver.ts'))![1]))} taken branches`)
})

test('the budget in docs/interpreter.md is the one that is tested', () => {
  const [, kilobytes] = /const BUDGET = (\d+) \* 1024/.exec(read('test/repo/loop-budget.test.ts'))!
  assert.ok(read('docs/interpreter.md').includes(`The budget of a loop is ${withCommas(Number(kilobytes) * 1024)}`))
})

test('docs/limits.md has every limit, with the default of a Vm and the key of -W', () => {
  const page = read('docs/limits.md')
  const { limits, timeout } = VM_DEFAULTS
  const shown: Record<keyof typeof limits, string> = {
    memory: '1 GiB',
    table: '1,000,000',
    gcHeap: '256 MiB',
    stack: '8 MiB',
    instances: '10,000',
    moduleSize: '256 MiB',
  }
  const value = (text: string): number => {
    const [number, unit] = text.replaceAll(',', '').split(' ')
    return Number(number) * { '': 1, MiB: 2 ** 20, GiB: 2 ** 30 }[unit ?? '']!
  }
  const keys = [...read('src/cli/wasm-options.ts').matchAll(/'?([\w-]+)'?: \{ limit: \w+, name: '(\w+)'/g)]
  assert.equal(keys.length, Object.keys(limits).length + 2)
  const key = (name: string): string => keys.find(([, , option]) => option === name)![1]
  for (const [name, text] of Object.entries(shown)) {
    assert.equal(value(text), limits[name as keyof typeof limits], name)
    assert.match(page, new RegExp(`^\\| \`limits\\.${name}\` \\|[^|]*\\| ${text}[^|]*\\| \`${key(name)}\` \\|`, 'm'))
  }
  assert.match(page, new RegExp(`\\| ${withCommas(timeout)} \\| \`${key('timeout')}\` \\|`))
})

test('the proposals in README.md are those of the build', () => {
  const row = /^\| proposals \| (.*) \|$/m.exec(read('README.md'))![1]
  const proposals = FEATURES.filter(({ spec }) => spec === 'proposal')
  assert.equal(row.split(', ').length, proposals.length, row)
  for (const { name } of proposals)
    assert.ok(row.includes(name.replaceAll('_', ' ').replace('compact imports', 'compact import')), name)
})

test('the example for JavaScript in README.md does what it says', () => {
  const [, script] = /```js\n([^]*?)```/.exec(read('README.md'))!
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script.replace("'zwasm'", "'./dist/index.js'")],
    { encoding: 'utf8' },
  )
  assert.equal(stdout, '42\n', stderr)
})
