// Runs SSA graphs inside the runtime: an interpreter for tests that takes the functions which the front end can translate, and leaves
// the others to the register-IR loop. So every test of the engine is a test of front end and passes: memories, tables, imports,
// calls in both directions are the runtime's own. A call is a nested activation: recursion deeper than `MAX_NESTED` traps.

import { buildGraph, type FrontendOptions } from '../../src/frontend/translate.ts'
import { cold } from '../../src/interp/cold/index.ts'
import '../../src/interp/index.ts'
import { enter } from '../../src/runtime/activation.ts'
import { call, type Interpreter, registerInterpreter } from '../../src/runtime/driver.ts'
import { WasmThrow } from '../../src/runtime/exception.ts'
import { INSTANCES, type Instance } from '../../src/runtime/instance.ts'
import {
  CODE,
  CODE_WORDS,
  CTX,
  Ctx,
  Exit,
  Frame,
  FRAME_WORDS,
  FS,
  FUNC,
  FUNC_WORDS_LOG2,
  Func,
  Pc,
  R,
  TrapCode,
} from '../../src/runtime/machine.ts'
import type { Graph } from '../../src/ssa/graph.ts'
import { Op } from '../../src/ssa/op.gen.ts'
import { OP_NAMES, OPERANDS } from '../../src/ssa/op-tables.ts'
import { Builtin, BUILTIN_NAMES, Type } from '../../src/ssa/types.ts'
import type { Module } from '../../src/wasm/module.ts'
import { isSubtypeId } from '../../src/wasm/canonical.ts'
import { OPCODES } from '../../src/wasm/opcodes.ts'
import { FRAMES, NUMERIC } from './numeric.ts'

const I = new Int32Array(FRAMES)
const Q = new BigInt64Array(FRAMES)
/** First free slot of 8 bytes. */
let top = 8

/** An access by name of the op: bytes, and for loads how the rest of the value is filled. */
interface Access {
  readonly bytes: number
  readonly signed: boolean
}
const LOADS = OP_NAMES.map((name) => accessOf(name, 'load'))
const STORES = OP_NAMES.map((name) => accessOf(name, 'store'))

function accessOf(name: string, kind: string): Access | undefined {
  const match = new RegExp(`^[if](32|64)\\.${kind}(8|16|32)?(_s)?`).exec(name)
  if (match === null) return undefined
  return { bytes: Number(match[2] ?? match[1]) / 8, signed: match[3] !== undefined }
}

const BUILTIN_OPCODES = BUILTIN_NAMES.map((name) => OPCODES.find((row) => row[1] === name)?.[0])

/** Traps end a function's evaluation. */
class Trapped {
  readonly code: TrapCode
  constructor(trapCode: TrapCode) {
    this.code = trapCode
  }
}

const trap = (trapCode: TrapCode): never => {
  throw new Trapped(trapCode)
}

/** Addresses: what they are of in the high 16 bits, the offset below. */
const OFFSET_BITS = 48n
const baseOf = (index: number): bigint => BigInt(index + 1) << OFFSET_BITS

/** A tail call to be done: the function; its arguments lie where the frame's were. */
const NO_TAIL = -1

class Evaluator {
  private readonly options: FrontendOptions
  private readonly transform: (graph: Graph) => void
  private readonly graphs = new WeakMap<Module, (Graph | undefined)[]>()
  translated = 0
  declined = 0
  instructions = 0

  constructor(options: FrontendOptions, transform: (graph: Graph) => void) {
    this.options = options
    this.transform = transform
  }

  graphOf(fid: number): Graph | undefined {
    const record = fid << FUNC_WORDS_LOG2
    const id = FUNC[record + Func.Instance]
    if (id < 0) return undefined
    const { module } = INSTANCES[id]
    let list = this.graphs.get(module)
    if (list === undefined) this.graphs.set(module, (list = []))
    const index = FUNC[record + Func.Index]
    if (index in list) return list[index]
    const built = buildGraph(module, index, this.options)
    if ('declined' in built) {
      this.declined++
      return (list[index] = undefined)
    }
    this.translated++
    this.transform(built)
    return (list[index] = built)
  }

