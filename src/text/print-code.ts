// Instruction sequences as text, flat or folded.

import { OP_OPERANDS, OP_RESULTS } from '../wasm/op-tables.ts'
import { BLOCK_EMPTY, BLOCK_INDEX, InstrReader } from '../wasm/instr-reader.ts'
import type { BranchHint } from '../wasm/branch-hints.ts'
import type { ConstExpr } from '../wasm/module.ts'
import { Op } from '../wasm/op.gen.ts'
import { InstructionPrinter } from './print-instruction.ts'
import type { Printer } from './printer.ts'

const isBlock = (op: number): boolean => op === Op.Block || op === Op.Loop || op === Op.If || op === Op.TryTable

/** Inserts the label behind the keyword of a block. */
function withLabel(text: string, label: string): string {
  if (label === '') return text
  const space = text.indexOf(' ')
  return space < 0 ? text + label : text.slice(0, space) + label + text.slice(space)
}

const printHint = (hint: BranchHint): string => `(@metadata.code.branch_hint "\\0${hint.likely ? 1 : 0}")`

/** Walks over code: keeps the labels in scope and hands out hints. */
class CodeWalk {
  readonly printer: InstructionPrinter
  readonly #hints: readonly BranchHint[]
  readonly #base: number
  #nextHint = 0
  /** Blocks so far. */
  blocks = 0
  op = 0
  /** Offset of the instruction in the module. */
  at = 0

  constructor(printer: InstructionPrinter, hints: readonly BranchHint[] | undefined, base: number) {
    this.printer = printer
    this.#hints = hints ?? []
    this.#base = base
  }

  /** The next instruction as flat text; for blocks with their label, which is in scope afterwards. */
  next(): string {
    const { printer } = this
    const op = (this.op = printer.reader.opcode())
    this.at = printer.reader.at
    const text = printer.print(op)
    if (op === Op.End) {
      printer.labels.pop()
      return text
    }
    if (!isBlock(op)) return text
    const block = this.blocks++
    const label = printer.labelBinding(block)
    printer.labels.push(block)
    return withLabel(text, label)
  }

  /** The hint of the instruction just read. */
  hint(): string | undefined {
    while (this.#nextHint < this.#hints.length) {
      const hint = this.#hints[this.#nextHint]
      const offset = this.#base + hint.offset
      if (offset > this.at) return undefined
      this.#nextHint++
      if (offset === this.at) return printHint(hint)
    }
    return undefined
  }
}

/** A constant expression on one line, in flat form. */
export function printConstExpr(p: Printer, expr: ConstExpr): string {
  const printer = new InstructionPrinter(p)
  printer.reader.pos = expr.start
  const walk = new CodeWalk(printer, undefined, 0)
  const parts: string[] = []
  while (printer.reader.pos < expr.end - 1) parts.push(walk.next())
  return parts.join(' ')
}

/** Whether a constant expression is one plain instruction, so that it may be written in parentheses. */
export function isSingleInstruction(p: Printer, expr: ConstExpr): boolean {
  if (expr.end - expr.start < 2) return false
  const reader = new InstrReader(p.module.bytes, expr.start)
  const op = reader.opcode()
  if (isBlock(op)) return false
  reader.skip(op)
  return reader.pos === expr.end - 1
}

/** The instructions from `start` to the last `end` before `end`, as lines from depth 2 on. */
export function printBody(
  p: Printer,
  printer: InstructionPrinter,
  start: number,
  end: number,
  hints: readonly BranchHint[] | undefined,
  bodyStart: number,
): void {
  printer.reader.pos = start
  const walk = new CodeWalk(printer, hints, bodyStart)
  if (p.options.fold) new Folder(p, walk, end - 1).run()
  else printFlat(p, walk, end - 1)
}

/** Depth of a body's lines. */
const BODY_DEPTH = 2

function printFlat(p: Printer, walk: CodeWalk, end: number): void {
  const { reader, labels } = walk.printer
  while (reader.pos < end) {
    const text = walk.next()
    const hint = walk.hint()
    const block = isBlock(walk.op)
    const depth = BODY_DEPTH + labels.length - (block || walk.op === Op.Else ? 1 : 0)
    if (hint !== undefined) p.line(depth, hint)
    p.line(depth, block ? `${text} ;; label = @${labels.length}` : text, walk.at)
  }
}

/**
 * Folding. An item is a complete expression: a plain instruction with the items that are its operands before it, or a block up
 * to its `end`. Which items become operands is a matter of taste only, because an item always runs before what folds it; so
 * counts of operands and results suffice, and where they are not known, nothing is folded.
 *
 * Items are contiguous in the code. In the columns below, an item is known by its last instruction (for a block its `end`).
 */
