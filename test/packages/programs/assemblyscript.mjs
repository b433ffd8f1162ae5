// @fluffylabs/anan-as: bindings that asc writes (esm); @chainsafe/as-sha256: glue after AssemblyScript's loader.
import { createHash } from 'node:crypto'
import { digest, hashInto } from '@chainsafe/as-sha256'
import * as pvm from '../node_modules/@fluffylabs/anan-as/dist/build/release.js'

for (const length of [0, 1, 55, 64, 1000, 100_000]) {
  const data = Uint8Array.from({ length }, (_, i) => (i * 7) & 255)
  const hash = Buffer.from(digest(data)).toString('hex')
  console.log(length, hash, hash === createHash('sha256').update(data).digest('hex'))
}
const out = new Uint8Array(256)
hashInto(
  Uint8Array.from({ length: 512 }, (_, i) => i & 255),
  out,
)
console.log(Buffer.from(out).toString('hex'))

// Arrays, strings, records and errors go through the bindings.
const bytecode = new Uint8Array([51, 7, 5, 200, 135, 8, 3, 100, 0])
const program = [...pvm.wrapAsProgram(bytecode)]
console.log(pvm.disassemble(program, pvm.InputKind.Generic, pvm.HasMetadata.No))
const prepared = pvm.prepareProgram(
  pvm.InputKind.Generic,
  pvm.HasMetadata.No,
  program,
  Array(13).fill(5n),
  [],
  [],
  [],
  4,
)
console.log(pvm.runProgram(prepared, 1000n, 0))
for (const malformed of [[1, 2], null])
  try {
    console.log(pvm.disassemble(malformed, pvm.InputKind.Generic, pvm.HasMetadata.No))
  } catch (error) {
    console.log(error.message)
  }
