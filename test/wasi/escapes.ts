// Attempts to leave a preopen, each on a fresh tree with a secret beside it, as preview 1 calls. An attempt has escaped if the guest holds
// bytes, names or the identity of something outside, or if the tree outside has changed. 20 ways to a path outside times 18 operations,
// single cases, and changes to a read-only preopen.

import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { At, Guest, type Implementation, OFlag, READ_WRITE, RIGHTS } from './guest.ts'
import { snapshot, TREE_KINDS, type TestTree, type TreeKind } from './trees.ts'

const SECRET = 'SECRET-OUTSIDE'
/** The preopen, what lies outside on the host, and the way there from the preopen. */
interface Place {
  readonly tree: TestTree
  /** The directory of the host that the tree is or lies over. */
  readonly root: string
  readonly out: string
  readonly up: string
}
type Saw = (what: string) => void
interface Attempt {
  readonly name: string
  readonly setup: ((p: Place) => void) | undefined
  readonly run: (g: Guest, p: Place, saw: Saw) => void
  /** The preopen is read-only: node:wasi has none. */
  readonly readonly?: boolean
  /** The host moves what is in the preopen meanwhile: it must be a directory of the host, or lie over one. */
  readonly moves?: boolean
}
const attempts: Attempt[] = []

function inodes(dir: string, into = new Set<bigint>()): Set<bigint> {
  const s = lstatSync(dir, { bigint: true })
  into.add(s.ino)
  if (s.isDirectory()) for (const n of readdirSync(dir)) inodes(join(dir, n), into)
  return into
}
// Routes: what the guest's path to the outside directory is, and what the host has planted for it.
const routes: [string, (p: Place) => string, ((p: Place) => void)?][] = [
  ['..', (p) => p.up],
  ['./..', (p) => `./${p.up}`],
  ['down and up twice', (p) => `sub/../${p.up}`],
  ['.//..', (p) => `.//${p.up}`],
  ['deep dots', (p) => `sub/deep/../../${p.up}`],
  ['absolute', (p) => p.out],
  ['two slashes', (p) => `/${p.out}`],
  ['absolute symlink', () => 'l', (p) => p.tree.symlink(p.out, 'l')],
  ['relative symlink', () => 'l', (p) => p.tree.symlink(p.up, 'l')],
  ['symlink to ..', (p) => `l/${basename(p.out)}`, (p) => p.tree.symlink('..', 'l')],
  ['symlink to /', (p) => `l${p.out}`, (p) => p.tree.symlink('/', 'l')],
  ['symlink in a directory', () => 'sub/l', (p) => p.tree.symlink(`../${p.up}`, 'sub/l')],
  [
    'chain of symlinks',
    () => 'a',
    (p) => {
      p.tree.symlink('b', 'a')
      p.tree.symlink('sub/c', 'b')
      p.tree.symlink(p.out, 'sub/c')
    },
  ],
  [
    'chain of ..',
    (p) => `a/${basename(p.out)}`,
    (p) => {
      p.tree.symlink('sub/b', 'a')
      p.tree.symlink('c', 'sub/b')
      p.tree.symlink('../..', 'sub/c')
    },
  ],
  ['.. after symlink', (p) => `l/../${p.up}`, (p) => p.tree.symlink('sub/deep', 'l')],
  ['.. after symlink out', (p) => `l/../${basename(p.out)}`, (p) => p.tree.symlink(p.out, 'l')],
  ['symlink to itself plus ..', (p) => `l/${p.up}`, (p) => p.tree.symlink('.', 'l')],
  ['symlink with slashes', () => 'l', (p) => p.tree.symlink(`.///${p.up}//`, 'l')],
  ['symlink to /proc/self/root', (p) => `l${p.out}`, (p) => p.tree.symlink('/proc/self/root', 'l')],
  [
    'symlink to /proc/self/cwd',
    (p) => `l/${'../'.repeat(12)}${p.out.slice(1)}`,
    (p) => p.tree.symlink('/proc/self/cwd', 'l'),
  ],
]
const ident = (g: Guest, p: Place, saw: (w: string) => void) => {
  if (inodes(p.out).has(g.u64(At.Stat + 8))) saw('the identity of a file outside')
}
const files: [string, (g: Guest, path: string, p: Place, saw: (w: string) => void) => void][] = [
  [
    'read',
    (g, d, _p, saw) => {
      const fd = g.open(`${d}/secret`, { rights: RIGHTS.read })
      if (typeof fd === 'number') saw(g.read(fd, 32))
    },
  ],
  [
    'overwrite',
    (g, d) => {
      const fd = g.open(`${d}/secret`)
      if (typeof fd === 'number') g.write(fd, 'owned')
    },
  ],
  ['truncate', (g, d) => void g.open(`${d}/secret`, { oflags: OFlag.trunc })],
  ['create', (g, d) => void g.open(`${d}/new`, { oflags: OFlag.creat })],
  ['create exclusively', (g, d) => void g.open(`${d}/new`, { oflags: OFlag.creat | OFlag.excl, follow: 0 })],
  [
    'stat',
    (g, d, p, saw) => {
      if (g.call('path_filestat_get', 3, 1, ...g.path(`${d}/secret`), At.Stat) === 'success') ident(g, p, saw)
    },
  ],
  [
    'list',
    (g, d, _p, saw) => {
      const fd = g.open(d, { oflags: OFlag.directory, rights: RIGHTS.readdir, inheriting: RIGHTS.read })
      if (typeof fd === 'number') saw(JSON.stringify(g.list(fd), (_k, v) => (typeof v === 'bigint' ? String(v) : v)))
    },
  ],
  [
    'list with a slash',
    (g, d, _p, saw) => {
      const fd = g.open(`${d}/`, { oflags: OFlag.directory, rights: RIGHTS.readdir, follow: 0 })
      if (typeof fd === 'number') saw(JSON.stringify(g.list(fd), (_k, v) => (typeof v === 'bigint' ? String(v) : v)))
    },
  ],
  ['make a directory', (g, d) => void g.call('path_create_directory', 3, ...g.path(`${d}/new`))],
  ['remove a directory', (g, d) => void g.call('path_remove_directory', 3, ...g.path(`${d}/empty`))],
  ['unlink', (g, d) => void g.call('path_unlink_file', 3, ...g.path(`${d}/secret`))],
  ['rename out', (g, d) => void g.call('path_rename', 3, ...g.path('f'), 3, ...g.path(`${d}/f`, At.Path2))],
  ['rename in', (g, d) => void g.call('path_rename', 3, ...g.path(`${d}/secret`), 3, ...g.path('mine', At.Path2))],
  ['link out', (g, d) => void g.call('path_link', 3, 0, ...g.path('f'), 3, ...g.path(`${d}/f`, At.Path2))],
  ['link in', (g, d) => void g.call('path_link', 3, 0, ...g.path(`${d}/secret`), 3, ...g.path('mine', At.Path2))],
  ['make a symlink', (g, d) => void g.call('path_symlink', ...g.path('x'), 3, ...g.path(`${d}/new`, At.Path2))],
  [
    'read a symlink',
    (g, d, _p, saw) => {
      if (g.call('path_readlink', 3, ...g.path(`${d}/link`), At.Buffer, 64, At.Out) === 'success')
        saw(new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + g.u32())))
    },
  ],
  ['set times', (g, d) => void g.call('path_filestat_set_times', 3, 1, ...g.path(`${d}/secret`), 1n, 1n, 5)],
]
for (const [route, path, setup] of routes)
  for (const [what, run] of files)
    attempts.push({
      name: `${what} through ${route}`,
      setup,
      run: (g, p, saw) => run(g, path(p), p, saw),
    })

