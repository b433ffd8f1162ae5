// A guest without WebAssembly: its memory, and calls of the functions with JavaScript values put there.

import assert from 'node:assert/strict'
import { WASI as HostWASI } from 'node:wasi'
import { type FileSystem, MemoryFileSystem, type VirtualFileSystemOptions, WASI } from 'zwasm'
import { ERROR_CODES } from '../../src/wasi/errors.ts'
import { hostNamespace } from '../../src/api/host.ts'
import { createTree, type TestTree, type TreeKind } from './trees.ts'

const WebAssembly = hostNamespace()

export type Implementation = 'zwasm' | 'node:wasi'

/** Everything at a fixed place in memory. */
export const enum At {
  Out = 0,
  Out2 = 8,
  Stat = 64,
  Vectors = 256,
  Path = 1024,
  Path2 = 5200,
  Buffer = 16_384,
}

/** An address beyond the memory. */
export const OUTSIDE = 0xffff_fff0

export const RIGHTS = {
  read: 1n << 1n,
  seek: 1n << 2n,
  flags: 1n << 3n,
  tell: 1n << 5n,
  write: 1n << 6n,
  allocate: 1n << 8n,
  readdir: 1n << 14n,
  stat: 1n << 21n,
  size: 1n << 22n,
}

/** What wasi-libc asks for to read and write a file. */
export const READ_WRITE =
  RIGHTS.read |
  RIGHTS.seek |
  RIGHTS.flags |
  RIGHTS.tell |
  RIGHTS.write |
  RIGHTS.allocate |
  RIGHTS.stat |
  RIGHTS.size |
  (1n << 0n) |
  (1n << 4n) |
  (1n << 7n) |
  (1n << 23n) |
  (1n << 27n)

export const OFlag = { creat: 1, directory: 2, excl: 4, trunc: 8 }

type Functions = Record<string, (...args: any[]) => number>

export interface GuestOptions {
  readonly readonly?: boolean
  /** The preopen; a directory of the host by default. */
  readonly tree?: TreeKind
  readonly fs?: FileSystem
  /** Of a tree in memory. */
  readonly caps?: VirtualFileSystemOptions
  /** A second preopen, descriptor 4: another file system. */
  readonly second?: boolean
  readonly args?: string[]
  readonly env?: Record<string, string>
  readonly [option: string]: unknown
}

/** The preopen is descriptor 3, under the name `/work`. */
export class Guest {
  readonly memory = new WebAssembly.Memory({ initial: 1 })
  readonly tree: TestTree
  wasi: Functions
  /** Fails if what lies below an overlay has changed, unless told not to look. */
  readonly close: (checksLower?: boolean) => void

  constructor(implementation: Implementation = 'zwasm', options: GuestOptions = {}) {
    const { readonly, fs, tree = 'host', caps, second, ...rest } = options
    this.tree = createTree(tree, caps)
    const instance = { exports: { memory: this.memory, _start() {} } }
    const common = { version: 'preview1' as const, ...rest }
    if (implementation === 'zwasm') {
      const preopen = { ...(fs === undefined ? this.tree.preopen : { fs }), readonly: readonly === true }
      const wasi = new WASI({
        ...common,
        preopens: { '/work': preopen, ...(second === true ? { '/second': new MemoryFileSystem() } : {}) },
      })
      wasi.finalizeBindings(instance)
      this.wasi = wasi.wasiImport as Functions
      this.close = (checksLower = true) => {
        wasi.close()
        const changed = checksLower && this.tree.lowerHasChanged()
        this.tree.close()
        assert.ok(!changed, 'what lies below the overlay has changed')
      }
    } else {
      const wasi = new HostWASI({ ...common, preopens: { '/work': this.root } } as never)
      wasi.start(instance as never)
      this.wasi = wasi.wasiImport as Functions
      this.close = () => this.tree.close()
    }
  }

  /** The directory of the host that the tree is or lies over. */
  get root(): string {
    if (this.tree.host === undefined) throw new Error('the tree is in memory')
    return this.tree.host
  }

  get view(): DataView {
    return new DataView(this.memory.buffer)
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer)
  }

  /** Calls a function; the name of its errno. */
  call(name: string, ...args: (number | bigint)[]): string {
    return ERROR_CODES[this.wasi[name](...args)]
  }

  /** Puts a path into memory: the two arguments for it. */
  path(text: string | Uint8Array, at: number = At.Path): [number, number] {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
    this.bytes.set(bytes, at)
    return [at, bytes.length]
  }

  /** Puts vectors into memory, over consecutive parts of the buffer: the two arguments for them. */
  vectors(...lengths: number[]): [number, number] {
    let at: number = At.Buffer
    lengths.forEach((length, i) => {
      this.view.setUint32(At.Vectors + i * 8, at, true)
      this.view.setUint32(At.Vectors + i * 8 + 4, length, true)
      at += length
    })
    return [At.Vectors, lengths.length]
  }

  /** The descriptor, or the name of the errno. */
  open(
    path: string | Uint8Array,
    { oflags = 0, rights = READ_WRITE, inheriting = 0n, fdflags = 0, follow = 1, fd = 3 } = {},
  ): number | string {
    const errno = this.call('path_open', fd, follow, ...this.path(path), oflags, rights, inheriting, fdflags, At.Out)
    return errno === 'success' ? this.view.getUint32(At.Out, true) : errno
  }

  opened(path: string, options?: Parameters<Guest['open']>[1]): number {
    const fd = this.open(path, options)
    assert.ok(typeof fd === 'number', `path_open ${path}: ${fd}`)
    return fd
  }

  directory(path: string): number {
    return this.opened(path, { oflags: OFlag.directory, rights: RIGHTS.readdir })
  }

  /** Writes text; the number of bytes or the errno. */
  write(fd: number, text: string): number | string {
    const bytes = new TextEncoder().encode(text)
    this.bytes.set(bytes, At.Buffer)
    const errno = this.call('fd_write', fd, ...this.vectors(bytes.length), At.Out)
    return errno === 'success' ? this.u32() : errno
  }

  /** Reads; the text or the errno in angle brackets. */
  read(fd: number, ...lengths: number[]): string {
    return this.#text(this.call('fd_read', fd, ...this.vectors(...lengths), At.Out))
  }

  pread(fd: number, length: number, offset: bigint): string {
    return this.#text(this.call('fd_pread', fd, ...this.vectors(length), offset, At.Out))
  }

  #text(errno: string): string {
    if (errno !== 'success') return `<${errno}>`
    return new TextDecoder().decode(this.bytes.subarray(At.Buffer, At.Buffer + this.u32()))
  }

  u32(at: number = At.Out): number {
    return this.view.getUint32(at, true)
  }

  u64(at: number = At.Out): bigint {
    return this.view.getBigUint64(at, true)
  }

  /** The names that a listing gives, from a cookie on; each with the cookie behind it. */
  list(fd: number, cookie = 0n, length = 4096): [string, bigint][] | string {
    const errno = this.call('fd_readdir', fd, At.Buffer, length, cookie, At.Out)
    if (errno !== 'success') return errno
    const end = At.Buffer + this.u32()
    const names: [string, bigint][] = []
    for (let at: number = At.Buffer; at + 24 <= end;) {
      const nameLength = this.u32(at + 16)
      if (at + 24 + nameLength > end) break
      names.push([new TextDecoder().decode(this.bytes.subarray(at + 24, at + 24 + nameLength)), this.u64(at)])
      at += 24 + nameLength
    }
    return names
  }
}
