// Runtime structures of a store: what an instance is made of. The interpreter loop reads the fields of `Instance`,
// `MemoryInstance` and `TableInstance` directly; their shapes are fixed in the constructors and never change (one hidden class).

import type { Stoppable } from './suspended.ts'
import type { Module } from '../wasm/module.ts'
import type { CanonType, TableType, MemoryType } from '../wasm/types.ts'
import type { Store } from './store.ts'
import type { NativeInstance } from './tier.ts'

/**
 * Instances by id; ids are reused after an instance is gone. A place is undefined if its id is free, or if the instance rests (see
 * registry.ts); whatever a running function can reach is there.
 */
export const INSTANCES: Instance[] = []

/** A function of the host. */
export interface HostFunc {
  readonly store: Store
  /** Canonical function type. */
  readonly typeId: number
  /** For backtraces and traces. */
  readonly name: string
  /**
   * The call. Arguments are in RS from slot `base` (one slot each, v128 two), results go there. What it throws is a Wasm
   * exception if it is a `WasmThrow`, else a JavaScript exception, which passes through Wasm code (as `JSTag`). Unless
   * `stoppable` is `No` it may throw `SUSPEND` (suspended.ts).
   */
  call(base: number, stoppable: Stoppable): void
}

/** Host functions by `FUNC[fid + Func.Index]`; undefined as in `INSTANCES`. */
export const HOSTS: (HostFunc | undefined)[] = []

/** Views of a memory for `Atomics`: all of the same extent as the memory's `u8`, which is one of them. */
export interface AtomicViews {
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly i64: BigInt64Array
}

/** A linear memory. `buffer` may be larger than `byteLength`: growth is amortised until JavaScript looks at the buffer. */
export interface MemoryInstance {
  readonly type: MemoryType
  /** Capacity; the memory is its first `byteLength` bytes. Fixed-length ArrayBuffer, or a growable SharedArrayBuffer (shared). */
  buffer: ArrayBuffer | SharedArrayBuffer
  u8: Uint8Array
  dv: DataView
  /** Made by the first atomic instruction. Out of date once its `u8` is not the memory's. */
  atomicViews: AtomicViews | undefined
  /** Current size in bytes. Every access is checked against this, never left to the views. */
  byteLength: number
  /** Grows by `delta` pages; the old size in pages, or -1 (declared maximum, cap or host refused). */
  grow(delta: number): number
  readonly pages: number
  /** Shared memory: takes notice of growth by other agents, before an access traps. Whether there was any. */
  refresh(): boolean
  /** The buffer for JavaScript, of exactly the memory's size; the same one until the memory grows. */
  exposeBuffer(): ArrayBuffer | SharedArrayBuffer
  /** Told of each successful growth, also by 0 pages and by other agents: what `exposeBuffer` gave is out of date. */
  onGrow: (() => void) | undefined
  /** Told when `buffer` or `byteLength` has changed. */
  onChange: (() => void) | undefined
  /** Whether `buffer` has address space around it and never moves: accesses by machine code need no check. */
  readonly guarded: boolean
}

/** A table of reference words. */
export interface TableInstance {
  readonly type: TableType<CanonType>
  /** At least `size` words. */
  words: Int32Array
  size: number
  /** Grows by `delta`, new places get `init`; the old size or -1. */
  grow(delta: number, init: number): number
  /** Told when `words` or `size` has changed. */
  onChange: (() => void) | undefined
}

/**
 * A global: four words (v128-sized) from `at`, a reference in the first of them. Defined globals share their instance's
 * `globalCells`.
 */
export interface GlobalInstance {
  readonly type: CanonType
  readonly mutable: boolean
  readonly cells: Int32Array
  readonly at: number
}

/** Tags are identified by object, or by `id` within a store. `typeId` is the canonical function type. */
export interface TagInstance {
  readonly id: number
  readonly typeId: number
}

export interface Instance {
  readonly id: number
  readonly store: Store
  readonly module: Module
  /** Function index -> fid (imports first). Defined functions are consecutive: fid = funcBase + index. */
  readonly funcIds: Int32Array
  /** fid of the function with index 0, were it defined here: defined function i has fid `funcBase + i`. */
  readonly funcBase: number
  /** Fixed, like the next four, once the instance is complete. */
  readonly memories: MemoryInstance[]
  /** Memory 0, or a shared empty memory if there is none: the loop's views come from here. */
  readonly memory0: MemoryInstance
  readonly tables: TableInstance[]
  readonly globals: GlobalInstance[]
  /** Cells of all globals by index, 4 words each. The cells of imported globals are unused: theirs are in `globals[i].cells`. */
  readonly globalCells: Int32Array
  readonly tags: TagInstance[]
  /** Dropped segments are undefined. Data segments are views into the module's bytes; element segments are reference words. */
  readonly dataSegments: (Uint8Array | undefined)[]
  readonly elemSegments: (Int32Array<ArrayBuffer> | undefined)[]
  /** What machine code has of it; undefined if its store has none. */
  readonly native: NativeInstance | undefined
}
