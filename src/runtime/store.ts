// A store: what the instances of one `WebAssembly` namespace share. GC heap, handles of host values, tags, limits; and the roots of
// all of them.
//
// Roots of the GC heap and the handle table:
//
//   RS              conservatively: the low half of every slot from 0 to the top of the stack, whoever's frame it is
//   holders         instances (element segments), tables, reference globals, suspended activations: precisely. Known here by weak
//                   references, so that they live as long as JavaScript or a running function can reach them
//   pins            words that JavaScript wrappers stand for
//   pendingWord     an exception on its way to a handler or to JavaScript
//
// How long instances, host functions and host values live is explained in registry.ts; resting and waking, which need to see
// all holders, are here.

import { bug } from '../util/bug.ts'
import { Finalizer, WeakReference } from '../util/weak.ts'
import { canonicalFuncType } from '../wasm/canonical.ts'
import { RefType, type CanonType } from '../wasm/types.ts'
import { stackTop } from './activation.ts'
import { Control } from './control.ts'
import { GcHeap, type RootSource } from './heap.ts'
import { HandleTable } from './handles.ts'
import type { HostFunc, TagInstance } from './instance.ts'
import { paramSlotsOf, resultSlotsOf } from './layout.ts'
import { defaultObserver, type Observer } from './observer.ts'
import { CTX, Ctx, R, STACK_SLOTS } from './machine.ts'
import {
  isAwake,
  isOwner,
  LimitError,
  makeStrong,
  makeWeak,
  ownerOf,
  ownersOf,
  registerHost,
  removeOwner,
} from './registry.ts'
import { defaultNativeTier, type MakeNativeStore, nativeRunner, type NativeStore } from './tier.ts'

export { LimitError } from './registry.ts'

/** Caps of a store. Growth beyond one answers -1; a declared minimum beyond one is a `LimitError`. */
export interface StoreLimits {
  /** Bytes of one memory. */
  readonly memoryBytes: number
  /** Entries of one table. */
  readonly tableElements: number
  /** Bytes of the GC heap. */
  readonly gcHeapBytes: number
  /** Register slots (8 bytes) of all frames of an activation and those nested in it. */
  readonly stackSlots: number
  /** Instances alive at the same time. */
  readonly instances: number
}

export const DEFAULT_LIMITS: StoreLimits = {
  memoryBytes: 2 ** 32,
  tableElements: 10_000_000,
  gcHeapBytes: 2 ** 30,
  stackSlots: STACK_SLOTS,
  instances: 100_000,
}

export interface StoreOptions {
  readonly limits?: Partial<StoreLimits>
  /** Collect at every allocation of the GC heap. */
  readonly gcStress?: boolean
  /** Units of fuel; without it code is not metered. */
  readonly fuel?: number
  /** A trace, profile or coverage of what runs. */
  readonly observer?: Observer
  /** The native tier for the store; without it everything is interpreted. Made for the store. */
  readonly native?: MakeNativeStore
}

/** What sees the words and parts of a holder. */
export interface HolderVisitor {
  word(word: number): void
  /** A holder that this one refers to as a JavaScript object. */
  holder(holder: Holder): void
}

/** An object with reference words that JavaScript or an instance can reach. */
export interface Holder {
  visit(visitor: HolderVisitor): void
}

/** What the words of a resting holder mean; `words[i]` is 0 for the store's heap. */
interface Holds {
  readonly words: number[]
  readonly objects: object[]
}

/** Pauses between rests, in ms: at least this, and this many times what the last rest took. */
const MIN_REST_INTERVAL = 50
const REST_INTERVAL_FACTOR = 20

/** Stands for all objects of a store's GC heap in the eyes of the JavaScript collector. */
class HeapMirror {
  readonly what = 'GC heap of a zwasm store'
}

export class Store implements RootSource {
  readonly limits: StoreLimits
  readonly heap: GcHeap
  readonly handles = new HandleTable()
  /** The tag of JavaScript exceptions: one externref. */
  readonly jsTag: TagInstance
  /** Root: an exception that no frame has at the moment. */
  pendingWord = 0
  disposed = false
  /** Instances made and not yet collected. */
  liveInstances = 0

  private readonly tags = new Map<number, { deref(): TagInstance | undefined }>()
  private nextTag = 0
  private holders: { deref(): Holder | undefined }[] = []
  private readonly pins = new Map<number, number>()
  private readonly instanceDeaths = new Finalizer<undefined>(() => void this.liveInstances--)
  private readonly tagDeaths = new Finalizer<number>((id) => void this.tags.delete(id))

