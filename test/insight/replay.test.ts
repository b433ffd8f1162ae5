// Traces against independent models: V8 computes every numeric instruction of a trace again from its operands; a model of locals and one of
// memory say what local.get and loads must have found. So the values that a trace shows are those that the program had.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compareOutcomes, type Namespace, runModule } from '../../fuzz/run-case.ts'
import { supportedFeatures } from '../../fuzz/features.ts'
import { generateModule } from '../../fuzz/gen.ts'
import { caseSeed } from '../../fuzz/random.ts'
import { createWebAssembly, realmOf } from '../../src/api/namespace.ts'
import { type ExecEvent, TRACE_KINDS, type TraceEvent, type TraceValue } from '../../src/api/trace-events.ts'
import { Vm, type VmOptions } from '../../src/api/vm.ts'
import { parseWat } from '../../src/text/parse.ts'
import { OPCODES } from '../../src/wasm/opcodes.ts'
import { root } from '../repo/files.ts'

const host = (globalThis as unknown as { WebAssembly: Namespace }).WebAssembly

const TYPES: Readonly<Record<string, string>> = { i: 'i32', l: 'i64', f: 'f32', d: 'f64' }
const SIGNATURES = new Map(
  OPCODES.filter(([, , signature, imm]) => imm === '' && /^[ilfd]+:[ilfd]$/.test(signature)).map(
    ([, name, signature]) => [name, signature],
  ),
)

type Numeric = (...operands: unknown[]) => unknown
const functions = new Map<string, Numeric>()

/** V8's function for a numeric instruction. */
function onHost(name: string, signature: string): Numeric {
  let func = functions.get(name)
  if (func === undefined) {
    const [operands, [result]] = signature.split(':')
    const params = [...operands].map((letter) => TYPES[letter]).join(' ')
    const gets = [...operands].map((_, i) => `(local.get ${i})`).join(' ')
    const { bytes } = parseWat(
      `(module (func (export "f") (param ${params}) (result ${TYPES[result]}) (${name} ${gets})))`,
    )
    func = new host.Instance(new host.Module(bytes)).exports['f'] as Numeric
    functions.set(name, func)
  }
  return func
}

const isNaNText = (value: unknown): boolean => typeof value === 'string' && value.includes('nan')
const toJs = ({ value }: TraceValue): unknown => (isNaNText(value) ? NaN : value)

function checkNumeric(event: ExecEvent): boolean {
  const signature = SIGNATURES.get(event.instruction)
  if (signature === undefined) return false
  const operands = event.operands!
  // JavaScript cannot pass on the bits of a NaN.
  if (/reinterpret|copysign/.test(event.instruction) && operands.some(({ value }) => isNaNText(value))) return false
  assert.equal(operands.length, signature.indexOf(':'))
  const func = onHost(event.instruction, signature)
  if (event.trap !== undefined) {
    assert.throws(() => func(...operands.map(toJs)))
    return true
  }
  const expected = func(...operands.map(toJs))
  const [result] = event.results!
  assert.equal(event.results!.length, 1)
  assert.ok(
    Object.is(toJs(result), expected),
    `${JSON.stringify(event.instruction)} of ${operands.map((o) => String(o.value)).join(', ')}: ${String(result.value)}, but ${String(expected)} on the host`,
  )
  return true
}

/** Bytes of a number in memory. */
function bytesOf({ type, value }: TraceValue, byteLength: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8))
  if (type === 'f32') view.setFloat32(0, value as number, true)
  else if (type === 'f64') view.setFloat64(0, value as number, true)
  else view.setBigUint64(0, BigInt.asUintN(64, BigInt(value as number | bigint)), true)
  return new Uint8Array(view.buffer, 0, byteLength)
}

interface Checked {
  numeric: number
  locals: number
  accesses: number
  entered: number
  left: number
}

const ZEROS: Readonly<Record<TraceValue['type'], TraceValue['value']>> = {
  i32: 0,
  i64: 0n,
  f32: 0,
  f64: 0,
  v128: 'i32x4 0x00000000 0x00000000 0x00000000 0x00000000',
  ref: 'null',
}

/** Checks events as they come: a trace may be longer than memory. */
class Checker {
  readonly checked: Checked = { numeric: 0, locals: 0, accesses: 0, entered: 0, left: 0 }
  readonly causes: Record<string, number> = {}
  /** Locals of Wasm functions, undefined for host functions. */
  readonly #frames: (Map<number, TraceValue> | undefined)[] = []
  readonly #memory: Uint8Array | undefined
  #failure: unknown

  /** `memory`: the contents of memory 0 at the start; undefined if accesses are not to be checked. */
  constructor(memory?: Uint8Array) {
    this.#memory = memory
  }

