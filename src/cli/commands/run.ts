import {
  coredumpOf,
  DeadlineExceededError,
  dumpMachineCode,
  dumpRegisterIr,
  dumpSsa,
  type ExportType,
  type Imports,
  LinkError,
  type ModuleInstance,
  nearestName,
  RuntimeError,
  trapInfo,
  Vm,
  type VmOptions,
  type WASI,
  perfMap,
} from '../../index.ts'
import { type CommandLine, has, valueOf, valuesOf } from '../args.ts'
import type { Command } from '../command.ts'
import { commandSummaries } from '../commands.ts'
import { ExitCode, Failure, TRAP_EXIT_CODE, UsageError } from '../failure.ts'
import { type InputModule, invalidModule, readModule } from '../input.ts'
import { inputName, writeOut, writeResult } from '../io.ts'
import { formatValue, parseValue } from '../values.ts'
import { Insight, INSIGHT_OPTIONS, type Source } from '../insight.ts'
import { createWasi, isWasiModule, WASI_OPTIONS, type WasiSettings, wasiSettings } from '../wasi.ts'
import { asksForKeys, readWasmOptions, wasmKeysHelp } from '../wasm-options.ts'

/** Options that show code instead of running it. */
const DUMPS: Readonly<Record<string, { readonly what: string; readonly dump: typeof dumpRegisterIr }>> = {
  'dump-regir': { what: 'the register IR', dump: dumpRegisterIr },
  'dump-ssa': { what: "the compiler's SSA form", dump: dumpSsa },
  'dump-jit': { what: 'the machine code', dump: dumpMachineCode },
}

export const run: Command = {
  name: 'run',
  usage: 'run [OPTIONS] <FILE> [ARGS]...',
  summary: 'Run a module',
  details: [
    'Calls the export `_initialize` if there is one, then the export "" or `_start`. FILE is a binary (.wasm) or text (.wat)\nmodule, or - for stdin. Everything behind FILE belongs to the guest.',
  ],
  guest: true,
  options: [
    {
      name: 'invoke',
      value: 'NAME',
      help: 'Call this export; ARGS are its arguments, typed by its signature',
      group: 'Execution',
    },
    {
      name: 'preload',
      value: 'NAME=FILE',
      repeat: true,
      help: 'Instantiate FILE first; its exports are imports from NAME',
      group: 'Execution',
    },
    {
      name: 'engine',
      value: 'NAME',
      help: "auto (default: machine code for what runs often), jit, interp, or host (the JavaScript engine's own WebAssembly)",
      group: 'Execution',
    },
    ...WASI_OPTIONS,
    {
      name: 'wasm',
      short: 'W',
      value: 'KEY[=VALUE]',
      repeat: true,
      help: 'Limits (fuel, timeout, max-memory-size, ...) and language features; -W help lists them',
      group: 'Limits',
    },
    { name: 'max-memory', value: 'BYTES', help: 'Cap of each linear memory', group: 'Limits' },
    { name: 'max-table-elements', value: 'N', help: 'Cap of each table', group: 'Limits' },
    { name: 'max-gc-heap', value: 'BYTES', help: 'Cap of the garbage-collected heap', group: 'Limits' },
    { name: 'max-instances', value: 'N', help: 'Cap of live instances', group: 'Limits' },
    ...Object.entries(DUMPS).map(([name, { what }]) => ({
      name,
      value: 'FUNC',
      valueOptional: true,
      help: `Print ${what} of all functions, or of one (index or export), and stop`,
      group: 'Debugging',
    })),
    ...INSIGHT_OPTIONS,
    { name: 'perf-map', help: 'Write /tmp/perf-PID.map: names of machine code for perf', group: 'Debugging' },
    { name: 'coredump', value: 'FILE', help: 'If it traps, write a coredump', group: 'Debugging' },
    {
      name: 'debug',
      short: 'D',
      value: 'coredump=FILE',
      help: 'The same, in the spelling of wasmtime',
      group: 'Debugging',
    },
  ],
  examples: [
    ['zwasm app.wasm', 'Run a module; `run` may be left out'],
    ['zwasm run --invoke add math.wat 1 0x2a', 'Call add(1, 42)'],
    ['zwasm run -W fuel=1000000,timeout=2s app.wasm', 'Stop it after so many instructions, or seconds'],
    ['zwasm run --dir data::/data::ro --env LANG=C app.wasm a b', 'Give it a directory, a variable and arguments'],
    ['zwasm run --preload env=lib.wasm app.wasm', 'Take imports from another module'],
    ['zwasm run --dump-regir=add math.wat', 'How the interpreter sees a function'],
  ],
  run(line) {
    if (asksForKeys(valuesOf(line, 'wasm'))) {
      writeOut(wasmKeysHelp())
      return ExitCode.Ok
    }
    const [file, ...args] = line.operands
    if (file === undefined) throw new UsageError('the argument <FILE> is missing')
    const coredump = coredumpFile(line)
    const insight = new Insight(line)
    if (has(line, 'perf-map')) startPerfMap()
    const vm = createVm(line, { coredump: coredump !== undefined, ...insight.options })
    const input = readModuleOrHint(file)
    for (const [name, { dump }] of Object.entries(DUMPS))
      if (has(line, name)) return dumpCode(input, file, valueOf(line, name)!, dump)
    const preloads = valuesOf(line, 'preload').map(readPreload)
    const modules = [{ file, input }, ...preloads]
    const settings = wasiSettings(line, file, args, insight.traceWasi)
    insight.checkFunctions(modules)
    return insight.watch(vm, modules, () => {
      const imports = preload(vm, preloads, coredump)
      return new Run(file, vm, input, imports, coredump, undefined, settings).execute(valueOf(line, 'invoke'), args)
    })
  },
}

