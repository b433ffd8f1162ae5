// A module that has a bit of everything, and seeded mutations of modules.

import {
  type Bytes,
  code,
  datas,
  elems,
  END,
  exports_,
  F64,
  func,
  FUNCREF,
  funcs,
  globals,
  I32,
  I64,
  imports,
  leb,
  memories,
  module,
  name,
  section,
  tables,
  tags,
  types,
  V128,
  vec,
} from './binary.ts'

/** All features of Wasm 3.0 and the proposals that are on by default; canonical encoding. */
export function richModule(): Uint8Array<ArrayBuffer> {
  const at: Bytes = [0x41, 0, END]
  return module(
    section(0, name('first'), 1, 2, 3),
    types(
      func([], []),
      func([I32, I64], [I64, F64]),
      [
        0x4e,
        vec(
          [0x50, vec(), 0x5f, vec([0x78, 1], [0x63, 3, 0])],
          [0x4f, vec([2]), 0x5f, vec([0x78, 1], [0x63, 3, 0], [V128, 0])],
        ),
      ],
      [0x5e, 0x77, 1],
      func([I32], []),
    ),
    section(0, name(''), 9),
    imports(
      [name('m'), name('f'), 0, 0],
      [name('m'), name('g'), 3, I32, 0],
      [name('m'), name('t'), 4, 0, 5],
      [name('ü'), name('tab'), 1, FUNCREF, 1, 1, 9],
    ),
    funcs(1, 0),
    tables([0x40, 0, 0x64, 0x70, 0, 2, 0xd2, 0, END], [0x6f, 5, 1, 3]),
    memories([1, 1, 2], [3, 1, 4], [8, 2, 0], [4, 1]),
    tags([0, 5]),
    globals([I32, 1, 0x23, 0, 0x41, 1, 0x6a, END], [0x64, 4, 0, 0x41, 7, 0x41, 3, 0xfb, 6, 4, END]),
    exports_([name('run'), 0, 1], [name('mem'), 2, 0]),
    section(8, 2),
    elems(
      [0, at, vec(0, 1)],
      [1, 0, vec(2)],
      [7, FUNCREF, vec([0xd0, 0x70, END])],
      [6, 2, [0x42, 0, END], 0x6f, vec()],
    ),
    section(12, 2),
    section(0, name('metadata.code.branch_hint'), vec([2, vec([leb(4), 1, 1])])),
    code(
      [
        vec([2, I32], [leb(300), V128], [1, 0x63, 2]),
        0x02,
        0x40,
        0x20,
        0,
        0x0d,
        0,
        0x1f,
        0x40,
        vec([2, 0]),
        0x20,
        0,
        0x08,
        1,
        END,
        END,
        0x41,
        0,
        0x28,
        0x42,
        1,
        8,
        0x1a,
        0xfd,
        0x0c,
        new Uint8Array(16),
        0x1a,
        0xfb,
        1,
        2,
        0x21,
        leb(304),
        0x20,
        1,
        0x44,
        new Uint8Array(8),
        END,
      ],
      [0, 0x41, 1, 0x04, 0x40, 0x10, 0, END, 0x41, 0, 0x41, 0, 0x0e, 2, 0, 0, 0, END],
    ),
    datas([0, at, vec('a', 'b')], [1, vec('x')]),
    section(0, name('last')),
  )
}

/** Only features that V8 has had since Node 20. */
export function plainModule(): Uint8Array<ArrayBuffer> {
  const at: Bytes = [0x41, 0, END]
  return module(
    types(func([], []), func([I32, I64], [I64]), func([I32], [I32, I32])),
    imports([name('m'), name('f'), 0, 0], [name('m'), name('g'), 3, I32, 0]),
    funcs(1, 2),
    tables([FUNCREF, 1, 2, 9], [0x6f, 0, 1]),
    memories([1, 1, 2]),
    globals([I32, 1, 0x23, 0, END], [FUNCREF, 0, 0xd2, 1, END]),
    exports_([name('run'), 0, 1], [name('mem'), 2, 0]),
    section(8, 0),
    elems([0, at, vec(0, 1)], [1, 0, vec(2)], [7, FUNCREF, vec([0xd0, 0x70, END])]),
    section(12, 2),
    code(
      [
        vec([2, I32], [2, V128]),
        0x02,
        0x40,
        0x20,
        0,
        0x0d,
        0,
        0x03,
        I32,
        0x20,
        0,
        0x41,
        1,
        0x6b,
        0x22,
        2,
        0x20,
        2,
        0x0d,
        0,
        END,
        0x1a,
        END,
        0x42,
        5,
        0x20,
        0,
        0x28,
        2,
        8,
        0x0e,
        1,
        0,
        0,
        0x00,
        0x42,
        1,
        0x7c,
        0xfd,
        0x0c,
        new Uint8Array(16),
        0x21,
        4,
        0x20,
        4,
        0xfd,
        0x1d,
        1,
        0x7c,
        END,
      ],
      [0, 0x20, 0, 0x20, 0, 0x04, 2, 0x20, 0, 0x05, 0x41, 9, END, 0x0f, END],
    ),
    datas([0, at, vec('a', 'b')], [1, vec('x')]),
  )
}

/** A generator of 32-bit numbers below `n` (xorshift). */
export function random(seed: number): (n: number) => number {
  let s = seed | 0 || 1
  return (n) => {
    s ^= s << 13
    s ^= s >>> 17
    s ^= s << 5
    return (s >>> 0) % n
  }
}

const SPECIAL = [
  0, 1, 0x0b, 0x40, 0x4e, 0x50, 0x60, 0x63, 0x64, 0x6f, 0x70, 0x7f, 0x80, 0xd0, 0xd2, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
]

/** A copy with one to four changes behind the header: bytes replaced, bits flipped, pieces moved, removed or cut off. */
export function mutate(original: Uint8Array, next: (n: number) => number): Uint8Array<ArrayBuffer> {
  let bytes = original.slice()
  for (let n = 1 + next(4); n > 0; n--) {
    const at = 8 + next(bytes.length - 8)
    switch (next(8)) {
      case 0:
        bytes[at] = next(256)
        break
      case 1:
        bytes[at] ^= 1 << next(8)
        break
      case 2:
      case 3:
        bytes[at] = SPECIAL[next(SPECIAL.length)]
        break
      case 4:
        bytes[at] += next(2) === 0 ? 1 : -1
        break
      case 5: {
        const from = next(bytes.length)
        bytes.copyWithin(at, from, Math.min(bytes.length, from + 1 + next(8)))
        break
      }
      case 6:
        bytes.copyWithin(at, at + 1)
        break
      default:
        if (next(4) === 0) bytes = bytes.slice(0, Math.max(9, at))
    }
  }
  return bytes
}