class Folder {
  readonly #p: Printer
  readonly #walk: CodeWalk
  readonly #end: number
  readonly #texts: string[] = []
  readonly #offsets: number[] = []
  readonly #hints: (string | undefined)[] = []
  /** First instruction of the item; -1 for the beginning of a block and `else`, which are parts of an item. */
  readonly #start: number[] = []
  /** Values that the item leaves. */
  readonly #results: number[] = []
  /** Of a block's `end`: its beginning; of other instructions -1. */
  readonly #open: number[] = []
  /** Of the `end` of an `if`: its `else`, or -1. */
  readonly #else: number[] = []
  /** Characters of the item on one line; `Infinity` if it must not be on one. */
  readonly #width: number[] = []
  /** Open blocks: index of the beginning, of the `else`, and whether it is an `if`. */
  readonly #blocks: { open: number; otherwise: number; isIf: boolean }[] = []

  constructor(p: Printer, walk: CodeWalk, end: number) {
    this.#p = p
    this.#walk = walk
    this.#end = end
  }

  run(): void {
    this.#read()
    this.#write()
  }

  #read(): void {
    const walk = this.#walk
    const reader = walk.printer.reader
    while (reader.pos < this.#end) {
      const arity = new Arity(this.#p, reader)
      const i = this.#texts.length
      this.#texts.push(walk.next())
      this.#offsets.push(walk.at)
      this.#hints.push(walk.hint())
      this.#else.push(-1)
      if (isBlock(walk.op)) {
        this.#column(-1, arity.results, -1)
        this.#blocks.push({ open: i, otherwise: -1, isIf: walk.op === Op.If })
      } else if (walk.op === Op.Else) {
        this.#column(-1, 0, -1)
        const block = this.#blocks.at(-1)
        if (block !== undefined) block.otherwise = i
      } else if (walk.op === Op.End) {
        const block = this.#blocks.pop()!
        const start = block.isIf ? this.#operands(block.open, 1) : block.open
        this.#column(start, this.#results[block.open], block.open)
        this.#else[i] = block.otherwise
      } else this.#column(this.#operands(i, arity.operands), arity.results, -1)
    }
  }

