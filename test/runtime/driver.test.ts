// The driver, with scripts for functions: calls, host calls, exceptions, traps, nesting.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enter, leave, stackTop } from '../../src/runtime/activation.ts'
import { call, MAX_NESTED, resume, start } from '../../src/runtime/driver.ts'
import { createException, WasmThrow } from '../../src/runtime/exception.ts'
import type { Instance } from '../../src/runtime/instance.ts'
import { instantiate } from '../../src/runtime/instantiate.ts'
import { CTX, Ctx, FRAME_WORDS, R, TrapCode } from '../../src/runtime/machine.ts'
import { SUSPEND, suspendedPcs, type SuspendedActivation } from '../../src/runtime/suspended.ts'
import { Store, type StoreOptions } from '../../src/runtime/store.ts'
import { markUncatchable, Trap } from '../../src/runtime/trap.ts'
import { canonicalFuncType } from '../../src/wasm/canonical.ts'
import { ExternKind } from '../../src/wasm/module.ts'
import { T, type CanonType } from '../../src/wasm/types.ts'
import { FakeInterpreter, type Script, type Step } from './fake-interpreter.ts'
import { moduleOf, name } from './helpers.ts'

// (type (func (param i32) (result i32))) (import "" "h" (func (type 0))) and three functions of that type
const module = moduleOf(
  [1, 1, 0x60, 1, 0x7f, 1, 0x7f],
  [2, 1, ...name(''), ...name('h'), 0, 0],
  [3, 3, 0, 0, 0],
  [10, 3, ...[1, 2, 3].flatMap(() => [4, 0, 0x20, 0, 0x0b])],
)
const I32_I32 = canonicalFuncType([T.I32 as number as CanonType], [T.I32 as number as CanonType])
const I32_TAG = canonicalFuncType([T.I32 as number as CanonType], [])

interface World {
  store: Store
  instance: Instance
  fake: FakeInterpreter
  invoke(index: number, argument: number): number
}

/** Instantiates the module with scripts for functions 1 to 3 and a host function at 0. */
function world(scripts: Script[], host: (argument: number) => number, options: StoreOptions = {}): World {
  const store = new Store(options)
  const fake = new FakeInterpreter((_, index) => scripts[index - 1])
  const fid = store.createHostFunc({
    store,
    typeId: I32_I32,
    name: 'h',
    call(base) {
      R[base << 1] = host(R[base << 1])
    },
  })
  const instance = instantiate(store, module, [{ kind: ExternKind.Func, fid }])
  const invoke = (index: number, argument: number): number => {
    const base = enter(store, instance.funcIds[index])
    try {
      R[base << 1] = argument
      call(instance.funcIds[index], base)
      return R[base << 1]
    } finally {
      leave(base)
    }
  }
  return { store, instance, fake, invoke }
}

/** Nothing may be left of a call, however it ended. */
function idle(): void {
  assert.equal(CTX[Ctx.Fsp], -FRAME_WORDS)
  assert.equal(CTX[Ctx.Top], 0)
  assert.equal(stackTop(), 0)
}

const add =
  (n: number): Step =>
  (fp) =>
    void (R[fp << 1] += n)
const callFunc =
  (index: number, at: number): Step =>
  (_, instance) => ({ call: instance.funcIds[index], at })
const pass: Step = (fp) => void (R[(fp + 1) << 1] = R[fp << 1])
const take: Step = (fp) => void (R[fp << 1] = R[(fp + 1) << 1])
const ret: Step = () => 'return'
const leaf: Script = { slots: 1, steps: [add(100), ret] }
/** Calls function `index` with its own argument, and returns what that returns plus 1. */
const calling = (index: number): Script => ({ slots: 2, steps: [pass, callFunc(index, 1), take, add(1), ret] })

test('functions are built at their first call, and return through frames', () => {
  const w = world([calling(2), calling(3), leaf], (x) => x)
  assert.equal(w.invoke(1, 5), 107)
  assert.equal(w.fake.builds, 3)
  assert.equal(w.invoke(1, 6), 108)
  assert.equal(w.invoke(3, 6), 106)
  assert.equal(w.fake.builds, 3)
  idle()
})

