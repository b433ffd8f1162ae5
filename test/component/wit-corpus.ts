// The WIT corpus of ../shared/wit: files, and dumps of what they mean.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import {
  type Func,
  type Interface,
  interfaceId,
  type Package,
  packageId,
  type Stability,
  type Type,
  type TypeDef,
  type World,
} from '../../src/component/wit/model.ts'
import type { SourceGroup } from '../../src/component/wit/packages.ts'
import type { SourceFile } from '../../src/component/wit/source.ts'

export const corpus = join(process.env['ZWASM_SHARED'] ?? join(process.cwd(), '../shared'), 'wit')

const file = (path: string): SourceFile => ({ name: path, text: readFileSync(path, 'utf8') })
const witFiles = (folder: string): SourceFile[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.wit'))
    .sort()
    .map((name) => file(join(folder, name)))

/** A file, or a folder with its `deps`. Packages in binary form are left out. */
export function groupsAt(path: string): SourceGroup[] {
  if (!statSync(path).isDirectory()) return [[file(path)]]
  const deps = join(path, 'deps')
  const groups: SourceGroup[] = []
  if (existsSync(deps))
    for (const name of readdirSync(deps).sort()) {
      const dep = join(deps, name)
      if (statSync(dep).isDirectory()) groups.push(witFiles(dep))
      else if (name.endsWith('.wit')) groups.push([file(dep)])
    }
  return [...groups, witFiles(path)]
}

export const isBinaryDep = (path: string): boolean => {
  const deps = join(path, 'deps')
  return existsSync(deps) && readdirSync(deps).some((name) => /\.(wasm|wat)$/.test(name))
}

/** Corpus entries: `name`, and the path of its dump or of its error. */
export function entries(folder: string, suffix: string): { name: string; path: string; expected: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => {
      const plain = name.slice(0, -suffix.length)
      const asFile = join(folder, plain)
      const path = existsSync(asFile) ? asFile : asFile.replace(/\.wit$/, '')
      return { name: basename(plain), path, expected: readFileSync(join(folder, name), 'utf8') }
    })
}

// The same shape for our model and for a dump: names instead of ids, so that no order matters.

type Dump = unknown

export function dumpPackages(packages: Iterable<Package>): Dump {
  return Object.fromEntries(
    [...packages].map((p) => [
      packageId(p.name),
      {
        interfaces: Object.fromEntries([...p.interfaces].map(([name, i]) => [name, dumpInterface(i)])),
        worlds: Object.fromEntries([...p.worlds].map(([name, w]) => [name, dumpWorld(w)])),
        docs: p.docs,
      },
    ]),
  )
}

const dumpInterface = (i: Interface): Dump => ({
  types: Object.fromEntries([...i.types].map(([name, t]) => [name, dumpDef(t)])),
  functions: Object.fromEntries([...i.functions].map(([name, f]) => [name, dumpFunc(f)])),
  docs: i.docs,
  stability: dumpStability(i.stability),
})

const dumpStability = (s: Stability | undefined): Dump => {
  if (s === undefined) return undefined
  const { since, unstable, deprecated } = s
  if (since !== undefined) return { stable: { since, ...(deprecated === undefined ? {} : { deprecated }) } }
  return unstable === undefined
    ? undefined
    : { unstable: { feature: unstable, ...(deprecated === undefined ? {} : { deprecated }) } }
}

const dumpFunc = (f: Func): Dump => ({
  name: f.name,
  kind: `${f.isAsync ? 'async-' : ''}${f.kind}`,
  resource: f.resource && ref(f.resource),
  params: f.params.map((p) => [p.name, ref(p.type)]),
  result: f.result === undefined ? undefined : ref(f.result),
  docs: f.docs,
  stability: dumpStability(f.stability),
})

const dumpDef = (t: TypeDef): Dump => ({
  kind: dumpKind(t.kind),
  docs: t.docs,
  stability: dumpStability(t.stability),
})

/** A type with a name by its name. */
function ref(t: Type): Dump {
  if (typeof t === 'string') return t
  if (t.name === undefined) return dumpKind(t.kind)
  const { owner } = t
  if (owner === undefined) throw new Error(`type ${t.name} has no owner`)
  const place = 'imports' in owner ? `world ${owner.name}` : (interfaceId(owner) ?? 'inline')
  return `${place}#${t.name}`
}

function dumpKind(kind: TypeDef['kind']): Dump {
  const optional = (t: Type | undefined): Dump => (t === undefined ? null : ref(t))
  const label = (l: { name: string; docs: string | undefined }): Dump => ({ name: l.name, docs: l.docs })
  switch (kind.tag) {
    case 'alias':
      return { type: ref(kind.type) }
    case 'record':
      return { record: kind.fields.map((f) => ({ name: f.name, type: ref(f.type), docs: f.docs })) }
    case 'variant':
      return { variant: kind.cases.map((c) => ({ name: c.name, type: optional(c.type), docs: c.docs })) }
    case 'enum':
      return { enum: kind.cases.map(label) }
    case 'flags':
      return { flags: kind.flags.map(label) }
    case 'resource':
      return 'resource'
    case 'own':
    case 'borrow':
      return { handle: { [kind.tag]: ref(kind.resource) } }
    case 'list':
      return kind.length === undefined ? { list: ref(kind.element) } : { list: ref(kind.element), length: kind.length }
    case 'map':
      return { map: [ref(kind.key), ref(kind.value)] }
    case 'option':
      return { option: ref(kind.value) }
    case 'result':
      return { result: [optional(kind.ok), optional(kind.err)] }
    case 'tuple':
      return { tuple: kind.types.map(ref) }
    case 'future':
    case 'stream':
      return { [kind.tag]: optional(kind.element) }
  }
}

