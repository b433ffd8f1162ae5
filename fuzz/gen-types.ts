// Types of a generated module: random composite types, subtyping, what can be defaulted, block type interning.

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
import type { FieldType, SubType } from '../src/wasm/types.ts'
import type { Feature } from './features.ts'
import type { Random } from './random.ts'
import type { Writer } from './writer.ts'

const ANY_TREE = [Heap.Any, Heap.Eq, Heap.I31, Heap.Struct, Heap.Array, Heap.None]

/** The types of one module. Rec groups of more than one type come first; function types may be appended at any time. */
export class Types {
  readonly defs: SubType<number>[] = []
  /** Size of each rec group, in order. */
  readonly groups: number[] = []
  /** Value types that locals, parameters, globals and results are picked from; weights by repetition. */
  readonly values: number[] = [T.I32, T.I32, T.I64, T.F32, T.F64]
  private readonly funcKeys = new Map<string, number>()

  constructor(
    private readonly random: Random,
    readonly features: ReadonlySet<Feature>,
  ) {
    if (features.has('simd')) this.values.push(T.V128)
    if (features.has('reference_types')) this.values.push(RefType.FuncRef, RefType.ExternRef)
    if (features.has('gc')) {
      this.values.push(RefType.AnyRef, RefType.EqRef, RefType.I31Ref, refAbstract(Heap.I31, false), RefType.StructRef)
      this.generateComposites()
    }
    if (features.has('exceptions') && random.chance(30)) this.values.push(RefType.ExnRef)
    for (let i = random.range(2, 5); i > 0; i--) {
      const index = this.func(this.list(4), this.list(random.chance(20) ? 4 : 1))
      if (features.has('function_references') && random.chance(50))
        this.values.push(refConcrete(index, random.chance(70)))
    }
  }

  private list(max: number): number[] {
    return Array.from({ length: this.random.int(max + 1) }, () => this.value())
  }

  value(): number {
    return this.random.pick(this.values)
  }

  private generateComposites(): void {
    const r = this.random
    for (let group = r.range(1, 4); group > 0; group--) {
      const size = r.chance(60) ? 1 : r.range(2, 3)
      const first = this.defs.length
      for (let i = 0; i < size; i++) this.defs.push(this.composite(first, size))
      this.groups.push(size)
    }
    this.defs.forEach((_, index) => this.values.push(refConcrete(index, true), refConcrete(index, r.chance(50))))
  }

  private composite(first: number, size: number): SubType<number> {
    const r = this.random
    const own = this.defs.length
    // A supertype lies before its subtype; a rec group may be its own reference target.
    const supers = this.defs.map((_, i) => i).filter((i) => !this.defs[i]!.final && this.defs[i]!.kind !== 'func')
    const supertype = supers.length > 0 && r.chance(45) ? r.pick(supers) : -1
    const parent = this.defs[supertype]
    const final = r.chance(30)
    const kind = parent?.kind ?? (r.chance(55) ? 'struct' : 'array')
    if (kind === 'array') {
      const field = parent?.kind === 'array' ? this.subField(parent.field) : this.field(own, first, size)
      return { kind: 'array', field, final, supertype }
    }
    const fields = parent?.kind === 'struct' ? parent.fields.map((f) => this.subField(f)) : []
    for (let i = r.int(4); i > 0; i--) fields.push(this.field(own, first, size))
    return { kind: 'struct', fields, final, supertype }
  }

  /** Mutable fields are invariant; immutable ones may lose their null. */
  private subField(field: FieldType<number>): FieldType<number> {
    return field
  }

  private field(own: number, first: number, size: number): FieldType<number> {
    const r = this.random
    const mutable = r.chance(70)
    const pick = r.int(10)
    if (pick === 0) return { type: T.I8, mutable }
    if (pick === 1) return { type: T.I16, mutable }
    // References into the own group are nullable: values must be constructible.
    if (pick <= 3) return { type: refConcrete(first + r.int(size), true), mutable }
    const plain = this.values.filter((t) => !isConcrete(t) || typeIndexOf(t) < own)
    return { type: r.pick(plain), mutable }
  }

