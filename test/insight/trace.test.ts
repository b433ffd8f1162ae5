// Traces: every kind of event against what the specification says of the program, written down by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coredumpOf } from '../../src/api/coredump.ts'
import { TRACE_KINDS, type TraceEvent, type TraceKind, type TraceOptions } from '../../src/api/trace-events.ts'
import { formatTraceEvent } from '../../src/api/trace-text.ts'
import type { Imports } from '../../src/api/namespace-types.ts'
import type { ModuleInstance } from '../../src/api/module-instance.ts'
import { createWebAssembly } from '../../src/api/namespace.ts'
import { Vm, type VmOptions } from '../../src/api/vm.ts'
import { parseWat } from '../../src/text/parse.ts'

interface Traced {
  readonly vm: Vm
  readonly module: ModuleInstance
  readonly events: TraceEvent[]
  /** The events since the last call, as text without offsets. */
  lines(): string[]
}

function traced(
  source: string,
  kinds: readonly TraceKind[],
  imports: Imports = {},
  options: VmOptions & { functions?: TraceOptions['functions'] } = {},
): Traced {
  const { functions, ...rest } = options
  const events: TraceEvent[] = []
  let told = 0
  const sink = (event: TraceEvent): void => void events.push(event)
  const vm = new Vm({ ...rest, trace: { kinds, sink, ...(functions === undefined ? {} : { functions }) } })
  const module = vm.instantiate(vm.compile(parseWat(source).bytes), imports)
  const lines = (): string[] => {
    const text = events.slice(told).map((event) => formatTraceEvent(event).replace(/^(exec|mem ) 0x\w+ /, '$1 '))
    told = events.length
    return text
  }
  return { vm, module, events, lines }
}

/** Whatever the program does, with limits too. */
const METERED: readonly VmOptions[] = [{}, { fuel: 1_000_000 }]

