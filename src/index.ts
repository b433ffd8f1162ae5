// The public API of zwasm.

export { dumpMachineCode, dumpRegisterIr, dumpSsa, findFunctions, validate } from './api/compile.ts'
export {
  type CoredumpFrame,
  type CoredumpInfo,
  coredumpOf,
  type CoredumpValue,
  inspectCoredump,
} from './api/coredump.ts'
export { formatCoverage, formatLcov, type FunctionCoverage, lineFinder, type ModuleCoverage } from './api/coverage.ts'
export { CompileError, LinkError, RuntimeError } from './api/errors.ts'
export { type FeatureReport, features } from './api/features.ts'
export {
  type ExportType,
  type ExternType,
  type ImportFunction,
  type ImportType,
  inspectImportFunctions,
  inspectModule,
  type ModuleInfo,
} from './api/inspect.ts'
export { Call, type CallState, type RunOptions } from './api/call.ts'
export {
  AbortedError,
  DeadlineExceededError,
  FuelExhaustedError,
  GcHeapLimitError,
  type Limit,
  LimitExceededError,
} from './api/limit-errors.ts'
export { ModuleInstance } from './api/module-instance.ts'
export { perfMap } from './api/native.ts'
export { createWebAssembly, WebAssembly } from './api/namespace.ts'
export type * from './api/namespace-types.ts'
export type { ControlOptions, Engine, FeatureSwitches, LimitOptions, NamespaceOptions } from './api/options.ts'
export { formatProfile, formatSpeedscope, type ProfileFunction, type ProfileReport } from './api/profile.ts'
export { printWat } from './api/text.ts'
export { type TrapFrame, trapInfo, type TrapInfo } from './api/run-error.ts'
export { version } from './api/version.ts'
export { formatTraceEvent } from './api/trace-text.ts'
export type {
  CallEvent,
  ExecEvent,
  HostEvent,
  MemoryEvent,
  PauseEvent,
  TraceEvent,
  TraceFunction,
  TraceKind,
  TraceOptions,
  TraceValue,
} from './api/trace-events.ts'
export { type CompiledModule, Vm, type VmOptions } from './api/vm.ts'
export { type LoadOptions, WasmModule } from './api/wasm-module.ts'
export { runWast, type WastOptions, type WastReport } from './api/wast-runner.ts'
export { generateTypes } from './component/types/dts.ts'
export type { Package as WitPackage, World as WitWorld } from './component/wit/model.ts'
export type { SourceGroup } from './component/wit/packages.ts'
export { printPackages as printWit } from './component/wit/print.ts'
export { type ResolveOptions, resolveWit } from './component/wit/resolve.ts'
export { type SourceFile, WitError, type WitProblem } from './component/wit/source.ts'
export { parseWat, type ParsedText, type ParseOptions } from './text/parse.ts'
export type { PrintOptions } from './text/print.ts'
export { formatAt, TextError } from './text/text-error.ts'
export { nearestName } from './util/nearest.ts'
export {
  type Clock,
  type FileSystem,
  type FileTree,
  type LoadWasiOptions,
  loadWasi,
  MemoryFileSystem,
  OverlayFileSystem,
  type Preopen,
  Symlink,
  type VirtualFileSystem,
  type VirtualFileSystemOptions,
  WASI,
  WasiError,
  type WASIInput,
  type WASIOptions,
  type WASIOutput,
  wasiVersion,
  type WasiProgram,
} from './wasi/index.ts'
