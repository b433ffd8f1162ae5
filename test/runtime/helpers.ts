// Shared by the tests of the runtime.
import type { Module } from '../../src/wasm/module.ts'
import { ByteWriter } from '../../src/util/byte-writer.ts'
import { decodeModule } from '../../src/wasm/decode.ts'

/** Seeded: `next(n)` is an integer in [0, n). */
export function random(seed: number): (n: number) => number {
  let state = seed >>> 0 || 1
  return (n) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

/** A module of sections: [id, item count, ...bytes of all items]. */
export function moduleOf(...sections: number[][]): Module {
  const w = new ByteWriter()
  w.u32le(0x6d736100)
  w.u32le(1)
  for (const [id, ...content] of sections) {
    w.u8(id)
    const mark = w.beginSized()
    for (const byte of content) w.u8(byte)
    w.endSized(mark)
  }
  return decodeModule(w.finish())
}

/** A name in the binary format. */
export const name = (text: string): number[] =>
  [text.length, ...text].map((c) => (typeof c === 'number' ? c : c.charCodeAt(0)))
