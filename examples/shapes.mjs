// What a module wants and offers, before anything of it runs.   node examples/shapes.mjs
import { readFileSync } from 'node:fs'
import { inspectImportFunctions, parseWat, WebAssembly } from 'zwasm'

const { bytes } = parseWat(readFileSync(new URL('hello.wat', import.meta.url)))
for (const { module, name, params, results } of inspectImportFunctions(bytes))
  console.log(`wants ${module}.${name}(${params.join(', ')}) -> (${results.join(', ')})`)

// The standard namespace, on zwasm's engine.
const module = new WebAssembly.Module(bytes)
for (const { name, kind } of WebAssembly.Module.exports(module)) console.log(`offers ${kind} ${name}`)
