// fd_*.

import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { check } from '../conformance.ts'
import { At, OFlag, OUTSIDE, READ_WRITE, RIGHTS } from '../guest.ts'

export function fdCases(): void {
  describe('descriptors', () => {
    check(
      'bad descriptors',
      (g) => {
        const v = g.vectors(1)
        assert.equal(g.call('fd_advise', 99, 0n, 0n, 0), 'badf')
        assert.equal(g.call('fd_allocate', 99, 0n, 1n), 'badf')
        assert.equal(g.call('fd_close', 99), 'badf')
        assert.equal(g.call('fd_datasync', 99), 'badf')
        assert.equal(g.call('fd_fdstat_get', 99, At.Stat), 'badf')
        assert.equal(g.call('fd_fdstat_set_flags', 99, 0), 'badf')
        assert.equal(g.call('fd_fdstat_set_rights', 99, 0n, 0n), 'badf')
        assert.equal(g.call('fd_filestat_get', 99, At.Stat), 'badf')
        assert.equal(g.call('fd_filestat_set_size', 99, 0n), 'badf')
        assert.equal(g.call('fd_filestat_set_times', 99, 0n, 0n, 0), 'badf')
        assert.equal(g.call('fd_pread', 99, ...v, 0n, At.Out), 'badf')
        assert.equal(g.call('fd_prestat_dir_name', 99, At.Buffer, 9), 'badf')
        assert.equal(g.call('fd_pwrite', 99, ...v, 0n, At.Out), 'badf')
        assert.equal(g.call('fd_read', 99, ...v, At.Out), 'badf')
        assert.equal(g.call('fd_readdir', 99, At.Buffer, 99, 0n, At.Out), 'badf')
        assert.equal(g.call('fd_renumber', 99, 3), 'badf')
        assert.equal(g.call('fd_seek', 99, 0n, 0, At.Out), 'badf')
        assert.equal(g.call('fd_sync', 99), 'badf')
        assert.equal(g.call('fd_tell', 99, At.Out), 'badf')
        assert.equal(g.call('fd_write', 99, ...v, At.Out), 'badf')
        assert.equal(g.open('a', { fd: 99 }), 'badf')
        assert.equal(g.call('sock_recv', 99, ...v, 0, At.Out, At.Out2), 'badf')
        assert.equal(g.call('sock_send', 99, ...v, 0, At.Out), 'badf')
        assert.equal(g.call('sock_shutdown', 99, 1), 'badf')
      },
      { differs: 'it does not support sockets' },
    )
    check('descriptors without rights', (g) => {
      const v = g.vectors(1)
      for (const [name, ...args] of [
        ['fd_advise', 0n, 0n, 0],
        ['fd_allocate', 0n, 1n],
        ['fd_datasync'],
        ['fd_fdstat_set_flags', 0],
        ['fd_filestat_get', At.Stat],
        ['fd_filestat_set_size', 0n],
        ['fd_filestat_set_times', 0n, 0n, 0],
        ['fd_pread', ...v, 0n, At.Out],
        ['fd_pwrite', ...v, 0n, At.Out],
        ['fd_read', ...v, At.Out],
        ['fd_readdir', At.Buffer, 99, 0n, At.Out],
        ['fd_seek', 1n, 0, At.Out],
        ['fd_sync'],
        ['fd_tell', At.Out],
        ['fd_write', ...v, At.Out],
      ] as [string, ...(number | bigint)[]][]) {
        const fd = g.opened('f', { oflags: OFlag.creat })
        assert.equal(g.call('fd_fdstat_set_rights', fd, 0n, 0n), 'success')
        assert.equal(g.call(name, fd, ...args), 'notcapable', name)
        assert.equal(g.call('fd_close', fd), 'success', 'closing needs none')
      }
    })
    check(
      'a directory is no file',
      (g) => {
        const v = g.vectors(1)
        for (const [name, ...args] of [
          ['fd_advise', 0n, 0n, 0],
          ['fd_allocate', 0n, 1n],
          ['fd_filestat_set_size', 0n],
          ['fd_pread', ...v, 0n, At.Out],
          ['fd_pwrite', ...v, 0n, At.Out],
          ['fd_read', ...v, At.Out],
          ['fd_seek', 1n, 0, At.Out],
          ['fd_tell', At.Out],
          ['fd_write', ...v, At.Out],
        ] as [string, ...(number | bigint)[]][])
          assert.equal(g.call(name, 3, ...args), 'notcapable', name)
        assert.equal(g.call('fd_sync', 3), 'success')
        assert.equal(g.call('fd_datasync', 3), 'success')
      },
      { differs: 'fd_advise is badf' },
    )
    check(
      'fd_read and fd_write: no vectors, empty vectors, too many',
      (g) => {
        const fd = g.opened('f', { oflags: OFlag.creat })
        assert.equal(g.call('fd_write', fd, ...g.vectors(), At.Out), 'success')
        assert.equal(g.call('fd_write', fd, ...g.vectors(0, 3, 0), At.Out), 'success')
        assert.equal(g.u32(), 3)
        assert.equal(g.call('fd_read', fd, ...g.vectors(), At.Out), 'success')
        assert.equal(g.u32(), 0)
        assert.equal(g.call('fd_read', fd, At.Vectors, 1025, At.Out), 'inval')
      },
      { differs: 'it takes more than 1,024 vectors' },
    )
    check(
      'fd_prestat_dir_name: a buffer that is too small',
      (g) => {
        assert.equal(g.call('fd_prestat_dir_name', 3, At.Buffer, 4), 'nametoolong')
      },
      { differs: 'nobufs' },
    )
    check('preopens', (g) => {
      assert.equal(g.call('fd_prestat_get', 3, At.Out), 'success')
      assert.deepEqual([g.u32(), g.u32(4)], [0, 5])
      assert.equal(g.call('fd_prestat_dir_name', 3, At.Buffer, 5), 'success')
      assert.equal(new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + 5)), '/work')
      assert.equal(g.call('fd_prestat_get', 4, At.Out), 'badf')
    })
    check('write, seek, read', (g) => {
      const fd = g.opened('f', { oflags: OFlag.creat })
      assert.equal(g.write(fd, 'hello, world'), 12)
      assert.equal(g.call('fd_tell', fd, At.Out), 'success')
      assert.equal(g.u64(), 12n)
      assert.equal(g.read(fd, 5), '')
      assert.equal(g.call('fd_seek', fd, -5n, 2, At.Out), 'success')
      assert.equal(g.u64(), 7n)
      assert.equal(g.read(fd, 2, 0, 9), 'world')
      assert.equal(g.call('fd_seek', fd, -1n, 0, At.Out), 'inval')
      assert.equal(g.call('fd_seek', fd, 0n, 3, At.Out), 'inval')
      assert.equal(g.call('fd_seek', fd, -6n, 1, At.Out), 'success')
      assert.equal(g.u64(), 6n)
      assert.equal(g.pread(fd, 5, 0n), 'hello')
      assert.equal(g.call('fd_tell', fd, At.Out), 'success')
      assert.equal(g.u64(), 6n)
      g.bytes.set(new TextEncoder().encode('HE'), At.Buffer)
      assert.equal(g.call('fd_pwrite', fd, ...g.vectors(1, 1), 0n, At.Out), 'success')
      assert.equal(g.tree.read('f'), 'HEllo, world')
      assert.equal(g.call('fd_close', fd), 'success')
      assert.equal(g.call('fd_close', fd), 'badf')
    })
    check(
      'pointers out of bounds',
      (g) => {
        const fd = g.opened('f', { oflags: OFlag.creat })
        g.write(fd, 'hello')
        const v = g.vectors(1)
        for (const [name, ...args] of [
          ['fd_read', fd, OUTSIDE, 1, At.Out],
          ['fd_read', fd, ...v, OUTSIDE],
          ['fd_write', fd, 0, 9000, At.Out],
          ['fd_write', fd, ...v, OUTSIDE],
          ['fd_pread', fd, OUTSIDE, 1, 0n, At.Out],
          ['fd_pwrite', fd, OUTSIDE, 1, 0n, At.Out],
          ['fd_filestat_get', fd, 65_473],
          ['fd_fdstat_get', fd, 65_513],
          ['fd_seek', fd, 0n, 0, 65_529],
          ['fd_tell', fd, OUTSIDE],
          ['fd_prestat_get', 3, OUTSIDE],
          ['fd_prestat_dir_name', 3, OUTSIDE, 5],
          ['fd_readdir', 3, OUTSIDE, 99, 0n, At.Out],
          ['fd_readdir', 3, At.Buffer, 99, 0n, OUTSIDE],
          ['path_open', 3, 0, OUTSIDE, 1, 0, READ_WRITE, 0n, 0, At.Out],
          ['path_filestat_get', 3, 0, ...g.path('f'), OUTSIDE],
          ['path_readlink', 3, ...g.path('f'), OUTSIDE, 9, At.Out],
          ['random_get', OUTSIDE, 32],
          ['clock_time_get', 0, 0n, OUTSIDE],
          ['poll_oneoff', OUTSIDE, At.Buffer, 1, At.Out],
        ] as [string, ...(number | bigint)[]][])
          assert.equal(g.call(name, ...args), name === 'fd_write' && args[2] === 9000 ? 'inval' : 'fault', name)
        g.view.setUint32(At.Vectors, OUTSIDE, true)
        assert.equal(g.call('fd_write', fd, At.Vectors, 1, At.Out), 'fault')
        assert.equal(g.call('path_open', 3, 0, ...g.path('new'), OFlag.creat, READ_WRITE, 0n, 0, OUTSIDE), 'fault')
        assert.ok(!g.tree.names().includes('new'))
      },
      { differs: 'overflow instead of fault' },
    )
    check(
      'append: fd_write at the end, fd_pwrite at its offset; the flag can be changed',
      (g) => {
        g.tree.write('f', 'abc')
        const fd = g.opened('f', { fdflags: 1 })
        assert.equal(g.write(fd, 'def'), 3)
        g.bytes.set(new TextEncoder().encode('X'), At.Buffer)
        assert.equal(g.call('fd_pwrite', fd, ...g.vectors(1), 1n, At.Out), 'success')
        assert.equal(g.tree.read('f'), 'aXcdef')
        assert.equal(g.call('fd_fdstat_set_flags', fd, 0), 'success')
        assert.equal(g.call('fd_seek', fd, 0n, 0, At.Out), 'success')
        assert.equal(g.write(fd, 'Z'), 1)
        assert.equal(g.tree.read('f'), 'ZXcdef')
        assert.equal(g.call('fd_fdstat_set_flags', fd, 1), 'success')
        assert.equal(g.write(fd, '!'), 1)
        assert.equal(g.call('fd_tell', fd, At.Out), 'success')
        assert.equal(g.u64(), 7n)
        assert.equal(g.call('fd_fdstat_set_flags', fd, 32), 'inval')
        assert.equal(g.tree.read('f'), 'ZXcdef!')
      },
      { differs: "its pwrite appends, as Linux's does" },
    )
    check('sizes', (g) => {
      const fd = g.opened('f', { oflags: OFlag.creat })
      g.write(fd, 'hello')
      assert.equal(g.call('fd_filestat_set_size', fd, 2n), 'success')
      assert.equal(g.tree.read('f'), 'he')
      assert.equal(g.call('fd_allocate', fd, 1n, 9n), 'success')
      assert.equal(g.tree.read('f').length, 10)
      assert.equal(g.call('fd_advise', fd, 0n, 10n, 0), 'success')
      assert.equal(g.call('fd_advise', fd, 0n, 10n, 6), 'inval')
      assert.equal(g.call('fd_sync', fd), 'success')
      assert.equal(g.call('fd_datasync', fd), 'success')
    })
    check(
      'fd_filestat_get and times',
      (g) => {
        const fd = g.opened('f', { oflags: OFlag.creat })
        g.write(fd, 'hello')
        assert.equal(g.call('fd_filestat_set_times', fd, 1_500_000_000n, 2_500_000_000n, 5), 'success')
        assert.equal(g.call('fd_filestat_get', fd, At.Stat), 'success')
        assert.equal(g.bytes[At.Stat + 16], 4)
        assert.deepEqual(
          [24, 32, 40, 48].map((i) => g.u64(At.Stat + i)),
          [1n, 5n, 1_500_000_000n, 2_500_000_000n],
        )
        assert.equal(g.call('fd_filestat_set_times', fd, 0n, 0n, 3), 'inval')
        assert.equal(g.call('fd_filestat_set_times', fd, 0n, 0n, 16), 'inval')
        assert.equal(g.call('fd_filestat_set_times', fd, 0n, 0n, 8), 'success')
        assert.equal(g.call('fd_filestat_get', fd, At.Stat), 'success')
        assert.equal(g.u64(At.Stat + 40), 1_500_000_000n)
        assert.ok(g.u64(At.Stat + 48) > 1_000_000_000_000_000_000n)
      },
      { differs: 'takes contradictory flags' },
    )
    check('rights shrink and do not grow', (g) => {
      const fd = g.opened('f', { oflags: OFlag.creat })
      assert.equal(g.call('fd_fdstat_set_rights', fd, RIGHTS.read, 0n), 'success')
      assert.equal(g.write(fd, 'x'), 'notcapable')
      assert.equal(g.call('fd_seek', fd, 0n, 0, At.Out), 'notcapable')
      assert.equal(g.call('fd_filestat_get', fd, At.Stat), 'notcapable')
      assert.equal(g.call('fd_fdstat_set_rights', fd, RIGHTS.read | RIGHTS.write, 0n), 'notcapable')
      assert.equal(g.call('fd_fdstat_get', fd, At.Stat), 'success')
      assert.equal(g.u64(At.Stat + 8), RIGHTS.read)
      assert.equal(g.read(fd, 1), '')
    })
    check('rights are inherited', (g) => {
      g.tree.mkdir('d')
      const dir = g.opened('d', {
        oflags: OFlag.directory,
        rights: RIGHTS.readdir | (1n << 13n) | (1n << 10n),
        inheriting: RIGHTS.read,
      })
      assert.equal(g.open('f', { fd: dir, oflags: OFlag.creat, rights: RIGHTS.write }), 'notcapable')
      assert.equal(g.open('f', { fd: dir, oflags: OFlag.creat | OFlag.trunc, rights: RIGHTS.read }), 'notcapable')
      assert.equal(typeof g.open('f', { fd: dir, oflags: OFlag.creat, rights: RIGHTS.read }), 'number')
      assert.equal(g.call('path_create_directory', dir, ...g.path('x')), 'notcapable')
    })
    check('fd_renumber', (g) => {
      const a = g.opened('a', { oflags: OFlag.creat })
      const b = g.opened('b', { oflags: OFlag.creat })
      g.write(a, 'from a')
      assert.equal(g.call('fd_renumber', a, b), 'success')
      assert.equal(g.call('fd_tell', a, At.Out), 'badf')
      assert.equal(g.call('fd_tell', b, At.Out), 'success')
      assert.equal(g.u64(), 6n)
      assert.equal(g.call('fd_renumber', b, b), 'success')
      assert.equal(g.call('fd_renumber', b, 99), 'badf')
      assert.equal(g.write(b, '!'), 1)
      assert.equal(g.tree.read('a'), 'from a!')
    })
    check(
      'fd_readdir: cookies survive changes, small buffers',
      (g) => {
        for (const name of ['a', 'b', 'c', 'd']) g.tree.write(name, '')
        const fd = g.directory('.')
        const all = g.list(fd) as [string, bigint][]
        assert.deepEqual(all.map(([name]) => name).sort(), ['.', '..', 'a', 'b', 'c', 'd'])
        const [, cookie] = all[2]
        g.call('path_unlink_file', 3, ...g.path(all[2][0] === 'a' ? 'b' : 'a'))
        assert.deepEqual(
          (g.list(fd, cookie) as [string, bigint][]).map(([name]) => name),
          all.slice(3).map(([name]) => name),
        )
        assert.equal(g.call('fd_readdir', fd, At.Buffer, 10, 0n, At.Out), 'success')
        assert.equal(g.u32(), 10)
        assert.deepEqual(g.list(fd, 99n), [])
        const file = g.opened('d')
        assert.equal(g.call('fd_readdir', file, At.Buffer, 10, 0n, At.Out), 'notcapable')
      },
      { differs: 'its cookies are those of the directory as it is, and a large one is refused' },
    )
  })
}
