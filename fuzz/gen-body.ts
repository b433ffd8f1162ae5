// Function bodies of generated modules: typed top-down generation. `value(t)` emits code that pushes one value of type t (or of a
// subtype), `statement()` code that leaves the stack as it was; both only emit valid code, so that the validator never decides
// what is tested.
//
// Runs are finite: every function entry and every branch to a loop takes one unit of the fuel global (global 0), and without fuel
// functions return at once and loops end. Bits are determined: results of float arithmetic go through `canonicalize`.

import { Op } from '../src/wasm/op.gen.ts'
import { OPCODES } from '../src/wasm/opcodes.ts'
import type { OpRow } from '../src/wasm/opcodes.ts'
import {
  Heap,
  heapOf,
  isConcrete,
  isNullable,
  isRef,
  refAbstract,
  refConcrete,
  RefType,
  T,
  typeIndexOf,
} from '../src/wasm/types.ts'
import type { Feature } from './features.ts'
import { isDefaultable, isPacked, unpacked } from './gen-types.ts'
import type { Types } from './gen-types.ts'
import { randomF32, randomF64, randomI32, randomI64, randomV128 } from './random.ts'
import type { Random } from './random.ts'
import { LETTER_TYPE, Writer } from './writer.ts'

export interface FuncInfo {
  readonly typeIndex: number
  readonly params: readonly number[]
  readonly results: readonly number[]
}
export interface MemoryInfo {
  readonly min: number
  readonly max: number
  readonly shared: boolean
  readonly address64: boolean
}
export interface TableInfo {
  readonly element: number
  readonly min: number
  readonly max: number
  readonly address64: boolean
}

/** What a body may refer to. */
export interface Context {
  readonly random: Random
  readonly types: Types
  readonly features: ReadonlySet<Feature>
  readonly funcs: FuncInfo[]
  readonly globals: { readonly type: number; readonly mutable: boolean }[]
  readonly memories: MemoryInfo[]
  readonly tables: TableInfo[]
  /** Function type index of each tag. */
  readonly tags: number[]
  /** Element type and length of each element segment. */
  readonly elems: { readonly type: number; readonly length: number }[]
  /** Length of each data segment. */
  readonly datas: number[]
}

interface Label {
  /** Types that a branch to it takes. */
  readonly types: readonly number[]
  readonly loop: boolean
}

/** Fuel global. */
export const FUEL_GLOBAL = 0
const MAX_DEPTH = 7

const isPure = (row: OpRow): boolean =>
  /^[ilfdv]+:[ilfdv]$/.test(row[2]) && ['', 'lane', 'shuffle'].includes(row[3]) && row[4] !== 'relaxed_simd'
const isAtomic = (row: OpRow): boolean => row[4] === 'threads' && row[0] >= Op.I32AtomicLoad

interface OpTable {
  /** By result type. */
  readonly pure: ReadonlyMap<number, readonly OpRow[]>
  readonly loads: ReadonlyMap<number, readonly OpRow[]>
  readonly atomics: ReadonlyMap<number, readonly OpRow[]>
  readonly stores: readonly OpRow[]
  readonly atomicStores: readonly OpRow[]
}
const tables = new Map<string, OpTable>()

/** Rows usable with `features`, by what they push. */
function opTable(features: ReadonlySet<Feature>): OpTable {
  const key = [...features].join()
  let table = tables.get(key)
  if (table === undefined) {
    const rows = OPCODES.filter((row) => row[4] === 'mvp' || features.has(row[4] as Feature))
    const byResult = (accept: (row: OpRow) => boolean): Map<number, OpRow[]> => {
      const map = new Map<number, OpRow[]>()
      for (const row of rows) {
        if (!accept(row)) continue
        const type = LETTER_TYPE[row[2][row[2].length - 1]!]!
        const list = map.get(type)
        if (list === undefined) map.set(type, [row])
        else list.push(row)
      }
      return map
    }
    const isMemory = (row: OpRow): boolean => row[3] === 'memarg' || row[3] === 'memarg_lane'
    table = {
      pure: byResult(isPure),
      loads: byResult((row) => isMemory(row) && row[4] !== 'threads' && !row[2].endsWith(':')),
      atomics: byResult((row) => isAtomic(row) && !row[2].endsWith(':')),
      stores: rows.filter((row) => isMemory(row) && row[4] !== 'threads' && row[2].endsWith(':')),
      atomicStores: rows.filter((row) => isAtomic(row) && row[2].endsWith(':')),
    }
    tables.set(key, table)
  }
  return table
}

/** Lane count of a lane instruction by its name. */
const laneCount = (name: string): number => {
  const shape = /x(\d+)\./.exec(name)
  if (shape !== null) return Number(shape[1])
  return 128 / Number(/(?:load|store)(\d+)_lane/.exec(name)![1])
}

const NAN_PRODUCER =
  /^f(32|64)\.(add|sub|mul|div|sqrt|ceil|floor|trunc|nearest|min|max|demote|promote)|^f(32x4|64x2)\.(add|sub|mul|div|sqrt|ceil|floor|trunc|nearest|min|max|demote|promote)/

export class Body {
  readonly out = new Writer()
  private readonly r: Random
  private readonly types: Types
  private readonly ops: OpTable
  /** Types of parameters, then of declared locals. */
  private readonly locals: number[]
  private readonly labels: Label[] = []
  private depth = 0

  constructor(
    private readonly context: Context,
    private readonly params: readonly number[],
    private readonly results: readonly number[],
    /** Roughly the number of instructions that may still be generated. */
    private budget: number,
  ) {
    this.r = context.random
    this.types = context.types
    this.ops = opTable(context.features)
    this.locals = [...params]
  }

  /** The code entry: local declarations, then the instructions, without its size. */
  finish(): Writer {
    const entry = new Writer()
    const declared = this.locals.slice(this.params.length)
    entry.u32(declared.length)
    for (const type of declared) entry.u32(1).valType(type)
    return entry.bytes(this.out.view())
  }

