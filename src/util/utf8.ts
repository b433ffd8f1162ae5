// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. Own code, because hosts without `TextDecoder` exist
// and because names are short: for them the call into the host costs more than the decoding.

/** Characters per `String.fromCharCode` call; bounded by the argument limit of JavaScript engines. */
const CHUNK = 4096

/** The string that the bytes [start, end) encode, or `undefined` if they are not well-formed UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  const units: number[] = []
  for (let i = start; i < end;) {
    const b = bytes[i++]
    if (b < 0x80) units.push(b)
    else {
      const length = b < 0xc2 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : b < 0xf5 ? 3 : 0
      if (length === 0 || i + length > end) return undefined
      let code = b & (0x3f >> length)
      for (let k = 0; k < length; k++) {
        const c = bytes[i++]
        if ((c & 0xc0) !== 0x80) return undefined
        code = (code << 6) | (c & 0x3f)
      }
      if (length === 1) units.push(code)
      else if (length === 2) {
        if (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)) return undefined
        units.push(code)
      } else {
        if (code < 0x10000 || code > 0x10ffff) return undefined
        units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
      }
    }
    if (units.length >= CHUNK) {
      text += String.fromCharCode.apply(null, units)
      units.length = 0
    }
  }
  return text + String.fromCharCode.apply(null, units)
}

/** The UTF-8 bytes of a string; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3)
  let n = 0
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      bytes[n++] = code
      continue
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 && i + 1 < text.length ? text.charCodeAt(i + 1) : 0
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        i++
      } else code = 0xfffd
    }
    if (code < 0x800) bytes[n++] = 0xc0 | (code >> 6)
    else {
      if (code < 0x10000) bytes[n++] = 0xe0 | (code >> 12)
      else {
        bytes[n++] = 0xf0 | (code >> 18)
        bytes[n++] = 0x80 | ((code >> 12) & 0x3f)
      }
      bytes[n++] = 0x80 | ((code >> 6) & 0x3f)
    }
    bytes[n++] = 0x80 | (code & 0x3f)
  }
  return bytes.slice(0, n)
}
