// What is refused although it is right: nospc, mfile, rofs, xdev, and numbers that are too large.

import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { check } from '../conformance.ts'
import { At, OFlag, RIGHTS } from '../guest.ts'

export function limitCases(): void {
  describe('limits', () => {
    check(
      'nospc: bytes',
      (g) => {
        const fd = g.opened('f', { oflags: OFlag.creat })
        assert.equal(g.write(fd, '0123456789'), 8)
        assert.equal(g.write(fd, 'x'), 'nospc')
        assert.equal(g.call('fd_pwrite', fd, ...g.vectors(1), 8n, At.Out), 'nospc')
        assert.equal(g.call('fd_filestat_set_size', fd, 9n), 'nospc')
        assert.equal(g.call('fd_allocate', fd, 8n, 1n), 'nospc')
        assert.equal(g.call('path_symlink', ...g.path('x'), 3, ...g.path('l', At.Path2)), 'nospc')
        assert.equal(g.pread(fd, 20, 0n), '01234567')
        assert.equal(g.call('fd_filestat_set_size', fd, 7n), 'success')
        assert.equal(g.call('path_symlink', ...g.path('x'), 3, ...g.path('l', At.Path2)), 'success')
      },
      { kinds: ['memory', 'overlay', 'overlay on memory'], caps: { maxBytes: 8 } },
    )
    check(
      'nospc: names',
      (g) => {
        g.opened('a', { oflags: OFlag.creat })
        assert.equal(g.call('path_create_directory', 3, ...g.path('b')), 'success')
        assert.equal(g.open('c', { oflags: OFlag.creat }), 'nospc')
        assert.equal(g.call('path_create_directory', 3, ...g.path('c')), 'nospc')
        assert.equal(g.call('path_symlink', ...g.path('x'), 3, ...g.path('c', At.Path2)), 'nospc')
        assert.equal(g.call('path_link', 3, 0, ...g.path('a'), 3, ...g.path('c', At.Path2)), 'nospc')
        assert.equal(g.call('path_rename', 3, ...g.path('a'), 3, ...g.path('b/c', At.Path2)), 'success')
        assert.equal(g.call('path_unlink_file', 3, ...g.path('b/c')), 'success')
        assert.equal(typeof g.open('c', { oflags: OFlag.creat }), 'number')
      },
      { kinds: ['memory', 'overlay', 'overlay on memory'], caps: { maxEntries: 2 } },
    )
    check(
      'nospc: a name below an overlay that is renamed is one more',
      (g) => {
        g.tree.write('f', 'text')
        assert.equal(g.call('path_rename', 3, ...g.path('f'), 3, ...g.path('g', At.Path2)), 'nospc')
        assert.equal(g.call('path_unlink_file', 3, ...g.path('f')), 'success')
      },
      { kinds: ['overlay', 'overlay on memory'], caps: { maxEntries: 0 } },
    )
    check(
      'mfile: nothing is created that could not be opened',
      (g) => {
        assert.equal(g.open('a', { oflags: OFlag.creat }), 4)
        assert.equal(g.open('b', { oflags: OFlag.creat }), 'mfile')
        assert.deepEqual(g.tree.names(), ['a'])
        assert.equal(g.call('fd_close', 4), 'success')
        assert.equal(g.open('b', { oflags: OFlag.creat }), 4)
      },
      { maxDescriptors: 5, differs: 'it has no such limit' },
    )
    check(
      'rofs: in a read-only preopen nothing changes',
      (g) => {
        g.tree.write('f', 'text')
        g.tree.mkdir('d')
        const fd = g.opened('f', { rights: RIGHTS.read | (1n << 23n) })
        assert.equal(g.read(fd, 9), 'text')
        assert.equal(g.call('fd_filestat_set_times', fd, 0n, 0n, 5), 'rofs')
        assert.equal(g.call('fd_filestat_set_times', 3, 0n, 0n, 5), 'rofs')
        assert.equal(g.open('f'), 'rofs')
        assert.equal(g.open('d', { oflags: OFlag.directory, rights: RIGHTS.readdir }), 5)
        assert.equal(g.open('new', { oflags: OFlag.creat, rights: RIGHTS.read }), 'noent')
        assert.equal(g.open('f', { oflags: OFlag.creat, rights: RIGHTS.read }), 6)
        assert.equal(g.open('new', { oflags: OFlag.creat | OFlag.excl, rights: RIGHTS.read }), 'rofs')
        assert.equal(g.open('f', { oflags: OFlag.trunc, rights: RIGHTS.read }), 'rofs')
        assert.equal(g.call('path_create_directory', 3, ...g.path('x')), 'rofs')
        assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'rofs')
        assert.equal(g.call('path_unlink_file', 3, ...g.path('f')), 'rofs')
        assert.equal(g.call('path_symlink', ...g.path('f'), 3, ...g.path('x', At.Path2)), 'rofs')
        assert.equal(g.call('path_link', 3, 0, ...g.path('f'), 3, ...g.path('x', At.Path2)), 'rofs')
        assert.equal(g.call('path_rename', 3, ...g.path('f'), 3, ...g.path('x', At.Path2)), 'rofs')
        assert.equal(g.call('path_filestat_set_times', 3, 1, ...g.path('f'), 0n, 0n, 5), 'rofs')
        assert.deepEqual([g.tree.names(), g.tree.read('f')], [['d', 'f'], 'text'])
      },
      { readonly: true, differs: 'it has no read-only preopens' },
    )
    check(
      'xdev: a name in another file system',
      (g) => {
        g.tree.write('f', 'text')
        assert.equal(g.call('path_link', 3, 0, ...g.path('f'), 4, ...g.path('g', At.Path2)), 'xdev')
        assert.equal(g.call('path_rename', 3, ...g.path('f'), 4, ...g.path('g', At.Path2)), 'xdev')
        const fd = g.opened('h', { fd: 4, oflags: OFlag.creat })
        assert.equal(g.write(fd, 'text'), 4)
        assert.equal(g.call('path_rename', 4, ...g.path('h'), 3, ...g.path('g', At.Path2)), 'xdev')
        assert.equal(g.call('path_link', 4, 0, ...g.path('h'), 3, ...g.path('g', At.Path2)), 'xdev')
        assert.deepEqual(g.tree.names(), ['f'])
      },
      { second: true, alone: 'it has no other file systems' },
    )
    check(
      'offsets and sizes beyond 2^53',
      (g) => {
        const fd = g.opened('f', { oflags: OFlag.creat })
        const huge = 1n << 60n
        assert.equal(g.call('fd_filestat_set_size', fd, huge), 'inval')
        assert.equal(g.call('fd_filestat_set_size', fd, -1n), 'inval')
        assert.equal(g.call('fd_allocate', fd, huge, 1n), 'inval')
        assert.equal(g.call('fd_allocate', fd, 0n, 0n), 'inval')
        assert.equal(g.call('fd_allocate', fd, 1n, -1n), 'inval')
        assert.equal(g.call('fd_advise', fd, -1n, 1n, 0), 'inval')
        assert.equal(g.call('fd_pread', fd, ...g.vectors(1), -1n, At.Out), 'inval')
        assert.equal(g.call('fd_pwrite', fd, ...g.vectors(1), -1n, At.Out), 'inval')
        assert.equal(g.call('fd_seek', fd, huge, 0, At.Out), 'inval')
        assert.equal(g.call('fd_seek', fd, -1n, 2, At.Out), 'inval')
        assert.equal(g.call('fd_tell', fd, At.Out), 'success')
        assert.equal(g.u64(), 0n)
        assert.equal(g.tree.read('f'), '')
      },
      { differs: 'fbig, and seeks beyond' },
    )
  })
}
