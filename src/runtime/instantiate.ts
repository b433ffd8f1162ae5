// Instantiation (spec 3.0, "Instantiation"): allocation, constant expressions, active segments, start function.
//
// The instance is registered before its first constant expression is evaluated, because a collection must find what is made so far.
// Nobody else can see it until then, except through what the specification lets stay after a failure: its functions in imported tables.
// If instantiation fails it is nothing but garbage, or alive because of those.

import { bug } from '../util/bug.ts'
import { canonType } from '../wasm/canonical.ts'
import { ExternKind, type ElemSegment, type Module } from '../wasm/module.ts'
import type { TableType } from '../wasm/types.ts'
import { enter } from './activation.ts'
import { evaluateConst } from './const-expr.ts'
import { call } from './driver.ts'
import { createGlobal, GLOBAL_WORDS } from './global.ts'
import type { GlobalInstance, Instance, MemoryInstance, TableInstance, TagInstance } from './instance.ts'
import { paramSlotsOf } from './layout.ts'
import { checkImports, type Extern } from './link.ts'
import { FUNC, FUNC_WORDS_LOG2, Func, Pc, R, TrapCode } from './machine.ts'
import { createMemory, NO_MEMORY } from './memory.ts'
import { ownerOf, registerInstance, reserveInstance } from './registry.ts'
import { LimitError, type Holder, type HolderVisitor, type Store } from './store.ts'
import { createTable } from './table.ts'
import type { NativeInstance } from './tier.ts'
import { Trap } from './trap.ts'

class ModuleInstance implements Instance, Holder {
  readonly id: number
  readonly store: Store
  readonly module: Module
  readonly funcIds: Int32Array
  readonly funcBase: number
  readonly memories: MemoryInstance[]
  memory0: MemoryInstance = NO_MEMORY
  readonly tables: (TableInstance & Holder)[]
  readonly globals: (GlobalInstance & Holder)[]
  readonly globalCells: Int32Array
  readonly tags: TagInstance[]
  readonly dataSegments: (Uint8Array | undefined)[] = []
  readonly elemSegments: (Int32Array<ArrayBuffer> | undefined)[] = []
  readonly native: NativeInstance | undefined

  constructor(store: Store, module: Module, imports: Imports, id: number, firstFunc: number) {
    this.id = id
    this.store = store
    this.module = module
    this.funcBase = firstFunc - module.importedFuncs
    this.funcIds = new Int32Array(module.funcs.length)
    this.funcIds.set(imports.funcs)
    for (let i = module.importedFuncs; i < module.funcs.length; i++) this.funcIds[i] = this.funcBase + i
    this.memories = imports.memories
    this.tables = imports.tables as (TableInstance & Holder)[]
    this.globals = imports.globals as (GlobalInstance & Holder)[]
    this.native = store.native?.createInstance(module)
    this.globalCells = this.native?.globalCells ?? new Int32Array(module.globals.length * GLOBAL_WORDS)
    this.tags = imports.tags
  }

  visit(visitor: HolderVisitor): void {
    for (let i = 0; i < this.module.importedFuncs; i++) visitor.word((this.funcIds[i] << 3) | 2)
    for (const segment of this.elemSegments) if (segment !== undefined) for (const word of segment) visitor.word(word)
    for (const table of this.tables) visitor.holder(table)
    for (const global of this.globals) visitor.holder(global)
  }
}

interface Imports {
  readonly funcs: number[]
  readonly tables: TableInstance[]
  readonly memories: MemoryInstance[]
  readonly globals: GlobalInstance[]
  readonly tags: TagInstance[]
}

/**
 * Instantiates a valid module with one extern for each import, and runs its start function. Throws a `LinkFailure`, a `LimitError`, a
 * `Trap`, or what a host function called by the start function throws.
 */
export function instantiate(store: Store, module: Module, externs: readonly (Extern | undefined)[]): Instance {
  checkImports(module, externs)
  if (store.disposed) throw new LimitError('the store was disposed of')
  if (store.liveInstances >= store.limits.instances) {
    throw new LimitError(
      `too many instances: the limit is ${store.limits.instances}`,
      'instances',
      store.limits.instances,
    )
  }
  const instance = allocate(store, module, sortImports(store, externs as readonly Extern[]))
  evaluateGlobals(instance)
  allocateTables(instance)
  store.native?.completeInstance(instance)
  evaluateElems(instance)
  runElems(instance)
  runDatas(instance)
  if (module.start >= 0) {
    const fid = instance.funcIds[module.start]
    call(fid, enter(store, fid))
  }
  return instance
}

function sortImports(store: Store, externs: readonly Extern[]): Imports {
  const imports: Imports = { funcs: [], tables: [], memories: [], globals: [], tags: [] }
  for (const extern of externs) {
    switch (extern.kind) {
      case ExternKind.Func:
        if (ownerOf(extern.fid)?.store !== store) bug('an imported function belongs to another store')
        store.wakeFunc(extern.fid)
        imports.funcs.push(extern.fid)
        break
      case ExternKind.Table:
        store.wake(extern.table)
        imports.tables.push(extern.table)
        break
      case ExternKind.Memory:
        imports.memories.push(extern.memory)
        break
      case ExternKind.Global:
        store.wake(extern.global)
        imports.globals.push(extern.global)
        break
      case ExternKind.Tag:
        imports.tags.push(extern.tag)
    }
  }
  return imports
}