/** A missing file may be a misspelt command, since `run` is the default. */
function readModuleOrHint(file: string): InputModule {
  try {
    return readModule(file)
  } catch (error) {
    if (!(error instanceof Failure) || !/^[a-z]+$/.test(file) || !error.message.endsWith('no such file or directory'))
      throw error
    const near = nearestName(
      file,
      commandSummaries().map(([name]) => name),
    )
    throw near === undefined ? error : new Failure(`${error.message} (did you mean the command '${near}'?)`)
  }
}

/** A program that its user starts gets what the standard allows, not the defaults of a `Vm`. */
const UNBOUNDED = {
  timeout: Infinity,
  limits: { memory: 2 ** 32, table: 10_000_000, gcHeap: 2 ** 30, instances: 100_000, moduleSize: 2 ** 30 },
} as const

function startPerfMap(): void {
  try {
    perfMap()
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : new Failure(String(error))
  }
}

/** Where a coredump goes, if one is wanted. */
function coredumpFile(line: CommandLine): string | undefined {
  const file = valueOf(line, 'coredump')
  const debug = valueOf(line, 'debug')
  if (debug === undefined) {
    if (file === '') throw new UsageError("invalid value '' for '--coredump <FILE>'")
    return file
  }
  const [, value] = /^coredump=(.+)$/s.exec(debug) ?? []
  if (value === undefined) throw new UsageError(`invalid value '${debug}' for '-D <coredump=FILE>'`)
  if (file !== undefined) throw new UsageError("'--coredump' and '-D coredump' exclude each other")
  return value
}

function createVm(line: CommandLine, options: VmOptions): Vm {
  const engine = valueOf(line, 'engine') ?? 'auto'
  const wasm = { ...readWasmOptions(valuesOf(line, 'wasm')), ...options }
  const limits: Record<string, number> = { ...wasm.limits }
  for (const [option, limit] of [
    ['max-memory', 'memory'],
    ['max-table-elements', 'table'],
    ['max-gc-heap', 'gcHeap'],
    ['max-instances', 'instances'],
  ]) {
    const text = valueOf(line, option)
    if (text === undefined) continue
    if (!/^\d+$/.test(text)) throw new UsageError(`invalid value '${text}' for '--${option}': a number is needed`)
    limits[limit] = Number(text)
  }
  try {
    if (engine === 'host') return new Vm({ ...wasm, engine, limits })
    return new Vm({ ...UNBOUNDED, ...wasm, engine: engine as 'auto', limits: { ...UNBOUNDED.limits, ...limits } })
  } catch (error) {
    // The options of a Vm are the user's words here.
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message)
    throw error
  }
}