  /** Runs a graph with the arguments at slot fp; results go there. Returns the function of a tail call, or NO_TAIL. */
  run(graph: Graph, instance: Instance, fp: number): number {
    const base = top
    if ((base + graph.count) * 8 > FRAMES.byteLength) trap(TrapCode.StackExhausted)
    top = base + graph.count
    try {
      return this.blocks(graph, instance, fp, base)
    } finally {
      top = base
    }
  }

  private blocks(graph: Graph, instance: Instance, fp: number, base: number): number {
    let block = graph.layout[0]
    const entry = graph.blockStart[block]
    for (let i = 0; i < graph.blockParams[block]; i++) {
      const v = base + graph.schedule[entry + i]
      I[v * 2] = R[(fp + i) * 2]
      I[v * 2 + 1] = R[(fp + i) * 2 + 1]
    }
    for (;;) {
      const end = graph.blockEnd[block] - 1
      for (let at = graph.blockStart[block] + graph.blockParams[block]; at < end; at++)
        this.instruction(graph, graph.schedule[at], instance, fp, base)
      const v = graph.schedule[end]
      const a = OPERANDS[graph.op[v]] === 0 ? base : base + graph.resolve(graph.a[v])
      let edge = graph.aux[v]
      this.instructions += end - graph.blockStart[block] + 1
      switch (graph.op[v] as Op) {
        case Op.Jump:
          break
        case Op.Branch:
          if (I[a * 2] === 0) edge++
          break
        case Op.Switch:
          edge += Math.min(I[a * 2] >>> 0, graph.c[v] - 1)
          break
        case Op.Return:
          this.list(graph, v, base, fp)
          return NO_TAIL
        case Op.Unreachable:
          return trap(graph.aux[v])
        case Op.ReturnCall:
        case Op.ReturnCallImport:
        case Op.ReturnCallRef: {
          const callee = this.callee(graph, v, instance, base)
          this.list(graph, v, base, fp)
          return callee
        }
        default:
          throw new Error(`${OP_NAMES[graph.op[v]]} is no terminator`)
      }
      // In parallel: an argument may be a parameter of the same block.
      const target = graph.edgeTarget[edge]
      const count = graph.blockParams[target]
      const args: bigint[] = []
      for (let i = 0; i < count; i++) args.push(Q[base + graph.resolve(graph.pool[graph.edgeArgs[edge] + i])])
      for (let i = 0; i < count; i++) Q[base + graph.schedule[graph.blockStart[target] + i]] = args[i]
      block = target
    }
  }

  /** Copies an operand list to slots. */
  private list(graph: Graph, v: number, base: number, slot: number): void {
    for (let i = 0; i < graph.c[v]; i++) {
      const x = base + graph.resolve(graph.pool[graph.b[v] + 1 + i])
      R[(slot + i) * 2] = I[x * 2]
      R[(slot + i) * 2 + 1] = I[x * 2 + 1]
    }
  }

  private callee(graph: Graph, v: number, instance: Instance, base: number): number {
    switch (graph.op[v] as Op) {
      case Op.CallRef:
      case Op.ReturnCallRef:
        return I[(base + graph.resolve(graph.a[v])) * 2] >>> 3
      default:
        return instance.funcIds[graph.aux[v]]
    }
  }

  private call(graph: Graph, v: number, instance: Instance, fp: number, base: number): void {
    const fid = this.callee(graph, v, instance, base)
    const signature = graph.signatures[graph.pool[graph.b[v]]]
    // Above the frame: its parameters and results.
    CTX[Ctx.Top] = fp + Math.max(graph.signature.params.length, graph.signature.results.length)
    const slot = enter(instance.store, fid)
    this.list(graph, v, base, slot)
    call(fid, slot)
    this.results(v, signature.results.length, slot, base)
  }

  private results(v: number, count: number, slot: number, base: number): void {
    if (count === 0) return
    Q[base + v] = (BigInt(R[slot * 2 + 1]) << 32n) | BigInt(R[slot * 2] >>> 0)
    // Further ones stay where the next instructions, `proj`, find them.
    for (let i = 1; i < count; i++)
      pending[i] = (BigInt(R[(slot + i) * 2 + 1]) << 32n) | BigInt(R[(slot + i) * 2] >>> 0)
    if (count > 1) multiple.set(base + v, pending.slice(0, count))
  }