test('host functions: called from Wasm, by tail call, and directly', () => {
  const calls: number[] = []
  const host = (x: number) => (calls.push(x), x * 2)
  const w = world([calling(0), { slots: 1, steps: [(_, i) => ({ tail: i.funcIds[0] })] }, calling(2)], host)
  assert.equal(w.invoke(1, 21), 43)
  assert.equal(w.invoke(2, 4), 8)
  assert.equal(w.invoke(3, 5), 11)
  assert.equal(w.invoke(0, 50), 100)
  assert.deepEqual(calls, [21, 4, 5, 50])
  idle()
})

test('nested activations keep the frames below them', () => {
  const w: World = world([calling(0), leaf, leaf], (x) => (x === 0 ? 0 : x + w.invoke(1, x - 1)))
  // f(x) = h(x) + 1, h(x) = x + f(x - 1): sum of x..1, plus one for each f.
  assert.equal(w.invoke(1, 10), 55 + 11)
  idle()
})

test('arguments that are reserved survive calls made while others are converted', () => {
  const w = world([leaf, leaf, leaf], (x) => x)
  const base = enter(w.store, w.instance.funcIds[1])
  R[base << 1] = 1
  assert.equal(w.invoke(2, 7), 107)
  assert.equal(R[base << 1], 1)
  leave(base)
  idle()
})

test('nesting is bounded', () => {
  let depth = 0
  const w: World = world([calling(0), leaf, leaf], (x) => (depth++, w.invoke(1, x)))
  assert.throws(() => w.invoke(1, 0), (e) => e instanceof Trap && e.code === TrapCode.StackExhausted) // prettier-ignore
  assert.equal(depth, MAX_NESTED)
  idle()
  assert.equal(w.invoke(2, 1), 101)
})

test('a full stack of JavaScript becomes the trap, wherever it happens', () => {
  const w: World = world([calling(0), leaf, leaf], (x) => {
    const recurse = (n: number): number => recurse(n + 1) + 1
    return x > 0 ? w.invoke(1, x - 1) : recurse(0)
  })
  for (const depth of [0, 5]) {
    assert.throws(() => w.invoke(1, depth), (e) => e instanceof Trap && e.code === TrapCode.StackExhausted && e.cause instanceof RangeError) // prettier-ignore
    idle()
  }
  // The overflow somewhere in our own code: called from ever deeper in JavaScript's stack.
  let overflows = 0
  const deeper = (): void => {
    try {
      deeper()
    } catch (e) {
      if (!(e instanceof RangeError) && !(e instanceof Trap && e.code === TrapCode.StackExhausted)) throw e
    }
    try {
      assert.equal(w.invoke(2, 1), 101)
    } catch (e) {
      if (!(e instanceof RangeError) && !(e instanceof Trap && e.code === TrapCode.StackExhausted)) throw e
      overflows++
    }
  }
  deeper()
  assert.ok(overflows > 0)
  idle()
  assert.equal(w.invoke(2, 1), 101)
})

test('register stack: frames beyond the cap of the store trap, at calls and after building', () => {
  const w = world([calling(1), { slots: 5000, steps: [ret] }, leaf], (x) => x, { limits: { stackSlots: 4000 } })
  const exhausted = (e: unknown) => e instanceof Trap && e.code === TrapCode.StackExhausted
  assert.throws(() => w.invoke(1, 0), (e) => exhausted(e) && (e as Trap).frames.length === 64 && (e as Trap).omittedFrames > 3000) // prettier-ignore
  assert.throws(() => w.invoke(2, 0), exhausted)
  assert.throws(() => w.invoke(2, 0), exhausted)
  idle()
})

