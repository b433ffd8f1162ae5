// From files to packages: which package each part of a file belongs to, and in which order packages are resolved.

import type { FileAst, FilePart, InterfaceMember, PackageDecl, PackageName, TopLevelItem, UsePath } from './ast.ts'
import { packageId } from './model.ts'
import { parseFile } from './parser.ts'
import { inOrder } from './scope.ts'
import { fail, type SourceFile, type Span, type Problem } from './source.ts'

/** A package whose names are not looked up yet. */
export interface PackageUnit {
  readonly name: PackageName
  readonly span: Span | undefined
  readonly docs: string | undefined
  readonly parts: readonly FilePart[]
}

/** Files that make up one package (and those nested in it), as a folder has them. */
export type SourceGroup = readonly SourceFile[]

/** Parses the files of a group; its packages, the main one last. */
export function parseGroup(files: SourceGroup, problems: Problem[]): PackageUnit[] {
  const parsed = files.map((file) => parseFile(file, problems))
  if (problems.length > 0) return []
  const units: PackageUnit[] = []
  for (const { nested } of parsed)
    for (const { decl, part } of nested)
      units.push({ name: decl.name, span: decl.span, docs: decl.docs, parts: [part] })
  const main = mainDecl(parsed)
  const hasItems = parsed.some(({ items }) => items.length > 0)
  if (main === undefined && (hasItems || units.length === 0))
    fail('no `package` header was found in any WIT file for this package', undefined)
  if (main !== undefined)
    units.push({
      name: main.name,
      span: main.span,
      docs: parsed.map(({ decl }) => decl?.docs).find((docs) => docs !== undefined),
      parts: parsed,
    })
  return units
}

function mainDecl(parsed: readonly FileAst[]): PackageDecl | undefined {
  let main: PackageDecl | undefined
  let documented = false
  for (const { decl } of parsed) {
    if (decl === undefined) continue
    if (main !== undefined && packageId(decl.name) !== packageId(main.name))
      fail(
        `package identifier \`${packageId(decl.name)}\` does not match previous package name of \`${packageId(main.name)}\``,
        decl.span,
      )
    if (decl.docs !== undefined) {
      if (documented) fail("found doc comments on multiple 'package' items", decl.docsSpan)
      documented = true
    }
    main ??= decl
  }
  return main
}

/** All paths in a part of a file that name something. */
export const pathsOf = (part: FilePart): UsePath[] =>
  part.items.flatMap((item) => itemPaths(item).map(({ path }) => path))

/** A path with what it must name. */
export interface ItemPath {
  readonly path: UsePath
  readonly what: 'interface' | 'world'
}

/** The paths in an item that name interfaces or worlds. */
export function itemPaths(item: TopLevelItem): ItemPath[] {
  const used = (members: readonly { readonly tag: string }[]): ItemPath[] =>
    (members as readonly InterfaceMember[]).flatMap((member) =>
      member.tag === 'use' ? [{ path: member.from, what: 'interface' }] : [],
    )
  switch (item.tag) {
    case 'top-use':
      return [{ path: item.from, what: 'interface' }]
    case 'interface':
      return used(item.members)
    case 'world':
      return [
        ...used(item.members),
        ...item.members.flatMap((member): ItemPath[] => {
          if (member.tag === 'include') return [{ path: member.from, what: 'world' }]
          if (member.tag !== 'import' && member.tag !== 'export') return []
          const extern = member.item
          if (extern.tag === 'path' || extern.tag === 'named-path') return [{ path: extern.path, what: 'interface' }]
          return extern.tag === 'inline' ? used(extern.members) : []
        }),
      ]
  }
}

/** Packages in an order in which each comes behind those that it names. Packages that are not there are left to resolution. */
export function orderPackages(units: readonly PackageUnit[]): PackageUnit[] {
  const ids = new Set<string>()
  for (const unit of units) {
    const id = packageId(unit.name)
    if (ids.has(id)) fail(`package \`${id}\` is defined in two different locations`, unit.span)
    ids.add(id)
  }
  const nodes = units.map((unit) => ({
    name: packageId(unit.name),
    item: unit,
    needs: unit.parts
      .flatMap(pathsOf)
      .flatMap((path) =>
        path.package === undefined ? [] : [{ text: packageId(path.package), span: path.packageSpan! }],
      ),
  }))
  return inOrder(
    nodes,
    (stop) => {
      throw stop
    },
    (name) => `package \`${name}\` creates a dependency cycle`,
  )
}
