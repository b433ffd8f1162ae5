// Packs the package, installs the archive in a folder of its own and uses it there as a stranger would: the command, the import, the
// types under every way of resolving modules. And it weighs what is installed.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

const TYPED = `import { createWebAssembly, inspectModule, parseWat, printWat, TextError, trapInfo, Vm, WasmModule, WebAssembly } from 'zwasm'
import type { ExportType, LoadOptions, ModuleInfo, VmOptions, WasmModule as Loaded } from 'zwasm'

const options: VmOptions = { engine: 'interp', limits: { memory: 65536 }, features: { threads: false } }
const load: LoadOptions = { vm: new Vm(options), imports: { m: { f: (x: number) => x } } }
const bytes: Uint8Array = parseWat('(module)').bytes
const module: Loaded = WasmModule.load(bytes, load)
const info: ModuleInfo = inspectModule(bytes)
const names: string[] = info.exports.map((e: ExportType) => e.name)
const memory = new WebAssembly.Memory({ initial: 1 })
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
  check(
    'nothing but the package is installed',
    readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')).length === 1,
  )
  const strange = files.filter(
    (file) => !/\/(dist\/.*\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(file.replaceAll('\\', '/')),
  )
  check('no file is there by accident', strange.length === 0, strange.join('\n'))

  writeFileSync(join(folder, 'script.js'), SCRIPT)
  const script = run(process.execPath, ['script.js'])
  check('a script imports it', script.stdout === '7 i64 true\n', script.all)

  // V8's switch against making code from text: what a strict Content Security Policy does in a browser.
  const strict = run(process.execPath, ['--disallow-code-generation-from-strings', 'script.js'])
  check('... also where no code may be made from text', strict.stdout === '7 i64 true\n', strict.all)

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
