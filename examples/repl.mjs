// Calls functions of a text module, line by line: `add 2 3`. An empty line or the end of the input ends it.
//   node examples/repl.mjs FILE
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Vm, WasmModule } from 'zwasm'

const file = process.argv[2]
if (file === undefined) {
  console.error('Usage: node examples/repl.mjs FILE')
  process.exit(2)
}
const module = WasmModule.loadFromWat(readFileSync(file, 'utf8'), { vm: new Vm({ timeout: 2000 }) })
const functions = new Map(module.exportTypes.filter((e) => e.kind === 'function').map((e) => [e.name, e]))
const show = ({ name, params, results }) => `${name}(${params.join(', ')}) -> (${results.join(', ')})`
console.log([...functions.values()].map(show).join('\n'))

/** A word as a value of a type. */
const valueOf = (word, type) => (type === 'i64' || type === 'v128' ? BigInt(word) : Number(word))

const input = createInterface({
  input: process.stdin,
  output: process.stdin.isTTY ? process.stdout : undefined,
  prompt: '> ',
})
input.prompt()
for await (const line of input) {
  const [name, ...words] = line.trim().split(/\s+/)
  if (name === '') break
  const type = functions.get(name)
  try {
    if (type === undefined) throw new Error(`no function ${name}`)
    const args = words.map((word, i) => valueOf(word, type.params[i]))
    console.log(String(module.invoke(name, ...args)))
  } catch (error) {
    console.log(`error: ${error.message}`)
  }
  input.prompt()
}
input.close()
