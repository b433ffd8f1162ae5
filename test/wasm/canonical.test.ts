import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  canonicalFuncType,
  canonicalizeGroup,
  canonicalTypeCount,
  heapTop,
  isSubtypeId,
  matches,
  REF_BOTTOM,
  supertypeOf,
  typeDef,
  typeText,
} from '../../src/wasm/canonical.ts'
import {
  type CanonType,
  Heap,
  refAbstract,
  refConcrete,
  RefType,
  type SubType,
  T,
  type ValType,
} from '../../src/wasm/types.ts'

const func = (params: ValType[], results: ValType[], more: Partial<SubType> = {}): SubType =>
  ({ kind: 'func', params, results, final: true, supertype: -1, ...more }) as SubType
const struct = (fields: ValType[], more: Partial<SubType> = {}): SubType =>
  ({
    kind: 'struct',
    fields: fields.map((type) => ({ type, mutable: false })),
    final: true,
    supertype: -1,
    ...more,
  }) as SubType
const array = (type: ValType, mutable = false): SubType => ({
  kind: 'array',
  field: { type, mutable },
  final: true,
  supertype: -1,
})
const open = (supertype = -1): Partial<SubType> => ({ final: false, supertype })
const ref = (index: number): ValType => refConcrete(index, true)

/** Canonical ids of a module's types, given as groups. */
function canonical(...groups: SubType[][]): number[] {
  const types = groups.flat()
  const canon = new Int32Array(types.length)
  let first = 0
  for (const group of groups) {
    canonicalizeGroup(types, first, group.length, canon)
    first += group.length
  }
  return [...canon]
}

test('equal types of different modules share an id and no memory', () => {
  const make = () => canonical([func([T.I32, T.I64], [T.F32])], [struct([T.I8, ref(0)])], [array(ref(1), true)])
  const a = make()
  const before = canonicalTypeCount()
  for (let i = 0; i < 1000; i++) assert.deepEqual(make(), a)
  assert.equal(canonicalTypeCount(), before)
  assert.equal(new Set(a).size, 3)
})

test('finality, supertypes, mutability, field types and the group are part of the identity', () => {
  const base = canonical([struct([], open())])[0]
  const ids = [
    base,
    canonical([struct([])])[0],
    canonical([struct([T.I32])])[0],
    canonical([struct([T.I8])])[0],
    canonical([array(T.I32)])[0],
    canonical([array(T.I32, true)])[0],
    canonical([func([T.I32], [])])[0],
    canonical([func([], [T.I32])])[0],
    canonical([struct([], open())], [struct([], open(0))])[1],
    canonical([struct([], open())], [struct([], { supertype: 0 })])[1],
    ...canonical([struct([]), struct([])]),
  ]
  assert.equal(new Set(ids).size, ids.length)
})

test('recursion counts by position in the group', () => {
  const loop = (at: number) => [struct([ref(at)])]
  const [, first] = canonical([func([], [])], loop(1))
  const [, , second] = canonical([func([], [])], [func([T.F64], [])], loop(2))
  assert.equal(first, second)
  // A pair that refers crosswise differs from one in which each refers to itself.
  const crosswise = canonical([struct([ref(1)]), struct([ref(0)])])
  const selfish = canonical([struct([ref(0)]), struct([ref(1)])])
  assert.notEqual(crosswise[0], selfish[0])
  assert.deepEqual(crosswise, canonical([struct([ref(1)]), struct([ref(0)])]))
  // The recursive type and one with the same structure that refers to it from outside differ.
  const [inner, outer] = canonical([struct([ref(0)])], [struct([ref(0)])])
  assert.notEqual(inner, outer)
})

test('definitions come back in canonical form', () => {
  const [f, s, a] = canonical([func([T.I32, ref(1)], [T.V128]), struct([ref(0), T.I16], open())], [array(ref(1), true)])
  const definition = typeDef(f)
  assert.deepEqual(definition, {
    kind: 'func',
    params: [T.I32, refConcrete(s, true)],
    results: [T.V128],
    final: true,
    supertype: -1,
  })
  assert.equal(typeDef(f), definition)
  assert.deepEqual(typeDef(a), {
    kind: 'array',
    field: { type: refConcrete(s, true), mutable: true },
    final: true,
    supertype: -1,
  })
  assert.equal(typeDef(s).final, false)
})

test('host function types are those of modules', () => {
  const [f] = canonical([func([T.I32, RefType.ExternRef], [T.I64])])
  assert.equal(
    canonicalFuncType([T.I32, RefType.ExternRef] as number[] as CanonType[], [T.I64 as number as CanonType]),
    f,
  )
})

