// Single instructions on the host's WebAssembly and as cold ops, with operands and results as bits in memory: JavaScript numbers would
// lose the payloads of NaNs.

import { cold } from '../../src/interp/cold/index.ts'
import type { Instance } from '../../src/runtime/instance.ts'
import { instantiate } from '../../src/runtime/instantiate.ts'
import { CODE, CTX, Ctx, Exit, R, RQ, RU8, TrapCode } from '../../src/runtime/machine.ts'
import { Store } from '../../src/runtime/store.ts'
import { parseWat } from '../../src/text/parse.ts'
import { decodeModule } from '../../src/wasm/decode.ts'
import type { OpRow } from '../../src/wasm/opcodes.ts'
import { type Bytes, code, END, exports_, func, funcs, leb, memories, module, name, types } from '../wasm/binary.ts'

/** What is used of the host's engine; the compiler's library here does not have it. */
interface Host {
  validate(bytes: Uint8Array): boolean
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => {
    readonly exports: { readonly m: { readonly buffer: ArrayBuffer }; f(): void }
  }
}
const host = (globalThis as unknown as { WebAssembly: Host }).WebAssembly

/** Operand i of the host's function lies at 16 * i, result i at RESULTS + 16 * i. */
const RESULTS = 128

const LOAD: Readonly<Record<string, Bytes>> = {
  i: [0x28, 0, 0],
  l: [0x29, 0, 0],
  f: [0x2a, 0, 0],
  d: [0x2b, 0, 0],
  v: [0xfd, 0, 0, 0],
}
const STORE: Readonly<Record<string, Bytes>> = {
  i: [0x36, 0, 0],
  l: [0x37, 0, 0],
  f: [0x38, 0, 0],
  d: [0x39, 0, 0],
  v: [0xfd, 11, 0, 0],
}
/** Bytes of a value by letter of the signature. */
export const SIZE: Readonly<Record<string, number>> = { i: 4, l: 8, f: 4, d: 8, v: 16 }

export const encodingOf = (id: number): Bytes =>
  id < 0x100
    ? id
    : id < 0x200
      ? [0xfb, leb(id - 0x100)]
      : id < 0x300
        ? [0xfc, leb(id - 0x200)]
        : [0xfd, leb(id - 0x300)]

export const operandsOf = (row: OpRow): string => row[2].slice(0, row[2].indexOf(':'))
export const resultsOf = (row: OpRow): string => row[2].slice(row[2].indexOf(':') + 1)

/** The instruction as a host function over memory; undefined if the host does not know it. Only ops with at most one result. */
export class HostOp {
  readonly bytes: Uint8Array
  private readonly run: () => void
  private readonly resultBytes: number

  private constructor(instance: InstanceType<Host['Instance']>, resultBytes: number) {
    this.bytes = new Uint8Array(instance.exports.m.buffer)
    this.run = instance.exports.f
    this.resultBytes = resultBytes
  }

  static of(row: OpRow, immediate: readonly number[] = []): HostOp | undefined {
    const loads = [...operandsOf(row)].map((letter, i): Bytes => [0x41, leb(i * 16), LOAD[letter]])
    const result = resultsOf(row)
    // i32.const of a number above 63 takes two bytes, or it is negative.
    const body: Bytes = [0x41, 0x80, 0x01, loads, encodingOf(row[0]), [...immediate], STORE[result], END]
    const bytes = module(
      types(func([], [])),
      funcs(0),
      memories([0, 1]),
      exports_([name('m'), 2, 0], [name('f'), 0, 0]),
      code([0, body]),
    )
    if (!host.validate(bytes)) return undefined
    return new HostOp(new host.Instance(new host.Module(bytes)), SIZE[result])
  }

  /** The operands lie in `bytes`. Returns the result's bytes, or the code of the trap. */
  call(): Uint8Array | TrapCode {
    try {
      this.run()
    } catch (error) {
      return trapOf((error as Error).message)
    }
    return this.bytes.slice(RESULTS, RESULTS + this.resultBytes)
  }
}

function trapOf(message: string): TrapCode {
  switch (message) {
    case 'divide by zero':
    case 'remainder by zero':
      return TrapCode.DivideByZero
    case 'divide result unrepresentable':
      return TrapCode.IntegerOverflow
    // V8 does not tell NaN and overflow apart.
    case 'float unrepresentable in integer range':
      return TrapCode.InvalidConversion
    default:
      throw new Error(`unknown trap: ${message}`)
  }
}

/** Where cold ops under test lie and run. */
export const PC = 4096
export const FP = 1024
const COLD = 0x1000
const NO_INSTANCE = {} as Instance

