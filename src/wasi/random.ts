// Random bytes.

/** `getRandomValues` gives as many at once. */
const CHUNK_BYTES = 65_536

/** Fills with the host's cryptographic random bytes. */
export function systemRandom(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    // Web Crypto refuses shared memory.
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes.length - at))
    bytes.set(crypto.getRandomValues(chunk), at)
  }
}
