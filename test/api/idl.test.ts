// The interface definitions of the WebAssembly JavaScript Interface (spec 3.0) and the Web API, as a table: what Web IDL makes of each
// is checked on zwasm's namespace and on the host's. Where the host differs, the reason is listed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly } from '../../src/index.ts'
import { host, type Namespace, wat } from './oracle.ts'

interface Interface {
  /** Required arguments of the constructor. */
  readonly length: number
  /** Operations by name: number of required arguments. */
  readonly operations?: Readonly<Record<string, number>>
  readonly statics?: Readonly<Record<string, number>>
  readonly readonly?: readonly string[]
  readonly attributes?: readonly string[]
  /** Arguments that make an object of it. */
  readonly args: (W: Namespace) => readonly unknown[]
}

const INTERFACES: Readonly<Record<string, Interface>> = {
  Module: { length: 1, statics: { exports: 1, imports: 1, customSections: 2 }, args: () => [wat('(module)')] },
  Instance: { length: 1, readonly: ['exports'], args: (W) => [new W.Module(wat('(module)'))] },
  Memory: {
    length: 1,
    operations: { grow: 1, toFixedLengthBuffer: 0, toResizableBuffer: 0 },
    readonly: ['buffer'],
    args: () => [{ initial: 0, maximum: 1 }],
  },
  Table: {
    length: 1,
    operations: { grow: 1, get: 1, set: 1 },
    readonly: ['length'],
    args: () => [{ element: 'anyfunc', initial: 1 }],
  },
  Global: {
    length: 1,
    operations: { valueOf: 0 },
    attributes: ['value'],
    args: () => [{ value: 'i32', mutable: true }],
  },
  Tag: { length: 1, args: () => [{ parameters: [] }] },
  Exception: {
    length: 2,
    operations: { getArg: 2, is: 1 },
    readonly: ['stack'],
    args: (W) => [new W.Tag({ parameters: [] }), []],
  },
}
/** Operations of the namespace: required arguments. */
const OPERATIONS: Readonly<Record<string, number>> = {
  validate: 1,
  compile: 1,
  instantiate: 1,
  compileStreaming: 1,
  instantiateStreaming: 1,
}
const ERRORS = ['CompileError', 'LinkError', 'RuntimeError']

/** Where Node 26's V8 is not what Web IDL says, by the name of the row; that it is so is tested, too. */
const HOST_REASONS: Readonly<Record<string, string>> = {
  'Tag: a subclass, and new.target': 'V8 makes a Tag whatever the new target is',
  'Exception: a subclass, and new.target': 'V8 makes an Exception whatever the new target is',
  'Module: interface object': 'V8 14 lets Module inherit from AbstractModuleSource (source phase imports)',
  'Module: prototype object': 'V8 14 lets Module inherit from AbstractModuleSource (source phase imports)',
  '[EnforceRange] unsigned long: number -0.9': 'V8 refuses what would be truncated to -0',
  'JSTag: read-only attribute': 'V8 has a data property, which is not enumerable',
  'reads CompileOptions': 'V8 converts no object to the string of importedStringConstants',
  'reads TableDescriptor': 'V8 reads `element` before `address`',
}
/** Rows about what hosts before Node 26 have not, or had otherwise. */
const NEW_IN_26 =
  /JSTag|toFixedLengthBuffer|toResizableBuffer|TableDescriptor|MemoryDescriptor|CompileOptions|Exception: constructor|Exception.stack|ExceptionOptions/
const hostIsNew = Number(process.versions.node.split('.')[0]) >= 26

/** A test on both namespaces. */
function both(row: string, body: (W: Namespace) => void | Promise<void>): void {
  test(`zwasm: ${row}`, () => body(createWebAssembly()))
  const reason = HOST_REASONS[row]
  if (reason === undefined) {
    if (hostIsNew || !NEW_IN_26.test(row)) test(`host: ${row}`, () => body(host))
  } else if (hostIsNew) test(`host differs: ${row} (${reason})`, () => assert.throws(() => body(host)))
}

const descriptor = (object: object, key: PropertyKey): PropertyDescriptor =>
  Object.getOwnPropertyDescriptor(object, key) ?? assert.fail(`no property ${String(key)}`)
