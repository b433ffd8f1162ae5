import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIRST_SLOT, ParallelMoves, SCRATCH } from '../../src/codegen/regalloc/parallel-move.ts'
import { caseSeed, Random } from '../../fuzz/random.ts'

type Move = readonly [from: number, to: number]

function sequence(group: ParallelMoves, moves: readonly Move[]): Move[] {
  const done: Move[] = []
  for (const [from, to] of moves) group.add(from, to)
  group.resolve((from, to) => done.push([from, to]))
  return done
}

const group = new ParallelMoves()

test('nothing, no-ops, a chain, a fan', () => {
  assert.deepEqual(sequence(group, []), [])
  assert.deepEqual(sequence(group, [[3, 3]]), [])
  assert.deepEqual(
    sequence(group, [
      [1, 2],
      [2, 3],
      [3, 4],
    ]),
    [
      [3, 4],
      [2, 3],
      [1, 2],
    ],
  )
  assert.equal(
    sequence(group, [
      [1, 2],
      [1, 3],
      [1, 4],
    ]).length,
    3,
  )
})

test('a swap takes three moves through the scratch', () => {
  assert.deepEqual(
    sequence(group, [
      [1, 2],
      [2, 1],
    ]),
    [
      [2, SCRATCH],
      [1, 2],
      [SCRATCH, 1],
    ],
  )
})

test('rematerialisations come last', () => {
  assert.deepEqual(
    sequence(group, [
      [~7, 1],
      [1, 2],
    ]),
    [
      [1, 2],
      [~7, 1],
    ],
  )
})

test('random moves: as if all were done at once', () => {
  for (let index = 0; index < 20_000; index++) {
    const random = new Random(caseSeed(3, index))
    const places = [0, 1, 2, 3, 4, 5, 32, 33, 34].concat(Array.from({ length: 4 }, (_, n) => FIRST_SLOT + n * 50))
    const moves: Move[] = []
    for (const to of places)
      if (random.int(4) > 0) moves.push([random.int(9) === 0 ? ~random.int(5) : random.pick(places), to])
    const values = new Map<number, number>(places.map((place) => [place, place]))
    let moved = 0
    for (const [from, to] of sequence(group, moves)) {
      assert.ok(from < 0 || values.has(from), `case ${index}: ${from} is read and was never written`)
      values.set(to, from < 0 ? from : values.get(from)!)
      moved++
    }
    const wanted = new Map<number, number>(places.map((place) => [place, place]))
    for (const [from, to] of moves) wanted.set(to, from)
    values.delete(SCRATCH)
    assert.deepEqual(values, wanted, `case ${index}`)
    const cycles = moved - moves.filter(([from, to]) => from !== to).length
    assert.ok(cycles <= moves.length / 2)
  }
})
