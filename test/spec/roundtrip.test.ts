// Round trips over every module of the official suite: binary -> module -> binary, binary -> text -> binary (flat and folded).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkPrinted } from '../../fuzz/checks.ts'
import { parseWast } from '../../src/text/wast.ts'
import type { WastCommand, WastModule } from '../../src/text/wast-types.ts'
import { decodeModule, Section, SECTION_ORDER } from '../../src/wasm/decode.ts'
import { encodeModule } from '../../src/wasm/encode.ts'
import { FormatError } from '../../src/wasm/errors.ts'
import type { ConstExpr, Module } from '../../src/wasm/module.ts'
import { findSuite, suiteFiles } from './suite.ts'

interface Sample {
  readonly at: string
  readonly form: WastModule['form']
  readonly bytes: Uint8Array
}

/** The modules of commands that expect well-formed ones. */
function modulesOf(commands: readonly WastCommand[], file: string): Sample[] {
  return commands.flatMap((command): Sample[] => {
    if (command.kind === 'thread') return modulesOf(command.commands, file)
    if (!('module' in command) || typeof command.module !== 'object') return []
    if (/malformed|_custom/.test(command.kind)) return []
    return [{ at: `${file}:${command.line}`, form: command.module.form, bytes: command.module.encode() }]
  })
}

const files = suiteFiles(findSuite(process.cwd()))
const all = files.flatMap((file) => {
  const script = parseWast(readFileSync(file.path), { features: file.features })
  return modulesOf(script.commands, file.name).map((sample) => ({ ...sample, features: file.features }))
})

/** Modules with types that do not exist: nothing can be made of them. */
function isDecodable({ bytes }: Sample): boolean {
  try {
    decodeModule(bytes, { validate: false })
    return true
  } catch (error) {
    if (error instanceof FormatError && error.kind === 'invalid') return false
    throw error
  }
}
const samples = all.filter(isDecodable)

test('the suite has the modules that these tests are about', () => {
  assert.ok(samples.length > 5000, `${samples.length} modules`)
  assert.ok(all.length - samples.length < 100, `${all.length - samples.length} modules cannot be decoded`)
  assert.ok(samples.filter((s) => s.form === 'binary').length > 100)
})

/** Ids of the sections that have content. */
const filled = (module: Module): number[] => {
  const {
    types,
    imports,
    codeStart,
    tableDefs,
    memories,
    importedMemories,
    tags,
    importedTags,
    globalDefs,
    exports,
    start,
    elems,
    hasDataCount,
    datas,
  } = module
  const counts = new Map<number, number>([
    [Section.Type, types.length],
    [Section.Import, imports.length],
    [Section.Function, codeStart.length],
    [Section.Table, tableDefs.length],
    [Section.Memory, memories.length - importedMemories],
    [Section.Tag, tags.length - importedTags],
    [Section.Global, globalDefs.length],
    [Section.Export, exports.length],
    [Section.Start, start < 0 ? 0 : 1],
    [Section.Element, elems.length],
    [Section.DataCount, hasDataCount ? 1 : 0],
    [Section.Code, codeStart.length],
    [Section.Data, datas.length],
  ])
  return SECTION_ORDER.filter((id) => counts.get(id)! > 0)
}

/** Where a custom section stands: the last section with content before it. Empty sections are not written again. */
const placeOf = (module: Module, after: number): number => {
  const limit = SECTION_ORDER.indexOf(after)
  return filled(module).findLast((id) => SECTION_ORDER.indexOf(id) <= limit) ?? 0
}

/** A module as plain data: contents instead of places, so that two encodings of one module compare equal. */
function contents(module: Module): unknown {
  const expression = (e: ConstExpr | undefined): string | undefined =>
    e && Buffer.from(module.bytes.subarray(e.start, e.end)).toString('hex')
  const range = (start: number, end: number): string => Buffer.from(module.bytes.subarray(start, end)).toString('hex')
  const { bytes: _bytes, codeStart, codeEnd, customSections, datas, elems, globalDefs, tableDefs, ...rest } = module
  return {
    ...rest,
    code: Array.from(codeStart, (start, i) => range(start, codeEnd[i]!)),
    customSections: customSections.map((c) => [c.name, placeOf(module, c.after), range(c.start, c.end)]),
    datas: datas.map((d) => [d.mode, d.memory, expression(d.offset), range(d.start, d.end)]),
    elems: elems.map((e) => [e.mode, e.table, e.type, expression(e.offset), e.funcs, e.exprs?.map(expression)]),
    globalDefs: globalDefs.map((g) => [g.type, expression(g.init)]),
    tableDefs: tableDefs.map((t) => [t.type, expression(t.init)]),
  }
}

test(`binary -> module -> binary: ${samples.length} modules`, () => {
  for (const { at, form, bytes } of samples) {
    const module = decodeModule(bytes, { validate: false })
    const encoded = encodeModule(module)
    assert.deepEqual(contents(decodeModule(encoded, { validate: false })), contents(module), at)
    // What we wrote ourselves is canonical.
    if (form !== 'binary') assert.equal(Buffer.compare(encoded, bytes), 0, `${at}: other bytes`)
  }
})

test(`binary -> text -> binary, flat and folded: ${samples.length} modules`, () => {
  for (const { at, bytes, features } of samples) {
    const problem = checkPrinted(bytes, features)
    assert.equal(problem, undefined, at)
  }
})
