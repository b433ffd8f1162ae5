// The native platform of this agent: opened once, or the reason why there is none.

import { type CpuFeatures, readCpuFeatures } from '../isa/x64/features.ts'
import { makeCpuProbe } from '../isa/x64/stubs.ts'
import { NativeAgent } from './agent.ts'
import { CodeArena } from './code-arena.ts'
import { type Ffi, MapFlag, PAGE_BYTES, Prot, type Unavailable } from './ffi.ts'
import { StackRegion } from './layout.ts'
import { type FfiName, loadFfi } from './load.ts'
import { type CodePages, openProcess, type Process } from './process-block.ts'
import { GUARDED_32, Reservation } from './reservation.ts'

export interface Platform {
  readonly ffi: Ffi
  readonly process: Process
  readonly agent: NativeAgent
  readonly arena: CodeArena
  readonly cpu: CpuFeatures
  /** Undefined if memories can have guard pages; else why code needs explicit checks. */
  readonly noGuardedMemories: string | undefined
}

export interface PlatformOptions {
  /** Interfaces to try, in order; all if not given. */
  readonly ffi?: readonly FfiName[]
  /** How to make code pages; by what the system allows if not given. */
  readonly pages?: CodePages
}

/** Opens the platform for this agent. What cannot be had is told in a sentence; nothing is left behind then. */
export function openPlatform(options: PlatformOptions = {}): Platform | Unavailable {
  const ffi = loadFfi(options.ffi)
  return 'reason' in ffi ? ffi : openPlatformWith(ffi, options.pages)
}

/** Likewise with an interface that is there. */
export function openPlatformWith(ffi: Ffi, pages?: CodePages): Platform | Unavailable {
  const refused = refusesViews(ffi)
  if (refused !== undefined) return { reason: refused }
  const process = openProcess(ffi, pages)
  if ('reason' in process) return process
  const agent = NativeAgent.create(ffi, process)
  if ('reason' in agent) return agent
  const arena = new CodeArena(ffi, process)
  const cpu = probeCpu(ffi, agent, arena)
  if ('reason' in cpu) {
    agent.close()
    return cpu
  }
  const probe = Reservation.create({ ffi, process }, GUARDED_32)
  const noGuardedMemories = 'reason' in probe ? probe.reason : undefined
  if (!('reason' in probe)) probe.release()
  return { ffi, process, agent, arena, cpu, noGuardedMemories }
}

/** Gives back what the agent has. Contract: none of its code runs or will run. */
export function closePlatform(platform: Platform): void {
  platform.agent.close()
  platform.arena.close()
}

/** Why there are no views of raw memory: embedders of V8 with its sandbox (Electron) forbid them. */
function refusesViews(ffi: Ffi): string | undefined {
  const page = ffi.mmap(0, PAGE_BYTES, Prot.ReadWrite, MapFlag.Private | MapFlag.Anonymous, -1, 0)
  if (page < 0) return 'mmap of a page was refused'
  try {
    // What one view writes, another one shows.
    new Int32Array(ffi.view(page, PAGE_BYTES))[0] = 1
    const shown = new Int32Array(ffi.view(page, PAGE_BYTES))[0]
    return shown === 1 ? undefined : `${ffi.name} gives copies for views of memory`
  } catch (error) {
    return `${ffi.name} refuses views of memory: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    ffi.munmap(page, PAGE_BYTES)
  }
}

/** Asks the processor, by code of ours: the first that runs. */
function probeCpu(ffi: Ffi, agent: NativeAgent, arena: CodeArena): CpuFeatures | Unavailable {
  const chunk = arena.install(makeCpuProbe())
  if (chunk === undefined) return { reason: 'the code arena of the process is full' }
  // A C function: it saves what it must and leaves its words in the context.
  ffi.caller(chunk.address, agent.region + StackRegion.Context)()
  arena.release(chunk)
  const features = readCpuFeatures(agent.ints32)
  return features ?? { reason: 'the processor is below the baseline: it has no SSE4.1' }
}