for (const options of METERED) {
  const how = options.fuel === undefined ? '' : ', metered'

  test(`instructions with operands and results${how}`, () => {
    const source = `(module
      (func $f (param $n i32) (result i32) (local $i i32)
        (block $done
          (loop $more
            (br_if $done (i32.eqz (local.get $n)))
            (local.set $i (i32.add (local.get $i) (local.get $n)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $more)))
        nop
        (if (local.get $n) (then unreachable) (else (drop (i64.const -1))))
        (select (local.get $i) (i32.const 9) (i32.const 1)))
      (export "f" (func $f)))`
    const t = traced(source, ['exec'], {}, options)
    assert.equal(t.module.invoke('f', 1), 1)
    assert.deepEqual(t.lines(), [
      'exec f: block',
      'exec f: loop',
      'exec f: local.get 0 = 1',
      'exec f: i32.eqz [1] = 0',
      'exec f: br_if 1 [0]',
      'exec f: local.get 1 = 0',
      'exec f: local.get 0 = 1',
      'exec f: i32.add [0 1] = 1',
      'exec f: local.set 1 [1]',
      'exec f: local.get 0 = 1',
      'exec f: i32.const = 1',
      'exec f: i32.sub [1 1] = 0',
      'exec f: local.set 0 [0]',
      'exec f: br 0',
      'exec f: loop',
      'exec f: local.get 0 = 0',
      'exec f: i32.eqz [0] = 1',
      'exec f: br_if 1 [1]',
      'exec f: nop',
      'exec f: local.get 0 = 0',
      'exec f: if [0]',
      'exec f: i64.const = -1',
      'exec f: drop [-1]',
      'exec f: local.get 1 = 1',
      'exec f: i32.const = 9',
      'exec f: i32.const = 1',
      'exec f: select [1 9 1] = 1',
    ])
  })

  test(`calls: arguments, results, depth; a call's own results come behind it${how}`, () => {
    const source = `(module
      (func $pair (param i32 f64) (result f64 i32) local.get 1 local.get 0)
      (func (export "main") (result f64 i32) (call $pair (i32.const 7) (f64.const -0))))`
    const t = traced(source, ['call', 'exec'], {}, options)
    assert.deepEqual(t.module.invoke('main'), [-0, 7])
    assert.deepEqual(t.lines(), [
      'call > main()',
      'exec main: i32.const = 7',
      'exec main: f64.const = -0',
      'exec main: call 0 [7 -0]',
      'call   > pair(7, -0)',
      'exec pair: local.get 1 = -0',
      'exec pair: local.get 0 = 7',
      'call   < pair = -0 7',
      'exec main: call 0 = -0 7',
      'call < main = -0 7',
    ])
  })

  test(`tail calls end the caller${how}`, () => {
    const source = `(module
      (import "env" "end" (func $end (param i32)))
      (type $t (func (param i32)))
      (table 1 funcref) (elem (i32.const 0) $odd)
      (func $even (export "even") (param i32)
        (if (i32.eqz (local.get 0)) (then (return_call $end (local.get 0))))
        (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
      (func $odd (type $t)
        (return_call $even (i32.sub (local.get 0) (i32.const 1))))
      (func (export "main") (call $even (i32.const 2))))`
    const t = traced(source, ['call', 'host'], { env: { end: () => {} } }, options)
    t.module.invoke('main')
    assert.deepEqual(t.lines(), [
      'call > main()',
      'call   > even(2)',
      'call   ! even: tail call',
      'call   > odd(1)',
      'call   ! odd: tail call',
      'call   > even(0)',
      'call   ! even: tail call',
      'host   > env.end(0)',
      'host   < env.end',
      'call < main',
    ])
  })

  test(`exceptions: frames that are left, handlers that go on${how}`, () => {
    const source = `(module
      (tag $e (param i32))
      (func $deep (param i32) (throw $e (local.get 0)))
      (func $middle (param i32) (call $deep (local.get 0)))
      (func $main (export "main") (result i32)
        (block $h (result i32)
          (try_table (catch $e $h) (call $middle (i32.const 5)))
          (i32.const 0)))
      (func (export "out") (call $middle (i32.const 6))))`
    const t = traced(source, ['call', 'exec'], {}, options)
    assert.equal(t.module.invoke('main'), 5)
    assert.deepEqual(t.lines(), [
      'call > main()',
      'exec main: block',
      'exec main: try_table',
      'exec main: i32.const = 5',
      'exec main: call 1 [5]',
      'call   > middle(5)',
      'exec middle: local.get 0 = 5',
      'exec middle: call 0 [5]',
      'call     > deep(5)',
      'exec deep: local.get 0 = 5',
      'exec deep: throw 0 [5]',
      'call     ! deep: exception',
      'call   ! middle: exception',
      'call < main = 5',
    ])
    assert.throws(() => t.module.invoke('out'))
    assert.deepEqual(t.lines().slice(-3), [
      'call     ! deep: exception',
      'call   ! middle: exception',
      'call ! out: exception',
    ])
  })

  test(`traps: the instruction, and the frames they end${how}`, () => {
    const source = `(module
      (memory 1)
      (func $load (param i32) (result i32) (i32.load offset=1 (local.get 0)))
      (func (export "load") (param i32) (result i32) (call $load (local.get 0)))
      (func (export "never") unreachable)
      (func $endless (export "endless") (call $endless)))`
    const t = traced(source, ['call', 'exec', 'mem'], {}, { ...options, limits: { stack: 400 } })
    assert.equal(t.module.invoke('load', 8), 0)
    assert.equal(
      t.lines().filter((line) => line.startsWith('mem'))[0],
      'mem  load: i32.load offset=1: load 4 at 0x9 = 0',
    )
    assert.throws(() => t.module.invoke('load', 65532), /memory access out of bounds/)
    assert.deepEqual(t.lines().slice(-3), [
      'exec load: i32.load offset=1 [65532] ! out of bounds memory access',
      'call   ! load: out of bounds memory access',
      'call ! load: out of bounds memory access',
    ])
    assert.throws(() => t.module.invoke('never'))
    assert.deepEqual(t.lines().slice(1), [
      'exec never: unreachable ! wasm `unreachable` instruction executed',
      'call ! never: wasm `unreachable` instruction executed',
    ])
    assert.throws(() => t.module.invoke('endless'))
    const lines = t.lines()
    const entered = lines.filter((line) => line.startsWith('call') && line.includes('>')).length
    assert.ok(entered > 10)
    assert.equal(lines.filter((line) => line.includes('endless: call stack exhausted')).length, entered)
    assert.equal(lines.filter((line) => line.startsWith('exec') && line.includes('!')).length, 1)
    assert.match(
      lines.find((line) => line.startsWith('exec') && line.includes('!'))!,
      /call 3 ! call stack exhausted/,
    )
  })

  test(`imports: arguments, results, exceptions, calls back${how}`, () => {
    const source = `(module
      (import "env" "f" (func $f (param i32 i64 f32 f64 externref funcref) (result i32 f64)))
      (import "env" "boom" (func $boom))
      (import "env" "again" (func $again))
      (func $self (export "self"))
      (elem declare func $self $f)
      (func (export "main") (param externref)
        (call $f (i32.const 1) (i64.const -2) (f32.const 0.1) (f64.const inf) (local.get 0) (ref.func $self))
        drop drop)
      (func (export "boom")
        (block $h (try_table (catch_all $h) (call $boom))))
      (func (export "again") (call $again)))`
    const t: Traced = traced(
      source,
      ['host', 'call'],
      {
        env: {
          f: () => [3, NaN],
          boom: () => {
            throw new RangeError('no')
          },
          again: () => t.module.invoke('self'),
        },
      },
      options,
    )
    t.module.invoke('main', { any: 'object' })
    assert.deepEqual(t.lines(), [
      'call > main(extern)',
      'host   > env.f(1, -2, 0.1, inf, extern, func 3 of instance 0)',
      'host   < env.f = 3 nan',
      'call < main',
    ])
    t.module.invoke('boom')
    assert.deepEqual(t.lines(), [
      'call > boom()',
      'host   > env.boom()',
      'host   ! env.boom: RangeError: no',
      'call < boom',
    ])
    t.module.invoke('again')
    assert.deepEqual(t.lines(), [
      'call > again()',
      'host   > env.again()',
      'call     > self()',
      'call     < self',
      'host   < env.again',
      'call < again',
    ])
  })
}

