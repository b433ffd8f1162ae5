// Address space, code pages, and what happens where something is refused.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { Assembler } from '../../src/isa/x64/assembler.ts'
import { Op } from '../../src/isa/x64/instructions.ts'
import { NO_REG, Reg, Size } from '../../src/isa/x64/registers.ts'
import { CodeArena } from '../../src/native/code-arena.ts'
import { type Ffi, Prot } from '../../src/native/ffi.ts'
import { CodeSpace, ExitCode, ProcessBlock, Signal } from '../../src/native/layout.ts'
import { loadFfi } from '../../src/native/load.ts'
import { NativeAgent } from '../../src/native/agent.ts'
import { closePlatform, openPlatform, openPlatformWith, type Platform } from '../../src/native/platform.ts'
import { openProcess } from '../../src/native/process-block.ts'
import { GUARDED_32, Reservation } from '../../src/native/reservation.ts'
import { type Case, emitLoad, install, nativeTests, open } from './harness.ts'

function reserve(platform: Platform, bytes = GUARDED_32): Reservation {
  const made = Reservation.create(platform, bytes)
  if ('reason' in made) assert.fail(made.reason)
  return made
}

/** Runs code with two arguments; the first result, or the address of the fault. */
function run(platform: Platform, code: number, a: number, b: number): { value: bigint } | { fault: number } {
  const { agent } = platform
  const { sp } = agent
  agent.ints64[0] = BigInt(a)
  agent.ints64[1] = BigInt(b)
  agent.start(code)
  const reason = agent.resume()
  agent.sp = sp
  if (reason === ExitCode.Done) return { value: agent.ints64[0] }
  assert.equal(reason, ExitCode.Trap)
  assert.equal(agent.fault().signal, Signal.Segv)
  return { fault: agent.fault().address }
}

/** Code of a function that returns a number. */
function constant(value: number, padding = 0): Uint8Array {
  const asm = new Assembler()
  asm.ri(Op.MovImm32, Size.D, Reg.Rdi, value)
  asm.op(Op.Ret)
  for (let i = 0; i < padding; i++) asm.op(Op.Int3)
  return asm.bytes.slice(0, asm.pos)
}

const mapped = (address: number): boolean =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .some((line) => {
      const [low, high] = (line.split(' ')[0] ?? '').split('-').map((word) => parseInt(word, 16))
      return address >= low && address < high
    })

/** An interface that refuses some calls. */
const refusing = (ffi: Ffi, refused: Partial<Ffi>): Ffi => ({ ...ffi, ...refused })

function real(name: Ffi['name']): Ffi {
  const ffi = loadFfi([name])
  return 'reason' in ffi ? assert.fail(ffi.reason) : ffi
}

