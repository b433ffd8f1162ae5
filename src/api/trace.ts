// Traces: from what the interpreter tells (interp/trace.ts) to events.

import {
  type AccessKind,
  type LeaveCause,
  type TraceSettings,
  type TraceSink,
  VALUE_WORDS,
  type Values,
} from '../interp/trace.ts'
import { Kind } from '../interp/builder.ts'
import { ObjectKind } from '../runtime/heap.ts'
import { HOSTS, INSTANCES, type HostFunc, type Instance } from '../runtime/instance.ts'
import { FUNC, Func, FUNC_WORDS_LOG2 } from '../runtime/machine.ts'
import { isUncatchable, Trap, trapText } from '../runtime/trap.ts'
import { printV128 } from '../text/print-values.ts'
import { InstrReader } from '../wasm/instr-reader.ts'
import type { Module } from '../wasm/module.ts'
import { ImmKind, OP_IMM } from '../wasm/op-tables.ts'
import { opcodeById } from '../wasm/opcodes.ts'
import { functionNamesOf } from './trace-names.ts'
import { TRACE_KINDS, type TraceEvent, type TraceFunction, type TraceOptions, type TraceValue } from './trace-events.ts'

/** @throws TypeError for what is no trace options. */
export function readTraceOptions(options: TraceOptions): TraceSettings {
  if (typeof options !== 'object' || options === null) throw new TypeError("option 'trace' must be an object")
  const { kinds, functions, sink } = options
  for (const name of Object.keys(options))
    if (!['kinds', 'functions', 'sink'].includes(name))
      throw new TypeError(`unknown option 'trace.${name}'; known: kinds, functions, sink`)
  const known = `an array of ${TRACE_KINDS.join(', ')}`
  if (!Array.isArray(kinds) || kinds.length === 0) throw new TypeError(`option 'trace.kinds' must be ${known}`)
  for (const kind of kinds)
    if (!TRACE_KINDS.includes(kind)) throw new TypeError(`option 'trace.kinds' must be ${known}, not '${String(kind)}'`)
  if (typeof sink !== 'function') throw new TypeError("option 'trace.sink' must be a function")
  return {
    exec: kinds.includes('exec'),
    call: kinds.includes('call'),
    mem: kinds.includes('mem'),
    host: kinds.includes('host'),
    selects: functions === undefined ? undefined : selection(functions),
    sink: new EventSink(sink),
  }
}

/** Whether a function is one of those that are wanted. */
export function selection(functions: readonly (string | number)[]): (module: Module, index: number) => boolean {
  if (!Array.isArray(functions)) throw new TypeError("option 'trace.functions' must be an array of names and indices")
  for (const item of functions)
    if (typeof item !== 'string' && !(Number.isInteger(item) && item >= 0))
      throw new TypeError(`option 'trace.functions' must be an array of names and indices, not ${String(item)}`)
  const wanted = new Set(functions)
  return (module, index) =>
    wanted.has(index) ||
    [...wanted].some((name) => typeof name === 'string' && functionNamesOf(module).indices.get(name)?.includes(index))
}

class EventSink implements TraceSink {
  readonly #sink: (event: TraceEvent) => void
  #isTelling = false
  readonly #instances = new WeakMap<Instance, { readonly number: number; readonly functions: TraceFunction[] }>()
  #instanceCount = 0

  constructor(sink: (event: TraceEvent) => void) {
    this.#sink = sink
  }

  #tell(event: TraceEvent): void {
    if (this.#isTelling) throw new TypeError('the sink of a trace calls into the Vm that it watches')
    this.#isTelling = true
    try {
      this.#sink(event)
    } finally {
      this.#isTelling = false
    }
  }