test('memory: address, width and value of every kind of access', () => {
  const source = `(module
    (memory $a 1) (memory $b i64 1) (memory $s 1 1 shared)
    (data $d "abcdef")
    (func (export "main") (param $v v128) (result i32)
      (i32.store8 offset=3 (i32.const 5) (i32.const -1))
      (i64.store32 $b (i64.const 16) (i64.const -1))
      (f32.store (i32.const 20) (f32.const -0.5))
      (v128.store (i32.const 32) (local.get $v))
      (v128.store16_lane 2 (i32.const 64) (local.get $v))
      (drop (i64.load16_s (i32.const 64)))
      (drop (v128.load32_splat (i32.const 32)))
      (drop (i32.atomic.rmw.add $s (i32.const 8) (i32.const 3)))
      (drop (i32.atomic.rmw8.cmpxchg_u $s (i32.const 8) (i32.const 3) (i32.const 4)))
      (memory.init $d (i32.const 100) (i32.const 1) (i32.const 4))
      (memory.copy $b $a (i64.const 200) (i32.const 100) (i32.const 4))
      (memory.fill (i32.const 0) (i32.const 7) (i32.const 2))
      (drop (memory.atomic.notify $s (i32.const 0) (i32.const 1)))
      (i32.load8_u $b (i64.const 203))))`
  const t = traced(source, ['mem'])
  assert.equal(t.module.invoke('main', 0x0004_0003_0002_0001_0000_0000_8000_0001n), 'e'.charCodeAt(0))
  assert.deepEqual(t.lines(), [
    'mem  main: i32.store8 offset=3: store 1 at 0x8 = 255',
    'mem  main: i64.store32 1: store 4 at 0x10 of memory 1 = 4294967295',
    'mem  main: f32.store: store 4 at 0x14 = -0.5',
    'mem  main: v128.store: store 16 at 0x20 = i32x4 0x80000001 0x00000000 0x00020001 0x00040003',
    'mem  main: v128.store16_lane 2: store 2 at 0x40 = 0',
    'mem  main: i64.load16_s: load 2 at 0x40 = 0',
    'mem  main: v128.load32_splat: load 4 at 0x20 = i32x4 0x80000001 0x80000001 0x80000001 0x80000001',
    'mem  main: i32.atomic.rmw.add 2: rmw 4 at 0x8 of memory 2 = 0 with [3]',
    'mem  main: i32.atomic.rmw8.cmpxchg_u 2: rmw 1 at 0x8 of memory 2 = 3 with [3 4]',
    'mem  main: memory.init: store 4 at 0x64',
    'mem  main: memory.copy: load 4 at 0x64',
    'mem  main: memory.copy: store 4 at 0xc8 of memory 1',
    'mem  main: memory.fill 0: store 2 at 0x0',
    'mem  main: i32.load8_u 1: load 1 at 0xcb of memory 1 = 101',
  ])
})

