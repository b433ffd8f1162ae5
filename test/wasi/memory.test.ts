// File systems in memory as JavaScript sees them, and what a guest cannot see of a directory of the host: caps, the injected clock.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FileTree, MemoryFileSystem, Symlink, WASI } from 'zwasm'
import { ERROR_CODES } from '../../src/wasi/errors.ts'
import { At, Guest, OFlag, RIGHTS } from './guest.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const utf8 = (string: string): Uint8Array => new TextEncoder().encode(string)
const guestOf = (fs: MemoryFileSystem, options = {}): Guest => new Guest('zwasm', { fs, ...options })

test('a tree goes in and comes out', () => {
  const bytes = utf8('bytes')
  const fs = new MemoryFileSystem({
    'a.txt': 'text',
    ä: bytes,
    empty: {},
    dir: { deep: { f: '' }, l: new Symlink('../a.txt') },
  })
  bytes.fill(0)
  assert.deepEqual(fs.tree(), {
    'a.txt': utf8('text'),
    ä: utf8('bytes'),
    empty: {},
    dir: { deep: { f: new Uint8Array(0) }, l: new Symlink('../a.txt') },
  })
  assert.deepEqual(new MemoryFileSystem(fs.tree()).tree(), fs.tree())
  assert.equal(text(fs.readFile('/dir/l')), 'text')
  assert.deepEqual(fs.usage, { bytes: 4 + 5 + 8, entries: 7 })
  fs.readFile('a.txt').fill(0)
  assert.equal(text(fs.readFile('a.txt')), 'text')
})

test('__proto__ is a name as any other', () => {
  const tree = JSON.parse('{ "__proto__": { "f": "text" } }') as FileTree
  assert.equal(text(new MemoryFileSystem(tree).readFile('__proto__/f')), 'text')
  assert.deepEqual(Object.keys(new MemoryFileSystem(tree).tree()), ['__proto__'])
})

test('writeFile makes directories, replaces contents, follows symlinks', () => {
  const fs = new MemoryFileSystem({ l: new Symlink('a/b'), dangling: new Symlink('made') })
  fs.writeFile('/a/b/c.txt', 'long text')
  fs.writeFile('l/c.txt', utf8('short'))
  fs.writeFile('dangling', 'x')
  assert.deepEqual(fs.tree(), {
    l: new Symlink('a/b'),
    dangling: new Symlink('made'),
    a: { b: { 'c.txt': utf8('short') } },
    made: utf8('x'),
  })
})

test('errors of JavaScript have the code and the path', () => {
  const fs = new MemoryFileSystem({ d: { f: '' }, out: new Symlink('../x') }, { maxBytes: 10 })
  const fails = (run: () => unknown, code: string, path: string): void =>
    assert.throws(run, { name: 'WasiError', code, errno: ERROR_CODES.indexOf(code), message: `${code}: ${path}` })
  fails(() => fs.readFile('x'), 'noent', 'x')
  fails(() => fs.readFile('/d'), 'isdir', '/d')
  fails(() => fs.readFile('d/f/x'), 'notdir', 'd/f/x')
  fails(() => fs.readFile('out'), 'perm', 'out')
  fails(() => fs.readFile('../x'), 'perm', '../x')
  fails(() => fs.readFile(''), 'noent', '')
  fails(() => fs.readFile('a\0'), 'inval', 'a\0')
  fails(() => fs.writeFile('d', ''), 'isdir', 'd')
  fails(() => fs.writeFile('d/f/x', ''), 'notdir', 'd/f/x')
  fs.writeFile('f', 'kept')
  fails(() => fs.writeFile('f', 'more than ten'), 'nospc', 'f')
  assert.equal(text(fs.readFile('f')), 'kept')
  fails(() => new MemoryFileSystem({ d: { f: 'text' } }, { maxBytes: 3 }), 'nospc', 'tree.d.f')
  fails(() => new MemoryFileSystem({ a: '', b: {} }, { maxEntries: 1 }), 'nospc', 'tree.b')
})

