// Machine code of single operations, run against V8: every numeric operation, operands in registers and as constants, edge values, with and
// without the processor's optional instructions. In a child process: a crash is a failed test.

import assert from 'node:assert/strict'
import { RegisterAllocator } from '../../src/codegen/regalloc/allocate.ts'
import { checkAllocation } from '../../src/codegen/regalloc/check.ts'
import { X64_REGISTERS } from '../../src/isa/x64/abi.ts'
import { Assembler } from '../../src/isa/x64/assembler.ts'
import { CodeEmitter, TRAP_WORDS } from '../../src/isa/x64/emit.ts'
import { BASELINE, type CpuFeatures } from '../../src/isa/x64/features.ts'
import { lower } from '../../src/isa/x64/lower.ts'
import { ExitCode, instanceLayout } from '../../src/native/layout.ts'
import type { Platform } from '../../src/native/platform.ts'
import { GUARDED_32, Reservation } from '../../src/native/reservation.ts'
import type { Graph } from '../../src/ssa/graph.ts'
import { Op } from '../../src/ssa/op.gen.ts'
import { OP_ROWS } from '../../src/ssa/ops.ts'
import { TrapReason, Type, TYPE_NAMES } from '../../src/ssa/types.ts'
import { parseWat } from '../../src/text/parse.ts'
import { edgeValues } from '../../fuzz/random.ts'
import { nativeTests, open } from '../native/harness.ts'
import { GraphBuilder } from './lower-graphs.ts'

interface HostWebAssembly {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: Record<string, (...args: (number | bigint)[]) => number | bigint> }
}
const host = (globalThis as unknown as { WebAssembly: HostWebAssembly }).WebAssembly

const LETTERS: Readonly<Record<string, Type>> = { i: Type.I32, l: Type.I64, f: Type.F32, d: Type.F64 }
const VALUES: Readonly<Record<number, readonly bigint[]>> = {
  [Type.I32]: edgeValues.i32.map((x) => BigInt.asUintN(32, BigInt(x))),
  [Type.I64]: edgeValues.i64.map((x) => BigInt.asUintN(64, x)),
  [Type.F32]: edgeValues.f32.map((x) => BigInt.asUintN(32, BigInt(x))),
  [Type.F64]: edgeValues.f64.map((x) => BigInt.asUintN(64, x)),
}

interface Operation {
  readonly name: string
  readonly op: Op
  readonly params: readonly Type[]
  readonly result: Type
}

/** The rows of the SSA table that are WebAssembly's numeric instructions. */
const OPERATIONS: readonly Operation[] = OP_ROWS.flatMap(([name, operands, result], op): Operation[] => {
  if (op < Op.I32Add || op >= Op.MemoryBase || op === Op.I64MulhiS || op === Op.I64MulhiU) return []
  return [{ name, op, params: [...operands].map((letter) => LETTERS[letter]), result: LETTERS[result] }]
})

const isFloat = (type: Type): boolean => type === Type.F32 || type === Type.F64
const bitsType = (type: Type): string => (type === Type.I32 || type === Type.F32 ? 'i32' : 'i64')

/** All operations as exports of one module; floats cross as their bits. */
function oracle(): Record<string, (...args: (number | bigint)[]) => number | bigint> {
  const functions = OPERATIONS.map(({ name, params, result }) => {
    const args = params.map((type, n) =>
      isFloat(type) ? `local.get ${n} ${TYPE_NAMES[type]}.reinterpret_${bitsType(type)}` : `local.get ${n}`,
    )
    const back = isFloat(result) ? `${bitsType(result)}.reinterpret_${TYPE_NAMES[result]}` : ''
    return `(func (export "${name}") (param ${params.map(bitsType).join(' ')}) (result ${bitsType(result)}) ${args.join(' ')} ${name} ${back})`
  })
  return new host.Instance(new host.Module(parseWat(`(module ${functions.join('\n')})`).bytes)).exports
}

const TARGET = {
  layout: instanceLayout({ importedFunctions: 0, globals: 0, importedGlobals: 0 }),
  importedGlobals: 0,
  index: 0,
  hasMemory: true,
  isCompiled: () => false,
}

interface Code {
  readonly address: number
  /** Offset of the faulting instruction to the trap's reason. */
  readonly traps: ReadonlyMap<number, number>
}

const allocator = new RegisterAllocator(X64_REGISTERS)
const assembler = new Assembler()
const emitter = new CodeEmitter(assembler)

