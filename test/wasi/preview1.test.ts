// Each function of preview 1, and each errno that it gives, on a fresh directory of the host. Cases that mention no difference give the
// same with node:wasi, and run there too; the others say what node:wasi answers.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { At, Guest, type GuestOptions, type Implementation, OFlag, READ_WRITE, RIGHTS } from './guest.ts'
import { FUNCTION_NAMES, wasmParametersOf } from '../../src/wasi/preview1/signatures.ts'

type Case = (guest: Guest) => void

interface Options extends GuestOptions {
  /** Why node:wasi does not pass this. */
  readonly differs?: string
  /** Why it cannot be run there. */
  readonly alone?: string
}

/** Functions that a case has called. */
const called = new Set<string>()

function check(name: string, run: Case, { differs, alone, ...options }: Options = {}): void {
  const leg = (implementation: Implementation): void => {
    const guest = new Guest(implementation, options)
    try {
      const wasi = { ...guest.wasi }
      for (const [key, call] of Object.entries(wasi))
        guest.wasi[key as never] = ((...args: unknown[]) => (called.add(key), call(...(args as [])))) as never
      run(guest)
    } finally {
      guest.close()
    }
  }
  test(name, () => leg('zwasm'))
  if (alone !== undefined) return
  if (differs === undefined) test(`${name} (node:wasi)`, () => leg('node:wasi'))
  else
    test(`${name} (node:wasi differs: ${differs})`, () => assert.throws(() => leg('node:wasi'), assert.AssertionError))
}

const OUTSIDE = 0xffff_fff0

describe('arguments and environment', () => {
  check(
    'args_get',
    (g) => {
      assert.equal(g.call('args_sizes_get', At.Out, At.Out2), 'success')
      assert.deepEqual([g.u32(), g.u32(At.Out2)], [3, 9])
      assert.equal(g.call('args_get', At.Stat, At.Buffer), 'success')
      const starts = [0, 4, 8].map((i) => g.u32(At.Stat + i) - At.Buffer)
      assert.deepEqual(starts, [0, 5, 8])
      assert.equal(new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + 9)), 'prog\0ä\0\0')
    },
    { args: ['prog', 'ä', ''] },
  )
  check(
    'environ_get',
    (g) => {
      assert.equal(g.call('environ_sizes_get', At.Out, At.Out2), 'success')
      assert.deepEqual([g.u32(), g.u32(At.Out2)], [1, 6])
      assert.equal(g.call('environ_get', At.Stat, At.Buffer), 'success')
      assert.equal(new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + 6)), 'A=b c\0')
    },
    { env: { A: 'b c' } },
  )
  check(
    'out of bounds',
    (g) => {
      assert.equal(g.call('args_get', OUTSIDE, At.Buffer), 'fault')
      assert.equal(g.call('args_get', At.Stat, OUTSIDE), 'fault')
      assert.equal(g.call('args_sizes_get', At.Out, OUTSIDE), 'fault')
      assert.equal(g.call('environ_get', OUTSIDE, At.Buffer), 'fault')
      assert.equal(g.call('environ_sizes_get', 65_533, At.Out), 'fault')
    },
    { args: ['prog'], env: { A: 'b' }, differs: 'overflow instead of fault' },
  )
})

