// Function records, and how long instances and host functions live.
//
// Compiled code and reference words name functions by number (fid), so `INSTANCES` and `HOSTS` lead from numbers to objects. Were
// these tables simply strong, nothing would ever be collected: an instance whose wrappers JavaScript has dropped, or the usual ring
// (instance -> imported JavaScript function -> closure -> instance). Only the JavaScript collector sees such rings. So its graph is
// made complete, and then it decides:
//
//   awake     INSTANCES / HOSTS / handle values are strong. Everything that an awake instance can reach is awake.
//   resting   these tables are empty for what rests. In their place each *holder* of reference words (instance: function imports and
//             element segments; table; reference global; suspended activation; the GC heap as a whole) has a list of the
//             objects its words mean (`Holds`), and JavaScript's own references do the rest: exported function -> instance ->
//             tables -> `Holds` -> other instances, host functions, host values.
//
// `rest` makes a store rest, from a timer, while no activation runs. `wake` makes a holder and its transitive `Holds` strong again: before a
// call enters an instance, an instantiation uses it, or a function reference comes in from JavaScript. A finalization
// registry tells of resting objects that the collector took; their ids, records and code are reused then.
//
// Why this is safe: at rest the `Holds` are exact. From then on a word can get into a resting holder only from JavaScript
// (table.set, global.value), and what it means was awake at that moment (`wake` in the conversion) and stays so until the next rest.

import { bug } from '../util/bug.ts'
import { Finalizer, WeakReference } from '../util/weak.ts'
import type { Module } from '../wasm/module.ts'
import { HOSTS, INSTANCES, type HostFunc, type Instance } from './instance.ts'
import { FUNC, FUNC_WORDS_LOG2, Func, MAX_FUNCS, Pc } from './machine.ts'

export type FuncOwner = Instance | HostFunc

/** What the runtime cannot hold: an implementation limit of the agent or a limit of the store. */
export class LimitError extends Error {
  override readonly name = 'LimitError'
  /** Which limit of the store, in its unit; undefined for one of the agent. */
  readonly limit: LimitName | undefined
  readonly max: number | undefined

  constructor(message: string, limit?: LimitName, max?: number) {
    super(message)
    this.limit = limit
    this.max = max
  }
}

export type LimitName = 'memory' | 'table' | 'instances'

// ---- ids and records --------------------------------------------------------------------------------------------------

/** Free ranges [start, end) of function ids, ascending, never adjacent. fid 0 is never given out. */
const freeFuncs: { start: number; end: number }[] = [{ start: 1, end: MAX_FUNCS }]
const freeInstances: number[] = []
const freeHosts: number[] = []
let instanceIds = 0
let hostIds = 0

function allocateFuncs(count: number): number {
  for (let i = 0; i < freeFuncs.length; i++) {
    const range = freeFuncs[i]
    if (range.end - range.start < count) continue
    const { start } = range
    range.start += count
    if (range.start === range.end) freeFuncs.splice(i, 1)
    return start
  }
  throw new LimitError(`too many functions: all live instances together may have ${MAX_FUNCS}`)
}

function releaseFuncs(start: number, end: number): void {
  if (start === end) return
  FUNC.fill(0, start << FUNC_WORDS_LOG2, end << FUNC_WORDS_LOG2)
  let i = 0
  while (i < freeFuncs.length && freeFuncs[i].start < start) i++
  freeFuncs.splice(i, 0, { start, end })
  if (i + 1 < freeFuncs.length && freeFuncs[i + 1].start === end) {
    freeFuncs[i].end = freeFuncs[i + 1].end
    freeFuncs.splice(i + 1, 1)
  }
  if (i > 0 && freeFuncs[i - 1].end === start) {
    freeFuncs[i - 1].end = freeFuncs[i].end
    freeFuncs.splice(i, 1)
  }
}

/** What must be known of an owner after it is gone. */
interface Grave {
  /** Instance id or index in HOSTS. */
  readonly id: number
  readonly host: boolean
  readonly firstFunc: number
  readonly funcs: number
  readonly module: Module | undefined
}

const instanceRefs: ({ deref(): Instance | undefined } | undefined)[] = []
const hostRefs: ({ deref(): HostFunc | undefined } | undefined)[] = []
/** First fids of the instances of each module, resting ones too; a module is here as long as it has instances. */
const modules = new Map<Module, Set<number>>()
const graves = new Finalizer<Grave>(bury)
const graveOf = new WeakMap<FuncOwner, Grave>()

/** Told when the last instance of a module is gone: its code may go too. */
const moduleDropped: ((module: Module) => void)[] = []
export function onModuleDropped(hook: (module: Module) => void): void {
  moduleDropped.push(hook)
}

/**
 * For each instance of a module, resting ones too: the fid that its function with index 0 would have (`Instance.funcBase`).
 * For whoever changes function records of a module.
 */
export const funcBasesOf = (module: Module): Iterable<number> => modules.get(module) ?? []

/** An instance id and `count` consecutive fids for its defined functions; count > 0. */
export function reserveInstance(count: number): { id: number; firstFunc: number } {
  const firstFunc = allocateFuncs(count)
  return { id: freeInstances.pop() ?? instanceIds++, firstFunc }
}

