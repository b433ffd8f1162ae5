// The native tier of a store when it is open: what its instances have for machine code, and giving functions code.

import { CodeForm, type FuncCode } from '../interp/code.ts'
import { CellData, InstanceData } from '../native/data.ts'
import { Context, StackRegion } from '../native/layout.ts'
import type { Instance, MemoryInstance, TableInstance } from '../runtime/instance.ts'
import { Ctx, FUNC_WORDS_LOG2, Func, MAX_FUNCS, Pc, STACK_SLOTS } from '../runtime/machine-format.ts'
import type { Store } from '../runtime/store.ts'
import type { InstalledCode } from './code-map.ts'
import type { Engine } from './engine.ts'
import { codeOf, CTX, FUNC, LimitError, loopsOf, ownersOf, paramSlotsOf, resultSlotsOf } from './parts.ts'
import { type NativeData, nativeOf, type Runner } from './runner.ts'
import { canGuard, type NativeCells, type NativePart, type StoreTier } from './tier.ts'

const memoryCells = new WeakMap<MemoryInstance, CellData>()
const tableCells = new WeakMap<TableInstance, CellData>()

export class StorePart implements NativePart {
  /** See `Instance.StackLimit` of the layout. */
  private readonly stackLimit: number
  private readonly isMetered: boolean

  constructor(
    private readonly engine: Engine,
    private readonly runner: Runner,
    private readonly tier: StoreTier,
    store: Store,
  ) {
    const { region } = engine.platform.agent
    const end = region + StackRegion.Context
    const lowest = region + StackRegion.GuardBytes + StackRegion.SignalBytes
    this.isMetered = store.metered
    this.stackLimit = Math.max(lowest, end - 8 * Math.min(store.limits.stackSlots, STACK_SLOTS))
    for (const owner of ownersOf(store)) if ('module' in owner) this.complete(owner)
  }

  // ---- what is made --------------------------------------------------------------------------------------------------------------

  complete(instance: Instance): void {
    const { engine } = this
    const { records } = engine
    const { module, memories, tables, globals, funcBase, id } = instance
    const cells = instance.native as NativeCells
    this.reserve(funcBase + module.funcs.length)
    const parts = { id, context: engine.context, records, funcBase, stackLimit: this.stackLimit }
    const data = new InstanceData(engine.platform.ffi, cells.layout, cells.words, parts)
    const guarded = memories.every((memory) => memory.guarded || !canGuard(memory.type))
    const code = engine.codeOf(module, guarded, this.isMetered)
    cells.native = { data, code, part: this } satisfies NativeData
    const memoryData = memories.map((memory) => this.memoryCell(memory))
    data.setCells(
      memoryData,
      tables.map((table) => this.tableCell(table)),
      memories[0]?.guarded ? memoryData[0].address : 0,
    )
    for (let i = 0; i < module.importedFuncs; i++) data.setImport(i, instance.funcIds[i], records)
    for (let i = 0; i < code.importedGlobals; i++) {
      const { cells: words, at } = globals[i]
      data.setGlobalRef(i, words.buffer as ArrayBuffer, words.byteOffset + 4 * at)
    }
    for (let i = module.importedFuncs; i < module.funcs.length; i++) {
      const fid = funcBase + i
      records.set(fid, this.lazyStub(i), data, FUNC[(fid << FUNC_WORDS_LOG2) + Func.Type])
    }
  }

  private reserve(functions: number): void {
    if (!this.engine.records.reserve(functions))
      throw new LimitError(`no memory for the records of ${functions} functions (${MAX_FUNCS} at most)`)
  }

  private lazyStub(index: number): number {
    const stub = this.engine.lazy.addressOf(index)
    if (stub === undefined) throw new LimitError('the code arena of the process is full')
    return stub
  }

  addHost(fid: number): void {
    const record = fid << FUNC_WORDS_LOG2
    const index = FUNC[record + Func.Index]
    this.reserve(fid + 1)
    this.runner.hostFids[index] = fid
    this.engine.records.set(fid, this.lazyStub(index), this.engine.hosts, FUNC[record + Func.Type])
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

  compile(instance: Instance, index: number): boolean {
    return this.codeFor(instance, index) !== undefined
  }

  /** Compiles a function, or takes the code that its module has, and makes it what calls in this instance go to. */
  private codeFor(instance: Instance, index: number): InstalledCode | undefined {
    const code = this.engine.functionCode(nativeOf(instance).code, index)
    if (code === undefined) return undefined
    const fid = instance.funcBase + index
    const record = fid << FUNC_WORDS_LOG2
    this.engine.records.setCode(fid, code.address)
    FUNC[record + Func.Entry] = Pc.Native
    // Its frame in RS is for arguments and results.
    FUNC[record + Func.Slots] = Math.max(FUNC[record + Func.Slots], slotsOf(FUNC[record + Func.Type]))
    return code
  }

  /** The code of a function that machine code calls, unless it is to be interpreted. */
  wanted(instance: Instance, index: number): InstalledCode | undefined {
    return this.tier.wants(instance, index) ? this.codeFor(instance, index) : undefined
  }

  /** Goes on natively, if the top frame is at the header of a loop that can be entered there. */
  enterLoop(instance: Instance, index: number): boolean {
    const code = codeOf(instance.module, index, this.isMetered ? CodeForm.Metered : CodeForm.Fused)
    if (code === undefined) return false
    // Metered code stops at the fuel of the loop, which is still to be paid.
    const offset = this.loopAt(code, CTX[Ctx.Pc] - code.start + (this.isMetered ? FUEL_LENGTH : 0))
    if (offset === undefined || code.slots > Context.OverflowWords) return false
    const loop = this.engine.loopCode(nativeOf(instance).code, index, offset)
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

/** Words of the register IR's `fuel`. */
const FUEL_LENGTH = 2

/** By built code: the loops by relative pc. */
const loopMaps = new WeakMap<FuncCode, Map<number, number>>()

const slotsOf = (typeId: number): number => Math.max(paramSlotsOf(typeId), resultSlotsOf(typeId))
