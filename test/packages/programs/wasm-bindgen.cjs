// brotli-wasm: the brotli crate with the glue of wasm-bindgen.
const { createHash } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { brotliDecompressSync } = require('node:zlib')
const brotli = require('brotli-wasm')

const text = readFileSync(join(__dirname, '../package-lock.json'))
for (const quality of [1, 5, 9]) {
  const packed = brotli.compress(text, { quality })
  const same = Buffer.from(brotli.decompress(packed)).equals(text) && brotliDecompressSync(packed).equals(text)
  console.log(quality, packed.length, createHash('sha256').update(packed).digest('hex'), same)
}
try {
  brotli.decompress(new Uint8Array([1, 2, 3, 4]))
} catch (error) {
  console.log(String(error))
}
const stream = new brotli.DecompressStream()
const packed = brotli.compress(text)
let result
let bytes = 0
for (let at = 0; at < packed.length; at += result.input_offset) {
  result = stream.decompress(packed.subarray(at, at + 500), 1000)
  bytes += result.buf.length
}
console.log(bytes > 0, stream.total_out() === bytes)