const flags = ({ writable, enumerable, configurable }: PropertyDescriptor): string =>
  `${writable ? 'w' : '-'}${enumerable ? 'e' : '-'}${configurable ? 'c' : '-'}`

/** Web IDL "regular operation": attributes, name, length, and that it constructs nothing. */
function checkOperation(target: object, name: string, length: number): void {
  const property = descriptor(target, name)
  assert.equal(flags(property), 'wec')
  const operation = property.value as Function
  assert.deepEqual([operation.name, operation.length], [name, length])
  assert.deepEqual([flags(descriptor(operation, 'name')), flags(descriptor(operation, 'length'))], ['--c', '--c'])
  assert.ok(!Object.hasOwn(operation, 'prototype'), 'prototype')
  assert.throws(() => Reflect.construct(operation, []), TypeError)
}

function checkAttribute(target: object, name: string, isReadonly: boolean): void {
  const { get, set, enumerable, configurable } = descriptor(target, name)
  assert.deepEqual([enumerable, configurable], [true, true])
  assert.deepEqual([get!.name, get!.length], [`get ${name}`, 0])
  if (isReadonly) assert.equal(set, undefined)
  else assert.deepEqual([set!.name, set!.length], [`set ${name}`, 1])
}

/** What is no object of an interface. */
const STRANGERS: readonly unknown[] = [undefined, null, 0, 'x', Symbol.iterator, {}, [], () => {}]

both('namespace object', (W) => {
  assert.equal(Object.getPrototypeOf(W), Object.prototype)
  assert.equal(W[Symbol.toStringTag], 'WebAssembly')
  assert.equal(flags(descriptor(W, Symbol.toStringTag)), '--c')
  assert.equal(typeof W, 'object')
})

const JSPI = ['Suspending', 'promising', 'SuspendError']
both('JSTag, JSPI and all else: names', (W) =>
  assert.deepEqual(
    Object.getOwnPropertyNames(W).sort(),
    [...Object.keys(OPERATIONS), ...Object.keys(INTERFACES), ...ERRORS, 'JSTag', ...JSPI].sort(),
  ),
)

for (const [name, length] of Object.entries(OPERATIONS)) {
  both(`${name}: operation`, (W) => checkOperation(W, name, length))
  both(`${name}: no receiver is needed`, async (W) => {
    const { [name]: operation } = W
    if (name.endsWith('Streaming')) await assert.rejects(operation(Promise.reject(new Error('mine'))), /^Error: mine$/)
    else assert.ok(await operation(wat('(module)')))
  })
  if (name !== 'validate')
    both(`${name}: every error is a rejection`, async (W) => {
      for (const value of STRANGERS) {
        const promise = W[name](value) as Promise<unknown>
        assert.ok(promise instanceof Promise)
        await assert.rejects(promise, TypeError)
      }
    })
}

both('JSTag: read-only attribute', (W) => {
  checkAttribute(W, 'JSTag', true)
  assert.ok(W.JSTag instanceof W.Tag)
  assert.equal(W.JSTag, W.JSTag)
})

