// The register-IR table: every op of the interpreter's loop, once. scripts/gen.mjs derives from it the `Ir` enum, the lookup
// tables of the IR builder (src/interp/ir.gen.ts) and the loop itself (src/interp/loop.gen.ts); the printer uses it as it is.
// Only the build and the printer load this module.
//
// Row: name, operand letters (one CODE word each, behind the op word), body.
//
// Operand letters: d result slot; a b c operand slots; e second result slot; n raw word; k 32-bit constant; l h low and high word of
// a 64-bit constant; o memory offset (u32); t branch target (absolute pc); * = variable number of words follow.
//
// In a body X(w) stands for operand w: I int32, U its unsigned value, H high int32 of a 64-bit slot, F f32, D f64, Q i64 (BigInt), W the
// raw word. A body ends by falling through to the next instruction, unless it says `continue` (pc is set) or `break`: leaving the
// switch with `code` > 0 is a trap with that TrapCode, with `code` < 0 an action of the loop's tail (see gen/loop-template.ts).
//
// A name that is also the text name of a Wasm instruction is what the builder emits for that instruction (operands in stack
// order, result d). `NAME_k` takes its last operand from the constant; `br.NAME` / `br_not.NAME` are compare-and-branch forms, found by
// name. Wasm instructions without a row go to the cold ops (README.md).

export interface IrRow {
  readonly name: string
  readonly operands: string
  readonly body: string
}

const rows: IrRow[] = []
const row = (name: string, operands: string, body: string): void => void rows.push({ name, operands, body })

// ---- frames of the machine: fixed code at the bottom of the arena (machine.ts `Pc`) -----------------------------------
row('exit.none', '', 'throw new Error("BUG: pc 0 reached")')
row('exit.done', '', 'EXIT(0)')
row('exit.build', '', 'EXIT(4)')
row('exit.host', '', 'EXIT(3)')

// ---- moves and constants ---------------------------------------------------------------------------------------------
// Copies go through int32 halves: a float copy may quiet a signalling NaN, depending on V8's tier (docs/interpreter.md).
row('mov32', 'da', 'I(d) = I(a)')
row('mov64', 'da', 'I(d) = I(a); H(d) = H(a)')
row('mov128', 'da', 'x = (fp + W(a)) << 1; y = (fp + W(d)) << 1; i = R[x + 1]; j = R[x + 2]; ea = R[x + 3]; R[y] = R[x]; R[y + 1] = i; R[y + 2] = j; R[y + 3] = ea')
row('const32', 'dk', 'I(d) = W(k)')
row('const64', 'dlh', 'I(d) = W(l); H(d) = W(h)')
row('zero', 'dn', 'x = (fp + W(d)) << 1; R.fill(0, x, x + (W(n) << 1))')
row('select32', 'dabc', 'I(d) = I(c) !== 0 ? I(a) : I(b)')
row('select64', 'dabc', 'x = (fp + (I(c) !== 0 ? W(a) : W(b))) << 1; I(d) = R[x]; H(d) = R[x + 1]')
row('global.get32', 'dn', 'I(d) = G[W(n)]')
row('global.get64', 'dn', 'x = W(n); I(d) = G[x]; H(d) = G[x + 1]')
row('global.set32', 'an', 'G[W(n)] = I(a)')
row('global.set64', 'an', 'x = W(n); G[x] = I(a); G[x + 1] = H(a)')
// n: global index, m: 32-bit words to copy (1, 2 or 4). The general form: imported globals, v128.
row('global.get', 'dnm', 'global = instance.globals[W(n)]; x = (fp + W(d)) << 1; for (i = 0; i < W(m); i++) R[x + i] = global.cells[global.at + i]')
row('global.set', 'anm', 'global = instance.globals[W(n)]; x = (fp + W(a)) << 1; for (i = 0; i < W(m); i++) global.cells[global.at + i] = R[x + i]')
row('ref.func', 'dn', 'I(d) = (instance.funcIds[W(n)] << 3) | 2')
row('ref.is_null', 'da', 'I(d) = I(a) === 0 ? 1 : 0')
row('ref.as_non_null', 'da', 'i = I(a); if (i === 0) { code = 13; break }; I(d) = i')
row('ref.i31', 'da', 'I(d) = (I(a) << 1) | 1')
row('i31.get_s', 'da', 'i = I(a); if (i === 0) { code = 17; break }; I(d) = i >> 1')
row('i31.get_u', 'da', 'i = I(a); if (i === 0) { code = 17; break }; I(d) = i >>> 1')
row('ref.eq', 'dab', 'I(d) = I(a) === I(b) ? 1 : 0')

