// npm run runaways [-- COUNT [SEED]]: see test/control/runaways.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'

await generate()
const outfile = join(root, 'build/runaways.mjs')
await build({
  entryPoints: [join(root, 'test/control/runaways.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
})
const node = process.env.ZWASM_NODE ?? process.execPath
const args = ['--enable-source-maps', '--expose-gc', outfile, ...process.argv.slice(2)]
process.exitCode = spawnSync(node, args, { stdio: 'inherit' }).status ?? 1
