import {
  type CoredumpInfo,
  type CoredumpValue,
  type ExternType,
  inspectCoredump,
  inspectModule,
  type ModuleInfo,
} from '../../index.ts'
import { has, oneOperand } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode } from '../failure.ts'
import { invalidModule, readModule } from '../input.ts'
import { inputName, writeOut } from '../io.ts'

export const inspect: Command = {
  name: 'inspect',
  usage: 'inspect [--json] <FILE>',
  summary: 'Show what a module or a coredump contains',
  options: [{ name: 'json', help: 'Print JSON' }],
  examples: [
    ['zwasm inspect app.wasm', 'Imports and exports with their types, sizes'],
    ["zwasm inspect --json app.wasm | jq '.imports[].module'", 'For scripts'],
  ],
  run(line) {
    const file = oneOperand(line, 'FILE')
    const { bytes, locate } = readModule(file)
    let info: ModuleInfo
    let coredump: CoredumpInfo | undefined
    try {
      info = inspectModule(bytes)
      if (info.customSections.some((s) => s.name === 'core')) coredump = inspectCoredump(bytes)
    } catch (error) {
      throw invalidModule(error, `failed to inspect \`${inputName(file)}\``, locate)
    }
    writeOut(
      has(line, 'json')
        ? JSON.stringify({ file: inputName(file), ...info, coredump }, bigintText, 2) + '\n'
        : report(file, info) + (coredump === undefined ? '' : coredumpReport(coredump)),
    )
    return ExitCode.Ok
  },
}

/** JSON has no bigint. */
const bigintText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

function coredumpReport({ executable, threads, modules, instances }: CoredumpInfo): string {
  const parts = threads.map(({ name, frames }) =>
    section(
      `thread ${quote(name)}`,
      frames.map(
        (f, i) =>
          `${i}: ${quote(modules[instances[f.instance]?.module] ?? '')} function ${f.functionIndex} + 0x${f.codeOffset.toString(16)}\n` +
          `     locals: ${values(f.locals)}\n     stack: ${values(f.stack)}`,
      ),
    ),
  )
  return [`\ncoredump of ${quote(executable)}\n`, ...parts].join('\n')
}

const values = (list: readonly CoredumpValue[]): string =>
  list.length === 0
    ? 'none'
    : list.map((v) => (v.type === 'missing' ? '?' : `${v.type} ${numberText(v.value)}`)).join(', ')

const numberText = (value: number | bigint): string => (Object.is(value, -0) ? '-0' : String(value))

function report(file: string, info: ModuleInfo): string {
  const { counts } = info
  const amounts: [string, number][] = [
    ['types', counts.types],
    ['functions', counts.functions],
    ['globals', counts.globals],
    ['tags', counts.tags],
    ['element segments', counts.elements],
    ['data segments', counts.data],
  ]
  const parts = [
    `${inputName(file)}: ${info.size} bytes (code ${info.codeSize}, data ${info.dataSize})`,
    section(
      'imports',
      info.imports.map((i) => `${quote(i.module)} ${quote(i.name)}  ${typeText(i)}`),
    ),
    section(
      'exports',
      info.exports.map((e) => `${quote(e.name)}  ${typeText(e)}`),
    ),
    section('memories', info.memories.map(typeText)),
    section('tables', info.tables.map(typeText)),
    section(
      'definitions',
      amounts.filter(([, n]) => n > 0).map(([what, n]) => `${n} ${what}`),
    ),
    info.start === undefined ? '' : `start: function ${info.start}\n`,
    section(
      'custom sections',
      info.customSections.map((s) => `${quote(s.name)}  ${s.size} bytes`),
    ),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `${title}:\n${lines.map((l) => `  ${l}\n`).join('')}`

// JSON escapes control characters: a name cannot disturb the terminal.
const quote = (name: string): string => JSON.stringify(name).replaceAll('\x7f', '\\u007f')

function typeText(type: ExternType): string {
  switch (type.kind) {
    case 'function':
      return `func (${type.params.join(', ')}) -> (${type.results.join(', ')})`
    case 'memory':
      return `memory ${range(type)} pages${type.pageSize === 65536 ? '' : ` of ${type.pageSize} bytes`}${type.address === 'i64' ? ', 64-bit' : ''}${type.shared ? ', shared' : ''}`
    case 'table':
      return `table ${range(type)} ${type.element}${type.address === 'i64' ? ', 64-bit' : ''}`
    case 'global':
      return `global ${type.mutable ? 'mut ' : ''}${type.value}`
    case 'tag':
      return `tag (${type.params.join(', ')})`
  }
}

const range = (type: { initial: number; maximum?: number }): string => `${type.initial}..${type.maximum ?? ''}`
