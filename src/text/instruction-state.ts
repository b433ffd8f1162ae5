// The stacks of the instruction parser. They live as long as the module's parser and are used again for every function.

import { ByteWriter } from '../util/byte-writer.ts'
import { growInt32 } from '../util/grow.ts'

/** What an open parenthesis or block of the instruction sequence is. */
export const enum FrameKind {
  /** A folded plain instruction; its operands follow. */
  Operands,
  /** A folded block, loop or try_table; its body follows. */
  Block,
  /** A folded `if` before `(then`: its operands. */
  IfOperands,
  Then,
  /** Behind `(then …)`. */
  ThenDone,
  Else,
  /** Behind `(else …)`. */
  ElseDone,
  /** A flat block, loop or try_table up to its `end`. */
  FlatBlock,
  FlatIf,
  FlatElse,
}

/** Fields of a frame. */
const enum Field {
  Kind,
  /** Where the instruction's bytes begin in `pending` (Operands, IfOperands). */
  Pending,
  /** Token of the instruction's keyword. */
  Token,
  /** Branch hint, or -1. */
  Hint,
  /** Symbol of its label (blocks and ifs). */
  Label,
  Size,
}

export class InstructionState {
  /** Bytes of folded instructions whose operands are still to come, innermost last. */
  readonly pending = new ByteWriter()
  #frames = new Int32Array(16 * Field.Size)
  depth = 0

  /** Symbols of the labels in scope, outermost first; 0 for labels without a name. */
  labels = new Int32Array(16)
  labelDepth = 0

  /** Blocks of this function so far, in the order of the binary: the index space of label names. */
  blockCount = 0
  /** (block index, symbol) pairs of this function's named labels. */
  labelNames: number[] = []
  /** (offset in the output, hint) pairs of this function's branch hints. */
  hints: number[] = []

  /** (offset in the output, offset in the text) pairs of all instructions, if wanted. */
  map: Int32Array<ArrayBuffer> | undefined
  mapLength = 0

  constructor(sourceMap: boolean) {
    if (sourceMap) this.map = new Int32Array(256)
  }

  /** Starts a function or constant expression. */
  reset(): void {
    this.depth = 0
    this.labelDepth = 0
    this.blockCount = 0
    this.labelNames.length = 0
    this.hints.length = 0
    this.pending.pos = 0
  }

  pushFrame(kind: FrameKind, pending: number, token: number, hint: number, label: number): void {
    const at = this.depth++ * Field.Size
    this.#frames = growInt32(this.#frames, at + Field.Size)
    this.#frames[at + Field.Kind] = kind
    this.#frames[at + Field.Pending] = pending
    this.#frames[at + Field.Token] = token
    this.#frames[at + Field.Hint] = hint
    this.#frames[at + Field.Label] = label
  }

  get topKind(): FrameKind {
    return this.#frames[(this.depth - 1) * Field.Size + Field.Kind]
  }
  set topKind(kind: FrameKind) {
    this.#frames[(this.depth - 1) * Field.Size + Field.Kind] = kind
  }
  get topPending(): number {
    return this.#frames[(this.depth - 1) * Field.Size + Field.Pending]
  }
  get topToken(): number {
    return this.#frames[(this.depth - 1) * Field.Size + Field.Token]
  }
  get topHint(): number {
    return this.#frames[(this.depth - 1) * Field.Size + Field.Hint]
  }
  get topLabel(): number {
    return this.#frames[(this.depth - 1) * Field.Size + Field.Label]
  }

  pushLabel(symbol: number): void {
    this.labels = growInt32(this.labels, this.labelDepth + 1)
    this.labels[this.labelDepth++] = symbol
    if (symbol !== 0) this.labelNames.push(this.blockCount, symbol)
    this.blockCount++
  }

  /** The depth of the innermost label with this symbol, or -1. */
  findLabel(symbol: number): number {
    for (let i = this.labelDepth - 1; i >= 0; i--) if (this.labels[i] === symbol) return this.labelDepth - 1 - i
    return -1
  }

  /** Notes where in the text the instruction at an output offset comes from. */
  mapInstruction(offset: number, textOffset: number): void {
    if (this.map === undefined) return
    this.map = growInt32(this.map, this.mapLength + 2)
    this.map[this.mapLength++] = offset
    this.map[this.mapLength++] = textOffset
  }
}
