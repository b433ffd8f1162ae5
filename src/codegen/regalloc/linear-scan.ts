// Linear scan with lifetime holes and splitting: Wimmer and Mössenböck, "Optimized Interval Splitting in a Linear Scan Register
// Allocator" (2005); on SSA form: Wimmer and Franz (2010).
//
// Intervals are visited by start. One is *active* if it covers the current position and has a register, *inactive* if the position is in a
// hole of it. The current interval takes a register that is free for all of its life, or for its first part and is split there; else
// whoever is used last gives way and is spilled until its next use.
//
// Splits are at even positions, where moves can be. Only a part that is spilled may begin at an odd one: a spilled vreg is stored once, at its
// def, so nothing is moved when it loses its register.

import { bug } from '../../util/bug.ts'
import { growInt32 } from '../../util/grow.ts'
import { classOf, REGISTERS, type VCode, type VType } from '../vcode.ts'
import { Heap } from './heap.ts'
import { type Intervals, NONE, SPILLED } from './intervals.ts'
import type { Lifetimes } from './lifetimes.ts'
import { type RegisterFile, registerSet } from './register-file.ts'

export class LinearScan {
  private readonly unhandled = new Heap()
  private readonly active = new Int32Array(REGISTERS)
  private inactive = new Int32Array(64)
  private inactiveCount = 0
  private readonly freeUntil = new Float64Array(REGISTERS)
  private readonly usedUntil = new Float64Array(REGISTERS)
  /** First fixed range that has not been passed, by register. */
  private readonly fixedCursor = new Int32Array(REGISTERS)
  private call = 0
  /** By vreg: the register of its last interval so far, or NONE. */
  private lastRegister = new Int32Array(256)
  private readonly preserved: Uint8Array
  private code!: VCode
  private lifetimes!: Lifetimes
  private intervals!: Intervals

  constructor(private readonly registers: RegisterFile) {
    this.preserved = registerSet(registers.preserved)
  }

  /** Gives each interval a location, making siblings. */
  run(code: VCode, lifetimes: Lifetimes): void {
    this.code = code
    this.lifetimes = lifetimes
    this.intervals = lifetimes.intervals
    this.active.fill(NONE)
    this.inactiveCount = 0
    this.fixedCursor.set(lifetimes.fixedHead)
    this.call = lifetimes.callStart
    this.lastRegister = growInt32(this.lastRegister, code.vregs)
    this.lastRegister.fill(NONE, 0, code.vregs)
    const { intervals, unhandled } = this
    unhandled.clear()
    for (let id = 0; id < intervals.count; id++) unhandled.push(intervals.start[id], id)
    while (unhandled.count > 0) {
      const current = unhandled.pop()
      this.advance(intervals.start[current])
      this.prepare(current)
      if (!this.takeFree(current)) this.takeUsed(current)
    }
  }

  /** Moves on to `position`: what ends, what enters or leaves a hole. */
  private advance(position: number): void {
    const { active, intervals, lifetimes } = this
    const were = this.inactiveCount
    for (let register = 0; register < REGISTERS; register++) {
      const id = active[register]
      if (id === NONE) continue
      this.dropRanges(id, position)
      if (intervals.firstRange[id] === NONE) active[register] = NONE
      else if (intervals.from[intervals.firstRange[id]] > position) {
        active[register] = NONE
        this.addInactive(id)
      }
    }
    let kept = 0
    for (let n = 0; n < this.inactiveCount; n++) {
      const id = this.inactive[n]
      if (n < were) this.dropRanges(id, position)
      if (intervals.firstRange[id] === NONE) continue
      if (n < were && intervals.from[intervals.firstRange[id]] <= position) active[intervals.location[id]] = id
      else this.inactive[kept++] = id
    }
    this.inactiveCount = kept
    const { calls, fixedTo, fixedNext } = lifetimes
    while (this.call < calls.length && 2 * calls[this.call] + 2 <= position) this.call++
    for (const registers of this.registers.allocatable)
      for (const register of registers) {
        let range = this.fixedCursor[register]
        while (range !== NONE && fixedTo[range] <= position) range = fixedNext[range]
        this.fixedCursor[register] = range
      }
  }

