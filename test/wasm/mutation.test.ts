import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBranchHints } from '../../src/wasm/branch-hints.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import { encodeModule } from '../../src/wasm/encode.ts'
import { FormatError } from '../../src/wasm/errors.ts'
import { DEFAULT_FEATURES, Feature, featuresOf } from '../../src/wasm/features.ts'
import { InstrReader } from '../../src/wasm/instr-reader.ts'
import type { Module } from '../../src/wasm/module.ts'
import { decodeNames } from '../../src/wasm/names.ts'
import { Op } from '../../src/wasm/op.gen.ts'
import { mutate, plainModule, random, richModule } from './rich.ts'

/** Replays with ZWASM_SEED; more with ZWASM_COUNT. */
const SEED = Number(process.env.ZWASM_SEED ?? 20250101)
const COUNT = Number(process.env.ZWASM_COUNT ?? 10_000)

/** The module, or the FormatError; anything else is a defect. */
function decode(bytes: Uint8Array, validate: boolean, features = DEFAULT_FEATURES): Module | FormatError {
  try {
    return decodeModule(bytes, { validate, features })
  } catch (e) {
    if (e instanceof FormatError && e.offset >= 0 && e.offset <= bytes.length) return e
    throw new Error(`mutant ${Buffer.from(bytes).toString('hex')}`, { cause: e })
  }
}

/** Walks over all code of a well-formed module. */
function walk(m: Module): number {
  let instructions = 0
  for (let i = 0; i < m.codeStart.length; i++) {
    const r = new InstrReader(m.bytes, m.codeStart[i], m.codeEnd[i])
    for (let groups = r.u32(); groups > 0; groups--) {
      r.u32()
      r.valType()
    }
    let last = -1
    while (r.pos < r.end) {
      last = r.opcode()
      r.skip(last)
      instructions++
    }
    assert.equal(r.pos, r.end)
    assert.equal(last, Op.End)
  }
  return instructions
}

test(`mutants never crash decoder, encoder or readers (seed ${SEED})`, () => {
  const next = random(SEED)
  const originals = [richModule(), plainModule()]
  let accepted = 0
  let refused = 0
  for (let i = 0; i < COUNT; i++) {
    const bytes = mutate(originals[next(originals.length)], next)
    const strict = decode(bytes, true)
    const form = decode(bytes, false)
    if (strict instanceof FormatError) {
      refused++
      if (strict.kind === 'malformed') assert(form instanceof FormatError, `form accepted: ${strict.message}`)
    } else {
      accepted++
      assert(!(form instanceof FormatError))
      assert(walk(strict) > 0 || strict.codeStart.length === 0)
    }
    if (form instanceof FormatError) continue
    decodeNames(form)
    decodeBranchHints(form)
    const again = encodeModule(decodeModule(encodeModule(form), { validate: false }))
    assert.equal(Buffer.compare(again, encodeModule(form)), 0)
  }
  assert(accepted > COUNT / 100 && refused > COUNT / 4, `${accepted} accepted, ${refused} refused`)
})

/** The host's own engine: an oracle that shares no code with ours. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } }

/** Features that V8 has in Node 20. */
const SHARED = featuresOf('2.0') | Feature.Threads | Feature.TailCall | Feature.SatFloatToInt

/**
 * Where V8 is known to accept more than the specification: the exception instructions before Wasm 3.0, atomics with less than
 * their natural alignment, references of unknown type used as numbers and ref.eq on numbers in unreachable code, element
 * segments of type v128 without elements.
 */
const V8_ACCEPTS_MORE =
  /^illegal opcode (06|07|09|18|19)|^atomic alignment must be natural|found \(ref bot\)|in ref\.eq$|^malformed reference type/

test(`the host's engine agrees on mutants (seed ${SEED + 1})`, () => {
  const next = random(SEED + 1)
  const original = plainModule()
  assert(WebAssembly.validate(original))
  let accepted = 0
  for (let i = 0; i < COUNT; i++) {
    const bytes = mutate(original, next)
    const host = WebAssembly.validate(bytes)
    const hex = () => Buffer.from(bytes).toString('hex')
    const mine = decode(bytes, true, SHARED)
    if (!(mine instanceof FormatError)) {
      accepted++
      assert(host, `accepted, the host does not: ${hex()}`)
    }
    const all = decode(bytes, true)
    if (host && all instanceof FormatError && !V8_ACCEPTS_MORE.test(all.message))
      assert.fail(`host accepts: ${all.message}: ${hex()}`)
  }
  assert(accepted > COUNT / 100)
})

test('truncation at every byte is an error', () => {
  for (const original of [richModule(), plainModule()]) {
    let whole = 0
    for (let n = 0; n < original.length; n++) if (!(decode(original.slice(0, n), true) instanceof FormatError)) whole++
    // Only in front of a section that may be missing: header alone, before the types, before the data, before the last custom one.
    assert(whole <= 6, `${whole} prefixes are modules`)
  }
})