interface Preload extends Source {
  readonly name: string
}

function readPreload(item: string): Preload {
  const equals = item.indexOf('=')
  if (equals < 0) throw new UsageError(`invalid value '${item}' for '--preload <NAME=FILE>'`)
  const file = item.slice(equals + 1)
  return { name: item.slice(0, equals), file, input: readModule(file) }
}

function preload(vm: Vm, preloads: readonly Preload[], coredump: string | undefined): Imports {
  const imports: Record<string, Record<string, unknown>> = {}
  for (const { name, file, input } of preloads) {
    const headline = `failed to preload \`${inputName(file)}\``
    const loaded = new Run(file, vm, input, imports, coredump, headline).instantiate()
    imports[name] = { ...loaded.exports }
  }
  return imports
}

/** Exit codes from here on are those of shells and signals: as wasmtime. */
const MIN_INVALID_STATUS = 126

/** One module on its way from bytes to results. */
class Run {
  readonly #file: string
  readonly #vm: Vm
  readonly #input: InputModule
  readonly #imports: Imports
  readonly #coredump: string | undefined
  readonly #headline: string
  readonly #settings: WasiSettings | undefined
  #wasi: WASI | undefined

  constructor(
    file: string,
    vm: Vm,
    input: InputModule,
    imports: Imports,
    coredump: string | undefined,
    headline = `failed to run main module \`${inputName(file)}\``,
    settings?: WasiSettings,
  ) {
    this.#file = file
    this.#vm = vm
    this.#input = input
    this.#imports = imports
    this.#coredump = coredump
    this.#headline = headline
    this.#settings = settings
  }

  instantiate(): ModuleInstance {
    const context = `failed to instantiate ${JSON.stringify(inputName(this.#file))}`
    try {
      const compiled = this.#vm.compile(this.#input.bytes)
      let imports = this.#imports
      if (this.#settings !== undefined && compiled.imports.some(({ module }) => isWasiModule(module))) {
        this.#wasi = createWasi(this.#settings, this.#vm, compiled.imports)
        imports = { ...this.#wasi.getImportObject(), ...imports }
      }
      for (const wanted of compiled.imports) {
        const given = imports[wanted.module]
        if (given === undefined || !(wanted.name in given))
          throw this.#failure([context, unknownImport(wanted.module, wanted.name)])
      }
      const module = this.#vm.instantiate(compiled, imports)
      this.#wasi?.finalizeBindings(module)
      return module
    } catch (error) {
      if (error instanceof Failure) throw error
      throw this.#executionFailure(error, context)
    }
  }

  execute(invoke: string | undefined, args: readonly string[]): number {
    const module = this.instantiate()
    if (this.#wasi === undefined) this.#callExports(module, invoke, args)
    else {
      const code = this.#wasi.run(() => this.#callExports(module, invoke, args))
      if (code >= MIN_INVALID_STATUS)
        throw this.#failure([
          'failed to invoke command default',
          `exit with invalid exit status outside of [0..${MIN_INVALID_STATUS})`,
        ])
      return code
    }
    return ExitCode.Ok
  }

