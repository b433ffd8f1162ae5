// Bundles test/**/*.test.ts and runs them with node's test runner. Arguments select files by substring.
import { rmSync, readdirSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { build } from 'esbuild'
import { generate, root } from './gen.mjs'

await generate()
const wanted = process.argv.slice(2)
const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((f) => join(root, 'test', f))
  .filter((f) => f.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((w) => f.includes(w))))
if (files.length === 0) {
  console.error('no test matches')
  process.exit(1)
}
const outdir = join(root, 'build/test')
if (wanted.length === 0) rmSync(outdir, { recursive: true, force: true })
await build({ entryPoints: files, outdir, outbase: join(root, 'test'), outExtension: { '.js': '.mjs' }, bundle: true, format: 'esm', platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'error' })
const bundles = files.map((f) => join(outdir, relative(join(root, 'test'), f).replace(/\.ts$/, '.mjs')))
const result = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...bundles], { stdio: 'inherit', cwd: root })
process.exit(result.status ?? 1)