describe('clocks, random, scheduler, signals', () => {
  check('clock_time_get', (g) => {
    const before = BigInt(Date.now() - 2) * 1_000_000n
    assert.equal(g.call('clock_time_get', 0, 0n, At.Out), 'success')
    assert.ok(g.u64() >= before && g.u64() <= BigInt(Date.now() + 2) * 1_000_000n)
    assert.equal(g.call('clock_time_get', 1, 0n, At.Out), 'success')
    const first = g.u64()
    assert.equal(g.call('clock_time_get', 1, 0n, At.Out), 'success')
    assert.ok(g.u64() >= first)
    assert.equal(g.call('clock_time_get', 2, 0n, At.Out), 'success')
    assert.equal(g.call('clock_time_get', 9, 0n, At.Out), 'inval')
  })
  check('clock_res_get', (g) => {
    for (const id of [0, 1]) {
      assert.equal(g.call('clock_res_get', id, At.Out), 'success')
      assert.ok(g.u64() > 0n && g.u64() <= 1_000_000_000n)
    }
    assert.equal(g.call('clock_res_get', 9, At.Out), 'inval')
  })
  check('random_get', (g) => {
    assert.equal(g.call('random_get', At.Buffer, 64), 'success')
    assert.ok(new Set(g.bytes.subarray(At.Buffer, At.Buffer + 64)).size > 16)
    assert.equal(g.call('random_get', At.Buffer, 0), 'success')
  })
  check('sched_yield', (g) => assert.equal(g.call('sched_yield'), 'success'))
  check(
    'proc_raise of what changes nothing',
    (g) => {
      assert.equal(g.call('proc_raise', 16), 'success')
      assert.equal(g.call('proc_raise', 31), 'inval')
      assert.equal(g.call('proc_raise', 18), 'notsup')
    },
    { alone: 'it would signal this process' },
  )
})

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
  check(
    'sockets',
    (g) => {
      const v = g.vectors(1)
      const fd = g.opened('f', { oflags: OFlag.creat })
      assert.equal(g.call('sock_accept', fd, 0, At.Out), 'notsock')
      assert.equal(g.call('sock_recv', fd, ...v, 0, At.Out, At.Out2), 'notsock')
      assert.equal(g.call('sock_send', fd, ...v, 0, At.Out), 'notsock')
      assert.equal(g.call('sock_shutdown', fd, 1), 'notsock')
      assert.equal(g.call('sock_accept', 99, 0, At.Out), 'badf')
    },
    { differs: 'notcapable' },
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
    assert.equal(readFileSync(join(g.root, 'f'), 'utf8'), 'HEllo, world')
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
      assert.ok(!existsSync(join(g.root, 'new')))
    },
    { differs: 'overflow instead of fault' },
  )
  check(
    'append: fd_write at the end, fd_pwrite at its offset; the flag can be changed',
    (g) => {
      writeFileSync(join(g.root, 'f'), 'abc')
      const fd = g.opened('f', { fdflags: 1 })
      assert.equal(g.write(fd, 'def'), 3)
      g.bytes.set(new TextEncoder().encode('X'), At.Buffer)
      assert.equal(g.call('fd_pwrite', fd, ...g.vectors(1), 1n, At.Out), 'success')
      assert.equal(readFileSync(join(g.root, 'f'), 'utf8'), 'aXcdef')
      assert.equal(g.call('fd_fdstat_set_flags', fd, 0), 'success')
      assert.equal(g.call('fd_seek', fd, 0n, 0, At.Out), 'success')
      assert.equal(g.write(fd, 'Z'), 1)
      assert.equal(readFileSync(join(g.root, 'f'), 'utf8'), 'ZXcdef')
      assert.equal(g.call('fd_fdstat_set_flags', fd, 1), 'success')
      assert.equal(g.write(fd, '!'), 1)
      assert.equal(g.call('fd_tell', fd, At.Out), 'success')
      assert.equal(g.u64(), 7n)
      assert.equal(g.call('fd_fdstat_set_flags', fd, 32), 'inval')
      assert.equal(readFileSync(join(g.root, 'f'), 'utf8'), 'ZXcdef!')
    },
    { differs: "its pwrite appends, as Linux's does" },
  )
  check('sizes', (g) => {
    const fd = g.opened('f', { oflags: OFlag.creat })
    g.write(fd, 'hello')
    assert.equal(g.call('fd_filestat_set_size', fd, 2n), 'success')
    assert.equal(readFileSync(join(g.root, 'f'), 'utf8'), 'he')
    assert.equal(g.call('fd_allocate', fd, 1n, 9n), 'success')
    assert.equal(statSync(join(g.root, 'f')).size, 10)
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
    mkdirSync(join(g.root, 'd'))
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
    assert.equal(readFileSync(join(g.root, 'a'), 'utf8'), 'from a!')
  })
  check(
    'fd_readdir: cookies survive changes, small buffers',
    (g) => {
      for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(g.root, name), '')
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

describe('paths', () => {
  check(
    'path_open',
    (g) => {
      mkdirSync(join(g.root, 'd'))
      assert.equal(g.open('f'), 'noent')
      assert.equal(typeof g.open('f', { oflags: OFlag.creat }), 'number')
      assert.equal(g.open('f', { oflags: OFlag.creat | OFlag.excl }), 'exist')
      assert.equal(g.open('f', { oflags: OFlag.directory, rights: RIGHTS.readdir }), 'notdir')
      assert.equal(g.open('f/x'), 'notdir')
      assert.equal(g.open('d'), 'isdir')
      assert.equal(typeof g.open('d', { oflags: OFlag.directory, rights: RIGHTS.readdir }), 'number')
      writeFileSync(join(g.root, 'f'), 'text')
      g.opened('f', { oflags: OFlag.trunc })
      assert.equal(statSync(join(g.root, 'f')).size, 0)
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
      mkdirSync(join(g.root, 'd'))
      symlinkSync('/etc', join(g.root, 'abs'))
      symlinkSync('../..', join(g.root, 'd/up'))
      symlinkSync('loop', join(g.root, 'loop'))
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
      assert.deepEqual(readdirSync(g.root), [])
    },
    { differs: 'creates files of names that are no UTF-8' },
  )
  check('directories', (g) => {
    assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'success')
    assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'exist')
    assert.equal(g.call('path_create_directory', 3, ...g.path('x/y')), 'noent')
    writeFileSync(join(g.root, 'd/f'), '')
    assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'notempty')
    assert.equal(g.call('path_remove_directory', 3, ...g.path('d/f')), 'notdir')
    assert.equal(g.call('path_unlink_file', 3, ...g.path('d')), 'isdir')
    assert.equal(g.call('path_unlink_file', 3, ...g.path('d/x')), 'noent')
    assert.equal(g.call('path_unlink_file', 3, ...g.path('d/f')), 'success')
    assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'success')
    assert.deepEqual(readdirSync(g.root), [])
  })
  check(
    'links',
    (g) => {
      writeFileSync(join(g.root, 'f'), 'text')
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
      symlinkSync('made', join(g.root, 'dangling'))
      assert.equal(g.open('dangling'), 'noent')
      assert.equal(g.open('dangling', { oflags: OFlag.creat | OFlag.excl }), 'exist')
      assert.equal(typeof g.open('dangling', { oflags: OFlag.creat }), 'number')
      assert.ok(existsSync(join(g.root, 'made')))
    },
    { differs: 'an exclusive creation follows symlinks' },
  )
  check('path_rename, across descriptors', (g) => {
    writeFileSync(join(g.root, 'f'), 'text')
    mkdirSync(join(g.root, 'd'))
    const dir = g.opened('d', { oflags: OFlag.directory, rights: (1n << 17n) | (1n << 16n) })
    assert.equal(g.call('path_rename', 3, ...g.path('f'), dir, ...g.path('g', At.Path2)), 'success')
    assert.equal(readFileSync(join(g.root, 'd/g'), 'utf8'), 'text')
    assert.equal(g.call('path_rename', 3, ...g.path('x'), dir, ...g.path('g', At.Path2)), 'noent')
    assert.equal(g.call('path_rename', 3, ...g.path('d'), dir, ...g.path('d', At.Path2)), 'inval')
    writeFileSync(join(g.root, 'h'), '')
    assert.equal(g.call('path_rename', 3, ...g.path('h'), 3, ...g.path('d', At.Path2)), 'isdir')
  })
  check(
    'path_filestat_set_times',
    (g) => {
      writeFileSync(join(g.root, 'f'), '')
      symlinkSync('f', join(g.root, 's'))
      assert.equal(
        g.call('path_filestat_set_times', 3, 1, ...g.path('s'), 1_000_000_000n, 2_000_000_000n, 5),
        'success',
      )
      assert.equal(statSync(join(g.root, 'f')).mtimeMs, 2000)
      assert.equal(g.call('path_filestat_set_times', 3, 0, ...g.path('x'), 0n, 0n, 5), 'noent')
      assert.equal(g.call('path_filestat_set_times', 3, 0, ...g.path('f'), 0n, 0n, 12), 'inval')
    },
    { alone: 'its process aborts after the call for a missing file' },
  )
  check(
    'a read-only preopen',
    (g) => {
      writeFileSync(join(g.root, 'f'), 'text')
      mkdirSync(join(g.root, 'd'))
      assert.equal(g.read(g.opened('f', { rights: RIGHTS.read }), 9), 'text')
      assert.equal(g.open('f'), 'rofs')
      assert.equal(g.open('new', { oflags: OFlag.creat, rights: RIGHTS.read }), 'noent')
      assert.equal(g.open('f', { oflags: OFlag.trunc, rights: RIGHTS.read }), 'rofs')
      assert.equal(g.call('path_create_directory', 3, ...g.path('x')), 'rofs')
      assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'rofs')
      assert.equal(g.call('path_unlink_file', 3, ...g.path('f')), 'rofs')
      assert.equal(g.call('path_symlink', ...g.path('f'), 3, ...g.path('x', At.Path2)), 'rofs')
      assert.equal(g.call('path_link', 3, 0, ...g.path('f'), 3, ...g.path('x', At.Path2)), 'rofs')
      assert.equal(g.call('path_rename', 3, ...g.path('f'), 3, ...g.path('x', At.Path2)), 'rofs')
      assert.equal(g.call('path_filestat_set_times', 3, 1, ...g.path('f'), 0n, 0n, 5), 'rofs')
      assert.deepEqual(readdirSync(g.root).sort(), ['d', 'f'])
    },
    { readonly: true, differs: 'it has no read-only preopens' },
  )
})