test('traps: code, and the frames of all activations innermost first', () => {
  const failing: Script = { slots: 1, steps: [add(1), () => ({ trap: TrapCode.DivideByZero })] }
  const w: World = world([calling(0), calling(3), failing], (x) => w.invoke(2, x))
  try {
    w.invoke(1, 0)
    assert.fail('no trap')
  } catch (e) {
    assert.ok(e instanceof Trap)
    assert.equal(e.code, TrapCode.DivideByZero)
    assert.equal(e.message, 'integer divide by zero')
    assert.deepEqual(e.frames.map((f) => [f.index, f.offset]), [[3, 3001], [2, 2001], [1, 1001]]) // prettier-ignore
    assert.equal(e.frames[0].module, module)
  }
  idle()
})

test('a store hands out its fuel in portions, and traps when a segment costs more than is left', () => {
  const takes: Step = () => ({ fuel: 12_000 })
  const w = world([{ slots: 1, steps: [takes, takes, add(1), () => 'return'] }, leaf, leaf], (x) => x, { fuel: 30_000 })
  assert.equal(w.invoke(1, 6), 7)
  assert.equal(w.store.control.fuel, 6_000)
  assert.throws(() => w.invoke(1, 0), (e) => e instanceof Trap && e.code === TrapCode.OutOfFuel) // prettier-ignore
  assert.equal(w.store.control.fuel, 6_000, 'what a segment cannot pay stays')
  idle()
  w.store.control.fuel = 24_000
  assert.equal(w.invoke(1, 1), 2)
  assert.equal(w.store.control.fuel, 0)
})

/** Throws an exception of tag `id` with its argument. */
function throwing(w: () => World, tag: () => { id: number; typeId: number }): Script {
  return { slots: 1, steps: [(fp) => ({ throws: createException(w().store, tag(), fp) })] }
}

test('exceptions: payload to the handler, across frames; other tags pass', () => {
  const tags: { id: number; typeId: number }[] = []
  const script = throwing(() => w, () => tags[0]) // prettier-ignore
  const catching: Script = { ...calling(2), slots: 3, handlers: [] }
  const w: World = world([catching, calling(3), script], (x) => x)
  tags.push(w.store.createTag(I32_TAG), w.store.createTag(I32_TAG))
  assert.throws(() => w.invoke(1, 9), (e) => e instanceof WasmThrow && w.store.heap.tagOf(e.word) === tags[0].id) // prettier-ignore
  catching.handlers = [
    { from: 1, to: 2, tag: tags[1].id, target: 0, dest: 1 },
    { from: 1, to: 2, tag: tags[0].id, target: 2, dest: 1, withRef: true },
  ]
  assert.equal(w.invoke(1, 41), 42, 'the payload is in slot 1')
  catching.handlers = [{ from: 1, to: 2, target: 2, dest: 1, withRef: true }]
  assert.equal(w.store.heap.tagOf(w.invoke(1, 1) - 1), tags[0].id, 'catch_all_ref gives the reference')
  catching.handlers = [{ from: 2, to: 4, target: 2, dest: 1 }]
  assert.throws(() => w.invoke(1, 9), WasmThrow, 'the call is outside')
  idle()
})

test('JavaScript exceptions pass through Wasm unchanged, or are caught by catch_all and the JS tag', () => {
  const error = new Error('from the host')
  let thrown: unknown = error
  const catching: Script = { ...calling(2), slots: 3 }
  const w = world([catching, calling(0), leaf], () => {
    throw thrown
  })
  for (const value of [error, undefined, 'text', null, { a: 1 }]) {
    thrown = value
    const caught: unknown[] = []
    try {
      w.invoke(1, 0)
    } catch (e) {
      caught.push(e)
    }
    assert.deepEqual(caught, [value])
    idle()
  }
  thrown = error
  catching.handlers = [{ from: 1, to: 2, tag: w.store.jsTag.id, target: 2, dest: 1 }]
  assert.equal(w.store.externValue(w.invoke(1, 0) - 1), error)
  // Caught as a reference and thrown again: the original value arrives in JavaScript.
  catching.handlers = [{ from: 1, to: 2, target: 5, dest: 1, withRef: true }]
  catching.steps = [...catching.steps, (fp) => ({ throws: R[(fp + 1) << 1] })]
  assert.throws(() => w.invoke(1, 0), (e) => e === error) // prettier-ignore
  // Traps, and what is marked, no handler sees.
  catching.handlers = [{ from: 1, to: 2, target: 2, dest: 1 }]
  thrown = markUncatchable(new Error('exit'))
  assert.throws(() => w.invoke(1, 0), (e) => e === thrown) // prettier-ignore
  thrown = new Trap(TrapCode.Unreachable)
  assert.throws(() => w.invoke(1, 0), (e) => e === thrown) // prettier-ignore
  idle()
})

