// What an agent has for machine code, opened once: platform, compiler, code of all modules.

import { MAX_FUNCS } from '../runtime/machine-format.ts'
import { CodeSymbol } from '../isa/x64/emit-calls.ts'
import { EXIT_SYMBOL, makeTierStubs } from '../isa/x64/stubs.ts'
import { linkCode } from '../native/code-arena.ts'
import { allocate, FunctionRecords, InstanceData } from '../native/data.ts'
import type { Unavailable } from '../native/ffi.ts'
import { LazyStubs } from '../native/function-stubs.ts'
import { Instance as Field, type InstanceLayout, instanceLayout, StackRegion } from '../native/layout.ts'
import { Ticks } from '../native/ticks.ts'
import { openPlatform, type Platform, type PlatformOptions } from '../native/platform.ts'
import { UnsupportedError } from '../isa/x64/lower.ts'
import type { Module } from '../wasm/module.ts'
import { bug } from '../util/bug.ts'
import { CodeMap, type InstalledCode } from './code-map.ts'
import { type CompileOptions, Compiler } from './compile.ts'
import type { Observer } from './observer.ts'
import { onModuleDropped } from './parts.ts'

/** Addresses of the stubs of `makeTierStubs`. */
export interface StubAddresses {
  readonly runtime: number
  readonly poll: number
  readonly fuel: number
  readonly return: number
  readonly restore: number
  /** Behind the poll and fuel stubs: they return from their exits between `poll` and this. */
  readonly end: number
}

/** The native code of a module in one variant: for instances whose memories are all guarded where they can be, or not; with fuel or without. */
export class ModuleCode {
  readonly layout: InstanceLayout
  readonly importedGlobals: number
  /** By function index: its code; null if it was declined; undefined if nobody has asked. */
  readonly functions: (InstalledCode | null | undefined)[] = []
  /** By offset of the loop. */
  readonly loops = new Map<number, InstalledCode | null>()

  constructor(
    readonly module: Module,
    readonly guarded: boolean,
    readonly metered: boolean,
  ) {
    this.importedGlobals = module.globals.length - module.globalDefs.length
    this.layout = instanceLayout({
      importedFunctions: module.importedFuncs,
      globals: module.globals.length,
      importedGlobals: this.importedGlobals,
    })
  }
}

/** Milliseconds after which ticks end if nothing ran that needs them. */
const TICKS_IDLE_MS = 1000

/** Counts for tests and statistics. */
export interface EngineCounts {
  functions: number
  declined: number
  loops: number
  /** Bytes of code in place. */
  bytes: number
}

export class Engine {
  readonly records: FunctionRecords
  readonly stubs: StubAddresses
  readonly lazy: LazyStubs
  readonly map = new CodeMap()
  readonly counts: EngineCounts = { functions: 0, declined: 0, loops: 0, bytes: 0 }
  /** The "instance" that host functions run in. */
  readonly hosts: InstanceData
  private idleTimer: ReturnType<typeof setTimeout> | undefined
  private entered = false
  /** Told of code in its place: perf maps. */
  installed: ((code: InstalledCode) => void) | undefined
  /** Sees every compilation. */
  observer: Observer | undefined
  /** Address of the agent's context. */
  readonly context: number
  private readonly compiler = new Compiler()
  private readonly modules = new Map<Module, (ModuleCode | undefined)[]>()

  private constructor(
    readonly platform: Platform,
    records: FunctionRecords,
    stubs: StubAddresses,
    /** What makes guest code stop for a deadline. */
    private readonly ticks: Ticks,
  ) {
    this.records = records
    this.stubs = stubs
    this.lazy = new LazyStubs(platform.arena, platform.process.exit)
    this.context = platform.agent.region + StackRegion.Context
    this.hosts = new InstanceData(
      platform.ffi,
      instanceLayout({ importedFunctions: 0, globals: 0, importedGlobals: 0 }),
      allocate(platform.ffi, Field.HeaderBytes).words,
      { id: -1, context: this.context, records, funcBase: 0, stackLimit: 0 },
    )
  }

  /** Opens the engine of this agent, or says in a sentence why there is none. */
  static open(options?: PlatformOptions): Engine | Unavailable {
    const platform = openPlatform(options)
    if ('reason' in platform) return platform
    const records = FunctionRecords.create(platform, MAX_FUNCS)
    if ('reason' in records) return records
    const made = makeTierStubs()
    const chunk = platform.arena.install(made.bytes, (code, address) =>
      linkCode(code, address, made.relocations, () => platform.process.exit),
    )
    if (chunk === undefined) return { reason: 'the code arena of the process is full' }
    const at = (offset: number): number => chunk.address + offset
    const stubs = {
      runtime: at(made.runtime),
      poll: at(made.poll),
      fuel: at(made.fuel),
      return: at(made.return),
      restore: at(made.restore),
      end: at(made.return),
    }
    const ticks = Ticks.create(platform.ffi, platform.process)
    if ('reason' in ticks) return ticks
    const engine = new Engine(platform, records, stubs, ticks)
    onModuleDropped((module) => engine.drop(module))
    return engine
  }

