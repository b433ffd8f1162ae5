// The native tier of a store, as far as it is always there: what instances and memories need from the beginning so that machine code can come
// later, and when it comes. The compiler and the platform are loaded when a program has run for a while: NativePart.

import { instanceLayout, type InstanceLayout } from '../native/layout.ts'
import { INSTANCES, type Instance } from '../runtime/instance.ts'
import { CTX, Ctx, Frame, FS, FUNC, FUNC_WORDS_LOG2, Func, Pc } from '../runtime/machine.ts'
import type { Store } from '../runtime/store.ts'
import type { GuardedMemory, NativeInstance, NativeStore } from '../runtime/tier.ts'
import type { MemoryType } from '../wasm/types.ts'
import type { Module } from '../wasm/module.ts'

/** When functions are compiled. */
export interface TierPolicy {
  /** `first`: before their first call. `hot`: when they have run for a while. */
  readonly when: 'first' | 'hot'
  /** Slices (1,000 branches and calls) that must have ended in the store before the tier is opened: it takes some milliseconds. */
  readonly opening: number
  /** Slices that must have ended in a function; calls of it that must have come from machine code. */
  readonly slices: number
  readonly calls: number
}

export const JIT_POLICY: TierPolicy = { when: 'first', opening: 0, slices: 1, calls: 1 }
export const AUTO_POLICY: TierPolicy = { when: 'hot', opening: 500, slices: 2, calls: 4 }
/** Everything as soon as possible, loops entered wherever that can be: for tests. */
export const EAGER_POLICY: TierPolicy = { when: 'hot', opening: 0, slices: 1, calls: 1 }

/** What the loaded tier does for a store. */
export interface NativePart {
  complete(instance: Instance): void
  /** A host function, by its record in FUNC. */
  addHost(fid: number): void
  /** Gives the function machine code; false if it has none and gets none. */
  compile(instance: Instance, index: number): boolean
  /** Goes on natively in the top frame, if it is at the header of a loop that can be entered there. */
  enterLoop(instance: Instance, index: number): boolean
}

/** What an instance has from the beginning: `Instance.native`. */
export interface NativeCells extends NativeInstance {
  readonly layout: InstanceLayout
  /** Bytes for `Instance` of native/layout.ts and what follows it. */
  readonly words: Int32Array<ArrayBuffer>
  /** What the loaded tier has made of it. */
  native: object | undefined
}

/** Host functions to remember before looking which of them are gone. */
const MIN_HOSTS_LIMIT = 1024

/** Whether a function id is a host function's. If it is another one's by now, that one has to be known too. */
const isHost = (fid: number): boolean => {
  const record = fid << FUNC_WORDS_LOG2
  return FUNC[record + Func.Entry] === Pc.Host && FUNC[record + Func.Instance] < 0
}

/** What compiling a function takes, cold (`npm run bench -- compiler`), and opening the tier (`npm run bench -- native`). */
const BYTES_PER_MS = 200
const OPENING_MS = 50
const LEEWAY_MS = 5

/** Whether a store of this agent has opened the tier: then it costs the next one nothing. */
let isOpen = false

/** The most pages that the host gives a memory. */
const MAX_HOST_PAGES = 65536
const PAGE_LOG2 = 16

/** WebAssembly.Memory of the host, which memories are made with: their buffers have all that the standard asks for. */
type HostMemoryClass = new (descriptor: { initial: number; maximum: number }) => GuardedMemory
const HostMemory = (globalThis as unknown as { WebAssembly?: { Memory: HostMemoryClass } }).WebAssembly?.Memory

/** V8 may keep the bytes of tiny buffers in its own heap, which moves. */
const MINIMUM_BYTES = 128

export class StoreTier implements NativeStore {
  private part: NativePart | undefined
  /** Undefined when it has been opened, or cannot be. */
  private open: (() => NativePart | undefined) | undefined
  private slicesLeft: number
  /** The host functions so far, for when it is opened. Those that are gone are taken out now and then. */
  private hosts: number[] = []
  private hostsLimit = MIN_HOSTS_LIMIT

