// Core types inside components: recursion groups and module types (Binary.md, "Type Definitions"; core spec 3.0, "Types").
// Only the form is read here; indices and rules are the validator's matter.

import type { InstrReader } from '../../wasm/instr-reader.ts'
import type { CompositeType, FieldType, Limits, SubType, ValType } from '../../wasm/types.ts'
import { T } from '../../wasm/types.ts'
import type { CoreExternDesc, CoreModuleDecl, CoreTypeDef } from './model.ts'
import { Sort } from './model.ts'

const enum Form {
  Func = 0x60,
  Struct = 0x5f,
  Array = 0x5e,
  /** A module type; a non-final sub type has a zero byte in front. */
  Module = 0x50,
  Sub = 0x50,
  SubFinal = 0x4f,
  Rec = 0x4e,
}

const enum LimitsFlag {
  HasMax = 1,
  Shared = 2,
  Address64 = 4,
  PageSize = 8,
}

/** A core type definition. */
export function readCoreType(r: InstrReader): CoreTypeDef {
  r.at = r.pos
  const form = r.u8()
  switch (form) {
    case Form.Module:
      return { kind: 'module', decls: moduleDecls(r) }
    case Form.Rec: {
      const types: SubType[] = []
      for (let n = r.count(1, 'a recursive group'); n > 0; n--) types.push(subType(r, r.u8()))
      return { kind: 'rec', types }
    }
    case 0x00: {
      const sub = r.u8()
      if (sub !== Form.Sub)
        r.malformed(`invalid leading byte (0x${sub.toString(16)}) for non-final sub type`, r.pos - 1)
      return { kind: 'rec', types: [subType(r, sub)] }
    }
    default:
      return { kind: 'rec', types: [subType(r, form)] }
  }
}

function subType(r: InstrReader, form: number): SubType {
  if (form !== Form.Sub && form !== Form.SubFinal) return { ...compositeType(r, form), final: true, supertype: -1 }
  const count = r.count(1, 'a list of supertypes')
  if (count > 1) r.invalid(`sub type has ${count} supertypes, at most one is allowed`)
  const supertype = count === 0 ? -1 : r.u32()
  return { ...compositeType(r, r.u8()), final: form === Form.SubFinal, supertype }
}

function compositeType(r: InstrReader, form: number): CompositeType {
  switch (form) {
    case Form.Func:
      return { kind: 'func', params: valTypes(r, 'parameters'), results: valTypes(r, 'results') }
    case Form.Struct: {
      const fields: FieldType[] = []
      for (let n = r.count(2, 'a list of fields'); n > 0; n--) fields.push(fieldType(r))
      return { kind: 'struct', fields }
    }
    case Form.Array:
      return { kind: 'array', field: fieldType(r) }
    default:
      return r.malformed(`invalid leading byte (0x${form.toString(16)}) for core type`, r.pos - 1)
  }
}

function valTypes(r: InstrReader, what: string): ValType[] {
  const list: ValType[] = []
  for (let n = r.count(1, `a list of ${what}`); n > 0; n--) list.push(r.valType())
  return list
}

function fieldType(r: InstrReader): FieldType {
  const b = r.bytes[r.pos]
  const type = b === T.I8 || b === T.I16 ? r.u8() : r.valType()
  return { type, mutable: mutability(r) }
}

function mutability(r: InstrReader): boolean {
  const b = r.u8()
  if (b > 1) r.malformed('malformed mutability', r.pos - 1)
  return b === 1
}

function moduleDecls(r: InstrReader): CoreModuleDecl[] {
  const decls: CoreModuleDecl[] = []
  for (let n = r.count(2, 'a module type'); n > 0; n--) {
    r.at = r.pos
    const kind = r.u8()
    switch (kind) {
      case 0x00:
        decls.push({ kind: 'import', module: r.name(), name: r.name(), desc: externDesc(r) })
        break
      case 0x01:
        decls.push({ kind: 'type', type: readCoreType(r) })
        break
      case 0x02: {
        const sort = r.u8()
        if (sort !== Sort.CoreType) r.malformed(`invalid sort of a core alias: 0x${sort.toString(16)}`, r.pos - 1)
        const target = r.u8()
        if (target !== 0x01) r.malformed(`invalid target of a core alias: 0x${target.toString(16)}`, r.pos - 1)
        decls.push({ kind: 'alias', count: r.u32(), index: r.u32() })
        break
      }
      case 0x03:
        decls.push({ kind: 'export', name: r.name(), desc: externDesc(r) })
        break
      default:
        r.malformed(`invalid leading byte (0x${kind.toString(16)}) for type definition`, r.pos - 1)
    }
  }
  return decls
}

function externDesc(r: InstrReader): CoreExternDesc {
  const kind = r.u8()
  switch (kind) {
    case 0x00:
      return { sort: Sort.CoreFunc, type: r.u32() }
    case 0x01: {
      const element = r.refType()
      const flags = limitsFlags(r, LimitsFlag.HasMax | LimitsFlag.Address64)
      return {
        sort: Sort.CoreTable,
        type: { element, address64: (flags & LimitsFlag.Address64) !== 0, ...limits(r, flags) },
      }
    }
    case 0x02: {
      const flags = limitsFlags(r, LimitsFlag.HasMax | LimitsFlag.Shared | LimitsFlag.Address64 | LimitsFlag.PageSize)
      const range = limits(r, flags)
      const pageSizeLog2 = (flags & LimitsFlag.PageSize) === 0 ? 16 : r.u32()
      const address64 = (flags & LimitsFlag.Address64) !== 0
      return {
        sort: Sort.CoreMemory,
        type: { ...range, address64, shared: (flags & LimitsFlag.Shared) !== 0, pageSizeLog2 },
      }
    }
    case 0x03:
      return { sort: Sort.CoreGlobal, type: { type: r.valType(), mutable: mutability(r) } }
    case 0x04: {
      const attribute = r.u8()
      if (attribute !== 0) r.malformed('malformed tag attribute', r.pos - 1)
      return { sort: Sort.CoreTag, type: r.u32() }
    }
    default:
      return r.malformed(`invalid leading byte (0x${kind.toString(16)}) for external kind`, r.pos - 1)
  }
}

function limitsFlags(r: InstrReader, allowed: number): number {
  const flags = r.u8()
  if ((flags & ~allowed) !== 0) r.malformed(`malformed limits flags: 0x${flags.toString(16)}`, r.pos - 1)
  return flags
}

/** 64-bit values as the model keeps them. */
const clamp = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER)

function limits(r: InstrReader, flags: number): Limits {
  const min = clamp(r.u64())
  return { min, max: (flags & LimitsFlag.HasMax) === 0 ? undefined : clamp(r.u64()) }
}
