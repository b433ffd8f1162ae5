// Lifetime intervals: numbers in columns, their ranges and uses in pools.
//
// Positions are two to an instruction: 2 * i early, 2 * i + 1 late. A move "at 2 * i" is done between instructions i - 1 and i. Ranges
// are half open. A vreg begins with one interval; splitting makes siblings, chained in the order of their starts.

import { growInt32 } from '../../util/grow.ts'

export const NONE = -1
/** Location of an interval that has no register: the vreg's slot, or nowhere if it is rematerialised. */
export const SPILLED = -2

export class Intervals {
  count = 0
  vreg = new Int32Array(512)
  start = new Int32Array(512)
  end = new Int32Array(512)
  /** Heads of the lists of ranges and of uses in a register, ascending. The walk drops ranges that it has passed. */
  firstRange = new Int32Array(512)
  firstUse = new Int32Array(512)
  /** A register, `SPILLED`, or `NONE` before allocation. */
  location = new Int32Array(512)
  sibling = new Int32Array(512)

  rangeCount = 0
  from = new Int32Array(512)
  to = new Int32Array(512)
  nextRange = new Int32Array(512)

  useCount = 0
  usePos = new Int32Array(512)
  nextUse = new Int32Array(512)

  reset(): void {
    this.count = this.rangeCount = this.useCount = 0
  }

  create(vreg: number): number {
    const id = this.count++
    if (id === this.vreg.length) {
      this.vreg = growInt32(this.vreg, id + 1)
      this.start = growInt32(this.start, id + 1)
      this.end = growInt32(this.end, id + 1)
      this.firstRange = growInt32(this.firstRange, id + 1)
      this.firstUse = growInt32(this.firstUse, id + 1)
      this.location = growInt32(this.location, id + 1)
      this.sibling = growInt32(this.sibling, id + 1)
    }
    this.vreg[id] = vreg
    this.start[id] = this.end[id] = 0
    this.firstRange[id] = this.firstUse[id] = this.location[id] = this.sibling[id] = NONE
    return id
  }

  /** Adds [from, to), which begins no later than the ranges that are there and may overlap the first. */
  addRange(id: number, from: number, to: number): void {
    const first = this.firstRange[id]
    if (first !== NONE && to >= this.from[first]) {
      if (from < this.from[first]) this.from[first] = from
      if (to > this.to[first]) this.to[first] = to
    } else {
      const range = this.newRange(from, to, first)
      this.firstRange[id] = range
      if (first === NONE) this.end[id] = to
    }
    if (first !== NONE && this.nextRange[first] === NONE) this.end[id] = this.to[first]
    this.start[id] = this.from[this.firstRange[id]]
  }

  private newRange(from: number, to: number, next: number): number {
    const range = this.rangeCount++
    if (range === this.from.length) {
      this.from = growInt32(this.from, range + 1)
      this.to = growInt32(this.to, range + 1)
      this.nextRange = growInt32(this.nextRange, range + 1)
    }
    this.from[range] = from
    this.to[range] = to
    this.nextRange[range] = next
    return range
  }

  /** The def is here: the first range, which was open to the block's start, begins at it. */
  beginAt(id: number, position: number): void {
    this.start[id] = this.from[this.firstRange[id]] = position
  }

  /** A use in a register, no later than the uses that are there. */
  addUse(id: number, position: number): void {
    const use = this.useCount++
    if (use === this.usePos.length) {
      this.usePos = growInt32(this.usePos, use + 1)
      this.nextUse = growInt32(this.nextUse, use + 1)
    }
    this.usePos[use] = position
    this.nextUse[use] = this.firstUse[id]
    this.firstUse[id] = use
  }

  /** The first use at or after a position; `Infinity` if there is none. */
  useFrom(id: number, position: number): number {
    let use = this.firstUse[id]
    while (use !== NONE && this.usePos[use] < position) use = this.nextUse[use]
    return use === NONE ? Infinity : this.usePos[use]
  }

  /** The first position that both cover, or `Infinity`. */
  intersection(a: number, b: number): number {
    let x = this.firstRange[a]
    let y = this.firstRange[b]
    while (x !== NONE && y !== NONE) {
      if (this.to[x] <= this.from[y]) x = this.nextRange[x]
      else if (this.to[y] <= this.from[x]) y = this.nextRange[y]
      else return Math.max(this.from[x], this.from[y])
    }
    return Infinity
  }

  /** Cuts an interval: what it has from `position` on becomes a sibling, which may start later, after a hole. */
  split(id: number, position: number): number {
    const tail = this.create(this.vreg[id])
    this.sibling[tail] = this.sibling[id]
    this.sibling[id] = tail
    let last = NONE
    let range = this.firstRange[id]
    while (range !== NONE && this.to[range] <= position) {
      last = range
      range = this.nextRange[range]
    }
    if (range !== NONE && this.from[range] < position) {
      this.firstRange[tail] = this.newRange(position, this.to[range], this.nextRange[range])
      this.to[range] = position
      this.nextRange[range] = NONE
      last = range
    } else {
      this.firstRange[tail] = range
      if (last !== NONE) this.nextRange[last] = NONE
    }
    this.end[tail] = this.end[id]
    this.start[tail] = this.from[this.firstRange[tail]]
    // An interval in a hole has passed all its ranges: it just ends.
    this.end[id] = last === NONE ? position : this.to[last]
    let lastUse = NONE
    let use = this.firstUse[id]
    while (use !== NONE && this.usePos[use] < position) {
      lastUse = use
      use = this.nextUse[use]
    }
    this.firstUse[tail] = use
    if (lastUse === NONE) this.firstUse[id] = NONE
    else this.nextUse[lastUse] = NONE
    return tail
  }
}
