// Generator of valid modules. A module is a function of its seed and of the features that may be used.
//
// A generated module describes its own run, so that a file of it is all that is needed for a replay or a reduction
// (run-case.ts reads this convention):
//
//   imports from "env"   f<n>:<params>><results>    host function; letters i l e (i32, i64, externref); calls are logged
//                        throw<n>:i>i               host function that throws a JavaScript value if its argument is odd
//                        call<n>:i>i                host function that calls the export `cb` of the instance
//                        mem<n>:<min>:<max>:<shared>:<wide>   tab<n>:<min>:<max>:<f|e>:<wide>   glob<n>:<letter>:<mutable>   tag<n>:<letters>
//   exports              t<n>                       test functions, called in turn; no parameters, results i32, i64, externref
//                        cb, fuel, g<n>, names of the forms above (a second instance imports them from the first one)

import { Op } from '../src/wasm/op.gen.ts'
import { Heap, isConcrete, isNullable, isRef, refAbstract, RefType, T } from '../src/wasm/types.ts'
import { ExternKind } from '../src/wasm/module.ts'
import type { Feature } from './features.ts'
import { Body, FUEL_GLOBAL } from './gen-body.ts'
import type { Context, FuncInfo, MemoryInfo, TableInfo } from './gen-body.ts'
import { Types } from './gen-types.ts'
import { Random } from './random.ts'
import { HEADER, Writer } from './writer.ts'

const HOST_TYPES: readonly [letter: string, type: number][] = [
  ['i', T.I32],
  ['l', T.I64],
  ['e', RefType.ExternRef],
]
const LETTERS = new Map<number, string>([
  [T.I32, 'i'],
  [T.I64, 'l'],
  [T.F32, 'f'],
  [T.F64, 'd'],
  [T.V128, 'v'],
  [RefType.ExternRef, 'e'],
  [RefType.FuncRef, 'r'],
])

/** Fuel of each call of a test function. */
export const FUEL = 250

/** Proposals that a module leaves alone with this probability (per cent), so that each also occurs without the others. */
const LEFT_OUT: Partial<Record<Feature, number>> = {
  simd: 40,
  threads: 70,
  gc: 45,
  exceptions: 50,
  memory64: 75,
  multi_memory: 60,
  tail_call: 30,
  relaxed_simd: 60,
}

/** The features that this case uses. */
function chooseFeatures(random: Random, available: ReadonlySet<Feature>): Set<Feature> {
  const chosen = new Set<Feature>()
  for (const feature of available) if (!random.chance(LEFT_OUT[feature] ?? 0)) chosen.add(feature)
  // What stands on another proposal goes with it.
  if (!chosen.has('function_references')) chosen.delete('gc')
  return chosen
}

export function generateModule(seed: number, available: ReadonlySet<Feature>): Uint8Array {
  return new ModuleGenerator(new Random(seed), available).generate()
}

class ModuleGenerator {
  private readonly features: Set<Feature>
  private readonly types: Types
  private readonly context: Context
  private readonly imports = new Writer()
  private importCount = 0
  private readonly exports = new Writer()
  private exportCount = 0
  private readonly exported = new Set<string>()
  private readonly importedMemories: number
  private readonly importedTables: number
  private readonly importedGlobals: number

  constructor(
    private readonly r: Random,
    available: ReadonlySet<Feature>,
  ) {
    this.features = chooseFeatures(r, available)
    this.types = new Types(r, this.features)
    this.context = {
      random: r,
      types: this.types,
      features: this.features,
      funcs: [],
      globals: [],
      memories: [],
      tables: [],
      tags: [],
      elems: [],
      datas: [],
    }
    this.importFuncs()
    this.importedMemories = r.chance(30) ? 1 : 0
    this.importedTables = r.chance(20) ? 1 : 0
    this.importedGlobals = r.chance(30) ? r.range(1, 2) : 0
    this.declareMemories()
    this.declareTables()
  }

  private import(name: string, kind: ExternKind, desc: (out: Writer) => void): void {
    this.importCount++
    this.imports.name('env').name(name).u8(kind)
    desc(this.imports)
  }

  private export(name: string, kind: ExternKind, index: number): void {
    if (this.exported.has(name)) return
    this.exported.add(name)
    this.exportCount++
    this.exports.name(name).u8(kind).u32(index)
  }