  /** A whole function body. */
  generate(): Writer {
    for (let i = this.r.int(4); i > 0; i--) this.locals.push(this.types.value())
    this.labels.push({ types: this.results, loop: false })
    this.tick()
    this.op(Op.I32Const).s32(0)
    this.op(Op.I32LtS)
    this.op(Op.If).u8(0x40)
    if (this.results.every(isDefaultable)) {
      for (const type of this.results) this.zero(type)
      this.op(Op.Return)
    } else this.op(Op.Unreachable)
    this.op(Op.End)
    this.sequence(this.results)
    this.op(Op.End)
    this.labels.pop()
    return this.finish()
  }

  op(id: number): Writer {
    return this.out.op(id)
  }

  newLocal(type: number): number {
    return this.locals.push(type) - 1
  }

  /** Takes a unit of fuel and pushes what is left. */
  private tick(): void {
    this.op(Op.GlobalGet).u32(FUEL_GLOBAL)
    this.op(Op.I32Const).s32(1)
    this.op(Op.I32Sub)
    this.op(Op.GlobalSet).u32(FUEL_GLOBAL)
    this.op(Op.GlobalGet).u32(FUEL_GLOBAL)
  }

  // Sequences and blocks

  /** Statements, then the values `results`, or a terminator instead of them. */
  private sequence(results: readonly number[]): void {
    for (let i = this.r.int(this.depth < 2 ? 5 : 3); i > 0 && this.budget > 0; i--) this.statement()
    if (this.depth > 0 && this.r.chance(12)) {
      this.terminator()
      if (this.r.chance(30)) this.deadCode(results)
      return
    }
    for (const type of results) this.value(type)
  }

  /** Code that cannot be reached: the operand stack is polymorphic here. */
  private deadCode(results: readonly number[]): void {
    switch (this.r.int(4)) {
      case 0:
        this.op(Op.I32Add)
        this.op(Op.Drop)
        break
      case 1:
        this.op(Op.Drop)
        this.op(Op.Drop)
        break
      case 2:
        this.op(Op.Select)
        this.op(Op.Drop)
        break
      default:
        for (const type of results) this.value(type)
    }
  }

  private blockType(params: readonly number[], results: readonly number[]): void {
    if (params.length === 0 && results.length === 0) this.out.u8(0x40)
    else if (params.length === 0 && results.length === 1) this.out.valType(results[0]!)
    else this.out.s32(this.types.func(params, results))
  }

  /** Parameters of a block, on the stack at its start: into locals, so that the body may use them. */
  private takeIntoLocals(types: readonly number[]): void {
    for (let i = types.length - 1; i >= 0; i--) {
      if (this.r.chance(20)) this.op(Op.Drop)
      else this.op(Op.LocalSet).u32(this.newLocal(types[i]!))
    }
  }

  private blockParams(): number[] {
    if (!this.context.features.has('multi_value') || this.r.chance(70)) return []
    return Array.from({ length: this.r.range(1, 2) }, () => this.types.value())
  }

  private block(results: readonly number[]): void {
    const params = this.blockParams()
    for (const type of params) this.value(type)
    const loop = this.r.chance(25)
    this.op(loop ? Op.Loop : Op.Block)
    this.blockType(params, results)
    this.labels.push({ types: loop ? params : results, loop })
    this.takeIntoLocals(params)
    this.sequence(results)
    if (loop && this.r.chance(70)) this.backEdge()
    this.op(Op.End)
    this.labels.pop()
  }

  /** Fuel-guarded branch to the innermost label (a loop's), results of the loop are already on the stack. */
  private backEdge(): void {
    const { types } = this.labels.at(-1)!
    this.op(Op.Block).u8(0x40)
    this.tick()
    this.op(Op.I32Const).s32(0)
    this.op(Op.I32LeS)
    this.op(Op.BrIf).u32(0)
    this.labels.push({ types: [], loop: false })
    this.value(T.I32)
    this.op(Op.I32Eqz)
    this.op(Op.BrIf).u32(0)
    for (const type of types) this.value(type)
    this.op(Op.Br).u32(1)
    this.op(Op.End)
    this.labels.pop()
  }

  private ifElse(results: readonly number[]): void {
    const params = this.blockParams()
    for (const type of params) this.value(type)
    this.value(T.I32)
    this.op(Op.If)
    this.blockType(params, results)
    this.labels.push({ types: results, loop: false })
    this.takeIntoLocals(params)
    this.sequence(results)
    const identical = params.length === results.length && params.every((t, i) => t === results[i])
    if (!identical || this.r.chance(80)) {
      this.op(Op.Else)
      this.takeIntoLocals(params)
      this.sequence(results)
    }
    this.op(Op.End)
    this.labels.pop()
  }

  /** `block $out (block $handler (try_table ...) (br $out)) handler`. */
  private tryTable(results: readonly number[]): void {
    const { r } = this
    const { tags } = this.context
    const tag = tags.length > 0 ? r.int(tags.length) : -1
    const kind = tag < 0 ? r.range(2, 3) : r.int(4)
    const payload = kind < 2 ? [...this.tagParams(tag)] : []
    if (kind === 1 || kind === 3) payload.push(RefType.ExnRef)
    this.op(Op.Block)
    this.blockType([], results)
    this.labels.push({ types: results, loop: false })
    this.op(Op.Block)
    this.blockType([], payload)
    this.labels.push({ types: payload, loop: false })
    this.op(Op.TryTable)
    this.blockType([], results)
    // A second clause may go to any label that takes nothing.
    const other = this.labels.findIndex((l) => l.types.length === 0 && !l.loop)
    const second = other >= 0 && r.chance(40)
    this.out.u32(second ? 2 : 1).u8(kind)
    if (kind < 2) this.out.u32(tag)
    this.out.u32(0)
    if (second) this.out.u8(2).u32(this.labels.length - 1 - other)
    this.labels.push({ types: results, loop: false })
    if (tags.length > 0 && r.chance(60)) this.maybeThrow()
    this.sequence(results)
    this.op(Op.End)
    this.labels.pop()
    this.op(Op.Br).u32(1)
    this.op(Op.End)
    this.labels.pop()
    const exn = kind === 1 || kind === 3 ? this.newLocal(RefType.ExnRef) : -1
    if (exn >= 0) this.op(Op.LocalSet).u32(exn)
    this.takeIntoLocals(exn >= 0 ? payload.slice(0, -1) : payload)
    if (exn >= 0 && r.chance(25)) {
      this.value(T.I32)
      this.op(Op.If).u8(0x40)
      this.op(Op.LocalGet).u32(exn)
      this.op(Op.ThrowRef)
      this.op(Op.End)
    }
    this.sequence(results)
    this.op(Op.End)
    this.labels.pop()
  }