// ---- branches and calls ----------------------------------------------------------------------------------------------
// JUMP(t) goes to the target and does the bookkeeping of the instantiation (gen/index.ts): the fast loop counts down a slice, the
// metered one takes the fuel that the word in front of the target says.
const JUMP = 'JUMP(t)'
row('br', 't', JUMP)
row('br_if', 'at', 'if (I(a) !== 0) ' + JUMP)
row('br_unless', 'at', 'if (I(a) === 0) ' + JUMP)
// n targets, then the default target.
row('br_table', 'an*', 'i = U(a); if (i > W(n)) i = W(n); pc = CODE[pc + 3 + i]; ARRIVE')
// Fuel of the segment that starts behind (metered code only, builder.ts `startSegment`).
row('fuel', 'n', 'pc = pc + 2; ARRIVE')
row('unreachable', '', 'code = 1; break')
// n: function index << 3. b: slot of the first argument, where the callee's frame starts.
row('call', 'nb', `x = (funcBase + W(n)) | 0; y = (fp + W(b)) | 0
  if (y + FUNC[x + 4] > stackEnd || fsp >= frameEnd) { code = 10; break }
  fsp = (fsp + 4) | 0; FS[fsp] = x >> 3; FS[fsp + 1] = pc + 3; FS[fsp + 2] = y - fp; FS[fsp + 3] = 0
  fp = y; pc = FUNC[x]; CALLED`)
row('call.import', 'nb', 'x = instance.funcIds[W(n)] << 3; j = W(b); ea = pc + 3; code = -1; break')
// a: index, b: base, n: table, m: canonical type id
row('call_indirect', 'abnm', `table = instance.tables[W(n)]; i = U(a)
  if (i >= table.size) { code = 4; break }
  i = table.words[i]
  if (i === 0) { code = 5; break }
  x = (i >>> 3) << 3
  if (FUNC[x + 2] !== W(m) && !isSubtypeId(FUNC[x + 2], W(m))) { code = 6; break }
  j = W(b); ea = pc + 5; code = -1; break`)
row('call_ref', 'ab', 'i = I(a); if (i === 0) { code = 14; break }; x = (i >>> 3) << 3; j = W(b); ea = pc + 3; code = -1; break')
// m: number of argument slots to move down to slot 0
row('return_call', 'nbm', 'x = funcBase + W(n); i = W(b); j = W(m); code = -2; break')
row('return_call.import', 'nbm', 'x = instance.funcIds[W(n)] << 3; i = W(b); j = W(m); code = -2; break')
row('return_call_indirect', 'abcnm', `table = instance.tables[W(n)]; i = U(a)
  if (i >= table.size) { code = 4; break }
  i = table.words[i]
  if (i === 0) { code = 5; break }
  x = (i >>> 3) << 3
  if (FUNC[x + 2] !== W(m) && !isSubtypeId(FUNC[x + 2], W(m))) { code = 6; break }
  i = W(b); j = W(c); code = -2; break`)
row('return_call_ref', 'abm', 'i = I(a); if (i === 0) { code = 14; break }; x = (i >>> 3) << 3; i = W(b); j = W(m); code = -2; break')
const RETURN = 'pc = FS[fsp + 1]; fp = (fp - FS[fsp + 2]) | 0; fsp = (fsp - 4) | 0; if (FS[fsp + 7] !== 0) { code = -3; break }; continue'
row('return', '', RETURN)
row('return32', 'a', `R[fp << 1] = I(a); ${RETURN}`)
row('return64', 'a', `R[fp << 1] = I(a); R[(fp << 1) + 1] = H(a); ${RETURN}`)
row('return32_k', 'k', `R[fp << 1] = W(k); ${RETURN}`)
// Saturates an i64 table index to u32, so that the 32-bit forms can be used: no table has 2^32 - 1 elements.
row('index64', 'da', 'I(d) = H(a) !== 0 ? -1 : I(a)')