test('arguments of another form', () => {
  const type = { code: 'ERR_INVALID_ARG_TYPE' }
  const value = { code: 'ERR_INVALID_ARG_VALUE' }
  const bad = (tree: unknown, options?: unknown) => () => new MemoryFileSystem(tree as never, options as never)
  assert.throws(bad({ a: 1 }), { ...type, message: /"tree\.a" property must be of type string or object/ })
  for (const tree of [null, 'x', ['x'], { a: null }, { a: ['x'] }, { a: { b: 1n } }, { a: new Uint16Array(1) }])
    assert.throws(bad(tree), type)
  for (const name of ['', '.', '..', 'a/b', 'a\0b', '\ud800']) assert.throws(bad({ [name]: '' }), value, name)
  assert.throws(bad({ ['x'.repeat(256)]: '' }), { code: 'nametoolong' })
  assert.throws(bad({}, { maxBytes: '1' }), type)
  assert.throws(bad({}, { maxBytes: -1 }), value)
  assert.throws(bad({}, { maxEntries: 1.5 }), value)
  assert.throws(bad({}, { clock: {} }), type)
  assert.throws(() => new MemoryFileSystem().readFile(1 as never), type)
  assert.throws(() => new MemoryFileSystem().writeFile('f', 1 as never), type)
  const wasi = (preopen: unknown) => () => new WASI({ version: 'preview1', preopens: { '/': preopen as never } })
  assert.throws(wasi({ fs: 'x' }), type)
  assert.throws(wasi({ fs: new MemoryFileSystem(), readonly: 1 }), type)
  assert.throws(wasi({}), type)
})

test('two guests and JavaScript share a file system; one of them may not change it', () => {
  const fs = new MemoryFileSystem({ f: 'text' })
  const one = guestOf(fs)
  const two = guestOf(fs, { readonly: true })
  const fd = one.opened('f')
  one.write(fd, 'new text')
  assert.equal(two.read(two.opened('f', { rights: RIGHTS.read }), 20), 'new text')
  assert.equal(two.open('f'), 'rofs')
  fs.writeFile('g', 'from JavaScript')
  assert.equal(one.read(one.opened('g'), 20), 'from JavaScript')
  one.close()
  two.close()
})

test('a link between two file systems is xdev', () => {
  const fs = new MemoryFileSystem({ f: 'text' })
  const other = new MemoryFileSystem()
  const wasi = new WASI({ version: 'preview1', preopens: { '/a': fs, '/b': { fs: other } } })
  const buffer = new ArrayBuffer(64)
  wasi.finalizeBindings({ exports: { memory: { buffer } } } as never)
  new Uint8Array(buffer).set(utf8('fg'))
  const { path_link: link, path_rename: rename } = wasi.wasiImport
  assert.equal(ERROR_CODES[link(3, 0, 0, 1, 4, 1, 1)], 'xdev')
  assert.equal(ERROR_CODES[rename(3, 0, 1, 4, 1, 1)], 'xdev')
  assert.deepEqual([fs.tree(), other.tree()], [{ f: utf8('text') }, {}])
  wasi.close()
})

test('times come from the clock of the guest, or from that of the file system', () => {
  let now = 100n
  const clock = { now: () => now, resolution: () => 1n, sleep() {} }
  const times = (g: Guest, path: string): bigint[] => {
    assert.equal(g.call('path_filestat_get', 3, 0, ...g.path(path), At.Stat), 'success')
    return [40, 48, 56].map((offset) => g.u64(At.Stat + offset))
  }
  const g = guestOf(new MemoryFileSystem({}, { clock }))
  const fd = g.opened('f', { oflags: OFlag.creat })
  assert.deepEqual(times(g, 'f'), [100n, 100n, 100n])
  now = 200n
  g.write(fd, 'text')
  assert.deepEqual(times(g, 'f'), [100n, 200n, 200n])
  now = 300n
  g.pread(fd, 4, 0n)
  assert.deepEqual(times(g, 'f'), [300n, 200n, 200n])
  now = 400n
  g.pread(fd, 4, 0n)
  assert.deepEqual(times(g, 'f'), [300n, 200n, 200n], 'only the first read after a change is marked')
  g.call('path_link', 3, 0, ...g.path('f'), 3, ...g.path('g', At.Path2))
  assert.deepEqual(times(g, 'f'), [300n, 200n, 400n])
  now = 500n
  g.call('path_unlink_file', 3, ...g.path('g'))
  assert.deepEqual(
    [times(g, 'f'), times(g, '.')].map(([, m, c]) => [m, c]),
    [
      [200n, 500n],
      [500n, 500n],
    ],
  )
  now = 600n
  g.call('fd_filestat_set_times', fd, 1n, 2n, 5)
  assert.deepEqual(times(g, 'f'), [1n, 2n, 600n])
  g.close()
  const other = guestOf(new MemoryFileSystem(), { clock: { ...clock, now: () => 7n } })
  other.opened('f', { oflags: OFlag.creat })
  assert.deepEqual(times(other, 'f'), [7n, 7n, 7n])
  other.close()
})

