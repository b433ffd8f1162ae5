// Reduction of a module that shows a problem: function bodies are emptied, then instructions are taken out in ever smaller runs, as
// long as the problem stays. The caller's predicate decides; it has to reject what is not valid any more.

import { InstrReader, skipImmediates } from '../src/wasm/instr-reader.ts'
import { decodeModule } from '../src/wasm/decode.ts'
import type { Module } from '../src/wasm/module.ts'
import { HEADER, Writer } from './writer.ts'

const CODE_SECTION = 10

/** A module in pieces: everything but the code section stays as it is. */
interface Pieces {
  readonly sections: { readonly id: number; readonly content: Uint8Array }[]
  readonly bodies: Body[]
}
interface Body {
  readonly locals: Uint8Array
  /** Instructions without the final `end`. */
  readonly instructions: Instruction[]
}
interface Instruction {
  readonly bytes: Uint8Array
  /** Must stay: part of a fuel check (else a module might run for ever) or of making a NaN canonical (else bits are not determined). */
  readonly pinned: boolean
}

/** What the generator emits to take fuel (gen-body.ts): global.get 0, i32.const 1, i32.sub, global.set 0, global.get 0, i32.const 0, compare. */
const FUEL_CHECK = ['2300', '4101', '6b', '2400', '2300', '4100', '4[8ac]', '.*']
/** And for NaNs: local.set, local.get, the NaN, local.get twice, equality, select or bitselect, local.tee. */
const CANONICAL_NAN = ['21.*', '20.*', '(43|44|fd0c).*', '20.*', '20.*', '5b|61|fd41|fd47', '1b|fd52', '22.*']

function pin(list: readonly Uint8Array[]): Instruction[] {
  const texts = list.map((bytes) => Buffer.from(bytes).toString('hex'))
  const pinned = new Set<number>()
  for (const pattern of [FUEL_CHECK, CANONICAL_NAN]) {
    const tests = pattern.map((wanted) => new RegExp(`^(${wanted})$`))
    for (let at = 0; at < texts.length; at++) {
      if (tests.every((test, i) => test.test(texts[at + i] ?? '')))
        for (let i = 0; i < tests.length; i++) pinned.add(at + i)
    }
  }
  return list.map((bytes, i) => ({ bytes, pinned: pinned.has(i) }))
}

/** A smaller module for which `shows` is still true; `bytes` itself if it cannot be taken apart. */
export function reduceModule(
  bytes: Uint8Array,
  shows: (candidate: Uint8Array) => boolean,
  milliseconds = 20_000,
): Uint8Array {
  const deadline = performance.now() + milliseconds
  let pieces: Pieces
  try {
    pieces = takeApart(bytes)
  } catch {
    // Not decodable by our own decoder: reduced as plain bytes.
    return reduceBytes(bytes, shows, deadline)
  }
  if (!shows(assemble(pieces))) return reduceBytes(bytes, shows, deadline)
  let progress = true
  while (progress && performance.now() < deadline) {
    progress = false
    for (const [index, body] of pieces.bodies.entries()) {
      if (performance.now() > deadline) break
      const smaller = reduceBody(body, (candidate) => shows(assemble(withBody(pieces, index, candidate))), deadline)
      if (smaller.instructions.length < body.instructions.length) {
        pieces = withBody(pieces, index, smaller)
        progress = true
      }
    }
  }
  return assemble(pieces)
}