test('a host function raises a Wasm exception', () => {
  const catching: Script = { ...calling(0), slots: 3 }
  const w: World = world([catching, leaf, leaf], () => {
    R[stackTop() << 1] = 77
    throw new WasmThrow(w.store, createException(w.store, tag, stackTop()))
  })
  const tag = w.store.createTag(I32_TAG)
  assert.throws(() => w.invoke(1, 0), WasmThrow)
  catching.handlers = [{ from: 1, to: 2, tag: tag.id, target: 2, dest: 1 }]
  assert.equal(w.invoke(1, 0), 78)
  idle()
})

test('host values that are made and forgotten do not pile up', () => {
  const w: World = world([calling(0), leaf, leaf], (x) => {
    for (let i = 0; i < 100; i++) w.store.externWord({ i })
    return w.store.externWord({ kept: x })
  })
  for (let i = 0; i < 1000; i++) {
    const word = w.invoke(1, i) - 1
    assert.deepEqual(w.store.externValue(word), { kept: i })
  }
  assert.ok(w.store.handles.count < 20_000, `${w.store.handles.count} handles`)
})

test('an activation stops in a host function and goes on elsewhere', () => {
  let suspending = true
  const w: World = world([calling(2), calling(0), leaf], (x) => {
    if (!suspending) return x
    throw SUSPEND
  })
  const begin = (argument: number): SuspendedActivation => {
    const base = enter(w.store, w.instance.funcIds[1])
    R[base << 1] = argument
    const suspended = start(w.instance.funcIds[1], base)
    assert.ok(suspended !== undefined)
    return suspended
  }
  const first = begin(10)
  const second = begin(20)
  idle()
  assert.equal([...suspendedPcs()].length, 8, 'three frames each, and where they go on')
  const finish = (suspended: SuspendedActivation, value: number): number => {
    const again = resume(suspended, (base) => void (R[base << 1] += value))
    assert.equal(again, undefined)
    return R[CTX[Ctx.Top] << 1]
  }
  // In the other order, and at another base: arguments of a call lie below.
  const below = enter(w.store, w.instance.funcIds[3])
  assert.equal(finish(second, 1000), 20 + 1000 + 2)
  leave(below)
  assert.equal(finish(first, 2000), 10 + 2000 + 2)
  idle()
  assert.throws(() => finish(first, 1), /BUG/)
  // Stopped again, then an exception.
  const third = begin(1)
  const fourth = resume(third, () => {
    throw SUSPEND
  })
  assert.ok(fourth !== undefined)
  const error = new Error('rejected')
  assert.throws(() => resume(fourth, () => { throw error }), (e) => e === error) // prettier-ignore
  idle()
  assert.throws(() => w.invoke(1, 1), /synchronous/)
  suspending = false
  assert.equal(w.invoke(1, 1), 3)
  idle()
})

test('a stopped activation holds its references', () => {
  const w: World = world([calling(0), leaf, leaf], () => {
    throw SUSPEND
  })
  const base = enter(w.store, w.instance.funcIds[1])
  R[base << 1] = w.store.externWord({ name: 'argument' })
  const suspended = start(w.instance.funcIds[1], base)!
  w.store.collect()
  assert.ok(w.store.rest())
  resume(suspended, (slot) => assert.deepEqual(w.store.externValue(R[slot << 1]), { name: 'argument' }))
  idle()
})