for (const [name, { length, operations = {}, statics = {}, readonly = [], attributes = [], args }] of Object.entries(
  INTERFACES,
)) {
  const make = (W: Namespace): object => new W[name](...args(W))
  both(`${name}: interface object`, (W) => {
    assert.equal(flags(descriptor(W, name)), 'w-c')
    assert.equal(W[name].name, name)
    assert.equal(Object.getPrototypeOf(W[name]), Function.prototype)
    assert.equal(flags(descriptor(W[name], 'prototype')), '---')
  })
  both(`${name}: constructor`, (W) => {
    assert.equal(W[name].length, length)
    assert.throws(() => W[name](), TypeError)
    assert.throws(() => new W[name](), TypeError)
    for (const value of STRANGERS) assert.throws(() => new W[name](value), TypeError, String(value))
  })
  both(`${name}: prototype object`, (W) => {
    const { prototype } = W[name]
    assert.equal(Object.getPrototypeOf(prototype), Object.prototype)
    assert.equal(prototype[Symbol.toStringTag], `WebAssembly.${name}`)
    assert.equal(flags(descriptor(prototype, Symbol.toStringTag)), '--c')
    assert.equal(prototype.constructor, W[name])
    assert.equal(flags(descriptor(prototype, 'constructor')), 'w-c')
  })
  both(`${name}: objects`, (W) => {
    const object = make(W)
    assert.ok(object instanceof W[name])
    assert.equal(Object.getPrototypeOf(object), W[name].prototype)
    assert.equal(Object.prototype.toString.call(object), `[object WebAssembly.${name}]`)
    assert.ok(Object.isExtensible(object))
  })
  both(`${name}: a subclass, and new.target`, (W) => {
    class Derived extends W[name] {}
    const object = Reflect.construct(W[name], args(W), Derived) as object
    assert.ok(object instanceof Derived)
    for (const member of [...readonly, ...attributes]) assert.doesNotThrow(() => (object as any)[member])
  })
  for (const [member, required] of Object.entries(statics)) {
    both(`${name}.${member}: static operation`, (W) => checkOperation(W[name], member, required))
    both(`${name}.${member}: argument`, (W) => {
      assert.throws(() => W[name][member](), TypeError)
      for (const value of STRANGERS) assert.throws(() => W[name][member](value, ''), TypeError)
    })
  }
  for (const [member, required] of Object.entries(operations)) {
    both(`${name}.${member}: operation`, (W) => checkOperation(W[name].prototype, member, required))
    both(`${name}.${member}: receiver`, (W) => {
      for (const value of [...STRANGERS, W[name].prototype, Object.create(make(W))])
        assert.throws(() => W[name].prototype[member].call(value, 0, 0), TypeError)
    })
    if (required > 0)
      both(`${name}.${member}: required arguments`, (W) => {
        assert.throws(() => (make(W) as any)[member](), TypeError)
      })
  }
  for (const member of [...readonly, ...attributes]) {
    both(`${name}.${member}`, (W) => checkAttribute(W[name].prototype, member, readonly.includes(member)))
    both(`${name}.${member}: receiver`, (W) => {
      const { get, set } = descriptor(W[name].prototype, member)
      for (const value of [...STRANGERS, W[name].prototype, Object.create(make(W))]) {
        assert.throws(() => get!.call(value), TypeError)
        if (set !== undefined) assert.throws(() => set.call(value, 1), TypeError)
      }
    })
  }
}

for (const name of ERRORS)
  both(`${name}: a NativeError`, (W) => {
    assert.equal(flags(descriptor(W, name)), 'w-c')
    assert.equal(Object.getPrototypeOf(W[name]), Error)
    assert.deepEqual([W[name].name, W[name].length], [name, 1])
    const { prototype } = W[name]
    assert.equal(Object.getPrototypeOf(prototype), Error.prototype)
    for (const [key, value] of [
      ['name', name],
      ['message', ''],
      ['constructor', W[name]],
    ] as const) {
      // prettier-ignore
      assert.equal(prototype[key], value)
      assert.equal(flags(descriptor(prototype, key)), 'w-c')
    }
    const error = W[name]('text', { cause: 1 })
    assert.ok(error instanceof W[name] && error instanceof Error)
    assert.deepEqual([error.message, error.cause], ['text', 1])
    assert.deepEqual([flags(descriptor(error, 'message')), flags(descriptor(error, 'cause'))], ['w-c', 'w-c'])
    assert.ok(!Object.hasOwn(new W[name](undefined), 'message'))
    assert.throws(() => new W[name](Symbol.iterator), TypeError)
    assert.equal(Object.prototype.toString.call(error), '[object Error]')
  })

// Web IDL converts a dictionary's members in lexicographical order, each one wholly before the next is read.

/** A dictionary that notes when a member is read and when its value is converted. */
function recording(log: string[], members: Readonly<Record<string, unknown>>, known: readonly string[]): object {
  const object = {}
  for (const name of known)
    Object.defineProperty(object, name, {
      enumerable: true,
      get() {
        log.push(name)
        if (!Object.hasOwn(members, name)) return undefined
        const value = members[name]
        if (typeof value !== 'number' && typeof value !== 'string') return value
        return { [Symbol.toPrimitive]: () => (log.push(`${name}!`), value) }
      },
    })
  return object
}

