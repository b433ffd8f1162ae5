// WASI.

export type { Clock } from './clocks.ts'
export { WasiError } from './errors.ts'
export type { FileSystem } from './fs/file-system.ts'
export { OverlayFileSystem } from './fs/overlay.ts'
export {
  type FileTree,
  MemoryFileSystem,
  Symlink,
  VirtualFileSystem,
  type VirtualFileSystemOptions,
} from './fs/virtual.ts'
export { loadWasi, type LoadWasiOptions, type WasiProgram, wasiVersion } from './load.ts'
export type { Input as WASIInput, Output as WASIOutput } from './stdio.ts'
export { type Preopen, WASI, type WASIOptions } from './wasi.ts'
