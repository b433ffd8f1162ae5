// A binary heap of (key, id): the smallest key first, of equal keys the smallest id, so that the order is the same in every run.

import { growInt32 } from '../../util/grow.ts'

export class Heap {
  count = 0
  private keys = new Int32Array(64)
  private ids = new Int32Array(64)

  clear(): void {
    this.count = 0
  }

  push(key: number, id: number): void {
    if (this.count === this.keys.length) {
      this.keys = growInt32(this.keys, this.count + 1)
      this.ids = growInt32(this.ids, this.count + 1)
    }
    let at = this.count++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.isLess(key, id, parent)) break
      this.keys[at] = this.keys[parent]
      this.ids[at] = this.ids[parent]
      at = parent
    }
    this.keys[at] = key
    this.ids[at] = id
  }

  /** Key of the first, which must exist. */
  firstKey(): number {
    return this.keys[0]
  }

  /** Removes the first, which must exist, and returns its id. */
  pop(): number {
    const result = this.ids[0]
    const last = --this.count
    const key = this.keys[last]
    const id = this.ids[last]
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= last) break
      if (child + 1 < last && this.isLess(this.keys[child + 1], this.ids[child + 1], child)) child++
      if (this.isLess(key, id, child)) break
      this.keys[at] = this.keys[child]
      this.ids[at] = this.ids[child]
      at = child
    }
    this.keys[at] = key
    this.ids[at] = id
    return result
  }

  private isLess(key: number, id: number, at: number): boolean {
    return key < this.keys[at] || (key === this.keys[at] && id < this.ids[at])
  }
}