  private runtime(graph: Graph, v: number, instance: Instance, fp: number, base: number): void {
    const slot = fp + Math.max(graph.signature.params.length, graph.signature.results.length)
    const operand = (i: number): number => I[(base + graph.resolve(graph.pool[graph.b[v] + 1 + i])) * 2]
    if (graph.aux[v] === Builtin.IsFunctionOfType) {
      const type = FUNC[((operand(0) >>> 3) << FUNC_WORDS_LOG2) + Func.Type]
      Q[base + v] = isSubtypeId(type, operand(1)) ? 1n : 0n
      return
    }
    const pc = CODE_WORDS - 64
    const immediates = /^(memory\.grow|memory\.fill|data|elem|table\.(set|grow|fill))/.test(BUILTIN_NAMES[graph.aux[v]])
      ? 1
      : 2
    const operands = graph.c[v] - immediates
    const results = graph.signatures[graph.pool[graph.b[v]]].results.length
    let word = pc
    CODE[word++] = 0x1000 + BUILTIN_OPCODES[graph.aux[v]]!
    if (results > 0) CODE[word++] = 0
    for (let i = 0; i < operands; i++) CODE[word++] = i + 1
    for (let i = operands; i < graph.c[v]; i++)
      CODE[word++] = I[(base + graph.resolve(graph.pool[graph.b[v] + 1 + i])) * 2]
    this.list(graph, v, base, slot + 1)
    for (;;) {
      const next = cold(CODE[pc], pc, slot, instance)
      if (next === word) break
      if (next >= 0) throw new Error(`${BUILTIN_NAMES[graph.aux[v]]}: next pc`)
      if (~next === Exit.Trap) trap(CTX[Ctx.A])
      if (~next !== Exit.Slice) throw new Error(`${BUILTIN_NAMES[graph.aux[v]]}: exit ${~next}`)
      if (CTX[Ctx.Pc] === word) break
    }
    this.results(v, results, slot, base)
  }

  private instruction(graph: Graph, v: number, instance: Instance, fp: number, base: number): void {
    const op: Op = graph.op[v]
    const d = base + v
    const a = OPERANDS[graph.op[v]] === 0 ? base : base + graph.resolve(graph.a[v])
    const numeric = NUMERIC[op]
    if (numeric !== undefined) {
      const b = OPERANDS[op] < 2 ? base : base + graph.resolve(graph.b[v])
      try {
        numeric(a * 8, b * 8, d * 8)
      } catch (error) {
        trap(numericTrap(error as Error, Number.isNaN(floatOf(graph, v, a))))
      }
      return
    }
    const { aux } = graph
    switch (op) {
      case Op.Nop:
        return
      case Op.Const:
        I[d * 2] = graph.a[v]
        I[d * 2 + 1] = graph.b[v]
        return
      case Op.Select:
        Q[d] = I[(base + graph.resolve(graph.c[v])) * 2] !== 0 ? Q[a] : Q[base + graph.resolve(graph.b[v])]
        return
      case Op.Proj:
        Q[d] = multiple.get(a)![aux[v]]
        return
      case Op.FrameLoad:
        I[d * 2] = R[(fp + aux[v]) * 2]
        I[d * 2 + 1] = R[(fp + aux[v]) * 2 + 1]
        return
      case Op.I64MulhiS:
        Q[d] = BigInt.asIntN(64, (Q[a] * Q[base + graph.resolve(graph.b[v])]) >> 64n)
        return
      case Op.I64MulhiU: {
        const b = Q[base + graph.resolve(graph.b[v])]
        Q[d] = BigInt.asIntN(64, (BigInt.asUintN(64, Q[a]) * BigInt.asUintN(64, b)) >> 64n)
        return
      }
      case Op.MemoryBase:
      case Op.MemoryAddress:
        Q[d] = baseOf(aux[v])
        return
      case Op.MemoryBytes: {
        const memory = instance.memories[aux[v]]
        memory.refresh()
        Q[d] = BigInt(memory.byteLength)
        return
      }
      case Op.GlobalGet: {
        const global = instance.globals[aux[v]]
        I[d * 2] = global.cells[global.at]
        I[d * 2 + 1] = global.cells[global.at + 1]
        return
      }
      case Op.GlobalSet: {
        const global = instance.globals[aux[v]]
        const type = graph.type[graph.resolve(graph.a[v])]
        global.cells[global.at] = I[a * 2]
        if (type === Type.I64 || type === Type.F64) global.cells[global.at + 1] = I[a * 2 + 1]
        return
      }
      case Op.TableLength:
        Q[d] = BigInt(instance.tables[aux[v]].size)
        return
      case Op.TableEntry: {
        if (BigInt.asUintN(64, Q[a]) >= BigInt(instance.tables[aux[v]].size)) throw new Error('unchecked table entry')
        Q[d] = baseOf(aux[v]) + Q[a]
        return
      }
      case Op.EntryGet: {
        const [table, index] = entryOf(instance, Q[a])
        I[d * 2] = table.words[index]
        return
      }
      case Op.EntrySet: {
        const [table, index] = entryOf(instance, Q[a])
        table.words[index] = I[(base + graph.resolve(graph.b[v])) * 2]
        return
      }
      case Op.RefHasType:
        I[d * 2] = FUNC[((I[a * 2] >>> 3) << FUNC_WORDS_LOG2) + Func.Type] === aux[v] ? 1 : 0
        return
      case Op.Poll:
      case Op.Fuel:
        return
      case Op.RefFunc:
        I[d * 2] = (instance.funcIds[aux[v]] << 3) | 2
        return
      case Op.RefIsNull:
        I[d * 2] = I[a * 2] === 0 ? 1 : 0
        return
      case Op.Trapif:
        if (I[a * 2] !== 0) trap(aux[v])
        return
      case Op.Call:
      case Op.CallImport:
      case Op.CallRef:
        this.call(graph, v, instance, fp, base)
        return
      case Op.Runtime:
        this.runtime(graph, v, instance, fp, base)
        return
      default:
        this.access(graph, v, instance, base)
    }
  }