  private tagParams(tag: number): readonly number[] {
    const def = this.types.defs[this.context.tags[tag]!]!
    return def.kind === 'func' ? def.params : []
  }

  private throwTag(): void {
    const tag = this.r.int(this.context.tags.length)
    for (const type of this.tagParams(tag)) this.value(type)
    this.op(Op.Throw).u32(tag)
  }

  private maybeThrow(): void {
    this.value(T.I32)
    this.op(Op.If).u8(0x40)
    this.labels.push({ types: [], loop: false })
    this.throwTag()
    this.op(Op.End)
    this.labels.pop()
  }

  /** Ends the straight-line code: branch, return, tail call, throw, trap. */
  private terminator(): void {
    const { r } = this
    const forward = this.forwardLabels()
    switch (r.int(8)) {
      case 0:
      case 1:
      case 2: {
        const target = r.pick(forward)
        for (const type of this.labels[target]!.types) this.value(type)
        this.op(Op.Br).u32(this.labels.length - 1 - target)
        return
      }
      case 3: {
        const first = r.pick(forward)
        const types = this.labels[first]!.types
        const same = forward.filter((i) => String(this.labels[i]!.types) === String(types))
        for (const type of types) this.value(type)
        this.value(T.I32)
        if (r.chance(70)) {
          this.op(Op.I32Const).s32(7)
          this.op(Op.I32And)
        }
        const count = r.int(6)
        this.op(Op.BrTable).u32(count)
        for (let i = 0; i <= count; i++) this.out.u32(this.labels.length - 1 - r.pick(same))
        return
      }
      case 4:
        if (this.context.tags.length > 0 && r.chance(50)) return this.throwTag()
        if (r.chance(80)) break
        this.op(Op.Unreachable)
        return
      case 5:
      case 6:
        if (this.context.features.has('tail_call') && this.tailCall()) return
        break
      default:
    }
    for (const type of this.results) this.value(type)
    this.op(Op.Return)
  }

  private forwardLabels(): number[] {
    return this.labels.map((_, i) => i).filter((i) => !this.labels[i]!.loop)
  }

  private tailCall(): boolean {
    const { r } = this
    const matches = this.context.funcs
      .map((_, i) => i)
      .filter((i) => {
        const { results } = this.context.funcs[i]!
        return (
          results.length === this.results.length && results.every((t, k) => this.types.isSubtype(t, this.results[k]!))
        )
      })
    if (matches.length === 0) return false
    const target = r.pick(matches)
    const { params, typeIndex } = this.context.funcs[target]!
    for (const type of params) this.value(type)
    this.callInstruction(target, typeIndex, true)
    return true
  }

  /** call, call_indirect or call_ref of function `index`, arguments are on the stack. */
  private callInstruction(index: number, typeIndex: number, tail: boolean): void {
    const { r } = this
    const { tables, features } = this.context
    const indirect = tables.findIndex((t) => t.element === RefType.FuncRef)
    if (indirect >= 0 && r.chance(30)) {
      // Mostly the slot where the module put the function; sometimes anything.
      const slot = r.chance(85) && index < tables[indirect]!.min ? index : r.int(tables[indirect]!.max + 2)
      this.address(tables[indirect]!.address64, slot)
      this.op(tail ? Op.ReturnCallIndirect : Op.CallIndirect)
        .u32(typeIndex)
        .u32(indirect)
    } else if (features.has('function_references') && r.chance(35)) {
      if (r.chance(92)) this.op(Op.RefFunc).u32(index)
      else this.value(refConcrete(typeIndex, true))
      this.op(tail ? Op.ReturnCallRef : Op.CallRef).u32(typeIndex)
    } else this.op(tail ? Op.ReturnCall : Op.Call).u32(index)
  }

  /** A call; afterwards the result number `keep` is on the stack (nothing with -1). */
  private call(index: number, keep: number): void {
    const { params, results, typeIndex } = this.context.funcs[index]!
    for (const type of params) this.value(type)
    this.callInstruction(index, typeIndex, false)
    this.keepOne(results, keep)
  }

  private keepOne(types: readonly number[], keep: number): void {
    let kept = -1
    for (let i = types.length - 1; i >= 0; i--) {
      if (i === keep && i > 0) {
        kept = this.newLocal(types[i]!)
        this.op(Op.LocalSet).u32(kept)
      } else if (i !== keep) this.op(Op.Drop)
    }
    if (kept >= 0) this.op(Op.LocalGet).u32(kept)
  }

  // Values

  /** The default value of a type, or a constant of a non-nullable one. */
  zero(type: number): void {
    switch (type) {
      case T.I32:
        this.op(Op.I32Const).s32(0)
        return
      case T.I64:
        this.op(Op.I64Const).s64(0n)
        return
      case T.F32:
        this.op(Op.F32Const).fixed32(0)
        return
      case T.F64:
        this.op(Op.F64Const).fixed64(0n)
        return
      case T.V128:
        this.op(Op.V128Const).bytes(new Uint8Array(16))
        return
      default:
        if (isNullable(type)) this.op(Op.RefNull).heapType(type)
        else this.make(type)
    }
  }

  /** A constant expression of the type. */
  constant(type: number): void {
    const { r } = this
    switch (type) {
      case T.I32:
        this.op(Op.I32Const).s32(randomI32(r))
        return
      case T.I64:
        this.op(Op.I64Const).s64(randomI64(r))
        return
      case T.F32:
        this.op(Op.F32Const).fixed32(randomF32(r))
        return
      case T.F64:
        this.op(Op.F64Const).fixed64(randomF64(r))
        return
      case T.V128:
        this.op(Op.V128Const).bytes(randomV128(r))
        return
      default:
        if (isNullable(type) && r.chance(40)) this.op(Op.RefNull).heapType(type)
        else this.make(type)
    }
  }

