// Memories and tables: growth, caps, what JavaScript sees of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createMemory, createSharedMemoryFrom, NO_MEMORY } from '../../src/runtime/memory.ts'
import { LimitError, Store } from '../../src/runtime/store.ts'
import { createTable } from '../../src/runtime/table.ts'
import { RefType, type CanonType, type MemoryType, type TableType } from '../../src/wasm/types.ts'

const PAGE = 65536
const type = (min: number, max?: number, rest: Partial<MemoryType> = {}): MemoryType => ({
  min,
  max,
  shared: false,
  address64: false,
  pageSizeLog2: 16,
  ...rest,
})
const tableType = (min: number, max?: number): TableType<CanonType> => ({
  min,
  max,
  address64: false,
  element: RefType.FuncRef as number as CanonType,
})

test('grow: old size, contents kept, new pages zero, maximum respected', () => {
  const memory = createMemory(new Store(), type(1, 40))
  memory.u8.fill(7)
  assert.equal(memory.grow(2), 1)
  assert.equal(memory.pages, 3)
  assert.equal(memory.byteLength, 3 * PAGE)
  assert.ok(memory.u8.subarray(0, PAGE).every((b) => b === 7) && memory.u8.subarray(PAGE, 3 * PAGE).every((b) => b === 0)) // prettier-ignore
  assert.equal(memory.grow(0), 3)
  assert.equal(memory.grow(38), -1)
  assert.equal(memory.grow(0xffff_ffff), -1)
  for (let pages = 3; pages < 40; pages++) assert.equal(memory.grow(1), pages)
  assert.equal(memory.grow(1), -1)
  assert.equal(memory.dv.getUint8(PAGE - 1), 7)
})

test('growth page by page is amortised, and the reserve is zero when it is grown into', () => {
  const memory = createMemory(new Store(), type(16))
  const buffers = new Set<unknown>()
  for (let i = 0; i < 300; i++) {
    memory.grow(1)
    memory.u8.fill(i, memory.byteLength - PAGE, memory.byteLength)
    buffers.add(memory.buffer)
  }
  assert.ok(buffers.size < 20, `${buffers.size} buffers`)
  for (let i = 0; i < 300; i++) assert.equal(memory.u8[(16 + i) * PAGE], i & 0xff)
})

test('32-bit memories end at 4 GiB, 64-bit ones at the cap; custom pages', () => {
  const store = new Store()
  assert.equal(createMemory(store, type(0)).grow(65537), -1)
  assert.equal(createMemory(store, type(0, undefined, { address64: true })).grow(2 ** 48), -1)
  const bytes = createMemory(store, type(3, 10, { pageSizeLog2: 0 }))
  assert.equal(bytes.byteLength, 3)
  assert.equal(bytes.grow(7), 3)
  assert.equal(bytes.grow(1), -1)
  assert.equal(bytes.pages, 10)
})

test('caps: growth beyond answers -1, a minimum beyond is a LimitError', () => {
  const store = new Store({ limits: { memoryBytes: 10 * PAGE, tableElements: 100 } })
  const memory = createMemory(store, type(2))
  assert.equal(memory.grow(9), -1)
  assert.equal(memory.grow(8), 2)
  assert.equal(memory.grow(1), -1)
  assert.throws(() => createMemory(store, type(11)), LimitError)
  assert.throws(() => createMemory(store, type(2 ** 40, undefined, { address64: true })), LimitError)
  const table = createTable(store, tableType(90), 0)
  assert.equal(table.grow(11, 0), -1)
  assert.equal(table.grow(10, 0), 90)
  assert.equal(table.grow(1, 0), -1)
  assert.throws(() => createTable(store, tableType(101), 0), LimitError)
  assert.equal(NO_MEMORY.grow(1), -1)
})

test('a host that has no room: LimitError, or -1', () => {
  const store = new Store({ limits: { memoryBytes: 2 ** 52 } })
  const huge = type(2 ** 35, undefined, { address64: true })
  assert.throws(() => createMemory(store, huge), LimitError)
  const memory = createMemory(store, { ...huge, min: 1 })
  assert.equal(memory.grow(2 ** 35), -1)
  assert.equal(memory.pages, 1)
})

test('the exposed buffer has the size of the memory, is one object, and is detached by growth', () => {
  const memory = createMemory(new Store(), type(16, 200))
  memory.grow(1)
  memory.u8[5] = 55
  assert.ok(memory.buffer.byteLength > memory.byteLength, 'there is a reserve')
  let grown = 0
  memory.onGrow = () => grown++
  const first = memory.exposeBuffer() as ArrayBuffer
  assert.equal(first.byteLength, 17 * PAGE)
  assert.equal(memory.exposeBuffer(), first)
  const view = new Uint8Array(first)
  assert.equal(view[5], 55)
  memory.u8[6] = 66
  assert.equal(view[6], 66, 'it is the memory, no copy')
  assert.equal(memory.grow(1), 17)
  assert.equal(first.byteLength, 0, 'detached')
  assert.equal(view.length, 0)
  const second = memory.exposeBuffer()
  assert.notEqual(second, first)
  assert.equal(second.byteLength, 18 * PAGE)
  assert.equal(new Uint8Array(second)[6], 66)
  assert.equal(memory.grow(1000), -1)
  assert.equal(memory.exposeBuffer(), second, 'failed growth detaches nothing')
  assert.equal(memory.grow(0), 18)
  assert.equal(second.byteLength, 0, 'growth by 0 detaches too')
  assert.equal(memory.u8[5], 55)
  assert.equal(grown, 2)
})

test('shared memories: another agent writes and grows', async () => {
  const shared = { shared: true }
  const memory = createMemory(new Store(), type(1, 4, shared))
  const buffer = memory.exposeBuffer()
  assert.ok(buffer instanceof SharedArrayBuffer)
  let grown = 0
  memory.onGrow = () => grown++
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads')
     workerData.grow(3 * 65536)
     new Uint8Array(workerData)[2 * 65536] = 99`,
    { eval: true, workerData: buffer },
  )
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  assert.equal(memory.byteLength, PAGE, 'not yet known')
  assert.ok(memory.refresh())
  assert.ok(!memory.refresh())
  assert.equal(grown, 1)
  assert.equal(memory.byteLength, 3 * PAGE)
  assert.equal(memory.u8[2 * PAGE], 99)
  assert.equal(memory.grow(1), 3)
  assert.equal(grown, 2)
  assert.equal(memory.grow(1), -1)
  const other = createSharedMemoryFrom(new Store(), type(1, 4, shared), buffer)
  other.u8[0] = 1
  assert.equal(memory.u8[0], 1)
  assert.equal(other.pages, 4)
})

test('tables: growth fills, keeps, and stops at the maximum', () => {
  const table = createTable(new Store(), tableType(2, 50), 18)
  assert.deepEqual([...table.words], [18, 18])
  assert.equal(table.grow(3, 26), 2)
  assert.deepEqual([...table.words.subarray(0, table.size)], [18, 18, 26, 26, 26])
  assert.equal(table.grow(46, 0), -1)
  assert.equal(table.grow(0xffff_ffff, 0), -1)
  assert.equal(table.grow(0, 0), 5)
  assert.equal(table.size, 5)
  for (let i = 5; i < 50; i++) assert.equal(table.grow(1, i << 3), i)
  assert.equal(table.words[49], 49 << 3)
})