  private access(graph: Graph, v: number, instance: Instance, base: number): void {
    const op = graph.op[v]
    const load = LOADS[op]
    const access = load ?? STORES[op]
    if (access === undefined) throw new Error(`no evaluation of ${OP_NAMES[op]}`)
    const index = load === undefined ? graph.c[v] : graph.b[v]
    const memory = instance.memories[index]
    const address = BigInt.asUintN(64, Q[base + graph.resolve(graph.a[v])] - baseOf(index)) + BigInt(graph.aux[v])
    if (address + BigInt(access.bytes) > BigInt(memory.byteLength)) {
      const { type } = memory
      if (this.options.guardedMemories && !type.address64 && type.pageSizeLog2 === 16) {
        if (address >= 1n << 33n) throw new Error('address beyond the reservation')
        if (!memory.refresh() || address + BigInt(access.bytes) > BigInt(memory.byteLength))
          trap(TrapCode.MemoryOutOfBounds)
      } else throw new Error(`unchecked access at ${address}`)
    }
    const at = Number(address)
    if (load === undefined) {
      const x = (base + graph.resolve(graph.b[v])) * 8
      for (let i = 0; i < access.bytes; i++) memory.u8[at + i] = BYTES[x + i]
      return
    }
    const d = (base + v) * 8
    const fill = access.signed && memory.u8[at + access.bytes - 1] >= 0x80 ? 0xff : 0
    for (let i = 0; i < 8; i++) BYTES[d + i] = i < access.bytes ? memory.u8[at + i] : fill
  }
}

const BYTES = new Uint8Array(FRAMES)
const F32 = new Float32Array(FRAMES)
const F64 = new Float64Array(FRAMES)
/** Results of calls with several: by place of the call's value. */
const multiple = new Map<number, bigint[]>()
const pending: bigint[] = [0n]

function floatOf(graph: Graph, v: number, a: number): number {
  const type = graph.type[graph.resolve(graph.a[v])]
  return type === Type.F32 ? F32[a * 2] : type === Type.F64 ? F64[a] : 0
}

/** V8 does not tell NaN and overflow apart. */
function numericTrap(error: Error, isNaN: boolean): TrapCode {
  if (/by zero/.test(error.message)) return TrapCode.DivideByZero
  if (/divide result unrepresentable/.test(error.message)) return TrapCode.IntegerOverflow
  if (/float unrepresentable/.test(error.message)) return isNaN ? TrapCode.InvalidConversion : TrapCode.IntegerOverflow
  throw error
}

function entryOf(instance: Instance, address: bigint): [table: Instance['tables'][number], index: number] {
  const table = instance.tables[Number(address >> OFFSET_BITS) - 1]
  return [table, Number(address & ((1n << OFFSET_BITS) - 1n))]
}