  /** What fails is kept: the guest would take an exception for one of the host's. */
  readonly sink = (event: TraceEvent): void => {
    if (this.#failure !== undefined) return
    try {
      this.#check(event)
    } catch (error) {
      this.#failure = error
    }
  }

  finish(): void {
    if (this.#failure !== undefined) throw this.#failure
    assert.equal(this.#frames.length, 0)
    assert.equal(this.checked.entered, this.checked.left)
  }

  #check(event: TraceEvent): void {
    const { checked } = this
    const frames = this.#frames
    if (event.kind === 'call' || event.kind === 'host') {
      const begins = event.event === 'enter' || event.event === 'call'
      if (!begins) frames.pop()
      assert.equal(event.depth, frames.length)
      if (begins) frames.push(event.kind === 'host' ? undefined : new Map(event.values!.entries()))
      if (event.event === 'enter') checked.entered++
      else if (event.kind === 'call') checked.left++
      if (event.kind === 'call') this.causes[event.event] = (this.causes[event.event] ?? 0) + 1
    } else if (event.kind === 'exec') {
      if (event.operands !== undefined && checkNumeric(event)) checked.numeric++
      const [, what, local] = /^local\.(get|set|tee) (\d+)$/.exec(event.instruction) ?? []
      if (what === undefined) return
      const locals = frames.at(-1)!
      if (what !== 'get') locals.set(Number(local), event.operands![0])
      if (what === 'set') return
      const [{ type }] = event.results!
      assert.deepEqual(event.results, [locals.get(Number(local)) ?? { type, value: ZEROS[type] }])
      checked.locals++
    } else if (this.#memory !== undefined) {
      const { address, byteLength, value, access } = event
      const found = this.#memory.subarray(address, address + byteLength)
      if (access === 'store') found.set(bytesOf(value!, byteLength))
      else assert.deepEqual(bytesOf(value!, byteLength), found, `${event.instruction} at ${address}`)
      checked.accesses++
    }
  }
}

const METERED: readonly VmOptions[] = [{}, { fuel: 1e9 }]
const suffix = ({ fuel }: VmOptions): string => (fuel === undefined ? '' : ', metered')

const PROGRAMS: readonly (readonly [name: string, size: number, hasMemory: boolean])[] = [
  ['fib', 10, false],
  ['mandelbrot', 6, false],
  ['matmul', 5, true],
  ['nbody', 4, true],
  ['sieve', 300, true],
  ['xorshift', 200, false],
]

for (const [name, size, hasMemory] of PROGRAMS) {
  for (const options of METERED) {
    test(`${name}${suffix(options)}`, () => {
      const { bytes } = parseWat(readFileSync(join(root, `bench/workloads/${name}.wat`)))
      // The programs have no data segments.
      const checker = new Checker(new Uint8Array(hasMemory ? 1 << 20 : 0))
      const vm = new Vm({ ...options, trace: { kinds: TRACE_KINDS, sink: checker.sink } })
      const result = vm.instantiate(vm.compile(bytes)).invoke('run', size)
      const run = new host.Instance(new host.Module(bytes)).exports['run'] as Numeric
      assert.equal(result, run(size))
      checker.finish()
      const { numeric, locals, entered, accesses } = checker.checked
      assert.ok(numeric > 100 && locals > 100 && entered >= 1)
      assert.equal(accesses > 0, hasMemory)
    })
  }
}

const fuelOf = (namespace: object): number => realmOf(namespace)!.store.control.fuel

/** What is left of the fuel after a run without a trace. */
function fuelUnwatched(bytes: Uint8Array, options: VmOptions): number {
  const namespace = createWebAssembly({ ...options, limits: { memory: 64 << 20 } })
  runModule(namespace as unknown as Namespace, bytes)
  const fuel = fuelOf(namespace)
  realmOf(namespace)!.store.dispose()
  return fuel
}

const SEED = Number(process.env['TRACE_SEED'] ?? 11)
const COUNT = Number(process.env['TRACE_COUNT'] ?? 60)

for (const options of METERED) {
  test(`generated modules of every feature, with traps, exceptions and tail calls${suffix(options)}`, (t) => {
    const features = supportedFeatures((bytes) => host.validate(bytes), process.versions.v8)
    const sum: Checked = { numeric: 0, locals: 0, accesses: 0, entered: 0, left: 0 }
    const causes: Record<string, number> = {}
    let fuel = 0
    for (let i = 0; i < COUNT; i++) {
      const bytes = generateModule(caseSeed(SEED, i), features)
      const checker = new Checker()
      const namespace = createWebAssembly({
        ...options,
        limits: { memory: 64 << 20 },
        trace: { kinds: TRACE_KINDS, sink: checker.sink },
      })
      try {
        const ours = runModule(namespace as unknown as Namespace, bytes)
        const difference = compareOutcomes(ours, runModule(host, bytes))
        if (options.fuel !== undefined) {
          assert.equal(fuelOf(namespace), fuelUnwatched(bytes, options), `case ${i}`)
          fuel += options.fuel - fuelOf(namespace)
        }
        assert.equal(difference, undefined, `TRACE_SEED=${SEED} case ${i}: ${difference}`)
      } finally {
        realmOf(namespace)!.store.dispose()
      }
      checker.finish()
      for (const key of Object.keys(sum) as (keyof Checked)[]) sum[key] += checker.checked[key]
      for (const [cause, count] of Object.entries(checker.causes)) causes[cause] = (causes[cause] ?? 0) + count
    }
    t.diagnostic(JSON.stringify({ ...sum, causes, fuel }))
    assert.equal(fuel > 0, options.fuel !== undefined)
    assert.ok(sum.numeric > 50 * COUNT && sum.locals > 10 * COUNT)
    for (const cause of ['enter', 'return', 'trap', 'exception', 'tail call']) assert.ok(causes[cause] > 0, cause)
  })
}
