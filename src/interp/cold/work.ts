// What long instructions cost: fuel by their size, and slices, so that deadlines hold whatever a loop is made of.

import { CHUNK_BYTES } from '../../runtime/chunks.ts'
import { CTX, Ctx, Exit } from '../../runtime/machine.ts'
import type { Store } from '../../runtime/store.ts'

/** Bytes that a bulk instruction moves for a unit of fuel (docs/limits.md). */
const BYTES_PER_UNIT_LOG2 = 6
/** Bytes that bulk instructions move in a slice: about what 1,000 taken branches cost. A slice counts branches only. */
const WORK_PER_SLICE = 1 << 18

let work = 0

/** The end of an instruction that moved `bytes`: takes its fuel, and ends the slice if enough was done. Gives what the cold op returns. */
export function worked(bytes: number, next: number): number {
  // In code that is not metered nobody looks at it.
  CTX[Ctx.Fuel] -= Math.min(bytes / (1 << BYTES_PER_UNIT_LOG2), 0x3fff_ffff)
  work += bytes
  if (work < WORK_PER_SLICE) return next
  work = 0
  CTX[Ctx.Pc] = next
  return ~Exit.Slice
}

/** Fills elements [start, end) of a view, with checkpoints between chunks. */
export function fillChunked(
  view: Uint8Array | Uint16Array | Int32Array,
  value: number,
  start: number,
  end: number,
  store: Store,
): void {
  const step = CHUNK_BYTES / view.BYTES_PER_ELEMENT
  if (end - start <= step) {
    view.fill(value, start, end)
    return
  }
  for (let at = start; at < end; at += step) {
    view.fill(value, at, Math.min(at + step, end))
    store.control.checkpoint()
  }
}

/** `Array.prototype.copyWithin`, also between two views of a kind. Overlapping ranges come out as if copied at once. */
export function copyChunked<V extends Uint8Array | Int32Array>(
  target: V,
  to: number,
  source: V,
  from: number,
  count: number,
  store: Store,
): void {
  const step = CHUNK_BYTES / target.BYTES_PER_ELEMENT
  if (count <= step) return copy(target, to, source, from, count)
  const backwards = target === source && to > from
  for (let done = 0; done < count; done += step) {
    const length = Math.min(step, count - done)
    const at = backwards ? count - done - length : done
    copy(target, to + at, source, from + at, length)
    store.control.checkpoint()
  }
}

function copy<V extends Uint8Array | Int32Array>(target: V, to: number, source: V, from: number, count: number): void {
  if (target === source) target.copyWithin(to, from, from + count)
  else target.set(source.subarray(from, from + count), to)
}
