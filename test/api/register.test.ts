// `node --import zwasm/register`: the shipped dist/register.js in processes of their own.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const register = pathToFileURL(join(process.cwd(), 'dist/register.js')).href
const folder = mkdtempSync(join(tmpdir(), 'zwasm-register-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function run(source: string, options?: string) {
  const file = join(folder, 'app.mjs')
  writeFileSync(file, source)
  const env = { ...process.env, ...(options === undefined ? undefined : { ZWASM_OPTIONS: options }) }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', register, file], {
    env,
    encoding: 'utf8',
  })
  return { status, stdout: stdout.trim(), stderr: stderr.trim() }
}

/** Only zwasm writes its classes in JavaScript. */
const REPORT = `const ours = !/native code/.test(WebAssembly.Memory)
const d = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly')
console.log(ours, d.enumerable, d.writable, d.configurable, Object.prototype.toString.call(WebAssembly))`

test('the global namespace is replaced, with the attributes it had', () => {
  assert.deepEqual(run(REPORT), { status: 0, stdout: 'true false true true [object WebAssembly]', stderr: '' })
})

test("engine 'host' leaves the host's", () => {
  assert.equal(run(REPORT, '{"engine":"host"}').stdout.split(' ')[0], 'false')
})

const PAGES = `try { new WebAssembly.Memory({ initial: 3 }); console.log('made') } catch (e) { console.log(e.name) }`

test('options from the environment', () => {
  assert.equal(run(PAGES).stdout, 'made')
  assert.equal(run(PAGES, '{"limits":{"memory":131072}}').stdout, 'RangeError')
})

test('options from a file', () => {
  const file = join(folder, 'options.json')
  writeFileSync(file, '{"limits":{"memory":131072}}')
  assert.equal(run(PAGES, file).stdout, 'RangeError')
})

for (const [options, message] of [
  ['{"limits":{"memori":1}}', /^zwasm\/register: unknown limit 'memori'; did you mean 'memory'\?$/],
  ['{"limits":', /^zwasm\/register: ZWASM_OPTIONS: .*JSON/],
  ['/no/such/file.json', /^zwasm\/register: ZWASM_OPTIONS: \/no\/such\/file\.json: ENOENT/],
] as const)
  test(`bad options end the process: ${options}`, () => {
    const { status, stdout, stderr } = run('console.log("ran")', options)
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, message)
  })

test("Node's own users of WebAssembly work: fetch, the lexer of CommonJS modules", () => {
  const { status, stdout, stderr } = run(`import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
writeFileSync(${JSON.stringify(join(folder, 'lib.cjs'))}, 'exports.answer = 42')
const { answer } = await import(${JSON.stringify(pathToFileURL(join(folder, 'lib.cjs')).href)})
const server = createServer((_, response) => response.end('body')).listen(0)
await new Promise((resolve) => server.once('listening', resolve))
console.log(answer, await (await fetch('http://localhost:' + server.address().port)).text())
server.close()`)
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '42 body', stderr: '' })
})

test('threads inherit it', () => {
  const { stdout } = run(`import { Worker, isMainThread } from 'node:worker_threads'
if (isMainThread) new Worker(new URL(import.meta.url))
else console.log(!/native code/.test(WebAssembly.Memory))`)
  assert.equal(stdout, 'true')
})
