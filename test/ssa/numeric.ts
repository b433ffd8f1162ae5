// The numeric operations of the evaluator: each is the host's WebAssembly instruction of the same name. A function (a, b, c, d) for each,
// with addresses in the memory that holds the frames, so that no bit of a NaN is lost.

import { OP_NAMES } from '../../src/ssa/op-tables.ts'
import { OPCODES } from '../../src/wasm/opcodes.ts'
import {
  type Bytes,
  code,
  END,
  exports_,
  func,
  funcs,
  I32,
  leb,
  memories,
  module,
  name,
  types,
} from '../wasm/binary.ts'

interface HostNamespace {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => {
    readonly exports: Readonly<Record<string, unknown>>
  }
}
const host = (globalThis as unknown as { WebAssembly: HostNamespace }).WebAssembly

/** Pages of frames. */
const PAGES = 512

const LOAD: Readonly<Record<string, Bytes>> = { i: [0x28, 0, 0], l: [0x29, 0, 0], f: [0x2a, 0, 0], d: [0x2b, 0, 0] }
const STORE: Readonly<Record<string, Bytes>> = { i: [0x36, 0, 0], l: [0x37, 0, 0], f: [0x38, 0, 0], d: [0x39, 0, 0] }

type Numeric = (a: number, b: number, d: number) => void

const rows = OPCODES.filter(
  ([id, text, signature, immediates]) =>
    (id < 0x100 || (id >= 0x200 && id < 0x208)) &&
    OP_NAMES.includes(text) &&
    /^[ilfd]{1,2}:[ilfd]$/.test(signature) &&
    immediates === '',
)

const bodies = rows.map(([id, , signature]): Bytes => {
  const [operands, result] = signature.split(':')
  const loads = [...operands].map((letter, i): Bytes => [0x20, i, LOAD[letter]])
  const opcode: Bytes = id < 0x100 ? id : [0xfc, leb(id - 0x200)]
  return [0, 0x20, 2, loads, opcode, STORE[result], END]
})

const instance = new host.Instance(
  new host.Module(
    module(
      types(func([I32, I32, I32], [])),
      funcs(...rows.map(() => 0)),
      memories([0, leb(PAGES)]),
      exports_([name('memory'), 2, 0], ...rows.map(([, text], i): Bytes => [name(text), 0, leb(i)])),
      code(...bodies),
    ),
  ),
)

/** By SSA op: the operation on addresses of operands and result. */
export const NUMERIC: readonly (Numeric | undefined)[] = OP_NAMES.map((text) => instance.exports[text] as Numeric)

/** The frames' memory. */
export const FRAMES = (instance.exports['memory'] as { readonly buffer: ArrayBuffer }).buffer