test('values: v128, NaN payloads, references of every kind', () => {
  const source = `(module
    (type $s (struct (field i32))) (type $a (array i8))
    (func $f)
    (elem declare func $f)
    (tag $e)
    (func (export "main")
      (drop (i8x16.splat (i32.const 1)))
      (drop (f32.reinterpret_i32 (i32.const 0xffa00001)))
      (drop (f64.const nan)) (drop (f64.const -nan:0x1))
      (drop (ref.null any)) (drop (ref.i31 (i32.const -5))) (drop (ref.func $f))
      (drop (struct.new $s (i32.const 3))) (drop (array.new_default $a (i32.const 2)))
      (drop (struct.get $s 0 (struct.new $s (i32.const 4))))
      (drop (ref.test (ref null $s) (ref.null none)))
      (drop (block $h (result exnref) (try_table (catch_all_ref $h) (throw $e)) unreachable))))`
  const t = traced(source, ['exec'])
  t.module.invoke('main')
  const lines = t.lines().filter((line) => !line.includes('drop') && !line.includes('i32.const'))
  assert.deepEqual(
    lines.map((line) => line.slice('exec main: '.length)),
    [
      'i8x16.splat [1] = i32x4 0x01010101 0x01010101 0x01010101 0x01010101',
      'f32.reinterpret_i32 [-6291455] = -nan:0x200001',
      'f64.const = nan',
      'f64.const = -nan:0x1',
      'ref.null = null',
      'ref.i31 [-5] = i31 -5',
      'ref.func 0 = func 0',
      'struct.new 0 [3] = struct',
      'array.new_default 1 [2] = array',
      'struct.new 0 [4] = struct',
      'struct.get 0 0 [struct] = 4',
      'ref.null = null',
      'ref.test [null] = 1',
      'block',
      'try_table',
      'throw 0',
    ],
  )
  assert.equal(
    t.events.some((event) => event.kind === 'exec' && event.operands?.[0]?.value === 'exn'),
    true,
  )
})

test('only the functions that are asked for: by index, by name, by export', () => {
  const source = `(module
    (import "env" "log" (func $log))
    (func $a (call $log) (call $b))
    (func $b (call $log))
    (func $c (export "main") (call $a) (call $b)))`
  const events = (functions: (string | number)[], kinds: TraceKind[] = ['call', 'host']): string[] => {
    const t = traced(source, kinds, { env: { log: () => {} } }, { functions })
    t.module.invoke('main')
    return t.lines()
  }
  const b = ['call > b()', 'host   > env.log()', 'host   < env.log', 'call < b']
  assert.deepEqual(events(['b']), [...b, ...b])
  assert.deepEqual(events([2]), [...b, ...b])
  assert.deepEqual(events(['main']), ['call > c()', 'call < c'])
  assert.deepEqual(events(['b'], ['host']), [
    'host   > env.log()',
    'host   < env.log',
    'host   > env.log()',
    'host   < env.log',
  ])
  assert.deepEqual(events(['zzz']), [])
})