  private dropRanges(id: number, position: number): void {
    const { intervals } = this
    let range = intervals.firstRange[id]
    while (range !== NONE && intervals.to[range] <= position) range = intervals.nextRange[range]
    intervals.firstRange[id] = range
  }

  private addInactive(id: number): void {
    if (this.inactiveCount === this.inactive.length) this.inactive = growInt32(this.inactive, this.inactiveCount + 1)
    this.inactive[this.inactiveCount++] = id
  }

  /** Until when each register is free of others (`freeUntil`), and until when nobody needs it (`usedUntil`). */
  private prepare(current: number): void {
    const { freeUntil, usedUntil, intervals } = this
    const position = intervals.start[current]
    const registers = this.candidates(current)
    const call = this.nextCall(current)
    for (const register of registers) {
      let until = this.nextFixed(register, current)
      if (call < until && this.preserved[register] === 0) until = call
      freeUntil[register] = usedUntil[register] = until
      const id = this.active[register]
      if (id === NONE) continue
      freeUntil[register] = position
      usedUntil[register] = Math.min(usedUntil[register], intervals.useFrom(id, position))
    }
    for (let n = 0; n < this.inactiveCount; n++) {
      const id = this.inactive[n]
      const register = intervals.location[id]
      if (register >> 5 !== registers[0] >> 5 || freeUntil[register] <= position) continue
      const meet = intervals.intersection(id, current)
      if (meet === Infinity) continue
      freeUntil[register] = Math.min(freeUntil[register], meet)
      usedUntil[register] = Math.min(usedUntil[register], intervals.useFrom(id, position))
    }
  }

  private candidates(id: number): readonly number[] {
    return this.registers.allocatable[classOf(this.code.vregType[this.intervals.vreg[id]] as VType)]
  }

  /** Where the interval lives across the clobbering of a call. */
  private nextCall(id: number): number {
    const { intervals } = this
    const { calls } = this.lifetimes
    let range = intervals.firstRange[id]
    for (let c = this.call; c < calls.length; c++) {
      const position = 2 * calls[c] + 1
      while (range !== NONE && intervals.to[range] <= position) range = intervals.nextRange[range]
      if (range === NONE) return Infinity
      if (intervals.from[range] <= position) return position
    }
    return Infinity
  }

  /** Where the interval meets a fixed range of the register. */
  private nextFixed(register: number, id: number): number {
    const { intervals } = this
    const { fixedFrom, fixedTo, fixedNext } = this.lifetimes
    let fixed = this.fixedCursor[register]
    let range = intervals.firstRange[id]
    while (fixed !== NONE && range !== NONE) {
      if (fixedTo[fixed] <= intervals.from[range]) fixed = fixedNext[fixed]
      else if (intervals.to[range] <= fixedFrom[fixed]) range = intervals.nextRange[range]
      else return Math.max(fixedFrom[fixed], intervals.from[range])
    }
    return Infinity
  }

  private takeFree(current: number): boolean {
    const { freeUntil, intervals } = this
    const end = intervals.end[current]
    let best = this.hinted(current, end)
    if (best === NONE) {
      best = this.candidates(current)[0]
      for (const register of this.candidates(current)) {
        if (freeUntil[best] >= end) break
        if (freeUntil[register] > freeUntil[best]) best = register
      }
    }
    if (freeUntil[best] < end) {
      const latest = freeUntil[best] & ~1
      if (latest <= intervals.start[current]) return false
      this.queue(intervals.split(current, this.splitPosition(intervals.start[current], latest)))
    }
    this.activate(current, best)
    return true
  }

