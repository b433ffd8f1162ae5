// The events of a trace.

/** Where something happens. */
export interface TraceFunction {
  /** Number of the instance in its `Vm`, in the order in which the trace meets them. */
  readonly instance: number
  readonly moduleName: string | undefined
  readonly functionIndex: number
  /** From the name section; else the name of its first export. */
  readonly functionName: string | undefined
}

/**
 * A value. `value` of an i32, f32 or f64 is a number, of an i64 a bigint (signed). A string stands for a NaN (as in the text format: `nan`,
 * `-nan:0x1`), a v128 (`i32x4 0x00000001 ...`) and a reference: `null`, `i31 5`, `func 3`, `extern`, `struct`, `array`, `exn`.
 */
export interface TraceValue {
  readonly type: 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'ref'
  readonly value: number | bigint | string
}

/** An instruction was executed. */
export interface ExecEvent {
  readonly kind: 'exec'
  readonly function: TraceFunction
  /** Byte offset in the module. */
  readonly offset: number
  /** Its name, with indices, labels and memory offsets: `i32.load offset=4`. */
  readonly instruction: string
  /** Undefined if the event only tells the results of an instruction that was told before: of calls, which end later. */
  readonly operands: readonly TraceValue[] | undefined
  /** Undefined if it has none, or not yet. */
  readonly results: readonly TraceValue[] | undefined
  /** Text of the trap, if it trapped. */
  readonly trap: string | undefined
}

/** A function began or ended. */
export interface CallEvent {
  readonly kind: 'call'
  /** How: `tail call` and `exception` end it without results, `trap` with everything else. */
  readonly event: 'enter' | 'return' | 'tail call' | 'exception' | 'trap'
  readonly function: TraceFunction
  /** Traced functions and host functions that are active around it. */
  readonly depth: number
  /** Of `enter`: arguments. Of `return`: results. */
  readonly values: readonly TraceValue[] | undefined
  /** Text of the trap. */
  readonly trap: string | undefined
}

/** A call from JavaScript stopped, with all its functions, or goes on. */
export interface PauseEvent {
  readonly kind: 'call'
  readonly event: 'pause' | 'resume'
  readonly depth: number
  /** Of a pause: `host` for a promise that an import returned, else which limit. */
  readonly reason: string | undefined
}

/** Memory was accessed. Accesses out of bounds are none. */
export interface MemoryEvent {
  readonly kind: 'mem'
  readonly access: 'load' | 'store' | 'rmw'
  readonly function: TraceFunction
  /** Of the instruction in the module. */
  readonly offset: number
  readonly instruction: string
  readonly memory: number
  readonly address: number
  readonly byteLength: number
  /** What was loaded or stored; of `rmw` what was there before. Undefined for bulk instructions and `memory.atomic.wait`. */
  readonly value: TraceValue | undefined
  /** Of `rmw`: the operands behind the address. */
  readonly operands: readonly TraceValue[] | undefined
}

/** An import that is a JavaScript function was called, returned or threw. */
export interface HostEvent {
  readonly kind: 'host'
  readonly event: 'call' | 'return' | 'throw'
  /** Module and name of the import, with a dot between. */
  readonly name: string
  readonly depth: number
  /** Of `call`: arguments. Of `return`: results. */
  readonly values: readonly TraceValue[] | undefined
  /** Of `throw`: what, as a string. */
  readonly error: string | undefined
}

export type TraceEvent = ExecEvent | CallEvent | PauseEvent | MemoryEvent | HostEvent

/**
 * - `exec`: every instruction, with operands and results;
 * - `call`: functions that begin and end, with arguments and results;
 * - `mem`: loads and stores;
 * - `host`: calls of imported JavaScript functions.
 */
export type TraceKind = TraceEvent['kind']

export const TRACE_KINDS: readonly TraceKind[] = ['exec', 'call', 'mem', 'host']

export interface TraceOptions {
  readonly kinds: readonly TraceKind[]
  /**
   * Only these functions: by index, or by a name of the name section or an export. All by default. Of host calls those that these functions
   * make.
   */
  readonly functions?: readonly (string | number)[]
  /** Receives the events as they happen. What it throws ends the call. It must not call into the `Vm` that it watches. */
  readonly sink: (event: TraceEvent) => void
}