interface Dictionary {
  readonly members: Readonly<Record<string, unknown>>
  readonly known: readonly string[]
  readonly use: (W: Namespace, dictionary: object) => unknown
  readonly order: readonly string[]
}
const DICTIONARIES: Readonly<Record<string, Dictionary>> = {
  MemoryDescriptor: {
    members: { initial: 1, maximum: 2, address: 'i32' },
    known: ['shared', 'maximum', 'initial', 'address'],
    use: (W, d) => new W.Memory(d),
    order: ['address', 'address!', 'initial', 'initial!', 'maximum', 'maximum!', 'shared'],
  },
  TableDescriptor: {
    members: { initial: 1, maximum: 2, address: 'i32', element: 'anyfunc' },
    known: ['maximum', 'initial', 'element', 'address'],
    use: (W, d) => new W.Table(d),
    order: ['address', 'address!', 'element', 'element!', 'initial', 'initial!', 'maximum', 'maximum!'],
  },
  GlobalDescriptor: {
    members: { value: 'i32' },
    known: ['value', 'mutable'],
    use: (W, d) => new W.Global(d, 1),
    order: ['mutable', 'value', 'value!'],
  },
  TagType: {
    members: { parameters: ['i32'] },
    known: ['results', 'parameters'],
    use: (W, d) => new W.Tag(d),
    order: ['parameters'],
  },
  ExceptionOptions: {
    members: {},
    known: ['traceStack'],
    use: (W, d) => new W.Exception(new W.Tag({ parameters: [] }), [], d),
    order: ['traceStack'],
  },
  CompileOptions: {
    members: { builtins: [], importedStringConstants: 'strings' },
    known: ['importedStringConstants', 'builtins'],
    use: (W, d) => new W.Module(wat('(module)'), d),
    order: ['builtins', 'importedStringConstants', 'importedStringConstants!'],
  },
}
for (const [name, { members, known, use, order }] of Object.entries(DICTIONARIES))
  both(`reads ${name}`, (W) => {
    const log: string[] = []
    use(W, recording(log, members, known))
    assert.deepEqual(log, order)
  })

// Every numeric conversion, at its borders.

const U32: readonly (readonly [value: unknown, result: number | 'TypeError'])[] = [
  [0, 0], [-0, 0], [1, 1], [1.9, 1], [-0.9, 0], ['1', 1], ['0x1', 1], [' 1 ', 1], ['', 0], [null, 0], [true, 1], [[], 0], [[1], 1],
  [-1, 'TypeError'], [-1.0001, 'TypeError'], [2 ** 32, 'TypeError'], [NaN, 'TypeError'], [Infinity, 'TypeError'],
  [-Infinity, 'TypeError'], ['x', 'TypeError'], [{}, 'TypeError'], [1n, 'TypeError'], [Symbol.iterator, 'TypeError'], [undefined, 'TypeError'],
] // prettier-ignore
for (const [value, result] of U32)
  both(
    `[EnforceRange] unsigned long: ${typeof value} ${String(Array.isArray(value) ? `[${String(value)}]` : value)}`,
    (W) => {
      const memory = new W.Memory({ initial: 1, maximum: 9 })
      const table = new W.Table({ element: 'externref', initial: 3 }, 'x')
      if (result === 'TypeError') {
        assert.throws(() => memory.grow(value), TypeError)
        assert.throws(() => table.get(value), TypeError)
        assert.throws(() => table.set(value, 1), TypeError)
        assert.throws(() => table.grow(value), TypeError)
        assert.throws(() => new W.Memory({ initial: value }), TypeError)
        if (value !== undefined) assert.throws(() => new W.Memory({ initial: 0, maximum: value }), TypeError)
        return
      }
      assert.equal(memory.grow(value), 1)
      assert.equal(memory.buffer.byteLength, (1 + result) * 65536)
      assert.equal(table.get(value), 'x')
      table.set(value, 'y')
      assert.equal(table.get(result), 'y')
      assert.equal(table.grow(value), 3)
      assert.equal(table.length, 3 + result)
      assert.equal(new W.Memory({ initial: value }).buffer.byteLength, result * 65536)
    },
  )