// ---- i32 ---------------------------------------------------------------------------------------------------------------
const i32Binary: [string, string, boolean][] = [
  ['i32.add', 'I(a) + $', true],
  ['i32.sub', 'I(a) - $', false],
  ['i32.mul', 'Math.imul(I(a), $)', true],
  ['i32.and', 'I(a) & $', true],
  ['i32.or', 'I(a) | $', true],
  ['i32.xor', 'I(a) ^ $', true],
  ['i32.shl', 'I(a) << $', false],
  ['i32.shr_s', 'I(a) >> $', false],
  ['i32.shr_u', 'I(a) >>> $', false],
  ['i32.rotl', 'I(a) << $ | I(a) >>> (32 - $)', false],
]
for (const [name, expr] of i32Binary) {
  if (name === 'i32.rotl') {
    row(name, 'dab', 'i = I(b); I(d) = (I(a) << i) | (I(a) >>> (32 - i))')
    row(name + '_k', 'dak', 'i = W(k); I(d) = (I(a) << i) | (I(a) >>> (32 - i))')
    continue
  }
  row(name, 'dab', `I(d) = (${expr.replaceAll('$', 'I(b)')}) | 0`)
  if (name !== 'i32.sub') row(name + '_k', 'dak', `I(d) = (${expr.replaceAll('$', 'W(k)')}) | 0`)
}
// Address arithmetic: a + (b << k).
row('i32.add_shl', 'dabk', 'I(d) = (I(a) + (I(b) << W(k))) | 0')
row('i32.rotr', 'dab', 'i = I(b); I(d) = (I(a) >>> i) | (I(a) << (32 - i))')
row('i32.div_s', 'dab', 'j = I(b); if (j === 0) { code = 7; break }; i = I(a); if (j === -1 && i === -2147483648) { code = 8; break }; I(d) = (i / j) | 0')
row('i32.div_u', 'dab', 'j = I(b); if (j === 0) { code = 7; break }; I(d) = (U(a) / (j >>> 0)) | 0')
row('i32.rem_s', 'dab', 'j = I(b); if (j === 0) { code = 7; break }; I(d) = (I(a) % j) | 0')
row('i32.rem_u', 'dab', 'j = I(b); if (j === 0) { code = 7; break }; I(d) = (U(a) % (j >>> 0)) | 0')
// Constant divisors: never 0 (the builder sees to it), for div_s also never -1.
row('i32.div_s_k', 'dak', 'I(d) = (I(a) / W(k)) | 0')
row('i32.div_u_k', 'dak', 'I(d) = (U(a) / (W(k) >>> 0)) | 0')
row('i32.rem_s_k', 'dak', 'I(d) = (I(a) % W(k)) | 0')
row('i32.rem_u_k', 'dak', 'I(d) = (U(a) % (W(k) >>> 0)) | 0')
row('i32.clz', 'da', 'I(d) = Math.clz32(I(a))')
row('i32.ctz', 'da', 'i = I(a); I(d) = i === 0 ? 32 : 31 - Math.clz32(i & -i)')
row('i32.extend8_s', 'da', 'I(d) = (I(a) << 24) >> 24')
row('i32.extend16_s', 'da', 'I(d) = (I(a) << 16) >> 16')

const signed: [string, string][] = [['eq', '==='], ['ne', '!=='], ['lt_s', '<'], ['gt_s', '>'], ['le_s', '<='], ['ge_s', '>=']]
const unsigned: [string, string][] = [['lt_u', '<'], ['gt_u', '>'], ['le_u', '<='], ['ge_u', '>=']]
const compare = (name: string, operands: string, test: string, branches: boolean): void => {
  row(name, 'd' + operands, `I(d) = ${test} ? 1 : 0`)
  if (branches) row('br.' + name, operands + 't', `if (${test}) ${JUMP}`)
}
row('i32.eqz', 'da', 'I(d) = I(a) === 0 ? 1 : 0')
for (const [op, js] of signed) {
  compare('i32.' + op, 'ab', `I(a) ${js} I(b)`, true)
  compare(`i32.${op}_k`, 'ak', `I(a) ${js} W(k)`, true)
}
for (const [op, js] of unsigned) {
  compare('i32.' + op, 'ab', `U(a) ${js} U(b)`, true)
  compare(`i32.${op}_k`, 'ak', `U(a) ${js} (W(k) >>> 0)`, true)
}

