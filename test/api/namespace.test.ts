import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly, CompileError, WebAssembly } from '../../src/index.ts'
import { host, same, sameError, olderText, wat } from './oracle.ts'

/** Attributes of a property in words. */
function describe(object: object, key: PropertyKey): string {
  // Web IDL counts the two required arguments of Exception, V8 counts one.
  if (object === host.Exception && key === 'length') return '-c- 2'
  const d = Object.getOwnPropertyDescriptor(object, key)!
  const flags = `${d.enumerable ? 'e' : '-'}${d.configurable ? 'c' : '-'}`
  const fn = (f: Function | undefined): string =>
    f === undefined ? 'none' : `${f.name}/${f === host.Exception ? 2 : f.length}`
  if (d.get !== undefined || d.set !== undefined) return `${flags} get ${fn(d.get)} set ${fn(d.set)}`
  const value = typeof d.value === 'function' ? fn(d.value) : typeof d.value === 'object' ? 'object' : String(d.value)
  return `${flags}${d.writable ? 'w' : '-'} ${value}`
}

const INTERFACES = ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception', 'CompileError', 'LinkError', 'RuntimeError'] // prettier-ignore
/** V8's are sloppy functions. */
const IGNORED = new Set<PropertyKey>(['arguments', 'caller'])

test('properties of the namespace are those of the host', () => {
  const ours = createWebAssembly()
  const streaming = ['compileStreaming', 'instantiateStreaming']
  for (const key of Reflect.ownKeys(host)) {
    if (streaming.includes(String(key)) || ['Suspending', 'promising', 'SuspendError', 'JSTag'].includes(String(key)))
      continue
    assert.equal(describe(ours, key), describe(host, key), String(key))
  }
  assert.equal(Object.prototype.toString.call(ours), '[object WebAssembly]')
  assert.equal(Object.getPrototypeOf(ours), Object.prototype)
})

for (const name of INTERFACES)
  test(`properties of ${name} are those of the host`, () => {
    const ours = (WebAssembly as any)[name]
    const theirs = host[name]
    for (const [a, b] of [
      [ours, theirs],
      [ours.prototype, theirs.prototype],
    ]) {
      for (const key of Reflect.ownKeys(b))
        if (!IGNORED.has(key)) assert.equal(describe(a, key), describe(b, key), `${name} ${String(key)}`)
      const extra = Reflect.ownKeys(a).filter((key) => !Reflect.ownKeys(b).includes(key))
      // Specified, but not in every version of V8.
      assert.deepEqual(
        extra.filter((key) => !['stack', 'toFixedLengthBuffer', 'toResizableBuffer'].includes(String(key))),
        [],
        name,
      )
    }
    assert.equal(Object.getPrototypeOf(ours) === Error, Object.getPrototypeOf(theirs) === Error)
  })

test('namespaces are isolated: an object of one is none of another', () => {
  const other = createWebAssembly()
  assert.throws(() => new other.Instance(new WebAssembly.Module(wat('(module)')) as never), TypeError)
  assert.notEqual(other.Memory, WebAssembly.Memory)
  assert.equal(other.CompileError, CompileError)
})

same('errors are made without new', (W) => {
  const error = W.LinkError('text', { cause: 7 })
  return [error instanceof W.LinkError, error instanceof Error, error.name, error.message, error.cause, String(error)]
})
same('an error without a message', (W) => [
  Object.hasOwn(new W.RuntimeError(), 'message'),
  new W.RuntimeError().message,
])
same('a subclass of an error', (W) => {
  class Mine extends W.RuntimeError {}
  const error = new (Mine as any)('x')
  return [error instanceof Mine, error instanceof W.RuntimeError, error.stack.split('\n')[0]]
})
same('a subclass of an interface', (W) => {
  class Mine extends W.Memory {}
  const memory = new (Mine as any)({ initial: 1 })
  return [memory instanceof Mine, memory.buffer.byteLength, memory.grow(1)]
})
for (const name of INTERFACES.slice(0, 7)) sameError(`${name} needs new`, (W) => W[name]({}))

// Module
same('validate: a module', (W) => W.validate(wat('(module)')))
same('validate: bytes that are none', (W) => [W.validate(new Uint8Array([1, 2, 3])), W.validate(new Uint8Array())])
same('validate: an invalid module', (W) => W.validate(wat('(module (func (result i32)))')))
for (const value of [undefined, null, 1, 'x', {}, []]) {
  same(`validate(${String(value)})`, (W) => W.validate(value))
  same(`new Module(${String(value)})`, (W) => new W.Module(value))
}
same('buffer sources of all kinds', (W) => {
  const bytes = wat('(module (func (export "f")))')
  const padded = new Uint8Array(bytes.length + 8)
  padded.set(bytes, 8)
  const view = padded.subarray(8)
  return [bytes, bytes.slice().buffer, view, Buffer.from(bytes)].map(
    (source) => Object.keys(new W.Instance(new W.Module(source)).exports).length,
  )
})
test('a DataView is a buffer source', () => {
  const bytes = wat('(module (func (export "f")))')
  assert.equal(WebAssembly.validate(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)), true)
})
same('the bytes are copied', (W) => {
  const bytes = wat('(module (func (export "f")))')
  const module = new W.Module(bytes)
  bytes.fill(0)
  return W.Module.exports(module)
})
same('a detached buffer is empty', (W) => {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  return [W.validate(buffer), new W.Module(buffer)]
})
sameError('bytes that are no module', (W) => new W.Module(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])))
sameError('an invalid module', (W) => new W.Module(wat('(module (func (result i32)))')))

