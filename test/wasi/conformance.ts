// A case of the conformance tests: it runs on a fresh tree of each kind, and with node:wasi. Cases that mention no difference give the
// same there; the others say what node:wasi answers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Guest, type GuestOptions, type Implementation } from './guest.ts'
import { TREE_KINDS, type TreeKind } from './trees.ts'
import { ERROR_CODES } from '../../src/wasi/errors.ts'

type Case = (guest: Guest) => void

interface Options extends GuestOptions {
  /** Why node:wasi does not pass this. */
  readonly differs?: string
  /** Why it cannot be run there. */
  readonly alone?: string
  /** The trees that it runs on: all by default. */
  readonly kinds?: readonly TreeKind[]
}

/** By function, what it answered on zwasm: the names of the errno, and on which trees. */
export const observed = new Map<string, Map<string, Set<TreeKind>>>()

function observe(guest: Guest, kind: TreeKind): void {
  const functions = { ...guest.wasi }
  for (const [name, call] of Object.entries(functions)) {
    const answers = observed.get(name) ?? new Map<string, Set<TreeKind>>()
    observed.set(name, answers)
    guest.wasi[name] = (...args) => {
      const errno = call(...args)
      const kinds = answers.get(ERROR_CODES[errno]) ?? new Set()
      answers.set(ERROR_CODES[errno], kinds.add(kind))
      return errno
    }
  }
}

export function check(name: string, run: Case, { differs, alone, kinds = TREE_KINDS, ...options }: Options = {}): void {
  const leg = (implementation: Implementation, tree: TreeKind): void => {
    const guest = new Guest(implementation, { tree, ...options })
    // The functions of `wasiImport` are those of the class; a test may replace them.
    guest.wasi = { ...guest.wasi }
    if (implementation === 'zwasm') observe(guest, tree)
    try {
      run(guest)
    } finally {
      guest.close()
    }
  }
  for (const kind of kinds) test(kinds.length === 1 ? name : `${name} (${kind})`, () => leg('zwasm', kind))
  if (alone !== undefined || !kinds.includes('host')) return
  if (differs === undefined) test(`${name} (node:wasi)`, () => leg('node:wasi', 'host'))
  else
    test(`${name} (node:wasi differs: ${differs})`, () =>
      assert.throws(() => leg('node:wasi', 'host'), assert.AssertionError))
}

/** For what has nothing to do with files. */
export const checkOnce = (name: string, run: Case, options: Options = {}): void =>
  check(name, run, { kinds: ['host'], ...options })
