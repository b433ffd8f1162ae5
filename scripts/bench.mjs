// npm run bench -- SUITE...: builds the package, bundles bench/ beside it and runs it (bench/main.ts tells the options). What is
// measured is dist/, as a user gets it: `import 'zwasm'` in bench/ stays an import of this very package.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { buildBundles } from './build.mjs'
import { root } from './gen.mjs'

await buildBundles()
const outfile = join(root, 'build/bench/main.mjs')
await build({
  entryPoints: [join(root, 'bench/main.ts')],
  outfile,
  bundle: true,
  external: ['zwasm'],
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
})
const node = process.env.ZWASM_NODE ?? process.execPath
const { status } = spawnSync(node, [outfile, ...process.argv.slice(2)], { stdio: 'inherit', cwd: root })
process.exit(status ?? 1)
