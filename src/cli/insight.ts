// The options of `run` that show what the guest does: --trace, --profile, --coverage.

import { closeSync, openSync, writeSync } from 'node:fs'
import {
  CompileError,
  findFunctions,
  formatCoverage,
  formatLcov,
  formatProfile,
  formatSpeedscope,
  formatTraceEvent,
  lineFinder,
  type ModuleCoverage,
  type TraceKind,
  type Vm,
  type VmOptions,
} from '../index.ts'
import { type CommandLine, has, type Option, valueOf, valuesOf } from './args.ts'
import { Failure, UsageError } from './failure.ts'
import type { InputModule } from './input.ts'
import { inputName, systemText, writeError, writeResult } from './io.ts'

const KINDS = ['exec', 'call', 'mem', 'host', 'wasi']

export const INSIGHT_OPTIONS: readonly Option[] = [
  {
    name: 'trace',
    value: 'KIND[,KIND]',
    help: 'Print what the guest does: exec (instructions), call, mem, host, wasi',
    group: 'Debugging',
  },
  {
    name: 'trace-func',
    value: 'FUNC',
    repeat: true,
    help: 'Trace only this function (name or index)',
    group: 'Debugging',
  },
  { name: 'trace-format', value: 'FORMAT', help: 'text (default) or json, one object a line', group: 'Debugging' },
  { name: 'trace-file', value: 'FILE', help: 'Write the trace to a file, not to stderr', group: 'Debugging' },
  {
    name: 'profile',
    value: 'FILE',
    valueOptional: true,
    help: 'Count instructions and calls; print tables, or write FILE for speedscope.app',
    group: 'Debugging',
  },
  {
    name: 'coverage',
    value: 'FILE',
    valueOptional: true,
    help: 'Print which instructions were executed, or write FILE as lcov',
    group: 'Debugging',
  },
]

/** A module and where it came from. */
export interface Source {
  readonly file: string
  readonly input: InputModule
}

/** Bytes of a trace file that are written at a time. */
const BUFFER_SIZE = 1 << 16

/** Where a trace goes. */
class TraceOutput {
  readonly #file: string | undefined
  readonly #fd: number | undefined
  #buffer = ''

  constructor(file: string | undefined) {
    this.#file = file
    if (file === undefined) return
    try {
      this.#fd = openSync(file, 'w')
    } catch (error) {
      throw this.#failure(error)
    }
    // The guest may end the process from anywhere.
    process.on('exit', () => this.flush())
  }