  private importFuncs(): void {
    const { r } = this
    const count = r.int(4)
    for (let k = 0; k < count; k++) {
      const kind = r.int(6)
      const hostType = (): number =>
        r.pick(this.features.has('reference_types') ? HOST_TYPES : HOST_TYPES.slice(0, 2))[1]
      const params = kind < 2 ? [T.I32] : Array.from({ length: r.int(4) }, hostType)
      const results = kind < 2 ? [T.I32] : Array.from({ length: r.chance(15) ? 2 : r.int(2) }, hostType)
      const prefix = kind === 0 ? 'throw' : kind === 1 ? 'call' : 'f'
      const typeIndex = this.types.func(params, results)
      this.import(`${prefix}${k}:${signature({ params, results, typeIndex })}`, ExternKind.Func, (out) =>
        out.u32(typeIndex),
      )
      this.context.funcs.push({ typeIndex, params, results })
    }
  }

  private declareMemories(): void {
    const { r } = this
    if (r.chance(15)) return
    const count = this.features.has('multi_memory') && r.chance(40) ? r.range(2, 3) : 1
    for (let k = 0; k < count; k++) {
      const min = r.chance(92) ? r.range(1, 2) : 0
      this.context.memories.push({
        min,
        max: min + r.int(3),
        shared: this.features.has('threads') && r.chance(50),
        address64: this.features.has('memory64') && r.chance(60),
      })
    }
    this.context.memories
      .slice(0, this.importedMemories)
      .forEach((m, k) => this.import(memoryName(m, k), ExternKind.Memory, (out) => writeMemory(out, m)))
  }

  private declareTables(): void {
    const { r, types } = this
    const count = r.chance(25) ? 0 : this.features.has('reference_types') ? r.range(1, 3) : 1
    for (let k = 0; k < count; k++) {
      const refs = types.values.filter((t) => isRef(t) && isNullable(t))
      const imported = k < this.importedTables
      const element = k === 0 ? RefType.FuncRef : imported ? RefType.ExternRef : r.pick(refs)
      const min = r.range(4, 12)
      this.context.tables.push({
        element,
        min,
        max: min + r.int(8),
        address64: this.features.has('memory64') && r.chance(30),
      })
    }
    this.context.tables
      .slice(0, this.importedTables)
      .forEach((t, k) => this.import(tableName(t, k), ExternKind.Table, (out) => writeTable(out, t)))
  }