function compile(platform: Platform, graph: Graph, features: CpuFeatures): Code {
  const target = { ...TARGET, features }
  const code = lower(graph, target)
  const allocation = allocator.allocate(code)
  checkAllocation(code, allocation, X64_REGISTERS)
  assembler.reset()
  emitter.emit(code, allocation, target)
  assembler.finish()
  assert.equal(assembler.relocations().count, 0)
  const chunk = platform.arena.install(assembler.bytes.slice(0, assembler.pos), () => {})
  assert.ok(chunk !== undefined)
  const traps = new Map<number, number>()
  for (let n = 0; n < emitter.trapCount; n++)
    traps.set(emitter.traps[n * TRAP_WORDS], emitter.traps[n * TRAP_WORDS + 1])
  return { address: chunk.address, traps }
}

/** The bits of the result, or `trap N`. */
function call(
  platform: Platform,
  code: Code,
  params: readonly Type[],
  args: readonly bigint[],
  result: Type,
  memory = 0,
  isVoid = false,
): bigint | string {
  const { agent } = platform
  const { sp } = agent
  let ints = 0
  let floats = 0
  args.forEach((bits, n) => {
    if (isFloat(params[n])) {
      agent.floatWords[4 * floats] = Number(BigInt.asIntN(32, bits))
      agent.floatWords[4 * floats++ + 1] = Number(BigInt.asIntN(32, bits >> 32n))
    } else agent.ints64[INT_ORDER[ints++]] = BigInt.asIntN(64, bits)
  })
  agent.start(code.address, 0, memory)
  const exit = agent.resume()
  if (exit === ExitCode.Trap) {
    agent.sp = sp
    return `trap ${code.traps.get(agent.fault().pc - code.address)}`
  }
  assert.equal(exit, ExitCode.Done)
  if (isVoid) return 0n
  if (!isFloat(result)) {
    const bits = BigInt.asUintN(64, agent.ints64[0])
    if (result === Type.I32) assert.equal(bits >> 32n, 0n, 'the upper half of an i32 is zero')
    return bits
  }
  const low = BigInt.asUintN(32, BigInt(agent.floatWords[0]))
  return result === Type.F32 ? low : low | (BigInt.asUintN(32, BigInt(agent.floatWords[1])) << 32n)
}

/** Words of the context are in the order of the convention. */
const INT_ORDER = [0, 1, 2, 3, 4, 5, 6, 7]

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/divide by zero|remainder by zero/, 'trap 7'],
  [/divide result unrepresentable/, 'trap 8'],
  [/float unrepresentable/, 'trap conversion'],
]

function expected(
  f: (...args: (number | bigint)[]) => number | bigint,
  params: readonly Type[],
  args: readonly bigint[],
): bigint | string {
  try {
    const result = f(...args.map((bits, n) => (bitsType(params[n]) === 'i32' ? Number(BigInt.asIntN(32, bits)) : bits)))
    return typeof result === 'number' ? BigInt.asUintN(32, BigInt(result)) : BigInt.asUintN(64, result)
  } catch (error) {
    return REASONS.find(([pattern]) => pattern.test(String(error)))?.[1] ?? String(error)
  }
}

const isNaNBits = (type: Type, bits: bigint | string): boolean =>
  typeof bits === 'bigint' &&
  (type === Type.F32
    ? (bits & 0x7fffffffn) > 0x7f800000n
    : type === Type.F64 && (bits & 0x7fffffffffffffffn) > 0x7ff0000000000000n)

/** NaN for NaN; of a float that cannot be an integer V8 does not say why. */
function agrees(
  operation: Operation,
  args: readonly bigint[],
  actual: bigint | string,
  wanted: bigint | string,
): boolean {
  if (wanted === 'trap conversion') return actual === (isNaNBits(operation.params[0], args[0]) ? 'trap 9' : 'trap 8')
  return actual === wanted || (isNaNBits(operation.result, actual) && isNaNBits(operation.result, wanted))
}

/** The operation with all operands as parameters, or one of them constant. */
function graphOf({ op, params, result }: Operation, constant?: { readonly at: number; readonly bits: bigint }): Graph {
  const builder = new GraphBuilder(params, [result])
  const values = builder.enter(builder.newBlock(), params)
  if (constant !== undefined) values[constant.at] = builder.constant(params[constant.at], constant.bits)
  builder.return([builder.op(op, result, values[0], values[1] ?? 0)])
  return builder.graph
}

