// `ComponentDef` to bytes: the inverse of decode.ts. Neighbouring definitions of one kind share a section.

import { bug } from '../../util/bug.ts'
import { ByteWriter } from '../../util/byte-writer.ts'
import {
  writeGlobalType,
  writeMemoryType,
  writeSubType,
  writeTableType,
  writeValType as writeCoreValType,
} from '../../wasm/encode.ts'
import { COMPONENT_VERSION, Section } from './decode.ts'
import type {
  Alias,
  Canon,
  CanonOption,
  ComponentDef,
  CoreExternDesc,
  CoreInstanceExpr,
  CoreTypeDef,
  Decl,
  Definition,
  ExternDesc,
  ExternName,
  InstanceExpr,
  LabelType,
  SortIndex,
  TypeDef,
  ValTypeRef,
} from './model.ts'
import { BUILT_INS, Sort } from './model.ts'

const SECTION_OF: Readonly<Record<Definition['kind'], Section>> = {
  custom: Section.Custom,
  'core-module': Section.CoreModule,
  'core-instance': Section.CoreInstance,
  'core-type': Section.CoreType,
  component: Section.Component,
  instance: Section.Instance,
  alias: Section.Alias,
  type: Section.Type,
  canon: Section.Canon,
  import: Section.Import,
  export: Section.Export,
}

/** The binary of a component. */
export function encodeComponent(component: ComponentDef): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter(1024)
  writeComponent(w, component)
  return w.finish()
}

function writeComponent(w: ByteWriter, { definitions }: ComponentDef): void {
  w.u32le(0x6d73_6100)
  w.u32le(COMPONENT_VERSION)
  for (let i = 0; i < definitions.length;) {
    const first = definitions[i]
    const section = SECTION_OF[first.kind]
    w.u8(section)
    const mark = w.beginSized()
    i++
    if (first.kind === 'custom') {
      w.name(first.name)
      w.copy(first.bytes)
    } else if (first.kind === 'core-module') w.copy(first.bytes)
    else if (first.kind === 'component') writeComponent(w, first.component)
    else {
      const from = i - 1
      while (i < definitions.length && definitions[i].kind === first.kind) i++
      w.u32(i - from)
      for (const definition of definitions.slice(from, i)) writeDefinition(w, definition)
    }
    w.endSized(mark)
  }
}

function writeDefinition(w: ByteWriter, d: Definition): void {
  switch (d.kind) {
    case 'core-instance':
      return writeCoreInstance(w, d.expr)
    case 'core-type':
      return writeCoreType(w, d.type)
    case 'instance':
      return writeInstance(w, d.expr)
    case 'alias':
      return writeAlias(w, d.alias)
    case 'type':
      return writeType(w, d.type)
    case 'canon':
      return writeCanon(w, d.canon)
    case 'import':
      writeExternName(w, d.name)
      return writeExternDesc(w, d.desc)
    case 'export':
      writeExternName(w, d.name)
      writeSortIndex(w, d.item)
      w.u8(d.ascribed === undefined ? 0 : 1)
      if (d.ascribed !== undefined) writeExternDesc(w, d.ascribed)
      return
    default:
      bug(`definition ${d.kind}`)
  }
}

function vector<X>(w: ByteWriter, items: readonly X[], write: (w: ByteWriter, item: X) => void): void {
  w.u32(items.length)
  for (const item of items) write(w, item)
}

// Sorts, instances, aliases

function writeSort(w: ByteWriter, sort: Sort): void {
  if (sort < 0x100) w.u8(0x00)
  w.u8(sort & 0xff)
}

function writeSortIndex(w: ByteWriter, { sort, index }: SortIndex): void {
  writeSort(w, sort)
  w.u32(index)
}

function writeCoreInstance(w: ByteWriter, expr: CoreInstanceExpr): void {
  if (expr.kind === 'instantiate') {
    w.u8(0x00)
    w.u32(expr.module)
    vector(w, expr.args, (_, { name, instance }) => {
      w.name(name)
      w.u8(Sort.CoreInstance)
      w.u32(instance)
    })
    return
  }
  w.u8(0x01)
  vector(w, expr.exports, (_, { name, sort, index }) => {
    w.name(name)
    w.u8(sort)
    w.u32(index)
  })
}

