// The GC heap of a store: non-moving mark-sweep over one buffer. A small one grows by copying, a larger one lies in address space that was
// reserved for all it may become.
//
// References are byte offsets, so they survive growth; the views do not: read `heap.i32` and the others afresh after every
// allocation. Pages of 16 KiB hold either cells of one size class or a part of a large object:
//
//   page 0       unused, so that offset 0 is null
//   small page   | cell | cell | ... |   `pageClass[page]` = size class + 1
//   large        first page LARGE, the others CONTINUED; the object starts at the page
//
// Header word of an object: bit 0 mark, bits 1-2 `ObjectKind`, bits 8-31 canonical type id. A free cell has header 0, every one of
// them, so that a word from a conservatively scanned stack can be checked: right page, right distance, header not 0.
// Free cells form *runs*: neighbours in address order. The first cell of a run links to the next run of its class:
//
//   | 0 | offset of the next run | end of this run | ...
//
// Allocation takes cells from the front of the current run and clears them. Sweeping rebuilds all runs; an empty page goes back to
// the pool. A collection is due when as many bytes were allocated as survived the last one, at least MIN_BUDGET: the cost of marking
// is linear in what was allocated, whatever the program does.
//
// Roots are the store's business (`RootSource`).

import { bug } from '../util/bug.ts'
import { growInt32, growUint8 } from '../util/grow.ts'
import { CHUNK_BYTES, copyInChunks } from './chunks.ts'
import { ARRAY_DATA, arrayLayout, exceptionLayout, structLayout } from './layout.ts'

export const enum ObjectKind {
  Free = 0,
  Struct = 1,
  Array = 2,
  Exception = 3,
}

const enum Header {
  Mark = 1,
  KindShift = 1,
  KindMask = 3,
  TypeShift = 8,
}

const enum Page {
  Log2 = 14,
  Size = 1 << Log2,
  /** Values of `pageClass` beside size class + 1. */
  Free = 0,
  Large = 254,
  Continued = 255,
}

/** Cell sizes; up to 12 % waste inside a cell, and the larger ones divide a page well. All are multiples of 8. */
const CELL_SIZES = [
  16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1488,
  1816, 2048, 2336, 2728, 3272, 4096, 5456, 8192,
]
const MAX_SMALL = CELL_SIZES[CELL_SIZES.length - 1]
const SIZE_OF = Int32Array.from(CELL_SIZES)
/** Size class by (bytes + 7) >> 3. */
const CLASS_OF = new Uint8Array((MAX_SMALL >> 3) + 1)
for (let i = 0, c = 0; i < CLASS_OF.length; i++) {
  if (i * 8 > CELL_SIZES[c]) c++
  CLASS_OF[i] = c
}

/** Bytes allocated before the first collection, and between any two. */
const MIN_BUDGET = 2 << 20
const INITIAL_BYTES = 64 << 10
/**
 * From this size on the heap has a block of `cap` bytes for itself, of which the host gives it the pages that it touches. A shared buffer, for
 * the reason that machine.ts tells. Growing by copying keeps a guest running 30 ms behind its deadline (`npm run runaways`, arrays).
 */
const RESERVE_FROM = 1 << 20
/** Below this the buffer doubles when it is full; above, it grows by half. */
const DOUBLE_BELOW = 128 << 20
export const DEFAULT_HEAP_CAP = 1 << 30
/** References are non-negative int32 words. */
const MAX_HEAP_CAP = 2 ** 31 - Page.Size
/** Up to this many bytes a loop clears faster than `fill` is called. */
const CLEAR_BY_LOOP = 128

export interface HeapOptions {
  /** Upper bound of the buffer in bytes. */
  readonly cap?: number
  /** Collect at every allocation: finds missing roots. */
  readonly stress?: boolean
}

