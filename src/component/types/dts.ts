// TypeScript declarations of a world: `<world>.d.ts` and one file for each interface, with jco's mapping of types.
//
//   interfaces/wasi-io-streams.d.ts      /** @module Interface wasi:io/streams@0.2.12 **/
//   command.d.ts                         import type * as WasiIoStreams from './interfaces/wasi-io-streams.js'
//                                        export interface ImportObject { 'wasi:io/streams@0.2.12': typeof WasiIoStreams, ... }
//                                        export interface Command { ... }

import { camelCase, pascalCase } from '../names.ts'
import { type Func, type Interface, interfaceId, packageId, type World, type WorldEntry } from '../wit/model.ts'
import { docBlock, TypeWriter } from './type-writer.ts'

/** Declaration files of a world by path: `interfaces/*.d.ts` and `<world>.d.ts`. */
export function generateTypes(world: World): Map<string, string> {
  const files = new Map<string, string>()
  const modules = new Map<Interface, InterfaceModule>()
  for (const [side, entries] of [
    ['imports', world.imports],
    ['exports', world.exports],
  ] as const)
    for (const [key, entry] of entries)
      if (entry.tag === 'interface' && !modules.has(entry.interface))
        modules.set(entry.interface, moduleOf(entry.interface, `${world.name}-${side}-${key}`))
  for (const [item, module] of modules) files.set(`interfaces/${module.file}.d.ts`, interfaceFile(item, modules))
  files.set(`${world.name}.d.ts`, worldFile(world, modules))
  return files
}

/** Where an interface is declared, and what the world's file calls it. */
export interface InterfaceModule {
  /** Without its extension, in the folder `interfaces`. */
  readonly file: string
  readonly alias: string
}

function moduleOf(item: Interface, inlineName: string): InterfaceModule {
  const { namespace, name } = item.package.name
  const file = item.name === undefined ? inlineName : `${namespace}-${name}-${item.name}`
  return { file, alias: pascalCase(file) }
}

function interfaceFile(item: Interface, modules: ReadonlyMap<Interface, InterfaceModule>): string {
  const writer = new TypeWriter(item, (owner) => `./${modules.get(owner)!.file}.js`)
  const functions = [...item.functions.values()]
  for (const func of functions) if (func.kind === 'freestanding') writer.exportFunction(func)
  for (const type of item.types.values()) writer.type(type, functions)
  const id = interfaceId(item)
  const head = id === undefined ? '' : `/** @module Interface ${id} **/\n`
  return head + docBlock(item.docs, '') + writer.finish()
}

function worldFile(world: World, modules: ReadonlyMap<Interface, InterfaceModule>): string {
  const writer = new TypeWriter(world, (owner) => `./interfaces/${modules.get(owner)!.file}.js`)
  const functions = functionsOf(world.imports)
  for (const entry of world.imports.values()) if (entry.tag === 'type') writer.type(entry.type, functions)
  const imports = [...modules].map(([item, { file, alias }]) => {
    const id = interfaceId(item)
    return `import type * as ${alias} from './interfaces/${file}.js'${id === undefined ? '' : ` // ${id}`}\n`
  })
  const importObject = members(
    world.imports,
    modules,
    (name, func) => `'${name}': { default${writer.signature(func)} },`,
  )
  const exports = [
    ...members(
      world.exports,
      modules,
      (name, func) => `${docBlock(func.docs, '  ')}  ${memberName(camelCase(name))}${writer.signature(func)},`,
    ),
    ...shortNames(world, modules),
  ]
  return [
    `// world ${packageId({ ...world.package.name, version: undefined })}/${world.name}${world.package.name.version === undefined ? '' : `@${world.package.name.version}`}\n`,
    ...imports,
    docBlock(world.docs, ''),
    `/** What the world imports. */\nexport interface ImportObject {\n${importObject.map((line) => `  ${line}\n`).join('')}}\n`,
    `/** What the world exports. */\nexport interface ${pascalCase(world.name)} {\n${exports.map((line) => `  ${line.trimStart()}\n`).join('')}}\n`,
    writer.finish(),
  ].join('')
}

/** Exported interfaces are there under their own name too, without package and version, where that is free. */
function shortNames(world: World, modules: ReadonlyMap<Interface, InterfaceModule>): string[] {
  const taken = new Set([...world.exports.keys()].filter((key) => !key.includes(':')).map(camelCase))
  const lines: string[] = []
  for (const [key, entry] of world.exports) {
    if (entry.tag !== 'interface' || !key.includes(':')) continue
    const name = camelCase(entry.interface.name!)
    if (!taken.has(name)) lines.push(`${name}: typeof ${modules.get(entry.interface)!.alias},`)
    taken.add(name)
  }
  return lines
}

const functionsOf = (entries: ReadonlyMap<string, WorldEntry>): Func[] =>
  [...entries.values()].flatMap((entry) => (entry.tag === 'function' ? [entry.function] : []))

const memberName = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`)

/** Members of the object with all imports, or all exports: an interface also under its short name where that is free. */
function members(
  entries: ReadonlyMap<string, WorldEntry>,
  modules: ReadonlyMap<Interface, InterfaceModule>,
  func: (name: string, func: Func) => string,
): string[] {
  const lines: string[] = []
  for (const [key, entry] of entries) {
    if (entry.tag === 'interface') lines.push(`'${key}': typeof ${modules.get(entry.interface)!.alias},`)
    else if (entry.tag === 'function' && entry.function.kind === 'freestanding') lines.push(func(key, entry.function))
  }
  return lines
}
