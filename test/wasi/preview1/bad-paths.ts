// What each function that takes a path says of a bad one, of a bad descriptor, and of one without the right.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check } from '../conformance.ts'
import { At, Guest, OUTSIDE, RIGHTS } from '../guest.ts'

type Call = (g: Guest, fd: number, path: [address: number, length: number]) => string

/** By function, and where it takes two paths by which; `new` and `f` are the other one. */
const FUNCTIONS: Record<string, Call> = {
  path_create_directory: (g, fd, path) => g.call('path_create_directory', fd, ...path),
  path_filestat_get: (g, fd, path) => g.call('path_filestat_get', fd, 0, ...path, At.Stat),
  path_filestat_set_times: (g, fd, path) => g.call('path_filestat_set_times', fd, 0, ...path, 0n, 0n, 5),
  'path_link from': (g, fd, path) => g.call('path_link', fd, 0, ...path, 3, ...g.path('new', At.Path2)),
  'path_link to': (g, fd, path) => g.call('path_link', 3, 0, ...g.path('f', At.Path2), fd, ...path),
  path_open: (g, fd, path) => g.call('path_open', fd, 0, ...path, 0, RIGHTS.read, 0n, 0, At.Out),
  path_readlink: (g, fd, path) => g.call('path_readlink', fd, ...path, At.Buffer, 64, At.Out),
  path_remove_directory: (g, fd, path) => g.call('path_remove_directory', fd, ...path),
  'path_rename from': (g, fd, path) => g.call('path_rename', fd, ...path, 3, ...g.path('new', At.Path2)),
  'path_rename to': (g, fd, path) => g.call('path_rename', 3, ...g.path('f', At.Path2), fd, ...path),
  path_symlink: (g, fd, path) => g.call('path_symlink', ...g.path('f', At.Path2), fd, ...path),
  path_unlink_file: (g, fd, path) => g.call('path_unlink_file', fd, ...path),
}

const DIRECTORY = 1n << 13n

interface BadPath {
  readonly what: string
  readonly errno: string
  /** What node:wasi says, where that differs; `made`: success for what makes a name, else `noent`. */
  readonly node?: string
  readonly path: string | Uint8Array
  /** Instead of the preopen. */
  readonly fd?: (g: Guest) => number
  /** Instead of that of the path. */
  readonly address?: number
}

const BAD_PATHS: readonly BadPath[] = [
  { what: 'empty', errno: 'noent', node: 'inval', path: '' },
  { what: 'in a missing directory', errno: 'noent', path: 'x/y' },
  { what: 'in a file', errno: 'notdir', path: 'f/y' },
  { what: 'up', errno: 'perm', node: 'notcapable', path: '../y' },
  { what: 'down and up', errno: 'perm', node: 'notcapable', path: 'd/../../y' },
  { what: 'absolute', errno: 'perm', node: 'notcapable', path: '/y' },
  { what: 'through an absolute symlink', errno: 'perm', node: 'noent', path: 'absolute/y' },
  { what: 'through a symlink that leads up', errno: 'perm', node: 'noent', path: 'd/up/y' },
  { what: 'through a symlink to itself', errno: 'loop', path: 'loop/y' },
  { what: 'through a dangling symlink', errno: 'noent', path: 'dangling/y' },
  { what: 'with NUL', errno: 'inval', path: 'f\0y' },
  { what: 'no UTF-8', errno: 'ilseq', node: 'made', path: Uint8Array.of(0x66, 0xff) },
  { what: 'a name of 256 bytes', errno: 'nametoolong', path: `${'ä'.repeat(127)}yy` },
  { what: 'of 4,097 bytes', errno: 'nametoolong', node: 'made', path: `${'./'.repeat(2048)}y` },
  { what: 'beyond the memory', errno: 'fault', node: 'overflow', path: 'y', address: OUTSIDE },
  { what: 'from a closed descriptor', errno: 'badf', path: 'y', fd: () => 99 },
  {
    what: 'from a file',
    errno: 'notdir',
    node: 'notcapable',
    path: 'y',
    fd: (g) => g.opened('f', { rights: RIGHTS.read }),
  },
  {
    what: 'from a directory without the right',
    errno: 'notcapable',
    path: 'y',
    fd(g) {
      const fd = g.opened('d', { oflags: 2, rights: DIRECTORY, inheriting: RIGHTS.read })
      g.call('fd_fdstat_set_rights', fd, 0n, 0n)
      return fd
    },
  },
]

function answers(g: Guest, name: string): Record<string, string> {
  g.tree.mkdir('d')
  // They lead nowhere: node:wasi follows them.
  g.tree.symlink('/zwasm-nowhere', 'absolute')
  g.tree.symlink('../../zwasm-nowhere', 'd/up')
  g.tree.symlink('loop', 'loop')
  g.tree.symlink('x', 'dangling')
  return Object.fromEntries(
    BAD_PATHS.map(({ what, path, fd, address }) => {
      g.tree.write('f', 'text')
      const from = fd?.(g) ?? 3
      const [at, length] = g.path(path)
      return [what, FUNCTIONS[name](g, from, [address ?? at, length])]
    }),
  )
}

/** Functions that make a name. */
const MAKES = ['path_create_directory', 'path_link to', 'path_rename to', 'path_symlink']

export function badPathCases(): void {
  describe('bad paths', () => {
    for (const name of Object.keys(FUNCTIONS)) {
      const expected = Object.fromEntries(BAD_PATHS.map(({ what, errno }) => [what, errno]))
      check(
        name,
        (g) => {
          assert.deepEqual(answers(g, name), expected)
          assert.deepEqual(g.tree.names(), ['absolute', 'd', 'dangling', 'f', 'loop'])
        },
        { alone: 'below' },
      )
      // Its process aborts when path_filestat_set_times fails.
      if (name === 'path_filestat_set_times') continue
      test(`${name} (node:wasi)`, () => {
        const g = new Guest('node:wasi')
        const made = MAKES.includes(name) ? 'success' : 'noent'
        const theirs = BAD_PATHS.map(({ what, errno, node = errno }) => [what, node === 'made' ? made : node])
        assert.deepEqual(answers(g, name), Object.fromEntries(theirs))
        g.close()
      })
    }
  })
}
