// The official test suite: where it is, which folders are run with which features, what is known about it.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Feature, featuresOf } from '../../src/wasm/features.ts'
import type { Features } from '../../src/wasm/features.ts'

const WASM_3 = featuresOf('3.0')
/** The threads proposal is based on Wasm 2.0, where limits are 32-bit numbers; several memories are another matter (`CONTRADICTIONS`). */
const THREADS = (WASM_3 & ~Feature.Memory64) | Feature.Threads

/** Folders of the suite, each with the features that its expectations are about. */
export const FOLDERS: readonly { readonly path: string; readonly features: Features }[] = [
  { path: 'core', features: WASM_3 },
  { path: 'custom', features: WASM_3 },
  { path: 'proposals/threads', features: THREADS },
  { path: 'proposals/wide-arithmetic', features: WASM_3 | Feature.WideArithmetic },
  { path: 'proposals/custom-page-sizes', features: WASM_3 | Feature.CustomPageSizes },
  { path: 'proposals/compact-import-section', features: WASM_3 | Feature.CompactImports },
]

/** Folders that are there and are not run, with the reason. */
export const NOT_RUN: readonly { readonly path: string; readonly reason: string }[] = [
  { path: 'legacy', reason: 'the exception instructions before Wasm 3.0' },
  { path: 'proposals/stack-switching', reason: 'not implemented yet' },
  { path: 'proposals/custom-descriptors', reason: 'not implemented yet' },
  { path: 'proposals/shared-everything-threads', reason: 'not implemented yet' },
]

const MULTIPLE_MEMORIES =
  'expects "multiple memories" to be invalid, which Wasm 3.0 allows: the threads proposal is based on Wasm 2.0'

/** Commands that contradict Wasm 3.0. Each has to fail, by accepting the module; else the run fails. */
export const CONTRADICTIONS: readonly { readonly file: string; readonly line: number; readonly reason: string }[] = [
  { file: 'proposals/threads/imports.wast', line: 482, reason: MULTIPLE_MEMORIES },
  { file: 'proposals/threads/imports.wast', line: 486, reason: MULTIPLE_MEMORIES },
  { file: 'proposals/threads/imports.wast', line: 490, reason: MULTIPLE_MEMORIES },
  { file: 'proposals/threads/memory.wast', line: 14, reason: MULTIPLE_MEMORIES },
  { file: 'proposals/threads/memory.wast', line: 15, reason: MULTIPLE_MEMORIES },
]

export interface SuiteFile {
  /** Relative to the suite, with slashes. */
  readonly name: string
  readonly path: string
  readonly features: Features
}

/** The scripts of the suite whose name contains one of `filters` (all without filters), in a fixed order. */
export function suiteFiles(suite: string, filters: readonly string[] = []): SuiteFile[] {
  return FOLDERS.flatMap(({ path, features }) => {
    const folder = join(suite, path)
    const names = existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : []
    if (names.length === 0) throw new Error(`the official suite in ${suite} has no folder ${path}`)
    return names
      .filter((name) => name.endsWith('.wast'))
      .sort()
      .map((name) => ({
        name: relative(suite, join(folder, name)).replaceAll('\\', '/'),
        path: join(folder, name),
        features,
      }))
  }).filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
}

/** Where the parts of the suite come from: the states that this engine was built against. */
const SOURCES: readonly { repository: string; commit: string; copy: readonly [from: string, to: string][] }[] = [
  {
    repository: 'spec',
    commit: '285a9032950c',
    copy: [
      ['test/core', 'core'],
      ['test/custom', 'custom'],
    ],
  },
  {
    repository: 'testsuite',
    commit: '193e551ff226',
    copy: [
      ['proposals/wide-arithmetic', 'proposals/wide-arithmetic'],
      ['proposals/custom-page-sizes', 'proposals/custom-page-sizes'],
    ],
  },
  {
    repository: 'threads',
    commit: '979d0fcb9944',
    copy: [
      ['test/core/threads', 'proposals/threads'],
      ['test/core/exports.wast', 'proposals/threads/exports.wast'],
      ['test/core/imports.wast', 'proposals/threads/imports.wast'],
      ['test/core/memory.wast', 'proposals/threads/memory.wast'],
    ],
  },
  {
    repository: 'compact-import-section',
    commit: 'baa86dc09c86',
    copy: [['test/core/compact-import-section', 'proposals/compact-import-section']],
  },
]

/** The folder of the suite: `ZWASM_SPEC`, `../shared/spec` beside the repository, or the pinned state fetched into build/. */
export function findSuite(root: string): string {
  const given = process.env['ZWASM_SPEC']
  if (given !== undefined && given !== '') {
    if (!existsSync(given)) throw new Error(`ZWASM_SPEC names ${given}, which does not exist`)
    return given
  }
  const shared = join(root, '../shared/spec')
  return existsSync(shared) ? shared : fetchSuite(join(root, 'build/spec-suite'))
}

function fetchSuite(target: string): string {
  const done = join(target, 'complete')
  if (existsSync(done)) return target
  console.error(`No official suite (ZWASM_SPEC or ../shared/spec): fetching the pinned one into ${target}`)
  rmSync(target, { recursive: true, force: true })
  for (const { repository, commit, copy } of SOURCES) {
    const clone = join(target, '.clone', repository)
    mkdirSync(dirname(clone), { recursive: true })
    const url = `https://github.com/WebAssembly/${repository}.git`
    git(['clone', '--quiet', '--filter=blob:none', '--no-checkout', url, clone])
    git(['-C', clone, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', commit])
    for (const [from, to] of copy) cpSync(join(clone, from), join(target, to), { recursive: true })
  }
  rmSync(join(target, '.clone'), { recursive: true, force: true })
  mkdirSync(done)
  return target
}

function git(args: readonly string[]): void {
  const result = spawnSync('git', args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: 300_000 })
  if (result.status !== 0) throw new Error(`the official suite could not be fetched: git ${args.join(' ')} failed`)
}