/** A generator with a seed: a linear congruence (Numerical Recipes). */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const cases: Record<string, Case> = {
  'every index and offset of 32 bits is in the reservation: a value or a fault': (name) => {
    const platform = open(name)
    const memory = reserve(platform)
    assert.ok(memory.open(3 * 65536))
    new Int32Array(memory.view(3 * 65536)).fill(0x01020304)
    for (const disp of [0, 1, 65536, 0x7fffffff]) {
      // mov rdi, [rsi + rdi + disp] of 8 bytes
      const code = install(platform, (asm) => {
        asm.rm(Op.Mov, Size.Q, Reg.Rdi, Reg.Rsi, Reg.Rdi, 0, disp)
        asm.op(Op.Ret)
      })
      for (const index of [0, 1, 65535, 65536, 196599, 196600, 196601, 196608, 0x7fffffff, 0x80000000, 0xffffffff]) {
        const end = index + disp + 8
        const result = run(platform, code, index, memory.address)
        if (end <= 3 * 65536) assert.ok('value' in result, `${index} + ${disp}`)
        else {
          assert.ok('fault' in result, `${index} + ${disp}`)
          assert.ok(result.fault >= memory.address + 3 * 65536 && result.fault < memory.address + memory.bytes)
        }
      }
    }
  },

  'growing keeps the contents and the base; old views are detached or stay valid': (name) => {
    const platform = open(name)
    const memory = reserve(platform)
    assert.ok(memory.open(65536))
    const old = memory.view(65536)
    new Uint8Array(old).fill(7)
    assert.ok(memory.open(65536 * 10))
    const detached = memory.detach(old)
    assert.equal(detached, name === 'node:ffi')
    assert.equal(old.byteLength, detached ? 0 : 65536)
    const now = new Uint8Array(memory.view(65536 * 10))
    assert.deepEqual([now[0], now[65535], now[65536], now.length], [7, 7, 0, 655360])
    if (!detached) assert.equal(new Uint8Array(old)[3], 7)
    assert.equal(platform.ffi.addressOf(now.buffer), memory.address)
  },

  'pages go when memory and views are garbage, and not before': async (name) => {
    const platform = open(name)
    const memory = reserve(platform, 1 << 20)
    memory.open(65536)
    const holder: { words: Int32Array | undefined } = { words: new Int32Array(memory.view(65536)) }
    memory.release()
    for (let i = 0; i < 5; i++) await collect()
    holder.words![5] = 1
    assert.ok(!memory.released && mapped(memory.address))
    holder.words = undefined
    for (let i = 0; i < 200 && !memory.released; i++) await collect()
    assert.ok(memory.released && !mapped(memory.address))
  },

  'views that nobody detached are no trouble when the process ends': (name) => {
    const platform = open(name)
    const memory = reserve(platform)
    memory.open(65536)
    const views = Array.from({ length: 1000 }, () => memory.view(65536))
    memory.detach(views[0])
    memory.release()
  },

  'code is placed, linked, freed and placed again; neighbours are not touched': (name) => arenaAtRandom(name),
  'the same with pages that change their protection': (name) => arenaAtRandom(name, 'mprotect'),

  'threads that take and give back spans at the same time never share one': async (name) => {
    const platform = open(name)
    const work = (seed: number): Promise<void> =>
      new Promise((done, fail) => {
        const worker = new Worker(process.argv[1], { workerData: { name, seed } })
        worker.on('error', fail)
        worker.on('exit', (code) => (code === 0 ? done() : fail(new Error(`worker ended with ${code}`))))
      })
    await Promise.all([1, 2, 3].map(work))
    const spans = ProcessBlock.Spans >> 2
    const owners = new Set(platform.process.words.subarray(spans, spans + CodeSpace.Spans))
    owners.delete(platform.process.thread)
    assert.deepEqual([...owners].sort(), [-1, 0])
  },

  'two agents of a process take different spans; closing gives them back': (name) => {
    const platform = open(name)
    const { process, ffi } = platform
    const owned = (): number => {
      const first = ProcessBlock.Spans >> 2
      return process.words.subarray(first, first + CodeSpace.Spans).filter((word) => word !== 0).length
    }
    const before = owned()
    const arenas = Array.from({ length: 5 }, () => new CodeArena(ffi, process))
    const addresses = arenas.map((arena, i) => arena.install(constant(i))!.address)
    assert.equal(owned(), before + 5)
    addresses.forEach((address, i) => assert.deepEqual(run(platform, address, 0, 0), { value: BigInt(i) }))
    const large = arenas[0].install(new Uint8Array(10 * CodeSpace.SpanBytes + 1))!
    assert.equal(owned(), before + 5 + 11)
    assert.ok(arenas[0].reserved === 12 * CodeSpace.SpanBytes && large.bytes > 10 * CodeSpace.SpanBytes)
    for (const arena of arenas) arena.close()
    assert.equal(owned(), before)
  },

  'a full arena is an answer; what was released can be used again': (name) => {
    const platform = open(name)
    const { process } = platform
    const arena = new CodeArena(platform.ffi, process)
    assert.equal(arena.install(new Uint8Array(CodeSpace.Bytes)), undefined)
    // As if other agents had all spans but forty.
    const spans = process.words.subarray(ProcessBlock.Spans >> 2, (ProcessBlock.Spans >> 2) + CodeSpace.Spans)
    spans.fill(process.thread, 40 + spans.indexOf(0))
    const bytes = 8 * CodeSpace.SpanBytes
    const chunks = []
    for (let chunk; (chunk = arena.install(new Uint8Array(bytes))) !== undefined;) chunks.push(chunk)
    assert.equal(chunks.length, 5)
    arena.release(chunks[3])
    const again = arena.install(constant(5))!
    assert.equal(again.address, chunks[3].address)
    assert.deepEqual(run(platform, again.address, 0, 0), { value: 5n })
    assert.equal(arena.used, 4 * bytes + again.bytes)
  },

  'released code traps, at each of its bytes': (name) => {
    const platform = open(name)
    const { arena, agent } = platform
    const chunk = arena.install(constant(1))!
    arena.release(chunk)
    const { sp } = agent
    for (let at = chunk.address; at < chunk.address + chunk.bytes; at++) {
      agent.start(at)
      assert.equal(agent.resume(), ExitCode.Trap)
      agent.sp = sp
      const { signal, pc } = agent.fault()
      assert.deepEqual([signal, pc], [Signal.Ill, at])
    }
  },

  'code cannot be written where it is executed': (name) => {
    const platform = open(name)
    const store = install(platform, (asm) => {
      asm.mr(Op.Mov, Size.B, Reg.Rdi, NO_REG, 0, 0, Reg.Rsi)
      asm.op(Op.Ret)
    })
    assert.deepEqual(run(platform, store, store, 0x90), { fault: store })
    // And what can be written cannot be executed: a jump to the writable address is a fault outside of guest code; see its maps.
    for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n'))
      if (line.includes('zwasm-code')) assert.match(line, / (rw-s|r-xs) /)
  },

  'without an interface there is a reason': () => {
    const found = openPlatform({ ffi: [] })
    assert.ok('reason' in found && found.reason.startsWith('no foreign function interface'))
    if (!INTERFACE_OF_26) {
      const node = openPlatform({ ffi: ['node:ffi'] })
      assert.ok('reason' in node)
      assert.match(node.reason, /has no node:ffi$/)
    }
  },

  'another system or processor is a reason': () => {
    for (const [platform, arch] of [
      ['darwin', 'arm64'],
      ['linux', 'arm64'],
      ['win32', 'x64'],
    ]) {
      Object.defineProperty(process, 'platform', { value: platform })
      Object.defineProperty(process, 'arch', { value: arch })
      assert.deepEqual(openPlatform(), {
        reason: `native code is made for Linux on x86-64, this is ${platform} on ${arch}`,
      })
    }
  },

  'a process without the permission to load foreign functions is told so': (name) => {
    const found = openPlatform({ ffi: [name] })
    assert.ok('reason' in found)
    const why = name === 'koffi' ? /: koffi: .*loading addons is disabled/ : /: node:ffi: .*--allow-ffi/
    assert.match(found.reason, why)
  },

  'executable pages that are refused are a reason, and leave nothing mapped': (name) => {
    const ffi = real(name)
    const left = new Set<number>()
    const noExec = refusing(ffi, {
      mmap: (address, bytes, protection, ...rest) => {
        const found = (protection & Prot.Exec) !== 0 ? -1 : ffi.mmap(address, bytes, protection, ...rest)
        if (found >= 0) left.add(found)
        return found
      },
      munmap: (address, bytes) => {
        left.delete(address)
        return ffi.munmap(address, bytes)
      },
      mprotect: (address, bytes, protection) =>
        (protection & Prot.Exec) !== 0 ? -1 : ffi.mprotect(address, bytes, protection),
    })
    const found = openProcess(noExec)
    assert.ok('reason' in found)
    assert.equal(found.reason, 'mmap of executable pages was refused, and mprotect to executable pages was refused')
    assert.equal(left.size, 0)
    // Without a file in memory, pages that change their protection do.
    const process = openProcess(refusing(ffi, { memfdCreate: () => -1 }))
    assert.ok(!('reason' in process))
    assert.equal(process.writeDelta, 0)
    const agent = NativeAgent.create(ffi, process)
    assert.ok(!('reason' in agent))
    const chunk = new CodeArena(ffi, process).install(constant(77))!
    agent.start(chunk.address)
    assert.equal(agent.resume(), ExitCode.Done)
    assert.equal(agent.ints64[0], 77n)
  },

  'views that are refused, or copies, are a reason': (name) => {
    const ffi = real(name)
    const reasonOf = (view: Ffi['view']): string => {
      const found = openPlatformWith(refusing(ffi, { view }))
      return 'reason' in found ? found.reason : 'opened'
    }
    const refuse = (): never => {
      throw new Error('External buffers are not allowed')
    }
    assert.equal(reasonOf(refuse), `${name} refuses views of memory: External buffers are not allowed`)
    assert.equal(
      reasonOf((_, bytes) => new ArrayBuffer(bytes)),
      `${name} gives copies for views of memory`,
    )
    assert.equal(reasonOf(ffi.view), 'opened')
  },

  'each refusal of a stack is a reason': (name) => {
    const ffi = real(name)
    const process = openProcess(ffi)
    assert.ok(!('reason' in process))
    const reasonOf = (refused: Partial<Ffi>): string => {
      const agent = NativeAgent.create(refusing(ffi, refused), process)
      return 'reason' in agent ? agent.reason : 'created'
    }
    assert.equal(reasonOf({ mmap: () => -1 }), 'mmap of the guest stack was refused')
    assert.equal(reasonOf({ mprotect: () => -1 }), 'mprotect of the guest stack was refused')
    const small: Ffi['mmap'] = (address, bytes, ...rest) => (bytes < 1 << 20 ? -1 : ffi.mmap(address, bytes, ...rest))
    assert.equal(reasonOf({ mmap: small }), 'mmap of the signal stack was refused')
    const noNew: Ffi['sigaltstack'] = (stack, old) => (stack === 0 ? ffi.sigaltstack(stack, old) : -1)
    assert.equal(reasonOf({ sigaltstack: noNew }), 'sigaltstack was refused')
    assert.equal(reasonOf({}), 'created')
    // The thread has a signal stack now, which the next agent finds.
    assert.equal(reasonOf({ sigaltstack: noNew }), 'created')
  },

  'a reservation of 8 GiB that is refused is told; smaller ones work': (name) => {
    const platform = open(name)
    assert.equal(platform.noGuardedMemories, `a reservation of ${GUARDED_32} bytes of address space was refused`)
    const memory = reserve(platform, 1 << 20)
    assert.ok(memory.open(65536))
    const load = install(platform, (asm) => {
      emitLoad(asm, Reg.Rdi, Reg.Rdi)
      asm.op(Op.Ret)
    })
    new Int32Array(memory.view(65536))[0] = 9
    assert.deepEqual(run(platform, load, memory.address, 0), { value: 9n })
  },

  'guarded memories are there where nothing limits address space': (name) =>
    assert.equal(open(name).noGuardedMemories, undefined),
}