/** Who knows the roots: the store. */
export interface RootSource {
  /** Reports every root with `heap.markWord`. */
  markRoots(heap: GcHeap): void
  /** A handle word (low bits 110) was met. */
  markHandle(index: number): void
  /** A function word (low bits 010) was met inside a heap object. */
  noteFunction(fid: number): void
  /** Marking is complete: handles that were not marked are free. */
  sweepHandles(): void
  /** In the middle of something long: throws if running code must stop (control.ts). */
  checkpoint(): void
}

/** Words of objects that are marked between two checkpoints, and pages that are swept: about 2 ms of work. */
const MARK_STEP = 1 << 17
const SWEEP_STEP = 64

/** Address space for a heap; undefined if the host has none to give. */
function reserve(bytes: number): ArrayBuffer | undefined {
  if (typeof SharedArrayBuffer === 'undefined') return undefined
  try {
    return new SharedArrayBuffer(bytes) as unknown as ArrayBuffer
  } catch {
    return undefined
  }
}

export class GcHeap {
  /** Views of the heap; replaced when it grows. */
  i32 = new Int32Array(0)
  u8 = new Uint8Array(0)
  u16 = new Uint16Array(0)
  f32 = new Float32Array(0)
  f64 = new Float64Array(0)
  i64 = new BigInt64Array(0)
  dv = new DataView(new ArrayBuffer(0))

  readonly cap: number
  stress: boolean
  /** Collections so far. */
  collections = 0
  /** Bytes in cells and pages that survived the last collection. */
  liveBytes = 0
  /** Bytes allocated since the last collection. */
  allocatedBytes = 0

  private readonly roots: RootSource
  /** The block that the heap lies in, if it has one for itself. */
  private reserved: ArrayBuffer | undefined = undefined
  private pages = 0
  private pageClass = new Uint8Array(16)
  /** By first page of a large object: its pages. */
  private largePages = new Int32Array(16)
  /** No page below is free. */
  private lowestFree = 1
  /** Where the search for several pages goes on: only sweeping makes neighbours free, so between two collections it moves one way. */
  private searchFrom = 1
  private budget = MIN_BUDGET
  /** By size class: the current run, and the first of the others (0: none). */
  private readonly runAt = new Int32Array(CELL_SIZES.length)
  private readonly runEnd = new Int32Array(CELL_SIZES.length)
  private readonly nextRun = new Int32Array(CELL_SIZES.length)
  private marked = new Int32Array(256)
  private markedCount = 0
  private collecting = false
  /** The last collection did not come to its end: JavaScript's stack was full, or the running code had to stop. There are marks that must go. */
  private unfinished = false

  constructor(roots: RootSource, options: HeapOptions = {}) {
    this.roots = roots
    this.cap = Math.min(Math.max(options.cap ?? DEFAULT_HEAP_CAP, INITIAL_BYTES), MAX_HEAP_CAP)
    this.stress = options.stress ?? false
  }

  // ---- objects -----------------------------------------------------------------------------------------------------------

  /** A struct with all fields zero or null; 0 if the heap is at its cap. May collect and replace the views. */
  allocStruct(typeId: number): number {
    const at = this.allocate(structLayout(typeId).size)
    if (at !== 0) this.i32[at >> 2] = (typeId << Header.TypeShift) | (ObjectKind.Struct << Header.KindShift)
    return at
  }

  /** An array with all elements zero or null. `length` is unsigned, as int32 or uint32. 0 if it does not fit. */
  allocArray(typeId: number, length: number): number {
    const at = this.allocate(ARRAY_DATA + (length >>> 0) * (1 << arrayLayout(typeId).sizeLog2))
    if (at === 0) return 0
    this.i32[at >> 2] = (typeId << Header.TypeShift) | (ObjectKind.Array << Header.KindShift)
    this.i32[(at >> 2) + 1] = length
    return at
  }

  /** An exception of the store's tag `tagId`, whose function type is `typeId`; 0 if the heap is at its cap. */
  allocException(typeId: number, tagId: number): number {
    const at = this.allocate(exceptionLayout(typeId).size)
    if (at === 0) return 0
    this.i32[at >> 2] = (typeId << Header.TypeShift) | (ObjectKind.Exception << Header.KindShift)
    this.i32[(at >> 2) + 1] = tagId
    return at
  }

