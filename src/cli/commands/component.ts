import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { WitPackage, WitWorld } from '../../index.ts'
import { type CommandLine, has, valueOf, valuesOf } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode, Failure, UsageError } from '../failure.ts'
import { inputName, writeOut, writeResult } from '../io.ts'
import { readWit } from '../wit-input.ts'

export const component: Command = {
  name: 'component',
  usage: 'component <wit|types> [OPTIONS] <PATH>',
  summary: 'Work with WIT packages',
  operands: ['wit', 'types'],
  details: [
    'PATH is a .wit file, or a folder of them with the packages it depends on below deps/.',
    '  wit    Check a package and print it, in one text\n  types  Write TypeScript declarations of a world',
  ],
  options: [
    { name: 'output', short: 'o', value: 'PATH', help: 'wit: the file to write; types: the folder (needed)' },
    { name: 'world', short: 'w', value: 'NAME', help: 'types: the world, if the package has several' },
    { name: 'features', value: 'NAME', repeat: true, help: 'Keep what is @unstable with this feature' },
    { name: 'all-features', help: 'Keep everything that is @unstable' },
    { name: 'deps', help: 'wit: print the packages it depends on as well' },
  ],
  examples: [
    ['zwasm component wit wit/', 'Is this package right? Print it in one text'],
    ['zwasm component types wit/ -w plugin -o types', 'Declarations for a world'],
  ],
  async run(line) {
    const [what, path, ...more] = line.operands
    if (what === undefined) throw new UsageError('one of wit, types is missing')
    if (what !== 'wit' && what !== 'types')
      throw new UsageError(`unrecognized component command '${what}'`, 'tip: there are wit and types')
    if (path === undefined) throw new UsageError('the argument <PATH> is missing')
    if (more.length > 0) throw new UsageError(`unexpected argument '${more[0]}' found`)
    return what === 'wit' ? printWit(line, path) : writeTypes(line, path)
  },
}

/** The package at a path, behind those that it depends on. */
async function resolve(line: CommandLine, path: string): Promise<[main: WitPackage, all: WitPackage[]]> {
  const { resolveWit, WitError } = await import('../../index.ts')
  const groups = readWit(path)
  try {
    const packages = resolveWit(groups, { features: has(line, 'all-features') ? 'all' : valuesOf(line, 'features') })
    const all = [...packages.values()]
    return [all.at(-1)!, all]
  } catch (error) {
    if (!(error instanceof WitError)) throw error
    throw new Failure(
      `failed to resolve \`${inputName(path)}\``,
      error.problems.map((p) => p.text),
    )
  }
}

async function printWit(line: CommandLine, path: string): Promise<number> {
  const [main, all] = await resolve(line, path)
  const { printWit: print } = await import('../../index.ts')
  writeResult(valueOf(line, 'output'), print(has(line, 'deps') ? [...all.filter((p) => p !== main), main] : [main]))
  return ExitCode.Ok
}

async function writeTypes(line: CommandLine, path: string): Promise<number> {
  const folder = valueOf(line, 'output')
  if (folder === undefined)
    throw new UsageError('the option --output <PATH> is missing: the folder for the declarations')
  const [main] = await resolve(line, path)
  const { generateTypes } = await import('../../index.ts')
  for (const [file, text] of generateTypes(chooseWorld(main, valueOf(line, 'world')))) {
    const target = join(folder, file)
    try {
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, text)
    } catch (error) {
      throw new Failure(`failed to write \`${target}\`: ${(error as Error).message}`)
    }
    writeOut(`${target}\n`)
  }
  return ExitCode.Ok
}

function chooseWorld({ worlds }: WitPackage, name: string | undefined): WitWorld {
  const names = [...worlds.keys()].join(', ')
  if (name === undefined) {
    if (worlds.size === 1) return [...worlds.values()][0]
    throw worlds.size === 0
      ? new Failure('the package has no world')
      : new UsageError(`the package has ${worlds.size} worlds: --world is needed`, `worlds: ${names}`)
  }
  return worlds.get(name) ?? fail(`the package has no world '${name}'; it has ${names === '' ? 'none' : names}`)
}

function fail(message: string): never {
  throw new Failure(message)
}