  #place(instance: Instance): { readonly number: number; readonly functions: TraceFunction[] } {
    let place = this.#instances.get(instance)
    if (place === undefined) this.#instances.set(instance, (place = { number: this.#instanceCount++, functions: [] }))
    return place
  }

  #function(instance: Instance, index: number): TraceFunction {
    const { number, functions } = this.#place(instance)
    return (functions[index] ??= describe(instance.module, number, index))
  }

  instruction(
    instance: Instance,
    index: number,
    offset: number,
    op: number,
    operands: Values,
    results: Values | undefined,
    trap: Trap | undefined,
  ): void {
    this.#tell({
      kind: 'exec',
      function: this.#function(instance, index),
      offset,
      instruction: instructionText(instance.module, offset, op),
      operands: this.#values(instance, operands),
      results: results && this.#values(instance, results),
      trap: trap && trapText(trap.code),
    })
  }

  results(instance: Instance, index: number, offset: number, op: number, results: Values): void {
    this.#tell({
      kind: 'exec',
      function: this.#function(instance, index),
      offset,
      instruction: instructionText(instance.module, offset, op),
      operands: undefined,
      results: this.#values(instance, results),
      trap: undefined,
    })
  }

  access(
    instance: Instance,
    index: number,
    offset: number,
    op: number,
    access: AccessKind,
    memory: number,
    address: number,
    byteLength: number,
    stored: Values | undefined,
    loaded: Values | undefined,
  ): void {
    const operands = stored && this.#values(instance, stored).slice(1)
    const [value] = loaded !== undefined ? this.#values(instance, loaded) : (operands ?? [])
    const isLane = OP_IMM[op] === ImmKind.MemargLane
    this.#tell({
      kind: 'mem',
      access,
      function: this.#function(instance, index),
      offset,
      instruction: instructionText(instance.module, offset, op),
      memory,
      address,
      byteLength,
      value:
        access !== 'store'
          ? value
          : isLane
            ? laneAt(instance, memory, address, byteLength)
            : narrowed(value, byteLength),
      operands: access === 'rmw' ? operands : undefined,
    })
  }

  entered(instance: Instance, index: number, depth: number, args: Values): void {
    this.#call('enter', instance, index, depth, args, undefined)
  }

  returned(instance: Instance, index: number, depth: number, results: Values): void {
    this.#call('return', instance, index, depth, results, undefined)
  }

  left(instance: Instance, index: number, depth: number, cause: LeaveCause): void {
    if (typeof cause === 'string') this.#call(cause, instance, index, depth, undefined, undefined)
    else this.#call('trap', instance, index, depth, undefined, trapText(cause.code))
  }

  #call(
    event: 'enter' | 'return' | 'tail call' | 'exception' | 'trap',
    instance: Instance,
    index: number,
    depth: number,
    values: Values | undefined,
    trap: string | undefined,
  ): void {
    this.#tell({
      kind: 'call',
      event,
      function: this.#function(instance, index),
      depth,
      values: values && this.#values(instance, values),
      trap,
    })
  }

  paused(depth: number, why: string): void {
    this.#tell({ kind: 'call', event: 'pause', depth, reason: why })
  }

  resumed(depth: number): void {
    this.#tell({ kind: 'call', event: 'resume', depth, reason: undefined })
  }

  hostCalled({ name, store }: HostFunc, depth: number, args: Values): void {
    this.#tell({ kind: 'host', event: 'call', name, depth, values: this.#values({ store }, args), error: undefined })
  }

  hostReturned({ name, store }: HostFunc, depth: number, results: Values): void {
    const values = this.#values({ store }, results)
    this.#tell({ kind: 'host', event: 'return', name, depth, values, error: undefined })
  }

  hostThrew({ name }: HostFunc, depth: number, error: unknown): void {
    this.#tell({ kind: 'host', event: 'throw', name, depth, values: undefined, error: errorText(error) })
  }

  #values(near: Pick<Instance, 'store'>, { words, count }: Values): TraceValue[] {
    const values: TraceValue[] = []
    for (let i = 0, at = 0; i < count; i++, at += VALUE_WORDS) values.push(this.#value(near, words, at))
    return values
  }

  #value(near: Pick<Instance, 'store'>, words: Int32Array, at: number): TraceValue {
    const low = words[at + 1]
    switch (words[at] as Kind) {
      case Kind.I32:
        return { type: 'i32', value: low }
      case Kind.I64:
        return { type: 'i64', value: (BigInt(words[at + 2]) << 32n) | BigInt(low >>> 0) }
      case Kind.F32:
        return { type: 'f32', value: float32(low) }
      case Kind.F64:
        return { type: 'f64', value: float64(low, words[at + 2]) }
      case Kind.V128:
        return { type: 'v128', value: printV128(new Uint8Array(words.slice(at + 1, at + 5).buffer), 0) }
      default:
        return { type: 'ref', value: this.#reference(near, low) }
    }
  }

  /** Objects of the GC heap have no name: where they lie depends on when garbage was collected. */
  #reference(near: Pick<Instance, 'store'>, word: number): string {
    if (word === 0) return 'null'
    if ((word & 1) !== 0) return `i31 ${word >> 1}`
    if ((word & 7) === 6) return 'extern'
    if ((word & 7) === 0) {
      const kind = near.store.heap.kindOf(word)
      return kind === ObjectKind.Struct ? 'struct' : kind === ObjectKind.Array ? 'array' : 'exn'
    }
    const record = (word >>> 3) << FUNC_WORDS_LOG2
    const index = FUNC[record + Func.Index]
    const id = FUNC[record + Func.Instance]
    if (id < 0) return `func ${HOSTS[index]!.name}`
    const instance = INSTANCES[id]
    return instance === near ? `func ${index}` : `func ${index} of instance ${this.#place(instance).number}`
  }
}