  /** Canonical type id of an object. For exceptions the function type of the tag. */
  typeOf(ref: number): number {
    return this.i32[ref >> 2] >>> Header.TypeShift
  }

  kindOf(ref: number): ObjectKind {
    return (this.i32[ref >> 2] >> Header.KindShift) & Header.KindMask
  }

  /** Length of an array (below 2^31: the cap sees to it). */
  lengthOf(ref: number): number {
    return this.i32[(ref >> 2) + 1]
  }

  tagOf(ref: number): number {
    return this.i32[(ref >> 2) + 1]
  }

  /** Whether an object starts at `ref`. */
  isObject(ref: number): boolean {
    if (ref <= 0 || (ref & 7) !== 0) return false
    const page = ref >>> Page.Log2
    if (page >= this.pages) return false
    const cls = this.pageClass[page]
    const inPage = ref & (Page.Size - 1)
    if (cls === Page.Large) return inPage === 0
    if (cls === Page.Free || cls === Page.Continued) return false
    const size = SIZE_OF[cls - 1]
    return inPage % size === 0 && inPage + size <= Page.Size && this.i32[ref >> 2] !== 0
  }

  /** Size of the buffer in bytes. */
  get byteLength(): number {
    return this.u8.length
  }

  // ---- allocation ----------------------------------------------------------------------------------------------------------

  /** `bytes` cleared bytes, or 0. The caller writes the header before the next allocation. */
  private allocate(bytes: number): number {
    if (this.stress) this.collect()
    if (bytes > MAX_SMALL) return this.allocateLarge(bytes)
    const cls = CLASS_OF[(bytes + 7) >> 3]
    const size = SIZE_OF[cls]
    let at = this.runAt[cls]
    if (at === this.runEnd[cls]) {
      if (this.allocatedBytes >= this.budget) this.collect()
      if (!this.takeRun(cls)) return 0
      at = this.runAt[cls]
    }
    this.runAt[cls] = at + size
    this.allocatedBytes += size
    const i32 = this.i32
    if (size <= CLEAR_BY_LOOP) for (let i = at >> 2, end = (at + size) >> 2; i < end; i++) i32[i] = 0
    else i32.fill(0, at >> 2, (at + size) >> 2)
    return at
  }

  /** Makes the next run of a class the current one; from a fresh page if there is none. */
  private takeRun(cls: number): boolean {
    let at = this.nextRun[cls]
    if (at === 0) {
      let page = this.findPages(1)
      if (page === 0) {
        // At the cap: what is garbage by now has to do.
        this.collect()
        at = this.nextRun[cls]
        if (at === 0 && (page = this.findPages(1)) === 0) return false
      }
      if (at === 0) {
        at = page << Page.Log2
        const size = SIZE_OF[cls]
        this.pageClass[page] = cls + 1
        this.i32.fill(0, at >> 2, (at + Page.Size) >> 2)
        this.i32[(at >> 2) + 2] = at + Math.floor(Page.Size / size) * size
      }
    }
    this.runAt[cls] = at
    this.nextRun[cls] = this.i32[(at >> 2) + 1]
    this.runEnd[cls] = this.i32[(at >> 2) + 2]
    return true
  }

  private allocateLarge(bytes: number): number {
    if (bytes > this.cap) return 0
    const count = Math.ceil(bytes / Page.Size)
    if (this.allocatedBytes + count * Page.Size > this.budget && this.allocatedBytes > 0) this.collect()
    let page = this.findPages(count)
    if (page === 0) {
      this.collect()
      page = this.findPages(count)
      if (page === 0) return 0
    }
    const at = page << Page.Log2
    // The pages are free until they are clear: a checkpoint may throw.
    for (let from = at; from < at + bytes; from += CHUNK_BYTES) {
      if (from > at) this.roots.checkpoint()
      this.i32.fill(0, from >> 2, (Math.min(from + CHUNK_BYTES, at + bytes) + 3) >> 2)
    }
    this.pageClass[page] = Page.Large
    this.pageClass.fill(Page.Continued, page + 1, page + count)
    this.largePages[page] = count
    this.allocatedBytes += count * Page.Size
    return at
  }

