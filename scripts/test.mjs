// npm test                  everything: check, build, unit tests, the official suite; ends with `N passed, N failed, N skipped`
// npm test -- WORD...       only test files whose path contains one of the words, with each test's name
//
// Test files are bundled like the package is and run by node's test runner, one process for each file. ZWASM_NODE names another
// node to run them with. Tests find the repository through process.cwd().
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import { buildBundles } from './build.mjs'
import { generate, root } from './gen.mjs'
import { bundleJit } from './jit-bundle.mjs'

const words = process.argv.slice(2)
const all = words.length === 0
const node = process.env.ZWASM_NODE ?? process.execPath
const outdir = join(root, 'build/test')
/** Milliseconds for a test file: a file that hangs fails, and says so. */
const FILE_TIMEOUT = 120_000

const files = readdirSync(join(root, 'test'), { recursive: true })
  .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .map((file) => join(root, 'test', file))
  .filter((file) => all || words.some((word) => file.includes(word)))
  .sort()
if (files.length === 0) {
  console.error(`no test file matches ${words.join(' or ')}`)
  process.exit(1)
}

const run = (args) => spawnSync(node, args, { stdio: 'inherit', cwd: root }).status ?? 1
const checked = all && process.env.ZWASM_SKIP_CHECK === undefined ? run([join(root, 'scripts/check.mjs')]) : 0

// Only tests that run the shipped bundles need them.
if (all || files.some((file) => readFileSync(file, 'utf8').includes('dist/'))) await buildBundles()
else await generate()
if (all) rmSync(outdir, { recursive: true, force: true })
mkdirSync(outdir, { recursive: true })
await build({
  entryPoints: files,
  outdir,
  outbase: join(root, 'test'),
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
})
const bundles = files.map((file) => join(outdir, relative(join(root, 'test'), file).replace(/\.ts$/, '.mjs')))
await bundleJit(new Set(bundles.map((bundle) => dirname(bundle))))
const totalsFile = join(outdir, 'totals.json')
rmSync(totalsFile, { force: true })
const unit = run([
  '--enable-source-maps',
  '--test',
  '--test-concurrency=2',
  `--test-timeout=${FILE_TIMEOUT}`,
  `--test-reporter=${all ? join(root, 'scripts/reporter.mjs') : 'spec'}`,
  '--test-reporter-destination=stdout',
  `--test-reporter=${join(root, 'scripts/totals-reporter.mjs')}`,
  `--test-reporter-destination=${totalsFile}`,
  ...bundles,
])
const totals = JSON.parse(readFileSync(totalsFile, 'utf8'))
if (!all) process.exit(unit)

console.log(`unit: ${closing(totals)}`)
let suiteStatus = 0
for (const engine of ['interp', 'jit', 'auto']) {
  console.log(`The official suite, --engine ${engine}:`)
  const suite = spec(engine)
  for (const key of ['passed', 'failed', 'skipped']) totals[key] += suite[key]
  suiteStatus ||= suite.status
}
if (checked !== 0) console.log('npm run check failed, see above')
console.log(closing(totals))
process.exit(checked || unit || suiteStatus || (totals.failed > 0 ? 1 : 0))

function closing({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** Runs the suite; its totals are read from its closing line, and a run without one has failed. */
function spec(engine) {
  const { status, stdout } = spawnSync(node, [join(root, 'scripts/spec.mjs'), '--engine', engine], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.stdout.write(stdout ?? '')
  const lines = [...(stdout ?? '').matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)]
  const last = lines.at(-1)
  if (last === undefined) return { passed: 0, failed: 1, skipped: 0, status: status || 1 }
  const [passed, failed, skipped = 0] = last.slice(1).map((n) => Number(n ?? 0))
  return { passed, failed, skipped, status: status ?? 1 }
}
