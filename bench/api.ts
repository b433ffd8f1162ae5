// Calls between JavaScript and WebAssembly, and instances: nanoseconds each.

import type { WebAssemblyNamespace } from 'zwasm'
import { v8 } from './engines.ts'
import { inProcess, interleave, interleaveInTurns, repeat } from './measure.ts'
import type { Options, Report, Suite } from './report.ts'

const TEXT = `(module
  (import "host" "f" (func $f (param i32) (result i32)))
  (import "host" "pair" (func $pair (param i32) (result i32 i32)))
  (memory (export "memory") 1)
  (global (export "global") (mut i32) (i32.const 1))
  (table (export "table") 1 funcref)
  (func (export "nothing"))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "mix") (param i32 f64 f32 i32) (result f64)
    (f64.add (f64.add (f64.convert_i32_s (local.get 0)) (local.get 1)) (f64.promote_f32 (local.get 2))))
  (func (export "add64") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "same") (param externref) (result externref) (local.get 0))
  (func (export "two") (param i32) (result i32 i32) (local.get 0) (local.get 0))
  (func (export "host") (param $n i32) (result i32)
    (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (call $f (local.get $n))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "hostPair") (param $n i32) (result i32)
    (local $sum i32)
    (loop $next
      (local.get $sum)
      (call $pair (local.get $n))
      i32.add
      i32.add
      local.set $sum
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))`

const COUNT = 100_000
/** Instances live until the event loop turns, which it does not while a case runs: a plugin host makes few between two turns. */
const INSTANCES = 500
/** Rounds until the path of instantiation is optimised; the figures do not change any more after 15. */
const INSTANCES_WARM_UP = 25

type Exports = Record<string, any>
/** Each does COUNT operations, or INSTANCES if its name begins with `new`; the value is compared between the engines. */
const CASES: Readonly<Record<string, (e: Exports, small: SmallModule) => unknown>> = {
  'call nothing()': ({ nothing }) => {
    for (let i = 0; i < COUNT; i++) nothing()
  },
  'call add(i32, i32)': ({ add }) => {
    let sum = 0
    for (let i = 0; i < COUNT; i++) sum = add(sum, i)
    return sum
  },
  'call mix(i32, f64, f32, i32)': ({ mix }) => {
    let sum = 0
    for (let i = 0; i < COUNT; i++) sum = mix(i, sum, 0.5, i)
    return sum
  },
  'call add64(i64, i64)': ({ add64 }) => {
    let sum = 0n
    for (let i = 0; i < COUNT; i++) sum = add64(sum, 3n)
    return sum
  },
  'call same(externref)': ({ same }) => {
    const object = {}
    let hits = 0
    for (let i = 0; i < COUNT; i++) if (same(object) === object) hits++
    return hits
  },
  'call two(i32), two results': ({ two }) => {
    let sum = 0
    for (let i = 0; i < COUNT; i++) sum += two(i)[1]
    return sum
  },
  'wasm calls host f(i32)': ({ host }) => host(COUNT),
  'wasm calls host with two results': ({ hostPair }) => hostPair(COUNT),
  'global.value': ({ global }) => {
    let sum = 0
    for (let i = 0; i < COUNT; i++) sum += global.value
    return sum
  },
  'memory.buffer': ({ memory }) => {
    let sum = 0
    for (let i = 0; i < COUNT; i++) sum += memory.buffer.byteLength
    return sum
  },
  'table.get(0)': ({ table }) => {
    let nulls = 0
    for (let i = 0; i < COUNT; i++) if (table.get(0) === null) nulls++
    return nulls
  },
  'new Instance': (_, { plain }) => {
    let last: Exports = {}
    for (let i = 0; i < INSTANCES; i++) last = plain()
    return last.run(0, 20)
  },
  'new Instance with a page of memory': (_, { withMemory }) => {
    let last: Exports = {}
    for (let i = 0; i < INSTANCES; i++) last = withMemory()
    return last.run(0, 20)
  },
  'new Instance and a call': (_, { plain }) => {
    let sum = 0
    for (let i = 0; i < INSTANCES; i++) sum += plain().run(i & 1, i)
    return sum
  },
}

