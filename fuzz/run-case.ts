// Runs a generated module under a `WebAssembly` namespace and writes down everything observable, in text, so that two engines are
// compared by comparing lines. The module says itself how it is run (conventions: gen.ts).

import { FUEL } from './gen.ts'

/** The part of the JS API's namespace that is used here: the host's and zwasm's both have it. */
export interface Namespace {
  readonly Module: {
    new (bytes: Uint8Array): object
    imports(module: object): { module: string; name: string; kind: string }[]
    exports(module: object): { name: string; kind: string }[]
  }
  readonly Instance: new (module: object, imports?: object) => { readonly exports: Record<string, unknown> }
  readonly Memory: new (descriptor: object) => { readonly buffer: ArrayBufferLike }
  readonly Table: new (descriptor: object, init?: unknown) => JsTable
  readonly Global: new (descriptor: object, init?: unknown) => { value: unknown }
  readonly Tag?: new (descriptor: object) => object
  readonly Exception?: new (
    tag: object,
    payload: unknown[],
  ) => { is(tag: object): boolean; getArg(tag: object, index: number): unknown }
  readonly RuntimeError: new (...args: never[]) => Error
  readonly LinkError: new (...args: never[]) => Error
  readonly CompileError: new (...args: never[]) => Error
  validate(bytes: Uint8Array): boolean
}
interface JsTable {
  readonly length: number | bigint
  get(index: number | bigint): unknown
}

export interface Outcome {
  /** What happened, in order. */
  readonly log: string[]
  /** Views of the memories as they are at the end, exported and imported ones. */
  readonly memories: Uint8Array[]
  /** The module did not compile; `log` has the message. */
  readonly rejected: boolean
}

/** Host values that go in and out as externref. */
const POOL: readonly unknown[] = [
  null,
  undefined,
  42,
  -1,
  0x4000_0000,
  2.5,
  'text',
  { object: 1 },
  [2],
  () => 3,
  Symbol('s'),
  10n,
]
/** Nested calls through host functions. */
const MAX_CALLBACKS = 3

/** Classes of traps by V8's texts. What one engine names more finely than the other is one class. */
const TRAPS: readonly [RegExp, string][] = [
  [/unreachable/, 'unreachable'],
  [/memory access out of bounds|data segment (?:\d+ )?(?:is )?out of bounds/, 'memory'],
  [
    /table (?:index|access|initializer).*out of bounds|table index is out|element segment (?:\d+ )?(?:is )?out of bounds/,
    'table',
  ],
  [/(?:divide|remainder) by zero/, 'divide'],
  [/unrepresentable/, 'unrepresentable'],
  [/signature mismatch/, 'signature'],
  [/null pointer|null reference|null value/, 'null'],
  [/illegal cast/, 'cast'],
  [/array element access out of bounds/, 'array'],
  [/array is too large|invalid array length|requested new array/, 'array size'],
  [/unaligned/, 'unaligned'],
]

export function trapClass(message: string): string {
  return TRAPS.find(([text]) => text.test(message))?.[1] ?? `?? ${message}`
}

export function runModule(ns: Namespace, bytes: Uint8Array): Outcome {
  const run = new Run(ns)
  let module: object
  try {
    module = new ns.Module(bytes)
  } catch (error) {
    if (!(error instanceof ns.CompileError)) throw error
    return { log: [error.message], memories: [], rejected: true }
  }
  const first = run.instance(module, 'A', undefined)
  // The second instance takes what it can from the first one: calls, tables, memories and globals across instances.
  if (first !== undefined) run.instance(module, 'B', first)
  return { log: run.log, memories: run.memories(), rejected: false }
}

class Run {
  readonly log: string[] = []
  private readonly seen = new Set<{ readonly buffer: ArrayBufferLike }>()
  private readonly fuel: { value: unknown }
  private callbacks = 0
  private calls = 0

  constructor(private readonly ns: Namespace) {
    this.fuel = new ns.Global({ value: 'i32', mutable: true }, FUEL)
  }