const own = (
  name: string,
  setup: ((p: Place) => void) | undefined,
  run: Attempt['run'],
  flags: Pick<Attempt, 'readonly' | 'moves'> = {},
): void => void attempts.push({ name, setup, run, ...flags })
const readThrough = (g: Guest, path: string | Uint8Array, saw: (w: string) => void, o = {}) => {
  const fd = g.open(path, { rights: RIGHTS.read, ...o })
  if (typeof fd === 'number') {
    saw(g.read(fd, 32))
  }
}
own(
  'final symlink, follow',
  (p) => p.tree.symlink(join(p.out, 'secret'), 'l'),
  (g, _p, s) => readThrough(g, 'l', s),
)
own(
  'final symlink, no follow',
  (p) => p.tree.symlink(join(p.out, 'secret'), 'l'),
  (g, _p, s) => readThrough(g, 'l', s, { follow: 0 }),
)
own(
  'final symlink, trailing slash',
  (p) => p.tree.symlink(join(p.out, 'secret'), 'l'),
  (g, _p, s) => readThrough(g, 'l/', s),
)
own(
  'dangling symlink, create',
  (p) => p.tree.symlink(join(p.out, 'new'), 'l'),
  (g) => void g.open('l', { oflags: OFlag.creat }),
)
own(
  'dangling relative symlink, create',
  (p) => p.tree.symlink(`${p.up}/new`, 'l'),
  (g) => void g.open('l', { oflags: OFlag.creat }),
)
own(
  'dangling chain, create',
  (p) => {
    p.tree.symlink('m', 'l')
    p.tree.symlink(join(p.out, 'new'), 'm')
  },
  (g) => void g.open('l', { oflags: OFlag.creat }),
)
own(
  'hard link of a symlink, followed',
  (p) => p.tree.symlink(join(p.out, 'secret'), 'l'),
  (g, _p, s) => {
    g.call('path_link', 3, 1, ...g.path('l'), 3, ...g.path('m', At.Path2))
    readThrough(g, 'm', s)
  },
)
own(
  'hard link of a symlink, itself',
  (p) => p.tree.symlink(join(p.out, 'secret'), 'l'),
  (g, _p, s) => {
    g.call('path_link', 3, 0, ...g.path('l'), 3, ...g.path('m', At.Path2))
    readThrough(g, 'm', s)
  },
)
own('own absolute symlink', undefined, (g, p, s) => {
  g.call('path_symlink', ...g.path(p.out), 3, ...g.path('l', At.Path2))
  readThrough(g, 'l/secret', s)
})
own('own relative symlink', undefined, (g, p, s) => {
  g.call('path_symlink', ...g.path(p.up), 3, ...g.path('l', At.Path2))
  readThrough(g, 'l/secret', s)
})
own('own symlink, moved up', undefined, (g, p, s) => {
  g.call('path_symlink', ...g.path(`../../${basename(p.out)}`), 3, ...g.path('sub/deep/l', At.Path2))
  g.call('path_rename', 3, ...g.path('sub/deep/l'), 3, ...g.path('sub/l', At.Path2))
  readThrough(g, 'sub/l/secret', s)
})
own('directory of symlink moved up', undefined, (g, p, s) => {
  g.call('path_symlink', ...g.path(`../../${basename(p.out)}`), 3, ...g.path('sub/deep/l', At.Path2))
  g.call('path_rename', 3, ...g.path('sub/deep'), 3, ...g.path('deep', At.Path2))
  readThrough(g, 'deep/l/secret', s)
})
own('.. of an opened subdirectory', undefined, (g, p, s) => {
  const fd = g.opened('sub', { oflags: OFlag.directory, rights: RIGHTS.readdir | (1n << 13n), inheriting: READ_WRITE })
  readThrough(g, `../${p.up}/secret`, s, { fd })
})
own(
  'opened directory moved out by the host, then ..',
  undefined,
  (g, p, s) => {
    const fd = g.opened('sub/deep', {
      oflags: OFlag.directory,
      rights: RIGHTS.readdir | (1n << 13n),
      inheriting: READ_WRITE,
    })
    renameSync(join(p.root, 'sub/deep'), join(p.out, 'deep'))
    readThrough(g, '../secret', s, { fd })
    renameSync(join(p.out, 'deep'), join(p.root, 'sub/deep'))
  },
  { moves: true },
)
own(
  'opened directory replaced by a symlink',
  undefined,
  (g, p, s) => {
    const fd = g.opened('sub', {
      oflags: OFlag.directory,
      rights: RIGHTS.readdir | (1n << 13n),
      inheriting: READ_WRITE,
    })
    renameSync(join(p.root, 'sub'), join(p.root, 'was'))
    p.tree.symlink(p.out, 'sub')
    readThrough(g, 'secret', s, { fd })
  },
  { moves: true },
)
own(
  'preopen replaced by a symlink',
  undefined,
  (g, p, s) => {
    renameSync(p.root, `${p.root}-was`)
    symlinkSync(p.out, p.root)
    readThrough(g, 'secret', s)
    rmSync(p.root)
    renameSync(`${p.root}-was`, p.root)
  },
  { moves: true },
)
own(
  'opened file replaced by a symlink, append',
  (p) => p.tree.write('a', 'x'),
  (g, p) => {
    const fd = g.opened('a', { fdflags: 1 })
    rmSync(join(p.root, 'a'))
    p.tree.symlink(join(p.out, 'secret'), 'a')
    g.write(fd, 'owned')
  },
  { moves: true },
)
own(
  'opened file replaced by a symlink, read',
  (p) => p.tree.write('a', 'x'),
  (g, p, s) => {
    const fd = g.opened('a')
    rmSync(join(p.root, 'a'))
    p.tree.symlink(join(p.out, 'secret'), 'a')
    s(g.read(fd, 32))
  },
  { moves: true },
)
own('reuse of a closed number', undefined, (g, p, s) => {
  const fd = g.opened('f')
  g.call('fd_close', fd)
  const h = openSync(join(p.out, 'secret'), 'r')
  try {
    s(g.read(fd, 32))
    for (let n = 4; n < 64; n++) s(g.read(n, 32))
  } finally {
    closeSync(h)
  }
})
own('numbers of the host', undefined, (g, p, s) => {
  const h = openSync(join(p.out, 'secret'), 'r')
  try {
    s(g.read(h, 32))
    s(g.pread(h, 32, 0n))
  } finally {
    closeSync(h)
  }
})
own('renumber over the preopen', undefined, (g, p, s) => {
  const fd = g.opened('sub', { oflags: OFlag.directory, rights: RIGHTS.readdir | (1n << 13n), inheriting: READ_WRITE })
  g.call('fd_renumber', fd, 3)
  readThrough(g, `../${p.up}/secret`, s)
  readThrough(g, '../f', () => s('a file above the opened directory: SECRET'))
})
own('negative number', undefined, (g, _p, s) => {
  for (const n of [-1, -2, 0x7fffffff, -0x80000000]) s(g.read(n, 32))
})
for (const bytes of ['f\0', '\0', 'f\0/../..', `sub\0/`])
  own(`NUL in ${JSON.stringify(bytes)}`, undefined, (g, p, s) => {
    readThrough(g, `${bytes}/${p.up}/secret`, s)
    readThrough(g, `${p.up}/secret${bytes}`, s)
    g.open(`${bytes}${p.up}/new`, { oflags: OFlag.creat })
  })