function argumentsOf(params: readonly Type[]): bigint[][] {
  const [first, second] = params
  if (second === undefined) return VALUES[first].map((a) => [a])
  return VALUES[first].flatMap((a) => VALUES[second].map((b) => [a, b]))
}

function everyOperation(platform: Platform, features: CpuFeatures): void {
  const reference = oracle()
  let compared = 0
  for (const operation of OPERATIONS) {
    const { name, params, result } = operation
    const check = (code: Code, args: readonly bigint[], form: string): void => {
      const actual = call(platform, code, params, args, result)
      const wanted = expected(reference[name], params, args)
      compared++
      if (!agrees(operation, args, actual, wanted))
        assert.fail(
          `${name} (${form}) of ${args.map((bits) => '0x' + bits.toString(16)).join(', ')}: ${actual}, not ${wanted}`,
        )
    }
    const all = compile(platform, graphOf(operation), features)
    for (const args of argumentsOf(params)) check(all, args, 'registers')
    for (let at = 0; at < params.length; at++)
      for (const bits of VALUES[params[at]]) {
        const code = compile(platform, graphOf(operation, { at, bits }), features)
        const others = params.length === 1 ? [[bits]] : VALUES[params[1 - at]].filter((_, n) => n % 3 === 0)
        for (const other of others)
          check(code, Array.isArray(other) ? other : at === 0 ? [bits, other] : [other, bits], `constant ${at}`)
      }
  }
  assert.ok(OPERATIONS.length >= 125 && compared > 60_000, `${OPERATIONS.length} operations, ${compared} results`)
}

const isTest = ({ name }: Operation): boolean => /\.(eqz?|ne|[lg][te](_[su])?)$/.test(name)

/** What becomes of a compare: each form gives 1 if it holds, else 0, or traps if it holds. */
const TEST_FORMS: Readonly<Record<string, (b: GraphBuilder, test: number) => void>> = {
  branch(b, test) {
    const [yes, no] = [b.newBlock(), b.newBlock()]
    b.branch(test, yes, no)
    b.enter(yes, [])
    b.return([b.constant(Type.I32, 1n)])
    b.enter(no, [])
    b.return([b.constant(Type.I32, 0n)])
  },
  'branch with an argument'(b, test) {
    const [yes, join] = [b.newBlock(), b.newBlock()]
    b.branch(test, yes, join, [b.constant(Type.I32, 0n)])
    b.enter(yes, [])
    b.jump(join, [b.constant(Type.I32, 1n)])
    b.return(b.enter(join, [Type.I32]))
  },
  select(b, test) {
    b.return([b.op(Op.Select, Type.I32, b.constant(Type.I32, 1n), b.constant(Type.I32, 0n), test)])
  },
  'select of floats'(b, test) {
    const one = b.constant(Type.F64, 0x3ff0000000000000n)
    b.return([b.op(Op.I32TruncF64S, Type.I32, b.op(Op.Select, Type.F64, one, b.constant(Type.F64, 0n), test))])
  },
  'a number and a branch'(b, test) {
    const [yes, no] = [b.newBlock(), b.newBlock()]
    b.branch(test, yes, no)
    b.enter(yes, [])
    b.return([test])
    b.enter(no, [])
    b.return([b.op(Op.I32Mul, Type.I32, test, b.constant(Type.I32, 3n))])
  },
  trapif(b, test) {
    b.op(Op.Trapif, Type.None, test, 0, 0, TrapReason.TableOutOfBounds)
    b.return([b.constant(Type.I32, 0n)])
  },
}

function everyTest(platform: Platform): void {
  const reference = oracle()
  let compared = 0
  for (const operation of OPERATIONS.filter(isTest))
    for (const [form, build] of Object.entries(TEST_FORMS)) {
      const { name, op, params } = operation
      const builder = new GraphBuilder(params, [Type.I32])
      const [a, b] = builder.enter(builder.newBlock(), params)
      build(builder, builder.op(op, Type.I32, a, b ?? 0))
      const code = compile(platform, builder.graph, BASELINE)
      for (const args of argumentsOf(params)) {
        const holds = expected(reference[name], params, args)
        const wanted = form === 'trapif' && holds === 1n ? `trap ${TrapReason.TableOutOfBounds}` : holds
        assert.equal(call(platform, code, params, args, Type.I32), wanted, `${name}, ${form}: ${args.join(', ')}`)
        compared++
      }
    }
  assert.ok(compared > 50_000, `${compared} results`)
}