// Loop latches: add_k to a local in place, then branch on its new value (found by name: latch.COMPARE).
const latch = (name: string, operands: string, test: string): void =>
  row('latch.' + name, `ak${operands}t`, `i = (I(a) + W(k)) | 0; I(a) = i; if (${test}) ${JUMP}`)
latch('br_if', '', 'i !== 0')
latch('br.i32.ne', 'b', 'i !== I(b)')
latch('br.i32.ne_k', 'n', 'i !== W(n)')
latch('br.i32.lt_s', 'b', 'i < I(b)')
latch('br.i32.lt_s_k', 'n', 'i < W(n)')
latch('br.i32.lt_u', 'b', '(i >>> 0) < U(b)')
latch('br.i32.lt_u_k', 'n', '(i >>> 0) < (W(n) >>> 0)')

// ---- i64: BigInt for what carries, int32 halves for the rest (docs/interpreter.md) -----------------------------------------
row('i64.add', 'dab', 'Q(d) = BigInt.asIntN(64, Q(a) + Q(b))')
row('i64.sub', 'dab', 'Q(d) = BigInt.asIntN(64, Q(a) - Q(b))')
row('i64.mul', 'dab', 'Q(d) = BigInt.asIntN(64, Q(a) * Q(b))')
row('i64.add_k', 'dalh', 'y = U(a) + (W(l) >>> 0); H(d) = H(a) + W(h) + (y > 4294967295 ? 1 : 0); I(d) = y')
for (const [op, js] of [['and', '&'], ['or', '|'], ['xor', '^']]) {
  row('i64.' + op, 'dab', `i = I(a) ${js} I(b); H(d) = H(a) ${js} H(b); I(d) = i`)
  row(`i64.${op}_k`, 'dalh', `I(d) = I(a) ${js} W(l); H(d) = H(a) ${js} W(h)`)
}
row('i64.div_u', 'dab', 'if (I(b) === 0 && H(b) === 0) { code = 7; break }; Q(d) = BigInt.asIntN(64, BigInt.asUintN(64, Q(a)) / BigInt.asUintN(64, Q(b)))')
row('i64.rem_u', 'dab', 'if (I(b) === 0 && H(b) === 0) { code = 7; break }; Q(d) = BigInt.asIntN(64, BigInt.asUintN(64, Q(a)) % BigInt.asUintN(64, Q(b)))')
// Shifts: n = count & 63; lo, hi halves. (x << 1) << (31 - n) is x << (32 - n) without the case n = 0.
const shl = (n: string): string =>
  `n = ${n} & 63; i = I(a); j = H(a); if (n >= 32) { I(d) = 0; H(d) = i << n } else { I(d) = i << n; H(d) = (j << n) | ((i >>> 1) >>> (31 - n)) }`
const shr = (n: string, js: string, fill: string): string =>
  `n = ${n} & 63; i = I(a); j = H(a); if (n >= 32) { I(d) = j ${js} n; H(d) = ${fill} } else { I(d) = (i >>> n) | ((j << 1) << (31 - n)); H(d) = j ${js} n }`
row('i64.shl', 'dab', shl('I(b)'))
row('i64.shl_k', 'dalh', shl('W(l)'))
row('i64.shr_s', 'dab', shr('I(b)', '>>', 'j >> 31'))
row('i64.shr_s_k', 'dalh', shr('W(l)', '>>', 'j >> 31'))
row('i64.shr_u', 'dab', shr('I(b)', '>>>', '0'))
row('i64.shr_u_k', 'dalh', shr('W(l)', '>>>', '0'))
const rot = (n: string): string =>
  `n = ${n} & 63; i = I(a); j = H(a); if (n >= 32) { x = i; i = j; j = x; n -= 32 } I(d) = (i << n) | ((j >>> 1) >>> (31 - n)); H(d) = (j << n) | ((i >>> 1) >>> (31 - n))`
