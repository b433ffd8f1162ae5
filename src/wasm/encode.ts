// A module model as a binary. Function bodies, constant expressions and data are copied from `Module.bytes`; everything else is
// written in its shortest form. `decodeModule(encodeModule(m))` is the same module as m.

import { bug } from '../util/bug.ts'
import { ByteWriter } from '../util/byte-writer.ts'
import { Section, SECTION_ORDER } from './decode.ts'
import { type ConstExpr, type ElemSegment, ExternKind, type Import, type Module } from './module.ts'
import {
  type FieldType,
  type GlobalType,
  Heap,
  heapOf,
  isConcrete,
  isNullable,
  isRef,
  type Limits,
  type MemoryType,
  refAbstract,
  RefType,
  type SubType,
  type TableType,
  typeIndexOf,
  type ValType,
} from './types.ts'
import { Op } from './op.gen.ts'

/** The binary of a module. */
export function encodeModule(module: Module): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter(Math.max(256, module.bytes.length + 64))
  w.u32le(0x6d73_6100)
  w.u32le(1)
  customSections(w, module, Section.Custom)
  for (const id of SECTION_ORDER) {
    const start = w.pos
    w.u8(id)
    const mark = w.beginSized()
    if (encodeSection(w, module, id)) w.endSized(mark)
    else w.pos = start
    customSections(w, module, id)
  }
  return w.finish()
}

/** Writes the custom sections that follow section `after`. */
function customSections(w: ByteWriter, module: Module, after: number): void {
  for (const section of module.customSections) {
    if (section.after !== after) continue
    w.u8(Section.Custom)
    const mark = w.beginSized()
    w.name(section.name)
    w.copy(module.bytes, section.start, section.end)
    w.endSized(mark)
  }
}

/** Writes the payload of a section; false if the module does not need it. */
function encodeSection(w: ByteWriter, module: Module, id: Section): boolean {
  switch (id) {
    case Section.Type:
      return typeSection(w, module)
    case Section.Import:
      return vector(w, module.imports, (i) => writeImport(w, i))
    case Section.Function:
      return vector(w, module.funcs.subarray(module.importedFuncs), (type) => w.u32(type))
    case Section.Table:
      return vector(w, module.tableDefs, ({ type, init }) => {
        if (init !== undefined) {
          w.u8(0x40)
          w.u8(0)
        }
        writeTableType(w, type)
        if (init !== undefined) writeExpr(w, module, init)
      })
    case Section.Memory:
      return vector(w, module.memories.slice(module.importedMemories), (type) => writeMemoryType(w, type))
    case Section.Tag:
      return vector(w, module.tags.subarray(module.importedTags), (type) => writeTag(w, type))
    case Section.Global:
      return vector(w, module.globalDefs, ({ type, init }) => {
        writeGlobalType(w, type)
        writeExpr(w, module, init)
      })
    case Section.Export:
      return vector(w, module.exports, ({ name, kind, index }) => {
        w.name(name)
        w.u8(kind)
        w.u32(index)
      })
    case Section.Start:
      if (module.start >= 0) w.u32(module.start)
      return module.start >= 0
    case Section.Element:
      return vector(w, module.elems, (segment) => writeElem(w, module, segment))
    case Section.DataCount:
      if (module.hasDataCount) w.u32(module.datas.length)
      return module.hasDataCount
    case Section.Code:
      return codeSection(w, module)
    case Section.Data:
      return vector(w, module.datas, (segment) => {
        w.u32(segment.mode === 'passive' ? 1 : segment.memory === 0 ? 0 : 2)
        if (segment.mode === 'active' && segment.memory !== 0) w.u32(segment.memory)
        if (segment.offset !== undefined) writeExpr(w, module, segment.offset)
        w.u32(segment.end - segment.start)
        w.copy(module.bytes, segment.start, segment.end)
      })
    default:
      return bug(`section ${id}`)
  }
}

/** A length and the items; false without items. */
function vector<X>(w: ByteWriter, items: Iterable<X> & { readonly length: number }, write: (item: X) => void): boolean {
  if (items.length === 0) return false
  w.u32(items.length)
  for (const item of items) write(item)
  return true
}

function codeSection(w: ByteWriter, module: Module): boolean {
  const { codeStart, codeEnd } = module
  if (codeStart.length === 0) return false
  w.u32(codeStart.length)
  for (let i = 0; i < codeStart.length; i++) {
    w.u32(codeEnd[i] - codeStart[i])
    w.copy(module.bytes, codeStart[i], codeEnd[i])
  }
  return true
}

// Types

function typeSection(w: ByteWriter, module: Module): boolean {
  const { types, recGroups } = module
  if (recGroups.length === 0) return false
  w.u32(recGroups.length)
  for (let g = 0; g < recGroups.length; g++) {
    const end = g + 1 < recGroups.length ? recGroups[g + 1] : types.length
    const count = end - recGroups[g]
    if (count !== 1) {
      w.u8(0x4e)
      w.u32(count)
    }
    for (let i = recGroups[g]; i < end; i++) writeSubType(w, types[i])
  }
  return true
}