const FULL = `(module
  (import "a" "f" (func (param i32))) (import "a" "t" (table 1 funcref)) (import "b" "m" (memory 1)) (import "" "g" (global i32)) (import "b" "e" (tag))
  (func (export "x")) (table (export "t2") 1 funcref) (export "m" (memory 0)) (global (export "é") i32 (i32.const 1)) (tag (export "tag"))
  (@custom "one" "\\01\\02") (@custom "two" "") (@custom "one" "\\03"))`
same('Module.imports', (W) => W.Module.imports(new W.Module(wat(FULL))))
same('Module.exports', (W) => W.Module.exports(new W.Module(wat(FULL))))
same('Module.customSections', (W) => {
  const module = new W.Module(wat(FULL))
  return ['one', 'two', 'three', ''].map((name) =>
    W.Module.customSections(module, name).map((buffer: ArrayBuffer) => [
      buffer instanceof ArrayBuffer,
      ...new Uint8Array(buffer),
    ]),
  )
})
same(
  'Module.customSections converts the name',
  (W) => W.Module.customSections(new W.Module(wat('(module)')), { toString: () => 'q' }).length,
)
same('Module.customSections without a name', (W) => W.Module.customSections(new W.Module(wat('(module)'))))
for (const method of ['imports', 'exports', 'customSections'])
  same(`Module.${method} of no module`, (W) => W.Module[method]({}))

// Asynchronous operations
async function settled(promise: Promise<any>, show: (value: any) => unknown): Promise<unknown> {
  try {
    return show(await promise)
  } catch (error) {
    return [(error as Error).name, olderText((error as Error).message)]
  }
}
function sameAsync(name: string, body: (W: any) => Promise<unknown>): void {
  test(name, async () => assert.deepEqual(await body(createWebAssembly()), await body(host)))
}
sameAsync('compile', (W) => settled(W.compile(wat('(module)')), (m) => m instanceof W.Module))
sameAsync('compile of no buffer', (W) => settled(W.compile(1), String))
sameAsync('instantiate bytes', (W) =>
  settled(W.instantiate(wat('(module (func (export "f") (result i32) i32.const 5))')), (r) => [
    Object.keys(r),
    r.module instanceof W.Module,
    r.instance instanceof W.Instance,
    r.instance.exports.f(),
  ]),
)
sameAsync('instantiate a module', (W) =>
  settled(W.instantiate(new W.Module(wat('(module (func (export "f")))'))), (i) => [
    i instanceof W.Instance,
    Object.keys(i.exports),
  ]),
)
for (const source of [undefined, 1, {}])
  sameAsync(`instantiate(${String(source)})`, (W) => settled(W.instantiate(source), String))
for (const imports of [1, null, 'x'])
  sameAsync(`instantiate(…, ${String(imports)})`, (W) => settled(W.instantiate(wat('(module)'), imports), String))
const IMPORTS_F = '(module (import "m" "f" (func)))'
for (const imports of [undefined, {}, { m: 1 }, { m: {} }, { m: { f: 1 } }])
  sameAsync(`instantiate with imports ${JSON.stringify(imports)}`, (W) =>
    settled(W.instantiate(wat(IMPORTS_F), imports), String),
  )
sameAsync('instantiate copies the bytes at once', async (W) => {
  const bytes = wat('(module (func (export "f")))')
  const promise = W.instantiate(bytes)
  bytes.fill(0)
  return settled(promise, (r) => Object.keys(r.instance.exports))
})
sameAsync('a trap of the start function rejects', (W) =>
  settled(W.instantiate(wat('(module (func $f unreachable) (start $f))')), String),
)

test('CompileError names the call and the offset', async () => {
  const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99, 0])
  assert.throws(() => new WebAssembly.Module(bytes), {
    name: 'CompileError',
    message: /^WebAssembly\.Module\(\): .* @\+8$/,
  })
  await assert.rejects(WebAssembly.compile(bytes), { message: /^WebAssembly\.compile\(\): .* @\+8$/ })
  await assert.rejects(WebAssembly.instantiate(bytes), { message: /^WebAssembly\.instantiate\(\): .* @\+8$/ })
})

test('JSTag: one externref', () => {
  assert.equal(WebAssembly.JSTag, WebAssembly.JSTag)
  assert.ok(WebAssembly.JSTag instanceof WebAssembly.Tag)
  assert.equal(Object.getOwnPropertyDescriptor(WebAssembly, 'JSTag')!.set, undefined)
})
