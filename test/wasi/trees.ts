// Trees of files for tests: a directory of the host, files in memory, and overlays over both, behind one interface.

import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { MemoryFileSystem, OverlayFileSystem, type VirtualFileSystem, type VirtualFileSystemOptions } from 'zwasm'
import { systemClock } from '../../src/wasi/clocks.ts'
import { type DirectoryHandle } from '../../src/wasi/fs/file-system.ts'
import { walk } from '../../src/wasi/fs/walk.ts'

export const TREE_KINDS = ['host', 'memory', 'overlay', 'overlay on memory'] as const
export type TreeKind = (typeof TREE_KINDS)[number]

/** A fresh tree. What a test prepares with `write`, `mkdir`, `symlink` and `link` lies below in an overlay, and must still be there at the end. */
export interface TestTree {
  readonly preopen: { readonly host: string } | { readonly fs: VirtualFileSystem }
  /** The directory of the host, also that below an overlay; undefined without one. */
  readonly host: string | undefined
  write(path: string, text: string): void
  mkdir(path: string): void
  symlink(target: string, path: string): void
  link(from: string, to: string): void
  /** What is there: the text of a file, the names in a directory. */
  read(path: string): string
  names(path?: string): string[]
  /** All of it, for a comparison. */
  state(): string
  /** Whether what lies below an overlay is no longer as it was prepared. */
  lowerHasChanged(): boolean
  /** Removes it. */
  close(): void
}

/** All that can be said of a directory of the host, for a comparison later. A path is bytes: names need not be UTF-8. */
export function snapshot(path: string | Buffer): string {
  const bytes = Buffer.from(path as string)
  const s = lstatSync(bytes, { bigint: true })
  const head = `${bytes.toString('latin1')} ${s.mode} ${s.ino} ${s.nlink} ${s.mtimeNs}`
  if (s.isDirectory()) {
    const names = readdirSync(bytes, 'buffer').sort((a, b) => a.compare(b))
    return [head, ...names.map((name) => snapshot(Buffer.concat([bytes, Buffer.from('/'), name])))].join('\n')
  }
  if (s.isSymbolicLink()) return `${head} -> ${readlinkSync(bytes)}`
  return s.isFile() ? `${head} = ${readFileSync(bytes, 'latin1')}` : head
}

/** `options` are those of what is in memory and not below an overlay. */
export function createTree(kind: TreeKind, options?: VirtualFileSystemOptions): TestTree {
  if (kind === 'host') return hostTree()
  if (kind === 'memory') return memoryTree(options)
  return overlayTree(kind === 'overlay' ? hostTree() : memoryTree(), options)
}

function hostTree(): TestTree {
  const host = mkdtempSync(join(tmpdir(), 'zwasm-wasi-'))
  const at = (path: string): string => join(host, path)
  return {
    preopen: { host },
    host,
    write(path, text) {
      mkdirSync(dirname(at(path)), { recursive: true })
      writeFileSync(at(path), text)
    },
    mkdir: (path) => void mkdirSync(at(path), { recursive: true }),
    symlink: (target, path) => symlinkSync(target, at(path)),
    link: (from, to) => linkSync(at(from), at(to)),
    read: (path) => readFileSync(at(path), 'utf8'),
    names: (path = '.') => readdirSync(at(path)).sort(),
    state: () => snapshot(host),
    lowerHasChanged: () => false,
    close: () => rmSync(host, { recursive: true, force: true }),
  }
}

const memoryTree = (options?: VirtualFileSystemOptions): TestTree => virtualTree(new MemoryFileSystem({}, options))

function virtualTree(fs: VirtualFileSystem): TestTree {
  const within = <T>(path: string, run: (directory: DirectoryHandle, name: string) => T): T => {
    const root = fs.open({ readonly: false, clock: systemClock })
    try {
      return walk(root, path, run)
    } finally {
      root.close()
    }
  }
  const utf8 = new TextDecoder()
  return {
    preopen: { fs },
    host: undefined,
    write: (path, text) => fs.writeFile(path, text),
    mkdir(path) {
      fs.writeFile(`${path}/x`, '')
      within(`${path}/x`, (directory, name) => directory.unlink(name))
    },
    symlink: (target, path) =>
      within(path, (directory, name) => directory.symlink(new TextEncoder().encode(target), name)),
    link: (from, to) =>
      within(from, (source, name) => within(to, (target, newName) => source.link(name, target, newName))),
    read: (path) => utf8.decode(fs.readFile(path)),
    names: (path = '.') =>
      within(`${path}/.`, (directory) => directory.entries().map(({ name }) => utf8.decode(name))).sort(),
    state: () => JSON.stringify(fs.tree()),
    lowerHasChanged: () => false,
    close() {},
  }
}

function overlayTree(lower: TestTree, options?: VirtualFileSystemOptions): TestTree {
  const { preopen } = lower
  const fs = new OverlayFileSystem('host' in preopen ? preopen.host : preopen.fs, options)
  const upper = virtualTree(fs)
  let before = lower.state()
  const prepare =
    <A extends string[]>(change: (...args: A) => void) =>
    (...args: A): void => {
      change(...args)
      before = lower.state()
    }
  return {
    preopen: { fs },
    host: lower.host,
    write: prepare(lower.write),
    mkdir: prepare(lower.mkdir),
    symlink: prepare(lower.symlink),
    link: prepare(lower.link),
    read: upper.read,
    names: upper.names,
    state: upper.state,
    lowerHasChanged: () => lower.state() !== before,
    close: lower.close,
  }
}
