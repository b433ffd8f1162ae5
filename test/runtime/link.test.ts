// Import matching, table-driven: what is given against what is asked for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGlobal } from '../../src/runtime/global.ts'
import { checkImports, LinkFailure, type Extern } from '../../src/runtime/link.ts'
import { createMemory } from '../../src/runtime/memory.ts'
import { Store } from '../../src/runtime/store.ts'
import { createTable } from '../../src/runtime/table.ts'
import { canonicalFuncType, canonicalizeGroup } from '../../src/wasm/canonical.ts'
import { ExternKind, type Import, type ImportDesc, type Module } from '../../src/wasm/module.ts'
import {
  Heap,
  refAbstract,
  refConcrete,
  RefType,
  T,
  type CanonType,
  type MemoryType,
  type SubType,
  type TableType,
} from '../../src/wasm/types.ts'

const store = new Store()
const canonical = (...types: number[]) => types as CanonType[]

// Types of the importing module: 0 = (func (param i32)), 1 = (sub (func)), 2 = (sub final 1 (func)), 3 = (func (result i32)).
const TYPES: SubType[] = [
  { kind: 'func', params: [T.I32], results: [], final: true, supertype: -1 },
  { kind: 'func', params: [], results: [], final: false, supertype: -1 },
  { kind: 'func', params: [], results: [], final: true, supertype: 1 },
  { kind: 'func', params: [], results: [T.I32], final: true, supertype: -1 },
]
const canon = new Int32Array(TYPES.length)
for (let i = 0; i < TYPES.length; i++) canonicalizeGroup(TYPES, i, 1, canon)

const func = (typeId: number): Extern => ({
  kind: ExternKind.Func,
  fid: store.createHostFunc({ store, typeId, name: 'f', call: () => {} }),
})
const memoryType = (min: number, max?: number, rest: Partial<MemoryType> = {}): MemoryType => ({
  min,
  max,
  shared: false,
  address64: false,
  pageSizeLog2: 16,
  ...rest,
})
const memory = (min: number, max?: number, rest: Partial<MemoryType> = {}, grow = 0): Extern => {
  const made = createMemory(store, memoryType(min, max, rest))
  made.grow(grow)
  return { kind: ExternKind.Memory, memory: made }
}
const tableType = (min: number, max?: number, element: number = RefType.FuncRef, address64 = false): TableType<never> =>
  ({ min, max, address64, element }) as unknown as TableType<never>
const table = (min: number, max?: number, element?: number, address64?: boolean, grow = 0): Extern => {
  const made = createTable(store, tableType(min, max, element, address64), 0)
  made.grow(grow, 0)
  return { kind: ExternKind.Table, table: made }
}
const global = (type: number, mutable: boolean): Extern => ({
  kind: ExternKind.Global,
  global: createGlobal(store, type as CanonType, mutable),
})
const tag = (typeId: number): Extern => ({ kind: ExternKind.Tag, tag: store.createTag(typeId) })

const wantFunc = (typeIndex: number): ImportDesc => ({ kind: ExternKind.Func, typeIndex })
const wantMemory = (...args: Parameters<typeof memoryType>): ImportDesc => ({ kind: ExternKind.Memory, type: memoryType(...args) }) // prettier-ignore
const wantTable = (...args: Parameters<typeof tableType>): ImportDesc => ({ kind: ExternKind.Table, type: tableType(...args) }) // prettier-ignore
const wantGlobal = (type: number, mutable: boolean): ImportDesc => ({
  kind: ExternKind.Global,
  type: { type, mutable },
})
const wantTag = (typeIndex: number): ImportDesc => ({ kind: ExternKind.Tag, typeIndex })

const check = (wanted: ImportDesc, given: Extern | undefined): void => {
  const imports: Import[] = [{ module: 'm', name: 'n', ...wanted }]
  checkImports({ imports, canon } as unknown as Module, [given])
}

const I64 = { address64: true }
const SHARED = { shared: true }
const sub1 = canon[1]
const sub2 = canon[2]

