// Packs the package, installs the archive in a folder of its own and uses it there as a stranger would: the command, the import, the
// types under every way of resolving modules. And it weighs what is installed.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './gen.mjs'

const MAX_INSTALLED_BYTES = 1.5e6
const folder = mkdtempSync(join(tmpdir(), 'zwasm-consumer-'))
let passed = 0
let failed = 0

function check(what, ok, details = '') {
  if (ok) passed++
  else failed++
  console.log(`${ok ? 'ok' : 'FAILED'}: ${what}${ok || details === '' ? '' : `\n${details}`}`)
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    ...options,
  })
  return { ...result, all: `${result.stdout}${result.stderr}` }
}

const SCRIPT = `import { inspectImportFunctions, parseWat, Vm, WasmModule, WebAssembly } from 'zwasm'
const { bytes } = parseWat('(module (import "m" "f" (func (param i64))) (func (export "g") (result i32) (i32.const 7)))')
const vm = new Vm({ limits: { memory: 65536 } })
const module = WasmModule.loadWithImports(bytes, { m: { f() {} } }, { vm })
console.log(module.invoke('g'), inspectImportFunctions(bytes)[0].params.join(), WebAssembly.validate(bytes))
`

/** Knows nothing about zwasm. */
const STRANGER = `const bytes = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11)
const { instance } = await WebAssembly.instantiate(bytes)
let made = 'made'
try {
  new WebAssembly.Memory({ initial: 2 })
} catch (error) {
  made = error.name
}
console.log(instance.exports.f(), made, /native code/.test(WebAssembly.Module), typeof fetch)
`

const NAMESPACE = `import { createWebAssembly, parseWat, Vm, WebAssembly } from 'zwasm'
const { bytes } = parseWat('(module (import "m" "g" (global i32)) (func (export "f") (result i32) (global.get 0)))')
const results = []
for (const W of [WebAssembly, createWebAssembly(), new Vm().WebAssembly]) {
  const { instance, module } = await W.instantiate(bytes, { m: { g: new W.Global({ value: 'i32' }, 7) } })
  results.push(instance.exports.f(), W.Module.exports(module)[0].kind, module instanceof W.Module)
}
console.log(results.join())
`

const TYPED = `import 'zwasm/register'
import { createWebAssembly, inspectModule, parseWat, printWat, TextError, trapInfo, Vm, WasmModule, WebAssembly } from 'zwasm'
import type { ExportType, LoadOptions, ModuleInfo, VmOptions, WasmModule as Loaded } from 'zwasm'

const options: VmOptions = { engine: 'interp', limits: { memory: 65536 }, features: { threads: false } }
const load: LoadOptions = { vm: new Vm(options), imports: { m: { f: (x: number) => x } } }
const bytes: Uint8Array = parseWat('(module)').bytes
const module: Loaded = WasmModule.load(bytes, load)
const info: ModuleInfo = inspectModule(bytes)
const names: string[] = info.exports.map((e: ExportType) => e.name)
const memory = new WebAssembly.Memory({ initial: 1 })
const own = createWebAssembly({ limits: { memory: 65536 } })
const instance: Promise<{ exports: object }> = own.instantiate(new own.Module(bytes), { m: { f: () => 1 } })
const exported: string = own.Module.exports(new own.Module(bytes))[0].kind
export const asynchronous = [instance, exported, own.Memory.prototype.toResizableBuffer]
const text: string = printWat(bytes)
export const all = [module.exports, names, memory.grow(1), text, trapInfo(new Error()), TextError, createWebAssembly(options)]
// @ts-expect-error: there is no such engine
export const wrong: VmOptions = { engine: 'none' }
// @ts-expect-error: it takes bytes
WasmModule.load('text')
`

try {
  const packed = run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root })
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  check('npm pack', packed.status === 0 && archive !== undefined, packed.all)

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  const installed = run('npm', ['install', '--no-audit', '--no-fund', `./${archive}`])
  check('npm install', installed.status === 0, installed.all)

  const home = join(folder, 'node_modules/zwasm')
  const files = readdirSync(home, { recursive: true })
    .map((name) => join(home, name))
    .filter((file) => statSync(file).isFile())
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  check(
    `${files.length} files of ${(bytes / 1e6).toFixed(2)} MB are installed, at most ${MAX_INSTALLED_BYTES / 1e6} MB are allowed`,
    bytes <= MAX_INSTALLED_BYTES,
  )
  const found = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))
  check(
    'nothing but the package and its optional dependency is installed',
    found.includes('zwasm') && found.every((name) => ['zwasm', 'koffi', '@koromix'].includes(name)),
    found.join(' '),
  )
  const strange = files.filter(
    (file) =>
      !/\/(dist\/.*\.(c?js|d\.ts)|dist\/reference\.md|package\.json|README\.md|LICENSE)$/.test(
        file.replaceAll('\\', '/'),
      ),
  )
  check('no file is there by accident', strange.length === 0, strange.join('\n'))

  writeFileSync(join(folder, 'script.js'), SCRIPT)
  const script = run(process.execPath, ['script.js'])
  check('a script imports it', script.stdout === '7 i64 true\n', script.all)

  // V8's switch against making code from text: what a strict Content Security Policy does in a browser.
  const strict = run(process.execPath, ['--disallow-code-generation-from-strings', 'script.js'])
  check('... also where no code may be made from text', strict.stdout === '7 i64 true\n', strict.all)

  writeFileSync(join(folder, 'namespace.js'), NAMESPACE)
  const namespace = run(process.execPath, ['namespace.js'])
  const expected = Array(3).fill('7,function,true').join()
  check('namespaces: the shared one, an isolated one, one of a Vm', namespace.stdout === `${expected}\n`, namespace.all)

  writeFileSync(join(folder, 'stranger.js'), STRANGER)
  const options = { env: { ...process.env, ZWASM_OPTIONS: '{"limits":{"memory":65536}}' } }
  const stranger = run(process.execPath, ['--import', 'zwasm/register', 'stranger.js'], options)
  check(
    'zwasm/register, with options from the environment',
    stranger.stdout === '42 RangeError false function\n',
    stranger.all,
  )

  const reference = readFileSync(join(home, 'dist/reference.md'), 'utf8')
  const missing = ['WebAssembly', 'createWebAssembly', 'Vm', 'WasmModule', 'parseWat', 'MemoryDescriptor'].filter(
    (name) => !reference.includes(`\n### ${name}\n`),
  )
  check('the API reference is in it', missing.length === 0, missing.join())

  writeFileSync(
    join(folder, 'add.wat'),
    '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))',
  )
  const command = run(join(folder, 'node_modules/.bin/zwasm'), ['--invoke', 'add', 'add.wat', '40', '2'])
  check('the command runs', command.status === 0 && command.stdout === '42\n', command.all)

  writeFileSync(join(folder, 'typed.ts'), TYPED)
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ]) {
    const directory = join(folder, module)
    mkdirSync(directory)
    const config = join(directory, 'tsconfig.json')
    const compilerOptions = {
      module,
      moduleResolution,
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      isolatedModules: true,
    }
    writeFileSync(config, JSON.stringify({ compilerOptions, files: ['../typed.ts'] }))
    const typed = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config])
    check(`types, moduleResolution ${moduleResolution}, libraries checked too`, typed.status === 0, typed.all)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`consumer: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
