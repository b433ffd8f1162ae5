// Runs the command of dist/ in a scratch folder.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after } from 'node:test'

export const cli = resolve('dist/cli.cjs')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: Buffer
}

/** A folder with these files; a value of null is a folder. Removed after the tests. */
export function scratch(files: Readonly<Record<string, string | Uint8Array | null>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'zwasm-cli-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    if (content === null) mkdirSync(join(folder, name), { recursive: true })
    else {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
  }
  return folder
}

export function zwasm(cwd: string, args: readonly string[], stdin: string | Uint8Array = ''): Promise<Finished> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, stdio: 'pipe' })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    // The child may end before it has read everything.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    child.on('error', fail)
    child.on('close', (code) => {
      const stdoutBytes = Buffer.concat(out)
      done({ code, stdout: stdoutBytes.toString(), stderr: Buffer.concat(err).toString(), stdoutBytes })
    })
  })
}
