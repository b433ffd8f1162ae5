// Bytes to `ComponentDef` (component-model: design/mvp/Binary.md).

import { InstrReader } from '../../wasm/instr-reader.ts'
import { readCoreType } from './decode-core-types.ts'
import { readExternDesc, readResults, readType } from './decode-types.ts'
import type {
  Alias,
  BuiltIn,
  Canon,
  CanonOption,
  ComponentDef,
  CoreExport,
  CoreInstanceExpr,
  Definition,
  ExternName,
  InstanceExpr,
  SortIndex,
  StringEncoding,
} from './model.ts'
import { BUILT_INS, Sort, SORT_NAMES } from './model.ts'

/** Nesting of components and of types in one another. */
export const MAX_COMPONENT_NESTING = 100

/** Section ids. */
export const enum Section {
  Custom = 0,
  CoreModule = 1,
  CoreInstance = 2,
  CoreType = 3,
  Component = 4,
  Instance = 5,
  Alias = 6,
  Type = 7,
  Canon = 8,
  Start = 9,
  Import = 10,
  Export = 11,
  Value = 12,
}

/** Version and layer words behind the magic number. */
export const COMPONENT_VERSION = 0x0001_000d
const CORE_VERSION = 0x0000_0001

export class ComponentReader extends InstrReader {
  #depth = 0

