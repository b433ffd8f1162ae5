// Single-instruction modules: every row of the opcode table whose operands and results are plain values, alone in a function, with
// edge values. Besides the plain form there are the forms that an IR builder fuses: constant operands on either side, the result
// in a condition, both operands the same local, the destination an operand.

import { Op } from '../src/wasm/op.gen.ts'
import { OPCODES } from '../src/wasm/opcodes.ts'
import type { OpRow } from '../src/wasm/opcodes.ts'
import { T } from '../src/wasm/types.ts'
import type { Feature } from './features.ts'
import { edgeValues, Random, randomF32, randomF64, randomI32, randomI64, randomV128 } from './random.ts'
import type { Namespace } from './run-case.ts'
import { trapClass } from './run-case.ts'
import { allowsRelaxed } from './single-relaxed.ts'
import { HEADER, LETTER_TYPE, Writer } from './writer.ts'

/** Bits of a value: number for 32 bits, bigint for 64, bytes for v128. */
export type Bits = number | bigint | Uint8Array

export interface SingleOp {
  readonly row: OpRow
  readonly operands: string
  readonly results: string
}

/** The rows that can be tried alone. */
export function singleOps(features: ReadonlySet<Feature>): SingleOp[] {
  return OPCODES.filter((row) => {
    const [id, , signature, imm, feature] = row
    const plain =
      /^[ailfdv]*:[ailfdv]*$/.test(signature) && ['', 'lane', 'shuffle', 'memarg', 'memarg_lane'].includes(imm)
    const waits = id >= Op.MemoryAtomicNotify && id <= Op.MemoryAtomicWait64
    return plain && !waits && (feature === 'mvp' || features.has(feature as Feature))
  }).map((row) => {
    const [operands, results] = row[2].split(':') as [string, string]
    return { row, operands, results }
  })
}

const MEMORY_BYTES = 65536
/** Immediate of a lane instruction: the last lane, so that an index that is cut shows. */
function laneOf(name: string): number {
  const shape = /x(\d+)\./.exec(name)
  return (shape !== null ? Number(shape[1]) : 128 / Number(/(?:load|store)(\d+)_lane/.exec(name)![1])) - 1
}

interface Variant {
  readonly name: string
  /** Operand letters that the caller gives. */
  readonly operands: string
  readonly results: string
  readonly body: (w: Writer) => void
}

function instruction(w: Writer, [id, name, , imm, , align]: OpRow): void {
  w.op(id)
  if (imm === 'lane') w.u8(laneOf(name))
  if (imm === 'shuffle') for (let i = 0; i < 16; i++) w.u8((i * 7 + 3) & 31)
  if (imm.startsWith('memarg')) w.u32(align ?? 0).u32(3)
  if (imm === 'memarg_lane') w.u8(laneOf(name))
}

function constant(w: Writer, letter: string, bits: Bits): void {
  if (letter === 'i') w.op(Op.I32Const).s32(bits as number)
  else if (letter === 'l') w.op(Op.I64Const).s64(bits as bigint)
  else if (letter === 'f') w.op(Op.F32Const).fixed32(bits as number)
  else if (letter === 'd') w.op(Op.F64Const).fixed64(bits as bigint)
  else w.op(Op.V128Const).bytes(bits as Uint8Array)
}

const CONSTANTS: Readonly<Record<string, readonly Bits[]>> = {
  i: [0, 1, -1, 31, 32, 0x7fff_ffff, -0x8000_0000, 255],
  l: [0n, 1n, 0xffff_ffff_ffff_ffffn, 63n, 64n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x1_0000_0000n],
  f: [0, 0x8000_0000, 0x3f80_0000, 0x7fc0_0000, 0xff80_0000],
  d: [0n, 0x8000_0000_0000_0000n, 0x3ff0_0000_0000_0000n, 0x7ff8_0000_0000_0000n],
  v: [new Uint8Array(16), new Uint8Array(16).fill(0xff), Uint8Array.from({ length: 16 }, (_, i) => i * 17)],
}