test('displays: 63 levels deep, in one group and in many', () => {
  const chain = Array.from({ length: 64 }, (_, i) => struct([], open(i - 1)))
  for (const ids of [canonical(chain), canonical(...chain.map((t) => [t]))]) {
    for (let a = 0; a < 64; a++) {
      assert.equal(supertypeOf(ids[a]), a === 0 ? -1 : ids[a - 1])
      for (let b = 0; b < 64; b++) assert.equal(isSubtypeId(ids[a], ids[b]), a >= b)
    }
  }
})

test('siblings are unrelated', () => {
  const [root, left, right, leaf] = canonical(
    [struct([], open())],
    [struct([T.I32], open(0))],
    [struct([T.I64], open(0))],
    [struct([T.I32], open(1))],
  )
  assert(isSubtypeId(leaf, left) && isSubtypeId(leaf, root) && isSubtypeId(right, root))
  assert(!isSubtypeId(leaf, right) && !isSubtypeId(root, left) && !isSubtypeId(left, leaf))
})

test('value type matching over all hierarchies', () => {
  const [s, f, a] = canonical([struct([])], [func([], [])], [array(T.I8)])
  const concrete = { s, f, a }
  const heaps = {
    any: Heap.Any,
    eq: Heap.Eq,
    i31: Heap.I31,
    struct: Heap.Struct,
    array: Heap.Array,
    none: Heap.None,
    func: Heap.Func,
    nofunc: Heap.NoFunc,
    extern: Heap.Extern,
    noextern: Heap.NoExtern,
    exn: Heap.Exn,
    noexn: Heap.NoExn,
  }
  /** Each heap type with everything above it. */
  const above: Record<string, string> = {
    any: 'any',
    eq: 'eq any',
    i31: 'i31 eq any',
    struct: 'struct eq any',
    array: 'array eq any',
    none: 'none i31 struct array eq any s a',
    func: 'func',
    nofunc: 'nofunc func f',
    extern: 'extern',
    noextern: 'noextern extern',
    exn: 'exn',
    noexn: 'noexn exn',
    s: 's struct eq any',
    a: 'a array eq any',
    f: 'f func',
  }
  const type = (name: string, nullable: boolean): CanonType =>
    (name in concrete
      ? refConcrete(concrete[name as 's'], nullable)
      : refAbstract(heaps[name as 'any'], nullable)) as CanonType
  for (const [from, list] of Object.entries(above)) {
    for (const to of Object.keys(above)) {
      const expected = list.split(' ').includes(to)
      assert.equal(matches(type(from, false), type(to, false)), expected, `${from} <: ${to}`)
      assert.equal(matches(type(from, false), type(to, true)), expected)
      assert.equal(matches(type(from, true), type(to, true)), expected)
      assert.equal(matches(type(from, true), type(to, false)), false)
    }
    assert(matches(T.Bottom as number as CanonType, type(from, false)))
    assert(matches(REF_BOTTOM as CanonType, type(from, false)))
    assert(!matches(type(from, false), T.I32 as number as CanonType))
    assert(!matches(T.I32 as number as CanonType, type(from, true)))
  }
  assert(!matches(REF_BOTTOM as CanonType, T.I32 as number as CanonType))
  assert(!matches(T.I32 as number as CanonType, T.I64 as number as CanonType))
  assert.deepEqual(
    ['s', 'f', 'a', 'none', 'nofunc', 'noextern', 'noexn'].map((n) => heapTop(type(n, true))),
    [Heap.Any, Heap.Func, Heap.Any, Heap.Any, Heap.Func, Heap.Extern, Heap.Exn],
  )
})

test('texts', () => {
  const texts: [number, string][] = [
    [T.I32, 'i32'],
    [T.V128, 'v128'],
    [T.I16, 'i16'],
    [RefType.FuncRef, 'funcref'],
    [RefType.NullRef, 'nullref'],
    [RefType.NullExnRef, 'nullexnref'],
    [refAbstract(Heap.Any, false), '(ref any)'],
    [refConcrete(7, true), '(ref null 7)'],
    [refConcrete(7, false), '(ref 7)'],
    [REF_BOTTOM, '(ref bot)'],
  ]
  for (const [type, text] of texts) assert.equal(typeText(type), text)
  assert.equal(
    typeText(refConcrete(3, false), (i) => `$t${i}`),
    '(ref $t3)',
  )
})

test('many types: the hash table grows', () => {
  const make = () => {
    const ids = []
    for (let i = 0; i < 3000; i++)
      ids.push(canonical([struct(Array.from({ length: 12 }, (_, k) => ((i >> k) & 1 ? T.I32 : T.F64) as ValType))])[0])
    return ids
  }
  const ids = make()
  assert.equal(new Set(ids).size, 3000)
  assert.deepEqual(make(), ids)
})
