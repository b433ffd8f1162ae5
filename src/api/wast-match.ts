// Results of a WAST script: comparison with what is expected, and how both are shown. Floats are compared as bits.

import { Heap } from '../wasm/types.ts'
import type { NanPattern, WastResult, WastValue } from '../text/wast-types.ts'
import type { WastActual } from './wast-engine.ts'

/** Whether `bits` is a NaN of that class. Arithmetic: the top bit of the payload is set. Canonical: no other payload bit is. */
function isNan32(bits: number, pattern: NanPattern): boolean {
  return pattern === 'canonical' ? (bits & 0x7fff_ffff) === 0x7fc0_0000 : (bits & 0x7fc0_0000) === 0x7fc0_0000
}

const QUIET64 = 0x7ff8_0000_0000_0000n
function isNan64(bits: bigint, pattern: NanPattern): boolean {
  return pattern === 'canonical' ? (bits & 0x7fff_ffff_ffff_ffffn) === QUIET64 : (bits & QUIET64) === QUIET64
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function matchesV128(actual: Uint8Array, expected: Extract<WastResult, { type: 'v128' }>): boolean {
  const { nan, bytes, shape } = expected
  const lane = shape === 'f32x4' ? 4 : shape === 'f64x2' ? 8 : 16
  const have = view(actual)
  for (let at = 0; at < 16; at += lane) {
    const pattern = nan?.[at / lane]
    if (pattern === undefined) {
      for (let i = at; i < at + lane; i++) if (actual[i] !== bytes[i]) return false
    } else if (
      !(lane === 4 ? isNan32(have.getUint32(at, true), pattern) : isNan64(have.getBigUint64(at, true), pattern))
    )
      return false
  }
  return true
}

const scratch = new DataView(new ArrayBuffer(8))

/** A JavaScript value, of which only the expectation knows the Wasm type. A NaN has lost its bits: any NaN matches any. */
function matchesJs(value: unknown, expected: WastResult): boolean {
  switch (expected.type) {
    case 'i32':
      return value === (expected.value | 0)
    case 'i64':
      return typeof value === 'bigint' && BigInt.asUintN(64, value) === BigInt.asUintN(64, expected.value)
    case 'f32': {
      if (typeof value !== 'number') return false
      const isNan = expected.nan !== undefined || (expected.bits & 0x7fff_ffff) > 0x7f80_0000
      if (isNan || Number.isNaN(value)) return isNan && Number.isNaN(value)
      scratch.setFloat32(0, value)
      return scratch.getUint32(0) === expected.bits
    }
    case 'f64': {
      if (typeof value !== 'number') return false
      const isNan = expected.nan !== undefined || (expected.bits & 0x7fff_ffff_ffff_ffffn) > 0x7ff0_0000_0000_0000n
      if (isNan || Number.isNaN(value)) return isNan && Number.isNaN(value)
      scratch.setFloat64(0, value)
      return scratch.getBigUint64(0) === expected.bits
    }
    case 'ref.null':
      return value === null
    case 'ref.func':
      return typeof value === 'function'
    case 'ref.extern':
    case 'ref.host':
      return expected.value === undefined ? value !== null : hostNumber(value) === expected.value
    case 'ref.i31':
      return typeof value === 'number'
    case 'ref.any':
    case 'ref.eq':
      return value !== null
    case 'ref.struct':
    case 'ref.array':
      return typeof value === 'object' && value !== null
    case 'either':
      return expected.options.some((option) => matchesJs(value, option))
    default:
      return false
  }
}

/** Whether a result is what the script expects. */
export function matches(actual: WastActual, expected: WastResult): boolean {
  if (expected.type === 'either') return expected.options.some((option) => matches(actual, option))
  switch (actual.type) {
    case 'js':
      return matchesJs(actual.value, expected)
    case 'i32':
      return expected.type === 'i32' && (actual.value | 0) === (expected.value | 0)
    case 'i64':
      return expected.type === 'i64' && BigInt.asIntN(64, actual.value) === BigInt.asIntN(64, expected.value)
    case 'f32':
      if (expected.type !== 'f32') return false
      return expected.nan === undefined ? actual.bits >>> 0 === expected.bits >>> 0 : isNan32(actual.bits, expected.nan)
    case 'f64':
      if (expected.type !== 'f64') return false
      return expected.nan === undefined
        ? BigInt.asUintN(64, actual.bits) === BigInt.asUintN(64, expected.bits)
        : isNan64(actual.bits, expected.nan)
    case 'v128':
      return expected.type === 'v128' && matchesV128(actual.bytes, expected)
    case 'null':
      return expected.type === 'ref.null' && (expected.heap === undefined || topOf(expected.heap) === actual.top)
    case 'ref':
      return matchesRef(actual, expected)
  }
}

function matchesRef(actual: Extract<WastActual, { type: 'ref' }>, expected: WastResult): boolean {
  const { top, heap, host } = actual
  switch (expected.type) {
    case 'ref.extern':
      return top === Heap.Extern && (expected.value === undefined || host === expected.value)
    case 'ref.host':
      return top === Heap.Any && host === expected.value
    case 'ref.func':
      return top === Heap.Func
    case 'ref.exn':
      return top === Heap.Exn
    case 'ref.any':
      return top === Heap.Any
    case 'ref.eq':
      return top === Heap.Any && (heap === Heap.I31 || heap === Heap.Struct || heap === Heap.Array)
    case 'ref.i31':
      return top === Heap.Any && heap === Heap.I31
    case 'ref.struct':
      return top === Heap.Any && heap === Heap.Struct
    case 'ref.array':
      return top === Heap.Any && heap === Heap.Array
    default:
      return false
  }
}

/** Top of the hierarchy of an abstract heap type. */
export function topOf(heap: Heap): Heap {
  switch (heap) {
    case Heap.Func:
    case Heap.NoFunc:
      return Heap.Func
    case Heap.Extern:
    case Heap.NoExtern:
      return Heap.Extern
    case Heap.Exn:
    case Heap.NoExn:
      return Heap.Exn
    default:
      return Heap.Any
  }
}

const hosts = new Map<number, HostValue>()

/** The host value `n` of `(ref.extern n)` and `(ref.host n)`: one object for each number. */
export class HostValue {
  private constructor(readonly number: number) {}

  static of(number: number): HostValue {
    let value = hosts.get(number)
    if (value === undefined) hosts.set(number, (value = new HostValue(number)))
    return value
  }
}
export const hostNumber = (value: unknown): number | undefined =>
  value instanceof HostValue ? value.number : undefined

const HEAP_NAMES: Partial<Record<Heap, string>> = {
  [Heap.Func]: 'func',
  [Heap.Extern]: 'extern',
  [Heap.Any]: 'any',
  [Heap.Exn]: 'exn',
  [Heap.I31]: 'i31',
  [Heap.Struct]: 'struct',
  [Heap.Array]: 'array',
  [Heap.Eq]: 'eq',
  [Heap.None]: 'none',
  [Heap.NoFunc]: 'nofunc',
  [Heap.NoExtern]: 'noextern',
  [Heap.NoExn]: 'noexn',
}
const hex = (value: number | bigint, digits: number): string => '0x' + value.toString(16).padStart(digits, '0')

function f32Text(bits: number): string {
  scratch.setUint32(0, bits)
  const value = scratch.getFloat32(0)
  return Number.isNaN(value) ? hex(bits >>> 0, 8) : `${Object.is(value, -0) ? '-0' : value} (${hex(bits >>> 0, 8)})`
}

function f64Text(bits: bigint): string {
  scratch.setBigUint64(0, bits)
  const value = scratch.getFloat64(0)
  return Number.isNaN(value)
    ? hex(BigInt.asUintN(64, bits), 16)
    : `${Object.is(value, -0) ? '-0' : value} (${hex(BigInt.asUintN(64, bits), 16)})`
}

const bytesText = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ')

/** A result, an expectation or an argument for a message. */
export function showValue(value: WastActual | WastResult | WastValue): string {
  switch (value.type) {
    case 'i32':
    case 'i64':
      return `(${value.type}.const ${value.value})`
    case 'f32':
      return 'nan' in value && value.nan !== undefined
        ? `(f32.const nan:${value.nan})`
        : `(f32.const ${f32Text(value.bits)})`
    case 'f64':
      return 'nan' in value && value.nan !== undefined
        ? `(f64.const nan:${value.nan})`
        : `(f64.const ${f64Text(value.bits)})`
    case 'v128': {
      const nan =
        'nan' in value && value.nan !== undefined ? `, lanes ${value.nan.map((n) => n ?? 'exact').join(' ')}` : ''
      return `(v128 bytes ${bytesText(value.bytes)}${nan})`
    }
    case 'null':
      return `(ref.null ${HEAP_NAMES[value.top]})`
    case 'ref':
      return value.host === undefined
        ? `(ref ${HEAP_NAMES[value.heap]} as ${HEAP_NAMES[value.top]})`
        : `(host ${value.host} as ${HEAP_NAMES[value.top]})`
    case 'ref.null':
      return value.heap === undefined ? '(ref.null)' : `(ref.null ${HEAP_NAMES[value.heap]})`
    case 'ref.extern':
    case 'ref.host':
      return value.value === undefined ? `(${value.type})` : `(${value.type} ${value.value})`
    case 'either':
      return `(either ${value.options.map(showValue).join(' ')})`
    case 'js':
      return typeof value.value === 'bigint'
        ? `${value.value}n`
        : Object.is(value.value, -0)
          ? '-0'
          : String(value.value)
    default:
      return `(${value.type})`
  }
}

export const showValues = (values: readonly (WastActual | WastResult | WastValue)[]): string =>
  values.length === 0 ? 'nothing' : values.map(showValue).join(' ')