function variants({ row, operands, results }: SingleOp): Variant[] {
  const list: Variant[] = []
  const get = (w: Writer, count = operands.length): void => {
    for (let i = 0; i < count; i++) w.op(Op.LocalGet).u32(i)
  }
  const plain = (w: Writer): void => {
    get(w)
    instruction(w, row)
  }
  list.push({ name: 'plain', operands, results, body: plain })
  if (/^(.)\1$/.test(operands)) {
    const body = (w: Writer): void => {
      w.op(Op.LocalGet).u32(0).op(Op.LocalGet).u32(0)
      instruction(w, row)
    }
    list.push({ name: 'same', operands: operands[0]!, results, body })
  }
  if (operands.length > 0 && results.length === 1 && operands.includes(results)) {
    const target = operands.lastIndexOf(results)
    const body = (w: Writer): void => {
      plain(w)
      w.op(Op.LocalSet).u32(target).op(Op.LocalGet).u32(target)
    }
    list.push({ name: 'into operand', operands, results, body })
  }
  if (results === 'i') {
    const condition = (name: string, before: (w: Writer) => void): void => {
      const body = (w: Writer): void => {
        plain(w)
        before(w)
        w.op(Op.If).u8(T.I32).op(Op.I32Const).s32(11).op(Op.Else).op(Op.I32Const).s32(22).op(Op.End)
      }
      list.push({ name, operands, results, body })
    }
    condition('if', () => {})
    condition('if not', (w) => w.op(Op.I32Eqz))
    list.push({
      name: 'br_if',
      operands,
      results,
      body: (w) => {
        w.op(Op.Block).u8(0x40)
        plain(w)
        w.op(Op.BrIf).u32(0).op(Op.I32Const).s32(33).op(Op.Return).op(Op.End).op(Op.I32Const).s32(44)
      },
    })
    list.push({
      name: 'select',
      operands,
      results,
      body: (w) => {
        w.op(Op.I32Const).s32(55).op(Op.I32Const).s32(66)
        plain(w)
        w.op(Op.Select)
      },
    })
  }
  // Constant operands, one at a time.
  for (let k = 0; k < operands.length; k++) {
    const letter = operands[k]!
    if (letter === 'a') continue
    for (const [n, bits] of CONSTANTS[letter]!.entries()) {
      const body = (w: Writer): void => {
        let local = 0
        for (let i = 0; i < operands.length; i++) {
          if (i === k) constant(w, letter, bits)
          else w.op(Op.LocalGet).u32(local++)
        }
        instruction(w, row)
      }
      list.push({
        name: `operand ${k} constant ${n}`,
        operands: operands.slice(0, k) + operands.slice(k + 1),
        results,
        body,
      })
      if (results === 'i' && operands.length === 2)
        list.push({
          name: `operand ${k} constant ${n}, br_if`,
          operands: operands.slice(0, k) + operands.slice(k + 1),
          results,
          body: (w) => {
            w.op(Op.Block).u8(0x40)
            body(w)
            w.op(Op.BrIf).u32(0).op(Op.I32Const).s32(33).op(Op.Return).op(Op.End).op(Op.I32Const).s32(44)
          },
        })
    }
  }
  return list
}

const type = (letter: string): number => (letter === 'a' ? T.I32 : LETTER_TYPE[letter]!)
/** What crosses the JS API for a letter: integers only, so that bits do. */
const carried = (letter: string): number[] =>
  letter === 'v' ? [T.I64, T.I64] : letter === 'l' || letter === 'd' ? [T.I64] : [T.I32]

