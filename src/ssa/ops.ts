// The SSA op table: every operation, once. scripts/gen.mjs derives the `Op` enum (op.gen.ts) from it.
//
// Row: name, operand types, result type, flags.
//
// Types are letters: i=i32 l=i64 f=f32 d=f64 v=v128 r=ref, '*' any (the value's type column says which), '' none. Operands are values in the
// columns a, b, c, in this order. Flags:
//
//   p  pure: may be removed, merged with an equal one that dominates it, and moved to wherever its operands are
//   t  may trap: kept and in its place. An equal one that dominates it has trapped already, so those merge too
//   r  reads memory, a global, a table or a size (`regionOf` in effects.ts says which)   w  writes it
//   x  reads and writes everything: calls
//   c  operands may change places
//   k  terminator   e  has edges: `aux` is the first, c the number   n  operand list in the pool: from b + 1, c of them;
//   s  like n, and pool[b] is the index of the signature
//
// A name that is also a Wasm instruction's has that instruction's semantics, except that an address is an absolute address of type
// i64, to which the displacement in `aux` (0 to 2^31 - 1) is added. Loads have the memory's index in b, stores in c. If that memory is
// guarded an access may trap; else its address has been checked.

/** Flags of an op, by letter in the table. */
export const enum Flag {
  Pure = 1,
  Trap = 2,
  Read = 4,
  Write = 8,
  Call = 16,
  Commutative = 32,
  Terminator = 64,
  Edges = 128,
  List = 256,
  Signature = 512,
}

export type OpRow = readonly [name: string, operands: string, result: string, flags: string]

const rows: OpRow[] = []
const row = (name: string, operands: string, result: string, flags: string): void =>
  void rows.push([name, operands, result, flags])

// A removed instruction; never scheduled.
row('nop', '', '', '')
// Parameter `aux` of its block; those of the entry are the function's.
row('param', '', '*', '')
// Bits in a (low) and b (high).
row('const', '', '*', 'p')
// OSR entry: slot `aux` of the interpreter's frame.
row('frame.load', '', '*', '')
// a if c is not zero, else b.
row('select', '**i', '*', 'p')
// Result `aux` of a call, from 1; result 0 is the call itself.
row('proj', '*', '*', '')

for (const [t, letter] of [
  ['i32', 'i'],
  ['i64', 'l'],
]) {
  const two = letter + letter
  for (const op of ['add', 'mul', 'and', 'or', 'xor']) row(`${t}.${op}`, two, letter, 'pc')
  for (const op of ['sub', 'shl', 'shr_s', 'shr_u', 'rotl', 'rotr']) row(`${t}.${op}`, two, letter, 'p')
  for (const op of ['div_s', 'div_u', 'rem_s', 'rem_u']) row(`${t}.${op}`, two, letter, 't')
  for (const op of ['clz', 'ctz', 'popcnt', 'extend8_s', 'extend16_s']) row(`${t}.${op}`, letter, letter, 'p')
  row(`${t}.eqz`, letter, 'i', 'p')
  for (const op of ['eq', 'ne']) row(`${t}.${op}`, two, 'i', 'pc')
  for (const op of ['lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u']) row(`${t}.${op}`, two, 'i', 'p')
}
// High halves of the 128-bit products.
row('i64.mulhi_s', 'll', 'l', 'pc')
row('i64.mulhi_u', 'll', 'l', 'pc')
row('i64.extend32_s', 'l', 'l', 'p')
row('i32.wrap_i64', 'l', 'i', 'p')
row('i64.extend_i32_s', 'i', 'l', 'p')
row('i64.extend_i32_u', 'i', 'l', 'p')