  /** To a file in portions; to stderr at once, in step with what the guest itself writes. */
  line(text: string): void {
    if (this.#fd === undefined) return writeError(`${text}\n`)
    this.#buffer += `${text}\n`
    if (this.#buffer.length >= BUFFER_SIZE) this.flush()
  }

  flush(): void {
    if (this.#fd === undefined || this.#buffer === '') return
    const bytes = Buffer.from(this.#buffer)
    this.#buffer = ''
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  close(): void {
    this.flush()
    if (this.#fd !== undefined) closeSync(this.#fd)
  }

  #failure(error: unknown): Failure {
    return new Failure(`failed to write \`${this.#file}\`: ${systemText(error)}`)
  }
}

/** What the options of a run ask for. */
export class Insight {
  readonly #output: TraceOutput | undefined
  readonly #isJson: boolean
  readonly #functions: readonly (string | number)[]
  readonly #profile: string | undefined
  readonly #coverage: string | undefined
  /** For the `Vm`. */
  readonly options: Pick<VmOptions, 'trace' | 'profile' | 'coverage'>
  /** For the `WASI`. */
  readonly traceWasi: ((text: string) => void) | undefined

  constructor(line: CommandLine) {
    const kinds = readKinds(valueOf(line, 'trace'))
    const ofVm = kinds.filter((kind): kind is TraceKind => kind !== 'wasi')
    this.#isJson = readFormat(valueOf(line, 'trace-format')) === 'json'
    this.#functions = valuesOf(line, 'trace-func').map((name) => (/^\d+$/.test(name) ? Number(name) : name))
    for (const option of ['trace-func', 'trace-format', 'trace-file'])
      if (has(line, option) && kinds.length === 0) throw new UsageError(`the option '--${option}' needs --trace`)
    if (this.#functions.length > 0 && ofVm.length === 0)
      throw new UsageError("the option '--trace-func' needs --trace with exec, call, mem or host")
    const output = kinds.length === 0 ? undefined : new TraceOutput(valueOf(line, 'trace-file'))
    this.#output = output
    this.#profile = valueOf(line, 'profile')
    this.#coverage = valueOf(line, 'coverage')
    const format = this.#isJson ? 'json' : 'text'
    this.options = {
      ...(output === undefined || ofVm.length === 0
        ? {}
        : {
            trace: {
              kinds: ofVm,
              sink: (event) => output.line(formatTraceEvent(event, format)),
              ...(this.#functions.length === 0 ? {} : { functions: this.#functions }),
            },
          }),
      ...(this.#profile === undefined ? {} : { profile: true }),
      ...(this.#coverage === undefined ? {} : { coverage: true }),
    }
    this.traceWasi =
      output === undefined || !kinds.includes('wasi')
        ? undefined
        : (text) => output.line(this.#isJson ? JSON.stringify({ kind: 'wasi', text }) : text)
  }

  /** A misspelt --trace-func would give an empty trace. */
  checkFunctions(modules: readonly Source[]): void {
    for (const func of this.#functions)
      if (typeof func === 'string' && !modules.some(({ input }) => isFunctionOf(input, func)))
        throw new UsageError(`no function is called '${func}' (--trace-func)`)
  }

  /** Runs the program; shows then what it did, however it ended. */
  watch(vm: Vm, modules: readonly Source[], program: () => number): number {
    let code: number
    try {
      code = program()
    } catch (error) {
      try {
        this.#finish(vm, modules)
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure
        // How the program ended is more important.
        writeError(`${failure.message}\n`)
      }
      throw error
    }
    this.#finish(vm, modules)
    return code
  }

  #finish(vm: Vm, modules: readonly Source[]): void {
    this.#output?.close()
    if (this.#profile !== undefined) {
      const report = vm.profile()
      if (this.#profile === '') writeError(`${formatProfile(report)}\n`)
      else writeResult(this.#profile, formatSpeedscope(report, inputName(modules[0].file)))
    }
    if (this.#coverage === undefined) return
    const covered = vm.coverage()
    if (this.#coverage === '') writeError(covered.map((module) => `${formatCoverage(module)}\n`).join('\n'))
    else writeResult(this.#coverage, covered.map((module) => lcov(module, modules)).join(''))
  }
}

function isFunctionOf({ bytes }: InputModule, name: string): boolean {
  try {
    return findFunctions(bytes, name).length > 0
  } catch (error) {
    // That it is no module is reported when it is compiled.
    if (error instanceof CompileError) return true
    throw error
  }
}

function lcov(module: ModuleCoverage, modules: readonly Source[]): string {
  const { file, input } = modules.find((m) => Buffer.compare(m.input.bytes, module.bytes) === 0)!
  return formatLcov(module, inputName(file), input.source && lineFinder(input.source))
}

function readKinds(value: string | undefined): string[] {
  if (value === undefined) return []
  const kinds = value.split(',')
  for (const kind of kinds)
    if (!KINDS.includes(kind))
      throw new UsageError(
        `invalid value '${value}' for '--trace <KIND[,KIND]>'`,
        `possible values: ${KINDS.join(', ')}`,
      )
  return kinds
}

function readFormat(value = 'text'): string {
  if (value !== 'text' && value !== 'json')
    throw new UsageError(`invalid value '${value}' for '--trace-format <FORMAT>'`, 'possible values: text, json')
  return value
}
