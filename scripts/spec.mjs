// npm run spec: bundles test/spec/main.ts and runs it with the arguments given (see its head).
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'

await generate()
const outfile = join(root, 'build/spec/main.mjs')
await build({
  entryPoints: [join(root, 'test/spec/main.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'error',
})
const node = process.env.ZWASM_NODE ?? process.execPath
const result = spawnSync(node, ['--enable-source-maps', outfile, ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: root,
  env: { ...process.env, ZWASM_ROOT: root },
})
process.exit(result.status ?? 1)