const countOf = (name: string): number => (name.startsWith('new') ? INSTANCES : COUNT)

/** What a plugin might be: a few functions, an import, a table, a global. */
const SMALL_TEXT = `(module
  (import "host" "f" (func $f (param i32) (result i32)))
  (type $unary (func (param i32) (result i32)))
  (MEMORY)
  (global $count (mut i32) (i32.const 0))
  (table 4 funcref)
  (elem (i32.const 0) $twice $count)
  (func $twice (param i32) (result i32) (i32.add (local.get 0) (local.get 0)))
  (func $count (param i32) (result i32)
    (global.set $count (i32.add (global.get $count) (local.get 0)))
    (global.get $count))
  (func (export "run") (param i32 i32) (result i32)
    (call $f (call_indirect (type $unary) (local.get 1) (local.get 0)))))`

/** Makes an instance. */
interface SmallModule {
  readonly plain: () => Exports
  readonly withMemory: () => Exports
}

interface Job {
  readonly names: readonly string[]
  readonly rounds: number
}
type Times = Record<string, { ours: number; theirs: number }>

async function child({ names, rounds }: Job): Promise<Times> {
  const { WebAssembly: ours, parseWat } = await import('zwasm')
  const bytes = parseWat(TEXT).bytes
  const host = { f: (x: number) => x + 1, pair: (x: number) => [x, 1] }
  const make = (namespace: WebAssemblyNamespace): Exports =>
    new namespace.Instance(new namespace.Module(bytes), { host }).exports
  const instances = [make(ours), make(v8)]
  const makeSmall = (namespace: WebAssemblyNamespace): SmallModule => {
    const [plain, withMemory] = ['', '(memory (export "memory") 1)'].map((memory) => {
      const module = new namespace.Module(parseWat(SMALL_TEXT.replace('(MEMORY)', memory)).bytes)
      return (): Exports => new namespace.Instance(module, { host }).exports
    })
    return { plain, withMemory }
  }
  const small = [makeSmall(ours), makeSmall(v8)]
  const times: Times = {}
  for (const name of names) {
    const results = instances.map((exports, i) => CASES[name](exports, small[i]))
    if (!Object.is(results[0], results[1])) throw new Error(`${name}: zwasm gave ${results[0]}, V8 ${results[1]}`)
    const ours = (): unknown => CASES[name](instances[0], small[0])
    const theirs = (): unknown => CASES[name](instances[1], small[1])
    times[name] = name.startsWith('new')
      ? await interleaveInTurns(ours, theirs, rounds, INSTANCES_WARM_UP)
      : interleave(ours, theirs, rounds)
  }
  return times
}

async function run(options: Options): Promise<Report[]> {
  const names = Object.keys(CASES).filter(
    (name) => options.only.length === 0 || options.only.some((word) => name.includes(word)),
  )
  if (names.length === 0) return []
  // A process for each case: call sites of the harness see one function and one engine's shapes, as in a program that is about it.
  const rows = names.map((name) => {
    const runs = repeat(
      Math.min(options.processes, 3),
      () => inProcess<Times>('api', { names: [name], rounds: options.rounds } satisfies Job)[name],
    )
    const nanoseconds = (of: 'ours' | 'theirs'): number => (Math.min(...runs.map((r) => r[of])) / countOf(name)) * 1e6
    return { name, ours: nanoseconds('ours'), theirs: nanoseconds('theirs') }
  })
  return [
    {
      title: 'api: crossing between JavaScript and WebAssembly',
      unit: 'ns an operation',
      columns: { ours: 'zwasm', theirs: 'V8', value: 'ratio' },
      rows,
    },
  ]
}

export const api: Suite = { name: 'api', run, child }