const CONSTANTS: readonly Instruction[] = [
  Uint8Array.of(0x41, 1),
  Uint8Array.of(0x42, 1),
  Uint8Array.of(0x43, 0, 0, 0x80, 0x3f),
  Uint8Array.of(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f),
  Uint8Array.of(0xfd, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
  Uint8Array.of(0xd0, 0x6f),
].map((bytes) => ({ bytes, pinned: false }))

const UNREACHABLE: Instruction = { bytes: Uint8Array.of(0), pinned: false }

function reduceBody(body: Body, shows: (candidate: Body) => boolean, deadline: number): Body {
  let current = body
  const attempt = (instructions: Instruction[]): boolean => {
    const candidate = { locals: current.locals, instructions }
    if (!shows(candidate)) return false
    current = candidate
    return true
  }
  if (body.instructions.length > 1) attempt([UNREACHABLE])
  for (let run = Math.max(1, current.instructions.length >> 1); run >= 1; run = run >> 1) {
    for (let at = 0; at < current.instructions.length && performance.now() < deadline;) {
      const without = current.instructions.filter((instruction, i) => i < at || i >= at + run || instruction.pinned)
      if (without.length === current.instructions.length || !attempt(without)) at += run
    }
  }
  // Whole expressions become a constant.
  for (let run = Math.min(40, current.instructions.length); run >= 2; run--) {
    for (let at = 0; at + run <= current.instructions.length && performance.now() < deadline; at++) {
      if (current.instructions.slice(at, at + run).some((instruction) => instruction.pinned)) continue
      CONSTANTS.some((constant) => attempt(current.instructions.toSpliced(at, run, constant)))
    }
  }
  return current
}

function reduceBytes(bytes: Uint8Array, shows: (candidate: Uint8Array) => boolean, deadline: number): Uint8Array {
  let current = bytes
  for (let run = Math.max(1, bytes.length >> 1); run >= 1; run >>= 1) {
    for (let at = 0; at < current.length && performance.now() < deadline;) {
      const end = Math.min(at + run, current.length)
      const candidate = new Uint8Array(current.length - (end - at))
      candidate.set(current.subarray(0, at))
      candidate.set(current.subarray(end), at)
      if (shows(candidate)) current = candidate
      else at += run
    }
  }
  return current
}

/** Reduction of any input by leaving out bytes. */
export const reduceInput = (
  bytes: Uint8Array,
  shows: (candidate: Uint8Array) => boolean,
  milliseconds = 10_000,
): Uint8Array => reduceBytes(bytes, shows, performance.now() + milliseconds)

function withBody(pieces: Pieces, index: number, body: Body): Pieces {
  return { sections: pieces.sections, bodies: pieces.bodies.with(index, body) }
}

function takeApart(bytes: Uint8Array): Pieces {
  const module = decodeModule(bytes, { validate: false })
  const sections: Pieces['sections'] = []
  const reader = new InstrReader(bytes, 8, bytes.length)
  while (reader.pos < bytes.length) {
    const id = reader.u8()
    const size = reader.u32()
    sections.push({ id, content: bytes.subarray(reader.pos, reader.pos + size) })
    reader.pos += size
  }
  const bodies = Array.from({ length: module.codeStart.length }, (_, i) => bodyOf(module, i))
  return { sections, bodies }
}

function bodyOf(module: Module, index: number): Body {
  const { bytes, codeStart, codeEnd } = module
  const reader = new InstrReader(bytes, codeStart[index]!, codeEnd[index]!)
  for (let n = reader.u32(); n > 0; n--) {
    reader.u32()
    reader.valType()
  }
  const locals = bytes.slice(codeStart[index]!, reader.pos)
  const instructions: Uint8Array[] = []
  while (reader.pos < codeEnd[index]! - 1) {
    const start = reader.pos
    const op = reader.opcode()
    reader.pos = skipImmediates(bytes, reader.pos, op)
    instructions.push(bytes.slice(start, reader.pos))
  }
  return { locals, instructions: pin(instructions) }
}

function assemble({ sections, bodies }: Pieces): Uint8Array {
  const out = new Writer().bytes(HEADER)
  for (const { id, content } of sections) {
    if (id !== CODE_SECTION) {
      out.u8(id).u32(content.length).bytes(content)
      continue
    }
    const code = new Writer().u32(bodies.length)
    for (const { locals, instructions } of bodies) {
      const size = locals.length + instructions.reduce((n, i) => n + i.bytes.length, 0) + 1
      code.u32(size).bytes(locals)
      for (const instruction of instructions) code.bytes(instruction.bytes)
      code.u8(0x0b)
    }
    out.section(CODE_SECTION, code)
  }
  return out.finish()
}
