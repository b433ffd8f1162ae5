// Component types in the binary format (Binary.md, "Type Definitions").

import type { ComponentReader } from './decode.ts'
import { readAlias, readExternName } from './decode.ts'
import { readCoreType } from './decode-core-types.ts'
import type { Decl, DefinedTypeDef, ExternDesc, LabelType, TypeDef, ValTypeRef } from './model.ts'
import { Prim, PRIM_NAMES, Sort } from './model.ts'

/** A value type: a primitive, or a type index. */
export function readValType(r: ComponentReader): ValTypeRef {
  const start = r.pos
  const value = r.s33()
  if (value < 0 && PRIM_NAMES[value] === undefined) r.malformed(`invalid value type: ${value}`, start)
  return value
}

function optional<X>(r: ComponentReader, read: (r: ComponentReader) => X): X | undefined {
  const b = r.u8()
  if (b === 0x00) return undefined
  if (b !== 0x01) r.malformed(`invalid leading byte (0x${b.toString(16)}) for optional component value type`, r.pos - 1)
  return read(r)
}

function label(r: ComponentReader): string {
  return r.name()
}

function labelTypes(r: ComponentReader, what: string): LabelType[] {
  const list: LabelType[] = []
  for (let n = r.count(2, what); n > 0; n--) list.push({ label: label(r), type: readValType(r) })
  return list
}

function labels(r: ComponentReader, what: string): string[] {
  const list: string[] = []
  for (let n = r.count(1, what); n > 0; n--) list.push(label(r))
  return list
}

/** A result list: one value type, or none. */
export function readResults(r: ComponentReader): ValTypeRef | undefined {
  const form = r.u8()
  if (form === 0x00) return readValType(r)
  if (form !== 0x01)
    r.malformed(`invalid leading byte (0x${form.toString(16)}) for component function results`, r.pos - 1)
  const count = r.u8()
  if (count !== 0) r.malformed(`invalid leading byte (0x${count.toString(16)}) for number of results`, r.pos - 1)
  return undefined
}

export function readType(r: ComponentReader): TypeDef {
  r.at = r.pos
  const form = r.u8()
  switch (form) {
    case 0x3f: {
      const rep = r.u8()
      return { kind: 'resource', rep, dtor: optional(r, (reader) => reader.u32()) }
    }
    case 0x40:
    case 0x43: {
      const params = labelTypes(r, 'parameters')
      return { kind: 'func', async: form === 0x43, params, result: readResults(r) }
    }
    case 0x41:
      return { kind: 'component', decls: r.nested(() => decls(r, true)) }
    case 0x42:
      return { kind: 'instance', decls: r.nested(() => decls(r, false)) }
    default:
      return definedType(r, form)
  }
}

function definedType(r: ComponentReader, form: number): DefinedTypeDef {
  switch (form) {
    case 0x72:
      return { kind: 'record', fields: labelTypes(r, 'fields') }
    case 0x71: {
      const cases: { label: string; type: ValTypeRef | undefined }[] = []
      for (let n = r.count(3, 'cases'); n > 0; n--) {
        cases.push({ label: label(r), type: optional(r, readValType) })
        const end = r.u8()
        if (end !== 0x00) r.malformed(`invalid leading byte (0x${end.toString(16)}) for variant case`, r.pos - 1)
      }
      return { kind: 'variant', cases }
    }
    case 0x70:
      return { kind: 'list', element: readValType(r), length: undefined }
    case 0x67:
      return { kind: 'list', element: readValType(r), length: r.u32() }
    case 0x6f: {
      const types: ValTypeRef[] = []
      for (let n = r.count(1, 'a tuple'); n > 0; n--) types.push(readValType(r))
      return { kind: 'tuple', types }
    }
    case 0x6e:
      return { kind: 'flags', labels: labels(r, 'flags') }
    case 0x6d:
      return { kind: 'enum', labels: labels(r, 'an enum') }
    case 0x6b:
      return { kind: 'option', type: readValType(r) }
    case 0x6a:
      return { kind: 'result', ok: optional(r, readValType), err: optional(r, readValType) }
    case 0x69:
      return { kind: 'own', resource: r.u32() }
    case 0x68:
      return { kind: 'borrow', resource: r.u32() }
    case 0x66:
      return { kind: 'stream', type: optional(r, readValType) }
    case 0x65:
      return { kind: 'future', type: optional(r, readValType) }
    case 0x63:
      return { kind: 'map', key: readValType(r), value: readValType(r) }
    default: {
      const type = form - 0x80
      if (PRIM_NAMES[type] === undefined)
        r.malformed(`invalid leading byte (0x${form.toString(16)}) for component defined type`, r.pos - 1)
      return { kind: 'primitive', type: type as Prim }
    }
  }
}

function decls(r: ComponentReader, isComponent: boolean): Decl[] {
  const list: Decl[] = []
  for (let n = r.count(2, isComponent ? 'a component type' : 'an instance type'); n > 0; n--) {
    const at = r.pos
    const kind = r.u8()
    switch (kind) {
      case 0x00:
        list.push({ kind: 'core-type', type: readCoreType(r), at })
        break
      case 0x01:
        list.push({ kind: 'type', type: readType(r), at })
        break
      case 0x02:
        list.push({ kind: 'alias', alias: readAlias(r), at })
        break
      case 0x03:
        if (!isComponent) r.malformed('invalid leading byte (0x3) for component instance type declaration', at)
        list.push({ kind: 'import', name: readExternName(r), desc: readExternDesc(r), at })
        break
      case 0x04:
        list.push({ kind: 'export', name: readExternName(r), desc: readExternDesc(r), at })
        break
      default:
        r.malformed(`invalid leading byte (0x${kind.toString(16)}) for component or instance type declaration`, at)
    }
  }
  return list
}

export function readExternDesc(r: ComponentReader): ExternDesc {
  const start = r.pos
  const kind = r.u8()
  switch (kind) {
    case 0x00: {
      const core = r.u8()
      if (core !== Sort.CoreModule)
        r.malformed(`invalid leading byte (0x${core.toString(16)}) for component external kind`, r.pos - 1)
      return { sort: Sort.CoreModule, type: r.u32() }
    }
    case 0x01:
      return { sort: Sort.Func, type: r.u32() }
    case 0x02: {
      const bound = r.u8()
      if (bound === 0x00) return { sort: Sort.Value, eq: r.u32() }
      if (bound !== 0x01) r.malformed(`invalid leading byte (0x${bound.toString(16)}) for a value bound`, r.pos - 1)
      return { sort: Sort.Value, type: readValType(r) }
    }
    case 0x03: {
      const bound = r.u8()
      if (bound === 0x00) return { sort: Sort.Type, eq: r.u32() }
      if (bound !== 0x01) r.malformed(`invalid leading byte (0x${bound.toString(16)}) for type bound`, r.pos - 1)
      return { sort: Sort.Type, eq: undefined }
    }
    case 0x04:
      return { sort: Sort.Component, type: r.u32() }
    case 0x05:
      return { sort: Sort.Instance, type: r.u32() }
    default:
      return r.malformed(`invalid leading byte (0x${kind.toString(16)}) for component external kind`, start)
  }
}
