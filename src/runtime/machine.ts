// The machine: memory that every tier shares. One set per JavaScript agent (main thread or worker), because these are
// module-level constants: V8 folds their data pointers and lengths into the optimised interpreter loop, which is worth 23 %
// (docs/interpreter.md). All are reserved large and touched lazily: resident memory grows with use.
//
//   CODE   register IR of all functions, 32-bit words, absolute pcs. Allocated by interp/code-arena.ts.
//   RS     register stack: frames, 8 bytes a slot (v128: two slots), references as a 32-bit word in the low half of a slot.
//          Views: R (Int32Array, index = slot * 2), RF (Float32Array, slot * 2), RD (Float64Array, slot), RQ (BigInt64Array, slot),
//          RU8 and RDV for everything else. Little-endian hosts only (checked at load).
//   FS     frame stack: one record of FRAME_WORDS per active frame, see `Frame`.
//   FUNC   function records, FUNC_WORDS each, see `Func`. Index of a record = function id, `fid`.
//   CTX    registers of the machine when no loop runs: where to resume, why it exited.
//
// Frame of a function (slots from fp upwards):
//
//   fp + 0 ...            parameters, then declared locals (v128 takes two slots)
//   fp + localSlots ...   operand stack, each entry at a fixed slot given by the entries below it
//   fp + frameSlots       end; a callee's frame starts at its first argument, inside the caller's operand stack:
//
//        caller:  | locals | operands ...  | arg0 | arg1 |
//        callee:                           | fp+0 | fp+1 | locals | operands ...
//                                          results return to fp+0 ... and so lie where the arguments were
//
// References (32-bit words), told apart by their low three bits, so that a word describes itself:
//
//   0            null (of every type)
//   xxx...xx1    i31: value << 1 | 1
//   fid  << 3 | 2   function: index of its record in FUNC
//   h    << 3 | 6   host value: index in the store's handle table (externref from JavaScript)
//   off  (000)   object in the store's GC heap: byte offset, multiple of 8, never 0 (struct, array, exception)

import { CODE_WORDS, FRAME_WORDS, FUNC_WORDS_LOG2, MAX_FRAMES, MAX_FUNCS, STACK_SLOTS } from './machine-format.ts'

export * from './machine-format.ts'

/** Words behind the last pc, so that an instruction's operand words are inside the array whatever its pc. */
const CODE_MARGIN = 16
if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) throw new Error('zwasm needs a little-endian host')

/**
 * Memory for an arena. Shared where the host has it, although no other thread sees it: V8 allocates a large ArrayBuffer against its
 * garbage collector's budget, which costs 4 to 8 ms and three collections at start-up; a shared one costs 0.05 ms.
 */
function reserve(bytes: number): ArrayBuffer {
  return typeof SharedArrayBuffer === 'undefined'
    ? new ArrayBuffer(bytes)
    : (new SharedArrayBuffer(bytes) as unknown as ArrayBuffer)
}

export const CODE = new Int32Array(reserve((CODE_WORDS + CODE_MARGIN) * 4))
const stack = reserve(STACK_SLOTS * 8)
export const R = new Int32Array(stack)
export const RF = new Float32Array(stack)
export const RD = new Float64Array(stack)
export const RQ = new BigInt64Array(stack)
export const RU8 = new Uint8Array(stack)
export const RDV = new DataView(stack)
export const FS = new Int32Array(reserve(MAX_FRAMES * FRAME_WORDS * 4))
export const FUNC = new Int32Array(reserve((MAX_FUNCS << FUNC_WORDS_LOG2) * 4))
export const CTX = new Int32Array(16)