  instance(
    module: object,
    label: string,
    from: Record<string, unknown> | undefined,
  ): Record<string, unknown> | undefined {
    const { ns, log } = this
    const env: Record<string, unknown> = Object.create(null)
    const holder: { exports?: Record<string, unknown> } = {}
    for (const { name, kind } of ns.Module.imports(module)) env[name] = from?.[name] ?? this.provide(name, kind, holder)
    this.fuel.value = FUEL
    let exports: Record<string, unknown>
    try {
      exports = new ns.Instance(module, { env }).exports
    } catch (error) {
      log.push(`${label}: ${this.describeError(error, {})}`)
      return undefined
    }
    holder.exports = exports
    const names = ns.Module.exports(module)
    for (const { name } of names) {
      if (!/^t(\d+|globals)$/.test(name)) continue
      this.fuel.value = FUEL
      let line: string
      try {
        const result: unknown = (exports[name] as () => unknown)()
        line = (Array.isArray(result) && !POOL.includes(result) ? result : [result]).map(describe).join(' ')
      } catch (error) {
        line = this.describeError(error, exports)
      }
      log.push(`${label}.${name}: ${line} | fuel ${String(this.fuel.value)}`)
    }
    for (const { name, kind } of names) {
      const value = exports[name]
      if (kind === 'global') log.push(`${label}.${name} = ${describe((value as { value: unknown }).value)}`)
      if (kind === 'memory') this.seen.add(value as { buffer: ArrayBufferLike })
      if (kind === 'table') log.push(`${label}.${name} = ${describeTable(value as JsTable, name.endsWith(':1'))}`)
    }
    return exports
  }

  memories(): Uint8Array[] {
    return [...this.seen].map(({ buffer }) => new Uint8Array(buffer))
  }

  /** The host's side of an import, by the convention of its name. */
  private provide(name: string, kind: string, holder: { exports?: Record<string, unknown> }): unknown {
    const { ns } = this
    if (name === 'fuel') return this.fuel
    const [head, ...rest] = name.split(':') as [string, ...string[]]
    switch (kind) {
      case 'memory': {
        const [min, max, shared, wide] = rest.map(Number) as [number, number, number, number]
        const memory = new ns.Memory(limits(min, max, wide === 1, shared === 1 ? { shared: true } : {}))
        this.seen.add(memory)
        return memory
      }
      case 'table':
        return new ns.Table(
          limits(Number(rest[0]), Number(rest[1]), rest[3] === '1', {
            element: rest[2] === 'f' ? 'anyfunc' : 'externref',
          }),
        )
      case 'global': {
        const type = rest[0] === 'i' ? 'i32' : rest[0] === 'l' ? 'i64' : 'externref'
        const init = rest[0] === 'i' ? 0x1234_5678 : rest[0] === 'l' ? 0x1234_5678_9abc_def0n : POOL[7]
        return new ns.Global({ value: type, mutable: rest[1] === '1' }, init)
      }
      case 'tag':
        return new ns.Tag!({ parameters: [...(rest[0] ?? '')].map((c) => (c === 'i' ? 'i32' : 'i64')) })
      default:
        return this.hostFunction(head, rest[0]!, holder)
    }
  }

  private hostFunction(head: string, signature: string, holder: { exports?: Record<string, unknown> }): unknown {
    const results = signature.slice(signature.indexOf('>') + 1)
    return (...args: unknown[]): unknown => {
      const call = this.calls++
      this.log.push(`${head}(${args.map(describe).join(', ')})`)
      if (head.startsWith('throw')) {
        if (((args[0] as number) & 1) === 1) throw POOL[7]
        return args[0]
      }
      if (head.startsWith('call')) {
        const callback = holder.exports?.['cb'] as ((x: unknown) => unknown) | undefined
        if (callback === undefined || this.callbacks >= MAX_CALLBACKS) return -1
        this.callbacks++
        try {
          return callback(args[0])
        } finally {
          this.callbacks--
        }
      }
      const values = [...results].map((letter, i) => {
        const n = Math.imul(call + i + 1, 0x9e37_79b1)
        return letter === 'i'
          ? n
          : letter === 'l'
            ? BigInt.asIntN(64, BigInt(n) * 0x1_0000_0001n)
            : POOL[(n >>> 5) % POOL.length]
      })
      return values.length === 1 ? values[0] : values.length === 0 ? undefined : values
    }
  }