function describe(module: Module, instance: number, functionIndex: number): TraceFunction {
  const names = functionNamesOf(module)
  return { instance, moduleName: names.module, functionIndex, functionName: names.functions.get(functionIndex) }
}

/** What no handler may see is no error: it ends the guest. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : isUncatchable(error)
      ? 'ends the guest'
      : 'an object'
}

const bits = new DataView(new ArrayBuffer(8))

/** NaNs as in the text format. */
function float32(word: number): number | string {
  bits.setInt32(0, word)
  const value = bits.getFloat32(0)
  return value === value ? value : nan(word < 0, BigInt(word & 0x7f_ffff), 0x40_0000n)
}

function float64(low: number, high: number): number | string {
  bits.setInt32(0, high)
  bits.setInt32(4, low)
  const value = bits.getFloat64(0)
  if (value === value) return value
  return nan(high < 0, (BigInt(high & 0xf_ffff) << 32n) | BigInt(low >>> 0), 0x8_0000_0000_0000n)
}

const nan = (negative: boolean, payload: bigint, canonical: bigint): string =>
  `${negative ? '-' : ''}nan${payload === canonical ? '' : `:0x${payload.toString(16)}`}`

/** What of an integer is stored. */
function narrowed(value: TraceValue | undefined, byteLength: number): TraceValue | undefined {
  if (value?.type === 'i32' && byteLength < 4)
    return { type: 'i32', value: (value.value as number) & (2 ** (8 * byteLength) - 1) }
  if (value?.type === 'i64' && byteLength < 8)
    return { type: 'i64', value: BigInt.asUintN(8 * byteLength, value.value as bigint) }
  return value
}

/** The lane that was just stored, as an unsigned integer. */
function laneAt({ memories }: Instance, memory: number, address: number, byteLength: number): TraceValue {
  const { u8 } = memories[memory]
  let value = 0n
  for (let i = byteLength - 1; i >= 0; i--) value = (value << 8n) | BigInt(u8[address + i])
  return byteLength === 8 ? { type: 'i64', value: BigInt.asIntN(64, value) } : { type: 'i32', value: Number(value) | 0 }
}

const texts = new WeakMap<Module, Map<number, string>>()

function instructionText(module: Module, offset: number, op: number): string {
  let ofModule = texts.get(module)
  if (ofModule === undefined) texts.set(module, (ofModule = new Map()))
  let text = ofModule.get(offset)
  if (text === undefined) ofModule.set(offset, (text = printInstruction(module, offset, op)))
  return text
}

/** The name with its index, label or memory offset. Constants are results, types say little. */
function printInstruction(module: Module, offset: number, op: number): string {
  const r = new InstrReader(module.bytes, offset)
  r.opcode()
  const name = opcodeById(op)![1]
    .replace('select.typed', 'select')
    .replace(/^(ref\.(?:test|cast))_null$/, '$1')
  switch (OP_IMM[op] as ImmKind) {
    case ImmKind.Local:
    case ImmKind.Global:
    case ImmKind.Label:
    case ImmKind.Func:
    case ImmKind.Tag:
    case ImmKind.Table:
    case ImmKind.Memory:
    case ImmKind.Data:
    case ImmKind.Elem:
    case ImmKind.Type:
      return `${name} ${r.u32()}`
    case ImmKind.TypeField:
      return `${name} ${r.u32()} ${r.u32()}`
    case ImmKind.Memarg:
    case ImmKind.MemargLane: {
      r.memarg()
      const at = r.low === 0 && r.high === 0 ? '' : ` offset=${(BigInt(r.high >>> 0) << 32n) | BigInt(r.low >>> 0)}`
      const lane = OP_IMM[op] === ImmKind.MemargLane ? ` ${r.u8()}` : ''
      return `${name}${r.memory === 0 ? '' : ` ${r.memory}`}${at}${lane}`
    }
    case ImmKind.Lane:
      return `${name} ${r.u8()}`
    default:
      return name
  }
}