  /** Runs a reader one level deeper. */
  nested<X>(read: () => X): X {
    if (++this.#depth > MAX_COMPONENT_NESTING)
      this.fail('limit', `nesting too deep: the limit is ${MAX_COMPONENT_NESTING}`, this.pos)
    const result = read()
    this.#depth--
    return result
  }
}

/** Whether bytes begin like a component (magic number, layer 1). */
export function isComponent(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && wordAt(bytes, 0) === 0x6d73_6100 && bytes[6] === 1 && bytes[7] === 0
}

function wordAt(bytes: Uint8Array, pos: number): number {
  return (bytes[pos] | (bytes[pos + 1] << 8) | (bytes[pos + 2] << 16) | (bytes[pos + 3] << 24)) >>> 0
}

/**
 * Decodes a component. The result refers to `bytes`, which the caller must not change afterwards.
 * @throws {FormatError} of kind `malformed` or `limit` at the first thing that is not of the form.
 */
export function decodeComponent(bytes: Uint8Array): ComponentDef {
  const r = new ComponentReader(bytes)
  return component(r, bytes.length)
}

function component(r: ComponentReader, end: number): ComponentDef {
  const start = r.pos
  if (end - start < 8) r.malformed('unexpected end', end)
  if (wordAt(r.bytes, start) !== 0x6d73_6100) r.malformed('magic header not detected', start)
  const version = wordAt(r.bytes, start + 4)
  if (version === CORE_VERSION) r.malformed('a core module, expected a component', start + 4)
  if (version !== COMPONENT_VERSION) r.malformed('unknown binary version', start + 4)
  r.pos = start + 8
  const definitions: Definition[] = []
  while (r.pos < end) section(r, end, definitions)
  return { definitions }
}

function section(r: ComponentReader, end: number, out: Definition[]): void {
  const start = r.pos
  r.end = end
  const id = r.u8()
  const size = r.u32()
  if (size > end - r.pos) r.malformed('unexpected end: a section goes on behind the end', start)
  const sectionEnd = r.pos + size
  r.end = sectionEnd
  switch (id) {
    case Section.Custom: {
      const name = r.name()
      out.push({ kind: 'custom', name, bytes: r.bytes.subarray(r.pos, sectionEnd), at: start })
      r.pos = sectionEnd
      break
    }
    case Section.CoreModule:
      out.push({ kind: 'core-module', bytes: r.bytes.subarray(r.pos, sectionEnd), at: r.pos })
      r.pos = sectionEnd
      break
    case Section.Component: {
      const at = r.pos
      out.push({ kind: 'component', component: r.nested(() => component(r, sectionEnd)), at })
      break
    }
    default: {
      const read = READERS[id]
      if (read === undefined) r.malformed(`malformed section id: ${id}`, start)
      for (let n = r.count(1, 'a section'); n > 0; n--) {
        const at = (r.at = r.pos)
        out.push({ ...read(r), at } as Definition)
      }
    }
  }
  r.end = end
  if (r.pos !== sectionEnd) r.malformed(`unexpected data at the end of the section ${id}`)
}

type Read = (r: ComponentReader) => DistributiveOmit<Definition, 'at'>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

const READERS: Readonly<Record<number, Read>> = {
  [Section.CoreInstance]: (r) => ({ kind: 'core-instance', expr: coreInstance(r) }),
  [Section.CoreType]: (r) => ({ kind: 'core-type', type: readCoreType(r) }),
  [Section.Instance]: (r) => ({ kind: 'instance', expr: instance(r) }),
  [Section.Alias]: (r) => ({ kind: 'alias', alias: readAlias(r) }),
  [Section.Type]: (r) => ({ kind: 'type', type: readType(r) }),
  [Section.Canon]: (r) => ({ kind: 'canon', canon: canon(r) }),
  [Section.Import]: (r) => ({ kind: 'import', name: readExternName(r), desc: readExternDesc(r) }),
  [Section.Export]: (r) => {
    const name = readExternName(r)
    const item = sortIndex(r)
    const ascribed = r.u8()
    if (ascribed > 1) r.malformed(`invalid leading byte (0x${ascribed.toString(16)}) for optional type`, r.pos - 1)
    return { kind: 'export', name, item, ascribed: ascribed === 0 ? undefined : readExternDesc(r) }
  },
}

// Sorts, instances, aliases

function coreSort(r: ComponentReader): Sort {
  const sort: Sort = r.u8()
  if (SORT_NAMES[sort] === undefined)
    r.malformed(`invalid leading byte (0x${sort.toString(16)}) for core sort`, r.pos - 1)
  return sort
}

function readSort(r: ComponentReader): Sort {
  const code = r.u8()
  if (code === 0x00) return coreSort(r)
  const sort: Sort = 0x100 | code
  if (SORT_NAMES[sort] === undefined)
    r.malformed(`invalid leading byte (0x${code.toString(16)}) for component external kind`, r.pos - 1)
  return sort
}

const sortIndex = (r: ComponentReader): SortIndex => ({ sort: readSort(r), index: r.u32() })

function coreInstance(r: ComponentReader): CoreInstanceExpr {
  const form = r.u8()
  if (form === 0x00) {
    const module = r.u32()
    const args: { name: string; instance: number }[] = []
    for (let n = r.count(3, 'arguments'); n > 0; n--) {
      const name = r.name()
      const sort = r.u8()
      if (sort !== Sort.CoreInstance)
        r.malformed(`invalid leading byte (0x${sort.toString(16)}) for instantiation arg kind`, r.pos - 1)
      args.push({ name, instance: r.u32() })
    }
    return { kind: 'instantiate', module, args }
  }
  if (form !== 0x01) r.malformed(`invalid leading byte (0x${form.toString(16)}) for core instance`, r.pos - 1)
  const exports: CoreExport[] = []
  for (let n = r.count(3, 'exports'); n > 0; n--) exports.push({ name: r.name(), sort: coreSort(r), index: r.u32() })
  return { kind: 'exports', exports }
}

function instance(r: ComponentReader): InstanceExpr {
  const form = r.u8()
  if (form === 0x00) {
    const component = r.u32()
    const args: (SortIndex & { name: string })[] = []
    for (let n = r.count(3, 'arguments'); n > 0; n--) args.push({ name: r.name(), ...sortIndex(r) })
    return { kind: 'instantiate', component, args }
  }
  if (form !== 0x01) r.malformed(`invalid leading byte (0x${form.toString(16)}) for instance`, r.pos - 1)
  const exports: (SortIndex & { name: ExternName })[] = []
  for (let n = r.count(4, 'exports'); n > 0; n--) exports.push({ name: readExternName(r), ...sortIndex(r) })
  return { kind: 'exports', exports }
}

/** The name of an import or export with its attributes. */
export function readExternName(r: ComponentReader): ExternName {
  const form = r.u8()
  if (form > 0x02) r.malformed(`invalid leading byte (0x${form.toString(16)}) for component name`, r.pos - 1)
  const name = r.name()
  if (form !== 0x02) return { name }
  const out: { name: string; implements?: string; versionSuffix?: string; externalId?: string } = { name }
  for (let n = r.count(1, 'attributes'); n > 0; n--) {
    const start = r.pos
    const kind = r.u8()
    const value = r.name()
    const key = (['implements', 'versionSuffix', 'externalId'] as const)[kind]
    if (key === undefined) r.malformed(`invalid leading byte (0x${kind.toString(16)}) for name attribute`, start)
    if (out[key] !== undefined) r.malformed(`duplicate attribute of the name ${name}`, start)
    out[key] = value
  }
  return out
}

export function readAlias(r: ComponentReader): Alias {
  const sort = readSort(r)
  const target = r.u8()
  switch (target) {
    case 0x00:
      return { target: 'export', sort, instance: r.u32(), name: r.name() }
    case 0x01:
      return { target: 'core export', sort, instance: r.u32(), name: r.name() }
    case 0x02:
      return { target: 'outer', sort, count: r.u32(), index: r.u32() }
    default:
      return r.malformed(`invalid leading byte (0x${target.toString(16)}) for alias target`, r.pos - 1)
  }
}

// Canonical definitions

const BUILT_IN_BY_CODE = new Map(BUILT_INS.map((row) => [row[0], row]))

function canon(r: ComponentReader): Canon {
  const code = r.u8()
  if (code === 0x00 || code === 0x01) {
    const sort = r.u8()
    if (sort !== 0x00) r.malformed(`invalid leading byte (0x${sort.toString(16)}) for canonical function`, r.pos - 1)
    const func = r.u32()
    const options = canonOptions(r)
    return code === 0x00 ? { op: 'lift', func, options, type: r.u32() } : { op: 'lower', func, options }
  }
  const row = BUILT_IN_BY_CODE.get(code)
  if (row === undefined) r.malformed(`invalid leading byte (0x${code.toString(16)}) for canonical function`, r.pos - 1)
  const out: { -readonly [K in keyof BuiltIn]: BuiltIn[K] } = { op: row[1] }
  for (const immediate of row[2]) {
    switch (immediate) {
      case 'type':
        out.type = r.u32()
        break
      case 'results':
        out.result = readResults(r)
        break
      case 'options':
        out.options = canonOptions(r)
        break
      case 'async':
        out.async = flag(r)
        break
      case 'cancel':
        out.cancel = flag(r)
        break
      case 'memory':
        out.memory = r.u32()
        break
      case 'context':
        out.slotType = r.valType()
        out.slot = r.u32()
        break
      case 'core-type':
        out.coreType = r.u32()
        break
      case 'table':
        out.table = r.u32()
    }
  }
  return out
}

function flag(r: ComponentReader): boolean {
  const b = r.u8()
  if (b > 1) r.malformed(`invalid boolean value: 0x${b.toString(16)}`, r.pos - 1)
  return b === 1
}

const ENCODINGS: readonly StringEncoding[] = ['utf8', 'utf16', 'latin1+utf16']

function canonOptions(r: ComponentReader): CanonOption[] {
  const options: CanonOption[] = []
  for (let n = r.count(1, 'canonical options'); n > 0; n--) {
    const code = r.u8()
    switch (code) {
      case 0x00:
      case 0x01:
      case 0x02:
        options.push({ kind: 'string-encoding', encoding: ENCODINGS[code]! })
        break
      case 0x03:
        options.push({ kind: 'memory', index: r.u32() })
        break
      case 0x04:
        options.push({ kind: 'realloc', index: r.u32() })
        break
      case 0x05:
        options.push({ kind: 'post-return', index: r.u32() })
        break
      case 0x06:
        options.push({ kind: 'async' })
        break
      case 0x07:
        options.push({ kind: 'callback', index: r.u32() })
        break
      default:
        r.malformed(`invalid leading byte (0x${code.toString(16)}) for canonical option`, r.pos - 1)
    }
  }
  return options
}