  /** Index of the function type, appended if it is new. */
  func(params: readonly number[], results: readonly number[]): number {
    const key = `${params.join()}:${results.join()}`
    let index = this.funcKeys.get(key)
    if (index === undefined) {
      index = this.defs.length
      this.defs.push({ kind: 'func', params: [...params], results: [...results], final: true, supertype: -1 })
      this.groups.push(1)
      this.funcKeys.set(key, index)
    }
    return index
  }

  isSubtype(a: number, b: number): boolean {
    if (a === b) return true
    if (!isRef(a) || !isRef(b)) return false
    if (isNullable(a) && !isNullable(b)) return false
    if (isConcrete(a)) {
      if (isConcrete(b)) {
        for (let t = typeIndexOf(a); t >= 0; t = this.defs[t]!.supertype) if (t === typeIndexOf(b)) return true
        return false
      }
      const kind = this.defs[typeIndexOf(a)]!.kind
      const heap = heapOf(b)
      if (kind === 'func') return heap === Heap.Func
      return heap === Heap.Any || heap === Heap.Eq || heap === (kind === 'struct' ? Heap.Struct : Heap.Array)
    }
    const from = heapOf(a)
    if (isConcrete(b)) return from === (this.defs[typeIndexOf(b)]!.kind === 'func' ? Heap.NoFunc : Heap.None)
    const to = heapOf(b)
    if (from === to) return true
    if (from === Heap.NoFunc) return to === Heap.Func
    if (from === Heap.NoExtern) return to === Heap.Extern
    if (from === Heap.NoExn) return to === Heap.Exn
    if (from === Heap.None) return ANY_TREE.includes(to)
    if (to === Heap.Any) return ANY_TREE.includes(from)
    if (to === Heap.Eq) return from === Heap.I31 || from === Heap.Struct || from === Heap.Array
    return false
  }

  /** Top of the hierarchy that a reference type belongs to. */
  top(type: number): Heap {
    if (isConcrete(type)) return this.defs[typeIndexOf(type)]!.kind === 'func' ? Heap.Func : Heap.Any
    switch (heapOf(type)) {
      case Heap.Func:
      case Heap.NoFunc:
        return Heap.Func
      case Heap.Extern:
      case Heap.NoExtern:
        return Heap.Extern
      case Heap.Exn:
      case Heap.NoExn:
        return Heap.Exn
      default:
        return Heap.Any
    }
  }

  write(out: Writer): void {
    out.u32(this.groups.length)
    let index = 0
    for (const size of this.groups) {
      if (size > 1) out.u8(0x4e).u32(size)
      for (let i = 0; i < size; i++) this.writeDef(out, this.defs[index++]!)
    }
  }

  private writeDef(out: Writer, def: SubType<number>): void {
    if (!def.final || def.supertype >= 0) {
      out.u8(def.final ? 0x4f : 0x50)
      if (def.supertype >= 0) out.u8(1).u32(def.supertype)
      else out.u8(0)
    }
    const field = (f: FieldType<number>): void => void out.valType(f.type).u8(f.mutable ? 1 : 0)
    if (def.kind === 'func') {
      out.u8(0x60).u32(def.params.length)
      for (const t of def.params) out.valType(t)
      out.u32(def.results.length)
      for (const t of def.results) out.valType(t)
    } else if (def.kind === 'struct') {
      out.u8(0x5f).u32(def.fields.length)
      for (const f of def.fields) field(f)
    } else {
      out.u8(0x5e)
      field(def.field)
    }
  }
}

export const isDefaultable = (type: number): boolean => !isRef(type) || isNullable(type)
/** The value type that `struct.get` and `array.get` of a field give. */
export const unpacked = (type: number): number => (type === T.I8 || type === T.I16 ? T.I32 : type)
export const isPacked = (type: number): boolean => type === T.I8 || type === T.I16