  /** `open` loads the tier; undefined if it cannot be had. */
  constructor(
    private readonly store: Store,
    private readonly policy: TierPolicy,
    open: () => NativePart | undefined,
  ) {
    this.open = open
    this.slicesLeft = policy.opening
  }

  createInstance(module: Module): NativeCells {
    const layout = instanceLayout({
      importedFunctions: module.importedFuncs,
      globals: module.globals.length,
      importedGlobals: module.globals.length - module.globalDefs.length,
    })
    const words = new Int32Array(new ArrayBuffer(Math.max(MINIMUM_BYTES, (layout.bytes + 15) & ~15)))
    return {
      layout,
      words,
      native: undefined,
      globalCells: words.subarray(layout.globals >> 2, layout.globalRefs >> 2),
    }
  }

  completeInstance(instance: Instance): void {
    this.part?.complete(instance)
  }

  addHost(fid: number): void {
    if (this.part !== undefined) return this.part.addHost(fid)
    if (this.open === undefined) return
    this.hosts.push(fid)
    if (this.hosts.length < this.hostsLimit) return
    this.hosts = this.hosts.filter(isHost)
    this.hostsLimit = 2 * Math.max(this.hosts.length, MIN_HOSTS_LIMIT)
  }

  createMemory(type: MemoryType, pages: number, maxPages: number): GuardedMemory | undefined {
    if (HostMemory === undefined || !canGuard(type)) return undefined
    const maximum = Math.min(type.max ?? MAX_HOST_PAGES, Math.max(pages, maxPages), MAX_HOST_PAGES)
    try {
      return new HostMemory({ initial: pages, maximum })
    } catch {
      return undefined
    }
  }

  build(instance: Instance, index: number): boolean {
    return this.policy.when === 'first' && this.opened()?.compile(instance, index) === true
  }

  private opened(): NativePart | undefined {
    if (this.open !== undefined) {
      this.part = this.open()
      isOpen = true
      this.open = undefined
      for (const fid of this.hosts) if (isHost(fid)) this.part?.addHost(fid)
      this.hosts = []
    }
    return this.part
  }

  hot(): boolean {
    if (this.policy.when === 'first' || CTX[Ctx.Pc] < Pc.First) return false
    if (this.slicesLeft > 0) {
      this.slicesLeft--
      return false
    }
    const record = FS[CTX[Ctx.Fsp] + Frame.Fid] << FUNC_WORDS_LOG2
    if (++FUNC[record + Func.Counter] < this.policy.slices) return false
    const instance = INSTANCES[FUNC[record + Func.Instance]]
    const index = FUNC[record + Func.Index]
    if (!this.hasTimeFor(instance.module, index)) return false
    const part = this.opened()
    return part !== undefined && part.compile(instance, index) && part.enterLoop(instance, index)
  }

  /** Whether the deadline leaves time to compile a function, and to open the tier before, if it is not open. */
  private hasTimeFor(module: Module, index: number): boolean {
    const { remaining } = this.store.control
    if (remaining === Infinity) return true
    const body = index - module.importedFuncs
    const ms = (module.codeEnd[body] - module.codeStart[body]) / BYTES_PER_MS + (isOpen ? 0 : OPENING_MS)
    return ms + LEEWAY_MS < remaining
  }

  /** Whether machine code that calls a function without code gets some for it. */
  wants(instance: Instance, index: number): boolean {
    const record = (instance.funcBase + index) << FUNC_WORDS_LOG2
    if (FUNC[record + Func.Entry] === Pc.Native) return true
    return ++FUNC[record + Func.Counter] >= this.policy.calls && this.hasTimeFor(instance.module, index)
  }
}

/** Memories that the host can make: 32-bit addresses and pages of 64 KiB. */
export const canGuard = (type: MemoryType): boolean =>
  !type.address64 && !type.shared && type.pageSizeLog2 === PAGE_LOG2