function writeInstance(w: ByteWriter, expr: InstanceExpr): void {
  if (expr.kind === 'instantiate') {
    w.u8(0x00)
    w.u32(expr.component)
    vector(w, expr.args, (_, arg) => {
      w.name(arg.name)
      writeSortIndex(w, arg)
    })
    return
  }
  w.u8(0x01)
  vector(w, expr.exports, (_, item) => {
    writeExternName(w, item.name)
    writeSortIndex(w, item)
  })
}

function writeExternName(w: ByteWriter, name: ExternName): void {
  const attributes = [name.implements, name.versionSuffix, name.externalId]
  const count = attributes.filter((a) => a !== undefined).length
  w.u8(count === 0 ? 0x00 : 0x02)
  w.name(name.name)
  if (count === 0) return
  w.u32(count)
  for (const [kind, value] of attributes.entries()) {
    if (value === undefined) continue
    w.u8(kind)
    w.name(value)
  }
}

function writeAlias(w: ByteWriter, alias: Alias): void {
  writeSort(w, alias.sort)
  if (alias.target === 'outer') {
    w.u8(0x02)
    w.u32(alias.count)
    w.u32(alias.index)
  } else {
    w.u8(alias.target === 'export' ? 0x00 : 0x01)
    w.u32(alias.instance)
    w.name(alias.name)
  }
}

// Types

function writeCoreType(w: ByteWriter, type: CoreTypeDef): void {
  if (type.kind === 'rec') {
    if (type.types.length !== 1) {
      w.u8(0x4e)
      w.u32(type.types.length)
    } else if (!type.types[0].final) w.u8(0x00)
    for (const t of type.types) writeSubType(w, t)
    return
  }
  w.u8(0x50)
  vector(w, type.decls, (_, decl) => {
    switch (decl.kind) {
      case 'import':
        w.u8(0x00)
        w.name(decl.module)
        w.name(decl.name)
        return writeCoreExternDesc(w, decl.desc)
      case 'type':
        w.u8(0x01)
        return writeCoreType(w, decl.type)
      case 'alias':
        w.u8(0x02)
        w.u8(Sort.CoreType)
        w.u8(0x01)
        w.u32(decl.count)
        w.u32(decl.index)
        return
      case 'export':
        w.u8(0x03)
        w.name(decl.name)
        writeCoreExternDesc(w, decl.desc)
    }
  })
}

function writeCoreExternDesc(w: ByteWriter, desc: CoreExternDesc): void {
  w.u8(desc.sort)
  switch (desc.sort) {
    case Sort.CoreTag:
      w.u8(0)
      return w.u32(desc.type)
    case Sort.CoreFunc:
      return w.u32(desc.type)
    case Sort.CoreTable:
      return writeTableType(w, desc.type)
    case Sort.CoreMemory:
      return writeMemoryType(w, desc.type)
    case Sort.CoreGlobal:
      return writeGlobalType(w, desc.type)
  }
}

function writeValType(w: ByteWriter, type: ValTypeRef): void {
  if (type < 0) w.u8(0x80 + type)
  else w.s64Parts(type, 0)
}

function writeOptional(w: ByteWriter, type: ValTypeRef | undefined): void {
  w.u8(type === undefined ? 0 : 1)
  if (type !== undefined) writeValType(w, type)
}

function writeLabelType(w: ByteWriter, { label, type }: LabelType): void {
  w.name(label)
  writeValType(w, type)
}

function writeResults(w: ByteWriter, type: ValTypeRef | undefined): void {
  if (type === undefined) {
    w.u8(0x01)
    w.u8(0x00)
  } else {
    w.u8(0x00)
    writeValType(w, type)
  }
}