for (const [n, b] of [
  ['0xff', [0xff]],
  ['overlong slash', [0xc0, 0xaf]],
  ['overlong dot', [0xc0, 0xae, 0xc0, 0xae]],
  ['surrogate', [0xed, 0xa0, 0x80]],
  ['fullwidth dots', [0xef, 0xbc, 0x8e, 0xef, 0xbc, 0x8e]],
] as const)
  own(`bytes ${n}`, undefined, (g, p, s) => {
    const t = new TextEncoder()
    readThrough(g, Uint8Array.of(...b, ...t.encode(`/${basename(p.out)}/secret`)), s)
    readThrough(g, Uint8Array.of(...t.encode('..'), ...b, ...t.encode(`${basename(p.out)}/secret`)), s)
    g.open(Uint8Array.of(...b, ...t.encode(`${p.up}/new`)), { oflags: OFlag.creat })
  })
own('backslashes', undefined, (g, p, s) => readThrough(g, `..\\${basename(p.out)}\\secret`, s))
own('a path of 5,000 bytes', undefined, (g, p, s) => readThrough(g, `${'./'.repeat(1800)}${p.up}/secret`, s))
own(
  '41 symlinks',
  (p) => {
    p.tree.symlink(p.out, 'l40')
    for (let i = 0; i < 40; i++) p.tree.symlink(`l${i + 1}`, `l${i}`)
  },
  (g, _p, s) => readThrough(g, 'l0/secret', s),
)
own(
  '10 symlinks',
  (p) => {
    p.tree.symlink(p.out, 'l10')
    for (let i = 0; i < 10; i++) p.tree.symlink(`l${i + 1}`, `l${i}`)
  },
  (g, _p, s) => readThrough(g, 'l0/secret', s),
)
own('shrunk rights regained', undefined, (g, _p, s) => {
  g.call('fd_fdstat_set_rights', 3, 0n, 0n)
  if (g.call('fd_fdstat_set_rights', 3, RIGHTS.readdir, 0n) === 'success') s('rights gained: SECRET')
  readThrough(g, 'f', () => s('opened without the right: SECRET'))
})
own(
  'rename a directory into itself',
  undefined,
  (g) => void g.call('path_rename', 3, ...g.path('sub'), 3, ...g.path('sub/deep/x', At.Path2)),
)
own('rename over ..', undefined, (g) => void g.call('path_rename', 3, ...g.path('f'), 3, ...g.path('..', At.Path2)))
own('remove ..', undefined, (g) => {
  g.call('path_remove_directory', 3, ...g.path('..'))
  g.call('path_unlink_file', 3, ...g.path('..'))
})
own('stat of the parent', undefined, (g, p, s) => {
  g.view.setBigUint64(At.Stat + 8, 0n, true)
  g.call('path_filestat_get', 3, 0, ...g.path('..'), At.Stat)
  if (g.u64(At.Stat + 8) === lstatSync(dirname(p.out), { bigint: true }).ino) s('the parent: SECRET')
})
own('ino of .. in a listing', undefined, (g, p, s) => {
  const fd = g.directory('.')
  g.call('fd_readdir', fd, At.Buffer, 4096, 0n, At.Out)
  const ino = lstatSync(dirname(p.out), { bigint: true }).ino
  const end = At.Buffer + g.u32()
  for (let at = At.Buffer; at + 24 <= end; at += 24 + g.u32(at + 16))
    if (g.u64(at + 8) === ino) s('number of the parent: SECRET')
})