  /** A reference, not null where that can be had from constant instructions. */
  private make(type: number): void {
    const { r, types } = this
    const { funcs, features } = this.context
    if (isConcrete(type)) {
      const index = typeIndexOf(type)
      const def = types.defs[index]!
      if (def.kind === 'func') {
        const candidates = funcs.map((_, i) => i).filter((i) => funcs[i]!.typeIndex === index)
        if (candidates.length > 0) this.op(Op.RefFunc).u32(r.pick(candidates))
        else this.nullOrTrap(type)
      } else if (def.kind === 'struct') {
        if (def.fields.every((f) => isDefaultable(f.type)) && r.chance(40)) this.op(Op.StructNewDefault).u32(index)
        else {
          for (const f of def.fields) this.zeroOrConstant(unpacked(f.type))
          this.op(Op.StructNew).u32(index)
        }
      } else if (isDefaultable(def.field.type) && r.chance(40)) {
        this.op(Op.I32Const).s32(r.int(9))
        this.op(Op.ArrayNewDefault).u32(index)
      } else if (r.chance(50)) {
        this.zeroOrConstant(unpacked(def.field.type))
        this.op(Op.I32Const).s32(r.int(9))
        this.op(Op.ArrayNew).u32(index)
      } else {
        const count = r.int(4)
        for (let i = 0; i < count; i++) this.zeroOrConstant(unpacked(def.field.type))
        this.op(Op.ArrayNewFixed).u32(index).u32(count)
      }
      return
    }
    const composite = (kind: 'struct' | 'array'): number[] =>
      types.defs.map((_, i) => i).filter((i) => types.defs[i]!.kind === kind)
    switch (heapOf(type)) {
      case Heap.Func:
        if (funcs.length > 0) this.op(Op.RefFunc).u32(r.int(funcs.length))
        else this.nullOrTrap(type)
        return
      case Heap.Any:
      case Heap.Eq: {
        const all = [...composite('struct'), ...composite('array')]
        if (all.length > 0 && r.chance(50)) return this.make(refConcrete(r.pick(all), false))
        this.op(Op.I32Const).s32(randomI32(r))
        this.op(Op.RefI31)
        return
      }
      case Heap.I31:
        this.op(Op.I32Const).s32(randomI32(r))
        this.op(Op.RefI31)
        return
      case Heap.Struct:
      case Heap.Array: {
        const all = composite(heapOf(type) === Heap.Struct ? 'struct' : 'array')
        if (all.length > 0) this.make(refConcrete(r.pick(all), false))
        else this.nullOrTrap(type)
        return
      }
      case Heap.Extern:
        if (features.has('gc') && r.chance(50)) {
          this.op(Op.I32Const).s32(randomI32(r))
          this.op(Op.RefI31)
          this.op(Op.ExternConvertAny)
        } else this.nullOrTrap(type)
        return
      default:
        this.nullOrTrap(type)
    }
  }

  private nullOrTrap(type: number): void {
    this.op(Op.RefNull).heapType(type)
    if (!isNullable(type)) this.op(Op.RefAsNonNull)
  }

  private zeroOrConstant(type: number): void {
    if (this.depth++ > 3) this.zero(type)
    else this.constant(type)
    this.depth--
  }

  private leaf(type: number): void {
    const usable = this.locals
      .map((_, i) => i)
      .filter((i) => this.isReadable(i) && this.types.isSubtype(this.locals[i]!, type))
    if (usable.length > 0 && this.r.chance(65)) this.op(Op.LocalGet).u32(this.r.pick(usable))
    else this.constant(type)
  }

  /** Parameters and locals with a default are always set. */
  private isReadable(local: number): boolean {
    return local < this.params.length || isDefaultable(this.locals[local]!)
  }

  /** Pushes a value of the type. */
  value(type: number): void {
    if (this.budget-- <= 0 || this.depth >= MAX_DEPTH) return this.leaf(type)
    this.depth++
    if (!(isRef(type) ? this.reference(type) : this.numeric(type)) && !this.anyType(type)) this.leaf(type)
    this.depth--
  }

  /** Instructions of number and vector types. */
  private numeric(type: number): boolean {
    const { r, context } = this
    const pick = r.int(100)
    if (pick < 45) {
      const row = r.pick(this.ops.pure.get(type)!)
      this.pure(row, type)
      return true
    }
    if (pick < 55) {
      const loads = this.ops.loads.get(type)
      if (loads === undefined || context.memories.length === 0) return false
      const row = r.pick(loads)
      this.memoryAccess(row)
      return true
    }
    if (pick < 58) {
      const atomics = this.ops.atomics.get(type)
      if (atomics === undefined || context.memories.length === 0) return false
      this.memoryAccess(r.pick(atomics))
      return true
    }
    if (pick < 66) {
      if (type === T.I32) return this.special32()
      if (type === T.V128 && context.features.has('relaxed_simd')) return this.relaxed()
      const memory = context.memories.findIndex((m) => m.address64)
      if (type === T.I64 && memory >= 0) {
        this.op(Op.MemorySize).u32(memory)
        return true
      }
    }
    return false
  }

  private pure(row: OpRow, type: number): void {
    const [id, name, signature, imm] = row
    const guarded = this.r.chance(90)
    for (const letter of signature.slice(0, signature.indexOf(':'))) this.value(LETTER_TYPE[letter]!)
    if (guarded && /\.(div|rem)_/.test(name)) {
      // A divisor that is not zero.
      if (type === T.I32) this.op(Op.I32Const).s32(1)
      else this.op(Op.I64Const).s64(1n)
      this.op(type === T.I32 ? Op.I32Or : Op.I64Or)
    }
    if (guarded && /\.trunc_f/.test(name)) {
      // Small, never NaN: min and max of a NaN are NaN, so compare and select.
      const wide = signature.startsWith('d')
      const local = this.newLocal(wide ? T.F64 : T.F32)
      this.op(Op.LocalSet).u32(local)
      this.op(Op.LocalGet).u32(local)
      if (wide) this.op(Op.F64Const).fixed64(0x4059_0000_0000_0000n)
      else this.op(Op.F32Const).fixed32(0x42c8_0000)
      this.op(Op.LocalGet).u32(local)
      if (name.endsWith('_s')) this.op(wide ? Op.F64Abs : Op.F32Abs)
      if (wide) this.op(Op.F64Const).fixed64(0x4059_0000_0000_0000n)
      else this.op(Op.F32Const).fixed32(0x42c8_0000)
      this.op(wide ? Op.F64Lt : Op.F32Lt)
      this.op(Op.Select)
      if (name.endsWith('_u')) this.op(wide ? Op.F64Abs : Op.F32Abs)
    }
    this.op(id)
    if (imm === 'lane') this.out.u8(this.r.int(laneCount(name)))
    if (imm === 'shuffle') for (let i = 0; i < 16; i++) this.out.u8(this.r.int(32))
    if (NAN_PRODUCER.test(name)) this.canonicalize(type, name)
  }

