// What a package of npm with a compiled module inside looks like: the bytes, and glue that knows `WebAssembly` only.
const bytes = Uint8Array.from(atob('AGFzbQEAAAABCwJgAX8Bf2ACf38AAwQDAAABBQMBAAEGBwF/AUGACAsHJgQGbWVtb3J5AgAHcmVzZXJ2ZQAABWFsbG9jAAEHcmV2ZXJzZQACClMDBgAgAEAACwsAIwAjACAAaiQACz4BAn8gACABaiECA0AgAkEBayECIAAgAkkEQCAALQAAIQMgACACLQAAOgAAIAIgAzoAACAAQQFqIQAMAQsLCwA9BG5hbWUCIwMAAQAFcGFnZXMBAQABbgIEAAJhdAEBbgIDZW5kAwRieXRlAwkBAgEABG5leHQHBgEAA3RvcA=='), (c) => c.charCodeAt(0)) // prettier-ignore
const {
  memory,
  alloc,
  reverse: reverseBytes,
  reserve: grow,
} = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports

/** The text backwards. */
export function reverse(text) {
  const encoded = new TextEncoder().encode(text)
  const at = alloc(encoded.length)
  new Uint8Array(memory.buffer).set(encoded, at)
  reverseBytes(at, encoded.length)
  return new TextDecoder().decode(new Uint8Array(memory.buffer, at, encoded.length))
}

/** Takes memory; whether it got it. */
export const reserve = (pages) => grow(pages) >= 0