  #column(start: number, results: number, open: number): void {
    const i = this.#start.length
    this.#start.push(start)
    this.#results.push(results)
    this.#open.push(open)
    this.#width.push(start < 0 || open >= 0 || this.#hints[i] !== undefined ? Infinity : this.#lineWidth(i))
  }

  /** Characters of a plain item: its own text in parentheses, and its operands with a space each. */
  #lineWidth(item: number): number {
    let width = this.#texts[item].length + 2
    for (let operand = item - 1; operand >= this.#start[item]; operand = this.#start[operand] - 1) {
      width += this.#width[operand] + 1
    }
    return width
  }

  /** An item on one line; its width bounds the recursion. */
  #onLine(item: number): string {
    let operands = ''
    for (let operand = item - 1; operand >= this.#start[item]; operand = this.#start[operand] - 1) {
      operands = ` ${this.#onLine(operand)}${operands}`
    }
    return `(${this.#texts[item]}${operands})`
  }

  /** The first instruction of the up to `count` items before instruction i that give one value each. */
  #operands(i: number, count: number): number {
    let first = i
    for (; count > 0; count--) {
      const item = first - 1
      if (item < 0 || this.#start[item] < 0 || this.#results[item] !== 1) break
      first = this.#start[item]
    }
    return first
  }

  /** Writes all items with an explicit stack of what is still to write. */
  #write(): void {
    // An entry is an item (>= 0), or one of `CLOSE`, `THEN` and `ELSE`.
    const stack: number[] = []
    const depths: number[] = []
    const push = (entry: number, depth: number): void => {
      stack.push(entry)
      depths.push(depth)
    }
    /** Pushes the items in [from, to), so that the first one is on top. */
    const pushItems = (from: number, to: number, depth: number): void => {
      for (let item = to - 1; item >= from; item = this.#start[item] - 1) push(item, depth)
    }
    const pushBranch = (mark: number, from: number, to: number, depth: number): void => {
      if (from === to) return push(mark - EMPTY, depth)
      push(CLOSE, depth)
      pushItems(from, to, depth + 1)
      push(mark, depth)
    }
    // Offsets stand in front of lines, so with them every instruction gets a line.
    const maxWidth = this.#p.options.offsets ? 0 : MAX_WIDTH
    pushItems(0, this.#texts.length, BODY_DEPTH)
    while (stack.length > 0) {
      const item = stack.pop()!
      const depth = depths.pop()!
      if (item < 0) {
        this.#p.line(depth, MARKS[-item - 1])
        continue
      }
      const open = this.#open[item]
      const head = open < 0 ? item : open
      if (this.#hints[head] !== undefined) this.#p.line(depth, this.#hints[head]!)
      const text = this.#texts[head]
      if ((open < 0 && this.#start[item] === item) || this.#width[item] <= maxWidth) {
        this.#p.line(depth, this.#onLine(item), this.#offsets[head])
        continue
      }
      if (open >= 0 && open === item - 1 && !/^if\b/.test(text)) {
        this.#p.line(depth, `(${text})`, this.#offsets[head])
        continue
      }
      this.#p.line(depth, `(${text}`, this.#offsets[head])
      push(CLOSE, depth)
      if (open < 0) pushItems(this.#start[item], item, depth + 1)
      else if (!/^if\b/.test(text)) pushItems(open + 1, item, depth + 1)
      else {
        const otherwise = this.#else[item]
        if (otherwise >= 0) pushBranch(ELSE, otherwise + 1, item, depth + 1)
        pushBranch(THEN, open + 1, otherwise < 0 ? item : otherwise, depth + 1)
        pushItems(this.#start[item], open, depth + 1)
      }
    }
  }
}

/** Entries of the folder's stack that are no items: -1 - (index in `MARKS`). */
const MARKS = [')', '(then', '(else', '(then)', '(else)'] as const
const CLOSE = -1
const THEN = -2
const ELSE = -3
/** From `THEN` and `ELSE` to those of empty branches. */
const EMPTY = 2

/** Expressions up to this width (without indentation) stand on one line. */
const MAX_WIDTH = 72

/** How many operands and results the next instruction has; 0 for what is not known. */
class Arity {
  operands = 0
  results = 0

  constructor(p: Printer, from: InstrReader) {
    const reader = new InstrReader(from.bytes, from.pos)
    const op = reader.opcode()
    for (let rest = OP_OPERANDS[op]; rest !== 0; rest >>= 4) this.operands++
    for (let rest = OP_RESULTS[op]; rest !== 0; rest >>= 4) this.results++
    const set = (operands: number, results: number): void => {
      this.operands = operands
      this.results = results
    }
    const call = (type: number, extra: number, returns: boolean): void => {
      const func = p.funcType(type)
      if (func !== undefined) set(func.params.length + extra, returns ? func.results.length : 0)
    }
    switch (op) {
      case Op.Block:
      case Op.Loop:
      case Op.If:
      case Op.TryTable: {
        const type = reader.blockType()
        this.results =
          type === BLOCK_EMPTY ? 0 : type < BLOCK_INDEX ? 1 : (p.funcType(type - BLOCK_INDEX)?.results.length ?? 0)
        break
      }
      case Op.LocalGet:
      case Op.GlobalGet:
      case Op.RefNull:
      case Op.RefFunc:
      case Op.TableSize:
      case Op.MemorySize:
      case Op.StructNewDefault:
      case Op.I32Const:
      case Op.I64Const:
      case Op.F32Const:
      case Op.F64Const:
      case Op.V128Const:
        set(0, 1)
        break
      case Op.LocalSet:
      case Op.GlobalSet:
      case Op.Drop:
      case Op.BrIf:
      case Op.BrTable:
      case Op.ThrowRef:
      case Op.BrOnNonNull:
        set(1, 0)
        break
      case Op.LocalTee:
      case Op.MemoryGrow:
      case Op.TableGet:
      case Op.RefIsNull:
      case Op.RefAsNonNull:
      case Op.BrOnNull:
      case Op.RefTest:
      case Op.RefTestNull:
      case Op.RefCast:
      case Op.RefCastNull:
      case Op.BrOnCast:
      case Op.BrOnCastFail:
      case Op.StructGet:
      case Op.StructGetS:
      case Op.StructGetU:
      case Op.ArrayNewDefault:
      case Op.ArrayLen:
      case Op.AnyConvertExtern:
      case Op.ExternConvertAny:
      case Op.RefI31:
      case Op.I31GetS:
      case Op.I31GetU:
        set(1, 1)
        break
      case Op.RefEq:
      case Op.TableGrow:
      case Op.ArrayNew:
      case Op.ArrayNewData:
      case Op.ArrayNewElem:
      case Op.ArrayGet:
      case Op.ArrayGetS:
      case Op.ArrayGetU:
        set(2, 1)
        break
      case Op.TableSet:
      case Op.StructSet:
        set(2, 0)
        break
      case Op.Select:
      case Op.SelectTyped:
        set(3, 1)
        break
      case Op.MemoryInit:
      case Op.MemoryCopy:
      case Op.MemoryFill:
      case Op.TableInit:
      case Op.TableCopy:
      case Op.TableFill:
      case Op.ArraySet:
        set(3, 0)
        break
      case Op.ArrayFill:
      case Op.ArrayInitData:
      case Op.ArrayInitElem:
        set(4, 0)
        break
      case Op.ArrayCopy:
        set(5, 0)
        break
      case Op.Call:
      case Op.ReturnCall:
        call(p.module.funcs[reader.u32()], 0, op === Op.Call)
        break
      case Op.CallIndirect:
      case Op.ReturnCallIndirect:
      case Op.CallRef:
      case Op.ReturnCallRef:
        call(reader.u32(), 1, op === Op.CallIndirect || op === Op.CallRef)
        break
      case Op.Throw:
        call(p.module.tags[reader.u32()], 0, false)
        break
      case Op.StructNew: {
        const type = p.module.types[reader.u32()]
        set(type?.kind === 'struct' ? type.fields.length : 0, 1)
        break
      }
      case Op.ArrayNewFixed:
        reader.u32()
        set(reader.u32(), 1)
        break
    }
  }
}