/** Collects garbage, and lets finalizers run. */
function collect(): Promise<void> {
  globalThis.gc!()
  return new Promise((done) => setTimeout(done, 5))
}

const [MAJOR] = process.versions.node.split('.').map(Number)
const INTERFACE_OF_26 = MAJOR >= 26

/** Installs and releases chunks at random; each returns its own number, which a relocation writes. */
function arenaAtRandom(name: Ffi['name'], pages?: 'mprotect'): void {
  const platform = open(name, pages === undefined ? {} : { pages })
  const arena = new CodeArena(platform.ffi, platform.process)
  const below = random(20)
  const live: { chunk: { address: number; bytes: number }; value: number }[] = []
  for (let round = 0; round < 600; round++) {
    if (live.length > 0 && below(5) < 2) {
      const [{ chunk }] = live.splice(below(live.length), 1)
      arena.release(chunk)
    } else {
      const code = constant(0, below(20) === 0 ? below(300_000) : below(2000))
      const chunk = arena.install(code, (bytes, address) => {
        assert.equal(address % 32, 0)
        new DataView(bytes.buffer).setInt32(1, round, true)
      })
      assert.ok(chunk !== undefined)
      live.push({ chunk, value: round })
    }
    const { chunk, value } = live[below(live.length)] ?? {}
    if (chunk !== undefined) assert.deepEqual(run(platform, chunk.address, 0, 0), { value: BigInt(value!) })
  }
  for (const { chunk, value } of live) assert.deepEqual(run(platform, chunk.address, 0, 0), { value: BigInt(value) })
  assert.equal(
    arena.used,
    live.reduce((sum, { chunk }) => sum + chunk.bytes, 0),
  )
  for (const { chunk } of live) arena.release(chunk)
  assert.equal(arena.used, 0)
  const { reserved } = arena
  // Everything has come together again: one chunk as large as the first free run needs no new span.
  assert.ok(arena.install(new Uint8Array(CodeSpace.SpanBytes)) !== undefined)
  assert.equal(arena.reserved, reserved)
}

/** A thread: arenas that come and go, with code of its own that must be there when it is called. */
function claimSpans(name: Ffi['name'], seed: number): void {
  const platform = open(name)
  const below = random(seed)
  for (let round = 0; round < 1500; round++) {
    const arena = new CodeArena(platform.ffi, platform.process)
    const chunks = Array.from({ length: 1 + below(2) }, (_, i) => ({
      chunk: arena.install(constant(seed * 1000 + i, below(10) === 0 ? CodeSpace.SpanBytes : 0))!,
      value: seed * 1000 + i,
    }))
    for (const { chunk, value } of chunks)
      assert.deepEqual(run(platform, chunk.address, 0, 0), { value: BigInt(value) })
    arena.close()
  }
  closePlatform(platform)
}

if (!isMainThread) claimSpans(workerData.name, workerData.seed)

nativeTests(cases, {
  'a process without the permission to load foreign functions is told so': {
    flags: [MAJOR > 22 ? '--permission' : '--experimental-permission', '--allow-fs-read=*'],
  },
  // Node itself needs some address space; 8 GiB more are not there.
  'a reservation of 8 GiB that is refused is told; smaller ones work': { addressSpace: 6_000_000, flags: [] },
})
