// WebAssembly.Table.

import { createTable } from '../runtime/table.ts'
import type { TableInstance } from '../runtime/instance.ts'
import { type CanonType, Heap, isNullable, RefType } from '../wasm/types.ts'
import { heapTop } from '../wasm/canonical.ts'
import type { AddressValue, TableConstructor } from './namespace-types.ts'
import { Adopted, type Realm } from './realm.ts'
import { finishInterface, fromAddress, isObject, readAddressType, readLimits, toAddress, toText } from './web-idl.ts'

/** Elements a descriptor may ask for at once, and declare as its maximum (JS API, "Implementation-defined Limits"). */
const MAX_INITIAL = 10_000_000
const MAX_MAXIMUM_32 = 2 ** 32 - 1
const MAX_MAXIMUM_64 = 2 ** 64

export interface TableInterface {
  readonly Table: TableConstructor
  wrap(table: TableInstance): object
  unwrap(value: unknown): TableInstance | undefined
}

/** `TableKind`, and V8's further name. */
const ELEMENT_TYPES: Readonly<Record<string, RefType>> = { anyfunc: RefType.FuncRef, externref: RefType.ExternRef }

export function defineTable(realm: Realm): TableInterface {
  const wrappers = new WeakMap<TableInstance, Table>()
  let tableOf: (value: object) => TableInstance | undefined

  class Table {
    readonly #table: TableInstance

    constructor(descriptor: unknown, ...value: [unknown?]) {
      this.#table =
        descriptor instanceof Adopted ? (descriptor.value as TableInstance) : allocate(realm, descriptor, value)
      wrappers.set(this.#table, this)
    }

    get length(): AddressValue {
      const table = requireTable(this, 'length()')
      return fromAddress(table.size, table.type.address64)
    }

    grow(delta: unknown, ...value: [unknown?]): AddressValue {
      const table = requireTable(this, 'grow()')
      const { address64, element } = table.type
      const count = toAddress(delta, address64, 'WebAssembly.Table.grow(): Argument 0')
      const init = readElement(
        realm,
        element,
        present(value),
        (reason) => `WebAssembly.Table.grow(): Argument 1 is invalid: ${reason}`,
      )
      const before = table.grow(count, init)
      if (before < 0) throw new RangeError(`WebAssembly.Table.grow(): failed to grow table by ${count}`)
      return fromAddress(before, address64)
    }

    set(index: unknown, ...value: [unknown?]): void {
      const table = requireTable(this, 'set()')
      refuseExceptions(table, 'set')
      const at = requireIndex(table, index, 'set')
      const word = readElement(
        realm,
        table.type.element,
        value,
        (reason) => `WebAssembly.Table.set(): Argument 1 is invalid for table: ${reason}`,
      )
      table.words[at] = word
    }

    get(index: unknown): unknown {
      const table = requireTable(this, 'get()')
      refuseExceptions(table, 'get')
      return realm.references.fromWord(table.words[requireIndex(table, index, 'get')])
    }

    static {
      tableOf = (value) => (#table in value ? value.#table : undefined)
    }
  }

  const unwrap = (value: unknown): TableInstance | undefined => (isObject(value) ? tableOf(value) : undefined)

  function requireTable(value: unknown, member: string): TableInstance {
    const table = unwrap(value)
    if (table === undefined) throw new TypeError(`WebAssembly.Table.${member}: Receiver is not a WebAssembly.Table`)
    return table
  }

  finishInterface(Table, 'Table', ['length', 'grow', 'set', 'get'])
  return {
    Table: Table as unknown as TableConstructor,
    wrap: (table) => wrappers.get(table) ?? new Table(new Adopted(table)),
    unwrap,
  }
}

function refuseExceptions(table: TableInstance, method: string): void {
  if (heapTop(table.type.element) === Heap.Exn)
    throw new TypeError(`WebAssembly.Table.${method}(): exception references have no JavaScript value`)
}

function requireIndex(table: TableInstance, index: unknown, method: string): number {
  const what = `WebAssembly.Table.${method}()`
  const at = toAddress(index, table.type.address64, `${what}: Argument 0`)
  if (at < table.size) return at
  const kind = heapTop(table.type.element) === Heap.Func ? 'function' : 'reference'
  throw new RangeError(`${what}: invalid index ${at} into ${kind} table`)
}

/** An explicit undefined is no value here (Web IDL); for `set` it is one, as in V8. */
const present = (given: readonly unknown[]): readonly unknown[] => (given[0] === undefined ? [] : given)

/** The word for an optional value: the type's default without one. `message` wraps the reason of a refusal. */
function readElement(
  realm: Realm,
  type: CanonType,
  given: readonly unknown[],
  message: (reason: string) => string,
): number {
  const { references } = realm
  if (given.length === 0) {
    if ((type as number) === RefType.ExternRef) return references.toWord(undefined)
    if (!isNullable(type)) throw new TypeError(message('null is not allowed for a non-nullable reference type'))
    return 0
  }
  const reason = references.mismatch(type, given[0])
  if (reason !== undefined) throw new TypeError(message(reason))
  return references.toWord(given[0])
}

function allocate(realm: Realm, descriptor: unknown, given: readonly unknown[]): TableInstance {
  const what = 'WebAssembly.Table()'
  if (!isObject(descriptor)) throw new TypeError(`${what}: Argument 0 must be a table descriptor`)
  const address64 = readAddressType(descriptor, what)
  const kind = toText((descriptor as { element?: unknown }).element)
  if (!Object.hasOwn(ELEMENT_TYPES, kind))
    throw new TypeError(`${what}: Descriptor property 'element' must be a WebAssembly reference type`)
  const element = ELEMENT_TYPES[kind] as CanonType & RefType
  const { initial, maximum } = readLimits(
    descriptor,
    address64,
    MAX_INITIAL,
    address64 ? MAX_MAXIMUM_64 : MAX_MAXIMUM_32,
    what,
    realm.typeReflection,
  )
  const init = readElement(
    realm,
    element,
    present(given),
    (reason) =>
      `${what}: Argument 2 must be undefined or a value of type compatible with the type of the new table: ${reason}.`,
  )
  try {
    return createTable(realm.store, { element, min: initial, max: maximum, address64 }, init)
  } catch (error) {
    throw new RangeError(`${what}: could not allocate table`, { cause: error })
  }
}