  /** Guest code is about to run that may have to stop: from now on there are ticks. */
  tick(): void {
    this.entered = true
    if (this.idleTimer !== undefined) return
    this.ticks.start()
    this.idleTimer = setTimeout(() => this.whenIdle(), TICKS_IDLE_MS)
    ;(this.idleTimer as { unref?(): void }).unref?.()
  }

  /** Stops the ticks if nobody has wanted them for a while. */
  private whenIdle(): void {
    this.idleTimer = undefined
    if (this.entered) {
      this.entered = false
      this.tick()
      this.entered = false
    } else this.ticks.stop()
  }

  codeOf(module: Module, guarded: boolean, metered: boolean): ModuleCode {
    let variants = this.modules.get(module)
    if (variants === undefined) this.modules.set(module, (variants = []))
    return (variants[(guarded ? 1 : 0) | (metered ? 2 : 0)] ??= new ModuleCode(module, guarded, metered))
  }

  /** The code of a defined function: compiles it, the first time. Undefined if it is declined. */
  functionCode(code: ModuleCode, index: number): InstalledCode | undefined {
    const known = code.functions[index]
    if (known !== undefined) return known ?? undefined
    const made = this.compile(code, index)
    code.functions[index] = made ?? null
    if (made === undefined) this.counts.declined++
    else this.counts.functions++
    return made
  }

  /** The code that enters a loop with the interpreter's frame. */
  loopCode(code: ModuleCode, index: number, offset: number): InstalledCode | undefined {
    const known = code.loops.get(offset)
    if (known !== undefined) return known ?? undefined
    const made = this.compile(code, index, offset)
    code.loops.set(offset, made ?? null)
    if (made !== undefined) this.counts.loops++
    return made
  }

  private compile(code: ModuleCode, index: number, osrOffset?: number): InstalledCode | undefined {
    const { module, layout, importedGlobals, functions } = code
    const options: CompileOptions = {
      features: this.platform.cpu,
      layout,
      importedGlobals,
      index: osrOffset === undefined ? index : -1,
      guardedMemories: code.guarded,
      metered: code.metered,
      hasMemory: module.memories.length > 0,
      isCompiled: (callee) => functions[callee] !== undefined && functions[callee] !== null,
      ...(osrOffset === undefined ? {} : { osrOffset }),
    }
    try {
      const made = this.compiler.compile(module, index, options, this.observer)
      if ('declined' in made) return undefined
      const chunk = this.platform.arena.install(made.bytes, (bytes, address) =>
        linkCode(bytes, address, made.relocations, (symbol) => this.symbol(code, index, address, symbol)),
      )
      if (chunk === undefined) return undefined
      const { traps, returns, frameSize, prologue } = made
      const { address } = chunk
      const installed: InstalledCode = {
        chunk,
        address,
        end: address + made.bytes.length,
        module,
        index,
        tables: { traps, returns, frameSize, prologue },
      }
      this.map.add(installed)
      this.installed?.(installed)
      this.counts.bytes += chunk.bytes
      return installed
    } catch (error) {
      if (error instanceof UnsupportedError) return undefined
      throw error
    }
  }

  private symbol(code: ModuleCode, self: number, address: number, symbol: number): number {
    switch (symbol) {
      case EXIT_SYMBOL:
        return this.platform.process.exit
      case CodeSymbol.Runtime as number:
        return this.stubs.runtime
      case CodeSymbol.Poll as number:
        return this.stubs.poll
      case CodeSymbol.Fuel as number:
        return this.stubs.fuel
      case CodeSymbol.Restore as number:
        return this.stubs.restore
      default: {
        const index = symbol - CodeSymbol.FirstFunction
        return code.functions[index]?.address ?? (index === self ? address : bug(`function ${index} has no code`))
      }
    }
  }

  /** No instance of the module is left: its code goes. */
  private drop(module: Module): void {
    for (const code of this.modules.get(module) ?? []) {
      if (code === undefined) continue
      for (const installed of [...code.functions, ...code.loops.values()]) {
        if (installed === null || installed === undefined) continue
        this.map.remove(installed)
        this.platform.arena.release(installed.chunk)
        this.counts.bytes -= installed.chunk.bytes
      }
    }
    this.modules.delete(module)
  }
}

let opened: Engine | Unavailable | undefined

/** The engine of this agent; opened the first time. */
export const openEngine = (): Engine | Unavailable => (opened ??= Engine.open())