describe('poll_oneoff', () => {
  const clock = (g: Guest, i: number, timeout: bigint, id = 1): void => {
    const at = At.Buffer + i * 48
    g.bytes.fill(0, at, at + 48)
    g.view.setBigUint64(at, BigInt(i + 7), true)
    g.view.setUint32(at + 16, id, true)
    g.view.setBigUint64(at + 24, timeout, true)
  }
  const descriptor = (g: Guest, i: number, fd: number, type: number): void => {
    clock(g, i, 0n)
    g.bytes[At.Buffer + i * 48 + 8] = type
    g.view.setUint32(At.Buffer + i * 48 + 16, fd, true)
  }
  const EVENTS = 32_768
  check('clocks in parallel: the first one ends the wait', (g) => {
    clock(g, 0, 10_000_000_000n)
    clock(g, 1, 2_000_000n)
    const start = process.hrtime.bigint()
    assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 2, At.Out), 'success')
    assert.ok(process.hrtime.bigint() - start >= 2_000_000n)
    assert.equal(g.u32(), 1)
    assert.equal(g.u64(EVENTS), 8n)
  })
  check(
    'a file is ready before a clock',
    (g) => {
      const fd = g.opened('f', { oflags: OFlag.creat })
      g.write(fd, 'hello')
      g.call('fd_seek', fd, 2n, 0, At.Out)
      clock(g, 0, 10_000_000_000n)
      descriptor(g, 1, fd, 1)
      assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 2, At.Out), 'success')
      assert.deepEqual([g.u32(), g.u64(EVENTS), g.bytes[EVENTS + 10], g.u64(EVENTS + 16)], [1, 8n, 1, 3n])
    },
    { differs: 'does not poll files' },
  )
  check(
    'errors are events; no subscription is inval',
    (g) => {
      descriptor(g, 0, 99, 1)
      assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 1, At.Out), 'success')
      assert.deepEqual([g.u32(), g.view.getUint16(EVENTS + 8, true)], [1, 8])
      assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 0, At.Out), 'inval')
      clock(g, 0, 0n, 9)
      assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 1, At.Out), 'success')
      assert.deepEqual([g.u32(), g.view.getUint16(EVENTS + 8, true)], [1, 28])
    },
    { differs: 'fails as a whole' },
  )
})

test('each of the 46 functions was called', () => {
  assert.equal(FUNCTION_NAMES.length, 46)
  // proc_exit does not return: programs.test.ts has it.
  assert.deepEqual(
    FUNCTION_NAMES.filter((name) => !called.has(name)),
    ['proc_exit'],
  )
  assert.equal(wasmParametersOf('path_open').join(), 'i32,i32,i32,i32,i32,i64,i64,i32,i32')
})
