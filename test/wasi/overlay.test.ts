// What only an overlay has: copying up, whiteouts, directories of both sides, and a lower file system that stays as it is.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FileTree, MemoryFileSystem, OverlayFileSystem, Symlink } from 'zwasm'
import { At, Guest, OFlag, READ_WRITE, RIGHTS } from './guest.ts'
import { snapshot } from './trees.ts'

const utf8 = (string: string): Uint8Array => new TextEncoder().encode(string)
const openDescriptors = (): number => readdirSync('/proc/self/fd').length

/** A directory of the host with `f`, `d/g`, `d/e/h` and the symlink `l` to `d`, below an overlay; afterwards it must be as it was. */
function overlay(
  name: string,
  run: (g: Guest, fs: OverlayFileSystem) => void,
  options = {},
  prepare = (_lower: string): void => {},
): void {
  test(name, () => {
    const lower = mkdtempSync(join(tmpdir(), 'zwasm-lower-'))
    const descriptors = openDescriptors()
    mkdirSync(join(lower, 'd/e'), { recursive: true })
    writeFileSync(join(lower, 'f'), 'text')
    writeFileSync(join(lower, 'd/g'), 'inner')
    writeFileSync(join(lower, 'd/e/h'), 'deep')
    symlinkSync('d', join(lower, 'l'))
    prepare(lower)
    try {
      const before = snapshot(lower)
      const fs = new OverlayFileSystem(lower, options)
      const g = new Guest('zwasm', { fs })
      run(g, fs)
      g.close()
      assert.equal(snapshot(lower), before)
      assert.equal(openDescriptors(), descriptors)
    } finally {
      rmSync(lower, { recursive: true })
    }
  })
}

const rename = (g: Guest, from: string, to: string): string =>
  g.call('path_rename', 3, ...g.path(from), 3, ...g.path(to, At.Path2))
const link = (g: Guest, from: string, to: string): string =>
  g.call('path_link', 3, 0, ...g.path(from), 3, ...g.path(to, At.Path2))
const unlink = (g: Guest, path: string): string => g.call('path_unlink_file', 3, ...g.path(path))
const rmdir = (g: Guest, path: string): string => g.call('path_remove_directory', 3, ...g.path(path))
const mkdir = (g: Guest, path: string): string => g.call('path_create_directory', 3, ...g.path(path))
const names = (g: Guest, path: string): string[] => {
  const fd = g.directory(path)
  const list = g.list(fd)
  g.call('fd_close', fd)
  return (list as [string, bigint][])
    .map(([name]) => name)
    .sort()
    .slice(2)
}
const ino = (g: Guest, path: string): bigint => {
  assert.equal(g.call('path_filestat_get', 3, 0, ...g.path(path), At.Stat), 'success')
  return g.u64(At.Stat + 8)
}

const LOWER: FileTree = { f: utf8('text'), d: { g: utf8('inner'), e: { h: utf8('deep') } }, l: new Symlink('d') }

overlay('the file system below shows through', (g, fs) => {
  assert.deepEqual(fs.tree(), LOWER)
  assert.equal(g.read(g.opened('l/e/h', { rights: RIGHTS.read }), 9), 'deep')
  assert.deepEqual(fs.usage, { bytes: 0, entries: 0 })
})

overlay('a file is copied when it is written, for all that have it open', (g, fs) => {
  const reader = g.opened('d/g', { rights: READ_WRITE & ~RIGHTS.write })
  const writer = g.opened('d/g')
  assert.deepEqual(fs.usage, { bytes: 0, entries: 0 })
  const before = ino(g, 'd/g')
  assert.equal(g.call('fd_seek', writer, 0n, 2, At.Out), 'success')
  assert.equal(g.write(writer, '!'), 1)
  assert.deepEqual(fs.usage, { bytes: 6, entries: 0 })
  assert.equal(g.pread(reader, 9, 0n), 'inner!')
  assert.equal(ino(g, 'd/g'), before)
  assert.deepEqual(fs.tree(), { ...LOWER, d: { g: utf8('inner!'), e: { h: utf8('deep') } } })
})

overlay('truncation copies nothing; a new size as much as it needs', (g, fs) => {
  g.call('fd_close', g.opened('f', { oflags: OFlag.trunc }))
  assert.deepEqual(fs.usage, { bytes: 0, entries: 0 })
  assert.equal(g.call('fd_filestat_set_size', g.opened('d/g'), 2n), 'success')
  assert.deepEqual(fs.usage, { bytes: 2, entries: 0 })
  assert.deepEqual(fs.tree(), { ...LOWER, f: utf8(''), d: { g: utf8('in'), e: { h: utf8('deep') } } })
})

