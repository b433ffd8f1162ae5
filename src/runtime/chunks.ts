// Long operations on memory in pieces, so that a deadline holds.

/**
 * Bytes that are copied or filled between two checkpoints, a power of two. Memory that is touched for the first time may take 20 ms for 4 MiB
 * in a virtual machine whose host has to find the pages too (`npm run runaways`: 13 of 1,000 guests were late with chunks of that size).
 */
export const CHUNK_BYTES = 1 << 19

/** Where running code is stopped: `Control.checkpoint` throws if it must be. */
export interface Checkpoints {
  checkpoint(): void
}

/** Copies `source` to the start of `target`, with a checkpoint behind each chunk. */
export function copyInChunks(target: Uint8Array, source: Uint8Array, checkpoints: Checkpoints): void {
  const { length } = source
  if (length <= CHUNK_BYTES) {
    target.set(source)
    return
  }
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    target.set(source.subarray(at, Math.min(at + CHUNK_BYTES, length)), at)
    checkpoints.checkpoint()
  }
}