  /** By holder, while it rests. An ephemeron table: it keeps nothing alive that its key does not. */
  private readonly holds = new WeakMap<object, Holds>()
  private mirror: HeapMirror | undefined = new HeapMirror()
  private readonly mirrorRef = { current: new WeakReference(this.mirror!) }
  private timer: ReturnType<typeof setTimeout> | undefined
  private restMs = 0
  /** During a collection: functions and handles met in heap objects (not in roots); undefined if nobody wants to know. */
  private heapWords: Set<number> | undefined
  private inRoots = false

  /** Watches everything that runs; code of such a store is always interpreted. */
  readonly observer: Observer | undefined
  readonly native: NativeStore | undefined
  readonly control: Control
  /** Whether code of this store takes fuel. */
  readonly metered: boolean

  constructor(options: StoreOptions = {}) {
    this.control = new Control(options.fuel ?? Infinity)
    this.metered = options.fuel !== undefined
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.heap = new GcHeap(this, { cap: this.limits.gcHeapBytes, stress: options.gcStress ?? false })
    this.observer = options.observer ?? defaultObserver()
    this.native = this.observer === undefined ? (options.native ?? defaultNativeTier())?.(this) : undefined
    this.jsTag = this.createTag(canonicalFuncType([RefType.ExternRef as number as CanonType], []))
  }

  // ---- references --------------------------------------------------------------------------------------------------------

  /**
   * The word of a host value; null is the null reference. A word must get into a root (a slot below the stack top, a table, a
   * global, a pin) before the next `enter`, allocation or run of foreign code.
   */
  externWord(value: unknown): number {
    return value === null ? 0 : this.handles.create(value)
  }

  /** The host value of a handle word (low bits 110), or null of 0. */
  externValue(word: number): unknown {
    if (word === 0) return null
    if ((word & 7) !== 6) bug(`word ${word} is no host value`)
    return this.handles.valueOf(word)
  }

  /** The word of a function; wakes its owner, so this is the way for function references that come from JavaScript. */
  funcWord(fid: number): number {
    this.wakeFunc(fid)
    return (fid << 3) | 2
  }

  /**
   * Makes a word a root until as many `unpin`. The wrapper that stands for it keeps the returned object as long as it is pinned
   * (that is how the JavaScript collector sees the way from the wrapper through the heap).
   */
  pin(word: number): object {
    this.pins.set(word, (this.pins.get(word) ?? 0) + 1)
    return this.wakeMirror()
  }

  unpin(word: number): void {
    const count = this.pins.get(word) ?? bug('unpin without pin')
    if (count > 1) this.pins.set(word, count - 1)
    else this.pins.delete(word)
  }

  createTag(typeId: number): TagInstance {
    const tag: TagInstance = { id: this.nextTag++, typeId }
    this.tags.set(tag.id, new WeakReference(tag))
    this.tagDeaths.register(tag, tag.id)
    return tag
  }

  /** The tag of an exception; undefined if it is gone: then nothing can name it any more. */
  tagById(id: number): TagInstance | undefined {
    return this.tags.get(id)?.deref()
  }

  createHostFunc(host: HostFunc): number {
    this.scheduleRest()
    const fid = registerHost(host, paramSlotsOf(host.typeId), resultSlotsOf(host.typeId))
    this.native?.addHost(fid)
    return fid
  }

  // ---- roots -------------------------------------------------------------------------------------------------------------------

  /** Announces an object whose words are roots as long as it lives. */
  addHolder(holder: Holder): void {
    this.holders.push(new WeakReference(holder))
  }

  /** Counts an instance until the JavaScript collector takes it. */
  countInstance(instance: object): void {
    this.liveInstances++
    this.instanceDeaths.register(instance, undefined)
    this.scheduleRest()
  }

  /** Whether so many host values came in that unused ones should be looked for. */
  get collectionDue(): boolean {
    return this.handles.isDue
  }

  collect(): void {
    this.heap.collect()
  }

  markRoots(heap: GcHeap): void {
    this.inRoots = true
    for (let slot = 0, top = stackTop(); slot < top; slot++) heap.markWord(R[slot << 1])
    nativeRunner()?.visitWords((word) => heap.markWord(word))
    const visitor: HolderVisitor = { word: (word) => heap.markWord(word), holder: () => {} }
    this.eachHolder((holder) => holder.visit(visitor))
    for (const word of this.pins.keys()) heap.markWord(word)
    heap.markWord(this.pendingWord)
    this.inRoots = false
  }

  markHandle(index: number): void {
    this.handles.mark(index)
    if (!this.inRoots) this.heapWords?.add((index << 3) | 6)
  }

  noteFunction(fid: number): void {
    this.heapWords?.add((fid << 3) | 2)
  }