  /** A register that saves a move, if it is free for all of the interval's life. */
  private hinted(current: number, end: number): number {
    const { freeUntil, intervals, lifetimes } = this
    const vreg = intervals.vreg[current]
    const registers = this.candidates(current)
    for (let n = 0; n < 4; n++) {
      let register = NONE
      if (n === 0) register = this.lastRegister[vreg]
      else if (n === 1) register = lifetimes.hintRegister[vreg]
      else {
        const other = n === 2 ? lifetimes.hintA[vreg] : lifetimes.hintB[vreg]
        // Its register, or the one that it wants itself.
        if (other !== NONE)
          register = this.lastRegister[other] >= 0 ? this.lastRegister[other] : lifetimes.hintRegister[other]
      }
      if (register >= 0 && register >> 5 === registers[0] >> 5 && this.isAllocatable(registers, register))
        if (freeUntil[register] >= end) return register
    }
    return NONE
  }

  private isAllocatable(registers: readonly number[], register: number): boolean {
    for (const other of registers) if (other === register) return true
    return false
  }

  private activate(id: number, register: number): void {
    this.intervals.location[id] = register
    this.lastRegister[this.intervals.vreg[id]] = register
    this.active[register] = id
  }

  private queue(id: number): void {
    this.unhandled.push(this.intervals.start[id], id)
  }

  /** No register is free: the one whose owners need it last is taken, or the current interval itself is spilled. */
  private takeUsed(current: number): void {
    const { usedUntil, intervals } = this
    const position = intervals.start[current]
    const registers = this.candidates(current)
    let best = registers[0]
    for (const register of registers) if (usedUntil[register] > usedUntil[best]) best = register
    const firstUse = intervals.useFrom(current, position)
    if (usedUntil[best] <= firstUse) {
      if (firstUse <= position) bug(`no register for v${intervals.vreg[current]} at instruction ${position >> 1}`)
      this.spill(current)
      return
    }
    let blocked = this.nextFixed(best, current)
    if (this.preserved[best] === 0) blocked = Math.min(blocked, this.nextCall(current))
    if (blocked < intervals.end[current]) {
      const latest = blocked & ~1
      if (latest <= position) bug(`no register for v${intervals.vreg[current]} at instruction ${position >> 1}`)
      this.queue(intervals.split(current, this.splitPosition(position, latest)))
    }
    this.evict(current, best)
    this.activate(current, best)
  }

  /** All others that the current interval meets in the register lose it from here on. */
  private evict(current: number, register: number): void {
    const { intervals } = this
    const position = intervals.start[current]
    const id = this.active[register]
    if (id !== NONE) {
      this.active[register] = NONE
      this.spill(intervals.start[id] < position ? intervals.split(id, position) : id)
    }
    let kept = 0
    for (let n = 0; n < this.inactiveCount; n++) {
      const other = this.inactive[n]
      if (intervals.location[other] === register && intervals.intersection(other, current) !== Infinity)
        this.queue(intervals.split(other, position))
      else this.inactive[kept++] = other
    }
    this.inactiveCount = kept
  }

  /** Spills an interval until its next use in a register; what follows is queued. */
  private spill(id: number): void {
    const { intervals } = this
    intervals.location[id] = SPILLED
    const use = intervals.useFrom(id, intervals.start[id])
    if (use === Infinity) return
    const latest = use & ~1
    if (latest <= intervals.start[id])
      bug(`v${intervals.vreg[id]} is spilled where it is used, at instruction ${use >> 1}`)
    this.queue(intervals.split(id, this.splitPosition(intervals.start[id], latest)))
  }

  /** Where to split in (start, latest], latest even: as late as possible in the coldest block, at its beginning if that is an earlier one. */
  private splitPosition(start: number, latest: number): number {
    const { code } = this
    let block = this.blockOf(latest >> 1)
    let best = latest
    let depth = code.loopDepth[block]
    if (this.lifetimes.blockwise) return best
    for (; 2 * code.blockStart[block] > start && depth > 0; block--) {
      const other = code.loopDepth[block - 1]
      if (other < depth) {
        depth = other
        best = 2 * code.blockStart[block]
      }
    }
    return best
  }

  private blockOf(instr: number): number {
    const { blockStart, blocks } = this.code
    let low = 0
    let high = blocks - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (blockStart[middle] <= instr) low = middle
      else high = middle - 1
    }
    return low
  }
}
