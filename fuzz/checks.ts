// What has to hold for any input, however broken: an error of the right class or a module that survives encoding, printing and
// instantiation. Each check answers with what is wrong, or undefined; an exception of another class is a finding too.

import '../src/interp/index.ts'
import { createGlobal } from '../src/runtime/global.ts'
import { instantiate } from '../src/runtime/instantiate.ts'
import { LinkFailure } from '../src/runtime/link.ts'
import type { Extern } from '../src/runtime/link.ts'
import { createMemory } from '../src/runtime/memory.ts'
import { LimitError, Store } from '../src/runtime/store.ts'
import { createTable } from '../src/runtime/table.ts'
import { Trap } from '../src/runtime/trap.ts'
import { parseWat } from '../src/text/parse.ts'
import { parseWast } from '../src/text/wast.ts'
import { printWat } from '../src/text/print.ts'
import { TextError } from '../src/text/text-error.ts'
import { canonType } from '../src/wasm/canonical.ts'
import { decodeModule } from '../src/wasm/decode.ts'
import { encodeModule } from '../src/wasm/encode.ts'
import { FormatError } from '../src/wasm/errors.ts'
import type { Features } from '../src/wasm/features.ts'
import { ExternKind } from '../src/wasm/module.ts'
import type { Import, Module } from '../src/wasm/module.ts'
import { isNullable, isRef } from '../src/wasm/types.ts'