overlay(
  'without room a file stays as it is',
  (g, fs) => {
    const fd = g.opened('d/g')
    assert.equal(g.write(fd, 'x'), 'nospc')
    assert.equal(g.pread(fd, 9, 0n), 'inner')
    assert.equal(g.call('fd_filestat_set_size', fd, 5n), 'nospc')
    assert.equal(g.call('fd_filestat_set_size', fd, 3n), 'success')
    assert.equal(g.pread(fd, 9, 0n), 'inn')
    assert.deepEqual(fs.usage, { bytes: 3, entries: 0 })
  },
  { maxBytes: 4 },
)

overlay('what is removed stays removed, what takes its place is new', (g, fs) => {
  assert.equal(unlink(g, 'f'), 'success')
  assert.equal(unlink(g, 'f'), 'noent')
  assert.equal(g.open('f'), 'noent')
  assert.deepEqual(names(g, '.'), ['d', 'l'])
  assert.equal(rmdir(g, 'd'), 'notempty')
  assert.equal(unlink(g, 'd/g'), 'success')
  assert.equal(unlink(g, 'd/e/h'), 'success')
  assert.equal(rmdir(g, 'd/e'), 'success')
  assert.equal(rmdir(g, 'd'), 'success')
  assert.equal(unlink(g, 'l'), 'success')
  assert.deepEqual(fs.tree(), {})
  assert.equal(mkdir(g, 'd'), 'success')
  assert.deepEqual(names(g, 'd'), [], 'nothing from below comes back')
  assert.equal(rmdir(g, 'd'), 'success')
  assert.deepEqual(names(g, '.'), [])
  g.opened('f', { oflags: OFlag.creat | OFlag.excl })
  assert.equal(unlink(g, 'f'), 'success')
  assert.equal(g.open('f'), 'noent')
  assert.deepEqual(fs.usage, { bytes: 0, entries: 0 })
})

overlay('a directory is renamed with all that lies below it', (g, fs) => {
  const open = g.opened('d/e/h')
  assert.equal(rename(g, 'd', 'd/e/x'), 'inval')
  assert.equal(rename(g, 'd', 'moved'), 'success')
  assert.equal(g.open('d'), 'noent')
  assert.equal(g.open('l/g'), 'noent')
  assert.equal(g.write(g.opened('moved/e/new', { oflags: OFlag.creat }), 'new'), 3)
  assert.equal(rename(g, 'moved/e', 'e'), 'success')
  assert.equal(g.write(open, 'DEEP'), 4)
  const e = { h: utf8('DEEP'), new: utf8('new') }
  assert.deepEqual(fs.tree(), { f: utf8('text'), l: new Symlink('d'), moved: { g: utf8('inner') }, e })
  assert.equal(rename(g, 'moved', 'd'), 'success')
  assert.equal(rename(g, 'e', 'd/e'), 'success')
  assert.deepEqual(fs.tree(), { ...LOWER, d: { g: utf8('inner'), e } })
  assert.deepEqual(fs.usage.entries, 3, 'd, e and new: names that the file system below has not')
})

overlay('renames over names of the other side', (g, fs) => {
  const fd = g.opened('new', { oflags: OFlag.creat })
  g.write(fd, 'new')
  g.call('fd_close', fd)
  assert.equal(rename(g, 'new', 'f'), 'success')
  assert.equal(rename(g, 'd/g', 'f'), 'success')
  assert.equal(rename(g, 'f', 'd'), 'isdir')
  assert.equal(rename(g, 'd', 'f'), 'notdir')
  mkdir(g, 'empty')
  assert.equal(rename(g, 'empty', 'd/e'), 'notempty')
  assert.equal(rename(g, 'd/e', 'empty'), 'success')
  assert.deepEqual(fs.tree(), { f: utf8('inner'), l: new Symlink('d'), d: {}, empty: { h: utf8('deep') } })
  assert.deepEqual(fs.usage, { bytes: 0, entries: 2 })
})