  generate(): Uint8Array {
    const { r, types, context, features } = this
    const { funcs, globals, memories, tables, tags } = context

    // Globals: the fuel, imported ones first in the index space: fuel is imported index 0 only if nothing is imported before it,
    // so it is an import itself.
    this.import('fuel', ExternKind.Global, (out) => out.valType(T.I32).u8(1))
    globals.push({ type: T.I32, mutable: true })
    for (let k = 0; k < this.importedGlobals; k++) {
      const [letter, type] = r.pick(features.has('reference_types') ? HOST_TYPES : HOST_TYPES.slice(0, 2))
      const mutable = r.chance(50)
      this.import(`glob${k}:${letter}:${mutable ? 1 : 0}`, ExternKind.Global, (out) =>
        out.valType(type).u8(mutable ? 1 : 0),
      )
      globals.push({ type, mutable })
    }
    if (features.has('exceptions')) {
      const count = r.range(1, 3)
      const imported = r.int(2)
      for (let k = 0; k < count; k++) {
        const params =
          k < imported
            ? Array.from({ length: r.int(3) }, () => r.pick([T.I32, T.I64]))
            : Array.from({ length: r.int(3) }, () => types.value())
        const typeIndex = types.func(params, [])
        if (k < imported) this.import(`tag${k}:${letters(params)}`, ExternKind.Tag, (out) => out.u8(0).u32(typeIndex))
        tags.push(typeIndex)
      }
      tags
        .slice(0, imported)
        .forEach((typeIndex, k) => this.export(`tag${k}:${letters(funcParams(types, typeIndex))}`, ExternKind.Tag, k))
      tags.forEach((_, k) => this.export(`x${k}`, ExternKind.Tag, k))
    }
    const importedTags = this.countImportedTags()

    // Functions are known by type before any body is written.
    const importedFuncs = funcs.length
    const funcTypes = types.defs.map((d, i) => [d, i] as const).filter(([d]) => d.kind === 'func')
    for (let k = r.range(2, 6); k > 0; k--) {
      const [def, typeIndex] = r.pick(funcTypes)
      if (def.kind === 'func') funcs.push({ typeIndex, params: def.params, results: def.results })
    }
    const internal = funcs.length - importedFuncs

    const globalSection = new Writer()
    const definedGlobals = r.range(1, 6)
    globalSection.u32(definedGlobals)
    for (let k = 0; k < definedGlobals; k++) this.defineGlobal(globalSection)

    const dataSection = this.dataSegments()
    const elemSection = this.elemSegments()

    // Bodies
    const code = new Writer()
    const entries: Writer[] = []
    for (let i = importedFuncs; i < funcs.length; i++) {
      const { params, results } = funcs[i]!
      entries.push(new Body(context, params, results, r.pick([10, 40, 120, 250])).generate())
    }
    const tests: FuncInfo[] = []
    const addTest = (name: string, [entry, info]: [Writer, FuncInfo]): void => {
      this.export(name, ExternKind.Func, importedFuncs + internal + tests.length)
      tests.push(info)
      entries.push(entry)
    }
    for (let k = 0; k < r.range(2, 5); k++) addTest(`t${k}`, this.testFunction(importedFuncs + r.int(internal)))
    addTest('tglobals', this.globalsFunction())
    addTest('cb', this.callback())
    code.u32(entries.length)
    for (const entry of entries) code.u32(entry.length).bytes(entry.view())

    for (let i = importedFuncs; i < importedFuncs + internal; i++) {
      const { params, results } = funcs[i]!
      if (isHostList(params) && isHostList(results))
        this.export(`f${i - importedFuncs}:${signature(funcs[i]!)}`, ExternKind.Func, i)
    }
    this.export('fuel', ExternKind.Global, FUEL_GLOBAL)
    globals.forEach(
      (g, i) =>
        (g.type === T.I32 || g.type === T.I64 || g.type === RefType.ExternRef) &&
        this.export(`g${i}`, ExternKind.Global, i),
    )
    memories.forEach((m, i) => this.export(memoryName(m, i), ExternKind.Memory, i))
    tables.forEach((t, i) => isHostTable(t) && this.export(tableName(t, i), ExternKind.Table, i))

    return this.assemble({
      globalSection,
      dataSection,
      elemSection,
      code,
      internal,
      importedFuncs,
      importedTags,
      tests,
    })
  }

  private countImportedTags(): number {
    return [...this.exported].filter((name) => name.startsWith('tag')).length
  }

  private defineGlobal(out: Writer): void {
    const { r, context, types } = this
    let type = types.value()
    // Only what a constant expression can make.
    if (isRef(type) && !isNullable(type) && isConcrete(type)) type |= 0x2000_0000
    const mutable = r.chance(75)
    out.valType(type).u8(mutable ? 1 : 0)
    const readable = context.globals
      .map((_, i) => i)
      .filter(
        (i) =>
          !context.globals[i]!.mutable &&
          types.isSubtype(context.globals[i]!.type, type) &&
          (this.features.has('gc') || i <= this.importedGlobals),
      )
    if (readable.length > 0 && r.chance(30)) out.op(Op.GlobalGet).u32(r.pick(readable))
    else if (type === T.I32 && this.features.has('extended_const') && r.chance(30)) {
      out
        .op(Op.I32Const)
        .s32(r.int(1000))
        .op(Op.I32Const)
        .s32(r.u32() | 0)
      out.op(r.pick([Op.I32Add, Op.I32Sub, Op.I32Mul]))
    } else {
      const body = new Body(context, [], [], 0)
      if (isRef(type) && !this.features.has('gc')) body.zero(isNullable(type) ? type : RefType.FuncRef)
      else body.constant(type)
      out.bytes(body.out.view())
    }
    out.op(Op.End)
    context.globals.push({ type, mutable })
  }

  private dataSegments(): Writer {
    const { r } = this
    const { memories, datas } = this.context
    const out = new Writer()
    const count = memories.length === 0 && !this.features.has('bulk_memory') ? 0 : r.int(4)
    if (count === 0) return out
    out.u32(count)
    for (let k = 0; k < count; k++) {
      const length = r.int(20)
      const active = memories.length > 0 && (!this.features.has('bulk_memory') || r.chance(50))
      if (active) {
        const memory = r.int(memories.length)
        if (memory > 0) out.u8(2).u32(memory)
        else out.u8(0)
        const { min, address64 } = memories[memory]!
        // Now and then out of bounds: instantiation traps, with the earlier segments written.
        const offset = min === 0 ? 0 : r.chance(97) ? r.int(min * 65536 - 20) : min * 65536 - r.int(40)
        if (address64) out.op(Op.I64Const).s64(BigInt(offset))
        else out.op(Op.I32Const).s32(offset)
        out.op(Op.End)
      } else out.u8(1)
      const size = active && memories.every((m) => m.min === 0) && r.chance(95) ? 0 : length
      out.u32(size)
      for (let i = 0; i < size; i++) out.u8(r.u32())
      datas.push(size)
    }
    return out
  }