  /** Replaces every NaN on top of the stack by the canonical one: which NaN arithmetic gives is not determined. */
  private canonicalize(type: number, name: string): void {
    const local = this.newLocal(type)
    const wide = type === T.F64 || name.startsWith('f64x2')
    this.op(Op.LocalSet).u32(local)
    this.op(Op.LocalGet).u32(local)
    if (type === T.F32) this.op(Op.F32Const).fixed32(0x7fc0_0000)
    else if (type === T.F64) this.op(Op.F64Const).fixed64(0x7ff8_0000_0000_0000n)
    else {
      this.op(Op.V128Const)
      for (let i = 0; i < (wide ? 2 : 4); i++) {
        if (wide) this.out.fixed64(0x7ff8_0000_0000_0000n)
        else this.out.fixed32(0x7fc0_0000)
      }
    }
    this.op(Op.LocalGet).u32(local)
    this.op(Op.LocalGet).u32(local)
    if (type === T.V128) {
      this.op(wide ? Op.F64x2Eq : Op.F32x4Eq)
      this.op(Op.V128Bitselect)
    } else {
      this.op(wide ? Op.F64Eq : Op.F32Eq)
      this.op(Op.Select)
    }
    // Later code may read this local like any other.
    this.op(Op.LocalTee).u32(local)
  }

  /** The relaxed instructions whose results are determined for the operands given here. */
  private relaxed(): boolean {
    if (this.r.chance(50)) {
      this.value(T.V128)
      this.value(T.V128)
      this.op(Op.V128Const).bytes(new Uint8Array(16).fill(15))
      this.op(Op.V128And)
      this.op(Op.I8x16RelaxedSwizzle)
    } else {
      const [compare, select] = this.r.pick([
        [Op.I8x16GtS, Op.I8x16RelaxedLaneselect],
        [Op.I16x8LtU, Op.I16x8RelaxedLaneselect],
        [Op.I32x4Eq, Op.I32x4RelaxedLaneselect],
        [Op.I64x2GtS, Op.I64x2RelaxedLaneselect],
      ] as const)
      this.value(T.V128)
      this.value(T.V128)
      this.value(T.V128)
      this.value(T.V128)
      this.op(compare)
      this.op(select)
    }
    return true
  }

  /** i32 results of everything that is no arithmetic. */
  private special32(): boolean {
    const { r, context, types } = this
    const { memories, tables, features } = context
    switch (r.int(8)) {
      case 0: {
        if (memories.length === 0) return false
        const memory = r.int(memories.length)
        this.op(Op.MemorySize).u32(memory)
        if (memories[memory]!.address64) this.op(Op.I32WrapI64)
        return true
      }
      case 1: {
        if (memories.length === 0) return false
        const memory = r.int(memories.length)
        this.address(memories[memory]!.address64, r.int(3))
        this.op(Op.MemoryGrow).u32(memory)
        if (memories[memory]!.address64) this.op(Op.I32WrapI64)
        return true
      }
      case 2: {
        if (tables.length === 0 || !features.has('reference_types')) return false
        const table = r.int(tables.length)
        const { element, address64 } = tables[table]!
        if (r.chance(50)) this.op(Op.TableSize).u32(table)
        else {
          this.value(element)
          this.address(address64, r.int(4))
          this.op(Op.TableGrow).u32(table)
        }
        if (address64) this.op(Op.I32WrapI64)
        return true
      }
      case 3:
        if (!features.has('reference_types')) return false
        this.value(this.nullableRef())
        this.op(Op.RefIsNull)
        return true
      case 4: {
        if (!features.has('gc')) return false
        this.value(RefType.EqRef)
        this.value(RefType.EqRef)
        this.op(Op.RefEq)
        return true
      }
      case 5: {
        if (!features.has('gc')) return false
        const [source, target] = this.castPair()
        this.value(source)
        this.op(isNullable(target) ? Op.RefTestNull : Op.RefTest).heapType(target)
        return true
      }
      case 6: {
        if (!features.has('gc')) return false
        this.value(r.chance(60) ? refAbstract(Heap.I31, false) : RefType.I31Ref)
        this.op(r.chance(50) ? Op.I31GetS : Op.I31GetU)
        return true
      }
      default: {
        const arrays = types.defs.map((_, i) => i).filter((i) => types.defs[i]!.kind === 'array')
        if (arrays.length === 0) return false
        this.value(refConcrete(r.pick(arrays), r.chance(20)))
        this.op(Op.ArrayLen)
        return true
      }
    }
  }

  private nullableRef(): number {
    const refs = this.types.values.filter((t) => isRef(t) && isNullable(t))
    return this.r.pick(refs)
  }

  /** Two types of one hierarchy, the second one a possible target of a cast of the first. */
  private castPair(): [number, number] {
    const { r, types } = this
    const all = types.values.filter((t) => isRef(t) && types.top(t) === Heap.Any)
    const target = r.pick(all)
    const source = r.pick(all.filter((t) => types.isSubtype(target, t | RefNullableBit)))
    return [source | RefNullableBit, target]
  }

