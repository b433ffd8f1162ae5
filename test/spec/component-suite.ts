// The tests of the component model (WebAssembly/component-model test/, and wasm-tools' tests/cli/component-model): where they are,
// how they are run, what is known about them.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { WebAssemblyNamespace } from '../../src/api/namespace-types.ts'
import type { ScriptVerdict } from './component-script.ts'
import { runComponentScript } from './component-script.ts'

/** What is there and not run: features that the specification marks as optional, beyond its first version. */
export const NOT_RUN: readonly { readonly path: string; readonly reason: string }[] = [
  { path: 'wasm-tools/gc/', reason: 'canonical options for GC types (cm-gc)' },
  { path: 'wasm-tools/memory64', reason: '64-bit memories (cm64)' },
  { path: 'wasm-tools/values/', reason: 'values and start functions (cm-values)' },
  { path: 'wasm-tools/nested-names.wast', reason: 'nested namespaces and packages (cm-nested-names)' },
  { path: 'wasm-tools/shared-everything-threads/', reason: 'shared functions' },
  { path: 'wasm-tools/async/threading-and-memory64.wast', reason: '64-bit memories (cm64)' },
]

/** Commands that contradict a specification, or need an optional feature. Each has to fail; else the run fails. */
export const CONTRADICTIONS: readonly { readonly file: string; readonly line: number; readonly reason: string }[] = [
  {
    file: 'wasm-tools/instance-type.wast',
    line: 4,
    reason: 'an inline function type differs from the type that is named, which the core specification refuses',
  },
  { file: 'wasm-tools/legacy-indices.wast', line: 71, reason: 'needs shared functions' },
  { file: 'wasm-tools/legacy-indices.wast', line: 87, reason: 'needs cm-gc' },
  ...[155, 189].map((line) => ({
    file: 'wasm-tools/async/futures.wast',
    line,
    reason: 'expects cm-async without its `async` built-ins',
  })),
  ...[146, 181].map((line) => ({
    file: 'wasm-tools/async/streams.wast',
    line,
    reason: 'expects cm-async without its `async` built-ins',
  })),
  ...[332, 336].map((line) => ({
    file: 'wasm-tools/async/task-builtins.wast',
    line,
    reason: 'expects one slot for context.get, the specification has two',
  })),
  ...[86, 110].map((line) => ({
    file: 'async/trap-on-reenter.wast',
    line,
    reason: 'expects a trap "for now" when a component wraps its child, which CanonicalABI.md allows',
  })),
]

export interface ComponentFile {
  /** Relative to the suite, with slashes. */
  readonly name: string
  readonly path: string
  /** About asynchronous components: counted apart. */
  readonly isAsync: boolean
}

/** The suite in `$ZWASM_COMPONENT_SPEC`, else beside the repository. */
export function findComponentSuite(root: string): string {
  const path = process.env['ZWASM_COMPONENT_SPEC'] ?? join(dirname(root), 'shared/component-model')
  if (!existsSync(join(path, 'linking')))
    throw new Error(`no tests of the component model in ${path}: set ZWASM_COMPONENT_SPEC to a copy of their folder`)
  return path
}

export function componentFiles(suite: string, filters: readonly string[] = []): ComponentFile[] {
  return (readdirSync(suite, { recursive: true }) as string[])
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.wast') && !NOT_RUN.some(({ path }) => name.startsWith(path)))
    .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
    .sort()
    .map((name) => ({ name, path: join(suite, name), isAsync: /^(wasm-tools\/)?async\//.test(name) }))
}

export interface ComponentRun {
  passed: number
  /** Of asynchronous scripts: commands that need what is not supported. In others: likewise, single commands. */
  unsupported: number
  readonly problems: readonly (ScriptVerdict & { readonly file: string })[]
  /** What is not supported, with the number of commands that it holds up. */
  readonly needs: ReadonlyMap<string, number>
}

/** Runs scripts. Problems are what failed and is no known contradiction, and contradictions that did not fail. */
export function runComponentFiles(
  files: readonly ComponentFile[],
  options: { readonly strict?: boolean; readonly namespace?: WebAssemblyNamespace } = {},
): ComponentRun {
  const problems: (ScriptVerdict & { file: string })[] = []
  const needs = new Map<string, number>()
  const run = { passed: 0, unsupported: 0, problems, needs }
  for (const { name, path } of files) {
    const verdicts = runComponentScript(readFileSync(path), {
      ...options,
      // Components of wasm-tools' scripts import what nobody gives them; this one invokes.
      validateOnly: name.startsWith('wasm-tools/') && name !== 'wasm-tools/assert_return.wast',
      legacyIndices: name === 'wasm-tools/legacy-indices.wast',
    })
    for (const verdict of verdicts) {
      const known = CONTRADICTIONS.some((c) => c.file === name && c.line === verdict.line)
      if (known) {
        if (verdict.outcome === 'passed')
          problems.push({ ...verdict, file: name, reason: 'is listed as a contradiction, and passes' })
      } else if (verdict.outcome === 'passed') run.passed++
      else if (verdict.outcome === 'unsupported') {
        run.unsupported++
        const need = /the component uses ([^:]*)|a value of type (`[^`]*`)/.exec(verdict.reason ?? '')
        const what = need?.[1] ?? need?.[2] ?? verdict.reason ?? ''
        needs.set(what, (needs.get(what) ?? 0) + 1)
      } else problems.push({ ...verdict, file: name })
    }
  }
  return run
}
