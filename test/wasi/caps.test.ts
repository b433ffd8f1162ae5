// Guests that take too much of what a file system gives: each is stopped by a cap with its errno, and leaves no descriptor open.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { loadWasi, parseWat, RuntimeError } from 'zwasm'
import { DescriptorTable } from '../../src/wasi/descriptors.ts'
import { ERROR_CODES } from '../../src/wasi/errors.ts'
import { openOutput } from '../../src/wasi/stdio.ts'
import { At, Guest, OFlag, RIGHTS } from './guest.ts'
import { createTree, TREE_KINDS } from './trees.ts'

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

const WANTED = 100_000

/** Makes names by one of the operations until that fails: how many, and the errno. */
function flood(g: Guest, make: (path: [number, number]) => string): [count: number, errno: string] {
  for (let i = 0; i < WANTED; i++) {
    const errno = make(g.path(`n${i}`, At.Path2))
    if (errno !== 'success') return [i, errno]
  }
  return [WANTED, 'success']
}

const create = (g: Guest) => (path: [number, number]) => {
  const errno = g.call('path_open', 3, 0, ...path, OFlag.creat, RIGHTS.write, 0n, 0, At.Out)
  if (errno === 'success') g.call('fd_close', g.u32())
  return errno
}
const link = (g: Guest) => (path: [number, number]) => g.call('path_link', 3, 0, ...g.path('f'), 3, ...path)

test('100,000 names in memory: nospc beyond 65,536', () => {
  const before = openDescriptors()
  for (const kind of ['memory', 'overlay'] as const) {
    const g = new Guest('zwasm', { tree: kind })
    assert.deepEqual(flood(g, create(g)), [65_536, 'nospc'], kind)
    assert.equal(g.call('path_unlink_file', 3, ...g.path('n7')), 'success')
    assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'success')
    assert.equal(g.call('path_create_directory', 3, ...g.path('e')), 'nospc')
    g.close()
  }
  const g = new Guest('zwasm', { tree: 'memory' })
  g.opened('f', { oflags: OFlag.creat })
  assert.deepEqual(flood(g, link(g)), [65_535, 'nospc'], 'hard links are names too')
  g.close()
  assert.equal(openDescriptors(), before)
})

for (const kind of TREE_KINDS)
  test(`maxEntries of a guest holds on every file system, for every way to make a name (${kind})`, () => {
    const before = openDescriptors()
    const g = new Guest('zwasm', { tree: kind, maxEntries: 50 })
    g.tree.write('old', 'text')
    g.tree.mkdir('dir')
    g.tree.symlink('target', 'dangling')
    assert.deepEqual(flood(g, create(g)), [50, 'nospc'])
    assert.equal(g.call('path_create_directory', 3, ...g.path('new')), 'nospc')
    assert.equal(g.call('path_create_directory', 3, ...g.path('n0')), 'exist')
    assert.equal(g.call('path_symlink', ...g.path('x'), 3, ...g.path('new', At.Path2)), 'nospc')
    assert.equal(g.call('path_link', 3, 0, ...g.path('old'), 3, ...g.path('new', At.Path2)), 'nospc')
    assert.equal(g.open('new', { oflags: OFlag.creat | OFlag.excl }), 'nospc')
    assert.equal(g.open('dangling', { oflags: OFlag.creat }), 'nospc')
    assert.equal(g.tree.names().length, 53)
    // What is there is opened as without a cap.
    assert.equal(g.read(g.opened('old', { oflags: OFlag.creat }), 9), 'text')
    assert.equal(g.open('old', { oflags: OFlag.creat | OFlag.excl }), 'exist')
    assert.equal(g.open('dir', { oflags: OFlag.creat, rights: RIGHTS.read }), 'isdir')
    assert.equal(g.open('n1/x', { oflags: OFlag.creat }), 'notdir')
    assert.equal(g.call('path_rename', 3, ...g.path('n1'), 3, ...g.path('n2', At.Path2)), 'success')
    // That took one away, and so does the unlink; a rename of a name to itself does not.
    assert.equal(g.call('path_rename', 3, ...g.path('n5'), 3, ...g.path('n5', At.Path2)), 'success')
    assert.equal(g.call('path_unlink_file', 3, ...g.path('n4')), 'success')
    assert.equal(typeof g.open('dangling', { oflags: OFlag.creat }), 'number')
    assert.ok(g.tree.names().includes('target'))
    assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'success')
    assert.equal(g.call('path_remove_directory', 3, ...g.path('d')), 'success')
    assert.equal(g.call('path_create_directory', 3, ...g.path('d')), 'success')
    assert.equal(g.call('path_create_directory', 3, ...g.path('e')), 'nospc')
    g.close()
    assert.equal(openDescriptors(), before)
  })

test('maxEntries is a number', () => {
  const before = openDescriptors()
  assert.throws(() => new Guest('zwasm', { maxEntries: '1' }), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => new Guest('zwasm', { maxEntries: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.equal(openDescriptors(), before)
})

/** Opens `f` until that fails, then traps or ends with the errno. */
const OPENER = (end: string): Uint8Array<ArrayBuffer> =>
  parseWat(`(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "f")
    (func (export "_start") (local $errno i32)
      (loop $again
        (local.set $errno
          (call $path_open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 1)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
        (br_if $again (i32.eqz (local.get $errno))))
      ${end}))`).bytes as Uint8Array<ArrayBuffer>

for (const kind of TREE_KINDS)
  test(`files opened in a loop: mfile, and all are closed when the guest ends or traps (${kind})`, () => {
    const tree = createTree(kind)
    const before = openDescriptors()
    tree.write('f', 'text')
    const options = { preopens: { '/': tree.preopen }, maxDescriptors: 100 }
    const exit = loadWasi(OPENER('(call $proc_exit (local.get $errno))'), options)
    assert.equal(ERROR_CODES[exit.start()], 'mfile')
    assert.equal(openDescriptors(), before)
    const trap = loadWasi(OPENER('unreachable'), options)
    assert.throws(() => trap.start(), RuntimeError)
    assert.equal(openDescriptors(), before)
    tree.close()
  })

test('many descriptors of a large directory do not keep a listing each', () => {
  const table = new DescriptorTable()
  const listing = Array.from({ length: 65_536 }, () => ({ name: new Uint8Array(0), ino: 0n, type: 0 }))
  const descriptors = Array.from({ length: 100 }, () => openOutput(() => {}))
  for (const descriptor of descriptors) {
    table.insert(descriptor)
    table.keepListing(descriptor, listing)
    assert.equal(descriptor.listing, listing)
    assert.ok(descriptors.filter((other) => other.listing !== undefined).length <= 4)
  }
})

test('a descriptor whose listing was dropped goes on', () => {
  const g = new Guest('zwasm', { tree: 'memory' })
  flood(g, create(g))
  const fds = Array.from({ length: 6 }, () => g.directory('.'))
  const cookies = fds.map((fd) => (g.list(fd) as [string, bigint][]).at(-1)![1])
  const parts = fds.map((fd, i) => g.list(fd, cookies[i]) as [string, bigint][])
  for (const part of parts) assert.deepEqual(part, parts[0])
  assert.ok(parts[0].length > 50)
  g.close()
})
