// Registers of x86-64 by their hardware numbers: what ModRM, SIB, REX and VEX hold.

/** General purpose registers. */
export const enum Reg {
  Rax,
  Rcx,
  Rdx,
  Rbx,
  Rsp,
  Rbp,
  Rsi,
  Rdi,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
}

/** Vector registers, which hold the floats too. */
export const enum Xmm {
  X0,
  X1,
  X2,
  X3,
  X4,
  X5,
  X6,
  X7,
  X8,
  X9,
  X10,
  X11,
  X12,
  X13,
  X14,
  X15,
}

/** No base or no index in a memory operand. Not a register number, and bit 3 is clear, so it asks for no REX bit. */
export const NO_REG = 16

/** Operand size of an instruction on general purpose registers: log2 of its bytes. */
export const enum Size {
  B,
  W,
  D,
  Q,
}

/** Condition codes as in the low four bits of jcc, setcc and cmovcc. `cond ^ 1` is the opposite. */
export const enum Cond {
  /** Overflow. */
  O,
  NO,
  /** Below (unsigned), carry. */
  B,
  AE,
  /** Equal, zero. */
  E,
  NE,
  BE,
  A,
  /** Sign. */
  S,
  NS,
  /** Parity; after ucomis: unordered. */
  P,
  NP,
  /** Less (signed). */
  L,
  GE,
  LE,
  G,
}

export const CONDITION_NAMES = 'o no b ae e ne be a s ns p np l ge le g'.split(' ')

const LEGACY = 'ax cx dx bx sp bp si di'.split(' ')
const NUMBERED = [8, 9, 10, 11, 12, 13, 14, 15].map((n) => `r${n}`)

/** Names by `Size`, then by register number. Byte registers are those of REX encodings (spl, not ah). */
export const REGISTER_NAMES: readonly (readonly string[])[] = [
  [...LEGACY.map((name) => (name.endsWith('x') ? `${name[0]}l` : `${name}l`)), ...NUMBERED.map((name) => `${name}b`)],
  [...LEGACY, ...NUMBERED.map((name) => `${name}w`)],
  [...LEGACY.map((name) => `e${name}`), ...NUMBERED.map((name) => `${name}d`)],
  [...LEGACY.map((name) => `r${name}`), ...NUMBERED],
]