  /** First of `count` neighbouring free pages; grows the buffer if there are none. 0 if the cap or the host forbids that. */
  private findPages(count: number): number {
    const { pageClass, pages } = this
    let page = this.lowestFree
    while (page < pages && pageClass[page] !== Page.Free) page++
    this.lowestFree = page
    if (count > 1) page = Math.max(page, this.searchFrom)
    let free = 0
    for (; page < pages; page++) {
      free = pageClass[page] === Page.Free ? free + 1 : 0
      if (free === count) {
        if (count > 1) this.searchFrom = page + 1
        return page - count + 1
      }
    }
    // Free pages at the end of the buffer count too.
    const first = Math.max(pages - free, 1)
    if (!this.grow(first + count)) return 0
    if (count > 1) this.searchFrom = first + count
    return first
  }

  private grow(neededPages: number): boolean {
    const needed = neededPages * Page.Size
    if (needed > this.cap) return false
    const old = this.u8.length
    const wanted = Math.max(needed, INITIAL_BYTES, old < DOUBLE_BELOW ? old * 2 : old * 1.5)
    const bytes = Math.min(Math.ceil(wanted / Page.Size) * Page.Size, this.cap & -Page.Size)
    if (this.reserved === undefined && bytes >= RESERVE_FROM) this.reserved = reserve(this.cap & -Page.Size)
    let buffer = this.reserved
    try {
      buffer ??= new ArrayBuffer(bytes)
    } catch {
      // The host has no more memory: for the program the same as the cap.
      return false
    }
    const u8 = new Uint8Array(buffer, 0, bytes)
    if (this.u8.buffer !== buffer) copyInChunks(u8, this.u8, this.roots)
    this.u8 = u8
    this.i32 = new Int32Array(buffer, 0, bytes >> 2)
    this.u16 = new Uint16Array(buffer, 0, bytes >> 1)
    this.f32 = new Float32Array(buffer, 0, bytes >> 2)
    this.f64 = new Float64Array(buffer, 0, bytes >> 3)
    this.i64 = new BigInt64Array(buffer, 0, bytes >> 3)
    this.dv = new DataView(buffer, 0, bytes)
    this.pages = bytes >>> Page.Log2
    this.pageClass = growUint8(this.pageClass, this.pages)
    this.largePages = growInt32(this.largePages, this.pages)
    return true
  }

  // ---- collection ------------------------------------------------------------------------------------------------------------

  /** Marks from the roots and sweeps. */
  collect(): void {
    if (this.collecting) bug('a collection inside a collection')
    if (this.unfinished) this.unmark()
    this.collecting = true
    this.unfinished = true
    try {
      this.roots.markRoots(this)
      this.drain()
      this.roots.sweepHandles()
      this.sweep()
      this.unfinished = false
    } finally {
      this.collecting = false
    }
    this.collections++
    this.allocatedBytes = 0
    this.budget = Math.max(MIN_BUDGET, this.liveBytes)
  }

  private unmark(): void {
    this.markedCount = 0
    this.forEachObject((ref) => {
      this.i32[ref >> 2] &= ~Header.Mark
    })
  }

  /** Marks what a root word refers to. Any word is allowed: one that is no reference to a live object is ignored. */
  markWord(word: number): void {
    const low = word & 7
    if (low === 0) {
      if (word !== 0 && this.isObject(word)) this.markObject(word)
    } else if (low === 6) this.roots.markHandle(word >>> 3)
  }

  private markObject(ref: number): void {
    const header = this.i32[ref >> 2]
    if ((header & Header.Mark) !== 0) return
    this.i32[ref >> 2] = header | Header.Mark
    if (this.markedCount === this.marked.length) this.marked = growInt32(this.marked, this.markedCount + 1)
    this.marked[this.markedCount++] = ref
  }