  /** Instructions of reference types. */
  private reference(type: number): boolean {
    const { r, context, types } = this
    const { tables, features } = context
    switch (r.int(10)) {
      case 0: {
        const table = tables.findIndex((t) => types.isSubtype(t.element, type))
        if (table < 0) return false
        this.address(tables[table]!.address64, r.int(tables[table]!.min + 1))
        this.op(Op.TableGet).u32(table)
        return true
      }
      case 1: {
        if (!features.has('gc') || types.top(type) !== Heap.Any) return false
        const sources = types.values.filter((t) => isRef(t) && types.isSubtype(type, t | RefNullableBit))
        this.value(sources.length > 0 ? r.pick(sources) | RefNullableBit : RefType.AnyRef)
        this.op(isNullable(type) ? Op.RefCastNull : Op.RefCast).heapType(type)
        return true
      }
      case 2: {
        if (!features.has('gc') || types.top(type) !== Heap.Any) return false
        this.branchOnCast(type)
        return true
      }
      case 3: {
        if (isNullable(type) || !features.has('function_references')) return false
        this.branchOnNull(type)
        return true
      }
      case 4:
        if (!features.has('gc') || (type !== RefType.ExternRef && type !== RefType.AnyRef)) return false
        this.value(type === RefType.ExternRef ? RefType.AnyRef : RefType.ExternRef)
        this.op(type === RefType.ExternRef ? Op.ExternConvertAny : Op.AnyConvertExtern)
        return true
      case 5:
      case 6:
        return this.freshObject(type)
      default:
        return false
    }
  }

  /** struct.new, array.new and friends with computed operands. */
  private freshObject(type: number): boolean {
    const { r, types, context } = this
    if (!context.features.has('gc') || types.top(type) !== Heap.Any) return false
    const candidates = types.defs
      .map((_, i) => i)
      .filter((i) => types.defs[i]!.kind !== 'func' && types.isSubtype(refConcrete(i, false), type))
    if (candidates.length === 0) return false
    const index = r.pick(candidates)
    const def = types.defs[index]!
    if (def.kind === 'struct') {
      for (const f of def.fields) this.value(unpacked(f.type))
      this.op(Op.StructNew).u32(index)
      return true
    }
    if (def.kind !== 'array') return false
    const element = def.field.type
    const numeric = !isRef(element)
    const elem = context.elems.findIndex((e) => isRef(element) && types.isSubtype(e.type, element))
    if (numeric && context.datas.length > 0 && r.chance(30)) {
      const data = r.int(context.datas.length)
      this.op(Op.I32Const).s32(r.int(8))
      this.op(Op.I32Const).s32(r.int(5))
      this.op(Op.ArrayNewData).u32(index).u32(data)
    } else if (elem >= 0 && r.chance(50)) {
      this.op(Op.I32Const).s32(r.int(2))
      this.op(Op.I32Const).s32(r.int(3))
      this.op(Op.ArrayNewElem).u32(index).u32(elem)
    } else {
      this.value(unpacked(element))
      this.value(T.I32)
      this.op(Op.I32Const).s32(31)
      this.op(Op.I32And)
      this.op(Op.ArrayNew).u32(index)
    }
    return true
  }

  private branchOnCast(type: number): void {
    // block $hit (result type)  (source) br_on_cast $hit source type  drop  (fallback value)  end
    const onFail = this.r.chance(40)
    const source = RefType.AnyRef
    if (!onFail) {
      this.op(Op.Block).valType(type)
      this.labels.push({ types: [type], loop: false })
      this.value(source)
      this.op(Op.BrOnCast)
        .u8(1 | (isNullable(type) ? 2 : 0))
        .u32(0)
        .heapType(source)
        .heapType(type)
      this.op(Op.Drop)
      this.value(type)
      this.op(Op.End)
      this.labels.pop()
      return
    }
    // block $done (result type)  block $fail (result anyref)  (source) br_on_cast_fail $fail  br $done  end  drop (fallback)  end
    this.op(Op.Block).valType(type)
    this.labels.push({ types: [type], loop: false })
    this.op(Op.Block).valType(source)
    this.labels.push({ types: [source], loop: false })
    this.value(source)
    this.op(Op.BrOnCastFail)
      .u8(1 | (isNullable(type) ? 2 : 0))
      .u32(0)
      .heapType(source)
      .heapType(type)
    this.op(Op.Br).u32(1)
    this.op(Op.End)
    this.labels.pop()
    this.op(Op.Drop)
    this.value(type)
    this.op(Op.End)
    this.labels.pop()
  }

  private branchOnNull(type: number): void {
    const nullable = type | RefNullableBit
    if (this.r.chance(50)) {
      this.op(Op.Block).valType(type)
      this.labels.push({ types: [type], loop: false })
      this.value(nullable)
      this.op(Op.BrOnNonNull).u32(0)
      this.value(type)
      this.op(Op.End)
      this.labels.pop()
      return
    }
    this.op(Op.Block).valType(type)
    this.labels.push({ types: [type], loop: false })
    this.op(Op.Block).u8(0x40)
    this.labels.push({ types: [], loop: false })
    this.value(nullable)
    this.op(Op.BrOnNull).u32(0)
    this.op(Op.Br).u32(1)
    this.op(Op.End)
    this.labels.pop()
    this.value(type)
    this.op(Op.End)
    this.labels.pop()
  }

  /** What works for every type. */
  private anyType(type: number): boolean {
    const { r, context, types } = this
    switch (r.int(14)) {
      case 0:
        this.block([type])
        return true
      case 1:
      case 2:
        this.ifElse([type])
        return true
      case 3: {
        const found = this.findCall(type)
        if (found === undefined) return false
        this.call(found[0], found[1])
        return true
      }
      case 4:
        this.value(type)
        this.value(type)
        this.value(T.I32)
        if (isRef(type)) this.op(Op.SelectTyped).u32(1).valType(type)
        else this.op(Op.Select)
        return true
      case 5: {
        const usable = this.locals.map((_, i) => i).filter((i) => types.isSubtype(this.locals[i]!, type))
        if (usable.length === 0) return false
        const local = r.pick(usable)
        this.value(this.locals[local]!)
        this.op(Op.LocalTee).u32(local)
        return true
      }
      case 6: {
        const usable = context.globals.map((_, i) => i).filter((i) => types.isSubtype(context.globals[i]!.type, type))
        if (usable.length === 0) return false
        this.op(Op.GlobalGet).u32(r.pick(usable))
        return true
      }
      case 7: {
        // br_if lets its operands through.
        const targets = this.forwardLabels().filter(
          (i) => this.labels[i]!.types.length === 1 && this.labels[i]!.types[0] === type,
        )
        if (targets.length === 0) return false
        this.value(type)
        this.value(T.I32)
        this.op(Op.BrIf).u32(this.labels.length - 1 - r.pick(targets))
        return true
      }
      case 8:
      case 9:
        this.statement()
        this.value(type)
        return true
      case 10:
        if (!context.features.has('exceptions')) return false
        this.tryTable([type])
        return true
      case 11:
      case 12:
        return this.fieldGet(type)
      default:
        return false
    }
  }