test('a host call of a traced function that tail calls', () => {
  const source = `(module
    (import "env" "log" (func $log))
    (func $a (return_call $b)) (func $b (call $log))
    (func $c (call $a) (call $log))
    (func (export "main") (call $c)))`
  const t = traced(source, ['call', 'host'], { env: { log: () => {} } }, { functions: ['a', 'c'] })
  t.module.invoke('main')
  // b, which a becomes, is not traced: that a has ended is told with the next event.
  assert.deepEqual(t.lines(), [
    'call > c()',
    'call   > a()',
    'call   ! a: tail call',
    'host   > env.log()',
    'host   < env.log',
    'call < c',
  ])
})

test('paused and resumed: by promises, by fuel, many at once', async () => {
  const source = `(module
    (import "env" "wait" (func $wait (param i32) (result i32)))
    (func $twice (export "twice") (param i32) (result i32)
      (i32.add (call $wait (local.get 0)) (call $wait (local.get 0)))))`
  const t = traced(
    source,
    ['call', 'host', 'exec'],
    { env: { wait: async (x: number) => x + 1 } },
    { functions: ['twice'] },
  )
  const results = await Promise.all([t.module.invokeAsync('twice', 1), t.module.invokeAsync('twice', 10)])
  assert.deepEqual(results, [4, 22])
  const lines = t.lines().filter((line) => !line.startsWith('exec twice: local.get'))
  assert.deepEqual(lines, [
    'call > twice(1)',
    'exec twice: call 0 [1]',
    'host   > env.wait(1)',
    'call . pause: host',
    'call > twice(10)',
    'exec twice: call 0 [10]',
    'host   > env.wait(10)',
    'call . pause: host',
    'call . resume',
    'host   < env.wait = 2',
    'exec twice: call 0 = 2',
    'exec twice: call 0 [1]',
    'host   > env.wait(1)',
    'call . pause: host',
    'call . resume',
    'host   < env.wait = 11',
    'exec twice: call 0 = 11',
    'exec twice: call 0 [10]',
    'host   > env.wait(10)',
    'call . pause: host',
    'call . resume',
    'host   < env.wait = 2',
    'exec twice: call 0 = 2',
    'exec twice: i32.add [2 2] = 4',
    'call < twice = 4',
    'call . resume',
    'host   < env.wait = 11',
    'exec twice: call 0 = 11',
    'exec twice: i32.add [11 11] = 22',
    'call < twice = 22',
  ])
})

test('paused for want of fuel, and gone on', () => {
  const source = `(module (func (export "f") (result i32) (local i32)
    (loop $l (br_if $l (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100)))) (local.get 0)))`
  const t = traced(source, ['call'], {}, { fuel: 1_000_000 })
  const call = t.module.prepareCall('f')
  assert.equal(call.run({ fuel: 50 }), 'paused')
  assert.equal(call.run(), 'done')
  assert.deepEqual(t.lines(), ['call > f()', 'call . pause: fuel', 'call . resume', 'call < f = 100'])
})

test('a bulk instruction that pauses tells its own access, whatever ran in between', () => {
  const source = `(module (memory 40)
    (func (export "f") (param $at i32) (memory.fill (local.get $at) (i32.const 1) (i32.const 0x100000))))`
  const t = traced(source, ['mem', 'exec'])
  const [first, second] = [t.module.prepareCall('f', 3), t.module.prepareCall('f', 5)]
  assert.equal(first.run({ yieldAfter: 0 }), 'paused')
  assert.equal(second.run({ yieldAfter: 0 }), 'paused')
  assert.equal(first.run(), 'done')
  assert.equal(second.run(), 'done')
  assert.deepEqual(
    t.lines().filter((line) => line.includes('fill')),
    [
      'exec f: memory.fill 0 [3 1 1048576]',
      'exec f: memory.fill 0 [5 1 1048576]',
      'mem  f: memory.fill 0: store 1048576 at 0x3',
      'mem  f: memory.fill 0: store 1048576 at 0x5',
    ],
  )
})

