// The compiler's stages as text: SSA, machine code. Needs no platform: any host can look.

import { buildGraph } from '../frontend/translate.ts'
import { disassemble } from '../isa/x64/disassembler.ts'
import { BASELINE, type CpuFeatures } from '../isa/x64/features.ts'
import { UnsupportedError } from '../isa/x64/lower.ts'
import { instanceLayout } from '../native/layout.ts'
import { optimize } from '../ssa/passes/optimize.ts'
import { printGraph, printValue } from '../ssa/print.ts'
import type { Module } from '../wasm/module.ts'
import { type CompileOptions, Compiler } from './compile.ts'
import type { Graph } from '../ssa/graph.ts'

/** SSA after all passes, as the front end makes it for guarded memories. */
export function dumpSsa(module: Module, index: number): string {
  const graph = buildGraph(module, index, { guardedMemories: true })
  if ('declined' in graph) return `; not compiled: ${graph.declined}\n`
  optimize(graph)
  return printGraph(graph)
}

/** Machine code: beside each instruction the SSA value that it computes, and the offset of the Wasm instruction. */
export function dumpMachineCode(module: Module, index: number, features: CpuFeatures = BASELINE): string {
  const importedGlobals = module.globals.length - module.globalDefs.length
  const options: CompileOptions = {
    features,
    layout: instanceLayout({
      importedFunctions: module.importedFuncs,
      globals: module.globals.length,
      importedGlobals,
    }),
    importedGlobals,
    index,
    guardedMemories: true,
    metered: false,
    hasMemory: module.memories.length > 0,
    isCompiled: () => false,
  }
  let last: Graph | undefined
  const comments = new Map<number, string>()
  const observer = {
    graph: (graph: Graph) => void (last = graph),
    instruction(pc: number, value: number, offset: number) {
      const text = value < 0 || last === undefined ? '' : printValue(last, value)
      comments.set(pc, offset < 0 ? text : `${text}  @0x${offset.toString(16)}`)
    },
  }
  try {
    const code = new Compiler().compile(module, index, options, observer)
    if ('declined' in code) return `; not compiled: ${code.declined}\n`
    return `${disassemble(code.bytes, 0, code.codeBytes, { comment: (pc) => comments.get(pc) })}\n`
  } catch (error) {
    if (error instanceof UnsupportedError) return `; not compiled: ${error.message}\n`
    throw error
  }
}
