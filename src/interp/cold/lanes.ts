// Scratch vectors, seen as lanes of every width.

import { R } from '../../runtime/machine.ts'

class Lanes {
  readonly i8: Int8Array
  readonly u8: Uint8Array
  readonly i16: Int16Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly i64: BigInt64Array
  readonly u64: BigUint64Array
  readonly f32: Float32Array
  readonly f64: Float64Array

  constructor() {
    const buffer = new ArrayBuffer(16)
    this.i8 = new Int8Array(buffer)
    this.u8 = new Uint8Array(buffer)
    this.i16 = new Int16Array(buffer)
    this.u16 = new Uint16Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.i64 = new BigInt64Array(buffer)
    this.u64 = new BigUint64Array(buffer)
    this.f32 = new Float32Array(buffer)
    this.f64 = new Float64Array(buffer)
  }
}

/** Operands. */
export const a = new Lanes()
export const b = new Lanes()
export const c = new Lanes()
/** Result. */
export const d = new Lanes()

function get(lanes: Int32Array, slot: number): void {
  const x = slot << 1
  lanes[0] = R[x]
  lanes[1] = R[x + 1]
  lanes[2] = R[x + 2]
  lanes[3] = R[x + 3]
}

export const getA = (slot: number): void => get(a.i32, slot)
export const getB = (slot: number): void => get(b.i32, slot)
export const getC = (slot: number): void => get(c.i32, slot)

export function putD(slot: number): void {
  const x = slot << 1
  R[x] = d.i32[0]
  R[x + 1] = d.i32[1]
  R[x + 2] = d.i32[2]
  R[x + 3] = d.i32[3]
}