/** What has run since `install`. */
export interface EvalCounts {
  readonly translated: number
  readonly declined: number
  readonly instructions: number
}

/**
 * From now on functions run as SSA, each graph after `transform`. The returned function sets the interpreter back. Functions that were
 * called before are not affected.
 */
export function installEvaluator(
  options: FrontendOptions,
  transform: (graph: Graph) => void = () => {},
): { readonly counts: EvalCounts; uninstall(): void } {
  const evaluator = new Evaluator(options, transform)
  const run = (): Exit => {
    let exit: Exit = CTX[Ctx.Pc] === Pc.Build ? Exit.Build : below.run()
    while (exit === Exit.Build) {
      const fsp = CTX[Ctx.Fsp]
      const fp = CTX[Ctx.Fp]
      const fid = FS[fsp + Frame.Fid]
      const graph = evaluator.graphOf(fid)
      if (graph === undefined) return exit
      const instance = INSTANCES[FUNC[(fid << FUNC_WORDS_LOG2) + Func.Instance]]
      let tail: number
      try {
        tail = evaluator.run(graph, instance, fp)
      } catch (error) {
        CTX[Ctx.Fp] = fp
        CTX[Ctx.Fsp] = fsp
        CTX[Ctx.Pc] = Pc.Build
        if (error instanceof Trapped) {
          CTX[Ctx.A] = error.code
          return Exit.Trap
        }
        if (!(error instanceof WasmThrow) || error.store !== instance.store) throw error
        CTX[Ctx.Pc] = FS[fsp + Frame.ReturnPc] - 1
        if (CTX[Ctx.Pc] < Pc.First) throw error
        CTX[Ctx.Fp] = fp - FS[fsp + Frame.Delta]
        CTX[Ctx.Fsp] = fsp - FRAME_WORDS
        CTX[Ctx.A] = error.word
        return Exit.Throw
      }
      CTX[Ctx.Fp] = fp
      CTX[Ctx.Fsp] = fsp
      if (tail !== NO_TAIL) {
        FS[fsp + Frame.Fid] = tail
        if (FS[fsp + Frame.ReturnPc] !== Pc.Done) FS[fsp + Frame.Switch] = 1
        CTX[Ctx.Pc] = FUNC[(tail << FUNC_WORDS_LOG2) + Func.Entry]
        if (CTX[Ctx.Pc] === Pc.Host) return Exit.Host
        if (CTX[Ctx.Pc] === Pc.Build) continue
      } else {
        CTX[Ctx.Pc] = FS[fsp + Frame.ReturnPc]
        CTX[Ctx.Fp] = fp - FS[fsp + Frame.Delta]
        CTX[Ctx.Fsp] = fsp - FRAME_WORDS
        if (CTX[Ctx.Pc] === Pc.Done) return Exit.Done
      }
      exit = below.run()
    }
    return exit
  }
  const below: Interpreter = registerInterpreter({
    run: () => run(),
    runMetered: () => below.runMetered(),
    build: (instance, index) => below.build(instance, index),
    findHandler: (fid, pc, tagId) => below.findHandler(fid, pc, tagId),
    wasmOffsetAt: (fid, pc) => below.wasmOffsetAt(fid, pc),
    dropModule: (module) => below.dropModule(module),
  })
  return { counts: evaluator, uninstall: () => void registerInterpreter(below) }
}

/** Runs a graph that needs no instance, on these slots of 64 bits; the results come back in the first of them. */
export function runGraph(graph: Graph, slots: readonly bigint[]): bigint[] {
  const fp = CTX[Ctx.Top]
  slots.forEach((bits, i) => {
    R[(fp + i) * 2] = Number(BigInt.asIntN(32, bits))
    R[(fp + i) * 2 + 1] = Number(BigInt.asIntN(32, bits >> 32n))
  })
  new Evaluator({ guardedMemories: false }, () => {}).run(graph, {} as Instance, fp)
  return graph.signature.results.map((type, i) => {
    const low = R[(fp + i) * 2]
    return type === Type.I32 || type === Type.F32
      ? BigInt(low)
      : (BigInt(R[(fp + i) * 2 + 1]) << 32n) | BigInt(low >>> 0)
  })
}
