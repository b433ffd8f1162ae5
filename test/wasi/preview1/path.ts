// path_*.

import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { check } from '../conformance.ts'
import { At, OFlag, RIGHTS } from '../guest.ts'

export function pathCases(): void {
  describe('paths', () => {
    check(
      'path_open',
      (g) => {
        g.tree.mkdir('d')
        assert.equal(g.open('f'), 'noent')
        assert.equal(typeof g.open('f', { oflags: OFlag.creat }), 'number')
        assert.equal(g.open('f', { oflags: OFlag.creat | OFlag.excl }), 'exist')
        assert.equal(g.open('f', { oflags: OFlag.directory, rights: RIGHTS.readdir }), 'notdir')
        assert.equal(g.open('f/x'), 'notdir')
        assert.equal(g.open('d'), 'isdir')
        assert.equal(typeof g.open('d', { oflags: OFlag.directory, rights: RIGHTS.readdir }), 'number')
        g.tree.write('f', 'text')
        g.opened('f', { oflags: OFlag.trunc })
        assert.equal(g.tree.read('f').length, 0)
        assert.equal(g.open('d/../f/'), 'notdir')
        assert.equal(typeof g.open('./d/.././/f'), 'number')
        assert.equal(g.open('x'.repeat(300), { oflags: OFlag.creat }), 'nametoolong')
        assert.equal(g.open('a', { fd: g.opened('f') }), 'notdir')
      },
      { differs: 'a file with a slash behind it is opened' },
    )
    check(
      'no path leaves the preopen',
      (g) => {
        g.tree.mkdir('d')
        g.tree.symlink('/etc', 'abs')
        g.tree.symlink('../..', 'd/up')
        g.tree.symlink('loop', 'loop')
        for (const path of ['..', '../x', '/etc/passwd', 'd/../../x', 'abs/passwd', 'abs', 'd/up/x'])
          assert.equal(g.open(path, { rights: RIGHTS.read }), 'perm', path)
        assert.equal(g.open('loop'), 'loop')
        assert.equal(g.call('path_symlink', ...g.path('/etc'), 3, ...g.path('new', At.Path2)), 'perm')
      },
      { differs: 'notcapable instead of perm' },
    )
    check(
      'bad paths',
      (g) => {
        assert.equal(g.open(''), 'noent')
        assert.equal(g.open('a\0b', { oflags: OFlag.creat }), 'inval')
        assert.equal(g.open(new Uint8Array([0x66, 0xff]), { oflags: OFlag.creat }), 'ilseq')
        assert.equal(g.open('f', { oflags: 16 }), 'inval')
        assert.equal(g.open('f', { fdflags: 32 }), 'inval')
        assert.equal(g.open('f', { follow: 2 }), 'inval')
        assert.equal(g.open('f', { oflags: OFlag.creat | OFlag.directory }), 'inval')
        assert.deepEqual(g.tree.names(), [])
      },
      { differs: 'creates files of names that are no UTF-8' },
    )
    check('directories', (g) => {
      assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'success')
      assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'exist')
      assert.equal(g.call('path_create_directory', 3, ...g.path('x/y')), 'noent')
      g.call('fd_close', g.opened('d/f', { oflags: OFlag.creat }))
      assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'notempty')
      assert.equal(g.call('path_remove_directory', 3, ...g.path('d/f')), 'notdir')
      assert.equal(g.call('path_unlink_file', 3, ...g.path('d')), 'isdir')
      assert.equal(g.call('path_unlink_file', 3, ...g.path('d/x')), 'noent')
      assert.equal(g.call('path_unlink_file', 3, ...g.path('d/f')), 'success')
      assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'success')
      assert.deepEqual(g.tree.names(), [])
    })
    check(
      'links',
      (g) => {
        g.tree.write('f', 'text')
        assert.equal(g.call('path_link', 3, 0, ...g.path('f'), 3, ...g.path('hard', At.Path2)), 'success')
        assert.equal(g.call('path_link', 3, 0, ...g.path('f'), 3, ...g.path('hard', At.Path2)), 'exist')
        assert.equal(g.call('path_link', 3, 0, ...g.path('x'), 3, ...g.path('y', At.Path2)), 'noent')
        assert.equal(g.call('path_symlink', ...g.path('f'), 3, ...g.path('soft', At.Path2)), 'success')
        assert.equal(g.call('path_symlink', ...g.path('f'), 3, ...g.path('soft', At.Path2)), 'exist')
        assert.equal(g.call('path_readlink', 3, ...g.path('soft'), At.Buffer, 9, At.Out), 'success')
        assert.equal(g.u32(), 1)
        assert.equal(g.bytes[At.Buffer], 0x66)
        assert.equal(g.call('path_readlink', 3, ...g.path('f'), At.Buffer, 9, At.Out), 'inval')
        assert.equal(g.open('soft', { follow: 0 }), 'loop')
        assert.equal(g.read(g.opened('soft'), 9), 'text')
        assert.equal(g.call('path_filestat_get', 3, 0, ...g.path('soft'), At.Stat), 'success')
        assert.equal(g.bytes[At.Stat + 16], 7)
        assert.equal(g.call('path_filestat_get', 3, 1, ...g.path('soft'), At.Stat), 'success')
        assert.deepEqual([g.bytes[At.Stat + 16], g.u64(At.Stat + 24)], [4, 2n])
        assert.equal(g.call('path_filestat_get', 3, 1, ...g.path('x'), At.Stat), 'noent')
      },
      { differs: 'it follows a symlink that is not to be followed' },
    )
    check(
      'a symlink whose target is missing creates it inside',
      (g) => {
        g.tree.symlink('made', 'dangling')
        assert.equal(g.open('dangling'), 'noent')
        assert.equal(g.open('dangling', { oflags: OFlag.creat | OFlag.excl }), 'exist')
        assert.equal(typeof g.open('dangling', { oflags: OFlag.creat }), 'number')
        assert.ok(g.tree.names().includes('made'))
      },
      { differs: 'an exclusive creation follows symlinks' },
    )
    check('path_rename, across descriptors', (g) => {
      g.tree.write('f', 'text')
      g.tree.mkdir('d')
      const dir = g.opened('d', { oflags: OFlag.directory, rights: (1n << 17n) | (1n << 16n) })
      assert.equal(g.call('path_rename', 3, ...g.path('f'), dir, ...g.path('g', At.Path2)), 'success')
      assert.equal(g.tree.read('d/g'), 'text')
      assert.equal(g.call('path_rename', 3, ...g.path('x'), dir, ...g.path('g', At.Path2)), 'noent')
      assert.equal(g.call('path_rename', 3, ...g.path('d'), dir, ...g.path('d', At.Path2)), 'inval')
      g.tree.write('h', '')
      assert.equal(g.call('path_rename', 3, ...g.path('h'), 3, ...g.path('d', At.Path2)), 'isdir')
    })
    check(
      'path_filestat_set_times',
      (g) => {
        g.tree.write('f', '')
        g.tree.symlink('f', 's')
        assert.equal(
          g.call('path_filestat_set_times', 3, 1, ...g.path('s'), 1_000_000_000n, 2_000_000_000n, 5),
          'success',
        )
        assert.equal(g.call('path_filestat_get', 3, 0, ...g.path('f'), At.Stat), 'success')
        assert.deepEqual([g.u64(At.Stat + 40), g.u64(At.Stat + 48)], [1_000_000_000n, 2_000_000_000n])
        assert.equal(g.call('path_filestat_set_times', 3, 0, ...g.path('x'), 0n, 0n, 5), 'noent')
        assert.equal(g.call('path_filestat_set_times', 3, 0, ...g.path('f'), 0n, 0n, 12), 'inval')
      },
      { alone: 'its process aborts after the call for a missing file' },
    )
  })
}