/** A module with a pair of functions per variant: the variant itself, and the exported one that carries bits as integers. */
function singleModule(list: readonly Variant[], memory: boolean): Uint8Array {
  const types = new Writer().u32(list.length * 2)
  const funcs = new Writer().u32(list.length * 2)
  const exports = new Writer().u32(list.length + (memory ? 1 : 0))
  const code = new Writer().u32(list.length * 2)
  const entry = new Writer()
  const vector = (w: Writer, codes: readonly number[]): void => {
    w.u32(codes.length)
    for (const c of codes) w.u8(c)
  }
  list.forEach(({ operands, results, body }, k) => {
    types.u8(0x60)
    vector(types, [...operands].map(type))
    vector(types, [...results].map(type))
    types.u8(0x60)
    vector(types, [...operands].flatMap(carried))
    vector(types, [...results].flatMap(carried))
    funcs.u32(2 * k).u32(2 * k + 1)
    exports
      .name(`f${k}`)
      .u8(0)
      .u32(2 * k + 1)
    entry.reset().u32(0)
    body(entry)
    entry.op(Op.End)
    code.u32(entry.length).bytes(entry.view())
    entry.reset()
    let local = [...operands].flatMap(carried).length
    const locals = [...results].map(() => local++)
    entry.u32(results.length)
    for (const letter of results) entry.u32(1).u8(type(letter))
    let at = 0
    for (const letter of operands) {
      entry.op(Op.LocalGet).u32(at++)
      if (letter === 'f') entry.op(Op.F32ReinterpretI32)
      if (letter === 'd') entry.op(Op.F64ReinterpretI64)
      if (letter === 'v') entry.op(Op.I64x2Splat).op(Op.LocalGet).u32(at++).op(Op.I64x2ReplaceLane).u8(1)
    }
    entry.op(Op.Call).u32(2 * k)
    for (const l of [...locals].reverse()) entry.op(Op.LocalSet).u32(l)
    for (const [i, letter] of [...results].entries()) {
      entry.op(Op.LocalGet).u32(locals[i]!)
      if (letter === 'f') entry.op(Op.I32ReinterpretF32)
      if (letter === 'd') entry.op(Op.I64ReinterpretF64)
      if (letter === 'v')
        entry.op(Op.I64x2ExtractLane).u8(0).op(Op.LocalGet).u32(locals[i]!).op(Op.I64x2ExtractLane).u8(1)
    }
    entry.op(Op.End)
    code.u32(entry.length).bytes(entry.view())
  })
  const out = new Writer().bytes(HEADER).section(1, types).section(3, funcs)
  if (memory) {
    out.section(5, new Writer().u32(1).u8(1).u32(1).u32(1))
    exports.name('memory').u8(2).u32(0)
  }
  return out.section(7, exports).section(10, code).finish()
}

const ADDRESSES = [
  0, 1, 2, 8, 5, 1000, 65505, 65517, 65520, 65525, 65527, 65529, 65530, 65531, 65532, 65533, 65534, 65535, 65536, -1,
  -4, 0x7fff_fffd,
]
const VECTORS = 14

function edges(letter: string, random: Random, atomic: boolean, align: number): Bits[] {
  switch (letter) {
    case 'a':
      // The offset immediate is 3: atomics are aligned for addresses that are 5 modulo 8.
      return atomic ? ADDRESSES.map((a) => ((a & -8) + 5) | 0).concat(align > 0 ? [0, 4] : []) : ADDRESSES
    case 'i':
      return [...edgeValues.i32]
    case 'l':
      return [...edgeValues.i64]
    case 'f':
      return [...edgeValues.f32]
    case 'd':
      return [...edgeValues.f64]
    default:
      return Array.from({ length: VECTORS }, () => randomV128(random))
  }
}

function randomBits(letter: string, random: Random): Bits {
  switch (letter) {
    case 'a':
      return random.pick(ADDRESSES)
    case 'i':
      return randomI32(random)
    case 'l':
      return randomI64(random)
    case 'f':
      return randomF32(random)
    case 'd':
      return randomF64(random)
    default:
      return randomV128(random)
  }
}

/** Operand tuples of a variant: all combinations of edge values if they are few, else all edges of each operand beside random others. */
function operandTuples(operands: string, random: Random, row: OpRow): Bits[][] {
  const values = [...operands].map((letter) => edges(letter, random, row[4] === 'threads', row[5] ?? 0))
  const combinations = values.reduce((n, v) => n * v.length, 1)
  if (combinations <= 1000) {
    let tuples: Bits[][] = [[]]
    for (const v of values) tuples = tuples.flatMap((t) => v.map((x) => [...t, x]))
    return tuples
  }
  return Array.from({ length: 600 }, () =>
    values.map((v, i) => (random.chance(75) ? random.pick(v) : randomBits(operands[i]!, random))),
  )
}

const scratch = new DataView(new ArrayBuffer(16))

