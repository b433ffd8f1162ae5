// The register allocator against its checker, on random functions for imaginary processors. A failure names the case: `CASE=n` runs it alone and
// prints it; `CASES=n` runs so many.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIVENESS_BITS, RegisterAllocator } from '../../src/codegen/regalloc/allocate.ts'
import { type Allocation, MOVE_WORDS } from '../../src/codegen/regalloc/allocation.ts'
import { checkAllocation } from '../../src/codegen/regalloc/check.ts'
import { syntheticRegisters } from '../../src/codegen/regalloc/register-file.ts'
import { printVCode } from '../../src/codegen/print.ts'
import type { VCode } from '../../src/codegen/vcode.ts'
import { caseSeed } from '../../fuzz/random.ts'
import { syntheticFunction } from './synthetic.ts'

const CASES = Number(process.env.CASES ?? 250)
const only = process.env.CASE === undefined ? undefined : Number(process.env.CASE)

const NAMES = { op: (code: VCode, i: number) => `op${code.op[i]}`, rest: () => '' }

const FILES = [
  syntheticRegisters(8, 8, 0),
  syntheticRegisters(8, 8, 2),
  syntheticRegisters(12, 15, 4),
  syntheticRegisters(24, 24, 8),
]

function caseOf(index: number): { code: VCode; file: number } {
  const file = index % FILES.length
  return { code: syntheticFunction(caseSeed(1, index), 10 + (index % 23) * 12, FILES[file]), file }
}

const snapshot = (code: VCode, allocation: Allocation) => [
  [...allocation.operands.subarray(0, code.operandCount)],
  [...allocation.moves.subarray(0, allocation.moveCount * MOVE_WORDS)],
  allocation.slots,
]

for (const blockwise of [false, true])
  test(`random functions, ${blockwise ? 'by blocks' : 'by lifetimes'}: the checker agrees`, () => {
    let instructions = 0
    let spilled = 0
    for (let index = only ?? 0; index < (only === undefined ? CASES : only + 1); index++) {
      const { code, file } = caseOf(index)
      try {
        const allocation = new RegisterAllocator(FILES[file]).allocate(code, blockwise)
        if (only !== undefined) console.log(printVCode(code, FILES[file], NAMES, allocation))
        checkAllocation(code, allocation, FILES[file])
        instructions += code.instrs
        if (allocation.slots > 0) spilled++
      } catch (error) {
        throw new Error(`CASE=${index} npm test -- regalloc`, { cause: error })
      }
    }
    if (only !== undefined) return
    assert.ok(instructions > 40_000, `only ${instructions} instructions`)
    assert.ok(spilled > CASES / 4, `only ${spilled} functions spill`)
  })

test('functions that are too large for liveness rows are allocated blockwise', () => {
  const code = syntheticFunction(7, 10_000, FILES[2])
  assert.ok(code.blocks * code.vregs > LIVENESS_BITS)
  const allocator = new RegisterAllocator(FILES[2])
  const decided = snapshot(code, allocator.allocate(code))
  assert.deepEqual(decided, snapshot(code, allocator.allocate(code, true)))
  assert.notDeepEqual(decided, snapshot(code, allocator.allocate(code, false)))
})

test('an allocator gives the same result again, whatever it did in between', () => {
  const used = FILES.map((file) => new RegisterAllocator(file))
  for (let index = 0; index < 200; index++) {
    const { code, file } = caseOf(index)
    const fresh = snapshot(code, new RegisterAllocator(FILES[file]).allocate(code))
    assert.deepEqual(snapshot(code, used[file].allocate(code)), fresh)
  }
})

test('the checker finds what is wrong', () => {
  // Each operand and each move of an allocation, changed alone, must be noticed in nearly all cases: some changes are harmless.
  let noticed = 0
  let tried = 0
  for (let index = 0; index < 10; index++) {
    const { code, file } = caseOf(index)
    const allocation = new RegisterAllocator(FILES[file]).allocate(code)
    const isWrong = () => {
      tried++
      try {
        checkAllocation(code, allocation, FILES[file])
      } catch {
        noticed++
      }
    }
    for (let o = 0; o < code.operandCount; o += 7) {
      const kept = allocation.operands[o]
      allocation.operands[o] = kept === 1 ? 2 : 1
      isWrong()
      allocation.operands[o] = kept
    }
    for (let m = 0; m < allocation.moveCount; m += 3) {
      const kept = allocation.moves[m * MOVE_WORDS + 2]
      allocation.moves[m * MOVE_WORDS + 2] = kept === 1 ? 2 : 1
      isWrong()
      allocation.moves[m * MOVE_WORDS + 2] = kept
    }
    checkAllocation(code, allocation, FILES[file])
  }
  assert.ok(tried > 300, `only ${tried} changes`)
  assert.ok(noticed > 0.85 * tried, `${noticed} of ${tried} noticed`)
})
