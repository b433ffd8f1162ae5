// The compile pipeline: a Wasm function to machine code. A pure function of the module's bytes and the options: the same input gives the same
// bytes. What becomes of the code is install.ts's affair.

import { RegisterAllocator } from '../codegen/regalloc/allocate.ts'
import { buildGraph } from '../frontend/translate.ts'
import { Assembler, type Relocations } from '../isa/x64/assembler.ts'
import { X64_REGISTERS } from '../isa/x64/abi.ts'
import { CodeEmitter, type EmitTarget, RETURN_WORDS, TRAP_WORDS } from '../isa/x64/emit.ts'
import { lower } from '../isa/x64/lower.ts'
import { optimize } from '../ssa/passes/optimize.ts'
import type { Module } from '../wasm/module.ts'
import type { Observer } from './observer.ts'

export interface CompileOptions extends EmitTarget {
  /** See `FrontendOptions`. */
  readonly guardedMemories: boolean
  readonly metered: boolean
  /** Offset of the loop to enter at, with the interpreter's frame. */
  readonly osrOffset?: number
}

/** Machine code that is not placed yet, and what the driver must know of it. Offsets are in bytes from its start. */
export interface CompiledFunction {
  readonly bytes: Uint8Array
  readonly relocations: Relocations
  /** By fault: offset of the instruction, trap code, Wasm offset; ascending. */
  readonly traps: Int32Array
  /** By call: offset behind it, Wasm offset; ascending. */
  readonly returns: Int32Array
  /** Bytes from the stack pointer to the return address, from the end of the prologue on. */
  readonly frameSize: number
  /** Offsets behind the prologue's pushes and behind all of it. */
  readonly prologue: readonly number[]
  /** Bytes of instructions; constants follow. */
  readonly codeBytes: number
}

/** A function that stays interpreted. */
export interface Declined {
  readonly declined: string
}

/** The compiler of an agent: memory that is used again for each function. */
export class Compiler {
  private readonly allocator = new RegisterAllocator(X64_REGISTERS)
  private readonly assembler = new Assembler()
  private readonly emitter = new CodeEmitter(this.assembler)

  /** Compiles a function. `observer` sees what each step makes: tests and dumps. */
  compile(module: Module, index: number, options: CompileOptions, observer?: Observer): CompiledFunction | Declined {
    const graph = buildGraph(module, index, options)
    if ('declined' in graph) return graph
    observer?.graph?.(graph, 'front end')
    optimize(graph, observer?.graph && ((pass, after) => observer.graph!(after, pass)))
    const code = lower(graph, options)
    const allocation = this.allocator.allocate(code)
    observer?.allocation?.(code, allocation)
    const { assembler, emitter } = this
    assembler.reset()
    emitter.emit(code, allocation, options, observer?.instruction)
    const codeBytes = assembler.pos
    assembler.finish()
    const relocations = assembler.relocations()
    return {
      bytes: assembler.bytes.slice(0, assembler.pos),
      relocations: { words: relocations.words.slice(0, 3 * relocations.count), count: relocations.count },
      traps: emitter.traps.slice(0, emitter.trapCount * TRAP_WORDS),
      returns: emitter.returns.slice(0, emitter.returnCount * RETURN_WORDS),
      frameSize: emitter.frameSize,
      prologue: emitter.prologueOffsets.slice(),
      codeBytes,
    }
  }
}
