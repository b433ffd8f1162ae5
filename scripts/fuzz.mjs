// npm run fuzz: bundles fuzz/main.ts and runs it with the arguments given (see its head). `--node 26` runs it on the Node of
// fuzz/package.json, which is installed on first use.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'
import { newerNode } from './newer-node.mjs'

const args = process.argv.slice(2)
let node = process.execPath
let wanted
const at = args.indexOf('--node')
if (at >= 0) {
  wanted = args[at + 1]
  args.splice(at, 2)
  node = newerNode(wanted)
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
