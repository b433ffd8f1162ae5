// The native tier of a store: what its instances have for machine code, and which functions get some (the tier policy).

import { CellData, InstanceData } from '../native/data.ts'
import type { Unavailable } from '../native/ffi.ts'
import { Context, StackRegion } from '../native/layout.ts'
import { loopsOf } from '../interp/build.ts'
import { CodeForm, codeOf, type FuncCode } from '../interp/code.ts'
import {
  type HostFunc,
  INSTANCES,
  type Instance,
  type MemoryInstance,
  type TableInstance,
} from '../runtime/instance.ts'
import { paramSlotsOf, resultSlotsOf } from '../runtime/layout.ts'
import { CTX, Ctx, Frame, FS, FUNC, FUNC_WORDS_LOG2, Func, MAX_FUNCS, Pc, STACK_SLOTS } from '../runtime/machine.ts'
import { LimitError, type Store } from '../runtime/store.ts'
import {
  type GuardedMemory,
  type MakeNativeStore,
  type NativeStore,
  nativeRunner,
  registerNativeRunner,
} from '../runtime/tier.ts'
import type { MemoryType } from '../wasm/types.ts'
import type { Module } from '../wasm/module.ts'
import { bug } from '../util/bug.ts'
import type { InstalledCode } from './code-map.ts'
import { type Engine, openEngine } from './engine.ts'
import { type NativeData, nativeOf, Runner } from './runner.ts'

/** When functions are compiled. */
export interface TierPolicy {
  /** `first`: before their first call. `hot`: when they have run for a while. */
  readonly when: 'first' | 'hot'
  /** Of `hot`: how many slices (1,000 branches and calls) must have ended in a function, or calls of it have come from machine code. */
  readonly slices: number
  readonly calls: number
  /** Whether running functions go on natively, at a loop. */
  readonly loops: boolean
}

export const JIT_POLICY: TierPolicy = { when: 'first', slices: 1, calls: 1, loops: false }
export const AUTO_POLICY: TierPolicy = { when: 'hot', slices: 2, calls: 4, loops: true }
/** Everything as soon as possible, loops entered wherever that can be: for tests. */
export const EAGER_POLICY: TierPolicy = { when: 'hot', slices: 1, calls: 1, loops: true }

/** The most pages that the host gives a memory. */
const MAX_HOST_PAGES = 65536
const PAGE_LOG2 = 16

/** WebAssembly.Memory of the host, which memories are made with: their buffers have all that the standard asks for. */
type HostMemoryClass = new (descriptor: { initial: number; maximum: number }) => GuardedMemory
const HostMemory = (globalThis as unknown as { WebAssembly?: { Memory: HostMemoryClass } }).WebAssembly?.Memory

const memoryCells = new WeakMap<MemoryInstance, CellData>()
const tableCells = new WeakMap<TableInstance, CellData>()

/** Makes the native tier for stores of this agent, or says in a sentence why there is none. */
export function openNativeTier(policy: TierPolicy): MakeNativeStore | Unavailable {
  const engine = openEngine()
  if ('reason' in engine) return engine
  let runner = nativeRunner() as Runner | undefined
  if (runner === undefined) registerNativeRunner((runner = new Runner(engine)))
  return (store) => new StoreTier(engine, runner, store, policy)
}

class StoreTier implements NativeStore {
  /** See `Instance.StackLimit` of the layout. */
  private readonly stackLimit: number

  constructor(
    private readonly engine: Engine,
    private readonly runner: Runner,
    private readonly store: Store,
    private readonly policy: TierPolicy,
  ) {
    const { region } = engine.platform.agent
    const end = region + StackRegion.Context
    const lowest = region + StackRegion.GuardBytes + StackRegion.SignalBytes
    this.stackLimit = Math.max(lowest, end - 8 * Math.min(store.limits.stackSlots, STACK_SLOTS))
  }

  // ---- what is made --------------------------------------------------------------------------------------------------------------

  createInstance(module: Module, id: number, funcBase: number): NativeData {
    const { engine } = this
    const { layout } = engine.codeOf(module, true)
    const parts = { id, context: engine.context, records: engine.records, funcBase, stackLimit: this.stackLimit }
    const data = new InstanceData(engine.platform.ffi, layout, parts)
    this.reserve(funcBase + module.funcs.length)
    return {
      globalCells: data.globals(module.globals.length),
      data,
      code: undefined,
      wanted: (instance, index) => this.wanted(instance, index),
    }
  }

  private reserve(functions: number): void {
    if (!this.engine.records.reserve(functions))
      throw new LimitError(`no memory for the records of ${functions} functions (${MAX_FUNCS} at most)`)
  }