  /** The table-0 segment that fills slot i with function i, a declarative segment of all functions, passive ones. */
  private elemSegments(): Writer {
    const { r, types } = this
    const { tables, elems, funcs } = this.context
    const out = new Writer()
    const segments: ((w: Writer) => void)[] = []
    const indirect = tables.findIndex((t) => t.element === RefType.FuncRef)
    if (indirect >= 0) {
      const { min, address64 } = tables[indirect]!
      const count = Math.min(min, funcs.length)
      elems.push({ type: RefType.FuncRef, length: 0 })
      segments.push((w) => {
        if (indirect === 0) w.u8(0)
        else w.u8(2).u32(indirect)
        if (address64) w.op(Op.I64Const).s64(0n)
        else w.op(Op.I32Const).s32(0)
        w.op(Op.End)
        if (indirect > 0) w.u8(0)
        w.u32(count)
        for (let i = 0; i < count; i++) w.u32(i)
      })
    }
    if (this.features.has('reference_types')) {
      elems.push({ type: RefType.FuncRef, length: 0 })
      segments.push((w) => {
        w.u8(3).u8(0).u32(funcs.length)
        for (let i = 0; i < funcs.length; i++) w.u32(i)
      })
      for (let k = r.int(3); k > 0; k--) {
        const refs = types.values.filter((t) => isRef(t) && isNullable(t))
        const type = r.pick(refs)
        const length = r.int(5)
        const body = new Body(this.context, [], [], 0)
        for (let i = 0; i < length; i++) {
          if (this.features.has('gc')) body.constant(type)
          else body.zero(type)
          body.op(Op.End)
        }
        const bytes = body.out.finish()
        elems.push({ type, length })
        segments.push((w) => w.u8(5).valType(type).u32(length).bytes(bytes))
      }
    }
    if (segments.length === 0) return out
    out.u32(segments.length)
    for (const write of segments) write(out)
    return out
  }

  /** Pushes what `type` in local `local` looks like from JavaScript: integers and external references. */
  private observe(body: Body, type: number, local: number): number[] {
    body.op(Op.LocalGet).u32(local)
    switch (type) {
      case T.I32:
      case T.I64:
      case RefType.ExternRef:
        return [type]
      case T.F32:
        body.op(Op.I32ReinterpretF32)
        return [T.I32]
      case T.F64:
        body.op(Op.I64ReinterpretF64)
        return [T.I64]
      case T.V128:
        body.op(Op.I64x2ExtractLane).u8(0)
        body.op(Op.LocalGet).u32(local)
        body.op(Op.I64x2ExtractLane).u8(1)
        return [T.I64, T.I64]
      default:
        body.op(Op.RefIsNull)
        if (this.types.top(type) !== Heap.Any) return [T.I32]
        for (const heap of [Heap.Struct, Heap.I31]) {
          body.op(Op.LocalGet).u32(local)
          body.op(Op.RefTest).heapType(refAbstract(heap, false))
        }
        return [T.I32, T.I32, T.I32]
    }
  }

  private testFunction(target: number): [Writer, FuncInfo] {
    const body = new Body(this.context, [], [], 0)
    const { params, results } = this.context.funcs[target]!
    for (const type of params) body.constant(type)
    body.op(Op.Call).u32(target)
    const locals = results.map((type) => body.newLocal(type))
    for (let i = results.length - 1; i >= 0; i--) body.op(Op.LocalSet).u32(locals[i]!)
    const seen: number[] = []
    results.forEach((type, i) => {
      // A non-nullable local is set here, and this is straight-line code.
      seen.push(...this.observe(body, type, locals[i]!))
    })
    body.op(Op.End)
    return [body.finish(), this.info([], seen)]
  }