test('a coredump is the same with a trace', () => {
  const source = `(module (memory 1)
    (func $g (param i32 i64) (result i32) (local f64)
      (local.set 2 (f64.const 1.5))
      (i32.add (i32.const 3) (i32.load (i32.sub (local.get 0) (i32.const 1)))))
    (func (export "f") (result i32) (i32.mul (i32.const 9) (call $g (i32.const 0) (i64.const -7)))))`
  const dump = (options: VmOptions): Uint8Array => {
    const vm = new Vm({ coredump: true, ...options })
    try {
      vm.instantiate(vm.compile(parseWat(source).bytes)).invoke('f')
    } catch (error) {
      return coredumpOf(error)!
    }
    return assert.fail('it does not trap')
  }
  const expected = dump({})
  for (const options of METERED) {
    assert.deepEqual(dump({ ...options, trace: { kinds: TRACE_KINDS, sink: () => {} } }), expected)
    assert.deepEqual(dump({ ...options, profile: true, coverage: true }), expected)
  }
})

test('what machine code could run is interpreted, and told', () => {
  const events = (options: VmOptions): TraceEvent[] => {
    const t = traced(SORT, ['exec', 'call', 'mem'], {}, options)
    for (let i = 0; i < 3; i++) t.module.invoke('main', 10)
    return t.events
  }
  const expected = events({ engine: 'interp' })
  for (const engine of ['auto', 'jit'] as const) {
    assert.deepEqual(events({ engine }), expected)
    const vm = new Vm({ engine, profile: true, coverage: true })
    const module = vm.instantiate(vm.compile(parseWat(SORT).bytes))
    for (let i = 0; i < 3; i++) module.invoke('main', 10)
    const executed = expected.filter((event) => event.kind === 'exec')
    assert.equal(vm.profile().instructions, executed.length)
    const counted = vm.coverage()[0].functions.flatMap((f) => f.instructions.map(({ count }) => count))
    assert.equal(
      counted.reduce((sum, count) => sum + count, 0),
      executed.length,
    )
  }
})

const SORT = `(module (memory 1)
  (func $swap (param i32 i32) (local i32)
    (local.set 2 (i32.load (local.get 0)))
    (i32.store (local.get 0) (i32.load (local.get 1)))
    (i32.store (local.get 1) (local.get 2)))
  (func (export "main") (param $n i32) (result i32) (local $i i32) (local $j i32)
    (loop $fill
      (i32.store (i32.shl (local.get $i) (i32.const 2)) (i32.rem_u (i32.mul (local.get $i) (i32.const 7919)) (i32.const 101)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.set $i (i32.const 0))
    (loop $outer
      (local.set $j (i32.const 0))
      (loop $inner
        (if (i32.gt_u (i32.load (i32.shl (local.get $j) (i32.const 2))) (i32.load offset=4 (i32.shl (local.get $j) (i32.const 2))))
          (then (call $swap (i32.shl (local.get $j) (i32.const 2)) (i32.add (i32.const 4) (i32.shl (local.get $j) (i32.const 2))))))
        (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.sub (local.get $n) (i32.const 1)))))
      (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i32.load (i32.const 0))))`

test('the same run gives the same trace, byte by byte', () => {
  const run = (): string => {
    const t = traced(SORT, ['exec', 'call', 'mem', 'host'])
    t.module.invoke('main', 12)
    return t.events.map((event) => formatTraceEvent(event, 'json')).join('\n')
  }
  const first = run()
  // Other function and instance ids.
  traced(SORT, ['call']).module.invoke('main', 2)
  assert.equal(run(), first)
  assert.ok(first.split('\n').length > 3000)
})