/** Writes a type definition without its recursion group. */
export function writeSubType(w: ByteWriter, type: SubType): void {
  if (!type.final || type.supertype >= 0) {
    w.u8(type.final ? 0x4f : 0x50)
    w.u32(type.supertype >= 0 ? 1 : 0)
    if (type.supertype >= 0) w.u32(type.supertype)
  }
  switch (type.kind) {
    case 'func':
      w.u8(0x60)
      writeTypes(w, type.params)
      writeTypes(w, type.results)
      break
    case 'struct':
      w.u8(0x5f)
      w.u32(type.fields.length)
      for (const field of type.fields) writeField(w, field)
      break
    case 'array':
      w.u8(0x5e)
      writeField(w, type.field)
  }
}

function writeTypes(w: ByteWriter, types: readonly ValType[]): void {
  w.u32(types.length)
  for (const type of types) writeValType(w, type)
}

function writeField(w: ByteWriter, { type, mutable }: FieldType): void {
  writeValType(w, type)
  w.u8(mutable ? 1 : 0)
}

/** Writes a value or storage type. */
export function writeValType(w: ByteWriter, type: ValType): void {
  if (!isRef(type)) w.u8(type)
  else if (isNullable(type) && !isConcrete(type)) w.u8(heapOf(type))
  else {
    w.u8(isNullable(type) ? 0x63 : 0x64)
    writeHeapType(w, type)
  }
}

/** Writes the heap type of a reference type: one byte, or a type index as s33. */
export function writeHeapType(w: ByteWriter, type: ValType): void {
  if (isConcrete(type)) w.s64Parts(typeIndexOf(type), 0)
  else w.u8(heapOf(type))
}

// External types

function writeImport(w: ByteWriter, i: Import): void {
  w.name(i.module)
  w.name(i.name)
  w.u8(i.kind)
  switch (i.kind) {
    case ExternKind.Func:
      w.u32(i.typeIndex)
      break
    case ExternKind.Table:
      writeTableType(w, i.type)
      break
    case ExternKind.Memory:
      writeMemoryType(w, i.type)
      break
    case ExternKind.Global:
      writeGlobalType(w, i.type)
      break
    case ExternKind.Tag:
      writeTag(w, i.typeIndex)
  }
}

function writeTag(w: ByteWriter, typeIndex: number): void {
  w.u8(0)
  w.u32(typeIndex)
}

export function writeGlobalType(w: ByteWriter, { type, mutable }: GlobalType): void {
  writeValType(w, type)
  w.u8(mutable ? 1 : 0)
}

export function writeTableType(w: ByteWriter, type: TableType): void {
  writeValType(w, type.element)
  writeLimits(w, type, type.address64 ? 4 : 0)
}

export function writeMemoryType(w: ByteWriter, type: MemoryType): void {
  const customPages = type.pageSizeLog2 !== 16
  writeLimits(w, type, (type.shared ? 2 : 0) | (type.address64 ? 4 : 0) | (customPages ? 8 : 0))
  if (customPages) w.u32(type.pageSizeLog2)
}

function writeLimits(w: ByteWriter, { min, max }: Limits, flags: number): void {
  w.u8(flags | (max === undefined ? 0 : 1))
  w.u64(min)
  if (max !== undefined) w.u64(max)
}

// Expressions and segments

function writeExpr(w: ByteWriter, module: Module, { start, end }: ConstExpr): void {
  w.copy(module.bytes, start, end)
}

function writeElem(w: ByteWriter, module: Module, segment: ElemSegment): void {
  const { mode, table, type, funcs, exprs } = segment
  // Function indices mean the type (ref func); a list of another type needs expressions.
  const asFuncs = funcs !== undefined && type === refAbstract(Heap.Func, false)
  const shortest = mode === 'active' && table === 0 && (asFuncs || type === RefType.FuncRef)
  w.u32((mode === 'active' ? (shortest ? 0 : 2) : mode === 'passive' ? 1 : 3) | (asFuncs ? 0 : 4))
  if (mode === 'active' && !shortest) w.u32(table)
  if (segment.offset !== undefined) writeExpr(w, module, segment.offset)
  if (!shortest) {
    if (asFuncs) w.u8(0)
    else writeValType(w, type)
  }
  if (exprs !== undefined) {
    w.u32(exprs.length)
    for (const e of exprs) writeExpr(w, module, e)
    return
  }
  if (funcs === undefined) bug('element segment without entries')
  w.u32(funcs.length)
  for (const index of funcs) {
    if (!asFuncs) w.u8(Op.RefFunc)
    w.u32(index)
    if (!asFuncs) w.u8(Op.End)
  }
}