const dumpWorld = (w: World): Dump => {
  const side = (map: World['imports']): Dump =>
    Object.fromEntries(
      [...map].map(([key, e]) => [
        key,
        e.tag === 'type'
          ? { type: dumpDef(e.type) }
          : e.tag === 'function'
            ? { function: dumpFunc(e.function) }
            : {
                interface: interfaceId(e.interface) ?? dumpInterface(e.interface),
                stability: dumpStability(e.stability),
              },
      ]),
    )
  return { imports: side(w.imports), exports: side(w.exports), docs: w.docs, stability: dumpStability(w.stability) }
}

/** The same of a dump of wasm-tools. */
export function dumpOfJson(text: string): Dump {
  const json = JSON.parse(text)
  const docs = (d: any): Dump => d?.contents ?? undefined
  const idOfPackage = (p: number): string => json.packages[p].name
  const idOfInterface = (i: number): string | undefined => {
    const { name, package: p } = json.interfaces[i]
    if (name === null || name === undefined) return undefined
    const [base, version] = idOfPackage(p).split('@')
    return `${base}/${name}${version === undefined ? '' : `@${version}`}`
  }
  const ref = (t: any): Dump => {
    if (typeof t === 'string') return t
    const def = json.types[t]
    if (def.name === null) return kindOf(def.kind)
    const { owner } = def
    const place =
      'world' in owner ? `world ${json.worlds[owner.world].name}` : (idOfInterface(owner.interface) ?? 'inline')
    return `${place}#${def.name}`
  }
  const optional = (t: any): Dump => (t === null || t === undefined ? null : ref(t))
  const label = (l: any): Dump => ({ name: l.name, docs: docs(l.docs) })
  const kindOf = (kind: any): Dump => {
    if (kind === 'resource') return 'resource'
    const [[tag, value]] = Object.entries<any>(kind)
    switch (tag) {
      case 'type':
        return { type: ref(value) }
      case 'record':
        return { record: value.fields.map((f: any) => ({ name: f.name, type: ref(f.type), docs: docs(f.docs) })) }
      case 'variant':
        return { variant: value.cases.map((c: any) => ({ name: c.name, type: optional(c.type), docs: docs(c.docs) })) }
      case 'enum':
        return { enum: value.cases.map(label) }
      case 'flags':
        return { flags: value.flags.map(label) }
      case 'handle': {
        const [[borrow, resource]] = Object.entries(value)
        return { handle: { [borrow]: ref(resource) } }
      }
      case 'list':
        return { list: ref(value) }
      case 'fixed-length-list':
        return { list: ref(value[0]), length: value[1] }
      case 'map':
        return { map: [ref(value[0]), ref(value[1])] }
      case 'option':
        return { option: ref(value) }
      case 'result':
        return { result: [optional(value.ok), optional(value.err)] }
      case 'tuple':
        return { tuple: value.types.map(ref) }
      case 'future':
      case 'stream':
        return { [tag]: optional(value) }
      default:
        throw new Error(`unknown kind ${tag}`)
    }
  }
  const def = (t: any): Dump => ({ kind: kindOf(t.kind), docs: docs(t.docs), stability: t.stability })
  const func = (f: any): Dump => ({
    name: f.name,
    kind: typeof f.kind === 'string' ? f.kind : Object.keys(f.kind)[0],
    resource: typeof f.kind === 'string' ? undefined : ref(Object.values(f.kind)[0]),
    params: f.params.map((p: any) => [p.name, ref(p.type)]),
    result: f.result === undefined || f.result === null ? undefined : ref(f.result),
    docs: docs(f.docs),
    stability: f.stability,
  })
  const iface = (i: any): Dump => ({
    types: Object.fromEntries(Object.entries<number>(i.types).map(([name, t]) => [name, def(json.types[t])])),
    functions: Object.fromEntries(Object.entries(i.functions).map(([name, f]) => [name, func(f)])),
    docs: docs(i.docs),
    stability: i.stability,
  })
  const side = (map: any): Dump =>
    Object.fromEntries(
      Object.entries<any>(map).map(([key, e]) => {
        if ('type' in e) return [key, { type: def(json.types[e.type.id ?? e.type]) }]
        if ('function' in e) return [key, { function: func(e.function) }]
        const id = idOfInterface(e.interface.id)
        return [
          key.startsWith('interface-') ? id : key,
          { interface: id ?? iface(json.interfaces[e.interface.id]), stability: e.interface.stability },
        ]
      }),
    )
  return Object.fromEntries(
    json.packages.map((p: any) => [
      p.name,
      {
        interfaces: Object.fromEntries(
          Object.entries<number>(p.interfaces).map(([name, i]) => [name, iface(json.interfaces[i])]),
        ),
        worlds: Object.fromEntries(
          Object.entries<number>(p.worlds).map(([name, w]) => {
            const world = json.worlds[w]
            return [
              name,
              {
                imports: side(world.imports),
                exports: side(world.exports),
                docs: docs(world.docs),
                stability: world.stability,
              },
            ]
          }),
        ),
        docs: docs(p.docs),
      },
    ]),
  )
}