test('fuel: the same count with a trace as without', () => {
  const used = (options: VmOptions): number => {
    const vm = new Vm({ fuel: 1_000_000, ...options })
    vm.instantiate(vm.compile(parseWat(SORT).bytes)).invoke('main', 20)
    return vm.fuel
  }
  const plain = used({})
  const kinds: TraceKind[] = ['exec', 'call', 'mem', 'host']
  for (const options of [{ trace: { kinds, sink: () => {} } }, { profile: true }, { coverage: true }] as VmOptions[])
    assert.equal(used(options), plain)
  // And it ends at the same place.
  const end = (options: VmOptions): string => {
    const vm = new Vm({ fuel: 777, ...options })
    const call = vm.instantiate(vm.compile(parseWat(SORT).bytes)).prepareCall('main', 20)
    call.run()
    return `${call.state} ${call.reason} ${call.lastFuel} ${vm.fuel}`
  }
  assert.equal(end({ trace: { kinds, sink: () => {} } }), end({}))
})

test('a deadline holds', () => {
  const t = traced('(module (func (export "f") (loop $l (br $l))))', ['call'], {}, { timeout: 30 })
  assert.throws(() => t.module.invoke('f'), { name: 'DeadlineExceededError' })
  assert.deepEqual(t.lines(), ['call > f()', 'call ! f: interrupt'])
})

test('what the sink throws ends the call; it must not call back', () => {
  const source = '(module (func (export "f") nop))'
  const boom = new Vm({
    trace: {
      kinds: ['exec'],
      sink: () => {
        throw new Error('enough')
      },
    },
  })
  const f = boom.instantiate(boom.compile(parseWat(source).bytes))
  assert.throws(() => f.invoke('f'), /enough/)
  assert.throws(() => f.invoke('f'), /enough/)
  const back = new Vm({ trace: { kinds: ['call'], sink: () => void module.invoke('f') } })
  const module: ModuleInstance = back.instantiate(back.compile(parseWat(source).bytes))
  assert.throws(() => module.invoke('f'), /the sink of a trace calls into the Vm that it watches/)
})

test('wrong options are refused', () => {
  const sink = (): void => {}
  const refused = (trace: unknown, message: RegExp): void =>
    assert.throws(() => new Vm({ trace } as VmOptions), { name: 'TypeError', message })
  refused(7, /option 'trace' must be an object/)
  refused({ sink }, /'trace.kinds' must be an array of exec, call, mem, host/)
  refused({ kinds: [], sink }, /'trace.kinds' must be/)
  refused({ kinds: ['wasi'], sink }, /not 'wasi'/)
  refused({ kinds: ['exec'] }, /'trace.sink' must be a function/)
  refused({ kinds: ['exec'], sink, functions: 'f' }, /'trace.functions' must be an array/)
  refused({ kinds: ['exec'], sink, functions: [-1] }, /not -1/)
  refused({ kinds: ['exec'], sink, filter: 1 }, /unknown option 'trace.filter'/)
  assert.throws(() => new Vm({ engine: 'host', trace: { kinds: ['exec'], sink } }), /the engine 'host' has no trace/)
  assert.throws(() => new Vm().profile(), /only in a Vm with the option profile/)
  assert.throws(() => new Vm({ profile: true }).coverage(), /only in a Vm with the option coverage/)
  assert.throws(() => createWebAssembly({ profile: true } as object), /unknown option 'profile'/)
})

test('a namespace can be traced as well', () => {
  const lines: string[] = []
  const { Module, Instance } = createWebAssembly({
    trace: { kinds: ['call'], sink: (event) => void lines.push(formatTraceEvent(event, 'json')) },
  })
  const bytes = parseWat(
    '(module $m (func $f (export "f") (param f64 i64) (result f64) (f64.neg (local.get 0))))',
  ).bytes
  const { f } = new Instance(new Module(bytes)).exports as { f: (x: number, y: bigint) => number }
  assert.equal(f(0, -1n), -0)
  assert.deepEqual(lines, [
    '{"kind":"call","event":"enter","function":{"instance":0,"moduleName":"m","functionIndex":0,"functionName":"f"},"depth":0,"values":[{"type":"f64","value":0},{"type":"i64","value":"-1"}]}',
    '{"kind":"call","event":"return","function":{"instance":0,"moduleName":"m","functionIndex":0,"functionName":"f"},"depth":0,"values":[{"type":"f64","value":"-0"}]}',
  ])
})
