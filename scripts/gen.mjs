// Writes the generated sources (*.gen.ts, not checked in):
//   src/wasm/op.gen.ts      the `Op` const enum, from the opcode table
//   src/ssa/op.gen.ts       the `Op` const enum of SSA, from its table
//   src/interp/*.gen.ts     the interpreter loop, from the register-IR table
// A file is only touched when its content changes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Bundles a TypeScript module of the project and imports it. */
export async function importTs(path) {
  const outfile = join(root, 'build/gen', path.replace(/[^\w]/g, '_') + '.mjs')
  await build({
    entryPoints: [join(root, path)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  })
  return import(pathToFileURL(outfile).href + '?' + Date.now())
}

export function writeIfChanged(path, text) {
  const file = join(root, path)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

const pascal = (name) => name.replace(/(^|[._])(\w)/g, (_, _sep, c) => c.toUpperCase())

async function generateOps() {
  const { OPCODES } = await importTs('src/wasm/opcodes.ts')
  const lines = OPCODES.map(([id, name]) => `  ${pascal(name)} = 0x${id.toString(16)},`)
  writeIfChanged(
    'src/wasm/op.gen.ts',
    `// Written by scripts/gen.mjs from src/wasm/opcodes.ts.\n\n/** Opcode ids. */\nexport const enum Op {\n${lines.join('\n')}\n}\n`,
  )
}

async function generateSsaOps() {
  const { OP_ROWS } = await importTs('src/ssa/ops.ts')
  const lines = OP_ROWS.map(([name], i) => `  ${pascal(name)} = ${i},`)
  writeIfChanged(
    'src/ssa/op.gen.ts',
    `// Written by scripts/gen.mjs from src/ssa/ops.ts.\n\n/** SSA operations. */\nexport const enum Op {\n${lines.join('\n')}\n}\n`,
  )
}

export async function generate() {
  await generateOps()
  await generateSsaOps()
  if (existsSync(join(root, 'src/interp/gen/index.ts'))) {
    const { generateLoop } = await importTs('src/interp/gen/index.ts')
    for (const [path, text] of Object.entries(generateLoop())) writeIfChanged(path, text)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await generate()