row('i64.rotl', 'dab', rot('I(b)'))
row('i64.rotl_k', 'dalh', rot('W(l)'))
row('i64.rotr', 'dab', rot('(64 - I(b))'))
row('i64.eqz', 'da', 'I(d) = (I(a) | H(a)) === 0 ? 1 : 0')
row('br.i64.eqz', 'at', 'if ((I(a) | H(a)) === 0) ' + JUMP)
row('br_not.i64.eqz', 'at', 'if ((I(a) | H(a)) !== 0) ' + JUMP)
compare('i64.eq', 'ab', '(I(a) === I(b) && H(a) === H(b))', true)
compare('i64.ne', 'ab', '(I(a) !== I(b) || H(a) !== H(b))', true)
compare('i64.eq_k', 'alh', '(I(a) === W(l) && H(a) === W(h))', true)
compare('i64.ne_k', 'alh', '(I(a) !== W(l) || H(a) !== W(h))', true)
for (const [op, js] of signed.slice(2)) compare('i64.' + op, 'ab', `Q(a) ${js} Q(b)`, true)
for (const [op, js] of unsigned) compare('i64.' + op, 'ab', `(H(a) === H(b) ? U(a) ${js} U(b) : (H(a) >>> 0) ${js[0]} (H(b) >>> 0))`, true)
// Ordered compares with a constant were left out: they are rare, and 16 rows of bytecode.

// ---- floats ------------------------------------------------------------------------------------------------------------
const floatCompare: [string, string][] = [['eq', '==='], ['ne', '!=='], ['lt', '<'], ['gt', '>'], ['le', '<='], ['ge', '>=']]
for (const [type, X] of [['f32', 'F'], ['f64', 'D']]) {
  for (const [op, js] of [['add', '+'], ['sub', '-'], ['mul', '*'], ['div', '/']]) row(`${type}.${op}`, 'dab', `${X}(d) = ${X}(a) ${js} ${X}(b)`)
  row(`${type}.min`, 'dab', `${X}(d) = Math.min(${X}(a), ${X}(b))`)
  row(`${type}.max`, 'dab', `${X}(d) = Math.max(${X}(a), ${X}(b))`)
  row(`${type}.sqrt`, 'da', `${X}(d) = Math.sqrt(${X}(a))`)
  for (const [op, js] of floatCompare) {
    const test = `${X}(a) ${js} ${X}(b)`
    compare(`${type}.${op}`, 'ab', test, true)
    // Not the inverse compare: false for NaN too.
    if (op !== 'eq' && op !== 'ne') row(`br_not.${type}.${op}`, 'abt', `if (!(${test})) ${JUMP}`)
  }
}
// c + a * b and c - a * b, rounded twice like the pair they replace.
row('f64.add_mul', 'dabc', 'D(d) = D(c) + D(a) * D(b)')
row('f64.sub_mul', 'dabc', 'D(d) = D(c) - D(a) * D(b)')
row('f32.abs', 'da', 'I(d) = I(a) & 2147483647')
row('f32.neg', 'da', 'I(d) = I(a) ^ -2147483648')
row('f64.abs', 'da', 'I(d) = I(a); H(d) = H(a) & 2147483647')
row('f64.neg', 'da', 'I(d) = I(a); H(d) = H(a) ^ -2147483648')
// A signalling NaN must leave quiet, in every tier of V8: NaNs take the bit path.
row('f64.floor', 'da', 'z = D(a); if (z === z) D(d) = Math.floor(z); else { I(d) = I(a); H(d) = H(a) | 524288 }')

// ---- conversions ---------------------------------------------------------------------------------------------------------
// i32.wrap_i64 and the reinterpretations are no instructions: the builder only changes the kind of the stack entry.
row('i64.extend_i32_s', 'da', 'i = I(a); I(d) = i; H(d) = i >> 31')
row('i64.extend_i32_u', 'da', 'I(d) = I(a); H(d) = 0')
row('f32.convert_i32_s', 'da', 'F(d) = I(a)')
row('f32.convert_i32_u', 'da', 'F(d) = U(a)')
row('f64.convert_i32_s', 'da', 'D(d) = I(a)')
row('f64.convert_i32_u', 'da', 'D(d) = U(a)')
// One rounding only: both products and the low word are exact.
row('f64.convert_i64_s', 'da', 'D(d) = H(a) * 4294967296 + U(a)')
row('f64.convert_i64_u', 'da', 'D(d) = (H(a) >>> 0) * 4294967296 + U(a)')
row('f32.demote_f64', 'da', 'F(d) = D(a)')
row('f64.promote_f32', 'da', 'D(d) = F(a)')
const trunc = (X: string, low: string, high: string, store: string): string =>
  `z = ${X}(a); if (z !== z) { code = 9; break }; if (!(z ${low} && z < ${high})) { code = 8; break }; ${store}`
