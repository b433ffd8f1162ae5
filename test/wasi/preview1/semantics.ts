// What POSIX says of names, links, renames, removal while open, times and listings.

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { describe } from 'node:test'
import { check } from '../conformance.ts'
import { At, type Guest, OFlag, RIGHTS } from '../guest.ts'

const create = (g: Guest, path: string, text = ''): void => {
  const fd = g.opened(path, { oflags: OFlag.creat })
  assert.equal(g.write(fd, text), text.length)
  g.call('fd_close', fd)
}
const mkdir = (g: Guest, path: string): string => g.call('path_create_directory', 3, ...g.path(path))
const rmdir = (g: Guest, path: string): string => g.call('path_remove_directory', 3, ...g.path(path))
const unlink = (g: Guest, path: string): string => g.call('path_unlink_file', 3, ...g.path(path))
const symlink = (g: Guest, target: string, path: string): string =>
  g.call('path_symlink', ...g.path(target), 3, ...g.path(path, At.Path2))
const link = (g: Guest, from: string, to: string, follow = 0): string =>
  g.call('path_link', 3, follow, ...g.path(from), 3, ...g.path(to, At.Path2))
const rename = (g: Guest, from: string, to: string): string =>
  g.call('path_rename', 3, ...g.path(from), 3, ...g.path(to, At.Path2))
const readlink = (g: Guest, path: string, length = 64): string => {
  const errno = g.call('path_readlink', 3, ...g.path(path), At.Buffer, length, At.Out)
  if (errno !== 'success') return `<${errno}>`
  return new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + g.u32()))
}

interface Stat {
  readonly dev: bigint
  readonly ino: bigint
  readonly type: number
  readonly nlink: bigint
  readonly size: bigint
  readonly mtim: bigint
  readonly ctim: bigint
}

const statAt = (g: Guest): Stat => {
  const field = (offset: number): bigint => g.u64(At.Stat + offset)
  const type = g.bytes[At.Stat + 16]
  return { dev: field(0), ino: field(8), type, nlink: field(24), size: field(32), mtim: field(48), ctim: field(56) }
}
function stat(g: Guest, path: string, follow = 0): Stat {
  assert.equal(g.call('path_filestat_get', 3, follow, ...g.path(path), At.Stat), 'success', path)
  return statAt(g)
}
function fstat(g: Guest, fd: number): Stat {
  assert.equal(g.call('fd_filestat_get', fd, At.Stat), 'success')
  return statAt(g)
}

/** A descriptor for `path` with all the rights of a directory. */
const open = (g: Guest, path: string): number => {
  const rights = [9, 10, 11, 12, 13, 14, 16, 17, 18, 21, 25, 26].reduce((all, bit) => all | (1n << BigInt(bit)), 0n)
  return g.opened(path, { oflags: OFlag.directory, rights, inheriting: RIGHTS.read | RIGHTS.write })
}

const enum Type {
  Directory = 3,
  File = 4,
  Symlink = 7,
}