function writeType(w: ByteWriter, type: TypeDef): void {
  switch (type.kind) {
    case 'primitive':
      return w.u8(0x80 + type.type)
    case 'record':
      w.u8(0x72)
      return vector(w, type.fields, writeLabelType)
    case 'variant':
      w.u8(0x71)
      return vector(w, type.cases, (_, c) => {
        w.name(c.label)
        writeOptional(w, c.type)
        w.u8(0x00)
      })
    case 'list':
      w.u8(type.length === undefined ? 0x70 : 0x67)
      writeValType(w, type.element)
      if (type.length !== undefined) w.u32(type.length)
      return
    case 'tuple':
      w.u8(0x6f)
      return vector(w, type.types, writeValType)
    case 'flags':
    case 'enum':
      w.u8(type.kind === 'flags' ? 0x6e : 0x6d)
      return vector(w, type.labels, (_, label) => w.name(label))
    case 'option':
      w.u8(0x6b)
      return writeValType(w, type.type)
    case 'result':
      w.u8(0x6a)
      writeOptional(w, type.ok)
      return writeOptional(w, type.err)
    case 'own':
    case 'borrow':
      w.u8(type.kind === 'own' ? 0x69 : 0x68)
      return w.u32(type.resource)
    case 'stream':
    case 'future':
      w.u8(type.kind === 'stream' ? 0x66 : 0x65)
      return writeOptional(w, type.type)
    case 'map':
      w.u8(0x63)
      writeValType(w, type.key)
      return writeValType(w, type.value)
    case 'func':
      w.u8(type.async ? 0x43 : 0x40)
      vector(w, type.params, writeLabelType)
      return writeResults(w, type.result)
    case 'resource':
      w.u8(0x3f)
      writeCoreValType(w, type.rep)
      w.u8(type.dtor === undefined ? 0 : 1)
      if (type.dtor !== undefined) w.u32(type.dtor)
      return
    case 'component':
    case 'instance':
      w.u8(type.kind === 'component' ? 0x41 : 0x42)
      return vector(w, type.decls, writeDecl)
  }
}

function writeDecl(w: ByteWriter, decl: Decl): void {
  switch (decl.kind) {
    case 'core-type':
      w.u8(0x00)
      return writeCoreType(w, decl.type)
    case 'type':
      w.u8(0x01)
      return writeType(w, decl.type)
    case 'alias':
      w.u8(0x02)
      return writeAlias(w, decl.alias)
    case 'import':
    case 'export':
      w.u8(decl.kind === 'import' ? 0x03 : 0x04)
      writeExternName(w, decl.name)
      return writeExternDesc(w, decl.desc)
  }
}

function writeExternDesc(w: ByteWriter, desc: ExternDesc): void {
  switch (desc.sort) {
    case Sort.CoreModule:
      w.u8(0x00)
      w.u8(Sort.CoreModule)
      return w.u32(desc.type)
    case Sort.Value:
      w.u8(0x02)
      w.u8(desc.eq === undefined ? 0x01 : 0x00)
      if (desc.eq === undefined) writeValType(w, desc.type)
      else w.u32(desc.eq)
      return
    case Sort.Type:
      w.u8(0x03)
      w.u8(desc.eq === undefined ? 0x01 : 0x00)
      if (desc.eq !== undefined) w.u32(desc.eq)
      return
    default:
      w.u8(desc.sort & 0xff)
      w.u32(desc.type)
  }
}

// Canonical definitions

const BUILT_IN_BY_NAME = new Map(BUILT_INS.map((row) => [row[1], row]))
const ENCODINGS = ['utf8', 'utf16', 'latin1+utf16']

function writeCanon(w: ByteWriter, canon: Canon): void {
  if (canon.op === 'lift' || canon.op === 'lower') {
    const { op, func, options, type } = canon as Extract<Canon, { op: 'lift' }>
    w.u8(op === 'lift' ? 0x00 : 0x01)
    w.u8(0x00)
    w.u32(func)
    vector(w, options, writeOption)
    if (op === 'lift') w.u32(type)
    return
  }
  const c = canon as Exclude<Canon, { op: 'lift' | 'lower' }>
  const row = BUILT_IN_BY_NAME.get(c.op) ?? bug(`built-in ${c.op}`)
  w.u8(row[0])
  for (const immediate of row[2]) {
    switch (immediate) {
      case 'type':
        w.u32(c.type!)
        break
      case 'results':
        writeResults(w, c.result)
        break
      case 'options':
        vector(w, c.options!, writeOption)
        break
      case 'async':
        w.u8(c.async === true ? 1 : 0)
        break
      case 'cancel':
        w.u8(c.cancel === true ? 1 : 0)
        break
      case 'memory':
        w.u32(c.memory!)
        break
      case 'context':
        writeCoreValType(w, c.slotType!)
        w.u32(c.slot!)
        break
      case 'core-type':
        w.u32(c.coreType!)
        break
      case 'table':
        w.u32(c.table!)
    }
  }
}

function writeOption(w: ByteWriter, option: CanonOption): void {
  switch (option.kind) {
    case 'string-encoding':
      return w.u8(ENCODINGS.indexOf(option.encoding))
    case 'async':
      return w.u8(0x06)
    default:
      w.u8({ memory: 0x03, realloc: 0x04, 'post-return': 0x05, callback: 0x07 }[option.kind])
      w.u32(option.index)
  }
}
