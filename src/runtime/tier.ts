// The native tier as the runtime sees it: the jit layer implements it, imports only go downward. Two parts: `NativeStore` takes part in what
// a store makes, so that machine code can read it; `NativeRunner`, once for an agent, runs machine code for the driver.
//
// A *native segment* is what one entry into machine code has on the guest's stack: any number of native frames. In FS it is one record, that
// of the function which was entered; in RS it has that function's argument and result slots. What native code calls that has no machine
// code, a host function or an interpreted one, gets a frame above it, whose `Frame.ReturnPc` is `Pc.NativeReturn`:
//
//   FS   ... | interpreted | native segment | interpreted callee | host function |
//                            └ guest's stack: native frame, native frame, native frame ...

import type { MemoryType } from '../wasm/types.ts'
import type { Module } from '../wasm/module.ts'
import type { Instance } from './instance.ts'
import type { Store } from './store.ts'

/** Why machine code left, as far as the driver is concerned. The registers are in CTX. */
export const enum NativeExit {
  /** The segment is at its end: its results are in its slots. */
  Done,
  /** It calls what has no machine code: a frame for that is on top, CTX[Ctx.Pc] is where it starts. */
  Call,
  /** A trap: CTX[Ctx.A] is its code. */
  Trap,
  /** It looks whether it is to stop; goes on when it is run again. */
  Poll,
  /** CTX[Ctx.Fuel] is not enough for what it is about to do: CTX[Ctx.A] is. It tries again when it is run again. */
  Fuel,
}

/** A native frame, for backtraces. */
export interface NativeFrame {
  readonly module: Module
  readonly index: number
  /** Byte offset of the instruction in the module. */
  readonly offset: number
}

/** The native segments of a stopped activation. */
export interface StoppedSegments {
  /** Words that may be references, conservatively. */
  visit(word: (word: number) => void): void
}

export interface NativeRunner {
  /** Makes a segment for the function of the top frame, whose entry is `Pc.Native`. */
  enter(): void
  /** What the top segment had called is done: its results lie above the segment's slots. */
  finishCall(): void
  /** Runs the top segment. */
  run(): NativeExit
  /** Segments whose record in FS is above `fsp` are gone. */
  unwind(fsp: number): void
  /** The native frames of the segment whose record is at `fsp`, innermost first; undefined if that is no segment's. */
  framesOf(fsp: number): NativeFrame[] | undefined
  /** Copies the segments from record `bottom` on, if there are any. */
  copyOut(bottom: number): StoppedSegments | undefined
  /** Puts them back; their records begin at `bottom` now. False if there is no room on the stack. */
  copyIn(segments: StoppedSegments, bottom: number): boolean
  /** Calls with all words on the guest's stack that may be references. */
  visitWords(word: (word: number) => void): void
}

/** What an instance has for machine code. */
export interface NativeInstance {
  /** Cells of the globals (`Instance.globalCells`). */
  readonly globalCells: Int32Array
}

/** A memory of the host's that has address space around it: out-of-bounds accesses fault, growing does not move it. */
export interface GuardedMemory {
  readonly buffer: ArrayBuffer
  /** Throws if it cannot grow. */
  grow(pages: number): number
  toResizableBuffer?(): ArrayBuffer
  toFixedLengthBuffer?(): ArrayBuffer
}

export interface NativeStore {
  /** For an instance that is being made, before anything of it exists. Throws `LimitError`. */
  createInstance(module: Module): NativeInstance
  /** The instance has its memories, tables and globals; nothing of it has run. */
  completeInstance(instance: Instance): void
  /** A host function, by its record in FUNC. */
  addHost(fid: number): void
  /** A memory of `pages`, at most `maxPages`, if this type can have one. */
  createMemory(type: MemoryType, pages: number, maxPages: number): GuardedMemory | undefined
  /** The function is called for the first time: compiles it, if it is to run natively. Its record has `Pc.Native` then. */
  build(instance: Instance, index: number): boolean
  /** A slice of the top frame is used up at CTX[Ctx.Pc]: it may go on natively. Then a segment has taken its place. */
  hot(): boolean
}

/** Makes the native tier of a store. */
export type MakeNativeStore = (store: Store) => NativeStore

let makeDefault: MakeNativeStore | undefined

/** Stores that are made without saying anything about it get this tier. For runs of the official suite and the fuzzer. */
export function setDefaultNativeTier(make: MakeNativeStore | undefined): void {
  makeDefault = make
}

export const defaultNativeTier = (): MakeNativeStore | undefined => makeDefault

let runner: NativeRunner | undefined

export function registerNativeRunner(next: NativeRunner): void {
  runner = next
}

export const nativeRunner = (): NativeRunner | undefined => runner