/** Registers an instance whose ids come from `reserveInstance`. Its function records are written already. */
export function registerInstance(instance: Instance, firstFunc: number, funcs: number): void {
  const { id, module } = instance
  while (INSTANCES.length <= id) (INSTANCES as (Instance | undefined)[]).push(undefined)
  INSTANCES[id] = instance
  instanceRefs[id] = new WeakReference(instance)
  let bases = modules.get(module)
  if (bases === undefined) modules.set(module, (bases = new Set()))
  bases.add(instance.funcBase)
  register(instance, { id, host: false, firstFunc, funcs, module })
}

/** Makes a host function. Its record is valid until nothing refers to it any more. */
export function registerHost(host: HostFunc, paramSlots: number, resultSlots: number): number {
  const fid = allocateFuncs(1)
  const index = freeHosts.pop() ?? hostIds++
  while (HOSTS.length <= index) HOSTS.push(undefined)
  HOSTS[index] = host
  hostRefs[index] = new WeakReference(host)
  const record = fid << FUNC_WORDS_LOG2
  FUNC[record + Func.Entry] = Pc.Host
  FUNC[record + Func.Instance] = -1
  FUNC[record + Func.Type] = host.typeId
  FUNC[record + Func.Index] = index
  FUNC[record + Func.Slots] = Math.max(paramSlots, resultSlots)
  FUNC[record + Func.ParamSlots] = paramSlots
  register(host, { id: index, host: true, firstFunc: fid, funcs: 1, module: undefined })
  return fid
}

function register(owner: FuncOwner, grave: Grave): void {
  graveOf.set(owner, grave)
  graves.register(owner, grave, owner)
}

/** Removes an owner at once, whoever still refers to it: for stores that end as a whole. */
export function removeOwner(owner: FuncOwner): void {
  const grave = graveOf.get(owner)
  if (grave === undefined || !graves.unregister(owner)) return
  graveOf.delete(owner)
  bury(grave)
}

function bury(grave: Grave): void {
  const { id, firstFunc, module } = grave
  if (grave.host) {
    HOSTS[id] = undefined
    hostRefs[id] = undefined
    freeHosts.push(id)
  } else {
    ;(INSTANCES as (Instance | undefined)[])[id] = undefined
    instanceRefs[id] = undefined
    freeInstances.push(id)
  }
  releaseFuncs(firstFunc, firstFunc + grave.funcs)
  if (module === undefined) return
  const bases = modules.get(module) ?? bug('an instance of a module that is gone')
  bases.delete(firstFunc - module.importedFuncs)
  if (bases.size === 0) {
    modules.delete(module)
    for (const hook of moduleDropped) hook(module)
  }
}

/** The owner of a function, resting or not; undefined if it is gone (or `fid` is no function). */
export function ownerOf(fid: number): FuncOwner | undefined {
  const record = fid << FUNC_WORDS_LOG2
  if (fid <= 0 || fid >= MAX_FUNCS || FUNC[record + Func.Entry] === 0) return undefined
  const id = FUNC[record + Func.Instance]
  if (id < 0) {
    const index = FUNC[record + Func.Index]
    return HOSTS[index] ?? hostRefs[index]?.deref()
  }
  return INSTANCES[id] ?? instanceRefs[id]?.deref()
}

/** Whether the owner of a function is awake, so that it may be called. */
export function isAwake(fid: number): boolean {
  const record = fid << FUNC_WORDS_LOG2
  const id = FUNC[record + Func.Instance]
  return id < 0 ? HOSTS[FUNC[record + Func.Index]] !== undefined : INSTANCES[id] !== undefined
}

export const isOwner = (object: object): object is FuncOwner => graveOf.has(object as FuncOwner)

/** Makes an owner strong. Whether it rested. */
export function makeStrong(owner: FuncOwner): boolean {
  const grave = graveOf.get(owner) ?? bug('an owner that was removed')
  if (grave.host) {
    if (HOSTS[grave.id] !== undefined) return false
    HOSTS[grave.id] = owner as HostFunc
  } else {
    if (INSTANCES[grave.id] !== undefined) return false
    INSTANCES[grave.id] = owner as Instance
  }
  return true
}

/** Lets go of all strong owners that belong to a store. */
export function makeWeak(store: unknown): void {
  const instances = INSTANCES as (Instance | undefined)[]
  for (let i = 0; i < instances.length; i++) if (instances[i]?.store === store) instances[i] = undefined
  for (let i = 0; i < HOSTS.length; i++) if (HOSTS[i]?.store === store) HOSTS[i] = undefined
}

/** Every living owner of a store, resting or not. */
export function* ownersOf(store: unknown): Iterable<FuncOwner> {
  for (let i = 0; i < instanceRefs.length; i++) {
    const instance = INSTANCES[i] ?? instanceRefs[i]?.deref()
    if (instance?.store === store) yield instance
  }
  for (let i = 0; i < hostRefs.length; i++) {
    const host = HOSTS[i] ?? hostRefs[i]?.deref()
    if (host !== undefined && host.store === store) yield host
  }
}

/** Ids in use, resting and not yet reaped ones included; for tests and statistics. */
export function registryCounts(): { instances: number; hosts: number; functions: number; modules: number } {
  let functions = MAX_FUNCS - 1
  for (const range of freeFuncs) functions -= range.end - range.start
  return {
    instances: instanceIds - freeInstances.length,
    hosts: hostIds - freeHosts.length,
    functions,
    modules: modules.size,
  }
}