test('a file lives while it is open; its bytes come back with its last handle', () => {
  const fs = new MemoryFileSystem({ f: 'text', d: {} })
  const g = guestOf(fs)
  const fd = g.opened('f')
  g.call('path_unlink_file', 3, ...g.path('f'))
  g.write(fd, 'more text')
  assert.equal(g.pread(fd, 20, 0n), 'more text')
  g.call('fd_filestat_get', fd, At.Stat)
  assert.equal(g.u64(At.Stat + 24), 0n)
  assert.deepEqual(fs.usage, { bytes: 9, entries: 1 })
  g.call('fd_close', fd)
  assert.deepEqual(fs.usage, { bytes: 0, entries: 1 })
  const dir = g.opened('d', {
    oflags: OFlag.directory,
    rights: RIGHTS.readdir | (1n << 13n) | (1n << 10n),
    inheriting: RIGHTS.write,
  })
  g.call('path_remove_directory', 3, ...g.path('d'))
  assert.equal(g.open('x', { fd: dir, oflags: OFlag.creat, rights: RIGHTS.write }), 'noent')
  assert.deepEqual(fs.tree(), {})
  g.close()
})

test('caps: writes are cut short, then nospc; what is removed makes room', () => {
  const fs = new MemoryFileSystem({}, { maxBytes: 10, maxEntries: 3 })
  const g = guestOf(fs)
  const fd = g.opened('a', { oflags: OFlag.creat })
  assert.equal(g.write(fd, '12345678'), 8)
  assert.equal(g.write(fd, '9abcd'), 2)
  assert.equal(g.write(fd, 'x'), 'nospc')
  assert.equal(g.call('fd_filestat_set_size', fd, 11n), 'nospc')
  assert.equal(g.call('fd_allocate', fd, 0n, 1n << 50n), 'nospc')
  assert.equal(g.call('path_symlink', ...g.path('x'), 3, ...g.path('l', At.Path2)), 'nospc')
  g.call('fd_seek', fd, 0n, 0, At.Out)
  assert.equal(g.write(fd, 'XX'), 2, 'over what is there')
  assert.equal(g.call('fd_filestat_set_size', fd, 4n), 'success')
  assert.equal(g.call('path_symlink', ...g.path('x'), 3, ...g.path('l', At.Path2)), 'success')
  assert.equal(g.call('path_link', 3, 0, ...g.path('a'), 3, ...g.path('b', At.Path2)), 'success')
  assert.deepEqual(fs.usage, { bytes: 5, entries: 3 })
  assert.equal(g.open('c', { oflags: OFlag.creat }), 'nospc')
  assert.equal(g.call('path_create_directory', 3, ...g.path('c')), 'nospc')
  assert.equal(g.call('path_link', 3, 0, ...g.path('a'), 3, ...g.path('c', At.Path2)), 'nospc')
  assert.equal(g.call('path_rename', 3, ...g.path('b'), 3, ...g.path('c', At.Path2)), 'success', 'a name for a name')
  assert.equal(g.call('path_unlink_file', 3, ...g.path('l')), 'success')
  assert.equal(typeof g.open('d', { oflags: OFlag.creat }), 'number')
  assert.deepEqual(fs.tree(), { a: utf8('XX34'), c: utf8('XX34'), d: new Uint8Array(0) })
  assert.deepEqual(fs.usage, { bytes: 4, entries: 3 })
  g.close()
})

test('a gap and a file that grows again are zero', () => {
  const fs = new MemoryFileSystem({ f: 'secret' })
  const g = guestOf(fs)
  const fd = g.opened('f')
  g.call('fd_filestat_set_size', fd, 1n)
  g.call('fd_filestat_set_size', fd, 3n)
  g.call('fd_seek', fd, 5n, 0, At.Out)
  g.write(fd, 'x')
  assert.equal(text(fs.readFile('f')), 's\0\0\0\0x')
  assert.equal(g.pread(fd, 4, 6n), '')
  assert.equal(g.pread(fd, 4, 1000n), '')
  g.close()
})

test('a tree too deep for paths is nametoolong, not an overflow of the stack', () => {
  const fs = new MemoryFileSystem()
  const g = guestOf(fs)
  let fd = 3
  for (let i = 0; i < 30_000; i++) {
    assert.equal(g.call('path_create_directory', fd, ...g.path('d')), 'success')
    const rights = (1n << 9n) | (1n << 13n) | (1n << 17n)
    const next = g.opened('d', { fd, oflags: OFlag.directory, rights, inheriting: rights })
    if (fd !== 3) g.call('fd_close', fd)
    fd = next
  }
  assert.equal(g.call('path_rename', 3, ...g.path('d'), fd, ...g.path('e', At.Path2)), 'inval')
  g.close()
  assert.throws(() => fs.tree(), { code: 'nametoolong' })
})
