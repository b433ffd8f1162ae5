// Hand-made binaries for tests: nested lists of bytes.

import { ByteWriter } from '../../src/util/byte-writer.ts'

export type Bytes = number | string | Uint8Array | readonly Bytes[]

/** Flattens numbers (bytes), strings (their characters), arrays. */
export function flat(...parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter()
  const put = (part: Bytes): void => {
    if (typeof part === 'number') w.u8(part)
    else if (typeof part === 'string') w.copy(new TextEncoder().encode(part))
    else if (part instanceof Uint8Array) w.copy(part)
    else for (const p of part) put(p)
  }
  put(parts)
  return w.finish()
}

export function leb(value: number): Uint8Array {
  const w = new ByteWriter()
  w.u64(value)
  return w.finish()
}

/** A length and the bytes. */
export function sized(...parts: readonly Bytes[]): Bytes {
  const bytes = flat(...parts)
  return [leb(bytes.length), bytes]
}

/** A vector of items. */
export const vec = (...items: readonly Bytes[]): Bytes => [leb(items.length), items]
export const name = (text: string): Bytes => sized(text)
export const section = (id: number, ...parts: readonly Bytes[]): Bytes => [id, sized(...parts)]
export const HEADER: Bytes = ['\0asm', 1, 0, 0, 0]
export const module = (...sections: readonly Bytes[]): Uint8Array<ArrayBuffer> => flat(HEADER, ...sections)

// Sections by what they hold; each argument is an item.
export const types = (...items: readonly Bytes[]): Bytes => section(1, vec(...items))
export const imports = (...items: readonly Bytes[]): Bytes => section(2, vec(...items))
export const funcs = (...items: readonly number[]): Bytes => section(3, vec(...items.map(leb)))
export const tables = (...items: readonly Bytes[]): Bytes => section(4, vec(...items))
export const memories = (...items: readonly Bytes[]): Bytes => section(5, vec(...items))
export const tags = (...items: readonly Bytes[]): Bytes => section(13, vec(...items))
export const globals = (...items: readonly Bytes[]): Bytes => section(6, vec(...items))
export const exports_ = (...items: readonly Bytes[]): Bytes => section(7, vec(...items))
export const elems = (...items: readonly Bytes[]): Bytes => section(9, vec(...items))
export const code = (...bodies: readonly Bytes[]): Bytes => section(10, vec(...bodies.map((b) => sized(b))))
export const datas = (...items: readonly Bytes[]): Bytes => section(11, vec(...items))

export const I32 = 0x7f
export const I64 = 0x7e
export const F32 = 0x7d
export const F64 = 0x7c
export const V128 = 0x7b
export const FUNCREF = 0x70
export const END = 0x0b

export const func = (params: readonly Bytes[], results: readonly Bytes[]): Bytes => [
  0x60,
  vec(...params),
  vec(...results),
]

/** A module with one function of type [params] -> [results] (type 0) and the body, which gets its `end` and no locals. */
export function oneFunction(
  params: readonly Bytes[],
  results: readonly Bytes[],
  body: readonly Bytes[],
  before: readonly Bytes[] = [],
  extraTypes: readonly Bytes[] = [],
): Uint8Array<ArrayBuffer> {
  return module(types(func(params, results), ...extraTypes), funcs(0), ...before, code([0, ...body, END]))
}