const MATCH: [ImportDesc, Extern][] = [
  [wantFunc(0), func(canonicalFuncType(canonical(T.I32), []))],
  [wantFunc(1), func(sub1)],
  [wantFunc(1), func(sub2)],
  [wantMemory(1), memory(1)],
  [wantMemory(1), memory(2, 3)],
  [wantMemory(3), memory(1, undefined, {}, 2)],
  [wantMemory(1, 5), memory(1, 5)],
  [wantMemory(1, 5), memory(2, 4)],
  [wantMemory(1, 2, SHARED), memory(1, 2, SHARED)],
  [wantMemory(1, undefined, I64), memory(1, undefined, I64)],
  [wantMemory(7, 9, { pageSizeLog2: 0 }), memory(8, 9, { pageSizeLog2: 0 })],
  [wantTable(1), table(2)],
  [wantTable(5, 9), table(1, 9, undefined, undefined, 4)],
  [wantTable(1, undefined, RefType.AnyRef, true), table(1, 4, RefType.AnyRef, true)],
  [wantTable(0, undefined, refConcrete(1, true)), table(0, undefined, refConcrete(sub1, true))],
  [wantGlobal(T.I64, false), global(T.I64, false)],
  [wantGlobal(T.I64, true), global(T.I64, true)],
  [wantGlobal(RefType.FuncRef, false), global(refConcrete(sub1, false), false)],
  [wantGlobal(RefType.AnyRef, false), global(refAbstract(Heap.I31, false), false)],
  [wantGlobal(refConcrete(1, true), true), global(refConcrete(sub1, true), true)],
  [wantTag(0), tag(canonicalFuncType(canonical(T.I32), []))],
]

const MISMATCH: [ImportDesc, Extern, expected: string, given: string][] = [
  [wantFunc(0), func(canon[3]), 'func (param i32)', 'func (result i32)'],
  [wantFunc(2), func(sub1), 'func', 'func'],
  [wantFunc(0), memory(1), 'func (param i32)', 'memory 1'],
  [wantMemory(2), memory(1), 'memory 2', 'memory 1'],
  [wantMemory(1, 2), memory(1), 'memory 1 2', 'memory 1'],
  [wantMemory(1, 2), memory(1, 3), 'memory 1 2', 'memory 1 3'],
  [wantMemory(0, 1), memory(0, 2, {}, 2), 'memory 0 1', 'memory 2 2'],
  [wantMemory(1, 2, SHARED), memory(1, 2), 'memory 1 2 shared', 'memory 1 2'],
  [wantMemory(1, 2), memory(1, 2, SHARED), 'memory 1 2', 'memory 1 2 shared'],
  [wantMemory(1, undefined, I64), memory(1), 'memory i64 1', 'memory 1'],
  [wantMemory(1), memory(1, undefined, { pageSizeLog2: 0 }), 'memory 1', 'memory 1 (pagesize 1)'],
  [wantTable(3), table(2), 'table 3 funcref', 'table 2 funcref'],
  [wantTable(1), table(1, undefined, RefType.ExternRef), 'table 1 funcref', 'table 1 externref'],
  [wantTable(1), table(1, undefined, refAbstract(Heap.NoFunc, true)), 'table 1 funcref', 'table 1 nullfuncref'],
  [wantTable(1, undefined, RefType.FuncRef, true), table(1), 'table i64 1 funcref', 'table 1 funcref'],
  [wantGlobal(T.I32, false), global(T.I32, true), 'global i32', 'global (mut i32)'],
  [wantGlobal(T.I32, true), global(T.I32, false), 'global (mut i32)', 'global i32'],
  [wantGlobal(T.I32, false), global(T.F32, false), 'global i32', 'global f32'],
  [
    wantGlobal(RefType.FuncRef, true),
    global(RefType.NullFuncRef, true),
    'global (mut funcref)',
    'global (mut nullfuncref)',
  ],
  [
    wantGlobal(refAbstract(Heap.Func, false), false),
    global(RefType.FuncRef, false),
    'global (ref func)',
    'global funcref',
  ],
  [wantTag(0), tag(sub1), 'tag (param i32)', 'tag'],
  [wantTag(0), func(canon[0]), 'tag (param i32)', 'func (param i32)'],
]

test('what matches', () => {
  for (const [wanted, given] of MATCH) check(wanted, given)
})

test('what does not, and what the failure says', () => {
  for (const [wanted, given, expectedText, givenText] of MISMATCH) {
    assert.throws(() => check(wanted, given), (e) => {
      assert.ok(e instanceof LinkFailure)
      assert.deepEqual([e.importIndex, e.module, e.field, e.expected, e.given], [0, 'm', 'n', expectedText, givenText])
      assert.equal(e.message, `incompatible import type: \`m::n\`: expected ${expectedText}, found ${givenText}`)
      return true
    }) // prettier-ignore
  }
})

test('a missing import', () => {
  assert.throws(() => check(wantFunc(0), undefined), { name: 'LinkFailure', message: 'unknown import: `m::n`: expected func (param i32)' }) // prettier-ignore
})
