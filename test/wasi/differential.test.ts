// Random operations on four trees at a time: a directory of the host is what the others are measured by. Each answer must be the same, and
// so must what is there at the end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { caseSeed, Random } from '../../fuzz/random.ts'
import { At, Guest, OFlag, READ_WRITE, RIGHTS } from './guest.ts'
import { TREE_KINDS, type TestTree } from './trees.ts'

const SEED = 1
const SEQUENCES = 120
const OPERATIONS = 100

const NAMES = ['a', 'b', 'c', 'a', 'b', 'c', 'deep']
/** Descriptors that a guest keeps open, for files and for directories. */
const SLOTS = 4
const IN_DIRECTORY = [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 23, 24, 25, 26].reduce(
  (all, bit) => all | (1n << BigInt(bit)),
  0n,
)

/** A guest and what it has open. */
interface Side {
  readonly g: Guest
  readonly files: (number | undefined)[]
  /** The first is the preopen. */
  readonly directories: number[]
}
type Operation = (side: Side) => string

const text = (g: Guest): string => new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + g.u32()))

/** What must be the same on all trees: type, links of a file, size. Directories of hosts have sizes of their own. */
function statText(g: Guest, errno: string): string {
  if (errno !== 'success') return errno
  const type = g.bytes[At.Stat + 16]
  return type === 3 ? 'directory' : `${type} links ${g.u64(At.Stat + 24)} size ${g.u64(At.Stat + 32)}`
}

function list(g: Guest, fd: number): string[] | string {
  const entries = g.list(fd)
  return typeof entries === 'string' ? entries : entries.map(([name]) => name).sort()
}

function randomPath(r: Random): string {
  const parts = Array.from({ length: r.pick([1, 1, 2, 2, 3]) }, () =>
    r.chance(4) ? r.pick(['.', '..']) : r.pick(NAMES),
  )
  return parts.join('/') + (r.chance(5) ? '/' : '')
}

/** An operation, chosen once and then done on each side. */
function randomOperation(r: Random): [string, Operation] {
  const [path, to] = [randomPath(r), randomPath(r)]
  const [from, into] = [r.int(SLOTS), r.int(SLOTS)]
  const slot = r.int(SLOTS)
  const follow = r.int(2)
  const two = (name: string): [string, Operation] => [
    `${name} ${from}:${path} ${into}:${to}`,
    ({ g, directories }) =>
      name === 'path_link'
        ? g.call(name, directories[from], follow, ...g.path(path), directories[into], ...g.path(to, At.Path2))
        : g.call(name, directories[from], ...g.path(path), directories[into], ...g.path(to, At.Path2)),
  ]
  const one = (name: string): [string, Operation] => [
    `${name} ${from}:${path}`,
    ({ g, directories }) => g.call(name, directories[from], ...g.path(path)),
  ]
  const onFile = (name: string, run: (g: Guest, fd: number) => string): [string, Operation] => [
    `${name} ${slot}`,
    ({ g, files }) => (files[slot] === undefined ? 'none' : run(g, files[slot])),
  ]
  const size = r.int(40)
  switch (r.int(16)) {
    case 0:
    case 1: {
      const oflags = r.pick([
        0,
        OFlag.creat,
        OFlag.creat,
        OFlag.creat | OFlag.excl,
        OFlag.trunc,
        OFlag.creat | OFlag.trunc,
      ])
      const fdflags = r.int(2)
      const rights = r.pick([READ_WRITE, READ_WRITE, RIGHTS.read | RIGHTS.seek | RIGHTS.stat])
      return [
        `open ${from}:${path} oflags ${oflags} fdflags ${fdflags} follow ${follow} rights ${rights} in ${slot}`,
        ({ g, directories, files }) => {
          const fd = g.open(path, { fd: directories[from], oflags, fdflags, follow, rights })
          if (typeof fd === 'string') return fd
          if (files[slot] !== undefined) g.call('fd_close', files[slot])
          files[slot] = fd
          return 'success'
        },
      ]
    }
    case 2:
      return [
        `open directory ${from}:${path} follow ${follow} in ${slot}`,
        ({ g, directories }) => {
          const rights = IN_DIRECTORY
          const inheriting = IN_DIRECTORY | READ_WRITE
          const fd = g.open(path, { fd: directories[from], oflags: OFlag.directory, follow, rights, inheriting })
          if (typeof fd === 'string') return fd
          if (directories[slot] !== 3) g.call('fd_close', directories[slot])
          directories[slot] = fd
          return 'success'
        },
      ]
    case 3:
    case 4:
      return onFile(`write ${size}`, (g, fd) => String(g.write(fd, 'x'.repeat(size))))
    case 5:
      return onFile('pread', (g, fd) => g.pread(fd, 64, BigInt(size)))
    case 6:
      return onFile(`set_size ${size}`, (g, fd) => g.call('fd_filestat_set_size', fd, BigInt(size)))
    case 7:
      return onFile('fstat', (g, fd) => statText(g, g.call('fd_filestat_get', fd, At.Stat)))
    case 8:
      return [
        `stat ${from}:${path} follow ${follow}`,
        ({ g, directories }) =>
          statText(g, g.call('path_filestat_get', directories[from], follow, ...g.path(path), At.Stat)),
      ]
    case 9:
      return r.chance(50) ? one('path_create_directory') : one('path_remove_directory')
    case 10:
      return one('path_unlink_file')
    case 11:
    case 12:
      return two('path_rename')
    case 13:
      return two('path_link')
    case 14: {
      const target = r.pick(['a', 'b', 'c', 'a/b', '../a', './c/', 'nowhere'])
      return [
        `symlink ${target} ${from}:${path}`,
        ({ g, directories }) => g.call('path_symlink', ...g.path(target), directories[from], ...g.path(path, At.Path2)),
      ]
    }
    default:
      return r.chance(50)
        ? [`list ${from}`, ({ g, directories }) => String(list(g, directories[from]))]
        : [
            `readlink ${from}:${path}`,
            ({ g, directories }) => {
              const errno = g.call('path_readlink', directories[from], ...g.path(path), At.Buffer, 64, At.Out)
              return errno === 'success' ? text(g) : errno
            },
          ]
  }
}

