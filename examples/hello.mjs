// A host function that reads the guest's memory.   node examples/hello.mjs [NAME]
import { readFileSync } from 'node:fs'
import { parseWat, WasmModule } from 'zwasm'

const { bytes } = parseWat(readFileSync(new URL('hello.wat', import.meta.url)))
const module = WasmModule.loadWithImports(bytes, {
  host: { print: (at, length) => console.log(module.readString(at, length)) },
})
const length = module.writeString(64, process.argv[2] ?? 'world')
module.invoke('greet', length)