row('i32.trunc_f64_s', 'da', trunc('D', '> -2147483649', '2147483648', 'I(d) = z | 0'))

// ---- memory 0, 32-bit addresses -----------------------------------------------------------------------------------------------
// The effective address is an exact number up to 2^33; checked against the length before every access, so that V8 never sees an
// out-of-bounds access (a caught RangeError slows the site for ever).
const check = (size: number): string => `ea = U(a) + (W(o) >>> 0); if (ea > length - ${size}) { code = 2; break }`
const load = (name: string, size: number, body: string): void => row(name, 'dao', `${check(size)}; ${body}`)
const store = (name: string, size: number, body: string): void => row(name, 'abo', `${check(size)}; ${body}`)
load('i32.load', 4, 'I(d) = view.getInt32(ea, true)')
load('i32.load8_s', 1, 'I(d) = (bytes[ea] << 24) >> 24')
load('i32.load8_u', 1, 'I(d) = bytes[ea]')
load('i32.load16_s', 2, 'I(d) = view.getInt16(ea, true)')
load('i32.load16_u', 2, 'I(d) = view.getUint16(ea, true)')
load('i64.load', 8, 'I(d) = view.getInt32(ea, true); H(d) = view.getInt32(ea + 4, true)')
load('i64.load8_u', 1, 'I(d) = bytes[ea]; H(d) = 0')
load('i64.load32_s', 4, 'i = view.getInt32(ea, true); I(d) = i; H(d) = i >> 31')
load('i64.load32_u', 4, 'I(d) = view.getInt32(ea, true); H(d) = 0')
load('f32.load', 4, 'I(d) = view.getInt32(ea, true)')
load('f64.load', 8, 'I(d) = view.getInt32(ea, true); H(d) = view.getInt32(ea + 4, true)')
store('i32.store', 4, 'view.setInt32(ea, I(b), true)')
store('i32.store8', 1, 'bytes[ea] = I(b)')
store('i32.store16', 2, 'view.setInt16(ea, I(b), true)')
store('i64.store', 8, 'view.setInt32(ea, I(b), true); view.setInt32(ea + 4, H(b), true)')
store('i64.store32', 4, 'view.setInt32(ea, I(b), true)')
store('f32.store', 4, 'view.setInt32(ea, I(b), true)')
store('f64.store', 8, 'view.setInt32(ea, I(b), true); view.setInt32(ea + 4, H(b), true)')

// NAME_x: the address is the sum of two registers. NAME_k: the value is a constant.
const checkIndexed = (size: number): string => `ea = ((I(a) + I(b)) >>> 0) + (W(o) >>> 0); if (ea > length - ${size}) { code = 2; break }`
row('i32.load_x', 'dabo', `${checkIndexed(4)}; I(d) = view.getInt32(ea, true)`)
row('i32.load8_u_x', 'dabo', `${checkIndexed(1)}; I(d) = bytes[ea]`)
row('f64.load_x', 'dabo', `${checkIndexed(8)}; I(d) = view.getInt32(ea, true); H(d) = view.getInt32(ea + 4, true)`)
row('i32.store_k', 'ako', `${check(4)}; view.setInt32(ea, W(k), true)`)
row('i32.store8_k', 'ako', `${check(1)}; bytes[ea] = W(k)`)

export const IR_ROWS: readonly IrRow[] = rows

/** Wasm instructions that an op of another name performs: i64.extend32_s only looks at the low half. */
export const ALIASES: Readonly<Record<string, string>> = { 'i64.extend32_s': 'i64.extend_i32_s' }

/** Binary ops whose operands may change places. */
export const COMMUTATIVE = ['i32.add', 'i32.mul', 'i32.and', 'i32.or', 'i32.xor', 'i32.eq', 'i32.ne', 'i64.add', 'i64.and', 'i64.or', 'i64.xor', 'i64.eq', 'i64.ne']
