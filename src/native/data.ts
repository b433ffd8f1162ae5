// The data that machine code reads, as ArrayBuffers of JavaScript: V8 never moves the bytes of a buffer, so their address holds while the
// buffer is alive, and whatever holds the object here keeps the memory. Machine code holds addresses only: **who writes an address into
// such data keeps the object that it is of** (an instance its tables and memories, a table its callees).

import { bug } from '../util/bug.ts'
import type { Ffi, Unavailable } from './ffi.ts'
import {
  CODE_SLOT_BYTES,
  FunctionRecord,
  GLOBAL_BYTES,
  ImportCell,
  Instance,
  type InstanceLayout,
  MemoryCell,
  TableCell,
  TableEntry,
} from './layout.ts'
import { roundUp, setAddress } from './pages.ts'
import { type Host, Reservation } from './reservation.ts'

/** Bytes at an address that does not change. */
export interface Data {
  readonly address: number
  readonly words: Int32Array<ArrayBuffer>
}

/** No buffer is smaller: V8 may keep the bytes of tiny ones in its own heap, which moves. */
const MINIMUM_BYTES = 128

/** Zeroed bytes, aligned to 16. */
export function allocate(ffi: Ffi, bytes: number): Data {
  const words = new Int32Array(new ArrayBuffer(Math.max(MINIMUM_BYTES, Math.ceil(bytes / 16) * 16)))
  const address = ffi.addressOf(words.buffer)
  return address % 16 === 0 ? { address, words } : bug('a buffer that is not aligned to 16 bytes')
}

/** The cell of a memory, which all instances share that have the memory. */
export class MemoryData {
  readonly data: Data

  constructor(ffi: Ffi, base: number, bytes: number) {
    this.data = allocate(ffi, MemoryCell.CellBytes)
    setAddress(this.data.words, MemoryCell.Base, base)
    this.setBytes(bytes)
  }

  /** After growing. */
  setBytes(bytes: number): void {
    setAddress(this.data.words, MemoryCell.Bytes, bytes)
  }
}

/** What a call through a table needs of the callee. */
export interface Callee {
  readonly code: number
  readonly instance: InstanceData
  /** Canonical type id. */
  readonly typeId: number
  /** The reference as the interpreter has it. */
  readonly reference: number
}

/** A table of functions and its cell. */
export class TableData {
  readonly cell: Data
  private readonly ffi: Ffi
  private entries: Data
  private length = 0
  /** The instances of the callees, by index: machine code has their addresses. */
  private readonly callees: (InstanceData | undefined)[] = []

  constructor(ffi: Ffi, length: number) {
    this.ffi = ffi
    this.cell = allocate(ffi, TableCell.CellBytes)
    this.entries = allocate(ffi, 0)
    this.grow(length)
  }

  /** New entries are null. The old ones are copied, also when guest code of this agent has an activation that has left. */
  grow(length: number): void {
    const bytes = length * TableEntry.Bytes
    if (bytes > this.entries.words.byteLength) {
      const old = this.entries
      this.entries = allocate(this.ffi, Math.max(bytes, 2 * old.words.byteLength))
      this.entries.words.set(old.words)
    }
    for (let i = this.length; i < length; i++) this.set(i, undefined)
    this.length = length
    setAddress(this.cell.words, TableCell.Entries, this.entries.address)
    setAddress(this.cell.words, TableCell.Length, length)
  }

  /** Sets an entry; undefined is null. */
  set(index: number, callee: Callee | undefined): void {
    const at = index * TableEntry.Bytes
    const { words } = this.entries
    setAddress(words, at + TableEntry.Code, callee?.code ?? 0)
    setAddress(words, at + TableEntry.Instance, callee?.instance.data.address ?? 0)
    words[(at + TableEntry.TypeId) >> 2] = callee?.typeId ?? -1
    words[(at + TableEntry.Reference) >> 2] = callee?.reference ?? 0
    this.callees[index] = callee?.instance
  }
}

/** Records opened at a time: 1 MiB. */
const RECORD_STEP = 65536

/** The records of the functions of an agent, by the index in their references. */
export class FunctionRecords {
  readonly address: number
  private readonly pages: Reservation
  private words: Int32Array
  private opened = 0

  private constructor(pages: Reservation) {
    this.pages = pages
    this.address = pages.address
    this.words = new Int32Array(0)
  }

