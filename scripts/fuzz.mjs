// npm run fuzz: bundles fuzz/main.ts and runs it with the arguments given (see its head). `--node 26` runs it on the Node of
// fuzz/package.json, which is installed on first use.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'

const args = process.argv.slice(2)
let node = process.execPath
let wanted
const at = args.indexOf('--node')
if (at >= 0) {
  wanted = args[at + 1]
  args.splice(at, 2)
  node = newerNode(wanted)
}

/** The binary of the Node with that major version from fuzz/node_modules. */
function newerNode(version) {
  const folder = join(root, 'fuzz')
  const binary = join(folder, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  if (!existsSync(binary)) {
    console.error('Installing the newer Node of fuzz/package.json')
    spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  }
  if (!existsSync(binary))
    fail(`no Node ${version} for ${process.platform}-${process.arch}: npm ci in fuzz/ did not bring it`)
  const found = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim()
  if (!found.startsWith(`v${version}.`)) fail(`fuzz/package.json has Node ${found}, not ${version}`)
  return binary
}

function fail(message) {
  console.error(`Error: ${message}`)
  console.log('0 passed, 1 failed')
  process.exit(1)
}

await generate()
const outfile = join(root, 'build/fuzz/main.mjs')
await build({
  entryPoints: [join(root, 'fuzz/main.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'error',
})
const env = { ...process.env, ZWASM_ROOT: root, ...(wanted === undefined ? {} : { ZWASM_FUZZ_NODE: wanted }) }
const result = spawnSync(node, ['--enable-source-maps', outfile, ...args], { stdio: 'inherit', cwd: root, env })
if (result.signal !== null) console.error(`fuzzing died with ${result.signal}`)
process.exit(result.status ?? 1)