  completeInstance(instance: Instance): void {
    const { engine } = this
    const { records } = engine
    const { module, memories, tables, globals, funcBase } = instance
    const native = nativeOf(instance)
    const { data } = native
    const guarded = memories.every((memory) => memory.guarded || !canGuard(memory.type))
    native.code = engine.codeOf(module, guarded)
    const memory0 = memories[0]
    const cells = memories.map((memory) => this.memoryCell(memory))
    data.setCells(
      cells,
      tables.map((table) => this.tableCell(table)),
      memory0?.guarded ? cells[0].address : 0,
    )
    for (let i = 0; i < module.importedFuncs; i++) data.setImport(i, instance.funcIds[i], records)
    for (let i = 0; i < native.code.importedGlobals; i++) {
      const { cells: words, at } = globals[i]
      data.setGlobalRef(i, words.buffer as ArrayBuffer, words.byteOffset + 4 * at)
    }
    for (let i = module.importedFuncs; i < module.funcs.length; i++) {
      const fid = funcBase + i
      records.set(fid, this.lazyStub(i), data, FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type])
    }
  }

  private lazyStub(index: number): number {
    const stub = this.engine.lazy.addressOf(index)
    if (stub === undefined) throw new LimitError('the code arena of the process is full')
    return stub
  }

  addHost(fid: number, index: number, host: HostFunc): void {
    this.reserve(fid + 1)
    this.runner.hostFids[index] = fid
    this.engine.records.set(fid, this.lazyStub(index), this.engine.hosts, host.typeId)
  }

  createMemory(type: MemoryType, pages: number, maxPages: number): GuardedMemory | undefined {
    if (HostMemory === undefined || !canGuard(type) || this.engine.platform.noGuardedMemories !== undefined)
      return undefined
    const maximum = Math.min(type.max ?? MAX_HOST_PAGES, Math.max(pages, maxPages), MAX_HOST_PAGES)
    try {
      return new HostMemory({ initial: pages, maximum })
    } catch {
      return undefined
    }
  }

  private memoryCell(memory: MemoryInstance): CellData {
    const { ffi } = this.engine.platform
    const known = memoryCells.get(memory)
    if (known !== undefined) return known
    const addressOf = (): number => ffi.addressOf(memory.buffer as ArrayBuffer)
    const cell = new CellData(ffi, memory.type.shared ? 0 : addressOf(), memory.byteLength)
    memoryCells.set(memory, cell)
    if (!memory.type.shared)
      memory.onChange = () => cell.set(memory.guarded ? cell.address : addressOf(), memory.byteLength)
    return cell
  }

  private tableCell(table: TableInstance): CellData {
    const { ffi } = this.engine.platform
    const known = tableCells.get(table)
    if (known !== undefined) return known
    const addressOf = (): number => ffi.addressOf(table.words.buffer as ArrayBuffer) + table.words.byteOffset
    const cell = new CellData(ffi, addressOf(), table.size)
    tableCells.set(table, cell)
    table.onChange = () => cell.set(addressOf(), table.size)
    return cell
  }

  // ---- which functions are compiled ------------------------------------------------------------------------------------------------

  build(instance: Instance, index: number): boolean {
    return this.mayRun && this.policy.when === 'first' && this.compile(instance, index) !== undefined
  }

  /** Metered code is interpreted. */
  private get mayRun(): boolean {
    return !this.store.metered
  }

  private compile(instance: Instance, index: number): InstalledCode | undefined {
    const native = nativeOf(instance)
    const code = this.engine.functionCode(native.code ?? bug('code before the instance is complete'), index)
    if (code === undefined) return undefined
    const fid = instance.funcBase + index
    const record = fid << FUNC_WORDS_LOG2
    this.engine.records.setCode(fid, code.address)
    FUNC[record + Func.Entry] = Pc.Native
    // A frame of its own in RS is for arguments and results.
    FUNC[record + Func.Slots] = Math.max(FUNC[record + Func.Slots], slotsOf(FUNC[record + Func.Type]))
    return code
  }

  private wanted(instance: Instance, index: number): InstalledCode | undefined {
    const record = (instance.funcBase + index) << FUNC_WORDS_LOG2
    if (FUNC[record + Func.Entry] === Pc.Native) return this.compile(instance, index)
    if (++FUNC[record + Func.Counter] < this.policy.calls) return undefined
    return this.compile(instance, index)
  }

  hot(): boolean {
    if (!this.mayRun || !this.policy.loops || CTX[Ctx.Pc] < Pc.First) return false
    const fid = FS[CTX[Ctx.Fsp] + Frame.Fid]
    const record = fid << FUNC_WORDS_LOG2
    if (++FUNC[record + Func.Counter] < this.policy.slices) return false
    const instance = INSTANCES[FUNC[record + Func.Instance]]
    const index = FUNC[record + Func.Index]
    if (this.compile(instance, index) === undefined) return false
    return this.enterLoop(instance, index)
  }

  /** Goes on natively, if the top frame is at the header of a loop that can be entered there. */
  private enterLoop(instance: Instance, index: number): boolean {
    const code = codeOf(instance.module, index, CodeForm.Fused)
    if (code === undefined) return false
    const offset = this.loopAt(code, CTX[Ctx.Pc] - code.start)
    if (offset === undefined || code.slots > Context.OverflowWords) return false
    const loop = this.engine.loopCode(nativeOf(instance).code!, index, offset)
    if (loop === undefined) return false
    this.runner.enterLoop(loop)
    CTX[Ctx.Pc] = Pc.Native
    return true
  }

  /** Offset of the `loop` that a branch to this relative pc leads back to. */
  private loopAt(code: FuncCode, pc: number): number | undefined {
    let loops = loopMaps.get(code)
    if (loops === undefined) {
      loops = new Map()
      const pairs = loopsOf(code.module, code.index, code.form)
      for (let i = 0; i < pairs.length; i += 2) loops.set(pairs[i], pairs[i + 1])
      loopMaps.set(code, loops)
    }
    return loops.get(pc)
  }
}

/** By built code: the loops by relative pc. */
const loopMaps = new WeakMap<FuncCode, Map<number, number>>()

/** Memories that the host can make: 32-bit addresses and pages of 64 KiB. */
const canGuard = (type: MemoryType): boolean => !type.address64 && !type.shared && type.pageSizeLog2 === PAGE_LOG2

const slotsOf = (typeId: number): number => Math.max(paramSlotsOf(typeId), resultSlotsOf(typeId))
