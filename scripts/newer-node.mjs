// The Node of fuzz/package.json: its V8 is the oracle for what Node 20's lacks.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './gen.mjs'

/** The binary of the Node with that major version from fuzz/node_modules, installed on first use. Ends the process without it. */
export function newerNode(version) {
  const folder = join(root, 'fuzz')
  const binary = join(folder, `node_modules/node-${process.platform}-${process.arch}/bin/node`)
  if (!existsSync(binary)) {
    console.error('Installing the newer Node of fuzz/package.json')
    spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  }
  if (!existsSync(binary))
    fail(`no Node ${version} for ${process.platform}-${process.arch}: npm ci in fuzz/ did not bring it`)
  const found = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim()
  if (!found.startsWith(`v${version}.`)) fail(`fuzz/package.json has Node ${found}, not ${version}`)
  return binary
}

function fail(message) {
  console.error(`Error: ${message}`)
  console.log('0 passed, 1 failed')
  process.exit(1)
}
