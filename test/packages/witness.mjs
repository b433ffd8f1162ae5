// Preloaded by scripts/packages.mjs: says on channel 3 at exit whose WebAssembly the program found.
import { writeSync } from 'node:fs'

if (process.env.WITNESS_REMOVE !== undefined) delete globalThis.WebAssembly
process.on('exit', () => writeSync(3, typeof WebAssembly === 'undefined' ? 'none' : /native code/.test(WebAssembly.Memory) ? 'host' : 'zwasm')) // prettier-ignore