overlay('symlinks and times are changed without a copy of contents', (g, fs) => {
  assert.equal(rename(g, 'l', 'd/l'), 'success')
  assert.equal(link(g, 'd/l', 'hard'), 'success')
  assert.equal(g.call('path_filestat_set_times', 3, 0, ...g.path('d/g'), 5n, 6n, 5), 'success')
  assert.equal(g.call('path_filestat_set_times', 3, 0, ...g.path('d'), 7n, 8n, 5), 'success')
  for (const [path, mtim] of [
    ['d/g', 6n],
    ['d', 8n],
  ] as const) {
    ino(g, path)
    assert.equal(g.u64(At.Stat + 48), mtim)
  }
  assert.deepEqual(fs.usage, { bytes: 0, entries: 2 })
})

overlay('hard links of both sides stay one file', (g, fs) => {
  assert.equal(link(g, 'f', 'd/f2'), 'success')
  g.write(g.opened('d/f2'), 'TEXT')
  assert.equal(unlink(g, 'f'), 'success')
  assert.equal(rename(g, 'd/f2', 'f3'), 'success')
  assert.deepEqual(fs.tree(), {
    f3: utf8('TEXT'),
    l: new Symlink('d'),
    d: { g: utf8('inner'), e: { h: utf8('deep') } },
  })
  ino(g, 'f3')
  assert.equal(g.u64(At.Stat + 24), 1n)
})

test('files with several names below are one file, changed or not', () => {
  const lower = mkdtempSync(join(tmpdir(), 'zwasm-lower-'))
  try {
    writeFileSync(join(lower, 'a'), 'text')
    mkdirSync(join(lower, 'd'))
    linkSync(join(lower, 'a'), join(lower, 'd/b'))
    const before = snapshot(lower)
    const fs = new OverlayFileSystem(lower)
    const g = new Guest('zwasm', { fs })
    assert.equal(rename(g, 'a', 'd/b'), 'success', 'two names of one file')
    assert.deepEqual(names(g, '.'), ['a', 'd'])
    const fd = g.opened('a')
    g.write(fd, 'T')
    g.call('fd_close', fd)
    assert.equal(g.read(g.opened('d/b'), 9), 'Text')
    assert.equal(unlink(g, 'a'), 'success')
    ino(g, 'd/b')
    assert.equal(g.u64(At.Stat + 24), 1n)
    assert.deepEqual(fs.tree(), { d: { b: utf8('Text') } })
    g.close()
    assert.equal(snapshot(lower), before)
  } finally {
    rmSync(lower, { recursive: true })
  }
})

test('over memory, and over another overlay', () => {
  const lower = new MemoryFileSystem({ f: 'text', d: { g: 'inner' } })
  const middle = new OverlayFileSystem(lower)
  const upper = new OverlayFileSystem(middle)
  middle.writeFile('f', 'middle')
  upper.writeFile('d/g', 'upper')
  upper.writeFile('new', 'new')
  const g = new Guest('zwasm', { fs: upper })
  assert.equal(unlink(g, 'f'), 'success')
  g.close()
  assert.deepEqual(lower.tree(), { f: utf8('text'), d: { g: utf8('inner') } })
  assert.deepEqual(middle.tree(), { f: utf8('middle'), d: { g: utf8('inner') } })
  assert.deepEqual(upper.tree(), { d: { g: utf8('upper') }, new: utf8('new') })
})

overlay(
  'devices and pipes are seen and removed, not opened; names that are no UTF-8 are listed',
  (g) => {
    assert.equal(g.open('d/pipe', { rights: RIGHTS.read }), 'notsup')
    assert.equal(unlink(g, 'd/pipe'), 'success')
    assert.deepEqual(names(g, 'd'), ['e', 'g', '\ufffd'])
    assert.equal(unlink(g, 'd/g'), 'success')
    assert.equal(unlink(g, 'd/e/h'), 'success')
    assert.equal(rmdir(g, 'd/e'), 'success')
    assert.equal(rmdir(g, 'd'), 'notempty')
  },
  {},
  (lower) => {
    execFileSync('mkfifo', [join(lower, 'd/pipe')])
    writeFileSync(Buffer.concat([Buffer.from(`${lower}/d/`), Buffer.of(0xff)]), '')
  },
)

test('a lower directory that is missing is an error of the host when it is used, anything else at once', () => {
  const fs = new OverlayFileSystem('/nowhere')
  assert.throws(() => fs.tree(), { code: 'ENOENT' })
  assert.throws(() => new Guest('zwasm', { fs }), { code: 'ENOENT' })
  assert.throws(() => new OverlayFileSystem(1 as never), { code: 'ERR_INVALID_ARG_TYPE' })
})