for (const [t, letter] of [
  ['f32', 'f'],
  ['f64', 'd'],
]) {
  const two = letter + letter
  for (const op of ['abs', 'neg', 'ceil', 'floor', 'trunc', 'nearest', 'sqrt']) row(`${t}.${op}`, letter, letter, 'p')
  for (const op of ['add', 'sub', 'mul', 'div', 'min', 'max', 'copysign']) row(`${t}.${op}`, two, letter, 'p')
  for (const op of ['eq', 'ne']) row(`${t}.${op}`, two, 'i', 'pc')
  for (const op of ['lt', 'gt', 'le', 'ge']) row(`${t}.${op}`, two, 'i', 'p')
  for (const [int, intLetter] of [
    ['i32', 'i'],
    ['i64', 'l'],
  ]) {
    for (const sign of ['s', 'u']) {
      row(`${int}.trunc_${t}_${sign}`, letter, intLetter, 't')
      row(`${int}.trunc_sat_${t}_${sign}`, letter, intLetter, 'p')
      row(`${t}.convert_${int}_${sign}`, intLetter, letter, 'p')
    }
  }
}
row('f32.demote_f64', 'd', 'f', 'p')
row('f64.promote_f32', 'f', 'd', 'p')
row('i32.reinterpret_f32', 'f', 'i', 'p')
row('i64.reinterpret_f64', 'd', 'l', 'p')
row('f32.reinterpret_i32', 'i', 'f', 'p')
row('f64.reinterpret_i64', 'l', 'd', 'p')

// ---- memories: aux is the index where no displacement is ------------------------------------------------------------------
// The base of a guarded memory, which never moves; and of any memory, which moves when it grows.
row('memory.base', '', 'l', 'p')
row('memory.address', '', 'l', 'r')
row('memory.bytes', '', 'l', 'r')
for (const [name, result] of [
  ['i32.load', 'i'],
  ['i32.load8_s', 'i'],
  ['i32.load8_u', 'i'],
  ['i32.load16_s', 'i'],
  ['i32.load16_u', 'i'],
  ['i64.load', 'l'],
  ['i64.load8_s', 'l'],
  ['i64.load8_u', 'l'],
  ['i64.load16_s', 'l'],
  ['i64.load16_u', 'l'],
  ['i64.load32_s', 'l'],
  ['i64.load32_u', 'l'],
  ['f32.load', 'f'],
  ['f64.load', 'd'],
])
  row(name, 'l', result, 'tr')
for (const [name, value] of [
  ['i32.store', 'i'],
  ['i32.store8', 'i'],
  ['i32.store16', 'i'],
  ['i64.store', 'l'],
  ['i64.store8', 'l'],
  ['i64.store16', 'l'],
  ['i64.store32', 'l'],
  ['f32.store', 'f'],
  ['f64.store', 'd'],
])
  row(name, 'l' + value, '', 'tw')

// ---- globals, tables, references: aux is the index ---------------------------------------------------------------------------
row('global.get', '', '*', 'r')
row('global.set', '*', '', 'w')
// Number of entries.
row('table.length', '', 'l', 'r')
// Address of the entry with an index that is below the length. Reads where the entries are: they move when the table grows.
row('table.entry', 'l', 'l', 'r')
// The reference in the entry at an address; writes it. The table's index is in b, in c.
row('entry.get', 'l', 'r', 'r')
row('entry.set', 'lr', '', 'w')
row('ref.func', '', 'r', 'p')
row('ref.is_null', 'r', 'i', 'p')
// Whether the canonical type of a function, which is not null, is aux.
row('ref.has_type', 'r', 'i', 'p')

// ---- calls: aux is the function; the signature's first result is the value ----------------------------------------------------
row('call', '', '*', 'xs')
row('call.import', '', '*', 'xs')
// The function of a reference, which is not null.
row('call.ref', 'r', '*', 'xs')
// aux is a `Builtin`.
row('runtime', '', '*', 'xs')
// Where the code may be stopped, and go on later: at the headers of loops.
row('poll', '', '', 'x')
// Takes aux units of fuel, or stops for want of them.
row('fuel', '', '', 'x')

// ---- control -------------------------------------------------------------------------------------------------------------------
// Traps with reason aux if a is not zero.
row('trapif', 'i', '', 't')
row('jump', '', '', 'ke')
// To the first edge if a is not zero, else to the second.
row('branch', 'i', '', 'ke')
// To edge a (unsigned), or to the last one.
row('switch', 'i', '', 'ke')
row('return', '', '', 'kn')
// Traps with reason aux.
row('unreachable', '', '', 'k')
row('return_call', '', '', 'ks')
row('return_call.import', '', '', 'ks')
row('return_call.ref', 'r', '', 'ks')

export const OP_ROWS: readonly OpRow[] = rows
