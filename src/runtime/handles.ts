// The handle table: host values (externref) as 32-bit words. A collection of the GC heap frees the handles that no word means any
// more. While the store rests (registry.ts) objects are held weakly here and strongly by the `Holds` of those who have the word.

import { growUint8 } from '../util/grow.ts'
import { WeakReference } from '../util/weak.ts'

const enum State {
  Free = 0,
  Strong = 1,
  /** `values[i]` is a weak reference to the value. */
  Weak = 2,
}

/** New handles until a collection is due; then as many as survived. */
const MIN_BUDGET = 4096

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

export class HandleTable {
  private values: unknown[] = []
  private states = new Uint8Array(64)
  private marks = new Uint8Array(64)
  private free: number[] = []
  private budget = MIN_BUDGET

  /** Whether so many handles were made that a collection pays. */
  get isDue(): boolean {
    return this.budget <= 0
  }

  get count(): number {
    return this.values.length - this.free.length
  }

  /** The word of a value. Valid until the next collection that does not find it in a root. */
  create(value: unknown): number {
    const index = this.free.pop() ?? this.values.length
    this.values[index] = value
    this.states = growUint8(this.states, index + 1)
    this.states[index] = State.Strong
    this.budget--
    return (index << 3) | 6
  }

  /** The value behind a word. */
  valueOf(word: number): unknown {
    const index = word >>> 3
    return this.states[index] === State.Weak
      ? (this.values[index] as { deref(): object | undefined }).deref()
      : this.values[index]
  }

  mark(index: number): void {
    if (index >= this.values.length) return
    this.marks = growUint8(this.marks, index + 1)
    this.marks[index] = 1
  }

  /** Frees what was not marked. */
  sweep(): void {
    const { values, states } = this
    this.marks = growUint8(this.marks, values.length)
    this.free = []
    for (let i = values.length - 1; i >= 0; i--) {
      if (this.marks[i] === 0 && states[i] !== State.Free) {
        values[i] = undefined
        states[i] = State.Free
      }
      if (states[i] !== State.Free) continue
      if (i === values.length - 1) values.length = i
      else this.free.push(i)
    }
    this.marks.fill(0)
    this.budget = Math.max(MIN_BUDGET, this.count)
  }

  /** Holds objects weakly from now on. Other values cannot be part of a ring and stay. */
  makeWeak(): void {
    for (let i = 0; i < this.values.length; i++) {
      const value = this.values[i]
      if (this.states[i] !== State.Strong || !isObject(value)) continue
      this.values[i] = new WeakReference(value)
      this.states[i] = State.Weak
    }
  }

  /** Holds the value of a word strongly again. */
  makeStrong(word: number, value: unknown): void {
    const index = word >>> 3
    if (this.states[index] !== State.Weak) return
    this.values[index] = value
    this.states[index] = State.Strong
  }
}
