// Growth of typed arrays: doubling, so that appending is amortised O(1).

/** `array` itself if it holds `needed` elements, else a copy of twice its size (or `needed`), but of no more than `max`. */
export function growInt32(array: Int32Array<ArrayBuffer>, needed: number, max = Infinity): Int32Array<ArrayBuffer> {
  if (array.length >= needed) return array
  const grown = new Int32Array(Math.max(needed, Math.min(max, array.length * 2)))
  grown.set(array)
  return grown
}

/** Likewise for unsigned words. */
export function growUint32(array: Uint32Array<ArrayBuffer>, needed: number): Uint32Array<ArrayBuffer> {
  if (array.length >= needed) return array
  const grown = new Uint32Array(Math.max(needed, array.length * 2))
  grown.set(array)
  return grown
}

/** Likewise for bytes. */
export function growUint8(array: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  if (array.length >= needed) return array
  const grown = new Uint8Array(Math.max(needed, array.length * 2))
  grown.set(array)
  return grown
}
