import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from '../../src/util/byte-writer.ts'
import { lengthU32 } from '../../src/util/leb128.ts'
import { FormatError } from '../../src/wasm/errors.ts'
import { ByteReader } from '../../src/wasm/reader.ts'

const EDGES = [0n, 1n, 63n, 64n, 127n, 128n, 8191n, 8192n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n]

test('u32 round trip in shortest form', () => {
  for (const edge of EDGES) {
    const value = Number(edge)
    const w = new ByteWriter(1)
    w.u32(value)
    assert.equal(w.pos, lengthU32(value))
    assert.equal(new ByteReader(w.finish()).u32(), value)
  }
})

test('s32, s33, s64 and u64 round trip', () => {
  const wide = [...EDGES, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 0x1234_5678_9abc_def0n]
  for (const magnitude of wide) {
    for (const value of [magnitude, -magnitude, -magnitude - 1n]) {
      const w = new ByteWriter(1)
      w.s64(value)
      const r = new ByteReader(w.finish())
      r.s64()
      assert.equal((BigInt(r.high) << 32n) | BigInt(r.low >>> 0), BigInt.asIntN(64, value))
      assert.equal(r.pos, w.pos)
      if (value >= -(2n ** 31n) && value < 2n ** 31n) {
        const w32 = new ByteWriter()
        w32.s32(Number(value))
        assert.deepEqual(w32.finish(), w.finish())
        assert.equal(new ByteReader(w.finish()).s32(), Number(value))
      }
      if (value >= -(2n ** 32n) && value < 2n ** 32n) {
        const read = new ByteReader(w.finish()).s33()
        if (value >= 0n) assert.equal(read, Number(value))
        else assert(read < 0)
      }
    }
    const w = new ByteWriter(1)
    w.u64(magnitude)
    const r = new ByteReader(w.finish())
    r.u64()
    assert.equal((BigInt(r.high) << 32n) | BigInt(r.low), magnitude)
    if (magnitude <= 2n ** 53n) {
      const n = new ByteWriter()
      n.u64(Number(magnitude))
      assert.deepEqual(n.finish(), w.finish())
    }
  }
})

function failure(bytes: number[], read: (r: ByteReader) => void): string {
  try {
    read(new ByteReader(Uint8Array.from(bytes)))
  } catch (e) {
    assert(e instanceof FormatError && e.kind === 'malformed')
    return e.message
  }
  return 'accepted'
}

test('padding is allowed up to the maximal length', () => {
  const u32 = (r: ByteReader) => assert.equal(r.u32(), 2)
  assert.equal(failure([0x82, 0x80, 0x80, 0x80, 0x00], u32), 'accepted')
  assert.equal(failure([0x82, 0x80, 0x80, 0x80, 0x80, 0x00], u32), 'integer representation too long')
  const s32 = (r: ByteReader) => assert.equal(r.s32(), -1)
  assert.equal(failure([0xff, 0xff, 0xff, 0xff, 0x7f], s32), 'accepted')
  assert.equal(failure([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], s32), 'integer representation too long')
})

test('unused bits of the last byte must agree with the sign', () => {
  for (const last of [0x10, 0x40])
    assert.equal(
      failure([0x80, 0x80, 0x80, 0x80, last], (r) => r.u32()),
      'integer too large',
    )
  for (const last of [0x08, 0x1f, 0x4f, 0x70])
    assert.equal(
      failure([0xff, 0xff, 0xff, 0xff, last], (r) => r.s32()),
      'integer too large',
    )
  assert.equal(
    failure([0xff, 0xff, 0xff, 0xff, 0x0f], (r) => assert.equal(r.s33(), 2 ** 32 - 1)),
    'accepted',
  )
  assert.equal(
    failure([0xff, 0xff, 0xff, 0xff, 0x1f], (r) => r.s33()),
    'integer too large',
  )
  const nine = Array<number>(9).fill(0xff)
  assert.equal(
    failure([...nine, 0x01], (r) => r.u64()),
    'accepted',
  )
  assert.equal(
    failure([...nine, 0x02], (r) => r.u64()),
    'integer too large',
  )
  assert.equal(
    failure([...nine, 0x7f], (r) => r.s64()),
    'accepted',
  )
  assert.equal(
    failure([...nine, 0x01], (r) => r.s64()),
    'integer too large',
  )
  assert.equal(
    failure([...nine, 0x80], (r) => r.s64()),
    'integer representation too long',
  )
})

test('the end of the bytes', () => {
  const readers: ((r: ByteReader) => void)[] = [
    (r) => r.u32(),
    (r) => r.s32(),
    (r) => r.s33(),
    (r) => r.u64(),
    (r) => r.s64(),
  ]
  for (const read of readers)
    for (const bytes of [[], [0x80], [0x80, 0x80]]) assert.match(failure(bytes, read), /^unexpected end/)
  assert.match(
    failure([], (r) => r.u8()),
    /^unexpected end/,
  )
  assert.match(
    failure([1, 2], (r) => r.skipBytes(3)),
    /^unexpected end/,
  )
})

test('sized parts get the shortest length in front', () => {
  for (const size of [0, 1, 127, 128, 20000]) {
    const w = new ByteWriter(1)
    const outer = w.beginSized()
    const inner = w.beginSized()
    w.copy(new Uint8Array(size).fill(7))
    w.endSized(inner)
    w.u8(9)
    w.endSized(outer)
    const r = new ByteReader(w.finish())
    assert.equal(r.u32(), w.pos - r.pos)
    assert.equal(r.u32(), size)
    assert.equal(w.bytes[w.pos - 1], 9)
  }
})
