// npm run runaways [-- COUNT [SEED]]: test/control/runaways.ts; npm run escapes: test/wasi/escapes-main.ts. Bundles a program of the tests,
// which its first argument names, and runs it with the others.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'
import { bundleJit } from './jit-bundle.mjs'

await generate()
const [program, ...words] = process.argv.slice(2)
const outfile = join(root, 'build', `${program.replace(/\W/g, '-')}.mjs`)
await build({
  entryPoints: [join(root, program)],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
})
await bundleJit([join(root, 'build')])
const node = process.env.ZWASM_NODE ?? process.execPath
const args = ['--enable-source-maps', '--expose-gc', outfile, ...words]
process.exitCode = spawnSync(node, args, { stdio: 'inherit' }).status ?? 1