  /** Final values of the globals that JavaScript cannot read bit by bit. */
  private globalsFunction(): [Writer, FuncInfo] {
    const body = new Body(this.context, [], [], 0)
    const seen: number[] = []
    this.context.globals.forEach((g, index) => {
      if (g.type === T.I32 || g.type === T.I64 || g.type === RefType.ExternRef || g.type === RefType.ExnRef) return
      const local = body.newLocal(g.type)
      body.op(Op.GlobalGet).u32(index)
      body.op(Op.LocalSet).u32(local)
      seen.push(...this.observe(body, g.type, local))
    })
    body.op(Op.End)
    return [body.finish(), this.info([], seen)]
  }

  private callback(): [Writer, FuncInfo] {
    const body = new Body(this.context, [T.I32], [T.I32], 30)
    return [body.generate(), this.info([T.I32], [T.I32])]
  }

  private info(params: number[], results: number[]): FuncInfo {
    return { typeIndex: this.types.func(params, results), params, results }
  }

  private assemble(parts: {
    globalSection: Writer
    dataSection: Writer
    elemSection: Writer
    code: Writer
    internal: number
    importedFuncs: number
    importedTags: number
    tests: FuncInfo[]
  }): Uint8Array {
    const { memories, tables, tags, funcs, datas } = this.context
    const out = new Writer().bytes(HEADER)
    const section = new Writer()
    this.types.write(section.reset())
    out.section(1, section)
    section.reset().u32(this.importCount).bytes(this.imports.view())
    out.section(2, section)
    section.reset().u32(parts.internal + parts.tests.length)
    for (let i = parts.importedFuncs; i < funcs.length; i++) section.u32(funcs[i]!.typeIndex)
    for (const test of parts.tests) section.u32(test.typeIndex)
    out.section(3, section)
    const ownTables = tables.slice(this.importedTables)
    section.reset()
    if (ownTables.length > 0) section.u32(ownTables.length)
    for (const table of ownTables) writeTable(section, table)
    out.section(4, section)
    const ownMemories = memories.slice(this.importedMemories)
    section.reset()
    if (ownMemories.length > 0) section.u32(ownMemories.length)
    for (const memory of ownMemories) writeMemory(section, memory)
    out.section(5, section)
    const ownTags = tags.slice(parts.importedTags)
    section.reset()
    if (ownTags.length > 0) section.u32(ownTags.length)
    for (const typeIndex of ownTags) section.u8(0).u32(typeIndex)
    out.section(13, section)
    out.section(6, parts.globalSection)
    section.reset().u32(this.exportCount).bytes(this.exports.view())
    out.section(7, section)
    const start = this.context.funcs.findIndex(
      (f, i) => i >= parts.importedFuncs && f.params.length === 0 && f.results.length === 0,
    )
    section.reset()
    if (start >= 0 && this.r.chance(30)) section.u32(start)
    out.section(8, section)
    out.section(9, parts.elemSection)
    section.reset()
    if (datas.length > 0 && this.features.has('bulk_memory')) section.u32(datas.length)
    out.section(12, section)
    out.section(10, parts.code)
    out.section(11, parts.dataSection)
    return out.finish()
  }
}

const letters = (types: readonly number[]): string => types.map((t) => LETTERS.get(t) ?? '?').join('')
const signature = (f: FuncInfo): string => `${letters(f.params)}>${letters(f.results)}`
const isHostList = (types: readonly number[]): boolean => types.every((t) => HOST_TYPES.some(([, type]) => type === t))
const isHostTable = (t: TableInfo): boolean => t.element === RefType.FuncRef || t.element === RefType.ExternRef
const memoryName = (m: MemoryInfo, k: number): string =>
  `mem${k}:${m.min}:${m.max}:${m.shared ? 1 : 0}:${m.address64 ? 1 : 0}`
const tableName = (t: TableInfo, k: number): string =>
  `tab${k}:${t.min}:${t.max}:${t.element === RefType.FuncRef ? 'f' : 'e'}:${t.address64 ? 1 : 0}`

function funcParams(types: Types, index: number): readonly number[] {
  const def = types.defs[index]!
  return def.kind === 'func' ? def.params : []
}

function writeMemory(out: Writer, m: MemoryInfo): void {
  out
    .u8(1 | (m.shared ? 2 : 0) | (m.address64 ? 4 : 0))
    .u32(m.min)
    .u32(m.max)
}

function writeTable(out: Writer, t: TableInfo): void {
  out
    .valType(t.element)
    .u8(1 | (t.address64 ? 4 : 0))
    .u32(t.min)
    .u32(t.max)
}
