// The native tier beside bundles that load it, as dist/jit.cjs is in the package: for tests and programs that are bundled from the sources.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './gen.mjs'

/** Writes jit.cjs into each folder. The sources are generated already. */
export async function bundleJit(folders) {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src/jit/index.ts')],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logOverride: { 'empty-import-meta': 'silent' },
    logLevel: 'warning',
    write: false,
  })
  for (const folder of folders) writeFileSync(join(folder, 'jit.cjs'), outputFiles[0].contents)
}