  sweepHandles(): void {
    this.handles.sweep()
  }

  checkpoint(): void {
    this.control.checkpoint()
  }

  private eachHolder(visit: (holder: Holder) => void): void {
    let kept = 0
    for (const ref of this.holders) {
      const holder = ref.deref()
      if (holder === undefined) continue
      this.holders[kept++] = ref
      visit(holder)
    }
    this.holders.length = kept
  }

  // ---- resting and waking (registry.ts) -----------------------------------------------------------------------------------------

  /** Makes sure that what a function can reach is awake. */
  wakeFunc(fid: number): void {
    if (isAwake(fid)) return
    this.wake(ownerOf(fid) ?? bug(`function ${fid} is gone`))
  }

  /** Makes sure that an owner or holder, and what it can reach, is awake. */
  wake(first: object): void {
    const seen = new Set<object>()
    const pending: object[] = [this.wakeMirror(), first]
    const visitor: HolderVisitor = { word: () => {}, holder: (holder) => void pending.push(holder) }
    for (let object = pending.pop(); object !== undefined; object = pending.pop()) {
      if (seen.has(object)) continue
      seen.add(object)
      // An owner that is awake needs no visit: what it can reach is awake.
      if (isOwner(object) && !makeStrong(object)) continue
      if ('visit' in object) (object as Holder).visit(visitor)
      const holds = this.holds.get(object)
      if (holds === undefined) continue
      for (let i = 0; i < holds.objects.length; i++) {
        const word = holds.words[i]
        if ((word & 7) === 6) this.handles.makeStrong(word, holds.objects[i])
        else pending.push(holds.objects[i])
      }
    }
    this.scheduleRest()
  }

  private wakeMirror(): HeapMirror {
    if (this.mirror === undefined) {
      this.mirror = this.mirrorRef.current.deref()
      if (this.mirror === undefined) this.mirrorRef.current = new WeakReference((this.mirror = new HeapMirror()))
    }
    return this.mirror
  }

  /**
   * Leaves it to the JavaScript collector what of this store lives on. Returns false, and does nothing, while any activation runs.
   * Called from a timer; by hand in tests.
   */
  rest(): boolean {
    if (CTX[Ctx.Fsp] >= 0 || CTX[Ctx.Top] > 0) return false
    const start = Date.now()
    const mirror = this.wakeMirror()
    this.heapWords = new Set()
    if (this.heap.byteLength > 0) this.heap.collect()
    this.holds.set(mirror, this.holdsOf(this.heapWords, mirror))
    this.heapWords = undefined
    this.eachHolder((holder) => {
      const words = new Set<number>()
      // One word stands for the whole heap.
      holder.visit({
        word: (word) => void ((word & 1) === 0 && word !== 0 && words.add(word & 7 ? word : 8)),
        holder: () => {},
      })
      this.holds.set(holder, this.holdsOf(words, mirror))
    })
    makeWeak(this)
    this.handles.makeWeak()
    this.mirror = undefined
    this.restMs = Date.now() - start
    return true
  }

  private holdsOf(words: Set<number>, mirror: HeapMirror): Holds {
    const holds: Holds = { words: [], objects: [] }
    for (const word of words) {
      const object = (word & 7) === 0 ? mirror : (word & 7) === 2 ? ownerOf(word >>> 3) : this.handles.valueOf(word)
      if ((typeof object !== 'object' && typeof object !== 'function') || object === null) continue
      holds.words.push((word & 7) === 0 ? 0 : word)
      holds.objects.push(object)
    }
    return holds
  }

  private scheduleRest(): void {
    if (this.timer !== undefined || this.disposed || typeof setTimeout === 'undefined') return
    const self = new WeakReference(this)
    const delay = Math.max(MIN_REST_INTERVAL, REST_INTERVAL_FACTOR * this.restMs)
    this.timer = setTimeout(() => self.deref()?.onTimer(), delay)
    this.timer.unref?.()
  }

  private onTimer(): void {
    this.timer = undefined
    // Nothing is below a timer: what is still reserved belonged to a call that ended between `enter` and `call`.
    if (CTX[Ctx.Fsp] < 0) CTX[Ctx.Top] = 0
    if (!this.disposed && !this.rest()) this.scheduleRest()
  }

  /** Ends the store: its instances and functions are gone at once, whoever still refers to them. */
  dispose(): void {
    if (CTX[Ctx.Fsp] >= 0) throw new LimitError('a store cannot be disposed of while it runs')
    this.disposed = true
    if (this.timer !== undefined) clearTimeout(this.timer)
    for (const owner of ownersOf(this)) removeOwner(owner)
    this.holders = []
  }
}