  #callExports(module: ModuleInstance, invoke: string | undefined, args: readonly string[]): void {
    if (isFunction(module, '_initialize')) this.#call(module, '_initialize', [], 'failed to invoke `_initialize`')
    if (invoke !== undefined) this.#invoke(module, invoke, args)
    else {
      const entry = ['', '_start'].find((name) => isFunction(module, name))
      if (entry !== undefined) this.#call(module, entry, [], 'failed to invoke command default')
    }
  }

  #invoke(module: ModuleInstance, name: string, words: readonly string[]): void {
    const type = module.exportTypes.find((e) => e.name === name)
    if (type === undefined || type.kind !== 'function') throw this.#failure([noFunction(module, name, type)])
    const signature = `${name}(${type.params.join(', ')}) -> (${type.results.join(', ')})`
    if (words.length !== type.params.length) {
      const problem = words.length < type.params.length ? 'not enough' : 'too many'
      throw new UsageError(`${problem} arguments for \`${name}\`: ${words.length} given`, `signature: ${signature}`)
    }
    const args = words.map((word, i) => {
      try {
        return parseValue(word, type.params[i])
      } catch (error) {
        if (error instanceof UsageError)
          throw new UsageError(`argument ${i + 1} of \`${name}\`: ${error.message}`, `signature: ${signature}`)
        throw error
      }
    })
    const result = this.#call(module, name, args, `failed to invoke \`${name}\``)
    const results: readonly unknown[] =
      type.results.length === 1 ? [result] : type.results.length === 0 ? [] : (result as unknown[])
    writeOut(results.map((value, i) => formatValue(value, type.results[i]) + '\n').join(''))
  }

  #call(module: ModuleInstance, name: string, args: readonly unknown[], context: string): unknown {
    try {
      return module.invoke(name, ...args)
    } catch (error) {
      throw this.#executionFailure(error, context)
    }
  }

  #failure(causes: readonly string[], exitCode: number = ExitCode.Error): Failure {
    return new Failure(this.#headline, causes, exitCode)
  }

  /** Traps with their backtrace, link and compile errors with their place; anything else passes and is a bug. */
  #executionFailure(error: unknown, context: string): unknown {
    const trap = trapInfo(error)
    if (trap !== undefined) {
      const frames = trap.frames.map((frame, i) => {
        const offset = `0x${frame.offset.toString(16)}`.padStart(8)
        return `  ${String(i).padStart(3)}: ${offset} - ${frame.moduleName ?? '<unknown>'}!${frame.functionName ?? `<wasm function ${frame.functionIndex}>`}`
      })
      const backtrace = `error while executing at wasm backtrace:\n${frames.join('\n')}`
      return this.#failure(
        [
          context,
          ...(this.#coredump === undefined ? [] : [writeCoredump(this.#coredump, error)]),
          ...(frames.length > 0 ? [backtrace] : []),
          `wasm trap: ${trap.text}`,
          ...(error instanceof DeadlineExceededError ? [`timed out after ${error.max}ms`] : []),
        ],
        TRAP_EXIT_CODE,
      )
    }
    if (error instanceof RuntimeError) return this.#failure([context, `wasm trap: ${error.message}`], TRAP_EXIT_CODE)
    if (error instanceof LinkError)
      return this.#failure([context, error.message.replace(/^WebAssembly\.\w+\(\): /, '')])
    if (error instanceof this.#vm.WebAssembly.Exception)
      return this.#failure([context, 'uncaught WebAssembly exception'])
    if (error instanceof RangeError || error instanceof TypeError) return this.#failure([context, error.message])
    const invalid = invalidModule(error, this.#headline, this.#input.locate)
    return invalid
  }
}

/** Writes the coredump of a trap; what became of it. The trap is reported in any case. */
function writeCoredump(file: string, error: unknown): string {
  const bytes = coredumpOf(error)
  if (bytes === undefined) return 'no coredump: no function was running'
  try {
    writeResult(file, bytes)
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure
    return `no coredump: ${failure.message}`
  }
  return `core dumped at ${file}`
}

const isFunction = (module: ModuleInstance, name: string): boolean =>
  Object.hasOwn(module.exports, name) && typeof module.exports[name] === 'function'

const unknownImport = (module: string, name: string): string =>
  `unknown import: \`${module}::${name}\` has not been defined`

function noFunction(module: ModuleInstance, name: string, type: ExportType | undefined): string {
  if (type !== undefined) return `export \`${name}\` is a ${type.kind}, not a function`
  const names = module.exportTypes.filter((e) => e.kind === 'function').map((e) => e.name)
  const near = nearestName(name, names)
  const hint =
    near !== undefined
      ? `\ndid you mean \`${near}\`?`
      : names.length > 0
        ? `\nexported functions: ${names.join(', ')}`
        : ''
  return `no func export named \`${name}\` found${hint}`
}

function dumpCode(input: InputModule, file: string, func: string, dump: typeof dumpRegisterIr): number {
  try {
    writeOut(dump(input.bytes, func === '' ? undefined : func))
    return ExitCode.Ok
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message)
    throw invalidModule(error, `failed to compile \`${inputName(file)}\``, input.locate)
  }
}