// Without what changes nothing, or only moves a name to itself.
const HARMLESS = ['read', 'stat', 'list', 'list with a slash', 'read a symlink', 'rename out', 'link out']
for (const [what, run] of files.filter(([name]) => !HARMLESS.includes(name)))
  own(
    `${what} in a read-only preopen`,
    (p) => {
      p.tree.write('secret', 'x')
      p.tree.mkdir('empty')
    },
    (g, p, saw) => {
      const before = p.tree.state()
      run(g, '.', p, () => {})
      if (p.tree.state() !== before) saw('read-only tree changed: SECRET')
    },
    { readonly: true },
  )

export interface EscapeReport {
  readonly attempts: number
  /** Attempts that escaped, and how. */
  readonly escaped: readonly string[]
  /** Attempts that an exception of the host ended. */
  readonly broken: readonly string[]
  /** Descriptors of the process before and behind all of them. */
  readonly descriptors: readonly [before: number, after: number]
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

/** Runs all attempts that can be made on such a tree. */
export function runEscapes(implementation: Implementation, kind: TreeKind): EscapeReport {
  const escaped: string[] = []
  const broken: string[] = []
  let ran = 0
  const before = openDescriptors()
  for (const attempt of attempts) {
    const { name, readonly, moves, setup } = attempt
    if (readonly === true && implementation !== 'zwasm') continue
    const guest = new Guest(implementation, { readonly: readonly === true, tree: kind })
    const { tree } = guest
    if (moves !== true || tree.host !== undefined) {
      ran++
      const out = mkdtempSync(join(tmpdir(), 'zwasm-outside-'))
      const place: Place = { tree, root: tree.host ?? '/nowhere', out, up: `../${basename(out)}` }
      writeFileSync(join(out, 'secret'), SECRET)
      mkdirSync(join(out, 'empty'))
      symlinkSync(SECRET, join(out, 'link'))
      tree.write('f', 'inside')
      tree.mkdir('sub/deep')
      setup?.(place)
      const outside = snapshot(out)
      const why: string[] = []
      try {
        attempt.run(guest, place, (what) => {
          if (/SECRET|secret|identity/.test(what)) why.push(what)
        })
      } catch (error) {
        broken.push(`${name}: ${(error as Error).message}`)
      }
      // A directory that the host itself moved out and back changes the times of `out`.
      if (snapshot(out) !== outside && !name.includes('moved out by the host')) why.push('the tree outside has changed')
      // What lies below an overlay is outside too.
      if (moves !== true && tree.lowerHasChanged()) why.push('the tree below has changed')
      if (why.length > 0) escaped.push(`${name}: ${why[0]}`)
      rmSync(out, { recursive: true, force: true })
    }
    guest.close(false)
  }
  return { attempts: ran, escaped, broken, descriptors: [before, openDescriptors()] }
}

/** On zwasm every tree, and node:wasi. */
export const ESCAPE_RUNS: readonly (readonly [Implementation, TreeKind])[] = [
  ...TREE_KINDS.map((kind) => ['zwasm', kind] as const),
  ['node:wasi', 'host'],
]
