// The engine of a WAST script on zwasm itself, beneath the JS API: arguments and results are words of the register stack, so
// that bits of NaNs, vectors and references travel exactly.

import { call } from '../runtime/driver.ts'
import { enter } from '../runtime/activation.ts'
import { WasmThrow } from '../runtime/exception.ts'
import { createGlobal } from '../runtime/global.ts'
import { ObjectKind } from '../runtime/heap.ts'
import type { Instance, MemoryInstance } from '../runtime/instance.ts'
import { instantiate } from '../runtime/instantiate.ts'
import { exportOf, LinkFailure, typeIdOf } from '../runtime/link.ts'
import type { Extern } from '../runtime/link.ts'
import { R, RDV, RQ, RU8, TrapCode } from '../runtime/machine.ts'
import { createMemory, createSharedMemoryFrom } from '../runtime/memory.ts'
import { LimitError, Store } from '../runtime/store.ts'
import { createTable } from '../runtime/table.ts'
import { Trap, trapText } from '../runtime/trap.ts'
import type { WastValue } from '../text/wast-types.ts'
import { bug } from '../util/bug.ts'
import { decodeBranchHintsStrict } from '../wasm/branch-hints.ts'
import { canonicalFuncType, heapTop, typeDef } from '../wasm/canonical.ts'
import { decodeModule } from '../wasm/decode.ts'
import { FormatError } from '../wasm/errors.ts'
import type { Features } from '../wasm/features.ts'
import { ExternKind } from '../wasm/module.ts'
import type { Module } from '../wasm/module.ts'
import { decodeNamesStrict } from '../wasm/names.ts'
import { Heap, RefType, T } from '../wasm/types.ts'
import type { CanonType, MemoryType } from '../wasm/types.ts'
import type {
  WastActual,
  WastEngine,
  WastError,
  WastExternHandle,
  WastInstanceHandle,
  WastModuleHandle,
} from './wast-engine.ts'
import { HostValue, hostNumber } from './wast-match.ts'
import '../interp/index.ts'

/** What instances are here: externs by name, whether a module's or the host's. */
interface Exports extends WastInstanceHandle {
  readonly externs: ReadonlyMap<string, Extern>
}

/** A shared memory on its way to another agent. */
interface SharedMemory {
  readonly type: MemoryType
  readonly buffer: SharedArrayBuffer
}

export interface ZwasmEngineOptions {
  readonly features: Features
  readonly gcStress: boolean
}

const canon = (type: number): CanonType => type as CanonType

export function zwasmEngine({ features, gcStress }: ZwasmEngineOptions): WastEngine {
  const store = new Store({ gcStress })
  return {
    compile: (bytes) => decodeModule(bytes, { features }) as WastModuleHandle,
    instantiate(handle, resolve) {
      const module = handle as Module
      const externs = module.imports.map((wanted) => resolve(wanted.module, wanted.name) as Extern | undefined)
      const instance = instantiate(store, module, externs)
      return { externs: externsOf(module, instance) } as Exports
    },
    exported: (instance, name) => (instance as Exports).externs.get(name) as WastExternHandle | undefined,
    spectest: () => ({ externs: spectest(store) }) as Exports,
    invoke(instance, name, args) {
      const extern = (instance as Exports).externs.get(name)
      if (extern?.kind !== ExternKind.Func) throw new Error(`no exported function "${name}"`)
      return invoke(store, extern.fid, args)
    },
    get(instance, name) {
      const extern = (instance as Exports).externs.get(name)
      if (extern?.kind !== ExternKind.Global) throw new Error(`no exported global "${name}"`)
      const { type, cells, at } = extern.global
      return readValue(store, type, new DataView(cells.buffer, cells.byteOffset + at * 4, 16))
    },
    checkCustomSections(bytes) {
      const module = decodeModule(bytes, { features })
      try {
        decodeNamesStrict(module)
        decodeBranchHintsStrict(module)
      } catch (error) {
        throw error instanceof FormatError ? new CustomError(error) : error
      }
    },
    shareable(instance) {
      const shared: Record<string, SharedMemory> = {}
      for (const [name, extern] of (instance as Exports).externs) {
        if (extern.kind === ExternKind.Memory && extern.memory.type.shared) {
          shared[name] = { type: extern.memory.type, buffer: extern.memory.buffer as SharedArrayBuffer }
        }
      }
      return shared
    },
    adopt(shared) {
      const externs = new Map<string, Extern>()
      for (const [name, value] of Object.entries(shared)) {
        const { type, buffer } = value as SharedMemory
        externs.set(name, { kind: ExternKind.Memory, memory: createSharedMemoryFrom(store, type, buffer) })
      }
      return { externs } as Exports
    },
    classify,
    dispose: () => store.dispose(),
  }
}

const externsOf = (module: Module, instance: Instance): Map<string, Extern> =>
  new Map(module.exports.map((e) => [e.name, exportOf(instance, e)]))

/** A malformed or invalid custom section. */
class CustomError extends Error {
  constructor(override readonly cause: FormatError) {
    super(cause.message)
  }
}

/** What the official suite calls a trap, where that differs from the text that users see. */
const SUITE_TEXTS: Partial<Record<TrapCode, string>> = { [TrapCode.Unreachable]: 'unreachable' }