/** Eighteen i64 sums, carried by a loop that also rotates them: registers do not suffice. */
function pressure(platform: Platform): void {
  const INTS = 18
  const builder = new GraphBuilder([Type.I32], [Type.I64])
  const [entry, head, exit] = [builder.newBlock(), builder.newBlock(), builder.newBlock()]
  const [count] = builder.enter(entry, [Type.I32])
  const first = Array.from({ length: INTS }, (_, n) => builder.constant(Type.I64, BigInt(n * n + 1)))
  builder.jump(head, [count, ...first])
  const [left, ...sums] = builder.enter(head, [Type.I32, ...first.map(() => Type.I64)])
  const next = sums.map((sum, n) => builder.op(Op.I64Add, Type.I64, sum, sums[(n + 1) % INTS]))
  const one = builder.constant(Type.I32, 1n)
  const less = builder.op(Op.I32Sub, Type.I32, left, one)
  const latch = builder.newBlock()
  builder.branch(less, latch, exit)
  builder.enter(latch, [])
  builder.jump(head, [less, ...next.slice(1), next[0]])
  builder.enter(exit, [])
  builder.return([next.reduce((a, b) => builder.op(Op.I64Xor, Type.I64, a, b))])
  const code = compile(platform, builder.graph, BASELINE)
  let values = Array.from({ length: INTS }, (_, n) => BigInt(n * n + 1))
  for (let rounds = 1; rounds < 40; rounds++) {
    const sums = values.map((value, n) => BigInt.asUintN(64, value + values[(n + 1) % INTS]))
    const wanted = sums.reduce((a, b) => a ^ b)
    assert.equal(call(platform, code, [Type.I32], [BigInt(rounds)], Type.I64), wanted, `${rounds} rounds`)
    values = [...sums.slice(1), sums[0]]
  }
}

function switches(platform: Platform): void {
  for (const count of [1, 2, 3, 4, 7, 8, 33]) {
    const builder = new GraphBuilder([Type.I32], [Type.I32])
    const [index] = builder.enter(builder.newBlock(), [Type.I32])
    const targets = Array.from({ length: count }, () => builder.newBlock())
    builder.switch(index, targets)
    targets.forEach((target, n) => {
      builder.enter(target, [])
      builder.return([builder.constant(Type.I32, BigInt(100 + n))])
    })
    const code = compile(platform, builder.graph, BASELINE)
    for (const at of [0, 1, 2, 3, 6, 7, 8, 31, 32, 33, 1000, 0x7fffffff, 0x80000000, 0xffffffff])
      assert.equal(call(platform, code, [Type.I32], [BigInt(at)], Type.I32), BigInt(100 + Math.min(at, count - 1)))
  }
}

/** Operand of a store and result of a load: name of the operation, its type, bytes in memory, signed. */
const ACCESSES: readonly (readonly [load: Op, store: Op | undefined, type: Type, bytes: number, signed: boolean])[] = [
  [Op.I32Load, Op.I32Store, Type.I32, 4, false],
  [Op.I32Load8S, undefined, Type.I32, 1, true],
  [Op.I32Load8U, Op.I32Store8, Type.I32, 1, false],
  [Op.I32Load16S, undefined, Type.I32, 2, true],
  [Op.I32Load16U, Op.I32Store16, Type.I32, 2, false],
  [Op.I64Load, Op.I64Store, Type.I64, 8, false],
  [Op.I64Load8S, undefined, Type.I64, 1, true],
  [Op.I64Load8U, Op.I64Store8, Type.I64, 1, false],
  [Op.I64Load16S, undefined, Type.I64, 2, true],
  [Op.I64Load16U, Op.I64Store16, Type.I64, 2, false],
  [Op.I64Load32S, undefined, Type.I64, 4, true],
  [Op.I64Load32U, Op.I64Store32, Type.I64, 4, false],
  [Op.F32Load, Op.F32Store, Type.F32, 4, false],
  [Op.F64Load, Op.F64Store, Type.F64, 8, false],
]