  /** `capacity` is the largest number of functions; only address space is taken for it. */
  static create(host: Host, capacity: number): FunctionRecords | Unavailable {
    const pages = Reservation.create(host, roundUp(capacity, RECORD_STEP) * FunctionRecord.Bytes)
    return 'reason' in pages ? pages : new FunctionRecords(pages)
  }

  /**
   * Sets the record of a function. Contract: whoever owns the index keeps the instance, and sets the record anew when the index is used
   * again. False if the system has no memory for it; nothing has changed then.
   */
  set(index: number, code: number, instance: InstanceData): boolean {
    if (index >= this.opened) {
      const records = roundUp(index + 1, RECORD_STEP)
      if (!this.pages.open(records * FunctionRecord.Bytes)) return false
      this.words = new Int32Array(this.pages.view(records * FunctionRecord.Bytes))
      this.opened = records
    }
    const at = index * FunctionRecord.Bytes
    setAddress(this.words, at + FunctionRecord.Code, code)
    setAddress(this.words, at + FunctionRecord.Instance, instance.data.address)
    return true
  }

  /** Contract: no guest code that may read records runs any more. */
  release(): void {
    this.pages.release()
    this.words = new Int32Array(0)
  }
}

/** What an instance is made of. */
export interface InstanceParts {
  readonly memories: readonly MemoryData[]
  readonly tables: readonly TableData[]
  readonly records: FunctionRecords
  /** References to the functions, by function index. */
  readonly functionRefs: ArrayLike<number>
}

/** An instance's data, and what it refers to. */
export class InstanceData {
  readonly data: Data
  readonly layout: InstanceLayout
  /** Everything whose address is in the data. */
  private readonly held = new Set<object>()
  private readonly importOwners: InstanceData[] = []

  constructor(ffi: Ffi, layout: InstanceLayout, parts: InstanceParts, id: number) {
    this.layout = layout
    this.data = allocate(ffi, layout.bytes)
    const { words } = this.data
    const memories = allocate(ffi, 8 * parts.memories.length)
    parts.memories.forEach((memory, i) => setAddress(memories.words, 8 * i, memory.data.address))
    const tables = allocate(ffi, 8 * parts.tables.length)
    parts.tables.forEach((table, i) => setAddress(tables.words, 8 * i, table.cell.address))
    setAddress(words, Instance.Memories, memories.address)
    setAddress(words, Instance.Tables, tables.address)
    const functionRefs = allocate(ffi, 4 * parts.functionRefs.length)
    functionRefs.words.set(parts.functionRefs)
    setAddress(words, Instance.FunctionRefs, functionRefs.address)
    setAddress(words, Instance.FunctionRecords, parts.records.address)
    for (const part of [memories, tables, functionRefs, parts.records, ...parts.memories, ...parts.tables])
      this.held.add(part)
    setAddress(words, Instance.CodeSlots, this.data.address + layout.codeSlots)
    words[Instance.Id >> 2] = id
    if (parts.memories.length > 0) this.syncMemory0(parts.memories[0])
  }

  /** Copies base and size of memory 0 into the instance; after it grew, too. */
  syncMemory0(memory: MemoryData): void {
    this.data.words.set(memory.data.words.subarray(0, MemoryCell.CellBytes >> 2), Instance.Memory0Base >> 2)
  }

  /** The code that calls of a function of this module go to; index among the functions that the module defines. */
  setCode(index: number, code: number): void {
    setAddress(this.data.words, this.layout.codeSlots + index * CODE_SLOT_BYTES, code)
  }

  setImport(index: number, code: number, instance: InstanceData): void {
    const at = this.layout.imports + index * ImportCell.Bytes
    setAddress(this.data.words, at + ImportCell.Code, code)
    setAddress(this.data.words, at + ImportCell.Instance, instance.data.address)
    this.importOwners[index] = instance
  }

  /** Words of a global that the module defines. */
  global(index: number): Int32Array<ArrayBuffer> {
    const at = this.data.words.byteOffset + this.layout.globals + index * GLOBAL_BYTES
    return new Int32Array(this.data.words.buffer, at, GLOBAL_BYTES >> 2)
  }

  /** Makes an imported global that of another instance. */
  setGlobalRef(index: number, owner: InstanceData, global: number): void {
    const address = owner.data.address + owner.layout.globals + global * GLOBAL_BYTES
    setAddress(this.data.words, this.layout.globalRefs + 8 * index, address)
    this.held.add(owner)
  }
}