/** All that is there, as the guest sees it; files with several names as a set. */
function dump(g: Guest, fd: number, prefix: string, into: string[], files: Map<string, string[]>): void {
  for (const name of list(g, fd) as string[]) {
    if (name === '.' || name === '..') continue
    const path = prefix + name
    assert.equal(g.call('path_filestat_get', fd, 0, ...g.path(name), At.Stat), 'success', path)
    const type = g.bytes[At.Stat + 16]
    if (type !== 3) {
      const key = `${g.u64(At.Stat)}:${g.u64(At.Stat + 8)}`
      files.set(key, [...(files.get(key) ?? []), path])
    }
    const stat = statText(g, 'success')
    if (type === 3) {
      into.push(`${path} directory`)
      const rights = IN_DIRECTORY
      const child = g.opened(name, { fd, oflags: OFlag.directory, rights, inheriting: rights | READ_WRITE })
      dump(g, child, `${path}/`, into, files)
      g.call('fd_close', child)
    } else if (type === 7) {
      g.call('path_readlink', fd, ...g.path(name), At.Buffer, 64, At.Out)
      into.push(`${path} -> ${text(g)}`)
    } else {
      const file = g.opened(name, { fd, rights: RIGHTS.read })
      into.push(`${path} ${stat} ${JSON.stringify(g.read(file, 4096))}`)
      g.call('fd_close', file)
    }
  }
}

function dumpAll(g: Guest): string {
  const lines: string[] = []
  const files = new Map<string, string[]>()
  dump(g, 3, '', lines, files)
  return [...lines, ...[...files.values()].map((names) => names.join(' = '))].join('\n')
}

function removeAll(g: Guest, fd: number): void {
  for (const name of list(g, fd) as string[]) {
    if (name === '.' || name === '..' || g.call('path_unlink_file', fd, ...g.path(name)) === 'success') continue
    const rights = IN_DIRECTORY
    const child = g.opened(name, { fd, oflags: OFlag.directory, rights, inheriting: rights })
    removeAll(g, child)
    g.call('fd_close', child)
    assert.equal(g.call('path_remove_directory', fd, ...g.path(name)), 'success')
  }
}

/** What lies there at first, and below the overlays. */
function prepare(tree: TestTree, seed: number): void {
  const r = new Random(seed)
  tree.write('a', 'the first file')
  if (r.chance(70)) tree.mkdir(r.pick(['b', 'b/c', 'b/a/c']))
  if (r.chance(50)) tree.mkdir('c')
  if (r.chance(50) && tree.names().includes('c')) tree.write('c/a', 'x'.repeat(r.int(50)))
  if (r.chance(50) && tree.names().includes('b')) tree.link('a', 'b/b')
  if (r.chance(40) && tree.names().includes('c')) tree.symlink(r.pick(['../b', '../a', 'a', '.']), 'c/c')
  if (r.chance(40)) tree.write('deep/a/b/c', 'deep')
}

test('the same answers on all trees', (t) => {
  const answers = new Map<string, number>()
  for (let i = 0; i < SEQUENCES; i++) {
    const seed = caseSeed(SEED, i)
    const sides: Side[] = TREE_KINDS.map((tree) => {
      const g = new Guest('zwasm', { tree })
      prepare(g.tree, seed)
      return { g, files: [], directories: Array.from({ length: SLOTS }, () => 3) }
    })
    const r = new Random(seed)
    const log: string[] = []
    for (let n = 0; n < OPERATIONS; n++) {
      const [name, run] = randomOperation(r)
      const results = sides.map((side) => run(side))
      log.push(`${name}: ${results[0]}`)
      answers.set(results[0], (answers.get(results[0]) ?? 0) + 1)
      for (const [s, result] of results.entries())
        assert.equal(result, results[0], `${TREE_KINDS[s]}, case ${i}:\n${log.join('\n')}`)
    }
    const [expected, ...others] = sides.map(({ g }) => dumpAll(g))
    for (const [s, state] of others.entries())
      assert.equal(state, expected, `${TREE_KINDS[s + 1]}, case ${i}:\n${log.join('\n')}`)
    for (const { g, files, directories } of sides) {
      removeAll(g, 3)
      for (const fd of [...files, ...directories]) if (fd !== undefined && fd !== 3) g.call('fd_close', fd)
      const { preopen } = g.tree
      if ('fs' in preopen) assert.deepEqual(preopen.fs.usage, { bytes: 0, entries: 0 }, log.join('\n'))
      g.close()
    }
  }
  // The operations have met what they are about.
  for (const errno of ['success', 'noent', 'notdir', 'isdir', 'exist', 'notempty', 'inval', 'loop', 'perm'])
    assert.ok((answers.get(errno) ?? 0) > 20, errno)
  t.diagnostic(`${SEQUENCES * OPERATIONS} operations`)
})