  private describeError(error: unknown, exports: Record<string, unknown>): string {
    const { ns } = this
    if (error instanceof ns.RuntimeError) return `trap ${trapClass(error.message)}`
    if (error instanceof ns.LinkError) return 'link error'
    if (ns.Exception !== undefined && error instanceof ns.Exception) {
      for (const [name, tag] of Object.entries(exports))
        if (/^x\d+$/.test(name) && error.is(tag as object)) return `exception ${name}`
      return 'exception of another tag'
    }
    if (error instanceof RangeError && /call stack/.test(error.message)) return 'stack exhausted'
    if (POOL.includes(error)) return `threw ${describe(error)}`
    if (error instanceof TypeError) return 'type error'
    throw error
  }
}

function limits(min: number, max: number, wide: boolean, more: object): object {
  return wide
    ? { initial: BigInt(min), maximum: BigInt(max), address: 'i64', ...more }
    : { initial: min, maximum: max, ...more }
}

/** A value in text. Objects by their place in the pool. */
function describe(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'undefined':
      return 'undefined'
    default: {
      if (value === null) return 'null'
      const index = POOL.indexOf(value)
      return index >= 0 ? `pool${index}` : `some ${typeof value}`
    }
  }
}

function describeTable(table: JsTable, wide: boolean): string {
  const out: string[] = []
  for (let i = 0; i < Number(table.length); i++) {
    const value = table.get(wide ? BigInt(i) : i)
    out.push(typeof value === 'function' && !POOL.includes(value) ? `func ${value.name}` : describe(value))
  }
  return out.join(' ')
}

/**
 * Pairs of reasons that one instruction can have to trap at once, where engines differ in which they look at first: an array that is too
 * short and a segment that is; an array that is too short and another that is null; an address that is unaligned and out of bounds.
 */
const BOTH_REASONS = [
  ['array', 'table'],
  ['array', 'memory'],
  ['array', 'null'],
  ['unaligned', 'memory'],
] as const

function sameLine(ours: string | undefined, theirs: string | undefined): boolean {
  if (ours === theirs) return true
  return BOTH_REASONS.some(
    ([a, b]) =>
      ours?.replace(`trap ${a}`, `trap ${b}`) === theirs || ours === theirs?.replace(`trap ${a}`, `trap ${b}`),
  )
}

const isExhausted = (line: string | undefined): boolean => line !== undefined && line.includes(': stack exhausted')

/** The first difference of two outcomes, or undefined. */
export function compareOutcomes(zwasm: Outcome, oracle: Outcome): string | undefined {
  if (zwasm.rejected !== oracle.rejected)
    return zwasm.rejected
      ? `zwasm rejects a module that the oracle accepts: ${zwasm.log[0]}`
      : `zwasm accepts a module that the oracle rejects: ${oracle.log[0]}`
  const length = Math.max(zwasm.log.length, oracle.log.length)
  for (let i = 0; i < length; i++) {
    // How deep a stack is differs, and so does all that a recursion without end has done until then.
    if (isExhausted(zwasm.log[i]) && isExhausted(oracle.log[i])) return undefined
    if (!sameLine(zwasm.log[i], oracle.log[i]))
      return `line ${i}\n  zwasm:  ${zwasm.log[i] ?? '(nothing)'}\n  oracle: ${oracle.log[i] ?? '(nothing)'}`
  }
  if (zwasm.memories.length !== oracle.memories.length)
    return `${zwasm.memories.length} memories, oracle ${oracle.memories.length}`
  for (let k = 0; k < oracle.memories.length; k++) {
    const a = zwasm.memories[k]!
    const b = oracle.memories[k]!
    if (a.length !== b.length) return `memory ${k}: ${a.length} bytes, oracle ${b.length}`
    if (Buffer.compare(a, b) !== 0) {
      const at = a.findIndex((byte, i) => byte !== b[i])
      return `memory ${k} differs at 0x${at.toString(16)}: ${a[at]}, oracle ${b[at]}`
    }
  }
  return undefined
}
