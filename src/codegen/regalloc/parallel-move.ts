// Parallel moves: all sources are read before any destination is written. Made a sequence with one scratch location.
//
// Each location is the destination of at most one move, so every component of the graph is a tree with at most one cycle at its root.
// Moves whose destination nobody waits for are written first; what remains are simple cycles, each opened by saving one location in the
// scratch. Rematerialisations read no location and come last, when the scratch is free for whoever emits them.

import { growInt32 } from '../../util/grow.ts'

/**
 * Locations: registers 0 to 63, `SCRATCH`, then stack slots; negative: the vreg ~location, to be made again. `SCRATCH` is the
 * integer scratch register of the ISA whatever the moves' classes are; moves from slot to slot are left to the emitter, which must not
 * use the same register for them.
 */
export const SCRATCH = 64
export const FIRST_SLOT = 65

export class ParallelMoves {
  private count = 0
  private from = new Int32Array(32)
  private to = new Int32Array(32)
  /** By location: index + 1 of the pending move that writes it; number of pending moves that read it. Zero between uses. */
  private writer = new Int32Array(128)
  private readers = new Int32Array(128)
  private ready = new Int32Array(32)

  /** Moves without an effect are dropped. */
  add(from: number, to: number): void {
    if (from === to) return
    if (this.count === this.from.length) {
      this.from = growInt32(this.from, this.count + 1)
      this.to = growInt32(this.to, this.count + 1)
      this.ready = growInt32(this.ready, this.count + 1)
    }
    const top = Math.max(from, to) + 1
    if (top > this.writer.length) {
      this.writer = growInt32(this.writer, top)
      this.readers = growInt32(this.readers, top)
    }
    this.from[this.count] = from
    this.to[this.count++] = to
  }

  /** Calls `emit(from, to)` for each move of the sequence and forgets the moves. */
  resolve(emit: (from: number, to: number) => void): void {
    const { from, to, writer, readers, ready } = this
    let readyCount = 0
    for (let m = 0; m < this.count; m++) {
      writer[to[m]] = m + 1
      if (from[m] >= 0) readers[from[m]]++
    }
    for (let m = 0; m < this.count; m++) if (from[m] >= 0 && readers[to[m]] === 0) ready[readyCount++] = m
    for (let next = 0; ; next++) {
      // Every pending move waits for another: `next` is on a cycle, or done.
      while (readyCount > 0) {
        const m = ready[--readyCount]
        emit(from[m], to[m])
        writer[to[m]] = 0
        const freed = from[m]
        const waiting = writer[freed] - 1
        if (--readers[freed] === 0 && waiting >= 0 && from[waiting] >= 0) ready[readyCount++] = waiting
      }
      if (next === this.count) break
      if (from[next] < 0 || writer[to[next]] !== next + 1) continue
      // The reader of this destination reads the scratch instead; there is one, all other readers are done.
      emit(to[next], SCRATCH)
      for (let m = 0; m < this.count; m++)
        if (from[m] === to[next] && writer[to[m]] === m + 1) {
          from[m] = SCRATCH
          readers[SCRATCH]++
        }
      readers[to[next]] = 0
      ready[readyCount++] = next
    }
    for (let m = 0; m < this.count; m++) {
      if (from[m] < 0) emit(from[m], to[m])
      writer[to[m]] = 0
      if (from[m] >= 0) readers[from[m]] = 0
    }
    this.count = 0
  }
}
