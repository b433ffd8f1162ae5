// The name section (spec 3.0, appendix "Name Section"; the extended-name-section proposal for the kinds beyond it). It is a
// custom section: what is wrong with it never makes a module invalid.

import { ByteWriter } from '../util/byte-writer.ts'
import { FormatError } from './errors.ts'
import type { CustomSection, Module } from './module.ts'
import { ByteReader } from './reader.ts'

/** Names by index. */
export type NameMap = ReadonlyMap<number, string>
/** Names by index within each of the outer indices. */
export type IndirectNameMap = ReadonlyMap<number, NameMap>

/** The contents of a name section; kinds that it does not have are empty. */
export interface Names {
  readonly module: string | undefined
  readonly functions: NameMap
  /** By function, then local. */
  readonly locals: IndirectNameMap
  /** By function, then label: blocks are counted in the order in which they begin, the function's own label is not. */
  readonly labels: IndirectNameMap
  readonly types: NameMap
  readonly tables: NameMap
  readonly memories: NameMap
  readonly globals: NameMap
  readonly elems: NameMap
  readonly datas: NameMap
  /** By struct type, then field. */
  readonly fields: IndirectNameMap
  readonly tags: NameMap
}

/** Subsection ids. */
const enum Sub {
  Module = 0,
  Functions = 1,
  Locals = 2,
  Labels = 3,
  Types = 4,
  Tables = 5,
  Memories = 6,
  Globals = 7,
  Elems = 8,
  Datas = 9,
  Fields = 10,
  Tags = 11,
}

type MapKey = 'functions' | 'types' | 'tables' | 'memories' | 'globals' | 'elems' | 'datas' | 'tags'
type IndirectKey = 'locals' | 'labels' | 'fields'

const KEYS: readonly (keyof Names)[] = [
  'module',
  'functions',
  'locals',
  'labels',
  'types',
  'tables',
  'memories',
  'globals',
  'elems',
  'datas',
  'fields',
  'tags',
]

const isIndirect = (id: number): boolean => id === Sub.Locals || id === Sub.Labels || id === Sub.Fields

const NO_NAMES: NameMap = new Map()

/** A structure without any name, to be filled in for `encodeNames`. */
export function emptyNames(): { -readonly [K in keyof Names]: Names[K] } {
  return {
    module: undefined,
    functions: NO_NAMES,
    locals: new Map(),
    labels: new Map(),
    types: NO_NAMES,
    tables: NO_NAMES,
    memories: NO_NAMES,
    globals: NO_NAMES,
    elems: NO_NAMES,
    datas: NO_NAMES,
    fields: new Map(),
    tags: NO_NAMES,
  }
}

/** The first custom section of that name. */
export function findCustomSection(module: Module, name: string): CustomSection | undefined {
  return module.customSections.find((s) => s.name === name)
}

/**
 * The names of a module, or `undefined` if it has no name section. Of a malformed section the subsections before the error
 * count: names are a convenience. Unknown subsections are skipped.
 */
export function decodeNames(module: Module): Names | undefined {
  const section = findCustomSection(module, 'name')
  if (section === undefined) return undefined
  const names = emptyNames()
  try {
    readNames(module, section, names, false)
  } catch (e) {
    if (!(e instanceof FormatError)) throw e
  }
  return names
}

/**
 * Like `decodeNames`, but reports what is wrong.
 * @throws {FormatError} if there are two name sections, or the section is not well-formed or names what does not exist.
 */
export function decodeNamesStrict(module: Module): Names | undefined {
  const sections = module.customSections.filter((s) => s.name === 'name')
  if (sections.length === 0) return undefined
  if (sections.length > 1) throw new FormatError('malformed', 'multiple name sections', sections[1].start)
  const names = emptyNames()
  readNames(module, sections[0], names, true)
  return names
}

