// npm run build: generated sources, then dist/.
//
//   dist/index.js   the package          } one esbuild run with code splitting: what the CLI loads late, or shares with
//   dist/cli.js     the command `zwasm`  } the package, lies in dist/chunks/
//   dist/types/     declarations that are reachable from index.d.ts
//
// Bundling is part of the design: it inlines every `const enum`, so that the loop's `case` labels are literals, and it puts the
// interpreter loop into one module with the arenas it reads (docs/interpreter.md). `--bundles` leaves the declarations out.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'
import { runTool } from './tools.mjs'

const LOOP = 'src/interp/loop.gen.ts'
const MACHINE = 'src/runtime/machine.ts'

/** Writes the bundles; returns esbuild's metafile. */
export async function buildBundles() {
  await generate()
  const outdir = join(root, 'dist')
  for (const old of ['index.js', 'cli.js', 'chunks']) rmSync(join(outdir, old), { recursive: true, force: true })
  const { metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: { index: 'src/index.ts', cli: 'src/cli/main.ts' },
    outdir,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  if (warnings.length > 0) throw new Error(`the bundles were written with ${warnings.length} warnings`)
  requireOneChunk(metafile)
  const cli = join(outdir, 'cli.js')
  writeFileSync(cli, '#!/usr/bin/env node\n' + readFileSync(cli, 'utf8'))
  chmodSync(cli, 0o755)
  return metafile
}

/** V8 folds the arenas into the optimised loop only where they are constants of the same module. */
function requireOneChunk(metafile) {
  const homeOf = (input) => Object.keys(metafile.outputs).filter((file) => input in metafile.outputs[file].inputs)
  const [loop, machine] = [homeOf(LOOP), homeOf(MACHINE)]
  if (loop.length !== 1 || loop[0] !== machine[0])
    throw new Error(`the loop and its arenas must share one chunk: ${LOOP} is in ${loop}, ${MACHINE} in ${machine}`)
}

/** Writes the declarations that a user of the package can reach, with specifiers that every resolution mode understands. */
export function buildTypes() {
  const all = join(root, 'build/types')
  const target = join(root, 'dist/types')
  for (const folder of [all, target]) rmSync(folder, { recursive: true, force: true })
  if (runTool('typescript', 'tsc', ['-p', 'tsconfig.types.json', '--outDir', all]) !== 0) process.exit(1)
  const reached = new Set()
  const queue = [join(all, 'index.d.ts')]
  for (let file; (file = queue.pop()) !== undefined;) {
    if (reached.has(file)) continue
    reached.add(file)
    const text = readFileSync(file, 'utf8').replace(
      /(\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.[^'"]*)\.ts\2/g,
      (_, before, quote, path) => {
        queue.push(resolve(dirname(file), path + '.d.ts'))
        return `${before}${quote}${path}.js${quote}`
      },
    )
    const to = join(target, relative(all, file))
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, text)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(join(root, 'node_modules'))) throw new Error('run `npm ci` first')
  const metafile = await buildBundles()
  if (!process.argv.includes('--bundles')) buildTypes()
  const bytes = Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0)
  console.log(`dist: ${Object.keys(metafile.outputs).length} bundles, ${(bytes / 1024).toFixed(0)} KB`)
}