/** Runs a cold op with these words behind the op. Returns the next pc, or the trap as a negative `TrapCode`. */
export function runCold(op: number, words: readonly number[], instance: Instance = NO_INSTANCE): number {
  // The words around are no operands.
  CODE.fill(999, PC - 4, PC + words.length + 8)
  CODE[PC] = COLD + op
  for (let i = 0; i < words.length; i++) CODE[PC + 1 + i] = words[i]
  const next = cold(CODE[PC], PC, FP, instance)
  if (next >= 0) return next
  // It took long, and the slice is over: it goes on behind the op.
  if (~next === Exit.Slice) return CTX[Ctx.Pc]
  if (~next !== Exit.Trap) throw new Error(`exit ${~next}`)
  if (CTX[Ctx.Pc] !== PC) throw new Error('a trap says where it happened')
  return -CTX[Ctx.A]
}

/**
 * Runs a numeric or vector op on operand bytes (16 for each). Operand i is in slots 2i + 2 and 2i + 3; the result goes to slot `d`,
 * which may lie in an operand. Returns the result's bytes or the trap's code.
 */
export function coldNumeric(
  row: OpRow,
  operands: Uint8Array,
  immediates: readonly number[] = [],
  d = 0,
): Uint8Array | TrapCode {
  const count = operandsOf(row).length
  const size = SIZE[resultsOf(row)]
  // What an instruction does not write must stay.
  for (let slot = 0; slot < 2; slot++) R.fill(0x5a5a5a5a, (FP + slot) << 1, (FP + slot + 1) << 1)
  RU8.set(operands.subarray(0, count * 16), (FP + 2) << 3)
  const words = [d]
  for (let i = 0; i < count; i++) words.push(2 * i + 2)
  const next = runCold(row[0], [...words, ...immediates])
  if (next < 0) return -next as TrapCode
  const length = 1 + words.length + immediates.length
  if (next !== PC + length) throw new Error(`${row[1]}: next pc ${next - PC}, not ${length}`)
  const at = (FP + d) << 3
  return RU8.slice(at, at + size)
}

// ---- NaNs ---------------------------------------------------------------------------------------------------------------------

/** Instructions on floats that are about bits: their NaNs are compared exactly. */
const BITWISE = /abs|neg$|copysign|reinterpret|pmin|pmax|splat|lane|const|bitselect|v128/

/**
 * Shape of the float results of an instruction whose NaNs may differ in their bits: lane bytes, else 0. For conversions the prefix of the
 * name is the result's.
 */
export function floatLanes(row: OpRow): number {
  const [, text] = row
  const result = resultsOf(row)
  if (BITWISE.test(text) || result === 'i' || result === 'l') return 0
  // Compares and conversions to integers answer integers.
  if (/\.(eq|ne|lt|gt|le|ge)$/.test(text)) return 0
  return text.startsWith('f32') ? 4 : text.startsWith('f64') ? 8 : 0
}

const isNaN32 = (v: DataView, at: number): boolean => (v.getUint32(at, true) & 0x7fffffff) > 0x7f800000
const isNaN64 = (v: DataView, at: number): boolean =>
  (v.getBigUint64(at, true) & 0x7fffffffffffffffn) > 0x7ff0000000000000n

/** Whether results agree: NaNs where the host has NaNs, and those quiet, else the same bits. */
export function agree(actual: Uint8Array, expected: Uint8Array, lane: number): boolean {
  const a = new DataView(actual.buffer, actual.byteOffset, actual.length)
  const b = new DataView(expected.buffer, expected.byteOffset, expected.length)
  if (lane === 0) return Buffer.compare(actual, expected) === 0
  for (let at = 0; at < actual.length; at += lane) {
    if (lane === 4) {
      if (
        isNaN32(b, at)
          ? !isNaN32(a, at) || (a.getUint32(at, true) & 0x00400000) === 0
          : a.getInt32(at) !== b.getInt32(at)
      )
        return false
    } else if (
      isNaN64(b, at)
        ? !isNaN64(a, at) || (a.getUint32(at + 4, true) & 0x00080000) === 0
        : a.getBigInt64(at) !== b.getBigInt64(at)
    )
      return false
  }
  return true
}

// ---- operands -------------------------------------------------------------------------------------------------------------------

