// npm run test:packages: packages of npm whose WebAssembly was made by four toolchains, unmodified, under `zwasm/register`. Each
// program of test/packages runs three times: on the host's WebAssembly, on zwasm's, which must print the same, and without any, which
// must fail: or the program would prove nothing.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildBundles } from './build.mjs'
import { root } from './gen.mjs'

const folder = join(root, 'test/packages')
/** Milliseconds for a program. */
const TIMEOUT = 300_000

const PROGRAMS = {
  'emscripten: sql.js': ['programs/emscripten.mjs'],
  'wasm-bindgen: brotli-wasm': ['programs/wasm-bindgen.cjs'],
  'Go: esbuild-wasm': [
    'node_modules/esbuild-wasm/bin/esbuild',
    'programs/sample.ts',
    '--minify',
    '--target=es2020',
    '--log-level=warning',
  ],
  'AssemblyScript: @chainsafe/as-sha256, @fluffylabs/anan-as': ['programs/assemblyscript.mjs'],
}

let passed = 0
let failed = 0
function check(what, ok, details = '') {
  if (ok) passed++
  else failed++
  console.log(`${ok ? 'ok' : 'FAILED'}: ${what}${ok ? '' : `\n${details}`}`)
}

function run(args, preloads, env = {}) {
  const imports = preloads.flatMap((file) => ['--import', pathToFileURL(join(root, file)).href])
  const { status, error, output } = spawnSync(process.execPath, [...imports, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT,
    maxBuffer: 1 << 26,
  })
  const [, stdout, stderr, witness] = output ?? ['', '', '', '']
  return { status, stdout, stderr: error === undefined ? stderr : `${error.message}\n${stderr}`, witness }
}

if (!existsSync(join(folder, 'node_modules'))) {
  console.error('Installing the packages of test/packages/package.json')
  spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
}
if (existsSync(join(folder, 'node_modules/sql.js'))) {
  await buildBundles()
  const witness = 'test/packages/witness.mjs'
  for (const [name, args] of Object.entries(PROGRAMS)) {
    const host = run(args, [witness])
    check(`${name}, on the host`, host.status === 0 && host.stdout !== '' && host.witness === 'host', host.stderr)
    const ours = run(args, ['dist/register.js', witness])
    check(
      `${name}, on zwasm: ${host.stdout.length} bytes of output are the same`,
      ours.status === 0 && ours.witness === 'zwasm' && ours.stdout === host.stdout && ours.stderr === host.stderr,
      `status ${ours.status}, WebAssembly of ${ours.witness}\n${ours.stdout}${ours.stderr}`,
    )
    const none = run(args, [witness], { WITNESS_REMOVE: '1' })
    check(`${name}, without WebAssembly: fails`, none.status !== 0 && none.witness === 'none', none.stdout)
  }
} else {
  check('npm ci in test/packages', false, 'the packages cannot be installed: nothing was tested')
}
console.log(`packages: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