/** Address forms: what is added to the base of memory 0, given an i32 index. Each is the index times `scale` plus `offset`. */
const ADDRESSES: readonly {
  readonly scale: number
  readonly offset: number
  readonly build: (b: GraphBuilder, base: number, index: number) => number
}[] = [
  {
    scale: 1,
    offset: 0,
    build: (b, base, index) => b.op(Op.I64Add, Type.I64, base, b.op(Op.I64ExtendI32U, Type.I64, index)),
  },
  {
    scale: 8,
    offset: 0,
    build(b, base, index) {
      const wide = b.op(Op.I64ExtendI32U, Type.I64, index)
      return b.op(Op.I64Add, Type.I64, b.op(Op.I64Shl, Type.I64, wide, b.constant(Type.I64, 3n)), base)
    },
  },
  {
    scale: 1,
    offset: 24,
    build(b, base, index) {
      const sum = b.op(Op.I64Add, Type.I64, base, b.op(Op.I64ExtendI32U, Type.I64, index))
      return b.op(Op.I64Add, Type.I64, sum, b.constant(Type.I64, 24n))
    },
  },
  { scale: 0, offset: 0, build: (_, base) => base },
]

const PAGE = 65536

/** Loads and stores of all widths, at the edges of a memory of one page, against a DataView. */
function accesses(platform: Platform): void {
  const reservation = Reservation.create(platform, GUARDED_32)
  if ('reason' in reservation) assert.fail(reservation.reason)
  assert.ok(reservation.open(PAGE))
  const bytes = new Uint8Array(reservation.view(PAGE))
  for (let at = 0; at < PAGE; at++) bytes[at] = (at * 167) >> 3
  let compared = 0
  for (const [load, store, type, width, signed] of ACCESSES)
    for (const { scale, offset, build } of ADDRESSES)
      for (const displacement of [0, 1, 40, PAGE - 8, PAGE, 0x7fffffff]) {
        const graphOf = (op: Op, params: readonly Type[], results: readonly Type[]): Graph => {
          const b = new GraphBuilder(params, results)
          const [index, value] = b.enter(b.newBlock(), params)
          const address = build(b, b.op(Op.MemoryBase, Type.I64), index)
          const v = b.op(op, results[0] ?? Type.None, address, value ?? 0, 0, displacement)
          b.return(results.length > 0 ? [v] : [])
          return b.graph
        }
        const params = [Type.I32, type]
        const loads = compile(platform, graphOf(load, [Type.I32], [type]), BASELINE)
        const stores = store === undefined ? undefined : compile(platform, graphOf(store, params, []), BASELINE)
        for (const index of [0n, 1n, 8n, 0xffffn, 0xfff8n, 0x10000n, 0x80000000n, 0xffffffffn]) {
          const at = Number(index) * scale + offset + displacement
          // Beyond the guard (an index times 8) nothing is promised: a bounds check keeps such addresses away.
          if (at + 8 > GUARDED_32) continue
          const inside = at + width <= PAGE
          const context = `op ${load}, width ${width}, at ${at}`
          if (stores !== undefined) {
            const value = 0x8192a3b4c5d6e7f8n
            const before = inside ? bytes.slice(at, at + 8) : undefined
            const stored = call(
              platform,
              stores,
              params,
              [index, BigInt.asUintN(isWide(type) ? 64 : 32, value)],
              Type.I32,
              reservation.address,
              true,
            )
            if (before === undefined) assert.equal(stored, 'trap 2', context)
            else
              for (let n = 0; n < Math.min(8, before.length); n++)
                assert.equal(bytes[at + n], n < width ? Number((value >> BigInt(8 * n)) & 0xffn) : before[n], context)
          }
          const loaded = call(platform, loads, [Type.I32], [index], type, reservation.address)
          let wanted = 0n
          for (let n = width - 1; inside && n >= 0; n--) wanted = (wanted << 8n) | BigInt(bytes[at + n])
          if (signed) wanted = BigInt.asUintN(isWide(type) ? 64 : 32, BigInt.asIntN(8 * width, wanted))
          assert.equal(loaded, inside ? wanted : 'trap 2', context)
          compared++
        }
      }
  assert.ok(compared > 2000, `${compared} accesses`)
}

const isWide = (type: Type): boolean => type === Type.I64 || type === Type.F64

nativeTests({
  'loads and stores at the edges of a memory': (ffi) => accesses(open(ffi)),
  'every test as a branch, a selection, a number, a trap': (ffi) => everyTest(open(ffi)),
  'a loop that needs more registers than there are': (ffi) => pressure(open(ffi)),
  'switches of many sizes': (ffi) => switches(open(ffi)),
  'every numeric operation, on a processor of the baseline': (ffi) => everyOperation(open(ffi), BASELINE),
  'every numeric operation, with what this processor has': (ffi) => {
    const platform = open(ffi)
    everyOperation(platform, platform.cpu)
  },
})