function toArguments(operands: string, tuple: readonly Bits[]): (number | bigint)[] {
  return tuple.flatMap((bits, i): (number | bigint)[] => {
    if (operands[i] !== 'v') return [bits as number | bigint]
    const bytes = bits as Uint8Array
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
    return [view.getBigUint64(0, true), view.getBigUint64(8, true)]
  })
}

function fromResult(results: string, result: unknown): Bits[] {
  const flat: (number | bigint)[] = Array.isArray(result)
    ? (result as (number | bigint)[])
    : result === undefined
      ? []
      : [result as number | bigint]
  let at = 0
  return [...results].map((letter): Bits => {
    if (letter === 'f') return (flat[at++] as number) >>> 0
    if (letter === 'd' || letter === 'l') return BigInt.asUintN(64, flat[at++] as bigint)
    if (letter !== 'v') return flat[at++] as number
    scratch.setBigUint64(0, BigInt.asUintN(64, flat[at++] as bigint), true)
    scratch.setBigUint64(8, BigInt.asUintN(64, flat[at++] as bigint), true)
    return new Uint8Array(scratch.buffer.slice(0))
  })
}

/** Instructions whose NaN results are not determined bit by bit: any arithmetic NaN will do. */
const NAN_RESULT =
  /^f(32|64)\.(add|sub|mul|div|sqrt|ceil|floor|trunc|nearest|min|max|demote|promote)|^f(32x4|64x2)\.(add|sub|mul|div|sqrt|ceil|floor|trunc|nearest|min|max|demote|promote)/

/** Lane width in bytes of a vector result that may hold undetermined NaNs; 0 for none. */
const floatLanes = (name: string): number =>
  !NAN_RESULT.test(name) ? 0 : name.startsWith('f32x4') ? 4 : name.startsWith('f64x2') ? 8 : 0

const quiet32 = (bits: number): boolean => (bits & 0x7fc0_0000) === 0x7fc0_0000
const quiet64 = (bits: bigint): boolean => (bits & 0x7ff8_0000_0000_0000n) === 0x7ff8_0000_0000_0000n

function sameBits(name: string, letter: string, ours: Bits, theirs: Bits): boolean {
  if (letter === 'v') {
    const a = ours as Uint8Array
    const b = theirs as Uint8Array
    const width = floatLanes(name)
    if (width === 0) return Buffer.compare(a, b) === 0
    const av = new DataView(a.buffer, a.byteOffset, 16)
    const bv = new DataView(b.buffer, b.byteOffset, 16)
    for (let at = 0; at < 16; at += width) {
      const same =
        width === 4
          ? av.getUint32(at, true) === bv.getUint32(at, true) ||
            (quiet32(av.getUint32(at, true)) && quiet32(bv.getUint32(at, true)))
          : av.getBigUint64(at, true) === bv.getBigUint64(at, true) ||
            (quiet64(av.getBigUint64(at, true)) && quiet64(bv.getBigUint64(at, true)))
      if (!same) return false
    }
    return true
  }
  if (ours === theirs) return true
  if (!NAN_RESULT.test(name)) return false
  if (letter === 'f') return quiet32(ours as number) && quiet32(theirs as number)
  return letter === 'd' && quiet64(ours as bigint) && quiet64(theirs as bigint)
}

interface Runner {
  readonly exports: Record<string, unknown>
  readonly memory: Uint8Array | undefined
}

type Answer = { readonly bits: Bits[] } | { readonly trap: string }

function instantiate(ns: Namespace, bytes: Uint8Array): Runner {
  const { exports } = new ns.Instance(new ns.Module(bytes))
  const memory = exports['memory'] as { buffer: ArrayBuffer } | undefined
  return { exports, memory: memory === undefined ? undefined : new Uint8Array(memory.buffer) }
}

function answer(ns: Namespace, f: (...args: unknown[]) => unknown, args: readonly unknown[], results: string): Answer {
  try {
    return { bits: fromResult(results, f(...args)) }
  } catch (error) {
    if (error instanceof ns.RuntimeError) return { trap: trapClass(error.message) }
    throw error
  }
}

const showBits = (bits: Bits): string =>
  bits instanceof Uint8Array
    ? `[${Array.from(bits, (b) => b.toString(16).padStart(2, '0')).join(' ')}]`
    : `0x${(typeof bits === 'bigint' ? bits : bits >>> 0).toString(16)}`
