// The data that machine code reads, as ArrayBuffers of JavaScript: V8 never moves the bytes of a buffer, so their address holds while the
// buffer is alive, and whatever holds the object here keeps the memory. Machine code holds addresses only: **who writes an address into
// such data keeps the object that it is of** (an instance its tables and memories, a table its callees).

import { bug } from '../util/bug.ts'
import type { Ffi, Unavailable } from './ffi.ts'
import { FunctionRecord, ImportCell, Instance, type InstanceLayout, MemoryCell } from './layout.ts'
import { getAddress, roundUp, setAddress } from './pages.ts'
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

/** The cell of a memory or table, which all instances share that have it: an address and a size (`MemoryCell`, `TableCell`). */
export class CellData {
  readonly data: Data

  constructor(ffi: Ffi, address: number, size: number) {
    this.data = allocate(ffi, MemoryCell.CellBytes)
    this.set(address, size)
  }

  /** After growing. Contract: who has the cell keeps what is at the address. */
  set(address: number, size: number): void {
    setAddress(this.data.words, MemoryCell.Base, address)
    setAddress(this.data.words, MemoryCell.Bytes, size)
  }

  get address(): number {
    return getAddress(this.data.words, MemoryCell.Base)
  }
}

/** Records opened at a time: 1 MiB. */
const RECORD_STEP = 32768

/** The records of the functions of an agent, by function id. */
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

  /** Makes room for the records below `count`. False if the system has no memory for them; nothing has changed then. */
  reserve(count: number): boolean {
    if (count <= this.opened) return true
    const records = roundUp(count, RECORD_STEP)
    if (!this.pages.open(records * FunctionRecord.Bytes)) return false
    this.words = new Int32Array(this.pages.view(records * FunctionRecord.Bytes))
    this.opened = records
    return true
  }

  /**
   * Sets the record of a function, for which there is room. Contract: whoever owns the id keeps the instance, and sets the record anew when
   * the id is used again.
   */
  set(fid: number, code: number, instance: InstanceData, typeId: number): void {
    const at = fid * FunctionRecord.Bytes
    setAddress(this.words, at + FunctionRecord.Code, code)
    setAddress(this.words, at + FunctionRecord.Instance, instance.data.address)
    this.words[(at + FunctionRecord.TypeId) >> 2] = typeId
  }

  setCode(fid: number, code: number): void {
    setAddress(this.words, fid * FunctionRecord.Bytes + FunctionRecord.Code, code)
  }

  addressOf(fid: number): number {
    return this.address + fid * FunctionRecord.Bytes
  }

  /** Contract: no guest code that may read records runs any more. */
  release(): void {
    this.pages.release()
    this.words = new Int32Array(0)
  }
}

/** What an instance is made of. */
export interface InstanceParts {
  readonly id: number
  /** Address of the agent's context. */
  readonly context: number
  readonly records: FunctionRecords
  /** fid that the function with index 0 would have, were it defined in the instance. */
  readonly funcBase: number
  /** See `Instance.StackLimit`; an address. */
  readonly stackLimit: number
}

/** The highest address: every look at the limit leaves. */
const EVERYTHING = -1

/** An instance's data, and what it refers to. */
export class InstanceData {
  readonly data: Data
  readonly layout: InstanceLayout
  /** Everything whose address is in the data. */
  private readonly held = new Set<object>()
  private readonly ffi: Ffi
  private readonly stackLimit: number

  /** `words` are zeros, but for the globals; their buffer begins with them. */
  constructor(ffi: Ffi, layout: InstanceLayout, words: Int32Array<ArrayBuffer>, parts: InstanceParts) {
    this.ffi = ffi
    this.layout = layout
    this.data = { address: ffi.addressOf(words.buffer), words }
    if (this.data.address % 16 !== 0) bug('a buffer that is not aligned to 16 bytes')
    this.stackLimit = parts.stackLimit
    setAddress(words, Instance.Context, parts.context)
    setAddress(words, Instance.FunctionRecords, parts.records.address)
    setAddress(words, Instance.OwnRecords, parts.records.address + parts.funcBase * FunctionRecord.Bytes)
    words[Instance.OwnRefs >> 2] = (parts.funcBase << 3) | 2
    words[Instance.Id >> 2] = parts.id
    this.held.add(parts.records)
    this.restoreStackLimit()
  }

  /** The cells of memories and tables, and the base of memory 0 if it does not move. */
  setCells(memories: readonly CellData[], tables: readonly CellData[], memory0Base: number): void {
    this.setList(Instance.Memories, memories)
    this.setList(Instance.Tables, tables)
    setAddress(this.data.words, Instance.Memory0Base, memory0Base)
  }

  private setList(field: Instance, cells: readonly CellData[]): void {
    const list = allocate(this.ffi, 8 * cells.length)
    cells.forEach((cell, i) => setAddress(list.words, 8 * i, cell.data.address))
    setAddress(this.data.words, field, list.address)
    for (const part of [list, ...cells]) this.held.add(part)
  }

  get memory0Base(): number {
    return getAddress(this.data.words, Instance.Memory0Base)
  }

  /** Guest code leaves at its next look. */
  interrupt(): void {
    this.data.words.fill(EVERYTHING, Instance.StackLimit >> 2, (Instance.StackLimit >> 2) + 2)
  }

  restoreStackLimit(): void {
    setAddress(this.data.words, Instance.StackLimit, this.stackLimit)
  }

  /** Whether a stack pointer is beyond what may be used. */
  exhausts(sp: number): boolean {
    return sp <= this.stackLimit
  }

  setImport(index: number, fid: number, records: FunctionRecords): void {
    const at = this.layout.imports + index * ImportCell.Bytes
    setAddress(this.data.words, at + ImportCell.Record, records.addressOf(fid))
    this.data.words[(at + ImportCell.Reference) >> 2] = (fid << 3) | 2
  }

  /** Makes an imported global the one whose cell is at `byteOffset` of a buffer. */
  setGlobalRef(index: number, buffer: ArrayBuffer, byteOffset: number): void {
    setAddress(this.data.words, this.layout.globalRefs + 8 * index, this.ffi.addressOf(buffer) + byteOffset)
    this.held.add(buffer)
  }
}
