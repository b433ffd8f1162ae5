// WASI.

export type { Clock } from './clocks.ts'
export { loadWasi, type LoadWasiOptions, type WasiProgram, wasiVersion } from './load.ts'
export type { Input as WASIInput, Output as WASIOutput } from './stdio.ts'
export { type Preopen, WASI, type WASIOptions } from './wasi.ts'
