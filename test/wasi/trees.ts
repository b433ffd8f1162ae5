// Trees of files for tests.

import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** All that can be said of a directory of the host, for a comparison later. A path is bytes: names need not be UTF-8. */
export function snapshot(path: string | Buffer): string {
  const bytes = Buffer.from(path as string)
  const s = lstatSync(bytes, { bigint: true })
  const head = `${bytes.toString('latin1')} ${s.mode} ${s.ino} ${s.nlink} ${s.mtimeNs}`
  if (s.isDirectory()) {
    const names = readdirSync(bytes, 'buffer').sort((a, b) => a.compare(b))
    return [head, ...names.map((name) => snapshot(Buffer.concat([bytes, Buffer.from('/'), name])))].join('\n')
  }
  if (s.isSymbolicLink()) return `${head} -> ${readlinkSync(bytes)}`
  return s.isFile() ? `${head} = ${readFileSync(bytes, 'latin1')}` : head
}
