// Arguments and results between slots of RS and the registers of the context (the calling convention of docs/jit.md).

import { locationsOf, XMM } from '../isa/x64/abi.ts'
import { ARGUMENT_REGISTERS } from '../isa/x64/stubs.ts'
import type { NativeAgent } from '../native/agent.ts'
import { Type } from '../ssa/types.ts'
import { bug } from '../util/bug.ts'
import { T } from '../wasm/types.ts'
import { R, typeDef } from './parts.ts'

/** Where a value is while JavaScript has it: its number among the integers, among the floats, or in the overflow area. */
const enum Place {
  Int = 0,
  Float = 1 << 8,
  Overflow = 2 << 8,
  NumberMask = 0xff,
  KindMask = 3 << 8,
  /** Both words count. */
  Wide = 1 << 10,
  OverflowShift = 12,
}

/** By slot, one for each value: its `Place`. */
export interface Signature {
  readonly params: Int32Array
  readonly results: Int32Array
}

const signatures: (Signature | undefined)[] = []

/** The places of a canonical function type without vectors. */
export const signatureOf = (typeId: number): Signature => signatures[typeId] ?? makeSignature(typeId)

function makeSignature(typeId: number): Signature {
  const type = typeDef(typeId)
  if (type.kind !== 'func') return bug(`type ${typeId} is no function type`)
  return (signatures[typeId] = { params: placesOf(type.params), results: placesOf(type.results) })
}

const typeOf = (type: number): Type =>
  type === T.I32
    ? Type.I32
    : type === T.I64
      ? Type.I64
      : type === T.F32
        ? Type.F32
        : type === T.F64
          ? Type.F64
          : type === T.V128
            ? Type.V128
            : Type.Ref

function placesOf(types: readonly number[]): Int32Array {
  const all = types.map(typeOf)
  const locations = locationsOf(all) ?? bug('machine code with vectors')
  return Int32Array.from(locations, (location, i) => {
    const wide = all[i] === Type.I64 || all[i] === Type.F64 ? Place.Wide : 0
    if (location < 0) return Place.Overflow | wide | (~location << Place.OverflowShift)
    if (location >= XMM) return Place.Float | wide | (location - XMM)
    return Place.Int | wide | ARGUMENT_REGISTERS.indexOf(location)
  })
}

/** Slots from `slot` to registers. */
export function toRegisters(agent: NativeAgent, places: Int32Array, slot: number): void {
  for (let i = 0; i < places.length; i++) {
    const place = places[i]
    const low = R[(slot + i) << 1]
    const high = (place & Place.Wide) === 0 ? 0 : R[((slot + i) << 1) + 1]
    const kind = place & Place.KindMask
    if (kind === Place.Int) {
      const at = (place & Place.NumberMask) << 1
      agent.ints32[at] = low
      agent.ints32[at + 1] = high
    } else if (kind === Place.Float) {
      const at = (place & Place.NumberMask) << 2
      agent.floatWords[at] = low
      agent.floatWords[at + 1] = high
    } else {
      const at = (place >> Place.OverflowShift) << 1
      agent.overflow32[at] = low
      agent.overflow32[at + 1] = high
    }
  }
}

/** Registers to slots from `slot`. */
export function fromRegisters(agent: NativeAgent, places: Int32Array, slot: number): void {
  for (let i = 0; i < places.length; i++) {
    const place = places[i]
    const kind = place & Place.KindMask
    const at =
      kind === Place.Int
        ? (place & Place.NumberMask) << 1
        : kind === Place.Float
          ? (place & Place.NumberMask) << 2
          : (place >> Place.OverflowShift) << 1
    const words = kind === Place.Int ? agent.ints32 : kind === Place.Float ? agent.floatWords : agent.overflow32
    R[(slot + i) << 1] = words[at]
    R[((slot + i) << 1) + 1] = (place & Place.Wide) === 0 ? 0 : words[at + 1]
  }
}
