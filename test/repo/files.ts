// The files of the repository, for tests about the repository. Tests run in its root.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = process.cwd()

/** Files below `folder` with this ending, as paths from the root with slashes. Generated files are left out. */
export function filesBelow(folder: string, ending = '.ts'): string[] {
  return (readdirSync(join(root, folder), { recursive: true }) as string[])
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith(ending) && !name.endsWith('.gen.ts') && !name.includes('node_modules/'))
    .sort()
}

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Source text without comments; strings and regular expressions stay. Line numbers are kept. */
export function withoutComments(source: string): string {
  const token = /\/\/[^\n]*|\/\*[^]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
  return source.replace(token, (text) => (text.startsWith('/') ? text.replace(/[^\n]/g, '') : text))
}
