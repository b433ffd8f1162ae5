// npm run build: generated sources, then dist/.
//
//   dist/core.cjs   the package, all of it but the command
//   dist/index.js   the package for `import`: the exports of core.cjs
//   dist/cli.cjs    the command `zwasm`: switches Node's compile cache on, then loads main.cjs
//   dist/main.cjs   the command itself, on core.cjs
//   dist/jit.cjs    compiler and platform of the native tier, which core.cjs loads when a program is worth it
//   dist/register.js  `node --import zwasm/register`; takes the package from index.js
//   dist/types/     declarations that are reachable from index.d.ts, and register/main.d.ts
//
// Bundling is part of the design: it inlines every `const enum`, so that the loop's `case` labels are literals, and it puts the
// interpreter loop into one module with the arenas it reads (docs/interpreter.md). `--bundles` leaves the declarations out,
// `--readable` keeps the names.
import { createRequire } from 'node:module'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'
import { runTool } from './tools.mjs'

/**
 * Writes the bundles; returns esbuild's metafile. Few large files: starting the command takes 22 ms longer if its code lies in ten
 * chunks (measured beside a `node -e 0` of 65 ms), loading all of it in one file takes no longer than a part.
 */
export async function buildBundles() {
  await generate()
  // Written beside and moved, so that what is there can be run meanwhile.
  const outdir = join(root, `build/dist-${process.pid}`)
  const outputs = {
    ...(await bundle('src/index.ts', 'core', { outdir, minifyIdentifiers, footer: NAMES, ...COMMONJS })),
    ...(await bundle('src/cli/main.ts', 'main', {
      outdir,
      plugins: [apart('./core.cjs')],
      minifyIdentifiers,
      ...COMMONJS,
    })),
    ...(await bundle('src/register/main.ts', 'register', { outdir, plugins: [apart('./index.js')] })),
    ...(await bundle('src/jit/index.ts', 'jit', { outdir, minifyIdentifiers, ...COMMONJS })),
  }
  writeFileSync(join(outdir, 'index.js'), indexOf(join(outdir, 'core.cjs')))
  const cli = join(outdir, 'cli.cjs')
  writeFileSync(cli, CLI)
  chmodSync(cli, 0o755)
  mkdirSync(join(root, 'dist'), { recursive: true })
  for (const file of readdirSync(outdir)) renameSync(join(outdir, file), join(root, 'dist', file))
  rmSync(outdir, { recursive: true })
  return { outputs }
}

/**
 * The command is CommonJS, and so is what it stands on: Node starts its module loader for ECMAScript modules, and its streams, 10 to 15 ms
 * later otherwise (`npm run bench -- start`; a `node -e 0` beside it took 25 to 60). The loop is as fast in one as in the other.
 */
const COMMONJS = {
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': '__url' },
  banner: { js: "const __url=require('node:url').pathToFileURL(__filename).href;" },
}

/** The package for `import`, by the names that core.cjs exports. */
function indexOf(core) {
  const names = Object.keys(createRequire(import.meta.url)(core))
  return `import core from './core.cjs'\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = core\n`
}

/** What is exported has its name all the same. */
const NAMES = {
  js: "for(const n of Object.keys(module.exports)){const v=module.exports[n];if(typeof v==='function'&&v.name!==n)Object.defineProperty(v,'name',{value:n,configurable:true})}",
}

/** Short names: a fourth smaller, and read faster: the command starts 8 ms sooner. `--readable` keeps them, for profiles. */
const minifyIdentifiers = !process.argv.includes('--readable')

/** Node 22.1 and newer keep compiled code in a folder for temporary files (10 ms of 27); see `module.enableCompileCache`. */
const CLI = `#!/usr/bin/env node
'use strict'
require('node:module').enableCompileCache?.()
require('./main.cjs')
`

async function bundle(entry, name, options) {
  const { metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // No `minifySyntax`: it makes `let` of every `const`, but V8 embeds only constants into the optimised loop (fib(27) takes
    // 23 ms instead of 14); and it takes the names from function expressions, which profiles and tests need.
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    ...options,
  })
  if (warnings.length > 0) throw new Error(`${name}: written with ${warnings.length} warnings`)
  return metafile.outputs
}

/** Bundles without the public API: that is another file. */
const apart = (file) => ({
  name: 'apart',
  setup(build) {
    build.onResolve({ filter: /\/index\.ts$/ }, ({ path, resolveDir }) =>
      resolve(resolveDir, path) === join(root, 'src/index.ts') ? { path: file, external: true } : undefined,
    )
  },
})

/** Writes the declarations that a user of the package can reach, with specifiers that every resolution mode understands. */
export function buildTypes() {
  const all = join(root, 'build/types')
  const target = join(root, 'dist/types')
  for (const folder of [all, target]) rmSync(folder, { recursive: true, force: true })
  if (runTool('typescript', 'tsc', ['-p', 'tsconfig.types.json', '--outDir', all]) !== 0) process.exit(1)
  const reached = new Set()
  const queue = [join(all, 'index.d.ts'), join(all, 'register/main.d.ts')]
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