function readNames(
  module: Module,
  section: CustomSection,
  names: ReturnType<typeof emptyNames>,
  strict: boolean,
): void {
  const r = new ByteReader(module.bytes, section.start, section.end)
  let last = -1
  while (r.pos < section.end) {
    r.at = r.pos
    r.end = section.end
    const id = r.u8()
    const size = r.u32()
    r.need(size, 'a name subsection')
    const end = (r.end = r.pos + size)
    if (strict && id <= last) r.malformed(`malformed name section: subsection ${id} behind ${last}`, r.at)
    last = id
    if (id < KEYS.length) readSubsection(r, id, names, strict ? module : undefined)
    else r.pos = end
    if (r.pos !== end) r.malformed(`section size mismatch: name subsection ${id}`)
  }
  if (r.pos !== section.end) r.malformed('section size mismatch: name section')
}

function readSubsection(
  r: ByteReader,
  id: number,
  names: ReturnType<typeof emptyNames>,
  strictFor: Module | undefined,
): void {
  if (id === Sub.Module) names.module = r.name()
  else if (isIndirect(id)) {
    const outer = new Map<number, NameMap>()
    let last = -1
    for (let n = r.count(2, 'an indirect name map'); n > 0; n--) {
      last = nextIndex(r, last, strictFor && outerSpace(strictFor, id), strictFor !== undefined)
      outer.set(last, readMap(r, undefined, strictFor !== undefined))
    }
    names[KEYS[id] as IndirectKey] = outer
  } else names[KEYS[id] as MapKey] = readMap(r, strictFor && mapSpace(strictFor, id), strictFor !== undefined)
}

function readMap(r: ByteReader, space: number | undefined, strict: boolean): NameMap {
  const map = new Map<number, string>()
  let last = -1
  for (let n = r.count(2, 'a name map'); n > 0; n--) {
    last = nextIndex(r, last, space, strict)
    map.set(last, r.name())
  }
  return map
}

/** Reads an index of a name map. Strictly, they increase, and are below `space` if that is given. */
function nextIndex(r: ByteReader, last: number, space: number | undefined, strict: boolean): number {
  r.at = r.pos
  const index = r.u32()
  if (strict && index <= last) r.malformed(`malformed name map: index ${index} behind ${last}`, r.at)
  if (space !== undefined && index >= space) r.invalid(`name of unknown index ${index}`)
  return index
}

function outerSpace(module: Module, id: number): number {
  return id === Sub.Fields ? module.types.length : module.funcs.length
}

function mapSpace(module: Module, id: number): number {
  switch (id) {
    case Sub.Functions:
      return module.funcs.length
    case Sub.Types:
      return module.types.length
    case Sub.Tables:
      return module.tables.length
    case Sub.Memories:
      return module.memories.length
    case Sub.Globals:
      return module.globals.length
    case Sub.Elems:
      return module.elems.length
    case Sub.Datas:
      return module.datas.length
    default:
      return module.tags.length
  }
}

/** The payload of a name section; kinds without names are left out. `undefined` if there is no name at all. */
export function encodeNames(names: Partial<Names>): Uint8Array<ArrayBuffer> | undefined {
  const w = new ByteWriter()
  if (names.module !== undefined) subsection(w, Sub.Module, () => w.name(names.module!))
  for (let id = Sub.Functions; id < KEYS.length; id++) {
    if (isIndirect(id)) {
      const entries = sorted(names[KEYS[id] as IndirectKey]).filter(([, map]) => map.size > 0)
      if (entries.length === 0) continue
      subsection(w, id, () => {
        w.u32(entries.length)
        for (const [index, map] of entries) {
          w.u32(index)
          writeMap(w, sorted(map))
        }
      })
    } else {
      const entries = sorted(names[KEYS[id] as MapKey])
      if (entries.length > 0) subsection(w, id, () => writeMap(w, entries))
    }
  }
  return w.pos === 0 ? undefined : w.finish()
}

/** The entries of a map by ascending index. */
export function sorted<X>(map: ReadonlyMap<number, X> | undefined): [number, X][] {
  return [...(map ?? [])].sort((a, b) => a[0] - b[0])
}

function subsection(w: ByteWriter, id: number, write: () => void): void {
  w.u8(id)
  const mark = w.beginSized()
  write()
  w.endSized(mark)
}

function writeMap(w: ByteWriter, entries: readonly [number, string][]): void {
  w.u32(entries.length)
  for (const [index, name] of entries) {
    w.u32(index)
    w.name(name)
  }
}