const showAnswer = (a: Answer): string => ('trap' in a ? `trap ${a.trap}` : a.bits.map(showBits).join(' '))

export interface SingleReport {
  readonly calls: number
  readonly differences: string[]
}

const pattern = Uint8Array.from({ length: MEMORY_BYTES }, (_, i) => (i * 31 + (i >> 8) * 7 + 0x85) & 0xff)

/** Tries one instruction on both engines. `model` computes the results where the oracle lacks the instruction. */
export function trySingle(
  op: SingleOp,
  zwasm: Namespace,
  oracle: Namespace | ((operands: readonly Bits[]) => Bits[]),
  seed: number,
): SingleReport {
  const { row } = op
  const name = row[1]
  const relaxed = row[4] === 'relaxed_simd'
  const random = new Random(seed ^ row[0])
  const list = variants(op)
  const hasMemory = row[3].startsWith('memarg')
  const bytes = singleModule(list, hasMemory)
  const ours = instantiate(zwasm, bytes)
  const theirs = typeof oracle === 'function' ? undefined : instantiate(oracle, bytes)
  const differences: string[] = []
  let calls = 0
  for (const [k, variant] of list.entries()) {
    // The model knows the plain form only.
    if (theirs === undefined && variant.name !== 'plain') continue
    const f = ours.exports[`f${k}`] as (...args: unknown[]) => unknown
    const g = theirs?.exports[`f${k}`] as ((...args: unknown[]) => unknown) | undefined
    for (const tuple of operandTuples(variant.operands, random, row)) {
      calls++
      const args = toArguments(variant.operands, tuple)
      if (hasMemory) {
        ours.memory!.set(pattern)
        theirs!.memory!.set(pattern)
      }
      const a = answer(zwasm, f, args, variant.results)
      const b: Answer =
        g !== undefined
          ? answer(oracle as Namespace, g, args, variant.results)
          : { bits: (oracle as (operands: readonly Bits[]) => Bits[])(tuple) }
      let same: boolean
      if ('trap' in a || 'trap' in b) same = 'trap' in a && 'trap' in b && a.trap === b.trap
      else if (relaxed)
        same =
          variant.name !== 'plain' ||
          a.bits.every((bits, i) => sameBits(name, variant.results[i]!, bits, b.bits[i]!)) ||
          allowsRelaxed(name, tuple as Uint8Array[], a.bits[0] as Uint8Array)
      else same = a.bits.every((bits, i) => sameBits(name, variant.results[i]!, bits, b.bits[i]!))
      if (same && hasMemory && Buffer.compare(ours.memory!, theirs!.memory!) !== 0) {
        differences.push(`${name} (${variant.name}) ${tuple.map(showBits).join(', ')}: memory differs`)
      } else if (!same)
        differences.push(
          `${name} (${variant.name}) ${tuple.map(showBits).join(', ')}: zwasm ${showAnswer(a)}, expected ${showAnswer(b)}`,
        )
      if (differences.length >= 5) return { calls, differences }
    }
  }
  return { calls, differences }
}

const MASK64 = 0xffff_ffff_ffff_ffffn
const MASK128 = (1n << 128n) - 1n
const wide = (low: Bits, high: Bits): bigint => (low as bigint) | ((high as bigint) << 64n)
const halves = (x: bigint): Bits[] => [x & MASK64, (x & MASK128) >> 64n]
const signed = (x: Bits): bigint => BigInt.asIntN(64, x as bigint)

/** What no V8 has: 128-bit arithmetic, in BigInt. */
export const WIDE_MODEL: Readonly<Record<string, (operands: readonly Bits[]) => Bits[]>> = {
  'i64.add128': ([a, b, c, d]) => halves((wide(a!, b!) + wide(c!, d!)) & MASK128),
  'i64.sub128': ([a, b, c, d]) => halves((wide(a!, b!) - wide(c!, d!)) & MASK128),
  'i64.mul_wide_s': ([a, b]) => halves((signed(a!) * signed(b!)) & MASK128),
  'i64.mul_wide_u': ([a, b]) => halves((a as bigint) * (b as bigint)),
}
