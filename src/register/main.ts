// `node --import zwasm/register app.js`: zwasm's namespace in the place of globalThis.WebAssembly, for programs that know nothing
// about it. Threads that the program starts inherit it.
//
// ZWASM_OPTIONS holds the options of `createWebAssembly`: JSON text, or the path of a file with it.
//
//   ZWASM_OPTIONS='{"limits":{"memory":67108864}}' node --import zwasm/register app.js
//   ZWASM_OPTIONS=./zwasm.json node --import zwasm/register app.js

import { readRegisterOptions } from './options.ts'

const { createWebAssembly } = await import('../index.ts')

try {
  Object.defineProperty(globalThis, 'WebAssembly', {
    value: createWebAssembly(readRegisterOptions(process.env.ZWASM_OPTIONS)),
    writable: true,
    enumerable: false,
    configurable: true,
  })
} catch (error) {
  // Uncaught, the error would be printed below a line of the bundle.
  console.error(`zwasm/register: ${(error as Error).message}`)
  process.exit(1)
}