export function semanticsCases(): void {
  describe('renames', () => {
    check('over a file, which is gone', (g) => {
      g.tree.write('a', 'from a')
      g.tree.write('b', 'from b')
      const old = g.opened('b')
      const { ino } = stat(g, 'a')
      assert.equal(rename(g, 'a', 'b'), 'success')
      assert.deepEqual(g.tree.names(), ['b'])
      assert.equal(g.tree.read('b'), 'from a')
      assert.equal(stat(g, 'b').ino, ino)
      assert.equal(g.read(old, 9), 'from b')
      assert.equal(fstat(g, old).nlink, 0n)
    })
    check('over directories', (g) => {
      for (const name of ['a', 'empty', 'full/x']) g.tree.mkdir(name)
      g.tree.write('a/f', 'text')
      g.tree.write('file', '')
      assert.equal(rename(g, 'a', 'full'), 'notempty')
      assert.equal(rename(g, 'a', 'file'), 'notdir')
      assert.equal(rename(g, 'file', 'empty'), 'isdir')
      assert.equal(rename(g, 'a', 'empty'), 'success')
      assert.deepEqual(g.tree.names(), ['empty', 'file', 'full'])
      assert.equal(g.tree.read('empty/f'), 'text')
    })
    check('into itself, and over what it lies in', (g) => {
      g.tree.mkdir('a/b/c')
      assert.equal(rename(g, 'a', 'a/x'), 'inval')
      assert.equal(rename(g, 'a', 'a/b/c/x'), 'inval')
      assert.equal(rename(g, 'a', 'a/b'), 'inval')
      assert.equal(rename(g, 'a/b/c', 'a'), 'notempty')
      g.tree.write('a/f', '')
      assert.equal(rename(g, 'a/f', 'a'), 'notempty', 'a file too')
      assert.equal(rename(g, 'a', 'a'), 'success')
      assert.equal(rename(g, 'a/b/c', 'a/c'), 'success')
      assert.deepEqual([g.tree.names('a'), g.tree.names('a/b')], [['b', 'c', 'f'], []])
    })
    check('of a file to its own other name: both stay', (g) => {
      g.tree.write('a', 'text')
      assert.equal(link(g, 'a', 'b'), 'success')
      assert.equal(rename(g, 'a', 'b'), 'success')
      assert.deepEqual(g.tree.names(), ['a', 'b'])
      assert.equal(rename(g, 'a', 'a'), 'success')
    })
    check('of a symlink, not of its target', (g) => {
      g.tree.write('f', 'text')
      g.tree.symlink('f', 'l')
      g.tree.symlink('x', 'm')
      assert.equal(rename(g, 'l', 'm'), 'success')
      assert.deepEqual([g.tree.names(), readlink(g, 'm')], [['f', 'm'], 'f'])
      assert.equal(rename(g, 'm', 'f'), 'success')
      assert.deepEqual([g.tree.names(), readlink(g, 'f')], [['f'], 'f'])
    })
    check(
      'of a directory that is open, with what is open in it',
      (g) => {
        g.tree.mkdir('a/b')
        g.tree.write('a/b/f', 'text')
        const dir = open(g, 'a/b')
        const file = g.opened('a/b/f')
        assert.equal(rename(g, 'a', 'z'), 'success')
        assert.equal(mkdir(g, 'a'), 'success')
        assert.equal(g.read(g.opened('f', { fd: dir, rights: RIGHTS.read }), 9), 'text')
        assert.equal(g.write(file, 'TEXT'), 4)
        assert.equal(typeof g.open('new', { fd: dir, oflags: OFlag.creat, rights: RIGHTS.write }), 'number')
        assert.equal(g.open('../f', { fd: dir, rights: RIGHTS.read }), 'perm')
        assert.deepEqual([g.tree.names('z/b'), g.tree.names('a')], [['f', 'new'], []])
        assert.equal(g.tree.read('z/b/f'), 'TEXT')
      },
      { differs: 'it finds a directory by its old path' },
    )
    check('missing names', (g) => {
      g.tree.write('f', '')
      assert.equal(rename(g, 'x', 'y'), 'noent')
      assert.equal(rename(g, 'f', 'x/y'), 'noent')
      assert.equal(rename(g, 'f', 'f/y'), 'notdir')
    })
    check(
      '. and ..',
      (g) => {
        g.tree.mkdir('d/e')
        for (const [from, to] of [
          ['.', 'x'],
          ['d', '.'],
          ['d/e/..', 'x'],
          ['d', 'd/e/..'],
        ] as const)
          assert.equal(rename(g, from, to), 'inval', `${from} to ${to}`)
      },
      { differs: 'busy' },
    )
  })

  describe('links', () => {
    check('are the same file', (g) => {
      g.tree.write('f', 'text')
      g.tree.mkdir('d')
      assert.equal(link(g, 'f', 'd/hard'), 'success')
      const [a, b] = [stat(g, 'f'), stat(g, 'd/hard')]
      assert.deepEqual([a.ino, a.dev, a.nlink, b.nlink], [b.ino, b.dev, 2n, 2n])
      const fd = g.opened('d/hard')
      assert.equal(g.write(fd, 'TEXT'), 4)
      assert.equal(g.tree.read('f'), 'TEXT')
      assert.equal(unlink(g, 'f'), 'success')
      assert.deepEqual([stat(g, 'd/hard').nlink, fstat(g, fd).nlink], [1n, 1n])
      assert.equal(g.tree.read('d/hard'), 'TEXT')
    })
    check('of directories are refused, of symlinks not', (g) => {
      g.tree.mkdir('d')
      g.tree.symlink('d', 'l')
      assert.equal(link(g, 'd', 'x'), 'perm')
      assert.equal(link(g, 'l', 'x', 1), 'perm')
      assert.equal(link(g, 'l', 'x'), 'success')
      assert.deepEqual([stat(g, 'x').type, stat(g, 'x').nlink], [Type.Symlink, 2n])
      assert.equal(readlink(g, 'x'), 'd')
    })
    check(
      'symlinks: targets are kept as they are',
      (g) => {
        assert.equal(symlink(g, 'x/../y//z', 'l'), 'success')
        assert.equal(readlink(g, 'l'), 'x/../y//z')
        assert.equal(readlink(g, 'l', 3), 'x/.')
        assert.equal(readlink(g, 'l', 0), '')
        assert.deepEqual([stat(g, 'l').size, stat(g, 'l').type], [9n, Type.Symlink])
        assert.equal(symlink(g, 'x', 'l'), 'exist')
        assert.equal(symlink(g, '', 'm'), 'noent')
        assert.equal(symlink(g, 'a\0', 'm'), 'inval')
        assert.equal(symlink(g, '/x', 'm'), 'perm')
        assert.equal(g.call('path_symlink', ...g.path(Uint8Array.of(255)), 3, ...g.path('m', At.Path2)), 'ilseq')
        assert.equal(unlink(g, 'l'), 'success')
        assert.equal(readlink(g, 'l'), '<noent>')
        assert.equal(readlink(g, '.'), '<inval>')
      },
      { differs: 'a buffer of no bytes is refused' },
    )
    check(
      '40 symlinks are followed, 41 are a loop',
      (g) => {
        g.tree.write('f', 'text')
        g.tree.symlink('f', 'l40')
        for (let i = 39; i >= 0; i--) g.tree.symlink(`l${i + 1}`, `l${i}`)
        assert.equal(g.read(g.opened('l1', { rights: RIGHTS.read }), 9), 'text')
        assert.equal(g.open('l0', { rights: RIGHTS.read }), 'loop')
      },
      { differs: 'it follows 32' },
    )
  })

  describe('removal', () => {
    check('a file lives while it is open', (g) => {
      g.tree.write('f', 'text')
      const fd = g.opened('f')
      assert.equal(unlink(g, 'f'), 'success')
      assert.equal(g.open('f'), 'noent')
      create(g, 'f', 'new')
      assert.equal(g.read(fd, 9), 'text')
      assert.equal(g.write(fd, ' more'), 5)
      assert.equal(g.pread(fd, 20, 0n), 'text more')
      assert.deepEqual([fstat(g, fd).nlink, fstat(g, fd).size], [0n, 9n])
      assert.equal(g.tree.read('f'), 'new')
    })
    check(
      'nothing is made in a directory that is gone',
      (g) => {
        g.tree.mkdir('d')
        g.tree.write('f', '')
        const fd = open(g, 'd')
        assert.equal(rmdir(g, 'd'), 'success')
        assert.equal(g.open('x', { fd, oflags: OFlag.creat, rights: RIGHTS.write }), 'noent')
        assert.equal(g.call('path_create_directory', fd, ...g.path('x')), 'noent')
        assert.equal(g.call('path_rename', 3, ...g.path('f'), fd, ...g.path('x', At.Path2)), 'noent')
        assert.equal(g.call('path_link', 3, 0, ...g.path('f'), fd, ...g.path('x', At.Path2)), 'noent')
        assert.deepEqual(
          (g.list(fd) as [string, bigint][]).map(([name]) => name),
          ['.', '..'],
        )
        assert.equal(fstat(g, fd).type, Type.Directory)
      },
      { differs: 'it cannot list it' },
    )
    check('of what is not there, or of another kind', (g) => {
      g.tree.write('d/f'.slice(2), '')
      g.tree.mkdir('full/x')
      g.tree.symlink('full', 'l')
      assert.equal(rmdir(g, 'x'), 'noent')
      assert.equal(rmdir(g, 'f'), 'notdir')
      assert.equal(rmdir(g, 'l'), 'notdir')
      assert.equal(rmdir(g, 'full'), 'notempty')
      assert.equal(unlink(g, 'x'), 'noent')
      assert.equal(unlink(g, 'full'), 'isdir')
      assert.equal(unlink(g, 'l'), 'success')
      assert.deepEqual(g.tree.names(), ['f', 'full'])
    })
    check(
      'of . and ..',
      (g) => {
        g.tree.mkdir('d/e')
        assert.equal(rmdir(g, '.'), 'inval')
        assert.equal(rmdir(g, 'd/.'), 'inval')
        assert.equal(unlink(g, '.'), 'isdir')
        assert.equal(unlink(g, 'd/..'), 'isdir')
        assert.equal(mkdir(g, '.'), 'exist')
        assert.equal(mkdir(g, 'd/..'), 'exist')
        assert.equal(rmdir(g, 'd/e/..'), 'inval')
      },
      { differs: 'rmdir of .. is notempty, as on Linux' },
    )
  })

  describe('trailing slashes', () => {
    check('demand a directory', (g) => {
      g.tree.mkdir('d')
      g.tree.write('f', 'text')
      g.tree.symlink('d', 'l')
      g.tree.symlink('f', 'm')
      g.tree.symlink('x', 'dangling')
      assert.equal(mkdir(g, 'new/'), 'success')
      assert.equal(g.open('f/', { rights: RIGHTS.read }), 'notdir')
      assert.equal(g.open('m/', { rights: RIGHTS.read }), 'notdir')
      assert.equal(g.open('made/', { oflags: OFlag.creat }), 'isdir')
      assert.equal(typeof g.open('l/', { follow: 0, oflags: OFlag.directory, rights: RIGHTS.readdir }), 'number')
      assert.equal(g.call('path_filestat_get', 3, 0, ...g.path('f/'), At.Stat), 'notdir')
      assert.equal(stat(g, 'l/').type, Type.Directory)
      assert.equal(stat(g, 'l').type, Type.Symlink)
      assert.equal(unlink(g, 'f/'), 'notdir')
      assert.equal(unlink(g, 'l/'), 'notdir')
      assert.equal(rmdir(g, 'l/'), 'notdir')
      assert.equal(link(g, 'f/', 'x'), 'notdir')
      assert.equal(link(g, 'f', 'x/'), 'noent')
      assert.equal(symlink(g, 'f', 'x/'), 'noent')
      assert.equal(rename(g, 'f/', 'x'), 'notdir')
      assert.equal(rename(g, 'f', 'x/'), 'notdir')
      assert.equal(rename(g, 'new/', 'newer/'), 'success')
      assert.equal(readlink(g, 'l/'), '<inval>')
      assert.equal(readlink(g, 'm/'), '<notdir>')
      assert.equal(readlink(g, 'dangling/'), '<noent>')
      assert.equal(rmdir(g, 'newer//'), 'success')
      assert.deepEqual(g.tree.names(), ['d', 'dangling', 'f', 'l', 'm'])
    })
  })

  describe('listings', () => {
    check(
      'have the number and the type of what is there',
      (g) => {
        g.tree.mkdir('d')
        g.tree.write('f', '')
        g.tree.symlink('f', 'l')
        create(g, 'made')
        assert.equal(mkdir(g, 'made-d'), 'success')
        const fd = g.directory('.')
        assert.equal(g.call('fd_readdir', fd, At.Buffer, 4096, 0n, At.Out), 'success')
        const listed: Record<string, [bigint, number]> = {}
        const end = At.Buffer + g.u32()
        for (let at: number = At.Buffer; at < end; at += 24 + g.u32(at + 16)) {
          const name = new TextDecoder().decode(g.bytes.subarray(at + 24, at + 24 + g.u32(at + 16)))
          listed[name] = [g.u64(at + 8), g.u32(at + 20)]
        }
        assert.equal(listed['..']?.[0], 0n, 'what lies above is told to nobody')
        delete listed['..']
        const expected = ['.', 'd', 'f', 'l', 'made', 'made-d'].map((name) => {
          const { ino, type } = stat(g, name)
          return [name, [ino, type]]
        })
        assert.deepEqual({ ...listed }, Object.fromEntries(expected))
        assert.equal(new Set(Object.values(listed).map(([ino]) => ino)).size, 6)
      },
      { differs: 'it lists neither . nor ..' },
    )
    check(
      'have names as they are, UTF-8 or not',
      (g) => {
        writeFileSync(Buffer.concat([Buffer.from(`${g.root}/n`), Buffer.of(0xff)]), '')
        const fd = g.directory('.')
        assert.equal(g.call('fd_readdir', fd, At.Buffer, 4096, 0n, At.Out), 'success')
        const listing = Buffer.from(g.bytes.slice(At.Buffer, At.Buffer + g.u32()))
        assert.ok(listing.includes(Buffer.of(0x6e, 0xff)))
        // They cannot be named.
        assert.equal(g.call('path_unlink_file', 3, ...g.path(Uint8Array.of(0x6e, 0xff))), 'ilseq')
        rmSync(Buffer.concat([Buffer.from(`${g.root}/n`), Buffer.of(0xff)]))
      },
      { kinds: ['host'], differs: 'they can' },
    )
    check('begin anew with cookie 0', (g) => {
      g.tree.write('a', '')
      const fd = g.directory('.')
      const names = (): string[] =>
        (g.list(fd) as [string, bigint][]).flatMap(([name]) => (name.startsWith('.') ? [] : [name])).sort()
      assert.deepEqual(names(), ['a'])
      create(g, 'b')
      assert.deepEqual(names(), ['a', 'b'])
      assert.equal(unlink(g, 'a'), 'success')
      assert.deepEqual(names(), ['b'])
    })
    check('of many names, a few at a time', (g) => {
      for (let i = 0; i < 100; i++) create(g, `file-${i}`)
      const fd = g.directory('.')
      const seen: string[] = []
      for (let cookie = 0n; ;) {
        const part = g.list(fd, cookie, 200) as [string, bigint][]
        if (part.length === 0) break
        seen.push(...part.map(([name]) => name))
        cookie = part.at(-1)![1]
      }
      const names = seen.filter((name) => !name.startsWith('.'))
      assert.equal(names.length, 100)
      assert.equal(new Set(names).size, 100)
    })
  })

  describe('times and sizes', () => {
    check(
      'a change is marked',
      (g) => {
        g.tree.write('f', 'text')
        g.tree.mkdir('d')
        const reset = (path: string): void => {
          assert.equal(
            g.call('path_filestat_set_times', 3, 0, ...g.path(path), 1_000_000_000n, 2_000_000_000n, 5),
            'success',
          )
          assert.equal(stat(g, path).mtim, 2_000_000_000n)
        }
        const marked = (path: string, change: () => unknown): void => {
          reset(path)
          assert.ok(change() !== undefined)
          assert.ok(stat(g, path).mtim > 1_000_000_000_000_000_000n, path)
        }
        const fd = g.opened('f')
        marked('f', () => g.write(fd, 'x'))
        marked('f', () => g.call('fd_filestat_set_size', fd, 0n))
        marked('f', () => g.opened('f', { oflags: OFlag.trunc }))
        marked('d', () => create(g, 'd/a') ?? true)
        marked('d', () => rename(g, 'd/a', 'd/b'))
        marked('d', () => unlink(g, 'd/b'))
        marked('d', () => symlink(g, 'x', 'd/l'))
        reset('f')
        assert.equal(link(g, 'f', 'g'), 'success')
        const { mtim, ctim } = stat(g, 'f')
        assert.equal(mtim, 2_000_000_000n)
        assert.ok(ctim > mtim)
      },
      { alone: 'it passes, but its process aborts on any failure of path_filestat_set_times' },
    )
    check(
      'of a symlink itself',
      (g) => {
        g.tree.write('f', '')
        g.tree.symlink('f', 'l')
        const before = stat(g, 'f').mtim
        assert.equal(
          g.call('path_filestat_set_times', 3, 0, ...g.path('l'), 1_000_000_000n, 2_000_000_000n, 5),
          'success',
        )
        assert.deepEqual([stat(g, 'l').mtim, stat(g, 'f').mtim], [2_000_000_000n, before])
      },
      { alone: 'as above' },
    )
    check('directories count their directories', (g) => {
      assert.equal(mkdir(g, 'd'), 'success')
      const { nlink } = stat(g, 'd')
      assert.equal(mkdir(g, 'd/a'), 'success')
      create(g, 'd/f')
      assert.equal(stat(g, 'd').nlink, nlink + 1n)
      assert.equal(rename(g, 'd/a', 'a'), 'success')
      assert.equal(stat(g, 'd').nlink, nlink)
    })
    check('a gap is zero, and takes the size', (g) => {
      const fd = g.opened('f', { oflags: OFlag.creat })
      assert.equal(g.call('fd_seek', fd, 5n, 0, At.Out), 'success')
      assert.equal(g.write(fd, 'x'), 1)
      assert.equal(g.tree.read('f'), '\0\0\0\0\0x')
      assert.equal(g.pread(fd, 4, 6n), '')
      assert.equal(g.pread(fd, 4, 1n << 40n), '')
      assert.equal(fstat(g, fd).size, 6n)
    })
    check('two descriptors of one file', (g) => {
      g.tree.write('f', 'text')
      const [a, b] = [g.opened('f'), g.opened('f', { fdflags: 1 })]
      assert.equal(g.write(b, ' more'), 5)
      assert.equal(g.read(a, 20), 'text more')
      assert.equal(g.call('fd_filestat_set_size', b, 2n), 'success')
      assert.equal(g.read(a, 20), '')
      assert.equal(g.write(a, 'x'), 1)
      assert.equal(g.write(b, 'y'), 1)
      assert.equal(g.tree.read('f'), 'te\0\0\0\0\0\0\0xy')
    })
  })
}
