// Builds the package: generated sources, then dist/index.js and dist/cli.js (bundled, so that constants are inlined and the hot
// loop sees its arenas as module constants).
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'

await generate()
const common = { bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning', minifySyntax: true, minifyWhitespace: true, legalComments: 'none' }
if (existsSync(join(root, 'src/index.ts'))) await build({ ...common, entryPoints: [join(root, 'src/index.ts')], outfile: join(root, 'dist/index.js') })
if (existsSync(join(root, 'src/cli/main.ts')))
  await build({ ...common, entryPoints: [join(root, 'src/cli/main.ts')], outfile: join(root, 'dist/cli.js'), banner: { js: '#!/usr/bin/env node' } })