  /** A function with a result of the type: its index and the index of the result. */
  private findCall(type: number): [number, number] | undefined {
    const { funcs } = this.context
    const start = this.r.int(funcs.length)
    for (let k = 0; k < funcs.length; k++) {
      const index = (start + k) % funcs.length
      const result = funcs[index]!.results.findIndex((t) => this.types.isSubtype(t, type))
      if (result >= 0) return [index, result]
    }
    return undefined
  }

  private fieldGet(type: number): boolean {
    const { r, types } = this
    if (!this.context.features.has('gc')) return false
    const found: [index: number, field: number][] = []
    types.defs.forEach((def, index) => {
      if (def.kind === 'struct')
        def.fields.forEach((f, i) => types.isSubtype(unpacked(f.type), type) && found.push([index, i]))
      else if (def.kind === 'array' && types.isSubtype(unpacked(def.field.type), type)) found.push([index, -1])
    })
    if (found.length === 0) return false
    const [index, field] = r.pick(found)
    const def = types.defs[index]!
    this.value(refConcrete(index, r.chance(15)))
    if (def.kind === 'struct') {
      const packed = isPacked(def.fields[field]!.type)
      this.op(packed ? (r.chance(50) ? Op.StructGetS : Op.StructGetU) : Op.StructGet)
        .u32(index)
        .u32(field)
    } else if (def.kind === 'array') {
      this.smallIndex()
      this.op(isPacked(def.field.type) ? (r.chance(50) ? Op.ArrayGetS : Op.ArrayGetU) : Op.ArrayGet).u32(index)
    }
    return true
  }

  private smallIndex(): void {
    if (this.r.chance(70)) this.op(Op.I32Const).s32(this.r.int(3))
    else {
      this.value(T.I32)
      this.op(Op.I32Const).s32(7)
      this.op(Op.I32And)
    }
  }

  // Memory

  /** A constant address or index of the width that the memory or table wants. */
  private address(wide: boolean, value: number): void {
    if (wide) this.op(Op.I64Const).s64(BigInt(value))
    else this.op(Op.I32Const).s32(value)
  }

  /** A computed address below 64 Ki, mostly. */
  private dynamicAddress(wide: boolean, mask: number): void {
    const { r } = this
    if (r.chance(35)) return this.address(wide, r.int(300) & mask)
    this.value(wide ? T.I64 : T.I32)
    if (r.chance(4)) return
    const bound = mask & (r.chance(95) ? r.pick([0xff, 0xff7f]) : 0x1_ffff)
    this.address(wide, bound)
    this.op(wide ? Op.I64And : Op.I32And)
  }

  /** Load, store or atomic, with its operands. */
  private memoryAccess(row: OpRow): void {
    const { r } = this
    const [id, name, signature, imm, , align] = row
    const memory = r.int(this.context.memories.length)
    const { address64 } = this.context.memories[memory]!
    const atomic = isAtomic(row)
    const natural = align ?? 0
    const mask = atomic && r.chance(97) ? -(1 << natural) : -1
    for (const letter of signature.slice(0, signature.indexOf(':'))) {
      if (letter === 'a') this.dynamicAddress(address64, mask)
      else this.value(LETTER_TYPE[letter]!)
    }
    this.op(id)
    const shown = atomic ? natural : r.int(natural + 1)
    if (memory > 0) this.out.u32(shown | 0x40).u32(memory)
    else this.out.u32(shown)
    const offset = r.chance(60) ? 0 : r.chance(97) ? r.int(64) : r.pick([0xffff, 0x1_0000, 0x7fff_ffff, 0xffff_fff8])
    this.out.u32(atomic ? offset & mask : offset)
    if (imm === 'memarg_lane') this.out.u8(r.int(laneCount(name)))
  }

  // Statements

  /** Code that leaves the operand stack as it found it. */
  statement(): void {
    if (this.budget-- <= 0 || this.depth >= MAX_DEPTH) {
      this.op(Op.Nop)
      return
    }
    this.depth++
    const { r, context, types } = this
    const pick = r.int(100)
    if (pick < 22) this.setLocal()
    else if (pick < 32) this.setGlobal()
    else if (pick < 46 && context.memories.length > 0) {
      const threads = context.features.has('threads') && r.chance(15)
      this.memoryAccess(r.pick(threads ? this.ops.atomicStores : this.ops.stores))
    } else if (pick < 54 && context.funcs.length > 0) this.call(r.int(context.funcs.length), -1)
    else if (pick < 62) this.ifElse([])
    else if (pick < 68) this.block([])
    else if (pick < 74) this.branchIf()
    else if (pick < 79) this.bulk()
    else if (pick < 84) this.tableStatement()
    else if (pick < 90) this.objectStatement()
    else if (pick < 93 && context.features.has('exceptions')) this.tryTable([])
    else if (pick < 94 && context.tags.length > 0) this.maybeThrow()
    else if (pick < 96 && context.features.has('threads') && context.memories.length > 0) this.waitNotify()
    else {
      this.value(types.value())
      this.op(Op.Drop)
    }
    this.depth--
  }

  private setLocal(): void {
    if (this.locals.length === 0) this.newLocal(this.types.value())
    const local = this.r.int(this.locals.length)
    this.value(this.locals[local]!)
    this.op(Op.LocalSet).u32(local)
  }

  private setGlobal(): void {
    const { globals } = this.context
    const settable = globals.map((_, i) => i).filter((i) => i !== FUEL_GLOBAL && globals[i]!.mutable)
    if (settable.length === 0) return this.setLocal()
    const index = this.r.pick(settable)
    this.value(globals[index]!.type)
    this.op(Op.GlobalSet).u32(index)
  }