  /** References inside objects are typed, so they are right by construction. */
  private markField(word: number): void {
    const low = word & 7
    if (low === 0) {
      if (word !== 0) this.markObject(word)
    } else if (low === 6) this.roots.markHandle(word >>> 3)
    else if (low === 2) this.roots.noteFunction(word >>> 3)
  }

  private drain(): void {
    const i32 = this.i32
    let work = 0
    while (this.markedCount > 0) {
      if (work > MARK_STEP) {
        work = 0
        this.roots.checkpoint()
      }
      const ref = this.marked[--this.markedCount]
      const header = i32[ref >> 2]
      const typeId = header >>> Header.TypeShift
      const kind = (header >> Header.KindShift) & Header.KindMask
      if (kind === ObjectKind.Array) {
        if (!arrayLayout(typeId).isRef) continue
        const start = (ref + ARRAY_DATA) >> 2
        const end = start + i32[(ref >> 2) + 1]
        for (let i = start; i < end; i++) {
          if (((i - start) & (MARK_STEP - 1)) === MARK_STEP - 1) this.roots.checkpoint()
          this.markField(i32[i])
        }
        work += end - start
        continue
      }
      const refs = (kind === ObjectKind.Struct ? structLayout(typeId) : exceptionLayout(typeId)).refs
      for (let i = 0; i < refs.length; i++) this.markField(i32[(ref + refs[i]) >> 2])
      work += 2 + refs.length
    }
  }

  private sweep(): void {
    this.runAt.fill(0)
    this.runEnd.fill(0)
    this.nextRun.fill(0)
    this.lowestFree = 1
    this.searchFrom = 1
    let live = 0
    // From the end, so that the runs of each class are linked in ascending order.
    for (let page = this.pages - 1; page > 0; page--) {
      if (page % SWEEP_STEP === 0) this.roots.checkpoint()
      const cls = this.pageClass[page]
      if (cls === Page.Free || cls === Page.Continued) continue
      if (cls === Page.Large) {
        const word = page << (Page.Log2 - 2)
        if ((this.i32[word] & Header.Mark) !== 0) {
          this.i32[word] &= ~Header.Mark
          live += this.largePages[page] * Page.Size
        } else this.pageClass.fill(Page.Free, page, page + this.largePages[page])
      } else live += this.sweepPage(page, cls - 1)
    }
    this.liveBytes = live
  }

  /** Clears the marks of a page of cells and links its free runs. Returns the live bytes. */
  private sweepPage(page: number, cls: number): number {
    const { i32 } = this
    const size = SIZE_OF[cls]
    const start = page << Page.Log2
    let next = this.nextRun[cls]
    let runEnd = 0
    let live = 0
    for (let at = start + (Math.floor(Page.Size / size) - 1) * size; at >= start; at -= size) {
      const header = i32[at >> 2]
      if ((header & Header.Mark) !== 0) {
        i32[at >> 2] = header & ~Header.Mark
        live += size
        if (runEnd !== 0) next = this.linkRun(at + size, runEnd, next)
        runEnd = 0
      } else {
        i32[at >> 2] = 0
        if (runEnd === 0) runEnd = at + size
      }
    }
    if (live === 0) {
      this.pageClass[page] = Page.Free
      return 0
    }
    this.nextRun[cls] = runEnd !== 0 ? this.linkRun(start, runEnd, next) : next
    return live
  }

  private linkRun(at: number, end: number, next: number): number {
    this.i32[(at >> 2) + 1] = next
    this.i32[(at >> 2) + 2] = end
    return at
  }

  /** Calls `visit` for every object of the heap; for tests and dumps. */
  forEachObject(visit: (ref: number) => void): void {
    for (let page = 1; page < this.pages; page++) {
      const cls = this.pageClass[page]
      const start = page << Page.Log2
      if (cls === Page.Large) visit(start)
      if (cls === Page.Free || cls >= Page.Large) continue
      const size = SIZE_OF[cls - 1]
      for (let at = start; at + size <= start + Page.Size; at += size) if (this.i32[at >> 2] !== 0) visit(at)
    }
  }
}