/** The host's verdict on a module: undefined if it takes it, else its message. Undefined function: no oracle. */
export type Oracle = (bytes: Uint8Array) => string | undefined

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Decodes; the error if the bytes are no valid module. */
function decode(bytes: Uint8Array, features: Features): Module | FormatError {
  try {
    return decodeModule(bytes, { features })
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
}

/** Decoder, validator, encoder, instantiation. */
export function checkBinary(bytes: Uint8Array, features: Features, oracle: Oracle | undefined): string | undefined {
  const decoded = decode(bytes, features)
  if (decoded instanceof FormatError) {
    if (!(decoded.offset >= 0 && decoded.offset <= bytes.length))
      return `offset ${decoded.offset} of "${decoded.message}" is not in the module`
    if (oracle === undefined || decoded.kind === 'limit' || oracle(bytes) !== undefined || isOracleExtension(decoded))
      return undefined
    return `zwasm: ${decoded.kind} "${decoded.message}" at ${decoded.offset}; the oracle accepts it`
  }
  const refusal = oracle?.(bytes)
  if (refusal !== undefined && !isOracleLimit(refusal)) return `zwasm accepts it; the oracle: ${refusal}`
  const encoded = encodeModule(decoded)
  const again = decode(encoded, features)
  if (again instanceof FormatError) return `encoding it gives a module that is ${again.kind}: ${again.message}`
  if (!same(encodeModule(again), encoded)) return 'encoding is not stable'
  return tryInstantiate(decoded)
}

/**
 * What V8 takes beyond the standard: instructions of the legacy exception proposal; `br_on_non_null` to a label that takes nothing; in
 * unreachable code any operand of `ref.eq`, and the result of `ref.as_non_null` as a value of every type (it is `(ref bot)` in the
 * validation algorithm of the specification).
 */
const isOracleExtension = ({ message }: FormatError): boolean =>
  /illegal opcode (06|07|09|18|19)\b|found .* in ref\.eq$|found \(ref bot\) in |no reference at its end$/.test(message)

/** V8's own limits. It reads the bounds of 32-bit memories and tables in at most five bytes; the binary grammar has u64 for both. */
const isOracleLimit = (message: string): boolean =>
  /length overflow while decoding (initial|maximum) size|limit|larger than|exceeds|too (many|large|long)|maximum|out of memory/i.test(
    message,
  )

const CAPS = { memoryBytes: 16 << 20, tableElements: 100_000, gcHeapBytes: 16 << 20 }
let store = new Store({ limits: CAPS })
let instances = 0

/** Instantiation with made-up imports. Start functions are left out: nothing bounds what a mutated one does. */
function tryInstantiate(module: Module): string | undefined {
  if (module.start >= 0) return undefined
  // Instances live until JavaScript collects them: a fresh store now and then, as embedders do.
  if (++instances % 500 === 0) {
    store.dispose()
    store = new Store({ limits: CAPS })
  }
  try {
    const externs = module.imports.map((wanted) => provide(module, wanted))
    if (externs.includes(undefined)) return undefined
    instantiate(store, module, externs as Extern[])
  } catch (error) {
    if (!(error instanceof Trap || error instanceof LinkFailure || error instanceof LimitError)) throw error
  }
  return undefined
}

function provide(module: Module, wanted: Import): Extern | undefined {
  switch (wanted.kind) {
    case ExternKind.Func: {
      const typeId = module.canon[wanted.typeIndex]!
      return { kind: wanted.kind, fid: store.createHostFunc({ store, typeId, name: wanted.name, call: () => {} }) }
    }
    case ExternKind.Memory:
      return { kind: wanted.kind, memory: createMemory(store, wanted.type) }
    case ExternKind.Table: {
      const element = canonType(module, wanted.type.element)
      if (!isNullable(element)) return undefined
      return { kind: wanted.kind, table: createTable(store, { ...wanted.type, element }, 0) }
    }
    case ExternKind.Global: {
      const type = canonType(module, wanted.type.type)
      if (isRef(type) && !isNullable(type)) return undefined
      return { kind: wanted.kind, global: createGlobal(store, type, wanted.type.mutable) }
    }
    case ExternKind.Tag:
      return { kind: wanted.kind, tag: store.createTag(module.canon[wanted.typeIndex]!) }
  }
}

/** Text parser; for what it takes, the validator and the printer. */
export function checkText(text: Uint8Array, features: Features): string | undefined {
  let bytes: Uint8Array
  try {
    bytes = parseWat(text, { features }).bytes
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    return checkTextError(error, text)
  }
  const decoded = decode(bytes, features)
  if (decoded instanceof FormatError)
    return decoded.kind === 'malformed' ? `a parsed text gives a malformed module: ${decoded.message}` : undefined
  return checkPrinted(bytes, features)
}

function checkTextError(error: TextError, text: Uint8Array): string | undefined {
  if (!(error.offset >= 0 && error.offset + error.length <= text.length))
    return `"${error.message}" at ${error.offset}+${error.length} is not in the text of ${text.length} bytes`
  if (!(error.line >= 1 && error.column >= 1)) return `"${error.message}" at line ${error.line}, column ${error.column}`
  // Rendering must work for any bytes.
  error.format('x.wat')
  return undefined
}

/** binary -> text -> binary. Non-canonical encodings (long LEBs) may change once; after that nothing may. */
export function checkPrinted(bytes: Uint8Array, features: Features): string | undefined {
  const text = printWat(bytes)
  let parsed: Uint8Array
  try {
    parsed = parseWat(text, { features }).bytes
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    return `the printed text does not parse: ${error.format('printed.wat')}`
  }
  if (!same(parsed, bytes) && !same(parsed, encodeModule(decodeModule(bytes, { validate: false })))) {
    const again = printWat(parsed)
    if (again !== text) return `text changes when it is parsed and printed again: ${firstDifference(text, again)}`
  }
  const folded = parseWat(printWat(parsed, { fold: true }), { features }).bytes
  return same(folded, parsed) ? undefined : 'the folded text gives another module'
}

function firstDifference(a: string, b: string): string {
  const left = a.split('\n')
  const right = b.split('\n')
  const at = left.findIndex((line, i) => line !== right[i])
  return `line ${at + 1}: ${JSON.stringify(left[at])} then ${JSON.stringify(right[at])}`
}

/** Scripts: the parser must end with a script or one error. */
export function checkScript(text: Uint8Array, features: Features): string | undefined {
  try {
    parseWast(text, { features })
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    return checkTextError(error, text)
  }
  return undefined
}