  private branchIf(): void {
    const { r } = this
    const target = r.int(this.labels.length)
    const { types, loop } = this.labels[target]!
    for (const type of types) this.value(type)
    if (loop) {
      this.tick()
      this.op(Op.I32Const).s32(0)
      this.op(Op.I32GtS)
      if (r.chance(70)) {
        this.value(T.I32)
        this.op(Op.I32And)
      }
    } else this.value(T.I32)
    this.op(Op.BrIf).u32(this.labels.length - 1 - target)
    this.takeIntoLocals(types)
  }

  private bulk(): void {
    const { r, context } = this
    const { memories, datas, features } = context
    if (memories.length === 0 || !features.has('bulk_memory')) return this.setLocal()
    const memory = r.int(memories.length)
    const wide = memories[memory]!.address64
    switch (r.int(4)) {
      case 0:
        this.dynamicAddress(wide, -1)
        this.value(T.I32)
        this.address(wide, r.int(200))
        this.op(Op.MemoryFill).u32(memory)
        return
      case 1: {
        const source = r.int(memories.length)
        const sourceWide = memories[source]!.address64
        this.dynamicAddress(wide, -1)
        this.dynamicAddress(sourceWide, -1)
        this.address(wide && sourceWide, r.int(300))
        this.op(Op.MemoryCopy).u32(memory).u32(source)
        return
      }
      default: {
        if (datas.length === 0) return this.setLocal()
        const data = r.int(datas.length)
        if (r.chance(20)) {
          this.op(Op.DataDrop).u32(data)
          return
        }
        this.dynamicAddress(wide, -1)
        this.op(Op.I32Const).s32(r.int(6))
        this.op(Op.I32Const).s32(r.int(8))
        this.op(Op.MemoryInit).u32(data).u32(memory)
      }
    }
  }

  private tableStatement(): void {
    const { r, context, types } = this
    const { tables, elems, features } = context
    if (tables.length === 0 || !features.has('reference_types')) return this.setGlobal()
    const table = r.int(tables.length)
    const { element, address64: wide, min } = tables[table]!
    const index = (): void => this.address(wide, r.int(min + 1))
    switch (r.int(5)) {
      case 0:
      case 1:
        index()
        this.value(element)
        this.op(Op.TableSet).u32(table)
        return
      case 2:
        index()
        this.value(element)
        this.address(wide, r.int(4))
        this.op(Op.TableFill).u32(table)
        return
      case 3: {
        const sources = tables.map((_, i) => i).filter((i) => types.isSubtype(tables[i]!.element, element))
        const source = r.pick(sources)
        index()
        this.address(tables[source]!.address64, r.int(tables[source]!.min + 1))
        this.address(wide && tables[source]!.address64, r.int(4))
        this.op(Op.TableCopy).u32(table).u32(source)
        return
      }
      default: {
        const usable = elems.map((_, i) => i).filter((i) => types.isSubtype(elems[i]!.type, element))
        if (usable.length === 0) return this.setGlobal()
        const elem = r.pick(usable)
        if (r.chance(20)) {
          this.op(Op.ElemDrop).u32(elem)
          return
        }
        index()
        this.op(Op.I32Const).s32(r.int(2))
        this.op(Op.I32Const).s32(r.int(3))
        this.op(Op.TableInit).u32(elem).u32(table)
      }
    }
  }

  /** Mutation of structs and arrays. */
  private objectStatement(): void {
    const { r, context, types } = this
    const targets: [index: number, field: number][] = []
    types.defs.forEach((def, index) => {
      if (def.kind === 'struct') def.fields.forEach((f, i) => f.mutable && targets.push([index, i]))
      else if (def.kind === 'array' && def.field.mutable) targets.push([index, -1])
    })
    if (targets.length === 0) return this.setLocal()
    const [index, field] = r.pick(targets)
    const def = types.defs[index]!
    this.value(refConcrete(index, r.chance(10)))
    if (def.kind === 'struct') {
      this.value(unpacked(def.fields[field]!.type))
      this.op(Op.StructSet).u32(index).u32(field)
      return
    }
    if (def.kind !== 'array') return
    const element = def.field.type
    switch (r.int(4)) {
      case 0:
        this.smallIndex()
        this.value(unpacked(element))
        this.op(Op.I32Const).s32(r.int(3))
        this.op(Op.ArrayFill).u32(index)
        return
      case 1: {
        const sources = types.defs
          .map((_, i) => i)
          .filter((i) => {
            const d = types.defs[i]!
            return (
              d.kind === 'array' &&
              (d.field.type === element || (!isPacked(element) && types.isSubtype(d.field.type, element)))
            )
          })
        this.smallIndex()
        const source = r.pick(sources)
        this.value(refConcrete(source, r.chance(10)))
        this.smallIndex()
        this.op(Op.I32Const).s32(r.int(4))
        this.op(Op.ArrayCopy).u32(index).u32(source)
        return
      }
      case 2: {
        const elem = context.elems.findIndex((e) => isRef(element) && types.isSubtype(e.type, element))
        const data = isRef(element) || context.datas.length === 0 ? -1 : r.int(context.datas.length)
        if (elem < 0 && data < 0) break
        this.smallIndex()
        this.op(Op.I32Const).s32(r.int(4))
        this.op(Op.I32Const).s32(r.int(3))
        if (elem >= 0) this.op(Op.ArrayInitElem).u32(index).u32(elem)
        else this.op(Op.ArrayInitData).u32(index).u32(data)
        return
      }
      default:
    }
    this.smallIndex()
    this.value(unpacked(element))
    this.op(Op.ArraySet).u32(index)
  }

  /** notify, and waits that return at once. */
  private waitNotify(): void {
    const { r } = this
    const memory = r.int(this.context.memories.length)
    const { address64, shared } = this.context.memories[memory]!
    const wide = r.chance(50)
    const notify = !shared || r.chance(50)
    this.dynamicAddress(address64, -8)
    if (notify) this.value(T.I32)
    else {
      this.value(wide ? T.I64 : T.I32)
      this.op(Op.I64Const).s64(0n)
    }
    this.op(notify ? Op.MemoryAtomicNotify : wide ? Op.MemoryAtomicWait64 : Op.MemoryAtomicWait32)
    const align = !notify && wide ? 3 : 2
    if (memory > 0) this.out.u32(align | 0x40).u32(memory)
    else this.out.u32(align)
    this.out.u32(0)
    this.op(Op.Drop)
  }
}

const RefNullableBit = 0x2000_0000
