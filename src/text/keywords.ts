// Keywords as numbers. The lexer looks every keyword up once, by hash and bytes, so the parser never builds a string.
// A keyword that names an instruction is `Kw.FirstOp` + opcode id; all others are listed in `Kw`.

import { encodeUtf8 } from '../util/utf8.ts'
import { OP_COUNT, OPCODES } from '../wasm/opcodes.ts'

/** Keywords that are no instructions. The order is that of `WORDS`; 0 stands for a word that is no keyword. */
export const enum Kw {
  Unknown = 0,
  // Types
  I8,
  I16,
  I32,
  I64,
  F32,
  F64,
  V128,
  Anyref,
  Nullref,
  Eqref,
  I31ref,
  Structref,
  Arrayref,
  Funcref,
  Nullfuncref,
  Exnref,
  Nullexnref,
  Externref,
  Nullexternref,
  Any,
  None,
  Eq,
  I31,
  Nofunc,
  Exn,
  Noexn,
  Extern,
  Noextern,
  Ref,
  Null,
  Array,
  Struct,
  Field,
  Mut,
  Sub,
  Final,
  Rec,
  Shared,
  Pagesize,
  // Module fields and their parts
  Module,
  Type,
  Func,
  Table,
  Memory,
  Global,
  Tag,
  Import,
  Export,
  Start,
  Elem,
  Data,
  Param,
  Result,
  Local,
  Item,
  Offset,
  Declare,
  // Instructions' parts
  Then,
  Catch,
  CatchRef,
  CatchAll,
  CatchAllRef,
  I8x16,
  I16x8,
  I32x4,
  I64x2,
  F32x4,
  F64x2,
  Inf,
  Nan,
  NanCanonical,
  NanArithmetic,
  // Annotations
  Before,
  After,
  First,
  Last,
  Code,
  Datacount,
  // Scripts
  Binary,
  Quote,
  Definition,
  Instance,
  Register,
  Invoke,
  Get,
  AssertReturn,
  AssertTrap,
  AssertExhaustion,
  AssertException,
  AssertInvalid,
  AssertMalformed,
  AssertUnlinkable,
  AssertMalformedCustom,
  AssertInvalidCustom,
  Either,
  Thread,
  Wait,
  RefExtern,
  RefHost,
  RefAny,
  RefStruct,
  RefArray,
  RefExn,
  /** Instructions: this plus the opcode id. */
  FirstOp = 0x100,
}

// The spelling of each `Kw` from 1 on, in its order.
const WORDS =
  'i8 i16 i32 i64 f32 f64 v128 anyref nullref eqref i31ref structref arrayref funcref nullfuncref exnref nullexnref externref ' +
  'nullexternref any none eq i31 nofunc exn noexn extern noextern ref null array struct field mut sub final rec shared pagesize ' +
  'module type func table memory global tag import export start elem data param result local item offset declare ' +
  'then catch catch_ref catch_all catch_all_ref i8x16 i16x8 i32x4 i64x2 f32x4 f64x2 inf nan nan:canonical nan:arithmetic ' +
  'before after first last code datacount ' +
  'binary quote definition instance register invoke get assert_return assert_trap assert_exhaustion assert_exception ' +
  'assert_invalid assert_malformed assert_unlinkable assert_malformed_custom assert_invalid_custom either thread wait ' +
  'ref.extern ref.host ref.any ref.struct ref.array ref.exn'

/** Rows of the opcode table whose names are ours, not the text format's. */
const NOT_IN_TEXT = new Set(['select.typed', 'ref.test_null', 'ref.cast_null'])

class KeywordTable {
  /** Keyword number of each hash slot (open addressing), 0 if free. */
  readonly #slots = new Uint16Array(4096)
  /** Spellings one after the other; `#start` has the bounds by keyword number. */
  readonly #text: Uint8Array
  readonly #start = new Int32Array(Kw.FirstOp + OP_COUNT)
  readonly #length = new Uint8Array(Kw.FirstOp + OP_COUNT)

  constructor() {
    const spellings: [number, string][] = WORDS.split(' ').map((word, i) => [i + 1, word])
    for (const [id, name] of OPCODES) {
      if (!NOT_IN_TEXT.has(name)) spellings.push([Kw.FirstOp + id, name])
    }
    this.#text = encodeUtf8(spellings.map(([, word]) => word).join(''))
    let at = 0
    for (const [keyword, word] of spellings) {
      this.#start[keyword] = at
      this.#length[keyword] = word.length
      let slot = hashBytes(this.#text, at, at + word.length) & 4095
      while (this.#slots[slot] !== 0) slot = (slot + 1) & 4095
      this.#slots[slot] = keyword
      at += word.length
    }
  }

  /** The keyword with these bytes, or `Kw.Unknown`. */
  find(source: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(source, start, end)
    const text = this.#text
    for (let slot = hash & 4095; this.#slots[slot] !== 0; slot = (slot + 1) & 4095) {
      const keyword = this.#slots[slot]
      if (this.#length[keyword] !== end - start) continue
      let i = this.#start[keyword]
      let j = start
      while (j < end && text[i] === source[j]) {
        i++
        j++
      }
      if (j === end) return keyword
    }
    return Kw.Unknown
  }
}

/** FNV-1a of the bytes [start, end), folded so that the low bits depend on all. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
  return (hash ^ (hash >>> 15)) & 0x7fff_ffff
}

let table: KeywordTable | undefined

/** The keyword table; built when first needed. */
export function keywords(): KeywordTable {
  return (table ??= new KeywordTable())
}