/** Everything whose allocation can fail without a trap comes first: then there is nothing to undo. */
function allocate(store: Store, module: Module, imports: Imports): ModuleInstance {
  for (let i = module.importedMemories; i < module.memories.length; i++) {
    imports.memories.push(createMemory(store, module.memories[i]))
  }
  for (const { type } of module.tableDefs) {
    if (type.min > store.limits.tableElements) {
      throw new LimitError(
        `table of ${type.min} elements exceeds the limit of ${store.limits.tableElements}`,
        'table',
        store.limits.tableElements,
      )
    }
  }
  for (let i = module.importedTags; i < module.tags.length; i++) {
    imports.tags.push(store.createTag(module.canon[module.tags[i]]))
  }
  const defined = module.funcs.length - module.importedFuncs
  // One fid at least, so that no two instances have the same.
  const funcs = Math.max(defined, 1)
  const { id, firstFunc } = reserveInstance(funcs)
  const instance = new ModuleInstance(store, module, imports, id, firstFunc)
  if (instance.memories.length > 0) instance.memory0 = instance.memories[0]
  for (let i = 0; i < defined; i++) {
    const index = module.importedFuncs + i
    const record = (firstFunc + i) << FUNC_WORDS_LOG2
    const typeId = module.canon[module.funcs[index]]
    FUNC[record + Func.Entry] = Pc.Build
    FUNC[record + Func.Instance] = id
    FUNC[record + Func.Type] = typeId
    FUNC[record + Func.Index] = index
    FUNC[record + Func.ParamSlots] = paramSlotsOf(typeId)
  }
  registerInstance(instance, firstFunc, funcs)
  store.addHolder(instance)
  store.countInstance(instance)
  return instance
}

function evaluateGlobals(instance: ModuleInstance): void {
  const { store, module, globals, globalCells } = instance
  for (const { type, init } of module.globalDefs) {
    const from = evaluateConst(instance, init) << 1
    const at = globals.length * GLOBAL_WORDS
    for (let i = 0; i < GLOBAL_WORDS; i++) globalCells[at + i] = R[from + i]
    globals.push(createGlobal(store, canonType(module, type.type), type.mutable, globalCells, at))
  }
}

function allocateTables(instance: ModuleInstance): void {
  const { store, module } = instance
  for (const { type, init } of module.tableDefs) {
    const word = init === undefined ? 0 : R[evaluateConst(instance, init) << 1]
    const canonical: TableType<never> = { ...type, element: canonType(module, type.element) as never }
    instance.tables.push(createTable(store, canonical, word))
  }
}

function evaluateElems(instance: ModuleInstance): void {
  for (const segment of instance.module.elems) {
    const words = new Int32Array(segment.mode === 'declarative' ? 0 : elemCount(segment))
    // In its place before it is complete: what is evaluated so far is a root.
    instance.elemSegments.push(words)
    for (let i = 0; i < words.length; i++) {
      words[i] =
        segment.funcs !== undefined
          ? (instance.funcIds[segment.funcs[i]] << 3) | 2
          : R[evaluateConst(instance, segment.exprs![i]) << 1]
    }
  }
}

/** Entries of a segment. */
const elemCount = (segment: ElemSegment): number => (segment.funcs ?? segment.exprs!).length

function runElems(instance: ModuleInstance): void {
  const { module, elemSegments } = instance
  module.elems.forEach((segment, i) => {
    if (segment.mode === 'active') {
      const table = instance.tables[segment.table]
      const at = offsetOf(instance, segment.offset!, table.type.address64)
      const words = elemSegments[i]!
      if (at + words.length > table.size) throw new Trap(TrapCode.TableOutOfBounds)
      table.words.set(words, at)
    }
    if (segment.mode !== 'passive') elemSegments[i] = undefined
  })
}

function runDatas(instance: ModuleInstance): void {
  const { module, dataSegments } = instance
  for (const segment of module.datas) dataSegments.push(module.bytes.subarray(segment.start, segment.end))
  module.datas.forEach((segment, i) => {
    if (segment.mode !== 'active') return
    const memory = instance.memories[segment.memory]
    const at = offsetOf(instance, segment.offset!, memory.type.address64)
    const bytes = dataSegments[i]!
    if (at + bytes.length > memory.byteLength) {
      memory.refresh()
      if (at + bytes.length > memory.byteLength) throw new Trap(TrapCode.MemoryOutOfBounds)
    }
    memory.u8.set(bytes, at)
    dataSegments[i] = undefined
  })
}

/** Value of an offset expression as an unsigned number; beyond 2^53 it is inexact, but then out of bounds anyway. */
function offsetOf(instance: ModuleInstance, expr: { start: number; end: number }, address64: boolean): number {
  const at = evaluateConst(instance, expr) << 1
  const low = R[at] >>> 0
  return address64 ? (R[at + 1] >>> 0) * 2 ** 32 + low : low
}
