import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../src/util/utf8.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function reference(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

test('well-formed and ill-formed sequences as TextDecoder sees them', () => {
  const interesting = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1,
    0xf4, 0xf5, 0xff,
  ]
  const bytes = new Uint8Array(4)
  for (const a of interesting)
    for (const b of interesting)
      for (const c of interesting)
        for (const d of interesting) {
          bytes.set([a, b, c, d])
          assert.equal(decodeUtf8(bytes, 0, 4), reference(bytes), String(bytes))
        }
})

test('truncated sequences', () => {
  for (const text of ['é', '€', '😀']) {
    const bytes = encodeUtf8(text)
    for (let n = 1; n < bytes.length; n++) assert.equal(decodeUtf8(bytes, 0, n), undefined)
    assert.equal(decodeUtf8(bytes, 0, bytes.length), text)
  }
})

test('encoding', () => {
  const encoder = new TextEncoder()
  for (const text of [
    '',
    'abc',
    'é€😀',
    '\ufeffx',
    '\0',
    '\u{10ffff}\ud7ff\ue000',
    'a'.repeat(10000) + '😀',
    '\ud800',
    'x\udc00y',
    '\ud83d',
  ])
    assert.deepEqual([...encodeUtf8(text)], [...encoder.encode(text)])
  const long = '😀'.repeat(9000)
  const bytes = encodeUtf8(long)
  assert.equal(decodeUtf8(bytes, 0, bytes.length), long)
})
