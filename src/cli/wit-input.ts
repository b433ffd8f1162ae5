// WIT packages as they lie on disk: a file, or a folder with the packages it depends on below `deps`.

import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { SourceFile, SourceGroup } from '../index.ts'
import { Failure } from './failure.ts'
import { inputName, readInput } from './io.ts'

/** The files of each package, those of the main package last. */
export function readWit(path: string): SourceGroup[] {
  if (path === '-' || !isFolder(path)) return [[readFile(path)]]
  const main = witFiles(path)
  if (main.length === 0) throw new Failure(`failed to read \`${path}\`: no .wit file is in it`)
  const deps = join(path, 'deps')
  const groups = entriesOf(deps).flatMap((name) => {
    const dep = join(deps, name)
    if (isFolder(dep)) return [witFiles(dep)]
    if (name.endsWith('.wit')) return [[readFile(dep)]]
    if (/\.(?:wasm|wat)$/.test(name))
      throw new Failure(`failed to read \`${dep}\`: packages in binary form cannot be read yet`)
    return []
  })
  return [...groups, main]
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const entriesOf = (folder: string): string[] => (isFolder(folder) ? readdirSync(folder).sort() : [])

const witFiles = (folder: string): SourceFile[] =>
  entriesOf(folder)
    .filter((name) => name.endsWith('.wit') && !isFolder(join(folder, name)))
    .map((name) => readFile(join(folder, name)))

function readFile(path: string): SourceFile {
  const bytes = readInput(path)
  try {
    return { name: inputName(path), text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    throw new Failure(`failed to read \`${basename(path)}\`: it is no UTF-8 text`)
  }
}