function classify(error: unknown): WastError {
  if (error instanceof Trap) {
    const suite = SUITE_TEXTS[error.code]
    const texts = suite === undefined ? [trapText(error.code)] : [trapText(error.code), suite]
    return { class: error.code === TrapCode.StackExhausted ? 'exhaustion' : 'trap', texts }
  }
  if (error instanceof FormatError) return { class: error.kind, texts: [error.message] }
  if (error instanceof CustomError)
    return { class: error.cause.kind === 'malformed' ? 'malformed-custom' : 'invalid-custom', texts: [error.message] }
  if (error instanceof LinkFailure) return { class: 'unlinkable', texts: [error.message] }
  if (error instanceof LimitError) return { class: 'limit', texts: [error.message] }
  if (error instanceof WasmThrow) return { class: 'exception', texts: ['uncaught exception'] }
  return { class: 'other', texts: [error instanceof Error ? error.message : String(error)] }
}

// ---- values ---------------------------------------------------------------------------------------------------------------

function invoke(store: Store, fid: number, args: readonly WastValue[]): WastActual[] {
  const type = typeDef(typeIdOf(fid))
  if (type.kind !== 'func') return bug('a function without a function type')
  if (type.params.length !== args.length)
    throw new Error(`${args.length} arguments for ${type.params.length} parameters`)
  const base = enter(store, fid)
  let slot = base
  for (const arg of args) slot = writeArgument(store, arg, slot)
  call(fid, base)
  slot = base
  return type.results.map((result) => {
    const value = readValue(store, result, new DataView(RDV.buffer, slot << 3, 16))
    slot += (result as number) === T.V128 ? 2 : 1
    return value
  })
}

/** Writes an argument; returns the slot behind it. */
function writeArgument(store: Store, arg: WastValue, slot: number): number {
  switch (arg.type) {
    case 'i32':
      R[slot << 1] = arg.value
      return slot + 1
    case 'i64':
      RQ[slot] = arg.value
      return slot + 1
    case 'f32':
      R[slot << 1] = arg.bits
      return slot + 1
    case 'f64':
      RQ[slot] = arg.bits
      return slot + 1
    case 'v128':
      RU8.set(arg.bytes, slot << 3)
      return slot + 2
    case 'ref.null':
      R[slot << 1] = 0
      return slot + 1
    default:
      R[slot << 1] = store.externWord(HostValue.of(arg.value))
      return slot + 1
  }
}

function readValue(store: Store, type: CanonType, at: DataView): WastActual {
  switch (type as number) {
    case T.I32:
      return { type: 'i32', value: at.getInt32(0, true) }
    case T.I64:
      return { type: 'i64', value: at.getBigInt64(0, true) }
    case T.F32:
      return { type: 'f32', bits: at.getUint32(0, true) }
    case T.F64:
      return { type: 'f64', bits: at.getBigUint64(0, true) }
    case T.V128:
      return { type: 'v128', bytes: new Uint8Array(at.buffer, at.byteOffset, 16).slice() }
    default:
      return readReference(store, heapTop(type), at.getInt32(0, true))
  }
}

function readReference(store: Store, top: Heap, word: number): WastActual {
  if (word === 0) return { type: 'null', top }
  const host = (word & 7) === 6 ? hostNumber(store.externValue(word)) : undefined
  return { type: 'ref', top, heap: heapOfWord(store, word), host }
}

/** What a reference word that is not null stands for (machine.ts). */
function heapOfWord(store: Store, word: number): Heap {
  if ((word & 1) === 1) return Heap.I31
  if ((word & 7) === 2) return Heap.Func
  if ((word & 7) === 6) return Heap.Extern
  if (!store.heap.isObject(word)) return bug(`reference word ${word} is no object`)
  const kind = store.heap.kindOf(word)
  return kind === ObjectKind.Struct ? Heap.Struct : kind === ObjectKind.Array ? Heap.Array : Heap.Exn
}

// ---- spectest --------------------------------------------------------------------------------------------------------------

/** The host module of the official suite. Its functions print in the reference interpreter; here they only take arguments. */
function spectest(store: Store): ReadonlyMap<string, Extern> {
  const externs = new Map<string, Extern>()
  const prints: Record<string, number[]> = {
    print: [],
    print_i32: [T.I32],
    print_i64: [T.I64],
    print_f32: [T.F32],
    print_f64: [T.F64],
    print_i32_f32: [T.I32, T.F32],
    print_f64_f64: [T.F64, T.F64],
  }
  for (const [name, params] of Object.entries(prints)) {
    const typeId = canonicalFuncType(params.map(canon), [])
    externs.set(name, { kind: ExternKind.Func, fid: store.createHostFunc({ store, typeId, name, call: () => {} }) })
  }
  const number = (name: string, type: number, write: (view: DataView) => void): void => {
    const global = createGlobal(store, canon(type), false)
    write(new DataView(global.cells.buffer, global.cells.byteOffset + global.at * 4, 16))
    externs.set(name, { kind: ExternKind.Global, global })
  }
  number('global_i32', T.I32, (v) => v.setInt32(0, 666, true))
  number('global_i64', T.I64, (v) => v.setBigInt64(0, 666n, true))
  number('global_f32', T.F32, (v) => v.setFloat32(0, 666.6, true))
  number('global_f64', T.F64, (v) => v.setFloat64(0, 666.6, true))
  for (const address64 of [false, true]) {
    const table = createTable(store, { min: 10, max: 20, element: canon(RefType.FuncRef), address64 }, 0)
    externs.set(address64 ? 'table64' : 'table', { kind: ExternKind.Table, table })
  }
  const memory = (shared: boolean, max: number): MemoryInstance =>
    createMemory(store, { min: 1, max, shared, address64: false, pageSizeLog2: 16 })
  externs.set('memory', { kind: ExternKind.Memory, memory: memory(false, 2) })
  externs.set('shared_memory', { kind: ExternKind.Memory, memory: memory(true, 1) })
  return externs
}