/** Bit patterns of 32-bit integers and floats at which something changes. */
export const WORDS = [
  0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
  0x80000001, 0xffffffff, 0xfffffffe, 0x55555555, 0x12345678, 0x87654321,
  // floats: denormals, smallest normal, 0.5, 1, 1.5, 2.5, 2^23, 2^24, 2^31, 2^32, 2^63, 2^64 and neighbours; largest, infinity, NaNs
  0x00800000,
  0x007fffff, 0x3effffff, 0x3f000000, 0x3f000001, 0x3f7fffff, 0x3f800000, 0x3fc00000, 0x40200000, 0x40600000,
  0x4b000000, 0x4afffffd, 0x4b800000, 0x4effffff, 0x4f000000, 0x4f000001, 0x4f7fffff, 0x4f800000, 0x5effffff,
  0x5f000000, 0x5f7fffff, 0x5f800000, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001, 0x7fa12345, 0x7fffffff,
  0xbf000000, 0xbf7fffff, 0xbf800000, 0xbfc00000, 0xc0200000, 0xcf000000, 0xcf000001, 0xdf000000, 0xdf000001,
  0xff7fffff, 0xff800000, 0xffc00000, 0xff800001,
]

/** Likewise for 64 bits. */
export const LONGS = [
  ...[
    0n,
    1n,
    2n,
    31n,
    32n,
    33n,
    63n,
    64n,
    65n,
    0x7fn,
    0x80n,
    0x7fffn,
    0x8000n,
    0xffffn,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
  ],
  ...[0x100000000n, 0x1fffffffffffffn, 0x20000000000000n, 0x20000000000001n, 0x7fffffbfffffffffn, 0x7fffffc000000000n],
  ...[0x7fffffffffffffffn, 0x8000000000000000n, 0x8000000000000001n, 0xffffffff00000000n, 0xffffffffffffffffn],
  ...[0x8000004000000001n, 0x0000010000008000n, 0x8000008000000000n, 0x00fffffe80000001n, 0x123456789abcdef0n],
  // floats: as above, and the bounds of f32 for demote
  ...[0x0010000000000000n, 0x000fffffffffffffn, 0x3fe0000000000000n, 0x3fdfffffffffffffn, 0x3fefffffffffffffn],
  ...[0x3ff0000000000000n, 0x3ff8000000000000n, 0x4004000000000000n, 0x400c000000000000n, 0x41dfffffffc00000n],
  ...[0x41dfffffffe00000n, 0x41e0000000000000n, 0x41efffffffe00000n, 0x41effffffff00000n, 0x41f0000000000000n],
  ...[0x4320000000000001n, 0x4330000000000001n, 0x4340000000000000n, 0x43dfffffffffffffn, 0x43e0000000000000n],
  ...[0x43efffffffffffffn, 0x43f0000000000000n, 0x47efffffe0000000n, 0x47efffffefffffffn, 0x47effffff0000000n],
  ...[0x36a0000000000000n, 0x3690000000000000n, 0x3690000000000001n, 0x380fffffc0000000n, 0x7fefffffffffffffn],
  ...[0x7ff0000000000000n, 0x7ff8000000000000n, 0x7ff0000000000001n, 0x7ff4000000000000n, 0x7fffffffffffffffn],
  ...[0xbfe0000000000000n, 0xbfefffffffffffffn, 0xbff0000000000000n, 0xbff8000000000000n, 0xc1e0000000000000n],
  ...[0xc1e0000000200000n, 0xc1dfffffffffffffn, 0xc3e0000000000000n, 0xc3e0000000000001n, 0xfff0000000000000n],
  ...[0xfff8000000000000n, 0xfff0000000000001n, 0x8000000000000000n],
]

/** Seeded xorshift; `next(n)` in [0, n). */
export function random(seed: number): (n: number) => number {
  let state = seed >>> 0 || 1
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

export const hex = (value: Uint8Array | TrapCode): string =>
  typeof value === 'number' ? `trap ${value}` : Buffer.from(value).reverse().toString('hex')

// ---- instances ------------------------------------------------------------------------------------------------------------------

/** An instance of a module in the text format. */
export function instanceOf(wat: string, store = new Store()): Instance {
  return instantiate(store, decodeModule(parseWat(wat).bytes), [])
}

/** Writes an integer to slot `s` of the frame under test: all of its 64 bits. */
export const setSlot = (s: number, value: number | bigint): void => void (RQ[FP + s] = BigInt.asIntN(64, BigInt(value)))
/** The low half of a slot. */
export const wordOf = (s: number): number => R[(FP + s) << 1]
/** A 64-bit immediate as two words. */
export const split = (value: bigint): [low: number, high: number] => [
  Number(BigInt.asIntN(32, value)),
  Number(BigInt.asIntN(32, value >> 32n)),
]
/** All 64 bits of a slot, signed. */
export const longOf = (s: number): bigint => RQ[FP + s]
